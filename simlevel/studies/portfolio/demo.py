"""A portfolio to try things on: invented items and five years of their sales, from a seed.

Or the moments of their demand in place of sales, for a million items as quickly as for some.

What planners have is all there: smooth, erratic, intermittent and lumpy demand that grows or
fades, long lead times among short ones, few items with most of the value, a min and a max that
somebody once typed in, goods that come back, and rows with a cell that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simlevel.draws import Source, generator
from simlevel.errors import InputError, Problem
from simlevel.saving import folder_at, writing

Floats = NDArray[np.float64]

BLOCK = 1000
"""Items drawn from one stream: a longer demo begins with the items of a shorter one."""
FIRST, YEARS = 2021, 5
MONTHS = 12 * YEARS
DAYS = 365.25 / 12
"""In a month."""
MOST_IN_TEXT = 20_000
"""Items whose sales, some thirty each, are read from a text file in seconds."""
Row: TypeAlias = tuple[str, ...]
Sink: TypeAlias = Callable[[Iterable[Row]], None]
"""What writes rows to a table."""
ITEMS = ("item", "criticality", "lead_time_days", "price", "min", "max", "minimum_order")
SALES = ("item", "date", "units")
MOMENTS = (
    "item", "criticality", "lead_time_days", "price", "family", "mean", "sd", "min",
    "order_quantity", "minimum_order",
)  # fmt: skip
WORDS = {"item", "criticality", "date", "family"}
KINDS = {
    "smooth": (0.20, (0.95, 1.0), 40.0, (0.1, 0.5)),
    "erratic": (0.12, (0.9, 1.0), 25.0, (0.8, 1.4)),
    "intermittent": (0.43, (0.02, 0.6), 3.0, (0.1, 0.5)),
    "lumpy": (0.25, (0.02, 0.5), 10.0, (0.8, 1.6)),
}
"""Share of the items, chance of demand in a month, median units then, and their cv."""
FAMILIES = ("normal", "gamma", "poisson", "negative_binomial")
"""Of the demand of items of each kind, where moments are all that is said of it."""

HEAD = """\
# Invented: {what} of {count:,} items (--demo {count}{moments} --seed {seed}).
name = "Demo"
time_unit = "month"               # of every bare duration and rate{periods}

[items]                           # a row an item: CSV, xlsx or Parquet
file = "items{ending}"
name = "item"                     # the column that names it
lead_time = {{ column = "lead_time_days", unit = "day" }}
unit_value = {{ column = "price" }}
minimum_order = {{ column = "minimum_order" }}
"""
HISTORY = """
[history]                         # a row a sale; layout = "wide" is a column a period
file = "sales{ending}"
item = "item"
period = "date"
quantity = "units"
first = "{first}-01-01"
last = "{last}-12-31"
missing = "zero"                  # no row: no demand; "unknown" where the record has gaps
returns = "net"                   # units below 0 come off the demand before; or "drop", "keep"

[present]                         # the settings in use; min = max is base stock
reorder_point = {{ column = "min" }}
order_up_to = {{ column = "max" }}
"""
DEMAND = """
[demand]                          # no record, but its moments; each a number or a column
family = {{ column = "family" }}    # normal, gamma, poisson or negative_binomial
mean = {{ column = "mean" }}        # units a month; per = "year" for another time
sd = {{ column = "sd" }}

[present]                         # the settings in use
reorder_point = {{ column = "min" }}
order_quantity = {{ column = "order_quantity" }}

[proposed]
kind = "rQ"
order_quantity = {{ column = "order_quantity" }}  # without it: the one that costs least
"""
COSTS_AND_CLASSES = """
[costs]                           # a number, or a column as above
order = 20
holding = {{ rate = "25 %", per = "year" }}

# An item is in the first class that fits it.
[classes.critical]                # Type I: deliveries before which nobody waited
where = {{ column = "criticality", equals = "high" }}
cycle_service_level = "98 %"

[classes.A]                       # the items that make up 80 % of the value; Type II
value_up_to = "80 %"
fill_rate = "98 %"

[classes.rest]                    # Type II: units handed over at once
fill_rate = "95 %"
"""
BACKTEST = """
[backtest]
periods = 18                      # months at the end that no fit sees
"""


@dataclass(frozen=True)
class Block:
    """Some items, an entry each."""

    kind: NDArray[np.int64]
    """Place in KINDS."""
    chance: Floats
    """Of demand in a month."""
    size: Floats
    """Mean units in a month with demand; a month's mean is chance x size."""
    cv: Floats
    """Of these units, beside what a Poisson number adds."""
    growth: Floats
    """Logarithm of what the demand is multiplied by from the first month to the last."""
    lead_time: Floats
    """Days."""
    price: Floats
    low: Floats
    """The min in use; NaN, as high, where there is none."""
    high: Floats
    least: Floats
    """The minimum order; NaN where there is none."""
    critical: NDArray[np.bool_]


def write(folder: Path, count: int, seed: int) -> Path:
    """``portfolio.toml`` and its two tables in *folder*; the first of them.

    The same bytes for the same *count* and *seed*, in pieces; Parquet where that is too many rows
    for a text file. Raises InputError where one of the files is there, or cannot be written.
    """
    ending, table = _format(count)
    said = (HEAD + HISTORY + COSTS_AND_CLASSES + BACKTEST).format(
        what="five years of sales", moments="", count=count, seed=seed, first=FIRST,
        last=FIRST + YEARS - 1, ending=ending, periods=", and a period of the history",
    )  # fmt: skip
    files = _free(folder, f"items{ending}", f"sales{ending}", "portfolio.toml")
    with (
        table(files[0], ITEMS) as items,
        table(files[1], SALES) as sales,
        writing(files[2]) as text,
    ):
        text.write(said.encode())
        for start in range(0, count, BLOCK):
            stream = generator(seed, Source.DEMO, start // BLOCK)
            _write(items, sales, stream, start, min(BLOCK, count - start))
    return files[-1]


def write_moments(folder: Path, count: int, seed: int) -> Path:
    """As :func:`write`, with a family, mean and deviation of demand an item in place of sales."""
    ending, table = _format(count)
    said = (HEAD + DEMAND + COSTS_AND_CLASSES).format(
        what="the demand", moments=" --moments", count=count, seed=seed, ending=ending, periods=""
    )
    files = _free(folder, f"items{ending}", "portfolio.toml")
    with table(files[0], MOMENTS) as items, writing(files[1]) as text:
        text.write(said.encode())
        for start in range(0, count, BLOCK):
            stream = generator(seed, Source.DEMO, start // BLOCK)
            items(_moment_rows(stream, start, _drawn(stream), min(BLOCK, count - start)))
    return files[-1]


def _format(count: int) -> tuple[str, Callable[[Path, Row], AbstractContextManager[Sink]]]:
    """The ending and the writer of tables."""
    return (".csv", _text) if count <= MOST_IN_TEXT else (".parquet", _parquet)


def _free(folder: Path, *names: str) -> list[Path]:
    """Places in *folder*. Raises InputError where something is there."""
    folder_at(folder)
    files = [folder / name for name in names]
    if taken := [path for path in files if path.exists()]:
        raise InputError([Problem(str(path), 0, 0, "", "exists, and is kept") for path in taken])
    return files


def _write(items: Sink, sales: Sink, stream: Generator, start: int, count: int) -> None:
    """The first *count* items of a block."""
    block = _drawn(stream)
    demand = _demand(stream, block)
    returns = _returns(stream, demand)
    items(_item_rows(stream, start, block, count))
    sales(_sale_rows(stream, start, demand[:count], returns[:count]))


@contextmanager
def _text(path: Path, header: Row) -> Iterator[Sink]:
    with writing(path) as stream:

        def write(rows: Iterable[Row]) -> None:
            stream.writelines((",".join(row) + "\n").encode() for row in rows)

        write([header])
        yield write


@contextmanager
def _parquet(path: Path, header: Row) -> Iterator[Sink]:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        advice = 'expected pyarrow for so many items: pip install "simlevel[portfolio]"'
        raise InputError([Problem(str(path), 0, 0, "", advice)]) from error
    kinds = [(name, pyarrow.string() if name in WORDS else pyarrow.float64()) for name in header]
    schema = pyarrow.schema(kinds)
    with writing(path) as stream, ParquetWriter(stream, schema) as writer:

        def write(rows: Iterable[Row]) -> None:
            columns = zip(header, zip(*rows, strict=True), strict=True)
            cells = {n: each if n in WORDS else [*map(_number, each)] for n, each in columns}
            writer.write_table(pyarrow.table(cells, schema))

        yield write


def _number(cell: str) -> float | None:
    with suppress(ValueError):
        return float(cell)
    return None


def _drawn(stream: Generator) -> Block:
    """A whole block, however few of its items are asked for."""
    shares, chances, sizes, cvs = zip(*KINDS.values(), strict=True)
    kind = stream.choice(len(KINDS), BLOCK, p=shares)
    chance = stream.uniform(*np.array(chances)[kind].T)
    size = 1 + np.array(sizes)[kind] * stream.lognormal(0, 0.8, BLOCK)
    cv = stream.uniform(*np.array(cvs)[kind].T)
    lead_time = np.clip(np.rint(stream.lognormal(np.log(30), 0.7, BLOCK)), 2, 365)
    mean = chance * size
    # A rule of thumb, applied with more or less care some years ago.
    low = _round(mean * lead_time / DAYS * stream.lognormal(0.3, 0.8, BLOCK))
    high = np.maximum(low + _round(mean * stream.lognormal(1.0, 0.6, BLOCK)), 1)
    one_for_one = stream.random(BLOCK) < 0.1
    low = np.where(one_for_one, high, low)
    never_typed = stream.random(BLOCK) < 0.06
    low[never_typed] = high[never_typed] = np.nan
    least = _round(mean * stream.lognormal(0.7, 0.8, BLOCK))
    return Block(
        kind, chance, size, cv, stream.normal(0, 0.4, BLOCK), lead_time,
        np.maximum(stream.lognormal(np.log(15), 1.6, BLOCK), 0.01), low, high,
        np.where((least >= 2) & (stream.random(BLOCK) < 0.3), least, np.nan),
        stream.random(BLOCK) < 0.08,
    )  # fmt: skip


def _round(units: Floats) -> Floats:
    """Whole units of one digit that is not 0, as people type them; those below 20 as they are."""
    digit = 10 ** np.floor(np.log10(np.maximum(units, 1)))
    found: Floats = np.where(units < 20, np.rint(units), np.rint(units / digit) * digit)
    return found


def _demand(stream: Generator, block: Block) -> Floats:
    """Units, items x months: in a month with demand 1 and a Poisson number whose mean varies."""
    shape = (BLOCK, MONTHS)
    asked = stream.random(shape) < block.chance[:, None]
    level = np.exp(block.growth[:, None] * (np.arange(MONTHS) / MONTHS - 0.5))
    spread = block.cv[:, None] ** 2
    means = (block.size[:, None] - 1) * level * stream.gamma(1 / spread, spread, shape)
    return np.where(asked, 1.0 + stream.poisson(means), 0.0)


def _returns(stream: Generator, demand: Floats) -> Floats:
    """Units that come back: of few items, a part of what a month took."""
    some = (stream.random(len(demand)) < 0.05)[:, None] & (stream.random(demand.shape) < 0.1)
    back: Floats = np.where(some, np.floor(demand * stream.random(demand.shape)), 0.0)
    return back


def _item_rows(stream: Generator, start: int, block: Block, count: int) -> Iterator[Row]:
    slip = stream.random(BLOCK)
    days = _days(block, slip)
    swapped = (slip > 0.997) & (block.low < block.high)
    low = np.where(swapped, block.high, block.low)
    high = np.where(swapped, block.low, block.high)
    for place in range(count):
        yield (
            _name(start + place), "high" if block.critical[place] else "normal", days[place],
            f"{block.price[place]:.2f}", _cell(low[place]), _cell(high[place]),
            _cell(block.least[place]),
        )  # fmt: skip


def _sale_rows(stream: Generator, start: int, demand: Floats, back: Floats) -> Iterator[Row]:
    day = stream.integers(1, 29, (BLOCK, MONTHS))
    for place, month in np.argwhere(demand):
        name = _name(start + place)
        date = f"{FIRST + month // 12}-{month % 12 + 1:02}"
        yield name, f"{date}-{day[place, month]:02}", _cell(demand[place, month])
        if back[place, month]:
            yield name, f"{date}-28", _cell(-back[place, month])


def _moment_rows(stream: Generator, start: int, block: Block, count: int) -> Iterator[Row]:
    mean = block.chance * block.size
    family = np.array(FAMILIES)[block.kind]
    # Of a month in which somebody asks with a chance, for so many units with such a cv.
    variance = mean * block.size * (1 + block.cv**2) - mean**2
    sd = np.sqrt(np.maximum(variance, 1.05 * mean))
    quantity = np.maximum(_round(mean * stream.lognormal(0.7, 0.6, BLOCK)), 1)
    days = _days(block, stream.random(BLOCK))
    for place in range(count):
        yield (
            _name(start + place), "high" if block.critical[place] else "normal", days[place],
            f"{block.price[place]:.2f}", str(family[place]), f"{mean[place]:.4f}",
            "" if family[place] == "poisson" else f"{sd[place]:.4f}", _cell(block.low[place]),
            _cell(quantity[place]), _cell(block.least[place]),
        )  # fmt: skip


def _days(block: Block, slip: Floats) -> list[str]:
    """Lead times, some of them forgotten or to be asked for."""
    days = [f"{each:.0f}" for each in block.lead_time]
    for place, at in enumerate(slip):
        if at < 0.004:
            days[place] = "" if at < 0.003 else "ask"
    return days


def _name(number: int) -> str:
    return f"P{number + 1:07}"


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.0f}"
