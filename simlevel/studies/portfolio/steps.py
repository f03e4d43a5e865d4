"""What a period asks for, in whole steps of stock: the model fitted to an item, on a lattice.

A step is what the item's record counts in, or, where more than OWN of those are in a deviation
of a period's demand, 1, 2, 5, 10, ... times as much, so that about FINE are. A quantity between
two steps is shared between them so that its mean is kept. With n steps in a deviation that adds
at most a part in 4 n^2 to the variance, 1 in 4,000 for the widest steps, of 32 in a deviation;
and the lowest level that meets a target is up to a step higher than on a finer lattice. A step
stands for what lies within half a step of it: so a level is put half a step higher, see
:attr:`Stepped.half`. Where a few quantities are all that is ever asked for, a share that jumps
from one to the next, the cycle service level, is off by up to what lies on one step.

What is less than a step may so become 0, which moves nothing as long as it takes some steps to
order. Where each demand is ordered, whether there was one is what counts: see
:meth:`Stepped.under`.

Only a law with a heavy tail has wider steps than that: as wide as put it on MOST_STEPS, but LEAST
of them in a deviation, as far as LONGEST allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

import numpy as np

from simlevel.fitting.candidates import CANDIDATES, Candidate
from simlevel.fitting.demand import Fitted
from simlevel.fitting.laws import LAWS
from simlevel.fitting.sample import Array
from simlevel.model.demand import PeriodicDemand
from simlevel.model.distribution import AnyDistribution, Discrete
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import Stocked
from simlevel.theory.lattice import Law, mix, point
from simlevel.theory.laws import excess, never_nothing, rounded, share_up_to

FINE = 50
"""Steps in a deviation of a period's demand, about, where the record has more."""
OWN = 4 * FINE
"""Steps of the record itself in a deviation, up to which they are kept."""
LEAST = 8
"""Steps in a deviation, where a heavy tail would leave fewer on MOST_STEPS."""
FINEST = 10
"""Times as many steps as that, at most, where quantities given would not lie on them."""
FEW = 8
"""Quantities that are asked for again and again: whether two of one and three of another make an
order should not depend on how they lie between steps."""
BEYOND = 1e-4
"""Share of the mean that may lie beyond the last step: no fill rate is wrong by more for it."""
MOST_STEPS = 2**15
"""Steps of a period's demand; more only where fewer than LEAST would be in a deviation."""
OF_ORDER = 20_000
"""Steps of an order, at most: stock is then told to a part in as many, however little a period
asks for beside it."""
LONGEST = 90_000
"""Steps of the longest tail: a scenario lists up to 100,000 values."""
MOST_COUNTS = 2**15
"""Numbers of units whose probability is worked out one by one; of more, evenly spaced ones."""


@dataclass(frozen=True)
class Stepped:
    """The demand of a period."""

    step: Fraction
    """Units in a step."""
    law: Law
    """In whole steps, zeros included."""
    grid: Fraction
    """Units that the record counts in."""
    nothing: float = 1.0
    """The share of periods that ask for nothing, if less than the law has at 0."""

    def under(self, policy: Stocked) -> Law:
        """The law as it is to be taken under a *policy* of that kind.

        Under base stock each demand is an order, and what is above 0 stays above 0.
        """
        return self._one_for_one if policy.kind == "base_stock" else self.law

    @cached_property
    def _one_for_one(self) -> Law:
        return never_nothing(self.law, self.nothing)

    @property
    def half(self) -> Fraction:
        """Units from a step up to where the next begins: a level there parts the positions that
        the step stands for from those of the next. 0 where steps are no coarser than the grid."""
        return math.ceil(max((self.step - self.grid) / 2, Fraction(0)) / self.grid) * self.grid

    @property
    def mean(self) -> float:
        """Units."""
        return float(self.step) * self.law.mean()

    @property
    def sd(self) -> float:
        """Units."""
        second = float((self.law.values**2 * self.law.mass).sum())
        return float(self.step) * math.sqrt(max(second - self.law.mean() ** 2, 0.0))


def periodic(law: Law, step: Fraction = Fraction(1)) -> PeriodicDemand:
    """A draw of *law*, in steps of so many units, asked for in each period of a scenario."""
    some = np.flatnonzero(law.mass)
    values = (some + law.low) * step.numerator / step.denominator
    shares = law.mass[some] / law.mass.sum()
    listed = Discrete(values=tuple(values.tolist()), probabilities=tuple(shares.tolist()))
    return PeriodicDemand(quantity=listed)


def stepped(
    fitted: Fitted,
    place: int,
    must: Fraction | None = None,
    wished: Sequence[Fraction] = (),
    finer: float = 1,
    ordered: float = 0.0,
) -> Stepped:
    """The demand of one item by its chosen model.

    *must* is a quantity that is to be a whole number of steps, as orders are multiples of it.
    *wished* are others, and so are those of the record where they are FEW: one that would take
    more than FINEST times as many is left between two steps. Steps are so many times *finer* than
    they need be. *ordered*: about what an order is; beside a large one they may be wide.
    """
    asks, quantity = _quantity(fitted, place)
    mean, variance = (float(each[place]) for each in fitted.moments())
    sd, widest = math.sqrt(variance), mean / (MOST_STEPS // 4)
    longest = quantity.reach / LONGEST
    least = max(min(quantity.reach / MOST_STEPS, max(sd / LEAST, widest)), ordered / OF_ORDER)
    least = max(least / finer, longest)
    grid = exact(float(fitted.grid[place]))
    thin = max(sd / FINE / finer, least, widest / finer)
    kept = sd <= OWN * grid and least <= grid
    about = grid if kept else grid * _round_number(thin / float(grid), longest / float(grid))
    step = _step(about, max(thin / FINEST, least), must, [*wished, *quantity.few])
    law = mix([(asks, quantity.on(float(step))), (1 - asks, point(0))])
    nothing = 1 - asks + asks * quantity.nothing
    return Stepped(step, law.trimmed(), grid, nothing)


def _step(
    about: Fraction, least: float, must: Fraction | None, wished: Sequence[Fraction]
) -> Fraction:
    """A step of *about* that size, *least* units or more, of which *must* is a multiple, or which
    is a multiple of it; and of which as many of those *wished* are, the first ones first."""
    step = about if must is None else common([about, must])
    if must is not None and step < least and step < about:
        return _rounded_to(must, about, least)
    for quantity in wished:
        dividing = common([step, quantity])
        step = dividing if dividing >= least else step
    return step


def _rounded_to(must: Fraction, about: Fraction, least: float) -> Fraction:
    """A multiple of *must*, or a whole part of it, of *about* that size, *least* or more."""
    if about >= must:
        times = about // must
        return must * (times if must * times >= least else times + 1)
    parts = math.ceil(must / about)
    return must / (parts if must / parts >= least else parts - 1)


def _round_number(about: float, least: float = 1.0) -> int:
    """1, 2, 5, 10, ...: the nearest of them to *about*, by its logarithm, from *least* on.

    >>> [_round_number(x) for x in (0.3, 1.3, 1.5, 4.9, 60.0, 80.0)]
    [1, 1, 2, 5, 50, 100]
    >>> _round_number(60.0, 55.0)
    100
    """
    decade = int(10 ** math.floor(math.log10(max(about, 1.0))))
    numbers = [n * decade for n in (1, 2, 5, 10)]
    high_enough = [n for n in numbers if n >= least]
    return min(high_enough, key=lambda n: abs(math.log(n / max(about, 1))))


# --- the fitted model --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Listed:
    """Quantities in units, ascending, and their probabilities."""

    quantities: Array
    mass: Array

    @property
    def reach(self) -> float:
        """Units, beyond which no more than BEYOND of the mean lies."""
        parts = self.quantities * self.mass
        beyond = np.append(np.cumsum(parts[::-1])[::-1][1:], 0.0)
        return float(self.quantities[np.argmax(beyond <= BEYOND * parts.sum())])

    @property
    def nothing(self) -> float:
        """P(X = 0)."""
        return float(self.mass[self.quantities == 0].sum())

    @property
    def few(self) -> list[Fraction]:
        """All quantities above 0, if no more than FEW, from those that most units come in."""
        units = self.quantities * self.mass
        distinct, place = np.unique(self.quantities[units > 0], return_inverse=True)
        if len(distinct) > FEW:
            return []
        ranked = np.argsort(-np.bincount(place, units[units > 0]), kind="stable")
        return [exact(quantity) for quantity in distinct[ranked].tolist()]

    def on(self, step: float) -> Law:
        last = math.ceil(self.reach / step - 1e-9)
        return shared(self.quantities / step, self.mass, max(last, 1))


@dataclass(frozen=True)
class _Smooth:
    """A continuous law, in units."""

    law: AnyDistribution

    @property
    def reach(self) -> float:
        """Units, beyond which no more than BEYOND of the mean lies."""
        mean = self.law.mean()
        levels = mean * 1.1 ** np.arange(400.0)
        return float(levels[np.argmax(excess(self.law, levels) <= BEYOND * mean)])

    few: ClassVar[Sequence[Fraction]] = ()
    """None that are asked for again and again."""

    @property
    def nothing(self) -> float:
        """P(X = 0)."""
        return share_up_to(self.law, 0.0)

    def on(self, step: float) -> Law:
        return rounded(self.law, 1.0, step, BEYOND)


def _quantity(fitted: Fitted, place: int) -> tuple[float, _Listed | _Smooth]:
    """The probability that a period draws from the chosen law, and the law."""
    model, grid = int(fitted.chosen[place]), float(fitted.grid[place])
    candidate, theta = CANDIDATES[model], fitted.parameters[place, model]
    if candidate.family == "empirical":
        known = np.sort(fitted.history[place][~np.isnan(fitted.history[place])])
        return 1.0, _Listed(known, np.full(len(known), 1 / len(known)))
    asks = min(float(theta[2]), 1.0)
    if candidate.law is not None and not candidate.law.whole:
        return asks, _Smooth(candidate.law.distribution(theta, grid))
    if candidate.family == "intermittent" and candidate.law is None:
        return asks, _Listed(theta[:1] * grid, np.ones(1))
    counts, mass = _counted(candidate, theta)
    return asks, _Listed(counts * grid, mass)


def _counted(candidate: Candidate, theta: Array) -> tuple[Array, Array]:
    """Quantities in units of the record's grid, and their probabilities."""
    lot = 1.0 if candidate.law else float(theta[1])
    law = candidate.law or LAWS["poisson"]
    mean, variance = (float(each) for each in law.moments(theta))
    last = math.ceil(mean + 8 * math.sqrt(variance) + 20 * (1 + variance / mean))
    apart = -(-last // MOST_COUNTS)
    counts = np.arange((apart + 1) // 2, last + apart, apart, dtype=float)
    mass = np.append(np.exp(law.nothing(theta)), apart * np.exp(law.cell(theta, counts)))
    return np.append(0.0, counts) * lot, mass / mass.sum()


def shared(quantities: Array, mass: Array, last: int) -> Law:
    """*quantities* in steps, not whole, each shared between the two steps beside it so that its
    mean is kept; those above *last* are put there.

    >>> shared(np.array([0.0, 1.25]), np.array([0.5, 0.5]), 9).mass[:3].tolist()
    [0.5, 0.375, 0.125]
    """
    low = np.floor(quantities + 1e-9)
    above = np.where(quantities - low < 1e-9, 0.0, quantities - low)
    places = np.minimum(np.stack([low, low + 1]), last).astype(np.int64)
    weights = np.stack([mass * (1 - above), mass * above])
    return Law(0, np.bincount(places.ravel(), weights.ravel(), last + 1).astype(np.float64))
