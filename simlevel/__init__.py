"""Inventory service levels, simulated and derived, with an interval on each.

>>> import simlevel as sl
>>> scenario = sl.load("scenarios/quickstart.toml")       # doctest: +SKIP
>>> result = sl.simulate(scenario)                        # doctest: +SKIP
>>> result.to_frame()                                     # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "load": "scenario_file",
    "parse": "scenario_file",
    "schema": "scenario_file",
    "Scenario": "model.scenario",
    "OwnPolicy": "model.policy",
    "State": "model.policy",
    "simulate": "studies.evaluate",
    "analyze": "studies.evaluate",
    "verify": "studies.verify",
    "sweep": "studies.sweep",
    "trace": "studies.trace",
    "optimize": "studies.optimize",
    "frontier": "studies.frontier",
    "fit": "studies.fit",
    "why": "studies.why",
    "newsvendor": "theory.newsvendor",
    "finite_horizon_fill_rate": "theory.finite_horizon",
    "rq_service": "theory.many",
    "rq_reorder_point": "theory.many",
    "convergence": "studies.convergence",
    "demand_law": "studies.demand_law",
    "waiting": "studies.waiting",
    "ProgressBar": "reports.progress",
    "InputError": "errors",
}
_ROOMS = {"figures": "reports.figures"}
__all__ = [*_HOMES, *_ROOMS, "__version__"]

if TYPE_CHECKING:
    from simlevel.errors import InputError as InputError
    from simlevel.model.policy import OwnPolicy as OwnPolicy
    from simlevel.model.policy import State as State
    from simlevel.model.scenario import Scenario as Scenario
    from simlevel.reports import figures as figures
    from simlevel.reports.progress import ProgressBar as ProgressBar
    from simlevel.scenario_file import load as load
    from simlevel.scenario_file import parse as parse
    from simlevel.scenario_file import schema as schema
    from simlevel.studies.convergence import convergence as convergence
    from simlevel.studies.demand_law import demand_law as demand_law
    from simlevel.studies.evaluate import analyze as analyze
    from simlevel.studies.evaluate import simulate as simulate
    from simlevel.studies.fit import fit as fit
    from simlevel.studies.frontier import frontier as frontier
    from simlevel.studies.optimize import optimize as optimize
    from simlevel.studies.sweep import sweep as sweep
    from simlevel.studies.trace import trace as trace
    from simlevel.studies.verify import verify as verify
    from simlevel.studies.waiting import waiting as waiting
    from simlevel.studies.why import why as why
    from simlevel.theory.finite_horizon import (
        finite_horizon_fill_rate as finite_horizon_fill_rate,
    )
    from simlevel.theory.many import rq_reorder_point as rq_reorder_point
    from simlevel.theory.many import rq_service as rq_service
    from simlevel.theory.newsvendor import newsvendor as newsvendor


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that a command loads what it needs."""
    if name in _ROOMS:
        return importlib.import_module(f"simlevel.{_ROOMS[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module 'simlevel' has no attribute {name!r}")
    return getattr(importlib.import_module(f"simlevel.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
