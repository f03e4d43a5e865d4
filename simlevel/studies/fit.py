"""A demand and a lead-time model from records, and the scenario that they make."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic_core import PydanticCustomError

from simlevel import __version__, numbers
from simlevel.errors import InputError, Problem, near
from simlevel.fitting import lead_times as lead
from simlevel.fitting.candidates import CANDIDATES, FAMILIES
from simlevel.fitting.demand import Fitted
from simlevel.fitting.demand import fit as fit_demand
from simlevel.fitting.laws import shown
from simlevel.fitting.lead_times import FittedLeadTimes, fit_lead_times
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.distribution import Constant
from simlevel.model.fields import DURATION, TIME_UNITS, singular, target_value, units_in
from simlevel.model.lead_time import LeadTime
from simlevel.records import Column, column_of, read_table
from simlevel.scenario_file import table_text
from simlevel.studies.reorder_point import FillRates, Fittable, fill_rates, up_to
from simlevel.toml_file import quoted

CLOSE = 6.0
"""Models whose scores differ by less are not told apart: Kass and Raftery, Journal of the
American Statistical Association 90 (1995), 773-795, call more than that strong evidence."""
SAME = 0.02
"""Reorder points that differ by no more than this share, or by one unit, are the same."""
PERIODS_A_BATCH = 4
BINS = 24
TARGET = 0.95
T = TypeVar("T")


@dataclass(frozen=True)
class Contender:
    """The best model of one family."""

    family: str
    sizes: str | None
    """How sizes are drawn, where customers or periods with demand have one."""
    parameters: int
    log_likelihood: float | None
    score: float | None
    """None where the family does not apply."""
    reorder_point: float | None
    """At which the target is reached, with the order quantity and lead time of the scenario."""

    @property
    def name(self) -> str:
        family = self.family.replace("_", " ")
        return f"{family}, {(self.sizes or '').replace('_', ' ')} sizes" if self.sizes else family


@dataclass(frozen=True)
class Shares:
    """Shares of the periods, of the history and by the model."""

    none_recorded: float
    none_fitted: float
    """Without demand."""
    edges: tuple[float, ...]
    """Of bins as wide as one another, in units; from half a step to what was asked for at most."""
    recorded: tuple[float, ...]
    fitted: tuple[float, ...]


@dataclass(frozen=True)
class Fitting:
    """What `simlevel fit` found."""

    file: Path
    column: str
    every: str
    """The length of a period, as it was said."""
    time_unit: str
    period: float
    """Of a period, in time units."""
    demands: Fitted
    """Of this one history."""
    contenders: tuple[Contender, ...]
    """Lowest score first, those that do not apply last."""
    demand: Fittable
    lead_time: LeadTime
    lead_times: FittedLeadTimes | None
    """None where the lead time was given, or assumed."""
    lead_time_said: str
    """Where it comes from."""
    order_quantity: float
    target: float
    warnings: tuple[str, ...]
    said: tuple[str, ...]
    """How the files were read."""

    @property
    def chosen(self) -> Contender:
        family = self.demands.family[0]
        return next(each for each in self.contenders if each.family == family)

    @property
    def why(self) -> str:
        """Why it was chosen, in a sentence."""
        chosen, others = self.chosen, [each for each in self.contenders if each != self.chosen]
        if chosen.score is None or others[0].score is None:
            return f"{chosen.name}: no other family applies"
        apart = others[0].score - chosen.score
        if apart < 0:
            less = f"not told from {others[0].name}, whose score is {-apart:.1f} lower"
            return f"{chosen.name}: {less}, and taken before it"
        return f"{chosen.name}: the lowest score, {numbers.plain(apart, 1)} below {others[0].name}"

    def shares(self) -> Shares:
        """How often a period asks for how much."""
        history, grid = self.demands.history[0], float(self.demands.grid[0])
        width = math.ceil(float(history.max()) / grid / BINS) * grid
        count = math.ceil(float(history.max()) / width)
        edges = [grid / 2 + width * n for n in range(count + 1)]
        if self.chosen.family == "empirical":
            law = [float((history <= edge).mean()) for edge in edges]
        else:
            periodic = self.demands.demand(0, continuous=False)
            assert isinstance(periodic, PeriodicDemand)
            asked = periodic.probability
            law = (1 - asked + asked * up_to(periodic.quantity, np.array(edges))).tolist()
        seen = [float((history <= edge).mean()) for edge in edges]
        return Shares(
            seen[0], law[0], tuple(edges),
            tuple(np.diff(seen).tolist()), tuple(np.diff(law).tolist()),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The JSON document."""
        found = self.demands
        return {
            "schema": 1,
            "simlevel": __version__,
            "history": {
                "file": str(self.file), "column": self.column, "every": self.every,
                "periods": int(found.periods[0]), "periods_with_demand": int(found.demands[0]),
                "mean": float(found.mean[0]), "sd": math.sqrt(float(found.variance[0])),
                "mean_interval": float(found.interval[0]),
                "squared_cv_of_sizes": float(found.squared_cv[0]),
                "classification": str(found.classification[0]),
            },
            "families": [asdict(each) for each in self.contenders],
            "chosen": self.chosen.family,
            "why": self.why,
            "target": {"fill_rate": self.target},
            "lead_time": {
                "from": self.lead_time_said, "mean": self.lead_time.mean(),
                "sd": self.lead_time.distribution.sd(), "scores": self._lead_time_scores(),
            },
            "warnings": list(self.warnings),
            "scenario": self.scenario(),
        }  # fmt: skip

    def _lead_time_scores(self) -> dict[str, float] | None:
        if self.lead_times is None:
            return None
        pairs = zip(lead.CANDIDATES, self.lead_times.score[0].tolist(), strict=True)
        return {each.name: score for each, score in pairs if math.isfinite(score)}

    def scenario(self, folder: Path | None = None) -> str:
        """A whole scenario file, that stands in *folder* where a history is to be found."""
        level = self.chosen.reorder_point
        every, unit = self.every, singular(self.time_unit)
        return "\n".join([
            f"# Fitted by simlevel {__version__} to {_line(self.file.name)}, column "
            f"{_line(self.column)}: {int(self.demands.periods[0])} periods of {every}.",
            "# simlevel check looks for mistakes, simlevel run simulates.",
            "",
            f"name = {quoted(_line(f'{self.file.stem}, {self.column}')[:200])}",
            f'time_unit = {quoted(unit)}',
            'shortage = "backorder"      # or "lost_sales"',
            "",
            f"# {self.why}.",
            self._demand_text(folder),
            f"# {self.lead_time_said}",
            table_text("lead_time", self.lead_time),
            "# A start, to be edited: Q is the mean demand of some periods, r what a fill rate of",
            f"# {numbers.share(self.target)} takes with it.",
            "[policies.fitted]",
            'kind = "rQ"',
            f"reorder_point = {level!r}",
            f"order_quantity = {self.order_quantity!r}",
            "",
            "[targets]",
            f"fill_rate = {self.target!r}",
            "",
        ])  # fmt: skip

    def _demand_text(self, folder: Path | None) -> str:
        if folder is None or not isinstance(self.demand, HistoryDemand):
            return table_text("demand", self.demand)
        try:
            file = Path(os.path.relpath(self.file.resolve(), folder.resolve())).as_posix()
            named = HistoryDemand(file=file, column=self.column, every=self.demand.every)
        except ValueError:  # on another drive, or a name that no scenario can hold
            return table_text("demand", self.demand)
        return table_text("demand", named)


def _line(words: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in words)


def fit(
    history: str | Path,
    column: str | None = None,
    *,
    every: str | float = 1,
    lead_times: str | Path | None = None,
    lead_time_column: str | None = None,
    lead_time_unit: str | None = None,
    lead_time: str | float | None = None,
    targets: Mapping[str, object] | None = None,
) -> Fitting:
    """Fit models to the demand in a *column* of a file, a row a period of *every*.

    *column* may be left out where one column alone holds numbers. Lead times come from a column of
    another file, in *lead_time_unit* (days if left out), or are all *lead_time*; without either,
    one period is assumed. *targets* may say the ``fill_rate`` that reorder points are compared at,
    instead of 0.95.

    Raises InputError with every problem found; a history too short for a model is one.
    """
    problems: list[Problem] = []

    def tried(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except InputError as error:
            problems.extend(error.problems)
            return None

    record = tried(lambda: _column(Path(history), column, "--column"))
    span = tried(lambda: _span(every, "--every"))
    supply = (
        tried(lambda: _column(Path(lead_times), lead_time_column, "--lead-time-column"))
        if lead_times is not None
        else None
    )
    given = tried(lambda: _span(lead_time, "--lead-time")) if lead_time is not None else None
    if lead_times is not None and lead_time is not None:
        problems.append(Problem("", 0, 0, "--lead-time", "expected one of it and --lead-times"))
    if lead_time_unit is not None and lead_times is None:
        problems.append(Problem("", 0, 0, "--lead-time-unit", "expected --lead-times beside it"))
    unit = tried(lambda: _unit(lead_time_unit)) if lead_time_unit is not None else None
    target = tried(lambda: _target(targets or {}))
    if problems or record is None or span is None or target is None:
        raise InputError(problems)
    return _fitted(Path(history), record, span, supply, unit, given, target)


Named = tuple[str, Column]
Span = tuple[float, str | None]
"""How many of a unit of time; None where no unit was said."""


def _fitted(
    file: Path, record: Named, span: Span, supply: Named | None, unit: str | None,
    given: Span | None, target: float,
) -> Fitting:  # fmt: skip
    name, column = record
    found = fit_demand(np.array([column.values], dtype=float))
    if found.reason[0]:
        message = f"expected enough history to fit a model, found {found.reason[0]}"
        raise InputError([Problem(str(file), 0, 0, name, message)])
    source = _supply(supply, unit, given, span)
    time_unit = _time_unit(span, source.unit)
    period = _converted(span, time_unit, "--every")
    demand = found.demand(0, shown(period))
    lead_time, times = source.in_units(time_unit)
    whole = bool(found.grid[0] == 1)
    quantity = _order_quantity(demand, period, whole)
    rates = {
        family: fill_rates(found.demand(0, period, model=place), times, quantity)
        for family, place in _applying(found)
    }
    contenders = _contenders(found, rates, target, whole)
    best = next(each for each in contenders if each.family == found.family[0])
    warnings = [*source.warnings, *_undecided(best, contenders)]
    said = [each.said for each in (column, supply[1] if supply else None) if each and each.said]
    return Fitting(
        file, name, _spoken(span), time_unit, period, found, contenders, demand, lead_time,
        source.fitted, source.said, quantity, target, tuple(warnings), tuple(said),
    )  # fmt: skip


# --- what was said -----------------------------------------------------------------------------


def _column(file: Path, name: str | None, option: str) -> Named:
    """The column called *name*, or the only one that holds numbers of 0 or more alone."""
    table = read_table(file)
    if name is not None:
        return name.strip(), column_of(table, name)
    known = list(dict.fromkeys(each for each in table.header.cells if each))
    read: dict[str, Column] = {}
    refused: list[InputError] = []
    for each in known:
        try:
            read[each] = column_of(table, each)
        except InputError as error:
            refused.append(error)
    if len(read) == 1:
        return next(iter(read.items()))
    if len(known) == 1:
        raise refused[0]
    names = ", ".join(list(read or known)[:10])
    what = "several columns of numbers" if read else "no column of numbers of 0 or more alone"
    message = f"expected {option} to name the column, found {what}: {names}"
    raise InputError([Problem(str(file), 0, 0, "", message)])


def _span(said: str | float | None, option: str) -> Span:
    """ "2 weeks" or "week" as a number and a unit; a bare number has none."""
    words = str(said).strip()
    if re.fullmatch("[A-Za-z]+", words):
        words = f"1 {words}"
    found = re.fullmatch(DURATION, words)
    number = found[1] if found else words
    try:
        count = float(number)
    except ValueError:
        count = math.nan
    if not 0 < count < 1e9:
        message = f'expected a duration such as "1 week", found {_line(words)[:40] or "nothing"}'
        raise InputError([Problem("", 0, 0, option, message)])
    return count, _unit(found[2], option) if found else None


def _target(targets: Mapping[str, object]) -> float:
    if others := [name for name in targets if name != "fill_rate"]:
        hint = near(others[0], ["fill_rate"])
        raise InputError(
            [Problem("", 0, 0, "--target", f"expected fill_rate{hint}, found {others[0]}")]
        )
    value = targets.get("fill_rate", TARGET)
    try:
        share = target_value(value, "share", "fill_rate")
    except PydanticCustomError as error:
        raise InputError([Problem("", 0, 0, "--target", error.message())]) from None
    if share == 1:
        raise InputError([Problem("", 0, 0, "--target", "expected a share below 1, found 1")])
    return share


def _unit(said: str, option: str = "--lead-time-unit") -> str:
    unit = singular(said)
    if unit not in TIME_UNITS:
        known = ", ".join(TIME_UNITS)
        message = f"expected a unit of time: {known}{near(unit, TIME_UNITS)}, found {said}"
        raise InputError([Problem("", 0, 0, option, message)])
    return unit


def _spoken(span: Span) -> str:
    count, unit = span
    plural = "" if count == 1 else "s"
    return f"{numbers.short(count)} {unit or 'period'}{plural}"


def _time_unit(span: Span, other: str | None) -> str:
    """That of the lead times, as long as a period has a fixed length in it."""
    own = span[1]
    if own is None:
        return "period"
    return own if other is None or own in ("month", "year") else other


def _converted(span: Span, time_unit: str, option: str) -> float:
    count, unit = span
    factor = 1.0 if unit is None else units_in(unit, time_unit)
    if factor is None:
        message = 'expected --every to say the length of a period, such as "1 week", found none'
        raise InputError([Problem("", 0, 0, option, message)])
    return count * float(factor)


# --- the lead time -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Supply:
    """Lead times, in their own unit."""

    times: Sequence[float]
    unit: str | None
    fitted: FittedLeadTimes | None
    said: str
    warnings: tuple[str, ...] = ()

    def in_units(self, time_unit: str) -> tuple[LeadTime, Sequence[float]]:
        """The model and the times themselves."""
        factor = _converted((1.0, self.unit), time_unit, "--every")
        times = [time * factor for time in self.times]
        if self.fitted is None:
            return LeadTime(distribution=Constant(value=shown(times[0]))), times
        return self.fitted.lead_time(0, factor), times


def _supply(supply: Named | None, unit: str | None, given: Span | None, span: Span) -> _Supply:
    if supply is None and given is None:
        warning = f"no lead time was given: {_spoken(span)} is assumed"
        return _Supply([span[0]], span[1], None, "Assumed; --lead-time says it.", (warning,))
    if supply is None:
        assert given is not None
        return _Supply([given[0]], given[1] or span[1], None, "As given.")
    name, column = supply
    fitted = fit_lead_times(np.array([column.values], dtype=float))
    if fitted.reason[0]:
        message = f"expected enough lead times to fit a model, found {fitted.reason[0]}"
        raise InputError([Problem("", 0, 0, name, message)])
    model = lead.CANDIDATES[int(fitted.chosen[0])].name
    said = f"{model}: the lowest score, of {len(column.values)} records of {_line(name)}."
    unit = unit or ("day" if span[1] else None)
    return _Supply(column.values, unit, fitted, said)


# --- the reorder points --------------------------------------------------------------------------


def _place(found: Fitted, family: str) -> int:
    """The model that was chosen, or the best one of another *family*."""
    return int((found.chosen if found.family[0] == family else found.best_of(family))[0])


def _applying(found: Fitted) -> Iterator[tuple[str, int]]:
    for family in FAMILIES:
        place = _place(found, family)
        if place >= 0:
            yield family, place


def _order_quantity(demand: Fittable, period: float, whole: bool) -> float:
    """The mean demand of some periods, and at least twice what it passes the reorder point by."""
    size = demand.amount
    twice_below = size.variance() / size.mean() + size.mean()
    quantity = max(PERIODS_A_BATCH * demand.units_per_time() * period, twice_below)
    return _level(quantity, whole)


def _level(quantity: float, whole: bool) -> float:
    """Up to the next whole unit, where the history is in them."""
    return math.ceil(quantity - 1e-9) if whole else shown(float(f"{quantity:.4g}"))


def _contenders(
    found: Fitted, rates: dict[str, FillRates], target: float, whole: bool
) -> tuple[Contender, ...]:
    contenders = []
    for family in FAMILIES:
        if family not in rates:
            contenders.append(Contender(family, None, 0, None, None, None))
            continue
        place = _place(found, family)
        candidate, score = CANDIDATES[place], float(found.score[0, place])
        level = rates[family].reorder_point(target)
        contenders.append(
            Contender(
                family, candidate.size or None, candidate.parameters,
                float(found.log_likelihood[0, place]), score,
                _level(level, whole),
            )
        )  # fmt: skip
    return tuple(
        sorted(contenders, key=lambda each: math.inf if each.score is None else each.score)
    )


def _undecided(best: Contender, contenders: Sequence[Contender]) -> Iterator[str]:
    """Families that are about as likely as the chosen one and ask for another reorder point."""
    for other in contenders:
        if other is best or other.score is None or best.score is None:
            continue
        apart, one, two = other.score - best.score, best.reorder_point, other.reorder_point
        if apart >= CLOSE or one is None or two is None or abs(one - two) <= max(SAME * one, 1):
            continue
        yield (
            f"{best.name} and {other.name} are close (scores {best.score:.1f} and "
            f"{other.score:.1f}), but differ in the reorder point: "
            f"{numbers.short(one)} and {numbers.short(two)}"
        )
