"""What a scenario asks, in words: demand, supply, policies, costs; and its supply line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simlevel import numbers
from simlevel.model.demand import HistoryDemand, PeriodicDemand, PoissonDemand
from simlevel.model.fields import singular
from simlevel.model.policy import RQ, SS, BaseStock, Policy
from simlevel.model.scenario import Costs, Scenario

MOST_LISTED = 8
"""Values of a distribution or a pattern that are written out."""
LONGEST = 20
"""Characters of a label of the supply line."""


@dataclass(frozen=True)
class SupplyLine:
    """The labels of the drawing: goods go from left to right, orders back."""

    lead_time: str
    reviews: str
    demand: str
    said: str
    """The same in a sentence."""


def supply_line(scenario: Scenario) -> SupplyLine:
    """The numbers of *scenario* that its supply line is drawn with."""
    unit = singular(scenario.time_unit)
    fixed = scenario.lead_time.distribution.variance() == 0
    lead = f"{'' if fixed else 'mean '}{duration(scenario.lead_time.mean(), unit)}"
    periods = {policy.review_period for policy in scenario.policies.values()}
    only = next(iter(periods)) if len(periods) == 1 else None
    reviews = "review by policy" if len(periods) > 1 else "continuous review"
    if only:
        reviews = f"review {_every(only, unit).lower()}"
    demand = f"{_rounded(scenario.demand.units_per_time())} a {unit}"
    short = "are lost" if scenario.lost_sales else "are owed"
    said = (
        f"The supplier delivers an order after a lead time of {lead}. Orders go back from the "
        f"stock to the supplier: {reviews}. Customers ask the stock for {demand}; the units that "
        f"are not there {short}."
    )
    return SupplyLine(_cut(lead), _cut(reviews, 30), _cut(demand), said)


def _cut(label: str, longest: int = LONGEST) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def facts(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What is asked, a line a section of the file."""
    unit = singular(scenario.time_unit)
    yield "Demand", _demand(scenario, unit)
    yield "Supply", _supply(scenario, unit)
    if scenario.lost_sales:
        yield "An empty shelf", "Who finds nothing goes elsewhere: the sale is lost."
    else:
        yield "An empty shelf", "Who finds nothing waits, first come, first served (backorders)."
    if scenario.costs:
        yield "Costs", _costs(scenario.costs, scenario.time_unit, unit)
    if scenario.start:
        start = numbers.short(scenario.start.net_inventory)
        yield "Start", f"Net inventory of {start} at time 0, nothing on order."


def duration(value: float, unit: str) -> str:
    """``1 day``, ``2.5 days``."""
    return f"{_rounded(value)} {unit}{'' if value == 1 else 's'}"


def _rounded(value: float) -> str:
    """*value* with the digits that a sentence needs."""
    return numbers.short(float(f"{value:.4g}"))


def spread(distribution: Any) -> str:
    """A distribution in words; a number where nothing varies."""
    if distribution.variance() == 0:
        return _rounded(distribution.mean())
    values = distribution.values_drawn
    if distribution.dist == "discrete" and values is not None and len(values) <= MOST_LISTED:
        pairs = zip(distribution.values, distribution.probabilities, strict=True)
        return "; ".join(f"{numbers.short(value)} ({numbers.share(p)})" for value, p in pairs)
    if distribution.dist == "uniform":
        return f"between {numbers.short(distribution.low)} and {numbers.short(distribution.high)}"
    mean, sd = _rounded(distribution.mean()), _rounded(math.sqrt(distribution.variance()))
    return f"{distribution.dist.replace('_', ' ')}, mean {mean}, standard deviation {sd}"


# --- sections --------------------------------------------------------------------------------


def _demand(scenario: Scenario, unit: str) -> str:
    demand = scenario.demand
    if isinstance(demand, PoissonDemand):
        who = f"Customers come one by one at random, {_rounded(demand.rate)} a {unit} (Poisson)"
        text = f"{who}; {_each(demand.size)}."
    elif isinstance(demand, PeriodicDemand):
        drawn = f"a quantity drawn anew: {spread(demand.quantity)}"
        asked = drawn if demand.quantity.variance() else _units(demand.quantity.mean())
        share = numbers.share(demand.probability)
        chance = "" if demand.probability == 1 else f", with probability {share},"
        text = f"{_every(demand.every, unit)}{chance} one customer asks for {asked}."
    elif isinstance(demand, HistoryDemand):
        text = _history(demand, unit)
    else:
        gap = spread(demand.interarrival)
        text = f"Customers come one by one, {gap} {unit}s apart; {_each(demand.size)}."
    mean = f"On average {_rounded(demand.units_per_time())} units a {unit}."
    return f"{text}{_pattern(getattr(demand, 'pattern', None))} {mean}"


def _every(length: float, unit: str) -> str:
    return f"Every {unit}" if length == 1 else f"Every {duration(length, unit)}"


def _each(size: Any) -> str:
    if size.variance():
        return f"each asks for a quantity drawn anew: {spread(size)}"
    return f"each asks for {_units(size.mean())}"


def _units(amount: float) -> str:
    return f"{numbers.short(amount)} unit{'' if amount == 1 else 's'}"


def _history(demand: HistoryDemand, unit: str) -> str:
    origin = f" ({demand.file}, column {demand.column})" if demand.file else ""
    record = f"a record of {len(demand.history):,} periods{origin}"
    if demand.replayed:
        return f"{_every(demand.every, unit)} the next entry of {record}, played once as it was."
    return f"{_every(demand.every, unit)} an entry of {record}, drawn at random."


def _pattern(factors: tuple[float, ...] | None) -> str:
    if not factors:
        return ""
    shown = ", ".join(map(numbers.short, factors[:MOST_LISTED]))
    more = ", …" if len(factors) > MOST_LISTED else ""
    return f" A pattern of {len(factors)} factors repeats over it: {shown}{more}."


def _supply(scenario: Scenario, unit: str) -> str:
    lead_time = scenario.lead_time
    if not lead_time.distribution.variance():
        return f"An order takes {duration(lead_time.mean(), unit)}."
    order = "may overtake one another" if lead_time.order_crossing else "arrive in their order"
    drawn = spread(lead_time.distribution)
    return f"The lead time is drawn for each order, in {unit}s: {drawn}. Orders {order}."


def _costs(costs: Costs, time_unit: str, unit: str) -> str:
    each = {
        "per order": costs.order,
        f"per unit on hand and {unit}": costs.holding_rate(time_unit),
        f"per unit backordered and {unit}": costs.backorder,
        "per unit not served at once": costs.shortage,
        "per unit ordered": costs.purchase,
    }
    said = [f"{_rounded(cost)} {what}" for what, cost in each.items() if cost]
    return f"{', '.join(said)}." if said else "Nothing costs anything."


def rule(policy: Policy, unit: str) -> str:
    """What a policy does, in a sentence."""
    if policy.review_period is None:
        looks = "Looks after every customer"
    else:
        looks = f"Looks {_every(policy.review_period, unit).lower()}"
    if isinstance(policy, RQ):
        r, q = numbers.short(policy.reorder_point), numbers.short(policy.order_quantity)
        return f"{looks}; at a position of r = {r} or less orders Q = {q}, or a multiple of it."
    if isinstance(policy, SS):
        s, top = numbers.short(policy.reorder_point), numbers.short(policy.order_up_to)
        return f"{looks}; at a position of s = {s} or less orders up to S = {top}{_lots(policy)}."
    if isinstance(policy, BaseStock):
        top = numbers.short(policy.order_up_to)
        return f"{looks}; whenever the position is below S = {top} orders up to it{_lots(policy)}."
    return f"{looks}; a rule written in Python says how much to order."


def _lots(policy: SS | BaseStock) -> str:
    least = policy.minimum_order and f", at least {numbers.short(policy.minimum_order)}"
    lots = policy.order_multiple and f", in multiples of {numbers.short(policy.order_multiple)}"
    return f"{least or ''}{lots or ''}"
