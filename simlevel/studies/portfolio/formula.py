"""A chunk of items whose demand is known by its moments: (r, Q) of all of them at once.

Demand comes unit by unit, or flows: what :mod:`simlevel.theory.many` says of each family.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlevel.item_tables import Columns, Floats
from simlevel.model.portfolio import Portfolio
from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.items import Reader
from simlevel.studies.portfolio.settle import NO_QUANTITY, SHARES, STOCKS, raised
from simlevel.studies.portfolio.store import Table
from simlevel.theory.many import rq_reorder_point, rq_service, rq_stock
from simlevel.theory.textbook import WHOLE, Spread

GIVEN = (*SHARES, *STOCKS, "investment", "cost")
"""What settings give."""
Flags = NDArray[np.bool_]


def from_moments(
    portfolio: Portfolio, columns: Columns, thresholds: Mapping[float, float]
) -> Table:
    """The results of a chunk. *thresholds*: the value from which on items make up each share of
    the portfolio's."""
    reader = Reader(portfolio, columns)
    sd = np.where(reader.family == "poisson", np.sqrt(np.maximum(reader.mean, 0)), reader.sd)
    about = reader.about(reader.mean, sd, thresholds)
    _refuse(reader, sd)
    items = len(reader.names)
    good = ~np.isin(np.arange(items), list(reader.problems))
    results = {
        **about,
        "family": reader.family,
        "present_error": reader.named(reader.not_in_use),
        "error": reader.named(reader.problems),
        **{name: np.full(items, math.nan) for side in SIDES for name in _columns(side)},
        **{f"{side}_kind": np.full(items, "", dtype="U2") for side in SIDES},
    }
    in_use = ~np.isnan(reader.reorder_point) & ~np.isin(np.arange(items), list(reader.not_in_use))
    for family in np.unique(reader.family[good]):
        for measure in np.unique(about["target"][good]):
            rows = good & (reader.family == family) & (about["target"] == measure)
            if rows.any():
                group = _Group(reader, rows, str(family), str(measure), about["asked"][rows])
                group.put(results, "proposed", rows, group.cheapest())
                used = rows & in_use
                if used.any():
                    of_used = _Group(reader, used, str(family), str(measure), about["asked"][used])
                    of_used.put(results, "present", used, of_used.present())
    results["note"] = _notes(reader, good, results["proposed_order_quantity"])
    return results


def _notes(reader: Reader, good: Flags, quantity: Floats) -> NDArray[np.str_]:
    """What is to be said of the order *quantity* of items."""
    held = reader.held_quantity
    lacking = good & np.isnan(held) & (reader.order_cost > 0) & ~(reader.holding_cost > 0)
    notes = dict.fromkeys(np.flatnonzero(lacking).tolist(), NO_QUANTITY)
    for number in np.flatnonzero(quantity > held).tolist():
        notes[number] = raised(held[number], quantity[number])
    return reader.named(notes)


def _columns(side: str) -> list[str]:
    return [f"{side}_{name}" for name in ("reorder_point", "order_quantity", *GIVEN)]


def _refuse(reader: Reader, sd: Floats) -> None:
    """Name the items of which nothing can be settled."""
    held, least = reader.held_quantity, reader.minimum_order
    costs = (reader.order_cost > 0) & (reader.holding_cost > 0)
    binomial = reader.family == "negative_binomial"
    for wrong, said in (
        (~(reader.mean > 0), "expected a mean demand above 0, found none"),
        (~(sd > 0), "expected a deviation of demand above 0, found none"),
        (~(reader.lead_time > 0), "expected a lead time above 0, found none"),
        (binomial & ~(sd**2 > reader.mean), "expected sd^2 above the mean (negative binomial)"),
        (~(held > 0) & ~costs & ~(least > 0),
         "expected an order_quantity, or costs that it follows from, found neither"),
    ):  # fmt: skip
        for number in np.flatnonzero(wrong):
            reader.problems.setdefault(int(number), said)


@dataclass(frozen=True)
class _Settings:
    """(r, Q) of some items, and GIVEN by name."""

    level: Floats
    quantity: Floats
    gives: Mapping[str, Floats]


class _Group:
    """Items of one family, of which the same measure is asked."""

    def __init__(
        self, reader: Reader, rows: Flags, family: str, measure: str, asked: Floats
    ) -> None:
        self._family, self._measure, self._asked = family, measure, asked
        self._rate, lead_time = reader.mean[rows], reader.lead_time[rows]
        self._mean = self._rate * lead_time
        self._sd = None if family == "poisson" else reader.sd[rows] * np.sqrt(lead_time)
        self._held = reader.held_quantity[rows]
        self._used = reader.reorder_point[rows], reader.order_quantity[rows]
        self._least = np.nan_to_num(reader.minimum_order[rows])
        whole = float(family in WHOLE)
        self._multiple = np.maximum(np.nan_to_num(reader.order_multiple[rows]), whole)
        self._order, self._holding, self._backorder, self._value = (
            each[rows] for each in (reader.order_cost, reader.holding_cost,
                                    reader.backorder_cost, reader.unit_value)
        )  # fmt: skip

    def present(self) -> _Settings:
        """What is in use; of demand in whole units whole, rounded down and up."""
        level, quantity = self._used
        if self._family in WHOLE:
            level, quantity = np.floor(level), np.ceil(quantity)
        return self._at(level, quantity)

    def cheapest(self) -> _Settings:
        """The lowest r for Q as it is held; else for the Q of the least cost.

        That is the economic quantity (Harris 1913), or if it costs less what one step from there
        makes of it: Q = u + sqrt(Q^2 + u^2), u = n(r) / P(D > r), the condition of the least
        cost at a fill rate; Silver, Pyke and Thomas (4th ed., 2017), ch. 6. Of demand in whole
        units a quantity beside it may cost about 1 % less.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            economic = np.sqrt(2 * self._order * self._rate / self._holding)
        economic = np.where(np.isfinite(economic), economic, 0.0)
        chosen = np.isnan(self._held) & (economic > 0)
        first = self._lowest(np.where(chosen, economic, np.nan_to_num(self._held)))
        if self._measure != "fill_rate" or not chosen.any():
            return first
        losses = self._demand().losses(first.level)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.nan_to_num(losses.loss / losses.tail)
        next_ = self._lowest(np.where(chosen, excess + np.hypot(economic, excess), first.quantity))
        cheaper = next_.gives["cost"] < first.gives["cost"]
        return _Settings(
            np.where(cheaper, next_.level, first.level),
            np.where(cheaper, next_.quantity, first.quantity),
            {
                name: np.where(cheaper, next_.gives[name], each)
                for name, each in first.gives.items()
            },
        )

    def _lowest(self, wanted: Floats) -> _Settings:
        """With orders of what is *wanted*, at least the least, in multiples as they are asked."""
        quantity = np.maximum(wanted, self._least)
        steps = np.where(self._multiple > 0, self._multiple, 1.0)
        whole = np.maximum(np.ceil(quantity / steps - 1e-9), 1.0) * steps
        quantity = np.where(self._multiple > 0, whole, quantity)
        level = rq_reorder_point(
            self._asked, quantity, self._mean, self._sd, self._family, self._measure
        )
        return self._at(level + 0.0, quantity)  # not -0

    def _at(self, level: Floats, quantity: Floats) -> _Settings:
        settings = (level, quantity, self._mean, self._sd, self._family)
        orders = self._rate / quantity
        gives = {
            **rq_service(*settings)._asdict(),
            **rq_stock(*settings)._asdict(),
            "orders_per_time": orders,
        }
        cost = self._order * orders + self._holding * gives["mean_on_hand"]
        gives["cost"] = np.where(
            self._holding > 0, cost + self._backorder * gives["mean_backorders"], math.nan
        )
        gives["investment"] = gives["mean_on_hand"] * self._value
        return _Settings(level, quantity, gives)

    def _demand(self) -> Spread:
        variance = self._mean if self._sd is None else self._sd**2
        return Spread(self._mean, variance, self._family)

    def put(
        self, results: dict[str, NDArray[Any]], side: str, rows: Flags, settings: _Settings
    ) -> None:
        """Into the columns of *results* at *rows*."""
        results[f"{side}_kind"][rows] = "rQ"
        results[f"{side}_reorder_point"][rows] = settings.level
        results[f"{side}_order_quantity"][rows] = settings.quantity
        for name, values in settings.gives.items():
            results[f"{side}_{name}"][rows] = values
