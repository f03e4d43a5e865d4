"""The first of many levels at which something holds, found in few looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError

FARTHEST = 2**20
"""Steps from 0 at which no level is looked for."""
MOST_AIMED = 8
"""Looks that a straight line may lead to; one that creeps is given up."""
TINY = 1e-300
Margin: TypeAlias = Callable[[int, int], NDArray[np.float64]]
"""By how much something holds at levels, from the first, so many; below 0 where it does not."""


def signed(holds: NDArray[np.bool_], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """A margin: above 0 where something *holds*, below 0 elsewhere, and never 0."""
    size = np.abs(np.where(np.isnan(size), math.inf, size)) + TINY
    return np.where(holds, size, -size)


def first_level(margin: Margin, guess: int, glance: int) -> int | None:
    """The first level at which what holds from some level on holds; None where it holds at all.

    *glance* levels at a time: from a *guess* ever farther off, or where a straight line through
    the margins of two levels puts it, then between two; by halves where that is slow. The level
    found is one that holds beside one that does not, whatever the margins are between. Raises
    InputError where it holds nowhere.

    >>> first_level(lambda at, n: np.arange(at, at + n) - 6.5, guess=40, glance=1)
    7
    """
    bad, good, leap = -FARTHEST, FARTHEST, glance
    low = guess - glance // 2
    points: list[tuple[int, float]] = []
    widths = [good - bad]
    while -FARTHEST <= low < FARTHEST:
        here = margin(low, glance)
        if here[0] > 0:
            good, place = low, 0
        elif here[-1] < 0:
            bad, place = low + glance - 1, glance - 1
        else:
            return low + int(np.argmax(here > 0))
        if bad + 1 >= good:
            return good
        leap *= 3
        points.append((low + place, float(here[place])))
        widths.append(good - bad)
        aim = _crossing(points) if len(points) <= MOST_AIMED else None
        if bad == -FARTHEST:
            low = good - leap if aim is None else min(max(aim, good - 9 * leap), good - 1)
        elif good == FARTHEST:
            low = bad + leap if aim is None else max(min(aim, bad + 9 * leap), bad + 1)
        else:
            slow = 2 * widths[-1] > widths[-3]
            middle = (bad + good + 1) // 2 if aim is None or slow else aim
            low = min(max(middle - glance // 2, bad + 1), good - 1)
    if bad == -FARTHEST:
        return None
    raise InputError(f"expected levels within {FARTHEST:,} steps of 0, found none that will do")


def _crossing(points: Sequence[tuple[int, float]]) -> int | None:
    """The level at which a straight line rises above 0: through the last point and the last on
    the other side of 0, or the one before; None where there is no such line."""
    *before, (last, height) = points
    other = next((p for p in reversed(before) if p[1] * height < 0), before[-1] if before else None)
    if other is None or not math.isfinite(rise := height - other[1]) or not rise:
        return None
    aim = last - height * (last - other[0]) / rise
    ahead = (aim - last) * height <= 0
    return math.ceil(aim) if ahead and abs(aim) < FARTHEST else None
