"""The gap between the plain textbook value and another, split by the assumptions behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from simlevel.errors import InputError
from simlevel.model.scenario import Scenario
from simlevel.theory.textbook import (
    CAUSES,
    Case,
    Spread,
    applying,
    cycle_service,
    textbook,
    two_term,
)


@dataclass(frozen=True)
class Step:
    """One assumption switched: the value from here on, and what the switch changed."""

    name: str
    """``textbook`` for the plain value that the steps start from."""
    value: float
    change: float
    cause: str


def steps(scenario: Scenario, policy_name: str, measure: str, value: float) -> tuple[Step, ...]:
    """Split the gap between the plain textbook value of *measure* and *value* into causes.

    *measure* is ``cycle_service_level`` or ``fill_rate``; *value* is the exact one, or the
    simulated one where no exact one exists. The plain value is normal, one-term, without
    undershoot, over L without R, with orders in their order and backorders. Assumptions are
    switched one at a time, in this order: old backorders counted twice, distribution,
    discreteness, undershoot, review interval, crossing, lost sales; those that do not apply are
    left out. Crossing and lost sales have no taught correction: the last of them takes the rest
    of the gap. Where neither applies, what the corrections do not reach (they are
    approximations, of moments and shapes) is a step of its own, ``rest``. Changes add up to
    *value* less the plain value. Empty where :func:`textbook` is.

    Base stock 2 under unit Poisson demand, 1 in a lead time; the exact value is P(D <= 1) = 2 / e:

    >>> case = Scenario.model_validate({
    ...     "demand": {"kind": "poisson", "rate": 1}, "lead_time": 1,
    ...     "policies": {"one": {"kind": "base_stock", "order_up_to": 2}}})
    >>> found = steps(case, "one", "cycle_service_level", 2 / math.e)
    >>> [step.name for step in found]
    ['textbook', 'distribution', 'discreteness']
    >>> [round(step.value, 4) for step in found]  # Phi(1), 1 - e^-2, 2 / e
    [0.8413, 0.8647, 0.7358]
    """
    if measure not in ("cycle_service_level", "fill_rate"):
        raise InputError(f"expected cycle_service_level or fill_rate, found {measure!r}")
    plain = textbook(scenario, policy_name).get(measure)
    if not plain:
        return ()
    case = Case.of(scenario, policy_name)
    names = applying(scenario, policy_name, case)
    if measure == "cycle_service_level":
        names = [name for name in names if name != "old backorders"]
    values = [("textbook", plain[0].value), *_corrected(case, names, measure)]
    unreached = [name for name in names if name in ("crossing", "lost sales")]
    values.append((" and ".join(unreached) or "rest", value))
    return tuple(_steps(values))


def _steps(values: Sequence[tuple[str, float]]) -> Iterator[Step]:
    last = values[0][1]
    for name, value in values:
        if name == "rest" and abs(value - last) < 1e-12:
            continue
        causes = [CAUSES[key] for key in name.split(" and ") if key in CAUSES]
        yield Step(name, value, value - last, "; ".join(causes) or "the plain textbook value")
        last = value


def _corrected(case: Case, names: Sequence[str], measure: str) -> Iterator[tuple[str, float]]:
    """The value after each switch that has a formula."""
    done: set[str] = set()
    for name in names:
        if name in ("crossing", "lost sales"):
            return
        done.add(name)
        # A shape of whole numbers is both a distribution and discrete.
        shape = "normal"
        if "distribution" in done:
            shape = case.shape if "discreteness" in done or not case.whole else "gamma"
        work = _cycle_value if measure == "cycle_service_level" else _fill_value
        yield name, work(case, done, shape)


def _cycle_value(case: Case, done: set[str], shape: str) -> float:
    """P(D + undershoot <= r); of base stock P(D <= S less the customer who orders)."""
    if not case.quantity:
        if "review interval" in done:
            return cycle_service(case.over(shape, case.review - case.uncovered), case.low)
        one = case.size_mean if "discreteness" in done and not case.review else 0.0
        return cycle_service(case.over(shape), case.low - one)
    under = _undershoot(case, done)
    demand = case.over(shape)
    if under is None:
        return cycle_service(demand, case.low)
    lag = case.uncovered if "review interval" in done or not case.review else 0.0
    return cycle_service(_plus(case.demand(shape, -lag), under, shape), case.low)


def _fill_value(case: Case, done: set[str], shape: str) -> float:
    demand = case.over(shape)
    asked = _between_looks(case, done)
    if asked is None:
        if case.batch:
            return two_term(demand, case.low, case.batch)
        return cycle_service(demand, case.low)
    lag = case.uncovered if "review interval" in done or not case.review else 0.0
    before = case.demand(shape, -lag)
    under = _undershoot(case, done)
    if case.lifts_to_one_level and case.quantity and under is not None:
        # From one order to the next: Q and the undershoot are sold.
        short = float(_plus(before, under, shape).excess(case.low))
        short -= _owed(before, case.low + case.quantity)
        return float(np.clip(1 - short / (case.quantity + under[0]), 0.0, 1.0))
    after = _plus(before, asked, shape)
    return _mean_over_positions(case, before, after, asked[0])


def _mean_over_positions(case: Case, before: Spread | None, after: Spread, asked: float) -> float:
    """1 - E[(D + X - Y)^+ - (D - Y)^+] / E[X], Y the position: S, or uniform over r, r + Q."""
    points, weights = np.array([case.low]), np.ones(1)
    if case.quantity:
        nodes, weights = special.roots_legendre(64)
        points, weights = case.low + case.quantity * (nodes + 1) / 2, weights / 2
        if case.whole and case.quantity <= 1000:
            points = np.arange(math.floor(case.low) + 1.0, case.low + case.quantity + 1)
            weights = np.full(len(points), 1 / len(points))
    owed = np.array([_owed(before, point) for point in points])
    short = float(weights @ (after.excess(points) - owed))
    return float(np.clip(1 - short / asked, 0.0, 1.0))


def _owed(demand: Spread | None, level: float) -> float:
    """E(D - level)^+, D = 0 where there is no lead time."""
    return max(-level, 0.0) if demand is None else float(demand.excess(level))


def _between_looks(case: Case, done: set[str]) -> tuple[float, float] | None:
    """Mean and variance of the demand between two looks at the position; None for a flow."""
    if "review interval" in done:
        return case.mean * case.review, case.variance * case.review
    if "undershoot" in done or ("discreteness" in done and not case.quantity and not case.review):
        return case.size_mean, case.size_variance
    return None


def _undershoot(case: Case, done: set[str]) -> tuple[float, float] | None:
    """Mean and variance of s less the position that orders, in the limit of a large S - s.

    Of the demand X between two looks: mean (E[X^2] / E[X] - 1) / 2 for whole units, without the
    1 for others; X is taken for gamma. Tijms, A First Course in Stochastic Models (2003), ch. 2.
    """
    looked = _between_looks(case, done)
    if looked is None or not case.quantity:
        return None
    mean, variance = looked
    second = variance + mean**2
    third = mean**3 * (1 + variance / mean**2) * (1 + 2 * variance / mean**2)
    first = second / (2 * mean) - (0.5 if case.whole else 0.0)
    square = third / (3 * mean) - (second / (2 * mean) - 1 / 6 if case.whole else 0.0)
    return max(first, 0.0), max(square - first**2, 0.0)


def _plus(demand: Spread | None, more: tuple[float, float], shape: str) -> Spread:
    """The sum of independent demands, by its moments."""
    mean, variance = (demand.mean, demand.variance) if demand else (0.0, 0.0)
    if shape == "poisson" and more[1] != more[0]:
        shape = "negative_binomial"
    total = float(mean) + more[0]
    return Spread.nearest(total, float(variance) + more[1], shape)
