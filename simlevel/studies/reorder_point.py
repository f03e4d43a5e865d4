"""The reorder point of (r, Q) that reaches a fill rate under any demand model, in milliseconds.

Everything is put on one lattice of at most CELLS steps, so that continuous demand and very many
values cost no more than small counts; :mod:`simlevel.theory.levels` is exact where this is close.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simlevel.model.demand import HistoryDemand, PeriodicDemand, PoissonDemand
from simlevel.model.distribution import Distribution, Geometric, NegativeBinomial, Poisson
from simlevel.theory.lattice import Array
from simlevel.theory.laws import excess, share_up_to

Fittable: TypeAlias = PeriodicDemand | PoissonDemand | HistoryDemand
CELLS = 2**14
MOST_LEAD_TIMES = 200
_Waves: TypeAlias = NDArray[np.complex128]


@dataclass(frozen=True)
class FillRates:
    """Of (r, Q) under continuous review at r = 0, step, 2 step, ..."""

    step: float
    rates: Array

    def reorder_point(self, target: float) -> float:
        """The least r that reaches *target*; the largest there is if none does."""
        reached = np.flatnonzero(self.rates >= target - 1e-9)
        place = int(reached[0]) if len(reached) else len(self.rates) - 1
        return place * self.step


def mean_and_sd(demand: Fittable) -> tuple[float, float]:
    """Of the demand of a period; of a time unit for Poisson customers."""
    size = demand.amount
    share = demand.rate if isinstance(demand, PoissonDemand) else _share(demand)
    mean, square = share * size.mean(), share * (size.variance() + size.mean() ** 2)
    return mean, math.sqrt(square if isinstance(demand, PoissonDemand) else square - mean**2)


def fill_rates(demand: Fittable, lead_times: Sequence[float], order_quantity: float) -> FillRates:
    """The fill rate of (r, Q) for all r >= 0, backorders, lead times alike drawn from *lead_times*.

    With D the demand of a lead time, X that of the customer or period that follows, and y uniform
    over r to r + Q, the share short is E[(D + X - y)+ - (D - y)+] / E X: Axsäter, Inventory
    Control (3rd ed., 2015), 5.3. Exact but for the lattice while orders do not overtake.
    """
    times, weights = np.unique(_thinned(lead_times), return_counts=True)
    weights = weights / weights.sum()
    step = _step(demand, float(times[-1]), order_quantity)
    masses = _masses(demand.amount, step)
    size = np.fft.rfft(masses, 2 * CELLS)
    share = _share(demand)
    last = 1 - share + share * size
    over = _over_lead_time(demand, size, last)
    before = np.sum([w * over(float(t)) for t, w in zip(times, weights, strict=True)], axis=0)
    short = _excess(before * last) - _excess(before)
    batch = max(round(order_quantity / step), 1)
    sums = np.append(0.0, np.cumsum(short))
    mean_short = (sums[batch + 1 :] - sums[1:-batch]) / batch
    return FillRates(step, 1 - mean_short / (share * float(np.arange(CELLS) @ masses)))


def _share(demand: Fittable) -> float:
    return demand.probability if isinstance(demand, PeriodicDemand) else 1.0


def _thinned(lead_times: Sequence[float]) -> Array:
    """Their quantiles, where they are very many."""
    if len(lead_times) <= MOST_LEAD_TIMES:
        return np.asarray(lead_times, dtype=float)
    shares = (np.arange(MOST_LEAD_TIMES) + 0.5) / MOST_LEAD_TIMES
    return np.asarray(np.quantile(lead_times, shares))


def _step(demand: Fittable, longest: float, order_quantity: float) -> float:
    mean, sd = mean_and_sd(demand)
    periods = longest if isinstance(demand, PoissonDemand) else longest / demand.every
    reach = (periods + 1) * mean + 12 * math.sqrt(periods + 1) * sd + order_quantity
    step = 1.25 * reach / CELLS
    return max(1.0, math.ceil(step)) if demand.is_whole else step


def _masses(size: Distribution, step: float) -> Array:
    """*size* on multiples of *step*, each value shared by its neighbours so that means stay; what
    counts without an end, rounded to them."""
    if size.is_continuous:
        above = excess(size, step * np.arange(CELLS + 1, dtype=np.float64)) / step
        slopes = above[:-1] - above[1:]
        return np.append(1 - slopes[0], np.clip(slopes[:-1] - slopes[1:], 0, None))
    if size.values_drawn is None:
        return np.diff(up_to(size, step * (np.arange(CELLS, dtype=np.float64) + 0.5)), prepend=0.0)
    values = np.asarray(size.values_drawn, dtype=float)
    mass = np.asarray(getattr(size, "probabilities", np.full(len(values), 1 / len(values))))
    mass = mass[mass > 0] if len(mass) != len(values) else mass
    cells = values / step
    floor = np.floor(cells + 1e-9)
    up = np.clip(cells - floor, 0, 1)
    lower = np.minimum(floor.astype(int), CELLS - 1)
    found = np.bincount(lower, mass * (1 - up), CELLS)
    found += np.bincount(np.minimum(lower + 1, CELLS - 1), mass * up, CELLS)
    return np.asarray(found, dtype=np.float64)


def up_to(size: Distribution, levels: Array) -> Array:
    """P(X <= level); levels of 0 or more, in units."""
    counts = np.floor(levels)
    mean, variance = size.mean(), size.variance()
    match size:
        case Poisson():
            return np.asarray(special.gammaincc(counts + 1, mean))
        case NegativeBinomial():
            odds = mean / (variance - mean)
            return np.asarray(special.betainc(mean * odds, counts + 1, odds / (1 + odds)))
        case Geometric():
            return np.asarray(1 - (1 - 1 / mean) ** counts)
    return np.array([share_up_to(size, float(level)) for level in levels])


def _over_lead_time(demand: Fittable, size: _Waves, period: _Waves) -> Callable[[float], _Waves]:
    """The transform of the demand of a lead time."""
    if isinstance(demand, PoissonDemand):
        rate = demand.rate
        return lambda time: np.exp(rate * time * (size - 1))
    every = demand.every
    # The order is placed with the demand of a period; that of the receipt's instant comes after.
    return lambda time: period ** max(math.ceil(round(time / every, 9)) - 1, 0)


def _excess(transform: _Waves) -> Array:
    """E(D - y)+ in steps, y = 0, 1, 2, ... steps."""
    mass = np.clip(np.fft.irfft(transform, 2 * CELLS), 0, None)
    above = np.cumsum(mass[::-1])[::-1][1:]
    return np.asarray(np.cumsum(above[::-1])[::-1][:CELLS])
