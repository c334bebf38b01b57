"""Texts that resemble a secret but come from no reference: dlsync keeps, sends and restores them unchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlsync.files import yaml
from tests.builders.commands import by_hand, dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.untraced

HOOK = "https://hooks.slack.example/services/T000AAAA/B111BBBB/s3cr3tvaluexyz"
ENVIRON = {"STAGE": "prod", "HOOK": HOOK}
REFERRING = {
    "dashboards/refers.yaml": "title: A ${env:STAGE}\npositions: []\n",
    "rules/refers.yaml": "title: Refers\ncriteria: []\nactions: [{type: WEBHOOK, url: '${env:HOOK}'}]\n",
}
LIKE = {
    "a short secret": ("Hosts", "Hosts of prod"),
    "a short secret in a word": ("How to reproduce", "New"),
    "a short secret alone": ("Hosts", "prod"),
    "the beginning of a long one": ("https://example.org/runbook", f"{HOOK[:28]}docs is the runbook"),
    "a long one, which changes by nothing": (f"see {HOOK} please", "see the other one"),
}


def places(text: str) -> dict[str, str]:
    """Return the files of a tree with a text in each kind of place."""
    quoted = json.dumps(text)
    return {
        **REFERRING,
        "dashboards/web.yaml": f"title: {quoted}\npositions:\n"
        f"- {{title: {quoted}, row: 1, col: 1, size_x: 1, size_y: 1, type: number, series: []}}\n",
        "rules/load.yaml": f"title: Load ${{env:STAGE}}\ndescription: {quoted}\ncriteria: []\nactions:\n"
        f"- {{type: WEBHOOK, url: '${{env:HOOK}}', message: {quoted}}}\n",
        "plugins/disk.sh": f"#!/bin/sh\necho {text}\n",
        "plugins/disk.meta.yaml": f"description: {quoted}\n",
        "links.yaml": f"disk: [all, {quoted}]\n",
    }


def live(env: dict[str, str]) -> list[object]:
    """Return the live content of such a tree."""
    plugin = json.loads(by_hand(env, "GET", "plugins/disk").text)
    tags = sorted(tag for link in json.loads(by_hand(env, "GET", "links").text) for tag in link["tags"])
    dashboard, rule = (yaml.parse(by_hand(env, "GET", path).content) for path in ("dashboards/web", "rules/load"))
    assert isinstance(rule, dict)
    del rule["title"]  # its value depends on the environment
    return [dashboard, rule, plugin["content"], plugin["description"], tags]


def run(tree: Path, env: dict[str, str], *words: str) -> str:
    done = dlsync(*words[:1], tree, *words[1:], env=env)
    assert done.code == 0, (words, done.out, done.err)
    assert HOOK not in done.out + done.err
    return done.out + done.err


@pytest.fixture
def env(env: dict[str, str]) -> dict[str, str]:
    return {**env, **ENVIRON}


@pytest.mark.parametrize("texts", LIKE.values(), ids=LIKE)
def test_a_rollback_restores_texts_that_only_resemble_a_secret(
    tmp_path: Path, env: dict[str, str], texts: tuple[str, str]
) -> None:
    before, after = texts
    tree = write_tree(tmp_path / "tree", places(before))
    run(tree, env, "apply", "--auto-approve")
    was = live(env)
    write_tree(tree, places(after))
    shown = run(tree, env, "apply", "--auto-approve")
    assert live(env) != was
    assert "[not shown]" not in shown
    assert "cannot restore" not in shown
    assert HOOK.encode() not in b"".join(tree_files(tree / ".dlsync").values())
    run(tree, env, "rollback", "--auto-approve")
    assert live(env) == was


@pytest.mark.parametrize("text", ["How to reproduce", "prod", "prod-web", "of prod"])
def test_a_rollback_restores_the_same_text_after_a_short_secret_changed(
    tmp_path: Path, env: dict[str, str], text: str
) -> None:
    tree = write_tree(tmp_path / "tree", places(text))
    run(tree, env, "apply", "--auto-approve")
    was = live(env)
    write_tree(tree, places("New"))
    run(tree, env, "apply", "--auto-approve")
    run(tree, {**env, "STAGE": "staging"}, "rollback", "--auto-approve")
    assert live(env) == was


@pytest.mark.parametrize("text", ["How to reproduce", "prod", "of prod"])
@pytest.mark.parametrize("command", [("accept", "--all-drift"), ("export",)])
def test_accept_and_export_write_texts_that_contain_a_short_secret_unchanged(
    tmp_path: Path, env: dict[str, str], text: str, command: tuple[str, ...]
) -> None:
    tree = write_tree(tmp_path / "tree", {**places("Hosts"), "plugins/other.sh": "exit 0\n"})
    run(tree, env, "apply", "--auto-approve")
    by_hand(env, "PUT", "dashboards/web", f"title: {text}\npositions: []\n")
    by_hand(env, "PATCH", "plugins/disk", json.dumps({"description": text}), "application/json")
    by_hand(env, "POST", "links", json.dumps({"plugin": "other", "tags": [text]}), "application/json")
    done = dlsync(*command, tree, env=env)
    assert done.code == 0, done.err
    assert yaml.parse((tree / "dashboards/web.yaml").read_bytes()) == {"title": text, "positions": []}
    assert text in (tree / "plugins/disk.meta.yaml").read_text()
    assert "${env:STAGE}" not in (tree / "links.yaml").read_text() + (tree / "plugins/disk.meta.yaml").read_text()
    assert "A ${env:STAGE}" in (tree / "dashboards/refers.yaml").read_text()


def test_a_rollback_refuses_a_text_with_a_long_secret_whose_value_changed(tmp_path: Path, env: dict[str, str]) -> None:
    tree = write_tree(tmp_path / "tree", places(f"see {HOOK} please"))
    run(tree, env, "apply", "--auto-approve")
    was = live(env)
    write_tree(tree, places("New"))
    run(tree, env, "apply", "--auto-approve")
    now = live(env)
    refused = dlsync("rollback", tree, "--auto-approve", env={**env, "HOOK": "https://hooks.slack.example/other"})
    assert refused.code == 1
    assert "the text before the run held the value of ${env:HOOK}, which has another value now" in refused.err
    assert live(env) == now
    run(tree, env, "rollback", "--auto-approve")
    assert live(env) == was


def test_plan_and_rollback_name_fields_that_no_journal_stores(tmp_path: Path, env: dict[str, str]) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/load.yaml": "title: ${env:HOOK}\ndescription: ours\ncriteria: []\n"})
    run(tree, env, "apply", "--auto-approve")
    by_hand(env, "PUT", "rules/load", "title: hand-made\ndescription: ours\ncriteria: []\n")
    warning = "warning: rule/load: the live value of `title` is replaced, and no rollback can restore it: it stands "
    assert warning in run(tree, env, "plan")
    assert warning in run(tree, env, "apply", "--auto-approve")
    done = run(tree, env, "rollback", "--auto-approve")
    assert "warning: rule/load: `title` cannot be restored: the value before the run was likely a secret" in done
    assert "Nothing to restore, except fields of 1 resource that no journal has." in done
    assert "No changes" not in done


def test_a_line_beside_a_secret_in_the_same_text_is_not_a_secret(tmp_path: Path, env: dict[str, str]) -> None:
    referring = "title: Refers\ncriteria: []\ndescription: |-\n  Call the operators.\n  ${env:HOOK}\n  Then wait.\n"
    other = "title: Other\ncriteria: []\ndescription: {}\n"
    tree = write_tree(
        tmp_path / "tree",
        {"rules/refers.yaml": referring, "rules/other.yaml": other.format("Call the operators.")},
    )
    run(tree, env, "apply", "--auto-approve")
    write_tree(tree, {"rules/other.yaml": other.format("Then wait.")})
    shown = run(tree, {**env, "HOOK": "https://hooks.slack.example/other"}, "plan")
    assert '~ description: "Call the operators." -> "Then wait."' in shown
    assert "~ description: the value of ${env:HOOK} changed" in shown
