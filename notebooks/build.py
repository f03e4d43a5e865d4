"""Executes the notebooks: NN_name.py is what is written, NN_name.ipynb what is read.

    python notebooks/build.py          # all of them
    python notebooks/build.py 01 04    # some

A source holds cells in jupytext's percent format. In the folded solutions each block of Python is
run after the notebook, and the block of text below it is replaced by what it prints. Run twice,
it changes nothing.
"""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
LIVE = "skip-execution"
"""The tag of cells with a control to move: they run in a live notebook only."""
SOLUTION = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<printed>.*?)```\n)?",
                      re.MULTILINE | re.DOTALL)  # fmt: skip
"""A block of Python in Markdown, and below it what it prints."""
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
SHARP = ["--InlineBackend.figure_formats={'retina'}"]
COLOURS = 64

Notebook = Any


def sources(numbers: Sequence[str] = ()) -> list[Path]:
    """The sources in their order, or those of some *numbers*."""
    every = sorted(HERE.glob("[0-9][0-9]_*.py"))
    return [path for path in every if not numbers or path.name[:2] in numbers]


def read(path: Path) -> Notebook:
    """The notebook that the source at *path* describes, not executed."""
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{place:02}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    return notebook


def execute(notebook: Notebook) -> list[str]:
    """Run *notebook* in place, then its solutions; what each of these prints."""
    cells = [solution["code"] for cell in notebook.cells if cell.cell_type == "markdown"
             for solution in SOLUTION.finditer(cell.source + "\n")]  # fmt: skip
    added = [nbformat.v4.new_code_cell(code) for code in cells]
    whole = nbformat.v4.new_notebook(metadata=KERNEL, cells=[*notebook.cells, *added])
    NotebookClient(
        whole, timeout=300, kernel_name="python3", record_timing=False, coalesce_streams=True,
        extra_arguments=SHARP, skip_cells_with_tag=LIVE,
        resources={"metadata": {"path": str(HERE)}},
    ).execute()  # fmt: skip
    return [printed(cell) for cell in added]


def printed(cell: Notebook) -> str:
    """The text that *cell* printed, or showed as its last value."""
    shown = (each.get("text") or each.get("data", {}).get("text/plain", "") + "\n"
             for each in cell.outputs if "image/png" not in each.get("data", {}))  # fmt: skip
    return "".join(shown)


def with_prints(notebook: Notebook, prints: Sequence[str]) -> None:
    """Put what each solution prints below it."""
    left = iter(prints)

    def renewed(match: re.Match[str]) -> str:
        said = next(left)
        shown = f"\n```text\n{said.rstrip()}\n```\n" if said.strip() else ""
        return f"```python\n{match['code']}```\n{shown}"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTION.sub(renewed, cell.source + "\n").rstrip("\n")


def tidy(notebook: Notebook) -> None:
    """Keep of the outputs what is shown, with pictures in few colours."""
    count = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        if LIVE not in cell.metadata.get("tags", []):
            cell.execution_count = count = count + 1
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = count
            if "data" in output:
                output.data = nbformat.from_dict(seen(output.data))


def seen(data: Notebook) -> dict[str, Any]:
    """Of the forms that one output comes in the one that is shown: picture, table or text."""
    if "image/png" in data:
        return {"image/png": small(data["image/png"])}
    return {
        kind: data[kind]
        for kind in ("text/html", "text/plain")
        if kind in data and (kind == "text/html" or "text/html" not in data)
    }


def small(png: str) -> str:
    """A picture of lines and letters needs few colours; base64, like *png*."""
    stream = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    # Not the median cut, which gives the colour of a few small marks away.
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def build(path: Path) -> None:
    """Execute the source at *path*, and write both files."""
    notebook = read(path)
    with_prints(notebook, execute(notebook))
    tidy(notebook)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook)
    path.with_suffix(".ipynb").write_text(text.rstrip() + "\n", encoding="utf-8")
    path.write_text(source(path, notebook), encoding="utf-8")


def source(path: Path, notebook: Notebook) -> str:
    """The source at *path* with the cells of *notebook*, in the percent format."""
    written = jupytext.read(path, fmt="py:percent")
    for now, then in zip(written.cells, notebook.cells, strict=True):
        now.source = then.source
    return str(jupytext.writes(written, fmt="py:percent"))


if __name__ == "__main__":
    for each in sources(sys.argv[1:]):
        print(each.name)
        build(each)
