"""The scenarios that ship with the package: what `simlevel new` copies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simlevel.errors import InputError, near

_HERE = Path(__file__).parent


def shipped() -> Mapping[str, Path]:
    """Each shipped scenario by name; in a checkout they stand beside the package."""
    for folder in (_HERE / "scenarios", _HERE.parent / "scenarios"):
        found = {path.stem: path for path in sorted(folder.glob("*.toml"))}
        if found:
            return found
    return {}


def files_of(name: str) -> list[Path]:
    """The scenario called *name*, then the records that it reads.

    Raises InputError for a name that is not shipped.
    """
    scenarios = shipped()
    if name not in scenarios:
        hint = near(name, scenarios)
        raise InputError(f"--like: expected one of {', '.join(scenarios)}{hint}, found {name}")
    text = scenarios[name].read_text(encoding="utf-8")
    records = sorted(scenarios[name].parent.glob("*.csv"))
    return [scenarios[name], *(path for path in records if f'"{path.name}"' in text)]
