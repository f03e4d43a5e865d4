"""The whole trade-off: cost and stock against service, for each kind of policy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from simlevel import words
from simlevel.errors import InputError, near
from simlevel.model.policy import RQ, SS, BaseStock, OwnPolicy
from simlevel.model.scenario import Scenario
from simlevel.studies.evaluate import with_targets
from simlevel.studies.optimize import fixed, known_policy
from simlevel.studies.result import scenario_dict
from simlevel.theory import catalogue
from simlevel.theory.choices import changed
from simlevel.theory.optimal import optima

ASKED = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999)
"""Service that each kind of policy is asked for, as cheaply as can be."""
COLUMNS = (
    "kind", "policy", "reorder_point", "order_quantity", "order_up_to", "service",
    "cost_per_time", "mean_on_hand", "next_point_costs",
)  # fmt: skip
SAME = 1e-9
"""Services that differ by less are one point."""


@dataclass(frozen=True)
class Point:
    """One choice of parameters, on the frontier or in the file."""

    parameters: Mapping[str, float]
    service: float
    cost: float | None
    """Per time unit; None without costs."""
    on_hand: float
    price: float | None = None
    """Of one percentage point more service, on the way to the next point: cost per time unit,
    or units on hand without costs."""

    @property
    def worth(self) -> float:
        """What is spent on the service."""
        return self.on_hand if self.cost is None else self.cost


@dataclass(frozen=True)
class Frontier:
    """The cheapest points by kind of policy, and where the file's policies lie."""

    scenario: Scenario
    measure: str
    kinds: Mapping[str, tuple[Point, ...]]
    policies: Mapping[str, Point]
    left_out: Mapping[str, str]
    """Kinds and policies without a place, and why."""

    def over(self, name: str) -> float | None:
        """What a policy of the file costs more than the cheapest of its kind that serves as
        well; None where no point of the frontier does."""
        point = self.policies[name]
        kind = self.scenario.policies[name].kind
        better = [p.worth for p in self.kinds.get(kind, ()) if p.service >= point.service - SAME]
        return point.worth - min(better) if better else None

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The tidy table; columns are COLUMNS. ``policy`` names those of the file."""
        for kind, points in self.kinds.items():
            for point in points:
                yield _row(kind, None, point)
        for name, point in self.policies.items():
            yield _row(self.scenario.policies[name].kind, name, point)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document."""
        return scenario_dict(self.scenario) | {
            "measure": self.measure,
            "kinds": {kind: [asdict(point) for point in points]
                      for kind, points in self.kinds.items()},
            "policies": {name: asdict(point) | {"above_frontier": self.over(name)}
                         for name, point in self.policies.items()},
            "left_out": dict(self.left_out),
        }  # fmt: skip


def _row(kind: str, name: str | None, point: Point) -> tuple[Any, ...]:
    keys = ("reorder_point", "order_quantity", "order_up_to")
    levels = (point.parameters.get(key) for key in keys)
    return (kind, name, *levels, point.service, point.cost, point.on_hand, point.price)


def frontier(
    scenario: Scenario,
    policy: str | None = None,
    targets: Mapping[str, object] | None = None,
    fix: Mapping[str, object] | None = None,
) -> Frontier:
    """The cheapest of each kind of policy at rising service, where theory is exact.

    Service is the first share among the targets, else the fill rate; other targets are not
    asked for. Kinds are those of the file with the review period of *policy* (the first one);
    without costs Q, and S - s, are its own. *fix* holds parameters where a kind has them.
    Raises InputError for one that none has, and where theory covers no kind.
    """
    name = known_policy(scenario, policy or next(iter(scenario.policies)))
    scenario = with_targets(scenario, targets)
    measure = _service(scenario)
    kinds, left_out, templates = {}, {}, _templates(scenario, name)
    known = {key for each in templates.values() for key in type(each).model_fields} - {"kind"}
    if unknown := sorted(set(fix or {}) - known):
        hint = near(unknown[0], sorted(known))
        raise InputError(
            f"--fix: expected one of {', '.join(sorted(known))}{hint}, found {unknown[0]}"
        )
    for kind, template in templates.items():
        points = _points(scenario, name, template, measure, fix or {})
        if isinstance(points, str):
            left_out[kind] = points
        else:
            kinds[kind] = points
    if not kinds:
        reason = next(iter(left_out.values()))
        raise InputError(f"--frontier: expected a scenario that theory covers, found: {reason}")
    places = {}
    for each, its in scenario.policies.items():
        point = None if isinstance(its, OwnPolicy) else _point(scenario, each, {}, measure)
        if point is None:
            left_out[each] = "no exact value"
        else:
            places[each] = point
    return Frontier(scenario, measure, kinds, places, left_out)


def _service(scenario: Scenario) -> str:
    shares = [name for name in scenario.targets if words.measure(name).is_share]
    return shares[0] if shares else "fill_rate"


def _templates(scenario: Scenario, name: str) -> dict[str, RQ | SS | BaseStock]:
    """A policy of each kind, reviewed like the one called *name*."""
    policy = scenario.policies[name]
    batches = (each.batch for each in (policy, *scenario.policies.values()) if each.batch)
    batch, review = next(batches, 1.0), policy.review_period
    made: dict[str, RQ | SS | BaseStock] = {
        "rQ": RQ(reorder_point=0, order_quantity=batch, review_period=review),
        "sS": SS(reorder_point=0, order_up_to=batch, review_period=review),
        "base_stock": BaseStock(order_up_to=0, review_period=review),
    }
    assert isinstance(policy, (RQ, SS, BaseStock))
    return made | {policy.kind: policy}


def _points(
    scenario: Scenario, name: str, template: RQ | SS | BaseStock, measure: str,
    fix: Mapping[str, object],
) -> tuple[Point, ...] | str:  # fmt: skip
    if scenario.lost_sales and scenario.demand.is_periodic and template.batch:
        return "a Markov chain for each of its points would take minutes"
    alone = scenario.model_copy(update={"policies": {name: template}, "targets": {}})
    known = {key: value for key, value in fix.items() if key in type(template).model_fields}
    alone, held = fixed(alone, name, known)
    if scenario.costs is None and isinstance(template, RQ):
        held.setdefault("order_quantity", template.order_quantity)
    points: list[Point] = []
    for found in optima(alone, name, ({measure: asked} for asked in ASKED), held):
        if isinstance(found, str):
            return found
        point = _point(alone, name, found.parameters, measure)
        new = not points or (point and point.service > points[-1].service + SAME)
        if found.meets and point is not None and new:
            points.append(point)
    return tuple(_priced(points))


def _point(
    scenario: Scenario, name: str, parameters: Mapping[str, float], measure: str
) -> Point | None:
    alone = changed(scenario, name, parameters)
    answers = catalogue.exactly(alone, name)
    if isinstance(answers, str) or measure not in answers:
        return None
    policy = alone.policies[name].model_dump(exclude_none=True)
    shown = {key: policy[key] for key in policy if key in COLUMNS and key != "kind"}
    cost = answers["cost_per_time"].value if "cost_per_time" in answers else None
    return Point(shown, answers[measure].value, cost, answers["mean_on_hand"].value)


def _priced(points: list[Point]) -> Iterator[Point]:
    for here, there in itertools.pairwise(points):
        gain = 100 * (there.service - here.service)
        yield replace(here, price=(there.worth - here.worth) / gain)
    yield from points[-1:]
