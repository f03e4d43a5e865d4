"""Renewal demand: customers one by one, alike in size, with independent times between them.

A customer looks back over the lead time and counts the others with the ordinary count; the
clock counts with the equilibrium count. Fill rate and ready rate therefore differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from simlevel import words
from simlevel.model import distribution as d
from simlevel.model.demand import PoissonDemand, RenewalDemand
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import RQ, OwnPolicy
from simlevel.model.scenario import Scenario
from simlevel.theory.answer import Answer
from simlevel.theory.position import Frame, Rule, rule_on
from simlevel.theory.renewal_count import (
    NOBODY,
    Count,
    Sums,
    TooSteepError,
    gap_sums,
    too_many,
    uncountable,
)
from simlevel.theory.tails import Numbers
from simlevel.theory.totals import Model
from simlevel.theory.totals import answers as measures

RENEWAL = Model(
    "renewal-backorders",
    "net inventory = position - demand of a lead time, with the ordinary renewal count for "
    "customers and the equilibrium count for time averages: Cox, Renewal Theory (1962), ch. 2 "
    "and 3; Zipkin, Foundations of Inventory Management (2000), ch. 6",
)
LARGEST_ORBIT = 2_000_000
"""Positions that are listed."""


def answers(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """Exact measures of one policy of *scenario* under renewal demand, or why there are none.

    Exact for customers of one size, any policy under continuous review, constant lead time and
    backorders. Gaps: constant, discrete, empirical, erlang, exponential, gamma, uniform and
    lognormal; normal where draws below 0 are rarer than 1e-13. No two customers may come at
    one instant. Shares to 1e-10, lognormal gaps to 1e-9.

    Base stock S, unit size: fill = P(N < S), N the customers within L after one; ready = P(N_e <
    S), N_e those of a window of length L opened at random. Cox (1962), ch. 2 and 3. With Erlang-4
    gaps of mean 1 and L = 3, both count stages, 12 on average:

    >>> case = Scenario.model_validate({
    ...     "demand": {"kind": "renewal", "interarrival": {"dist": "erlang", "mean": 1, "k": 4}},
    ...     "lead_time": 3, "policies": {"one": {"kind": "base_stock", "order_up_to": 4}}})
    >>> found = answers(case, "one")
    >>> round(found["fill_rate"].value, 3)  # P(Poisson(12) < 16)
    0.844
    >>> round(found["ready_rate"].value, 3)  # mean of P(Poisson(12) < 16 - j), j = 0, 1, 2, 3
    0.718
    """
    reason = _uncovered(scenario, policy_name)
    if reason:
        return reason
    demand = scenario.demand
    assert isinstance(demand, (RenewalDemand, PoissonDemand))
    gaps = _gaps(demand)
    lead_time = exact(scenario.lead_time.mean())
    orbit = Orbit.of(scenario, policy_name)
    if isinstance(orbit, str):
        return orbit
    windows = map(exact, scenario.measures.served_within)
    longest = max([lead_time, *(abs(window - lead_time) for window in windows)])
    reason = too_many(gaps, longest)
    if reason:
        return reason
    try:
        per_time = Renewal(scenario, gaps, lead_time, orbit).totals()
    except TooSteepError:
        return "the lognormal gaps are too uneven to be convolved"
    return measures(per_time, scenario, RENEWAL)


def _gaps(demand: RenewalDemand | PoissonDemand) -> d.Distribution:
    if isinstance(demand, RenewalDemand):
        return demand.interarrival
    return d.Exponential(mean=1 / demand.rate)


def _uncovered(scenario: Scenario, policy_name: str) -> str | None:
    demand, policy = scenario.demand, scenario.policies[policy_name]
    if not isinstance(demand, (RenewalDemand, PoissonDemand)):
        return "demand comes in periods, not as a renewal stream"
    if scenario.lost_sales:
        return "shortages are lost, not backordered"
    if policy.review_period is not None:
        return "renewal demand is solved under continuous review only"
    if isinstance(policy, OwnPolicy):
        return "there is no formula for a policy of one's own"
    if scenario.lead_time.distribution.variance() > 0:
        return "renewal demand is solved for constant lead times only"
    sizes = demand.amount
    if sizes.variance() > 0 or sizes.values_drawn is None:
        return "renewal demand is solved for customers of one size only"
    return uncountable(_gaps(demand))


# --- positions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Orbit:
    """Inventory positions that come round again and again, in steps of ``step`` units.

    (r, Q) = (0, 2) and customers of 1, so that the position is 1 or 2 half of the time each:

    >>> orbit = Orbit(Fraction(1), 1, 0, np.array([1.0, 2.0]), np.array([0.0]))
    >>> one = np.array(1.0)
    >>> float(orbit.above(one)), float(orbit.below(2 * one)), float(orbit.share_above(one))
    (0.5, 0.5, 0.5)
    """

    step: Fraction
    size: int
    """Steps that a customer asks for."""
    trigger: int
    """The highest position that orders."""
    positions: Numbers
    """Just after a review, ascending; each is as frequent as any other."""
    before: Numbers
    """At the moment of ordering, before the order."""

    def above(self, x: Numbers, over: Numbers | None = None) -> Numbers:
        """E[(position - x)^+; position > over]."""
        low = x if over is None else np.maximum(x, over)
        first = np.searchsorted(self.positions, low, side="right")
        sums = np.append(np.cumsum(self.positions[::-1])[::-1], 0.0)
        count = len(self.positions) - first
        return np.asarray((sums[first] - x * count) / len(self.positions))

    def below(self, x: Numbers) -> Numbers:
        """E(x - position)^+."""
        first = np.searchsorted(self.positions, x, side="right")
        sums = np.append(0.0, np.cumsum(self.positions))
        return np.asarray((x * first - sums[first]) / len(self.positions))

    def share_above(self, x: Numbers) -> Numbers:
        """P(position > x)."""
        first = np.searchsorted(self.positions, x, side="right")
        return np.asarray(1 - first / len(self.positions))

    @classmethod
    def of(cls, scenario: Scenario, policy_name: str) -> Orbit | str:
        """The orbit that the start leads to, or why it is not listed."""
        policy, size = scenario.policies[policy_name], exact(scenario.demand.amount.mean())
        start = exact(scenario.start_level(policy_name))
        keys = ("order_quantity", "order_up_to", "minimum_order", "order_multiple")
        levels = [exact(getattr(policy, key, None) or 0) for key in keys]
        step = common([size, start, *levels])
        one, begin = int(size / step), int(start / step)
        assert not isinstance(policy, OwnPolicy)
        rule = rule_on(Frame(step, Fraction(0)), policy)
        found = (_rq_orbit if isinstance(policy, RQ) else _up_to_orbit)(rule, one, begin)
        if found is None:
            return f"more than {LARGEST_ORBIT:,} inventory positions are not listed"
        positions, before = found
        return cls(step, one, rule.trigger, np.sort(positions), before)


def _rq_orbit(rule: Rule, size: int, start: int) -> tuple[Numbers, Numbers] | None:
    """Every position above r, up to r + Q, that the greatest common divisor lets through."""
    low, batch = rule.trigger, rule.multiple
    divisor = math.gcd(size, batch)
    if batch // divisor > LARGEST_ORBIT:
        return None
    first = low + 1 + (start - low - 1) % divisor
    positions = first + divisor * np.arange(batch // divisor, dtype=float)
    after = positions - size
    return positions, after[after <= low]


def _up_to_orbit(rule: Rule, size: int, start: int) -> tuple[Numbers, Numbers] | None:
    """Run the position down and up again until an order comes back to a level it came to."""
    level, runs, steps = start, dict[int, int](), 0
    while level not in runs and steps <= LARGEST_ORBIT:
        runs[level] = count = max(-((rule.trigger - level) // size), 0)
        steps += count + 1
        bottom = level - count * size
        level = bottom + rule.size(bottom)
    if level not in runs:
        return None
    cycle = [(top, count) for top, count in runs.items()][list(runs).index(level) :]
    positions = np.concatenate([top - size * np.arange(count, dtype=float) for top, count in cycle])
    return positions, np.array([top - size * count for top, count in cycle], dtype=float)


# --- measures -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Renewal:
    """Position less demand of a lead time, as a customer, a receipt and the clock see it."""

    scenario: Scenario
    gaps: d.Distribution
    lead_time: Fraction
    orbit: Orbit
    known: dict[Fraction, Sums] = field(default_factory=dict)

    def totals(self) -> dict[str, float]:
        """Expected totals per time unit, in the scenario's units."""
        rate = 1 / self.gaps.mean()
        per_customer = self._customer() | self._receipts() | self._within()
        found = {name: value * rate for name, value in per_customer.items()} | self._clock()
        step = float(self.orbit.step)
        in_units = ("units", "area", "net", "delivered")
        return {
            name: float(value) * (step if name.startswith(in_units) else 1.0)
            for name, value in found.items()
        }

    def _sums(self, time: Fraction) -> Sums | None:
        if time > 0 and time not in self.known:
            self.known[time] = gap_sums(self.gaps, time)
        return self.known.get(time)

    def _before(self, time: Fraction) -> Count:
        sums = self._sums(time)
        return sums.after if sums else NOBODY

    def _customer(self) -> dict[str, float]:
        """What one customer asks for and gets."""
        orbit, count = self.orbit, self._before(self.lead_time)
        size, demand = orbit.size, count.values * orbit.size
        idle = orbit.trigger + demand  # above this position nothing is outstanding
        weights = count.probability
        served = orbit.above(demand) - orbit.above(demand + size)
        idly = orbit.above(demand, idle) - orbit.above(demand + size, idle)
        return {
            "customers": 1.0, "units_demanded": size,
            "customers_whole": float(weights @ orbit.share_above(demand + size - 1)),
            "units_from_shelf": float(weights @ served),
            "units_demanded_in_lead_time": float(size * (weights @ (1 - orbit.share_above(idle)))),
            "units_from_shelf_in_lead_time": float(weights @ (served - idly)),
        }  # fmt: skip

    def _receipts(self) -> dict[str, float]:
        """A receipt finds the position before its order, less the demand since then."""
        orbit, count = self.orbit, self._before(self.lead_time)
        before = np.sort(orbit.before)
        enough = len(before) - np.searchsorted(before, count.values * orbit.size, side="left")
        orders = len(before) / len(orbit.positions)
        return {
            "orders": orders, "cycles": orders, "units_ordered": orbit.size,
            "cycles_without_stockout": float(count.probability @ enough) / len(orbit.positions),
            "net_inventory_before_receipts": orders
            * (float(before.mean()) - count.mean() * orbit.size),
        }  # fmt: skip

    def _clock(self) -> dict[str, float]:
        """What the clock sees at a random instant."""
        orbit, sums = self.orbit, self._sums(self.lead_time)
        count = sums.equilibrium(self.gaps.mean()) if sums else NOBODY
        demand, weights = count.values * orbit.size, count.probability
        on_hand = float(weights @ orbit.above(demand))
        on_order = orbit.size * float(self.lead_time) / self.gaps.mean()
        owed = weights @ orbit.below(demand)
        return {
            "area_on_hand": on_hand, "area_on_order": on_order, "area_backorders": float(owed),
            "time_in_stock": float(weights @ orbit.share_above(demand)),
        }  # fmt: skip

    def _within(self) -> dict[str, float]:
        """Units of a customer delivered late, but within each W."""
        shelf = self._served(Fraction(0))
        found = {}
        for window in self.scenario.measures.served_within:
            total = words.served_within(window).numerator[-1][1]
            found[total] = max(self._served(exact(window)) - shelf, 0.0)
        return found

    def _served(self, window: Fraction) -> float:
        """Units of a customer delivered within *window*: from what was ordered by a lead time
        before its end. Once that is later than the customer, later customers' orders help."""
        orbit, reach = self.orbit, self.lead_time - window
        if reach > 0 or (reach == 0 and window == 0):
            count = self._before(reach)
            demand = count.values * orbit.size
        else:
            sums = self._sums(-reach)
            count = sums.up_to if sums else NOBODY
            demand = -(count.values + 1) * orbit.size
        served = orbit.above(demand) - orbit.above(demand + orbit.size)
        return float(count.probability @ served)
