"""Arrays of masses: the quick ways of a convolution against the plain sum."""

import numpy as np
import pytest

from simlevel.theory import lattice
from simlevel.theory.lattice import convolved
from simlevel.theory.laws import poisson


@pytest.mark.parametrize("flat_first", [True, False])
def test_a_flat_law_is_summed_as_exactly_as_term_by_term(flat_first: bool) -> None:
    """In the tails too, where masses are 1e-17 of the largest and differences of running sums
    from one end would have lost them."""
    flat, sloping = np.full(300, 1 / 300), poisson(200.0).mass
    pair = (flat, sloping) if flat_first else (sloping, flat)
    assert len(flat) * len(sloping) > lattice._FEW
    plain = np.convolve(*pair)
    assert plain.min() < 1e-17 * plain.max()
    assert convolved(*pair) == pytest.approx(plain, rel=1e-11, abs=0)


def test_a_wide_convolution_is_the_plain_sum_to_rounding() -> None:
    masses = np.random.default_rng(5).random((2, 4000))
    assert lattice._DIRECT < 4000 * 4000
    plain = np.convolve(*masses)
    assert convolved(*masses) == pytest.approx(plain, rel=1e-12, abs=0)
