"""Lost sales with demand in periods: a Markov chain over what is on hand and on its way.

The chain is watched just after each review. Between two reviews some demand instants pass,
one delivery may come, and more demand instants pass; a state is the phase of the demand
pattern, the stock on hand and the orders on their way, oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy import sparse

from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.model.policy import RQ, SS, BaseStock, OwnPolicy
from simlevel.model.scenario import Scenario
from simlevel.theory import gmres
from simlevel.theory.answer import Answer
from simlevel.theory.lost_sales_cycle import (
    GAINS,
    Period,
    Phase,
    Timetable,
    Whole,
    period_demand,
    phases_of,
)
from simlevel.theory.position import Frame, rule_on
from simlevel.theory.tails import Numbers
from simlevel.theory.totals import Model
from simlevel.theory.totals import answers as measures

CHAIN = Model(
    "lost-sales-chain",
    "Markov chain over stock on hand and orders on their way, solved to rounding: Karlin and "
    "Scarf, ch. 10 in Arrow, Karlin and Scarf, Studies in the Mathematical Theory of Inventory "
    "and Production (1958)",
)
LARGEST_CHAIN = 100_000
"""States beyond which no chain is solved."""
LARGEST_LEVEL = 1_000
"""Lattice units of stock beyond which no chain is set up."""
LARGEST_BLOCK = 4_000_000
"""Cells that are worked on at a time."""
LONGEST_MEMORY = 100
"""Replenishment cycles by which a start may shift the long run."""
NEVER = 1e-18
"""Transitions less likely than this are dropped."""


class _UnsolvedError(Exception):
    """The chain is too large, or has no one long run; says which."""


def answers(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """Exact measures under lost sales with demand in periods, or why there are none.

    Exact for base stock, (s, S) and (r, nQ) in both sequences, minimum order and order
    multiple included; any discrete quantity; a constant lead time; and a review period that is
    a whole multiple or a whole part of the demand period (or continuous review, which looks
    after each demand). A pattern is followed through its phases. The measures come from the
    long-run shares p of the states just after a review, p = p P.

    >>> case = Scenario.model_validate({
    ...     "demand": {"kind": "periodic", "quantity": 1, "probability": 0.5}, "lead_time": 1,
    ...     "shortage": "lost_sales",
    ...     "policies": {"one": {"kind": "base_stock", "order_up_to": 1, "review_period": 1}}})
    >>> round(answers(case, "one")["fill_rate"].value, 4)  # 1 on hand: p = 1 / (1 + 1/2)
    0.6667
    """
    demand = scenario.demand
    assert isinstance(demand, (PeriodicDemand, HistoryDemand))
    lead_time = scenario.lead_time.distribution
    if scenario.replayed:
        return "a record played once has no long run"
    if isinstance(scenario.policies[policy_name], OwnPolicy):
        return "there is no formula for a policy of one's own"
    if demand.amount.is_continuous:
        return "lost sales are solved for discrete quantities only"
    if lead_time.variance() > 0:
        return "lost sales with demand in periods are solved for constant lead times only"
    timetable = Timetable.of(scenario, policy_name)
    if isinstance(timetable, str):
        return timetable
    try:
        chain = Chain.of(scenario, policy_name, timetable)
        per_time = chain.totals()
    except _UnsolvedError as error:
        return str(error)
    except gmres.NotConvergedError:
        return "the long run of this chain takes too many steps to solve"
    return measures(per_time, scenario, CHAIN)


def _lattice(scenario: Scenario, policy_name: str) -> Fraction:
    """The step in which stock on hand can move: all quantities are whole multiples of it."""
    demand, policy = scenario.demand, scenario.policies[policy_name]
    keys = ("order_quantity", "order_up_to", "minimum_order", "order_multiple")
    levels = [exact(getattr(policy, key, None) or 0) for key in keys]
    quantity = demand.amount
    asked = list(listed(quantity))
    if isinstance(demand, (PeriodicDemand, HistoryDemand)) and demand.pattern:
        factor = common(map(exact, demand.pattern))
        asked = [Fraction(1)] if quantity.is_whole else [value * factor for value in asked]
    return common([*levels, exact(scenario.start_level(policy_name)), *asked])


# --- how much is ordered --------------------------------------------------------------------


@dataclass(frozen=True)
class OrderTable:
    """Lattice units ordered at each inventory position 0, 1, ..., and the highest level."""

    ordered: Whole
    top: int

    @classmethod
    def of(cls, policy: RQ | SS | BaseStock, step: Fraction, start: int) -> OrderTable:
        """Raises _UnsolvedError where the levels are too many to list."""
        rule = rule_on(Frame(step, Fraction(0)), policy)
        trigger = rule.trigger
        positions = range(max(min(trigger, LARGEST_LEVEL) + 1, 0))
        lifted = [position + rule.size(position) for position in positions]
        top = max([start, *lifted])
        if trigger >= LARGEST_LEVEL or top > LARGEST_LEVEL:
            raise _UnsolvedError(
                f"lost sales are solved up to {LARGEST_LEVEL:,} steps of stock "
                f"(a step is {float(step):g} units here), not {max(top, trigger):,}"
            )
        ordered = np.zeros(top + 1, dtype=np.int64)
        ordered[: len(lifted)] = np.array(lifted, dtype=np.int64) - np.arange(len(lifted))
        return cls(ordered, top)


# --- the chain ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chain:
    """States just after a review, reached from the start, and the moves between them."""

    timetable: Timetable
    step: Fraction
    phases: tuple[Phase, ...]
    opening: int
    """Number of a state that the first review can leave."""
    states: Whole
    """One row a state: phase, on hand, orders on their way (oldest first)."""
    until: Numbers
    """By state: P(no shortage before the delivery)."""
    source: Whole
    target: Whole
    probability: Numbers
    kept: Numbers
    """The part of each move without a shortage since the last receipt."""
    ordered: Whole
    """Lattice units ordered at the end of each move."""

    @classmethod
    def of(cls, scenario: Scenario, policy_name: str, timetable: Timetable) -> Chain:
        """Raises _UnsolvedError where there are too many states."""
        demand = scenario.demand
        assert isinstance(demand, (PeriodicDemand, HistoryDemand))
        step = _lattice(scenario, policy_name)
        start = int(exact(scenario.start_level(policy_name)) / step)
        policy = scenario.policies[policy_name]
        assert not isinstance(policy, OwnPolicy)
        orders = OrderTable.of(policy, step, start)
        phases = tuple(phases_of(scenario, timetable, step, orders.top))
        width = orders.top + 1
        if width ** (timetable.in_transit + 1) * len(phases) >= 2**62:
            raise _UnsolvedError(_TOO_MANY)
        opening = np.array([start])
        if timetable.first_period:
            opening = _after_first(period_demand(demand, 0, step, orders.top), start)
        return _explore(timetable, step, phases, orders, opening)

    def totals(self) -> dict[str, float]:
        """Expected totals per time unit. Raises _UnsolvedError where it is not solved."""
        share = self._stationary()
        states, timetable, step = self.states, self.timetable, float(self.step)
        per_review = self._counts(share) | self._cycles(share)
        moved = share[self.source] * self.probability
        orders, units = float(moved[self.ordered > 0].sum()), float((moved * self.ordered).sum())
        self._check_memory(share, orders)
        on_order = float(self._on_order(states[:, 2:]) @ share)
        per_review |= {"orders": orders, "units_ordered": units, "area_on_order": on_order}
        length = float(timetable.length)
        return {
            name: float(value) / length * (step if name.startswith(_IN_UNITS) else 1.0)
            for name, value in per_review.items()
        }

    def _on_order(self, transit: Whole) -> Numbers:
        """Integral over a cycle of what is on its way, by state."""
        if self.timetable.delivery is None:
            return np.zeros(len(transit))
        later = float(self.timetable.length - self.timetable.delivery)
        total = transit.sum(axis=1) * float(self.timetable.length)
        return np.asarray(total - transit[:, 0] * later)

    def _counts(self, share: Numbers) -> dict[str, float]:
        """What is asked for and sold in a review cycle."""
        found: dict[str, float] = {}
        for number, phase in enumerate(self.phases):
            here = np.flatnonzero(self.states[:, 0] == number)
            for name, value in self._phase_counts(phase, here, share[here]).items():
                found[name] = found.get(name, 0.0) + value
        found["units_lost"] = found["units_demanded"] - found["units_from_shelf"]
        return found

    def _phase_counts(self, phase: Phase, here: Whole, share: Numbers) -> dict[str, float]:
        on_hand, transit = self.states[here, 1], self.states[here, 2:]
        due = _due(transit)
        before, after, found = phase.gains(on_hand, due)
        # Outstanding before the delivery, and after it.
        first, second = transit.any(axis=1), transit[:, 1:].any(axis=1)
        demanded = phase.before.mean * first + phase.after.mean * second
        sold = before[:, 0] * first + after[:, 0] * second
        total = float(share.sum())
        return {
            **dict(zip(GAINS, share @ (before + after), strict=True)),
            "units_demanded": total * (phase.before.mean + phase.after.mean),
            "customers": total * (phase.before.customers + phase.after.customers),
            "periods": total * len(self.timetable.demands),
            "units_demanded_in_lead_time": float(share @ demanded),
            "units_from_shelf_in_lead_time": float(share @ sold),
            "net_inventory_before_receipts": float(share @ (found * (due > 0))),
        }

    def _cycles(self, share: Numbers) -> dict[str, float]:
        """Receipts in a review cycle, and those that end a cycle without a shortage.

        *whole* is the probability of each state with nobody short since the last receipt. It
        is passed on by moves without a shortage, and starts anew with each receipt.
        """
        due = _due(self.states[:, 2:]) > 0
        at_review = (self.ordered > 0) & (self.timetable.delivery is None)
        passed = np.where(at_review | due[self.source], 0.0, self.kept)
        renewed = np.where(at_review, self.probability, np.where(due[self.source], self.kept, 0.0))
        carried = renewed * share[self.source]
        fresh = np.bincount(self.target, carried, len(share)).astype(np.float64)
        kept = self._matrix(passed)

        def rest(whole: Numbers) -> Numbers:
            return np.asarray(whole - kept @ whole)

        whole = gmres.solved(rest, fresh)
        ended = float((whole * self.until)[due].sum())
        ended += float((whole[self.source] * self.kept)[at_review].sum())
        if not at_review.any():
            return {"cycles": float(share[due].sum()), "cycles_without_stockout": ended}
        orders = share[self.source] * self.probability
        before = self.states[self.target, 1] - self.ordered
        return {
            "cycles": float(orders[at_review].sum()), "cycles_without_stockout": ended,
            "net_inventory_before_receipts": float((orders * before)[at_review].sum()),
        }  # fmt: skip

    def _matrix(self, moves: Numbers) -> sparse.csr_array:
        """Takes weights of the states to those one step of *moves* later."""
        count = len(self.states)
        return sparse.csr_array((moves, (self.target, self.source)), shape=(count, count))

    @cached_property
    def _moves(self) -> sparse.csr_array:
        return self._matrix(self.probability)

    def _stationary(self) -> Numbers:
        """The long-run share of reviews that leave each state, shape (states,)."""
        count = len(self.states)
        start = np.full(count, 1 / count)

        def rest(share: Numbers) -> Numbers:
            return np.asarray(share - self._moves @ share + float(share.sum()) * start)

        share = gmres.solved(rest, start)
        if not self._always_returns_to(int(share.argmax())):
            raise _UnsolvedError("the long run depends on how it starts: no one answer")
        share = np.maximum(share, 0.0)
        return np.asarray(share / share.sum())

    def _check_memory(self, share: Numbers, orders: float) -> None:
        """Refuse a long run that a start shifts by more reviews than ordinary runs last.

        The shift is the sum over all reviews of how far the law of the state is from *share*.
        """
        begun = np.where(np.arange(len(share)) == self.opening, 1.0, 0.0)

        def rest(shift: Numbers) -> Numbers:
            return np.asarray(shift - self._moves @ shift + float(shift.sum()) / len(shift))

        reviews = float(np.abs(gmres.solved(rest, begun - share, 1e-7)).sum()) / 2
        if reviews * orders > LONGEST_MEMORY:
            raise _UnsolvedError(
                f"the start is forgotten only after some {reviews:,.0f} reviews: the long run "
                "says nothing of runs of ordinary length"
            )

    def _always_returns_to(self, state: int) -> bool:
        """Every state leads to *state*: there is one long run."""
        first, sources = self._moves.indptr, self._moves.indices
        seen = np.zeros(len(self.states), dtype=bool)
        seen[state] = True
        new = np.array([state])
        while new.size:
            found = np.zeros(len(seen), dtype=bool)
            found[sources[_ranges(first[new], first[new + 1])]] = True
            new = np.flatnonzero(found & ~seen)
            seen[new] = True
        return bool(seen.all())


_IN_UNITS = ("units", "area", "net")
_TOO_MANY = (
    f"lost sales are solved by Markov chain up to {LARGEST_CHAIN:,} states of stock on hand and "
    "orders on their way; here there are more"
)


def _due(transit: Whole) -> Whole:
    """What the next delivery brings."""
    return transit[:, 0] if transit.shape[1] else np.zeros(len(transit), dtype=np.int64)


def _ranges(first: Whole, last: Whole) -> Whole:
    """All of range(first[0], last[0]), range(first[1], last[1]), ... in one array."""
    lengths = last - first
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(first - ends + lengths, lengths))


def _after_first(period: Period, start: int) -> Whole:
    """The stock that the first demand can leave of *start*."""
    left = np.maximum(start - np.flatnonzero(period.probability), 0)
    return np.unique(np.append(left, 0) if period.at_most[-1] < 1 - 1e-15 else left)


def _explore(
    timetable: Timetable, step: Fraction, phases: tuple[Phase, ...], orders: OrderTable,
    opening: Whole,
) -> Chain:  # fmt: skip
    """Follow every move from the *opening* stock until no new state comes up."""
    width, transit = orders.top + 1, timetable.in_transit
    radix = width ** np.arange(transit + 1, -1, -1, dtype=np.int64)
    known = np.empty(0, dtype=np.int64)
    new = _first_keys(opening, orders, transit, radix)
    parts: list[tuple[Whole, Whole, Numbers, Numbers, Whole]] = []
    until: list[Numbers] = []
    rank: list[Whole] = []
    while new.size:
        if known.size + new.size > LARGEST_CHAIN:
            raise _UnsolvedError(_TOO_MANY)
        known = np.union1d(known, new)
        rank.append(new)
        moves, whole = _moves(new, phases, orders, radix)
        parts.append(moves)
        until.append(whole)
        new = np.setdiff1d(moves[1], known)
    source, target, probability, kept, ordered = map(np.concatenate, zip(*parts, strict=True))
    listed_as = np.concatenate(rank)
    place = np.argsort(listed_as)
    return Chain(
        timetable, step, phases, int(np.searchsorted(known, rank[0][0])),
        _decoded(known, radix), np.concatenate(until)[place],
        np.searchsorted(known, source), np.searchsorted(known, target),
        probability, kept, ordered,
    )  # fmt: skip


def _first_keys(opening: Whole, orders: OrderTable, transit: int, radix: Whole) -> Whole:
    """The states just after the first review."""
    states = np.zeros((len(opening), transit + 2), dtype=np.int64)
    states[:, 1] = opening
    states[:, -1] += orders.ordered[opening]  # the last order on its way, or at once on hand
    return np.asarray(np.unique(states @ radix))


def _decoded(keys: Whole, radix: Whole) -> Whole:
    """Phase, on hand and orders on their way, one row a key."""
    states = keys[:, None] // radix
    states[:, 1:] %= radix[-2]
    return np.asarray(states)


def _moves(
    keys: Whole, phases: Sequence[Phase], orders: OrderTable, radix: Whole
) -> tuple[tuple[Whole, Whole, Numbers, Numbers, Whole], Numbers]:
    """Source, target, probability, kept part and order of every move out of *keys*; and of
    each key the probability of no shortage before the delivery."""
    found = []
    states = _decoded(keys, radix)
    whole = np.empty(len(keys))
    chunk = max(1, LARGEST_BLOCK // len(orders.ordered))
    for number, phase in enumerate(phases):
        here = np.flatnonzero(states[:, 0] == number)
        for some in [here[k : k + chunk] for k in range(0, len(here), chunk)]:
            moves, kept, whole[some] = phase.moves(states[some, 1], _due(states[some, 2:]))
            row, level = np.nonzero(moves > NEVER)
            ordered, reached = _after_review(states[some[row]], level, orders, len(phases))
            found.append((
                keys[some[row]], reached @ radix, moves[row, level], kept[row, level], ordered,
            ))  # fmt: skip
    source, target, probability, kept, ordered = map(np.concatenate, zip(*found, strict=True))
    return (source, target, probability, kept, ordered), whole


def _after_review(
    states: Whole, level: Whole, orders: OrderTable, phases: int
) -> tuple[Whole, Whole]:
    """What is ordered with *level* on hand at the end of the cycle, and the state it leaves."""
    transit = states[:, 3:]
    ordered = orders.ordered[level + transit.sum(axis=1)]
    reached = np.zeros_like(states)
    reached[:, 0] = (states[:, 0] + 1) % phases
    reached[:, 1] = level
    reached[:, 2:-1] = transit[:, : states.shape[1] - 3] if states.shape[1] > 2 else 0
    reached[:, -1] += ordered
    return ordered, reached
