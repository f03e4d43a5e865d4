"""One selling period: the newsvendor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from simlevel.errors import InputError
from simlevel.model.distribution import Distribution, _Base
from simlevel.theory import tails


@dataclass(frozen=True)
class Newsvendor:
    """What an order quantity means for one selling period."""

    quantity: float
    """S, units on the shelf when the period begins."""
    type_1: float
    """P(D <= S): the chance that nobody goes short. Type I, cycle service."""
    type_2: float
    """E[min(D, S)] / E[D]: the expected share of demand served. Type II, fill rate."""
    expected_sold: float
    """E[min(D, S)], units."""
    expected_short: float
    """E(D - S)^+, units."""
    expected_left: float
    """E(S - D)^+, units."""
    critical_ratio: float | None = None
    """underage / (underage + overage); None where no costs are given."""
    expected_cost: float | None = None
    """overage x expected_left + underage x expected_short."""
    expected_profit: float | None = None
    """underage x E[D] - expected_cost; None where no price is given."""


def newsvendor(
    demand: Distribution | Mapping[str, object] | float,
    *,
    quantity: float | None = None,
    underage: float | None = None,
    overage: float | None = None,
    price: float | None = None,
    cost: float | None = None,
    salvage: float = 0.0,
) -> Newsvendor:
    """Type I, Type II and the expected cost of one selling period, exact for any distribution.

    *demand* is a distribution, or what a scenario file would say of one. Give *quantity*, or
    costs, or both: the optimal quantity is the least S with P(D <= S) >= underage / (underage
    + overage), where *underage* is the cost of a unit short and *overage* that of a unit left
    over. *price*, *cost* and *salvage* of a unit stand for underage = price - cost and overage =
    cost - salvage. Quantities are in units of demand, costs in one currency per unit. A normal
    draw below 0 becomes 0, as everywhere in simlevel.

    Raises InputError where the arguments contradict one another or leave the quantity open.

    Snyder and Shen, Fundamentals of Supply Chain Theory (2nd ed., 2019), example 4.3:

    >>> result = newsvendor(dict(dist="normal", mean=50, sd=8), underage=0.70, overage=0.18)
    >>> round(result.quantity, 1), round(result.critical_ratio, 3)
    (56.6, 0.795)
    """
    distribution = _distribution(demand)
    short, left = _costs(underage, overage, price, cost, salvage)
    ratio = None if short is None or left is None else short / (short + left)
    level = _quantity(distribution, quantity, ratio)
    lost = float(tails.excess(distribution, level))
    mean = distribution.mean()
    over = max(level - mean + lost, 0.0)
    charge = None if short is None or left is None else left * over + short * lost
    return Newsvendor(
        quantity=level,
        type_1=1 - float(tails.survival(distribution, level)),
        type_2=1 - lost / mean,
        expected_sold=mean - lost,
        expected_short=lost,
        expected_left=over,
        critical_ratio=ratio,
        expected_cost=charge,
        expected_profit=None if price is None or charge is None else _gain(short, mean, charge),
    )


def _gain(underage: float | None, mean: float, charge: float) -> float:
    return (underage or 0.0) * mean - charge


def _distribution(demand: Distribution | Mapping[str, object] | float) -> Distribution:
    try:
        found: Distribution = TypeAdapter(Distribution).validate_python(
            dict(demand) if isinstance(demand, Mapping) else demand
        )
    except ValidationError as error:
        raise InputError("; ".join(f"demand: {e['msg']}" for e in error.errors())) from None
    if found.mean() <= 0:
        raise InputError("demand: expected a mean above 0, found 0")
    return found


def _costs(
    underage: float | None, overage: float | None,
    price: float | None, cost: float | None, salvage: float,
) -> tuple[float | None, float | None]:  # fmt: skip
    """Underage and overage cost, each None where no costs are given."""
    if (price is None) != (cost is None):
        raise InputError("expected price and cost together, found one without the other")
    if price is not None and cost is not None:
        if underage is not None or overage is not None:
            raise InputError("expected underage and overage, or price and cost, found both")
        underage, overage = price - cost, cost - salvage
    if (underage is None) != (overage is None):
        raise InputError("expected underage and overage together, found one without the other")
    if underage is None or overage is None:
        return None, None
    for name, value in (("underage", underage), ("overage", overage)):
        if not (0 < value < math.inf):
            raise InputError(f"{name}: expected a cost above 0, found {value:g}")
    return underage, overage


def _quantity(distribution: _Base, quantity: float | None, ratio: float | None) -> float:
    if quantity is not None:
        if not (0 <= quantity < math.inf):
            raise InputError(f"quantity: expected a number of 0 or more, found {quantity:g}")
        return float(quantity)
    if ratio is None:
        raise InputError("expected a quantity or costs, found neither")
    return tails.quantile(distribution, ratio)  # type: ignore[arg-type]
