"""The demand model of each item, chosen by likelihood with a penalty."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from simlevel.fitting.candidates import CANDIDATES, NEVER, Candidate, credible, log_evidence
from simlevel.fitting.classification import classified
from simlevel.fitting.laws import LAWS, PolyaAeppli, shown
from simlevel.fitting.sample import Array, Flags, Ints, Sample, Words, grid_of
from simlevel.model import demand as m
from simlevel.model import distribution as d
from simlevel.model.fields import LARGEST
from simlevel.scenario_file import table_text

PERIODS = 12
"""Fewer do not hold a year of months, and leave an sd uncertain by more than a fifth:
1 / sqrt(2 n)."""
DEMANDS = 2
"""With one there is no interval between demands, and no telling how sizes vary. Fitted to the first
part of real records, items with two served the rest no worse than items with three to six."""
NOTHING = 2.0
"""Scores that differ by less do not tell models apart: Kass and Raftery, Journal of the American
Statistical Association 90 (1995), 773-795."""
LEAN = 1.0
"""Half of that: other laws are taken before a gamma law only where their score is lower by more.
Its tail lies between theirs, so in place of one of them it asks for nearly the same stock; found
on generated items of known kind."""
AT_ONCE = 4096
"""Items in a chunk, so that memory does not grow with their number."""
MOST_LISTED = 4096


@dataclass(frozen=True)
class Fitted:
    """What was found of each item; the first axis is always the items."""

    history: Array
    """Items x periods, in units; NaN where not known. That which was given."""
    grid: Array
    """What quantities are whole multiples of, in units."""
    periods: Array
    demands: Array
    """Periods known, and those with demand."""
    mean: Array
    variance: Array
    """Of the quantity of a period, zeros included, in units."""
    interval: Array
    """Mean interval between demands: periods / those with demand; inf without one."""
    squared_cv: Array
    """Of the quantities above 0; 0 without one."""
    classification: Words
    """smooth, erratic, intermittent or lumpy; empty without a demand."""
    reason: Words
    """Why an item was left out; empty where it was fitted."""
    log_likelihood: Array
    """Items x CANDIDATES; -inf where a model does not apply."""
    score: Array
    """Items x CANDIDATES: -2 log likelihood + parameters x log(demands), lower is better."""
    parameters: Array
    """Items x CANDIDATES x 3, as :class:`simlevel.fitting.candidates.Fit` says."""

    def __len__(self) -> int:
        return len(self.grid)

    @cached_property
    def chosen(self) -> Ints:
        """The place in CANDIDATES of each item's model; -1 where it was left out.

        That with the lowest score, LEAN less for a gamma law; where it counts units, the first of
        such that come within NOTHING of it.
        """
        gamma = np.array([each.family == "gamma" for each in CANDIDATES])
        lowest = np.argmin(self.score - LEAN * gamma, axis=1)
        counts = np.array([each.counts for each in CANDIDATES])
        alike = counts & (self.score <= self.score.min(axis=1, keepdims=True) + NOTHING)
        place = np.where(counts[lowest], np.argmax(alike, axis=1), lowest)
        return np.asarray(np.where(self.reason == "", place, -1))

    @property
    def family(self) -> Words:
        """The chosen family's name; empty where an item was left out."""
        names = np.array([*(each.family for each in CANDIDATES), ""])
        return np.asarray(names[self.chosen])

    def best_of(self, family: str) -> Ints:
        """The place of the best model of *family* for each item; -1 where none applies."""
        inside = np.array([each.family == family for each in CANDIDATES])
        scores = np.where(inside, self.score, np.inf)
        return np.asarray(np.where(np.isfinite(scores).any(axis=1), scores.argmin(axis=1), -1))

    def moments(self) -> tuple[Array, Array]:
        """Mean and variance of the demand of a period by the chosen models, in units; those of
        the history where it stands for itself, nan where an item was left out."""
        return self._chosen_moments

    @cached_property
    def _chosen_moments(self) -> tuple[Array, Array]:
        mean = np.where(self.chosen < 0, np.nan, self.mean)
        variance = np.where(self.chosen < 0, np.nan, self.variance)
        for place, candidate in enumerate(CANDIDATES):
            rows = np.flatnonzero(self.chosen == place)
            if candidate.family == "empirical" or not len(rows):
                continue
            theta = self.parameters[rows, place]
            mean[rows], variance[rows] = _moments_of(candidate, theta, self.grid[rows])
        return mean, variance

    def text(self, item: int, every: float = 1.0) -> str:
        """The section [demand] of a scenario file, for the chosen model of one *item*."""
        return table_text("demand", self.demand(item, every))

    def demand(
        self, item: int, every: float = 1.0, *, model: int | None = None, continuous: bool = True
    ) -> m.PeriodicDemand | m.PoissonDemand | m.HistoryDemand:
        """The demand of one *item*, a period being *every* time units.

        The chosen model, or the *model* at that place in CANDIDATES. Poisson and compound Poisson
        are customers in continuous time, or, unless *continuous*, the sum of a period's at once.
        Raises ValueError where the item was left out or cannot have that model.
        """
        place = int(self.chosen[item]) if model is None else model
        if place < 0 or not math.isfinite(self.score[item, place]):
            raise ValueError(self.reason[item] or f"no {CANDIDATES[place].name} for this history")
        theta, grid = self.parameters[item, place], float(self.grid[item])
        if CANDIDATES[place].family == "empirical":
            values = self.history[item]
            known = [as_number(each) for each in values[~np.isnan(values)].tolist()]
            return m.HistoryDemand(values=tuple(known), every=as_number(every))
        return _demand(CANDIDATES[place], theta, grid, every, continuous)


def as_number(value: float) -> float:
    """Whole numbers as int."""
    return int(value) if value == int(value) else value


def fit(
    history: Array,
    grid: Array | None = None,
    *,
    least_periods: int = PERIODS,
    least_demands: int = DEMANDS,
) -> Fitted:
    """Fit every candidate to every item of *history*: items x periods, in units.

    Zeros are periods without demand, NaN periods before an item existed; *grid* is what
    quantities were rounded to, found from them if left out. Items with fewer than *least_periods*
    periods or *least_demands* of them with demand get a reason, not a model. Raises ValueError
    where a quantity is negative or infinite.

    Each parameter costs log(periods with demand): Schwarz, Annals of Statistics 6 (1978),
    461-464, counting events as Volinsky and Raftery, Biometrics 56 (2000), 256-262, do where most
    observations hold none. The score so approximates -2 log of a marginal likelihood, which for
    the history itself :func:`simlevel.fitting.candidates.log_evidence` gives exactly.
    """
    history = np.asarray(history, dtype=float)
    if not np.all(np.isnan(history) | ((history >= 0) & (history < np.inf))):
        raise ValueError("expected quantities of 0 or more, and NaN where a period is not known")
    grid = grid_of(history) if grid is None else np.asarray(grid, dtype=float)
    least = max(least_periods, 1), max(least_demands, 1)
    parts = [
        _fit(history[first : first + AT_ONCE], grid[first : first + AT_ONCE], least)
        for first in range(0, max(len(history), 1), AT_ONCE)
    ]
    names = (name for name in Fitted.__dataclass_fields__ if name != "history")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Fitted(history=history, **joined)


def _fit(history: Array, grid: Array, least: tuple[int, int]) -> Fitted:
    known = ~np.isnan(history)
    above = np.nan_to_num(history) > 0
    periods, demands = known.sum(axis=1).astype(float), above.sum(axis=1).astype(float)
    mean, variance = _moments(history, known)
    size, size_variance = _moments(history, above)
    squared_cv = size_variance / np.where(size > 0, size, 1) ** 2
    interval = np.where(demands > 0, periods / np.maximum(demands, 1), np.inf)
    classes = np.where(demands > 0, classified(interval, squared_cv), "")
    reason = np.array([*_reasons(periods, demands, least)], dtype=np.str_)
    likelihood, score, parameters = _scored(history, grid, reason == "")
    return Fitted(
        history, grid, periods, demands, mean, variance, interval, squared_cv, classes, reason,
        likelihood, score, parameters,
    )  # fmt: skip


def _moments(history: Array, counted: Flags) -> tuple[Array, Array]:
    number = np.maximum(counted.sum(axis=1), 1)
    mean = np.where(counted, history, 0.0).sum(axis=1) / number
    from_mean = np.where(counted, history - mean[:, None], 0.0)
    return mean, np.square(from_mean).sum(axis=1) / number


def _reasons(periods: Array, demands: Array, least: tuple[int, int]) -> Iterator[str]:
    for known, asked in zip(periods.astype(int), demands.astype(int), strict=True):
        if known < least[0]:
            yield f"{known} periods of history, fewer than {least[0]}"
        elif asked < least[1]:
            few = f"demand in {asked} of {known} periods, fewer than {least[1]}"
            yield few if asked else f"no demand in {known} periods"
        else:
            yield ""


def _scored(history: Array, grid: Array, fitted: Flags) -> tuple[Array, Array, Array]:
    """Log likelihood, score and parameters of every candidate for the items to be *fitted*."""
    shape = len(history), len(CANDIDATES)
    likelihood, score = np.full(shape, NEVER), np.full(shape, np.inf)
    parameters = np.zeros((*shape, 3))
    if not fitted.any():
        return likelihood, score, parameters
    sample, whole = Sample.of(history[fitted], grid[fitted]), grid[fitted] == 1
    for place, candidate in enumerate(CANDIDATES):
        found = candidate.fit(sample, whole)
        likelihood[fitted, place] = found.log_likelihood
        parameters[fitted, place] = found.theta
        penalty = candidate.parameters * np.log(sample.demands)
        if candidate.law is not None:
            found = credible(candidate.law, found, sample)
            likelihood[fitted, place] = found.log_likelihood
        evidence = log_evidence(sample) if candidate.family == "empirical" else None
        score[fitted, place] = -2 * (found.log_likelihood if evidence is None else evidence)
        score[fitted, place] += penalty
    return likelihood, score, parameters


# --- as a scenario says it -------------------------------------------------------------------


def _demand(
    candidate: Candidate, theta: Array, grid: float, every: float, continuous: bool
) -> m.PeriodicDemand | m.PoissonDemand:
    if candidate.family in ("poisson", "compound_poisson") and continuous:
        rate, size = _customers(candidate, theta)
        return m.PoissonDemand(rate=shown(rate / every), size=size)
    share = shown(float(theta[2])) if candidate.family == "intermittent" else 1
    every = as_number(every)
    quantity = _quantity(candidate, theta, grid)
    return m.PeriodicDemand(quantity=quantity, probability=min(share, 1), every=every)


def _customers(candidate: Candidate, theta: Array) -> tuple[float, d.AnyDistribution]:
    """Customers a period, and what each of them asks for."""
    if isinstance(candidate.law, PolyaAeppli):
        rate, mean = candidate.law.rate_and_size(theta)
        return rate, d.Geometric(mean=shown(mean))
    lot = int(theta[1]) if candidate.size else 1
    return math.exp(theta[0]), d.Constant(value=lot)


def _moments_of(candidate: Candidate, theta: Array, grid: Array) -> tuple[Array, Array]:
    """Mean and variance of a period's demand, zeros included, in units."""
    if candidate.law is not None:
        size, spread = candidate.law.moments(theta.T)
    elif candidate.family == "compound_poisson":
        size, spread = (lots := theta[:, 1]) * np.exp(theta[:, 0]), lots**2 * np.exp(theta[:, 0])
    else:
        size, spread = theta[:, 0], np.zeros(len(theta))
    mean = theta[:, 2] * size
    return grid * mean, grid**2 * (theta[:, 2] * (spread + size**2) - mean**2)


def _quantity(candidate: Candidate, theta: Array, grid: float) -> d.AnyDistribution:
    if candidate.family == "compound_poisson":
        return _listed(candidate, theta)
    if candidate.law is None:
        return d.Constant(value=shown(float(theta[0]) * grid))
    return candidate.law.distribution(theta, grid)


def _listed(candidate: Candidate, theta: Array) -> d.Discrete:
    """The sum of a period's customers, value by value; very many values in coarser steps."""
    lot = 1 if candidate.law else int(theta[1])
    law = candidate.law or LAWS["poisson"]
    mean, variance = (float(each) for each in law.moments(theta))
    last = math.ceil(mean + 8 * math.sqrt(variance) + 20 * (1 + variance / mean))
    step = -(-last // MOST_LISTED)
    steps = np.arange((step + 1) // 2, last + step, step, dtype=float)
    log_mass = np.append(law.nothing(theta), law.cell(theta, steps) + math.log(step))
    steps = np.append(0.0, steps)
    mass = np.exp(log_mass - special.logsumexp(log_mass))
    kept = (mass > 1e-14) & (steps * lot <= LARGEST)
    shares = mass[kept] / mass[kept].sum()
    values = (steps[kept] * lot).astype(int)
    return d.Discrete(values=tuple(values.tolist()), probabilities=tuple(shares.tolist()))
