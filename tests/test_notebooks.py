"""Notebooks: source and outputs are in step, they run, and what their prose says is seen."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import matplotlib as mpl
import nbformat
import pytest
from matplotlib import pyplot
from PIL import Image

FOLDER = Path(__file__).parent.parent / "notebooks"
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
HEADINGS = ["The question", "The picture", "The experiment", "Exercises", "Further reading"]
MOST_BYTES = 300_000


def _imported() -> Any:
    spec = importlib.util.spec_from_file_location("build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build"] = module
    spec.loader.exec_module(module)
    return module


build = _imported()
SOURCES = build.sources()
each_notebook = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def stored(path: Path) -> Any:
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


def prose(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def is_live(cell: Any) -> bool:
    return build.LIVE in cell.metadata.get("tags", [])


# --- in step -------------------------------------------------------------------------------------


def cells(notebook: Any) -> list[tuple[str, str, dict[str, Any]]]:
    return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]


def out_of_step(source: Path, notebook: Any) -> bool:
    return cells(build.read(source)) != cells(notebook)


@each_notebook
def test_the_notebook_has_the_cells_of_its_source(path):
    assert not out_of_step(path, stored(path))


@pytest.mark.parametrize(
    ("old", "new"), [("= 14", "= 15"), ("# # ", "# # Not "), ("import ", "import  ")]
)
def test_a_source_that_was_changed_is_noticed(old, new, tmp_path):
    changed = tmp_path / SOURCES[0].name
    text = SOURCES[0].read_text(encoding="utf-8")
    changed.write_text(text, encoding="utf-8")
    assert not out_of_step(changed, stored(SOURCES[0]))
    changed.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert out_of_step(changed, stored(SOURCES[0]))


@each_notebook
def test_every_cell_has_run_without_error_and_in_order(path):
    code = [cell for cell in stored(path).cells if cell.cell_type == "code"]
    run = [cell for cell in code if not is_live(cell)]
    assert [cell.execution_count for cell in run] == list(range(1, len(run) + 1))
    for output in (output for cell in code for output in cell.outputs):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
    assert not any(cell.outputs for cell in code if is_live(cell))


@each_notebook
def test_a_notebook_written_again_is_the_same(path):
    notebook = stored(path)
    assert build.source(path, notebook) == path.read_text(encoding="utf-8")
    written = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert nbformat.writes(notebook).rstrip() + "\n" == written


# --- what a reader finds -------------------------------------------------------------------------


@each_notebook
def test_a_notebook_has_a_question_a_picture_an_experiment_and_three_exercises(path):
    text = "\n".join(prose(stored(path)))
    assert re.findall(r"^# (\d\d) · .+", text, re.MULTILINE) == [path.name[:2]]
    assert re.findall(r"^## (.+)", text, re.MULTILINE) == HEADINGS
    assert re.findall(r"^\*\*Exercise (\d)\.\*\*", text, re.MULTILINE) == ["1", "2", "3"]
    folded = re.findall(r"<details><summary>Solution</summary>\n\n(.*?)\n\n</details>", text, re.S)
    assert len(folded) == text.count("<details") == text.count("</details>") == 3
    assert len(re.findall(r"^- ", text.split("## Further reading")[1], re.MULTILINE)) >= 2


@each_notebook
def test_the_picture_is_there_and_the_file_is_small(path):
    seen = ""
    pictures = dict.fromkeys(HEADINGS, 0)
    for cell in stored(path).cells:
        seen = next(iter(re.findall(r"^## (.+)", cell.source, re.MULTILINE)), seen)
        for output in cell.get("outputs", ()):
            pictures[seen] += "image/png" in output.get("data", {})
    assert pictures["The picture"]
    assert path.with_suffix(".ipynb").stat().st_size < MOST_BYTES


def test_a_picture_in_few_colours_keeps_those_of_its_marks():
    green, shades = (0, 158, 115), 200
    picture = Image.new("RGB", (400, 400), "white")
    for x in range(400):  # blue, fading into white as the edges of letters do
        fade = x * shades // 400
        for y in range(100):
            picture.putpixel((x, y), (fade, 114 + fade // 2, 178 + fade // 4))
    for place in ((300, 300), (301, 300), (302, 300)):
        picture.putpixel(place, green)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    few = build.small(base64.b64encode(stream.getvalue()).decode())
    kept = Image.open(io.BytesIO(base64.b64decode(few))).convert("RGB")
    found = kept.getpixel((301, 300))
    assert max(abs(a - b) for a, b in zip(found, green, strict=True)) < 16


@each_notebook
def test_the_teachers_index_has_a_row_with_time_prerequisites_and_goals(path):
    title = re.findall(r"^# \d\d · (.+)", prose(stored(path))[0])[0]
    link = re.escape(f"[{path.name[:2]} {title}]({path.stem}.ipynb)")
    rows = re.findall(rf"^\| {link} \| \d+ min \| (.+) \| (.+) \|$", INDEX, re.MULTILINE)
    assert len(rows) == 1


def test_the_index_has_no_other_rows():
    assert re.findall(r"\]\((\w+)\.ipynb\)", INDEX) == [path.stem for path in SOURCES]


# --- numbers in prose ----------------------------------------------------------------------------

NUMBER = r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?"
TALKED = re.compile(rf"({NUMBER})(\s?%| (?:percentage )?points?)?(?![\w.]\d)")


def value(text: str) -> float:
    return float(text.replace(",", ""))


def claims(text: str) -> Iterator[tuple[str, float, int, bool]]:
    """Shares, decimals and numbers above twelve: as written, value, decimals, if a share.

    0 and 100 claim nothing.
    """
    for written, share in TALKED.findall(text):
        number = value(written.rstrip(","))
        decimals = len(written.partition(".")[2])
        if (share or decimals or number > 12) and number not in (0, 100):
            yield written + share, number, decimals, bool(share)


def is_seen(number: float, decimals: int, is_share: bool, shown: str) -> bool:
    """Whether *shown* holds a number that is rounded to the one in prose."""
    near = 0.5000001 * 10.0**-decimals
    for found in map(value, re.findall(NUMBER, re.sub(r"(?<=\d)_(?=\d)", "", shown))):
        scales = (1, 100) if is_share else (1,)
        if any(abs(abs(scale * found) - abs(number)) <= near for scale in scales):
            return True
    return False


def unseen(notebook: Any) -> list[str]:
    """Numbers in prose that neither the code and outputs beside it hold, nor the prose's code.

    Beside it are the cells back to the last code and on to the next, and in a solution its own.
    """
    missing = []
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        own = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", cell.source, re.DOTALL))
        shown = own + beside(notebook.cells[:place][::-1]) + beside(notebook.cells[place + 1 :])
        said = re.sub(r"```.*?```|`[^`\n]+`|\]\([^)]*\)", " ", cell.source, flags=re.DOTALL)
        said = re.sub(r"^#+ .*", "", said.split("## Further reading")[0], flags=re.MULTILINE)
        missing += [text for text, *number in claims(said) if not is_seen(*number, shown)]
    return missing


def beside(following: list[Any]) -> str:
    """Code and text of the next cell of code among *following*, up to a heading of a section."""
    for cell in following:
        if cell.cell_type == "code":
            tags = (re.sub(r"<[^>]*>", " ", "\n".join(shown(cell))), cell.source)
            return "\n".join(tags)
    return ""


def shown(cell: Any) -> list[str]:
    """The outputs of *cell* in text; of a picture that it is one."""
    found = []
    for output in cell.outputs:
        data = output.get("data", {})
        kinds = ("text/html", "text/plain")
        text = next((data[kind] for kind in kinds if kind in data), output.get("text", ""))
        found.append("a picture" if "image/png" in data else text)
    return found


@each_notebook
def test_numbers_in_prose_are_those_of_the_cells_beside_it(path):
    assert unseen(stored(path)) == []


def test_a_number_in_prose_that_nothing_shows_is_noticed():
    code = nbformat.v4.new_code_cell("print(0.8432, 1_500)")
    code.outputs = [nbformat.v4.new_output("stream", text="0.8432 1500\n")]
    for said, found in {"84 % of 1,500": [], "84.3 %": [], "85 % of 1,600": ["85 %", "1,600"],
                        "0.84": [], "0.85": ["0.85"], "in 3 of 4": [], "`0.9` is 0.9": [],
                        "```python\n13\n```\n13 and 14": ["14"]}.items():  # fmt: skip
        notebook = nbformat.v4.new_notebook(cells=[code, nbformat.v4.new_markdown_cell(said)])
        assert unseen(notebook) == found


# --- run again -----------------------------------------------------------------------------------


@pytest.mark.slow
@each_notebook
def test_a_notebook_run_afresh_says_the_same_and_so_do_its_solutions(path):
    notebook, before = build.read(path), stored(path)
    prints = build.execute(notebook)
    for now, then in zip(notebook.cells, before.cells, strict=True):
        if then.cell_type == "code":
            assert shown(now) == shown(then)
    build.with_prints(notebook, prints)
    assert prose(notebook) == prose(before)


@pytest.mark.slow
@each_notebook
def test_the_controls_draw_what_they_are_moved_to(path, monkeypatch):
    """Outside a kernel, where an error of a control is raised and not shown beside it."""
    controls = []
    monkeypatch.setattr(ipywidgets, "interact", keeping(ipywidgets.interactive, controls))
    monkeypatch.chdir(FOLDER)
    mpl.use("Agg")
    names: dict[str, Any] = {}
    for cell in build.read(path).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, path.name, "exec"), names)
            pyplot.close("all")
    assert len(controls) == sum(map(is_live, build.read(path).cells))
    for moved in (slider for control in controls for slider in control.children):
        for end in ("min", "max"):
            if hasattr(moved, end):
                moved.value = getattr(moved, end)
                assert pyplot.get_fignums()
                pyplot.close("all")


def keeping(make: Any, kept: list[Any]) -> Any:
    def made(*given: Any, **named: Any) -> None:
        kept.append(make(*given, **named))
        kept[-1].update()

    return made


@pytest.mark.slow
def test_a_cell_or_a_solution_that_fails_is_noticed():
    broken = "```python\n1 / 0\n```"
    for cell in (nbformat.v4.new_code_cell("1 / 0"), nbformat.v4.new_markdown_cell(broken)):
        with pytest.raises(Exception, match="ZeroDivisionError"):
            build.execute(nbformat.v4.new_notebook(cells=[cell]))
