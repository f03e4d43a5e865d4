"""How other programs play a period, and how a scenario here is written to get their numbers."""

from __future__ import annotations

from dataclasses import dataclass

REVIEW_FIRST = ("receive", "review", "demand")
DEMAND_FIRST = ("receive", "demand", "review")


@dataclass(frozen=True)
class Convention:
    """One program's clock, in the words of a scenario. L, s and S are what it is given."""

    program: str
    title: str
    period: str
    """What it does in one period, in its order."""
    sequence: tuple[str, ...] | None
    """[clock] sequence with a review_period of 1; None is continuous review."""
    lead_time_added: int
    """Periods that its orders take beyond L, the receipt being at the start of a period."""
    below: bool
    """It orders below s only, so that whole units need reorder_point = s - 1."""
    start: str
    """[start] net_inventory, in its words."""
    figures: tuple[tuple[str, tuple[str, ...]], ...]
    """(its figure, the measures here that add up to it)"""
    beware: str
    also: tuple[str, ...] = ()
    """Other names of it."""

    @property
    def clock(self) -> str:
        return ", ".join(self.sequence) if self.sequence else "continuous review"

    @property
    def lead_time(self) -> str:
        return f"L + {self.lead_time_added}" if self.lead_time_added else "L"

    @property
    def reorder_point(self) -> str:
        return "s - 1" if self.below else "s"


CONVENTIONS = (
    Convention(
        "stockpyl.sim", "The simulation of stockpyl 1.0",
        "demand is seen, an order is placed (at or below s), what is due is received, demand is "
        "served",
        DEMAND_FIRST, 0, False,
        "initial_inventory_level; left out, S, or Q under (r, Q)",
        (("fill_rate", ("fill_rate",)),
         ("total cost / periods", ("holding_cost", "backorder_cost"))),
        "Its (r, Q) orders one Q a period; here an order is the least multiple of Q that lifts "
        "the position above r: the same only where one Q always does. With L = 0 it receives the "
        "order before it serves the demand that caused it: costs agree, its fill rate has no "
        "counterpart. It counts from its first period on: warmup = 0.",
        ("stockpyl",),
    ),
    Convention(
        "stockpyl.rq", "The function r_q_cost_poisson of stockpyl 1.0",
        "customers come one by one, an order is placed when the position falls to s, its r",
        None, 0, False, "none, it is the long run",
        (("r_q_cost_poisson", ("cost_per_time",)),),
        "Its lead time is a number. r_q_cost, for normal demand, is an approximation.",
    ),
    Convention(
        "stockpyl.ss", "The function s_s_cost_discrete of stockpyl 1.0",
        "an order is placed (at or below s) and received at once, demand is served, costs are "
        "counted",
        REVIEW_FIRST, 0, False, "none, it is the long run",
        (("s_s_cost_discrete", ("cost_per_time",)),),
        "It knows no lead time: L is 0.",
    ),
    Convention(
        "stockcast", "The simulation of stockcast 0.2",
        "what is due is received, an order is placed (at or below s), demand is served",
        REVIEW_FIRST, 0, False,
        "on_hand of the opening inventory",
        (("fill_rate", ("fill_rate",)),
         ("demand_period_service_level", ("order_fill_rate",)),
         ("avg_on_hand", ("mean_on_hand",)),
         ("backlog_unit_periods / periods", ("mean_backorders",)),
         ("order_event_count / periods", ("orders_per_time",))),
        "Its (s, Q) orders one Q at a review; here an order is the least multiple of Q that "
        "lifts the position above s: the same only where one Q always does. Its "
        "cycle_service_level looks at new shortages only; here a cycle in which older backorders "
        "wait has failed.",
    ),
    Convention(
        "SimOpt", "Problem SSCONT of simoptlib 1.2",
        "what is due is received, demand is served, an order is placed (below s), for the "
        "start of the day L days after the next",
        DEMAND_FIRST, 1, True,
        "s, whatever S is",
        (("avg_holding_costs", ("holding_cost",)),
         ("avg_order_costs", ("order_cost", "purchase_cost")),
         ("avg_backorder_costs", ("shortage_cost",)),
         ("on_time_rate", ("fill_rate",)),
         ("order_rate", ("orders_per_time",)),
         ("1 - stockout_rate", ("in_stock_at_period_end",))),
        "Its exponential demand never meets s exactly: reorder_point = s. Its backorder_cost is "
        "shortage in [costs], paid once a unit, however long it waits. Over replications its "
        "on_time_rate is a mean of ratios, here it is a ratio of sums: compare the costs.",
        ("SSCONT", "simoptlib"),
    ),
)  # fmt: skip
