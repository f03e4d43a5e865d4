"""What no larger Q (or S - s) can undercut: where an enumeration may end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simlevel import words
from simlevel.model.fields import exact
from simlevel.model.policy import RQ, SS
from simlevel.model.scenario import Scenario
from simlevel.theory.choices import MET, Choices, SummedChoices, weights
from simlevel.theory.lattice import Array, Law
from simlevel.theory.levels import Levels
from simlevel.theory.position import renewal_mass

ODDS = (0.1, 0.5, 1.0, 3.0, 9.0, 24.0, 99.0)
"""How many times more below a target than it may be above: where positions are cut in two."""
MOST_VISITED = 20_001
"""Positions from S whose visits are counted."""
REACH = 2048
"""Steps on either side of 0 that are looked at first."""


class Cut(NamedTuple):
    """At least a *share* of the positions are above *place*, whatever the span."""

    place: int
    share: float


@dataclass(frozen=True)
class Floor:
    """A lower bound on the cost of all that has a span, Q or S - s, of so much or more.

    The cost is at least the mean over the positions of what one costs in stock, backorders
    and shortages, and at least that in stock alone.

    1. No position of (r, Q) has more than 1/Q of the probability, none of (s, S) more than 1/M,
       where M is the number of positions that a cycle visits on average. So the mean is at
       least that of the Q, or M, positions that cost least, and that only rises with Q. This
       is what ends the algorithm of Federgruen and Zheng (1992).
    2. A target on a mean over positions of something that rises with them, and is at most 1,
       say, leaves a known share of them above any place. Those are at least so many, and
       stock only rises with the position. For (s, S), since no stretch of positions is visited
       more often than the first of its length from S, half of the visits are to the upper half
       of any stretch below S, and a quarter to the upper quarter.
    3. Orders come from at or below the reorder point, so a target on what receipts find, or on
       demand in lead times, says above which place all positions are.
    4. The best (s, S) of all, without a target, has between s and S only positions that cost
       no more than it does itself: Zheng and Federgruen (1991).
    """

    many: Callable[[int], int]
    """By span: one over the largest probability that a position may have."""
    sorted_costs: Array
    beyond: float
    """What positions that are not listed cost at least."""
    unstocked: float
    """What it costs to have no stock at all; infinite where that grows without end."""
    cuts: tuple[Cut, ...]
    visits: Array | None
    """Of (s, S): the mean number of visits to the first 0, 1, 2, ... positions from S."""
    held: Array
    """Sums of the mean on hand at the positions from one that is below all cuts."""
    lowest: int
    """That position."""
    holding: float
    constant: float
    is_free: bool
    """Nothing but the cost is asked for, and positions have one bottom."""

    def excludes(self, span: int, best: float) -> bool:
        """Nothing with that *span* or more costs less than *best*."""
        if self.visits is not None and self.is_free:
            within = np.searchsorted(self.sorted_costs, best - self.constant, side="right")
            if best - self.constant < self.beyond and span > within:
                return True
        return self.cost(span) > best

    def cost(self, span: int) -> float:
        """Of all that have that *span* or more."""
        return (
            max(self._cheapest(self.many(span)), self.holding * self.on_hand(span)) + self.constant
        )

    def on_hand(self, span: int) -> float:
        """Mean on hand of all that have that *span* or more and meet the targets."""
        return max((self._above(cut, span) for cut in self.cuts), default=0.0)

    def is_hopeless(self, span: int, best: float) -> bool:
        """Costs fall towards those of no stock at all, and never below."""
        listed = self.sorted_costs[self.sorted_costs < self.unstocked]
        return (
            not self.cuts
            and 0 < self.unstocked < math.inf
            and self.many(span) > len(listed)
            and span > REACH // 4
            and best >= self.unstocked + self.constant
        )

    def _cheapest(self, count: int) -> float:
        listed = self.sorted_costs[:count]
        return float((listed.sum() + (count - len(listed)) * self.beyond) / count)

    def _above(self, cut: Cut, span: int) -> float:
        if self.visits is None:
            count = math.ceil(cut.share * span - 1e-9)
            return cut.share * self._held(cut.place + 1, cut.place + count)
        mass = self.visits[min(span, len(self.visits) - 1)]
        count = int(np.searchsorted(self.visits, cut.share * mass * (1 - 1e-12)))
        places = [cut.place + 1, cut.place + count // 2 + 1, cut.place + 3 * count // 4 + 1]
        low, half, upper = (self._held(place, place) for place in places)
        return cut.share * (low / 2 + half / 4 + upper / 4)

    def _held(self, first: int, last: int) -> float:
        """Mean on hand at the positions first, ..., last, or less where they are not listed:
        it is convex in the position, so that it goes on at least as it last rose."""
        listed = len(self.held) - 1
        start, end = (min(max(at - self.lowest, 0), listed) for at in (first, last + 1))
        summed = float(self.held[end] - self.held[start])
        past = self.lowest + listed
        if unlisted := range(max(first, past), last + 1):
            before, top = np.diff(self.held[-3:])
            middle = (unlisted[0] + unlisted[-1]) / 2
            summed += len(unlisted) * float(top + (top - before) * (middle - past + 1))
        return summed / (last + 1 - first)


def floor_of(
    scenario: Scenario,
    policy_name: str,
    targets: Mapping[str, float],
    fix: Mapping[str, float],
    choices: Choices,
) -> Floor | None:
    """The bound for a policy; None where positions have no such law (a pattern with (s, S), a
    least order or order multiple), or points are derived one by one."""
    policy = scenario.policies[policy_name]
    if not isinstance(choices, SummedChoices) or not isinstance(policy, (RQ, SS)):
        return None
    levels = choices.levels
    plain = isinstance(policy, RQ) or not (policy.minimum_order or policy.order_multiple)
    if not plain or (isinstance(policy, SS) and len(levels.phases) > 1):
        return None
    if isinstance(policy, RQ) and _skips(levels):
        return None
    visits = None if isinstance(policy, RQ) else _visits(levels)
    money = scenario.costs
    holding = 1.0 if money is None else money.holding_rate(scenario.time_unit)
    costs = _position_costs(scenario, levels)
    inside = costs[costs <= min(costs[0], costs[-1])]
    demanded = levels.totals("units_demanded", 1, 0, 1)
    assert demanded is not None

    def many(span: int) -> int:
        return span if visits is None else max(int(visits[min(span, len(visits) - 1)] + 1e-9), 1)

    width = _width(scenario, levels)
    on_hand = levels.at_position("area_on_hand", -width, width)
    assert on_hand is not None
    return Floor(
        many=many,
        sorted_costs=np.sort(inside),
        beyond=float(min(costs[0], costs[-1])),
        unstocked=(
            float(money.shortage * demanded[0]) if money and not money.backorder else math.inf
        ),
        cuts=tuple(_cuts(scenario, targets, fix, levels)),
        visits=visits,
        held=np.append(0.0, np.cumsum(on_hand)),
        lowest=-width,
        holding=holding,
        constant=float(money.purchase * demanded[0]) if money else 0.0,
        is_free=not targets and not fix and not (money and money.shortage),
    )


def _skips(levels: Levels) -> bool:
    """Demand leaves some positions of (r, nQ) out for good, whatever Q."""
    steps = [phase.step for phase in levels.phases]
    least = [law.low + int(np.flatnonzero(law.mass > 0)[0]) for law in steps]
    spans = [law.shifted(-first).divisor() for law, first in zip(steps, least, strict=True)]
    return math.gcd(sum(least), *spans) != 1


def _visits(levels: Levels) -> Array:
    moves = levels.phases[0].step.given_positive()
    return np.append(0.0, np.cumsum(renewal_mass(moves, MOST_VISITED)))


def _position_costs(scenario: Scenario, levels: Levels) -> Array:
    """What each position costs but for orders and purchases, far to both sides."""
    objective = "mean_on_hand" if scenario.costs is None else "cost_per_time"
    parts = {total: price for total, price in weights(objective, scenario).items()
             if total not in ("orders", "units_ordered")}  # fmt: skip
    width = _width(scenario, levels)
    costs = np.zeros(2 * width + 1)
    for total, price in parts.items():
        found = levels.at_position(total, -width, width)
        assert found is not None
        costs += price * found
    return costs


def _width(scenario: Scenario, levels: Levels) -> int:
    """Steps on either side of 0: past all demand, and many times the economic order quantity,
    so that what is beyond costs more than any optimum."""
    most = max(law.high for phase in levels.phases for _, law in phase.clock)
    most += max(each.size.high for phase in levels.phases for each in phase.customers)
    lot = economic_lot(scenario) / float(levels.step)
    return int(min(max(REACH, 2 * most + 8 * lot), 2**20))


def economic_lot(scenario: Scenario) -> float:
    """The economic order quantity, in units, or more: with the cheaper of stock and backorders
    for both. Harris (1913). 0 without costs."""
    if (money := scenario.costs) is None:
        return 0.0
    prices = [money.holding_rate(scenario.time_unit), money.backorder]
    slowest = min([price for price in prices if price], default=1.0)
    return math.sqrt(4 * money.order * scenario.demand.units_per_time() / slowest)


def _cuts(
    scenario: Scenario, targets: Mapping[str, float], fix: Mapping[str, float], levels: Levels
) -> Iterator[Cut]:
    if "reorder_point" in fix:
        yield Cut(int(exact(fix["reorder_point"]) / levels.step), 1.0)
    for name, asked in targets.items():
        yield from _cuts_of_mean(scenario, name, asked, levels)
        place = _least_reorder_point(name, asked, levels)
        if place is not None:
            yield Cut(place, 1.0)


def _cuts_of_mean(scenario: Scenario, name: str, asked: float, levels: Levels) -> Iterator[Cut]:
    """What a target on a mean over positions says of where they are."""
    word = words.measure(name)
    if name not in _FALLING and not word.is_share:
        return
    width = _width(scenario, levels)
    sign, most = (1.0, 1.0) if word.is_share else (-1.0, 0.0)
    below = levels.at_position(word.denominator, -width, width)
    value = np.zeros(2 * width + 1)
    for total, weight in weights(name, scenario).items():
        part = levels.at_position(total, -width, width)
        if part is None or below is None:
            return
        value += sign * weight * part
    assert below is not None
    value = np.minimum(value / below, most)
    least = sign * asked - 2 * MET * max(1.0, abs(asked))
    for odds in (0.0, *ODDS):
        under = np.flatnonzero(value <= least - odds * (most - least) - 1e-9)
        if len(under):
            at = int(under[-1])
            yield Cut(at - width, float((least - value[at]) / (most - value[at])))


_FALLING = ("mean_wait", "mean_backorders", "backorder_cost", "shortage_cost")
"""Targets of at most on means over positions, none below 0, that fall as they rise."""


def _least_reorder_point(name: str, asked: float, levels: Levels) -> int | None:
    """The lowest reorder point at which a target on receipts, or lead times, can be met."""
    asked -= 2 * MET * max(1.0, abs(asked))
    during = [law for phase in levels.phases for _, law in phase.receipts]
    if name == "cycle_service_level":
        return min(law.low + int(np.argmax(np.cumsum(law.mass) >= asked)) for law in during)
    if name == "safety_stock":
        return math.ceil(min(law.mean() for law in during) + asked / float(levels.step) - 1e-9)
    if name == "lead_time_fill_rate":
        sizes = [each.size for phase in levels.phases for each in phase.customers]
        return min(_least_served(size, asked) for size in sizes)
    return None


def _least_served(size: Law, asked: float) -> int:
    """The stock from which a customer gets the share *asked* of what he wants, on average."""
    sold = np.append(0.0, np.cumsum(size.at_least(1, max(size.high, 1))))
    return int(np.argmax(sold >= asked * size.mean()))
