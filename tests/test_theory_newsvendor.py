"""One selling period and a few: published, recomputed and enumerated numbers."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import integrate, stats

from simlevel.errors import InputError
from simlevel.model.distribution import Distribution
from simlevel.theory import tails
from simlevel.theory.finite_horizon import finite_horizon_fill_rate
from simlevel.theory.newsvendor import newsvendor

# Reference family 01. Published: stockpyl tests/test_newsvendor.py (Snyder & Shen, FoSCT 2e),
# example 4.3 and problem 4.1, example 4.7 and problems 4.8a, 4.8b: the cost, and S of 4.1. The
# family does not clip normal demand at 0; in these cases clipping moves nothing by 1e-7.
PUBLISHED = [
    ({"dist": "normal", "mean": 50, "sd": 8}, 0.7, 0.18, 60, 2.156131552870387),
    ({"dist": "normal", "mean": 900, "sd": 60}, 79, 43, 922.7214038234755, 2718.196781782411),
    ({"dist": "normal", "mean": 900, "sd": 60}, 79, 43, 1040, 6044.298415188692),
    ({"dist": "poisson", "mean": 6}, 4, 1, 5, 6.590296024616344),
    ({"dist": "poisson", "mean": 18}, 270, 200, 13, 1445.751062891969),
    (
        {"dist": "lognormal", "mean": math.exp(6.045), "cv": math.sqrt(math.expm1(0.09))},
        0.1765,
        1,
        350,
        34.588836685654854,
    ),
]


@pytest.mark.parametrize(("demand", "underage", "overage", "quantity", "cost"), PUBLISHED)
def test_published_costs(demand, underage, overage, quantity, cost):
    found = newsvendor(demand, quantity=quantity, underage=underage, overage=overage)
    assert found.expected_cost == pytest.approx(cost, rel=1e-7)


def test_published_optimum():
    found = newsvendor({"dist": "normal", "mean": 900, "sd": 60}, underage=79, overage=43)
    assert found.quantity == pytest.approx(922.7214038234755, rel=1e-9)
    assert found.type_1 == pytest.approx(79 / 122, rel=1e-12)


# The same family; anchor: recomputed two independent ways; not read off a paper.
RECOMPUTED = [
    (
        {"dist": "gamma", "mean": 100, "sd": 50},
        9,
        1,
        167.01957670639663,
        0.9,
        0.9628667606053042,
        104.1528161010925,
    ),
    (
        {"dist": "gamma", "mean": 100, "sd": 100 * math.sqrt(2)},
        4,
        1,
        164.2374415149818,
        0.8,
        0.678654558952869,
        224.9101620385473,
    ),
    (
        {"dist": "lognormal", "mean": math.exp(4.32), "cv": math.sqrt(math.expm1(0.64))},
        9,
        1,
        152.2069719863138,
        0.9,
        0.8873712300969918,
        161.7023708465415,
    ),
    (
        {
            "dist": "discrete",
            "values": [1, 2, 3, 4, 5, 6, 7, 8],
            "probabilities": [0.25, 0.05, 0.1, 0.2, 0.15, 0.1, 0.1, 0.05],
        },
        1e6,
        5e5,
        5,
        0.75,
        0.8846153846153846,
        1225000.0,
    ),
]


@pytest.mark.parametrize(
    ("demand", "underage", "overage", "level", "one", "two", "cost"), RECOMPUTED
)
def test_optimum_reference(demand, underage, overage, level, one, two, cost):
    found = newsvendor(demand, underage=underage, overage=overage)
    assert found.quantity == pytest.approx(level, rel=1e-9)
    assert found.type_1 == pytest.approx(one, rel=1e-9)
    assert found.type_2 == pytest.approx(two, rel=1e-9)
    assert found.expected_cost == pytest.approx(cost, rel=1e-9)


def test_prices_stand_for_costs():
    """Bought at 6, sold at 10, returned at 1: short costs 4 and left over 5; by hand."""
    demand = {"dist": "discrete", "values": [1, 2, 3], "probabilities": [0.25, 0.5, 0.25]}
    found = newsvendor(demand, price=10, cost=6, salvage=1)
    assert (found.quantity, found.critical_ratio) == (2, pytest.approx(4 / 9))
    assert found.expected_sold == pytest.approx(1.75)
    assert found.expected_left == pytest.approx(0.25)
    assert found.expected_profit == pytest.approx(10 * 1.75 + 1 * 0.25 - 6 * 2)
    assert found.type_2 == pytest.approx(1.75 / 2)


def test_the_least_quantity_that_reaches_the_ratio():
    """A tie goes to the smaller quantity; < for <= would give 3."""
    demand = {"dist": "discrete", "values": [1, 2, 3], "probabilities": [0.1, 0.7, 0.2]}
    assert newsvendor(demand, underage=4, overage=1).quantity == 2


def test_normal_demand_is_clipped_as_in_the_simulation():
    found = newsvendor({"dist": "normal", "mean": 1, "sd": 2}, quantity=2)
    law = stats.norm(1, 2)
    mean = integrate.quad(lambda x: x * law.pdf(x), 0, 40)[0]
    sold = integrate.quad(lambda x: min(x, 2) * law.pdf(x), 0, 40, points=[2])[0]
    assert found.type_2 == pytest.approx(sold / mean, rel=1e-8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"demand": 5}, "a quantity or costs"),
        ({"demand": 5, "underage": 1}, "underage and overage together"),
        ({"demand": 5, "price": 1, "cost": 2}, "underage: expected a cost above 0"),
        ({"demand": 5, "price": 3, "cost": 2, "underage": 1, "overage": 1}, "found both"),
        ({"demand": 5, "quantity": -1}, "quantity"),
        ({"demand": 5, "quantity": float("nan")}, "quantity"),
        ({"demand": 0, "quantity": 1}, "mean above 0"),
        ({"demand": {"dist": "gamma", "mean": -1, "sd": 1}, "quantity": 1}, "above 0"),
    ],
)
def test_errors(arguments, said):
    with pytest.raises(InputError, match=said):
        newsvendor(**arguments)


# --- tails of every distribution -------------------------------------------------------------

LAWS = [
    ({"dist": "uniform", "low": 1, "high": 4}, stats.uniform(1, 3)),
    ({"dist": "gamma", "mean": 3, "sd": 4}, stats.gamma(9 / 16, scale=16 / 3)),
    ({"dist": "exponential", "mean": 2}, stats.expon(scale=2)),
    ({"dist": "erlang", "mean": 3, "k": 3}, stats.gamma(3, scale=1)),
    (
        {"dist": "lognormal", "mean": 1, "cv": 1},
        stats.lognorm(math.sqrt(math.log(2)), scale=1 / math.sqrt(2)),
    ),
    ({"dist": "poisson", "mean": 4}, stats.poisson(4)),
    ({"dist": "negative_binomial", "mean": 4, "variance": 9}, stats.nbinom(16 / 5, 4 / 9)),
    ({"dist": "binomial", "n": 6, "p": 0.4}, stats.binom(6, 0.4)),
    ({"dist": "geometric", "mean": 3}, stats.geom(1 / 3)),
]


@pytest.mark.parametrize(("spec", "law"), LAWS)
def test_tails(spec, law):
    made = TypeAdapter(Distribution).validate_python(spec)
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 2.7, 4.0, 6.0, 11.0])
    assert tails.survival(made, x) == pytest.approx(law.sf(x), rel=1e-11, abs=1e-300)
    if made.is_whole:
        k = np.arange(0, 400)
        over = [float((np.maximum(k - point, 0) * law.pmf(k)).sum()) for point in x]
    else:
        end = min(law.support()[1], 4000.0)
        over = [
            integrate.quad(law.sf, max(p, 0), max(end, p), epsabs=1e-12, limit=400)[0] + max(-p, 0)
            for p in x
        ]
    assert tails.excess(made, x) == pytest.approx(over, rel=1e-7, abs=1e-9)
    assert tails.quantile(made, 0.83) == pytest.approx(law.ppf(0.83), rel=1e-12)


def test_far_tails_keep_their_digits():
    made = TypeAdapter(Distribution).validate_python({"dist": "poisson", "mean": 1e6})
    assert tails.survival(made, 1_010_000.0) == pytest.approx(
        stats.poisson.sf(1_010_000, 1e6), rel=1e-8
    )
    assert tails.excess(made, 0.0) == 1e6


# --- finite horizons -------------------------------------------------------------------------

# Reference family 10; anchor: recomputed two independent ways; not read off a paper.
HORIZONS = [
    (
        {"dist": "discrete", "values": [1, 3], "probabilities": [0.5, 0.5]},
        2,
        {1: 5 / 6, 2: 19 / 24, 3: 163 / 210, 6: 8191 / 10752, 50: 0.7512689660102632},
    ),
    (
        {"dist": "discrete", "values": [1, 2, 6], "probabilities": [0.5, 0.25, 0.25]},
        2,
        {1: 5 / 6, 2: 253 / 336, 5: 130616581 / 196035840, 50: 0.605882503181914},
    ),
    (
        {"dist": "discrete", "values": [0, 1, 2, 3, 4], "probabilities": [0.2] * 5},
        2,
        {1: 5 / 6, 2: 2024 / 2625, 20: 0.7051989922317429},
    ),
    ({"dist": "poisson", "mean": 5}, 6, {1: 0.9428357398827117, 20: 0.9041627286045962}),
    ({"dist": "poisson", "mean": 2}, 3, {1: 0.9543322499123741, 20: 0.8962732714818079}),
]


@pytest.mark.parametrize(("demand", "level", "expected"), HORIZONS)
def test_finite_horizon_reference(demand, level, expected):
    for periods, value in expected.items():
        found = finite_horizon_fill_rate(demand, level, periods)
        assert found == pytest.approx(value, abs=1e-12), periods


def test_finite_horizon_by_enumeration():
    """Decimal quantities, all 3^4 histories in exact fractions."""
    values, chances = [Fraction(0), Fraction(1, 2), Fraction(5, 2)], [0.5, 0.3, 0.2]
    total = 0.0
    for history in itertools.product(range(3), repeat=4):
        asked = sum(values[i] for i in history)
        sold = sum(min(values[i], Fraction(6, 5)) for i in history)
        total += math.prod(chances[i] for i in history) * float(sold / asked if asked else 1)
    demand = {"dist": "discrete", "values": [0, 0.5, 2.5], "probabilities": chances}
    assert finite_horizon_fill_rate(demand, 1.2, 4) == pytest.approx(total, abs=1e-13)
    # Negative control: the ratio of expectations is another number.
    assert abs(newsvendor(demand, quantity=1.2).type_2 - total) > 0.01


def test_finite_horizon_falls_to_the_long_run():
    demand = {"dist": "poisson", "mean": 5}
    values = [finite_horizon_fill_rate(demand, 6, periods) for periods in (1, 2, 5, 50, 5000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(newsvendor(demand, quantity=6).type_2, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (({"dist": "gamma", "mean": 5, "sd": 1}, 5, 3), "discrete"),
        ((5, 5, 0), "periods"),
        ((5, -1, 3), "order_up_to"),
        ((5, 5, 1.5), "periods"),
        (({"dist": "poisson", "mean": 1e6}, 5, 1000), "at most"),
    ],
)
def test_finite_horizon_errors(arguments, said):
    with pytest.raises(InputError, match=said):
        finite_horizon_fill_rate(*arguments)
