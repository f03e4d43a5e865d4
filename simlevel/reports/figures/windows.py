"""How a share of service scatters over windows, against its target."""

from __future__ import annotations

from simlevel import numbers, words
from simlevel.errors import InputError
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Artist, Axes
from simlevel.studies.result import Result
from simlevel.studies.windows import MeasureWindows

REACHED = style.SKY
MISSED = style.VERMILLION
COLORS = (MISSED, REACHED)
MOST_BARS = 40
"""A fifth of those that a result keeps, so that they are told apart in a picture."""


def windows(
    result: Result,
    ax: Axes | None = None,
    policy: str | None = None,
    measure: str = "fill_rate",
) -> Axes:
    """Windows by their share, those below the target in another colour; the mean over windows.

    Counts of windows over a share in percent, of *policy* (the first one). Raises InputError
    where no window was asked for.
    """
    name = next(iter(result.policies)) if policy is None else policy
    scattered = result.policies[name].windows
    if scattered is None:
        raise InputError("expected a result with windows (--window T), found none")
    found, meaning = scattered.measures[measure], words.measure(measure)
    unit = result.scenario.time_unit
    length = style.duration(scattered.length, unit)
    label = f"{style.title_of(meaning, unit)} of a window of {length}, %"
    ax = style.axes(ax, _title(name, found), label, "windows", grid="y")
    _bars(ax, found)
    ax.set_ylim(bottom=0)
    _lines(ax, found)
    style.percent(ax, "x")
    _keys(ax, found)
    return ax


def _title(policy: str, found: MeasureWindows) -> str:
    """What a contract over a window would come to."""
    met = found.meets_target
    if met is None or found.target is None:
        half = f"{100 * found.quantiles[0.5].estimate:.4g} %"
        return f"{style.name(policy)}: at least {half} in half of the windows"
    share = f"{100 * met.estimate:.3g} %"
    return f"{style.name(policy)}: {numbers.share(found.target)} is reached in {share} of windows"


def _bars(ax: Axes, found: MeasureWindows) -> None:
    """A line a share where they are few, else MOST_BARS bars; and one for all that is 100 %."""
    bars = found.bars
    middles = [(low + high) / 2 for low, high in zip(bars.low, bars.high, strict=True)]
    if len(middles) <= MOST_BARS:
        colors = [_color(middle, found.target) for middle in middles]
        ax.vlines(middles, 0, bars.count, colors=colors, lw=5)
        return
    width = (1 - bars.low[0]) / MOST_BARS
    edges = [*(bars.low[0] + n * width for n in range(MOST_BARS)), 1.0]
    below = [each for each in zip(middles, bars.count, strict=True) if each[0] < 1]
    kinds = [[each for each in below if _color(each[0], found.target) == color] for color in COLORS]
    shares, counts = ([[each[n] for each in kind] for kind in kinds] for n in (0, 1))
    ax.hist(shares, edges, weights=counts, color=COLORS, stacked=True, lw=0)
    if middles[-1] == 1:
        ax.bar(1.0, bars.count[-1], width, align="edge", color=REACHED, lw=0)


def _color(share: float, target: float | None) -> str:
    return MISSED if target is not None and share < target else REACHED


def _lines(ax: Axes, found: MeasureWindows) -> None:
    """The target, and the mean over windows with its interval."""
    mean = found.mean
    if mean.low is not None and mean.high is not None:
        ax.axvspan(mean.low, mean.high, color=style.BLACK, alpha=0.12, lw=0)
    ax.axvline(mean.estimate, color=style.BLACK, lw=1.2)
    if found.target is not None:
        ax.axvline(found.target, **style.TARGET)


def _keys(ax: Axes, found: MeasureWindows) -> None:
    shares = "windows" if found.target is None else "target reached"
    entries: list[Artist] = [style.patch_key(shares, REACHED)]
    if found.target is not None:
        entries.append(style.patch_key("target missed", MISSED))
        entries.append(style.line_key("target", **style.TARGET))
    entries.append(style.line_key("mean over windows", style.BLACK, lw=1.2))
    style.legend(ax, entries)
