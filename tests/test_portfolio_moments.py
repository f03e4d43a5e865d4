"""Items whose demand is known by its moments: (r, Q) of many at once, from table to table."""

import csv

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from scipy import integrate, stats

import simlevel as sl
from simlevel.cli import status
from simlevel.theory.many import rq_stock
from simlevel.theory.textbook import Spread

TEXT = """
time_unit = "month"

[items]
file = "items.csv"
name = "item"
lead_time = { column = "days", unit = "day" }
unit_value = 4
minimum_order = { column = "least" }
order_multiple = { column = "multiple" }

[demand]
family = { column = "family" }
mean = { column = "mean" }
sd = { column = "sd" }

[present]
reorder_point = { column = "r" }
order_quantity = { column = "q" }

[proposed]
kind = "rQ"
order_quantity = { column = "q" }

[costs]
order = 20
holding = { rate = "25%", per = "year" }

[classes.all]
fill_rate = "95%"
"""
HEADER = "item,family,mean,sd,days,r,q,least,multiple"
ITEMS = [
    "a,poisson,20,,30.4375,25,60,,",
    "b,poisson,3,,61,2,4,6,5",
    "c,normal,100,30,45,150,200,,",
    "d,gamma,10,14,20,30,25,,7",
    "e,negative_binomial,5,6,91,20,12,,",
    "=f,poisson,7,,10,5,,,",
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "p.toml").write_text(TEXT)
    (tmp_path / "items.csv").write_text("\n".join([HEADER, *ITEMS]) + "\n")
    return tmp_path


def settled(folder, text=TEXT):
    """The rows of a run, by item."""
    (folder / "p.toml").write_text(text)
    assert status(["portfolio", str(folder / "p.toml"), "-o", str(folder / "out")]) == 0
    lines = (folder / "out" / "items.csv").read_text("utf-8-sig").splitlines()
    return {row["item"]: row for row in csv.DictReader(lines)}


def test_settings_in_use_that_cannot_be_leave_their_item_settled(folder):
    (folder / "items.csv").write_text("\n".join([HEADER, *ITEMS, "g,poisson,7,,10,5,0,,"]) + "\n")
    rows = settled(folder)
    assert rows["g"]["present_error"].startswith("order_quantity: expected a number above 0")
    assert rows["'=f"]["present_error"].startswith("order_quantity: expected a number, found an")
    for item in ("g", "'=f"):
        assert rows[item]["proposed_fill_rate"]
        assert not rows[item]["present_fill_rate"]
    assert not rows["a"]["present_error"]


def test_rows_say_where_an_order_quantity_is_not_as_held_or_follows_from_nothing(folder):
    rows = settled(folder)
    assert rows["b"]["note"] == "order_quantity: 4 raised to 10, the least that orders may be"
    assert rows["a"]["note"] == ""
    (folder / "items.csv").write_text("\n".join([HEADER, *ITEMS, "g,poisson,7,,10,5,0,6,"]) + "\n")
    free = settled(folder, TEXT.replace("unit_value = 4", "unit_value = 0"))["g"]
    assert float(free["proposed_order_quantity"]) == 6
    assert "no order quantity follows" in free["note"]
    dear = settled(folder)["g"]  # a quantity of 0 is none that is held
    assert float(dear["proposed_order_quantity"]) > 6


@pytest.mark.parametrize("item", ["a", "b", "'=f"])
def test_settings_of_poisson_demand_are_the_lowest_that_exact_theory_finds_to_serve(folder, item):
    row = settled(folder)[item]
    r, q = float(row["proposed_reorder_point"]), float(row["proposed_order_quantity"])

    def exact(level):
        scenario = sl.Scenario.model_validate({
            "time_unit": "month", "lead_time": float(row["lead_time"]),
            "demand": {"kind": "poisson", "rate": float(row["mean"])},
            "policies": {"p": {"kind": "rQ", "reorder_point": level, "order_quantity": q}},
        })  # fmt: skip
        measures = sl.analyze(scenario).policies["p"].measures
        return {name: each.analytic.value for name, each in measures.items() if each.analytic}

    found = exact(r)
    for name in ("fill_rate", "cycle_service_level", "mean_on_hand", "mean_backorders"):
        assert float(row[f"proposed_{name}"]) == pytest.approx(found[name], abs=1e-8), name
    assert found["fill_rate"] >= 0.95 > exact(r - 1)["fill_rate"]


def test_order_sizes_keep_to_minimum_and_multiple(folder):
    rows = settled(folder)
    sizes = {item: float(row["proposed_order_quantity"]) for item, row in rows.items()}
    assert sizes["a"] == 60
    assert sizes["b"] == 10  # at least 6, in fives
    assert sizes["d"] == 28  # 25, in sevens
    assert float(rows["b"]["present_order_quantity"]) == 4  # as it is in use


def test_the_quantity_that_is_chosen_costs_nearly_the_least(folder):
    row = settled(folder)["'=f"]
    rate, holding = 7.0, 0.25 * 4 / 12

    def cost(quantity):
        item = (quantity, rate * float(row["lead_time"]))
        level = sl.rq_reorder_point(0.95, *item, shape="poisson")
        return 20 * rate / quantity + holding * rq_stock(level, *item, shape="poisson")[0]

    least = min(map(cost, range(20, 200)))
    assert least <= float(row["proposed_cost"]) <= 1.02 * least  # whole units


def test_demand_per_year_is_demand_per_month(folder):
    monthly = settled(folder)
    text = TEXT.replace('sd = { column = "sd" }', 'sd = { column = "sd" }\nper = "year"')
    lines = [each.split(",") for each in ITEMS]
    yearly = [
        [item, family, str(12 * float(mean)), sd and str(12**0.5 * float(sd)), *rest]
        for item, family, mean, sd, *rest in lines
    ]
    (folder / "items.csv").write_text("\n".join([HEADER, *map(",".join, yearly)]) + "\n")
    for item, row in settled(folder, text).items():
        for name in ("proposed_reorder_point", "proposed_fill_rate", "proposed_investment"):
            assert float(row[name]) == pytest.approx(float(monthly[item][name]), rel=1e-6), name


def test_rows_that_make_no_item_are_named_and_stop_no_other(folder):
    bad = {
        "g,poison,2,,30,1,1,,": "did you mean 'poisson'?",
        "h,normal,2,,30,1,1,,": "expected a deviation of demand above 0",
        "i,negative_binomial,9,2,30,1,1,,": "expected sd^2 above the mean",
        "j,poisson,0,,30,1,1,,": "expected a mean demand above 0",
        "k,poisson,2,,,1,1,,": "expected a lead time above 0, found an empty cell",
        "l,poisson,-2,,30,1,1,,": "expected a number of 0 or more, found -2",
    }
    (folder / "items.csv").write_text("\n".join([HEADER, *ITEMS, *bad]) + "\n")
    rows = settled(folder)
    for line, said in bad.items():
        assert said in rows[line[0]]["error"], line
        assert not rows[line[0]]["proposed_fill_rate"]
    assert not any(rows[item]["error"] for item in ("a", "b", "c", "d", "e", "'=f"))


def test_a_parquet_file_of_any_row_groups_gives_what_a_text_file_gives(folder, monkeypatch):
    monkeypatch.setattr("simlevel.studies.portfolio.run.ITEMS_AT_ONCE", 4)
    expected = settled(folder)
    cells = list(csv.DictReader([HEADER, *ITEMS]))
    numbers = ("mean", "sd", "days", "r", "q", "least", "multiple")
    table = pyarrow.table({
        name: [float(row[name]) if row[name] else None for row in cells]
        if name in numbers else [row[name] for row in cells]
        for name in cells[0]
    })  # fmt: skip
    parquet.write_table(table, folder / "items.parquet", row_group_size=3)
    assert settled(folder, TEXT.replace("items.csv", "items.parquet")) == expected
    written = parquet.read_table(folder / "out" / "items.parquet").to_pylist()
    assert [row["item"] for row in written] == ["a", "b", "c", "d", "e", "=f"]
    assert written[1]["proposed_order_quantity"] == 10
    assert written[0]["error"] is None


def test_lines_written_on_all_processors_are_those_of_one(folder, monkeypatch):
    monkeypatch.setattr("simlevel.studies.portfolio.run.ITEMS_AT_ONCE", 1)
    expected = settled(folder)
    monkeypatch.setattr("simlevel.reports.item_tables.MANY", 1)
    assert settled(folder) == expected


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[demand]", "[deman]", "did you mean 'demand'?"),
        ('family = { column = "family" }', 'family = "poison"', 'did you mean \'poisson\'?'),
        ('sd = { column = "sd" }', "", "demand.sd: expected sd beside mean"),
        ('kind = "rQ"', 'kind = "sS"', "expected rQ, as [demand] gives moments alone"),
        ('kind = "rQ"', 'kind = "rQ"\nreview_period = 1', "expected no such key"),
        ("order_quantity = { column = \"q\" }\n\n[pro", "order_up_to = 9\n\n[pro",
         "expected order_quantity in its place"),
        ("[costs]", '[history]\nfile = "s.csv"\nitem = "i"\nperiod = "p"\nquantity = "q"\n'
         'first = "1"\nlast = "9"\n\n[costs]', "expected a table [history] or a table [demand]"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_moments_is_said_with_status_2(folder, capsys, old, new, said):
    assert TEXT.count(old) == 1
    (folder / "p.toml").write_text(TEXT.replace(old, new))
    assert status(["portfolio", str(folder / "p.toml"), "-o", str(folder / "out")]) == 2
    assert said in capsys.readouterr().err


LAWS = {
    "normal": stats.norm(20, 6),
    "gamma": stats.gamma(4, scale=5),
    "poisson": stats.poisson(20),
    "negative_binomial": stats.nbinom(5, 0.2),
}


@pytest.mark.parametrize("level", [-3.0, 4.0, 19.0, 40.0])
@pytest.mark.parametrize("shape", LAWS)
def test_losses_are_what_scipy_adds_up(shape, level):
    law = LAWS[shape]
    found = Spread(float(law.mean()), float(law.var()), shape).losses(np.array(level))
    if shape in ("poisson", "negative_binomial"):
        beyond = np.arange(level + 1, 1000)
        loss = ((beyond - level) * law.pmf(beyond)).sum()
        second = ((beyond - level) * (beyond - level - 1) * law.pmf(beyond)).sum() / 2
    else:
        loss, second = (
            integrate.quad(lambda x, n=n: (x - level) ** n / n * law.pdf(x), level, 300, limit=200)[
                0
            ]
            for n in (1, 2)
        )
    assert found == pytest.approx((law.sf(level), loss, second), rel=1e-7, abs=1e-9)
