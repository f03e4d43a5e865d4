"""The approximations: printed and integrated numbers, where they are exact, and the gap."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import stats
from simulated import one, scenario

from simlevel.errors import InputError
from simlevel.theory import gap
from simlevel.theory import lost_sales as exact_lost_sales
from simlevel.theory import textbook as t
from simlevel.theory.many import rq_service
from simlevel.theory.textbook import Spread


def loss(law, x):
    """E(D - x)^+ summed, for whole-number laws."""
    k = np.arange(0, 2000)
    return float((np.maximum(k - x, 0) * law.pmf(k)).sum())


def test_normal_formulas():
    """Unit normal loss G(1) = 0.08332 (Silver, Pyke and Thomas, table of the normal)."""
    demand = Spread(100.0, 20.0**2)
    assert t.cycle_service(demand, 120.0) == pytest.approx(0.8413, abs=5e-5)
    assert t.one_term(demand, 120.0, 50.0) == pytest.approx(1 - 20 * 0.08332 / 50, abs=1e-5)
    two = t.two_term(demand, 120.0, 20.0)
    assert two == pytest.approx(1 - 20 * (0.08332 - 0.008491) / 20, abs=1e-5)
    assert t.one_term(demand, 20.0, 10.0) == 0.0  # would be negative


def test_combined_variance():
    assert t.combined_variance(9, 4, 10, 9) == 9 * 4 + 100 * 9


@pytest.mark.parametrize(
    ("shape", "law"),
    [
        ("poisson", stats.poisson(20)),
        ("negative_binomial", stats.nbinom(20, 0.5)),
    ],
)
def test_discrete_shapes(shape, law):
    demand = Spread(law.mean(), law.var(), shape)
    r, quantity = 25, 8
    assert t.cycle_service(demand, r) == pytest.approx(law.cdf(r), rel=1e-12)
    expected = 1 - (loss(law, r) - loss(law, r + quantity)) / quantity
    assert t.two_term(demand, r, quantity) == pytest.approx(expected, rel=1e-12)
    # Negative control: one term is not two.
    assert t.one_term(demand, r, quantity) < expected - 1e-4


def test_periodic_two_term_is_exact_for_poisson():
    """Base stock 34, R = 1, L = 3, Poisson(8): position 34 less what two intervals ask."""
    long, lead = Spread(32.0, 32.0, "poisson"), Spread(24.0, 24.0, "poisson")
    law, one_period = stats.poisson(24), stats.poisson(8)
    k, x = np.arange(200), np.arange(100)
    sold = np.minimum(x, np.maximum(34 - k, 0)[:, None])
    fill = (law.pmf(k)[:, None] * one_period.pmf(x) * sold).sum() / 8
    assert t.periodic_two_term(long, lead, 34, 8) == pytest.approx(fill, rel=1e-12)
    assert t.periodic_one_term(long, 34, 8) < fill  # old backorders are counted again
    assert t.periodic_two_term(Spread(8.0, 8.0, "poisson"), None, 9, 8) == pytest.approx(
        1 - loss(one_period, 9) / 8, rel=1e-12
    )


def test_lost_sales_formula_is_exact_with_one_order_outstanding():
    value = t.lost_sales(Spread(10.0, 10.0, "poisson"), 10, 20)
    assert value == pytest.approx(0.9411277375673968, rel=1e-12)  # reference family 06b


def test_textbook_reads_a_scenario():
    case = scenario(
        demand={"kind": "poisson", "rate": 5},
        lead_time=4,
        policies=one(kind="rQ", reorder_point=25, order_quantity=60),
    )
    found = t.textbook(case, "only")
    assert found["fill_rate"][0].formula == "normal-one-term"
    # The contract's example of section 6: 0.99507 by the textbook, 0.994486 exactly.
    assert found["fill_rate"][0].value == pytest.approx(0.99507, abs=5e-6)
    poisson = next(x for x in found["fill_rate"] if x.formula == "poisson-two-term")
    assert poisson.value == pytest.approx(0.994486, abs=5e-7)
    assert found["cycle_service_level"][0].value == pytest.approx(stats.norm.cdf(5 / 20**0.5))
    assert all(each.cause for group in found.values() for each in group)


PERIODIC = {"kind": "periodic", "quantity": {"dist": "poisson", "mean": 10}}
CASES = [
    (
        {
            "demand": {"kind": "poisson", "rate": 5},
            "lead_time": 4,
            "policies": one(kind="rQ", reorder_point=25, order_quantity=60),
        },
        ["textbook", "old backorders", "distribution", "discreteness"],
    ),
    (
        {
            "demand": {"kind": "poisson", "rate": 5, "size": {"dist": "geometric", "mean": 3}},
            "lead_time": 4,
            "policies": one(kind="sS", reorder_point=75, order_up_to=100),
        },
        ["textbook", "old backorders", "distribution", "discreteness", "undershoot", "rest"],
    ),
    (
        {
            "demand": {"kind": "poisson", "rate": 5},
            "lead_time": {"dist": "exponential", "mean": 4},
            "policies": one(kind="base_stock", order_up_to=25),
        },
        ["textbook", "distribution", "discreteness", "crossing"],
    ),
    (
        {
            "demand": PERIODIC,
            "lead_time": 2,
            "shortage": "lost_sales",
            "policies": one(kind="base_stock", order_up_to=35, review_period=1),
        },
        [
            "textbook",
            "old backorders",
            "distribution",
            "discreteness",
            "review interval",
            "lost sales",
        ],
    ),
    (
        {
            "demand": PERIODIC,
            "lead_time": {"dist": "poisson", "mean": 2},
            "shortage": "lost_sales",
            "policies": one(kind="sS", reorder_point=35, order_up_to=45, review_period=1),
        },
        [
            "textbook",
            "old backorders",
            "distribution",
            "discreteness",
            "undershoot",
            "review interval",
            "crossing and lost sales",
        ],
    ),
]


@pytest.mark.parametrize(("data", "names"), CASES)
@pytest.mark.parametrize("measure", ["fill_rate", "cycle_service_level"])
def test_steps_add_up_to_the_gap(data, names, measure):
    case, value = scenario(**data), 0.8
    if "rest" not in names and names[-1] == "discreteness":
        value = t.textbook(case, "only")[measure][-1].value  # that formula is exact
    steps = gap.steps(case, "only", measure, value)
    wanted = [n for n in names if n != "old backorders" or measure == "fill_rate"]
    assert [step.name for step in steps] == wanted
    assert steps[-1].value == value
    plain = t.textbook(case, "only")[measure][0].value
    assert sum(step.change for step in steps) == pytest.approx(value - plain, abs=1e-12)
    assert all(0 <= step.value <= 1 and step.cause for step in steps)


def test_steps_come_near_the_exact_value():
    """Undershoot and review corrected, little is left: periodic (s, S) with lost sales rare."""
    data = {
        "demand": PERIODIC,
        "lead_time": 2,
        "shortage": "lost_sales",
        "policies": one(kind="sS", reorder_point=32, order_up_to=60, review_period=1),
    }
    case = scenario(**data)
    for measure in ("fill_rate", "cycle_service_level"):
        exact = exact_lost_sales.answers(case, "only")[measure].value
        steps = gap.steps(case, "only", measure, exact)
        assert abs(steps[-1].change) < 0.2 * abs(exact - steps[0].value)


def test_no_lead_time_no_textbook():
    case = scenario(
        demand={"kind": "poisson", "rate": 5},
        lead_time=0,
        policies=one(kind="base_stock", order_up_to=2),
    )
    assert t.textbook(case, "only") == {}
    assert gap.steps(case, "only", "fill_rate", 1.0) == ()


def test_many_items_in_one_call():
    count = 100_000
    stream = np.random.default_rng(1)
    mean = stream.uniform(1, 1000, count)
    sd = np.sqrt(mean) * stream.uniform(1.1, 3, count)
    level, quantity = np.round(mean + sd), np.round(mean) + 1
    begun = time.perf_counter()
    found = {
        shape: rq_service(level, quantity, mean, None if shape == "poisson" else sd, shape)
        for shape in t.SHAPES
    }
    assert time.perf_counter() - begun < 20  # four calls, of 5 seconds at most each
    for shape, service in found.items():
        assert np.isfinite(service.fill_rate).all(), shape
        assert ((service.fill_rate >= 0) & (service.cycle_service_level <= 1)).all()
    laws = {
        "poisson": stats.poisson(mean[:20, None]),
        "negative_binomial": stats.nbinom(
            mean[:20, None] ** 2 / (sd**2 - mean)[:20, None], (mean / sd**2)[:20, None]
        ),
    }
    x = np.arange(6000)
    for shape, law in laws.items():
        over = [
            (law.pmf(x) * np.maximum(x - y[:20, None], 0)).sum(axis=1)
            for y in (level, level + quantity)
        ]
        expected = 1 - (over[0] - over[1]) / quantity[:20]
        assert found[shape].fill_rate[:20] == pytest.approx(expected, abs=1e-9)
        assert found[shape].cycle_service_level[:20] == pytest.approx(
            law.cdf(level[:20, None]).ravel(), abs=1e-9
        )


def test_many_items_at_the_edges():
    service = rq_service(
        [-50, 0, 1e6, 999_000], [1, 1e5, 1, 1], [10, 10, 1e6, 1e6], shape="poisson"
    )
    assert service.fill_rate[0] == 0
    assert service.cycle_service_level[1] == pytest.approx(math.exp(-10))
    assert service.fill_rate[2] == pytest.approx(stats.poisson.cdf(1_000_000, 1e6), abs=1e-9)
    assert np.isfinite(service).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1, 0, 5, 1), "order_quantity"),
        ((1, 1, -5, 1), "above 0"),
        ((1, 1, 5, None), "sd"),
        ((1, 1, 5, 1, "triangular"), "shape"),
        ((float("nan"), 1, 5, 1), "finite"),
        ((1, 1, 5, 1, "negative_binomial"), "variance above the mean"),
    ],
)
def test_many_items_errors(arguments, said):
    with pytest.raises(InputError, match=said):
        rq_service(*arguments)
