"""The levels of one item that are worth having, each with what a step up to it brings and takes.

Of all levels those on the upper hull of service over stock: no mix of others serves as much with
as little. Steps up the hull bring less and less for a unit of stock, which is what marginal
analysis needs: Sherbrooke, Optimal Inventory Modeling of Systems (2nd ed., 2004), ch. 2; Fox,
Discrete optimization via marginal analysis, Management Science 13 (1966).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlevel.studies.portfolio.store import Table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ENOUGH = 1e-4
"""No level is looked at above the first that misses a smaller share of the units."""
NOTHING = 1e-9
"""Levels that serve less than this share more than none are not told from it."""
MANY = 200
"""Levels of one item from which on those are left out that hardly differ from the one below:
by less than SERVED of the units, and with a step that brings less by no more than BRINGS."""
SERVED, BRINGS = 0.005, 0.05


class Ladder(NamedTuple):
    """Levels on the hull, lowest first."""

    level: Floats
    """Units: the reorder point, or S for base stock."""
    fill_rate: Floats
    on_hand: Floats
    """Mean, in units."""


def ladder(level: Floats, fill_rate: Floats, on_hand: Floats) -> Ladder:
    """The hull of all levels from the lowest, which holds least, up.

    >>> found = ladder(np.arange(4.0), np.array([0, 0.1, 0.6, 0.8]), np.array([0, 1.0, 2.0, 3.0]))
    >>> found.level.tolist()  # 1 serves less than half of what 2 does, and holds half as much
    [0.0, 2.0, 3.0]
    """
    enough = fill_rate >= 1 - ENOUGH
    last = int(np.argmax(enough)) if enough.any() else len(level) - 1
    most_so_far = np.maximum.accumulate(np.append(-np.inf, on_hand))[:-1]
    worth = (fill_rate > fill_rate[0] + NOTHING) & (on_hand > most_so_far)
    worth[0], worth[last + 1 :] = True, False
    kept = _hull(fill_rate, on_hand, np.flatnonzero(worth))
    if len(kept) > MANY:
        kept = _thinned(fill_rate, on_hand, kept)
    return Ladder(level[kept], fill_rate[kept], np.maximum(on_hand[kept], 0.0))


def _hull(fill_rate: Floats, on_hand: Floats, kept: Ints) -> Ints:
    """Those of *kept* that lie above the line between any two others."""
    while True:
        brings = np.diff(fill_rate[kept]) / np.diff(on_hand[kept])
        # Not above the line between its neighbours; or no better than the one before it.
        below = np.append(brings[1:] >= brings[:-1], brings[-1:] <= 0)
        if not below.any():
            return kept
        kept = np.delete(kept, np.flatnonzero(below) + 1)


def _thinned(fill_rate: Floats, on_hand: Floats, kept: Ints) -> Ints:
    """The highest of levels that are alike."""
    brings = np.diff(fill_rate[kept]) / np.diff(on_hand[kept])
    alike = np.floor(np.log(brings) / BRINGS), np.floor(fill_rate[kept[1:]] / SERVED)
    last = (np.diff(alike[0]) != 0) | (np.diff(alike[1]) != 0)
    return np.asarray(kept[np.append(True, np.append(last, True))])


_RUNG = "rung_"
"""How the columns begin that have an entry a level, not one an item."""


def columns_of(ladders: Mapping[int, Ladder]) -> Table:
    """The ladders of a chunk, one after the other; by the place of their item, in order."""
    if not ladders:
        return {}
    places = [np.full(len(each.level), place) for place, each in ladders.items()]
    return {
        f"{_RUNG}item": np.concatenate(places),
        **{
            f"{_RUNG}{name}": np.concatenate([getattr(each, name) for each in ladders.values()])
            for name in Ladder._fields
        },
    }


def places_of(table: Table) -> NDArray[np.int64]:
    """The place of the item that each level of a chunk is of."""
    return table.get(f"{_RUNG}item", np.empty(0, dtype=np.int64))


def rungs_of(table: Table, name: str) -> Floats:
    """``level``, ``fill_rate`` or ``on_hand`` of each level of a chunk."""
    return table.get(f"{_RUNG}{name}", np.empty(0))


def without_rungs(table: Table) -> Table:
    """The columns that have an entry an item."""
    if f"{_RUNG}item" not in table:
        return table
    return {name: table[name] for name in table if not name.startswith(_RUNG)}
