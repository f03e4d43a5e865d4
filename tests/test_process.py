"""The SimPy engine against event tables written by hand, and against the slow way of audit.py."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import audit
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strategies import (
    FAMILIES,
    SPREADS,
    WORDS,
    amounts,
    chosen,
    job,
    legal,
    scenarios,
    times,
    worded,
)

import simlevel as sl
from simlevel.draws import Draws
from simlevel.engines import process
from simlevel.engines.ledger import Event, Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.distribution import DISTRIBUTIONS
from simlevel.model.scenario import RECEIVE_DEMAND_REVIEW, RECEIVE_REVIEW_DEMAND, Scenario

ASKED = (3, 2, 0, 4, 1, 6, 0, 0)
"""Demand of eight days, for the tables written by hand."""


def scenario(
    policy: dict[str, Any],
    asked: Sequence[float] = ASKED,
    *,
    demand_first: bool = False,
    **more: Any,
) -> Scenario:
    sequence = RECEIVE_DEMAND_REVIEW if demand_first else RECEIVE_REVIEW_DEMAND
    demand = {"kind": "history", "values": asked, "resample": "replay"}
    table = {"demand": demand, "policies": {"p": policy}, "clock": {"sequence": sequence}}
    return Scenario.model_validate(table | {"lead_time": 2} | more)


@dataclass
class Run:
    """One replication: its event table, and the totals of its windows by name."""

    events: list[Event]
    windows: list[dict[str, float]]

    @property
    def totals(self) -> dict[str, float]:
        return self.windows[0]


def run(s: Scenario, warmup: float, length: float, count: int = 1) -> Run:
    work = Job.of(s, next(iter(s.policies)), Windows(warmup, length, count), seed=1)
    events: list[Event] = []
    rows = SimPyEngine(work).run(0, events).tolist()
    return Run(events, [dict(zip(work.columns, row, strict=True)) for row in rows])


def by_hand(table: str) -> list[Event]:
    """Lines of time, event, quantity, net inventory after, inventory position after."""
    events = []
    for line in table.strip().splitlines():
        time, event, *numbers = line.split()
        quantity, after, position = map(float, numbers)
        before = after - {"demand": -quantity, "order": 0, "receive": quantity}[event]
        outstanding, waiting = position - after, max(0.0, -after)
        events.append(
            Event(float(time), event, quantity, before, after, position, outstanding, waiting)
        )
    return events


def has(found: dict[str, float], **expected: float) -> None:
    assert {name: found[name] for name in expected} == expected


def scripted(monkeypatch: pytest.MonkeyPatch, name: str, numbers: Iterable[float]) -> None:
    """Replaces one stream of draws, in ticks, by these numbers."""
    block = np.array(list(numbers), dtype=float)
    monkeypatch.setattr(Draws, name, lambda self, replication: iter([block]))


# --- the three policies, day by day --------------------------------------------------------------

RQ = {"kind": "rQ", "reorder_point": 2, "order_quantity": 5}
SS = {"kind": "sS", "reorder_point": 3, "order_up_to": 8, "review_period": 2}
BASE = {"kind": "base_stock", "order_up_to": 4, "review_period": 1}

TABLES = {
    "continuous (r, Q)": (scenario(RQ), 8, """
        0 demand  3  4 4
        1 demand  2  2 2
        1 order   5  2 7
        3 receive 5  7 7
        3 demand  4  3 3
        4 demand  1  2 2
        4 order   5  2 7
        5 demand  6 -4 1
        5 order   5 -4 6
        6 receive 5  1 6
        7 receive 5  6 6
        """),
    "(s, S) every 2 days, review first": (scenario(SS, lead_time=1), 8, """
        0 demand   3  5  5
        1 demand   2  3  3
        2 order    5  3  8
        3 receive  5  8  8
        3 demand   4  4  4
        4 demand   1  3  3
        5 demand   6 -3 -3
        6 order   11 -3  8
        7 receive 11  8  8
        """),
    "(s, S) every 2 days, demand first": (scenario(SS, demand_first=True, lead_time=1), 8, """
        0 demand  3 5 5
        1 demand  2 3 3
        2 order   5 3 8
        3 receive 5 8 8
        3 demand  4 4 4
        4 demand  1 3 3
        4 order   5 3 8
        5 receive 5 8 8
        5 demand  6 2 2
        6 order   6 2 8
        7 receive 6 8 8
        """),
    "base stock, no lead time, review first": (scenario(BASE, (3, 5, 1), lead_time=0), 3, """
        0 demand  3  1  1
        1 order   3  1  4
        1 receive 3  4  4
        1 demand  5 -1 -1
        2 order   5 -1  4
        2 receive 5  4  4
        2 demand  1  3  3
        3 order   1  3  4
        3 receive 1  4  4
        """),
    "base stock, no lead time, demand first": (
        scenario(BASE, (3, 5, 1), demand_first=True, lead_time=0), 3, """
        0 demand  3  1  1
        0 order   3  1  4
        0 receive 3  4  4
        1 demand  5 -1 -1
        1 order   5 -1  4
        1 receive 5  4  4
        2 demand  1  3  3
        2 order   1  3  4
        2 receive 1  4  4
        """),
    "a start below the reorder point is reviewed at 0": (
        scenario(RQ, (1, 0), start={"net_inventory": -9}), 2, """
        0 order   15 -9  6
        0 demand   1 -10 5
        2 receive 15  5  5
        """),
    "several multiples are one order": (
        scenario({"kind": "rQ", "reorder_point": 2, "order_quantity": 3}, (10, 0)), 2, """
        0 demand  10 -5 -5
        0 order    9 -5  4
        2 receive  9  4  4
        """),
    "review late in the period": (
        scenario(BASE | {"review_period": 1.5}, (3, 1, 1, 0), lead_time=0.5), 4, """
        0   demand  3 1 1
        1   demand  1 0 0
        1.5 order   4 0 4
        2   receive 4 4 4
        2   demand  1 3 3
        3   order   1 3 4
        3.5 receive 1 4 4
        """),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_events_are_those_written_by_hand(name: str) -> None:
    s, until, table = TABLES[name]
    assert run(s, 0, until).events == by_hand(table)


def test_every_total_of_the_first_table_is_that_counted_by_hand() -> None:
    assert run(scenario(RQ), 0, 8).totals == {
        "time": 8, "customers": 5, "customers_whole": 4, "units_demanded": 16,
        "units_from_shelf": 12, "units_lost": 0, "units_demanded_in_lead_time": 6,
        "units_from_shelf_in_lead_time": 2, "cycles": 3, "cycles_without_stockout": 2,
        "net_inventory_before_receipts": 2 - 4 + 1, "periods": 8, "periods_served": 7,
        "periods_without_backorders": 7, "backorders_at_period_ends": 4, "orders": 3,
        "units_ordered": 15, "area_on_hand": 4 + 2 + 2 + 3 + 2 + 0 + 1 + 6,
        "area_backorders": 4, "area_on_order": 10 + 10 + 10, "time_in_stock": 7,
    }  # fmt: skip


def test_windows_hold_their_opening_instant_and_not_their_closing_one() -> None:
    first, second, third = run(scenario(RQ), 3, 2, count=3).windows
    # [3, 5): the receipt at 3 ends a cycle that began before; the demand at 5 is out.
    has(first, customers=2, units_demanded=5, units_from_shelf=5, cycles=1,
        cycles_without_stockout=1, net_inventory_before_receipts=2, periods=2, periods_served=2,
        orders=1, area_on_hand=5, area_on_order=5, units_demanded_in_lead_time=0)  # fmt: skip
    # [5, 7): the period that begins at 5 ends before the receipt at 6.
    has(second, customers=1, customers_whole=0, units_demanded=6, units_from_shelf=2, cycles=1,
        cycles_without_stockout=0, net_inventory_before_receipts=-4, periods=2, periods_served=1,
        periods_without_backorders=1, backorders_at_period_ends=4, orders=1, area_on_hand=1,
        area_backorders=4, area_on_order=15, time_in_stock=1)  # fmt: skip
    # [7, 9): one receipt, nobody short since the one before.
    has(third, customers=0, cycles=1, cycles_without_stockout=1, periods=2, periods_served=2)


def test_a_cycle_counts_what_happened_in_it_before_the_window() -> None:
    found = run(scenario(RQ), 6, 2).totals
    has(found, customers=0, cycles=2, cycles_without_stockout=1, net_inventory_before_receipts=-3)


def test_lost_sales_are_lost_and_leave_the_position_alone() -> None:
    s = scenario({"kind": "base_stock", "order_up_to": 3}, (2, 2, 1, 0, 1), shortage="lost_sales")
    found = run(s, 0, 5)
    rows = [(e.time, e.event, e.quantity, e.after, e.position) for e in found.events]
    assert rows == [
        (0, "demand", 2, 1, 1), (0, "order", 2, 1, 3),
        (1, "demand", 2, 0, 2), (1, "order", 1, 0, 3),
        (2, "receive", 2, 2, 3), (2, "demand", 1, 1, 2), (2, "order", 1, 1, 3),
        (3, "receive", 1, 2, 3),
        (4, "receive", 1, 3, 3), (4, "demand", 1, 2, 2), (4, "order", 1, 2, 3),
    ]  # fmt: skip
    has(found.totals, customers=4, customers_whole=3, units_demanded=6, units_from_shelf=5,
        units_lost=1, units_demanded_in_lead_time=3, units_from_shelf_in_lead_time=2,
        cycles=3, cycles_without_stockout=2, net_inventory_before_receipts=0 + 1 + 2,
        periods=5, periods_served=4, orders=4, units_ordered=5, area_on_hand=1 + 0 + 1 + 2 + 2,
        area_backorders=0, area_on_order=4 + 2 + 2 + 1, time_in_stock=4)  # fmt: skip


def test_receipts_at_one_instant_are_one_cycle_and_end_it_with_the_last() -> None:
    # Two orders meet at day 2; the first of them serves the customer who waits.
    s = scenario({"kind": "base_stock", "order_up_to": 1}, (2, 0, 0), start={"net_inventory": -1})
    found = run(s, 0, 3)
    assert [(e.time, e.event, e.quantity) for e in found.events] == [
        (0, "order", 2), (0, "demand", 2), (0, "order", 2), (2, "receive", 2), (2, "receive", 2),
    ]  # fmt: skip
    has(found.totals, cycles=1, cycles_without_stockout=0, net_inventory_before_receipts=-3,
        orders=2)  # fmt: skip


def test_customers_at_one_instant_are_reviewed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, "gaps", [1, 0, 0, 9])
    s = scenario(
        {"kind": "rQ", "reorder_point": 0, "order_quantity": 2},
        demand={"kind": "renewal", "interarrival": 1, "size": 1}, lead_time=0,
    )  # fmt: skip
    found = run(s, 0, 2)
    assert [(e.time, e.event, e.after) for e in found.events] == [
        (1, "demand", 1), (1, "demand", 0), (1, "order", 0), (1, "receive", 2), (1, "demand", 1),
    ]  # fmt: skip
    has(found.totals, customers=3, customers_whole=3, cycles=1, cycles_without_stockout=1)


def test_a_shortage_between_two_receipts_of_one_instant_is_in_their_cycle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted(monkeypatch, "lead_times", [1, 0, 9])
    s = scenario(
        {"kind": "base_stock", "order_up_to": 2, "review_period": 1}, (1, 4, 0), demand_first=True
    )
    found = run(s, 0, 3)
    assert [(e.time, e.event, e.after) for e in found.events] == [
        (0, "demand", 1), (0, "order", 1),
        (1, "receive", 2), (1, "demand", -2), (1, "order", -2), (1, "receive", 2),
    ]  # fmt: skip
    has(found.totals, cycles=1, cycles_without_stockout=0, net_inventory_before_receipts=1)


# --- orders that overtake one another ------------------------------------------------------------

OVERTAKING = {
    True: """
        0 demand  1 4 4
        0 order   1 4 5
        1 demand  2 2 3
        1 order   2 2 5
        2 receive 2 4 5
        3 receive 1 5 5
        """,
    False: """
        0 demand  1 4 4
        0 order   1 4 5
        1 demand  2 2 3
        1 order   2 2 5
        3 receive 1 3 5
        3 receive 2 5 5
        """,
}


@pytest.mark.parametrize("crossing", [True, False])
def test_a_later_order_overtakes_only_where_orders_may_cross(
    crossing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, "lead_times", [3, 1])
    times_drawn = {"dist": "discrete", "values": [1, 3], "probabilities": [0.5, 0.5]}
    lead_time = times_drawn | {"order_crossing": crossing}
    s = scenario({"kind": "base_stock", "order_up_to": 5}, (1, 2, 0, 0), lead_time=lead_time)
    found = run(s, 0, 4)
    assert found.events == by_hand(OVERTAKING[crossing])
    has(found.totals, cycles=2 if crossing else 1, area_on_order=7 if not crossing else 5)


def test_an_order_with_no_lead_time_waits_behind_one_that_it_may_not_overtake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted(monkeypatch, "lead_times", [3, 0, 0, 5])
    lead_time = {"dist": "empirical", "values": [0, 3, 5], "order_crossing": False}
    s = scenario({"kind": "base_stock", "order_up_to": 5}, (1, 1, 0, 1), lead_time=lead_time)
    events = run(s, 0, 4).events
    assert [(e.time, e.event) for e in events] == [
        (0, "demand"), (0, "order"), (1, "demand"), (1, "order"),
        (3, "receive"), (3, "receive"), (3, "demand"), (3, "order"), (3, "receive"),
    ]  # fmt: skip


# --- who waits, and how long ---------------------------------------------------------------------


def test_what_is_owed_at_the_start_is_owed_to_nobody_in_the_window() -> None:
    s = scenario(
        {"kind": "base_stock", "order_up_to": 2}, (1, 0, 0),
        start={"net_inventory": -3}, measures={"served_within": [1, 2]},
    )  # fmt: skip
    has(run(s, 0, 3).totals, units_demanded=1, units_from_shelf=0, delivered_within_1=0,
        delivered_within_2=1, area_backorders=8)  # fmt: skip


@pytest.mark.parametrize(("within", "delivered"), [(3, 2), (2.5, 0), (100, 2), (0, 0)])
def test_customers_are_followed_past_the_end_of_the_window(within: float, delivered: int) -> None:
    s = scenario(
        {"kind": "base_stock", "order_up_to": 1}, (0, 3, 0), lead_time=3,
        measures={"served_within": [within]},
    )  # fmt: skip
    found = run(s, 0, 2).totals  # ordered at 1, received at 4
    short = repr(within)
    has(found, units_from_shelf=1, area_backorders=2, cycles=0)
    assert found[f"delivered_within_{short}"] == delivered


def test_the_oldest_is_served_first() -> None:
    # At 2 five units arrive: three for day 0, two of the three for day 1.
    s = scenario(
        {"kind": "rQ", "reorder_point": 0, "order_quantity": 5}, (3, 3, 0, 0),
        start={"net_inventory": 0}, measures={"served_within": [1, 2]},
    )  # fmt: skip
    found = run(s, 0, 4)
    assert [(e.time, e.quantity) for e in found.events if e.event == "receive"] == [(2, 5), (3, 5)]
    has(found.totals, delivered_within_1=2, delivered_within_2=6)


@pytest.mark.parametrize(("lead_time", "clear"), [(0.5, 2), (1, 1)])
def test_a_period_ends_just_before_the_receipts_of_the_next(lead_time: float, clear: int) -> None:
    s = scenario({"kind": "base_stock", "order_up_to": 1}, (2, 0), lead_time=lead_time)
    has(run(s, 0, 2).totals, periods=2, periods_served=1, periods_without_backorders=clear,
        backorders_at_period_ends=2 - clear)  # fmt: skip


def test_the_last_period_is_seen_to_its_end_after_the_window() -> None:
    s = scenario({"kind": "base_stock", "order_up_to": 1}, (0, 3, 0), lead_time=0.75)
    # Window [0, 1.5): period 1 counts, is short by 2 until 1.75, and ends at 2 with nothing owed.
    has(run(s, 0, 1.5).totals, periods=2, periods_served=1, periods_without_backorders=2,
        area_backorders=1)  # fmt: skip


def test_a_draw_of_zero_is_no_customer_but_a_period() -> None:
    has(run(scenario(RQ, (0, 0, 3, 0)), 0, 4).totals, customers=1, customers_whole=1, periods=4,
        periods_served=4, periods_without_backorders=4)  # fmt: skip


@pytest.mark.parametrize(
    ("minimum", "multiple", "short", "ordered"),
    [
        (None, None, 1, 1), (4, None, 1, 4), (4, None, 6, 6), (None, 3, 1, 3), (None, 3, 3, 3),
        (None, 3, 4, 6), (4, 3, 1, 6), (6, 3, 1, 6), (4, 3, 7, 9), (0.5, 0.25, 0.3, 0.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["base_stock", "sS"])
def test_an_order_is_raised_to_the_least_that_satisfies_both_rules(
    kind: str, minimum: float | None, multiple: float | None, short: float, ordered: float
) -> None:
    policy = {"kind": kind, "order_up_to": 10, "minimum_order": minimum, "order_multiple": multiple}
    policy |= {"reorder_point": 10 - short} if kind == "sS" else {}
    events = run(scenario(policy, (short,)), 0, 1).events
    assert [e.quantity for e in events if e.event == "order"] == [ordered]


# --- a policy of the user's own ------------------------------------------------------------------


@dataclass
class Own:
    """Orders what *order_* returns, and keeps what it was shown."""

    order_: Any
    shown: list[sl.State]

    def order(self, state: sl.State) -> Any:
        self.shown.append(state)
        return self.order_(state) if callable(self.order_) else self.order_


def own(order: Any, review_period: float | None = None, start: float = 7) -> sl.OwnPolicy:
    return sl.OwnPolicy(rule=Own(order, []), start=start, review_period=review_period)


def test_a_policy_of_ones_own_is_shown_the_state_and_obeyed() -> None:
    policy = own(lambda state: 5 if state.inventory_position <= 2 else 0)
    found = run(scenario(RQ, policies={"own": policy}), 0, 8)
    assert found.events == by_hand(TABLES["continuous (r, Q)"][2])
    assert policy.rule.shown[:3] == [
        sl.State(0, 7, 0, 0), sl.State(0, 4, 0, 0), sl.State(1, 2, 0, 0),
    ]  # fmt: skip
    late = policy.rule.shown[-1]
    assert late == sl.State(5, 0, 4, 5)
    assert (late.net_inventory, late.inventory_position) == (-4, 1)


@pytest.mark.parametrize("quantity", [2, 2.5, np.int64(2), np.float32(2.5)])
def test_a_policy_of_ones_own_may_return_any_number(quantity: Any) -> None:
    events = run(scenario(RQ, policies={"own": own(quantity, review_period=4)}), 0, 8).events
    assert [e.quantity for e in events if e.event == "order"] == [float(quantity)] * 3


@pytest.mark.parametrize("quantity", [-1, None, "5", float("nan"), float("inf"), True, [1], 1e300])
def test_a_quantity_that_is_none_is_refused(quantity: Any) -> None:
    s = scenario(RQ, policies={"own": own(quantity)}, demand={"kind": "poisson", "rate": 1})
    with pytest.raises(sl.InputError, match="expected order\\(state\\) to return 0 or more"):
        sl.simulate(s, replications=2, horizon=10)


def test_simulate_compares_a_policy_of_ones_own_with_one_of_the_file() -> None:
    same = own(lambda state: 5 if state.inventory_position <= 2 else 0)
    demand = {"kind": "poisson", "rate": 1}
    result = sl.simulate(scenario(RQ, policies={"file": RQ, "own": same}, demand=demand),
                         replications=3, horizon=50)  # fmt: skip
    file, mine = (result.policies[name].measures for name in ("file", "own"))
    assert {name: each.estimate for name, each in file.items()} == {
        name: each.estimate for name, each in mine.items()
    }
    assert result.differences is not None
    assert {each.estimate for each in result.differences["own"].values()} == {0}


# --- against the slow way ------------------------------------------------------------------------


def both_ways(s: Scenario, windows: int = 1) -> tuple[Job, list[Event]]:
    """Events of the engine, after comparing them and their totals with those of audit.py."""
    work = job(s, windows)
    events: list[Event] = []
    counted = SimPyEngine(work).run(0, events)
    assert events == audit.events(work, 0, audit.rule(work))
    assert (SimPyEngine(work).run(0) == counted).all()
    for row, slow in zip(counted.tolist(), audit.totals(work, events), strict=True):
        fast = dict(zip(work.columns, row, strict=True))
        slow = {name: slow.get(name, 0.0) for name in fast}
        assert fast == pytest.approx(slow, rel=1e-9, abs=1e-9)
    return work, events


def happenings(work: Job, events: list[Event]) -> Iterable[str]:
    """What of the rules came up in a run."""
    policy, opening = work.scenario.policies[work.policy], work.windows.warmup
    at: dict[float, list[str]] = {}
    for event in events:
        at.setdefault(event.time, []).append(event.event)
    for time, kinds in at.items():
        for one, other in itertools.combinations(kinds, 2):
            yield f"{one} and {other} at one instant"
        if time in (opening, opening + work.windows.length):
            yield from (f"{kind} at an edge of the window" for kind in kinds)
    orders = [event for event in events if event.event == "order"]
    drawn = itertools.chain.from_iterable(Draws(work.scenario, work.grid, work.seed).lead_times(0))
    arrivals = [event.time / work.grid.tick + lead for event, lead in zip(orders, drawn)]  # noqa: B905
    if any(later < one for one, later in itertools.pairwise(arrivals)):
        crossing = work.scenario.lead_time.order_crossing
        yield "an order overtakes" if crossing else "an order is held back"
    for event in events:
        if event.event == "demand" and event.before < event.quantity:
            yield "lost" if work.scenario.lost_sales else "left waiting"
            yield "served in part" if event.before > 0 else "not served"
        if event.event == "receive" and event.before < 0:
            yield "backorders cleared" if event.after >= 0 else "backorders left"
        if event.event == "order":
            yield "several outstanding" if event.outstanding > event.quantity else "one outstanding"
            if policy.kind == "rQ":
                yield "several multiples" if event.quantity > policy.order_quantity else "one"
            elif event.position > policy.order_up_to:
                yield "raised by minimum" if policy.minimum_order else "raised by multiple"
        if event.event == "receive" and event.time > work.windows.warmup + work.windows.length:
            yield "a receipt after the end"
    if work.period and len([e for e in events if e.event == "demand"]) < work.last_instant // (
        work.period
    ):
        yield "a period without demand"


OFTEN = {
    "demand and order at one instant", "order and demand at one instant",
    "order and receive at one instant", "receive and demand at one instant",
    "demand and receive at one instant", "demand at an edge of the window",
    "order at an edge of the window", "receive at an edge of the window", "lost",
    "left waiting", "served in part", "not served", "backorders cleared", "backorders left",
    "several outstanding", "one outstanding", "several multiples", "one", "raised by minimum",
    "a receipt after the end", "a period without demand",
}  # fmt: skip
SELDOM = {
    "demand and demand at one instant", "order and order at one instant",
    "receive and receive at one instant", "receive and order at one instant",
    "an order overtakes", "an order is held back", "raised by multiple",
}  # fmt: skip

FRESH = settings(
    deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


def seen_in(examples: int) -> set[str]:
    """What happened in that many scenarios, each compared with the slow way."""
    seen: set[str] = set()

    @settings(FRESH, max_examples=examples)
    @given(worded(), st.integers(1, 3))
    def check(found: tuple[dict[str, Any], Scenario], windows: int) -> None:
        seen.update(happenings(*both_ways(found[1], windows)))

    check()
    return seen


def test_events_and_totals_are_those_worked_out_the_slow_way() -> None:
    assert seen_in(250) >= OFTEN


@pytest.mark.slow
def test_events_and_totals_of_thousands_of_scenarios_in_which_everything_happens() -> None:
    assert seen_in(5000) >= OFTEN | SELDOM


# --- slips, each of which the slow way must catch ------------------------------------------------


def strict(reorder_point: float, order_quantity: float) -> Any:
    def order(point: process.StockingPoint) -> float:
        below = reorder_point - point.inventory_position
        return order_quantity * (below // order_quantity + 1) if below > 0 else 0.0

    return order


def newest_first(point: process.StockingPoint, units: float) -> None:
    point._waiting.reverse()
    serve(point, units)
    point._waiting.reverse()


def each_receipt_a_cycle(point: process.StockingPoint) -> None:
    point._last_receipt = -1.0
    end_cycle(point)


def free_to_overtake(
    supplier: process.Supplier, quantity: float, point: process.StockingPoint
) -> None:
    supplier._may_overtake = True
    place(supplier, quantity, point)


serve, end_cycle = process.StockingPoint._serve_waiting, process.StockingPoint._end_cycle
place = process.Supplier.order
SLIPS: dict[str, tuple[Any, str, Any]] = {
    "receipts after demand": (process, "RECEIVE", process.DEMAND + 0.5),
    "reviews always last": (process, "REVIEW_FIRST", process.REVIEW_LAST),
    "periods end after the next receipts": (process, "PERIOD_END", process.RECEIVE + 0.5),
    "windows end with their last instant": (process, "WINDOW", process.REVIEW_LAST + 0.5),
    "orders below the reorder point only": (process, "_multiples", strict),
    "the newest is served first": (process.StockingPoint, "_serve_waiting", newest_first),
    "each receipt is a cycle": (process.StockingPoint, "_end_cycle", each_receipt_a_cycle),
    "the position is what is on hand": (
        process.StockingPoint, "inventory_position", property(lambda point: point.net_inventory)),
    "orders always overtake": (process.Supplier, "order", free_to_overtake),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_the_engine_is_caught(slip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*SLIPS[slip])

    @settings(FRESH, max_examples=300, report_multiple_bugs=False)
    @given(scenarios())
    def check(s: Scenario) -> None:
        both_ways(s)

    with pytest.raises(AssertionError):
        check()


# --- the strategy reaches everything -------------------------------------------------------------

MAIN = ("policy", "shortage", "clock", "lead_time", "demand")


def words_of(examples: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @settings(FRESH, max_examples=examples)
    @given(chosen({}))
    def collect(words: dict[str, Any]) -> None:
        found.append(words)

    collect()
    assert all(map(legal, found))
    return found


def test_every_policy_shortage_clock_and_lead_time_are_drawn_together() -> None:
    main = MAIN[:-1]
    seen = {tuple(words[key] for key in main) for words in words_of(1500)}
    assert seen == set(itertools.product(*(WORDS[key] for key in main)))


@pytest.mark.slow
def test_every_legal_pair_of_words_and_every_main_combination_is_drawn() -> None:
    found = words_of(4000)
    seen: set[Any] = {tuple(words[key] for key in MAIN) for words in found}
    for words in found:
        seen.update(itertools.combinations(words.items(), 2))
    pairs = {
        ((one, a), (other, b))
        for one, other in itertools.combinations(WORDS, 2)
        for a, b in itertools.product(WORDS[one], WORDS[other])
        if legal({one: a, other: b})
    }
    assert pairs - seen == set()
    assert set(itertools.product(*(WORDS[key] for key in MAIN))) - seen == set()


def test_every_distribution_of_the_model_and_each_of_its_spreads_is_known_here() -> None:
    assert set(FAMILIES) == set(DISTRIBUTIONS)
    for dist, model in DISTRIBUTIONS.items():
        keys = {field.alias or name for name, field in model.model_fields.items()}
        spreads = {key for each in SPREADS.get(dist, ()) for key in each}
        assert spreads == keys & {"sd", "cv", "variance"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "drawn",
    [st.one_of(*map(amounts, WORDS["amount"])), st.one_of(*map(times, WORDS["lead_time"]))],
    ids=["amounts", "times"],
)
def test_every_distribution_in_every_parametrisation_is_drawn(drawn: Any) -> None:
    seen: set[tuple[str, ...]] = set()

    @settings(FRESH, max_examples=1500)
    @given(drawn)
    def check(table: Any) -> None:
        if not isinstance(table, dict):
            table = {"dist": "constant"}
        seen.add((table["dist"], *sorted(table.keys() & {"sd", "cv", "variance"})))

    check()
    spread = {(dist, key) for dist, keys in SPREADS.items() for each in keys for key in each}
    assert seen == spread | {(dist,) for dist in FAMILIES if dist not in SPREADS}


@given(worded(policy="sS", shortage="lost_sales", demand="renewal", crossing=False))
@settings(FRESH, max_examples=20)
def test_pinned_words_are_kept(found: tuple[dict[str, Any], Scenario]) -> None:
    words, s = found
    assert (words["policy"], s.policies["p"].kind) == ("sS", "sS")
    assert (s.lost_sales, s.demand.kind, s.lead_time.order_crossing) == (True, "renewal", False)
