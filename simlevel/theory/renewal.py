"""Renewal demand: customers one by one, alike in size, with independent times between them.

A customer looks back over the lead time and counts the others with the ordinary count; the
clock counts with the equilibrium count. Fill rate and ready rate therefore differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from scipy import special

from simlevel import words
from simlevel.model import distribution as d
from simlevel.model.demand import PoissonDemand, RenewalDemand
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.model.policy import RQ, SS, BaseStock, OwnPolicy, Policy
from simlevel.model.scenario import Scenario
from simlevel.theory import tails
from simlevel.theory.answer import Answer
from simlevel.theory.tails import Numbers
from simlevel.theory.totals import Model
from simlevel.theory.totals import answers as measures

RENEWAL = Model(
    "renewal-backorders",
    "net inventory = position - demand of a lead time, with the ordinary renewal count for "
    "customers and the equilibrium count for time averages: Cox, Renewal Theory (1962), ch. 2 "
    "and 3; Zipkin, Foundations of Inventory Management (2000), ch. 6",
)
LARGEST_ORBIT = 2_000_000
"""Positions that are listed."""
LARGEST_COUNT = 2_000_000
"""Customers in a lead time that are counted."""
LARGEST_LATTICE = 20_000_000
"""Cells of a lattice times the sums convolved on it."""
MOST_UNIFORM = 2_000
MOST_SMOOTH = 30
"""Uniform and lognormal gaps in a lead time that are added up."""
FINEST_GRID = 2**14
"""Cells of the finest grid for lognormal gaps."""
RARE = 1e-17
NOISE = 1e-15
"""What is left of a transform that should be 0."""


def answers(scenario: Scenario, policy_name: str) -> Mapping[str, Answer] | str:
    """Exact measures of one policy of *scenario* under renewal demand, or why there are none.

    Exact for customers of one size, any policy under continuous review, constant lead time and
    backorders. Gaps: constant, discrete, empirical, erlang, exponential, gamma, uniform and
    lognormal; normal where draws below 0 are rarer than 1e-13. No two customers may come at
    one instant. Shares to 1e-10, lognormal gaps to 1e-9.
    """
    reason = _uncovered(scenario, policy_name)
    if reason:
        return reason
    demand = scenario.demand
    assert isinstance(demand, (RenewalDemand, PoissonDemand))
    gaps = _gaps(demand)
    lead_time = exact(scenario.lead_time.mean())
    orbit = Orbit.of(scenario, policy_name)
    if isinstance(orbit, str):
        return orbit
    windows = map(exact, scenario.measures.served_within)
    longest = max([lead_time, *(abs(window - lead_time) for window in windows)])
    reason = _too_many(gaps, longest)
    if reason:
        return reason
    try:
        per_time = Renewal(scenario, gaps, lead_time, orbit).totals()
    except _TooSteepError:
        return "the lognormal gaps are too uneven to be convolved"
    return measures(per_time, scenario, RENEWAL)


def _gaps(demand: RenewalDemand | PoissonDemand) -> d.Distribution:
    if isinstance(demand, RenewalDemand):
        return demand.interarrival
    return d.Exponential(mean=1 / demand.rate)


def _uncovered(scenario: Scenario, policy_name: str) -> str | None:
    demand, policy = scenario.demand, scenario.policies[policy_name]
    if not isinstance(demand, (RenewalDemand, PoissonDemand)):
        return "demand comes in periods, not as a renewal stream"
    if scenario.lost_sales:
        return "shortages are lost, not backordered"
    if policy.review_period is not None:
        return "renewal demand is solved under continuous review only"
    if isinstance(policy, OwnPolicy):
        return "there is no formula for a policy of one's own"
    if scenario.lead_time.distribution.variance() > 0:
        return "renewal demand is solved for constant lead times only"
    sizes = demand.amount
    if sizes.variance() > 0 or sizes.values_drawn is None:
        return "renewal demand is solved for customers of one size only"
    return _uncountable(_gaps(demand))


def _uncountable(gaps: d.Distribution) -> str | None:
    if gaps.is_whole and gaps.values_drawn is None and not isinstance(gaps, d.Geometric):
        return f"{gaps.dist} gaps of 0 bring several customers at one instant"
    if gaps.values_drawn is not None and gaps.smallest() == 0:
        return "gaps of 0 bring several customers at one instant"
    if isinstance(gaps, d.Normal) and gaps.share_below_zero() > 1e-13:
        return "clipped normal gaps bring several customers at one instant"
    return None


def _too_many(gaps: d.Distribution, time: Fraction) -> str | None:
    """Why the customers of a *time* are not counted, if they are not."""
    count = float(time) / gaps.mean()
    most = LARGEST_COUNT
    if isinstance(gaps, (d.Lognormal, d.Uniform)):
        most = MOST_SMOOTH if isinstance(gaps, d.Lognormal) else MOST_UNIFORM
    elif isinstance(gaps, (d.Discrete, d.Empirical, d.Geometric)):
        step = common([time, *listed(gaps)])
        if time / step * (time / exact(gaps.smallest())) > LARGEST_LATTICE:
            return "the gaps lie on too fine a lattice to be convolved"
    return f"more than {most:,} customers in a lead time are not counted" if count > most else None


# --- positions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Orbit:
    """Inventory positions that come round again and again, in steps of ``step`` units."""

    step: Fraction
    size: int
    """Steps that a customer asks for."""
    trigger: int
    """The highest position that orders."""
    positions: Numbers
    """Just after a review, ascending; each is as frequent as any other."""
    before: Numbers
    """At the moment of ordering, before the order."""

    def above(self, x: Numbers, over: Numbers | None = None) -> Numbers:
        """E[(position - x)^+; position > over]."""
        low = x if over is None else np.maximum(x, over)
        first = np.searchsorted(self.positions, low, side="right")
        sums = np.append(np.cumsum(self.positions[::-1])[::-1], 0.0)
        count = len(self.positions) - first
        return np.asarray((sums[first] - x * count) / len(self.positions))

    def below(self, x: Numbers) -> Numbers:
        """E(x - position)^+."""
        first = np.searchsorted(self.positions, x, side="right")
        sums = np.append(0.0, np.cumsum(self.positions))
        return np.asarray((x * first - sums[first]) / len(self.positions))

    def share_above(self, x: Numbers) -> Numbers:
        """P(position > x)."""
        first = np.searchsorted(self.positions, x, side="right")
        return np.asarray(1 - first / len(self.positions))

    @classmethod
    def of(cls, scenario: Scenario, policy_name: str) -> Orbit | str:
        """The orbit that the start leads to, or why it is not listed."""
        policy, size = scenario.policies[policy_name], exact(scenario.demand.amount.mean())
        start = exact(scenario.start_level(policy_name))
        keys = ("order_quantity", "order_up_to", "minimum_order", "order_multiple")
        levels = [exact(getattr(policy, key, None) or 0) for key in keys]
        step = common([size, start, *levels])
        one, begin = int(size / step), int(start / step)
        build = _rq_orbit if isinstance(policy, RQ) else _up_to_orbit
        found = build(policy, step, one, begin)
        if found is None:
            return f"more than {LARGEST_ORBIT:,} inventory positions are not listed"
        trigger, positions, before = found
        return cls(step, one, trigger, np.sort(positions), before)


_Orbit: TypeAlias = tuple[int, Numbers, Numbers]


def _rq_orbit(policy: Policy, step: Fraction, size: int, start: int) -> _Orbit | None:
    """Every position above r, up to r + Q, that the greatest common divisor lets through."""
    assert isinstance(policy, RQ)
    low = math.floor(exact(policy.reorder_point) / step)
    batch = int(exact(policy.order_quantity) / step)
    divisor = math.gcd(size, batch)
    if batch // divisor > LARGEST_ORBIT:
        return None
    first = low + 1 + (start - low - 1) % divisor
    positions = first + divisor * np.arange(batch // divisor, dtype=float)
    after = positions - size
    return low, positions, after[after <= low]


def _up_to_orbit(policy: Policy, step: Fraction, size: int, start: int) -> _Orbit | None:
    """Run the position down and up again until an order comes back to a level it came to."""
    if isinstance(policy, SS):
        low = math.floor(exact(policy.reorder_point) / step)
    else:
        assert isinstance(policy, BaseStock)
        low = int(exact(policy.order_up_to) / step) - 1
    up_to = int(exact(policy.order_up_to) / step)
    least = int(exact(policy.minimum_order or 0) / step)
    multiple = int(exact(policy.order_multiple or 0) / step) or 1
    level, runs, steps = start, dict[int, int](), 0
    while level not in runs and steps <= LARGEST_ORBIT:
        runs[level] = count = max(-((low - level) // size), 0)
        steps += count + 1
        bottom = level - count * size
        level = bottom + -(-max(up_to - bottom, least) // multiple) * multiple
    if level not in runs:
        return None
    cycle = [(top, count) for top, count in runs.items()][list(runs).index(level) :]
    positions = np.concatenate([top - size * np.arange(count, dtype=float) for top, count in cycle])
    return low, positions, np.array([top - size * count for top, count in cycle], dtype=float)


# --- counts ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Count:
    """P(N = first), P(N = first + 1), ..."""

    first: int
    probability: Numbers

    @property
    def values(self) -> Numbers:
        return self.first + np.arange(len(self.probability), dtype=float)

    def mean(self) -> float:
        return float(self.values @ self.probability)

    @classmethod
    def of_tail(cls, first: int, tail: Numbers) -> Count:
        """From P(N >= first + 1), P(N >= first + 2), ..., falling to nothing; N >= first."""
        tail = np.minimum.accumulate(np.clip(tail, 0.0, 1.0))
        return cls(first, np.append(1.0, tail) - np.append(tail, 0.0))


NOBODY = Count(0, np.ones(1))


@dataclass(frozen=True)
class Sums:
    """Sums S_n of n gaps beside a time t, for n = first, first + 1, ... until S_n is past t.

    S_first is below t but for 1e-17, as are all sums before it.
    """

    first: int
    below: Numbers
    """P(S_n < t)."""
    within: Numbers
    """P(S_n <= t)."""
    left: Numbers
    """E(t - S_n)^+."""

    @property
    def after(self) -> Count:
        """Customers that come less than t after one; or before it."""
        return Count.of_tail(self.first, self.below[1:])

    @property
    def up_to(self) -> Count:
        """Customers that come within t after one, the instant t included."""
        return Count.of_tail(self.first, self.within[1:])

    def equilibrium(self, mean: float) -> Count:
        """Customers in a window of length t that opens at a random instant.

        P(N >= n) = (E(t - S_{n-1})^+ - E(t - S_n)^+) / mean gap: Cox (1962), ch. 3.
        """
        return Count.of_tail(self.first, (self.left[:-1] - self.left[1:]) / mean)


def gap_sums(gaps: d.Distribution, time: Fraction) -> Sums:
    """The partial sums of *gaps* beside *time*, which is above 0."""
    t = float(time)
    match gaps:
        case d.Constant(value=value):
            return _even_sums(exact(value), time)
        case d.Discrete() | d.Empirical() | d.Geometric():
            return _lattice_sums(gaps, time)
        case d.Lognormal():
            return _smooth_sums(gaps, t)
    first, count = _range(gaps, t)
    if isinstance(gaps, d.Uniform):
        return _uniform_sums(gaps, t, first, count)
    n = np.arange(first, first + count, dtype=float)
    mean, variance = n * gaps.mean(), n * gaps.variance()
    with np.errstate(invalid="ignore", divide="ignore"):  # no gaps at all take no time
        if isinstance(gaps, d.Normal):
            below = np.asarray(special.ndtr((t - mean) / np.sqrt(variance)))
            more = tails.normal_excess(t, mean, np.sqrt(variance))
        else:
            shape = mean * mean / variance
            below = np.asarray(special.gammainc(shape, t * shape / mean))
            more = tails.gamma_excess(t, mean, variance)
    left = np.maximum(t - mean + more, 0.0)
    if first == 0:
        below[0], left[0] = 1.0, t
    return Sums(first, below, below, left)


def _range(gaps: d.Distribution, t: float) -> tuple[int, int]:
    """The first count that is in doubt, and how many are, to 1e-17 on both sides."""
    cv2 = gaps.variance() / gaps.mean() ** 2
    centre = t / gaps.mean()
    around = 12 * math.sqrt(centre * cv2) + 40 * max(cv2, 1.0)
    first = max(math.floor(centre - around), 0)
    return first, math.ceil(centre + around) + 2 - first


def _even_sums(gap: Fraction, time: Fraction) -> Sums:
    """Gaps that are all the same."""
    first = max(math.ceil(time / gap) - 1, 0)
    sums = [gap * n for n in range(first, first + 3)]
    below = np.array([float(total < time) for total in sums])
    within = np.array([float(total <= time) for total in sums])
    return Sums(first, below, within, np.array([float(max(time - s, Fraction(0))) for s in sums]))


def _lattice_sums(gaps: d.Distribution, time: Fraction) -> Sums:
    """Gaps on a lattice, convolved on it."""
    step, gap = _lattice_gap(gaps, time)
    length = len(gap)
    size = 1 << (2 * length - 1).bit_length()
    transform = np.fft.rfft(gap, size)
    ahead = float(step) * np.arange(length - 1, -1, -1)
    total = np.zeros(length)
    total[0] = 1.0
    rows: list[tuple[float, float, float]] = []
    while total.sum() > RARE and (not rows or rows[-1][2] > RARE):
        rows.append((float(total[:-1].sum()), float(total.sum()), float(total @ ahead)))
        total = np.maximum(np.fft.irfft(np.fft.rfft(total, size) * transform, size)[:length], 0.0)
        total[: len(rows)] = 0.0  # n gaps take n steps at least
    below, within, left = (np.append(column, [0.0, 0.0]) for column in zip(*rows, strict=True))
    return Sums(0, below, within, left)


def _lattice_gap(gaps: d.Distribution, time: Fraction) -> tuple[Fraction, Numbers]:
    """The step of gaps and *time*, and P(gap = 0, 1, ... steps) up to *time*."""
    if isinstance(gaps, d.Geometric):
        values, weights = [Fraction(k) for k in range(1, math.floor(time) + 1)], np.empty(0)
        above = tails.survival(gaps, np.arange(len(values) + 1.0))
        weights = above[:-1] - above[1:]
    else:
        drawn, weights = tails.listed(gaps)
        values = [exact(float(value)) for value in drawn]
    step = common([time, *values])
    found = np.zeros(int(time / step) + 1)
    for value, weight in zip(values, weights, strict=True):
        if value <= time:
            found[int(value / step)] += weight
    return step, found


def _uniform_sums(gaps: d.Uniform, t: float, first: int, count: int) -> Sums:
    width = gaps.high - gaps.low
    pairs = [_irwin_hall(n, (t - n * gaps.low) / width) for n in range(first, first + count)]
    below, left = map(np.array, zip(*pairs, strict=True))
    return Sums(first, below, below, left * width)


def _irwin_hall(n: int, x: float) -> tuple[float, float]:
    """P(S < x) and E(x - S)^+ for the sum S of *n* uniform numbers between 0 and 1."""
    if x <= 0:
        return 0.0, 0.0
    if x >= n:
        return 1.0, x - n / 2
    if x > n / 2:
        share, left = _irwin_hall(n, n - x)
        return 1 - share, x - n / 2 + left
    if n <= 10:
        j = np.arange(math.floor(x) + 1)
        signs = (-1.0) ** j * special.binom(n, j)
        powers = [math.fsum(signs * (x - j) ** k) / math.factorial(k) for k in (n, n + 1)]
        return powers[0], powers[1]
    return _irwin_hall_series(n, x)


def _irwin_hall_series(n: int, x: float) -> tuple[float, float]:
    """The same by the Fourier series of the density on its support, whose terms fall as k^-n."""
    k = np.arange(1, math.ceil(n / math.pi * 10 ** (18 / n)) + 20)
    terms = np.sinc(k / n) ** n
    angle = 2 * math.pi * k * x / n
    # Measured from the left end of the support.
    phase = terms * np.cos(math.pi * k)
    share = x / n + float(phase @ (np.sin(angle) / k)) / math.pi
    left = x * x / (2 * n) - float(phase @ ((np.cos(angle) - 1) / k**2)) * n / (2 * math.pi**2)
    return max(share, 0.0), max(left, 0.0)


def _smooth_sums(gaps: d.Lognormal, t: float) -> Sums:
    """Gaps whose density vanishes smoothly at 0: there sums on an even grid are as good as
    integrals, and the grid is refined until nothing moves by 5e-9: the next refinement would
    move things by less than a tenth of that."""
    cells = 512
    last = _convolved(gaps, t, cells)
    while cells < FINEST_GRID:
        cells *= 2
        new = _convolved(gaps, t, cells)
        length = min(len(new.below), len(last.below))
        moved = np.abs(new.below[:length] - last.below[:length]).max()
        if moved < 5e-9 and np.abs(new.left[:length] - last.left[:length]).max() < 5e-9 * t:
            return new
        last = new
    raise _TooSteepError


class _TooSteepError(Exception):
    """The gaps are too steep for the finest grid."""


def _convolved(gaps: d.Lognormal, t: float, cells: int) -> Sums:
    step = t / cells
    grid: Numbers = step * np.arange(cells + 1.0)
    density = _lognormal_density(gaps, grid)
    below_one = 1 - tails.survival(gaps, grid[::-1])
    left_one = np.maximum(grid[::-1] - gaps.mean() + tails.excess(gaps, grid[::-1]), 0.0)
    size = 4 * cells
    transform = np.fft.rfft(density * step, size)
    rows = [(1.0, t), (below_one[0], left_one[0])]
    most = sum(_range(gaps, t))
    while rows[-1][0] > NOISE and len(rows) < most:
        rows.append((step * density @ below_one, step * density @ left_one))
        product = np.fft.rfft(density, size) * transform
        density = np.fft.irfft(product, size)[: cells + 1]
    below, left = map(np.array, zip(*rows, strict=True))
    below, left = np.append(below, [0.0, 0.0]), np.append(left, [0.0, 0.0])
    return Sums(0, below, below, left)


def _lognormal_density(gaps: d.Lognormal, x: Numbers) -> Numbers:
    spread = math.sqrt(math.log1p((gaps.nominal_sd / gaps.mean()) ** 2))
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        k = (np.log(x / gaps.mean())) / spread + spread / 2
        found = np.exp(-k * k / 2) / (x * spread * math.sqrt(2 * math.pi))
    return np.where(x > 0, found, 0.0)


# --- measures -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Renewal:
    """Position less demand of a lead time, as a customer, a receipt and the clock see it."""

    scenario: Scenario
    gaps: d.Distribution
    lead_time: Fraction
    orbit: Orbit
    known: dict[Fraction, Sums] = field(default_factory=dict)

    def totals(self) -> dict[str, float]:
        """Expected totals per time unit, in the scenario's units."""
        rate = 1 / self.gaps.mean()
        per_customer = self._customer() | self._receipts() | self._within()
        found = {name: value * rate for name, value in per_customer.items()} | self._clock()
        step = float(self.orbit.step)
        in_units = ("units", "area", "net", "delivered")
        return {
            name: float(value) * (step if name.startswith(in_units) else 1.0)
            for name, value in found.items()
        }

    def _sums(self, time: Fraction) -> Sums | None:
        if time > 0 and time not in self.known:
            self.known[time] = gap_sums(self.gaps, time)
        return self.known.get(time)

    def _before(self, time: Fraction) -> Count:
        sums = self._sums(time)
        return sums.after if sums else NOBODY

    def _customer(self) -> dict[str, float]:
        """What one customer asks for and gets."""
        orbit, count = self.orbit, self._before(self.lead_time)
        size, demand = orbit.size, count.values * orbit.size
        idle = orbit.trigger + demand  # above this position nothing is outstanding
        weights = count.probability
        served = orbit.above(demand) - orbit.above(demand + size)
        idly = orbit.above(demand, idle) - orbit.above(demand + size, idle)
        return {
            "customers": 1.0, "units_demanded": size,
            "customers_whole": float(weights @ orbit.share_above(demand + size - 1)),
            "units_from_shelf": float(weights @ served),
            "units_demanded_in_lead_time": float(size * (weights @ (1 - orbit.share_above(idle)))),
            "units_from_shelf_in_lead_time": float(weights @ (served - idly)),
        }  # fmt: skip

    def _receipts(self) -> dict[str, float]:
        """A receipt finds the position before its order, less the demand since then."""
        orbit, count = self.orbit, self._before(self.lead_time)
        before = np.sort(orbit.before)
        enough = len(before) - np.searchsorted(before, count.values * orbit.size, side="left")
        orders = len(before) / len(orbit.positions)
        return {
            "orders": orders, "cycles": orders, "units_ordered": orbit.size,
            "cycles_without_stockout": float(count.probability @ enough) / len(orbit.positions),
            "net_inventory_before_receipts": orders
            * (float(before.mean()) - count.mean() * orbit.size),
        }  # fmt: skip

    def _clock(self) -> dict[str, float]:
        """What the clock sees at a random instant."""
        orbit, sums = self.orbit, self._sums(self.lead_time)
        count = sums.equilibrium(self.gaps.mean()) if sums else NOBODY
        demand, weights = count.values * orbit.size, count.probability
        on_hand = float(weights @ orbit.above(demand))
        on_order = orbit.size * float(self.lead_time) / self.gaps.mean()
        owed = weights @ orbit.below(demand)
        return {
            "area_on_hand": on_hand, "area_on_order": on_order, "area_backorders": float(owed),
            "time_in_stock": float(weights @ orbit.share_above(demand)),
        }  # fmt: skip

    def _within(self) -> dict[str, float]:
        """Units of a customer delivered late, but within each W."""
        shelf = self._served(Fraction(0))
        found = {}
        for window in self.scenario.measures.served_within:
            total = words.served_within(window).numerator[-1][1]
            found[total] = max(self._served(exact(window)) - shelf, 0.0)
        return found

    def _served(self, window: Fraction) -> float:
        """Units of a customer delivered within *window*: from what was ordered by a lead time
        before its end. Once that is later than the customer, later customers' orders help."""
        orbit, reach = self.orbit, self.lead_time - window
        if reach > 0 or (reach == 0 and window == 0):
            count = self._before(reach)
            demand = count.values * orbit.size
        else:
            sums = self._sums(-reach)
            count = sums.up_to if sums else NOBODY
            demand = -(count.values + 1) * orbit.size
        served = orbit.above(demand) - orbit.above(demand + orbit.size)
        return float(count.probability @ served)
