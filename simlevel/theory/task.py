"""What is asked of the parameters of a policy: targets, what is held, and what is to be least."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from simlevel import words
from simlevel.errors import InputError, Problem
from simlevel.model.fields import exact
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.choices import changed, met, parameters, shortfall

RAISING = (
    "mean_wait", "mean_backorders", "stockouts_per_time", "lost_per_time", "backorder_cost",
    "shortage_cost",
)  # fmt: skip
"""Targets of at most that ask for higher levels, as all targets of at least do."""
CAPPING = ("mean_on_hand", "mean_inventory_position", "holding_cost")
"""Targets of at most that ask for lower levels."""
ENDLESS = (
    "expected a target, or a cost of backorders or shortages, that asks for stock, found none: "
    "the less stock the cheaper, without end"
)


class Optimum(NamedTuple):
    """What was found; the nearest where nothing meets the targets."""

    parameters: Mapping[str, float]
    meets: bool
    how: str
    """A sentence: how it was found, and why it is the best."""


@dataclass(frozen=True)
class Task:
    """What is asked, of parameters that are open or held."""

    scenario: Scenario
    policy_name: str
    policy: RQ | SS | BaseStock
    targets: Mapping[str, float]
    fix: Mapping[str, float]
    objective: str
    """What is to be least."""
    _known: dict[tuple[tuple[str, float], ...], Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, scenario: Scenario, policy_name: str,
        targets: Mapping[str, float], fix: Mapping[str, float],
    ) -> Task:  # fmt: skip
        alone = changed(scenario, policy_name, {})
        policy = alone.policies[policy_name]
        assert isinstance(policy, (RQ, SS, BaseStock))
        objective = "mean_on_hand" if scenario.costs is None else "cost_per_time"
        task = cls(alone, policy_name, policy, targets, fix, objective)
        task._refuse()
        return task

    @property
    def keeps_span(self) -> bool:
        """S - s is held at what it is: nothing says what an order costs."""
        return isinstance(self.policy, SS) and self.objective == "mean_on_hand" and not self.fix

    @property
    def pays(self) -> bool:
        """Being short costs something."""
        money = self.scenario.costs
        return money is not None and (money.backorder > 0 or money.shortage > 0)

    def held_span(self, step: Fraction) -> int | None:
        """Q or S - s in steps, where it is not open; 0 for base stock."""
        policy, fix = self.policy, self.fix
        if isinstance(policy, BaseStock):
            return 0
        if isinstance(policy, RQ):
            held = fix.get("order_quantity")
            return None if held is None else int(exact(held) / step)
        if self.keeps_span:
            return int(exact(policy.batch) / step)
        if {"reorder_point", "order_up_to"} <= set(fix):
            return int((exact(fix["order_up_to"]) - exact(fix["reorder_point"])) / step)
        return None

    def held_level(self, step: Fraction, span: int) -> int | None:
        """The level in steps, where it is not open with that *span*."""
        policy, fix = self.policy, self.fix
        key = "order_up_to" if isinstance(policy, BaseStock) else "reorder_point"
        if key in fix:
            return int(exact(fix[key]) / step)
        if isinstance(policy, SS) and "order_up_to" in fix:
            return int(exact(fix["order_up_to"]) / step) - span
        return None

    def measures(self, new: Mapping[str, float]) -> Mapping[str, float]:
        """Of the policy with those parameters, derived by itself."""
        point = tuple(sorted(new.items()))
        if point not in self._known:
            alone = changed(self.scenario, self.policy_name, new)
            answers = catalogue.exactly(alone, self.policy_name)
            found = {} if isinstance(answers, str) else {n: a.value for n, a in answers.items()}
            self._known[point] = found
        return self._known[point]

    def missed(self, new: Mapping[str, float]) -> list[str]:
        """Targets that are not met."""
        reached = self.measures(new)
        return [n for n, asked in self.targets.items() if not met(n, asked, reached.get(n))]

    def margins(self, reached: Mapping[str, float]) -> Iterator[float]:
        """By how much each target is met that asks for more stock."""
        for name, asked in self.targets.items():
            if direction(name) > 0:
                yield -shortfall(name, asked, reached.get(name, math.inf))

    def _refuse(self) -> None:
        """Raise InputError where there is no finite optimum, whatever the numbers."""
        money, kind = self.scenario.costs, self.policy.kind
        open_ones = set(parameters(kind, exact(1), 1, 1)) - set(self.fix)
        if not open_ones:
            return
        if money is None and "order_quantity" in open_ones:
            raise InputError(
                "expected [costs] or --fix order_quantity=..., found neither: where orders cost "
                "nothing the smallest quantity is the best"
            )
        if money is not None and not money.holding_rate(self.scenario.time_unit):
            raise InputError([Problem(
                "", 0, 0, "costs.holding",
                "expected a cost above 0, found 0: the more stock the better, without end",
            )])  # fmt: skip
        if money is not None and (money.backorder or money.shortage):
            return
        asking = {name for name in self.targets if direction(name) > 0}
        level = "order_up_to" if kind == "base_stock" else "reorder_point"
        if level in open_ones and not asking:
            raise InputError(ENDLESS)
        if money is not None and money.order and len(open_ones) > 1 and asking <= set(_BATCHED):
            raise InputError(f"expected a target other than {' and '.join(sorted(asking))}, or a "
                             "cost of backorders, found none: the larger the orders the cheaper, "
                             "without end")  # fmt: skip


_BATCHED = ("stockouts_per_time", "inventory_cover")
"""Targets that ever larger orders meet with ever less stock for the demand in between."""


def direction(measure: str) -> int:
    """1 where a target asks for higher levels, -1 for lower ones, 0 for neither."""
    if words.measure(measure).at_least or measure in RAISING:
        return 1
    return -1 if measure in CAPPING else 0
