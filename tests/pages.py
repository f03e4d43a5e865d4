"""Reads a page as its readers do: what it asks for, what it names, and in which order."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "hr", "img", "link", "input"}
OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|@import|\bsrc\s*=|https?://(?!www\.w3\.org)", re.I)


class Page(HTMLParser):
    """Elements with their attributes and text, in the order in which they open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {key: value or "" for key, value in attrs}, list[str]())
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def all(self, *tags: str) -> list[tuple[str, dict[str, str], str]]:
        return [(tag, attributes, " ".join("".join(text).split()))
                for tag, attributes, text in self.elements if not tags or tag in tags]  # fmt: skip

    @property
    def text(self) -> str:
        return self.all("body")[0][2]


def faults(html: str) -> set[str]:
    """What keeps *html* from standing alone, or from being read aloud."""
    page = Page(html)
    return {*_outside(page), *_unnamed(page), *_names(page), *_headings(page), *_tables(page)}


def _outside(page: Page) -> set[str]:
    found = set()
    for tag, attributes, text in page.all():
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
            found.add(f"<{tag}>")
        for key, value in attributes.items():
            if key in ("src", "srcset", "data", "action") or key.startswith("on"):
                found.add(f"{key} of <{tag}>")
            if key.endswith("href") and not value.startswith("#"):
                found.add(f"{key} of <{tag}>")
            if key == "style" and OUTSIDE.search(value):
                found.add("a style that loads")
        if tag == "style" and OUTSIDE.search(text):
            found.add("a style that loads")
    return found


def _unnamed(page: Page) -> set[str]:
    ids = {attributes["id"] for _, attributes, _ in page.all() if attributes.get("id")}
    found = set()
    for tag, attributes, _ in page.all("svg", "img"):
        named = attributes.get("aria-labelledby") or attributes.get("aria-label")
        if not (named or attributes.get("alt")) or (tag == "svg" and "role" not in attributes):
            found.add(f"a nameless <{tag}>")
    for tag, attributes, _ in page.all():
        for key in ("aria-labelledby", "aria-describedby", "href", "clip-path"):
            for name in re.findall(r"[^\s#()]+", attributes.get(key, "").replace("url", "")):
                if name not in ids:
                    found.add(f"{key} of <{tag}> to nowhere")
    return found


def _names(page: Page) -> set[str]:
    ids = [attributes["id"] for _, attributes, _ in page.all() if "id" in attributes]
    return {"an id twice"} if len(ids) > len(set(ids)) else set()


def _headings(page: Page) -> set[str]:
    levels = [int(tag[1]) for tag, _, _ in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    found = {"one h1"} if levels.count(1) != 1 or levels[0] != 1 else set()
    if any(after > before + 1 for before, after in pairwise(levels)):
        found.add("a heading that skips")
    if any(not text for _, _, text in page.all("h1", "h2", "h3")):
        found.add("an empty heading")
    return found


def _tables(page: Page) -> set[str]:
    heads = page.all("th")
    return {"a th without a scope"} if any("scope" not in each for _, each, _ in heads) else set()
