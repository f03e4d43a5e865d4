"""What tables and pages say alike: which measures are shown, and the sentences about them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from simlevel import __version__, numbers, words
from simlevel.estimation.comparison import Difference
from simlevel.estimation.estimate import weights
from simlevel.model.fields import singular
from simlevel.model.scenario import Scenario
from simlevel.studies.result import MeasureResult, PolicyResult, Protection, Result, Run

# --- measures --------------------------------------------------------------------------------


def measures_shown(result: Result, names: Sequence[str]) -> Iterator[words.Measure]:
    """The measures of the policies *names* that there is something to say of."""
    for measure in result.scenario.measure_words():
        found = [result.policies[name].measures[measure.name] for name in names]
        if any(map(_has_something, found)) and not _is_nothing(measure, result.scenario):
            yield measure


def _has_something(result: MeasureResult) -> bool:
    """Measures that are not defined here have no row."""
    return bool(result.estimate is not None or result.analytic or result.target)


def _is_nothing(measure: words.Measure, scenario: Scenario) -> bool:
    """Nothing is lost under backorders or owed under lost sales; nor is a cost that is free."""
    totals = [total for total, weight in weights(measure, scenario).items() if weight]
    never = "area_backorders" if scenario.lost_sales else "units_lost"
    return not totals or totals == [never]


def title_of(measure: words.Measure, time_unit: str) -> str:
    """``Type II: fill rate``, ``Served within 2 days``."""
    if not measure.name.startswith("served_within"):
        return measure.title
    return f"{measure.title} {singular(time_unit)}{'' if measure.title.endswith(' 1') else 's'}"


def half_width(result: MeasureResult) -> float | None:
    """Of the interval; None where there is none."""
    if result.low is None or result.high is None:
        return None
    return (result.high - result.low) / 2


def asked(measure: words.Measure, value: float) -> str:
    """A target as it would be typed."""
    return numbers.share(value) if measure.is_share else numbers.short(value)


def target_verdict(measure: words.Measure, result: MeasureResult) -> str | None:
    """Whether the target is met; by the derived value where nothing was simulated."""
    target = result.target
    if target is None or target.verdict or result.analytic is None:
        return target.verdict if target else None
    value = result.analytic.value
    reached = value >= target.asked if measure.at_least else value <= target.asked
    return "met" if reached else "missed"


# --- differences -----------------------------------------------------------------------------


def measures_compared(result: Result, names: Sequence[str]) -> Iterator[words.Measure]:
    """The measures that *names* are compared by with the baseline, but those that are the same."""
    differences = result.differences or {}
    for measure in result.scenario.measure_words():
        found = [differences[name].get(measure.name) for name in names]
        # The same customers ask for the same: no row says so.
        same = all(each is None or each.low == each.high == 0 for each in found)
        if any(measure.name in each for each in differences.values()) and not same:
            yield measure


def is_open(found: Difference) -> bool:
    """Not told, and not because nothing differs."""
    return found.verdict == "cannot tell" and found.high > found.low


def would_tell(found: Difference) -> str:
    """What it would take to tell."""
    if found.replications_to_tell is not None:
        return f"about {numbers.about(found.replications_to_tell)} replications would tell"
    return "too few stockouts to compare" if found.note else "no difference worth looking for"


# --- notes -----------------------------------------------------------------------------------


def notes(result: Result) -> Iterator[str]:
    """What a reader has to know of single measures: a note, and the measures that it is about."""
    found: dict[str, list[str]] = {}
    for policy in result.policies.values():
        for name, each in policy.measures.items():
            undefined = result.scenario.undefined(words.measure(name))
            if each.note and not undefined and name not in found.setdefault(each.note, []):
                found[each.note].append(name)
    for note, names in found.items():
        yield f"{note}: {', '.join(names)}"
    every = itertools.chain.from_iterable(p.measures.values() for p in result.policies.values())
    if any(measure.verdict == "inconclusive" for measure in every):
        yield "inconclusive: nothing against the exact value, but the interval is still wide"
    for reason in dict.fromkeys(p.no_theory for p in result.policies.values() if p.no_theory):
        yield f"no exact value: {reason}"


# --- policies and their clock ----------------------------------------------------------------


def policy(found: PolicyResult) -> str:
    """``rQ r 24, Q 30``."""
    symbols = {
        "reorder_point": "s" if found.policy.kind == "sS" else "r",
        "order_quantity": "Q",
        "order_up_to": "S",
        "minimum_order": "at least",
        "order_multiple": "in multiples of",
    }
    parts = [
        f"{symbols[key]} {numbers.short(value)}"
        for key, value in found.parameters.items()
        if key in symbols
    ]
    return f"{found.policy.kind} {', '.join(parts)}".strip()


def protection(found: Protection, scenario: Scenario) -> str:
    """``covers L + R = 4 + 1 = 5 days``."""
    unit, lead = singular(scenario.time_unit), numbers.short(found.lead_time)
    mean = "" if scenario.lead_time.distribution.variance() == 0 else "mean "
    if found.review_period is None:
        text = f"continuous review, covers {mean}L = {lead} {unit}s"
    else:
        review = numbers.short(found.review_period)
        whole = numbers.short(found.interval)
        text = f"covers {mean}L + R = {lead} + {review} = {whole} {unit}s"
    if found.demand_instants is not None:
        instants = found.demand_instants
        text += f", {instants} demand instant{'' if instants == 1 else 's'}"
    return text


# --- how to get the same again ---------------------------------------------------------------


def reproduce(run: Run, scenario: Scenario) -> Iterator[str]:
    """What it takes to get the same numbers again."""
    unit = singular(scenario.time_unit)
    yield (
        f"{run.replications} replications of {numbers.short(run.horizon)} {unit}s after a warm-up "
        f"of {numbers.short(run.warmup)}; intervals at {numbers.share(run.confidence)}"
    )
    yield f"seed {run.seed}, engine {run.engine}, simlevel {__version__}"
