"""Which theory covers which scenario: the door to every derived answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from simlevel.errors import InputError
from simlevel.model.demand import HistoryDemand, PeriodicDemand, PoissonDemand
from simlevel.model.distribution import Constant, Distribution
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import lead_time_demand, position, service
from simlevel.theory.answer import Answer, Theory
from simlevel.theory.lattice import law_of, minus, point, spread
from simlevel.theory.lead_time_demand import (
    OvertakingLooks,
    PeriodicLooks,
    PeriodicStream,
    Phase,
    PoissonStream,
)

Stocked: TypeAlias = RQ | SS | BaseStock

AXSATER = "Axsäter, Inventory Control (3rd ed., 2015), ch. 5"
ZHENG = "Zheng and Federgruen, Finding optimal (s, S) policies, Operations Research 39 (1991)"
ZIPKIN = "Zipkin, Foundations of Inventory Management (2000), ch. 6"
SOURCES = {"rQ": AXSATER, "sS": ZHENG, "base_stock": ZIPKIN}


class NotCoveredError(Exception):
    """Why a theory does not reach a scenario."""


class Derived(NamedTuple):
    """Totals per time unit, and the name of the model that they come from."""

    rates: service.Rates
    formula: str


def derive(scenario: Scenario, policy_name: str) -> Theory:
    """The best theory for one policy of *scenario*: its answers, or the reason for none.

    A measure that is not covered, or not defined there, has no answer.
    """
    reasons = []
    for answers in THEORIES:
        found = answers(scenario, policy_name)
        if not isinstance(found, str):
            return Theory(answers=found)
        reasons.append(found)
    return Theory(reason=reasons[0])


def _backorders(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """Position less lead-time demand, where it holds."""
    try:
        derived = _derived(scenario, policy_name)
    except NotCoveredError as why:
        return str(why)
    except InputError as problem:
        return f"the lattice is too large: {problem}"
    source = SOURCES[scenario.policies[policy_name].kind]
    return {
        name: Answer(value, derived.formula, exact=True, source=source)
        for name, value in service.measured(scenario, derived.rates).items()
    }


THEORIES: tuple[Callable[[Scenario, str], Mapping[str, Answer] | str], ...] = (_backorders,)
"""The theories in order of preference: each gives answers, or says why not. The reason of the
first is the one that people read where none covers the case."""


def _derived(scenario: Scenario, policy_name: str) -> Derived:
    policy = scenario.policies[policy_name]
    if scenario.lost_sales:
        raise NotCoveredError("net inventory is not position less demand under lost sales")
    if not isinstance(policy, (RQ, SS, BaseStock)):
        raise NotCoveredError("no formula for a policy of your own")
    if scenario.replayed:
        raise NotCoveredError("a record played once is one run, not a long-run mean")
    match scenario.demand:
        case PoissonDemand() as demand if policy.review_period is None:
            return _poisson_continuous(scenario, policy_name, policy, demand)
        case PoissonDemand() as demand:
            return _poisson_periodic(scenario, policy_name, policy, demand)
        case PeriodicDemand() | HistoryDemand() as demand:
            return _periods(scenario, policy_name, policy, demand)
    raise NotCoveredError("no formula for this demand")


def _poisson_continuous(
    scenario: Scenario, policy_name: str, policy: Stocked, demand: PoissonDemand
) -> Derived:
    lead_time = scenario.lead_time.distribution
    start = scenario.start_level(policy_name)
    frame, rule = position.framed(policy, _sizes(demand), start)
    stream = PoissonStream.of(demand.rate, law_of(demand.size, frame.step))
    windows = scenario.measures.served_within
    if rule.is_one_for_one and (scenario.lead_time.order_crossing or _is_constant(lead_time)):
        phase = lead_time_demand.poisson_overtaking(stream, lead_time, windows)
    elif _is_constant(lead_time):
        phase = lead_time_demand.poisson_continuous(stream, exact(lead_time.largest()), windows)
    else:
        raise NotCoveredError("lead times vary, and orders may overtake one another")
    where = position.stationary(rule, phase.step, frame.floor(start))
    rates = service.totals(frame, rule, [where], [phase], lead_time.mean())
    return Derived(rates, f"{policy.kind}-{_customers(demand)}")


def _is_constant(distribution: Distribution) -> bool:
    return distribution.largest() == distribution.smallest()


def _poisson_periodic(
    scenario: Scenario, policy_name: str, policy: Stocked, demand: PoissonDemand
) -> Derived:
    review = exact(policy.review_period or 0)
    supply = _in_order(scenario, review, review, demand.rate)
    start = scenario.start_level(policy_name)
    frame, rule = position.framed(policy, _sizes(demand), start)
    stream = PoissonStream.of(demand.rate, law_of(demand.size, frame.step))
    windows = scenario.measures.served_within
    phase = lead_time_demand.poisson_periodic(stream, review, supply, windows)
    where = position.stationary(rule, phase.step, frame.floor(start))
    rates = service.totals(frame, rule, [where], [phase], scenario.lead_time.mean())
    return Derived(rates, f"periodic-{policy.kind}-{_customers(demand)}")


def _periods(
    scenario: Scenario, policy_name: str, policy: Stocked, demand: PeriodicDemand | HistoryDemand
) -> Derived:
    if demand.amount.is_continuous:
        raise NotCoveredError("no formula for continuous quantities yet")
    every = exact(demand.every)
    review = every if policy.review_period is None else exact(policy.review_period)
    demand_first = policy.review_period is None or scenario.clock.demand_first
    step, laws = lead_time_demand.period_laws(demand)
    start = scenario.start_level(policy_name)
    frame, rule = position.framed(policy, step, start)
    stream = PeriodicStream(every, [spread(law, int(step / frame.step)) for law in laws])
    looks = PeriodicLooks(stream, review, demand_first=demand_first)
    phases, mean_lead_time = _phases(scenario, rule, stream, looks, review)
    first = minus(point(frame.floor(start)), stream.between(0, looks.first_period(0)))
    where = position.cyclic(rule, [phase.step for phase in phases], first)
    rates = service.totals(frame, rule, where, phases, mean_lead_time)
    if _splits_instants(scenario, review, demand_first=demand_first):
        del rates["cycles"], rates["cycles_without_stockout"]
    review_name = "continuous" if policy.review_period is None else "periodic"
    return Derived(rates, f"{review_name}-{policy.kind}-per-period")


def _phases(
    scenario: Scenario, rule: position.Rule, stream: PeriodicStream, looks: PeriodicLooks,
    review: Fraction,
) -> tuple[list[Phase], float]:  # fmt: skip
    """What is seen under each look of a cycle, and the mean time from order to receipt."""
    windows, count = scenario.measures.served_within, range(looks.count)
    lead_time = scenario.lead_time
    if _keeps_order(lead_time.distribution, review) or not rule.is_one_for_one:
        supply = _in_order(scenario, review, common([review, stream.every]), 0.0)
        return [looks.phase(k, supply, windows) for k in count], lead_time.mean()
    if lead_time.distribution.is_continuous:
        raise NotCoveredError("lead times are continuous, and orders may overtake one another")
    if lead_time.order_crossing:
        seen = OvertakingLooks(looks, stream, review, lead_time.distribution)
        return [seen.phase(k, windows) for k in count], lead_time.mean()
    supply, alone = lead_time_demand.kept_in_order(review, lead_time.distribution)
    phases = [looks.phase(k, supply, windows, alone) for k in count]
    if any(phase.step.at(0) > 0 for phase in phases):
        raise NotCoveredError("orders wait for one another, and not each review orders")
    return phases, sum(share * float(time) for share, time in supply)


def _keeps_order(distribution: Distribution, review: Fraction) -> bool:
    """Orders at least *review* apart cannot overtake one another."""
    longest = distribution.largest()
    return longest < math.inf and exact(longest) - exact(distribution.smallest()) <= review


def _splits_instants(scenario: Scenario, review: Fraction, *, demand_first: bool) -> bool:
    """Orders without a lead time may be received within an instant in which another is, and
    the demand of the instant may come between them."""
    lead_time = scenario.lead_time.distribution
    together = exact(lead_time.smallest()) == 0 and lead_time.largest() >= float(review)
    crossing = scenario.lead_time.order_crossing and not _keeps_order(lead_time, review)
    return together and (demand_first or crossing)


def _in_order(
    scenario: Scenario, review: Fraction, every: Fraction, rate: float
) -> lead_time_demand.LeadTimes:
    """The lead times of orders at least *review* apart, where none can overtake another."""
    distribution = scenario.lead_time.distribution
    if not _keeps_order(distribution, review):
        raise NotCoveredError("lead times vary by more than the time between two orders")
    kinks = [Fraction(0), *map(exact, scenario.measures.served_within)]
    found = lead_time_demand.lead_times(distribution, kinks, every, rate)
    if found is None:
        raise NotCoveredError("no formula for this distribution of lead times")
    return found


def _customers(demand: PoissonDemand) -> str:
    return "poisson" if demand.size == Constant(value=1) else "compound-poisson"


def _sizes(demand: PoissonDemand) -> Fraction:
    """The greatest common divisor of what customers ask for."""
    if demand.amount.is_continuous:
        raise NotCoveredError("no formula for continuous sizes of customers who come one by one")
    return common(listed(demand.amount))
