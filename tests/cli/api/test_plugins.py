"""``dlsync plugins``."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import Terminal, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "#!/bin/sh\n\techo \x1b[2J\r\nexit 0\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {"disk.sh": SCRIPT}) / "disk.sh"


@pytest.fixture
def live(env: dict[str, str], script: Path) -> dict[str, str]:
    """An account with the plugin `disk`."""
    assert dlsync("plugins", "create", script, env=env)[:3] == (0, "created the plugin disk\n", "")
    return env


def test_list_shows_the_plugins(env: dict[str, str], demo: dict[str, str]) -> None:
    assert dlsync("plugins", "list", env=env)[:3] == (0, "", "no plugins\n")
    header, first, *_ = dlsync("plugins", "list", env=demo).out.splitlines()
    assert header.split() == ["NAME", "EXTENSION", "INTERVAL", "DESCRIPTION"]
    assert first.split()[:3] == ["base", "py", "30"]
    assert json.loads(dlsync("plugins", "list", "--format", "json", env=demo).out)[0]["name"] == "base"


def test_get_prints_the_script_unchanged_and_escapes_control_characters_on_a_terminal(live: dict[str, str]) -> None:
    printed = dlsync("plugins", "get", "disk", env=live)
    assert (printed.code, printed.out, printed.writes) == (0, SCRIPT, [])
    shown = dlsync("plugins", "get", "disk", env=live, out=Terminal()).out
    assert shown == "#!/bin/sh\n        echo \\x1b[2J\nexit 0\n"
    found = json.loads(dlsync("plugins", "get", "disk", "--format", "json", env=live).out)
    assert (found["name"], found["extension"]) == ("disk", "sh")
    assert found["content"] == b64encode(SCRIPT.encode()).decode()


def test_get_output_writes_the_script_to_a_file(live: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "copy.sh"
    done = dlsync("plugins", "get", "disk", "--output", target, env=live)
    assert done[:3] == (0, f"wrote {target}\n", "")
    assert target.read_bytes() == SCRIPT.encode()
    both = dlsync("plugins", "get", "disk", "--output", target, "--format", "json", env=live)
    assert json.loads(both.out)["name"] == "disk"
    assert "cannot be written: Is a directory" in dlsync("plugins", "get", "disk", "--output", tmp_path, env=live).err


def test_create_name_overrides_the_name_of_the_file(env: dict[str, str], script: Path) -> None:
    done = dlsync("plugins", "create", script, "--name", "root-disk", env=env)
    assert done[:3] == (0, "created the plugin root-disk\n", "")
    assert json.loads(dlsync("plugins", "get", "root-disk", "--format", "json", env=env).out)["extension"] == "sh"


def test_create_never_overwrites_and_update_never_creates(live: dict[str, str], script: Path) -> None:
    script.write_text("exit 1\n")
    taken = dlsync("plugins", "create", script, env=live)
    assert (taken.code, taken.out) == (1, "")
    assert taken.err.startswith("error: there is a plugin 'disk' already: POST /orgs/acme/accounts/")
    words = "(422: a plugin called 'disk' exists already)\n`dlsync plugins update` replaces its script.\n"
    assert taken.err.endswith(words)
    assert dlsync("plugins", "get", "disk", env=live).out == SCRIPT
    missing = dlsync("plugins", "update", "dsk", script, env=live)
    assert (missing.code, missing.out) == (1, "")
    assert "plugins/dsk: not found" in missing.err


def test_a_plugin_is_updated_and_deleted(live: dict[str, str]) -> None:
    done = dlsync("plugins", "update", "disk", "-", env=live, piped=b"exit 1\n")
    assert done[:3] == (0, "updated the plugin disk\n", "")
    assert dlsync("plugins", "get", "disk", env=live).out == "exit 1\n"
    assert dlsync("plugins", "delete", "disk", "--yes", env=live)[:3] == (0, "deleted the plugin disk\n", "")
    assert dlsync("plugins", "list", env=live).err == "no plugins\n"


def test_a_delete_names_the_links_that_go_with_the_plugin_and_asks(live: dict[str, str]) -> None:
    for tags in (("web", "db"), ("web",)):
        dlsync("links", "create", "disk", *tags, env=live)
    refused = dlsync("plugins", "delete", "disk", env=live, typed="n\n")
    assert (refused.code, refused.writes) == (1, [])
    assert refused.err.startswith("Delete the plugin disk and its links to db, web? [y/N] ")
    done = dlsync("plugins", "delete", "disk", "--yes", env=live)
    assert done[:3] == (0, "deleted the plugin disk and its links to db, web\n", "")
