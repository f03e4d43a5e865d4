"""The lead times of orders that keep their order, as listed values with probabilities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from simlevel.errors import InputError
from simlevel.model import distribution as d
from simlevel.model.fields import exact
from simlevel.model.grid import common, listed
from simlevel.theory.lattice import Array, Law, allowed
from simlevel.theory.laws import law_of

MOST_PHASES = 400
"""Looks in a cycle, and points on a lead time's spread; with more there is no answer."""

LeadTimes: TypeAlias = tuple[tuple[float, Fraction], ...]
"""(probability, lead time): orders keep their order."""


def lead_times(
    distribution: d.Distribution, kinks: Iterable[Fraction], every: Fraction, rate: float
) -> LeadTimes | None:
    """The values of a lead time; for a uniform one, points that integrate over it.

    What is seen is smooth in the lead time but at *kinks* and whole multiples of *every* from
    them, where demand comes at *rate*. None for other continuous distributions: they have no
    largest value. Exact for listed values; Gauss and Legendre's error is below rounding.

    >>> times = lead_times(d.Uniform(low=1, high=4), [], Fraction(1), 0.0)
    >>> round(sum(p * float(time) for p, time in times), 9)  # (1 + 4) / 2
    2.5
    """
    if not distribution.is_continuous:
        law = law_of(distribution, unit := common(listed(distribution)))
        return tuple((float(law.mass[k]), (law.low + int(k)) * unit)
                     for k in np.flatnonzero(law.mass))  # fmt: skip
    if not isinstance(distribution, d.Uniform):
        return None
    low, high = exact(distribution.low), exact(distribution.high)
    edges = {low, high}
    for kink in kinks:
        first = kink + math.ceil((low - kink) / every) * every
        edges |= {first + i * every for i in range(math.ceil((high - first) / every))}
    pieces = sorted(edges)
    return tuple(
        node
        for first, last in itertools.pairwise(pieces)
        for node in _nodes(first, last, float(high - low), rate)
    )


def _nodes(
    first: Fraction, last: Fraction, length: float, rate: float
) -> Iterator[tuple[float, Fraction]]:
    """Gauss and Legendre's points on a piece, enough for demand at *rate* to look smooth;
    two where it comes by the period, and all that is seen is linear in the lead time."""
    wide = rate * float(last - first) / math.sqrt(1 + rate * float(first))
    count = 16 + math.ceil(4 * wide) if rate else 2
    if count > MOST_PHASES:
        raise InputError("expected a narrower spread of lead times beside the demand")
    points, weights = np.polynomial.legendre.leggauss(count)
    for place, weight in zip(points.tolist(), weights.tolist(), strict=True):
        share = weight / 2 * float(last - first) / length
        yield share, first + (last - first) * Fraction((place + 1) / 2)


def kept_in_order(review: Fraction, lead_time: d.Distribution) -> tuple[LeadTimes, LeadTimes]:
    """The time from each look to its receipt, and the lead times of orders that come alone.

    Where each look orders, and an order waits for the one before it, that is the largest of
    L, L' - R, L'' - 2 R, ... over the orders before; it comes alone where it is its own L and
    above the rest. So P(K <= t) = product over i of P(L <= t + i R). Exact for independent
    discrete lead times. Orders that do not cross: Zipkin (2000), sec. 7.4. Raises InputError
    where there are too many.

    >>> late = d.Discrete(values=(1, 3), probabilities=(0.5, 0.5))
    >>> kept, alone = kept_in_order(Fraction(1), late)
    >>> [p for p, _ in kept], [p for p, _ in alone]  # after 1, 2, 3: (1/2)^2, 1/2 - 1/4, 1/2
    ([0.25, 0.25, 0.5], [0.125, 0.5])
    """
    tick = common([review, *listed(lead_time)])
    law, turn = law_of(lead_time, tick), int(review / tick)
    ticks = np.arange(allowed(law.high + turn + 1))
    own = shares_up_to(law)[np.minimum(ticks, law.high)]
    kept = own.copy()
    for tick_of in range(law.high - 1, -1, -1):
        kept[tick_of] *= kept[tick_of + turn]
    arrivals = np.diff(kept[: law.high + 1], prepend=0.0)
    alone = np.diff(own, prepend=0.0)[: law.high + 1] * kept[ticks[: law.high + 1] + turn - 1]
    return tuple(
        tuple((float(share), int(k) * tick) for k, share in enumerate(shares) if share > 0)
        for shares in (arrivals, alone)
    )  # type: ignore[return-value]


def shares_up_to(law: Law) -> Array:
    """P(X <= k) for k = 0, ..., the largest, of X >= 0."""
    shares = np.append(np.zeros(allowed(law.high + 1) - len(law.mass)), np.cumsum(law.mass))
    shares[-1] = 1.0
    return np.minimum(shares, 1.0)


def tied(review: Fraction, lead_times: LeadTimes) -> LeadTimes:
    """Receipts at the instant of the order before: the shortest lead time after the longest."""
    shortest = min(time for _, time in lead_times)
    longest = max(time for _, time in lead_times)
    if longest - shortest < review:
        return ()
    before = sum(p for p, time in lead_times if time == longest)
    return tuple((p * before, time) for p, time in lead_times if time == shortest)
