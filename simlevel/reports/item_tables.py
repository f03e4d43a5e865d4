"""The items of a portfolio with their results, as CSV and as Parquet, a chunk at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from simlevel.reports.files import for_spreadsheets
from simlevel.saving import writing
from simlevel.studies.portfolio.chunk import COLUMNS
from simlevel.studies.portfolio.store import WORDS, Table, column


def write_csv(path: Path, tables: Iterable[Table]) -> None:
    """UTF-8 with a mark that spreadsheets know it by; numbers to 10 digits."""
    with writing(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for table in tables:
            writer.writerows(zip(*(_shown(table, name) for name in COLUMNS), strict=True))
        text.detach()


def _shown(table: Table, name: str) -> Iterator[object]:
    values = column(table, name).tolist()
    if name in WORDS:
        return map(for_spreadsheets, values)
    return ("" if value != value else f"{value:.10g}" for value in values)  # NaN differs from it


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
            arrays = [_array(pyarrow, table, name) for name in COLUMNS]
            writer.write_table(pyarrow.table(arrays, schema=schema))
    return True


def _array(pyarrow: Any, table: Table, name: str) -> Any:
    values = column(table, name)
    nothing = values == "" if name in WORDS else np.isnan(values)
    return pyarrow.array(values, mask=nothing)
