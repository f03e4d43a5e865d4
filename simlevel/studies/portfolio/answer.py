"""What a finished run comes to: sums by class, the system optimum, what to change first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simlevel.studies.portfolio.changes import Changes
from simlevel.studies.portfolio.rollup import Rollup
from simlevel.studies.portfolio.run import Work
from simlevel.studies.portfolio.store import Table
from simlevel.studies.portfolio.system import Optimum, optimum, with_system


@dataclass(frozen=True)
class Answer:
    """Of all items of *work*."""

    work: Work
    rollup: Rollup
    system: Optimum | str
    """Or why there is none."""
    changes: Changes

    def tables(self) -> Iterator[Table]:
        """The results of one chunk after another, the system optimum among them."""
        cut = None if isinstance(self.system, str) else self.system.cut
        return with_system(self.work.portfolio, self.work.tables(), cut)


def answer(work: Work) -> Answer:
    """What the chunks of *work*, which are all there, come to."""
    found = Answer(work, Rollup(), optimum(work.portfolio, work.tables), Changes(work.portfolio))
    for table in found.tables():
        found.rollup.add(table)
        found.changes.add(table)
    return found
