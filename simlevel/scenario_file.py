"""Scenario files: TOML to Scenario with the place of every problem, and their JSON Schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from simlevel.errors import InputError, Problem
from simlevel.model.demand import DEMANDS, Demand
from simlevel.model.distribution import DISTRIBUTIONS
from simlevel.model.fields import DURATION, Frozen, using_time_unit
from simlevel.model.lead_time import LeadTime
from simlevel.model.policy import POLICIES, OwnPolicy, Policy
from simlevel.model.scenario import (
    Clock,
    Costs,
    HoldingRate,
    Measures,
    Origin,
    Scenario,
    Simulation,
    Start,
    contradictions,
)
from simlevel.records import read_column
from simlevel.toml_file import (
    Grammar,
    KeyPath,
    at,
    dotted,
    located,
    near_key,
    place_of,
    places_of,
    tables_of,
    text_of,
    told,
    value_text,
)

SCHEMA_FILE = "scenario.schema.json"
"""Beside a scenario, it gives editors completion: ``#:schema scenario.schema.json``."""

_SECTIONS: Mapping[KeyPath, type[Frozen]] = {
    (): Scenario, ("clock",): Clock, ("costs",): Costs, ("costs", "holding"): HoldingRate,
    ("measures",): Measures, ("start",): Start, ("simulation",): Simulation,
}  # fmt: skip


def load(file: str | Path) -> Scenario:
    """Read a scenario file, and the records that it names.

    Raises InputError with every problem found: file, line, column, key, what was expected,
    what was found.
    """
    path = Path(file)
    content = text_of(path, "a scenario file")
    scenario = parse(content, str(file), path.parent)
    digest = hashlib.sha256(content.encode()).hexdigest()
    said = scenario.origin.said if scenario.origin else ()
    scenario._origin = Origin(str(file), digest, said, content)
    return scenario


def parse(content: str, file: str = "scenario", folder: Path | None = None) -> Scenario:
    """Read the text of a scenario; records are looked for in *folder*.

    Raises InputError as :func:`load` does.
    """
    data = tables_of(content, file)
    said: list[str] = []
    problems = list(_read_records(data, folder or Path(), file, content, said))
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        problems += located(_problems(error, data), file, content)
    except RecursionError:
        problems.append(Problem(file, 1, 1, "", "expected a few levels of tables, found too many"))
    if problems:
        raise InputError(sorted(set(problems)))
    scenario._origin = Origin(file, None, tuple(said), content)
    return scenario


def locate(file: str | Path, path: tuple[str, ...], message: str) -> Problem:
    """*message* about the key at *path*, with its place in the file."""
    line, column = place_of(places_of(text_of(Path(file), "a scenario file")), path)
    return Problem(str(file), line, column, dotted(path), message)


def varied(scenario: Scenario, changes: Mapping[tuple[str, ...], Any]) -> Scenario:
    """*scenario* with other values at the keys of *changes*, as if its file said so.

    Raises InputError as :func:`load` does, without places.
    """
    data = as_written(scenario)
    for path, value in changes.items():
        _set(data, path, value)
        if path[-1] in ("file", "column"):
            at(data, path[:-1]).pop("values", None)  # read again
    origin = scenario.origin
    folder = Path(origin.file).parent if origin else Path()
    said = list(origin.said if origin else ())
    problems = [(p.key, p.message) for p in _read_records(data, folder, "", "", said)]
    try:
        made = Scenario.model_validate(data)
    except ValidationError as error:
        problems += [(dotted(path), message) for path, message in _problems(error, data)]
    if problems:
        raise InputError([Problem("", 0, 0, *problem) for problem in dict.fromkeys(problems)])
    if origin:
        made._origin = Origin(origin.file, origin.sha256, tuple(said))
    return made


def table_text(name: str, part: Frozen) -> str:
    """A section such as ``demand`` as the lines of a scenario file: what was said, no more.

    >>> from simlevel.model.distribution import Gamma
    >>> table_text("lead_time", LeadTime(distribution=Gamma(mean=4, cv=0.5))).splitlines()
    ['[lead_time]', 'dist = "gamma"', 'mean = 4', 'cv = 0.5']
    """
    table = as_written(part)
    first = sorted(table, key=lambda key: key not in ("kind", "dist"))
    return "".join([f"[{name}]\n", *(f"{key} = {value_text(table[key])}\n" for key in first)])


def as_written(value: Any) -> Any:
    """*value* as the tables and arrays of a file: what was said, with nothing filled in."""
    if isinstance(value, LeadTime):
        table = as_written(value.distribution)
        return table | ({} if value.order_crossing else {"order_crossing": False})
    if isinstance(value, Frozen) and not isinstance(value, OwnPolicy):
        said = value.model_fields_set | {"dist", "kind"}
        fields = [(f.alias or n, getattr(value, n)) for n, f in _fields(value) if n in said]
        return {key: as_written(each) for key, each in fields if each is not None}
    if isinstance(value, dict):
        return {key: as_written(each) for key, each in value.items()}
    return [as_written(each) for each in value] if isinstance(value, tuple) else value


def _fields(value: Frozen) -> Iterable[tuple[str, FieldInfo]]:
    return type(value).model_fields.items()


def _set(data: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Put *value* at *path*; only whole sections of a file may have been left out."""
    table = data
    for place, step in enumerate(path[:-1]):
        if place == 0 and step in Scenario.model_fields:
            table.setdefault(step, {})
        if not isinstance(table.get(step), dict):
            known = list(Scenario.model_fields if place == 0 else data["policies"])
            message = f"expected a table, found {'a value' if step in table else 'none'}"
            if step not in table and path[:place] in ((), ("policies",)):
                message = f"expected one of {', '.join(known)}{near_key(step, known)}, found {step}"
            raise InputError([Problem("", 0, 0, dotted(path[: place + 1]), message)])
        table = table[step]
    table[path[-1]] = value


# --- what pydantic found, as a person would say it -------------------------------------


def _problems(error: ValidationError, data: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """(path in the file, message) of each problem, those between keys and sections included."""
    found = {}
    for path, message, _ in told(error, (), data, GRAMMAR):
        found[path] = message
        yield path, message
    for path, message in _contradicting(data, set(found)):
        if path not in found:
            yield path, message


def _contradicting(data: dict[str, Any], bad: set[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
    """Where one key or section contradicts another, without those that are *bad* by themselves."""
    read = {(*path[:-1], "values") for path in bad if path[-1:] == ("file",)}
    left = _without(data, {_up_to_array(path) for path in bad} | read)
    parts = _defaults(data)
    with using_time_unit(_time_unit(data)):
        for path, section in _sections(left):
            try:
                _put(parts, path, section.validate_python(at(left, path)))
            except ValidationError as error:
                found = told(error, path, left, GRAMMAR)
                yield from ((place, message) for place, message, of_key in found if of_key)
        if any(path[:1] == ("measures",) for path in bad):
            parts["measures"] = None  # or else times that are there would seem to be missing
        for path, problem in contradictions(SimpleNamespace(**parts)):
            yield path, str(problem)


def _up_to_array(path: KeyPath) -> KeyPath:
    """*path* to the array that it leads into, whose other entries say little without one."""
    return next((path[:n] for n, step in enumerate(path) if isinstance(step, int)), path)


def _defaults(data: dict[str, Any]) -> dict[str, Any]:
    """The sections of a scenario that *data* leaves out; None for those that it has."""
    fields = Scenario.model_fields.items()
    left_out = {n: f.get_default() for n, f in fields if n not in data and not f.is_required()}
    return dict.fromkeys(Scenario.model_fields) | {"costs": Costs()} | left_out | {"policies": {}}


def _sections(data: dict[str, Any]) -> Iterator[tuple[KeyPath, TypeAdapter[Any]]]:
    """(path, type) of each section of *data*, and of each policy."""
    for name, field in Scenario.model_fields.items():
        if name in data and name != "policies":
            kind: Any = Demand if name == "demand" else field.rebuild_annotation()
            yield (name,), TypeAdapter(kind)
    policies, policy = data.get("policies"), TypeAdapter(Policy)
    for name in policies if isinstance(policies, dict) else ():
        yield ("policies", name), policy


def _put(parts: dict[str, Any], path: KeyPath, part: object) -> None:
    for step in path[:-1]:
        parts = parts[str(step)]
    parts[str(path[-1])] = part


def _without(table: Any, paths: set[KeyPath], above: KeyPath = ()) -> Any:
    """*table* without what stands at *paths*."""
    if not isinstance(table, dict):
        return table
    return {
        key: _without(value, paths, (*above, key))
        for key, value in table.items()
        if (*above, key) not in paths
    }


_MISSING: Mapping[KeyPath, str] = {
    ("demand",): "a table [demand]",
    ("lead_time",): "a table [lead_time]",
    ("policies",): "at least one policy, a table [policies.NAME]",
}


def _tag_of(path: KeyPath) -> tuple[str, list[str]]:
    if path == ("demand",):
        return "kind", list(DEMANDS)
    return ("kind", list(POLICIES)) if path[:1] == ("policies",) else ("dist", list(DISTRIBUTIONS))


def _keys(path: KeyPath, table: object) -> list[str]:
    """The keys that the table at *path* may have."""
    if not isinstance(table, dict):
        return []
    model: type[Frozen] | None
    if path in _SECTIONS:
        model = _SECTIONS[path]
    elif _tag_of(path)[0] == "dist":
        model = DISTRIBUTIONS.get(table.get("dist", ""))
    else:
        model = (DEMANDS if path == ("demand",) else POLICIES).get(table.get("kind", ""))
    fields = model.model_fields if model else {}
    keys = [field.alias or name for name, field in fields.items()]
    return keys + (["order_crossing"] if path == ("lead_time",) else [])


GRAMMAR = Grammar(_keys, _tag_of, _MISSING)


def _time_unit(data: dict[str, Any]) -> str:
    unit = data.get("time_unit", "day")
    return unit if isinstance(unit, str) else "day"


# --- records -----------------------------------------------------------------------------


def _read_records(
    data: dict[str, Any], folder: Path, file: str, content: str, said: list[str]
) -> Iterator[Problem]:
    """Read every column that *data* names into ``values`` beside it; yield what went wrong."""
    demand = data.get("demand")
    parts = demand if isinstance(demand, dict) else {}
    tables: list[tuple[KeyPath, Any]] = [
        (("demand",), demand),
        (("lead_time",), data.get("lead_time")),
        *((("demand", key), parts.get(key)) for key in ("size", "quantity", "interarrival")),
    ]
    for path, table in tables:
        if not isinstance(table, dict) or not isinstance(table.get("file"), str):
            continue
        names = table["file"], table.get("column")
        if not all(isinstance(n, str) and n.isprintable() for n in names) or "values" in table:
            continue
        try:
            column = read_column(folder / table["file"], table["column"])
            table["values"] = list(column.values)
            said += [column.said] if column.said else []
        except InputError as error:
            table["values"] = [1]  # so that the rest of the scenario is still checked
            place = place_of(places_of(content), (*path, "file"))
            for problem in error.problems:
                yield Problem(file, *place, dotted((*path, "file")), str(problem))


# --- JSON Schema -------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The JSON Schema of scenario files, for editors that complete and check them."""
    made: dict[str, Any] = _without_null(Scenario.model_json_schema(by_alias=True))
    definitions = made["$defs"]
    for definition in definitions.values():
        tags = [key for key in ("kind", "dist") if key in definition.get("properties", {})]
        definition["required"] = tags + definition.get("required", [])
    _of_times(definitions["LeadTime"]["properties"], "distribution", definitions)
    _of_times(definitions["RenewalDemand"]["properties"], "interarrival", definitions)
    definitions["LeadTime"] = _one_table(definitions["LeadTime"])
    made["properties"]["targets"] = _targets_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made


def _without_null(node: Any) -> Any:
    """*node* without the nulls that TOML does not have."""
    if isinstance(node, list):
        return [_without_null(each) for each in node if each != {"type": "null"}]
    if isinstance(node, dict):
        kept = {key: _without_null(value) for key, value in node.items()}
        return {k: v for k, v in kept.items() if not (k == "default" and v is None)}
    return node


def _of_times(properties: dict[str, Any], key: str, definitions: dict[str, Any]) -> None:
    """Let the numbers of the distribution at *key* be durations such as "4 days"."""
    members = []
    for member in properties[key].pop("oneOf"):
        if "$ref" in member:
            member = definitions[member["$ref"].rpartition("/")[2]]
            fields = member["properties"]
            timed = {name: _timed(fields[name]) for name in fields if name in _TIMES}
            member = member | {"properties": fields | timed}
        else:
            member = _timed(member)
        members.append(member)
    properties[key]["anyOf"] = members


_TIMES = ("value", "mean", "sd", "low", "high", "values")


def _timed(field: dict[str, Any]) -> dict[str, Any]:
    if "items" in field:
        return field | {"items": _timed(field["items"])}
    inner = {key: field[key] for key in field if key not in ("title", "description")}
    outer = {key: field[key] for key in field if key in ("title", "description")}
    return outer | {"anyOf": [inner, {"type": "string", "pattern": f"^{DURATION}$"}]}


def _one_table(lead_time: dict[str, Any]) -> dict[str, Any]:
    """In a file, order_crossing stands among the keys of the distribution."""
    crossing = {"order_crossing": lead_time["properties"]["order_crossing"]}
    members = [
        member | {"properties": member["properties"] | crossing} if "properties" in member
        else member
        for member in lead_time["properties"]["distribution"]["anyOf"]
    ]  # fmt: skip
    return {"description": lead_time["description"], "anyOf": members}


def _targets_schema() -> dict[str, Any]:
    from simlevel import words

    def described_measure(measure: words.Measure) -> dict[str, Any]:
        kinds = ["number", "string"] if measure.unit in ("share", "time") else "number"
        return {"type": kinds, "description": measure.definition}

    return {
        "type": "object",
        "description": "What each policy has to reach: any measure, and its value.",
        "properties": {name: described_measure(m) for name, m in words.MEASURES.items()},
        "patternProperties": {"^served_within_[0-9][0-9.e-]*$": {"type": ["number", "string"]}},
        "additionalProperties": False,
    }
