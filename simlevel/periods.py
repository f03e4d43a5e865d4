"""The periods of a record: their numbers, dates, months or weeks, counted from the first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from simlevel.errors import InputError, Problem

MOST_PERIODS = 20_000
_TIME = r"(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_FORMS = {
    "a number": r"-?\d{1,9}",
    "a date": rf"(\d{{4}})-(\d{{2}})-(\d{{2}}){_TIME}",
    "a month": rf"(\d{{4}})-(\d{{1,2}})(?:-\d{{2}}{_TIME})?",
    "a week": r"(\d{4})-?W(\d{1,2})",
}
_SHOWN = 'a whole number, "2026-11", "2026-W47" or "2026-11-22"'


class BadPeriodError(InputError):
    """What the first or the last period is said to be cannot be; *key* is which of them."""

    def __init__(self, key: str, expected: str, found: str) -> None:
        super().__init__([Problem("", 0, 0, key, f"expected {expected}, found {found}")])
        self.key, self.expected, self.found = key, expected, found


@dataclass(frozen=True)
class Periods:
    """Consecutive periods of one *unit* of time each."""

    form: str
    """How a period is written."""
    unit: str
    """The unit of time that a period is."""
    first: int
    count: int

    @classmethod
    def between(cls, first: str, last: str, unit: str) -> Periods:
        """From *first* to *last*, both included. Raises BadPeriodError for what is none such.

        >>> Periods.between("1997-01", "2001-08", "month").count
        56
        """
        form = _form(first)
        if form is None:
            raise BadPeriodError("first", _SHOWN, first)
        allowed = {"a month": ("month", "year"), "a week": ("week",),
                   "a date": ("day", "week", "month", "year")}.get(form, (unit,))  # fmt: skip
        if unit not in allowed:
            raise BadPeriodError("first", f"{form} to lie in one {unit}", first)
        whole = cls(form, unit, 0, 0)
        start, end = whole._place(first), whole._place(last)
        if start is None:
            raise BadPeriodError("first", f"{form} that there is", first)
        if end is None:
            raise BadPeriodError("last", f"{form} as first is", last)
        if not start <= end < start + MOST_PERIODS:
            expected = f"1 to {MOST_PERIODS:,} periods"
            raise BadPeriodError("last", expected, f"{first} to {last}")
        return cls(form, unit, start, end - start + 1)

    def index(self, label: str) -> int | None:
        """Place of the period that *label* names or lies in, from 0; None for no such label.

        What lies before the first is below 0, what lies after the last ``count`` or more.
        """
        place = self._place(label)
        return None if place is None else place - self.first

    def inside(self, label: str) -> int | None:
        """As :meth:`index`; None too for what lies before the first or after the last."""
        place = self.index(label)
        return place if place is not None and 0 <= place < self.count else None

    def _place(self, label: str) -> int | None:
        found = re.fullmatch(_FORMS[self.form], label.strip())
        if found is None:
            return None
        if self.form == "a number":
            return int(found[0])
        numbers = [int(group) for group in found.groups() if group]
        try:
            return self._counted(numbers)
        except ValueError:  # no such month, week or day
            return None

    def _counted(self, numbers: list[int]) -> int:
        if self.form == "a week":
            return date.fromisocalendar(numbers[0], numbers[1], 1).toordinal() // 7
        day = date(*(*numbers, 1)[:3])
        if self.unit == "year":
            return day.year
        if self.unit == "month":
            return day.year * 12 + day.month
        # Day 1 of the calendar is a Monday, so that weeks begin on Mondays.
        return day.toordinal() if self.unit == "day" else (day.toordinal() - 1) // 7


def _form(label: str) -> str | None:
    return next((f for f, shape in _FORMS.items() if re.fullmatch(shape, label.strip())), None)
