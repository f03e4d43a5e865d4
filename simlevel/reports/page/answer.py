"""The answer that a page begins with: targets met or missed, which policy, and how sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from simlevel import numbers, words
from simlevel.estimation.comparison import Best
from simlevel.model.fields import singular
from simlevel.model.scenario import Scenario
from simlevel.reports import sentences
from simlevel.studies.result import MeasureResult, Result, Run

MOST_NAMED = 3
"""Policies that a sentence names; of more it says how many."""


def answer(result: Result) -> str:
    """The targets met or missed, in a sentence; without any what service there is."""
    verdicts = _verdicts(result)
    if not any(verdicts.values()):
        return _without_targets(result)
    met = [name for name, each in verdicts.items() if set(each.values()) == {"met"}]
    missed = [name for name, each in verdicts.items() if "missed" in each.values()]
    if len(verdicts) == 1:
        return _of_one(*next(iter(verdicts.items())))
    count = max(map(len, verdicts.values()))
    every = "the target" if count == 1 else "every target"
    if len(met) == len(verdicts):
        return f"{'Both policies meet' if len(met) == 2 else 'Every policy meets'} {every}."
    if met:
        others = [name for name in verdicts if name not in met]
        sure = all(name in missed for name in others)
        they = f"{_listed(others)} {_do(others)} not" if sure else "no other is sure to"
        return f"{_listed(met)} {'meets' if len(met) == 1 else 'meet'} {every}; {they}."
    if len(missed) == len(verdicts):
        return f"No policy meets {every}."
    return f"No policy is sure to meet {every}."


def _do(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"


def _of_one(policy: str, verdicts: dict[str, str]) -> str:
    missed = [title for title, verdict in verdicts.items() if verdict == "missed"]
    open_ = [title for title, verdict in verdicts.items() if verdict != "met"]
    if not open_:
        return f"{policy} meets {_its(len(verdicts))}."
    if not missed:
        return f"Whether {policy} meets {_its(len(verdicts))} cannot be told yet."
    if len(verdicts) == 1:
        return f"{policy} misses its target for {missed[0]}."
    if len(missed) == len(verdicts):
        return f"{policy} misses {_its(len(verdicts))}."
    return f"{policy} misses {len(missed)} of {len(verdicts)} targets."


def _its(count: int) -> str:
    return {1: "its target", 2: "both targets"}.get(count, f"all {count} targets")


def _verdicts(result: Result) -> dict[str, dict[str, str]]:
    """By policy, what became of each target."""
    unit = result.scenario.time_unit
    return {
        name: {
            sentences.title_of(measure, unit).strip():
                sentences.target_verdict(measure, found) or "cannot tell"
            for measure in result.scenario.measure_words()
            if (found := policy.measures[measure.name]).target
        }
        for name, policy in result.policies.items()
    }  # fmt: skip


def _without_targets(result: Result) -> str:
    measure = words.MEASURES["fill_rate"]
    shares = {
        name: _short(measure, found)
        for name, policy in result.policies.items()
        if (found := policy.measures["fill_rate"]).best is not None
    }
    if not shares or len(shares) > MOST_NAMED:
        return f"No targets are set: {_count(len(result.policies), 'policy', 'policies')} compared."
    (first, share), *more = shares.items()
    others = "".join(f", {name} {share}" for name, share in more)
    return f"Of the units asked for, {first} serves {share} at once{others}."


def _short(measure: words.Measure, found: MeasureResult) -> str:
    """The simulated value, else the exact one, alone."""
    value = found.analytic.value if found.estimate is None and found.analytic else found.estimate
    assert value is not None
    return numbers.exact(measure, value, sentences.half_width(found))


def choice(result: Result) -> Iterator[str]:
    """Which policy, as far as the run tells."""
    verdicts = _verdicts(result)
    if result.best is None or len(verdicts) < 2:
        return
    yield f"{named(result.best)}."
    if not any(verdicts.values()):
        return
    met = [name for name in result.best.policies if set(verdicts[name].values()) == {"met"}]
    if len(result.best.policies) == 1:
        yield f"It {'meets' if met else 'is not sure to meet'} every target."
    elif met:
        yield f"Of these {_listed(met)} {'meets' if len(met) == 1 else 'meet'} every target."
    else:
        yield "None of these is sure to meet every target."


def named(best: Best) -> str:
    names = " or ".join(best.policies)
    if len(best.policies) > MOST_NAMED:
        names = f"one of {len(best.policies)} policies"
    title = words.measure(best.measure).title.strip()
    title = title if title.startswith("Type") else title.lower()
    return f"{best.direction.capitalize()} {title}, at {numbers.share(best.confidence)}: {names}"


def behind(best: Best) -> Iterator[str]:
    measure = words.measure(best.measure)
    scale, unit = (100.0, " points") if measure.is_share else (1.0, "")
    for name, (_, most) in best.behind.items():
        if most > 0:
            far = f"{numbers.plain(scale * most, numbers.digits(scale * most, 0))}{unit}"
            yield f"{name}: at most {far} behind the best of the others"


def sure(result: Result) -> Iterator[str]:
    """How sure the answer is: the intervals, and what theory says of them."""
    if result.run is None:
        yield "Nothing was simulated: these are the values that theory derives."
        return
    yield _replicated(result.run, result.scenario)
    yield from _in_windows(result)
    verdicts = Counter(
        found.verdict
        for policy in result.policies.values()
        for found in policy.measures.values()
        if found.analytic and found.analytic.exact and found.verdict
    )
    total = sum(verdicts.values())
    if not total:
        if not any(policy.no_theory for policy in result.policies.values()):
            yield "No exact value is known here to hold against the simulation."
        return
    said = f"Of {_count(total, 'exact value')} that theory knows"
    agree = f"{verdicts['agrees']} agree{'s' if verdicts['agrees'] == 1 else ''}"
    parts = [f"{said}, {agree} with the simulation"]
    if verdicts["inconclusive"]:
        parts.append(f"{verdicts['inconclusive']} lie within intervals that are still wide")
    parts.append(f"{verdicts['disagrees'] or 'none'} disagree{'s' * (verdicts['disagrees'] < 2)}")
    yield f"{', '.join(parts[:-1])} and {parts[-1]}."


def _replicated(run: Run, scenario: Scenario) -> str:
    unit = singular(scenario.time_unit)
    if run.replications == 1:
        what = "record" if scenario.replayed else "replication"
        return f"One {what} of {numbers.short(run.horizon)} {unit}s: no interval can be given."
    return (
        f"Brackets hold the true value with {numbers.share(run.confidence)} confidence; they come "
        f"from {run.replications:,} replications of {numbers.short(run.horizon)} {unit}s each."
    )


def _in_windows(result: Result) -> Iterator[str]:
    """How often a window meets a target, where windows were asked for."""
    unit = result.scenario.time_unit
    for name, policy in list(result.policies.items())[:MOST_NAMED]:
        for key, found in policy.windows.measures.items() if policy.windows else ():
            if found.meets_target and found.target is not None and policy.windows:
                measure, met = words.measure(key), found.meets_target
                share = numbers.estimate(measure, met.estimate, met.low, met.high)
                length = f"{numbers.short(policy.windows.length)} {singular(unit)}s"
                yield (
                    f"{name}: {sentences.title_of(measure, unit)} of {numbers.share(found.target)} "
                    f"is reached in {share} of windows of {length}."
                )


def cautions(result: Result) -> Iterator[str]:
    """What a reader has to know besides."""
    if result.interrupted:
        yield "The run was interrupted: this is what was finished."
    yield from map(as_sentence, result.warnings)
    yield from map(as_sentence, sentences.notes(result))


def as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


# --- words -----------------------------------------------------------------------------------


def _count(number: int, thing: str, things: str | None = None) -> str:
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, or how many."""
    if len(names) > MOST_NAMED:
        return f"{len(names)} policies"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
