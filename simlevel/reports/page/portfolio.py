"""What the page of a portfolio says: every text and number of it, from its summary."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlevel import __version__, numbers, words
from simlevel.model.fields import singular
from simlevel.model.portfolio import Portfolio
from simlevel.reports.portfolio_summary import CALLED, OF, Document, by_class
from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.system import WEIGHTS

MOST_CLASSES = 30
CAUSES = 15
"""That are listed of items left out."""
NAMED = 5
"""Items that are named of those that do not give what they were promised to."""
LONGEST = 60
"""Characters of an item's name that are shown."""
FAMILIES = {
    "poisson": "Poisson", "negative_binomial": "negative binomial", "normal": "normal",
    "compound_poisson": "compound Poisson", "intermittent": "intermittent: probability × size",
    "gamma": "gamma", "lognormal": "lognormal", "empirical": "the record itself",
}  # fmt: skip


@dataclass(frozen=True)
class Tested:
    """The back-test of one class under one set of settings; each cell reached and promised."""

    settings: str
    items: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scored:
    """The long run of one class under one set of settings."""

    settings: str
    items: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Class:
    """One class of service."""

    name: str
    target: str
    tested: tuple[Tested, ...]
    scored: tuple[Scored, ...]
    change: str


@dataclass(frozen=True)
class Card:
    """All items at one point of the exchange curve."""

    name: str
    said: str
    service: str
    investment: str


@dataclass(frozen=True)
class Change:
    """One item to change."""

    item: str
    of: str
    """Its class."""
    why: str
    present: str
    proposed: str
    amount: str
    brings: str
    """What the amount is of."""


@dataclass(frozen=True)
class Page:
    """A report, from the back-test to how to get it again."""

    name: str
    said: str
    answer: str
    choice: tuple[str, ...]
    warnings: tuple[str, ...]
    how_to_read: str
    classes: tuple[Class, ...]
    more_classes: int
    weights: tuple[tuple[str, str], ...]
    cost_per: str
    verification: tuple[tuple[str, str], ...]
    served: str
    held: str
    cards: tuple[Card, ...]
    system: tuple[str, ...]
    no_system: str
    changes: tuple[Change, ...]
    ranking: str
    left_out: tuple[tuple[str, str], ...]
    more_left_out: str
    not_in_use: tuple[tuple[str, str], ...]
    assumed: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    command: str
    version: str = __version__


def page(document: Document, portfolio: Portfolio, inputs: Mapping[str, str]) -> Page:
    """What the page of a summary says; *inputs* are the SHA-256 of the tables by name."""
    whole, system = document["all_items"], document["system"]
    known = by_class(document)
    return Page(
        name=document["portfolio"],
        said=_said(document),
        answer=_answer(document, portfolio),
        choice=tuple(_choice(document)),
        warnings=tuple(document["warnings"]),
        how_to_read=_how_to_read(document),
        classes=tuple(_class(name, each) for name, each in known[: MOST_CLASSES + 1]),
        more_classes=len(known[MOST_CLASSES + 1 :]),
        weights=tuple((f"by {name}", said) for name, said in document["weights"].items()),
        cost_per=f"a {singular(document['time_unit'])}",
        verification=tuple(_verification(document)),
        served=f"of {OF[system.get('weight', 'unit')]} served at once",
        held=f"invested, {system.get('investment_in', 'money')}",
        cards=tuple(_cards(system)),
        system=tuple(_system(document, portfolio)),
        no_system=system.get("left_out", ""),
        changes=tuple(_change(each, document["changes"]) for each in document["changes"]["items"]),
        ranking=_ranking(document["changes"]),
        left_out=tuple(_left_out(whole["left_out"])),
        more_left_out=_more(whole["left_out"]),
        not_in_use=tuple(_left_out(whole["not_in_use"])),
        assumed=tuple(_assumed(document, portfolio)),
        settings=tuple(_settings(portfolio, inputs)),
        command=f"simlevel portfolio {shlex.quote(_file(portfolio))} -o DIR",
    )


# --- the answer ------------------------------------------------------------------------------


def _said(document: Document) -> str:
    whole = document["all_items"]
    unit = singular(document["time_unit"])
    return (
        f"{_items(whole['items'])}, time in {unit}s; settings are proposed for "
        f"{whole['settled']:,}, {whole['items'] - whole['settled']:,} are left out"
    )


def _headline(portfolio: Portfolio) -> str:
    """The weight of the first sentence."""
    return "value" if portfolio.items.unit_value is not None else "unit"


def _answer(document: Document, portfolio: Portfolio) -> str:
    tested = document["all_items"]["back_test"]
    weight = _headline(portfolio)
    now, then = (tested[side]["fill_rate"][f"by_{weight}"]["reached"] for side in SIDES)
    how = "Back-tested"
    if then is None:
        how, found = "By the models", document["all_items"]["long_run"]
        now, then = (found[side]["fill_rate"][f"by_{weight}"] for side in SIDES)
    said = f"{how}, the proposed settings serve {_share(then)} of {OF[weight]} at once"
    if then is None:
        return "No settings can be proposed."
    return f"{said}." if now is None else f"{said}, those in use {_share(now)}."


def _choice(document: Document) -> Iterator[str]:
    whole = document["all_items"]
    tested = whole["back_test"]["proposed"]["fill_rate"]
    if document["back_test"] is None:
        yield "Nothing was back-tested, as there is no record: this is what the models promise."
    elif tested["by_unit"]["promised"] is not None:
        weight = "value" if tested["by_value"]["promised"] is not None else "unit"
        found = tested[f"by_{weight}"]
        yield f"Promised were {_share(found['promised'])} of {OF[weight]}: " + _kept(found)
    if (change := whole["change_of_investment"]) is not None:
        now = whole["long_run"]["present"]["investment"]
        more = "more" if change > 0 else "less"
        yield (
            f"The proposed settings hold {_amount(abs(change))} {more} in stock than the "
            f"{_amount(now)} of those in use: {whole['to_hold_more']:,} items are to hold more, "
            f"{whole['to_hold_less']:,} less."
        )


def _kept(found: Mapping[str, float]) -> str:
    """How far a promise was kept."""
    missed = 100 * (found["promised"] - found["reached"])
    if missed < 0.05:
        return "the promise was kept."
    return f"{missed:.1f} points more than were reached."


def _how_to_read(document: Document) -> str:
    split, unit = document["back_test"], singular(document["time_unit"])
    if split is None:
        return ""
    return (
        f"How to read it: settings were worked out from the first {split['periods_fitted']:,} "
        f"{unit}s of the record alone, then the last {split['periods_replayed']:,} were played "
        "through as they were recorded; what was reached there is what to expect, and where it "
        "lies below what was promised, the models promise too much."
    )


# --- by class --------------------------------------------------------------------------------


def _class(name: str, found: Document) -> Class:
    return Class(
        name,
        _target(found["target"]),
        tuple(_tested(side, each) for side, each in found["back_test"].items() if each["items"]),
        tuple(
            _scored(side, each)
            for side, each in found["long_run"].items()
            if each["fill_rate"]["by_unit"] is not None
        ),
        _change_of(found),
    )


def _target(target: Mapping[str, float] | None) -> str:
    if target is None:
        return ""
    ((measure, asked),) = target.items()
    return f"{words.measure(measure).title.strip()}, {numbers.share(asked)} asked"


def _tested(side: str, found: Document) -> Tested:
    each = [found["cycle_service_level"], *(found["fill_rate"][f"by_{w}"] for w in WEIGHTS)]
    cells = tuple((_share(one["reached"]), _share(one["promised"])) for one in each)
    return Tested(CALLED[side], f"{found['items']:,}", cells)


def _scored(side: str, found: Document) -> Scored:
    shares = (_share(found["fill_rate"][f"by_{weight}"]) for weight in WEIGHTS)
    money = (_amount(found["investment"]), _amount(found["cost_per_time"]))
    return Scored(CALLED[side], f"{found['items']:,}", (*shares, *money))


def _change_of(found: Document) -> str:
    if not found["long_run"]["present"]["items"]:
        return ""
    said = f"{found['to_hold_more']:,} items to hold more, {found['to_hold_less']:,} less"
    change = found["change_of_investment"]
    return said if change is None else f"{said}; investment {_signed(change)}"


def _verification(document: Document) -> Iterator[tuple[str, str]]:
    found = document.get("verification")
    if not found:
        return
    unit = singular(document["time_unit"])
    times = f"each {found['replications']:,} times over {found['periods']:,} {unit}s"
    yield "Simulated", f"{found['sampled']:,} of {found['settled']:,} settings, {times}"
    wrong = list(dict.fromkeys(each["item"] for each in found["refuted"]))
    names = ", ".join(map(_cut, wrong[:NAMED])) + (", …" if len(wrong) > NAMED else "")
    other = f"; not so: {names}" if wrong else ", all of them"
    yield "Agree", f"{found['agree']:,} give what they were promised to{other}"
    yield "What that shows", found["says"]


# --- the system ------------------------------------------------------------------------------


def _cards(system: Document) -> Iterator[Card]:
    if "left_out" in system:
        return
    for key, name, said in (
        ("present", "In use", "as it is"),
        ("equal_target", "Proposed", "a target for each item"),
        ("optimum", "System optimum", "one target for all items"),
    ):
        if point := system[key]:
            yield Card(name, said, _share(point["fill_rate"]), _amount(point["investment"]))


def _system(document: Document, portfolio: Portfolio) -> Iterator[str]:
    system = document["system"]
    if "left_out" in system:
        return
    equal, best = system["equal_target"], system["optimum"]
    asked = "what the items' own targets come to"
    asked = asked if system["target"]["from"] == "equal_target" else "asked for in the file"
    target, of = _share(best["fill_rate"]), OF[system["weight"]]
    saved = equal["investment"] - best["investment"]
    more = "less" if saved >= 0 else "more"
    yield (
        f"The system optimum serves {target} of {of} at once, {asked}, and holds "
        f"{_amount(abs(saved))} {more} than a target for each item does."
    )
    yield (
        "It is found by marginal analysis: levels are raised one step at a time, first where a "
        "step serves most for what it adds to the stock, with Q (or S − s) as proposed. Another "
        f"mix of levels could serve as much for at most {_amount(best['could_be_less_by'])} less."
    )
    if any(each.target[0] == "cycle_service_level" for each in portfolio.classes.values()):
        yield (
            "It counts fill rate for all items, those whose class asks for Type I among them: "
            "what a class is promised, it does not promise."
        )
    if nothing := best["items_that_hold_nothing"]:
        yield f"{_items(nothing)} would hold nothing, and order when somebody asks."
    if less := system["settled"] - system["items"]:
        yield f"{_items(less)} of {system['settled']:,} are not in it, for want of a unit value."
    if system["present"] is None:
        yield "The settings in use are not shown, as not all of these items have some."


# --- single items ----------------------------------------------------------------------------


def _ranking(changes: Document) -> str:
    units = "" if changes["in"] == "money" else ", in units"
    what = "value" if changes["in"] == "money" else "units"
    return (
        f"Ranked by what the change brings{units}: the {what} asked for in a {changes['per']} that "
        "would newly be served at once, or the stock that is freed, whichever is more."
    )


def _change(row: Document, changes: Document) -> Change:
    of = "value" if changes["in"] == "money" else "units"
    serves = row["served"] >= row["freed"]
    brings = f"of {of} a {changes['per']} newly served" if serves else "of stock freed"
    now, then = (_parameters(row, side) for side in SIDES)
    return Change(
        _cut(row["item"]), row["class"], _why(row), now, then, _amount(row["brings"]), brings
    )


def _why(row: Document) -> str:
    """In words: what is wrong now, and what the change does."""
    measure = row["target"]
    now, then = row[f"present_{measure}"], row[f"proposed_{measure}"]
    called = "is served at once" if measure == "fill_rate" else "of cycles pass without a stockout"
    said = f"In use {_share(now)} {called} where {numbers.share(row['asked'])} is asked"
    if row["tested_lines"] and row["reached_present_lines"] is not None:
        late = row["tested_lines"] - row["reached_present_lines"]
        came = f"{late:,.0f} of {row['tested_lines']:,.0f} order lines came late in the back-test"
        said += f", and {came}" if late else ""
    more = -row["freed"]
    stock = f"{_amount(abs(more))} {'more' if more > 0 else 'less'}" if more else "as much"
    return f"{said}; {_turned(row)} gives {_share(then)} with {stock} in stock."


def _turned(row: Document) -> str:
    """Which parameter goes where: ``raising s from 2 to 6``."""
    same = row["present_kind"] == row["proposed_kind"]
    for key, symbol in (("reorder_point", "r" if row["proposed_kind"] == "rQ" else "s"),
                        ("order_up_to", "S"), ("order_quantity", "Q")):  # fmt: skip
        now, then = (row[f"{side}_{key}"] for side in SIDES)
        if (
            now is not None
            and then is not None
            and now != then
            and (same or key != "reorder_point")
        ):
            verb = "raising" if then > now else "lowering"
            return f"{verb} {symbol} from {_number(now)} to {_number(then)}"
    return "the proposed setting"


def _parameters(row: Document, side: str) -> str:
    point, top, quantity = (row[f"{side}_{key}"] for key in (
        "reorder_point", "order_up_to", "order_quantity"))  # fmt: skip
    if quantity is not None:
        return f"r = {_number(point)}, Q = {_number(quantity)}"
    return f"S = {_number(top)}" if point is None else f"s = {_number(point)}, S = {_number(top)}"


# --- who is left out, and what was assumed ---------------------------------------------------


def _left_out(causes: Document) -> Iterator[tuple[str, str]]:
    for cause, found in list(causes.items())[:CAUSES]:
        names = ", ".join(map(_cut, found["first"]))
        more = ", …" if found["items"] > len(found["first"]) else ""
        yield cause, f"{_items(found['items'])}: {names}{more}"


def _more(causes: Document) -> str:
    rest = list(causes.values())[CAUSES:]
    if not rest:
        return ""
    return f"And {_items(sum(each['items'] for each in rest))} for {len(rest):,} more causes."


RETURNS = {
    "net": "are taken off the demand before them", "drop": "are left out",
    "keep": "are left out of the fit, and put back on the shelf in the back-test",
}  # fmt: skip


def _assumed(document: Document, portfolio: Portfolio) -> Iterator[tuple[str, str]]:
    unit = singular(document["time_unit"])
    families = document["all_items"]["families"]
    counts = "; ".join(f"{FAMILIES.get(name, name)} {count:,}" for name, count in families.items())
    if portfolio.history is None:
        yield "Demand", "of the family and moments that the items table gives, unit by unit"
        yield "Families", counts
    else:
        yield "Demand", f"comes once a {unit}, drawn anew from its model; no trend, no season"
        yield "Models", f"chosen by likelihood with a penalty for each parameter: {counts}"
        yield "Returns", f"entries below 0 {RETURNS[portfolio.history.returns]}"
    review = portfolio.proposed.review_period
    looks = "after each demand" if review is None else f"every {_number(review)} {unit}s"
    given = "constant, as the items table has them"
    fitted = "fitted to the records of orders; where there are too few, constant as given"
    yield "Lead times", given if portfolio.lead_times is None else fitted
    if simulated := document["all_items"]["how"].get("simulated"):
        yield "Simulated", f"{_items(simulated)} that no theory covers; all others by theory"
    yield "Orders", f"{looks}, by the inventory position; what is not on the shelf is backordered"
    yield "Investment", "the mean stock on hand, at its unit value; no stock in transit"
    if unvalued := document["all_items"]["without_unit_value"]:
        yield "No unit value", f"{_items(unvalued)}, in nothing by value, nor in investment"


def _settings(portfolio: Portfolio, inputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "Program", f"simlevel {__version__}"
    yield "Portfolio file", _file(portfolio)
    if portfolio.origin and portfolio.origin.sha256:
        yield "Its SHA-256", portfolio.origin.sha256
    for name, digest in inputs.items():
        yield f"SHA-256 of {Path(name).name}", digest


def _file(portfolio: Portfolio) -> str:
    """Its name alone: where it stood on somebody's machine is nobody's business."""
    return Path(portfolio.origin.file).name if portfolio.origin else "portfolio.toml"


# --- numbers and names -----------------------------------------------------------------------


def _share(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if value < 0.999 else f"{100 * value:.2f} %"


def _amount(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:,.2f}"


def _signed(value: float) -> str:
    return f"+{_amount(value)}" if value > 0 else _amount(value).replace("-", "−")


def _number(value: float) -> str:
    return f"{value:,.10g}".replace("-", "−")


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
