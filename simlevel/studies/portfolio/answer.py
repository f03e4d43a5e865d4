"""What a finished run comes to: sums by class, the system optimum, what to change first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simlevel.studies.portfolio.changes import Changes
from simlevel.studies.portfolio.rollup import Rollup
from simlevel.studies.portfolio.run import Work
from simlevel.studies.portfolio.store import Table
from simlevel.studies.portfolio.system import Optimum, optimum, with_system
from simlevel.studies.portfolio.verification import Verification


@dataclass(frozen=True)
class Answer:
    """Of all items of *work*."""

    work: Work
    rollup: Rollup
    system: Optimum | str
    """Or why there is none."""
    changes: Changes
    verification: Verification | None = None
    """Where the settings proposed were simulated."""
    unused: tuple[str, ...] = ()
    """What stands in the records and counts for nothing, in sentences."""

    @property
    def warnings(self) -> list[str]:
        """What is not used, and what nobody is in."""
        nobody = [f"classes.{name}: no item is in it" for name in self.work.portfolio.classes
                  if name not in self.rollup.classes]  # fmt: skip
        return [*self.unused, *nobody]

    def tables(self) -> Iterator[Table]:
        """The results of one chunk after another, the system optimum among them."""
        cut = None if isinstance(self.system, str) else self.system.cut
        return with_system(self.work.portfolio, self.work.tables(), cut)


def answer(work: Work, verification: Verification | None) -> Answer:
    """What the chunks of *work*, which are all there, come to."""
    best = optimum(work.portfolio, work.tables)
    found = Answer(work, Rollup(), best, Changes(work.portfolio), verification, work.unused)
    for table in found.tables():
        found.rollup.add(table)
        found.changes.add(table)
    return found
