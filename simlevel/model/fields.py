"""The kinds of number a scenario holds: each says what it expects and what it found."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from simlevel.errors import near

LARGEST = 1e15
"""No number of a scenario is larger: whole numbers stay exact in floating point below 2**53."""
SMALLEST = 1e-15
"""No number but 0 is nearer to 0, so that ratios stay far from overflow."""
DURATION = r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]+)\s*"
PERCENT = r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*%\s*"

_MINUTES = {
    "minute": Fraction(1),
    "hour": Fraction(60),
    "day": Fraction(1440),
    "week": Fraction(10080),
}
_DAYS = {"month": Fraction("30.4375"), "year": Fraction("365.25")}
TIME_UNITS = (*_MINUTES, *_DAYS)

_time_unit: ContextVar[str] = ContextVar("time_unit", default="day")
_numbers_are_times: ContextVar[bool] = ContextVar("numbers_are_times", default=False)


class Frozen(BaseModel):
    """Base of all scenario data: frozen, and no key but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, eq=False)
class Kind:
    """What a field takes: a check that returns the value or raises, and its JSON Schema."""

    check: Callable[[object], object]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)  # pydantic adds titles and defaults to it


def as_number(value: Fraction) -> float:
    """*value* as a whole number where it is one, else as the nearest float."""
    return int(value) if value.denominator == 1 else float(value)


class Words(str):
    """What was found, in words of our own: shown without quotes."""


def wrong(expected: str, found: object, at: str = "") -> PydanticCustomError:
    """The error that says what was *expected* and what was *found*.

    *at* is the key it is about, where a whole table was checked.
    """
    return PydanticCustomError(
        "expected", "expected {expected}, found {found}",
        {"expected": expected, "found": described(found), "at": at},
    )  # fmt: skip


def described(value: object) -> str:
    """*value* as a person would name it: on one line, and short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Words):
        return str(value)
    if isinstance(value, str):
        return f'"{shown(value)}"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "an array" if value else "an empty array"
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a number of hundreds of digits"  # thousands of them Python refuses to write out
    return shown(str(value))


def shown(text: str) -> str:
    """*text* on one line, and short."""
    short = text if len(text) <= 40 else f"{text[:37]}..."
    return "".join(char if char.isprintable() else "?" for char in short)


def exact(value: float) -> Fraction:
    """The rational number that *value* stands for: 0.1 is 1/10.

    Of 15 digits or more, a simple fraction that is the same float: "8 hours" in days is 1/3.
    """
    if float(value).is_integer() and abs(value) < 10**15:
        return Fraction(int(value))
    decimal = Fraction(value) if isinstance(value, int) else Fraction(repr(float(value)))
    if max(abs(decimal.numerator), decimal.denominator) < 10**15:
        return decimal
    simple = decimal.limit_denominator(100_000)
    return simple if float(simple) == value else decimal


@contextmanager
def using_time_unit(unit: str) -> Iterator[None]:
    """Durations written as strings are converted to *unit* inside this block."""
    token = _time_unit.set(unit)
    try:
        yield
    finally:
        _time_unit.reset(token)


@contextmanager
def numbers_as_times() -> Iterator[None]:
    """Inside this block the numbers of a distribution may be durations such as "4 days"."""
    token = _numbers_are_times.set(True)
    try:
        yield
    finally:
        _numbers_are_times.reset(token)


def singular(unit: str) -> str:
    """``days`` is ``day``; a unit that simlevel does not know stays as it is."""
    word = unit.strip().lower()
    return word[:-1] if word.endswith("s") and word[:-1] in TIME_UNITS else word


def units_in(per: str, time_unit: str) -> Fraction | None:
    """How many *time_unit* there are in one *per*, at 365.25 days a year; None if unknown."""
    lengths = _MINUTES | {unit: days * 1440 for unit, days in _DAYS.items()}
    one, other = singular(per), singular(time_unit)
    if one == other:
        return Fraction(1)
    return lengths[one] / lengths[other] if one in lengths and other in lengths else None


def duration(text: str) -> float:
    """``"2 weeks"`` in the scenario's time unit; whole numbers come back as int."""
    time_unit = _time_unit.get()
    found = re.fullmatch(DURATION, text)
    if not found:
        raise wrong('a number or a duration such as "4 days"', text)
    unit = singular(found[2])
    if unit not in TIME_UNITS and unit != singular(time_unit):
        raise wrong(f"a unit of time: {', '.join(TIME_UNITS)}{near(unit, TIME_UNITS)}", text)
    if unit in _DAYS and unit != singular(time_unit):
        raise wrong(
            f"minutes, hours, days or weeks: a {unit} has no fixed length (it is taken only "
            f"where time_unit is {unit!r})", text,
        )  # fmt: skip
    if singular(time_unit) in _DAYS and unit != singular(time_unit):
        raise wrong(
            f"a number of {singular(time_unit)}s: a {singular(time_unit)}, the time unit here, "
            f"has no fixed length in {unit}s", text,
        )  # fmt: skip
    factor = units_in(unit, time_unit)
    if factor is None:
        raise wrong(f"a plain number: {time_unit!r} has no known length in {unit}s", text)
    value = Fraction(found[1]) * factor
    return as_number(value)


def _finite(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(what, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong(what, value)
    if abs(value) > LARGEST:
        raise wrong(f"{what}, at most {LARGEST:g}", value)
    return value + 0  # there is no -0.0


def _number(
    *, above: float | None = None, low: float | None = None, whole: bool = False,
    time: bool | None = None, auto: bool = False, column: bool = False,
) -> Kind:  # fmt: skip
    """*time*: a duration (True), never one (False), or one in a distribution of time (None);
    *column*: the table of a column may stand in its place, which is said."""
    what = ("a whole number" if whole else "a number") + (
        f" above {above:g}" if above is not None else f" of {low:g} or more" if low is not None
        else ""
    )  # fmt: skip

    def check(value: object) -> object:
        if auto and value == "auto":
            return value
        expected = f'"auto", {what}' if auto else what
        if _numbers_are_times.get() if time is None else time:
            expected += ' or a duration such as "4 days"'
            if isinstance(value, str) and any(map(str.isdigit, value)):
                value = duration(value)
        if column:
            expected += f' or a table {{ column = "..."{", unit = ..." if time else ""} }}'
        number = _finite(value, expected)
        if whole and (number != int(number) or isinstance(number, float)):
            raise wrong(expected, value)
        if (above is not None and number <= above) or (low is not None and number < low):
            raise wrong(expected, value)
        if 0 < abs(number) < SMALLEST:
            raise wrong(f"{expected}, {'' if above == 0 else '0 or '}at least {SMALLEST:g}", value)
        return number

    bound: dict[str, Any] = {} if above is None else {"exclusiveMinimum": above}
    bound |= {} if low is None else {"minimum": low}
    schema: dict[str, Any] = {"type": "integer" if whole else "number"} | bound
    if time:
        schema = {"anyOf": [schema, {"type": "string", "pattern": f"^{DURATION}$"}]}
        schema["anyOf"] += [{"const": "auto"}] if auto else []
    return Kind(check, schema)


def _share(*, one_allowed: bool = True, zero_allowed: bool = False) -> Kind:
    what = 'a share such as 0.98 or "98%"'

    def check(value: object) -> float:
        number = value
        if isinstance(value, str) and (percent := re.fullmatch(PERCENT, value)):
            # Divided as a decimal, so that "97.5%" is the same number as 0.975.
            number = float(Fraction(percent[1]) / 100)
        share = _finite(number, what)
        if share > 1:
            percent_typed = share <= 100 and not isinstance(value, str)
            hint = f'; {share:g} % is written {share / 100:g} or "{share:g}%"'
            raise wrong(f"{what}, at most 1{hint if percent_typed else ''}", value)
        if share < 0 or (share == 0 and not zero_allowed) or (share == 1 and not one_allowed):
            raise wrong(f"{what}, {'from' if zero_allowed else 'above'} 0 and "
                        f"{'up to' if one_allowed else 'below'} 1", value)  # fmt: skip
        if not zero_allowed and share < SMALLEST:
            raise wrong(f"{what}, at least {SMALLEST:g}", value)
        return share

    schema = {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 1},
            {"type": "string", "pattern": f"^{PERCENT}$"},
        ]
    }
    return Kind(check, schema)


def text(limit: int = 200) -> Kind:
    """A string of 1 to *limit* printable characters."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise wrong("a text in quotes", value)
        if not value.strip() or len(value) > limit or not value.isprintable():
            raise wrong(f"a text of 1 to {limit} printable characters", value)
        return value

    schema = {"type": "string", "minLength": 1, "maxLength": limit}
    return Kind(check, schema)


def label() -> Kind:
    """What a cell of a table says: a text or a whole number."""

    def check(value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise wrong("a text in quotes or a whole number", value)
        return str(text().check(value))

    return Kind(check, {"type": ["string", "integer"]})


def one_of(*words: str) -> Kind:
    """One of a few *words*."""
    expected = " or ".join(f'"{word}"' for word in words)

    def check(value: object) -> str:
        if value not in words or not isinstance(value, str):
            raise wrong(expected + (near(value, words) if isinstance(value, str) else ""), value)
        return value

    return Kind(check, {"enum": list(words)})


def truth() -> Kind:
    """true or false."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise wrong("true or false", value)
        return value

    return Kind(check, {"type": "boolean"})


Number = Annotated[float, _number()]
Positive = Annotated[float, _number(above=0)]
NotNegative = Annotated[float, _number(low=0)]
AtLeastOne = Annotated[float, _number(low=1)]
Whole = Annotated[int, _number(low=0, whole=True)]
PositiveWhole = Annotated[int, _number(low=1, whole=True, time=False)]
Ratio = Annotated[float, _number(above=0, time=False)]
Duration = Annotated[float, _number(low=0, time=True)]
PositiveDuration = Annotated[float, _number(above=0, time=True)]
DurationOrAuto = Annotated[float | Literal["auto"], _number(low=0, time=True, auto=True)]
PositiveDurationOrAuto = Annotated[float | Literal["auto"], _number(above=0, time=True, auto=True)]
NumberOrColumn = Annotated[float, _number(time=False, column=True)]
PositiveOrColumn = Annotated[float, _number(above=0, time=False, column=True)]
NotNegativeOrColumn = Annotated[float, _number(low=0, time=False, column=True)]
DurationOrColumn = Annotated[float, _number(low=0, time=True, column=True)]
Share = Annotated[float, _share()]
ShareOrZero = Annotated[float, _share(zero_allowed=True)]
OpenShare = Annotated[float, _share(one_allowed=False)]
Text = Annotated[str, text()]
Label = Annotated[str, label()]
Truth = Annotated[bool, truth()]


def target_value(value: object, unit: str, name: str) -> float:
    """The value of a target: a share for shares, a duration for times, else a number."""
    if unit == "share":
        kind = _share()
    elif name == "safety_stock":
        kind = _number()
    else:
        kind = _number(low=0, time=unit == "time")
    return kind.check(value)  # type: ignore[return-value]
