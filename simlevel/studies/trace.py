"""One replication event by event, as one would do it by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlevel.engines.ledger import Event, Job, Windows
from simlevel.errors import InputError, near
from simlevel.model.scenario import Scenario
from simlevel.studies.evaluate import engine_of

if TYPE_CHECKING:
    import pandas as pd

MOST_EVENTS = 100_000
COLUMNS = Event._fields


@dataclass(frozen=True)
class Path:
    """Levels over time, in units: what they jump to at each of *times*, the first of them 0.

    Instants of several events have one entry for each, the last of them the level that stays.
    """

    times: tuple[float, ...]
    on_hand: tuple[float, ...]
    backorders: tuple[float, ...]
    positions: tuple[float, ...]
    empty: tuple[tuple[float, float], ...]
    """Spells with nothing on hand: from when to when."""


@dataclass(frozen=True)
class Trace:
    """The event table of one policy, from the first instant to *until*."""

    scenario: Scenario
    policy: str
    until: float
    seed: int
    events: tuple[Event, ...]

    def path(self) -> Path:
        """The levels from time 0 to *until*, where the last ones are held."""
        start = self.scenario.start_level(self.policy)
        rows = [(0.0, start, start), *((e.time, e.after, e.position) for e in self.events)]
        rows.append((self.until, *rows[-1][1:]))
        times, nets, positions = zip(*rows, strict=True)
        on_hand = tuple(max(net, 0.0) for net in nets)
        backorders = tuple(max(-net, 0.0) for net in nets)
        return Path(times, on_hand, backorders, positions, tuple(_spells(times, on_hand)))

    def to_frame(self) -> pd.DataFrame:
        """The event table: one row an event, columns as in Event."""
        import pandas as pd

        return pd.DataFrame(self.events, columns=list(COLUMNS))

    def _repr_html_(self) -> str:
        """The event table for notebooks."""
        return str(self.to_frame().to_html(max_rows=60))


def _spells(times: Sequence[float], on_hand: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The longest stretches without stock; an instant alone is none."""
    since: float | None = None
    for time, there in zip(times, on_hand, strict=True):
        if there > 0 and since is not None and time > since:
            yield since, time
        since = None if there > 0 else time if since is None else since
    if since is not None and times[-1] > since:
        yield since, times[-1]


def trace(
    scenario: Scenario,
    policy: str | None = None,
    *,
    until: float,
    seed: int | None = None,
    engine: str = "fast",
) -> Trace:
    """The events of the first replication of *policy* (the first one) before *until*.

    These are the events that the run itself sees, warm-up and all, whichever the engine.
    Raises InputError for an unknown policy, or where there would be more than MOST_EVENTS
    customers.
    """
    names = list(scenario.policies)
    policy = names[0] if policy is None else policy
    if policy not in names:
        hint = near(policy, names)
        raise InputError(f"--policy: expected one of {', '.join(names)}{hint}, found {policy}")
    if not 0 < until < float("inf"):
        raise InputError(f"--until: expected a time above 0, found {until}")
    customers = until * scenario.demand.customers_per_time()
    if customers > MOST_EVENTS:
        raise InputError(
            f"--until: expected at most {MOST_EVENTS:,} customers, found about {customers:,.0f}"
        )
    seed = scenario.simulation.seed if seed is None else seed
    events: list[Event] = []
    engine_of(Job.of(scenario, policy, Windows(0.0, until), seed), engine).run(0, events)
    kept = tuple(event for event in events if event.time < until)
    return Trace(scenario, policy, until, seed, kept)
