"""What an engine reports: totals of each window, and the event table when a trace is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel import words
from simlevel.errors import InputError
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.fields import exact
from simlevel.model.grid import Grid
from simlevel.model.policy import Policy
from simlevel.model.scenario import Scenario

Totals: TypeAlias = NDArray[np.float64]
"""One row a window, one column a total, in the order of :func:`columns`."""


@dataclass(frozen=True)
class Windows:
    """The counted windows: *count* of them, each of *length*, the first after *warmup*."""

    warmup: float
    length: float
    count: int = 1


@dataclass(frozen=True)
class Job:
    """What an engine is asked to simulate: one policy of a scenario over some windows."""

    scenario: Scenario
    policy: str
    windows: Windows
    seed: int
    grid: Grid

    @classmethod
    def of(cls, scenario: Scenario, policy: str, windows: Windows, seed: int) -> Job:
        """A job on the exact grid of the whole scenario and its windows."""
        end = float(exact(windows.warmup) + exact(windows.length) * windows.count)
        grid = Grid.of(scenario, windows.warmup, windows.length, end)
        _refuse_vanishing(scenario.policies[policy], policy, grid)
        return cls(scenario, policy, windows, seed, grid)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the totals of a window."""
        return columns(self.scenario)

    @cached_property
    def opening(self) -> float:
        """Tick at which the first window opens; so on for the next ones, all in ticks."""
        return self.grid.ticks(self.windows.warmup)

    @cached_property
    def window(self) -> float:
        return self.grid.ticks(self.windows.length)

    @cached_property
    def review(self) -> float | None:
        """The review period; None under continuous review."""
        period = self.scenario.policies[self.policy].review_period
        return None if period is None else self.grid.ticks(period)

    @cached_property
    def period(self) -> float | None:
        """The demand period; None where customers come one by one."""
        demand = self.scenario.demand
        if isinstance(demand, (PeriodicDemand, HistoryDemand)):
            return self.grid.ticks(demand.every)
        return None

    @cached_property
    def within(self) -> tuple[float, ...]:
        return tuple(map(self.grid.ticks, self.scenario.measures.served_within))

    @cached_property
    def start(self) -> float:
        """Net inventory at time 0, in grid units."""
        return self.grid.units(self.scenario.start_level(self.policy))

    @cached_property
    def last_instant(self) -> float:
        """When every customer of the windows has been followed, and every period has ended."""
        end = self.opening + self.window * self.windows.count
        last_period_ends = math.ceil(end / self.period) * self.period if self.period else end
        return max(end + max(self.within, default=0.0), last_period_ends)

    @cached_property
    def customers(self) -> float:
        """Customers, or demand periods, that a replication hardly ever has more of."""
        if self.period:
            return self.last_instant / self.period + 1
        mean = self.last_instant * float(self.grid.tick) * self.scenario.demand.customers_per_time()
        return mean + 4 * math.sqrt(mean) + 1


def _refuse_vanishing(policy: Policy, name: str, grid: Grid) -> None:
    """A quantity that is nothing beside the demand cannot be counted with it."""
    for key in ("order_quantity", "minimum_order", "order_multiple"):
        value = getattr(policy, key, None)
        if value is not None and not grid.units(value):
            least = f"at least {float(grid.unit):.3g} beside this demand"
            raise InputError(f"policies.{name}.{key}: expected {least}, found {value}")


def columns(scenario: Scenario) -> tuple[str, ...]:
    """Names of the totals: those of ``words.TOTALS``, then ``delivered_within_W``."""
    within = (words.served_within(w).numerator[-1][1] for w in scenario.measures.served_within)
    return (*words.TOTALS, *within)


def in_own_units(totals: Sequence[Sequence[float]] | Totals, job: Job) -> Totals:
    """Totals counted in ticks and grid units, in the scenario's units.

    Both engines end here, so that equal counts are equal results.
    """
    tick, unit = job.grid.tick, job.grid.unit
    factors = {"time": tick, "units": unit, "units x time": unit * tick}
    names = columns(job.scenario)
    steps = [factors.get(words.TOTALS.get(name, "units")) for name in names]
    scale = np.array([step.numerator if step else 1 for step in steps], dtype=float)
    parts = np.array([step.denominator if step else 1 for step in steps], dtype=float)
    return np.asarray(np.asarray(totals, dtype=float) * scale / parts)


@dataclass(slots=True)
class Count:
    """The running totals of one window, in ticks and grid units: those of ``words.TOTALS``."""

    time: float = 0
    customers: float = 0
    customers_whole: float = 0
    units_demanded: float = 0
    units_from_shelf: float = 0
    units_lost: float = 0
    units_demanded_in_lead_time: float = 0
    units_from_shelf_in_lead_time: float = 0
    cycles: float = 0
    cycles_without_stockout: float = 0
    net_inventory_before_receipts: float = 0
    periods: float = 0
    periods_served: float = 0
    periods_without_backorders: float = 0
    backorders_at_period_ends: float = 0
    orders: float = 0
    units_ordered: float = 0
    area_on_hand: float = 0
    area_backorders: float = 0
    area_on_order: float = 0
    time_in_stock: float = 0
    delivered_within: list[float] = field(default_factory=list)
    """Units delivered late but within each W."""

    def row(self) -> list[float]:
        """The totals in the order of :func:`columns`."""
        return [*(getattr(self, name) for name in words.TOTALS), *self.delivered_within]


class Event(NamedTuple):
    """One row of the event table, in the scenario's units."""

    time: float
    event: str
    """``receive``, ``order`` or ``demand``."""
    quantity: float
    before: float
    """Net inventory just before."""
    after: float
    position: float
    """Inventory position after the event; so are the next two."""
    outstanding: float
    """Units on order."""
    waiting: float
    """Units backordered."""


def named(totals: Totals, scenario: Scenario) -> Mapping[str, NDArray[np.float64]]:
    """Columns of *totals* by name."""
    return dict(zip(columns(scenario), np.moveaxis(totals, -1, 0), strict=True))
