"""A chunk of results as bytes: its columns, of numbers or of words."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cells: TypeAlias = dict[str, Any]
"""One item's results by column; what does not apply to it is not there."""
Table: TypeAlias = Mapping[str, NDArray[Any]]
"""Columns of results, one entry an item: NaN or no word where it does not apply."""

WORDS = frozenset({
    "item", "class", "target", "family", "pattern", "how", "present_kind", "proposed_kind",
    "note", "present_error", "error",
})  # fmt: skip
"""Columns of words; all others are of numbers."""


def table_of(rows: Sequence[Cells]) -> Table:
    """The columns of *rows*, those in which there is anything."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: np.array([row.get(name) or "" for row in rows], dtype=np.str_)
        if name in WORDS
        else np.array([_number(row.get(name)) for row in rows])
        for name in names
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def column(table: Table, name: str) -> NDArray[Any]:
    """One column of *table*, also where nothing is in it."""
    if name in table:
        return table[name]
    items = len(table["item"])
    return np.full(items, "") if name in WORDS else np.full(items, math.nan)


def packed(table: Table) -> bytes:
    """As a file of NumPy's, the same bytes for the same table; words are in JSON."""
    stream = io.BytesIO()
    plain: Any = {n: _letters(each) if n in WORDS else each for n, each in table.items()}
    np.savez(stream, **plain)
    return stream.getvalue()


def _letters(words: NDArray[np.str_]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(words.tolist()).encode(), dtype=np.uint8)


def unpacked(content: bytes) -> Table:
    """What :func:`packed` packed; a column is read when it is first asked for."""
    return _Packed(content)


def whole(content: bytes) -> bool:
    """Whether it is what :func:`packed` packed, to the last byte."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.testzip() is None
    except Exception:  # zipfile raises what it likes where anything may stand
        return False


class _Packed(Mapping[str, NDArray[Any]]):
    def __init__(self, content: bytes) -> None:
        self._arrays = np.load(io.BytesIO(content), allow_pickle=False)
        self._read: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._read:
            found = self._arrays[name]
            words = name in WORDS
            self._read[name] = np.array(json.loads(found.tobytes()), np.str_) if words else found
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays.files)

    def __len__(self) -> int:
        return len(self._arrays.files)
