"""The draws alone against scipy.stats: both engines eat them, so nothing else would notice.

Every statistical test refuses at RARE: with some hundred of them, right code passes all in more
than 999 of 1,000 runs whatever the seed. Each has a control, a plausible slip that it must catch.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

import simlevel as sl
from simlevel.draws import BLOCK, Draws, Source, Table, generator, one_by_one, sampler
from simlevel.model.distribution import Distribution
from simlevel.model.grid import Grid

RARE = 1e-6
"""Error rate of one statistical check."""
MANY = 60_000

made = TypeAdapter(Distribution).validate_python


def scenario(demand: dict[str, Any], lead_time: Any = 1, **more: Any) -> sl.Scenario:
    policy = {"kind": "base_stock", "order_up_to": 5}
    return sl.Scenario.model_validate(
        {"demand": demand, "lead_time": lead_time, "policies": {"p": policy}} | more
    )


def draws_of(demand: dict[str, Any], lead_time: Any = 1, seed: int = 1) -> Draws:
    s = scenario(demand, lead_time)
    return Draws(s, Grid.of(s, 1000.0), seed)


def times(lead_time: Any, size: int = MANY) -> Any:
    """Lead times in the scenario's own units, an order a place."""
    s = scenario({"kind": "periodic", "quantity": 1}, lead_time)
    grid = Grid.of(s, 1000.0)
    blocks = Draws(s, grid, 1).lead_times(0)
    ticks = np.array(list(itertools.islice(one_by_one(blocks), size)))
    return ticks * grid.tick.numerator / grid.tick.denominator


def asked(demand: dict[str, Any], size: int = MANY, replication: int = 0, seed: int = 1) -> Any:
    """Quantities in the scenario's own units, a customer a place; *size* in whole blocks."""
    s = scenario(demand)
    grid = Grid.of(s, 1000.0)
    blocks = Draws(s, grid, seed).quantities(replication)
    units = np.concatenate(list(itertools.islice(blocks, math.ceil(size / BLOCK))))
    return units * grid.unit.numerator / grid.unit.denominator


def test_the_size_of_blocks_changes_no_draw() -> None:
    s = scenario({"kind": "poisson", "rate": 2, "size": {"dist": "geometric", "mean": 3}})
    grid = Grid.of(s, 1000.0)
    found = []
    for customers in (7, 10_000, math.inf):
        draws = Draws(s, grid, 1, customers)
        both = zip(one_by_one(draws.gaps(0)), one_by_one(draws.quantities(0)), strict=False)
        found.append(list(itertools.islice(both, 100)))
    assert found[0] == found[1] == found[2]


# --- each distribution -------------------------------------------------------------------------


def lognormal(mean: float, sd: float) -> Any:
    spread = math.log(1 + (sd / mean) ** 2)
    return stats.lognorm(math.sqrt(spread), scale=mean / math.exp(spread / 2))


def gamma(mean: float, sd: float) -> Any:
    return stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)


def negative_binomial(mean: float, variance: float) -> Any:
    return stats.nbinom(mean**2 / (variance - mean), mean / variance)


def listed(values: list[float], shares: list[float]) -> Any:
    return stats.rv_discrete(values=(range(len(values)), shares)), values


CONTINUOUS: list[tuple[dict[str, Any], Any, Any]] = [  # asked for, right, a slip
    ({"dist": "uniform", "low": 2, "high": 5}, stats.uniform(2, 3), stats.uniform(2, 3.1)),
    ({"dist": "normal", "mean": 9, "sd": 2}, stats.norm(9, 2), stats.norm(9, math.sqrt(2))),
    ({"dist": "normal", "mean": 9, "cv": 0.2}, stats.norm(9, 1.8), stats.norm(9, 0.2)),
    ({"dist": "gamma", "mean": 4, "sd": 3}, gamma(4, 3), gamma(4, math.sqrt(3))),
    ({"dist": "gamma", "mean": 4, "cv": 2}, gamma(4, 8), gamma(4, 2)),
    ({"dist": "lognormal", "mean": 4, "sd": 3}, lognormal(4, 3), stats.lognorm(3, scale=4)),
    ({"dist": "lognormal", "mean": 4, "cv": 1}, lognormal(4, 4), lognormal(4, 1)),
    ({"dist": "exponential", "mean": 3}, stats.expon(0, 3), stats.expon(0, 1 / 3)),
    ({"dist": "erlang", "mean": 3, "k": 4}, stats.gamma(4, scale=0.75), stats.gamma(4, scale=3)),
]  # fmt: skip
COUNTS: list[tuple[dict[str, Any], Any, Any]] = [
    ({"dist": "poisson", "mean": 0.3}, stats.poisson(0.3), stats.poisson(0.32)),
    ({"dist": "poisson", "mean": 20}, stats.poisson(20), stats.poisson(20.2)),
    ({"dist": "poisson", "mean": 4e4}, stats.poisson(4e4), stats.poisson(4.002e4)),
    ({"dist": "negative_binomial", "mean": 4, "variance": 9}, negative_binomial(4, 9),
     negative_binomial(4, 81)),
    ({"dist": "negative_binomial", "mean": 4, "sd": 3}, negative_binomial(4, 9),
     negative_binomial(4, 4.1)),
    ({"dist": "negative_binomial", "mean": 0.2, "cv": 5}, negative_binomial(0.2, 1),
     negative_binomial(0.2, 5)),
    ({"dist": "geometric", "mean": 4}, stats.geom(0.25), stats.geom(0.25, loc=-1)),
    ({"dist": "binomial", "n": 10, "p": 0.3}, stats.binom(10, 0.3), stats.binom(10, 0.31)),
    ({"dist": "binomial", "n": 3, "p": 0.9}, stats.binom(3, 0.9), stats.binom(4, 0.9)),
]  # fmt: skip


def named(value: Any) -> str | None:
    """A distribution's table as the name of its test."""
    if isinstance(value, dict):
        return " ".join(map(str, itertools.chain(*value.items())))
    return "" if hasattr(value, "cdf") else None


def shown(cases: list[tuple[dict[str, Any], Any, Any]]) -> Any:
    return pytest.mark.parametrize(("table", "right", "slip"), cases, ids=named)


def on_cells(drawn: Any, law: Any) -> float:
    """p-value of chi-square on cells that each expect about 1 in 40 of the draws."""
    edges = np.unique(law.ppf(np.arange(1, 40) / 40))
    shares = np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))
    counts = np.bincount(np.searchsorted(edges, drawn), minlength=len(shares))
    keep = shares > 1e-4  # a last cell may be all but empty
    counts, shares = np.append(counts[keep], counts[~keep].sum()), np.append(shares[keep], 0)
    if shares[-1] == 0:
        shares[-1] = max(1 - shares.sum(), 0.0)
    if shares[-1] < 1e-12:
        if counts[-1]:
            return 0.0
        counts, shares = counts[:-1], shares[:-1] / shares[:-1].sum()
    return float(stats.chisquare(counts, shares * counts.sum()).pvalue)


@shown(CONTINUOUS)
def test_continuous_draws_follow_their_law(table: dict[str, Any], right: Any, slip: Any) -> None:
    drawn = times(table)
    assert stats.kstest(drawn, right.cdf).pvalue > RARE
    assert stats.kstest(drawn, slip.cdf).pvalue < RARE
    quantities = asked({"kind": "periodic", "quantity": table})
    assert on_cells(quantities, right) > RARE
    assert on_cells(quantities, slip) < RARE


@shown(COUNTS)
def test_counted_draws_follow_their_law(table: dict[str, Any], right: Any, slip: Any) -> None:
    for drawn in (asked({"kind": "periodic", "quantity": table}), times(table)):
        assert on_cells(drawn, right) > RARE
        assert on_cells(drawn, slip) < RARE


@shown(CONTINUOUS[:1] + CONTINUOUS[3:] + COUNTS)
def test_the_moments_stated_are_those_of_the_law(
    table: dict[str, Any], right: Any, slip: Any
) -> None:
    distribution = made(table)
    assert distribution.mean() == pytest.approx(right.mean(), rel=1e-9)
    assert distribution.variance() == pytest.approx(right.var(), rel=1e-9)
    assert (slip.mean(), slip.var()) != pytest.approx((right.mean(), right.var()), rel=1e-9)
    drawn = asked({"kind": "periodic", "quantity": table})
    far = stats.norm.isf(RARE)
    assert abs(drawn.mean() - right.mean()) < far * right.std() / math.sqrt(len(drawn))


@pytest.mark.parametrize(
    ("values", "probabilities"),
    [([5, 1, 3], [0.2, 0.3, 0.5]), ([0, 0.5, 0, 2.5], [0.1, 0.2, 0.3, 0.4]), ([7, 9], [0.0, 1.0])],
)
def test_listed_values_come_as_often_as_their_probabilities(
    values: list[float], probabilities: list[float]
) -> None:
    table = {"dist": "discrete", "values": values, "probabilities": probabilities}
    drawn = asked({"kind": "periodic", "quantity": table})
    expected: dict[float, float] = {}
    for value, share in zip(values, probabilities, strict=True):
        expected[value] = expected.get(value, 0) + share
    assert set(drawn) == {value for value, share in expected.items() if share}

    def p_value(shares: dict[float, float]) -> float:
        counts = [(drawn == value).sum() for value in shares]
        return float(stats.chisquare(counts, np.array(list(shares.values())) * len(drawn)).pvalue)

    expected = {value: share for value, share in expected.items() if share}
    assert p_value(expected) > RARE or len(expected) == 1
    if len(expected) > 1:  # control: the shares one place further
        shares = [*expected.values()]
        assert p_value(dict(zip(expected, shares[1:] + shares[:1], strict=True))) < RARE


def test_a_record_gives_each_row_alike_and_repeats_count() -> None:
    rows = [0, 4, 4, 4, 0.5, 9]
    for table in (
        {"kind": "periodic", "quantity": {"dist": "empirical", "values": rows}},
        {"kind": "history", "values": rows, "resample": "bootstrap"},
    ):
        drawn = asked(table)
        counts = [(drawn == value).sum() for value in (0, 4, 0.5, 9)]
        size = len(drawn)
        assert sum(counts) == size
        assert stats.chisquare(counts, np.array([1, 3, 1, 1]) * size / 6).pvalue > RARE
        assert stats.chisquare(counts, np.full(4, size / 4)).pvalue < RARE  # rows taken as a set


def test_a_normal_draw_below_zero_becomes_zero() -> None:
    table = {"dist": "normal", "mean": 1, "sd": 2}
    drawn, law = asked({"kind": "periodic", "quantity": table}), stats.norm(1, 2)
    zeros = int((drawn == 0).sum())
    assert stats.binomtest(zeros, len(drawn), law.cdf(0)).pvalue > RARE
    above = drawn[drawn > 0]
    assert stats.kstest(above, lambda x: (law.cdf(x) - law.cdf(0)) / law.sf(0)).pvalue > RARE
    folded = abs(law.rvs(len(drawn), random_state=1))  # control: what abs() would make of it
    assert stats.ks_2samp(above, folded).pvalue < RARE


@pytest.mark.parametrize(("mean", "sd"), [(1, 2), (9, 2), (3, 1.5)])
def test_the_moments_of_a_normal_are_those_of_what_is_left_after_clipping(
    mean: float, sd: float
) -> None:
    law = stats.norm(mean, sd)
    first = law.expect(lambda x: x, lb=0)
    second = law.expect(lambda x: x**2, lb=0)
    distribution = made({"dist": "normal", "mean": mean, "sd": sd})
    assert distribution.mean() == pytest.approx(first, rel=1e-8)
    assert distribution.variance() == pytest.approx(second - first**2, rel=1e-7)


@pytest.mark.parametrize("always", [0.3, 7, {"dist": "geometric", "mean": 1}])
def test_what_cannot_vary_does_not(always: Any) -> None:
    expected = 1 if isinstance(always, dict) else always
    assert set(asked({"kind": "periodic", "quantity": always}, BLOCK)) == {expected}


@pytest.mark.parametrize(
    ("demand", "law", "slip"),
    [
        ({"kind": "poisson", "rate": 4}, stats.expon(0, 1 / 4), stats.expon(0, 4)),
        ({"kind": "renewal", "interarrival": {"dist": "erlang", "mean": 2, "k": 3}},
         stats.gamma(3, scale=2 / 3), stats.expon(0, 2)),
    ],
)  # fmt: skip
def test_the_times_between_customers_follow_their_law(
    demand: dict[str, Any], law: Any, slip: Any
) -> None:
    s = scenario(demand)
    grid = Grid.of(s, 1000.0)
    blocks = Draws(s, grid, 1).gaps(0)
    gaps = np.concatenate(list(itertools.islice(blocks, 20))) * float(grid.tick)
    assert stats.kstest(gaps, law.cdf).pvalue > RARE
    assert stats.kstest(gaps, slip.cdf).pvalue < RARE


@pytest.mark.parametrize(
    "lead_time",
    [
        {"dist": "poisson", "mean": 3},
        {"dist": "discrete", "values": [0.1, 0.25], "probabilities": [0.5, 0.5]},
        {"dist": "empirical", "values": [2, 3.5, 0]},
        0.3,
    ],
)
def test_listed_and_counted_times_are_whole_ticks(lead_time: Any) -> None:
    s = scenario({"kind": "periodic", "quantity": 1, "every": 0.1}, lead_time)
    grid = Grid.of(s, 1000.0)
    ticks = next(Draws(s, grid, 1).lead_times(0))
    assert (ticks == np.rint(ticks)).all()
    table = made(lead_time)
    if table.values_drawn is not None:
        assert {grid.time(tick) for tick in ticks} == set(table.values_drawn)


# --- guide tables ------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any),
    st.lists(st.floats(0, 1, exclude_max=True), max_size=20),
)
@example([1], [])
@example([1, 0, 0, 1], [])
def test_a_guide_table_inverts_the_distribution_function(
    weights: list[int], uniforms: list[float]
) -> None:
    cumulative = np.cumsum(weights) / sum(weights)
    table = Table.of(np.arange(len(weights), dtype=float), cumulative)
    edges = np.concatenate([cumulative, np.arange(64) / 64, [2.0**-60], uniforms])
    near = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, 1)])
    tried = np.sort(near[(near >= 0) & (near < 1)])
    found = table.lookup(tried)
    last = len(weights) - 1
    slow = [next((i for i, c in enumerate(cumulative) if c > u), last) for u in tried]
    assert found.tolist() == slow
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(
    ("table", "law"),
    [
        *((table, law) for table, law, _ in COUNTS),
        ({"dist": "geometric", "mean": 2000}, stats.geom(1 / 2000)),
        ({"dist": "poisson", "mean": 1e6}, stats.poisson(1e6)),
        ({"dist": "poisson", "mean": 1e-9}, stats.poisson(1e-9)),
        ({"dist": "negative_binomial", "mean": 0.01, "variance": 5}, negative_binomial(0.01, 5)),
        *(({"dist": "binomial", "n": n, "p": p}, stats.binom(n, p))
          for n in (1, 2, 3, 5, 1000) for p in (1e-3, 0.5, 1)),
    ],
    ids=named,
)  # fmt: skip
def test_tables_reach_into_both_tails_and_no_further_than_a_uniform_does(
    table: dict[str, Any], law: Any
) -> None:
    sample = sampler(made(table), Fraction(1))
    assert isinstance(sample, Table)
    values, cumulative = sample.values, sample.cumulative[:-1]
    assert np.allclose(cumulative, law.cdf(values[:-1]), rtol=1e-9, atol=0)
    assert law.sf(values[-1]) <= 2.0**-54 * (1 + 1e-6)
    assert values[0] == 0 or law.cdf(values[0] - 1) <= 2.0**-54 * (1 + 1e-6)
    ends = sample.lookup(np.array([0.0, 1 - 2.0**-53]))
    assert values[0] <= ends[0] <= ends[1] <= values[-1]
    assert law.sf(ends[1]) <= 2.0**-52


def test_a_table_that_would_not_fit_is_refused() -> None:
    with pytest.raises(sl.InputError, match="at most 4,000,000 whole numbers"):
        sampler(made({"dist": "geometric", "mean": 1e9}), Fraction(1))


@pytest.mark.parametrize("more", [{"mean": 2.1}, {"mean": 9}])
def test_draws_of_one_uniform_grow_with_the_mean(more: dict[str, float]) -> None:
    few = asked({"kind": "periodic", "quantity": {"dist": "poisson", "mean": 2}}, BLOCK)
    many = asked({"kind": "periodic", "quantity": {"dist": "poisson"} | more}, BLOCK)
    assert (many >= few).all()
    assert (many > few).any()


# --- what is asked in a period -------------------------------------------------------------------


def halves_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


FACTORS = st.integers(0, 3000).map(lambda n: n / 1000) | st.sampled_from([1.005, 0.35, 2.675])


@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=9).filter(any),
    st.lists(FACTORS, min_size=1, max_size=5).filter(any),
)
@example([100], [1.005])  # 100.5 on paper, 100.49999999999999 as floats
@example([1, 2, 3], [0.5])
@example([7], [0.35714285714285714])  # 2.49999999999999998
def test_whole_quantities_times_a_pattern_round_halves_up_as_on_paper(
    rows: list[int], pattern: list[float]
) -> None:
    demand = {"kind": "history", "values": rows, "resample": "replay", "pattern": pattern}
    found = next(draws_of(demand).quantities(0))
    factors = itertools.cycle(Fraction(repr(factor)) for factor in pattern)
    assert found.tolist() == [
        halves_up(row * factor) for row, factor in zip(rows, factors, strict=False)
    ]


@given(
    st.lists(st.sampled_from([0, 0.5, 1.25, 2]), min_size=1, max_size=9).filter(
        lambda rows: any(row % 1 for row in rows)
    ),
    st.lists(FACTORS, min_size=1, max_size=5).filter(any),
)
def test_decimal_quantities_times_a_pattern_are_not_rounded(
    rows: list[float], pattern: list[float]
) -> None:
    s = scenario({"kind": "history", "values": rows, "resample": "replay", "pattern": pattern})
    grid = Grid.of(s, float(len(rows)))
    found = next(Draws(s, grid, 1).quantities(0))
    factors = itertools.cycle(Fraction(repr(factor)) for factor in pattern)
    assert [Fraction(unit) * grid.unit for unit in found] == [
        Fraction(repr(row)) * factor for row, factor in zip(rows, factors, strict=False)
    ]


def test_a_pattern_goes_on_from_block_to_block() -> None:
    pattern = [1, 0, 3, 5, 2, 7, 4]
    found = one_by_one(
        draws_of({"kind": "periodic", "quantity": 1, "pattern": pattern}).quantities(0)
    )
    assert list(itertools.islice(found, 3 * BLOCK)) == list(
        itertools.islice(itertools.cycle(pattern), 3 * BLOCK)
    )


def test_a_continuous_quantity_times_a_pattern_stays_real_and_above_zero() -> None:
    table = {"dist": "gamma", "mean": 2, "sd": 1}
    plain = asked({"kind": "periodic", "quantity": table}, BLOCK)
    patterned = asked({"kind": "periodic", "quantity": table, "pattern": [0.3, 1.7]}, BLOCK)
    assert patterned == pytest.approx(plain * np.tile([0.3, 1.7], BLOCK // 2), abs=1e-6)
    assert (patterned > 0).all()


def test_a_history_is_replayed_once() -> None:
    rows = [3, 0, 5, 1]
    found = one_by_one(
        draws_of({"kind": "history", "values": rows, "resample": "replay"}).quantities(0)
    )
    assert list(itertools.islice(found, 3 * BLOCK)) == rows + [0] * (3 * BLOCK - 4)


def test_somebody_asks_with_the_given_probability_whatever_the_quantity() -> None:
    table = {"dist": "discrete", "values": [1, 2], "probabilities": [0.5, 0.5]}
    demand = {"kind": "periodic", "quantity": table, "probability": 0.3}
    drawn = asked(demand)
    counts = [int((drawn == value).sum()) for value in (0, 1, 2)]
    shares = np.array([0.7, 0.15, 0.15]) * len(drawn)
    assert stats.chisquare(counts, shares).pvalue > RARE
    assert stats.chisquare(counts, shares[::-1]).pvalue < RARE
    certain = asked(demand | {"probability": 1})
    more = asked(demand | {"probability": 0.6})
    assert (drawn[drawn > 0] == certain[drawn > 0]).all()  # the same customers, fewer of them
    assert (more[drawn > 0] > 0).all()


# --- streams -------------------------------------------------------------------------------------


def test_no_two_streams_are_one() -> None:
    keys = list(itertools.product((0, 1, 2, 2**32, 2**70), Source, range(200)))
    first = {tuple(generator(*key).bit_generator.random_raw(2)) for key in keys}
    assert len(first) == len(keys)


NEIGHBOURS = [
    ((1, Source.GAPS, 0), (1, Source.GAPS, 1)),
    ((1, Source.GAPS, 0), (1, Source.QUANTITIES, 0)),
    ((1, Source.QUANTITIES, 0), (1, Source.ASKS, 0)),
    ((1, Source.LEAD_TIMES, 3), (1, Source.QUANTITIES, 3)),
    ((1, Source.GAPS, 1), (1, Source.QUANTITIES, 0)),
    ((1, Source.QUANTITIES, 7), (2, Source.QUANTITIES, 7)),
]


def pairs(one: Any, other: Any) -> float:
    """p-value of independence of two rows of uniforms, on 10 x 10 cells."""
    cells, _, _ = np.histogram2d(one, other, bins=10, range=[[0, 1], [0, 1]])
    return float(stats.chisquare(cells.ravel()).pvalue)


@pytest.mark.parametrize(("one", "other"), NEIGHBOURS, ids=str)
@pytest.mark.parametrize("lag", [0, 1, -1])
def test_streams_are_independent_of_one_another(one: Any, other: Any, lag: int) -> None:
    here, there = generator(*one).random(MANY), generator(*other).random(MANY)
    assert pairs(here, np.roll(there, lag)) > RARE
    mixed = np.where(np.arange(MANY) % 20 == 0, np.roll(here, -lag), there)
    assert pairs(here, np.roll(mixed, lag)) < RARE  # control: one draw in 20 shared


def test_draws_of_one_stream_are_independent_of_those_before() -> None:
    drawn = asked({"kind": "periodic", "quantity": {"dist": "uniform", "low": 0, "high": 1}})
    for lag in (1, 2, 7, BLOCK):
        assert pairs(drawn, np.roll(drawn, lag)) > RARE
    smooth = (drawn + np.roll(drawn, 1)) / 2  # control: a moving average
    assert pairs(stats.rankdata(smooth) / (MANY + BLOCK), np.roll(drawn, 1)) < RARE


def test_replications_are_the_same_in_whatever_order_they_run() -> None:
    demand = {"kind": "poisson", "rate": 2, "size": {"dist": "geometric", "mean": 3}}
    lead_time = {"dist": "gamma", "mean": 3, "cv": 1}

    def drawn(draws: Draws, replication: int) -> list[list[float]]:
        streams = (draws.gaps, draws.quantities, draws.lead_times)
        return [next(stream(replication)).tolist() for stream in streams]

    forward, backward = draws_of(demand, lead_time), draws_of(demand, lead_time)
    found = {replication: drawn(forward, replication) for replication in range(5)}
    assert found == {replication: drawn(backward, replication) for replication in range(4, -1, -1)}
    alone = draws_of(demand, lead_time)
    assert drawn(alone, 3) == found[3]
    rows = [tuple(row) for replication in found.values() for row in replication]
    assert len(set(rows)) == len(rows)
    assert drawn(draws_of(demand, lead_time, seed=2), 3) != found[3]


def test_lead_times_and_policies_do_not_change_the_customers() -> None:
    demand = {"kind": "renewal", "interarrival": 0.5, "size": {"dist": "geometric", "mean": 3}}
    alone = scenario(demand, 2)
    more = {"q": {"kind": "rQ", "reorder_point": 2.5, "order_quantity": 10, "review_period": 0.3}}
    both = alone.model_copy(update={"policies": scenario(demand, policies=more).policies})
    found = []
    for s in (alone, both):
        grid = Grid.of(s, 1000.0)
        draws = Draws(s, grid, 1)
        found.append((next(draws.gaps(0)) * grid.tick, next(draws.quantities(0)) * grid.unit))
    assert all((one == other).all() for one, other in zip(*found, strict=True))
