"""How an estimate settles: after 1, 2, ... replications, and from the start of each on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simlevel.engines.ledger import Job, Windows, named
from simlevel.errors import InputError, near
from simlevel.estimation.estimate import Estimate, estimate
from simlevel.estimation.interval import t_quantile
from simlevel.model.scenario import Scenario
from simlevel.studies.evaluate import (
    Progress,
    Sample,
    engine_of,
    refuse_endless,
    windows_of,
    with_settings,
)
from simlevel.theory.answer import Answer
from simlevel.theory.catalogue import derive

MOST_PREFIXES = 200
"""Numbers of replications that are estimated after; beyond, they are spread evenly."""
BINS = 100
"""About as many stretches show the start, four times as long as what is cut off."""


@dataclass(frozen=True)
class Convergence:
    """One measure of one policy after the first replications of a run, more and more of them."""

    scenario: Scenario
    policy: str
    measure: str
    replications: tuple[int, ...]
    estimates: tuple[Estimate, ...]
    """After so many of *replications*; a single one has no interval."""
    analytic: Answer | None


@dataclass(frozen=True)
class Start:
    """Mean net inventory from time 0 on, over replications; units, and time units."""

    scenario: Scenario
    policy: str
    edges: tuple[float, ...]
    """Of the stretches that it is averaged over, one more than there are of them."""
    means: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    """The t interval of each mean, at the scenario's confidence."""
    warmup: float
    """What the run cuts off."""


def convergence(
    scenario: Scenario,
    policy: str | None = None,
    measure: str = "fill_rate",
    *,
    replications: int | None = None,
    progress: Progress = lambda done, planned: None,
) -> Convergence:
    """Estimates of *measure* after 1, 2, ... of the *replications* of *policy*.

    The last is that of the whole run. Left out, they are as many as the scenario says. Raises
    InputError for an unknown policy or measure.
    """
    scenario = with_settings(scenario, None, replications, None, None)
    name = _known(scenario, policy)
    known = {each.name: each for each in scenario.measure_words() if not scenario.undefined(each)}
    if measure not in known:
        hint = near(measure, known)
        raise InputError(f"measure: expected a measure of the scenario{hint}, found {measure}")
    windows, planned = windows_of(scenario), _replications(scenario)
    refuse_endless(scenario, windows, planned)
    alone = scenario.model_copy(update={"policies": {name: scenario.policies[name]}})
    sample = Sample(alone, windows, scenario.simulation.seed)
    sample.extend(planned, progress)
    totals, confidence = sample.totals(name), scenario.simulation.confidence
    step = math.ceil(planned / MOST_PREFIXES)
    counts = sorted({*range(1, planned + 1, step), planned})
    estimates = tuple(
        estimate({key: each[:count] for key, each in totals.items()}, known[measure],
                 scenario, confidence)
        for count in counts
    )  # fmt: skip
    answer = derive(scenario, name).answers.get(measure)
    return Convergence(scenario, name, measure, tuple(counts), estimates, answer)


def start(scenario: Scenario, policy: str | None = None) -> Start:
    """Mean net inventory of *policy* from time 0 to four times the warm-up, or as far as ten
    demand periods or time units where nothing is cut off.

    Raises InputError for an unknown policy, and for a single replication.
    """
    name, replications = _known(scenario, policy), _replications(scenario)
    if replications < 2:
        raise InputError("replications: expected two or more for a mean over them, found one")
    warmup = windows_of(scenario).warmup
    one = getattr(scenario.demand, "every", 1.0)
    length = one * max(1, math.ceil(4 * warmup / one / BINS))
    windows = Windows(0.0, length, max(10, math.ceil(4 * warmup / length)))
    refuse_endless(scenario, windows, replications)
    engine = engine_of(Job.of(scenario, name, windows, scenario.simulation.seed))
    runs = [named(engine.run(number), scenario) for number in range(replications)]
    net = np.array([(run["area_on_hand"] - run["area_backorders"]) / run["time"] for run in runs])
    error = net.std(axis=0, ddof=1) / math.sqrt(replications)
    margin = t_quantile(scenario.simulation.confidence, replications) * error
    means = net.mean(axis=0)
    low, high = (tuple(map(float, means + sign * margin)) for sign in (-1, 1))
    edges = tuple(length * number for number in range(windows.count + 1))
    return Start(scenario, name, edges, tuple(map(float, means)), low, high, warmup)


def _known(scenario: Scenario, policy: str | None) -> str:
    names = list(scenario.policies)
    if policy is not None and policy not in names:
        hint = near(policy, names)
        raise InputError(f"policy: expected one of {', '.join(names)}{hint}, found {policy}")
    return policy or names[0]


def _replications(scenario: Scenario) -> int:
    return 1 if scenario.replayed else scenario.simulation.replications
