"""One run of the fast engine, counted at every reorder point."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simlevel import compiled as c
from simlevel.draws import Block
from simlevel.engines.fast import FastEngine, Places, order_rule
from simlevel.engines.ledger import Job, Totals, in_own_units
from simlevel.model.policy import OwnPolicy, Policy
from simlevel.model.scenario import Scenario


def one_path(scenario: Scenario, policy: Policy) -> bool:
    """The net inventory above the policy's level does not depend on where that is.

    So where demand is backordered, the start is the policy's own, and customers are not
    followed one by one.
    """
    followed = scenario.lost_sales or scenario.start or scenario.measures.served_within
    return not followed and not isinstance(policy, OwnPolicy)


class FastCurve:
    """One run that gives the totals at every reorder point, or every order-up-to level.

    The policies of the job's scenario differ by their level alone, lowest first, and
    :func:`one_path` holds for them: one path is counted against all of them. Equal to a run at
    each, but for the rounding of sums of times that are not whole ticks. Raises InputError as
    :class:`FastEngine` does.
    """

    def __init__(self, job: Job) -> None:
        units, policies = job.grid.units, job.scenario.policies.values()
        triggers = np.array([order_rule(policy, units)[1] for policy in policies])
        self._job, self._engine = job, FastEngine(job)
        levels = triggers - triggers[0]
        # In stock is above 0: at or above it with one grid unit less.
        self._shifts, place = np.unique([*levels, *(levels - 1)], return_inverse=True)
        self._at, self._picked = _guided(self._shifts), place.reshape(2, -1)

    def run(self, replication: int) -> Totals:
        """Totals of one replication, shape (policies, totals)."""
        job = self._job
        totals = np.zeros((2, len(job.columns)))
        bins = np.zeros((len(self._shifts) + 1, c.BINS))
        if self._engine.lag:
            self._engine.run_periods(replication, totals, self._periods(bins))
            for first in (0, c.OVER):  # a period is a span, and an end
                bins[:, first + c.ENDS] = bins[:, first + c.SPAN]
                bins[:, first + c.SPAN] *= job.period or 1.0
        elif self._engine.one_by_one:
            self._customers(replication, totals, bins)
        else:
            self._events(replication, totals, bins)
        totals[0, 0] = job.window
        return in_own_units(self._at_each_level(bins, totals[0]), job)

    def _customers(self, replication: int, totals: Block, bins: Block) -> None:
        job, rules, s = self._job, self._engine.rules, np.zeros(c.CURVE)
        s[[c.LEVEL, c.POSITION]], s[c.RECEIPT] = job.start, -1.0
        within, orders = (job.opening, job.opening + job.window), (np.empty(0), np.empty(0))

        def keep(gaps: Block, quantities: Block, lead_time: float) -> None:
            nonlocal orders
            orders = c.count_shifted_customers(
                self._at, rules, *within, s, *orders, gaps, quantities, lead_time, bins
            )

        self._engine.run_customers(replication, totals, keep)
        keep(np.array([math.inf]), np.zeros(1), 0.0)  # up to the very end

    def _events(self, replication: int, totals: Block, bins: Block) -> None:
        job, s = self._job, np.zeros(c.CURVE)
        s[c.LEVEL], s[c.PERIOD_END], s[c.RECEIPT] = job.start, job.period or math.inf, -1.0
        within = (job.period or 0.0, job.opening, job.opening + job.window)

        def keep(rows: Block) -> None:
            c.count_events(self._at, *within, s, rows, bins)

        self._engine.run_events(replication, totals, keep)
        keep(np.array([[job.last_instant, c.ORDER, *np.zeros(6)]]))  # up to the very end

    def _periods(self, bins: Block) -> Callable[[Block, Places], None]:
        """Counts the periods that it is shown, from the first of the window."""
        job = self._job
        skipped, before = int(job.opening / (job.period or 1.0)), job.start

        def keep(quantities: Block, seen: Places) -> None:
            nonlocal skipped, before
            first = min(skipped, quantities.size)
            if first:
                before = seen[0, first - 1] - quantities[first - 1]
            found = (quantities[first:], seen[0, first:], seen[1, first:])
            before = c.count_shifted_periods(self._at, before, *found, bins)
            skipped -= first

        return keep

    def _at_each_level(self, bins: Block, totals: Block) -> Block:
        """Totals at each level: those of one run, *totals*, where they do not depend on it."""
        shifts, (picked, one_less) = self._shifts, self._picked
        reached, lifted, short = _summed(shifts, bins)
        stocked = reached[one_less, c.SPAN]
        reached, lifted, short = reached[picked], lifted[picked], short[picked]
        found = np.repeat(totals[np.newaxis], picked.size, axis=0)
        whole = reached[:, c.WHOLE]
        if totals[c.PERIODS]:
            found[:, c.PERIODS_SERVED] = totals[c.PERIODS] - totals[c.CUSTOMERS] + whole
        found[:, c.CUSTOMERS_WHOLE] = whole
        found[:, c.FROM_SHELF] = lifted[:, c.LATE] + lifted[:, c.QUIET]
        found[:, c.FROM_SHELF_IN_LEAD_TIME] = lifted[:, c.LATE]
        found[:, c.CYCLES_WHOLE] = reached[:, c.RECEIPTS]
        found[:, c.NET_BEFORE_RECEIPTS] += shifts[picked] * totals[c.CYCLES]
        found[:, c.PERIODS_CLEAR] = reached[:, c.ENDS]
        found[:, c.BACKORDERS_AT_ENDS] = short[:, c.ENDS]
        found[:, c.AREA_ON_HAND] = lifted[:, c.SPAN]
        found[:, c.AREA_BACKORDERS] = short[:, c.SPAN]
        found[:, c.TIME_IN_STOCK] = stocked
        return found


CELLS = 4096
"""Of the guide to a curve's levels."""


def _guided(shifts: Block) -> c.Shifts:
    span = shifts[-1] - shifts[0]
    cells_per_unit = 2.0 ** min(math.floor(math.log2(CELLS / span)), 0) if span else 1.0
    cells = np.arange(int(span * cells_per_unit) + 1) / cells_per_unit
    guide = np.append(np.searchsorted(shifts - shifts[0], cells), shifts.size)
    return c.Shifts(np.append(shifts, shifts[-1]), guide, cells_per_unit)


def _summed(shifts: Block, bins: Block) -> tuple[Block, Block, Block]:
    """At each shift, of every column: what is counted at levels lifted to 0 or more, the sum of
    what is lifted above 0, and the sum of what is left below. No two terms cancel.
    """
    counts, over, steps = bins[:, : c.OVER], bins[:, c.OVER :], np.diff(shifts)[:, np.newaxis]
    reached = np.cumsum(bins[:-1, : c.OVER], axis=0)
    lifted = over[:-1].copy()
    lifted[1:] += steps * reached[:-1, : over.shape[1]]
    counts = counts[:, : over.shape[1]]
    below = -over[1:]  # at the shift one lower than the place
    below[:-1] += steps * (counts[1:-1] + np.cumsum(counts[:1:-1], axis=0)[::-1])
    return reached, np.cumsum(lifted, axis=0), np.cumsum(below[::-1], axis=0)[::-1]
