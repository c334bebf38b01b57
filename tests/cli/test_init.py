"""``dlsync init``: a tree to start from."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dlsync.files.scaffold import SCHEMAS, TEMPLATES
from tests.builders.commands import dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.trees import Account


def test_a_new_folder_gets_a_tree_that_validates_applies_and_plans_to_nothing(
    tmp_path: Path, env: dict[str, str]
) -> None:
    tree = tmp_path / "new folder"
    done = dlsync("init", tree)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        *(f"wrote {file}" for file in (*TEMPLATES, *SCHEMAS)),
        f"Next: dlsync validate '{tree}'",
        f"Then, while `dlsync serve --port 8080` runs: DLSYNC_API_KEY=changeme dlsync plan '{tree}'",
    ]
    assert dlsync("validate", tree).out.endswith("resources: 0 errors, 0 warnings.\n")
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    assert dlsync("plan", tree, "--detailed-exitcode", env=env).code == 0


NAMED = re.compile(
    r"Next: dlsync (?P<validate>.+)\n"
    r"Then, while `dlsync serve --port (?P<port>\d+)` runs: DLSYNC_API_KEY=(?P<key>\w+) dlsync (?P<plan>.+)\n\Z"
)


def test_the_commands_that_it_names_work_as_they_are_on_what_it_wrote(tmp_path: Path, live: Account) -> None:
    """Nothing that it wrote is edited; only the port is another than the one that it names, which may be taken."""
    named = NAMED.search(dlsync("init", tmp_path / "new folder").out)
    assert named
    served = urlsplit(live.settings.url)._replace(netloc=f"127.0.0.1:{named['port']}").geturl()
    assert f"\nurl: {served}\n" in (tmp_path / "new folder/dlsync.yaml").read_text()
    env = {"DLSYNC_API_KEY": named["key"], "DLSYNC_URL": live.settings.url}
    for command in (named["validate"], named["plan"]):
        assert dlsync(*shlex.split(command), env=env).code == 0


def test_what_else_is_in_the_folder_stays(tmp_path: Path) -> None:
    write_tree(tmp_path, {"README.md": "mine"})
    assert dlsync("init", tmp_path).code == 0
    assert tree_files(tmp_path).keys() == {"README.md", *TEMPLATES, *SCHEMAS}


def test_a_file_that_is_there_already_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "org: acme\n"})
    done = dlsync("init", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {tmp_path} has these already: dlsync.yaml\n")
    assert tree_files(tmp_path) == {"dlsync.yaml": b"org: acme\n"}


def test_a_file_in_the_folder_s_place_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": ""})
    done = dlsync("init", tmp_path / "file")
    assert (done.code, done.out) == (1, "")
    assert str(tmp_path / "file") in done.err
