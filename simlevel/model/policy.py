"""When to order and how much: the three policies of a file, and a policy of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, Self, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.json_schema import SkipJsonSchema

from simlevel.model.fields import (
    Frozen,
    Number,
    Positive,
    PositiveDuration,
    as_number,
    exact,
    wrong,
)


class _Policy(Frozen):
    """What every policy answers."""

    review_period: PositiveDuration | None = Field(
        default=None, description="reviews at 0, R, 2R, ...; left out: continuous review"
    )

    @property
    def start_level(self) -> float:
        """Net inventory at time 0 unless the scenario says otherwise."""
        raise NotImplementedError

    @property
    def batch(self) -> float:
        """Units by which the position swings: Q, or S - s, or 0."""
        return 0.0

    @property
    def trigger(self) -> float:
        """The position at or below which an order is placed (below which, for base stock)."""
        raise NotImplementedError

    def at(self, trigger: float) -> Self:
        """The same policy with another trigger, its Q or S - s as it is."""
        raise NotImplementedError


class RQ(_Policy):
    """Orders the least multiple of Q that lifts the position above r, when at or below r."""

    kind: Literal["rQ"] = "rQ"
    reorder_point: Number = Field(description="r: order when the position is at or below it")
    order_quantity: Positive = Field(description="Q: each order is a multiple of it")

    @property
    def start_level(self) -> float:
        return as_number(exact(self.reorder_point) + exact(self.order_quantity))

    def at(self, trigger: float) -> Self:
        return self.model_copy(update={"reorder_point": trigger})

    @property
    def batch(self) -> float:
        return self.order_quantity

    @property
    def trigger(self) -> float:
        return self.reorder_point


class _OrderUpTo(_Policy):
    order_up_to: Number = Field(description="S: the position that an order lifts to")
    minimum_order: Positive | None = Field(default=None, description="least size of an order")
    order_multiple: Positive | None = Field(default=None, description="orders are multiples of it")

    @property
    def start_level(self) -> float:
        return self.order_up_to


class SS(_OrderUpTo):
    """Orders up to S when the position is at or below s."""

    kind: Literal["sS"] = "sS"
    reorder_point: Number = Field(description="s: order when the position is at or below it")

    @model_validator(mode="after")
    def _room_to_order(self) -> SS:
        if self.order_up_to <= self.reorder_point:
            expected = f"order_up_to above reorder_point = {self.reorder_point:g}"
            raise wrong(expected, self.order_up_to, "order_up_to")
        return self

    def at(self, trigger: float) -> Self:
        top = as_number(exact(trigger) + exact(self.batch))
        return self.model_copy(update={"reorder_point": trigger, "order_up_to": top})

    @property
    def batch(self) -> float:
        return as_number(exact(self.order_up_to) - exact(self.reorder_point))

    @property
    def trigger(self) -> float:
        return self.reorder_point


class BaseStock(_OrderUpTo):
    """Orders up to S whenever the position is below it."""

    kind: Literal["base_stock"] = "base_stock"

    def at(self, trigger: float) -> Self:
        return self.model_copy(update={"order_up_to": trigger})

    @property
    def trigger(self) -> float:
        return self.order_up_to


@dataclass(frozen=True, slots=True)
class State:
    """What a policy is shown at a review. Quantities in units, time in time units."""

    time: float
    on_hand: float
    backorders: float
    on_order: float

    @property
    def net_inventory(self) -> float:
        return self.on_hand - self.backorders

    @property
    def inventory_position(self) -> float:
        return self.net_inventory + self.on_order


class OrderRule(Protocol):
    """A policy of the user's own: one method."""

    def order(self, state: State) -> float:
        """Units to order now; 0 for none."""
        ...


class OwnPolicy(_Policy):
    """A policy that is a Python object with ``order(state)``; from the API only.

    ``start`` is the net inventory at time 0. The SimPy engine runs it; there is no formula.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    kind: Literal["own"] = "own"
    rule: Any = Field(exclude=True)
    start: Number

    @model_validator(mode="after")
    def _has_the_method(self) -> OwnPolicy:
        if not callable(getattr(self.rule, "order", None)):
            raise wrong("an object with a method order(state)", self.rule)
        return self

    @property
    def start_level(self) -> float:
        return self.start


Stocked: TypeAlias = RQ | SS | BaseStock
"""The policies that a file can hold, which order by the inventory position."""
POLICIES: dict[str, type[_Policy]] = {"rQ": RQ, "sS": SS, "base_stock": BaseStock}


def _tag(value: Any) -> str | None:
    if isinstance(value, _Policy):
        return str(value.kind)  # type: ignore[attr-defined]
    kind = value.get("kind") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and kind in POLICIES else None


Policy = Annotated[
    Annotated[RQ, Tag("rQ")]
    | Annotated[SS, Tag("sS")]
    | Annotated[BaseStock, Tag("base_stock")]
    | SkipJsonSchema[Annotated[OwnPolicy, Tag("own")]],
    Discriminator(_tag),
]
