"""Thousands of a refinery's and a manufacturer's real items; nothing of the records is kept here.

They stand in the folder that SIMLEVEL_RECORDS names, else in ../shared/data beside the checkout.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlevel.fitting.demand import fit
from simlevel.fitting.lead_times import fit_lead_times

BESIDE = Path(__file__).parents[1].parent / "shared" / "data"
RECORDS = Path(os.environ.get("SIMLEVEL_RECORDS") or BESIDE)
FILES = ("oil_demand.csv", "man_demand.csv", "scms_lead_times.csv")
MISSING = [name for name in FILES if not (RECORDS / name).is_file()]
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"no {' and '.join(MISSING)} in {RECORDS}: set SIMLEVEL_RECORDS to their folder",
)


def refinery():
    """Items x months, returns left out."""
    rows = pd.read_csv(RECORDS / "oil_demand.csv").query("quantity > 0")
    months = [f"{1997 + n // 12}-{n % 12 + 1:02d}" for n in range(56)]
    wide = rows.pivot_table("quantity", "material", "month", "sum", fill_value=0)
    return wide.reindex(columns=months, fill_value=0).to_numpy(dtype=float)


def manufacturer():
    """Items x weeks."""
    rows = pd.read_csv(RECORDS / "man_demand.csv")
    wide = rows.pivot_table("quantity", "sku", "week", "sum", fill_value=0)
    return wide.reindex(columns=range(1, 158), fill_value=0).to_numpy(dtype=float)


@pytest.mark.parametrize("records", [refinery, manufacturer])
def test_every_item_has_a_model_of_its_own_mean_or_a_reason(records):
    history = records()
    found = fit(history)
    fitted = found.reason == ""
    assert fitted.tolist() == ((history > 0).sum(axis=1) >= 2).tolist()
    assert np.isfinite(found.score[fitted, found.chosen[fitted]]).all()
    assert not np.isnan(found.score).any()
    error = 2 * np.sqrt(found.variance / found.periods) + 0.2 * found.grid
    means = found.moments()[0]
    assert (np.abs(means - found.mean)[fitted] <= error[fitted]).all()
    for item in np.flatnonzero(fitted)[::50]:
        rounded = found.demand(item).units_per_time()
        assert rounded == pytest.approx(means[item], rel=1e-4)


def test_every_vendor_has_a_lead_time_or_a_reason():
    groups = pd.read_csv(RECORDS / "scms_lead_times.csv").groupby(["vendor", "country"])
    rows = [group.to_numpy(dtype=float) for _, group in groups["lead_time_days"]]
    records = np.full((len(rows), max(map(len, rows))), np.nan)
    for row, group in zip(records, rows, strict=True):
        row[: len(group)] = group
    found = fit_lead_times(records)
    fitted = found.reason == ""
    assert fitted.tolist() == [len(group) >= 5 for group in rows]
    for item in np.flatnonzero(fitted):
        error = 2 * np.sqrt(found.variance[item] / found.count[item]) + 0.1
        assert abs(found.lead_time(item).mean() - found.mean[item]) <= error
