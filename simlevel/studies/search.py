"""The cheapest parameters where theory does not reach: searched and confirmed by simulation.

The search is over choices that all meet the same random numbers (common random numbers), so
that differences between them are much surer than each of them. A look at choices far apart says
which is the deepest bottom of the cost. With backorders, and Q or S - s held, every share of
service rises with the level without exception (under lost sales, as a rule), so that from there
the level is found by halves; Q or S - s is found from coarse to fine, by ever smaller factors on
ever more replications. Both take the cost to have one bottom thereabouts. Law, Simulation
Modeling and Analysis (5th ed., 2015), section 11.2, on common random numbers.

Of many choices whose estimates are around the target, the search takes one that looks good, and
some of that is luck: its own data cannot confirm it. So it ends with a fresh run, of a seed
spawned from the scenario's, that shares no draw with the search. A target is confirmed where
its whole interval is on the right side. Where it is not, the run is made four times as long and
looked at again; then a safer choice, searched for with a larger margin, has a fresh run of its
own. The first look is at the scenario's confidence, and each next one at half the error rate of
the one before. One side of an interval is wrong at half its error rate, and all those
halves sum to less than one error rate: so with at least the confidence of the scenario, what is
said to meet the targets does. Several targets need no more: all have to be confirmed, so
that one that is missed is enough to stop the claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from simlevel import words
from simlevel.draws import fresh_seed
from simlevel.engines.ledger import Windows
from simlevel.errors import InputError, Problem
from simlevel.estimation.estimate import Totals, estimate
from simlevel.model.fields import exact
from simlevel.model.grid import common
from simlevel.model.policy import SS
from simlevel.studies.bounds import deviation
from simlevel.studies.evaluate import (
    MAX_REPLICATIONS,
    Progress,
    Sample,
    expected_events,
    judged,
    refuse_endless,
    target_verdict,
    windows_of,
)
from simlevel.studies.result import PolicyResult, Run
from simlevel.studies.trials import Trials, choice
from simlevel.theory import catalogue
from simlevel.theory.catalogue import derive
from simlevel.theory.choices import nearest, parameters, shortfall
from simlevel.theory.floor import economic_lot
from simlevel.theory.refined import lattice_step
from simlevel.theory.task import Task, direction

SHARE, REST = 0.001, 0.01
"""Half-widths to confirm at: of a share, and of other targets beside their size."""
OF_FAILURES = 0.1
"""Nor is the half-width of a share above this part of the failures that its target allows."""
FACTORS = (2.0, 1.41, 1.19, 1.09, 1.04)
"""Q or S - s goes up and down by the first while that is cheaper, then by the next."""
FAR = 2
"""Times that Q or S - s is doubled and halved, to look where the best may lie; and deviations of
demand on either side of its mean, nearly."""
SKETCHED = 4
"""Replications that the points of a frontier are found on."""
STARTS = 2
"""Of those, how many the search goes down from."""
FIRST, MORE = 4, 2
"""Replications of the coarsest search, and how many times as many the next one has."""
MARGIN = 1.5
"""Half-widths of the confirming run that the search keeps from a target."""
FINEST = 10
"""Times as narrow as usual, at the most, where costs have to be told from those of a rival."""
ATTEMPTS = 4
"""Choices that are confirmed, or not, one safer than the other."""
MOST = 5e7
"""Events of a confirming run at most, before it is made longer."""
LONGER = 4
"""Times as long as that is a run that could not tell."""
FARTHEST = 2**20
"""Steps from 0 at which no level is looked for."""


class Confirmed(NamedTuple):
    """The choice that the search ends with, and what a fresh run says of it."""

    best: PolicyResult
    run: Run
    meets: bool
    how: str


def searched(
    task: Task, reason: str, precision: Mapping[str, float], progress: Progress
) -> Confirmed:
    """The cheapest choice that is confirmed to meet the targets; else the last one tried.

    *reason* is why theory does not reach; *precision* the half-widths to confirm at, by measure,
    where they are not to be the usual ones. Raises InputError for a record that is played once.
    """
    if task.scenario.replayed:
        raise InputError([Problem(
            "", 0, 0, "demand.resample",
            'expected "bootstrap", found "replay": a record played once has no second run that '
            "could confirm what is best on it",
        )])  # fmt: skip
    progress(0, FIRST)
    found = _Search(task, reason, precision, progress).run()
    assert isinstance(found, Confirmed)
    return found


def searched_up_to_r(
    task: Task, rival: float, precision: Mapping[str, float], progress: Progress
) -> Confirmed | str:
    """The same among those with Q, or S - s, of r at the most, where more than one order may be
    outstanding; or what the cheapest of them costs, where that is surely more than *rival*."""
    progress(0, FIRST)
    reason = "more than one order outstanding"
    return _Search(task, reason, precision, progress, rival).run()


def rising(task: Task, measure: str, services: Sequence[float]) -> list[Mapping[str, float]]:
    """Parameters that reach each of *services* about as cheaply as can be, none confirmed.

    Q or S - s is one of a few about the economic order quantity, from a third of it to three times.
    *task* has a target on *measure*.
    """
    search = _Search(task, "", {}, lambda done, planned: None)
    spans = [search.span]
    if task.held_span(search.step) is None:
        spans = sorted({max(round(search.span * 2 ** (k / 2)), 1) for k in range(-3, 4)})
    first = search.trials(SKETCHED, {measure: 0.0})
    ats = dict.fromkeys(spans, round(_mean(task) / float(search.step)))
    found: list[Mapping[str, float]] = []
    for asked in services:
        trials = replace(first, task=replace(task, targets={measure: asked}))  # the same totals
        worths = []
        for span in spans:
            line = search.line(span)
            ats[span] = at = line.best(trials, ats[span], 1)
            place = line.place(line.within(at))
            worths.append((trials.at(*place).worth, place))
        _, place = min(worths)
        found.append(parameters(task.policy.kind, search.step, *place) | dict(task.fix))
    return found


@dataclass(frozen=True)
class _Line:
    """Choices along one parameter, from *low* to *high* in steps; service rises along it."""

    place: Callable[[int], tuple[int, int]]
    """(span, level) of each."""
    low: int
    high: int
    guess: int
    is_of_levels: bool = True
    """Not of spans, at one level."""

    def within(self, at: int) -> int:
        return min(max(at, self.low), self.high)

    def best(self, trials: Trials, guess: int, stride: int) -> int:
        """The first from which on more does not help: by leaps from *guess*, then by halves."""
        low, high, at = self.low - 1, self.high, self.within(guess)
        while high - low > 1:
            up = at < high and self._more_helps(trials, at)
            low, high = (at, high) if up else (low, at)
            leap = at + stride if up else at - stride
            stride *= 2
            at = leap if low < leap < high else (low + high) // 2
        return high

    def _more_helps(self, trials: Trials, at: int) -> bool:
        here = trials.at(*self.place(at))
        if here.short and not here.over:
            return True
        if here.over and not here.short:
            return False
        return trials.at(*self.place(at + 1)).worth < here.worth


class _Search:
    """Spans and levels are in whole steps."""

    def __init__(
        self, task: Task, reason: str, precision: Mapping[str, float], progress: Progress,
        rival: float | None = None,
    ) -> None:  # fmt: skip
        self.rival = rival
        self.task, self.reason, self.progress = task, reason, progress
        self.precision = {name: _half_width(task, name) for name in task.targets} | dict(precision)
        self.least = max(task.scenario.simulation.replications, 2)
        self.step = _step(task)
        held = task.held_span(self.step)
        lot = economic_lot(task.scenario) or task.policy.batch
        self.span = max(round(lot / float(self.step)), 1) if held is None else held
        _, self.level = nearest(task.policy, self.step)
        self.spread = max(round(deviation(task.scenario, task.policy) / float(self.step) / 4), 1)
        line = self.line(self.span)
        first = line.place(line.within(line.guess))
        self.windows = windows_of(choice(task, self.step, *first))

    def run(self) -> Confirmed | str:
        margins = self._kept({name: MARGIN * self.precision[name] for name in self.task.targets})
        line, at = self._nearly(margins)
        trials = self.trials(FIRST * MORE ** len(FACTORS), margins)
        totals = trials.totals(*line.place(at))
        if self.rival is not None and not trials.at(*line.place(at)).worth[0]:
            confidence = self.task.scenario.simulation.confidence
            objective = words.measure(self.task.objective)
            found = estimate(totals, objective, self.task.scenario, confidence)
            if found.low is not None and found.low > self.rival:
                return f"the least of it is about {found.estimate:.4g}, at {self._named(line, at)}"
        needed, most = self._needed(totals), self._most(self.windows)
        wider = math.sqrt(max(needed / most, 1.0))
        margins = self._kept({name: wider * margin for name, margin in margins.items()})
        return self._confirmed(line, at, min(needed, most), margins)

    def _named(self, line: _Line, at: int) -> str:
        new = parameters(self.task.policy.kind, self.step, *line.place(at))
        return " and ".join(f"{key} {value:g}" for key, value in new.items())

    # --- the search ----------------------------------------------------------------------------

    def _nearly(self, margins: Mapping[str, float]) -> tuple[_Line, int]:
        """The line on which the best choice lies, and about where."""
        factors = FACTORS if self._both_open else ()
        stages = [self.trials(FIRST * MORE**n, margins) for n in range(len(factors) + 1)]
        starts = sorted(self._far_apart(stages[0]))[:STARTS]
        ends = [self._from(span, at, stages, factors) for _, span, at in starts]
        _, self.span, at = min(ends)
        return self.line(self.span), at

    def _far_apart(self, trials: Trials) -> Iterator[tuple[tuple[float, float], int, int]]:
        """The best of choices all over the place, by span: what it is worth, and its place on
        the line. Lumpy demand gives the cost of what is short several bottoms."""
        middle = _mean(self.task) / float(self.step)
        levels = [round(middle) + 2 * k * self.spread for k in range(-2 * FAR, 3 * FAR + 1)]
        spans = sorted({max(round(self.span * 2.0**k), 1) for k in range(-FAR, FAR + 1)})
        for span in spans if self._both_open else [self.span]:
            line = self.line(span)
            places = [line.guess, *(levels if line.is_of_levels else spans)]
            ats = dict.fromkeys(map(line.within, places))
            yield min((trials.at(*line.place(at)).worth, span, at) for at in ats)

    def _from(
        self, span: int, start: int, stages: Sequence[Trials], factors: Sequence[float]
    ) -> tuple[tuple[float, float], int, int]:
        """Down from one of them: what the end is worth, its span and its place on the line."""
        self.span, stride = span, self.spread
        line = self.line(span)
        at = line.best(stages[0], start, stride)
        if abs(at) == FARTHEST:
            raise InputError(
                f"expected parameters within {FARTHEST:,} steps of 0, found none that will do"
            )
        for factor, trials in zip(factors, stages[1:], strict=True):
            stride = max(stride // 2, 1)
            at = self._by(factor, trials, at, stride)
        return stages[-1].at(*self.line(self.span).place(at)).worth, self.span, at

    def _by(self, factor: float, trials: Trials, at: int, stride: int) -> int:
        """Moves the span by *factor* while that is better; the level that is best with it."""

        def best(span: int) -> tuple[tuple[float, float], int]:
            line = self.line(span)
            level = line.best(trials, at, stride)
            return trials.at(*line.place(level)).worth, level

        here, at = best(self.span)
        for up in (True, False):
            while self.span < FARTHEST:
                near = _moved(self.span, factor, up=up)
                there, level = best(near)
                if there >= here:
                    break
                self.span, here, at = near, there, level
        return at

    @property
    def _both_open(self) -> bool:
        held = self.task.held_span(self.step)
        return held is None and self.task.held_level(self.step, self.span) is None

    def line(self, span: int) -> _Line:
        """The choices of that *span*; those that are left where a level is held."""
        task, lowest = self.task, 0 if self.task.scenario.lost_sales else -FARTHEST
        if self.rival is not None:
            lowest = span
        level = task.held_level(self.step, span)
        if level is None:
            return _Line(lambda at: (span, at), lowest, FARTHEST, self.level)
        if task.held_span(self.step) is not None:
            return _Line(lambda at: (span, at), level, level, level)
        if "order_up_to" in task.fix:
            top = level + span
            lowest = lowest if self.rival is None else (top + 1) // 2
            return _Line(lambda at: (top - at, at), lowest, top - 1, self.level)
        most = FARTHEST if self.rival is None else max(level, 1)
        return _Line(lambda at: (at, level), 1, most, span, is_of_levels=False)

    def trials(self, replications: int, margins: Mapping[str, float]) -> Trials:
        return Trials(self.task, self.step, self.windows, replications, margins)

    # --- the fresh run -------------------------------------------------------------------------

    def _needed(self, totals: Totals) -> float:
        """Counted time, over all replications, that reaches the precision."""
        scenario, time = self.task.scenario, float(totals["time"].sum())
        more = 0.0
        for name in {self.task.objective, *self.precision}:
            confidence = scenario.simulation.confidence
            found = estimate(totals, words.measure(name), scenario, confidence)
            wanted = self.precision.get(name, REST * abs(found.estimate or 0.0))
            if name == self.task.objective and self.rival is not None and found.estimate:
                wanted = min(wanted, max(abs(found.estimate - self.rival) / 2, wanted / FINEST))
            if found.half_width and wanted:
                more = max(more, (found.half_width / wanted) ** 2)
        return more * time

    def _most(self, windows: Windows) -> float:
        """Counted time before a run is made longer."""
        events = expected_events(self.task.scenario, windows)
        return min(max(MOST / events, self.least), MAX_REPLICATIONS) * windows.length

    def _replications(self, time: float, windows: Windows) -> int:
        return max(math.ceil(time / windows.length), self.least)

    def _confirmed(
        self, line: _Line, at: int, time: float, margins: Mapping[str, float]
    ) -> Confirmed:
        """Ever safer choices, each with a fresh run of its own of about so much counted *time*,
        until one is confirmed."""
        replications = self._replications(time, self.windows)
        looks, tried, missing = 0, [at], dict[str, float]()
        for attempt in range(ATTEMPTS):
            best = line.best(self.trials(replications, margins), at, 1)
            at = line.within(_safer(best, at, missing) if attempt else best)
            if attempt and at == tried[-1]:
                break
            tried.append(at)
            sample = self._fresh(line.place(at), attempt)
            self._extend(sample, time)
            missing, looks = self._looked_at(sample, looks)
            if not missing:
                break
            more = {name: margins[name] + gap for name, gap in missing.items()}
            margins = self._kept({**margins, **more})
        name = self.task.policy_name
        result = judged(sample, {name: derive(sample.scenario, name)})
        assert result.run is not None
        how = self._how(result.run, len(tried) - 1, sorted(missing))
        return Confirmed(result.policies[name], result.run, not missing, how)

    def _fresh(self, place: tuple[int, int], attempt: int) -> Sample:
        """A sample of a seed that the search, and the attempts before, have not seen."""
        scenario = choice(self.task, self.step, *place)
        seed = fresh_seed(self.task.scenario.simulation.seed, attempt)
        settings = scenario.simulation.model_copy(update={"seed": seed})
        scenario = scenario.model_copy(update={"simulation": settings})
        return Sample(scenario, windows_of(scenario), seed)

    def _extend(self, sample: Sample, time: float) -> None:
        """To about so much counted time; farther, if the precision asks for it."""
        most = self._most(sample.windows)
        while len(sample) < (wanted := self._replications(min(time, most), sample.windows)):
            sample.extend(wanted, self.progress)
            time = self._needed(sample.totals(self.task.policy_name))

    def _looked_at(self, sample: Sample, looks: int) -> tuple[dict[str, float], int]:
        """Targets that are not confirmed, each with how far its interval is on the wrong side;
        and the looks that were taken so far."""
        missing, verdicts = self._missing(sample, looks)
        looks += 1
        if "cannot tell" in verdicts and "missed" not in verdicts:
            refuse_endless(sample.scenario, sample.windows, LONGER * len(sample))
            sample.extend(LONGER * len(sample), self.progress)
            missing, _ = self._missing(sample, looks)
            looks += 1
        return missing, looks

    def _missing(self, sample: Sample, looks: int) -> tuple[dict[str, float], set[str]]:
        scenario, totals = sample.scenario, sample.totals(self.task.policy_name)
        confidence = 1 - (1 - scenario.simulation.confidence) / 2**looks
        missing, verdicts = {}, set()
        for name, asked in self.task.targets.items():
            measure = words.measure(name)
            found = estimate(totals, measure, scenario, confidence)
            verdict = target_verdict(found, asked, at_least=measure.at_least)
            verdicts.add(verdict)
            if verdict != "met":
                end = found.low if measure.at_least else found.high
                missing[name] = 0.0 if end is None else shortfall(name, asked, end)
        return missing, verdicts

    def _kept(self, margins: Mapping[str, float]) -> dict[str, float]:
        """*margins* that leave a share something to reach."""
        targets = self.task.targets
        return {
            name: min(margin, (1 - targets[name]) / 2) if words.measure(name).is_share else margin
            for name, margin in margins.items()
        }

    def _how(self, run: Run, tried: int, missing: Sequence[str]) -> str:
        spans = "S - s" if isinstance(self.task.policy, SS) else "Q"
        near = f", {spans} to within {FACTORS[-1] - 1:.0%} or one step" if self._both_open else ""
        fresh = f"a fresh run of {run.replications} replications, seed {run.seed}"
        if missing:
            end = f"{fresh}, did not confirm {' and '.join(missing)}"
        else:
            end = f"{'confirmed' if self.task.targets else 'estimated'} by {fresh}"
        again = f"; {tried} choices were tried, each safer than the one before" if tried > 1 else ""
        return (
            f"by simulation ({self.reason}): searched on common random numbers in steps of "
            f"{float(self.step):g}{near}; {end}{again}; an estimate, not proved to be the cheapest"
        )


def _mean(task: Task) -> float:
    """Mean demand over L + R, or over L under continuous review."""
    time = task.scenario.lead_time.mean() + (task.policy.review_period or 0.0)
    return task.scenario.demand.units_per_time() * time


def _safer(best: int, at: int, missing: Iterable[str]) -> int:
    """*best*, but on the safe side of *at*, where the targets *missing* agree on which that is."""
    sides = {direction(name) for name in missing}
    if sides == {1}:
        return max(best, at + 1)
    return min(best, at - 1) if sides == {-1} else best


def _moved(span: int, factor: float, *, up: bool) -> int:
    if up:
        return max(round(span * factor), span + 1)
    return max(min(round(span / factor), span - 1), 1)


def _step(task: Task) -> Fraction:
    """What quantities are whole multiples of; for continuous demand a small part of one."""
    scenario, held = task.scenario, [exact(value) for value in task.fix.values()]
    if task.keeps_span:
        held.append(exact(task.policy.batch))
    if scenario.demand.amount.is_continuous:
        return lattice_step(scenario, held)
    multiples = (exact(getattr(task.policy, key, None) or 0) for key in catalogue.ROUNDED)
    return common([catalogue.step_of(scenario), *held, *multiples])


def _half_width(task: Task, name: str) -> float:
    """The half-width to confirm a target at."""
    asked = task.targets[name]
    if words.measure(name).is_share:
        return min(SHARE, OF_FAILURES * (1 - asked)) or SHARE
    return REST * (abs(asked) or deviation(task.scenario, task.policy))
