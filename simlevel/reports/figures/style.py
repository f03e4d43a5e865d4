"""How every picture looks, and how it is written; the only file that imports matplotlib."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
from matplotlib.artist import Artist as Artist
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import AutoLocator, FixedLocator, FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from simlevel import numbers, words
from simlevel.model.fields import singular
from simlevel.saving import write_whole

BLACK, BLUE, VERMILLION, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"
SKY, ORANGE, PURPLE = "#56B4E9", "#E69F00", "#CC79A7"
GREY, LIGHT = "#5F5F5F", "#E3E3E3"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""Told apart by people who are colour-blind: Okabe and Ito, Color Universal Design (2008); their
yellow is too faint for a line on white."""
MARKERS = "osD^vPX"
"""With a shape each, so that no picture leans on colour alone."""

TARGET: dict[str, Any] = {"color": GREEN, "lw": 1.4, "ls": (0, (2, 1))}
"""The line of a target."""


def look(place: int) -> tuple[str, str]:
    """Colour and marker of the policy in that *place*: 49 pairs, none twice."""
    return PALETTE[place % 7], MARKERS[(place + place // 7) % 7]


WIDTH, HEIGHT = 7.2, 4.2
"""Inches: the width of a page's text, or of a README."""
TITLE = 66
"""Characters of a line of a title."""
LONGEST = 28
"""Characters of a name that are shown."""
LETTER, KEY = 4.2, 30
"""Points: a letter of a legend, and what stands before and after its words."""
LABELS = 60
"""Points left of the axes that a legend below them does not have."""

_WRITTEN: dict[Any, Any] = {
    "svg.hashsalt": "simlevel",
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "pdf.fonttype": 42,
}

Picture: TypeAlias = Callable[[Axes], Axes]
"""What is drawn on one pair of axes."""


# --- axes ------------------------------------------------------------------------------------


def axes(ax: Axes | None, title: str, x: str, y: str, *, grid: str = "both") -> Axes:
    """*ax*, or those of a new figure of pyplot's, in the style of all pictures."""
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
    ax.set_title(textwrap.fill(title, TITLE), loc="left", fontsize=11, fontweight="bold", pad=10)
    ax.set_xlabel(x, fontsize=9.5)
    ax.set_ylabel(y, fontsize=9.5)
    ax.tick_params(labelsize=9, color=GREY, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.set_axisbelow(True)
    ax.grid(visible=False)
    ax.grid(visible=True, axis=grid, color=LIGHT, linewidth=0.7)  # type: ignore[arg-type]
    return ax


def percent(ax: Axes, which: str) -> None:
    """Shares on the axis called *which* read as percent."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_formatter(FuncFormatter(_percent))


def _percent(value: float, _: object) -> str:
    """No label beyond 0 and 100 %, where there is room but no share."""
    return f"{round(100 * value, 6):g} %" if -1e-9 < value < 1 + 1e-9 else ""


def points(ax: Axes, which: str) -> None:
    """Differences of shares on the axis called *which* read as percentage points."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_formatter(FuncFormatter(_point))


def _point(value: float, _: object) -> str:
    return f"{100 * value:+.4g}".replace("-", "−") if abs(value) > 1e-12 else "0"


def change(share: float) -> str:
    """A difference of shares in percentage points: ``+0.45``."""
    shown = f"{100 * share:+.2f}"
    return "0" if float(shown) == 0 else shown.replace("-", "−")


def whole(ax: Axes, which: str) -> None:
    """Whole numbers on the axis called *which*."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.short(value)))


def round_steps(ax: Axes, which: str) -> None:
    """Ticks on the axis called *which* at ones, twos, fives and tens."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.short(round(value, 9))))


def fewer_ticks(ax: Axes) -> None:
    """On a small picture: ticks that matplotlib chose itself have room for their labels."""
    for axis, most in ((ax.xaxis, 5), (ax.yaxis, 6)):
        if isinstance(axis.get_major_locator(), AutoLocator):
            axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def level(ax: Axes, y: float, label: str, color: str = GREY) -> None:
    """A dotted line across, its label right of the axes."""
    ax.axhline(y, color=color, lw=1, ls=":", zorder=1.5)
    ax.annotate(label, (1, y), (4, 0), xycoords=("axes fraction", "data"), color=color,
                textcoords="offset points", va="center", fontsize=9)  # fmt: skip


def beside(ax: Axes, x: float, label: str, color: str = BLACK) -> None:
    """A label at the top of an upright line, right of it."""
    ax.annotate(label, (x, 1), (4, -2), xycoords=("data", "axes fraction"), color=color,
                textcoords="offset points", va="top", fontsize=9)  # fmt: skip


def rows(ax: Axes, labels: Sequence[str]) -> None:
    """One row a label, the first on top."""
    ax.yaxis.set_major_locator(FixedLocator(range(len(labels))))
    ax.set_yticks(range(len(labels)), [literal(label) for label in labels])
    ax.set_ylim(len(labels) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)


def legend(ax: Axes, handles: Sequence[Artist] | None = None, columns: int = 4) -> None:
    """Below the axes, where it covers nothing; in fewer columns where they have no room."""
    shown = list(handles) if handles is not None else ax.get_legend_handles_labels()[0]
    if shown:
        longest = max(len(str(handle.get_label())) for handle in shown)
        room = 72 * ax.figure.bbox.width / ax.figure.dpi - LABELS
        columns = max(1, min(columns, int(room // (LETTER * longest + KEY))))
        below = ScaledTranslation(0, -34 / 72, ax.figure.dpi_scale_trans)
        ax.legend(
            handles=shown, loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False,
            bbox_transform=ax.transAxes + below, ncols=columns, fontsize=9, handlelength=1.6,
            columnspacing=1.4, borderpad=0,
        )  # fmt: skip


def interval(color: str) -> dict[str, Any]:
    """The line of an interval."""
    return {"color": color, "lw": 3, "alpha": 0.45, "solid_capstyle": "butt"}


def stroke(color: str) -> dict[str, Any]:
    """The mark of a derived value: upright, so that an estimate's shows on it."""
    return {"color": color, "marker": "|", "ms": 11, "mew": 1.3, "lw": 0}


def line_key(label: str, color: str, **more: Any) -> Line2D:
    """An entry of a legend."""
    return Line2D([], [], color=color, label=label, **more)


def patch_key(label: str, color: str, alpha: float = 1.0) -> Patch:
    """An entry of a legend."""
    return Patch(facecolor=color, alpha=alpha, label=label, linewidth=0)


# --- words -----------------------------------------------------------------------------------


def literal(text: str) -> str:
    """*text* of somebody else's as one line that is not read as a formula, nor too long."""
    printable = "".join(mark if mark.isprintable() else " " for mark in text)
    return textwrap.shorten(printable, 200, placeholder="…").replace("$", r"\$")


def name(text: str, longest: int = LONGEST) -> str:
    """A policy's or a scenario's name, cut where it is too long for a label."""
    line = " ".join(text.split())
    shown = literal(line if len(line) <= longest else f"{line[: longest - 1]}…")
    return f" {shown}" if shown.startswith("_") else shown  # a legend leaves out _names


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, or ``a, b and c``."""
    shown = [name(each) for each in names]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def time_unit(unit: str) -> str:
    """The label of an axis of time: ``time, days``."""
    return f"time, {name(singular(unit))}s"


def duration(value: float, unit: str) -> str:
    """``1 day``, ``2.5 days``."""
    return f"{numbers.short(value)} {name(singular(unit))}{'' if value == 1 else 's'}"


def title_of(measure: words.Measure, unit: str) -> str:
    """``Type II: fill rate``, ``Served within 2 days``."""
    title = measure.title.strip()
    if not measure.name.startswith("served_within"):
        return title
    return f"{title} {name(singular(unit))}{'' if title.endswith(' 1') else 's'}"


def labelled(measure: words.Measure, unit: str) -> str:
    """The label of an axis that shows *measure*, with its unit."""
    shown = "%" if measure.is_share else numbers.unit_of(measure, name(singular(unit)))
    money = "money " if measure.unit == "money/time" else ""
    return f"{title_of(measure, unit)}, {money}{shown}"


# --- files -----------------------------------------------------------------------------------


def drawn(
    pictures: Sequence[Picture], heights: Sequence[float] | None = None, width: float = WIDTH
) -> Figure:
    """*pictures* one below the other, on a figure that nobody shows; sizes in inches."""
    tall = list(heights or [HEIGHT] * len(pictures))
    figure = Figure(figsize=(width, sum(tall)), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08, hspace=0.05)  # type: ignore[union-attr, call-arg]
    grid = figure.subplots(len(pictures), 1, squeeze=False, height_ratios=tall)
    for picture, (ax,) in zip(pictures, grid, strict=True):
        picture(ax)
    return figure


def content(figure: Figure, kind: str) -> bytes:
    """*figure* as a file of that *kind*: .svg, .png or .pdf; the same one gives the same bytes."""
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[kind]
    stream = io.BytesIO()
    with mpl.rc_context(_WRITTEN), warnings.catch_warnings():
        # A letter that the font lacks is a box in the picture, not a line on the terminal.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(stream, format=kind[1:], dpi=160, metadata=undated, facecolor="white")
    return stream.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write *figure* to *path* as its ending says, whole or not at all."""
    write_whole(path, content(figure, path.suffix.lower()))
