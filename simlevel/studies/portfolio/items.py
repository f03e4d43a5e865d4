"""What the items table says, in the portfolio's units: one bad row is no reason to stop."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import SimlevelError, near
from simlevel.item_tables import Columns, Floats
from simlevel.model.fields import Frozen, units_in
from simlevel.model.policy import RQ, SS, BaseStock, Stocked
from simlevel.model.portfolio import (
    FAMILIES,
    Column,
    HoldingColumn,
    Portfolio,
    Present,
    Rule,
    TimeColumn,
)
from simlevel.studies.portfolio.store import Table

LONGEST = 10_000
"""Time units of a lead time, more than which nothing can be worked out."""


class BadRowError(SimlevelError):
    """A row cannot be taken; says why."""


@dataclass(frozen=True)
class Row:
    """What the tables say of one item, in the portfolio's units of time and money."""

    name: str
    lead_time: float
    unit_value: float | None
    minimum_order: float | None
    order_multiple: float | None
    present: Stocked | None
    held_quantity: float | None
    order_cost: float
    holding_cost: float
    backorder_cost: float


def columns_of(portfolio: Portfolio) -> tuple[list[str], list[str]]:
    """Columns of the items table that are read as text, and those read as numbers."""
    rules = [each.where for each in portfolio.classes.values() if each.where]
    texts = [portfolio.items.name, *(rule.column for rule in rules if rule.equals is not None)]
    if (family := portfolio.demand and portfolio.demand.family) and not isinstance(family, str):
        texts.append(family.column)
    tables = [
        portfolio.items, portfolio.demand, portfolio.present, portfolio.proposed, portfolio.costs
    ]  # fmt: skip
    numbers = [column for table in tables if table for column in _columns_in(table)]
    numbers += [rule.column for rule in rules if rule.equals is None]
    return list(dict.fromkeys(texts)), list(dict.fromkeys(numbers))


def _columns_in(table: Frozen) -> Iterable[str]:
    """Columns of numbers that *table* names."""
    for name in type(table).model_fields:
        value = getattr(table, name) if name != "family" else None
        if isinstance(value, Frozen) and getattr(value, "column", None):
            yield value.column  # type: ignore[attr-defined]


class Reader:
    """A chunk of the items table: an array of each thing that it says, one entry an item.

    In the portfolio's units of time and money; NaN where nothing is said. ``problems`` are the
    rows of which no item can be made, and why; ``not_in_use`` those whose settings in use cannot
    be. *on_record* are mean lead times in time units,
    which go before those of the table; NaN where there is no such.
    """

    def __init__(
        self, portfolio: Portfolio, columns: Columns, on_record: Floats | None = None
    ) -> None:
        self._portfolio, self._columns = portfolio, columns
        self.problems = dict(columns.problems)
        items, costs, present = portfolio.items, portfolio.costs, portfolio.present
        self.names = columns.texts[items.name]
        if (demand := portfolio.demand) is not None:
            self.family = self._families(demand.family)
            length = float(units_in(demand.per or portfolio.time_unit, portfolio.time_unit) or 1)
            self.mean = self._amounts(demand.mean) / length
            self.sd = self._amounts(demand.sd) / math.sqrt(length)
        self.unit_value = self._amounts(items.unit_value)
        self.lead_time = self._lead_times(on_record)
        self.minimum_order = self._amounts(items.minimum_order)
        self.order_multiple = self._amounts(items.order_multiple)
        self.reorder_point = self._cells(present and present.reorder_point)
        self.order_up_to = self._cells(present and present.order_up_to)
        self.order_quantity = self._cells(present and present.order_quantity)
        self.not_in_use = self._impossible(present) if present else {}
        held = self._amounts(portfolio.proposed.order_quantity)
        self.held_quantity = np.where(held > 0, held, math.nan)
        self._chosen = np.isnan(self.held_quantity) & (portfolio.proposed.kind != "base_stock")
        self.order_cost = self._cost(costs and costs.order)
        self.holding_cost = self._holding()
        self.backorder_cost = self._cost(costs and costs.backorder)

    def row(self, number: int) -> Row:
        """Raises BadRowError where what the row says makes no item."""
        if number in self.problems:
            raise BadRowError(self.problems[number])
        return Row(
            name=self.names[number],
            lead_time=float(self.lead_time[number]),
            unit_value=_said(self.unit_value[number]),
            minimum_order=_said(self.minimum_order[number]) or None,
            order_multiple=_said(self.order_multiple[number]) or None,
            present=self._present(number),
            held_quantity=_said(self.held_quantity[number]),
            order_cost=float(self.order_cost[number]),
            holding_cost=float(self.holding_cost[number]),
            backorder_cost=float(self.backorder_cost[number]),
        )

    def named(self, problems: Mapping[int, str]) -> NDArray[np.str_]:
        """*problems* as a column of the results."""
        return np.array([problems.get(number, "") for number in range(len(self.names))])

    def about(self, mean: Floats, sd: Floats, thresholds: Mapping[float, float]) -> Table:
        """What is known of each item before anything is settled: columns of the results.

        *mean* and *sd* of the demand of a period, in units; *thresholds*: the value from which
        on items make up each share of the portfolio's.
        """
        value = mean * self.unit_value
        with np.errstate(divide="ignore", invalid="ignore"):
            classes = self._classes(value, sd / mean, thresholds)
        targets = {name: each.target for name, each in self._portfolio.classes.items()}
        target, asked = zip(*(targets.get(name, ("", math.nan)) for name in classes), strict=True)
        for number in np.flatnonzero(classes == ""):
            found = "expected an item that a class takes, found none that does"
            self.problems.setdefault(int(number), found)
        return {
            "item": np.array(self.names), "class": classes, "target": np.array(target),
            "asked": np.array(asked), "mean": mean, "sd": sd, "lead_time": self.lead_time,
            "unit_value": self.unit_value, "value": value,
        }  # fmt: skip

    def _classes(
        self, value: Floats, cv: Floats, thresholds: Mapping[float, float]
    ) -> NDArray[np.str_]:
        """The class of each item, the first that takes it; "" where none does, or it is open."""
        known = self._portfolio.classes
        found = np.full(len(self.names), "", dtype=f"U{max(map(len, known))}")
        open_ = np.full(len(self.names), False)
        for name, each in reversed(known.items()):
            takes = np.full(len(self.names), True)
            if each.where:
                takes &= self._follows(each.where)
            if each.variability_up_to is not None:
                takes &= cv <= each.variability_up_to
            if each.value_up_to is not None:
                open_ |= takes & np.isnan(self.unit_value)
                takes &= value >= thresholds.get(each.value_up_to, 0.0)
            found[takes], open_[takes] = name, False
        found[open_] = ""
        said, expected = self._portfolio.items.unit_value, "a unit value, which its class follows"
        self._empty(open_, said, expected)
        return found

    def _follows(self, rule: Rule) -> NDArray[np.bool_]:
        if rule.equals is not None:
            wanted, texts = _as_typed(rule.equals), self._columns.texts[rule.column]
            alike = {text for text in set(texts) if _as_typed(text) == wanted}
            return np.array([text in alike for text in texts])
        self.problems = {**self._wrong(rule), **self.problems}
        value = self._columns.numbers[rule.column]
        low = -math.inf if rule.at_least is None else rule.at_least
        high = math.inf if rule.at_most is None else rule.at_most
        return (low <= value) & (value <= high)  # an empty cell (NaN) follows no rule

    def _cells(self, said: object) -> Floats:
        """A constant, or the cells of its column; NaN where nothing is said or a cell is empty."""
        column = getattr(said, "column", None)
        if column is not None:
            return self._columns.numbers[column]
        constant = math.nan if said is None else float(said)  # type: ignore[arg-type]
        return np.full(len(self.names), constant)

    def _wrong(self, said: object) -> Mapping[int, str]:
        """What is said of cells of its column that hold no number."""
        return self._columns.wrong.get(getattr(said, "column", ""), {})

    def _amounts(self, said: object) -> Floats:
        """As :meth:`_cells`, of what is never below 0."""
        values = self._cells(said)
        self.problems = {**self._wrong(said), **self.problems}
        for number in np.flatnonzero((values < 0) | np.isinf(values)):
            found = f"expected a number of 0 or more, found {values[number]:g}"
            self.problems.setdefault(int(number), f"{said.column}: {found}")  # type: ignore[attr-defined]
        return values

    def _empty(self, cells: NDArray[np.bool_], said: object, expected: str) -> None:
        """Those *cells* of the column that is *said* are empty, and must not be."""
        for number in np.flatnonzero(cells):
            found = f"{said.column}: expected {expected}, found an empty cell"  # type: ignore[attr-defined]
            self.problems.setdefault(int(number), found)

    def _families(self, said: str | Column) -> NDArray[np.str_]:
        if isinstance(said, str):
            return np.full(len(self.names), said)
        families = self._columns.texts[said.column]
        for number, family in enumerate(families):
            if family not in FAMILIES:
                expected = f"expected one of {', '.join(FAMILIES)}{near(family, FAMILIES)}"
                found = repr(family) if family else "an empty cell"
                self.problems.setdefault(number, f"{said.column}: {expected}, found {found}")
        return np.array(families)

    def _lead_times(self, on_record: Floats | None) -> Floats:
        said = self._portfolio.items.lead_time
        values = self._amounts(said)
        if isinstance(said, TimeColumn):
            factor = units_in(said.unit, self._portfolio.time_unit)
            assert factor is not None
            values = values * float(factor)
            if self._portfolio.lead_times is None:
                for number in np.flatnonzero(np.isnan(values) | (values == 0)):
                    found = "0" if values[number] == 0 else "an empty cell"
                    expected = f"{said.column}: expected a lead time above 0"
                    self.problems.setdefault(int(number), f"{expected}, found {found}")
        if on_record is not None:
            values = np.where(np.isnan(on_record), values, on_record)
        for number in np.flatnonzero(values > LONGEST):
            expected = f"lead time: expected at most {LONGEST:,} time units"
            self.problems.setdefault(int(number), f"{expected}, found {values[number]:,.0f}")
        return values

    def _present(self, number: int) -> Stocked | None:
        present = self._portfolio.present
        point, top, quantity = (
            _said(each[number]) for each in (self.reorder_point, self.order_up_to,
                                             self.order_quantity)
        )  # fmt: skip
        if present is None or point is None or number in self.not_in_use:
            return None
        review = present.review_period
        if quantity is not None:
            return RQ(reorder_point=point, order_quantity=quantity, review_period=review)
        assert top is not None
        if top == point:
            return BaseStock(order_up_to=top, review_period=review)
        return SS(reorder_point=point, order_up_to=top, review_period=review)

    def _cost(self, said: object) -> Floats:
        """As :meth:`_amounts`; nothing said is no cost, but of an empty cell nobody knows."""
        return np.zeros(len(self.names)) if said is None else self._needed(said, "a cost")

    def _impossible(self, present: Present) -> dict[int, str]:
        """The rows whose settings in use cannot be, and why; two empty cells are none."""
        by_quantity = present.order_quantity is not None
        point, other = "reorder_point", "order_quantity" if by_quantity else "order_up_to"
        values = {point: self.reorder_point, other: getattr(self, other)}
        low, top = values.values()
        checks = [(~np.isnan(low) & np.isnan(top), other, "a number")]
        if by_quantity:
            checks += [(top <= 0, other, "a number above 0")]
        else:
            checks += [
                (np.isnan(low) & ~np.isnan(top), point, "a number"),
                (top < 0, other, "a number of 0 or more"),
                (top < low, other, "reorder_point or more"),
            ]
        checks += [(np.isinf(values[key]), key, "a finite number") for key in values]
        found = {
            int(number): f"{key}: expected {expected}, found {_shown(values[key][number])} beside "
            f"{beside} {_shown(values[beside][number])}"
            for wrong, key, expected in checks
            for beside in values.keys() - {key}
            for number in np.flatnonzero(wrong)
        }
        for said in (getattr(present, key) for key in values):
            found |= self._wrong(said)
        return found

    def _holding(self) -> Floats:
        """Money per unit on hand per time unit."""
        said = self._portfolio.costs and self._portfolio.costs.holding
        if not isinstance(said, HoldingColumn):
            return self._cost(said)
        length = float(units_in(said.per, self._portfolio.time_unit) or 1)
        if said.rate is None:
            return self._cost(said) / length
        expected = "a unit value, which the holding cost is a rate of"
        return said.rate * self._needed(self._portfolio.items.unit_value, expected) / length

    def _needed(self, said: object, expected: str) -> Floats:
        """As :meth:`_amounts`, of what order quantities follow from where they are chosen."""
        values = self._amounts(said)
        self._empty(np.isnan(values) & self._chosen, said, expected)
        return values


def _as_typed(text: str) -> str:
    """What a cell says, however its file keeps it: a whole number, or true and false.

    >>> [_as_typed(text) for text in ("1.0", "TRUE", "01", "1.50", "Yes")]
    ['1', 'true', '01', '1.50', 'Yes']
    """
    if text.lower() in ("true", "false"):
        return text.lower()
    return re.sub(r"^(-?(?:0|[1-9][0-9]*))\.0+$", r"\1", text)


def _shown(value: float) -> str:
    return "an empty cell" if math.isnan(value) else f"{value:g}"


def _said(value: float) -> float | None:
    """None for what is not said; whole numbers as such."""
    if math.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def value_needed(values: Floats, shares: Iterable[float]) -> dict[float, float]:
    """The value from which on items, taken by value, make up each of *shares* of the whole.

    *values* is the demand of each item per time unit times its unit value.

    >>> value_needed(np.array([70.0, 10.0, 20.0]), [0.8, 0.95])
    {0.8: 20.0, 0.95: 10.0}
    """
    ranked = np.sort(values)[::-1]
    so_far = np.cumsum(ranked)
    needed = {}
    for share in shares:
        place = np.searchsorted(so_far, share * so_far[-1] * (1 - 1e-12)) if len(ranked) else 0
        needed[share] = float(ranked[place]) if len(ranked) else 0.0
    return needed
