"""`simlevel check` on legal things that are probably mistakes: each lint bites, and lets go."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from test_scenario_file import complete, run

import simlevel as sl
from simlevel.scenario_file import parse
from simlevel.studies import bounds, lint
from simlevel.templates import shipped

RQ = '[policies.a]\nkind = "rQ"\nreorder_point = {}\norder_quantity = {}'
MIN_MAX = '[policies.a]\nkind = "sS"\norder_up_to = 99\nreorder_point = {}'
SS = '[policies.a]\nkind = "sS"\nreorder_point = {}\norder_up_to = 99\nreview_period = 2'
DAILY = '[demand]\nkind = "periodic"\nquantity = {}'
POISSON = '{ dist = "poisson", mean = 5 }'
DEMAND_FIRST = '[clock]\nsequence = ["receive", "demand", "review"]'
SIZES = '[demand]\nkind = "poisson"\nrate = 1\nsize = {{ dist = "geometric", mean = {} }}'
HOLDING = '[costs]\nholding = {{ rate = "25%", per = "{}", unit_value = 10 }}'
CYCLES = "[targets]\ncycle_service_level = {}"
WITHIN = "[measures]\nserved_within = [{0}]\n[targets]\nserved_within_{0} = 0.9"
TARGET = "[targets]\nfill_rate = 0.98"
LOST = 'shortage = "lost_sales"'
NORMAL = '[demand]\nkind = "periodic"\nquantity = {{ dist = "normal", mean = 5, cv = {} }}'
REPLAY = '[demand]\nkind = "history"\nvalues = [3, 0, 4]\nresample = "{}"'

# Demand is 5 a day and the lead time 4 days, unless it says otherwise: 20 units in a lead time.
# (lint, probably a mistake, where and in which words, nearly the same and no mistake)
LINTS = [
    (lint._percents,
     '[lead_time]\ndist = "gamma"\nmean = 4\ncv = 30',
     "4:6: lead_time.cv: cv = 30 is a standard deviation of 30 times the mean; for 30 % write 0.3",
     '[lead_time]\ndist = "gamma"\nmean = 4\ncv = 0.3'),
    (lint._percents,
     '[demand]\nkind = "poisson"\nrate = 5\nsize = { dist = "lognormal", mean = 1, cv = 150 }',
     "4:45: demand.size.cv: cv = 150 ",
     '[demand]\nkind = "poisson"\nrate = 5\nsize = { dist = "lognormal", mean = 1, cv = 1.5 }'),
    (lint._percents,
     "[simulation]\nconfidence = 0.05",
     "2:14: simulation.confidence: confidence = 0.05 gives intervals that are wrong more often "
     "than right; for an error rate of 0.05 write 0.95",
     "[simulation]\nconfidence = 0.5"),
    (lint._percents,
     "[targets]\norder_fill_rate = 0.02",
     "2:19: targets.order_fill_rate: order_fill_rate = 0.02 is met where 0.98 of all "
     "goes wrong; for a risk of 0.02 write 0.98",
     "[targets]\norder_fill_rate = 0.2"),
    (lint._percents,
     '[targets]\nready_rate = "0.98%"',
     '2:14: targets.ready_rate: ready_rate = 0.0098 is met where 0.9902 of all goes wrong; for a '
     'risk of 0.0098 write 0.9902; 98 in 100 are 0.98 or "98%"',
     '[targets]\nready_rate = "98%"\nmean_wait = 0.02'),
    (lint._holding_rates,
     HOLDING.format("week"),
     "2:33: costs.holding.per: 0.25 of the value per week is 13 times the value in a year; ",
     HOLDING.format("year")),
    (lint._other_time_units,
     DAILY.format('{ dist = "gamma", mean = 5, sd = 27 }'),
     "3:45: demand.quantity.sd: sd = 27 is 5.4 times the mean, 5: perhaps of another unit or "
     "period of time than the mean; write both for one draw: the sd of n periods is sqrt(n) times",
     DAILY.format('{ dist = "gamma", mean = 5, sd = 12 }')),
    (lint._other_time_units,
     DAILY.format('{ dist = "normal", mean = 5, sd = 6 }'),
     "3:46: demand.quantity.sd: sd = 6 is 1.2 times the mean, 5: ",
     DAILY.format('{ dist = "negative_binomial", mean = 5, sd = 6 }')),
    (lint._other_time_units,
     '[lead_time]\ndist = "gamma"\nmean = 2\nsd = 5',
     "4:6: lead_time.sd: sd = 5 is 2.5 times the mean, 2: perhaps of another unit or period of "
     "time than the mean; write both in days, or the spread as cv",
     '[lead_time]\ndist = "gamma"\nmean = 14\nsd = 5'),
    (lint._cut_normals,
     NORMAL.format(0.5),
     "3:12: demand.quantity: 2.3% of the normal draws fall below 0 and become 0, which lifts the "
     "mean from 5 to 5.021",
     NORMAL.format(0.42)),
    (lint._cut_normals,
     '[lead_time]\ndist = "normal"\nmean = 4\nsd = 2',
     "1:1: lead_time: 2.3% of the normal draws",
     '[lead_time]\ndist = "gamma"\nmean = 4\nsd = 2'),
    (lint._low_reorder_points,
     f"{RQ.format(19, 60)}\n{TARGET}",
     "3:17: policies.a.reorder_point: reorder_point = 19 is below the mean demand of a lead time, "
     "20, and fill_rate is asked for; start from 20, the mean demand of L, and add safety stock",
     f"{RQ.format(21, 60)}\n{TARGET}"),
    (lint._low_reorder_points,
     f"{RQ.format(19, 60)}\n{TARGET}",
     "3:17: policies.a.reorder_point: ",
     RQ.format(19, 60)),
    (lint._low_reorder_points,
     f"{RQ.format(19, 60)}\n[targets]\nready_rate = 0.5",
     "3:17: policies.a.reorder_point: ",
     f"{RQ.format(19, 60)}\n[targets]\nready_rate = 0.4\nmean_on_hand = 30"),
    (lint._low_reorder_points,
     f'[policies.a]\nkind = "base_stock"\norder_up_to = 19\n{TARGET}',
     "3:15: policies.a.order_up_to: order_up_to = 19 is below",
     f'[policies.a]\nkind = "base_stock"\norder_up_to = 21\n{TARGET}'),
    (lint._low_reorder_points,
     SS.format(29),
     "3:17: policies.a.reorder_point: reorder_point = 29 covers the mean demand of a lead time, "
     "20, but not of L + R, 30: nothing can be ordered between two reviews; start from 30 ",
     SS.format(30)),
    (lint._low_reorder_points,
     f"{RQ.format(15, 200)}\n{TARGET}",
     "3:17: policies.a.reorder_point: reorder_point = 15 is below the mean demand of a lead time, ",
     f"{RQ.format(15, 200)}\n[targets]\nfill_rate = 0.97"),  # 5 units short in every 200
    (lint._low_reorder_points,
     SS.format(29),
     "3:17: policies.a.reorder_point: reorder_point = 29 covers the mean demand of a lead time, ",
     f"{SS.format(29)}\n{TARGET}"),
    (lint._low_reorder_points,
     f"{SS.format(24)}\n{DAILY.format(5)}",
     "3:17: policies.a.reorder_point: reorder_point = 24 covers",
     f"{SS.format(25)}\n{DAILY.format(5)}\n{DEMAND_FIRST}"),
    (lint._low_reorder_points,
     f"{SS.format(24)}\n{DAILY.format(5)}\n{DEMAND_FIRST}",
     "3:17: policies.a.reorder_point: reorder_point = 24 covers the mean demand of a lead time, "
     "15, but not of L + R, 25",
     f"{SS.format(25)}\n{DAILY.format(5)}\n{DEMAND_FIRST}"),
    (lint._no_safety_stock,
     f"{RQ.format(20, 60)}\n{TARGET}",
     "3:17: policies.a.reorder_point: reorder_point = 20 covers the mean demand of L, 20, and "
     "nothing more, and fill_rate is asked for: about half the time demand is higher; add safety",
     f"{RQ.format(21, 60)}\n{TARGET}"),
    (lint._no_safety_stock,
     f"{RQ.format(20, 60)}\n{TARGET}",
     "3:17: policies.a.reorder_point: ",
     f"{RQ.format(20, 150)}\n{TARGET}"),  # a few units short in every 150
    (lint._no_safety_stock,
     f"{SS.format(30)}\n[targets]\nfill_rate = 0.995",
     "3:17: policies.a.reorder_point: reorder_point = 30 covers the mean demand of L + R, 30, ",
     f"{SS.format(30)}\n{TARGET}"),  # 0.991: the undershoot is half of R
    (lint._no_safety_stock,
     f"{RQ.format(20, 60)}\n{TARGET}\n{DAILY.format(POISSON)}",
     "3:17: policies.a.reorder_point: ",
     f"{RQ.format(20, 60)}\n{TARGET}\n{DAILY.format(5)}"),  # nothing varies
    (lint._short_runs,
     "[simulation]\nhorizon = 50\nreplications = 20",
     "2:11: simulation.horizon: policy right ends about 83.3 replenishment cycles in all: too few "
     'to tell service levels apart; horizon = "auto", or at least 60',
     "[simulation]\nhorizon = 60\nreplications = 20"),
    (lint._several_outstanding,
     f"{LOST}\n{RQ.format(60, 50)}",
     "5:18: policies.a.order_quantity: order_quantity = 50 against reorder_point = 60 lets more "
     "than one order be outstanding",
     f"{LOST}\n{RQ.format(49, 50)}"),
    (lint._several_outstanding,
     f"{LOST}\n{RQ.format(10, 10)}",
     "5:18: policies.a.order_quantity: ",
     f"{LOST}\n{RQ.format(9, 10)}"),  # Q > r: with one outstanding, the position is above r
    (lint._several_outstanding,
     f"{LOST}\n{RQ.format(60, 50)}",
     "5:18: policies.a.order_quantity: ",
     RQ.format(60, 50)),
    (lint._several_outstanding,
     f"{LOST}\n{MIN_MAX.format(50)}",
     "4:15: policies.a.order_up_to: order_up_to less reorder_point = 49 against reorder_point = "
     "50 lets more than one order be outstanding",
     f"{LOST}\n{MIN_MAX.format(49)}"),
    (lint._several_outstanding,
     f"{LOST}\n{MIN_MAX.format(50)}",
     "4:15: policies.a.order_up_to: ",
     f"{LOST}\n{MIN_MAX.format(50)}\nreview_period = 1"),
    (lint._few_failures,
     CYCLES.format(0.999),
     "2:23: targets.cycle_service_level: at cycle_service_level = 0.999 policy right fails about "
     "10 times in the whole run: too few to tell met from missed; horizon = 18000 or more, or "
     "replications = 60 or more",
     CYCLES.format(0.99)),
    (lint._few_failures,
     f"[simulation]\nhorizon = 1000\n{CYCLES.format(0.99)}",
     "4:23: targets.cycle_service_level: at cycle_service_level = 0.99 policy right fails about "
     "17 times",
     f"[simulation]\nhorizon = 1000\nreplications = 40\n{CYCLES.format(0.99)}"),
    (lint._few_failures,
     f"{DAILY.format(5)}\n[targets]\nperiod_service_level = 0.9999",
     "5:24: targets.period_service_level: at period_service_level = 0.9999 policy right fails "
     "about 20 times",
     f"{DAILY.format(5)}\n[targets]\nperiod_service_level = 0.999"),
    (lint._few_failures,
     "[targets]\nfill_rate = 0.9999",
     "2:13: targets.fill_rate: at fill_rate = 0.9999 policy right fails about 11 times",
     "[targets]\nfill_rate = 0.999"),
    (lint._small_quantities,
     f"{RQ.format(30, 8)}\n{SIZES.format(10)}",
     "4:18: policies.a.order_quantity: order_quantity = 8 is less than the 9 units by which "
     "demand passes the reorder point in the mean before an order is placed: most orders are of "
     'several multiples; if it is a pack size, write kind = "sS" with order_up_to; if all that',
     f"{RQ.format(30, 9)}\n{SIZES.format(10)}"),
    (lint._small_quantities,
     f"{RQ.format(40, 4)}\nreview_period = 2",
     "4:18: policies.a.order_quantity: order_quantity = 4 is less than the 5 units",
     RQ.format(40, 4)),
    (lint._fill_rates_for_free,
     f"{RQ.format(25, 2100)}\n{TARGET}",
     "6:13: targets.fill_rate: policy a orders so much at once that it reaches 0.99 with any "
     "reorder_point of 0 or more: fill_rate = 0.98 cannot be missed, and sets no reorder point; ",
     f"{RQ.format(25, 1000)}\n{TARGET}"),
    (lint._fill_rates_for_free,
     f"{RQ.format(25, 2100)}\n{TARGET}",
     "6:13: targets.fill_rate: ",
     f"{RQ.format(25, 2100)}\n{CYCLES.format(0.98)}"),
    (lint._promises_for_free,
     WITHIN.format(4),
     "4:19: targets.served_within_4: policy right lets nobody wait longer than 4, the longest L: "
     "served_within_4 is always 1; ask for a wait shorter than 4",
     WITHIN.format(3)),
    (lint._promises_for_free,
     f"{SS.format(30)}\n{WITHIN.format(6)}",
     "9:19: targets.served_within_6: policy a lets nobody wait longer than 6, the longest L + R",
     f"{SS.format(30)}\n{WITHIN.format(5)}"),
    (lint._promises_for_free,
     WITHIN.format(4),
     "4:19: targets.served_within_4: ",
     f'{WITHIN.format(4)}\n[lead_time]\ndist = "gamma"\nmean = 3\nsd = 1'),
    (lint._ignored_settings,
     f"{REPLAY.format('replay')}\n[simulation]\nwarmup = 3",
     '6:10: simulation.warmup: warmup has no effect: resample = "replay" plays the record once',
     f"{REPLAY.format('bootstrap')}\n[simulation]\nwarmup = 3"),
    (lint._odd_time_unit,
     'time_unit = "dya"\nlead_time = 4',
     "1:13: time_unit: 'dya' is no unit of time that can be converted (did you mean 'day'?)",
     'time_unit = "shift"\nlead_time = 4'),
]  # fmt: skip
IDS = [f"{number} {each[0].__name__[1:]}" for number, each in enumerate(LINTS)]


@pytest.mark.parametrize(("_", "mistake", "said", "fine"), LINTS, ids=IDS)
def test_a_lint_tells_a_mistake_from_what_is_nearly_the_same(
    _, mistake, said, fine, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text(complete(mistake))
    code, out, err = run("check", "s.toml")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.startswith(f"s.toml:{said}")], out
    assert "probable mistake" in out.splitlines()[-1]
    Path("s.toml").write_text(complete(fine))
    where = ": ".join(said.split(": ")[1:2])
    assert f": {where}: " not in run("check", "s.toml")[1]


def test_every_lint_has_its_case():
    assert {each for each, *_ in LINTS} == set(lint._LINTS)


@pytest.mark.parametrize("settings", [(10, 3), (37, 7), (300, 3), (50, 9)])
@pytest.mark.parametrize("target", ["cycle_service_level = 0.9", "fill_rate = 0.999"])
def test_a_run_as_long_as_is_told_is_long_enough(settings, target):
    text = "[simulation]\nhorizon = {}\nreplications = {}\n[targets]\n" + target

    def too_short(horizon, replications):
        found = lint.findings(parse(complete(text.format(horizon, replications))))
        return [each.instead for each in found if "too few" in each.why]

    told = too_short(*settings)
    assert told
    longer = [float(n) for each in told for n in re.findall(r"(?:horizon =|least) ([\d.]+)", each)]
    assert too_short(max(longer), settings[1]) == []
    more = [int(n) for each in told for n in re.findall(r"replications = (\d+)", each)]
    assert not [each for each in too_short(settings[0], max(more)) if "replications" in each]


@pytest.mark.parametrize("text", ["", 'time_unit = "weeks"', NORMAL.format(0.3), LOST])
def test_an_ordinary_scenario_has_no_probable_mistake(text):
    assert list(lint.findings(parse(complete(text)))) == []


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_has_no_probable_mistake(name):
    assert list(lint.findings(sl.load(shipped()[name]))) == []


DRAWN = np.random.default_rng(0)
GAMMA = '{ dist = "gamma", mean = 5, sd = 4 }'
SEVERAL = {  # many times the demand of 6 days
    SIZES.format(3): lambda n: [DRAWN.geometric(1 / 3, k).sum() for k in DRAWN.poisson(6, n)],
    f"{DAILY.format(GAMMA)}\nprobability = 0.3\nevery = 2": lambda n: (
        DRAWN.gamma(25 / 16, 16 / 5, (n, 3)) * (DRAWN.random((n, 3)) < 0.3)
    ).sum(axis=1),
    REPLAY.format("bootstrap"): lambda n: DRAWN.choice([3, 0, 4], (n, 6)).sum(axis=1),
}


@pytest.mark.parametrize("demand", SEVERAL)
def test_the_moments_of_several_days_are_those_of_their_sum(demand):
    """Tolerances of six deviations and more: right code fails once in 10,000,000."""
    found = bounds.demand(parse(complete(demand)), 6)
    sums = np.array(SEVERAL[demand](100_000))
    assert found == (pytest.approx(sums.mean(), rel=0.03), pytest.approx(sums.var(), rel=0.06))


@pytest.mark.parametrize("multiple", [2, 5, 20])
@pytest.mark.parametrize(
    ("demand", "lead_time"),
    [
        ('kind = "poisson"\nrate = 5', "4"),
        ('kind = "poisson"\nrate = 1\nsize = { dist = "geometric", mean = 8 }', "4"),
        ('kind = "periodic"\nquantity = { dist = "gamma", mean = 5, sd = 9 }', "3"),
        ('kind = "periodic"\nevery = 3\nquantity = { dist = "poisson", mean = 9 }', "7"),
        ('kind = "poisson"\nrate = 5', '{ dist = "gamma", mean = 4, sd = 4 }'),
    ],
)
def test_a_fill_rate_for_free_is_reached_with_a_reorder_point_of_0(demand, lead_time, multiple):
    """Right code fails once in 4,000,000: the end of an interval of that confidence is taken."""
    scenario = parse(f"lead_time = {lead_time}\n[demand]\n{demand}\n{RQ.format(0, 40 * multiple)}")
    least = bounds.least_fill_rate(scenario, scenario.policies["a"])
    found = sl.simulate(scenario, confidence=1 - 5e-7).policies["a"].measures["fill_rate"]
    assert found.high > least
    assert 1 - least < 3 * (1 - found.low), "a bound far below the fill rate says nothing"


@pytest.mark.parametrize("reorder_point", [0, 12])
@pytest.mark.parametrize("review", ["", "review_period = 2"])
def test_a_wait_of_the_longest_l_and_r_is_enough_and_a_shorter_one_is_not(reorder_point, review):
    longest = 6 if review else 4
    promise = f"[measures]\nserved_within = [{longest}, {longest / 2}]"
    scenario = parse(complete(f"{RQ.format(reorder_point, 9)}\n{review}\n{promise}"))
    kept, broken = (
        sl.simulate(scenario).policies["a"].measures[f"served_within_{wait}"].estimate
        for wait in (longest, longest // 2)
    )
    assert kept == 1 > broken


def test_check_reads_all_its_files_and_tells_the_bad_from_the_good(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("good.toml").write_text(complete(""))
    Path("odd.toml").write_text(complete(NORMAL.format(2)))
    Path("bad.toml").write_text(complete("name = 3"))
    code, out, err = run("check", "bad.toml", "good.toml", "odd.toml", "none.toml")
    assert code == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["bad.toml", "none.toml"]
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "good.toml",
        "odd.toml",
        "odd.toml",
    ]
    assert out.splitlines()[0] == "good.toml: valid, no probable mistakes"
    assert out.splitlines()[-1] == "odd.toml: valid, 1 probable mistake"


def test_check_simulates_nothing(tmp_path, monkeypatch):
    (tmp_path / "s.toml").write_text(complete("[simulation]\nreplications = 1000000"))
    monkeypatch.setattr("simlevel.draws.generator", lambda *a, **k: pytest.fail("it draws"))
    assert run("check", str(tmp_path / "s.toml"))[0] == 0
