"""The lead-time model of each item or supplier, chosen as demand is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simlevel.fitting.candidates import NEVER, Fit, credible, log_evidence, plain, shares_fit
from simlevel.fitting.laws import LAWS, Law, shown
from simlevel.fitting.sample import Array, Flags, Ints, Sample, Words, grid_of
from simlevel.model import distribution as d
from simlevel.model.lead_time import LeadTime

RECORDS = 5
"""With fewer, the largest of them is below the median one time in sixteen or more."""


@dataclass(frozen=True)
class Candidate:
    """A distribution, its cost in parameters, and how it is fitted to all items at once."""

    name: str
    parameters: int
    fit: Callable[[Sample], Fit]


def _constant(sample: Sample) -> Fit:
    mean, variance = sample.moments(positive=False)
    theta = np.zeros((len(sample), 3))
    theta[:, 0] = mean
    return Fit(theta, np.where(variance == 0, 0.0, NEVER))


def _of_law(law: Law) -> Callable[[Sample], Fit]:
    def fit(sample: Sample) -> Fit:
        varied = sample.moments(positive=False)[1] > 0
        theta, value = np.zeros((len(sample), 3)), np.full(len(sample), NEVER)
        if varied.any():
            some = sample.take(varied)
            found = credible(law, plain(law)(some), some)
            theta[varied], value[varied] = found.theta, found.log_likelihood
        return Fit(theta, value)

    return fit


CANDIDATES: tuple[Candidate, ...] = (
    Candidate("constant", 1, _constant),
    Candidate("exponential", 1, _of_law(LAWS["exponential"])),
    Candidate("gamma", 2, _of_law(LAWS["gamma"])),
    Candidate("lognormal", 2, _of_law(LAWS["lognormal"])),
    Candidate("normal", 2, _of_law(LAWS["normal"])),
    Candidate("empirical", 0, lambda sample: shares_fit(sample, _nobody(sample))),
)
"""Where two score alike the first is taken."""


def _nobody(sample: Sample) -> Flags:
    return np.zeros(len(sample), dtype=bool)


@dataclass(frozen=True)
class FittedLeadTimes:
    """What was found; the first axis is always the items. Times in the records' unit."""

    records: Array
    """Items x records; NaN where there are no more."""
    grid: Array
    count: Array
    mean: Array
    variance: Array
    reason: Words
    """Why an item was left out; empty where it was fitted."""
    log_likelihood: Array
    score: Array
    """Items x CANDIDATES, lower is better, as for demand."""
    parameters: Array

    @cached_property
    def chosen(self) -> Ints:
        """The place in CANDIDATES; -1 where an item was left out."""
        return np.asarray(np.where(self.reason == "", np.argmin(self.score, axis=1), -1))

    def lead_time(self, item: int, unit: float = 1.0, *, model: int | None = None) -> LeadTime:
        """The lead time of one *item*; *unit* is the records' unit in time units.

        Raises ValueError where the item was left out or cannot have that *model*.
        """
        place = int(self.chosen[item]) if model is None else model
        if place < 0 or not math.isfinite(self.score[item, place]):
            raise ValueError(self.reason[item] or f"no {CANDIDATES[place].name} for these records")
        name, theta = CANDIDATES[place].name, self.parameters[item, place]
        step = float(self.grid[item]) * unit
        if name == "constant":
            return LeadTime(distribution=d.Constant(value=shown(float(theta[0]) * step)))
        if name == "empirical":
            known = self.records[item][~np.isnan(self.records[item])]
            return LeadTime(distribution=listed(known * unit))
        return LeadTime(distribution=LAWS[name].distribution(theta, step))


def listed(values: Array) -> d.Discrete:
    """Each value with its share."""
    distinct, counts = np.unique(values, return_counts=True)
    shares = (counts / counts.sum()).tolist()
    return d.Discrete(values=tuple(map(shown, distinct.tolist())), probabilities=tuple(shares))


def fit_lead_times(records: Array, grid: Array | None = None) -> FittedLeadTimes:
    """Fit every candidate to the recorded lead times: items x records, NaN where no more.

    Scored as :func:`simlevel.fitting.demand.fit` scores demand: by the probability of the cell
    that a record was rounded from, with the penalty of Schwarz. Items with fewer than RECORDS
    records get a reason, not a model. Raises ValueError where a record is negative or infinite.
    """
    records = np.asarray(records, dtype=float)
    if not np.all(np.isnan(records) | ((records >= 0) & (records < np.inf))):
        raise ValueError("expected lead times of 0 or more, and NaN where there are no more")
    grid = grid_of(records) if grid is None else np.asarray(grid, dtype=float)
    known = ~np.isnan(records)
    count = known.sum(axis=1)
    mean = np.where(known, records, 0.0).sum(axis=1) / np.maximum(count, 1)
    spread = np.where(known, records - mean[:, None], 0.0)
    variance = np.square(spread).sum(axis=1) / np.maximum(count, 1)
    reason = np.array([*map(_reason, count.tolist(), mean.tolist())], dtype=np.str_)
    likelihood, score, parameters = _scored(records, grid, reason == "")
    return FittedLeadTimes(
        records, grid, count.astype(float), mean, variance, reason, likelihood, score, parameters
    )


def _reason(count: int, mean: float) -> str:
    if count < RECORDS:
        return f"{count or 'no'} record{'s' * (count != 1)}, fewer than {RECORDS}"
    return "" if mean > 0 else "no lead time above 0"


def _scored(records: Array, grid: Array, fitted: Flags) -> tuple[Array, Array, Array]:
    shape = len(records), len(CANDIDATES)
    likelihood, score = np.full(shape, NEVER), np.full(shape, np.inf)
    parameters = np.zeros((*shape, 3))
    if not fitted.any():
        return likelihood, score, parameters
    sample = Sample.of(records[fitted], grid[fitted])
    for place, candidate in enumerate(CANDIDATES):
        found = candidate.fit(sample)
        evidence = log_evidence(sample) if candidate.name == "empirical" else found.log_likelihood
        likelihood[fitted, place] = found.log_likelihood
        parameters[fitted, place] = found.theta
        score[fitted, place] = candidate.parameters * np.log(sample.periods) - 2 * evidence
    return likelihood, score, parameters
