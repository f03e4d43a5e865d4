"""What a page says of a result: every text and number of it, and no HTML."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simlevel import __version__, numbers, words
from simlevel.model.fields import singular
from simlevel.model.scenario import Scenario
from simlevel.reports import sentences
from simlevel.reports.page import answer, asked
from simlevel.scenario_file import as_written
from simlevel.studies.result import MeasureResult, Result

ALSO_SERVICE = ("mean_wait", "stockouts_per_time", "lost_per_time")
"""Measures of service that are no shares."""


@dataclass(frozen=True)
class Asked:
    """One target of one policy, and what became of it."""

    measure: str
    asked: str
    reached: str
    interval: str
    gap: str
    verdict: str


@dataclass(frozen=True)
class Card:
    """One policy at a glance."""

    name: str
    parameters: str
    rule: str
    covers: str
    """The interval that an order has to cover."""
    formulas: tuple[str, ...]
    """Of the derived values."""
    no_theory: str
    asked: tuple[Asked, ...]
    shown: tuple[Asked, ...]
    """Type I and II where they have no target."""


@dataclass(frozen=True)
class Row:
    """One measure of one policy."""

    policy: str
    asked: Asked
    exact: str
    """What theory derives; nothing where it does not reach."""
    verdict: str
    """Of the simulation beside theory."""
    formula: str


@dataclass(frozen=True)
class Block:
    """One measure: what it is, and what it came to."""

    name: str
    title: str
    symbol: str
    unit: str
    definition: str
    customer_service: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Change:
    """One measure of a policy less that of the baseline."""

    policy: str
    difference: str
    interval: str
    verdict: str
    note: str


@dataclass(frozen=True)
class Compared:
    """One measure, and how the policies differ by it."""

    title: str
    unit: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Formula:
    """What a textbook formula says, and why it is off."""

    formula: str
    value: str
    gap: str
    cause: str


@dataclass(frozen=True)
class Taught:
    """What textbooks say of one measure of one policy."""

    policy: str
    measure: str
    formulas: tuple[Formula, ...]


@dataclass(frozen=True)
class Page:
    """A report, from the answer to how to get it again."""

    name: str
    said: str
    """Under the name: what kind of scenario, in half a line."""
    answer: str
    choice: tuple[str, ...]
    sure: tuple[str, ...]
    cautions: tuple[str, ...]
    cards: tuple[Card, ...]
    simulated: bool
    facts: tuple[tuple[str, str], ...]
    supply: asked.SupplyLine
    sequence: tuple[str, ...]
    service: tuple[Block, ...]
    stock: tuple[Block, ...]
    baseline: str
    compared: tuple[Compared, ...]
    best: str
    behind: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    taught: tuple[Taught, ...]
    confidence: str
    settings: tuple[tuple[str, str], ...]
    command: str
    file: str
    scenario: str
    """The scenario as it was written; or what it says, where it was made in Python."""
    version: str = __version__


def page(result: Result) -> Page:
    """What the page of *result* says."""
    scenario = result.scenario
    blocks = tuple(_blocks(result))
    service = tuple(block for block in blocks if _is_service(block.name, scenario))
    return Page(
        name=scenario.name,
        said=_said(result),
        answer=answer.answer(result),
        choice=tuple(answer.choice(result)),
        sure=tuple(answer.sure(result)),
        cautions=tuple(answer.cautions(result)),
        cards=tuple(_card(result, name) for name in result.policies),
        simulated=result.run is not None,
        facts=tuple(asked.facts(scenario)),
        supply=asked.supply_line(scenario),
        sequence=scenario.clock.sequence,
        service=service,
        stock=tuple(block for block in blocks if block not in service),
        baseline=result.baseline or "",
        compared=tuple(_compared(result)),
        best=answer.named(result.best) if result.best else "",
        behind=tuple(answer.behind(result.best)) if result.best else (),
        sources=tuple(_sources(result)),
        taught=tuple(_taught(result)),
        confidence=numbers.share(scenario.simulation.confidence),
        settings=tuple(_settings(result)),
        command=command(result),
        file=_file(scenario),
        scenario=_text(scenario),
    )


def _said(result: Result) -> str:
    scenario = result.scenario
    count = len(result.policies)
    kind = "lost sales" if scenario.lost_sales else "backorders"
    how = "" if result.run else ", theory alone"
    many = "one policy" if count == 1 else f"{count} policies"
    return f"{many}, {kind}, time in {singular(scenario.time_unit)}s{how}"


# --- policies at a glance --------------------------------------------------------------------


def _card(result: Result, name: str) -> Card:
    policy, scenario = result.policies[name], result.scenario
    every = [(m, policy.measures[m.name]) for m in scenario.measure_words()]
    known = [(m, found) for m, found in every if found.best is not None]
    plain = ("cycle_service_level", "fill_rate")
    return Card(
        name,
        sentences.policy(policy),
        asked.rule(policy.policy, singular(scenario.time_unit)),
        answer.as_sentence(sentences.protection(policy.protection, scenario)),
        tuple(dict.fromkeys(found.analytic.formula for _, found in every if found.analytic)),
        answer.as_sentence(f"no exact value: {policy.no_theory}") if policy.no_theory else "",
        tuple(_asked(m, found, scenario) for m, found in every if found.target),
        tuple(_asked(m, f, scenario) for m, f in known if m.name in plain and not f.target),
    )


def _asked(measure: words.Measure, found: MeasureResult, scenario: Scenario) -> Asked:
    unit = numbers.unit_of(measure, singular(scenario.time_unit))
    title = sentences.title_of(measure, scenario.time_unit).strip() + (unit and f", {unit}")
    reached, interval = _reached(measure, found)
    if found.target is None:
        return Asked(title, "", reached, interval, "", "")
    wanted = f"{'≥' if measure.at_least else '≤'} {sentences.asked(measure, found.target.asked)}"
    verdict = sentences.target_verdict(measure, found) or "cannot tell"
    return Asked(title, wanted, reached, interval, _gap(measure, found), verdict)


def _reached(measure: words.Measure, found: MeasureResult) -> tuple[str, str]:
    """The value and its interval; the derived value where nothing was simulated."""
    if found.estimate is None:
        if found.analytic is None:
            return "not observed", ""
        return numbers.exact(measure, found.analytic.value, None), ""
    shown = numbers.estimate(measure, found.estimate, found.low, found.high)
    value, bracket, limits = shown.partition(" [")
    return value, f"[{limits}" if bracket else ""


def _gap(measure: words.Measure, found: MeasureResult) -> str:
    """What is reached less what is asked; shares in percentage points."""
    value = found.estimate
    if value is None:
        value = found.analytic.value if found.analytic else None
    if value is None or found.target is None:
        return ""
    return numbers.gap(measure, value - found.target.asked, sentences.half_width(found))


# --- measures --------------------------------------------------------------------------------


def _is_service(name: str, scenario: Scenario) -> bool:
    return words.measure(name).is_share or name in ALSO_SERVICE or name in scenario.targets


def _blocks(result: Result) -> Iterator[Block]:
    unit = result.scenario.time_unit
    for measure in sentences.measures_shown(result, list(result.policies)):
        rows = tuple(
            _row(measure, name, policy.measures[measure.name], result.scenario)
            for name, policy in result.policies.items()
        )
        yield Block(
            measure.name,
            sentences.title_of(measure, unit),
            measure.symbol,
            numbers.unit_of(measure, singular(unit)),
            measure.definition,
            measure.customer_service,
            rows,
        )


def _row(measure: words.Measure, policy: str, found: MeasureResult, scenario: Scenario) -> Row:
    derived = found.analytic
    wanted = _asked(measure, found, scenario)
    if derived is None:
        return Row(policy, wanted, "", "", "")
    value = numbers.exact(measure, derived.value, sentences.half_width(found))
    verdict = found.verdict or ("" if derived.exact else "approximation")
    return Row(policy, wanted, value, verdict, derived.formula)


def _sources(result: Result) -> Iterator[tuple[str, str]]:
    """The formulas behind the derived values, each with where it stands."""
    seen = {
        (found.analytic.formula, found.analytic.source)
        for policy in result.policies.values()
        for found in policy.measures.values()
        if found.analytic
    }
    yield from sorted(seen)


def _taught(result: Result) -> Iterator[Taught]:
    for name, policy in result.policies.items():
        for measure in result.scenario.measure_words():
            if (found := policy.measures[measure.name]).textbook:
                title = sentences.title_of(measure, result.scenario.time_unit).strip()
                yield Taught(name, title, tuple(_formulas(measure, found)))


def _formulas(measure: words.Measure, found: MeasureResult) -> Iterator[Formula]:
    half = sentences.half_width(found)
    for each in found.to_dict()["textbook"]:
        value = numbers.exact(measure, each["value"], half)
        gap = "" if each["gap"] is None else numbers.gap(measure, each["gap"], half)
        yield Formula(each["formula"], value, gap, each["cause"])


# --- differences -----------------------------------------------------------------------------


def _compared(result: Result) -> Iterator[Compared]:
    names = list(result.differences or {})
    unit = result.scenario.time_unit
    for measure in sentences.measures_compared(result, names) if names else ():
        yield Compared(
            sentences.title_of(measure, unit).strip(),
            "points" if measure.is_share else numbers.unit_of(measure, singular(unit)),
            tuple(_changes(result, measure, names)),
        )


def _changes(result: Result, measure: words.Measure, names: Sequence[str]) -> Iterator[Change]:
    for name in names:
        if found := (result.differences or {})[name].get(measure.name):
            shown = numbers.difference(measure, found.estimate, found.low, found.high)
            value, _, limits = shown.partition(" [")
            note = sentences.would_tell(found) if sentences.is_open(found) else ""
            yield Change(name, value, f"[{limits}", found.verdict, note)


# --- how to get it again ---------------------------------------------------------------------


def _settings(result: Result) -> Iterator[tuple[str, str]]:
    scenario, run = result.scenario, result.run
    yield "Program", f"simlevel {__version__}"
    if run:
        unit = singular(scenario.time_unit)
        yield "Engine", run.engine
        yield "Seed", str(run.seed)
        yield "Replications", f"{run.replications:,}"
        yield "Counted time", f"{numbers.short(run.horizon)} {unit}s a replication"
        yield "Warm-up", f"{numbers.short(run.warmup)} {unit}s"
        yield "Confidence", numbers.share(run.confidence)
    if scenario.origin:
        yield "Scenario file", _file(scenario)
    if scenario.origin and scenario.origin.sha256:
        yield "Its SHA-256", scenario.origin.sha256
    if records := getattr(scenario.demand, "file", None):
        yield "Records beside it", Path(records).name


def command(result: Result) -> str:
    """The command line that gives the same numbers."""
    run, file = result.run, shlex.quote(_file(result.scenario))
    if run is None:
        return f"simlevel analyze {file}"
    options = [f"--seed {run.seed}"]
    if not result.scenario.replayed:
        options += [f"--replications {run.replications}", f"--horizon {run.horizon:.15g}"]
    if run.engine != "fast":
        options.append(f"--engine {run.engine}")
    if result.baseline and result.baseline != next(iter(result.policies)):
        options.append(f"--baseline {shlex.quote(result.baseline)}")
    if result.best and result.best.measure != "cost_per_time":
        options.append(f"--best {result.best.measure}")
    windows = next(iter(result.policies.values())).windows
    if windows:
        options.append(f"--window {windows.length:.15g}")
    return f"simlevel run {file} {' '.join(options)}"


def _file(scenario: Scenario) -> str:
    """Its name alone: where it stood on somebody's machine is nobody's business."""
    return Path(scenario.origin.file).name if scenario.origin else "scenario.toml"


def _text(scenario: Scenario) -> str:
    if scenario.origin and scenario.origin.text is not None:
        return scenario.origin.text
    return json.dumps(as_written(scenario), indent=1, ensure_ascii=False, default=str)
