"""The service curve: Type I, Type II and ready rate over a key of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from simlevel import numbers, words
from simlevel.errors import InputError
from simlevel.model.fields import singular
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Artist, Axes
from simlevel.studies.result import MeasureResult
from simlevel.studies.sweep import Sweep

TARGET = (0, (1, 1.5))
DASHES: tuple[Any, ...] = ("-", "-", (0, (5, 2)))
"""Where fill rate and ready rate are one, both are seen."""
SHOWN = ("cycle_service_level", "fill_rate", "ready_rate")


def service_curve(
    sweep: Sweep,
    ax: Axes | None = None,
    policy: str | None = None,
    measures: Sequence[str] = SHOWN,
) -> Axes:
    """Shares of service of *policy* over the key that varies: exact line, simulated band, target.

    Left out, *policy* is the one that the key belongs to, else the first. Without an exact value
    the estimates are joined by a dotted line. Raises InputError unless one key varies, over
    numbers.
    """
    places = _places(sweep)
    name = policy or _policy(sweep)
    if name not in sweep.points[0].policies:
        known = ", ".join(sweep.points[0].policies)
        raise InputError(f"policy: expected one of {known}, found {name}")
    title = _title(sweep, name, measures)
    ax = style.axes(ax, title, _label(sweep), "share, %")
    entries: list[Artist] = []
    for place, measure in enumerate(measures):
        found = [point.policies[name].measures[measure] for point in sweep.points]
        color = style.PALETTE[place % 7]
        if _curve(ax, places, found, color, DASHES[place % 3]):
            titled = style.title_of(words.measure(measure), sweep.scenario.time_unit)
            entries.append(style.line_key(titled, color, lw=1.7, ls=DASHES[place % 3]))
        if (asked := sweep.scenario.targets.get(measure)) is not None:
            ax.axhline(asked, color=color, lw=1.2, ls=TARGET)
            label = f"{style.title_of(words.measure(measure), '').split(':')[0]} target"
            entries.append(
                style.line_key(f"{label}: {numbers.share(asked)}", color, lw=1.2, ls=TARGET)
            )
    if not entries:
        raise InputError("measures: expected measures that are known here, found none")
    if sweep.run.replications > 1:
        confidence = numbers.share(sweep.run.confidence)
        entries.append(style.patch_key(f"{confidence} interval", style.GREY, 0.25))
    style.percent(ax, "y")
    style.round_steps(ax, "x")
    ax.margins(x=0.02)
    style.legend(ax, entries, columns=3)
    return ax


def _places(sweep: Sweep) -> list[float]:
    if len(sweep.keys) != 1:
        found = ", ".join(sweep.keys)
        raise InputError(f"--vary: expected one key for a picture, found {found}")
    places = [point.values[sweep.keys[0]] for point in sweep.points]
    if not all(isinstance(place, (int, float)) for place in places) or len(set(places)) < 2:
        raise InputError("--vary: expected two numbers or more for a picture, found none")
    return [float(place) for place in places]


def _policy(sweep: Sweep) -> str:
    """The policy that the key is a parameter of; else the first."""
    names = list(sweep.points[0].policies)
    return next((name for name in names if sweep.keys[0].startswith(f"policies.{name}.")), names[0])


def _label(sweep: Sweep) -> str:
    """The key, with its unit where it has one."""
    key = sweep.keys[0].split("+")[0]
    last = key.split(".")[-1]
    if last in UNITS:
        return f"{UNITS[last]}, units"
    unit = style.name(singular(sweep.scenario.time_unit))
    if last == "review_period" or key in ("lead_time.value", "lead_time.mean"):
        return f"{'review period' if last == 'review_period' else 'lead time'}, {unit}s"
    return style.name(key, 60)


UNITS = {
    "reorder_point": "reorder point", "order_quantity": "order quantity",
    "order_up_to": "order-up-to level", "minimum_order": "minimum order",
    "order_multiple": "order multiple",
}  # fmt: skip


def _curve(
    ax: Axes, places: Sequence[float], found: Sequence[MeasureResult], color: str, dashes: Any
) -> bool:
    """Whether there was anything to draw."""
    every = sorted(zip(places, found, strict=True), key=lambda each: each[0])
    band = [(place, each.low, each.high) for place, each in every
            if each.low is not None and each.high is not None]  # fmt: skip
    exact = [(place, each.analytic.value) for place, each in every
             if each.analytic and each.analytic.exact]  # fmt: skip
    seen = [(place, each.estimate) for place, each in every if each.estimate is not None]
    if band:
        at, low, high = zip(*band, strict=True)
        ax.fill_between(at, low, high, color=color, alpha=0.25, lw=0)
    solid = len(exact) == len(every)
    line = exact if solid else seen
    if line:
        at, values = zip(*line, strict=True)
        ax.plot(at, values, color=color, lw=1.7, ls=dashes if solid else ":",
                marker=None if solid else "o", ms=3)  # fmt: skip
    return bool(line)


def _title(sweep: Sweep, policy: str, measures: Sequence[str]) -> str:
    """From where on the targets are met, as the verdicts say; without any what is shown."""
    key = _label(sweep).split(",")[0]
    who = style.name(policy)
    asked = [name for name in measures if name in sweep.scenario.targets]
    if not asked:
        return f"{who}: service over the {key}"
    every = [(place, _met([point.policies[policy].measures[name] for name in measures]))
             for place, point in zip(_places(sweep), sweep.points, strict=True)]  # fmt: skip
    after = list(takewhile(lambda each: each[1], sorted(every, reverse=True)))
    what = "its targets" if len(asked) > 1 else "its target"
    if after:
        return f"{who} meets {what} from {key} {numbers.short(after[-1][0])} on"
    many = sum(met for _, met in every)
    return f"{who} meets {what} at {many or 'none'} of {len(every)} points"


def _met(found: Sequence[MeasureResult]) -> bool:
    asked = [each.target.verdict for each in found if each.target]
    return bool(asked) and set(asked) == {"met"}
