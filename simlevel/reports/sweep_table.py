"""A sweep, for a terminal and for files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import numbers, words
from simlevel.errors import InputError
from simlevel.estimation.comparison import Difference
from simlevel.model.fields import singular
from simlevel.reports.files import csv_of, json_text, markdown_of, run_sheet, xlsx_of
from simlevel.reports.sentences import reproduce
from simlevel.reports.tables import STYLES
from simlevel.saving import write_whole
from simlevel.studies.result import MeasureResult
from simlevel.studies.sweep import Point, Sweep

_Maker: TypeAlias = Callable[[Sweep, words.Measure], list[list[Text]]]
"""The columns of one measure, each with its head first."""
SHOWN = ("cycle_service_level", "fill_rate", "cost_per_time", "mean_on_hand", "mean_backorders")
"""Measures of a terminal's table, as many as fit; those with a target go first."""


def sweep_table(sweep: Sweep, width: int = 80) -> RenderableType:
    """A row a policy at a point: the keys, then estimates with the exact value beside each.

    Then, with several policies, a row a difference to the baseline at a point.
    """
    parts: list[RenderableType] = [Text(sweep.scenario.name, style="bold"), ""]
    parts += [_table(sweep, list(_places(sweep)), _columns, width), ""]
    if sweep.baseline and any(point.differences for point in sweep.points):
        parts += [Text(f"less {sweep.baseline}", style="bold")]
        parts += [_table(sweep, list(_others(sweep)), _less, width), ""]
    return Group(*parts, *_foot(sweep))


def write_sweep(sweep: Sweep, path: Path) -> None:
    """Write the tidy table, or the JSON document, as the ending of *path* says.

    Raises InputError for an ending that is not known, or where it cannot be written.
    """
    make = _MAKERS.get(path.suffix.lower())
    if make is None:
        kinds, found = ", ".join(_MAKERS), path.suffix or "none"
        raise InputError(f"-o {path}: expected an ending of {kinds}, found {found}")
    write_whole(path, make(sweep))


def _table(sweep: Sweep, places: list[list[Text]], made: _Maker, width: int) -> Table:
    """As many measures as fit beside *places*, and one if none does."""
    columns = places
    for number, measure in enumerate(_measures(sweep)):
        more = made(sweep, measure)
        if _width([*columns, *more]) > width:
            if number > 0:
                break
            more = more[:2]  # without the verdict on the target
        columns = [*columns, *more]
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for head, *cells in columns:
        justify: JustifyMethod = "right" if cells and cells[0].justify == "right" else "left"
        table.add_column(head, justify=justify, overflow="fold")
    for row in zip(*(cells for _, *cells in columns), strict=True):
        table.add_row(*row)
    return table


def _width(columns: list[list[Text]]) -> int:
    return sum(max(cell.cell_len for cell in column) + 1 for column in columns)


def _places(sweep: Sweep) -> Iterator[list[Text]]:
    """A column a key, its head first; and the policies where there are several."""
    for key in sweep.keys:
        values = [str(point.values[key]) for point in sweep.points for _ in point.policies]
        yield [Text(_short(key)), *map(Text, values)]
    if len(sweep.scenario.policies) > 1:
        names = [name for point in sweep.points for name in point.policies]
        yield [Text("policy"), *map(Text, names)]


def _others(sweep: Sweep) -> Iterator[list[Text]]:
    """The same, of the policies that are compared with the baseline."""
    pairs = list(_compared(sweep))
    for key in sweep.keys:
        yield [Text(_short(key)), *(Text(str(point.values[key])) for point, _ in pairs)]
    yield [Text("policy"), *(Text(name) for _, name in pairs)]


def _compared(sweep: Sweep) -> Iterator[tuple[Point, str]]:
    for point in sweep.points:
        for name in point.differences or ():
            yield point, name


def _less(sweep: Sweep, measure: words.Measure) -> list[list[Text]]:
    """The differences and their verdicts, the head first."""
    head = _head(measure, sweep, "points")
    found = [(p.differences or {})[name].get(measure.name) for p, name in _compared(sweep)]
    return [[head, *(_difference(measure, each) for each in found)]]


def _difference(measure: words.Measure, found: Difference | None) -> Text:
    if found is None:
        return Text("-", style="dim")
    text = Text(numbers.difference(measure, found.estimate, found.low, found.high))
    return text.append(f" {found.verdict}", style=STYLES.get(found.verdict, "bold"))


def _columns(sweep: Sweep, measure: words.Measure) -> list[list[Text]]:
    """The estimates, the exact values, and whether a target is met; their heads first."""
    found = [p.measures[measure.name] for point in sweep.points for p in point.policies.values()]
    cells = zip(*(_cells(measure, each) for each in found), strict=True)
    estimates, exact = (list(column) for column in cells)
    columns = [[_head(measure, sweep, "%"), *estimates], [Text("exact"), *exact]]
    if asked := {each.target.asked for each in found if each.target}:
        columns.append([_asked(measure, asked), *map(_verdict, found)])
    return columns


def _asked(measure: words.Measure, asked: set[float]) -> Text:
    """The target; without a number where several are swept."""
    if len(asked) > 1:
        return Text("target")
    (value,) = asked
    return Text(f"target {numbers.share(value) if measure.is_share else numbers.short(value)}")


def _verdict(found: MeasureResult) -> Text:
    verdict = (found.target and found.target.verdict) or ""
    return Text(verdict, style=STYLES.get(verdict, ""))


def _short(key: str) -> str:
    """The last step of a key; of a policy's, with its name."""
    *_, above, last = ["", *key.split(".")]
    return f"{above}.{last}" if key.startswith("policies.") else key


def _measures(sweep: Sweep) -> list[words.Measure]:
    """Those worth showing that are there, those with a target first."""
    order = [*sweep.scenario.targets, *SHOWN]
    known = {measure.name: measure for measure in sweep.scenario.measure_words()}
    found = [known[name] for name in dict.fromkeys(order) if name in known]
    return [measure for measure in found if any(_estimated(sweep.points, measure))]


def _estimated(points: tuple[Point, ...], measure: words.Measure) -> Iterator[bool]:
    for point in points:
        for policy in point.policies.values():
            yield policy.measures[measure.name].estimate is not None


def _head(measure: words.Measure, sweep: Sweep, of_share: str) -> Text:
    unit = numbers.unit_of(measure, singular(sweep.scenario.time_unit))
    title = measure.title.partition(":")[0]
    return Text(f"{title}, {unit or of_share}")


def _cells(measure: words.Measure, found: MeasureResult) -> Iterator[Text]:
    """``97.42 ±0.05``, and the exact value with as many digits."""
    scale = 100.0 if measure.is_share else 1.0
    half = None
    if found.low is not None and found.high is not None:
        half = scale * (found.high - found.low) / 2
    if found.estimate is None:
        yield Text("-", style="dim", justify="right")
    else:
        decimals = numbers.digits(half, scale * found.estimate)
        text = numbers.plain(scale * found.estimate, decimals)
        if half is not None:
            text = f"{text} ±{numbers.plain(half, decimals)}"
        yield Text(text, justify="right")
    exact = found.analytic if found.analytic and found.analytic.exact else None
    if exact is None:
        yield Text("", justify="right")
    else:
        decimals = numbers.digits(half, scale * exact.value)
        style = "bold red" if found.verdict == "disagrees" else "dim"
        yield Text(numbers.plain(scale * exact.value, decimals), style=style, justify="right")


def _foot(sweep: Sweep) -> list[RenderableType]:
    lines = [
        *reproduce(sweep.run, sweep.scenario),
        "± is half the width of the interval; the same random numbers at all points",
        *(["differences hold over all points at once"] if sweep.baseline else []),
        "every measure: --json or -o FILE",
    ]
    return [Text(line, style="dim") for line in lines]


def _json(sweep: Sweep) -> bytes:
    return json_text(sweep.to_dict()).encode()


def _csv(sweep: Sweep) -> bytes:
    return csv_of(sweep.columns, _typed(sweep))


def _xlsx(sweep: Sweep) -> bytes:
    sheets = [("measures", [sweep.columns, *_typed(sweep)]), ("run", run_sheet(sweep.to_dict()))]
    return xlsx_of(sheets)


def _markdown(sweep: Sweep) -> bytes:
    return markdown_of(sweep.scenario.name, sweep.columns, _typed(sweep), _foot(sweep))


def _typed(sweep: Sweep) -> Iterator[tuple[object, ...]]:
    """The tidy table with values that are arrays or tables as text."""
    for row in sweep.rows():
        yield tuple(str(each) if isinstance(each, (list, dict)) else each for each in row)


_MAKERS = {".json": _json, ".csv": _csv, ".xlsx": _xlsx, ".md": _markdown}
