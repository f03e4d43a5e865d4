"""A table of numbers too many to hold: in a file without a name, which no run leaves behind."""

from __future__ import annotations

from pathlib import Path
from tempfile import SpooledTemporaryFile
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

HELD = 2**25
"""Bytes that are held in memory before there is a file."""
WAITING = 2**19
"""Numbers that wait to be added."""
BLOCK = 2**16
"""Numbers that are read and written together."""


class Scratch:
    """A table of *rows* x *columns*, which numbers are added to in any order.

    *empty* stands where nothing has been added. The file, where one is needed, is in *folder*
    (None: where the system has such) and ends with the process, however that ends. Raises
    InputError where it cannot be written.
    """

    def __init__(self, rows: int, columns: int, empty: float, folder: Path | None) -> None:
        self._columns, self._folder = columns, folder
        self._file = SpooledTemporaryFile[bytes](HELD, dir=None if folder is None else str(folder))
        finalize(self, self._file.close)
        self._cells: list[Places] = []
        self._values: list[Floats] = []
        self._waiting = 0
        for begin in range(0, rows * columns, BLOCK):
            size = min(BLOCK, rows * columns - begin)
            self._write(begin, np.full(size, empty))

    def add(self, rows: Places, columns: Places, values: Floats) -> None:
        """Add each of *values* to its place, from 0; an empty one counts as 0 then."""
        self._cells.append(rows * self._columns + columns)
        self._values.append(values)
        self._waiting += len(values)
        if self._waiting >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Put what waits in its place: a block after the other, each once."""
        if not self._cells:
            return
        cells, values = np.concatenate(self._cells), np.concatenate(self._values)
        self._cells, self._values, self._waiting = [], [], 0
        order = np.argsort(cells, kind="stable")
        cells, values = cells[order], values[order]
        blocks, begins = np.unique(cells // BLOCK, return_index=True)
        for block, begin, end in zip(blocks, begins, [*begins[1:], len(cells)], strict=True):
            self._file.seek(int(block) * BLOCK * 8)
            table = np.frombuffer(bytearray(self._file.read(BLOCK * 8)))
            places = cells[begin:end] - block * BLOCK
            table[places] = np.where(np.isnan(table[places]), 0.0, table[places])
            np.add.at(table, places, values[begin:end])
            self._write(int(block) * BLOCK, table)

    def _write(self, begin: int, values: Floats) -> None:
        try:
            self._file.seek(begin * 8)
            self._file.write(values.tobytes())
        except OSError as error:
            where = self._folder or "temporary files"
            reason = (error.strerror or str(error)).lower()
            message = f"{where}: expected a place to write to, found: {reason}"
            raise InputError(message) from None

    def row(self, row: int) -> Floats:
        """The columns of one row, once all is flushed."""
        self._file.seek(row * self._columns * 8)
        return np.frombuffer(self._file.read(self._columns * 8))
