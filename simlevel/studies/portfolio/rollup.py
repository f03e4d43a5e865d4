"""Items added up, by class of service and in all, each sum with its weights."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.store import Table, column
from simlevel.studies.portfolio.system import WEIGHTS

ANSWERS = (*SIDES, "system")
"""Settings in use, proposed, and those of the system optimum."""
FIRST = 5
"""Names of items that are kept for each cause of being left out."""
MOST_CAUSES = 50
"""Causes that are told apart; items of more are counted under OTHER."""
OTHER = "other causes"
LONGEST = 90
"""Characters of a cause."""
SAME = 1e-9
"""Stocks that differ by a smaller share are the same."""


@dataclass
class LeftOut:
    """Items without settings, proposed or in use, for one cause."""

    items: int = 0
    first: list[str] = field(default_factory=list)
    """The names of the first of them."""


@dataclass
class Sums:
    """One class of service."""

    items: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    """Items with each of ANSWERS; those in use where there are settings proposed, too."""
    more: int = 0
    less: int = 0
    """Of the items in use, those that are to hold more stock, and less."""
    tested: Counter[str] = field(default_factory=Counter)
    """Items replayed, by whose settings."""
    families: Counter[str] = field(default_factory=Counter)
    """Of the items with settings proposed, the demand models."""
    how: Counter[str] = field(default_factory=Counter)
    """And where what they give comes from: theory (exact), or the engine (simulated)."""
    unvalued: int = 0
    """And those without a unit value, which count in nothing by value, nor in investment."""
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    """By cause."""
    not_in_use: dict[str, LeftOut] = field(default_factory=dict)
    """Items whose settings in use cannot be, by cause."""
    totals: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, table: Table) -> None:
        """Count in the items of *table*."""
        self.items += len(table["item"])
        settled = ~np.isnan(column(table, "proposed_fill_rate"))
        error, note, names = (column(table, name)[~settled] for name in ("error", "note", "item"))
        _leave_out(self.left_out, names, np.where(error != "", error, note))
        wrong = column(table, "present_error")
        _leave_out(self.not_in_use, table["item"][wrong != ""], wrong[wrong != ""])
        self.families.update(column(table, "family")[settled].tolist())
        self.how.update(column(table, "how")[settled].tolist())
        self.unvalued += int((settled & np.isnan(column(table, "unit_value"))).sum())
        both = settled & ~np.isnan(column(table, "present_fill_rate"))
        self._compare(table, both)
        in_system = ~np.isnan(column(table, "system_fill_rate"))
        for side, counted in zip(ANSWERS, (both, settled, in_system), strict=True):
            self._expect(table, side, counted)
        for side in SIDES:
            self._test(table, side)

    def _add(self, name: str, amounts: NDArray[Any]) -> None:
        """What is not known is left out of the sum."""
        self.totals[name] += float(np.nansum(amounts))

    def _compare(self, table: Table, both: NDArray[np.bool_]) -> None:
        """What becomes of the stock of items that have settings in use."""
        now, then = (column(table, f"{side}_mean_on_hand")[both] for side in SIDES)
        self.more += int((then > now * (1 + SAME)).sum())
        self.less += int((then < now * (1 - SAME)).sum())
        self._add("compared_investment", column(table, "proposed_investment")[both])

    def _expect(self, table: Table, side: str, counted: NDArray[np.bool_]) -> None:
        """What the models promise in the long run."""
        self.counted[side] += int(counted.sum())
        share = column(table, f"{side}_fill_rate")
        for weight, name in WEIGHTS.items():
            amount = column(table, name)
            self._add(f"{side}_{weight}", amount[counted])
            self._add(f"{side}_served_by_{weight}", (amount * share)[counted])
        for name in ("investment", "cost"):
            self._add(f"{side}_{name}", column(table, f"{side}_{name}")[counted])

    def _test(self, table: Table, side: str) -> None:
        """What was promised and reached in the back-test; each item weighs by what was asked of
        it then, in units, in order lines, and in value."""
        units, lines = column(table, "tested_units"), column(table, "tested_lines")
        served = column(table, f"reached_{side}_units")
        tested = ~np.isnan(served)
        self.tested[side] += int(tested.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(units > 0, served / units, np.nan)
        promised = column(table, f"promised_{side}_fill_rate")
        value = units * column(table, "unit_value")
        for weight, amount in {"unit": units, "line": lines, "value": value}.items():
            self._add(f"tested_{side}_{weight}", amount[tested])
            self._add(f"tested_{side}_promised_by_{weight}", (amount * promised)[tested])
            self._add(f"tested_{side}_reached_by_{weight}", (amount * share)[tested])
        self._add(f"tested_{side}_whole_lines", column(table, f"reached_{side}_lines")[tested])
        cycles = column(table, f"reached_{side}_cycles")
        self._add(f"tested_{side}_cycles", cycles[tested])
        self._add(f"tested_{side}_clean", column(table, f"reached_{side}_clean_cycles")[tested])
        clean = cycles * column(table, f"promised_{side}_cycle_service_level")
        self._add(f"tested_{side}_promised_clean", clean[tested])


def _leave_out(causes: dict[str, LeftOut], names: NDArray[np.str_], said: NDArray[np.str_]) -> None:
    for name, reason in zip(names, said, strict=True):
        cause = _cause(str(reason))
        if cause not in causes and len(causes) >= MOST_CAUSES:
            cause = OTHER
        found = causes.setdefault(cause, LeftOut())
        found.items += 1
        if len(found.first) < FIRST:
            found.first.append(str(name))


def _cause(said: str) -> str:
    """Why an item was left out, without its place and what was found there.

    >>> _cause("items.csv:7:3: days: expected a number, found 'ask'")
    'days: expected a number'
    """
    line = said.partition("\n")[0].partition(", found ")[0]
    line = re.sub(r"^.*?:\d+:\d+: ", "", line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


@dataclass
class Rollup:
    """All items, and each class of service."""

    whole: Sums = field(default_factory=Sums)
    classes: dict[str, Sums] = field(default_factory=dict)
    """Items that are in none have no name."""

    def add(self, table: Table) -> None:
        """Count in the items of *table*."""
        self.whole.add(table)
        classes = column(table, "class")
        names = list(dict.fromkeys(classes.tolist()))
        for name in names:
            of_class = table
            if len(names) > 1:
                of_class = {key: each[classes == name] for key, each in table.items()}
            self.classes.setdefault(name, Sums()).add(of_class)
