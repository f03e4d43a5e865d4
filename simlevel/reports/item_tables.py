"""The items of a portfolio with their results, as CSV and as Parquet, a chunk at a time."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from simlevel.reports.files import for_spreadsheets
from simlevel.saving import writing
from simlevel.studies.portfolio.chunk import COLUMNS
from simlevel.studies.portfolio.store import WORDS, Table
from simlevel.studies.portfolio.workers import here

MANY = 100_000
"""Items from which on it pays to write their lines on all processors."""


def write_items(folder: Path, tables: Iterable[Table], items: int) -> None:
    """``items.csv``, and ``items.parquet`` where pyarrow is installed, of so many *items*.

    CSV in UTF-8 with a mark that spreadsheets know it by, numbers to 10 digits. Raises
    InputError where they cannot be written.
    """
    with writing(folder / "items.csv") as csv, _parquet(folder / "items.parquet") as keep:

        def kept() -> Iterator[Table]:
            for table in tables:
                keep(table)
                yield {name: table[name] for name in COLUMNS if name in table}

        csv.write(codecs.BOM_UTF8 + _line(COLUMNS))
        csv.writelines(map(_lines, kept()) if items < MANY else _together(kept()))


def _together(tables: Iterable[Table]) -> Iterator[bytes]:
    """The lines of each table in turn, written out on all processors."""
    ready: dict[int, bytes] = {}
    following = 0
    jobs = ((number, (table,)) for number, table in enumerate(tables))
    with closing(here(_lines, jobs, os.cpu_count() or 1)) as found:
        for number, lines in found:
            ready[number] = lines
            while following in ready:
                yield ready.pop(following)
                following += 1


def _lines(table: Table) -> bytes:
    columns = [_cells(table, name) for name in COLUMNS]
    return b"".join(map(_line, zip(*columns, strict=True)))


def _line(cells: Sequence[str]) -> bytes:
    return (",".join(cells) + "\r\n").encode()


def _cells(table: Table, name: str) -> Sequence[str]:
    """Of one column, ready to be joined."""
    items = len(table["item"])
    if name not in table:
        return [""] * items
    values = table[name].tolist()
    if name in WORDS:
        ready = {word: _quoted(str(for_spreadsheets(word))) for word in set(values)}
        return [ready[word] for word in values]
    # One format for the whole column: a million items take seconds, not minutes.
    return ("%.10g " * items % tuple(values)).replace("nan", "").split(" ")[:-1]


def _quoted(word: str) -> str:
    if _SPECIAL.search(word):
        doubled = word.replace('"', '""')
        return f'"{doubled}"'
    return word


_SPECIAL = re.compile('[,"\r\n]')


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[Table], None]]:
    """What writes a table as a row group, on a thread of its own; null where nothing applies."""
    if find_spec("pyarrow") is None:
        yield lambda table: None
        return
    import pyarrow
    from pyarrow import parquet

    kinds = ((n, pyarrow.string() if n in WORDS else pyarrow.float64()) for n in COLUMNS)
    schema = pyarrow.schema(list(kinds))
    with (
        writing(path) as stream,
        parquet.ParquetWriter(stream, schema) as writer,
        ThreadPoolExecutor(1) as beside,
    ):
        last: list[Future[None]] = []

        def keep(table: Table) -> None:
            arrays = [_array(pyarrow, table, each.name, each.type) for each in schema]
            if last:
                last.pop().result()
            last.append(beside.submit(writer.write_table, pyarrow.table(arrays, schema=schema)))

        yield keep
        if last:
            last.pop().result()


def _array(pyarrow: Any, table: Table, name: str, kind: Any) -> Any:
    if name not in table:
        return pyarrow.nulls(len(table["item"]), kind)
    values = table[name]
    nothing = values == "" if name in WORDS else np.isnan(values)
    return pyarrow.array(values, mask=nothing)
