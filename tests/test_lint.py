"""`simlevel check` on legal things that are probably mistakes: each lint bites, and lets go."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_scenario_file import complete, run

from simlevel.scenario_file import parse
from simlevel.studies import lint

RQ = '[policies.a]\nkind = "rQ"\nreorder_point = {}\norder_quantity = {}'
SS = '[policies.a]\nkind = "sS"\nreorder_point = {}\norder_up_to = 99\nreview_period = 2'
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
     f"{RQ.format(20, 60)}\n{TARGET}"),
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


@pytest.mark.parametrize("text", ["", 'time_unit = "weeks"', NORMAL.format(0.3), LOST])
def test_an_ordinary_scenario_has_no_probable_mistake(text):
    assert list(lint.findings(parse(complete(text)))) == []


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
