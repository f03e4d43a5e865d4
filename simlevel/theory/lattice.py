"""Distributions on a lattice, as arrays: convolve, compound, mix, and what they sum to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simlevel.errors import InputError
from simlevel.model import distribution as d
from simlevel.model.fields import exact

Array: TypeAlias = NDArray[np.float64]

LARGEST = 2**23
"""Cells of one law; a wider one is refused."""
_TAIL = 46.0
"""Mass below exp(-46), about 1e-20, is left out at each end."""
_DIRECT = 2e8
"""Products of a convolution that is summed directly, which keeps small masses accurate."""


@dataclass(frozen=True)
class Law:
    """Masses on whole numbers: ``mass[i]`` is P(X = low + i).

    The law of a part of what can happen sums to less than 1.
    """

    low: int
    mass: Array

    @property
    def high(self) -> int:
        """The largest whole number that has a cell."""
        return self.low + len(self.mass) - 1

    @property
    def values(self) -> Array:
        return np.arange(self.low, self.high + 1, dtype=np.float64)

    def total(self) -> float:
        return float(self.mass.sum())

    def mean(self) -> float:
        """Sum of value x mass."""
        return float(self.low * self.mass.sum() + np.arange(len(self.mass)) @ self.mass)

    def at(self, value: int) -> float:
        """P(X = value)."""
        return float(self.mass[value - self.low]) if self.low <= value <= self.high else 0.0

    def at_least(self, first: int, last: int) -> Array:
        """P(X >= k) for k = first, ..., last."""
        tails = np.append(np.cumsum(self.mass[::-1])[::-1], 0.0)
        place = np.clip(np.arange(first, last + 1) - self.low, 0, len(self.mass))
        return np.asarray(tails[place])

    def above(self, value: int) -> Law:
        """The part of the law above *value*."""
        cut = min(max(value + 1 - self.low, 0), len(self.mass))
        return Law(self.low + cut, self.mass[cut:]) if cut < len(self.mass) else nothing()

    def up_to(self, value: int) -> Law:
        """The part of the law at or below *value*."""
        cut = min(max(value + 1 - self.low, 0), len(self.mass))
        return Law(self.low, self.mass[:cut]) if cut else nothing()

    def times(self, factor: float) -> Law:
        return Law(self.low, self.mass * factor)

    def negated(self) -> Law:
        """The law of -X."""
        return Law(-self.high, self.mass[::-1])

    def divided(self, step: int) -> Law:
        """The law of X / step, where X is always a multiple of step."""
        first = -(-self.low // step)
        return Law(first, self.mass[first * step - self.low :: step])

    def given_positive(self) -> Law:
        """The law of X given X > 0."""
        part = self.above(0)
        return part.times(1 / part.total())

    def divisor(self) -> int:
        """Greatest common divisor of the values with mass; 0 where only 0 has."""
        return int(np.gcd.reduce(np.flatnonzero(self.mass > 0) + self.low))


def nothing() -> Law:
    """The law of what cannot happen."""
    return Law(0, np.zeros(1))


def point(value: int) -> Law:
    """All mass on one *value*."""
    return Law(value, np.ones(1))


def uniform(first: int, last: int) -> Law:
    """Equal mass on first, ..., last."""
    return Law(first, np.full(_allowed(last - first + 1), 1 / (last - first + 1)))


def plus(one: Law, other: Law) -> Law:
    """The law of the sum of two independent variables."""
    return Law(one.low + other.low, convolved(one.mass, other.mass))


def minus(one: Law, other: Law) -> Law:
    """The law of the difference of two independent variables."""
    return plus(one, other.negated())


def mix(parts: Iterable[tuple[float, Law]]) -> Law:
    """The sum of weight x law: a mixture where the weights sum to 1."""
    some = [(weight, law) for weight, law in parts if weight]
    if not some:
        return nothing()
    low = min(law.low for _, law in some)
    mass = np.zeros(_allowed(max(law.high for _, law in some) - low + 1))
    for weight, law in some:
        mass[law.low - low : law.high - low + 1] += weight * law.mass
    return Law(low, mass)


def convolved(one: Array, other: Array) -> Array:
    """The sums of products: directly while that is quick, else by Fourier transform."""
    size = _allowed(len(one) + len(other) - 1)
    if float(len(one)) * len(other) <= _DIRECT:
        return np.convolve(one, other)
    cells = _fast(size)
    product = np.fft.irfft(np.fft.rfft(one, cells) * np.fft.rfft(other, cells), cells)
    return np.maximum(product[:size], 0.0)


def _fast(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _allowed(size: int) -> int:
    if size > LARGEST:
        raise InputError(
            f"expected quantities that differ by at most {LARGEST:,} steps of their lattice, "
            f"found {size:,}"
        )
    return size


# --- sums of many --------------------------------------------------------------------------


def compound_poisson(count: float, size: Law) -> Law:
    """The sum of Poisson(*count*) independent sizes, each at least 1."""
    return averaged_compound_poisson(count, count, size)


def averaged_compound_poisson(first: float, last: float, size: Law) -> Law:
    """The sum of Poisson(m) independent sizes, m uniform between *first* and *last*."""
    if last == 0:
        return point(0)
    if size.low == size.high == 1:
        return _averaged_poisson(first, last)
    growth = _log_growth(size)
    low = _window(lambda tilt: first * np.expm1(growth(tilt)))[0]
    high = _window(lambda tilt: last * np.expm1(growth(tilt)))[1]

    def transform(phi: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return np.exp(first * (phi - 1)) * _mean_of_exp((last - first) * (phi - 1))

    return _inverted(transform, [size], low, high)


def power(law: Law, times: int) -> Law:
    """The sum of *times* independent copies."""
    if times <= 1:
        return law if times else point(0)
    growth = _log_growth(law)
    low, high = _window(lambda tilt: times * growth(tilt))
    low, high = max(low, times * law.low), min(high, times * law.high)
    return _inverted(lambda phi: phi**times, [law], low, high)


def _mean_of_exp(z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """(e^z - 1) / z: the mean of e^(uz), u uniform on [0, 1]."""
    safe = np.where(z == 0, 1, z)
    return np.where(z == 0, 1, np.expm1(safe) / safe)


def _inverted(
    transform: Callable[[NDArray[np.complex128]], NDArray[np.complex128]],
    laws: Sequence[Law],
    low: int,
    high: int,
) -> Law:
    """The law on low, ..., high whose Fourier transform is *transform* of that of *laws*."""
    cells = _fast(_allowed(high - low + 1))
    phis = (np.fft.rfft(_wrapped(law, cells)) for law in laws)
    wrapped = np.fft.irfft(transform(*phis), cells)
    return Law(low, np.maximum(np.roll(wrapped, -(low % cells)), 0.0)[: high - low + 1])


def _wrapped(law: Law, cells: int) -> Array:
    place = np.arange(law.low, law.high + 1) % cells
    return np.asarray(np.bincount(place, law.mass, cells), dtype=np.float64)


def _log_growth(law: Law) -> Callable[[Array], Array]:
    """log E[exp(tilt X)] for an array of tilts, from above: Chernoff's bound stays one."""
    bins = max(len(law.mass) // 2048, 1)
    starts = np.arange(0, len(law.mass), bins)
    mass = np.add.reduceat(law.mass, starts)
    ends = law.low + np.minimum(starts + bins, len(law.mass)) - 1.0
    mass, starts, ends = mass[mass > 0], law.low + starts[mass > 0], ends[mass > 0]

    def growth(tilt: Array) -> Array:
        edge = np.where(tilt[:, None] > 0, ends, starts)
        return np.asarray(special.logsumexp(tilt[:, None] * edge, b=mass, axis=1))

    return growth


_TILTS = np.geomspace(1e-9, 40, 160)


def _window(log_growth: Callable[[Array], Array]) -> tuple[int, int]:
    """Bounds that the variable leaves with probability below 2 exp(-46), by Chernoff."""
    with np.errstate(over="ignore"):
        high = np.min((log_growth(_TILTS) + _TAIL) / _TILTS)
        low = np.max((-log_growth(-_TILTS) - _TAIL) / _TILTS)
    return math.floor(max(low, 0.0)), math.ceil(high)


def _averaged_poisson(first: float, last: float) -> Law:
    """Poisson(m), m uniform between *first* and *last*."""
    if last == first:
        return poisson(first)
    if last - first < 1 + math.sqrt(first):
        nodes, weights = np.polynomial.legendre.leggauss(32)
        means = (first + last) / 2 + (last - first) / 2 * nodes
        return mix((w / 2, poisson(m)) for w, m in zip(weights, means, strict=True))
    # The integral of a Poisson probability over its mean is a difference of Poisson tails,
    # taken on the side where the tails are small.
    few, many = poisson(first), poisson(last)
    low, high = few.low, many.high
    above = many.at_least(low + 1, high + 1) - few.at_least(low + 1, high + 1)
    below = _at_most(few, low, high) - _at_most(many, low, high)
    mass = np.where(np.arange(low, high + 1) < first, below, above)
    return Law(low, np.maximum(mass, 0.0) / (last - first))


def _at_most(law: Law, first: int, last: int) -> Array:
    return law.negated().at_least(-last, -first)[::-1]


# --- the laws of a scenario's distributions ------------------------------------------------


def poisson(mean: float) -> Law:
    """The Poisson law; *mean* may be 0."""
    if mean == 0:
        return point(0)
    reach = math.sqrt(2 * _TAIL * mean + (_TAIL / 3) ** 2) + _TAIL / 3
    low, high = max(math.floor(mean - reach), 0), math.ceil(mean + reach)
    return _from_ratios(lambda k: mean / (k + 1), low, high, int(mean))


def law_of(distribution: d.Distribution, step: Fraction) -> Law:
    """The law of a discrete *distribution*, in whole numbers of *step*.

    Raises InputError where it has too many values.
    """
    if isinstance(distribution, d.Discrete):
        return _listed(distribution.values, distribution.probabilities, step)
    if (values := distribution.values_drawn) is not None:
        return _listed(values, [1 / len(values)] * len(values), step)
    return _spread(_counted(distribution), 1 / step)


def _listed(values: Sequence[float], probabilities: Sequence[float], step: Fraction) -> Law:
    distinct, place = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True)
    mass = np.bincount(place, np.asarray(probabilities, dtype=np.float64))
    cells = [round(exact(float(value)) / step) for value in distinct]
    spread = np.zeros(_allowed(cells[-1] - cells[0] + 1))
    spread[np.array(cells) - cells[0]] = mass / mass.sum()
    return Law(cells[0], spread)


def _spread(law: Law, factor: Fraction) -> Law:
    """The law of factor x X; the factor is whole."""
    mass = np.zeros(_allowed((len(law.mass) - 1) * int(factor) + 1))
    mass[:: int(factor)] = law.mass
    return Law(law.low * int(factor), mass)


def _counted(distribution: d.Distribution) -> Law:
    """The law of a distribution of whole numbers."""
    mean, variance = distribution.mean(), distribution.variance()
    match distribution:
        case d.Poisson():
            return poisson(mean)
        case d.Binomial(n=n, p=p):
            return point(n) if p == 1 else _from_ratios(
                lambda k: (n - k) / (k + 1) * (p / (1 - p)), 0, _allowed(n), min(int(mean), n)
            )  # fmt: skip
        case d.NegativeBinomial():
            size, fail = mean * mean / (variance - mean), 1 - mean / variance
            high = _reach(lambda tilt: -size * (np.log1p(-fail * np.exp(tilt))
                                                - math.log1p(-fail)), -math.log(fail))  # fmt: skip
            mode = max(int((size - 1) * fail / (1 - fail)), 0)
            return _from_ratios(lambda k: (k + size) / (k + 1) * fail, 0, high, mode)
        case d.Geometric():
            last = math.ceil(_TAIL / -math.log1p(-1 / mean)) + 1 if mean > 1 else 1
            return _from_ratios(lambda k: np.full(len(k), 1 - 1 / mean), 1, last, 1)
    raise TypeError(distribution.dist)  # pragma: no cover


def _reach(log_growth: Callable[[Array], Array], pole: float) -> int:
    """Chernoff's upper bound where the transform ends at a *pole*."""
    tilts = pole * np.linspace(0.001, 0.999, 200)
    return _allowed(math.ceil(np.min((log_growth(tilts) + _TAIL) / tilts)))


def _from_ratios(ratio: Callable[[Array], Array], low: int, high: int, mode: int) -> Law:
    """The law whose P(k + 1) / P(k) is ``ratio(k)``, multiplied out from its mode.

    Products keep their relative accuracy where differences of logarithms lose it.
    """
    _allowed(high - low + 1)
    up = np.cumprod(ratio(np.arange(mode, high, dtype=np.float64)))
    down = np.cumprod(1 / ratio(np.arange(mode - 1, low - 1, -1, dtype=np.float64)))
    mass = np.concatenate([down[::-1], [1.0], up])
    return Law(low, mass / mass.sum())
