"""The tables that people read in a terminal, 80 columns wide or more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import __version__, numbers, words
from simlevel.estimation.comparison import Best, Difference
from simlevel.estimation.estimate import weights
from simlevel.model.fields import singular
from simlevel.model.scenario import Scenario
from simlevel.reports.window_table import window_tables
from simlevel.studies.result import MeasureResult, PolicyResult, Protection, Result, Run
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
    for measure in result.scenario.measure_words():
        shown = [result.policies[name].measures[measure.name] for name in names]
        if any(map(_has_something, shown)) and not _is_nothing(measure, result.scenario):
            label = _label(measure, result.scenario.time_unit)
            table.add_row(label, *(_cell(measure, each) for each in shown))
    return table


def _grid(first: str, names: Sequence[str], cell: int = CELL, label: int = LABEL) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    table.add_column(first, width=label - 1)
    for name in names:
        table.add_column(Text(name), width=cell - 1, overflow="fold")
    return table


def _is_nothing(measure: words.Measure, scenario: Scenario) -> bool:
    """Nothing is lost under backorders or owed under lost sales; nor is a cost that is free."""
    totals = [total for total, weight in weights(measure, scenario).items() if weight]
    never = "area_backorders" if scenario.lost_sales else "units_lost"
    return not totals or totals == [never]


def _has_something(result: MeasureResult) -> bool:
    """Measures that are not defined here have no row."""
    return bool(result.estimate is not None or result.analytic or result.target)


def _label(measure: words.Measure, time_unit: str) -> Text:
    text = Text(measure.title)
    if measure.name.startswith("served_within"):
        one = measure.title.endswith(" 1")
        text.append(f" {singular(time_unit)}{'' if one else 's'}")
    unit = numbers.unit_of(measure, singular(time_unit))
    if unit:
        text.append(f", {unit}", style="dim")
    return text


def _cell(measure: words.Measure, result: MeasureResult) -> Text:
    """The estimate and its interval; under it the exact value, and the target."""
    return Text("\n").join(_lines(measure, result))


def _lines(measure: words.Measure, result: MeasureResult) -> Iterator[Text]:
    half = None
    if result.low is not None and result.high is not None:
        half = (result.high - result.low) / 2
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
    target = result.target
    assert target is not None
    asked = numbers.share(target.asked) if measure.is_share else numbers.short(target.asked)
    line = Text(f"target {asked}")
    verdict = target.verdict
    if verdict is None and result.analytic:
        value = result.analytic.value
        reached = value >= target.asked if measure.at_least else value <= target.asked
        verdict = "met" if reached else "missed"
    if verdict:
        line.append(f" {verdict}", style=STYLES[verdict])
    return line


# --- differences -----------------------------------------------------------------------------


def _differences(result: Result, names: Sequence[str], width: int) -> Table:
    assert result.differences is not None
    label = LABEL + 6
    table = _grid(f"less {result.baseline}", names, (width - label) // len(names), label)
    shown = {name for each in result.differences.values() for name in each}
    for measure in result.scenario.measure_words():
        if measure.name in shown and not _is_the_same(result, names, measure):
            cells = [_difference(result, name, measure) for name in names]
            table.add_row(_difference_label(measure, result.scenario.time_unit), *cells)
    return table


def _is_the_same(result: Result, names: Sequence[str], measure: words.Measure) -> bool:
    """The same customers ask for the same: no row says so."""
    found = [(result.differences or {})[name].get(measure.name) for name in names]
    return all(each is None or each.low == each.high == 0 for each in found)


def _difference_label(measure: words.Measure, time_unit: str) -> Text:
    label = _label(measure, time_unit)
    return label.append(", points", style="dim") if measure.is_share else label


def _difference(result: Result, name: str, measure: words.Measure) -> Text:
    found = (result.differences or {})[name].get(measure.name)
    if found is None:
        return Text("-", style="dim")
    text = Text(numbers.difference(measure, found.estimate, found.low, found.high))
    text.append(f" {found.verdict}", style=STYLES.get(found.verdict, "bold"))
    return text.append(f"\n{_would_tell(found)}", style="dim") if _is_open(found) else text


def _is_open(found: Difference) -> bool:
    return found.verdict == "cannot tell" and found.high > found.low


def _would_tell(found: Difference) -> str:
    if found.replications_to_tell is not None:
        return f"about {numbers.about(found.replications_to_tell)} replications would tell"
    return "too few stockouts to compare" if found.note else "no difference worth looking for"


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
    lines = [*_notes(result), *_clock(result), *_reproduce(result)]
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


def _notes(result: Result) -> Iterator[str]:
    notes: dict[str, list[str]] = {}
    for policy in result.policies.values():
        for name, each in policy.measures.items():
            undefined = result.scenario.undefined(words.measure(name))
            if each.note and not undefined and name not in notes.setdefault(each.note, []):
                notes[each.note].append(name)
    for note, names in notes.items():
        yield f"{note}: {', '.join(names)}"
    verdicts = {m.verdict for p in result.policies.values() for m in p.measures.values()}
    if "inconclusive" in verdicts:
        yield "inconclusive: nothing against the exact value, but the interval is still wide"
    for reason in dict.fromkeys(p.no_theory for p in result.policies.values() if p.no_theory):
        yield f"no exact value: {reason}"


def _clock(result: Result) -> Iterator[str]:
    yield f"within one instant: {', '.join(result.scenario.clock.sequence)}"
    for name, policy in result.policies.items():
        yield f"{name}: {_policy(policy)}; {_protection(policy.protection, result.scenario)}"


def _policy(policy: PolicyResult) -> str:
    symbols = {
        "reorder_point": "s" if policy.policy.kind == "sS" else "r",
        "order_quantity": "Q",
        "order_up_to": "S",
        "minimum_order": "at least",
        "order_multiple": "in multiples of",
    }
    parts = [
        f"{symbols[key]} {numbers.short(value)}"
        for key, value in policy.parameters.items()
        if key in symbols
    ]
    return f"{policy.policy.kind} {', '.join(parts)}".strip()


def _protection(protection: Protection, scenario: Scenario) -> str:
    unit, lead = singular(scenario.time_unit), numbers.short(protection.lead_time)
    mean = "" if scenario.lead_time.distribution.variance() == 0 else "mean "
    if protection.review_period is None:
        text = f"continuous review, covers {mean}L = {lead} {unit}s"
    else:
        review = numbers.short(protection.review_period)
        whole = numbers.short(protection.interval)
        text = f"covers {mean}L + R = {lead} + {review} = {whole} {unit}s"
    if protection.demand_instants is not None:
        instants = protection.demand_instants
        text += f", {instants} demand instant{'' if instants == 1 else 's'}"
    return text


def _reproduce(result: Result) -> Iterator[str]:
    if result.run is None:
        yield f"simlevel {__version__}"
    else:
        yield from reproduce(result.run, result.scenario)


def reproduce(run: Run, scenario: Scenario) -> Iterator[str]:
    """What it takes to get the same numbers again."""
    unit = singular(scenario.time_unit)
    yield (
        f"{run.replications} replications of {numbers.short(run.horizon)} {unit}s after a warm-up "
        f"of {numbers.short(run.warmup)}; intervals at {numbers.share(run.confidence)}"
    )
    yield f"seed {run.seed}, engine {run.engine}, simlevel {__version__}"


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
