"""Files written whole: under a temporary name beside their place, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from simlevel.errors import InputError

PART = ".simlevel-part"
"""How temporary names end: what a killed run leaves is known by it."""


def write_whole(path: Path, content: bytes) -> None:
    """Write *content* to *path*, all of it or nothing. Raises InputError where it cannot be."""
    with writing(path) as stream:
        stream.write(content)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A stream to a temporary file beside *path*, which is renamed at the end.

    Raises InputError where it cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(PART, f".{path.name}.", path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: expected a place to write to, found: {reason}") from None


def folder_at(path: Path) -> None:
    """Make the folder *path* where there is none. Raises InputError where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = "a folder that can be written to"
        raise InputError(f"-o {path}: expected {expected}, found: {reason}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
