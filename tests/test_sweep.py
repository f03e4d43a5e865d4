"""Sweeps: one run counted at many levels is a run at each; their tables; what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import chosen, scenarios, worded
from test_scenario_file import run

import simlevel as sl
from simlevel.engines.curve import FastCurve
from simlevel.engines.fast import FastEngine
from simlevel.engines.ledger import Job, Windows
from simlevel.errors import InputError
from simlevel.scenario_file import varied
from simlevel.studies import sweep as study
from simlevel.templates import shipped

QUICK = str(shipped()["quickstart"])
SMALL = {"replications": 3, "horizon": 60}
CASES = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
STEPS = st.sets(st.integers(1, 30), max_size=12)
CURVE = {"shortage": "backorder", "start": "full", "within": "none"}


# --- one run, many levels ------------------------------------------------------------------------


def family(
    scenario: sl.Scenario, steps: set[int], size: float = 1.0, windows: Windows | None = None
) -> Job:
    """A job of the policy p with others that are a few steps of *size* higher, lowest first."""
    given_, lowest = scenario.simulation, scenario.policies["p"]
    levels = [round(lowest.trigger + n * size, 6) for n in sorted({0, *steps})]
    policies = {str(n): lowest.at(level) for n, level in enumerate(levels)}
    together = scenario.model_copy(update={"policies": policies})
    windows = windows or Windows(given_.warmup, given_.horizon)
    return Job.of(together, "0", windows, given_.seed)


def differ(job: Job, ahead: int = 0, replication: int = 3) -> set[str]:
    """Totals in which the curve and a run at that level, or *ahead* of it, differ anywhere."""
    names, curve = list(job.scenario.policies), FastCurve(job).run(replication)
    found = set()
    for row, name in zip(curve, names[ahead:], strict=False):
        same = equal(job, row, FastEngine(alone(job, name)).run(replication)[0])
        found |= {n for n, each in zip(job.columns, same, strict=True) if not each}
    return found


def alone(job: Job, name: str) -> Job:
    """That policy by itself."""
    one = job.scenario.model_copy(update={"policies": {name: job.scenario.policies[name]}})
    return Job.of(one, name, job.windows, job.seed)


def equal(job: Job, found: Any, expected: Any) -> Any:
    """Exactly, but for sums of times between the ticks."""
    demand, lead_time = job.scenario.demand, job.scenario.lead_time.distribution
    gap = getattr(demand, "interarrival", None)
    if demand.kind == "poisson" or lead_time.is_continuous or (gap and gap.is_continuous):
        counts = [not name.startswith(("area", "time")) for name in job.columns]
        return np.where(counts, found == expected, np.isclose(found, expected, rtol=1e-9, atol=0))
    return found == expected


@pytest.mark.parametrize(
    ("amount", "size"), [("unit", 1), ("whole", 1), ("decimal", 0.1), ("continuous", 0.7)]
)
@CASES
@given(data=st.data())
def test_a_curve_is_a_run_at_each_level(amount, size, data):
    scenario = data.draw(scenarios(**CURVE, amount=amount))
    assert differ(family(scenario, data.draw(STEPS), size)) == set()


@CASES
@given(scenarios(**CURVE, demand="periodic", lead_time="constant"), STEPS)
def test_so_it_is_where_all_happens_in_whole_periods(scenario, steps):
    every = scenario.demand.every
    lead_time = {"dist": "constant", "value": 3 * every}
    changes = {("lead_time",): lead_time}
    if scenario.policies["p"].review_period:
        changes["policies", "p", "review_period"] = 2 * every
    whole = family(varied(scenario, changes), steps, windows=Windows(4 * every, 60 * every))
    assert FastEngine(whole).lag == 3
    assert differ(whole) == set()


@CASES
@given(scenarios(**CURVE, demand="poisson", lead_time="constant", clock="continuous"), STEPS)
def test_so_it_is_where_customers_are_watched(scenario, steps):
    job = family(varied(scenario, {("lead_time",): 2.5}), steps, windows=Windows(3, 40))
    assert FastEngine(job).one_by_one
    assert differ(job) == set()


def test_a_shift_by_one_would_be_seen():
    levels = set(range(30))
    job = family(quick(**RQ), levels, windows=Windows(5, 200))
    assert differ(job) == set()
    assert differ(job, ahead=1) >= {
        "customers_whole", "units_from_shelf", "units_from_shelf_in_lead_time", "area_on_hand",
        "cycles_without_stockout", "net_inventory_before_receipts", "area_backorders",
        "time_in_stock",
    }  # fmt: skip


@CASES
@given(scenarios(**CURVE), STEPS)
def test_a_higher_level_never_serves_worse_on_the_same_draws(scenario, steps):
    job = family(scenario, steps)
    totals = dict(zip(job.columns, FastCurve(job).run(0).T, strict=True))
    for name in ("cycles_without_stockout", "units_from_shelf", "customers_whole"):
        assert (np.diff(totals[name]) >= 0).all(), name
    for name in ("cycles", "units_demanded", "orders"):
        assert (np.diff(totals[name]) == 0).all(), name


def quick(**policy: object) -> sl.Scenario:
    """The quickstart with one policy, p."""
    return varied(sl.load(QUICK), {("policies",): {"p": policy}})


RQ = {"kind": "rQ", "reorder_point": 20, "order_quantity": 60}
SS = {"kind": "sS", "reorder_point": 20, "order_up_to": 80}
BASE = {"kind": "base_stock", "order_up_to": 30}


@pytest.mark.parametrize(
    ("policy", "key", "changes", "runs"),
    [
        (RQ, "policies.p.reorder_point", {}, 1),
        (BASE, "policies.p.order_up_to", {}, 1),
        (SS, "policies.p.reorder_point+order_up_to", {}, 1),
        (SS, "policies.p.reorder_point", {}, 3),
        (RQ, "policies.p.order_quantity", {}, 3),
        (RQ, "policies.p.reorder_point", {("shortage",): "lost_sales"}, 3),
        (RQ, "policies.p.reorder_point", {("start", "net_inventory"): 40}, 3),
        (RQ, "policies.p.reorder_point", {("measures", "served_within"): [1]}, 3),
    ],
)
def test_points_take_one_run_where_one_path_serves_them_all(policy, key, changes, runs):
    scenario = varied(quick(**policy), changes)
    plan = study._plan(study.with_settings(scenario, 1, 2, 50, None), {key: "21:23"}, "fast")
    assert len(plan.runs) == runs


# --- the points ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vary",
    [
        {"policies.current.reorder_point": [20, 25], "lead_time.value": [2, "4 days"]},
        {"policies.proposed.reorder_point+order_up_to": [15, 22]},
        {"shortage": ["lost_sales"], "demand.rate": [4.0, 5.5]},
        {"demand.size": [1, {"dist": "geometric", "mean": 2}]},
        {"costs.holding": [0.1, 0.3], "targets.fill_rate": ["95%", 0.99]},
    ],
    ids=lambda vary: " ".join(vary),
)
def test_each_point_is_what_run_says_of_that_scenario(vary):
    scenario = varied(sl.load(QUICK), {("simulation", "warmup"): 20})
    found = sl.sweep(scenario, vary, **SMALL)
    assert len(found.points) == np.prod([len(values) for values in vary.values()])
    for point in found.points:
        changes = {tuple(key.split("+")[0].split(".")): v for key, v in point.values.items()}
        if "policies.proposed.reorder_point+order_up_to" in vary:
            gap = scenario.policies["proposed"].batch
            reorder_point = point.values["policies.proposed.reorder_point+order_up_to"]
            changes["policies", "proposed", "order_up_to"] = reorder_point + gap
        alone = sl.simulate(varied(scenario, changes), **SMALL)
        for name, policy in alone.policies.items():
            assert point.policies[name].parameters == policy.parameters
            for measure, result in policy.measures.items():
                swept = point.policies[name].measures[measure]
                assert swept.analytic == result.analytic
                assert swept.target == result.target
                for each in ("estimate", "low", "high"):
                    ours, theirs = getattr(swept, each), getattr(result, each)
                    assert ours == theirs or ours == pytest.approx(theirs, rel=1e-9), measure


def test_differences_at_a_point_are_those_of_run_there():
    """Of one point alone: over several they hold together, and are wider."""
    scenario = varied(sl.load(QUICK), {("simulation", "warmup"): 20})
    key = "policies.current.reorder_point"
    (point,) = sl.sweep(scenario, {key: [24]}, baseline="proposed", **SMALL).points
    assert point.differences == sl.simulate(scenario, baseline="proposed", **SMALL).differences
    points = sl.sweep(scenario, {key: [20, 24]}, baseline="proposed", **SMALL).points
    for name, wider in points[1].differences["current"].items():
        narrow = point.differences["current"][name]
        assert (wider.low <= narrow.low) & (narrow.high <= wider.high)
    alone = sl.sweep(scenario, {key: [24]}, policy="current", **SMALL)
    assert (alone.baseline, alone.points[0].differences) == (None, None)


def test_every_point_gets_replications_until_each_is_precise_enough():
    vary = {"policies.current.reorder_point": [20, 25], "lead_time.value": [3, 4]}
    asked = {"replications": 5, "horizon": 60, "precision": {"fill_rate": 0.01}}
    found = sl.sweep(sl.load(QUICK), vary, **asked)
    widths = [policy.measures["fill_rate"].high - policy.measures["fill_rate"].low
              for point in found.points for policy in point.policies.values()]  # fmt: skip
    assert max(widths) <= 2 * 0.01
    assert found.run.replications > 5
    again = sl.sweep(sl.load(QUICK), vary, replications=found.run.replications, horizon=60)
    assert [p.policies for p in again.points] == [p.policies for p in found.points]
    assert [p.differences for p in again.points] == [p.differences for p in found.points]
    few = sl.sweep(sl.load(QUICK), vary, **asked, max_replications=6)
    assert few.run.replications == 6


def test_an_interrupt_while_it_gets_more_precise_leaves_what_all_points_have():
    def stop(done: int, planned: int) -> None:
        nonlocal looks
        looks += done == planned
        if looks and done < planned:
            raise KeyboardInterrupt

    looks = 0
    asked = {"replications": 5, "horizon": 60, "precision": {"fill_rate": 0.001}}
    vary = {"lead_time.value": [3, 4]}
    found = sl.sweep(sl.load(QUICK), vary, **asked, progress=stop)
    assert (found.interrupted, found.run.replications, len(found.points)) == (True, 5, 2)


def test_targets_go_before_those_of_the_file():
    vary = {"policies.current.reorder_point": [0, 60]}
    found = sl.sweep(sl.load(QUICK), vary, targets={"fill_rate": "80%"}, **SMALL)
    targets = [point.policies["current"].measures["fill_rate"].target for point in found.points]
    assert [(t.asked, t.verdict) for t in targets] == [(0.8, "missed"), (0.8, "met")]
    other = found.points[0].policies["current"].measures["cycle_service_level"]
    assert other.target is None


def test_engines_give_the_same_table():
    vary = {"policies.current.reorder_point": [20, 30]}
    fast, slow = (
        sl.sweep(sl.load(QUICK), vary, engine=engine, **SMALL).to_frame()
        for engine in ("fast", "simpy")
    )
    assert np.allclose(fast[["estimate", "low", "high"]].astype(float),
                       slow[["estimate", "low", "high"]].astype(float),
                       rtol=1e-9, equal_nan=True)  # fmt: skip


def test_all_points_share_the_longest_window():
    scenario = quick(**RQ)
    found = sl.sweep(scenario, {"policies.p.order_quantity": [60, 2000]}, replications=2)
    longest = sl.simulate(quick(**RQ | {"order_quantity": 2000}), replications=2)
    assert found.run == longest.run


def test_the_window_suits_the_reviews_and_patterns_of_all_points():
    scenario = varied(quick(**RQ | {"review_period": 2}), {("demand",): {
        "kind": "periodic", "quantity": 5, "pattern": [1, 2, 1, 1, 1]}})  # fmt: skip
    found = sl.sweep(scenario, {"policies.p.review_period": [2, 3]}, replications=2)
    assert found.run.horizon % (2 * 3 * 5) == found.run.warmup % (2 * 3 * 5) == 0
    alone = sl.simulate(varied(scenario, {("policies", "p", "review_period"): 3}), replications=2)
    assert found.run.horizon >= alone.run.horizon > 0
    asked = sl.sweep(scenario, {"policies.p.review_period": [2, 3]}, replications=2, horizon=401)
    assert asked.run.horizon == 401


def test_what_does_not_vary_is_simulated_once(monkeypatch):
    made = []
    monkeypatch.setattr(study, "engine_of", lambda *job: made.append(job) or FastEngine(job[0]))
    sl.sweep(sl.load(QUICK), {"policies.current.reorder_point": "20:30"}, **SMALL)
    assert len(made) == 1


def test_one_policy_alone_is_swept_as_among_others():
    vary = {"policies.current.reorder_point": [20, 25]}
    every, one = (sl.sweep(sl.load(QUICK), vary, policy=p, **SMALL) for p in (None, "current"))
    frame = every.to_frame()
    same = frame[frame.policy == "current"].drop(columns="verdict").reset_index(drop=True)
    assert one.to_frame().drop(columns="verdict").equals(same)
    with pytest.raises(InputError, match="did you mean 'current'"):
        sl.sweep(sl.load(QUICK), vary, policy="curent")


def test_an_interrupt_leaves_the_points_that_are_finished():
    def stop(done: int, planned: int) -> None:
        if done == 2 * planned // 3:
            raise KeyboardInterrupt

    vary = {"lead_time.value": [2, 3, 4]}
    found = sl.sweep(sl.load(QUICK), vary, policy="current", progress=stop, **SMALL)
    assert found.interrupted
    assert [point.values["lead_time.value"] for point in found.points] == [2, 3]
    with pytest.raises(KeyboardInterrupt):
        sl.sweep(sl.load(QUICK), {"lead_time.value": [2]}, progress=stop, **SMALL)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(chosen({}).flatmap(lambda words: worded(**words)))
def test_a_scenario_written_out_again_is_the_same(found):
    _, scenario = found
    assert varied(scenario, {}).model_dump() == scenario.model_dump()


def test_another_column_is_read(tmp_path):
    Path(tmp_path / "sales.csv").write_text("a,b\n1,10\n2,20\n", encoding="utf-8")
    text = Path(QUICK).read_text(encoding="utf-8")
    file = tmp_path / "s.toml"
    head = text[: text.index("[demand]")]
    rest = text[text.index("[lead_time]") :]
    demand = '[demand]\nkind = "history"\nfile = "sales.csv"\ncolumn = "a"\n'
    file.write_text(head + demand + rest, encoding="utf-8")
    found = sl.sweep(sl.load(file), {"demand.column": ["a", "b"]}, **SMALL)
    asked = [p.policies["current"].measures["demand_per_time"].estimate for p in found.points]
    assert asked[1] == 10 * asked[0]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("2,4,8", (2, 4, 8)),
        ("20:60:20", (20, 40, 60)),
        ("0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("-1:1", (-1, 0, 1)),
        ("1:2:5", (1,)),
        ("2 weeks, 5", ("2 weeks", 5)),
        ('"97.5%",0.9', ("97.5%", 0.9)),
        ("97.5%", ("97.5%",)),
        ('["a","b"],["c"]', (["a", "b"], ["c"])),
        ("backorder,lost_sales", ("backorder", "lost_sales")),
    ],
)
def test_values_are_listed_or_a_range(text, values):
    assert study.spread(text) == values


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ("policies.curent.reorder_point=1,2", "did you mean 'current'?"),
        ("policies.other.reorder_point=1,2", "expected one of current, proposed, found other"),
        ("lead_time.value.mean=1", "lead_time.value: expected a table, found a value"),
        ("policies.current.reorder_pont=1,2", "did you mean 'reorder_point'?"),
        ("polices.current.reorder_point=1", "did you mean 'policies'?"),
        ("demand.rate=5,-1", "--vary demand.rate=-1: demand.rate: expected a number above 0"),
        ("policies.proposed.order_up_to=1", "expected order_up_to above reorder_point"),
        ("lead_time.value=5:1", "A at most B, found 5:1"),
        ("lead_time.value=1:5:0", "a step above 0"),
        ("lead_time.value=9:1:-1", "a step above 0"),
        ("lead_time.value=1:99999", "at most 10,000 points, found 99,999"),
        ("lead_time.value=1:1e15:0.1", "at most 10,000 points"),
        ("lead_time.value", "expected KEY=VALUES"),
        ("lead_time.value=", "expected KEY=VALUES"),
        ("lead_time.value=2,,4", "expected values such as 2,4,8"),
        ("lead_time.value=nan", "expected a number"),
        ("simulation.seed=1,2", "one of the run"),
        ("policies.current.reorder_point+kind=1,2", "that are numbers"),
        ("a b=1", "expected a key of the file"),
        ("=1", "expected KEY=VALUES"),
    ],
)
def test_what_is_typed_wrongly_is_said(vary, said):
    code, out, err = run("sweep", QUICK, "--vary", vary)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--precision=fill_rate", "expected MEASURE=HALF_WIDTH"),
        ("--precision=fil_rate=0.1", "did you mean 'fill_rate'?"),
        ("--precision=fill_rate=0", "expected a half-width above 0"),
        ("--target=fill_rate", "expected MEASURE=VALUE"),
        ("--target=fill_rate=2", "--target fill_rate: expected a share"),
        ("--target=gamma_service_level=0.9", "a measure that this scenario has"),
        ("--baseline=curent", "did you mean 'current'?"),
        ("--max-replications=1", "1 is not in the range"),
    ],
)
def test_a_wrong_value_of_an_option_is_one_line(option, said):
    code, out, err = run("sweep", QUICK, "--vary", "lead_time.value=4", option)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_key_twice_and_too_many_points_in_all_are_refused():
    code, _, err = run("sweep", QUICK, "--vary", "demand.rate=1", "--vary", "demand.rate=2")
    assert (code, "expected each key once" in err) == (2, True)
    many = ["--vary", "demand.rate=1:101", "--vary", "lead_time.value=1:100"]
    code, _, err = run("sweep", QUICK, *many)
    assert (code, "at most 10,000 points, found 10,100" in err) == (2, True)
    twice = {
        "policies.proposed.reorder_point+order_up_to": [1],
        "policies.proposed.order_up_to": [9],
    }
    with pytest.raises(InputError, match="order_up_to again"):
        sl.sweep(sl.load(QUICK), twice)


def test_no_keys_and_no_values_are_refused():
    for vary in ({}, {"demand.rate": []}):
        with pytest.raises(InputError, match="expected at least one"):
            sl.sweep(sl.load(QUICK), vary)


def test_a_sweep_without_end_is_refused():
    code, _, err = run("sweep", QUICK, "--vary", "demand.rate=1:10", "--horizon", "1e8")
    assert (code, "expected a run of at most" in err) == (2, True)


# --- what is shown -------------------------------------------------------------------------------

FEW = ["--replications", "3", "--horizon", "60"]
VARY = ["--vary", "policies.current.reorder_point=20:30:5", "--vary", "lead_time.value=2,4"]


def test_the_document_is_that_of_the_contract():
    code, out, err = run("sweep", QUICK, *VARY, *FEW, "--json")
    document = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))
    assert (code, err) == (0, "")
    assert document["schema"] == 1
    assert document["keys"] == ["policies.current.reorder_point", "lead_time.value"]
    places = [tuple(point["values"].values()) for point in document["points"]]
    assert places == [(r, lead) for r in (20, 25, 30) for lead in (2, 4)]
    first = document["points"][0]["policies"]
    assert list(first) == ["current", "proposed"]
    assert first["current"]["parameters"]["reorder_point"] == 20
    assert first["current"]["measures"]["fill_rate"]["analytic"]["exact"]
    differences = document["points"][0]["differences"]
    assert differences["baseline"] == "current"
    assert differences["policies"]["proposed"]["mean_on_hand"]["estimate"] > 0


def test_files_hold_one_tidy_table(tmp_path):
    names = [tmp_path / f"found{ending}" for ending in (".csv", ".xlsx", ".md", ".json")]
    options = [word for name in names for word in ("-o", str(name))]
    code, _, _ = run("sweep", QUICK, *VARY, *FEW, *options)
    assert code == 0
    with names[0].open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    measures = len(sl.load(QUICK).measure_words())
    assert rows[0][:4] == ["policies.current.reorder_point", "lead_time.value", "policy", "measure"]
    assert len(rows) == 1 + 6 * 2 * measures
    sheet = openpyxl.load_workbook(names[1])["measures"]
    assert (sheet.max_row, sheet.max_column) == (len(rows), len(rows[0]))
    assert names[2].read_text(encoding="utf-8").count("\n| 20 | 2 |") == 2 * measures
    assert len(json.loads(names[3].read_text(encoding="utf-8"))["points"]) == 6


def test_the_table_has_the_exact_value_beside_each_estimate():
    code, out, _ = run("sweep", QUICK, *VARY, *FEW)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    head = next(line for line in out.splitlines() if line.startswith("current.reorder_point"))
    assert " ".join(head.split()).endswith("policy Type II, % exact target 98 %")
    assert len([line for line in out.splitlines() if "±" in line and "current" in line]) == 6
    differences = out[out.index("\nless current\n") :]
    assert len([line for line in differences.splitlines() if "proposed" in line]) == 6


def test_a_target_has_its_verdict_where_there_is_room():
    vary = ["--vary", "policies.current.reorder_point=0,60", "--policy", "current"]
    code, out, _ = run("sweep", QUICK, *vary, *FEW, "--target", "fill_rate=80%")
    assert code == 0
    assert "exact target 80 %" in out
    verdicts = [line.split()[4] for line in out.splitlines() if line.startswith(("0 ", "60 "))]
    assert verdicts == ["missed", "met"]
    assert "less current" not in out
