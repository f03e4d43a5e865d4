"""What can be said of a policy from means and variances alone: bounds and rules of thumb."""

from __future__ import annotations

import math

from simlevel.model.demand import HistoryDemand, PeriodicDemand, RenewalDemand
from simlevel.model.policy import RQ, SS, Policy
from simlevel.model.scenario import Scenario


def deviation(scenario: Scenario, policy: Policy) -> float:
    """Standard deviation of the demand in L + R, or in L under continuous review."""
    lead_time = scenario.lead_time.distribution
    _, variance = demand(scenario, lead_time.mean() + (policy.review_period or 0.0))
    return math.sqrt(variance + lead_time.variance() * scenario.demand.units_per_time() ** 2)


def demand(scenario: Scenario, length: float) -> tuple[float, float]:
    """Mean and variance of the demand in a long time *length*; of a pattern its mean alone."""
    asked = scenario.demand
    if isinstance(asked, RenewalDemand):
        gap = asked.interarrival
        scatter = gap.variance() / gap.mean() ** 2
    elif isinstance(asked, PeriodicDemand):
        scatter = 1 - asked.probability
    else:
        scatter = 0.0 if isinstance(asked, HistoryDemand) else 1.0
    factor, amount = asked.mean_factor(), asked.amount
    customers = asked.customers_per_time() * length
    variance = customers * (amount.variance() + scatter * amount.mean() ** 2) * factor**2
    return customers * amount.mean() * factor, variance


def mean_undershoot(scenario: Scenario, policy: Policy) -> float:
    """E[D^2] / (2 E[D]), in whole units E[D (D - 1)] / (2 E[D]), of the demand D of one customer
    or one review period: the mean excess of a renewal process far out, so for large orders.
    Cox, Renewal Theory (1962).
    """
    amount, factor = scenario.demand.amount, scenario.demand.mean_factor()
    mean, variance = amount.mean() * factor, amount.variance() * factor**2
    if policy.review_period:
        mean, variance = demand(scenario, policy.review_period)
    return (variance / mean + mean - scenario.demand.is_whole) / 2


def rough_fill_rate(scenario: Scenario, policy: Policy, over_lead_time: float) -> float:
    """About what fill rate is reached, where *over_lead_time* is the mean demand of L: what
    normal demand of L, and the undershoot, leave short at a receipt, over Q, or over S - s and
    the undershoot. Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains
    (2017), ch. 6. 0 for base stock.
    """
    if not policy.batch:
        return 0.0
    undershoot, sd = mean_undershoot(scenario, policy), deviation(scenario, policy)
    lacking = over_lead_time + undershoot - policy.trigger
    ordered = policy.batch + (undershoot if isinstance(policy, SS) else 0)
    if not sd:
        return max(1 - max(lacking, 0) / ordered, 0.0)
    k = -lacking / sd
    short = sd * (
        math.exp(-k * k / 2) / math.sqrt(2 * math.pi) - k * math.erfc(k / math.sqrt(2)) / 2
    )
    return max(1 - short / ordered, 0.0)


def least_fill_rate(scenario: Scenario, policy: Policy) -> float:
    """A fill rate that (r, Q) and (s, S) reach under continuous review with r >= 0 and
    backorders, in any case: 1 - (E[X^2] / E[X] + mean demand of L) / Q; else 0.

    Who is short came while an order was outstanding, or was the customer X who brought the
    position from above r >= 0 below 0, and then by no more than the undershoot, whose mean is at
    most E[X^2] / E[X] (Lorden, On excess over the boundary, Ann. Math. Statist. 41, 1970). There
    are at most rate / Q orders per time. With Q = S - s for (s, S). Demand is to be independent
    of what came before, and no order to wait for another.
    """
    asked, lead_time = scenario.demand, scenario.lead_time
    crosses = lead_time.order_crossing or not lead_time.distribution.variance()
    alike = not isinstance(asked, RenewalDemand) and not getattr(asked, "pattern", None)
    if not (crosses and alike) or scenario.lost_sales:
        return 0.0
    if not isinstance(policy, (RQ, SS)) or policy.review_period or policy.reorder_point < 0:
        return 0.0
    mean = asked.amount.mean()
    undershoot = asked.amount.variance() / mean + mean
    short = undershoot + asked.units_per_time() * lead_time.mean()
    return max(1 - short / policy.batch, 0.0)
