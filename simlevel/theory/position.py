"""The stationary inventory position of each policy, on the lattice that it lives on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel.errors import InputError
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.theory.lattice import (
    Array,
    Law,
    convolved,
    dotted,
    minus,
    mix,
    nothing,
    point,
    spread,
    uniform,
)

MOST_LEVELS = 1500
"""Levels that orders may lift the position to; with more there is no answer."""
MOST_LOOKS = 20_000
"""Looks between two orders; with more there is no answer."""


@dataclass(frozen=True)
class Frame:
    """The quantities ``origin + step * k``, k whole; 0 <= origin < step, in the scenario's units.

    Every position and net inventory is one of them, and every demand is a multiple of step.
    """

    step: Fraction
    origin: Fraction

    @classmethod
    def through(cls, quantity: Fraction, step: Fraction) -> Frame:
        """The frame of that *step* on which *quantity* lies."""
        return cls(step, quantity % step)

    def floor(self, quantity: Fraction) -> int:
        """The last k at or below *quantity*."""
        return math.floor((quantity - self.origin) / self.step)

    def ceil(self, quantity: Fraction) -> int:
        """The first k at or above *quantity*."""
        return math.ceil((quantity - self.origin) / self.step)


@dataclass(frozen=True)
class Rule:
    """Order when the position is at or below *trigger*: the least multiple of *multiple*
    that is at least *least* and lifts it to *up_to* or above. In steps of a frame.

    (r, nQ) lifts to r + 1 or above in multiples of Q; base stock triggers at S - 1.
    """

    trigger: int
    up_to: int
    least: int = 0
    multiple: int = 1

    def shifted(self, by: int) -> Rule:
        """The rule with its levels moved up."""
        return Rule(self.trigger + by, self.up_to + by, self.least, self.multiple)

    def size(self, position: int) -> int:
        """What is ordered at a *position* at or below the trigger; whole, however large."""
        return -(-max(self.up_to - position, self.least) // self.multiple) * self.multiple

    def after(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The positions after ordering from *positions* x at or below the trigger:
        x + n ceil(max(up_to - x, least) / n), n the multiple.

        >>> Rule(2, 3, 0, 5).after(np.array([-4, 2])).tolist()  # (r, nQ) = (2, 5): n = 2, 1
        [6, 7]
        """
        quantity = np.maximum(self.up_to - positions, self.least)
        return np.asarray(positions + -(-quantity // self.multiple) * self.multiple)

    @property
    def is_one_for_one(self) -> bool:
        """Orders exactly what has been asked for since the last order."""
        return self.is_batch and self.multiple == 1

    @property
    def is_batch(self) -> bool:
        """From wherever it orders it lifts into the same *multiple* levels above the trigger."""
        return self.up_to == self.trigger + 1 and self.least <= self.multiple


def framed(policy: RQ | SS | BaseStock, sizes: Fraction, start: Fraction) -> tuple[Frame, Rule]:
    """The frame of a policy's positions and its rule there.

    *sizes* is the greatest common divisor of the possible demands. Batches keep the position
    where the *start* put it, up to multiples; orders up to S forget it. In the scenario's units.

    >>> ours = RQ(reorder_point=1.3, order_quantity=1.1)
    >>> frame, rule = framed(ours, Fraction("0.25"), Fraction("2.4"))
    >>> float(frame.step), rule.trigger, rule.multiple  # 0.05 divides 0.25 and 1.1
    (0.05, 26, 22)
    """
    if isinstance(policy, RQ):
        frame = Frame.through(start, common([sizes, exact(policy.order_quantity)]))
    else:
        frame = _up_to_frame(policy, sizes, start)
    return frame, rule_on(frame, policy)


def rule_on(frame: Frame, policy: RQ | SS | BaseStock) -> Rule:
    """The rule of a *policy* whose orders are whole steps of the *frame*."""
    if isinstance(policy, RQ):
        trigger = frame.floor(exact(policy.reorder_point))
        return Rule(trigger, trigger + 1, 0, int(exact(policy.order_quantity) / frame.step))
    up_to = frame.ceil(exact(policy.order_up_to))
    trigger = frame.floor(exact(policy.reorder_point)) if isinstance(policy, SS) else up_to - 1
    least = math.ceil(exact(policy.minimum_order or 0) / frame.step)
    multiple = int(exact(policy.order_multiple) / frame.step) if policy.order_multiple else 1
    return Rule(trigger, up_to, least, multiple)


def _up_to_frame(policy: SS | BaseStock, sizes: Fraction, start: Fraction) -> Frame:
    top = exact(policy.order_up_to)
    if policy.order_multiple:
        return Frame.through(start, common([sizes, exact(policy.order_multiple)]))
    if policy.minimum_order:
        return Frame.through(top, common([sizes, exact(policy.minimum_order), top - start]))
    return Frame.through(top, sizes)


class Renewals:
    """The renewal mass of a *demand*, worked out once as far as it is asked for."""

    def __init__(self, demand: Law) -> None:
        self.moves = demand.given_positive()
        self._mass = np.empty(0)

    def mass(self, size: int) -> Array:
        """See :func:`renewal_mass`."""
        if size > len(self._mass):
            self._mass = renewal_mass(self.moves, 2 * size if len(self._mass) else size)
        return self._mass[:size]


def stationary(rule: Rule, demand: Law, start: int, renewals: Renewals | None = None) -> Law:
    """The long-run position after ordering, where *demand* comes between two looks.

    Exact for independent demands alike, all in steps. (r, nQ): uniform (Hadley and Whitin 1963,
    ch. 4; Axsäter, Inventory Control, ch. 5) on what the common divisor of Q and the demands
    lets it reach. (s, S): P(IP = S - j) = m(j) / (m(0) + ... + m(S - s - 1)), m the renewal
    mass of the demands above 0 (Zheng and Federgruen 1991); many rules may share *renewals*.
    Raises InputError where orders may lift to more than MOST_LEVELS levels.

    >>> law = stationary(Rule(0, 3), uniform(1, 2), 3)  # m = 1, 1/2, 3/4
    >>> (9 * law.mass).round(6).tolist()  # at 1, 2 and 3
    [3.0, 2.0, 4.0]
    """
    if rule.is_batch:
        return _batches(rule, [demand], start)[0]
    renewals = renewals or Renewals(demand)
    moves = renewals.moves
    levels = _levels(rule, moves)
    visits = renewals.mass(int(levels.max()) - rule.trigger)
    shares = _level_shares(rule, moves, levels, visits, start)
    mass = np.zeros(len(visits))
    for level, share in zip(levels, shares, strict=True):
        reach = int(level) - rule.trigger
        mass[:reach] += share * visits[:reach][::-1]
    return Law(rule.trigger + 1, mass / mass.sum())


def orders(rule: Rule, position: Law, demand: Law) -> Law:
    """Positions at which a look finds that it must order: P(IP - D = x), x at or below the
    trigger. Its total is P(order).

    >>> orders(Rule(0, 1, 0, 2), uniform(1, 2), uniform(1, 2)).total()  # all but 2 - 1
    0.75
    """
    return minus(position, demand).up_to(rule.trigger)


def order_share(rule: Rule, position: Law, demand: Law) -> float:
    """P(order): the total of :func:`orders`, without its law.

    >>> order_share(Rule(0, 1, 0, 2), uniform(1, 2), uniform(1, 2))
    0.75
    """
    gaps = position.low - rule.trigger, position.high - rule.trigger
    return dotted(position.mass, demand.at_least(*gaps))


def lifted(rule: Rule, found: Law) -> Law:
    """Positions just after ordering from those *found* at or below the trigger."""
    levels = rule.after(np.arange(found.low, found.high + 1))
    low = int(levels.min())
    return Law(low, np.asarray(np.bincount(levels - low, found.mass), dtype=np.float64))


def cyclic(
    rule: Rule, steps: Sequence[Law], start: Law, renewals: Renewals | None = None
) -> list[Law]:
    """The long-run positions after each look of a cycle, with demand ``steps[k]`` after look k.

    Between two orders the position only falls, and the (look, level) at which orders leave it
    are a Markov chain. *start* is the position at the first look, before it orders.
    Exact for independent demands. Raises InputError where that chain has more than
    MOST_LEVELS states.

    >>> laws = cyclic(Rule(0, 3), [point(1), point(2)], point(3))  # 3, 2, 0 that is lifted to 3
    >>> [law.mean() for law in laws]
    [3.0, 2.0]
    """
    if rule.is_batch:
        return _batches(rule, steps, start.low)
    if len(steps) == 1:
        return [stationary(rule, steps[0], start.low, renewals)]
    first, _ = _fall(rule, steps, 0, start.above(rule.trigger))
    _lift(rule, 0, start.up_to(rule.trigger), first)
    falls = _all_falls(rule, steps, first)
    states = list(falls)
    chain = np.array([[after.get(state, 0.0) for state in states] for after, _ in falls.values()])
    begin = np.array([first.get(state, 0.0) for state in states])
    shares = long_run(chain / chain.sum(axis=1, keepdims=True), begin).tolist()
    visits = [seen for _, seen in falls.values()]
    laws = (mix((w, seen[k]) for w, seen in zip(shares, visits, strict=True))
            for k in range(len(steps)))  # fmt: skip
    return [law.times(1 / law.total()) for law in laws]


State: TypeAlias = tuple[int, int]
"""The look at which an order was placed, and the level that it lifted to."""


def _all_falls(
    rule: Rule, steps: Sequence[Law], first: Iterable[State]
) -> dict[State, tuple[dict[State, float], list[Law]]]:
    """For each state that can come about: the states after it, and the visits in between."""
    falls: dict[State, tuple[dict[State, float], list[Law]]] = {}
    waiting = list(first)
    while waiting:
        look, level = state = waiting.pop()
        if state not in falls:
            falls[state] = _fall(rule, steps, look, point(level))
            waiting.extend(falls[state][0])
        if len(falls) > MOST_LEVELS:
            raise InputError(f"expected at most {MOST_LEVELS:,} states of the position, found more")
    return falls


def _fall(
    rule: Rule, steps: Sequence[Law], look: int, position: Law
) -> tuple[dict[State, float], list[Law]]:
    """From *position* after *look* down to the next order: the state that it leaves, and the
    positions after each look of the cycle on the way."""
    after: dict[State, float] = {}
    seen = [nothing()] * len(steps)
    for _ in range(MOST_LOOKS):
        if position.total() < 1e-17:
            return after, seen
        seen[look] = mix([(1.0, seen[look]), (1.0, position)])
        lower = minus(position, steps[look])
        look = (look + 1) % len(steps)
        position = lower.above(rule.trigger)
        _lift(rule, look, lower.up_to(rule.trigger), after)
    raise InputError(f"expected an order at least every {MOST_LOOKS:,} looks, found fewer")


def _lift(rule: Rule, look: int, found: Law, states: dict[State, float]) -> None:
    """Add to *states* what orders from the positions *found* at *look* lift to."""
    levels = lifted(rule, found)
    for level in np.flatnonzero(levels.mass).tolist():
        state = look, level + levels.low
        states[state] = states.get(state, 0.0) + float(levels.mass[level])


def _batches(rule: Rule, steps: Sequence[Law], start: int) -> list[Law]:
    """Uniform on the levels that the position can be at, look by look.

    All *multiple* of them, unless demand between looks leaves some out for good.
    """
    least = [law.low + int(np.flatnonzero(law.mass > 0)[0]) for law in steps]
    spans = [Law(0, law.mass[first - law.low :]).divisor()
             for law, first in zip(steps, least, strict=True)]  # fmt: skip
    apart = math.gcd(rule.multiple, sum(least), *spans)
    laws = []
    for before in itertools.accumulate(least[:-1], initial=0):
        first = rule.up_to + (start - before - rule.up_to) % apart
        laws.append(spread(uniform(0, rule.multiple // apart - 1), apart).shifted(first))
    return laws


def renewal_mass(moves: Law, size: int) -> Array:
    """Expected number of partial sums of *moves* (each at least 1) at 0, 1, ..., size - 1.

    m(0) = 1, m(j) = sum over k of P(X = k) m(j - k): the power series
    1 / (1 - sum of P(X = k) z^k), by Newton's iteration. Zheng and Federgruen (1991).

    >>> renewal_mass(uniform(1, 2), 4).tolist()  # m(3) = (3/4 + 1/2) / 2
    [1.0, 0.5, 0.75, 0.625]
    """
    series = np.zeros(size)
    shown = moves.mass[: max(size - moves.low, 0)]
    series[moves.low : moves.low + len(shown)] = -shown
    series[0] = 1.0
    mass = np.ones(1)
    while len(mass) < size:
        length = min(2 * len(mass), size)
        twice = -convolved(series[:length], mass)[:length]
        twice[0] += 2
        mass = convolved(mass, twice)[:length]
    return np.maximum(mass, 0.0)


def _levels(rule: Rule, moves: Law) -> NDArray[np.int64]:
    """The levels that orders can lift to."""
    if rule.multiple == 1 and rule.least <= rule.up_to - rule.trigger:
        return np.array([rule.up_to])
    lowest = rule.trigger + 1 - moves.high
    levels = np.unique(rule.after(np.arange(lowest, rule.trigger + 1)))
    if len(levels) > MOST_LEVELS:
        raise InputError(
            f"expected orders that lift the position to at most {MOST_LEVELS:,} levels, "
            f"found {len(levels):,}"
        )
    return levels


def _level_shares(
    rule: Rule, moves: Law, levels: NDArray[np.int64], visits: Array, start: int
) -> Array:
    """Share of orders that lift to each level: the stationary law of a Markov chain."""
    if len(levels) == 1:
        return np.ones(1)
    chain = np.array([_next_level(rule, moves, levels, visits, int(z)) for z in levels])
    # A low start may be lifted to a level that no later order reaches.
    level = start if start > rule.trigger else int(rule.after(np.array([start]))[0])
    longer = renewal_mass(moves, level - rule.trigger)
    first = _next_level(rule, moves, levels, longer, level)
    return long_run(chain, first)


def _next_level(
    rule: Rule, moves: Law, levels: NDArray[np.int64], visits: Array, level: int
) -> Array:
    """Probabilities that the order after one that lifted to *level* lifts to each level."""
    reach = level - rule.trigger
    path = Law(rule.trigger + 1, visits[:reach][::-1])
    below = orders(rule, path, moves)
    lifted = rule.after(np.arange(below.low, below.high + 1))
    place = np.minimum(np.searchsorted(levels, lifted), len(levels) - 1)
    return np.asarray(np.bincount(place, below.mass, len(levels)), dtype=np.float64)


def long_run(chain: Array, first: Array) -> Array:
    """Long-run shares of the states of a Markov *chain* P that begins in *first*: p = p P.

    Raises InputError where they depend on chance.

    >>> long_run(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([1.0, 0.0])).round(6).tolist()
    [0.666667, 0.333333]
    """
    seen = _reachable(chain, first)
    part = chain[np.ix_(seen, seen)]
    system = part.T - np.eye(len(part))
    system[-1] = 1.0
    right = np.zeros(len(part))
    right[-1] = 1.0
    try:
        shares = np.linalg.solve(system, right)
    except np.linalg.LinAlgError:
        raise InputError("expected one long-run law of the position, found several") from None
    result = np.zeros(len(chain))
    result[seen] = np.maximum(shares, 0.0)
    return np.asarray(result / result.sum())


def _reachable(chain: Array, first: Array) -> NDArray[np.bool_]:
    seen = first > 0
    while True:
        wider = seen | (seen @ (chain > 0))
        if wider.sum() == seen.sum():
            return seen
        seen = wider
