"""From totals to numbers: the estimates, their intervals, and how long and how often to simulate.

Slow tests measure how often the intervals hold an exact value. Published and recomputed values
of the literature are held against the simulation here too.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import simlevel as sl
from simlevel import words
from simlevel.engines.fast import FastEngine
from simlevel.engines.ledger import Job, Windows, named
from simlevel.engines.process import SimPyEngine
from simlevel.estimation import window
from simlevel.estimation.comparison import Difference, best, difference, replications_to_tell
from simlevel.estimation.estimate import estimate, estimates, interval, p_value
from simlevel.estimation.interval import (
    exact_binomial,
    half_width,
    log_margins,
    rare_sum,
    ratio_interval,
    residuals,
)
from simlevel.model.scenario import Scenario
from simlevel.studies.evaluate import Sample, best_of, differences_of
from simlevel.theory.catalogue import derive

Totals = dict[str, NDArray[np.float64]]
POISSON = {"kind": "poisson", "rate": 5}
RQ = {"kind": "rQ", "reorder_point": 22, "order_quantity": 20}
BASE = {"kind": "base_stock", "order_up_to": 25}


def scenario(policy: dict[str, Any] | None = None, **sections: Any) -> Scenario:
    table = {"demand": POISSON, "lead_time": 4, "policies": {"p": policy or RQ}}
    return Scenario.model_validate(table | sections)


def half(found: Any) -> float:
    """Half the width of the interval."""
    return float(found.high - found.low) / 2


def measure(name: str) -> words.Measure:
    return words.measure(name)


def ratios(size: int = 20, seed: int = 1) -> tuple[Any, Any]:
    """Two sums a replication, such as units served and units asked for."""
    stream = np.random.default_rng(seed)
    y = stream.gamma(25, 4, size)
    return y * stream.beta(40, 5, size), y


# --- intervals against independent computations --------------------------------------------------


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_over_equal_denominators_the_interval_is_students(confidence: float) -> None:
    x, _ = ratios()
    expected = stats.t.interval(confidence, len(x) - 1, x.mean() / 7, stats.sem(x) / 7)
    assert ratio_interval(x, np.full(len(x), 7.0), confidence) == pytest.approx(expected)


def jackknife(x: Any, y: Any) -> float:
    """Standard error of the ratio of sums by leaving out one replication at a time."""
    n = len(x)
    left = np.array([np.delete(x, i).sum() / np.delete(y, i).sum() for i in range(n)])
    return math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())


@pytest.mark.parametrize("seed", range(5))
def test_the_linearised_interval_is_close_to_the_jackknife_and_not_to_a_mean_of_ratios(
    seed: int,
) -> None:
    x, y = ratios(seed=seed)
    low, high = ratio_interval(x, y, 0.95)
    assert (low + high) / 2 == pytest.approx(x.sum() / y.sum())
    error = (high - low) / 2 / stats.t.ppf(0.975, len(x) - 1)
    assert error == pytest.approx(jackknife(x, y), rel=0.1)
    assert error != pytest.approx(stats.sem(x) / y.mean(), rel=0.1)  # control: y as if constant


def test_residuals_sum_to_nothing_and_do_not_see_the_unit() -> None:
    x, y = ratios()
    assert residuals(x, y).sum() == pytest.approx(0, abs=1e-12)
    assert residuals(10 * x, 10 * y) == pytest.approx(residuals(x, y))
    assert half_width(np.zeros(5), 0.95) == 0


@pytest.mark.parametrize("trials", [1, 7, 500])
@pytest.mark.parametrize("confidence", [0.9, 0.999])
def test_the_binomial_interval_is_that_of_clopper_and_pearson(
    trials: int, confidence: float
) -> None:
    for successes in {0, 1, trials // 2, trials - 1, trials}:
        exact = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
        assert exact_binomial(successes, trials, confidence) == pytest.approx(
            (exact.low, exact.high)
        )


def chi_square_limits(weights: list[float], added: float, confidence: float) -> tuple[float, float]:
    """Fay and Feuer (1997), as they print it: quantiles of chi-square."""
    y, v = sum(weights), sum(w * w for w in weights)
    tail = (1 - confidence) / 2
    low = v / (2 * y) * stats.chi2.ppf(tail, 2 * y * y / v)
    y, v = y + added, v + added**2
    return low, v / (2 * y) * stats.chi2.ppf(1 - tail, 2 * y * y / v)


@pytest.mark.parametrize("confidence", [0.9, 0.999])
@pytest.mark.parametrize("weights", [[3.0], [1.0, 1.0, 1.0], [0.2, 5.0, 1.0]])
def test_the_rare_interval_is_that_of_fay_and_feuer_where_no_weight_is_larger(
    weights: list[float], confidence: float
) -> None:
    amounts = np.array([*weights, 0, 0, 0, 0])
    largest = max(weights)
    expected = chi_square_limits(weights, largest, confidence)
    assert rare_sum(amounts, largest, confidence) == pytest.approx(expected)
    assert rare_sum(amounts, largest / 9, confidence) == pytest.approx(expected)


@pytest.mark.parametrize("seen", [1, 2, 7])
def test_alike_weights_give_the_exact_interval_of_a_poisson_mean(seen: int) -> None:
    """Garwood (1936)."""
    low, high = rare_sum(np.array([2.0] * seen + [0.0] * 5), 2.0, 0.95)
    assert low == pytest.approx(2 * stats.chi2.ppf(0.025, 2 * seen) / 2)
    assert high == pytest.approx(2 * stats.chi2.ppf(0.975, 2 * seen + 2) / 2)


@pytest.mark.parametrize("seen", [1, 2, 7])
def test_a_large_worst_weight_gives_way_to_the_limit_for_exponential_weights(seen: int) -> None:
    """The limit is a quantile of gamma(seen + 1) / gamma(seen), here by drawing both."""
    amounts = np.array([2.0] * seen + [0.0] * 5)
    stream = np.random.default_rng(1)
    drawn = stream.gamma(seen + 1, size=400_000) / stream.gamma(seen, size=400_000)
    high = rare_sum(amounts, 1e9, 0.95)[1]
    above = int((drawn * amounts.sum() > high).sum())
    assert stats.binomtest(above, 400_000, 0.025).pvalue > 1e-4
    assert high >= rare_sum(amounts, 3.0, 0.95)[1] >= rare_sum(amounts, 0.0, 0.95)[1]


def test_where_nothing_was_seen_the_worst_weight_stands_for_it() -> None:
    low, high = rare_sum(np.zeros(9), 4.0, 0.95)
    assert (low, high) == (0, pytest.approx(4 * -math.log(0.025)))


# --- estimates -----------------------------------------------------------------------------------


def made_up(size: int = 20, **totals: Any) -> Totals:
    """Totals of *size* replications of 100 days, 25 cycles and 500 units each, all served."""
    found = {name: np.zeros(size) for name in words.TOTALS}
    everything = {
        "time": 100, "customers": 500, "customers_whole": 500, "units_demanded": 500,
        "units_from_shelf": 500, "units_demanded_in_lead_time": 400,
        "units_from_shelf_in_lead_time": 400, "cycles": 25, "cycles_without_stockout": 25,
        "orders": 25, "units_ordered": 500, "area_on_hand": 1000, "area_on_order": 2000,
        "time_in_stock": 100,
    }  # fmt: skip
    for name, value in (everything | totals).items():
        found[name] = np.broadcast_to(np.array(value, dtype=float), size)
    return found


MANY_SHORT = {
    "cycles_without_stockout": 15, "units_from_shelf": 490, "customers_whole": 490,
    "area_backorders": 10,
}  # fmt: skip
"""Totals of a replication with ten stockouts."""


def test_a_measure_is_one_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    totals = made_up(2, units_demanded=[100, 900], units_from_shelf=[50, 900])
    found = estimate(totals, measure("fill_rate"), scenario(), 0.95)
    assert (found.numerator, found.denominator, found.estimate) == (950, 1000, 0.95)


def test_what_was_not_observed_is_none_with_a_note() -> None:
    none = dict.fromkeys(("customers", "customers_whole", "units_demanded", "units_from_shelf"), 0)
    found = estimates(made_up(cycles=0, cycles_without_stockout=0, **none), scenario(), 0.95)
    assert found["cycle_service_level"].note == "no replenishment cycle ended in the window"
    for name in ("fill_rate", "order_fill_rate", "cycle_service_level", "mean_wait"):
        each = found[name]
        assert (each.estimate, each.low, each.high, each.half_width) == (None,) * 4
        assert each.note
    assert found["period_service_level"].note == "defined for periodic demand only"
    assert found["ready_rate"].estimate == 1


def test_one_replication_gives_no_interval_and_says_so() -> None:
    found = estimate(made_up(1), measure("fill_rate"), scenario(), 0.95)
    assert (found.estimate, found.low, found.note) == (1, None, "one replication: no interval")


def test_costs_take_the_rates_of_the_scenario() -> None:
    costs = {"order": 40, "holding": 0.5, "backorder": 3, "shortage": 7, "purchase": 2}
    totals = made_up(units_from_shelf=490, area_backorders=30)
    found = estimates(totals, scenario(costs=costs), 0.95)
    parts = {
        "order_cost": 40 * 25 / 100, "holding_cost": 0.5 * 1000 / 100,
        "backorder_cost": 3 * 30 / 100, "shortage_cost": 7 * 10 / 100, "purchase_cost": 2 * 5,
    }  # fmt: skip
    assert {name: found[name].estimate for name in parts} == pytest.approx(parts)
    assert found["cost_per_time"].estimate == pytest.approx(sum(parts.values()))


def test_gamma_service_is_never_below_0() -> None:
    periods = {"periods": 100, "periods_served": 0, "backorders_at_period_ends": 900}
    demand = {"kind": "periodic", "quantity": 5}
    found = estimates(made_up(**periods), scenario(demand=demand), 0.95)["gamma_service_level"]
    assert (found.estimate, found.low, found.high) == (0, 0, 0)


SHARES = ["cycle_service_level", "fill_rate", "order_fill_rate", "ready_rate",
          "lead_time_fill_rate"]  # fmt: skip


def with_failures(count: int, cycles: int = 25) -> Totals:
    """*count* bad cycles of two customers each, at most one a replication and the rest in it."""
    bad = np.array([count // 20 + (k < count % 20) for k in range(20)], dtype=float)
    short = 2 * bad
    return made_up(
        cycles_without_stockout=25 - bad, customers_whole=500 - short,
        units_from_shelf=500 - short, units_from_shelf_in_lead_time=400 - short,
        time_in_stock=100 - bad / 4, area_backorders=bad / 8,
    )  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2, 5, 19, 20, 29])
def test_with_few_failures_or_none_a_share_has_an_interval_of_some_width(count: int) -> None:
    found = estimates(with_failures(count), scenario(), 0.95)
    for name in SHARES:
        each = found[name]
        assert 0 <= each.low <= each.estimate <= each.high <= 1
        assert each.high - each.low > 1 / each.denominator
        assert "few stockouts" in str(each.note)
    for name in ("mean_backorders", "mean_wait", "stockouts_per_time"):
        assert found[name].low <= found[name].estimate < found[name].high


@pytest.mark.parametrize("count", [0, 1, 5, 29])
def test_with_few_failures_cycle_service_is_no_narrower_than_clopper_and_pearson(
    count: int,
) -> None:
    found = estimates(with_failures(count), scenario(), 0.95)["cycle_service_level"]
    exact = stats.binomtest(500 - count, 500).proportion_ci(0.95, method="exact")
    assert found.low <= exact.low + 1e-12
    assert found.high >= exact.high - 1e-12


@pytest.mark.parametrize("name", SHARES)
def test_with_no_successes_a_share_has_an_interval_of_some_width(name: str) -> None:
    good, none = measure(name).numerator[0][1], {"customers_whole": 0}
    found = estimate(made_up(**(none | {good: 0})), measure(name), scenario(), 0.95)
    assert (found.estimate, found.low) == (0, 0)
    assert found.high > 0


def test_with_many_failures_in_most_replications_the_interval_is_students_of_their_log() -> None:
    bad = np.random.default_rng(1).binomial(25, 0.2, 20)
    totals = made_up(cycles_without_stockout=25 - bad)
    found = estimate(totals, measure("cycle_service_level"), scenario(), 0.95)
    margin = stats.t.ppf(0.975, 19) * stats.sem(bad) / bad.mean()
    limits = [1 - bad.mean() / 25 * math.exp(side) for side in (margin, -margin)]
    assert (found.low, found.high) == pytest.approx(limits)
    assert found.note is None


@pytest.mark.parametrize("replications", [2, 3, 20])
def test_the_margins_of_a_log_never_pass_0_are_finite_and_have_no_step(replications: int) -> None:
    x, y = ratios(replications)
    levels = 1 - np.geomspace(0.5, 1e-12, 200)
    below, above = np.array([log_margins(x, y, level) for level in levels]).T
    assert (below <= x.sum() / y.sum() * (1 + 1e-12)).all()
    assert np.isfinite(above).all()
    assert (np.diff(below) >= 0).all()
    assert (np.diff(above) > 0).all()
    plain = [(high - low) / 2 for low, high in (ratio_interval(x, y, level) for level in levels)]
    assert above[0] == pytest.approx(plain[0], rel=0.1)


def test_the_upper_limit_falls_as_more_is_seen_to_be_good() -> None:
    widths = [
        estimate(made_up(cycles=n, cycles_without_stockout=n), measure("cycle_service_level"),
                 scenario(), 0.95).half_width
        for n in (5, 25, 250)
    ]  # fmt: skip
    assert widths == sorted(widths, reverse=True)


def test_a_p_value_falls_with_the_distance_and_is_never_below_students() -> None:
    stream = np.random.default_rng(1)
    area = stream.normal(1000, 50, 20)
    values = [(area.mean() + off * stats.sem(area)) / 100 for off in (0, 1, 3, 6, 20, 90)]
    totals = made_up(area_on_hand=area, units_demanded=stream.poisson(500, 20))
    found = [p_value(totals, measure("mean_on_hand"), scenario(), value) for value in values]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (1, 0)
    students = [stats.ttest_1samp(area / 100, value).pvalue for value in values]
    assert all(p >= 0.97 * student for p, student in zip(found[:-1], students, strict=False))


# --- differences ---------------------------------------------------------------------------------


def test_a_difference_is_that_of_students_paired_test() -> None:
    stream = np.random.default_rng(1)
    one = stream.normal(1000, 50, 20)
    other = one - 20 + stream.normal(0, 5, 20)
    sides = [made_up(area_on_hand=area, **MANY_SHORT) for area in (other, one)]
    found = difference(*sides, measure("mean_on_hand"), scenario(), 0.99)
    expected = stats.ttest_rel(other / 100, one / 100).confidence_interval(0.99)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.verdict == "lower"
    unpaired = stats.ttest_ind(other / 100, one / 100).confidence_interval(0.99)
    assert found.high - found.low < 0.5 * (unpaired.high - unpaired.low)


def test_a_difference_of_ratios_is_close_to_its_jackknife() -> None:
    (x1, y), (x2, _) = ratios(seed=1), ratios(seed=2)
    x2 = np.minimum(x2, y)
    sides = [made_up(units_demanded=y, units_from_shelf=x,
                     cycles_without_stockout=5) for x in (x1, x2)]  # fmt: skip
    found = difference(*sides, measure("fill_rate"), scenario(), 0.95)
    assert found is not None
    left = [np.delete(x1 - x2, i).sum() / np.delete(y, i).sum() for i in range(20)]
    error = math.sqrt(19 / 20 * ((left - np.mean(left)) ** 2).sum())
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 19) * error, rel=0.1)


def test_differences_hold_simultaneously_over_all_that_is_shown() -> None:
    names = {"a": 22, "b": 24, "c": 30}
    s = scenario(policies={n: RQ | {"reorder_point": r} for n, r in names.items()})
    result = sl.simulate(s, replications=8, horizon=200)
    assert result.differences is not None
    shown = [each for found in result.differences.values() for each in found.values()]
    rows = {name: totals_of(s, name, result.run, 8) for name in ("a", "b")}
    areas = [rows[name]["area_on_hand"] / rows[name]["time"] for name in ("b", "a")]
    level = 1 - 0.05 / len(shown)
    expected = stats.ttest_rel(*areas).confidence_interval(level)
    found = result.differences["b"]["mean_on_hand"]
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    narrow = stats.ttest_rel(*areas).confidence_interval(0.95)
    assert found.high - found.low > 1.2 * (narrow.high - narrow.low)


def totals_of(s: Scenario, policy: str, run: Any, replications: int) -> Totals:
    work = Job.of(s, policy, Windows(run.warmup, run.horizon), run.seed)
    engine = SimPyEngine(work)
    return dict(named(np.array([engine.run(i)[0] for i in range(replications)]), s))


def test_what_the_same_customers_asked_for_differs_by_exactly_nothing() -> None:
    s = scenario(policies={"a": RQ, "b": RQ | {"reorder_point": 30}})
    result = sl.simulate(s, replications=3, horizon=100)
    a, b = (result.policies[name].measures["demand_per_time"] for name in "ab")
    assert a.estimate == b.estimate
    totals = [totals_of(s, name, result.run, 3) for name in "ab"]
    found = difference(*totals, measure("demand_per_time"), s, 0.95)
    assert found is not None
    assert (found.estimate, found.low, found.high, found.verdict) == (0, 0, 0, "cannot tell")


def test_where_neither_side_saw_a_stockout_the_difference_is_left_open() -> None:
    found = difference(made_up(), made_up(area_on_hand=900), measure("fill_rate"), scenario(), 0.95)
    assert found is not None
    assert found.estimate == 0
    assert found.low < 0 < found.high


@pytest.mark.parametrize(("bad", "allowed"), [(0, True), (1, True), (10, False)])
def test_where_stockouts_are_few_stock_on_hand_may_differ_by_what_is_owed(
    bad: int, allowed: bool
) -> None:
    """The pairs are alike to the last bit, but stock on hand is net inventory and backorders."""
    short = {"cycles_without_stockout": 25 - bad, "units_from_shelf": 500 - bad,
             "customers_whole": 500 - bad, "area_backorders": bad}  # fmt: skip
    sides = [made_up(area_on_hand=area, **short) for area in (1000, 900)]
    found = difference(*sides, measure("mean_on_hand"), scenario(), 0.95)
    owed = estimate(sides[0], measure("mean_backorders"), scenario(), 0.975).high
    assert found is not None
    assert found.estimate == 1
    assert (found.high - found.low) / 2 == pytest.approx(owed if allowed else 0)
    assert bool(found.note) == allowed


def test_the_best_is_named_by_cost_or_by_what_is_asked_for() -> None:
    s = scenario(policies={"a": RQ, "b": RQ | {"reorder_point": 30}})
    short = {"replications": 3, "horizon": 100}
    assert sl.simulate(s, **short).best is None
    found = sl.simulate(s, **short, best_by="mean_on_hand").best
    assert found is not None
    assert (found.measure, found.policies) == ("mean_on_hand", ("a",))
    priced = sl.simulate(scenario(policies=THREE, costs=NEARLY_TIED), **short)
    assert priced.best is not None
    assert priced.best.measure == "cost_per_time"
    with pytest.raises(sl.InputError, match="two policies or more"):
        sl.simulate(scenario(), best_by="fill_rate")


def test_where_nobody_came_stock_on_hand_is_compared_all_the_same() -> None:
    nobody = dict.fromkeys(("customers", "customers_whole", "units_demanded", "units_from_shelf",
                            "cycles", "cycles_without_stockout"), 0)  # fmt: skip
    sides = [made_up(area_on_hand=area, **nobody) for area in (1000, 900)]
    found = difference(*sides, measure("mean_on_hand"), scenario(), 0.95)
    assert found is not None
    assert (found.low, found.high, found.verdict) == (1, 1, "higher")
    assert difference(*sides, measure("fill_rate"), scenario(), 0.95) is None


@pytest.mark.parametrize("replications", [3, 20])
@pytest.mark.parametrize("deviations", [1.2, 3, 20])
@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_the_replications_that_would_tell_do_so_eight_times_in_ten(
    replications: int, deviations: float, confidence: float
) -> None:
    """By the noncentral t distribution, with the true difference one and *deviations* its sd."""
    margin = stats.t.ppf((1 + confidence) / 2, replications - 1) * deviations / replications**0.5
    needed = replications_to_tell(-1.0, margin, replications, confidence)
    assert needed is not None
    power = [
        stats.nct.sf(stats.t.ppf((1 + confidence) / 2, n - 1), n - 1, n**0.5 / deviations)
        for n in (needed, 1.2 * needed, 0.8 * needed)
    ]
    assert power[0] == pytest.approx(0.8, abs=0.1) or needed == replications + 1
    assert power[1] > 0.8
    assert power[2] < 0.8 or needed == replications + 1


@pytest.mark.parametrize("value", [0.0, 1e-9])
def test_no_number_of_replications_is_named_for_policies_as_good_as_equal(value: float) -> None:
    assert replications_to_tell(value, 0.5, 20, 0.95) is None


# --- the best ------------------------------------------------------------------------------------


def on_hand(*means: float, seed: int = 1) -> dict[str, Totals]:
    """Policies of these mean stocks on hand, on the same customers."""
    stream = np.random.default_rng(seed)
    common = stream.normal(0, 50, 20)
    return {
        name: made_up(area_on_hand=100 * mean + common + stream.normal(0, 20, 20), **MANY_SHORT)
        for name, mean in zip("abcdef", means, strict=False)
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["mean_on_hand", "inventory_cover"])
def test_may_be_best_what_no_one_sided_paired_test_rules_out(name: str, seed: int) -> None:
    """At 5 % / 3, since four policies have the best compared with three others."""
    totals = on_hand(10, 10.1, 10.2, 10.4, seed=seed)
    found = best(totals, measure(name), scenario(), 0.95)
    assert found is not None
    side = "less" if measure(name).at_least else "greater"
    expected = [
        one
        for one in totals
        if all(
            stats.ttest_rel(
                totals[one]["area_on_hand"], totals[other]["area_on_hand"], alternative=side
            ).pvalue
            > 0.05 / 3
            for other in totals
            if other != one
        )
    ]
    assert list(found.policies) == expected
    assert 0 < len(expected) < 4
    assert found.direction == ("highest" if side == "less" else "lowest")


def test_a_policy_that_is_surely_best_is_behind_nobody_and_all_others_are() -> None:
    found = best(on_hand(10, 12, 15), measure("mean_on_hand"), scenario(), 0.95)
    assert found is not None
    assert found.policies == ("a",)
    low, high = found.behind["a"]
    assert low < -1.5
    assert high == 0
    assert found.behind["b"] == (0, pytest.approx(2, abs=0.3))
    assert found.behind["c"] == (0, pytest.approx(5, abs=0.3))


def test_there_is_no_best_where_a_policy_was_not_observed() -> None:
    totals = {"a": made_up(), "b": made_up(cycles=0, cycles_without_stockout=0)}
    assert best(totals, measure("cycle_service_level"), scenario(), 0.95) is None


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.999999])
def test_some_policy_may_be_best_at_any_confidence(confidence: float) -> None:
    found = best(on_hand(10, 10), measure("fill_rate"), scenario(), confidence)
    assert found is not None
    assert found.policies == ("a", "b")  # they serve alike


# --- how long to simulate ------------------------------------------------------------------------

PERIODIC = {"kind": "periodic", "quantity": 10, "pattern": [1, 1, 1, 1, 1.5, 1.5, 0]}


@pytest.mark.parametrize(
    ("policy", "demand", "expected"),
    [
        (RQ | {"order_quantity": 60}, POISSON, 500 * 60 / 5),  # cycles of 12 days
        (RQ | {"order_quantity": 1}, POISSON, 10_000 / 5),  # customers
        (RQ | {"order_quantity": 1, "review_period": 7}, POISSON, 500 * 7),
        ({"kind": "sS", "reorder_point": 5, "order_up_to": 65}, POISSON, 500 * 60 / 5),
                (BASE, POISSON | {"size": 100}, 10_000 / 5),  # cycles of a fifth of a day
        (BASE | {"review_period": 5}, POISSON, 500 * 5),
        (RQ, PERIODIC, 10_003),  # 10,000 days up to whole weeks
        (RQ | {"review_period": 2}, PERIODIC, 10_010),  # and to whole fortnights
        (RQ, PERIODIC | {"pattern": None, "probability": 0.5}, 20_000),
        (RQ, {"kind": "renewal", "interarrival": 0.3}, 3000),
    ],
)  # fmt: skip
def test_the_horizon_is_500_cycles_or_10000_customers_whichever_is_longer(
    policy: dict[str, Any], demand: dict[str, Any], expected: float
) -> None:
    assert window.horizon(scenario(policy, demand=demand)) == expected


def test_the_horizon_is_one_for_all_policies_that_of_a_record_or_as_typed() -> None:
    both = {"few": RQ | {"order_quantity": 60}, "many": RQ}
    assert window.horizon(scenario(policies=both)) == 6000
    record = {"kind": "history", "values": [1, 2, 3], "every": 0.1, "resample": "replay"}
    assert window.horizon(scenario(demand=record, simulation={"horizon": 99})) == 0.3
    assert window.horizon(scenario(simulation={"horizon": 17.5})) == 17.5


@dataclass
class Pilot:
    """Stands for the pilot runs: net inventory falls from *height* in a line until *settled*."""

    settled: float
    height: float = 1000.0
    asked: list[tuple[str, Windows, int]] = field(default_factory=list)

    def __call__(self, policy: str, windows: Windows, replication: int) -> Any:
        self.asked.append((policy, windows, replication))
        middle = (np.arange(windows.count) + 0.5) * windows.length
        noise = np.random.default_rng(replication).normal(0, 1, windows.count)
        net = self.height * np.maximum(1 - middle / max(self.settled, 1e-9), 0) + noise
        rows = np.zeros((windows.count, len(words.TOTALS)))
        rows[:, list(words.TOTALS).index("area_on_hand")] = net
        return rows


@pytest.mark.parametrize(
    ("policy", "lead_time", "settled", "expected"),
    [
        (RQ | {"order_quantity": 50}, 0, 0, 3 * 10),  # three mean cycles
        (RQ | {"order_quantity": 1}, 20, 0, 2 * 20),  # twice L
        (RQ | {"order_quantity": 1, "review_period": 7}, 20, 0, 2 * (20 + 7)),  # and R
        (RQ | {"order_quantity": 5}, {"dist": "uniform", "low": 2, "high": 8}, 0, 2 * 8),
        (RQ | {"order_quantity": 5}, {"dist": "exponential", "mean": 5}, 0, 2 * (5 + 15)),
    ],
)  # fmt: skip
def test_the_warm_up_is_the_largest_of_its_parts(
    policy: dict[str, Any], lead_time: Any, settled: float, expected: float
) -> None:
    pilot = Pilot(settled, height=0)
    # A flat series is cut at random within its first half, hence "at least"; see MSER-5 below.
    found = window.warmup(scenario(policy, lead_time=lead_time), pilot)
    bins = pilot.asked[0][1]
    assert expected <= found <= max(expected + 7, bins.length * bins.count / 2 + 1)
    assert len({asked[2] for asked in pilot.asked}) == len(pilot.asked) == 5


def test_a_long_transient_is_cut_off() -> None:
    short = window.warmup(scenario(RQ | {"order_quantity": 5}, lead_time=1), Pilot(40))
    assert 38 <= short <= 50  # of 100 bins of a day
    assert window.warmup(scenario(simulation={"warmup": 3.5}), Pilot(40)) == 3.5
    record = {"kind": "history", "values": [1, 2, 3], "resample": "replay"}
    assert window.warmup(scenario(demand=record), Pilot(40)) == 0


def test_the_warm_up_is_the_longest_that_any_policy_needs() -> None:
    both = {"few": RQ | {"order_quantity": 500}, "many": RQ}
    assert window.warmup(scenario(policies=both), Pilot(0)) >= 300
    pilot = Pilot(0)
    window.warmup(scenario(policies=both), pilot)
    assert {asked[0] for asked in pilot.asked} == {"few", "many"}


def slow_mser5(series: list[float]) -> int:
    """The definition: the cut d of least S^2 / (n - d) over means of five, first half only."""
    means = [sum(series[i : i + 5]) / 5 for i in range(0, len(series) - len(series) % 5, 5)]
    n = len(means)

    def error(d: int) -> float:
        rest = means[d:]
        centre = sum(rest) / len(rest)
        return sum((value - centre) ** 2 for value in rest) / len(rest) ** 2

    return 5 * min(range(n // 2 + 1), key=error)


@given(st.lists(st.integers(-99, 99), min_size=10, max_size=80))
def test_mser5_is_the_cut_of_its_definition(series: list[int]) -> None:
    found = window.mser5(np.array(series, dtype=float))
    cuts = (found, slow_mser5([float(value) for value in series]))
    errors = [np.var(np.array(series[: len(series) // 5 * 5]).reshape(-1, 5).mean(1)[c // 5 :])
              / (len(series) // 5 - c // 5) for c in cuts]  # fmt: skip
    assert found % 5 == 0
    assert found <= len(series) // 2
    assert errors[0] == pytest.approx(errors[1], abs=1e-12)  # the same cut, or one as good


@pytest.mark.parametrize("transient", [50, 200, 400])
def test_mser5_finds_a_known_transient(transient: int) -> None:
    stream = np.random.default_rng(1)
    series = stream.normal(0, 1, 1000)
    series[:transient] += 20
    assert window.mser5(series) == transient
    series[:600] += 20  # a transient beyond the middle cannot be cut off whole
    assert window.mser5(series) <= 500


# --- how often to simulate -----------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [0.02, 0.01])
def test_replications_are_added_until_the_half_width_is_reached(wanted: float) -> None:
    s = scenario()
    found = sl.simulate(s, replications=5, horizon=100, precision={"fill_rate": wanted})
    assert found.run.replications > 5
    assert half(found.policies["p"].measures["fill_rate"]) <= wanted
    plain = sl.simulate(s, replications=found.run.replications, horizon=100)
    assert plain.policies == found.policies  # the same replications, and no others
    before = sl.simulate(s, replications=5, horizon=100).policies["p"].measures["fill_rate"]
    assert half(before) > wanted


def test_what_is_precise_enough_gets_no_more_replications() -> None:
    found = sl.simulate(scenario(), replications=5, horizon=100, precision={"fill_rate": 0.5})
    assert found.run.replications == 5


def test_adding_replications_stops_at_the_most_allowed() -> None:
    found = sl.simulate(
        scenario(), replications=5, horizon=50, precision={"fill_rate": 1e-9}, max_replications=12
    )
    assert found.run.replications == 12
    assert half(found.policies["p"].measures["fill_rate"]) > 1e-9


def test_every_policy_and_measure_asked_for_becomes_precise() -> None:
    s = scenario(policies={"a": RQ | {"reorder_point": 14}, "b": RQ})
    wanted = {"fill_rate": 0.03, "mean_on_hand": 0.6}
    found = sl.simulate(s, replications=4, horizon=100, precision=wanted)
    for policy, name in itertools.product("ab", wanted):
        assert half(found.policies[policy].measures[name]) <= wanted[name]


# --- against the literature ----------------------------------------------------------------------

CHECKS = 0.001 / 100
"""Error rate of one check: of all of them, some 70, below 1 in 1,000."""


@dataclass(frozen=True)
class Case:
    """A reference case: what is simulated, the values expected, and slips it has to refuse."""

    source: str
    scenario: dict[str, Any]
    expected: dict[str, float]
    slips: dict[str, float]
    customers: int = 30_000
    """In all replications together."""


def unit(rate: float, lead_time: Any, r: int, q: int, **more: Any) -> dict[str, Any]:
    rule = {"kind": "rQ", "reorder_point": r, "order_quantity": q}
    demand = {"kind": "poisson", "rate": rate}
    return {"demand": demand, "lead_time": lead_time, "policies": {"p": rule}} | more


def base(rate: float, lead_time: Any, level: int, **more: Any) -> dict[str, Any]:
    rule = {"kind": "base_stock", "order_up_to": level}
    return unit(rate, lead_time, 0, 1) | {"policies": {"p": rule}} | more


LOST = {"shortage": "lost_sales"}
EXPONENTIAL = {"dist": "exponential", "mean": 1}
PMF = {"dist": "discrete", "values": [1, 2, 3], "probabilities": [0.5, 0.3, 0.2]}
OWN = "own instance, recomputed in two independent ways"
FOSCT = "Snyder and Shen, Fundamentals of Supply Chain Theory (2e)"
PALM = "Palm 1938; Feeney and Sherbrooke 1966; recomputed: only the mean lead time matters"
ERLANG = "Erlang loss; Karush 1957; recomputed: only the mean lead time matters"

CASES = [
    Case(f"{FOSCT}, example 5.8: cost published", unit(1.5, 2, 8, 12), {
        "fill_rate": 0.9995592020781633, "ready_rate": 0.9995592020781633,
        "cycle_service_level": 0.996197007938324, "mean_backorders": 0.0001656692129533245,
        "mean_on_hand": 11.500165669212956, "orders_per_time": 0.125,
        "mean_wait": 0.000110446141968883}, {"cycle_service_level": 0.93}),
    Case(f"{FOSCT}, problem 5.2: cost published", unit(12, 0.5, 3, 9), {
        "fill_rate": 0.6592025730213222, "ready_rate": 0.6592025730213222,
        "cycle_service_level": 0.15120388277664784, "mean_backorders": 0.6540881605042548,
        "mean_on_hand": 2.6540881605042546, "orders_per_time": 1.3333333333333333,
        "mean_wait": 0.0545073467086879},
        # P(IN >= 0) for P(IN > 0), and P(D < r) for P(D <= r)
        {"ready_rate": 0.752532421210817, "cycle_service_level": 0.06196880442}),
    Case("Hadley and Whitin 1963, (96, 19): costs published", unit(400, 0.25, 96, 19), {
        "fill_rate": 0.686716719382864, "cycle_service_level": 0.368704678966414,
        "mean_backorders": 2.1922646804864874, "mean_on_hand": 8.19226468048679,
        "orders_per_time": 21.05263157894737},
        {"mean_on_hand": 6.0}),  # net inventory for what is on hand
    Case(OWN, unit(1.5, 2, 3, 5), {
        "fill_rate": 0.8666328304219004, "cycle_service_level": 0.6472318887822313,
        "mean_backorders": 0.10543282725382212, "mean_on_hand": 3.1054328272538227},
        {"ready_rate": 0.936425854253119}),
    Case(OWN, unit(12, 0.5, 6, 7), {
        "fill_rate": 0.8631508070308731, "cycle_service_level": 0.6063027824125914,
        "mean_backorders": 0.1682553120320718, "mean_on_hand": 4.168255312032072},
        {"ready_rate": 0.9188749105806853}),
    Case(OWN, unit(20, 0.5, 5, 4), {
        "fill_rate": 0.18756692727848334, "cycle_service_level": 0.06708596287903189,
        "mean_backorders": 2.9009102051549793, "mean_on_hand": 0.40091020515497183},
        {"ready_rate": 0.2852778651766886}),
    Case(f"{OWN}; Axsater, Inventory Control, ch. 5",
        unit(2, 2, 10, 10) | {"demand": {"kind": "poisson", "rate": 2,
                                         "size": {"dist": "geometric", "mean": 2}}}, {
        "fill_rate": 0.8500338797205966, "order_fill_rate": 0.8500338797205965,
        "ready_rate": 0.8870301180079523, "mean_backorders": 0.355795648583374,
        "mean_on_hand": 7.855795648583373}, {"fill_rate": 0.8870301180079523}),
    Case(f"{OWN}; Axsater, Inventory Control, ch. 5",
        unit(3, 1, 6, 8) | {"demand": {"kind": "poisson", "rate": 3, "size": PMF}}, {
        "fill_rate": 0.8597768080811117, "order_fill_rate": 0.8503351603771117,
        "ready_rate": 0.8871954981745811, "mean_backorders": 0.2076299526424542,
        "mean_on_hand": 5.607629952642455}, {"order_fill_rate": 0.8871954981745811}),
    *(Case(PALM, base(5, lead_time, 8), {
        "fill_rate": 0.8666283259299925, "mean_backorders": 0.12210929257524791,
        "mean_on_hand": 3.122109292575248, "mean_wait": 0.024421858515049584},
        {"ready_rate": 0.9319063652781516})
      for lead_time in (1, EXPONENTIAL, {"dist": "uniform", "low": 0, "high": 2})),
    Case(PALM, base(3, 3, 0), {"fill_rate": 0.0, "mean_backorders": 9.0, "mean_wait": 3.0},
        {"fill_rate": 0.01}),
    *(Case(ERLANG, base(20, lead_time, 25, **LOST), {
        "fill_rate": 0.9497782221092054, "ready_rate": 0.9497782221092054,
        "mean_on_hand": 6.004435557815892, "lost_per_time": 1.004435557815892,
        "mean_on_order": 18.995564442184108}, {"fill_rate": 0.8432})  # as with backorders
      for lead_time in (1, EXPONENTIAL)),
    Case(f"{OWN}; Kruse 1981, Zipkin 2000 sec. 6.2", unit(
        10, 0.5, 3, 10, measures={"served_within": [0, 0.05, 0.2]}), {
        "served_within_0": 0.7829202739931687, "served_within_0.05": 0.8254565935226168,
        "served_within_0.2": 0.9327878799289534, "mean_wait": 0.03273823394299685},
        {"served_within_0.2": 0.8254565935226168}),
    # One order outstanding at most, so one ratio of expectations a cycle.
    *(Case(f"{OWN}; lost sales, Hadley and Whitin 1963", unit(rate, lead_time, r, q, **LOST), {
        "lead_time_fill_rate": in_lead_time, "fill_rate": fill, "cycle_service_level": cycle},
        {"lead_time_fill_rate": mean_of_ratios})
      for rate, lead_time, r, q, in_lead_time, mean_of_ratios, fill, cycle in (
        (10, 1, 10, 30, 0.8748899642788663, 0.9104811466463485, 0.959966198216677,
         0.5830397501929852),
        (1, 5, 5, 12, 0.8245326302321495, 0.8875992084650678, 0.9318696979711037,
         0.615960654833063),
        (2, 1, 1, 10, 0.4323323583816937, 0.5765908850224353, 0.8980421106003182,
         0.40600584970983794))),
    Case(f"{OWN}; lost sales, Hadley and Whitin 1963", unit(20, 0.25, 3, 8, **LOST), {
        "fill_rate": 0.7864867692745232, "ready_rate": 0.7864867692745232,
        "orders_per_time": 1.966216923186308, "lost_per_time": 4.270264614509536,
        "mean_on_hand": 3.674322768990122, "cycle_service_level": 0.2650259152973616},
        {"cycle_service_level": 0.12465}),
    Case(f"{OWN}; lost sales, exponential lead time", unit(10, EXPONENTIAL, 10, 20, **LOST), {
        "fill_rate": 0.8383834445017644, "mean_on_hand": 12.035357277233231,
        "orders_per_time": 0.41919172225088225}, {"fill_rate": 0.9411277375673968}),
    # Its fill rate is 1 - mean backorders at period ends / mean demand: here the gamma service.
    Case("Zheng and Chen 1992, (r, nQ) with L = 1, mean 35: cost published", {
        "demand": {"kind": "periodic", "quantity": {"dist": "poisson", "mean": 35}},
        "lead_time": 1, "policies": {"p": {
            "kind": "rQ", "reorder_point": 80, "order_quantity": 1, "review_period": 1}}},
        {"gamma_service_level": 0.9884643323895949}, {"gamma_service_level": 0.9995}, 20_000),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.source)
def test_the_simulation_holds_the_values_of_the_literature(case: Case) -> None:
    s = Scenario.model_validate(case.scenario)
    replications = 20
    length = math.ceil(case.customers / replications / s.demand.customers_per_time())
    run = Windows(3 * window.mean_cycle(s, s.policies["p"]) + 10 * s.lead_time.mean(), length)
    engine = SimPyEngine(Job.of(s, "p", run, seed=1))
    totals = named(np.array([engine.run(i)[0] for i in range(replications)]), s)

    for name in case.expected | case.slips:
        slip = case.slips.get(name)
        low, high, _ = interval(totals, measure(name), s, 1 - CHECKS, few=100)
        assert low - 1e-9 <= case.expected.get(name, low) <= high + 1e-9, name
        assert slip is None or not low <= slip <= high, name


# --- coverage ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A Poisson (r, Q), simulated over and over."""

    rate: float
    lead_time: float
    r: int
    q: int
    horizon: float
    warmup: float
    replications: int = 20

    @property
    def scenario(self) -> Scenario:
        return Scenario.model_validate(unit(self.rate, self.lead_time, self.r, self.q))

    def exact(self) -> dict[str, float]:
        """By summing over the position, uniform on r+1 ... r+Q, and Poisson lead-time demand."""
        law = stats.poisson(self.rate * self.lead_time)
        demand = np.arange(0, int(law.mean() + 20 * law.std() + 50))
        position = np.arange(self.r + 1, self.r + self.q + 1)
        net = position[:, None] - demand[None, :]
        share = np.broadcast_to(law.pmf(demand) / self.q, net.shape)
        backorders = float((share * np.maximum(-net, 0)).sum())
        return {
            "fill_rate": float(share[net > 0].sum()), "ready_rate": float(share[net > 0].sum()),
            "cycle_service_level": float(law.cdf(self.r)), "mean_backorders": backorders,
            "mean_on_hand": float((share * np.maximum(net, 0)).sum()),
            "mean_wait": backorders / self.rate,
        }  # fmt: skip

    def holds(self, seed: int) -> dict[str, bool]:
        """Which intervals hold the exact value, in the run with this seed."""
        s, work = self.scenario, Windows(self.warmup, self.horizon)
        engine = FastEngine(Job.of(s, "p", work, seed))
        totals = named(np.array([engine.run(i)[0] for i in range(self.replications)]), s)
        found = estimates(totals, s, 0.95)
        return {
            name: found[name].low - 1e-12 <= value <= found[name].high + 1e-12
            for name, value in self.exact().items()
        }


def coverage(trial: Trial, repetitions: int = 2000) -> dict[str, float]:
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(trial.holds, range(repetitions), chunksize=25))
    return {name: sum(row[name] for row in rows) / repetitions for name in rows[0]}


def test_the_exact_values_are_those_of_the_literature() -> None:
    """Of the sums that coverage is measured against."""
    found = Trial(12, 0.5, 3, 9, 1, 1).exact()
    assert found == pytest.approx({name: CASES[1].expected[name] for name in found})


@pytest.mark.slow
def test_intervals_of_an_ordinary_scenario_hold_the_exact_value_93_to_97_times_in_100() -> None:
    found = coverage(Trial(5, 4, 22, 20, horizon=400, warmup=16))
    assert all(0.93 <= found[name] <= 0.97 for name in found), found


@pytest.mark.slow
@pytest.mark.parametrize(
    "trial",
    [
        Trial(1, 4, 10, 5, horizon=250, warmup=16),  # 1,000 cycles of which 3 are bad
        Trial(5, 4, 33, 20, horizon=100, warmup=16),  # 500 and 1
        Trial(5, 1, 12, 1, horizon=40, warmup=4),  # 4,000 and 8, which come together
    ],
    ids=lambda trial: f"({trial.r}, {trial.q})",
)
def test_with_rare_stockouts_intervals_hold_the_exact_value_at_least_93_times_in_100(
    trial: Trial,
) -> None:
    found = coverage(trial)
    assert all(found[name] >= 0.93 for name in found), found


THREE = {
    "a": RQ,
    "b": RQ | {"reorder_point": 24},
    "c": RQ | {"order_quantity": 24},
}
NEARLY_TIED = {"order": 3.386, "holding": 0.1, "backorder": 3.267}
"""Prices at which the three cost the same up to 1 in 1,000: the hardest case for a best set."""


@dataclass(frozen=True)
class Compared:
    """What one run with three policies got right; the last two are negative controls."""

    all_differences: bool
    best_in_set: bool
    all_behind: bool
    uncorrected: bool
    lowest_estimate: bool


@dataclass(frozen=True)
class Comparison:
    """Three policies on the same customers, simulated over and over."""

    exact: dict[str, dict[str, float]]
    horizon: float = 200

    def compare(self, seed: int) -> Compared:
        s = self.scenario()
        sample = Sample(s, Windows(24, self.horizon), seed)
        sample.extend(20, lambda done, planned: None)
        costs = {name: each["cost_per_time"] for name, each in self.exact.items()}
        found = best_of(sample, "cost_per_time")
        assert found is not None
        behind = {n: costs[n] - min(costs[o] for o in costs if o != n) for n in costs}
        seen = {n: estimate(sample.totals(n), measure("cost_per_time"), s, 0.95) for n in costs}
        cheapest = min(costs, key=lambda n: costs[n])
        return Compared(
            self.holds(differences_of(s, {n: sample.totals(n) for n in costs}, "a")),
            cheapest in found.policies,
            all(low <= behind[n] <= high for n, (low, high) in found.behind.items()),
            self.holds(self.each_at(0.95, sample)),
            cheapest == min(seen, key=lambda n: seen[n].estimate or 0),
        )

    def holds(self, differences: Mapping[str, Mapping[str, Difference]]) -> bool:
        return all(
            each.low - 1e-9 <= self.exact[policy][name] - self.exact["a"][name] <= each.high + 1e-9
            for policy, shown in differences.items()
            for name, each in shown.items()
        )

    def each_at(self, confidence: float, sample: Sample) -> dict[str, dict[str, Difference]]:
        sides = {name: sample.totals(name) for name in THREE}
        names = ("fill_rate", "cycle_service_level", "mean_on_hand", "orders_per_time")
        return {
            policy: {
                name: found
                for name in names
                if (found := difference(sides[policy], sides["a"], measure(name),
                                        sample.scenario, confidence))
            }
            for policy in ("b", "c")
        }  # fmt: skip

    @staticmethod
    def scenario() -> Scenario:
        return scenario(policies=THREE, costs=NEARLY_TIED)


def exact_values(s: Scenario) -> dict[str, dict[str, float]]:
    return {
        name: {each: answer.value for each, answer in derive(s, name).answers.items()
               if answer.exact}
        for name in s.policies
    }  # fmt: skip


@pytest.mark.slow
def test_all_differences_and_the_best_set_hold_at_once_at_least_934_times_in_1000() -> None:
    """Right intervals at 95 % fall short of 93.4 % of 2,000 less than once in 1,000."""
    work = Comparison(exact_values(Comparison.scenario()))
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(work.compare, range(2000), chunksize=25))
    held = {each.name: np.mean([getattr(row, each.name) for row in rows])
            for each in fields(Compared)}  # fmt: skip
    for name in ("all_differences", "best_in_set", "all_behind"):
        assert held[name] >= 0.934, held
    for control in ("uncorrected", "lowest_estimate"):
        assert held[control] < 0.9, held


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shortage", "paired"), [("backorder", "mean_on_hand"), ("lost_sales", "orders_per_time")]
)
def test_where_stockouts_are_rare_all_differences_hold_at_once_too(
    shortage: str, paired: str
) -> None:
    """At least 93.4 % of 500; control: pairs that are alike in all that was seen say too much."""
    rare = {"a": RQ | {"reorder_point": 10, "order_quantity": 12},
            "b": RQ | {"reorder_point": 9, "order_quantity": 12}}  # fmt: skip
    demand = {"kind": "poisson", "rate": 1}
    s = scenario(policies=rare, demand=demand, shortage=shortage, costs={"order": 1, "holding": 1})
    exact = exact_values(s)
    held = alone = 0
    for seed in range(500):
        sample = Sample(s, Windows(40, 250), seed)
        sample.extend(20, lambda done, planned: None)
        shown = differences_of(s, {n: sample.totals(n) for n in "ab"}, "a")["b"]
        true = {name: exact["b"][name] - exact["a"][name] for name in shown}
        held += all(d.low - 1e-9 <= true[n] <= d.high + 1e-9 for n, d in shown.items())
        top, bottom = measure(paired).totals
        b, a = (sample.totals(name)[top] / sample.totals(name)[bottom] for name in "ba")
        margin = half_width(b - a, 1 - 0.05 / len(shown))
        alone += abs((b - a).mean() - true[paired]) <= margin + 1e-9
    assert held >= 0.934 * 500
    assert alone < 0.9 * 500
