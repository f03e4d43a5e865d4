"""One review cycle under lost sales: demand and a delivery come, and the stock on hand moves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.distribution import Distribution
from simlevel.model.fields import exact
from simlevel.model.scenario import Scenario
from simlevel.theory import tails
from simlevel.theory.tails import Numbers

Whole = NDArray[np.int64]


# --- when things happen ---------------------------------------------------------------------


@dataclass(frozen=True)
class Timetable:
    """What happens from just after one review to just after the next, in time units."""

    length: Fraction
    demands: tuple[Fraction, ...]
    """Times of the demand instants after the review."""
    delivery: Fraction | None
    """When the oldest order on its way is received; None where orders are there at once."""
    in_transit: int
    """Orders on their way just after a review."""
    first_period: int
    """Demand instants before the first review that the chain is watched after: 0 or 1."""

    @classmethod
    def of(cls, scenario: Scenario, policy_name: str) -> Timetable | str:
        every = exact(scenario.demand.every)  # type: ignore[union-attr]
        review = scenario.policies[policy_name].review_period
        # Continuous review looks after each demand, at its instant.
        period = exact(review) if review is not None else every
        late = scenario.clock.demand_first or review is None
        times = _demand_times(period, every, late)
        if times is None:
            return "lost sales need a review period that divides, or is divided by, the period"
        length = max(period, every)
        lead_time = exact(scenario.lead_time.mean())
        transit = math.ceil(lead_time / length)
        delivery = lead_time - (transit - 1) * length if transit else None
        return cls(length, times, delivery, transit, int(late or period < every))

    @property
    def before_delivery(self) -> int:
        """Demand instants before the delivery; at one instant receipts come first."""
        if self.delivery is None:
            return 0
        return sum(time < self.delivery for time in self.demands)


def _demand_times(review: Fraction, every: Fraction, late: bool) -> tuple[Fraction, ...] | None:
    """Demand instants after a review that can see new demand, up to the next such review."""
    if (review / every).denominator == 1:
        return tuple((k + late) * every for k in range(int(review / every)))
    if (every / review).denominator == 1:
        # Only the first review after a demand finds the position changed.
        return (every if late else every - review,)
    return None


# --- what a period asks for -----------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """The demand of one period, in lattice units.

    >>> period = Period(np.array([0.25, 0.5, 0.25]), mean=1.0)
    >>> period.at_most, period.short  # short of 1 on hand: (2 - 1) x 0.25
    (array([0.25, 0.75, 1.  ]), array([1.  , 0.25, 0.  ]))
    >>> period.step()[0]  # from 0, 1 and 2 on hand
    array([[1.  , 0.  , 0.  ],
           [0.75, 0.25, 0.  ],
           [0.25, 0.5 , 0.25]])
    """

    probability: Numbers
    """P(demand = x), x = 0, 1, ... up to the highest level of stock."""
    mean: float

    @property
    def at_most(self) -> Numbers:
        """P(demand <= x)."""
        return np.minimum(np.cumsum(self.probability), 1.0)

    @property
    def short(self) -> Numbers:
        """E(demand - x)^+."""
        above = np.append(0.0, np.cumsum(1 - self.at_most)[:-1])
        return np.maximum(self.mean - above, 0.0)

    def step(self) -> tuple[Numbers, Numbers]:
        """P(x on hand becomes y) as a matrix, and the part of it in which nobody goes short."""
        levels = len(self.probability)
        x, y = np.indices((levels, levels))
        served = np.where(x >= y, self.probability[np.maximum(x - y, 0)], 0.0)
        moves = served.copy()
        moves[1:, 0] += 1 - self.at_most[1:]
        moves[0, 0] = 1.0
        return moves, served


def period_demand(
    demand: PeriodicDemand | HistoryDemand, index: int, step: Fraction, top: int
) -> Period:
    """The demand of the period of that *index*, on the lattice of *step*, for levels to *top*."""
    factor = exact(demand.pattern[index % len(demand.pattern)]) if demand.pattern else Fraction(1)
    values, weights = _asked(demand.amount, factor, step)
    asks = demand.probability if isinstance(demand, PeriodicDemand) else 1.0
    inside = values <= top
    probability = np.bincount(values[inside], weights[inside] * asks, top + 1).astype(np.float64)
    probability[0] += 1 - asks
    mean = float(values @ weights) if demand.pattern else demand.amount.mean() / float(step)
    return Period(probability, mean * asks)


@lru_cache(maxsize=64)
def _asked(quantity: Distribution, factor: Fraction, step: Fraction) -> tuple[Whole, Numbers]:
    """Quantity x *factor* in lattice units, and probabilities to a tail of 1e-16.

    Whole quantities are rounded to whole units after the factor, halves up.
    """
    if quantity.values_drawn is None:
        last = int(min(tails.quantile(quantity, 1 - 1e-16), quantity.largest()))
        numbers = np.arange(last + 1, dtype=np.int64)
        weights = tails.masses(quantity, last)
    else:
        drawn, weights = tails.listed(quantity)
        if not quantity.is_whole:
            asked = [exact(float(value)) * factor / step for value in drawn]
            return np.array([int(value) for value in asked], dtype=np.int64), weights
        numbers = drawn.astype(np.int64)
    rounded = (2 * numbers * factor.numerator + factor.denominator) // (2 * factor.denominator)
    return rounded * step.denominator // step.numerator, weights


# --- between two events ---------------------------------------------------------------------

GAINS = (
    "units_from_shelf", "customers_whole", "periods_served", "area_on_hand", "time_in_stock",
)  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """Some demand instants in a row without a delivery, by the stock on hand at the start."""

    moves: Numbers
    """P(x becomes y)."""
    kept: Numbers
    """The part of it in which nobody goes short."""
    gains: Numbers
    """Expected totals, one column for each of GAINS."""
    mean: float
    """Expected demand, in lattice units."""
    customers: float

    @classmethod
    def of(
        cls, periods: Sequence[Period], times: Sequence[Fraction], start: Fraction, end: Fraction,
        levels: int,
    ) -> Stretch:  # fmt: skip
        moves = kept = np.eye(levels)
        gains = np.zeros((levels, len(GAINS)))
        for period, since, until in zip(
            [None, *periods], [start, *times], [*times, end], strict=True
        ):
            if period is not None:
                gains[:, :3] += moves @ _sales(period)
                step, served = period.step()
                first = period is periods[0]
                moves, kept = (step, served) if first else (moves @ step, kept @ served)
            gains[:, 3] += float(until - since) * (moves @ np.arange(levels))
            gains[:, 4] += float(until - since) * moves[:, 1:].sum(axis=1)
        asked = [1 - period.probability[0] for period in periods]
        return cls(moves, kept, gains, sum(period.mean for period in periods), float(sum(asked)))


def _sales(period: Period) -> Numbers:
    """Units sold, customers served whole and periods served, by the stock on hand."""
    whole = period.at_most
    return np.column_stack([period.mean - period.short, whole - period.probability[0], whole])


@dataclass(frozen=True)
class Phase:
    """One review cycle: a stretch, perhaps a delivery, another stretch."""

    before: Stretch
    after: Stretch
    moved_before: bool
    moved_after: bool

    def moves(self, on_hand: Whole, due: Whole) -> tuple[Numbers, Numbers, Numbers]:
        """Of states with so much *on_hand* and *due*: P(stock at the next review), shape
        (states, levels); the part without a shortage since the last receipt, where that part
        was without one before; and the probability of no shortage until the delivery."""
        first, second = self.before, self.after
        until = first.kept.sum(axis=1)[on_hand]
        fresh = (due > 0)[:, None]
        moves = self._joined(first.moves, second.moves, on_hand, due)
        carried = self._joined(first.kept, second.kept, on_hand, due)
        renewed = self._joined(first.moves, second.kept, on_hand, due)
        return moves, np.where(fresh, renewed, carried), until

    def _joined(self, first: Numbers, second: Numbers, on_hand: Whole, due: Whole) -> Numbers:
        if not self.moved_before:
            return np.asarray(second[on_hand + due])
        if not self.moved_after:
            levels = np.arange(len(first)) - due[:, None]
            found = first[on_hand[:, None], np.maximum(levels, 0)]
            return np.where(levels >= 0, found, 0.0)
        joined = np.empty((len(due), len(first)))
        for quantity in np.unique(due):
            rows = np.flatnonzero(due == quantity)
            joined[rows] = first[on_hand[rows], : len(first) - quantity] @ second[quantity:]
        return joined

    def gains(self, on_hand: Whole, due: Whole) -> tuple[Numbers, Numbers, Numbers]:
        """Expected GAINS before and after the delivery, and the stock just before it."""
        later = np.zeros((len(due), len(GAINS)))
        for quantity in np.unique(due) if self.after.gains.any() else ():
            rows = np.flatnonzero(due == quantity)
            reached = self.before.moves[on_hand[rows], : len(self.after.gains) - quantity]
            later[rows] = reached @ self.after.gains[quantity:]
        found = self.before.moves @ np.arange(len(self.before.moves))
        return self.before.gains[on_hand], later, found[on_hand]


def phases_of(
    scenario: Scenario, timetable: Timetable, step: Fraction, top: int
) -> Iterator[Phase]:
    """The review cycles that follow one another until the demand pattern is back in step."""
    demand = scenario.demand
    assert isinstance(demand, (PeriodicDemand, HistoryDemand))
    times, cut = timetable.demands, timetable.before_delivery
    middle = timetable.delivery or Fraction(0)
    pattern = len(demand.pattern or (1,))
    for number in range(math.lcm(len(times), pattern) // len(times)):
        first = timetable.first_period + number * len(times)
        periods = [period_demand(demand, first + k, step, top) for k in range(len(times))]
        yield Phase(
            Stretch.of(periods[:cut], times[:cut], Fraction(0), middle, top + 1),
            Stretch.of(periods[cut:], times[cut:], middle, timetable.length, top + 1),
            cut > 0, cut < len(times),
        )  # fmt: skip
