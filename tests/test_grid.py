"""Whole ticks and whole units: what is equal on paper is equal in the program."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import simlevel as sl
from simlevel.engines.ledger import Event, Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.fields import exact
from simlevel.model.grid import Grid, common
from simlevel.model.scenario import Scenario

PLAIN: dict[str, Any] = {
    "demand": {"kind": "periodic", "quantity": 1},
    "lead_time": 2,
    "policies": {"p": {"kind": "base_stock", "order_up_to": 4, "review_period": 1}},
}


def scenario(*, policy: dict[str, Any] | None = None, **sections: Any) -> sl.Scenario:
    table = PLAIN | sections
    if policy:
        table["policies"] = {"p": PLAIN["policies"]["p"] | policy}
    return sl.Scenario.model_validate(table)


def table_of(s: sl.Scenario, until: float) -> list[Event]:
    events: list[Event] = []
    SimPyEngine(Job.of(s, "p", Windows(0, until), 1)).run(0, events)
    return events


def times(events: list[Event], kind: str) -> list[float]:
    return [event.time for event in events if event.event == kind]


DECIMALS = st.integers(1, 10**6).map(lambda n: n / 1000)


@given(st.lists(st.fractions(min_value=-50, max_value=50, max_denominator=60), max_size=6))
def test_the_common_divisor_divides_all_and_nothing_larger_does(values: list[Fraction]) -> None:
    step = common(values)
    parts = [value / step for value in values if value]
    assert all(part.denominator == 1 for part in parts)
    assert not parts or not any(
        all((part / prime).denominator == 1 for part in parts) for prime in (2, 3, 5, 7, 11, 13)
    )


@given(DECIMALS, DECIMALS, st.integers(1, 1000))
def test_typed_times_are_whole_ticks_and_their_multiples_are_typed_times_again(
    every: float, review: float, count: int
) -> None:
    demand = {"kind": "periodic", "quantity": 1, "every": every}
    grid = Grid.of(scenario(demand=demand, policy={"review_period": review}), 1000.0)
    for value in (every, review):
        assert int(grid.ticks(value)) * grid.tick == Fraction(repr(value))
        assert grid.time(count * grid.ticks(value)) == float(count * Fraction(repr(value)))


def test_a_tenth_ten_times_is_one() -> None:
    grid = Grid.of(scenario(policy={"review_period": 0.1}), 1.0)
    assert 10 * grid.ticks(0.1) == grid.ticks(1.0)
    assert sum([0.1] * 10) != 1.0  # what floats would make of it


def test_reviews_receipts_and_demand_that_meet_on_paper_meet() -> None:
    demand = {"kind": "periodic", "quantity": 1, "every": 0.5}
    events = table_of(scenario(demand=demand, lead_time=0.3, policy={"review_period": 0.1}), 60.0)
    asked, ordered, received = (times(events, kind) for kind in ("demand", "order", "receive"))
    assert asked == [k / 2 for k in range(len(asked))]
    # Asked at k / 2, reviewed a tenth later, received three tenths after that.
    assert ordered == [(5 * k + 1) / 10 for k in range(len(ordered))]
    assert received == [(5 * k + 4) / 10 for k in range(len(received))]
    assert len(received) > 100


@pytest.mark.parametrize(
    ("sequence", "first"), [(["receive", "demand", "review"], 0.0), (None, 0.1)]
)
def test_the_review_at_one_sees_the_demand_at_one_only_if_demand_comes_first(
    sequence: list[str] | None, first: float
) -> None:
    clock = {"sequence": sequence} if sequence else {}
    ordered = times(table_of(scenario(clock=clock, policy={"review_period": 0.1}), 50.0), "order")
    assert ordered == [(10 * k + round(10 * first)) / 10 for k in range(len(ordered))]
    assert len(ordered) > 40


def test_half_kilos_and_tenths_add_up_without_a_rest() -> None:
    demand = {"kind": "periodic", "quantity": 0.1, "pattern": [1, 5]}
    events = table_of(scenario(demand=demand, lead_time=1, policy={"order_up_to": 1.5}), 2000.0)
    levels = {Fraction(event.after) for event in events}
    assert levels <= {Fraction(k / 10) for k in range(-20, 20)}
    assert {event.position for event in events if event.event == "order"} == {1.5}


def test_the_level_at_the_start_is_the_sum_on_paper() -> None:
    assert 0.1 + 0.2 == 0.30000000000000004
    rule = {"kind": "rQ", "reorder_point": 0.1, "order_quantity": 0.2}
    demand = {"kind": "periodic", "quantity": 0.1}
    s = scenario(policies={"p": rule}, demand=demand)
    assert Grid.of(s, 1.0).unit == Fraction(1, 10)
    assert table_of(s, 1.0)[0].before == 0.3


LONG = st.sampled_from((3.14159265358979, 2.718281828459045, 0.12345678901234567, 1e-15))


@given(LONG, DECIMALS.filter(lambda value: value > 0.05), st.sampled_from((1e3, 20000.0, 1e6)))
def test_decimals_too_long_to_count_in_are_rounded_and_the_others_still_meet(
    lead_time: float, review: float, horizon: float
) -> None:
    grid = Grid.of(scenario(lead_time=lead_time, policy={"review_period": review}), horizon)
    assert horizon / grid.tick < 2**53
    assert abs(grid.time(grid.ticks(lead_time)) - lead_time) < 1e-14 * horizon
    assert int(grid.ticks(review)) * grid.tick == Fraction(repr(review))
    assert int(grid.ticks(1.0)) * grid.tick == 1


@given(LONG, LONG, st.sampled_from((1e3, 1e6)))
def test_several_long_decimals_are_each_within_rounding(
    lead_time: float, review: float, horizon: float
) -> None:
    assume(review > 1e-9)
    grid = Grid.of(scenario(lead_time=lead_time, policy={"review_period": review}), horizon)
    for value in (lead_time, review, 1.0, horizon):
        assert abs(grid.time(grid.ticks(value)) - value) < 1e-14 * horizon


@pytest.mark.parametrize("lead_time", [3.14159265358979, 2.999999999999999])
def test_a_run_with_a_long_decimal_stays_within_rounding(lead_time: float) -> None:
    events = table_of(scenario(lead_time=lead_time, policy={"review_period": 0.1}), 5000.0)
    ordered, received = times(events, "order"), times(events, "receive")
    assert ordered == [(10 * k + 1) / 10 for k in range(len(ordered))]
    assert received == pytest.approx([at + lead_time for at in ordered[: len(received)]], abs=1e-9)


@given(st.sampled_from((1e-6, 0.37, 5.0, 1e9)))
def test_continuous_quantities_are_counted_in_steps_nobody_notices(mean: float) -> None:
    demand = {"kind": "poisson", "rate": 5, "size": {"dist": "exponential", "mean": mean}}
    grid = Grid.of(scenario(demand=demand), 20000.0)
    assert 0 < grid.unit <= Fraction(repr(mean)) / 10**7


def test_a_policy_of_ones_own_may_order_decimals_beside_whole_demand() -> None:
    class Tenth:
        def order(self, state: sl.State) -> float:
            return 0.1

    own = sl.OwnPolicy(rule=Tenth(), start=3, review_period=1)
    events = table_of(scenario(policies={"p": own}), 20.0)
    assert {event.quantity for event in events if event.event == "order"} == {0.1}
    assert {event.quantity for event in events if event.event == "demand"} == {1}
    assert all(event.after == round(event.after, 1) for event in events)


@pytest.mark.parametrize("quantity", [0.1, {"dist": "gamma", "mean": 2, "sd": 1}])
def test_quantities_of_a_kind_stay_a_kind(quantity: Any) -> None:
    demand = {"kind": "periodic", "quantity": quantity}
    events = table_of(scenario(demand=demand), 50.0)
    asked = {event.quantity for event in events if event.event == "demand"}
    assert asked == {0.1} if quantity == 0.1 else len(asked) > 40


def test_a_duration_that_no_decimal_ends_is_the_fraction_it_stands_for() -> None:
    """Three reviews of "8 hours" are a day, so the third sees that day's demand."""
    assert [exact(1 / 3), exact(0.1), exact(2.5), exact(3)] == [
        Fraction(1, 3), Fraction(1, 10), Fraction(5, 2), Fraction(3),
    ]  # fmt: skip
    scenario = Scenario.model_validate(
        {
            "time_unit": "day",
            "lead_time": "10 hours",
            "demand": {"kind": "periodic", "quantity": 1},
            "clock": {"sequence": ["receive", "demand", "review"]},
            "policies": {"p": {"kind": "base_stock", "order_up_to": 5, "review_period": "8 hours"}},
        }
    )
    events: list[Event] = []
    SimPyEngine(Job.of(scenario, "p", Windows(0, 3), 1)).run(0, events)
    assert [e.time for e in events if e.event == "order" and e.time < 3] == [0, 1, 2]
