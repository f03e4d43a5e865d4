"""The settings of a portfolio verified by simulation: right ones pass, a wrong one is found."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from simlevel.model.distribution import Constant, Discrete
from simlevel.model.lead_time import LeadTime
from simlevel.studies.portfolio.settle import Item, Shelf
from simlevel.studies.portfolio.steps import Stepped
from simlevel.studies.portfolio.verification import Case, sample_size, verified
from simlevel.theory.lattice import Law

ITEMS = 24


def item(number):
    """Poisson or negative binomial, in every period or in some, at any lead time and policy."""
    mean = np.exp(-1 + 3 * number / ITEMS)
    law = [stats.poisson(mean), stats.nbinom(mean / 2, 1 / 3)][number % 2]
    asks = [1, 0.3][number // 2 % 2]
    mass = asks * law.pmf(np.arange(400))
    mass[0] += 1 - asks
    lead_time = [1.0, 2.0, 2.4][number % 3]
    return Item(
        demand=Stepped(Fraction(1), Law(0, mass).trimmed(), Fraction(1)),
        lead_time=LeadTime(distribution=Constant(value=lead_time)),
        target=[("fill_rate", 0.95), ("cycle_service_level", 0.9)][number // 4 % 2],
        kind=["sS", "rQ", "base_stock"][number // 3 % 3],
        held_quantity=float(3 + number),
    )


def later(item):
    """The same, a period later."""
    longer = Constant(value=item.lead_time.mean() + 1)
    return dataclasses.replace(item, lead_time=LeadTime(distribution=longer))


def taking(values):
    """Each of *values* as often as the others."""
    shares = [1 / len(values)] * len(values)
    return LeadTime(distribution=Discrete(values=values, probabilities=shares))


def refuted(items, settings):
    cases = [Case(number, f"i{number}", *pair)
             for number, pair in enumerate(zip(items, settings, strict=True))]  # fmt: skip
    tests = verified(cases, len(cases), seed=1)
    return {test.item for test in tests if not test.agrees}, tests


def test_right_promises_agree_with_narrow_intervals():
    """Fails by chance once in a thousand times at most: that is the error rate of all tests."""
    items = [item(number) for number in range(ITEMS)]
    wrong, tests = refuted(items, [Shelf(each, 0).cheapest() for each in items])
    assert not wrong
    shares = [test.high - test.low for test in tests if test.measure == "fill_rate"]
    stocks = [
        (test.high - test.low) / test.promised for test in tests if test.measure == "mean_on_hand"
    ]
    assert np.median(shares) < 0.02
    assert np.median(stocks) < 0.02


def test_settings_worked_out_for_a_shorter_lead_time_are_found_among_right_ones():
    """A right one beside them is refuted, or theirs passes, less than once in a thousand times."""
    items = [item(number) for number in range(ITEMS)]
    planted = {3, 10}
    settings = [Shelf(each, 0).cheapest() for each in items]
    for number in planted:
        items[number] = later(items[number])
    assert refuted(items, settings)[0] == {f"i{number}" for number in planted}


def test_stock_by_the_textbook_is_found_among_right_ones():
    """Half of Q above what is left of the reorder point: nothing of undershoot or of what is owed.

    Wrong less than once in a thousand times, as above.
    """
    items = [item(number) for number in range(ITEMS)]
    settings = [Shelf(each, 0).cheapest() for each in items]
    planted = [number for number, each in enumerate(items) if each.kind == "rQ"][:2]
    for number in planted:
        policy, each = settings[number].policy, items[number]
        left = policy.reorder_point - each.demand.mean * each.lead_time.mean()
        slip = {"mean_on_hand": left + policy.order_quantity / 2}
        settings[number] = dataclasses.replace(
            settings[number], measures={**settings[number].measures, **slip}
        )
    tests = refuted(items, settings)[1]
    found = {(test.item, test.measure) for test in tests if not test.agrees}
    assert found == {(f"i{number}", "mean_on_hand") for number in planted}


@pytest.mark.parametrize("more", [0, 1])
def test_promises_of_orders_that_take_one_period_or_two_are_tested_too(more):
    """Right ones agree, those for one less are refuted; wrong once in a thousand times at most."""
    items, lead_times = [item(number) for number in range(3, 6)], [1, 2]
    random = [dataclasses.replace(each, lead_time=taking(lead_times)) for each in items]
    assert {Shelf(each, 0).how for each in random} == {"exact"}
    settings = [Shelf(each, 0).cheapest() for each in random]
    tested = [dataclasses.replace(each, lead_time=taking([k + more for k in lead_times]))
              for each in items]  # fmt: skip
    assert len(refuted(tested, settings)[0]) == (3 if more else 0)


@pytest.mark.parametrize("wrong_share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("error_rate", [0.05, 0.001])
def test_the_sample_is_the_least_that_holds_a_wrong_one_as_surely_as_asked(wrong_share, error_rate):
    n = sample_size(wrong_share, error_rate)
    assert stats.binom.pmf(0, n, wrong_share) <= error_rate < stats.binom.pmf(0, n - 1, wrong_share)
    assert stats.hypergeom.pmf(0, 20_000, wrong_share * 20_000, n) <= error_rate
