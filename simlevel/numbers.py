"""Numbers as people read them: as many digits as the interval supports."""

from __future__ import annotations

import math

from simlevel import words


def digits(half_width: float | None, value: float) -> int:
    """Decimals that show two digits of the half-width; without one, five of the value."""
    if half_width is None or half_width <= 1e-9 * abs(value):
        return max(0, min(6, 4 - _magnitude(value))) if value else 2
    return max(0, min(8, 1 - _magnitude(half_width)))


def plain(value: float, decimals: int) -> str:
    """*value* with thousands marked, and no minus before a zero."""
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def short(value: float) -> str:
    """*value* as it would be typed: 4, 0.25, 1,000."""
    return f"{int(value):,}" if value == int(value) else f"{value:,.6g}"


def about(count: int) -> str:
    """*count* up to two digits: about 240 for 236."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return f"{math.ceil(count / step) * step:,}"


def share(value: float) -> str:
    """A share as percent, as it would be typed."""
    return f"{short(round(100 * value, 10))} %"


def estimate(measure: words.Measure, value: float, low: float | None, high: float | None) -> str:
    """``99.45 % [99.42, 99.47]``, or the value alone where there is no interval."""
    scale, unit = (100.0, " %") if measure.is_share else (1.0, "")
    half = None if low is None or high is None else scale * (high - low) / 2
    decimals = digits(half, scale * value)
    text = plain(scale * value, decimals) + unit
    if low is None or high is None:
        return text
    return f"{text} [{plain(scale * low, decimals)}, {plain(scale * high, decimals)}]"


def difference(measure: words.Measure, value: float, low: float, high: float) -> str:
    """``+1.20 [+0.90, +1.50]``; shares differ by percentage points."""
    scale = 100.0 if measure.is_share else 1.0
    decimals = digits(scale * (high - low) / 2, scale * value)
    shown = [_signed(scale * each, decimals) for each in (value, low, high)]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def exact(measure: words.Measure, value: float, half_width: float | None) -> str:
    """An exact value with the digits of the estimate beside it."""
    scale, unit = (100.0, " %") if measure.is_share else (1.0, "")
    decimals = digits(None if half_width is None else scale * half_width, scale * value)
    return plain(scale * value, decimals) + unit


def gap(measure: words.Measure, value: float, half_width: float | None) -> str:
    """A difference from an estimate with its digits, ``+0.35 points`` of a share.

    Without an interval: two digits more than a percent, or five of other values.
    """
    scale, unit = (100.0, " points") if measure.is_share else (1.0, "")
    if half_width is None:
        decimals = 2 if measure.is_share else digits(None, value)
    else:
        decimals = digits(scale * half_width, scale * value)
    return _signed(scale * value, decimals) + unit


def unit_of(measure: words.Measure, time_unit: str) -> str:
    """The unit as a table's label shows it: ``days``, ``units/day``; nothing for shares."""
    return {
        "share": "", "units": "units", "time": f"{time_unit}s", "1/time": f"per {time_unit}",
        "units/time": f"units/{time_unit}", "money/time": f"per {time_unit}",
    }[measure.unit]  # fmt: skip


def _signed(value: float, decimals: int) -> str:
    text = plain(value, decimals)
    return f"+{text}" if value > 0 and not text.startswith("-") else text


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))
