"""Which theory covers which scenario: the door to every derived answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from simlevel.errors import InputError
from simlevel.model.demand import PoissonDemand
from simlevel.model.distribution import Constant
from simlevel.model.grid import common, listed
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import lead_time_demand, position, service
from simlevel.theory.answer import Answer, Theory

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
    demand = scenario.demand
    if isinstance(demand, PoissonDemand) and policy.review_period is None:
        return _poisson_continuous(scenario, policy_name, policy, demand)
    raise NotCoveredError("no formula for this demand and review yet")


def _poisson_continuous(
    scenario: Scenario, policy_name: str, policy: RQ | SS | BaseStock, demand: PoissonDemand
) -> Derived:
    lead_time = scenario.lead_time.distribution
    if not isinstance(lead_time, Constant):
        raise NotCoveredError("orders may overtake one another")
    start = scenario.start_level(policy_name)
    frame, rule = position.framed(policy, _sizes(demand), start)
    windows = scenario.measures.served_within
    phase = lead_time_demand.poisson_continuous(demand, frame.step, lead_time.value, windows)
    where = position.stationary(rule, phase.step, frame.floor(start))
    rates = service.totals(frame, rule, [(where, phase)], lead_time.value)
    size = "poisson" if demand.size == Constant(value=1) else "compound-poisson"
    return Derived(rates, f"{policy.kind}-{size}")


def _sizes(demand: PoissonDemand) -> Fraction:
    """The greatest common divisor of what customers ask for."""
    if demand.amount.is_continuous:
        raise NotCoveredError("no formula for continuous sizes of customers who come one by one")
    return common(listed(demand.amount))
