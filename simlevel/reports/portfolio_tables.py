"""A portfolio as a folder: a row an item, what they add up to, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simlevel.reports.files import json_text
from simlevel.reports.item_tables import write_items
from simlevel.reports.portfolio_summary import CALLED, OF, Document, by_class, manifest, summary
from simlevel.saving import write_whole
from simlevel.studies.portfolio.answer import Answer
from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.rollup import ANSWERS
from simlevel.studies.portfolio.system import WEIGHTS

Classes = list[tuple[str, Document]]
CAUSES = 10
"""That are listed of items left out."""
NAME = 16
"""Characters of a class's name that are shown."""


def write_folder(found: Answer) -> None:
    """The items, ``summary.json``, ``manifest.json`` and ``report.html`` in the folder of the run.

    Raises InputError where they cannot be written.
    """
    from simlevel.reports.page import portfolio_page

    folder = found.work.folder
    write_items(folder, found.tables(), found.work.items)
    write_whole(folder / "summary.json", json_text(summary(found)).encode())
    write_whole(folder / "manifest.json", json_text(manifest(found.work)).encode())
    write_whole(folder / "report.html", portfolio_page(found).encode())


def tables(document: Document) -> Group:
    """A summary for a terminal: the back-test first, then the long run, then who is left out."""
    classes = by_class(document)
    said: list[RenderableType] = [Text(document["portfolio"], style="bold"), ""]
    if document["back_test"] is not None:
        said += [_back_test(classes), ""]
    said += [_long_run(classes), ""]
    said += map(Text, _system(document["system"]))
    if found := document.get("verification"):
        said.append(Text(_verified(found)))
    said.append("")
    said += map(Text, _unvalued(document["all_items"]))
    said += map(Text, _left_out(document["all_items"]["left_out"], "left out"))
    unknown = "with settings in use that cannot be"
    said += map(Text, _left_out(document["all_items"]["not_in_use"], unknown))
    return Group(*said)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False,
                  collapse_padding=True)  # fmt: skip
    for heading in headings:
        left = heading in ("class", "settings")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    return table


def _back_test(classes: Classes) -> Table:
    table = _table(
        "Back-test: what settings that had not seen the end of the record\npromised, and what they "
        "reached when it was replayed",
        "class", "items", "settings", "Type I", "reached", "by unit", "reached", "by line",
        "reached",
    )  # fmt: skip
    for name, each in classes:
        for side in SIDES:
            tested = each["back_test"][side]
            if not tested["items"]:
                continue
            both = [tested["cycle_service_level"], tested["fill_rate"]["by_unit"],
                    tested["fill_rate"]["by_line"]]  # fmt: skip
            shares = [percent(one[did]) for one in both for did in ("promised", "reached")]
            table.add_row(_short(name), f"{tested['items']:,}", CALLED[side], *shares)
    return table


def _long_run(classes: Classes) -> Table:
    table = _table(
        "In the long run, by the models: what is served at once",
        "class", "items", "settings", "by unit", "by line", "by value", "investment",
    )  # fmt: skip
    for name, each in classes:
        for side in ANSWERS:
            found = each["long_run"][side]
            if found["fill_rate"]["by_unit"] is None:
                continue
            shares = [percent(found["fill_rate"][f"by_{weight}"]) for weight in WEIGHTS]
            items, money = f"{found['items']:,}", amount(found["investment"])
            table.add_row(_short(name), items, CALLED[side], *shares, money)
    return table


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def _system(system: Document) -> Iterator[str]:
    if "left_out" in system:
        yield f"No system optimum: {system['left_out']}"
        return
    equal, best = system["equal_target"], system["optimum"]
    unit = "" if system["investment_in"] == "money" else " units"
    weight = OF[system["weight"]]
    yield (
        f"System optimum, {system['items']:,} items as one: {percent(best['fill_rate'])} of "
        f"{weight} for {amount(best['investment'])}{unit};"
    )
    yield (
        f"with a target for each item {percent(equal['fill_rate'])} for "
        f"{amount(equal['investment'])}{unit}"
    )


def _verified(found: Document) -> str:
    """What became of the settings that were simulated, in a line or two."""
    sample = f"Of {found['settled']:,} settings {found['sampled']:,} were simulated: "
    if not (names := list(dict.fromkeys(each["item"] for each in found["refuted"]))):
        return f"{sample}{found['agree']:,} agree with what they were promised to give"
    some = ", ".join(map(_short, names[:3])) + (", …" if len(names) > 3 else "")
    return f"{sample}{found['agree']:,} agree, {len(names):,} do not: {some}"


def _unvalued(whole: Document) -> Iterator[str]:
    if items := whole["without_unit_value"]:
        yield f"{_items(items)} without a unit value: in nothing by value, nor in investment"


def _left_out(causes: Document, how: str) -> Iterator[str]:
    for cause, each in list(causes.items())[:CAUSES]:
        yield f"{_items(each['items'])} {how}: {cause}"
    if rest := list(causes.values())[CAUSES:]:
        items = sum(each["items"] for each in rest)
        yield f"{_items(items)} {how} for {len(rest)} more causes"


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def percent(share: float | None) -> str:
    """As people read it, ``-`` where it is not known."""
    return "-" if share is None else f"{share:.1%}"


def amount(value: Any) -> str:
    """Money or units in whole ones, ``-`` where they are not known."""
    return "-" if value is None else f"{value:,.0f}"
