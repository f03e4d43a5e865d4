"""Demand between the look that fixes the supply and an observer, where demand comes by the period.

``lead_time_demand.py`` says what a look rules, and has customers who come one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from simlevel.errors import InputError
from simlevel.model import distribution as d
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.theory.lattice import TAIL, Law, allowed, minus, mix, plus, point, spread
from simlevel.theory.laws import law_of
from simlevel.theory.lead_time_demand import Customers, Late, Phase
from simlevel.theory.sums import sum_of
from simlevel.theory.supply import MOST_PHASES, LeadTimes, shares_up_to, tied

MOST_TICKS = 500
"""Instants between two looks at which orders that overtake may arrive."""


def period_laws(demand: PeriodicDemand | HistoryDemand) -> tuple[Fraction, list[Law]]:
    """What each period of the pattern asks for, and the step that it is counted in: the
    greatest common divisor. A factor of the pattern multiplies each; whole demands are then
    rounded, halves up. Raises InputError where the values are too many.

    >>> step, laws = period_laws(PeriodicDemand(quantity=6, probability=0.25))
    >>> float(step), laws[0].mass.tolist()  # none, or one of 6
    (6.0, [0.75, 0.25])
    """
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
    allowed(math.ceil((law.high - law.low) * factor) + 1)
    up, down = factor.numerator, factor.denominator
    # Python's own integers: long decimals would not fit in 64 bits.
    doubled = 2 * up * np.arange(law.low, law.high + 1, dtype=object) + down
    values = doubled // (2 * down)
    cells = (values - values[0]).astype(np.int64)
    return Law(int(values[0]), np.bincount(cells, law.mass).astype(np.float64))


class PeriodicStream:
    """Demand at 0, every, 2 every, ...: ``sizes`` repeat over the periods.

    Mass below exp(-*depth*) is left out at each end of a sum.
    """

    def __init__(self, every: Fraction, sizes: list[Law], depth: float = TAIL) -> None:
        self.every = every
        self.sizes = sizes
        self._depth = depth
        self._sums: dict[tuple[int, int], Law] = {}

    def between(self, first: int, stop: int) -> Law:
        """Demand of the periods first, ..., stop - 1: the sum of independent draws.

        >>> PeriodicStream(Fraction(1), [point(1), point(2)]).between(1, 4).mean()  # 2 + 1 + 2
        5.0
        """
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
        rough = self._depth < TAIL
        if before is not None and (rough or len(before.mass) * len(last.mass) <= _SHORT):
            return plus(before, last).trimmed(math.exp(-self._depth) if rough else 1e-24)
        rounds, rest = divmod(periods, len(self.sizes))
        extra = {(first + i) % len(self.sizes) for i in range(rest)}
        parts = [(law, rounds + (i in extra)) for i, law in enumerate(self.sizes)]
        return sum_of(parts, self._depth)


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
        self._first: dict[int, int] = {}

    def first_period(self, look: int) -> int:
        """The first period whose demand comes after *look*: the least k with k every >= look R,
        or > where demand comes first."""
        if look not in self._first:
            periods = look * self._review / self._stream.every
            after = math.floor(periods) + 1 if self._demand_first else math.ceil(periods)
            self._first[look] = after
        return self._first[look]

    def phase(
        self, look: int, lead_times: LeadTimes, windows: Iterable[float],
        receipts: LeadTimes | None = None,
    ) -> Phase:  # fmt: skip
        """What is seen under *look* of the cycle, at t = look R: from t + L on, R long.

        Exact where orders keep their order: a customer of period k sees IP - D of the periods
        from the look to k - 1, a period end IP - D of those to k, a receipt those before t + L.
        Hadley and Whitin (1963), ch. 5; Johnson, Lee, Davis and Hall, Naval Research Logistics
        42 (1995).

        >>> stream = PeriodicStream(Fraction(1), [point(1)])
        >>> looks = PeriodicLooks(stream, Fraction(1), demand_first=False)
        >>> phase = looks.phase(0, ((1.0, Fraction(2)),), ())
        >>> [seen[0][1].mean() for seen in (phase.receipts, phase.ends)]  # D(L) and D(L + R)
        [2.0, 3.0]

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
            tied=() if receipts else at_receipt(tied(self._review, lead_times)),
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
    demand before each, where its order has not arrived: independent terms. Exact where lead
    times are independent: the infinite-server queue of Zipkin (2000), ch. 7, by the period.
    """

    def __init__(
        self, looks: PeriodicLooks, stream: PeriodicStream, review: Fraction,
        lead_time: d.Distribution,
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
        self._arrived = shares_up_to(law_of(lead_time, self._tick))
        self._rate = 1 / float(review * looks.count)

    def share(self, age: Fraction) -> float:
        """P(L <= age): an order of that *age*, in time units, has arrived."""
        tick = math.floor(age / self._tick)
        return float(self._arrived[min(tick, len(self._arrived) - 1)]) if tick >= 0 else 0.0

    def phase(self, look: int, windows: Iterable[float]) -> Phase:
        """What is seen from *look* to the next: S less what is outstanding or asked for since.

        >>> stream = PeriodicStream(Fraction(1), [point(1)])
        >>> looks = PeriodicLooks(stream, Fraction(1), demand_first=False)
        >>> late = d.Discrete(values=(1, 3), probabilities=(0.5, 0.5))
        >>> phase = OvertakingLooks(looks, stream, Fraction(1), late).phase(0, ())
        >>> phase.clock[0][1].mean()  # mean demand x E L outstanding, and 1 since
        3.0
        """
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
            if self._orders(look):
                yield look, share
            look -= 1

    def _orders(self, look: int) -> bool:
        """Demand came since the look before: of many looks between two periods most find none."""
        return self._looks.first_period(look - 1) < self._looks.first_period(look)

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
            if self._orders(look):
                terms.append((mix([(1 - share, point(0)), (share, self._ordered(look))]), 1))
            look += 1
        return sum_of(terms)
