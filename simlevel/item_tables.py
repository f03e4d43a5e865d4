"""Tables of a portfolio, from text files, workbooks or Parquet: the items, and their histories."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from itertools import compress, islice, repeat
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError, Problem, near
from simlevel.model.fields import singular
from simlevel.model.portfolio import History, LeadTimeRecords
from simlevel.periods import Periods
from simlevel.records import MOST_LISTED, floats_of, found_in, read_table, shown, signed, texts_of
from simlevel.scratch import Scratch
from simlevel.text_tables import CELLS, text_table

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

NAMED = 3
"""Names that are told of those that no item has."""


class Source(Protocol):
    """A table that hands out columns, whatever file it is in."""

    rows: int
    names: Sequence[str]

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        """So many rows at a time. Raises InputError where there is no such column."""
        ...

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        """What is wrong in column *name* of a row of a chunk."""
        ...


@dataclass(frozen=True)
class Columns:
    """Some rows of a table, column by column."""

    first: int
    """The row, from 0, that they begin with."""
    texts: Mapping[str, list[str]]
    numbers: Mapping[str, Floats]
    """NaN where a cell is empty or no number."""
    problems: Mapping[int, str] = field(default_factory=dict)
    """What is wrong with a row, by its place in these rows."""
    lines: Sequence[int] = ()
    """Of the file, where it has such."""

    def __len__(self) -> int:
        several: list[Sized] = [*self.texts.values(), *self.numbers.values()]
        return len(several[0]) if several else 0


def source(path: Path) -> Source:
    """The table in *path*. Raises InputError where it cannot be read."""
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _ParquetSource(path)
    return _SheetSource(path) if ending == ".xlsx" else _TextSource(path)


class _TextSource:
    """A text file, of which a chunk at a time is held."""

    def __init__(self, path: Path) -> None:
        self._table = text_table(path)
        self.rows = self._table.rows
        self.names: Sequence[str] = self._table.header.cells

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        table, columns = self._table, (*texts, *numbers)
        places = dict(zip(columns, table.places(columns), strict=True))
        signs = {name: table.decimal_sign(places[name]) for name in numbers}
        first = 0
        for block in table.blocks(size):
            values: dict[str, Floats] = {}
            wrong: dict[int, str] = {}
            for name, sign in signs.items():
                cells = block.column(places[name])
                known = {cell: signed(cell, sign) for cell in set(cells)}
                values[name] = np.array([known[cell] for cell in cells], dtype=np.float64)
                for row in _none(cells, known):
                    message = f"expected a number, found {found_in(cells[row])}"
                    problem = table.problem(block.lines[row], places[name], name.strip(), message)
                    wrong.setdefault(row, str(problem))
            words = {name: block.column(places[name]) for name in texts}
            yield Columns(first, words, values, wrong, block.lines)
            first += len(block.lines)

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        return self._table.problem(rows.lines[row], self._table.places([name])[0], name, message)


def _none(cells: Sequence[str], known: Mapping[str, object]) -> Sequence[int]:
    """The rows of which nothing is known."""
    if None not in known.values():
        return ()
    return [row for row, cell in enumerate(cells) if known[cell] is None]


class _SheetSource:
    """A workbook, whose own format bounds it; it is read whole."""

    def __init__(self, path: Path) -> None:
        self._table = read_table(path)
        self.rows = len(self._table.rows)
        self.names: Sequence[str] = self._table.header.cells

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        words = {name: texts_of(self._table, name) for name in texts}
        values: dict[str, Floats] = {}
        wrong: dict[int, str] = {}
        lines = [row.line for row in self._table.rows]
        place = {line: number for number, line in enumerate(lines)}
        for name in numbers:
            found, problems = floats_of(self._table, name)
            values[name] = np.array(found)
            for problem in problems:
                wrong.setdefault(place[problem.line], str(problem))
        for first in range(0, self.rows, size):
            rows = slice(first, first + size)
            yield Columns(
                first,
                {name: each[rows] for name, each in words.items()},
                {name: each[rows] for name, each in values.items()},
                {n - first: said for n, said in wrong.items() if first <= n < first + size},
                lines[rows],
            )

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        place = self._table.header.cells.index(name.strip())
        return self._table.problem(rows.lines[row], place, name, message)


class _ParquetSource:
    """A Parquet file, of which a chunk at a time is held."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow.dataset as dataset
        except ImportError as error:
            advice = 'expected pyarrow, which reads .parquet: pip install "simlevel[portfolio]"'
            raise InputError([Problem(str(path), 0, 0, "", advice)]) from error
        self._path = path
        try:
            self._data = dataset.dataset(path, format="parquet")
            self.names: Sequence[str] = self._data.schema.names
        except (OSError, ValueError) as error:
            reason = str(error).partition("\n")[0] if path.is_file() else "no such file"
            message = f"expected a Parquet file, found: {reason}"
            raise InputError([Problem(str(path), 0, 0, "", message)]) from error
        self.rows = self._data.count_rows()

    def _check(self, columns: Sequence[str]) -> None:
        missing = [name for name in dict.fromkeys(columns) if name not in self.names]
        if missing:
            raise InputError([
                Problem(str(self._path), 0, 0, name,
                        f"expected a column of the file{near(name, self.names)}, found none")
                for name in missing
            ])  # fmt: skip

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        from pyarrow import parquet

        columns = list(dict.fromkeys((*texts, *numbers)))
        self._check(columns)
        first = 0
        for batch in parquet.ParquetFile(self._path).iter_batches(size, columns=columns):
            yield Columns(
                first,
                {name: list(map(_text, batch.column(name).to_pylist())) for name in texts},
                {name: _floats(self._path, name, batch.column(name)) for name in numbers},
            )
            first += batch.num_rows

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        place = f"in row {rows.first + row + 1}"
        return Problem(str(self._path), 0, 0, name, f"{message} {place}")


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _floats(path: Path, name: str, column: Any) -> Floats:
    import pyarrow

    try:
        values = column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
    except pyarrow.ArrowInvalid as error:
        reason = str(error).partition("\n")[0]
        message = f"expected a column of numbers, found: {reason}"
        raise InputError([Problem(str(path), 0, 0, name, message)]) from error
    return np.asarray(values, dtype=np.float64)


# --- records --------------------------------------------------------------------------------------


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
        self._history, self._items = history, items
        self.periods = Periods.between(history.first, history.last, singular(unit))
        inside = map(self.periods.inside, history.leave_out)
        self._left_out = [place for place in inside if place is not None]
        self._unheard = 0.0 if history.missing == "zero" else math.nan
        self._scratch = Scratch(len(items) * self.periods.count, self._unheard, folder)
        known = _Known(items)
        thing = "column" if history.layout == "wide" else "row"
        outside = _Dropped(thing, f"outside {history.first} to {history.last}")
        left_out = _Dropped(thing, "in a period of leave_out")
        read = self._wide if history.layout == "wide" else self._long
        read(source(path), path, known, outside, left_out)
        self._scratch.flush()
        self.unused = [*known.unused("the history"), *outside.unused(), *left_out.unused()]

    def of(self, names: Sequence[str]) -> Floats:
        """Items x periods, entries below 0 included; NaN where nothing is known."""
        table = np.full((len(names), self.periods.count), self._unheard)
        count = self.periods.count
        for row, name in zip(table, names, strict=True):
            if (number := self._items.get(name)) is not None:
                row[:] = self._scratch.read(number * count, (number + 1) * count)
        table[:, self._left_out] = math.nan
        return table

    def _long(
        self, table: Source, path: Path, known: _Known, outside: _Dropped, left_out: _Dropped
    ) -> None:
        item, period, quantity = self._history.item, self._history.period, self._history.quantity
        assert period is not None
        assert quantity is not None
        wrong: list[str] = []
        for rows in table.chunks(CELLS // 3, [item, period], [quantity]):
            labels = rows.texts[period]
            read = {label: self.periods.index(label) for label in set(labels)}
            expected = f"expected {self.periods.form}"
            strange = {
                row: table.problem(rows, row, period, f"{expected}, found {labels[row]!r}")
                for row in _none(labels, read)
            }
            _collect(wrong, rows, strange)
            if wrong:
                continue
            numbers = known.numbers(rows.texts[item])
            places = np.array([read[label] for label in labels], dtype=np.int64)
            beyond = (places < 0) | (places >= self.periods.count)
            outside.add(labels, (numbers >= 0) & beyond)
            left_out.add(labels, (numbers >= 0) & np.isin(places, self._left_out))
            self._add(numbers, places, rows.numbers[quantity])
        _refuse(wrong)

    def _wide(
        self, table: Source, path: Path, known: _Known, outside: _Dropped, left_out: _Dropped
    ) -> None:
        places = {name: self.periods.index(name) for name in table.names}
        inside = {n: p for n, p in places.items() if p is not None and 0 <= p < self.periods.count}
        if not inside:
            message = (
                f"expected columns from {self._history.first} to {self._history.last}, found none"
            )
            raise InputError([Problem(str(path), 0, 0, "", message)])
        columns = [name for name, place in places.items() if place is not None]
        outside.add(columns, np.array([name not in inside for name in columns]))
        left_out.add(columns, np.array([places[name] in self._left_out for name in columns]))
        wrong: list[str] = []
        at = np.array(list(inside.values()), dtype=np.int64)
        for rows in table.chunks(
            max(CELLS // len(table.names), 1), [self._history.item], [*inside]
        ):
            _collect(wrong, rows)
            numbers = known.numbers(rows.texts[self._history.item])
            values = np.column_stack([rows.numbers[name] for name in inside])
            self._add(np.repeat(numbers, len(at)), np.tile(at, len(numbers)), values.ravel())
        _refuse(wrong)

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
    column, wrong = said.lead_time.column, list[str]()
    for rows in table.chunks(CELLS // 2, [said.item], [column]):
        times = rows.numbers[column]
        below = {
            row: table.problem(
                rows, row, column, f"expected a time of 0 or more, found {times[row]:g}"
            )
            for row in np.flatnonzero(times < 0).tolist()
        }
        _collect(wrong, rows, below)
        numbers = known.numbers(rows.texts[said.item])
        kept = (numbers >= 0) & ~np.isnan(times)
        yield numbers[kept], times[kept]
    _refuse(wrong)


def _collect(wrong: list[str], rows: Columns, more: Mapping[int, Problem] | None = None) -> None:
    """Add what is wrong with *rows*, and *more*, to what is *wrong*; refused once they are many."""
    found = [(row, str(problem)) for row, problem in (more or {}).items()]
    wrong += [said for _, said in sorted([*found, *rows.problems.items()])]
    if len(wrong) >= MOST_LISTED:
        _refuse(wrong)


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        raise InputError([Problem("", 0, 0, "", said) for said in wrong[:MOST_LISTED]])


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

    def unused(self) -> list[str]:
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
