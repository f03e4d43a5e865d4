"""What a portfolio file says: which tables, which column is what, and what is asked of whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PrivateAttr, Tag, ValidationError, model_validator

from simlevel.model.fields import (
    DurationOrColumn,
    Frozen,
    Label,
    NotNegative,
    NotNegativeOrColumn,
    NumberOrColumn,
    OpenShare,
    Positive,
    PositiveDuration,
    PositiveOrColumn,
    PositiveWhole,
    Share,
    ShareOrZero,
    Text,
    Whole,
    Words,
    one_of,
    singular,
    units_in,
    using_time_unit,
    wrong,
)
from simlevel.model.scenario import Origin
from simlevel.periods import BadPeriodError, Periods

FAMILIES = ("normal", "gamma", "poisson", "negative_binomial")
"""Shapes of demand that is given by its moments."""


def _by_shape(value: Any) -> str:
    return "table" if isinstance(value, (dict, Frozen)) else "number"


class Column(Frozen):
    """A number that stands in a column of the items table."""

    column: Text


class TimeColumn(Frozen):
    """A duration in a column, and the unit that it is in."""

    column: Text
    unit: Text = Field(description="day, week, month, year, ...; 365.25 days are a year")


class HoldingColumn(Frozen):
    """A holding cost a unit in a column, or a share of the unit's value."""

    column: Text | None = None
    rate: ShareOrZero | None = None
    per: Text = Field(description="year, month, week, ...")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.rate is None):
            raise wrong("a column, or a rate", Words("both" if self.column else "neither"))
        return self


Amount = Annotated[
    Annotated[NotNegativeOrColumn, Tag("number")] | Annotated[Column, Tag("table")],
    Discriminator(_by_shape),
]
Level = Annotated[
    Annotated[NumberOrColumn, Tag("number")] | Annotated[Column, Tag("table")],
    Discriminator(_by_shape),
]
Quantity = Annotated[
    Annotated[PositiveOrColumn, Tag("number")] | Annotated[Column, Tag("table")],
    Discriminator(_by_shape),
]
Family = Annotated[
    Annotated[str, one_of(*FAMILIES), Tag("number")] | Annotated[Column, Tag("table")],
    Discriminator(_by_shape),
]
Time = Annotated[
    Annotated[DurationOrColumn, Tag("number")] | Annotated[TimeColumn, Tag("table")],
    Discriminator(_by_shape),
]
Holding = Annotated[
    Annotated[NotNegativeOrColumn, Tag("number")] | Annotated[HoldingColumn, Tag("table")],
    Discriminator(_by_shape),
]


class Items(Frozen):
    """The table with one row an item."""

    file: Text = Field(description="CSV, xlsx or Parquet, relative to the portfolio file")
    name: Text = Field(description="the column that names the item")
    lead_time: Time | None = Field(
        default=None, description="of every order of the item, where [lead_times] has no records"
    )
    unit_value: Amount | None = Field(default=None, description="money a unit")
    minimum_order: Quantity | None = Field(default=None, description="least size of an order")
    order_multiple: Quantity | None = Field(default=None, description="orders are multiples of it")


class MomentsDemand(Frozen):
    """Demand by the moments that the items table gives, where there is no record."""

    family: Family = Field(description="normal, gamma, poisson or negative_binomial")
    mean: Amount = Field(description="units asked for in a time unit, or per another one")
    sd: Amount | None = Field(default=None, description="deviation of the same; not of Poisson")
    per: Text | None = Field(default=None, description="day, week, month, year, ...")


class History(Frozen):
    """The table of what was asked for, period by period; a period is one time unit."""

    file: Text = Field(description="CSV, xlsx or Parquet, relative to the portfolio file")
    layout: Annotated[str, one_of("long", "wide")] = Field(
        default="long", description="a row an item and period, or a row an item"
    )
    item: Text = Field(description="the column that names the item")
    period: Text | None = Field(
        default=None, description="long: the column of the period, its number or its date"
    )
    quantity: Text | None = Field(default=None, description="long: the column of the units")
    first: Label = Field(description="the first period of the record, or its column")
    last: Label = Field(description="the last period of the record, or its column")
    leave_out: Annotated[tuple[Label, ...], Field(max_length=10_000)] = Field(
        default=(), description="periods that are not to be believed"
    )
    missing: Annotated[str, one_of("zero", "unknown")] = Field(
        default="zero", description="what an item and period that has no entry stands for"
    )
    returns: Annotated[str, one_of("net", "drop", "keep")] = Field(
        default="net",
        description="entries below 0: taken off the demand before them; left out; or taken off "
        "that of their period, and put back on the shelf in the back-test",
    )

    @model_validator(mode="after")
    def _columns_of_layout(self) -> Self:
        for key in ("period", "quantity"):
            given = getattr(self, key)
            if self.layout == "long" and given is None:
                raise wrong(
                    f"the name of a column, as [history] is long: {key}", Words("none"), key
                )
            if self.layout == "wide" and given is not None:
                raise wrong("no such key, as each period is a column here", given, key)
        return self


class LeadTimeRecords(Frozen):
    """The table of how long orders took, one row an order: a lead time is fitted to each item."""

    file: Text = Field(description="CSV, xlsx or Parquet, relative to the portfolio file")
    item: Text = Field(description="the column that names the item")
    lead_time: TimeColumn = Field(description="from order to receipt")


class Present(Frozen):
    """The settings in use."""

    reorder_point: Level
    order_up_to: Level | None = Field(default=None, description="equal: base stock; above: (s, S)")
    order_quantity: Quantity | None = Field(default=None, description="makes it (r, Q)")
    review_period: PositiveDuration | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.order_up_to is None) == (self.order_quantity is None):
            found = Words("neither" if self.order_up_to is None else "both")
            raise wrong("order_up_to or order_quantity", found)
        return self


class Proposed(Frozen):
    """The kind of settings to look for."""

    kind: Annotated[Literal["rQ", "sS", "base_stock"], one_of("rQ", "sS", "base_stock")] = "sS"
    order_quantity: Quantity | None = Field(default=None, description="not chosen, but held")
    review_period: PositiveDuration | None = None


class PortfolioCosts(Frozen):
    """Costs in money; each may be left out."""

    order: Amount = Field(default=0, description="per order placed")
    holding: Holding = Field(default=0, description="per unit on hand per time unit")
    backorder: Amount = Field(default=0, description="per unit backordered per time unit")


class Rule(Frozen):
    """Items by a number of theirs."""

    column: Text
    at_least: NotNegative | None = None
    at_most: NotNegative | None = None
    equals: Label | None = Field(default=None, description='a text, a whole number, or "true"')

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        bounds = (self.at_least, self.at_most)
        if (self.equals is None) == (bounds == (None, None)):
            raise wrong("at_least, at_most, or equals", Words("neither" if self.equals is None
                                                              else "both"))  # fmt: skip
        return self


class ServiceClass(Frozen):
    """Items that are asked for the same service; the first class that fits an item is its own."""

    where: Rule | None = Field(default=None, description="by a column of the items table")
    value_up_to: Share | None = Field(
        default=None, description="ABC: the items that make up this share of the yearly value"
    )
    variability_up_to: Positive | None = Field(
        default=None, description="XYZ: deviation of the demand of a period, by its mean"
    )
    cycle_service_level: OpenShare | None = Field(default=None, description="Type I")
    fill_rate: OpenShare | None = Field(default=None, description="Type II")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.cycle_service_level is None) == (self.fill_rate is None):
            found = Words("neither" if self.fill_rate is None else "both")
            raise wrong("a target, cycle_service_level or fill_rate", found)
        return self

    @property
    def target(self) -> tuple[str, float]:
        """The measure and what is asked of it."""
        if self.fill_rate is not None:
            return "fill_rate", self.fill_rate
        assert self.cycle_service_level is not None
        return "cycle_service_level", self.cycle_service_level

    @property
    def takes_all(self) -> bool:
        return not (self.where or self.value_up_to or self.variability_up_to)


class Backtest(Frozen):
    """How the record is parted into what is fitted and what is replayed."""

    periods: PositiveWhole | None = Field(
        default=None, description="held out at the end; left out: a third of the record"
    )


class Verify(Frozen):
    """How many of the settings proposed are simulated."""

    wrong_share: OpenShare = Field(
        default=0.01, description="share of wrong settings that is not to go unnoticed"
    )
    error_rate: OpenShare = Field(
        default=0.05, description="chance that so many do, as none of them is in the sample"
    )


class System(Frozen):
    """What is asked of all items together, for the mix of levels that reaches it with least."""

    fill_rate: OpenShare | None = Field(
        default=None, description="left out: what the items' own targets come to"
    )
    weight: Annotated[Literal["unit", "line", "value"], one_of("unit", "line", "value")] | None = (
        Field(default=None, description="of an item; left out: value, or unit without unit_value")
    )


class Portfolio(Frozen):
    """Many items at one stocking point, each with its own demand, lead time and target.

    Raises pydantic's ValidationError, which lists every problem.
    """

    name: Text = "Portfolio"
    time_unit: Text = Field(default="month", description="unit of every bare duration and rate")
    items: Items
    history: History | None = None
    demand: MomentsDemand | None = None
    lead_times: LeadTimeRecords | None = None
    present: Present | None = None
    proposed: Proposed = Proposed()
    costs: PortfolioCosts | None = None
    classes: Annotated[dict[Text, ServiceClass], Field(min_length=1, max_length=100)]
    backtest: Backtest = Backtest()
    verify: Verify = Verify()
    seed: Whole = Field(default=1, description="of all random numbers")
    system: System = System()
    _origin: Origin | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, handler: Any) -> Self:
        """Convert durations to the file's time unit, and check one section against another."""
        unit = data.get("time_unit", "month") if isinstance(data, dict) else "month"
        with using_time_unit(unit if isinstance(unit, str) else "month"):
            portfolio: Self = handler(data)
            problems = [
                {"type": problem, "loc": path, "input": None}
                for path, problem in contradictions(portfolio)
            ]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)  # type: ignore[arg-type]
        return portfolio

    @property
    def origin(self) -> Origin | None:
        """The file it came from, if any."""
        return self._origin


def contradictions(portfolio: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(path, error) wherever one section contradicts another.

    *portfolio* may be any object with the attributes of a Portfolio, each false where that
    section could not be read, and None where it is not there.
    """
    items, costs, classes = portfolio.items, portfolio.costs, portfolio.classes or {}
    lead_times = portfolio.lead_times
    if items and items.lead_time is None and lead_times is None:
        expected = "a lead time, here or from the records of a table [lead_times]"
        yield ("items", "lead_time"), wrong(expected, Words("none"))
    yield from _demand_is_known_once(portfolio)
    if portfolio.history and portfolio.time_unit:
        yield from _periods_are_there(portfolio.history, portfolio.time_unit)
    if (kind := portfolio.proposed) and kind.kind == "base_stock" and kind.order_quantity:
        found = Words("order_quantity")
        yield ("proposed", "order_quantity"), wrong("no such key beside base_stock", found)
    for name in ("present", "proposed"):
        review = getattr(getattr(portfolio, name), "review_period", None)
        if portfolio.history and review is not None and review % 1:
            yield (name, "review_period"), wrong("a whole number of the record's periods", review)
    for path, table, key in (
        (("demand",), portfolio.demand, "per"),
        (("items", "lead_time"), items and items.lead_time, "unit"),
        (("lead_times", "lead_time"), lead_times and lead_times.lead_time, "unit"),
        (("costs", "holding"), costs and costs.holding, "per"),
    ):
        unit = getattr(table, key, None)
        if unit and portfolio.time_unit and units_in(unit, portfolio.time_unit) is None:
            expected = f"a unit of time that converts to {portfolio.time_unit!r}"
            yield (*path, key), wrong(expected, unit)
    by_value: list[tuple[str, ...]] = [
        ("classes", name, "value_up_to")
        for name, each in classes.items() if each.value_up_to is not None
    ]  # fmt: skip
    if portfolio.system and portfolio.system.weight == "value":
        by_value.append(("system", "weight"))
    if costs and getattr(costs.holding, "rate", None) is not None:
        by_value.append(("costs", "holding", "rate"))
    if items and items.unit_value is None:
        for keys in by_value:
            yield keys, wrong("a unit_value in [items] beside it", Words("none"))
    for name in list(classes)[:-1]:
        if classes[name].takes_all:
            expected = "where, value_up_to or variability_up_to, as other classes follow"
            yield ("classes", name), wrong(expected, Words("none"))


def _periods_are_there(
    history: History, time_unit: str
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    try:
        periods = Periods.between(history.first, history.last, singular(time_unit))
    except BadPeriodError as error:
        yield ("history", error.key), wrong(error.expected, Words(error.found))
        return
    expected = f"{periods.form} from {history.first} to {history.last}"
    for number, label in enumerate(history.leave_out):
        if periods.inside(label) is None:
            yield ("history", "leave_out", number), wrong(expected, Words(label))


def _demand_is_known_once(portfolio: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    history, demand, proposed = portfolio.history, portfolio.demand, portfolio.proposed
    if (history is None) == (demand is None):
        found = Words("neither" if history is None else "both")
        yield ("history",), wrong("a table [history] or a table [demand]", found)
    if not demand:
        return
    beside = "as [demand] gives moments alone"
    if proposed and proposed.kind != "rQ":
        yield ("proposed", "kind"), wrong(f"rQ, {beside}", proposed.kind)
    if getattr(portfolio.present, "order_up_to", None) is not None:
        path = ("present", "order_up_to")
        yield path, wrong(f"order_quantity in its place, {beside}", Words("order_up_to"))
    for name, table in (("present", portfolio.present), ("proposed", proposed)):
        if getattr(table, "review_period", None) is not None:
            yield (name, "review_period"), wrong(f"no such key, {beside}", table.review_period)
    if portfolio.lead_times:
        yield ("lead_times",), wrong(f"no such table, {beside}", Words("one"))
    if getattr(demand.family, "column", demand.family) not in ("poisson",) and demand.sd is None:
        yield ("demand", "sd"), wrong("sd beside mean, a number or a column", Words("none"))
