"""Waiting times: the share of units delivered within W of being asked for."""

from __future__ import annotations

from simlevel import words
from simlevel.errors import InputError
from simlevel.model.fields import singular
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Axes
from simlevel.studies.result import MeasureResult, PolicyResult, Result


def waiting(result: Result, ax: Axes | None = None) -> Axes:
    """Share of units, in percent, over the wait W, in time units; a colour a policy.

    A line is exact; marks are estimates with their intervals, joined by a dotted line where
    nothing is exact. At W = 0 it is the fill rate. Raises InputError where the scenario asks
    for no waiting times.
    """
    within = sorted(set(result.scenario.measures.served_within))
    if not within:
        raise InputError("expected [measures] served_within, found no waiting times")
    unit = style.name(singular(result.scenario.time_unit))
    ax = style.axes(ax, _title(result), f"wait after asking, {unit}s", "units delivered by then, %")
    entries, kinds = [], set[str]()
    for place, (name, policy) in enumerate(result.policies.items()):
        color, marker = style.look(place)
        steps = "steps-post" if result.scenario.demand.is_periodic else "default"
        kinds |= _policy(ax, within, policy, color, marker, steps)
        entries.append(style.line_key(style.name(name), color, marker=marker, lw=1.6, ms=4))
    style.percent(ax, "y")
    style.round_steps(ax, "x")
    ax.set_xlim(-0.02 * within[-1], 1.02 * within[-1])
    if kinds == {"exact", "simulated"}:
        entries.append(style.line_key("exact", style.GREY, lw=1.6))
        entries.append(style.line_key("simulated", style.GREY, lw=0, marker="o", ms=4))
    style.legend(ax, entries)
    return ax


def _policy(
    ax: Axes, within: list[float], policy: PolicyResult, color: str, marker: str, steps: str
) -> set[str]:
    """The kinds of values that were drawn."""
    found = {0.0: policy.measures["fill_rate"]}
    found |= {wait: policy.measures[words.served_within(wait).name] for wait in within}
    exact = {wait: each.analytic.value for wait, each in found.items()
             if each.analytic and each.analytic.exact}  # fmt: skip
    seen = {wait: each.estimate for wait, each in found.items() if each.estimate is not None}
    if len(exact) > 1:
        ax.plot(list(exact), list(exact.values()), color=color, lw=1.6, drawstyle=steps)
    if seen:
        ax.plot(list(seen), list(seen.values()), marker, color=color, ms=4, lw=0.8,
                ls="none" if len(exact) > 1 else ":", drawstyle=steps)  # fmt: skip
        _intervals(ax, found, color)
    return {*(["exact"] if len(exact) > 1 else []), *(["simulated"] if seen else [])}


def _intervals(ax: Axes, found: dict[float, MeasureResult], color: str) -> None:
    for wait, each in found.items():
        if each.low is not None and each.high is not None:
            ax.plot([wait, wait], [each.low, each.high], **style.interval(color))


def _title(result: Result) -> str:
    return f"How long customers wait: {style.name(result.scenario.name, 34)}"
