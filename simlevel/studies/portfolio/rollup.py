"""Items added up, by class of service and in all, each sum with its weights."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.store import Table, column

WHOLE = "all"
"""The name of what is added up over all classes."""
WEIGHTS = {"unit": "mean", "line": "lines", "value": "value"}
"""What a share counts, and its column: units, order lines (periods with demand), or money."""
REACHED = ("units", "lines", "cycles", "clean_cycles", "investment")


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
    totals: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, table: Table) -> None:
        """Count in the items of *table*."""
        self.items += len(table["item"])
        settled = ~np.isnan(column(table, "proposed_fill_rate"))
        self.left_out.update(_causes(table)[~settled].tolist())
        self.settled += int(settled.sum())
        both = settled & ~np.isnan(column(table, "present_fill_rate"))
        self.compared += int(both.sum())
        for weight, name in WEIGHTS.items():
            self._add(weight, column(table, name)[settled])
            self._add(f"compared_{weight}", column(table, name)[both])
        for side, counted in zip(SIDES, (both, settled), strict=True):
            self._expect(table, side, counted)
        self._test(table)

    def _add(self, name: str, amounts: NDArray[Any]) -> None:
        """What is not known is left out of the sum."""
        self.totals[name] += float(np.nansum(amounts))

    def _expect(self, table: Table, side: str, counted: NDArray[np.bool_]) -> None:
        """What the models promise in the long run."""
        share = column(table, f"{side}_fill_rate")
        for weight, name in WEIGHTS.items():
            self._add(f"{side}_served_by_{weight}", (column(table, name) * share)[counted])
        for name in ("investment", "cost"):
            self._add(f"{side}_{name}", column(table, f"{side}_{name}")[counted])

    def _test(self, table: Table) -> None:
        """What was promised and reached in the back-test."""
        tested = ~np.isnan(column(table, "reached_proposed_units"))
        self.tested += int(tested.sum())
        for name in ("tested_units", "tested_lines"):
            self._add(name, column(table, name)[tested])
        for side in SIDES:
            for name in REACHED:
                self._add(f"reached_{side}_{name}", column(table, f"reached_{side}_{name}")[tested])
            for share, weight, name in (
                ("fill_rate", "tested_units", "units"),
                ("cycle_service_level", f"reached_{side}_cycles", "clean_cycles"),
            ):
                promised = column(table, f"promised_{side}_{share}") * column(table, weight)
                self._add(f"promised_{side}_{name}", promised[tested])


def _causes(table: Table) -> NDArray[np.str_]:
    """Why each item has no settings, if it has none."""
    error, note = column(table, "error"), column(table, "note")
    return np.where(error != "", error, note)


def added_up(tables: Iterable[Table]) -> dict[str, Sums]:
    """The sums of each class of service, and of all."""
    found: dict[str, Sums] = {WHOLE: Sums()}
    for table in tables:
        found[WHOLE].add(table)
        classes = column(table, "class")
        for name in dict.fromkeys(classes.tolist()):
            of_class = {key: each[classes == name] for key, each in table.items()}
            found.setdefault(name, Sums()).add(of_class)
    return found
