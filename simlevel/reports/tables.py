"""The tables that people read in a terminal, 80 columns wide or more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import __version__, numbers, words
from simlevel.estimation.comparison import Best
from simlevel.model.fields import singular
from simlevel.reports import sentences
from simlevel.reports.window_table import window_tables
from simlevel.studies.result import MeasureResult, Result
from simlevel.theory.gap import Step

LABEL, CELL = 24, 27
"""Widths of the first column and of a policy's: two policies fit in 80 columns."""

STYLES = {
    "met": "green", "agrees": "green",
    "missed": "bold red", "disagrees": "bold red",
    "cannot tell": "yellow", "inconclusive": "yellow",
}  # fmt: skip


def result_table(result: Result, width: int = 80) -> RenderableType:
    """The whole answer: a heading, the measures of each policy, differences, the foot."""
    parts: list[RenderableType] = [_heading(result), ""]
    for names in _batches(list(result.policies), width):
        parts += [_measures(result, names), ""]
    parts += window_tables(result)
    if result.differences:
        for names in _batches(list(result.differences), width):
            parts += [_differences(result, names, width), ""]
    if result.best:
        parts += [*_best(result.best), ""]
    return Group(*parts, *foot(result))


def _batches(names: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    size = max(1, (width - LABEL) // CELL)
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _heading(result: Result) -> RenderableType:
    scenario = result.scenario
    lost = "lost sales" if scenario.lost_sales else "backorders"
    title = Text(scenario.name, style="bold")
    if result.run is None:
        title.append("  (theory alone, nothing simulated)", style="dim")
    return Group(title, Text(f"{lost}; time in {singular(scenario.time_unit)}s", style="dim"))


# --- measures of policies --------------------------------------------------------------------


def _measures(result: Result, names: Sequence[str]) -> Table:
    table = _grid("measure", names)
    for measure in sentences.measures_shown(result, names):
        label = _label(measure, result.scenario.time_unit)
        shown = (result.policies[name].measures[measure.name] for name in names)
        table.add_row(label, *(_cell(measure, each) for each in shown))
    return table


def _grid(first: str, names: Sequence[str], cell: int = CELL, label: int = LABEL) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    table.add_column(first, width=label - 1)
    for name in names:
        table.add_column(Text(name), width=cell - 1, overflow="fold")
    return table


def _label(measure: words.Measure, time_unit: str) -> Text:
    text = Text(sentences.title_of(measure, time_unit))
    unit = numbers.unit_of(measure, singular(time_unit))
    if unit:
        text.append(f", {unit}", style="dim")
    return text


def _cell(measure: words.Measure, result: MeasureResult) -> Text:
    """The estimate and its interval; under it the exact value, and the target."""
    return Text("\n").join(_lines(measure, result))


def _lines(measure: words.Measure, result: MeasureResult) -> Iterator[Text]:
    half = sentences.half_width(result)
    if result.estimate is not None:
        yield Text(numbers.estimate(measure, result.estimate, result.low, result.high))
    elif result.analytic is None:
        yield Text("-", style="dim")
    if result.analytic:
        kind = "exact" if result.analytic.exact else "approx."
        line = Text(f"{kind} {numbers.exact(measure, result.analytic.value, half)}", style="dim")
        if not result.analytic.exact and result.estimate is not None:
            gap = 100 * (result.analytic.value - result.estimate)
            line.append(f" gap {gap:+.2f}")
        if result.verdict in STYLES:
            line.append(f" {result.verdict}", style=STYLES[result.verdict])
        yield line
    if result.target:
        yield _target(measure, result)


def _target(measure: words.Measure, result: MeasureResult) -> Text:
    assert result.target is not None
    line = Text(f"target {sentences.asked(measure, result.target.asked)}")
    if verdict := sentences.target_verdict(measure, result):
        line.append(f" {verdict}", style=STYLES[verdict])
    return line


# --- differences -----------------------------------------------------------------------------


def _differences(result: Result, names: Sequence[str], width: int) -> Table:
    assert result.differences is not None
    label = LABEL + 6
    table = _grid(f"less {result.baseline}", names, (width - label) // len(names), label)
    for measure in sentences.measures_compared(result, names):
        cells = [_difference(result, name, measure) for name in names]
        table.add_row(_difference_label(measure, result.scenario.time_unit), *cells)
    return table


def _difference_label(measure: words.Measure, time_unit: str) -> Text:
    label = _label(measure, time_unit)
    return label.append(", points", style="dim") if measure.is_share else label


def _difference(result: Result, name: str, measure: words.Measure) -> Text:
    found = (result.differences or {})[name].get(measure.name)
    if found is None:
        return Text("-", style="dim")
    text = Text(numbers.difference(measure, found.estimate, found.low, found.high))
    text.append(f" {found.verdict}", style=STYLES.get(found.verdict, "bold"))
    if not sentences.is_open(found):
        return text
    return text.append(f"\n{sentences.would_tell(found)}", style="dim")


# --- the best --------------------------------------------------------------------------------


def _best(best: Best) -> Iterator[Text]:
    """Which policies may be best, and how far behind the others may be."""
    confidence = numbers.share(best.confidence)
    head = Text(f"{best.direction} {best.measure}, at {confidence}: ", style="bold")
    yield head.append(" or ".join(best.policies), style="green")
    measure = words.measure(best.measure)
    scale, unit = (100.0, " points") if measure.is_share else (1.0, "")
    for name, (_, most) in best.behind.items():
        if most > 0:
            far = f"{numbers.plain(scale * most, numbers.digits(scale * most, 0))}{unit}"
            yield Text(f"  {name}: at most {far} behind the best of the others", style="dim")


# --- the foot --------------------------------------------------------------------------------


def foot(result: Result) -> list[RenderableType]:
    """Notes, the clock, and what it takes to get the same numbers again."""
    lines = [*sentences.notes(result), *_clock(result), *_reproduce(result)]
    parts = [part for line in lines for part in _wrapped(line)]
    return [Text(part, style="dim") for part in parts]


def _wrapped(line: str) -> Iterator[str]:
    """A line that is too long is broken after a semicolon, rather than anywhere."""
    first, mark, rest = line.partition("; ")
    if len(line) <= 80 or not mark:
        yield line
    else:
        yield f"{first};"
        yield f"  {rest}"


def _clock(result: Result) -> Iterator[str]:
    yield f"within one instant: {', '.join(result.scenario.clock.sequence)}"
    for name, policy in result.policies.items():
        covers = sentences.protection(policy.protection, result.scenario)
        yield f"{name}: {sentences.policy(policy)}; {covers}"


def _reproduce(result: Result) -> Iterator[str]:
    if result.run is None:
        yield f"simlevel {__version__}"
    else:
        yield from sentences.reproduce(result.run, result.scenario)


# --- why the textbook is off -----------------------------------------------------------------


def why_table(steps: Mapping[str, Mapping[str, Sequence[Step]]]) -> RenderableType:
    """From the textbook's value to the best one: what each assumption takes or gives."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    table.add_column("from the textbook", width=22)
    for title in ("value", "change"):
        table.add_column(title, justify="right", width=10)
    table.add_column("because", width=34)
    for policy, measures in steps.items():
        for measure, found in measures.items():
            if found:
                title = words.MEASURES[measure].title
                table.add_row(Text(f"{policy}, {title}", style="bold"))
                _add_steps(table, found)
    return table


def _add_steps(table: Table, steps: Sequence[Step]) -> None:
    for step in steps:
        value = f"{100 * step.value:.3f} %"
        change = f"{100 * step.change:+.3f}" if step.change or step is not steps[0] else ""
        table.add_row(step.name, value, change, Text(step.cause, style="dim"))
    total = 100 * (steps[-1].value - steps[0].value)
    table.add_row("in all", "", f"{total:+.3f}", "")
