"""The command line as people and programs use it: output, files, statuses, interruptions."""

import csv
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

import simlevel as sl
from simlevel import cli, numbers, words
from simlevel.cli import status

QUICK = Path(__file__).parent.parent / "scenarios" / "quickstart.toml"
FEW = ["--replications", "3", "--horizon", "200"]


def command(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "simlevel", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, **more)


@pytest.fixture
def printed(capsys):
    """Run a command line: its status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = status([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def odd(tmp_path):
    """Policies with names that are hard to print, and a spreadsheet would run."""
    text = QUICK.read_text(encoding="utf-8")
    text = text.replace("[policies.current]", '[policies."=1+1"]')
    text = text.replace("[policies.proposed]", '[policies."日本|<b>"]')
    file = tmp_path / "odd.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_bare_command_says_three_next_steps(printed):
    code, out, _ = printed()
    assert code == 0
    assert [word in out for word in ("simlevel new", "simlevel check", "simlevel run")] == [
        True
    ] * 3


def test_json_is_one_document_and_nothing_else(printed):
    code, out, err = printed("run", QUICK, *FEW, "--json")
    found = json.loads(out, parse_constant=lambda word: pytest.fail(word))
    assert (code, err) == (0, "")
    assert set(found) >= {"schema", "simlevel", "scenario", "run", "policies", "differences"}
    assert found["schema"] == 1
    assert found["scenario"]["time_unit"] == "day"
    assert set(found["run"]) == {
        "engine", "seed", "replications", "horizon", "warmup", "confidence",
    }  # fmt: skip
    assert found["policies"]["current"]["parameters"] == {
        "kind": "rQ", "reorder_point": 24, "order_quantity": 30,
    }  # fmt: skip
    measures = found["policies"]["current"]["measures"]
    assert set(measures) == set(words.MEASURES)
    fill = measures["fill_rate"]
    assert fill["estimate"] == pytest.approx(fill["numerator"] / fill["denominator"])
    assert set(fill["analytic"]) == {"value", "formula", "exact", "source"}
    assert set(fill["target"]) == {"asked", "verdict"}
    assert measures["period_service_level"]["estimate"] is None
    assert "periodic" in measures["period_service_level"]["note"]
    assert found["differences"]["baseline"] == "current"
    assert set(found["differences"]["policies"]["proposed"]["fill_rate"]) == {
        "estimate", "low", "high", "verdict", "replications_to_tell", "note",
    }  # fmt: skip


def test_the_policies_that_may_be_best_are_named(printed):
    found = json.loads(printed("run", QUICK, *FEW, "--json")[1])["best"]
    assert (found["measure"], found["direction"]) == ("cost_per_time", "lowest")
    assert found["confidence"] == 0.95
    assert set(found["policies"]) <= set(found["behind"]) == {"current", "proposed"}
    by_service = ["run", QUICK, "--best", "cycle_service_level"]
    found = json.loads(printed(*by_service, "--json")[1])["best"]
    assert (found["direction"], found["policies"]) == ("highest", ["proposed"])
    _, out, _ = printed(*by_service)
    assert "highest cycle_service_level, at 95 %: proposed\n" in out
    assert "points behind the best" in out


def test_of_what_it_cannot_tell_it_says_what_would(printed):
    found = json.loads(printed("run", QUICK, "--json")[1])["differences"]["policies"]["proposed"]
    replications = found["cost_per_time"]["replications_to_tell"]
    assert found["cost_per_time"]["verdict"] == "cannot tell"
    assert replications > 20
    assert found["fill_rate"]["replications_to_tell"] is None
    _, out, _ = printed("run", QUICK)
    assert f"about {numbers.about(replications)} replications would tell" in out


def test_analyze_simulates_nothing(printed):
    _, out, _ = printed("analyze", QUICK, "--json")
    found = json.loads(out)
    fill = found["policies"]["current"]["measures"]["fill_rate"]
    assert (found["run"], found["differences"]) == (None, None)
    assert (fill["estimate"], fill["verdict"]) == (None, None)
    assert fill["analytic"]["exact"] is True
    assert {"formula", "value", "gap", "cause"} <= set(fill["textbook"][0])


def test_why_adds_up_to_the_whole_gap(printed):
    _, out, _ = printed("analyze", QUICK, "--why", "--json")
    found = json.loads(out)
    for policy, measures in found["why"].items():
        for name, steps in measures.items():
            exact = found["policies"][policy]["measures"][name]["analytic"]["value"]
            whole = sum(step["change"] for step in steps[1:])
            assert steps[0]["value"] + whole == pytest.approx(exact, abs=1e-12)


def test_a_result_is_written_in_every_kind(printed, odd, tmp_path):
    files = [tmp_path / f"out{ending}" for ending in (".json", ".csv", ".xlsx", ".md")]
    assert printed("run", odd, *FEW, *(x for f in files for x in ("-o", f)))[0] == 0
    assert set(tmp_path.iterdir()) == {odd, *files}
    assert json.loads(files[0].read_text("utf-8"))["policies"].keys() == {"=1+1", "日本|<b>"}
    raw = files[1].read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert {row["policy"] for row in rows} == {"'=1+1", "日本|<b>"}
    assert list(rows[0]) == [
        "policy", "measure", "estimate", "low", "high", "analytic", "exact", "verdict",
    ]  # fmt: skip
    book = openpyxl.load_workbook(files[2])
    assert book.sheetnames == ["measures", "differences", "best", "run"]
    assert book["measures"]["A2"].value == "'=1+1"
    assert "日本\\|\\<b\\>" in files[3].read_text("utf-8")


def test_an_unknown_ending_is_refused_before_the_work(printed, monkeypatch):
    monkeypatch.setattr(sl.studies.evaluate, "simulate", lambda *a, **k: pytest.fail("ran"))
    code, out, err = printed("run", QUICK, "-o", "x.docx")
    assert (code, out) == (2, "")
    assert ".json, .csv, .xlsx, .md" in err


def test_a_place_that_cannot_be_written_is_told(printed, tmp_path):
    code, _, err = printed("run", QUICK, *FEW, "-o", tmp_path / "none" / "x.json")
    assert code == 2
    assert "expected a folder that is there" in err


def test_new_writes_a_scenario_that_runs_and_never_overwrites(printed, tmp_path):
    file = tmp_path / "mine.toml"
    assert printed("new", file)[0] == 0
    assert (tmp_path / "scenario.schema.json").exists()
    assert printed("run", file, *FEW)[0] == 0
    before = file.read_bytes()
    code, _, err = printed("new", file)
    assert (code, file.read_bytes()) == (2, before)
    assert "exists, and is kept" in err
    code, _, err = printed("new", tmp_path / "other.toml", "--like", "quickstrt")
    assert code == 2
    assert "did you mean 'quickstart'?" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], "did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", QUICK, "--baseline", "curent"], "did you mean 'current'?"),
        (["run", QUICK, "--precision", "fil_rate=0.1"], "did you mean 'fill_rate'?"),
        (["run", QUICK, "--best", "cost_per_tim"], "did you mean 'cost_per_time'?"),
        (["run", QUICK, "--best", "fill_rate", "--replications", "1"], "two replications or more"),
        (["run", QUICK, "--precision", "fill_rate=0"], "above 0"),
        (["run", QUICK, "--precision", "fill_rate"], "MEASURE=HALF_WIDTH"),
        (["run", QUICK, "--horizon", "0"], "above 0"),
        (["run", QUICK, "--horizon", "1 lightyear"], "a unit of time"),
        (["run", QUICK, "--replications", "0"], "0"),
        (["trace", QUICK, "--until", "-1"], "above 0"),
        (["trace", QUICK, "--until", "5", "--policy", "x"], "expected one of current, proposed"),
        (["explain", "fil_rate"], "fill_rate"),
        (["run", QUICK, "--horizon", "1e14"], "at most"),
    ],
    ids=lambda value: " ".join(map(str, value[:1] + value[2:])) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_ends_with_status_2(arguments, words, printed):
    code, out, err = printed(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_targets_required_and_missed_give_status_1(printed):
    assert printed("run", QUICK, *FEW)[0] == 0
    assert printed("run", QUICK, "--require-targets")[0] == 1


def test_precision_is_reached_or_said_not_to_be(printed):
    code, out, err = printed("run", QUICK, "--precision", "fill_rate=0.001", "--json")
    found = json.loads(out)
    for policy in found["policies"].values():
        fill = policy["measures"]["fill_rate"]
        assert fill["high"] - fill["low"] <= 0.002
    assert f"reached after {found['run']['replications']} replications" in err
    few = ["--precision", "fill_rate=1e-9", "--max-replications", "25", *FEW]
    assert "not reached after 25 replications" in printed("run", QUICK, *few)[2]
    assert code == 0


def test_an_internal_error_says_how_to_report_it(printed, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("of our own making")

    monkeypatch.setattr("simlevel.studies.evaluate.analyze", broken)
    code, out, err = printed("analyze", QUICK)
    assert (code, out) == (3, "")
    assert "please report it" in err
    assert "Traceback" not in err
    assert "Traceback" in printed("--debug", "analyze", QUICK)[2]


@pytest.mark.parametrize("policies", [1, 2, 3, 5])
def test_the_table_fits_80_columns_and_has_no_colour_when_piped(policies, printed, tmp_path):
    text = QUICK.read_text(encoding="utf-8").split("[policies.current]")[0]
    for number in range(policies):
        name = f"a rather long name of a policy number {number}"
        text += f'[policies."{name}"]\nkind = "rQ"\nreorder_point = {20 + number}\n'
        text += "order_quantity = 30\n"
    file = tmp_path / "many.toml"
    file.write_text(text, encoding="utf-8")
    _, out, _ = printed("run", file, *FEW)
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    blocks = [line for line in out.splitlines() if line.startswith("Type II: fill rate  ")]
    assert len(blocks) == (policies + 1) // 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_narrow_encoding_does_not_stop_it(encoding, odd):
    done = command("run", odd, *FEW, env=os.environ | {"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Type II: fill rate" in done.stdout


IMPORTED = "import sys; from simlevel.cli import status; status(sys.argv[1:]); print(*sys.modules)"


@pytest.mark.parametrize(
    ("arguments", "none_of"),
    [
        (["--help"], ["numba", "pandas", "matplotlib", "scipy.stats", "numpy"]),
        (["check", QUICK], ["numba", "pandas", "matplotlib", "scipy.stats"]),
        (["run", QUICK, *FEW], ["pandas", "matplotlib", "scipy.stats", "jinja2"]),
    ],
    ids=["help", "check", "run"],
)
def test_heavy_imports_stay_where_they_are_needed(arguments, none_of):
    line = [sys.executable, "-c", IMPORTED, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "simlevel" in loaded
    assert loaded & set(none_of) == set()


def test_the_trace_is_a_table_and_a_file(printed, tmp_path):
    file = tmp_path / "trace.csv"
    _, out, _ = printed("trace", QUICK, "--until", "20", "--policy", "proposed", "-o", file)
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    assert len(out.splitlines()) == len(rows) + 1
    assert {row["event"] for row in rows} == {"demand", "order", "receive"}
    for row in rows:
        net, position = float(row["after"]), float(row["position"])
        assert position == net + float(row["outstanding"])
        assert float(row["waiting"]) == max(-net, 0)
        assert float(row["time"]) < 20


def test_explain_lists_every_card_and_shows_one(printed):
    _, everything, _ = printed("explain")
    assert all(name in everything for name in (*words.MEASURES, "rQ", "sS", "base_stock"))
    assert "Units delivered from the shelf" in printed("explain", "fill_rate")[1]


def test_results_in_python_are_frozen_tidy_and_shown_in_notebooks():
    result = sl.simulate(sl.load(QUICK), replications=3, horizon=100)
    frame = result.to_frame()
    assert list(frame.columns) == [
        "policy", "measure", "estimate", "low", "high", "analytic", "exact", "verdict",
    ]  # fmt: skip
    assert len(frame) == 2 * len(words.MEASURES)
    with pytest.raises(AttributeError):
        result.run = None
    page = result._repr_html_()
    assert page.count("<tr>") > 10
    assert "<th>Mean wait, days</th>" in page
    scenario = result.scenario.model_copy(update={"name": "<script>"})
    assert "<script>" not in sl.analyze(scenario)._repr_html_()


def test_a_trace_and_a_sweep_are_tables_in_notebooks_whatever_a_policy_is_called():
    scenario = sl.load(QUICK)
    named = scenario.model_copy(update={"policies": {"<script>": scenario.policies["current"]}})
    events = sl.trace(named, until=3)
    swept = sl.sweep(named, {"lead_time.value": [1, 2]}, replications=2, horizon=50)
    for found in (events, swept):
        assert found._repr_html_().count("<tr") > 10
        assert "<script>" not in found._repr_html_()


@pytest.mark.parametrize("engine", ["fast", "simpy"])
def test_nobody_waiting_is_a_plain_zero(engine):
    events = sl.trace(sl.load(QUICK), until=30, engine=engine).events
    empty = [event for event in events if event.after == 0]
    assert empty
    assert all(math.copysign(1, event.waiting) == 1 for event in empty)


IN_PYTHON = "import sys, simlevel as sl; {}; print('matplotlib' in sys.modules)"


@pytest.mark.parametrize(("done", "loaded"), [("sl.load", False), ("sl.figures.waiting", True)])
def test_pictures_are_loaded_when_they_are_asked_for(done, loaded):
    line = [sys.executable, "-c", IN_PYTHON.format(done)]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(loaded)]
    assert "figures" in dir(sl)


def test_only_the_command_line_prints_and_exits():
    for path in Path(cli.__file__).parent.rglob("*.py"):
        if path.name not in ("cli.py", "bench.py"):  # the two that are run
            text = path.read_text(encoding="utf-8")
            assert re.findall(r"(?<!\.)\bprint\(|click\.echo|sys\.exit", text) == [], path
