"""Numbers too many to hold: in a file without a name, which no run leaves behind."""

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
    """So many numbers, which others are added to in any order.

    *empty* stands where nothing has been added. The file, where one is needed, is in *folder*
    (None: where the system has such) and ends with the process, however that ends. Raises
    InputError where it cannot be written.
    """

    def __init__(self, size: int, empty: float, folder: Path | None) -> None:
        self._where = folder or "temporary files"
        self._waiting: list[tuple[Places, Floats]] = []
        try:
            self._file = SpooledTemporaryFile[bytes](
                HELD, dir=None if folder is None else str(folder)
            )
            finalize(self, self._file.close)
            for begin in range(0, size, BLOCK):
                self._write(begin, np.full(min(BLOCK, size - begin), empty))
        except OSError as error:
            raise self._refused(error) from None

    def add(self, places: Places, values: Floats) -> None:
        """Add each of *values* to what is at its place, from 0; an empty one counts as 0 then."""
        self._waiting.append((places, values))
        if sum(len(places) for places, _ in self._waiting) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Put what waits in its place, a block after the other."""
        if not self._waiting:
            return
        places, values = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting = []
        order = np.argsort(places, kind="stable")
        places, values = places[order], values[order]
        blocks, begins = np.unique(places // BLOCK, return_index=True)
        ends = [*begins[1:], len(places)]
        try:
            for block, begin, end in zip(blocks.tolist(), begins, ends, strict=True):
                first = block * BLOCK
                table = self.read(first, first + BLOCK).copy()
                at = places[begin:end] - first
                table[at] = np.where(np.isnan(table[at]), 0.0, table[at])
                np.add.at(table, at, values[begin:end])
                self._write(first, table)
        except OSError as error:
            raise self._refused(error) from None

    def read(self, begin: int, end: int) -> Floats:
        """From one place up to another, or the last, once all is flushed."""
        self._file.seek(begin * 8)
        return np.frombuffer(self._file.read((end - begin) * 8))

    def _write(self, begin: int, values: Floats) -> None:
        self._file.seek(begin * 8)
        self._file.write(values.tobytes())

    def _refused(self, error: OSError) -> InputError:
        reason = (error.strerror or str(error)).lower()
        return InputError(f"{self._where}: expected a place to write to, found: {reason}")
