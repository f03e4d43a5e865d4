"""What each choice of a policy's parameters is worth: measures by Q or S - s, and level.

A *level* is the reorder point, or S for base stock; a *span* is Q, or S - s, or 0 for base
stock. Both are counted in whole steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np

from simlevel import words
from simlevel.model.fields import as_number, exact
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.lattice import Array
from simlevel.theory.levels import Levels

MET = 1e-10
"""A target is met from this near, beside its size: what rounding may take."""
RARE = 1e-14
"""A total below this share of demand is rounding, not something that happens."""


MOST_STEPS = 20_000
"""Steps of stock, over all points, that Markov chains are set up for; more take minutes."""
MOST_STEPS_QUICK = 1_000_000
"""The same where a formula gives each point."""


class TooManyError(Exception):
    """More points would have to be derived one by one than there is time for."""


class Choices(Protocol):
    """Measures of one policy by its parameters."""

    @property
    def step(self) -> Fraction:
        """Units in a step."""
        ...

    def values(self, measure: str, span: int, first: int, count: int) -> Array:
        """A measure at the levels first, ..., first + count - 1; NaN where it is not known."""
        ...


def met(measure: str, asked: float, reached: float | None) -> bool:
    """Whether a target is met: at least or at most, to rounding."""
    return reached is not None and shortfall(measure, asked, reached) <= MET * max(1.0, abs(asked))


def shortfall(measure: str, asked: float, reached: float) -> float:
    """How far a target is missed; 0 or less where it is met."""
    return asked - reached if words.measure(measure).at_least else reached - asked


def weights(measure: str, scenario: Scenario | None) -> Mapping[str, float]:
    """The totals that a measure adds up, and what each counts for; *scenario* says the costs."""
    prices: dict[str, dict[str, float]] = {}
    if scenario is not None and (money := scenario.costs) is not None:
        prices = {
            "holding_cost": {"area_on_hand": money.holding_rate(scenario.time_unit)},
            "order_cost": {"orders": money.order},
            "backorder_cost": {"area_backorders": money.backorder},
            "shortage_cost": {
                "units_demanded": money.shortage,
                "units_from_shelf": -money.shortage,
            },
            "purchase_cost": {"units_ordered": money.purchase},
        }
        whole: dict[str, float] = {}
        for part in prices.values():
            for total, price in part.items():
                whole[total] = whole.get(total, 0.0) + price
        prices["cost_per_time"] = whole
    if measure in prices:
        return {total: price for total, price in prices[measure].items() if price}
    return {total: weight for weight, total in words.measure(measure).numerator}


def parameters(kind: str, step: Fraction, span: int | Fraction, level: int) -> dict[str, float]:
    """The parameters that a choice stands for, in units."""
    low = as_number(level * step)
    if kind == "base_stock":
        return {"order_up_to": low}
    if kind == "rQ":
        return {"reorder_point": low, "order_quantity": as_number(span * step)}
    return {"reorder_point": low, "order_up_to": as_number((level + span) * step)}


def changed(scenario: Scenario, policy_name: str, new: Mapping[str, float]) -> Scenario:
    """*scenario* with that one policy, and those parameters of it."""
    policy = scenario.policies[policy_name]
    settings = policy.model_dump(exclude_none=True) | dict(new)
    other = type(policy).model_validate(settings)
    return scenario.model_copy(update={"policies": {policy_name: other}})


@dataclass(frozen=True)
class SummedChoices:
    """From what each position amounts to: :class:`simlevel.theory.levels.Levels`."""

    scenario: Scenario | None
    """Its costs; None where there are none."""
    levels: Levels

    @property
    def step(self) -> Fraction:
        return self.levels.step

    def values(self, measure: str, span: int, first: int, count: int) -> Array:
        word = words.measure(measure)
        value = np.zeros(count)
        for total, weight in weights(measure, self.scenario).items():
            part = self.levels.totals(total, span, first, count)
            if part is None:
                return np.full(count, math.nan)
            value += weight * part
        if word.denominator == "time":
            return value
        below = self.levels.totals(word.denominator, span, first, count)
        asked = self.levels.fixed("units_demanded")
        if below is None:
            return np.full(count, math.nan)
        assert asked is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(below > RARE * asked, value / below, math.nan)
        return np.minimum(np.maximum(value, 0.0), 1.0) if word.is_share else value


@dataclass
class DerivedChoices:
    """Each point derived by itself: where moving the levels does more than move the position."""

    scenario: Scenario
    policy_name: str
    step: Fraction
    _known: dict[tuple[int, int], Mapping[str, float]] = field(default_factory=dict)
    _steps: int = 0

    def begin(self, present: Mapping[str, float]) -> None:
        """Count from 0 again, and take what the policy as it stands is worth as known."""
        self._steps = 0
        policy = self.scenario.policies[self.policy_name]
        assert isinstance(policy, (RQ, SS, BaseStock))
        span, level = nearest(policy, self.step)
        own = parameters(policy.kind, self.step, span, level)
        if all(getattr(policy, key) == value for key, value in own.items()):
            self._known[span, level] = present

    def values(self, measure: str, span: int, first: int, count: int) -> Array:
        found = [
            self._at(span, level).get(measure, math.nan) for level in range(first, first + count)
        ]
        return np.array(found)

    def _at(self, span: int, level: int) -> Mapping[str, float]:
        if self.scenario.lost_sales:
            level = max(level, 0)  # a lower one orders nothing
        if (span, level) not in self._known:
            self._count(span + abs(level))
            kind = self.scenario.policies[self.policy_name].kind
            new = parameters(kind, self.step, span, level)
            answers = catalogue.exactly(
                changed(self.scenario, self.policy_name, new), self.policy_name
            )
            found = {} if isinstance(answers, str) else {n: a.value for n, a in answers.items()}
            self._known[span, level] = found
        return self._known[span, level]

    def _count(self, steps: int) -> None:
        self._steps += steps
        chained = self.scenario.lost_sales and self.scenario.demand.is_periodic
        if self._steps > (MOST_STEPS if chained else MOST_STEPS_QUICK):
            raise TooManyError


def nearest(policy: RQ | SS | BaseStock, step: Fraction) -> tuple[int, int]:
    """(span, level) of the choice nearest to a policy's own parameters."""
    span = max(round(exact(policy.batch) / step), 1) if policy.batch else 0
    return span, math.floor(exact(policy.trigger) / step)
