"""Measures on this machine, and writes README's benchmark table between its two markers.

python tests/benchmarks/readme_table.py [ROUNDS]
"""

import sys
from pathlib import Path

from simlevel.bench import ROUNDS, report, rows

README = Path(__file__).parents[2] / "README.md"
FIRST, LAST = "<!-- python tests/benchmarks/readme_table.py -->\n", "<!-- end of the table -->\n"


def with_table(readme: str, lines: list[str]) -> str:
    """*readme* with *lines* in place of what stands between the markers."""
    before, _, rest = readme.partition(FIRST)
    _, last, after = rest.partition(LAST)
    if not last:
        raise ValueError("README has lost a marker of its benchmark table")
    return "".join([before, FIRST, "\n", *(f"{line}\n" for line in lines), "\n", LAST, after])


def main(rounds: int) -> None:
    lines = []
    for line in report(rows(), rounds):
        print(line, flush=True)
        lines.append(line)
    text = with_table(README.read_text(encoding="utf-8"), lines)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
