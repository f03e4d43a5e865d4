"""Whatever is proposed, no order is below the minimum, and each is a whole multiple."""

import itertools

import numpy as np
import pytest

import simlevel as sl
from simlevel.model.fields import exact
from simlevel.portfolio_file import load
from simlevel.studies.portfolio import run
from simlevel.studies.portfolio.chunk import from_record

PERIODS = 60
GIVEN = [(7.5, 2), (None, 0.5), (3, 0.5), (0.25, 0.5), (10, 3), (333.3, 0.7), (5, 1000),
         (30_000, None), (30_000, 7), (12.5, None), (None, 96), (None, None)]  # fmt: skip
"""Minimum and multiple: one that does not divide the other, one above any year's demand, halves
beside whole units, a multiple above the minimum."""
KINDS = {
    "rQ": ("reorder_point", "order_quantity"),
    "sS": ("reorder_point", "order_up_to"),
    "base_stock": ("order_up_to",),
}
TEXT = """
time_unit = "month"

[items]
file = "items.csv"
name = "item"
lead_time = 1.5
minimum_order = {{ column = "least" }}
order_multiple = {{ column = "multiple" }}

[history]
file = "sales.csv"
item = "item"
period = "period"
quantity = "units"
first = "1"
last = "60"

[proposed]
kind = "{kind}"

[costs]
order = 20
holding = 0.02

[classes.all]
fill_rate = 0.95
"""


def records(rng):
    """Halves, thousands, and some grams now and then."""
    yield rng.poisson(4, PERIODS) / 2
    yield rng.negative_binomial(1, 0.0005, PERIODS)
    yield np.where(rng.random(PERIODS) < 0.5, np.round(rng.gamma(2, 30, PERIODS), 3), 0)


@pytest.fixture(scope="module", params=KINDS)
def proposed(request, tmp_path_factory):
    """The kind, and of each item: what it was asked for, minimum, multiple, its row of results."""
    folder, kind = tmp_path_factory.mktemp("least"), request.param
    asked = [*itertools.product(records(np.random.default_rng(1)), GIVEN)]
    cells = [["" if each is None else each for each in given] for _, given in asked]
    (folder / "items.csv").write_text(
        "item,least,multiple\n"
        + "".join(f"i{n},{least},{multiple}\n" for n, (least, multiple) in enumerate(cells))
    )
    (folder / "sales.csv").write_text(
        "item,period,units\n"
        + "".join(
            f"i{n},{k + 1},{record[k]}\n"
            for n, (record, _) in enumerate(asked)
            for k in np.flatnonzero(record)
        )
    )
    (folder / "p.toml").write_text(TEXT.format(kind=kind))
    work, _ = run.begin(load(folder / "p.toml"), folder, folder / "out")
    columns = next(work.columns())
    found = from_record(work.portfolio, columns, work.histories.of(columns.texts["item"]), {})
    rows = [{name: found[name][n] for name in found if len(found[name]) == len(asked)}
            for n in range(len(asked))]  # fmt: skip
    return kind, [(record, *given, row) for (record, given), row in zip(asked, rows, strict=True)]


def ordered(policy, record):
    """What is ordered at each time, from just below the level on, if the record comes again."""
    level = policy["order_up_to" if policy["kind"] == "base_stock" else "reorder_point"]
    scenario = sl.Scenario.model_validate({
        "demand": {"kind": "history", "values": record.tolist()}, "lead_time": 1.5,
        "policies": {"p": policy}, "start": {"net_inventory": level - 0.5},
    })  # fmt: skip
    events = sl.trace(scenario, until=PERIODS).events
    return [exact(round(event.quantity, 6)) for event in events if event.event == "order"]


def broken(orders, least, multiple):
    """The orders below *least*, or of no whole *multiple*."""
    step = exact(multiple or 0)
    return [each for each in orders if each < exact(least or 0) or (step and each % step)]


def test_every_order_of_a_proposal_is_as_it_has_to_be(proposed):
    kind, items = proposed
    for record, least, multiple, row in items:
        assert not row.get("error")
        policy = {"kind": kind} | {name: float(row[f"proposed_{name}"]) for name in KINDS[kind]}
        if kind != "rQ":
            given = {"minimum_order": least, "order_multiple": multiple}
            policy |= {key: value for key, value in given.items() if value is not None}
        orders = ordered(policy, record)
        assert orders
        assert not broken(orders, least, multiple), (row, least, multiple)
        if kind == "sS":  # from s, up to S
            span = exact(policy["order_up_to"]) - exact(policy["reorder_point"])
            assert span >= exact(least or 0)


def test_orders_that_nobody_holds_to_minimum_and_multiple_are_found():
    record = next(records(np.random.default_rng(1)))
    policy = {"kind": "sS", "reorder_point": 3, "order_up_to": 9.5}
    orders = ordered(policy, record)
    assert broken(orders, 7.5, None)
    assert broken(orders, None, 2)
    assert not broken(ordered(policy | {"minimum_order": 7.5, "order_multiple": 2}, record), 7.5, 2)
