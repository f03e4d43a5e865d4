"""Continuous review of Poisson customers against printed, recomputed and hand-made numbers."""

from __future__ import annotations

import pytest

from simlevel.model.scenario import Scenario
from simlevel.theory.catalogue import derive


def values(policy: dict, demand: dict, **more: object) -> dict[str, float]:
    scenario = Scenario.model_validate({"policies": {"p": policy}, "demand": demand} | more)
    theory = derive(scenario, "p")
    assert theory.reason is None
    return {name: answer.value for name, answer in theory.answers.items()}


def test_snyder_and_shen_example_5_8():
    """(r, Q) = (8, 12), Poisson 1.5 a time unit, L = 2: cost 242.5281637662021 is published
    (stockpyl tests/test_rq.py; Snyder and Shen, Foundations of Supply Chain Theory, 2nd ed.);
    the rest is recomputed (shared reference rq-poisson-ex5.8-(8,12))."""
    found = values(
        {"kind": "rQ", "reorder_point": 8, "order_quantity": 12},
        {"kind": "poisson", "rate": 1.5},
        lead_time=2.0,
        costs={"order": 100, "holding": 20, "backorder": 150},
    )
    expected = {
        "cost_per_time": 242.5281637662021,
        "fill_rate": 0.9995592020781633,
        "ready_rate": 0.9995592020781633,
        "cycle_service_level": 0.996197007938324,
        "mean_backorders": 0.0001656692129533245,
        "mean_on_hand": 11.500165669212956,
        "orders_per_time": 0.125,
        "mean_wait": 0.000110446141968883,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-10)
