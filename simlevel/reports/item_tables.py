"""The items of a portfolio with their results, as CSV and as Parquet, a chunk at a time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from simlevel.reports.files import for_spreadsheets
from simlevel.saving import writing
from simlevel.studies.portfolio.chunk import COLUMNS
from simlevel.studies.portfolio.store import WORDS, Table


def write_csv(path: Path, tables: Iterable[Table]) -> None:
    """UTF-8 with a mark that spreadsheets know it by; numbers to 10 digits."""
    with writing(path) as stream:
        stream.write(codecs.BOM_UTF8 + _line(COLUMNS))
        for table in tables:
            columns = [_cells(table, name) for name in COLUMNS]
            stream.writelines(map(_line, zip(*columns, strict=True)))


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


def write_parquet(path: Path, tables: Iterable[Table]) -> bool:
    """A row group a chunk, what does not apply is null. False where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        return False
    import pyarrow
    from pyarrow import parquet

    kinds = ((n, pyarrow.string() if n in WORDS else pyarrow.float64()) for n in COLUMNS)
    schema = pyarrow.schema(list(kinds))
    with writing(path) as stream, parquet.ParquetWriter(stream, schema) as writer:
        for table in tables:
            arrays = [_array(pyarrow, table, each.name, each.type) for each in schema]
            writer.write_table(pyarrow.table(arrays, schema=schema))
    return True


def _array(pyarrow: Any, table: Table, name: str, kind: Any) -> Any:
    if name not in table:
        return pyarrow.nulls(len(table["item"]), kind)
    values = table[name]
    nothing = values == "" if name in WORDS else np.isnan(values)
    return pyarrow.array(values, mask=nothing)
