"""What a period asks for, in whole steps of stock: the model fitted to an item, on a lattice.

A step is what the item's record counts in, or, where more than OWN of those are in a deviation
of a period's demand, 1, 2, 5, 10, ... times as much, so that about FINE are. A quantity between
two steps is shared between them so that its mean is kept. With n steps in a deviation that adds
at most a part in 4 n^2 to the variance, 1 in 4,000 for the widest steps, of 32 in a deviation;
and the lowest level that meets a target is up to a step higher than on a finer lattice. A step
stands for what lies within half a step of it: so a level is put half a step higher, see
:attr:`Stepped.half`. Where a few quantities are all that is ever asked for, a share that jumps
from one to the next, the cycle service level, is off by up to what lies on one step.

Only a law with a heavy tail has wider steps than that, and raises :class:`HeavyTailError` where
fewer than LEAST would be in a deviation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from simlevel.errors import SimlevelError
from simlevel.fitting.candidates import CANDIDATES, Candidate
from simlevel.fitting.demand import Fitted
from simlevel.fitting.laws import LAWS
from simlevel.fitting.sample import Array
from simlevel.model.demand import PeriodicDemand
from simlevel.model.distribution import AnyDistribution, Discrete
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.theory.lattice import Law, mix, point
from simlevel.theory.laws import discretised, excess

FINE = 50
"""Steps in a deviation of a period's demand, about, where the record has more."""
OWN = 4 * FINE
"""Steps of the record itself in a deviation, up to which they are kept."""
LEAST = 8
"""Steps in a deviation at least, where a heavy tail would take more than MOST_STEPS."""
FINEST = 10
"""Times as many steps as that, at most, where quantities given would not lie on them."""
BEYOND = 1e-4
"""Share of the mean that may lie beyond the last step: no fill rate is wrong by more for it."""
MOST_STEPS = 2**15
"""Steps of a period's demand."""
MOST_COUNTS = 2**15
"""Numbers of units whose probability is worked out one by one; of more, evenly spaced ones."""


class HeavyTailError(SimlevelError):
    """Demand does not fit on a lattice that can be worked with; says why."""


@dataclass(frozen=True)
class Stepped:
    """The demand of a period."""

    step: Fraction
    """Units in a step."""
    law: Law
    """In whole steps, zeros included."""
    grid: Fraction
    """Units that the record counts in."""

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
    fine: int = FINE,
) -> Stepped:
    """The demand of one item by its chosen model.

    *must* is a quantity that is to be a whole number of steps, as orders are multiples of it.
    *wished* are others, which are left between two steps where that would take more than FINEST
    times as many. Raises HeavyTailError.
    """
    asks, quantity = _quantity(fitted, place)
    mean, variance = (float(each[place]) for each in fitted.moments())
    sd, least = math.sqrt(variance), quantity.reach / MOST_STEPS
    if least > max(sd / LEAST, mean / (MOST_STEPS // 4)):
        raise HeavyTailError(f"demand has too heavy a tail to be put on {MOST_STEPS:,} steps")
    grid = exact(float(fitted.grid[place]))
    thin = max(sd / fine, least, mean / (MOST_STEPS // 4))
    kept = sd <= OWN * grid and least <= grid
    about = grid if kept else grid * _round_number(thin / float(grid))
    step = _step(about, max(thin / FINEST, least), must, wished)
    law = mix([(asks, quantity.on(float(step))), (1 - asks, point(0))])
    return Stepped(step, law.trimmed(), grid)


def _step(
    about: Fraction, least: float, must: Fraction | None, wished: Sequence[Fraction]
) -> Fraction:
    """A step of *about* that size, *least* units or more, of which *must* is a multiple; or of
    which a multiple is a step, where it is smaller."""
    always = [] if must is None else [must]
    for on in ([*always, *wished], always):
        step = common([about, *on])
        if step == about or step >= least:
            return step
    return always[0] * max(about // always[0], 1) / max(math.ceil(always[0] / about), 1)


def _round_number(about: float) -> int:
    """1, 2, 5, 10, ...: the nearest of them to *about*, by its logarithm.

    >>> [_round_number(x) for x in (0.3, 1.3, 1.5, 4.9, 60.0, 80.0)]
    [1, 1, 2, 5, 50, 100]
    """
    decade = int(10 ** math.floor(math.log10(max(about, 1.0))))
    return min((n * decade for n in (1, 2, 5, 10)), key=lambda n: abs(math.log(n / max(about, 1))))


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

    def on(self, step: float) -> Law:
        return discretised(self.law, 1.0, step, BEYOND)


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
