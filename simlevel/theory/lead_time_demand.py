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
    capped_mean,
    compound_poisson,
    law_of,
    minus,
    mix,
    mixed_compound_poisson,
    plus,
    point,
    share_up_to,
    spread,
    sum_of,
)

MOST_PHASES = 400
"""Looks in a cycle; with more there is no answer."""
MOST_TICKS = 500
"""Instants between two looks at which orders that overtake may arrive."""

LeadTimes: TypeAlias = tuple[tuple[float, Fraction], ...]
"""(probability, lead time): orders keep their order."""

Late: TypeAlias = tuple[float, Law, Law | None]
"""(customers per time unit, size, fallen)."""


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
    later: Mapping[float, tuple[Late, ...]] = field(default_factory=dict)
    landed: tuple[tuple[float, Law], ...] | None = None


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

    def averaged(self, spans: Iterable[tuple[float, Fraction, Fraction]]) -> Law:
        """Demand over a time that is, with some weight, uniform between first and last."""
        some = list(spans)
        total = sum(weight for weight, _, _ in some)
        return mixed_compound_poisson(
            [(weight / total, self.rate * float(first), self.rate * float(last))
             for weight, first, last in some], self.size,
        )  # fmt: skip


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
        later={w: ((rate, size, None),) for w, left in early.items() if left <= 0},
    )  # fmt: skip


def poisson_overtaking(
    stream: PoissonStream, lead_time: Distribution, windows: Iterable[float]
) -> Phase:
    """Base stock, a look after each customer, one lead time an order: they may overtake.

    What is outstanding is that of an infinite-server queue, whose state has the Poisson law of
    the mean lead time (Palm 1938; Feeney and Sherbrooke 1966 for batches); an order that
    arrives leaves the others as anybody would find them. W after a customer, those who came
    before are outstanding at the rate E[(L - W)+], those who came later have received at the
    rate E[(W - L)+], and his own order has arrived with probability P(L <= W).
    """
    mean, rate, size = lead_time.mean(), stream.rate, stream.size
    during = compound_poisson(rate * mean, size)
    within, later = {}, {}
    for w in windows:
        soon, own = capped_mean(lead_time, w), share_up_to(lead_time, w)
        older = compound_poisson(rate * max(mean - soon, 0.0), size)
        fallen = minus(older, compound_poisson(rate * max(w - soon, 0.0), size))
        within[w] = (Customers(rate * (1 - own), size, fallen),)
        later[w] = ((rate * own, size, fallen),)
    return Phase(
        looks=rate,
        step=size,
        customers=(Customers(rate, size, during, during if mean else None),),
        clock=((1.0, during),),
        receipts=((1.0, during),),
        within=within,
        later=later,
    )


def poisson_periodic(
    stream: PoissonStream, review: Fraction, lead_times: LeadTimes, windows: Iterable[float]
) -> Phase:
    """A look every *review*: demand over a time that is uniform on [L, L + R)."""
    parts = list(_ages(review, lead_times))
    waits = {w: list(_late_ages(review, lead_times, exact(w))) for w in windows}
    shares = {w: sum(share for share, _, _ in ages) for w, ages in waits.items()}
    return Phase(
        looks=1 / float(review),
        step=stream.over(review),
        customers=tuple(_poisson_part(stream, review, n, parts)
                        for n in sorted({n for _, n, _, _ in parts})),
        clock=((1.0, stream.averaged((w, first, last) for w, _, first, last in parts)),),
        receipts=((1.0, stream.averaged((p, time, time) for p, time in lead_times)),),
        tied=tuple((p, stream.over(time)) for p, time in _tied(review, lead_times)),
        within={w: (Customers(stream.rate * shares[w], stream.size, stream.averaged(ages)),)
                if ages else () for w, ages in waits.items()},
        later={w: ((stream.rate * (1 - share), stream.size, None),)
               for w, share in shares.items() if share < 1 - 1e-12},
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
    elapsed = looks * review
    return Customers(
        stream.rate * sum(share for share, _, _ in own),
        stream.size,
        stream.averaged(own),
        stream.over(elapsed) if looks else None,
        stream.averaged((w, first - elapsed, last - elapsed) for w, first, last in own),
    )


def _late_ages(
    review: Fraction, lead_times: LeadTimes, wait: Fraction
) -> Iterator[tuple[float, Fraction, Fraction]]:
    """(share, first, last) of the ages, at the customer, of looks that rule *wait* later."""
    for probability, time in lead_times:
        first, last = max(time - wait, Fraction(0)), time + review - wait
        if last > first:
            yield probability * float((last - first) / review), first, last


def _tied(review: Fraction, lead_times: LeadTimes) -> LeadTimes:
    """Receipts at the instant of the order before: the shortest lead time after the longest."""
    shortest = min(time for _, time in lead_times)
    longest = max(time for _, time in lead_times)
    if longest - shortest < review:
        return ()
    before = sum(p for p, time in lead_times if time == longest)
    return tuple((p * before, time) for p, time in lead_times if time == shortest)


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
            self._sums[key] = self._sum(*key)
        return self._sums[key]

    def _sum(self, first: int, periods: int) -> Law:
        """Direct sums, which round least, while they are short; else by transform."""
        last = self.sizes[(first + periods - 1) % len(self.sizes)]
        if periods <= 1:
            return last if periods else point(0)
        before = self._sums.get((first, periods - 1))
        if before is not None and len(before.mass) * len(last.mass) <= _SHORT:
            return plus(before, last).trimmed()
        rounds, rest = divmod(periods, len(self.sizes))
        extra = {(first + i) % len(self.sizes) for i in range(rest)}
        return sum_of([(law, rounds + (i in extra)) for i, law in enumerate(self.sizes)])


_SHORT = 1e6
"""Products in a sum that is worked out directly."""
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

    def phase(
        self, look: int, lead_times: LeadTimes, windows: Iterable[float],
        receipts: LeadTimes | None = None,
    ) -> Phase:  # fmt: skip
        """What is seen under *look* of the cycle.

        *receipts* are the lead times of those orders alone that do not arrive with the one
        before, each with its probability; worked out here where they are left out.
        """
        between, first = self._stream.between, self.first_period(look)

        def at_receipt(of: LeadTimes) -> tuple[tuple[float, Law], ...]:
            return tuple((p, between(first, self._periods(look, time))) for p, time in of)

        waits = {w: self._within(look, lead_times, exact(w)) for w in windows}
        return Phase(
            looks=self._rate,
            step=between(first, self.first_period(look + 1)),
            customers=tuple(self._customers(look, lead_times)),
            clock=self._laws(self._clock(look, lead_times)),
            receipts=at_receipt(receipts or lead_times),
            tied=() if receipts else at_receipt(_tied(self._review, lead_times)),
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
    ) -> tuple[tuple[Customers, ...], tuple[Late, ...]]:
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
        return tuple(parts), tuple((share, sizes[place], None) for place, share in late.items())


class OvertakingLooks:
    """Base stock at periodic demand, one lead time an order, discrete: they may overtake.

    Each order is of its own demand, so what is outstanding is a sum over past looks of the
    demand before each, where its order has not arrived: independent terms.
    """

    def __init__(
        self, looks: PeriodicLooks, stream: PeriodicStream, review: Fraction,
        lead_time: Distribution,
    ) -> None:  # fmt: skip
        self._looks = looks
        self._stream = stream
        self._review = review
        every = stream.every
        self._tick = common([review, every, *listed(lead_time)])
        if review / self._tick > MOST_TICKS:
            raise InputError(
                f"expected lead times on at most {MOST_TICKS:,} instants of a review period, "
                f"found {math.ceil(review / self._tick):,}"
            )
        law = law_of(lead_time, self._tick)
        self._arrived = np.append(np.zeros(law.low), np.cumsum(law.mass)).clip(0, 1)
        self._arrived[-1] = 1.0
        self._rate = 1 / float(review * looks.count)

    def share(self, age: Fraction) -> float:
        """Probability that an order of that *age* has arrived."""
        tick = math.floor(age / self._tick)
        return float(self._arrived[min(tick, len(self._arrived) - 1)]) if tick >= 0 else 0.0

    def phase(self, look: int, windows: Iterable[float]) -> Phase:
        """What is seen from *look* to the next."""
        between = self._stream.between
        first, stop = (self._looks.first_period(k) for k in (look, look + 1))
        clock, ends = self._clock(look, first)
        waits = {w: [self._later(look, j, exact(w)) for j in range(first, stop)] for w in windows}
        return Phase(
            looks=self._rate,
            step=between(first, stop),
            customers=tuple(self._customer(look, j) for j in range(first, stop)),
            clock=clock,
            receipts=(),
            ends=ends,
            within={w: tuple(early for early, _ in parts) for w, parts in waits.items()},
            later={w: tuple(late for _, late in parts) for w, parts in waits.items()},
            landed=tuple(self._landed(look)),
        )

    def _ordered(self, look: int) -> Law:
        return self._stream.between(
            self._looks.first_period(look - 1), self._looks.first_period(look)
        )

    def _outstanding(self, look: int, time: Fraction) -> Law:
        """Units ordered up to *look* and still outstanding at *time*."""
        terms = [(mix([(share, point(0)), (1 - share, self._ordered(past))]), 1)
                 for past, share in self._recent(look, time)]  # fmt: skip
        return sum_of(terms)

    def _recent(self, look: int, time: Fraction) -> Iterator[tuple[int, float]]:
        """Looks up to *look* whose order may be outstanding at *time*; P(it has arrived)."""
        while (share := self.share(time - look * self._review)) < 1:
            yield look, share
            look -= 1

    def _customer(self, look: int, period: int) -> Customers:
        outstanding = self._outstanding(look, period * self._stream.every)
        since = self._stream.between(self._looks.first_period(look), period)
        return Customers(
            self._rate, self._stream.sizes[period % len(self._stream.sizes)],
            plus(outstanding, since), outstanding if outstanding.high else None, since,
        )  # fmt: skip

    def _clock(
        self, look: int, first: int
    ) -> tuple[tuple[tuple[float, Law], ...], tuple[tuple[float, Law], ...]]:
        """By the tick, and at the ends of periods."""
        clock, ends = [], []
        start, every = look * self._review, self._stream.every
        for tick in range(int(self._review / self._tick)):
            time = start + tick * self._tick
            since = self._stream.between(first, math.floor(time / every) + 1)
            fallen = plus(self._outstanding(look, time), since)
            clock.append((self._rate * float(self._tick), fallen))
            if (time + self._tick) % every == 0:
                ends.append((self._rate, fallen))
        return tuple(clock), tuple(ends)

    def _landed(self, look: int) -> Iterator[tuple[float, Law]]:
        """Just before each tick at which something arrives."""
        start, first = look * self._review, self._looks.first_period(look)
        for tick in range(1, int(self._review / self._tick) + 1):
            time = start + tick * self._tick
            since = self._stream.between(first, math.ceil(time / self._stream.every))
            yield self._rate, plus(self._outstanding(look, time - self._tick / 2), since)
            quiet = self._none_lands(look, time)
            yield -self._rate, plus(quiet, since)

    def _none_lands(self, look: int, time: Fraction) -> Law:
        """What is outstanding just before *time*, in so far as none of it arrives then."""
        terms, chance = [], 1.0
        for past, before in self._recent(look, time - self._tick / 2):
            now = self.share(time - past * self._review)
            ordered = self._ordered(past)
            gone = before + (now - before) * ordered.at(0)
            law = mix([(gone, point(0)), (1 - now, ordered)])
            chance *= law.total()
            terms.append((law.times(1 / law.total()), 1))
        return sum_of(terms).times(chance)

    def _later(self, look: int, period: int, wait: Fraction) -> tuple[Customers, Late]:
        """A customer *wait* later: his own order outstanding, or arrived."""
        time = period * self._stream.every + wait
        between, first_period = self._stream.between, self._looks.first_period
        own = self.share(time - (look + 1) * self._review)
        left = minus(self._outstanding(look, time), self._overtaken(look + 2, time))
        size = self._stream.sizes[period % len(self._stream.sizes)]
        before = plus(left, between(first_period(look), period))
        fallen = minus(left, between(period + 1, first_period(look + 1)))
        return Customers(self._rate * (1 - own), size, before), (self._rate * own, size, fallen)

    def _overtaken(self, look: int, time: Fraction) -> Law:
        """Units ordered from *look* on that have arrived by *time*."""
        terms = []
        while time >= look * self._review:
            share = self.share(time - look * self._review)
            terms.append((mix([(1 - share, point(0)), (share, self._ordered(look))]), 1))
            look += 1
        return sum_of(terms)


# --- lead times that keep their order ------------------------------------------------------


def lead_times(
    distribution: Distribution, kinks: Iterable[Fraction], every: Fraction, rate: float
) -> LeadTimes | None:
    """The values of a lead time; for a uniform one, points that integrate over it.

    What is seen is smooth in the lead time but at *kinks* and whole multiples of *every* from
    them, where demand comes at *rate*. None for other continuous distributions: they have no
    largest value.
    """
    if not distribution.is_continuous:
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
    """Gauss and Legendre's points on a piece, enough for demand at *rate* to look smooth;
    two where it comes by the period, and all that is seen is linear in the lead time."""
    wide = rate * float(last - first) / math.sqrt(1 + rate * float(first))
    count = 16 + math.ceil(4 * wide) if rate else 2
    if count > MOST_PHASES:
        raise InputError("expected a narrower spread of lead times beside the demand")
    points, weights = np.polynomial.legendre.leggauss(count)
    for place, weight in zip(points.tolist(), weights.tolist(), strict=True):
        share = weight / 2 * float(last - first) / length
        yield share, first + (last - first) * Fraction((place + 1) / 2)


def kept_in_order(review: Fraction, lead_time: Distribution) -> tuple[LeadTimes, LeadTimes]:
    """The time from each look to its receipt, and the lead times of orders that come alone.

    Where each look orders, and an order waits for the one before it, that is the largest of
    L, L' - R, L'' - 2 R, ... over the orders before; it comes alone where it is its own L and
    above the rest. Discrete lead times.
    """
    tick = common([review, *listed(lead_time)])
    law, turn = law_of(lead_time, tick), int(review / tick)
    ticks = np.arange(law.high + turn + 1)
    own = np.append(np.zeros(law.low), np.cumsum(law.mass))[np.minimum(ticks, law.high)]
    own[law.high :] = 1.0
    kept = own.copy()
    for tick_of in range(law.high - 1, -1, -1):
        kept[tick_of] *= kept[tick_of + turn]
    arrivals = np.diff(kept[: law.high + 1], prepend=0.0)
    alone = np.diff(own, prepend=0.0)[: law.high + 1] * kept[ticks[: law.high + 1] + turn - 1]
    return tuple(
        tuple((float(share), int(k) * tick) for k, share in enumerate(shares) if share > 0)
        for shares in (arrivals, alone)
    )  # type: ignore[return-value]
