"""A history's quantities, with the fitted law over them."""

from __future__ import annotations

from simlevel.reports.figures import style
from simlevel.reports.figures.style import Axes
from simlevel.studies.fit import Fitting

RECORDED, LAW = style.SKY, style.VERMILLION


def fitted(fitting: Fitting, ax: Axes | None = None) -> Axes:
    """The share of periods that asked for so much, in percent over units, and the model's.

    Periods without demand have no bar, since where they are many nothing else could be seen: the
    legend says how many they are, in the history and by the model.
    """
    shares = fitting.shares()
    name = style.name(fitting.column)
    label = "demand of a period, units"
    ax = style.axes(ax, f"{name}: {fitting.chosen.name}", label, "share of periods, %", grid="y")
    left, width = shares.edges[:-1], shares.edges[1] - shares.edges[0]
    ax.bar(left, shares.recorded, 0.92 * width, align="edge", color=RECORDED, lw=0)
    ax.stairs(shares.fitted, shares.edges, color=LAW, lw=1.6, baseline=None)
    entries = [
        style.patch_key(f"history; no demand in {100 * shares.none_recorded:.3g} %", RECORDED),
        style.line_key(f"model; {100 * shares.none_fitted:.3g} %", LAW, lw=1.6),
    ]
    style.percent(ax, "y")
    style.round_steps(ax, "x")
    style.legend(ax, entries, columns=2)
    return ax
