"""Rows of items added up, by class of service and in all, each with its weights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simlevel.studies.portfolio.chunk import SIDES

Cells = Mapping[str, Any]
WHOLE = "all"
"""The name of what is added up over all classes."""
WEIGHTS = ("unit", "line", "value")
"""What a share counts: units, order lines (periods with demand), or the units' value."""


@dataclass
class Sums:
    """One class of service."""

    items: int = 0
    settled: int = 0
    """Items with settings proposed."""
    compared: int = 0
    """Of these, those with settings in use."""
    tested: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Why items have no settings proposed."""
    totals: Counter[str] = field(default_factory=Counter)

    def add(self, cells: Cells) -> None:
        """Count in the row of one item."""
        self.items += 1
        if "proposed_fill_rate" not in cells:
            self.left_out[cells.get("error") or cells["note"]] += 1
            return
        self.settled += 1
        weights = {
            "unit": cells["mean"],
            "line": cells["lines"],
            "value": cells["value"],
        }
        both = "present_fill_rate" in cells
        self.compared += both
        for side in SIDES if both else SIDES[1:]:
            self._expected(side, cells, weights)
        if both:
            for weight, amount in weights.items():
                self.totals[f"compared_{weight}"] += amount
        for weight, amount in weights.items():
            self.totals[weight] += amount
        self._tested(cells)

    def _expected(self, side: str, cells: Cells, weights: Mapping[str, float]) -> None:
        for weight, amount in weights.items():
            self.totals[f"{side}_served_by_{weight}"] += amount * cells[f"{side}_fill_rate"]
        for name in ("investment", "cost"):
            if not math.isnan(value := cells.get(f"{side}_{name}", math.nan)):
                self.totals[f"{side}_{name}"] += value

    def _tested(self, cells: Cells) -> None:
        if "reached_proposed_units" not in cells:
            return
        self.tested += 1
        for name, value in cells.items():
            if name.startswith(("tested_", "reached_")) and not math.isnan(value):
                self.totals[name] += value
        units = cells["tested_units"]
        for side in SIDES:
            promised = cells.get(f"promised_{side}_fill_rate")
            if promised is not None:
                self.totals[f"promised_{side}_units"] += promised * units
                cycles = cells.get(f"reached_{side}_cycles", 0.0)
                share = cells[f"promised_{side}_cycle_service_level"]
                self.totals[f"promised_{side}_clean_cycles"] += share * cycles


def added_up(rows: Iterable[Cells]) -> dict[str, Sums]:
    """The sums of each class of service, and of all, of *rows*."""
    found: dict[str, Sums] = {WHOLE: Sums()}
    for cells in rows:
        found[WHOLE].add(cells)
        found.setdefault(str(cells.get("class", "")), Sums()).add(cells)
    return found
