"""The main job: simulate every policy, derive what theory can, and lay the two side by side."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from simlevel import words
from simlevel.engines.fast import FastEngine, covers
from simlevel.engines.ledger import Job, Windows, named
from simlevel.engines.ledger import Totals as Rows
from simlevel.engines.process import SimPyEngine
from simlevel.errors import InputError, Problem, near
from simlevel.estimation import window
from simlevel.estimation.comparison import Best, Difference, best, differences
from simlevel.estimation.estimate import Estimate, Totals, estimate, estimates
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.distribution import Normal
from simlevel.model.fields import as_number, exact, singular, using_time_unit
from simlevel.model.policy import Policy
from simlevel.model.scenario import Scenario, Simulation, target
from simlevel.studies.result import MeasureResult, PolicyResult, Protection, Result, Run, Target
from simlevel.studies.verdict import Verdicts, verdicts
from simlevel.studies.windows import (
    Shares,
    count_of,
    length_of,
    most_replications,
    policy_windows,
    refuse_too_many,
    shares_of,
)
from simlevel.theory.answer import Theory
from simlevel.theory.catalogue import derive

MAX_REPLICATIONS = 10_000
THREADS = os.cpu_count() or 1
MOST_EVENTS = 5e9
"""Customers, reviews and orders that one run may simulate; more is refused."""
SHOWN = (
    "cycle_service_level", "fill_rate", "order_fill_rate", "ready_rate", "period_service_level",
    "mean_wait", "safety_stock", "mean_on_hand", "mean_backorders", "inventory_cover",
    "orders_per_time", "lost_per_time", "cost_per_time",
)  # fmt: skip
"""Measures whose differences between policies are shown, simultaneously."""

Item = TypeVar("Item")
Done = TypeVar("Done")
Progress = Callable[[int, int], None]
"""Called with replications done and replications planned."""


@dataclass
class Sample:
    """The replications simulated so far, the same ones for every policy."""

    scenario: Scenario
    windows: Windows
    seed: int
    engine: str = "fast"
    by_window: bool = False
    """Keep the shares of each window too; of the totals, only the sum over windows is kept."""
    rows: dict[str, list[Rows]] = field(default_factory=dict)
    shares: dict[str, list[Shares]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._engines = {
            name: engine_of(Job.of(self.scenario, name, self.windows, self.seed), self.engine)
            for name in self.scenario.policies
        }
        self.rows = {name: [] for name in self._engines}
        self.shares = {name: [] for name in self._engines}

    def __len__(self) -> int:
        return min(len(rows) for rows in self.rows.values())

    def extend(self, replications: int, progress: Progress) -> None:
        """Simulate up to *replications* on threads; they come in their order all the same."""
        with closing(on_threads(self._replication, range(len(self), replications))) as found:
            for rows in found:
                self._keep(rows)
                progress(len(self), replications)

    def _keep(self, rows: dict[str, Rows]) -> None:
        for name, row in rows.items():
            if self.by_window:
                self.shares[name].append(shares_of(row, self.scenario))
            self.rows[name].append(row.sum(axis=0, keepdims=True))

    def _replication(self, replication: int) -> dict[str, Rows]:
        return {name: engine.run(replication) for name, engine in self._engines.items()}

    def totals(self, policy: str) -> Totals:
        """Totals of the replications finished for every policy, by name."""
        finished = np.array(self.rows[policy][: len(self)])
        return named(finished[:, 0, :], self.scenario)

    def all_totals(self) -> Iterator[tuple[Scenario, Totals]]:
        """Totals of every policy, each with its scenario."""
        return ((self.scenario, self.totals(name)) for name in self.scenario.policies)


def on_threads(do: Callable[[Item], Done], items: Iterable[Item]) -> Generator[Done, None, None]:
    """*do* of each item, on threads and in their order."""
    pool = ThreadPoolExecutor(THREADS)
    # Few at a time, so that an interrupt does not wait for all that was asked for.
    under_way: deque[Future[Done]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(do, item))
            if len(under_way) > 2 * THREADS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def engine_of(job: Job, engine: str = "fast") -> FastEngine | SimPyEngine:
    """The engine called *engine*; a policy that is a Python object runs in SimPy's."""
    return FastEngine(job) if engine == "fast" and covers(job) else SimPyEngine(job)


def simulate(
    scenario: Scenario,
    *,
    seed: int | None = None,
    replications: int | None = None,
    horizon: float | str | None = None,
    confidence: float | None = None,
    engine: str = "fast",
    precision: Mapping[str, float] | None = None,
    max_replications: int = MAX_REPLICATIONS,
    baseline: str | None = None,
    best_by: str | None = None,
    window: float | str | None = None,
    progress: Progress = lambda done, planned: None,
) -> Result:
    """Simulate every policy of *scenario*, with intervals, exact values, verdicts and targets.

    What is given here goes before what the scenario says. *precision* maps measures to the
    half-width to reach; replications are added until then, or until *max_replications*.
    Policies are compared with *baseline*, by default the first; which of them may be best is
    told by the measure *best_by*, by default ``cost_per_time`` where there are costs.
    *window* is a duration: how each share scatters over consecutive windows of that length is
    then in ``windows`` of each policy, and the horizon is a whole number of them.
    An interrupt (Ctrl-C) ends it with the replications finished so far; before the second
    of them it is raised again. Raises InputError for unknown names and for runs too large.
    """
    scenario = with_settings(scenario, seed, replications, horizon, confidence)
    precision = known_precision(scenario, precision or {})
    baseline = known_baseline(scenario, baseline)
    best_by = _known_best(scenario, best_by)
    settings = scenario.simulation
    planned = 1 if scenario.replayed else settings.replications
    length = None if window is None else length_of(scenario, window)
    windows = windows_of(scenario, engine, length)
    refuse_endless(scenario, windows, max(planned, 1))
    if length is not None:
        refuse_too_many(scenario, windows.count, planned)
        max_replications = min(max_replications, most_replications(scenario, windows.count))
    sample = Sample(scenario, windows, settings.seed, engine, by_window=length is not None)
    interrupted = False
    try:
        sample.extend(planned, progress)
        while wanted := still_wanted(sample.all_totals(), precision, max_replications):
            refuse_endless(scenario, windows, wanted)
            sample.extend(wanted, progress)
    except KeyboardInterrupt:
        interrupted = True
        if not len(sample):
            raise
    theories = {name: derive(scenario, name) for name in scenario.policies}
    result = judged(sample, theories, baseline, best_by)
    if sample.by_window:
        result = _with_windows(result, sample)
    return replace(result, interrupted=interrupted)


def analyze(scenario: Scenario) -> Result:
    """What theory alone says of every policy of *scenario*; nothing is simulated."""
    policies = {}
    for name, policy in scenario.policies.items():
        theory = derive(scenario, name)
        measures = {
            measure.name: MeasureResult(
                analytic=theory.answers.get(measure.name),
                textbook=theory.textbook.get(measure.name, ()),
                target=_target(scenario, measure.name, None),
                note=scenario.undefined(measure),
            )
            for measure in scenario.measure_words()
        }
        shown = PolicyResult(policy, protection(scenario, policy), measures, theory.reason)
        policies[name] = shown
    return Result(scenario, None, policies, warnings=warnings(scenario))


def windows_of(scenario: Scenario, engine: str = "fast", length: float | None = None) -> Windows:
    """The one counted window: the horizon after the warm-up, both chosen where left open.

    With a *length*, as many consecutive windows of it as the horizon has.
    """
    count = 1 if length is None else count_of(scenario, length)
    length = window.horizon(scenario) if length is None else length
    seed = scenario.simulation.seed

    def pilot(policy: str, windows: Windows, replication: int) -> Rows:
        refuse_endless(scenario, windows, window.PILOTS)
        return engine_of(Job.of(scenario, policy, windows, seed), engine).run(replication)

    return Windows(window.warmup(scenario, pilot), length, count)


def judged(
    sample: Sample,
    theories: Mapping[str, Theory],
    baseline: str | None = None,
    best_by: str | None = None,
) -> Result:
    """The sample's estimates beside theory, with verdicts, targets, differences and the best."""
    scenario, settings = sample.scenario, sample.scenario.simulation
    totals = {name: sample.totals(name) for name in scenario.policies}
    found = {name: estimates(each, scenario, settings.confidence) for name, each in totals.items()}
    decided = verdicts(scenario, totals, found, theories)
    policies = {
        name: policy_result(scenario, name, found[name], theory, decided)
        for name, theory in theories.items()
    }
    run = Run(
        sample.engine,
        settings.seed,
        len(sample),
        as_number(exact(sample.windows.length) * sample.windows.count),
        sample.windows.warmup,
        settings.confidence,
    )
    less = differences_of(scenario, totals, baseline) if baseline else None
    leading = best_of(sample, best_by) if best_by else None
    said = (*warnings(scenario), *gone_to_simpy(scenario, sample.engine))
    return Result(scenario, run, policies, baseline, less, leading, said)


def warnings(scenario: Scenario) -> tuple[str, ...]:
    """What a reader of the result has to know."""
    demand, found = scenario.demand, list(scenario.origin.said if scenario.origin else ())
    places = {
        "demand": demand.amount,
        "lead_time": scenario.lead_time.distribution,
        "interarrival": getattr(demand, "interarrival", None),
    }
    for place, distribution in places.items():
        if isinstance(distribution, Normal) and distribution.share_below_zero() > 0.01:
            found.append(
                f"{place}: {distribution.share_below_zero():.1%} of the normal draws fall below 0 "
                f"and become 0, so the mean drawn is {distribution.mean():.4g}, not "
                f"{distribution.mean_:.4g}; gamma has no such draws"
            )
    return tuple(found)


def gone_to_simpy(scenario: Scenario, engine: str) -> Iterator[str]:
    """The policies that the compiled loop was asked for and does not cover."""
    for name, policy in scenario.policies.items():
        if engine == "fast" and policy.kind == "own":
            yield f"policy {name} is a Python object: it ran in the SimPy engine, which is slower"


def protection(scenario: Scenario, policy: Policy) -> Protection:
    """The interval that an order has to cover, and the demand instants in it."""
    lead_time, review, demand = scenario.lead_time.mean(), policy.review_period, scenario.demand
    instants = None
    if isinstance(demand, (PeriodicDemand, HistoryDemand)):
        # Rounded first: 0.3 / 0.1 is three periods.
        periods = math.ceil(round((lead_time + (review or 0)) / demand.every, 9))
        after_demand = review is None or scenario.clock.demand_first
        instants = max(periods - after_demand, 0)
    return Protection(review, lead_time, instants)


# --- windows -----------------------------------------------------------------------------------


def _with_windows(result: Result, sample: Sample) -> Result:
    """*result* with how each policy's shares scatter over the windows of *sample*."""
    scenario, windows = sample.scenario, sample.windows
    policies = {
        name: replace(
            policy,
            windows=policy_windows(
                scenario, name, windows.length, sample.shares[name][: len(sample)]
            ),
        )
        for name, policy in result.policies.items()
    }
    said = (*result.warnings, *_cut_short(scenario, windows))
    return replace(result, policies=policies, warnings=said)


def _cut_short(scenario: Scenario, windows: Windows) -> Iterator[str]:
    asked, counted = window.horizon(scenario), windows.length * windows.count
    if counted < asked * (1 - 1e-12):
        many = f"{windows.count} whole window{'' if windows.count == 1 else 's'}"
        parts = f"{counted:,.6g} of its {asked:,.6g} {singular(scenario.time_unit)}s"
        yield f"the horizon holds {many}: {parts} are counted"


# --- one policy --------------------------------------------------------------------------------


def policy_result(
    scenario: Scenario,
    name: str,
    found: Mapping[str, Estimate],
    theory: Theory,
    decided: Verdicts,
) -> PolicyResult:
    """One policy's estimates *found*, beside *theory*, with the verdicts *decided*."""
    measures = {
        each.measure: MeasureResult(
            each.estimate,
            each.low,
            each.high,
            each.numerator,
            each.denominator,
            analytic=theory.answers.get(each.measure),
            verdict=decided.get((name, each.measure)),
            textbook=theory.textbook.get(each.measure, ()),
            target=_target(scenario, each.measure, each),
            note=each.note,
        )
        for each in found.values()
    }
    policy = scenario.policies[name]
    return PolicyResult(policy, protection(scenario, policy), measures, theory.reason)


def _target(scenario: Scenario, measure: str, found: Estimate | None) -> Target | None:
    if measure not in scenario.targets:
        return None
    asked = scenario.targets[measure]
    if found is None:
        return Target(asked, None)
    return Target(asked, target_verdict(found, asked, at_least=words.measure(measure).at_least))


def target_verdict(found: Estimate, asked: float, *, at_least: bool) -> str:
    """Whether the whole interval is on the right side, the wrong one, or neither."""
    if found.low is None or found.high is None:
        return "cannot tell"
    if (found.low >= asked) if at_least else (found.high <= asked):
        return "met"
    if (found.high < asked) if at_least else (found.low > asked):
        return "missed"
    return "cannot tell"


# --- between policies ----------------------------------------------------------------------------


def differences_of(
    scenario: Scenario, totals: Mapping[str, Totals], baseline: str, points: int = 1
) -> dict[str, dict[str, Difference]]:
    """Every policy less the baseline; simultaneous over all measures, policies and *points*."""
    shown = [m for m in scenario.measure_words() if m.name in SHOWN or m.name in scenario.targets]
    shown = [measure for measure in shown if not scenario.undefined(measure)]
    others = [name for name in scenario.policies if name != baseline]
    comparisons = len(shown) * len(others) * points
    confidence = 1 - (1 - scenario.simulation.confidence) / comparisons
    return {
        name: differences(totals[name], totals[baseline], shown, scenario, confidence)
        for name in others
    }


def best_of(sample: Sample, measure: str) -> Best | None:
    """The policies that may be best by *measure*, at the scenario's confidence."""
    totals = {name: sample.totals(name) for name in sample.scenario.policies}
    confidence = sample.scenario.simulation.confidence
    return best(totals, words.measure(measure), sample.scenario, confidence)


# --- how many replications ---------------------------------------------------------------------


def still_wanted(
    found: Iterable[tuple[Scenario, Totals]], precision: Mapping[str, float], most: int
) -> int:
    """Replications to have before looking again; 0 when precise enough or at *most*.

    *found* are as many replications of each scenario, none of a record played once.
    """
    if not precision:
        return 0
    done = needed = 0
    for scenario, totals in found:
        done = len(totals["time"])
        needed = max(needed, done if done > 1 else 20)
        confidence = scenario.simulation.confidence
        for measure, wanted in precision.items():
            reached = estimate(totals, words.measure(measure), scenario, confidence).half_width
            if reached is not None and reached > wanted:
                needed = max(needed, math.ceil(done * min(reached / wanted, 1e6) ** 2))
    if needed == done or done >= most:
        return 0
    return min(most, max(needed, done + 1 + done // 10), 4 * done)


# --- what is asked -----------------------------------------------------------------------------


def with_settings(
    scenario: Scenario,
    seed: int | None,
    replications: int | None,
    horizon: float | str | None,
    confidence: float | None,
) -> Scenario:
    """*scenario* with what is not None instead of its own; raises InputError for bad values."""
    given = {
        "seed": seed, "replications": replications, "horizon": horizon, "confidence": confidence,
    }  # fmt: skip
    update = {key: value for key, value in given.items() if value is not None}
    if not update:
        return scenario
    try:
        with using_time_unit(scenario.time_unit):
            settings = Simulation.model_validate(scenario.simulation.model_dump() | update)
    except ValidationError as error:
        problems = [f"{each['loc'][0]}: {each['msg']}" for each in error.errors()]
        raise InputError("; ".join(problems)) from None
    return scenario.model_copy(update={"simulation": settings})


def with_targets(scenario: Scenario, targets: Mapping[str, object] | None) -> Scenario:
    """*scenario* with other targets, if any are given; a file would say them alike."""
    if not targets:
        return scenario
    asked = {}
    with using_time_unit(scenario.time_unit):
        for name, value in targets.items():
            try:
                asked[name] = target(scenario, name, value)
            except ValueError as error:
                raise InputError(f"--target {name}: {error}") from None
    return scenario.model_copy(update={"targets": asked})


def _known_measure(scenario: Scenario, option: str, name: str) -> None:
    known = {m.name for m in scenario.measure_words() if not scenario.undefined(m)}
    if name not in known:
        hint = near(name, known)
        raise InputError(f"{option}: expected a measure of the scenario{hint}, found {name}")


def known_precision(scenario: Scenario, precision: Mapping[str, float]) -> Mapping[str, float]:
    for name, half_width in precision.items():
        _known_measure(scenario, "--precision", name)
        if not 0 < half_width < math.inf:
            raise InputError(f"--precision: expected a half-width above 0, found {half_width}")
    if precision and scenario.replayed:
        raise InputError("--precision: expected demand that is drawn, found a record played once")
    return precision


def known_baseline(scenario: Scenario, baseline: str | None) -> str | None:
    names = list(scenario.policies)
    if baseline is not None and baseline not in names:
        hint = near(baseline, names)
        raise InputError(f"--baseline: expected one of {', '.join(names)}{hint}, found {baseline}")
    return (baseline or names[0]) if len(names) > 1 else None


def _known_best(scenario: Scenario, measure: str | None) -> str | None:
    """The measure to name the best policy by; None where nobody asked and there are no costs."""
    if measure is None:
        compared = scenario.costs is not None and len(scenario.policies) > 1
        return "cost_per_time" if compared else None
    _known_measure(scenario, "--best", measure)
    if len(scenario.policies) < 2:
        raise InputError("--best: expected two policies or more to choose from, found one")
    if scenario.replayed or scenario.simulation.replications < 2:
        raise InputError("--best: expected two replications or more, found one")
    return measure


def refuse_endless(scenario: Scenario, windows: Windows, replications: int) -> None:
    refuse_more_than_most(replications * expected_events(scenario, windows))


def refuse_more_than_most(events: float) -> None:
    if events > MOST_EVENTS:
        raise InputError([Problem(
            "", 0, 0, "simulation",
            f"expected a run of at most {MOST_EVENTS:,.0f} customers, reviews and orders, found "
            f"{events:.2g} (a shorter horizon, or fewer replications)",
        )])  # fmt: skip


def expected_events(scenario: Scenario, windows: Windows) -> float:
    """Customers, reviews and orders of one replication of all policies."""
    reviews: Iterator[float] = (
        1 / policy.review_period if policy.review_period else 0.0
        for policy in scenario.policies.values()
    )
    rate = len(scenario.policies) * 2 * scenario.demand.customers_per_time() + sum(reviews)
    followed = max(scenario.measures.served_within, default=0.0)
    return rate * (windows.warmup + windows.length * windows.count + followed)
