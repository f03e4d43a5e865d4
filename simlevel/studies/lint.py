"""Legal things that are probably mistakes: what `simlevel check` says besides errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from simlevel import words
from simlevel.errors import near
from simlevel.estimation import window
from simlevel.model.distribution import Normal
from simlevel.model.fields import TIME_UNITS, singular
from simlevel.model.policy import RQ, Policy
from simlevel.model.scenario import Scenario


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


def _cut_normals(scenario: Scenario) -> Iterator[Finding]:
    for path, distribution in _distributions(scenario):
        if isinstance(distribution, Normal) and distribution.share_below_zero() > 0.01:
            yield Finding(
                path,
                f"{distribution.share_below_zero():.1%} of the normal draws fall below 0 and "
                "become 0, which lifts the mean from "
                f"{distribution.mean_:g} to {distribution.mean():.4g}",
                'dist = "gamma" with the same mean and sd stays above 0',
            )


def _low_reorder_points(scenario: Scenario) -> Iterator[Finding]:
    wanted = [name for name, value in scenario.targets.items() if _asks_for_stock(name, value)]
    for name, policy, rate, lead_time, review in _policies(scenario):
        covers, key = policy.trigger, _trigger_key(policy)
        over_lead_time, over_both = rate * lead_time, rate * (lead_time + review)
        if wanted and covers < over_lead_time:
            yield Finding(
                ("policies", name, key),
                f"{key} = {covers:g} is below the mean demand of a lead time, "
                f"{over_lead_time:.4g}, and {' and '.join(wanted)} is asked for",
                f"start from {over_both:.4g}, the mean demand of L{' + R' if review else ''}, "
                "and add safety stock",
            )
        elif review and over_lead_time <= covers < over_both:
            yield Finding(
                ("policies", name, key),
                f"{key} = {covers:g} covers the mean demand of a lead time, {over_lead_time:.4g}, "
                f"but not of L + R, {over_both:.4g}: nothing can be ordered between two reviews",
                f"start from {over_both:.4g} and add safety stock",
            )


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
        if cycles < 100:
            yield Finding(
                ("simulation", "horizon"),
                f"policy {name} ends about {cycles:.3g} replenishment cycles in all: too few to "
                "tell service levels apart",
                f'horizon = "auto", or at least {100 * cycle / settings.replications:.4g}',
            )


def _several_outstanding(scenario: Scenario) -> Iterator[Finding]:
    for name, policy in scenario.policies.items():
        if not scenario.lost_sales or not isinstance(policy, RQ):
            continue
        if policy.order_quantity <= policy.reorder_point:
            yield Finding(
                ("policies", name, "order_quantity"),
                f"order_quantity = {policy.order_quantity:g} against reorder_point = "
                f"{policy.reorder_point:g} lets more than one order be outstanding, and no "
                "lost-sales formula covers that",
                "the simulation is right; an order_quantity above reorder_point has a formula too",
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
    _percents, _cut_normals, _low_reorder_points, _short_runs, _several_outstanding,
    _ignored_settings, _odd_time_unit,
)  # fmt: skip


def _distributions(scenario: Scenario) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key in ("size", "quantity", "interarrival"):
        if (distribution := getattr(scenario.demand, key, None)) is not None:
            yield ("demand", key), distribution
    yield ("lead_time",), scenario.lead_time.distribution


def _policies(scenario: Scenario) -> Iterator[tuple[str, Policy, float, float, float]]:
    """(name, policy, units per time, mean lead time, review period or 0)."""
    rate, lead_time = scenario.demand.units_per_time(), scenario.lead_time.mean()
    for name, policy in scenario.policies.items():
        if policy.kind != "own":
            yield name, policy, rate, lead_time, policy.review_period or 0.0


def _trigger_key(policy: Policy) -> str:
    return "order_up_to" if policy.kind == "base_stock" else "reorder_point"
