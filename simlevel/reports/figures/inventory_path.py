"""The inventory path: stock, backorders and position over time, with orders and receipts."""

from __future__ import annotations

from collections.abc import Iterator

from simlevel import numbers
from simlevel.model.policy import RQ, SS
from simlevel.reports.figures import style
from simlevel.reports.figures.style import Artist, Axes
from simlevel.studies.trace import Path, Trace

STOCK, OWED, POSITION = style.BLUE, style.VERMILLION, style.GREY


def inventory_path(trace: Trace, ax: Axes | None = None) -> Axes:
    """On hand, backorders (downwards) and position over time, with orders and receipts.

    Units over time units, as steps that jump at the events of *trace*. Orders are marked on the
    position, receipts and customers turned away on the stock; spells without any are shaded.
    """
    path, scenario = trace.path(), trace.scenario
    ax = style.axes(ax, _title(trace, path), style.time_unit(scenario.time_unit), "units", grid="y")
    if path.empty:
        spells = [(first, last - first) for first, last in path.empty]
        ax.broken_barh(spells, (0, 1), transform=ax.get_xaxis_transform(), color=OWED, alpha=0.13,
                       lw=0, label="nothing on hand")  # fmt: skip
    ax.step(path.times, path.positions, where="post", color=POSITION, lw=1, ls=(0, (4, 1.5)),
            label="inventory position")  # fmt: skip
    _level(ax, path, path.on_hand, STOCK, "on hand")
    if any(path.backorders):
        _level(ax, path, tuple(-owed for owed in path.backorders), OWED, "backorders (below 0)")
    _marks(ax, trace)
    ax.axhline(0, color=style.BLACK, lw=0.8)
    rule = scenario.policies[trace.policy]
    if isinstance(rule, (RQ, SS)):
        symbol = "r" if isinstance(rule, RQ) else "s"
        style.level(ax, rule.trigger, f"{symbol} = {numbers.short(rule.trigger)}")
    ax.set_xlim(0, trace.until)
    style.round_steps(ax, "x")
    style.round_steps(ax, "y")
    ax.margins(y=0.08)
    style.legend(ax, list(_once(ax)))
    return ax


def _title(trace: Trace, path: Path) -> str:
    time = style.duration(trace.until, trace.scenario.time_unit)
    count = len(path.empty)
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    runs = "never runs empty" if not count else f"runs empty {times}"
    return f"{style.name(trace.policy)}: the shelf {runs} in {time}"


def _level(ax: Axes, path: Path, level: tuple[float, ...], color: str, label: str) -> None:
    ax.fill_between(path.times, level, step="post", color=color, alpha=0.2, lw=0)
    ax.step(path.times, level, where="post", color=color, lw=1.4, label=label)


def _marks(ax: Axes, trace: Trace) -> None:
    """Orders, receipts, and customers who left without all that they asked for."""
    events = trace.events
    orders = [(event.time, event.position) for event in events if event.event == "order"]
    receipts = [(event.time, event.after) for event in events if event.event == "receive"]
    short = (e for e in events if e.event == "demand" and e.quantity > e.before)
    lost = [(event.time, 0.0) for event in short if trace.scenario.lost_sales]
    _scatter(ax, orders, "^", style.BLACK, "order placed")
    _scatter(ax, receipts, "v", style.GREEN, "order received")
    _scatter(ax, lost, "x", OWED, "customer turned away")


def _scatter(
    ax: Axes, places: list[tuple[float, float]], marker: str, color: str, label: str
) -> None:
    if places:
        times, levels = zip(*places, strict=True)
        ax.plot(times, levels, marker, color=color, ms=5, mew=1.4 if marker == "x" else 0.6,
                mec=color if marker == "x" else "white", label=label, zorder=3,
                clip_on=False)  # fmt: skip


def _once(ax: Axes) -> Iterator[Artist]:
    """An entry a label, in the order drawn, the shading last."""
    found = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    shading = found.pop("nothing on hand", None)
    yield from found.values()
    if shading is not None:
        yield shading
