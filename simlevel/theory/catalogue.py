"""Which theory covers which scenario: the door to every derived answer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from simlevel.errors import InputError
from simlevel.model.demand import (
    Demand,
    HistoryDemand,
    PeriodicDemand,
    PoissonDemand,
    RenewalDemand,
)
from simlevel.model.distribution import Constant, Distribution, Gamma
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import RQ, SS, BaseStock, Stocked
from simlevel.model.scenario import Scenario
from simlevel.theory import lead_time_demand, lost_sales, position, renewal, service, totals
from simlevel.theory.answer import Answer, Textbook, Theory
from simlevel.theory.lattice import TAIL, Law, minus, mix, point, spread
from simlevel.theory.laws import discretised, law_of
from simlevel.theory.lead_time_demand import Phase, PoissonStream
from simlevel.theory.levels import Levels
from simlevel.theory.period_demand import (
    OvertakingLooks,
    PeriodicLooks,
    PeriodicStream,
    period_laws,
)
from simlevel.theory.supply import LeadTimes, kept_in_order, lead_times
from simlevel.theory.textbook import textbook

AXSATER = "Axsäter, Inventory Control (3rd ed., 2015), ch. 5"
ZHENG = "Zheng and Federgruen, Finding optimal (s, S) policies, Operations Research 39 (1991)"
ZIPKIN = "Zipkin, Foundations of Inventory Management (2000), ch. 6"
SOURCES = {"rQ": AXSATER, "sS": ZHENG, "base_stock": ZIPKIN}


class NotCoveredError(Exception):
    """Why a theory does not reach a scenario."""


class Derived(NamedTuple):
    """Measures by name, and the name of the model that they come from."""

    measures: Mapping[str, float]
    formula: str


class Case(NamedTuple):
    """One policy of a scenario on a frame: everything counted in the frame's steps."""

    scenario: Scenario
    policy: Stocked
    frame: position.Frame
    rule: position.Rule
    start: int


class Model(NamedTuple):
    """The positions after the looks of a cycle, and what is seen under each."""

    positions: list[Law]
    phases: list[Phase]
    mean_lead_time: float
    has_cycles: bool = True

    def rates(self, frame: position.Frame, rule: position.Rule, by: int = 0) -> service.Rates:
        """Totals per time unit, with all levels of the policy moved up *by* so many steps."""
        moved = [where.shifted(by) for where in self.positions]
        rates = service.totals(frame, rule.shifted(by), moved, self.phases, self.mean_lead_time)
        if not self.has_cycles:
            del rates["cycles"], rates["cycles_without_stockout"]
        return rates


def derive(scenario: Scenario, policy_name: str) -> Theory:
    """The best theory for one policy of *scenario*: its answers, or the reason for none.

    A measure that is not covered, or not defined there, has no answer. Raises KeyError for a
    policy that the scenario does not have.

    An example of Snyder and Shen, Fundamentals of Supply Chain Theory (2nd ed.), with the cost
    that the tests of stockpyl give for it:

    >>> scenario = Scenario.model_validate({
    ...     "demand": {"kind": "poisson", "rate": 1.5},
    ...     "lead_time": 2,
    ...     "policies": {"ours": {"kind": "rQ", "reorder_point": 8, "order_quantity": 12}},
    ...     "costs": {"order": 100, "holding": 20, "backorder": 150},
    ... })
    >>> round(derive(scenario, "ours").answers["cost_per_time"].value, 6)
    242.528164
    """
    reason = ""
    for answers in _theories(scenario):
        try:
            found = answers(scenario, policy_name)
        except MemoryError:
            found = "the lattice is too large for this machine"
        if not isinstance(found, str):
            return Theory(found, textbook(scenario, policy_name))
        reason = reason or found
    taught = textbook(scenario, policy_name)
    return Theory(_approximations(taught), taught, reason or "no formula")


class Receipts(NamedTuple):
    """What stands behind the cycle service level; laws are in steps of the frame."""

    frame: position.Frame
    net: Law
    """Net inventory just before a receipt."""
    demand: Law | None
    """Demand from an order to its receipt; None where orders may overtake one another."""


def receipts(scenario: Scenario, policy_name: str) -> Receipts | str:
    """The exact laws behind the cycle service level of one policy, or the reason for none."""
    policy = scenario.policies[policy_name]
    if not isinstance(policy, (RQ, SS, BaseStock)):
        return "no formula for a policy of your own"
    if scenario.lost_sales:
        return "net inventory is not position less lead-time demand under lost sales"
    if scenario.demand.amount.is_continuous:
        return "no lattice of steps for continuous quantities"
    try:
        case = _on_a_lattice(scenario, policy)
        model = _model(case)
    except (NotCoveredError, InputError, MemoryError) as problem:
        return str(problem)
    if not model.has_cycles:
        return "orders without a lead time may be received within one instant"
    laws = case.rule, model.positions, model.phases
    net, demand = service.before_receipts(*laws), service.demand_until_receipts(*laws)
    return Receipts(case.frame, net, demand)


def exactly(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """The exact answers of :func:`derive` alone, or the reason for none."""
    return _theories(scenario)[0](scenario, policy_name)


def levels(scenario: Scenario, policy_name: str, on: Iterable[Fraction] = ()) -> Levels | str:
    """All levels and batches of a policy at once: whole multiples of the step that demand, its
    order multiples and the quantities *on* share. Or why that cannot be.

    Continuous demand is put on the lattice of what *on* shares, and the levels are near the
    truth only.
    """
    policy = scenario.policies[policy_name]
    if scenario.lost_sales or not isinstance(policy, (RQ, SS, BaseStock)):
        return "net inventory is not position less lead-time demand"
    if scenario.replayed:
        return "a record played once is one run, not a long-run mean"
    if scenario.start is not None and (isinstance(policy, RQ) or policy.order_multiple):
        return "the start says on which levels the position is"
    try:
        steps = _step(scenario, policy, list(on))
        rule, _ = _rule(policy, steps, 2)
        seen = _seen(Case(scenario, policy, position.Frame(steps, Fraction(0)), rule, 0))
    except (NotCoveredError, InputError, MemoryError) as problem:
        return str(problem)
    return _levels(policy, steps, seen)


DEPTH = 23.0
""":func:`period_levels` leaves out mass below exp(-23), 1e-10, of a lead time's demand."""


def period_levels(law: Law, lead_time: LeadTime, policy: Stocked) -> Levels | str:
    """:func:`levels` where each time unit asks for a draw of *law*: in steps, which are the units
    of the *policy* too. Or why that cannot be.

    >>> found = period_levels(point(1), LeadTime(distribution=2), BaseStock(order_up_to=1))
    >>> found.totals("units_from_shelf", 0, 1, 2).tolist()  # S = 1, 2; one is on order
    [0.0, 1.0]
    """
    rule, _ = _rule(policy, Fraction(1), 2)
    try:
        watched = Watched(lead_time, (), False, _review(policy), rule.is_one_for_one)
        seen = _periods(watched, Fraction(1), [law], DEPTH)
    except (NotCoveredError, InputError, MemoryError) as problem:
        return str(problem)
    return _levels(policy, Fraction(1), seen)


def _levels(policy: Stocked, step: Fraction, seen: Seen) -> Levels:
    shared = position.Renewals(seen.phases[0].step) if isinstance(policy, SS) else None

    def positions(span: int) -> tuple[position.Rule, list[Law]]:
        rule, start = _rule(policy, step, span)
        return rule, seen.positions(rule, start, shared)

    return Levels(step, seen.phases, seen.mean_lead_time, seen.has_cycles, positions)


ROUNDED = ("minimum_order", "order_multiple")


def _step(scenario: Scenario, policy: Stocked, on: Sequence[Fraction]) -> Fraction:
    """The step that demand, orders and *on* share."""
    rounded = [exact(getattr(policy, key, None) or 0) for key in ROUNDED]
    if not scenario.demand.amount.is_continuous:
        return common([step_of(scenario), *on, *rounded])
    if any(rounded):
        raise NotCoveredError("no formula for least or multiple orders of continuous quantities")
    return common(on)


def _rule(policy: Stocked, step: Fraction, span: int) -> tuple[position.Rule, int]:
    """The rule whose reorder point (S, for base stock) is 0, and where it starts."""
    if isinstance(policy, RQ):
        return position.Rule(0, 1, 0, span), span
    given = (getattr(policy, key) for key in ROUNDED)
    least, multiple = (int(exact(each) / step) if each else 0 for each in given)
    top, low = (span, 0) if isinstance(policy, SS) else (0, -1)
    return position.Rule(low, top, least, max(multiple, 1)), top


def _approximations(taught: Mapping[str, tuple[Textbook, ...]]) -> dict[str, Answer]:
    """Where nothing is exact: the approximation that leaves out least, by measure."""
    source = "an approximation of textbooks; what it leaves out stands beside it"
    return {
        name: Answer(values[-1].value, values[-1].formula, exact=False, source=source)
        for name, values in taught.items()
        if values
    }


Answers: TypeAlias = Callable[[Scenario, str], Mapping[str, Answer] | str]
"""A theory: the answers for one policy of a scenario, or why it does not cover it."""


def _theories(scenario: Scenario) -> tuple[Answers, ...]:
    """The theories to ask, the best first: the reason of the first is the one that is told."""
    if scenario.lost_sales:
        return (lost_sales.answers,)
    if isinstance(scenario.demand, RenewalDemand):
        return (renewal.answers,)
    return (_backorders,)


def _backorders(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """Position less lead-time demand, where it holds."""
    try:
        derived = _derived(scenario, policy_name)
    except NotCoveredError as why:
        return str(why)
    except InputError as problem:
        return f"not worked out: {problem}"
    source = SOURCES[scenario.policies[policy_name].kind]
    if scenario.demand.amount.is_continuous:
        source += f"; on finer and finer lattices until none moves it by {CLOSE:g}"
    return {
        name: Answer(value, derived.formula, exact=True, source=source)
        for name, value in derived.measures.items()
    }


def _derived(scenario: Scenario, policy_name: str) -> Derived:
    policy = scenario.policies[policy_name]
    if not isinstance(policy, (RQ, SS, BaseStock)):
        raise NotCoveredError("no formula for a policy of your own")
    if scenario.replayed:
        raise NotCoveredError("a record played once is one run, not a long-run mean")
    if scenario.demand.amount.is_continuous:
        if not scenario.demand.is_periodic and scenario.lead_time.distribution.is_continuous:
            raise NotCoveredError("no formula for continuous sizes and lead times at once")
        return Derived(_on_finer_steps(scenario, policy), f"{_name(scenario, policy)}-continuous")
    case = _on_a_lattice(scenario, policy)
    rates = _model(case).rates(case.frame, case.rule)
    return Derived(totals.measured(rates, scenario), _name(scenario, policy))


def _name(scenario: Scenario, policy: Stocked) -> str:
    demand = scenario.demand
    review = "" if policy.review_period is None else "periodic-"
    if not isinstance(demand, PoissonDemand):
        return f"{review}{policy.kind}-per-period"
    batches = "" if demand.size == Constant(value=1) else "compound-"
    return f"{review}{policy.kind}-{batches}poisson"


def _on_a_lattice(scenario: Scenario, policy: Stocked) -> Case:
    start = _start(scenario, policy)
    frame, rule = position.framed(policy, _asked(scenario.demand)[0], start)
    return Case(scenario, policy, frame, rule, frame.floor(start))


@lru_cache(maxsize=8)
def _asked(demand: Demand) -> tuple[Fraction, list[Law]]:
    """The step of demand, and what a customer or each period of the pattern asks for."""
    match demand:
        case PoissonDemand():
            step = common(listed(demand.amount))
            return step, [law_of(demand.amount, step)]
        case PeriodicDemand() | HistoryDemand():
            return period_laws(demand)
    raise NotCoveredError("no formula for this demand")


def step_of(scenario: Scenario) -> Fraction:
    """The greatest common divisor of what customers, or periods, may ask for."""
    if isinstance(scenario.demand, RenewalDemand):
        return common(listed(scenario.demand.amount))
    return _asked(scenario.demand)[0]


def _start(scenario: Scenario, policy: Stocked) -> Fraction:
    """Net inventory at time 0, without the rounding of r + Q."""
    if scenario.start is not None:
        return exact(scenario.start.net_inventory)
    if isinstance(policy, RQ):
        return exact(policy.reorder_point) + exact(policy.order_quantity)
    return exact(policy.order_up_to)


# --- what each case amounts to -------------------------------------------------------------


class Seen(NamedTuple):
    """What is seen under each look of a cycle, whatever the levels of the policy."""

    phases: list[Phase]
    mean_lead_time: float
    has_cycles: bool = True
    first: Law = point(0)
    """Demand from time 0 to the first look."""

    def positions(
        self, rule: position.Rule, start: int, renewals: position.Renewals | None = None
    ) -> list[Law]:
        """The positions after each look, of a *rule* that begins at *start*."""
        steps = [phase.step for phase in self.phases]
        return position.cyclic(rule, steps, minus(point(start), self.first), renewals)


def _model(case: Case) -> Model:
    seen = _seen(case)
    where = seen.positions(case.rule, case.start)
    return Model(where, seen.phases, seen.mean_lead_time, seen.has_cycles)


class Watched(NamedTuple):
    """All that what is seen depends on beside the demand, so that levels that differ share it."""

    lead_time: LeadTime
    windows: tuple[float, ...]
    demand_first: bool
    review: Fraction | None
    is_one_for_one: bool


def _seen(case: Case) -> Seen:
    scenario = case.scenario
    return _seen_when(scenario.demand, case.frame.step, Watched(
        scenario.lead_time, scenario.measures.served_within, scenario.clock.demand_first,
        _review(case.policy), case.rule.is_one_for_one,
    ))  # fmt: skip


def _review(policy: Stocked) -> Fraction | None:
    return None if policy.review_period is None else exact(policy.review_period)


@lru_cache(maxsize=8)
def _seen_when(demand: Demand, step: Fraction, watched: Watched) -> Seen:
    match demand:
        case PoissonDemand():
            stream = PoissonStream.of(demand.rate, _sizes(demand, step)[0])
            phase = (_watched_customers if watched.review is None else _reviewed_customers)(
                watched, stream
            )
            return Seen([phase], watched.lead_time.mean())
        case PeriodicDemand() | HistoryDemand():
            return _periods(watched, exact(demand.every), _sizes(demand, step))
    raise NotCoveredError("no formula for this demand")


def _sizes(demand: Demand, step: Fraction) -> list[Law]:
    """What a customer, or each period of the pattern, asks for, in steps."""
    if demand.amount.is_continuous:
        return _on_lattice(demand, float(step))
    own, laws = _asked(demand)
    return [spread(law, int(own / step)) for law in laws]


def _watched_customers(watched: Watched, stream: PoissonStream) -> Phase:
    lead_time, windows = watched.lead_time, watched.windows
    constant = lead_time.distribution.largest() == lead_time.distribution.smallest()
    if watched.is_one_for_one and (lead_time.order_crossing or constant):
        return lead_time_demand.poisson_overtaking(stream, lead_time.distribution, windows)
    if constant:
        value = exact(lead_time.distribution.largest())
        return lead_time_demand.poisson_continuous(stream, value, windows)
    raise NotCoveredError("lead times vary, and orders may overtake or wait for one another")


def _reviewed_customers(watched: Watched, stream: PoissonStream) -> Phase:
    review = watched.review or Fraction(0)
    supply = _in_order(watched, review, review, stream.rate)
    return lead_time_demand.poisson_periodic(stream, review, supply, watched.windows)


def _periods(watched: Watched, every: Fraction, sizes: list[Law], depth: float = TAIL) -> Seen:
    continuous = watched.review is None
    review = watched.review or every
    demand_first = continuous or watched.demand_first
    stream = PeriodicStream(every, sizes, depth)
    looks = PeriodicLooks(stream, review, demand_first=demand_first)
    phases, mean_lead_time = _phases(watched, stream, looks, review)
    splits = _splits_instants(watched.lead_time, review, demand_first=demand_first)
    first = stream.between(0, looks.first_period(0))
    return Seen(phases, mean_lead_time, not splits, first)


def _phases(
    watched: Watched, stream: PeriodicStream, looks: PeriodicLooks, review: Fraction
) -> tuple[list[Phase], float]:
    """What is seen under each look of a cycle, and the mean time from order to receipt."""
    windows, count = watched.windows, range(looks.count)
    lead_time = watched.lead_time
    if _keeps_order(lead_time.distribution, review) or not watched.is_one_for_one:
        supply = _in_order(watched, review, common([review, stream.every]), 0.0)
        return [looks.phase(k, supply, windows) for k in count], lead_time.mean()
    if lead_time.distribution.is_continuous:
        raise NotCoveredError("lead times are continuous, and orders may overtake one another")
    if lead_time.order_crossing:
        seen = OvertakingLooks(looks, stream, review, lead_time.distribution)
        return [seen.phase(k, windows) for k in count], lead_time.mean()
    supply, alone = kept_in_order(review, lead_time.distribution)
    phases = [looks.phase(k, supply, windows, alone) for k in count]
    if any(phase.step.at(0) > 0 for phase in phases):
        raise NotCoveredError("orders wait for one another, and not each review orders")
    return phases, sum(share * float(time) for share, time in supply)


def _keeps_order(distribution: Distribution, review: Fraction) -> bool:
    """Orders at least *review* apart cannot overtake one another."""
    longest, shortest = distribution.largest(), distribution.smallest()
    if longest == shortest:
        return True
    return longest < math.inf and exact(longest) - exact(shortest) <= review


def _splits_instants(lead_time: LeadTime, review: Fraction, *, demand_first: bool) -> bool:
    """Orders without a lead time may be received within an instant in which another is, and
    the demand of the instant may come between them."""
    spread_out = lead_time.distribution
    together = exact(spread_out.smallest()) == 0 and spread_out.largest() >= float(review)
    crossing = lead_time.order_crossing and not _keeps_order(spread_out, review)
    return together and (demand_first or crossing)


def _in_order(watched: Watched, review: Fraction, every: Fraction, rate: float) -> LeadTimes:
    """The lead times of orders at least *review* apart, where none can overtake another."""
    distribution = watched.lead_time.distribution
    if not _keeps_order(distribution, review):
        raise NotCoveredError("lead times vary by more than the time between two orders")
    kinks = [Fraction(0), *map(exact, watched.windows)]
    found = lead_times(distribution, kinks, every, rate)
    if found is None:
        raise NotCoveredError("no formula for this distribution of lead times")
    return found


# --- continuous quantities -----------------------------------------------------------------

FIRST_STEPS = 10
"""Steps of the first lattice in a standard deviation of demand; each next has three times more."""
MOST_REFINED = 5
MOST_CELLS = 200_000
"""Cells of one demand; more would take minutes."""
CLOSE = 5e-7
"""A finer lattice that moves no measure by more, beside its size, is fine enough."""


@lru_cache(maxsize=4)
def _on_finer_steps(scenario: Scenario, policy: Stocked) -> Mapping[str, float]:
    """Measures for continuous quantities, from lattices each a third as wide as the last.

    On a lattice laid so that reorder points fall midway between its cells the error is of
    second order in the step, and extrapolated away, as is the next. Settled where one more
    lattice moves no measure.
    """
    before: Mapping[str, float] | None = None
    runs: list[service.Rates] = []
    orders = error_orders(scenario.demand.amount)
    for fineness in range(MOST_REFINED):
        runs.append(_on_steps(scenario, policy, 3**fineness))
        if len(runs) > 1:
            found = totals.measured(extrapolated(runs, orders), scenario)
            if before is not None and settled(before, found):
                return found
            before = found
    raise NotCoveredError("no lattice that is fine enough for this demand was reached")


def settled(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    return all(abs(after[name] - before[name]) <= CLOSE * max(1.0, abs(after[name]))
               for name in after)  # fmt: skip


def extrapolated(runs: Sequence[service.Rates], orders: Sequence[float]) -> service.Rates:
    """Richardson's extrapolation to steps of 0, total by total, of errors of known *orders*."""
    table = list(runs)
    for order in orders[: len(runs) - 1]:
        gain = 3**order - 1
        table = [{name: fine[name] + (fine[name] - coarse[name]) / gain for name in fine}
                 for coarse, fine in itertools.pairwise(table)]  # fmt: skip
    return table[-1]


def error_orders(distribution: Distribution) -> tuple[float, ...]:
    """Orders of the error in the step: 2, and what the density of demand does at 0."""
    shape = distribution.mean() ** 2 / distribution.variance()
    jump = min(shape, 1.0) if isinstance(distribution, Gamma) else 1.0
    return (2, 2 + jump, 2 + 2 * jump)


def _on_steps(scenario: Scenario, policy: Stocked, finer: int) -> service.Rates:
    """Totals on a lattice that is so many times *finer* than the first.

    Net inventory is at (k + 1/2) steps. Where the policy's levels do not allow it, they are
    moved up and down by parts of a step, and the totals interpolated.
    """
    demand = scenario.demand
    step, trigger, up_to, multiple = _midway(policy, demand.amount.sd() / FIRST_STEPS, finer)
    lower = math.floor(trigger + 1e-9)
    rule = position.Rule(lower, lower + up_to, 0, multiple)
    frame = position.Frame(Fraction(step), Fraction(step) / 2)
    model = _model(Case(scenario, policy, frame, rule, rule.up_to))
    total: service.Rates = {}
    for by, weight in interpolation(trigger - lower):
        for name, rate in model.rates(frame, rule, by).items():
            total[name] = total.get(name, 0.0) + weight * rate
    return total


def fine_levels(scenario: Scenario, policy_name: str, finer: int) -> tuple[Levels, float]:
    """For continuous quantities: all levels on that lattice at once, with Q or S - s as it is;
    and where among them the policy is. Its levels are counted by the last position that orders.

    Raises NotCoveredError.
    """
    policy = scenario.policies[policy_name]
    assert isinstance(policy, (RQ, SS, BaseStock))
    about = scenario.demand.amount.sd() / FIRST_STEPS
    step, trigger, up_to, multiple = _midway(policy, about, finer)
    rule = position.Rule(0, up_to, 0, multiple)
    frame = position.Frame(Fraction(step), Fraction(step) / 2)
    seen = _seen(Case(scenario, policy, frame, rule, up_to))
    where = rule, seen.positions(rule, up_to)
    levels = Levels(
        frame.step, seen.phases, seen.mean_lead_time, seen.has_cycles, lambda _: where, 0.5
    )
    return levels, trigger


def _on_lattice(demand: Demand, step: float) -> list[Law]:
    """What a customer, or each period of the pattern, asks for of a continuous quantity."""
    pattern = demand.pattern if not isinstance(demand, (PoissonDemand, RenewalDemand)) else None
    asks = demand.probability if isinstance(demand, PeriodicDemand) else 1.0
    sizes = [discretised(demand.amount, factor, step) for factor in pattern or (1.0,)]
    if max(len(law.mass) for law in sizes) > MOST_CELLS:
        raise NotCoveredError("demand has too heavy a tail for a lattice that is fine enough")
    return [mix([(asks, law), (1 - asks, point(0))]) for law in sizes]


def _midway(policy: Stocked, about: float, finer: int) -> tuple[float, float, int, int]:
    """A step of *about* that size, or so many times *finer*; where (k + 1/2) steps is the last
    position that orders, which k; how far above it orders lift to; and in what multiples."""
    if isinstance(policy, RQ):
        unit = float(common([exact(policy.order_quantity), exact(policy.reorder_point)]))
        unit = unit if unit > about / 3 else policy.order_quantity
        step = unit / (_odd(unit / about) * finer)
        return step, policy.reorder_point / step - 1, 1, round(policy.order_quantity / step)
    if policy.minimum_order or policy.order_multiple:
        raise NotCoveredError("no formula for least or multiple orders of continuous quantities")
    span = policy.order_up_to - (policy.reorder_point if isinstance(policy, SS) else 0)
    if not span:
        raise NotCoveredError("no formula for continuous quantities with no stock")
    halves = _odd(2 * abs(span) / about) * finer
    step = abs(span) / (halves / 2)
    # Of an odd number of half steps below S, the reorder point lies between two positions.
    reach = halves // 2 + 1 if isinstance(policy, SS) else 1
    return step, policy.order_up_to / step - 0.5 - reach, reach, 1


def _odd(number: float) -> int:
    return 2 * max(round((number - 1) / 2), 0) + 1


def interpolation(beyond: float) -> list[tuple[int, float]]:
    """(whole steps, weight): Lagrange's polynomial at *beyond*, between 0 and 1."""
    if abs(beyond) < 1e-6:
        return [(0, 1.0)]
    places = range(-1, 3)
    return [(place, math.prod((beyond - other) / (place - other) for other in places
                              if other != place)) for place in places]  # fmt: skip
