"""The top of many likelihoods at once: Newton's method, guarded, all items in step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from simlevel.fitting.sample import Array, Flags

LogLikelihood: TypeAlias = Callable[[Array, Flags], Array]
"""(parameters x points x items, which items these are) -> points x items."""

STEP = 1e-3
"""Of the differences that stand for derivatives; parameters are logarithms."""
ENOUGH = 1e-8
"""A gain below this ends the search of an item."""
MOST = 60
LENGTHS = np.array([1.0, 0.3, 0.05, 0.002])
"""Shares of Newton's step that are tried; the best is taken."""


def maximise(function: LogLikelihood, start: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Parameters (parameters x items) where *function* is highest, and its value there.

    Parameters stay between *low* and *high* (one number each). Derivatives are differences; where
    the surface is not concave the step follows the gradient. Never worse than *start*.
    """
    found = np.clip(start, low[:, None], high[:, None])
    best = np.full(found.shape[1], -np.inf)
    going = np.ones(found.shape[1], dtype=bool)
    for _ in range(MOST):
        here = found[:, going]
        values = function(_stencil(here), going)
        step = _step(values, len(here))
        tried = here[:, None, :] + LENGTHS[:, None] * step[:, None, :]
        tried = np.clip(tried, low[:, None, None], high[:, None, None])
        reached = function(tried, going)
        place = np.argmax(reached, axis=0)
        items = np.arange(here.shape[1])
        gain = reached[place, items] - values[0]
        better = gain > 0
        found[:, going] = np.where(better, tried[:, place, items], here)
        best[going] = np.where(better, reached[place, items], values[0])
        going[going] = gain > ENOUGH
        if not going.any():
            break
    return found, best


def _stencil(here: Array) -> Array:
    """The point, its neighbours on each axis, and for two parameters on the diagonal."""
    axes = np.eye(len(here))
    steps = [np.zeros(len(here)), *axes, *-axes]
    if len(here) == 2:
        steps += [axes.sum(axis=0), -axes.sum(axis=0)]
    return here[:, None, :] + STEP * np.array(steps).T[:, :, None]


def _step(values: Array, parameters: int) -> Array:
    """Newton's step from the values on the stencil; at most 2 in each logarithm."""
    centre, up, down = values[0], values[1 : parameters + 1], values[parameters + 1 :]
    slope = (up - down[:parameters]) / (2 * STEP)
    bend = (up - 2 * centre + down[:parameters]) / STEP**2
    if parameters == 1:
        step = slope / np.maximum(np.abs(bend), 1e-6)
    else:
        cross = (values[5] + values[6] - 2 * centre) / (2 * STEP**2) - (bend[0] + bend[1]) / 2
        step = _solved(slope, bend, cross)
    return np.clip(np.nan_to_num(step), -2, 2)


def _solved(slope: Array, bend: Array, cross: Array) -> Array:
    """Two parameters: the Hessian with both its eigenvalues made negative."""
    middle, apart = (bend[0] + bend[1]) / 2, np.hypot((bend[0] - bend[1]) / 2, cross)
    angle = np.arctan2(cross, (bend[0] - bend[1]) / 2) / 2
    along = np.cos(angle) * slope[0] + np.sin(angle) * slope[1]
    across = np.cos(angle) * slope[1] - np.sin(angle) * slope[0]
    along = along / np.maximum(np.abs(middle + apart), 1e-6)
    across = across / np.maximum(np.abs(middle - apart), 1e-6)
    return np.array(
        [
            np.cos(angle) * along - np.sin(angle) * across,
            np.sin(angle) * along + np.cos(angle) * across,
        ]
    )
