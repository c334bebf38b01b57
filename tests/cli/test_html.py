"""``--format html``: prints one page on stdout, with the result or the error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.pages import Parsed
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

HTML = ("--format", "html")


def test_a_plan_is_a_page_with_each_change(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, *HTML, "--detailed-exitcode", env=env)
    assert (done.code, done.err) == (2, "")
    assert done.out.startswith("<!doctype html>\n")
    assert set(Parsed(done.out).values("id")) == {"plugin/disk", "dashboard/web", "rule/load"}


def test_drift_and_export_are_pages_with_the_changed_values(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    drifted = dlsync("drift", applied, *HTML, env=env)
    assert (drifted.code, Parsed(drifted.out).values("id")) == (2, ["dashboard/web"])
    assert '<span class="old">&#34;<del>Web</del>&#34;</span>' in drifted.out
    exported = dlsync("export", applied, "--check", *HTML, env=env)
    assert (exported.code, Parsed(exported.out).values("id")) == (2, ["dashboard/web"])
    assert '<span class="new">&#34;<ins>Shop</ins>&#34;</span>' in exported.out
    assert "An export would change files" in exported.out
    assert "Exported acme/" in dlsync("export", applied, *HTML, env=env).out


def test_the_page_of_an_export_shows_changes_from_the_files_to_the_live_resources(
    applied: Path, env: dict[str, str]
) -> None:
    widget = "{title: CPU, type: number, row: 1, col: 1, size_x: 2, size_y: 2}"
    by_hand(env, "PUT", "dashboards/new", f"title: New\npositions: [{widget}]\n")
    by_hand(env, "PUT", "dashboards/web", f"title: Web\npositions: [{widget}]\n")
    by_hand(env, "POST", "links", '{"plugin": "disk", "tags": ["web"]}', "application/json")
    by_hand(env, "DELETE", "rules/load")
    page = dlsync("export", applied, "--check", "--mirror", *HTML, env=env).out
    assert set(Parsed(page).values("id")) == {"dashboard/new", "dashboard/web", "link/disk", "rule/load"}
    # the new dashboard has only added widgets, and no picture of its former state
    assert page.count("<figcaption>before</figcaption>") == page.count('class="removed"') == 0
    assert page.count('<svg class="added"') == 2
    assert '<span class="place">links.yaml</span>' in page
    assert "changed on the server" not in page


def test_the_page_of_an_export_shows_no_secrets_and_no_live_values_in_their_place(
    tree: Path, env: dict[str, str]
) -> None:
    ours, theirs = "https://example.com/ours", "https://example.com/theirs"
    env = {**env, "HOOK": ours}
    write_tree(tree, {"rules/load.yaml": "title: Load\ncriteria: []\ndescription: ${env:HOOK}\n"})
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    by_hand(env, "PUT", "rules/load", f"title: Other\ncriteria: []\ndescription: {theirs}\n")
    by_hand(env, "PUT", "rules/new", f"title: New\ncriteria: []\ndescription: {ours}\n")
    page = dlsync("export", tree, "--check", *HTML, env=env).out
    assert set(Parsed(page).values("id")) == {"rule/load", "rule/new"}
    text = re.sub("<[^<>]+>", "", page)
    assert "&#34;${env:HOOK}&#34;[not shown]" in text  # of rule/load, before and after
    assert "description&#34;${env:HOOK}&#34;\n" in text  # of rule/new
    assert (theirs in page, ours in page) == (False, False)


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("plan", "--all-environments")])
def test_files_with_errors_are_a_page_that_says_so(tree: Path, env: dict[str, str], command: tuple[str, ...]) -> None:
    write_tree(tree, {"rules/load.yaml": "title: [\n", "dlsync.yaml": "environments: {one: {}}\n"})
    done = dlsync(*command, tree, *HTML, env=env)
    assert done.code == 1
    assert '<li class="error"><b>error:</b> rules/load.yaml:2:1: expected' in done.out
    assert "<h2>one</h2>" in done.out if len(command) > 1 else "<h2>No result</h2>" in done.out


def test_all_environments_are_one_page(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dlsync.yaml": "environments: {one: {}}\n"})
    done = dlsync("plan", tree, "--all-environments", *HTML, env=env)
    assert (done.code, done.err) == (0, "")
    assert "one/rule/load" in Parsed(done.out).values("id")
