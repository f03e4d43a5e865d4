"""A portfolio run that is killed, starved or doubled loses time and nothing else."""

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from simlevel import saving
from simlevel.cli import status
from simlevel.errors import InputError
from simlevel.reports.progress import ProgressBar
from simlevel.studies.portfolio import run, verification, workers
from simlevel.studies.portfolio.demo import write
from simlevel.studies.portfolio.verification import verified

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
SMALL = "import sys; from simlevel.studies.portfolio import run; run.ITEMS = int(sys.argv.pop(1)); "
"""A run in chunks of a few items, so that a short one has many."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The portfolio file of a dozen items."""
    return write(tmp_path_factory.mktemp("portfolio"), 12, 1)


@pytest.fixture(scope="module")
def finished(demo, tmp_path_factory) -> Path:
    """The folder of a run in chunks of four items that was left alone."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "ITEMS", 4)
        assert status(line(demo, folder)) == 0
    return folder


@pytest.fixture
def answer(finished) -> dict[str, bytes]:
    """What is in it."""
    return whole(finished)


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of it to take things from."""
    return shutil.copytree(finished, tmp_path / "out")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(run, "ITEMS", 4)


def line(file: Path, folder: Path, *options: str) -> list[str]:
    return ["portfolio", str(file), "-o", str(folder), *options]


def started(items: int, *arguments: str) -> subprocess.Popen[bytes]:
    """The command in a process group of its own, as a shell starts it."""
    code = SMALL + "from simlevel.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(items), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def whole(folder: Path) -> dict[str, bytes]:
    """All that has a final name in *folder*, by its place there."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != saving.PART]
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name != "lock"
    }


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob(f".*{saving.PART}"))


def until(holds: Callable[[], object], patience: float = 60) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


def alive(process: int) -> bool:
    """Neither gone nor a zombie."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def descendants(process: int) -> list[int]:
    """Those that a process has started, and those that these have."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            found += [int(each), *descendants(int(each))]
    return found


def working(process: int) -> list[int]:
    """The processes of a run that work chunks out."""
    return [each for each in descendants(process) if len(descendants(each)) == 0
            and b"forkserver" in Path(f"/proc/{each}/cmdline").read_bytes()]  # fmt: skip


# --- workers --------------------------------------------------------------------------------------


def squared(number: int) -> bytes:
    return str(number**2).encode()


def killed_once(mark: Path, number: int) -> bytes:
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return squared(number)


def killed_always(number: int) -> bytes:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return squared(number)


def asleep(folder: Path, number: int) -> bytes:
    (folder / str(os.getpid())).touch()
    time.sleep(0 if number == 0 else 60)
    return b""


def large(number: int) -> bytes:
    time.sleep(0.002 * (number % 3))
    return bytes(3_000_000)


def stopped_again_and_again() -> None:
    for _ in range(10):
        found = workers.here(large, [(number, (number,)) for number in range(200)], 2)
        next(found)
        found.close()


def test_few_jobs_are_handed_out_ahead_and_each_is_done_once():
    taken = []

    def jobs() -> Iterator[workers.Job]:
        for number in range(20):
            taken.append(number)
            yield number, (number,)

    found = {}
    for number, content in workers.here(squared, jobs(), 2):
        assert number not in found
        found[number] = content
        assert len(taken) - len(found) <= workers.AHEAD * 2
    assert found == {number: squared(number) for number in range(20)}


def test_a_worker_that_is_killed_costs_no_result(tmp_path):
    jobs = [(number, (tmp_path / "mark", number)) for number in range(9)]
    assert dict(workers.here(killed_once, jobs, 2)) == {n: squared(n) for n in range(9)}
    assert (tmp_path / "mark").exists()


def test_workers_that_are_killed_again_and_again_are_told_of_and_the_others_keep():
    found: dict[int, bytes] = {}
    results = workers.here(killed_always, [(number, (number,)) for number in range(9)], 2)
    with pytest.raises(InputError, match="expected worker processes that live, found them killed"):
        found.update(results)
    assert set(found) == {0, 1, 2, 4, 5, 6, 7, 8}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, InputError])
def test_workers_end_at_once_with_a_run_that_stops(tmp_path, stop):
    found = workers.here(asleep, [(number, (tmp_path, number)) for number in range(6)], 2)

    def stopped() -> None:
        for _ in found:
            until(lambda: len(list(tmp_path.iterdir())) == 2)
            found.throw(stop("stopped"))

    begun = time.monotonic()
    with pytest.raises(stop):
        stopped()
    assert time.monotonic() < begun + 30
    assert not any(alive(int(path.name)) for path in tmp_path.iterdir())
    assert multiprocessing.active_children() == []


def test_a_run_that_stops_while_results_come_does_not_wait_for_the_rest_of_one():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_portfolio_safety as t;"
        "t.stopped_again_and_again()"
    )
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, here], check=True, timeout=100)


@pytest.mark.slow
def test_workers_end_when_the_run_is_killed_and_nobody_tells_them(tmp_path):
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import test_portfolio_safety as t;"
        "p = pathlib.Path(sys.argv[2]);"
        "list(t.workers.here(t.asleep, [(n, (p, n)) for n in range(1, 6)], 2))"
    )
    here = str(Path(__file__).parent)
    running = subprocess.Popen([sys.executable, "-c", code, here, str(tmp_path)])
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    running.kill()
    running.wait()
    until(lambda: not any(alive(int(path.name)) for path in tmp_path.iterdir()), 10)


# --- a folder -------------------------------------------------------------------------------------


def test_an_interrupt_says_what_is_finished_and_the_same_command_goes_on(
    demo, answer, folder, capsys, monkeypatch
):
    def pressed(self: ProgressBar, done: int, planned: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    for number in (0, 2):
        (folder / f".chunks/{number:06}.npz").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "__call__", pressed)
        assert status(line(demo, folder)) == 130
    said = capsys.readouterr()
    advice = "interrupted: 8 of 12 items are finished, and the same command goes on from there"
    assert (said.out, said.err) == ("", f"simlevel: {advice}\n")
    there = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    assert len(there) == 2
    assert status(line(demo, folder)) == 0
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert whole(folder) == answer


@pytest.mark.parametrize("name", [".chunks/000000.npz", "items.parquet"])
def test_a_file_that_cannot_be_written_to_its_end_is_named_and_not_there(
    demo, answer, folder, capsys, name
):
    """A limit on the size of files: the system writes as much as fits and refuses the rest."""
    (folder / name).unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(answer[name]) - 1, hard))
    try:
        assert status(line(demo, folder)) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = capsys.readouterr().err
    assert said == f"{folder / name}: expected a place to write to, found: file too large\n"
    assert whole(folder) == {key: each for key, each in answer.items() if key != name}
    assert parts(folder) == []
    assert status(line(demo, folder)) == 0
    assert whole(folder) == answer


def in_a_disk_of_its_own(options: str, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command with a disk of that kind at *folder*: status, errors, and what is there."""
    if shutil.which("unshare") is None:
        pytest.skip("takes unshare, to mount a disk of a few KiB")
    folder.mkdir()
    mount = f"mount -t tmpfs -o {options} tmpfs '{folder}' || exit 99"
    script = f'{mount}; "$@"; code=$?; find "{folder}" -type f; exit $code'
    code = SMALL + "from simlevel.cli import main; main()"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*command, sys.executable, "-c", code, "4", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 99 or done.stderr.startswith("unshare"):
        pytest.skip(f"takes a system that lets one mount a disk: {done.stderr}")
    return done.returncode, done.stderr, done.stdout


def test_a_folder_that_is_read_only_is_named_with_the_systems_reason(demo, tmp_path):
    folder = tmp_path / "disk"
    code, err, there = in_a_disk_of_its_own("ro", folder, *line(demo, folder))
    expected = "expected a folder that can be written to, found: read-only file system"
    assert (code, there) == (2, "")
    assert err == f"-o {folder / '.chunks'}: {expected}\n"


@pytest.mark.slow
def test_a_full_disk_is_named_and_nothing_on_it_is_half_written(demo, answer, tmp_path):
    folder = tmp_path / "disk"
    code, err, there = in_a_disk_of_its_own("size=32k", folder, *line(demo, folder))
    assert code == 2
    assert err.startswith(f"{folder}/")
    assert err.endswith("expected a place to write to, found: no space left on device\n")
    names = {str(Path(name).relative_to(folder)) for name in there.splitlines()}
    assert names - {".chunks/lock"} <= set(answer)


@pytest.mark.parametrize("name", ["file/out", "/proc/none/out"])
def test_a_place_where_no_folder_can_be_is_named(demo, tmp_path, capsys, name):
    (tmp_path / "file").touch()
    folder = tmp_path / name
    assert status(line(demo, folder)) == 2
    assert capsys.readouterr().err.startswith(f"-o {folder}: expected a folder that can be written")


@pytest.mark.parametrize("lost", [None, b"", b"[]", b'{"key": 1'])
def test_nothing_that_is_finished_is_simulated_again(demo, answer, folder, monkeypatch, lost):
    """A test that is lost, or of other settings, is made again."""
    made = []
    monkeypatch.setattr(verification, "verified", lambda *a: made.append(1) or verified(*a))
    verified_ = folder / ".chunks/verified.json"
    if lost is not None:
        verified_.write_bytes(lost)
    assert status(line(demo, folder)) == 0
    assert (len(made), whole(folder)) == (lost is not None, answer)


def test_what_a_killed_run_left_half_written_goes_and_nothing_else(demo, answer, folder):
    left = [place / f".{name}.x{saving.PART}" for place in (folder, folder / ".chunks")
            for name in "ab"]  # fmt: skip
    for path in (*left, folder / ".mine"):
        path.touch()
    assert status(line(demo, folder)) == 0
    assert [path.exists() for path in left] == [False] * 4
    assert whole(folder) == answer | {".mine": b""}


@pytest.mark.parametrize(
    "damage", [lambda c: b"", lambda c: c[:-90], lambda c: bytes(len(c)), lambda c: flipped(c)]
)
def test_a_chunk_that_a_disk_has_lost_a_part_of_is_done_again(demo, answer, folder, damage):
    chunk = folder / ".chunks/000001.npz"
    chunk.write_bytes(damage(chunk.read_bytes()))
    assert status(line(demo, folder)) == 0
    assert whole(folder) == answer


def flipped(content: bytes) -> bytes:
    """A bit in the midst of it."""
    middle = content.index(b"proposed_fill_rate") + 200
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_file_has_its_content_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, c=call: (done.append((n, *a)), c(*a)))
    saving.write_whole(tmp_path / "a", b"content")
    assert [each[0] for each in done] == ["fsync", "replace"]


def test_one_run_a_folder(demo, answer, folder, capsys):
    code = (
        "import sys, pathlib; from simlevel.saving import alone\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with alone(folder, folder / '.chunks/lock'): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    with other:
        assert other.stdout.readline() == b"held\n"
        assert status(line(demo, folder)) == 2
        said = capsys.readouterr().err
        assert said == (
            f"-o {folder}: expected a folder that no other run writes to, found one at work\n"
        )
        other.kill()
    assert status(line(demo, folder)) == 0
    assert whole(folder) == answer


def test_the_tables_themselves_are_not_written_over(demo, capsys):
    before = whole(demo.parent)
    assert status(line(demo, demo.parent)) == 2
    assert "expected a folder other than that of the tables" in capsys.readouterr().err
    assert whole(demo.parent) == before
    assert not (demo.parent / ".chunks").exists()


# --- real signals ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_interrupt_at_the_keyboard_ends_the_workers_too(tmp_path):
    """The terminal tells all processes of the group."""
    file, folder = write(tmp_path / "demo", 200, 1), tmp_path / "out"
    running = started(5, *line(file, folder))
    until(lambda: len(list(folder.rglob("*.npz"))) >= 2)
    started_by_it = descendants(running.pid)
    assert len(working(running.pid)) >= 2
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    items = 5 * len(list(folder.rglob("*.npz")))
    advice = f"{items} of 200 items are finished, and the same command goes on from there"
    assert (out, err.decode()) == (b"", f"simlevel: interrupted: {advice}\n")
    until(lambda: not any(map(alive, started_by_it)), 10)
    assert parts(folder) == []


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_as_one_left_alone(tmp_path):
    """SIGKILL to all its processes; moments from the start to beyond a tenth of the work."""
    file, alone, folder = write(tmp_path / "demo", 80, 1), tmp_path / "alone", tmp_path / "out"
    begun = time.monotonic()
    with started(2, *line(file, alone)) as running:
        until(lambda: list(alone.rglob("*.npz")))
        first = time.monotonic() - begun
        running.communicate()  # a run that cannot say what it waits for ends
    rest = time.monotonic() - begun - first
    answer = whole(alone)
    seen: dict[Path, int] = {}
    for wait in np.random.default_rng().uniform(0, first + rest / 8, 20):
        with started(2, *line(file, folder)) as running:
            time.sleep(wait)
            os.killpg(running.pid, signal.SIGKILL)
        assert whole(folder).items() <= answer.items()
        kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
        assert seen.items() <= kept.items()
        seen = kept
    with started(2, *line(file, folder)) as running:
        running.communicate()
    assert running.returncode == 0
    assert whole(folder) == answer
    assert parts(folder) == []
    assert all(path.stat().st_mtime_ns == when for path, when in seen.items())


@pytest.mark.slow
def test_a_worker_of_a_run_that_is_killed_costs_no_result(demo, answer, tmp_path):
    running = started(4, *line(demo, tmp_path))
    until(lambda: len(working(running.pid)) >= 2)
    os.kill(working(running.pid)[-1], signal.SIGKILL)
    _, err = running.communicate()
    nobody = b"simlevel: classes.critical: no item is in it\n"
    assert (running.returncode, err) == (0, nobody)
    assert whole(tmp_path) == answer


@pytest.mark.slow
def test_of_two_runs_at_once_one_is_told_and_one_ends_as_if_alone(demo, answer, tmp_path):
    both = [started(4, *line(demo, tmp_path)) for _ in range(2)]
    said = [each.communicate()[1].decode() for each in both]
    assert sorted(each.returncode for each in both) == [0, 2]
    assert "expected a folder that no other run writes to" in "".join(said)
    assert whole(tmp_path) == answer
