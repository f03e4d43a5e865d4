"""The exact grid: whole ticks of time and whole units of quantity, so that equal is equal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from simlevel.model.demand import Demand, PoissonDemand, RenewalDemand
from simlevel.model.distribution import Distribution
from simlevel.model.fields import exact
from simlevel.model.policy import OwnPolicy, Policy
from simlevel.model.scenario import Scenario

EXACT = 2**53
"""Whole numbers up to this are exact in floating point."""
FINE = 2**24
"""Steps in a mean quantity, where it is continuous: then sums of quantities are exact too."""
DECIMALS = 10**6
"""Parts of a unit in which a policy of the user's own may order."""


@dataclass(frozen=True)
class Grid:
    """One tick of time and one unit of quantity, in the scenario's own units.

    Typed decimals are whole multiples of them: 0.1 ten times is 1.0. Continuous quantities
    are rounded to a unit far below what anyone would notice; continuous random times are
    left between the ticks. Where typed decimals have no common divisor coarse enough to
    count a whole run in, the longest of them are rounded to a small part of what the others
    share, so that the others still meet where they meet on paper.
    """

    tick: Fraction
    unit: Fraction

    @classmethod
    def of(cls, scenario: Scenario, *times: float) -> Grid:
        """The grid on which *scenario* and the further *times*, such as its horizon, lie."""
        durations = [*_times(scenario), *map(exact, times)]
        longest = max(durations)
        total = longest * exact(scenario.demand.units_per_time())
        return cls(step_of(durations, longest), step_of(_quantities(scenario), total))

    def ticks(self, duration: float) -> float:
        """*duration* in whole ticks."""
        return float(round(exact(duration) / self.tick))

    def time(self, ticks: float) -> float:
        """*ticks* in the scenario's time unit."""
        return ticks * self.tick.numerator / self.tick.denominator

    def units(self, quantity: float) -> float:
        """*quantity* in whole grid units."""
        return float(round(exact(quantity) / self.unit))

    def quantity(self, units: float) -> float:
        """Grid *units* in the scenario's own units."""
        return units * self.unit.numerator / self.unit.denominator


def step_of(values: Iterable[Fraction], total: Fraction) -> Fraction:
    """The common divisor of *values*, or of the shorter decimals, so that *total* is exact."""
    values = list(values)
    step = common(values)
    if total / step < EXACT:
        return step
    shared = Fraction(0)
    for value in sorted(set(values), key=lambda value: value.denominator):
        finer = common((shared, value))
        shared = finer if total / finer < EXACT // 8 else shared
    shared = shared or Fraction(1)
    return shared / _power_of_two(shared / total * (EXACT // 8))


def _power_of_two(value: Fraction) -> Fraction:
    """The largest power of two that is at most *value*."""
    return Fraction(2) ** math.floor(math.log2(value))


def common(values: Iterable[Fraction]) -> Fraction:
    """The greatest common divisor of *values*; 1 where there is none."""
    some = [value for value in values if value]
    if not some:
        return Fraction(1)
    numerators = math.gcd(*(value.numerator for value in some))
    return Fraction(numerators, math.lcm(*(value.denominator for value in some)))


def listed(distribution: Distribution) -> Iterator[Fraction]:
    """The values that are counted in whole steps; none for continuous distributions."""
    if distribution.values_drawn is not None:
        yield from map(exact, set(distribution.values_drawn))
    elif distribution.is_whole:
        yield Fraction(1)


def _times(scenario: Scenario) -> Iterator[Fraction]:
    yield from listed(scenario.lead_time.distribution)
    yield from map(exact, scenario.measures.served_within)
    for policy in scenario.policies.values():
        if policy.review_period is not None:
            yield exact(policy.review_period)
    if isinstance(scenario.demand, RenewalDemand):
        yield from listed(scenario.demand.interarrival)
    elif not isinstance(scenario.demand, PoissonDemand):
        yield exact(scenario.demand.every)


def _quantities(scenario: Scenario) -> Iterator[Fraction]:
    yield asked(scenario.demand)
    if scenario.start:
        yield exact(scenario.start.net_inventory)
    for policy in scenario.policies.values():
        if isinstance(policy, OwnPolicy) and not scenario.demand.amount.is_continuous:
            yield asked(scenario.demand) / DECIMALS
        yield from amounts(policy)


def amounts(policy: Policy) -> Iterator[Fraction]:
    """The quantities that *policy* names."""
    said = vars(policy)
    for key in _AMOUNTS:
        if (value := said.get(key)) is not None:
            yield exact(value)


_AMOUNTS = (
    "reorder_point", "order_quantity", "order_up_to", "minimum_order", "order_multiple", "start",
)  # fmt: skip
"""Not the level at the start: r + Q of decimals is rounded, and what r and Q share is enough."""


def asked(demand: Demand) -> Fraction:
    """The common divisor of the quantities that customers ask for."""
    if demand.amount.is_continuous:
        return _power_of_two(exact(demand.amount.mean()) / FINE)
    pattern = None if isinstance(demand, (PoissonDemand, RenewalDemand)) else demand.pattern
    if pattern is None:
        return common(listed(demand.amount))
    if demand.is_whole:
        return Fraction(1)  # rounded to whole units after the factor
    return common(listed(demand.amount)) * common(map(exact, pattern))
