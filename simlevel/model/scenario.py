"""A whole scenario: what is asked, how stock is replenished, and how it is simulated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import (
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    Tag,
    ValidationError,
    model_validator,
)

from simlevel import words
from simlevel.errors import near
from simlevel.model.demand import Demand, HistoryDemand
from simlevel.model.fields import (
    Duration,
    DurationOrAuto,
    Frozen,
    Kind,
    NotNegative,
    Number,
    OpenShare,
    PositiveDurationOrAuto,
    PositiveWhole,
    ShareOrZero,
    Text,
    Whole,
    Words,
    one_of,
    shown,
    target_value,
    units_in,
    using_time_unit,
    wrong,
)
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import BaseStock, Policy

RECEIVE_REVIEW_DEMAND = ("receive", "review", "demand")
RECEIVE_DEMAND_REVIEW = ("receive", "demand", "review")


def _sequence(value: object) -> tuple[str, ...]:
    steps = tuple(value) if isinstance(value, (list, tuple)) else value
    if steps in (RECEIVE_REVIEW_DEMAND, RECEIVE_DEMAND_REVIEW):
        return tuple(steps)
    expected = '["receive", "review", "demand"] or ["receive", "demand", "review"]'
    listed = isinstance(value, list) and all(isinstance(step, str) for step in value) and value
    raise wrong(expected, Words(shown(json.dumps(value))) if listed else value)


class Clock(Frozen):
    """The order of events within one instant."""

    sequence: Annotated[
        tuple[str, ...],
        Kind(_sequence, {"enum": [list(RECEIVE_REVIEW_DEMAND), list(RECEIVE_DEMAND_REVIEW)]}),
    ] = Field(default=RECEIVE_REVIEW_DEMAND, description="what comes first at one instant")

    @property
    def demand_first(self) -> bool:
        """Reviews come after the demand of the instant."""
        return self.sequence == RECEIVE_DEMAND_REVIEW


class HoldingRate(Frozen):
    """A holding cost as a share of a unit's value per day, month, year, ..."""

    rate: ShareOrZero
    per: Text = Field(description="year, month, week, ...")
    unit_value: NotNegative


class Costs(Frozen):
    """Costs in money; each may be left out."""

    order: NotNegative = Field(default=0, description="per order placed")
    holding: Annotated[
        Annotated[NotNegative, Tag("number")] | Annotated[HoldingRate, Tag("table")],
        Discriminator(lambda v: "table" if isinstance(v, (dict, HoldingRate)) else "number"),
    ] = Field(default=0, description="per unit on hand per time unit; or rate, per, unit_value")
    backorder: NotNegative = Field(default=0, description="per unit backordered per time unit")
    shortage: NotNegative = Field(default=0, description="per unit not served at once")
    purchase: NotNegative = Field(default=0, description="per unit ordered")

    def holding_rate(self, time_unit: str) -> float:
        """Money per unit on hand per *time_unit*."""
        if not isinstance(self.holding, HoldingRate):
            return self.holding
        length = units_in(self.holding.per, time_unit)
        return self.holding.rate * self.holding.unit_value / float(length or 1)


class Measures(Frozen):
    """Measures that are computed only where asked for."""

    served_within: tuple[Duration, ...] = Field(
        default=(), max_length=20, description="waiting times W of the time-window fill rates"
    )


class Start(Frozen):
    """The state at time 0, where it is not a full shelf."""

    net_inventory: Number = Field(description="on hand less backorders at time 0")


class Simulation(Frozen):
    """How long and how often to simulate; what is left out is chosen, and printed."""

    horizon: PositiveDurationOrAuto = Field(
        default="auto", description="counted time of one replication"
    )
    warmup: DurationOrAuto = Field(default="auto", description="time before the counted window")
    replications: PositiveWhole = Field(default=20)
    seed: Whole = Field(default=1)
    confidence: OpenShare = Field(default=0.95, description="of every interval")


@dataclass(frozen=True)
class Origin:
    """Where a scenario was read from."""

    # Not compared: two files that say the same are the same scenario.
    file: str = field(compare=False)
    sha256: str | None = field(default=None, compare=False)
    said: tuple[str, ...] = field(default=(), compare=False)
    """What was recognised in the records that it names: a decimal comma, say."""
    text: str | None = field(default=None, compare=False, repr=False)
    """As it was written."""


class Scenario(Frozen):
    """One stocking point: demand, supply, the policies to compare, and what is asked of them.

    Durations are in ``time_unit``, or strings such as "4 days". Raises pydantic's
    ValidationError, which lists every problem.
    """

    name: Text = "Scenario"
    time_unit: Text = Field(default="day", description="unit of every bare duration and rate")
    shortage: Annotated[str, one_of("backorder", "lost_sales")] = "backorder"
    clock: Clock = Clock()
    demand: Demand
    lead_time: LeadTime
    policies: Annotated[dict[Text, Policy], Field(min_length=1, max_length=100)]
    start: Start | None = None
    costs: Costs | None = None
    targets: dict[str, Any] = Field(default={}, description="any measure, and its value")
    measures: Measures = Measures()
    simulation: Simulation = Simulation()
    _origin: Origin | None = PrivateAttr(default=None)

    def __hash__(self) -> int:
        return hash((self.name, self.time_unit, self.clock, self.demand, self.lead_time))

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Convert durations to the file's time unit, and check one section against another."""
        unit = data.get("time_unit") if isinstance(data, Mapping) else None
        with using_time_unit(unit if isinstance(unit, str) else "day"):
            scenario = handler(data)
            problems = [
                {"type": problem, "loc": path, "input": None}
                for path, problem in contradictions(scenario)
            ]
            if problems:
                raise ValidationError.from_exception_data(cls.__name__, problems)  # type: ignore[arg-type]
            scenario.targets.update(list(_targets(scenario)))
            return scenario

    @property
    def origin(self) -> Origin | None:
        """The file it came from, if any."""
        return self._origin

    @property
    def lost_sales(self) -> bool:
        return self.shortage == "lost_sales"

    @property
    def replayed(self) -> bool:
        """The demand is a record played once: one replication, no interval."""
        return isinstance(self.demand, HistoryDemand) and self.demand.replayed

    def start_level(self, policy: str) -> float:
        """Net inventory at time 0 under *policy*."""
        return self.start.net_inventory if self.start else self.policies[policy].start_level

    def measure_words(self) -> tuple[words.Measure, ...]:
        """Every measure of the contract, with the served-within measures that were asked for."""
        windows = tuple(words.served_within(w) for w in self.measures.served_within)
        return (*words.MEASURES.values(), *dict.fromkeys(windows))

    def undefined(self, measure: words.Measure) -> str | None:
        """Why *measure* is not defined here, or None where it is."""
        if "periodic" in measure.needs and self.demand and not self.demand.is_periodic:
            return "defined for periodic demand only"
        if "backorder" in measure.needs and self.shortage == "lost_sales":
            return "not defined under lost sales"
        if "costs" in measure.needs and self.costs is None:
            return "no [costs] are given"
        return None


def contradictions(scenario: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, error) wherever one section of *scenario* contradicts another.

    *scenario* may be any object with the attributes of a Scenario, each None where that
    section could not be read, so that a file's problems are found all at once.
    """
    if scenario.shortage == "lost_sales":
        for name, policy in (scenario.policies or {}).items():
            key = "order_up_to" if isinstance(policy, BaseStock) else "reorder_point"
            if getattr(policy, key, 0) < 0:
                yield ("policies", name, key), wrong("0 or more under lost sales", policy.trigger)
        if scenario.start and scenario.start.net_inventory < 0:
            yield (
                ("start", "net_inventory"),
                wrong("0 or more under lost sales", scenario.start.net_inventory),
            )
    holding = scenario.costs.holding if scenario.costs else None
    unit = scenario.time_unit
    if unit and isinstance(holding, HoldingRate) and units_in(holding.per, unit) is None:
        expected = f"a unit of time that converts to {unit!r}"
        yield ("costs", "holding", "per"), wrong(expected, holding.per)
    for name, value in (scenario.targets or {}).items():
        try:
            target(scenario, name, value)
        except ValueError as error:
            yield ("targets", name), error


def _targets(scenario: Scenario) -> Iterator[tuple[str, float]]:
    for name, value in scenario.targets.items():
        yield name, target(scenario, name, value)


def target(scenario: Any, name: str, value: object) -> float:
    """The value of a target as a file would say it; ValueError where it is none."""
    try:
        measure = words.measure(name)
    except KeyError:
        raise wrong(f"a measure{near(name, words.MEASURES)}", name) from None
    asked = scenario.measures.served_within if scenario.measures else None
    if name.startswith("served_within") and asked is not None:
        if measure not in map(words.served_within, asked):
            found = Words(", ".join(f"{within:g}" for within in asked) or "none")
            raise wrong("its waiting time in [measures] served_within", found)
    elif reason := Scenario.undefined(scenario, measure):
        raise wrong("a measure that this scenario has", Words(f"{name}: {reason}"))
    return target_value(value, measure.unit, measure.name)
