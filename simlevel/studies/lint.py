"""Legal things that are probably mistakes: what `simlevel check` says besides errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from simlevel import words
from simlevel.errors import near
from simlevel.estimation import window
from simlevel.model.demand import HistoryDemand, PeriodicDemand
from simlevel.model.distribution import Normal
from simlevel.model.fields import TIME_UNITS, singular, units_in
from simlevel.model.policy import RQ, SS, Policy
from simlevel.model.scenario import HoldingRate, Scenario
from simlevel.studies import bounds

FEW = 30
"""Failures below which an interval is wide beside the share that fails, and may be too narrow."""


@dataclass(frozen=True)
class Finding:
    """One probable mistake: where, why, and what to write instead."""

    path: tuple[str, ...]
    why: str
    instead: str

    def __str__(self) -> str:
        return f"{self.why}; {self.instead}"


def findings(scenario: Scenario) -> Iterator[Finding]:
    """Everything in *scenario* that is legal and probably not meant."""
    for lint in _LINTS:
        yield from lint(scenario)


def _percents(scenario: Scenario) -> Iterator[Finding]:
    for path, distribution in _distributions(scenario):
        cv = getattr(distribution, "cv", None)
        if cv is not None and cv > 3:
            yield Finding(
                (*path, "cv"),
                f"cv = {cv:g} is a standard deviation of {cv:g} times the mean",
                f"for {cv:g} % write {cv / 100:g}",
            )
    confidence = scenario.simulation.confidence
    if confidence < 0.5:
        yield Finding(
            ("simulation", "confidence"),
            f"confidence = {confidence:g} gives intervals that are wrong more often than right",
            f"for an error rate of {confidence:g} write {1 - confidence:g}",
        )
    for name, value in scenario.targets.items():
        if words.measure(name).is_share and value < 0.2:
            yield Finding(
                ("targets", name),
                f"{name} = {value:g} is met where {1 - value:.4g} of all goes wrong",
                f'for a risk of {value:g} write {1 - value:.6g}; 98 in 100 are 0.98 or "98%"',
            )


def _holding_rates(scenario: Scenario) -> Iterator[Finding]:
    holding = scenario.costs.holding if scenario.costs else 0
    if not isinstance(holding, HoldingRate):
        return
    a_year = holding.rate * float(units_in("year", holding.per) or 0)
    if a_year > 2:
        yield Finding(
            ("costs", "holding", "per"),
            f"{holding.rate:.4g} of the value per {singular(holding.per)} is {a_year:.3g} times "
            "the value in a year",
            'a rate is usually meant per = "year"; it is converted',
        )


def _other_time_units(scenario: Scenario) -> Iterator[Finding]:
    """An sd beyond belief. One number does not tell over which time it was taken, nor can an sd
    that is too small be told from a calm demand."""
    for path, distribution in _distributions(scenario):
        if _too_wide(path, distribution):
            mean, sd = distribution.mean_, distribution.sd_
            of_time = path[-1] in ("lead_time", "interarrival")
            yield Finding(
                (*path, "sd"),
                f"sd = {sd:g} is {sd / mean:.3g} times the mean, {mean:g}: perhaps of another "
                "unit or period of time than the mean",
                f"write both in {scenario.time_unit}s, or the spread as cv"
                if of_time
                else "write both for one draw: the sd of n periods is sqrt(n) times that of one",
            )


def _too_wide(path: tuple[str, ...], distribution: Any) -> bool:
    sd = getattr(distribution, "sd_", None)
    most = 1 if isinstance(distribution, Normal) or path == ("lead_time",) else 3
    return sd is not None and sd > most * distribution.mean_


def _cut_normals(scenario: Scenario) -> Iterator[Finding]:
    for path, distribution in _distributions(scenario):
        if not isinstance(distribution, Normal) or _too_wide(path, distribution):
            continue
        if distribution.share_below_zero() > 0.01:
            yield Finding(
                path,
                f"{distribution.share_below_zero():.1%} of the normal draws fall below 0 and "
                "become 0, which lifts the mean from "
                f"{distribution.mean_:g} to {distribution.mean():.4g}",
                'dist = "gamma" with the same mean and sd stays above 0',
            )


def _low_reorder_points(scenario: Scenario) -> Iterator[Finding]:
    for name, policy, over_lead_time, over_both in _policies(scenario):
        covers, key, review = policy.trigger, _trigger_key(policy), policy.review_period
        wanted, free = _wanted(scenario, policy, over_lead_time)
        if wanted and covers < over_lead_time:
            yield Finding(
                ("policies", name, key),
                f"{key} = {covers:g} is below the mean demand of a lead time, "
                f"{over_lead_time:.4g}, and {' and '.join(wanted)} is asked for",
                f"start from {over_both:.4g}, the mean demand of L{' + R' if review else ''}, "
                "and add safety stock",
            )
        elif review and over_lead_time <= covers < over_both and (wanted or not free):
            yield Finding(
                ("policies", name, key),
                f"{key} = {covers:g} covers the mean demand of a lead time, {over_lead_time:.4g}, "
                f"but not of L + R, {over_both:.4g}: nothing can be ordered between two reviews",
                f"start from {over_both:.4g} and add safety stock",
            )


def _no_safety_stock(scenario: Scenario) -> Iterator[Finding]:
    for name, policy, over_lead_time, mean in _policies(scenario):
        key, varies = _trigger_key(policy), bounds.deviation(scenario, policy)
        wanted, _ = _wanted(scenario, policy, over_lead_time)
        if wanted and varies and 0 < mean <= policy.trigger <= 1.02 * mean:
            yield Finding(
                ("policies", name, key),
                f"{key} = {policy.trigger:g} covers the mean demand of "
                f"L{' + R' if policy.review_period else ''}, {mean:.4g}, and nothing more, and "
                f"{' and '.join(wanted)} is asked for: about half the time demand is higher",
                "add safety stock, a multiple of the standard deviation of that demand",
            )


def _wanted(
    scenario: Scenario, policy: Policy, over_lead_time: float
) -> tuple[list[str], list[str]]:
    """Targets that ask for stock; and those that so large a Q, or S - s, meets without."""
    asked = [name for name, value in scenario.targets.items() if _asks_for_stock(name, value)]
    large = bounds.rough_fill_rate(scenario, policy, over_lead_time)
    free = [name for name in asked if name == "fill_rate" and scenario.targets[name] <= large]
    return [name for name in asked if name not in free], free


def _asks_for_stock(target: str, value: float) -> bool:
    """Most customers are to be served at once; a promise with a wait can be kept without."""
    return words.measure(target).is_share and value >= 0.5 and "within" not in target


def _short_runs(scenario: Scenario) -> Iterator[Finding]:
    settings = scenario.simulation
    if scenario.replayed or settings.horizon == "auto":
        return
    for name, policy in scenario.policies.items():
        cycle = window.mean_cycle(scenario, policy)
        cycles = settings.horizon * settings.replications / cycle
        if round(cycles, 6) < 100:
            yield Finding(
                ("simulation", "horizon"),
                f"policy {name} ends about {cycles:.3g} replenishment cycles in all: too few to "
                "tell service levels apart",
                f'horizon = "auto", or at least {_up(100 * cycle / settings.replications):g}',
            )


def _few_failures(scenario: Scenario) -> Iterator[Finding]:
    """The run is too short for how rare a failure is at the target."""
    if scenario.replayed:
        return
    length = window.horizon(scenario) * scenario.simulation.replications
    for name, policy in scenario.policies.items():
        for target, value in scenario.targets.items():
            chances = _chances(scenario, policy, target) * length
            failures = (1 - value) * chances
            if 0 < round(failures, 6) < FEW:
                longer = _up(window.horizon(scenario) * FEW / failures)
                more = math.ceil(scenario.simulation.replications * FEW / failures)
                yield Finding(
                    ("targets", target),
                    f"at {target} = {value:g} policy {name} fails about {failures:.2g} times in "
                    "the whole run: too few to tell met from missed",
                    f"horizon = {longer:g} or more, or replications = {more} or more",
                )


def _up(value: float) -> float:
    """*value* in two digits, and no less."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit - 1e-9) * unit


def _chances(scenario: Scenario, policy: Policy, target: str) -> float:
    """Chances to fail *target* per time unit: cycles, periods, or, for fill_rate, units over
    those that one stockout fails, which are taken as one deviation of demand in L + R."""
    demand = scenario.demand
    if target == "cycle_service_level":
        return 1 / window.mean_cycle(scenario, policy)
    if target in ("period_service_level", "in_stock_at_period_end"):
        return 1 / demand.every if isinstance(demand, (PeriodicDemand, HistoryDemand)) else 0.0
    if target == "fill_rate":
        return demand.units_per_time() / (bounds.deviation(scenario, policy) + 1)
    return 0.0


def _several_outstanding(scenario: Scenario) -> Iterator[Finding]:
    for name, policy in scenario.policies.items():
        if not scenario.lost_sales or not isinstance(policy, (RQ, SS)) or policy.review_period:
            continue
        if policy.batch <= policy.reorder_point:
            key = "order_quantity" if isinstance(policy, RQ) else "order_up_to"
            size = key if isinstance(policy, RQ) else "order_up_to less reorder_point"
            yield Finding(
                ("policies", name, key),
                f"{size} = {policy.batch:g} against reorder_point = {policy.reorder_point:g} lets "
                "more than one order be outstanding, and no lost-sales formula covers that",
                f"the simulation is right; above {policy.reorder_point:g} there is a formula too",
            )


def _small_quantities(scenario: Scenario) -> Iterator[Finding]:
    for name, policy in scenario.policies.items():
        if not isinstance(policy, RQ):
            continue
        below = bounds.mean_undershoot(scenario, policy)
        if policy.order_quantity < below:
            yield Finding(
                ("policies", name, "order_quantity"),
                f"order_quantity = {policy.order_quantity:g} is less than the {below:.3g} units "
                "by which demand passes the reorder point in the mean before an order is placed: "
                "most orders are of several multiples",
                'if it is a pack size, write kind = "sS" with order_up_to; if all that is ordered, '
                f"at least {2 * below:.4g}",
            )


def _fill_rates_for_free(scenario: Scenario) -> Iterator[Finding]:
    asked = scenario.targets.get("fill_rate")
    for name, policy in scenario.policies.items():
        reached = bounds.least_fill_rate(scenario, policy)
        if asked is not None and asked <= reached:
            yield Finding(
                ("targets", "fill_rate"),
                f"policy {name} orders so much at once that it reaches {reached:.4g} with any "
                f"reorder_point of 0 or more: fill_rate = {asked:g} cannot be missed, and sets no "
                "reorder point",
                "ask for more, or for a cycle_service_level",
            )


def _promises_for_free(scenario: Scenario) -> Iterator[Finding]:
    """Where the position is never below 0 after a review, all that is owed has been ordered."""
    for name, policy in scenario.policies.items():
        if scenario.lost_sales or policy.kind == "own" or policy.trigger < 0:
            continue
        longest = scenario.lead_time.distribution.largest() + (policy.review_period or 0.0)
        for within in scenario.measures.served_within:
            target = words.served_within(within).name
            if target in scenario.targets and within >= longest:
                yield Finding(
                    ("targets", target),
                    f"policy {name} lets nobody wait longer than {longest:g}, the longest "
                    f"L{' + R' if policy.review_period else ''}: {target} is always 1",
                    f"ask for a wait shorter than {longest:g}",
                )


def _ignored_settings(scenario: Scenario) -> Iterator[Finding]:
    for key in ("horizon", "warmup", "replications"):
        if scenario.replayed and key in scenario.simulation.model_fields_set:
            yield Finding(
                ("simulation", key),
                f'{key} has no effect: resample = "replay" plays the record once, from its start',
                'leave it out, or write resample = "bootstrap"',
            )


def _odd_time_unit(scenario: Scenario) -> Iterator[Finding]:
    unit = singular(scenario.time_unit)
    if unit not in TIME_UNITS and (hint := near(unit, TIME_UNITS)):
        yield Finding(
            ("time_unit",),
            f"{scenario.time_unit!r} is no unit of time that can be converted{hint}",
            f"write one of {', '.join(TIME_UNITS)}",
        )


_LINTS: tuple[Callable[[Scenario], Iterator[Finding]], ...] = (
    _percents, _holding_rates, _other_time_units, _cut_normals, _low_reorder_points,
    _no_safety_stock, _short_runs, _few_failures, _several_outstanding, _small_quantities,
    _fill_rates_for_free, _promises_for_free, _ignored_settings, _odd_time_unit,
)  # fmt: skip


def _distributions(scenario: Scenario) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key in ("size", "quantity", "interarrival"):
        if (distribution := getattr(scenario.demand, key, None)) is not None:
            yield ("demand", key), distribution
    yield ("lead_time",), scenario.lead_time.distribution


def _policies(scenario: Scenario) -> Iterator[tuple[str, Policy, float, float]]:
    """(name, policy, mean demand that an order has to cover in L, and in L + R)."""
    demand, lead_time = scenario.demand, scenario.lead_time.mean()
    rate = demand.units_per_time()
    for name, policy in scenario.policies.items():
        if policy.kind == "own":
            continue
        review = policy.review_period or 0.0
        seen = 0.0  # with demand before review, an order has one demand instant fewer to cover
        if review and scenario.clock.demand_first:
            seen = rate * float(getattr(demand, "every", 0))
        yield name, policy, rate * lead_time - seen, rate * (lead_time + review) - seen


def _trigger_key(policy: Policy) -> str:
    return "order_up_to" if policy.kind == "base_stock" else "reorder_point"
