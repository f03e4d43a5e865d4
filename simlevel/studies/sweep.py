"""All measures over one or more keys of a scenario: a grid of points, on common random numbers."""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simlevel.engines.curve import FastCurve, one_path
from simlevel.engines.ledger import Job, Totals, Windows, named
from simlevel.errors import InputError, Problem, near
from simlevel.estimation.comparison import Difference
from simlevel.estimation.estimate import Totals as NamedTotals
from simlevel.estimation.estimate import estimates
from simlevel.estimation.window import rounded_for_all
from simlevel.model.fields import as_number, exact
from simlevel.model.policy import OwnPolicy
from simlevel.model.scenario import Scenario
from simlevel.scenario_file import varied
from simlevel.studies.evaluate import (
    MAX_REPLICATIONS,
    Progress,
    differences_of,
    engine_of,
    expected_events,
    gone_to_simpy,
    known_baseline,
    known_precision,
    on_threads,
    policy_result,
    refuse_more_than_most,
    still_wanted,
    warnings,
    windows_of,
    with_settings,
    with_targets,
)
from simlevel.studies.result import COLUMNS, PolicyResult, Result, Run
from simlevel.studies.verdict import Case, verdicts_of
from simlevel.theory.catalogue import derive

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 10_000
MOST_SHOWN = 10
"""Problems of points that are told of."""
_OF_THE_RUN = ("name", "time_unit", "simulation")


@dataclass(frozen=True)
class Point:
    """The values of the keys at one point, and what each policy does there."""

    scenario: Scenario
    values: Mapping[str, Any]
    policies: Mapping[str, PolicyResult]
    differences: Mapping[str, Mapping[str, Difference]] | None = None
    """Of each policy, by measure, to the baseline; with two policies or more."""


@dataclass(frozen=True)
class Sweep:
    """The points of a sweep, the last key varying fastest; all over the same window."""

    scenario: Scenario
    run: Run
    keys: tuple[str, ...]
    points: tuple[Point, ...]
    baseline: str | None = None
    """The policy that the others are compared with; None where there is one alone."""
    warnings: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the tidy table: the keys, then those of a result's."""
        return (*self.keys, *COLUMNS)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The tidy table, a row a measure of a policy at a point."""
        for point in self.points:
            for row in self._result(point).rows():
                yield (*point.values.values(), *row)

    def to_frame(self) -> pd.DataFrame:
        """The tidy table: a column a key, then policy, measure, estimate, low, high, ..."""
        import pandas as pd

        return pd.DataFrame(list(self.rows()), columns=list(self.columns))

    def _repr_html_(self) -> str:
        """The tidy table for notebooks."""
        return str(self.to_frame().to_html(max_rows=60))

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of section 6 of the contract."""
        document = Result(self.scenario, self.run, {}, warnings=self.warnings).to_dict()
        head = {key: document[key] for key in ("schema", "simlevel", "scenario", "run")}
        points = []
        for point in self.points:
            found = self._result(point).to_dict()
            shown = {key: found[key] for key in ("policies", "differences")}
            points.append({"values": dict(point.values)} | shown)
        return head | {"keys": list(self.keys), "points": points, "warnings": document["warnings"]}

    def _result(self, point: Point) -> Result:
        return Result(point.scenario, self.run, point.policies, self.baseline, point.differences)


def sweep(
    scenario: Scenario,
    vary: Mapping[str, Sequence[Any] | str],
    *,
    policy: str | None = None,
    targets: Mapping[str, object] | None = None,
    seed: int | None = None,
    replications: int | None = None,
    horizon: float | str | None = None,
    confidence: float | None = None,
    engine: str = "fast",
    precision: Mapping[str, float] | None = None,
    max_replications: int = MAX_REPLICATIONS,
    baseline: str | None = None,
    progress: Progress = lambda done, planned: None,
) -> Sweep:
    """Simulate every policy of *scenario*, or one, at each combination of the values in *vary*.

    *vary* maps keys of the file, such as ``lead_time.value``, to values, or to text such as
    ``"20:60:5"``. Parameters of a policy joined by ``+`` move together: the values are those of
    the first, the others keep their distance. *targets* go before those of the scenario.
    *precision* maps measures to half-widths: all points get more replications until every point
    is that precise, up to *max_replications*. Everything else is as in :func:`simulate`.

    All points are over one window, the longest that any needs, and meet the same random
    numbers. Points that differ by a reorder point alone, or by an order-up-to level whose
    S - s is fixed, are counted in one run where demand is backordered: each is equal to a run
    of its own over that window. Verdicts, and differences to *baseline* (the first policy), hold
    over all points at once. An interrupt ends it with the points that are finished. Raises
    InputError for unknown names, values that a file could not have, and sweeps too large.
    """
    scenario = with_settings(_with_one(scenario, policy), seed, replications, horizon, confidence)
    scenario = with_targets(scenario, targets)
    precision = known_precision(scenario, precision or {})
    baseline = known_baseline(scenario, baseline)
    plan = _plan(scenario, vary, engine)
    done, interrupted = _Runs(plan), False
    wanted = scenario.simulation.replications
    try:
        while wanted:
            plan.refuse_endless(wanted)
            done.extend(wanted, progress)
            wanted = still_wanted(_drawn(plan, done), precision, max_replications)
    except KeyboardInterrupt:
        interrupted = True
    points = tuple(_results(plan, done, baseline))
    if interrupted and not points:
        raise KeyboardInterrupt
    settings, windows = scenario.simulation, plan.windows
    count = max((len(rows) for rows in done.finished().values()), default=0)
    run = Run(engine, settings.seed, count, windows.length, windows.warmup, settings.confidence)
    return Sweep(scenario, run, tuple(vary), points, baseline, plan.warnings, interrupted)


# --- what is asked -------------------------------------------------------------------------------


def _with_one(scenario: Scenario, policy: str | None) -> Scenario:
    names = list(scenario.policies)
    if policy is None:
        return scenario
    if policy not in names:
        hint = near(policy, names)
        raise InputError(f"--policy: expected one of {', '.join(names)}{hint}, found {policy}")
    return scenario.model_copy(update={"policies": {policy: scenario.policies[policy]}})


def spread(text: str) -> tuple[Any, ...]:
    """The values that ``2,4,8`` or ``20:60:5`` stands for; the end of a range is one of them.

    Raises InputError for a range that is empty, runs backwards or has too many points.
    """
    if match := re.fullmatch(rf"\s*{_NUMBER}\s*:\s*{_NUMBER}\s*(?::\s*{_NUMBER}\s*)?", text):
        return tuple(_range(text, *(Fraction(part or "1") for part in match.groups())))
    listed = _toml(f"[{text}]")
    if isinstance(listed, list):
        values = listed
    else:
        values = [_value(part.strip()) for part in text.split(",")]
    if not values or "" in values:
        raise InputError(f"expected values such as 2,4,8 or a range 20:60:5, found {text!r}")
    return tuple(values)


_NUMBER = r"([-+]?\d{1,15}(?:\.\d{0,15})?(?:[eE][-+]?\d{1,2})?)"


def _range(text: str, first: Fraction, last: Fraction, step: Fraction) -> Iterator[float]:
    if step <= 0:
        raise InputError(f"expected a step above 0, found {text}")
    if last < first:
        raise InputError(f"expected a range A:B with A at most B, found {text}")
    count = (last - first) // step + 1
    if count > MOST_POINTS:
        raise InputError(f"expected at most {MOST_POINTS:,} points, found {count:,} in {text}")
    for number in range(count):
        yield as_number(first + number * step)


def _value(text: str) -> Any:
    found = _toml(text)
    return text if found is None else found


def _toml(text: str) -> Any:
    """What *text* is as a value of a file; None where it is none."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return None
    return found["value"] if set(found) == {"value"} else None


def _path(key: str) -> tuple[str, ...]:
    """The steps of a dotted key."""
    try:
        table: Any = tomllib.loads(f"{key} = 0")
    except (ValueError, RecursionError):
        table = {}
    path = []
    while isinstance(table, dict) and len(table) == 1:
        step, table = next(iter(table.items()))
        path.append(step)
    if table != 0 or "\n" in key:
        raise InputError(f"--vary {key}: expected a key of the file, such as lead_time.value")
    return tuple(path)


def _paths(key: str) -> list[tuple[str, ...]]:
    """The key, and the parameters of the same policy that move with it."""
    match = re.fullmatch(r"(.*?)((?:\+\w+)*)", key, re.DOTALL)
    assert match is not None
    path, together = _path(match[1]), match[2].split("+")[1:]
    if path[0] in _OF_THE_RUN:
        expected = "expected a key of what is simulated, found one of the run"
        raise InputError(f"--vary {key}: {expected}, which is the same at all points")
    return [path, *((*path[:-1], name) for name in together)]


def _grid(
    scenario: Scenario, vary: Mapping[str, Sequence[Any] | str]
) -> list[tuple[dict[str, Any], Scenario]]:
    """The values and the scenario of every point."""
    if not vary:
        raise InputError("--vary: expected at least one key, found none")
    axes = {key: _axis(key, values) for key, values in vary.items()}
    paths = {key: _paths(key) for key in axes}
    every = [path for each in paths.values() for path in each]
    if twice := [path for path in every if every.count(path) > 1]:
        raise InputError(f"--vary: expected each key once, found {'.'.join(twice[0])} again")
    count = math.prod(map(len, axes.values()))
    if count > MOST_POINTS:
        raise InputError(f"--vary: expected at most {MOST_POINTS:,} points, found {count:,}")
    points, problems = [], dict[tuple[str, str], Problem]()
    for combination in itertools.product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        changes: dict[tuple[str, ...], Any] = {}
        for key, value in values.items():
            changes |= _changes(scenario, key, paths[key], value)
        try:
            points.append((values, varied(scenario, changes)))
        except InputError as error:
            place = " ".join(f"--vary {key}={value}" for key, value in values.items())
            for found in error.problems:
                problems.setdefault((found.key, found.message), replace(found, file=place))
    if problems:
        raise InputError([*problems.values()][:MOST_SHOWN])
    return points


def _axis(key: str, values: Sequence[Any] | str) -> tuple[Any, ...]:
    try:
        if isinstance(values, str):
            return spread(values)
    except InputError as error:
        raise InputError(f"--vary {key}: {error}") from None
    found = tuple(value.item() if hasattr(value, "item") else value for value in values)
    if not found:
        raise InputError(f"--vary {key}: expected at least one value, found none")
    return found


def _changes(
    scenario: Scenario, key: str, paths: list[tuple[str, ...]], value: Any
) -> dict[tuple[str, ...], Any]:
    """What the key's value changes in the file."""
    first, *others = paths
    if not others:
        return {first: value}
    now = [_parameter(scenario, path) for path in paths]
    if any(not _is_number(each) for each in (value, *now)):
        expected = "expected parameters of one policy that are numbers, to move together"
        raise InputError(f"--vary {key}: {expected}")
    moved = [as_number(exact(value) + exact(each) - exact(now[0])) for each in now]
    return {first: value} | dict(zip(others, moved[1:], strict=True))


def _parameter(scenario: Scenario, path: tuple[str, ...]) -> Any:
    found = scenario.policies.get(path[1]) if len(path) == 3 and path[0] == "policies" else None
    return getattr(found, path[-1], None) if found else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# --- how it is simulated -------------------------------------------------------------------------


class _Cell(NamedTuple):
    """A policy at a point: the number of the run that counts it, and where it stands there."""

    run: int
    trigger: float


class _Place(NamedTuple):
    """A point that is to be simulated."""

    values: Mapping[str, Any]
    scenario: Scenario
    cells: Mapping[str, _Cell]


@dataclass(frozen=True)
class _Plan:
    """The points, and the runs that count them all."""

    engine: str
    places: list[_Place]
    windows: Windows
    runs: list[dict[float, tuple[Scenario, str]]]
    """Of each run the policies that it counts, lowest first."""

    @property
    def warnings(self) -> tuple[str, ...]:
        found = dict.fromkeys(each for place in self.places for each in warnings(place.scenario))
        return (*found, *gone_to_simpy(self.places[0].scenario, self.engine))

    def refuse_endless(self, replications: int) -> None:
        """Raises InputError where so many of all runs are too much."""
        events = 0.0
        for members in self.runs:
            scenario, name = next(iter(members.values()))
            alone = scenario.model_copy(update={"policies": {name: scenario.policies[name]}})
            events += expected_events(alone, self._window(scenario))
        refuse_more_than_most(replications * events)

    def replications(self, run: int, wanted: int) -> int:
        """Of *wanted* replications those that a run has: one of a record that is played once."""
        scenario, _ = next(iter(self.runs[run].values()))
        return min(wanted, 1) if scenario.replayed else wanted

    def engine_of(self, run: int) -> Any:
        """The engine of a run: it holds tables."""
        members = list(self.runs[run].values())
        scenario, name = members[0]
        seed, windows = scenario.simulation.seed, self._window(scenario)
        if len(members) == 1:
            return engine_of(Job.of(scenario, name, windows, seed), self.engine)
        policies = {str(n): each.policies[policy] for n, (each, policy) in enumerate(members)}
        together = scenario.model_copy(update={"policies": policies})
        return FastCurve(Job.of(together, "0", windows, seed))

    def _window(self, scenario: Scenario) -> Windows:
        """The common window, but for a record that is played once."""
        return windows_of(scenario, self.engine) if scenario.replayed else self.windows


class _Runs:
    """The replications so far."""

    def __init__(self, plan: _Plan) -> None:
        self._plan, self._complete, self._asked = plan, 0, 0
        self._rows: list[list[Totals]] = [[] for _ in plan.runs]

    def extend(self, replications: int, progress: Progress) -> None:
        """All runs to that many *replications*."""
        self._asked = replications
        tasks = list(self._counts())
        planned = sum(count for _, count in tasks)
        with closing(on_threads(_simulated, self._tasks(tasks))) as rows:
            for done, (run, totals) in enumerate(rows):
                self._rows[run].append(totals)
                progress(done + 1, planned)
        self._complete = replications

    def finished(self) -> dict[int, list[Totals]]:
        """Those of each run that has as many as the others; after an interrupt, as were asked."""
        count = self._complete or self._asked
        wanted = {run: self._plan.replications(run, count) for run in range(len(self._rows))}
        return {run: self._rows[run][:n] for run, n in wanted.items() if len(self._rows[run]) >= n}

    def _counts(self) -> Iterator[tuple[int, int]]:
        """Each run, and how many replications it lacks."""
        for run, rows in enumerate(self._rows):
            yield run, self._plan.replications(run, self._asked) - len(rows)

    def _tasks(self, counts: Sequence[tuple[int, int]]) -> Iterator[_Task]:
        """Engines are made when their turn comes."""
        for run, count in counts:
            if count:
                engine, first = self._plan.engine_of(run), len(self._rows[run])
                yield from (_Task(run, engine, first + more) for more in range(count))


class _Task(NamedTuple):
    run: int
    engine: Any
    replication: int


def _simulated(task: _Task) -> tuple[int, Totals]:
    return task.run, task.engine.run(task.replication)


def _plan(scenario: Scenario, vary: Mapping[str, Sequence[Any] | str], engine: str) -> _Plan:
    places: list[_Place] = []
    numbers: dict[Hashable, int] = {}
    runs: list[dict[float, tuple[Scenario, str]]] = []
    windows: dict[frozenset[int], tuple[Scenario, Windows]] = {}
    for values, point in _grid(scenario, vary):
        cells = {}
        for name in point.policies:
            what, trigger = _run_of(point, name, engine)
            run = numbers.setdefault(what, len(numbers))
            if run == len(runs):
                runs.append({})
            runs[run].setdefault(trigger, (point, name))
            cells[name] = _Cell(run, trigger)
        places.append(_Place(values, point, cells))
        # Where only levels differ, so does nothing that a window depends on.
        alike = frozenset(cell.run for cell in cells.values())
        if alike not in windows:
            windows[alike] = point, windows_of(point, engine)
    lowest_first = [dict(sorted(members.items())) for members in runs]
    return _Plan(engine, places, _common([*windows.values()]), lowest_first)


def _common(needed: Sequence[tuple[Scenario, Windows]]) -> Windows:
    """The longest window of those *needed*; what was chosen is rounded so that it suits all."""
    warmup = max(windows.warmup for _, windows in needed)
    length = max(windows.length for _, windows in needed)
    drawn = [scenario for scenario, _ in needed if not scenario.replayed]
    settings = needed[0][0].simulation
    if settings.warmup == "auto":
        warmup = rounded_for_all(warmup, drawn)
    if settings.horizon == "auto":
        length = rounded_for_all(length, drawn)
    return Windows(warmup, length)


def _run_of(scenario: Scenario, name: str, engine: str) -> tuple[Hashable, float]:
    """What a policy's run depends on; one that has one path, not on where it stands."""
    policy: Any = scenario.policies[name]
    trigger = 0.0
    if engine == "fast" and one_path(scenario, policy):
        policy, trigger = policy.at(0), policy.trigger
    elif isinstance(policy, OwnPolicy):
        policy = id(policy.rule), policy.start, policy.review_period
    sections = (scenario.demand, scenario.lead_time, scenario.shortage, scenario.clock)
    return (*sections, scenario.start, scenario.measures, policy), trigger


# --- what is found -------------------------------------------------------------------------------


class _Counted:
    """The totals of every policy at every point whose runs are finished."""

    def __init__(self, plan: _Plan, done: _Runs) -> None:
        self._arrays = {run: np.array(rows) for run, rows in done.finished().items()}
        self._rows = [{t: n for n, t in enumerate(members)} for members in plan.runs]

    def has(self, place: _Place) -> bool:
        return all(cell.run in self._arrays for cell in place.cells.values())

    def totals(self, scenario: Scenario, cell: _Cell) -> NamedTotals:
        row = self._rows[cell.run][cell.trigger]
        return named(self._arrays[cell.run][:, row], scenario)


def _drawn(plan: _Plan, done: _Runs) -> Iterator[tuple[Scenario, NamedTotals]]:
    """Each policy at each point, but for records that are played once."""
    counted, seen = _Counted(plan, done), set[Hashable]()
    for place in plan.places:
        for cell in place.cells.values():
            key = (cell, place.scenario.costs)
            if key not in seen and not place.scenario.replayed:
                seen.add(key)
                yield place.scenario, counted.totals(place.scenario, cell)


def _results(plan: _Plan, done: _Runs, baseline: str | None) -> Iterator[Point]:
    """The points whose runs are finished; what is the same at several is worked out once."""
    counted = _Counted(plan, done)
    places = [place for place in plan.places if counted.has(place)]
    cases: dict[Hashable, Case] = {}
    keys: list[dict[str, Hashable]] = []
    for _, scenario, cells in places:
        alike = scenario.costs, tuple(scenario.targets.items())
        keys.append({name: (cell, *alike) for name, cell in cells.items()})
        for name, key in keys[-1].items():
            if key not in cases:
                totals = counted.totals(scenario, cells[name])
                cases[key] = _case(str(len(cases)), scenario, name, totals)
    decided: dict[str, dict[str, str]] = {}
    for (number, measure), verdict in verdicts_of(cases.values()).items():
        decided.setdefault(number, {})[measure] = verdict
    results: dict[Hashable, PolicyResult] = {}
    for (values, scenario, _), named_keys in zip(places, keys, strict=True):
        for name, key in named_keys.items():
            if key not in results:
                case = cases[key]
                verdicts = {(name, m): v for m, v in decided.get(case.name, {}).items()}
                results[key] = policy_result(scenario, name, case.found, case.theory, verdicts)
        policies = {name: results[key] for name, key in named_keys.items()}
        differences = None
        if baseline in policies and len(policies) > 1:
            each = {name: cases[key].totals for name, key in named_keys.items()}
            differences = differences_of(scenario, each, baseline, len(places))
        yield Point(scenario, values, policies, differences)


def _case(number: str, scenario: Scenario, policy: str, totals: NamedTotals) -> Case:
    found = estimates(totals, scenario, scenario.simulation.confidence)
    return Case(number, scenario, totals, found, derive(scenario, policy))
