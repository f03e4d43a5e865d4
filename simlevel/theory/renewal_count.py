"""How many customers come in a window: sums of the gaps between them beside its length.

A window opens just after a customer (ordinary count) or at a random instant (equilibrium).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import special

from simlevel.model import distribution as d
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.theory import tails
from simlevel.theory.tails import Numbers

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


@dataclass(frozen=True)
class Count:
    """How many customers come, N: P(N = first), P(N = first + 1), ...

    >>> Count.of_tail(0, np.array([0.5, 0.25])).mean()  # P(N >= 1) + P(N >= 2)
    0.75
    """

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

    S_first is below t but for 1e-17, as are all sums before it. N counts customers of a window
    of length t just after a customer: P(N >= n) = P(S_n <= t). Cox (1962), ch. 3.
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

        >>> gap_sums(d.Constant(value=2), Fraction(3)).equilibrium(2.0).mean()  # t / mean = 3/2
        1.5
        """
        return Count.of_tail(self.first, (self.left[:-1] - self.left[1:]) / mean)


def gap_sums(gaps: d.Distribution, time: Fraction) -> Sums:
    """The partial sums of *gaps* beside *time*, which is above 0; both in time units.

    Exact to 1e-10, for lognormal gaps to 1e-9.

    >>> sums = gap_sums(d.Uniform(low=0, high=1), Fraction(1))  # P(S_n < 1) = 1 / n!
    >>> round(sums.after.mean(), 4)  # 1 + 1/2! + 1/3! + ... = e - 1
    1.7183
    """
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
        values = [Fraction(k) for k in range(math.floor(time) + 1)]
        weights = tails.masses(gaps, len(values) - 1)
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
    raise TooSteepError


class TooSteepError(Exception):
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
    spread = tails.log_deviation(gaps)
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        k = (np.log(x / gaps.mean())) / spread + spread / 2
        found = np.exp(-k * k / 2) / (x * spread * math.sqrt(2 * math.pi))
    return np.where(x > 0, found, 0.0)


# --- which gaps are counted -----------------------------------------------------------------


def uncountable(gaps: d.Distribution) -> str | None:
    """Why customers with these *gaps* are not counted one by one, if they are not."""
    if gaps.is_whole and gaps.values_drawn is None and not isinstance(gaps, d.Geometric):
        return f"{gaps.dist} gaps of 0 bring several customers at one instant"
    if gaps.values_drawn is not None and gaps.smallest() == 0:
        return "gaps of 0 bring several customers at one instant"
    if isinstance(gaps, d.Normal) and gaps.share_below_zero() > 1e-13:
        return "clipped normal gaps bring several customers at one instant"
    return None


def too_many(gaps: d.Distribution, time: Fraction) -> str | None:
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
