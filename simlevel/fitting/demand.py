"""The demand model of each item, chosen by likelihood with a penalty."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from simlevel.fitting.candidates import CANDIDATES, NEVER, Candidate, Fit, log_evidence
from simlevel.fitting.classification import Words, classified
from simlevel.fitting.laws import LAWS, PolyaAeppli
from simlevel.fitting.sample import Array, Flags, Ints, Sample, grid_of
from simlevel.model import demand as m
from simlevel.model import distribution as d

PERIODS = 12
"""With fewer, sums over a few periods are hardly seen twice."""
DEMANDS = 3
"""With fewer, there are not two intervals between demands, nor a spread of sizes to check."""
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
    """Items x CANDIDATES: -2 log likelihood + parameters x log(periods), lower is better."""
    parameters: Array
    """Items x CANDIDATES x 3, as :class:`simlevel.fitting.candidates.Fit` says."""

    def __len__(self) -> int:
        return len(self.grid)

    @property
    def chosen(self) -> Ints:
        """The place in CANDIDATES of each item's model; -1 where it was left out."""
        return np.where(self.reason == "", np.argmin(self.score, axis=1), -1)

    @property
    def family(self) -> Words:
        """The chosen family's name; empty where an item was left out."""
        names = np.array([*(each.family for each in CANDIDATES), ""])
        return np.asarray(names[self.chosen])

    def best_of(self, family: str) -> Ints:
        """The place of the best model of *family* for each item."""
        inside = np.array([each.family == family for each in CANDIDATES])
        return np.argmin(np.where(inside, self.score, np.inf), axis=1)

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
            return m.HistoryDemand(values=tuple(known), every=every)
        return _demand(CANDIDATES[place], theta, grid, every, continuous)


def as_number(value: float) -> float:
    """Whole numbers as int."""
    return int(value) if value == int(value) else value


def fit(history: Array, grid: Array | None = None) -> Fitted:
    """Fit every candidate to every item of *history*: items x periods, in units.

    Zeros are periods without demand, NaN periods before an item existed; *grid* is what
    quantities were rounded to, found from them if left out. Items with fewer than PERIODS periods
    or DEMANDS periods with demand get a reason, not a model. Raises ValueError where a quantity
    is negative or infinite.

    The penalty is that of Schwarz, Annals of Statistics 6 (1978), 461-464, since then the score
    of each model approximates -2 log of what the history itself scores as
    :func:`simlevel.fitting.candidates.log_evidence`.
    """
    history = np.asarray(history, dtype=float)
    if not np.all(np.isnan(history) | ((history >= 0) & (history < np.inf))):
        raise ValueError("expected quantities of 0 or more, and NaN where a period is not known")
    grid = grid_of(history) if grid is None else np.asarray(grid, dtype=float)
    parts = [
        _fit(history[first : first + AT_ONCE], grid[first : first + AT_ONCE])
        for first in range(0, max(len(history), 1), AT_ONCE)
    ]
    names = (name for name in Fitted.__dataclass_fields__ if name != "history")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Fitted(history=history, **joined)


def _fit(history: Array, grid: Array) -> Fitted:
    known = ~np.isnan(history)
    above = np.nan_to_num(history) > 0
    periods, demands = known.sum(axis=1).astype(float), above.sum(axis=1).astype(float)
    mean, variance = _moments(history, known)
    size, size_variance = _moments(history, above)
    squared_cv = size_variance / np.where(size > 0, size, 1) ** 2
    interval = np.where(demands > 0, periods / np.maximum(demands, 1), np.inf)
    classes = np.where(demands > 0, classified(interval, squared_cv), "")
    reason = np.array([*_reasons(periods, demands)], dtype=np.str_)
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


def _reasons(periods: Array, demands: Array) -> Iterator[str]:
    for known, asked in zip(
        periods.astype(int).tolist(), demands.astype(int).tolist(), strict=True
    ):
        if known < PERIODS:
            yield f"{_count(known)} of history, fewer than {PERIODS}"
        elif asked < DEMANDS:
            yield f"{asked or 'no'} demand{'s' * (asked != 1)} in {_count(known)}, fewer than {DEMANDS}"
        else:
            yield ""


def _count(periods: int) -> str:
    return f"{periods} period{'' if periods == 1 else 's'}"


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
            found = _credible(candidate, found, sample)
            likelihood[fitted, place] = found.log_likelihood
        evidence = log_evidence(sample) if candidate.family == "empirical" else None
        score[fitted, place] = -2 * (found.log_likelihood if evidence is None else evidence)
        score[fitted, place] += penalty
    return likelihood, score, parameters


def _credible(candidate: Candidate, found: Fit, sample: Sample) -> Fit:
    """Without those whose mean lies more than 2 standard errors from that of the history.

    The tail of a lognormal law fitted to a few quantities can carry a mean of any size.
    """
    mean, variance = sample.moments(positive=False)
    with np.errstate(all="ignore"):
        implied = candidate.law.moments(found.theta.T)[0] * found.theta[:, 2]
    off = np.abs(implied - mean) > 2 * np.sqrt(variance / sample.periods) + 0.1
    return Fit(found.theta, np.where(off, NEVER, found.log_likelihood))


# --- as a scenario says it -------------------------------------------------------------------


def _demand(
    candidate: Candidate, theta: Array, grid: float, every: float, continuous: bool
) -> m.PeriodicDemand | m.PoissonDemand:
    if candidate.family in ("poisson", "compound_poisson") and continuous:
        rate, size = _customers(candidate, theta)
        return m.PoissonDemand(rate=rate / every, size=size)
    quantity = _quantity(candidate, theta, grid)
    share = min(float(theta[2]), 1.0) if candidate.family == "intermittent" else 1
    share = 1 if share > 1 - 1e-12 else share
    return m.PeriodicDemand(quantity=quantity, probability=share, every=every)


def _customers(candidate: Candidate, theta: Array) -> tuple[float, d.AnyDistribution]:
    """Customers a period, and what each of them asks for."""
    if isinstance(candidate.law, PolyaAeppli):
        rate, mean = candidate.law.rate_and_size(theta)
        return rate, d.Geometric(mean=mean)
    lot = int(theta[1]) if candidate.size else 1
    return math.exp(theta[0]), d.Constant(value=lot)


def _quantity(candidate: Candidate, theta: Array, grid: float) -> d.AnyDistribution:
    if candidate.family == "compound_poisson":
        return _listed(candidate, theta)
    if candidate.law is None:
        return d.Constant(value=as_number(round(float(theta[0]) * grid, 12)))
    return candidate.law.distribution(theta, grid)


def _listed(candidate: Candidate, theta: Array) -> d.Discrete:
    """The sum of a period's customers, value by value; very large ones in coarser steps."""
    if isinstance(candidate.law, PolyaAeppli):
        mean, variance = (float(each) for each in candidate.law.moments(theta))
        lot, more = 1, math.exp(theta[1])
    else:
        mean = variance = math.exp(theta[0])
        lot, more = int(theta[1]), 0.0
    last = math.ceil(mean + 8 * math.sqrt(variance) + 32 * (1 + more))
    step = -(-last // MOST_LISTED)
    steps = np.arange(0.0, last + step, step)
    log_mass = np.empty(len(steps))
    if isinstance(candidate.law, PolyaAeppli):
        log_mass[1:] = candidate.law.cell(theta, steps[1:])
    else:
        log_mass[1:] = LAWS["poisson"].cell(theta, steps[1:])
    log_mass += math.log(step)
    log_mass[0] = (
        -candidate.law._split(theta)[0] if isinstance(candidate.law, PolyaAeppli) else -mean
    )
    mass = np.exp(log_mass - special.logsumexp(log_mass))
    kept = mass > 1e-14
    values = (steps[kept] * lot).astype(int).tolist()
    return d.Discrete(
        values=tuple(values), probabilities=tuple((mass[kept] / mass[kept].sum()).tolist())
    )
