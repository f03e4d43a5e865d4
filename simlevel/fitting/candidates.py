"""The models that compete for a history, each fitted to all items at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from simlevel.fitting.laws import LAWS, Law
from simlevel.fitting.newton import maximise
from simlevel.fitting.sample import Array, Flags, Ints, Sample

NEVER = -np.inf
"""The log likelihood of a model that an item cannot have."""
STEPS = 5
"""Continuous laws take the place of counts from this mean on: half a step is a tenth of it."""
CUT = 0.99
"""Sizes are above 0: at least this share of the draws of a continuous law of them must be."""


@dataclass(frozen=True)
class Fit:
    """One model fitted to each item of a sample; NEVER where it does not apply."""

    theta: Array
    """Three numbers an item: those of the law, in steps, and the probability of a demand; for
    sizes that are constant, the size first."""
    log_likelihood: Array


@dataclass(frozen=True)
class Candidate:
    """A model: its family, how sizes are drawn where customers or periods have one, its cost."""

    family: str
    size: str
    parameters: int
    law: Law | None
    fit: Callable[[Sample, Flags], Fit]

    @property
    def name(self) -> str:
        return f"{self.family}, {self.size} sizes" if self.size else self.family.replace("_", " ")


def _never(items: int) -> Fit:
    return Fit(np.zeros((items, 3)), np.full(items, NEVER))


def _among(sample: Sample, wanted: Flags, fitted: Callable[[Sample], Fit]) -> Fit:
    """*fitted* for the items that are *wanted*, NEVER for the others."""
    found = _never(len(sample))
    if wanted.any():
        some = fitted(sample.take(wanted))
        found.theta[wanted] = some.theta
        found.log_likelihood[wanted] = some.log_likelihood
    return found


def _maximised(sample: Sample, law: Law, *, truncated: bool) -> tuple[Array, Array]:
    """Parameters (parameters x items) of *law*, and the log likelihood.

    Truncated: of the quantities above 0 alone, given that they are.
    """
    start = law.start(*sample.moments(positive=truncated))
    parts: dict[int, Sample] = {}

    def function(theta: Array, which: Flags) -> Array:
        number = int(which.sum())
        if number not in parts:
            parts.clear()
            parts[number] = sample.take(which)
        part = parts[number]
        with np.errstate(all="ignore"):
            each = law.cell(theta[..., part.item], part.quantity)
            total = part.added(part.count * each)
            if truncated:
                total = total - part.demands * law.something(theta)
            else:
                none = np.where(part.zeros > 0, law.nothing(theta), 0.0)
                total = total + part.zeros * none
        return np.asarray(np.nan_to_num(total, nan=-1e300, neginf=-1e300))

    return maximise(function, start, law.low, law.high)


def _plain(law: Law) -> Callable[[Sample], Fit]:
    def fitted(sample: Sample) -> Fit:
        theta, value = _maximised(sample, law, truncated=False)
        return Fit(_three(theta), np.where(value > -1e299, value, NEVER))

    return fitted


def _intermittent(law: Law) -> Callable[[Sample], Fit]:
    """The probability of a quantity above 0 and the law of those separate; of draws that may
    be 0, as many more are needed, which must not be more than all."""

    def fitted(sample: Sample) -> Fit:
        theta, value = _maximised(sample, law, truncated=True)
        with np.errstate(all="ignore"):
            log_share = np.log(sample.demands / sample.periods) - law.something(theta)
        possible = (log_share <= 1e-9) & (value > -1e299)
        if not law.whole:
            possible &= law.something(theta) > math.log(CUT)
        total = np.where(possible, value + _when(sample), NEVER)
        return Fit(_three(theta, np.exp(np.minimum(log_share, 0))), total)

    return fitted


def _three(theta: Array, probability: Array | float = 1.0) -> Array:
    three = np.zeros((theta.shape[1], 3))
    three[:, : len(theta)] = theta.T
    three[:, 2] = probability
    return three


def _when(sample: Sample) -> Array:
    """The log likelihood of which periods have a demand."""
    share = sample.demands / sample.periods
    return np.asarray(special.xlogy(sample.demands, share) + special.xlogy(sample.zeros, 1 - share))


def _constant(sample: Sample) -> Fit:
    theta = np.zeros((len(sample), 3))
    theta[:, 0], theta[:, 2] = sample.quantity, sample.demands / sample.periods
    return Fit(theta, _when(sample))


def lots(sample: Sample) -> Ints:
    """The greatest common divisor of each item's quantities, in steps."""
    firsts = np.flatnonzero(np.append(True, sample.item[1:] != sample.item[:-1]))
    return np.asarray(np.gcd.reduceat(sample.quantity.astype(np.int64), firsts))


def _in_lots(sample: Sample) -> Fit:
    lot = lots(sample).astype(float)
    counted = sample.quantity / lot[sample.item]
    in_lots = Sample(sample.periods, sample.zeros, sample.item, counted, sample.count)
    fitted = _plain(LAWS["poisson"])(in_lots)
    fitted.theta[:, 1] = lot
    return fitted


def _distinct(sample: Sample) -> Ints:
    return np.bincount(sample.item, minlength=len(sample))


def _always(sample: Sample) -> Flags:
    return np.ones(len(sample), dtype=bool)


def _large(sample: Sample, *, positive: bool) -> Flags:
    """A continuous law would not be felt to break units up."""
    return sample.moments(positive=positive)[0] >= STEPS


def _varied(sample: Sample) -> Flags:
    return ((_distinct(sample) > 1) | (sample.zeros > 0)) & _large(sample, positive=False)


def _seldom_nothing(sample: Sample) -> Flags:
    """Draws of these laws are above 0: where they are rounded to it, that is the exception."""
    return _varied(sample) & (sample.zeros <= sample.periods / 2)


def _sizes_varied(sample: Sample) -> Flags:
    return _distinct(sample) > 1


def _large_sizes_varied(sample: Sample) -> Flags:
    return _sizes_varied(sample) & _large(sample, positive=True)


def _overdispersed(sample: Sample) -> Flags:
    mean, variance = sample.moments(positive=False)
    return variance > mean


def _of_law(
    family: str, law: Law, applies: Callable[[Sample], Flags], size: str = "", *, more: int = 0
) -> Candidate:
    """*law* for the whole demand of a period, or, as *size*, for that of periods with one."""
    fitted = _intermittent(law) if family == "intermittent" else _plain(law)

    def fit(sample: Sample, whole: Flags) -> Fit:
        wanted = applies(sample) & (whole | (not law.whole))
        return _among(sample, wanted, fitted)

    return Candidate(family, size, len(law.low) + more, law, fit)


def _sized(name: str) -> Candidate:
    law = LAWS[name]
    varied = _sizes_varied if law.whole else _large_sizes_varied
    applies = _always if name == "geometric" else varied
    return _of_law("intermittent", law, applies, name, more=1)


def _lot_fit(sample: Sample, whole: Flags) -> Fit:
    return _among(sample, whole & (lots(sample) > 1), _in_lots)


def _constant_fit(sample: Sample, whole: Flags) -> Fit:
    return _among(sample, _distinct(sample) == 1, _constant)


def _empirical_fit(sample: Sample, whole: Flags) -> Fit:
    """Probabilities are the shares of the periods."""
    total = sample.added(special.xlogy(sample.count, sample.count))
    total += special.xlogy(sample.zeros, sample.zeros)
    total -= special.xlogy(sample.periods, sample.periods)
    return Fit(np.zeros((len(sample), 3)), total)


def log_evidence(sample: Sample) -> Array:
    """The log probability of a history when nothing is known of its law, any order of periods.

    The law is a draw of a Dirichlet process of concentration 1 whose guess at a quantity never
    seen is 1 / ((k + 1)(k + 2)) for k steps: heavy-tailed and without a scale. Each quantity
    seen before is as likely as it was frequent, a new one has 1 chance in 1 + periods so far:
    Ferguson, Annals of Statistics 1 (1973), 209-230.
    """

    def of(steps: Array, count: Array) -> Array:
        guess = 1 / ((steps + 1) * (steps + 2))
        return np.asarray(special.gammaln(guess + count) - special.gammaln(guess))

    seen = sample.added(of(sample.quantity, sample.count))
    none = np.where(sample.zeros > 0, of(np.zeros(len(sample)), sample.zeros), 0.0)
    return np.asarray(seen + none - special.gammaln(1 + sample.periods))


CANDIDATES: tuple[Candidate, ...] = (
    _of_law("poisson", LAWS["poisson"], _always),
    _of_law("negative_binomial", LAWS["negative_binomial"], _overdispersed),
    Candidate("compound_poisson", "constant", 1, None, _lot_fit),
    _of_law("compound_poisson", LAWS["polya_aeppli"], _overdispersed, "geometric"),
    Candidate("intermittent", "constant", 2, None, _constant_fit),
    *map(_sized, ("geometric", "poisson", "negative_binomial", "normal", "gamma", "lognormal")),
    _of_law("normal", LAWS["normal"], _varied),
    _of_law("gamma", LAWS["gamma"], _seldom_nothing),
    _of_law("lognormal", LAWS["lognormal"], _seldom_nothing),
    Candidate("empirical", "", 0, None, _empirical_fit),
)
"""Where two score alike the first is taken."""
FAMILIES = tuple(dict.fromkeys(each.family for each in CANDIDATES))
