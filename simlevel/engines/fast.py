"""The fast engine: a scenario and its draws into a compiled loop, and totals out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel import compiled as c
from simlevel.draws import BLOCK, Block, Draws
from simlevel.engines.ledger import Event, Job, Totals, in_own_units
from simlevel.model.demand import PoissonDemand, RenewalDemand
from simlevel.model.distribution import Constant
from simlevel.model.policy import RQ, BaseStock, OwnPolicy, Policy

Places: TypeAlias = NDArray[np.int64]

ROOM = 1024
"""Orders under way, and customers who wait, that the queues hold at first."""
TRACE = 4096
_NONE, _NO_TABLE = np.empty(0), np.empty((0, 8))
_EVENTS = {c.RECEIVE: "receive", c.ORDER: "order", c.DEMAND: "demand"}


def covers(job: Job) -> bool:
    """Every policy that a file can hold; not one that is a Python object."""
    return not isinstance(job.scenario.policies[job.policy], OwnPolicy)


class FastEngine:
    """Simulates a job, one replication at a time; equal to the SimPy engine to the last bit.

    Raises InputError where a distribution is too wide to tabulate.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._draws = Draws(job.scenario, job.grid, job.seed, job.customers)
        self.rules = _rules(job)
        self.lag = _whole_periods(job)
        self.one_by_one = _looks_after_customers(job)

    def run(self, replication: int, trace: list[Event] | None = None) -> Totals:
        """Totals of one replication, shape (windows, totals); events are added to *trace*."""
        job = self._job
        totals = np.zeros((job.windows.count + 1, len(job.columns)))
        if trace is not None:
            self.run_events(replication, totals, lambda rows: trace.extend(_events(rows, job)))
        elif self.lag:
            self.run_periods(replication, totals)
        elif self.one_by_one:
            self.run_customers(replication, totals)
        else:
            self.run_events(replication, totals)
        totals[:-1, 0] = job.window
        return in_own_units(totals[:-1], job)

    def run_periods(
        self, replication: int, totals: Block, keep: Callable[[Block, Places], None] | None = None
    ) -> None:
        """*keep* is shown what each block of customers asks for and finds."""
        job, period = self._job, self._job.period or 1.0
        rules = self.rules._replace(
            review=self.rules.review / period,
            window=job.window / period,
            last_instant=(job.opening + job.window * job.windows.count) / period - 1,
        )
        s, at = _state(job)
        s[c.NEXT_WINDOW] = job.opening / period
        pipeline = np.zeros(self.lag or 0, dtype=np.int64)
        seen = np.empty((2, BLOCK), dtype=np.int64)
        for quantities in self._draws.quantities(replication):
            at[c.QUANTITY] = 0
            stopped = c.run_periods(rules, s, at, pipeline, quantities, seen, totals)
            if keep is not None:
                keep(quantities[: at[c.QUANTITY]], seen[:, : at[c.QUANTITY]])
            if stopped == c.DONE:
                return

    def run_customers(
        self,
        replication: int,
        totals: Block,
        keep: Callable[[Block, Block, float], None] | None = None,
    ) -> None:
        """*keep* is shown the gaps and quantities of each block of customers, and the lead time."""
        job, draws, rules = self._job, self._draws, self.rules
        s, at = _state(job)
        queues = _queues(s, at, job)
        lead_times = next(draws.lead_times(replication))
        for gaps, quantities in zip(
            draws.gaps(replication), draws.quantities(replication), strict=False
        ):
            if at[c.GAP] == 0:  # the look at time 0, which follows no customer
                first = rules._replace(last_instant=0.0)
                drawn = (gaps, quantities, lead_times)
                c.run_events(first, s, at, *queues, _NONE, *drawn, totals, _NO_TABLE)
            stopped = c.WANTS_ROOM
            while stopped == c.WANTS_ROOM:
                queues = _with_room(queues, at)
                orders = (queues.due, queues.units)
                stopped = c.run_customers(
                    rules, s, at, *orders, gaps, quantities, lead_times[0], totals
                )
            if keep is not None:
                keep(gaps, quantities, lead_times[0])
            if stopped == c.DONE:
                return
            at[c.QUANTITY] = 0

    def run_events(
        self, replication: int, totals: Block, keep: Callable[[Block], None] | None = None
    ) -> None:
        """*keep* is shown the event table, a part at a time."""
        job, draws = self._job, self._draws
        s, at = _state(job)
        blocks = {c.WANTS_QUANTITIES: draws.quantities(replication)}
        blocks[c.WANTS_LEAD_TIMES] = draws.lead_times(replication)
        if job.period is None:
            blocks[c.WANTS_GAPS] = draws.gaps(replication)
        drawn = {want: next(each) for want, each in blocks.items()}
        drawn.setdefault(c.WANTS_GAPS, np.zeros(1))
        queues = _queues(s, at, job)
        within = np.array(job.within)
        table = _NO_TABLE if keep is None else np.empty((TRACE, 8))
        while True:
            stopped = c.run_events(
                self.rules,
                s,
                at,
                *queues,
                within,
                drawn[c.WANTS_GAPS],
                drawn[c.WANTS_QUANTITIES],
                drawn[c.WANTS_LEAD_TIMES],
                totals,
                table,
            )
            if keep is not None and stopped in (c.WANTS_TRACE, c.DONE):
                keep(table[: at[c.TRACED]])
                at[c.TRACED] = 0
            if stopped == c.DONE:
                return
            if stopped == c.WANTS_ROOM:
                queues = _with_room(queues, at)
            elif stopped in blocks:
                drawn[stopped] = next(blocks[stopped])
                at[_PLACE[stopped]] = 0


_PLACE = {
    c.WANTS_GAPS: c.GAP,
    c.WANTS_QUANTITIES: c.QUANTITY,
    c.WANTS_LEAD_TIMES: c.LEAD_TIME,
}


def _rules(job: Job) -> c.Rules:
    return c.Rules(
        *order_rule(job.scenario.policies[job.policy], job.grid.units),
        lost_sales=job.scenario.lost_sales,
        may_overtake=job.scenario.lead_time.order_crossing,
        demand_first=job.scenario.clock.demand_first,
        review=job.review or 0.0,
        period=job.period or 0.0,
        window=job.window,
        windows=job.windows.count,
        last_instant=job.last_instant,
    )


def order_rule(
    policy: Policy, units: Callable[[float], float]
) -> tuple[bool, float, float, float, float]:
    """Fixed lots?, trigger, lot, least and multiple of an order, in grid units."""
    if isinstance(policy, RQ):
        return True, units(policy.reorder_point), units(policy.order_quantity), 0.0, 0.0
    assert not isinstance(policy, OwnPolicy)
    lot = units(policy.order_up_to)
    # In whole grid units, below S is at or below S - 1.
    trigger = lot - 1 if isinstance(policy, BaseStock) else units(policy.reorder_point)
    return False, trigger, lot, units(policy.minimum_order or 0), units(policy.order_multiple or 0)


def _whole_periods(job: Job) -> int | None:
    """The lead time in demand periods, where nothing happens between demand instants."""
    lead_time = job.scenario.lead_time.distribution
    if job.period is None or job.within or not isinstance(lead_time, Constant):
        return None
    times = [job.grid.ticks(lead_time.value), job.review or 0.0, job.opening, job.window]
    if lead_time.value == 0 or any(math.fmod(time, job.period) for time in times):
        return None
    return int(times[0] / job.period)


def _looks_after_customers(job: Job) -> bool:
    """Customers come one by one, a look follows each, and all orders take as long."""
    lead_time, demand = job.scenario.lead_time.distribution, job.scenario.demand
    if isinstance(demand, RenewalDemand):
        gap = demand.interarrival
        apart = gap.is_continuous or gap.smallest() > 0
    else:
        apart = isinstance(demand, PoissonDemand)
    watched = apart and job.review is None and not job.within
    return watched and isinstance(lead_time, Constant) and lead_time.value > 0


def _state(job: Job) -> tuple[Block, Places]:
    """The stocking point at time 0."""
    s, at = np.zeros(c.FLOATS), np.zeros(c.WHOLES, dtype=np.int64)
    s[c.NET] = job.start
    s[c.LAST_RECEIPT] = -1.0
    s[c.NEXT_WINDOW] = job.opening
    s[c.NEXT_PERIOD_END] = job.period or math.inf
    s[c.NEXT_CUSTOMER] = 0.0 if job.period else -1.0
    at[c.ROW] = at[c.PERIOD_ROW] = job.windows.count  # the row that is thrown away
    return s, at


def _queues(s: Block, at: Places, job: Job) -> c.Queues:
    due, units, owed, asked_at = np.zeros((4, ROOM))
    queues = c.Queues(due, units, owed, asked_at, np.zeros(ROOM, np.int64))
    if s[c.NET] < 0:  # owed to nobody in the windows
        queues.owed[0], queues.asked_at[0], queues.asked_in[0] = -s[c.NET], -math.inf, at[c.ROW]
        at[c.LAST_OWED] = 1
    return queues


def _with_room(queues: c.Queues, at: Places) -> c.Queues:
    """The queues moved to the front of arrays with room for as many again."""
    due = slice(at[c.FIRST_DUE], at[c.LAST_DUE])
    owed = slice(at[c.FIRST_OWED], at[c.LAST_OWED])
    at[c.FIRST_DUE], at[c.LAST_DUE] = 0, due.stop - due.start
    at[c.FIRST_OWED], at[c.LAST_OWED] = 0, owed.stop - owed.start
    used = (due, due, owed, owed, owed)
    return c.Queues._make(_roomy(q[part]) for q, part in zip(queues, used, strict=True))


def _roomy(used: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([used, np.zeros(max(ROOM, used.size), used.dtype)])


def _events(rows: Block, job: Job) -> Iterator[Event]:
    grid = job.grid
    for time, event, *amounts in rows.tolist():
        yield Event(grid.time(time), _EVENTS[int(event)], *map(grid.quantity, amounts))
