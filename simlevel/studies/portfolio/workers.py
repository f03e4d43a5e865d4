"""Who works the chunks out: processes of this machine, or the workers of a Dask cluster.

Either way a few chunks are handed out ahead, so that memory does not grow with their number,
and a worker that is killed costs time, not results.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import chain
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import simlevel
from simlevel.errors import InputError

Arguments: TypeAlias = tuple[Any, ...]
Job: TypeAlias = tuple[int, Arguments]
"""A number, and what the function is called with."""
Task: TypeAlias = Callable[..., bytes]
Results: TypeAlias = Generator[tuple[int, bytes], None, None]

AHEAD = 2
"""Chunks that are handed out for each worker."""
DEATHS = 3
"""In a row, with nothing finished between them: then it is no accident."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""How workers are started, by Dask too: on more threads a BLAS rounds sums in another way, and
the processors are busy as it is."""
KILLED = "them killed again and again, as where memory runs out (what is finished is kept)"
PATIENCE = 5
"""Seconds that a scheduler has to answer, and to have a worker; and a result to be taken."""
_working, _ending = threading.Lock(), threading.Event()
"""In a worker: a chunk is in hand; the main process wants no more, or is gone."""


def here(function: Task, jobs: Iterable[Job], processes: int) -> Results:
    """Each job's number and result, as they come, by so many processes of this machine.

    Raises InputError where processes are killed again and again.
    """
    handed: dict[int, Arguments] = {}
    todo, deaths = iter(jobs), 0
    while True:
        under_way: dict[Future[bytes], int] = {}
        try:
            with _processes(processes) as pool:
                for number, arguments in todo:
                    handed[number] = arguments
                    under_way[pool.submit(_worked_out, function, *arguments)] = number
                    while len(under_way) >= AHEAD * processes:
                        yield from _finished(under_way, handed)
                        deaths = 0
                while under_way:
                    yield from _finished(under_way, handed)
                    deaths = 0
            return
        except BrokenProcessPool:
            deaths += 1
            if deaths == DEATHS:
                raise InputError(f"expected worker processes that live, found {KILLED}") from None
            todo = chain(list(handed.items()), todo)


def _finished(under_way: dict[Future[bytes], int], handed: dict[int, Arguments]) -> Results:
    """Those that are done, at least one."""
    finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for each in finished:
        content = each.result()
        number = under_way.pop(each)
        del handed[number]
        yield number, content


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end when this one does, however it ends: a pipe tells them.

    Not forked from this one, whose threads, locks and memory would come along.
    """
    context = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
    context.set_forkserver_preload(["simlevel.studies.portfolio.run"])
    ours, theirs = context.Pipe()
    pool = ProcessPoolExecutor(count, context, _begin, (ours, theirs))
    try:
        with _environment(ONE_THREAD):
            yield pool
            pool.shutdown()
    finally:
        ours.close()
        theirs.close()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """What processes that are started meanwhile find."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(ours: Connection, theirs: Connection) -> None:
    """In a worker: leave interrupts to the main process, and live no longer than it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours.close()
    threading.Thread(target=_end_with, args=(theirs,), daemon=True).start()


def _worked_out(function: Task, *arguments: Any) -> bytes:
    """In a worker, which ends in here or idle: whoever got half a result would wait for the rest
    for ever."""
    with _working:
        content = b"" if _ending.is_set() else function(*arguments)
        if _ending.is_set():
            os._exit(1)
        return content


def _end_with(pipe: Connection) -> None:
    with suppress(EOFError, OSError):
        pipe.recv()
    _ending.set()
    end = time.monotonic() + PATIENCE
    while not _working.locked() and time.monotonic() < end:
        time.sleep(0.01)
    os._exit(1)


# --- a cluster ------------------------------------------------------------------------------------


def on_cluster(function: Task, jobs: Iterable[Job], address: str) -> Results:
    """As :func:`here`, by the workers of the Dask scheduler at *address*.

    Raises InputError where there is none, where its workers have another simlevel or none, and
    where it is lost or its workers are killed again and again.
    """
    try:
        import distributed
    except ImportError:
        advice = 'expected distributed, found none: pip install "simlevel[cluster]"'
        raise _refused(address, advice) from None
    with _client(address) as client:
        under_way: dict[Any, int] = {}
        try:
            for number, arguments in jobs:
                handed = (simlevel.__version__, function, *arguments)
                under_way[client.submit(_by_the_same, *handed, pure=False)] = number
                while len(under_way) >= AHEAD * max(sum(client.nthreads().values()), 1):
                    yield from _gathered(under_way)
            while under_way:
                yield from _gathered(under_way)
        except _StrangerError as error:
            expected = f"expected simlevel {simlevel.__version__} on all workers"
            raise _refused(address, f"{expected}, found {error} on one that came later") from None
        except distributed.KilledWorker:
            found = f"expected workers that live, found {KILLED}"
            raise _refused(address, found) from None
        except (CancelledError, OSError):
            raise _refused(address, "expected a scheduler to the end, found it gone") from None


class _StrangerError(Exception):
    """A worker has another simlevel; says which."""


def _by_the_same(version: str, function: Task, *arguments: Any) -> bytes:
    """In a worker, which may have come when all others were looked at already.

    One without simlevel cannot even take up its task, which goes to another.
    """
    if simlevel.__version__ != version:
        raise _StrangerError(simlevel.__version__)
    return function(*arguments)


def _gathered(under_way: dict[Any, int]) -> Results:
    from distributed import wait

    for each in wait(list(under_way), return_when="FIRST_COMPLETED").done:
        content = each.result()
        yield under_way.pop(each), content


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """Connected to a scheduler whose workers have this simlevel; quiet, as errors say it all."""
    from distributed import Client

    with _quiet("distributed", "distributed.client"):
        try:
            client = Client(address, timeout=PATIENCE)
        except Exception as error:  # of whatever kind, by what answers there
            reason = str(error).partition("\n")[0]
            raise _refused(address, f"expected a Dask scheduler, found: {reason}") from None
        with client:
            _check_workers(client, address)
            yield client


def _check_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise _refused(address, "expected workers, found a scheduler that has none") from None
    # By eval, which workers without simlevel have too.
    version = client.run(eval, "__import__('simlevel').__version__", on_error="return")
    threads = client.run(eval, "__import__('os').environ.get('OMP_NUM_THREADS', 'none')")
    for worker, found in sorted(version.items()):
        if found != simlevel.__version__:
            expected = f"expected simlevel {simlevel.__version__} on worker {worker}"
            raise _refused(address, f"{expected}, found {found}")
        if threads[worker] != "1":
            expected = f"expected OMP_NUM_THREADS of 1 on worker {worker}, as its nanny sets it"
            raise _refused(address, f"{expected}, found {threads[worker]}")


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _refused(address: str, message: str) -> InputError:
    return InputError(f"--scheduler {address}: {message}")
