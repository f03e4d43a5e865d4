"""Who asks for how much and when: the four kinds of demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from simlevel.model.distribution import Constant, Distribution, Empirical, TimeDistribution
from simlevel.model.fields import (
    Frozen,
    NotNegative,
    Positive,
    PositiveDuration,
    Share,
    Text,
    Words,
    one_of,
    wrong,
)


class _Demand(Frozen):
    """What every kind of demand answers."""

    def customers_per_time(self) -> float:
        """Customers per time unit in the long run, draws of 0 included."""
        raise NotImplementedError

    @property
    def amount(self) -> Distribution:
        """Units that one customer asks for, before any pattern."""
        raise NotImplementedError

    def mean_factor(self) -> float:
        """Mean of the pattern; 1 without one."""
        return 1.0

    def units_per_time(self) -> float:
        """Units asked for per time unit in the long run."""
        return self.customers_per_time() * self.amount.mean() * self.mean_factor()

    @property
    def is_periodic(self) -> bool:
        return isinstance(self, (PeriodicDemand, HistoryDemand))

    @property
    def is_whole(self) -> bool:
        """Customers ask for whole units only."""
        return self.amount.is_whole

    @model_validator(mode="after")
    def _somebody_asks(self) -> _Demand:
        if not isinstance(self, HistoryDemand) and self.amount.mean() <= 0:
            key = "quantity" if isinstance(self, PeriodicDemand) else "size"
            raise wrong("a mean quantity above 0", Words("0"), key)
        return self


class PoissonDemand(_Demand):
    """Customers arrive one by one as a Poisson stream."""

    kind: Literal["poisson"] = "poisson"
    rate: Positive = Field(description="customers per time unit")
    size: Distribution = Field(default=Constant(value=1), description="units per customer")

    def customers_per_time(self) -> float:
        return self.rate

    @property
    def amount(self) -> Distribution:
        return self.size


class RenewalDemand(_Demand):
    """Customers arrive one by one, with independent times between them; the first gap too."""

    kind: Literal["renewal"] = "renewal"
    interarrival: TimeDistribution = Field(description="time between customers")
    size: Distribution = Field(default=Constant(value=1), description="units per customer")

    def customers_per_time(self) -> float:
        return 1 / self.interarrival.mean()

    @property
    def amount(self) -> Distribution:
        return self.size

    @model_validator(mode="after")
    def _time_passes(self) -> RenewalDemand:
        if self.interarrival.mean() <= 0:
            raise wrong("a mean time between customers above 0", Words("0"), "interarrival")
        return self


class _EveryPeriod(_Demand):
    """Demand at 0, every, 2 every, ...; a pattern of factors may repeat over the periods."""

    every: PositiveDuration = Field(default=1, description="length of a demand period")
    pattern: Annotated[tuple[NotNegative, ...], Field(min_length=1, max_length=10_000)] | None = (
        Field(default=None, description="factors on the drawn quantity, repeated")
    )

    def mean_factor(self) -> float:
        return sum(self.pattern) / len(self.pattern) if self.pattern else 1.0

    @model_validator(mode="after")
    def _pattern_lets_demand_through(self) -> _EveryPeriod:
        if self.pattern and not any(self.pattern):
            raise wrong("a pattern with a factor above 0", Words("zeros only"), "pattern")
        return self


class PeriodicDemand(_EveryPeriod):
    """One customer a period, with a given probability, asks for a draw of quantity."""

    kind: Literal["periodic"] = "periodic"
    quantity: Distribution = Field(description="units asked for in a period")
    probability: Share = Field(default=1, description="that anybody asks in a period")

    def customers_per_time(self) -> float:
        return self.probability / self.every

    @property
    def amount(self) -> Distribution:
        return self.quantity


class HistoryDemand(_EveryPeriod):
    """Periods drawn from a record of demand, or the record played once."""

    kind: Literal["history"] = "history"
    file: Text | None = Field(default=None, description="relative to the scenario")
    column: Text | None = None
    values: tuple[NotNegative, ...] | None = Field(
        default=None, min_length=1, max_length=1_000_000, description="in place of a file"
    )
    resample: Annotated[Literal["bootstrap", "replay"], one_of("bootstrap", "replay")] = "bootstrap"

    @model_validator(mode="after")
    def _one_source(self) -> HistoryDemand:
        if self.file is None and self.values is None:
            raise wrong("a file and a column, or values", Words("neither"))
        if self.file is not None and self.column is None:
            raise wrong("a column beside the file", Words("none"), "column")
        if self.values is not None and not any(self.values):
            key = "file" if self.file else "values"
            raise wrong("a history in which somebody asks for something", Words("zeros only"), key)
        return self

    @property
    def history(self) -> Sequence[float]:
        """The record, a row a period. Raises ValueError before it has been read."""
        if self.values is None:
            raise ValueError(f"the values of {self.file} have not been read")
        return self.values

    @property
    def replayed(self) -> bool:
        return self.resample == "replay"

    def customers_per_time(self) -> float:
        return 1 / self.every

    @property
    def amount(self) -> Distribution:
        return Empirical(values=tuple(self.history))


DEMANDS: dict[str, type[_Demand]] = {
    "poisson": PoissonDemand, "renewal": RenewalDemand,
    "periodic": PeriodicDemand, "history": HistoryDemand,
}  # fmt: skip


def _tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in DEMANDS else None


Demand = Annotated[
    Annotated[PoissonDemand, Tag("poisson")]
    | Annotated[RenewalDemand, Tag("renewal")]
    | Annotated[PeriodicDemand, Tag("periodic")]
    | Annotated[HistoryDemand, Tag("history")],
    Discriminator(_tag),
]
