"""The command line in pipes, on terminals and in trouble; its options and its documents."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_scenario_file import complete, run

import simlevel as sl
from simlevel import cli, saving, words
from simlevel.templates import shipped

QUICK = str(shipped()["quickstart"])
FEW = ["--replications", "3", "--horizon", "100"]
COMMANDS = sorted(cli.app.commands)


def command(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "simlevel", *arguments]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def document(*arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    """Write a scenario to s.toml, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda text="": Path("s.toml").write_text(complete(text), encoding="utf-8")


# --- help, and what is typed wrongly -----------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_where_to_read_on(name):
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: simlevel {name}")
    assert max(map(len, out.splitlines())) <= 80
    assert run(name, "-h") == (code, out, err)
    code, out, err = run(name, "--zzz")
    assert (code, out) == (2, "")
    assert err == f"simlevel {name}: No such option '--zzz' (see simlevel {name} --help)\n"


@pytest.mark.parametrize("name", ["run", "analyze", "verify", "trace"])
def test_results_can_be_had_as_json_and_in_files(name):
    options = {option for each in cli.app.commands[name].params for option in each.opts}
    assert options >= {"--json", "-o"}


def test_the_contract_s_options_of_run_are_there():
    options = {option for each in cli.app.commands["run"].params for option in each.opts}
    assert options >= {
        "--seed", "--replications", "--horizon", "--engine", "--precision", "--max-replications",
        "--baseline", "--best", "--require-targets", "--window",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "near"),
    [(["chek", QUICK], "'check'"), (["anlayze"], "'analyze'"), (["explian"], "'explain'"),
     (["run", QUICK, "--replication", "3"], "'--replications'"), (["new"], "FILE")],
)  # fmt: skip
def test_a_mistyped_command_line_is_answered_in_one_line(typed, near):
    code, out, err = run(*typed)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert near in err


def test_the_version_is_that_of_the_package():
    assert run("--version") == (0, f"simlevel {sl.__version__}\n", "")


def test_explain_begins_with_its_first_group():
    assert run("explain")[1].splitlines()[0] == "measure"


def test_schema_prints_the_schema():
    assert json.loads(run("schema")[1]) == sl.schema()


# --- documents -----------------------------------------------------------------------------------

MEASURE = {
    "estimate", "low", "high", "numerator", "denominator", "analytic", "verdict", "textbook",
    "target", "note",
}  # fmt: skip
VERDICTS = {"agrees", "disagrees", "approximation", "inconclusive", "no formula", None}


@pytest.mark.parametrize("name", ["run", "analyze"])
def test_the_document_has_the_shape_of_the_contract(name):
    found = document(name, QUICK, *(FEW if name == "run" else []))
    assert set(found) >= {"schema", "simlevel", "scenario", "run", "policies", "differences"}
    assert set(found["scenario"]) >= {"name", "file", "sha256", "time_unit"}
    assert list(found["policies"]) == ["current", "proposed"]
    for policy in found["policies"].values():
        assert policy["parameters"]["kind"] in ("rQ", "sS")
        assert set(policy["measures"]) == set(words.MEASURES)
        for each in policy["measures"].values():
            assert set(each) == MEASURE
            assert each["verdict"] in VERDICTS
            assert each["analytic"] is None or set(each["analytic"]) == {
                "value", "formula", "exact", "source",
            }  # fmt: skip
            assert each["estimate"] is not None or name == "analyze" or each["note"]
    asked = found["policies"]["current"]["measures"]["fill_rate"]["target"]
    assert asked["asked"] == 0.98
    assert (asked["verdict"] is None) == (name == "analyze")


def test_one_policy_has_no_differences_and_three_have_two(scenario):
    scenario()
    assert document("run", "s.toml", *FEW)["differences"] is None
    more = '[policies.{}]\nkind = "base_stock"\norder_up_to = 60\n'
    scenario("".join(map(more.format, "abc")))
    found = document("run", "s.toml", *FEW, "--baseline", "b")["differences"]
    assert (found["baseline"], list(found["policies"])) == ("b", ["a", "c"])
    verdicts = {each["verdict"] for side in found["policies"].values() for each in side.values()}
    assert verdicts == {"cannot tell"}  # the same policy three times


def test_the_other_baseline_turns_every_difference_round():
    one = document("run", QUICK, *FEW)["differences"]["policies"]["proposed"]
    other = document("run", QUICK, *FEW, "--baseline", "proposed")["differences"]
    turned = other["policies"]["current"]
    assert set(turned) == set(one)
    for name, each in one.items():
        assert turned[name]["estimate"] == -each["estimate"]
        assert (turned[name]["low"], turned[name]["high"]) == (-each["high"], -each["low"])


def test_a_seed_is_the_whole_run_and_another_seed_another():
    first = run("run", QUICK, *FEW, "--seed", "7")
    assert run("run", QUICK, *FEW, "--seed", "7") == first
    assert run("run", QUICK, *FEW, "--seed", "8") != first
    assert "seed 7" in first[1]


def test_one_replication_has_no_interval_and_says_so():
    found = document("run", QUICK, "--replications", "1", "--horizon", "100")
    fill = found["policies"]["current"]["measures"]["fill_rate"]
    assert (fill["low"], fill["high"]) == (None, None)
    assert fill["note"] == "one replication: no interval"


def test_a_horizon_may_be_a_duration():
    assert document("run", QUICK, "--replications", "2", "--horizon", "2 weeks") == document(
        "run", QUICK, "--replications", "2", "--horizon", "14"
    )


def test_a_warning_goes_to_standard_error_and_into_the_document(scenario):
    scenario('[demand]\nkind = "periodic"\nquantity = { dist = "normal", mean = 5, sd = 5 }')
    code, out, err = run("run", "s.toml", *FEW, "--json")
    assert code == 0
    (warning,) = json.loads(out)["warnings"]
    assert "15.9% of the normal draws fall below 0" in warning
    assert err == f"simlevel: {warning}\n"


# --- files ---------------------------------------------------------------------------------------


def test_files_hold_what_the_document_holds(scenario):
    scenario('shortage = "lost_sales"\n[policies."=1+1"]\nkind = "base_stock"\norder_up_to = 40')
    found = document("run", "s.toml", *FEW, "-o", "a.JSON", "-o", "a.csv", "-o", "a.md")
    assert json.loads(Path("a.JSON").read_text("utf-8")) == found
    measures = found["policies"]["=1+1"]["measures"]
    rows = list(csv.DictReader(Path("a.csv").read_text("utf-8-sig").splitlines()))
    assert {row["policy"] for row in rows} == {"'=1+1"}
    assert [row["measure"] for row in rows] == list(measures)
    for row in rows:
        estimate = measures[row["measure"]]["estimate"]
        assert row["estimate"] == ("" if estimate is None else repr(estimate))
    texts = [Path(name).read_text("utf-8-sig") for name in ("a.JSON", "a.csv", "a.md")]
    assert not any(re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE) for text in texts)


def test_every_place_that_cannot_be_written_is_told_before_the_work(scenario, monkeypatch):
    scenario()
    Path("folder.csv").mkdir()
    monkeypatch.setattr("simlevel.draws.generator", lambda *a, **k: pytest.fail("it draws"))
    ending = "expected an ending of .json, .csv, .xlsx, .md, .svg, .png, .pdf, .html"
    bad = {
        "a.docx": f"{ending}, found .docx",
        "a": f"{ending}, found none",
        "none/a.json": "expected a folder that is there, found no none",
        "folder.csv": "expected a file to write, found a directory",
    }
    options = [part for name in bad for part in ("-o", name)]
    code, out, err = run("run", "s.toml", "-o", "good.json", *options)
    assert (code, out) == (2, "")
    assert err.splitlines() == [f"-o {name}: {reason}" for name, reason in bad.items()]
    assert not Path("good.json").exists()


def test_what_was_there_is_kept_where_writing_fails_half_way(scenario, monkeypatch):
    scenario()
    Path("a.csv").write_text("old")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving.os, "replace", full)
    code, _, err = run("run", "s.toml", *FEW, "-o", "a.csv")
    assert code == 2
    assert err == "a.csv: expected a place to write to, found: no space left on device\n"
    assert {path.name for path in Path().iterdir()} == {"s.toml", "a.csv"}
    assert Path("a.csv").read_text() == "old"


def test_a_workbook_without_openpyxl_is_refused_with_what_to_install(scenario, monkeypatch):
    scenario()
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    code, _, err = run("run", "s.toml", "-o", "a.xlsx")
    assert code == 2
    assert 'pip install "simlevel[excel]"' in err


def test_new_copies_the_records_and_keeps_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = next(n for n, path in shipped().items() if 'file = "' in path.read_text("utf-8"))
    assert run("new", "mine.toml", "--like", name)[0] == 0
    assert run("run", "mine.toml", *FEW)[0] == 0
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert run("new", "mine.toml")[0] == 2
    assert run("new", "none/mine.toml")[0] == 2
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


# --- targets, trouble, interruptions ---------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("", 0),
        ("[targets]\nfill_rate = 0.01\nmean_on_hand = 1000", 0),
        ("[targets]\nmean_on_hand = 0.01", 1),
        ("[targets]\nmean_on_hand = 1000\nfill_rate = 1", 1),
    ],
    ids=["none", "met", "missed", "cannot tell"],
)
def test_required_targets_decide_the_status(targets, expected, scenario):
    scenario(targets)
    assert run("run", "s.toml", *FEW)[0] == 0
    assert run("run", "s.toml", *FEW, "--require-targets")[0] == expected


def test_an_internal_error_is_told_in_two_lines_and_shown_on_request(monkeypatch):
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("of our own making\nwith a second line")

    monkeypatch.setattr("simlevel.studies.evaluate.simulate", broken)
    code, out, err = run("run", QUICK)
    assert (code, out) == (3, "")
    first, second = err.splitlines()
    assert first == "simlevel: internal error: RuntimeError: of our own making"
    assert "please report it" in second
    assert f"simlevel {sl.__version__}" in second
    for line in (["--debug", "run", QUICK], ["run", QUICK, "--debug"]):
        code, _, err = run(*line)
        assert code == 3
        assert err.startswith("Traceback (most recent call last):")


def test_an_interrupt_prints_the_replications_that_are_finished(monkeypatch):
    calls = []

    def progress(bar: object, done: int, planned: int) -> None:
        calls.append(done)
        if len(calls) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(sl.ProgressBar, "__call__", progress)
    code, out, err = run("run", QUICK, "--horizon", "50", "--engine", "simpy", "--json")
    assert code == 130
    assert 1 <= json.loads(out)["run"]["replications"] < 20
    assert err == "simlevel: interrupted: this is what was finished\n"


def test_an_interrupt_before_anything_is_finished_says_so_and_no_more(monkeypatch):
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simlevel.studies.evaluate.simulate", interrupted)
    code, out, err = run("run", QUICK)
    assert (code, out, err.strip()) == (130, "", "simlevel: interrupted")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fast", "simpy"])
def test_a_signal_ends_a_long_run_with_what_is_finished(engine):
    line = ["run", QUICK, "--engine", engine, "--replications", "200000", "--horizon", "1000"]
    # A shell starts what runs in the background deaf to interrupts.
    running = command(*line, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    time.sleep(20)  # on a busy machine too it has finished some by then, and nowhere all
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert b"Type II: fill rate" in out
    assert b"interrupted" in err
    assert b"Traceback" not in err


# --- pipes and terminals --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "lines"),
    [(["explain"], 0), (["explain"], 1), (["schema"], 1), (["run", QUICK, *FEW], 0)],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_a_reader_who_has_enough_is_no_trouble(line, lines):
    with command(*line) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for _ in range(lines):
            assert running.stdout.readline()
        running.stdout.close()
        said = [each for each in running.stderr if b"compiling the simulation loops" not in each]
        assert (said, running.wait(timeout=60)) == ([], 0)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_narrow_encoding_costs_letters_at_most(encoding):
    line = ["explain", "cycle_service_level"]
    running = command(*line, env=os.environ | {"PYTHONIOENCODING": encoding})
    out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")
    assert b"Type I: cycle service" in out


def on_a_terminal(columns: int, *arguments: str) -> str:
    """What is printed on a terminal of so many columns; 0 is what some say of themselves."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    line = [sys.executable, "-m", "simlevel", *arguments]
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    running = subprocess.Popen(
        line, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm-256color"}
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says so at the end
            break
        if not chunk:
            break
        printed += chunk
    os.close(ours)
    assert running.wait(timeout=60) == 0
    return printed.decode()


COLOUR = re.compile("\x1b\\[[0-9;]*m")


@pytest.mark.parametrize(("columns", "width"), [(0, 80), (100, 100)])
def test_a_terminal_gets_colour_and_its_own_width(columns, width):
    printed = on_a_terminal(columns, "analyze", QUICK)
    assert COLOUR.search(printed)
    lines = COLOUR.sub("", printed).splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.startswith("Type II: fill rate  ") for line in lines)


def test_a_pipe_gets_the_same_words_without_colour():
    _, piped, _ = run("analyze", QUICK)
    assert "\x1b" not in piped
    terminal = COLOUR.sub("", on_a_terminal(80, "analyze", QUICK))
    assert [line.rstrip() for line in terminal.splitlines()] == piped.splitlines()
