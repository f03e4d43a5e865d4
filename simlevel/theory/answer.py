"""What theory says of one policy of a scenario: the door between theory and its users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """The best value that theory has for one measure."""

    value: float
    formula: str
    """Name of the model that it comes from, such as ``rQ-poisson``."""
    exact: bool
    """False for an approximation."""
    source: str
    """Book or paper, and equation."""


@dataclass(frozen=True)
class Textbook:
    """An approximation that people are taught, and why it is off."""

    formula: str
    value: float
    cause: str


@dataclass(frozen=True)
class Theory:
    """Answers by measure name; ``reason`` says why there are none where there are none."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    textbook: Mapping[str, tuple[Textbook, ...]] = field(default_factory=dict)
    reason: str | None = None
