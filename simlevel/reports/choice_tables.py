"""The tables of optimize: the best parameters beside the present ones, and the frontier."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import __version__, numbers, words
from simlevel.errors import InputError
from simlevel.model.fields import singular
from simlevel.reports.files import for_spreadsheets, json_text
from simlevel.saving import write_whole
from simlevel.studies.frontier import COLUMNS, Frontier, Point
from simlevel.studies.optimize import OPEN, Optimized
from simlevel.studies.result import MeasureResult

KINDS = (".json", ".csv")
"""Endings that can be written."""
SHOWN = (
    "cycle_service_level", "fill_rate", "mean_on_hand", "mean_backorders", "lost_per_time",
    "orders_per_time", "cost_per_time",
)  # fmt: skip
"""Measures that stand beside the targets."""


def table(result: Optimized | Frontier) -> RenderableType:
    """The table of either."""
    return frontier_table(result) if isinstance(result, Frontier) else optimum_table(result)


def optimum_table(result: Optimized) -> RenderableType:
    """Parameters, cost and targets, present beside best, and how the best was found."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for title in (result.policy, "present", "best" if result.meets else "nearest", "target"):
        table.add_column(Text(title), justify="left" if title == result.policy else "right")
    for key in OPEN[result.best.policy.kind]:
        pair = (getattr(each.policy, key) for each in (result.present, result.best))
        table.add_row(key, *(numbers.short(value) for value in pair), "")
    never = "mean_backorders" if result.scenario.lost_sales else "lost_per_time"
    for name in dict.fromkeys((*result.targets, *SHOWN)):
        if name == never and name not in result.targets:
            continue
        if any(each.measures[name].best is not None for each in (result.present, result.best)):
            table.add_row(*_measure(result, name))
    return Group(Text(result.scenario.name, style="bold"), "", table, "", *_foot(result))


def _measure(result: Optimized, name: str) -> Iterator[Text]:
    measure = words.measure(name)
    unit = numbers.unit_of(measure, singular(result.scenario.time_unit))
    yield Text(measure.title + (f", {unit}" if unit else ""))
    yield Text(_value(measure, result.present.measures[name], interval=False))
    yield Text(_value(measure, result.best.measures[name], interval=True))
    target = result.targets.get(name)
    if target is None:
        yield Text("")
        return
    asked = numbers.share(target.asked) if measure.is_share else numbers.short(target.asked)
    yield Text(f"{'at least' if measure.at_least else 'at most'} {asked}")


def _value(measure: words.Measure, found: MeasureResult, *, interval: bool) -> str:
    """The exact value, or the estimate, with its interval where there is room."""
    if found.best is None:
        return "-"
    if found.best != found.estimate or found.low is None or found.high is None:
        return numbers.exact(measure, found.best, None)
    if interval:
        return numbers.estimate(measure, found.best, found.low, found.high)
    return numbers.exact(measure, found.best, (found.high - found.low) / 2)


def _foot(result: Optimized) -> Iterator[Text]:
    if not result.meets:
        said = (
            "nothing meets the targets; shown is what misses them least"
            if result.run is None
            else "nothing was confirmed to meet the targets; shown is what was tried last"
        )
        yield Text(said, style="bold red")
    yield Text(result.how, style="dim")
    yield Text(f"simlevel {__version__}", style="dim")


def frontier_table(result: Frontier) -> RenderableType:
    """Cost and stock against service by kind of policy, and where the file's policies lie."""
    unit = singular(result.scenario.time_unit)
    parts: list[RenderableType] = [Text(result.scenario.name, style="bold"), ""]
    priced = result.scenario.costs is not None
    title = words.measure(result.measure).title.rpartition(": ")[2]
    for kind, points in result.kinds.items():
        simulated = any(point.method == "simulation" for point in points)
        first = f"{kind}, simulated" if simulated else kind
        table = _frontier_grid(first, title, unit, priced)
        table.add_column("next", justify="right")
        for point in points:
            price = "" if point.price is None else f"{point.price:+.4g}"
            table.add_row(*_point(point, priced), price)
        parts += [table, ""]
    if result.policies:
        table = _frontier_grid("in the file", title, unit, priced)
        table.add_column("above", justify="right")
        for name, point in result.policies.items():
            over = result.over(name)
            shown, *rest = _point(point, priced)
            table.add_row(f"{name}: {shown}", *rest, "" if over is None else f"{over:+.4g}")
        parts += [table, ""]
    what = f"cost per {unit}" if priced else "units on hand"
    parts += [Text(f"{name}: left out, {why}", style="dim")
              for name, why in result.left_out.items()]  # fmt: skip
    parts += [
        Text(f"next: {what} for one percentage point more, up to the next row", style="dim"),
        Text("above: than the first row of its kind that serves as well", style="dim"),
        Text(f"{_how(result)}; simlevel {__version__}", style="dim"),
    ]  # fmt: skip
    return Group(*parts)


def _how(result: Frontier) -> str:
    every = [*result.policies.values(), *(p for points in result.kinds.values() for p in points)]
    methods = {point.method for point in every}
    seed = f"simulated is what has ±, seed {result.scenario.simulation.seed}"
    return " and ".join(sorted(methods)) + (f"; {seed}" if "simulation" in methods else "")


def _frontier_grid(first: str, title: str, unit: str, priced: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    table.add_column(Text(first), min_width=20)
    for name in (title, *([f"cost per {unit}"] if priced else []), "on hand"):
        table.add_column(Text(name), justify="right")
    return table


def _point(point: Point, priced: bool) -> list[str]:
    symbols = {"reorder_point": "r", "order_quantity": "Q", "order_up_to": "S"}
    if "order_quantity" not in point.parameters:
        symbols["reorder_point"] = "s"
    levels = [
        f"{symbol} {numbers.short(point.parameters[key])}"
        for key, symbol in symbols.items()
        if key in point.parameters
    ]
    service = _plus_minus(point.service, point.service_interval, 100.0)
    cost = ["-" if point.cost is None else _plus_minus(point.cost, point.cost_interval)]
    on_hand = numbers.plain(point.on_hand, numbers.digits(None, point.on_hand))
    return [", ".join(levels), service, *(cost if priced else []), on_hand]


def _plus_minus(value: float, limits: tuple[float, float] | None, scale: float = 1.0) -> str:
    """With half the width of its interval, where it was simulated; shares in percent."""
    sign = " %" if scale > 1 else ""
    if limits is None:
        decimals = 2 if sign else numbers.digits(None, value)
        return numbers.plain(scale * value, decimals) + sign
    half = scale * (limits[1] - limits[0]) / 2
    decimals = numbers.digits(half, scale * value)
    return f"{numbers.plain(scale * value, decimals)} ±{numbers.plain(half, decimals)}{sign}"


def write(result: Optimized | Frontier, path: Path) -> None:
    """Write *result* as its ending says: .json or .csv. Raises InputError for another."""
    if path.suffix.lower() == ".json":
        write_whole(path, json_text(result.to_dict()).encode())
        return
    if path.suffix.lower() != ".csv":
        found = path.suffix or "none"
        raise InputError(f"-o {path}: expected an ending of {', '.join(KINDS)}, found {found}")
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    columns, rows = (
        (COLUMNS, result.rows()) if isinstance(result, Frontier)
        else (("measure", "present", "best", "target"), _rows(result))
    )  # fmt: skip
    writer.writerow(columns)
    writer.writerows([for_spreadsheets(value) for value in row] for row in rows)
    write_whole(path, stream.getvalue().encode("utf-8-sig"))


def _rows(result: Optimized) -> Iterator[tuple[object, ...]]:
    for key in OPEN[result.best.policy.kind]:
        yield key, getattr(result.present.policy, key), getattr(result.best.policy, key), None
    for name, each in result.best.measures.items():
        target = result.targets.get(name)
        now = result.present.measures[name].best
        yield name, now, each.best, target.asked if target else None
