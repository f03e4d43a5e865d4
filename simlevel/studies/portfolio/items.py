"""Rows of the items table become items, each by itself: one bad row is no reason to stop."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simlevel.errors import SimlevelError
from simlevel.item_tables import Columns
from simlevel.model.fields import Frozen, units_in
from simlevel.model.policy import RQ, SS, BaseStock, Stocked
from simlevel.model.portfolio import HoldingColumn, Portfolio, Rule, ServiceClass, TimeColumn


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
    tables = [portfolio.items, portfolio.present, portfolio.proposed, portfolio.costs]
    numbers = [column for table in tables if table for column in _columns_in(table)]
    numbers += [rule.column for rule in rules if rule.equals is None]
    return list(dict.fromkeys(texts)), list(dict.fromkeys(numbers))


def _columns_in(table: Frozen) -> Iterable[str]:
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, Frozen) and getattr(value, "column", None):
            yield value.column  # type: ignore[attr-defined]


class Reader:
    """Reads one row after another of a chunk."""

    def __init__(self, portfolio: Portfolio, columns: Columns) -> None:
        self._portfolio, self._columns = portfolio, columns

    def row(self, number: int) -> Row:
        """Raises BadRowError where what the row says makes no item."""
        if number in self._columns.problems:
            raise BadRowError(self._columns.problems[number])
        items, costs = self._portfolio.items, self._portfolio.costs
        value = self._number(items.unit_value, number, "unit_value")
        return Row(
            name=self.name(number),
            lead_time=self._lead_time(number),
            unit_value=value,
            minimum_order=self._number(items.minimum_order, number, "minimum_order") or None,
            order_multiple=self._number(items.order_multiple, number, "order_multiple") or None,
            present=self._present(number),
            held_quantity=self._number(self._portfolio.proposed.order_quantity, number, "quantity"),
            order_cost=self._cost("order", number) if costs else 0.0,
            holding_cost=self._holding(number, value) if costs else 0.0,
            backorder_cost=self._cost("backorder", number) if costs else 0.0,
        )

    def name(self, number: int) -> str:
        return self._columns.texts[self._portfolio.items.name][number]

    def in_class(self, each: ServiceClass, number: int, by_value: bool, cv: float) -> bool:
        """Whether an item belongs to a class; *by_value* says so of its share of the value."""
        return (
            (each.where is None or self._follows(each.where, number))
            and (each.value_up_to is None or by_value)
            and (each.variability_up_to is None or cv <= each.variability_up_to)
        )

    def _follows(self, rule: Rule, number: int) -> bool:
        if rule.equals is not None:
            return self._columns.texts[rule.column][number] == rule.equals
        value = self._columns.numbers[rule.column][number]
        low = -math.inf if rule.at_least is None else rule.at_least
        high = math.inf if rule.at_most is None else rule.at_most
        return bool(low <= value <= high)  # an empty cell (NaN) follows no rule

    def _number(self, said: object, number: int, key: str) -> float | None:
        """A constant, or the cell of its column; None where nothing is said or it is empty."""
        column = getattr(said, "column", None)
        if column is None:
            return said  # type: ignore[return-value]
        value = float(self._columns.numbers[column][number])
        if math.isnan(value):
            return None
        if value < 0 and key != "reorder_point":
            raise BadRowError(f"{column}: expected a number of 0 or more, found {value:g}")
        return int(value) if value.is_integer() else value

    def _lead_time(self, number: int) -> float:
        said = self._portfolio.items.lead_time
        value = self._number(said, number, "lead_time")
        if not isinstance(said, TimeColumn):
            assert value is not None
            return value
        if not value:
            found = "an empty cell" if value is None else "0"
            raise BadRowError(f"{said.column}: expected a lead time above 0, found {found}")
        factor = units_in(said.unit, self._portfolio.time_unit)
        assert factor is not None
        return float(value * factor)

    def _present(self, number: int) -> Stocked | None:
        present = self._portfolio.present
        if present is None:
            return None
        point = self._number(present.reorder_point, number, "reorder_point")
        top = self._number(present.order_up_to, number, "order_up_to")
        quantity = self._number(present.order_quantity, number, "order_quantity")
        review = present.review_period
        if point is None or (top is None and quantity is None):
            return None
        if quantity is not None:
            if not quantity:
                raise BadRowError("order_quantity: expected a number above 0, found 0")
            return RQ(reorder_point=point, order_quantity=quantity, review_period=review)
        assert top is not None
        if top < point:
            expected = f"order_up_to of at least reorder_point = {point:g}"
            raise BadRowError(f"expected {expected}, found {top:g}")
        if top == point:
            return BaseStock(order_up_to=top, review_period=review)
        return SS(reorder_point=point, order_up_to=top, review_period=review)

    def _cost(self, name: str, number: int) -> float:
        return self._number(getattr(self._portfolio.costs, name), number, name) or 0.0

    def _holding(self, number: int, unit_value: float | None) -> float:
        """Money per unit on hand per time unit."""
        assert self._portfolio.costs is not None
        said = self._portfolio.costs.holding
        if not isinstance(said, HoldingColumn):
            return float(said)
        length = float(units_in(said.per, self._portfolio.time_unit) or 1)
        if said.rate is not None:
            return said.rate * (unit_value or 0.0) / length
        return (self._number(said, number, "holding") or 0.0) / length


def value_needed(values: Iterable[float], shares: Iterable[float]) -> dict[float, float]:
    """The value from which on items, taken by value, make up each of *shares* of the whole.

    *values* is the demand of each item per time unit times its unit value.

    >>> value_needed([70.0, 10.0, 20.0], [0.8, 0.95])
    {0.8: 20.0, 0.95: 10.0}
    """
    ranked = sorted(values, reverse=True)
    whole, so_far, needed = sum(ranked), 0.0, {}
    wanted = sorted(set(shares))
    for value in ranked:
        so_far += value
        while wanted and so_far >= wanted[0] * whole * (1 - 1e-12):
            needed[wanted.pop(0)] = value
    return needed
