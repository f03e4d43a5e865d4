"""Portfolio files: TOML to Portfolio with the place of every problem."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from simlevel.errors import InputError, Problem
from simlevel.model import portfolio as model
from simlevel.model.fields import Frozen, using_time_unit
from simlevel.model.portfolio import Portfolio
from simlevel.model.scenario import Origin
from simlevel.toml_file import Grammar, KeyPath, located, tables_of, text_of, told

_SECTIONS: Mapping[KeyPath, type[Frozen]] = {
    (): Portfolio, ("items",): model.Items, ("history",): model.History,
    ("demand",): model.MomentsDemand, ("lead_times",): model.LeadTimeRecords,
    ("lead_times", "lead_time"): model.TimeColumn,
    ("present",): model.Present, ("proposed",): model.Proposed,
    ("costs",): model.PortfolioCosts, ("costs", "holding"): model.HoldingColumn,
    ("items", "lead_time"): model.TimeColumn, ("backtest",): model.Backtest,
    ("verify",): model.Verify,
    ("system",): model.System,
}  # fmt: skip
_MISSING: Mapping[KeyPath, str] = {
    ("items",): "a table [items]",
    ("classes",): "at least one class of service, a table [classes.NAME]",
}


def load(file: str | Path) -> Portfolio:
    """Read a portfolio file; the tables that it names are read later.

    Raises InputError with every problem found: file, line, column, key, what was expected,
    what was found.
    """
    path = Path(file)
    content = text_of(path, "a portfolio file")
    portfolio = parse(content, str(file))
    portfolio._origin = Origin(str(file), hashlib.sha256(content.encode()).hexdigest())
    return portfolio


def parse(content: str, file: str = "portfolio") -> Portfolio:
    """Read the text of a portfolio file. Raises InputError as :func:`load` does."""
    data = tables_of(content, file)
    try:
        portfolio = Portfolio.model_validate(data)
    except ValidationError as error:
        problems = dict(_contradicting(data))
        problems |= {path: message for path, message, _ in told(error, (), data, GRAMMAR)}
        raise InputError(sorted(located(problems.items(), file, content))) from None
    except RecursionError:
        message = "expected a few levels of tables, found too many"
        raise InputError([Problem(file, 1, 1, "", message)]) from None
    portfolio._origin = Origin(file)
    return portfolio


def _contradicting(data: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Where sections that are right by themselves contradict one another."""
    parts: dict[str, Any] = dict.fromkeys(Portfolio.model_fields)
    unit = data.get("time_unit", "month")
    with using_time_unit(unit if isinstance(unit, str) else "month"):
        for name, field in Portfolio.model_fields.items():
            kind: Any = TypeAdapter(field.rebuild_annotation())
            try:
                parts[name] = kind.validate_python(data[name]) if name in data else field.default
            except ValidationError:
                parts[name] = False  # it is there, but cannot be read
    if "items" not in data:
        parts["items"] = None
    if not isinstance(parts["classes"], dict):
        parts["classes"] = {}
    for path, problem in model.contradictions(SimpleNamespace(**parts)):
        yield path, str(problem)


def _keys(path: KeyPath, table: object) -> list[str]:
    """The keys that the table at *path* may have."""
    if path[:1] == ("classes",) and len(path) > 1:
        model_ = model.ServiceClass if len(path) == 2 else model.Rule
        return list(model_.model_fields)
    return list(_SECTIONS.get(path, model.Column).model_fields)


GRAMMAR = Grammar(_keys, lambda path: ("kind", []), _MISSING)
