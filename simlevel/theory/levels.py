"""Every measure at all levels of a policy at once, with Q or S - s held.

Each total of ``words.TOTALS`` is linear in the law of the inventory position, and moving the
levels moves that law. So what one position amounts to is worked out once, for all positions;
a policy is then a weighted sum of it, and all its levels are one sliding sum.
:mod:`simlevel.theory.service` does the same for one law at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel import words
from simlevel.theory.lattice import Array, Law, minus, mix, overlapped
from simlevel.theory.lead_time_demand import Phase
from simlevel.theory.position import Rule, lifted, order_share, orders

Places: TypeAlias = NDArray[np.int64]
Worth: TypeAlias = Callable[[Places], Array]
"""What each net inventory, in steps, counts for in a total."""

AFTER, FOUND, AGAIN = "after", "found", "again"
"""Positions after a look; those that must order at it; and those that ordered twice running."""
Source: TypeAlias = tuple[str, int, int]
"""Which law of positions: one of the above or ``quiet``, the look, and for ``quiet`` whose."""
MARGIN = 64
_PIECE = 8192
"""Products that are summed at a time: for more a BLAS starts threads, which cost more here."""


class Term(NamedTuple):
    """A part of a total: positions, less a demand, each for what it is worth."""

    source: Source
    demand: Law
    worth: Worth


class Curve:
    """What each position amounts to in a total, worked out as far as it is asked for."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = terms
        self._first, self._values, self._sums = 0, np.empty(0), np.zeros(1)

    def between(self, first: int, last: int) -> Array:
        """At the positions first, ..., last."""
        self._cover(first, last)
        return self._values[first - self._first : last + 1 - self._first]

    def weighed(self, law: Law, first: int, count: int) -> Array:
        """Under *law* moved up by first, ..., first + count - 1 steps."""
        low, high = first + law.low, first + count - 1 + law.high
        if len(law.mass) > 8 and (law.mass == law.mass[0]).all():
            self._cover(low, high)
            tops = np.arange(count) + low - self._first + len(law.mass)
            return np.asarray((self._sums[tops] - self._sums[tops - len(law.mass)]) * law.mass[0])
        values = self.between(low, high)
        pieces = range(0, len(law.mass), _PIECE)
        weighed = np.zeros(count)
        for at in pieces:
            part = law.mass[at : at + _PIECE]
            weighed += np.correlate(values[at : at + len(part) + count - 1], part, "valid")
        return weighed

    def _cover(self, first: int, last: int) -> None:
        if len(self._values) and first >= self._first and last < self._first + len(self._values):
            return
        if len(self._values):
            wider = len(self._values) // 2
            first = min(first - wider, self._first) if first < self._first else self._first
            end = self._first + len(self._values) - 1
            last = max(last + wider, end) if last > end else end
        # Beside a long demand more positions cost next to nothing.
        margin = max(MARGIN, max(len(term.demand.mass) for term in self._terms) // 8)
        first, last = first - margin, last + margin
        self._first = first
        self._values = np.sum([_under(term, first, last) for term in self._terms], axis=0)
        self._sums = np.append(0.0, np.cumsum(self._values))


def _under(term: Term, first: int, last: int) -> Array:
    """The worth of the positions first, ..., last less the demand."""
    demand = term.demand
    worth = term.worth(np.arange(first - demand.high, last - demand.low + 1))
    return overlapped(worth, demand.mass)


@dataclass(frozen=True)
class Levels:
    """One policy whose levels lie on whole multiples of ``step`` units."""

    step: Fraction
    phases: Sequence[Phase]
    mean_lead_time: float
    has_cycles: bool
    positions: Callable[[int], tuple[Rule, list[Law]]]
    """By Q or S - s in steps: the rule whose reorder point (S, for base stock) is 0, and the
    positions after each look of the cycle."""
    beside: float = 0.0
    """Net inventories and positions are so many steps, 0 or 1/2, above whole multiples."""
    _curves: dict[str, dict[Source, Curve]] = field(default_factory=dict)
    _constants: dict[str, float] = field(default_factory=dict)
    _rules: dict[int, tuple[Rule, list[Law]]] = field(default_factory=dict)
    """Of the span that was asked for last, as are these:"""
    _laws: dict[Source, Law] = field(default_factory=dict)

    def totals(self, name: str, span: int, first: int, count: int) -> Array | None:
        """A total of ``words.TOTALS`` per time unit with Q or S - s of *span* steps, at the
        levels first, ..., first + count - 1; None where it is not known."""
        fixed = self.fixed(name)
        if fixed is not None:
            return np.full(count, fixed)
        if name == "orders":
            return np.full(count, self._orders(span))
        curves = self._of(name)
        if not curves:
            return None
        return np.asarray(sum(
            curve.weighed(self._law(source, span), first, count)
            for source, curve in curves.items()
        ))  # fmt: skip

    def ready(self, name: str, span: int, first: int, count: int) -> None:
        """Work out at once what :meth:`totals` will be asked for bit by bit."""
        if self.fixed(name) is None:
            for source, curve in self._of(name).items():
                law = self._law(source, span)
                curve.between(first + law.low, first + count - 1 + law.high)

    def at_position(self, name: str, first: int, last: int) -> Array | None:
        """A total with the position at first, ..., last after each look, where it takes no more
        than that to say; else None."""
        fixed = self.fixed(name)
        if fixed is not None:
            return np.full(last - first + 1, fixed)
        curves = self._of(name)
        if not curves or any(kind != AFTER for kind, _, _ in curves):
            return None
        return np.asarray(sum(curve.between(first, last) for curve in curves.values()))

    def _of(self, name: str) -> dict[Source, Curve]:
        if name not in self._curves:
            terms: dict[Source, list[Term]] = {}
            for term in self._terms(name):
                terms.setdefault(term.source, []).append(term)
            self._curves[name] = {source: Curve(some) for source, some in terms.items()}
        return self._curves[name]

    def _orders(self, span: int) -> float:
        """Per time unit: the same at all levels."""
        rule, after = self._after_looks(span)
        return sum(phase.looks * order_share(rule, after[place - 1], self.phases[place - 1].step)
                   for place, phase in enumerate(self.phases))  # fmt: skip

    def _after_looks(self, span: int) -> tuple[Rule, list[Law]]:
        if span not in self._rules:
            self._rules.clear()
            self._laws.clear()
            self._rules[span] = self.positions(span)
        return self._rules[span]

    def _law(self, source: Source, span: int) -> Law:
        """The positions that a curve is to be weighed with."""
        rule, after = self._after_looks(span)
        if source not in self._laws:
            self._laws[source] = self._seen(source, rule, after)
        return self._laws[source]

    def _seen(self, source: Source, rule: Rule, after: Sequence[Law]) -> Law:
        kind, place, who = source
        if kind == AFTER:
            return after[place]
        if kind == "quiet":
            elapsed = self.phases[place].customers[who].elapsed
            assert elapsed is not None
            return minus(after[place], elapsed).above(rule.trigger)
        one, two = place - 1, (place - 2) % len(self.phases)
        if kind == FOUND:
            return orders(rule, after[one], self.phases[one].step)
        before = orders(rule, after[two], self.phases[two].step)
        return orders(rule, lifted(rule, before), self.phases[one].step)

    # --- what a position amounts to ----------------------------------------------------------

    def fixed(self, name: str) -> float | None:
        """A total that neither Q or S - s nor the level changes; None for the others."""
        if not self._constants:
            rates = [(each.rate, each.size) for phase in self.phases for each in phase.customers]
            units = float(self.step) * sum(rate * size.mean() for rate, size in rates)
            self._constants.update({
                "time": 1.0,
                "units_lost": 0.0,
                "units_demanded": units,
                "units_ordered": units,
                "area_on_order": units * self.mean_lead_time,
                "customers": sum(rate * (1 - size.at(0)) for rate, size in rates),
                "periods": sum(rate for rate, _ in rates),
            })  # fmt: skip
        return self._constants.get(name)

    def _terms(self, name: str) -> Iterator[Term]:
        if name.startswith("delivered_within"):
            yield from self._late(name)
            return
        for place, phase in enumerate(self.phases):
            yield from self._by_the_clock(name, place, phase)
            yield from self._at_receipts(name, place, phase)
            yield from self._by_customers(name, place, phase)

    def _by_the_clock(self, name: str, place: int, phase: Phase) -> Iterator[Term]:
        if (worth := self._worth(_CLOCK.get(name))) is not None:
            yield Term((AFTER, place, 0), mix(phase.clock), worth)
        if phase.ends and (worth := self._worth(_ENDS.get(name))) is not None:
            yield Term((AFTER, place, 0), mix(phase.ends), worth)

    def _at_receipts(self, name: str, place: int, phase: Phase) -> Iterator[Term]:
        worth = self._worth(_RECEIPTS.get(name))
        if worth is None or not self.has_cycles:
            return
        if phase.receipts:
            yield Term((FOUND, place, 0), mix(phase.receipts).times(phase.looks), worth)
        if phase.tied:
            yield Term((AGAIN, place, 0), mix(phase.tied).times(-phase.looks), worth)
        if phase.landed is not None:
            yield Term((AFTER, place, 0), mix(phase.landed), worth)

    def _by_customers(self, name: str, place: int, phase: Phase) -> Iterator[Term]:
        lead_time = name.endswith("_in_lead_time")
        for who, each in enumerate(phase.customers):
            if (worth := self._served(name.removesuffix("_in_lead_time"), each.size)) is None:
                return
            if lead_time and each.elapsed is None:
                continue
            yield Term((AFTER, place, 0), each.before.times(each.rate), worth)
            if lead_time:
                yield Term(("quiet", place, who), each.since.times(-each.rate), worth)

    def _served(self, name: str, size: Law) -> Worth | None:
        """What a customer of that *size* gets at once from each net inventory."""
        up_to = np.cumsum(size.mass)
        sold = np.append(0.0, np.cumsum(size.at_least(1, max(size.high, 1))))

        def units(net: Places) -> Array:
            # Of a part of a step on the shelf, those have it who ask for more than the rest.
            part = np.append(1 - up_to, 0.0)[np.clip(net - size.low, -1, len(up_to) - 1)]
            part = np.where(net < size.low, 1.0, part)
            some = sold[np.clip(net, 0, len(sold) - 1)]
            return float(self.step) * (some + self.beside * np.where(net >= 0, part, 0.0))

        def whole(net: Places, none: float) -> Array:
            there = up_to[np.clip(net - size.low, 0, len(up_to) - 1)]
            found = np.where(net >= max(size.low, 0), there, 0.0) - size.at(0)
            return np.where(net >= 0, found, 0.0) + none

        return {
            "units_demanded": lambda net: np.full(len(net), float(self.step) * size.mean()),
            "units_from_shelf": units,
            "customers_whole": lambda net: whole(net, 0.0),
            "periods_served": lambda net: whole(net, size.at(0)),
        }.get(name)

    def _late(self, name: str) -> Iterator[Term]:
        """Units delivered within a wait, less those served at once."""
        for place, phase in enumerate(self.phases):
            wait = next((w for w in phase.within
                         if words.served_within(w).numerator[-1][1] == name), None)  # fmt: skip
            if wait is None:
                continue
            for each in phase.within[wait]:
                worth = self._served("units_from_shelf", each.size)
                assert worth is not None
                yield Term((AFTER, place, 0), each.before.times(each.rate), worth)
            for rate, size, fallen in phase.later.get(wait, ()):
                yield from self._in_the_end(place, rate, size, fallen)
            for term in self._by_customers("units_from_shelf", place, phase):
                yield Term(term.source, term.demand.times(-1.0), term.worth)

    def _in_the_end(self, place: int, rate: float, size: Law, fallen: Law | None) -> Iterator[Term]:
        """Customers for whom their own order has arrived, too: they lack what is below 0."""
        whole, worth = Law(0, np.array([rate])), self._served("units_demanded", size)
        assert worth is not None
        yield Term((AFTER, place, 0), whole, worth)
        sold = self._served("units_from_shelf", size)
        if fallen is not None and sold is not None:
            some, mirrored = sold, int(self.beside > 0)
            yield Term((AFTER, place, 0), fallen.times(-rate), lambda net: some(-net - mirrored))

    def _worth(self, plain: Callable[[Array], Array] | None) -> Worth | None:
        if plain is None:
            return None
        step = float(self.step) if plain in _IN_UNITS else 1.0
        return lambda net: plain(np.asarray(net + self.beside, dtype=np.float64)) * step


def _on_hand(net: Array) -> Array:
    return np.maximum(net, 0.0)


def _owed(net: Array) -> Array:
    return np.maximum(-net, 0.0)


def _net(net: Array) -> Array:
    return net


def _some(net: Array) -> Array:
    return (net > 0).astype(np.float64)


def _none_owed(net: Array) -> Array:
    return (net >= 0).astype(np.float64)


def _one(net: Array | Places) -> Array:
    return np.ones(len(net))


_IN_UNITS = (_on_hand, _owed, _net)
_CLOCK = {"area_on_hand": _on_hand, "area_backorders": _owed, "time_in_stock": _some}
_ENDS = {"periods_without_backorders": _none_owed, "backorders_at_period_ends": _owed}
_RECEIPTS = {
    "cycles": _one,
    "cycles_without_stockout": _none_owed,
    "net_inventory_before_receipts": _net,
}
