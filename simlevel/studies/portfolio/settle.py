"""One item: what its present settings give, and the cheapest settings that meet its target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from simlevel.errors import SimlevelError
from simlevel.model.demand import Demand
from simlevel.model.fields import as_number, exact
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.choices import MET, SummedChoices, parameters

SHOWN = ("cycle_service_level", "fill_rate", "mean_on_hand", "mean_backorders", "orders_per_time")
"""Measures that are worked out for each setting."""
FINE = 50
"""Steps of stock in a standard deviation of a period's demand, where that is continuous."""
RATIO = 1.25
"""By how much neighbours differ among the order quantities that are looked at."""
HIGHEST = 10**7
"""Steps of stock above which no level is looked for."""

Stocked = RQ | SS | BaseStock


class NotSettledError(SimlevelError):
    """No settings can be worked out; says why."""


@dataclass(frozen=True)
class Item:
    """One item, in the portfolio's units of time and money."""

    name: str
    demand: Demand
    lead_time: float
    target: tuple[str, float]
    """A measure and what is asked of it."""
    kind: str = "sS"
    present: Stocked | None = None
    review_period: float | None = None
    held_quantity: float | None = None
    minimum_order: float | None = None
    order_multiple: float | None = None
    unit_value: float = math.nan
    order_cost: float = 0.0
    holding_cost: float = 0.0
    backorder_cost: float = 0.0


@dataclass(frozen=True)
class Setting:
    """A policy and what it gives in the long run."""

    policy: Stocked
    measures: Mapping[str, float]

    def cost(self, item: Item) -> float:
        """Money per time unit; units on hand where the item has no costs."""
        money = (
            item.order_cost * self.measures["orders_per_time"]
            + item.holding_cost * self.measures["mean_on_hand"]
            + item.backorder_cost * self.measures["mean_backorders"]
        )
        return money if item.holding_cost else self.measures["mean_on_hand"]


def present(item: Item) -> Setting | None:
    """What the settings in use give; None where there are none."""
    if item.present is None:
        return None
    shelf = _Shelf(item, item.present)
    policy = item.present
    span = round(exact(policy.batch) / shelf.step)
    level = math.floor(exact(policy.trigger) / shelf.step)
    return Setting(policy, shelf.measures(span, level))


def proposed(item: Item) -> Setting:
    """The cheapest settings of the item's kind that meet its target.

    The level is the lowest that meets the target with the order quantity (or S - s) held;
    quantities are looked at from the economic one up and down by RATIO, as long as that
    gets cheaper: cost is flat there.
    """
    shelf = _Shelf(item, _blank(item))
    best: tuple[float, Setting] | None = None
    for spans in _directions(item, shelf.step):
        for span in spans:
            found = shelf.cheapest(span)
            cost = found.cost(item)
            if best is not None and cost >= best[0]:
                break
            best = cost, found
    assert best is not None
    return best[1]


def _directions(item: Item, step: Fraction) -> Iterator[Iterator[int]]:
    """Quantities to look at, in steps: the economic one and up from there, then down."""
    if item.kind == "base_stock":
        yield iter([0])
        return
    least = max(item.minimum_order or 0.0, item.order_multiple or 0.0, float(step))
    held = item.held_quantity
    if held is None and item.order_cost and item.holding_cost:
        rate = item.demand.units_per_time()
        wanted = max(math.sqrt(2 * item.order_cost * rate / item.holding_cost), least)
    else:
        wanted = max(held or 0.0, least)
    start = _rounded(wanted, item, step)
    if held is not None or not (item.order_cost and item.holding_cost):
        yield iter([start])
        return
    floor = _rounded(least, item, step)
    yield _series(start, RATIO, item, step, floor)
    yield _series(max(math.floor(start / RATIO), 1), 1 / RATIO, item, step, floor)


def _series(start: int, ratio: float, item: Item, step: Fraction, floor: int) -> Iterator[int]:
    last, exactly = -1, float(start)
    while floor <= exactly < HIGHEST:
        span = _rounded(exactly * float(step), item, step)
        if span != last:
            yield span
        last, exactly = span, exactly * ratio


def _rounded(quantity: float, item: Item, step: Fraction) -> int:
    """*quantity* in steps, at least one, and a multiple of what orders are multiples of."""
    multiple = max(round(exact(item.order_multiple or 0) / step), 1)
    return max(math.ceil(quantity / float(step) / multiple - 1e-9), 1) * multiple


def _blank(item: Item) -> Stocked:
    """A policy of the item's kind, whose levels are to be found."""
    review = {"review_period": item.review_period}
    rounding = {"minimum_order": item.minimum_order, "order_multiple": item.order_multiple}
    if item.kind == "rQ":
        return RQ(reorder_point=0, order_quantity=1, **review)
    if item.kind == "sS":
        return SS(reorder_point=0, order_up_to=1, **rounding, **review)
    return BaseStock(order_up_to=1, **rounding, **review)


class _Shelf:
    """All levels of one item under policies of one kind."""

    def __init__(self, item: Item, policy: Stocked) -> None:
        self._item, self._policy = item, policy
        scenario = Scenario(
            time_unit="period",
            demand=item.demand,
            lead_time=item.lead_time,
            policies={"item": policy},
        )
        held: list[Fraction] = []
        if item.demand.amount.is_continuous:
            held = [exact(float(f"{item.demand.amount.sd() / FINE:.1g}"))]
        levels = catalogue.levels(scenario, "item", held)
        if isinstance(levels, str):
            raise NotSettledError(levels)
        self._choices = SummedChoices(scenario, levels)
        self.step = levels.step

    def measures(self, span: int, level: int) -> dict[str, float]:
        return {name: float(self._choices.values(name, span, level, 1)[0]) for name in SHOWN}

    def cheapest(self, span: int) -> Setting:
        """The lowest level at which the target is met, with Q or S - s held."""
        level = self._lowest(span)
        new = parameters(self._policy.kind, self.step, span, level)
        policy = self._policy.model_copy(update=new)
        return Setting(policy, self.measures(span, level))

    def _lowest(self, span: int) -> int:
        name, asked = self._item.target
        first, count = -span, self._width
        while first < HIGHEST:
            reached = self._choices.values(name, span, first, count)
            met = np.nan_to_num(reached) >= asked - MET
            if met.any():
                return first + int(np.argmax(met))
            first, count = first + count, 2 * count
        raise NotSettledError(f"no level meets {name} {asked:g}")

    @cached_property
    def _width(self) -> int:
        """Levels that most likely hold the answer."""
        until = self._item.lead_time + (self._item.review_period or 0) + 1
        demand = self._item.demand
        mean = demand.units_per_time() * until
        spread = demand.amount.sd() * math.sqrt(until * demand.customers_per_time())
        return int((mean + 4 * spread) / float(self.step)) + 8


def text_of(policy: Stocked) -> dict[str, float]:
    """The parameters of a policy, as numbers of a table."""
    shown = policy.model_dump(include={"reorder_point", "order_quantity", "order_up_to"})
    return {key: as_number(exact(value)) for key, value in shown.items()}
