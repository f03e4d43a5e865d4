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
from simlevel.studies.portfolio.verification import (
    PERIODS,
    PROMISES,
    REPLICATIONS,
    Verification,
)
from simlevel.studies.verdict import ERROR_RATE

Document = dict[str, Any]
_CALLED = {"present": "in use", "proposed": "proposed"}


def write_folder(work: Work, sums: Mapping[str, Sums], verification: Verification | None) -> None:
    """The items, ``summary.json`` and ``manifest.json`` in the folder of *work*.

    Raises InputError where they cannot be written.
    """
    write_csv(work.folder / "items.csv", work.tables())
    write_parquet(work.folder / "items.parquet", work.tables())
    write_whole(work.folder / "summary.json", json_text(summary(work, sums, verification)).encode())
    write_whole(work.folder / "manifest.json", json_text(manifest(work)).encode())


def manifest(work: Work) -> Document:
    """What the folder was made from."""
    origin = work.portfolio.origin
    return {
        "simlevel": simlevel.__version__,
        "portfolio": {"sha256": origin.sha256 if origin else None, "name": work.portfolio.name},
        "inputs": {name: {"sha256": digest} for name, digest in work.inputs.items()},
        "key": work.key,
        "seed": work.portfolio.seed,
        "items": work.items,
    }


def summary(work: Work, sums: Mapping[str, Sums], verification: Verification | None) -> Document:
    """The back-test, and service and investment now and proposed, by class of service.

    *verification* is None where the demand is known by its moments only: nothing to simulate.
    """
    return {
        "simlevel": simlevel.__version__,
        "portfolio": work.portfolio.name,
        "time_unit": work.portfolio.time_unit,
        "classes": {name: _class(each) for name, each in sums.items()},
        "verification": verification and _verified(work, verification),
    }


def _verified(work: Work, found: Verification) -> Document:
    asked = work.portfolio.verify
    return {
        "settled": found.settled,
        "sampled": found.sampled,
        "agree": found.agree,
        "refuted": [
            {"item": test.item, "measure": test.measure, "promised": test.promised,
             "low": test.low, "high": test.high}
            for test in found.refuted
        ],
        "half_width": {name: found.half_width(name) for name in PROMISES},
        "wrong_share": asked.wrong_share,
        "error_rate": asked.error_rate,
        "false_alarm_rate": ERROR_RATE,
        "replications": REPLICATIONS,
        "periods": PERIODS,
        "says": _reach(work, found),
    }  # fmt: skip


def _reach(work: Work, found: Verification) -> str:
    """What the sample can and cannot show, in a sentence."""
    asked, width = work.portfolio.verify, found.half_width("fill_rate")
    if not found.sampled:
        return "No settings, so none to simulate."
    if found.sampled < found.settled:
        shows = (
            f"Had {100 * asked.wrong_share:.3g} % or more of the {found.settled:,} settings been "
            f"promised wrongly, the {found.sampled:,} simulated would hold one with a probability "
            f"of {100 - 100 * asked.error_rate:.4g} %"
        )
    else:
        shows = "All settings were simulated"
    seen = "" if width is None else f" (of half the fill rates less than {width:.2g})"
    return (
        f"{shows}; promises that are off by less than their interval's half-width{seen} pass, and "
        "whether the fitted demand is that of the items is for the back-test to say."
    )


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


def tables(work: Work, sums: Mapping[str, Sums], verification: Verification | None) -> Group:
    """For a terminal: the back-test first, then the long run, its verification, who is left out."""
    found = summary(work, sums, verification)["classes"]
    said: list[RenderableType] = [Text(work.portfolio.name, style="bold"), ""]
    said += [_back_test(found), "", _long_run(found), ""]
    if verification is not None:
        said.append(Text(_agreement(verification)))
    for reason, count in sums[WHOLE].left_out.most_common():
        said.append(Text(f"{count:,} items left out: {reason}"))
    return Group(*said)


def _agreement(found: Verification) -> str:
    sample = f"Of {found.settled:,} settings {found.sampled:,} were simulated: "
    if not (names := list(dict.fromkeys(test.item for test in found.refuted))):
        return f"{sample}{found.agree:,} agree with what they were promised to give"
    some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{sample}{found.agree:,} agree, {len(names):,} do not: {some}"


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
