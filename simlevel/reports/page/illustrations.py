"""The pictures of a page: which ones a result allows, what stands under them, and their numbers.

Some need a study beside the run, of the same scenario and seed; those are left out where they
would simulate more than MOST_EVENTS. A picture's title is its axes'; the numbers are for those
who do not see it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from simlevel import numbers, words
from simlevel.engines.ledger import Windows
from simlevel.errors import InputError
from simlevel.estimation.clustered import Measured
from simlevel.estimation.estimate import Estimate
from simlevel.estimation.window import mean_cycle
from simlevel.model.fields import singular
from simlevel.model.policy import RQ, SS, BaseStock
from simlevel.model.scenario import Scenario
from simlevel.reports import figures, sentences
from simlevel.reports.figures import pictures, style
from simlevel.reports.figures.exchange_curve import around
from simlevel.reports.figures.policies import rows
from simlevel.reports.page.asked import duration
from simlevel.reports.page.inline_svg import inline
from simlevel.studies import convergence as settling
from simlevel.studies.demand_law import demand_law
from simlevel.studies.evaluate import expected_events, with_settings
from simlevel.studies.portfolio.answer import Answer
from simlevel.studies.portfolio.system import Point
from simlevel.studies.result import MeasureResult, Result
from simlevel.studies.sweep import Sweep, sweep
from simlevel.studies.trace import Trace, trace
from simlevel.studies.waiting import waiting
from simlevel.studies.why import why

MOST_EVENTS = 2e7
"""Customers, reviews and orders of a run that a page runs again: a second or so."""
MOST_POLICIES = 3
"""That have pictures of their own; all of them are compared."""
MOST_CUSTOMERS = 600
"""In the picture of the inventory path."""
MOST_LOST = 200
"""Units up to which a curve under lost sales is drawn: its theory grows with their cube."""
REPLICATIONS = 5
"""Of a study that draws a curve, at most."""
WIDTH, HEIGHT = 4.3, 3.0
"""Inches: two pictures beside one another on a page, or one that can be read on a phone."""


@dataclass(frozen=True)
class Illustration:
    """A picture of a page: its title, what stands under it, and an ``<svg>``."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Sketch:
    """A picture before it is drawn; *numbers* are read aloud in its place."""

    draw: style.Picture
    caption: str
    numbers: str
    height: float = HEIGHT

    def drawn(self, name: str) -> Illustration:
        figure = style.drawn([self.draw], [self.height], WIDTH)
        (ax,) = figure.axes
        title = " ".join(ax.get_title(loc="left").split()).replace(r"\$", "$")
        ax.set_title("", loc="left")  # it is the page's heading
        style.fewer_ticks(ax)
        return Illustration(title, self.caption, inline(figure, name, title, self.numbers))


Sketches = Iterator[Sketch]


def illustrations(result: Result) -> dict[str, list[Illustration]]:
    """The pictures of *result*, by the part of the page that they belong to."""
    return {
        part: [sketch.drawn(f"{part}-{place}") for place, sketch in enumerate(sketches(result), 1)]
        for part, sketches in _PARTS.items()
    }


def of_portfolio(found: Answer) -> list[Illustration]:
    """The exchange curve; nothing where there is none."""
    system = found.system
    if isinstance(system, str):
        return []
    every = {"In use": system.present, "A target for each item": system.equal_target,
             "The system optimum": system.reached}  # fmt: skip
    said = [_at(name, point) for name, point in every.items() if point]
    line = around(system)
    said += [_at("At best", point) for point in line[:: max(1, len(line) // 6)]]
    caption = (
        "The line is the least that all items together must hold to serve so much; marks are "
        "what they hold now, with a target for each item, and as one system."
    )
    draw = partial(figures.exchange_curve, system)
    return [Sketch(draw, caption, " ".join(said), 3.4).drawn("exchange-1")]


def _at(name: str, point: Point) -> str:
    return f"{name}: {100 * point.fill_rate:.4g} % for {point.investment:,.0f}."


def _own(result: Result) -> list[str]:
    """The policies that have pictures of their own."""
    return list(result.policies)[:MOST_POLICIES]


def _as_run(result: Result, replications: int) -> Scenario | None:
    """The scenario as it was run; None where *replications* of it would take long."""
    run, scenario = result.run, result.scenario
    if run is None or any(policy.kind == "own" for policy in scenario.policies.values()):
        return None
    replications = min(run.replications, replications)
    windows = Windows(run.warmup, run.horizon)
    if expected_events(scenario, windows) * replications > MOST_EVENTS:
        return None
    if scenario.replayed:
        return scenario
    return with_settings(scenario, run.seed, replications, run.horizon, None)


# --- policies side by side -------------------------------------------------------------------


def _compared(result: Result) -> Sketches:
    count = len(result.policies)
    confidence = numbers.share(result.scenario.simulation.confidence)
    with suppress(InputError):
        shown = rows(result)
        caption = f"Each share of service, its {confidence} interval as a bar." if (
            result.run) else "Each share of service as theory has it."  # fmt: skip
        caption += " Upright strokes: theory. Green dashes: targets."
        draw = partial(figures.policies, result)
        yield Sketch(draw, caption, _each(result, shown), pictures.height(len(shown), count))
    if result.scenario.costs is not None:
        names = ["cost_per_time"]
        draw = partial(figures.policies, result, measures=names)
        with suppress(InputError):
            shown = rows(result, names)
            caption = "What it costs to hold, to order and to be short, over the long run."
            yield Sketch(draw, caption, _each(result, shown), pictures.height(1, count))
    if result.differences:
        caption = (
            f"On the same customers; all intervals hold at once, at {confidence}. "
            "One that crosses 0 tells nothing."
        )
        draw = partial(figures.differences, result)
        tall = pictures.height(len(rows(result)), count - 1)
        yield Sketch(draw, caption, _all_differences(result), tall)


def _each(result: Result, shown: Sequence[words.Measure]) -> str:
    unit = result.scenario.time_unit
    said = []
    for measure in shown:
        found = [
            f"{name} {_value(measure, policy.measures[measure.name])}"
            for name, policy in result.policies.items()
        ]
        said.append(f"{sentences.title_of(measure, unit).strip()}: {'; '.join(found)}.")
    return " ".join(said)


def _value(measure: words.Measure, found: MeasureResult) -> str:
    parts = []
    if found.estimate is not None:
        parts.append(numbers.estimate(measure, found.estimate, found.low, found.high))
    if found.analytic:
        kind = "exact" if found.analytic.exact else "approximately"
        value = numbers.exact(measure, found.analytic.value, sentences.half_width(found))
        parts.append(f"{kind} {value}")
    if found.target:
        verdict = sentences.target_verdict(measure, found) or "not known"
        parts.append(f"target {sentences.asked(measure, found.target.asked)} {verdict}")
    return ", ".join(parts) or "not observed"


def _all_differences(result: Result) -> str:
    said = []
    for name, found in (result.differences or {}).items():
        shares = [each for key, each in found.items() if words.measure(key).is_share]
        each = (
            f"{words.measure(d.measure).title} "
            f"{numbers.difference(words.measure(d.measure), d.estimate, d.low, d.high)} points, "
            f"{d.verdict}"
            for d in shares
        )
        said.append(f"{name} less {result.baseline}: {'; '.join(each)}.")
    return " ".join(said)


# --- stock over time -------------------------------------------------------------------------


def _paths(result: Result) -> Sketches:
    run = result.run
    for name in _own(result) if run else ():
        until = _until(result, name)
        with suppress(InputError):
            seen = trace(
                result.scenario, name, until=until, seed=result.run.seed if result.run else None
            )
            time = duration(until, singular(result.scenario.time_unit))
            caption = (
                f"The first {time} of the first replication, from a full shelf on. "
                "Where the shelf is empty it is shaded."
            )
            yield Sketch(partial(figures.inventory_path, seen), caption, _path(seen))


def _until(result: Result, policy: str) -> float:
    """Some cycles and some lead times, as a round number; not beyond the counted time."""
    scenario, found = result.scenario, result.policies[policy]
    cycles = 6 * mean_cycle(scenario, scenario.policies[policy])
    wanted = max(cycles, 4 * found.protection.interval)
    most = MOST_CUSTOMERS / scenario.demand.customers_per_time()
    horizon = result.run.horizon if result.run else wanted
    return min(float(f"{min(wanted, most):.2g}"), horizon)


def _path(seen: Trace) -> str:
    path, unit = seen.path(), singular(seen.scenario.time_unit)
    count = {kind: sum(e.event == kind for e in seen.events) for kind in ("order", "receive")}
    most, owed = numbers.short(max(path.on_hand)), numbers.short(max(path.backorders))
    spells = "; ".join(f"{numbers.short(a)} to {numbers.short(b)}" for a, b in path.empty[:12])
    empty = f"Nothing on hand, in {unit}s: {spells}." if spells else "The shelf is never empty."
    return (
        f"On hand begins at {numbers.short(path.on_hand[0])} units and is at most {most}; at most "
        f"{owed} units are backordered. {count['order']} orders are placed and "
        f"{count['receive']} received. {empty}"
    )


# --- the level -------------------------------------------------------------------------------


def _levels(result: Result) -> Sketches:
    """Demand over a cycle against the level, then service over other levels."""
    for name in _own(result):
        with suppress(InputError):
            law = demand_law(result.scenario, name)
            caption = (
                "What is asked of the stock from an order to its receipt. Up to the level it "
                "lasts, and that area is Type I; beyond it lies what is short."
            )
            said = (
                f"At a level of {numbers.short(law.level)} units the stock lasts in "
                f"{100 * law.lasts:.4g} % of cycles; {law.short:.3g} units are short in a cycle."
            )
            yield Sketch(partial(figures.demand_law, law), caption, said)
        with suppress(InputError):
            if found := _curve(result, name):
                yield Sketch(
                    partial(figures.service_curve, found, policy=name),
                    "Service at other levels, all else as it is. Lines are exact where solid, "
                    f"bands come from {found.run.replications} replications.",
                    _points(found, name),
                )


def _curve(result: Result, policy: str) -> Sweep | None:
    """Service over levels of *policy* about its own."""
    scenario, rule = _as_run(result, REPLICATIONS), result.scenario.policies[policy]
    if scenario is None or not isinstance(rule, (RQ, SS, BaseStock)):
        return None
    keys = {"rQ": "reorder_point", "sS": "reorder_point+order_up_to", "base_stock": "order_up_to"}
    if scenario.lost_sales and rule.start_level > MOST_LOST:
        return None  # a run and a Markov chain for each point
    step = max(1, round(0.08 * abs(rule.trigger)))
    reach = 2 if scenario.lost_sales else 4
    levels = [rule.trigger + step * place for place in range(-reach, reach + 1)]
    wanted = [level for level in levels if level >= min(rule.trigger, 0)]
    key = f"policies.{json.dumps(policy, ensure_ascii=False)}.{keys[rule.kind]}"
    return sweep(scenario, {key: wanted}, policy=policy)


def _points(found: Sweep, policy: str) -> str:
    said = []
    for point in found.points:
        each = point.policies[policy].measures
        shares = (
            f"{words.measure(name).title} {_best(name, each[name])}"
            for name in ("cycle_service_level", "fill_rate", "ready_rate")
            if each[name].best is not None
        )
        said.append(f"at {numbers.short(point.values[found.keys[0]])}: {', '.join(shares)}")
    return f"{'; '.join(said)}."


def _best(name: str, found: MeasureResult) -> str:
    assert found.best is not None
    return numbers.exact(words.measure(name), found.best, sentences.half_width(found))


# --- waits and windows -----------------------------------------------------------------------


def _waits(result: Result) -> Sketches:
    scenario = _as_run(result, REPLICATIONS)
    with suppress(InputError):
        if scenario is not None:
            found = waiting(scenario)
        else:
            found = waiting(result.scenario, simulated=False)
            if not _is_exact(found):
                return
        shown = [m for m in found.scenario.measure_words() if m.name.startswith("served_within")]
        caption = "The share of units delivered within a wait; at 0 it is the fill rate."
        yield Sketch(partial(figures.waiting, found), caption, _each(found, shown))


def _is_exact(found: Result) -> bool:
    """Theory has every wait of every policy."""
    measures = (each for policy in found.policies.values() for each in policy.measures.items())
    return all(
        each.analytic is not None and each.analytic.exact
        for name, each in measures
        if name.startswith("served_within")
    )


def _windows(result: Result) -> Sketches:
    for name in _own(result):
        if scattered := result.policies[name].windows:
            measure = pictures.promised(result, name)
            found, meaning = scattered.measures[measure], words.measure(measure)
            said = [f"Mean over windows {_estimate(meaning, found.mean)}."]
            said += [
                f"{100 * p:g} % of windows are at or below {_estimate(meaning, quantile)}."
                for p, quantile in found.quantiles.items()
            ]
            if found.meets_target:
                said.append(f"The target is met in {_estimate(meaning, found.meets_target)}.")
            caption = f"{scattered.count:,} windows of the run, by what a customer saw in each."
            draw = partial(figures.windows, result, policy=name, measure=measure)
            yield Sketch(draw, caption, " ".join(said))


def _estimate(measure: words.Measure, found: Estimate | Measured) -> str:
    return numbers.estimate(measure, found.estimate or 0.0, found.low, found.high)


# --- how sure --------------------------------------------------------------------------------


def _settling(result: Result) -> Sketches:
    """How the first policy's estimate settles, and what its start cuts off."""
    scenario = _as_run(result, 10**9)
    if scenario is None or scenario.replayed or scenario.simulation.replications < 2:
        return
    name = next(iter(result.policies))
    asked = [key for key in scenario.targets if words.measure(key).is_share]
    with suppress(InputError):
        found = settling.convergence(scenario, name, (asked or ["fill_rate"])[0])
        every = list(zip(found.replications, found.estimates, strict=True))
        chosen = every[1 :: max(1, len(every) // 5)]
        meaning = words.measure(found.measure)
        said = "; ".join(
            f"after {count} replications {_estimate(meaning, each)}"
            for count, each in chosen
            if each.estimate is not None
        )
        caption = "The estimate and its interval as replications come in, beside theory."
        yield Sketch(partial(figures.convergence, found), caption, f"{said}.")
    with suppress(InputError):
        start = settling.start(scenario, name)
        said = (
            f"Mean net inventory begins at {numbers.plain(start.means[0], 1)} units and ends at "
            f"{numbers.plain(start.means[-1], 1)}; the first "
            f"{duration(start.warmup, singular(scenario.time_unit))} are not counted."
        )
        caption = "From a full shelf the stock settles to its rhythm; what is shaded is cut off."
        yield Sketch(partial(figures.start, start), caption, said)


# --- the textbook ----------------------------------------------------------------------------


def _gaps(result: Result) -> Sketches:
    found = why(result)
    for name in _own(result):
        for measure, steps in found[name].items():
            if steps:
                title = words.measure(measure).title
                analytic = result.policies[name].measures[measure].analytic
                end = "exact" if analytic and analytic.exact else "simulated"
                said = [f"{title}: textbook {100 * steps[0].value:.2f} %"]
                said += [f"{each.name} {style.change(each.change)} points" for each in steps[1:]]
                said.append(f"{end} {100 * steps[-1].value:.2f} %")
                draw = partial(figures.waterfall, steps, measure=measure, policy=name, end=end)
                caption = (
                    f"{title}, from the textbook's value to the {end} one: what each assumption "
                    "takes or gives, in percentage points."
                )
                tall = pictures.height(len(steps) + 1, 1) - 0.2
                yield Sketch(draw, caption, f"{'; '.join(said)}.", tall)


_PARTS: Mapping[str, Callable[[Result], Iterable[Sketch]]] = {
    "compared": _compared, "path": _paths, "level": _levels, "waiting": _waits,
    "windows": _windows, "sure": _settling, "textbook": _gaps,
}  # fmt: skip
