"""Smooth, erratic, intermittent or lumpy: how often and how evenly an item is asked for."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simlevel.fitting.sample import Array, Flags

Words: TypeAlias = NDArray[np.str_]

INTERVAL, SQUARED_CV = 1.32, 0.49


def classified(interval: Array, squared_cv: Array) -> Words:
    """The class of each item from the mean interval between demands, in periods, and the squared
    coefficient of variation of the quantities above 0.

    Syntetos, Boylan and Croston, Journal of the Operational Research Society 56 (2005), 495-503.

    >>> classified(np.array([1.1, 3.0]), np.array([0.2, 0.8])).tolist()
    ['smooth', 'lumpy']
    """
    seldom, uneven = interval > INTERVAL, squared_cv > SQUARED_CV
    return _named(seldom, uneven)


def _named(seldom: Flags, uneven: Flags) -> Words:
    often = np.where(uneven, "erratic", "smooth")
    return np.asarray(np.where(seldom, np.where(uneven, "lumpy", "intermittent"), often))
