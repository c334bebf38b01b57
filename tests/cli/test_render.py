"""``dlsync render``: the files as they are sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import dlsync
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


def test_an_environment_s_files_are_shown_and_what_is_odd_beside_them(tmp_path: Path) -> None:
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


def test_what_cannot_be_sent_cannot_be_shown(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": "title: ${env:UNSET}\npositions: []\n"})
    done = dlsync("render", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "dashboards/web.yaml:1:1: error: ${env:UNSET} is not set" in done.err
    assert dlsync("render", tmp_path / "nowhere").code == 1
