"""The counted window: how long it is, and how much is cut off before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simlevel.engines.ledger import Totals, Windows, named
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.fields import as_number, exact
from simlevel.model.policy import Policy
from simlevel.model.scenario import Scenario

CYCLES = 500
CUSTOMERS = 10_000
PILOTS = 5
"""Replications of the run that the warm-up is read off."""
MOST_BINS = 5_000
BATCH = 5
"""Bins averaged to one observation by MSER-5."""

Pilot = Callable[[str, Windows, int], Totals]
"""(policy, windows, replication) -> totals of each window."""


def mean_cycle(scenario: Scenario, policy: Policy) -> float:
    """Expected time between orders: max(Q or S - s, mean customer) / demand rate, at least R."""
    size = max(policy.batch, scenario.demand.amount.mean() * scenario.demand.mean_factor())
    return max(size / scenario.demand.units_per_time(), policy.review_period or 0.0)


def horizon(scenario: Scenario) -> float:
    """The counted time: as the scenario says, or 500 cycles or 10,000 customers if longer.

    Rounded up to whole weeks, so to speak: to a multiple of the demand pattern and the reviews.
    """
    if scenario.replayed and isinstance(scenario.demand, HistoryDemand):
        return float(exact(scenario.demand.every) * len(scenario.demand.history))
    if scenario.simulation.horizon != "auto":
        return scenario.simulation.horizon
    longest = max(mean_cycle(scenario, policy) for policy in scenario.policies.values())
    wanted = max(CYCLES * longest, CUSTOMERS / scenario.demand.customers_per_time())
    return _rounded_up(wanted, scenario)


def warmup(scenario: Scenario, pilot: Pilot) -> float:
    """The cut: as the scenario says, or the longest that any policy needs.

    That is the largest of MSER-5's cut on *pilot* replications, twice (L + R), and three
    mean cycles, the last two after a start above the policy's own is used up. L is the mean
    lead time and three standard deviations, or its largest value.
    """
    if scenario.replayed:
        return 0.0
    if scenario.simulation.warmup != "auto":
        return scenario.simulation.warmup
    longest = 0.0
    for name, policy in scenario.policies.items():
        least = max(2 * protection(scenario, policy), 3 * mean_cycle(scenario, policy))
        least += _surplus(scenario, name)
        longest = max(longest, least, _mser_cut(scenario, name, least, pilot))
    return _rounded_up(longest, scenario)


def _surplus(scenario: Scenario, policy: str) -> float:
    """Time that demand takes to use up a start above the policy's own."""
    above = scenario.start_level(policy) - scenario.policies[policy].start_level
    return max(above, 0.0) / scenario.demand.units_per_time()


def protection(scenario: Scenario, policy: Policy) -> float:
    """L + R for a long lead time: its mean and three deviations, or its largest value."""
    lead_time = scenario.lead_time.distribution
    long = min(lead_time.mean() + 3 * lead_time.sd(), lead_time.largest())
    return long + (policy.review_period or 0.0)


def _mser_cut(scenario: Scenario, policy: str, least: float, pilot: Pilot) -> float:
    bin_length = _bin(scenario, least)
    bins = max(math.ceil(4 * least / bin_length), 20 * BATCH)
    windows = Windows(0.0, bin_length, bins)
    runs = [named(pilot(policy, windows, replication), scenario) for replication in range(PILOTS)]
    net = sum((run["area_on_hand"] - run["area_backorders"]) for run in runs)
    return mser5(np.asarray(net)) * bin_length


def _bin(scenario: Scenario, least: float) -> float:
    """One time unit or demand period, or several where the pilot would have too many bins."""
    demand = scenario.demand
    one = demand.every if isinstance(demand, (PeriodicDemand, HistoryDemand)) else 1.0
    return one * max(1, math.ceil(4 * least / one / MOST_BINS))


def mser5(series: NDArray[np.float64]) -> int:
    """Observations to cut: the start of the rest whose mean has the least standard error.

    Means of five are taken first and only the first half may be cut. White, Cobb and Spratt,
    A comparison of five steady-state truncation heuristics (2000).
    """
    batches = series[: len(series) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    n = len(batches)
    errors = [batches[cut:].var() / (n - cut) for cut in range(n // 2 + 1)]
    return int(np.argmin(errors)) * BATCH


def _rounded_up(duration: float, scenario: Scenario) -> float:
    """*duration* up to a multiple of the common period of demand and reviews, if it is short."""
    step = common_period(scenario)
    if not _is_short(step, duration):
        step = Fraction(1) if duration > 10 else Fraction(1, 1000)
    return _up_to(step, duration)


def rounded_for_all(duration: float, scenarios: Iterable[Scenario]) -> float:
    """*duration*, rounded for one of *scenarios*, up to what suits them all, if that is short."""
    step = common_period(*scenarios)
    return _up_to(step, duration) if _is_short(step, duration) else duration


def _is_short(step: Fraction, duration: float) -> bool:
    return 0 < step <= exact(duration) / 5


def _up_to(step: Fraction, duration: float) -> float:
    return as_number(math.ceil(exact(duration) / step) * step)


def common_period(*scenarios: Scenario) -> Fraction:
    """After which demand and the reviews of all policies repeat; 0 where they do not."""
    periods = {period for scenario in scenarios for period in _periods(scenario)}
    if not periods:
        return Fraction(0)
    numerators = math.lcm(*(period.numerator for period in periods))
    return Fraction(numerators, math.gcd(*(period.denominator for period in periods)))


def _periods(scenario: Scenario) -> Iterator[Fraction]:
    demand = scenario.demand
    if isinstance(demand, (PeriodicDemand, HistoryDemand)):
        yield exact(demand.every) * len(demand.pattern or (1,))
    for policy in scenario.policies.values():
        if policy.review_period:
            yield exact(policy.review_period)
