"""The two engines are equal, not close: same draws, same totals, same events."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from strategies import job, scenarios

import simlevel as sl
from simlevel.engines.fast import FastEngine, covers
from simlevel.engines.ledger import Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.distribution import Constant
from simlevel.studies import evaluate

SHIPPED = sorted((Path(__file__).parent.parent / "scenarios").glob("*.toml"))


def differ(job: Job, replication: int = 3, *, trace: bool) -> list[str]:
    """Names of the totals in which the engines differ, and ``events`` where those do."""
    events = ([], []) if trace else (None, None)
    slow = SimPyEngine(job).run(replication, events[0])
    fast = FastEngine(job).run(replication, events[1])
    names = [
        n for n, equal in zip(job.columns, (slow == fast).all(axis=0), strict=True) if not equal
    ]
    return names + (["events"] if events[0] != events[1] else [])


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_any_scenario_has_equal_totals_and_events(scenario):
    assert differ(job(scenario), trace=True) == []


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(lead_time="constant", within="none"))
def test_the_loop_over_periods_is_equal_too(scenario):
    assert differ(job(scenario, windows=3), trace=False) == []


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(demand="periodic", lead_time="constant", within="none"))
def test_whole_periods_are_counted_by_the_loop_over_periods(scenario):
    """The same scenarios once more with everything in whole periods, so that it is used."""
    every = scenario.demand.every
    lead_time = scenario.lead_time.model_copy(
        update={"distribution": type(scenario.lead_time.distribution)(value=3 * every)}
    )
    policies = {
        name: policy.model_copy(update={"review_period": policy.review_period and 2 * every})
        for name, policy in scenario.policies.items()
    }
    update = {"lead_time": lead_time, "policies": policies}
    whole = Job.of(scenario.model_copy(update=update), "p", Windows(4 * every, 6 * every, 3), 1)
    assert FastEngine(whole).lag == 3
    assert differ(whole, trace=False) == []


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(demand="poisson", lead_time="constant", within="none"))
def test_watched_customers_are_counted_by_the_loop_over_customers(scenario):
    """The same scenarios once more without reviews and with a lead time, so that it is used."""
    lead_time = scenario.lead_time.model_copy(update={"distribution": Constant(value=2.5)})
    policies = {
        name: policy.model_copy(update={"review_period": None})
        for name, policy in scenario.policies.items()
    }
    update = {"lead_time": lead_time, "policies": policies}
    watched = Job.of(scenario.model_copy(update=update), "p", Windows(3, 7, 3), 1)
    assert FastEngine(watched).one_by_one
    assert differ(watched, trace=False) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_equal_over_several_windows(path):
    scenario = sl.load(path)
    for policy in scenario.policies:
        for windows in (Windows(28, 7, 10), Windows(0, 50.5, 2)):
            assert differ(Job.of(scenario, policy, windows, 5), trace=True) == []


def test_many_orders_under_way_and_many_who_wait_find_room():
    scenario = sl.Scenario.model_validate({
        "demand": {"kind": "poisson", "rate": 50},
        "lead_time": {"dist": "uniform", "low": 1, "high": 120},
        "policies": {"p": {"kind": "base_stock", "order_up_to": 5}},
        "measures": {"served_within": [60]},
    })  # fmt: skip
    assert differ(Job.of(scenario, "p", Windows(0, 100), 1), trace=True) == []


def test_a_slip_in_the_order_rule_would_be_seen():
    scenario = sl.load(SHIPPED[0])
    wrong = Job.of(scenario, next(iter(scenario.policies)), Windows(0, 100), 1)
    engine = FastEngine(wrong)
    engine.rules = engine.rules._replace(lot=engine.rules.lot + 1)
    assert (engine.run(0) != SimPyEngine(wrong).run(0)).any()


class Nothing:
    def order(self, state):
        return 0


def test_a_policy_of_ones_own_runs_in_the_simpy_engine_and_the_result_says_so():
    scenario = sl.Scenario(
        demand={"kind": "poisson", "rate": 5},
        lead_time=1,
        policies={"own": sl.OwnPolicy(rule=Nothing(), start=10)},
    )
    own = Job.of(scenario, "own", Windows(0, 10), 1)
    assert not covers(own)
    assert isinstance(evaluate.engine_of(own), SimPyEngine)
    said = sl.simulate(scenario, replications=2, horizon=10).warnings
    assert said == ("policy own is a Python object: it ran in the SimPy engine, which is slower",)
    assert not sl.simulate(scenario, replications=2, horizon=10, engine="simpy").warnings


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    scenario = sl.load(SHIPPED[0])
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(evaluate, "THREADS", threads)
        found.append(sl.simulate(scenario, replications=7, horizon=100).to_dict())
    assert found[0] == found[1] == found[2]


def test_the_engine_is_chosen_by_name_and_both_say_the_same():
    scenario = sl.load(SHIPPED[0])
    both = [
        sl.simulate(scenario, replications=3, horizon=50, engine=e).to_dict()
        for e in ("fast", "simpy")
    ]
    assert [each["run"].pop("engine") for each in both] == ["fast", "simpy"]
    assert both[0] == both[1]


def test_it_runs_without_a_place_for_the_cache(tmp_path):
    """A read-only package folder and no home: compiled anew, and the same result."""
    code = (
        "import numba.core.caching as c\n"
        "c._CacheLocator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError())\n"
        "import numpy as np, simlevel.compiled as s\n"
        "print(s.look_up(np.array([0.5]), np.array([0]), np.array([0.4, np.inf]), "
        "np.array([1.0, 2.0])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stdout.split() == ["[2.]"], done.stderr
