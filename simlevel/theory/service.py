"""Position less lead-time demand is net inventory; net inventory gives every measure.

What is worked out is the long-run mean per time unit of each total that an engine would add
up (``words.TOTALS``). A measure is then the same ratio of them as in a simulation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from simlevel import words
from simlevel.theory.lattice import Law, dotted, minus, mix, nothing
from simlevel.theory.lead_time_demand import Customers, Phase
from simlevel.theory.position import Frame, Rule, lifted, orders

Rates = dict[str, float]
"""Means per time unit, by total."""


def totals(
    frame: Frame, rule: Rule, positions: Sequence[Law], phases: Sequence[Phase],
    mean_lead_time: float,
) -> Rates:  # fmt: skip
    """Long-run means per time unit of ``words.TOTALS`` and ``delivered_within_W``.

    *positions* are those after each look of a cycle, *phases* what is seen under each. Exact
    under backorders where orders arrive in the order placed: IN(t + L) = IP(t) - D(t, t + L],
    the two on the right independent (Zipkin 2000, ch. 6; Axsäter 2015, ch. 5). Units are the
    scenario's. A window that is not covered has no total.

    >>> from fractions import Fraction
    >>> from simlevel.theory.lattice import point, uniform
    >>> customers, clock = Customers(1.0, point(1), uniform(0, 3)), ((1.0, uniform(0, 3)),)
    >>> seen = Phase(1.0, point(1), (customers,), clock, ())
    >>> rates = totals(Frame(Fraction(1), Fraction(0)), Rule(1, 2), [point(2)], [seen], 1.0)
    >>> rates["units_from_shelf"], rates["area_on_hand"]  # P(D < 2); (2 + 1) / 4
    (0.5, 0.75)
    """
    shelf = Shelf(float(frame.step), float(frame.origin))
    rates: Rates = {"time": 1.0, "units_lost": 0.0}
    for place, (position, phase) in enumerate(zip(positions, phases, strict=True)):
        _add(rates, shelf.on_the_clock(mix((w, minus(position, d)) for w, d in phase.clock)))
        before = place - 1
        found = orders(rule, positions[before], phases[before].step)
        again = _found_again(rule, positions, phases, place) if phase.tied else nothing()
        _add(rates, shelf.at_receipts(found, again, phase))
        if phase.landed is not None:
            _add(rates, shelf.cycles(mix((w, minus(position, d)) for w, d in phase.landed)))
        for customers in phase.customers:
            _add(rates, shelf.served(position, customers))
            _add(rates, shelf.served_in_lead_time(rule, position, customers))
        if phase.ends:
            _add(rates, shelf.at_ends(mix((w, minus(position, d)) for w, d in phase.ends)))
        for wait in phase.within:
            _add(rates, shelf.delivered(wait, position, phase))
    rates["units_ordered"] = rates["units_demanded"]
    rates["area_on_order"] = rates["units_demanded"] * mean_lead_time
    if rule.trigger < -1:
        _forget(rates, {wait for phase in phases for wait, late in phase.later.items()
                        if any(fallen is None for _, _, fallen in late)})  # fmt: skip
    return _late_only(rates)


def _forget(rates: Rates, waits: Iterable[float]) -> None:
    """A look that comes after the customer has ordered for him by then, unless it may leave
    the position below 0: how much is then his takes more than the position to say."""
    for wait in waits:
        del rates[words.served_within(wait).numerator[-1][1]]


def before_receipts(rule: Rule, positions: Sequence[Law], phases: Sequence[Phase]) -> Law:
    """The law of net inventory just before a receipt, in steps: that of the cycle service level.

    >>> from simlevel.theory.lattice import point, uniform
    >>> seen = Phase(1.0, point(1), (), (), ((1.0, uniform(0, 3)),))
    >>> law = before_receipts(Rule(1, 2), [point(2)], [seen])  # 1 when it orders, less 0 to 3
    >>> law.low, law.mass.tolist()
    (-2, [0.25, 0.25, 0.25, 0.25])
    """
    nets: list[tuple[float, Law]] = []
    for place, (position, phase) in enumerate(zip(positions, phases, strict=True)):
        before = place - 1
        found = orders(rule, positions[before], phases[before].step)
        again = _found_again(rule, positions, phases, place) if phase.tied else nothing()
        nets.append((1.0, _at_receipts(found, again, phase)))
        nets += [(w, minus(position, d)) for w, d in phase.landed or ()]
    net = mix(nets)
    return net.times(1 / net.total())


def demand_until_receipts(
    rule: Rule, positions: Sequence[Law], phases: Sequence[Phase]
) -> Law | None:
    """The law of demand from an order to its receipt, in steps; None where orders overtake."""
    parts: list[tuple[float, Law]] = []
    for place, phase in enumerate(phases):
        placed = orders(rule, positions[place - 1], phases[place - 1].step).total()
        parts += [(phase.looks * placed * w, during) for w, during in phase.receipts]
    demand = mix(parts)
    return demand.times(1 / demand.total()) if parts else None


def _at_receipts(found: Law, again: Law, phase: Phase) -> Law:
    nets = [(phase.looks * w, minus(found, during)) for w, during in phase.receipts]
    nets += [(-phase.looks * w, minus(again, during)) for w, during in phase.tied]
    return mix(nets)


def _found_again(rule: Rule, positions: Sequence[Law], phases: Sequence[Phase], place: int) -> Law:
    """The positions that must order at a look where the look before it ordered too."""
    one, two = place - 1, (place - 2) % len(phases)
    before = orders(rule, positions[two], phases[two].step)
    return orders(rule, lifted(rule, before), phases[one].step)


class Shelf:
    """What laws of net inventory amount to, where k stands for ``origin + step * k`` units."""

    def __init__(self, step: float, origin: float) -> None:
        self._step = step
        self._origin = origin

    def on_the_clock(self, net: Law) -> Rates:
        """Time averages, in units: E IN+, E IN- and P(IN > 0), IN the *net* inventory seen by
        the clock. Zipkin (2000), ch. 6.

        >>> from simlevel.theory.lattice import uniform
        >>> Shelf(1.0, 0.0).on_the_clock(uniform(-1, 2))  # (1 + 2) / 4, 1 / 4, 2 / 4
        {'area_on_hand': 0.75, 'area_backorders': 0.25, 'time_in_stock': 0.5}
        """
        empty = -1 if self._origin else 0
        return {
            "area_on_hand": self._sum(net.above(-1)),
            "area_backorders": -self._sum(net.up_to(-1)),
            "time_in_stock": net.above(empty).total(),
        }

    def served(self, position: Law, customers: Customers) -> Rates:
        """What customers get from the shelf at once, per time unit: rate x E min(IN+, X) units,
        and rate x P(0 < X <= IN) whole, IN as found and X asked for. Axsäter (2015), ch. 5.

        >>> from simlevel.theory.lattice import point, uniform
        >>> pairs = Customers(1.0, point(2), uniform(0, 1))  # find 1 or 2, ask for 2
        >>> found = Shelf(1.0, 0.0).served(point(2), pairs)
        >>> found["units_from_shelf"], found["customers_whole"]
        (1.5, 0.5)
        """
        net, rate, size = minus(position, customers.before), customers.rate, customers.size
        whole = rate * _whole(net, size)
        return {
            "customers": rate * (1 - size.at(0)),
            "customers_whole": whole,
            "units_demanded": rate * self._step * size.mean(),
            "units_from_shelf": rate * self._from_shelf(net, size),
            "periods": rate,
            "periods_served": whole + rate * size.at(0),
        }

    def served_in_lead_time(self, rule: Rule, position: Law, customers: Customers) -> Rates:
        """The same for those who come while an order is outstanding.

        None is where no look between the ruling one and the customer found cause to order:
        the position was above the trigger at the last of them. Those are taken off:
        rate x (E min(IN+, X) - E[min(IN+, X); none]).

        >>> from simlevel.theory.lattice import point, uniform
        >>> pairs = Customers(1.0, point(2), uniform(0, 1), uniform(0, 1))
        >>> Shelf(1.0, 0.0).served_in_lead_time(Rule(1, 2), point(2), pairs)  # where 1 is left
        {'units_demanded_in_lead_time': 1.0, 'units_from_shelf_in_lead_time': 0.5}
        """
        if customers.elapsed is None:
            return {"units_demanded_in_lead_time": 0.0, "units_from_shelf_in_lead_time": 0.0}
        net = minus(position, customers.before)
        quiet = minus(minus(position, customers.elapsed).above(rule.trigger), customers.since)
        asked = self._step * customers.size.mean() * (net.total() - quiet.total())
        served = self._from_shelf(net, customers.size) - self._from_shelf(quiet, customers.size)
        return {
            "units_demanded_in_lead_time": customers.rate * asked,
            "units_from_shelf_in_lead_time": customers.rate * served,
        }

    def at_receipts(self, found: Law, again: Law, phase: Phase) -> Rates:
        """Orders from the positions *found*, and net inventory just before their receipts.

        Receipts at one instant are one: of orders from *again* those are left out that arrive
        with the order before.
        """
        net = _at_receipts(found, again, phase)
        return {"orders": phase.looks * found.total()} | self.cycles(net)

    def cycles(self, net: Law) -> Rates:
        """Receipts: *net* is net inventory just before them, per time unit. The cycle service
        level is P(IN >= 0) there, the safety stock E IN. Axsäter (2015), ch. 5.

        >>> from simlevel.theory.lattice import uniform
        >>> Shelf(1.0, 0.0).cycles(uniform(-1, 2))["cycles_without_stockout"]  # not at -1
        0.75
        """
        return {
            "cycles": net.total(),
            "cycles_without_stockout": net.above(-1).total(),
            "net_inventory_before_receipts": self._sum(net),
        }

    def at_ends(self, net: Law) -> Rates:
        """Ends of demand periods: P(IN >= 0) and E IN-, in units, of the *net* inventory there,
        per time unit. Silver, Pyke and Thomas (4th ed., 2017), ch. 6.

        >>> from simlevel.theory.lattice import uniform
        >>> Shelf(1.0, 0.0).at_ends(uniform(-1, 2))
        {'periods_without_backorders': 0.75, 'backorders_at_period_ends': 0.25}
        """
        return {
            "periods_without_backorders": net.above(-1).total(),
            "backorders_at_period_ends": -self._sum(net.up_to(-1)),
        }

    def delivered(self, wait: float, position: Law, phase: Phase) -> Rates:
        """Units per time unit delivered within *wait*, at once or later: of those whose order
        is not fixed by then what the shelf has, rate x E min(IN+, X), of the others all but
        what is still lacking.

        >>> from simlevel.theory.lattice import point, uniform
        >>> soon = Customers(1.0, point(1), uniform(0, 1))
        >>> seen = Phase(1.0, point(1), (), (), (), within={0.5: (soon,)})
        >>> Shelf(1.0, 0.0).delivered(0.5, point(1), seen)  # 1 or 0 left for him
        {'delivered_within_0.5': 0.5}
        """
        units = sum(
            part.rate * self._from_shelf(minus(position, part.before), part.size)
            for part in phase.within[wait]
        )
        for rate, size, fallen in phase.later.get(wait, ()):
            units += rate * self._step * size.mean()
            if fallen is not None:
                units -= rate * self._lacking(minus(position, fallen), size)
        return {words.served_within(wait).numerator[-1][1]: units}

    def _sum(self, net: Law) -> float:
        return self._step * net.mean() + self._origin * net.total()

    def _lacking(self, net: Law, size: Law) -> float:
        """E[min(size, net inventory below 0)]."""
        if not self._origin:
            return self._from_shelf(net.negated(), size)
        mirrored = Shelf(self._step, self._step - self._origin)
        return mirrored._from_shelf(net.shifted(1).negated(), size)

    def _from_shelf(self, net: Law, size: Law) -> float:
        """E[min(size, net inventory above 0)]."""
        top = min(net.high, size.high)
        if top < 0:
            return 0.0
        there, asked = net.at_least(0, top), size.at_least(0, top)
        units = self._step * dotted(there[1:], asked[1:])
        if not self._origin:
            return units
        net = net.above(-1)
        beyond = size.at_least(net.low + 1, net.high + 1)
        return units + self._origin * dotted(net.mass, beyond)


def _whole(net: Law, size: Law) -> float:
    """P(0 < size <= net inventory)."""
    asked = size.above(0)
    return dotted(asked.mass, net.at_least(asked.low, asked.high))


def _add(rates: Rates, more: Mapping[str, float]) -> None:
    for name, rate in more.items():
        rates[name] = rates.get(name, 0.0) + rate


def _late_only(rates: Rates) -> Rates:
    """``delivered_within_W`` counts the late ones; those served at once have their own total."""
    for name in rates:
        if name.startswith("delivered_within"):
            rates[name] -= rates["units_from_shelf"]
    return rates
