"""Which items to change first: those whose new settings bring most, and what they bring."""

from __future__ import annotations

import heapq
import math

import numpy as np

from simlevel.model.fields import singular, units_in
from simlevel.model.portfolio import Portfolio
from simlevel.studies.portfolio.store import Cells, Table, column

FIRST = 20
"""Items that are named."""
NAMES = ("item", "class", "target", "present_kind", "proposed_kind")
NUMBERS = (
    "asked", "unit_value", "tested_lines", "reached_present_lines",
    *(f"{side}_{name}" for side in ("present", "proposed") for name in (
        "reorder_point", "order_quantity", "order_up_to", "cycle_service_level", "fill_rate",
        "mean_on_hand", "investment")),
)  # fmt: skip


class Changes:
    """The items with settings in use and proposed that are to be changed first.

    By what is newly served at once in a year, or the stock that is freed, whichever is more.
    """

    def __init__(self, portfolio: Portfolio) -> None:
        self.priced = portfolio.items.unit_value is not None
        """Whether all is in money; else in units."""
        year = units_in("year", portfolio.time_unit)
        self.per = "year" if year else singular(portfolio.time_unit)
        """The time that what is served is counted over."""
        self._periods, self._items = float(year or 1), 0
        self._first: list[tuple[float, int, Cells]] = []

    def add(self, table: Table) -> None:
        """See whether items of *table* are among the first."""
        price = column(table, "unit_value") if self.priced else np.ones(len(table["item"]))
        more = column(table, "proposed_fill_rate") - column(table, "present_fill_rate")
        served = more * column(table, "mean") * price * self._periods
        less = column(table, "present_mean_on_hand") - column(table, "proposed_mean_on_hand")
        brings = np.nan_to_num(np.maximum(served, less * price))
        for place in np.argsort(-brings, kind="stable")[:FIRST].tolist():
            if brings[place] > 0:
                gains = {"served": served, "freed": less * price, "brings": brings}
                row = _row(table, place) | {
                    name: float(each[place]) for name, each in gains.items()
                }
                entry = float(brings[place]), -(self._items + place), row
                (heapq.heappush if len(self._first) < FIRST else heapq.heappushpop)(
                    self._first, entry
                )
        self._items += len(table["item"])

    @property
    def rows(self) -> list[Cells]:
        """Most first: columns of results, None where they do not apply; and ``served``, what is
        newly served at once, ``freed``, the stock that is no longer held, and ``brings``, the
        greater of the two."""
        ranked = sorted(self._first, key=lambda each: each[:2], reverse=True)
        return [row for _, _, row in ranked]


def _row(table: Table, place: int) -> Cells:
    found: Cells = {name: str(column(table, name)[place]) or None for name in NAMES}
    for name in NUMBERS:
        value = float(column(table, name)[place])
        found[name] = None if math.isnan(value) else value
    return found
