"""The benchmark's other side: its models by hand in SimPy, and in other packages.

The loops are lean: closures, and no count but those returned. They draw one number at a time,
as SimPy programs do, or in blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import simpy

Process: TypeAlias = Generator[simpy.Event, object, None]

LEAD_TIME = 4
MEAN = 20
"""Mean demand of a period."""
S_LOW, S_HIGH = 90, 160
"""s and S of the periodic (s, S) policy."""
RATE, SIZE = 5.0, 2.0
"""Customers per time unit, and the mean of their geometric sizes."""
R, Q = 60, 120
UNIT_R, UNIT_Q = 25, 60
"""r and Q where every customer asks for one unit."""
BASE_STOCK = 100
BLOCK = 4096
"""Draws of one call, where they come in blocks."""


class Seen(NamedTuple):
    """What a hand-written loop counted; None where it does not look."""

    fill_rate: float | None = None
    cycle_service_level: float | None = None
    mean_on_hand: float | None = None
    mean_backorders: float | None = None
    lead_time_fill_rate: float | None = None
    order_fill_rate: float | None = None
    period_service_level: float | None = None
    ready_rate: float | None = None
    mean_on_order: float | None = None
    safety_stock: float | None = None
    orders_per_time: float | None = None


def periodic_loop(periods: int, seed: int = 1, block: int | None = None) -> Seen:
    """(s, S) reviewed each period before its Poisson demand, with what the table shows of it.

    As SimPy programs are written: reviews, demand and every order are processes.
    """
    env = simpy.Environment()
    quantities = _drawn(partial(np.random.default_rng(seed).poisson, MEAN), block)
    net, on_order = S_HIGH, 0
    customers = whole_customers = asked = served = asked_in_lead_time = served_in_lead_time = 0
    cycles = whole_cycles = before_receipts = orders = 0
    on_hand = backorders = outstanding = in_stock = served_periods = 0

    def reviews() -> Process:
        while True:
            position = net + on_order
            if position <= S_LOW:
                env.process(deliver(S_HIGH - position))
            yield env.timeout(1)

    def deliver(quantity: int) -> Process:
        nonlocal net, on_order, orders, cycles, whole_cycles, before_receipts
        orders += 1
        on_order += quantity
        yield env.timeout(LEAD_TIME)
        cycles += 1
        whole_cycles += net >= 0
        before_receipts += net
        on_order -= quantity
        net += quantity

    def demand() -> Process:
        nonlocal net, customers, whole_customers, asked, served, on_hand, backorders
        nonlocal asked_in_lead_time, served_in_lead_time, outstanding, in_stock, served_periods
        for quantity in quantities:
            at_once = min(max(net, 0), quantity)
            asked += quantity
            served += at_once
            if quantity:
                customers += 1
                whole_customers += at_once == quantity
            if on_order:
                asked_in_lead_time += quantity
                served_in_lead_time += at_once
            served_periods += at_once == quantity
            net -= quantity
            on_hand += max(net, 0)
            backorders += max(-net, 0)
            in_stock += net > 0
            outstanding += on_order
            yield env.timeout(1)

    env.process(reviews())
    env.process(demand())
    env.run(until=periods)
    return Seen(
        fill_rate=served / asked,
        cycle_service_level=whole_cycles / cycles,
        mean_on_hand=on_hand / periods,
        mean_backorders=backorders / periods,
        lead_time_fill_rate=served_in_lead_time / asked_in_lead_time,
        order_fill_rate=whole_customers / customers,
        period_service_level=served_periods / periods,
        ready_rate=in_stock / periods,
        mean_on_order=outstanding / periods,
        safety_stock=before_receipts / cycles,
        orders_per_time=orders / periods,
    )


def continuous_loop(customers: int, seed: int = 1, block: int | None = None) -> Seen:
    """(r, Q) after each customer, compound Poisson demand; stocks as averages over time."""
    env = simpy.Environment()
    stream = np.random.default_rng(seed)
    gaps = _drawn(partial(stream.exponential, 1 / RATE), block)
    quantities = _drawn(partial(stream.geometric, 1 / SIZE), block)
    net = position = R + Q
    asked = served = cycles = whole = 0
    on_hand = backorders = since = 0.0

    def elapse() -> None:
        nonlocal since, on_hand, backorders
        if net > 0:
            on_hand += net * (env.now - since)
        else:
            backorders -= net * (env.now - since)
        since = env.now

    def deliver(quantity: int) -> Process:
        nonlocal net, cycles, whole
        yield env.timeout(LEAD_TIME)
        elapse()
        cycles += 1
        whole += net >= 0
        net += quantity

    def shop() -> Process:
        nonlocal net, position, asked, served
        for gap, quantity in zip(gaps, quantities, strict=False):
            yield env.timeout(gap)
            elapse()
            asked += quantity
            if net > 0:
                served += min(net, quantity)
            net -= quantity
            position -= quantity
            if position <= R:
                lots = (R - position) // Q + 1
                position += lots * Q
                env.process(deliver(lots * Q))

    env.process(shop())
    env.run(until=customers / RATE)
    return Seen(served / asked, whole / cycles, on_hand / since, backorders / since)


def unit_loop(customers: int, seed: int = 1) -> Seen:
    """(r, Q) after each customer, unit Poisson demand; the two service levels alone."""
    env = simpy.Environment()
    gaps = _drawn(partial(np.random.default_rng(seed).exponential, 1 / RATE), BLOCK)
    net = position = UNIT_R + UNIT_Q
    asked = served = cycles = whole = 0

    def deliver() -> Process:
        nonlocal net, cycles, whole
        yield env.timeout(LEAD_TIME)
        cycles += 1
        whole += net >= 0
        net += UNIT_Q

    def shop() -> Process:
        nonlocal net, position, asked, served
        for gap in gaps:
            yield env.timeout(gap)
            asked += 1
            served += net > 0
            net -= 1
            position -= 1
            if position <= UNIT_R:
                position += UNIT_Q
                env.process(deliver())

    env.process(shop())
    env.run(until=customers / RATE)
    return Seen(served / asked, whole / cycles)


def _drawn(draw: Callable[..., Any], block: int | None) -> Iterator[Any]:
    while True:
        if block is None:
            yield draw()
        else:
            yield from draw(size=block).tolist()


# --- other packages ----------------------------------------------------------------------------


def stockpyl(periods: int, seed: int = 1) -> Seen:
    """Base stock in stockpyl, whose review comes after the demand; stocks at period ends.

    Raises ImportError where it is not installed; so does the next one.
    """
    from stockpyl.sim import simulation
    from stockpyl.supply_chain_network import single_stage_system

    network = single_stage_system(
        holding_cost=1,
        stockout_cost=10,
        demand_type="P",
        mean=MEAN,
        shipment_lead_time=LEAD_TIME,
        policy_type="BS",
        base_stock_level=BASE_STOCK,
    )
    simulation(network, periods, rand_seed=seed, progress_bar=False)
    seen = network.nodes[0].state_vars[:periods]
    levels = np.array([next(iter(each.inventory_level.values())) for each in seen])
    fill_rate = next(iter(seen[-1].fill_rate.values()))
    return Seen(fill_rate, None, levels.clip(0).mean(), (-levels).clip(0).mean())


def supplynetpy(periods: int, seed: int = 1) -> Seen:
    """Base stock in SupplyNetPy, reviewed before the demand; what is short is waited for."""
    from SupplyNetPy.Components import SSReplenishment, create_sc_net, simulate_sc_net

    quantities = _drawn(partial(np.random.default_rng(seed).poisson, MEAN), BLOCK)
    supplier = {"ID": "S1", "name": "supplier", "node_type": "infinite_supplier"}
    shop = {
        "ID": "D1", "name": "shop", "node_type": "distributor", "capacity": 10 * BASE_STOCK,
        "initial_level": BASE_STOCK, "inventory_holding_cost": 1.0,
        "replenishment_policy": SSReplenishment,
        "policy_param": {"s": BASE_STOCK - 1, "S": BASE_STOCK, "period": 1},
        "product_buy_price": 1, "product_sell_price": 2,
    }  # fmt: skip
    link = {"ID": "L1", "source": "S1", "sink": "D1", "cost": 1, "lead_time": lambda: LEAD_TIME}
    demand = {
        "ID": "d1", "name": "demand", "demand_node": "D1", "order_arrival_model": lambda: 1,
        "order_quantity_model": lambda: next(quantities), "tolerance": math.inf,
        "order_min_split_ratio": 0.001,
    }  # fmt: skip
    network = create_sc_net(nodes=[supplier, shop], links=[link], demands=[demand])
    simulate_sc_net(network, sim_time=periods, logging=False)
    return Seen(None, None, network["nodes"]["D1"].stats.avg_inventory_level, None)
