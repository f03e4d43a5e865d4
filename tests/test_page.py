"""The report page: what it says is the result, and it needs nothing but itself."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pages import Page, faults
from test_scenario_file import run

import simlevel as sl
from simlevel import numbers, words
from simlevel.model.scenario import Scenario
from simlevel.reports.figures import style
from simlevel.reports.page import answer, content, illustrations, page
from simlevel.reports.page.inline_svg import inline
from simlevel.studies import convergence as settling
from simlevel.studies.result import Result
from simlevel.templates import shipped

FEW: dict[str, Any] = {"replications": 3, "horizon": 200}
QUICK = shipped()["quickstart"]
DAILY = {"kind": "base_stock", "order_up_to": 30, "review_period": 1}
EVIL = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} $x$ & -->")


def scenario(**more: Any) -> Scenario:
    """Poisson demand of 5 a day, a lead time of 4 days, and a policy called a."""
    policies = {"a": {"kind": "rQ", "reorder_point": 24, "order_quantity": 30}}
    table = {"demand": {"kind": "poisson", "rate": 5}, "lead_time": 4, "policies": policies}
    return Scenario.model_validate(table | more)


@pytest.fixture
def bare(monkeypatch):
    """Pages without pictures, which take their time."""
    monkeypatch.setattr(illustrations, "_PARTS", dict.fromkeys(illustrations._PARTS, lambda _: ()))


@pytest.fixture(scope="module")
def bakery() -> Result:
    return sl.simulate(sl.load(QUICK), **FEW)


@pytest.fixture(scope="module")
def made(bakery) -> str:
    """Its page, with pictures of every kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(illustrations, "MOST_POLICIES", 1)
        return page(bakery)


# --- it stands alone -----------------------------------------------------------------------------


def test_the_page_needs_nothing_else_and_can_be_read_aloud(made):
    assert faults(made) == set()
    assert len(made.encode()) < 500_000


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('<img src="https://example.org/a.png" alt="a">', "src of <img>"),
        ("<img>", "a nameless <img>"),
        ('<svg viewBox="0 0 1 1"></svg>', "a nameless <svg>"),
        ("<style>@import 'a.css'</style>", "a style that loads"),
        ('<p style="background: url(a.png)">a</p>', "a style that loads"),
        ('<a href="a.html">a</a>', "href of <a>"),
        ('<a href="#nowhere">a</a>', "href of <a> to nowhere"),
        ("<script>1</script>", "<script>"),
        ('<p id="main">again</p>', "an id twice"),
        ("<h5>deep</h5>", "a heading that skips"),
        ("<table><tr><th>a</th></tr></table>", "a th without a scope"),
    ],
)
def test_the_same_reading_finds_what_is_wrong(made, fault, said):
    assert said in faults(made.replace("</footer>", f"{fault}</footer>"))


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_has_a_page(name, bare):
    result = sl.simulate(sl.load(shipped()[name]), replications=2, horizon=50)
    assert faults(page(result)) == set()
    assert faults(page(sl.analyze(result.scenario))) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_has_a_page_with_its_pictures(name):
    made = page(sl.simulate(sl.load(shipped()[name])))
    assert faults(made) == set()
    assert made.count("<figure>") >= 5
    assert len(made.encode()) < 500_000


@pytest.mark.parametrize(
    "more",
    [
        {"shortage": "lost_sales"},
        {"targets": {"fill_rate": 0.9, "mean_on_hand": 10}},
        {"demand": {"kind": "history", "values": [3, 0, 5, 9, 2] * 9, "resample": "replay"}},
        {"demand": {"kind": "renewal", "interarrival": {"dist": "gamma", "mean": 1, "cv": 0.5}}},
        {"demand": {"kind": "periodic", "quantity": 1.5, "probability": 0.4, "pattern": [1, 2]}},
        {"lead_time": {"dist": "uniform", "low": 1, "high": 2}, "time_unit": "fortnights<b>"},
        {"policies": {f"p{n}": DAILY | {"order_up_to": 20 + n} for n in range(9)}},
        {"costs": {}, "start": {"net_inventory": -3}, "measures": {"served_within": [0, 1]}},
    ],
)
def test_whatever_a_scenario_says_has_a_page(more, bare):
    result = sl.simulate(scenario(**more), replications=2, horizon=60)
    assert faults(page(result)) == set()
    assert faults(page(sl.analyze(scenario(**more)))) == set()


def test_a_rule_of_one_s_own_has_a_page():
    class Rule:
        def order(self, state: Any) -> float:
            return max(0.0, 40 - state.inventory_position)

    own = sl.OwnPolicy(rule=Rule(), start=40, review_period=1)
    result = sl.simulate(scenario(policies={"mine": own}), replications=2, horizon=50)
    made = page(result)
    assert faults(made) == set()
    assert "a rule written in Python" in Page(made).text


def test_names_are_text_everywhere(monkeypatch):
    policies = {
        name: {"kind": "rQ", "reorder_point": 20 + n, "order_quantity": 30}
        for n, name in enumerate(EVIL)
    }
    asked = scenario(name=EVIL[0], policies=policies, targets={"fill_rate": 0.9})
    nothing = dict.fromkeys(illustrations._PARTS, lambda _: ())
    parts = {"compared": illustrations._compared}
    monkeypatch.setattr(illustrations, "_PARTS", nothing | parts)
    read = Page(made := page(sl.simulate(asked, replications=2, horizon=60)))
    assert faults(made) == set()
    assert not read.all("img", "script")
    assert {text for _, _, text in read.all("h1")} == {EVIL[0]}
    assert set(EVIL) <= {text for _, _, text in read.all("h3")}
    drawn = " ".join(text for _, _, text in read.all("svg"))
    assert all(name in drawn for name in EVIL)
    assert json.loads(read.all("code")[-1][2])["policies"].keys() == policies.keys()


AGAIN = """
import sys, simlevel as sl
from simlevel.reports.page import illustrations, page
nothing = dict.fromkeys(illustrations._PARTS, lambda result: ())
illustrations._PARTS = {**nothing, "sure": illustrations._settling}
print(page(sl.simulate(sl.load(sys.argv[1]), replications=3, horizon=50)))
"""


def test_the_same_result_gives_the_same_bytes(bakery, made):
    drawn = next(iter(illustrations._settling(bakery))).drawn("sure-1").svg
    assert drawn in made
    again = content.page(sl.simulate(sl.load(QUICK), **FEW))
    assert again == content.page(bakery)


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes():
    """In other processes too, whose sets and dictionaries are in another order."""
    made = {
        subprocess.run([sys.executable, "-c", AGAIN, QUICK], capture_output=True, check=True,
                       env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in "12"
    }  # fmt: skip
    assert len(made) == 1
    assert made.pop().count(b"<figure>") == 2


# --- what it says is the result ------------------------------------------------------------------


def scorecard(html: str) -> dict[tuple[str, str], list[str]]:
    """(measure, policy) and the cells after it, of the scorecard and of the table below it."""
    found: dict[tuple[str, str], list[str]] = {}
    titles = {m.title.strip(): m.name for m in words.MEASURES.values()}
    html = html[html.index('id="scorecard"') :]
    for row in re.findall(r"<tr.*?</tr>", html[: html.index("</section>")], re.DOTALL):
        text = lambda cell: " ".join(re.sub("<[^>]+>", " ", cell).split())  # noqa: E731
        if group := re.search(r'scope="rowgroup".*?>(.*?)</th>', row, re.DOTALL):
            shown = re.sub(r"^.*?class=\"title\">|<span.*", "", group[1], flags=re.DOTALL)
            measure = titles[text(shown)]
        if policy := re.search(r'scope="row">(.*?)</th>', row):
            cells = re.findall(r"<td.*?</td>", row, re.DOTALL)
            found[measure, text(policy[1])] = [text(cell) for cell in cells]
    return found


def read_number(text: str) -> tuple[float, float]:
    """A number as it is shown, and half a unit of its last digit."""
    found = re.search(r"[+-]?[\d,]*\.?\d+", text)
    assert found, text
    decimals = len(found[0].partition(".")[2])
    scale = 0.01 if "%" in text or "point" in text else 1.0
    return scale * float(found[0].replace(",", "")), 0.5001 * scale * 10**-decimals


def test_the_scorecard_holds_the_numbers_of_the_json(bakery, made):
    found, document = scorecard(made), bakery.to_dict()["policies"]
    assert {policy for _, policy in found} == set(document)
    assert {"cycle_service_level", "fill_rate", "mean_on_hand", "holding_cost"} <= {
        measure for measure, _ in found
    }
    for (measure, policy), cells in found.items():
        expected = document[policy]["measures"][measure]
        reached = next(cell for cell in cells if "[" in cell)
        low, high = reached.partition("[")[2].rstrip("]").split(", ")
        sign = " %" if "%" in reached else ""
        for text, value in ((reached, expected["estimate"]), (low + sign, expected["low"]),
                            (high + sign, expected["high"])):  # fmt: skip
            shown, half = read_number(text)
            assert shown == pytest.approx(value, abs=half), (measure, policy)
        if expected["target"]:
            gap, half = read_number(cells[-1])
            asked = expected["target"]["asked"]
            assert gap == pytest.approx(expected["estimate"] - asked, abs=half)
            assert cells[-1].endswith(expected["target"]["verdict"])
            assert numbers.share(asked) in cells[0].replace("\xa0", " ")


def test_each_measure_says_what_it_means_and_what_customer_service_calls_it(made):
    text = Page(made).text.replace("\xa0", " ")
    for name in ("cycle_service_level", "fill_rate", "ready_rate"):
        measure = words.MEASURES[name]
        assert measure.definition in text
        assert measure.customer_service in text


SURE, NEVER = {"fill_rate": 0.01}, {"fill_rate": 0.999999}
LEAN = {"kind": "rQ", "reorder_point": 1, "order_quantity": 30}
BOTH = {"a": DAILY, "b": LEAN}
BETWEEN = {"fill_rate": 0.6}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"targets": SURE}, "a meets its target."),
        ({"targets": SURE | {"ready_rate": 0.01}}, "a meets both targets."),
        ({"targets": NEVER}, "a misses its target for Type II: fill rate."),
        ({"targets": NEVER | {"ready_rate": 0.01}}, "a misses 1 of 2 targets."),
        ({"targets": NEVER | {"ready_rate": 0.999999}}, "a misses both targets."),
        ({"targets": SURE, "policies": BOTH}, "Both policies meet the target."),
        ({"targets": NEVER, "policies": BOTH}, "No policy meets the target."),
        ({"targets": BETWEEN, "policies": BOTH}, "a meets the target; b does not."),
    ],
)
def test_the_answer_says_what_became_of_the_targets(more, said):
    assert answer.answer(sl.simulate(scenario(**more), **FEW)) == said


def test_what_cannot_be_told_is_not_told():
    result = sl.simulate(scenario(), **FEW)
    asked = result.policies["a"].measures["fill_rate"].estimate
    unsure = sl.simulate(scenario(targets={"fill_rate": asked}), **FEW)
    assert answer.answer(unsure) == "Whether a meets its target cannot be told yet."


def test_without_targets_the_answer_is_the_fill_rate():
    result = sl.simulate(scenario(), **FEW)
    expected = r"Of the units asked for, a serves ([\d.]+) % at once\."
    said = re.fullmatch(expected, answer.answer(result))
    assert said
    value = result.policies["a"].measures["fill_rate"].estimate
    assert float(said[1]) == pytest.approx(100 * (value or 0), abs=0.5)


def test_a_disagreement_is_said_with_the_answer(bakery):
    policy = bakery.policies["current"]
    wrong = replace(policy.measures["fill_rate"], verdict="disagrees")
    changed = replace(policy, measures={**policy.measures, "fill_rate": wrong})
    result = replace(bakery, policies={**bakery.policies, "current": changed})
    assert "1 disagrees" in " ".join(content.page(result).sure)
    assert "none disagrees" in " ".join(content.page(bakery).sure)


def test_the_command_on_the_page_gives_the_same_numbers(bakery, monkeypatch):
    monkeypatch.chdir(QUICK.parent)
    program, *arguments = shlex.split(content.command(bakery))
    code, out, _ = run(*arguments, "--json")
    assert (program, code) == ("simlevel", 0)
    assert json.loads(out)["policies"] == json.loads(json.dumps(bakery.to_dict()["policies"]))


def test_the_command_names_what_was_not_left_to_the_program():
    options = {"engine": "simpy", "baseline": "proposed", "best_by": "fill_rate", "window": 20}
    result = sl.simulate(sl.load(QUICK), replications=2, horizon=50, **options)
    command = content.command(result)
    assert "--horizon 40 --engine simpy --baseline proposed --best fill_rate" in command
    assert command.endswith("--window 20")


def test_the_scenario_stands_in_the_page_as_it_was_written(made):
    code = re.findall(r"<code>(.*?)</code>", made, re.DOTALL)[-1]
    assert Page(f"<p>{code}</p>").elements[0][2]
    text = "".join(Page(f"<p>{code}</p>").elements[0][2])
    assert text == QUICK.read_text(encoding="utf-8")


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_are_in_the_page_s_colours_and_type(made):
    drawn = "".join(re.findall(r"<svg.*?</svg>", made, re.DOTALL))
    assert set(re.findall(r"var\(--([a-z]+)\)", drawn)) <= set(re.findall(r"--([a-z]+):", made))
    assert not re.search(r"#[0-9a-fA-F]{6}|font-family|<!--|<style", drawn)


def test_every_colour_of_the_house_has_a_variable():
    ax = style.axes(None, "", "", "")
    for place, color in enumerate((*style.PALETTE, style.GREY, style.LIGHT)):
        ax.plot([0, 1], [place, place], color=color)
    assert ax.figure is not None
    assert not re.search("#[0-9a-f]{6}", inline(ax.figure, "a", "b", "c"))  # type: ignore[arg-type]
    ax.plot([0, 1], [0, 1], color="#123456")
    assert re.search("#[0-9a-f]{6}", inline(ax.figure, "a", "b", "c"))  # type: ignore[arg-type]


def test_the_picture_of_convergence_ends_at_the_run(bakery):
    asked = illustrations._as_run(bakery, 10**9)
    assert asked is not None
    found = settling.convergence(asked, "current").estimates[-1]
    expected = bakery.policies["current"].measures["fill_rate"]
    assert (found.estimate, found.low, found.high) == (
        expected.estimate, expected.low, expected.high,
    )  # fmt: skip


def test_what_would_run_for_long_is_not_run_again(bakery):
    assert bakery.run is not None
    long = replace(bakery, run=replace(bakery.run, horizon=1e9))
    assert illustrations._as_run(long, 5) is None
    assert illustrations._as_run(bakery, 5) is not None


def test_windows_that_were_asked_for_have_their_picture():
    result = sl.simulate(sl.load(QUICK), replications=2, horizon=600, window=30)
    (first, second) = illustrations._windows(result)
    assert "Mean over windows" in first.numbers
    assert first.drawn("a").title.startswith("current")
    assert second.drawn("b").title.startswith("proposed")
    met = result.to_dict()["policies"]["current"]["windows"]["measures"]["fill_rate"]
    said = [line for line in answer.sure(result) if "current: Type II: fill rate of 98 %" in line]
    shown, half = read_number(said[0].partition("reached in ")[2].partition(" [")[0])
    assert shown == pytest.approx(met["meets_target"]["estimate"], abs=half)
    assert said[0].endswith("of windows of 30 days.")


# --- the command line ----------------------------------------------------------------------------


def test_run_and_analyze_write_a_page(tmp_path, bare):
    file, html, data = str(QUICK), tmp_path / "r.html", tmp_path / "r.json"
    arguments = ["--replications", "2", "--horizon", "50", "-o", str(html), "-o", str(data)]
    code, out, err = run("run", file, *arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Corner bakery, flour")
    assert "<h1>Corner bakery, flour</h1>" in html.read_text(encoding="utf-8")
    assert json.loads(data.read_text(encoding="utf-8"))["run"]["replications"] == 2
    assert run("analyze", file, "-o", str(html))[0] == 0
    assert "Nothing was simulated" in html.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("trace", "--until", "5"),
        ("sweep", "--vary", "policies.current.reorder_point=20,22"),
        ("optimize", "--policy", "current"),
    ],
)
def test_other_commands_say_whose_a_page_is(arguments, tmp_path):
    command, *more = arguments
    path = tmp_path / "r.html"
    code, out, err = run(command, str(QUICK), *more, "-o", str(path))
    assert (code, out) == (2, "")
    assert "found .html (a page of run and analyze)" in err
    assert not path.exists()


def test_a_page_that_cannot_be_written_is_said(bakery, tmp_path, monkeypatch, bare):
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    from simlevel.reports.page import write

    with pytest.raises(sl.InputError, match="no space"):
        write(bakery, [tmp_path / "r.html"])
    assert list(tmp_path.iterdir()) == []


def test_the_parts_of_a_page_are_shipped():
    there = {path.name for path in Path(content.__file__).parent.iterdir()}
    assert there >= {"base.html", "parts.html", "run.html", "style.css"}
