"""A portfolio as a folder: a row an item, what they add up to, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

import simlevel
from simlevel.reports.files import json_text
from simlevel.reports.item_tables import write_csv, write_parquet
from simlevel.saving import write_whole
from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.rollup import WEIGHTS, WHOLE, Sums
from simlevel.studies.portfolio.run import Work

Document = dict[str, Any]
_CALLED = {"present": "in use", "proposed": "proposed"}


def write_folder(work: Work, sums: Mapping[str, Sums]) -> None:
    """The items, ``summary.json`` and ``manifest.json`` in the folder of *work*.

    Raises InputError where they cannot be written.
    """
    write_csv(work.folder / "items.csv", work.tables())
    write_parquet(work.folder / "items.parquet", work.tables())
    write_whole(work.folder / "summary.json", json_text(summary(work, sums)).encode())
    write_whole(work.folder / "manifest.json", json_text(manifest(work)).encode())


def manifest(work: Work) -> Document:
    """What the folder was made from."""
    origin = work.portfolio.origin
    return {
        "simlevel": simlevel.__version__,
        "portfolio": {"sha256": origin.sha256 if origin else None, "name": work.portfolio.name},
        "inputs": {name: {"sha256": digest} for name, digest in work.inputs.items()},
        "key": work.key,
        "items": work.items,
    }


def summary(work: Work, sums: Mapping[str, Sums]) -> Document:
    """The back-test, and service and investment now and proposed, by class of service."""
    return {
        "simlevel": simlevel.__version__,
        "portfolio": work.portfolio.name,
        "time_unit": work.portfolio.time_unit,
        "classes": {name: _class(each) for name, each in sums.items()},
    }


def _class(sums: Sums) -> Document:
    t = sums.totals
    return {
        "items": sums.items,
        "settled": sums.settled,
        "left_out": dict(sums.left_out.most_common()),
        "back_test": {
            "items": sums.tested,
            **{side: _tested(sums, side) for side in SIDES},
        },
        "long_run": {
            side: {
                "fill_rate": {
                    f"by_{weight}": _ratio(
                        t[f"{side}_served_by_{weight}"],
                        t[f"compared_{weight}" if side == "present" else weight],
                    )
                    for weight in WEIGHTS
                },
                "investment": t[f"{side}_investment"],
                "cost_per_time": t[f"{side}_cost"],
            }
            for side in SIDES
        },
    }


def _tested(sums: Sums, side: str) -> Document:
    t = sums.totals
    # Where there are no settings in use, none were replayed.
    played = bool(t[f"promised_{side}_units"])
    units, lines = (t[f"tested_{name}"] * played for name in ("units", "lines"))
    return {
        "fill_rate": {
            "promised": _ratio(t[f"promised_{side}_units"], units),
            "reached": _ratio(t[f"reached_{side}_units"], units),
        },
        "complete_lines": {"reached": _ratio(t[f"reached_{side}_lines"], lines)},
        "cycle_service_level": {
            "promised": _ratio(t[f"promised_{side}_clean_cycles"], t[f"reached_{side}_cycles"]),
            "reached": _ratio(t[f"reached_{side}_clean_cycles"], t[f"reached_{side}_cycles"]),
        },
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def tables(work: Work, sums: Mapping[str, Sums]) -> Group:
    """For a terminal: the back-test first, then the long run, then who is left out."""
    found = summary(work, sums)["classes"]
    said: list[RenderableType] = [Text(work.portfolio.name, style="bold"), ""]
    said += [_back_test(found), "", _long_run(found), ""]
    for reason, count in sums[WHOLE].left_out.most_common():
        said.append(Text(f"{count:,} items left out: {reason}"))
    return Group(*said)


def _back_test(classes: Document) -> Table:
    table = Table(title="Back-test: the end of the record, replayed under settings that had not "
                        "seen it", title_justify="left", box=None, pad_edge=False)  # fmt: skip
    for heading in ("class", "items", "settings", "Type I", "promised", "Type II", "promised"):
        table.add_column(heading, justify="left" if heading in ("class", "settings") else "right")
    for name, each in classes.items():
        for side in SIDES:
            tested = each["back_test"][side]
            if tested["fill_rate"]["promised"] is None:
                continue
            shares = [tested[m][k] for m in ("cycle_service_level", "fill_rate")
                      for k in ("reached", "promised")]  # fmt: skip
            count = f"{each['back_test']['items']:,}"
            table.add_row(name, count, _CALLED[side], *map(_percent, shares))
    return table


def _long_run(classes: Document) -> Table:
    table = Table(title="In the long run, by the fitted models", title_justify="left", box=None,
                  pad_edge=False)  # fmt: skip
    for heading in ("class", "items", "settings", "by unit", "by line", "by value", "investment"):
        table.add_column(heading, justify="left" if heading in ("class", "settings") else "right")
    for name, each in classes.items():
        for side in SIDES:
            served = each["long_run"][side]["fill_rate"]
            if served["by_unit"] is None:
                continue
            money = f"{each['long_run'][side]['investment']:,.0f}"
            shares = [_percent(served[f"by_{weight}"]) for weight in WEIGHTS]
            table.add_row(name, f"{each['settled']:,}", _CALLED[side], *shares, money)
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
