"""Distributions on a lattice, as arrays: convolve, mix, and what they sum to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError

Array: TypeAlias = NDArray[np.float64]

LARGEST = 2**23
"""Cells of one law; a wider one is refused."""
TAIL = 46.0
"""Mass below exp(-46), about 1e-20, is left out at each end."""
_DIRECT = 1e7
"""Products of a convolution that is summed directly, which keeps small masses accurate."""
_FEW = 1e4
"""Products that are quicker summed than looked at."""


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
        """E X = sum of k P(X = k).

        >>> Law(1, np.array([0.5, 0.25, 0.25])).mean()  # 1/2 + 2/4 + 3/4
        1.75
        """
        steps = np.arange(len(self.mass), dtype=np.float64)
        return float(self.low * self.mass.sum() + (steps * self.mass).sum())

    def at(self, value: int) -> float:
        """P(X = value)."""
        return float(self.mass[value - self.low]) if self.low <= value <= self.high else 0.0

    def at_least(self, first: int, last: int) -> Array:
        """P(X >= k) for k = first, ..., last.

        >>> uniform(1, 4).at_least(2, 4).tolist()
        [0.75, 0.5, 0.25]
        """
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

    def shifted(self, by: int) -> Law:
        """The law of X + by."""
        return Law(self.low + by, self.mass)

    def negated(self) -> Law:
        """The law of -X."""
        return Law(-self.high, self.mass[::-1])

    def divided(self, step: int) -> Law:
        """The law of X / step, where X is always a multiple of step."""
        first = -(-self.low // step)
        return Law(first, self.mass[first * step - self.low :: step])

    def trimmed(self, least: float = 1e-24) -> Law:
        """Without the ends that weigh up to *least* each."""
        below, above = np.cumsum(self.mass), np.cumsum(self.mass[::-1])[::-1]
        kept = np.flatnonzero((below > least) & (above > least))
        return Law(self.low + int(kept[0]), self.mass[kept[0] : kept[-1] + 1])

    def given_positive(self) -> Law:
        """The law of X given X > 0: P(X = k) / P(X > 0).

        >>> Law(0, np.array([0.5, 0.25, 0.25])).given_positive().mass.tolist()
        [0.5, 0.5]
        """
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
    """Equal mass on first, ..., last: P(X = k) = 1 / (last - first + 1).

    >>> uniform(1, 4).at(2)
    0.25
    """
    return Law(first, np.full(allowed(last - first + 1), 1 / (last - first + 1)))


def plus(one: Law, other: Law) -> Law:
    """The law of X + Y, independent: P(X + Y = n) = sum over k of P(X = k) P(Y = n - k).

    >>> round(36 * plus(uniform(1, 6), uniform(1, 6)).at(7), 9)  # two dice: 6 ways of 36
    6.0
    """
    return Law(one.low + other.low, convolved(one.mass, other.mass))


def minus(one: Law, other: Law) -> Law:
    """The law of X - Y, independent: P(X - Y = n) = sum over k of P(X = n + k) P(Y = k).

    >>> minus(uniform(0, 1), uniform(0, 1)).mass.tolist()  # at -1, 0 and 1
    [0.25, 0.5, 0.25]
    """
    return plus(one, other.negated())


def mix(parts: Iterable[tuple[float, Law]]) -> Law:
    """P(X = k) = sum over i of w_i P(X_i = k): a mixture where the weights w_i sum to 1.

    >>> mix([(0.5, point(0)), (0.5, uniform(0, 1))]).at(0)  # (1 + 1/2) / 2
    0.75
    """
    some = [(weight, law) for weight, law in parts if weight]
    if not some:
        return nothing()
    low = min(law.low for _, law in some)
    mass = np.zeros(allowed(max(law.high for _, law in some) - low + 1))
    for weight, law in some:
        mass[law.low - low : law.high - low + 1] += weight * law.mass
    return Law(low, mass)


def spread(law: Law, factor: int) -> Law:
    """The law of factor x X."""
    mass = np.zeros(allowed((len(law.mass) - 1) * factor + 1))
    mass[::factor] = law.mass
    return Law(law.low * factor, mass)


def convolved(one: Array, other: Array) -> Array:
    """c_n = sum over k of a_k b_(n-k): directly while that is quick, by running sums where one
    of the two is flat, else by Fourier transform, whose rounding is about 1e-16 of the largest.

    >>> convolved(np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist()  # (1 + 2z)(3 + 4z)
    [3.0, 10.0, 8.0]
    """
    size = allowed(len(one) + len(other) - 1)
    products = float(len(one)) * len(other)
    if products > _FEW:
        for flat, sloping in ((one, other), (other, one)):
            if (flat == flat[0]).all():
                return float(flat[0]) * _windows(sloping, len(flat))
    if products <= _DIRECT:
        return np.convolve(one, other)
    cells = power_of_two(size)
    return np.fft.irfft(np.fft.rfft(one, cells) * np.fft.rfft(other, cells), cells)[:size]


def overlapped(long: Array, short: Array) -> Array:
    """Of :func:`convolved` the part where *short* lies within *long* as a whole.

    >>> overlapped(np.array([1.0, 2.0, 0.0]), np.array([3.0, 4.0])).tolist()  # of 3, 10, 8, 0
    [10.0, 8.0]
    """
    first, count = len(short) - 1, len(long) - len(short) + 1
    if float(len(long)) * len(short) <= _DIRECT:
        return convolved(long, short)[first : first + count]
    cells = power_of_two(len(long))  # what wraps around falls on the cells before
    spectrum = np.fft.rfft(long, cells) * np.fft.rfft(short, cells)
    return np.fft.irfft(spectrum, cells)[first : first + count]


def dotted(one: Array, other: Array) -> float:
    """The sum of products, without the threads of a BLAS, which cost more than they save here.

    >>> dotted(np.array([1.0, 2.0]), np.array([3.0, 4.0]))  # 3 + 8
    11.0
    """
    return float(np.einsum("i,i->", one, other))


def _windows(values: Array, width: int) -> Array:
    """Sums of *values* over windows of that *width*, as they come in and go out at either end.

    From whichever end less is left out, so that small sums at both ends stay accurate.
    """
    below = np.append(0.0, np.cumsum(values))
    above = np.append(np.cumsum(values[::-1])[::-1], 0.0)
    ends = np.arange(1, len(values) + width)
    first, last = np.maximum(ends - width, 0), np.minimum(ends, len(values))
    upwards = below[first] <= above[last]
    sums = np.where(upwards, below[last] - below[first], above[first] - above[last])
    return np.asarray(sums, dtype=np.float64)


def power_of_two(size: int) -> int:
    """The least power of two that is at least *size*: quick to transform."""
    return 1 << (size - 1).bit_length()


def allowed(size: int) -> int:
    """*size*, a number of cells; raises InputError where it is above LARGEST."""
    if size > LARGEST:
        raise InputError(
            f"expected quantities that differ by at most {LARGEST:,} steps of their lattice, "
            f"found {size:,}"
        )
    return size
