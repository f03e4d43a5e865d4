"""How long an order takes, and whether orders may overtake one another."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from simlevel.model.distribution import TimeDistribution
from simlevel.model.fields import Frozen, Truth


class LeadTime(Frozen):
    """A distribution of time, drawn for each order."""

    distribution: TimeDistribution
    order_crossing: Truth = Field(
        default=True,
        description="false: an order arrives at the later of its own time and the previous one's",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_table(cls, data: Any) -> Any:
        """In a file the distribution's keys and order_crossing stand in one table."""
        if isinstance(data, dict) and not {"distribution"} <= set(data) <= set(cls.model_fields):
            crossing = {key: data[key] for key in ("order_crossing",) if key in data}
            return {"distribution": {k: v for k, v in data.items() if k not in crossing}} | crossing
        return data if isinstance(data, (dict, LeadTime)) else {"distribution": data}

    def mean(self) -> float:
        return self.distribution.mean()
