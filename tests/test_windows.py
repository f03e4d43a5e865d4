"""Service over windows: against exact values, by hand, and how often the intervals hold.

Windows of one replication depend on one another. The slow tests measure what the intervals make
of that; their control is the binomial interval of windows taken as independent.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

import simlevel as sl
from simlevel import words
from simlevel.cli import status
from simlevel.engines.fast import FastEngine
from simlevel.engines.ledger import Job, Windows
from simlevel.errors import InputError
from simlevel.estimation import clustered
from simlevel.model.scenario import Scenario
from simlevel.studies import windows
from simlevel.studies.windows import QUANTILES, bars_of, count_of, shares_of
from simlevel.theory.finite_horizon import window_fill_rate

POISSON = {"kind": "poisson", "rate": 5}
RQ = {"kind": "rQ", "reorder_point": 22, "order_quantity": 20}
ALARM = 1e-5
"""Error rate of one comparison; some 30 are made, so that right code passes 999 in 1,000."""


def scenario(**sections: Any) -> Scenario:
    table: dict[str, Any] = {"demand": POISSON, "lead_time": 4, "policies": {"p": RQ}}
    return Scenario.model_validate(table | sections)


def daily(quantity: Any, level: float, lead_time: int = 0, **sections: Any) -> Scenario:
    """Base stock, looked at before the demand of every day."""
    rule = {"kind": "base_stock", "order_up_to": level, "review_period": 1}
    demand = {"kind": "periodic", "quantity": quantity} | sections.pop("demand", {})
    return scenario(demand=demand, lead_time=lead_time, policies={"p": rule}, **sections)


def pmf(values: list[int], *probabilities: float) -> dict[str, Any]:
    each = probabilities or [1 / len(values)] * len(values)
    return {"dist": "discrete", "values": values, "probabilities": list(each)}


def simulated(case: Scenario, window: float, **more: Any) -> windows.PolicyWindows:
    found = sl.simulate(case, window=window, **more).policies["p"].windows
    assert found is not None
    return found


def holds(found: clustered.Measured | None, value: float) -> bool:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.low - 1e-12 <= value <= found.high + 1e-12


# --- against exact values ------------------------------------------------------------------------

# Reference family 10, recomputed in two independent ways: demand, S, T, mean over windows of T
# periods, long run.
FINITE = [
    (pmf([1, 3]), 2, 2, 19 / 24, 3 / 4),
    (pmf([1, 3]), 2, 5, 13775 / 18018, 3 / 4),
    (pmf([1, 2, 6], 0.5, 0.25, 0.25), 2, 3, 10327 / 14560, 3 / 5),
    (pmf([0, 1, 2, 3, 4]), 2, 2, 2024 / 2625, 7 / 10),
    ({"dist": "poisson", "mean": 5}, 6, 1, 0.9428357398827117, 0.9013404992656563),
    ({"dist": "poisson", "mean": 2}, 3, 5, 0.9109457308460019, 0.8909912254352429),
]


@pytest.mark.parametrize("shortage", ["backorder", "lost_sales"])
@pytest.mark.parametrize(("demand", "level", "length", "mean", "long_run"), FINITE)
def test_the_mean_over_windows_is_that_of_a_finite_horizon_and_not_the_long_run(
    demand: Any, level: int, length: int, mean: float, long_run: float, shortage: str
) -> None:
    run = {"horizon": 1000 * length, "confidence": 1 - ALARM}
    found = simulated(daily(demand, level, shortage=shortage, simulation=run), length)
    fill = found.measures["fill_rate"]
    assert found.count == 20 * 1000
    assert holds(fill.mean, mean)
    assert not holds(fill.mean, long_run)
    assert fill.exact_mean is not None
    assert fill.exact_mean.value == pytest.approx(mean, abs=1e-8)


@dataclass(frozen=True)
class Days:
    """Base stock S with lead time L, a window a day: what a day finds is S less the last L."""

    mean: float
    lead_time: int
    level: int
    target: float = 0.9

    @property
    def scenario(self) -> Scenario:
        quantity = {"dist": "poisson", "mean": self.mean}
        targets = {"fill_rate": self.target}
        return daily(quantity, self.level, self.lead_time, targets=targets)

    def law(self) -> tuple[Any, Any]:
        """The fill rates that a day can have, sorted, and their probabilities."""
        before, asked = np.arange(200)[:, None], np.arange(100)[None, :]
        found = np.maximum(self.level - before, 0)
        shares = np.where(asked == 0, 1.0, np.minimum(found, asked) / np.maximum(asked, 1))
        weights = stats.poisson(self.mean * self.lead_time).pmf(before) * stats.poisson(
            self.mean
        ).pmf(asked)
        values, place = np.unique(np.round(shares, 12), return_inverse=True)
        return values, np.bincount(place.ravel(), weights.ravel())

    def exact(self) -> dict[Any, float]:
        values, weights = self.law()
        below = np.cumsum(weights)
        exact: dict[Any, float] = {p: float(values[np.searchsorted(below, p)]) for p in QUANTILES}
        exact["mean"] = float(values @ weights)
        exact["meets"] = float(weights[values >= self.target].sum())
        return exact


def test_mean_quantiles_and_the_chance_of_the_target_are_those_of_the_exact_distribution() -> None:
    case = Days(5, 4, 24)
    run = case.scenario.simulation.model_copy(update={"horizon": 2000, "confidence": 1 - ALARM})
    fill = simulated(case.scenario.model_copy(update={"simulation": run}), 1).measures["fill_rate"]
    exact = case.exact()
    assert holds(fill.mean, exact["mean"])
    assert holds(fill.meets_target, exact["meets"])
    assert all(holds(fill.quantiles[p], exact[p]) for p in QUANTILES)
    slip = Days(5, 5, 24).exact()  # L + R for L
    assert not holds(fill.mean, slip["mean"])
    assert not holds(fill.meets_target, slip["meets"])
    assert not holds(fill.quantiles[0.25], slip[0.25])


@pytest.mark.parametrize(
    "case",
    [
        daily(3, 5, lead_time=1),
        daily({"dist": "gamma", "mean": 3, "sd": 1}, 5),
        daily(3, 5, demand={"pattern": [1, 2]}),
        daily(3, 5, demand={"every": 2}),
        daily(3, 5, start={"net_inventory": 9}),
        scenario(),
    ],
)
def test_where_a_period_may_begin_short_or_the_window_is_not_whole_no_exact_mean_is_given(
    case: Scenario,
) -> None:
    assert window_fill_rate(case, "p", 3) is None


def test_a_chance_of_no_demand_is_a_chance_of_0() -> None:
    sometimes = daily(pmf([1, 2, 3, 4]), 2, demand={"probability": 0.8})
    found = window_fill_rate(sometimes, "p", 2)
    assert found is not None
    assert found.value == pytest.approx(2024 / 2625)


# --- by hand -------------------------------------------------------------------------------------


def test_a_window_has_the_share_of_the_events_that_fall_into_it() -> None:
    case, events = scenario(), []
    rows = FastEngine(Job.of(case, "p", Windows(3, 7, 12), 1)).run(0, events)
    found = shares_of(rows, case)
    names = [measure.name for measure in windows.share_words(case)]
    for k, share in enumerate(found.values[names.index("fill_rate")]):
        opens = 3 + 7 * k
        here = [e for e in events if e.event == "demand" and opens <= e.time < opens + 7]
        served = sum(min(e.quantity, max(e.before, 0)) for e in here)
        assert share == pytest.approx(served / sum(e.quantity for e in here))


def test_a_window_without_demand_counts_as_1_and_is_counted() -> None:
    case = daily(3, 2, demand={"probability": 0.5}, simulation={"horizon": 400, "replications": 2})
    found = simulated(case, 1).measures["fill_rate"]
    assert (found.bars.low, found.bars.high) == ((0.666666666667, 1), (0.666666666667, 1))
    assert found.bars.count == (800 - found.empty, found.empty)
    assert stats.binomtest(found.empty, 800, 0.5).pvalue > ALARM
    assert found.mean.estimate == pytest.approx((2 / 3 * (800 - found.empty) + found.empty) / 800)


def test_a_ratio_that_is_the_target_on_paper_reaches_it() -> None:
    """0.4 of 0.5 every day for three days: 1.2 / 1.5 is less than 0.8 in floating point."""
    case = daily(0.5, 0.4, targets={"fill_rate": 0.8}, simulation={"horizon": 60})
    assert 1.2 / 1.5 < 0.8
    found = simulated(case, 3).measures["fill_rate"].meets_target
    assert found is not None
    assert found.estimate == 1


@pytest.fixture(scope="module")
def both() -> tuple[sl.Scenario, Any, Any]:
    case = scenario(simulation={"horizon": 700, "warmup": 50, "replications": 12})
    return case, sl.simulate(case, window=14), sl.simulate(case)


def test_windows_leave_the_long_run_as_it_is(both: Any) -> None:
    _, windowed, plain = both
    assert windowed.run == plain.run
    for name, each in plain.policies["p"].measures.items():
        found = windowed.policies["p"].measures[name]
        assert found.note == each.note
        if each.estimate is not None:
            shown = (found.estimate, found.low, found.high)
            assert shown == pytest.approx((each.estimate, each.low, each.high), rel=1e-9)


def test_a_share_of_time_has_the_long_run_as_its_mean_and_a_share_of_demand_has_not(
    both: Any,
) -> None:
    policy = both[1].policies["p"]
    long_run, found = policy.measures, policy.windows.measures
    assert found["ready_rate"].mean.estimate == pytest.approx(long_run["ready_rate"].estimate)
    assert found["fill_rate"].mean.estimate > long_run["fill_rate"].estimate + 1e-4


def test_both_engines_find_the_same(both: Any) -> None:
    case, windowed, _ = both
    other = sl.simulate(case, window="2 weeks", engine="simpy")
    assert other.policies["p"].windows == windowed.policies["p"].windows


# --- the statistics ------------------------------------------------------------------------------


def hits_of(*counts: int) -> Any:
    return np.array(counts, dtype=float)


def test_of_many_hits_and_misses_the_interval_is_students_over_replications() -> None:
    stream = np.random.default_rng(1)
    hits = stream.binomial(50, 0.6, 20).astype(float)
    found = clustered.proportion(hits, 50, 0.95, 1.0)
    expected = stats.t.interval(0.95, 19, hits.mean() / 50, stats.sem(hits / 50))
    assert (found.low, found.high) == pytest.approx(expected)
    shares = stream.beta(4, 2, (20, 50))
    mean = clustered.mean(shares, 0.95, 0.1)
    rows = shares.mean(axis=1)
    assert (mean.low, mean.high) == pytest.approx(
        stats.t.interval(0.95, 19, rows.mean(), stats.sem(rows))
    )


@pytest.mark.parametrize("worst", [1.0, 2.5])
def test_where_every_window_hits_the_interval_says_how_many_misses_could_have_hidden(
    worst: float,
) -> None:
    found = clustered.proportion(np.full(20, 50.0), 50, 0.95, worst)
    assert found.high == 1
    assert found.low == pytest.approx(1 + worst * math.log(0.025) / 1000)
    none = clustered.proportion(np.zeros(20), 50, 0.95, worst)
    assert (none.low, none.high) == (0, pytest.approx(1 - found.low))


def test_few_misses_widen_the_interval_beyond_that_of_independent_windows() -> None:
    found = clustered.proportion(hits_of(*[50] * 18, 46, 47), 50, 0.95, 1.0)
    exact = stats.binomtest(993, 1000).proportion_ci(0.95, method="exact")
    assert found.low < exact.low
    assert found.high > exact.high


def test_quantiles_are_those_of_the_inverted_distribution() -> None:
    stream = np.random.default_rng(1)
    for shares in (stream.random((5, 40)), stream.integers(0, 5, (5, 40)) / 4):
        found = clustered.quantiles(shares, QUANTILES, 0.95, 1.0)
        expected = np.quantile(shares, QUANTILES, method="inverted_cdf")
        assert [each.estimate for each in found] == pytest.approx(expected)
        assert all(each.low <= each.estimate <= each.high for each in found)


def test_limits_that_windows_are_too_few_to_find_are_0_and_1() -> None:
    shares = np.random.default_rng(1).uniform(0.8, 0.9, (5, 10))
    low, *_, high = clustered.quantiles(shares, QUANTILES, 0.95, 1.0)
    assert (low.low, high.high) == (0, 1)
    assert low.high > 0.8


def test_one_replication_has_no_interval() -> None:
    shares = np.array([[0.5, 1.0, 1.0, 1.0]])
    plain = clustered.Measured
    assert clustered.mean(shares, 0.95, 1.0) == plain(0.875)
    assert clustered.proportion(hits_of(3), 4, 0.95, 1.0) == plain(0.75)
    assert clustered.quantiles(shares, (0.25, 0.5), 0.95, 1.0) == (plain(0.5), plain(1.0))


# --- the histogram -------------------------------------------------------------------------------


def test_few_values_have_a_bar_each_and_many_share_bars_but_for_1() -> None:
    few = bars_of(np.array([[0.5, 1.0], [0.5, 0.25]]))
    assert (few.low, few.high, few.count) == ((0.25, 0.5, 1), (0.25, 0.5, 1), (1, 2, 1))
    shares = np.random.default_rng(1).uniform(0.6, 1.1, (20, 500)).clip(max=1)
    many = bars_of(shares)
    assert len(many.count) <= 201
    assert sum(many.count) == shares.size
    assert (many.low[-1], many.high[-1], many.count[-1]) == (1, 1, (shares == 1).sum())
    bars = zip(many.low[:-1], many.high[:-1], many.count[:-1], strict=True)
    assert all(abs(((low <= shares) & (shares < high)).sum() - n) <= 1 for low, high, n in bars)


# --- which windows -------------------------------------------------------------------------------

WEEKLY = {"kind": "periodic", "quantity": 10, "pattern": [1, 1, 1, 1, 1.5, 1.5, 0]}


@pytest.mark.parametrize(
    ("case", "length", "count"),
    [
        (scenario(), 90, 50),  # a horizon of 2,000 days holds 23
        (scenario(), 7, 286),  # and 286 of these, begun
        (scenario(demand=WEEKLY), 90, 112),  # 10,003 days; 112 x 90 is 1,440 weeks
        (scenario(simulation={"horizon": 1000}), 90, 11),
        (scenario(simulation={"horizon": 0.3}), 0.1, 3),
        (scenario(simulation={"horizon": 90}), 90, 1),
        (scenario(demand={"kind": "history", "values": [1, 2, 3], "resample": "replay"}), 2, 1),
    ],
)
def test_a_replication_has_as_many_windows_as_its_horizon_or_at_least_50(
    case: Scenario, length: float, count: int
) -> None:
    assert count_of(case, length) == count


def test_a_horizon_that_is_cut_to_whole_windows_says_so() -> None:
    found = sl.simulate(scenario(), window=90, horizon=200, replications=3)
    assert found.run.horizon == 180
    assert found.policies["p"].windows.per_replication == 2
    assert "2 whole windows: 180 of its 200 days" in found.warnings[-1]


@pytest.mark.parametrize(
    ("window", "more", "said"),
    [
        (91, {"horizon": 90}, "at most the horizon, 90 days, found 91"),
        (2001, {}, "at most the horizon, 2,000 days, found 2,001"),
        ("300 weeks", {}, "found 2,100"),
        (0, {}, "above 0"),
        (-3, {}, "above 0"),
        (math.nan, {}, "above 0"),
        (math.inf, {}, "above 0"),
        ("a quarter", {}, "a number above 0 or a duration"),
        ("3 months", {}, "no fixed length"),
        (0.01, {}, "at most 1,000,000 windows of all policies and replications, found 4,000,000"),
        (1e-6, {"replications": 1}, "at most 1,000,000 windows"),
    ],
)
def test_a_window_that_cannot_be_is_refused(window: Any, more: Any, said: str) -> None:
    with pytest.raises(InputError, match=f"--window: .*{said}"):
        sl.simulate(scenario(), window=window, **more)


def test_precision_adds_no_more_windows_than_can_be_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(windows, "MOST_WINDOWS", 500)
    found = sl.simulate(
        scenario(), window=1, horizon=50, replications=4, precision={"fill_rate": 1e-9}
    )
    assert found.run.replications == 10
    assert found.policies["p"].windows.count == 500


# --- what people and programs get ----------------------------------------------------------------


@pytest.fixture
def printed(capsys: Any, tmp_path: Any) -> Any:
    """Run a scenario with windows: status, standard output and standard error."""
    text = """
targets = { fill_rate = 0.9 }
demand = { kind = "periodic", quantity = { dist = "poisson", mean = 2 }, probability = 0.5 }
lead_time = 0
policies.p = { kind = "base_stock", order_up_to = 3, review_period = 1 }
measures = { served_within = [0.5] }
"""
    file = tmp_path / "small.toml"
    file.write_text(text, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = status(["run", str(file), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_document_holds_every_share_that_is_defined(printed: Any) -> None:
    code, out, _ = printed("--window", "1 week", "--horizon", "70", "--json")
    found = json.loads(out)["policies"]["p"]["windows"]
    assert (code, found["length"], found["count"], found["per_replication"]) == (0, 7, 200, 10)
    shares = {name for name, measure in words.MEASURES.items() if measure.is_share}
    assert set(found["measures"]) == shares | {"served_within_0.5"}
    fill = found["measures"]["fill_rate"]
    assert set(fill["quantiles"]) == {"0.05", "0.25", "0.5", "0.75", "0.95"}
    assert set(fill["mean"]) == set(fill["meets_target"]) == {"estimate", "low", "high"}
    assert (fill["target"], fill["exact_mean"]["exact"]) == (0.9, True)
    assert found["measures"]["ready_rate"]["meets_target"] is None
    assert sum(fill["bars"]["count"]) == found["count"]


def test_without_a_window_there_is_none(printed: Any) -> None:
    assert json.loads(printed("--horizon", "70", "--json")[1])["policies"]["p"]["windows"] is None


def test_the_tidy_table_has_a_row_a_statistic(printed: Any, tmp_path: Any) -> None:
    file = tmp_path / "out.csv"
    _, out, _ = printed("--window", "7", "--horizon", "70", "-o", str(file), "--json")
    fill = json.loads(out)["policies"]["p"]["windows"]["measures"]["fill_rate"]
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    found = {r["statistic"]: r for r in rows if r["measure"] == "fill_rate"}
    assert list(found) == [
        "long_run", "window_mean", *(f"window_quantile_{p:g}" for p in QUANTILES),
        "window_meets_target", "empty_windows",
    ]  # fmt: skip
    assert float(found["window_mean"]["low"]) == fill["mean"]["low"]
    assert float(found["window_mean"]["analytic"]) == fill["exact_mean"]["value"]
    assert float(found["window_meets_target"]["estimate"]) == fill["meets_target"]["estimate"]
    assert float(found["empty_windows"]["estimate"]) == fill["empty"] > 0


def test_the_table_has_80_columns_and_what_the_document_has(printed: Any) -> None:
    options = ("--window", "7", "--horizon", "700")
    found = json.loads(printed(*options, "--json")[1])["policies"]["p"]
    fill = found["windows"]["measures"]["fill_rate"]
    lines = printed(*options)[1].splitlines()
    assert max(map(len, lines)) <= 80
    start = lines.index("p: 2,000 windows of 7 days, shares in percent")
    row = next(line for line in lines[start:] if line.startswith("Type II: fill rate "))
    shown = [found["measures"]["fill_rate"], fill["mean"], *fill["quantiles"].values()]
    for cell, each in zip(row.removeprefix("Type II: fill rate").split(), shown, strict=True):
        assert float(cell) == pytest.approx(100 * each["estimate"], abs=0.06)
    met = 100 * fill["meets_target"]["estimate"]
    assert any(f"fill rate, target 90 %: met in {met:.1f}" in line for line in lines[start:])
    nothing = f"{fill['empty']} windows with nothing to count"
    assert any(nothing in line for line in lines[start:])


def test_a_window_longer_than_the_horizon_ends_with_status_2(printed: Any) -> None:
    code, out, err = printed("--window", "71", "--horizon", "70")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--window: expected at most the horizon, 70 days, found 71" in err


def test_the_frame_of_a_policy_has_its_statistics(both: Any) -> None:
    frame = both[1].policies["p"].windows.to_frame()
    assert list(frame.columns) == list(windows.WINDOW_COLUMNS)
    assert set(both[1].to_frame()["statistic"]) > {"long_run", "window_mean"}


# --- coverage ------------------------------------------------------------------------------------

REPETITIONS = 2000


def independent(hits: Any, count: int) -> tuple[float, float]:
    """The control: as if all windows were independent."""
    p = hits.sum() / (hits.size * count)
    margin = 1.96 * math.sqrt(p * (1 - p) / (hits.size * count))
    return p - margin, p + margin


def chains(stream: Any, replications: int, count: int, memory: float) -> Any:
    """Uniform windows, each a step of a Gaussian chain from the one before."""
    noise = stream.normal(size=(replications, count))
    chain = noise.copy()
    for step in range(1, count):
        chain[:, step] = memory * chain[:, step - 1] + math.sqrt(1 - memory**2) * noise[:, step]
    return stats.norm.cdf(chain)


@pytest.mark.slow
@pytest.mark.parametrize(("replications", "count", "memory"), [(20, 200, 0.5), (30, 400, 0.8)])
def test_intervals_over_replications_hold_93_to_97_times_in_100_however_windows_hang_together(
    replications: int, count: int, memory: float
) -> None:
    stream, spell = np.random.default_rng(1), 1 / (1 - memory)
    held: dict[Any, int] = dict.fromkeys((*QUANTILES, "mean", "meets", "control"), 0)
    for _ in range(REPETITIONS):
        shares = chains(stream, replications, count, memory) ** 0.25  # of mean 0.8
        found = clustered.quantiles(shares, QUANTILES, 0.95, spell)
        for p, each in zip(QUANTILES, found, strict=True):
            held[p] += holds(each, p**0.25)
        held["mean"] += holds(clustered.mean(shares, 0.95, spell), 0.8)
        hits = (shares >= 0.3**0.25).sum(axis=1).astype(float)
        held["meets"] += holds(clustered.proportion(hits, count, 0.95, spell), 0.7)
        low, high = independent(hits, count)
        held["control"] += low <= 0.7 <= high
    rates = {name: number / REPETITIONS for name, number in held.items()}
    assert rates.pop("control") < 0.88
    assert all(0.93 <= rate <= 0.97 for rate in rates.values()), rates


def coverage(case: Days, days: int) -> dict[Any, float]:
    """How often the intervals hold the exact values, and how often those of the control."""
    s, exact = case.scenario, case.exact()
    fill = [measure.name for measure in windows.share_words(s)].index("fill_rate")
    held: dict[Any, int] = dict.fromkeys((*exact, "control"), 0)
    for seed in range(REPETITIONS):
        engine = FastEngine(Job.of(s, "p", Windows(20, 1, days), seed))
        found = [shares_of(engine.run(i), s) for i in range(20)]
        each = windows.policy_windows(s, "p", 1, found).measures["fill_rate"]
        for p in QUANTILES:
            held[p] += holds(each.quantiles[p], exact[p])
        held["mean"] += holds(each.mean, exact["mean"])
        held["meets"] += holds(each.meets_target, exact["meets"])
        hits = (np.array([one.values[fill] for one in found]) >= case.target).sum(axis=1)
        low, high = independent(hits, days)
        held["control"] += low <= exact["meets"] <= high
    return {name: number / REPETITIONS for name, number in held.items()}


@pytest.mark.slow
def test_intervals_of_simulated_windows_hold_the_exact_values_93_to_97_times_in_100() -> None:
    """Days that follow one another share most of the demand that they find on the way."""
    rates = coverage(Days(5, 4, 24), 150)
    assert rates["control"] < 0.88, rates
    assert all(0.93 <= rates[name] <= 0.97 for name in ("mean", "meets")), rates
    # Fill rates of a day have steps, and where the quantile is one, it is hard to miss.
    assert all(rates[p] >= 0.93 for p in QUANTILES), rates


@pytest.mark.slow
def test_where_few_windows_fail_intervals_hold_the_exact_values_at_least_93_times_in_100() -> None:
    rates = coverage(Days(5, 4, 37), 50)
    assert rates["control"] < 0.88, rates
    assert all(rate >= 0.93 for name, rate in rates.items() if name != "control"), rates
