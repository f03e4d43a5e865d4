"""What records.py takes, what it says it recognised, and how it refuses the rest."""

from __future__ import annotations

import datetime
import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from simlevel import records
from simlevel.errors import InputError, Problem
from simlevel.records import Column, read_column, read_table

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "demand.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    def workbook(*rows: list[Any], more_sheets: tuple[str, ...] = ()) -> Path:
        book = openpyxl.Workbook()
        book.active.title = "Data"
        for row in rows:
            book.active.append(row)
        for title in more_sheets:
            book.create_sheet(title)
        path = tmp_path / "demand.xlsx"
        book.save(path)
        return path

    return workbook


def problems(path: Path, column: str = "demand") -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read_column(path, column)
    assert {problem.file for problem in caught.value.problems} == {str(path)}
    return caught.value.problems


def places(path: Path, column: str = "demand") -> list[tuple[int, int]]:
    return [(problem.line, problem.column) for problem in problems(path, column)]


def only(path: Path, column: str = "demand") -> str:
    (problem,) = problems(path, column)
    return problem.message


# What is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "demand\n3\n4.5\n",
        "\ufeffdemand\n3\n4.5\n",
        "week,demand\n1,3\n2,4.5\n",
        "week,demand\r\n1,3\r\n2,4.5\r\n",
        "week,demand\r1,3\r2,4.5",
        " week , demand \n 1 , 3 \n2,\t4.5 ",
        '"week","demand"\n"1","3"\n2,"4.5"\n',
        '"week, of ""2024""",demand\n"1\n2",3\n3,4.5\n',
        "week,demand\n1,3\n2,4.5\n\n\n  \n,\n",
        "week,demand,\n1,3,\n2,4.5,\n",
        "demand,note\n3,\n4.5,x;y\n",
    ],
)
def test_plain_files_are_read_without_a_word(write: Write, text: str) -> None:
    assert read_column(write(text), "demand") == Column((3, 4.5), None)


@pytest.mark.parametrize("text", ["3", "3.0", "3.", "+3", "0.3e1", "003"])
def test_a_whole_number_is_int(write: Write, text: str) -> None:
    (value,) = read_column(write(f"demand\n{text}\n"), "demand").values
    assert (value, type(value)) == (3, int)


@pytest.mark.parametrize("text", ["0", "-0", "-0.0"])
def test_zero_has_no_sign(write: Write, text: str) -> None:
    assert str(read_column(write(f"demand\n{text}\n"), "demand").values[0]) == "0"


@pytest.mark.parametrize(("text", "value"), [(".5", 0.5), ("1e-3", 0.001), ("1e15", 10**15)])
def test_numbers_are_read_as_written(write: Write, text: str, value: float) -> None:
    assert read_column(write(f"demand\n{text}\n"), "demand").values == (value,)


@pytest.mark.parametrize("ending", [".csv", ".CSV", ".txt", ".tsv"])
def test_the_ending_of_a_text_file_does_not_decide_its_separator(write: Write, ending: str) -> None:
    assert read_column(write("week;demand\n1;3\n", f"a{ending}"), "demand").values == (3,)


def test_spaces_around_the_wanted_name_do_not_matter(write: Write) -> None:
    assert read_column(write("demand\n3\n"), " demand ").values == (3,)


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("week;demand\n1;3\n", (3,), 'separator ";"'),
        ("week\tdemand\n1\t3\n", (3,), "separator tab"),
        ("week|demand\n1|3\n", (3,), 'separator "|"'),
        ("week;demand\n1;1,5\n2;3\n", (1.5, 3), 'separator ";" and decimal comma'),
        ("demand\n1,5\n3\n", (1.5, 3), "decimal comma"),
        ('week,demand\n1,"1,5"\n2,3\n', (1.5, 3), "decimal comma"),
        (
            "week;demand\n1;1.234,5\n2;1.234\n",
            (1234.5, 1234),
            'separator ";", decimal comma and thousands dot',
        ),
        ('demand\n"1,234.5"\n"1,234"\n', (1234.5, 1234), "thousands comma"),
        ("demand\n1,234,567\n", (1234567,), "thousands comma"),
        ("demand\n1.234.567\n1.234\n", (1234567, 1234), "decimal comma and thousands dot"),
        ("week;demand, units\n1;3\n2;4\n", (3, 4), 'separator ";"'),
        ("demand|x,note\n3,a\n4,b\n", (3, 4), None),
    ],
)
def test_other_dialects_are_recognised_and_said(
    write: Write, text: str, values: tuple[float, ...], said: str | None
) -> None:
    path = write(text)
    name = next(name for name in read_table(path).header.cells if name.startswith("demand"))
    sentence = f"demand.csv: read with {said}" if said else None
    assert read_column(path, name) == Column(values, sentence)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["0,125", "0,250"], (0.125, 0.25)),
        (["1234,567"], (1234.567,)),
        (["1,234", "1,5"], (1.234, 1.5)),
        (["1,2345"], (1.2345,)),
    ],
)
def test_a_comma_that_cannot_group_thousands_is_a_decimal_comma(
    write: Write, texts: list[str], values: tuple[float, ...]
) -> None:
    path = write("\n".join(["week;demand", *(f"1;{text}" for text in texts)]))
    assert read_column(path, "demand").values == values


@pytest.mark.parametrize("separator", [",", "\t", "|"])
def test_three_decimals_after_a_dot_are_decimals_where_no_semicolon_separates(
    write: Write, separator: str
) -> None:
    path = write(f"week{separator}demand\n1{separator}1.234\n")
    assert read_column(path, "demand").values == (1.234,)


def test_a_table_is_text_with_line_numbers_and_its_dialect(write: Write) -> None:
    table = read_table(write('item;name\nA1;"two\nlines"\n007; x \n'))
    assert table.header == (1, ("item", "name"))
    assert list(table.rows) == [(2, ("A1", "two\nlines")), (4, ("007", "x"))]
    assert (table.separator, table.sheets) == (";", ())


# What is ambiguous --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "demand\n1,234\n",
        "week;demand\n1;1,234\n2;12,500\n3;7\n",
        'week,demand\n1,"1,234"\n',
        "week\tdemand\n1\t1,234\n",
        "week;demand\n1;1.234\n",
    ],
)
def test_a_thousand_that_may_be_a_fraction_is_refused(write: Write, text: str) -> None:
    message = only(write(text))
    assert "which can be 1234 or 1.234: write thousands without a separator" in message


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.234,5", "1,234.5"), ("1,5", "1.5"), ("1.234", "1,234"), ("1,5", "1,234,567")],
)
def test_two_decimal_signs_in_a_column_are_refused(write: Write, one: str, other: str) -> None:
    (problem,) = problems(write(f"week;demand\n1;{one}\n2;7\n3;{other}\n"))
    assert (problem.line, problem.column, problem.key) == (4, 2, "demand")
    assert f"found {one} in line 2 and {other} here: write all with" in problem.message


def test_what_is_wrong_under_either_decimal_sign_is_told_with_the_refusal(write: Write) -> None:
    assert places(write("demand\n1,5\n1.5\n2.5\n-2\nx\n")) == [(3, 1), (5, 1), (6, 1)]


@pytest.mark.parametrize(
    "text", ["a;b,demand\n1;2,3\n", "a;b,demand\n", "a;b;demand, units\n1;2\n3;4\n"]
)
def test_two_separators_that_would_both_do_or_neither_are_refused(write: Write, text: str) -> None:
    path = write(text)
    assert 'found "," and ";", and cannot tell which it is: quote the names' in only(path)
    assert places(path) == [(1, 1)]


@pytest.mark.parametrize(
    ("text", "count"),
    [("week,demand\n1,1,5\n2,2,5\n", 3), ("Demand, units\n3\n4\n", 1), ("a,demand\n1;2\n", 1)],
)
def test_a_separator_that_fits_no_row_is_refused_once(write: Write, text: str, count: int) -> None:
    path = write(text)
    wanted = 'expected rows of 2 fields separated by ",", as in the header'
    assert only(path).startswith(f"{wanted}, found no such row, and {count} here: quote")
    assert places(path) == [(2, 1)]


# What is wrong in a cell or a row -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-5", "of 0 or more, found -5"),
        ("-0.5", "of 0 or more, found -0.5"),
        ("nan", "of 0 or more, found nan"),
        ("-inf", "of 0 or more, found -inf"),
        ("Infinity", "of 0 or more, found Infinity"),
        ("1e16", "of at most 1e15, found 1e16"),
        ("1000000000000001", "of at most 1e15, found 1000000000000001"),
        ("1e400", "of at most 1e15, found 1e400"),
        ("y" * 40, f'of 0 or more, found "{"y" * 40}"'),
        ("9" * 5000, "of at most 1e15, found " + "9" * 37 + "..."),
        ("", "of 0 or more, found an empty cell"),
        ("x", 'of 0 or more, found "x"'),
        ("3 pcs", 'of 0 or more, found "3 pcs"'),
        ("1_000", 'of 0 or more, found "1_000"'),
        ("0x10", 'of 0 or more, found "0x10"'),
        ("__import__('os')", "of 0 or more, found \"__import__('os')\""),
        ("\uff13", 'of 0 or more, found "\uff13"'),
        ("12.05.2024", 'of 0 or more, found "12.05.2024"'),
        ('"x\ny"', 'of 0 or more, found "x y"'),
    ],
)
def test_what_is_no_number_of_zero_or_more_is_shown_in_its_place(
    write: Write, text: str, found: str
) -> None:
    path = write(f"week,demand\n1,3\n2,{text}\n3,4\n")
    (problem,) = problems(path)
    assert (problem.line, problem.column, problem.key) == (3, 2, "demand")
    assert problem.message == f"expected a number {found}"


def test_all_problems_come_at_once_in_order_of_place(write: Write) -> None:
    assert places(write("week,demand\n1,x\n2\n3,4,5\n\n4,-1\n5,6\n")) == [
        (2, 2), (3, 2), (4, 3), (5, 1), (6, 2),
    ]  # fmt: skip


def test_lines_are_counted_in_the_file_not_in_the_table(write: Write) -> None:
    assert places(write('note,demand\n"a\nb\nc",3\nd,x\n')) == [(5, 2)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("3", "expected 2 fields, as in the header, found 1"),
        ("3;4;5", "expected 2 fields, as in the header, found 3"),
        ("", "expected a row, found an empty line"),
        (";", "expected a row, found an empty line"),
    ],
)
def test_a_row_of_another_length_is_a_problem(write: Write, row: str, message: str) -> None:
    assert only(write(f"week;demand\n1;2\n{row}\n1;2\n")) == message


def test_a_field_that_the_only_column_has_no_place_for_is_a_problem(write: Write) -> None:
    path = write("demand;\n1;\n2;3\n")
    assert only(path) == "expected 1 field, as in the header, found 2"
    assert places(path) == [(3, 2)]


def test_an_unquoted_decimal_comma_among_commas_is_hinted_at(write: Write) -> None:
    message = only(write("week,demand\n1,1,5\n2,2\n"))
    assert message.endswith("found 3 (a number with a decimal comma needs quotes here)")


@pytest.mark.parametrize(
    ("bad", "last"), [(20, None), (21, "and 1 more"), (1500, "and 1,480 more")]
)
def test_twenty_problems_are_listed_and_the_rest_counted(
    write: Write, bad: int, last: str | None
) -> None:
    found = problems(write("demand\n" + "x\n" * bad))
    assert [problem.line for problem in found] == list(range(2, 2 + min(bad, 21)))
    assert found[-1].message == (f"{last}, from here on" if last else found[0].message)


# What is wrong with the names ---------------------------------------------------------------


def test_a_mistyped_column_is_told_the_near_name(write: Write) -> None:
    (problem,) = problems(write("week,quantity\n1,3\n"), "quantiti")
    assert str(problem).endswith(
        'demand.csv:1:1: quantiti: expected a column of the file, which has "week", "quantity"'
        " (did you mean 'quantity'?)"
    )


def test_an_unknown_column_does_not_hide_the_rows_that_are_wrong(write: Write) -> None:
    assert places(write("week,demand\n1,2\n3\n"), "units") == [(1, 1), (3, 2)]


@pytest.mark.parametrize(("count", "end"), [(10, '"c8", "c9"'), (11, '"c8", "c9" and 1 more')])
def test_many_names_are_not_all_listed(write: Write, count: int, end: str) -> None:
    text = ",".join(f"c{number}" for number in range(count))
    assert only(write(f"{text}\n{text}\n")).endswith(end)


@pytest.mark.parametrize("wanted", ["", " "])
def test_a_column_without_a_name_cannot_be_asked_for(write: Write, wanted: str) -> None:
    assert 'which has "a", "b"' in only(write("a,,b\n1,2,3\n"), wanted)


def test_a_name_that_stands_twice_is_refused_where_it_is_wanted(write: Write) -> None:
    path = write("demand,week,demand\n1,2,3\n")
    assert places(path) == [(1, 3)]
    assert only(path) == "expected one column of this name, found more: columns 1 and 3"
    assert read_column(path, "week").values == (2,)


@pytest.mark.parametrize("text", ["demand", "demand\n\n", "demand\n \n"])
def test_a_header_without_rows_is_refused(write: Write, text: str) -> None:
    assert only(write(text)) == "expected at least one row below the header, found none"
    assert places(write(text)) == [(1, 1)]


@pytest.mark.parametrize("text", ["\ndemand\n3\n", ",,\n1,2,3\n"])
def test_an_empty_first_row_is_refused(write: Write, text: str) -> None:
    assert only(write(text)) == "expected the names of the columns, found an empty first row"
    assert places(write(text)) == [(1, 1)]


# What is wrong with the file ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a table, found an empty file"),
        (b"\xef\xbb\xbf \r\n\n", "expected a table, found an empty file"),
        (b"demand\n3\0\n", "expected a text file, found a binary one"),
        ("demand\n3\n".encode("utf-16"), "expected text in UTF-8, found UTF-16"),
        (b"demand\n3\n4\xe9\n", "expected text in UTF-8, found the byte 0xE9, which is not"),
        (b'demand\n3\n"4\n5\n', "expected quotes that close just before a separator"),
        (b'demand\n3\n"4"5\n', "expected quotes that close just before a separator"),
        (b'a;demand, b\n1;"2\n', "expected quotes that close just before a separator"),
    ],
)
def test_content_that_is_no_table_of_text_is_refused(
    write: Write, content: bytes, message: str
) -> None:
    assert only(write(content)).startswith(message)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"\xef\xbb\xbfdemand\n3\n4\xe9\n", (3, 2)),
        (b"demand\r3\r\xe9\r", (3, 1)),
        (b'demand\n3\n"4\n5\n', (3, 1)),
    ],
)
def test_broken_text_is_placed(write: Write, content: bytes, place: tuple[int, int]) -> None:
    assert places(write(content)) == [place]


@pytest.mark.parametrize(
    ("name", "found"),
    [("a.xls", ".xls"), ("a.parquet", ".parquet"), ("a.csv.gz", ".gz"), ("a", "no ending")],
)
def test_other_endings_are_refused_with_those_taken(write: Write, name: str, found: str) -> None:
    message = only(write("demand\n3\n", name))
    assert message == f"expected a file that ends in .csv, .tsv, .txt or .xlsx, found {found}"


@pytest.mark.parametrize("name", ["absent.csv", "absent.xlsx", "a\0b.csv"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    assert only(tmp_path / name) == "expected a file, found none of this name"
    (problem,) = problems(tmp_path / name)
    assert (problem.line, problem.column) == (0, 0)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    assert only(tmp_path / "a.csv") == "expected a file, found a directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_would_block_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    assert only(tmp_path / "a.csv") == "expected a file, found a pipe or device"


def test_an_unreadable_file_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    path = write("demand\n3\n")
    monkeypatch.setattr(Path, "open", denied)
    assert only(path) == "expected a file that can be read, found: Permission denied"


# Limits -------------------------------------------------------------------------------------


def test_the_limits_are_those_that_are_documented() -> None:
    limits = (records.MOST_BYTES, records.MOST_ROWS, records.MOST_UNPACKED)
    assert limits == (50_000_000, 1_000_000, 200_000_000)


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_file_that_is_too_large_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    os.truncate(path, 50_000_001)
    assert only(path) == "expected at most 50 MB, found a larger file"


def test_a_file_of_just_the_size_allowed_is_read(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("demand\n3\n")
    monkeypatch.setattr(records, "MOST_BYTES", path.stat().st_size)
    assert read_column(path, "demand").values == (3,)


@pytest.fixture
def three_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_ROWS", 3)


@pytest.mark.usefixtures("three_rows")
def test_rows_are_counted_without_those_that_are_empty_at_the_end(write: Write) -> None:
    assert read_column(write("demand\n1\n2\n3\n \n\n\n\n\n"), "demand").values == (1, 2, 3)
    assert only(write("demand\n1\n2\n3\n4\n")) == "expected at most 3 rows, found more"
    assert only(write("demand\n1\n" + " \n" * 9)) == "expected at most 3 rows, found more"


@pytest.mark.usefixtures("three_rows")
def test_rows_of_a_workbook_are_counted_alike(workbook: Write) -> None:
    assert read_column(workbook(["demand"], [1], [2], [3], [None]), "demand").values == (1, 2, 3)
    assert only(workbook(["demand"], [1], [2], [3], [4])) == "expected at most 3 rows, found more"


def test_cells_that_a_workbook_only_implies_are_counted(
    workbook: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(["demand"], [1], [*[None] * 50, 2])
    monkeypatch.setattr(records, "MOST_CELLS", 53)
    assert read_table(path).width == 1
    monkeypatch.setattr(records, "MOST_CELLS", 52)
    assert only(path) == "expected at most 52 cells, found more"


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (100_000_000, "expected a workbook, found one that cannot be read"),
        (150_000_000, "expected a workbook of at most 200 MB when unpacked, found 300 MB"),
    ],
)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, size: int, message: str
) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one", "")
        archive.writestr("two", "")
        for part in archive.infolist():
            part.file_size = size
    assert only(path).startswith(message)


# Workbooks ----------------------------------------------------------------------------------


def test_a_workbook_is_read_like_a_text_file(workbook: Write) -> None:
    path = workbook(["week", " demand "], [1, 3], [2, 4.5], [3, 5.0], [4, 1.234])
    column = read_column(path, "demand")
    assert column == Column((3, 4.5, 5, 1.234), None)
    assert [type(value) for value in column.values] == [int, float, int, float]


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-7, 123456789.123, 1e15, 0])
def test_a_number_of_a_workbook_keeps_every_digit(workbook: Write, value: float) -> None:
    saved = f"<v>{value!r}</v>".encode()
    path = repacked(workbook(["demand"], [7]), replacing(b"<v>7</v>", saved))
    assert read_column(path, "demand").values == (value,)


@pytest.mark.parametrize("more", [("B",), ("B", "C")])
def test_the_first_of_several_sheets_is_read_and_said(
    workbook: Write, more: tuple[str, ...]
) -> None:
    said = f'demand.xlsx: read from sheet "Data", the first of {len(more) + 1}'
    column = read_column(workbook(["demand"], [3], more_sheets=more), "demand")
    assert column == Column((3,), said)


def test_a_table_in_a_workbook_is_text_as_in_a_text_file(workbook: Write) -> None:
    path = workbook(["item", 2024], ["007", 1.5], [7, datetime.date(2024, 1, 5)], [8])
    repacked(path, replacing(b"<v>7</v>", b"<v>7.0</v>"))
    table = read_table(path)
    assert table.header == (1, ("item", "2024"))
    assert list(table.rows) == [(2, ("007", "1.5")), (3, ("7", "2024-01-05")), (4, ("8", ""))]


def test_empty_rows_at_the_end_and_notes_beside_a_table_are_no_part_of_it(workbook: Write) -> None:
    path = workbook(["demand"], [3, "note"], [4], [None, None, "a note"], [" "])
    assert read_column(path, "demand").values == (3, 4)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (-5, "of 0 or more, found -5"),
        (2e15, "of at most 1e15, found 2000000000000000"),
        ("x", 'of 0 or more, found the text "x"'),
        ("12", 'of 0 or more, found the text "12"'),
        ("nan", 'of 0 or more, found the text "nan"'),
        (True, "of 0 or more, found true"),
        (datetime.date(2024, 1, 5), "of 0 or more, found the date or time 2024-01-05"),
        (datetime.time(12, 30), "of 0 or more, found the date or time 12:30:00"),
        (None, "of 0 or more, found an empty cell"),
        (" ", "of 0 or more, found an empty cell, or a formula that was never calculated"),
        ("#DIV/0!", 'of 0 or more, found the text "#DIV/0!"'),
    ],
)
def test_what_is_no_number_in_a_workbook_is_shown_in_its_place(
    workbook: Write, value: object, found: str
) -> None:
    (problem,) = problems(workbook(["week", "demand"], [1, 3], [2, value], [3, 4]))
    assert (problem.line, problem.column, problem.key) == (3, 2, "demand")
    assert problem.message == f"expected a number {found}"


def test_an_empty_row_within_a_workbook_is_a_problem(workbook: Write) -> None:
    assert places(workbook(["demand"], [3], [None], [4])) == [(3, 1)]


def test_a_workbook_without_cells_is_refused(workbook: Write) -> None:
    assert only(workbook()) == "expected the names of the columns, found an empty first row"


def repacked(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The workbook with each part changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def replacing(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    def change(name: str, content: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return content
        assert old in content
        return content.replace(old, new)

    return change


def test_a_formula_counts_with_the_value_that_was_saved(workbook: Write) -> None:
    path = workbook(["week", "demand"], [1, 3], [2, "=B2*2"], [3, 4])
    nothing = "an empty cell, or a formula that was never calculated"
    assert only(path) == f"expected a number of 0 or more, found {nothing}"
    repacked(path, replacing(b"<v />", b"<v>6</v>"))
    assert read_column(path, "demand").values == (3, 6, 4)


@pytest.mark.parametrize("stated", [b"A1:A2", b"A1:XFD1048576"])
def test_the_size_that_a_sheet_states_is_not_believed(workbook: Write, stated: bytes) -> None:
    path = repacked(workbook(["demand"], [3], [4]), replacing(b"A1:A3", stated))
    assert read_column(path, "demand").values == (3, 4)


@pytest.mark.parametrize(
    "breaking",
    [
        lambda path: path.write_bytes(b"no zip at all"),
        lambda path: path.write_bytes(path.read_bytes()[:-400]),
        lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600)),
        lambda path: zipfile.ZipFile(path, "w").close(),
        lambda path: repacked(path, lambda _, content: content[:-20]),
        lambda path: repacked(path, replacing(b"<v>3</v>", b"<v>three</v>")),
    ],
)
def test_a_broken_workbook_is_refused(workbook: Write, breaking: Callable[[Path], object]) -> None:
    path = workbook(["demand"], [3])
    breaking(path)
    message = only(path)
    assert message.startswith("expected a workbook, found one that cannot be read (")
    assert "\n" not in message


def test_without_openpyxl_the_extra_is_named(
    workbook: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(["demand"], [3])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert only(path).endswith('found none: pip install "simlevel[excel]"')
