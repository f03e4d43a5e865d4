"""A portfolio on a Dask cluster: the same bytes, and a clear word where there is none."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import simlevel
from simlevel.cli import status
from simlevel.studies.portfolio import run, workers
from simlevel.studies.portfolio.demo import write

Client = pytest.importorskip("distributed").Client
pytestmark = pytest.mark.filterwarnings("ignore")  # of distributed, for which we cannot answer
COMPILING = "compiling the simulation loops"
"""What a run may say on a machine where no other has."""
MAIN = (
    "import sys; from simlevel.studies.portfolio import run; run.ITEMS = 4;"
    "from simlevel.cli import main; main()"
)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(run, "ITEMS", 4)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The portfolio file of five items."""
    return write(tmp_path_factory.mktemp("portfolio"), 5, 1)


def started(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """A program of Dask's."""
    code = f"from distributed.cli.dask_{arguments[0]} import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments[1:]],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ | environment, cwd=cwd,
    )  # fmt: skip


def ended(program: subprocess.Popen[bytes]) -> None:
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[str]:
    """The address of one that has no worker."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    program = started("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                      "--scheduler-file", str(file),
                      DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="10")  # fmt: skip
    try:
        yield address_in(file)
    finally:
        ended(program)


def address_in(file: Path) -> str:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.2)
    address: str = json.loads(file.read_text())["address"]
    return address


def told(demo: Path, folder: Path, address: str, capsys) -> str:
    """What the command says of a scheduler that will not do."""
    line = ["portfolio", str(demo), "-o", str(folder), "--scheduler", address]
    assert status(line) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert list(folder.rglob("*.npz")) == []
    return said.err


def test_what_to_install_is_said(demo, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert told(demo, tmp_path, "tcp://127.0.0.1:1", capsys) == (
        "--scheduler tcp://127.0.0.1:1: expected distributed, found none: "
        'pip install "simlevel[cluster]"\n'
    )


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("tcp://127.0.0.1:1", "Timed out trying to connect to tcp://127.0.0.1:1 after 1 s"),
        ("carrier-pigeon://roof:1", "unknown address scheme 'carrier-pigeon'"),
        ("", ""),
    ],
)
def test_an_address_where_there_is_no_scheduler_is_told(
    demo, tmp_path, capsys, monkeypatch, address, found
):
    monkeypatch.setattr(workers, "PATIENCE", 1)
    said = told(demo, tmp_path, address, capsys)
    assert said.startswith(f"--scheduler {address}: expected a Dask scheduler, found")
    assert found in said
    assert len(said.splitlines()) == 1


def test_a_scheduler_without_workers_is_told(demo, tmp_path, capsys, monkeypatch, scheduler):
    monkeypatch.setattr(workers, "PATIENCE", 1)
    said = told(demo, tmp_path, scheduler, capsys)
    assert said.endswith("expected workers, found a scheduler that has none\n")


def workers_of(scheduler: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """Two, with a nanny each that starts them again; they find what is in *cwd* first."""
    options = ("--nworkers", "2", "--nthreads", "1", "--no-dashboard")
    return started("worker", scheduler, *options, cwd=cwd)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "found"),
    [("__version__ = '0.0.1'", "found 0.0.1"), ("raise ImportError('none')", "found none")],
)
def test_workers_with_another_simlevel_are_named(
    demo, tmp_path, capsys, monkeypatch, scheduler, program, found
):
    monkeypatch.setattr(workers, "PATIENCE", 30)
    (tmp_path / "simlevel.py").write_text(program)
    there = workers_of(scheduler, tmp_path)
    try:
        said = told(demo, tmp_path / "out", scheduler, capsys)
    finally:
        ended(there)
    assert (
        f"--scheduler {scheduler}: expected simlevel {simlevel.__version__} on worker tcp://"
        in said
    )
    assert said.endswith(f", {found}\n")


@pytest.mark.slow
def test_workers_killed_at_five_random_moments_cost_time_and_no_result(tmp_path, scheduler):
    """The scheduler here forgives a chunk ten workers, so that chance cannot fail the run."""
    file = write(tmp_path / "demo", 80, 1)
    assert status(["portfolio", str(file), "-o", str(tmp_path / "alone")]) == 0
    there = workers_of(scheduler)
    line = ["portfolio", str(file), "-o", str(tmp_path / "out"), "--scheduler", scheduler]
    try:
        with Client(scheduler, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            running = subprocess.Popen([sys.executable, "-c", MAIN, *line], stderr=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)  # fmt: skip
            killed = set()
            while len(list((tmp_path / "out").rglob("*.npz"))) < 2:
                time.sleep(0.05)
            for wait in np.random.default_rng().uniform(0, 2, 5):
                time.sleep(wait)
                client.wait_for_workers(1, timeout=60)
                victim = next(iter(client.run(os.getpid, on_error="ignore").values()))
                assert running.poll() is None, "all was done before all were killed"
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
            _, err = running.communicate(timeout=300)
    finally:
        ended(there)
    complaints = [line for line in err.decode().splitlines() if COMPILING not in line]
    assert (running.returncode, complaints, len(killed)) == (0, [], 5)
    assert made(tmp_path / "out") == made(tmp_path / "alone")


def made(folder: Path) -> dict[str, bytes]:
    """All that a run left in *folder*."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_a_worker_with_another_simlevel_that_comes_later_ends_the_run(tmp_path, scheduler):
    file, folder = write(tmp_path / "demo", 400, 1), tmp_path / "out"
    there = tmp_path / "other"
    shutil.copytree(Path(simlevel.__file__).parent, there / "simlevel")
    with (there / "simlevel/__init__.py").open("a") as program:
        program.write('__version__ = "0.0.1"\n')
    line = ["portfolio", str(file), "-o", str(folder), "--scheduler", scheduler]
    programs = [workers_of(scheduler)]
    try:
        with Client(scheduler, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            running = subprocess.Popen([sys.executable, "-c", MAIN, *line], stderr=subprocess.PIPE)
            while not list(folder.rglob("*.npz")):
                time.sleep(0.05)
            programs.append(workers_of(scheduler, there))
            _, err = running.communicate(timeout=120)
    finally:
        for each in programs:
            ended(each)
    expected = f"expected simlevel {simlevel.__version__} on all workers, found 0.0.1 on one that"
    assert running.returncode == 2
    assert f"--scheduler {scheduler}: {expected} came later" in err.decode()
    assert list(folder.rglob("*.npz"))


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_finished_and_leaves_nothing_on_the_cluster(tmp_path, scheduler):
    file, folder = write(tmp_path / "demo", 200, 1), tmp_path / "out"
    there = workers_of(scheduler)
    line = ["portfolio", str(file), "-o", str(folder), "--scheduler", scheduler]
    try:
        with Client(scheduler, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            running = subprocess.Popen(
                [sys.executable, "-c", MAIN, *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )  # fmt: skip
            while len(list(folder.rglob("*.npz"))) < 2:
                time.sleep(0.05)
            assert any(client.processing().values())
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
            end = time.monotonic() + 30
            while any(client.processing().values()):
                assert time.monotonic() < end, "something is left"
                time.sleep(0.1)
    finally:
        ended(there)
    items = 4 * len(list(folder.rglob("*.npz")))
    said = f"simlevel: interrupted: {items} of 200 items are finished, and the same command goes on"
    complaints = [line for line in err.decode().splitlines() if COMPILING not in line]
    assert (running.returncode, out, complaints) == (130, b"", [f"{said} from there"])
    assert 8 <= items < 200
