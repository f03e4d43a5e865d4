"""Tables of a portfolio, a chunk of rows at a time: text files, workbooks and Parquet alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError, Problem, near
from simlevel.records import floats_of, found_in, read_table, signed, texts_of
from simlevel.text_tables import text_table

Floats = NDArray[np.float64]


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
    wrong: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """What is said of cells that hold no number, by column and place in these rows."""
    problems: Mapping[int, str] = field(default_factory=dict)
    """What is wrong with a row otherwise, by its place."""
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
            rows = Columns(first, {name: block.column(places[name]) for name in texts}, {},
                           lines=block.lines)  # fmt: skip
            cells = {name: block.column(places[name]) for name in numbers}
            yield _with_numbers(self, rows, {name: (cells[name], signs[name]) for name in numbers})
            first += len(block.lines)

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        place = self._table.places([name])[0]
        return self._table.problem(rows.lines[row], place, name.strip(), message)


def _with_numbers(
    table: Source, rows: Columns, texts: Mapping[str, tuple[Sequence[str], str]]
) -> Columns:
    """*rows* with further columns of numbers: their cells as text, and their decimal sign."""
    numbers, wrong = dict(rows.numbers), {}
    for name, (cells, decimal) in texts.items():
        known = {cell: signed(cell, decimal) for cell in set(cells)}
        numbers[name] = np.array([known[cell] for cell in cells], dtype=np.float64)
        said = {row: f"expected a number, found {found_in(cells[row])}"
                for row in none_of(cells, known)}  # fmt: skip
        wrong[name] = {row: str(table.problem(rows, row, name, said[row])) for row in said}
    return replace(rows, numbers=numbers, wrong=wrong)


def none_of(cells: Sequence[str], known: Mapping[str, object]) -> Sequence[int]:
    """The rows whose cells are *known* to be nothing."""
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
        wrong: dict[str, dict[int, str]] = {}
        lines = [row.line for row in self._table.rows]
        place = {line: number for number, line in enumerate(lines)}
        for name in numbers:
            found, problems = floats_of(self._table, name)
            values[name] = np.array(found)
            wrong[name] = {place[problem.line]: str(problem) for problem in problems}
        for first in range(0, self.rows, size):
            rows = slice(first, first + size)
            yield Columns(
                first,
                {name: each[rows] for name, each in words.items()},
                {name: each[rows] for name, each in values.items()},
                {name: {n - first: said for n, said in each.items() if first <= n < first + size}
                 for name, each in wrong.items()},
                lines=lines[rows],
            )  # fmt: skip

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
            typed = [name for name in numbers if _is_text(batch.column(name))]
            rows = Columns(
                first,
                {name: _texts(batch.column(name)) for name in texts},
                {name: _floats(self._path, name, batch.column(name))
                 for name in numbers if name not in typed},
            )  # fmt: skip
            cells = {name: list(map(str.strip, _texts(batch.column(name)))) for name in typed}
            yield _with_numbers(self, rows, {name: (cells[name], ".") for name in typed})
            first += batch.num_rows

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        place = f"in row {rows.first + row + 1}"
        return Problem(str(self._path), 0, 0, name, f"{message} {place}")


def _is_text(column: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(column.type) or types.is_large_string(column.type))


def _texts(column: Any) -> list[str]:
    """Whole numbers as such, though the column has room for others."""
    return [
        "" if cell is None
        else str(int(cell)) if isinstance(cell, float) and cell.is_integer()
        else str(cell)
        for cell in column.to_pylist()
    ]  # fmt: skip


def _floats(path: Path, name: str, column: Any) -> Floats:
    import pyarrow

    try:
        values = column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
    except pyarrow.ArrowInvalid as error:
        reason = str(error).partition("\n")[0]
        message = f"expected a column of numbers, found: {reason}"
        raise InputError([Problem(str(path), 0, 0, name, message)]) from error
    return np.asarray(values, dtype=np.float64)
