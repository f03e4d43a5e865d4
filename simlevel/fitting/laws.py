"""The laws that are fitted: the log probability of each whole step, and of none.

A continuous law is scored by its rounding cell: k steps stand for everything from k - 1/2 to
k + 1/2, and 0 for everything up to 1/2, so that its probabilities compare with those of counts.
Parameters are arrays (parameters x ...), mostly logarithms, in steps of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import special

from simlevel.fitting.sample import Array
from simlevel.model import distribution as d

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
_TINY, _HUGE = math.log(1e-12), math.log(1e15)


class Law:
    """What each law answers; *theta* are its parameters."""

    name: str
    low: Array
    high: Array
    whole = False
    """It is one of counts."""

    def start(self, mean: Array, variance: Array) -> Array:
        """A first guess at the parameters from two moments, in steps."""
        raise NotImplementedError

    def cell(self, theta: Array, steps: Array) -> Array:
        """log P(steps), steps >= 1."""
        raise NotImplementedError

    def nothing(self, theta: Array) -> Array:
        """log P(0)."""
        raise NotImplementedError

    def something(self, theta: Array) -> Array:
        """log(1 - P(0))."""
        return log_complement(self.nothing(theta))

    def moments(self, theta: Array) -> tuple[Array, Array]:
        """Mean and variance, in steps."""
        raise NotImplementedError

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        """The law of one item as a scenario says it, in units."""
        raise NotImplementedError


def log_complement(log_share: Array) -> Array:
    """log(1 - exp(x)), x <= 0."""
    share = np.minimum(log_share, -1e-300)
    with np.errstate(divide="ignore"):
        return np.where(share > -0.7, np.log(-np.expm1(share)), np.log1p(-np.exp(share)))


class Poisson(Law):
    """theta = (log mean)."""

    name, whole = "poisson", True
    low, high = np.array([_TINY]), np.array([_HUGE])

    def start(self, mean: Array, variance: Array) -> Array:
        return np.log(mean)[None]

    def cell(self, theta: Array, steps: Array) -> Array:
        return np.asarray(steps * theta[0] - np.exp(theta[0]) - special.gammaln(steps + 1))

    def nothing(self, theta: Array) -> Array:
        return -np.exp(theta[0])

    def moments(self, theta: Array) -> tuple[Array, Array]:
        return np.exp(theta[0]), np.exp(theta[0])

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        return d.Poisson(mean=math.exp(theta[0]))


class NegativeBinomial(Law):
    """theta = (log mean, log r): variance = mean + mean^2 / r."""

    name, whole = "negative_binomial", True
    low, high = np.array([_TINY, -10.0]), np.array([_HUGE, 14.0])

    def start(self, mean: Array, variance: Array) -> Array:
        size = mean**2 / np.maximum(variance - mean, 0.05 * mean)
        return np.log(np.array([mean, size]))

    def cell(self, theta: Array, steps: Array) -> Array:
        mean, size = np.exp(theta[:2])
        ways = special.gammaln(steps + size) - special.gammaln(size) - special.gammaln(steps + 1)
        return np.asarray(ways - size * np.log1p(mean / size) - steps * np.log1p(size / mean))

    def nothing(self, theta: Array) -> Array:
        mean, size = np.exp(theta[:2])
        return np.asarray(-size * np.log1p(mean / size))

    def moments(self, theta: Array) -> tuple[Array, Array]:
        mean, size = np.exp(theta[:2])
        return mean, mean + mean**2 / size

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        mean, variance = (float(each) for each in self.moments(theta))
        return d.NegativeBinomial(mean=mean, variance=variance)


class PolyaAeppli(Law):
    """Poisson customers with geometric sizes; theta = (log mean, log(mean size - 1)).

    With x = customers / (mean size - 1) and q = 1 - 1 / mean size,
    P(k) = exp(-customers) q^k x M(1 - k, 2, -x), M Kummer's function: Johnson, Kemp and Kotz,
    Univariate Discrete Distributions (3rd ed., 2005), 9.7.
    """

    name, whole = "geometric", True
    low, high = np.array([_TINY, -5.0]), np.array([_HUGE, _HUGE])

    def start(self, mean: Array, variance: Array) -> Array:
        return np.log(np.array([mean, np.maximum((variance / mean - 1) / 2, 0.02)]))

    def cell(self, theta: Array, steps: Array) -> Array:
        customers, more = self._split(theta)
        x, steps = np.broadcast_arrays(customers / more, steps)
        log_q = -np.log1p(1 / more)
        return -customers + steps * log_q + np.log(x) + log_kummer(steps, x)

    def nothing(self, theta: Array) -> Array:
        return -self._split(theta)[0]

    def moments(self, theta: Array) -> tuple[Array, Array]:
        mean, more = np.exp(theta[:2])
        return mean, mean * (1 + 2 * more)

    def rate_and_size(self, theta: Array) -> tuple[float, float]:
        """Customers a period and their mean size, of one item."""
        customers, more = self._split(theta)
        return float(customers), 1 + float(more)

    @staticmethod
    def _split(theta: Array) -> tuple[Array, Array]:
        mean, more = np.exp(theta[:2])
        return mean / (1 + more), more


def log_kummer(steps: Array, x: Array) -> Array:
    """log M(1 - k, 2, -x), k >= 1 whole, x > 0, in three ranges.

    Up to 300 steps by the recurrence of Laguerre's polynomials, M = L(k-1; 1; -x) / k, whose
    terms are all positive; beyond, by Bessel functions where k x is small (Abramowitz and Stegun
    13.3.7) and by the saddlepoint of the compound Poisson law where it is large. They meet to
    1e-4 or better, and take the same time for a million as for ten.
    """
    found = np.empty(np.shape(steps))
    product = steps * x
    few = (steps <= 300) & (product < 1e5)
    thin = ~few & (product < 400)
    many = ~(few | thin)
    if few.any():
        k = steps[few]
        value = special.eval_genlaguerre(k.astype(np.int64) - 1, 1.0, -x[few])
        found[few] = np.log(value / k)
    if thin.any():
        found[thin] = _log_kummer_bessel(steps[thin], x[thin])
    if many.any():
        found[many] = _log_kummer_saddle(steps[many], x[many])
    return found


def _log_kummer_bessel(k: Array, x: Array) -> Array:
    y = 2 * np.sqrt(k * x)
    ratio = np.sqrt(x / (4 * k))
    terms = (
        special.ive(1, y) + ratio**2 * special.ive(3, y)
        + 2 * k / 3 * ratio**3 * special.ive(4, y)
    )  # fmt: skip
    return np.asarray(-x / 2 + y + np.log(2 * terms / y))


def _log_kummer_saddle(k: Array, x: Array) -> Array:
    """Second-order saddlepoint: Jensen, Saddlepoint Approximations (1995), 2.2.

    The cumulants of x w, w' = w (1 + w), at x w (1 + w) = k; Poisson parts cancel.
    """
    w = 2 * k / x / (1 + np.sqrt(1 + 4 * k / x))
    second = k * (1 + 2 * w)
    third = k * (1 + 6 * w * (1 + w))
    fourth = second * (1 + 12 * w * (1 + w))
    refined = fourth / (8 * second**2) - 5 * third**2 / (24 * second**3)
    log_p = x * w - k * np.log(w / (1 + w)) - 0.5 * np.log(second) - _HALF_LOG_TAU
    return np.asarray(log_p + np.log1p(refined) - np.log(x))


class Geometric(Law):
    """1, 2, 3, ...; theta = (log(mean - 1))."""

    name, whole = "geometric", True
    low, high = np.array([-12.0]), np.array([_HUGE])

    def start(self, mean: Array, variance: Array) -> Array:
        return np.log(np.maximum(mean - 1, 1e-6))[None]

    def cell(self, theta: Array, steps: Array) -> Array:
        more = np.exp(theta[0])
        return np.asarray(-np.log1p(more) - (steps - 1) * np.log1p(1 / more))

    def nothing(self, theta: Array) -> Array:
        return np.full(np.shape(theta[0]), -np.inf)

    def moments(self, theta: Array) -> tuple[Array, Array]:
        more = np.exp(theta[0])
        return 1 + more, (1 + more) * more

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        return d.Geometric(mean=1 + math.exp(theta[0]))


class Normal(Law):
    """theta = (log mean, log sd), before draws below 0 become 0."""

    name = "normal"
    low, high = np.array([_TINY, -3.0]), np.array([_HUGE, _HUGE])

    def start(self, mean: Array, variance: Array) -> Array:
        return np.log(np.array([mean, np.sqrt(np.maximum(variance, 0.01))]))

    def cell(self, theta: Array, steps: Array) -> Array:
        mean, sd = np.exp(theta[:2])
        return normal_cell((steps - mean) / sd, 1 / sd)

    def nothing(self, theta: Array) -> Array:
        mean, sd = np.exp(theta[:2])
        return np.asarray(special.log_ndtr((0.5 - mean) / sd))

    def something(self, theta: Array) -> Array:
        mean, sd = np.exp(theta[:2])
        return np.asarray(special.log_ndtr((mean - 0.5) / sd))

    def moments(self, theta: Array) -> tuple[Array, Array]:
        mean, sd = np.exp(theta[:2])
        z = mean / sd
        density = np.exp(-z * z / 2 - _HALF_LOG_TAU)
        first = mean * special.ndtr(z) + sd * density
        second = (mean**2 + sd**2) * special.ndtr(z) + mean * sd * density
        return np.asarray(first), np.asarray(np.maximum(second - first**2, 0))

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        mean, sd = (grid * math.exp(each) for each in theta[:2])
        return d.Normal(mean=mean, sd=sd)


def normal_cell(middle: Array, width: Array) -> Array:
    """log P(middle - width / 2 < Z < middle + width / 2), Z standard normal."""
    middle, width = np.broadcast_arrays(middle, width)
    square = middle * middle
    narrow = -square / 2 - _HALF_LOG_TAU + np.log(width)
    narrow += np.log1p(np.clip(width * width * (square - 1) / 24, -0.5, 1))
    wide = width * np.maximum(np.abs(middle), 1) > 0.03
    if wide.any():
        far, half = -np.abs(middle[wide]), width[wide] / 2
        top = special.log_ndtr(far + half)
        narrow[wide] = top + log_complement(special.log_ndtr(far - half) - top)
    return np.asarray(narrow)


class Lognormal(Law):
    """theta = (mean, log sd) of the logarithm."""

    name = "lognormal"
    low, high = np.array([-40.0, -7.0]), np.array([40.0, 2.5])

    def start(self, mean: Array, variance: Array) -> Array:
        square = np.log1p(variance / mean**2)
        spread = np.sqrt(np.maximum(square, 1e-4))
        return np.array([np.log(mean) - square / 2, np.log(spread)])

    def cell(self, theta: Array, steps: Array) -> Array:
        sd = np.exp(theta[1])
        middle = (np.log(steps) + 0.5 * np.log1p(-0.25 / steps**2) - theta[0]) / sd
        return normal_cell(middle, 2 * np.arctanh(0.5 / steps) / sd)

    def nothing(self, theta: Array) -> Array:
        return np.asarray(special.log_ndtr((math.log(0.5) - theta[0]) / np.exp(theta[1])))

    def something(self, theta: Array) -> Array:
        return np.asarray(special.log_ndtr((theta[0] - math.log(0.5)) / np.exp(theta[1])))

    def moments(self, theta: Array) -> tuple[Array, Array]:
        square = np.exp(2 * theta[1])
        with np.errstate(over="ignore"):
            mean = np.exp(theta[0] + square / 2)
            return mean, mean**2 * np.expm1(square)

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        square = math.exp(2 * theta[1])
        mean = grid * math.exp(theta[0] + square / 2)
        return d.Lognormal(mean=mean, cv=math.sqrt(math.expm1(square)))


class Gamma(Law):
    """theta = (log mean, log shape)."""

    name = "gamma"
    low, high = np.array([_TINY, -7.0]), np.array([_HUGE, 14.0])

    def start(self, mean: Array, variance: Array) -> Array:
        return np.log(np.array([mean, mean**2 / np.maximum(variance, 1e-4 * mean**2)]))

    def cell(self, theta: Array, steps: Array) -> Array:
        mean, shape = np.exp(theta[:2])
        return gamma_cell(shape, shape / mean, steps)

    def nothing(self, theta: Array) -> Array:
        mean, shape = np.exp(theta[:2])
        z = 0.5 * shape / mean
        small = shape * np.log(z) - special.gammaln(shape + 1) - z
        share = special.gammainc(shape, z)
        with np.errstate(divide="ignore"):
            return np.where(share > 1e-290, np.log(share), small)

    def moments(self, theta: Array) -> tuple[Array, Array]:
        mean, shape = np.exp(theta[:2])
        return mean, mean**2 / shape

    def distribution(self, theta: Array, grid: float) -> d.AnyDistribution:
        return d.Gamma(mean=grid * math.exp(theta[0]), cv=math.exp(-theta[1] / 2))


def gamma_cell(shape: Array, rate: Array, steps: Array) -> Array:
    """log P(steps - 1/2 < X < steps + 1/2), X gamma."""
    shape, rate, steps = np.broadcast_arrays(shape, rate, steps)
    slope = (shape - 1) / steps - rate
    bend = (shape - 1) / steps**2
    density = shape * np.log(rate) + (shape - 1) * np.log(steps) - rate * steps
    density -= special.gammaln(shape)
    density += np.log1p(np.clip((slope**2 - bend) / 24, -0.5, 1))
    wide = slope**2 + np.abs(bend) > 1e-3
    if wide.any():
        a, low, high = shape[wide], (rate * (steps - 0.5))[wide], (rate * (steps + 0.5))[wide]
        upper = low > a
        share = np.empty(len(a))
        share[upper] = special.gammaincc(a[upper], low[upper]) - special.gammaincc(
            a[upper], high[upper]
        )
        share[~upper] = special.gammainc(a[~upper], high[~upper]) - special.gammainc(
            a[~upper], low[~upper]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            density[wide] = np.where(share > 1e-290, np.log(share), density[wide])
    return np.asarray(density)


LAWS: Mapping[str, Law] = {
    "poisson": Poisson(), "negative_binomial": NegativeBinomial(), "polya_aeppli": PolyaAeppli(),
    "geometric": Geometric(), "normal": Normal(), "gamma": Gamma(), "lognormal": Lognormal(),
}  # fmt: skip
