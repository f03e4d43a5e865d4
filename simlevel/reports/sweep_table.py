"""A sweep, for a terminal and for files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import numbers, words
from simlevel.errors import InputError
from simlevel.model.fields import singular
from simlevel.reports.files import (
    csv_of,
    json_text,
    markdown_of,
    run_sheet,
    write_whole,
    xlsx_of,
)
from simlevel.reports.sentences import reproduce
from simlevel.studies.result import MeasureResult
from simlevel.studies.sweep import Point, Sweep

SHOWN = ("cycle_service_level", "fill_rate", "cost_per_time", "mean_on_hand", "mean_backorders")
"""Measures of a terminal's table, as many as fit; those with a target go first."""


def sweep_table(sweep: Sweep, width: int = 80) -> RenderableType:
    """A row a policy at a point: the keys, then estimates with the exact value beside each."""
    title = Text(sweep.scenario.name, style="bold")
    return Group(title, "", _table(sweep, width), "", *_foot(sweep))


def write_sweep(sweep: Sweep, path: Path) -> None:
    """Write the tidy table, or the JSON document, as the ending of *path* says.

    Raises InputError for an ending that is not known, or where it cannot be written.
    """
    make = _MAKERS.get(path.suffix.lower())
    if make is None:
        kinds, found = ", ".join(_MAKERS), path.suffix or "none"
        raise InputError(f"-o {path}: expected an ending of {kinds}, found {found}")
    write_whole(path, make(sweep))


def _table(sweep: Sweep, width: int) -> Table:
    """As many measures as fit beside the keys, and one if none does."""
    columns = list(_places(sweep))
    for number, measure in enumerate(_measures(sweep)):
        more = _columns(sweep, measure)
        if number > 0 and _width([*columns, *more]) > width:
            break
        columns += more
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


def _columns(sweep: Sweep, measure: words.Measure) -> tuple[list[Text], list[Text]]:
    """The estimates and the exact values, their heads first."""
    found = [p.measures[measure.name] for point in sweep.points for p in point.policies.values()]
    cells = zip(*(_cells(measure, each) for each in found), strict=True)
    estimates, exact = (list(column) for column in cells)
    return [_head(measure, sweep), *estimates], [Text("exact"), *exact]


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


def _head(measure: words.Measure, sweep: Sweep) -> Text:
    unit = numbers.unit_of(measure, singular(sweep.scenario.time_unit))
    title = measure.title.partition(":")[0]
    return Text(f"{title}, {unit or '%'}")


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
