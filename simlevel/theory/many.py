"""(r, Q) of many items in one call, service by settings and settings by service: arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from simlevel.errors import InputError
from simlevel.theory import textbook
from simlevel.theory.tails import Numbers


class Service(NamedTuple):
    """Shares, one an item, in the shape of the arguments broadcast together."""

    cycle_service_level: Numbers
    fill_rate: Numbers


def rq_service(
    reorder_point: ArrayLike,
    order_quantity: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike | None = None,
    shape: str = "normal",
) -> Service:
    """Type I and two-term Type II of (r, Q) under continuous review, for all items at once.

    *mean* and *sd* are those of the demand of a lead time, in units; *shape* is ``normal`` (not
    clipped), ``gamma``, ``poisson`` (no *sd*) or ``negative_binomial``. The position is uniform
    over r and r + Q and independent of the demand of the lead time that follows, so

    Type I = P(D <= r),  Type II = 1 - (n(r) - n(r + Q)) / Q,  n(x) = E(D - x)^+.

    Exact for Poisson demand unit by unit with whole r and Q, and for continuous demand that
    runs through every level; an approximation where customers ask for several units at once.
    Hadley and Whitin, Analysis of Inventory Systems (1963), ch. 4; Axsäter, Inventory Control
    (3rd ed., 2015), ch. 5. Raises InputError where an argument is out of range.

    >>> service = rq_service(25, 60, 20.0, shape="poisson")
    >>> [round(float(share), 4) for share in service]
    [0.8878, 0.9945]

    The first is in tables of the Poisson distribution, the second 1 - n(25) / 60 with n(25) =
    sum over k > 25 of P(D >= k) = 0.331.
    """
    quantity, level, mean = _numbers(order_quantity), _numbers(reorder_point), _numbers(mean)
    variance = mean if shape == "poisson" else _variance(sd)
    if not (quantity > 0).all():
        raise InputError("order_quantity: expected numbers above 0")
    demand = textbook.Spread(mean, variance, shape)
    short = demand.excess(level) - demand.excess(level + quantity)
    return Service(1 - demand.survival(level), np.clip(1 - short / quantity, 0.0, 1.0))


class Stock(NamedTuple):
    """Time averages, in units, one an item."""

    mean_on_hand: Numbers
    mean_backorders: Numbers


def rq_stock(
    reorder_point: ArrayLike,
    order_quantity: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike | None = None,
    shape: str = "normal",
) -> Stock:
    """Mean stock and backorders of (r, Q) under continuous review, for all items at once.

    Arguments, conditions and errors are those of :func:`rq_service`. With b(x) the sum of n over
    the whole levels above x, its integral for continuous demand,

    mean backorders = (b(r) - b(r + Q)) / Q,  on hand = r + Q / 2 - mean + backorders

    (r + (Q + 1) / 2 for demand in whole units). Hadley and Whitin (1963), ch. 4; Zipkin,
    Foundations of Inventory Management (2000), ch. 6.

    >>> stock = rq_stock(1, 2, 1.0, shape="poisson")  # n(2) = n(1) - P(D > 1), n(3) = n(2) - ...
    >>> [round(float(units), 4) for units in stock]  # n(2) = 0.1036, n(3) = 0.0233
    [1.5635, 0.0635]
    """
    level, quantity, mean = _numbers(reorder_point), _numbers(order_quantity), _numbers(mean)
    demand = textbook.Spread(mean, mean if shape == "poisson" else _variance(sd), shape)
    below, above = demand.losses(level).second, demand.losses(level + quantity).second
    backorders = np.maximum(below - above, 0.0) / quantity
    position = level + (quantity + (shape in textbook.WHOLE)) / 2
    return Stock(np.maximum(position - mean + backorders, 0.0), backorders)


CLOSE = 1e-9
"""How near a reorder point that is no whole number is found, beside it and the deviation."""
MOST_STEPS = 200


def rq_reorder_point(
    target: ArrayLike,
    order_quantity: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike | None = None,
    shape: str = "normal",
    measure: str = "fill_rate",
) -> Numbers:
    """The lowest reorder points at which (r, Q) serves as asked, for all items at once.

    The inverse of :func:`rq_service` in r, whose arguments these are: *target* is a share below
    1 of *measure*, ``fill_rate`` or ``cycle_service_level``. Whole numbers for demand in whole
    units (Poisson, negative binomial). By Newton's method inside a bracket, all items a step at
    a time. Raises InputError where an argument is out of range.

    >>> rq_reorder_point([0.9, 0.99], 60, 20.0, shape="poisson", measure="cycle_service_level")
    array([26., 31.])

    P(D <= 25) = 0.8878, P(D <= 26) = 0.9221; P(D <= 30) = 0.9865, P(D <= 31) = 0.9919.
    """
    asked, quantity, mean, deviation = np.broadcast_arrays(
        _numbers(target), _numbers(order_quantity), _numbers(mean),
        np.sqrt(_numbers(mean)) if shape == "poisson" else np.sqrt(_variance(sd)),
    )  # fmt: skip
    if not ((asked > 0) & (asked < 1)).all():
        raise InputError("target: expected shares above 0 and below 1")
    if not (quantity > 0).all():
        raise InputError("order_quantity: expected numbers above 0")
    if measure not in Service._fields:
        raise InputError(f"measure: expected one of {', '.join(Service._fields)}, found {measure}")
    return _inverted(measure, shape, asked, quantity, mean, deviation)


def _inverted(
    measure: str, shape: str, asked: Numbers, quantity: Numbers, mean: Numbers, sd: Numbers
) -> Numbers:
    """Newton's method inside brackets that shrink around each item's root.

    What is missed falls as r rises: *low* misses too much, *high* does not.
    """
    whole = shape in textbook.WHOLE
    found = np.empty(mean.size)
    open_ = np.arange(mean.size)
    each = [np.ravel(x) for x in (asked, quantity, mean, sd)]
    level = np.ceil(each[2]) if whole else np.array(each[2])
    low, high = np.full(mean.size, -np.inf), np.full(mean.size, np.inf)
    width = each[3] + 1.0
    for _ in range(MOST_STEPS):
        excess, slope = _missed(measure, shape, level, *each)
        enough = excess <= 0
        low, high = np.where(enough, low, level), np.where(enough, level, high)
        close = 1.0 if whole else CLOSE * (np.abs(level) + each[3])
        done = high - low <= close
        found[open_[done]] = high[done]
        open_ = open_[~done]
        if not len(open_):
            return found.reshape(mean.shape)
        left = ~done
        level, low, high, excess, slope, width = (
            x[left] for x in (level, low, high, excess, slope, width)
        )
        each = [x[left] for x in each]
        margin = np.zeros(len(level)) if whole else 0.4 * CLOSE * (np.abs(level) + each[3])
        level, width = _next(level, low, high, excess, slope, width, margin)
    raise InputError("expected reorder points that can be worked out, found none in 200 steps")


def _missed(
    measure: str, shape: str, level: Numbers, asked: Numbers, quantity: Numbers, mean: Numbers,
    sd: Numbers,
) -> tuple[Numbers, Numbers]:  # fmt: skip
    """What is missed beyond what may be, in units or as a share, and its slope in the level."""
    demand = textbook.Spread(mean, np.square(sd), shape)
    if measure == "cycle_service_level":
        tail = demand.survival(level)
        return tail - (1 - asked), np.zeros_like(tail)
    below, above = demand.losses(level), demand.losses(level + quantity)
    return below.loss - above.loss - (1 - asked) * quantity, above.tail - below.tail


def _next(
    level: Numbers, low: Numbers, high: Numbers, excess: Numbers, slope: Numbers, width: Numbers,
    margin: Numbers,
) -> tuple[Numbers, Numbers]:  # fmt: skip
    """Newton's step where it stays inside the bracket, else its middle, or twice as far out.

    Past the root by *margin*, so that the bracket closes from both sides; where that is 0 the
    levels are whole numbers.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        step = level - excess / slope + np.where(excess > 0, margin, -margin)
        bounded = np.isfinite(low) & np.isfinite(high)
        outward = np.where(excess > 0, level + width, level - width)
        middle = np.where(bounded, (low + high) / 2, outward)
        inside = (step > low) & (step < high) & (np.abs(step - level) <= 8 * width)
    step = np.where(inside, step, middle)
    if not margin.any():
        step = np.ceil(np.clip(step, low + 1, high - 1))
    return step, np.where(bounded, width, 2 * width)


def _variance(sd: ArrayLike | None) -> Numbers:
    if sd is None:
        raise InputError("sd: expected numbers above 0, found none")
    return np.square(_numbers(sd))


def _numbers(values: ArrayLike) -> Numbers:
    found = np.asarray(values, dtype=float)
    if not np.isfinite(found).all():
        raise InputError("expected finite numbers, found nan or inf")
    return found
