"""A chunk of items: fitted, settled, replayed; a row of results each, whatever goes wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from simlevel.errors import SimlevelError
from simlevel.fitting.demand import Fitted, fit
from simlevel.fitting.lead_times import fit_lead_times
from simlevel.item_records import asked_for
from simlevel.item_tables import Columns, Floats
from simlevel.model.distribution import Constant
from simlevel.model.fields import exact, units_in
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import Stocked
from simlevel.model.portfolio import Portfolio
from simlevel.studies.portfolio.items import BadRowError, Reader, Row
from simlevel.studies.portfolio.ladder import Ladder, columns_of
from simlevel.studies.portfolio.replay import Reached, replay
from simlevel.studies.portfolio.settle import (
    NO_QUANTITY,
    SHARES,
    STOCKS,
    Item,
    NotSettledError,
    Setting,
    Shelf,
    economic_quantity,
    raised,
)
from simlevel.studies.portfolio.steps import FINE, OF_ORDER, stepped
from simlevel.studies.portfolio.store import Cells, Table, table_of

SIDES = ("present", "proposed")
COLUMNS = (
    "item", "class", "target", "asked", "family", "pattern", "mean", "sd", "lines", "lead_time",
    "unit_value", "value", "how",
    *(f"{side}_{name}" for side in SIDES for name in (
        "kind", "reorder_point", "order_quantity", "order_up_to", *SHARES, *STOCKS, "investment",
        "cost")),
    "system_reorder_point", "system_order_up_to", "system_fill_rate", "system_mean_on_hand",
    "system_investment",
    "tested_units", "tested_lines",
    *(f"{did}_{side}_{name}" for side in SIDES for did, names in (
        ("promised", SHARES),
        ("reached", ("units", "lines", "cycles", "clean_cycles", "investment"))) for name in names),
    "note", "present_error", "error",
)  # fmt: skip
"""Every column that a row of results may have, in the order of the file."""


@dataclass
class _Case:
    """One item on its way through."""

    row: Row
    lead_time: LeadTime
    place: int
    cells: Cells
    target: tuple[str, float]
    seed: int
    """Of what is simulated of it: its place among all items."""
    ladder: Ladder | None = None
    """All levels worth having, beside those proposed."""
    tested: Setting | None = None
    """The settings that the first part of the record gives."""


def from_record(
    portfolio: Portfolio,
    columns: Columns,
    record: Floats,
    thresholds: Mapping[float, float],
    lead_times: Floats | None = None,
) -> Table:
    """The results of a chunk, from what its items were asked for.

    *record*: items x periods, entries below 0 included. *thresholds*: the value from which on
    items make up each share of the portfolio's. *lead_times*: items x records, in their own
    unit, NaN where there are no more; the back-test takes their mean.
    """
    assert portfolio.history
    returns = portfolio.history.returns
    demand = asked_for(record, returns)
    split = demand.shape[1] - (portfolio.backtest.periods or demand.shape[1] // 3)
    # What comes back after the split is not known to who fits what was before it.
    whole, first = fit(demand), fit(asked_for(record[:, :split], returns))
    fitted = _fitted_lead_times(portfolio, lead_times)
    means = None if fitted is None else np.array([_mean(each) for each in fitted])
    reader = Reader(portfolio, columns, means)
    about = reader.about(whole.mean, np.sqrt(whole.variance), thresholds)
    lines = whole.demands / np.maximum(whole.periods, 1)
    about = {**about, "family": whole.family, "pattern": whole.classification, "lines": lines}
    rows: list[Cells] = [{} for _ in reader.names]
    cases = []
    for place, cells in enumerate(rows):
        cells["present_error"] = reader.not_in_use.get(place)
        try:
            row = reader.row(place)
            target = str(about["target"][place]), float(about["asked"][place])
            lead_time = _lead_time(row, None if fitted is None else fitted[place])
            case = _Case(row, lead_time, place, cells, target, columns.first + place)
            cases.append(case)
            _settle(portfolio, case, whole, first)
        except SimlevelError as error:
            cells["error"] = str(error)
        except Exception as error:  # one item is no reason to stop the others
            cells["error"] = f"internal error, please report it: {type(error).__name__}: {error}"
    played = record if returns == "keep" else demand
    _back_test(played, split, cases, portfolio.present is not None)
    ladders = {case.place: case.ladder for case in cases if case.ladder}
    return {**about, **table_of(rows), **columns_of(ladders)}


def _fitted_lead_times(portfolio: Portfolio, records: Floats | None) -> list[LeadTime | str] | None:
    """Of each item, in time units, or why there is none; None where there are no records."""
    if portfolio.lead_times is None or records is None:
        return None
    unit = units_in(portfolio.lead_times.lead_time.unit, portfolio.time_unit)
    assert unit is not None
    fitted = fit_lead_times(records)
    return [str(reason) or fitted.lead_time(place, float(unit))
            for place, reason in enumerate(fitted.reason)]  # fmt: skip


def _mean(found: LeadTime | str) -> float:
    return math.nan if isinstance(found, str) else found.mean()


def _lead_time(row: Row, fitted: LeadTime | str | None) -> LeadTime:
    """The one on record, else that of the items table."""
    if isinstance(fitted, LeadTime):
        return fitted
    if not row.lead_time > 0 and fitted is not None:
        raise BadRowError(f"lead times: {fitted}, and no lead_time above 0 in [items]")
    return LeadTime(distribution=Constant(value=row.lead_time))


def _settle(portfolio: Portfolio, case: _Case, whole: Fitted, first: Fitted) -> None:
    """Settings in use and proposed, by the whole record; and those that its first part gives."""
    cells, place = case.cells, case.place
    cells |= _parameters("present", case.row.present)
    if reason := str(whole.reason[place]):
        cells["note"] = reason
        return
    item = _item(portfolio, case, whole)
    shelf = Shelf(item, case.seed)
    cells["how"] = shelf.how
    try:
        if (now := _in_use(portfolio, case, whole, shelf)) is not None:
            cells |= _gives("present", now, item)
    except NotSettledError as error:
        cells["present_error"], case.row = str(error), replace(case.row, present=None)
    then = shelf.cheapest()
    cells |= _parameters("proposed", then.policy) | _gives("proposed", then, item)
    if item.lacks_holding_cost:
        _note(cells, NO_QUANTITY)
    _note(cells, raised(item.held_quantity or math.inf, then.policy.batch))
    case.ladder = shelf.ladder(then.policy)
    if reason := str(first.reason[place]):
        _note(cells, f"not back-tested: {reason}")
        return
    try:
        _promise(portfolio, case, first)
    except SimlevelError as error:
        _note(cells, f"not back-tested: {error}")


def _promise(portfolio: Portfolio, case: _Case, first: Fitted) -> None:
    """What is promised of the back-test, by the *first* part of the record."""
    cells = case.cells
    before = Shelf(_item(portfolio, case, first), case.seed, SHARES)
    if (now := _in_use(portfolio, case, first, before)) is not None:
        cells |= {f"promised_present_{name}": now.measures[name] for name in SHARES}
    case.tested = before.cheapest()
    cells |= {f"promised_proposed_{name}": case.tested.measures[name] for name in SHARES}


def _in_use(
    portfolio: Portfolio, case: _Case, fitted: Fitted, proposed: Shelf
) -> Setting | None:  # fmt: skip
    """What the settings in use give: beside large orders *proposed* its steps may be too wide."""
    mean, variance = (float(each[case.place]) for each in fitted.moments())
    if _ordered(case.row, mean) <= OF_ORDER * math.sqrt(variance) / FINE:
        return proposed.present()
    free = replace(case.row, minimum_order=None, order_multiple=None, held_quantity=None)
    item = _item(portfolio, replace(case, row=replace(free, order_cost=0.0)), fitted)
    return Shelf(item, case.seed, proposed.shown).present()


def _note(cells: Cells, said: str) -> None:
    """Beside what else is said of the item, if anything is."""
    cells["note"] = "; ".join(filter(None, (cells.get("note"), said)))


def _parameters(prefix: str, policy: Stocked | None) -> Cells:
    if policy is None:
        return {}
    shown = policy.model_dump(include={"kind", "reorder_point", "order_up_to", "order_quantity"})
    return {f"{prefix}_{key}": value for key, value in shown.items()}


def _gives(prefix: str, setting: Setting, item: Item) -> Cells:
    found = setting.measures
    return {f"{prefix}_{name}": found[name] for name in (*SHARES, *STOCKS)} | {
        f"{prefix}_investment": found["mean_on_hand"] * item.unit_value,
        f"{prefix}_cost": setting.cost(item) if item.holding_cost else math.nan,
    }


def _back_test(demand: Floats, split: int, cases: Sequence[_Case], beside_present: bool) -> None:
    """Replay what was held out under the settings in use and those of the first part.

    Both for the same items: with *beside_present* those that have settings in use.
    """
    tested = [case for case in cases if case.tested is not None]
    both = [case for case in tested if case.row.present] if beside_present else tested
    for case in tested:
        if beside_present and not case.row.present:
            _note(case.cells, "not back-tested: no settings in use")
    if not both:
        return
    rows = np.array([case.place for case in both])
    lead_times = np.array([case.row.lead_time for case in both])
    played = {"proposed": [case.tested.policy for case in both if case.tested]}
    if beside_present:
        played["present"] = [case.row.present for case in both if case.row.present]
    for prefix, policies in played.items():
        found = replay(demand[rows], policies, lead_times, split)
        for place, case in enumerate(both):
            case.cells |= _reached(prefix, found, place, case.row.unit_value)
            case.cells[f"reached_{prefix}_investment"] /= demand.shape[1] - split


def _reached(prefix: str, found: Reached, place: int, unit_value: float | None) -> Cells:
    asked, served = found.units_demanded[place], found.units_from_shelf[place]
    return {
        "tested_units": asked,
        "tested_lines": found.customers[place],
        f"reached_{prefix}_units": served,
        f"reached_{prefix}_lines": found.customers_whole[place],
        f"reached_{prefix}_cycles": found.cycles[place],
        f"reached_{prefix}_clean_cycles": found.cycles_without_stockout[place],
        f"reached_{prefix}_investment": found.area_on_hand[place] * _value(unit_value),
    }


def items_of(
    portfolio: Portfolio, columns: Columns, record: Floats, lead_times: Floats | None,
    places: Sequence[int], finer: float,
) -> Iterator[Item]:  # fmt: skip
    """The items at some *places* of a chunk, which were settled, on so many times *finer* steps;
    *record* and *lead_times* as for :func:`from_record`."""
    assert portfolio.history
    fitted = fit(asked_for(record[places], portfolio.history.returns))
    times = _fitted_lead_times(portfolio, lead_times)
    means = None if times is None else np.array([_mean(each) for each in times])
    reader = Reader(portfolio, columns, means)
    for number, place in enumerate(places):
        row = reader.row(place)
        lead_time = _lead_time(row, None if times is None else times[place])
        nothing_asked = "fill_rate", math.nan
        case = _Case(row, lead_time, number, {}, nothing_asked, columns.first + place)
        yield _item(portfolio, case, fitted, finer)


def _item(portfolio: Portfolio, case: _Case, fitted: Fitted, finer: float = 1) -> Item:
    row, proposed = case.row, portfolio.proposed
    ordered = _ordered(row, float(fitted.moments()[0][case.place]))
    return Item(
        demand=stepped(fitted, case.place, *_on_steps(row), finer, ordered),
        lead_time=case.lead_time,
        target=case.target,
        kind=proposed.kind,
        present=row.present,
        review_period=proposed.review_period,
        held_quantity=row.held_quantity,
        minimum_order=row.minimum_order,
        order_multiple=row.order_multiple,
        order_cost=row.order_cost,
        holding_cost=row.holding_cost,
        backorder_cost=row.backorder_cost,
        unit_value=_value(row.unit_value),
    )


def _on_steps(row: Row) -> tuple[Fraction | None, list[Fraction]]:
    """The quantity of a row that has to be whole steps, and those that had better be."""
    given = exact(row.order_multiple or 0), exact(row.held_quantity or 0)
    must = math.ceil(given[1] / given[0]) * given[0] if all(given) else max(given)
    present = row.present
    wished = [] if present is None else [abs(exact(q)) for q in (present.trigger, present.batch)]
    return must or None, wished


def _ordered(row: Row, mean: float) -> float:
    """Units of an order that is neither below the least nor below the economic one."""
    economic = economic_quantity(row.order_cost, row.holding_cost, mean)
    return max(row.minimum_order or 0.0, row.held_quantity or economic)


def _value(unit_value: float | None) -> float:
    return math.nan if unit_value is None else unit_value
