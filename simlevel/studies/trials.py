"""What choices of a policy's parameters come to, simulated on the same random numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlevel import words
from simlevel.engines.curve import FastCurve, one_path
from simlevel.engines.fast import FastEngine
from simlevel.engines.ledger import Job, Windows, named
from simlevel.estimation.estimate import Totals, weights
from simlevel.model.fields import as_number
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.studies.evaluate import on_threads, refuse_endless
from simlevel.theory.choices import changed, parameters, shortfall
from simlevel.theory.task import Task, direction

AROUND = 16
"""Levels on either side of the one asked for that a run counts, where one run counts them all."""


class Trial(NamedTuple):
    """How far a choice is from its targets, the worst counting, and what it costs."""

    short: float
    """By how much a target is missed that asks for more stock; 0 where all are met."""
    over: float
    """The same for less stock."""
    other: float
    """The same for targets that ask for neither."""
    cost: float

    @property
    def worth(self) -> tuple[float, float]:
        """The less the better: targets before cost."""
        return max(self.short, self.over, self.other), self.cost


def choice(task: Task, step: Fraction, span: int, level: int) -> Scenario:
    """The scenario with the policy of that choice alone, in steps."""
    new = parameters(task.policy.kind, step, span, level) | dict(task.fix)
    return changed(task.scenario, task.policy_name, new)


@dataclass(frozen=True)
class Trials:
    """Choices of (span, level), in steps, over the same replications.

    Each target is asked for with a margin, on its safe side. Where :func:`one_path` holds, one
    run counts all levels near the one that is asked for.
    """

    task: Task
    step: Fraction
    windows: Windows
    replications: int
    margins: Mapping[str, float]
    _totals: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict)

    def totals(self, span: int, level: int) -> Totals:
        """Totals of a choice by name, one entry a replication."""
        if (span, level) not in self._totals:
            self._run(span, level)
        return named(self._totals[span, level], self.task.scenario)

    def at(self, span: int, level: int) -> Trial:
        """What a choice comes to."""
        totals = self.totals(span, level)
        missed = {1: 0.0, -1: 0.0, 0: 0.0}
        for name, asked in self.task.targets.items():
            reached = self._value(name, totals)
            safe = asked + self.margins[name] * (1 if words.measure(name).at_least else -1)
            by = math.inf if reached is None else shortfall(name, safe, reached)
            beside = 1.0 if words.measure(name).is_share else max(abs(asked), 1e-9)
            side = direction(name)
            missed[side] = max(missed[side], by / beside)
        cost = self._value(self.task.objective, totals)
        return Trial(missed[1], missed[-1], missed[0], math.inf if cost is None else cost)

    def _value(self, name: str, totals: Totals) -> float | None:
        """The ratio of sums; None where it was not observed."""
        measure = words.measure(name)
        below = float(totals[measure.denominator].sum())
        prices = weights(measure, self.task.scenario).items()
        above = sum(price * float(totals[total].sum()) for total, price in prices)
        return above / below if below else None

    def _run(self, span: int, level: int) -> None:
        scenario, name = choice(self.task, self.step, span, level), self.task.policy_name
        policy, seed = scenario.policies[name], scenario.simulation.seed
        assert isinstance(policy, (RQ, SS, BaseStock))
        refuse_endless(scenario, self.windows, self.replications)
        open_level = self.task.held_level(self.step, span) is None
        if not (open_level and one_path(scenario, policy)):
            engine = FastEngine(Job.of(scenario, name, self.windows, seed))
            self._totals[span, level] = np.array([rows[0] for rows in self._rows(engine)])
            return
        levels = range(level - AROUND, level + AROUND + 1)
        several = {str(at): policy.at(as_number(at * self.step)) for at in levels}
        together = scenario.model_copy(update={"policies": several})
        curve = FastCurve(Job.of(together, str(levels[0]), self.windows, seed))
        for at, rows in zip(levels, np.moveaxis(np.array(self._rows(curve)), 1, 0), strict=True):
            self._totals[span, at] = rows

    def _rows(self, engine: FastEngine | FastCurve) -> list[NDArray[np.float64]]:
        with closing(on_threads(engine.run, range(self.replications))) as rows:
            return list(rows)
