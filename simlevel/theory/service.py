"""Position less lead-time demand is net inventory; net inventory gives every measure.

What is worked out is the long-run mean per time unit of each total that an engine would add
up (``words.TOTALS``). A measure is then the same ratio of them as in a simulation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from simlevel import words
from simlevel.model.scenario import Costs, Scenario
from simlevel.theory.lattice import Law, minus, mix
from simlevel.theory.lead_time_demand import Customers, Phase, Within
from simlevel.theory.position import Frame, Rule, orders

Rates = dict[str, float]
"""Means per time unit, by total."""


def totals(
    frame: Frame,
    rule: Rule,
    phases: Sequence[tuple[Law, Phase]],
    mean_lead_time: float,
) -> Rates:
    """Long-run means per time unit of ``words.TOTALS`` and ``delivered_within_W``.

    *phases* pair the position after each look of a cycle with what is seen under it. Exact
    under backorders where orders arrive in the order placed. Without a total that is not
    there: periods where demand has none, windows that are not covered.
    """
    shelf = Shelf(frame)
    rates: Rates = {"time": 1.0, "units_lost": 0.0}
    for position, phase in phases:
        _add(rates, shelf.on_the_clock(mix((w, minus(position, d)) for w, d in phase.clock)))
        _add(rates, shelf.at_receipts(rule, position, phase))
        for customers in phase.customers:
            _add(rates, shelf.served(position, customers))
            _add(rates, shelf.served_in_lead_time(rule, position, customers, phase.step))
        if phase.ends:
            _add(rates, shelf.at_ends(mix((w, minus(position, d)) for w, d in phase.ends)))
        for wait, within in phase.within.items():
            _add(rates, shelf.delivered(wait, rule, position, within))
    rates["units_ordered"] = rates["units_demanded"]
    rates["area_on_order"] = rates["units_demanded"] * mean_lead_time
    return _late_only(rates)


class Shelf:
    """What laws of net inventory, in steps of a *frame*, amount to in the scenario's units."""

    def __init__(self, frame: Frame) -> None:
        self._step = float(frame.step)
        self._origin = float(frame.origin)

    def on_the_clock(self, net: Law) -> Rates:
        """Time averages: *net* is net inventory seen by the clock."""
        empty = 0 if self._origin else 1
        return {
            "area_on_hand": self._sum(net.above(-1)),
            "area_backorders": -self._sum(net.up_to(-1)),
            "time_in_stock": net.above(empty - 1).total(),
        }

    def served(self, position: Law, customers: Customers) -> Rates:
        """What customers get from the shelf at once."""
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

    def served_in_lead_time(
        self, rule: Rule, position: Law, customers: Customers, step: Law
    ) -> Rates:
        """The same for those who come while an order is outstanding: all but the idle ones.

        Nothing is outstanding, under continuous review with a lead time, where net inventory
        is above the trigger; else where no look after the ruling one found cause to order.
        """
        asked = customers.rate * self._step * customers.size.mean()
        served = self.served(position, customers)["units_from_shelf"]
        for rate, net in _idle(rule, position, customers, step):
            asked -= rate * net.total() * self._step * customers.size.mean()
            served -= rate * self._from_shelf(net, customers.size)
        return {"units_demanded_in_lead_time": asked, "units_from_shelf_in_lead_time": served}

    def at_receipts(self, rule: Rule, position: Law, phase: Phase) -> Rates:
        """Orders, and net inventory just before their receipts."""
        found = orders(rule, position, phase.step)
        net = mix((weight, minus(found, during)) for weight, during in phase.receipts)
        return {
            "orders": phase.looks * found.total(),
            "cycles": phase.looks * net.total(),
            "cycles_without_stockout": phase.looks * net.above(-1).total(),
            "net_inventory_before_receipts": phase.looks * self._sum(net),
        }

    def at_ends(self, net: Law) -> Rates:
        """Ends of demand periods: *net* is net inventory there, per time unit."""
        return {
            "periods_without_backorders": net.above(-1).total(),
            "backorders_at_period_ends": -self._sum(net.up_to(-1)),
        }

    def delivered(self, wait: float, rule: Rule, position: Law, within: Within) -> Rates:
        """Units delivered within *wait*, at once or later.

        A look that comes after the customer has ordered for him by then, unless it leaves
        positions below 0: how much of that is his takes more than the position to say.
        """
        if within.later and rule.trigger < -1:
            return {}
        units = sum(
            part.rate * self._from_shelf(minus(position, part.before), part.size)
            for part in within.parts
        )
        units += sum(rate * self._step * size.mean() for rate, size in within.later)
        return {words.served_within(wait).numerator[-1][1]: units}

    def _sum(self, net: Law) -> float:
        return self._step * net.mean() + self._origin * net.total()

    def _from_shelf(self, net: Law, size: Law) -> float:
        """E[min(size, net inventory above 0)]."""
        top = min(net.high, size.high)
        if top < 0:
            return 0.0
        there, asked = net.at_least(0, top), size.at_least(0, top)
        units = self._step * float(there[1:] @ asked[1:])
        if not self._origin:
            return units
        net = net.above(-1)
        beyond = size.at_least(net.low + 1, net.high + 1)
        return units + self._origin * float(net.mass @ beyond)


def _whole(net: Law, size: Law) -> float:
    """P(0 < size <= net inventory)."""
    asked = size.above(0)
    return float(asked.mass @ net.at_least(asked.low, asked.high))


def _idle(
    rule: Rule, position: Law, customers: Customers, step: Law
) -> Iterable[tuple[float, Law]]:
    """(rate, part of net inventory) of the customers who come while nothing is on order."""
    if customers.idle is None:
        yield customers.rate, minus(position, customers.before).above(rule.trigger)
        return
    raise NotImplementedError


def _add(rates: Rates, more: Mapping[str, float]) -> None:
    for name, rate in more.items():
        rates[name] = rates.get(name, 0.0) + rate


def _late_only(rates: Rates) -> Rates:
    """``delivered_within_W`` counts the late ones; those served at once have their own total."""
    for name in rates:
        if name.startswith("delivered_within"):
            rates[name] -= rates["units_from_shelf"]
    return rates


# --- totals to measures --------------------------------------------------------------------


def measured(scenario: Scenario, rates: Rates) -> dict[str, float]:
    """Every measure of *scenario* that *rates* reach and the scenario defines."""
    rates = rates | _cost_rates(scenario, rates)
    found = ((m.name, _ratio(m, rates)) for m in scenario.measure_words()
             if scenario.undefined(m) is None)  # fmt: skip
    return {name: value for name, value in found if value is not None}


def _ratio(measure: words.Measure, rates: Rates) -> float | None:
    if measure.name in rates:
        return rates[measure.name]
    of = rates.get(measure.denominator, 0.0)
    if of <= 0 or not all(total in rates for _, total in measure.numerator):
        return None
    value = sum(weight * rates[total] for weight, total in measure.numerator) / of
    return min(max(value, 0.0), 1.0) if measure.is_share else value


def _cost_rates(scenario: Scenario, rates: Rates) -> Rates:
    if scenario.costs is None:
        return {}
    parts = cost_parts(scenario.costs, scenario.time_unit, rates)
    return parts | {"cost_per_time": sum(parts.values())}


def cost_parts(costs: Costs, time_unit: str, rates: Mapping[str, float]) -> Rates:
    """Money per time unit by cost; an order of n multiples is one order."""
    short = rates["units_demanded"] - rates["units_from_shelf"]
    return {
        "holding_cost": costs.holding_rate(time_unit) * rates["area_on_hand"],
        "order_cost": costs.order * rates["orders"],
        "backorder_cost": costs.backorder * rates["area_backorders"],
        "shortage_cost": costs.shortage * short,
        "purchase_cost": costs.purchase * rates["units_ordered"],
    }


