"""Renewal demand: hand-computed and integrated counts, and simulation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, stats
from simulated import disagreements, one, scenario

from simlevel.model import distribution as d
from simlevel.theory import renewal, renewal_count
from simlevel.theory.renewal_count import gap_sums


def renewals(gap, size=1):
    return {"kind": "renewal", "interarrival": gap, "size": size}


def solve(**data):
    return renewal.answers(scenario(**data), "only")


def test_erlang_4_base_stock():
    """The design's example: fill 0.844 seen by customers, ready 0.718 seen by the clock.

    By stages: three time units are 12 on average. A customer finds nothing if 4 others came in
    the last 3 time units, 16 stages; the clock starts in a random stage of a gap.
    """
    answers = solve(
        demand=renewals({"dist": "erlang", "mean": 1, "k": 4}),
        lead_time=3,
        policies=one(kind="base_stock", order_up_to=4),
    )
    fill = stats.poisson.cdf(15, 12)
    ready = np.mean([stats.poisson.cdf(15 - stage, 12) for stage in range(4)])
    assert answers["fill_rate"].value == pytest.approx(fill, rel=1e-10)
    assert answers["ready_rate"].value == pytest.approx(ready, rel=1e-10)
    assert round(answers["fill_rate"].value, 3) == 0.844
    assert round(answers["ready_rate"].value, 3) == 0.718


def test_exponential_gaps_are_a_poisson_stream():
    """Hadley and Whitin's (r, Q) formulas for unit Poisson demand, summed directly."""
    r, quantity, mean = 4, 6, 5.0
    answers = solve(
        demand=renewals({"dist": "exponential", "mean": 0.5}),
        lead_time=2.5,
        policies=one(kind="rQ", reorder_point=r, order_quantity=quantity),
        measures={"served_within": [1, 2.5, 4]},
    )
    levels, counts = np.arange(r + 1, r + quantity + 1), np.arange(200)
    net = levels[:, None] - counts
    weight = stats.poisson.pmf(counts, mean) / quantity
    expected = {
        "fill_rate": (weight * (net > 0)).sum(),
        "ready_rate": (weight * (net > 0)).sum(),
        "mean_on_hand": (weight * np.maximum(net, 0)).sum(),
        "mean_backorders": (weight * np.maximum(-net, 0)).sum(),
        "cycle_service_level": stats.poisson.cdf(r, mean),
        "safety_stock": r - mean,
        "lead_time_fill_rate": (weight * ((net > 0) & (net <= r))).sum()
        / (weight * (net <= r)).sum(),
        "orders_per_time": 2 / quantity,
        "served_within_1": np.mean(stats.poisson.cdf(levels - 1, 3)),
    }
    for name, value in expected.items():
        assert answers[name].value == pytest.approx(value, rel=1e-10), name
    assert answers["served_within_2.5"].value == pytest.approx(1, abs=1e-14)
    assert answers["served_within_4"].value == pytest.approx(1, abs=1e-14)


def test_constant_gaps_by_hand():
    """A customer a day, L = 2.5 days, S = 2: two are always owed for or on their way in between.

    A customer finds the orders of those who came 2.5 days ago or more: 2 others came since.
    """
    answers = solve(
        demand=renewals(1),
        lead_time=2.5,
        measures={"served_within": [0.5, 0.4]},
        policies=one(kind="base_stock", order_up_to=2),
    )
    assert answers["fill_rate"].value == 0
    assert answers["cycle_service_level"].value == 0
    assert answers["ready_rate"].value == 0  # 2 or 3 are on their way at any time
    assert answers["mean_backorders"].value == pytest.approx(0.5)
    assert answers["served_within_0.5"].value == 1
    assert answers["served_within_0.4"].value == 0


def test_receipts_come_before_customers_of_the_same_instant():
    """With L = 2 and a customer a day, the order of two days ago is there in time."""
    policy = one(kind="base_stock", order_up_to=2)
    assert solve(demand=renewals(1), lead_time=2, policies=policy)["fill_rate"].value == 1
    # Negative control: a moment later it is not.
    late = solve(demand=renewals(1), lead_time=2.001, policies=policy)
    assert late["fill_rate"].value == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12, 25, 60])
def test_sums_of_uniform_gaps(n):
    """Against the alternating sum in exact fractions."""
    x = Fraction(n) / 2 - Fraction(3, 7) * (n > 1)

    def alternating(power):
        terms = ((-1) ** j * math.comb(n, j) * (x - j) ** power for j in range(math.floor(x) + 1))
        return float(sum(terms) / math.factorial(power))

    share, left = renewal_count._irwin_hall(n, float(x))
    assert share == pytest.approx(alternating(n), abs=1e-13)
    assert left == pytest.approx(alternating(n + 1), abs=1e-12)
    mirrored, over = renewal_count._irwin_hall(n, float(n - x))
    assert mirrored == pytest.approx(1 - alternating(n), abs=1e-13)
    assert over == pytest.approx(float(Fraction(n, 2) - x) + alternating(n + 1), abs=1e-12)


def test_sums_of_two_lognormal_gaps():
    """Against numerical integration of the density."""
    gaps = d.Lognormal(mean=1, cv=0.8)
    spread = math.sqrt(math.log1p(0.64))
    law = stats.lognorm(spread, scale=math.exp(-(spread**2) / 2))
    found = gap_sums(gaps, Fraction(3))
    below = integrate.quad(lambda u: law.pdf(u) * law.cdf(3 - u), 0, 3, epsabs=1e-13)[0]
    assert found.below[2] == pytest.approx(below, abs=1e-9)
    assert found.below[1] == pytest.approx(law.cdf(3), abs=1e-12)


def test_sums_of_discrete_gaps_by_enumeration():
    gaps = d.Discrete(values=(0.5, 2), probabilities=(0.25, 0.75))
    found = gap_sums(gaps, Fraction(5, 2))
    # S_2 is 1, 2.5 or 4; S_3 is 1.5, 3, ...
    assert found.below[2] == pytest.approx(0.0625)
    assert found.within[2] == pytest.approx(0.0625 + 2 * 0.25 * 0.75)
    assert found.left[2] == pytest.approx(0.0625 * 1.5)
    assert found.below[3] == pytest.approx(0.25**3)
    # Time average: a gap of length g is met with g x its probability.
    chance = found.equilibrium(gaps.mean())
    assert chance.mean() == pytest.approx(2.5 / 1.625, rel=1e-12)


GAPS = [
    {"dist": "erlang", "mean": 1, "k": 4},
    {"dist": "gamma", "mean": 1, "cv": 2},
    {"dist": "uniform", "low": 0.2, "high": 1.8},
    {"dist": "lognormal", "mean": 1, "cv": 0.6},
    {"dist": "normal", "mean": 1, "cv": 0.12},
    {"dist": "discrete", "values": [0.5, 1.5, 2], "probabilities": [0.5, 0.25, 0.25]},
    {"dist": "geometric", "mean": 2},
]
POLICIES = [
    (1, {"kind": "rQ", "reorder_point": 2, "order_quantity": 3}, None),
    (2, {"kind": "rQ", "reorder_point": 5.5, "order_quantity": 3}, None),
    (2, {"kind": "rQ", "reorder_point": 5.5, "order_quantity": 4}, 3.5),
    (
        1.5,
        {
            "kind": "sS",
            "reorder_point": 2,
            "order_up_to": 7,
            "order_multiple": 2,
            "minimum_order": 3,
        },
        None,
    ),
    (4, {"kind": "base_stock", "order_up_to": 7, "order_multiple": 3}, None),
    (1, {"kind": "rQ", "reorder_point": -2, "order_quantity": 3}, None),
]


def case_of(gap, size, policy, start, lead_time=3):
    begin = {} if start is None else {"start": {"net_inventory": start}}
    return scenario(
        demand=renewals(gap, size),
        lead_time=lead_time,
        policies=one(**policy),
        measures={"served_within": [1, 3, 4.5]},
        **begin,
    )


@pytest.mark.parametrize(
    ("gap", "size", "policy", "start"),
    [(gap, *POLICIES[0]) for gap in GAPS] + [(GAPS[0], *rest) for rest in POLICIES[1:]],
)
def test_simulation_agrees(gap, size, policy, start):
    case = case_of(gap, size, policy, start)
    answers = renewal.answers(case, "only")
    assert len(answers) >= 18
    assert not disagreements(case, answers, horizon=1200, warmup=100)


def test_simulation_sees_a_slip():
    """Negative controls: the fill rate taken for the ready rate; the gaps taken for Poisson."""
    case = case_of(GAPS[0], *POLICIES[0])
    answers = renewal.answers(case, "only")
    slipped = answers | {"ready_rate": answers["fill_rate"]}
    assert set(disagreements(case, slipped, horizon=1200, warmup=100)) == {"ready_rate"}
    poisson = case_of({"dist": "exponential", "mean": 1}, *POLICIES[0])
    found = disagreements(case, renewal.answers(poisson, "only"), horizon=1200, warmup=100)
    assert {"fill_rate", "ready_rate", "mean_backorders"} <= set(found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"demand": renewals({"dist": "poisson", "mean": 2}), "lead_time": 1}, "one instant"),
        (
            {"demand": renewals({"dist": "normal", "mean": 2, "sd": 1}), "lead_time": 1},
            "one instant",
        ),
        ({"demand": renewals(1, {"dist": "poisson", "mean": 2}), "lead_time": 1}, "one size"),
        (
            {"demand": renewals(1), "lead_time": {"dist": "poisson", "mean": 2}},
            "constant lead times",
        ),
        ({"demand": renewals(1), "lead_time": 1, "shortage": "lost_sales"}, "lost"),
    ],
)
def test_what_is_not_covered_says_why(data, reason):
    found = solve(**data, policies=one(kind="base_stock", order_up_to=3))
    assert isinstance(found, str)
    assert reason in found


@pytest.mark.parametrize("gap", [g for g in GAPS if g["dist"] != "lognormal"])
def test_long_lead_times_and_large_quantities(gap):
    answers = solve(
        demand=renewals(gap),
        lead_time=200,
        policies=one(kind="rQ", reorder_point=150, order_quantity=100_000),
    )
    law = d.DISTRIBUTIONS[gap["dist"]].model_validate(gap)
    assert all(math.isfinite(answer.value) for answer in answers.values())
    assert answers["mean_on_order"].value == pytest.approx(200 / law.mean(), rel=1e-12)
    # The long-run mean of IN is that of IP less what a lead time asks for.
    net = answers["mean_on_hand"].value - answers["mean_backorders"].value
    assert net == pytest.approx(150 + 50_000.5 - 200 / law.mean(), rel=1e-9)
