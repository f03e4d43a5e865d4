"""The report page: what a result says, as one file that needs nothing else. ``-o FILE.html``.

``answer``, ``asked`` and ``content`` are what it says, ``illustrations`` its pictures, ``run.html``
where all that stands; ``portfolio`` and ``portfolio.html`` are a portfolio's. ``base.html``,
``parts.html`` and ``style.css`` are every report's. Nothing is computed here. The only room that
imports jinja2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from simlevel.reports.page import content, illustrations, portfolio
from simlevel.reports.portfolio_summary import summary
from simlevel.saving import write_whole
from simlevel.studies.portfolio.answer import Answer
from simlevel.studies.result import Result

_HERE = Path(__file__).parent
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _glued(text: str) -> str:
    """*text* whose numbers stay on the line of their sign."""
    return re.sub(r" (?=[%+=])|(?<=[+=]) ", "\u00a0", text)


_ENVIRONMENT.filters["glued"] = _glued


def page(result: Result) -> str:
    """The page of *result*, as HTML; the same result gives the same page."""
    template = _ENVIRONMENT.get_template("run.html")
    return template.render(page=content.page(result), figures=illustrations.illustrations(result))


def portfolio_page(found: Answer) -> str:
    """The page of a portfolio, as HTML; the same answer gives the same page."""
    template = _ENVIRONMENT.get_template("portfolio.html")
    said = portfolio.page(summary(found), found.work.portfolio, found.work.inputs)
    return template.render(page=said, figures=illustrations.of_portfolio(found))


def write(result: Result, paths: Sequence[Path]) -> None:
    """Write the page of *result* to each of *paths*, whole or not at all.

    Raises InputError where a file cannot be written.
    """
    made = page(result).encode()
    for path in paths:
        write_whole(path, made)
