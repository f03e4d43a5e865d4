"""The picture that a command writes of what it found: the door of ``-o FILE.svg``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from simlevel.errors import InputError
from simlevel.reports.figures import style
from simlevel.reports.figures.demand_law import demand_law
from simlevel.reports.figures.fitted import fitted
from simlevel.reports.figures.frontier import frontier
from simlevel.reports.figures.inventory_path import inventory_path
from simlevel.reports.figures.policies import differences, policies, rows
from simlevel.reports.figures.service_curve import service_curve
from simlevel.reports.figures.style import Figure
from simlevel.reports.figures.waterfall import waterfall
from simlevel.reports.figures.windows import windows
from simlevel.studies.demand_law import demand_law as law_of
from simlevel.studies.fit import Fitting
from simlevel.studies.frontier import Frontier
from simlevel.studies.result import Result
from simlevel.studies.sweep import Sweep
from simlevel.studies.trace import Trace
from simlevel.studies.why import why as reasons

MOST = 24
"""Pictures in one file."""

Found: TypeAlias = Fitting | Frontier | Result | Sweep | Trace
Panel: TypeAlias = tuple[style.Picture, float]
"""What is drawn, and its height in inches."""


def write(found: Found, paths: Sequence[Path], *, why: bool = False) -> None:
    """Write the picture of *found* to each of *paths*, as their endings say.

    With *why* that of the gap from textbook to exact. Raises InputError where there is nothing
    to draw, or where a file cannot be written.
    """
    if paths:
        figure = picture(found, why=why)
        for path in paths:
            style.save(figure, path)


def picture(found: Found, *, why: bool = False) -> Figure:
    """The pictures that belong to *found*, one below the other; see :func:`write`."""
    panels = list(_panels(found, why))
    if not panels:
        raise InputError("-o: expected something to draw, found nothing that is known")
    if len(panels) > MOST:
        raise InputError(f"-o: expected at most {MOST} pictures in a file, found {len(panels)}")
    drawings, heights = zip(*panels, strict=True)
    return style.drawn(drawings, heights)


def _panels(found: Found, why: bool) -> Iterator[Panel]:
    if isinstance(found, Fitting):
        yield partial(fitted, found), style.HEIGHT
    elif isinstance(found, Trace):
        yield partial(inventory_path, found), style.HEIGHT
    elif isinstance(found, Sweep):
        yield partial(service_curve, found), 4.6
    elif isinstance(found, Frontier):
        yield partial(frontier, found), 4.6
    elif why:
        yield from _gaps(found)
    elif found.run is None:
        yield from _laws(found)
    elif any(policy.windows for policy in found.policies.values()):
        for name in found.policies:
            yield partial(windows, found, policy=name, measure=promised(found, name)), 3.4
    else:
        yield from _run(found)


def _run(result: Result) -> Iterator[Panel]:
    """The shares of service, the cost if there is one, and what the policies differ by."""
    count = len(result.policies)
    yield partial(policies, result), height(len(rows(result)), count)
    if result.scenario.costs is not None:
        yield partial(policies, result, measures=["cost_per_time"]), height(1, count)
    if result.differences:
        yield partial(differences, result), height(len(rows(result)), count - 1)


def height(rows: int, marks: int) -> float:
    """Room for title, axis and legend, and for every mark of a row."""
    return 1.5 + rows * max(0.36, 0.17 * marks)


def promised(result: Result, policy: str) -> str:
    """The share that windows are drawn of: the first with a target, else the fill rate."""
    scattered = result.policies[policy].windows
    shares = scattered.measures if scattered else {}
    return next((name for name, each in shares.items() if each.target is not None), "fill_rate")


def _laws(result: Result) -> Iterator[Panel]:
    reasons: list[str] = []
    for name in result.policies:
        try:
            yield partial(demand_law, law_of(result.scenario, name)), 3.6
        except InputError as reason:
            reasons.append(str(reason))
    if len(reasons) == len(result.policies):
        raise InputError(f"-o: {reasons[0]}")


def _gaps(result: Result) -> Iterator[Panel]:
    for name, measures in reasons(result).items():
        for measure, steps in measures.items():
            if steps:
                analytic = result.policies[name].measures[measure].analytic
                end = "exact" if analytic and analytic.exact else "simulated"
                drawn = partial(waterfall, steps, measure=measure, policy=name, end=end)
                yield drawn, height(len(steps) + 1, 1) - 0.5
