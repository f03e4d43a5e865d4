"""The first level at which something holds: always found, and found in few looks."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simlevel.theory.crossing import first_level, signed

HEIGHTS = st.sampled_from([0.0, 1e-12, 0.3, 1.0, 7.0, 1e9, math.inf, math.nan])


@given(
    first=st.integers(-400, 400),
    guess=st.integers(-900, 900),
    glance=st.sampled_from([1, 5]),
    heights=st.lists(HEIGHTS, min_size=1, max_size=40),
)
def test_the_first_level_is_found_whatever_the_margins_are_beside_their_signs(
    first: int, guess: int, glance: int, heights: list[float]
) -> None:
    def margin(low: int, count: int) -> np.ndarray:
        levels = np.arange(low, low + count)
        return signed(levels >= first, np.array([heights[k % len(heights)] for k in levels]))

    assert first_level(margin, guess, glance) == first


def test_what_holds_everywhere_has_no_first_level() -> None:
    assert first_level(lambda low, count: np.ones(count), 3, 1) is None


@given(first=st.integers(0, 600), guess=st.integers(0, 600), bend=st.floats(-0.3, 0.3))
def test_few_looks_are_taken_at_a_margin_that_is_nearly_straight(
    first: int, guess: int, bend: float
) -> None:
    """Halving alone takes more than 12 from 300 levels away, out and back."""
    looked = []

    def margin(low: int, count: int) -> np.ndarray:
        looked.append(low)
        off = np.arange(low, low + count) - first + 0.5
        return off * (1 + bend * np.abs(off) / 600)

    assert first_level(margin, guess, 1) == first
    assert len(looked) <= 9
