"""The cards of ``simlevel explain``: what each word of the program means, in plain words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Literal

from simlevel import words
from simlevel.conventions import CONVENTIONS, Convention
from simlevel.errors import InputError, near

Kind = Literal[
    "measure",
    "policy",
    "demand",
    "distribution",
    "verdict",
    "quantity",
    "clock",
    "topic",
    "program",
]


@dataclass(frozen=True)
class Card:
    """What one word means, to be read in a terminal or on a page."""

    word: str
    kind: Kind
    title: str
    text: str
    """Paragraphs, with a blank line between them."""
    lines: tuple[tuple[str, str], ...] = ()
    """(label, what it says); line breaks in it are meant, as in a piece of TOML."""
    also: tuple[str, ...] = ()
    """Other names that find this card."""

    def wrapped(self, width: int = 80) -> list[str]:
        """The card as lines of at most *width* characters."""
        wrapped = [*_wrap(f"{self.word} ({self.kind}): {self.title}", width), ""]
        for paragraph in self.text.split("\n\n"):
            wrapped += [*_wrap(paragraph, width), ""]
        for label, says in self.lines:
            wrapped += _labelled(label, says, width)
        return wrapped


def _labelled(label: str, says: str, width: int) -> list[str]:
    if "\n" in says:
        return [f"{label}:", *(f"    {line}" for line in says.splitlines())]
    return _wrap(f"{label}: {says}", width, indent="    ")


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    """*text* in lines of at most *width*; no number is parted from its percent sign."""
    glued = text.replace(" %", "\x1f%")
    lines = textwrap.wrap(glued, width, subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace("\x1f", " ") for line in lines]


def cards() -> Mapping[str, Card]:
    """Every card, by its word: measures first, then quantities, the model, verdicts, topics."""
    return _all_cards()


def card(word: str) -> Card:
    """The card of *word*, or of the one card that has *word* among its other names.

    A word as it was typed goes before one in other letters, and a card's own word before
    another name. Raises InputError, with a near name or with all that could be meant.
    """
    if re.fullmatch(r"served_within_\d.*", word.strip()):
        return _card_of_window(word.strip())
    for spelling in (str.strip, _loose):
        wanted = spelling(word)
        own = [one for one in cards().values() if spelling(one.word) == wanted]
        others = [one for one in cards().values() if wanted in map(spelling, one.also)]
        if found := own or others:
            return _the_only(found, word)
    raise InputError(f"expected a word that has a card, found {word!r}{_near(word)}")


def _the_only(found: list[Card], word: str) -> Card:
    if len(found) > 1:
        which = ", ".join(one.word for one in found)
        raise InputError(f"expected a word with one meaning, found {word!r}, which may be: {which}")
    return found[0]


def _loose(name: str) -> str:
    """*name* without regard to capitals, spaces and punctuation."""
    return " ".join(re.findall(r"[^\W_]+", name.casefold()))


def _near(word: str) -> str:
    others = [name for one in cards().values() for name in one.also if len(name) > 2]
    return near(word.lower(), cards()) or near(word.lower(), others)


def _card_of_window(word: str) -> Card:
    try:
        return _measure_card(words.measure(word))
    except KeyError:
        expected = "served_within_ and the shortest decimal of a time, such as served_within_0.5"
        raise InputError(f"expected {expected}, found {word!r}") from None


@cache
def _all_cards() -> Mapping[str, Card]:
    every = (*_measure_cards(), *_QUANTITIES, *_POLICIES, *_DEMANDS, *_DISTRIBUTIONS,
             *_VERDICTS, *_TOPICS, _conventions_card(),
             *map(_program_card, CONVENTIONS))  # fmt: skip
    return MappingProxyType({one.word: one for one in every})


# Measures: made from words.py, so that no definition is written twice.

_UNITS: Mapping[str, str] = {
    "share": "share, a fraction from 0 to 1; tables for people print percent",
    "units": "units",
    "time": "time units of the scenario",
    "1/time": "count per time unit",
    "units/time": "units per time unit",
    "money/time": "money per time unit",
}

_TOTALS: Mapping[str, str] = {
    "time": "length of the window",
    "customers": "customers",
    "customers_whole": "customers delivered whole at the moment they ask",
    "units_demanded": "units asked for",
    "units_from_shelf": "units delivered from the shelf at the moment they are asked for",
    "units_lost": "units lost",
    "units_demanded_in_lead_time": "units asked for while an order is outstanding",
    "units_from_shelf_in_lead_time":
        "units delivered at once from the shelf while an order is outstanding",
    "cycles": "replenishment cycles that ended",
    "cycles_without_stockout": "replenishment cycles that ended without a stockout",
    "net_inventory_before_receipts": "net inventory just before each receipt, added up",
    "periods": "demand periods",
    "periods_served": "demand periods in which all that was asked for was delivered at once",
    "periods_without_backorders": "demand periods that end with nothing backordered",
    "backorders_at_period_ends": "units backordered at each period end, added up",
    "orders": "orders placed",
    "units_ordered": "units ordered",
    "area_on_hand": "units on hand, added up over time",
    "area_backorders": "units backordered, added up over time",
    "area_on_order": "units on order, added up over time",
    "time_in_stock": "time with stock on the shelf",
}  # fmt: skip
"""The totals of words.py as a person would say them."""

_COSTS: Mapping[str, str] = {
    "cost_per_time": "all five costs, added up",
    "holding_cost": "holding cost rate x units on hand, added up over time",
    "order_cost": "cost of an order x orders placed",
    "backorder_cost": "backorder cost rate x units backordered, added up over time",
    "shortage_cost": "cost of a unit short x units not delivered at once",
    "purchase_cost": "unit purchase cost x units ordered",
}
"""Numerators whose weights stand in the scenario."""

_NOT_OBSERVED: Mapping[str, str] = {
    "customers": "no customer came",
    "units_demanded": "nobody asked for anything",
    "units_demanded_in_lead_time": "nobody asked while an order was outstanding",
    "cycles": "no cycle ended",
    "periods": "no demand instant fell in the window",
}

_NOT_DEFINED: Mapping[str, str] = {
    "periodic": "demand is not periodic",
    "backorder": "sales are lost",
    "costs": "the scenario has no [costs]",
}

_SAID_ALOUD: Mapping[str, str] = {
    "cycle_service_level":
        "20 deliveries came, and before one of them somebody had to wait: 95 %.",
    "fill_rate": "100 units were asked for and 97 of them were handed over at once: 97 %.",
    "order_fill_rate": "9 customers left with all they wanted, the tenth with half: 90 %.",
    "ready_rate": "The shelf was empty for 1 day of 50: 98 %.",
    "lead_time_fill_rate":
        "While orders were on their way 40 units were asked for, 37 of them served: 92.5 %.",
    "period_service_level": "On 97 days of 100 all that was asked for that day was there: 97 %.",
    "in_stock_at_period_end": "On 98 evenings of 100 nobody was owed anything: 98 %.",
    "gamma_service_level":
        "10 units a day are asked for, and on average 0.2 are owed in the evening: 98 %.",
    "served_within":
        "100 units were asked for, 90 served at once and 6 within W: 96 %.",
    "mean_wait": "90 units are served at once and 10 wait 2 days each: 0.2 days.",
    "safety_stock": "Deliveries found 12, 3 and -3 units: 4 units on average.",
    "inventory_cover": "60 units on hand, 5 asked for a day: 12 days.",
}  # fmt: skip
"""An example in one sentence."""

_FOUND_BY: Mapping[str, tuple[str, ...]] = {
    "cycle_service_level": (
        "Type 1",
        "Type I service",
        "CSL",
        "service level",
        "probability of no stockout per order cycle",
    ),
    "fill_rate": ("Type 2", "Type II service", "item fill rate", "service level"),
    "gamma_service_level": ("Type 3", "gamma service level"),
    "period_service_level": ("service level", "in-stock rate"),
    "inventory_cover": ("days of inventory", "inventory turns", "cover"),
    "stockouts_per_time": ("TBS", "stockouts"),
    "served_within": ("served_within_W",),
    "mean_wait": ("wait", "waiting time"),
    "cost_per_time": ("cost", "costs"),
}
"""Names that find a measure and are not listed on its card."""


def _measure_cards() -> Iterator[Card]:
    yield from map(_measure_card, words.MEASURES.values())
    yield _measure_card(_any_window())


def _any_window() -> words.Measure:
    """The measure served_within_W for a W still to be chosen."""
    three = words.served_within(3)
    return replace(
        three, name="served_within", title="Served within W", symbol="β(W)",
        numerator=((1.0, "units_from_shelf"), (1.0, "delivered_within_W")),
        definition="Share of units delivered within W time units of being asked for, for each "
        "W in [measures] served_within = [0.5, 3]; the names are then served_within_0.5 and "
        "served_within_3. A delivery exactly W later counts, and customers of the window are "
        "followed W past its end. With W = 0 it is the fill rate, unless the lead time is 0.",
    )  # fmt: skip


def _measure_card(measure: words.Measure) -> Card:
    text = "\n\n".join(filter(None, (measure.definition, _SAID_ALOUD.get(measure.name))))
    lines = tuple((label, says) for label, says in _facts(measure) if says)
    names = (*measure.also, measure.symbol, *_FOUND_BY.get(measure.name, ()))
    return Card(measure.name, "measure", _title(measure), text, lines, tuple(filter(None, names)))


def _title(measure: words.Measure) -> str:
    """The title; parts of a sum are indented in tables and are called by their name here."""
    indented = measure.title.startswith(" ")
    return measure.name.replace("_", " ").capitalize() if indented else measure.title


def _facts(measure: words.Measure) -> Iterator[tuple[str, str]]:
    yield "symbol", measure.symbol
    yield "unit", _UNITS[measure.unit]
    yield "numerator", _COSTS.get(measure.name) or _sum(measure.numerator)
    yield "denominator", _total(measure.denominator)
    yield "null where", _null_where(measure)
    yield "also called", ", ".join(measure.also)
    yield "not to be confused with", "; ".join(measure.not_to_confuse)
    yield "in customer service", measure.customer_service
    yield "source", measure.source


def _sum(weighted: tuple[tuple[float, str], ...]) -> str:
    signed = [(" + " if weight > 0 else " - ") + _total(total) for weight, total in weighted]
    return "".join(signed).removeprefix(" + ")


def _total(total: str) -> str:
    window = total.removeprefix("delivered_within_")
    return _TOTALS.get(total, f"units delivered later, but within {window}")


def _null_where(measure: words.Measure) -> str:
    needs = [reason for need, reason in _NOT_DEFINED.items() if need in measure.needs]
    return ", or ".join(filter(None, (*needs, _NOT_OBSERVED.get(measure.denominator))))


# Quantities: the words of a stocking point's state and of a policy's parameters.


def _quantity(word: str, symbol: str, title: str, text: str, *also: str, **lines: str) -> Card:
    facts = (("symbol", symbol), *_spoken(lines))
    return Card(word, "quantity", title, text, facts, (*_symbols(symbol), *also))


def _spoken(lines: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Keyword arguments as labels: ``see_also`` is "see also"."""
    return ((label.replace("_", " "), says) for label, says in lines.items())


def _symbols(symbol: str) -> tuple[str, ...]:
    return tuple(symbol.split(" or "))


_QUANTITIES = (
    _quantity(
        "on_hand", "OH", "Units on the shelf",
        "Units that can be handed over at this moment. Never below 0. Nothing is on hand while "
        "units are backordered: a receipt serves those who wait before anything goes on the shelf.",
        "stock on hand", "physical stock", "shelf stock",
        see_also="net_inventory, mean_on_hand, ready_rate",
    ),
    _quantity(
        "backorders", "B", "Units that customers wait for",
        "Units asked for and still owed. They are served from the next receipts, first come first "
        "served. With shortage = \"lost_sales\" there are none: what is not on the shelf is not "
        "sold.",
        "backlog", "units owed",
        see_also="shortage, mean_backorders, mean_wait",
    ),
    _quantity(
        "on_order", "IO", "Units ordered and not yet received",
        "Units of all orders that are placed and still on their way. With a mean lead time L and "
        "a mean demand d per time unit, none of it lost, the mean is d x L (Little's law).",
        "pipeline", "pipeline inventory", "in transit",
        see_also="mean_on_order, inventory_position",
    ),
    _quantity(
        "net_inventory", "IN", "On hand less backorders",
        "on_hand - backorders: above 0 it is the shelf, below 0 it is what customers are owed. "
        "It says nothing of what is on its way.",
        "net stock", "inventory level", "IL",
        in_other_books="inventory level IL (Axsäter, Snyder and Shen), net stock (Silver, Pyke "
        "and Thomas)",
        see_also="inventory_position, safety_stock",
    ),
    _quantity(
        "inventory_position", "IP", "On hand less backorders plus on order",
        "net_inventory + on_order: all that is there or on its way, less all that is owed. "
        "Policies look at it, and not at the shelf, so that what is already ordered is not "
        "ordered again at the next review.\n\n"
        "With backorders and a constant lead time L, net inventory at t + L is the inventory "
        "position at t less the demand of (t, t + L]: nothing ordered after t can be there by "
        "then. The exact theory of this program rests on that.",
        "position", "stock position",
        see_also="net_inventory, mean_inventory_position",
    ),
    _quantity(
        "reorder_point", "r or s", "The position at which an order is placed",
        "An order is placed when the inventory position is at or below the reorder point. For "
        "rQ it is written r, for sS it is written s.",
        "ROP", "order point", "reorder level",
        in_other_books="R (Axsäter, Nahmias), where R is the review period here; min in min-max. "
        "Some books order only below it: in whole units their point is one higher.",
        see_also="rQ, sS, undershoot",
    ),
    _quantity(
        "order_quantity", "Q", "The size of an order, or of a step of it",
        "Each order of an rQ policy is a multiple of Q: the smallest that lifts the position "
        "above the reorder point. It is Q itself unless a customer or a long review period took "
        "the position to Q or more below that.",
        "lot size", "batch size", "order size",
        see_also="rQ, reorder_point",
    ),
    _quantity(
        "order_up_to", "S", "The position that an order lifts to",
        "An order of an sS or base_stock policy brings the inventory position up to S. The shelf "
        "sees less than S: the demand of the lead time comes off before the order is there. "
        "minimum_order or order_multiple can lift the position above S.",
        "order-up-to level", "base-stock level", "max",
        see_also="sS, base_stock, inventory_position",
    ),
    _quantity(
        "review_period", "R", "Time between two looks at the position",
        "With review_period = R the position is looked at, and orders are placed, at times 0, R, "
        "2R and so on. Left out, it is looked at at time 0 and right after each customer "
        "(continuous review).",
        "T", "review interval", "continuous review", "periodic review",
        in_other_books="R (Silver, Pyke and Thomas), T (Axsäter, Hadley and Whitin)",
        see_also="protection_interval, clock",
    ),
    _quantity(
        "lead_time", "L", "Time from order to receipt",
        "A distribution of time, drawn anew for each order. Orders may overtake one another; with "
        "order_crossing = false in [lead_time] an order arrives at the later of its own time and "
        "the arrival of the one before. An order with lead time 0 is received inside the review "
        "step that placed it.",
        "replenishment time", "delivery time", "order_crossing",
        written='[lead_time]\ndist = "constant"\nvalue = 4.0      # or "4 days"',
        in_customer_service="nearest: handling time of an agent, who is not free meanwhile",
        see_also="protection_interval, mean_on_order",
    ),
    _quantity(
        "protection_interval", "L + R", "The time that an order has to last",
        "From one review to the moment when what the next review orders is there: lead time + "
        "review period, or the lead time alone under continuous review. Stock has to cover the "
        "demand of this interval; taking the lead time alone under periodic review is a common "
        "slip.\n\n"
        "For periodic demand the number of demand instants it covers is printed too. If orders "
        "are placed after the demand of the instant (receive, demand, review) it covers one "
        "fewer.",
        "protection period", "risk period", "exposure period", "vulnerable period", "L plus R",
        see_also="review_period, clock, safety_stock",
    ),
)  # fmt: skip


# Policies: what each orders and when, as it is written, and what it is called elsewhere.


def _policy(word: str, title: str, text: str, toml: str, elsewhere: str, *also: str) -> Card:
    return Card(
        word, "policy", title, text,
        (("written", f"[policies.current]\n{toml}"), ("in other books", elsewhere)), also,
    )  # fmt: skip


_ORDER_SIZES = (
    "The quantity is raised to the least one that is at least minimum_order and a multiple of "
    "order_multiple, where these are given; the position can then end above S."
)

_POLICIES = (
    _policy(
        "rQ", "Reorder point r, order quantity Q",
        "When the inventory position is at or below the reorder point, order the smallest "
        "multiple of order_quantity that lifts it above the reorder point. After a review the "
        "position is therefore above r and at most r + Q. A run starts with r + Q on the shelf.",
        'kind = "rQ"\nreorder_point = 25\norder_quantity = 60\n'
        "review_period = 7.0    # left out: continuous review",
        "(r,Q) and (r,nQ) (Zipkin, Snyder and Shen), (Q,r) (Hopp and Spearman), (Q,R) (Nahmias), "
        "(R,Q) and (R,nQ) (Axsäter), (s,Q) (Silver, Pyke and Thomas), (s,nQ); with a review "
        "period (nQ,r,T) (Hadley and Whitin), (R,s,nQ). In (R,Q) and (Q,R) the R is the reorder "
        "point, not the review period.",
        "(r,Q)", "(r,nQ)", "(R,Q)", "(R,nQ)", "(Q,r)", "(Q,R)", "(s,Q)", "(s,nQ)", "(nQ,r,T)",
        "(R,s,nQ)", "(R,s,Q)", "reorder point policy", "fixed order quantity",
    ),
    _policy(
        "sS", "Reorder point s, order-up-to level S",
        "When the inventory position is at or below s, order what brings it up to S; else order "
        "nothing. Orders differ in size by the undershoot. s is below S. A run starts with S on "
        f"the shelf. {_ORDER_SIZES}",
        'kind = "sS"\nreorder_point = 22     # s\norder_up_to = 85       # S\n'
        "review_period = 1.0    # left out: continuous review\n"
        "minimum_order = 30     # may be left out\norder_multiple = 5     # may be left out",
        "(s,S) nearly everywhere, min-max; with a review period (R,s,S) (Silver, Pyke and "
        "Thomas), (R,r,T) (Hadley and Whitin). Some books order only below s: in whole units "
        "their s is one higher.",
        "(s,S)", "(R,s,S)", "(R,r,T)", "min-max", "min/max",
    ),
    _policy(
        "base_stock", "Order up to S at every review",
        "Whenever the inventory position is below order_up_to, order what is missing. Under "
        "continuous review each sale sets off an order of the same size; with a review period "
        "each review orders what was sold since the last (units still owed count as sold). A run "
        f"starts with S on the shelf. {_ORDER_SIZES}",
        'kind = "base_stock"\norder_up_to = 40       # S\n'
        "review_period = 7.0    # left out: continuous review\n"
        "minimum_order = 12     # may be left out\norder_multiple = 6     # may be left out",
        "order-up-to, base stock; with a review period (R,S) (Silver, Pyke and Thomas), (R,T) "
        "(Hadley and Whitin); under continuous review with customers of one unit (S-1,S), "
        "one-for-one",
        "(R,S)", "(T,S)", "(R,T)", "(S-1,S)", "one-for-one", "order-up-to", "order up to policy",
    ),
)  # fmt: skip


# Demand, and the distributions. "poisson" is both, and has one card.


def _demand(word: str, title: str, text: str, toml: str, *also: str, **lines: str) -> Card:
    facts = (("written", f"[demand]\n{toml}"), *_spoken(lines))
    return Card(word, "demand", title, text, facts, also)


_DEMANDS = (
    _demand(
        "poisson", "Poisson demand, and the Poisson distribution",
        "As a kind of demand: customers arrive one by one, at random, on average rate of them per "
        "time unit. How long ago the last one came says nothing about the next: the times between "
        "them are exponential. Each asks for size units, a number or a distribution (then it is "
        "called compound Poisson demand). A draw of 0 is no customer.\n\n"
        'As a distribution (dist = "poisson"): whole numbers 0, 1, 2, ..., such as the number of '
        "such customers in a given time. One parameter: mean, above 0. The variance equals the "
        "mean.",
        'kind = "poisson"\nrate = 5.0\nsize = 1               # or { dist = "geometric", '
        "mean = 3 }",
        "compound poisson", "poisson demand", "poisson distribution",
        the_distribution='{ dist = "poisson", mean = 20 }',
        mean="rate t E[size] units in a time t; of the distribution: mean",
        variance="rate t E[size^2] in a time t; of the distribution: mean",
    ),
    _demand(
        "renewal", "Customers with independent times between them",
        "Customers arrive one by one. The times between them are independent draws of "
        "interarrival, and the first gap is drawn like the others. Each asks for size units. "
        "With exponential gaps it is Poisson demand; erlang gaps make it more regular, "
        "gaps with sd above their mean more bunched. What a customer meets can then differ from "
        "what the clock sees: compare fill_rate and ready_rate.",
        'kind = "renewal"\ninterarrival = { dist = "erlang", mean = 0.2, k = 4 }\nsize = 1',
        "renewal process", "compound renewal", "interarrival",
        mean="E[size] / E[interarrival] units per time unit",
    ),
    _demand(
        "periodic", "One draw of demand a period",
        "At times 0, every, 2 x every, ... one customer asks for a draw of quantity, with the "
        "given probability; else nobody asks. It stands for the demand of a day or a week taken "
        "as a whole. A period runs from its demand instant to just before the receipts of the "
        "next.\n\n"
        "pattern, if given, holds factors on the drawn quantity that repeat over the periods. A "
        "quantity of whole units is rounded to the nearest whole unit, halves up.",
        'kind = "periodic"\nevery = 1\nquantity = { dist = "negative_binomial", mean = 20, '
        "variance = 60 }\nprobability = 0.9      # left out: 1\n"
        "pattern = [1, 1, 1, 1, 1.5, 0.5, 0]",
        "periodic demand", "pattern", "discrete time", "intermittent demand",
        mean="probability x E[quantity] x mean of the pattern / every",
    ),
    _demand(
        "history", "Demand taken from a record",
        "Demand as in periodic, from a column of a file, one row a period. bootstrap, the "
        "default, draws rows independently and alike, so that any order or season in the record "
        "is lost. replay plays the record once, as it is: the horizon is its length, there is no "
        "warm-up, one replication and no interval.",
        'kind = "history"\nfile = "demand.csv"    # beside the scenario\ncolumn = "units"\n'
        'every = 1\nresample = "bootstrap" # or "replay"',
        "bootstrap", "replay", "resample",
        may_have="pattern, as periodic has",
        see_also="periodic, empirical",
    ),
)  # fmt: skip


def _distribution(
    word: str, draws: str, text: str, example: str, mean: str, variance: str, *also: str
) -> Card:
    title = f"{word.replace('_', ' ').capitalize()} distribution"
    lines = (("written", example), ("draws", draws), ("mean", mean), ("variance", variance))
    return Card(word, "distribution", title, text, lines, (title, *also))


_SD_OR_CV = "the square of sd, where sd = cv x mean if cv is given"

_DISTRIBUTIONS = (
    _distribution(
        "constant", "always value, which is 0 or more",
        "No chance in it. A bare number means the same: size = 1.",
        '{ dist = "constant", value = 4 }', "value", "0", "deterministic",
    ),
    _distribution(
        "uniform", "any real number from low to high, all alike",
        "Parameters: low, 0 or more, and high, above low. It draws fractions. For whole numbers "
        "alike, such as a die, use discrete.",
        '{ dist = "uniform", low = 2, high = 6 }', "(low + high) / 2", "(high - low)^2 / 12",
    ),
    _distribution(
        "normal", "real numbers, 0 or more",
        "Parameters: mean m, above 0, and sd s or cv = s / m, those of the bell curve before "
        "clipping. A draw below 0 becomes 0, in the simulation and in the exact theory alike. "
        "That lifts the mean and lowers the variance. The run warns where it touches more than "
        "1 % of the draws, that is from a cv of about 0.43 on; gamma has no such trouble.",
        '{ dist = "normal", mean = 10, sd = 3 }',
        "m Phi(m/s) + s phi(m/s), where Phi and phi are the standard normal distribution "
        "function and density",
        "(m^2 + s^2) Phi(m/s) + m s phi(m/s) - (that mean)^2", "gaussian", "clipping",
    ),
    _distribution(
        "gamma", "real numbers above 0, skewed to the right",
        "Parameters: mean, above 0, and sd or cv. The usual choice for demand or lead times that "
        "vary much and cannot be negative. Shape 1 / cv^2, scale cv^2 x mean; cv = 1 is the "
        "exponential. The gamma service level is another thing: see gamma_service_level.",
        '{ dist = "gamma", mean = 10, cv = 0.5 }', "mean", _SD_OR_CV,
    ),
    _distribution(
        "lognormal", "real numbers above 0, with a long tail to the right",
        "Parameters: mean, above 0, and sd or cv. They are those of the value itself, not of its "
        "logarithm. The logarithm is normal with variance ln(1 + cv^2).",
        '{ dist = "lognormal", mean = 10, cv = 0.8 }', "mean", _SD_OR_CV,
    ),
    _distribution(
        "exponential", "real numbers above 0, small ones most often",
        "Parameter: mean, above 0. It has no memory: how long one has waited says nothing about "
        "how long is left. Times between the customers of Poisson demand are exponential.",
        '{ dist = "exponential", mean = 0.2 }', "mean", "mean^2",
    ),
    _distribution(
        "erlang", "real numbers above 0",
        "The sum of k exponential stages alike. Parameters: mean, that of the whole sum, and k, a "
        "whole number of 1 or more. k = 1 is the exponential; a larger k is more regular. It is "
        "the gamma with cv = 1 / sqrt(k).",
        '{ dist = "erlang", mean = 4, k = 4 }', "mean", "mean^2 / k",
    ),
    _distribution(
        "negative_binomial", "whole numbers 0, 1, 2, ...",
        "For counts that vary more than Poisson ones do. Parameters: mean, and one of variance, sd "
        "or cv; the variance must be above the mean. With size mean^2 / (variance - mean) and "
        "success probability mean / variance it counts the failures before that many successes; "
        "the size need not be whole.",
        '{ dist = "negative_binomial", mean = 20, variance = 60 }', "mean",
        "variance, or sd^2, or (cv x mean)^2", "NB", "pascal",
    ),
    _distribution(
        "geometric", "whole numbers 1, 2, 3, ...",
        "The number of trials up to the first success, that one included. Parameter: mean, 1 or "
        "more; the probability of success is 1 / mean. It starts at 1, not at 0: nobody comes to "
        "ask for nothing. Used for sizes of customers, with Poisson arrivals (stuttering Poisson).",
        '{ dist = "geometric", mean = 3 }', "mean", "mean x (mean - 1)", "stuttering poisson",
    ),
    _distribution(
        "binomial", "whole numbers 0, 1, ..., n",
        "How many of n independent trials succeed. Parameters: n, a whole number of 1 or more, and "
        "p, the probability that one succeeds.",
        '{ dist = "binomial", n = 10, p = 0.3 }', "n p", "n p (1 - p)", "bernoulli",
    ),
    _distribution(
        "discrete", "the listed values",
        "Parameters: values, each 0 or more, and probabilities, one for each, with sum 1. Values "
        "that are all whole make demand of whole units.",
        '{ dist = "discrete", values = [1, 6], probabilities = [0.8, 0.2] }',
        "sum of probability x value", "sum of probability x (value - mean)^2",
    ),
    _distribution(
        "empirical", "the recorded values, each row alike",
        "Draws a row of a column of a file, independently of the rows drawn before. Nothing above "
        "the largest value on record is ever drawn. Parameters: file, relative to the scenario, "
        "and column; or values, a list, in their place.",
        '{ dist = "empirical", file = "lead_times.csv", column = "days" }',
        "mean of the rows", "mean square deviation of the rows from their mean (divided by n)",
    ),
)  # fmt: skip


# Verdicts and topics.


def _verdict(word: str, title: str, text: str, see_also: str, *also: str) -> Card:
    return Card(word, "verdict", title, text, (("see also", see_also),), also)


_VERDICTS = (
    _verdict(
        "agrees", "The simulation and the exact theory say the same",
        "The exact value and the simulation differ by no more than chance explains, at the error "
        "rate stated with the result, which holds for all measures of the run together; and the "
        "interval is narrow enough for that to mean something. The two come from code that shares "
        "nothing but the scenario.",
        "disagrees, inconclusive, interval",
    ),
    _verdict(
        "disagrees", "The simulation and the exact theory contradict each other",
        "An exact value and the simulation differ by more than chance explains, at the error rate "
        "stated with the result over all measures of the run. At that rate it happens by bad luck; "
        "run again with another seed. If it stays, one of the two is wrong, or the warm-up is too "
        "short: please report it. `simlevel verify` ends with status 1.",
        "agrees, warmup",
    ),
    _verdict(
        "approximation", "Only an approximate formula covers this",
        "Theory gives a value that leaves something out. It is no test of the simulation: the gap "
        "between the two is given, and its cause named, such as no undershoot, normal demand, one "
        "order outstanding at a time, L in place of L + R. Trust the simulation.",
        "no formula, undershoot, protection_interval", "approximate",
    ),
    _verdict(
        "inconclusive", "The interval is too wide to tell",
        "There is an exact value, but the half-width of the simulation's interval is above the "
        "tolerance: 0.005 for shares, 0.5 % of the exact value for the rest. A longer horizon or "
        "more replications help; four times as much simulation halves the interval. `simlevel "
        "verify` adds replications by itself, up to --max-replications.",
        "agrees, interval", "half-width",
    ),
    _verdict(
        "no formula", "No theory here covers this",
        "Neither an exact nor an approximate formula of this program holds for this measure in "
        "this scenario. The simulation stands alone, with its interval.",
        "approximation, interval", "no_formula",
    ),
    _verdict(
        "met", "The target is reached",
        "The whole interval of the measure is on the right side of the target. Shares, "
        "safety_stock and inventory_cover are to be at least the target; other stocks, waits, "
        "costs and counts per time at most.",
        "missed, cannot tell, interval", "target", "targets",
    ),
    _verdict(
        "missed", "The target is not reached",
        "The whole interval of the measure is on the wrong side of the target: below it for "
        "shares, safety_stock and inventory_cover, above it for other stocks, waits, costs and "
        "counts per time.",
        "met, cannot tell, interval",
    ),
    _verdict(
        "cannot tell", "The interval leaves it open",
        "Of a target: the interval reaches across it, so the measure may be on either side.\n\n"
        "Of a difference between two policies: the interval of the difference holds 0, so either "
        "may be the higher one. Below it stands about how many replications, in all, would tell: "
        "four times in five, if the difference is as large as it looks so far. Where that would "
        "take more than 10,000, there is no difference worth looking for.\n\n"
        "A longer horizon or more replications narrow the interval.",
        "met, missed, higher, lower, best", "cannot_tell", "would tell",
    ),
    _verdict(
        "higher", "This policy's measure is above the baseline's",
        "The whole interval of the difference, this policy less the baseline, is above 0. The "
        "intervals are simultaneous: the confidence holds for all differences shown together, so "
        "each is wider than one alone would be. Higher is better for a share and worse for a cost.",
        "lower, cannot tell, common_random_numbers", "baseline", "differences",
    ),
    _verdict(
        "lower", "This policy's measure is below the baseline's",
        "The whole interval of the difference, this policy less the baseline, is below 0. The "
        "intervals are simultaneous: the confidence holds for all differences shown together, so "
        "each is wider than one alone would be. Lower is better for a cost and worse for a share.",
        "higher, cannot tell, common_random_numbers",
    ),
)  # fmt: skip


def _topic(
    word: str, title: str, text: str, see_also: str, *also: str, kind: Kind = "topic",
    lines: tuple[tuple[str, str], ...] = (),
) -> Card:  # fmt: skip
    return Card(word, kind, title, text, (*lines, ("see also", see_also)), also)


_TOPICS = (
    _topic(
        "clock", "What comes first at one instant",
        "At one and the same time (1) what is due is received, (2) the position is reviewed and "
        "orders are placed, (3) demand arrives. Receipts serve those who wait, oldest first. "
        "Continuous review looks again right after each customer. With lead time 0 an order is "
        "received inside its review step.\n\n"
        "The order matters: with lead time 3, Poisson demand of 10 a day and daily review, s = 35 "
        "and S = 40 make a fill rate of 75 % in this order, and of 99 % with demand before review. "
        "So every result prints its clock. Times that are equal on paper are equal here: 0.1 "
        "ten times is 1.0.",
        "protection_interval, cycle", "sequence", "order of events", "sequence of events",
        kind="clock",
        lines=(
            ("written", '[clock]\nsequence = ["receive", "demand", "review"]'
             "\n# left out: receive, review, demand"),
        ),
    ),
    _topic(
        "cycle", "Replenishment cycle",
        "The time from one receipt to the next; receipts at one instant are one. A cycle is "
        "counted, with all that happened in it, if the receipt that ends it falls in the window. "
        "It had a stockout if any customer was left waiting or turned away in it, and units still "
        "owed from before count as waiting. A review that orders nothing has no receipt and so "
        "ends no cycle.",
        "cycle_service_level, stockouts_per_time, safety_stock",
        "replenishment cycle", "order cycle",
    ),
    _topic(
        "warmup", "Time before counting starts",
        "A run starts at time 0 with nothing on order and a full shelf: order_up_to, or "
        "reorder_point + order_quantity, unless [start] net_inventory says otherwise. As a "
        "rule that is better than the long run, so the first stretch, the warm-up, is simulated "
        "and not counted. All totals are over [warmup, warmup + horizon).\n\n"
        'warmup = "auto" takes one warm-up for all policies of a file, the longest that any of '
        "them needs; a duration sets it by hand. A replayed history has none.",
        "interval, history", "warm-up", "start", "horizon", "initial transient",
        lines=(("written", '[simulation]\nwarmup = "auto"      # or 100, or "14 weeks"'),),
    ),
    _topic(
        "interval", "How the confidence intervals are made",
        "Each measure is one ratio of sums, over the window and all replications: units served / "
        "units asked for, say. It is not a mean of the replications' own ratios, which weighs a "
        "quiet one like a busy one and is biased.\n\n"
        "The replications are independent, so the interval follows from how they scatter: with "
        "ratio r and sums x and y of a replication, from the variance of x - r y (the ratio, "
        "linearised), with Student's t for one degree of freedom fewer than there are "
        "replications. What goes wrong (units short, backorders) is skewed: a few bad windows are "
        "far above the rest. Its interval is made on the scale of logarithms, and so reaches "
        "further to the bad side than to the good one. Where fewer than 30 stockouts were seen, or "
        "fewer than 30 successes of a share, it can be too narrow: it is then widened by one made "
        "for small counts, exact for the cycle service level, and a note says so.\n\n"
        "Confidence is 95 % unless "
        "[simulation] confidence says otherwise: 19 of 20 such intervals hold the true value.",
        "inconclusive, warmup, common_random_numbers",
        "confidence interval", "confidence", "ratio of sums", "replications",
    ),
    _topic(
        "window", "How service scatters over windows of one length",
        "The long run is one number; quarters scatter about it. --window T cuts the horizon of "
        "each replication into consecutive windows and takes every share in each: their mean, "
        "their quantiles (one window in twenty is at or below the 5 % one) and, where there is a "
        "target, the share of windows that reach it. A window with nothing to count, such as "
        "one without demand, counts as 1 and is counted. The horizon has to hold one; under "
        'horizon = "auto" it holds 50 at least.\n\n'
        "The mean fill rate of windows is as a rule above the long run: a busy window, "
        "which is served worse, weighs no more than a quiet one. Where each period begins with a "
        "full shelf it is known exactly. A share of time has the long run as its mean.\n\n"
        "A window begins with what the one before left, so the intervals follow from how whole "
        "replications scatter, each a cluster of windows: wider where few windows fail, and for "
        "a quantile all shares that they do not refute.",
        "fill_rate, interval, met",
        "windows", "finite horizon", "finite-horizon fill rate", "scatter",
        lines=(
            ("written", 'simlevel run FILE --window "2 weeks"'),
            ("source",
             "Chen, Lin and Thomas, Operations Research Letters 31 (2003); Thomas, Measuring item "
             "fill-rate performance in a finite horizon, M&SOM 7 (2005)"),
        ),
    ),
    _topic(
        "common_random_numbers", "All policies meet the same customers",
        "In replication 7 every policy of a file meets the same customers at the same times, "
        "asking for the same amounts. What differs is then due to the policies and not to luck, so "
        "a difference is known far better than from two separate runs. Its interval is made from "
        "the differences, replication by replication.\n\n"
        "Demand sizes, gaps and lead times each have a random stream of their own, made from the "
        "seed and the number of the replication. Replication 7 is the same whether it runs first, "
        "last or on another machine.",
        "higher, lower, interval", "CRN", "seed", "random numbers",
    ),
    _topic(
        "best", "Which policies may be the best",
        "With two or more policies and [costs], a run names those that may have the lowest "
        "cost_per_time; --best MEASURE asks for another measure. At the confidence stated the best "
        "policy is among those named: one that is left out is worse than another, beyond chance. "
        "For the others it says how far behind the best of the rest they are at most, so that one "
        "that is nearly as good can be kept for other reasons.\n\n"
        "These are multiple comparisons with the best (MCB, Hsu 1984), from the differences on "
        "common random numbers. The confidence holds for this statement; that of the table of "
        "differences holds for that table. If more than one is named, more replications narrow "
        "the choice.",
        "common_random_numbers, cannot tell, cost_per_time",
        "MCB", "multiple comparisons with the best",
    ),
    _topic(
        "undershoot", "How far below the reorder point an order finds the position",
        "Customers who ask for several units, and demand between two reviews, take the position "
        "past the reorder point before an order is placed: by the undershoot, 0 if it stops at the "
        "point exactly. The lead time then starts with less than the reorder point, and formulas "
        "that leave this out promise too much service. With customers of one unit and continuous "
        "review it is 0.\n\n"
        "If orders are large beside D, the units of one customer (under periodic review, of one "
        "review period), its mean is near E[D^2] / (2 E[D]), or E[D (D - 1)] / (2 E[D]) in whole "
        "units.",
        "reorder_point, approximation, safety_stock",
    ),
    _topic(
        "shortage", "What becomes of a customer who finds too little",
        'shortage = "backorder": the customer takes what is on the shelf and waits for the rest, '
        "first come first served.\n\n"
        'shortage = "lost_sales": the customer takes what is on the shelf, and the rest is lost. '
        "It counts as demand, is never delivered, and nothing is ever owed; measures of waiting "
        "are null.",
        "backorders, lost_per_time, fill_rate",
        "lost_sales", "backorder", "stockout", "backordering",
        lines=(("written", 'shortage = "backorder"    # or "lost_sales", at the top of the file'),),
    ),
    _topic(
        "customer_service", "The words of a service desk, and the measures near to them",
        "A service desk keeps agents where a warehouse keeps stock. Its usual figures have these "
        "counterparts here; where it says nearest, the two are alike but not the same.",
        "fill_rate, order_fill_rate, mean_wait, mean_on_order, mean_backorders",
        "complete at first contact", "first response time", "resolution rate", "handling time",
        "first contact resolution", "first-contact resolution rate", "FRT", "FCR", "AHT",
        lines=(
            ("complete at first contact",
             "order_fill_rate, counted by customer; fill_rate, counted by unit"),
            ("first response time",
             "nearest: mean_wait, where the delivery is the first response, and those served at "
             "once count with 0"),
            ("resolution rate",
             "at first contact: order_fill_rate; within a time limit, nearest: served_within; in "
             "the end: fill_rate under lost sales, and always 1 with backorders"),
            ("handling time",
             "from opening a case to closing it, nearest: mean_wait; of an agent at work, "
             "nearest: the lead_time, which with the demand makes mean_on_order"),
            ("open cases", "mean_backorders; at closing time, gamma_service_level"),
        ),
    ),
)  # fmt: skip


# Other programs: made from conventions.py, which the tests hold against the programs themselves.


def _conventions_card() -> Card:
    return Card(
        "conventions",
        "topic",
        "The numbers of other programs, and the scenario here that gives them",
        "Given the same policy, two programs disagree by the order of events alone: whether stock "
        "is reviewed before or after a period's demand, whether an order arrives at the start or "
        "the end of a period, and whether it is placed at s or only below. L, s and S are what "
        "the other program is given; write review_period = 1 and one period a time unit. Each has "
        "a card with its measures and what to beware of.",
        (
            ("write", _aligned(
                [("", "sequence", "lead_time", "reorder_point"),
                 *((one.program, one.clock, one.lead_time, one.reorder_point)
                   for one in CONVENTIONS)]
            )),
            ("see also", ", ".join(["clock", *(one.program for one in CONVENTIONS)])),
        ),
        ("other programs", "translation", "migration"),
    )  # fmt: skip


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def _program_card(one: Convention) -> Card:
    return Card(
        one.program,
        "program",
        one.title,
        one.beware,
        (
            ("in one period", one.period),
            ("write", _keys(one)),
            ("start", one.start),
            *((theirs, " + ".join(ours)) for theirs, ours in one.figures),
            ("see also", "conventions, clock"),
        ),
        one.also,
    )


def _keys(one: Convention) -> str:
    lines = [f"reorder_point = {one.reorder_point}", f"lead_time = {one.lead_time}"]
    if one.sequence:
        steps = ", ".join(f'"{step}"' for step in one.sequence)
        lines += ["review_period = 1", f"[clock] sequence = [{steps}]"]
    return "\n".join(lines)
