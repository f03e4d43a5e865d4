"""One item: what its present settings give, and the cheapest settings that meet its target."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from simlevel.errors import SimlevelError
from simlevel.model.demand import Demand
from simlevel.model.fields import exact
from simlevel.model.policy import RQ, SS, BaseStock, Stocked
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.choices import MET, SummedChoices, parameters

SHARES = ("cycle_service_level", "fill_rate")
STOCKS = ("mean_on_hand", "mean_backorders", "orders_per_time")
SHOWN = (*SHARES, *STOCKS)
"""Measures that are worked out for each setting."""
RATIO = 1.25
"""By how much neighbours differ among the order quantities that are looked at."""
PATIENCE = 2
HIGHEST = 10**7
"""Steps of stock above which no level is looked for."""


class NotSettledError(SimlevelError):
    """No settings can be worked out; says why."""


@dataclass(frozen=True)
class Item:
    """One item, in the portfolio's units of time and money."""

    name: str
    demand: Demand
    """In whole steps, not continuous."""
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
    step: float | None = None
    """The step that a continuous demand was put on; settings in use are rounded down to it."""

    @property
    def chooses_quantity(self) -> bool:
        """Q (or S - s) follows from costs, and is not held."""
        return self.held_quantity is None and self.order_cost > 0 and self.holding_cost > 0

    @property
    def economic_quantity(self) -> float:
        """Units: sqrt(2 K D / h), K an order's cost, D units a time unit, h a unit's holding.

        Harris, How many parts to make at once (1913).
        """
        return math.sqrt(2 * self.order_cost * self.demand.units_per_time() / self.holding_cost)


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


class Shelf:
    """All levels and order quantities of one item, under policies of its kind.

    Raises NotSettledError where no theory covers it.
    """

    def __init__(self, item: Item) -> None:
        self._item, self._policy = item, _blank(item)
        scenario = Scenario(
            time_unit="period",
            demand=item.demand,
            lead_time=item.lead_time,
            policies={"item": self._policy},
        )
        levels = catalogue.levels(scenario, "item", [*_common_steps(item)])
        if isinstance(levels, str):
            raise NotSettledError(levels)
        self._choices = SummedChoices(scenario, levels)
        self.step = levels.step

    def present(self) -> Setting | None:
        """What the settings in use give; None where there are none."""
        policy = self._item.present
        if policy is None:
            return None
        if policy.review_period != self._item.review_period:
            raise NotSettledError("the settings in use are reviewed at other times")
        span = round(exact(policy.batch) / self.step)
        level = math.floor(exact(policy.trigger) / self.step)
        if isinstance(policy, BaseStock) and isinstance(self._policy, SS):
            span, level = 1, level - 1  # ordering whenever below S is ordering at a step below it
        return Setting(policy, self._measures(span, level))

    def cheapest(self) -> Setting:
        """The cheapest settings that meet the target.

        The level is the lowest that meets it with Q (or S - s) held; quantities are looked at
        from the economic one up and down by RATIO until PATIENCE of them are no cheaper: cost
        is flat there.
        """
        best = self._with(next(self._spans(1)))
        for direction in (RATIO, 1 / RATIO):
            worse = 0
            for span in itertools.islice(self._spans(direction), 1, None):
                found = self._with(span)
                cheaper = found.cost(self._item) < best.cost(self._item)
                best, worse = (found, 0) if cheaper else (best, worse + 1)
                if worse == PATIENCE:
                    break
        return best

    def _spans(self, ratio: float) -> Iterator[int]:
        """Quantities to look at, in steps, from the economic one."""
        item = self._item
        least = max(item.minimum_order or 0.0, item.order_multiple or 0.0, float(self.step))
        if item.kind == "base_stock" or not item.chooses_quantity:
            yield 0 if item.kind == "base_stock" else self._rounded(item.held_quantity or least)
            return
        wanted, last = max(item.economic_quantity, least), -1
        while least <= wanted < HIGHEST * self.step:
            span = self._rounded(wanted)
            if span != last:
                yield span
            last, wanted = span, wanted * ratio
            if ratio == 1:
                return

    def _rounded(self, quantity: float) -> int:
        """*quantity* in steps, at least one, and a multiple of what orders are multiples of."""
        multiple = max(round(exact(self._item.order_multiple or 0) / self.step), 1)
        return max(math.ceil(quantity / float(self.step) / multiple - 1e-9), 1) * multiple

    def _with(self, span: int) -> Setting:
        """The lowest level at which the target is met, with Q or S - s held."""
        level = self._lowest(span)
        new = parameters(self._policy.kind, self.step, span, level)
        return Setting(self._policy.model_copy(update=new), self._measures(span, level))

    def _measures(self, span: int, level: int) -> dict[str, float]:
        return {name: float(self._choices.values(name, span, level, 1)[0]) for name in SHOWN}

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


def _common_steps(item: Item) -> Iterator[Fraction]:
    """What the steps of stock have to be a part of, beside what customers ask for."""
    if item.step is not None:
        return
    if item.present is not None:
        yield from (abs(exact(each)) for each in (item.present.trigger, item.present.batch) if each)
    if item.held_quantity:
        yield exact(item.held_quantity)


def _blank(item: Item) -> Stocked:
    """A policy of the item's kind, whose levels are to be found."""
    review = {"review_period": item.review_period}
    rounding = {"minimum_order": item.minimum_order, "order_multiple": item.order_multiple}
    if item.kind == "rQ":
        return RQ(reorder_point=0, order_quantity=1, **review)
    if item.kind == "sS":
        return SS(reorder_point=0, order_up_to=1, **rounding, **review)
    return BaseStock(order_up_to=1, **rounding, **review)
