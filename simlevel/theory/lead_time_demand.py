"""Demand between the moment that fixes the supply and the moment somebody looks.

With backorders and orders that arrive in the order placed: net inventory at some moment is
the position just after the last look whose order has arrived by then, less the demand since.
That look is the *ruling* one of the moment. What follows says how much demand falls between
the two, for each kind of observer: customers, the clock, the ends of periods, receipts.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from simlevel.errors import InputError
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.distribution import Distribution, Uniform
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.theory.lattice import (
    Law,
    averaged_compound_poisson,
    compound_poisson,
    law_of,
    mix,
    point,
    spread,
    sum_of,
)

MOST_PHASES = 400
"""Looks in a cycle; with more there is no answer."""

LeadTimes: TypeAlias = tuple[tuple[float, Fraction], ...]
"""(probability, lead time): orders keep their order."""


@dataclass(frozen=True)
class Customers:
    """Customers of one *size* who come a fixed number of looks after their ruling one.

    ``before`` is the demand between the two, in two steps: ``elapsed`` up to the last look
    before the customer (None where that is the ruling one, and nothing can be outstanding),
    and ``since`` then.
    """

    rate: float
    """Per time unit, those who ask for 0 included."""
    size: Law
    before: Law
    elapsed: Law | None = None
    since: Law = field(default_factory=lambda: point(0))


@dataclass(frozen=True)
class Phase:
    """All that is seen under one look of a cycle; rates are per time unit.

    ``step`` is the demand from this look to the next. ``clock``, ``ends`` and ``receipts``
    weigh laws of demand since the ruling look by share of time, period ends per time unit and
    share of orders; ``tied`` are the shares of receipts that come at the instant of the order
    before, if that was placed at the look before. ``within[W]`` are the units asked for, as
    they stand W later; ``later[W]`` those whose ruling look is then one after them.
    """

    looks: float
    step: Law
    customers: tuple[Customers, ...]
    clock: tuple[tuple[float, Law], ...]
    receipts: tuple[tuple[float, Law], ...]
    tied: tuple[tuple[float, Law], ...] = ()
    ends: tuple[tuple[float, Law], ...] = ()
    within: Mapping[float, tuple[Customers, ...]] = field(default_factory=dict)
    later: Mapping[float, tuple[tuple[float, Law], ...]] = field(default_factory=dict)


# --- customers one by one ------------------------------------------------------------------


@dataclass(frozen=True)
class PoissonStream:
    """Customers who come at a *rate* and ask for a *size* of at least 1."""

    rate: float
    size: Law

    @classmethod
    def of(cls, rate: float, size: Law) -> PoissonStream:
        """Of all customers at *rate*, those who ask for something."""
        return cls(rate * (1 - size.at(0)), size.given_positive())

    def over(self, time: Fraction) -> Law:
        """Demand over a *time*."""
        return compound_poisson(self.rate * float(time), self.size)

    def averaged(self, first: Fraction, last: Fraction) -> Law:
        """Demand over a time that is uniform between *first* and *last*."""
        return averaged_compound_poisson(self.rate * float(first), self.rate * float(last),
                                         self.size)  # fmt: skip


def poisson_continuous(
    stream: PoissonStream, lead_time: Fraction, windows: Iterable[float]
) -> Phase:
    """A look after each customer, and a constant lead time.

    Whoever looks, the demand is that over the lead time: Poisson arrivals see time averages.
    An order is outstanding wherever net inventory is at or below the trigger.
    """
    rate, size, during = stream.rate, stream.size, stream.over(lead_time)
    early = {w: lead_time - exact(w) for w in windows}
    return Phase(
        looks=rate,
        step=size,
        customers=(Customers(rate, size, during, during if lead_time else None),),
        clock=((1.0, during),),
        receipts=((1.0, during),),
        within={w: (Customers(rate, size, stream.over(left)),) if left > 0 else ()
                for w, left in early.items()},
        later={w: ((rate, size),) for w, left in early.items() if left <= 0},
    )  # fmt: skip


def poisson_periodic(
    stream: PoissonStream, review: Fraction, lead_times: LeadTimes, windows: Iterable[float]
) -> Phase:
    """A look every *review*: demand over a time that is uniform on [L, L + R)."""
    parts = list(_ages(review, lead_times))
    looks = sorted({n for _, n, _, _ in parts})
    receipts = tuple((p, stream.over(time)) for p, time in lead_times)
    waits = {w: list(_late_ages(review, lead_times, exact(w))) for w in windows}
    return Phase(
        looks=1 / float(review),
        step=stream.over(review),
        customers=tuple(_poisson_part(stream, review, n, parts) for n in looks),
        clock=tuple((w, stream.averaged(first, last)) for w, _, first, last in parts),
        receipts=receipts,
        tied=_tied(review, lead_times, receipts),
        within={
            w: tuple(Customers(stream.rate * share, stream.size, stream.averaged(first, last))
                     for share, first, last in ages)
            for w, ages in waits.items()
        },
        later={
            w: ((stream.rate * (1 - sum(share for share, _, _ in ages)), stream.size),)
            for w, ages in waits.items()
            if sum(share for share, _, _ in ages) < 1 - 1e-12
        },
    )  # fmt: skip


Age: TypeAlias = tuple[float, int, Fraction, Fraction]
"""Share of time, looks since the ruling one, and the ages of the ruling one, first to last."""


def _ages(review: Fraction, lead_times: LeadTimes) -> Iterator[Age]:
    for probability, time in lead_times:
        looks = time // review
        turn = (looks + 1) * review
        yield probability * float((turn - time) / review), looks, time, turn
        if turn < time + review:
            yield probability * float(1 - (turn - time) / review), looks + 1, turn, time + review


def _poisson_part(
    stream: PoissonStream, review: Fraction, looks: int, parts: Iterable[Age]
) -> Customers:
    own = [(share, first, last) for share, n, first, last in parts if n == looks]
    total = sum(share for share, _, _ in own)
    elapsed = looks * review
    return Customers(
        stream.rate * total,
        stream.size,
        mix((w / total, stream.averaged(first, last)) for w, first, last in own),
        stream.over(elapsed) if looks else None,
        mix((w / total, stream.averaged(first - elapsed, last - elapsed))
            for w, first, last in own),
    )  # fmt: skip


def _late_ages(
    review: Fraction, lead_times: LeadTimes, wait: Fraction
) -> Iterator[tuple[float, Fraction, Fraction]]:
    """(share, first, last) of the ages, at the customer, of looks that rule *wait* later."""
    for probability, time in lead_times:
        first, last = max(time - wait, Fraction(0)), time + review - wait
        if last > first:
            yield probability * float((last - first) / review), first, last


def _tied(
    review: Fraction, lead_times: LeadTimes, receipts: Iterable[tuple[float, Law]]
) -> tuple[tuple[float, Law], ...]:
    """Receipts at the instant of the order before: the shortest lead time after the longest."""
    shortest = min(time for _, time in lead_times)
    longest = max(time for _, time in lead_times)
    if longest - shortest < review:
        return ()
    before = sum(p for p, time in lead_times if time == longest)
    pairs = zip(lead_times, receipts, strict=True)
    return tuple((p * before, law) for (p, time), (_, law) in pairs if time == shortest)


# --- periods -------------------------------------------------------------------------------


def period_laws(demand: PeriodicDemand | HistoryDemand) -> tuple[Fraction, list[Law]]:
    """What each period of the pattern asks for, and the step that it is counted in: the
    greatest common divisor."""
    factors = [exact(factor) for factor in demand.pattern or (1,)]
    asks = demand.probability if isinstance(demand, PeriodicDemand) else 1.0
    unit = common(listed(demand.amount))
    drawn = law_of(demand.amount, unit)
    if demand.pattern is None:
        laws = [drawn]
    elif demand.is_whole:
        laws = [_rounded(drawn, unit * factor) for factor in factors]
        unit = Fraction(1)
    else:
        fine = common(factors)
        laws = [spread(drawn, int(factor / fine)) if factor else point(0) for factor in factors]
        unit *= fine
    laws = [mix([(asks, law), (1 - asks, point(0))]) for law in laws]
    step = math.gcd(*(law.divisor() for law in laws))
    return unit * step, [law.divided(step) for law in laws]


def _rounded(law: Law, factor: Fraction) -> Law:
    """The law of factor x X rounded to the nearest whole number, halves up."""
    up, down = factor.numerator, factor.denominator
    values = (2 * up * np.arange(law.low, law.high + 1) + down) // (2 * down)
    low = int(values[0])
    return Law(low, np.bincount(values - low, law.mass).astype(np.float64))


class PeriodicStream:
    """Demand at 0, every, 2 every, ...: ``sizes`` repeat over the periods."""

    def __init__(self, every: Fraction, sizes: list[Law]) -> None:
        self.every = every
        self.sizes = sizes
        self._sums: dict[tuple[int, int], Law] = {}

    def between(self, first: int, stop: int) -> Law:
        """Demand of the periods first, ..., stop - 1."""
        key = first % len(self.sizes), max(stop - first, 0)
        if key not in self._sums:
            rounds, rest = divmod(key[1], len(self.sizes))
            extra = {(key[0] + i) % len(self.sizes) for i in range(rest)}
            self._sums[key] = sum_of([(law, rounds + (i in extra))
                                      for i, law in enumerate(self.sizes)])  # fmt: skip
        return self._sums[key]


Spans: TypeAlias = dict[tuple[int, int], float]
"""Weights by (first period, stop)."""


class PeriodicLooks:
    """Looks at 0, R, 2R, ... at periodic demand, before or after the demand of the instant.

    Continuous review is a look after the demand of each period: without demand it finds
    nothing to do.
    """

    def __init__(self, stream: PeriodicStream, review: Fraction, *, demand_first: bool) -> None:
        self._stream = stream
        self._review = review
        self._demand_first = demand_first
        pattern = stream.every * len(stream.sizes)
        self.count = int(pattern / common([review, pattern]))
        """Looks in a cycle."""
        if self.count > MOST_PHASES:
            raise InputError(
                f"expected a cycle of at most {MOST_PHASES} reviews, found {self.count}"
            )
        self._rate = 1 / float(review * self.count)

    def first_period(self, look: int) -> int:
        """The first period whose demand comes after *look*."""
        periods = look * self._review / self._stream.every
        return math.floor(periods) + 1 if self._demand_first else math.ceil(periods)

    def phase(self, look: int, lead_times: LeadTimes, windows: Iterable[float]) -> Phase:
        """What is seen under *look* of the cycle."""
        between, first = self._stream.between, self.first_period(look)
        receipts = tuple((p, between(first, self._periods(look, time)))
                         for p, time in lead_times)  # fmt: skip
        waits = {w: self._within(look, lead_times, exact(w)) for w in windows}
        return Phase(
            looks=self._rate,
            step=between(first, self.first_period(look + 1)),
            customers=tuple(self._customers(look, lead_times)),
            clock=self._laws(self._clock(look, lead_times)),
            receipts=receipts,
            tied=_tied(self._review, lead_times, receipts),
            ends=self._laws(self._ends(look, lead_times)),
            within={w: early for w, (early, _) in waits.items()},
            later={w: late for w, (_, late) in waits.items() if late},
        )

    def _periods(self, look: int, time: Fraction) -> int:
        """The first period whose demand comes at or after *time* past *look*."""
        return math.ceil((look * self._review + time) / self._stream.every)

    def _laws(self, spans: Spans) -> tuple[tuple[float, Law], ...]:
        return tuple((w, self._stream.between(*span)) for span, w in spans.items())

    def _mixed(self, spans: Spans) -> Law:
        total = sum(spans.values())
        return mix((w / total, law) for w, law in self._laws(spans))

    def _arrivals(self, look: int, time: Fraction) -> range:
        """Periods whose customer meets an order of *look* as the last one to have arrived."""
        if not time and self._demand_first:
            return range(self.first_period(look), self.first_period(look + 1))
        return range(self._periods(look, time), self._periods(look, time + self._review))

    def _customers(self, look: int, lead_times: LeadTimes) -> Iterator[Customers]:
        first = self.first_period(look)
        before: defaultdict[tuple[int, int], Spans] = defaultdict(lambda: defaultdict(float))
        since: defaultdict[tuple[int, int], Spans] = defaultdict(lambda: defaultdict(float))
        for probability, time in lead_times:
            looks = 0
            for period in self._arrivals(look, time):
                while self.first_period(look + looks + 1) <= period:
                    looks += 1
                kind = period % len(self._stream.sizes), looks
                before[kind][first, period] += probability * self._rate
                since[kind][self.first_period(look + looks), period] += probability * self._rate
        for (place, looks), spans in before.items():
            elapsed = self._stream.between(first, self.first_period(look + looks))
            yield Customers(
                sum(spans.values()), self._stream.sizes[place], self._mixed(spans),
                elapsed if looks else None, self._mixed(since[place, looks]),
            )  # fmt: skip

    def _clock(self, look: int, lead_times: LeadTimes) -> Spans:
        spans: Spans = defaultdict(float)
        every, first = self._stream.every, self.first_period(look)
        for probability, time in lead_times:
            start = look * self._review + time
            stop = start + self._review
            for period in range(math.floor(start / every), math.ceil(stop / every)):
                shared = min(stop, (period + 1) * every) - max(start, period * every)
                spans[first, period + 1] += probability * self._rate * float(shared)
        return spans

    def _ends(self, look: int, lead_times: LeadTimes) -> Spans:
        spans: Spans = defaultdict(float)
        every, first = self._stream.every, self.first_period(look)
        for probability, time in lead_times:
            start = look * self._review + time
            last = math.floor((start + self._review) / every)
            for stop in range(math.floor(start / every) + 1, last + 1):
                spans[first, stop] += probability * self._rate
        return spans

    def _within(
        self, look: int, lead_times: LeadTimes, wait: Fraction
    ) -> tuple[tuple[Customers, ...], tuple[tuple[float, Law], ...]]:
        first, sizes = self.first_period(look), self._stream.sizes
        early: defaultdict[int, Spans] = defaultdict(lambda: defaultdict(float))
        late: defaultdict[int, float] = defaultdict(float)
        for probability, time in lead_times:
            stop = self._periods(look, time - wait + self._review)
            for period in range(self._periods(look, time - wait), stop):
                place, share = period % len(sizes), probability * self._rate
                if period < first:
                    late[place] += share
                else:
                    early[place][first, period] += share
        parts = (Customers(sum(spans.values()), sizes[place], self._mixed(spans))
                 for place, spans in early.items())  # fmt: skip
        return tuple(parts), tuple((share, sizes[place]) for place, share in late.items())


# --- lead times that keep their order ------------------------------------------------------


def lead_times(
    distribution: Distribution, kinks: Iterable[Fraction], every: Fraction, rate: float
) -> LeadTimes | None:
    """The values of a lead time; for a uniform one, points that integrate over it.

    What is seen is smooth in the lead time but at *kinks* and whole multiples of *every* from
    them, where demand comes at *rate*. None for other continuous distributions: they have no
    largest value.
    """
    if distribution.values_drawn is not None:
        law = law_of(distribution, unit := common(listed(distribution)))
        return tuple((float(law.mass[k]), (law.low + int(k)) * unit)
                     for k in np.flatnonzero(law.mass))  # fmt: skip
    if not isinstance(distribution, Uniform):
        return None
    low, high = exact(distribution.low), exact(distribution.high)
    edges = {low, high}
    for kink in kinks:
        first = kink + math.ceil((low - kink) / every) * every
        edges |= {first + i * every for i in range(math.ceil((high - first) / every))}
    pieces = sorted(edges)
    return tuple(
        node
        for first, last in itertools.pairwise(pieces)
        for node in _nodes(first, last, float(high - low), rate)
    )


def _nodes(
    first: Fraction, last: Fraction, length: float, rate: float
) -> Iterator[tuple[float, Fraction]]:
    """Gauss and Legendre's points on a piece, enough for demand at *rate* to look smooth."""
    wide = rate * float(last - first) / math.sqrt(1 + rate * float(first))
    count = 16 + math.ceil(4 * wide)
    if count > MOST_PHASES:
        raise InputError("expected a narrower spread of lead times beside the demand")
    points, weights = np.polynomial.legendre.leggauss(count)
    for place, weight in zip(points.tolist(), weights.tolist(), strict=True):
        share = weight / 2 * float(last - first) / length
        yield share, first + (last - first) * Fraction((place + 1) / 2)
