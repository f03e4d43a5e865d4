"""`simlevel fit`: from a table of records to a scenario that runs; and what it says in trouble."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from test_fit import ODD
from test_scenario_file import run

import simlevel as sl
from simlevel.errors import InputError
from simlevel.model.demand import PeriodicDemand
from simlevel.reports.figures import fitted as drawn
from simlevel.studies.lint import findings
from simlevel.studies.reorder_point import fill_rates

WEEKS = 104


def table(name, header, *columns):
    rows = zip(*columns, strict=True)
    lines = [",".join(header), *(",".join(f"{each:g}" for each in row) for row in rows)]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def records(tmp_path, monkeypatch):
    """weekly.csv with a column for each kind of demand, and received.csv with lead times."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(11)
    there = rng.random(WEEKS) < 0.3
    table(
        "weekly.csv",
        ["week", "parts", "pulp", "mixed", "slow"],
        range(1, WEEKS + 1),
        rng.poisson(3, WEEKS),
        np.where(there, np.round(rng.gamma(2, 20, WEEKS), 2), 0),
        rng.choice([0, 5, 60], WEEKS, p=[0.6, 0.3, 0.1]),
        [1.0] + [0.0] * (WEEKS - 1),
    )
    table("received.csv", ["days"], np.rint(rng.gamma(9, 2, 80)))
    table("one.csv", ["units"], rng.poisson(3, WEEKS))


@pytest.mark.parametrize(
    ("column", "every", "lead", "unit"),
    [
        ("parts", "1 week", ["--lead-times", "received.csv"], "day"),
        ("pulp", "month", ["--lead-times", "received.csv", "--lead-time-column", "days"], "month"),
        ("mixed", "week", ["--lead-time", "10 days"], "day"),
        ("mixed", "2", ["--lead-time", "3"], "period"),
        ("parts", "1 day", [], "day"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("records")
def test_the_scenario_is_checked_and_run_as_it_stands(column, every, lead, unit):
    Path("there").mkdir()
    line = ["fit", "weekly.csv", "--column", column, "--every", every, *lead]
    code, out, err = run(*line, "-o", "there/s.toml")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert ("is assumed" in err) == (lead == [])
    assert run("check", "there/s.toml")[0] == 0
    scenario = sl.load("there/s.toml")
    assert list(findings(scenario)) == []
    assert scenario.time_unit == unit
    code, out, _ = run("run", "there/s.toml", "--replications", "4")
    assert (code, "Type II: fill rate" in out) == (0, True)


@pytest.mark.usefixtures("records")
def test_its_reorder_point_reaches_the_fill_rate_that_was_asked_for():
    """Less one unit, it does not. Poisson customers and a constant lead time: theory is exact."""
    run("fit", "weekly.csv", "--column", "parts", "--every", "1 week", "--lead-time", "20 days",
        "--target", "fill_rate=98%", "-o", "s.toml")  # fmt: skip
    scenario = sl.load("s.toml")
    chosen = scenario.policies["fitted"].reorder_point
    reached = []
    for level in (chosen, chosen - 1):
        changed = sl.sweep(scenario, {"policies.fitted.reorder_point": str(level)}, replications=2)
        found = changed.points[0].policies["fitted"].measures["fill_rate"].analytic
        assert found.exact
        reached.append(found.value)
    assert reached[0] >= 0.98 > reached[1]


@pytest.mark.parametrize(
    "demand",
    [
        {"kind": "periodic", "probability": 0.3, "every": 7,
         "quantity": {"dist": "negative_binomial", "mean": 30, "cv": 1.2}},
        {"kind": "poisson", "rate": 2, "size": {"dist": "geometric", "mean": 3}},
        {"kind": "history", "values": [0, 0, 3, 5, 40, 0, 0, 2]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("lead_time", [3, 14])
def test_fill_rates_are_those_of_the_theory(demand, lead_time):
    policies = {f"r{r}": {"kind": "rQ", "reorder_point": r, "order_quantity": 60} for r in (0, 40)}
    made = {"demand": demand, "lead_time": lead_time, "policies": policies}
    scenario = sl.Scenario.model_validate(made)
    found = fill_rates(scenario.demand, [lead_time], 60)
    for name, policy in sl.analyze(scenario).policies.items():
        exact = policy.measures["fill_rate"].analytic
        assert exact.exact
        level = round(float(name[1:]) / found.step)
        assert found.rates[level] == pytest.approx(exact.value, abs=1e-6)


@pytest.mark.usefixtures("records")
def test_a_scenario_is_never_written_over():
    Path("s.toml").write_text("mine", encoding="utf-8")
    code, out, err = run("fit", "one.csv", "-o", "s.toml")
    assert (code, out, err) == (2, "", "s.toml: exists, and is kept\n")
    assert Path("s.toml").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("records")
def test_a_history_that_stands_for_itself_is_named_not_copied():
    run("fit", "weekly.csv", "--column", "mixed", "-o", "s.toml")
    text = Path("s.toml").read_text(encoding="utf-8")
    assert 'file = "weekly.csv"\ncolumn = "mixed"\n' in text


@pytest.mark.usefixtures("records")
def test_json_holds_the_families_and_a_scenario():
    code, out, _ = run("fit", "weekly.csv", "--column", "parts", "--json")
    found = json.loads(out, parse_constant=lambda word: pytest.fail(word))
    assert code == 0
    assert found["chosen"] == "poisson"
    assert found["history"]["periods"] == WEEKS
    assert found["history"]["classification"] == "smooth"
    assert {each["family"] for each in found["families"]} == {
        "poisson", "compound_poisson", "negative_binomial", "intermittent", "normal", "gamma",
        "lognormal", "empirical",
    }  # fmt: skip
    sl.parse(found["scenario"])


@pytest.mark.usefixtures("records")
def test_the_only_column_of_numbers_need_not_be_named():
    assert sl.fit("one.csv").column == "units"
    with pytest.raises(InputError, match=r"--column to name .*, found several.*parts, pulp"):
        sl.fit("weekly.csv")


@pytest.mark.usefixtures("records")
def test_a_month_of_days_is_365_25_twelfths():
    found = sl.fit("weekly.csv", "parts", every="1 month", lead_time="30.4375 days")
    assert found.lead_time.mean() == 1
    assert found.time_unit == "month"


@pytest.mark.usefixtures("records")
def test_two_laws_that_are_close_and_ask_for_other_stock_are_told():
    rng = np.random.default_rng(6)
    sizes = np.rint(rng.lognormal(2, 1.2, 40))
    table("short.csv", ["units"], np.where(np.arange(40) % 3 == 0, sizes, 0))
    found = sl.fit("short.csv", lead_time=4)
    close = [
        each for each in found.contenders
        if each is not found.chosen and each.score is not None
        and each.score < found.chosen.score + 6
        and abs(each.reorder_point - found.chosen.reorder_point) > 1
    ]  # fmt: skip
    assert close
    told = [warning for warning in found.warnings if "differ in the reorder point" in warning]
    assert len(told) == len(close)


@pytest.mark.parametrize("name", [each for each in ODD if math.nan not in ODD[each]])
def test_odd_histories_end_in_a_scenario_or_a_line(name, tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("\n".join(["units", *map(repr, ODD[name])]), encoding="utf-8")
    code, _, err = run("fit", str(file), "--lead-time", "3", "-o", str(tmp_path / "s.toml"),
                       "-o", str(tmp_path / "s.svg"))  # fmt: skip
    assert (code == 2) == (name in ("all zero", "one demand"))
    assert "internal" not in err
    if code == 0:
        assert run("check", str(tmp_path / "s.toml"))[0] == 0


WRONG = {
    ("nothere.csv",): "nothere.csv: expected a file, found none of this name",
    ("weekly.csv", "--column", "part"): "did you mean 'parts'?",
    ("weekly.csv", "--column", "slow"): "found demand in 1 of 104 periods, fewer than 2",
    ("one.csv", "--every", "1 wek"): "--every: expected a unit of time",
    ("one.csv", "--every", "-3"): "--every: expected a duration",
    ("one.csv", "--lead-time", "soon"): "--lead-time: expected a",
    ("one.csv", "--lead-time", "4 days"): "expected --every to say the length of a period",
    ("one.csv", "--lead-time-unit", "day"): "expected --lead-times beside it",
    ("one.csv", "--lead-times", "received.csv", "--lead-time", "3"): "expected one of it and",
    ("one.csv", "--target", "fil_rate=0.9"): "did you mean 'fill_rate'?",
    ("one.csv", "--target", "fill_rate=95"): "95 % is written 0.95",
    ("one.csv", "--target", "fill_rate=1"): "expected a share below 1",
    ("one.csv", "-o", "s.xlsx"): "expected an ending of .toml",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
@pytest.mark.usefixtures("records")
def test_what_is_wrong_is_said_in_a_line(arguments):
    code, out, err = run("fit", *arguments)
    assert (code, out) == (2, "")
    assert WRONG[arguments] in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("records")
def test_all_that_is_wrong_is_said_at_once():
    code, _, err = run("fit", "weekly.csv", "--column", "part", "--every", "1 wek",
                       "--lead-times", "nothere.csv", "--target", "fill_rate=2")  # fmt: skip
    assert code == 2
    assert [word in err for word in ("parts", "week", "nothere", "--target")] == [True] * 4


@pytest.mark.usefixtures("records")
def test_the_picture_shows_the_shares_of_the_history_and_of_the_model():
    found = sl.fit("weekly.csv", "pulp")
    axes = drawn(found)
    bars = [patch.get_height() for patch in axes.patches[: len(found.shares().recorded)]]
    assert bars == pytest.approx(found.shares().recorded)
    history = np.loadtxt("weekly.csv", delimiter=",", skiprows=1)[:, 2]
    assert sum(bars) == pytest.approx((history > 0).mean())
    assert isinstance(found.demand, PeriodicDemand)
    assert 1 - found.shares().none_fitted == pytest.approx(found.demand.probability, abs=1e-4)
    assert run("fit", "weekly.csv", "--column", "mixed", "-o", "p.svg")[0] == 0
    assert Path("p.svg").stat().st_size > 1000
