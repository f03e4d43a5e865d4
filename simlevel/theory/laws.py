"""The laws of a scenario's distributions, on a lattice, and their partial expectations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from scipy import special

from simlevel.model import distribution as d
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.theory.lattice import TAIL, Array, Law, allowed, point, spread

ROUNDING = 1e-12
"""What sums of masses may miss."""


def poisson(mean: float) -> Law:
    """P(X = k) = e^-m m^k / k!, m the *mean*, which may be 0.

    >>> round(poisson(2.0).at(3) * math.exp(2), 6)  # 2^3 / 3!
    1.333333
    """
    if mean == 0:
        return point(0)
    reach = math.sqrt(2 * TAIL * mean + (TAIL / 3) ** 2) + TAIL / 3
    low, high = max(math.floor(mean - reach), 0), math.ceil(mean + reach)
    return _from_ratios(lambda k: mean / (k + 1), low, high, int(mean))


def law_of(distribution: d.Distribution, step: Fraction) -> Law:
    """The law of a discrete *distribution*, in whole numbers of *step*.

    *step* divides its values, in their own units. Raises InputError where it has too many.

    >>> law_of(d.Binomial(n=2, p=0.5), Fraction(1)).mass.tolist()  # two tosses
    [0.25, 0.5, 0.25]
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
    spaced = np.zeros(allowed(cells[-1] - cells[0] + 1))
    spaced[np.array(cells) - cells[0]] = mass / mass.sum()
    return Law(cells[0], spaced)


def excess(distribution: d.Distribution, levels: Array) -> Array:
    """E[(X - level)+], in units of X >= 0, at levels of 0 or more: the loss function.

    Normal: sd (phi(z) - z (1 - Phi(z))), z = (level - mean) / sd; the others in like manner,
    by integrals. Zipkin, Foundations of Inventory Management (2000), appendix C.

    >>> excess(d.Uniform(low=0, high=2), np.array([1.0])).tolist()  # 1/2 chance x mean of 1/2
    [0.25]
    """
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
    """E[min(X, cap)] = E X - E[(X - cap)+], in units of X >= 0; cap >= 0.

    >>> capped_mean(d.Uniform(low=0, high=2), 1.0)  # (1/2 + 1) / 2
    0.75
    """
    return distribution.mean() - float(excess(distribution, np.array([cap]))[0])


def discretised(
    distribution: d.Distribution, factor: float, step: float, beyond: float = 1e-9
) -> Law:
    """factor x X, continuous and not negative, on whole numbers of *step*; a share *beyond* of
    the mean may lie past the last of them.

    As :func:`rounded`, but what is above 0 stays above 0.

    >>> round(0.1 * discretised(d.Exponential(mean=2.0), 3.0, 0.1).mean(), 6)  # 3 x 2
    6.0
    """
    if factor == 0:
        return point(0)
    law = rounded(distribution, factor, step, beyond)
    return never_nothing(law, share_up_to(distribution, 0.0))


def rounded(distribution: d.Distribution, factor: float, step: float, beyond: float = 1e-9) -> Law:
    """factor x X on whole numbers of *step*, as for :func:`discretised`; little may become 0.

    Each value is shared between its two neighbours so that its mean is kept, which moves what
    is smooth by the order of step squared. With G(k) = E[(factor x X / step - k)+]:
    P(0) = 1 - G(0) + G(1), P(k) = G(k - 1) - 2 G(k) + G(k + 1).

    >>> law = rounded(d.Exponential(mean=2.0), 3.0, 0.1)
    >>> round(0.1 * law.mean(), 6), round(law.at(0) * 120, 2)  # 1/120: half a step of 60
    (6.0, 0.99)
    """
    cells = _cells(distribution, step / factor, beyond)
    levels = np.arange(cells + 1, dtype=np.float64) * (step / factor)
    above = factor / step * excess(distribution, levels)
    slopes = np.concatenate([[1.0], above[:-1] - above[1:], [0.0]])
    mass = np.maximum(slopes[:-1] - slopes[1:], 0.0)
    return Law(0, mass / mass.sum())


def never_nothing(law: Law, nothing: float) -> Law:
    """*law*, not negative, with P(0) brought down to *nothing* and, where it can be, the same mean.

    What was 0 becomes 1; as much comes down to 1 from above, which narrows the law.

    >>> never_nothing(Law(0, np.array([0.5, 0.0, 0.0, 0.5])), 0.4).mass.round(9).tolist()
    [0.4, 0.15, 0.0, 0.45]
    """
    raised = law.at(0) - nothing
    if raised <= ROUNDING:
        return law
    mass = np.append(law.mass, np.zeros(max(2 - len(law.mass), 0)))
    mass[0] -= raised
    mass[1] += raised
    _lower_others(mass, raised)
    return Law(0, mass)


def _cells(distribution: d.Distribution, step: float, beyond: float) -> int:
    """Steps beyond which no more than that share of the mean lies."""
    least = beyond * distribution.mean()

    def enough(cells: int) -> bool:
        return bool(excess(distribution, np.array([cells * step]))[0] <= least)

    cells = 64
    while not enough(cells):
        cells = allowed(2 * cells)
    saved = cells // 4
    while saved >= max(cells // 32, 8):  # the first power of two is up to twice as many
        cells -= saved if enough(cells - saved) else 0
        saved //= 2
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
    """P(X <= cap) of a distribution that is not negative; cap >= 0, in units of X.

    >>> share_up_to(d.Uniform(low=0, high=4), 1.0)
    0.25
    """
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
                lambda k: (n - k) / (k + 1) * (p / (1 - p)), 0, allowed(n), min(int(mean), n)
            )  # fmt: skip
        case d.NegativeBinomial():
            # By the odds of success: 1 - fail is rounded off where variance dwarfs the mean.
            odds = mean / (variance - mean)
            size, fail, pole = mean * odds, 1 / (1 + odds), math.log1p(odds)
            high = _reach(lambda tilt: -size * (np.log(-np.expm1(tilt - pole))
                                                + math.log1p(1 / odds)), pole)  # fmt: skip
            mode = max(int((size - 1) / odds), 0)
            return _from_ratios(lambda k: (k + size) / (k + 1) * fail, 0, high, mode)
        case d.Geometric():
            last = math.ceil(TAIL / -math.log1p(-1 / mean)) + 1 if mean > 1 else 1
            return _from_ratios(lambda k: np.full(len(k), 1 - 1 / mean), 1, last, 1)
    raise TypeError(distribution.dist)  # pragma: no cover


def _reach(log_growth: Callable[[Array], Array], pole: float) -> int:
    """Chernoff's upper bound where the transform ends at a *pole*."""
    tilts = pole * np.linspace(0.001, 0.999, 200)
    return allowed(math.ceil(np.min((log_growth(tilts) + TAIL) / tilts)))


def _from_ratios(ratio: Callable[[Array], Array], low: int, high: int, mode: int) -> Law:
    """The law whose P(k + 1) / P(k) is ``ratio(k)``, multiplied out from its mode.

    Products keep their relative accuracy where differences of logarithms lose it.
    """
    allowed(high - low + 1)
    up = np.cumprod(ratio(np.arange(mode, high, dtype=np.float64)))
    down = np.cumprod(1 / ratio(np.arange(mode - 1, low - 1, -1, dtype=np.float64)))
    mass = np.concatenate([down[::-1], [1.0], up])
    return Law(low, mass / mass.sum())
