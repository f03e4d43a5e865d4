"""Where the two answers meet: does an exact value agree with the simulation, beyond chance?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from simlevel import words
from simlevel.estimation.estimate import Estimate, Totals, p_value
from simlevel.model.scenario import Scenario
from simlevel.theory.answer import Answer, Theory

ERROR_RATE = 0.001
"""Chance that a run with right formulas shows any ``disagrees``."""
SHARE_TOLERANCE, RELATIVE_TOLERANCE = 0.005, 0.005
"""Half-widths above these (of shares; of the rest, relative) are inconclusive."""
TINY = 1e-9
"""Rounding beside 0."""

Verdicts: TypeAlias = Mapping[tuple[str, str], str]
"""By policy and measure."""


class Test(NamedTuple):
    """One exact value against one estimate."""

    policy: str
    measure: str
    p_value: float
    precise: bool


def verdicts(
    scenario: Scenario,
    totals: Mapping[str, Totals],
    found: Mapping[str, Mapping[str, Estimate]],
    theories: Mapping[str, Theory],
) -> Verdicts:
    """A verdict on every observed measure, at ERROR_RATE over all of them (Holm).

    Holm, A simple sequentially rejective multiple test procedure (Scandinavian Journal of
    Statistics 6, 1979).
    """
    cases = [
        Case(policy, scenario, totals[policy], estimates, theories[policy])
        for policy, estimates in found.items()
    ]
    return verdicts_of(cases)


class Case(NamedTuple):
    """One policy of one scenario, called by a name of its own."""

    name: str
    scenario: Scenario
    totals: Totals
    found: Mapping[str, Estimate]
    theory: Theory


def verdicts_of(cases: Iterable[Case]) -> Verdicts:
    """As :func:`verdicts`, over cases of several scenarios at once."""
    decided: dict[tuple[str, str], str] = {}
    tests = []
    for case in cases:
        for name, estimate in case.found.items():
            if estimate.half_width is None:
                continue
            answer = case.theory.answers.get(name)
            if answer is None or not answer.exact:
                decided[case.name, name] = "approximation" if answer else "no formula"
                continue
            p = 1.0 if _inside(estimate, answer, case.scenario) else _p_value(case, name, answer)
            tests.append(Test(case.name, name, p, precise(estimate, answer)))
    return decided | dict(_holm(tests))


def _inside(estimate: Estimate, answer: Answer, scenario: Scenario) -> bool:
    """The value lies in the interval that is shown, and so in the wider one of a test."""
    if estimate.low is None or estimate.high is None:
        return False
    narrower = scenario.simulation.confidence <= 1 - ERROR_RATE
    return narrower and estimate.low <= answer.value <= estimate.high


def _p_value(case: Case, measure: str, answer: Answer) -> float:
    value, most = answer.value, ERROR_RATE
    return p_value(case.totals, words.measure(measure), case.scenario, value, most)


def precise(estimate: Estimate, answer: Answer) -> bool:
    """Whether the half-width is within the tolerance of the verdict.

    No interval is narrower than a part of 0: an exact 0 asks for an estimate of 0.
    """
    if estimate.half_width is None:
        return False
    nothing = abs(answer.value) <= TINY and estimate.estimate == 0
    return nothing or estimate.half_width <= tolerance(estimate.measure, answer)


def tolerance(measure: str, answer: Answer) -> float:
    """The half-width above which an estimate says too little about an exact value."""
    if words.measure(measure).is_share:
        return SHARE_TOLERANCE
    return RELATIVE_TOLERANCE * abs(answer.value) + TINY


def _holm(tests: list[Test]) -> Iterator[tuple[tuple[str, str], str]]:
    rejecting = True
    for rank, test in enumerate(sorted(tests, key=lambda test: test.p_value)):
        rejecting = rejecting and test.p_value <= ERROR_RATE / (len(tests) - rank)
        agrees = "agrees" if test.precise else "inconclusive"
        yield (test.policy, test.measure), "disagrees" if rejecting else agrees
