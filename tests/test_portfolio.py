"""Portfolios: the replay of a record against the engine, settings against the theory."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import simlevel as sl
from simlevel.draws import Source, item_stream, period_table
from simlevel.engines.items import Sku, simulated
from simlevel.engines.ledger import Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.demand import PeriodicDemand
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.studies.evaluate import on_threads
from simlevel.studies.portfolio.replay import Reached, replay
from simlevel.theory.many import rq_reorder_point, rq_service

POLICIES = [
    RQ(reorder_point=3, order_quantity=5),
    RQ(reorder_point=3, order_quantity=5, review_period=2),
    SS(reorder_point=2, order_up_to=9),
    SS(reorder_point=2, order_up_to=9, minimum_order=8, order_multiple=3, review_period=3),
    BaseStock(order_up_to=6),
    BaseStock(order_up_to=7, review_period=2),
]
LEAD_TIMES = [0, 0.5, 1, 2, 2.75]


def engine(record, policy, lead_time, opens):
    """Totals of the SimPy engine over the record from period *opens* on, by name."""
    scenario = sl.Scenario.model_validate({
        "demand": {"kind": "history", "values": record, "resample": "replay"},
        "lead_time": lead_time, "policies": {"p": policy.model_dump(exclude_none=True)},
    })  # fmt: skip
    job = Job.of(scenario, "p", Windows(opens, len(record) - opens), 1)
    totals = SimPyEngine(job).run(0)[0]
    return dict(zip(job.columns, totals, strict=True))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@given(st.lists(st.integers(0, 4), min_size=8, max_size=30).filter(any), st.data())
def test_a_replay_is_what_the_engine_makes_of_the_record(policy, record, data):
    opens = data.draw(st.integers(0, len(record) - 2))
    lead_time = data.draw(st.sampled_from(LEAD_TIMES))
    expected = engine(record, policy, lead_time, opens)
    found = replay(np.array([record], float), [policy], np.array([float(lead_time)]), opens)
    for total in dataclasses.fields(Reached):
        assert getattr(found, total.name)[0] == pytest.approx(expected[total.name]), total.name


def test_what_comes_back_is_on_the_shelf_again_and_dust_is_a_line_too():
    record = np.array([[1000.0, -300.0, np.nan, 0.01, 1200.0, 800.0]])
    found = replay(record, [BaseStock(order_up_to=1500)], np.array([9.0]), 0)
    assert found.customers[0] == 4
    assert found.units_demanded[0] == pytest.approx(3000, abs=1)
    assert found.units_from_shelf[0] == pytest.approx(1800, abs=1)
    assert found.area_on_hand[0] == pytest.approx(500 + 800 + 800 + 800, abs=1)


@pytest.mark.parametrize("lead_time", LEAD_TIMES)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_items_simulated_are_what_the_engine_makes_of_the_same_draws(policy, lead_time):
    quantity = {"dist": "discrete", "values": [0.5, 1, 4], "probabilities": [0.3, 0.5, 0.2]}
    demand = PeriodicDemand.model_validate({"quantity": quantity, "probability": 0.8})
    found = simulated(Sku(7, policy, demand, lead_time), 3, 12, 30, seed=5)
    stream = np.random.Generator(item_stream(5, Source.QUANTITIES, 7))
    records = period_table(demand, Fraction(1, 2))(stream, 3 * 42).reshape(3, 42) / 2
    for replication, record in enumerate(records.tolist()):
        expected = engine(record, policy, lead_time, 12)
        for total, each in found.items():
            assert each[replication] == pytest.approx(expected[total], abs=1e-9), total


def test_an_item_draws_the_same_whatever_runs_beside_it():
    demand = PeriodicDemand.model_validate({"quantity": {"dist": "poisson", "mean": 2}})
    skus = [Sku(number, POLICIES[0], demand, 2.0) for number in range(8)]
    beside = [*on_threads(lambda sku: simulated(sku, 4, 9, 50, 1)["units_demanded"], skus)]
    alone = simulated(skus[5], 4, 9, 50, 1)["units_demanded"]
    assert beside[5].tolist() == alone.tolist()
    assert len({tuple(each) for each in beside}) == 8
    assert len(set(alone)) > 1  # nor do its replications repeat one another


@given(st.floats(0.05, 1), st.sampled_from([0.5, 4.0]))
def test_a_period_asks_for_nothing_or_for_a_draw_of_its_quantity(probability, mean):
    quantity = {"dist": "poisson", "mean": mean}
    demand = PeriodicDemand.model_validate({"quantity": quantity, "probability": probability})
    table = period_table(demand, Fraction(1))
    uniforms = np.array([0.0, 0.1, 0.5, 0.9, 0.999, 1 - 2**-53])
    asked = probability * stats.poisson.cdf(np.arange(200), mean) + 1 - probability
    expected = (asked[:, None] <= uniforms).sum(axis=0)
    near = abs(asked[:, None] - uniforms).min(axis=0) < 1e-12
    assert (near | (table.lookup(uniforms) == expected)).all()


@pytest.mark.parametrize("measure", ["fill_rate", "cycle_service_level"])
@pytest.mark.parametrize("shape", ["normal", "gamma", "poisson", "negative_binomial"])
def test_the_reorder_points_of_many_items_are_the_lowest_that_serve_as_asked(shape, measure):
    rng = np.random.default_rng(5)
    mean = np.exp(rng.uniform(-2, 6, 500))
    sd = None if shape == "poisson" else np.sqrt(mean * rng.uniform(1.05, 8, 500))
    quantity, asked = np.ceil(mean * rng.uniform(0.1, 5, 500)), rng.uniform(0.5, 0.999, 500)
    found = rq_reorder_point(asked, quantity, mean, sd, shape, measure)
    below = found - (1 if sd is None or shape == "negative_binomial" else 1e-6 * sd)
    reached, less = (
        getattr(rq_service(level, quantity, mean, sd, shape), measure) for level in (found, below)
    )
    assert (reached >= asked - 1e-9).all()
    assert (less < asked).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": 1.0}, "target"),
        ({"order_quantity": 0}, "order_quantity"),
        ({"measure": "fil_rate"}, "measure"),
        ({"mean": float("nan")}, "finite"),
    ],
)
def test_many_items_refuse_what_is_out_of_range(changes, said):
    right = {"target": 0.9, "order_quantity": 5, "mean": 20.0, "sd": 3.0}
    with pytest.raises(sl.InputError, match=said):
        rq_reorder_point(**(right | changes))
