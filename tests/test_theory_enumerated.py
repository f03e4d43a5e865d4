"""Exact answers against a Markov chain that walks the rules of the contract step by step.

The chain knows nothing of positions less demand: its state is net inventory and each order
that is outstanding, and its totals are added up as an engine adds them up.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import pytest

from simlevel.model.scenario import Scenario
from simlevel.theory.catalogue import derive

RDR = {"sequence": ["receive", "demand", "review"]}
SIZES = {0: 0.3, 1: 0.4, 3: 0.3}
QUANTITY = {"dist": "discrete", "values": list(SIZES), "probabilities": list(SIZES.values())}
RQ = {"kind": "rQ", "reorder_point": 3, "order_quantity": 2}
SS = {"kind": "sS", "reorder_point": 2, "order_up_to": 5}
UP_TO = {"kind": "base_stock", "order_up_to": 4}
MULTIPLE = {"kind": "sS", "reorder_point": 2, "order_up_to": 4, "order_multiple": 3}
LEAST = {"kind": "sS", "reorder_point": 2, "order_up_to": 4, "minimum_order": 5}
VARYING = {"dist": "discrete", "values": [1, 2], "probabilities": [0.4, 0.6]}
WIDER = {"dist": "discrete", "values": [1, 3], "probabilities": [0.4, 0.6]}
NONE_OR_ONE = {"dist": "discrete", "values": [0, 1], "probabilities": [0.4, 0.6]}

State = tuple[int, tuple[tuple[int, int], ...]]
"""Net inventory, and (periods until it is received, units) of each order outstanding."""


def quantity(policy: dict[str, Any], position: int) -> int:
    """Units that the policy orders at *position*."""
    if policy["kind"] == "rQ":
        below = policy["reorder_point"] - position
        return (below // policy["order_quantity"] + 1) * policy["order_quantity"] * (below >= 0)
    trigger = policy.get("reorder_point", policy["order_up_to"] - 1)
    if position > trigger:
        return 0
    least = max(policy["order_up_to"] - position, policy.get("minimum_order", 0))
    multiple = policy.get("order_multiple", 1)
    return -(-least // multiple) * multiple


class Walk:
    """One period of the rules, from each state and with each chance, adding up totals."""

    def __init__(self, scenario: Scenario, policy: dict[str, Any], sizes: dict[int, float]) -> None:
        self.policy = policy
        self.sizes = sizes
        self.every = policy.get("review_period", 1)
        self.demand_first = "review_period" not in policy or scenario.clock.demand_first
        law = scenario.lead_time.distribution
        values = law.values_drawn or ()
        shares = getattr(law, "probabilities", (1.0,))
        self.lead_times = dict(zip(map(int, values), shares, strict=True))
        self.keeps_order = not scenario.lead_time.order_crossing
        self.pattern = scenario.demand.pattern or (1,)
        self.cycle = len(self.pattern) * self.every

    def long_run(self, start: int) -> dict[str, float]:
        """Means per period, in the limit, over a cycle of reviews and pattern."""
        states: dict[State, float] = {(start, ()): 1.0}
        before: dict[str, float] = {}
        for _ in range(400):
            totals: dict[str, float] = defaultdict(float)
            for period in range(self.cycle):
                states = self.period(states, period, totals)
            if before and all(abs(totals[k] - before.get(k, 0.0)) < 1e-13 for k in totals):
                break
            before = dict(totals)
        return {name: value / self.cycle for name, value in totals.items()}

    def period(
        self, states: dict[State, float], period: int, totals: dict[str, float]
    ) -> dict[State, float]:
        after: dict[State, float] = defaultdict(float)
        reviews = period % self.every == 0
        sizes: dict[int, float] = defaultdict(float)
        for size, share in self.sizes.items():
            sizes[int(size * self.pattern[period % len(self.pattern)] + 0.5)] += share
        for (state, p), (size, share), (lead, chance) in itertools.product(
            states.items(), sizes.items(), self.lead_times.items()
        ):
            after[self.step(state, size, lead, reviews, p * share * chance, totals)] += (
                p * share * chance
            )
        return after

    def step(
        self, state: State, size: int, lead: int, reviews: bool, p: float, totals: dict[str, float]
    ) -> State:
        net, orders = state
        received = sum(units for due, units in orders if due == 0)
        if received:
            self.cycle_ends(net, p, totals)
        net += received
        orders = tuple(order for order in orders if order[0] > 0)
        if reviews and not self.demand_first:
            net, orders = self.review(net, orders, lead, p, totals, fresh=not received)
        net = self.ask(net, orders, size, p, totals)
        if reviews and self.demand_first:
            net, orders = self.review(net, orders, lead, p, totals, fresh=True)
        totals["on_hand"] += p * max(net, 0)
        totals["ready"] += p * (net > 0)
        totals["owed"] += p * max(-net, 0)
        totals["unowed"] += p * (net >= 0)
        totals["on_order"] += p * sum(units for _, units in orders)
        return net, tuple(sorted((due - 1, units) for due, units in orders))

    def cycle_ends(self, net: int, p: float, totals: dict[str, float]) -> None:
        totals["cycles"] += p
        totals["whole_cycles"] += p * (net >= 0)
        totals["net_at_receipt"] += p * net

    def review(
        self, net: int, orders: tuple[tuple[int, int], ...], lead: int, p: float,
        totals: dict[str, float], *, fresh: bool,
    ) -> tuple[int, tuple[tuple[int, int], ...]]:  # fmt: skip
        units = quantity(self.policy, net + sum(units for _, units in orders))
        if not units:
            return net, orders
        totals["orders"] += p
        if self.keeps_order:
            lead = max([lead, *(due for due, _ in orders)])
        if lead:
            return net, (*orders, (lead, units))
        if fresh:
            self.cycle_ends(net, p, totals)
        return net + units, orders

    def ask(
        self, net: int, orders: tuple[tuple[int, int], ...], size: int, p: float,
        totals: dict[str, float],
    ) -> int:  # fmt: skip
        served = min(size, max(net, 0))
        totals["asked"] += p * size
        totals["served"] += p * served
        totals["customers"] += p * (size > 0)
        totals["whole"] += p * (size > 0) * (served == size)
        totals["periods_served"] += p * (served == size)
        if orders:
            totals["asked_late"] += p * size
            totals["served_late"] += p * served
        return net - size


def enumerated(
    scenario: Scenario, policy: dict[str, Any], sizes: dict[int, float] = SIZES
) -> dict[str, float]:
    t = Walk(scenario, policy, sizes).long_run(int(scenario.start_level("p")))
    found = {
        "fill_rate": t["served"] / t["asked"],
        "order_fill_rate": t["whole"] / t["customers"],
        "period_service_level": t["periods_served"],
        "in_stock_at_period_end": t["unowed"],
        "gamma_service_level": max(1 - t["owed"] / t["asked"], 0.0),
        "mean_wait": t["owed"] / t["asked"],
        "mean_on_hand": t["on_hand"],
        "ready_rate": t["ready"],
        "mean_backorders": t["owed"],
        "mean_on_order": t["on_order"],
        "orders_per_time": t["orders"],
        "cycle_service_level": t["whole_cycles"] / t["cycles"],
        "safety_stock": t["net_at_receipt"] / t["cycles"],
        "stockouts_per_time": t["cycles"] - t["whole_cycles"],
    }
    if t.get("asked_late"):
        found["lead_time_fill_rate"] = t["served_late"] / t["asked_late"]
    return found


def scenario_of(policy: dict[str, Any], lead_time: Any, more: dict[str, Any]) -> Scenario:
    pattern = more.get("pattern")
    demand = {"kind": "periodic", "quantity": QUANTITY} | ({"pattern": pattern} if pattern else {})
    clock = {"clock": more["clock"]} if "clock" in more else {}
    return Scenario.model_validate(
        {"demand": demand, "lead_time": lead_time, "policies": {"p": policy}} | clock
    )


def derived(scenario: Scenario) -> dict[str, float]:
    theory = derive(scenario, "p")
    assert theory.reason is None
    return {name: answer.value for name, answer in theory.answers.items()}


EACH = {"review_period": 1}
OTHER = {"review_period": 2}
CASES: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    *((policy, lead, {}) for policy in (RQ, SS, UP_TO, MULTIPLE, LEAST) for lead in (0, 1, 2)),
    *((policy | EACH, lead, clock) for policy in (RQ, SS, UP_TO) for lead in (0, 2)
      for clock in ({}, {"clock": RDR})),
    *((policy | OTHER, lead, clock) for policy in (RQ, SS, MULTIPLE) for lead in (0, 1, 2)
      for clock in ({}, {"clock": RDR})),
    *((policy | review, lead, clock) for policy in (RQ, SS, UP_TO) for lead in (VARYING,)
      for review in (EACH, OTHER) for clock in ({}, {"clock": RDR})),
    *((policy | OTHER, WIDER, clock) for policy in (RQ, SS) for clock in ({}, {"clock": RDR})),
    *((policy | EACH, NONE_OR_ONE, {}) for policy in (RQ, SS, UP_TO)),
    *((UP_TO | review, WIDER, clock) for review in ({}, EACH) for clock in ({}, {"clock": RDR})),
    *((policy | EACH, 1, {"pattern": [1, 2]}) for policy in (RQ, SS, UP_TO, MULTIPLE)),
    (SS | OTHER, 1, {"pattern": [1, 0.5, 2]}),
    (SS, 1, {"pattern": [1, 0, 2]}),
]  # fmt: skip


def name_of(case: tuple[dict[str, Any], Any, dict[str, Any]]) -> str:
    policy, lead_time, more = case
    lead = "-".join(map(str, lead_time["values"])) if isinstance(lead_time, dict) else lead_time
    extras = "".join(key for key in ("order_multiple", "minimum_order") if key in policy)
    reviewed = policy.get("review_period", "continuous")
    return f"{policy['kind']}{extras}-R{reviewed}-L{lead}-{'-'.join(more) or 'plain'}"


@pytest.mark.parametrize("case", CASES, ids=map(name_of, CASES))
def test_every_measure_equals_the_walk(case: tuple[dict[str, Any], Any, dict[str, Any]]) -> None:
    policy, lead_time, more = case
    scenario = scenario_of(policy, lead_time, more)
    found, expected = derived(scenario), enumerated(scenario, policy)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert ("lead_time_fill_rate" in found) == ("lead_time_fill_rate" in expected)


@pytest.mark.parametrize(
    ("slip", "moved"),
    [
        ({"lead_time": 2}, "fill_rate"),
        ({"policy": SS | EACH | {"reorder_point": 1}}, "orders_per_time"),
        ({"more": {"clock": RDR}}, "fill_rate"),
        ({"policy": RQ | EACH | {"reorder_point": 2, "order_quantity": 3}}, "cycle_service_level"),
    ],
    ids=["a longer lead time", "< for <=", "the other sequence", "no undershoot"],
)
def test_a_slip_is_noticed(slip: dict[str, Any], moved: str) -> None:
    """Negative controls: the walk of one case against the theory of its neighbour."""
    right = scenario_of(SS | EACH, 1, {})
    wrong = scenario_of(
        slip.get("policy", SS | EACH), slip.get("lead_time", 1), slip.get("more", {})
    )
    expected = enumerated(right, SS | EACH)[moved]
    assert derived(right)[moved] == pytest.approx(expected, abs=1e-9)
    assert abs(derived(wrong)[moved] - expected) > 1e-3


def test_orders_that_wait_for_one_another() -> None:
    """With demand in each period every review orders, and an order waits for the last."""
    kept = {"dist": "discrete", "values": [1, 3], "probabilities": [0.4, 0.6],
            "order_crossing": False}  # fmt: skip
    sizes = {"dist": "discrete", "values": [1, 3], "probabilities": [0.6, 0.4]}
    scenario = Scenario.model_validate(
        {"demand": {"kind": "periodic", "quantity": sizes}, "lead_time": kept,
         "policies": {"p": UP_TO | EACH}}
    )  # fmt: skip
    expected = enumerated(scenario, UP_TO | EACH, {1: 0.6, 3: 0.4})
    found = derived(scenario)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
