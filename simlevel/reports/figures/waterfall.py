"""The gap from the textbook's value to the exact one, an assumption a step."""

from __future__ import annotations

from collections.abc import Sequence

from simlevel import words
from simlevel.errors import InputError
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Axes
from simlevel.theory.gap import Step

UP, DOWN, ENDS = style.BLUE, style.VERMILLION, style.GREY


def waterfall(
    steps: Sequence[Step],
    ax: Axes | None = None,
    *,
    measure: str = "fill_rate",
    policy: str = "",
    end: str = "best value",
) -> Axes:
    """From the plain textbook value on top to the best one below, a bar an assumption switched.

    *steps* are those of ``why(result)[policy][measure]``; shares in percent, changes in
    percentage points. *end* names the last value: exact, or simulated. Raises InputError where
    there are no steps.
    """
    if not steps:
        raise InputError(f"{measure}: expected steps from a textbook value, found none")
    first, last = steps[0], steps[-1]
    meaning = style.title_of(words.measure(measure), "")
    ax = style.axes(ax, _title(steps, policy), f"{meaning}, %", "", grid="x")
    _bar(ax, 0, None, first.value, ENDS, f"{100 * first.value:.2f} %")
    for row, step in enumerate(steps[1:], 1):
        before = steps[row - 1].value
        color = UP if step.change >= 0 else DOWN
        _bar(ax, row, before, step.value, color, style.change(step.change))
        ax.plot([before, before], [row - 1, row], color=style.GREY, lw=0.8, zorder=1)
    end_row = len(steps)
    ax.plot([last.value] * 2, [end_row - 1, end_row], color=style.GREY, lw=0.8, zorder=1)
    _bar(ax, end_row, None, last.value, ENDS, f"{100 * last.value:.2f} %")
    style.rows(ax, ["textbook", *(step.name for step in steps[1:]), end])
    _room(ax, [step.value for step in steps])
    style.percent(ax, "x")
    return ax


def _title(steps: Sequence[Step], policy: str) -> str:
    """What the formula is off by, and what most of it is due to."""
    gap = steps[0].value - steps[-1].value
    far = f"{100 * abs(gap):.2f} points too {'high' if gap > 0 else 'low'}"
    whose = f"{style.name(policy)}: the" if policy else "The"
    if len(steps) < 2 or abs(gap) < 5e-5:
        return f"{whose} textbook is close"
    most = max(steps[1:], key=lambda step: abs(step.change))
    named = f", mostly {most.name}" if most.name != "rest" else ""
    return f"{whose} textbook is {far}{named}"


def _bar(ax: Axes, row: int, before: float | None, after: float, color: str, label: str) -> None:
    """A step from *before* to *after*; a value that steps start from or end at is a mark."""
    if before is None:
        ax.plot([after], [row], "D", color=color, ms=7)
        right = after
    else:
        ax.barh(row, after - before, left=before, height=0.55, color=color, lw=0)
        right = max(before, after)
    ax.annotate(label, (right, row), (7, 0), textcoords="offset points", va="center", fontsize=9)


def _room(ax: Axes, values: Sequence[float]) -> None:
    """Room for the labels right of the bars."""
    low, high = min(values), max(values)
    width = (high - low) or 0.01
    ax.set_xlim(low - 0.08 * width, high + 0.22 * width)
