"""Settings of single items: what round steps cost, what orders are held to, what is simulated."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest

import simlevel as sl
from simlevel.fitting.demand import fit
from simlevel.model.demand import PeriodicDemand
from simlevel.model.distribution import Gamma
from simlevel.model.fields import exact
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.studies.portfolio import steps
from simlevel.studies.portfolio.settle import Item, Shelf
from simlevel.studies.portfolio.simulated import CUSTOMERS
from simlevel.studies.portfolio.steps import Stepped, stepped
from simlevel.theory import position
from simlevel.theory.lattice import Law, mix, point
from simlevel.theory.laws import never_nothing, rounded

LEAD_TIME = LeadTime(distribution=2.5)
COSTS = {"order_cost": 1.0, "holding_cost": 0.02}


def record(kind: str, periods: int = 157) -> np.ndarray:
    """One item's history, of which a law of that kind is fitted."""
    rng = np.random.default_rng(len(kind))
    if kind == "grams":
        return np.round(rng.gamma(9, 30, periods), 3)
    if kind == "seldom":
        return np.where(rng.random(periods) < 0.3, np.round(rng.gamma(3, 200, periods), 2), 0)
    if kind == "skewed":
        return np.where(rng.random(periods) < 0.3, np.round(rng.lognormal(4, 1, periods), 2), 0)
    if kind == "thousands":
        return rng.negative_binomial(2, 0.0005, periods)
    if kind == "heavy":
        seen = [0.015, 0.11, 0.135, 0.32, 0.48, 0.9, 1.1, 1.3, 2, 60]
        return np.append(seen, np.zeros(periods - len(seen)))
    if kind == "repeated":
        return rng.choice([0, 0.37, 123.4567, 888.8], periods, p=[0.5, 0.2, 0.2, 0.1])
    return rng.poisson(3, periods)  # few


KINDS = ("grams", "seldom", "skewed", "thousands", "repeated", "few")


def item(kind: str, finer: float = 1, **more) -> Item:
    demand = stepped(fit(record(kind)[None]), 0, finer=finer)
    return Item(demand, LEAD_TIME, ("fill_rate", 0.95), **COSTS | more)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_keep_the_mean_and_next_to_the_spread_of_the_model(kind):
    fitted = fit(record(kind)[None])
    found, (mean, variance) = stepped(fitted, 0), (each[0] for each in fitted.moments())
    step = float(found.step)
    assert found.law.total() == pytest.approx(1, abs=1e-12)
    assert found.mean == pytest.approx(mean, rel=2 * steps.BEYOND)
    # What is shared between two steps adds at most a quarter of a step squared; less is cut off.
    assert -0.02 * variance <= found.sd**2 - variance <= 0.251 * step**2
    if kind == "few":
        assert step == 1
    elif kind == "repeated":  # each quantity is on a step, or takes too many
        assert 30 < math.sqrt(variance) / step < 80 * steps.FINEST
    else:
        assert 30 < math.sqrt(variance) / step < 80


@pytest.mark.parametrize("kind", KINDS)
def test_round_steps_move_settings_by_no_more_than_is_said(kind):
    coarse, fine = item(kind), item(kind, finer=8)
    found = Shelf(coarse, 0).cheapest()
    again = Shelf(dataclasses.replace(fine, present=found.policy), 0).present()
    assert abs(found.measures["fill_rate"] - again.measures["fill_rate"]) < 5e-4
    held = dataclasses.replace(fine, held_quantity=float(found.policy.batch))
    other = Shelf(held, 0).cheapest().policy.trigger
    assert abs(float(found.policy.trigger) - float(other)) <= float(coarse.demand.step)


def test_steps_that_are_too_wide_are_told_from_fine_ones():
    fine = item("grams", finer=8)
    found = Shelf(item("grams", finer=0.02), 0).cheapest()
    again = Shelf(dataclasses.replace(fine, present=found.policy), 0).present()
    assert abs(found.measures["fill_rate"] - again.measures["fill_rate"]) > 5e-4


@pytest.mark.parametrize("kind", ["sS", "rQ"])
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("least", "multiple"), [(333.3, None), (500, 0.7), (7.5, 2.5), (None, 96)])
def test_orders_are_never_below_the_least_and_in_whole_multiples(name, kind, least, multiple):
    must = None if multiple is None else exact(multiple)
    demand = stepped(fit(record(name)[None]), 0, must)
    given = Item(demand, LEAD_TIME, ("fill_rate", 0.9), kind, minimum_order=least,
                 order_multiple=multiple, order_cost=0.01, holding_cost=5.0)  # fmt: skip
    policy = Shelf(given, 0).cheapest().policy
    ordered = exact(policy.batch)
    assert ordered >= exact(least or 0)
    if kind == "sS":
        assert (policy.minimum_order, policy.order_multiple) == (least, multiple)
    else:
        assert must is None or (ordered / must).denominator == 1


@pytest.mark.parametrize("kind", ["sS", "rQ"])
def test_beside_orders_for_a_lifetime_wide_steps_are_as_good(kind):
    """10,000 years of demand: a reorder point and stock to a part in 20,000 of an order."""
    least = 30_000.0
    fitted = fit(record("few")[None])
    wide, fine = (stepped(fitted, 0, finer=finer, ordered=least) for finer in (1, 8))
    assert fine.step == 1 < wide.step
    given = Item(wide, LEAD_TIME, ("fill_rate", 0.95), kind, minimum_order=least, **COSTS)
    found = Shelf(given, 0).cheapest()
    again = Shelf(dataclasses.replace(given, demand=fine, present=found.policy), 0).present()
    assert found.measures["fill_rate"] == pytest.approx(again.measures["fill_rate"], abs=2e-4)
    stock = again.measures["mean_on_hand"]
    assert found.measures["mean_on_hand"] == pytest.approx(stock, rel=2e-4)


@pytest.mark.parametrize("name", KINDS)
def test_an_order_quantity_that_is_held_stays_as_it_is(name):
    held = 137.0
    demand = stepped(fit(record(name)[None]), 0, exact(held))
    given = Item(demand, LEAD_TIME, ("fill_rate", 0.9), "rQ", held_quantity=held)
    assert float(Shelf(given, 0).cheapest().policy.batch) == pytest.approx(held, rel=1e-12)


@pytest.mark.parametrize("kind", ["sS", "rQ", "base_stock"])
@pytest.mark.parametrize(
    "policy",
    [SS(reorder_point=811.3, order_up_to=1207.9), RQ(reorder_point=795.77, order_quantity=311.1),
     BaseStock(order_up_to=1002.2)],
    ids=["sS", "rQ", "base_stock"],
)  # fmt: skip
def test_settings_in_use_between_two_steps_are_worth_what_they_are_on_finer_ones(policy, kind):
    """Whatever the kind of those that are proposed."""
    found, again = (
        Shelf(dataclasses.replace(item("grams", finer=finer), kind=kind, present=policy), 0)
        .present()
        .measures
        for finer in (1, 8)
    )
    for name in ("fill_rate", "cycle_service_level"):
        assert found[name] == pytest.approx(again[name], abs=1e-3)
    assert found["mean_on_hand"] == pytest.approx(again["mean_on_hand"], rel=2e-3)


def simulated(demand, policy, seed: int):
    """The measures of *policy*, for the fitted law itself instead of steps."""
    scenario = sl.Scenario.model_validate({
        "demand": demand, "lead_time": LEAD_TIME,
        "policies": {"p": policy.model_dump(exclude_none=True)},
        "simulation": {"seed": seed, "horizon": 40_000, "warmup": 4_000, "replications": 50},
    })  # fmt: skip
    return sl.simulate(scenario).policies["p"].measures


def errors_off(promised, found) -> float:
    """How many standard errors of *found* the promise lies from it."""
    error = (found.high - found.low) / (2 * 2.01)  # t of 49 at 95 %
    return abs(promised - found.estimate) / error


@pytest.mark.parametrize("few", [0, steps.FEW])
def test_a_few_quantities_asked_for_again_and_again_lie_on_steps(few, monkeypatch):
    """What makes an order would else depend on how they are shared between steps."""
    seen = [0.002, 0.16, 2, 2, 2, 2, 50]
    fitted = fit(np.append(seen, np.zeros(150))[None])
    monkeypatch.setattr(steps, "FEW", few)
    wide, fine = (stepped(fitted, 0, finer=finer) for finer in (1, 100))
    assert fitted.family[0] == "empirical"
    assert fine.step == fine.grid < wide.step
    asked = ("fill_rate", 0.98)
    given = Item(wide, LeadTime(distribution=16), asked, held_quantity=6.15, **COSTS)
    found = Shelf(given, 0).cheapest()
    again = Shelf(dataclasses.replace(given, demand=fine, present=found.policy), 0).present()
    off = found.measures["orders_per_time"] / again.measures["orders_per_time"] - 1
    assert (abs(off) < 2e-3) == (few > 0), off


TINY = PeriodicDemand(quantity=Gamma(mean=30, cv=5), probability=0.06)
"""Next to all of it comes in few large orders; most of the rest are less than a step."""
SMALL = Stepped(
    Fraction(1),
    mix([(0.06, rounded(TINY.quantity, 1.0, 1.0, steps.BEYOND)), (0.94, point(0))]),
    Fraction(1, 100),
    nothing=0.94,
)
PROMISED = ("fill_rate", "cycle_service_level", "mean_on_hand")


def test_what_is_promised_on_steps_is_what_the_law_itself_gives():
    """Off by more than 5 errors one time in 10,000 or less, t of 49 and 9 tests."""
    tiny = Item(SMALL, LEAD_TIME, ("fill_rate", 0.95), **COSTS)
    laws = [(fit(record(kind)[None]).demand(0), item(kind)) for kind in ("heavy", "seldom")]
    for demand, given in [*laws, (TINY, tiny)]:
        found = Shelf(given, 0).cheapest()
        reached = simulated(demand, found.policy, 5)
        assert all(errors_off(found.measures[name], reached[name]) < 5 for name in PROMISED)
        stock = reached["mean_on_hand"]
        assert (stock.high - stock.low) / 2 < 0.005 * stock.estimate


def test_stock_is_not_if_all_that_is_less_than_a_step_takes_a_whole_one():
    raised = dataclasses.replace(SMALL, law=never_nothing(SMALL.law, SMALL.nothing))
    found = Shelf(Item(raised, LEAD_TIME, ("fill_rate", 0.95), **COSTS), 0).cheapest()
    reached = simulated(TINY, found.policy, 5)
    assert errors_off(found.measures["mean_on_hand"], reached["mean_on_hand"]) > 5


@pytest.mark.parametrize("kind", ["base_stock", "sS"])
def test_under_base_stock_no_demand_is_too_small_for_an_order(kind):
    """Proposed, or in use beside proposals of another kind; 5 errors as above."""
    policy = BaseStock(order_up_to=400)
    given = Item(SMALL, LEAD_TIME, ("fill_rate", 0.95), kind, present=policy, **COSTS)
    sunk = dataclasses.replace(given, demand=dataclasses.replace(SMALL, nothing=1.0))
    found, slip = (Shelf(each, 0).present().measures for each in (given, sunk))
    reached = simulated(TINY, policy, 5)
    for name in (*PROMISED[:2], "orders_per_time"):
        assert errors_off(found[name], reached[name]) < 5
    assert errors_off(slip["orders_per_time"], reached["orders_per_time"]) > 5


def test_the_heaviest_tail_takes_more_steps_instead_of_none():
    fitted = fit(record("heavy")[None])
    found, (mean, variance) = stepped(fitted, 0), (each[0] for each in fitted.moments())
    assert steps.MOST_STEPS < len(found.law.mass) <= 100_000
    assert found.mean == pytest.approx(mean, rel=2 * steps.BEYOND)
    assert math.sqrt(variance) / float(found.step) > steps.LEAST / 2


# --- simulated -----------------------------------------------------------------------------------

PERIODIC = Stepped(Fraction(1, 2), Law(0, np.array([0.4, 0.3, 0.1, 0.1, 0.1])), Fraction(1, 2))
"""0 to 2 units a period, in halves."""
LATE = LeadTime(distribution=Gamma(mean=3, cv=0.6))


def independent(policy, seed: int) -> tuple[float, float]:
    """The fill rate of *policy* by the simulator of scenarios, and its standard error."""
    scenario = sl.Scenario.model_validate({
        "demand": {"kind": "periodic", "quantity": {
            "dist": "discrete", "values": [0, 0.5, 1, 1.5, 2],
            "probabilities": PERIODIC.law.mass.tolist()}},
        "lead_time": LATE, "policies": {"p": policy.model_dump(exclude_none=True)},
        "simulation": {"seed": seed, "horizon": 20_000, "warmup": 500},
    })  # fmt: skip
    found = sl.simulate(scenario).policies["p"].measures["fill_rate"]
    assert found.analytic is None or not found.analytic.exact
    return found.estimate, (found.high - found.low) / (2 * 2.09)  # t of 19 at 95 %


@pytest.mark.parametrize("kind", ["sS", "rQ"])
def test_settings_that_are_simulated_give_what_they_say(kind):
    """Off by more than 4.5 errors one time in 10,000 or less, t of 19; the interval is narrow."""
    given = Item(PERIODIC, LATE, ("fill_rate", 0.95), kind, **COSTS)
    shelf = Shelf(given, 3)
    found = shelf.cheapest()
    reached, error = independent(found.policy, 11)
    counted = 4 * 50_000 / 4 / (20 * 20_000 * 0.6)  # periods with demand, beside those above
    error *= math.sqrt(1 + 1 / counted)
    assert shelf.how == "simulated"
    assert found.measures["fill_rate"] >= 0.95 - 1e-9
    assert abs(found.measures["fill_rate"] - reached) < 4.5 * error < 0.02
    # The same settings where no order is late by chance are told apart.
    constant = dataclasses.replace(given, lead_time=LeadTime(distribution=3), present=found.policy)
    slip = Shelf(constant, 3).present().measures["fill_rate"]
    assert abs(slip - reached) > 4.5 * error


def test_minimums_that_leave_too_many_positions_for_theory_are_simulated(monkeypatch):
    """4.5 errors as above, of both simulations; the same level without them is told apart."""
    monkeypatch.setattr(position, "MOST_LEVELS", 100)
    fitted, least = fit(record("skewed")[None]), 1500.5
    given = Item(stepped(fitted, 0), LEAD_TIME, ("fill_rate", 0.95), "base_stock",
                 minimum_order=least)  # fmt: skip
    shelf = Shelf(given, 3)
    found = shelf.cheapest()
    assert shelf.how == "simulated"
    reached = simulated(fitted.demand(0), found.policy, 5)["fill_rate"]
    error = (reached.high - reached.low) / (2 * 2.01)
    error *= math.sqrt(1 + 50 * 40_000 * 0.3 / CUSTOMERS)
    assert abs(found.measures["fill_rate"] - reached.estimate) < 4.5 * error < 0.05
    free = BaseStock(order_up_to=found.policy.order_up_to)
    slip = Shelf(dataclasses.replace(given, present=free), 3).present()
    assert abs(slip.measures["fill_rate"] - reached.estimate) > 4.5 * error


def test_what_is_simulated_is_the_same_again_and_another_with_another_seed():
    given = Item(PERIODIC, LATE, ("fill_rate", 0.95), **COSTS)
    one, again, other = (Shelf(given, seed).cheapest().measures for seed in (3, 3, 4))
    assert one == again
    assert one != other
