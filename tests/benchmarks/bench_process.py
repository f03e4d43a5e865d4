"""The SimPy engine against a bare SimPy loop of the same (r, Q) model, in one run.

    python tests/benchmarks/bench_process.py

Prints demand events per second of both, interleaved, and the ratio of the medians.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import simpy

from simlevel.engines.ledger import Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.policy import RQ
from simlevel.model.scenario import Scenario

RATE, LEAD_TIME, R, Q, HORIZON, ROUNDS = 5.0, 4.0, 25, 60, 20_000.0, 7


def bare(horizon: float) -> tuple[int, float, float]:
    """Customers, fill rate and cycle service of a (r, Q) loop with nothing to spare."""
    env = simpy.Environment()
    stream = np.random.default_rng(1)
    net, position = R + Q, R + Q
    customers = served = cycles = whole = 0

    def deliver():
        nonlocal net, cycles, whole
        yield env.timeout(LEAD_TIME)
        cycles += 1
        whole += net >= 0
        net += Q

    def demand():
        nonlocal net, position, customers, served
        while True:
            for gap in stream.exponential(1 / RATE, 4096).tolist():
                yield env.timeout(gap)
                customers += 1
                served += net > 0
                net -= 1
                position -= 1
                if position <= R:
                    position += Q
                    env.process(deliver())

    env.process(demand())
    env.run(until=horizon)
    return customers, served / customers, whole / cycles


def engine(horizon: float) -> tuple[int, float, float]:
    """The same from the SimPy engine, with every total of the contract."""
    scenario = Scenario(
        demand={"kind": "poisson", "rate": RATE},
        lead_time=LEAD_TIME,
        policies={"a": RQ(reorder_point=R, order_quantity=Q)},
    )
    job = Job.of(scenario, "a", Windows(0.0, horizon), seed=1)
    totals = dict(zip(job.columns, SimPyEngine(job).run(0)[0], strict=True))
    return (
        int(totals["customers"]),
        totals["units_from_shelf"] / totals["units_demanded"],
        totals["cycles_without_stockout"] / totals["cycles"],
    )


def per_second(loop: Callable[[float], tuple[int, float, float]]) -> float:
    start = time.perf_counter()
    customers, *_ = loop(HORIZON)
    return customers / (time.perf_counter() - start)


def peak(horizon: float) -> float:
    """Peak memory in MiB."""
    tracemalloc.start()
    engine(horizon)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def main() -> None:
    print("fill rate, cycle service: bare", bare(HORIZON)[1:], "engine", engine(HORIZON)[1:])
    rounds = [(per_second(bare), per_second(engine)) for _ in range(ROUNDS)]
    fast, ours = (statistics.median(each) for each in zip(*rounds, strict=True))
    ratios = sorted(b / a for a, b in rounds)
    print(f"bare loop {fast:,.0f}/s, engine {ours:,.0f}/s: ratio {ours / fast:.2f}")
    print(f"ratio by round: {ratios[0]:.2f} to {ratios[-1]:.2f} (target 0.5 or more)")
    print(f"peak memory: horizon 2,000 {peak(2000.0):.2f} MiB, 20,000 {peak(20000.0):.2f} MiB")


if __name__ == "__main__":
    main()
