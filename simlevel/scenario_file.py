"""Scenario files: TOML to Scenario with the place of every problem, and their JSON Schema."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from simlevel.errors import InputError, Problem, near
from simlevel.model.demand import DEMANDS, Demand
from simlevel.model.distribution import DISTRIBUTIONS
from simlevel.model.fields import DURATION, Frozen, described, shown, using_time_unit
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

LARGEST_FILE = 1_000_000
"""Bytes of a scenario file; tables of records stand in files of their own."""
SCHEMA_FILE = "scenario.schema.json"
"""Beside a scenario, it gives editors completion: ``#:schema scenario.schema.json``."""

WIDE = 88
"""Columns of a list that is written."""

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
    scenario._origin = Origin(str(file), digest, said, content)
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
    scenario._origin = Origin(file, None, tuple(said), content)
    return scenario


def locate(file: str | Path, path: tuple[str, ...], message: str) -> Problem:
    """*message* about the key at *path*, with its place in the file."""
    line, column = _place(_places(_content(Path(file))), path)
    return Problem(str(file), line, column, _dotted(path), message)


def varied(scenario: Scenario, changes: Mapping[tuple[str, ...], Any]) -> Scenario:
    """*scenario* with other values at the keys of *changes*, as if its file said so.

    Raises InputError as :func:`load` does, without places.
    """
    data = as_written(scenario)
    for path, value in changes.items():
        _set(data, path, value)
        if path[-1] in ("file", "column"):
            _at(data, path[:-1]).pop("values", None)  # read again
    origin = scenario.origin
    folder = Path(origin.file).parent if origin else Path()
    said = list(origin.said if origin else ())
    problems = [(p.key, p.message) for p in _read_records(data, folder, "", "", said)]
    try:
        made = Scenario.model_validate(data)
    except ValidationError as error:
        problems += [(_dotted(path), message) for path, message in _problems(error, data)]
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
    return "".join([f"[{name}]\n", *(f"{key} = {_value_text(table[key])}\n" for key in first)])


def text(value: str) -> str:
    """*value* in quotes, as TOML has it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        if set(value) == {"dist", "value"}:  # a number is a constant
            return _value_text(value["value"])
        first = sorted(value, key=lambda key: key not in ("kind", "dist"))
        return f"{{ {', '.join(f'{key} = {_value_text(value[key])}' for key in first)} }}"
    if isinstance(value, (list, tuple)):
        line = f"[{', '.join(map(_value_text, value))}]"
        if len(line) <= WIDE:
            return line
        wrapped = textwrap.wrap(line[1:-1], WIDE, break_long_words=False)
        return "\n".join(["[", *(f"  {each}" for each in wrapped), "]"])
    if isinstance(value, str):
        return text(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)


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
                message = f"expected one of {', '.join(known)}{_near(step, known)}, found {step}"
            raise InputError([Problem("", 0, 0, _dotted(path[: place + 1]), message)])
        table = table[step]
    table[path[-1]] = value


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
    text = raw.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        raise refuse("a scenario", "an empty file")
    if b"\0" in text:
        raise refuse("a text file", "a binary one")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        *lines, last = text[: error.start].decode().split("\n")
        message = f"expected UTF-8, found byte {text[error.start]:#x}"
        place = len(lines) + 1, len(last) + 1
        raise InputError([Problem(str(path), *place, "", message)]) from None


def _toml(content: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InputError([_broken(str(error), content, file)]) from None
    except RecursionError:
        message = "expected a few levels of tables and arrays, found too many"
        raise InputError([Problem(file, 1, 1, "", message)]) from None
    except ValueError as error:  # a number with thousands of digits, a date that is none
        reason = str(error).partition(":")[0]
        raise InputError([Problem(file, 1, 1, "", f"expected TOML, found: {reason}")]) from None


_TWICE = ("Cannot overwrite", "Cannot declare")


def _broken(message: str, content: str, file: str) -> Problem:
    reason, _, place = message.rpartition(" (at ")
    numbers = [int(word) for word in place.replace(",", " ").rstrip(")").split() if word.isdigit()]
    lines = content.split("\n")
    line, column = numbers if len(numbers) == 2 else (len(lines), len(lines[-1]) + 1)
    before = lines[line - 1].split("=")[0]
    key = before.strip(" []\r\t")
    known = key if key.replace("_", "").replace(".", "").replace("-", "").isalnum() else ""
    if known and reason.startswith(_TWICE):
        column = len(before) - len(before.lstrip()) + 1
        return Problem(file, line, column, known, f"expected each key once, found {known} again")
    return Problem(file, line, column, known, f"expected TOML, found: {reason or message}")


# --- what pydantic found, as a person would say it -------------------------------------


def _problems(error: ValidationError, data: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    """(path in the file, message) of each problem, those between keys and sections included."""
    found = {}
    for path, message, _ in _all_said(error, (), data):
        found[path] = message
        yield path, message
    for path, message in _contradicting(data, set(found)):
        if path not in found:
            yield path, message


def _all_said(
    error: ValidationError, above: Path_, data: dict[str, Any]
) -> Iterator[tuple[Path_, str, bool]]:
    """(path in the file, message, whether it is about one key of a table among others)."""
    for item in error.errors(include_url=False, include_input=False):
        path, context = _path((*above, *item["loc"]), data), item.get("ctx", {})
        if item["type"] == "too_short" and len(_at(data, path) or ()) >= context["min_length"]:
            continue  # pydantic does not count entries that are wrong by themselves
        yield *_said(item["type"], item["msg"], context, path, data), bool(context.get("at"))


def _contradicting(data: dict[str, Any], bad: set[Path_]) -> Iterator[tuple[Path_, str]]:
    """Where one key or section contradicts another, without those that are *bad* by themselves."""
    read = {(*path[:-1], "values") for path in bad if path[-1:] == ("file",)}
    left = _without(data, {_up_to_array(path) for path in bad} | read)
    parts = _defaults(data)
    with using_time_unit(_time_unit(data)):
        for path, section in _sections(left):
            try:
                _put(parts, path, section.validate_python(_at(left, path)))
            except ValidationError as error:
                said = _all_said(error, path, left)
                yield from ((place, message) for place, message, of_key in said if of_key)
        if any(path[:1] == ("measures",) for path in bad):
            parts["measures"] = None  # or else times that are there would seem to be missing
        for path, problem in contradictions(SimpleNamespace(**parts)):
            yield path, str(problem)


def _up_to_array(path: Path_) -> Path_:
    """*path* to the array that it leads into, whose other entries say little without one."""
    return next((path[:n] for n, step in enumerate(path) if isinstance(step, int)), path)


def _defaults(data: dict[str, Any]) -> dict[str, Any]:
    """The sections of a scenario that *data* leaves out; None for those that it has."""
    fields = Scenario.model_fields.items()
    left_out = {n: f.get_default() for n, f in fields if n not in data and not f.is_required()}
    return dict.fromkeys(Scenario.model_fields) | {"costs": Costs()} | left_out | {"policies": {}}


def _sections(data: dict[str, Any]) -> Iterator[tuple[Path_, TypeAdapter[Any]]]:
    """(path, type) of each section of *data*, and of each policy."""
    for name, field in Scenario.model_fields.items():
        if name in data and name != "policies":
            kind: Any = Demand if name == "demand" else field.rebuild_annotation()
            yield (name,), TypeAdapter(kind)
    policies, policy = data.get("policies"), TypeAdapter(Policy)
    for name in policies if isinstance(policies, dict) else ():
        yield ("policies", name), policy


def _put(parts: dict[str, Any], path: Path_, part: object) -> None:
    for step in path[:-1]:
        parts = parts[str(step)]
    parts[str(path[-1])] = part


def _without(table: Any, paths: set[Path_], above: Path_ = ()) -> Any:
    """*table* without what stands at *paths*."""
    if not isinstance(table, dict):
        return table
    return {
        key: _without(value, paths, (*above, key))
        for key, value in table.items()
        if (*above, key) not in paths
    }


def _path(loc: Path_, data: object) -> Path_:
    """*loc* without the names of union members and inner fields that no file has."""
    path: list[str | int] = []
    for number, step in enumerate(loc):
        inside = _inside(data, step)
        if inside is not _NOTHING:
            data = inside
        elif number < len(loc) - 1 or not isinstance(data, dict) or step in _tags(data):
            continue
        path.append(step)
    return tuple(path)


def _inside(data: Any, step: Any) -> Any:
    """What stands under a key or index of *data*; _NOTHING where there is none."""
    known = range(len(data)) if isinstance(data, list) else data
    return data[step] if isinstance(data, (list, dict)) and step in known else _NOTHING


_NOTHING = object()


def _tags(table: dict[str, Any]) -> tuple[object, ...]:
    return ("[key]", table.get("kind"), table.get("dist"), "distribution", "table", "number")


_MISSING: Mapping[Path_, str] = {
    ("demand",): "a table [demand]",
    ("lead_time",): "a table [lead_time]",
    ("policies",): "at least one policy, a table [policies.NAME]",
}


def _said(
    kind: str, message: str, context: Mapping[str, Any], path: Path_, data: dict[str, Any]
) -> tuple[Path_, str]:
    found = _at(data, path)
    if kind == "expected":
        return (*path, *filter(None, [context.get("at")])), message
    if kind == "missing":
        return path, f"expected {_MISSING.get(path, 'a value')}, found none"
    if kind == "extra_forbidden":
        keys, last = _keys(path[:-1], _at(data, path[:-1])), str(path[-1])
        known = f"one of {', '.join(keys)}" if keys else "no such key"
        return path, f"expected {known}; found {shown(last)}{_near(last, keys)}"
    if kind.startswith("union_tag"):
        return _untagged(path, found)
    if kind in ("too_short", "too_long"):
        size = len(found) if found else "none"
        if kind == "too_long":
            return path, f"expected at most {context['max_length']:,} entries, found {size:,}"
        return path, f"expected {_MISSING.get(path, 'at least one entry')}, found {size}"
    expected = "an array" if kind == "tuple_type" else "a table" if "type" in kind else ""
    return path, f"expected {expected}, found {described(found)}" if expected else message


def _untagged(path: Path_, found: object) -> tuple[Path_, str]:
    name, known = _tag_of(path)
    if not isinstance(found, dict):
        return path, f"expected a table with {name}, found {described(found)}"
    value = found.get(name)
    hint = _near(value, known) if isinstance(value, str) else ""
    shown = described(value) if name in found else "none"
    return (*path, name), f"expected one of {', '.join(known)}{hint}, found {shown}"


def _near(word: str, known: list[str]) -> str:
    alike = [each for each in known if each.lower() == word.lower()]
    return near(alike[0], alike) if alike else near(word, known)


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
        data = _inside(data, step)
    return None if data is _NOTHING else data


def _time_unit(data: dict[str, Any]) -> str:
    unit = data.get("time_unit", "day")
    return unit if isinstance(unit, str) else "day"


# --- places ------------------------------------------------------------------------------


def _located(problems: Iterator[tuple[Path_, str]], file: str, content: str) -> Iterator[Problem]:
    places = _places(content)
    for path, message in problems:
        line, column = _place(places, path)
        yield Problem(file, line, column, _dotted(path), message)


def _place(places: Mapping[Path_, tuple[int, int]], path: Path_) -> tuple[int, int]:
    """Where *path* stands, or the nearest table around it, or what stands in it."""
    around = (path[:size] for size in range(len(path), 0, -1))
    inside = (each for each in places if path and each[:1] == path[:1])
    found = next((each for each in around if each in places), next(inside, None))
    return places[found] if found else (1, 1)


def _dotted(path: Path_) -> str:
    """*path* as TOML writes it."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{_bare(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def _bare(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]{1,200}", key) else described(key)


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
                key, content_node = pair.named_children[:2]
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
    steps: list[str] = []
    nodes = [node]
    while nodes:  # thousands of steps nest as deep, too deep for recursion
        node = nodes.pop()
        if node.type == "dotted_key":
            nodes += reversed(node.named_children)
        else:
            text = node.text.decode()
            steps.append(str(tomllib.loads(f"k = {text}")["k"]) if text[:1] in "\"'" else text)
    return tuple(steps)


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
        names = table["file"], table.get("column")
        if not all(isinstance(n, str) and n.isprintable() for n in names) or "values" in table:
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
