"""Portfolios: the replay of a record against the engine, settings against the theory."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simlevel as sl
from simlevel.engines.ledger import Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.studies.portfolio.replay import Reached, replay
from simlevel.theory.many import rq_reorder_point, rq_service

POLICIES = [
    RQ(reorder_point=3, order_quantity=5),
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
