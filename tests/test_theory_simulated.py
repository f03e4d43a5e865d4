"""Derived against simulated, where customers come one by one or orders overtake.

Each measure is compared over 20 windows by a ratio estimate's t with 19 degrees of freedom.
Right theory exceeds 6.5 with probability 3e-6 a measure, 4e-4 over all of this file (were the
windows normal, and independent, as they nearly are); a slip must exceed it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simlevel.engines.ledger import Job, Windows, named
from simlevel.engines.process import SimPyEngine
from simlevel.model.scenario import Scenario
from simlevel.theory.catalogue import derive

BOUND = 6.5
WINDOWS = 20
SIZE = {"dist": "discrete", "values": [0, 2, 6], "probabilities": [0.2, 0.5, 0.3]}
POISSON = {"kind": "poisson", "rate": 1.2, "size": SIZE}
PERIODIC = {"kind": "periodic", "quantity": SIZE, "probability": 0.9}
SS = {"kind": "sS", "reorder_point": 7, "order_up_to": 17.5}
RQ = {"kind": "rQ", "reorder_point": 8, "order_quantity": 8}
UP_TO = {"kind": "base_stock", "order_up_to": 9}
WITHIN = {"served_within": [0, 0.5, 1, 2.5]}
GAMMA = {"dist": "gamma", "mean": 2.0, "cv": 0.5}
BETWEEN = {"dist": "uniform", "low": 1.0, "high": 2.5}

CASES: dict[str, dict[str, Any]] = {
    "continuous (s, S)": {"demand": POISSON, "policy": SS, "lead_time": 2.0},
    "continuous (r, nQ), common divisor": {"demand": POISSON, "policy": RQ, "lead_time": 2.0},
    "periodic (s, S)": {"demand": POISSON, "policy": SS | {"review_period": 1.5},
                        "lead_time": 1.0},
    "periodic (r, nQ), lead times in order": {"demand": POISSON, "lead_time": BETWEEN,
                                              "policy": RQ | {"review_period": 1.5}},
    "overtaking base stock": {"demand": POISSON, "policy": UP_TO, "lead_time": GAMMA},
    "overtaking, less than no stock": {"demand": POISSON, "lead_time": GAMMA,
                                       "policy": {"kind": "base_stock", "order_up_to": -2}},
    "overtaking by the period": {
        "demand": PERIODIC, "policy": UP_TO,
        "lead_time": {"dist": "discrete", "values": [1, 2, 4], "probabilities": [0.4, 0.3, 0.3]},
    },
    "a lead time between two periods": {"demand": PERIODIC, "policy": SS, "lead_time": 1.4},
    "continuous quantities": {
        "demand": {"kind": "periodic", "quantity": {"dist": "normal", "mean": 3, "sd": 3}},
        "policy": SS | {"review_period": 2}, "lead_time": 1.0,
    },
}  # fmt: skip


def scenario_of(case: dict[str, Any]) -> Scenario:
    rest = {key: value for key, value in case.items() if key != "policy"}
    return Scenario.model_validate(rest | {"policies": {"p": case["policy"]}, "measures": WITHIN})


def simulated(scenario: Scenario, length: float = 1000.0) -> dict[str, tuple[float, float]]:
    """Estimate and its standard error, by measure."""
    job = Job.of(scenario, "p", Windows(100.0, length, WINDOWS), seed=3)
    totals = named(SimPyEngine(job).run(0), scenario)
    found = {}
    for measure in scenario.measure_words():
        if scenario.undefined(measure) is None and measure.numerator:
            top = sum(weight * np.ravel(totals[name]) for weight, name in measure.numerator)
            below = np.ravel(totals[measure.denominator])
            if below.sum() > 0:
                ratio = top.sum() / below.sum()
                spread = math.sqrt(np.square(top - ratio * below).sum() * WINDOWS / (WINDOWS - 1))
                found[measure.name] = (float(ratio), spread / float(below.sum()))
    return found


def distances(scenario: Scenario, found: dict[str, tuple[float, float]]) -> dict[str, float]:
    """By how many standard errors theory and simulation differ."""
    theory = derive(scenario, "p")
    assert theory.reason is None
    gaps = {}
    for name, (estimate, error) in found.items():
        gap = abs(theory.answers[name].value - max(estimate, 0.0 if "gamma" in name else estimate))
        gaps[name] = 0.0 if gap < 1e-9 else gap / max(error, 1e-12)
    return gaps


@pytest.mark.parametrize("name", CASES)
def test_the_simulation_agrees(name: str) -> None:
    scenario = scenario_of(CASES[name])
    gaps = distances(scenario, simulated(scenario))
    assert len(gaps) >= 20
    assert {name: gap for name, gap in gaps.items() if gap > BOUND} == {}


SLIPS: dict[str, dict[str, Any]] = {
    "continuous (s, S)": {"policy": SS | {"reorder_point": 8}},
    "continuous (r, nQ), common divisor": {"policy": RQ | {"order_quantity": 7}},
    "periodic (s, S)": {"lead_time": 2.0},
    "overtaking base stock": {"lead_time": 2.6},
    "overtaking by the period": {"policy": UP_TO | {"review_period": 1}},
    "a lead time between two periods": {"lead_time": 2.0},
}
"""< for <= (positions are odd halves), no common divisor, L for L + R, and the like."""


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_disagrees(name: str) -> None:
    """The negative control: the simulation of a case, the theory of its slip."""
    right, wrong = scenario_of(CASES[name]), scenario_of(CASES[name] | SLIPS[name])
    assert max(distances(wrong, simulated(right)).values()) > BOUND
