"""Scenario files: TOML to Scenario with the place of every problem, and their JSON Schema."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from simlevel.errors import InputError, Problem, near
from simlevel.model.demand import DEMANDS
from simlevel.model.distribution import DISTRIBUTIONS
from simlevel.model.fields import Frozen, described, using_time_unit
from simlevel.model.policy import POLICIES, Policy
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

LARGEST_FILE = 1_000_000
"""Bytes of a scenario file; tables of records stand in files of their own."""
SCHEMA_FILE = "scenario.schema.json"
"""Beside a scenario, it gives editors completion: ``#:schema scenario.schema.json``."""

Path_ = tuple[str | int, ...]
_SECTIONS: Mapping[Path_, type[Frozen]] = {
    (): Scenario, ("clock",): Clock, ("costs",): Costs, ("costs", "holding"): HoldingRate,
    ("measures",): Measures, ("start",): Start, ("simulation",): Simulation,
}  # fmt: skip


def load(file: str | Path) -> Scenario:
    """Read a scenario file, and the records that it names.

    Raises InputError with every problem found: file, line, column, key, what was expected,
    what was found.
    """
    path = Path(file)
    content = _content(path)
    scenario = parse(content, str(file), path.parent)
    digest = hashlib.sha256(content.encode()).hexdigest()
    said = scenario.origin.said if scenario.origin else ()
    scenario._origin = Origin(str(file), digest, said)
    return scenario


def parse(content: str, file: str = "scenario", folder: Path | None = None) -> Scenario:
    """Read the text of a scenario; records are looked for in *folder*.

    Raises InputError as :func:`load` does.
    """
    data = _toml(content, file)
    said: list[str] = []
    problems = list(_read_records(data, folder or Path(), file, content, said))
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        problems += _located(_problems(error, data), file, content)
    except RecursionError:
        problems.append(Problem(file, 1, 1, "", "expected a few levels of tables, found too many"))
    if problems:
        raise InputError(sorted(set(problems)))
    scenario._origin = Origin(file, None, tuple(said))
    return scenario


def locate(file: str | Path, path: tuple[str, ...], message: str) -> Problem:
    """*message* about the key at *path*, with its place in the file."""
    line, column = _place(_places(_content(Path(file))), path)
    return Problem(str(file), line, column, _dotted(path), message)


def _content(path: Path) -> str:
    def refuse(expected: str, found: str) -> InputError:
        return InputError([Problem(str(path), 0, 0, "", f"expected {expected}, found {found}")])

    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        raise refuse("a scenario file", f"no such file{near(path.name, siblings)}") from None
    except IsADirectoryError:
        raise refuse("a scenario file", "a directory") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refuse("a readable file", f"{reason[0].lower()}{reason[1:]}") from None
    if len(raw) > LARGEST_FILE:
        raise refuse(f"at most {LARGEST_FILE:,} bytes", "a larger file")
    if not raw.strip():
        raise refuse("a scenario", "an empty file")
    if b"\0" in raw:
        raise refuse("a text file", "a binary one")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            [Problem(str(path), line, 1, "", f"expected UTF-8, found byte {raw[error.start]:#x}")]
        ) from None


def _toml(content: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InputError([_broken(str(error), content, file)]) from None
    except RecursionError:
        message = "expected a few levels of arrays, found too many"
        raise InputError([Problem(file, 1, 1, "", message)]) from None
    except ValueError as error:  # a number with thousands of digits, a date that is none
        raise InputError([Problem(file, 1, 1, "", f"expected TOML, found: {error}")]) from None


def _broken(message: str, content: str, file: str) -> Problem:
    reason, _, place = message.rpartition(" (at ")
    numbers = [int(word) for word in place.replace(",", " ").rstrip(")").split() if word.isdigit()]
    lines = content.splitlines() or [""]
    line, column = numbers if len(numbers) == 2 else (len(lines), len(lines[-1]) + 1)
    key = lines[line - 1].split("=")[0].strip(" []") if line <= len(lines) else ""
    known = key if key.replace("_", "").replace(".", "").replace("-", "").isalnum() else ""
    return Problem(file, line, column, known, f"expected TOML, found: {reason or message}")


# --- what pydantic found, as a person would say it -------------------------------------


def _problems(error: ValidationError, data: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    """(path in the file, message) of each problem, those between sections included."""
    bad: set[str | int] = set()
    for item in error.errors(include_url=False):
        path = _path(item["loc"], data)
        bad.add(path[0] if path[:1] != ("policies",) else "/".join(map(str, path[:2])))
        yield _said(item["type"], item["msg"], item.get("ctx", {}), path, data)
    for path, problem in contradictions(_readable_parts(data, bad)):
        yield path, str(problem)


def _path(loc: Path_, data: object) -> Path_:
    """*loc* without the names of union members and inner fields that no file has."""
    path: list[str | int] = []
    for number, step in enumerate(loc):
        inside = _children(data)
        if step in inside:
            data = inside[step]
        elif number < len(loc) - 1 or not isinstance(data, dict) or step in _tags(data):
            continue
        path.append(step)
    return tuple(path)


def _children(data: object) -> Mapping[Any, Any]:
    """What stands under each key or index of *data*."""
    if isinstance(data, list):
        return dict(enumerate(data))
    return data if isinstance(data, dict) else {}


def _tags(table: dict[str, Any]) -> tuple[object, ...]:
    return ("[key]", table.get("kind"), table.get("dist"), "distribution", "table", "number")


def _said(
    kind: str, message: str, context: Mapping[str, Any], path: Path_, data: dict[str, Any]
) -> tuple[Path_, str]:
    found = _at(data, path)
    if kind == "expected":
        return path, message
    if kind == "missing":
        return path, "expected a value, found none"
    if kind == "extra_forbidden":
        keys = _keys(path[:-1], _at(data, path[:-1]))
        known = f"one of {', '.join(keys)}" if keys else "no such key"
        return path, f"expected {known}; found {path[-1]}{near(str(path[-1]), keys)}"
    if kind.startswith("union_tag"):
        return _untagged(path, found)
    if kind in ("too_short", "too_long"):
        least = context.get("min_length", 0)
        limit = f"at least {least}" if kind == "too_short" else f"at most {context['max_length']}"
        what = "policies, [policies.NAME]" if path == ("policies",) else "entries"
        return path, f"expected {limit} {what}, found {len(found) if found else 'none'}"
    expected = "an array" if kind == "tuple_type" else "a table" if "type" in kind else ""
    return path, f"expected {expected}, found {described(found)}" if expected else message


def _untagged(path: Path_, found: object) -> tuple[Path_, str]:
    name, known = _tag_of(path)
    if not isinstance(found, dict):
        return path, f"expected a table with {name}, found {described(found)}"
    value = found.get(name)
    hint = near(value, known) if isinstance(value, str) else ""
    shown = described(value) if name in found else "none"
    return (*path, name), f"expected one of {', '.join(known)}{hint}, found {shown}"


def _tag_of(path: Path_) -> tuple[str, list[str]]:
    if path == ("demand",):
        return "kind", list(DEMANDS)
    return ("kind", list(POLICIES)) if path[:1] == ("policies",) else ("dist", list(DISTRIBUTIONS))


def _keys(path: Path_, table: object) -> list[str]:
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


def _at(data: object, path: Path_) -> Any:
    for step in path:
        data = _children(data).get(step)
    return data


def _readable_parts(data: dict[str, Any], bad: set[str | int]) -> SimpleNamespace:
    """Those sections of *data* that are right by themselves; None for the rest."""
    unit = data.get("time_unit", "day")
    parts: dict[str, Any] = dict.fromkeys(Scenario.model_fields)
    with using_time_unit(unit if isinstance(unit, str) else "day"):
        for name, field in Scenario.model_fields.items():
            if name not in bad and name in data and name != "policies":
                parts[name] = TypeAdapter(field.rebuild_annotation()).validate_python(data[name])
        policies = data.get("policies")
        parts["policies"] = {
            name: TypeAdapter(Policy).validate_python(policy)
            for name, policy in (policies.items() if isinstance(policies, dict) else ())
            if "policies" not in bad and f"policies/{name}" not in bad
        }
    return SimpleNamespace(**parts)


# --- places ------------------------------------------------------------------------------


def _located(problems: Iterator[tuple[Path_, str]], file: str, content: str) -> Iterator[Problem]:
    places = _places(content)
    for path, message in problems:
        line, column = _place(places, path)
        yield Problem(file, line, column, _dotted(path), message)


def _place(places: Mapping[Path_, tuple[int, int]], path: Path_) -> tuple[int, int]:
    """Where *path* stands, or else the nearest table around it."""
    return next(
        (places[path[:size]] for size in range(len(path), 0, -1) if path[:size] in places), (1, 1)
    )


def _dotted(path: Path_) -> str:
    dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(c if c.isprintable() else "?" for c in dotted.lstrip("."))


def _places(content: str) -> dict[Path_, tuple[int, int]]:
    """Line and column, from 1, of the value of every key; of a table, its header."""
    import tree_sitter  # loaded only when there is a problem to place
    import tree_sitter_toml

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    root = parser.parse(content.encode()).root_node
    lines = content.encode().split(b"\n")
    places: dict[Path_, tuple[int, int]] = {}

    def put(path: Path_, node: Any) -> None:
        row, column = node.start_point
        characters = len(lines[row][:column].decode(errors="replace"))
        places.setdefault(path, (row + 1, characters + 1))

    def value(path: Path_, node: Any) -> None:
        put(path, node)
        if node.type == "inline_table":
            pairs(path, node)
        elif node.type == "array":
            items = [child for child in node.named_children if child.type != "comment"]
            for number, item in enumerate(items):
                value((*path, number), item)

    def pairs(path: Path_, node: Any) -> None:
        for pair in node.named_children:
            if pair.type == "pair":
                key, content_node = pair.named_children[0], pair.named_children[-1]
                value(path + _key(key), content_node)

    counts: dict[Path_, int] = {}
    pairs((), root)
    for table in root.named_children:
        if table.type in ("table", "table_array_element"):
            header: Path_ = _key(table.named_children[0])
            if table.type == "table_array_element":
                counts[header] = counts.get(header, -1) + 1
                put(header, table)
                header = (*header, counts[header])
            put(header, table)
            pairs(header, table)
    return places


def _key(node: Any) -> Path_:
    if node.type == "dotted_key":
        return tuple(step for child in node.named_children for step in _key(child))
    text = node.text.decode()
    return (str(tomllib.loads(f"k = {text}")["k"]) if text[:1] in "\"'" else text,)


# --- records -----------------------------------------------------------------------------


def _read_records(
    data: dict[str, Any], folder: Path, file: str, content: str, said: list[str]
) -> Iterator[Problem]:
    """Read every column that *data* names into ``values`` beside it; yield what went wrong."""
    demand = data.get("demand")
    parts = demand if isinstance(demand, dict) else {}
    tables: list[tuple[Path_, Any]] = [
        (("demand",), demand),
        (("lead_time",), data.get("lead_time")),
        *((("demand", key), parts.get(key)) for key in ("size", "quantity", "interarrival")),
    ]
    for path, table in tables:
        if not isinstance(table, dict) or not isinstance(table.get("file"), str):
            continue
        if not isinstance(table.get("column"), str) or "values" in table:
            continue
        try:
            column = read_column(folder / table["file"], table["column"])
            table["values"] = list(column.values)
            said += [column.said] if column.said else []
        except InputError as error:
            table["values"] = [1]  # so that the rest of the scenario is still checked
            place = _place(_places(content), (*path, "file"))
            for problem in error.problems:
                yield Problem(file, *place, _dotted((*path, "file")), str(problem))


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
    return outer | {"anyOf": [inner, {"type": "string", "pattern": r"^\s*[0-9.]+\s*[A-Za-z]+\s*$"}]}


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
        "patternProperties": {"^served_within_": {"type": ["number", "string"]}},
        "additionalProperties": False,
    }
