"""One item: what its present settings give, and the cheapest settings that meet its target."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from simlevel.errors import InputError, SimlevelError
from simlevel.model.fields import as_number, exact
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import RQ, SS, BaseStock, Stocked
from simlevel.studies.portfolio.ladder import ENOUGH, Ladder, ladder
from simlevel.studies.portfolio.simulated import SimulatedChoices
from simlevel.studies.portfolio.steps import Stepped
from simlevel.theory import catalogue
from simlevel.theory.choices import MET, Choices, SummedChoices, parameters
from simlevel.theory.lattice import Array, Law
from simlevel.theory.levels import Levels

SHARES = ("cycle_service_level", "fill_rate")
STOCKS = ("mean_on_hand", "mean_backorders", "orders_per_time")
SHOWN = (*SHARES, *STOCKS)
"""Measures that are worked out for each setting."""
IN_UNITS = ("mean_on_hand", "mean_backorders")
RATIO = 1.25
"""By how much neighbours differ among the order quantities that are looked at."""
PATIENCE = 2
HIGHEST = 10**7
"""Steps of stock above which no level is looked for."""
MOST_ORDERED = 10**5
"""Steps of stock above which no order quantity is looked at: that many take some ten seconds."""
NO_QUANTITY = "orders cost and stock does not, so no order quantity follows: the least is proposed"
NEAR = 16
"""Levels, at least, that are looked at first on either side of where the lowest one may be; a
deviation of demand where that is more."""


class NotSettledError(SimlevelError):
    """No settings can be worked out; says why."""


@dataclass(frozen=True)
class Item:
    """One item, in the portfolio's units of money and of time, which are its periods."""

    demand: Stepped
    lead_time: LeadTime
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

    @property
    def chooses_quantity(self) -> bool:
        """Q (or S - s) follows from costs, and is not held."""
        return self.held_quantity is None and self.order_cost > 0 and self.holding_cost > 0

    @property
    def lacks_holding_cost(self) -> bool:
        """Orders cost something and stock nothing: no Q follows from that, and it is the least."""
        chosen = self.held_quantity is None and self.kind != "base_stock"
        return chosen and self.order_cost > 0 and not self.holding_cost

    @property
    def economic_quantity(self) -> float:
        """Units."""
        return economic_quantity(self.order_cost, self.holding_cost, self.demand.mean)


def economic_quantity(order_cost: float, holding_cost: float, demand: float) -> float:
    """sqrt(2 K D / h), K an order's cost, D units a time unit, h a unit's holding; 0 if h is.

    Harris, How many parts to make at once (1913).

    >>> economic_quantity(20.0, 0.1, 4.0)
    40.0
    """
    return math.sqrt(2 * order_cost * demand / holding_cost) if holding_cost else 0.0


@dataclass(frozen=True)
class Setting:
    """A policy and what it gives in the long run."""

    policy: Stocked
    measures: Mapping[str, float]

    def cost(self, item: Item) -> float:
        """Money per time unit."""
        return sum(price * self.measures[name] for name, price in _prices(item).items())


class Shelf:
    """All levels and order quantities of one item, under policies of its kind.

    Everything is counted in the steps of its demand; settings come with the measures *shown*.
    Where no theory covers the item they are simulated, on the random numbers of *seed*.
    """

    def __init__(self, item: Item, seed: int, shown: Sequence[str] = SHOWN) -> None:
        self._item, self._unit, self.shown = item, item.demand.step, shown
        self._seed = seed
        _bounded(item)
        self._policy = _blank(item)
        self._law = item.demand.under(self._policy)
        self._half = item.demand.half / self._unit
        self._owed, self._size = float(self._half), float(self._unit)
        if item.kind == "sS" and item.held_quantity:
            self._half = Fraction(0)  # S - s leaves no room for it
        least = exact(item.minimum_order or 0) / self._unit
        self._least = self._rounded(least + (self._half if item.kind == "sS" else 0))
        self._choices = self._all_of(self._policy, self._law)

    def _all_of(self, policy: Stocked, law: Law) -> Choices:
        lead_time = self._item.lead_time
        levels = catalogue.period_levels(law, lead_time, policy)
        if isinstance(levels, str) or not self._has_positions(levels):
            return SimulatedChoices(law, lead_time, policy, self._seed)
        return SummedChoices(None, levels)

    def _has_positions(self, levels: Levels) -> bool:
        """Not where wide multiples leave more positions after an order than there is time for."""
        try:
            levels.totals("orders", self._least, 0, 1)
        except InputError:
            return False
        return True

    @property
    def how(self) -> str:
        """Where measures come from: theory, or the engine."""
        return "simulated" if isinstance(self._choices, SimulatedChoices) else "exact"

    def present(self) -> Setting | None:
        """What the settings in use give; None where there are none.

        Those that lie between two steps are worth what lies between, in proportion.
        """
        policy = self._item.present
        if policy is None:
            return None
        kind, level = policy.kind, exact(policy.trigger) / self._unit
        law = self._item.demand.under(policy)
        span = exact(policy.batch) / self._unit
        if max(abs(level), span) > MOST_ORDERED:
            expected = f"settings in use of at most {MOST_ORDERED:,} steps of stock"
            raise NotSettledError(f"expected {expected}, found more")
        if kind == "base_stock" and self._item.kind == "sS":
            # Ordering whenever below S is ordering at a step below it.
            kind, span, level = "sS", Fraction(1), level - 1
        elif kind != "base_stock":
            level -= self._half
            span = max(span + (self._half if kind == "sS" else 0), Fraction(1))
        blank = of_kind(kind, policy.review_period)
        known = blank == self._policy and law is self._law
        choices = self._choices if known else self._all_of(blank, law)
        found = dict.fromkeys(self.shown, 0.0)
        for (at, of_span), (height, of_level) in itertools.product(_beside(span), _beside(level)):
            if share := of_span * of_level:
                for name in self.shown:
                    found[name] += share * self._value(choices, name, at, height)
        return Setting(policy, found)

    def cheapest(self) -> Setting:
        """The cheapest settings that meet the target.

        The level is the lowest that meets it with Q (or S - s) held; quantities are looked at
        from the economic one up and down by RATIO until PATIENCE of them are no cheaper: cost
        is flat there.
        """
        first = next(self._spans(1), None)
        if first is None:
            raise NotSettledError(f"economic order quantity above {MOST_ORDERED:,} steps of stock")
        best = first, self._lowest(first, self._about)
        least = self._cost(*best) if self._item.chooses_quantity else 0.0
        for ratio in (RATIO, 1 / RATIO) if self._item.chooses_quantity else ():
            worse, near = 0, best[1]
            for span in itertools.islice(self._spans(ratio), 1, None):
                near = self._lowest(span, near)
                cost = self._cost(span, near)
                worse = 0 if cost < least else worse + 1
                if not worse:
                    best, least = (span, near), cost
                if worse == PATIENCE:
                    break
        return self._setting(*best)

    def ladder(self, policy: Stocked) -> Ladder:
        """The levels worth having with Q (or S - s) as *policy* has it, from no stock at all."""
        above = Fraction(0) if policy.kind == "base_stock" else self._half
        batch = exact(policy.batch) / self._unit
        span = round(batch + above if policy.kind == "sS" else batch)
        first, count = -span, span + 2 * max(self._about, 0) + 8 * self._near
        pieces = [self._choices.values("fill_rate", span, first, count)]
        while pieces[-1][-1] < 1 - ENOUGH and count < HIGHEST:
            pieces.append(self._choices.values("fill_rate", span, first + count, count))
            count *= 2
        served = np.concatenate(pieces)
        count = int(np.argmax(served >= 1 - ENOUGH)) + 1 if served[-1] >= 1 - ENOUGH else count
        on_hand = self._size * self._choices.values("mean_on_hand", span, first, count)
        levels = np.arange(first, first + count, dtype=np.float64) + float(above)
        return ladder(self._size * levels, served[:count], on_hand)

    def _spans(self, ratio: float) -> Iterator[int]:
        """Quantities to look at, in steps, from the economic one."""
        item = self._item
        if item.kind == "base_stock" or not item.chooses_quantity:
            held = exact(item.held_quantity or 0) / self._unit
            yield 0 if item.kind == "base_stock" else max(self._rounded(held), self._least)
            return
        wanted, last = max(item.economic_quantity / self._size, self._least), 0
        while self._least <= wanted <= MOST_ORDERED:
            span = self._rounded(wanted)
            if span != last:
                yield span
            if ratio == 1:
                return
            last, wanted = span, wanted * ratio

    def _rounded(self, steps: float | Fraction) -> int:
        """At least one step, and a multiple of what orders are multiples of."""
        multiple = _up_to_step(self._item.order_multiple, self._unit) or 1
        return max(math.ceil(steps / multiple), 1) * multiple

    def _setting(self, span: int, level: int) -> Setting:
        item = self._item
        new: dict[str, float | None] = {**parameters(item.kind, self._unit, span, level)}
        if item.kind != "base_stock":
            new["reorder_point"] = as_number((level + self._half) * self._unit)
        if item.kind != "rQ":
            new |= {"minimum_order": item.minimum_order, "order_multiple": item.order_multiple}
        measures = {name: self._value(self._choices, name, span, level) for name in self.shown}
        return Setting(self._policy.model_copy(update=new), measures)

    def _value(self, choices: Choices, name: str, span: int, level: int) -> float:
        value = float(self._values(choices, name, span, level, 1)[0])
        return value * self._size if name in IN_UNITS else value

    def _values(self, choices: Choices, name: str, span: int, first: int, count: int) -> Array:
        """A measure at the levels first, ..., first + count - 1.

        Half of what the step 0 of net inventory stands for is owed: where not owing anything is
        what counts, that is as good as all levels half a step lower.
        """
        if name != "cycle_service_level" or not self._owed:
            return choices.values(name, span, first, count)
        values = choices.values(name, span, first - 1, count + 1)
        return (1 - self._owed) * values[1:] + self._owed * values[:-1]

    def _cost(self, span: int, level: int) -> float:
        prices = _prices(self._item).items()
        return sum(each * self._value(self._choices, name, span, level) for name, each in prices)

    def _lowest(self, span: int, near: int) -> int:
        """The lowest level at which the target is met, with Q or S - s held.

        Service rises with the level: looked for from *near*, ever farther away.
        """
        name, asked = self._item.target
        lowest = -span  # below it nothing is on the shelf
        first, count = max(near - self._near, lowest), 2 * self._near
        while first < HIGHEST:
            met = self._values(self._choices, name, span, first, count) >= asked - MET
            if not met.any():
                lowest = first = first + count
            elif not met[0] or first == lowest:
                return first + int(np.argmax(met))
            else:
                first = max(first - 2 * count, lowest)
            count *= 2
        raise NotSettledError(f"no level meets {name} {asked:g}")

    @cached_property
    def _near(self) -> int:
        return max(NEAR, int(self._item.demand.sd / self._size))

    @property
    def _about(self) -> int:
        """A level that may well meet the target."""
        until = self._item.lead_time.mean() + (self._item.review_period or 0)
        demand = self._item.demand
        about = demand.mean * until + 2 * demand.sd * math.sqrt(until)
        return int(about / self._size)


def raised(held: float, quantity: float) -> str:
    """What is said of an item whose orders cannot be as small as they are held; else nothing."""
    if not quantity > held:
        return ""
    return f"order_quantity: {held:.10g} raised to {quantity:.10g}, the least that orders may be"


def _beside(quantity: Fraction) -> tuple[tuple[int, float], tuple[int, float]]:
    """The steps beside *quantity*, and how much of each it is."""
    below = math.floor(quantity)
    above = float(quantity - below)
    return (below, 1 - above), (below + 1, above)


def _prices(item: Item) -> dict[str, float]:
    """What each measure costs."""
    prices = {
        "orders_per_time": item.order_cost,
        "mean_on_hand": item.holding_cost,
        "mean_backorders": item.backorder_cost,
    }
    return {name: price for name, price in prices.items() if price}


def _up_to_step(quantity: float | None, step: Fraction) -> int | None:
    """*quantity* as a whole number of steps, rounded up."""
    return None if quantity is None else math.ceil(exact(quantity) / step)


def _bounded(item: Item) -> None:
    """Raises NotSettledError where orders are too large to be looked at."""
    given = item.minimum_order, item.order_multiple, item.held_quantity
    if max(exact(quantity or 0) for quantity in given) / item.demand.step > MOST_ORDERED:
        expected = f"minimum order, multiple and order quantity of at most {MOST_ORDERED:,} steps"
        raise NotSettledError(f"expected {expected} of stock, found more")


def _blank(item: Item) -> Stocked:
    """A policy of the item's kind, in steps, whose levels are to be found."""
    blank, step = of_kind(item.kind, item.review_period), item.demand.step
    if item.kind == "rQ":
        return blank  # Q is a multiple itself
    multiple, least = item.order_multiple, item.minimum_order
    new = {"order_multiple": _up_to_step(multiple, step)}
    if item.kind == "base_stock":  # S - s is never below it
        new["minimum_order"] = _up_to_step(least, step)
    return blank.model_copy(update=new)


def of_kind(kind: str, review: float | None) -> Stocked:
    """A policy of one kind, whose levels are to be found."""
    if kind == "rQ":
        return RQ(reorder_point=0, order_quantity=1, review_period=review)
    if kind == "sS":
        return SS(reorder_point=0, order_up_to=1, review_period=review)
    return BaseStock(order_up_to=1, review_period=review)
