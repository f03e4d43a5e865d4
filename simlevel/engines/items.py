"""Items of a portfolio, one at a time and fast: demand once a period, one constant lead time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simlevel import compiled as c
from simlevel.draws import Source, Table, item_stream, period_table
from simlevel.engines.fast import order_rule
from simlevel.model.demand import PeriodicDemand
from simlevel.model.fields import exact
from simlevel.model.grid import amounts, asked, step_of
from simlevel.model.policy import Stocked

Floats = NDArray[np.float64]
Totals = Mapping[str, Floats]
"""Each total of :data:`simlevel.compiled.ITEM_TOTALS`, one entry a replication."""

SAME = 1e-9
"""Parts of a period by which lead times that were converted may miss a whole number."""
_IN_UNITS = np.array([name.startswith(("units", "area")) for name in c.ITEM_TOTALS])


@dataclass(frozen=True)
class Sku:
    """An item with backorders: how it is kept, and what a period asks for.

    The clock is the contract's: at one instant 1 receive, 2 review, 3 demand, the demand of
    period k at time k, and under continuous review a look after it. Times are in periods; a
    review period is a whole number of them.
    """

    number: int
    """Names its stream: the same number draws the same, whatever runs beside it."""
    policy: Stocked
    demand: PeriodicDemand
    """Once a period, discrete, without a pattern."""
    lead_time: float
    step: float | None = None
    """What its quantities are multiples of; left out: found from them, a little slower."""


def simulated(sku: Sku, replications: int, warmup: int, periods: int, seed: int) -> Totals:
    """Totals of *replications* of *periods* each that follow *warmup* periods.

    A replication starts with the policy's own net inventory and nothing on order. Raises
    InputError where the demand is too wide to tabulate.
    """
    total = (warmup + periods) * sku.demand.units_per_time() * sku.demand.every
    step = asked(sku.demand) if sku.step is None else exact(sku.step)
    unit = _unit(sku.policy, step, total, warmup + periods)
    table = period_table(sku.demand, unit)
    demand = _tabulated(table)
    stream = item_stream(seed, Source.QUANTITIES, sku.number).state["state"]["state"]
    totals = np.zeros((replications, len(c.ITEM_TOTALS)))
    rules = _rules(sku.policy, sku.lead_time, unit)
    with np.errstate(over="ignore"):  # where the loop is not compiled
        c.run_item(rules, stream, demand, warmup, periods, totals)
    return _named(totals, unit)


def played(policy: Stocked, lead_time: float, record: Floats, step: float, opens: int) -> Totals:
    """Totals of *record* played once, in units, from period *opens* on.

    It is rounded to whole multiples of *step*, at least one where anything is asked for; what is
    below 0 is put back on the shelf.
    """
    unit = _unit(policy, exact(step), float(abs(record).sum()), record.size)
    steps = np.rint(record / step)
    steps = np.where(record > 0, np.maximum(steps, 1), steps).astype(np.int64)
    totals = np.zeros((1, len(c.ITEM_TOTALS)))
    rules = _rules(policy, lead_time, unit)
    c.play_item(rules, steps * round(exact(step) / unit), opens, totals[0])
    return _named(totals, unit)


def _unit(policy: Stocked, step: Fraction, demand: float, periods: int) -> Fraction:
    """The step that all quantities are counted in, so that sums over the *periods* are exact."""
    quantities = [step, *amounts(policy)]
    largest = max(abs(float(each)) for each in quantities)
    return step_of(quantities, Fraction(math.ceil(demand + largest) * periods))


def _rules(policy: Stocked, lead_time: float, unit: Fraction) -> c.ItemRules:
    size = float(unit)
    fixed_lot, *quantities = order_rule(policy, lambda quantity: round(quantity / size))
    trigger, lot, least, multiple = map(int, quantities)
    start = round(policy.start_level / size)
    review = round(policy.review_period or 0)
    lag = math.ceil(lead_time - SAME)
    if lag == 0 and review == 0:
        lag = 1  # there at once, but after the demand that the look follows
    early = lag - lead_time if lag - lead_time > SAME else 0.0
    return c.ItemRules(fixed_lot, trigger, lot, least, multiple, start, review, lag, early)


def _tabulated(table: Table) -> c.Tabulated:
    values, guide = table.values.astype(np.int64), table.guide
    one = guide == np.append(guide[1:], len(values) - 1)
    return c.Tabulated(values, table.cumulative, np.where(one, values[guide], ~guide))


def _named(totals: Floats, unit: Fraction) -> Totals:
    """The columns of *totals*, which are counted in *unit*, by their names."""
    totals *= np.where(_IN_UNITS, float(unit), 1.0)
    return dict(zip(c.ITEM_TOTALS, totals.T, strict=True))
