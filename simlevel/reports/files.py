"""Results as files: the ending decides the kind; nothing half-written stands under its name."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from simlevel.errors import InputError
from simlevel.studies.result import Result

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


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name beside *path*, then rename: all of it or nothing."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: expected a place to write to, found: {reason}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def for_spreadsheets(value: object) -> object:
    """Text that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _json(result: Result) -> bytes:
    return json_text(result.to_dict()).encode()


def _csv(result: Result) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(result.columns)
    writer.writerows([for_spreadsheets(value) for value in row] for row in result.rows())
    return stream.getvalue().encode("utf-8-sig")


def _xlsx(result: Result) -> bytes:
    try:
        from openpyxl import Workbook
    except ImportError:
        raise InputError(
            'a .xlsx file: expected openpyxl, found none (pip install "simlevel[excel]")'
        ) from None
    book = Workbook()
    for number, (title, rows) in enumerate(_sheets(result)):
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
        document = result.to_dict()
        settings = document["scenario"] | document["run"] | {"simlevel": document["simlevel"]}
        yield "run", [("setting", "value"), *settings.items()]


def _markdown(result: Result) -> bytes:
    from rich.console import Console

    from simlevel.reports.tables import foot

    lines = [f"# {escaped(result.scenario.name)}", ""]
    lines += [f"| {' | '.join(result.columns)} |", f"|{'---|' * len(result.columns)}"]
    for row in result.rows():
        lines.append(f"| {' | '.join(escaped(_shown(value)) for value in row)} |")
    console = Console(file=io.StringIO(), width=100, no_color=True)
    with console.capture() as captured:
        console.print(*foot(result), sep="\n")
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
