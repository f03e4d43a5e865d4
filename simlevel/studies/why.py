"""Why the formula that people are taught is off: its gap, one cause at a time."""

from __future__ import annotations

from collections.abc import Mapping

from simlevel.studies.result import Result
from simlevel.theory.gap import Step, steps

MEASURES = ("cycle_service_level", "fill_rate")


def why(result: Result) -> Mapping[str, Mapping[str, tuple[Step, ...]]]:
    """By policy and measure, the steps from the plain textbook value to the best one.

    The best value is the exact one, or the simulated one where theory has none. The changes
    add up to the whole gap. Without either, or where no textbook reaches, there are no steps.
    """
    return {
        name: {measure: _steps(result, name, measure) for measure in MEASURES}
        for name in result.policies
    }


def _steps(result: Result, policy: str, measure: str) -> tuple[Step, ...]:
    best = result.policies[policy].measures[measure].best
    return () if best is None else steps(result.scenario, policy, measure, best)
