"""The distributions a scenario can name, with their exact moments; nothing is drawn here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from simlevel.model.fields import (
    AtLeastOne,
    Frozen,
    NotNegative,
    Positive,
    PositiveWhole,
    Ratio,
    Share,
    ShareOrZero,
    Text,
    Words,
    numbers_as_times,
    wrong,
)


class _Base(Frozen):
    """What every distribution answers. Units are those of the quantity or time it describes."""

    def mean(self) -> float:
        """Mean of what is drawn."""
        raise NotImplementedError

    def variance(self) -> float:
        """Variance of what is drawn, in squared units."""
        raise NotImplementedError

    def largest(self) -> float:
        """Largest value that can be drawn; inf where there is none."""
        return math.inf

    def smallest(self) -> float:
        """Smallest value that can be drawn."""
        return 0.0

    @property
    def values_drawn(self) -> Sequence[float] | None:
        """The values, where they are finitely many and listed; else None."""
        return None

    @property
    def is_whole(self) -> bool:
        """Only whole numbers are drawn."""
        values = self.values_drawn
        return values is not None and all(value == int(value) for value in values)

    @property
    def is_continuous(self) -> bool:
        return not self.is_whole and self.values_drawn is None

    def sd(self) -> float:
        return math.sqrt(self.variance())


class Constant(_Base):
    """Always the same value."""

    dist: Literal["constant"] = "constant"
    value: NotNegative

    def mean(self) -> float:
        return self.value

    def variance(self) -> float:
        return 0.0

    def largest(self) -> float:
        return self.value

    def smallest(self) -> float:
        return self.value

    @property
    def values_drawn(self) -> Sequence[float]:
        return (self.value,)


class Uniform(_Base):
    """Any real number between low and high alike; whole numbers use ``discrete``."""

    dist: Literal["uniform"] = "uniform"
    low: NotNegative
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low >= self.high:
            raise wrong(f"low below high = {self.high:g}", self.low, "low")
        return self

    def mean(self) -> float:
        return (self.low + self.high) / 2

    def variance(self) -> float:
        return (self.high - self.low) ** 2 / 12

    def largest(self) -> float:
        return self.high

    def smallest(self) -> float:
        return self.low


class _MeanAndSpread(_Base):
    """A distribution given by its mean and its sd or cv."""

    mean_: Positive = Field(alias="mean", description="mean, above 0")
    sd_: Positive | None = Field(default=None, alias="sd", description="standard deviation")
    cv: Ratio | None = Field(default=None, description="sd / mean, in place of sd")

    @model_validator(mode="after")
    def _one_spread(self) -> _MeanAndSpread:
        _exactly_one(self, "sd", "cv")
        return self

    def mean(self) -> float:
        return self.mean_

    def variance(self) -> float:
        return self.nominal_sd**2

    @property
    def nominal_sd(self) -> float:
        """The standard deviation that was typed, or cv x mean."""
        return self.sd_ if self.sd_ is not None else (self.cv or 0.0) * self.mean_


class Normal(_MeanAndSpread):
    """The normal distribution; a draw below 0 becomes 0, here and in the theory alike."""

    dist: Literal["normal"] = "normal"

    def share_below_zero(self) -> float:
        """Probability that the unclipped draw is negative."""
        return 0.5 * math.erfc(self.mean_ / self.nominal_sd / math.sqrt(2))

    def mean(self) -> float:
        """Mean after clipping: mu Phi(mu/sigma) + sigma phi(mu/sigma)."""
        m, s = self.mean_, self.nominal_sd
        return m * (1 - self.share_below_zero()) + s * _density(m / s)

    def variance(self) -> float:
        m, s = self.mean_, self.nominal_sd
        second = (m * m + s * s) * (1 - self.share_below_zero()) + m * s * _density(m / s)
        return max(second - self.mean() ** 2, 0.0)


class Gamma(_MeanAndSpread):
    """The gamma distribution."""

    dist: Literal["gamma"] = "gamma"


class Lognormal(_MeanAndSpread):
    """The lognormal distribution; mean and sd are those of the value, not of its logarithm."""

    dist: Literal["lognormal"] = "lognormal"


class Exponential(_Base):
    """The exponential distribution."""

    dist: Literal["exponential"] = "exponential"
    mean_: Positive = Field(alias="mean")

    def mean(self) -> float:
        return self.mean_

    def variance(self) -> float:
        return self.mean_**2


class Erlang(_Base):
    """The sum of k exponential stages alike."""

    dist: Literal["erlang"] = "erlang"
    mean_: Positive = Field(alias="mean", description="mean of the sum")
    k: PositiveWhole = Field(description="number of stages")

    def mean(self) -> float:
        return self.mean_

    def variance(self) -> float:
        return self.mean_**2 / self.k


class _Counts(_Base):
    """A distribution of whole numbers without an end."""

    @property
    def is_whole(self) -> bool:
        return True


class Poisson(_Counts):
    """The Poisson distribution: 0, 1, 2, ..."""

    dist: Literal["poisson"] = "poisson"
    mean_: Positive = Field(alias="mean")

    def mean(self) -> float:
        return self.mean_

    def variance(self) -> float:
        return self.mean_


class NegativeBinomial(_Counts):
    """The negative binomial: 0, 1, 2, ... with a variance above the mean."""

    dist: Literal["negative_binomial"] = "negative_binomial"
    mean_: Positive = Field(alias="mean")
    variance_: Ratio | None = Field(default=None, alias="variance")
    sd_: Positive | None = Field(default=None, alias="sd", description="in place of variance")
    cv: Ratio | None = Field(default=None, description="sd / mean, in place of variance")

    @model_validator(mode="after")
    def _overdispersed(self) -> NegativeBinomial:
        _exactly_one(self, "variance", "sd", "cv")
        if self.variance() <= self.mean_:
            given = {"variance": self.variance_, "sd": self.sd_, "cv": self.cv}
            raise wrong(
                f"a variance above the mean of {self.mean_:g} (a negative binomial has no other)",
                Words(f"{self.variance():.6g}"),
                next(key for key, value in given.items() if value is not None),
            )
        return self

    def mean(self) -> float:
        return self.mean_

    def variance(self) -> float:
        if self.variance_ is not None:
            return self.variance_
        sd = self.sd_ if self.sd_ is not None else (self.cv or 0.0) * self.mean_
        return sd**2


class Geometric(_Counts):
    """The geometric distribution on 1, 2, 3, ..."""

    dist: Literal["geometric"] = "geometric"
    mean_: AtLeastOne = Field(alias="mean")

    def mean(self) -> float:
        return self.mean_

    def variance(self) -> float:
        return self.mean_ * (self.mean_ - 1)

    def smallest(self) -> float:
        return 1.0


class Binomial(_Base):
    """Successes in n trials of probability p."""

    dist: Literal["binomial"] = "binomial"
    n: PositiveWhole
    p: Share

    def mean(self) -> float:
        return self.n * self.p

    def variance(self) -> float:
        return self.n * self.p * (1 - self.p)

    def largest(self) -> float:
        return self.n

    @property
    def is_whole(self) -> bool:
        return True


class _Listed(_Base):
    """A distribution whose values are listed."""

    def largest(self) -> float:
        return max(self.values_drawn or (0.0,))

    def smallest(self) -> float:
        return min(self.values_drawn or (0.0,))


class Discrete(_Listed):
    """Listed values with listed probabilities."""

    dist: Literal["discrete"] = "discrete"
    values: tuple[NotNegative, ...] = Field(min_length=1, max_length=100_000)
    probabilities: tuple[ShareOrZero, ...] = Field(min_length=1, max_length=100_000)

    @model_validator(mode="after")
    def _matched(self) -> Discrete:
        if len(self.values) != len(self.probabilities):
            raise wrong(
                f"as many probabilities as values ({len(self.values)})",
                len(self.probabilities), "probabilities",
            )  # fmt: skip
        total = math.fsum(self.probabilities)
        if abs(total - 1) > 1e-9:
            raise wrong("probabilities that sum to 1", Words(f"{total:.10g}"), "probabilities")
        return self

    def mean(self) -> float:
        return math.fsum(p * v for v, p in zip(self.values, self.probabilities, strict=True))

    def variance(self) -> float:
        mean = self.mean()
        return math.fsum(
            p * (v - mean) ** 2 for v, p in zip(self.values, self.probabilities, strict=True)
        )

    @property
    def values_drawn(self) -> Sequence[float]:
        return tuple(v for v, p in zip(self.values, self.probabilities, strict=True) if p > 0)


class Empirical(_Listed):
    """The values of a column of a file, each row alike; or values given here."""

    dist: Literal["empirical"] = "empirical"
    file: Text | None = Field(default=None, description="relative to the scenario")
    column: Text | None = None
    values: tuple[NotNegative, ...] | None = Field(
        default=None, min_length=1, max_length=1_000_000, description="in place of a file"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Empirical:
        if self.values is None and self.file is None:
            raise wrong("a file and a column, or values", Words("neither"))
        if self.file is not None and self.column is None:
            raise wrong("a column beside the file", Words("none"), "column")
        return self

    def mean(self) -> float:
        values = self.values_drawn
        return math.fsum(values) / len(values)

    def variance(self) -> float:
        mean, values = self.mean(), self.values_drawn
        return math.fsum((value - mean) ** 2 for value in values) / len(values)

    @property
    def values_drawn(self) -> Sequence[float]:
        if self.values is None:
            raise ValueError(f"the values of {self.file} have not been read")
        return self.values


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _exactly_one(model: Frozen, *keys: str) -> None:
    fields = {field.alias or name: name for name, field in type(model).model_fields.items()}
    given = [key for key in keys if getattr(model, fields[key]) is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none of them"
        raise wrong(f"exactly one of {', '.join(keys)}", Words(found))


DISTRIBUTIONS: dict[str, type[_Base]] = {
    model.model_fields["dist"].default: model
    for model in (
        Constant, Uniform, Normal, Gamma, Lognormal, Exponential, Erlang, Poisson,
        NegativeBinomial, Geometric, Binomial, Discrete, Empirical,
    )
}  # fmt: skip


def _tag(value: Any) -> str | None:
    if isinstance(value, _Base):
        return str(value.dist)  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return value.get("dist") if isinstance(value.get("dist"), str) else None
    return "number"


AnyDistribution: TypeAlias = (
    Constant | Uniform | Normal | Gamma | Lognormal | Exponential | Erlang | Poisson
    | NegativeBinomial | Geometric | Binomial | Discrete | Empirical
)  # fmt: skip

if TYPE_CHECKING:
    Distribution: TypeAlias = AnyDistribution
else:  # a number is taken too, and becomes a constant
    Distribution = Annotated[
        Union[
            *(Annotated[model, Tag(name)] for name, model in DISTRIBUTIONS.items()),
            Annotated[NotNegative, Tag("number")],
        ],
        Discriminator(_tag),
        AfterValidator(lambda value: value if isinstance(value, _Base) else Constant(value=value)),
    ]
"""A number, which is a constant, or a table with ``dist`` and its parameters."""


def _as_times(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    with numbers_as_times():
        return handler(value)


TimeDistribution = Annotated[Distribution, WrapValidator(_as_times)]
"""A distribution whose numbers are durations, which may be typed as "4 days"."""
