"""The sources of the site: links work, the navigation has each page, and pages are plain Markdown.

Links to other hosts are not followed: tests have no network.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from scripts.site import LISTED, OUTSIDE, TITLES, staged
from tests.builders.commands import ROOT
from tests.builders.markdown import DOCS, PAGES, parsed

if TYPE_CHECKING:
    from pathlib import Path

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
read = cache(parsed)


@each_page
def test_a_link_leads_to_an_existing_file_and_heading(page: Path) -> None:
    dead = []
    for link in read(page).links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in read(target).anchors):
            dead.append(link)
    assert dead == []


@each_page
def test_a_picture_has_an_alternative_text_of_at_least_five_words(page: Path) -> None:
    assert [image.attrs["src"] for image in read(page).all("image") if len(image.content.split()) < 5] == []


@each_page
def test_a_page_holds_no_html_but_comments(page: Path) -> None:
    html = [*read(page).all("html_inline"), *read(page).all("html_block")]
    assert [one.content for one in html if not one.content.startswith("<!--")] == []


def test_the_navigation_has_each_page_once() -> None:
    names = [*OUTSIDE.values(), *(page.relative_to(ROOT / "docs").as_posix() for page in DOCS)]
    assert sorted(TITLES) == sorted(names), "zensical.toml lists the pages of the site"


def test_the_readme_lists_each_page_with_a_description() -> None:
    listed = dict(LISTED.findall((ROOT / "README.md").read_text("utf-8")))
    others = {page.relative_to(ROOT).as_posix() for page in PAGES} - {"README.md"}
    assert {page for page, description in listed.items() if description.strip()} == others


def test_a_staged_page_links_within_the_site() -> None:
    text = (
        "[docs/a.md](docs/cli.md), [b](docs/cli.md#x), [c](example-repo), [d](https://example.org), ![e f](docs/x.png)"
    )
    assert staged(text, "README.md") == (
        "[docs/a.md](cli.md), [b](cli.md#x), c, [d](https://example.org), ![e f](x.png)"
    )
    assert staged("[docs/cli.md](docs/cli.md)", "README.md") == "[Commands](cli.md)"
    assert staged("[a](../README.md) [b](#x) [c](cli.md)", "docs/json.md") == "[a](index.md) [b](#x) [c](cli.md)"


def test_the_site_pins_shared_requirements_to_the_versions_of_the_project() -> None:
    site, others = (
        set(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements-docs.lock", "requirements.lock")
    )
    names = {name for name, _ in others}
    assert {pin for pin in site if pin[0] in names} <= others, "run `make lock`"
    assert ("zensical", re.findall('"zensical==(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))[0]) in site
