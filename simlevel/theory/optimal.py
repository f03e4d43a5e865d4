"""The cheapest parameters of one policy that meet every target, where theory is exact.

With Q (or S - s) held, what serves better and what stocks more both rise with the level, so
that the targets leave an interval of levels, whose ends are found by inversion; the cost is
convex in the level, or scanned where a cost of units short makes it not so. Q (or S - s) is
then enumerated, target and all: the best Q without the target is not the best with it. The
enumeration ends where :class:`simlevel.theory.floor.Floor` proves every larger Q dearer.

Without targets the end for (r, Q) is that of Federgruen and Zheng, An efficient algorithm for
computing an optimal (r, Q) policy in continuous review stochastic inventory systems, Operations
Research 40 (1992), and for (s, S) that of Zheng and Federgruen, Finding optimal (s, S) policies
is about as simple as evaluating a single policy, Operations Research 39 (1991). Base stock is
where the cost stops falling: its critical ratio.

Continuous demand is put on a lattice, where Q and S - s are enumerated coarsely, then finely
near every bottom that comes near the best. What is named lies between the steps: Q or S - s
where a parabola through the costs is least, the level where the exact theory has it.

Not proved, and said so in the answer: that more is dearer for (s, S) under a pattern, a least
order or an order multiple, under renewal demand, and under lost sales, where Q is enumerated up
to twice the best and twice the economic order quantity; and that cost has one bottom in the
level under lost sales (it has for base stock whose orders cost nothing: Janakiraman and Roundy,
Lost-sales problems with stochastic lead times, Operations Research 52, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simlevel import words
from simlevel.errors import InputError, Problem
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import RQ
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.choices import (
    MET,
    Choices,
    DerivedChoices,
    SummedChoices,
    TooManyError,
    met,
    nearest,
    parameters,
    shortfall,
)
from simlevel.theory.crossing import FARTHEST, first_level, signed
from simlevel.theory.floor import Floor, economic_lot, floor_of
from simlevel.theory.refined import FINE, lattice_step, refined
from simlevel.theory.task import ENDLESS, Optimum, Task, direction

SAME = 1e-12
"""Costs that differ by less, beside their size, are equal: the smaller parameters are named."""
MOST_SPANS = 20_000
"""Steps of Q or S - s; where more may be cheaper there is no answer."""
MOST_UNMET = 3_000
"""Steps of Q or S - s of which none meets the targets; then nothing does, as far as is looked."""
MOST_NEAR = 20
"""Steps of Q or S - s among which the nearest is looked for, where nothing meets the targets."""
STRIDE = 10
"""Steps of Q or S - s that are taken at a time for continuous demand, but near the best."""
WIDE = 5
"""Steps on either side of the best to the ends of the parabola that finds what is between."""
NEAR = 0.01
"""Bottoms that cost more than the best by no more than this, beside it, are looked into."""


def optimal(
    scenario: Scenario, policy_name: str, targets: Mapping[str, float], fix: Mapping[str, float]
) -> Optimum | str:
    """The cheapest parameters of a policy that meet *targets*, with those of *fix* held.

    Cheapest by ``cost_per_time``, or ``mean_on_hand`` without costs. Quantities are whole
    multiples of the step that demand, order multiples and what is held share; real numbers for
    continuous demand. Of equals the smaller Q, and the lower level, is named. A text
    says why theory does not reach that far. Raises InputError where there is no finite
    optimum, or Q is open without costs.
    """
    return next(optima(scenario, policy_name, [targets], fix))


def optima(
    scenario: Scenario,
    policy_name: str,
    asked: Iterable[Mapping[str, float]],
    fix: Mapping[str, float],
) -> Iterator[Optimum | str]:
    """:func:`optimal` for one set of targets after the other: what a choice is worth is worked
    out once for all."""
    choices: Choices | str | None = None
    guess = None
    for targets in asked:
        task = Task.of(scenario, policy_name, targets, fix)
        if choices is None:
            present = catalogue.exactly(task.scenario, policy_name)
            choices = present if isinstance(present, str) else _choices(task)
        if isinstance(choices, str):
            yield choices
            continue
        if isinstance(choices, DerivedChoices) and not isinstance(present, str):
            choices.begin({name: answer.value for name, answer in present.items()})
        floor = floor_of(task.scenario, policy_name, targets, fix, choices)
        search = _Search(task, choices, floor)
        search.guess = search.guess if guess is None else guess
        yield _optimum(task, search)
        guess = search.guess


def _optimum(task: Task, search: _Search) -> Optimum | str:
    try:
        found = search.run()
    except TooManyError:
        return "too many points would have to be derived one by one"
    if search.is_blank:
        return "theory covers none of the parameters that were tried"
    return refined(task, found) if task.scenario.demand.amount.is_continuous else found


def _choices(task: Task) -> Choices | str:
    scenario, name = task.scenario, task.policy_name
    held = [exact(value) for value in task.fix.values()]
    if task.keeps_span:
        held.append(exact(task.policy.batch))
    if scenario.demand.amount.is_continuous:
        held = [lattice_step(scenario, held)]
    levels = catalogue.levels(scenario, name, held)
    if not isinstance(levels, str):
        return SummedChoices(scenario, levels)
    if scenario.demand.amount.is_continuous:
        return levels
    step = catalogue.step_of(scenario)
    if scenario.start is not None:
        held.append(exact(scenario.start.net_inventory))
        elsewhere = scenario.model_copy(update={"start": None})
        if isinstance(others := catalogue.levels(elsewhere, name, held), str):
            return others
    elif not scenario.lost_sales and scenario.demand.kind != "renewal":
        return levels
    multiples = (exact(getattr(task.policy, key, None) or 0) for key in catalogue.ROUNDED)
    return DerivedChoices(scenario, name, common([step, *held, *multiples]))


@dataclass
class _Best:
    """The best choice so far, by cost; or by how far the targets are missed."""

    value: float = math.inf
    span: int = 0
    level: int = 0

    def takes(self, value: float, span: int, level: int) -> None:
        if value < self.value - SAME * max(1.0, abs(value)):
            self.value, self.span, self.level = value, span, level


class _Search:
    """The enumeration."""

    def __init__(self, task: Task, choices: Choices, floor: Floor | None) -> None:
        self.task, self.choices, self.floor = task, choices, floor
        self.raising = [name for name in task.targets if direction(name) > 0]
        self.capping = [name for name in task.targets if direction(name) < 0]
        self.others = [name for name in task.targets if direction(name) == 0]
        self.best, self.nearest = _Best(), _Best()
        money = task.scenario.costs
        self.lost = task.scenario.lost_sales
        self.bends = money is not None and money.shortage > 0 and not self.lost
        self.pays = task.pays
        _, self.guess = nearest(task.policy, choices.step)
        self.cheapest = self.guess
        self.reach = math.ceil(2 * economic_lot(task.scenario) / float(choices.step)) + 20
        is_continuous = task.scenario.demand.amount.is_continuous
        self.stride = STRIDE if is_continuous and task.held_span(choices.step) is None else 1
        self.costs: dict[int, float] = {}
        """By span; of those that meet the targets."""
        self.glance = 5 if isinstance(choices, SummedChoices) else 1
        """Levels that are looked at at a time: cheap where they come together."""
        self.last = 0
        self.is_between = False
        """The span that is named lies between those that were looked at."""

    def run(self) -> Optimum:
        for each in self._spans():
            self.last = each
            self._try(each)
        for each in self._between():
            self._try(each)
        found = self.best if math.isfinite(self.best.value) else self.nearest
        kind, step = self.task.policy.kind, self.choices.step
        span = self._bottom_span() if found is self.best else Fraction(found.span)
        new = parameters(kind, step, span, found.level)
        return Optimum(new | dict(self.task.fix), found is self.best, self._how())

    @property
    def is_blank(self) -> bool:
        """Nothing that was tried is covered by theory."""
        return not math.isfinite(min(self.best.value, self.nearest.value))

    def _how(self) -> str:
        found, step = self._enumerated(), self.choices.step
        if step != 1 and not self.task.scenario.demand.amount.is_continuous:
            found += (
                f"; in steps of {float(step):g}, which demand and what is held are multiples of"
            )
        if self.lost:
            found += "; under lost sales cost is taken to have one bottom in the level"
        return found

    def _enumerated(self) -> str:
        if self.last <= 0 or self.task.held_span(self.choices.step) is not None:
            return "exact: every level that could be cheaper was looked at"
        quantity = "Q" if isinstance(self.task.policy, RQ) else "S - s"
        last = self.last + self.stride - 1
        far = f"{quantity} up to {float(last * self.choices.step):g}"
        steps = ""
        if self.stride > 1:
            steps = (
                f" in steps of 1/{FINE // STRIDE} of a standard deviation of demand, near the best "
                f"of 1/{FINE}"
            )
        if self.is_between:
            steps += ", and taken where a parabola through the costs is least"
        if not math.isfinite(self.best.value):
            return f"exact: {far} was enumerated{steps}, and none of it meets the targets"
        if self.floor is None:
            return f"exact: {far} was enumerated{steps}; that more is dearer is seen, not proved"
        return f"exact: {far} was enumerated{steps}; what is larger costs more"

    # --- spans ---------------------------------------------------------------------------------

    def _spans(self) -> Iterator[int]:
        held = self.task.held_span(self.choices.step)
        if held is not None:
            yield held
            return
        for span in range(1, MOST_SPANS + 1, self.stride):
            if self._is_over(span):
                return
            yield span
        raise InputError(
            f"expected an optimum within {MOST_SPANS:,} steps of {float(self.choices.step):g}, "
            "found costs that may fall beyond; --fix one of the parameters"
        )

    def _is_over(self, span: int) -> bool:
        """No choice of *span* or more is better, or there is none."""
        held = self.task.held_level(self.choices.step, span)
        if self.lost and held is not None and held < 0:
            return True
        if self.floor is None:
            if not math.isfinite(self.best.value):
                return span > MOST_UNMET
            return span > max(2 * self.best.span, self.reach)
        if math.isfinite(self.best.value):
            if self.floor.is_hopeless(span, self.best.value):
                raise InputError(
                    "expected shortages that cost more than stock, found that the best is to "
                    "stock nothing and order ever more at a time"
                )
            return self.floor.excludes(span, self.best.value * (1 + SAME))
        targets = self.task.targets
        return span > MOST_NEAR and (
            self.floor.cost(span) > targets.get("cost_per_time", math.inf)
            or self.floor.on_hand(span) > targets.get("mean_on_hand", math.inf)
            or span > MOST_UNMET
        )

    def _between(self) -> Iterator[int]:
        """What was stepped over on either side of each bottom that comes near the best."""
        costs = dict(self.costs)
        for span, cost in costs.items() if self.stride > 1 else ():
            beside = [costs.get(span + by, math.inf) for by in (-self.stride, self.stride)]
            if cost <= min(beside) and cost <= self.best.value * (1 + NEAR):
                for near in range(max(span - self.stride + 1, 1), span + self.stride):
                    if near not in self.costs:
                        yield near

    def _bottom_span(self) -> Fraction:
        """For continuous demand, where a parabola through the costs of three spans is least."""
        span, wide = self.best.span, min(WIDE, self.best.span - 1)
        if self.stride == 1 or wide < 1 or self.capping or self.others or self.task.fix:
            return Fraction(span)
        for beside in (span - wide, span + wide):
            if beside not in self.costs:
                self._try(beside)
        low, here, high = (self.costs.get(span + by, math.inf) for by in (-wide, 0, wide))
        off = wide * _bottom_between(low, here, high)
        self.is_between = True
        # On a lattice what comes to rest on s orders: S - s is half a step less than it seems.
        half = Fraction(1, 2) if self.task.policy.kind == "sS" else 0
        return span + Fraction(round(1000 * off), 1000) - half

    # --- levels --------------------------------------------------------------------------------

    def _try(self, span: int) -> None:
        """The best level for one *span*."""
        held = self.task.held_level(self.choices.step, span)
        if held is not None and abs(held) > FARTHEST:
            raise InputError(
                f"expected levels within {FARTHEST:,} steps of 0, found one held at "
                f"{float(held * self.choices.step):g}"
            )
        low = held if held is not None else self._lowest(span)
        high = held if held is not None else self._highest(span)
        if held is None and low is not None and high is not None and low > high:
            self._miss(span, [low, high])
            return
        for level, cost in self._candidates(span, low, high):
            reached = {n: float(self._values(n, span, level, 1)[0]) for n in self._checked(held)}
            if all(met(name, self.task.targets[name], value) for name, value in reached.items()):
                if self.stride > 1 and level not in (held, high):
                    cost = self._eased(span, level, low, cost)
                self.costs[span] = cost
                self.best.takes(cost, span, level)
            else:
                self._miss(span, [level])

    def _eased(self, span: int, level: int, low: int | None, cost: float) -> float:
        """The cost between two levels: where the target is met, or at the bottom."""
        costs = self._values(self.task.objective, span, level - 2, 4)
        if level != low:
            low_cost, here, high_cost = costs[1:]
            off = _bottom_between(low_cost, here, high_cost)
            return float(here - off * off * (low_cost - 2 * here + high_cost) / 2)
        margins = self._margin(self.raising, span, level - 2, 4) if self.raising else costs * 0
        if not (np.isfinite(margins).all() and (np.diff(margins) > 0).all()):
            return cost
        parts = [math.prod(other / (other - each) for other in margins if other != each)
                 for each in margins]  # fmt: skip
        return float(costs @ parts)

    def _checked(self, held: int | None) -> Sequence[str]:
        """Targets that the interval of levels does not settle."""
        return list(self.task.targets) if held is not None else self.others

    def _candidates(
        self, span: int, low: int | None, high: int | None
    ) -> Iterator[tuple[int, float]]:
        """The level that costs least between *low* and *high*, and its cost."""
        if low is not None and low == high:
            level = low
        elif self.bends:
            level = self._scanned(span, low, high)
        elif not self.pays:
            level = low or 0
        else:
            level = self._bottom(span, low)
            level = level if high is None else min(level, high)
        yield level, float(self._values(self.task.objective, span, level, 1)[0])

    def _lowest(self, span: int) -> int | None:
        """The lowest level that meets the targets that ask for high ones."""
        if not self.raising:
            return None
        found = first_level(
            lambda at, n: self._margin(self.raising, span, at, n), self.guess, self.glance
        )
        self.guess = self.guess if found is None else found
        if found is None and not self.pays and not self.lost:
            raise InputError(ENDLESS)
        return max(found or 0, 0) if self.lost else found

    def _highest(self, span: int) -> int | None:
        if not self.capping:
            return None
        found = first_level(
            lambda at, n: -self._margin(self.capping, span, at, n), self.guess, self.glance
        )
        return -1 if found is None else found - 1

    def _bottom(self, span: int, low: int | None) -> int:
        """The level of least cost, which is convex in it, or *low* where it is below that."""

        def rises(at: int, count: int) -> NDArray[np.float64]:
            cost = self._values(self.task.objective, span, at, count + 1)
            cost = np.where(np.isnan(cost), math.inf, cost)
            if self.lost:  # down there is nothing
                below = -np.arange(at, at + count + 1)
                cost = np.where(below > 0, 1e200 * below, cost)
            here, there = cost[:-1], cost[1:]
            with np.errstate(invalid="ignore"):
                return signed(there >= here * (1 - SAME), there - here)

        if low is not None and rises(low, 1)[0] > 0:
            return low
        guess = self.cheapest if low is None else max(low + 1, self.cheapest)
        found = first_level(rises, guess, self.glance)
        self.cheapest = max(found or 0, 0) if self.lost or found is None else found
        return self.cheapest

    def _scanned(self, span: int, low: int | None, high: int | None) -> int:
        """The level of least cost where it has several bottoms.

        At levels that leave nothing on the shelf, down from -span, only backorders change.
        """
        start = -span - 1 if low is None else low
        best = _Best()
        holding = "mean_on_hand" if self.task.objective == "mean_on_hand" else "holding_cost"
        width = 64
        while True:
            count = width if high is None else min(width, high - start + 1)
            if count <= 0:
                return best.level
            cost = self._values(self.task.objective, span, start, count)
            place = int(np.argmin(cost))
            best.takes(float(cost[place]), span, start + place)
            if self._values(holding, span, start + count - 1, 1)[0] > best.value:
                return best.level
            start, width = start + count, 2 * width

    def _margin(
        self, names: Sequence[str], span: int, first: int, count: int
    ) -> NDArray[np.float64]:
        """By how much the targets are met at levels, the one that is met least counting."""
        least = np.full(count, math.inf)
        # Under lost sales theory may end at some level, from which all is taken to be met; and
        # at level 0 it may be that nothing is ordered, so that nothing is met.
        beyond = self.lost & np.isnan(self._values(self.task.objective, span, first, count))
        idle = self.lost & (np.arange(first, first + count) <= 0)
        for name in names:
            asked = self.task.targets[name]
            reached = self._values(name, span, first, count)
            unknown = np.isnan(reached)
            if (unknown & ~beyond & ~idle).all():
                raise InputError([Problem(
                    "", 0, 0, f"targets.{name}",
                    "expected a measure that is observed here, found that it never is",
                )])  # fmt: skip
            sign = 1 if words.measure(name).at_least else -1
            good = beyond | (sign * (reached - asked) >= -MET * max(1.0, abs(asked)))
            least = np.minimum(least, signed(good, _beyond(name, asked, reached)))
        return least

    def _miss(self, span: int, levels: Sequence[int]) -> None:
        """Remember the choice that misses the targets least, the worst of them counting."""
        for level in levels:
            missed = max(self._missed(name, span, level) for name in self.task.targets)
            self.nearest.takes(missed, span, level)

    def _missed(self, name: str, span: int, level: int) -> float:
        asked = self.task.targets[name]
        reached = float(self._values(name, span, level, 1)[0])
        if math.isnan(reached):
            return math.inf
        beside = 1.0 if words.measure(name).is_share else max(abs(asked), 1e-9)
        return shortfall(name, asked, reached) / beside

    def _values(self, measure: str, span: int, first: int, count: int) -> NDArray[np.float64]:
        return self.choices.values(measure, span, first, count)


def _bottom_between(before: float, here: float, after: float) -> float:
    """Where a parabola through heights at -1, 0 and 1 is least; 0 where it is not near there."""
    bend = before - 2 * here + after
    off = (before - after) / 2 / bend if 0 < bend < math.inf else 0.0
    return off if abs(off) <= 1 else 0.0


def _beyond(name: str, asked: float, reached: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far *reached* is from a target, so that it is nearly straight in the level: what is
    short falls off exponentially."""
    top = 1.0 if words.measure(name).is_share else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (top - reached) / (top - asked) if asked != top else reached - asked
        return np.where(ratio > 0, np.log(ratio), reached - asked)
