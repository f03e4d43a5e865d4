"""Pictures of results: each takes a result and an optional ``ax``, and returns the Axes.

Nothing is computed here: what is drawn are numbers that a study has found. Importing this
imports matplotlib.
"""

from simlevel.reports.figures.convergence import convergence, start
from simlevel.reports.figures.demand_law import demand_law
from simlevel.reports.figures.exchange_curve import exchange_curve
from simlevel.reports.figures.fitted import fitted
from simlevel.reports.figures.frontier import frontier
from simlevel.reports.figures.inventory_path import inventory_path
from simlevel.reports.figures.policies import differences, policies
from simlevel.reports.figures.service_curve import service_curve
from simlevel.reports.figures.waiting import waiting
from simlevel.reports.figures.waterfall import waterfall
from simlevel.reports.figures.windows import windows

__all__ = [
    "convergence", "demand_law", "differences", "exchange_curve", "fitted", "frontier",
    "inventory_path", "policies", "service_curve", "start", "waiting", "waterfall", "windows",
]  # fmt: skip
