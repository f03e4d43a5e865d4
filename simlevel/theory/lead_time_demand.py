"""Demand between the moment that fixes the supply and the moment somebody looks.

With backorders and orders that arrive in the order placed: net inventory at some moment is
the position just after the last look whose order has arrived by then, less the demand since.
That look is the *ruling* one of the moment. What follows says how much demand falls between
the two, for each kind of observer: customers, the clock, the ends of periods, receipts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from simlevel.model.demand import PoissonDemand
from simlevel.model.fields import exact
from simlevel.theory.lattice import Law, compound_poisson, law_of


@dataclass(frozen=True)
class Idle:
    """Customers who come *looks* looks after the ruling one, and the demand since the last."""

    rate: float
    looks: int
    since: Law


@dataclass(frozen=True)
class Customers:
    """Customers who ask for *size*, with the demand between the ruling look and them."""

    rate: float
    """Per time unit, those who ask for 0 included."""
    size: Law
    before: Law
    idle: tuple[Idle, ...] | None = None
    """For those times when nothing may be on order; None under continuous review."""


@dataclass(frozen=True)
class Within:
    """Units asked for, as they stand some time after they were asked for."""

    parts: tuple[Customers, ...]
    """Those whose ruling look was before the customer."""
    later: tuple[tuple[float, Law], ...] = ()
    """(customers per time unit, size): their ruling look comes after them."""


@dataclass(frozen=True)
class Phase:
    """All that is seen under one look of the cycle; rates are per time unit.

    ``step`` is the demand from this look to the next. ``clock`` and ``ends`` weigh laws of
    demand since the ruling look by share of time and by period ends per time unit.
    """

    looks: float
    step: Law
    customers: tuple[Customers, ...]
    clock: tuple[tuple[float, Law], ...]
    receipts: tuple[tuple[float, Law], ...]
    ends: tuple[tuple[float, Law], ...] = ()
    within: Mapping[float, Within] = field(default_factory=dict)


def poisson_continuous(
    demand: PoissonDemand, step: Fraction, lead_time: float, windows: tuple[float, ...]
) -> Phase:
    """A look after each customer; constant lead time L.

    Demand over L, whoever looks: Poisson arrivals see time averages.
    """
    size = law_of(demand.size, step)
    rate = demand.rate * (1 - size.at(0))
    size = size.given_positive()

    def over(time: float) -> Law:
        return compound_poisson(rate * time, size)

    during = over(lead_time)
    return Phase(
        looks=rate,
        step=size,
        customers=(Customers(rate, size, during),),
        clock=((1.0, during),),
        receipts=((1.0, during),),
        within={
            w: Within((Customers(rate, size, over(float(exact(lead_time) - exact(w)))),))
            if w < lead_time
            else Within((), ((rate, size),))
            for w in windows
        },
    )
