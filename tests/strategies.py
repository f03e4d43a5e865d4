"""Random legal scenarios, small and full of ties, over the whole space that a file can describe.

``scenarios()`` draws from all of it; every choice can be pinned by its word, so that a test
can go through the combinations that matter one by one: ``scenarios(policy="rQ",
shortage="lost_sales")``. Numbers are small decimals, so that stockouts, coincidences and
orders that bind come up within a few customers. ``tests/test_process.py`` checks that every
word, every pair of words and every kind of happening is reached.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from simlevel.engines.ledger import Job, Windows
from simlevel.model.scenario import RECEIVE_DEMAND_REVIEW, RECEIVE_REVIEW_DEMAND, Scenario

Table = dict[str, Any]

# --- the words that a scenario is made of ----------------------------------------------------

SHORTAGE = ("backorder", "lost_sales")
POLICY = ("rQ", "sS", "base_stock")
RULE = ("plain", "minimum", "multiple", "minimum and multiple")
"""The order rule; (r, Q) has the plain one only."""
CLOCK = ("continuous", "periodic")
SEQUENCE = {"review first": RECEIVE_REVIEW_DEMAND, "demand first": RECEIVE_DEMAND_REVIEW}
DEMAND = ("poisson", "renewal", "periodic", "bootstrap", "replay")
AMOUNT = ("unit", "whole", "decimal", "continuous")
"""What customers ask for: 1, whole numbers, listed decimals, real numbers."""
LEAD_TIME = ("none", "constant", "lattice", "continuous")
"""0, a constant, a distribution of multiples of a tick, a continuous one."""
CROSSING = (True, False)
START = ("full", "given", "owed")
"""The policy's own, given and not negative, negative (with backorders only)."""
PATTERN = ("none", "whole", "decimal")
ASKS = ("always", "sometimes")
"""Probability of a customer in a period, for periodic demand."""
WITHIN = ("none", "some")
WARMUP = ("none", "some")

WORDS: dict[str, tuple[Any, ...]] = {
    "shortage": SHORTAGE, "policy": POLICY, "rule": RULE, "clock": CLOCK,
    "sequence": tuple(SEQUENCE), "demand": DEMAND, "amount": AMOUNT, "lead_time": LEAD_TIME,
    "crossing": CROSSING, "start": START, "pattern": PATTERN, "asks": ASKS, "within": WITHIN,
    "warmup": WARMUP,
}  # fmt: skip


def legal(words: dict[str, Any]) -> bool:
    """Whether a choice of words, all or some of WORDS, can stand in one scenario."""
    policy, demand = words.get("policy"), words.get("demand")
    return not (
        (policy == "rQ" and words.get("rule", "plain") != "plain")
        or (words.get("shortage") == "lost_sales" and words.get("start") == "owed")
        or (demand in ("poisson", "renewal") and words.get("pattern", "none") != "none")
        or (demand not in ("periodic", None) and words.get("asks", "always") != "always")
        or (words.get("asks") == "sometimes" and demand not in ("periodic", None))
        or (demand in ("bootstrap", "replay") and words.get("amount") in ("unit", "continuous"))
    )


# --- distributions -----------------------------------------------------------------------------

SPREADS = {
    "normal": ({"sd": 2.0}, {"cv": 0.2}, {"cv": 1.5}),
    "gamma": ({"sd": 2.0}, {"cv": 0.5}, {"cv": 2.0}),
    "lognormal": ({"sd": 2.0}, {"cv": 0.5}, {"cv": 2.0}),
    "negative_binomial": ({"variance": 30}, {"sd": 6.0}, {"cv": 4.0}),
}
"""Every parametrisation of a spread."""
_MEANS = (0.5, 1.25, 2.0, 3.0)


def _spread(dist: str, means: tuple[float, ...] = _MEANS) -> SearchStrategy[Table]:
    return st.builds(
        lambda mean, spread: {"dist": dist, "mean": mean} | spread,
        st.sampled_from(means), st.sampled_from(SPREADS[dist]),
    )  # fmt: skip


def _listed(values: tuple[float, ...]) -> SearchStrategy[Table]:
    """Discrete and empirical distributions of some of *values*, not of 0 alone."""
    some = st.lists(st.sampled_from(values), min_size=1, max_size=5).filter(any)
    empirical = some.map(lambda found: {"dist": "empirical", "values": found})
    discrete = st.sampled_from(([1.0], [0.25, 0.75], [0.5, 0.5], [0.2, 0.3, 0.5])).flatmap(
        lambda shares: (
            st.lists(st.sampled_from(values), min_size=len(shares), max_size=len(shares))
            .filter(any)
            .map(lambda found: {"dist": "discrete", "values": found, "probabilities": shares})
        )
    )
    return discrete | empirical


CONTINUOUS = {
    "uniform": st.sampled_from(({"low": 0, "high": 2}, {"low": 0.5, "high": 3.25})).map(
        lambda ends: {"dist": "uniform"} | ends
    ),
    "normal": _spread("normal"),
    "gamma": _spread("gamma"),
    "lognormal": _spread("lognormal"),
    "exponential": st.sampled_from(_MEANS).map(lambda m: {"dist": "exponential", "mean": m}),
    "erlang": st.builds(
        lambda mean, k: {"dist": "erlang", "mean": mean, "k": k},
        st.sampled_from(_MEANS), st.sampled_from((1, 2, 4)),
    ),
}  # fmt: skip
COUNTS = {
    "poisson": st.sampled_from(_MEANS).map(lambda m: {"dist": "poisson", "mean": m}),
    "negative_binomial": _spread("negative_binomial", (1.25, 2.0, 3.0)),
    "geometric": st.sampled_from((1, 1.25, 3.0)).map(lambda m: {"dist": "geometric", "mean": m}),
    "binomial": st.builds(
        lambda n, p: {"dist": "binomial", "n": n, "p": p},
        st.sampled_from((1, 2, 5)), st.sampled_from((0.3, 0.7, 1)),
    ),
}  # fmt: skip
FAMILIES = ("constant", *CONTINUOUS, *COUNTS, "discrete", "empirical")

_WHOLE = (0, 1, 2, 3, 7)
_DECIMAL = (0, 0.1, 0.25, 0.5, 1.5, 2)
_CONTINUOUS = st.one_of(*CONTINUOUS.values())
# A gamma of a large cv has durations so near 0 that adding them to a time changes nothing.
_STEADY = st.sampled_from(({"sd": 0.4}, {"cv": 0.5}, {"cv": 1})).flatmap(
    lambda spread: st.sampled_from(_MEANS).map(lambda m: {"dist": "gamma", "mean": m} | spread)
)
_CONTINUOUS_TIME = st.one_of(*(CONTINUOUS | {"gamma": _STEADY}).values())
_COUNTED = st.one_of(*COUNTS.values())


def amounts(word: str) -> SearchStrategy[Any]:
    """What one customer asks for."""
    return {
        "unit": st.just(1),
        "whole": st.one_of(st.sampled_from((2, 3)), _COUNTED, _COUNTED, _listed(_WHOLE)),
        "decimal": st.sampled_from((0.1, 2.5)) | _listed(_DECIMAL),
        "continuous": _CONTINUOUS,
    }[word]


def times(word: str) -> SearchStrategy[Any]:
    """A duration that is drawn; on a lattice it often coincides with other things."""
    lattice = st.one_of(_COUNTED, _listed((0, 0.1, 0.3, 0.5, 1, 2, 5)), _listed((0, 1, 2, 3)))
    return {
        "none": st.just(0),
        "constant": st.sampled_from((0.3, 1, 2, 2.5, 7, "36 hours")),
        "lattice": lattice,
        "continuous": _CONTINUOUS_TIME,
    }[word]


# --- sections of a file --------------------------------------------------------------------------

_BUNCHES = st.sampled_from(
    (
        {"dist": "discrete", "values": [0, 1], "probabilities": [0.6, 0.4]},
        {"dist": "empirical", "values": [0, 0, 0.5]},
    )
)
"""Gaps between customers who often come at one instant."""
_PATTERNS = {"whole": ([1, 0, 2], [2, 1]), "decimal": ([1.5, 0.5], [1, 1.005, 0.25], [0.1, 0, 3])}


@st.composite
def demands(draw: DrawFn, words: dict[str, Any]) -> Table:
    """The [demand] table."""
    amount, kind = amounts(words["amount"]), words["demand"]
    if kind == "poisson":
        return {"kind": kind, "rate": draw(st.sampled_from((0.5, 1.7, 4))), "size": draw(amount)}
    if kind == "renewal":
        gap = st.sampled_from((0.1, 0.5, 1)) | _BUNCHES | times("lattice") | times("continuous")
        return {"kind": kind, "interarrival": draw(gap), "size": draw(amount)}
    table: Table = {"every": draw(st.sampled_from((1, 1, 0.1, 0.5, 2)))}
    if words["pattern"] != "none":
        table["pattern"] = draw(st.sampled_from(_PATTERNS[words["pattern"]]))
    if kind == "periodic":
        asks = draw(st.sampled_from((0.3, 0.8))) if words["asks"] == "sometimes" else 1
        return table | {"kind": kind, "quantity": draw(amount), "probability": asks}
    values = _WHOLE if words["amount"] == "whole" else _DECIMAL
    record = draw(st.lists(st.sampled_from(values), min_size=1, max_size=30).filter(any))
    return table | {"kind": "history", "values": record, "resample": kind}


@st.composite
def policies(draw: DrawFn, words: dict[str, Any]) -> Table:
    """One table of [policies]; levels in steps that the amounts asked for share, or do not."""
    step = 1 if words["amount"] in ("unit", "whole") else draw(st.sampled_from((1, 0.5, 0.1)))

    def typed(units: int) -> float:
        return units if step == 1 else units / round(1 / step)  # 3 x 0.1 is no short decimal

    def level(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    lowest = 0 if words["shortage"] == "lost_sales" else -3
    table: Table = {"kind": words["policy"]}
    if words["policy"] == "base_stock":
        table["order_up_to"] = typed(level(lowest, 15))
    else:
        reorder_point, batch = level(lowest, 12), level(1, 12)
        table["reorder_point"] = typed(reorder_point)
        if words["policy"] == "rQ":
            table["order_quantity"] = typed(batch)
        else:
            table["order_up_to"] = typed(reorder_point + batch)
    if words["clock"] == "periodic":
        table["review_period"] = draw(st.sampled_from((0.1, 0.3, 0.5, 1, 1, 2, 7)))
    if "minimum" in words["rule"]:
        table["minimum_order"] = typed(level(1, 9))
    if "multiple" in words["rule"]:
        table["order_multiple"] = typed(level(2, 7))
    return table


def chosen(pinned: dict[str, Any]) -> SearchStrategy[dict[str, Any]]:
    """Legal words, the *pinned* ones as they are."""

    @st.composite
    def choose(draw: DrawFn) -> dict[str, Any]:
        words = dict(pinned)
        for key, choices in WORDS.items():
            if key not in words:
                left = [choice for choice in choices if legal(words | {key: choice})]
                words[key] = draw(st.sampled_from(left))
        return words

    return choose()


@st.composite
def worded(draw: DrawFn, **pinned: Any) -> tuple[dict[str, Any], Scenario]:
    """A scenario and the words that it was made of."""
    words = draw(chosen(pinned))
    table: Table = {
        "shortage": words["shortage"],
        "clock": {"sequence": SEQUENCE[words["sequence"]]},
        "demand": draw(demands(words)),
        "lead_time": {
            "distribution": draw(times(words["lead_time"])),
            "order_crossing": words["crossing"],
        },
        "policies": {"p": draw(policies(words))},
        "simulation": {
            "horizon": draw(st.sampled_from((1, 7, 10.5, 25, 25))),
            "warmup": draw(st.sampled_from((1, 2.5, 7))) if words["warmup"] == "some" else 0,
            "replications": draw(st.sampled_from((2, 5))),
            "seed": draw(st.integers(0, 2**32)),
        },
    }
    if words["start"] != "full":
        levels = (-9, -2, -1) if words["start"] == "owed" else (0, 1, 12)
        table["start"] = {"net_inventory": draw(st.sampled_from(levels))}
    if words["within"] == "some":
        waits = st.sampled_from((0, 0.1, 0.3, 0.5, 1, 2.5, 7))
        table["measures"] = {"served_within": draw(st.lists(waits, min_size=1, max_size=3))}
    return words, Scenario.model_validate(table)


def scenarios(**pinned: Any) -> SearchStrategy[Scenario]:
    """Scenarios with one policy, ``p``, a short horizon and a warm-up, all of them given."""
    return worded(**pinned).map(lambda found: found[1])


def job(scenario: Scenario, windows: int = 1) -> Job:
    """*scenario* over its own window, or over several windows of that length."""
    settings = scenario.simulation
    counted = Windows(settings.warmup, settings.horizon, windows)
    return Job.of(scenario, next(iter(scenario.policies)), counted, settings.seed)
