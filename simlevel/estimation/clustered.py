"""Estimates from clustered values: replications are independent, the windows of one are not.

Every replication has as many windows as the others, so each is a cluster of the same size, and
how the clusters scatter says all about the error, however the windows of one hang together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel.estimation.estimate import FEW, FEW_REPLICATIONS
from simlevel.estimation.interval import Interval, Sums, half_width, rare_sum

Shares: TypeAlias = NDArray[np.float64]
"""Values from 0 to 1, shape (replications, windows)."""


@dataclass(frozen=True)
class Measured:
    """An estimate and its interval; a single replication gives none."""

    estimate: float
    low: float | None = None
    high: float | None = None


def mean(shares: Shares, confidence: float, worst: float) -> Measured:
    """The mean of all *shares*, with the t interval of the replications' means.

    Where few windows fell short of 1, or few of them had anything, it is widened as for a few
    rare amounts (:func:`rare_sum`); *worst* is what one bad spell may take off their sum.
    """
    windows = shares.shape[1]
    found = _interval(shares.sum(axis=1) / windows, confidence)
    short = 1 - shares
    for amounts, is_lack in ((short, True), (shares, False)):
        if found and _few((amounts > 0).sum(axis=1), worst):
            rare = _rare(amounts.sum(axis=1), windows, worst, confidence)
            found = _wider(found, (1 - rare[1], 1 - rare[0]) if is_lack else rare)
    return _measured(float(shares.mean()), found)


def proportion(hits: Sums, windows: int, confidence: float, worst: float) -> Measured:
    """The proportion of hits; *hits* has one count, of at most *windows*, a replication.

    The variance between clusters stands in place of the binomial one (Cochran, Sampling
    Techniques, 3rd ed., 1977, ch. 9), so windows may depend on one another in any way.
    *worst* is how many windows one bad spell may spoil: with fewer hits or misses than 30
    spells make, or where few replications saw any, :func:`rare_sum` widens the interval.
    """
    return _measured(float(hits.mean() / windows), _within(hits, windows, confidence, worst))


def quantiles(
    shares: Shares, probabilities: Sequence[float], confidence: float, worst: float
) -> tuple[Measured, ...]:
    """For each p the least share that at least p of the windows are at or below.

    The interval holds every share x that is not refuted as the quantile: neither is the
    proportion of windows at or below x surely less than p, nor that of windows below x surely
    more. Francisco and Fuller, Quantile estimation with a complex survey design, Annals of
    Statistics 19 (1991), where the proportions have the intervals of :func:`proportion`. It
    asks nothing of the distribution, which often has steps and a large one at 1. Limits that
    the windows are too few to find are 0 and 1.
    """
    distinct, ranks, counts = np.unique(shares, return_inverse=True, return_counts=True)
    ranks, below = ranks.reshape(shares.shape), np.cumsum(counts)

    def limits(rank: int) -> Interval:
        """Of the proportion of windows at or below a value."""
        hits = np.asarray((ranks <= rank).sum(axis=1), dtype=np.float64)
        return _within(hits, shares.shape[1], confidence, worst) or (0.0, 1.0)

    def one(probability: float) -> Measured:
        wanted = probability * shares.size * (1 - 1e-12)
        estimate = float(distinct[np.searchsorted(below, wanted)])
        found = _inverted(distinct, limits, probability) if len(shares) > 1 else None
        return _measured(estimate, found)

    return tuple(map(one, probabilities))


def _inverted(distinct: Sums, limits: Callable[[int], Interval], probability: float) -> Interval:
    """The least and the largest share that may be the quantile.

    Rank -1 is below all values, where the proportion is 0 and its upper limit is not.
    """
    ranks = range(-1, len(distinct))
    low = bisect_left(ranks, True, key=lambda rank: limits(rank)[1] >= probability) - 1
    high = bisect_left(ranks, True, key=lambda rank: limits(rank)[0] > probability) - 1
    return (
        float(distinct[low]) if low >= 0 else 0.0,
        float(distinct[high]) if high < len(distinct) else 1.0,
    )


# --- the interval of a mean over clusters ------------------------------------------------------


def _interval(means: Sums, confidence: float) -> Interval | None:
    """The t interval over replications; None for a single one."""
    if len(means) < 2:
        return None
    centre, margin = float(means.mean()), float(half_width(means, confidence))
    return centre - margin, centre + margin


def _within(hits: Sums, windows: int, confidence: float, worst: float) -> Interval | None:
    found = _interval(hits / windows, confidence)
    if found is None:
        return None
    if _few(misses := windows - hits, worst):
        low, high = _rare(misses, windows, worst, confidence)
        found = _wider(found, (1 - high, 1 - low))
    if _few(hits, worst):
        found = _wider(found, _rare(hits, windows, worst, confidence))
    return max(found[0], 0.0), min(found[1], 1.0)


def _few(counts: NDArray[np.float64] | NDArray[np.int64], worst: float) -> bool:
    """Windows of a kind are few spells, or seen in few replications: the t interval errs."""
    replications = int((counts > 0).sum())
    return bool(counts.sum() < FEW * max(worst, 1.0)) or replications < min(
        FEW_REPLICATIONS, len(counts)
    )


def _rare(amounts: Sums, windows: int, worst: float, confidence: float) -> Interval:
    low, high = rare_sum(amounts, worst, confidence)
    whole = len(amounts) * windows
    return low / whole, high / whole


def _wider(one: Interval, other: Interval) -> Interval:
    return min(one[0], other[0]), max(one[1], other[1])


def _measured(estimate: float, found: Interval | None) -> Measured:
    if found is None:
        return Measured(estimate)
    return Measured(estimate, max(found[0], 0.0), min(found[1], 1.0))
