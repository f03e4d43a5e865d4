"""Lay a derived answer beside the SimPy engine's: shared by the tests of the theory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from simlevel.engines.ledger import Job, Windows, named
from simlevel.engines.process import SimPyEngine
from simlevel.model.scenario import Scenario
from simlevel.theory.answer import Answer

REPLICATIONS = 16
ALARM = 1e-6
"""Chance that one right measure is called wrong; some 500 are compared in all the tests, so
that right code passes more than 999 times in 1,000."""


def scenario(**data: Any) -> Scenario:
    return Scenario.model_validate(data)


def one(**policy: Any) -> dict[str, Any]:
    return {"only": policy}


def simulate(case: Scenario, horizon: float, warmup: float) -> list[Mapping[str, Any]]:
    engine = SimPyEngine(Job.of(case, "only", Windows(warmup, horizon), 1))
    return [named(engine.run(number)[0], case) for number in range(REPLICATIONS)]


def disagreements(
    case: Scenario, answers: Mapping[str, Answer], horizon: float = 2000, warmup: float = 200
) -> dict[str, tuple[float, float, float]]:
    """Measures whose exact value lies outside the interval of the simulation: exact value,
    estimate and half-width. Ratios of sums, with the delta method over replications."""
    runs = simulate(case, horizon, warmup)
    critical = float(stats.t.isf(ALARM / 2, REPLICATIONS - 1))
    found = {}
    for measure in case.measure_words():
        if measure.name not in answers or not measure.numerator:
            continue
        top = np.array([sum(w * run[name] for w, name in measure.numerator) for run in runs])
        bottom = np.array([run[measure.denominator] for run in runs])
        estimate = top.sum() / bottom.sum()
        spread = (top - estimate * bottom).std(ddof=1) / bottom.mean()
        half = critical * spread / np.sqrt(REPLICATIONS) + 1e-9
        if not spread:  # no failure was seen: as likely as exp(-failures expected)
            half += -np.log(ALARM) / bottom.sum()
        value = answers[measure.name].value
        if abs(value - estimate) > half:
            found[measure.name] = (value, float(estimate), float(half))
    return found
