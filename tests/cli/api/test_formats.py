"""``--format json`` of the commands of the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlsync.cli.app import SECTIONS, loaded
from tests.builders.commands import by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

FAMILIES = SECTIONS["The API by hand"]
COMMANDS = [(family, verb) for family in FAMILIES for verb in getattr(loaded(family), "commands", ())]


@pytest.mark.parametrize(("family", "verb"), COMMANDS)
def test_every_command_of_the_api_has_format_json(family: str, verb: str) -> None:
    assert "--format <text|json>" in dlsync(family, verb, "--help").out


def test_each_write_command_prints_a_json_document_with_its_message(tmp_path: Path, env: dict[str, str]) -> None:
    by_hand(env, "POST", "agents/web1/ping", json.dumps({"name": "web1", "tag_names": "web"}), "application/json")
    files = {
        "web.yaml": "title: Web\npositions: []\n",
        "load.yaml": "title: Load\ncriteria: []\n",
        "disk.sh": "#!/bin/sh\n",
    }
    web, load, script = (write_tree(tmp_path, files) / name for name in files)
    lines = [
        (f"dashboards create web {web}", "created the dashboard web"),
        (f"dashboards update web {web}", "updated the dashboard web"),
        ("dashboards delete web --yes", "deleted the dashboard web"),
        (f"rules create load {load}", "created the rule load"),
        (f"rules update load {load}", "updated the rule load"),
        ("rules mute load", "muted the rule load"),
        ("rules unmute load", "unmuted the rule load"),
        ("rules delete load --yes", "deleted the rule load"),
        (f"plugins create {script}", "created the plugin disk"),
        (f"plugins update disk {script}", "updated the plugin disk"),
        ("links create disk web db", "linked the plugin disk to web, db"),
        ("links delete disk --yes", "deleted the link of the plugin disk to web, db"),
        ("plugins delete disk --yes", "deleted the plugin disk"),
        ("accounts create staging", "created the account staging"),
        ("accounts delete staging --yes", "deleted the account staging"),
        ("tags delete web --yes", "deleted the tag web"),
        ("agents delete web1 --yes", "deleted the agent web1"),
    ]
    for line, message in lines:
        done = dlsync(*line.split(), "--format", "json", env=env)
        assert (done.code, done.err) == (0, ""), line
        assert json.loads(done.out) == {"format_version": 1, "message": message}


def test_deleting_an_annotation_or_a_stream_prints_a_json_document_with_its_message(env: dict[str, str]) -> None:
    made = json.loads(dlsync("annotations", "create", "deploys", "v1", "--format", "json", env=env).out)
    for rest, what in ([made["id"]], f"annotation {made['id']} of deploys"), ([], "stream deploys"):
        done = dlsync("annotations", "delete", "deploys", *rest, "--yes", "--format", "json", env=env)
        assert json.loads(done.out) == {"format_version": 1, "message": f"deleted the {what}"}
