"""Problems as people meet them: each with its place, and all of a file's at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, and where."""

    file: str
    line: int
    """Counted from 1; 0 where the problem has no line."""
    column: int
    key: str
    """Dotted path of the key, or empty."""
    message: str
    """What was expected and what was found."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message) if part)


class SimlevelError(Exception):
    """Base of every error that simlevel raises on purpose."""


class InputError(SimlevelError):
    """The command line, a file or an argument is wrong; holds every problem found."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", 0, 0, "", problems)]
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def near(word: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` where a known name is near *word*, else nothing."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {match[0]!r}?)" if match else ""
