"""Pictures show what results hold: their artists are read back and compared."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from scipy import stats

import simlevel as sl
from simlevel import words
from simlevel.cli import status
from simlevel.engines.ledger import Event
from simlevel.errors import InputError
from simlevel.model.scenario import Scenario
from simlevel.reports import figures
from simlevel.reports.figures import pictures, style
from simlevel.studies import convergence as settling
from simlevel.studies.demand_law import demand_law
from simlevel.studies.frontier import Frontier, frontier
from simlevel.studies.portfolio.system import Cut, Optimum, Point
from simlevel.studies.result import MeasureResult, Result
from simlevel.studies.trace import Trace
from simlevel.studies.waiting import waiting, waits

mpl.use("Agg")
SCENARIOS = Path(__file__).parent.parent / "scenarios"
SHIPPED = ("quickstart", "lumpy_undershoot", "spare_part", "grocery_lost_sales", "weekly_review")


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot.close("all")


def shipped(name: str) -> Scenario:
    return sl.load(SCENARIOS / f"{name}.toml")


@pytest.fixture(scope="module")
def bakery() -> Result:
    return sl.simulate(shipped("quickstart"), replications=5, horizon=300)


@pytest.fixture(scope="module")
def scattered() -> Result:
    return sl.simulate(shipped("quickstart"), replications=3, horizon=1200, window=30)


def new() -> Axes:
    return Figure().subplots()


def lines(ax: Axes, **look: object) -> list[tuple[list[float], list[float]]]:
    """Data of the lines with that marker, colour or label."""
    found = ax.lines
    for key, value in look.items():
        found = [each for each in found if getattr(each, f"get_{key}")() == value]
    return [(list(each.get_xdata()), list(each.get_ydata())) for each in found]


def bars(ax: Axes, color: str) -> list[Rectangle]:
    wanted = mpl.colors.to_rgba(color)
    return [each for each in ax.patches if isinstance(each, Rectangle)
            and mpl.colors.to_rgba(each.get_facecolor()) == wanted]  # fmt: skip


@cache
def traded_off() -> Frontier:
    return frontier(shipped("quickstart"), "current")


SYSTEM = Optimum(
    weight="value", priced=True, items=9, settled=9, target=0.96, asked=False,
    equal_target=Point(0.96, 500.0), present=Point(0.9, 480.0), reached=Point(0.961, 400.0),
    could_be_less=3.0, empty=0, cut=Cut(0.1, 1),
    curve=tuple(Point(1 - 1 / n, 20.0 * n) for n in range(1, 200)),
)  # fmt: skip
REORDER = "policies.current.reorder_point"


def drawings() -> dict[str, Any]:
    """One call of each picture, by its name."""
    few = {"replications": 3, "horizon": 300}
    spare, bakery = shipped("spare_part"), shipped("quickstart")
    bakery = bakery.model_copy(update={"simulation": bakery.simulation.model_copy(update=few)})
    run = sl.simulate(bakery)
    found = {
        "inventory_path": sl.trace(bakery, until=20),
        "policies": run,
        "differences": run,
        "windows": sl.simulate(bakery, window=30),
        "demand_law": demand_law(spare, "min1_max3"),
        "waterfall": sl.why(sl.analyze(bakery))["current"]["fill_rate"],
        "convergence": settling.convergence(bakery),
        "start": settling.start(bakery),
        "exchange_curve": SYSTEM,
        "frontier": traded_off(),
        "service_curve": sl.sweep(bakery, {REORDER: "20:26:2"}),
        "waiting": waiting(bakery),
        "fitted": sl.fit(SCENARIOS / "history_bootstrap.csv", "packs"),
    }
    return {name: (getattr(figures, name), each) for name, each in found.items()}


# --- matplotlib's conventions --------------------------------------------------------------------


def test_every_picture_draws_on_the_axes_given_and_returns_them():
    made = drawings()
    assert set(made) == set(figures.__all__)
    for name, (draw, found) in made.items():
        ax = new()
        assert draw(found, ax) is ax, name
        assert ax.get_title(loc="left"), name
        own = draw(found)
        assert own is pyplot.gca(), name
        for label in (own.get_xlabel(), own.get_ylabel()):
            named_rows = not label and [t.get_text() for t in own.get_yticklabels()]
            assert named_rows or re.search(
                r", (units|%|days|money)|^(units|windows|replications|percentage points)$"
                r"|difference, |share, %|units", label), (name, label)  # fmt: skip


# --- the exchange curve --------------------------------------------------------------------------


def test_the_exchange_curve_goes_where_the_least_investment_is_and_marks_what_is_held():
    ax = figures.exchange_curve(SYSTEM, new())
    marks = {(x[0], y[0]) for x, y in lines(ax) if len(x) == 1}
    assert marks == {SYSTEM.equal_target, SYSTEM.present, SYSTEM.reached}
    ((x, y),) = [each for each in lines(ax) if len(each[0]) > 1]
    assert set(zip(x, y, strict=True)) <= set(SYSTEM.curve)
    assert x[0] <= 0.9 <= 0.961 <= x[-1] < 1
    assert "20 % less stock" in ax.get_title(loc="left")
    units = replace(SYSTEM, priced=False, present=None, asked=True)
    ax = figures.exchange_curve(units, new())
    assert len([x for x, _ in lines(ax) if len(x) == 1]) == 2
    assert ax.get_ylabel() == "on hand, units"
    assert "less stock" not in ax.get_title(loc="left")


# --- the inventory path --------------------------------------------------------------------------

# Three on the shelf; two are asked for, and two again, one of which waits; four come at 5.
BY_HAND = (
    Event(1.0, "demand", 2, 3, 1, 1, 0, 0),
    Event(1.0, "order", 4, 1, 1, 5, 4, 0),
    Event(2.0, "demand", 2, 1, -1, 3, 4, 1),
    Event(5.0, "receive", 4, -1, 3, 3, 0, 0),
)


def by_hand(**more: object) -> Trace:
    table = {"demand": {"kind": "poisson", "rate": 1}, "lead_time": 4, "policies": {
        "p": {"kind": "rQ", "reorder_point": 1, "order_quantity": 2}}} | more  # fmt: skip
    return Trace(Scenario.model_validate(table), "p", 7.0, 1, BY_HAND)


def test_the_inventory_path_is_that_of_the_events():
    ax = figures.inventory_path(by_hand(), new())
    times = [0, 1, 1, 2, 5, 7]
    assert lines(ax, label="on hand") == [(times, [3, 1, 1, 0, 3, 3])]
    assert lines(ax, label="backorders (below 0)") == [(times, [0, 0, 0, -1, 0, 0])]
    assert lines(ax, label="inventory position") == [(times, [3, 1, 5, 3, 3, 3])]
    assert lines(ax, label="order placed") == [([1], [5])]
    assert lines(ax, label="order received") == [([5], [3])]
    (shaded,) = (each for each in ax.collections if each.get_label() == "nothing on hand")
    assert [set(path.vertices[:, 0]) for path in shaded.get_paths()] == [{2, 5}]
    assert "once in 7 days" in ax.get_title(loc="left")
    assert not lines(ax, label="customer turned away")


def test_customers_turned_away_are_marked_under_lost_sales():
    lost = figures.inventory_path(by_hand(shortage="lost_sales"), new())
    assert lines(lost, label="customer turned away") == [([2], [0])]


def test_a_spell_lasts_until_stock_stays():
    events = (*BY_HAND, Event(5.0, "demand", 3, 3, 0, 0, 0, 0))
    assert replace(by_hand(), events=events).path().empty == ((2, 5), (5, 7))
    assert replace(by_hand(), events=()).path().empty == ()


# --- policies and their differences --------------------------------------------------------------


def test_policies_are_marked_where_their_measures_are(bakery):
    ax = figures.policies(bakery, new())
    rows = ["cycle_service_level", "fill_rate", "order_fill_rate", "ready_rate"]
    for place, policy in enumerate(bakery.policies.values()):
        color, marker = style.look(place)
        marks = {(x[0], round(y[0])) for x, y in lines(ax, color=color, marker=marker)}
        spans = {tuple(x) for x, _ in lines(ax, color=color, marker="None")}
        for row, name in enumerate(rows):
            found = policy.measures[name]
            assert (found.estimate, row) in marks
            assert (found.low, found.high) in spans
    exact = {x[0] for x, _ in lines(ax, marker="|", color=style.BLACK)}
    assert {
        p.measures[name].analytic.value for p in bakery.policies.values() for name in rows
    } <= exact
    targets = {x[0] for x, _ in lines(ax, color=style.GREEN)}
    assert targets == set(bakery.scenario.targets.values())


def test_nothing_is_drawn_where_nothing_is_known(bakery):
    unseen = MeasureResult(note="no customer came")
    name, other = bakery.policies
    measures = {key: unseen if key == "fill_rate" else each
                for key, each in bakery.policies[name].measures.items()}  # fmt: skip
    policy = replace(bakery.policies[name], measures=measures)
    part = replace(bakery, policies={name: policy, other: bakery.policies[other]})
    before, after = (len(lines(figures.policies(each, new()), color=style.BLUE))
                     for each in (bakery, part))  # fmt: skip
    assert before - after == 2  # the estimate and its interval
    empty = replace(
        bakery, policies={name: replace(policy, measures=dict.fromkeys(measures, unseen))}
    )
    with pytest.raises(InputError, match="known here"):
        figures.policies(empty, new())


def test_measures_of_several_units_do_not_share_an_axis(bakery):
    with pytest.raises(InputError, match="one unit"):
        figures.policies(bakery, new(), ["fill_rate", "cost_per_time"])
    ax = figures.policies(bakery, new(), ["cost_per_time"])
    assert ax.get_xlabel() == "Cost, money per day"


def test_without_a_simulation_the_exact_values_stand_alone():
    ax = figures.policies(sl.analyze(shipped("quickstart")), new())
    assert {line.get_marker() for line in ax.lines if len(line.get_xdata()) == 1} == {"|"}


def test_differences_are_those_of_the_result_in_the_colour_of_their_verdict(bakery):
    ax = figures.differences(bakery, new())
    spans = {tuple(line.get_xdata()) for line in ax.lines}
    for each in bakery.differences["proposed"].values():
        if words.measure(each.measure).is_share:
            assert (each.low, each.high) in spans
    told = bakery.differences["proposed"]["cycle_service_level"]
    color = {"higher": style.BLUE, "lower": style.VERMILLION}.get(told.verdict, style.GREY)
    assert ([told.estimate], [0.0]) in lines(ax, color=color)
    with pytest.raises(InputError, match="none to compare"):
        figures.differences(sl.analyze(shipped("quickstart")), new())


@pytest.mark.parametrize(
    ("targets", "said"),
    [({"cycle_service_level": 0.95, "fill_rate": 0.9}, "Type I is missed, Type II is met"),
     ({"fill_rate": 0.9}, "Type II is met"), ({}, "Service of each policy")],
)  # fmt: skip
def test_the_title_says_what_became_of_the_targets(targets, said):
    case = shipped("quickstart")
    alone = case.model_copy(update={
        "targets": targets, "policies": {"current": case.policies["current"]}})  # fmt: skip
    ax = figures.policies(sl.simulate(alone, replications=5, horizon=1000), new())
    assert ax.get_title(loc="left").startswith(said)


# --- windows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["fill_rate", "cycle_service_level", "ready_rate"])
def test_every_window_is_in_a_bar_on_its_side_of_the_target(scattered, measure):
    found = scattered.policies["current"].windows
    ax = figures.windows(scattered, new(), measure=measure)
    target, kept = found.measures[measure].target, found.measures[measure].bars
    heights = {color: sum(each.get_height() for each in bars(ax, color))
               for color in (style.SKY, style.VERMILLION)}  # fmt: skip
    for collection in ax.collections:
        for color, path in zip(collection.get_colors(), collection.get_paths(), strict=False):
            heights[mpl.colors.to_hex(color).upper()] += path.vertices[1, 1] - path.vertices[0, 1]
    below = [n for low, n in zip(kept.low, kept.count, strict=True) if target and low < target]
    assert sum(heights.values()) == found.count
    assert heights[style.VERMILLION] == sum(below)


def test_windows_that_nobody_asked_for_are_refused(bakery):
    with pytest.raises(InputError, match="--window"):
        figures.windows(bakery, new())


# --- lead-time demand ----------------------------------------------------------------------------


def test_lead_time_demand_of_unit_customers_is_poisson():
    law = demand_law(shipped("quickstart"), "current")
    demand = stats.poisson(20)  # five a day for four days, r = 24
    assert law.lasts == pytest.approx(demand.cdf(24), abs=1e-12)
    ks = np.arange(25, 200)
    assert law.short == pytest.approx(float((ks - 24) @ demand.pmf(ks)), abs=1e-12)
    assert law.lead_time is None
    ax = figures.demand_law(law, new())
    drawn = {round(each.get_x() + each.get_width() / 2, 6): each.get_height()
             for color in (style.SKY, style.VERMILLION) for each in bars(ax, color)}  # fmt: skip
    for amount, chance in drawn.items():
        assert chance == pytest.approx(demand.pmf(amount), abs=1e-15)
    assert sum(each.get_height() for each in bars(ax, style.SKY)) == pytest.approx(law.lasts)


LAWS = [("quickstart", "proposed"), ("lumpy_undershoot", "textbook"), ("spare_part", "one_spare"),
        ("spare_part", "min1_max3"), ("weekly_review", "weekly"), ("weekly_review", "daily"),
        ("history_bootstrap", "for_the_mean"), ("clock_demand_first", "ward")]  # fmt: skip


@pytest.mark.parametrize(("name", "policy"), LAWS)
def test_the_area_is_type_one_and_its_mean_the_safety_stock(name, policy):
    case = shipped(name)
    law, exact = demand_law(case, policy), sl.analyze(case).policies[policy].measures
    amounts, chances = np.array(law.asked.amounts), np.array(law.asked.probabilities)
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    assert chances[amounts <= law.level].sum() == pytest.approx(law.lasts, abs=1e-12)
    assert law.lasts == pytest.approx(exact["cycle_service_level"].analytic.value, abs=1e-9)
    assert law.level - amounts @ chances == pytest.approx(
        exact["safety_stock"].analytic.value, abs=1e-6)  # fmt: skip
    owed = np.clip(amounts - law.level, 0, None) @ chances
    assert law.short == pytest.approx(owed, abs=1e-9)


def test_undershoot_is_what_sets_the_two_laws_apart():
    law = demand_law(shipped("lumpy_undershoot"), "textbook")
    assert law.lead_time is not None
    mean = np.dot(law.lead_time.amounts, law.lead_time.probabilities)
    assert mean == pytest.approx(40)  # two customers a day, ten bags, two days
    asked = np.dot(law.asked.amounts, law.asked.probabilities)
    assert asked - mean == pytest.approx(9, abs=0.1)  # geometric: E of the rest is its mean less 1
    ax = figures.demand_law(law, new())
    ((x, y),) = [each for each in lines(ax, color=style.BLACK) if len(each[0]) > 2]
    assert (x, y) == (list(law.lead_time.amounts), list(law.lead_time.probabilities))


@pytest.mark.parametrize(
    ("name", "why"), [("grocery_lost_sales", "lost sales"), ("served_within", "no formula")]
)
def test_no_law_is_made_up_where_theory_has_none(name, why):
    with pytest.raises(InputError, match=why):
        demand_law(shipped(name))


# --- the gap -------------------------------------------------------------------------------------


def test_the_waterfall_goes_from_step_to_step():
    steps = sl.why(sl.analyze(shipped("lumpy_undershoot")))["textbook"]["fill_rate"]
    ax = figures.waterfall(steps, new())
    drawn = sorted(bars(ax, style.BLUE) + bars(ax, style.VERMILLION), key=lambda bar: bar.get_y())
    assert len(drawn) == len(steps) - 1
    for bar, before, step in zip(drawn, steps, steps[1:], strict=False):
        ends = sorted([bar.get_x(), bar.get_x() + bar.get_width()])
        assert ends == pytest.approx(sorted([before.value, step.value]))
        color = style.BLUE if step.change >= 0 else style.VERMILLION
        assert mpl.colors.to_hex(bar.get_facecolor()).upper() == color
    ends = [x[0] for x, _ in lines(ax, marker="D")]
    assert ends == [steps[0].value, steps[-1].value]
    with pytest.raises(InputError, match="found none"):
        figures.waterfall([], new())


# --- the service curve ---------------------------------------------------------------------------


def test_the_curve_is_exact_and_the_band_simulated():
    found = sl.sweep(shipped("quickstart"), {REORDER: [28, 20, 24]}, replications=4, horizon=300)
    ax = figures.service_curve(found, new())
    order = (1, 2, 0)
    for place, name in enumerate(("cycle_service_level", "fill_rate", "ready_rate")):
        each = [found.points[n].policies["current"].measures[name] for n in order]
        line = ([20, 24, 28], [one.analytic.value for one in each])
        assert line in lines(ax, color=style.PALETTE[place])
        corners = {tuple(corner) for corner in ax.collections[place].get_paths()[0].vertices}
        for reorder_point, one in zip((20, 24, 28), each, strict=True):
            assert {(reorder_point, one.low), (reorder_point, one.high)} <= corners
    across = {y[0] for x, y in lines(ax) if x == [0, 1]}
    assert across == set(found.scenario.targets.values())
    assert ax.get_xlabel() == "reorder point, units"


def test_without_an_exact_value_the_curve_is_what_was_seen():
    found = sl.sweep(shipped("served_within"), {"policies.lean.reorder_point": [15, 25]},
                     replications=2, horizon=200)  # fmt: skip
    ax = figures.service_curve(found, new(), measures=["fill_rate"])
    seen = [point.policies["lean"].measures["fill_rate"].estimate for point in found.points]
    assert lines(ax, linestyle=":") == [([15, 25], seen)]


@pytest.mark.parametrize(
    ("vary", "said"),
    [({REORDER: [20, 25], "lead_time.value": [1, 2]}, "one key"), ({REORDER: [20]}, "two numbers"),
     ({"demand.size": [1, {"dist": "poisson", "mean": 1}]}, "two numbers")],
)  # fmt: skip
def test_what_is_no_curve_is_refused(vary, said):
    found = sl.sweep(shipped("quickstart"), vary, replications=2, horizon=50)
    with pytest.raises(InputError, match=said):
        figures.service_curve(found, new())


# --- the frontier --------------------------------------------------------------------------------


def test_the_frontier_and_the_policies_are_where_the_result_has_them():
    found = traded_off()
    ax = figures.frontier(found, new())
    for kind, points in found.kinds.items():
        line = ([point.service for point in points], [point.worth for point in points])
        assert (line in lines(ax)) is (kind != "base_stock")  # 75 a day beside 3
    for point in found.policies.values():
        assert ([point.service], [point.worth]) in lines(ax, color=style.BLACK)
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any(re.fullmatch(r"base stock: from 75\.\d, not shown", text) for text in said)
    assert ax.get_ylabel() == "cost, money per day"


# --- convergence, the start, waiting -------------------------------------------------------------


def test_the_last_estimate_is_that_of_the_run():
    case = shipped("spare_part")
    found = settling.convergence(case, "min1_max3", "ready_rate")
    run = sl.simulate(case).policies["min1_max3"].measures["ready_rate"]
    last = found.estimates[-1]
    assert (last.estimate, last.low, last.high) == (run.estimate, run.low, run.high)
    assert found.replications == tuple(range(1, 21))
    few = settling.convergence(case, "min1_max3", "ready_rate", replications=7)
    assert few.estimates == found.estimates[:7]
    ax = figures.convergence(found, new())
    ((x, y),) = lines(ax, color=style.BLUE, marker="o")
    assert (x, y) == (list(range(1, 21)), [each.estimate for each in found.estimates])
    corners = ax.collections[0].get_paths()[0].vertices
    assert {found.estimates[9].low, found.estimates[9].high} <= set(
        corners[corners[:, 0] == 10][:, 1]
    )
    assert ([0, 1], [run.analytic.value] * 2) in lines(ax, color=style.BLACK)


def test_the_start_of_a_case_without_chance_is_known_by_hand():
    # Two a day from a stock of five: 3 are left, then 1; from then on two come and two go.
    case = Scenario.model_validate({
        "demand": {"kind": "periodic", "quantity": 2}, "lead_time": 1,
        "policies": {"p": {"kind": "base_stock", "order_up_to": 5, "review_period": 1}},
        "simulation": {"warmup": 3, "horizon": 50}})  # fmt: skip
    found = settling.start(case)
    assert found.means == (3, *[1] * 11)
    assert found.low == found.high == found.means
    ax = figures.start(found, new())
    stairs = ax.patches[0].get_data()
    assert tuple(stairs.values) == found.means
    assert tuple(stairs.edges) == found.edges
    assert ([3.0, 3.0], [0, 1]) in lines(ax)
    once = case.simulation.model_copy(update={"replications": 1})
    with pytest.raises(InputError, match="two or more"):
        settling.start(case.model_copy(update={"simulation": once}))


def test_waits_are_drawn_where_the_result_has_them():
    found = waiting(shipped("spare_part"), replications=3, horizon=400)
    ax = figures.waiting(found, new())
    within = [0.0, *found.scenario.measures.served_within]
    for place, policy in enumerate(found.policies.values()):
        color, marker = style.look(place)
        names = ["fill_rate", *(n for n in policy.measures if n.startswith("served_within"))]
        exact = [policy.measures[name].analytic.value for name in names]
        seen = [policy.measures[name].estimate for name in names]
        assert (within, exact) in lines(ax, color=color)
        assert (within, seen) in lines(ax, color=color, marker=marker)
    with pytest.raises(InputError, match="leave"):
        waiting(shipped("grocery_lost_sales"))
    with pytest.raises(InputError, match="no waiting times"):
        figures.waiting(sl.analyze(shipped("quickstart")), new())


@pytest.mark.parametrize("longest", [0.003, 0.7, 1.38, 3, 10, 365])
def test_waits_are_round_and_reach_far_enough(longest):
    found = waits(shipped("quickstart"), longest)
    step = found[0]
    assert len(found) <= 20
    assert found[-1] >= longest > found[-1] - step
    assert f"{step:.0e}"[0] in "125"


# --- what is written -----------------------------------------------------------------------------

MAGIC = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
ODD = 'a<script>alert(1)</script> $x_{$ & "b" \x01'


def renamed(result: Result, name: str) -> Result:
    policies = {name if each == "current" else each: policy
                for each, policy in result.policies.items()}  # fmt: skip
    baseline = name if result.baseline == "current" else result.baseline
    scenario = result.scenario.model_copy(update={"name": name})
    return replace(result, policies=policies, baseline=baseline, scenario=scenario)


def test_a_name_is_shown_as_text_and_is_never_markup_nor_a_formula(bakery):
    svg = style.content(pictures.picture(renamed(bakery, ODD)), ".svg").decode()
    tree = ElementTree.fromstring(svg)
    assert not [each for each in tree.iter() if each.tag.endswith("script")]
    texts = ["".join(each.itertext()) for each in tree.iter() if each.tag.endswith("text")]
    assert any("a<script>alert(1)</script>" in text for text in texts)
    assert any(text.startswith("Type I: cycle service") for text in texts)


@pytest.mark.parametrize("odd", ["_hidden", "日本", "x" * 300, "$", r"\alpha $\frac{$"])
def test_any_name_is_in_the_legend(bakery, odd):
    figure = style.drawn([partial(figures.policies, renamed(bakery, odd))])
    said = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    start = odd[:20].replace("$", r"\$")
    assert any(text.strip().startswith(start) and len(text) < 40 for text in said)
    assert style.content(figure, ".png").startswith(MAGIC[".png"])


def test_the_same_picture_is_the_same_file_without_a_date():
    for kind in MAGIC:
        made = [Figure(figsize=(2, 2)) for _ in range(2)]
        for figure in made:
            figure.subplots().plot([1, 2], "o", label="points")
        one, other = (style.content(figure, kind) for figure in made)
        assert one == other
        assert b"CreationDate" not in one
        assert b"dc:date" not in one


COMMANDS = {
    "run": ["--replications", "3", "--horizon", "300"],
    "trace": ["--until", "20"],
    "analyze": [],
    "optimize": ["--frontier"],
    "sweep": ["--vary", f"{REORDER}=22,26", "--replications", "2", "--horizon", "100"],
}


SLOW = pytest.param("optimize", marks=pytest.mark.slow)


@pytest.mark.parametrize("command", [*(each for each in COMMANDS if each != "optimize"), SLOW])
def test_commands_write_their_picture_whole(command, tmp_path, capsys):
    kinds = MAGIC if command == "trace" else [".svg"]
    wanted = [tmp_path / f"picture{kind}" for kind in kinds]
    outputs = [part for path in wanted for part in ("-o", str(path))]
    line = [command, str(SCENARIOS / "quickstart.toml"), *COMMANDS[command], *outputs]
    assert status(line) == 0
    assert sorted(tmp_path.iterdir()) == sorted(wanted)
    for path in wanted:
        assert path.read_bytes().startswith(MAGIC[path.suffix])
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [(["verify", "quickstart", "-o", "x.svg"], "expected an ending of .json"),
     (["analyze", "grocery_lost_sales", "-o", "x.svg"], "lost sales"),
     (["optimize", "quickstart", "-o", "x.svg"], "expected an ending of .json"),
     (["run", "quickstart", "-o", "x.jpg"], ".svg, .png, .pdf, .html, found .jpg")],
)  # fmt: skip
def test_a_picture_that_cannot_be_is_refused_in_a_line(line, said, tmp_path, capsys):
    command, name, option, file = line
    path = str(SCENARIOS / f"{name}.toml")
    assert status([command, path, option, str(tmp_path / file)]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


IMPORTED = "import sys; from simlevel.cli import status; status(sys.argv[1:]); print(*sys.modules)"


def test_a_picture_in_a_file_needs_no_pyplot(tmp_path):
    line = [sys.executable, "-c", IMPORTED, "trace", str(SCENARIOS / "quickstart.toml"),
            "--until", "3", "--engine", "simpy"]  # fmt: skip
    for more, there in ((["-o", str(tmp_path / "a.svg")], True), ([], False)):
        done = subprocess.run([*line, *more], capture_output=True, text=True, check=True)
        loaded = set(done.stdout.splitlines()[-1].split())
        assert ("matplotlib" in loaded) is there
        assert "matplotlib.pyplot" not in loaded


# --- legible -------------------------------------------------------------------------------------


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover one another, and texts that the edge cuts."""
    FigureCanvasAgg(figure).draw()
    texts = [
        each for each in figure.findobj(Text) if each.get_visible() and each.get_text().strip()
    ]
    boxes = [(each.get_text(), each.get_window_extent()) for each in texts]
    ticks = {id(t) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)
             for t in axis.findobj(Text)}  # fmt: skip
    shown = [box for each, box in zip(texts, boxes, strict=True)
             if id(each) not in ticks or _is_on(figure, box[1])]  # fmt: skip
    cut = [(text, "edge") for text, box in shown if not _is_on(figure, box)]
    over = [(one[0], other[0]) for one, other in itertools.combinations(shown, 2)
            if one[1].padded(-1.5).overlaps(other[1].padded(-1.5))]  # fmt: skip
    return cut + over


def _is_on(figure: Figure, box: Any) -> bool:
    edge = figure.bbox
    return bool(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= edge.x1 + 1 and box.y1 <= edge.y1 + 1)


def test_texts_over_one_another_would_be_found():
    figure = Figure()
    figure.text(0.5, 0.5, "one")
    figure.text(0.5, 0.5, "other")
    figure.text(0.99, 0.2, "cut at the edge")
    assert len(overlapping(figure)) == 2


@pytest.mark.parametrize(
    "name", ["quickstart", *(pytest.param(name, marks=pytest.mark.slow) for name in SHIPPED[1:])]
)
def test_no_text_covers_another(name):
    case = shipped(name)
    run = sl.simulate(case, replications=3, horizon=840)
    windows = sl.simulate(case, replications=3, horizon=840, window=84)
    found = [(sl.trace(case, until=30), False), (run, False), (windows, False)]
    found += [(sl.analyze(case), True)]
    found += [] if case.lost_sales else [(sl.analyze(case), False)]
    for each, why in found:
        assert overlapping(pictures.picture(each, why=why)) == []


def linear(color: str) -> np.ndarray:
    rgb = np.array(mpl.colors.to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


# Machado, Oliveira and Fernandes (2009), severity 1: what is left of linear RGB.
SEEN = {
    "all": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                        [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                        [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                        [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip


def lab(color: str, kind: str) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(SEEN[kind] @ linear(color), 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colors: tuple[str, ...], kind: str) -> float:
    return min(float(np.linalg.norm(lab(a, kind) - lab(b, kind)))
               for a, b in itertools.combinations(colors, 2))  # fmt: skip


@pytest.mark.parametrize("kind", SEEN)
def test_colours_are_told_apart_by_people_who_are_colour_blind(kind):
    assert nearest(style.PALETTE, kind) > 10  # a difference of 2.3 is just noticeable


def test_red_and_green_of_one_lightness_would_not_pass():
    assert nearest(("#C44E52", "#8C7A3A"), "deutan") < 10


def test_words_stand_out_from_the_page():
    for color in (style.BLACK, style.GREY):
        luminance = float(TO_XYZ[1] @ linear(color))
        assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG AA
