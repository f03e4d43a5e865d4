"""Histories as counts: what each item's likelihood needs of its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

DECIMALS = 9
"""A grid is never finer than this: what is recorded beyond is the noise of a division."""
FINE = 1000
"""Steps in the mean quantity above 0, at least, beyond which a finer grid is of no use to stock;
what is smaller than half a step counts as one, or dust would decide which law is taken."""


def grid_of(history: Array) -> Array:
    """The step each item's quantities are whole multiples of: 1, or a decimal such as 0.01.

    *history* is items x periods, in units; NaN where a period is not known. Fractions finer than
    a thousandth of an item's mean quantity are rounded off.
    """
    grid = np.ones(len(history))
    left = np.arange(len(history))
    for decimals in range(DECIMALS + 1):
        grid[left] = 10.0**-decimals
        steps = np.nan_to_num(history[left]) * 10.0**decimals
        off = np.abs(steps - np.rint(steps)) > 1e-9 * np.maximum(steps, 1)
        left = left[off.any(axis=1)]
    above = np.nan_to_num(history)
    size = above.sum(axis=1) / np.maximum((above > 0).sum(axis=1), 1)
    coarse = 10.0 ** np.floor(np.log10(np.maximum(size, 10.0**-DECIMALS) / FINE))
    return np.where(grid < 1, np.maximum(grid, np.minimum(coarse, 1)), grid)


@dataclass(frozen=True)
class Sample:
    """The records of some items, each of which has a demand; quantities in steps of the grid."""

    periods: Array
    """Known periods, an item."""
    zeros: Array
    """Those without demand."""
    item: Ints
    """Whose each entry is, ascending; an entry is one quantity above 0 of one item."""
    quantity: Array
    """In whole steps."""
    count: Array
    """Periods with that quantity."""

    @classmethod
    def of(cls, history: Array, grid: Array) -> Sample:
        """From items x periods, in units, and the grid of each item."""
        known = ~np.isnan(history)
        steps = np.rint(np.nan_to_num(history) / grid[:, None])
        steps = np.where(known & (history > 0), np.maximum(steps, 1), steps)
        rows, columns = np.nonzero(steps)
        values = steps[rows, columns]
        order = np.lexsort((values, rows))
        rows, values = rows[order], values[order]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]) | (values[1:] != values[:-1])
        firsts = np.flatnonzero(new)
        count = np.diff(np.append(firsts, len(rows))).astype(float)
        periods = known.sum(axis=1).astype(float)
        demands = np.bincount(rows, minlength=len(history))
        return cls(periods, periods - demands, rows[firsts], values[firsts], count)

    def __len__(self) -> int:
        return len(self.periods)

    @property
    def demands(self) -> Array:
        """Periods with demand, an item."""
        return self.periods - self.zeros

    def take(self, wanted: Flags) -> Sample:
        """The items that are *wanted*."""
        kept = wanted[self.item]
        renumbered = np.cumsum(wanted) - 1
        return Sample(
            self.periods[wanted], self.zeros[wanted],
            renumbered[self.item[kept]], self.quantity[kept], self.count[kept],
        )  # fmt: skip

    def added(self, each: Array) -> Array:
        """Sums over the entries (last axis) of each item."""
        firsts = np.flatnonzero(np.append(True, self.item[1:] != self.item[:-1]))
        return np.asarray(np.add.reduceat(each, firsts, axis=-1))

    def moments(self, *, positive: bool) -> tuple[Array, Array]:
        """Mean and variance of the quantities, of those above 0 alone where *positive*."""
        number = self.demands if positive else self.periods
        mean = self.added(self.count * self.quantity) / number
        from_mean = self.added(self.count * (self.quantity - mean[self.item]) ** 2)
        at_zero = 0.0 if positive else self.zeros * mean**2
        return mean, (from_mean + at_zero) / number
