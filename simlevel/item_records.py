"""What is on record of a portfolio's items: what was asked for, and how long orders took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError, Problem
from simlevel.item_tables import Columns, Floats, Source, none_of, source
from simlevel.model.fields import singular
from simlevel.model.portfolio import History, LeadTimeRecords
from simlevel.periods import Periods
from simlevel.records import MOST_LISTED, shown
from simlevel.scratch import Scratch
from simlevel.text_tables import CELLS

Places = NDArray[np.int64]

NAMED = 3
"""Names that are told of those that are not used."""


class Items(dict[str, int]):
    """The items of a portfolio by name, each with its number."""

    def __init__(self, names: Iterable[str]) -> None:
        for name in names:
            if name:
                self.setdefault(name, len(self))


class Histories:
    """The record of a portfolio's *items*, of which that of some at a time is held.

    All of it is in a file in *folder*, see :class:`Scratch`. ``unused`` says what stands in the
    table and counts for nothing. Raises InputError where it cannot be read.
    """

    def __init__(
        self, history: History, path: Path, unit: str, items: Items, folder: Path | None = None
    ) -> None:
        self._history, self._path, self._items = history, path, items
        self.periods = Periods.between(history.first, history.last, singular(unit))
        inside = map(self.periods.inside, history.leave_out)
        self._left_out = [place for place in inside if place is not None]
        self._unheard = 0.0 if history.missing == "zero" else math.nan
        table, unused = source(path), _Unused(items, history)
        self._scratch = Scratch(len(items) * self.periods.count, self._unheard, folder)
        (self._wide if history.layout == "wide" else self._long)(table, unused)
        self._scratch.flush()
        self.unused = unused.said()

    def of(self, names: Sequence[str]) -> Floats:
        """Items x periods, entries below 0 included; NaN where nothing is known."""
        table = np.full((len(names), self.periods.count), self._unheard)
        count = self.periods.count
        for row, name in zip(table, names, strict=True):
            if (number := self._items.get(name)) is not None:
                row[:] = self._scratch.read(number * count, (number + 1) * count)
        table[:, self._left_out] = math.nan
        return table

    def _long(self, table: Source, unused: _Unused) -> None:
        item, period, quantity = self._history.item, self._history.period, self._history.quantity
        assert period is not None
        assert quantity is not None
        wrong = _Wrong(table)
        for rows in table.chunks(CELLS // 3, [item, period], [quantity]):
            labels = rows.texts[period]
            read = {label: self.periods.index(label) for label in set(labels)}
            for row in none_of(labels, read):
                wrong.add(rows, row, period, f"expected {self.periods.form}, found {labels[row]!r}")
            wrong.numbers(rows)
            if wrong.here():
                continue
            numbers = unused.names.numbers(rows.texts[item])
            places = np.array([read[label] for label in labels], dtype=np.int64)
            beyond = (places < 0) | (places >= self.periods.count)
            unused.outside.add(labels, (numbers >= 0) & beyond)
            unused.left_out.add(labels, (numbers >= 0) & np.isin(places, self._left_out))
            self._add(numbers, places, rows.numbers[quantity])
        wrong.refuse()

    def _wide(self, table: Source, unused: _Unused) -> None:
        item = self._history.item
        places = {name: self.periods.index(name) for name in table.names}
        known = {name: place for name, place in places.items() if place is not None}
        inside = {name: p for name, p in known.items() if 0 <= p < self.periods.count}
        if not inside:
            expected = f"columns from {self._history.first} to {self._history.last}"
            message = f"expected {expected}, found none"
            raise InputError([Problem(str(self._path), 0, 0, "", message)])
        unused.outside.add([*known], np.array([name not in inside for name in known]))
        unused.left_out.add([*known], np.isin([*known.values()], self._left_out))
        wrong, at = _Wrong(table), np.array([*inside.values()], dtype=np.int64)
        for rows in table.chunks(max(CELLS // len(table.names), 1), [item], [*inside]):
            wrong.numbers(rows)
            if wrong.here():
                continue
            numbers = unused.names.numbers(rows.texts[item])
            values = np.column_stack([rows.numbers[name] for name in inside])
            self._add(np.repeat(numbers, len(at)), np.tile(at, len(numbers)), values.ravel())
        wrong.refuse()

    def _add(self, numbers: Places, places: Places, quantities: Floats) -> None:
        kept = (numbers >= 0) & (places >= 0) & (places < self.periods.count)
        kept &= ~np.isnan(quantities)
        if self._history.returns == "drop":
            kept &= quantities >= 0
        self._scratch.add(numbers[kept] * self.periods.count + places[kept], quantities[kept])


class LeadTimes:
    """The lead times on record of a portfolio's *items*, in their own unit.

    *folder* and ``unused`` as for :class:`Histories`. Raises InputError where they cannot be read.
    """

    def __init__(
        self, said: LeadTimeRecords, path: Path, items: Items, folder: Path | None = None
    ) -> None:
        self._items, known, table = items, _Known(items), source(path)
        counts = np.zeros(len(items), np.int64)
        for numbers, _ in _times(said, table, known):
            counts += np.bincount(numbers, minlength=len(items))
        self._begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        self._scratch = Scratch(int(self._begins[-1]), 0.0, folder)
        free = self._begins.copy()
        for numbers, times in _times(said, table, known):
            order = np.argsort(numbers, kind="stable")
            whose, begins, counts = np.unique(numbers[order], return_index=True, return_counts=True)
            of_each = np.arange(len(order)) - np.repeat(begins, counts)
            self._scratch.add(free[numbers[order]] + of_each, times[order])
            free[whose] += counts
        self._scratch.flush()
        self.unused = known.unused("the lead times on record")

    def of(self, names: Sequence[str]) -> Floats:
        """Items x the records of that which has most; NaN where there are no more."""
        some = [self._of(name) for name in names]
        table = np.full((len(names), max(map(len, some), default=0)), math.nan)
        for row, values in zip(table, some, strict=True):
            row[: len(values)] = values
        return table

    def _of(self, name: str) -> Floats:
        if (number := self._items.get(name)) is None:
            return np.empty(0)
        return self._scratch.read(int(self._begins[number]), int(self._begins[number + 1]))


def _times(said: LeadTimeRecords, table: Source, known: _Known) -> Iterator[tuple[Places, Floats]]:
    """Numbers of items and their lead times, some records at a time."""
    column, wrong = said.lead_time.column, _Wrong(table)
    for rows in table.chunks(CELLS // 2, [said.item], [column]):
        times = rows.numbers[column]
        for row in np.flatnonzero(times < 0).tolist():
            wrong.add(rows, row, column, f"expected a time of 0 or more, found {times[row]:g}")
        wrong.numbers(rows)
        wrong.here()
        numbers = known.numbers(rows.texts[said.item])
        kept = (numbers >= 0) & ~np.isnan(times)
        yield numbers[kept], times[kept]
    wrong.refuse()


# --- what is wrong, and what is not used ----------------------------------------------------------


class _Wrong:
    """What is wrong with the rows of a table: as much as is listed at once."""

    def __init__(self, table: Source) -> None:
        self._table = table
        self._said: list[str] = []
        self._here: list[tuple[int, str]] = []

    def add(self, rows: Columns, row: int, name: str, message: str) -> None:
        """Something about column *name* of one of these rows."""
        self._here.append((row, str(self._table.problem(rows, row, name, message))))

    def numbers(self, rows: Columns) -> None:
        """Cells of these rows that hold no number, or none that is finite."""
        for said in rows.wrong.values():
            self._here += said.items()
        for name, values in rows.numbers.items():
            for row in np.flatnonzero(np.isinf(values)).tolist():
                self.add(rows, row, name, f"expected a number, found {values[row]:g}")

    def here(self) -> bool:
        """Whether anything is wrong up to here. Raises InputError once that fills a list."""
        self._said += [said for _, said in sorted(self._here)]
        self._here = []
        if len(self._said) >= MOST_LISTED:
            self.refuse()
        return bool(self._said)

    def refuse(self) -> None:
        """Raises InputError where anything is wrong."""
        if self._said:
            raise InputError([Problem("", 0, 0, "", said) for said in self._said[:MOST_LISTED]])


class _Unused:
    """What stands in a history and counts for nothing."""

    def __init__(self, items: Items, history: History) -> None:
        thing = "column" if history.layout == "wide" else "row"
        self.names = _Known(items)
        self.outside = _Dropped(thing, f"outside {history.first} to {history.last}")
        self.left_out = _Dropped(thing, "in a period of leave_out")

    def said(self) -> list[str]:
        """In sentences."""
        return [*self.names.unused("the history"), *self.outside.said(), *self.left_out.said()]


class _Known:
    """Names of a record looked up among those of the items; those that none has are kept."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._strangers: dict[str, None] = {}

    def numbers(self, names: Sequence[str]) -> Places:
        """Of the items of these names; -1 where there is none."""
        found = np.fromiter(map(self._items.get, names, repeat(-1)), np.int64, len(names))
        self._strangers |= dict.fromkeys(compress(names, (found < 0).tolist()))
        return found

    def unused(self, where: str) -> list[str]:
        """A sentence, if any name is not known."""
        if not (count := len(self._strangers)):
            return []
        items, verb = ("1 item", "is") if count == 1 else (f"{count:,} items", "are")
        return [f"{items} of {where} {verb} not in the items table: {_few(self._strangers)}"]


class _Dropped:
    """Rows or columns of a history that count for nothing, and *why*."""

    def __init__(self, thing: str, why: str) -> None:
        self._thing, self._why = thing, why
        self._count = 0
        self._labels: dict[str, None] = {}

    def add(self, labels: Sequence[str], which: NDArray[np.bool_]) -> None:
        """Those of these *labels* for *which* it holds."""
        self._count += int(which.sum())
        if len(self._labels) <= NAMED:
            self._labels |= dict.fromkeys(compress(labels, which.tolist()))

    def said(self) -> list[str]:
        """A sentence, if there are any."""
        if not (count := self._count):
            return []
        rows, verb = ("1 ", "lies") if count == 1 else (f"{count:,} ", "lie")
        rows += self._thing if count == 1 else f"{self._thing}s"
        return [f"{rows} of the history {verb} {self._why}: {_few(self._labels)}"]


def _few(names: Iterable[str]) -> str:
    """The first of them."""
    first = [shown(name) or "(no name)" for name in islice(names, NAMED + 1)]
    return ", ".join([*first[:NAMED], "…"] if len(first) > NAMED else first)


# --- what came back -----------------------------------------------------------------------------


def asked_for(record: Floats, returns: str) -> Floats:
    """What a model of demand is fitted to: *record* without what came back.

    Items x periods; *returns* as :class:`History` has it.
    """
    return netted(record) if returns == "net" else np.maximum(record, 0.0)  # NaN stays


def netted(demand: Floats) -> Floats:
    """*demand* with what came back taken off the nearest demand before it; the rest is dropped.

    Items x periods; what is not known (NaN) stays so.

    >>> netted(np.array([[5.0, 2.0, -3.0, 1.0]])).tolist()
    [[4.0, 0.0, 0.0, 1.0]]
    """
    net = demand.copy()
    owed = np.zeros(len(net))
    for column in net.T[::-1]:
        left = np.where(np.isnan(column), 0.0, column) - owed
        owed = np.maximum(-left, 0.0)
        np.copyto(column, np.maximum(left, 0.0), where=~np.isnan(column))
    return net
