"""The whole portfolio as one: most service for the investment, by marginal analysis.

Each item climbs its ladder of levels, and whichever next step of any item brings most service for
its investment is taken first. That is the exchange curve, and where the target is met, the system
optimum: Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains (4th ed.,
2017), ch. 7; Sherbrooke, Optimal Inventory Modeling of Systems (2nd ed., 2004), ch. 2. The last
step is found by counting, in a few passes over the chunks, so that memory does not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlevel.model.portfolio import Portfolio
from simlevel.studies.portfolio.ladder import NOTHING, places_of, rungs_of, without_rungs
from simlevel.studies.portfolio.store import Table, column
from simlevel.theory.choices import MET

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Tables = Callable[[], Iterable[Table]]
"""The chunks from the first on, as often as they are asked for."""

WEIGHTS = {"unit": "mean", "line": "lines", "value": "value"}
"""What a share counts, and its column: units, order lines (periods with demand), or money."""
MULTIPLIERS = 10.0 ** (np.arange(-160, 161) / 16)
"""Of the curve: investment for one more of the weight, per time unit, that is served at once."""
BINS = 4096
"""Into how many the steps around the target are parted in a pass."""


class Point(NamedTuple):
    """All items at once."""

    fill_rate: float
    """By the weight of the system."""
    investment: float
    """Mean: money; units on hand where the items have no value."""


class Cut(NamedTuple):
    """The steps that are taken: those that bring more for their investment, and some as good."""

    brings: float
    """Service per time unit for a unit of investment."""
    alike: int
    """How many of those that bring just that: the first ones, in the order of the items."""


@dataclass(frozen=True)
class Optimum:
    """Where each item stands on its ladder, and what that comes to."""

    weight: str
    priced: bool
    """Whether investment is money."""
    items: int
    """With a ladder, a weight, and a price where investment is money."""
    settled: int
    """With settings proposed."""
    target: float
    asked: bool
    """Whether the portfolio file asks for it; else it is what the items' own targets come to."""
    equal_target: Point
    """With the settings that meet the items' own targets."""
    present: Point | None
    """With the settings in use; None where not all these items have some."""
    reached: Point
    could_be_less: float
    """What another mix of the levels that are kept could save at most: the part of the last step
    that is not needed."""
    empty: int
    """Items that are left at their lowest level, at which nothing is held."""
    curve: tuple[Point, ...]
    """A point for each multiplier at which something changes."""
    cut: Cut


class _Steps(NamedTuple):
    """The steps of a chunk, each item's in order, one item after another."""

    item: Ints
    gain: Floats
    """Service per time unit, in the weight of the system."""
    cost: Floats
    brings: Floats
    """Gain by cost; no more than the item's step before."""


def optimum(portfolio: Portfolio, tables: Tables) -> Optimum | str:
    """The mix of levels that meets the system's target with least; or why there is none."""
    if portfolio.history is None:
        return "demand is known by its moments, and levels other than those proposed are not kept"
    market = _Market(portfolio)
    sums = market.sums(tables())
    if not sums.items:
        return "no item has levels to choose from"
    target = portfolio.system.fill_rate or sums.equal.fill_rate
    cut = _cut(market, tables, (target - sums.least.fill_rate - MET) * sums.whole)
    if cut is None:
        return f"no levels that are looked at serve {100 * target:.6g} %"
    served, invested, empty = 0.0, 0.0, 0
    for table, settings in _settled(market, tables(), cut):
        share, on_hand = (settings[f"system_{name}"] for name in ("fill_rate", "mean_on_hand"))
        served += float(np.nansum(market.weight(table) * share))
        invested += float(np.nansum(market.price(table) * on_hand))
        empty += int((share <= NOTHING).sum())
    return Optimum(
        weight=market.name, priced=market.priced, items=sums.items, settled=sums.settled,
        target=target, asked=portfolio.system.fill_rate is not None, equal_target=sums.equal,
        present=sums.present if sums.compared == sums.items else None,
        reached=Point(served / sums.whole, invested),
        could_be_less=max(served - target * sums.whole, 0.0) / cut.brings,
        empty=empty, curve=_curve(market, tables, sums), cut=cut,
    )  # fmt: skip


def with_system(portfolio: Portfolio, tables: Iterable[Table], cut: Cut | None) -> Iterator[Table]:
    """*tables*, with the columns of the system optimum in the place of the ladders."""
    if cut is None:
        yield from map(without_rungs, tables)
        return
    for table, settings in _settled(_Market(portfolio), tables, cut):
        yield {**without_rungs(table), **settings}


def _settled(market: _Market, tables: Iterable[Table], cut: Cut) -> Iterator[tuple[Table, Table]]:
    """Each chunk, and its columns of the system optimum."""
    left = cut.alike
    for table in tables:
        steps = market.steps(table)
        taken = steps.brings > cut.brings
        alike = np.flatnonzero(steps.brings == cut.brings)[:left]
        taken[alike] = True
        left -= len(alike)
        yield table, market.settings(table, steps.item[taken])


class _Sums(NamedTuple):
    """Over all chunks, before anything is chosen."""

    items: int
    settled: int
    compared: int
    """Of the items, those with settings in use."""
    whole: float
    """The weight of the items."""
    least: Point
    """At the lowest levels."""
    equal: Point
    present: Point


class _Market:
    """What service counts and what stock costs, in all chunks alike."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.priced = portfolio.items.unit_value is not None
        self.name = portfolio.system.weight or ("value" if self.priced else "unit")

    def weight(self, table: Table) -> Floats:
        return column(table, WEIGHTS[self.name])

    def price(self, table: Table) -> Floats:
        return column(table, "unit_value") if self.priced else np.ones(len(table["item"]))

    def joins(self, table: Table) -> NDArray[np.bool_]:
        """The items that have all it takes."""
        laddered = np.zeros(len(table["item"]), dtype=np.bool_)
        laddered[places_of(table)] = True
        return laddered & (self.weight(table) > 0) & (self.price(table) > 0)

    def steps(self, table: Table) -> _Steps:
        item = places_of(table)
        climbs = (item[1:] == item[:-1]) & self.joins(table)[item[1:]]
        item = item[1:][climbs]
        gain, cost = (np.diff(rungs_of(table, name))[climbs] for name in ("fill_rate", "on_hand"))
        weight, price = self.weight(table)[item], self.price(table)[item]
        return _Steps(item, weight * gain, price * cost, gain / cost * (weight / price))

    def lowest(self, table: Table) -> Ints:
        """The place of the lowest rung of each item that joins."""
        item = places_of(table)
        return np.flatnonzero(np.diff(item, prepend=-1).astype(bool) & self.joins(table)[item])

    def sums(self, tables: Iterable[Table]) -> _Sums:
        items = settled = compared = 0
        whole, points = 0.0, np.zeros((3, 2))
        for table in tables:
            joins, weight, price = self.joins(table), self.weight(table), self.price(table)
            answers = self._answers(table)
            for place, (served, held) in enumerate(answers):
                points[place] += (np.nansum((weight * served)[joins]),
                                  np.nansum((price * held)[joins]))  # fmt: skip
            has, uses = (~np.isnan(served) for served, _ in answers[1:])
            items, settled = items + int(joins.sum()), settled + int(has.sum())
            compared += int((joins & uses).sum())
            whole += float(weight[joins].sum())
        shares = points[:, 0] / (whole or 1.0)
        found = map(Point, shares.tolist(), points[:, 1].tolist())
        return _Sums(items, settled, compared, whole, *found)

    def _answers(self, table: Table) -> list[tuple[Floats, Floats]]:
        """Fill rates and means on hand: at the lowest levels, as proposed, and in use."""
        lowest = self.lowest(table)
        least = [_spread(table, places_of(table)[lowest], rungs_of(table, name)[lowest])
                 for name in ("fill_rate", "on_hand")]  # fmt: skip
        others = [(column(table, f"{side}_fill_rate"), column(table, f"{side}_mean_on_hand"))
                  for side in ("proposed", "present")]  # fmt: skip
        return [(least[0], least[1]), *others]

    def settings(self, table: Table, climbed: Ints) -> Table:
        """The columns of the system optimum; *climbed* has an item once for each step taken."""
        lowest = self.lowest(table)
        item = places_of(table)[lowest]
        rung = lowest + np.bincount(climbed, minlength=len(table["item"]))[item]
        level, served, held = (_spread(table, item, rungs_of(table, name)[rung])
                               for name in ("level", "fill_rate", "on_hand"))  # fmt: skip
        low, top = (column(table, f"proposed_{name}") for name in ("reorder_point", "order_up_to"))
        alone = np.isnan(low)  # base stock: its level is S
        return {
            "system_reorder_point": np.where(alone, np.nan, level),
            "system_order_up_to": np.where(alone, level, level + top - low),
            "system_fill_rate": served,
            "system_mean_on_hand": held,
            "system_investment": held * column(table, "unit_value"),
        }


def _spread(table: Table, item: Ints, values: Floats) -> Floats:
    """*values* of some items as a column; NaN for the others."""
    found = np.full(len(table["item"]), np.nan)
    found[item] = values
    return found


class _Binned(NamedTuple):
    """Steps by what they bring, least first: an entry a bin."""

    gain: Floats
    cost: Floats
    low: Floats
    high: Floats
    """What the steps in a bin bring: the least and the most."""


def _binned(
    market: _Market, tables: Tables, edges: Floats, low: float = 0.0, high: float = np.inf
) -> _Binned:
    """Those steps that bring from *low* to *high*; bin n is above n of the *edges*."""
    bins = len(edges) + 1
    found = _Binned(np.zeros(bins), np.zeros(bins), np.full(bins, np.inf), np.zeros(bins))
    for table in tables():
        steps = market.steps(table)
        some = (steps.brings >= low) & (steps.brings <= high)
        brings = steps.brings[some]
        place = np.searchsorted(edges, brings, side="left")
        found.gain[:] += np.bincount(place, steps.gain[some], bins)
        found.cost[:] += np.bincount(place, steps.cost[some], bins)
        np.minimum.at(found.low, place, brings)
        np.maximum.at(found.high, place, brings)
    return found


def _cut(market: _Market, tables: Tables, goal: float) -> Cut | None:
    """The last step that is needed to gain *goal*; None where all steps together do not."""
    if goal <= 0:
        return Cut(np.inf, 0)
    before, edges, low, high = 0.0, 1 / MULTIPLIERS[::-1], 0.0, np.inf
    while low < high:
        found = _binned(market, tables, edges, low, high)
        gained = before + np.cumsum(found.gain[::-1])[::-1]
        there = np.flatnonzero(found.gain > 0)
        enough = there[gained[there] >= goal]
        if not len(enough) and low == 0.0:
            return None
        place = enough[-1] if len(enough) else there[0]  # rounding may lack a little of the goal
        before = float(gained[place] - found.gain[place])
        low, high = float(found.low[place]), float(found.high[place])
        edges = np.linspace(low, high, BINS + 1)[:-1]
    return Cut(low, _alike(market, tables, low, goal - before))


def _alike(market: _Market, tables: Tables, brings: float, goal: float) -> int:
    """How many of the steps that bring just that it takes to gain *goal*."""
    count, gained = 0, 0.0
    for table in tables():
        steps = market.steps(table)
        so_far = gained + np.cumsum(steps.gain[steps.brings == brings])
        enough = so_far >= goal
        if enough.any():
            return count + int(np.argmax(enough)) + 1
        count, gained = count + len(so_far), float(so_far[-1]) if len(so_far) else gained
    return count


def _curve(market: _Market, tables: Tables, sums: _Sums) -> tuple[Point, ...]:
    """The exchange curve: what is taken at each multiplier."""
    found = _binned(market, tables, 1 / MULTIPLIERS[::-1])
    served = sums.least.fill_rate + np.append(0.0, np.cumsum(found.gain[::-1]) / sums.whole)
    invested = sums.least.investment + np.append(0.0, np.cumsum(found.cost[::-1]))
    changes = np.append(True, np.diff(served) > 0)
    return tuple(map(Point, served[changes].tolist(), invested[changes].tolist()))
