"""What settings of one item are worth where no theory says it: simulated, all levels at once."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from simlevel import words
from simlevel.engines.curve import FastCurve
from simlevel.engines.ledger import Job, Totals, Windows
from simlevel.model.demand import PeriodicDemand
from simlevel.model.grid import Grid
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import Stocked
from simlevel.model.scenario import Scenario
from simlevel.studies.portfolio.steps import periodic
from simlevel.theory.choices import changed, parameters
from simlevel.theory.lattice import Array, Law

CUSTOMERS = 50_000
"""Periods with demand that are counted: a fill rate of 95 % is known to about 0.3 points."""
REPLICATIONS = 4
MOST_PERIODS = 10**6
"""Periods of a replication."""
CYCLES = 5
"""Lead times, and times between two orders, that pass before the count begins."""
NAME = "item"


class SimulatedChoices:
    """Measures of a *policy* of the item by its parameters, estimated: each is a ratio of sums.

    *law* is what a period asks for; it and the policy are in steps. All choices meet the same
    demand and lead times, those of *seed*, so that service rises with the level.
    """

    step = Fraction(1)

    def __init__(self, law: Law, lead_time: LeadTime, policy: Stocked, seed: int) -> None:
        self._scenario = Scenario(
            time_unit="period",
            demand=periodic(law),
            lead_time=lead_time,
            policies={NAME: policy},
        )
        self._policy, self._seed, self._mean = policy, seed, law.mean()
        periods = CUSTOMERS / REPLICATIONS / (1 - law.at(0))
        self._length = min(math.ceil(periods), MOST_PERIODS)
        # All quantities are whole steps: only times have to be looked at.
        plain = self._scenario.model_copy(
            update={"demand": PeriodicDemand(quantity=max(math.ceil(self._mean), 1))}
        )
        tick = Grid.of(plain, 2 * self._length).tick
        self._grid = Grid(tick, Fraction(1))
        self._rows: dict[int, tuple[int, Totals]] = {}

    def values(self, measure: str, span: int, first: int, count: int) -> Array:
        """A measure at the levels first, ..., first + count - 1; NaN where it is not known."""
        word = words.measure(measure)
        totals = self._totals(span, first, count)
        above = sum(weight * totals[total] for weight, total in word.numerator)
        below = totals[word.denominator]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(below > 0, above / below, math.nan))

    def _totals(self, span: int, first: int, count: int) -> dict[str, Array]:
        """By name, one entry a level."""
        known = self._rows.get(span)
        if known is None or first < known[0] or first + count > known[0] + len(known[1]):
            low = first if known is None else min(first, known[0])
            high = first + count
            high = high if known is None else max(high, known[0] + len(known[1]))
            self._rows = {span: (low, self._run(span, low, high - low))}
        start, rows = self._rows[span]
        part = rows[first - start : first - start + count]
        return dict(zip(words.TOTALS, part.T, strict=True))

    def _run(self, span: int, first: int, count: int) -> Totals:
        """Totals of all replications, shape (levels, totals)."""
        levels = range(first, first + count)
        new = parameters(self._policy.kind, self.step, span, first)
        lowest = changed(self._scenario, NAME, new).policies[NAME]
        assert not isinstance(lowest, str)
        policies = {str(level): lowest.at(level) for level in levels}
        together = self._scenario.model_copy(update={"policies": policies})
        before = CYCLES * (self._scenario.lead_time.mean() + span / self._mean)
        windows = Windows(min(math.ceil(before), self._length), self._length)
        curve = FastCurve(Job(together, str(first), windows, self._seed, self._grid))
        rows = [curve.run(number) for number in range(REPLICATIONS)]
        return np.asarray(np.sum(rows, axis=0), dtype=np.float64)
