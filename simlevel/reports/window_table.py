"""The table of service over windows, 80 columns wide: a share a block, in percent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import numbers, words
from simlevel.estimation.clustered import Measured
from simlevel.model.fields import singular
from simlevel.studies.result import MeasureResult, Result
from simlevel.studies.windows import QUANTILES, MeasureWindows, PolicyWindows

LABEL, CELL = 23, 7
"""Widths of the first column and of those of numbers: all of them in 80 columns."""
MOST_DECIMALS = 3


def window_tables(result: Result) -> Iterator[RenderableType]:
    """A table a policy, each with a line of space after it; nothing where none was asked for."""
    for name, policy in result.policies.items():
        if policy.windows:
            yield _heading(name, policy.windows, singular(result.scenario.time_unit))
            yield _table(policy.windows, policy.measures)
            yield from _targets(policy.windows)
            yield from _empty(policy.windows)
            yield ""


def _heading(name: str, windows: PolicyWindows, time_unit: str) -> Text:
    length = f"{numbers.short(windows.length)} {time_unit}{'' if windows.length == 1 else 's'}"
    about = f": {windows.count:,} windows of {length}, shares in percent"
    return Text.assemble((name, "bold"), about)


def _table(windows: PolicyWindows, measures: Mapping[str, MeasureResult]) -> Table:
    table = Table(
        box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    table.add_column("share", width=LABEL)
    table.add_column("long run", justify="right", width=CELL + 1)
    for title in ("mean", *(f"{100 * each:g} %" for each in QUANTILES)):
        table.add_column(title, justify="right", width=CELL)
    for name, found in windows.measures.items():
        _add(table, words.measure(name).title, found, measures[name])
    return table


def _add(table: Table, title: str, windows: MeasureWindows, run: MeasureResult) -> None:
    """The estimates, their intervals below them, and the exact mean where it is known."""
    long_run = None if run.estimate is None else Measured(run.estimate, run.low, run.high)
    found = [long_run, windows.mean, *windows.quantiles.values()]
    table.add_row(title, *(_cell(each, "estimate") for each in found))
    if windows.mean.low is not None:
        for label, limit in (("  from", "low"), ("  to", "high")):
            table.add_row(label, *(_cell(each, limit) for each in found), style="dim")
    if windows.exact_mean:
        in_run = run.analytic.value if run.analytic and run.analytic.exact else None
        exact = (_number(in_run, long_run), _number(windows.exact_mean.value, windows.mean))
        table.add_row("  exact", *exact, style="dim")


def _cell(found: Measured | None, which: str) -> str:
    return _number(getattr(found, which), found) if found else ""


def _number(value: float | None, found: Measured | None) -> str:
    """*value* in percent, with the digits that the interval of *found* supports."""
    if value is None or found is None:
        return ""
    half = None if found.low is None or found.high is None else 50 * (found.high - found.low)
    return numbers.plain(100 * value, min(numbers.digits(half, 100 * value), MOST_DECIMALS))


def _targets(windows: PolicyWindows) -> Iterator[Text]:
    for name, found in windows.measures.items():
        if found.meets_target and found.target is not None:
            measure, met = words.measure(name), found.meets_target
            share = numbers.estimate(measure, met.estimate, met.low, met.high)
            target = f"{measure.title}, target {numbers.share(found.target)}"
            yield Text(f"{target}: met in {share} of windows")


def _empty(windows: PolicyWindows) -> Iterator[Text]:
    """Windows that have a share only because none is counted as all."""
    names: dict[int, list[str]] = {}
    for name, found in windows.measures.items():
        names.setdefault(found.empty, []).append(name)
    for count, empty in names.items():
        if count:
            with_nothing = f"{count:,} window{'' if count == 1 else 's'} with nothing to count"
            yield Text(f"{with_nothing}, taken as 100 %: {', '.join(empty)}", style="dim")
