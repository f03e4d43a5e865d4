"""Each measure once: its names, unit, definition, and the two totals whose ratio it is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

TOTALS: Mapping[str, str] = {
    "time": "time",
    "customers": "count",
    "customers_whole": "count",
    "units_demanded": "units",
    "units_from_shelf": "units",
    "units_lost": "units",
    "units_demanded_in_lead_time": "units",
    "units_from_shelf_in_lead_time": "units",
    "cycles": "count",
    "cycles_without_stockout": "count",
    "net_inventory_before_receipts": "units",
    "periods": "count",
    "periods_served": "count",
    "periods_without_backorders": "count",
    "backorders_at_period_ends": "units",
    "orders": "count",
    "units_ordered": "units",
    "area_on_hand": "units x time",
    "area_backorders": "units x time",
    "area_on_order": "units x time",
    "time_in_stock": "time",
}
"""What an engine adds up over a window, each with its dimension. ``delivered_within_W``
(units) comes after these, once for each W that is asked for."""


@dataclass(frozen=True)
class Measure:
    """One measure of service, stock or cost, as the whole program knows it."""

    name: str
    title: str
    symbol: str
    unit: str
    """``share``, ``units``, ``time``, ``1/time``, ``units/time`` or ``money/time``."""
    definition: str
    numerator: tuple[tuple[float, str], ...]
    """Weighted totals; costs take their weights from the scenario instead."""
    denominator: str
    also: tuple[str, ...] = ()
    """What books and other programs call the same thing."""
    not_to_confuse: tuple[str, ...] = ()
    """Other things that go by one of these names elsewhere."""
    customer_service: str = ""
    source: str = ""
    needs: frozenset[str] = frozenset()
    """Of ``periodic`` (demand), ``backorder``, ``costs``: without them there is no measure."""
    failures: tuple[tuple[float, str], ...] = ()
    """The weighted totals that make up what went wrong, where that may be rare."""
    at_least: bool = False
    """A target is a floor (True) or a ceiling (False)."""

    @property
    def is_share(self) -> bool:
        return self.unit == "share"

    @property
    def totals(self) -> tuple[str, ...]:
        return (*(total for _, total in self.numerator), self.denominator)


def _share(
    name: str, title: str, symbol: str, good: str, of: str, definition: str, **more: object
) -> Measure:
    return Measure(
        name, title, symbol, "share", definition, ((1.0, good),), of,
        failures=((1.0, of), (-1.0, good)), at_least=True, **more,  # type: ignore[arg-type]
    )  # fmt: skip


_AXSATER = "Axsäter, Inventory Control (2015), ch. 5"
_SPP = "Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains (2017), ch. 6"
_NAHMIAS = "Nahmias, Production and Operations Analysis (2009), ch. 5"
_HADLEY_BOOK = "Hadley and Whitin, Analysis of Inventory Systems (1963)"
_HADLEY = f"{_HADLEY_BOOK}, ch. 4"
_SCHNEIDER = (
    "Schneider, Effect of service-levels on order-points or order-levels in inventory models, "
    "International Journal of Production Research 19 (1981)"
)
_TEMPELMEIER = "Tempelmeier, Inventory Management in Supply Networks (2011)"
_CACHON = "Cachon and Terwiesch, Matching Supply with Demand (2013)"
_LARSEN = (
    "Larsen and Thorstenson, A comparison between the order and the volume fill rate for a "
    "base-stock inventory control system under a compound renewal demand process, Journal of "
    "the Operational Research Society 59 (2008)"
)
_SONG = (
    "Song, On the order fill rate in a multi-item, base-stock inventory system, Operations "
    "Research 46 (1998)"
)
_ZIPKIN = "Zipkin, Foundations of Inventory Management (2000), ch. 6"
_LITTLE = f"Little's law; {_ZIPKIN}"
_PERIODIC = frozenset({"periodic"})
_PERIODIC_BACKORDER = frozenset({"periodic", "backorder"})
_BACKORDER = frozenset({"backorder"})
_COSTS = frozenset({"costs"})

_ALL = (
    _share(
        "cycle_service_level", "Type I: cycle service", "α",
        "cycles_without_stockout", "cycles",
        "Share of replenishment cycles in which no customer was ever left waiting or turned "
        "away. A cycle runs from one receipt to the next (receipts at one instant are one) and "
        "counts, with all in it, if its ending receipt falls in the window. "
        "Backorders carried in count as waiting; a review that orders nothing has no receipt. "
        "With backorders: the share of receipts that find nothing backordered.",
        also=("Type I", "alpha", "alpha service", "P1", "S1"),
        not_to_confuse=(
            "period_service_level, which several packages print as cycle service",
            "a share of reviews, which counts those that order nothing",
            "a count that calls an empty shelf a stockout: here somebody must go short",
            "fill_rate: 95 % here can be 99 % there, or 80 %",
        ),
        customer_service="nearest: cycles in which all was complete at first contact",
        source=f"{_AXSATER} (S1); {_SPP} (P1); {_NAHMIAS} (Type 1)",
    ),
    _share(
        "fill_rate", "Type II: fill rate", "β",
        "units_from_shelf", "units_demanded",
        "Units delivered from the shelf at the moment they are asked for / units asked for.",
        also=(
            "Type II", "beta", "beta service", "P2", "S2", "unit fill rate", "volume fill rate",
        ),
        not_to_confuse=(
            "a mean of per-period or per-order ratios, which weighs a quiet day like a busy one",
            "units delivered sooner or later / units asked for: with backorders that is always 1",
            "the one-term textbook formula, which counts old backorders again in each cycle",
        ),
        customer_service="complete at first contact, counted by unit; under lost sales also the "
        "resolution rate, since what is not served at once never is",
        source=f"{_AXSATER} (S2); {_SPP} (P2); {_NAHMIAS} (Type 2)",
    ),
    _share(
        "order_fill_rate", "Order fill rate", "OFR",
        "customers_whole", "customers",
        "Share of customers delivered whole at the moment they ask.",
        also=("complete-order rate",),
        not_to_confuse=(
            "the order fill rate of orders with several items, complete only if every item is",
            "on time in full (OTIF), which is measured against a promised date",
            "fill_rate: a customer half served counts half there and not at all here",
        ),
        customer_service="complete at first contact, counted by customer: the first-contact "
        "resolution rate",
        source=f"{_LARSEN}; for several items {_SONG}",
    ),
    _share(
        "ready_rate", "Ready rate", "P3",
        "time_in_stock", "time",
        "Share of time with at least some stock on hand.",
        also=("P3", "S3", "availability", "on-shelf availability"),
        not_to_confuse=(
            "fill_rate: sure to be equal in the long run only where customers arrive as a "
            "Poisson stream and ask for one unit each",
            "period_service_level, which some books call ready rate",
            "availability of machines that wait for spare parts",
        ),
        customer_service="nearest: share of time in which somebody is free to answer",
        source=f"{_AXSATER} (S3); {_SPP} (P3)",
    ),
    _share(
        "lead_time_fill_rate", "Fill rate, lead time", "β_L",
        "units_from_shelf_in_lead_time", "units_demanded_in_lead_time",
        "The fill rate of demand that arrives while at least one replenishment order is "
        "outstanding; the customer whose demand triggers an order is not in its lead time.",
        also=("Type II during the lead time",),
        not_to_confuse=(
            "fill_rate, which also counts the time with nothing on order and is as a rule higher",
            "a mean of the ratios of single lead times, which is higher again",
        ),
        customer_service="nearest: complete at first contact, counting only what is asked while "
        "help is on its way",
        source="defined here; no book known to us defines it in just these words",
    ),
    _share(
        "period_service_level", "Period service", "α_p",
        "periods_served", "periods",
        "Share of all demand periods, those without demand included, in which every unit asked "
        "for then was delivered at once; older backorders do not count.",
        also=("in-stock probability", "period alpha service"),
        not_to_confuse=(
            "cycle_service_level, counted per replenishment cycle",
            "in_stock_at_period_end, which looks at what is owed at the end, however old",
        ),
        customer_service="nearest: share of days on which every contact was complete at first "
        "contact",
        source=f"{_TEMPELMEIER}, alpha service per period",
        needs=_PERIODIC,
    ),
    _share(
        "in_stock_at_period_end", "Clear at period end", "",
        "periods_without_backorders", "periods",
        "Share of demand periods that end with nothing backordered, just before the receipts "
        "of the next.",
        also=("P(IN >= 0) at period end", "in-stock probability of the order-up-to model"),
        not_to_confuse=(
            "P(IN > 0), stock left at the end",
            "period_service_level: it differs where a period has no demand, and where a receipt "
            "comes between the demand and the end of the period",
        ),
        customer_service="share of days that end with no open case",
        source=f"{_CACHON}, order-up-to model",
        needs=_PERIODIC_BACKORDER,
    ),
    Measure(
        "gamma_service_level", "Type III: gamma service", "γ", "share",
        "1 - mean backorders at demand-period ends / mean demand per period, never below 0.",
        ((1.0, "units_demanded"), (-1.0, "backorders_at_period_ends")), "units_demanded",
        also=("Type III", "gamma service"),
        not_to_confuse=(
            "fill_rate: here a unit still owed at three period ends counts three times",
            "the gamma distribution",
        ),
        customer_service="nearest: 1 - open cases at closing time / cases of a day",
        source=_SCHNEIDER,
        needs=_PERIODIC_BACKORDER,
        failures=((1.0, "backorders_at_period_ends"),),
        at_least=True,
    ),
    Measure(
        "mean_wait", "Mean wait", "W", "time",
        "Time integral of backorders / units demanded: the mean wait of a unit, those served at "
        "once included with a wait of 0.",
        ((1.0, "area_backorders"),), "units_demanded",
        also=("customer waiting time", "mean delay"),
        not_to_confuse=(
            "the mean wait of those units that do wait: this / (1 - fill_rate)",
            "the lead time, which is the wait for a supplier",
        ),
        customer_service="nearest: mean first response time, and handling time where that runs "
        "from opening a case to closing it: a delivery is response and resolution in one (the "
        "handling time of an agent at work is nearer to the lead time, see mean_on_order)",
        source=_LITTLE,
        needs=_BACKORDER,
        failures=((1.0, "area_backorders"),),
    ),
    Measure(
        "safety_stock", "Safety stock", "SS", "units",
        "Mean net inventory just before a receipt.",
        ((1.0, "net_inventory_before_receipts"),), "cycles",
        also=("mean net stock just before a replenishment arrives",),
        not_to_confuse=(
            "reorder point minus mean lead-time demand: undershoot and the review period "
            "take their part of it",
            "k x standard deviation of lead-time demand, a rule that plans for it",
        ),
        customer_service="nearest: staff kept in reserve",
        source=_SPP,
        at_least=True,
    ),
    Measure(
        "mean_on_hand", "Mean on hand", "E[OH]", "units",
        "Time average of units on the shelf.",
        ((1.0, "area_on_hand"),), "time",
        also=("average inventory",),
        not_to_confuse=(
            "mean net inventory: on hand less backorders",
            "half an order quantity + safety stock, which comes near mean net inventory",
        ),
        customer_service="nearest: agents free and waiting for a contact",
        source=f"{_HADLEY}; {_ZIPKIN}",
    ),
    Measure(
        "mean_backorders", "Mean backorders", "E[B]", "units",
        "Time average of units that customers wait for.",
        ((1.0, "area_backorders"),), "time",
        also=("average backlog", "expected backorders", "EBO"),
        not_to_confuse=(
            "units backordered per cycle, which takes no account of how long",
            "backorders at period ends, which gamma_service_level counts",
        ),
        customer_service="mean open cases, backlog",
        source=f"{_HADLEY}; {_ZIPKIN}",
        failures=((1.0, "area_backorders"),),
    ),
    Measure(
        "mean_on_order", "Mean on order", "E[IO]", "units",
        "Time average of units ordered and not yet received.",
        ((1.0, "area_on_order"),), "time",
        also=("pipeline stock", "stock in transit"),
        not_to_confuse=("orders outstanding, counted in orders",),
        customer_service="nearest: contacts in hand, that is contacts per time unit x handling "
        "time of an agent (a unit on order for its lead time is like a contact being handled)",
        source=_LITTLE,
    ),
    Measure(
        "mean_inventory_position", "Mean position", "E[IP]", "units",
        "Time average of on hand - backorders + on order.",
        ((1.0, "area_on_hand"), (-1.0, "area_backorders"), (1.0, "area_on_order")), "time",
        not_to_confuse=(
            "net inventory, which leaves out what is on order",
            "stock on hand and on order, from which backorders are not taken off",
        ),
        source=f"{_HADLEY}; {_ZIPKIN}",
    ),
    Measure(
        "inventory_cover", "Inventory cover", "", "time",
        "Mean on hand / mean demand per time unit.",
        ((1.0, "area_on_hand"),), "units_demanded",
        also=("days of supply", "1 / inventory turns"),
        not_to_confuse=(
            "cover from on hand + on order",
            "days until the stock of this moment runs out",
        ),
        source=_CACHON,
        at_least=True,
    ),
    Measure(
        "stockouts_per_time", "Stockouts", "", "1/time",
        "Replenishment cycles with a stockout per time unit.",
        ((1.0, "cycles"), (-1.0, "cycles_without_stockout")), "time",
        also=("1 / TBS", "1 / time between stockout occasions"),
        not_to_confuse=("customers short per time unit", "units short per time unit"),
        customer_service="nearest: how often contacts begin to queue",
        source=f"{_SPP} (TBS)",
        failures=((1.0, "cycles"), (-1.0, "cycles_without_stockout")),
    ),
    Measure(
        "orders_per_time", "Orders", "", "1/time",
        "Replenishment orders placed per time unit; an order of n multiples is one order.",
        ((1.0, "orders"),), "time",
        also=("order frequency",),
        not_to_confuse=("receipts, which can coincide", "reviews", "customers' orders"),
        source=f"{_HADLEY}; {_ZIPKIN}",
    ),
    Measure(
        "lost_per_time", "Lost", "", "units/time",
        "Units of demand lost per time unit.",
        ((1.0, "units_lost"),), "time",
        also=("lost sales rate",),
        not_to_confuse=("backorders, which are served later",),
        customer_service="blocked contacts per time unit; nearest: abandoned ones",
        source=_HADLEY,
        failures=((1.0, "units_lost"),),
    ),
    Measure(
        "demand_per_time", "Demand", "", "units/time",
        "Units asked for per time unit.",
        ((1.0, "units_demanded"),), "time",
        also=("demand rate",),
        not_to_confuse=("sales: lost demand is demand too", "customers per time unit"),
        customer_service="contact volume per time unit",
        source=_HADLEY,
    ),
    Measure(
        "cost_per_time", "Cost", "C", "money/time",
        "Holding + order + backorder + shortage + purchase cost per time unit.",
        (), "time", also=("long-run average cost",),
        not_to_confuse=("discounted cost", "cost per cycle"),
        source=_HADLEY, needs=_COSTS,
    ),
    Measure(
        "holding_cost", "  holding", "", "money/time",
        "Holding cost rate x mean on hand.",
        (), "time", also=("carrying cost",),
        not_to_confuse=("a charge on the stock left at period ends only",),
        source=_HADLEY, needs=_COSTS,
    ),
    Measure(
        "order_cost", "  ordering", "", "money/time",
        "Cost of an order x orders placed per time unit.",
        (), "time", also=("setup cost", "fixed cost of ordering"),
        not_to_confuse=("purchase_cost, which grows with the units ordered",),
        source=_HADLEY, needs=_COSTS,
    ),
    Measure(
        "backorder_cost", "  backorders", "", "money/time",
        "Backorder cost rate x mean backorders.",
        (), "time", also=("penalty per unit and time",),
        not_to_confuse=("shortage_cost, charged once a unit, however long it waits",),
        customer_service="nearest: penalty per case and day open",
        source=_HADLEY, needs=_COSTS,
    ),
    Measure(
        "shortage_cost", "  shortages", "", "money/time",
        "Cost of a unit not served at once x such units per time unit.",
        (), "time", also=("penalty per unit", "stockout cost per unit"),
        not_to_confuse=("backorder_cost, which grows with the wait", "a cost per stockout"),
        customer_service="nearest: penalty per contact not complete at first contact",
        source=_HADLEY, needs=_COSTS,
    ),
    Measure(
        "purchase_cost", "  purchases", "", "money/time",
        "Unit purchase cost x units ordered per time unit.",
        (), "time", also=("variable order cost",),
        not_to_confuse=("cost of the units sold: what is ordered counts here, when ordered",),
        source=_HADLEY_BOOK, needs=_COSTS,
    ),
)  # fmt: skip

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}

_WITHIN = re.compile(r"served_within_(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def shortest(number: float) -> str:
    """The shortest decimal of *number*: ``3.0`` is ``3``, ``0.50`` is ``0.5``."""
    return repr(int(number)) if number == int(number) else repr(float(number))


def served_within(window: float) -> Measure:
    """The time-window fill rate for a *window* of that many time units."""
    short = shortest(window)
    total = f"delivered_within_{short}"
    return Measure(
        f"served_within_{short}",
        f"Served within {short}",
        f"β({short})",
        "share",
        f"Share of units delivered within {short} time units of being asked for, those delivered "
        f"at once included. Customers of the window are followed {short} past its end.",
        ((1.0, "units_from_shelf"), (1.0, total)),
        "units_demanded",
        also=("time-window fill rate", "window fill rate"),
        not_to_confuse=(
            "the share of customers delivered whole within the window",
            "on time against a promised date",
        ),
        customer_service="nearest: resolution rate within a time limit; the service level of a "
        "call centre (share answered within so many seconds) counts calls, not units",
        source=f"{_SONG}: its time window, counted here by unit",
        failures=((1.0, "units_demanded"), (-1.0, "units_from_shelf"), (-1.0, total)),
        at_least=True,
    )


def measure(name: str) -> Measure:
    """The measure called *name*, ``served_within_W`` included.

    Raises KeyError where there is none.
    """
    if name in MEASURES:
        return MEASURES[name]
    found = _WITHIN.fullmatch(name)
    window = float(found[1]) if found else math.inf
    if math.isfinite(window) and served_within(window).name == name:
        return served_within(window)
    raise KeyError(name)
