"""The expected fill rate of a finite number of periods, which is above that of the long run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from simlevel.errors import InputError
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.distribution import Constant, Distribution
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import tails
from simlevel.theory.answer import Answer
from simlevel.theory.newsvendor import _distribution
from simlevel.theory.tails import Numbers

LARGEST_SUM = 2**24
"""Lattice steps that the demand of a horizon may reach."""
RARE = 1e-18
_SOURCE = (
    "Chen, Lin and Thomas, On the single item fill rate for a finite horizon, Operations "
    "Research Letters 31 (2003)"
)


def finite_horizon_fill_rate(
    demand: Distribution | Mapping[str, object] | float, order_up_to: float, periods: int
) -> float:
    """E[units served at once / units asked for] over *periods* periods, zero lead time.

    Each period begins with *order_up_to* units S on the shelf; *demand* D of a period is
    independent of the others. A horizon in which nobody asks for anything counts as served:
    fill = 1 - T E[(D_1 - S)^+ / (D_1 + ... + D_T)]. This is an expectation of ratios; the
    contract's fill rate is a ratio of expectations, which it falls to as T grows. Exact for
    discrete demand, lost sales and backorders alike. Chen, Lin and Thomas, On the single
    item fill rate for a finite horizon, Operations Research Letters 31 (2003).

    Raises InputError where demand is continuous, or too wide to be added up.

    >>> demand = dict(dist="discrete", values=[1, 3], probabilities=[0.5, 0.5])
    >>> round(finite_horizon_fill_rate(demand, 2, periods=1), 6)  # (1 + 2/3) / 2
    0.833333
    """
    distribution = _distribution(demand)
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        raise InputError(f"periods: expected a whole number of 1 or more, found {periods!r}")
    if not (0 <= order_up_to < math.inf):
        raise InputError(f"order_up_to: expected a number of 0 or more, found {order_up_to:g}")
    return _fill_rate(*_lattice(distribution, periods), order_up_to, periods)


def window_fill_rate(scenario: Scenario, policy: str, length: float) -> Answer | None:
    """The exact expected fill rate of a window of *length*; None where a period may begin short.

    Covered: base stock with lead time 0, looked at before each period's demand, and discrete
    periodic demand, nobody coming in some periods included; a window of whole periods.
    """
    demand = scenario.demand
    if not isinstance(demand, (PeriodicDemand, HistoryDemand)) or demand.pattern:
        return None
    periods = exact(length) / exact(demand.every)
    if periods.denominator > 1 or scenario.replayed or not _full(scenario, policy, demand.every):
        return None
    try:
        step, probability = _lattice(demand.amount, int(periods))
    except InputError:  # no lattice, or too fine a one
        return None
    if isinstance(demand, PeriodicDemand):
        probability = probability * demand.probability
        probability[0] += 1 - demand.probability
    value = _fill_rate(step, probability, scenario.start_level(policy), int(periods))
    return Answer(value, "finite-horizon", exact=True, source=_SOURCE)


def _full(scenario: Scenario, policy: str, every: float) -> bool:
    """Every period begins with a full shelf."""
    rule, lead_time = scenario.policies[policy], scenario.lead_time.distribution
    if not isinstance(rule, BaseStock) or rule.minimum_order or rule.order_multiple:
        return False
    review = exact(every) / exact(rule.review_period) if rule.review_period else Fraction(1)
    at_once = isinstance(lead_time, Constant) and lead_time.value == 0
    return at_once and review.denominator == 1 and scenario.start is None


def _fill_rate(step: float, probability: Numbers, order_up_to: float, periods: int) -> float:
    asked = step * np.arange(len(probability))
    short = np.maximum(asked - order_up_to, 0.0) * probability
    weights = _with_others(short, probability, periods)
    total = step * np.arange(len(weights))
    return float(1 - periods * math.fsum(weights[1:] / total[1:]))


def _lattice(distribution: Distribution, periods: int) -> tuple[float, Numbers]:
    """The step of demand and P(D = 0, 1, ... steps)."""
    if distribution.is_continuous:
        raise InputError(
            f"demand: expected a discrete distribution, found {distribution.dist} (a continuous "
            "one can be put on a lattice first)"
        )
    if distribution.values_drawn is None:
        last = tails.quantile(distribution, 1 - 1e-16) + 2
        _check(last, periods)
        above = tails.survival(distribution, np.arange(-1.0, last + 1))
        return 1.0, above[:-1] - above[1:]
    values, weights = tails.listed(distribution)
    exactly = [exact(float(value)) for value in values]
    step = common(exactly)
    _check(float(exactly[-1] / step), periods)
    places = [int(value / step) for value in exactly]
    return float(step), np.bincount(places, weights).astype(np.float64)


def _check(last: float, periods: int) -> None:
    if (last + 1) * periods > LARGEST_SUM:
        raise InputError(
            f"demand: expected at most {LARGEST_SUM:,} steps over the horizon, "
            f"found {last * periods:,.0f}"
        )


def _with_others(short: Numbers, probability: Numbers, periods: int) -> Numbers:
    """E[short of one period; total of all periods = 0, 1, ... steps]."""
    length = (len(probability) - 1) * periods + 1
    size = 1 << (length - 1).bit_length()
    others = np.fft.rfft(probability, size) ** (periods - 1)
    return np.asarray(np.fft.irfft(np.fft.rfft(short, size) * others, size)[:length])
