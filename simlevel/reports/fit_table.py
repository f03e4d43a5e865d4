"""What `simlevel fit` found, for a terminal and for files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel import __version__, numbers
from simlevel.errors import InputError
from simlevel.reports.files import csv_of, json_text
from simlevel.saving import write_whole
from simlevel.studies.fit import Contender, Fitting

KINDS = (".toml", ".json", ".csv")
"""Endings that can be written."""
COLUMNS = ("family", "sizes", "parameters", "log_likelihood", "score", "reorder_point")


def fit_table(fitting: Fitting) -> RenderableType:
    """The history, the families by score, and the scenario's sections."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for title in ("family", "sizes"):
        table.add_column(title, no_wrap=True)
    for title in ("k", "log L", "score", "behind", "r"):
        table.add_column(title, justify="right")
    best = fitting.chosen.score or 0.0
    for each in fitting.contenders:
        table.add_row(*_row(each, best), style="bold" if each is fitting.chosen else "")
    head = Text(f"{fitting.file.name}, {fitting.column}", style="bold")
    sections = fitting.scenario(Path()).partition("[demand]")
    demand = Text((sections[1] + sections[2]).partition("\n\n")[0])
    return Group(head, *_history(fitting), "", table, "", *_foot(fitting), "", demand)


def _row(each: Contender, best: float) -> Iterator[Text]:
    yield Text(each.family.replace("_", " "))
    yield Text((each.sizes or "").replace("_", " "))
    if each.score is None or each.log_likelihood is None or each.reorder_point is None:
        yield from (Text("-") for _ in range(5))
        return
    yield Text(str(each.parameters) if each.parameters else "-")
    for value in (each.log_likelihood, each.score, each.score - best):
        yield Text(numbers.plain(value, 1))
    yield Text(numbers.short(each.reorder_point))


def _history(fitting: Fitting) -> Iterator[Text]:
    found = fitting.demands
    mean, sd = float(found.mean[0]), math.sqrt(float(found.variance[0]))
    yield Text(
        f"{int(found.periods[0])} periods of {fitting.every}, {int(found.demands[0])} with demand; "
        f"mean {mean:.4g} a period, sd {sd:.4g}"
    )
    yield Text(
        f"{found.classification[0]}: a demand every {found.interval[0]:.3g} periods (limit 1.32), "
        f"squared cv {found.squared_cv[0]:.3g} (0.49)"
    )


def _foot(fitting: Fitting) -> Iterator[Text]:
    yield Text(fitting.why)
    dim = [
        "score: -2 log L + k log(periods with demand), k parameters; lower is better",
        f"r: for a fill rate of {numbers.share(fitting.target)} with Q = "
        f"{numbers.short(fitting.order_quantity)} and L = {_mean_lead_time(fitting)}",
        f"-: does not apply to this history; simlevel {__version__}",
    ]
    yield from (Text(line, style="dim") for line in dim)


def _mean_lead_time(fitting: Fitting) -> str:
    mean = fitting.lead_time.mean()
    about = "" if fitting.lead_time.distribution.variance() == 0 else ", in the mean"
    return f"{mean:.4g} {fitting.time_unit}{'' if mean == 1 else 's'}{about}"


def write_fit(fitting: Fitting, path: Path) -> None:
    """Write a scenario (.toml, never over another file), or the result (.json, .csv).

    Raises InputError for another ending, or where it cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".toml":
        if path.exists():
            raise InputError(f"{path}: exists, and is kept")
        write_whole(path, fitting.scenario(path.parent).encode())
    elif ending == ".json":
        write_whole(path, json_text(fitting.to_dict()).encode())
    elif ending == ".csv":
        rows = [[getattr(each, name) for name in COLUMNS] for each in fitting.contenders]
        write_whole(path, csv_of(COLUMNS, rows))
    else:
        found = path.suffix or "none"
        raise InputError(f"-o {path}: expected an ending of {', '.join(KINDS)}, found {found}")
