"""The report page in a real browser: Debian's Chromium, without a window."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_portfolio_run import ten_items

import simlevel as sl
from simlevel.cli import status
from simlevel.reports.page import page
from simlevel.templates import shipped

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

WIDTHS = (360, 768, 1280)
PAPER = 680
"""CSS pixels of an A4 sheet between its margins."""
SCHEMES = ("light", "dark")
LONG = "a policy with a name that is much longer than anybody would like it to be"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as running:
        # Chromium refuses to run as root in its sandbox, and CI often is root.
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


def many() -> sl.Result:
    """Seven policies, one with a long name, and numbers with many digits."""
    rules = {f"p{n}": {"kind": "base_stock", "order_up_to": 10**6 + n} for n in range(6)}
    rules[LONG] = {"kind": "rQ", "reorder_point": 4.5e5, "order_quantity": 123456.5}
    demand = {"kind": "poisson", "rate": 50, "size": {"dist": "gamma", "mean": 1e4, "cv": 0.3}}
    table = {"demand": demand, "lead_time": 1, "policies": rules, "targets": {"fill_rate": 0.9}}
    return sl.simulate(sl.Scenario.model_validate(table), replications=2, horizon=20)


def portfolio() -> str:
    """A whole run of ten items, with names that are hard to set."""
    with tempfile.TemporaryDirectory() as name:
        file, folder = ten_items(Path(name)), Path(name) / "out"
        for path in file.parent.glob("*.csv"):
            path.write_text(path.read_text().replace("i1,", f"{'LONG-' * 30},"))
        assert status(["portfolio", str(file), "-o", str(folder), "--json"]) == 0
        return (folder / "report.html").read_text(encoding="utf-8")


PAGES = {
    "portfolio": portfolio,
    "quickstart": lambda: page(sl.simulate(sl.load(shipped()["quickstart"]), window=30)),
    "analyzed": lambda: page(sl.analyze(sl.load(shipped()["quickstart"]))),
    "grocery_lost_sales": lambda: page(sl.simulate(sl.load(shipped()["grocery_lost_sales"]))),
    "history_bootstrap": lambda: page(sl.simulate(sl.load(shipped()["history_bootstrap"]))),
    "many": lambda: page(many()),
}


@pytest.fixture(scope="module", params=PAGES)
def made(request: Any) -> str:
    return PAGES[request.param]()


class Seen:
    """What went wrong while a page was shown: on the console, on the wire, to the eye."""

    def __init__(self, browser: Any, html: str, path: Path, width: int, scheme: str) -> None:
        path.write_text(html, encoding="utf-8")
        self.console: list[str] = []
        self.requests: list[str] = []
        tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab.on("console", lambda message: self.console.append(message.text))
        tab.on("pageerror", lambda error: self.console.append(str(error)))
        tab.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.goto(path.as_uri())
        self.requests.remove(path.as_uri())
        self.violations = [
            found["id"]
            for found in axe.Axe().run(tab).response["violations"]
            if found["impact"] in ("serious", "critical")
        ]
        self.overflow = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        tab.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_goes_wrong_and_nothing_leaves_the_file(browser, made, tmp_path, width, scheme):
    seen = Seen(browser, made, tmp_path / "page.html", width, scheme)
    assert (seen.console, seen.requests, seen.violations) == ([], [], [])
    assert seen.overflow <= 0


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ('<p style="color: #bbb; background: #fff">faint</p>', "violations"),
        ('<img src="https://example.invalid/a.png" alt="a">', "requests"),
        ('<img src="a.png">', "violations"),
        ("<script>console.error('oh')</script>", "console"),
        ('<div style="width: 2000px">wide</div>', "overflow"),
    ],
)
def test_the_same_look_sees_what_is_wrong(browser, tmp_path, fault, where):
    html = page(sl.analyze(sl.load(shipped()["quickstart"])))
    wrong = html.replace("</footer>", f"{fault}</footer>")
    assert getattr(Seen(browser, wrong, tmp_path / "page.html", 1280, "light"), where)


CUT = """() => [...document.querySelectorAll("table, pre, svg, .scroll")].filter(each =>
    each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX != "visible"
    || each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 90))
"""
SPLIT = """() => [...document.querySelectorAll("tr, figure")].filter(each =>
    getComputedStyle(each).breakInside != "avoid").length"""


def on_paper(browser: Any, html: str, path: Path) -> tuple[list[str], int, bytes]:
    """What is cut off at the right, what may be split over pages, and the PDF."""
    path.write_text(html, encoding="utf-8")
    tab = browser.new_page(viewport={"width": PAPER, "height": 1000}, color_scheme="dark")
    tab.goto(path.as_uri())
    tab.emulate_media(media="print")
    found = tab.evaluate(CUT), tab.evaluate(SPLIT), tab.pdf(format="A4")
    tab.close()
    return found


def test_no_table_is_cut_on_paper(browser, made, tmp_path):
    cut, split, pdf = on_paper(browser, made, tmp_path / "page.html")
    assert (cut, split) == ([], 0)
    assert pdf.startswith(b"%PDF")


def test_a_table_that_is_cut_on_paper_is_seen(browser, tmp_path):
    html = page(sl.analyze(sl.load(shipped()["quickstart"])))
    wide = '<table><tr><td style="min-width: 60rem">wide</td></tr></table></footer>'
    cut, _, _ = on_paper(browser, html.replace("</footer>", wide), tmp_path / "page.html")
    assert len(cut) == 1


def test_a_page_is_printed_in_ink_on_white_in_the_dark_too(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page(sl.analyze(sl.load(shipped()["quickstart"]))), encoding="utf-8")
    tab = browser.new_page(color_scheme="dark")
    tab.goto(path.as_uri())
    paper = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(paper) != "rgb(255, 255, 255)"
    tab.emulate_media(media="print")
    assert tab.evaluate(paper) == "rgb(255, 255, 255)"
    tab.close()
