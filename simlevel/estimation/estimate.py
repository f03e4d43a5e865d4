"""Every measure from one set of totals: a ratio of sums, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from simlevel import words
from simlevel.estimation.interval import (
    Interval,
    Sums,
    exact_binomial,
    log_margins,
    rare_sum,
    ratio,
    ratio_interval,
)
from simlevel.model.scenario import Costs, Scenario

Totals: TypeAlias = Mapping[str, Sums]
"""Each total by name, one entry a replication."""
Weights: TypeAlias = Mapping[str, float]

FEW = 30
"""Failures or successes below which the t interval of a share is not trusted."""
FEW_FOR_TESTS = 100
FEW_REPLICATIONS = 10
"""Nor is it where fewer replications than this saw any."""

FEW_STOCKOUTS = "few stockouts, or few replications that saw any: a wider interval"
"""The note of such an interval."""

_MAY_BE_NEGATIVE = ("safety_stock", "mean_inventory_position")
ROUNDING = 1e-12
"""Differences of totals below this, relative to the totals, are rounding."""

_NOTHING_SEEN = {
    "cycles": "no replenishment cycle ended in the window",
    "customers": "no customer came",
    "units_demanded": "no demand came",
    "units_demanded_in_lead_time": "no demand came while an order was outstanding",
    "periods": "no demand period began in the window",
    "time": "no time passed",
}


@dataclass(frozen=True)
class Estimate:
    """One simulated measure; None where it is not defined or was not observed."""

    measure: str
    estimate: float | None
    low: float | None
    high: float | None
    numerator: float | None
    denominator: float | None
    note: str | None = None

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def weights(measure: words.Measure, scenario: Scenario) -> Weights:
    """The weighted totals that are the measure's numerator; costs take the scenario's rates."""
    if "costs" not in measure.needs:
        return {total: weight for weight, total in measure.numerator}
    costs = scenario.costs or Costs()
    parts: dict[str, Weights] = {
        "holding_cost": {"area_on_hand": costs.holding_rate(scenario.time_unit)},
        "order_cost": {"orders": costs.order},
        "backorder_cost": {"area_backorders": costs.backorder},
        "shortage_cost": {"units_demanded": costs.shortage, "units_from_shelf": -costs.shortage},
        "purchase_cost": {"units_ordered": costs.purchase},
    }
    if measure.name in parts:
        return parts[measure.name]
    return {total: weight for part in parts.values() for total, weight in part.items()}


def weighted(totals: Totals, by: Weights) -> Sums:
    """The weighted sum of *totals*, one entry a replication; exactly 0 where rounding is left."""
    if len(by) == 1:
        ((name, weight),) = by.items()
        return weight * totals[name]
    parts = np.array([w * totals[name] for name, w in by.items()] or [0.0 * totals["time"]])
    whole = parts.sum(axis=0)
    return np.where(abs(whole) > ROUNDING * abs(parts).sum(axis=0), whole, 0.0)


def estimates(totals: Totals, scenario: Scenario, confidence: float) -> dict[str, Estimate]:
    """Every measure of *scenario* by name, with its interval at *confidence*.

    *totals* holds one entry a replication; a single one gives no interval.
    """
    return _estimates(totals, scenario.measure_words(), scenario, confidence)


def estimate(
    totals: Totals, measure: words.Measure, scenario: Scenario, confidence: float
) -> Estimate:
    """One measure with its interval at *confidence*."""
    return _estimates(totals, [measure], scenario, confidence)[measure.name]


def _estimates(
    totals: Totals, measures: Sequence[words.Measure], scenario: Scenario, confidence: float
) -> dict[str, Estimate]:
    found = {each.name: _estimate(totals, each, scenario) for each in measures}
    seen = [each for each in measures if found[each.name].note is None]
    if seen:
        limits = _intervals(totals, seen, scenario, confidence, FEW)
        for measure, (low, high, few) in zip(seen, limits, strict=True):
            note = FEW_STOCKOUTS if few else None
            found[measure.name] = replace(found[measure.name], low=low, high=high, note=note)
    return found


def _estimate(totals: Totals, measure: words.Measure, scenario: Scenario) -> Estimate:
    """One measure without its interval; a note where it cannot have one."""
    if reason := scenario.undefined(measure):
        return Estimate(measure.name, None, None, None, None, None, reason)
    x, y = weighted(totals, weights(measure, scenario)), totals[measure.denominator]
    top, bottom = float(x.sum()), float(y.sum())
    if bottom == 0:
        unseen = _NOTHING_SEEN[measure.denominator]
        return Estimate(measure.name, None, None, None, top, bottom, unseen)
    value = _bounded(measure, top / bottom)
    note = "one replication: no interval" if len(x) < 2 else None
    return Estimate(measure.name, value, None, None, top, bottom, note)


def interval(
    totals: Totals,
    measure: words.Measure,
    scenario: Scenario,
    confidence: float,
    few: int = FEW,
) -> tuple[float, float, bool]:
    """(low, high, whether it was widened because stockouts were fewer than *few*).

    The measure was observed, in two replications or more.
    """
    (found,) = _intervals(totals, [measure], scenario, confidence, few)
    return found


def _intervals(
    totals: Totals,
    measures: Sequence[words.Measure],
    scenario: Scenario,
    confidence: float,
    few: int,
) -> Iterator[tuple[float, float, bool]]:
    usual = zip(*_usual_intervals(totals, measures, scenario, confidence), strict=True)
    for measure, (low, high) in zip(measures, usual, strict=True):
        rare = _rare_interval(totals, measure, scenario, confidence, few)
        if rare is not None:
            low, high = min(low, rare[0]), max(high, rare[1])
        yield _bounded(measure, float(low)), _bounded(measure, float(high)), rare is not None


def _usual_intervals(
    totals: Totals, measures: Sequence[words.Measure], scenario: Scenario, confidence: float
) -> tuple[Sums, Sums]:
    """The t intervals; those of the log of what went wrong, if anything did: it is skewed."""
    x = np.array([weighted(totals, weights(each, scenario)) for each in measures])
    y = np.array([totals[each.denominator] for each in measures])
    failures = np.array([weighted(totals, _rare_weights(each, scenario)) for each in measures])
    low, high = ratio_interval(x, y, confidence)
    skewed = failures.any(axis=-1)
    below, above = log_margins(failures[skewed], y[skewed], confidence)
    share = np.array([each.is_share for each in measures])[skewed]
    value = ratio(x[skewed], y[skewed])
    low[skewed] = value - np.where(share, above, below)
    high[skewed] = value + np.where(share, below, above)
    return low, high


def p_value(
    totals: Totals, measure: words.Measure, scenario: Scenario, value: float, most: float = 0.9
) -> float:
    """The error rate at which the interval just leaves *value* out; 0 if it always does.

    1 stands for any that is above *most*, which saves looking for it.

    Stockouts are few below 100 here: a test in the far tail asks more of the t interval. Nor
    does that know of what was never seen, which every interval allows for: :func:`_unseen`.
    """

    def holds(exponent: float) -> bool:
        error_rate = 10.0**exponent
        low, high, _ = interval(totals, measure, scenario, 1 - error_rate, FEW_FOR_TESTS)
        slack = _unseen(totals, measure, scenario, value, error_rate)
        return low - slack <= value <= high + slack

    if holds(math.log10(most)):
        return 1.0
    inside, outside = -12.0, math.log10(most)
    if not holds(inside):
        return 0.0
    while outside - inside > 0.01:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return float(10.0**inside)


def _unseen(
    totals: Totals, measure: words.Measure, scenario: Scenario, value: float, error_rate: float
) -> float:
    """How far an interval may miss by what the replications had no occasion to show.

    What none of N stretches of a mean cycle and a lead time showed happens in up to
    -ln(error rate) / N of them, and then changes what one amounts to by its whole. That is
    little beside the t interval, which shrinks with the root of N only. Where demand leaves
    nothing to chance, each window besides cuts a cycle at both ends, the same ones every time.
    """
    rounding = 1e-9 * max(1.0, abs(value))  # of long sums
    units, cycle = mean_cycle(totals, scenario)
    stretch, time = cycle + scenario.lead_time.mean(), float(totals["time"].sum())
    holds = {"units": units / cycle, "units x time": units / cycle * stretch, "count": 1 / cycle}
    if measure.unit == "money/time":
        prices = weights(measure, scenario).items()
        amount = sum(abs(price) * holds[words.TOTALS[total]] for total, price in prices)
    else:
        amount = {
            "share": 1.0, "time": stretch, "units": holds["units x time"],
            "units/time": holds["units"], "1/time": holds["count"],
        }[measure.unit]  # fmt: skip
    demand = totals["units_demanded"]
    cuts = 2 * len(demand) if np.ptp(demand) == 0 else 0
    return rounding + max(abs(value), amount) * (cuts - math.log(error_rate)) * stretch / time


def _bounded(measure: words.Measure, value: float) -> float:
    least = -math.inf if measure.name in _MAY_BE_NEGATIVE else 0.0
    return min(max(value, least), 1.0 if measure.is_share else math.inf)


# --- few failures, or few successes ----------------------------------------------------------


def _rare_interval(
    totals: Totals, measure: words.Measure, scenario: Scenario, confidence: float, few: int
) -> Interval | None:
    """An interval that is honest with few failures or successes; None where they are many."""
    if measure.name == "cost_per_time":
        return _rare_cost(totals, scenario, confidence, few)
    rare = _rare_weights(measure, scenario)
    if not any(rare.values()):
        return None
    failures, y = weighted(totals, rare), totals[measure.denominator]
    stockouts = totals["cycles"] - totals["cycles_without_stockout"]
    if _few(failures, stockouts, few):
        low, high = _rare_ratio(failures, y, totals, rare, scenario, confidence)
        if measure.is_share:
            low, high = 1 - high, 1 - low
    elif (
        measure.is_share
        and (failures <= y).all()  # gamma service may owe more than was asked for
        and _few(y - failures, _successes(totals, measure), few)
    ):
        low, high = _rare_ratio(y - failures, y, totals, rare, scenario, confidence)
    else:
        return None
    if measure.name == "cycle_service_level":
        exact = exact_binomial(float((y - failures).sum()), float(y.sum()), confidence)
        low, high = min(low, exact[0]), max(high, exact[1])
    return low, high


def _rare_weights(measure: words.Measure, scenario: Scenario) -> Weights:
    """What went wrong, as weighted totals: few where stockouts are few."""
    never = "area_backorders" if scenario.lost_sales else "units_lost"
    if measure.name in ("backorder_cost", "shortage_cost"):
        return weights(measure, scenario)
    return {total: weight for weight, total in measure.failures if total != never}


def _successes(totals: Totals, measure: words.Measure) -> Sums:
    cycles = measure.denominator == "cycles"
    return totals["cycles_without_stockout" if cycles else "customers_whole"]


def _few(amounts: Sums, events: Sums, few: int) -> bool:
    replications = int((amounts > 0).sum())
    return events.sum() < few or replications < min(FEW_REPLICATIONS, len(amounts))


def _rare_ratio(
    amounts: Sums, y: Sums, totals: Totals, rare: Weights, scenario: Scenario, confidence: float
) -> Interval:
    low, high = rare_sum(amounts, _one_spell(totals, rare, scenario), confidence)
    return low / float(y.sum()), high / float(y.sum())


def _one_spell(totals: Totals, rare: Weights, scenario: Scenario) -> float:
    """What one bad spell might hold: all that comes in a mean cycle, or lead time if longer.

    Cycles within one lead time share their shortages.
    """
    units, time = mean_cycle(totals, scenario)
    ordered = float(totals["units_ordered"].sum())
    lead_time = float(totals["area_on_order"].sum()) / ordered if ordered else 0.0
    cycles = max(lead_time / time, 1.0)
    customers = max(float(totals["periods"].sum()), float(totals["customers"].sum()))
    whole = float(totals["time"].sum())
    worst = {
        "units": units * cycles, "time": time * cycles, "units x time": units * time * cycles**2,
        "count": max(customers * time * cycles / whole, 1.0),
    }  # fmt: skip
    total, weight = next(iter(rare.items()))
    if total == "cycles":
        return weight * cycles
    return weight * worst[words.TOTALS.get(total, "units")]


def mean_cycle(totals: Totals, scenario: Scenario) -> tuple[float, float]:
    """Units asked for in a mean cycle, at least one mean customer, and its length."""
    cycles = float(totals["cycles"].sum()) or float(len(totals["cycles"]))
    customer = scenario.demand.amount.mean() * scenario.demand.mean_factor()
    units = max(float(totals["units_demanded"].sum()) / cycles, customer)
    return units, float(totals["time"].sum()) / cycles


def _rare_cost(totals: Totals, scenario: Scenario, confidence: float, few: int) -> Interval | None:
    """The cost, if its rare parts were as high or low as they may be."""
    whole = words.MEASURES["cost_per_time"]
    x, y = weighted(totals, weights(whole, scenario)), totals["time"]
    low, high = map(float, ratio_interval(x, y, confidence))
    seen = False
    for name in ("backorder_cost", "shortage_cost"):
        part = words.MEASURES[name]
        if scenario.undefined(part) or not any(weights(part, scenario).values()):
            continue
        rare = _rare_interval(totals, part, scenario, confidence, few)
        if rare is not None:
            value = float(weighted(totals, weights(part, scenario)).sum() / y.sum())
            low, high, seen = low - (value - rare[0]), high + (rare[1] - value), True
    return (low, high) if seen else None
