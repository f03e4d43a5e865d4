"""The best choice for continuous demand: from near the truth, on a lattice, to the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from scipy import optimize as solve

from simlevel import words
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue, totals
from simlevel.theory.choices import changed, parameters, weights
from simlevel.theory.levels import Levels
from simlevel.theory.service import Rates
from simlevel.theory.task import Optimum, Task

FINE = 20
"""Steps in a standard deviation of continuous demand, in which Q and S - s are enumerated."""
Moved: TypeAlias = Callable[[float], Mapping[str, float]]
"""Measures with the levels moved up by so many units."""


def lattice_step(scenario: Scenario, held: Sequence[Fraction]) -> Fraction:
    """For continuous demand: about 1/FINE of its standard deviation, and a part of what is held."""
    about = exact(float(f"{scenario.demand.amount.sd() / FINE:.2g}"))
    some = [abs(value) for value in held if value]
    if not some:
        return about
    whole = common(some)
    return whole / max(round(whole / about), 1)


def refined(task: Task, found: Optimum) -> Optimum:
    """The levels of *found*, for continuous demand, moved to where the exact theory has them.

    To 1e-6 of a standard deviation of demand, upwards, where a target binds; else to where the
    cost, which is flat there, is least to 1e-3 of one. Q and S - s stay as they were found,
    unless the level is held.
    """
    sd = task.scenario.demand.amount.sd()
    moving = _moving(task)
    if not moving:
        return found._replace(meets=not task.missed(found.parameters))
    decimals = max(6 - math.floor(math.log10(sd)), 0)
    reach = min(6 * sd / FINE, *(found.parameters[key] / 2 for key in moving if "quant" in key), sd)

    def moved(by: float) -> dict[str, float]:
        return {key: round(value + by, decimals) if key in moving else value
                for key, value in found.parameters.items()}  # fmt: skip

    measures = lifted(task, found.parameters, reach) if _keeps_span(task, moving) else None
    measures = measures or (lambda by: task.measures(moved(by)))
    margin, worth = _margin_of(task, measures), _worth_of(task, measures)
    by, binds = 0.0, margin(-reach) < 0 < margin(reach)
    if binds:
        by = float(solve.brentq(margin, -reach, reach, xtol=1e-7 * sd)) + 5e-7 * sd
        slope = (margin(by + reach / 60) - margin(by)) / (reach / 60)
        by = _above(lambda x: min(task.margins(task.measures(moved(x)))), by, slope, 1e-6 * sd)
    if task.pays and (not binds or worth(by + reach / 60) < worth(by)):
        bounds = (by if binds else -reach, by + reach)
        best = solve.minimize_scalar(
            worth, bounds=bounds, method="bounded", options={"xatol": 1e-3 * sd}
        )
        by = max(round(float(best.x), max(decimals - 3, 0)), by if binds else -reach)
    new = moved(by)
    how = f"{found.how}; the level to 1e-6 of a standard deviation of demand"
    return Optimum(new, not task.missed(new), how)


def _above(margin: Callable[[float], float], by: float, slope: float, within: float) -> float:
    """Where the *margin*, of about that *slope*, has come above 0: near *by*, to *within*."""
    for _ in range(5):
        met = margin(by)
        if not slope > 0 or 0 <= met <= 2 * within * slope:
            break
        by += within - met / slope
    while margin(by) < 0:
        by += within
    return by


def lifted(task: Task, at: Mapping[str, float], reach: float) -> Moved | None:
    """Measures of the policy with its levels moved by up to *reach* from where they are *at*,
    from lattices that are laid once; None where they do not settle. Of measures those that the
    task is about."""
    alone = changed(task.scenario, task.policy_name, at)
    names = _totals_of(task)
    orders = catalogue.error_orders(alone.demand.amount)
    lattices: list[tuple[Levels, float]] = []

    def measures(by: float) -> Mapping[str, float]:
        runs = [_rates(levels, where + by / float(levels.step), names)
                for levels, where in lattices]  # fmt: skip
        return totals.measured(catalogue.extrapolated(runs, orders), alone)

    before: Mapping[str, float] | None = None
    for fineness in range(catalogue.MOST_REFINED):
        levels, where = catalogue.fine_levels(alone, task.policy_name, 3**fineness)
        lattices.append((levels, where))
        far = math.ceil(reach / float(levels.step)) + 4
        for name in names:  # all that will be asked for, at once
            levels.ready(name, 0, math.floor(where) - far, 2 * far)
        if fineness:
            found = measures(0.0)
            if before is not None and catalogue.settled(before, found):
                return measures
            before = found
    return None


def _totals_of(task: Task) -> set[str]:
    found = {"units_demanded"}
    for name in (task.objective, *task.targets):
        found |= {words.measure(name).denominator, *weights(name, task.scenario)}
    return found


def _rates(levels: Levels, where: float, names: Iterable[str]) -> Rates:
    """Totals at a level between those of a lattice."""
    lower = math.floor(where + 1e-9)
    rates: Rates = {}
    for name in names:
        near = levels.totals(name, 0, lower - 1, 4)
        if near is not None:
            parts = catalogue.interpolation(where - lower)
            rates[name] = sum(weight * float(near[place + 1]) for place, weight in parts)
    return rates


def _keeps_span(task: Task, moving: Sequence[str]) -> bool:
    """Q or S - s stays as it is."""
    return len(moving) == (2 if task.policy.kind == "sS" else 1) and (
        "order_quantity" not in moving
    )


def _margin_of(task: Task, measures: Moved) -> Callable[[float], float]:
    """By how much the targets that ask for more stock are met, the one met least counting."""
    return lambda by: min(task.margins(measures(by)), default=0.0)


def _worth_of(task: Task, measures: Moved) -> Callable[[float], float]:
    return lambda by: measures(by).get(task.objective, math.inf)


def _moving(task: Task) -> list[str]:
    """The parameters that raise service together: levels, or what is open where they are held."""
    names = set(parameters(task.policy.kind, exact(1), 1, 1)) - set(task.fix)
    if "reorder_point" in task.fix or "order_up_to" in task.fix:
        return sorted(names)
    return sorted(names - {"order_quantity"})
