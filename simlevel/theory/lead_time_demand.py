"""Demand between the moment that fixes the supply and the moment somebody looks.

With backorders and orders that arrive in the order placed: net inventory at some moment is
the position just after the last look whose order has arrived by then, less the demand since.
That look is the *ruling* one of the moment. What follows says how much demand falls between
the two, for each kind of observer: customers, the clock, the ends of periods, receipts.
Here customers come one by one; ``period_demand.py`` has those who come by the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from simlevel.model import distribution as d
from simlevel.model.fields import exact
from simlevel.theory.lattice import Law, minus, point
from simlevel.theory.laws import capped_mean, share_up_to
from simlevel.theory.sums import compound_poisson, mixed_compound_poisson
from simlevel.theory.supply import LeadTimes, tied

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
        """Demand over a *time*, in steps: compound Poisson, of mean rate x time x E size.

        >>> round(PoissonStream(2.0, point(2)).over(Fraction(3)).mean(), 9)  # 2 x 3 x 2
        12.0
        """
        return compound_poisson(self.rate * float(time), self.size)

    def averaged(self, spans: Iterable[tuple[float, Fraction, Fraction]]) -> Law:
        """Demand over a time T that is, with some weight, uniform between first and last.

        >>> law = PoissonStream(1.0, point(1)).averaged([(1.0, Fraction(0), Fraction(1))])
        >>> round(law.at(0), 6)  # E e^-T = 1 - 1/e
        0.632121
        """
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

    Whoever looks, the demand is D(L), exactly: IN(t + L) = IP(t) - D(t, t + L], and Poisson
    arrivals see time averages. Delivered within a window W: D(L - W) in its place. An order is
    outstanding wherever net inventory is at or below the trigger. Axsäter, Inventory Control
    (3rd ed., 2015), ch. 5.

    >>> phase = poisson_continuous(PoissonStream(2.0, point(1)), Fraction(3), [1.0])
    >>> round(phase.clock[0][1].mean(), 9), round(phase.within[1.0][0].before.mean(), 9)
    (6.0, 4.0)
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
    stream: PoissonStream, lead_time: d.Distribution, windows: Iterable[float]
) -> Phase:
    """Base stock, a look after each customer, one lead time an order: they may overtake.

    What is outstanding is that of an infinite-server queue, whose state has the Poisson law of
    the mean lead time (Palm 1938; Feeney and Sherbrooke 1966 for batches); an order that
    arrives leaves the others as anybody would find them. W after a customer, those who came
    before are outstanding at the rate E[(L - W)+], those who came later have received at the
    rate E[(W - L)+], and his own order has arrived with probability P(L <= W). Exact where
    lead times are independent of one another and of demand.

    >>> late = d.Discrete(values=(1, 3), probabilities=(0.5, 0.5))
    >>> phase = poisson_overtaking(PoissonStream(1.0, point(1)), late, ())
    >>> round(phase.clock[0][1].at(1), 6)  # P(IO = 1) = 2 e^-2, as E L = 2
    0.270671
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
    """A look every *review* R: the clock and customers see D(T), T uniform on [L, L + R).

    Exact where orders keep their order: IN(t) = IP(kR) - D(kR, t] from kR + L to (k + 1)R + L.
    Receipts see D(L). Hadley and Whitin (1963), ch. 5.

    >>> sure = ((1.0, Fraction(3)),)
    >>> phase = poisson_periodic(PoissonStream(2.0, point(1)), Fraction(1), sure, ())
    >>> round(phase.clock[0][1].mean(), 9)  # rate x (L + R / 2)
    7.0
    """
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
        tied=tuple((p, stream.over(time)) for p, time in tied(review, lead_times)),
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
