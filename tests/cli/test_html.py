"""``--format html`` of the commands that have it: one page on stdout, whatever happens."""

from __future__ import annotations

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


def test_drift_and_a_compared_export_are_pages(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    drifted = dlsync("drift", applied, *HTML, env=env)
    assert (drifted.code, Parsed(drifted.out).values("id")) == (2, ["dashboard/web"])
    assert '<span class="old">&#34;<del>Web</del>&#34;</span>' in drifted.out
    exported = dlsync("export", applied, "--check", *HTML, env=env)
    assert (exported.code, Parsed(exported.out).values("id")) == (2, ["dashboards/web.yaml"])
    assert "An export would change files" in exported.out
    assert "Exported acme/" in dlsync("export", applied, *HTML, env=env).out


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
