"""TOML as people write it: the text of a file, its tables, and what is wrong in them, placed."""

from __future__ import annotations

import codecs
import json
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from simlevel.errors import InputError, Problem, near
from simlevel.model.fields import described, shown

LARGEST_FILE = 1_000_000
"""Bytes; tables of records stand in files of their own."""

WIDE = 88
"""Columns of a list that is written."""

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Grammar:
    """What may stand in a kind of file, for problems to name."""

    keys: Callable[[KeyPath, object], list[str]]
    """The keys of the table at a path, given what it holds."""
    tag: Callable[[KeyPath], tuple[str, list[str]]]
    """The key that says what kind of table stands at a path, and its words."""
    missing: Mapping[KeyPath, str]
    """What has to stand at a path, where "a value" says too little."""


def text_of(path: Path, what: str) -> str:
    """The text of *what*, a file; InputError where there is none to be read."""

    def refuse(expected: str, found: str) -> InputError:
        return InputError([Problem(str(path), 0, 0, "", f"expected {expected}, found {found}")])

    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        raise refuse(what, f"no such file{near(path.name, siblings)}") from None
    except IsADirectoryError:
        raise refuse(what, "a directory") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refuse("a readable file", f"{reason[0].lower()}{reason[1:]}") from None
    if len(raw) > LARGEST_FILE:
        raise refuse(f"at most {LARGEST_FILE:,} bytes", "a larger file")
    text = raw.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        raise refuse(what.removesuffix(" file"), "an empty file")
    if b"\0" in text:
        raise refuse("a text file", "a binary one")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        *lines, last = text[: error.start].decode().split("\n")
        message = f"expected UTF-8, found byte {text[error.start]:#x}"
        place = len(lines) + 1, len(last) + 1
        raise InputError([Problem(str(path), *place, "", message)]) from None


def tables_of(content: str, file: str) -> dict[str, Any]:
    """The tables of a text; InputError where it is not TOML."""
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


def told(
    error: ValidationError, above: KeyPath, data: dict[str, Any], grammar: Grammar
) -> Iterator[tuple[KeyPath, str, bool]]:
    """(path in the file, message, whether it is about one key of a table among others)."""
    for item in error.errors(include_url=False, include_input=False):
        path, context = _path((*above, *item["loc"]), data), item.get("ctx", {})
        if item["type"] == "too_short" and len(at(data, path) or ()) >= context["min_length"]:
            continue  # pydantic does not count entries that are wrong by themselves
        yield (
            *_told(item["type"], item["msg"], context, path, data, grammar),
            bool(context.get("at")),
        )


def _path(loc: KeyPath, data: object) -> KeyPath:
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


def _told(
    kind: str, message: str, context: Mapping[str, Any], path: KeyPath, data: dict[str, Any],
    grammar: Grammar,
) -> tuple[KeyPath, str]:  # fmt: skip
    found = at(data, path)
    if kind == "expected":
        return (*path, *filter(None, [context.get("at")])), message
    if kind == "missing":
        return path, f"expected {grammar.missing.get(path, 'a value')}, found none"
    if kind == "extra_forbidden":
        keys, last = grammar.keys(path[:-1], at(data, path[:-1])), str(path[-1])
        known = f"one of {', '.join(keys)}" if keys else "no such key"
        return path, f"expected {known}; found {shown(last)}{near_key(last, keys)}"
    if kind.startswith("union_tag"):
        return _untagged(path, found, grammar)
    if kind in ("too_short", "too_long"):
        size = len(found) if found else "none"
        if kind == "too_long":
            return path, f"expected at most {context['max_length']:,} entries, found {size:,}"
        return path, f"expected {grammar.missing.get(path, 'at least one entry')}, found {size}"
    expected = "an array" if kind == "tuple_type" else "a table" if "type" in kind else ""
    return path, f"expected {expected}, found {described(found)}" if expected else message


def _untagged(path: KeyPath, found: object, grammar: Grammar) -> tuple[KeyPath, str]:
    name, known = grammar.tag(path)
    if not isinstance(found, dict):
        return path, f"expected a table with {name}, found {described(found)}"
    value = found.get(name)
    hint = near_key(value, known) if isinstance(value, str) else ""
    shown = described(value) if name in found else "none"
    return (*path, name), f"expected one of {', '.join(known)}{hint}, found {shown}"


def near_key(word: str, known: list[str]) -> str:
    """As :func:`simlevel.errors.near`, where another case is nearest."""
    alike = [each for each in known if each.lower() == word.lower()]
    return near(alike[0], alike) if alike else near(word, known)


def at(data: object, path: KeyPath) -> Any:
    """What stands at *path*; None where nothing does."""
    for step in path:
        data = _inside(data, step)
    return None if data is _NOTHING else data


# --- places ------------------------------------------------------------------------------


def located(problems: Iterable[tuple[KeyPath, str]], file: str, content: str) -> Iterator[Problem]:
    """(path, message) as problems with their places in the file."""
    places = places_of(content)
    for path, message in problems:
        line, column = place_of(places, path)
        yield Problem(file, line, column, dotted(path), message)


def place_of(places: Mapping[KeyPath, tuple[int, int]], path: KeyPath) -> tuple[int, int]:
    """Where *path* stands, or the nearest table around it, or what stands in it."""
    around = (path[:size] for size in range(len(path), 0, -1))
    inside = (each for each in places if path and each[:1] == path[:1])
    found = next((each for each in around if each in places), next(inside, None))
    return places[found] if found else (1, 1)


def dotted(path: KeyPath) -> str:
    """*path* as TOML writes it."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{_bare(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def _bare(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]{1,200}", key) else described(key)


def places_of(content: str) -> dict[KeyPath, tuple[int, int]]:
    """Line and column, from 1, of the value of every key; of a table, its header."""
    import tree_sitter  # loaded only when there is a problem to place
    import tree_sitter_toml

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    root = parser.parse(content.encode()).root_node
    lines = content.encode().split(b"\n")
    places: dict[KeyPath, tuple[int, int]] = {}

    def put(path: KeyPath, node: Any) -> None:
        row, column = node.start_point
        characters = len(lines[row][:column].decode(errors="replace"))
        places.setdefault(path, (row + 1, characters + 1))

    def value(path: KeyPath, node: Any) -> None:
        put(path, node)
        if node.type == "inline_table":
            pairs(path, node)
        elif node.type == "array":
            items = [child for child in node.named_children if child.type != "comment"]
            for number, item in enumerate(items):
                value((*path, number), item)

    def pairs(path: KeyPath, node: Any) -> None:
        for pair in node.named_children:
            if pair.type == "pair":
                key, content_node = pair.named_children[:2]
                value(path + _key(key), content_node)

    counts: dict[KeyPath, int] = {}
    pairs((), root)
    for table in root.named_children:
        if table.type in ("table", "table_array_element"):
            header: KeyPath = _key(table.named_children[0])
            if table.type == "table_array_element":
                counts[header] = counts.get(header, -1) + 1
                put(header, table)
                header = (*header, counts[header])
            put(header, table)
            pairs(header, table)
    return places


def _key(node: Any) -> KeyPath:
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


# --- values as text -----------------------------------------------------------------------


def quoted(value: str) -> str:
    """*value* in quotes, as TOML has it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def value_text(value: Any) -> str:
    """*value* as TOML has it: tables on one line, long arrays on several."""
    if isinstance(value, dict):
        if set(value) == {"dist", "value"}:  # a number is a constant
            return value_text(value["value"])
        first = sorted(value, key=lambda key: key not in ("kind", "dist"))
        return f"{{ {', '.join(f'{key} = {value_text(value[key])}' for key in first)} }}"
    if isinstance(value, (list, tuple)):
        line = f"[{', '.join(map(value_text, value))}]"
        if len(line) <= WIDE:
            return line
        wrapped = textwrap.wrap(line[1:-1], WIDE, break_long_words=False)
        return "\n".join(["[", *(f"  {each}" for each in wrapped), "]"])
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)
