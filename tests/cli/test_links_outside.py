"""Symbolic links of a tree: no command reads or writes outside the tree, or inside ``.git``, through them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRET = "s3cret-of-the-host"
DASHBOARD = "title: Web\npositions: []\n"
HOST = {
    "environ": f"KEY={SECRET}\n",
    "rule.yaml": f"title: {SECRET}\ncriteria: []\n",
    "twice.yaml": f"{SECRET}: 1\n{SECRET}: 2\n",
    "folder/x.yaml": f"title: {SECRET}\npositions: []\n",
    "folder/x.meta.yaml": f"description: {SECRET}\n",
    f"folder/{SECRET}/dashboards/web.yaml": f"title: {SECRET}\n",
    "folder/package.yaml": f"title: {SECRET}\n",
}
LINKS = {
    "plugins/e.sh": "environ",
    "plugins/e.meta.yaml": "folder/x.meta.yaml",
    "plugins/self.sh": "/proc/self/environ",
    "rules/r.yaml": "rule.yaml",
    "rules/twice.yaml": "twice.yaml",
    "dashboards/sub": "folder",
    "rules": "folder",
    "links.yaml": "twice.yaml",
    "packs": "folder",
    "packs/p": "folder",
    "packs/p/package.yaml": "folder/package.yaml",
    "dlsync.yaml": "twice.yaml",
    "overlays": "folder",
    "overlays/prod": "folder",
    "overlays/prod/dashboards/web.yaml": "rule.yaml",
    "plugins/gone.sh": "nowhere",
    "plugins/git.sh": "../tree/.git/config",
}
COMMANDS: Mapping[str, list[str]] = {
    "validate": [],
    "plan": ["--format", "markdown"],
    "render": [],
    "export": [],
    "apply": ["--auto-approve"],
}


def linked(tmp_path: Path, link: str) -> Path:
    host = write_tree(tmp_path / "host", HOST)
    tree = write_tree(
        tmp_path / "tree",
        {
            "dlsync.yaml": "environments:\n  prod: {}\n",
            "dashboards/web.yaml": DASHBOARD,
            ".git/config": f"token = {SECRET}\n",
        },
    )
    (tree / link).parent.mkdir(parents=True, exist_ok=True)
    (tree / link).unlink(missing_ok=True)
    (tree / link).symlink_to(host / LINKS[link])
    return tree


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_leads_outside_is_an_error_with_its_place_and_shows_nothing_of_its_target(
    tmp_path: Path, env: dict[str, str], command: str, link: str
) -> None:
    tree = linked(tmp_path, link)
    environment = () if link == "dlsync.yaml" else ("-e", "prod")
    done = dlsync(command, tree, *COMMANDS[command], *environment, env=env)
    assert done.code == 1
    assert f"{link}: error: leads " in done.out + done.err or f"{link}: leads " in done.out + done.err
    assert "replace the link by a copy of its target" in done.out + done.err
    assert SECRET not in done.out + done.err
    assert {one.method for one in done.asked} <= {"GET"}
    assert tree_files(tmp_path / "host") == {file: content.encode() for file, content in HOST.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_links_inside_the_directory_are_followed(tmp_path: Path, env: dict[str, str], command: str) -> None:
    real = write_tree(tmp_path / "real", {"shared/web.yaml": DASHBOARD, "shared/sub/shop.yaml": DASHBOARD})
    (real / "dashboards").mkdir()
    (real / "dashboards/web.yaml").symlink_to("../shared/web.yaml")
    (real / "dashboards/sub").symlink_to(real / "shared/sub")
    (tmp_path / "tree").symlink_to("real")
    assert dlsync(command, tmp_path / "tree", *COMMANDS[command], env=env).code == 0
    assert dlsync("validate", tmp_path / "tree").out.startswith("2 resources")


@pytest.mark.parametrize("link", ["dashboards", "dashboards/web.yaml", "links", "agents"])
def test_a_backup_is_not_read_through_a_link_that_leads_outside(tmp_path: Path, link: str) -> None:
    agent, links = json.dumps({"name": SECRET}), json.dumps({"plugin": "disk", "tags": ["all"]})
    host = write_tree(tmp_path / "host", {"web.yaml": DASHBOARD + f"x: {SECRET}\n", "1.json": agent})
    backup = write_tree(
        tmp_path / "acme/default",
        {"plugins/disk.sh": "x", "dashboards/web.yaml": DASHBOARD, "agents/1.json": "{}", "links/1.json": links},
    )
    if (backup / link).is_dir():
        shutil.rmtree(backup / link)
        (backup / link).symlink_to(host)
    else:
        (backup / link).unlink()
        (backup / link).symlink_to(host / "web.yaml")
    done = dlsync("import-backup", backup, tmp_path / "new")
    assert f"{link}: " in done.err
    assert "leads outside the directory" in done.err
    assert SECRET not in done.out + done.err
    assert not any(SECRET.encode() in content for content in tree_files(tmp_path / "new").values())
