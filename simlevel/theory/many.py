"""(r, Q) service of many items in one call: arrays in, arrays out."""

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


def _variance(sd: ArrayLike | None) -> Numbers:
    if sd is None:
        raise InputError("sd: expected numbers above 0, found none")
    return np.square(_numbers(sd))


def _numbers(values: ArrayLike) -> Numbers:
    found = np.asarray(values, dtype=float)
    if not np.isfinite(found).all():
        raise InputError("expected finite numbers, found nan or inf")
    return found
