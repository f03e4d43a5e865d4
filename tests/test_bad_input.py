"""Bad scenario files: a line a problem with its place, status 2, never a traceback."""

import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simlevel.cli import status

GOOD = """\
name = "Bakery"
time_unit = "day"
shortage = "backorder"
lead_time = 4

[demand]
kind = "poisson"
rate = 5.0

[policies.now]
kind = "sS"
reorder_point = 20
order_up_to = 60

[targets]
fill_rate = 0.9

[simulation]
replications = 2
horizon = 20
"""

PERIODIC = '[demand]\nkind = "periodic"\nquantity = '
HISTORY = '[demand]\nkind = "history"\nfile = "h.csv"\ncolumn = "sold"'

# (what is replaced, by what, where the problem is, words of the message)
WRONG = [
    ("rate = 5.0", "rte = 5.0", "8:7: demand.rte", "did you mean 'rate'?"),
    ("rate = 5.0", "", "6:1: demand.rate", "expected a value, found none"),
    ("rate = 5.0", "rate = -5", "8:8: demand.rate", "a number above 0, found -5"),
    ("rate = 5.0", "rate = 0", "8:8: demand.rate", "above 0, found 0"),
    ("rate = 5.0", "rate = true", "8:8: demand.rate", "found true"),
    ("rate = 5.0", 'rate = "five"', "8:8: demand.rate", 'found "five"'),
    ("rate = 5.0", "rate = nan", "8:8: demand.rate", "found nan"),
    ("rate = 5.0", "rate = -inf", "8:8: demand.rate", "found -inf"),
    ("rate = 5.0", "rate = [5]", "8:8: demand.rate", "found an array"),
    ("rate = 5.0", "rate = 1e300", "8:8: demand.rate", "at most 1e+15"),
    ("rate = 5.0", "[demand.rate]\nper = 3", "8:1: demand.rate", "found a table"),
    ("rate = 5.0", "rate = -5  # per day", "8:8: demand.rate", "found -5"),
    ("rate = 5.0", "rate = 5\nrate = 6", "9:1: rate", "each key once"),
    ("rate = 5.0", "rate = ", "8:8: rate", "expected TOML"),
    ('"poisson"', '"poison"', "7:8: demand.kind", "did you mean 'poisson'?"),
    ('kind = "poisson"\n', "", "6:1: demand.kind", "found none"),
    ('"sS"', '"SS"', "11:8: policies.now.kind", "expected one of rQ, sS, base_stock"),
    ("order_up_to = 60", "order_up_to = 20",
     "13:15: policies.now.order_up_to", "above reorder_point = 20"),
    ("order_up_to", "order_upto", "13:14: policies.now.order_upto", "did you mean 'order_up_to'?"),
    ("order_up_to = 60", "order_up_to = 60\nminimum_order = 0",
     "14:17: policies.now.minimum_order", "above 0"),
    ("order_up_to = 60", "order_up_to = 60\nreview_period = 0",
     "14:17: policies.now.review_period", "above 0"),
    ("order_up_to = 60", 'order_up_to = 60\nreview_period = "1 month"',
     "14:17: policies.now.review_period", "no fixed length"),
    ("[policies.now]", "[policy.now]", "10:1: policy", "did you mean 'policies'?"),
    ('[policies.now]\nkind = "sS"\nreorder_point = 20\norder_up_to = 60', "[policies]",
     "10:1: policies", "at least one policy"),
    ('"backorder"', '"lost"', '3:12: shortage', '"lost_sales"'),
    ("lead_time = 4", "lead_time = -1", "4:13: lead_time", "0 or more"),
    ("lead_time = 4", 'lead_time = "4 dais"', "4:13: lead_time", "found \"4 dais\""),
    ("lead_time = 4", 'lead_time = "1 year"', "4:13: lead_time", "no fixed length"),
    ("lead_time = 4", "lead_time = {dist='normal', mean=4}", "4:13: lead_time", "one of sd, cv"),
    ("lead_time = 4", "lead_time = {dist='normal', mean=4, sd=1, cv=1}",
     "4:13: lead_time", "found sd and cv"),
    ("lead_time = 4", "lead_time = {dist='gama', mean=4}", "4:19: lead_time.dist", "'gamma'"),
    ("lead_time = 4", "lead_time = {dist='gamma', mean=0, sd=1}",
     "4:33: lead_time.mean", "above 0"),
    ("lead_time = 4", "lead_time = {dist='uniform', low=4, high=4}",
     "4:34: lead_time.low", "low below high = 4"),
    ("lead_time = 4", "lead_time = {dist='geometric', mean=0.5}",
     "4:37: lead_time.mean", "1 or more"),
    ("lead_time = 4", "lead_time = {dist='erlang', mean=4, k=1.5}", "4:39: lead_time.k", "whole"),
    ("lead_time = 4", "lead_time = {dist='negative_binomial', mean=4, variance=3}",
     "4:57: lead_time.variance", "variance above the mean"),
    ("lead_time = 4", "lead_time = {dist='discrete', values=[1, 2], probabilities=[0.5, 0.4]}",
     "4:60: lead_time.probabilities", "sum to 1, found 0.9"),
    ("lead_time = 4", "lead_time = {dist='discrete', values=[1, 2], probabilities=[1.0]}",
     "4:60: lead_time.probabilities", "as many probabilities as values"),
    ("lead_time = 4", "lead_time = {dist='discrete', values=[1, -2], probabilities=[0.5, 0.5]}",
     "4:42: lead_time.values[1]", "found -2"),
    ("lead_time = 4", "lead_time = {dist='constant', value=4, order_crosing=false}",
     "4:", "did you mean 'order_crossing'?"),
    ("fill_rate = 0.9", "fill_rate = 97.5", "16:13: targets.fill_rate", '0.975 or "97.5%"'),
    ("fill_rate = 0.9", 'fill_rate = "97.5"', "16:13: targets.fill_rate", "a share"),
    ("fill_rate = 0.9", "fil_rate = 0.9", "16:12: targets.fil_rate", "did you mean 'fill_rate'?"),
    ("fill_rate = 0.9", "period_service_level = 0.9",
     "16:24: targets.period_service_level", "periodic demand only"),
    ("fill_rate = 0.9", "served_within_3 = 0.9",
     "16:19: targets.served_within_3", "[measures] served_within"),
    ("fill_rate = 0.9", "cost_per_time = 9", "16:17: targets.cost_per_time", "no [costs]"),
    ("replications = 2", "replications = 0", "19:16: simulation.replications", "1 or more"),
    ("replications = 2", "replications = 2.5", "19:16: simulation.replications", "whole number"),
    ("horizon = 20", "horizon = 0", "20:11: simulation.horizon", "above 0"),
    ("horizon = 20", 'horizon = "aut"', "20:11: simulation.horizon", "auto"),
    ("horizon = 20", "seed = -1", "20:8: simulation.seed", "0 or more"),
    ("horizon = 20", "confidence = 95", "20:14: simulation.confidence", "0.95"),
    ("[targets]\nfill_rate = 0.9", "[costs]\nholding = {rate = '25%', per = 'yr', unit_value = 1}",
     "16:32: costs.holding.per", "converts to"),
    ("[targets]\nfill_rate = 0.9", '[clock]\nsequence = ["demand", "receive", "review"]',
     "16:12: clock.sequence", '"receive", "review", "demand"'),
    ("[targets]\nfill_rate = 0.9", "[[demand]]", "15:1: demand", "each key once"),
    ('[demand]\nkind = "poisson"\nrate = 5.0', f"{PERIODIC}5\nprobability = 97",
     "9:15: demand.probability", "at most 1"),
    ('[demand]\nkind = "poisson"\nrate = 5.0', f"{PERIODIC}5\npattern = [0, 0]",
     "9:11: demand.pattern", "above 0"),
    ('[demand]\nkind = "poisson"\nrate = 5.0', f"{PERIODIC}0",
     "8:12: demand.quantity", "mean quantity above 0"),
    ('[demand]\nkind = "poisson"\nrate = 5.0', HISTORY, "8:8: demand.file", "h.csv"),
    ("name =", "nmae =", "1:8: nmae", "did you mean 'name'?"),
]  # fmt: skip


def checked(tmp_path: Path, content: str | bytes, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The problems that `check` prints for a file of this content; the status is 2."""
    file = tmp_path / "s.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert status(["check", str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err.replace(f"{file}:", "").strip().splitlines()


def test_the_good_file_is_good(tmp_path, capsys):
    (tmp_path / "s.toml").write_text(GOOD)
    assert status(["check", str(tmp_path / "s.toml")]) == 0
    assert status(["run", str(tmp_path / "s.toml")]) == 0
    assert all(GOOD.count(old) == 1 for old, *_ in WRONG)
    assert len(WRONG) >= 50


@pytest.mark.parametrize(("old", "new", "place", "words"), WRONG, ids=[w[1][:50] for w in WRONG])
def test_a_bad_file_is_told_where_and_what(old, new, place, words, tmp_path, capsys):
    found = checked(tmp_path, GOOD.replace(old, new), capsys)
    assert any(line.startswith(place) and words in line for line in found), found


def test_all_problems_come_at_once(tmp_path, capsys):
    bad = GOOD.replace("5.0", "-5").replace("= 60", "= 10").replace("0.9", "90")
    bad = bad.replace("lead_time = 4", "lead_time = true")
    places = [line.split(": ")[0] for line in checked(tmp_path, bad, capsys)]
    assert places == ["4:13", "8:8", "13:15", "16:13"]


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ("reorder_point = -1\norder_quantity = 9", "12:17: policies.now.reorder_point"),
        ("reorder_point = 1\norder_quantity = 9\n[start]\nnet_inventory = -1",
         "15:17: start.net_inventory"),
    ],
)  # fmt: skip
def test_lost_sales_owe_nobody_anything(policy, place, tmp_path, capsys):
    bad = GOOD.replace('"backorder"', '"lost_sales"').replace('"sS"', '"rQ"')
    bad = bad.replace("reorder_point = 20\norder_up_to = 60", policy)
    found = checked(tmp_path, bad, capsys)
    assert [line for line in found if line.startswith(place) and "under lost sales" in line]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "an empty file"), (b"\0\1\2", "binary"), (b"name = '\xff'", "UTF-8"),
     (b"x" * 1_000_001, "1,000,000 bytes"), (b"a = " + b"[" * 5000, "expected"),
     (b"rate = 1" + b"0" * 5000, "expected TOML"),
     (GOOD.replace("Bakery", "\u202e").encode(), "printable")],
    ids=["empty", "binary", "latin", "huge", "deep", "digits", "direction"],
)  # fmt: skip
def test_a_file_that_is_no_scenario(content, words, tmp_path, capsys):
    assert words in checked(tmp_path, content, capsys)[0]


def test_a_missing_file_and_a_folder(tmp_path, capsys):
    (tmp_path / "bakery.toml").write_text(GOOD)
    assert status(["run", str(tmp_path / "bakry.toml")]) == 2
    assert "did you mean 'bakery.toml'?" in capsys.readouterr().err
    assert status(["run", str(tmp_path)]) == 2
    assert "a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "words"),
    [("sald\n1\n", "did you mean 'sald'"), ("sold\n1\nmany\n", "many"), ("sold\n-1\n", "-1"),
     ("", "empty"), ("sold\n", "row")],
)  # fmt: skip
def test_a_bad_history(table, words, tmp_path, capsys):
    (tmp_path / "h.csv").write_text(table)
    bad = GOOD.replace('[demand]\nkind = "poisson"\nrate = 5.0', HISTORY)
    found = "\n".join(checked(tmp_path, bad, capsys))
    assert found.startswith("8:8: demand.file")
    assert words in found.replace('"sold"', "'sold'") or words in found


# --- good files, mutated ---------------------------------------------------------------------

SHIPPED = sorted((Path(__file__).parent.parent / "scenarios").glob("*.toml"))
EXTREMES = [
    0, -1, -0.0, 1e300, 1e-300, float("nan"), float("inf"), 10**20, True, "", "4 days", "98%",
    "x" * 300, [], [1, 2], {}, {"dist": "poisson", "mean": 5}, 0.1 + 0.2, "\u0001",
]  # fmt: skip


def paths(data, prefix=()):
    for key, value in data.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


def written(value):
    """TOML of what tomllib reads; enough for the scenarios here."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(str(k))} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        plain = (c.isprintable() and c not in '"\\' for c in value)
        pairs = zip(value, plain, strict=True)
        return '"' + "".join(c if ok else f"\\u{ord(c):04x}" for c, ok in pairs) + '"'
    return repr(value)


@st.composite
def mutants(draw):
    """A shipped scenario with one to three keys dropped, renamed, moved or retyped."""
    path = draw(st.sampled_from(SHIPPED))
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    for _ in range(draw(st.integers(1, 3))):
        *parents, key = draw(st.sampled_from(list(paths(data))))
        table = data
        for parent in parents:
            table = table[parent]
        how = draw(st.sampled_from(["drop", "rename", "retype", "copy"]))
        if how == "drop":
            del table[key]
        elif how == "rename":
            table[key[:-1] + draw(st.sampled_from(["", "x", "é"])) or "k"] = table.pop(key)
        elif how == "copy":
            data[key] = copy.deepcopy(table[key])
        else:
            table[key] = copy.deepcopy(draw(st.sampled_from(EXTREMES)))
    return "\n".join(f"{written(key)} = {written(value)}" for key, value in data.items())


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=mutants())
def test_a_mutated_file_is_checked_with_status_0_or_2(content, tmp_path_factory, capsys):
    file = tmp_path_factory.getbasetemp() / "mutant.toml"
    file.write_text(content, encoding="utf-8")
    assert status(["check", str(file)]) in (0, 2), capsys.readouterr().err


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=mutants())
def test_a_mutated_file_runs_or_is_refused(content, tmp_path_factory, capsys):
    file = tmp_path_factory.getbasetemp() / "mutant.toml"
    file.write_text(content, encoding="utf-8")
    command = ["run", str(file), "--replications", "2", "--horizon", "50"]
    assert status(command) in (0, 2), capsys.readouterr().err
