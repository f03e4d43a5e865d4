"""The portfolio that ships: the same for the same seed, and with all that real ones have."""

import csv
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from simlevel.cli import status
from simlevel.fitting.demand import fit
from simlevel.item_records import Histories, Items, netted
from simlevel.portfolio_file import load
from simlevel.studies.portfolio.demo import write

FILES = ("portfolio.toml", "items.csv", "sales.csv")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The folder of a thousand items."""
    return write(tmp_path_factory.mktemp("demo"), 1000, 5).parent


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def recorded(folder: Path, names: list[str]) -> np.ndarray:
    """The sales of some items as the command reads them."""
    portfolio = load(folder / "portfolio.toml")
    history, unit = portfolio.history, portfolio.time_unit
    return Histories(history, folder / history.file, unit, Items(names)).of(names)


@pytest.mark.parametrize(("count", "seed", "same"), [(1000, 5, True), (1000, 6, False)])
def test_a_seed_is_a_portfolio(demo, tmp_path, count, seed, same):
    write(tmp_path, count, seed)
    assert [(tmp_path / name).read_bytes() == (demo / name).read_bytes() for name in FILES] == [
        same
    ] * 3


@pytest.mark.parametrize("name", ["items.csv", "sales.csv"])
def test_a_longer_demo_begins_with_the_items_of_a_shorter_one(demo, tmp_path, name):
    write(tmp_path, 300, 5)
    short = (tmp_path / name).read_bytes()
    assert (demo / name).read_bytes().startswith(short)


@pytest.mark.slow
def test_demand_of_every_kind_is_there(demo):
    kinds = fit(netted(recorded(demo, [row["item"] for row in rows(demo, "items.csv")])))
    found = np.unique(kinds.classification, return_counts=True)
    shares = dict(zip(*found, strict=True))
    # About 120 of 1,000 are erratic, the fewest; 40 are eight deviations fewer.
    assert all(shares[kind] > 40 for kind in ("smooth", "erratic", "intermittent", "lumpy"))


def test_few_items_have_most_of_the_value_and_lead_times_are_skewed(demo):
    items = rows(demo, "items.csv")
    units = dict.fromkeys((row["item"] for row in items), 0.0)
    for row in rows(demo, "sales.csv"):
        units[row["item"]] += float(row["units"])
    value = sorted((units[row["item"]] * float(row["price"]) for row in items), reverse=True)
    assert 0.7 < sum(value[:200]) / sum(value) < 0.99
    days = np.array(
        [float(row["lead_time_days"]) for row in items if row["lead_time_days"].isdigit()]
    )
    assert days.mean() > 1.1 * np.median(days)


def test_what_real_tables_have_is_there(demo):
    """Of 1,000 items each is expected at least three times: missing with less than 1 in 10."""
    items, sales = rows(demo, "items.csv"), rows(demo, "sales.csv")
    low, high = ([float(row[key] or math.nan) for row in items] for key in ("min", "max"))
    assert any(map(math.isnan, low))
    assert any(a == b for a, b in zip(low, high, strict=True))
    assert any(not row["lead_time_days"].isdigit() for row in items)
    assert any(row["minimum_order"] for row in items)
    assert {row["criticality"] for row in items} == {"high", "normal"}
    assert any(float(row["units"]) < 0 for row in sales)
    assert sum(float(row["units"]) < 0 for row in sales) < 0.05 * len(sales)


def test_so_many_items_that_a_text_file_has_too_few_rows_are_written_as_parquet(
    demo, tmp_path, monkeypatch
):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("simlevel.studies.portfolio.demo.MOST_IN_TEXT", 0)
    write(tmp_path, 300, 5)
    found = parquet.read_table(tmp_path / "sales.parquet").to_pylist()
    wanted = [row for row in rows(demo, "sales.csv") if row["item"] <= "P0000300"]
    assert found == [row | {"units": float(row["units"])} for row in wanted]
    items = parquet.read_table(tmp_path / "items.parquet").to_pylist()
    assert [row["price"] for row in items] == [
        float(row["price"]) for row in rows(demo, "items.csv")[:300]
    ]
    some = [row["item"] for row in items[40:90]]
    np.testing.assert_array_equal(recorded(tmp_path, some), recorded(demo, some))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_items(tmp_path):
    peaks = []
    for count in (1000, 3000):
        tracemalloc.start()
        write(tmp_path / str(count), count, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_the_command_says_what_to_run_next_and_never_overwrites(tmp_path, capsys):
    folder = tmp_path / "a" / "demo"
    line = ["portfolio", "--demo", "20", "-o", str(folder)]
    assert status(line) == 0
    assert f"next: simlevel portfolio {folder / 'portfolio.toml'} -o" in capsys.readouterr().out
    (folder / "portfolio.toml").unlink()
    before = (folder / "items.csv").read_bytes()
    assert status([*line, "--seed", "2"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{folder / name}: exists, and is kept" for name in ("items.csv", "sales.csv")
    ]
    assert {path.name for path in folder.iterdir()} == {"items.csv", "sales.csv"}
    assert (folder / "items.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "expected FILE, or --demo N, found neither"),
        (["p.toml", "--demo", "5"], "expected FILE, or --demo N, found both"),
        (["p.toml", "--seed", "5"], "expected --seed beside --demo only"),
        (["--demo", "0"], "0 is not in the range"),
    ],
)
def test_a_demo_is_asked_for_or_a_file_given(options, said, tmp_path, capsys):
    assert status(["portfolio", *options, "-o", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
