"""A portfolio's answer as documents: ``summary.json`` and ``manifest.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import simlevel
from simlevel.model.fields import singular
from simlevel.model.portfolio import Portfolio
from simlevel.periods import Periods
from simlevel.studies.portfolio.answer import Answer
from simlevel.studies.portfolio.chunk import SIDES
from simlevel.studies.portfolio.rollup import ANSWERS, LeftOut, Sums
from simlevel.studies.portfolio.run import Work
from simlevel.studies.portfolio.system import WEIGHTS, Optimum, Point
from simlevel.studies.portfolio.verification import (
    PERIODS,
    PROMISES,
    REPLICATIONS,
    Verification,
)
from simlevel.studies.verdict import ERROR_RATE

Document = dict[str, Any]

CALLED = {"present": "in use", "proposed": "proposed", "system": "system"}
OF = {"unit": "units", "line": "order lines", "value": "value"}
"""What a share is of, by its weight."""
WEIGHED = {
    "unit": "each item counts by the units asked for",
    "line": "each item counts by its order lines, the periods in which it is asked for",
    "value": "each item counts by the value of the units asked for",
}
"""What the weights of a share mean."""


def manifest(work: Work) -> Document:
    """What the folder was made from."""
    portfolio = work.portfolio
    return {
        "simlevel": simlevel.__version__,
        "portfolio": {
            "sha256": portfolio.origin.sha256 if portfolio.origin else None,
            "name": portfolio.name,
        },
        "inputs": {name: {"sha256": digest} for name, digest in work.inputs.items()},
        "settings": portfolio.model_dump(mode="json", exclude_none=True),
        "seed": portfolio.seed,
        "key": work.key,
        "items": work.items,
    }


def summary(found: Answer) -> Document:
    """The back-test, service and investment by class, the system optimum, what to change first.

    Shares are fractions; where something is not known it is null.
    """
    portfolio = found.work.portfolio
    return {
        "simlevel": simlevel.__version__,
        "portfolio": portfolio.name,
        "time_unit": portfolio.time_unit,
        "weights": WEIGHED,
        "back_test": _split(portfolio),
        "all_items": _class(portfolio, "", found.rollup.whole),
        "classes": {
            name: _class(portfolio, name, each) for name, each in found.rollup.classes.items()
        },
        "system": _system(found.system),
        "changes": {
            "per": found.changes.per,
            "in": "money" if found.changes.priced else "units",
            "items": found.changes.rows,
        },
        "verification": _verified(found.work, found.verification),
        "warnings": found.warnings,
    }


def _verified(work: Work, found: Verification | None) -> Document | None:
    """None where the demand is known by its moments only: nothing to simulate."""
    if found is None:
        return None
    asked = work.portfolio.verify
    return {
        "settled": found.settled,
        "sampled": found.sampled,
        "agree": found.agree,
        "refuted": [
            {"item": test.item, "measure": test.measure, "promised": test.promised,
             "low": test.low, "high": test.high}
            for test in found.refuted
        ],
        "half_width": {name: found.half_width(name) for name in PROMISES},
        "wrong_share": asked.wrong_share,
        "error_rate": asked.error_rate,
        "false_alarm_rate": ERROR_RATE,
        "replications": REPLICATIONS,
        "periods": PERIODS,
        "says": _reach(work, found),
    }  # fmt: skip


def _reach(work: Work, found: Verification) -> str:
    """What the sample can and cannot show, in a sentence."""
    asked = work.portfolio.verify
    served, stock = found.half_width("fill_rate"), found.half_width("mean_on_hand")
    if not found.sampled:
        return "No settings, so none to simulate."
    if found.sampled < found.settled:
        shows = (
            f"Had {100 * asked.wrong_share:.3g} % or more of the {found.settled:,} settings been "
            f"promised wrongly, the {found.sampled:,} simulated would hold one with a probability "
            f"of {100 - 100 * asked.error_rate:.4g} %"
        )
    else:
        shows = "All settings were simulated"
    seen = (
        f" (of half the fill rates less than {served:.2g}, of half the stocks less than "
        f"{100 * stock:.2g} %)"
        if served and stock
        else ""
    )
    return (
        f"{shows}; promises that are off by less than their interval's half-width{seen} pass, and "
        "whether the fitted demand is that of the items is for the back-test to say."
    )


def _split(portfolio: Portfolio) -> Document | None:
    """How many periods of the record are fitted for the back-test, and how many replayed."""
    if (history := portfolio.history) is None:
        return None
    periods = Periods.between(history.first, history.last, singular(portfolio.time_unit)).count
    replayed = portfolio.backtest.periods or periods // 3
    return {"periods_fitted": periods - replayed, "periods_replayed": replayed}


def _class(portfolio: Portfolio, name: str, sums: Sums) -> Document:
    wanted = portfolio.classes[name].target if name in portfolio.classes else None
    return {
        "target": wanted and dict([wanted]),
        "items": sums.items,
        "settled": sums.counted["proposed"],
        "to_hold_more": sums.more,
        "to_hold_less": sums.less,
        "families": dict(sums.families.most_common()),
        "how": {how or "exact": items for how, items in sums.how.most_common()},
        "left_out": _causes(sums.left_out),
        "not_in_use": _causes(sums.not_in_use),
        "back_test": {side: _tested(sums, side) for side in SIDES},
        "long_run": {side: _long_run(portfolio, sums, side) for side in ANSWERS},
        "without_unit_value": sums.unvalued,
        "change_of_investment": _money(
            sums, sums.totals["compared_investment"] - sums.totals["present_investment"]
        )
        if sums.counted["present"]
        else None,
    }


def _causes(found: Mapping[str, LeftOut]) -> Document:
    """Most items first."""
    ranked = sorted(found.items(), key=lambda each: -each[1].items)
    return {cause: {"items": each.items, "first": each.first} for cause, each in ranked}


def _tested(sums: Sums, side: str) -> Document:
    t, tested = sums.totals, f"tested_{side}"
    cycles = t[f"{tested}_cycles"]
    return {
        "items": sums.tested[side],
        "cycle_service_level": {
            "promised": _ratio(t[f"{tested}_promised_clean"], cycles),
            "reached": _ratio(t[f"{tested}_clean"], cycles),
        },
        "fill_rate": {
            f"by_{weight}": {
                did: _ratio(t[f"{tested}_{did}_by_{weight}"], t[f"{tested}_{weight}"])
                for did in ("promised", "reached")
            }
            for weight in WEIGHTS
        },
        "complete_lines": {"reached": _ratio(t[f"{tested}_whole_lines"], t[f"{tested}_line"])},
    }


def _long_run(portfolio: Portfolio, sums: Sums, side: str) -> Document:
    totals = sums.totals
    served = {
        f"by_{weight}": _ratio(totals[f"{side}_served_by_{weight}"], totals[f"{side}_{weight}"])
        for weight in WEIGHTS
    }
    known = served["by_unit"] is not None
    costed = known and portfolio.costs is not None and portfolio.costs.holding != 0
    return {
        "items": sums.counted[side],
        "fill_rate": served,
        "investment": _money(sums, totals[f"{side}_investment"]) if known else None,
        "cost_per_time": totals[f"{side}_cost"] if costed and side != "system" else None,
    }


def _money(sums: Sums, amount: float) -> float | None:
    return amount if sums.unvalued < sums.counted["proposed"] else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _system(found: Optimum | str) -> Document:
    if isinstance(found, str):
        return {"left_out": found}
    return {
        "weight": found.weight,
        "investment_in": "money" if found.priced else "units on hand",
        "items": found.items,
        "settled": found.settled,
        "target": {"fill_rate": found.target, "from": "file" if found.asked else "equal_target"},
        "present": found.present and _point(found.present),
        "equal_target": _point(found.equal_target),
        "optimum": _point(found.reached) | {
            "could_be_less_by": found.could_be_less, "items_that_hold_nothing": found.empty,
        },
        "curve": [_point(each) for each in found.curve],
    }  # fmt: skip


def _point(point: Point) -> Document:
    return {"fill_rate": point.fill_rate, "investment": point.investment}


def by_class(document: Document) -> list[tuple[str, Document]]:
    """All items of a summary, and each class with settings where there are several; by name."""
    classes = [(name, each) for name, each in document["classes"].items() if each["settled"]]
    return [("all items", document["all_items"]), *(classes if len(classes) > 1 else [])]
