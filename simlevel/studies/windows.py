"""Service over windows: what a customer who looks at one quarter sees, and not the long run.

The long-run share is one number; what a window of a few weeks shows scatters about it. The mean
over windows of a ratio such as the fill rate lies above the long run, since a window with much
demand is one window, like a quiet one: Chen, Lin and Thomas, On the single item fill rate for a
finite horizon, Operations Research Letters 31 (2003); Banerjee and Paul, Average fill rate and
horizon length, Operations Research Letters 33 (2005). What a contract over a window asks is how
often its target is met: Thomas, Measuring item fill-rate performance in a finite horizon,
Manufacturing & Service Operations Management 7 (2005).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from simlevel import numbers, words
from simlevel.engines.ledger import Totals, named
from simlevel.errors import InputError
from simlevel.estimation import clustered
from simlevel.estimation.clustered import Measured
from simlevel.estimation.estimate import weighted, weights
from simlevel.estimation.window import common_period, horizon, mean_cycle
from simlevel.model.fields import PositiveDuration, exact, singular, using_time_unit
from simlevel.model.scenario import Scenario
from simlevel.theory.answer import Answer
from simlevel.theory.finite_horizon import window_fill_rate

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEAST_WINDOWS = 50
"""Windows of a replication under horizon = "auto": 20 of them have 50 in the lowest 5 %."""
MOST_WINDOWS = 1_000_000
"""Windows of all policies and replications, whose shares are kept until the end."""
MOST_BARS = 200
DECIMALS = 12
"""Of a share, so that ratios that are equal on paper are equal."""

WINDOW_COLUMNS = ("measure", "statistic", "estimate", "low", "high", "exact")


# --- the windows -------------------------------------------------------------------------------


def length_of(scenario: Scenario, window: float | str) -> float:
    """The length of a window in the scenario's time unit. Raises InputError."""
    try:
        with using_time_unit(scenario.time_unit):
            return float(TypeAdapter(PositiveDuration).validate_python(window))
    except ValidationError as error:
        raise InputError(f"--window: {error.errors()[0]['msg']}") from None


def count_of(scenario: Scenario, length: float) -> int:
    """How many consecutive windows of *length* one replication counts.

    As many as the horizon holds whole; under ``horizon = "auto"`` at least 50, and a multiple
    of the demand pattern and the reviews where that is little more. Raises InputError where
    not one fits into the horizon.
    """
    whole = horizon(scenario)
    count = exact(whole) / exact(length)
    if count < 1:
        unit = singular(scenario.time_unit)
        raise InputError(
            f"--window: expected at most the horizon, {numbers.short(whole)} {unit}s, "
            f"found {numbers.short(length)} (a longer --horizon has room for it)"
        )
    if scenario.replayed or scenario.simulation.horizon != "auto":
        return math.floor(count)
    least = max(math.ceil(count), LEAST_WINDOWS)
    period = common_period(scenario)
    lot = (exact(length) / period).denominator if period else 1
    return math.ceil(Fraction(least, lot)) * lot if lot <= least / 5 else least


def most_replications(scenario: Scenario, count: int) -> int:
    """Replications of *count* windows whose shares can be kept. Raises InputError at none."""
    most = MOST_WINDOWS // (count * len(scenario.policies))
    if not most:
        raise InputError(_too_many(count * len(scenario.policies)))
    return most


def refuse_too_many(scenario: Scenario, count: int, replications: int) -> None:
    """Raises InputError where the shares of all windows are too many to keep."""
    if replications > most_replications(scenario, count):
        raise InputError(_too_many(count * len(scenario.policies) * replications))


def _too_many(found: int) -> str:
    return (
        f"--window: expected at most {MOST_WINDOWS:,} windows of all policies and replications, "
        f"found {found:,} (longer windows, a shorter --horizon or fewer replications)"
    )


# --- their shares ------------------------------------------------------------------------------


class Shares(NamedTuple):
    """The shares of one replication's windows."""

    values: NDArray[np.float64]
    """Shape (measures, windows), in the order of :func:`share_words`."""
    empty: NDArray[np.int64]
    """Windows of each measure in which nothing was counted; their share is 1."""


def share_words(scenario: Scenario) -> tuple[words.Measure, ...]:
    """The shares of service that are defined for *scenario*."""
    measures = scenario.measure_words()
    return tuple(m for m in measures if m.is_share and not scenario.undefined(m))


def shares_of(rows: Totals, scenario: Scenario) -> Shares:
    """Every share in each window, from one replication's totals, a row a window.

    A window without demand, or without whatever else the share is of, has served all of it: 1.
    """
    totals, measures = named(rows, scenario), share_words(scenario)
    values = np.ones((len(measures), len(rows)))
    for row, measure in zip(values, measures, strict=True):
        top, bottom = weighted(totals, weights(measure, scenario)), totals[measure.denominator]
        np.divide(top, bottom, out=row, where=bottom > 0)
    bottoms = [totals[measure.denominator] for measure in measures]
    empty = np.array([(bottom == 0).sum() for bottom in bottoms])
    return Shares(np.round(values.clip(0.0, 1.0), DECIMALS), empty)


# --- what is found -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Bars:
    """How many windows had which share, for a histogram of limited size.

    A bar covers [low, high); where both are equal, it is all windows of that very share. So
    are all bars where shares take few values, and that of the share 1 always.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    count: tuple[int, ...]


@dataclass(frozen=True)
class MeasureWindows:
    """How one share scatters over the windows."""

    mean: Measured
    quantiles: Mapping[float, Measured]
    """By probability."""
    target: float | None
    meets_target: Measured | None
    """The share of windows that reach the target; None without one."""
    empty: int
    """Windows without demand, or with nothing else to count: each has the share 1."""
    bars: Bars
    exact_mean: Answer | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of a run."""
        made = dataclasses.asdict(self)
        made["quantiles"] = {f"{p:g}": dataclasses.asdict(q) for p, q in self.quantiles.items()}
        return made

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """(statistic, estimate, low, high, exact), a row a number."""
        exact_mean = self.exact_mean.value if self.exact_mean else None
        yield _row("window_mean", self.mean, exact_mean)
        for probability, found in self.quantiles.items():
            yield _row(f"window_quantile_{probability:g}", found)
        if self.meets_target:
            yield _row("window_meets_target", self.meets_target)
        yield "empty_windows", self.empty, None, None, None


def _row(statistic: str, found: Measured, exact_value: float | None = None) -> tuple[Any, ...]:
    return statistic, found.estimate, found.low, found.high, exact_value


@dataclass(frozen=True)
class PolicyWindows:
    """How the shares of one policy scatter over consecutive windows of one length."""

    length: float
    """In time units."""
    count: int
    """Windows of all replications."""
    per_replication: int
    measures: Mapping[str, MeasureWindows]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of a run."""
        return {
            "length": self.length,
            "count": self.count,
            "per_replication": self.per_replication,
            "measures": {name: each.to_dict() for name, each in self.measures.items()},
        }

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The tidy table, a row a statistic of a measure; columns are WINDOW_COLUMNS."""
        for name, measure in self.measures.items():
            for row in measure.rows():
                yield name, *row

    def to_frame(self) -> pd.DataFrame:
        """The tidy table: measure, statistic, estimate, low, high, exact."""
        import pandas as pd

        return pd.DataFrame(list(self.rows()), columns=list(WINDOW_COLUMNS))


def policy_windows(
    scenario: Scenario, policy: str, length: float, found: Sequence[Shares]
) -> PolicyWindows:
    """Mean, quantiles and the chance of meeting the target of each share of *policy*.

    *found* holds the shares of one replication each. A bad spell lasts a cycle, its lead time
    and review; it spoils the window that it begins in, and as many as it then covers.
    """
    rule = scenario.policies[policy]
    spell = mean_cycle(scenario, rule) + scenario.lead_time.mean() + (rule.review_period or 0.0)
    values = np.array([each.values for each in found])
    empty = np.sum([each.empty for each in found], axis=0)
    measures = {
        measure.name: _measure(scenario, measure, values[:, place], int(empty[place]),
                               spell / length)
        for place, measure in enumerate(share_words(scenario))
    }  # fmt: skip
    if exact_fill := window_fill_rate(scenario, policy, length):
        fill = measures["fill_rate"]
        measures["fill_rate"] = dataclasses.replace(fill, exact_mean=exact_fill)
    return PolicyWindows(length, len(found) * values.shape[-1], values.shape[-1], measures)


def _measure(
    scenario: Scenario,
    measure: words.Measure,
    shares: clustered.Shares,
    empty: int,
    spell: float,
) -> MeasureWindows:
    """*spell* is the length of a bad spell, in windows."""
    confidence, target = scenario.simulation.confidence, scenario.targets.get(measure.name)
    spoilt = 1 + spell
    # A share of time or of all demand loses no more than the spell; one of fewer customers may.
    worst = spoilt if measure.name == "lead_time_fill_rate" else spell
    quantiles = clustered.quantiles(shares, QUANTILES, confidence, spoilt)
    meets = None
    if target is not None:
        hits = (shares >= round(target, DECIMALS)).sum(axis=1).astype(np.float64)
        meets = clustered.proportion(hits, shares.shape[1], confidence, spoilt)
    return MeasureWindows(
        clustered.mean(shares, confidence, worst),
        dict(zip(QUANTILES, quantiles, strict=True)),
        target,
        meets,
        empty,
        bars_of(shares),
    )


def bars_of(shares: NDArray[np.float64]) -> Bars:
    """At most 201 bars: one for each value where they are few, else of equal width."""
    values, counts = np.unique(shares, return_counts=True)
    if len(values) <= MOST_BARS:
        each = tuple(map(float, values))
        return Bars(each, each, tuple(map(int, counts)))
    below = shares[shares < 1]
    heights, edges = np.histogram(below, MOST_BARS, (float(values[0]), 1.0))
    low, high = list(map(float, edges[:-1])), list(map(float, edges[1:]))
    tall = list(map(int, heights))
    if whole := shares.size - below.size:
        low, high, tall = [*low, 1.0], [*high, 1.0], [*tall, whole]
    return Bars(tuple(low), tuple(high), tuple(tall))
