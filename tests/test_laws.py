"""Laws that hold on every path, for every policy, shortage mode and clock."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Sequence
from fractions import Fraction

import audit
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import CLOCK, POLICY, SHORTAGE, job, scenarios

from simlevel.engines.ledger import Event, Job, Windows, named
from simlevel.engines.process import SimPyEngine
from simlevel.estimation.estimate import estimates
from simlevel.model.policy import BaseStock
from simlevel.model.scenario import Scenario

Totals = dict[str, float]
COMBINATIONS = [
    {"policy": policy, "shortage": shortage, "clock": clock}
    for policy, shortage, clock in itertools.product(POLICY, SHORTAGE, CLOCK)
]
EVERYWHERE = pytest.mark.parametrize(
    "words", COMBINATIONS, ids=lambda words: " ".join(words.values())
)
LIGHT = settings(
    deadline=None, max_examples=6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)  # fmt: skip


def run(work: Job, replication: int = 0) -> tuple[list[Event], list[Totals]]:
    events: list[Event] = []
    rows = SimPyEngine(work).run(replication, events).tolist()
    return events, [dict(zip(work.columns, row, strict=True)) for row in rows]


def in_units(work: Job, quantity: float) -> int:
    """A quantity of the event table in whole grid units."""
    return round(Fraction(quantity) / work.grid.unit)


# --- on one path ---------------------------------------------------------------------------------


@EVERYWHERE
@LIGHT
@given(data=st.data())
def test_every_path_keeps_the_laws(words: dict[str, str], data: st.DataObject) -> None:
    work = job(data.draw(scenarios(**words)))
    events, (totals,) = run(work)
    stock_is_conserved(work, events)
    areas_are_units_times_their_time_in_the_system(work, events, totals)
    if work.scenario.lead_time.distribution.dist == "constant":
        on_order_is_ordered_times_lead_time_but_for_the_edges(work, events, totals)
    what_is_never_above_what(work.scenario, totals)
    shares_lie_between_0_and_1(work)


def stock_is_conserved(work: Job, events: list[Event]) -> None:
    """Exactly; the position is net inventory and what is on order, after each event."""
    s = work.scenario
    net, on_order = in_units(work, s.start_level("p")), 0
    for event in events:
        quantity, before, after, position, outstanding, waiting = (
            in_units(work, value) for value in event[2:]
        )
        assert before == net
        lost = max(quantity - before, 0) if s.lost_sales and event.event == "demand" else 0
        net += {"receive": quantity, "demand": lost - quantity, "order": 0}[event.event]
        on_order += {"receive": -quantity, "demand": 0, "order": quantity}[event.event]
        assert (after, outstanding, position) == (net, on_order, net + on_order)
        assert waiting == max(-net, 0)
        assert not s.lost_sales or net >= 0


def areas_are_units_times_their_time_in_the_system(
    work: Job, events: list[Event], totals: Totals
) -> None:
    """Little's law as it holds on each path: time in the system is cut at the window's edges."""
    opening, s = work.windows.warmup, work.scenario
    closing = opening + work.windows.length

    def left(time: float) -> float:
        return closing - min(max(time, opening), closing)

    def flow(kind: str) -> float:
        return sum(event.quantity * left(event.time) for event in events if event.event == kind)

    near = {"rel": 1e-9, "abs": 1e-7}
    assert totals["area_on_order"] == pytest.approx(flow("order") - flow("receive"), **near)
    rows = [(event.time, event.event, Fraction(event.quantity)) for event in events]
    nets = [Fraction(event.before) for event in events]
    waited = sum(
        float(units) * (left(asked) - left(delivered))
        for asked, delivered, units in audit.waits(work, rows, nets or [Fraction(0)])
    )
    if events:
        assert totals["area_backorders"] == pytest.approx(waited, **near)
    if not s.lost_sales:
        net = s.start_level("p") * work.windows.length + flow("receive") - flow("demand")
        assert totals["area_on_hand"] - totals["area_backorders"] == pytest.approx(net, **near)


def on_order_is_ordered_times_lead_time_but_for_the_edges(
    work: Job, events: list[Event], totals: Totals
) -> None:
    """Little's law from the totals alone; orders that cross an edge are what it may be off by."""
    lead_time, opening = work.scenario.lead_time.mean(), work.windows.warmup

    def outstanding(time: float) -> float:
        return next((e.outstanding for e in reversed(events) if e.time < time), 0.0)

    rest = totals["area_on_order"] - lead_time * totals["units_ordered"]
    assert rest <= lead_time * outstanding(opening) + 1e-7
    assert -rest <= lead_time * outstanding(opening + work.windows.length) + 1e-7


NEVER_ABOVE = [
    ("customers_whole", "customers"), ("units_from_shelf", "units_demanded"),
    ("units_from_shelf_in_lead_time", "units_demanded_in_lead_time"),
    ("units_demanded_in_lead_time", "units_demanded"),
    ("units_from_shelf_in_lead_time", "units_from_shelf"), ("cycles_without_stockout", "cycles"),
    ("periods_served", "periods"), ("periods_without_backorders", "periods"),
    ("time_in_stock", "time"),
]  # fmt: skip


def what_is_never_above_what(s: Scenario, totals: Totals) -> None:
    for less, more in NEVER_ABOVE:
        assert totals[less] <= totals[more]
    short = totals["units_demanded"] - totals["units_from_shelf"]
    assert totals["units_lost"] == (pytest.approx(short, abs=1e-9) if s.lost_sales else 0)
    if s.demand.is_periodic:  # one customer a period
        periods_short = totals["periods"] - totals["periods_served"]
        assert periods_short == totals["customers"] - totals["customers_whole"]
    if s.demand.is_whole:
        assert totals["customers_whole"] <= totals["units_from_shelf"]
    sizes = set(s.demand.amount.values_drawn or ()) - {0}
    if len(sizes) == 1 and not getattr(s.demand, "pattern", None):
        # Customers alike: the order fill rate is never above the fill rate.
        whole = totals["customers_whole"] * sizes.pop()
        assert whole <= totals["units_from_shelf"] + 1e-9
    waits = {w: f"delivered_within_{w}" for w in s.measures.served_within}
    late = [totals[waits[w]] for w in sorted(waits)]
    assert late == sorted(late)
    assert not late or totals["units_from_shelf"] + late[-1] <= totals["units_demanded"] + 1e-9


def shares_lie_between_0_and_1(work: Job) -> None:
    s = work.scenario
    rows = np.array([SimPyEngine(work).run(replication)[0] for replication in range(2)])
    found = estimates(named(rows, s), s, 0.95)
    for measure in s.measure_words():
        each = found[measure.name]
        if each.estimate is not None:
            low, high = (0, 1) if measure.is_share else (-np.inf, np.inf)
            assert low <= each.low <= each.estimate <= each.high <= high


@LIGHT
@given(data=st.data())
def test_a_window_adds_up_from_its_parts(data: st.DataObject) -> None:
    s = data.draw(scenarios())
    length = s.simulation.horizon
    whole, parts = (
        Job.of(s, "p", Windows(s.simulation.warmup, total, count), s.simulation.seed)
        for total, count in ((2 * length, 1), (length, 2))
    )
    one, two = run(whole)[1][0], run(parts)[1]
    assert one == pytest.approx({name: two[0][name] + two[1][name] for name in one}, abs=1e-7)


# --- between two paths ---------------------------------------------------------------------------


def raised(s: Scenario, by: float) -> Scenario:
    """*s* with a second policy, everything *by* higher; one grid, so the same draws."""

    def plus(value: float) -> float:
        return float(Fraction(repr(value)) + Fraction(repr(by)))

    policy = s.policies["p"]
    keys = {"reorder_point", "order_up_to"} & set(type(policy).model_fields)
    higher = policy.model_copy(update={key: plus(getattr(policy, key)) for key in keys})
    return s.model_copy(update={"policies": {"p": policy, "higher": higher}})


def side_by_side(s: Scenario, by: float, warmup: float | None = None) -> Sequence[Totals]:
    both, settings = raised(s, by), s.simulation
    windows = Windows(settings.warmup if warmup is None else warmup, settings.horizon)
    jobs = [Job.of(both, name, windows, settings.seed) for name in both.policies]
    return [run(work)[1][0] for work in jobs]


GOOD = ("customers_whole", "units_from_shelf", "units_from_shelf_in_lead_time",
        "cycles_without_stockout", "periods_served", "periods_without_backorders",
        "area_on_hand", "time_in_stock")  # fmt: skip
BAD = ("backorders_at_period_ends", "area_backorders")
SAME = ("customers", "units_demanded", "units_demanded_in_lead_time", "cycles", "periods",
        "orders", "units_ordered", "area_on_order")  # fmt: skip
STEP = st.sampled_from((0.1, 1, 4))


@pytest.mark.parametrize("clock", CLOCK)
@pytest.mark.parametrize("policy", POLICY)
@LIGHT
@given(data=st.data(), by=STEP)
def test_with_backorders_a_higher_policy_never_serves_worse_on_the_same_draws(
    policy: str, clock: str, data: st.DataObject, by: float
) -> None:
    s = data.draw(scenarios(policy=policy, clock=clock, shortage="backorder", start="full"))
    low, high = side_by_side(s, by)
    assert [low[name] for name in SAME] == [high[name] for name in SAME]
    late = [name for name in low if name.startswith("delivered_within")]
    for name in GOOD:
        assert low[name] <= high[name] + 1e-9 * abs(high[name])
    for name in BAD:
        assert low[name] >= high[name] - 1e-9 * abs(low[name])
    for name in late:
        assert low["units_from_shelf"] + low[name] <= high["units_from_shelf"] + high[name] + 1e-9
    # The whole path is the same, that much higher.
    rise = (high["area_on_hand"] - high["area_backorders"]) - (
        low["area_on_hand"] - low["area_backorders"]
    )
    assert rise == pytest.approx(by * low["time"], rel=1e-6)
    before = high["net_inventory_before_receipts"] - low["net_inventory_before_receipts"]
    assert before == pytest.approx(by * low["cycles"], rel=1e-6)


@pytest.mark.parametrize("clock", CLOCK)
@pytest.mark.parametrize("policy", ["rQ", "base_stock"])
@pytest.mark.parametrize("lead_time", ["none", "constant"])
@LIGHT
@given(data=st.data(), by=STEP)
def test_under_lost_sales_a_higher_policy_never_fills_less_from_time_0_on(
    policy: str, clock: str, lead_time: str, data: st.DataObject, by: float
) -> None:
    words = {"policy": policy, "clock": clock, "lead_time": lead_time, "rule": "plain"}
    s = data.draw(scenarios(**words, shortage="lost_sales", start="full"))
    low, high = side_by_side(s, by, warmup=0.0)
    assert low["units_demanded"] == high["units_demanded"]
    assert low["units_from_shelf"] <= high["units_from_shelf"]


@LIGHT
@given(st.data())
def test_base_stock_orders_what_was_asked_for(data: st.DataObject) -> None:
    """With no lead time and reviews after every customer, one for one."""
    words = {"policy": "base_stock", "clock": "continuous", "rule": "plain", "start": "full"}
    s = data.draw(scenarios(**words, shortage="backorder"))
    assert isinstance(s.policies["p"], BaseStock)
    totals = run(job(s))[1][0]
    assert totals["orders"] == totals["customers"]
    assert totals["units_ordered"] == totals["units_demanded"]


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [{"shortage": "backorder"}, {"shortage": "lost_sales"}], ids=str)
def test_memory_does_not_grow_with_the_horizon(words: dict[str, str]) -> None:
    s = Scenario.model_validate(
        words | {
            "demand": {"kind": "poisson", "rate": 5, "size": {"dist": "geometric", "mean": 2}},
            "lead_time": {"dist": "gamma", "mean": 4, "cv": 0.5, "order_crossing": False},
            "policies": {"p": {"kind": "rQ", "reorder_point": 35, "order_quantity": 30}},
            "measures": {"served_within": [1]},
        }
    )  # fmt: skip

    def peak(horizon: float, trace: list[Event] | None = None) -> int:
        engine = SimPyEngine(Job.of(s, "p", Windows(10, horizon), 1))
        tracemalloc.start()
        engine.run(0, trace)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    short = peak(3000)  # about one whole block of draws
    assert peak(18000) < 1.1 * short
    assert peak(6000, trace=[]) > 1.1 * short  # control: an event table is kept
