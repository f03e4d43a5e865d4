"""How an estimate settles over replications; and the start that a run cuts off."""

from __future__ import annotations

from collections.abc import Sequence

from simlevel import numbers, words
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Axes
from simlevel.studies.convergence import Convergence, Start
from simlevel.theory.answer import Answer

ESTIMATE, EXACT = style.BLUE, style.BLACK


def convergence(found: Convergence, ax: Axes | None = None) -> Axes:
    """The estimate and its interval after so many replications, and the exact value."""
    measure = words.measure(found.measure)
    label = style.labelled(measure, found.scenario.time_unit)
    ax = style.axes(ax, _title(found), "replications", label)
    every = list(zip(found.replications, found.estimates, strict=True))
    seen = [(n, each.estimate) for n, each in every if each.estimate is not None]
    band = [(n, each.low, each.high) for n, each in every
            if each.low is not None and each.high is not None]  # fmt: skip
    if band:
        counts, low, high = zip(*band, strict=True)
        ax.fill_between(counts, low, high, color=ESTIMATE, alpha=0.18, lw=0)
    counted, values = [n for n, _ in seen], [value for _, value in seen]
    ax.plot(counted, values, color=ESTIMATE, lw=1.5, marker="o", ms=3)
    confidence = numbers.share(found.scenario.simulation.confidence)
    entries = [
        style.line_key("estimate", ESTIMATE, lw=1.5, marker="o", ms=3),
        style.patch_key(f"{confidence} interval", ESTIMATE, 0.18),
    ]
    if found.analytic:
        kind = "exact" if found.analytic.exact else "approximation"
        ax.axhline(found.analytic.value, color=EXACT, lw=1.1, ls=(0, (4, 1.5)))
        entries.append(style.line_key(kind, EXACT, lw=1.1, ls=(0, (4, 1.5))))
    _view(ax, values, band, found.analytic)
    ax.set_xlim(0, found.replications[-1] + 0.5)
    style.whole(ax, "x")
    if measure.is_share:
        style.percent(ax, "y")
    style.legend(ax, entries)
    return ax


def start(found: Start, ax: Axes | None = None) -> Axes:
    """Mean net inventory from time 0 on, with its interval; what is cut off is shaded."""
    unit = found.scenario.time_unit
    time = style.duration(found.warmup, unit)
    title = f"{style.name(found.policy)}: counting begins after {time}" if found.warmup else (
        f"{style.name(found.policy)}: nothing is cut off")  # fmt: skip
    ax = style.axes(ax, title, style.time_unit(unit), "mean net inventory, units")
    ax.fill_between(found.edges, [*found.low, found.low[-1]], [*found.high, found.high[-1]],
                    step="post", color=ESTIMATE, alpha=0.18, lw=0)  # fmt: skip
    ax.stairs(found.means, found.edges, baseline=None, color=ESTIMATE, lw=1.4)
    if found.warmup:
        ax.axvspan(0, found.warmup, color=style.BLACK, alpha=0.08, lw=0)
        ax.axvline(found.warmup, color=style.BLACK, lw=1.1)
    ax.set_xlim(0, found.edges[-1])
    style.round_steps(ax, "x")
    confidence = numbers.share(found.scenario.simulation.confidence)
    replications = found.scenario.simulation.replications
    style.legend(ax, [
        style.line_key(f"mean of {replications} replications", ESTIMATE, lw=1.4),
        style.patch_key(f"{confidence} interval", ESTIMATE, 0.18),
        *([style.patch_key("warm-up, not counted", style.BLACK, 0.08)] if found.warmup else []),
    ])  # fmt: skip
    return ax


def _view(
    ax: Axes,
    values: Sequence[float],
    band: Sequence[tuple[int, float, float]],
    analytic: Answer | None,
) -> None:
    """All estimates, and the intervals but the first few: those of two or three replications
    are so wide that nothing else would be seen."""
    shown = [*values, *([analytic.value] if analytic else [])]
    for _, low, high in band[len(band) // 4 :]:
        shown += [low, high]
    room = 0.08 * (max(shown) - min(shown)) if shown else 0.0
    if room:
        ax.set_ylim(min(shown) - room, max(shown) + room)


def _title(found: Convergence) -> str:
    last, measure = found.estimates[-1], words.measure(found.measure)
    if last.estimate is None:
        title = style.title_of(measure, found.scenario.time_unit)
        return f"{style.name(found.policy)}: {title} was not observed"
    value = numbers.estimate(measure, last.estimate, last.low, last.high)
    many = f"{found.replications[-1]} replication{'' if found.replications[-1] == 1 else 's'}"
    return f"{style.name(found.policy)} after {many}: {value}"
