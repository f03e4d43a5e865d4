"""Tables of a portfolio, from text files, workbooks or Parquet: the items, and their histories."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError, Problem, near
from simlevel.model.portfolio import History, LeadTimeRecords
from simlevel.periods import Periods
from simlevel.records import floats_of, read_table, texts_of

Floats = NDArray[np.float64]


class Source(Protocol):
    """A table that hands out columns, whatever file it is in."""

    rows: int
    names: Sequence[str]

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        """So many rows at a time. Raises InputError where there is no such column."""
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

    def __len__(self) -> int:
        several: list[Sized] = [*self.texts.values(), *self.numbers.values()]
        return len(several[0]) if several else 0


def source(path: Path) -> Source:
    """The table in *path*. Raises InputError where it cannot be read."""
    if path.suffix.lower() == ".parquet":
        return _ParquetSource(path)
    return _TextSource(path)


class _TextSource:
    """A text file or workbook, which is read whole."""

    def __init__(self, path: Path) -> None:
        self._table = read_table(path)
        self.rows = len(self._table.rows)
        self.names: Sequence[str] = self._table.header.cells

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        words = {name: texts_of(self._table, name) for name in texts}
        values: dict[str, Floats] = {}
        wrong: dict[int, str] = {}
        place = {row.line: number for number, row in enumerate(self._table.rows)}
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
            )


class _ParquetSource:
    """A Parquet file, of which a chunk at a time is held; with *only*, the rows it holds for."""

    def __init__(self, path: Path, only: tuple[str, Sequence[str]] | None = None) -> None:
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
        self._filter = None if only is None else self._among(*only)
        self.rows = self._data.count_rows(filter=self._filter)

    def _among(self, name: str, values: Sequence[str]) -> Any:
        import pyarrow
        import pyarrow.compute as compute
        import pyarrow.dataset as dataset

        self._check([name])
        kind = self._data.schema.field(name).type
        wanted = pyarrow.array(values, pyarrow.string()).cast(kind)
        ends, found = compute.min_max(wanted).as_py(), dataset.field(name)
        # The ends tell it which row groups it need not read.
        return (found >= ends["min"]) & (found <= ends["max"]) & found.isin(wanted)

    def _check(self, columns: Sequence[str]) -> None:
        missing = [name for name in dict.fromkeys(columns) if name not in self.names]
        if missing:
            raise InputError([
                Problem(str(self._path), 0, 0, name,
                        f"expected a column of the file{near(name, self.names)}, found none")
                for name in missing
            ])  # fmt: skip

    def chunks(self, size: int, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Columns]:
        columns = list(dict.fromkeys((*texts, *numbers)))
        self._check(columns)
        first = 0
        for batch in self._batches(columns, size):
            if batch.num_rows:
                yield Columns(
                    first,
                    {name: list(map(_text, batch.column(name).to_pylist())) for name in texts},
                    {name: _floats(self._path, name, batch.column(name)) for name in numbers},
                )
                first += batch.num_rows

    def _batches(self, columns: list[str], size: int) -> Iterator[Any]:
        """Of *size* rows each, but for the last; where some rows are filtered, of any size."""
        from pyarrow import parquet

        if self._filter is not None:
            return iter(self._data.to_batches(columns=columns, filter=self._filter))
        return iter(parquet.ParquetFile(self._path).iter_batches(size, columns=columns))


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


# --- histories ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entries:
    """What was asked for, an item and period at a time."""

    items: NDArray[np.object_]
    places: NDArray[np.int64]
    """Periods, from 0; those before the first and after the last are not here."""
    quantities: Floats


class Histories:
    """The record of a portfolio. Raises InputError where it cannot be read."""

    def __init__(self, history: History, path: Path, unit: str) -> None:
        self._history, self._path = history, path
        self.periods = _periods(history, unit)
        self._unknown = _left_out(history, self.periods)
        self._all = None if path.suffix.lower() == ".parquet" else _sorted(self._read(source(path)))

    def of(self, names: Sequence[str]) -> Floats:
        """Items x periods, entries below 0 included; NaN where nothing is known."""
        # Of a Parquet file that is sorted by item few rows are read for some items.
        entries = self._all or _sorted(
            self._read(_ParquetSource(self._path, (self._history.item, names)))
        )
        begins = np.searchsorted(entries.items, np.array(names, dtype=object), "left")
        ends = np.searchsorted(entries.items, np.array(names, dtype=object), "right")
        unheard = 0.0 if self._history.missing == "zero" else math.nan
        table = np.full((len(names), self.periods.count), unheard)
        for row, begin, end in zip(table, begins, ends, strict=True):
            places = entries.places[begin:end]
            row[places] = 0.0
            np.add.at(row, places, entries.quantities[begin:end])
        table[:, self._unknown] = math.nan
        return table

    def _read(self, table: Source) -> Entries:
        history = self._history
        if history.layout == "wide":
            return self._wide(table)
        assert history.period is not None
        assert history.quantity is not None
        all_ = _whole(table, [history.item, history.period], [history.quantity])
        labels = all_.texts[history.period]
        known = {label: self.periods.index(label) for label in set(labels)}
        strange = next((n for n, label in enumerate(labels) if known[label] is None), None)
        if strange is not None:
            message = (
                f"expected {self.periods.form}, found {labels[strange]!r} in row {strange + 1}"
            )
            raise InputError([Problem(str(self._path), 0, 0, history.period, message)])
        _refuse(self._path, all_.problems)
        places = np.array([known[label] for label in labels], dtype=np.int64)
        return self._within(all_.texts[history.item], places, all_.numbers[history.quantity])

    def _wide(self, table: Source) -> Entries:
        places = {name: self.periods.index(name) for name in table.names}
        inside = {n: p for n, p in places.items() if p is not None and 0 <= p < self.periods.count}
        if not inside:
            message = (
                f"expected columns from {self._history.first} to {self._history.last}, found none"
            )
            raise InputError([Problem(str(self._path), 0, 0, "", message)])
        all_ = _whole(table, [self._history.item], list(inside))
        _refuse(self._path, all_.problems)
        names = all_.texts[self._history.item]
        values = np.column_stack([all_.numbers[name] for name in inside])
        rows, columns = np.nonzero(~np.isnan(values))
        at = np.array(list(inside.values()), dtype=np.int64)[columns]
        return self._within([names[row] for row in rows], at, values[rows, columns])

    def _within(self, items: list[str], places: NDArray[np.int64], quantities: Floats) -> Entries:
        inside = (places >= 0) & (places < self.periods.count) & ~np.isnan(quantities)
        if self._history.returns == "drop":
            inside &= quantities >= 0
        names = np.array(items, dtype=object)[inside]
        return Entries(names, places[inside], quantities[inside])


class LeadTimes:
    """The lead times on record, in their own unit. Raises InputError where they cannot be read."""

    def __init__(self, said: LeadTimeRecords, path: Path) -> None:
        column = said.lead_time.column
        all_ = _whole(source(path), [said.item], [column])
        _refuse(path, all_.problems)
        values = all_.numbers[column]
        for row in np.flatnonzero(values < 0)[:1]:
            message = f"expected a time of 0 or more, found {values[row]:g} in row {row + 1}"
            raise InputError([Problem(str(path), 0, 0, column, message)])
        known = ~np.isnan(values)
        names = np.array(all_.texts[said.item], dtype=object)[known]
        order = np.argsort(names, kind="stable")
        self._names, self._values = names[order], values[known][order]

    def of(self, names: Sequence[str]) -> Floats:
        """Items x the records of that which has most; NaN where there are no more."""
        wanted = np.array(names, dtype=object)
        begins = np.searchsorted(self._names, wanted, "left")
        ends = np.searchsorted(self._names, wanted, "right")
        table = np.full((len(names), int((ends - begins).max(initial=0))), math.nan)
        for row, begin, end in zip(table, begins, ends, strict=True):
            row[: end - begin] = self._values[begin:end]
        return table


def _whole(table: Source, texts: Sequence[str], numbers: Sequence[str]) -> Columns:
    parts = [*table.chunks(max(table.rows, 1), texts, numbers)]
    if len(parts) == 1:
        return parts[0]
    problems = {part.first + row: said for part in parts for row, said in part.problems.items()}
    return Columns(
        0,
        {name: [text for part in parts for text in part.texts[name]] for name in texts},
        {name: np.concatenate([part.numbers[name] for part in parts] or [np.empty(0)])
         for name in numbers},
        problems,
    )  # fmt: skip


def _sorted(entries: Entries) -> Entries:
    order = np.argsort(entries.items, kind="stable")
    return replace(entries, items=entries.items[order], places=entries.places[order],
                   quantities=entries.quantities[order])  # fmt: skip


def _refuse(path: Path, problems: Mapping[int, str]) -> None:
    if problems:
        raise InputError([Problem("", 0, 0, "", said) for said in list(problems.values())[:20]])


def _periods(history: History, unit: str) -> Periods:
    try:
        return Periods.between(history.first, history.last, unit)
    except InputError as error:
        key, _, message = error.problems[0].message.partition(": ")
        raise InputError([Problem("", 0, 0, f"history.{key}", message)]) from None


def _left_out(history: History, periods: Periods) -> list[int]:
    places = []
    for number, label in enumerate(history.leave_out):
        place = periods.index(label)
        if place is None or not 0 <= place < periods.count:
            expected = f"{periods.form} from {history.first} to {history.last}"
            key = f"history.leave_out[{number}]"
            raise InputError([Problem("", 0, 0, key, f"expected {expected}, found {label}")])
        places.append(place)
    return places


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
