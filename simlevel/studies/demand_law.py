"""Lead-time demand against the reorder point: what stands behind Type I, and what is short."""

from __future__ import annotations

from dataclasses import dataclass

from simlevel.errors import InputError
from simlevel.model.policy import BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.lattice import Law

SAME = 1e-9
"""Chances that differ by less, everywhere, are one law."""


@dataclass(frozen=True)
class Chances:
    """A law of units: each amount and its probability, lowest first."""

    amounts: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class DemandLaw:
    """What a cycle asks of the stock from the policy's level on, until the receipt."""

    scenario: Scenario
    policy: str
    level: float
    """The reorder point; S for base stock. Units."""
    asked: Chances
    """The level less net inventory just before a receipt: lead-time demand and undershoot."""
    lead_time: Chances | None
    """Lead-time demand alone, where that is another law and known; no undershoot in it."""
    lasts: float
    """P(asked <= level): the cycle service level."""
    short: float
    """E(asked - level)+: units owed just before a receipt, the mean over receipts."""


def demand_law(scenario: Scenario, policy: str | None = None) -> DemandLaw:
    """The exact law of what is asked of the stock in a cycle of *policy* (the first one).

    For a reorder point that is the undershoot, what the last customer took below it, and the
    demand of the lead time; for base stock the demand since the position was S. P(asked <= level)
    is Type I: Axsäter, Inventory Control (3rd ed., 2015), ch. 5. Raises InputError where theory
    does not have it.
    """
    name = next(iter(scenario.policies)) if policy is None else policy
    found = catalogue.receipts(scenario, name)
    if isinstance(found, str):
        raise InputError(
            f"policies.{name}: expected lead-time demand of a known law, found {found}"
        )
    step, origin, rule = found.frame.step, found.frame.origin, scenario.policies[name]
    level = rule.order_up_to if isinstance(rule, BaseStock) else rule.trigger
    net = found.net.trimmed()
    asked = _chances(net.negated(), float(step), level - float(origin))
    alone = found.demand.trimmed() if found.demand and not isinstance(rule, BaseStock) else None
    lead_time = _chances(alone, float(step), 0.0) if alone else None
    if lead_time is not None and _same(asked, lead_time):
        lead_time = None
    owed = net.up_to(-1)
    short = -(float(step) * owed.mean() + float(origin) * owed.total())
    return DemandLaw(scenario, name, level, asked, lead_time, net.above(-1).total(), short)


def _chances(law: Law, step: float, more: float) -> Chances:
    """*more* and *law*, that counts steps."""
    amounts = tuple(round(more + step * float(value), 9) for value in law.values)
    return Chances(amounts, tuple(map(float, law.mass)))


def _same(one: Chances, other: Chances) -> bool:
    here, there = (dict(zip(x.amounts, x.probabilities, strict=True)) for x in (one, other))
    return all(abs(here.get(a, 0.0) - there.get(a, 0.0)) < SAME for a in {*here, *there})
