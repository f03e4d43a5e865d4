"""What the engine should do, and what its event table adds up to, worked out the slow way.

Nothing here is shared with the engines but the scenario, the grid and the draws. ``events``
goes through section 1 of the contract instant by instant with lists and loops; ``totals``
reads an event table and adds up each total of the contract's section 3 on its own.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from simlevel import words
from simlevel.draws import Draws
from simlevel.engines.ledger import Event, Job
from simlevel.model.demand import HistoryDemand, PeriodicDemand

NEAR = 1e-9
"""Computed times that are equal on paper are at least this near."""


# --- what should happen ------------------------------------------------------------------------


def events(job: Job, replication: int, order: Callable[[float, float], float]) -> list[Event]:
    """The event table; *order* gives what a review at (time, position), in units, orders."""
    draws = Draws(job.scenario, job.grid, job.seed)
    lead_times = (x for block in draws.lead_times(replication) for x in block.tolist())
    customers = _customers(job, draws, replication)
    reviews = _reviews(job)
    shelf = _Shelf(job, order, lead_times)
    continuous, demand_first = job.review is None, job.scenario.clock.demand_first
    while True:
        due = min((arrival for arrival, _ in shelf.transit), default=math.inf)
        now = min(customers[0][0], reviews[0], due)
        if now > job.last_instant:
            return shelf.table
        shelf.now = now
        shelf.receive_due()
        for step in ("demand", "review") if demand_first else ("review", "demand"):
            if step == "review" and reviews[0] == now:
                reviews.pop(0)
                shelf.review()
            while step == "demand" and customers[0][0] == now:
                quantity = customers.pop(0)[1]
                if quantity:
                    shelf.demand(quantity)
                    if continuous:
                        shelf.review()


class _Shelf:
    def __init__(
        self, job: Job, order: Callable[[float, float], float], lead_times: Iterator[float]
    ) -> None:
        self.job, self.order, self.lead_times = job, order, lead_times
        self.now = 0.0
        self.net = job.start
        self.transit: list[tuple[float, float]] = []
        self.latest = -math.inf
        self.table: list[Event] = []

    def receive_due(self) -> None:
        for arrival, quantity in sorted(self.transit, key=lambda one: one[0]):
            if arrival <= self.now:
                self.transit.remove((arrival, quantity))
                self.note("receive", quantity, self.net + quantity)

    def demand(self, quantity: float) -> None:
        left = self.net - quantity
        self.note("demand", quantity, max(left, 0) if self.job.scenario.lost_sales else left)

    def review(self) -> None:
        position = self.net + sum(quantity for _, quantity in self.transit)
        quantity = self.order(self.now, position)
        if quantity:
            arrival = self.now + next(self.lead_times)
            if not self.job.scenario.lead_time.order_crossing:
                arrival = max(arrival, self.latest)
            self.latest = arrival
            self.transit.append((arrival, quantity))
            self.note("order", quantity, self.net)
            self.receive_due()

    def note(self, event: str, quantity: float, net: float) -> None:
        before, self.net = self.net, net
        outstanding = sum(quantity for _, quantity in self.transit)
        row = (quantity, before, net, net + outstanding, outstanding, max(0, -net))
        grid = self.job.grid
        self.table.append(Event(grid.time(self.now), event, *map(grid.quantity, row)))


def _customers(job: Job, draws: Draws, replication: int) -> list[tuple[float, float]]:
    """(tick, quantity) of everybody who might come until the end, and one after it."""
    quantities = (x for block in draws.quantities(replication) for x in block.tolist())
    gaps = (
        itertools.chain([0.0], itertools.repeat(job.period))
        if job.period is not None
        else (x for block in draws.gaps(replication) for x in block.tolist())
    )
    now, found = 0.0, []
    while now <= job.last_instant:
        now += next(gaps)
        found.append((now, next(quantities)))
    return found


def _reviews(job: Job) -> list[float]:
    if job.review is None:
        return [0.0, math.inf]
    count = int(job.last_instant // job.review) + 2
    return [k * job.review for k in range(count)]


def rule(job: Job) -> Callable[[float, float], float]:
    """Section 4 of the contract's three policies, by trying one quantity after another."""
    policy, unit = job.scenario.policies[job.policy], job.grid.unit

    def typed(value: float | None) -> int:
        found = Fraction(repr(value or 0)) / unit
        assert found.denominator == 1
        return int(found)

    def order(now: float, position: float) -> float:
        if policy.kind == "rQ":
            quantity = 0
            while position + quantity <= typed(policy.reorder_point):
                quantity += typed(policy.order_quantity)
            return quantity
        top, least = typed(policy.order_up_to), typed(policy.minimum_order)
        waits = position >= top if policy.kind == "base_stock" else (
            position > typed(policy.reorder_point)
        )  # fmt: skip
        if waits:
            return 0
        quantity, multiple = max(top - position, least), typed(policy.order_multiple)
        whole = multiple
        while multiple and whole < quantity:
            whole += multiple
        return whole if multiple else quantity

    return order


# --- what it adds up to ------------------------------------------------------------------------


def totals(job: Job, table: Sequence[Event]) -> list[dict[str, float]]:
    """The totals of each window, from the table's times, events and quantities alone."""
    return [_Window(job, table, number).totals() for number in range(job.windows.count)]


class _Window:
    def __init__(self, job: Job, table: Sequence[Event], number: int) -> None:
        length = Fraction(repr(job.windows.length))
        opening = Fraction(repr(job.windows.warmup)) + number * length
        self.job, self.scenario = job, job.scenario
        self.opening, self.closing = float(opening), float(opening + length)
        self.start = _exactly(self.scenario.start_level(job.policy), job)
        self.rows = [(row.time, row.event, _exactly(row.quantity, job)) for row in table]
        self.nets = [self.start, *self._net()]
        """Before the first event, and after each."""
        self.lost = self.scenario.lost_sales

    def counts(self, time: float) -> bool:
        return self.opening <= time < self.closing

    def _net(self) -> Iterator[Fraction]:
        net = self.start
        for _, event, quantity in self.rows:
            net += {"receive": quantity, "demand": -quantity, "order": 0}[event]
            if self.scenario.lost_sales:
                net = max(net, Fraction(0))
            yield net

    def totals(self) -> dict[str, float]:
        sums: dict[str, Fraction | float] = defaultdict(int)
        sums["time"] = self.closing - self.opening
        for part in (self._customers, self._cycles, self._orders, self._areas, self._waits):
            for name, amount in part():
                sums[name] += amount
        if isinstance(self.scenario.demand, (PeriodicDemand, HistoryDemand)):
            for name, amount in self._periods():
                sums[name] += amount
        return {name: float(amount) for name, amount in sums.items()} | {
            name: 0.0 for name in words.TOTALS if name not in sums
        }

    def _customers(self) -> Iterator[tuple[str, Fraction | int]]:
        outstanding = 0
        for (time, event, quantity), before in zip(self.rows, self.nets, strict=False):
            outstanding += {"order": 1, "receive": -1, "demand": 0}[event]
            if event == "demand" and self.counts(time):
                served = max(min(before, quantity), Fraction(0))
                yield "customers", 1
                yield "customers_whole", int(served == quantity)
                yield "units_demanded", quantity
                yield "units_from_shelf", served
                yield "units_lost", quantity - served if self.lost else 0
                if outstanding:
                    yield "units_demanded_in_lead_time", quantity
                    yield "units_from_shelf_in_lead_time", served

    def _orders(self) -> Iterator[tuple[str, Fraction | int]]:
        for time, event, quantity in self.rows:
            if event == "order" and self.counts(time):
                yield "orders", 1
                yield "units_ordered", quantity

    def _cycles(self) -> Iterator[tuple[str, Fraction | int]]:
        receipts = [at for at, row in enumerate(self.rows) if row[1] == "receive"]
        begin = 0
        for time, group in itertools.groupby(receipts, key=lambda at: self.rows[at][0]):
            at = list(group)
            if self.counts(time):
                yield "cycles", 1
                yield "cycles_without_stockout", int(not self._short(begin, at[-1]))
                yield "net_inventory_before_receipts", self.nets[at[0]]
            begin = at[-1] + 1

    def _short(self, first: int, last: int) -> bool:
        """Somebody waits at the first of these events, or is left short by one of them."""
        rows = zip(self.rows[first : last + 1], self.nets[first : last + 1], strict=True)
        return self.nets[first] < 0 or any(
            event == "demand" and before < quantity for (_, event, quantity), before in rows
        )

    def _areas(self) -> Iterator[tuple[str, float]]:
        times = [row[0] for row in self.rows]
        on_order = Fraction(0)
        for index, net in enumerate(self.nets):
            begin = times[index - 1] if index else 0.0
            if index:
                _, event, quantity = self.rows[index - 1]
                on_order += {"order": quantity, "receive": -quantity, "demand": 0}[event]
            end = times[index] if index < len(times) else math.inf
            span = max(min(end, self.closing) - max(begin, self.opening), 0.0)
            yield "area_on_hand", span * max(net, 0)
            yield "area_backorders", span * max(-net, 0)
            yield "area_on_order", span * on_order
            yield "time_in_stock", span * (net > 0)

    def _waits(self) -> Iterator[tuple[str, Fraction]]:
        """Late deliveries, first come first served."""
        windows = {words.shortest(w): w for w in self.scenario.measures.served_within}
        for asked, delivered, units in waits(self.job, self.rows, self.nets):
            for name, within in windows.items():
                if self.counts(asked) and delivered - asked <= within + NEAR:
                    yield f"delivered_within_{name}", units

    def _periods(self) -> Iterator[tuple[str, Fraction | int]]:
        every = Fraction(repr(self.scenario.demand.every))
        ends = [row[0] for row in self.rows]
        for number in itertools.count(math.floor(Fraction(self.opening) / every)):
            begin, end = float(number * every), float((number + 1) * every)
            if begin >= self.closing:
                return
            if self.counts(begin):
                short = any(
                    time == begin and event == "demand" and before < quantity
                    for (time, event, quantity), before in zip(self.rows, self.nets, strict=False)
                )
                left = self.nets[sum(time < end for time in ends)]
                yield "periods", 1
                yield "periods_served", int(not short)
                yield "periods_without_backorders", int(left >= 0)
                yield "backorders_at_period_ends", max(-left, Fraction(0))


def waits(
    job: Job, rows: Sequence[tuple[float, str, Fraction]], nets: Sequence[Fraction]
) -> list[tuple[float, float, Fraction]]:
    """(asked, delivered, units) of what was owed to customers; infinity where it still is."""
    waiting = [[-math.inf, -nets[0]]] if nets[0] < 0 else []
    found = []
    for (time, event, quantity), before in zip(rows, nets, strict=False):
        if event == "demand" and before < quantity and not job.scenario.lost_sales:
            waiting.append([time, quantity - max(before, Fraction(0))])
        while event == "receive" and quantity and waiting:
            units = min(quantity, waiting[0][1])
            found.append((waiting[0][0], time, units))
            quantity -= units
            waiting[0][1] -= units
            if not waiting[0][1]:
                del waiting[0]
    return found + [(asked, math.inf, units) for asked, units in waiting]


def _exactly(quantity: float, job: Job) -> Fraction:
    """A quantity of the table as the whole number of grid units that it was."""
    return round(Fraction(quantity) / job.grid.unit) * job.grid.unit
