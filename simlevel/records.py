"""The room where records come in: tables of text files and workbooks, recognised or refused."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from simlevel.errors import InputError, Problem, near

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx")
MOST_BYTES = 50_000_000
MOST_ROWS = 1_000_000
MOST_UNPACKED = 200_000_000
"""Bytes that the parts of a workbook may declare."""
MOST_CELLS = 25_000_000
"""Cells of a sheet: one in the last column stands for all that the file leaves out before it."""
LARGEST, SMALLEST = 1e15, 1e-15
MOST_LISTED = 20

SEPARATORS = {",": '","', ";": '";"', "\t": "tab", "|": '"|"'}
_NO_SEPARATOR = "\x1f"

_POWER = r"(?:[eE][+-]?\d{1,4})?"
_WHOLE = re.compile(rf"[+-]?\d+{_POWER}", re.ASCII)
_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_DOTTED = re.compile(
    r"[+-]?(?:\d+\.\d*|\.\d+|[1-9]\d{0,2}(?:,\d{3})+\.\d*|[1-9]\d{0,2}(?:,\d{3}){2,})" + _POWER,
    re.ASCII,
)
_SWAP = str.maketrans(".,", ",.")


@dataclass(frozen=True)
class Column:
    """The numbers of one column, and how they were read."""

    values: tuple[float, ...]
    """Whole numbers are int."""
    said: str | None
    """What was recognised, in a sentence; None for commas, decimal dots and UTF-8."""


class Row(NamedTuple):
    """One row, its cells without the spaces around them; an empty row has none."""

    line: int
    cells: tuple[str, ...]


Line = tuple[int, tuple[str, ...]]
"""A row before it is known to belong to the table."""


@dataclass(frozen=True)
class Heading:
    """What a file says before its rows, and the dialect that it is read in."""

    path: Path
    header: Row
    separator: str | None
    """None in a workbook and in a text file of one column."""

    @property
    def width(self) -> int:
        return len(self.header.cells)

    def problem(self, line: int, place: int, key: str, message: str) -> Problem:
        """A problem at the cell in column *place*, counted from 0."""
        return Problem(str(self.path), line, place + 1, key, message)


@dataclass(frozen=True)
class Table(Heading):
    """What a file holds, as text."""

    rows: Sequence[Row]
    """Up to the last that is not empty."""
    sheets: tuple[str, ...]
    """The sheets of a workbook, of which the first was read; none in a text file."""

    @property
    def first(self) -> Row:
        """The first row that is not empty, where there are rows."""
        return next(row for row in self.rows if row.cells)

    @property
    def fits(self) -> Set[bool]:
        """Whether rows that are not empty have the width of the header: of some, of others."""
        return {len(row.cells) == self.width for row in self.rows if row.cells}


class NoNumber(str):
    """A cell of a workbook that holds no number there, even where it looks like one."""

    found: str

    @classmethod
    def described(cls, text: str, found: str) -> NoNumber:
        cell = cls(text)
        cell.found = found
        return cell


_NOTHING = NoNumber.described("", "an empty cell, or a formula that was never calculated")
"""One for all, since a sheet can have millions."""


class Refused(Exception):  # noqa: N818
    """The whole file cannot be taken; who reads it says which file it was."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def read_column(path: Path, column: str) -> Column:
    """The numbers, each 0 or more, below the name *column* in a text file or workbook.

    A problem's column is that of the table: 2 is the second field of its line.
    """
    return column_of(read_table(path), column)


def read_table(path: Path) -> Table:
    """The header, the rows and the dialect of a file, whatever its cells hold."""
    try:
        read = _read_workbook if ending_of(path) == ".xlsx" else _read_text
        return read(path, _content(path))
    except Refused as refused:
        problem = Problem(str(path), refused.line, refused.column, "", str(refused))
        raise InputError([problem]) from refused


def misfits(table: Table) -> Iterator[Problem]:
    """Where the shape of a table is wrong: no rows, an empty one, or one longer or shorter."""
    if not table.rows:
        yield table.problem(table.header.line, 0, "", NO_ROW)
    width = table.width
    for line, cells in table.rows:
        if len(cells) != width:
            message = misfit(table, len(cells))
            yield table.problem(line, min(len(cells), width), "", message)


NO_ROW = "expected at least one row below the header, found none"


def misfit(table: Heading, found: int) -> str:
    """What is wrong with a row of so many fields."""
    if not found:
        return "expected a row, found an empty line"
    hint = " (a number with a decimal comma needs quotes here)"
    return f"expected {_fields(table.width)}, as in the header, found {found}" + (
        hint if table.separator == "," and found > table.width else ""
    )


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


# The file -----------------------------------------------------------------------------------


def ending_of(path: Path) -> str:
    """The ending of a table that is read. Raises Refused for others."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        taken = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        raise Refused(f"expected a file that ends in {taken}, found {ending or 'no ending'}")
    return ending


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Refused(f"expected a file, found {instead_of_file(path)}")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise unreadable(error) from error
    if len(data) > MOST_BYTES:
        raise Refused(f"expected at most {MOST_BYTES // 10**6} MB, found a larger file")
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise Refused(EMPTY)
    return data


EMPTY = "expected a table, found an empty file"


def unreadable(error: OSError) -> Refused:
    """The refusal of a file that the system does not hand out."""
    return Refused(f"expected a file that can be read, found: {error.strerror}")


def instead_of_file(path: Path) -> str:
    """What is there, where no file is."""
    if path.is_dir():
        return "a directory"
    return "a pipe or device" if path.exists() else "none of this name"


# Text ---------------------------------------------------------------------------------------


def _read_text(path: Path, data: bytes) -> Table:
    _check_encoding(data)
    # Blank lines at the end can be many more than the rows that are allowed.
    data = data.rstrip(b"\r\n")
    separators = [sep for sep in SEPARATORS if len(_first(data, sep)) > 1]
    if not separators:
        return _text_table(path, data, None)
    tables: list[Table] = []
    refusals: list[Refused] = []
    for separator in separators:
        try:
            tables.append(_text_table(path, data, separator))
        except Refused as refused:
            refusals.append(refused)
    return decided(tables, refusals)


def _check_encoding(data: bytes) -> None:
    check_text(data)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = re.split("\r\n?|\n", data[: error.start].decode("utf-8"))
        raise no_utf8(data[error.start], len(before), len(before[-1]) + 1) from error


def check_text(data: bytes) -> None:
    """Raises Refused where what a file begins with, or a part of it, is no text of single bytes."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused('expected text in UTF-8, found UTF-16: save the file as "CSV UTF-8"')
    if b"\0" in data:
        raise Refused("expected a text file, found a binary one (a workbook must end in .xlsx)")


def no_utf8(byte: int, line: int, column: int) -> Refused:
    """The refusal of a text in another encoding, with the first *byte* that says so."""
    message = f"expected text in UTF-8, found the byte 0x{byte:02X}, which is not"
    return Refused(f'{message}: save the file as "CSV UTF-8"', line, column)


def _first(data: bytes, separator: str) -> tuple[str, ...]:
    try:
        return next(_lines(data, separator))[1]
    except Refused:
        return ()


def _lines(data: bytes, separator: str | None) -> Iterator[Line]:
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    reader = reader_of(text, separator)
    line = 1
    try:
        for cells in reader:
            yield line, tuple(map(str.strip, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise Refused(OPEN_QUOTES, line, 1) from error


def reader_of(lines: Iterable[str], separator: str | None) -> Any:
    """The rows of a text file, with the spaces that end their cells; raises csv.Error."""
    return csv.reader(
        lines, delimiter=separator or _NO_SEPARATOR, skipinitialspace=True, strict=True
    )


OPEN_QUOTES = "expected quotes that close just before a separator, found one that does not"


def _text_table(path: Path, data: bytes, separator: str | None) -> Table:
    lines = _lines(data, separator)
    header = header_of(lines)
    width = len(header.cells)
    # A row that is too long stays so, unless separators are all that it has too many of.
    rows = ((line, cells if any(cells[width:]) else cells[:width]) for line, cells in lines)
    return Table(path, header, separator, _bounded(rows), ())


class Judged(Protocol):
    """A table as one separator has it."""

    @property
    def separator(self) -> str | None: ...
    @property
    def width(self) -> int: ...
    @property
    def first(self) -> Row: ...
    @property
    def fits(self) -> Set[bool]: ...


AnyJudged = TypeVar("AnyJudged", bound=Judged)


def decided(tables: Sequence[AnyJudged], refusals: Sequence[Refused]) -> AnyJudged:
    """The one table whose rows have the width of its header. Raises Refused."""
    regular = [table for table in tables if all(table.fits)]
    if refusals and not regular:
        raise refusals[0]
    possible = regular or [table for table in tables if any(table.fits)]
    if len(possible) == 1:
        return possible[0]
    raise _undecided(possible or tables)


def _undecided(tables: Sequence[Judged]) -> Refused:
    if len(tables) == 1:
        return _no_row_fits(tables[0])
    marks = " and ".join(SEPARATORS[table.separator] for table in tables if table.separator)
    return Refused(
        f"expected one separator throughout, found {marks}, and cannot tell which it is: "
        "quote the names and numbers that hold one, or save the file comma separated", 1, 1,
    )  # fmt: skip


def _no_row_fits(table: Judged) -> Refused:
    line, cells = table.first
    mark = SEPARATORS[table.separator or ","]
    wanted = f"expected rows of {_fields(table.width)} separated by {mark}, as in the header"
    advice = "quote the names and numbers that hold the separator, or use one throughout"
    return Refused(f"{wanted}, found no such row, and {len(cells)} here: {advice}", line, 1)


# Workbooks ----------------------------------------------------------------------------------


def _read_workbook(path: Path, data: bytes) -> Table:
    load = _loader()
    # Styles and extensions that openpyxl does not know are no concern of a reader of numbers.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _check_unpacked(data)
            return _sheet_table(path, load(io.BytesIO(data)))
        except Refused:
            raise
        except Exception as error:
            raise _broken(error) from error


def _loader() -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        advice = 'expected openpyxl, which reads .xlsx, found none: pip install "simlevel[excel]"'
        raise Refused(advice) from error
    return lambda file: load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _check_unpacked(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > MOST_UNPACKED:
        limit = f"at most {MOST_UNPACKED // 10**6} MB when unpacked"
        raise Refused(f"expected a workbook of {limit}, found {size // 10**6} MB")


def _broken(error: Exception) -> Refused:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    advice = "open it in Excel and save it again as .xlsx, without a password"
    return Refused(f"expected a workbook, found one that cannot be read ({reason}): {advice}")


def _sheet_table(path: Path, book: Any) -> Table:
    sheet = book.worksheets[0]
    # The size that a sheet states is often wrong, and cuts off what lies beyond it.
    sheet.reset_dimensions()
    lines = _sheet_lines(sheet)
    header = header_of(lines)
    width = len(header.cells)
    rows = ((line, (*cells, *[""] * (width - len(cells)))[:width]) for line, cells in lines)
    return Table(path, header, None, _bounded(rows), tuple(s.title for s in book.worksheets))


def _sheet_lines(sheet: Any) -> Iterator[Line]:
    count = 0
    for line, values in enumerate(sheet.iter_rows(values_only=True), 1):
        count += len(values)
        if count > MOST_CELLS:
            raise Refused(f"expected at most {MOST_CELLS:,} cells, found more", line, 1)
        yield line, tuple(map(_cell, values))


def _cell(value: object) -> str:
    """The text of a cell; NoNumber where it holds no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _no_number(value)
    return str(int(value)) if abs(value) < LARGEST and value == int(value) else repr(value)


def _no_number(value: object) -> NoNumber:
    text = str(value).strip().removesuffix(" 00:00:00")
    if value is None or not text:
        return _NOTHING
    if isinstance(value, str):
        return NoNumber.described(text, f'the text "{shown(text)}"')
    found = text.lower() if isinstance(value, bool) else f"the date or time {text}"
    return NoNumber.described(text, found)


# Rows ---------------------------------------------------------------------------------------


def header_of(lines: Iterator[Line]) -> Row:
    """The names of the columns, from the first line. Raises Refused."""
    line, names = next(lines, (1, ()))
    width = max((place for place, name in enumerate(names, 1) if name), default=0)
    if not width:
        raise Refused("expected the names of the columns, found an empty first row", 1, 1)
    return Row(line, names[:width])


def _bounded(lines: Iterable[Line]) -> list[Row]:
    """The rows up to the last that is not empty, which workbooks follow with many that are."""
    kept: list[Row] = []
    end = 0
    for line, cells in lines:
        filled = any(cells)
        kept.append(Row(line, cells if filled else ()))
        end = len(kept) if filled else end
        if end > MOST_ROWS or len(kept) > 2 * MOST_ROWS:
            raise Refused(f"expected at most {MOST_ROWS:,} rows, found more", line, 1)
    return kept[:end]


# Columns ------------------------------------------------------------------------------------


def column_of(table: Table, column: str) -> Column:
    """What read_column returns, from a table that has been read."""
    name, names = column.strip(), table.header.cells
    problems = [*no_such_column(table, name), *misfits(table)]
    if not name or names.count(name) != 1:
        raise listed(problems)
    place = names.index(name)
    cells = [(row.line, row.cells[place]) for row in table.rows if len(row.cells) == len(names)]
    decimal, judged = _judged(cells, table.separator)
    problems += [table.problem(line, place, name, it) for line, it in judged if isinstance(it, str)]
    if problems:
        raise listed(problems)
    values = tuple(it for _, it in judged if not isinstance(it, str))
    return Column(values, _said(table, decimal, (text for _, text in cells)))


def floats_of(table: Table, column: str) -> tuple[list[float], list[Problem]]:
    """The numbers of a column of any sign, NaN where a cell is empty or holds none.

    Second what each cell holds that is no number. Raises InputError where there is no such
    column, rows do not fit, or the decimal sign cannot be told.
    """
    cells = texts_of(table, column)
    filled = [(row.line, text) for row, text in zip(table.rows, cells, strict=True) if text]
    name, values, problems = column.strip(), [math.nan] * len(cells), []
    place = table.header.cells.index(name)
    try:
        shapes = _first_of_each_shape((line, unsigned(text)) for line, text in filled)
        decimal = decimal_sign(shapes, table.separator)
    except Refused as refused:
        raise InputError([table.problem(refused.line, place, name, str(refused))]) from None
    for number, text in enumerate(cells):
        found = signed(text, decimal)
        if found is None:
            message = f"expected a number, found {found_in(text)}"
            problems.append(table.problem(table.rows[number].line, place, name, message))
        else:
            values[number] = found
    return values, problems


def signed(text: str, decimal: str) -> float | None:
    """The number of any sign that a cell holds, NaN where it is empty; None where it is none."""
    found = _number(unsigned(text), decimal) if text else math.nan
    if isinstance(found, str):
        return None
    return -found if text.startswith("-") else found


def unsigned(text: str) -> str:
    """Without a minus."""
    return text if isinstance(text, NoNumber) else text.removeprefix("-")


def texts_of(table: Table, column: str) -> list[str]:
    """The cells of a column. Raises InputError where there is none, or rows do not fit."""
    name = column.strip()
    problems = [*no_such_column(table, name), *misfits(table)]
    if problems:
        raise listed(problems)
    place = table.header.cells.index(name)
    return [row.cells[place] for row in table.rows]


def no_such_column(table: Heading, name: str) -> Iterator[Problem]:
    """Where the header has not one column of this name."""
    names = table.header.cells
    places = [place for place, known in enumerate(names) if known == name]
    if len(places) > 1:
        found = " and ".join(str(place + 1) for place in places[:2])
        message = f"expected one column of this name, found more: columns {found}"
        yield table.problem(table.header.line, places[1], name, message)
    if not places or not name:
        found = _enumerated([known for known in names if known])
        message = f"expected a column of the file, which has {found}{near(name, names[:1000])}"
        yield table.problem(table.header.line, 0, name, message)


def _enumerated(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(f'"{shown(name)}"' for name in names[:10]) + more


def _judged(
    cells: Sequence[tuple[int, str]], separator: str | None
) -> tuple[str, list[tuple[int, float | str]]]:
    """The decimal sign, and each number with its line, or what is wrong in its place."""
    try:
        decimal = decimal_sign(_first_of_each_shape(cells), separator)
    except Refused as refused:
        # What is wrong however the column is read can be told all the same.
        plain = [(line, text) for line, text in cells if shape_of(text) in ("", "12")]
        return ".", [(refused.line, str(refused)), *_judged(plain, separator)[1]]
    return decimal, [(line, _number(text, decimal)) for line, text in cells]


def listed(problems: Iterable[Problem], others: int = 0) -> InputError:
    """The first problems of a file, and how many more there are, so many *others* among them."""
    problems = sorted(problems)
    more = len(problems) + others - MOST_LISTED
    if more <= 0:
        return InputError(problems)
    at = problems[MOST_LISTED]
    rest = f"and {more:,} more, from here on"
    return InputError([*problems[:MOST_LISTED], Problem(at.file, at.line, at.column, at.key, rest)])


def _said(table: Table, decimal: str, texts: Iterable[str]) -> str | None:
    if len(table.sheets) > 1:
        sheet = f'sheet "{shown(table.sheets[0])}", the first of {len(table.sheets)}'
        return f"{table.path.name}: read from {sheet}"
    parts = []
    if table.separator and table.separator != ",":
        parts.append(f"separator {SEPARATORS[table.separator]}")
    if decimal == ",":
        parts.append("decimal comma")
    if any(("." if decimal == "," else ",") in text for text in texts):
        parts.append(f"thousands {'dot' if decimal == ',' else 'comma'}")
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)
    return f"{table.path.name}: read with {listed}" if parts else None


# Numbers ------------------------------------------------------------------------------------


def shape_of(text: str) -> str:
    """An example of the kind of number that *text* is; nothing where it is none."""
    if isinstance(text, NoNumber):
        return ""
    if _WHOLE.fullmatch(text):
        return "12"
    if _GROUP.fullmatch(text):
        return "1,234" if "," in text else "1.234"
    if _DOTTED.fullmatch(text):
        return "1.5"
    return "1,5" if _DOTTED.fullmatch(text.translate(_SWAP)) else ""


def _first_of_each_shape(cells: Iterable[tuple[int, str]]) -> dict[str, tuple[int, str]]:
    seen: dict[str, tuple[int, str]] = {}
    for line, text in cells:
        seen.setdefault(shape_of(text), (line, text))
    return seen


def decimal_sign(seen: Mapping[str, tuple[int, str]], separator: str | None) -> str:
    """The one decimal sign that explains every number of a column."""
    sure = [seen[shape] for shape in ("1.5", "1,5") if shape in seen]
    unsure = [seen[shape] for shape in ("1.234", "1,234") if shape in seen]
    if len(sure) == 2 or (not sure and len(unsure) == 2):
        raise _mixed(*sorted(sure or unsure))
    if sure:
        return "." if "1.5" in seen else ","
    # Programs write semicolons where the comma is the decimal sign, and the dot groups thousands.
    if "1,234" in seen or (unsure and separator == ";"):
        raise _ambiguous(*unsure[0])
    return "."


def _mixed(one: tuple[int, str], other: tuple[int, str]) -> Refused:
    found = f"{one[1]} in line {one[0]} and {other[1]} here"
    advice = "write all with a decimal dot and nothing between thousands"
    return Refused(f"expected one decimal sign in the column, found {found}: {advice}", other[0])


def _ambiguous(line: int, text: str) -> Refused:
    whole, fraction = re.sub("[.,]", "", text), text.replace(",", ".")
    found = f"{text}, which can be {whole} or {fraction}"
    advice = "write thousands without a separator, or decimals with a dot in a comma-separated file"
    return Refused(f"expected numbers that read in one way, found {found}: {advice}", line)


def _number(text: str, decimal: str) -> float | str:
    """The number, or what is wrong with it."""
    if not shape_of(text):
        return f"expected a number of 0 or more, found {found_in(text)}"
    value = float((text.translate(_SWAP) if decimal == "," else text).replace(",", ""))
    if value < 0:
        return f"expected a number of 0 or more, found {shown(text)}"
    if value > LARGEST:
        return f"expected a number of at most 1e15, found {shown(text)}"
    if 0 < value < SMALLEST:
        return f"expected 0 or a number of at least 1e-15, found {shown(text)}"
    return int(value) if value.is_integer() else value


def found_in(text: str) -> str:
    """What a cell holds, where that is no number."""
    if isinstance(text, NoNumber):
        return text.found
    if not text:
        return "an empty cell"
    bare = text.lower().lstrip("+-") in ("nan", "inf", "infinity")
    return text if bare else f'"{shown(text)}"'


def shown(text: str) -> str:
    """*text* on one line, and short."""
    short = text if len(text) <= 40 else f"{text[:37]}..."
    return "".join(char if char.isprintable() else " " for char in short)
