"""Sweeps: one run counted at many reorder points is a run at each; tables; what is refused."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import scenarios

from simlevel.engines.fast import FastCurve, FastEngine
from simlevel.engines.ledger import Job, Windows
from simlevel.model.policy import SS, BaseStock, Policy
from simlevel.model.scenario import Scenario

LEVELS = {"unit": 1.0, "whole": 1.0, "decimal": 0.1, "continuous": 0.7}
"""Steps between levels, for what customers ask for."""


def lifted(policy: Policy, by: float) -> Policy:
    """*policy* that much higher, its Q or S - s as it is."""
    keys = {SS: ("reorder_point", "order_up_to"), BaseStock: ("order_up_to",)}
    names = keys.get(type(policy), ("reorder_point",))
    return policy.model_copy(update={name: round(getattr(policy, name) + by, 6) for name in names})


def family(scenario: Scenario, steps: list[int], size: float) -> Job:
    """A job of the policy p and others that are a few steps of *size* higher, lowest first."""
    given = scenario.simulation
    policies = {str(n): lifted(scenario.policies["p"], size * n) for n in sorted({0, *steps})}
    whole = scenario.model_copy(update={"policies": policies})
    return Job.of(whole, "0", Windows(given.warmup, given.horizon), given.seed)


def differences(job: Job, replication: int = 3) -> list[tuple[str, str]]:
    """(policy, total) wherever the curve and a run of that policy alone differ."""
    curve = FastCurve(job).run(replication)
    found = []
    for row, policy in zip(curve, job.scenario.policies, strict=True):
        alone = Job(job.scenario, policy, job.windows, job.seed, job.grid)
        run = FastEngine(alone).run(replication)[0]
        same = np.isclose(row, run, rtol=1e-9, atol=0) if floats(job) else row == run
        found += [(policy, n) for n, e in zip(job.columns, same, strict=True) if not e]
    return found


def floats(job: Job) -> bool:
    """Times between the ticks, whose sums are rounded."""
    demand, lead_time = job.scenario.demand, job.scenario.lead_time.distribution
    gap = getattr(demand, "interarrival", None)
    return demand.kind == "poisson" or lead_time.is_continuous or bool(gap and gap.is_continuous)


CASES = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
STEPS = st.lists(st.integers(1, 30), max_size=12)
CURVE = {"shortage": "backorder", "start": "full", "within": "none"}


@CASES
@given(
    st.sampled_from(("unit", "whole", "decimal", "continuous")).flatmap(
        lambda amount: st.tuples(scenarios(**CURVE, amount=amount), st.just(LEVELS[amount]))
    ),
    STEPS,
)
def test_a_curve_is_a_run_at_each_level(drawn, steps):
    scenario, size = drawn
    assert differences(family(scenario, steps, size)) == []
