"""Text tables a block at a time: the same as the same file read whole, or the same problems."""

import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simlevel import records, text_tables
from simlevel.errors import InputError
from simlevel.item_tables import source
from simlevel.records import floats_of, read_table, texts_of
from simlevel.text_tables import text_table

HEADS = ["a,b\n", "a;b\n", "\ufeffa,b,c\r\n", '"a",b\n', "a\n", "a,b;c\n", "a\tb\r", "a , b,,\n"]
CELLS = ["1", "x", "2.5", "2,5", "1,234", "1.234", '"3,5"', '"p\nq"', "-4", "", " ", "\t", "1e16"]
MARKS = [",", ";", "\t", "\n", "\r\n", "\r", ",\n", "\n\n", '"']


def told(work, *arguments):
    """What *work* gives, or the problems that it meets."""
    try:
        return work(*arguments)
    except InputError as error:
        return str(error)


def whole(path, name):
    """Header, separator, and a column as text and as numbers, of a file read whole."""
    table = read_table(path)
    texts, (values, problems) = texts_of(table, name), floats_of(table, name)
    wrong = {problem.line: str(problem) for problem in problems}
    lines = [row.line for row in table.rows]
    return table.header, table.separator, lines, texts, list(map(str, values)), wrong


def in_blocks(path, name, size):
    """The same, so many rows at a time."""
    table = text_table(path)
    lines, texts, values, wrong = [], [], [], {}
    for rows in source(path).chunks(size, [name], [name]):
        assert rows.first == len(lines)
        lines += rows.lines
        texts += rows.texts[name]
        values += map(float, rows.numbers[name])
        wrong |= {rows.lines[row]: said for row, said in rows.wrong[name].items()}
    values = [str(int(each) if each.is_integer() else each) for each in values]
    return table.header, table.separator, lines, texts, values, wrong


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)
@given(
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(CELLS + MARKS), max_size=24).map("".join),
    st.sampled_from([1, 2, 5, 50]),
)
@example("a,b\n", '1,"x\n\ny"\n\n,\n2,3,4\n5\n\n\n', 2)
@example("a,b\n", "1,2,\n3,4,,\n5,6\n\n\n", 2)
@example("a,b;c\n", "1,2\n3,4\n5\n", 1)
@example("a,b\n", "1\n" * 30, 3)
@example("a;b\n", '1,5;x\n2.5;y\n"', 1)
def test_a_file_in_blocks_is_the_file_or_has_its_problems(tmp_path, head, body, size):
    path = tmp_path / "t.csv"
    path.write_bytes((head + body).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_tables, "CELLS", size)
        for name in ("a", "b"):
            assert told(in_blocks, path, name, size) == told(whole, path, name)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,caf\xe9\n2,3\n", b"a,b\n1,caf\xc3", b"a\0b", b"\xff\xfea\0", b" \n", b"",
        "\ufeffa,ä\n1,€\n2,𝄞".encode() + b"\xe4\n", "ä\r\r\n€".encode() + b"\x80",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [3, 7, 1_000_000])
def test_bytes_are_judged_alike_wherever_a_block_ends(tmp_path, monkeypatch, content, size):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    monkeypatch.setattr(text_tables, "BYTES", size)
    expected = told(read_table, path)
    found = told(text_table, path)
    assert isinstance(expected, str)
    assert found == expected


@pytest.mark.parametrize("name", ["none.csv", "", "a.doc"])
def test_what_is_no_text_table_is_refused_as_by_records(tmp_path, name):
    path = tmp_path / name
    assert told(text_table, path) == told(read_table, path)


def test_the_limits_are_far_and_say_what_they_are(tmp_path, monkeypatch):
    assert (text_tables.MOST_ROWS, text_tables.LONGEST_LINE) == (1_000_000_000, 10_000_000)
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n3\n\n\n\n\n")
    monkeypatch.setattr(records, "MOST_BYTES", 3)
    monkeypatch.setattr(records, "MOST_ROWS", 1)
    monkeypatch.setattr(text_tables, "MOST_ROWS", 3)
    assert text_table(path).rows == 3
    monkeypatch.setattr(text_tables, "MOST_ROWS", 2)
    assert told(text_table, path).endswith("expected at most 2 rows, found more")
    monkeypatch.setattr(text_tables, "LONGEST_LINE", 6)
    monkeypatch.setattr(text_tables, "BYTES", 4)
    path.write_text("a\n123456\n1\n")
    assert text_table(path).rows == 2
    path.write_text("a\n" + "1" * 14 + "\n1\n")
    assert "expected lines of at most 6 bytes, found more" in told(text_table, path)


def test_a_table_that_changes_between_two_looks_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    table = text_table(path)
    assert [block.column(0) for block in table.blocks(5)] == [["1"]]
    os.utime(path, ns=(1, 1))
    assert "found it changed meanwhile" in told(lambda: list(table.blocks(5)))
    path.unlink()
    assert "found it changed meanwhile" in told(lambda: list(table.blocks(5)))
