"""The tables of a portfolio: a record in every shape that a file may have, and what comes back."""

import csv

import numpy as np
import pyarrow
import pytest
from openpyxl import Workbook
from pyarrow import parquet

from simlevel.item_tables import Histories, Items
from simlevel.model.portfolio import History
from simlevel.portfolio_file import parse
from simlevel.studies.portfolio.chunk import from_record
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


def histories(folder, ending, layout="long", table=None, **more):
    path = folder / f"sales{ending}"
    write(path, table or (LONG if layout == "long" else WIDE))
    said = {"period": "month", "quantity": "units"} if layout == "long" else {}
    history = History.model_validate({
        "file": path.name, "layout": layout, "item": "item", "first": MONTHS[0],
        "last": MONTHS[-1], **said, **more,
    })  # fmt: skip
    return Histories(history, path, "month", Items(NAMES))


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
