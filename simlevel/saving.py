"""Files written whole: under a temporary name beside their place, then renamed."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
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
                stream.flush()
                os.fsync(handle)  # or a power cut may leave the name with nothing behind it
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
        raise _no_folder(path, error) from None


@contextmanager
def alone(folder: Path, lock: Path) -> Iterator[None]:
    """*folder* for one run at a time, held by *lock*; what killed ones left half-written goes.

    Raises InputError where another run holds it, or it cannot be written to.
    """
    for path in (folder, lock.parent):
        folder_at(path)
    try:
        stream = lock.open("ab")
    except OSError as error:
        raise _no_folder(folder, error) from None
    with stream:
        if not _locked(stream.fileno()):
            expected = "a folder that no other run writes to"
            raise InputError(f"-o {folder}: expected {expected}, found one at work")
        for path in chain(folder.glob(f".*{PART}"), lock.parent.glob(f".*{PART}")):
            with suppress(OSError):
                path.unlink()
        yield


def _locked(descriptor: int) -> bool:
    """Whether the file is this process's own from now on; its end, of any kind, gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _no_folder(path: Path, error: OSError) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return InputError(f"-o {path}: expected a folder that can be written to, found: {reason}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
