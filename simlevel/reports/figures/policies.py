"""Policies side by side, with intervals and targets; and how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from simlevel import words
from simlevel.errors import InputError
from simlevel.estimation.comparison import Difference
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Axes
from simlevel.studies.result import MeasureResult, Result

SHOWN = (
    "cycle_service_level", "period_service_level", "fill_rate", "lead_time_fill_rate",
    "order_fill_rate", "ready_rate",
)  # fmt: skip
"""Shares of service; those with a target, and the served-within measures, are shown too."""
SPREAD = 0.56
"""Of a row, that the policies in it take."""


def policies(result: Result, ax: Axes | None = None, measures: Sequence[str] | None = None) -> Axes:
    """A row a measure, a mark a policy: estimate, interval, exact value and target.

    *measures* have one unit; shares of service if left out. Without a simulation the exact
    values alone are drawn; a measure that no policy has is left out. Raises InputError for
    measures of several units, and where nothing is left.
    """
    shown = rows(result, measures)
    unit = result.scenario.time_unit
    share = shown[0].is_share
    label = "share, %" if share else _unit(shown[0], unit)
    ax = style.axes(ax, _title(result, shown), label, "", grid="x")
    for place, name in enumerate(result.policies):
        color, marker = style.look(place)
        offset = _offset(place, len(result.policies))
        for row, measure in enumerate(shown):
            found = result.policies[name].measures[measure.name]
            _mark(ax, row + offset, found, color, marker)
    for row, measure in enumerate(shown):
        _target(ax, result, measure, row)
    style.rows(ax, [style.title_of(measure, unit) for measure in shown])
    for above, _ in pairwise(range(len(shown))):
        ax.axhline(above + 0.5, color=style.LIGHT, lw=0.7)
    if share:
        style.percent(ax, "x")
    _keys(ax, result, shown)
    return ax


def differences(
    result: Result, ax: Axes | None = None, measures: Sequence[str] | None = None
) -> Axes:
    """Each policy less the baseline, with simultaneous intervals; coloured where they tell.

    Shares differ by percentage points. Raises InputError where nothing was compared.
    """
    if not result.differences:
        raise InputError("expected two policies or more that were simulated, found none to compare")
    found = result.differences
    compared = [
        m for m in result.scenario.measure_words() if any(m.name in d for d in found.values())
    ]
    shown = [m for m in compared if (m.name in measures if measures is not None else m.is_share)]
    share = bool(shown) and shown[0].is_share
    if not shown or len({measure.unit for measure in shown}) > 1:
        raise InputError("measures: expected measures that were compared, of one unit")
    unit = result.scenario.time_unit
    label = "percentage points" if share else _unit(shown[0], unit)
    title = _difference_title(result, [measure.name for measure in shown])
    ax = style.axes(ax, title, f"difference, {label}", "", grid="x")
    ax.axvline(0, color=style.BLACK, lw=0.9)
    for place, each in enumerate(found.values()):
        offset = _offset(place, len(found))
        for row, measure in enumerate(shown):
            if measure.name in each:
                _difference(ax, row + offset, each[measure.name], style.look(place)[1])
    style.rows(ax, [style.title_of(measure, unit) for measure in shown])
    if share:
        style.points(ax, "x")
    marks = [style.line_key(style.name(name), style.GREY, marker=style.look(n)[1], lw=0)
             for n, name in enumerate(found)] if len(found) > 1 else []  # fmt: skip
    verdicts = {d.verdict for each in found.values() for n, d in each.items()
                if n in {measure.name for measure in shown}}  # fmt: skip
    colors = [style.line_key(f"{verdict} than {style.name(str(result.baseline))}"
                             if verdict != "cannot tell" else verdict, color, lw=2)
              for verdict, color in VERDICTS.items() if verdict in verdicts]  # fmt: skip
    style.legend(ax, [*marks, *colors])
    return ax


VERDICTS = {"higher": style.BLUE, "lower": style.VERMILLION, "cannot tell": style.GREY}


def rows(result: Result, names: Sequence[str] | None = None) -> list[words.Measure]:
    """The measures that :func:`policies` has a row for."""
    every = result.scenario.measure_words()
    if names is None:
        wanted = [m for m in every if m.is_share and (m.name in SHOWN or _is_asked(result, m))]
    else:
        wanted = [measure for measure in every if measure.name in names]
    shown = [measure for measure in wanted if _is_known(result, measure)]
    if not shown:
        raise InputError("measures: expected measures that are known here, found none")
    if len({measure.unit for measure in shown}) > 1:
        units = ", ".join(dict.fromkeys(measure.unit for measure in shown))
        raise InputError(f"measures: expected one unit on one axis, found {units}")
    return shown


def _is_asked(result: Result, measure: words.Measure) -> bool:
    return measure.name in result.scenario.targets or measure.name.startswith("served_within")


def _is_known(result: Result, measure: words.Measure) -> bool:
    each = (policy.measures[measure.name] for policy in result.policies.values())
    return any(found.estimate is not None or found.analytic is not None for found in each)


def _unit(measure: words.Measure, time_unit: str) -> str:
    return "share, %" if measure.is_share else style.labelled(measure, time_unit)


def _offset(place: int, count: int) -> float:
    return SPREAD * ((place + 0.5) / count - 0.5)


def _mark(ax: Axes, y: float, found: MeasureResult, color: str, marker: str) -> None:
    """The interval as a line, the estimate as a mark, the derived value as a stroke."""
    if found.low is not None and found.high is not None:
        ax.plot(
            [found.low, found.high], [y, y], color=color, lw=3, alpha=0.45, solid_capstyle="butt"
        )
    if found.estimate is not None:
        ax.plot([found.estimate], [y], marker, color=color, ms=5)
    if found.analytic is not None:
        look = style.BLACK if found.analytic.exact else style.GREY
        ax.plot([found.analytic.value], [y], **style.stroke(look))


def _target(ax: Axes, result: Result, measure: words.Measure, row: int) -> None:
    if (asked := result.scenario.targets.get(measure.name)) is not None:
        ax.plot([asked, asked], [row - 0.42, row + 0.42], **style.TARGET)


def _keys(ax: Axes, result: Result, shown: Sequence[words.Measure]) -> None:
    alone = result.run is None
    entries = [
        style.line_key(style.name(name), style.look(n)[0], marker=style.look(n)[1], lw=0)
        for n, name in enumerate(result.policies)
        if not alone
    ]
    each = [p.measures[m.name].analytic for p in result.policies.values() for m in shown]
    if any(answer and answer.exact for answer in each):
        entries.append(style.line_key("exact", **style.stroke(style.BLACK)))
    if any(answer and not answer.exact for answer in each):
        entries.append(
            style.line_key("approximation", style.GREY, marker="|", lw=0, ms=10, mew=1.3)
        )
    if any(measure.name in result.scenario.targets for measure in shown):
        entries.append(style.line_key("target", **style.TARGET))
    style.legend(ax, entries)


def _title(result: Result, shown: Sequence[words.Measure]) -> str:
    """What the targets come to, in words; without any the scenario's name."""
    unit = result.scenario.time_unit
    verdicts = {
        name: {style.title_of(measure, unit).split(":")[0]: found.target.verdict
               for measure in shown
               if (found := policy.measures[measure.name]).target and found.target.verdict}
        for name, policy in result.policies.items()
    }  # fmt: skip
    asked = next(iter(verdicts.values()))
    if not asked:
        of = f"{style.title_of(shown[0], unit)} of" if len(shown) == 1 else "Service of"
        return f"{of} each policy: {style.name(result.scenario.name, 40)}"
    if len(verdicts) == 1:
        return ", ".join(f"{title} {SAID[verdict]}" for title, verdict in asked.items())
    what = "every target" if len(asked) > 1 else "the target"
    met = [name for name, found in verdicts.items() if set(found.values()) == {"met"}]
    if len(met) in (0, len(verdicts)):
        return f"{'Every' if met else 'No'} policy meets {what}"
    return f"{style.listed(met)} meet{'s' if len(met) == 1 else ''} {what}"


SAID = {"met": "is met", "missed": "is missed", "cannot tell": "may be met or missed"}


def _difference(ax: Axes, y: float, found: Difference, marker: str) -> None:
    color = VERDICTS[found.verdict]
    ax.plot([found.low, found.high], [y, y], **style.interval(color))
    ax.plot([found.estimate], [y], marker, color=color, ms=5)


def _difference_title(result: Result, shown: Sequence[str]) -> str:
    """``proposed less current: 3 higher, 1 lower of 4``."""
    found = result.differences or {}
    baseline = style.name(str(result.baseline))
    if len(found) > 1:
        return f"What each policy changes, beside {baseline}"
    ((name, each),) = found.items()
    verdicts = [each[measure].verdict for measure in shown if measure in each]
    parts = [f"{verdicts.count(kind)} {'open' if kind == 'cannot tell' else kind}"
             for kind in VERDICTS if kind in verdicts]  # fmt: skip
    return f"{style.name(name)} less {baseline}: {', '.join(parts)} of {len(verdicts)}"
