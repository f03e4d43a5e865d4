"""A whole portfolio, a chunk of items at a time: what is finished stays finished.

Each chunk is a file of its own under the output folder. A run that was killed and is started
again does the chunks that are missing and ends in the same bytes; where an input, a setting or
the program has changed, it begins anew, and says so.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import simlevel
from simlevel.errors import InputError, Problem
from simlevel.item_tables import Columns, Floats, Histories, LeadTimes, Source, netted, source
from simlevel.model.portfolio import Portfolio
from simlevel.saving import write_whole
from simlevel.studies.portfolio.chunk import from_record
from simlevel.studies.portfolio.formula import from_moments
from simlevel.studies.portfolio.items import Reader, columns_of, value_needed
from simlevel.studies.portfolio.store import Table, packed, unpacked

ITEMS, ITEMS_AT_ONCE = 250, 10_000
"""Items in a chunk, settled one by one or all at once: what a kill can lose, and how finely the
work is shared out."""
STATE = ".chunks"
AHEAD = 2
"""Chunks that wait for each worker, so that memory does not grow with the number of items."""
Progress = Callable[[int, int], None]
"""Told the items done and planned."""


@dataclass(frozen=True)
class Work:
    """What one run has to do, and where."""

    portfolio: Portfolio
    base: Path
    """The folder that the tables' names are relative to."""
    folder: Path
    items: int
    key: str
    """Stands for all inputs, settings and the program: chunks of another are not taken."""
    inputs: dict[str, str]
    """SHA-256 of each table."""

    def chunk(self, number: int) -> Path:
        return self.folder / STATE / f"{number:06}.npz"

    @property
    def size(self) -> int:
        """Items in a chunk."""
        return ITEMS if self.portfolio.history else ITEMS_AT_ONCE

    @property
    def chunks(self) -> int:
        return -(-self.items // self.size)

    def items_in(self, number: int) -> int:
        """Items in one chunk."""
        return min(self.size, self.items - number * self.size)

    def tables(self) -> Iterator[Table]:
        """The results of one chunk after another, once they are there; with their ladders."""
        for number in range(self.chunks):
            yield unpacked(self.chunk(number).read_bytes())


def begin(portfolio: Portfolio, base: Path, folder: Path) -> tuple[Work, bool]:
    """The work, and whether chunks of an earlier run were thrown away as no longer true.

    Raises InputError where the tables cannot be read or *folder* not be written to.
    """
    tables = [each.file for each in (portfolio.items, portfolio.history,
                                         portfolio.lead_times) if each]  # fmt: skip
    inputs = {name: _digest(base / name) for name in tables}
    said = portfolio.model_dump_json(exclude={"system"})  # that is worked out from the chunks
    settings = [simlevel.__version__, said, ITEMS, ITEMS_AT_ONCE, inputs]
    key = hashlib.sha256(json.dumps(settings).encode())
    rows = source(base / portfolio.items.file).rows
    work = Work(portfolio, base, folder, rows, key.hexdigest(), inputs)
    return work, _stale(work)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        message = f"expected a table, found: {found}"
        raise InputError([Problem(str(path), 0, 0, "", message)]) from None


def _stale(work: Work) -> bool:
    """Make room for this run; whether that of another was in the way."""
    state = work.folder / STATE
    key = state / "key"
    try:
        state.mkdir(parents=True, exist_ok=True)
        others = list(state.glob("*.npz"))
        stale = bool(others) and not (key.is_file() and key.read_text() == work.key)
        for path in others if stale else ():
            path.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = "a folder that can be written to"
        raise InputError(f"-o {work.folder}: expected {expected}, found: {reason}") from None
    write_whole(key, work.key.encode())
    return stale


def finish(work: Work, progress: Progress = lambda done, planned: None, workers: int = 0) -> None:
    """Do the chunks that are missing, on so many processes (0: one for each processor).

    Raises InputError where a table cannot be read.
    """
    missing = {n for n in range(work.chunks) if not work.chunk(n).is_file()}
    done = work.items - sum(map(work.items_in, missing))
    progress(done, work.items)
    if not missing:
        return
    table, histories = source(work.base / work.portfolio.items.file), _histories(work)
    said = work.portfolio.lead_times
    lead_times = LeadTimes(said, work.base / said.file) if said else None
    thresholds = _thresholds(work, table, histories)
    count = min(workers or os.cpu_count() or 1, len(missing))
    with ProcessPoolExecutor(count) as pool:
        under_way: dict[Future[bytes], int] = {}
        for number, columns in enumerate(_columns(work, table)):
            if number not in missing:
                continue
            names = columns.texts[work.portfolio.items.name]
            record = histories.of(names) if histories else None
            times = lead_times.of(names) if lead_times else None
            sent = (work.portfolio, columns, record, thresholds, times)
            under_way[pool.submit(results, *sent)] = number
            if len(under_way) >= AHEAD * count:
                done += _kept(work, under_way)
                progress(done, work.items)
        while under_way:
            done += _kept(work, under_way)
            progress(done, work.items)


def results(
    portfolio: Portfolio, columns: Columns, record: Floats | None,
    thresholds: Mapping[float, float], lead_times: Floats | None = None,
) -> bytes:  # fmt: skip
    """The results of one chunk, packed: all that a worker does, and it opens no file."""
    if record is None:
        return packed(from_moments(portfolio, columns, thresholds))
    return packed(from_record(portfolio, columns, record, thresholds, lead_times))


def _kept(work: Work, under_way: dict[Future[bytes], int]) -> int:
    """Write the chunks that are done, at least one; the items in them."""
    finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
    items = 0
    for each in finished:
        number = under_way.pop(each)
        write_whole(work.chunk(number), each.result())
        items += work.items_in(number)
    return items


def _columns(work: Work, table: Source) -> Iterator[Columns]:
    return table.chunks(work.size, *columns_of(work.portfolio))


def _thresholds(work: Work, table: Source, histories: Histories | None) -> dict[float, float]:
    """Of the classes by value: from a pass over all items, whose values alone are kept."""
    shares = [each.value_up_to for each in work.portfolio.classes.values() if each.value_up_to]
    if not shares:
        return {}
    values = []
    for columns in _columns(work, table):
        reader = Reader(work.portfolio, columns)
        mean = np.nanmean(netted(histories.of(reader.names)), axis=1) if histories else reader.mean
        worth = np.nan_to_num(mean * reader.unit_value)
        values.append(np.delete(worth, list(reader.problems)))
    return value_needed(np.concatenate(values or [np.empty(0)]), shares)


def _histories(work: Work) -> Histories | None:
    history = work.portfolio.history
    if history is None:
        return None
    return Histories(history, work.base / history.file, work.portfolio.time_unit)
