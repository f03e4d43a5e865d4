"""What a level serves under a demand model, by convolution: shares no code with fitting or theory.

Demand comes once a period, all of it at once; an order placed after it arrives LEAD_TIME periods
later, before that period's demand. With a position raised to S after each period's demand, what
is short in a period is E(D(L) - S)+ - E(D(L - 1) - S)+ there, D(n) the demand of n periods.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from simlevel.model import demand as m
from simlevel.model import distribution as d

LEAD_TIME = 4
CELLS = 1 << 13


def cumulative(law, x):
    """P(X <= x) of a distribution of the model, from scipy.stats; draws below 0 become 0."""
    mean, sd = law.mean(), law.sd()
    match law:
        case d.Normal():
            return np.where(x < 0, 0, stats.norm.cdf(x, law.mean_, law.nominal_sd))
        case d.Gamma():
            return stats.gamma.cdf(x, (mean / sd) ** 2, scale=sd**2 / mean)
        case d.Lognormal():
            s = np.sqrt(np.log1p((sd / mean) ** 2))
            return stats.lognorm.cdf(x, s, scale=mean * np.exp(-s * s / 2))
        case d.Poisson():
            return stats.poisson.cdf(x, mean)
        case d.NegativeBinomial():
            return stats.nbinom.cdf(x, mean**2 / (sd**2 - mean), mean / sd**2)
        case d.Geometric():
            return stats.geom.cdf(x, 1 / mean)
    values = np.sort(np.asarray(law.values_drawn, dtype=float))
    weights = getattr(law, "probabilities", [1 / len(values)] * len(values))
    return np.concatenate([[0], np.cumsum(weights)])[np.searchsorted(values, x + 1e-9, "right")]


def masses(law, step):
    """Mass on 0, step, 2 step, ...: of what lies within half a step; the rest on the last."""
    edges = (np.arange(CELLS) + 0.5) * step
    mass = np.diff(cumulative(law, edges), prepend=0.0)
    mass[-1] += 1 - mass.sum()
    return mass


@dataclass(frozen=True)
class Periods:
    """The transform of the demand of a period, on a lattice of that step."""

    transform: np.ndarray
    step: float
    mean: float

    def short(self, periods):
        """E(D(periods) - S)+ at S = 0, step, 2 step, ..."""
        mass = np.fft.irfft(self.transform**periods, 2 * CELLS)[:CELLS]
        above = 1 - np.cumsum(np.clip(mass, 0, None))
        return self.step * np.clip(above, 0, None)[::-1].cumsum()[::-1]

    def fill_rates(self):
        mean = self.short(1)[0] + 0.0
        return 1 - (self.short(LEAD_TIME) - self.short(LEAD_TIME - 1)) / mean


def spread(demand):
    """Mean and sd of the demand of a period."""
    size = demand.amount
    if isinstance(demand, m.PoissonDemand):
        return demand.rate * size.mean(), np.sqrt(
            demand.rate * (size.variance() + size.mean() ** 2)
        )
    share = getattr(demand, "probability", 1.0)
    mean = share * size.mean()
    return mean, np.sqrt(share * (size.variance() + size.mean() ** 2) - mean**2)


def step_for(demand, *, whole):
    mean, sd = spread(demand)
    step = (LEAD_TIME * mean + 14 * np.sqrt(LEAD_TIME) * sd) / CELLS
    return max(1.0, np.ceil(step)) if whole else step


def periods(demand, step):
    size = masses(demand.amount, step)
    transform = np.fft.rfft(size, 2 * CELLS)
    if isinstance(demand, m.PoissonDemand):
        transform = np.exp(demand.rate * (transform - 1))
    else:
        share = getattr(demand, "probability", 1.0)
        transform = 1 - share + share * transform
    return Periods(transform, step, spread(demand)[0])


def level(demand, target, step):
    """The least level on the lattice whose fill rate reaches *target*."""
    return step * int(np.argmax(periods(demand, step).fill_rates() >= target - 1e-12))


def fill_rate(demand, at, step):
    rates = periods(demand, step).fill_rates()
    return float(rates[min(round(at / step), CELLS - 1)])
