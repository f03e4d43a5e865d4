"""The back-test on records of a known kind: what was promised is reached, unless it was wrong."""

import csv

import numpy as np
import pytest

from simlevel.cli import status

pytestmark = pytest.mark.slow

PERIODS, ITEMS = 600, 120
TEXT = f"""
time_unit = "month"

[items]
file = "items.csv"
name = "item"
lead_time = {{ column = "lead_time", unit = "month" }}

[history]
file = "sales.csv"
item = "item"
period = "period"
quantity = "units"
first = "1"
last = "{PERIODS}"

[costs]
order = 5
holding = 0.02

[classes.all]
fill_rate = 0.95
"""


def back_tested(folder, seed, late_growth=1.0):
    """Units asked for, reached and promised of items that stay as they are, or grow at the end."""
    rng = np.random.default_rng(seed)
    lead_times = rng.choice([0.5, 1, 2, 3], ITEMS)
    mean, size = np.exp(rng.normal(0.5, 1, ITEMS)), rng.uniform(0.3, 3, ITEMS)
    growth = np.where(np.arange(PERIODS) < 2 * PERIODS // 3, 1.0, late_growth)
    means = mean[:, None] * growth
    demand = rng.negative_binomial(size[:, None], size[:, None] / (size[:, None] + means))
    (folder / "items.csv").write_text(
        "item,lead_time\n" + "".join(f"i{n},{each}\n" for n, each in enumerate(lead_times))
    )
    (folder / "sales.csv").write_text(
        "item,period,units\n"
        + "".join(
            f"i{n},{k + 1},{demand[n, k]}\n" for n, k in zip(*np.nonzero(demand), strict=True)
        )
    )
    (folder / "p.toml").write_text(TEXT)
    assert status(["portfolio", str(folder / "p.toml"), "-o", str(folder / "out")]) == 0
    rows = list(csv.DictReader((folder / "out" / "items.csv").read_text("utf-8-sig").splitlines()))
    found = np.array([
        [float(row[name]) for name in ("tested_units", "reached_proposed_units",
                                       "promised_proposed_fill_rate")]
        for row in rows
    ])  # fmt: skip
    return found[:, 0], found[:, 1], found[:, 2] * found[:, 0]


def short_of_promise(asked, reached, promised):
    """The shortfall as a share of what was asked for, and its standard error over items."""
    gap = promised - reached
    return gap.sum() / asked.sum(), gap.std(ddof=1) * np.sqrt(len(gap)) / asked.sum()


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_promised_of_demand_that_stays_as_it_is_is_reached(tmp_path, seed):
    """Within 1 point, for laws estimated from 400 periods, and 3.3 standard errors: 1 in 1,000."""
    gap, error = short_of_promise(*back_tested(tmp_path, seed))
    assert error < 0.005
    assert abs(gap) < 0.01 + 3.3 * error


def test_a_promise_that_growth_breaks_is_seen_to_be_broken(tmp_path):
    gap, error = short_of_promise(*back_tested(tmp_path, 1, late_growth=1.3))
    assert gap > 0.01 + 3.3 * error
