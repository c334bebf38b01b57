"""``dlsync fmt``: formats the files in the house style."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

RULE = """\
# the load
criteria:
- {metric: base.load, scope: {tag: web}, condition: {timeout: 60, threshold: 5}} # high
title:  'Load'
"""
FILES = {
    "dashboards/team/web.yaml": DASHBOARD,
    "rules/load.yaml": f"# rules\n\n{RULE}",
    "plugins/disk.sh": "#!/bin/sh\nexit 0\n",
    "plugins/disk.meta.yaml": "interval: 60\ndescription:   Disks # all\n",
    "plugins/data.yaml.sh": "a:   1\n",
    "links.yaml": "disk: [web,   all] # everywhere\n",
    "overlays/staging/rules/load.yaml": "title:   Staging # here\n",
    "packs/nginx/package.yaml": "title:   Nginx\n",
    "packs/nginx/rules/nginx.yaml": "title:   Nginx\ncriteria:   []\n",
    "dlsync.yaml": "environments:   {staging: {account: staging}}\n",
}
CHANGED = ["links.yaml", "overlays/staging/rules/load.yaml", "plugins/disk.meta.yaml", "rules/load.yaml"]


def test_fmt_formats_the_files_without_a_change_of_their_meaning(tmp_path: Path, env: dict[str, str]) -> None:
    tree = write_tree(tmp_path, FILES)
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    files = tree_files(tree)
    shown = "".join(f"~ {file}\n" for file in CHANGED)
    assert dlsync("fmt", tree, "--check")[:3] == (2, shown, "")
    assert tree_files(tree) == files
    assert dlsync("fmt", tree)[:3] == (0, shown, "")
    after = {file: text.decode() for file, text in tree_files(tree).items()}
    assert sorted(file for file, text in after.items() if text.encode() != files[file]) == CHANGED
    assert after["links.yaml"] == "disk: # everywhere\n  - web\n  - all\n"
    assert after["plugins/disk.meta.yaml"] == "description: Disks # all\ninterval: 60\n"
    assert after["overlays/staging/rules/load.yaml"] == "title: Staging # here\n"
    assert after["rules/load.yaml"] == (
        "# rules\n\ntitle: Load\n# the load\ncriteria:\n  # high\n  - metric: base.load\n    scope:\n      tag: web\n"
        "    condition:\n      threshold: 5\n      timeout: 60\n"
    )
    assert dlsync("plan", tree, "--detailed-exitcode", env=env).code == 0
    assert dlsync("fmt", tree, "--check", "--format", "json")[:2] == (
        0,
        '{\n  "format_version": 1,\n  "files": [],\n  "problems": []\n}\n',
    )


def test_files_written_by_export_or_init_are_formatted_already(
    applied: Path, env: dict[str, str], tmp_path: Path
) -> None:
    dlsync("export", tmp_path / "new", env=env)
    dlsync("init", tmp_path / "init")
    for folder in ("new", "init"):
        assert dlsync("fmt", tmp_path / folder, "--check")[:3] == (0, "", "")


def test_a_file_that_cannot_be_formatted_stays_and_is_named(tmp_path: Path) -> None:
    files = {
        "rules/a.yaml": "title:   A\n",
        "rules/b.yaml": "title: B\ncriteria: [ # none\n]\n",
        "rules/c.yaml": "title: [\n",
    }
    tree = write_tree(tmp_path, files)
    done = dlsync("fmt", tree)
    assert (done.code, done.out) == (1, "~ rules/a.yaml\n")
    warning, error = done.err.splitlines()
    assert warning.startswith("rules/b.yaml: warning: stays as it is: it has anchors, or comments inside of brackets")
    assert error.startswith("rules/c.yaml:2:1: error: ")
    assert {file: text.decode() for file, text in tree_files(tree).items()} == {**files, "rules/a.yaml": "title: A\n"}


@pytest.mark.parametrize("check", [("--check",), ()])
@pytest.mark.parametrize("file", ["dashboards/a.yaml", "plugins/a.sh", "links.yaml", "overlays/b/rules/a.yaml"])
@pytest.mark.parametrize("fault", ["large", "link", "loop"])
def test_a_file_that_cannot_be_read_is_the_same_error_as_in_validate(
    tmp_path: Path, fault: str, file: str, check: tuple[str, ...]
) -> None:
    tree = write_tree(tmp_path / "tree", {"dlsync.yaml": "environments: {b: {account: b}}\n", file: ""})
    if fault == "large":
        os.truncate(tree / file, 11_000_000)
    else:
        (tree / file).unlink()
        (tree / file).symlink_to("/etc/passwd" if fault == "link" else "a.yaml")
    done = dlsync("fmt", tree, *check)
    [error] = done.err.splitlines()
    assert (done.code, done.out, error.startswith(f"{file}: error: ")) == (1, "", True)
    assert error in dlsync("validate", tree).out


def test_an_old_backup_is_not_formatted(tmp_path: Path) -> None:
    done = dlsync("fmt", write_tree(tmp_path, {"links/1.json": "{}", "dashboards/a.yaml": "title:   A\n"}))
    assert (done.code, done.err.splitlines()[-1]) == (1, "Import it with `dlsync import-backup`.")
