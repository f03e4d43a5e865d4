"""Progress is shown where somebody watches: a terminal, a notebook; and nowhere else."""

from __future__ import annotations

import io
import re
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

import simlevel as sl
from simlevel.reports import progress
from simlevel.templates import shipped


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: Any, stream: io.StringIO, patience: float) -> str:
    """What a run writes on *stream* when it is standard error."""
    monkeypatch.setattr(progress, "PATIENCE", patience)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with sl.ProgressBar() as bar:
        sl.simulate(sl.load(shipped()["quickstart"]), replications=3, horizon=20, progress=bar)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "patience", "seen"),
    [(Terminal, -1.0, True), (Terminal, 1e9, False), (io.StringIO, -1.0, False)],
    ids=["long, watched", "short", "long, in a pipe"],
)
def test_only_long_work_that_somebody_watches_shows_a_bar(monkeypatch, stream, patience, seen):
    assert ("replications" in shown(monkeypatch, stream(), patience)) is seen


@pytest.mark.parametrize("widgets", [None, object()])
def test_a_notebook_shows_it_if_it_has_widgets(monkeypatch, widgets):
    monkeypatch.setattr(progress, "find_spec", lambda name: widgets)
    console: Any = SimpleNamespace(is_jupyter=True)
    assert progress._watched(console) is (widgets is not None)


def test_a_study_that_is_not_asked_to_shows_nothing(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    sl.simulate(sl.load(shipped()["quickstart"]), replications=3, horizon=20)
    assert capsys.readouterr() == ("", "")


def test_a_bar_says_how_many_a_second_in_eighty_columns():
    from rich.console import Console

    console = Console(width=80, file=io.StringIO())
    bar = progress._bar("replications", console)
    task = bar.add_task("replications", total=1_000_000)
    for done in (100_000, 200_000, 300_000):
        time.sleep(0.01)
        bar.update(task, completed=done)
    console.print(bar.get_renderable())
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 1
    assert re.search(r" 300000/1000000 [1-9][\d,]*/s \d:\d\d:\d\d", lines[0])
