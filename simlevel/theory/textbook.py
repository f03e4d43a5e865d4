"""The approximations people are taught, each with what it leaves out.

Symbols: r reorder point, Q order quantity, S order-up-to level, R review period, L lead time,
mu and sigma mean and deviation of the demand of the interval that counts, n(x) = E(D - x)^+.
Nothing here is exact but where it says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from simlevel.errors import InputError
from simlevel.model import distribution as d
from simlevel.model.demand import PeriodicDemand, PoissonDemand, RenewalDemand
from simlevel.model.policy import RQ, OwnPolicy
from simlevel.model.scenario import Scenario
from simlevel.theory import tails
from simlevel.theory.answer import Textbook
from simlevel.theory.tails import Amounts, Numbers

_Tail: TypeAlias = Callable[[Numbers, Amounts, Amounts], Numbers]
SHAPES: Mapping[str, tuple[_Tail, _Tail, _Tail]] = {
    "normal": (
        lambda x, mean, variance: tails.normal_survival(x, mean, np.sqrt(variance)),
        lambda x, mean, variance: tails.normal_excess(x, mean, np.sqrt(variance)),
        tails.normal_kernel,
    ),
    "gamma": (tails.gamma_survival, tails.gamma_excess, tails.gamma_kernel),
    "poisson": (
        lambda x, mean, variance: tails.poisson_survival(x, mean),
        lambda x, mean, variance: tails.poisson_excess(x, mean),
        tails.poisson_kernel,
    ),
    "negative_binomial": (
        tails.negative_binomial_survival,
        tails.negative_binomial_excess,
        tails.negative_binomial_kernel,
    ),
}
"""P(D > x), E(D - x)^+ and the kernel of each shape, from x, mean and variance."""
WHOLE = ("poisson", "negative_binomial")
"""Shapes of demand in whole units."""


class Losses(NamedTuple):
    """At levels x; arrays of one shape."""

    tail: Numbers
    """P(D > x)."""
    loss: Numbers
    """n(x) = E(D - x)^+, units."""
    second: Numbers
    """The integral of n over all levels above x; for whole demand and x the sum."""


@dataclass(frozen=True)
class Spread:
    """D, the demand over an interval, by its moments and a shape; arrays for many items.

    Units, and units squared. Raises InputError where the shape cannot have these moments.

    >>> float(Spread(50.0, 64.0).survival(60).round(4))  # normal: 1 - Phi(1.25)
    0.1056
    """

    mean: Amounts
    variance: Amounts
    shape: str = "normal"

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise InputError(f"shape: expected one of {', '.join(SHAPES)}, found {self.shape!r}")
        if not (np.all(np.greater(self.mean, 0)) and np.all(np.greater(self.variance, 0))):
            raise InputError("expected a mean and a variance above 0")
        if self.shape == "negative_binomial" and not np.all(np.greater(self.variance, self.mean)):
            raise InputError("expected a variance above the mean (negative binomial)")

    def survival(self, x: Amounts) -> Numbers:
        """P(D > x)."""
        return SHAPES[self.shape][0](np.asarray(x, dtype=np.float64), self.mean, self.variance)

    def excess(self, x: Amounts) -> Numbers:
        """n(x) = E(D - x)^+."""
        return SHAPES[self.shape][1](np.asarray(x, dtype=np.float64), self.mean, self.variance)

    def losses(self, x: Numbers) -> Losses:
        """Tail, loss and second loss at once, from one tail and one density.

        E[D; D > x] = mean P(D > x) + kernel(x), and likewise for squares: Pearson's and Ord's
        families, of which these shapes are; Johnson, Kemp and Kotz, Univariate Discrete
        Distributions (3rd ed., 2005), sec. 2.3. Loses digits to rounding far out, where a loss
        is below 1e-12 of the mean: there use :meth:`excess`.

        >>> tail, loss, second = Spread(1.0, 1.0, "poisson").losses(np.array(1.0))
        >>> [round(float(value), 4) for value in (tail, loss)]  # 1 - 2 / e, 1 / e
        [0.2642, 0.3679]
        >>> round(float(second), 4)  # n(2) + n(3) + ... = E[(D - 1)(D - 2)] / 2 - P(D = 0)
        0.1321
        """
        tail, kernel = self.survival(x), SHAPES[self.shape][2](x, self.mean, self.variance)
        above = self.mean * tail + kernel
        if self.shape == "normal":
            squares = self.mean * above + self.variance * tail + x * kernel
        else:
            scale = self.variance / self.mean - (self.shape in WHOLE)
            squares = (self.mean + scale) * above + np.maximum(x, 0.0) * kernel
        own = x * (x + 1) if self.shape in WHOLE else np.square(x)
        second = (squares - 2 * x * above + own * tail) / 2
        return Losses(tail, np.maximum(above - x * tail, 0.0), np.maximum(second, 0.0))

    @classmethod
    @lru_cache(maxsize=256)
    def nearest(cls, mean: float, variance: float, shape: str) -> Spread:
        """Demand with these moments; gamma where a negative binomial cannot have them."""
        if shape == "negative_binomial" and variance <= mean * (1 + 1e-12):
            shape = "gamma"
        return cls(mean, max(variance, 1e-12 * mean**2), shape)


# --- formulas -------------------------------------------------------------------------------


def combined_variance(
    lead_time: float, variance: float, demand: float, lead_time_variance: float
) -> float:
    """sigma^2 = L sigma_d^2 + d^2 sigma_L^2 units^2, d and sigma_d^2 of one time unit's demand.

    Exact as a moment where demand of different time units is independent; as a *distribution*
    it takes demand for normal, and orders for never overtaking one another. Silver, Pyke and
    Thomas (4th ed., 2017), ch. 6.

    >>> combined_variance(4.0, 100.0, 50.0, 1.0)  # 400 + 2500
    2900.0
    """
    return lead_time * variance + demand**2 * lead_time_variance


def cycle_service(demand: Spread, reorder_point: float) -> float:
    """Type I = P(D <= r), D the demand of a lead time (of L + R where r is S of base stock).

    Leaves out undershoot, and under lost sales and crossing holds only nearly. Normal:
    Phi((r - mu) / sigma). Silver, Pyke and Thomas (4th ed., 2017), ch. 6.

    >>> round(cycle_service(Spread(50.0, 64.0), 60.0), 4)  # Phi(1.25), normal table
    0.8944
    """
    return 1 - float(demand.survival(reorder_point))


def one_term(demand: Spread, reorder_point: float, order_quantity: float) -> float:
    """Type II = 1 - n(r) / Q; normal: 1 - sigma G(k) / Q, k = (r - mu) / sigma.

    Counts what was still owed when the last order arrived again in the next cycle; leaves out
    undershoot. Taken as 0 where it falls below. Silver, Pyke and Thomas (4th ed., 2017), ch. 6.

    >>> round(one_term(Spread(50.0, 64.0), 60.0, 10.0), 3)  # 1 - 8 G(1.25) / 10, G = 0.0506
    0.96
    """
    return max(1 - float(demand.excess(reorder_point)) / order_quantity, 0.0)


def two_term(demand: Spread, reorder_point: float, order_quantity: float) -> float:
    """Type II = 1 - (n(r) - n(r + Q)) / Q: what was owed before is taken off.

    Exact for unit Poisson demand (shape ``poisson``, whole r and Q); leaves out undershoot.
    Hadley and Whitin (1963), ch. 4; Axsäter (3rd ed., 2015), ch. 5.

    >>> round(two_term(Spread(1.0, 1.0, "poisson"), 1, 1), 4)  # P(D <= 1) = 2 / e
    0.7358
    """
    short = demand.excess(reorder_point) - demand.excess(reorder_point + order_quantity)
    return float(np.clip(1 - short / order_quantity, 0.0, 1.0))


def periodic_one_term(protection: Spread, order_up_to: float, asked: float) -> float:
    """Base stock with review every R: Type II = 1 - n(S) / (R mu), n over L + R.

    *asked* is the mean demand R mu of a review period. Counts old backorders twice, wherever a
    shortage can last longer than a review period. Silver, Pyke and Thomas (2017), ch. 6.

    >>> round(periodic_one_term(Spread(50.0, 64.0), 60.0, 25.0), 3)  # 1 - 8 x 0.0506 / 25
    0.984
    """
    return one_term(protection, order_up_to, asked)


def periodic_two_term(
    protection: Spread, lead_time: Spread | None, order_up_to: float, asked: float
) -> float:
    """Base stock with review every R: Type II = 1 - (n(S; L + R) - n(S; L)) / (R mu).

    Exact for independent demand of the two shapes given; *lead_time* None stands for L = 0.
    Johnson, Lee, Davis and Hall, Expressions for item fill rates in periodic inventory
    systems, Naval Research Logistics 42 (1995). One unit is there in a period if nobody came in
    the lead time before it: with S = L = R = mu = 1, P(D = 0) P(D > 0).

    >>> long, lead = Spread(2.0, 2.0, "poisson"), Spread(1.0, 1.0, "poisson")
    >>> round(periodic_two_term(long, lead, 1, 1), 4)  # (1 - 1 / e) / e
    0.2325
    """
    before = float(lead_time.excess(order_up_to)) if lead_time else max(-order_up_to, 0.0)
    short = float(protection.excess(order_up_to)) - before
    return float(np.clip(1 - short / asked, 0.0, 1.0))


def lost_sales(demand: Spread, reorder_point: float, order_quantity: float) -> float:
    """Type II = 1 - n(r) / (Q + n(r)): a cycle sells Q and loses n(r).

    Exact for unit Poisson demand where Q is above r; leaves out undershoot, and the sales that
    later orders on their way would have lost. Hadley and Whitin (1963), ch. 4.

    >>> round(lost_sales(Spread(2.0, 2.0, "poisson"), 0, 5), 4)  # 5 / (5 + 2)
    0.7143
    """
    short = float(demand.excess(reorder_point))
    return order_quantity / (order_quantity + short)


# --- a scenario as a textbook reads it ------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Moments and parameters of one policy, as the formulas want them."""

    mean: float
    """Units per time unit."""
    variance: float
    """Squared units per time unit."""
    size_mean: float
    """Units of one customer, or of one demand period."""
    size_variance: float
    lead_time: float
    lead_time_variance: float
    review: float
    """Review period; 0 under continuous review."""
    uncovered: float
    """The demand period that demand before review leaves out of L + R; else 0."""
    low: float
    """r or s; S for base stock."""
    quantity: float
    """Q or S - s; 0 for base stock."""
    lifts_to_one_level: bool
    """(s, S) or base stock."""
    whole: bool
    normal: bool
    """Demand is drawn normal, hardly ever clipped."""

    @classmethod
    def of(cls, scenario: Scenario, policy_name: str) -> Case:
        demand, policy = scenario.demand, scenario.policies[policy_name]
        review = policy.review_period or 0.0
        late = not isinstance(demand, (PoissonDemand, RenewalDemand)) and (
            scenario.clock.demand_first or not review
        )
        size = demand.amount
        return cls(
            *_demand_moments(scenario),
            scenario.lead_time.mean(), scenario.lead_time.distribution.variance(), review,
            demand.every if late else 0.0,  # type: ignore[union-attr]
            policy.trigger, policy.batch, not isinstance(policy, RQ), demand.is_whole,
            isinstance(size, d.Normal) and size.share_below_zero() < 0.01,
        )  # fmt: skip

    @property
    def batch(self) -> float:
        """Mean units that a cycle sells in a textbook; 0 where base stock orders one by one."""
        return self.quantity or self.mean * self.review

    @property
    def shape(self) -> str:
        """The taught shape nearest to the demand of a lead time."""
        if self.normal and not self.lead_time_variance:
            return "normal"
        spread = self.demand("gamma")
        if not self.whole or spread is None or spread.variance < spread.mean:
            return "gamma"
        close = math.isclose(spread.variance, spread.mean, rel_tol=1e-9)
        return "poisson" if close else "negative_binomial"

    def demand(self, shape: str, more: float = 0.0) -> Spread | None:
        """Demand of a lead time and *more* time; None where that is no time."""
        time = self.lead_time + more
        if time <= 0:
            return None
        variance = combined_variance(time, self.variance, self.mean, self.lead_time_variance)
        return Spread.nearest(self.mean * time, variance, shape)

    def over(self, shape: str, more: float = 0.0) -> Spread:
        """The same, of a time that is known to be one."""
        demand = self.demand(shape, more)
        assert demand is not None
        return demand


def _demand_moments(scenario: Scenario) -> tuple[float, float, float, float]:
    """Mean and variance a time unit; mean and variance of what one customer, or one demand
    period, asks for. Patterns count on average."""
    demand = scenario.demand
    mean, variance = demand.amount.mean(), demand.amount.variance()
    if isinstance(demand, PoissonDemand):
        return demand.rate * mean, demand.rate * (variance + mean**2), mean, variance
    if isinstance(demand, RenewalDemand):
        gap = demand.interarrival.mean()
        uneven = demand.interarrival.variance() / gap**2
        return mean / gap, (variance + uneven * mean**2) / gap, mean, variance
    asks = demand.probability if isinstance(demand, PeriodicDemand) else 1.0
    factors = np.array(demand.pattern or (1.0,), dtype=float)
    first = asks * mean * float(factors.mean())
    spread = (asks * (variance + mean**2) - (asks * mean) ** 2) * float((factors**2).mean())
    return first / demand.every, spread / demand.every, first, max(spread, 0.0)


CAUSES = {
    "old backorders": "counts what is still owed from the last cycle again",
    "distribution": "takes the demand of a lead time for normal",
    "discreteness": "takes demand for a flow, though it comes in whole units",
    "undershoot": "takes every order to be placed at the reorder point exactly, not below it",
    "review interval": "waits for L only, though an order can also wait for a review",
    "crossing": "takes orders to arrive in the order they were placed",
    "lost sales": "takes customers to wait, though they leave",
    "rest": "what is left: the corrections above are approximations themselves",
}
"""Assumptions in the fixed order in which steps() switches them, with what they leave out."""


def applying(scenario: Scenario, policy_name: str, case: Case) -> list[str]:
    """Which assumptions of the plain textbook value do not hold here."""
    lead_time = scenario.lead_time
    between = lead_time.distribution.largest() - lead_time.distribution.smallest()
    uneven = case.size_variance > 0 or (case.size_mean != 1 and case.whole)
    applies = {
        "old backorders": bool(case.batch),
        "distribution": case.shape != "normal",
        "discreteness": case.whole,
        "undershoot": bool(case.quantity) and (uneven or scenario.demand.is_periodic),
        "review interval": bool(case.review),
        "crossing": lead_time.order_crossing and between > (case.review or 0.0),
        "lost sales": scenario.lost_sales,
    }
    return [name for name in CAUSES if applies.get(name)]


def textbook(scenario: Scenario, policy_name: str) -> Mapping[str, tuple[Textbook, ...]]:
    """What a reader of textbooks would work out for one policy, the normal one-term value first.

    For ``cycle_service_level`` and ``fill_rate``; empty where there is no lead time, for
    policies of one's own and for records played once. Each value comes with its cause: what it
    leaves out in this scenario.

    >>> case = Scenario.model_validate({
    ...     "demand": {"kind": "periodic", "quantity": {"dist": "normal", "mean": 50, "sd": 8}},
    ...     "lead_time": 1,
    ...     "policies": {"one": {"kind": "rQ", "reorder_point": 60, "order_quantity": 100}}})
    >>> first = textbook(case, "one")["cycle_service_level"][0]
    >>> first.formula, round(first.value, 4)  # Phi(1.25)
    ('normal', 0.8944)
    """
    if isinstance(scenario.policies[policy_name], OwnPolicy) or scenario.replayed:
        return {}
    case = Case.of(scenario, policy_name)
    if case.demand("normal") is None:
        return {}
    rest = applying(scenario, policy_name, case)
    cycle = [_named(name, value, rest, used) for name, value, used in _cycle_formulas(case, rest)]
    fill = [_named(name, value, rest, used) for name, value, used in _fill_formulas(case, rest)]
    return {"cycle_service_level": tuple(cycle), "fill_rate": tuple(fill)}


_Formula: TypeAlias = tuple[str, float, tuple[str, ...]]
"""Name, value, and the assumptions that it does not make."""


def _cycle_formulas(case: Case, rest: Sequence[str]) -> Iterator[_Formula]:
    old = ("old backorders",)  # not a matter of cycle service
    yield "normal", cycle_service(case.over("normal"), case.low), old
    if "distribution" in rest:
        used = (*old, "distribution", "discreteness")
        yield case.shape.replace("_", "-"), cycle_service(case.over(case.shape), case.low), used
    if "review interval" in rest:
        long = case.over("normal", case.review)
        yield "normal-over-L-plus-R", cycle_service(long, case.low), (*old, "review interval")


def _fill_formulas(case: Case, rest: Sequence[str]) -> Iterator[_Formula]:
    if not case.batch:
        yield "normal-ready-rate", cycle_service(case.over("normal"), case.low), ()
    else:
        yield "normal-one-term", one_term(case.over("normal"), case.low, case.batch), ()
        two = two_term(case.over("normal"), case.low, case.batch)
        yield "normal-two-term", two, ("old backorders",)
    if "distribution" in rest:
        used = ("old backorders", "distribution", "discreteness")
        shape = case.over(case.shape)
        name = case.shape.replace("_", "-")
        if case.batch:
            yield f"{name}-two-term", two_term(shape, case.low, case.batch), used
            if "lost sales" in rest:
                value = lost_sales(shape, case.low, case.batch)
                yield f"{name}-lost-sales", value, (*used, "lost sales")
        else:
            yield f"{name}-ready-rate", cycle_service(shape, case.low), used
    if "review interval" in rest:
        yield from _periodic_formulas(case)


def _periodic_formulas(case: Case) -> Iterator[_Formula]:
    long = case.over("normal", case.review)
    if case.quantity:
        value = two_term(long, case.low, case.quantity)
        yield "normal-two-term-over-L-plus-R", value, ("review interval", "old backorders")
        return
    value = periodic_one_term(long, case.low, case.batch)
    yield "normal-one-term-over-L-plus-R", value, ("review interval",)
    value = periodic_two_term(long, case.demand("normal"), case.low, case.batch)
    yield "normal-two-term-over-L-plus-R", value, ("review interval", "old backorders")


def _named(name: str, value: float, rest: Sequence[str], used: Sequence[str]) -> Textbook:
    causes = [CAUSES[key] for key in rest if key not in used]
    return Textbook(name, value, "; ".join(causes) or "nothing is left out but rounding")
