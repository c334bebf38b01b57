"""``dlsync render``: prints the files as an apply sends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import Terminal, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "dlsync.yaml": "environments: {staging: {variables: {name: Staging}}}\n",
    "dashboards/web.yaml": "title: Web\npositions: []\n",
    "overlays/staging/dashboards/web.yaml": "title: ${var:name}\n",
    "overlays/old/x.yaml": "",
    "rules/load.yaml": "title: Load\ncriteria: []\n",
}


def test_render_prints_the_files_of_an_environment_and_warnings_on_stderr(tmp_path: Path) -> None:
    done = dlsync("render", write_tree(tmp_path, FILES), "-e", "staging", "--target", "dashboard/*")
    assert (done.code, done.asked) == (0, ())
    assert done.out == "# dashboards/web.yaml (dashboard/web)\ntitle: Staging\npositions: []\n"
    assert "overlays/old: warning: is not read" in done.err


def test_json_is_a_list_of_files(tmp_path: Path) -> None:
    done = dlsync("render", write_tree(tmp_path, FILES), "--format", "json")
    assert [(one["kind"], one["content"]) for one in json.loads(done.out)] == [
        ("dashboard", FILES["dashboards/web.yaml"]),
        ("rule", FILES["rules/load.yaml"]),
    ]


def test_warnings_are_coloured_when_stderr_is_a_terminal_and_stdout_is_not(tmp_path: Path) -> None:
    done = dlsync("render", write_tree(tmp_path, FILES), "-e", "staging", "--format", "json", err=Terminal())
    assert "\x1b[33mwarning\x1b[0m" in done.err
    assert "\x1b" not in done.out


def test_render_fails_for_an_unset_variable_and_for_a_missing_directory(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": "title: ${env:UNSET}\npositions: []\n"})
    done = dlsync("render", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "dashboards/web.yaml:1:1: error: ${env:UNSET} is not set" in done.err
    assert dlsync("render", tmp_path / "nowhere").code == 1
