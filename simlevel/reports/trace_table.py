"""The event table, for a terminal and for files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from rich.table import Table
from rich.text import Text

from simlevel import numbers
from simlevel.errors import InputError
from simlevel.reports.files import escaped
from simlevel.saving import write_whole
from simlevel.studies.trace import COLUMNS, Trace

_STYLES = {"receive": "green", "order": "cyan", "demand": ""}


def trace_table(trace: Trace) -> Table:
    """A row an event; quantities in units, instants in time units."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "event" else "right")
    for event in trace.events:
        short = event.after < 0 or (event.event == "demand" and event.quantity > event.before)
        cells = [Text(cell) for cell in _cells(event)]
        table.add_row(*cells, style="red" if short else _STYLES[event.event])
    return table


def write_trace(trace: Trace, path: Path) -> None:
    """Write the event table as .csv, .md or .json.

    Raises InputError for another ending, or where it cannot be written.
    """
    make = _MAKERS.get(path.suffix.lower())
    if make is None:
        kinds, found = ", ".join(_MAKERS), path.suffix or "none"
        raise InputError(f"-o {path}: expected an ending of {kinds}, found {found}")
    write_whole(path, make(trace).encode("utf-8-sig" if path.suffix.lower() == ".csv" else "utf-8"))


def trace_json(trace: Trace) -> str:
    """The event table as one JSON document."""
    document = {
        "schema": 1,
        "scenario": trace.scenario.name,
        "policy": trace.policy,
        "until": trace.until,
        "seed": trace.seed,
        "events": [event._asdict() for event in trace.events],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cells(event: tuple[float | str, ...]) -> list[str]:
    return [each if isinstance(each, str) else numbers.short(each) for each in event]


def _csv(trace: Trace) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    writer.writerows(trace.events)
    return stream.getvalue()


def _markdown(trace: Trace) -> str:
    lines = [f"# {escaped(trace.scenario.name)}: {escaped(trace.policy)}", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", f"|{'---:|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(_cells(event))} |" for event in trace.events]
    return "\n".join(lines) + "\n"


_MAKERS = {".csv": _csv, ".md": _markdown, ".json": trace_json}
KINDS = tuple(_MAKERS)
