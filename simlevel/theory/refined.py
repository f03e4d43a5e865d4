"""The best choice for continuous demand: from near the truth, on a lattice, to the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from scipy import optimize as solve

from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.scenario import Scenario
from simlevel.theory.choices import parameters
from simlevel.theory.task import Optimum, Task

FINE = 20
"""Steps in a standard deviation of continuous demand, in which Q and S - s are enumerated."""


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
    cost, which is flat there, is least to 1e-3 of one. Q and S - s stay as enumerated, unless
    the level is held.
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

    def margin(by: float) -> float:
        return min(task.margins(moved(by)), default=0.0)

    by, binds = 0.0, margin(-reach) < 0 < margin(reach)
    if binds:
        by = float(solve.brentq(margin, -reach, reach, xtol=1e-7 * sd))
        while margin(by) < 0:
            by += 1e-6 * sd
    if task.pays and (not binds or task.worth(moved(by + reach / 60)) < task.worth(moved(by))):
        bounds = (by if binds else -reach, by + reach)
        best = solve.minimize_scalar(
            lambda x: task.worth(moved(x)), bounds=bounds, method="bounded",
            options={"xatol": 1e-3 * sd},
        )  # fmt: skip
        by = max(round(float(best.x), max(decimals - 3, 0)), by if binds else -reach)
    new = moved(by)
    how = f"{found.how}, in steps of 1/{FINE} of a standard deviation; the level to 1e-6 of one"
    return Optimum(new, not task.missed(new), how)


def _moving(task: Task) -> list[str]:
    """The parameters that raise service together: levels, or what is open where they are held."""
    names = set(parameters(task.policy.kind, exact(1), 1, 1)) - set(task.fix)
    if "reorder_point" in task.fix or "order_up_to" in task.fix:
        return sorted(names)
    return sorted(names - {"order_quantity"})
