"""How far long work has come: on a terminal, or below the cell of a notebook."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds of work that nobody needs to be told of."""


class ProgressBar:
    """A bar for anything over a second; silent where nobody watches.

    Studies take it as *progress*::

        with sl.ProgressBar() as bar:
            result = sl.simulate(scenario, precision={"fill_rate": 1e-4}, progress=bar)

    It stands on standard error, or below the cell of a notebook that has ipywidgets, and is gone
    when the work is done.
    """

    def __init__(self, what: str = "replications") -> None:
        self._what = what
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._looked = False

    def __enter__(self) -> ProgressBar:
        return self

    def __call__(self, done: int, planned: int) -> None:
        if not self._looked and time.monotonic() > self._started + PATIENCE:
            self._looked = True
            self._open()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=planned)

    def _open(self) -> None:
        from rich.console import Console

        console = Console(stderr=True)
        if _watched(console):
            self._bar = _bar(self._what, console)
            self._bar.add_task(self._what)
            self._bar.start()

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _watched(console: Console) -> bool:
    """Whether a bar would be seen, and seen to move."""
    return find_spec("ipywidgets") is not None if console.is_jupyter else sys.stderr.isatty()


def _bar(what: str, console: Console) -> Progress:
    from rich import progress
    from rich.text import Text

    class Speed(progress.ProgressColumn):
        """So many a second, once that is known."""

        def render(self, task: progress.Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    return progress.Progress(
        progress.TextColumn(what), progress.BarColumn(30), progress.MofNCompleteColumn(), Speed(),
        progress.TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip
