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
from simlevel.model.grid import common, listed

Array: TypeAlias = NDArray[np.float64]

LARGEST = 2**23
"""Cells of one law; a wider one is refused."""
_TAIL = 46.0
"""Mass below exp(-46), about 1e-20, is left out at each end."""
_DIRECT = 1e8
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

    def trimmed(self) -> Law:
        """Without the ends that weigh less than 1e-24 together."""
        below, above = np.cumsum(self.mass), np.cumsum(self.mass[::-1])[::-1]
        kept = np.flatnonzero((below > 1e-24) & (above > 1e-24))
        return Law(self.low + int(kept[0]), self.mass[kept[0] : kept[-1] + 1])

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
    return np.fft.irfft(np.fft.rfft(one, cells) * np.fft.rfft(other, cells), cells)[:size]


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

Complex: TypeAlias = NDArray[np.complex128]
Sum: TypeAlias = Callable[[Sequence[Complex], Sequence[float]], tuple[Complex, float]]
"""From the transforms of the terms and their values at the tilt: the transform of the sum
over its own value there, and the logarithm of that value."""

_TILTS = np.geomspace(1e-9, 40, 160)
_SIDES = np.array([[-1.0], [1.0]])


Span: TypeAlias = tuple[float, float, float]
"""(weight, first, last): with that weight, a mean uniform between first and last."""


def compound_poisson(count: float, size: Law) -> Law:
    """The sum of Poisson(*count*) independent sizes, each at least 1."""
    return mixed_compound_poisson([(1.0, count, count)], size)


def mixed_compound_poisson(spans: Sequence[Span], size: Law) -> Law:
    """The sum of Poisson(m) independent sizes, each at least 1, where m is drawn from *spans*.

    Their weights sum to 1.
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
    log_total = float(special.logsumexp(logs))
    total = np.zeros_like(z)
    for log, (_, first, _), (means, _) in zip(logs, spans, parts, strict=True):
        total += math.exp(log - log_total) * np.exp(first * (z - at)) * means
    return total, log_total


def sum_of(terms: Sequence[tuple[Law, int]]) -> Law:
    """The sum of independent variables, each law as many times as said."""
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
    return _inverted(of_sum, [law for law, _ in terms], growth, least, most)


def spread(law: Law, factor: int) -> Law:
    """The law of factor x X."""
    mass = np.zeros(_allowed((len(law.mass) - 1) * factor + 1))
    mass[::factor] = law.mass
    return Law(law.low * factor, mass)


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
    of_sum: Sum, laws: Sequence[Law], growth: Array, least: int = 0, most: int = LARGEST**2
) -> Law:
    """The law of a sum, by Fourier inversion on the cells where it has mass to speak of.

    Inverted again with the law tilted by e^(tilt x) towards each tail, where the plain
    inversion drowns in rounding; each cell is taken from where it weighs most.
    Grübel and Hermesmeier, ASTIN Bulletin 29 (1999), tilt so against wrapping.
    """
    low = max(math.floor(_bound(growth, -1, _TAIL)[1]), least)
    high = min(math.ceil(_bound(growth, 1, _TAIL)[1]), most)
    place = np.arange(low, high + 1)
    plain = _tilted(of_sum, laws, 0.0, place, _fast(_allowed(len(place))))[0]
    mass = np.where(plain > _NOISE * plain.max(), plain, 0.0)
    steepest = 600 / max(1, *(law.high for law in laws))
    for side in (-1, 1):
        behind = plain
        for depth in _DEPTHS:
            tilt = side * min(abs(_bound(growth, side, depth)[0]), steepest)
            reach = _reach_of_tilted(growth, side, tilt)
            cells = (min(reach, most) - low if side > 0 else high - max(reach, least)) + 1
            if max(cells, len(place)) > _TILTED_CELLS:
                break
            cells = _fast(max(math.ceil(cells), len(place)))
            tilted, weights = _tilted(of_sum, laws, tilt, place, cells)
            ahead = side * (place - place[np.argmax(behind)]) > 0
            better = ahead & (tilted > np.maximum(behind / behind.max(), _NOISE) * tilted.max())
            mass = np.where(better, tilted * weights, mass)
            behind = tilted
    return Law(low, mass / mass.sum())


_NOISE = 1e-14
"""Beside the largest mass of a law, what comes out of an inversion by rounding alone."""
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
    return np.asarray(special.logsumexp(exponents, b=mass[mass > 0], axis=2))


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
    return spread(_counted(distribution), int(1 / step))


def _listed(values: Sequence[float], probabilities: Sequence[float], step: Fraction) -> Law:
    distinct, place = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True)
    mass = np.bincount(place, np.asarray(probabilities, dtype=np.float64))
    cells = [round(exact(float(value)) / step) for value in distinct]
    spread = np.zeros(_allowed(cells[-1] - cells[0] + 1))
    spread[np.array(cells) - cells[0]] = mass / mass.sum()
    return Law(cells[0], spread)


def excess(distribution: d.Distribution, levels: Array) -> Array:
    """E[(X - level)+] of a distribution that is not negative, at levels of 0 or more."""
    mean = distribution.mean()
    match distribution:
        case d.Uniform(low=low, high=high):
            inside = np.clip(levels, low, high)
            return np.maximum(low - levels, 0) + (high - inside) ** 2 / (high - low) / 2
        case d.Normal(mean_=centre, nominal_sd=sd):
            depth = (levels - centre) / sd
            density = np.exp(-depth * depth / 2) / math.sqrt(2 * math.pi)
            return np.asarray(sd * (density - depth * special.ndtr(-depth)))
        case d.Exponential():
            return np.asarray(mean * np.exp(-levels / mean))
        case d.Erlang() | d.Gamma():
            shape = mean**2 / distribution.variance()
            scaled = levels * shape / mean
            above = special.gammaincc(shape + 1, scaled)
            return np.asarray(mean * above - levels * special.gammaincc(shape, scaled))
        case d.Lognormal():
            sd = math.sqrt(math.log1p(distribution.variance() / mean**2))
            depth = np.log(np.maximum(levels, 1e-300) / mean) / sd
            above = special.ndtr(sd / 2 - depth)
            return np.asarray(mean * above - levels * special.ndtr(-sd / 2 - depth))
    law = law_of(distribution, step := common(listed(distribution)))
    beyond = law.values * float(step) - levels[:, None]
    return np.asarray(np.maximum(beyond, 0) @ law.mass)


def capped_mean(distribution: d.Distribution, cap: float) -> float:
    """E[min(X, cap)] of a distribution that is not negative; cap >= 0."""
    return distribution.mean() - float(excess(distribution, np.array([cap]))[0])


def discretised(distribution: d.Distribution, factor: float, step: float) -> Law:
    """factor x X, continuous and not negative, on whole numbers of *step*.

    Each value is shared between its two neighbours so that its mean is kept, which moves what
    is smooth by the order of step squared; but what is above 0 stays above 0.
    """
    if factor == 0:
        return point(0)
    cells = _cells(distribution, step / factor)
    levels = np.arange(cells + 1, dtype=np.float64) * (step / factor)
    above = factor / step * excess(distribution, levels)
    nothing_asked = share_up_to(distribution, 0.0)
    slopes = np.append(above[:-1] - above[1:], 0.0)
    mass = np.append(nothing_asked, slopes[:-1] - slopes[1:])
    mass = np.maximum(mass, 0.0)
    raised = max(1 - float(slopes[0]) - nothing_asked, 0.0)
    mass[1] += raised
    _lower_others(mass, raised)
    return Law(0, mass / mass.sum())


def _cells(distribution: d.Distribution, step: float) -> int:
    """Steps beyond which next to nothing of the mean lies."""
    cells, least = 64, 1e-9 * distribution.mean()
    while excess(distribution, np.array([cells * step]))[0] > least:
        cells = _allowed(cells + cells // 4)
    return cells


def _lower_others(mass: Array, raised: float) -> None:
    """Move mass from above 1 down to 1, as much as keeps the mean after *raised* went up."""
    for cell in range(2, len(mass)):
        if raised <= 0:
            return
        moved = min(float(mass[cell]) / 2, raised / (cell - 1))
        mass[cell] -= moved
        mass[1] += moved
        raised -= moved * (cell - 1)


def share_up_to(distribution: d.Distribution, cap: float) -> float:
    """P(X <= cap) of a distribution that is not negative; cap >= 0."""
    mean = distribution.mean()
    match distribution:
        case d.Uniform(low=low, high=high):
            return min(max((cap - low) / (high - low), 0.0), 1.0)
        case d.Normal(mean_=centre, nominal_sd=sd):
            return float(special.ndtr((cap - centre) / sd))
        case d.Exponential():
            return -math.expm1(-cap / mean)
        case d.Erlang() | d.Gamma():
            shape = mean**2 / distribution.variance()
            return float(special.gammainc(shape, cap * shape / mean))
        case d.Lognormal():
            sd = math.sqrt(math.log1p(distribution.variance() / mean**2))
            return float(special.ndtr(math.log(cap / mean) / sd + sd / 2)) if cap else 0.0
    law = law_of(distribution, step := common(listed(distribution)))
    return law.up_to(math.floor(exact(cap) / step)).total()


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
