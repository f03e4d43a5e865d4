"""Scenario files: what each key means, its JSON Schema, and what is said of bad files."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import integrate, stats

import simlevel as sl
from simlevel.cli import status
from simlevel.errors import InputError
from simlevel.model.demand import DEMANDS
from simlevel.model.distribution import DISTRIBUTIONS
from simlevel.model.policy import POLICIES
from simlevel.scenario_file import parse, schema
from simlevel.templates import shipped

RIGHT = {
    "demand": '[demand]\nkind = "poisson"\nrate = 5\n',
    "lead_time": '[lead_time]\ndist = "constant"\nvalue = 4\n',
    "policies": '[policies.right]\nkind = "rQ"\nreorder_point = 25\norder_quantity = 60\n',
}
SALES = "sold,noted,none\n3,3,0\n0,none,0\n4,-1,0\n"


def complete(text: str) -> str:
    """*text* with those sections after it that it leaves out."""
    missing = (right for name, right in RIGHT.items() if not re.search(rf"(?m)^\[*{name}\b", text))
    return f"{text.rstrip()}\n{''.join(missing)}"


def scenario(text: str) -> sl.Scenario:
    return parse(complete(text))


def said(text: str) -> str:
    """What is wrong with *text*, in one piece."""
    with pytest.raises(InputError) as caught:
        scenario(text)
    return str(caught.value)


def at(found: Any, path: str) -> Any:
    for step in path.split("."):
        found = found[step] if isinstance(found, dict) else getattr(found, step)
    return found


# --- distributions and demand -------------------------------------------------------------------

PARAMETRISATIONS = [
    ("4", 4, 0),
    ('{ dist = "constant", value = 4 }', 4, 0),
    ('{ dist = "uniform", low = 1, high = 4 }', 2.5, 0.75),
    ('{ dist = "normal", mean = 90, sd = 9 }', 90, 81),
    ('{ dist = "normal", mean = 90, cv = 0.1 }', 90, 81),
    ('{ dist = "gamma", mean = 4, sd = 2 }', 4, 4),
    ('{ dist = "gamma", mean = 4, cv = 0.5 }', 4, 4),
    ('{ dist = "lognormal", mean = 4, sd = 8 }', 4, 64),
    ('{ dist = "lognormal", mean = 4, cv = 2 }', 4, 64),
    ('{ dist = "exponential", mean = 3 }', 3, 9),
    ('{ dist = "erlang", mean = 6, k = 4 }', 6, 9),
    ('{ dist = "poisson", mean = 3 }', 3, 3),
    ('{ dist = "negative_binomial", mean = 4, variance = 9 }', 4, 9),
    ('{ dist = "negative_binomial", mean = 4, sd = 3 }', 4, 9),
    ('{ dist = "negative_binomial", mean = 4, cv = 0.75 }', 4, 9),
    ('{ dist = "geometric", mean = 4 }', 4, 12),
    ('{ dist = "binomial", n = 10, p = "25%" }', 2.5, 1.875),
    ('{ dist = "discrete", values = [1, 3], probabilities = [0.25, "75%"] }', 2.5, 0.75),
    ('{ dist = "empirical", values = [1, 2, 2, 5] }', 2.5, 2.25),
]


@pytest.mark.parametrize(("text", "mean", "variance"), PARAMETRISATIONS)
def test_a_distribution_has_the_moments_that_its_parameters_say(text, mean, variance):
    quantity = scenario(f'[demand]\nkind = "periodic"\nquantity = {text}').demand.quantity
    assert (quantity.mean(), quantity.variance()) == pytest.approx((mean, variance))


def test_every_distribution_was_named_above():
    named = {found for text, *_ in PARAMETRISATIONS for found in re.findall('dist = "(.*?)"', text)}
    assert named == set(DISTRIBUTIONS)


@pytest.mark.parametrize(("mean", "sd"), [(1, 1), (2, 5), (10, 4)])
def test_a_normal_draw_below_0_counts_as_0_in_the_moments(mean, sd):
    text = f'[lead_time]\ndist = "normal"\nmean = {mean}\nsd = {sd}'
    found = scenario(text).lead_time.distribution
    first, second = (
        integrate.quad(lambda x: x**k * stats.norm.pdf(x, mean, sd), 0, mean + 40 * sd)[0]  # noqa: B023
        for k in (1, 2)
    )
    assert (found.mean(), found.variance()) == pytest.approx((first, second - first**2))
    assert found.mean() > mean


DEMAND = [
    ('kind = "poisson"\nrate = 2.5', 2.5),
    ('kind = "poisson"\nrate = 2.5\nsize = { dist = "geometric", mean = 4 }', 10),
    ('kind = "renewal"\ninterarrival = "12 hours"', 2),
    ('kind = "renewal"\ninterarrival = { dist = "erlang", mean = 0.5, k = 2 }\nsize = 3', 6),
    ('kind = "periodic"\nquantity = 7', 7),
    ('kind = "periodic"\nquantity = 7\nevery = "1 week"', 1),
    ('kind = "periodic"\nquantity = 7\nprobability = "50%"', 3.5),
    ('kind = "periodic"\nquantity = 7\npattern = [1, 1, 1, 1, 1.5, 0.5, 0]', 6),
    ('kind = "history"\nvalues = [0, 3, 0, 5]', 2),
    ('kind = "history"\nvalues = [0, 3, 0, 5]\nevery = 2\npattern = [2, 4]', 3),
    ('kind = "history"\nvalues = [0, 3, 0, 5]\nresample = "replay"', 2),
]


@pytest.mark.parametrize(("text", "units"), DEMAND)
def test_a_kind_of_demand_asks_for_so_many_units_a_day(text, units):
    assert scenario(f"[demand]\n{text}").demand.units_per_time() == pytest.approx(units)


def test_every_kind_of_demand_was_named_above():
    assert {re.findall('kind = "(.*?)"', text)[0] for text, _ in DEMAND} == set(DEMANDS)


# --- durations, shares, costs ---------------------------------------------------------------------

TIMES = [
    'lead_time = "{}"@lead_time.distribution.value',
    '[lead_time]\ndist = "gamma"\nmean = "{}"\ncv = 1@lead_time.distribution.mean_',
    '[lead_time]\ndist = "gamma"\nmean = 9\nsd = "{}"@lead_time.distribution.sd_',
    '[lead_time]\ndist = "uniform"\nlow = "{}"\nhigh = 999@lead_time.distribution.low',
    '[demand]\nkind = "renewal"\ninterarrival = "{}"@demand.interarrival.value',
    '[demand]\nkind = "periodic"\nquantity = 1\nevery = "{}"@demand.every',
    '[policies.a]\nkind = "base_stock"\norder_up_to = 1\nreview_period = "{}"'
    "@policies.a.review_period",
    '[simulation]\nhorizon = "{}"@simulation.horizon',
    '[simulation]\nwarmup = "{}"@simulation.warmup',
    '[targets]\nmean_wait = "{}"@targets.mean_wait',
]
CONVERTED = [
    ("36 hours", "day", 1.5),
    ("90 minutes", "hour", 1.5),
    ("2 weeks", "day", 14),
    ("1 day", "week", 1 / 7),
    ("10 minutes", "days", 1 / 144),
    (" 1.5days ", "day", 1.5),
    ("3 months", "month", 3),
    ("1.5 year", "years", 1.5),
    ("2 shift", "shift", 2),
]


@pytest.mark.parametrize("where", TIMES)
@pytest.mark.parametrize(("text", "unit", "value"), CONVERTED)
def test_a_duration_is_converted_to_the_time_unit(where, text, unit, value):
    file, path = where.split("@")
    found = at(scenario(f'time_unit = "{unit}"\n{file.format(text)}'), path)
    assert found == value
    assert isinstance(found, int) == (value == int(value))  # whole durations stay exact


@pytest.mark.parametrize("where", TIMES)
@pytest.mark.parametrize(
    ("text", "unit", "why"),
    [
        ("1 month", "day", "a month has no fixed length"),
        ("2 years", "month", "a year has no fixed length"),
        ("3 weeks", "month", "a month, the time unit here, has no fixed length in weeks"),
        ("3 days", "shift", "'shift' has no known length in days"),
    ],
)
def test_a_duration_without_a_fixed_length_is_refused_with_the_reason(where, text, unit, why):
    assert why in said(f'time_unit = "{unit}"\n{where.split("@")[0].format(text)}')


def test_served_within_is_a_list_of_durations():
    found = scenario('[measures]\nserved_within = ["36 hours", 3]')
    assert found.measures.served_within == (1.5, 3)
    assert {m.name for m in found.measure_words()} >= {"served_within_1.5", "served_within_3"}


SHARES = [
    '[targets]\nfill_rate = "{}"@targets.fill_rate',
    '[simulation]\nconfidence = "{}"@simulation.confidence',
    '[demand]\nkind = "periodic"\nquantity = 1\nprobability = "{}"@demand.probability',
    '[demand]\nkind = "periodic"\nquantity = {{ dist = "binomial", n = 3, p = "{}" }}'
    "@demand.quantity.p",
    '[costs]\nholding = {{ rate = "{}", per = "year", unit_value = 1 }}@costs.holding.rate',
]


@pytest.mark.parametrize("where", SHARES)
def test_a_percentage_is_the_number_typed_as_a_fraction(where):
    file, path = where.split("@")
    assert at(scenario(file.format("97.5%")), path) == 0.975
    assert at(scenario(file.format(" 7 % ")), path) == 0.07


@given(st.integers(1, 9_999_999))
def test_every_percentage_is_the_float_nearest_to_its_decimal(digits):
    percent, share = Decimal(digits) / 100_000, Decimal(digits) / 10_000_000
    found = scenario(f'[targets]\nfill_rate = "{percent:f}%"')
    assert found.targets["fill_rate"] == float(share)


@pytest.mark.parametrize(
    ("per", "unit", "share_of_a_year"),
    [
        ("year", "day", 1 / 365.25),
        ("year", "month", 1 / 12),
        ("years", "week", 7 / 365.25),
        ("month", "day", 12 / 365.25),
        ("day", "hour", 365.25 / 365.25 / 24),
        ("year", "year", 1),
    ],
)
def test_a_holding_rate_is_per_time_unit_at_365_25_days_a_year(per, unit, share_of_a_year):
    text = f'[costs]\nholding = {{ rate = "25%", per = "{per}", unit_value = 12.5 }}'
    found = scenario(f'time_unit = "{unit}"\n{text}')
    assert found.costs.holding_rate(unit) == pytest.approx(0.25 * 12.5 * share_of_a_year)


def test_a_holding_cost_may_be_money_per_time_unit():
    assert scenario("[costs]\nholding = 0.02").costs.holding_rate("week") == 0.02


# --- the rest of a file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("", "name", "Scenario"),
        ("", "time_unit", "day"),
        ("", "shortage", "backorder"),
        ("", "clock.sequence", ("receive", "review", "demand")),
        ("", "lead_time.order_crossing", True),
        ("", "simulation.horizon", "auto"),
        ("", "simulation.warmup", "auto"),
        ("", "simulation.replications", 20),
        ("", "simulation.seed", 1),
        ("", "simulation.confidence", 0.95),
        ("", "policies.right.review_period", None),
        ('shortage = "lost_sales"', "lost_sales", True),
        ('[clock]\nsequence = ["receive", "demand", "review"]', "clock.demand_first", True),
        ("[lead_time]\ndist = 'constant'\nvalue = 4\norder_crossing = false",
         "lead_time.order_crossing", False),
        ("[start]\nnet_inventory = -2.5", "start.net_inventory", -2.5),
        ("[costs]\norder = 40\nshortage = 2", "costs.shortage", 2),
        ("[targets]\nmean_on_hand = 30", "targets.mean_on_hand", 30),
        ("[targets]\nsafety_stock = -3", "targets.safety_stock", -3),
        ("[simulation]\nseed = 0", "simulation.seed", 0),
    ],
)  # fmt: skip
def test_a_key_means_what_the_contract_says_and_may_be_left_out(text, path, value):
    assert at(scenario(text), path) == value


@pytest.mark.parametrize(
    ("text", "full_shelf"),
    [
        ('kind = "rQ"\nreorder_point = 25\norder_quantity = 60', 85),
        ('kind = "sS"\nreorder_point = 25\norder_up_to = 60\nminimum_order = 9', 60),
        ('kind = "base_stock"\norder_up_to = 60\norder_multiple = 6\nreview_period = 7', 60),
        ('kind = "rQ"\nreorder_point = 0.1\norder_quantity = 0.2', 0.3),
    ],
)
def test_a_policy_starts_with_a_full_shelf_unless_the_file_says_otherwise(text, full_shelf):
    assert scenario(f"[policies.a]\n{text}").start_level("a") == full_shelf
    assert scenario(f"[policies.a]\n{text}\n[start]\nnet_inventory = 7").start_level("a") == 7


def test_policies_keep_the_order_of_the_file():
    text = "".join(f'[policies."{n}"]\nkind = "base_stock"\norder_up_to = 1\n' for n in "zam1")
    assert "".join(scenario(text).policies) == "zam1"


def test_a_scenario_is_frozen_and_knows_its_file(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(complete('name = "A"'))
    found = sl.load(file)
    assert found.origin.file == str(file)
    assert found.origin.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(ValidationError):
        found.name = "B"


def test_a_scenario_built_in_python_equals_that_of_the_file():
    built = sl.Scenario(
        time_unit="hour",
        demand={"kind": "poisson", "rate": 5},
        lead_time="2 days",
        policies={"a": {"kind": "sS", "reorder_point": 1, "order_up_to": 9}},
        targets={"fill_rate": "98%"},
    )
    text = """
        time_unit = "hour"
        lead_time = "2 days"
        [policies.a]
        kind = "sS"
        reorder_point = 1
        order_up_to = 9
        [targets]
        fill_rate = 0.98
        [demand]
        kind = "poisson"
        rate = 5
    """
    assert built.model_dump() == parse(text).model_dump()


# --- records -------------------------------------------------------------------------------------


def workbook(folder: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["week", "sold"], [1, 3], [2, 0], [3, 4.5]):
        book.active.append(row)
    book.save(folder / "sales.xlsx")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sales.csv", b"week,sold\n1,3\n2,0\n3,4.5\n", ()),
        ("sales.csv", b"\xef\xbb\xbfsold\n3\n0\n4.5\n", ()),
        ("sales.csv", b"week;sold\n1;3\n2;0\n3;4,5\n", ('separator ";" and decimal comma',)),
        ("sales.xlsx", None, ()),
    ],
    ids=["comma", "byte order mark", "semicolon", "workbook"],
)
def test_records_are_read_beside_the_scenario(name, content, said, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    workbook(folder) if content is None else (folder / name).write_bytes(content)
    source = f'file = "{name}"\ncolumn = "sold"'
    (folder / "a.toml").write_text(complete(f'[demand]\nkind = "history"\n{source}'))
    (folder / "b.toml").write_text(
        complete(
            f'[lead_time]\ndist = "empirical"\n{source}\n[demand]\nkind = "periodic"\n'
            f"[demand.quantity]\ndist = 'empirical'\n{source}"
        )
    )
    monkeypatch.chdir(tmp_path)
    for here in (Path("here"), folder):
        found = sl.load(here / "a.toml")
        assert tuple(found.demand.history) == (3, 0, 4.5)
        assert all(word in line for word, line in zip(said, found.origin.said, strict=True))
        found = sl.load(here / "b.toml")
        assert found.demand.quantity.values_drawn == (3, 0, 4.5)
        assert found.lead_time.mean() == 2.5


def test_a_record_played_once_is_one_replication_of_its_length(tmp_path, capsys):
    (tmp_path / "sales.csv").write_text(SALES)
    demand = '[demand]\nkind = "history"\nfile = "sales.csv"\ncolumn = "sold"\nevery = 2'
    (tmp_path / "a.toml").write_text(complete(f'{demand}\nresample = "replay"'))
    found = sl.simulate(sl.load(tmp_path / "a.toml"))
    assert (found.run.replications, found.run.horizon, found.run.warmup) == (1, 6, 0)
    fill = found.policies["right"].measures["fill_rate"]
    assert (fill.denominator, fill.low, fill.high) == (7, None, None)


# --- JSON Schema ---------------------------------------------------------------------------------

GOOD = [
    *(f"[demand]\n{text}" for text, _ in DEMAND),
    *(f'[demand]\nkind = "periodic"\nquantity = {text}' for text, *_ in PARAMETRISATIONS),
    *(f"lead_time = {text}" for text, *_ in PARAMETRISATIONS),
    *(where.split("@")[0].format("36 hours") for where in TIMES),
    *(where.split("@")[0].format("97.5%") for where in SHARES),
    '[lead_time]\ndist = "gamma"\nmean = "2 days"\nsd = "12 hours"\norder_crossing = false',
    '[clock]\nsequence = ["receive", "demand", "review"]\n[start]\nnet_inventory = -3',
    '[costs]\norder = 1\nholding = 2\nbackorder = 3\nshortage = 4\npurchase = 5\n'
    '[targets]\nholding_cost = 3\n"served_within_0.5" = "98%"\n[measures]\nserved_within = [0.5]',
]  # fmt: skip
VALIDATOR = jsonschema.Draft202012Validator(schema())


def misspelt(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """*data* with one key misspelt, for each key in it but the names of policies."""

    def tables(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for key, value in table.items():
            if path != ("policies",):
                yield (*path, key)
            if isinstance(value, dict):
                yield from tables(value, (*path, key))

    for *above, key in tables(data, ()):
        wrong = copy.deepcopy(data)
        table = wrong
        for step in above:
            table = table[step]
        table[f"{key}x"] = table.pop(key)
        yield ".".join((*above, key)), wrong


@pytest.mark.parametrize("text", GOOD)
def test_the_schema_takes_what_the_program_takes_and_no_misspelt_key(text):
    data = tomllib.loads(complete(text))
    scenario(text)
    VALIDATOR.validate(data)
    for key, wrong in misspelt(data):
        assert not VALIDATOR.is_valid(wrong), key
        with pytest.raises(ValidationError):
            sl.Scenario.model_validate(wrong)


@pytest.mark.parametrize("path", shipped().values(), ids=lambda path: path.stem)
def test_the_schema_takes_the_shipped_scenarios(path):
    VALIDATOR.validate(tomllib.loads(path.read_text(encoding="utf-8")))


def test_the_schema_describes_every_section_policy_demand_and_distribution():
    found = schema()
    titled = {name: part for name, part in found["$defs"].items() if "properties" in part}
    assert {name for name, part in titled.items() if not part.get("description")} == set()
    assert len(titled) >= len(DEMANDS) + len(DISTRIBUTIONS) + len(POLICIES)
    policies = [part for name, part in titled.items() if name in ("RQ", "SS", "BaseStock")]
    keys = [key for part in policies for key in part["properties"].items() if key[0] != "kind"]
    assert [name for name, key in keys if not key.get("description")] == []


# --- bad files -----------------------------------------------------------------------------------


def bad_files() -> Iterator[tuple[str, str, list[str]]]:
    """(what is wrong, the file, what is said) from the table."""
    table = (Path(__file__).parent / "bad" / "scenarios.txt").read_text(encoding="utf-8")
    for case in re.split("(?m)^=== ", table)[1:]:
        title, *lines = case.rstrip().split("\n")
        expected = [line.removeprefix(">>> ") for line in lines if line.startswith(">>> ")]
        yield title, "\n".join(lines[: -len(expected)]), expected


BAD = list(bad_files())


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = status(list(arguments))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text(SALES)
    return tmp_path


@pytest.mark.parametrize(("title", "text", "expected"), BAD, ids=[title for title, *_ in BAD])
def test_a_bad_file_is_told_line_by_line_with_status_2(title, text, expected, folder):
    Path("s.toml").write_text(complete(text), encoding="utf-8")
    code, out, err = run("check", "s.toml")
    assert (code, out) == (2, "")
    assert err.splitlines() == [f"s.toml:{line}" for line in expected]


def test_the_table_of_bad_files_is_long_and_what_it_appends_is_right(folder):
    assert len({text for _, text, _ in BAD}) >= 60
    Path("s.toml").write_text(complete(""))
    assert run("check", "s.toml")[0] == 0


@pytest.mark.parametrize("command", ["run", "analyze", "verify"])
def test_other_commands_say_the_same_of_a_bad_file(command, folder):
    Path("s.toml").write_text(complete("[demand]\nkind = 'poisson'\nrate = 0"))
    assert run(command, "s.toml") == run("check", "s.toml")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "s.toml: expected a scenario, found an empty file"),
        (b" \r\n\n", "s.toml: expected a scenario, found an empty file"),
        (b"\xef\xbb\xbf", "s.toml: expected a scenario, found an empty file"),
        (b"PK\3\4\0\0", "s.toml: expected a text file, found a binary one"),
        ('name = "B"\n'.encode("utf-16"), "s.toml: expected a text file, found a binary one"),
        (b'# ok\nname = "B\xe4ckerei"', "s.toml:2:10: expected UTF-8, found byte 0xe4"),
        (b"\xef\xbb\xbfname = \xff", "s.toml:1:8: expected UTF-8, found byte 0xff"),
        (b"#" * 1_000_001, "s.toml: expected at most 1,000,000 bytes, found a larger file"),
        (b"a = " + b"[" * 9000,
         "s.toml:1:1: expected a few levels of tables and arrays, found too many"),
        (b"\xef\xbb\xbf" + complete("name = 3").encode(),
         "s.toml:1:8: name: expected a text in quotes, found 3"),
        (complete("\n\nname = 3").replace("\n", "\r\n").encode(),
         "s.toml:3:8: name: expected a text in quotes, found 3"),
    ],
)  # fmt: skip
def test_a_file_that_is_hardly_a_text(content, expected, folder):
    Path("s.toml").write_bytes(content)
    assert run("check", "s.toml") == (2, "", f"{expected}\n")


def test_a_comment_is_no_scenario_and_misses_three_tables(folder):
    Path("s.toml").write_text("# nothing here\n")
    code, _, err = run("check", "s.toml")
    assert code == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == ["demand", "lead_time", "policies"]


@pytest.mark.parametrize("depth", [50, 900, 3_000])
def test_keys_that_nest_without_end_are_no_trouble(depth, folder):
    Path("s.toml").write_text(complete(f"{'.'.join('k' * depth)} = 1"))
    code, _, err = run("check", "s.toml")
    assert (code, err.count("\n")) == (2, 1)
    assert ": k: expected one of name, " in err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".", "expected a scenario file, found a directory"),
        ("t.toml", "expected a scenario file, found no such file (did you mean 's.toml'?)"),
        ("none/s.toml", "expected a scenario file, found no such file"),
    ],
)
def test_a_file_that_is_not_there(name, expected, folder):
    Path("s.toml").write_text(complete(""))
    assert run("run", name) == (2, "", f"{name}: {expected}\n")


# --- good files, mutated line by line ------------------------------------------------------------

ODD = [
    "", "0", "-0.0", "-1", "1e-15", "5e-324", "1e15", "1e300", "nan", "-inf", "1" + "0" * 400,
    "0x" + "f" * 5000, "true", '"x"', '"1e999999999%"', '"9e9 days"', "[[1]]", "{}", "2020-02-30",
    "[" * 70 + "]" * 70, "\U0001f4a3", '"' + "z" * 9999 + '"',
]  # fmt: skip
MUTABLE = [complete(text) for text in GOOD]
OFTEN = settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))


@st.composite
def mutants(draw):
    """A good file with one to three of its lines dropped, doubled, moved, cut, or given a value."""
    lines = draw(st.sampled_from(MUTABLE)).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        line = lines.pop(number) if lines else "x"
        how = draw(st.sampled_from(["drop", "double", "move", "cut", "value", "number", "table"]))
        if how == "double":
            lines[number:number] = [line, line]
        elif how == "move":
            lines.insert(draw(st.integers(0, len(lines))), line)
        elif how == "cut":
            lines.insert(number, line[: draw(st.integers(0, len(line)))])
        elif how == "value":
            lines.insert(number, f"{line.split('=')[0]}= {draw(st.sampled_from(ODD))}")
        elif how == "number":
            lines.insert(number, re.sub(r"\d+", draw(st.sampled_from(ODD)), line, count=1))
        elif how == "table":
            lines.insert(number, f"[{line.split('=')[0].strip('[] ')}]")
        lines = lines or ["x"]
    return "\n".join(lines)


@OFTEN
@given(mutants())
def test_a_mutated_file_is_valid_or_told_what_is_wrong(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "mutant.toml"
    file.write_text(content, encoding="utf-8")
    code, out, err = run("check", str(file))
    assert (code, err) == (0, "") or code == 2, err
    assert all(line.startswith(str(file)) for line in (out + err).splitlines())


# --- and all of it runs --------------------------------------------------------------------------


@pytest.mark.parametrize("text", GOOD)
def test_everything_that_a_file_can_say_runs_and_leaves_no_measure_unexplained(text, folder):
    Path("g.toml").write_text(complete(text))
    code, out, err = run("run", "g.toml", "--replications", "2", "--horizon", "30", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out, parse_constant=lambda word: pytest.fail(word))
    for policy in found["policies"].values():
        silent = [
            n for n, m in policy["measures"].items() if m["estimate"] is None and not m["note"]
        ]
        assert silent == []
