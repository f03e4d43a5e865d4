"""Simulates many items on all processors: how long it takes, and how much memory.

python tests/benchmarks/many_items.py [ITEMS [REPLICATIONS [DAYS]]]
"""

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from simlevel.bench import skus
from simlevel.engines.items import simulated
from simlevel.estimation.interval import ratio, ratio_interval
from simlevel.studies.evaluate import THREADS

BATCH = 100
RATIOS = {
    "fill rate": ("units_from_shelf", "units_demanded"),
    "cycle service": ("cycles_without_stockout", "cycles"),
}


def batch(numbers, replications, days):
    """Each ratio of some items, and its interval: what is kept of them."""
    totals = [simulated(sku, replications, 0, days, seed=1)
              for sku in skus(numbers.start, len(numbers))]  # fmt: skip
    found = {}
    for name, (top, bottom) in RATIOS.items():
        x, y = (np.array([each[key] for each in totals]) for key in (top, bottom))
        found[name] = np.array([ratio(x, y), *ratio_interval(x, y, 0.95)])
    return found


def main(items=100_000, replications=100, days=730):
    simulated(next(skus(0, 1)), 1, 0, 1, seed=1)  # compiled before the clock runs
    started, cpu = time.perf_counter(), time.process_time()
    parts = [range(first, min(first + BATCH, items)) for first in range(0, items, BATCH)]
    with ProcessPoolExecutor(THREADS) as pool:
        found = [*pool.map(partial(batch, replications=replications, days=days), parts)]
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() - cpu + used.ru_utime + used.ru_stime
    memory = used.ru_maxrss / 1024
    print(f"{items:,} items x {replications} replications x {days} days on {THREADS} processes: "
          f"{wall:.1f} s, {cpu:.1f} s of processors, "
          f"{1e9 * cpu / (items * replications * days):.1f} ns a day of an item, "
          f"{memory:.0f} MiB each at most")  # fmt: skip
    for name in RATIOS:
        share, low, high = np.concatenate([each[name] for each in found], axis=1)
        print(f"{name}: mean {np.nanmean(share):.4f}, median half-width "
              f"{np.nanmedian(high - low) / 2:.4f}")  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
