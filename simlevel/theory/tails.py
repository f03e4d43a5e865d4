"""Tails of distributions: P(X > x) and the expected excess E(X - x)^+, stable far out.

The functions of one family take arrays, one parameter set an entry, and broadcast them; those of
any distribution take one of the scenario's. x, mean and excess are in the units of X, variance
in those units squared. All are exact but for rounding.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simlevel.model import distribution as d

Numbers: TypeAlias = NDArray[np.float64]
Amounts: TypeAlias = float | Numbers


# --- one function a family: P(X > x), and E(X - x)^+ ----------------------------------------


def normal_survival(x: Amounts, mean: Amounts, sd: Amounts) -> Numbers:
    """P(X > x) = Phi((mean - x) / sd) of the normal distribution, not clipped.

    >>> round(float(normal_survival(60, 50, 8)), 4)  # 1 - Phi(1.25), normal table
    0.1056
    """
    return np.asarray(special.ndtr(np.subtract(mean, x) / sd), dtype=np.float64)


def normal_excess(x: Amounts, mean: Amounts, sd: Amounts) -> Numbers:
    """E(X - x)^+ = sd G(k), G(k) = phi(k) - k P(Z > k), k = (x - mean) / sd; not clipped.

    Silver, Pyke and Thomas (4th ed., 2017), app. on the unit normal distribution.

    >>> round(float(normal_excess(60, 50, 8)), 3)  # 8 x 0.0506, table of G at 1.25
    0.405
    """
    k = np.subtract(x, mean) / sd
    tail = special.ndtr(-k)
    with np.errstate(under="ignore"):
        loss = np.exp(-k * k / 2) / math.sqrt(2 * math.pi) - k * tail
    return np.asarray(np.maximum(loss, 0.0) * sd, dtype=np.float64)


def gamma_survival(x: Amounts, mean: Amounts, variance: Amounts) -> Numbers:
    """P(X > x) = Gamma(a, x / b) / Gamma(a), a = mean^2 / variance, b = variance / mean.

    >>> round(float(gamma_survival(1, mean=2, variance=2)), 4)  # Erlang-2: (1 + 1) / e
    0.7358
    """
    shape = np.square(mean) / variance
    return np.asarray(special.gammaincc(shape, np.maximum(x, 0.0) * shape / mean), dtype=np.float64)


def gamma_excess(x: Amounts, mean: Amounts, variance: Amounts) -> Numbers:
    """E(X - x)^+ = mean P(X' > x) - x P(X > x), X' gamma with one more unit of shape.

    >>> round(float(gamma_excess(1, mean=2, variance=2)), 4)  # Erlang-2: 3 / e
    1.1036
    """
    shape = np.square(mean) / variance
    scaled = np.maximum(x, 0.0) * shape / mean
    above = special.gammaincc(shape + 1, scaled)
    return _excess(x, mean, np.asarray(above), gamma_survival(x, mean, variance))


def poisson_survival(x: Amounts, mean: Amounts) -> Numbers:
    """P(X > x) = 1 - sum over k <= x of e^-mean mean^k / k! of the Poisson distribution.

    >>> round(float(poisson_survival(2, mean=1)), 4)  # 1 - (1 + 1 + 1/2) / e
    0.0803
    """
    k = np.floor(x)
    return np.where(k < 0, 1.0, special.pdtrc(np.maximum(k, 0.0), mean))


def poisson_excess(x: Amounts, mean: Amounts) -> Numbers:
    """E(X - x)^+ = mean P(X >= floor(x)) - x P(X > x). Hadley and Whitin (1963), app. 3.

    >>> round(float(poisson_excess(1, mean=1)), 4)  # E[X] - 1 + P(X = 0) = 1 / e
    0.3679
    """
    return _excess(x, mean, poisson_survival(np.floor(x) - 1, mean), poisson_survival(x, mean))


def negative_binomial_survival(x: Amounts, mean: Amounts, variance: Amounts) -> Numbers:
    """P(X > x) = I(1 - p; floor(x) + 1, n) of the negative binomial on 0, 1, 2, ...

    I the regularized incomplete beta function, p = mean / variance, n = mean p / (1 - p).

    >>> float(negative_binomial_survival(1, mean=1, variance=2))  # n = 1, p = 1/2: (1/2)^2
    0.25
    """
    return _negative_binomial_survival(x, mean, variance, 0.0)


def negative_binomial_excess(x: Amounts, mean: Amounts, variance: Amounts) -> Numbers:
    """E(X - x)^+ = mean P(X' >= floor(x)) - x P(X > x), X' with n + 1 for n.

    >>> float(negative_binomial_excess(1, mean=1, variance=2))  # 1/4 + 1/8 + 1/16 + ...
    0.5
    """
    above = _negative_binomial_survival(np.floor(x) - 1, mean, variance, 1.0)
    return _excess(x, mean, above, negative_binomial_survival(x, mean, variance))


def _negative_binomial_survival(
    x: Amounts, mean: Amounts, variance: Amounts, more: float
) -> Numbers:
    beyond = np.subtract(variance, mean)
    k = np.floor(x)
    tail = special.betainc(
        np.maximum(k, 0.0) + 1, np.square(mean) / beyond + more, beyond / variance
    )
    return np.where(k < 0, 1.0, tail)


def _excess(x: Amounts, mean: Amounts, above: Numbers, survival: Numbers) -> Numbers:
    """E[X; X > x] - x P(X > x), where E[X; X > x] = mean x *above*."""
    return np.maximum(mean * above - x * survival, 0.0)


# --- what a tail's mean lies above the mean: E[X; X > x] = mean P(X > x) + kernel(x) ------------


def normal_kernel(x: Numbers, mean: Amounts, variance: Amounts) -> Numbers:
    """sd phi((x - mean) / sd)."""
    with np.errstate(under="ignore"):
        density = np.exp(-np.square(x - mean) / (2 * np.asarray(variance)))
    return np.asarray(density * np.sqrt(np.asarray(variance) / (2 * math.pi)))


def gamma_kernel(x: Numbers, mean: Amounts, variance: Amounts) -> Numbers:
    """mean z^a e^-z / Gamma(a + 1), z = x / b: b x times the density."""
    shape = np.square(mean) / variance
    z = np.maximum(x, 0.0) * shape / mean
    with np.errstate(under="ignore"):
        return np.asarray(mean * np.exp(special.xlogy(shape, z) - z - special.gammaln(shape + 1)))


def poisson_kernel(x: Numbers, mean: Amounts, variance: Amounts) -> Numbers:
    """mean P(X = floor(x))."""
    k = np.maximum(np.floor(x), 0.0)
    with np.errstate(under="ignore"):
        share = np.exp(special.xlogy(k, mean) - mean - special.gammaln(k + 1))
    return np.where(x < 0, 0.0, mean * share)


def negative_binomial_kernel(x: Numbers, mean: Amounts, variance: Amounts) -> Numbers:
    """(k + 1) P(X = k + 1) / p, k = floor(x), p = mean / variance."""
    beyond = np.subtract(variance, mean)
    k, size = np.maximum(np.floor(x), 0.0), np.square(mean) / beyond
    with np.errstate(under="ignore"):
        log = size * np.log(np.divide(mean, variance)) + (k + 1) * np.log(beyond / variance)
        share = np.exp(log - special.betaln(size, k + 1))
    return np.where(x < 0, 0.0, share * variance / mean)


# --- any distribution of a scenario ---------------------------------------------------------


def survival(distribution: d.Distribution, x: Amounts) -> Numbers:
    """P(X > x), any shape; normal draws clipped at 0 as simulated.

    >>> float(survival(d.Uniform(low=0, high=10), 4))  # (10 - 4) / 10
    0.6
    """
    x = np.asarray(x, dtype=np.float64)
    mean, variance = distribution.mean(), distribution.variance()
    match distribution:
        case d.Uniform(low=low, high=high):
            tail = np.clip((high - x) / (high - low), 0.0, 1.0)
        case d.Normal(mean_=centre, nominal_sd=sd):
            tail = normal_survival(x, centre, sd)
        case d.Gamma() | d.Exponential() | d.Erlang():
            tail = gamma_survival(x, mean, variance)
        case d.Lognormal():
            tail = special.ndtr(-_log_score(distribution, x))
        case d.Poisson():
            tail = poisson_survival(x, mean)
        case d.NegativeBinomial():
            tail = negative_binomial_survival(x, mean, variance)
        case d.Binomial(n=n, p=p):
            tail = _binomial_survival(x, n, p)
        case d.Geometric():
            tail = (1 - 1 / mean) ** np.maximum(np.floor(x), 0.0)
        case _:
            values, weights = listed(distribution)
            tail = _after(np.cumsum(weights[::-1])[::-1], values, x)
    return np.where(x < 0, 1.0, tail)


def excess(distribution: d.Distribution, x: Amounts) -> Numbers:
    """E(X - x)^+, any shape, in the units of X; normal draws clipped at 0 as simulated.

    >>> float(excess(d.Uniform(low=0, high=10), 4))  # (10 - 4)^2 / (2 x 10)
    1.8
    """
    x = np.asarray(x, dtype=np.float64)
    mean, variance = distribution.mean(), distribution.variance()
    inside = np.maximum(x, 0.0)
    match distribution:
        case d.Uniform(low=low, high=high):
            left = np.clip(high - inside, 0.0, None)
            over = np.where(inside < low, mean - inside, left**2 / (2 * (high - low)))
        case d.Normal(mean_=centre, nominal_sd=sd):
            over = normal_excess(inside, centre, sd)
        case d.Gamma() | d.Exponential() | d.Erlang():
            over = gamma_excess(inside, mean, variance)
        case d.Lognormal():
            k, spread = _log_score(distribution, inside), log_deviation(distribution)
            over = mean * special.ndtr(spread - k) - inside * special.ndtr(-k)
        case d.Poisson():
            over = poisson_excess(inside, mean)
        case d.NegativeBinomial():
            over = negative_binomial_excess(inside, mean, variance)
        case d.Binomial(n=n, p=p):
            above = _binomial_survival(np.floor(inside) - 1, n - 1, p)
            over = _excess(inside, mean, above, survival(distribution, inside))
        case d.Geometric():
            whole = np.floor(inside)
            over = survival(distribution, inside) * (mean + whole - inside)
        case _:
            values, weights = listed(distribution)
            sums = np.cumsum((values * weights)[::-1])[::-1]
            over = _after(sums, values, inside) - inside * survival(distribution, inside)
    return np.where(x < 0, mean - x, np.maximum(over, 0.0))


def quantile(distribution: d.Distribution, share: float) -> float:
    """The least x with P(X <= x) >= *share*, 0 < share < 1; ties within 1e-12 count as equal.

    >>> quantile(d.Poisson(mean=1), 0.9)  # P(X <= 1) = 2 / e = 0.736, P(X <= 2) = 0.920
    2.0
    """
    mean, variance = distribution.mean(), distribution.variance()
    match distribution:
        case d.Uniform(low=low, high=high):
            return low + share * (high - low)
        case d.Normal(mean_=centre, nominal_sd=sd):
            return max(centre + sd * float(special.ndtri(share)), 0.0)
        case d.Gamma() | d.Exponential() | d.Erlang():
            return float(special.gammaincinv(mean**2 / variance, share)) * variance / mean
        case d.Lognormal():
            spread = log_deviation(distribution)
            return math.exp(math.log(mean) - spread**2 / 2 + spread * special.ndtri(share))
    if distribution.values_drawn is not None:
        values, weights = listed(distribution)
        reached = np.cumsum(weights) >= share - _TIE
        return float(values[np.argmax(reached)]) if reached.any() else float(values[-1])
    return _first_whole(distribution, share)


_TIE = 1e-12


def _first_whole(distribution: d.Distribution, share: float) -> float:
    """The least whole number k with P(X > k) <= 1 - *share*."""

    def reached(k: int) -> bool:
        return bool(survival(distribution, k) <= 1 - share + _TIE * min(1.0, 1 - share))

    low, high = -1, 1
    while not reached(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return float(high)


def listed(distribution: d.Distribution) -> tuple[Numbers, Numbers]:
    """The listed values in order and their probabilities, which sum to 1.

    Only for distributions whose values are listed (constant, discrete, empirical).

    >>> listed(d.Discrete(values=[4, 1], probabilities=[0.25, 0.75]))
    (array([1., 4.]), array([0.75, 0.25]))
    """
    if isinstance(distribution, d.Discrete):
        values, weights = np.array(distribution.values), np.array(distribution.probabilities)
    else:
        values = np.array(distribution.values_drawn, dtype=np.float64)
        weights = np.full(len(values), 1 / len(values))
    distinct, place = np.unique(values[weights > 0], return_inverse=True)
    total = np.bincount(place, weights[weights > 0])
    return distinct.astype(float), total / total.sum()


def masses(distribution: d.Distribution, last: int) -> Numbers:
    """P(X = 0), P(X = 1), ... P(X = *last*) of a distribution of whole numbers.

    >>> masses(d.Geometric(mean=2), 3)  # 1/2, 1/4, 1/8
    array([0.   , 0.5  , 0.25 , 0.125])
    """
    above = survival(distribution, np.arange(-1.0, last + 1))
    return np.asarray(above[:-1] - above[1:])


def _after(sums: Numbers, values: Numbers, x: Numbers) -> Numbers:
    """The entry of *sums* at the first value above *x*; 0 where there is none."""
    return np.asarray(np.append(sums, 0.0)[np.searchsorted(values, x, side="right")])


def _binomial_survival(x: Amounts, n: int, p: float) -> Numbers:
    k = np.clip(np.floor(x), 0, n)
    return np.where(np.floor(x) < 0, 1.0, special.bdtrc(k, n, p) if n else 0.0)


def log_deviation(distribution: d.Lognormal) -> float:
    """Standard deviation of the logarithm: sqrt(ln(1 + cv^2)), cv = sd / mean.

    >>> round(log_deviation(d.Lognormal(mean=1, cv=2)), 4)  # sqrt(ln 5)
    1.2686
    """
    return math.sqrt(math.log1p((distribution.nominal_sd / distribution.mean()) ** 2))


def _log_score(distribution: d.Lognormal, x: Numbers) -> Numbers:
    spread = log_deviation(distribution)
    with np.errstate(divide="ignore"):
        return (np.log(np.maximum(x, 0.0)) - math.log(distribution.mean())) / spread + spread / 2
