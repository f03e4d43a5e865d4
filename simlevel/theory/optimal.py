"""The cheapest parameters of one policy that meet every target, where theory is exact.

With Q (or S - s) held, what serves better and what stocks more both rise with the level, so
that the targets leave an interval of levels, whose ends are found by inversion; the cost is
convex in the level, or scanned where a cost of units short makes it not so. Q (or S - s) is
then enumerated, target and all: the best Q without the target is not the best with it. The
enumeration ends where :class:`simlevel.theory.floor.Floor` proves every larger Q dearer.

Without targets this is, for (r, Q) and unit demand, the algorithm of Federgruen and Zheng, An
efficient algorithm for computing an optimal (r, Q) policy in continuous review stochastic
inventory systems, Operations Research 40 (1992): the Q positions that cost least, until one
more costs more. For (s, S) it is that of Zheng and Federgruen, Finding optimal (s, S) policies
is about as simple as evaluating a single policy, Operations Research 39 (1991).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize as solve

from simlevel import words
from simlevel.errors import InputError
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.theory import catalogue
from simlevel.theory.choices import (
    MET,
    Choices,
    DerivedChoices,
    SummedChoices,
    changed,
    met,
    nearest,
    parameters,
    shortfall,
)
from simlevel.theory.floor import Floor, economic_lot, floor_of

RAISING = (
    "mean_wait", "mean_backorders", "stockouts_per_time", "lost_per_time", "backorder_cost",
    "shortage_cost",
)  # fmt: skip
"""Targets of at most that ask for higher levels, as all targets of at least do."""
CAPPING = ("mean_on_hand", "mean_inventory_position", "holding_cost")
"""Targets of at most that ask for lower levels."""
SAME = 1e-12
"""Costs that differ by less, beside their size, are equal: the smaller parameters are named."""
MOST_SPANS = 20_000
"""Steps of Q or S - s; where more may be cheaper there is no answer."""
MOST_UNMET = 3_000
"""Steps of Q or S - s of which none meets the targets; then nothing does, as far as is looked."""
MOST_NEAR = 20
"""Steps of Q or S - s among which the nearest is looked for, where nothing meets the targets."""
FARTHEST = 2**20
FINE = 20
"""Steps in a standard deviation of continuous demand, in which Q and S - s are enumerated."""
"""Steps from 0 at which no level is looked for."""


Holds: TypeAlias = Callable[[int, int], NDArray[np.bool_]]
"""Whether something holds at levels: from the first, so many."""
_ENDLESS = (
    "expected a target, or a cost of backorders or shortages, that asks for stock, found none: "
    "the less stock the cheaper, without end"
)


class Optimum(NamedTuple):
    """What was found; the nearest where nothing meets the targets."""

    parameters: Mapping[str, float]
    meets: bool
    how: str
    """A sentence: how it was found, and why it is the best."""


def optimal(
    scenario: Scenario, policy_name: str, targets: Mapping[str, float], fix: Mapping[str, float]
) -> Optimum | str:
    """The cheapest parameters of a policy that meet *targets*, with those of *fix* held.

    Cheapest by ``cost_per_time``, or ``mean_on_hand`` without costs. Quantities are whole
    multiples of the step of demand. A text says why theory does not reach that far. Raises
    InputError where there is no finite optimum, or Q is open without costs.
    """
    task = _Task.of(scenario, policy_name, targets, fix)
    if isinstance(covered := catalogue.exactly(task.scenario, policy_name), str):
        return covered
    choices = _choices(task)
    floor = floor_of(task.scenario, policy_name, targets, fix, choices)
    search = _Search(task, choices, floor)
    found = search.run()
    if search.is_blank:
        return "theory covers none of the parameters that were tried"
    return refined(task, found) if scenario.demand.amount.is_continuous else found


@dataclass(frozen=True)
class _Task:
    """What is asked, on parameters that are open or held."""

    scenario: Scenario
    policy_name: str
    policy: RQ | SS | BaseStock
    targets: Mapping[str, float]
    fix: Mapping[str, float]
    objective: str
    _known: dict[tuple[tuple[str, float], ...], Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, scenario: Scenario, policy_name: str,
        targets: Mapping[str, float], fix: Mapping[str, float],
    ) -> _Task:  # fmt: skip
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

    def margins(self, new: Mapping[str, float]) -> Iterator[float]:
        """By how much each target is met that asks for more stock."""
        reached = self.measures(new)
        for name, asked in self.targets.items():
            if _direction(name) > 0:
                yield -shortfall(name, asked, reached.get(name, math.inf))

    def worth(self, new: Mapping[str, float]) -> float:
        return self.measures(new).get(self.objective, math.inf)

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
            raise InputError("costs.holding: expected a cost above 0, found 0: the more stock "
                             "the better, without end")  # fmt: skip
        if money is not None and (money.backorder or money.shortage):
            return
        asking = {name for name in self.targets if _direction(name) > 0}
        level = "order_up_to" if kind == "base_stock" else "reorder_point"
        if level in open_ones and not asking:
            raise InputError(_ENDLESS)
        if money is not None and money.order and len(open_ones) > 1 and asking <= set(_BATCHED):
            raise InputError(f"expected a target other than {' and '.join(sorted(asking))}, or a "
                             "cost of backorders, found none: the larger the orders the cheaper, "
                             "without end")  # fmt: skip


_BATCHED = ("stockouts_per_time", "inventory_cover")
"""Targets that ever larger orders meet with ever less stock for the demand in between."""


def _direction(measure: str) -> int:
    """1 where a target asks for higher levels, -1 for lower ones, 0 for neither."""
    if words.measure(measure).at_least or measure in RAISING:
        return 1
    return -1 if measure in CAPPING else 0


def _choices(task: _Task) -> Choices:
    scenario, name = task.scenario, task.policy_name
    held = [exact(value) for value in task.fix.values()]
    if task.keeps_span:
        held.append(exact(task.policy.batch))
    if scenario.demand.amount.is_continuous:
        held = [_lattice_step(scenario, held)]
    levels = catalogue.levels(scenario, name, held)
    if not isinstance(levels, str):
        return SummedChoices(scenario, levels)
    step = catalogue.step_of(scenario)
    if scenario.start is not None:
        held.append(exact(scenario.start.net_inventory))
    multiples = (exact(getattr(task.policy, key, None) or 0) for key in catalogue.ROUNDED)
    return DerivedChoices(scenario, name, common([step, *held, *multiples]))


def _lattice_step(scenario: Scenario, held: Sequence[Fraction]) -> Fraction:
    """For continuous demand: about 1/FINE of its standard deviation, and a part of what is held."""
    about = exact(float(f"{scenario.demand.amount.sd() / FINE:.2g}"))
    some = [abs(value) for value in held if value]
    if not some:
        return about
    whole = common(some)
    return whole / max(round(whole / about), 1)


@dataclass
class _Best:
    """The best choice so far, by cost; or by how far the targets are missed."""

    value: float = math.inf
    span: int = 0
    level: int = 0

    def takes(self, value: float, span: int, level: int) -> None:
        if value < self.value - SAME * max(1.0, abs(value)):
            self.value, self.span, self.level = value, span, level


def refined(task: _Task, found: Optimum) -> Optimum:
    """The levels of *found*, for continuous demand, moved to where the exact theory has them.

    To 1e-6 of a standard deviation of demand, upwards, where a target binds; else to where the
    cost, which is flat there, is least to 1e-3 of one. Q and S - s stay as enumerated, unless
    the level is held.
    """
    sd = task.scenario.demand.amount.sd()
    moving = _moving(task)
    if not moving:
        return found._replace(meets=not task.missed(found.parameters))
    decimals = max(6 - math.floor(math.log10(sd)), 0)
    reach = min(6 * sd / FINE, *(found.parameters[key] / 2 for key in moving if "quant" in key), sd)

    def moved(by: float) -> dict[str, float]:
        return {key: round(value + by, decimals) if key in moving else value
                for key, value in found.parameters.items()}  # fmt: skip

    def margin(by: float) -> float:
        return min(task.margins(moved(by)), default=0.0)

    by, binds = 0.0, margin(-reach) < 0 < margin(reach)
    if binds:
        by = float(solve.brentq(margin, -reach, reach, xtol=1e-7 * sd))
        while margin(by) < 0:
            by += 1e-6 * sd
    if task.pays and (not binds or task.worth(moved(by + reach / 60)) < task.worth(moved(by))):
        bounds = (by if binds else -reach, by + reach)
        best = solve.minimize_scalar(
            lambda x: task.worth(moved(x)), bounds=bounds, method="bounded",
            options={"xatol": 1e-3 * sd},
        )  # fmt: skip
        by = max(round(float(best.x), max(decimals - 3, 0)), by if binds else -reach)
    new = moved(by)
    how = f"{found.how}, in steps of 1/{FINE} of a standard deviation; the level to 1e-6 of one"
    return Optimum(new, not task.missed(new), how)


def _moving(task: _Task) -> list[str]:
    """The parameters that raise service together: levels, or what is open where they are held."""
    names = set(parameters(task.policy.kind, exact(1), 1, 1)) - set(task.fix)
    if "reorder_point" in task.fix or "order_up_to" in task.fix:
        return sorted(names)
    return sorted(names - {"order_quantity"})


class _Search:
    """The enumeration."""

    def __init__(self, task: _Task, choices: Choices, floor: Floor | None) -> None:
        self.task, self.choices, self.floor = task, choices, floor
        self.raising = [name for name in task.targets if _direction(name) > 0]
        self.capping = [name for name in task.targets if _direction(name) < 0]
        self.others = [name for name in task.targets if _direction(name) == 0]
        self.best, self.nearest = _Best(), _Best()
        money = task.scenario.costs
        self.lost = task.scenario.lost_sales
        self.bends = money is not None and money.shortage > 0 and not self.lost
        self.pays = task.pays
        _, self.guess = nearest(task.policy, choices.step)
        self.cheapest = self.guess
        self.reach = math.ceil(2 * economic_lot(task.scenario) / float(choices.step)) + 20
        self.glance = 5 if isinstance(choices, SummedChoices) else 1
        """Levels that are looked at at a time: cheap where they come together."""
        self.last = 0

    def run(self) -> Optimum:
        for span in self._spans():
            self.last = span
            self._try(span)
        found = self.best if math.isfinite(self.best.value) else self.nearest
        kind, step = self.task.policy.kind, self.choices.step
        new = parameters(kind, step, found.span, found.level)
        return Optimum(new | dict(self.task.fix), found is self.best, self._how())

    @property
    def is_blank(self) -> bool:
        """Nothing that was tried is covered by theory."""
        return not math.isfinite(min(self.best.value, self.nearest.value))

    def _how(self) -> str:
        found = self._enumerated()
        if self.lost:
            found += "; under lost sales cost is taken to have one bottom in the level"
        return found

    def _enumerated(self) -> str:
        if self.last <= 0 or self._held_span() is not None:
            return "exact: every level that could be cheaper was looked at"
        quantity = "Q" if isinstance(self.task.policy, RQ) else "S - s"
        far = f"{quantity} up to {float(self.last * self.choices.step):g}"
        if not math.isfinite(self.best.value):
            return f"exact: {far} was enumerated, and none of it meets the targets"
        if self.floor is None:
            return f"exact: {far} was enumerated; that more is dearer is seen, not proved"
        return f"exact: {far} was enumerated, and what is larger costs more"

    # --- spans ---------------------------------------------------------------------------------

    def _spans(self) -> Iterator[int]:
        held = self._held_span()
        if held is not None:
            yield held
            return
        for span in range(1, MOST_SPANS + 1):
            if self._is_over(span):
                return
            yield span
        raise InputError(
            f"expected an optimum within {MOST_SPANS:,} steps of {float(self.choices.step):g}, "
            "found costs that may fall beyond; --fix one of the parameters"
        )

    def _is_over(self, span: int) -> bool:
        """No choice of *span* or more is better."""
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

    def _held_span(self) -> int | None:
        policy, fix, step = self.task.policy, self.task.fix, self.choices.step
        if isinstance(policy, BaseStock):
            return 0
        if isinstance(policy, RQ):
            held = fix.get("order_quantity")
            return None if held is None else int(exact(held) / step)
        if self.task.keeps_span:
            return int(exact(policy.batch) / step)
        if {"reorder_point", "order_up_to"} <= set(fix):
            return int((exact(fix["order_up_to"]) - exact(fix["reorder_point"])) / step)
        return None

    def _held_level(self, span: int) -> int | None:
        policy, fix, step = self.task.policy, self.task.fix, self.choices.step
        key = "order_up_to" if isinstance(policy, BaseStock) else "reorder_point"
        if key in fix:
            return int(exact(fix[key]) / step)
        if isinstance(policy, SS) and "order_up_to" in fix:
            return int(exact(fix["order_up_to"]) / step) - span
        return None

    # --- levels --------------------------------------------------------------------------------

    def _try(self, span: int) -> None:
        """The best level for one *span*."""
        held = self._held_level(span)
        low = held if held is not None else self._lowest(span)
        high = held if held is not None else self._highest(span)
        if held is None and low is not None and high is not None and low > high:
            self._miss(span, [low, high])
            return
        for level, cost in self._candidates(span, low, high):
            reached = {n: float(self._values(n, span, level, 1)[0]) for n in self._checked(held)}
            if all(met(name, self.task.targets[name], value) for name, value in reached.items()):
                self.best.takes(cost, span, level)
            else:
                self._miss(span, [level])

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
        found = self._first(lambda at, n: self._all_met(self.raising, span, at, n), self.guess)
        self.guess = self.guess if found is None else found
        if found is None and not self.pays and not self.lost:
            raise InputError(_ENDLESS)
        return max(found or 0, 0) if self.lost else found

    def _highest(self, span: int) -> int | None:
        if not self.capping:
            return None
        found = self._first(lambda at, n: ~self._all_met(self.capping, span, at, n), self.guess)
        return -1 if found is None else found - 1

    def _bottom(self, span: int, low: int | None) -> int:
        """The level of least cost, which is convex in it, or *low* where it is below that."""

        def rises(at: int, count: int) -> NDArray[np.bool_]:
            cost = self._values(self.task.objective, span, at, count + 1)
            cost = np.where(np.isnan(cost), math.inf, cost)
            if self.lost:  # down there is nothing
                below = -np.arange(at, at + count + 1)
                cost = np.where(below > 0, 1e200 * below, cost)
            return np.asarray(cost[1:] >= cost[:-1] * (1 - SAME))

        if low is not None and rises(low, 1)[0]:
            return low
        found = self._first(rises, self.cheapest if low is None else max(low + 1, self.cheapest))
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

    def _first(self, holds: Holds, guess: int) -> int | None:
        """The first level at which what holds from some level on holds; None where it holds
        at all. A few levels at a time: ever farther off, then back by halves."""
        bad, good, leap = -FARTHEST, FARTHEST, self.glance
        low = guess - self.glance // 2
        while -FARTHEST <= low < FARTHEST:
            here = holds(low, self.glance)
            if here[0]:
                good = low
            elif not here[-1]:
                bad = low + self.glance - 1
            else:
                return low + int(np.argmax(here))
            if bad + 1 >= good:
                return good
            leap *= 3
            if bad == -FARTHEST:
                low = good - leap
            elif good == FARTHEST:
                low = bad + leap
            else:
                low = min(max((bad + good - self.glance + 1) // 2, bad + 1), good - 1)
        if bad == -FARTHEST:
            return None
        raise InputError(f"expected levels within {FARTHEST:,} steps of 0, found none that will do")

    def _all_met(
        self, names: Sequence[str], span: int, first: int, count: int
    ) -> NDArray[np.bool_]:
        good = np.ones(count, dtype=bool)
        for name in names:
            asked = self.task.targets[name]
            reached = self._values(name, span, first, count)
            unknown = np.isnan(reached)
            if unknown.all() and not self.lost:
                raise InputError(f"targets.{name}: expected a measure that is observed here, found "
                                 "that it never is")  # fmt: skip
            sign = 1 if words.measure(name).at_least else -1
            good &= unknown & self.lost | (sign * (reached - asked) >= -MET * max(1.0, abs(asked)))
        return good

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
