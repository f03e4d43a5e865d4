"""The exchange curve and the system optimum, against every mix of levels there is."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

import simlevel as sl
from simlevel.model.demand import PeriodicDemand
from simlevel.model.distribution import Constant
from simlevel.model.lead_time import LeadTime
from simlevel.model.portfolio import Portfolio
from simlevel.studies.portfolio.ladder import ENOUGH, MANY, Ladder, columns_of, ladder
from simlevel.studies.portfolio.settle import Item, Shelf
from simlevel.studies.portfolio.steps import Stepped
from simlevel.studies.portfolio.system import Point, optimum, with_system
from simlevel.theory.lattice import Law

LEVELS = 6


def portfolio(**asked):
    """A portfolio that asks for *asked* of all items together."""
    return Portfolio.model_validate({
        "items": {"file": "i", "name": "n", "lead_time": 1, "unit_value": 1},
        "history": {"file": "h", "item": "i", "period": "p", "quantity": "q", "first": "1",
                    "last": "9"},
        "classes": {"c": {"fill_rate": 0.9}},
        "system": asked,
    })  # fmt: skip


def some_items(rng, count):
    """A chunk of items, and of each what it serves and holds at each level."""
    mean, value = rng.uniform(1, 10, count), rng.uniform(1, 50, count)
    every = [
        (
            np.append(0, np.sort(rng.uniform(0, 1, LEVELS - 1))),
            np.append(0, np.cumsum(rng.uniform(0.1, 1, LEVELS - 1))),
        )
        for _ in range(count)
    ]
    chosen = [
        (share[level], held[level])
        for (share, held), level in zip(every, rng.integers(LEVELS, size=count), strict=True)
    ]
    table = {
        "item": np.array([f"i{item}" for item in range(count)]), "mean": mean, "lines": mean,
        "value": mean * value, "unit_value": value,
        "proposed_fill_rate": np.array(chosen)[:, 0],
        "proposed_mean_on_hand": np.array(chosen)[:, 1],
        "proposed_reorder_point": np.zeros(count), "proposed_order_up_to": np.ones(count),
        **columns_of({item: ladder(np.arange(float(LEVELS)), *each)
                      for item, each in enumerate(every)}),
    }  # fmt: skip
    amounts = zip(every, table["value"], value, strict=True)
    return table, [(weight * share, price * held) for (share, held), weight, price in amounts]


def parted(table, counts):
    """The chunk as several chunks."""
    ends = list(itertools.accumulate(counts))
    for first, end in zip([0, *ends], ends, strict=False):
        inside = (table["rung_item"] >= first) & (table["rung_item"] < end)
        rungs = {name: each[inside] for name, each in table.items() if name.startswith("rung_")}
        rungs["rung_item"] = rungs["rung_item"] - first
        yield {**{name: each[first:end] for name, each in table.items()}, **rungs}


class Mixes:
    """A few items of a few levels, in two chunks; and every mix of their levels."""

    def __init__(self, rng):
        table, amounts = some_items(rng, 4)
        self.tables = [*parted(table, (3, 1))]
        self.served, self.invested = np.zeros(1), np.zeros(1)
        for served, invested in amounts:
            self.served = (self.served[:, None] + served).ravel()
            self.invested = (self.invested[:, None] + invested).ravel()
        self.whole = float(table["value"].sum())
        prices = table["unit_value"][table["rung_item"]]
        self.largest_step = float(np.diff(table["rung_on_hand"] * prices).max())

    def least(self, fill_rate):
        """Investment of the cheapest mix that serves as much."""
        return float(self.invested[self.served >= (fill_rate - 1e-9) * self.whole].min())

    def is_best(self, point):
        """Whether no mix serves as much for less."""
        return point.investment <= self.least(point.fill_rate) * (1 + 1e-9)

    def optimum(self, **asked):
        return optimum(portfolio(**asked), lambda: self.tables)


def test_no_mix_of_levels_serves_as_much_as_the_system_optimum_for_less():
    rng = np.random.default_rng(1)
    equal = []
    for _ in range(100):
        mixes = Mixes(rng)
        found = mixes.optimum()
        assert found.reached.fill_rate >= found.target - 1e-9
        assert mixes.is_best(found.reached)
        least = mixes.least(found.target)
        assert 0 <= found.reached.investment - least <= found.could_be_less + 1e-9
        assert found.could_be_less <= mixes.largest_step
        equal.append(mixes.is_best(found.equal_target))
    assert not all(equal)  # what meets each item's own target is seen to be no optimum


def test_every_point_of_the_exchange_curve_is_a_best_mix():
    rng = np.random.default_rng(2)
    for _ in range(50):
        mixes = Mixes(rng)
        curve = mixes.optimum().curve
        assert all(map(mixes.is_best, curve[1:]))
        assert curve[0] == Point(0.0, 0.0)
        assert len(curve) > 3


@pytest.mark.parametrize("target", [0.2, 0.5, 0.8])
def test_how_items_are_parted_in_chunks_changes_nothing(target):
    table, _ = some_items(np.random.default_rng(3), 60)
    asked, made = portfolio(fill_rate=target), []
    for counts in ((60,), (25, 35), (1,) * 60):
        chunks = [*parted(table, counts)]
        found = optimum(asked, lambda chunks=chunks: chunks)
        settled = [*with_system(asked, chunks, found.cut)]
        assert not any(name.startswith("rung_") for each in settled for name in each)
        made.append(np.concatenate([each["system_fill_rate"] for each in settled]))
        assert found.reached.fill_rate == pytest.approx(target, abs=0.05)
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


def test_of_items_that_are_alike_the_first_are_raised_and_no_more_than_needed():
    rungs = Ladder(np.array([0.0, 1.0]), np.array([0.0, 0.8]), np.array([0.0, 1.0]))
    ones = np.ones(5)
    table = {"item": np.array([*"abcde"]), "mean": ones, "value": ones, "unit_value": ones,
             "proposed_fill_rate": ones * 0.8, "proposed_mean_on_hand": ones,
             "proposed_reorder_point": ones, "proposed_order_up_to": ones * 3,
             **columns_of(dict.fromkeys(range(5), rungs))}  # fmt: skip
    asked = portfolio(fill_rate=0.4)
    found = optimum(asked, lambda: [table, table])
    assert (found.items, found.empty, found.reached) == (10, 5, Point(0.4, 5.0))
    first, second = with_system(asked, [table, table], found.cut)
    assert first["system_fill_rate"].tolist() == [0.8] * 5
    assert second["system_order_up_to"].tolist() == [2.0] * 5


def test_what_cannot_be_reached_is_said_and_what_needs_nothing_holds_nothing():
    mixes = Mixes(np.random.default_rng(4))
    assert "no levels that are looked at serve 99.9999 %" in mixes.optimum(fill_rate=0.999999)
    mixes.tables[0]["rung_fill_rate"] += 0.5
    mixes.tables[1]["rung_fill_rate"] += 0.5
    found = mixes.optimum(fill_rate=0.1)
    assert found.reached.investment == found.could_be_less == 0
    assert "no item has levels" in optimum(portfolio(), list)


def test_items_without_a_value_are_counted_and_left_out():
    table, _ = some_items(np.random.default_rng(5), 3)
    table["unit_value"][1] = table["value"][1] = np.nan
    found = optimum(portfolio(), lambda: [table])
    assert (found.items, found.settled) == (2, 3)
    (settled,) = with_system(portfolio(), [table], found.cut)
    assert np.isnan(settled["system_fill_rate"]).tolist() == [False, True, False]


# --- the ladder of an item -----------------------------------------------------------------------


@given(
    arrays(float, 12, elements=st.floats(0, 0.5)), arrays(float, 12, elements=st.floats(0.01, 2)),
    st.floats(-3, 3),
)  # fmt: skip
def test_at_any_price_the_best_of_all_levels_is_on_the_ladder(gains, costs, exponent):
    share = np.minimum(np.cumsum(gains), 1.0)
    held, price = np.cumsum(costs), 10.0**exponent
    found = ladder(np.arange(12.0), share, held)
    assert (np.diff(np.diff(found.fill_rate) / np.diff(found.on_hand)) < 0).all()
    best = (price * share - held).max()
    assert (price * found.fill_rate - found.on_hand).max() == pytest.approx(
        best, abs=1.1 * ENOUGH * price
    )


def test_of_many_levels_a_few_hundred_are_kept_that_are_as_good():
    level = np.arange(20_000.0)
    share, held = 1 - np.exp(-level / 1500), level
    found = ladder(level, share, held)
    assert MANY < len(found.level) < 600
    assert found.fill_rate[-1] == pytest.approx(1 - ENOUGH, abs=ENOUGH / 10)
    between = np.interp(held, found.on_hand, found.fill_rate)[: int(found.level[-1])]
    assert np.abs(between - share[: len(between)]).max() < 0.001


RULES = [
    {"kind": "sS"},
    {"kind": "rQ", "held_quantity": 4},
    {"kind": "base_stock"},
    {"kind": "sS", "minimum_order": 5, "order_multiple": 3},
    {"kind": "rQ", "held_quantity": 4, "review_period": 2},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_each_level_gives_what_its_settings_give_by_themselves(rule):
    demand = PeriodicDemand(kind="periodic", quantity={"dist": "poisson", "mean": 1.7})
    mass = stats.poisson.pmf(np.arange(25), 1.7)
    asked = Stepped(Fraction(1), Law(0, mass / mass.sum()), Fraction(1))
    lead_time = LeadTime(distribution=Constant(value=2.5))
    item = Item(asked, lead_time, ("fill_rate", 0.9), order_cost=5, holding_cost=0.5, **rule)
    shelf = Shelf(item, 1)
    policy = shelf.cheapest().policy
    found = shelf.ladder(policy)
    assert found.fill_rate[0] == pytest.approx(0, abs=0.2)
    assert found.fill_rate[-1] >= 1 - ENOUGH
    for place in (0, len(found.level) // 2, -1):
        lifted = found.level[place] - policy.trigger
        moved = {key: getattr(policy, key) + lifted for key in ("reorder_point", "order_up_to")
                 if getattr(policy, key, None) is not None}  # fmt: skip
        rules = policy.model_dump(exclude_none=True) | moved
        scenario = sl.Scenario.model_validate(
            {"demand": demand, "lead_time": 2.5, "policies": {"p": rules}}
        )
        expected = sl.analyze(scenario).policies["p"].measures
        for name in ("fill_rate", "on_hand"):
            exact = expected["mean_on_hand" if name == "on_hand" else name].analytic
            assert getattr(found, name)[place] == pytest.approx(exact.value, abs=1e-8), name
