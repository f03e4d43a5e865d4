"""How fast it is, as ratios on this machine: ``python -m simlevel.bench``.

Each row times ours and another one in turn, round by round, takes the ratio of every round and
shows their median and spread, so that what slows the machine down slows both. Loops on one
core are timed in processor seconds, the whole run and the threads by the clock on the wall.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from simlevel import __version__, peers
from simlevel.draws import BLOCK
from simlevel.engines.curve import FastCurve
from simlevel.engines.fast import FastEngine
from simlevel.engines.items import Sku, simulated
from simlevel.engines.ledger import Job, Windows
from simlevel.engines.process import SimPyEngine
from simlevel.model.demand import PeriodicDemand
from simlevel.model.policy import SS
from simlevel.model.scenario import Scenario
from simlevel.studies import evaluate
from simlevel.templates import shipped

Cost: TypeAlias = Callable[[], float]
"""Measures once: seconds per period, customer or draw, seconds of a run, or bytes."""

ROUNDS = 5
ENOUGH = 0.1
"""Processor seconds that one timing takes at least."""
MANY, FEW = 1_000_000, 5_000
"""Periods, customers or draws of one call, compiled and in Python."""
SOME = 20 * BLOCK
"""Periods or customers of the shorter run whose memory is measured: whole blocks of draws."""
REPLICATIONS, DAYS = 100, 730
"""Of each of many items."""
SEVERAL = 10
"""Of these in one call."""
LEVELS = 200
"""Reorder points of a curve."""
INTERRUPTED = 130


# --- numbers for people ------------------------------------------------------------------------


def number(value: float) -> str:
    """Three digits or so, in at most five characters, a sign aside."""
    if value >= 9_995:
        return f"{value / 1000:.0f}k" if value >= 99_950 else f"{value / 1000:.1f}k"
    decimals = sum(abs(value) < limit for limit in (99.95, 9.995, 0.9995))
    return f"{value:,.{decimals}f}"


def seconds(value: float) -> str:
    for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{number(value / size)} {name}"
    return f"{number(value / 1e-9)} ns"


def kibibytes(value: float) -> str:
    return f"{number(value / 1024)} K"


# --- rows and their outcomes -------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """The number made of both costs, and the least or the most that is asked of it."""

    compare: Callable[[float, float], float]
    least: float | None = None
    most: float | None = None
    unit: str = ""
    written: Callable[[float], str] = number

    def __str__(self) -> str:
        if self.least is not None:
            return f">= {self.least:,g}"
        return "-" if self.most is None else f"<= {self.most:g}{self.unit}"

    def verdict(self, ratio: float) -> str:
        if self.least is None and self.most is None:
            return "-"
        reached = ratio >= self.least if self.least is not None else ratio <= (self.most or 0)
        return "yes" if reached else "no"


def faster(least: float | None = None) -> Target:
    """How many times as fast ours is."""
    return Target(lambda ours, other: other / ours, least=least)


def share(most: float | None = None) -> Target:
    """Ours as a part, or a multiple, of the other."""
    return Target(lambda ours, other: ours / other, most=most)


def above(most: float) -> Target:
    """How many seconds ours takes more."""
    return Target(lambda ours, other: ours - other, most=most, unit=" s", written="{:.2f}".format)


@dataclass(frozen=True)
class Row:
    """One line of the table, and what it says in full."""

    name: str
    says: str
    ours: Cost
    other: Cost
    target: Target
    cost: Callable[[float], str]
    """How a cost is written."""
    needs: str | None = None
    """A package that has to be installed for it."""

    @property
    def missing(self) -> bool:
        return self.needs is not None and find_spec(self.needs) is None


@dataclass(frozen=True)
class Outcome:
    """Costs and ratios of a row, one a round; none where a package is not there."""

    row: Row
    ours: list[float]
    other: list[float]
    ratios: list[float]


def measure(row: Row, rounds: int = ROUNDS) -> Outcome:
    """Time both sides in turn; one round goes before, to compile and to fill caches."""
    if row.missing:
        return Outcome(row, [], [], [])
    pairs = [(row.ours(), row.other()) for _ in range(rounds + 1)][1:]
    ours, other = (list(each) for each in zip(*pairs, strict=True))
    return Outcome(row, ours, other, [row.target.compare(*pair) for pair in pairs])


# --- the models --------------------------------------------------------------------------------


def periodic(**changed: Any) -> Scenario:
    """The model of :func:`simlevel.peers.periodic_loop`, or one that differs in *changed*."""
    policy = {"kind": "sS", "reorder_point": peers.S_LOW, "order_up_to": peers.S_HIGH}
    data = {
        "demand": {"kind": "periodic", "quantity": {"dist": "poisson", "mean": peers.MEAN}},
        "lead_time": peers.LEAD_TIME,
        "policies": {"only": policy | {"review_period": 1}},
    }
    return Scenario.model_validate(data | changed)


def continuous(**changed: Any) -> Scenario:
    """The model of :func:`simlevel.peers.continuous_loop`, or one that differs in *changed*."""
    size = {"dist": "geometric", "mean": peers.SIZE}
    data = {
        "demand": {"kind": "poisson", "rate": peers.RATE, "size": size},
        "lead_time": peers.LEAD_TIME,
        "policies": {"only": {"kind": "rQ", "reorder_point": peers.R, "order_quantity": peers.Q}},
    }
    return Scenario.model_validate(data | changed)


def unit() -> Scenario:
    """The model of :func:`simlevel.peers.unit_loop`."""
    policy = {"kind": "rQ", "reorder_point": peers.UNIT_R, "order_quantity": peers.UNIT_Q}
    demand = {"kind": "poisson", "rate": peers.RATE}
    return continuous(demand=demand, policies={"only": policy})


def base_stock(*sequence: str) -> Scenario:
    """The model in which other packages are run, with what follows the receipts."""
    policy = {"kind": "base_stock", "order_up_to": peers.BASE_STOCK, "review_period": 1}
    return periodic(policies={"only": policy}, clock={"sequence": ["receive", *sequence]})


def skus(first: int, count: int) -> Iterator[Sku]:
    """Items of a portfolio, from number *first* on: 0.05 to 20 units a day, half of them Poisson,
    half negative binomial, under (s, S) with a few days' to a month's lead time."""
    for number in range(first, first + count):
        # Multiples of irrational numbers fill the range evenly, wherever one begins.
        mean = round(0.05 * 400 ** (number * 2**0.5 % 1), 3)
        lead_time = 3 + int(28 * (number * 3**0.5 % 1))
        poisson = {"dist": "poisson", "mean": mean}
        wider = {"dist": "negative_binomial", "mean": mean, "variance": 3 * mean}
        demand = PeriodicDemand.model_validate({"quantity": wider if number % 2 else poisson})
        until = mean * (lead_time + 1)
        low = int(until + 2 * until**0.5)
        yield Sku(number, SS(reorder_point=low, order_up_to=low + 1 + int(10 * mean)), demand,
                  lead_time)  # fmt: skip


# --- the rows ----------------------------------------------------------------------------------


def rows() -> list[Row]:
    """The table, in its order."""
    return [
        *_against_loops(),
        *_whole_program(),
        *_against_packages(),
        *_at_many_levels(),
        *_many_items(),
        *_further_models(),
    ]


def _against_loops() -> Iterator[Row]:
    yield Row(
        "NumPy Poisson draw",
        "a period of (s, S) with Poisson(20) demand, L = 4 and every total of the default table, "
        "as a share of one Generator.poisson(20) draw, a million of them in one call",
        fast(periodic()), draws("poisson", peers.MEAN), share(0.2), seconds,
    )  # fmt: skip
    yield Row(
        "SimPy loop, (s, S)",
        "the same against SimPy by hand that counts the same, reviews, demand and each order a "
        "process, and draws one number at a time",
        fast(periodic()), by_hand(peers.periodic_loop), faster(1000), seconds,
    )  # fmt: skip
    yield Row(
        "blocks, (s, S)",
        "the same against that loop where it takes its draws from NumPy in blocks",
        fast(periodic()), by_hand(partial(peers.periodic_loop, block=peers.BLOCK)), faster(),
        seconds,
    )  # fmt: skip
    yield Row(
        "SimPy loop, (r, Q)",
        "a customer of (r, Q), compound Poisson with geometric sizes, against a bare SimPy loop "
        "that counts two services and two stocks",
        fast(continuous()), by_hand(peers.continuous_loop), faster(300), seconds,
    )  # fmt: skip
    yield Row(
        "blocks, (r, Q)",
        "the same against that loop where it takes its draws from NumPy in blocks",
        fast(continuous()), by_hand(partial(peers.continuous_loop, block=peers.BLOCK)), faster(),
        seconds,
    )  # fmt: skip
    normal = {"kind": "periodic", "quantity": {"dist": "normal", "mean": peers.MEAN, "sd": 4}}
    yield Row(
        "NumPy normal draw",
        "a period of (s, S) with normal demand, as a share of one Generator.normal draw",
        fast(periodic(demand=normal)), draws("normal", peers.MEAN, 4), share(1.7), seconds,
    )  # fmt: skip
    yield Row(
        "SimPy engine",
        "the speed of the SimPy engine with every total, as a share of a bare SimPy loop's that "
        "counts two services, on (r, Q) with unit Poisson demand",
        simpy_engine(unit()), by_hand(peers.unit_loop), faster(0.5), seconds,
    )  # fmt: skip


def _whole_program() -> Iterator[Row]:
    yield Row(
        "run, less imports",
        "simlevel run quickstart.toml --precision fill_rate=0.0005 from start to end, less a "
        "Python that only imports the same modules",
        whole_run, imports, above(0.5), seconds,
    )  # fmt: skip
    yield Row(
        "two threads",
        "replications on two threads against one; takes two idle cores",
        partial(on_threads, 2), partial(on_threads, 1), faster(1.8), seconds,
    )  # fmt: skip
    yield Row(
        "memory, (s, S)",
        "peak memory of a replication of a hundred times the horizon, as a share of the "
        "horizon's; the tenth is the allocator's",
        partial(peak, periodic(), 100 * SOME), partial(peak, periodic(), SOME),
        share(1.1), kibibytes,
    )  # fmt: skip
    followed = continuous(measures={"served_within": [1, 3]})
    yield Row(
        "memory, (r, Q)",
        "the same where every customer who waits is followed",
        partial(peak, followed, 100 * SOME), partial(peak, followed, SOME),
        share(1.1), kibibytes,
    )  # fmt: skip


def _at_many_levels() -> Iterator[Row]:
    for name, case in (("(s, S)", periodic()), ("(r, Q)", continuous())):
        yield Row(
            f"curve, {name}",
            f"one run of {name} counted at {LEVELS} levels, as a multiple of one run",
            curve(case), fast(case), share(3), seconds,
        )  # fmt: skip


def _many_items() -> Iterator[Row]:
    yield Row(
        "many items",
        f"a day of one of many items of their own demand, (s, S) and lead time, {REPLICATIONS} "
        f"replications of {DAYS} days each, tables and all, as a share of NumPy's draw of its "
        "demand",
        many_items(), many_draws(), share(0.5), seconds,
    )  # fmt: skip


def _against_packages() -> Iterator[Row]:
    yield Row(
        "stockpyl",
        "a period of base stock with Poisson(20) demand, L = 4, against stockpyl's",
        fast(base_stock("demand", "review")), package(peers.stockpyl), faster(10_000), seconds,
        needs="stockpyl",
    )  # fmt: skip
    yield Row(
        "SupplyNetPy",
        "the same, reviewed before the demand, against SupplyNetPy's",
        fast(base_stock("review", "demand")), package(peers.supplynetpy), faster(5_000), seconds,
        needs="SupplyNetPy",
    )  # fmt: skip


def _further_models() -> Iterator[Row]:
    gamma = {"dist": "gamma", "mean": peers.LEAD_TIME, "cv": 0.5}
    models = {
        "lost sales": ("(s, S) with lost sales", periodic(shortage="lost_sales")),
        "overtaking": ("(s, S) with gamma lead times", periodic(lead_time=gamma)),
        "in order": (
            "the same, orders in their order", periodic(lead_time=gamma | {"order_crossing": False})
        ),
        "within": ("(r, Q) with served_within", continuous(measures={"served_within": [1, 3]})),
    }  # fmt: skip
    for name, (says, case) in models.items():
        poisson = draws("poisson", peers.MEAN)
        says_draw = f"{says}, as a share of one NumPy Poisson(20) draw"
        yield Row(f"{name}, draw", says_draw, fast(case), poisson, share(), seconds)
        says_engine = f"{says}, against the SimPy engine"
        simpy = simpy_engine(case)
        yield Row(f"{name}, engine", says_engine, fast(case), simpy, faster(), seconds)


# --- one measurement ---------------------------------------------------------------------------


def fast(case: Scenario) -> Cost:
    """Seconds per period or customer of the fast engine; another replication each time."""
    engine, replications = FastEngine(_job(case, MANY)), count()
    return partial(_per_unit, lambda: engine.run(next(replications)), MANY)


def many_items() -> Cost:
    """Seconds per day of an item, other items each time."""
    first = count(step=SEVERAL)
    days = SEVERAL * REPLICATIONS * DAYS

    def run() -> None:
        for sku in skus(next(first), SEVERAL):
            simulated(sku, REPLICATIONS, 0, DAYS, seed=1)

    return partial(_per_unit, run, days)


def many_draws() -> Cost:
    """Seconds per NumPy draw of such items' demand."""
    first, rng = count(step=SEVERAL), np.random.default_rng(1)
    days = REPLICATIONS * DAYS

    def run() -> None:
        for sku in skus(next(first), SEVERAL):
            mean, variance = sku.demand.amount.mean(), sku.demand.amount.variance()
            if variance > mean:
                rng.negative_binomial(mean**2 / (variance - mean), mean / variance, days)
            else:
                rng.poisson(mean, days)

    return partial(_per_unit, run, SEVERAL * days)


def curve(case: Scenario) -> Cost:
    """The same counted at LEVELS levels, from the policy's own on."""
    lowest = case.policies["only"]
    policies = {str(n): lowest.at(lowest.trigger + n) for n in range(LEVELS)}
    together = case.model_copy(update={"policies": policies})
    engine = FastCurve(Job.of(together, "0", _job(case, MANY).windows, 1))
    replications = count()
    return partial(_per_unit, lambda: engine.run(next(replications)), MANY)


def simpy_engine(case: Scenario) -> Cost:
    engine, replications = SimPyEngine(_job(case, FEW)), count()
    return partial(_per_unit, lambda: engine.run(next(replications)), FEW)


def by_hand(loop: Callable[[int, int], peers.Seen]) -> Cost:
    seeds = count()
    return partial(_per_unit, lambda: loop(FEW, next(seeds)), FEW)


def package(loop: Callable[[int, int], peers.Seen]) -> Cost:
    """As by hand, in shorter runs: thousands of periods a second are many for a package."""
    seeds, few = count(), FEW // 5
    return partial(_per_unit, lambda: loop(few, next(seeds)), few)


def draws(method: str, *parameters: float) -> Cost:
    """Seconds per NumPy draw, a million in one call."""
    draw = getattr(np.random.default_rng(1), method)
    return partial(_per_unit, lambda: draw(*parameters, MANY), MANY)


def _job(case: Scenario, units: int) -> Job:
    """So many periods or customers, counted from the first."""
    return Job.of(case, "only", Windows(0.0, units / case.demand.customers_per_time()), seed=1)


def _per_unit(call: Callable[[], object], units: int) -> float:
    started, calls = time.process_time(), 0
    while True:
        call()
        calls += 1
        spent = time.process_time() - started
        if spent > 0 and spent >= ENOUGH:
            return spent / (calls * units)


def peak(case: Scenario, units: int) -> float:
    """Bytes at the peak of one replication."""
    engine = FastEngine(_job(case, units))
    tracemalloc.start()
    try:
        engine.run(0)
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def on_threads(threads: int) -> float:
    """Seconds of 16 replications of the periodic model."""
    before, evaluate.THREADS = evaluate.THREADS, threads
    try:
        sample = evaluate.Sample(periodic(), Windows(0.0, 2.0 * MANY), seed=1)
        started = time.perf_counter()
        sample.extend(16, lambda done, planned: None)
        return time.perf_counter() - started
    finally:
        evaluate.THREADS = before


_RUN = """
import sys
from pathlib import Path
from simlevel.cli import status
code = status(sys.argv[2:])
if sys.argv[1]:
    Path(sys.argv[1]).write_text(chr(10).join(sys.modules))
sys.exit(code)
"""
_IMPORTS = """
import sys
from importlib import import_module
from pathlib import Path
for name in Path(sys.argv[1]).read_text().split():
    try:
        import_module(name)
    except Exception:  # made while another one is imported, not importable by itself
        pass
"""


def whole_run() -> float:
    """Seconds of the command, interpreter and all."""
    return _python(_RUN, "", *_command())


def imports() -> float:
    """Seconds of a Python that imports what the command has imported when it ends."""
    return _python(_IMPORTS, str(_imported()))


def _command() -> tuple[str, ...]:
    quickstart = str(shipped()["quickstart"])
    return "run", quickstart, "--precision", "fill_rate=0.0005"


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory()


@cache
def _imported() -> Path:
    """A file with the names of the modules that the command imports, in their order."""
    file = Path(_folder().name, "modules")
    _python(_RUN, str(file), *_command())
    return file


def _python(program: str, *arguments: str) -> float:
    command = [sys.executable, "-c", program, *arguments]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


# --- what is printed ---------------------------------------------------------------------------

_WIDTHS = 18, 7, 7, 5, 13, 9, 3
HEADER = "against", "ours", "other", "ratio", "min..max", "target", "met"


def report(measured: list[Row], rounds: int) -> Iterator[str]:
    """Lines of Markdown, each as soon as it is known; none wider than 80 columns."""
    yield from textwrap.wrap(machine(), 80)
    yield ""
    yield _line(*HEADER)
    yield " | ".join("-" * width for width in _WIDTHS)
    for row in measured:
        yield table_line(measure(row, rounds))
    yield ""
    yield from textwrap.wrap(
        f"Medians of {rounds} rounds, in each of which ours and the other are timed in turn.", 80
    )
    yield ""
    for row in measured:
        yield from textwrap.wrap(f"- {row.name}: {row.says}.", 80, subsequent_indent="  ")


def table_line(outcome: Outcome) -> str:
    row = outcome.row
    if not outcome.ratios:
        return _line(row.name, "-", "-", "-", "not installed", str(row.target), "-")
    ratio, least, most = median(outcome.ratios), min(outcome.ratios), max(outcome.ratios)
    return _line(
        row.name,
        row.cost(median(outcome.ours)),
        row.cost(median(outcome.other)),
        row.target.written(ratio),
        f"{row.target.written(least)}..{row.target.written(most)}",
        str(row.target),
        row.target.verdict(ratio),
    )


def _line(*cells: str) -> str:
    name, *others = (cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return " | ".join([name, *others]).rstrip()


def machine() -> str:
    """Processor, cores and versions."""
    versions = [f"{name} {_version(name)}" for name in ("numpy", "numba", "simpy")]
    python = f"Python {platform.python_version()}"
    found = [_processor(), f"{os.cpu_count()} cores", platform.system(), python, *versions]
    return f"simlevel {__version__} on {', '.join(found)}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


# --- the command -------------------------------------------------------------------------------


def _rounds(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the status is 0, or 130 where interrupted."""
    parser = argparse.ArgumentParser(prog="python -m simlevel.bench", description=__doc__)
    parser.add_argument("--rounds", type=_rounds, default=ROUNDS, metavar="N")
    rounds = parser.parse_args(arguments).rounds
    with suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        for line in report(rows(), rounds):
            print(line, flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has enough; the flush at exit must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
