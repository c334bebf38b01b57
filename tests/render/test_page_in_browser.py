"""The pages in Chromium: layout, accessibility, search, keyboard and messages of the browser."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, sync_playwright

from dlsync.model import Code, Item, ItemChange, Plan, Problem
from dlsync.render.environments import EnvironmentResult
from dlsync.render.page import render
from tests.builders.pages import dashboard, drawn, whole_plan
from tests.builders.plans import HOSTILE, added, change, plan, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.untraced,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: install Debian's package of that name"),
]
WORST = (
    "".join(HOSTILE)
    + "</title></style></script><script>alert(1)</script><img src=http://127.0.0.1:9/ onerror=alert(2)>\"'"
)
SIZES = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]


def ordinary() -> Plan:
    rule = replace(
        change(
            "update",
            "rule/load",
            replaced(("criteria", 0, "condition", "threshold"), 90, 80, 4),
            file="rules/load.yaml",
        ),
        items=lambda: (ItemChange("criteria", Item("cpu is above 90"), Item("cpu is above 80"), is_changed=True),),
        held="changed on both sides",
        cause="conflict",
    )
    script = change(
        "update", "plugin/disk", replaced(("content",), "a\nb\n", f"a\n{'c' * 300}\n"), file="plugins/disk.sh"
    )
    moved = ItemChange("positions", drawn("Disk", 1, 3), drawn("Disk", 3, 1))
    gone = ItemChange("positions", drawn("Old", 3, 3), None, is_changed=True)
    changes = (
        rule,
        script,
        dashboard("web", moved, gone),
        change("delete", "rule/old"),
        change("create", "plugin/new"),
    )
    warnings = (Problem(Code.UNKNOWN_FIELD, "`x` is not a field", "rules/a.yaml", 2),)
    return replace(plan(*changes, unchanged=12, warnings=warnings), refused=("too many deletes",))


def hostile() -> Plan:
    items = (ItemChange(WORST, drawn(WORST, 1, 1), drawn(WORST, 3, 1), is_changed=True),)
    worst = change(
        "update", f"rule/{WORST}", added((WORST,), WORST), replaced(("content",), "a\n", f"{WORST}\n"), file=WORST
    )
    warnings = (Problem(Code.UNKNOWN_FIELD, WORST, WORST),)
    return plan(replace(worst, items=lambda: items, held=WORST, renamed=WORST), warnings=warnings)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # root, as in a container, has no sandbox
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, folder: Path, text: str, *, fragment: str = "", **context: object) -> Iterator[Page]:
    """Open a page from a file; other requests and messages of the browser fail the test."""
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    address = file.as_uri()
    with browser.new_context(**context) as session:  # type: ignore[arg-type] # what Playwright takes
        page = session.new_page()
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(f"{address}{fragment}")
        yield page
        assert (requests, complaints) == ([address], [])


@pytest.mark.parametrize(("width", "theme"), SIZES)
@pytest.mark.parametrize("shown", [ordinary(), hostile(), plan()], ids=["ordinary", "hostile", "empty"])
def test_a_page_is_accessible_fits_its_window_and_logs_nothing(
    browser: Browser, tmp_path: Path, shown: Plan, width: int, theme: str
) -> None:
    viewport = {"width": width, "height": 800}
    with opened(browser, tmp_path, render(shown), viewport=viewport, color_scheme=theme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_name_stays_beside_its_sign(browser: Browser, tmp_path: Path, width: int) -> None:
    with opened(browser, tmp_path, render(hostile()), viewport={"width": width, "height": 800}) as page:
        sign, name = (page.locator(f"summary .{one}").bounding_box() for one in ("sign", "address"))
        assert sign
        assert name
        assert name["y"] < sign["y"] + sign["height"]
        assert sign["x"] + sign["width"] < name["x"]


def test_a_widget_shows_through_a_widget_above_it(browser: Browser, tmp_path: Path) -> None:
    over = (ItemChange("positions", None, drawn(name, 1, 1), is_changed=True) for name in ("Below", "Above"))
    with opened(browser, tmp_path, render(plan(dashboard("web", *over)))) as page:
        rectangles = page.locator("figure rect").all()
        assert [one.evaluate("rect => Number(getComputedStyle(rect).fillOpacity) < 1") for one in rectangles] == [
            True,
            True,
        ]


def test_several_environments_and_a_failure_are_accessible(browser: Browser, tmp_path: Path) -> None:
    results = [
        EnvironmentResult("a", ordinary()),
        EnvironmentResult("b", ordinary()),
        EnvironmentResult("c", None, "no"),
    ]
    with opened(browser, tmp_path, render(results)) as page:
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        assert [one["id"] for one in page.evaluate("axe.run()")["violations"]] == []


def visible_changes(page: Page) -> list[str]:
    return page.locator("details.change:visible .address").all_inner_texts()


def test_search_and_filters_show_matching_changes_and_escape_shows_all(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, render(ordinary())) as page:
        assert page.get_by_role("status").inner_text() == "5 of 5 shown"
        page.get_by_label("Search").fill("RULE /old")
        assert visible_changes(page) == ["rule/old"]
        page.get_by_label("Search").fill("")
        page.get_by_label("rule 2").check()
        assert visible_changes(page) == ["rule/load", "rule/old"]
        page.get_by_label("plugin 2").check()  # filters of one property are alternatives
        assert len(visible_changes(page)) == 4
        page.get_by_label("create 1").check()  # filters of several properties must all match
        assert visible_changes(page) == ["plugin/new"]
        assert page.get_by_role("status").inner_text() == "1 of 5 shown"
        page.keyboard.press("Escape")
        assert len(visible_changes(page)) == 5
        page.get_by_label("held 1").check()
        assert visible_changes(page) == ["rule/load"]


def test_keys_move_between_changes_and_open_them(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, render(whole_plan(21))) as page:
        focused = "document.activeElement.closest('details')?.id"
        page.keyboard.press("o")  # there is nothing to open yet
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate(focused) == "rule/r-21-1"
        page.keyboard.press("o")
        assert page.locator("details[open]").count() == 1
        page.keyboard.press("k")
        page.keyboard.press("k")  # the first change stays focused
        assert page.evaluate(focused) == "dashboard/d-21-0"
        page.keyboard.press("/")
        page.keyboard.type("jo")  # letters in the search are letters
        assert page.get_by_label("Search").input_value() == "jo"
        page.keyboard.press("Escape")
        assert page.get_by_label("Search").input_value() == ""
        page.keyboard.press("Control+j")
        page.get_by_role("button", name="Open all").click()
        assert page.locator("details[open]").count() == 21
        page.get_by_role("button", name="Close all").click()
        assert page.locator("details[open]").count() == 0


def test_a_link_to_a_change_opens_it_even_if_a_filter_hides_it(browser: Browser, tmp_path: Path) -> None:
    shown = whole_plan(40)
    special = change("create", "rule/ä b#c%", added(("title",), "X"))
    page_text = render(replace(shown, changes=(*shown.changes, special)))
    with opened(browser, tmp_path, page_text, fragment="#rule/%C3%A4%20b%23c%25") as page:
        opened_changes = page.locator("details[open]")
        assert opened_changes.count() == 1
        assert opened_changes.locator(".address").inner_text() == "rule/ä b#c%"
        page.get_by_label("Search").fill("nothing has this")
        page.evaluate("location.hash = '#rule/r-40-1'")
        page.wait_for_function("document.querySelectorAll('details[open]').length === 2")
        assert len(visible_changes(page)) == 41


def test_changes_can_be_read_without_scripts(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, render(whole_plan(21)), java_script_enabled=False) as page:
        assert not page.get_by_role("search").is_visible()
        last = page.locator("details.change").last
        assert not last.locator(".body").is_visible()
        last.locator("summary").click()
        assert last.locator(".body").is_visible()


def test_a_print_shows_closed_changes_and_hides_the_tools(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, render(whole_plan(21))) as page:
        page.emulate_media(media="print")
        assert not page.locator(".tools").is_visible()
        assert page.locator(".body").last.is_visible()


def test_a_print_is_light_in_a_dark_theme(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, render(ordinary()), color_scheme="dark") as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(ground) == "rgb(15, 20, 26)"
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(ground) == "rgb(246, 247, 249)"


def test_a_page_of_200_changes_has_few_elements_and_loads_no_resources(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, render(whole_plan(200))) as page:
        assert page.locator("details.change").count() == 200
        assert page.evaluate("document.querySelectorAll('*').length") < 20_000
        assert page.evaluate("performance.getEntriesByType('resource').length") == 0
        # the browser does not lay out closed changes outside of the window
        assert page.evaluate("getComputedStyle(document.querySelector('.change')).contentVisibility") == "auto"
