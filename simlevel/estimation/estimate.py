"""Every measure from one set of totals: a ratio of sums, and how sure it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

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
Limits: TypeAlias = tuple[float, float, bool]
"""Of an interval: low, high, and whether it was widened because stockouts were few."""

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
    found = _estimates(totals, scenario.measure_words(), scenario, confidence)
    return {each.measure: each for each in found}


def estimate(
    totals: Totals, measure: words.Measure, scenario: Scenario, confidence: float
) -> Estimate:
    """One measure with its interval at *confidence*."""
    (found,) = _estimates(totals, [measure], scenario, confidence)
    return found


def _estimates(
    totals: Totals, measures: Sequence[words.Measure], scenario: Scenario, confidence: float
) -> Iterator[Estimate]:
    seen = [m for m in measures if not scenario.undefined(m) and totals[m.denominator].any()]
    x, y = sums(totals, seen, scenario)
    limits: Iterable[Limits | None] = itertools.repeat(None, len(seen))
    if seen and len(totals["time"]) > 1:
        limits = _Intervals(totals, scenario, confidence, FEW).of(seen, x, y)
    tops, bottoms = x.sum(axis=-1).tolist(), y.sum(axis=-1).tolist()
    found = dict(zip([m.name for m in seen], zip(tops, bottoms, limits, strict=True), strict=True))
    for measure in measures:
        name, reason = measure.name, scenario.undefined(measure)
        if reason:
            yield Estimate(name, None, None, None, None, None, reason)
        elif name in found:
            yield _observed(measure, *found[name])
        else:
            unseen = _NOTHING_SEEN[measure.denominator]
            top = float(weighted(totals, weights(measure, scenario)).sum())
            yield Estimate(name, None, None, None, top, 0.0, unseen)


def _observed(measure: words.Measure, top: float, bottom: float, limits: Limits | None) -> Estimate:
    value = _bounded(measure, top / bottom)
    if limits is None:
        alone = "one replication: no interval"
        return Estimate(measure.name, value, None, None, top, bottom, alone)
    low, high, few = limits
    return Estimate(measure.name, value, low, high, top, bottom, FEW_STOCKOUTS if few else None)


def sums(
    totals: Totals, measures: Sequence[words.Measure], scenario: Scenario
) -> tuple[Sums, Sums]:
    """Numerators and denominators, shape (measures, replications)."""
    empty = np.empty((0, len(totals["time"])))
    x = [weighted(totals, weights(each, scenario)) for each in measures]
    y = [totals[each.denominator] for each in measures]
    return np.array(x or empty), np.array(y or empty)


def interval(
    totals: Totals,
    measure: words.Measure,
    scenario: Scenario,
    confidence: float,
    few: int = FEW,
) -> Limits:
    """(low, high, whether it was widened because stockouts were fewer than *few*).

    The measure was observed, in two replications or more.
    """
    (found,) = intervals(totals, [measure], scenario, confidence, few)
    return found


def intervals(
    totals: Totals,
    measures: Sequence[words.Measure],
    scenario: Scenario,
    confidence: float,
    few: int = FEW,
) -> Iterator[Limits]:
    """:func:`interval` of each of *measures*."""
    x, y = sums(totals, measures, scenario)
    return _Intervals(totals, scenario, confidence, few).of(measures, x, y)


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


# --- intervals -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Intervals:
    """The intervals of any measures that were observed, in two replications or more."""

    totals: Totals
    scenario: Scenario
    confidence: float
    few: int
    """Failures or successes below which they are widened."""

    def of(self, measures: Sequence[words.Measure], x: Sums, y: Sums) -> Iterator[Limits]:
        """Those of each; *x* and *y* are :func:`sums`."""
        failures = np.array([self._failures(each) for each in measures])
        share = np.array([each.is_share for each in measures])
        usual = np.array(self._usual(x, y, failures, share)).T.tolist()
        for row, (measure, (low, high)) in enumerate(zip(measures, usual, strict=True)):
            rare = self._rare(measure, failures[row], y[row])
            if rare is not None:
                low, high = min(low, rare[0]), max(high, rare[1])
            yield _bounded(measure, low), _bounded(measure, high), rare is not None

    def _usual(
        self, x: Sums, y: Sums, failures: Sums, share: NDArray[np.bool_]
    ) -> tuple[Sums, Sums]:
        """The t intervals; those of the log of what went wrong, if anything did: it is skewed."""
        low, high = ratio_interval(x, y, self.confidence)
        skewed = failures.any(axis=-1)
        below, above = log_margins(failures[skewed], y[skewed], self.confidence)
        value, share = ratio(x[skewed], y[skewed]), share[skewed]
        low[skewed] = value - np.where(share, above, below)
        high[skewed] = value + np.where(share, below, above)
        return low, high

    # --- few failures, or few successes ------------------------------------------------------

    def _rare(self, measure: words.Measure, failures: Sums, y: Sums) -> Interval | None:
        """An interval that is honest with few failures or successes; None where they are many."""
        if measure.name == "cost_per_time":
            return self._rare_cost(y)
        rare = _rare_weights(measure, self.scenario)
        if not any(rare.values()):
            return None
        if self._is_few(failures, self._stockouts):
            low, high = self._rare_ratio(failures, y, rare)
            if measure.is_share:
                low, high = 1 - high, 1 - low
        elif (
            measure.is_share
            and (failures <= y).all()  # gamma service may owe more than was asked for
            and self._is_few(y - failures, _successes(self.totals, measure))
        ):
            low, high = self._rare_ratio(y - failures, y, rare)
        else:
            return None
        if measure.name == "cycle_service_level":
            exact = exact_binomial(float((y - failures).sum()), float(y.sum()), self.confidence)
            low, high = min(low, exact[0]), max(high, exact[1])
        return low, high

    def _rare_cost(self, time: Sums) -> Interval | None:
        """The cost, if its rare parts were as high or low as they may be."""
        whole = weighted(self.totals, weights(words.MEASURES["cost_per_time"], self.scenario))
        low, high = map(float, ratio_interval(whole, time, self.confidence))
        seen = False
        for name in ("backorder_cost", "shortage_cost"):
            part = words.MEASURES[name]
            if self.scenario.undefined(part):
                continue
            amounts = self._failures(part)
            rare = self._rare(part, amounts, time)
            if rare is not None:
                value = float(ratio(amounts, time))
                low, high, seen = low - (value - rare[0]), high + (rare[1] - value), True
        return (low, high) if seen else None

    def _failures(self, measure: words.Measure) -> Sums:
        return weighted(self.totals, _rare_weights(measure, self.scenario))

    @cached_property
    def _stockouts(self) -> Sums:
        return self.totals["cycles"] - self.totals["cycles_without_stockout"]

    def _is_few(self, amounts: Sums, events: Sums) -> bool:
        replications = int(np.count_nonzero(amounts > 0))
        return float(events.sum()) < self.few or replications < min(FEW_REPLICATIONS, len(amounts))

    def _rare_ratio(self, amounts: Sums, y: Sums, rare: Weights) -> Interval:
        low, high = rare_sum(amounts, self._one_spell(rare), self.confidence)
        return low / float(y.sum()), high / float(y.sum())

    def _one_spell(self, rare: Weights) -> float:
        total, weight = next(iter(rare.items()))
        dimension = "cycles" if total == "cycles" else words.TOTALS.get(total, "units")
        return weight * self._spell[dimension]

    @cached_property
    def _spell(self) -> Mapping[str, float]:
        """What one bad spell might hold: all that comes in a mean cycle, or lead time if longer.

        Cycles within one lead time share their shortages.
        """
        summed = {name: float(each.sum()) for name, each in self.totals.items()}
        units, time = mean_cycle(self.totals, self.scenario)
        ordered = summed["units_ordered"]
        lead_time = summed["area_on_order"] / ordered if ordered else 0.0
        cycles = max(lead_time / time, 1.0)
        customers = max(summed["periods"], summed["customers"])
        return {
            "cycles": cycles,
            "units": units * cycles,
            "time": time * cycles,
            "units x time": units * time * cycles**2,
            "count": max(customers * time * cycles / summed["time"], 1.0),
        }


def _rare_weights(measure: words.Measure, scenario: Scenario) -> Weights:
    """What went wrong, as weighted totals: few where stockouts are few."""
    never = "area_backorders" if scenario.lost_sales else "units_lost"
    if measure.name in ("backorder_cost", "shortage_cost"):
        return weights(measure, scenario)
    return {total: weight for weight, total in measure.failures if total != never}


def _successes(totals: Totals, measure: words.Measure) -> Sums:
    cycles = measure.denominator == "cycles"
    return totals["cycles_without_stockout" if cycles else "customers_whole"]


def mean_cycle(totals: Totals, scenario: Scenario) -> tuple[float, float]:
    """Units asked for in a mean cycle, at least one mean customer, and its length."""
    cycles = float(totals["cycles"].sum()) or float(len(totals["cycles"]))
    customer = scenario.demand.amount.mean() * scenario.demand.mean_factor()
    units = max(float(totals["units_demanded"].sum()) / cycles, customer)
    return units, float(totals["time"].sum()) / cycles
