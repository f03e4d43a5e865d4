"""The floors of the house: a file imports only from floors below its own."""

import ast
from pathlib import Path

import pytest

import simlevel

ROOT = Path(simlevel.__file__).parent
FLOORS = (
    {
        "__init__",
        "words",
        "errors",
        "numbers",
        "conventions",
        "glossary",
        "records",
        "saving",
        "periods",
        "scratch",
    },
    {"model", "compiled"},
    {"toml_file", "text_tables"},
    {"scenario_file", "portfolio_file", "item_tables", "templates"},
    {"draws", "fitting", "item_records"},
    {"engines", "theory"},
    {"estimation"},
    {"studies"},
    {"reports", "peers"},
    {"cli", "__main__", "bench"},
)
"""Rooms by floor, ground floor first; rooms of one floor do not see one another."""
NEIGHBOURS = {
    ("numbers", "words"),
    ("glossary", "words"),
    ("glossary", "errors"),
    ("glossary", "conventions"),
    ("records", "errors"),
    ("saving", "errors"),
    ("periods", "errors"),
    ("scratch", "errors"),
    ("templates", "scenario_file"),
    ("__main__", "cli"),
}
HEAVY = {
    "simpy": {"engines.process", "peers"},  # what the benchmark runs against
    "matplotlib": {"reports.figures.style"},
    "jinja2": {"reports.page.__init__"},
    "numba": {"compiled"},
    "click": {"cli"},
}
"""Who alone may import what."""


def modules() -> list[str]:
    paths = [path.relative_to(ROOT).with_suffix("") for path in ROOT.rglob("*.py")]
    return sorted(".".join(path.parts) for path in paths)


def imports(module: str) -> set[str]:
    """Modules that *module* imports, those inside functions and for types included."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> str:
    return module.removeprefix("simlevel.").split(".")[0]


def floor(name: str) -> int:
    return next((n for n, rooms in enumerate(FLOORS) if name in rooms), 0)


def wrong(module: str, imported: str) -> bool:
    """Whether *module* looks up, or sideways, when it imports *imported*."""
    if not imported.startswith("simlevel."):
        return False
    here, there = room(module), room(imported)
    if here == there or there == "__version__" or (here, there) in NEIGHBOURS:
        return False
    return floor(there) >= floor(here)


def test_every_room_has_its_floor():
    assert {room(module) for module in modules()} == set().union(*FLOORS)


@pytest.mark.parametrize("module", [m for m in modules() if m != "__init__"])
def test_a_file_imports_only_from_floors_below(module):
    assert not {name for name in imports(module) if wrong(module, name)}


def test_the_rule_would_catch_a_look_up_and_a_look_sideways():
    assert wrong("engines.process", "simlevel.theory.catalogue.derive")
    assert wrong("theory.service", "simlevel.engines.ledger.Totals")
    assert wrong("model.scenario", "simlevel.draws.Draws")
    assert not wrong("studies.verify", "simlevel.theory.catalogue.derive")


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_libraries_have_one_door(library):
    users = {m for m in modules() if any(i.split(".")[0] == library for i in imports(m))}
    assert users <= HEAVY[library]
