"""Lead-time demand against the reorder point: the Type I area, and what is short."""

from __future__ import annotations

from collections.abc import Sequence

from simlevel import numbers
from simlevel.model.policy import RQ, BaseStock
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Artist, Axes
from simlevel.studies.demand_law import Chances, DemandLaw

LASTS, SHORT, ALONE = style.SKY, style.VERMILLION, style.BLACK
MOST_BARS = 80
VISIBLE = 1e-3
"""Chances below this, beside the largest, are cut off at both ends of the axis."""


def demand_law(law: DemandLaw, ax: Axes | None = None) -> Axes:
    """The chance of each amount asked for in a cycle, in percent over units.

    Up to the level no customer waits: that area is Type I. Beyond it lies what is short.
    Lead-time demand alone is drawn over it where undershoot makes a difference.
    """
    rule = law.scenario.policies[law.policy]
    share = f"{100 * law.lasts:.3g} %"
    title = f"{style.name(law.policy)}: stock lasts until the receipt in {share} of cycles"
    ax = style.axes(ax, title, _label(law), "probability, %", grid="y")
    first, last = _visible([law.asked, *([law.lead_time] if law.lead_time else [])], law.level)
    _bars(ax, law.asked, law.level)
    entries: list[Artist] = [style.patch_key(f"lasts: {share} (Type I)", LASTS)]
    short = f"short: {law.short:.3g} units a cycle"
    entries.append(style.patch_key(short, SHORT))
    if law.lead_time:
        ax.step(
            law.lead_time.amounts, law.lead_time.probabilities, where="mid", color=ALONE, lw=1.1
        )
        entries.append(style.line_key("lead-time demand alone", ALONE, lw=1.1))
    symbol = "S" if isinstance(rule, BaseStock) else "r" if isinstance(rule, RQ) else "s"
    ax.axvline(law.level, color=style.BLACK, lw=1.2, ls=(0, (2, 1)))
    style.beside(ax, law.level, f"{symbol} = {numbers.short(law.level)}")
    ax.set_xlim(first, last)
    _top(ax, law)
    style.percent(ax, "y")
    style.round_steps(ax, "x")
    style.legend(ax, entries, columns=3)
    return ax


def _label(law: DemandLaw) -> str:
    if isinstance(law.scenario.policies[law.policy], BaseStock):
        return "demand from the order up to S to the next receipt, units"
    if law.lead_time:
        return "undershoot and demand of the lead time, units"
    return "demand of the lead time, units"


def _bars(ax: Axes, law: Chances, level: float) -> None:
    """Bars while they can be told apart, else the area of them."""
    step = law.amounts[1] - law.amounts[0] if len(law.amounts) > 1 else 1.0
    for color, there in ((LASTS, True), (SHORT, False)):
        part = [each for each in zip(law.amounts, law.probabilities, strict=True)
                if (each[0] <= level) is there]  # fmt: skip
        if part:
            amounts, chances = zip(*part, strict=True)
            narrow = len(law.amounts) > MOST_BARS
            ax.bar(amounts, chances, step if narrow else 0.85 * step, color=color, lw=0)


def _top(ax: Axes, law: DemandLaw) -> None:
    """Room above the bars; what of lead-time demand alone goes beyond has its height written."""
    most = max(law.asked.probabilities)
    alone = law.lead_time or law.asked
    ax.set_ylim(0, 1.15 * min(max(most, *alone.probabilities), 1.4 * most))
    for amount, chance in zip(alone.amounts, alone.probabilities, strict=True):
        if chance > ax.get_ylim()[1]:
            style.beside(ax, amount, f"{100 * chance:.3g} % at {numbers.short(amount)}", ALONE)


def _visible(laws: Sequence[Chances], level: float) -> tuple[float, float]:
    """From the first to the last amount worth drawing, with the level among them."""
    shown = [level]
    for law in laws:
        least = VISIBLE * max(law.probabilities)
        shown += [amount for amount, chance in zip(law.amounts, law.probabilities, strict=True)
                  if chance >= least]  # fmt: skip
    room = 0.04 * (max(shown) - min(shown)) + 0.6
    return min(shown) - room, max(shown) + room
