"""The record played once under given settings, for many items at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simlevel.engines.items import played
from simlevel.fitting.sample import grid_of
from simlevel.model.policy import Stocked

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reached:
    """Totals of each item from the first counted period on."""

    units_demanded: Floats
    units_from_shelf: Floats
    customers: Floats
    customers_whole: Floats
    cycles: Floats
    cycles_without_stockout: Floats
    area_on_hand: Floats
    """Units x periods."""
    orders: Floats


def replay(
    demand: Floats, policies: Sequence[Stocked], lead_times: Floats, counted_from: int
) -> Reached:
    """Play *demand*, items x periods, under one policy and lead time (in periods) an item.

    Each item starts at time 0 with its policy's own start; what happens before *counted_from*
    brings it to where it would be by then. Demand below 0 is put back on the shelf; NaN asks
    for nothing.
    """
    demand = np.nan_to_num(demand)
    found = [
        played(policy, lead_time, record, step, counted_from)
        for policy, lead_time, record, step in zip(
            policies, lead_times.tolist(), demand, grid_of(abs(demand)).tolist(), strict=True
        )
    ]
    return Reached(*(np.array([each[f.name][0] for each in found]) for f in fields(Reached)))
