"""The exchange curve: what service all items together cost in stock, at best."""

from __future__ import annotations

from typing import Any

from simlevel.reports.figures import style
from simlevel.reports.figures.style import Axes
from simlevel.studies.portfolio.system import Optimum, Point

MARKS = {"in use": ("X", style.VERMILLION), "a target for each item": ("s", style.ORANGE),
         "system optimum": ("*", style.BLACK)}  # fmt: skip
BEYOND = 2.5
"""How far left the curve is drawn: times what the point that serves least misses."""


def exchange_curve(found: Optimum, ax: Axes | None = None) -> Axes:
    """Total investment over total service, in percent of the weight of the system.

    The curve is the least investment for each service; marks are the settings in use, those that
    meet each item's own target, and the system optimum.
    """
    stock = "investment, money" if found.priced else "on hand, units"
    ax = style.axes(ax, _title(found), f"served at once by {found.weight}, %", stock)
    points = dict(zip(MARKS, (found.present, found.equal_target, found.reached), strict=True))
    line = around(found)
    x, y = [each.fill_rate for each in line], [each.investment for each in line]
    entries = [style.line_key("least for each service", style.BLUE, lw=1.8)]
    ax.plot(x, y, color=style.BLUE, lw=1.8)
    for name, point in points.items():
        if point is not None:
            marker, color = MARKS[name]
            look: dict[str, Any] = {"marker": marker, "color": color, "ms": 9, "lw": 0}
            ax.plot([point.fill_rate], [point.investment], **look)
            entries.append(style.line_key(name, **look))
    ax.set_ylim(bottom=0)
    style.round_steps(ax, "y")
    style.percent(ax, "x")
    style.legend(ax, entries, columns=2)
    return ax


def around(found: Optimum) -> list[Point]:
    """The part of the curve that is drawn: that around the marks."""
    points = [p for p in (found.present, found.equal_target, found.reached) if p]
    left = 1 - BEYOND * (1 - min(each.fill_rate for each in points))
    right = 1 - (1 - max(each.fill_rate for each in points)) / 5
    inside = [each for each in found.curve if left <= each.fill_rate <= right]
    return inside if len(inside) > 1 else list(found.curve)


def _title(found: Optimum) -> str:
    """What the system optimum saves beside a target for each item."""
    saved = found.equal_target.investment - found.reached.investment
    if found.asked or saved < 0.005 * found.equal_target.investment:
        return "What service costs in stock, all items together"
    share = saved / found.equal_target.investment
    return f"As one system, the items serve as much with {100 * share:.2g} % less stock"
