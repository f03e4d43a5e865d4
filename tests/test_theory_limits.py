"""Where theory is stretched: far tails, large numbers, odd lattices, continuous quantities."""

from __future__ import annotations

import doctest
import math
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from simlevel.model.distribution import NegativeBinomial
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.catalogue import derive
from simlevel.theory.lattice import Law
from simlevel.theory.laws import law_of, poisson
from simlevel.theory.sums import compound_poisson, sum_of

UNIT = {"kind": "poisson", "rate": 2.0}
GEOMETRIC = {"dist": "geometric", "mean": 10}


def theory(policy: dict[str, Any], demand: dict[str, Any], **more: Any) -> Any:
    settings = {"policies": {"p": policy}, "demand": demand, "lead_time": 2} | more
    return derive(Scenario.model_validate(settings), "p")


def values(policy: dict[str, Any], demand: dict[str, Any], **more: Any) -> dict[str, float]:
    found = theory(policy, demand, **more)
    assert found.reason is None
    assert all(math.isfinite(answer.value) for answer in found.answers.values())
    return {name: answer.value for name, answer in found.answers.items()}


def test_the_printed_example() -> None:
    assert doctest.testmod(catalogue) == doctest.TestResults(failed=0, attempted=4)


def rq(reorder_point: float, order_quantity: float) -> dict[str, Any]:
    return {"kind": "rQ", "reorder_point": reorder_point, "order_quantity": order_quantity}


def panjer(count: float, masses: list[float], size: int) -> list[float]:
    """P(sum = 0), P(sum = 1), ... of Poisson(count) sizes 1, 2, ...: Panjer's recursion."""
    found = [math.exp(-count)]
    for total in range(1, size):
        terms = (k * f * found[total - k] for k, f in enumerate(masses, 1) if k <= total)
        found.append(count / total * math.fsum(terms))
    return found


@pytest.mark.parametrize("count", [0.01, 5.0, 60.0])
def test_compound_masses_keep_their_digits_far_out(count: float) -> None:
    masses = [0.5, 0.3, 0.2]
    law = compound_poisson(count, Law(1, np.array(masses)))
    expected = panjer(count, masses, law.high + 1)
    for value in range(law.low, law.high + 1):
        if expected[value] > 1e-19:
            assert law.at(value) == pytest.approx(expected[value], rel=1e-10)


def test_sums_of_many_terms() -> None:
    """Sums of Poisson variables are Poisson."""
    law = sum_of([(poisson(3.0), 20), (poisson(0.5), 80)])
    for value in (20, 50, 100, 150, 190):
        expected = math.exp(value * math.log(100) - 100 - special.gammaln(value + 1))
        assert law.at(value) == pytest.approx(expected, rel=1e-11)


def test_rare_shortages_keep_their_digits() -> None:
    """Base stock 30, lead-time demand 4: E[B] = sum over k > 30 of P(D >= k)."""
    found = values({"kind": "base_stock", "order_up_to": 30}, UNIT)
    expected = math.fsum(special.gammainc(k, 4.0) for k in range(31, 200))
    assert expected < 1e-16
    assert found["mean_backorders"] == pytest.approx(expected, rel=1e-10)


def test_lead_time_demand_of_a_million() -> None:
    """P(D <= r), by the incomplete gamma function."""
    found = values(rq(1_000_500, 100_000), {"kind": "poisson", "rate": 1e5}, lead_time=10)
    assert found["cycle_service_level"] == pytest.approx(
        special.gammaincc(1_000_501, 1e6), abs=1e-10
    )
    assert found["mean_inventory_position"] == pytest.approx(1_050_500.5, rel=1e-12)


def test_quantities_of_one_and_of_a_hundred_thousand() -> None:
    one = values(rq(12, 1), {"kind": "poisson", "rate": 5})
    up_to = values({"kind": "base_stock", "order_up_to": 13}, {"kind": "poisson", "rate": 5})
    assert one == pytest.approx(up_to, abs=1e-12)
    many = values(rq(12, 1e5), {"kind": "poisson", "rate": 5, "size": GEOMETRIC})
    assert many["orders_per_time"] == pytest.approx(50 / 1e5, rel=1e-11)
    assert many["mean_on_hand"] - many["mean_backorders"] == pytest.approx(
        12 + 50_000.5 - 100, rel=1e-12
    )


def test_sizes_with_a_heavy_tail() -> None:
    """Of sizes 1 and 100,000 no large one is served by a shelf of 350 at most."""
    size = {"dist": "discrete", "values": [1, 100_000], "probabilities": [0.999, 0.001]}
    found = values(rq(300, 50), {"kind": "poisson", "rate": 2, "size": size})
    assert found["order_fill_rate"] < 0.999
    assert found["demand_per_time"] == pytest.approx(2 * (0.999 + 100), rel=1e-12)
    assert found["mean_on_hand"] - found["mean_backorders"] == pytest.approx(
        325.5 - 2 * 2 * 100.999, rel=1e-9
    )


def test_negative_reorder_points() -> None:
    """(r, Q) = (-5, 10): positions -4 to 5; the share served is that with stock on hand."""
    found = values(rq(-5, 10), UNIT)
    in_stock = sum(special.pdtr(p - 1, 4) for p in range(1, 6)) / 10
    assert found["fill_rate"] == pytest.approx(in_stock, abs=1e-14)
    assert found["lead_time_fill_rate"] == pytest.approx(0, abs=1e-14)
    negative = theory(rq(-5, 10), UNIT, measures={"served_within": [1, 3]}).answers
    assert "served_within_1" in negative
    assert "served_within_3" not in negative


def test_a_common_divisor_of_quantities_in_decimals() -> None:
    """Sizes of 0.25, Q = 1.1, r = 1.3: positions at each 0.05 up to 2.4."""
    found = values(rq(1.3, 1.1), {"kind": "poisson", "rate": 2, "size": 0.25})
    assert found["mean_inventory_position"] == pytest.approx(1.3 + (0.05 + 1.1) / 2, abs=1e-12)
    positions = [1.3 + 0.05 * k for k in range(1, 23)]
    ready = sum(special.pdtr(math.ceil(p / 0.25 - 1e-9) - 1, 4) for p in positions) / 22
    assert found["ready_rate"] == pytest.approx(ready, abs=1e-12)


def test_a_divisor_that_leaves_positions_out() -> None:
    """Even sizes and Q = 8 from 16: positions 10, 12, 14, 16; not 9 to 16."""
    demand = {"kind": "poisson", "rate": 2, "size": 2}
    found = values(rq(8, 8), demand)
    assert found["mean_inventory_position"] == pytest.approx(13, abs=1e-12)
    assert values(rq(8, 8), demand, start={"net_inventory": 15})[
        "mean_inventory_position"
    ] == pytest.approx(12, abs=1e-12)


@pytest.mark.parametrize(("mean", "variance"), [(1e-15, 1e-13), (1e-15, 2e-15), (40, 4000)])
def test_a_negative_binomial_is_that_of_scipy(mean: float, variance: float) -> None:
    law = law_of(NegativeBinomial(mean=mean, variance=variance), Fraction(1))
    size, success = mean * mean / (variance - mean), mean / variance
    for value in (0, 1, 2, 30):
        expected = stats.nbinom.pmf(value, size, success)
        assert law.at(value) == pytest.approx(expected, rel=1e-9)


RARE = {"dist": "negative_binomial", "mean": 1e-15, "variance": 100}
WIDE = {"dist": "discrete", "values": [1, 1_000_000], "probabilities": [0.5, 0.5]}


@pytest.mark.parametrize(
    "quantity", [{"quantity": RARE}, {"quantity": WIDE, "pattern": [0.5, 1_000_000]}]
)
def test_demands_too_far_apart_are_not_worked_out(quantity: dict[str, Any]) -> None:
    found = theory(rq(5, 5), {"kind": "periodic"} | quantity)
    assert found.reason.startswith("not worked out: expected quantities that differ by at most")


def test_factors_of_many_decimals_round_as_on_paper() -> None:
    """1 and 60,000, each as likely, are 0 and 20,000 at a third, 2 and 120,000 at 2."""
    quantity = {"dist": "discrete", "values": [1, 60_000], "probabilities": [0.5, 0.5]}
    demand = {"kind": "periodic", "quantity": quantity, "pattern": [0.333333333333333, 2]}
    found = values({"kind": "base_stock", "order_up_to": 1e5}, demand, lead_time=1)
    assert found["demand_per_time"] == pytest.approx((10_000 + 60_001) / 2, rel=1e-12)


def test_demand_without_chance() -> None:
    """7 a period, Q = 14, r = 20 from 34: 34, 27, 34, ... after each look, and L = 0."""
    found = values(rq(20, 14), {"kind": "periodic", "quantity": 7}, lead_time=0)
    assert found["mean_on_hand"] == pytest.approx((34 + 27) / 2, abs=1e-12)
    assert found["orders_per_time"] == pytest.approx(0.5, abs=1e-12)


def test_exponential_quantities_in_closed_form() -> None:
    """Mean 10 a period, review each period, S = 42, L = 2: sums of three are Erlang."""
    demand = {"kind": "periodic", "quantity": {"dist": "exponential", "mean": 10}}
    policy = {"kind": "base_stock", "order_up_to": 42, "review_period": 1}
    found = values(policy, demand)

    def shortage(periods: int) -> float:
        """E[(D - 42)+]."""
        return 10 * periods * special.gammaincc(periods + 1, 4.2) - 42 * special.gammaincc(
            periods, 4.2
        )

    assert found["cycle_service_level"] == pytest.approx(special.gammainc(3, 4.2), abs=1e-6)
    assert found["fill_rate"] == pytest.approx(1 - (shortage(3) - shortage(2)) / 10, abs=1e-6)
    assert found["mean_backorders"] == pytest.approx(shortage(3), rel=1e-6)
    assert found["period_service_level"] == pytest.approx(special.gammainc(3, 4.2), abs=1e-6)
    assert abs(found["cycle_service_level"] - special.gammainc(2, 4.2)) > 0.05


@pytest.mark.parametrize("levels", [(30, 70), (31.7, 68.123)])
def test_exponential_quantities_have_no_memory(levels: tuple[float, float]) -> None:
    """The undershoot of s is exponential again, and orders are 1 + (S - s) / 10 periods apart."""
    low, high = levels
    demand = {"kind": "periodic", "quantity": {"dist": "exponential", "mean": 10}}
    found = values({"kind": "sS", "reorder_point": low, "order_up_to": high}, demand, lead_time=1)
    assert found["orders_per_time"] == pytest.approx(1 / (1 + (high - low) / 10), abs=1e-7)
    assert found["safety_stock"] == pytest.approx(low - 10, rel=1e-6)
    assert found["cycle_service_level"] == pytest.approx(1 - math.exp(-low / 10), abs=1e-6)


def test_a_gamma_with_a_pole_at_0() -> None:
    """Shape 0.5 a period: six periods have shape 3."""
    demand = {"kind": "periodic", "quantity": {"dist": "gamma", "mean": 10, "cv": math.sqrt(2)}}
    policy = {"kind": "base_stock", "order_up_to": 150, "review_period": 1}
    found = values(policy, demand, lead_time=5)
    assert found["cycle_service_level"] == pytest.approx(special.gammainc(3, 150 / 20), abs=1e-6)


def test_costs_add_up() -> None:
    """An order of n multiples is one order; shortages are charged once a unit."""
    demand = {"kind": "poisson", "rate": 2, "size": GEOMETRIC}
    costs = {"order": 3, "holding": 0.5, "backorder": 2, "shortage": 1.5, "purchase": 0.25}
    found = values(rq(40, 7), demand, costs=costs)
    parts = ("holding_cost", "order_cost", "backorder_cost", "shortage_cost", "purchase_cost")
    assert found["order_cost"] == pytest.approx(3 * found["orders_per_time"])
    assert found["orders_per_time"] < 20 / 7 * 0.75
    assert found["shortage_cost"] == pytest.approx(1.5 * 20 * (1 - found["fill_rate"]))
    assert found["cost_per_time"] == pytest.approx(sum(found[part] for part in parts))


@pytest.mark.parametrize(
    ("policy", "demand", "more", "reason"),
    [
        (rq(6, 4), UNIT, {"shortage": "lost_sales"}, "Q is above r"),
        (rq(4, 6), UNIT, {"lead_time": {"dist": "exponential", "mean": 2}}, "overtake"),
        (rq(4, 6), UNIT, {"lead_time": {"dist": "uniform", "low": 0, "high": 3}}, "overtake"),
        (rq(4, 6) | {"review_period": 1}, UNIT,
         {"lead_time": {"dist": "uniform", "low": 0, "high": 3}}, "lead times vary"),
        (rq(4, 1e12), UNIT, {}, "steps of their lattice"),
        (rq(4, 6), {"kind": "history", "values": [1, 2], "resample": "replay"}, {}, "one run"),
        ({"kind": "base_stock", "order_up_to": 4, "review_period": 1},
         {"kind": "periodic", "quantity": {"dist": "poisson", "mean": 2}},
         {"lead_time": {"dist": "discrete", "values": [1, 4], "probabilities": [0.5, 0.5],
                        "order_crossing": False}}, "wait for one another"),
    ],
)  # fmt: skip
def test_what_is_not_covered_says_why(
    policy: dict[str, Any], demand: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    found = theory(policy, demand, **more)
    assert not any(answer.exact for answer in found.answers.values())
    assert reason in found.reason


def test_nothing_is_ever_on_order_without_a_lead_time() -> None:
    """So there is no fill rate in it, rather than one made of rounding."""
    for review in ({}, {"review_period": 1.5}):
        assert "lead_time_fill_rate" not in values(rq(4, 6) | review, UNIT, lead_time=0)


def test_a_large_policy_takes_no_two_seconds() -> None:
    demand = {"kind": "poisson", "rate": 100, "size": GEOMETRIC}
    policy = {"kind": "sS", "reorder_point": 10_100, "order_up_to": 15_100}
    started = time.perf_counter()
    values(policy, demand, lead_time=10)
    values(policy | {"review_period": 3}, demand, lead_time=10)
    assert time.perf_counter() - started < 4  # two analyses


def test_reviews_between_two_demands_change_nothing_where_demand_comes_first() -> None:
    """Three reviews of four find nothing to order, and the fourth is the one without them."""
    late = {"dist": "discrete", "values": [1, 3.5, 6], "probabilities": [0.3, 0.4, 0.3]}
    demand = {"kind": "periodic", "quantity": {"dist": "poisson", "mean": 5}, "every": 2}
    more = {"lead_time": late, "measures": {"served_within": [1.5]},
            "clock": {"sequence": ["receive", "demand", "review"]}}  # fmt: skip
    seldom, often = (
        values({"kind": "base_stock", "order_up_to": 20, "review_period": review},
               demand | {"probability": 0.7}, **more)
        for review in (2, 0.5)
    )  # fmt: skip
    assert often == pytest.approx(seldom, rel=1e-12)
