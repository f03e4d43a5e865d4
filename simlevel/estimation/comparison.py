"""Differences between policies that met the same customers, and which of them may be best."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from scipy import special

from simlevel import words
from simlevel.estimation.estimate import (
    FEW_STOCKOUTS,
    Limits,
    Totals,
    intervals,
    mean_cycle,
    sums,
    weights,
)
from simlevel.estimation.interval import Interval, half_width, ratio, residuals, t_quantile
from simlevel.model.scenario import Scenario

POWER = 0.8
"""Chance that the replications said to tell do, if the difference is what it was estimated at."""
WORTH_LOOKING = 10_000
"""A difference that more replications than this would be needed for is as good as none."""


@dataclass(frozen=True)
class Difference:
    """One measure of a policy less that of the baseline."""

    measure: str
    estimate: float
    low: float
    high: float
    verdict: str
    """``higher``, ``lower`` or ``cannot tell``."""
    replications_to_tell: int | None = None
    """About how many would tell, in all; None where it is told, or not worth looking for."""
    note: str | None = None


def difference(
    policy: Totals, baseline: Totals, measure: words.Measure, scenario: Scenario, confidence: float
) -> Difference | None:
    """One of :func:`differences`; None where either was not observed."""
    return differences(policy, baseline, [measure], scenario, confidence).get(measure.name)


def differences(
    policy: Totals,
    baseline: Totals,
    measures: Sequence[words.Measure],
    scenario: Scenario,
    confidence: float,
) -> dict[str, Difference]:
    """*policy* less *baseline*, paired by replication, in each measure that both observed.

    For intervals that hold simultaneously, *confidence* is raised by the caller
    (Bonferroni). Replications are paired: both policies met the same customers.
    """
    single = 1 - (1 - confidence) / 2
    one, other = (_Side(totals, scenario, single) for totals in (policy, baseline))
    seen = [each for each in measures if one.has_seen(each) and other.has_seen(each)]
    if not seen:
        return {}
    (x1, y1), (x2, y2) = (sums(totals, seen, scenario) for totals in (policy, baseline))
    values = (ratio(x1, y1) - ratio(x2, y2)).tolist()
    margins = half_width(residuals(x1, y1) - residuals(x2, y2), confidence).tolist()
    found = {}
    for measure, value, margin in zip(seen, values, margins, strict=True):
        low, high, few = _honest((value - margin, value + margin), one, other, measure)
        verdict = "higher" if low > 0 else "lower" if high < 0 else "cannot tell"
        needed = None
        if verdict == "cannot tell":
            toward_0 = value - low if value > 0 else high - value
            needed = replications_to_tell(value, toward_0, y1.shape[-1], confidence)
        note = FEW_STOCKOUTS if few else None
        found[measure.name] = Difference(measure.name, value, low, high, verdict, needed, note)
    return found


def _honest(paired: Interval, policy: _Side, baseline: _Side, measure: words.Measure) -> Limits:
    """Wider where stockouts were few on either side: the pairs say too little of them.

    Each side at half the error rate, so that their difference holds at the whole of it. A
    measure of what goes wrong is known no better than the two single intervals say; another
    one up to what the stockouts may amount to in it.
    """
    low, high = paired
    if not measure.failures:
        slack = max(policy.hidden(measure), baseline.hidden(measure))
        return low - slack, high + slack, slack > 0
    (low1, high1, few1), (low2, high2, few2) = (
        side.failures[measure.name] for side in (policy, baseline)
    )
    if not (few1 or few2):
        return low, high, False
    wider = min(low, low1 - high2), max(high, high1 - low2)
    return *wider, wider != paired


@dataclass(frozen=True)
class _Side:
    """What one policy's stockouts say; its intervals at *confidence*."""

    totals: Totals
    scenario: Scenario
    confidence: float

    def has_seen(self, measure: words.Measure) -> bool:
        below = self.totals[measure.denominator]
        return len(below) > 1 and bool(below.any())

    @cached_property
    def failures(self) -> Mapping[str, Limits]:
        """The intervals of the measures of what goes wrong."""
        defined = (m for m in self.scenario.measure_words() if not self.scenario.undefined(m))
        seen = [measure for measure in defined if measure.failures and self.has_seen(measure)]
        found = intervals(self.totals, seen, self.scenario, self.confidence)
        return {measure.name: limits for measure, limits in zip(seen, found, strict=True)}

    def hidden(self, measure: words.Measure) -> float:
        """What stockouts, where they were few, may amount to in *measure* at the most; else 0."""
        prices = weights(measure, self.scenario).items()
        amount = sum(abs(price) * self._most.get(total, 0.0) for total, price in prices)
        return amount / float(self.totals[measure.denominator].sum())

    @cached_property
    def _most(self) -> Mapping[str, float]:
        """What they may amount to in each total.

        On the same customers two policies may differ by the same in every replication that has
        no stockout. With one, stock on hand is net inventory and what is backordered; a unit
        that is lost is in stock until the next order, and is not ordered.
        """
        fill, _, few = self.failures.get("fill_rate", (1.0, 1.0, False))
        if not few:
            return {}
        time, demanded = (float(self.totals[name].sum()) for name in ("time", "units_demanded"))
        short = (1 - fill) * demanded
        if not self.scenario.lost_sales:
            area = self.failures["mean_backorders"][1] * time
            return {"units_from_shelf": short, "area_on_hand": area, "area_backorders": area}
        units, cycle = mean_cycle(self.totals, self.scenario)
        lead_time = self.scenario.lead_time.mean()
        return {
            "units_from_shelf": short, "units_ordered": short, "orders": short / units,
            "net_inventory_before_receipts": short, "area_on_order": short * lead_time,
            "area_on_hand": short * (cycle + lead_time),
        }  # fmt: skip


def replications_to_tell(
    value: float, margin: float, replications: int, confidence: float
) -> int | None:
    """The replications whose t interval leaves 0 out with probability POWER; None if too many.

    *value* is taken for the true difference, and *margin*, the half-width after *replications*
    of them, shrinks with the root of their number and with Student's quantile. The usual
    sample size of a paired t test: n = (t + z)^2 variance / value^2.
    """
    if value == 0:
        return None
    deviations = margin / abs(value) / t_quantile(confidence, replications)
    power = float(special.ndtri(POWER))

    def enough(n: int) -> bool:
        return n >= replications * ((t_quantile(confidence, n) + power) * deviations) ** 2

    choices = range(replications + 1, WORTH_LOOKING + 1)
    found = bisect_left(choices, True, key=enough)
    return choices[found] if found < len(choices) else None


@dataclass(frozen=True)
class Best:
    """The policies that may be best by one measure."""

    measure: str
    direction: str
    """``highest`` or ``lowest``."""
    confidence: float
    policies: tuple[str, ...]
    """At this confidence the best policy is among them."""
    behind: Mapping[str, Interval]
    """How much worse each policy is than the best of the others; below 0 it is itself the best."""


def best(
    totals: Mapping[str, Totals], measure: words.Measure, scenario: Scenario, confidence: float
) -> Best | None:
    """Multiple comparisons with the best of two or more policies; None where one was not observed.

    The set and the intervals hold together at *confidence*: all follow from how the best policy
    compares with each other one, k - 1 one-sided paired t intervals, at (1 - confidence) /
    (k - 1) each since policies that met the same customers are not independent (Bonferroni).
    Edwards and Hsu, Multiple comparisons with the best treatment (Journal of the American
    Statistical Association 78, 1983); Hsu, Constrained simultaneous confidence intervals for
    multiple comparisons with the best (Annals of Statistics 12, 1984); with common random
    numbers Yuan and Nelson, Multiple comparisons with the best for steady-state simulation (ACM
    Transactions on Modeling and Computer Simulation 3, 1993).
    """
    one_sided = (1 - confidence) / (len(totals) - 1)
    worse: dict[str, dict[str, Interval]] = {name: {} for name in totals}
    for one, other in combinations(totals, 2):
        above, below = (other, one) if measure.at_least else (one, other)
        two_sided = max(1 - 2 * one_sided, 1e-6)  # at the least, which of two was seen to be worse
        found = difference(totals[above], totals[below], measure, scenario, two_sided)
        if found is None:
            return None
        worse[one][other] = found.low, found.high
        worse[other][one] = -found.high, -found.low
    may = [name for name in totals if all(low <= 0 for low, _ in worse[name].values())]
    behind = {name: _behind(worse[name], may) for name in totals}
    direction = "highest" if measure.at_least else "lowest"
    return Best(measure.name, direction, confidence, tuple(may), behind)


def _behind(worse: Mapping[str, Interval], may_be_best: list[str]) -> Interval:
    """From how much worse a policy is than each other one: than the best of them."""
    at_least = max(low for low, _ in worse.values())
    at_most = max((worse[name][1] for name in may_be_best if name in worse), default=0.0)
    return min(at_least, 0.0), max(at_most, 0.0)
