"""What a portfolio's folder says of a run: sums, what to change first, and the report page."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pages import Page, faults
from rich.console import Console
from test_portfolio_run import TEXT, ten_items

from simlevel.cli import status
from simlevel.portfolio_file import load, parse
from simlevel.reports.page import portfolio as content
from simlevel.reports.page import portfolio_page
from simlevel.reports.portfolio_summary import summary
from simlevel.reports.portfolio_tables import tables
from simlevel.studies.portfolio import changes, rollup, run
from simlevel.studies.portfolio.answer import Answer, answer
from simlevel.studies.portfolio.changes import Changes
from simlevel.studies.portfolio.rollup import Rollup, Sums
from simlevel.studies.portfolio.run import Work
from simlevel.studies.portfolio.store import Table

EVIL = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} $x$ & -->")


def table(count: int = 4, **columns: Any) -> Table:
    """Items of one unit of money, 10 units asked for in a month, all served and half held."""
    even: dict[str, Any] = {
        "item": [f"i{n}" for n in range(count)], "class": ["A", "rest"] * (count // 2),
        "target": ["fill_rate"] * count, "family": ["poisson"] * count,
        "present_kind": ["sS"] * count, "proposed_kind": ["sS"] * count,
        "asked": 0.9, "mean": 10.0, "lines": 0.5, "value": 10.0, "unit_value": 1.0,
    }  # fmt: skip
    for side in ("present", "proposed"):
        even |= {f"{side}_{name}": value for name, value in {
            "fill_rate": 1.0, "mean_on_hand": 5.0, "investment": 5.0, "cost": 1.0,
            "reorder_point": 2.0, "order_up_to": 6.0}.items()}  # fmt: skip
    return {name: np.array(each) if isinstance(each, list) else np.full(count, each)
            for name, each in (even | columns).items()}  # fmt: skip


def answered(*tables: Table, text: str = TEXT) -> Answer:
    """The answer of chunks that nobody worked out."""
    work = Work(parse(text), Path(), Path(), "", {})
    vars(work)["table"] = SimpleNamespace(rows=sum(len(each["item"]) for each in tables))
    found = Answer(work, Rollup(), "these have none", Changes(work.portfolio))
    for each in tables:
        found.rollup.add(each)
        found.changes.add(each)
    return found


def page(*tables: Table) -> str:
    return portfolio_page(answered(*tables))


def shown(document: dict[str, Any]) -> str:
    """What a terminal says of a summary."""
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(tables(document))
    return console.export_text()


# --- sums ----------------------------------------------------------------------------------------


def test_shares_are_weighted_as_they_say():
    sums = Sums()
    sums.add(table(2, mean=[30.0, 10.0], lines=[0.2, 0.8], value=[10.0, 30.0],
                   present_fill_rate=[1.0, 0.5]))  # fmt: skip
    t = sums.totals
    served = [t[f"present_served_by_{w}"] / t[f"present_{w}"] for w in ("unit", "line", "value")]
    assert served == pytest.approx([35 / 40, 0.6, 25 / 40])


def test_items_without_settings_in_use_are_in_no_sum_of_these():
    sums = Sums()
    now = {"present_fill_rate": [0.5, np.nan], "present_mean_on_hand": [9.0, np.nan],
           "present_investment": [9.0, np.nan]}  # fmt: skip
    tested = {
        "tested_units": [4.0, 8.0], "tested_lines": [2.0, 2.0],
        "promised_proposed_fill_rate": [0.9, 0.9], "promised_present_fill_rate": [0.8, np.nan],
        "reached_proposed_units": [4.0, 4.0], "reached_present_units": [3.0, np.nan],
    }  # fmt: skip
    sums.add(table(2, **now, **tested))
    t = sums.totals
    assert (sums.counted["present"], sums.counted["proposed"]) == (1, 2)
    assert (sums.more, sums.less) == (0, 1)
    assert t["compared_investment"] - t["present_investment"] == 5 - 9
    assert (sums.tested["present"], sums.tested["proposed"]) == (1, 2)
    reached = [t[f"tested_{side}_reached_by_unit"] / t[f"tested_{side}_unit"]
               for side in ("present", "proposed")]  # fmt: skip
    assert reached == pytest.approx([3 / 4, 8 / 12])
    by_line = t["tested_proposed_reached_by_line"] / t["tested_proposed_line"]
    assert by_line == pytest.approx((2 * 1 + 2 * 0.5) / 4)


@pytest.mark.parametrize("values", [[1.0, np.nan], [np.nan, np.nan]])
def test_items_without_a_value_are_in_no_money_and_said(values):
    invested = {f"{side}_investment": 5 * np.array(values) for side in ("present", "proposed")}
    some = table(2, unit_value=values, value=values, **{n: list(v) for n, v in invested.items()})
    document, none = summary(answered(some)), np.isnan(values).all()
    long_run = document["all_items"]["long_run"]["proposed"]
    assert long_run["investment"] == (None if none else 5)
    assert long_run["fill_rate"]["by_value"] == (None if none else 1)
    items = "2 items" if none else "1 item"
    assert f"{items} without a unit value" in shown(document)
    assert f"{items}, in nothing by value" in page(some)


def test_settings_in_use_that_cannot_be_are_counted_by_cause():
    said = [f"order_up_to: expected reorder_point or more, found {n} beside 9" for n in range(3)]
    some = table(4, present_fill_rate=[1.0, *[np.nan] * 3], present_error=["", *said])
    found = summary(answered(some))
    cause = "order_up_to: expected reorder_point or more"
    assert found["all_items"]["not_in_use"] == {cause: {"items": 3, "first": ["i1", "i2", "i3"]}}
    assert found["all_items"]["settled"] == 4
    line = f"3 items with settings in use that cannot be: {cause}"
    assert line in " ".join(shown(found).split())
    assert cause in page(some)


def test_causes_are_few_however_many_items_are_left_out(monkeypatch):
    monkeypatch.setattr(rollup, "MOST_CAUSES", 3)
    sums = Sums()
    errors = [f"days: expected a lead time above 0, found {-n}" for n in range(7)]
    errors += [f"cause {n}{'!' * 500}\nand its traceback" for n in range(13)]
    sums.add(table(20, proposed_fill_rate=np.nan, error=errors, note=[""] * 20))
    found = {cause: each.items for cause, each in sums.left_out.items()}
    assert found.pop("days: expected a lead time above 0") == 7
    assert found.pop(rollup.OTHER) == 11
    assert list(found.values()) == [1, 1]
    assert all(len(each.first) <= rollup.FIRST for each in sums.left_out.values())
    assert all(len(cause) <= rollup.LONGEST for cause in found)


def test_a_class_called_like_the_whole_is_a_class():
    found = summary(answered(table(4, **{"class": ["all items", "all items", "all", "all"]})))
    assert found["all_items"]["items"] == 4
    assert {name: each["items"] for name, each in found["classes"].items()} == {
        "all items": 2, "all": 2,
    }  # fmt: skip


# --- what to change first ------------------------------------------------------------------------


def test_items_are_ranked_by_what_is_newly_served_in_a_year_or_freed(monkeypatch):
    monkeypatch.setattr(changes, "FIRST", 3)
    found = Changes(parse(TEXT))
    found.add(table(4, present_fill_rate=[1.0, 0.5, 1.0, 0.9],
                    present_mean_on_hand=[5.0, 5.0, 45.0, 9.0]))  # fmt: skip
    found.add(table(2, item=["late", "same"], present_fill_rate=[0.5, 1.0]))
    rows = [(row["item"], row["brings"]) for row in found.rows]
    assert rows == [("i1", 60.0), ("late", 60.0), ("i2", 40.0)]  # 12 months x 10 x 1/2; 45 - 5
    assert found.rows[2]["freed"] == 40.0
    assert found.per == "year"


MOMENTS = """
time_unit = "shift"

[items]
file = "items.csv"
name = "item"
lead_time = 2

[demand]
family = "poisson"
mean = { column = "m" }

[proposed]
kind = "rQ"
order_quantity = 4

[classes.A]
fill_rate = 0.9
"""


def test_without_values_units_count_and_without_a_year_the_time_unit():
    found = Changes(parse(MOMENTS))
    found.add(table(2, present_fill_rate=0.5, unit_value=np.nan))
    assert [row["brings"] for row in found.rows] == [5.0, 5.0]
    assert (found.per, found.priced) == ("shift", False)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"present_fill_rate": 0.8, "proposed_reorder_point": 6.0, "proposed_mean_on_hand": 12.0,
          "tested_lines": 30.0, "reached_present_lines": 25.0},
         "In use 80.0 % is served at once where 90 % is asked, and 5 of 30 order lines came late "
         "in the back-test; raising s from 2 to 6 gives 100.00 % with 7.00 more in stock."),
        ({"present_mean_on_hand": 50.0, "proposed_reorder_point": -1.0},
         "In use 100.00 % is served at once where 90 % is asked; lowering s from 2 to −1 gives "
         "100.00 % with 45 less in stock."),
        ({"present_fill_rate": 0.5, "target": ["cycle_service_level"] * 2,
          "present_cycle_service_level": 0.7, "proposed_cycle_service_level": 0.95,
          "proposed_kind": ["rQ"] * 2, "proposed_order_up_to": np.nan},
         "In use 70.0 % of cycles pass without a stockout where 90 % is asked; the proposed "
         "setting gives 95.0 % with as much in stock."),
    ],
)  # fmt: skip
def test_the_reason_for_a_change_is_said_in_words(columns, said):
    document = summary(answered(table(2, **columns)))
    assert content._why(document["changes"]["items"][0]) == said


# --- the folder ----------------------------------------------------------------------------------


def test_what_is_printed_as_json_is_the_summary(tmp_path, capsys):
    file, folder = ten_items(tmp_path), tmp_path / "out"
    assert status(["portfolio", str(file), "-o", str(folder), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((folder / "summary.json").read_text())
    found = printed["system"]
    assert found["optimum"]["fill_rate"] >= found["target"]["fill_rate"] - 1e-9
    chunks = {path: path.stat().st_mtime_ns for path in (folder / ".chunks").glob("*.npz")}
    file.write_text(TEXT + '\n[system]\nfill_rate = "90 %"\nweight = "line"\n')
    assert status(["portfolio", str(file), "-o", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "System optimum, 9 items as one: 9" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert chunks == {path: path.stat().st_mtime_ns for path in chunks}
    other = json.loads((folder / "summary.json").read_text())
    assert (other["system"]["target"]["from"], other["system"]["weight"]) == ("file", "line")
    assert other["all_items"]["back_test"] == printed["all_items"]["back_test"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["settings"]["system"] == {"fill_rate": 0.9, "weight": "line"}
    assert set(manifest["inputs"]) == {"items.csv", "sales.csv"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('weight = "money"', 'expected "unit" or "line" or "value"'),
        ("fill_rate = 97", "expected a share"),
        ('fil_rate = "97 %"', "did you mean 'fill_rate'?"),
    ],
)
def test_what_is_wrong_with_the_system_s_target_is_said(asked, said, tmp_path, capsys):
    path = tmp_path / "p.toml"
    path.write_text(f"{TEXT}\n[system]\n{asked}\n")
    assert status(["portfolio", str(path), "-o", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err


# --- the page ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Answer, str]:
    """A whole run of ten items, and its page."""
    folder = tmp_path_factory.mktemp("portfolio")
    work, _ = run.begin(load(ten_items(folder)), folder, folder / "out")
    run.finish(work)
    found = answer(work, None)
    return found, portfolio_page(found)


def test_the_page_needs_nothing_else_and_can_be_read_aloud(made):
    assert faults(made[1]) == set()
    assert portfolio_page(made[0]) == made[1]


def test_the_page_holds_the_numbers_of_the_summary(made):
    found, html = made
    document, text = summary(found), Page(html).text.replace("\xa0", " ")
    whole = document["all_items"]
    for side in ("present", "proposed"):
        for measure in (whole["back_test"][side]["cycle_service_level"],
                        *whole["back_test"][side]["fill_rate"].values()):  # fmt: skip
            assert f"{content._share(measure['reached'])} promised" in text
            assert f"promised {content._share(measure['promised'])}" in text
        investment = whole["long_run"][side]["investment"]
        assert f"{investment:,.0f}" in text
    for point in ("present", "equal_target", "optimum"):
        assert f"{document['system'][point]['investment']:,.0f}" in text
    items = [t for tag, a, t in Page(html).all("strong")]
    assert items == [row["item"] for row in document["changes"]["items"]]


def test_the_page_begins_with_the_back_test_and_how_to_read_it(made):
    headings = [text for _, _, text in Page(made[1]).all("h2")]
    assert headings[:3] == ["The answer", "Back-test", "Scorecard by class"]
    assert "from the first 32 months of the record alone" in Page(made[1]).text


def test_names_are_text_everywhere_and_pages_do_not_grow():
    names = [f"{EVIL[n % 3]} {n} {'long ' * 40}" for n in range(2000)]
    left_out = {"proposed_fill_rate": np.where(np.arange(2000) % 2, np.nan, 1.0),
                "note": [f"{name} is why" for name in names]}  # fmt: skip
    many = table(2000, item=names, present_fill_rate=0.5, **left_out)
    html = portfolio_page(answered(many, text=TEXT.replace("Ten items", EVIL[0])))
    read = Page(html)
    assert faults(html) == set()
    assert not read.all("img", "script")
    assert len(html) < 100_000
    assert {text for _, _, text in read.all("h1")} == {EVIL[0]}
    assert len(read.all("strong")) == 20


def test_what_is_not_known_is_left_out_of_the_page():
    nothing = table(2, proposed_fill_rate=np.nan, present_fill_rate=np.nan, note=["why", "not"])
    html = page(nothing)
    assert faults(html) == set()
    assert "No settings can be proposed" in html
    text = Page(html).text
    assert "nan" not in text.lower().split()
    assert "It is left out: these have none" in text
    assert "None" not in text


def test_a_portfolio_by_moments_has_a_page_too():
    html = portfolio_page(answered(table(2), text=MOMENTS))
    assert faults(html) == set()
    assert "Nothing was back-tested" in html
    assert 'id="backtest"' not in html


@pytest.mark.parametrize(
    ("refuted", "said"),
    [
        ([], "60 give what they were promised to, all of them"),
        ([{"item": EVIL[0]}] * 2, f"58 give what they were promised to; not so: {EVIL[0]}"),
    ],
)
def test_a_verification_stands_on_the_page_and_in_the_terminal(made, refuted, said):
    sample = {"settled": 900, "sampled": 60, "agree": 60 - len(refuted), "refuted": refuted,
              "replications": 100, "periods": 730, "says": "So much."}  # fmt: skip
    document = summary(made[0]) | {"verification": sample}
    found = dict(content.page(document, made[0].work.portfolio, {}).verification)
    assert found["Agree"] == said
    assert found["Simulated"] == "60 of 900 settings, each 100 times over 730 months"
    printed = shown(document)
    assert "Of 900 settings 60 were simulated" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
