"""From expected totals per time unit to measures: every measure is a ratio of two totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simlevel import words
from simlevel.model.scenario import Costs, Scenario
from simlevel.theory.answer import Answer

TINY = 1e-14
"""A rate below this share of the demand rate is rounding, not something that happens."""


@dataclass(frozen=True)
class Model:
    """The model that a value comes from."""

    formula: str
    source: str
    exact: bool = True

    def answer(self, value: float) -> Answer:
        return Answer(float(value), self.formula, self.exact, self.source)


def answers(per_time: Mapping[str, float], scenario: Scenario, model: Model) -> dict[str, Answer]:
    """Every measure of *scenario* that *per_time* reaches; see :func:`measured`."""
    return {name: model.answer(value) for name, value in measured(per_time, scenario).items()}


def measured(per_time: Mapping[str, float], scenario: Scenario) -> dict[str, float]:
    """Every measure of *scenario* that *per_time* reaches, by name.

    *per_time* holds expected totals per time unit by their names in ``words.TOTALS``, in units
    and time units of the scenario. A total that is not known is left out, and with it the
    measures that need it; so is a measure whose denominator is 0: it is never observed. Shares
    are between 0 and 1, stocks in units, waits in time units.

    >>> case = Scenario.model_validate({
    ...     "demand": {"kind": "poisson", "rate": 5}, "lead_time": 4,
    ...     "policies": {"one": {"kind": "base_stock", "order_up_to": 20}}})
    >>> found = measured({"units_demanded": 5, "units_from_shelf": 4, "area_on_hand": 30}, case)
    >>> found["fill_rate"], found["mean_on_hand"], found["inventory_cover"]  # 4/5, 30/1, 30/5
    (0.8, 30.0, 6.0)
    """
    known = {"time": 1.0, **per_time}
    never = _late(scenario) if scenario.lost_sales else ["units_lost"]
    known |= dict.fromkeys(never, 0.0)
    found = {
        measure.name: _ratio(measure, known)
        for measure in scenario.measure_words()
        if measure.numerator and not scenario.undefined(measure)
    }
    if scenario.costs is not None:
        found |= costs(known, scenario.costs, scenario)
    return {name: value for name, value in found.items() if value is not None}


def _late(scenario: Scenario) -> list[str]:
    """Totals of late deliveries, of which lost sales have none, and backorders."""
    windows = map(words.served_within, scenario.measures.served_within)
    return ["area_backorders", *(window.numerator[-1][1] for window in windows)]


def _ratio(measure: words.Measure, known: Mapping[str, float]) -> float | None:
    if any(total not in known for total in measure.totals):
        return None
    below = known[measure.denominator]
    if below <= TINY * known.get("units_demanded", 0.0):
        return None
    value = sum(weight * known[total] for weight, total in measure.numerator) / below
    return min(max(value, 0.0), 1.0) if measure.is_share else value


def costs(known: Mapping[str, float], money: Costs, scenario: Scenario) -> dict[str, float | None]:
    """Cost per time unit by measure name; None where a total that it needs is not known.

    holding x on hand + order x orders + backorder x backorders + shortage x units not served at
    once + purchase x units ordered, each total a mean per time unit; exact where the totals are.
    """
    holding = money.holding_rate(scenario.time_unit)
    parts = {
        "holding_cost": _charge(known, holding, "area_on_hand"),
        "order_cost": _charge(known, money.order, "orders"),
        "backorder_cost": _charge(known, money.backorder, "area_backorders"),
        "shortage_cost": _charge(known, money.shortage, "units_demanded", "units_from_shelf"),
        "purchase_cost": _charge(known, money.purchase, "units_ordered"),
    }
    priced = [value for value in parts.values() if value is not None]
    whole = sum(priced) if len(priced) == len(parts) else None
    found = {"cost_per_time": whole, **parts}
    return {name: v for name, v in found.items() if not scenario.undefined(words.MEASURES[name])}


def _charge(
    known: Mapping[str, float], price: float, total: str, less: str | None = None
) -> float | None:
    """*price* x (*total* - *less*); 0 at no price, whether known or not."""
    if not price:
        return 0.0
    if total not in known or (less and less not in known):
        return None
    return price * (known[total] - (known[less] if less else 0.0))
