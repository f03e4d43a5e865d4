"""The cross-check: simulate until every exact value is confirmed or refuted."""

from __future__ import annotations

import math
from dataclasses import replace

from simlevel.engines.ledger import Windows
from simlevel.estimation import window
from simlevel.estimation.estimate import Estimate, estimates
from simlevel.model.fields import as_number, exact
from simlevel.model.scenario import Scenario
from simlevel.studies.evaluate import Progress, Sample, judged, refuse_endless, windows_of
from simlevel.studies.result import MeasureResult, Result
from simlevel.studies.verdict import precise, tolerance
from simlevel.theory.answer import Theory
from simlevel.theory.catalogue import derive

LEAST_REPLICATIONS = 20
MAX_REPLICATIONS = 100_000


def verify(
    scenario: Scenario,
    *,
    seed: int | None = None,
    max_replications: int = MAX_REPLICATIONS,
    progress: Progress = lambda done, planned: None,
) -> Result:
    """Simulate *scenario* until every exact measure's interval is within the tolerance.

    The tolerance is a half-width of 0.005 on shares and of 0.5 % of the exact value on the
    rest. All exact values are then tested at once, at a family error rate of 0.1 % (Holm).
    An interrupt ends it with what was finished. Fewer than 20 replications confirm nothing.
    """
    if seed is not None:
        settings = scenario.simulation.model_copy(update={"seed": seed})
        scenario = scenario.model_copy(update={"simulation": settings})
    theories = {name: derive(scenario, name) for name in scenario.policies}
    windows = _windows(scenario)
    refuse_endless(scenario, windows, LEAST_REPLICATIONS)
    sample = Sample(scenario, windows, scenario.simulation.seed)
    if scenario.replayed:
        max_replications = 1
    wanted = min(LEAST_REPLICATIONS, max_replications)
    interrupted = False
    try:
        while wanted > len(sample):
            sample.extend(wanted, progress)
            wanted = min(max_replications, _needed(sample, theories))
    except KeyboardInterrupt:
        interrupted = True
        if len(sample) < 2:
            raise
    result = replace(judged(sample, theories), interrupted=interrupted)
    return result if len(sample) >= LEAST_REPLICATIONS else _unconfirmed(result)


def undecided(result: Result) -> list[tuple[str, str]]:
    """(policy, measure) of every exact value that is not confirmed."""
    return [
        (policy, name)
        for policy, each in result.policies.items()
        for name, measure in each.measures.items()
        if measure.analytic and measure.analytic.exact and measure.verdict != "agrees"
    ]


def _windows(scenario: Scenario) -> Windows:
    """The counted window, made longer to whole common periods of demand and reviews.

    A part of a week is no sample of weeks, however often it is repeated.
    """
    windows = windows_of(scenario)
    period, length = window.common_period(scenario), exact(windows.length)
    if scenario.replayed or not 0 < period <= length:
        return windows
    return replace(windows, length=as_number(math.ceil(length / period) * period))


def _unconfirmed(result: Result) -> Result:
    """The same with nothing confirmed."""
    policies = {
        name: replace(each, measures={k: _doubted(m) for k, m in each.measures.items()})
        for name, each in result.policies.items()
    }
    return replace(result, policies=policies)


def _doubted(measure: MeasureResult) -> MeasureResult:
    return replace(measure, verdict="inconclusive") if measure.verdict == "agrees" else measure


def _needed(sample: Sample, theories: dict[str, Theory]) -> int:
    """Replications that every exact measure's precision asks for, a little at a time."""
    done, scenario = len(sample), sample.scenario
    needed = done
    for name, theory in theories.items():
        found = estimates(sample.totals(name), scenario, scenario.simulation.confidence)
        for measure, answer in theory.answers.items():
            if answer.exact and not precise(found[measure], answer):
                factor = _ratio(found[measure], tolerance(measure, answer))
                needed = max(needed, math.ceil(done * factor**2))
    return needed if needed == done else min(max(needed, done + 1 + done // 10), 4 * done)


def _ratio(found: Estimate, wanted: float) -> float:
    """How many times too wide; nothing seen yet counts as twice."""
    return 2.0 if found.half_width is None or wanted <= 0 else found.half_width / wanted
