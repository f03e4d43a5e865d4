"""Text tables of any length: recognised as records are, and read a block of rows at a time."""

from __future__ import annotations

import codecs
import csv
import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

from simlevel import records
from simlevel.errors import InputError, Problem
from simlevel.records import Heading, Refused, Row

MOST_ROWS = 1_000_000_000
LONGEST_LINE = 10_000_000
"""Bytes, about, without the end of a line: more are no table, and would be held at once."""
CELLS = 50_000
"""Cells that are looked at together."""
BYTES = 1_000_000
"""Bytes that are looked at together."""

_ENDS = re.compile("\r\n?|\n")
_UNDECODED = re.compile("[\udc80-\udcff]")
_CHANGED = "expected the table as it was when it was first read, found it changed meanwhile"

Numbers: TypeAlias = dict[str, tuple[int, str]]
"""The first number of each kind, and its line."""
Stamp: TypeAlias = tuple[int, int]
"""Size of a file, and when it was written."""


class Block(NamedTuple):
    """Some rows, as they stand in the file."""

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]
    ragged: Sequence[Sequence[str]] = ()
    """In place of columns the rows, where they have not all as many cells."""

    @property
    def rows(self) -> Iterable[Sequence[str]]:
        return self.ragged or zip(*self.columns, strict=True)

    def column(self, place: int) -> list[str]:
        """The cells of one column, without the spaces around them."""
        return list(map(str.strip, self.columns[place]))

    def cut(self, count: int, width: int) -> Block:
        """The first rows, and of these the first cells, which they all have."""
        columns = zip(*self.ragged[:count], strict=False) if self.ragged else self.columns
        return Block(self.lines[:count], [each[:count] for each in islice(columns, width)])


@dataclass(frozen=True)
class TextTable(Heading):
    """A text file, of which a block at a time is held, and what one look at all of it told."""

    rows: int
    """Up to the last that is not empty."""
    first: Row
    """That is not empty."""
    fits: frozenset[bool]
    """Whether rows that are not empty have the width of the header: of some, of others."""
    misfits: tuple[Problem, ...]
    """The first rows that have another width or are empty."""
    more_misfits: int
    numbers: tuple[Numbers, ...]
    """Of each column the numbers whose marks tell its decimal sign."""
    stamp: Stamp

    def places(self, names: Iterable[str]) -> list[int]:
        """Of the columns of these names, from 0.

        Raises InputError where there are none such, or rows do not fit.
        """
        wanted = [name.strip() for name in names]
        problems = [p for name in dict.fromkeys(wanted) for p in records.no_such_column(self, name)]
        if problems or self.misfits:
            raise records.listed([*problems, *self.misfits], self.more_misfits)
        return [self.header.cells.index(name) for name in wanted]

    def decimal_sign(self, place: int) -> str:
        """Of the numbers in a column. Raises InputError where it cannot be told."""
        try:
            return records.decimal_sign(self.numbers[place], self.separator)
        except Refused as refused:
            key = self.header.cells[place]
            raise InputError([self.problem(refused.line, place, key, str(refused))]) from None

    def blocks(self, size: int) -> Iterator[Block]:
        """All rows, so many at a time. Raises InputError where the file is no longer the same."""
        if not self.path.is_file() or _stamp(self.path) != self.stamp:
            raise InputError([Problem(str(self.path), 0, 0, "", _CHANGED)])
        left = self.rows
        with _opened(self.path) as stream:
            for block in islice(_blocks(stream, self.separator, size), 1, None):
                if not left:
                    return
                yield block.cut(left, self.width)
                left -= min(left, len(block.lines))


def text_table(path: Path) -> TextTable:
    """The table in a text file, looked through once. Raises InputError where it cannot be read."""
    try:
        records.ending_of(path)
        if not path.is_file():
            raise Refused(f"expected a file, found {records.instead_of_file(path)}")
        _check_bytes(path)
        return _recognised(path)
    except OSError as error:
        problem = Problem(str(path), 0, 0, "", str(records.unreadable(error)))
        raise InputError([problem]) from error
    except Refused as refused:
        problem = Problem(str(path), refused.line, refused.column, "", str(refused))
        raise InputError([problem]) from refused


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


# Bytes --------------------------------------------------------------------------------------


def _check_bytes(path: Path) -> None:
    """Raises Refused where it is no text in UTF-8, or no table."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    length, empty = 0, True
    with path.open("rb") as stream:
        while data := stream.read(BYTES):
            records.check_text(data)
            try:
                decoder.decode(data)
            except UnicodeDecodeError:
                raise _no_utf8(path) from None
            empty = empty and not data.removeprefix(codecs.BOM_UTF8).strip()
            end = max(data.rfind(b"\n"), data.rfind(b"\r"))
            length = len(data) - end - 1 + (length if end < 0 else 0)
            if length > LONGEST_LINE:
                raise Refused(f"expected lines of at most {LONGEST_LINE:,} bytes, found more")
    if decoder.getstate()[0]:
        raise _no_utf8(path)
    if empty:
        raise Refused(records.EMPTY)


def _no_utf8(path: Path) -> Refused:
    """With the first byte that is not."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        for line, text in enumerate(lines, 1):
            if found := _UNDECODED.search(text):
                return records.no_utf8(ord(found[0]) - 0xDC00, line, found.start() + 1)
    return Refused(_CHANGED)


# Rows ---------------------------------------------------------------------------------------


def _recognised(path: Path) -> TextTable:
    separators = [each for each in records.SEPARATORS if len(_header(path, each)) > 1]
    if not separators:
        return _looked_through(path, None)
    tables: list[TextTable] = []
    refusals: list[Refused] = []
    for separator in separators:
        try:
            tables.append(_looked_through(path, separator))
        except Refused as refused:
            refusals.append(refused)
    return records.decided(tables, refusals)


def _header(path: Path, separator: str) -> Sequence[str]:
    with _opened(path) as stream:
        try:
            return [cell for block in islice(_blocks(stream, separator, 1), 1)
                    for row in block.rows for cell in row]  # fmt: skip
        except Refused:
            return ()


def _opened(path: Path) -> IO[str]:
    return path.open(encoding="utf-8-sig", newline="")


def _blocks(stream: Iterable[str], separator: str | None, size: int) -> Iterator[Block]:
    """The header, then so many rows at a time. Raises Refused."""
    reader = records.reader_of(stream, separator)
    wanted = 1
    while True:
        begin = reader.line_num + 1
        with _uncollected():
            block = _next(reader, begin, wanted)
        if not block.lines:
            return
        yield block
        wanted = size


def _next(reader: Any, begin: int, wanted: int) -> Block:
    """The next rows, from line *begin* on; none at the end. Raises Refused."""
    rows: list[list[str]] = []
    try:
        rows.extend(islice(reader, wanted))
    except csv.Error as error:
        line = [*_lines(begin, [*rows, []])][-1]
        raise Refused(records.OPEN_QUOTES, line, 1) from error
    each_on_one = reader.line_num + 1 == begin + len(rows)
    lines = range(begin, begin + len(rows)) if each_on_one else [*_lines(begin, rows)]
    if len({*map(len, rows)}) == 1 and rows[0]:
        return Block(lines, list(zip(*rows, strict=True)))
    return Block(lines, (), rows)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector, which goes through rows again and again while they come: half the
    time, and none of them is garbage."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _lines(line: int, rows: Iterable[Sequence[str]]) -> Iterator[int]:
    """The line that each row begins in, where cells hold ends of lines."""
    for row in rows:
        yield line
        line += 1 + sum(len(_ENDS.findall(cell)) for cell in row)


def _looked_through(path: Path, separator: str | None) -> TextTable:
    """Raises Refused."""
    stamp = _stamp(path)
    with _opened(path) as stream:
        block = next(_blocks(stream, separator, 1), Block((), ()))
        header = records.header_of((1, tuple(map(str.strip, row))) for row in block.rows)
    look = _Look(Heading(path, header, separator))
    with _opened(path) as stream:
        size = max(CELLS // look.table.width, 1)
        for block in islice(_blocks(stream, separator, size), 1, None):
            look.add(block)
    return look.found(stamp)


class _Look:
    """What is seen of a table, block by block, before any row is used."""

    def __init__(self, table: Heading) -> None:
        self.table = table
        self._seen = self._rows = 0
        self._first: Row | None = None
        self._fits: set[bool] = set()
        self._misfits, self._empty = _Problems(), _Problems()
        self._numbers: list[Numbers] = [{} for _ in range(table.width)]

    def found(self, stamp: Stamp) -> TextTable:
        table, misfits = self.table, self._misfits
        if not self._rows:
            misfits.add(table.problem(table.header.line, 0, "", records.NO_ROW))
        return TextTable(
            table.path, table.header, table.separator, self._rows, self._first or Row(0, ()),
            frozenset(self._fits), tuple(misfits.first), misfits.more, tuple(self._numbers), stamp,
        )  # fmt: skip

    def add(self, block: Block) -> None:
        """Raises Refused where these are too many."""
        wide = len(block.columns) == self.table.width
        if wide and all(map(str.strip, map("".join, block.rows))):
            first = tuple(column[0].strip() for column in block.columns)
            self._filled(Row(block.lines[0], first), len(block.lines))
        else:
            block = self._fitting(block)
        for known, column in zip(self._numbers, block.columns, strict=False):
            _note_numbers(known, block.lines, column)

    def _filled(self, first: Row, count: int = 1) -> None:
        """So many rows that are not empty; the *first*, as far as the header goes."""
        self._misfits.take(self._empty)
        self._empty = _Problems()
        self._first = self._first or first
        self._fits.add(len(first.cells) == self.table.width)
        self._seen += count
        self._rows = self._seen
        if self._rows > MOST_ROWS:
            raise Refused(f"expected at most {MOST_ROWS:,} rows, found more", first.line, 1)

    def _fitting(self, block: Block) -> Block:
        """The rows that fit; the others are noted."""
        table, width = self.table, self.table.width
        lines, rows = list[int](), list[Sequence[str]]()
        for line, row in zip(block.lines, block.rows, strict=True):
            cells = tuple(map(str.strip, row))
            # A row that is too long stays so, unless separators are all that it has too many of.
            cells = cells if any(cells[width:]) else cells[:width]
            if not any(cells):
                self._seen += 1
                self._empty.add(table.problem(line, 0, "", records.misfit(table, 0)))
                continue
            self._filled(Row(line, cells))
            if len(cells) == width:
                lines.append(line)
                rows.append(cells)
            else:
                place, said = min(len(cells), width), records.misfit(table, len(cells))
                self._misfits.add(table.problem(line, place, "", said))
        return Block(lines, list(zip(*rows, strict=True)))


class _Problems:
    """The first of some, and how many more there are."""

    def __init__(self) -> None:
        self.first: list[Problem] = []
        self.more = 0

    def add(self, problem: Problem) -> None:
        if len(self.first) <= records.MOST_LISTED:
            self.first.append(problem)
        else:
            self.more += 1

    def take(self, others: _Problems) -> None:
        for problem in others.first:
            self.add(problem)
        self.more += others.more


def _note_numbers(known: Numbers, lines: Sequence[int], column: Sequence[str]) -> None:
    """The first number of each kind that is not *known* yet, of those that have a mark."""
    kinds = {text: records.shape_of(records.unsigned(text.strip()))
             for text in set(column) if "." in text or "," in text}  # fmt: skip
    new = {kind for kind in kinds.values() if kind not in known}
    for line, text in zip(lines, column, strict=True) if new else ():
        if (kind := kinds.get(text)) in new and kind:
            known.setdefault(kind, (line, records.unsigned(text.strip())))
