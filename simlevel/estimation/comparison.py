"""Differences between policies that met the same customers."""

from __future__ import annotations

from dataclasses import dataclass

from simlevel import words
from simlevel.estimation.estimate import Totals, interval, weighted, weights
from simlevel.estimation.interval import Interval, half_width, residuals
from simlevel.model.scenario import Scenario


@dataclass(frozen=True)
class Difference:
    """One measure of a policy less that of the baseline."""

    measure: str
    estimate: float
    low: float
    high: float
    verdict: str
    """``higher``, ``lower`` or ``cannot tell``."""


def difference(
    policy: Totals, baseline: Totals, measure: words.Measure, scenario: Scenario, confidence: float
) -> Difference | None:
    """*policy* less *baseline*, paired by replication; None where either was not observed.

    For intervals that hold simultaneously, *confidence* is raised by the caller
    (Bonferroni). Replications are paired: both policies met the same customers.
    """
    sides = [
        (weighted(totals, weights(measure, scenario)), totals[measure.denominator])
        for totals in (policy, baseline)
    ]
    if any(y.sum() == 0 or len(y) < 2 for _, y in sides):
        return None
    (x1, y1), (x2, y2) = sides
    value = float(x1.sum() / y1.sum() - x2.sum() / y2.sum())
    margin = half_width(residuals(x1, y1) - residuals(x2, y2), confidence)
    low, high = value - margin, value + margin
    if not _same(policy, baseline, measure, scenario):
        low, high = _honest((low, high), policy, baseline, measure, scenario, confidence)
    verdict = "higher" if low > 0 else "lower" if high < 0 else "cannot tell"
    return Difference(measure.name, value, low, high, verdict)


def _same(a: Totals, b: Totals, measure: words.Measure, scenario: Scenario) -> bool:
    """The same customers gave the same totals in each replication: demand, for one."""
    names = {*weights(measure, scenario), measure.denominator}
    return all((a[name] == b[name]).all() for name in names)


def _honest(
    paired: Interval,
    policy: Totals,
    baseline: Totals,
    measure: words.Measure,
    scenario: Scenario,
    confidence: float,
) -> Interval:
    """Where stockouts were few on either side, at least as wide as the two single intervals say.

    Each at half the error rate, so that their difference holds at the whole of it.
    """
    single = 1 - (1 - confidence) / 2
    (low1, high1, few1), (low2, high2, few2) = (
        interval(totals, measure, scenario, single) for totals in (policy, baseline)
    )
    if not (few1 or few2):
        return paired
    return min(paired[0], low1 - high2), max(paired[1], high1 - low2)
