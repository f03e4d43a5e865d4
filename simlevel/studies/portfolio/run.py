"""A whole portfolio, a chunk of items at a time: what is finished stays finished.

Each chunk is a file of its own under the output folder. A run that was killed and is started
again does the chunks that are missing and ends in the same bytes; where an input, a setting or
the program has changed, it begins anew, and says so.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

import simlevel
from simlevel.errors import InputError, Problem
from simlevel.fitting.demand import PERIODS
from simlevel.item_records import Histories, Items, LeadTimes, asked_for
from simlevel.item_tables import Columns, Floats, Source, source
from simlevel.model.portfolio import Portfolio
from simlevel.saving import alone, folder_at, write_whole
from simlevel.studies.portfolio.chunk import from_record
from simlevel.studies.portfolio.formula import from_moments
from simlevel.studies.portfolio.items import Reader, columns_of, value_needed
from simlevel.studies.portfolio.store import Table, packed, unpacked, whole
from simlevel.studies.portfolio.workers import Job, here, on_cluster

ITEMS, ITEMS_AT_ONCE = 250, 10_000
"""Items in a chunk, settled one by one or all at once: what a kill can lose, and how finely the
work is shared out."""
STATE = ".chunks"
Progress = Callable[[int, int], None]
"""Told the items done and planned."""


@dataclass(frozen=True)
class Work:
    """What one run has to do, and where."""

    portfolio: Portfolio
    base: Path
    """The folder that the tables' names are relative to."""
    folder: Path
    key: str
    """Stands for all inputs, settings and the program: chunks of another are not taken."""
    inputs: dict[str, str]
    """SHA-256 of each table."""

    @cached_property
    def table(self) -> Source:
        """The items table; as the others, read once a run."""
        return source(self.base / self.portfolio.items.file)

    @cached_property
    def histories(self) -> Histories | None:
        """The record, where there is one."""
        history = self.portfolio.history
        if history is None:
            return None
        path, unit = self.base / history.file, self.portfolio.time_unit
        found = Histories(history, path, unit, self.named, self._scratch())
        most, held_out = found.periods.count - PERIODS, self.portfolio.backtest.periods or 0
        if held_out > max(most, 0):
            expected = f"at most {max(most, 0):,}, so that {PERIODS} periods are left to fit"
            raise InputError(f"backtest.periods: expected {expected}, found {held_out:,}")
        return found

    @cached_property
    def lead_times(self) -> LeadTimes | None:
        """The lead times on record, where there are any."""
        said = self.portfolio.lead_times
        if said is None:
            return None
        return LeadTimes(said, self.base / said.file, self.named, self._scratch())

    def _scratch(self) -> Path:
        """Where there is room on a disk: beside the chunks."""
        folder_at(self.folder / STATE)
        return self.folder / STATE

    @cached_property
    def named(self) -> Items:
        """The items by name, to look up those of a record."""
        name = self.portfolio.items.name
        return Items(each for columns in self.columns() for each in columns.texts[name])

    @property
    def unused(self) -> tuple[str, ...]:
        """What stands in the records and counts for nothing, in sentences."""
        records = (self.histories, self.lead_times)
        return tuple(said for each in records if each for said in each.unused)

    @property
    def items(self) -> int:
        return self.table.rows

    def columns(self) -> Iterator[Columns]:
        """The items table, a chunk at a time; a name that stands there twice has one record."""
        seen: set[str] = set()
        for columns in self.table.chunks(self.size, *columns_of(self.portfolio)):
            problems = dict(columns.problems)
            for place, name in enumerate(columns.texts[self.portfolio.items.name]):
                if not name:
                    problems.setdefault(place, "expected a name, found an empty cell")
                elif name in seen:
                    said = "expected a name of its own, found that of another row"
                    problems.setdefault(place, said)
                seen.add(name)
            yield replace(columns, problems=problems)

    @property
    def verified(self) -> Path:
        """Where what a simulation said of the chunks is kept."""
        return self.folder / STATE / "verified.json"

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


@contextmanager
def held(portfolio: Portfolio, base: Path, folder: Path) -> Iterator[None]:
    """*folder* for one run at a time, from before :func:`begin` until all is written.

    Raises InputError where it is that of the tables, which would be written over, where another
    run holds it, or where it cannot be written to.
    """
    for name in _tables(portfolio):
        if (base / name).resolve().parent == folder.resolve():
            expected = "a folder other than that of the tables"
            raise InputError(f"-o {folder}: expected {expected}, found {name} in it")
    with alone(folder, folder / STATE / "lock"):
        yield


def begin(portfolio: Portfolio, base: Path, folder: Path) -> tuple[Work, bool]:
    """The work, and whether chunks of an earlier run were thrown away as no longer true.

    *folder* is :func:`held`. Raises InputError where the tables cannot be read, or *folder* not
    be written to.
    """
    inputs = {name: _digest(base / name) for name in _tables(portfolio)}
    # No chunk depends on these.
    said = portfolio.model_dump_json(exclude={"system", "verify", "seed"})
    settings = [simlevel.__version__, said, ITEMS, ITEMS_AT_ONCE, inputs]
    key = hashlib.sha256(json.dumps(settings).encode())
    work = Work(portfolio, base, folder, key.hexdigest(), inputs)
    # What cannot be read throws nothing away, nor does a column that is not there.
    _ = next(work.columns(), None), work.histories, work.lead_times
    return work, _stale(work)


def _tables(portfolio: Portfolio) -> list[str]:
    tables = (portfolio.items, portfolio.history, portfolio.lead_times)
    return [each.file for each in tables if each]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        message = f"expected a table, found: {found}"
        raise InputError([Problem(str(path), 0, 0, "", message)]) from None


def _stale(work: Work) -> bool:
    """Make room for this run; whether that of another was in the way.

    Chunks of this one that a disk has lost a part of are done again.
    """
    state = work.folder / STATE
    key = state / "key"
    folder_at(state)
    others = list(state.glob("*.npz"))
    stale = bool(others) and not (key.is_file() and key.read_text() == work.key)
    if stale:
        work.verified.unlink(missing_ok=True)
    for path in others:
        if stale or not whole(path.read_bytes()):
            path.unlink()
    write_whole(key, work.key.encode())
    return stale


def finish(
    work: Work,
    progress: Progress = lambda done, planned: None,
    workers: int = 0,
    scheduler: str | None = None,
) -> None:
    """Do the chunks that are missing.

    On so many processes (0: one for each processor), or by the workers of the Dask *scheduler*
    at that address. Raises InputError where a table cannot be read, a chunk not be written, or
    workers are lost for good.
    """
    missing, done = _missing(work), finished(work)
    progress(done, work.items)
    if not missing:
        return
    jobs = _jobs(work, missing)
    count = min(workers or os.cpu_count() or 1, len(missing))
    found = (
        here(results, jobs, count) if scheduler is None else on_cluster(results, jobs, scheduler)
    )
    with closing(found):
        for number, content in found:
            write_whole(work.chunk(number), content)
            done += work.items_in(number)
            progress(done, work.items)


def finished(work: Work) -> int:
    """Items that need not be done again."""
    return work.items - sum(map(work.items_in, _missing(work)))


def _missing(work: Work) -> set[int]:
    return {n for n in range(work.chunks) if not work.chunk(n).is_file()}


def _jobs(work: Work, missing: Container[int]) -> Iterator[Job]:
    """What :func:`results` needs for each chunk that is *missing*."""
    histories, lead_times, thresholds = work.histories, work.lead_times, _thresholds(work)
    for number, columns in enumerate(work.columns()):
        if number in missing:
            names = columns.texts[work.portfolio.items.name]
            record = histories.of(names) if histories else None
            times = lead_times.of(names) if lead_times else None
            yield number, (work.portfolio, columns, record, thresholds, times)


def results(
    portfolio: Portfolio, columns: Columns, record: Floats | None,
    thresholds: Mapping[float, float], lead_times: Floats | None = None,
) -> bytes:  # fmt: skip
    """The results of one chunk, packed: all that a worker does, and it opens no file."""
    if record is None:
        return packed(from_moments(portfolio, columns, thresholds))
    return packed(from_record(portfolio, columns, record, thresholds, lead_times))


def _thresholds(work: Work) -> dict[float, float]:
    """Of the classes by value: from a pass over all items, whose values alone are kept."""
    shares = [each.value_up_to for each in work.portfolio.classes.values() if each.value_up_to]
    if not shares:
        return {}
    values = []
    for columns in work.columns():
        reader = Reader(work.portfolio, columns)
        mean = _means(work, reader.names) if work.histories else reader.mean
        worth = np.nan_to_num(mean * reader.unit_value)
        values.append(np.delete(worth, list(reader.problems)))
    return value_needed(np.concatenate(values or [np.empty(0)]), shares)


def _means(work: Work, names: list[str]) -> Floats:
    """Units a period of each item; 0 where no period is known."""
    assert work.portfolio.history
    assert work.histories
    demand = asked_for(work.histories.of(names), work.portfolio.history.returns)
    known = np.maximum((~np.isnan(demand)).sum(axis=1), 1)
    return np.asarray(np.nansum(demand, axis=1) / known)
