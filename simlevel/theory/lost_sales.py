"""Lost sales: what the identity of net inventory and position does not reach.

Customers who come one by one are covered here, demand in periods in
:mod:`simlevel.theory.lost_sales_chain`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import special

from simlevel.model import distribution as d
from simlevel.model.demand import Demand, PoissonDemand, RenewalDemand
from simlevel.model.fields import exact
from simlevel.model.policy import OwnPolicy, Policy
from simlevel.model.scenario import Scenario
from simlevel.theory import lost_sales_chain, tails
from simlevel.theory.answer import Answer
from simlevel.theory.position import Frame, rule_on
from simlevel.theory.tails import Numbers
from simlevel.theory.totals import Model
from simlevel.theory.totals import answers as measures

ERLANG = Model(
    "base-stock-erlang-lost",
    "Erlang's loss formula, insensitive to the lead-time distribution: Karush, A queuing model "
    "for an inventory problem, Operations Research 5 (1957)",
)
HADLEY_WHITIN = Model(
    "rQ-poisson-lost",
    "Hadley and Whitin, Analysis of Inventory Systems (1963), ch. 4, lost sales with at most one "
    "order outstanding, averaged over the lead time",
)
LARGEST_LEVEL = 10**7
"""Servers of the loss formula that are summed one by one."""
LARGEST_NODES = 2_000_000


def answers(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """Exact measures of one policy of *scenario* under lost sales, or why there are none.

    Covered: Poisson customers of one size under continuous review, where base stock takes any
    independent lead times that may cross, and (r, Q) or (s, S) with Q > r any lead time at all;
    and demand in periods (:func:`simlevel.theory.lost_sales_chain.answers`). With lambda
    customers per time unit and mean lead time L, both in the scenario's unit:

    base stock: fill = 1 - B(S, lambda L), see :func:`erlang_b` (Karush 1957);
    (r, Q): fill = Q / (Q + E(D - r)^+), D the demand of a lead time (Hadley and Whitin 1963).

    >>> case = Scenario.model_validate({
    ...     "demand": {"kind": "poisson", "rate": 2}, "lead_time": 1, "shortage": "lost_sales",
    ...     "policies": {"one": {"kind": "rQ", "reorder_point": 0, "order_quantity": 5}}})
    >>> round(answers(case, "one")["fill_rate"].value, 4)  # 5 / (5 + 2)
    0.7143
    """
    if not scenario.lost_sales:
        return "shortages are backordered, not lost"
    if scenario.demand.is_periodic:
        return lost_sales_chain.answers(scenario, policy_name)
    policy = scenario.policies[policy_name]
    if policy.review_period is not None:
        return "lost sales with customers one by one are solved under continuous review only"
    stream = _stream(scenario.demand)
    if isinstance(stream, str):
        return stream
    batches = _batches(policy, stream.size, scenario.start_level(policy_name))
    return batches if isinstance(batches, str) else _solve(scenario, stream, *batches)


def _solve(
    scenario: Scenario, stream: Stream, reorder_point: int, order_quantity: int
) -> Mapping[str, Answer] | str:
    lead_time = scenario.lead_time.distribution
    if order_quantity > reorder_point >= 0:
        demand = _lead_time_demand(lead_time, stream.rate, reorder_point)
        if demand is None:
            return "the lead time varies too much to be averaged over"
        per_time = _one_outstanding(stream.rate, demand, reorder_point, order_quantity)
        return measures(stream.in_units(per_time), scenario, HADLEY_WHITIN)
    if reorder_point >= 0 and order_quantity > 1:
        return (
            "lost sales under (r, Q) are solved where Q is above r, so that one order at most "
            f"is outstanding (here {order_quantity} and {reorder_point} customers' worth)"
        )
    if not scenario.lead_time.order_crossing and lead_time.variance() > 0:
        return "lead times that keep their order depend on one another: the loss formula fails"
    if reorder_point >= LARGEST_LEVEL:
        return f"a base stock of more than {LARGEST_LEVEL:,} customers' worth is not summed"
    per_time = _loss_system(stream.rate, lead_time.mean(), reorder_point + 1)
    return measures(stream.in_units(per_time), scenario, ERLANG)


# --- who comes, and for how much ------------------------------------------------------------


@dataclass(frozen=True)
class Stream:
    """Poisson customers, *rate* per time unit, each for *size* units."""

    rate: float
    size: Fraction

    def in_units(self, per_time: Mapping[str, float]) -> dict[str, float]:
        """Totals counted in customers' worth, in units."""
        counted = ("customers", "cycles", "orders", "time")
        return {
            name: value if name.startswith(counted) else value * float(self.size)
            for name, value in per_time.items()
        }


def _stream(demand: Demand) -> Stream | str:
    if isinstance(demand, PoissonDemand):
        rate: float | None = demand.rate
    else:
        assert isinstance(demand, RenewalDemand)
        rate = 1 / demand.interarrival.mean() if _memoryless(demand.interarrival) else None
    if rate is None:
        return "lost sales with customers one by one are solved for Poisson streams only"
    sizes = _positive_sizes(demand.amount)
    if sizes is None or len(sizes) != 1:
        return "lost sales with customers one by one are solved for customers of one size only"
    ((size, share),) = sizes.items()
    return Stream(rate * share, size)


def _memoryless(gaps: d.Distribution) -> bool:
    """The gaps are exponential, under whatever name."""
    shaped = isinstance(gaps, (d.Gamma, d.Erlang)) and gaps.variance() == gaps.mean() ** 2
    return shaped or isinstance(gaps, d.Exponential)


def _positive_sizes(sizes: d.Distribution) -> dict[Fraction, float] | None:
    """Sizes above 0 and their probabilities; a draw of 0 is no customer. None: too many."""
    if isinstance(sizes, d.Binomial) and sizes.n == 1:
        return {Fraction(1): sizes.p}
    if isinstance(sizes, d.Geometric) and sizes.mean() == 1:
        return {Fraction(1): 1.0}
    if sizes.values_drawn is None:
        return None
    values, weights = tails.listed(sizes)
    return {exact(v): float(w) for v, w in zip(values, weights, strict=True) if v > 0}


def _batches(policy: Policy, size: Fraction, start: float) -> tuple[int, int] | str:
    """Reorder point and order quantity that the policy comes down to, in customers' worth.

    Customers alike take the position down by one *size* at a time, so that every policy is an
    (r, Q) policy. All its levels must be whole multiples of *size*: else a customer could find
    a part of what is asked for.
    """
    keys = ("order_quantity", "order_up_to", "minimum_order", "order_multiple")
    levels = [getattr(policy, key, None) for key in keys] + [start]
    if any(exact(level) % size for level in levels if level is not None):
        return f"start and order quantities are not whole multiples of the size {float(size):g}"
    if isinstance(policy, OwnPolicy):
        return "there is no formula for a policy of one's own"
    rule = rule_on(Frame(size, Fraction(0)), policy)
    return rule.trigger, rule.size(rule.trigger)


# --- base stock -----------------------------------------------------------------------------


def _loss_system(rate: float, lead_time: float, servers: int) -> dict[str, float]:
    """Totals per time unit of base stock: each unit in stock is a server of Erlang's system.

    A sold unit is ordered and "in service" for a lead time; who finds all units out is lost.
    """
    load = rate * lead_time
    blocked, busy = erlang_b(servers, load), _some_busy(servers, load)
    on_order, sold = load * (1 - blocked), rate * (1 - blocked)
    # A receipt leaves from n on order at the rate at which orders lift n - 1 to n.
    before = servers - 1 - load * (1 - erlang_b(servers - 1, load)) if servers else 0.0
    return {
        "customers": rate, "customers_whole": sold, "units_demanded": rate,
        "units_from_shelf": sold, "units_lost": rate * blocked, "time_in_stock": 1 - blocked,
        "units_demanded_in_lead_time": rate * busy,
        "units_from_shelf_in_lead_time": rate * (busy - blocked),
        "cycles": sold, "net_inventory_before_receipts": sold * before,
        "orders": sold, "units_ordered": sold,
        "area_on_order": on_order, "area_on_hand": servers - on_order,
    }  # fmt: skip


def erlang_b(servers: int, load: float) -> float:
    """B(c, a), the share of customers lost by c *servers* under an offered *load* a.

    The load is rate x mean lead time, of no unit. B = (a^c / c!) / sum over k <= c of a^k / k!,
    here by 1 / B = sum over k of c! / ((c - k)! a^k). Exact for Poisson customers and any
    independent lead times. Cooper, Introduction to Queueing Theory (2nd ed., 1981), ch. 3.

    >>> round(erlang_b(2, 1.0), 4)  # (1/2) / (1 + 1 + 1/2)
    0.2
    """
    if load == 0:
        return float(servers == 0)
    with np.errstate(over="ignore"):
        terms = np.cumprod(np.arange(servers, 0, -1) / load)
        return float(1 / (1 + terms.sum()))


def _some_busy(servers: int, load: float) -> float:
    """Probability that anything is on order."""
    with np.errstate(over="ignore"):
        odds = float(np.cumprod(load / np.arange(1, servers + 1)).sum())
    return odds / (1 + odds) if odds < math.inf else 1.0


# --- (r, Q) with one order outstanding at most ----------------------------------------------


@dataclass(frozen=True)
class LeadTimeDemand:
    """D, the customers in a lead time, as seen from the reorder point r; in customers' worth."""

    mean_lead_time: float
    kept: float
    """P(D <= r)."""
    short: float
    """E(D - r)^+."""
    left: float
    """E(r - D)^+."""


def _one_outstanding(
    rate: float, demand: LeadTimeDemand, reorder_point: int, order_quantity: int
) -> dict[str, float]:
    """Totals per time unit, from one order to the next: the order is placed with r on hand.

    While it is on its way *demand* comes; then what is left and Q run down to r again. On hand
    falls by one each 1 / rate while there is any, so a cycle's integral of on hand is the
    difference of E[X (X + 1)] / (2 rate) at its two ends: Q (E(r - D)^+ + (Q + 1) / 2) / rate.
    """
    asked = order_quantity + demand.short
    lead = rate * demand.mean_lead_time
    per_cycle = {
        "customers": asked, "customers_whole": order_quantity, "units_demanded": asked,
        "units_from_shelf": order_quantity, "units_lost": demand.short,
        "time_in_stock": order_quantity / rate,
        "units_demanded_in_lead_time": lead,
        "units_from_shelf_in_lead_time": reorder_point - demand.left,
        "cycles": 1.0, "cycles_without_stockout": demand.kept,
        "net_inventory_before_receipts": demand.left, "orders": 1.0,
        "units_ordered": order_quantity,
        "area_on_order": order_quantity * demand.mean_lead_time,
        "area_on_hand": order_quantity * (demand.left + (order_quantity + 1) / 2) / rate,
    }  # fmt: skip
    return {name: value * rate / asked for name, value in per_cycle.items()}


def _lead_time_demand(
    lead_time: d.Distribution, rate: float, reorder_point: int
) -> LeadTimeDemand | None:
    """Poisson demand over a random lead time; None where it would take too many nodes."""
    mean = rate * lead_time.mean()
    if isinstance(lead_time, (d.Exponential, d.Erlang, d.Gamma)):
        variance = mean + rate**2 * lead_time.variance()
        over = float(tails.negative_binomial_survival(reorder_point, mean, variance))
        short = float(tails.negative_binomial_excess(reorder_point, mean, variance))
    else:
        nodes = _nodes(lead_time, rate, reorder_point)
        if nodes is None:
            return None
        times, weights = nodes
        over = float(weights @ tails.poisson_survival(reorder_point, rate * times))
        short = float(weights @ tails.poisson_excess(reorder_point, rate * times))
    left = max(reorder_point - mean + short, 0.0)
    return LeadTimeDemand(lead_time.mean(), 1 - over, short, left)


def _nodes(lead_time: d.Distribution, rate: float, level: int) -> tuple[Numbers, Numbers] | None:
    """Lead times and weights over which Poisson tails at *level* average as over *lead_time*.

    The values themselves where they are listed or whole; Gauss-Legendre panels where they are
    continuous, as narrow as the tail is steep: sqrt(level) / rate.
    """
    steep = math.sqrt(max(level, 1))
    match lead_time:
        case d.Uniform(low=low, high=high):
            return _panels(low, high, steep / rate, lambda z: np.full_like(z, 1 / (high - low)))
        case d.Normal(mean_=mean, nominal_sd=sd):
            below = lead_time.share_below_zero()
            found = _panels(max(-mean / sd, -_FAR), _FAR, min(1.0, steep / rate / sd), _bell)
            return found and (np.append(mean + sd * found[0], 0.0), np.append(found[1], below))
        case d.Lognormal():
            spread = tails.log_deviation(lead_time)
            found = _panels(-_FAR, _FAR + spread, min(1.0, 1 / spread / steep), _bell)
            scale = lead_time.mean() * math.exp(-(spread**2) / 2)
            return found and (scale * np.exp(spread * found[0]), found[1])
    return tails.listed(lead_time) if lead_time.values_drawn is not None else _whole(lead_time)


_FAR = 9.0
"""Standard deviations beyond which the normal distribution is below rounding."""


def _bell(z: Numbers) -> Numbers:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _panels(
    low: float, high: float, width: float, density: object
) -> tuple[Numbers, Numbers] | None:
    """Nodes and weights of Gauss-Legendre panels at most *width* wide."""
    count = math.ceil((high - low) / width)
    points, weights = special.roots_legendre(16)
    if count * len(points) > LARGEST_NODES:
        return None
    edges = np.linspace(low, high, count + 1)
    half = (high - low) / count / 2
    nodes = ((edges[:-1] + edges[1:])[:, None] / 2 + half * points).ravel()
    assert callable(density)
    return nodes, np.tile(half * weights, count) * density(nodes)


def _whole(lead_time: d.Distribution) -> tuple[Numbers, Numbers] | None:
    """Whole lead times and their probabilities, to a tail of 1e-17."""
    last = tails.quantile(lead_time, 1 - 1e-16) + 1
    if last > LARGEST_NODES:
        return None
    return np.arange(last + 1), tails.masses(lead_time, int(last))
