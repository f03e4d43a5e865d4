"""The frontier: what service costs at best, by kind of policy, and where the file's are."""

from __future__ import annotations

from typing import Any

from simlevel import words
from simlevel.model.fields import singular
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Artist, Axes
from simlevel.studies.frontier import Frontier

KINDS = {"rQ": "(r, Q)", "sS": "(s, S)", "base_stock": "base stock"}
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), "-")
"""Where (r, Q) and (s, S) are one, both are seen."""
FAR = 3.0
"""A kind that costs so many times what any other does would flatten all: it is named alone."""


def frontier(found: Frontier, ax: Axes | None = None) -> Axes:
    """The cheapest points of each kind over the service that they reach, as a line each.

    Money per time unit, or units on hand without costs, over a share in percent. The policies
    of the file are marks.
    """
    unit, measure = found.scenario.time_unit, words.measure(found.measure)
    service = f"{style.title_of(measure, unit)}, %"
    ax = style.axes(ax, _title(found), service, _worth(found))
    entries: list[Artist] = []
    for place, (kind, points) in enumerate(found.kinds.items()):
        color, marker = style.look(place)
        least = min(point.worth for point in points)
        if least > FAR * _most(found, kind):
            label = f"{KINDS[kind]}: from {least:.3g}, not shown"
            entries.append(style.line_key(label, color, lw=0))
            continue
        x, y = [point.service for point in points], [point.worth for point in points]
        shape: dict[str, Any] = {"marker": marker, "ms": 3.5, "lw": 1.6, "ls": DASHES[place % 3]}
        ax.plot(x, y, color=color, **shape)
        entries.append(style.line_key(KINDS[kind], color, **shape))
    for place, (name, point) in enumerate(found.policies.items()):
        look: dict[str, Any] = {
            "marker": MARKS[place % len(MARKS)],
            "color": style.BLACK,
            "ms": 8,
            "lw": 0,
        }
        ax.plot([point.service], [point.worth], **look)
        entries.append(style.line_key(style.name(name), **look))
    style.percent(ax, "x")
    style.legend(ax, entries, columns=3)
    return ax


MARKS = "*Xp<>8dh"


def _most(found: Frontier, kind: str) -> float:
    """The most that any other point is worth; without others there is nothing to flatten."""
    others = [point.worth for other, points in found.kinds.items() if other != kind
              for point in points]  # fmt: skip
    return max([*others, *(point.worth for point in found.policies.values())], default=float("inf"))


def _worth(found: Frontier) -> str:
    costs = found.scenario.costs is not None
    money = f"money per {style.name(singular(found.scenario.time_unit))}"
    return f"cost, {money}" if costs else "mean on hand, units"


def _title(found: Frontier) -> str:
    """What the policy furthest from the frontier could save."""
    over = {name: more for name in found.policies if (more := found.over(name)) is not None}
    name = max(over, key=lambda each: over[each], default=None)
    if name is None or over[name] < 0.005 * found.policies[name].worth:
        return "What service costs at best, by kind of policy"
    costs = found.scenario.costs is not None
    what = f"costs {over[name]:.3g} a {style.name(singular(found.scenario.time_unit))}"
    what = what if costs else f"holds {over[name]:.3g} units"
    return f"{style.name(name)} {what} more than its kind needs to"
