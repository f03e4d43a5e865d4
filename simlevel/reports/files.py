"""Results as files: the ending decides the kind; nothing half-written stands under its name."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlevel.errors import InputError
from simlevel.saving import write_whole
from simlevel.studies.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_text(document: Any) -> str:
    """*document* as JSON; there is no NaN in it."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(result: Result, path: Path) -> None:
    """Write *result* to *path* as its ending says.

    Raises InputError for an ending that is not known, or where it cannot be written.
    """
    make = _MAKERS.get(path.suffix.lower())
    if make is None:
        kinds = ", ".join(_MAKERS)
        raise InputError(f"-o {path}: expected an ending of {kinds}, found {path.suffix or 'none'}")
    write_whole(path, make(result))


def for_spreadsheets(value: object) -> object:
    """Text that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _json(result: Result) -> bytes:
    return json_text(result.to_dict()).encode()


def _csv(result: Result) -> bytes:
    return csv_of(result.columns, result.rows())


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A tidy table as UTF-8 with a mark that spreadsheets know it by."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([for_spreadsheets(column) for column in columns])
    writer.writerows([for_spreadsheets(value) for value in row] for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def _xlsx(result: Result) -> bytes:
    return xlsx_of(_sheets(result))


def xlsx_of(sheets: Iterable[tuple[str, Iterable[Sequence[Any]]]]) -> bytes:
    """A workbook of (title, rows)."""
    try:
        from openpyxl import Workbook
    except ImportError:
        raise InputError(
            'a .xlsx file: expected openpyxl, found none (pip install "simlevel[excel]")'
        ) from None
    book = Workbook()
    for number, (title, rows) in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        sheet.title = title
        for row in rows:
            sheet.append([for_spreadsheets(value) for value in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _sheets(result: Result) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    yield "measures", [result.columns, *result.rows()]
    if result.differences:
        header = (
            "policy",
            "less",
            "measure",
            "estimate",
            "low",
            "high",
            "verdict",
            "replications_to_tell",
        )
        rows = [
            (policy, result.baseline, *dataclasses.astuple(d))
            for policy, differences in result.differences.items()
            for d in differences.values()
        ]
        yield "differences", [header, *rows]
    if result.best:
        best = result.best
        top = ("policy", "measure", "direction", "may be best", "behind low", "behind high")
        behind = [
            (name, best.measure, best.direction, name in best.policies, *limits)
            for name, limits in best.behind.items()
        ]
        yield "best", [top, *behind]
    if result.run:
        yield "run", run_sheet(result.to_dict())


def run_sheet(document: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """How it was simulated, a row a setting."""
    settings = document["scenario"] | document["run"] | {"simlevel": document["simlevel"]}
    return [("setting", "value"), *settings.items()]


def _markdown(result: Result) -> bytes:
    from simlevel.reports.tables import foot

    return markdown_of(result.scenario.name, result.columns, result.rows(), foot(result))


def markdown_of(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    foot: Sequence[RenderableType],
) -> bytes:
    """A title, a table and what stands under it."""
    from rich.console import Console

    lines = [f"# {escaped(title)}", ""]
    lines += [f"| {' | '.join(map(escaped, columns))} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        lines.append(f"| {' | '.join(escaped(_shown(value)) for value in row)} |")
    console = Console(file=io.StringIO(), width=100, no_color=True)
    with console.capture() as captured:
        console.print(*foot, sep="\n")
    lines += ["", *(f"- {escaped(line.strip())}" for line in captured.get().splitlines())]
    return ("\n".join(lines) + "\n").encode()


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def escaped(text: str) -> str:
    """*text* with nothing in it that Markdown or HTML would read as theirs."""
    for mark in ("\\", "|", "<", ">", "*", "`", "["):
        text = text.replace(mark, f"\\{mark}")
    return text


_MAKERS: Mapping[str, Callable[[Result], bytes]] = {
    ".json": _json, ".csv": _csv, ".xlsx": _xlsx, ".md": _markdown,
}  # fmt: skip
KINDS = tuple(_MAKERS)
"""Endings that can be written."""
PICTURES = (".svg", ".png", ".pdf")
"""Endings of pictures, which ``figures.pictures`` draws where a command has one."""
PAGE = ".html"
"""Ending of a report page, which ``page`` makes of a run's result or an analysis."""
