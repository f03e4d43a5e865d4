"""The benchmark measures what it says: the same models, on both sides."""

import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from benchmarks.readme_table import FIRST, LAST, README, with_table
from scipy import stats

from simlevel import bench, peers
from simlevel.studies import evaluate
from simlevel.theory.catalogue import derive

ALARM = 1e-6
"""Chance that one right number is called wrong; 32 are compared."""
SLOW = {"run, less imports"}
NAMES = [row.name for row in bench.rows()]


@pytest.fixture
def tiny(monkeypatch):
    """Timings too short to mean anything."""
    monkeypatch.setattr(bench, "ENOUGH", 0.0)
    monkeypatch.setattr(bench, "MANY", 20_000)
    monkeypatch.setattr(bench, "FEW", 300)
    monkeypatch.setattr(bench, "SOME", 300)


def row(ours=1.0, other=1.0, target=None, needs=None):
    """A row of costs that are known; *other* may be one for each call."""
    others = iter(other) if isinstance(other, list) else itertools.repeat(other)
    costs = (lambda: ours), (lambda: next(others))
    return bench.Row("name", "says", *costs, target or bench.faster(), bench.seconds, needs)


# --- the same models ---------------------------------------------------------------------------

LOOPS = {
    "periodic": (peers.periodic_loop, bench.periodic()),
    "periodic in blocks": (partial(peers.periodic_loop, block=100), bench.periodic()),
    "continuous": (peers.continuous_loop, bench.continuous()),
    "continuous in blocks": (partial(peers.continuous_loop, block=100), bench.continuous()),
    "unit": (peers.unit_loop, bench.unit()),
}
PACKAGES = {
    "stockpyl": (peers.stockpyl, bench.base_stock("demand", "review")),
    "SupplyNetPy": (peers.supplynetpy, bench.base_stock("review", "demand")),
}


def outside(loop, case, units=5000, seeds=16):
    """Names of what the loop counts whose exact value is beyond its interval over seeds, and
    of all that it counts."""
    answers = derive(case, "only").answers
    runs = [loop(units, seed)._asdict() for seed in range(seeds)]
    counted = {name for name in runs[0] if runs[0][name] is not None}
    found = set()
    for name in counted:
        assert answers[name].exact
        values = np.array([run[name] for run in runs])
        half = stats.t.isf(ALARM / 2, seeds - 1) * values.std(ddof=1) / math.sqrt(seeds)
        if abs(values.mean() - answers[name].value) > half:
            found.add(name)
    return found, counted


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_by_hand_is_the_model_of_its_scenario(name):
    assert outside(*LOOPS[name])[0] == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_another_package_simulates_the_model_of_its_scenario(name):
    pytest.importorskip(name)
    assert outside(*PACKAGES[name], units=800)[0] == set()


@pytest.mark.parametrize("name", ["periodic", "continuous", "unit"])
def test_a_lead_time_longer_by_one_would_be_found_in_all_that_a_loop_counts(name):
    loop, case = LOOPS[name]
    slipped = case.model_copy(update={"lead_time": bench.periodic(lead_time=5).lead_time})
    found, counted = outside(loop, slipped)
    assert found == counted - {"orders_per_time"}  # all that is demanded is ordered


# --- the machinery -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in NAMES]
)
def test_every_row_measures_something(name, tiny):
    measured = next(row for row in bench.rows() if row.name == name)
    outcome = bench.measure(measured, rounds=1)
    assert len(outcome.ratios) == (0 if measured.missing else 1)
    assert all(0 < cost < math.inf for cost in outcome.ours + outcome.other)
    assert all(map(math.isfinite, outcome.ratios))


def test_the_run_comes_to_its_end():
    assert bench.whole_run() > 0  # raises where the command fails


def test_the_threads_are_as_before(tiny):
    before = evaluate.THREADS
    bench.on_threads(before + 1)
    assert before == evaluate.THREADS


def test_the_first_round_is_thrown_away_and_the_others_make_the_median():
    outcome = bench.measure(row(2.0, [900.0, 4.0, 20.0, 6.0]), rounds=3)
    assert outcome.ratios == [2.0, 10.0, 3.0]
    cells = [cell.strip() for cell in bench.table_line(outcome).split("|")]
    assert cells == ["name", "2.00 s", "6.00 s", "3.00", "2.00..10.0", "-", "-"]


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (bench.faster(3), "yes"),
        (bench.faster(3.01), "no"),
        (bench.share(0.34), "yes"),
        (bench.share(0.33), "no"),
        (bench.above(-4), "yes"),
        (bench.above(-4.1), "no"),
        (bench.faster(), "-"),
    ],
)
def test_a_target_is_met_or_not(target, verdict):
    line = bench.table_line(bench.measure(row(2.0, 6.0, target), rounds=1))
    assert line.split("|")[-1].strip() == verdict


def test_a_package_that_is_not_there_is_said_not_to_be():
    absent = row(needs="no_such_package")
    assert "not installed" in bench.table_line(bench.measure(absent))


@pytest.mark.parametrize(
    ("ours", "other"), [(9.9996e-9, 123.4e-9), (12.3e-9, 9.996e-3), (99.96, 9.996), (1e6, 1e6 - 1)]
)
def test_no_line_is_wider_than_80_columns(ours, other):
    shown = [replace(each, ours=lambda: ours, other=lambda: other) for each in bench.rows()]
    lines = list(bench.report(shown, rounds=1))
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith("- ")] != []


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "rows", lambda: [replace(row(), ours=interrupted)])
    assert bench.main([]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_rounds_are_at_least_one(rounds, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main([f"--rounds={rounds}"])
    assert rounds in capsys.readouterr().err


# --- README ------------------------------------------------------------------------------------


def test_readme_shows_every_row():
    table = README.read_text(encoding="utf-8").partition(FIRST)[2].partition(LAST)[0]
    lines = [line.partition("|")[0].strip() for line in table.splitlines() if "|" in line]
    assert lines[2:] == NAMES


def test_a_new_table_takes_the_place_of_the_old():
    readme = f"before\n{FIRST}old\n{LAST}after\n"
    assert with_table(readme, ["new"]) == f"before\n{FIRST}\nnew\n\n{LAST}after\n"
    with pytest.raises(ValueError, match="marker"):
        with_table("before", ["new"])
