"""Every compiled function, and the only file that imports numba.

Each loop is the rules of :mod:`simlevel.engines.process` again, on ticks and grid units. It
runs until a block of draws is used up, says which one it wants, and goes on where it was.
Without numba the same functions run uncompiled, slowly. One file, as a function that numba keeps
on disk is compiled anew when its own file changes, and not when one that it calls does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from simlevel import words

Function = TypeVar("Function", bound=Callable[..., object])
Number = TypeVar("Number", int, float)
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

try:
    import numba
    from numba.core import event

    COMPILED = True
except ImportError:  # pragma: no cover
    COMPILED = False


def compiled(function: Function) -> Function:
    """*function* compiled on first use, and kept on disk where there is a place for it."""
    if not COMPILED:
        return function
    try:
        return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy")(function))
    except RuntimeError:  # no folder that a cache could be written to
        return cast(Function, numba.njit(nogil=True, error_model="numpy")(function))


def tell_waits(say: Callable[[str], None]) -> None:
    """From now on *say* is told, once, what a run waits for before its loops can start."""
    if not COMPILED:
        say("numba is not installed: the loops run uncompiled, slowly")
        return

    class Compilation(event.Listener):
        said = False

        def on_start(self, event: object) -> None:
            if not self.said:
                self.said = True
                say("compiling the simulation loops, once on this machine")

        def on_end(self, event: object) -> None: ...

    event.register("numba:compile", Compilation())  # type: ignore[no-untyped-call]


@compiled
def place_drawn(uniform: float, guide: Ints, cumulative: Floats) -> int:
    """The least index whose cumulative probability is above *uniform*, by guide table."""
    index = np.uintp(guide[np.uintp(int(uniform * guide.size))])
    while cumulative[index] <= uniform:
        index += np.uintp(1)
    return index  # type: ignore[return-value]


@compiled
def look_up(uniforms: Floats, guide: Ints, cumulative: Floats, values: Floats) -> Floats:
    """Inversion by guide table: the value of the least index with cumulative above each uniform."""
    drawn = np.empty(uniforms.size)
    for i in range(uniforms.size):
        drawn[i] = values[place_drawn(uniforms[i], guide, cumulative)]
    return drawn


@compiled
def in_whole_units(amounts: Floats, scale: float) -> Floats:
    """*amounts* times *scale* as whole numbers; what is above 0 stays so."""
    whole = np.empty(amounts.size)
    for i in range(amounts.size):
        scaled = amounts[i] * scale
        whole[i] = max(np.rint(scaled), 1.0) if scaled > 0 else 0.0
    return whole


# --- the state of a stocking point ---------------------------------------------------------------

# Floats: levels, and the next time of everything that happens.
(
    NET, ON_ORDER, SINCE, LAST_RECEIPT, LAST_CUSTOMER,
    NEXT_WINDOW, NEXT_PERIOD_END, NEXT_REVIEW, NEXT_CUSTOMER,
) = range(9)  # fmt: skip
FLOATS = 9

# Whole numbers: places in the blocks of draws, in the queues, in the totals.
(
    GAP, QUANTITY, LEAD_TIME, FIRST_DUE, LAST_DUE, FIRST_OWED, LAST_OWED,
    ROW, PERIOD_ROW, LEFT_SHORT, CYCLE_WAS_WHOLE, TRACED,
) = range(12)  # fmt: skip
WHOLES = 12

# What a loop stopped for.
DONE, WANTS_GAPS, WANTS_QUANTITIES, WANTS_LEAD_TIMES, WANTS_ROOM, WANTS_TRACE = range(6)

_COLUMN = {name: column for column, name in enumerate(words.TOTALS)}
CUSTOMERS = _COLUMN["customers"]
CUSTOMERS_WHOLE = _COLUMN["customers_whole"]
DEMANDED = _COLUMN["units_demanded"]
FROM_SHELF = _COLUMN["units_from_shelf"]
LOST = _COLUMN["units_lost"]
DEMANDED_IN_LEAD_TIME = _COLUMN["units_demanded_in_lead_time"]
FROM_SHELF_IN_LEAD_TIME = _COLUMN["units_from_shelf_in_lead_time"]
CYCLES = _COLUMN["cycles"]
CYCLES_WHOLE = _COLUMN["cycles_without_stockout"]
NET_BEFORE_RECEIPTS = _COLUMN["net_inventory_before_receipts"]
PERIODS = _COLUMN["periods"]
PERIODS_SERVED = _COLUMN["periods_served"]
PERIODS_CLEAR = _COLUMN["periods_without_backorders"]
BACKORDERS_AT_ENDS = _COLUMN["backorders_at_period_ends"]
ORDERS = _COLUMN["orders"]
ORDERED = _COLUMN["units_ordered"]
AREA_ON_HAND = _COLUMN["area_on_hand"]
AREA_BACKORDERS = _COLUMN["area_backorders"]
AREA_ON_ORDER = _COLUMN["area_on_order"]
TIME_IN_STOCK = _COLUMN["time_in_stock"]
DELIVERED_WITHIN = len(_COLUMN)

RECEIVE, ORDER, DEMAND = range(3)
"""Kinds of event in a trace."""


class Rules(NamedTuple):
    """What a loop has to know of a job; times in ticks, quantities in grid units."""

    fixed_lot: bool
    """Orders are multiples of ``lot``; else up to ``lot``."""
    trigger: float
    lot: float
    least: float
    multiple: float
    lost_sales: bool
    may_overtake: bool
    demand_first: bool
    review: float
    """Review period; 0 under continuous review."""
    period: float
    """Demand period; 0 where customers come one by one."""
    window: float
    windows: int
    last_instant: float


class Queues(NamedTuple):
    """Orders on their way by due time, and owed units, oldest first."""

    due: Floats
    units: Floats
    owed: Floats
    asked_at: Floats
    asked_in: Ints


@compiled
def quantity_ordered(
    fixed_lot: bool, trigger: Number, lot: Number, least: Number, multiple: Number, position: Number
) -> Number:
    """What the policy orders at this inventory position; 0 for nothing."""
    if position > trigger:
        return 0 * position
    if fixed_lot:
        return lot * ((trigger - position) // lot + 1)
    quantity = max(lot - position, least)
    if multiple > 0:
        quantity = -(-quantity // multiple) * multiple
    return quantity


@compiled
def record(
    row: Floats, now: float, event: int, quantity: float, before: float, net: float, on_order: float
) -> None:
    """A row of the event table."""
    row[0], row[1], row[2], row[3] = now, event, quantity, before
    waiting = -net if net < 0 else 0.0  # max(-net, 0.0) can be -0.0
    row[4], row[5], row[6], row[7] = net, net + on_order, on_order, waiting


@compiled
def run_events(
    rules: Rules, s: Floats, at: Ints, due: Floats, units: Floats, owed: Floats,
    asked_at: Floats, asked_in: Ints, within: Floats, gaps: Floats, quantities: Floats,
    lead_times: Floats, totals: Floats, trace: Floats,
) -> int:  # fmt: skip
    """Event by event, for every scenario. Returns what it stopped for.

    What follows from an event follows in the same turn: a customer may be followed by a look,
    a look by an order, an order without lead time by its receipt.
    """
    tracing, follows_customers = trace.shape[0] > 0, within.size > 0
    fixed_lot, trigger, lot = rules.fixed_lot, rules.trigger, rules.lot
    least, multiple, lost_sales = rules.least, rules.multiple, rules.lost_sales
    net, on_order, since, last_receipt = s[NET], s[ON_ORDER], s[SINCE], s[LAST_RECEIPT]
    next_customer, next_review = s[NEXT_CUSTOMER], s[NEXT_REVIEW]
    next_period_end, next_window = s[NEXT_PERIOD_END], s[NEXT_WINDOW]
    gap, quantity, lead = at[GAP], at[QUANTITY], at[LEAD_TIME]
    first_due, last_due = at[FIRST_DUE], at[LAST_DUE]
    first_owed, last_owed = at[FIRST_OWED], at[LAST_OWED]
    row, period_row, traced = at[ROW], at[PERIOD_ROW], at[TRACED]
    left_short, cycle_was_whole = at[LEFT_SHORT], at[CYCLE_WAS_WHOLE]
    here = totals[row]
    stopped = DONE
    while True:
        if next_customer < 0 and gap < gaps.size:
            next_customer = s[LAST_CUSTOMER] + gaps[gap]
            gap += 1
        if next_customer < 0:
            stopped = WANTS_GAPS
            break
        if quantity == quantities.size:
            stopped = WANTS_QUANTITIES
            break
        if lead == lead_times.size:
            stopped = WANTS_LEAD_TIMES
            break
        if last_due == due.size or last_owed == owed.size:
            stopped = WANTS_ROOM
            break
        if tracing and traced + 4 > trace.shape[0]:
            stopped = WANTS_TRACE
            break
        next_due = due[first_due] if first_due < last_due else np.inf
        now = min(min(next_customer, next_due), min(next_review, min(next_period_end, next_window)))
        if now > rules.last_instant:
            break
        opens = ends = looks = asks = False
        arriving = ordered = 0.0
        if now == next_window:
            opens = True
        elif now == next_period_end:
            ends = True
        elif now == next_due:
            arriving = units[first_due]
            first_due += 1
        elif now == next_review and not (rules.demand_first and now == next_customer):
            next_review = now + rules.review if rules.review > 0 else np.inf
            ordered = quantity_ordered(fixed_lot, trigger, lot, least, multiple, net + on_order)
            looks = ordered > 0
        else:
            asks = True
        asked = quantities[quantity] if asks else 0.0

        if opens or looks or arriving > 0 or asked > 0:
            span = now - since
            if span > 0:
                if net > 0:
                    here[AREA_ON_HAND] += net * span
                    here[TIME_IN_STOCK] += span
                else:
                    here[AREA_BACKORDERS] -= net * span
                here[AREA_ON_ORDER] += on_order * span
                since = now

        if opens:
            row = (row + 1) % totals.shape[0]
            here = totals[row]
            next_window = now + rules.window if row != rules.windows else np.inf
        elif ends:
            totals[period_row, PERIODS_CLEAR] += net >= 0
            totals[period_row, BACKORDERS_AT_ENDS] += max(-net, 0.0)
            next_period_end = now + rules.period

        if asks:
            quantity += 1
            if rules.period > 0:
                next_customer = now + rules.period
                period_row = row
                here[PERIODS] += 1
                here[PERIODS_SERVED] += asked == 0 or net >= asked
            else:
                s[LAST_CUSTOMER], next_customer = now, -1.0
        if asked > 0:
            before = net
            served = asked if net >= asked else max(net, 0.0)
            here[CUSTOMERS] += 1
            here[DEMANDED] += asked
            here[FROM_SHELF] += served
            if on_order > 0:
                here[DEMANDED_IN_LEAD_TIME] += asked
                here[FROM_SHELF_IN_LEAD_TIME] += served
            if served == asked:
                here[CUSTOMERS_WHOLE] += 1
                net -= asked
            else:
                left_short = 1
                if lost_sales:
                    net -= served
                    here[LOST] += asked - served
                else:
                    net -= asked
                    if follows_customers:
                        owed[last_owed] = asked - served
                        asked_at[last_owed], asked_in[last_owed] = now, row
                        last_owed += 1
            if tracing:
                record(trace[traced], now, DEMAND, asked, before, net, on_order)
                traced += 1
            if rules.review == 0:
                ordered = quantity_ordered(fixed_lot, trigger, lot, least, multiple, net + on_order)

        if ordered > 0:
            here[ORDERS] += 1
            here[ORDERED] += ordered
            on_order += ordered
            if tracing:
                record(trace[traced], now, ORDER, ordered, net, net, on_order)
                traced += 1
            lead_time = lead_times[lead]
            lead += 1
            waits = not rules.may_overtake and last_due > first_due
            if lead_time == 0 and not waits:
                arriving = ordered
            else:
                arrival = now + lead_time
                if waits:
                    arrival = max(arrival, due[last_due - 1])
                place = last_due
                while place > first_due and due[place - 1] > arrival:
                    due[place], units[place] = due[place - 1], units[place - 1]
                    place -= 1
                due[place], units[place] = arrival, ordered
                last_due += 1

        if arriving > 0:
            whole = left_short == 0 and net >= 0
            if now != last_receipt:
                here[CYCLES] += 1
                here[CYCLES_WHOLE] += whole
                here[NET_BEFORE_RECEIPTS] += net
                cycle_was_whole = int(whole)
            elif cycle_was_whole == 1 and not whole:
                here[CYCLES_WHOLE] -= 1
                cycle_was_whole = 0
            last_receipt = now
            left_short = 0
            before = net
            on_order -= arriving
            net += arriving
            late = min(arriving, -before)
            while late > 0 and follows_customers:
                delivered = min(late, owed[first_owed])
                for i in range(within.size):
                    if now <= asked_at[first_owed] + within[i]:
                        totals[asked_in[first_owed], DELIVERED_WITHIN + i] += delivered
                owed[first_owed] -= delivered
                late -= delivered
                if owed[first_owed] == 0:
                    first_owed += 1
            if tracing:
                record(trace[traced], now, RECEIVE, arriving, before, net, on_order)
                traced += 1

    s[NET], s[ON_ORDER], s[SINCE], s[LAST_RECEIPT] = net, on_order, since, last_receipt
    s[NEXT_CUSTOMER], s[NEXT_REVIEW] = next_customer, next_review
    s[NEXT_PERIOD_END], s[NEXT_WINDOW] = next_period_end, next_window
    at[GAP], at[QUANTITY], at[LEAD_TIME] = gap, quantity, lead
    at[FIRST_DUE], at[LAST_DUE] = first_due, last_due
    at[FIRST_OWED], at[LAST_OWED] = first_owed, last_owed
    at[ROW], at[PERIOD_ROW], at[TRACED] = row, period_row, traced
    at[LEFT_SHORT], at[CYCLE_WAS_WHOLE] = left_short, cycle_was_whole
    return stopped


@compiled
def run_customers(
    rules: Rules, s: Floats, at: Ints, due: Floats, units: Floats, gaps: Floats,
    quantities: Floats, lead_time: float, totals: Floats,
) -> int:  # fmt: skip
    """Customer by customer, where each is followed by a look and all orders take as long.

    ``quantities[i]`` is asked for ``gaps[i]`` after the customer before. Areas are added up in
    the order of :func:`run_events`, since times may be any floats; the rest are whole numbers,
    in any order the same. Sums are kept in registers and written once a window. Returns what it
    stopped for.
    """
    trigger, lot, lost_sales = rules.trigger, rules.lot, rules.lost_sales
    net, position = s[NET], s[NET] + s[ON_ORDER]
    since, last_receipt, last_customer = s[SINCE], s[LAST_RECEIPT], s[LAST_CUSTOMER]
    i, one = np.uint64(at[QUANTITY]), np.uint64(1)
    first_due, last_due = at[FIRST_DUE], at[LAST_DUE]
    beyond = np.nextafter(rules.last_instant, np.inf)
    left_short, cycle_was_whole = at[LEFT_SHORT] != 0, at[CYCLE_WAS_WHOLE] != 0
    next_due = due[first_due] if first_due < last_due else np.inf
    next_window = s[NEXT_WINDOW]
    stopped = -1
    while stopped < 0:
        row = totals[at[ROW]]
        on_hand, backorders = row[AREA_ON_HAND], row[AREA_BACKORDERS]
        outstanding, in_stock = row[AREA_ON_ORDER], row[TIME_IN_STOCK]
        customers = short_customers = cycles = whole_cycles = orders = 0
        demanded = missed = demanded_quietly = missed_in_lead_time = 0.0
        net_before = ordered = 0.0
        soon = min(min(next_due, next_window), beyond)
        while True:
            if i >= quantities.size:
                stopped = WANTS_QUANTITIES
                break
            now = last_customer + gaps[i]
            asked = 0.0
            if now < soon:
                last_customer = now
                asked = quantities[i]
                i += one
                if asked == 0:
                    continue
            else:
                now = soon
                if now == beyond:
                    stopped = DONE
                    break
            span = now - since
            since = now
            if net > 0:
                on_hand += net * span
                in_stock += span
            else:
                backorders -= net * span
            outstanding += (position - net) * span
            if asked > 0:
                customers += 1
                demanded += asked
                quiet = position == net
                if quiet:
                    demanded_quietly += asked
                if net < asked:
                    short = asked - max(net, 0.0)
                    short_customers += 1
                    missed += short
                    missed_in_lead_time += 0.0 if quiet else short
                    left_short = True
                    if lost_sales:
                        asked -= short
                net -= asked
                position -= asked
                if position <= trigger:
                    placed = quantity_ordered(
                        rules.fixed_lot, trigger, lot, rules.least, rules.multiple, position
                    )
                    orders += 1
                    ordered += placed
                    position += placed
                    due[last_due], units[last_due] = now + lead_time, placed
                    last_due += 1
                    next_due = due[first_due]
                    soon = min(min(next_due, next_window), beyond)
                    if last_due == due.size:
                        stopped = WANTS_ROOM
                        break
            elif now == next_window:
                break
            else:
                whole = not left_short and net >= 0
                if now != last_receipt:
                    cycles += 1
                    whole_cycles += whole
                    net_before += net
                    cycle_was_whole = whole
                elif cycle_was_whole and not whole:
                    whole_cycles -= 1
                    cycle_was_whole = False
                last_receipt = now
                left_short = False
                net += units[first_due]
                first_due += 1
                next_due = due[first_due] if first_due < last_due else np.inf
                soon = min(min(next_due, next_window), beyond)
        row[AREA_ON_HAND], row[AREA_BACKORDERS] = on_hand, backorders
        row[AREA_ON_ORDER], row[TIME_IN_STOCK] = outstanding, in_stock
        row[CUSTOMERS] += customers
        row[CUSTOMERS_WHOLE] += customers - short_customers
        row[DEMANDED] += demanded
        row[FROM_SHELF] += demanded - missed
        row[LOST] += missed if lost_sales else 0.0
        row[DEMANDED_IN_LEAD_TIME] += demanded - demanded_quietly
        row[FROM_SHELF_IN_LEAD_TIME] += demanded - demanded_quietly - missed_in_lead_time
        row[CYCLES] += cycles
        row[CYCLES_WHOLE] += whole_cycles
        row[NET_BEFORE_RECEIPTS] += net_before
        row[ORDERS] += orders
        row[ORDERED] += ordered
        if stopped < 0:
            at[ROW] = (at[ROW] + 1) % totals.shape[0]
            next_window = next_window + rules.window if at[ROW] != rules.windows else np.inf
    s[NET], s[ON_ORDER], s[SINCE], s[LAST_RECEIPT] = net, position - net, since, last_receipt
    s[LAST_CUSTOMER], s[NEXT_WINDOW] = last_customer, next_window
    at[QUANTITY], at[FIRST_DUE], at[LAST_DUE] = i, first_due, last_due
    at[LEFT_SHORT], at[CYCLE_WAS_WHOLE] = left_short, cycle_was_whole
    return stopped


@compiled
def reviewed(period: int, review: int) -> bool:
    """Whether a look falls in *period*, every *review* of them; with 0, in the first alone."""
    return review == 1 or (period == 0 if review == 0 else period % review == 0)


@compiled
def run_periods(
    rules: Rules, s: Floats, at: Ints, pipeline: Ints, quantities: Floats, seen: Ints,
    totals: Floats,
) -> int:  # fmt: skip
    """Period by period, where nothing happens between the demand instants.

    That is: periodic demand, reviews and one constant lead time in whole periods, windows
    that open at a demand instant. ``pipeline`` holds what arrives in each coming period, and
    times in ``s`` and ``rules`` count periods. What customers find is written to ``seen``, two
    rows as long as a block, and counted a window at a time, which a processor does for several
    periods at once. Returns what it stopped for.
    """
    lost_sales, demand_first, review = rules.lost_sales, rules.demand_first, int(rules.review)
    trigger, lot = int(rules.trigger), int(rules.lot)
    least, multiple = int(rules.least), int(rules.multiple)
    net, position = int(s[NET]), int(s[NET] + s[ON_ORDER])
    period = int(s[NEXT_CUSTOMER])
    left_short = at[LEFT_SHORT] != 0
    slot = np.uintp(period % pipeline.size)
    while at[QUANTITY] < quantities.size:
        if period > rules.last_instant:
            return DONE
        if period == s[NEXT_WINDOW]:
            at[ROW] = (at[ROW] + 1) % totals.shape[0]
            s[NEXT_WINDOW] = period + rules.window if at[ROW] != rules.windows else np.inf
        left = min(s[NEXT_WINDOW], rules.last_instant + 1) - period
        first = at[QUANTITY]
        stop = first + int(min(left, quantities.size - first))
        asks, nets, on_orders = quantities[first:stop], seen[0, first:stop], seen[1, first:stop]
        cycles = cut_cycles = net_before = orders = ordered = ordered_late = 0
        for i in range(asks.size):
            arriving = pipeline[slot]
            if arriving > 0:
                cycles += 1
                cut_cycles += left_short or net < 0
                net_before += net
                left_short = False
                net += arriving
            placed = 0
            # Most looks find nothing to do; whether there is one at all is asked last.
            if position <= trigger and not demand_first and reviewed(period, review):
                placed = quantity_ordered(rules.fixed_lot, trigger, lot, least, multiple, position)
                orders += 1
                ordered += placed
                position += placed
            asked = int(asks[i])
            nets[i], on_orders[i] = net, position - net
            if net < asked:
                left_short = True
                if lost_sales:
                    asked = net
            net -= asked
            position -= asked
            if position <= trigger and (
                (demand_first and reviewed(period, review)) or (review == 0 and asks[i] > 0)
            ):
                late = quantity_ordered(rules.fixed_lot, trigger, lot, least, multiple, position)
                orders += 1
                ordered += late
                ordered_late += late
                position += late
                placed += late
            pipeline[slot] = placed
            period += 1
            slot += np.uintp(1)
            if slot == np.uintp(pipeline.size):
                slot = np.uintp(0)
        row = totals[at[ROW]]
        row[CYCLES] += cycles
        row[CYCLES_WHOLE] += cycles - cut_cycles
        row[NET_BEFORE_RECEIPTS] += net_before
        row[ORDERS] += orders
        row[ORDERED] += ordered
        row[AREA_ON_ORDER] += ordered_late * rules.period
        count_periods(rules, asks, nets, on_orders, row)
        at[QUANTITY] = stop
    s[NET], s[ON_ORDER], at[LEFT_SHORT] = net, position - net, left_short
    s[NEXT_CUSTOMER] = period
    return WANTS_QUANTITIES


@compiled
def count_periods(
    rules: Rules, quantities: Floats, nets: Ints, on_orders: Ints, row: Floats
) -> None:
    """Add to *row* what periods amount to whose customers ask for *quantities*.

    They find the net inventory *nets*, with *on_orders* units on order.
    """
    customers = short_customers = missed = in_lead_time = missed_in_lead_time = 0
    demanded = on_hand = backorders = on_order = in_stock = clear = 0
    for i in range(quantities.size):
        asked, net, outstanding = int(quantities[i]), nets[i], on_orders[i]
        short = min(asked, max(asked - net, 0))
        customers += asked > 0
        demanded += asked
        short_customers += short > 0
        missed += short
        in_lead_time += asked if outstanding > 0 else 0
        missed_in_lead_time += short if outstanding > 0 else 0
        net -= asked - short if rules.lost_sales else asked
        on_hand += max(net, 0)
        backorders += max(-net, 0)
        on_order += outstanding
        in_stock += net > 0
        clear += net >= 0
    row[CUSTOMERS] += customers
    row[CUSTOMERS_WHOLE] += customers - short_customers
    row[DEMANDED] += demanded
    row[FROM_SHELF] += demanded - missed
    row[LOST] += missed if rules.lost_sales else 0
    row[DEMANDED_IN_LEAD_TIME] += in_lead_time
    row[FROM_SHELF_IN_LEAD_TIME] += in_lead_time - missed_in_lead_time
    row[PERIODS] += quantities.size
    row[PERIODS_SERVED] += quantities.size - short_customers
    row[PERIODS_CLEAR] += clear
    row[BACKORDERS_AT_ENDS] += backorders
    row[AREA_ON_HAND] += on_hand * rules.period
    row[AREA_BACKORDERS] += backorders * rules.period
    row[AREA_ON_ORDER] += on_order * rules.period
    row[TIME_IN_STOCK] += in_stock * rules.period


# --- many items, a demand each period ------------------------------------------------------------

ITEM_TOTALS = (
    "units_demanded", "units_from_shelf", "customers", "customers_whole", "cycles",
    "cycles_without_stockout", "area_on_hand", "orders", "units_ordered",
)  # fmt: skip
"""What is counted of an item, a column each."""
(
    I_DEMANDED, I_FROM_SHELF, I_CUSTOMERS, I_CUSTOMERS_WHOLE, I_CYCLES, I_CYCLES_WHOLE,
    I_ON_HAND, I_ORDERS, I_ORDERED,
) = range(9)  # fmt: skip
I_NET, I_POSITION, I_PERIOD = range(3)
"""The state of an item before the receipts of a period."""
STRETCH = 512
"""Periods at a time: what they ask for and find stays in a processor's first cache."""


class ItemRules(NamedTuple):
    """What the loop has to know of one item; times in periods, quantities in grid units."""

    fixed_lot: bool
    """Orders are multiples of ``lot``; else up to ``lot``."""
    trigger: int
    lot: int
    least: int
    multiple: int
    start: int
    """Net inventory at time 0."""
    review: int
    """Review period; 0 where a look follows every demand."""
    lag: int
    """Periods after which an order is there for the demand; 0 is at once, at its review."""
    early: float
    """How much less the lead time is, up to 1: from a receipt to that demand."""


class Tabulated(NamedTuple):
    """A discrete distribution, none of it below 0 (:class:`simlevel.draws.Table`)."""

    values: Ints
    cumulative: Floats
    cells: Ints
    """The guide, 2^n cells: the value of the uniforms in a cell, or ~index to look from where
    they have several."""


@compiled
def run_item(
    rules: ItemRules, stream: Words, demand: Tabulated, warmup: int, periods: int, totals: Floats
) -> None:  # fmt: skip
    """Replications of one item, a row of *totals* each; one after another they draw on *stream*."""
    asks, nets = np.empty(STRETCH, np.int64), np.empty(STRETCH, np.int64)
    due, state = np.empty(STRETCH + rules.lag + 1, np.int64), np.empty(3, np.int64)
    thrown_away = np.empty(totals.shape[1])
    for replication in range(totals.shape[0]):
        begin_item(rules, due, state)
        for counted in range(2):
            row = totals[replication] if counted else thrown_away
            left = periods if counted else warmup
            while left > 0:
                stretch = min(left, STRETCH)
                left -= stretch
                draw_whole(stream, demand, asks[:stretch])
                pass_periods(rules, state, due, asks[:stretch], nets[:stretch], row)


@compiled
def play_item(rules: ItemRules, record: Ints, opens: int, row: Floats) -> None:
    """One item whose demand is *record*, counted from period *opens* on."""
    nets = np.empty(record.size, np.int64)
    due, state = np.empty(record.size + rules.lag + 1, np.int64), np.empty(3, np.int64)
    begin_item(rules, due, state)
    pass_periods(rules, state, due, record[:opens], nets[:opens], np.empty(row.size))
    pass_periods(rules, state, due, record[opens:], nets[opens:], row)


@compiled
def begin_item(rules: ItemRules, due: Ints, state: Ints) -> None:
    """Time 0: nothing on order."""
    due[:] = 0
    state[I_NET] = state[I_POSITION] = rules.start
    state[I_PERIOD] = 0


@compiled
def draw_whole(stream: Words, demand: Tabulated, drawn: Ints) -> None:
    """Fill *drawn*, one uniform each, and leave *stream* where they end.

    The uniforms are those of NumPy's Generator(SFC64). Its steps are written out (``sfc64.h`` of
    NumPy; Doty-Humphrey, PractRand, 2013): handing over a Generator takes as long as 20,000 draws.
    """
    values, cumulative, guide = demand
    a, b, c, counter = stream
    shift, cells = np.uint64(64), guide.size
    while cells > 1:  # the first n bits of a uniform say which of 2^n cells it lies in
        shift, cells = shift - np.uint64(1), cells // 2
    for i in range(drawn.size):
        bits = a + b + counter
        counter += np.uint64(1)
        a = b ^ (b >> np.uint64(11))
        b = c + (c << np.uint64(3))
        c = ((c << np.uint64(24)) | (c >> np.uint64(40))) + bits
        value = guide[bits >> shift]
        if value < 0:
            index, uniform = np.uint64(~value), np.int64(bits >> np.uint64(11)) * 2.0**-53
            while cumulative[index] <= uniform:
                index += np.uint64(1)
            value = values[index]
        drawn[i] = value
    stream[0], stream[1], stream[2], stream[3] = a, b, c, counter


@compiled
def pass_periods(
    rules: ItemRules, state: Ints, due: Ints, asks: Ints, nets: Ints, row: Floats
) -> None:
    """Periods that ask for *asks*, at one instant each: 1 receive, 2 review, 3 demand.

    What comes back (below 0) goes on the shelf. ``due`` holds what each demand finds received
    since the last, of these periods and, ``lag`` and one more, of the next. *nets* is room for
    what each demand finds; it is counted apart, which a processor does for several at once.
    """
    fixed_lot, trigger, lot, least = rules.fixed_lot, rules.trigger, rules.lot, rules.least
    multiple, review, lag = rules.multiple, rules.review, rules.lag
    net, position, period = state[I_NET], state[I_POSITION], state[I_PERIOD]
    size, orders, ordered = asks.size, 0, 0
    for i in range(size):
        if review > 0 and position <= trigger and (period + i) % review == 0:
            due[i + lag] = quantity_ordered(fixed_lot, trigger, lot, least, multiple, position)
            position += due[i + lag]
            ordered += due[i + lag]
            orders += 1
        net += due[i]
        nets[i] = net
        net -= asks[i]
        position -= asks[i]
        if review == 0 and position <= trigger:
            due[i + lag] = quantity_ordered(fixed_lot, trigger, lot, least, multiple, position)
            position += due[i + lag]
            ordered += due[i + lag]
            orders += 1
    row[I_ORDERS] += orders
    row[I_ORDERED] += ordered
    count_found(asks, nets, due, row)
    if rules.early > 0:
        brought = max(net + due[size], 0) - max(net, 0)
        for i in range(size):
            brought += max(nets[i], 0) - max(nets[i] - due[i], 0)
        row[I_ON_HAND] += rules.early * brought
        row[I_CYCLES] += due[size] > 0  # before the next demand, which is not one of these
        row[I_CYCLES_WHOLE] += due[size] > 0 and net >= 0
        net += due[size]
        due[size] = 0
    for i in range(due.size):
        due[i] = due[i + size] if i + size < due.size else 0
    state[I_NET], state[I_POSITION], state[I_PERIOD] = net, position, period + size


@compiled
def count_found(asks: Ints, nets: Ints, due: Ints, row: Floats) -> None:
    """Add to *row* what periods amount to that ask for *asks* and find the net inventory *nets*,
    *due* of it just received."""
    demanded = served = on_hand = customers = short = cycles = cut_cycles = 0
    for i in range(asks.size):
        asked, net, received = asks[i], nets[i], due[i]
        on_shelf, left = max(net, 0), max(net - asked, 0)
        demanded += max(asked, 0)
        served += max(on_shelf - left, 0)
        on_hand += left
        customers += asked > 0
        short += asked > on_shelf
        cycles += received > 0
        cut_cycles += (received > 0) & (net < received)
    row[I_DEMANDED] += demanded
    row[I_FROM_SHELF] += served
    row[I_ON_HAND] += on_hand
    row[I_CUSTOMERS] += customers
    row[I_CUSTOMERS_WHOLE] += customers - short
    row[I_CYCLES] += cycles
    row[I_CYCLES_WHOLE] += cycles - cut_cycles


# --- one run, many reorder points ----------------------------------------------------------------

# Columns of the bins that a curve is counted in, a row a place (see Shifts). The first four are
# there again from OVER on, times how far they are lifted above 0.
SPAN, ENDS, QUIET, LATE, WHOLE, RECEIPTS = range(6)
OVER = 6
BINS = 10

# What a count goes on with at the next block.
LEVEL, COUNTED_TO, PERIOD_END, RECEIPT, RECEIPT_LEVEL, POSITION, CUSTOMER = range(7)
CURVE = 7


class Shifts(NamedTuple):
    """Levels by which the net inventory may be lifted, in grid units, and where to find them.

    The *place* of a net inventory is the least index whose shift lifts it to 0 or more. What a
    level counts for is written at its place once, with how far its shift lifts it above 0, and
    summed over places at the end. Beyond the last place stands how far the last shift falls short.
    """

    shifts: Floats
    """Growing; the last one twice."""
    guide: Ints
    cells_per_unit: float
    """A power of two, so that scaling is exact; 1 where no cell holds several levels."""


@compiled
def place_of(shifts: Floats, guide: Ints, cells_per_unit: float, net: float) -> int:
    """The least index whose shift lifts *net* to 0 or more; one beyond the last if none does."""
    cell = min(max((-net - shifts[0]) * cells_per_unit, 0.0), guide.size - 1.0)
    place = int(guide[int(cell)])
    while net + shifts[place] < 0 and place < shifts.size - 1:
        place += 1
    return place


@compiled
def count_events(
    at: Shifts, period: float, opening: float, closing: float, s: Floats, rows: Floats, bins: Floats
) -> None:
    """Count the event table *rows* in *bins*, from *opening* to *closing*, at every shift.

    Customers one after another get what is above 0 before the first and not after the last.
    """
    shifts, guide, cells = at.shifts, at.guide, at.cells_per_unit
    net, since, next_end = s[LEVEL], s[COUNTED_TO], s[PERIOD_END]
    place, served = place_of(shifts, guide, cells, net), -1
    over = net + shifts[place]
    for i in range(rows.shape[0]):
        now, event = rows[i, 0], rows[i, 1]
        span = min(now, closing) - max(since, opening)
        if span > 0:
            bins[place, SPAN] += span
            bins[place, OVER + SPAN] += over * span
        while next_end <= now:
            if opening <= next_end - period < closing:
                bins[place, ENDS] += 1
                bins[place, OVER + ENDS] += over
            next_end += period
        since = now
        if event == ORDER:
            continue
        column = -1
        counted = opening <= now < closing
        if counted and event == DEMAND:
            column = LATE if rows[i, 6] > 0 else QUIET
        elif counted:
            count_receipt(at, s, now, net, place, bins)
        if column != served:
            change_column(bins, served, column, place, over)
            served = column
        net = rows[i, 4]
        place = place_of(shifts, guide, cells, net)
        over = net + shifts[place]
        if column >= 0:
            bins[place, WHOLE] += 1
    change_column(bins, served, -1, place, over)
    s[LEVEL], s[COUNTED_TO], s[PERIOD_END] = net, since, next_end


@compiled
def count_receipt(at: Shifts, s: Floats, now: float, net: float, place: int, bins: Floats) -> None:
    """Count a receipt where the net inventory before is lowest, among those of one instant."""
    if now == s[RECEIPT]:
        if net >= s[RECEIPT_LEVEL]:
            return
        bins[place_of(at.shifts, at.guide, at.cells_per_unit, s[RECEIPT_LEVEL]), RECEIPTS] -= 1
    s[RECEIPT], s[RECEIPT_LEVEL] = now, net
    bins[place, RECEIPTS] += 1


@compiled
def count_shifted_customers(
    at: Shifts, rules: Rules, opening: float, closing: float, s: Floats, due: Floats,
    units: Floats, gaps: Floats, quantities: Floats, lead_time: float, bins: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Follow customers as :func:`run_customers` does, and count them at every shift.

    *due* and *units* are the orders under way before them; returned are those after.
    """
    shifts, guide, cells = at.shifts, at.guide, at.cells_per_unit
    first, last = 0, due.size
    due = np.concatenate((due, np.empty(quantities.size)))
    units = np.concatenate((units, np.empty(quantities.size)))
    net, position, since, now = s[LEVEL], s[POSITION], s[COUNTED_TO], s[CUSTOMER]
    place, served = place_of(shifts, guide, cells, net), -1
    over = net + shifts[place]
    for i in range(quantities.size):
        customer, asked = now + gaps[i], quantities[i]
        arrives = True
        while arrives:
            arrives = first < last and due[first] <= customer
            now = due[first] if arrives else customer
            span = min(now, closing) - max(since, opening)
            since = now
            if span > 0:
                bins[place, SPAN] += span
                bins[place, OVER + SPAN] += over * span
            column = -1
            if opening <= now < closing:
                if arrives:
                    count_receipt(at, s, now, net, place, bins)
                elif asked > 0:
                    column = LATE if position != net else QUIET
            if column != served and (arrives or asked > 0):
                change_column(bins, served, column, place, over)
                served = column
            net += units[first] if arrives else -asked
            first += arrives
            place = place_of(shifts, guide, cells, net)
            over = net + shifts[place]
            if column >= 0:
                bins[place, WHOLE] += 1
        position -= asked
        if asked > 0 and position <= rules.trigger:
            units[last] = quantity_ordered(
                rules.fixed_lot, rules.trigger, rules.lot, rules.least, rules.multiple, position
            )
            position += units[last]
            due[last] = now + lead_time
            last += 1
    change_column(bins, served, -1, place, over)
    s[LEVEL], s[POSITION], s[COUNTED_TO], s[CUSTOMER] = net, position, since, now
    return due[first:last].copy(), units[first:last].copy()


@compiled
def count_shifted_periods(
    at: Shifts, before: float, quantities: Floats, nets: Ints, on_orders: Ints, bins: Floats
) -> float:
    """Count periods as :func:`count_periods` does, at every shift.

    *before* is the net inventory before the first; returned is that after the last.
    """
    shifts, guide, cells = at.shifts, at.guide, at.cells_per_unit
    place, served = place_of(shifts, guide, cells, before), -1
    over = before + shifts[place]
    for i in range(quantities.size):
        net, column = float(nets[i]), LATE if on_orders[i] > 0 else QUIET
        if net != before:
            bins[place, RECEIPTS] += 1
            change_column(bins, served, -1, place, over)
            served, place = -1, place_of(shifts, guide, cells, net)
            over = net + shifts[place]
        if column != served:
            change_column(bins, served, column, place, over)
            served = column
        before = net - quantities[i]
        place = place_of(shifts, guide, cells, before)
        over = before + shifts[place]
        bins[place, SPAN] += 1
        bins[place, OVER + SPAN] += over
        bins[place, WHOLE] += quantities[i] > 0
    change_column(bins, served, -1, place, over)
    return before


@compiled
def change_column(bins: Floats, old: int, new: int, place: int, over: float) -> None:
    """At this level, customers who were counted in the column *old* go on in *new*; -1 is none."""
    if old >= 0:
        bins[place, old] -= 1
        bins[place, OVER + old] -= over
    if new >= 0:
        bins[place, new] += 1
        bins[place, OVER + new] += over
