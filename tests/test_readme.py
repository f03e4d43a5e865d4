"""Every command and every line of Python in README runs, but the two that set up."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simlevel.conventions import CONVENTIONS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


SET_UP = [line for block in blocks("sh") for line in block.splitlines() if "venv .venv" in line]
COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line not in SET_UP]


PICTURES = Path(".github") / "pictures"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with the shipped scenarios, where README's commands follow one another."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "scenarios", folder / "scenarios")
    (folder / PICTURES).mkdir(parents=True)
    return folder


def test_one_line_runs_and_one_passes_the_tests():
    assert [("simlevel run" in line, "pytest" in line) for line in SET_UP] == [
        (True, False),
        (False, True),
    ]
    assert len([b for b in blocks("powershell") if "venv .venv" in b]) == len(SET_UP)


def test_the_commands_run_in_their_order_and_draw_the_pictures(checkout):
    assert COMMANDS
    for line in COMMANDS:
        program, *arguments = shlex.split(line)
        assert program == ".venv/bin/simlevel"
        command = [sys.executable, "-m", "simlevel", *arguments]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    made, kept = (
        {path.name: written(path) for path in sorted((folder / PICTURES).iterdir())}
        for folder in (checkout, ROOT)
    )
    assert made == kept
    assert list(made) == sorted(re.findall(r"^!\[[^]]+\]\(\.github/pictures/(.+)\)$", TEXT, re.M))
    assert "on hand" in made["thirty_days.svg"]
    assert "on hand" not in made["service.svg"]


def written(path: Path) -> tuple[str, ...]:
    """Size and words of a picture: what does not change with matplotlib's way to draw a line."""
    text = path.read_text(encoding="utf-8")
    return tuple(re.findall(r'viewBox="[^"]*"|(?<=>)[^<>\n]+(?=</text>)', text))


def test_the_python_runs(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert set(names["result"].to_frame()["policy"]) == {"current", "proposed"}


def test_every_scenario_stands_in_the_table_with_its_point():
    for path in sorted((ROOT / "scenarios").glob("*.toml")):
        point = path.read_text(encoding="utf-8").splitlines()[1].lstrip("# ")
        assert f"| `{path.stem}` | {point} |" in TEXT


def test_the_table_of_other_programs_is_that_of_explain():
    for one in CONVENTIONS:
        row = rf"\| {one.clock} \| {re.escape(one.lead_time)}( = 0)? \| {one.reorder_point}\b"
        assert re.search(row, TEXT) or one.sequence is None


def test_the_output_shown_is_what_the_first_line_prints():
    """The README's digits are the program's own: they guard against a stale page, no more."""
    shown = next(block for block in blocks("text"))
    command = [sys.executable, "-m", "simlevel", "run", "scenarios/quickstart.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    printed = done.stdout.splitlines()
    assert [line for line in shown.splitlines() if line != "..." and line not in printed] == []
