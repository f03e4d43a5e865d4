"""The only random numbers: one named stream a source and replication, drawn in blocks.

Every policy of a scenario meets the same customers (common random numbers), and replication
7 is the same whether it runs first, last or on another machine.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from numpy.typing import NDArray
from scipy import special

from simlevel.compiled import in_whole_units, look_up
from simlevel.errors import InputError
from simlevel.model import distribution as d
from simlevel.model.demand import (
    Demand,
    HistoryDemand,
    PeriodicDemand,
    PoissonDemand,
    RenewalDemand,
)
from simlevel.model.fields import exact
from simlevel.model.grid import Grid, asked, common, listed
from simlevel.model.scenario import Scenario

Block: TypeAlias = NDArray[np.float64]
Sampler: TypeAlias = Callable[[Generator, int], Block]

BLOCK = 16384
"""Most draws at a time: few calls, and still in a processor's cache."""
LARGEST_TABLE = 4_000_000
"""Cells of one distribution's table; a wider one is refused."""
CACHED = 2**15
"""Cells of a guide that stay in a processor's cache; up to so many, 16 for each value."""
_CERTAIN = 700.0
"""exp(-700) is as good as 0."""
_TAIL = 2.0**-54
"""Half the spacing of uniform numbers: no draw falls beyond."""


class Source(IntEnum):
    """What a stream is for; the number enters the seed, so none is ever reused."""

    GAPS = 0
    QUANTITIES = 1
    ASKS = 2
    LEAD_TIMES = 3
    SAMPLE = 4
    DEMO = 5


def generator(seed: int, source: Source, replication: int) -> Generator:
    """The stream of one *source* in one *replication*."""
    return Generator(SFC64(SeedSequence(seed, spawn_key=(source, replication))))


def item_stream(seed: int, source: Source, item: int) -> SFC64:
    """The stream of one *source* of one *item* of a portfolio, all its replications together."""
    return SFC64(SeedSequence(seed, spawn_key=(source, 0, item)))


def fresh_seed(seed: int, number: int) -> int:
    """The seed of the *number*-th run that is to share no draw with those of *seed*: of a
    sequence spawned from it (NumPy's ``SeedSequence.spawn``), and below 10^15 as files have it."""
    spawned = SeedSequence(seed, spawn_key=(number,))
    return int(spawned.generate_state(1, np.uint64)[0]) % 10**15


class Draws:
    """The streams of a scenario, in ticks and grid units.

    *customers* is how many a replication is likely to have: few are drawn for nothing. Raises
    InputError where a distribution is too wide to tabulate.
    """

    def __init__(
        self, scenario: Scenario, grid: Grid, seed: int, customers: float = math.inf
    ) -> None:
        self._seed = seed
        blocks = math.ceil(customers / BLOCK) if 0 < customers < math.inf else 1
        self._block = min(math.ceil(customers / blocks), BLOCK) if customers < math.inf else BLOCK
        self._demand = demand = scenario.demand
        self._grid = grid
        self._lead_time = _times(scenario.lead_time.distribution, grid)
        self._quantity = sampler(demand.amount, self._step)
        if isinstance(demand, RenewalDemand):
            self._gap = _times(demand.interarrival, grid)
        elif isinstance(demand, PoissonDemand):
            self._gap = _continuous(d.Exponential(mean=_ticks(grid) / demand.rate))

    @property
    def _step(self) -> Fraction:
        """The step that quantities are drawn in, before any pattern multiplies them."""
        demand, unit = self._demand, self._grid.unit
        if demand.amount.is_continuous:  # rounded alike on every grid that is finer
            own = asked(demand)
            return own if (own / unit).denominator == 1 else unit
        if _pattern(demand) is None:
            return unit
        return Fraction(1) if demand.is_whole else common(listed(demand.amount))

    def gaps(self, replication: int) -> Iterator[Block]:
        """Ticks between customers."""
        return self._blocks(self._gap, Source.GAPS, replication, self._block)

    def lead_times(self, replication: int) -> Iterator[Block]:
        """Ticks that the first, second, ... order takes."""
        fewer = max(self._block // 16, 1)
        return self._blocks(self._lead_time, Source.LEAD_TIMES, replication, fewer)

    def quantities(self, replication: int) -> Iterator[Block]:
        """Units that the customer or period asks for; 0 where nobody does."""
        demand = self._demand
        blocks = self._blocks(self._quantity, Source.QUANTITIES, replication, self._block)
        if isinstance(demand, HistoryDemand) and demand.replayed:
            once = np.array([float(round(exact(v) / self._step)) for v in demand.history])
            pieces = np.split(once, range(self._block, once.size, self._block))
            blocks = itertools.chain(pieces, itertools.repeat(np.zeros(self._block)))
        if pattern := _pattern(demand):
            blocks = self._patterned(blocks, pattern)
        if demand.amount.is_continuous and self._step != self._grid.unit:
            units = float(self._step / self._grid.unit)
            blocks = (block * units for block in blocks)
        if isinstance(demand, PeriodicDemand) and demand.probability < 1:
            asks = generator(self._seed, Source.ASKS, replication)
            blocks = _thinned(blocks, asks, demand.probability)
        return blocks

    def _patterned(self, blocks: Iterator[Block], pattern: tuple[float, ...]) -> Iterator[Block]:
        step = common(map(exact, pattern))
        factors = np.array([float(exact(factor) / step) for factor in pattern])
        blocks = _multiplied(blocks, factors)
        if self._demand.amount.is_whole:
            blocks, step = _halves_up(blocks, step), Fraction(1)
        continuous = self._demand.amount.is_continuous
        scale = step if continuous else self._step * step / self._grid.unit
        if scale.denominator == 1:
            return (block * float(scale) for block in blocks)
        return (in_whole_units(block, float(scale)) for block in blocks)

    def _blocks(
        self, draw: Sampler, source: Source, replication: int, size: int
    ) -> Iterator[Block]:
        stream = generator(self._seed, source, replication)
        while True:
            yield draw(stream, size)


def _pattern(demand: Demand) -> tuple[float, ...] | None:
    return demand.pattern if isinstance(demand, (PeriodicDemand, HistoryDemand)) else None


def one_by_one(blocks: Iterator[Block]) -> Iterator[float]:
    """The numbers of *blocks*, as Python floats."""
    return itertools.chain.from_iterable(block.tolist() for block in blocks)


def _thinned(blocks: Iterator[Block], asks: Generator, probability: float) -> Iterator[Block]:
    for block in blocks:
        yield np.where(asks.random(block.size) < probability, block, 0.0)


def _multiplied(blocks: Iterator[Block], factors: Block) -> Iterator[Block]:
    """*blocks* times the factors of their periods."""
    place = 0
    for block in blocks:
        yield block * factors[np.arange(place, place + block.size) % len(factors)]
        place = (place + block.size) % len(factors)


def _halves_up(blocks: Iterator[Block], step: Fraction) -> Iterator[Block]:
    """Multiples of *step* rounded to whole numbers, in whole-number arithmetic."""
    for block in blocks:
        yield np.floor((block * (2 * step.numerator) + step.denominator) / (2 * step.denominator))


# --- samplers ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A discrete distribution, sampled by inversion through a guide table.

    ``cumulative[i]`` is P(X <= values[i]). Inversion draws one uniform a value and grows with
    it, as common random numbers want. Chen and Asau (1974); Devroye, Non-Uniform Random
    Variate Generation (1986), III.2.4.
    """

    values: Block
    cumulative: Block
    guide: NDArray[np.int64]

    @classmethod
    def of(cls, values: Block, cumulative: Block) -> Table:
        # A power of two, so that scaling a uniform to a guide cell is exact.
        cells = 1 << (len(values) - 1).bit_length()
        cells = max(cells, min(16 * cells, CACHED))
        begins = np.bincount(np.ceil(cumulative[:-1] * cells).astype(np.int64), minlength=cells)
        closed = np.append(cumulative[:-1], np.inf)
        return cls(values, closed, np.cumsum(begins[:cells]))

    def __call__(self, stream: Generator, size: int) -> Block:
        return self.lookup(stream.random(size))

    def lookup(self, uniforms: Block) -> Block:
        """The value of the least index whose cumulative probability is above each uniform."""
        return look_up(uniforms, self.guide, self.cumulative, self.values)


def sampler(distribution: d.Distribution, step: Fraction) -> Sampler:
    """Draws of a quantity, in whole numbers of *step*.

    Raises InputError where its table would be larger than LARGEST_TABLE cells.
    """
    if distribution.is_continuous:
        draw, units = _continuous(distribution), step.denominator / step.numerator
        return lambda stream, size: in_whole_units(draw(stream, size), units)
    return _discrete(distribution, step)


def _times(distribution: d.Distribution, grid: Grid) -> Sampler:
    """Draws of a time in ticks: whole numbers but for continuous distributions."""
    if distribution.is_continuous:
        draw, ticks = _continuous(distribution), _ticks(grid)
        return lambda stream, size: draw(stream, size) * ticks
    return _discrete(distribution, grid.tick)


def _ticks(grid: Grid) -> float:
    """Ticks in a time unit."""
    return grid.tick.denominator / grid.tick.numerator


def _discrete(distribution: d.Distribution, step: Fraction) -> Sampler:
    if isinstance(distribution, d.Constant):
        value = float(round(exact(distribution.value) / step))
        return lambda stream, size: np.full(size, value)
    if distribution.values_drawn is not None:
        values, cumulative = _listed(distribution)
        return Table.of(np.array([float(round(exact(v) / step)) for v in values]), cumulative)
    values, cumulative = _counted(distribution)
    return Table.of(np.rint(values * step.denominator / step.numerator), cumulative)


def period_table(demand: PeriodicDemand, step: Fraction) -> Table:
    """What a period asks for, nothing included, in whole numbers of *step*: one uniform each.

    *demand* is discrete and has no pattern. Raises InputError where its table would be larger
    than LARGEST_TABLE cells.
    """
    amount = demand.amount
    values, cumulative = (_counted if amount.values_drawn is None else _listed)(amount)
    values = np.rint(values * step.denominator / step.numerator)
    asks = demand.probability
    if asks < 1:
        cumulative = 1 - asks + asks * cumulative
        if values[0] > 0:
            values, cumulative = np.append(0.0, values), np.append(1 - asks, cumulative)
    return Table.of(values, cumulative)


def _listed(distribution: d.Distribution) -> tuple[Block, Block]:
    """The listed values in order, and P(X <= each)."""
    if isinstance(distribution, d.Discrete):
        values, weights = np.array(distribution.values), np.array(distribution.probabilities)
    else:
        values = np.array(distribution.values_drawn)
        weights = np.full(len(values), 1 / len(values))
    distinct, place = np.unique(values[weights > 0], return_inverse=True)
    cumulative = np.cumsum(np.bincount(place, weights[weights > 0]))
    return distinct, cumulative / cumulative[-1]


def _counted(distribution: d.Distribution) -> tuple[Block, Block]:
    """The whole numbers between the tails that no uniform reaches, and P(X <= each)."""
    below, above = _tails(distribution)
    low = _first(lambda k: below(k) > _TAIL, 1)
    high = _first(lambda k: above(k) < _TAIL, math.ceil(distribution.mean()) + 1)
    if high - low >= LARGEST_TABLE:
        raise InputError(
            f"expected a {distribution.dist} distribution of at most {LARGEST_TABLE:,} whole "
            f"numbers, found {high - low + 1:,.0f} (a continuous one, gamma say, has no such limit)"
        )
    values = np.arange(low, high + 1, dtype=float)
    return values, np.asarray(below(values), dtype=float)


def _tails(
    distribution: d.Distribution,
) -> tuple[Callable[[float | Block], Block], Callable[[float | Block], Block]]:
    """P(X <= k) and P(X > k)."""
    mean, variance = distribution.mean(), distribution.variance()
    match distribution:
        case d.Poisson():
            return (lambda k: special.pdtr(k, mean)), (lambda k: special.pdtrc(k, mean))
        case d.Binomial(n=n, p=p):
            # scipy's tails are nan beyond n.
            return (
                lambda k: special.bdtr(np.minimum(k, n), n, p),
                lambda k: special.bdtrc(np.minimum(k, n), n, p),
            )
        case d.NegativeBinomial():
            beyond = variance - mean
            size, success, failure = mean * mean / beyond, mean / variance, beyond / variance
            return (
                lambda k: special.betainc(size, np.add(k, 1), success),
                lambda k: special.betainc(np.add(k, 1), size, failure),
            )
        case d.Geometric():
            rate = -math.log1p(-1 / mean) if mean > 1 else _CERTAIN
            return (lambda k: -np.expm1(-rate * k)), (lambda k: np.exp(-rate * k))
    raise TypeError(distribution.dist)  # pragma: no cover


def _first(reached: Callable[[float], object], guess: int) -> int:
    """The least whole number from 0 at which *reached*, which then stays true."""
    low, high = -1, guess
    while not reached(float(high)):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(float(middle)) else (middle, high)
    return high


def _continuous(distribution: d.Distribution) -> Sampler:
    """Draws in the distribution's own units."""
    match distribution:
        case d.Uniform(low=low, high=high):
            return lambda stream, size: low + (high - low) * stream.random(size)
        case d.Normal(mean_=mean, nominal_sd=sd):
            return lambda stream, size: np.maximum(stream.normal(mean, sd, size), 0.0)
        case d.Exponential(mean_=mean):
            return lambda stream, size: mean * stream.standard_exponential(size)
        case d.Erlang(mean_=mean, k=k):
            return lambda stream, size: mean / k * stream.standard_gamma(k, size)
        case d.Gamma(mean_=mean, nominal_sd=sd):
            shape = (mean / sd) ** 2
            return lambda stream, size: mean / shape * stream.standard_gamma(shape, size)
        case d.Lognormal(mean_=mean, nominal_sd=sd):
            spread = math.log1p((sd / mean) ** 2)
            centre = math.log(mean) - spread / 2
            return lambda stream, size: np.exp(
                centre + math.sqrt(spread) * stream.standard_normal(size)
            )
    raise TypeError(distribution.dist)  # pragma: no cover
