"""Linear equations too large to write down: GMRES with restarts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simlevel.theory.tails import Numbers

KRYLOV, RESTARTS, CONVERGED = 80, 60, 5e-15
"""Steps between restarts, restarts, and the relative residual that is asked for."""
ENOUGH = 1e-8
"""Residual at which a restart is cheaper than more steps: it halves the work done by then."""
LOOK = 4
"""Steps between looks at the residual, each of which costs as much as a step."""


class NotConvergedError(Exception):
    """The equations take more steps than are worth it."""


def solved(
    apply: Callable[[Numbers], Numbers], right: Numbers, within: float = CONVERGED
) -> Numbers:
    """x with apply(x) = right, to a relative residual of *within*, by GMRES with restarts.

    Saad and Schultz, SIAM Journal on Scientific and Statistical Computing 7 (1986). Raises
    NotConvergedError where it does not converge.

    >>> solved(lambda x: np.array([2 * x[0] + x[1], 3 * x[1]]), np.array([5.0, 3.0])).round(9)
    array([2., 1.])
    """
    x, left = np.zeros_like(right), right
    if not right.any():
        return x
    for _ in range(RESTARTS):
        x = x + _krylov(apply, left)
        left = right - apply(x)
        if np.linalg.norm(left) <= within * max(np.linalg.norm(right), np.linalg.norm(x)):
            return x
    raise NotConvergedError


def _krylov(apply: Callable[[Numbers], Numbers], right: Numbers) -> Numbers:
    """The best correction from the Krylov space of *right*.

    By sums of NumPy's own: the threads of a BLAS cost more than they save on arrays like these.
    """
    size = min(KRYLOV, len(right))
    basis = np.empty((size + 1, len(right)))
    upper = np.zeros((size + 1, size))
    basis[0] = right / np.linalg.norm(right)
    for k in range(1, size + 1):
        new = apply(basis[k - 1])
        upper[:k, k - 1] = np.einsum("ij,j->i", basis[:k], new)
        new -= np.einsum("i,ij->j", upper[:k, k - 1], basis[:k])
        upper[k, k - 1] = np.linalg.norm(new)
        last = k == size or upper[k, k - 1] < ENOUGH
        if last or k % LOOK == 0:
            weights, left = _least(upper[: k + 1, :k])
            if last or left < ENOUGH:
                break
        basis[k] = new / upper[k, k - 1]
    return np.asarray(weights @ basis[:k]) * np.linalg.norm(right)


def _least(upper: Numbers) -> tuple[Numbers, float]:
    """The least-squares weights that reach the first unit vector, and what is left."""
    target = np.zeros(len(upper))
    target[0] = 1.0
    weights = np.asarray(np.linalg.lstsq(upper, target, rcond=None)[0], dtype=np.float64)
    return weights, float(np.linalg.norm(target - upper @ weights))
