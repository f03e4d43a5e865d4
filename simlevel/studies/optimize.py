"""The cheapest parameters of a policy that meet the targets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from simlevel.errors import InputError, Problem, near
from simlevel.model.fields import using_time_unit
from simlevel.model.policy import POLICIES, RQ, SS, OwnPolicy, Policy
from simlevel.model.scenario import Scenario
from simlevel.scenario_file import locate
from simlevel.studies.evaluate import (
    Progress,
    analyze,
    known_precision,
    simulate,
    with_settings,
    with_targets,
)
from simlevel.studies.result import PolicyResult, Run, scenario_dict
from simlevel.studies.search import Confirmed, searched, searched_up_to_r
from simlevel.theory import catalogue
from simlevel.theory.choices import changed, met
from simlevel.theory.optimal import optimal
from simlevel.theory.task import Optimum, Task

OPEN = {
    "rQ": ("reorder_point", "order_quantity"),
    "sS": ("reorder_point", "order_up_to"),
    "base_stock": ("order_up_to",),
}
"""Parameters that are chosen, unless they are fixed."""


@dataclass(frozen=True)
class Reached:
    """A target, and what is reached of it; None where the measure is not observed."""

    asked: float
    reached: float | None
    low: float | None = None
    high: float | None = None
    """The interval of what was simulated."""


@dataclass(frozen=True)
class Optimized:
    """The best parameters; the nearest where ``meets`` is False."""

    scenario: Scenario
    policy: str
    present: PolicyResult
    best: PolicyResult
    targets: Mapping[str, Reached]
    meets: bool
    method: str
    """``exact`` or ``simulation``."""
    how: str
    """How the answer was found, in a sentence."""
    run: Run | None = None
    """The run that confirms it, where it was simulated."""

    @property
    def cost(self) -> float | None:
        """Cost per time unit; None without costs."""
        return self.best.measures["cost_per_time"].best

    @property
    def parameters(self) -> dict[str, Any]:
        """The best parameters, and the policy's kind."""
        return self.best.parameters

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of section 6 of the contract."""
        cost = self.best.measures["cost_per_time"]
        return scenario_dict(self.scenario) | {
            "policy": self.policy,
            "parameters": self.parameters,
            "meets_targets": self.meets,
            "targets": {name: dataclasses.asdict(each) for name, each in self.targets.items()},
            "cost_per_time": None
            if cost.best is None
            else {
                "value": cost.best,
                "low": cost.low,
                "high": cost.high,
            },
            "method": self.method,
            "run": dataclasses.asdict(self.run) if self.run else None,
            "how": self.how,
            "measures": {name: each.to_dict() for name, each in self.best.measures.items()},
            "present": {
                "parameters": self.present.parameters,
                "measures": {name: each.to_dict() for name, each in self.present.measures.items()},
            },
        }


def optimize(
    scenario: Scenario,
    policy: str | None = None,
    targets: Mapping[str, object] | None = None,
    fix: Mapping[str, object] | None = None,
    precision: Mapping[str, float] | None = None,
    *,
    seed: int | None = None,
    replications: int | None = None,
    progress: Progress = lambda done, planned: None,
) -> Optimized:
    """The parameters of a policy that cost least and meet every target.

    *policy* may be left out where there is one. *targets* go before those of the scenario;
    *fix* holds parameters. Cost is ``cost_per_time``, or ``mean_on_hand`` without costs. Where
    theory does not reach they are searched for by simulation, :mod:`simlevel.studies.search`;
    *precision* maps measures to the half-width at which a fresh run confirms them, of at least
    as many *replications* as the scenario says. Raises InputError for unknown names and where
    there is no finite optimum.
    """
    name = known_policy(scenario, policy)
    scenario = with_settings(with_targets(scenario, targets), seed, replications, None, None)
    alone, held = fixed(changed(scenario, name, {}), name, fix or {})
    precision = known_precision(alone, precision or {})
    try:
        task = Task.of(alone, name, alone.targets, held)
        found = optimal(coverable(alone, name), name, alone.targets, held)
        if isinstance(found, str):
            return _simulated(scenario, task, searched(task, found, precision, progress))
        exact = _exact(scenario, task, found)
        if not _may_overlap(task):
            return exact
        rival = exact.best.measures[task.objective].best if exact.meets else None
        best = math.inf if rival is None else rival
        other = searched_up_to_r(task, best, precision, progress)
        return _better(scenario, task, exact, other)
    except InputError as error:
        raise InputError(
            [_placed(scenario, name, targets, each) for each in error.problems]
        ) from None


def _exact(scenario: Scenario, task: Task, found: Optimum) -> Optimized:
    name = task.policy_name
    present = analyze(changed(scenario, name, {})).policies[name]
    if present.no_theory is not None:
        present = simulate(changed(scenario, name, {})).policies[name]
    best = analyze(changed(task.scenario, name, found.parameters)).policies[name]
    reached = _reached(task.scenario, best)
    return Optimized(
        scenario=scenario,
        policy=name,
        present=present,
        best=best,
        targets=reached,
        meets=all(met(each, it.asked, it.reached) for each, it in reached.items()),
        method="exact",
        how=found.how,
    )


# --- under lost sales, where more than one order may be outstanding ------------------------------


def covers_q_above_r_only(scenario: Scenario, policy: Policy) -> bool:
    """Lost sales one by one: theory has (r, Q), and (s, S), with one order outstanding."""
    one_by_one = scenario.lost_sales and not scenario.demand.is_periodic
    return one_by_one and isinstance(policy, (RQ, SS))


def coverable(alone: Scenario, name: str) -> Scenario:
    """*alone* with the policy at a level that theory covers wherever it covers any."""
    policy = alone.policies[name]
    if not covers_q_above_r_only(alone, policy) or isinstance(policy, OwnPolicy):
        return alone
    return alone.model_copy(update={"policies": {name: policy.at(0)}})


def _may_overlap(task: Task) -> bool:
    """Something that is open may have Q, or S - s, of r or less, but above 1, which is covered."""
    if not covers_q_above_r_only(task.scenario, task.policy):
        return False
    step = catalogue.step_of(task.scenario)
    span = task.held_span(step)
    level = task.held_level(step, span or 1)
    held = span is not None and level is not None
    narrow = span == 1 or (level is not None and level < 2 and "order_up_to" not in task.fix)
    return not (held or narrow)


def _better(scenario: Scenario, task: Task, exact: Optimized, other: Confirmed | str) -> Optimized:
    """The cheaper of the best with Q above r, which is exact, and the one up to r: the simulated
    one where its whole interval lies below."""
    few, many = ("S - s above s", "S - s up to s") if isinstance(task.policy, SS) else (
        "Q above r", "Q up to r")  # fmt: skip
    searched_too = f"{exact.how}; that is for {few}; {many} was searched by simulation"
    if isinstance(other, str):
        return replace(exact, how=f"{searched_too}: {other}")
    found, known = other.best.measures[task.objective], exact.best.measures[task.objective].best
    low, high = found.low or -math.inf, found.high or math.inf
    if not other.meets:
        return replace(exact, how=f"{searched_too}, and not confirmed to meet the targets")
    if not exact.meets or known is None or high < known:
        result = _simulated(scenario, task, other)
        than = ""
        if exact.meets and known is not None:
            than = f"; cheaper beyond chance than the exact best for {few}: {known:.4g}, at " + (
                _levels(exact.best))  # fmt: skip
        return replace(result, how=f"{other.how}{than}")
    place = f"{_levels(other.best)} with {found.estimate:.4g}, from {low:.4g} to {high:.4g}"
    if low > known:
        return replace(exact, how=f"{searched_too}, and its best, {place}, is dearer")
    return replace(exact, how=f"{searched_too}, and its best, {place}, cannot be told from it")


def _levels(result: PolicyResult) -> str:
    keys = OPEN[result.policy.kind]
    return " and ".join(f"{key} {getattr(result.policy, key):g}" for key in keys)


# --- by simulation -------------------------------------------------------------------------------


def _simulated(scenario: Scenario, task: Task, found: Confirmed) -> Optimized:
    name = task.policy_name
    return Optimized(
        scenario=scenario,
        policy=name,
        present=simulate(changed(scenario, name, {})).policies[name],
        best=found.best,
        targets=_reached(task.scenario, found.best),
        meets=found.meets,
        method="simulation",
        how=found.how,
        run=found.run,
    )


def _placed(
    scenario: Scenario, name: str, targets: Mapping[str, object] | None, problem: Problem
) -> Problem:
    """A problem of the search with its place in the file; at the policy where it names no key."""
    section, _, rest = problem.key.partition(".")
    if section == "targets" and targets:
        return dataclasses.replace(problem, key=f"--target {rest}")
    path = tuple(filter(None, (section, rest))) or ("policies", name)
    origin = scenario.origin
    if origin is None or not Path(origin.file).is_file():
        return dataclasses.replace(problem, key=".".join(path))
    return locate(origin.file, path, problem.message)


def _reached(scenario: Scenario, result: PolicyResult) -> dict[str, Reached]:
    found = {name: result.measures[name] for name in scenario.targets}
    return {
        name: Reached(asked, found[name].best, found[name].low, found[name].high)
        for name, asked in scenario.targets.items()
    }


# --- what is asked -----------------------------------------------------------------------------


def known_policy(scenario: Scenario, policy: str | None) -> str:
    """The policy that is meant. Raises InputError for one that there is not."""
    names = list(scenario.policies)
    if policy is None and len(names) > 1:
        raise InputError(f"--policy: expected one of {', '.join(names)}, found none")
    name = names[0] if policy is None else policy
    if name not in names:
        hint = near(name, names)
        raise InputError(f"--policy: expected one of {', '.join(names)}{hint}, found {name}")
    if isinstance(scenario.policies[name], OwnPolicy):
        known = ", ".join(POLICIES)
        raise InputError(f"--policy: expected a policy of kind {known}, found one of your own")
    return name


def fixed(
    scenario: Scenario, name: str, fix: Mapping[str, object]
) -> tuple[Scenario, dict[str, float]]:
    """The scenario with what of *fix* is not chosen anyway, and the rest of it."""
    policy = scenario.policies[name]
    known = [key for key in type(policy).model_fields if key != "kind"]
    values = {}
    for key, value in fix.items():
        if key not in known:
            hint = near(key, known)
            raise InputError(f"--fix: expected one of {', '.join(known)}{hint}, found {key}")
        values[key] = _parameter(scenario, name, key, value)
    held = {key: values.pop(key) for key in OPEN[policy.kind] if key in values}
    low, top = (held.get(key) for key in ("reorder_point", "order_up_to"))
    if low is not None and top is not None and top <= low:
        raise InputError(
            f"--fix: expected order_up_to above reorder_point = {low:g}, found {top:g}"
        )
    return changed(scenario, name, values), held


def _parameter(scenario: Scenario, name: str, key: str, value: object) -> float:
    field = type(scenario.policies[name]).model_fields[key]
    try:
        with using_time_unit(scenario.time_unit):
            found: float = TypeAdapter(field.rebuild_annotation()).validate_python(value)
    except ValidationError as error:
        raise InputError(f"--fix {key}: {error.errors()[0]['msg']}") from None
    above_0 = key == "order_up_to" and scenario.policies[name].kind == "sS"  # and above s
    if scenario.lost_sales and (found < 0 or (above_0 and not found)):
        expected = "a number above 0" if above_0 else "0 or more"
        raise InputError(f"--fix {key}: expected {expected} under lost sales, found {found:g}")
    return found
