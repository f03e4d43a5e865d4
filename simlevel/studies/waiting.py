"""How long customers wait: the share of units delivered within W, for W from 0 on."""

from __future__ import annotations

import math
from typing import Any

from simlevel.errors import InputError
from simlevel.model.fields import as_number, exact
from simlevel.model.scenario import Measures, Scenario
from simlevel.studies.evaluate import analyze, simulate
from simlevel.studies.result import Result

MOST = 20
"""Waiting times that one scenario may ask for."""


def waits(scenario: Scenario, longest: float | None = None) -> tuple[float, ...]:
    """At most 20 waiting times, evenly from the first above 0 to *longest* or a little more.

    Left out, *longest* is the mean lead time and the longest review period of the policies,
    after which an order placed for the customer has come. In time units; steps of one, two or
    five, or tenths of them.
    """
    if longest is None:
        reviews = (policy.review_period or 0.0 for policy in scenario.policies.values())
        longest = scenario.lead_time.mean() + max(reviews)
    least = (longest or 1.0) / MOST
    ten = 10.0 ** math.floor(math.log10(least))
    step = exact(next(round(n * ten, 9) for n in (1, 2, 5, 10) if n * ten >= least * 0.999999))
    count = min(MOST, max(1, math.ceil(exact(longest) / step)))
    return tuple(as_number(step * number) for number in range(1, count + 1))


def waiting(
    scenario: Scenario, longest: float | None = None, *, simulated: bool = True, **more: Any
) -> Result:
    """The result of *scenario* with ``served_within_W`` for each W of :func:`waits`.

    What the file asks for is replaced, targets on it too. *more* goes to ``simulate``; without
    *simulated* theory alone answers. Raises InputError under lost sales, where nobody waits.
    """
    if scenario.lost_sales:
        raise InputError("expected customers who wait, found lost sales: they leave at once")
    within = Measures(served_within=waits(scenario, longest))
    targets = {key: value for key, value in scenario.targets.items() if "served_within" not in key}
    asked = scenario.model_copy(update={"measures": within, "targets": targets})
    return simulate(asked, **more) if simulated else analyze(asked)
