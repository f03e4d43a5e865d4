"""A drawn figure as SVG to stand in a page: in the page's own colours and type, and small.

Colours become the page's CSS variables, so that a picture follows it into the dark; names within
a picture get a prefix, so that many of them can stand in one page.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from simlevel.reports.figures import style
from simlevel.reports.figures.style import Figure

COLORS = {
    style.BLACK: "ink", style.BLUE: "blue", style.VERMILLION: "vermillion", style.GREEN: "green",
    style.SKY: "sky", style.ORANGE: "orange", style.PURPLE: "purple", style.GREY: "grey",
    style.LIGHT: "light", "#ffffff": "paper",
}  # fmt: skip
"""The house's colours, by the CSS variable of the page that stands for each."""
_VARIABLES = {color.lower(): f"var(--{name})" for color, name in COLORS.items()}
_HEX = re.compile(r"#[0-9a-f]{6}")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")
_SHORTHAND = re.compile(r"(?:(bold|\d00) )?([\d.]+px) .*")
_UNREAD = {"metadata", "style"}
"""Elements that say nothing here; the rules of the style stand in the page's."""


def inline(figure: Figure, name: str, title: str, description: str) -> str:
    """*figure* as an ``<svg>`` that is read aloud as *title* and *description*.

    *name* goes before every id; it is a page's part to have each name once.
    """
    root = ElementTree.fromstring(style.content(figure, ".svg"))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {_local(key): _short(value) for key, value in element.attrib.items()}
        element.text, element.tail = _trimmed(element.text), _trimmed(element.tail)
        for child in [each for each in element if each.tag.rpartition("}")[2] in _UNREAD]:
            element.remove(child)
    _rename(root, name)
    _describe(root, name, title, description)
    return ElementTree.tostring(root, encoding="unicode")


def _local(key: str) -> str:
    return key.rpartition("}")[2]


def _trimmed(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _short(value: str) -> str:
    """*value* on one line, with two decimals."""
    return _LONG.sub(lambda found: f"{float(found[0]):.2f}", " ".join(value.split()))


def _rename(root: Element, name: str) -> None:
    """Only names that something refers to stay; colours and fonts are the page's."""
    used = {
        found[1] or found[2]
        for element in root.iter()
        for value in element.attrib.values()
        if (found := _REFERENCE.search(value))
    }
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            element.set(key, _renamed(key, value, name))


def _renamed(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return f"#{name}-{value[1:]}"
    if key == "style":
        return "; ".join(_declared(value))
    return value.replace("url(#", f"url(#{name}-")


def _declared(text: str) -> list[str]:
    """The declarations of a style: without the family of the font, in the page's colours."""
    kept = []
    for declaration in text.split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font" and (found := _SHORTHAND.match(value)):
            kept += [f"font-weight: {found[1]}"] if found[1] else []
            kept.append(f"font-size: {found[2]}")
        elif key and key != "font-family":
            colored = _HEX.sub(lambda hexed: _VARIABLES.get(hexed[0], hexed[0]), value)
            kept.append(f"{key}: {colored}")
    return kept


def _describe(root: Element, name: str, title: str, description: str) -> None:
    """What a screen reader says in place of the picture."""
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title")
    root.set("aria-describedby", f"{name}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = Element(tag, {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(place, element)
