"""The record played once under given settings, for many items at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simlevel.model.policy import RQ, BaseStock, Stocked

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reached:
    """Totals of each item from the first counted period on."""

    units_demanded: Floats
    units_from_shelf: Floats
    customers: Floats
    customers_whole: Floats
    cycles: Floats
    cycles_without_stockout: Floats
    area_on_hand: Floats
    """Units x periods."""
    orders: Floats


def replay(
    demand: Floats, policies: Sequence[Stocked], lead_times: Floats, counted_from: int
) -> Reached:
    """Play *demand*, items x periods, under one policy and lead time (in periods) an item.

    The clock is the contract's: at one instant, 1 receive, 2 review, 3 demand, the demand of
    period k at time k. Each item starts at time 0 with its policy's own start; what happens
    before *counted_from* brings it to where it would be by then. Demand below 0 is put back on
    the shelf; NaN asks for nothing. A review period is a whole number of periods.
    """
    periods = demand.shape[1]
    shelves = _Shelves(policies, lead_times, periods)
    for period, asked in enumerate(np.nan_to_num(demand).T):
        counted = period >= counted_from
        shelves.pass_to(period, period > counted_from, counted_from, periods)
        shelves.review(period, counted, after=False)
        shelves.serve(asked, counted)
        shelves.review(period, counted, after=True)
    shelves.pass_to(periods, True, counted_from, periods)
    return Reached(*shelves.totals)


class _Shelves:
    """The state of all items at one instant."""

    def __init__(
        self, policies: Sequence[Stocked], lead_times: Floats, periods: int
    ) -> None:  # fmt: skip
        self._quantity = np.array([p.order_quantity if isinstance(p, RQ) else 0 for p in policies])
        self._top = np.array([0 if isinstance(p, RQ) else p.order_up_to for p in policies])
        self._trigger = np.array([float(p.trigger) for p in policies])
        self._below = np.array([isinstance(p, BaseStock) for p in policies])
        self._least, self._multiple = (
            np.array([getattr(p, key, None) or 0.0 for p in policies])
            for key in ("minimum_order", "order_multiple")
        )
        self._review = np.array([p.review_period or 0 for p in policies])
        self._lag = np.ceil(lead_times - 1e-9).astype(np.int64)
        self._early = self._lag - lead_times
        """Time from a receipt to the demand of the period after it."""
        self.net = np.array([float(p.start_level) for p in policies])
        self.position = self.net.copy()
        self._due = np.zeros((len(policies), periods + int(self._lag.max(initial=0)) + 1))
        self.totals = np.zeros((8, len(policies)))

    def pass_to(self, period: int, counted: bool, opens: int, closes: int) -> None:
        """Time from the period before to just before the demand of *period*, and its receipts."""
        due = self._due[:, period]
        if counted:
            before, after = np.maximum(self.net, 0), np.maximum(self.net + due, 0)
            self.totals[6] += before + self._early * (after - before)
        at = period - self._early
        self._take(due, (at >= opens) & (at < closes))

    def _take(self, units: Floats, counted: NDArray[np.bool_]) -> None:
        self.totals[4] += counted & (units > 0)
        self.totals[5] += counted & (units > 0) & (self.net >= 0)
        self.net += units

    def review(self, period: int, counted: bool, after: bool) -> None:
        """Reviews at every demand come after it; periodic ones come before."""
        if after:
            looks = self._review == 0
        else:
            looks = (self._review > 0) & (period % np.maximum(self._review, 1) == 0)
        wants = looks & np.where(
            self._below, self.position < self._trigger, self.position <= self._trigger
        )
        units = np.where(wants, self._ordered(), 0.0)
        if counted:
            self.totals[7] += wants
        self.position += units
        rows = np.arange(len(units))
        later = self._lag > 0
        self._due[rows[later], period + self._lag[later]] += units[later]
        self._take(np.where(later, 0.0, units), np.full(len(units), counted))

    def _ordered(self) -> Floats:
        """Units that an order would be for."""
        gap = self._trigger - self.position
        batches = (np.floor(gap / np.maximum(self._quantity, 1e-300)) + 1) * self._quantity
        raised = np.maximum(self._top - self.position, self._least)
        whole = np.ceil(raised / np.maximum(self._multiple, 1e-300) - 1e-9) * self._multiple
        up_to = np.where(self._multiple > 0, whole, raised)
        units: Floats = np.where(self._quantity > 0, batches, up_to)
        return units

    def serve(self, asked: Floats, counted: bool) -> None:
        wanted = np.maximum(asked, 0)
        served = np.minimum(wanted, np.maximum(self.net, 0))
        if counted:
            self.totals[0] += wanted
            self.totals[1] += served
            self.totals[2] += wanted > 0
            self.totals[3] += (wanted > 0) & (served == wanted)
        self.net -= asked
        self.position -= asked
