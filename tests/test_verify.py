"""The cross-check: that it confirms what is right, and finds what is wrong.

A right scenario shows any ``disagrees`` with probability 0.001 (Holm, over all its measures).
The fast tests verify some 20 of them by seeds that nobody picked, and nothing in them depends
on chance but this, so they are set up to be right: they allow no alarm only where replications
are so many, or so alike, that its chance is far below 1 in 10,000.
"""

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simlevel import words
from simlevel.cli import status
from simlevel.engines.fast import FastEngine
from simlevel.engines.ledger import Job, Windows
from simlevel.model.scenario import Scenario
from simlevel.studies import evaluate, verdict
from simlevel.studies import verify as verify_study
from simlevel.studies.evaluate import Sample, simulate
from simlevel.studies.result import Result
from simlevel.studies.verify import LEAST_REPLICATIONS, undecided, verify
from simlevel.theory import service
from simlevel.theory.answer import Answer, Theory
from simlevel.theory.catalogue import derive
from simlevel.theory.lattice import point

# --- scenarios -----------------------------------------------------------------------------------

LUMPY = {"dist": "discrete", "values": [1, 2, 6], "probabilities": [0.5, 0.3, 0.2]}
COSTS = {"order": 10, "holding": 1, "backorder": 5, "shortage": 2}


def poisson(rate: float, size: Any = 1) -> dict[str, Any]:
    return {"kind": "poisson", "rate": rate, "size": size}


def periodic(quantity: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "periodic", "quantity": quantity, **more}


def lot(r: float, q: float, **more: Any) -> dict[str, Any]:
    return {"kind": "rQ", "reorder_point": r, "order_quantity": q, **more}


def up_to(s: float, top: float, **more: Any) -> dict[str, Any]:
    return {"kind": "sS", "reorder_point": s, "order_up_to": top, **more}


def base(top: float, **more: Any) -> dict[str, Any]:
    return {"kind": "base_stock", "order_up_to": top, **more}


def case(
    demand: dict[str, Any], lead_time: Any, policy: dict[str, Any], horizon: float, **more: Any
) -> Scenario:
    data = {"demand": demand, "lead_time": lead_time, "policies": {"only": policy}, **more}
    data["simulation"] = {"horizon": horizon, "warmup": 60}
    return Scenario.model_validate(data)


PER_DAY = {"dist": "poisson", "mean": 4}
WEEK = [1, 1, 1, 1, 1.5, 0.5, 0]
STEADY = case(periodic(3), 2, base(12, review_period=1), 500)
"""All cycles alike, so that 20 replications are enough."""
BAKERY = case(poisson(5), 1, lot(6, 10), 2000)


def found(result: Result, name: str = "only") -> dict[str, str]:
    """Verdicts on the exact values."""
    return {
        measure: each.verdict
        for measure, each in result.policies[name].measures.items()
        if each.analytic and each.analytic.exact
    }


def alarmed(result: Result) -> bool:
    return "disagrees" in found(result).values()


# --- errors to plant -----------------------------------------------------------------------------

Planted = contextlib.AbstractContextManager[Any]
Derive = Callable[[Scenario, str], Theory]


@contextlib.contextmanager
def in_theory(wrong: Derive) -> Iterator[None]:
    """Where the studies look exact values up, they find those of *wrong*."""
    with mock.patch.object(evaluate, "derive", wrong), mock.patch.object(
        verify_study, "derive", wrong
    ):
        yield


def in_engine(engine: Callable[[Job], Any]) -> Planted:
    """The replications are those of *engine*."""
    return mock.patch.object(evaluate, "engine_of", lambda job, name="fast": engine(job))


def changed(scenario: Scenario, **sections: Any) -> Scenario:
    return Scenario.model_validate(scenario.model_dump(exclude_unset=True) | sections)


def with_policy(scenario: Scenario, **parameters: Any) -> Scenario:
    policy = scenario.policies["only"].model_dump(exclude_none=True) | parameters
    return changed(scenario, policies={"only": {k: v for k, v in policy.items() if v is not None}})


def only_values(theory: Theory, other: dict[str, float]) -> Theory:
    """*theory* with some values replaced."""
    answers = {
        name: dataclasses.replace(answer, value=other.get(name, answer.value))
        for name, answer in theory.answers.items()
    }
    return dataclasses.replace(theory, answers=answers)


def values(scenario: Scenario, *names: str) -> dict[str, float]:
    answers = derive(scenario, "only").answers
    return {name: answers[name].value for name in names or answers}


def lead_time_only(scenario: Scenario, name: str) -> Theory:
    return derive(with_policy(scenario, review_period=None), name)


def ordering_below_only(scenario: Scenario, name: str) -> Theory:
    trigger = scenario.policies["only"].reorder_point
    return derive(with_policy(scenario, reorder_point=trigger - 1), name)


def counting_below_only(scenario: Scenario, name: str) -> Theory:
    """Who takes the last unit is not served: net inventory above the size asked for."""
    one_less = with_policy(scenario, reorder_point=scenario.policies["only"].reorder_point - 1)
    return only_values(derive(scenario, name), values(one_less, "fill_rate", "order_fill_rate"))


def without_undershoot(scenario: Scenario, name: str) -> Theory:
    def at_the_trigger(rule: Any, position: Any, demand: Any) -> Any:
        return point(rule.trigger).times(right(rule, position, demand).total())

    right = service.orders
    with mock.patch.object(service, "orders", at_the_trigger):
        return derive(scenario, name)


def uniform_on_every_level(scenario: Scenario, name: str) -> Theory:
    """Uniform on r + 1 ... r + Q: the mean over where the start may lie."""
    top = scenario.start_level(name)
    divisor = math.gcd(int(scenario.demand.amount.mean()), int(scenario.policies[name].batch))
    starts = [changed(scenario, start={"net_inventory": top - k}) for k in range(divisor)]
    means = {key: np.mean([values(s)[key] for s in starts]) for key in values(scenario)}
    return only_values(derive(scenario, name), means)


def empty_counts_as_ready(scenario: Scenario, name: str) -> Theory:
    """P(IN >= 0) is P(IN > 0) of one unit more."""
    one_more = with_policy(scenario, reorder_point=scenario.policies["only"].reorder_point + 1)
    return only_values(derive(scenario, name), values(one_more, "ready_rate"))


def overtaking(scenario: Scenario, name: str) -> Theory:
    lead_time = scenario.lead_time.model_dump(exclude_unset=True) | {"order_crossing": True}
    return derive(changed(scenario, lead_time=lead_time), name)


def owed_counted_again(scenario: Scenario, name: str) -> Theory:
    """Fill rate as 1 - what is owed at the end of a period / demand, however old."""
    gamma = values(scenario, "gamma_service_level")["gamma_service_level"]
    return only_values(derive(scenario, name), {"fill_rate": gamma})


class DropsTheLastPeriod:
    def __init__(self, job: Job) -> None:
        windows = Windows(job.windows.warmup, job.windows.length - 1)
        self._engine = FastEngine(Job.of(job.scenario, job.policy, windows, job.seed))
        self._columns = job.columns

    def run(self, replication: int) -> Any:
        totals = self._engine.run(replication)
        totals[:, self._columns.index("time")] += 1
        return totals


class ForgetsLostSales:
    def __init__(self, job: Job) -> None:
        self._engine, self._columns = FastEngine(job), job.columns

    def run(self, replication: int) -> Any:
        totals = self._engine.run(replication)
        cycles, kept = map(self._columns.index, ("cycles", "cycles_without_stockout"))
        totals[:, kept] = totals[:, cycles]
        return totals


def mean_of_ratios() -> Planted:
    right = Sample.totals

    def totals(sample: Sample, policy: str) -> Any:
        seen = dict(right(sample, policy))
        served, asked = seen["units_from_shelf"], seen["units_demanded"]
        ratios = np.divide(served, asked, out=np.ones_like(asked), where=asked > 0)
        return seen | {"units_from_shelf": ratios * asked.mean()}

    return mock.patch.object(Sample, "totals", totals)


SLOW_OR_FAST = {"dist": "discrete", "values": [1, 5], "probabilities": [0.8, 0.2]}
IN_ORDER = SLOW_OR_FAST | {"order_crossing": False}
ERRORS: dict[str, tuple[Scenario, int, Callable[[], Planted]]] = {
    "L for L + R": (
        case(poisson(5), 2, base(14, review_period=0.25), 400), 40,
        lambda: in_theory(lead_time_only),
    ),
    "< for <=, ordering": (
        case(poisson(2, LUMPY), 1, up_to(8, 20), 1000), 40,
        lambda: in_theory(ordering_below_only),
    ),
    "< for <=, counting": (
        case(poisson(5), 1, lot(6, 10), 400), 40,
        lambda: in_theory(counting_below_only),
    ),
    "no undershoot": (
        case(poisson(2, LUMPY), 1, up_to(14, 30), 1000), 60,
        lambda: in_theory(without_undershoot),
    ),
    "a dropped last period": (
        case(periodic(PER_DAY), 1, base(13, review_period=1), 25), 100,
        lambda: in_engine(DropsTheLastPeriod),
    ),
    "mean of ratios": (
        case(periodic(LUMPY), 1, base(7, review_period=1), 3), 800, mean_of_ratios,
    ),
    "a lost sale in a kept cycle": (
        case(poisson(5), 1, lot(8, 10), 400, shortage="lost_sales"), 40,
        lambda: in_engine(ForgetsLostSales),
    ),
    "uniform position with a common divisor": (
        case(poisson(3, 2), 1, lot(8, 12), 400), 40,
        lambda: in_theory(uniform_on_every_level),
    ),
    "P(IN >= 0) for P(IN > 0)": (
        case(poisson(5), 1, lot(6, 10), 400), 40,
        lambda: in_theory(empty_counts_as_ready),
    ),
    "overtaking where order is kept": (
        case(periodic({"dist": "discrete", "values": [3, 5], "probabilities": [0.5, 0.5]}),
             IN_ORDER, base(21, review_period=1), 1000), 40,
        lambda: in_theory(overtaking),
    ),
    "backorders counted twice": (
        case(periodic(PER_DAY), 2, base(15, review_period=1), 400), 40,
        lambda: in_theory(owed_counted_again),
    ),
}  # fmt: skip


def moved(scenario: Scenario, planted: Callable[[], Planted], replications: int) -> float:
    """The largest change of estimate less exact value of a share, on the same draws."""

    def gaps() -> dict[str, float]:
        sample = Sample(scenario, evaluate.windows_of(scenario), 1)
        sample.extend(replications, lambda done, wanted: None)
        measures = evaluate.judged(sample, None).policies["only"].measures
        return {
            name: each.estimate - each.analytic.value
            for name, each in measures.items()
            if each.analytic and words.measure(name).is_share
        }

    right = gaps()
    with planted():
        wrong = gaps()
    return max(abs(wrong[name] - right[name]) for name in right)
