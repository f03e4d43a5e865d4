"""Twenty items of a refinery's real records as scenarios; nothing of the records is kept here.

The records stand in the folder that SIMLEVEL_RECORDS names, else in ../shared/data beside the
checkout: oil_items.csv (delivery days, min and max really in use) and oil_demand.csv (monthly
withdrawals 1997-01 to 2001-08, months without any left out, returns as negative quantities).
"""

from __future__ import annotations

import csv
import functools
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from simlevel import words
from simlevel.cli import status

BESIDE = Path(__file__).parents[1].parent / "shared" / "data"
RECORDS = Path(os.environ.get("SIMLEVEL_RECORDS") or BESIDE)
FILES = ("oil_items.csv", "oil_demand.csv")
MISSING = [name for name in FILES if not (RECORDS / name).is_file()]
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"no {' and '.join(MISSING)} in {RECORDS}: set SIMLEVEL_RECORDS to their folder",
)

MONTHS = [f"{1997 + month // 12}-{month % 12 + 1:02d}" for month in range(56)]
ITEMS = 20
LEAST_DEMANDS = 12
MONTHS_PER_DAY = 12 / 365.25
ROUNDING = 1e-9
SURE = 1 - 0.001 / ITEMS
"""Confidence of the intervals, so that all items hold what they must in 999 runs of 1,000."""


@dataclass(frozen=True)
class Item:
    """One spare part: what its scenario is made of."""

    material: str
    delivery_days: float
    least: int
    most: int
    history: Sequence[int]
    """Withdrawals of all 56 months."""

    @property
    def mean(self) -> float:
        return sum(self.history) / len(self.history)

    @property
    def policy(self) -> str:
        if self.least == self.most:
            return f'kind = "base_stock"\norder_up_to = {self.most}'
        return f'kind = "sS"\nreorder_point = {self.least}\norder_up_to = {self.most}'

    def write(self, folder: Path) -> Path:
        """The scenario and its history, as a planner would keep them."""
        rows = "".join(f"{m},{q}\n" for m, q in zip(MONTHS, self.history, strict=True))
        (folder / "history.csv").write_text(f"month,units\n{rows}", encoding="utf-8")
        path = folder / "item.toml"
        path.write_text(
            f'name = "Material {self.material}"\ntime_unit = "month"\n'
            '[demand]\nkind = "history"\nfile = "history.csv"\ncolumn = "units"\n'
            f'[lead_time]\ndist = "constant"\nvalue = {self.delivery_days * MONTHS_PER_DAY!r}\n'
            f"[policies.in_use]\n{self.policy}\n"
            f"[simulation]\nhorizon = 1000\nreplications = 10\nconfidence = {SURE!r}\n",
            encoding="utf-8",
        )
        return path


def rows(name: str) -> list[dict[str, str]]:
    with (RECORDS / name).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@functools.cache
def items() -> list[Item]:
    """Every k-th of the items with 12 months of demand or more, a delivery time and a max.

    Returns (negative quantities) are dropped: they are no demand. All 56 months count, those
    without a withdrawal as 0, and so does 1997-11, which the owner calls unreliable.
    """
    withdrawn: Mapping[str, dict[str, int]] = defaultdict(dict)
    for row in rows("oil_demand.csv"):
        if int(row["quantity"]) > 0:
            withdrawn[row["material"]][row["month"]] = int(row["quantity"])
    eligible = [
        Item(
            row["material"], float(row["delivery_days"]), int(row["min"]), int(row["max"]),
            [withdrawn[row["material"]].get(month, 0) for month in MONTHS],
        )
        for row in rows("oil_items.csv")
        if len(withdrawn[row["material"]]) >= LEAST_DEMANDS
        and float(row["delivery_days"]) > 0
        and 0 < int(row["max"]) >= int(row["min"])
    ]  # fmt: skip
    return eligible[:: len(eligible) // ITEMS][:ITEMS]


@pytest.fixture(scope="module", params=range(ITEMS), ids=lambda number: f"item {number + 1}")
def run(request, tmp_path_factory):
    """An item, and the JSON of its run from the command line."""
    item = items()[request.param]
    folder = tmp_path_factory.mktemp("item")
    assert status(["run", str(item.write(folder)), "-o", str(folder / "result.json")]) == 0
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return item, document["policies"]["in_use"]


def test_the_rule_takes_twenty_items_of_both_policies():
    taken = items()
    assert len({item.material for item in taken}) == ITEMS
    assert {item.least == item.most for item in taken} == {True, False}


def test_every_measure_is_a_number_inside_its_interval(run):
    _, policy = run
    for name, measure in policy["measures"].items():
        if measure["estimate"] is None:
            assert measure["note"], name
            continue
        low, high = measure["low"], measure["high"]
        assert low <= measure["estimate"] <= high, name
        assert not words.measure(name).is_share or 0 <= low <= high <= 1, name
        assert measure["numerator"] is not None
        assert measure["denominator"] > 0


def test_demand_comes_out_at_the_mean_of_the_history(run):
    """At SURE; the mean of the months with demand alone, the zeros forgotten, is outside."""
    item, policy = run
    demand = policy["measures"]["demand_per_time"]
    assert demand["low"] <= item.mean <= demand["high"]
    withdrawals = [quantity for quantity in item.history if quantity]
    assert demand["high"] < sum(withdrawals) / len(withdrawals)


def test_stock_on_order_is_demand_times_the_delivery_time(run):
    """Little's law, at SURE for both factors together; days taken for months are outside."""
    item, policy = run
    months = policy["clock"]["lead_time"]
    assert months == pytest.approx(item.delivery_days / 30.4375)
    on_order = policy["measures"]["mean_on_order"]
    assert on_order["low"] <= item.mean * months <= on_order["high"]
    assert on_order["high"] < item.mean * item.delivery_days


def test_the_position_stays_between_min_and_max(run):
    item, policy = run
    mean = {name: each["estimate"] for name, each in policy["measures"].items()}
    position = mean["mean_on_hand"] - mean["mean_backorders"] + mean["mean_on_order"]
    assert mean["mean_inventory_position"] == pytest.approx(position)
    if item.least == item.most:
        assert position == pytest.approx(item.most)
    else:
        assert item.least + 1 - ROUNDING < position < item.most + ROUNDING
