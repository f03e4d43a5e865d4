"""Tables of a portfolio, a chunk of rows at a time: text files, workbooks and Parquet alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
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
                for row in none_of(cells, known):
                    message = f"expected a number, found {found_in(cells[row])}"
                    problem = table.problem(block.lines[row], places[name], name.strip(), message)
                    wrong.setdefault(row, str(problem))
            words = {name: block.column(places[name]) for name in texts}
            yield Columns(first, words, values, wrong, block.lines)
            first += len(block.lines)

    def problem(self, rows: Columns, row: int, name: str, message: str) -> Problem:
        return self._table.problem(rows.lines[row], self._table.places([name])[0], name, message)


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
