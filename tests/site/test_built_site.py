"""The built site in Chromium: layout, accessibility, search and messages of the browser."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from scripts.site import CONFIG, TITLES, build
from tests.builders.markdown import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(find_spec("zensical") is None, reason="there is no zensical: run `make site` once")


SERIOUS = {"serious", "critical"}
# the theme puts a wide table into a box that scrolls, which Chromium lets the keyboard reach by itself
AXE = {"resultTypes": ["violations"], "rules": {"scrollable-region-focusable": {"enabled": False}}}
COUNTED = frozenset("h1 h2 h3 h4 li table tr blockquote".split())  # noqa: SIM905 - a list of words is easier to read


class Parts(HTMLParser):
    """How many elements of each kind the article of a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        article = page.partition("<article")[2].partition("</article>")[0]
        self.feed(f"<article{article}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {*COUNTED, "pre"}:
            self.counts[tag] += 1


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(CONFIG, folder)
    return build(folder)


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The address of the server that serves the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium: install Debian's package of that name")
    with sync_playwright() as playwright:
        # root, as in a container, has no sandbox
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def url_path(page: str) -> str:
    return "" if page == "index.md" else page.removesuffix(".md") + "/"


@contextmanager
def opened(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """Open a page of a browser; requests to other hosts, failed requests and messages fail the test."""
    with browser.new_context(**context) as session:
        page = session.new_page()
        complaints: list[str] = []
        page.on("request", lambda request: complaints.append(request.url) if elsewhere(request, address) else None)
        page.on("response", lambda response: complaints.append(response.url) if response.status >= 400 else None)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert complaints == []


def elsewhere(request: Request, address: str) -> bool:
    return not request.url.startswith((f"{address}/", "data:", "blob:"))


def test_each_page_logs_nothing_loads_nothing_from_other_hosts_and_fits_a_phone(browser: Browser, address: str) -> None:
    with opened(browser, address, viewport={"width": 390, "height": 800}) as page:
        for path in TITLES:
            page.goto(f"{address}/{url_path(path)}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth)"), path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_home_page_is_accessible_in_both_themes(browser: Browser, address: str, theme: str) -> None:
    with opened(browser, address, viewport={"width": 1280, "height": 800}, color_scheme=theme) as page:
        page.goto(f"{address}/")  # it has code, lists, tables and a picture; axe takes seconds for the longest pages
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        found = page.evaluate("options => axe.run(options)", AXE)["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS] == []
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (theme == "light")


def test_the_search_finds_a_page(browser: Browser, address: str) -> None:
    with opened(browser, address, viewport={"width": 1280, "height": 800}) as page:
        page.goto(f"{address}/")
        page.get_by_role("button", name="Search").first.click()
        page.locator("dialog input").fill("rollback")
        page.get_by_role("link", name="rollback").last.wait_for()


def test_a_built_page_has_the_elements_of_its_markdown(site: Path) -> None:
    for path in TITLES:
        built = Parts((site / url_path(path) / "index.html").read_text(encoding="utf-8"))
        tokens = parsed(site / path).tokens
        written = Counter(token.tag for token in tokens if token.nesting == 1 and token.tag in COUNTED)
        written["pre"] += sum(token.type in {"fence", "code_block"} for token in tokens)
        assert built.counts == +written, path


def test_each_page_has_a_markdown_copy_and_a_line_in_llms_txt(site: Path) -> None:
    listed = re.findall(r"^- \[(.+)\]\((.+\.md)\)(?:: .+)?$", (site / "llms.txt").read_text("utf-8"), re.MULTILINE)
    assert {path: title for title, path in listed} == TITLES
    assert [path for path in TITLES if not (site / path).read_text("utf-8").lstrip().startswith(("# ", "<!--"))] == []
    dead = [(path, link) for path in TITLES for link in parsed(site / path).links if not there(site / path, link)]
    assert dead == []


def there(page: Path, link: str) -> bool:
    return (page.parent / link.partition("#")[0]).exists()
