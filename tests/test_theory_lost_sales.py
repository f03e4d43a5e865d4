"""Lost sales: published and recomputed numbers, chains written out again, and simulation."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from scipy import integrate, stats
from simulated import disagreements, one, scenario

from simlevel.theory import lost_sales
from simlevel.theory.lost_sales import erlang_b

LOST = {"shortage": "lost_sales"}
NAMES = {
    "fill_rate": "fill_rate",
    "ready_rate": "ready_rate",
    "order_rate": "orders_per_time",
    "lost_rate": "lost_per_time",
    "on_hand": "mean_on_hand",
    "cycle_service_no_loss": "cycle_service_level",
}

# Reference family 06b, "Hadley & Whitin 1963 sec 4-? lost-sales Poisson model (own instances)";
# anchor: recomputed two independent ways; not read off a paper. Same conventions as ours.
HADLEY_WHITIN = [
    (
        10.0,
        1.0,
        10,
        20,
        {
            "fill_rate": 0.9411277375673968,
            "ready_rate": 0.9411277375673968,
            "order_rate": 0.4705638687836984,
            "lost_rate": 0.5887226243260334,
            "on_hand": 11.05928649310975,
            "cycle_service_no_loss": 0.5830397501929852,
        },
    ),
    (
        1.0,
        5.0,
        5,
        12,
        {
            "fill_rate": 0.9318696979711037,
            "ready_rate": 0.9318696979711037,
            "order_rate": 0.07765580816425866,
            "lost_rate": 0.06813030202889618,
            "on_hand": 6.874716661158927,
            "cycle_service_no_loss": 0.615960654833063,
        },
    ),
    (
        20.0,
        0.25,
        3,
        8,
        {
            "fill_rate": 0.7864867692745232,
            "ready_rate": 0.7864867692745232,
            "order_rate": 1.966216923186308,
            "lost_rate": 4.270264614509536,
            "on_hand": 3.674322768990122,
            "cycle_service_no_loss": 0.2650259152973616,
        },
    ),
    (
        2.0,
        1.0,
        0,
        5,
        {
            "fill_rate": 0.7142857142857143,
            "ready_rate": 0.7142857142857143,
            "order_rate": 0.2857142857142857,
            "lost_rate": 0.5714285714285714,
            "on_hand": 2.142857142857142,
            "cycle_service_no_loss": 0.1353352832366127,
        },
    ),
    (
        10.0,
        "exponential",
        10,
        20,
        {
            "fill_rate": 0.8383834445017644,
            "on_hand": 12.035357277233231,
            "order_rate": 0.41919172225088225,
        },
    ),
    (
        2.0,
        "exponential",
        0,
        5,
        {
            "fill_rate": 0.7142857142857142,
            "on_hand": 2.1428571428571432,
            "order_rate": 0.2857142857142857,
        },
    ),
]


@pytest.mark.parametrize(("rate", "lead", "r", "quantity", "expected"), HADLEY_WHITIN)
def test_one_order_outstanding_reference(rate, lead, r, quantity, expected):
    lead_time = {"dist": "exponential", "mean": 1.0} if lead == "exponential" else lead
    case = scenario(
        **LOST,
        demand={"kind": "poisson", "rate": rate},
        lead_time=lead_time,
        policies=one(kind="rQ", reorder_point=r, order_quantity=quantity),
    )
    answers = lost_sales.answers(case, "only")
    for name, value in expected.items():
        assert answers[NAMES[name]].value == pytest.approx(value, rel=1e-8), name


# Reference family 06, Zipkin (2008), instances; anchor: recomputed two independent ways; not
# read off a paper. Convention: receive, order, demand every period, "geometric" is 0, 1, 2, ...;
# stock at the end of a period is what stands on the shelf until the next: our mean_on_hand.
ZIPKIN = [
    ("poisson", 3, 20, 0.8756250969520518, 2.4874980609592385),
    ("poisson", 4, 25, 0.8844940204090845, 2.8876494897728286),
    ("poisson", 1, 13, 0.9536823359751382, 3.463176640248671),
    ("poisson", 1, 15, 0.9835449024617122, 5.16455097538295),
    ("poisson", 3, 26, 0.9773522727732109, 6.452954544534929),
    ("poisson", 1, 16, 0.9909139186067476, 6.0908608139325935),
    ("poisson", 2, 22, 0.9895701037316361, 7.156448444025116),
    ("geometric", 1, 12, 0.7319399859156723, 4.680600140843707),
    ("geometric", 2, 15, 0.6941433695435636, 4.587849456846155),
    ("geometric", 3, 18, 0.6716568236822612, 4.566863526355337),
    ("geometric", 1, 17, 0.8595030568217972, 8.40496943178127),
    ("geometric", 3, 26, 0.832743613084641, 9.345127738307472),
    ("geometric", 1, 22, 0.9294990769467321, 12.705009230532866),
    ("geometric", 2, 28, 0.9244714019726573, 14.132928970409136),
    ("geometric", 2, 34, 0.9640309269790177, 19.53953609531824),
]


def zipkin_quantity(dist):
    if dist == "poisson":
        return {"dist": "poisson", "mean": 5}
    # Geometric from 0 is a negative binomial of one failure: variance = mean + mean^2.
    return {"dist": "negative_binomial", "mean": 5, "variance": 30}


@pytest.mark.parametrize(("dist", "lead", "level", "fill", "on_hand"), ZIPKIN)
def test_periodic_base_stock_reference(dist, lead, level, fill, on_hand):
    case = scenario(
        **LOST,
        demand={"kind": "periodic", "quantity": zipkin_quantity(dist)},
        lead_time=lead,
        policies=one(kind="base_stock", order_up_to=level, review_period=1),
    )
    answers = lost_sales.answers(case, "only")
    assert answers["fill_rate"].value == pytest.approx(fill, rel=1e-9)
    assert answers["mean_on_hand"].value == pytest.approx(on_hand, rel=1e-9)


def test_slip_lead_time_off_by_one_is_seen():
    """Negative control of the reference test: L + 1 for L."""
    case = scenario(
        **LOST,
        demand={"kind": "periodic", "quantity": zipkin_quantity("poisson")},
        lead_time=2,
        policies=one(kind="base_stock", order_up_to=13, review_period=1),
    )
    assert abs(lost_sales.answers(case, "only")["fill_rate"].value - 0.9536823359751382) > 0.02


def test_erlang_b():
    assert erlang_b(1, 3.0) == pytest.approx(3 / 4, rel=1e-14)
    assert erlang_b(2, 1.0) == pytest.approx(0.2, rel=1e-14)  # 1/2 over 1 + 1 + 1/2
    assert erlang_b(0, 2.0) == 1.0
    assert erlang_b(3, 0.0) == 0.0
    assert erlang_b(1000, 900.0) == pytest.approx(
        stats.poisson.pmf(1000, 900) / stats.poisson.cdf(1000, 900), rel=1e-9
    )
    # Nearly all lost: 1 - S / load, nearly.
    assert erlang_b(10, 1e6) == pytest.approx(1 - 10 / 1e6, rel=1e-9)


def base_stock(lead_time, level=4, **demand):
    return scenario(
        **LOST,
        demand=dict(kind="poisson", rate=2, **demand),
        lead_time=lead_time,
        costs={"order": 3, "holding": 2, "shortage": 5, "purchase": 1},
        policies=one(kind="base_stock", order_up_to=level),
    )


def test_base_stock_by_birth_and_death():
    """Exponential lead times, mean 1.5: the chain of what is on order, written out."""
    rate, mean, level = 2.0, 1.5, 4
    moves = np.zeros((level + 1, level + 1))
    for n in range(level):
        moves[n, n + 1], moves[n + 1, n] = rate, (n + 1) / mean
    moves -= np.diag(moves.sum(axis=1))
    share = np.linalg.lstsq(
        np.vstack([moves.T, np.ones(level + 1)]), np.append(np.zeros(level + 1), 1), rcond=None
    )[0]
    n = np.arange(level + 1)
    receipts = share * n / mean
    expected = {
        "fill_rate": 1 - share[-1],
        "ready_rate": 1 - share[-1],
        "mean_on_order": share @ n,
        "mean_on_hand": share @ (level - n),
        "lost_per_time": rate * share[-1],
        "orders_per_time": receipts.sum(),
        "safety_stock": receipts @ (level - n) / receipts.sum(),
        "lead_time_fill_rate": share[1:-1].sum() / share[1:].sum(),
    }
    answers = lost_sales.answers(base_stock({"dist": "exponential", "mean": mean}), "only")
    for name, value in expected.items():
        assert answers[name].value == pytest.approx(value, rel=1e-12), name
    assert "cycle_service_level" not in answers
    cost = (3 + 1) * expected["orders_per_time"] + 2 * expected["mean_on_hand"]
    cost += 5 * expected["lost_per_time"]
    assert answers["cost_per_time"].value == pytest.approx(cost, rel=1e-12)


def test_base_stock_does_not_mind_the_shape_of_the_lead_time():
    values = [
        lost_sales.answers(base_stock(lead), "only")["fill_rate"].value
        for lead in (
            1.5,
            {"dist": "exponential", "mean": 1.5},
            {"dist": "discrete", "values": [0, 3], "probabilities": [0.5, 0.5]},
        )
    ]
    assert np.ptp(values) < 1e-14


def test_one_unit_in_stock_is_one_order_outstanding():
    """Base stock 1 is (0, 1): sold every mean gap + lead time."""
    answers = lost_sales.answers(base_stock(1.5, level=1), "only")
    assert answers["fill_rate"].value == pytest.approx(0.5 / (0.5 + 1.5))
    assert answers["cycle_service_level"].value == pytest.approx(math.exp(-2 * 1.5))
    assert answers["lead_time_fill_rate"].value == 0


def test_customers_of_one_size_and_draws_of_zero():
    """Half of the draws are 0, which is no customer; the others ask for 3."""
    size = {"dist": "discrete", "values": [0, 3], "probabilities": [0.5, 0.5]}
    case = scenario(
        **LOST,
        demand={"kind": "poisson", "rate": 4, "size": size},
        lead_time=1.5,
        policies=one(kind="base_stock", order_up_to=12),
    )
    big, small = lost_sales.answers(case, "only"), lost_sales.answers(base_stock(1.5), "only")
    assert big["fill_rate"].value == pytest.approx(small["fill_rate"].value, rel=1e-14)
    assert big["mean_on_hand"].value == pytest.approx(3 * small["mean_on_hand"].value)
    assert big["orders_per_time"].value == pytest.approx(small["orders_per_time"].value)


LEADS = {
    "uniform": ({"dist": "uniform", "low": 1, "high": 4}, stats.uniform(1, 3)),
    "lognormal": (
        {"dist": "lognormal", "mean": 3, "sd": 2},
        stats.lognorm(math.sqrt(math.log1p(4 / 9)), scale=3 / math.sqrt(1 + 4 / 9)),
    ),
    "gamma": ({"dist": "gamma", "mean": 3, "sd": 2}, stats.gamma(9 / 4, scale=4 / 3)),
    "normal": ({"dist": "normal", "mean": 3, "sd": 0.4}, stats.norm(3, 0.4)),
}


@pytest.mark.parametrize("name", LEADS)
def test_one_order_outstanding_averages_over_the_lead_time(name):
    spec, law = LEADS[name]
    rate, r, quantity = 2.0, 5, 8

    def mean(f):
        low, high = (0, 7) if name == "normal" else law.support()
        return integrate.quad(
            lambda t: law.pdf(t) * f(rate * t), low, high, epsabs=1e-12, limit=500
        )[0]

    def short(m):
        return m - sum(stats.poisson.sf(k, m) for k in range(r))

    kept, lost = mean(lambda m: stats.poisson.cdf(r, m)), mean(short)
    case = scenario(
        **LOST,
        demand={"kind": "poisson", "rate": rate},
        lead_time=spec,
        policies=one(kind="rQ", reorder_point=r, order_quantity=quantity),
    )
    answers = lost_sales.answers(case, "only")
    assert answers["cycle_service_level"].value == pytest.approx(kept, abs=1e-8)
    assert answers["fill_rate"].value == pytest.approx(quantity / (quantity + lost), abs=1e-8)


# --- demand in periods, written out as a dictionary of states --------------------------------


def brute_force(demand, lead, level, order, late, periods=400, n=100):
    """Long-run ratios by stepping the law of (on hand, orders on their way, whole cycle so far)
    through receive, review and demand one period at a time. *demand*: {units: probability}."""
    state = {(level, (0,) * lead, True): 1.0}
    sums = defaultdict(float)
    for period in range(periods):
        counted = period >= periods - n
        for step in ("receive", *(("demand", "review") if late else ("review", "demand"))):
            new = defaultdict(float)
            for (x, way, whole), p in state.items():
                if step == "receive":
                    if lead and way[0]:
                        if counted:
                            sums["cycles"] += p
                            sums["whole"] += p * whole
                            sums["before"] += p * x
                        new[x + way[0], (*way[1:], None), True] += p
                    else:
                        new[x, (*way[1:], None) if lead else (), whole] += p
                elif step == "review":
                    out = [q for q in way if q]
                    q = order(x + sum(out))
                    if counted:
                        sums["orders"] += p * (q > 0)
                    way = (*way[:-1], q)
                    new[x, way, whole] += p
                else:
                    waiting = any(q for q in way)
                    for d, chance in demand.items():
                        sold, mass = min(d, x), p * chance
                        if counted:
                            sums["asked"] += mass * d
                            sums["sold"] += mass * sold
                            sums["served"] += mass * (sold == d)
                            sums["lead asked"] += mass * d * waiting
                            sums["lead sold"] += mass * sold * waiting
                        new[x - sold, way, whole and sold == d] += mass
            state = new
        if counted:
            sums["on hand"] += sum(p * key[0] for key, p in state.items())
            sums["stocked"] += sum(p * (key[0] > 0) for key, p in state.items())
    return {
        "fill_rate": sums["sold"] / sums["asked"],
        "period_service_level": sums["served"] / n,
        "lead_time_fill_rate": sums["lead sold"] / (sums["lead asked"] or 1),
        "cycle_service_level": sums["whole"] / sums["cycles"],
        "safety_stock": sums["before"] / sums["cycles"],
        "orders_per_time": sums["orders"] / n,
        "mean_on_hand": sums["on hand"] / n,
        "ready_rate": sums["stocked"] / n,
    }


DEMAND = {0: 0.3, 1: 0.3, 2: 0.2, 5: 0.2}
POLICIES = {
    "base stock": ({"kind": "base_stock", "order_up_to": 5}, lambda ip: max(5 - ip, 0)),
    "sS": (
        {"kind": "sS", "reorder_point": 2, "order_up_to": 6},
        lambda ip: 6 - ip if ip <= 2 else 0,
    ),
    "rQ": (
        {"kind": "rQ", "reorder_point": 3, "order_quantity": 2},
        lambda ip: 2 * ((3 - ip) // 2 + 1) if ip <= 3 else 0,
    ),
    "least": (
        {
            "kind": "sS",
            "reorder_point": 2,
            "order_up_to": 4,
            "minimum_order": 3,
            "order_multiple": 2,
        },
        lambda ip: -(-max(4 - ip, 3) // 2) * 2 if ip <= 2 else 0,
    ),
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("policy", "lead"), list(itertools.product(POLICIES, [1, 2])))
def test_periodic_brute_force(policy, lead, late):
    spec, order = POLICIES[policy]
    steps = ["receive", "demand", "review"] if late else ["receive", "review", "demand"]
    start = 6
    quantity = {"dist": "discrete", "values": list(DEMAND), "probabilities": list(DEMAND.values())}
    case = scenario(
        **LOST,
        clock={"sequence": steps},
        start={"net_inventory": start},
        demand={"kind": "periodic", "quantity": quantity},
        lead_time=lead,
        policies=one(review_period=1, **spec),
    )
    answers = lost_sales.answers(case, "only")
    expected = brute_force(DEMAND, lead, start, order, late)
    if late and lead == 1:
        del expected["lead_time_fill_rate"]  # nothing is on its way when demand comes
        assert "lead_time_fill_rate" not in answers
    for name, value in expected.items():
        assert answers[name].value == pytest.approx(value, rel=1e-8), name


PERIODIC = {"kind": "periodic", "quantity": {"dist": "poisson", "mean": 3}}
LATE = {"sequence": ["receive", "demand", "review"]}
SIMULATED = [
    {
        "demand": PERIODIC,
        "lead_time": 2.5,
        "policies": one(kind="sS", reorder_point=7, order_up_to=16, review_period=2),
    },
    {
        "demand": PERIODIC,
        "lead_time": 0,
        "policies": one(kind="sS", reorder_point=4, order_up_to=9, review_period=2),
        "clock": LATE,
    },
    {"demand": PERIODIC, "lead_time": 1.5, "policies": one(kind="base_stock", order_up_to=9)},
    {
        "demand": PERIODIC,
        "lead_time": 1,
        "policies": one(kind="rQ", reorder_point=4, order_quantity=6, review_period=0.5),
    },
    {
        "demand": {
            "kind": "periodic",
            "every": 0.5,
            "pattern": [1, 2, 0.5],
            "probability": 0.8,
            "quantity": {
                "dist": "discrete",
                "values": [0, 1.5, 2.5],
                "probabilities": [0.3, 0.3, 0.4],
            },
        },
        "lead_time": 1,
        "policies": one(kind="rQ", reorder_point=4.2, order_quantity=6, review_period=1),
    },
    {
        "demand": {"kind": "poisson", "rate": 2},
        "lead_time": {"dist": "exponential", "mean": 2},
        "policies": one(kind="base_stock", order_up_to=5),
    },
    {
        "demand": {"kind": "poisson", "rate": 2, "size": 2},
        "lead_time": {"dist": "uniform", "low": 1, "high": 3},
        "policies": one(kind="sS", reorder_point=5, order_up_to=14, minimum_order=12),
    },
]


@pytest.mark.parametrize("data", SIMULATED)
def test_simulation_agrees(data):
    case = scenario(**LOST, **data, measures={"served_within": [1]})
    answers = lost_sales.answers(case, "only")
    assert len(answers) >= 13
    assert not disagreements(case, answers, horizon=1000, warmup=100)


def test_simulation_sees_a_slip():
    """Negative control: the answers of a lead time of 3.5 for a lead time of 2.5."""
    data = SIMULATED[0]
    wrong = lost_sales.answers(scenario(**LOST, **(data | {"lead_time": 3.5})), "only")
    found = disagreements(scenario(**LOST, **data), wrong, horizon=1000, warmup=100)
    assert {"fill_rate", "cycle_service_level", "mean_on_hand"} <= set(found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            {
                "demand": {"kind": "poisson", "rate": 1},
                "lead_time": 2,
                "policies": one(kind="rQ", reorder_point=5, order_quantity=4),
            },
            "one order at most",
        ),
        (
            {
                "demand": {"kind": "poisson", "rate": 1},
                "lead_time": 2,
                "policies": one(kind="base_stock", order_up_to=5, review_period=1),
            },
            "continuous review",
        ),
        (
            {
                "demand": {"kind": "poisson", "rate": 1, "size": {"dist": "geometric", "mean": 2}},
                "lead_time": 2,
                "policies": one(kind="base_stock", order_up_to=5),
            },
            "one size",
        ),
        (
            {
                "demand": {"kind": "poisson", "rate": 1, "size": 2},
                "lead_time": 2,
                "policies": one(kind="base_stock", order_up_to=5),
            },
            "multiples of the size",
        ),
        (
            {
                "demand": {"kind": "poisson", "rate": 1},
                "lead_time": {"dist": "exponential", "mean": 2, "order_crossing": False},
                "policies": one(kind="base_stock", order_up_to=5),
            },
            "keep their order",
        ),
        (
            {
                "demand": PERIODIC,
                "lead_time": 8,
                "policies": one(kind="base_stock", order_up_to=40, review_period=1),
            },
            "states",
        ),
        (
            {
                "demand": PERIODIC,
                "lead_time": {"dist": "poisson", "mean": 2},
                "policies": one(kind="base_stock", order_up_to=9, review_period=1),
            },
            "constant lead times",
        ),
        (
            {
                "demand": {"kind": "periodic", "quantity": {"dist": "gamma", "mean": 3, "sd": 1}},
                "lead_time": 1,
                "policies": one(kind="base_stock", order_up_to=9, review_period=1),
            },
            "discrete",
        ),
    ],
)
def test_what_is_not_covered_says_why(data, reason):
    found = lost_sales.answers(scenario(**LOST, **data), "only")
    assert isinstance(found, str)
    assert reason in found


def test_nothing_random_is_solved_too():
    """A chain that only goes round and round has a long run all the same."""
    case = scenario(
        **LOST,
        demand={"kind": "periodic", "quantity": 3},
        lead_time=2,
        policies=one(kind="rQ", reorder_point=4, order_quantity=7, review_period=1),
    )
    answers = lost_sales.answers(case, "only")
    # By hand: 7 arrive every third period, 3 + 3 + 1 are sold of 9 asked for.
    assert answers["fill_rate"].value == pytest.approx(7 / 9, rel=1e-12)
    assert answers["mean_on_hand"].value == pytest.approx((4 + 1 + 0) / 3, rel=1e-12)


def test_quantities_that_come_by_twos():
    """By hand: 4 on the shelf every third period, 2 asked for in each."""
    case = scenario(
        **LOST,
        demand={"kind": "periodic", "quantity": 2},
        lead_time=0,
        policies=one(kind="base_stock", order_up_to=4, review_period=3),
    )
    answers = lost_sales.answers(case, "only")
    assert answers["fill_rate"].value == pytest.approx(2 / 3, rel=1e-12)
    assert answers["mean_on_hand"].value == pytest.approx((2 + 0 + 0) / 3, rel=1e-12)


def test_the_first_demand_comes_before_the_first_review():
    """By hand: 2, 4, 2, 4, ... from a shelf of 8 that is looked at after each demand. 6 and 2
    are left; the order of 6 is there before the next demand: 8 less 2 and less 4 again."""
    case = scenario(
        **LOST,
        demand={"kind": "periodic", "quantity": 2, "pattern": [1, 2]},
        lead_time=1,
        policies=one(kind="sS", reorder_point=2, order_up_to=8),
    )
    answers = lost_sales.answers(case, "only")
    assert answers["mean_on_hand"].value == pytest.approx((6 + 2) / 2, rel=1e-12)
    assert answers["mean_on_order"].value == pytest.approx(6 / 2, rel=1e-12)
    assert answers["fill_rate"].value == 1


def test_a_start_that_is_hardly_ever_forgotten_has_no_answer():
    """3 on the shelf against 16 or 20 asked for between reviews: orders of 3 at every second
    review go on until, once in tens of thousands of reviews, something is left over."""
    case = scenario(
        **LOST,
        demand={
            "kind": "periodic",
            "every": 0.5,
            "quantity": {"dist": "poisson", "mean": 4},
            "pattern": [1, 2],
        },
        lead_time=1.5,
        policies=one(kind="base_stock", order_up_to=3, review_period=1.5),
    )
    found = lost_sales.answers(case, "only")
    assert isinstance(found, str)
    assert "forgotten" in found


# Reference family 11; anchor: recomputed two independent ways; not read off a paper. Its ratio of
# expectations is the contract's measure; "same for lost sales (r < Q, exact)".
LEAD_TIME_FILL = [
    (10.0, 1.0, 10, 30, 0.8748899642788663),
    (1.0, 5.0, 5, 12, 0.8245326302321495),
    (2.0, 1.0, 1, 10, 0.4323323583816937),
]


@pytest.mark.parametrize(("rate", "lead", "r", "quantity", "expected"), LEAD_TIME_FILL)
def test_lead_time_fill_reference(rate, lead, r, quantity, expected):
    case = scenario(
        **LOST,
        demand={"kind": "poisson", "rate": rate},
        lead_time=lead,
        policies=one(kind="rQ", reorder_point=r, order_quantity=quantity),
    )
    answers = lost_sales.answers(case, "only")
    assert answers["lead_time_fill_rate"].value == pytest.approx(expected, rel=1e-10)
    # Negative control: over all time, not the lead time only, it is higher.
    assert answers["fill_rate"].value > expected + 0.01
