"""The settings proposed, verified: a sample of items simulated, each promise put to the test."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from simlevel import words
from simlevel.draws import Source, fresh_seed, generator
from simlevel.engines.fast import FastEngine
from simlevel.engines.items import Sku, simulated
from simlevel.engines.ledger import Job, Windows, named
from simlevel.estimation.estimate import FEW_FOR_TESTS, Totals, interval, p_value
from simlevel.estimation.window import mean_cycle, protection
from simlevel.model.demand import PeriodicDemand
from simlevel.model.distribution import Constant
from simlevel.model.policy import OwnPolicy
from simlevel.model.scenario import Scenario
from simlevel.saving import write_whole
from simlevel.studies.evaluate import on_threads
from simlevel.studies.portfolio.chunk import items_of
from simlevel.studies.portfolio.run import Work
from simlevel.studies.portfolio.settle import SHARES, Item, Setting, of_kind
from simlevel.studies.portfolio.steps import periodic
from simlevel.studies.portfolio.store import Table, column
from simlevel.studies.verdict import ERROR_RATE

PROMISES = (*SHARES, "mean_on_hand")
"""What is tested of each setting."""
FINER = 4
"""Times as many steps as settings were worked out on: what the steps leave out is tested too."""
NAME = "item"
REPLICATIONS, PERIODS = 50, 20_000
"""Of each item: seconds for a few hundred."""
Progress = Callable[[int, int], None]
"""Told the items done and planned."""


@dataclass(frozen=True)
class Case:
    """An item, called *name*, and the setting that is to be tested; *number* names its stream."""

    number: int
    name: str
    item: Item
    setting: Setting


@dataclass(frozen=True)
class Tested:
    """One promise, and its interval by simulation: all of a sample hold with 1 - ERROR_RATE."""

    item: str
    measure: str
    promised: float
    low: float
    high: float
    agrees: bool


@dataclass(frozen=True)
class Verification:
    """What the sample says."""

    settled: int
    """Items with settings by exact theory, of which the sample is drawn."""
    sampled: int
    tests: tuple[Tested, ...]

    @property
    def refuted(self) -> tuple[Tested, ...]:
        """Promises that chance does not explain."""
        return tuple(test for test in self.tests if not test.agrees)

    @property
    def agree(self) -> int:
        """Items all of whose promises agree."""
        return self.sampled - len({test.item for test in self.refuted})

    def half_width(self, measure: str) -> float | None:
        """The median over items; of stock, as a part of what was promised."""
        some = [t for t in self.tests if t.measure == measure]
        if not words.measure(measure).is_share:
            widths = [(t.high - t.low) / 2 / t.promised for t in some if t.promised > 0]
        else:
            widths = [(t.high - t.low) / 2 for t in some]
        return median(widths) if widths else None


def sample_size(wrong_share: float, error_rate: float) -> int:
    """Items that hold a wrong one with probability 1 - *error_rate*, where *wrong_share* are wrong.

    The least n with (1 - wrong_share)^n <= error_rate: discovery sampling, Cochran, Sampling
    Techniques (3rd ed., 1977), ch. 4. Drawn without replacement the chance is higher still.

    >>> sample_size(0.01, 0.05)
    299
    """
    return math.ceil(math.log(error_rate) / math.log1p(-wrong_share))


def verification(
    work: Work, progress: Progress = lambda done, planned: None
) -> Verification | None:
    """Simulate a sample of the items that *work* has settled, drawn by its seed.

    Their demand is fitted to their record again. All of them, if they are fewer than the sample;
    None where there is no record, and so no demand period by period. What it finds is kept, and
    taken from there as long as nothing that it depends on has changed.
    """
    if work.portfolio.history is None:
        return None
    key = _key(work)
    found = _kept(work.verified, key)
    if found is None:
        found = _simulated(work, progress)
        write_whole(work.verified, json.dumps({"key": key, **asdict(found)}).encode())
    return found


def _key(work: Work) -> str:
    """Stands for all that the findings depend on, the settings that are tested among it."""
    said = work.portfolio.model_dump_json(include={"verify", "seed"})
    key = hashlib.sha256(f"{work.key} {said}".encode())
    for number in range(work.chunks):
        key.update(work.chunk(number).read_bytes())
    return key.hexdigest()


def _kept(path: Path, key: str) -> Verification | None:
    """What an earlier run found; None where that was of something else, or is no more."""
    try:
        said = json.loads(path.read_bytes())
        if said.pop("key") != key:
            return None
        tests = tuple(Tested(**test) for test in said.pop("tests"))
        return Verification(tests=tests, **said)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _simulated(work: Work, progress: Progress) -> Verification:
    said, seed = work.portfolio.verify, work.portfolio.seed
    settled = _settled(work)
    size = min(sample_size(said.wrong_share, said.error_rate), settled.size)
    draw = generator(seed, Source.SAMPLE, 0)
    chosen = np.sort(draw.choice(settled, size, replace=False))
    tests = verified(_cases(work, chosen), int(size), seed, progress)
    return Verification(int(settled.size), int(size), tests)


def verified(
    cases: Iterable[Case],
    count: int,
    seed: int,
    progress: Progress = lambda done, planned: None,
) -> tuple[Tested, ...]:
    """Simulate each of *cases*, *count* in number, and test its setting's PROMISES.

    All promises true, the chance that any is refuted is at most ERROR_RATE (Bonferroni).
    """
    error_rate = ERROR_RATE / max(len(PROMISES) * count, 1)
    test = partial(_tests, seed=seed, error_rate=error_rate)
    found: list[Tested] = []
    progress(0, count)
    for done, tests in enumerate(on_threads(test, cases), 1):
        found += tests
        progress(done, count)
    return tuple(found)


def _tests(case: Case, seed: int, error_rate: float) -> list[Tested]:
    item, setting = case.item, case.setting
    scenario = Scenario(
        time_unit="period",
        demand=periodic(item.demand.under(setting.policy), item.demand.step),
        lead_time=item.lead_time,
        policies={NAME: setting.policy},
    )
    totals = _totals(scenario, float(item.demand.step), case.number, seed)
    return [
        _tested(case.name, name, setting.measures[name], totals, scenario, error_rate)
        for name in PROMISES
        if totals[words.measure(name).denominator].any()
    ]


def _totals(scenario: Scenario, step: float, number: int, seed: int) -> Totals:
    """Of the many-items loop; of the other engine where lead times are random."""
    demand, lead_time, policy = scenario.demand, scenario.lead_time, scenario.policies[NAME]
    assert isinstance(demand, PeriodicDemand)
    assert not isinstance(policy, OwnPolicy)
    reviews = round(policy.review_period or 1)
    settling = max(PERIODS / 10, 2 * protection(scenario, policy), 3 * mean_cycle(scenario, policy))
    warmup, periods = (math.ceil(each / reviews) * reviews for each in (settling, PERIODS))
    if not isinstance(lead_time.distribution, Constant):
        windows, own = Windows(warmup, periods), fresh_seed(seed, number)
        engine = FastEngine(Job.of(scenario, NAME, windows, own))
        rows = np.array([engine.run(replication)[0] for replication in range(REPLICATIONS)])
        return named(rows, scenario)
    sku = Sku(number, policy, demand, lead_time.mean(), step)
    totals = simulated(sku, REPLICATIONS, warmup, periods, seed)
    time = np.full(REPLICATIONS, float(periods))
    # An order is on its way for a lead time: what is counted of orders says how many are.
    on_order = totals["units_ordered"] * lead_time.mean()
    return {**totals, "time": time, "periods": time, "area_on_order": on_order}


def _tested(
    item: str, name: str, promised: float, totals: Totals, scenario: Scenario, error_rate: float
) -> Tested:
    measure = words.measure(name)
    agrees = bool(p_value(totals, measure, scenario, promised, error_rate) >= 1)
    low, high, _ = interval(totals, measure, scenario, 1 - error_rate, FEW_FOR_TESTS)
    return Tested(item, name, promised, low, high, agrees)


# --- the sample ----------------------------------------------------------------------------------


def _settled(work: Work) -> NDArray[np.int64]:
    """Rows of the items with settings proposed by exact theory."""
    first, found = 0, [np.empty(0, np.int64)]
    for table in work.tables():
        settled = ~np.isnan(column(table, "proposed_fill_rate"))
        found.append(first + np.flatnonzero(settled & (column(table, "how") == "exact")))
        first += len(table["item"])
    return np.concatenate(found)


def _cases(work: Work, chosen: NDArray[np.int64]) -> Iterator[Case]:
    """The *chosen* rows, with their settings as they were written down."""
    portfolio, histories, lead_times = work.portfolio, work.histories, work.lead_times
    assert histories
    for columns, table in zip(work.columns(), work.tables(), strict=True):
        places = chosen[(chosen >= columns.first) & (chosen < columns.first + len(columns))]
        places = (places - columns.first).tolist()
        if not places:
            continue
        names = columns.texts[portfolio.items.name]
        record, times = histories.of(names), lead_times.of(names) if lead_times else None
        items = items_of(portfolio, columns, record, times, places, FINER)
        for place, item in zip(places, items, strict=True):
            yield Case(columns.first + place, names[place], item, _setting(item, table, place))


def _setting(item: Item, table: Table, place: int) -> Setting:
    policy = of_kind(item.kind, item.review_period)
    said: dict[str, float | None] = {
        name: float(column(table, f"proposed_{name}")[place])
        for name in ("reorder_point", "order_quantity", "order_up_to")
        if hasattr(policy, name)
    }
    if item.kind != "rQ":
        said |= {"minimum_order": item.minimum_order, "order_multiple": item.order_multiple}
    measures = {name: float(table[f"proposed_{name}"][place]) for name in PROMISES}
    return Setting(policy.model_copy(update=said), measures)
