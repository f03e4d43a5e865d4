"""Sums of many independent variables: Poisson numbers of them, or a given number of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel.theory.lattice import (
    LARGEST,
    TAIL,
    Array,
    Law,
    allowed,
    mix,
    point,
    power_of_two,
    spread,
)
from simlevel.theory.laws import poisson

Complex: TypeAlias = NDArray[np.complex128]
Sum: TypeAlias = Callable[[Sequence[Complex], Sequence[float]], tuple[Complex, float]]
"""From the transforms of the terms and their values at the tilt: the transform of the sum
over its own value there, and the logarithm of that value."""

_TILTS = np.geomspace(1e-9, 40, 160)
_SIDES = np.array([[-1.0], [1.0]])

Span: TypeAlias = tuple[float, float, float]
"""(weight, first, last): with that weight, a mean uniform between first and last."""


def compound_poisson(count: float, size: Law) -> Law:
    """The sum of N independent sizes, each at least 1, N Poisson of mean *count*.

    E z^X = exp(count (E z^size - 1)). Feeney and Sherbrooke, Management Science 12 (1966).

    >>> law = compound_poisson(2.0, Law(1, np.array([0.5, 0.5])))
    >>> round(law.at(2) * math.exp(2), 9)  # one customer of 2, or two of 1: 1 + 1 / 2
    1.5
    """
    return mixed_compound_poisson([(1.0, count, count)], size)


def mixed_compound_poisson(spans: Sequence[Span], size: Law) -> Law:
    """The sum of Poisson(m) independent sizes, each at least 1, where m is drawn from *spans*.

    Their weights sum to 1. P(X = x) = sum of w / (b - a) x integral of P(X = x | m) over m
    from a to b; Hadley and Whitin (1963), ch. 5, average so over a review period.

    >>> round(mixed_compound_poisson([(1.0, 0.0, 1.0)], point(1)).at(0), 6)  # 1 - 1/e
    0.632121
    """
    if max(last for _, _, last in spans) == 0:
        return point(0)
    if (step := size.divisor()) > 1:
        return spread(mixed_compound_poisson(spans, size.divided(step)), step)
    if size.high == 1:
        return mix((weight, _averaged_poisson(first, last)) for weight, first, last in spans)

    def of_sum(phis: Sequence[Complex], scales: Sequence[float]) -> tuple[Complex, float]:
        return _mixed_exponentials(spans, phis[0] - 1, scales[0] - 1)

    growth = np.expm1(np.minimum(_growth(size), 600))
    least, most = min(first for _, first, _ in spans), max(last for _, _, last in spans)
    return _inverted(of_sum, [size], np.array([[least], [most]]) * growth)


def _mixed_exponentials(spans: Sequence[Span], z: Complex, at: float) -> tuple[Complex, float]:
    """The mean of e^(mz) over m from *spans*, over its value at *at*; and log of that."""
    parts = [_mean_of_exp((last - first) * z, (last - first) * at) for _, first, last in spans]
    own = zip(spans, parts, strict=True)
    logs = np.array([math.log(w) + first * at + log for (w, first, _), (_, log) in own])
    log_total = float(np.logaddexp.reduce(logs))
    total = np.zeros_like(z)
    for log, (_, first, _), (means, _) in zip(logs, spans, parts, strict=True):
        total += math.exp(log - log_total) * np.exp(first * (z - at)) * means
    return total, log_total


def sum_of(terms: Sequence[tuple[Law, int]], depth: float = TAIL) -> Law:
    """The sum of independent variables, each law as many times as said.

    E z^X = product of (E z^X_i)^n_i, inverted: rounding is about 1e-14 of the largest mass.
    Mass below exp(-*depth*) is left out at each end.

    >>> toss = Law(0, np.array([0.5, 0.5]))
    >>> round(1024 * sum_of([(toss, 10)]).at(5), 9)  # 10! / (5! 5!) ways
    252.0
    """
    terms = [(law, times) for law, times in terms if times]
    if sum(times for _, times in terms) <= 1:
        return terms[0][0] if terms else point(0)

    def of_sum(phis: Sequence[Complex], scales: Sequence[float]) -> tuple[Complex, float]:
        parts = list(zip(phis, scales, terms, strict=True))
        ratios = math.prod((phi / scale) ** n for phi, scale, (_, n) in parts)
        return np.asarray(ratios), sum(n * math.log(scale) for _, scale, (_, n) in parts)

    growth = np.sum([times * _growth(law) for law, times in terms], axis=0)
    least = sum(law.low * times for law, times in terms)
    most = sum(law.high * times for law, times in terms)
    return _inverted(of_sum, [law for law, _ in terms], growth, least, most, depth)


def _mean_of_exp(z: Complex, at: float) -> tuple[Complex, float]:
    """The mean of e^(uz), u uniform on [0, 1], over its value at *at*; and log of that."""
    top = max(at, 0.0)
    small = np.abs(z) < 1e-6
    safe = np.where(small, 1, z)
    means: Complex = np.where(
        small, np.exp(z / 2 - top), (np.exp(safe - top) - math.exp(-top)) / safe
    )
    own = (math.exp(at - top) - math.exp(-top)) / at if abs(at) > 1e-6 else math.exp(at / 2 - top)
    means /= own
    return means, math.log(own) + top


def _inverted(
    of_sum: Sum, laws: Sequence[Law], growth: Array, least: int = 0, most: int = LARGEST**2,
    depth: float = TAIL,
) -> Law:  # fmt: skip
    """The law of a sum, by Fourier inversion on the cells where it has mass to speak of.

    Inverted again with the law tilted by e^(tilt x) towards each tail, where the plain
    inversion drowns in rounding; each cell is taken from where it weighs most.
    Grübel and Hermesmeier, ASTIN Bulletin 29 (1999), tilt so against wrapping.
    """
    low = max(math.floor(_bound(growth, -1, depth)[1]), least)
    high = min(math.ceil(_bound(growth, 1, depth)[1]), most)
    place = np.arange(low, high + 1)
    plain = _tilted(of_sum, laws, 0.0, place, power_of_two(allowed(len(place))))[0]
    mass = np.where(plain > _NOISE * plain.max(), plain, 0.0)
    steepest = 600 / max(1, *(law.high for law in laws))
    for side in (-1, 1) if depth > _PLAIN else ():
        behind = plain
        for depth in _DEPTHS:
            tilt = side * min(abs(_bound(growth, side, depth)[0]), steepest)
            reach = _reach_of_tilted(growth, side, tilt)
            cells = (min(reach, most) - low if side > 0 else high - max(reach, least)) + 1
            if max(cells, len(place)) > _TILTED_CELLS:
                break
            cells = power_of_two(max(math.ceil(cells), len(place)))
            tilted, weights = _tilted(of_sum, laws, tilt, place, cells)
            ahead = side * (place - place[np.argmax(behind)]) > 0
            better = ahead & (tilted > np.maximum(behind / behind.max(), _NOISE) * tilted.max())
            mass = np.where(better, tilted * weights, mass)
            behind = tilted
    return Law(low, mass / mass.sum())


_NOISE = 1e-14
"""Beside the largest mass of a law, what comes out of an inversion by rounding alone."""
_PLAIN = 25.0
"""Tails that are cut off above exp(-25), about 1e-11, do not drown in rounding."""
_DEPTHS = (12.0, 30.0)
_TILTED_CELLS = 2**14
"""More cells than these are inverted once: what is rounded off is then below 1e-12."""


def _reach_of_tilted(growth: Array, side: int, tilt: float) -> float:
    """What the sum tilted by e^(tilt x) passes with probability at most 1e-16."""
    own = growth[(side + 1) // 2]
    start = int(np.searchsorted(_TILTS, abs(tilt), side="right"))
    if start == len(_TILTS):
        return side * math.inf
    steeper = (own[start:] - own[start - 1] + 37) / (_TILTS[start:] - abs(tilt))
    return side * float(steeper.min())


def _tilted(of_sum: Sum, laws: Sequence[Law], tilt: float, place: NDArray[np.int64], cells: int
) -> tuple[Array, Array]:  # fmt: skip
    """The masses at *place* of the sum tilted by e^(tilt x), and what undoes the tilt."""
    heavier = [Law(law.low, law.mass * np.exp(tilt * law.values)) for law in laws]
    phis = [np.fft.rfft(_wrapped(law, cells)) for law in heavier]
    transform, log_scale = of_sum(phis, [law.total() for law in heavier])
    found = np.roll(np.fft.irfft(transform, cells), -(int(place[0]) % cells))[: len(place)]
    return found, np.exp(np.minimum(log_scale - tilt * place, 700))


def _wrapped(law: Law, cells: int) -> Array:
    place = np.arange(law.low, law.high + 1) % cells
    return np.asarray(np.bincount(place, law.mass, cells), dtype=np.float64)


def _growth(law: Law) -> Array:
    """log E[exp(tilt X)] for tilts of -_TILTS and _TILTS, from above where cells are pooled."""
    pool = max(len(law.mass) // 512, 1)
    starts = np.arange(0, len(law.mass), pool)
    mass = np.add.reduceat(law.mass, starts)
    ends = np.minimum(starts + pool, len(law.mass)) - 1
    edges = law.low + np.stack([starts, ends])[:, mass > 0]
    exponents = (_SIDES * _TILTS)[:, :, None] * edges[:, None, :]
    steepest = exponents.max(axis=2, keepdims=True)
    exponents -= steepest
    scaled = np.einsum("ijk,k->ij", np.exp(exponents, out=exponents), mass[mass > 0])
    return np.asarray(np.log(scaled) + steepest[:, :, 0])


def _bound(growth: Array, side: int, depth: float) -> tuple[float, float]:
    """The value that a sum passes on one side with probability at most exp(-depth), and the
    tilt that puts the middle of the sum about there: Chernoff's bound."""
    bounds = (growth[(side + 1) // 2] + depth) / _TILTS
    best = int(np.argmin(bounds))
    return side * float(_TILTS[best]), side * float(bounds[best])


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
