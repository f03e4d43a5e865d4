"""The tables of a portfolio: a record in every shape that a file may have, and what comes back."""

import csv
import tracemalloc

import numpy as np
import pyarrow
import pytest
from openpyxl import Workbook
from pyarrow import parquet

from simlevel import item_records, records, scratch, text_tables
from simlevel.errors import InputError
from simlevel.item_records import Histories, Items, LeadTimes
from simlevel.item_tables import source
from simlevel.model.portfolio import History, LeadTimeRecords
from simlevel.portfolio_file import parse
from simlevel.records import read_table
from simlevel.scratch import Scratch
from simlevel.studies.portfolio.chunk import from_record
from simlevel.studies.portfolio.items import Reader
from simlevel.studies.portfolio.run import Work

RECORD = np.array([[5, 0, 2, -3, 1, 0], [0, 0, 0, 0, 0, 0], [7, 7, 0, 0, -1, 4]])
NAMES = ["a", "b", "c"]
MONTHS = ["2024-11", "2024-12", "2025-01", "2025-02", "2025-03", "2025-04"]
LONG = [("item", "month", "units")] + [
    (name, month, units)
    for name, row in zip(NAMES, RECORD.tolist(), strict=True)
    for month, units in zip(MONTHS, row, strict=True)
    if units
]
WIDE = [("item", *MONTHS)] + [
    (name, *row) for name, row in zip(NAMES, RECORD.tolist(), strict=True)
]


def write(path, table):
    """*table*, its first row the header, as the file's ending says."""
    if path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows(table)
    elif path.suffix == ".xlsx":
        book = Workbook()
        for row in table:
            book.active.append(row)
        book.save(path)
    else:
        columns = zip(*table[1:], strict=True)
        parquet.write_table(
            pyarrow.table({n: list(each) for n, each in zip(table[0], columns, strict=True)}), path
        )


@pytest.fixture(params=[1, 2, 7, 50_000])
def cells(request, monkeypatch):
    """Cells of a table that are looked at together: blocks that end anywhere."""
    for module in (item_records, text_tables):
        monkeypatch.setattr(module, "CELLS", 3 * request.param)


def histories(folder, ending, layout="long", table=None, unit="month", **more):
    path = folder / f"sales{ending}"
    write(path, table or (LONG if layout == "long" else WIDE))
    said = {"period": "month", "quantity": "units"} if layout == "long" else {}
    history = History.model_validate({
        "file": path.name, "layout": layout, "item": "item", "first": MONTHS[0],
        "last": MONTHS[-1], **said, **more,
    })  # fmt: skip
    return Histories(history, path, unit, Items(NAMES))


@pytest.mark.usefixtures("cells")
@pytest.mark.parametrize("layout", ["long", "wide"])
@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_a_record_is_the_same_in_every_shape(tmp_path, ending, layout):
    found = histories(tmp_path, ending, layout).of(["c", "a", "b"])
    np.testing.assert_array_equal(found, RECORD[[2, 0, 1]])


@pytest.mark.parametrize(
    "label",
    [lambda k: f"{MONTHS[k]}-{9 + k:02}", lambda k: f"{MONTHS[k]}-01 00:00:00"],
    ids=["days", "midnights"],
)
def test_dates_lie_in_their_months(tmp_path, label):
    table = [LONG[0], *((n, label(MONTHS.index(month)), units) for n, month, units in LONG[1:])]
    found = histories(tmp_path, ".csv", table=table, first="2024-11-01", last="2025-04-30")
    np.testing.assert_array_equal(found.of(NAMES), RECORD)


def test_the_unit_of_time_may_be_in_the_plural(tmp_path):
    found = histories(tmp_path, ".csv", unit="months").of(NAMES)
    np.testing.assert_array_equal(found, RECORD)


def test_what_no_entry_says_is_nothing_or_not_known(tmp_path):
    unknown = histories(tmp_path, ".csv", missing="unknown", leave_out=["2025-04"]).of(NAMES)
    expected = np.where(RECORD == 0, np.nan, RECORD)
    expected[:, 5] = np.nan
    np.testing.assert_array_equal(unknown, expected)


PORTFOLIO = """
time_unit = "month"
[items]
file = "items.csv"
name = "item"
lead_time = 1
unit_value = {{ column = "price" }}
[history]
file = "sales.csv"
item = "item"
period = "period"
quantity = "units"
first = "1"
last = "60"
returns = "{returns}"
[present]
reorder_point = 0
order_up_to = 1
[backtest]
periods = 30
[classes.steady]
variability_up_to = 0.8
fill_rate = 0.9
[classes.dear]
where = {{ column = "group", equals = "dear" }}
cycle_service_level = 0.9
[classes.rest]
fill_rate = 0.8
"""


def results(folder, returns):
    """Items a to c, the first with 4 units in each other period and 3 back after each second."""
    rng = np.random.default_rng(4)
    demand = rng.poisson(1, (3, 60))
    demand[0] = np.where(np.arange(60) % 2, 0, 4)
    back = np.zeros_like(demand)
    back[0, 1::4] = -3
    rows = [(name, k + 1, units) for part in (demand, back)
            for name, row in zip(NAMES, part.tolist(), strict=True)
            for k, units in enumerate(row) if units]  # fmt: skip
    write(folder / "sales.csv", [("item", "period", "units"), *rows])
    groups = zip(NAMES, ("dear", "dear", "cheap"), (1, 2, 3), strict=True)
    write(folder / "items.csv", [("item", "group", "price"), *groups])
    portfolio = parse(PORTFOLIO.format(returns=returns))
    work = Work(portfolio, folder, folder, "", {})
    record = work.histories.of(NAMES)
    columns = next(work.columns())
    return from_record(portfolio, columns, record, {})


CELLS = {
    "a": (True, 1.0, "01"), "b": (False, 2.0, "1"), "c": (True, 10.0, "1.0"), "d": (None, None, ""),
}  # fmt: skip
"""A truth, a number and a code of each item."""


@pytest.mark.parametrize(
    ("column", "equals", "takes"),
    [
        ("truth", '"true"', "ac"),
        ("truth", '"FALSE"', "b"),
        ("number", "1", "a"),
        ("number", '"10"', "c"),
        ("code", '"01"', "a"),
        ("code", "1", "bc"),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_a_rule_takes_the_cells_that_say_what_was_typed(tmp_path, ending, column, equals, takes):
    rows = [(name, *each) for name, each in CELLS.items()]
    write(tmp_path / f"items{ending}", [("item", "truth", "number", "code"), *rows])
    text = PORTFOLIO.format(returns="net").replace("items.csv", f"items{ending}")
    text = text.replace('"group", equals = "dear"', f'"{column}", equals = {equals}')
    text = text.replace('{ column = "price" }', "1")
    work = Work(parse(text), tmp_path, tmp_path, "", {})
    reader, many = Reader(work.portfolio, next(work.columns())), np.full(4, 9.0)
    classes = reader.about(np.ones(4), many, {})["class"]
    assert "".join(np.array([*CELLS])[classes == "dear"]) == takes


def test_returns_are_taken_off_or_left_out_or_put_back(tmp_path):
    found = {returns: results(tmp_path, returns) for returns in ("net", "drop", "keep")}
    means = {returns: each["mean"][0] for returns, each in found.items()}
    assert means == {"net": (30 * 4 - 15 * 3) / 60, "drop": 2, "keep": 2}
    asked = {returns: each["tested_units"][0] for returns, each in found.items()}
    assert asked == {"net": 15 * 4 - 7 * 3, "drop": 60, "keep": 60}
    served = {returns: each["reached_present_units"][0] for returns, each in found.items()}
    assert served["keep"] > served["drop"]


def test_an_item_is_in_the_first_class_that_takes_it(tmp_path):
    found = results(tmp_path, "drop")
    assert found["class"].tolist() == ["dear", "steady", "rest"]
    assert found["target"].tolist() == ["cycle_service_level", "fill_rate", "fill_rate"]
    assert found["asked"].tolist() == [0.9, 0.9, 0.8]


def test_time_stamps_lie_in_their_months_and_dates_may_head_columns_of_months(tmp_path):
    stamped = [LONG[0], *((n, f"{month}-09T17:45:10", units) for n, month, units in LONG[1:])]
    np.testing.assert_array_equal(histories(tmp_path, ".csv", table=stamped).of(NAMES), RECORD)
    dated = [("item", *(f"{month}-01 00:00:00" for month in MONTHS)), *WIDE[1:]]
    found = histories(tmp_path, ".csv", "wide", dated).of(NAMES)
    np.testing.assert_array_equal(found, RECORD)


# --- long tables ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("cells")
@pytest.mark.parametrize("missing", ["zero", "unknown"])
@pytest.mark.parametrize("returns", ["keep", "drop"])
def test_rows_in_any_order_add_up_as_those_of_the_same_table_in_parquet(
    tmp_path, monkeypatch, missing, returns
):
    """In a file of its own, of which a few numbers at a time are there."""
    for name, few in (("HELD", 1), ("WAITING", 11), ("BLOCK", 4)):
        monkeypatch.setattr(scratch, name, few)
    rng = np.random.default_rng()
    rows = [(f"{rng.choice(NAMES)}", str(rng.choice(MONTHS)), float(rng.integers(-20, 90)) / 4)
            for _ in range(90)]  # fmt: skip
    found = [
        histories(tmp_path, ending, table=[LONG[0], *rows], missing=missing, returns=returns).of(
            ["b", "nobody", "a"]
        )
        for ending in (".csv", ".parquet")
    ]
    np.testing.assert_array_equal(*found)
    kept = [row for row in rows if returns == "keep" or row[2] >= 0]
    for number, name in ((0, "b"), (2, "a")):
        for place, month in enumerate(MONTHS):
            some = [units for each, when, units in kept if (each, when) == (name, month)]
            nothing = 0 if missing == "zero" else np.nan
            np.testing.assert_equal(found[0][number, place], sum(some) if some else nothing)


ORDERS = [("item", "days"), ("b", 3), ("a", 5.5), ("x", 1), ("b", 2), ("b", ""), ("a", 0), ("y", 2)]


@pytest.mark.usefixtures("cells")
@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_lead_times_are_those_of_their_items_in_the_order_of_the_table(
    tmp_path, monkeypatch, ending
):
    monkeypatch.setattr(scratch, "HELD", 1)
    table = [[None if cell == "" and ending == ".parquet" else cell for cell in row]
             for row in ORDERS]  # fmt: skip
    path = tmp_path / f"orders{ending}"
    write(path, table)
    said = LeadTimeRecords.model_validate(
        {"file": path.name, "item": "item", "lead_time": {"column": "days", "unit": "day"}}
    )
    found = LeadTimes(said, path, Items(NAMES))
    np.testing.assert_array_equal(found.of(["c", "a", "b"]), [[np.nan] * 2, [5.5, 0], [3, 2]])
    assert found.unused == ["2 items of the lead times on record are not in the items table: x, y"]


def test_a_word_among_numbers_that_parquet_keeps_as_text_is_a_problem_of_its_row(tmp_path):
    write(tmp_path / "items.parquet", [("item", "price"), ("a", "1.5"), ("b", "ask"), ("c", None)])
    (columns,) = source(tmp_path / "items.parquet").chunks(9, ["item"], ["price"])
    np.testing.assert_array_equal(columns.numbers["price"], [1.5, np.nan, np.nan])
    found = {row: said.partition(": ")[2] for row, said in columns.wrong["price"].items()}
    assert found == {1: 'price: expected a number, found "ask" in row 2'}


def test_a_name_that_parquet_keeps_as_a_number_is_the_whole_number_that_was_typed(tmp_path):
    write(tmp_path / "items.parquet", [("item",), (7.0,), (None,), (2.5,)])
    (columns,) = source(tmp_path / "items.parquet").chunks(9, ["item"], [])
    assert columns.texts["item"] == ["7", "", "2.5"]


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_what_counts_for_nothing_is_told(tmp_path, ending):
    strangers = [(name, "2025-01", 1) for name in "zyxwz"]
    beyond = [("a", "2024-10", 1), ("b", "2025-05", 1), ("z", "2025-05", 1)]
    table = [LONG[0], *strangers, *LONG[1:], *beyond]
    found = histories(tmp_path, ending, table=table, leave_out=["2025-02"])
    assert found.unused == [
        "4 items of the history are not in the items table: z, y, x, …",
        "2 rows of the history lie outside 2024-11 to 2025-04: 2024-10, 2025-05",
        "1 row of the history lies in a period of leave_out: 2025-02",
    ]
    some = histories(tmp_path, ending, "wide", last="2025-02", leave_out=["2025-02"]).unused
    assert some == [
        "2 columns of the history lie outside 2024-11 to 2025-02: 2025-03, 2025-04",
        "1 column of the history lies in a period of leave_out: 2025-02",
    ]
    assert histories(tmp_path, ending).unused == []


def test_problems_of_a_history_come_at_once_each_with_its_place(tmp_path):
    rows = [("a", "2024-11", "x"), ("a", "2024-13", 1), ("b", "2024-12", 2), ("c", "", "1..")]
    with pytest.raises(InputError) as refused:
        histories(tmp_path, ".csv", table=[LONG[0], *rows])
    path = tmp_path / "sales.csv"
    assert str(refused.value).splitlines() == [
        f'{path}:2:3: units: expected a number, found "x"',
        f"{path}:3:2: month: expected a month, found '2024-13'",
        f"{path}:5:2: month: expected a month, found ''",
        f'{path}:5:3: units: expected a number, found "1.."',
    ]
    with pytest.raises(InputError, match="month: expected a month, found '2024-13' in row 2"):
        histories(tmp_path, ".parquet", table=[LONG[0], LONG[1], ("a", "2024-13", 1)])
    for layout, table in (("long", [LONG[0], ("a", "2024-12", np.inf)]),
                          ("wide", [WIDE[0], ("a", np.inf, *range(5))])):  # fmt: skip
        with pytest.raises(InputError, match="expected a number, found inf in row 1"):
            histories(tmp_path, ".parquet", layout, table)


def test_the_scratch_file_has_no_name_and_a_disk_that_is_full_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "HELD", 1)
    kept = Scratch(1000, 0.0, tmp_path)
    kept.add(np.array([999]), np.array([4.0]))
    kept.flush()
    assert kept.read(998, 1005).tolist() == [0, 4]
    assert list(tmp_path.iterdir()) == []
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(InputError) as refused:
            Scratch(1000, 0.0, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = f"{tmp_path}: expected a place to write to, found: file too large"
    assert str(refused.value) == said


def peak(work, *arguments):
    """Most bytes that are held at once."""
    tracemalloc.start()
    work(*arguments)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_rows_of_a_text_file(tmp_path, monkeypatch):
    """Nor with the items, but for their names; and it would, were rows held."""
    for module, name, few in (
        (scratch, "HELD", 1),
        (scratch, "WAITING", 200),
        (scratch, "BLOCK", 100),
        (item_records, "CELLS", 600),
        (text_tables, "CELLS", 600),
        (text_tables, "BYTES", 5000),
        (records, "MOST_BYTES", 300_000),
    ):
        monkeypatch.setattr(module, name, few)
    orders = {"file": "orders.csv", "item": "item", "lead_time": {"column": "units", "unit": "day"}}
    said = LeadTimeRecords.model_validate(orders)
    peaks: dict[str, list[int]] = {"history": [], "lead times": [], "items": [], "held": []}
    for count in (30, 120):
        names = [f"i{number}" for number in range(count)]
        rows = [(name, month, 1) for name in names for month in MONTHS * 10]
        items, path = Items(names), tmp_path / f"{count}.csv"
        write(path, [LONG[0], *rows])
        history = History.model_validate({
            "file": path.name, "item": "item", "period": "month", "quantity": "units",
            "first": MONTHS[0], "last": MONTHS[-1],
        })  # fmt: skip
        peaks["history"].append(peak(Histories, history, path, "month", items, tmp_path))
        peaks["lead times"].append(peak(LeadTimes, said, path, items, tmp_path))
        peaks["items"].append(
            peak(lambda path=path: [None for _ in source(path).chunks(25, ["item"], ["units"])])
        )
        peaks["held"].append(peak(read_table, path))
    growth = {what: more / less for what, (less, more) in peaks.items()}
    assert growth.pop("held") > 3
    assert max(growth.values()) < 1.5, growth


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ('first = "1999-13"', '14:9: history.first: expected a month that there is, found 1999-13'),
        ('first = "soon"', "14:9: history.first: expected a whole number"),
        ('first = "2020-W02"', "history.first: expected a week to lie in one month, found"),
        ('last = "7"', "15:8: history.last: expected a month as first is, found 7"),
        ('last = "1999-01"', "history.last: expected 1 to 20,000 periods, found 2020-01 to 1999"),
        ('leave_out = ["2021-02", "2024-02"]',
         "16:25: history.leave_out[1]: expected a month from 2020-01 to 2023-12, found 2024-02"),
    ],
)  # fmt: skip
def test_periods_that_cannot_be_are_told_with_their_place_in_the_file(changes, expected):
    key = changes.split()[0]
    said = {"first": 'first = "2020-01"', "last": 'last = "2023-12"', "leave_out": ""}
    text = PORTFOLIO.split("[present]")[0].format(returns="net")
    lines = [line for line in text.splitlines() if line.split(" ")[0] not in said]
    lines += (said | {key: changes}).values()
    text = "\n".join([*lines, "", "[classes.all]", "fill_rate = 0.9", ""])
    with pytest.raises(InputError) as refused:
        parse(text, "p.toml")
    (problem,) = refused.value.problems
    assert expected in str(problem)
    assert str(problem).startswith("p.toml:")
