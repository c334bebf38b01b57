"""``dlsync packs``: lists the packs of a tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "packs/db/package.yaml": "title: Databases\nauthor: Acme\nversion: 1.2.0\n",
    "packs/db/dashboards/db.yaml": "title: Db\npositions: []\n",
    "packs/db/plugins/up.sh": "echo\n",
    "packs/web/package.yaml": 'title: "Web\\e[2J"\n',
}


def test_packs_are_listed_with_their_contents(tmp_path: Path) -> None:
    done = dlsync("packs", "list", write_tree(tmp_path, FILES))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "PACK  TITLE       VERSION  AUTHOR  DASHBOARDS  RULES  PLUGINS",
        "db    Databases   1.2.0    Acme    1           0      1",
        "web   Web\\x1b[2J                   0           0      0",
    ]


def test_json_lists_the_packs_with_their_contents(tmp_path: Path) -> None:
    done = dlsync("packs", "list", write_tree(tmp_path, FILES), "--format", "json")
    assert done.code == 0
    assert json.loads(done.out)["packs"][0] == {
        "pack": "db",
        "title": "Databases",
        "version": "1.2.0",
        "author": "Acme",
        "dashboards": 1,
        "rules": 0,
        "plugins": 1,
    }


def test_errors_in_packs_are_printed_on_stderr_beside_the_list(tmp_path: Path) -> None:
    write_tree(tmp_path, {**FILES, "packs/web/package.yaml": "title: [\n", "links.yaml": "up: []\n"})
    done = dlsync("packs", "list", tmp_path)
    assert done.code == 1
    assert len(done.out.splitlines()) == 3
    assert done.err.startswith("packs/web/package.yaml:")
    assert len(done.err.splitlines()) == 1


def test_a_tree_without_packs_says_so(tmp_path: Path) -> None:
    done = dlsync("packs", "list", write_tree(tmp_path, {"plugins/disk.sh": "echo\n"}))
    assert (done.code, done.out, done.err) == (0, "", "no packs\n")
