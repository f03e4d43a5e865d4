"""Confidence intervals of a ratio of sums, ordinary and rare."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

Sums: TypeAlias = NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]


def t_quantile(confidence: float, replications: int) -> float:
    """Two-sided Student t quantile with replications - 1 degrees of freedom."""
    return float(special.stdtrit(replications - 1, (1 + confidence) / 2))


def residuals(x: Sums, y: Sums) -> Sums:
    """Linearised contribution of each replication to the ratio sum(x) / sum(y).

    The delta method: their mean is 0, and the ratio's standard error is their standard
    deviation / sqrt(n). Law, Simulation Modeling and Analysis (5th ed., 2015), section 9.5.
    Replications are along the last axis, here and below: several ratios go at once.
    """
    return np.asarray((x - ratio(x, y)[..., np.newaxis] * y) / y.mean(axis=-1, keepdims=True))


def ratio(x: Sums, y: Sums) -> Sums:
    """sum(x) / sum(y)."""
    return np.asarray(x.sum(axis=-1) / y.sum(axis=-1))


def half_width(contributions: Sums, confidence: float) -> Sums:
    """Half-width of the t interval of the mean of independent *contributions*; at least 2."""
    n = contributions.shape[-1]
    deviation = contributions.std(axis=-1, ddof=1)
    return np.asarray(t_quantile(confidence, n) * deviation / math.sqrt(n))


def ratio_interval(x: Sums, y: Sums, confidence: float) -> tuple[Sums, Sums]:
    """The t interval of sum(x) / sum(y) over independent replications."""
    middle, margin = ratio(x, y), half_width(residuals(x, y), confidence)
    return middle - margin, middle + margin


def log_margins(x: Sums, y: Sums, confidence: float) -> tuple[Sums, Sums]:
    """How far below and above sum(x) / sum(y), which is above 0, a t interval of its log reaches.

    For sums skewed to the right, whose plain interval misses above more often than below.
    Meeker, Hahn and Escobar, Statistical Intervals (2nd ed., 2017): a positive quantity's Wald
    interval is taken on the scale of logs. Where the margin is above the ratio itself, the
    upper limit goes on along its tangent, so that few replications leave it finite.
    """
    middle = ratio(x, y)
    relative = half_width(residuals(x, y), confidence) / middle
    within = np.minimum(relative, 1.0)
    above = np.expm1(within) + math.e * (relative - within)
    return -middle * np.expm1(-relative), middle * above


def exact_binomial(successes: float, trials: float, confidence: float) -> Interval:
    """The Clopper-Pearson interval (Biometrika 26, 1934); never of zero width."""
    tail = (1 - confidence) / 2
    low = special.betaincinv(successes, trials - successes + 1, tail) if successes > 0 else 0.0
    high = (
        special.betaincinv(successes + 1, trials - successes, 1 - tail)
        if successes < trials
        else 1.0
    )
    return float(low), float(high)


def rare_sum(amounts: Sums, worst: float, confidence: float) -> Interval:
    """Interval of the expectation of sum(amounts), none below 0, where few are above it.

    Each replication with anything in it counts as one Poisson event of that weight: Fay and
    Feuer, Confidence intervals for directly standardized rates (Statistics in Medicine 16,
    1997). Their upper limit adds one event of the largest weight; a few weights say little
    of the largest there may be, so here it is one of weight *worst*, or the weights are
    taken as exponential and the limit is the quantile of a ratio of gammas, if that is lower.
    """
    total, squares = float(amounts.sum()), float((amounts**2).sum())
    tail = (1 - confidence) / 2

    def with_one_more(weight: float) -> float:
        return _gamma_quantile(total + weight, squares + weight**2, 1 - tail)

    if not total:
        return 0.0, with_one_more(worst)
    largest, seen = float(amounts.max()), int((amounts > 0).sum())
    ratio = float(special.fdtri(2 * (seen + 1), 2 * seen, 1 - tail))
    high = min(with_one_more(max(largest, worst)), total * (seen + 1) / seen * ratio)
    return _gamma_quantile(total, squares, tail), max(with_one_more(largest), high)


def _gamma_quantile(mean: float, variance: float, probability: float) -> float:
    scale = variance / mean
    return scale * float(special.gammaincinv(mean / scale, probability))
