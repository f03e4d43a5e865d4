"""The readable engine: the rules of one stocking point as SimPy processes.

Within one instant a window opens or closes first, then a demand period ends, then receipts
arrive, then reviews and customers come in the scenario's sequence. Times are ticks and
quantities grid units throughout; :mod:`simlevel.engines.ledger` converts them at the end.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from numbers import Real
from typing import TypeAlias

import simpy

from simlevel.draws import Draws, one_by_one
from simlevel.engines.ledger import Count, Event, Job, Totals, in_own_units
from simlevel.errors import InputError
from simlevel.model.fields import LARGEST
from simlevel.model.grid import Grid
from simlevel.model.policy import RQ, SS, BaseStock, OwnPolicy, Policy, State

Process: TypeAlias = Generator[simpy.Event, object, None]

# Places within an instant; SimPy's own events (0 and 1) come before all of them.
WINDOW, PERIOD_END, RECEIVE, REVIEW_FIRST, DEMAND, REVIEW_LAST, END = range(2, 9)


class Step(simpy.Event):
    """Happens after *delay* ticks, in its *place* within that instant."""

    def __init__(self, env: simpy.Environment, delay: float, place: int) -> None:
        self.env = env
        self.callbacks = []
        self._value = None
        self._ok = True
        env.schedule(self, place, delay)  # type: ignore[arg-type]


class SimPyEngine:
    """Simulates a job, one replication at a time; runs policies of the user's own too.

    Raises InputError where a distribution is too wide to tabulate, or where a policy of the
    user's own orders something that is no quantity.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._draws = Draws(job.scenario, job.grid, job.seed, job.customers)

    def run(self, replication: int, trace: list[Event] | None = None) -> Totals:
        """Totals of one replication, shape (windows, totals); events are added to *trace*."""
        job = self._job
        env = simpy.Environment()
        counts = [Count(delivered_within=[0.0] * len(job.within)) for _ in range(job.windows.count)]
        shipments = Supplier(
            env,
            one_by_one(self._draws.lead_times(replication)),
            may_overtake=job.scenario.lead_time.order_crossing,
        )
        point = StockingPoint(env, job, shipments, trace)
        env.process(_watch(env, point, counts))
        env.process(_review(env, point))
        quantities = one_by_one(self._draws.quantities(replication))
        if job.period is None:
            gaps = one_by_one(self._draws.gaps(replication))
            env.process(_customers(env, point, gaps, quantities))
        else:
            env.process(_periods(env, point, quantities))
            env.process(_period_ends(env, point))
        env.run(until=Step(env, job.last_instant, END))
        return in_own_units([count.row() for count in counts], job)


# --- who acts ------------------------------------------------------------------------------


def _customers(
    env: simpy.Environment, point: StockingPoint, gaps: Iterator[float], asked: Iterator[float]
) -> Process:
    for gap, quantity in zip(gaps, asked, strict=False):
        yield Step(env, gap, DEMAND)
        if quantity:
            point.ask(quantity)


def _periods(env: simpy.Environment, point: StockingPoint, asked: Iterator[float]) -> Process:
    """Demand at 0, every, 2 every, ...: one customer a period, or nobody."""
    delay = 0.0
    for quantity in asked:
        yield Step(env, delay, DEMAND)
        point.begin_period(quantity)
        delay = point.job.period or 0.0


def _period_ends(env: simpy.Environment, point: StockingPoint) -> Process:
    while True:
        yield Step(env, point.job.period or 0.0, PERIOD_END)
        point.end_period()


def _review(env: simpy.Environment, point: StockingPoint) -> Process:
    """Reviews at 0, R, 2R, ...; under continuous review at 0, then after each customer."""
    place = REVIEW_LAST if point.job.scenario.clock.demand_first else REVIEW_FIRST
    yield Step(env, 0, place)
    point.review()
    while point.job.review is not None:
        yield Step(env, point.job.review, place)
        point.review()


def _watch(env: simpy.Environment, point: StockingPoint, counts: list[Count]) -> Process:
    """Open and close the counted windows."""
    yield Step(env, point.job.opening, WINDOW)
    for count in counts:
        point.count_in(count)
        count.time = point.job.window
        yield Step(env, count.time, WINDOW)
    point.count_in(Count(delivered_within=[0.0] * len(point.job.within)))


class Supplier:
    """Delivers each order after a lead time of its own."""

    def __init__(
        self, env: simpy.Environment, lead_times: Iterator[float], *, may_overtake: bool
    ) -> None:
        self._env = env
        self._lead_times = lead_times
        self._may_overtake = may_overtake
        self._last: simpy.Process | None = None

    def order(self, quantity: float, point: StockingPoint) -> None:
        """Take an order of *point*; with no lead time it is there at once."""
        lead_time = next(self._lead_times)
        ahead = None if self._may_overtake else self._last
        waits = ahead is not None and ahead.is_alive
        if lead_time == 0 and not waits:
            point.receive(quantity)
        else:
            shipment = self._ship(quantity, point, lead_time, ahead if waits else None)
            self._last = self._env.process(shipment)

    def _ship(
        self, quantity: float, point: StockingPoint, lead_time: float, ahead: simpy.Process | None
    ) -> Process:
        yield Step(self._env, lead_time, RECEIVE)
        if ahead is not None and ahead.is_alive:
            yield ahead
        point.receive(quantity)


# --- where stock is ------------------------------------------------------------------------


class StockingPoint:
    """Stock, customers who wait, and what is on order, at one place.

    Net inventory is what is on hand, or minus what is owed: never both. ``waiting`` holds
    the owed units, oldest first. What is on order was ordered and has not been received.
    """

    def __init__(
        self,
        env: simpy.Environment,
        job: Job,
        supplier: Supplier,
        trace: list[Event] | None = None,
    ) -> None:
        self.env = env
        self.job = job
        self.net_inventory = job.start
        self.on_order = 0.0
        self._supplier = supplier
        self._rule = rule(job.scenario.policies[job.policy], job.grid)
        self._looks_after_each_customer = job.review is None
        self._lost_sales = job.scenario.lost_sales
        self._trace = trace
        self._count = self._period_count = Count(delivered_within=[0.0] * len(job.within))
        self._since = 0.0
        self._last_receipt = -1.0
        self._cycle_was_whole = True
        self._left_short = False
        self._waiting: deque[Owed] = deque()
        if self.net_inventory < 0:
            self._waiting.append(Owed(-math.inf, -self.net_inventory, self._count))

    @property
    def inventory_position(self) -> float:
        return self.net_inventory + self.on_order

    def ask(self, quantity: float) -> bool:
        """A customer takes what is on the shelf; the rest is owed or lost. Was it all there?"""
        self._elapse()
        count, before = self._count, self.net_inventory
        served = quantity if before >= quantity else max(before, 0.0)
        count.customers += 1
        count.units_demanded += quantity
        count.units_from_shelf += served
        if self.on_order:
            count.units_demanded_in_lead_time += quantity
            count.units_from_shelf_in_lead_time += served
        if served == quantity:
            count.customers_whole += 1
            self.net_inventory = before - quantity
        else:
            self._leave_short(quantity - served, before - served)
        if self._trace is not None:
            self._record("demand", quantity, before)
        if self._looks_after_each_customer:
            self.review()
        return served == quantity

    def review(self) -> None:
        """Look at the inventory position, and order if the policy says so."""
        quantity = self._rule(self)
        if quantity:
            self._elapse()
            self._count.orders += 1
            self._count.units_ordered += quantity
            self.on_order += quantity
            self._record("order", quantity, self.net_inventory)
            self._supplier.order(quantity, self)

    def receive(self, quantity: float) -> None:
        """A receipt serves those who wait, oldest first; the rest goes on the shelf."""
        self._elapse()
        self._end_cycle()
        before = self.net_inventory
        self.on_order -= quantity
        self.net_inventory += quantity
        if before < 0:
            self._serve_waiting(min(quantity, -before))
        self._record("receive", quantity, before)

    def begin_period(self, quantity: float) -> None:
        """The demand of a period, 0 if nobody comes."""
        self._period_count = self._count
        served = self.ask(quantity) if quantity else True
        self._period_count.periods += 1
        self._period_count.periods_served += served

    def end_period(self) -> None:
        """Just before the receipts of the next period; counted where its demand was."""
        self._period_count.periods_without_backorders += self.net_inventory >= 0
        self._period_count.backorders_at_period_ends += max(-self.net_inventory, 0.0)

    def count_in(self, count: Count) -> None:
        """From now on, count in this window."""
        self._elapse()
        self._count = count

    def _elapse(self) -> None:
        """Add the time since the last event to the areas."""
        now = self.env.now
        span = now - self._since
        if span:
            count, net = self._count, self.net_inventory
            if net > 0:
                count.area_on_hand += net * span
                count.time_in_stock += span
            else:
                count.area_backorders -= net * span
            count.area_on_order += self.on_order * span
            self._since = now

    def _leave_short(self, short: float, rest: float) -> None:
        self._left_short = True
        if self._lost_sales:
            self.net_inventory = rest
            self._count.units_lost += short
        else:
            self.net_inventory = rest - short
            self._waiting.append(Owed(self.env.now, short, self._count))

    def _end_cycle(self) -> None:
        """A receipt ends a cycle; receipts at one instant are one, and end it with the last."""
        whole = not self._left_short and self.net_inventory >= 0
        count = self._count
        if self.env.now != self._last_receipt:
            count.cycles += 1
            count.cycles_without_stockout += whole
            count.net_inventory_before_receipts += self.net_inventory
            self._cycle_was_whole = whole
        elif self._cycle_was_whole and not whole:
            count.cycles_without_stockout -= 1
            self._cycle_was_whole = False
        self._last_receipt = self.env.now
        self._left_short = False

    def _serve_waiting(self, units: float) -> None:
        while units:
            owed = self._waiting[0]
            delivered = min(units, owed.units)
            for index, within in enumerate(self.job.within):
                if self.env.now <= owed.asked + within:
                    owed.count.delivered_within[index] += delivered
            owed.units -= delivered
            units -= delivered
            if not owed.units:
                self._waiting.popleft()

    def _record(self, event: str, quantity: float, before: float) -> None:
        if self._trace is not None:
            grid, net = self.job.grid, self.net_inventory
            waiting = max(0.0, -net)
            amounts = (quantity, before, net, self.inventory_position, self.on_order, waiting)
            self._trace.append(Event(grid.time(self.env.now), event, *map(grid.quantity, amounts)))


class Owed:
    """Units that one customer waits for, since when, and the window that counts them."""

    __slots__ = ("asked", "count", "units")

    def __init__(self, asked: float, units: float, count: Count) -> None:
        self.asked = asked
        self.units = units
        self.count = count


# --- when to order, and how much -----------------------------------------------------------


def rule(policy: Policy, grid: Grid) -> Callable[[StockingPoint], float]:
    """Grid units that *policy* orders at a review; 0 for none."""
    match policy:
        case RQ():
            return _multiples(grid.units(policy.reorder_point), grid.units(policy.order_quantity))
        case SS():
            return _up_to(policy, grid.units(policy.reorder_point), grid)
        case BaseStock():
            # In whole grid units, below S is at or below S - 1.
            return _up_to(policy, grid.units(policy.order_up_to) - 1, grid)
        case OwnPolicy():
            return _own(policy, grid)


def _multiples(reorder_point: float, order_quantity: float) -> Callable[[StockingPoint], float]:
    def order(point: StockingPoint) -> float:
        below = reorder_point - point.net_inventory - point.on_order
        return order_quantity * (below // order_quantity + 1) if below >= 0 else 0.0

    return order


def _up_to(
    policy: SS | BaseStock, reorder_point: float, grid: Grid
) -> Callable[[StockingPoint], float]:
    order_up_to = grid.units(policy.order_up_to)
    least = grid.units(policy.minimum_order or 0)
    multiple = grid.units(policy.order_multiple or 0)

    def order(point: StockingPoint) -> float:
        position = point.inventory_position
        if position > reorder_point:
            return 0.0
        quantity = max(order_up_to - position, least)
        return math.ceil(quantity / multiple) * multiple if multiple else quantity

    return order


def _own(policy: OwnPolicy, grid: Grid) -> Callable[[StockingPoint], float]:
    def order(point: StockingPoint) -> float:
        net = grid.quantity(point.net_inventory)
        on_order = grid.quantity(point.on_order)
        state = State(grid.time(point.env.now), max(0.0, net), max(0.0, -net), on_order)
        quantity = policy.rule.order(state)
        number = isinstance(quantity, Real) and not isinstance(quantity, bool)
        if not (number and 0 <= quantity <= LARGEST):
            raise InputError(f"expected order(state) to return 0 or more, found {quantity!r}")
        return grid.units(float(quantity))

    return order
