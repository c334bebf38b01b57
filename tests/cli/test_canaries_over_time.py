"""Canaries over several runs: no secret leaks after its value changed in the environment or on the server.

Each test searches the output of the commands, the files, the journals, and the records of dlsync in the account.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.builders.canaries import BEFORE, KEY, SECRETS, leaks, leaks_below, scene
from tests.builders.commands import by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.canaries import Scene

pytestmark = pytest.mark.untraced

LOOKS = (
    "plan {tree}",
    "plan {tree} --format json",
    "plan {tree} --format markdown",
    "plan {tree} --format html",
    "plan {tree} --out {tmp}/kept.json",
    "drift {tree}",
    "drift {tree} --format json",
    "drift {tree} --format html",
    "export {tree} --check --format json",
    "export {tree} --check --format html",
    "accept --all-drift --check {tree} --format json",
    "history {tree}",
    "history {tree} --format json",
    "inventory list {tree} --format json",
)
OLD = {f"BEFORE {name}": value for name, value in BEFORE.items()}
# live values in place of the secrets
HAND = {
    "TITLE": "hand-made-title-4Hc8",
    "HOOK": "https://hand-made-7Yp2.example/in",
    "PARAMS": "--password hand-made-params-9Wd3",
    "TAG": "hand-made-tag-1Zx6",
}
BY_HAND = {f"HAND {name}": value for name, value in HAND.items()}
APPLY = "apply {tree} --auto-approve --on-conflict repo --lock-timeout 0"
ROLLBACK = "rollback {tree} --auto-approve --on-conflict repo --lock-timeout 0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all output, with the working folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def told(one: Scene, lines: tuple[str, ...], marks: dict[str, str], codes: tuple[int, ...] = (0, 2)) -> list[str]:
    """Run command lines, and return the marks that leaked, with their places.

    :param codes: the exit codes that each command line may have.
    """
    found = []
    for line in lines:
        code, out, err = one.run(line, "--debug")
        assert code in codes, (line, code, out, err)
        found += [f"{line}: {leak}" for leak in leaks(out + err, marks)]
    found += [f"on the server: {leak}" for text in one.records for leak in leaks(text, marks)]
    return found + leaks_below(one.folder, marks)


def replaced_by_hand(one: Scene, was: dict[str, str]) -> None:
    """Put other live values in place of the secrets of the tree."""
    for path, title in (("dashboards/web", f"title: {json.dumps(HAND['TITLE'])}"),):
        first, *rest = yaml_lines(one.live(path))
        assert first
        by_hand(one.account, "PUT", path, "\n".join([title, *rest]))
    one.put("rules/load", was["HOOK"], HAND["HOOK"])
    by_hand(one.account, "PATCH", "plugins/disk", json.dumps({"params": HAND["PARAMS"]}), "application/json")
    for link in by_hand(one.account, "GET", "links").json():
        by_hand(one.account, "DELETE", f"links/{link['id']}")
    link = {"plugin": "disk", "tags": ["web", HAND["TAG"]]}
    by_hand(one.account, "POST", "links", json.dumps(link), "application/json")


def yaml_lines(text: str) -> Iterator[str]:
    """Yield the title of a dashboard, which may span several lines, then the rest."""
    title, rest = text.split("positions:", 1)
    yield title
    yield f"positions:{rest}"


def mention(one: Scene, *names: str) -> None:
    """Mention variables in the settings of the tree, as no other file does any more."""
    with (one.tree / "dlsync.yaml").open("a") as settings:
        settings.writelines(f"# ${{env:{name}}}\n" for name in names)


def all_live(one: Scene) -> str:
    """Return the live content of the tree."""
    return "\n".join(
        one.live(path) if "/" in path and not path.startswith("plugins") else json.dumps(json.loads(one.live(path)))
        for path in ("dashboards/web", "rules/load", "plugins/disk", "links")
    )


def test_the_former_value_of_a_changed_secret_leaks_nowhere(folder: Path) -> None:
    with scene(folder, live=BEFORE) as one:
        marks, codes = {**one.marks, **OLD}, (0, 2, 3)  # accept leaves out a value that replaces a reference
        assert told(one, LOOKS, marks, codes) == []
        assert told(one, (APPLY,), marks) == []
        assert leaks(all_live(one), OLD) == []
        assert told(one, (*LOOKS, ROLLBACK, *LOOKS), marks, codes) == []
        assert leaks(all_live(one), OLD) == []
        assert leaks(one.live("rules/load"), {"HOOK": SECRETS["HOOK"]})
        assert "By hand" in one.live("rules/load"), "all but the secrets is as it was"


def test_accept_and_export_keep_the_references_in_the_files(folder: Path) -> None:
    with scene(folder, live=BEFORE) as one:
        marks = {**one.marks, **OLD}
        assert told(one, ("accept --all-drift {tree}",), marks, (3,)) == []
        assert "${env:CANARY_TITLE}" in (one.tree / "plugins/disk.meta.yaml").read_text(), "live is `by hand`"
        assert told(one, ("export {tree}",), marks) == []
        assert "By hand" in (one.tree / "rules/load.yaml").read_text()
        assert "${env:CANARY_HOOK}" in (one.tree / "rules/load.yaml").read_text()


def test_accept_restores_a_deleted_file_with_references_if_the_settings_mention_them(folder: Path) -> None:
    with scene(folder, live=BEFORE) as one:
        (one.tree / "rules/load.yaml").unlink()
        assert told(one, ("accept rule/load {tree}",), {**one.marks, **OLD}, (3,)) == []
        assert not (one.tree / "rules/load.yaml").exists(), "no file mentions that secret any more"
        mention(one, "CANARY_HOOK")
        assert told(one, ("accept rule/load {tree}",), {**one.marks, **OLD}) == []
        assert "${env:CANARY_HOOK}" in (one.tree / "rules/load.yaml").read_text()


@pytest.mark.parametrize("live", [BEFORE, SECRETS], ids=["changed", "same"])
def test_a_rollback_recreates_a_deleted_resource_with_the_current_secrets(folder: Path, live: dict[str, str]) -> None:
    with scene(folder, live=live) as one:
        marks = {**one.marks, **OLD}
        for file in ("rules/load.yaml", "plugins/disk.sh", "plugins/disk.meta.yaml", "links.yaml"):
            (one.tree / file).unlink()
        # an export does not write a resource with secrets that no file mentions any more
        assert told(one, (*LOOKS, APPLY, *LOOKS), marks, (0, 2, 3)) == []
        assert "disk" not in one.live("plugins").replace("dlsync-inventory", "")
        assert told(one, (ROLLBACK,), marks, (1,)) == []
        mention(one, *(f"CANARY_{name}" for name in SECRETS))
        without = {name: value for name, value in one.env.items() if name != "CANARY_HOOK"}
        code, out, err = replace(one, env=without).run(ROLLBACK)
        assert (code, leaks(out + err, marks)) == (1, [])
        assert "${env:CANARY_HOOK} is not set" in err
        assert told(one, (ROLLBACK,), marks) == []
        assert leaks(all_live(one), OLD) == []
        for path, name in (("rules/load", "HOOK"), ("plugins/disk", "PARAMS"), ("links", "TAG")):
            assert leaks(one.live(path), {name: SECRETS[name]}), path
        assert "By hand" in one.live("rules/load"), "all but the secrets is as it was"


@pytest.mark.parametrize("live", [BEFORE, SECRETS], ids=["conflict", "drift"])
def test_a_live_value_in_place_of_a_secret_is_never_shown(folder: Path, live: dict[str, str]) -> None:
    with scene(folder, live=live) as one:
        replaced_by_hand(one, live)
        marks = {**one.marks, **OLD, **BY_HAND}
        looks = tuple(line for line in LOOKS if "out" not in line)
        assert told(one, looks, marks, (0, 2, 3)) == []
        # a plan hides a tag beside a secret, but the journal keeps it, because it may be no secret
        marks.pop("HAND TAG")
        if live is BEFORE:
            assert told(one, ("apply {tree} --auto-approve --lock-timeout 0 --format json",), marks, (4,)) == []
        assert told(one, (APPLY, *looks, ROLLBACK, *looks), marks, (0, 2, 3)) == []
        assert leaks(all_live(one), {name: mark for name, mark in marks.items() if name not in one.marks}) == []
        assert leaks(one.live("rules/load"), {"HOOK": SECRETS["HOOK"]})


def test_accept_leaves_out_a_live_value_in_place_of_a_secret(folder: Path) -> None:
    with scene(folder, live=SECRETS) as one:
        replaced_by_hand(one, SECRETS)
        before = (one.tree / "rules/load.yaml").read_bytes()
        code, out, err = one.run("accept rule/load {tree}")
        assert (code, leaks(out + err, {**one.marks, **BY_HAND})) == (3, [])
        assert "a live value would replace `${env:CANARY_HOOK}` in rules/load.yaml" in err
        assert (one.tree / "rules/load.yaml").read_bytes() == before


@pytest.mark.parametrize("quoted", ["{}", "by {}!", "https://ci.example/{}"])
def test_the_record_of_who_ran_an_apply_contains_no_key_and_no_secret(folder: Path, quoted: str) -> None:
    system = {"JENKINS_URL": "https://ci.example", "BUILD_USER": quoted.format(KEY)}
    system["BUILD_URL"] = f"https://ci.example/{quote(quoted.format(KEY))}"
    with scene(folder) as one:
        run_by = replace(one, env={**one.env, **system})
        lines = (APPLY, "release */* {tree}", "adopt */* {tree}", "inventory rebuild {tree}", ROLLBACK)
        assert told(run_by, (*lines, "history {tree}", "history {tree} --format json"), one.marks) == []
        secret = replace(one, env={**one.env, **system, "BUILD_USER": quoted.format(SECRETS["TAG"])})
        assert told(secret, (APPLY, "history {tree}"), one.marks) == []


def test_secrets_in_the_name_of_a_lock_owner_are_not_printed(folder: Path) -> None:
    holder = {"id": "0" * 32, "owner": f"{KEY} {SECRETS['HOOK']}", "since": KEY, "process": "", "expires": 9e9}
    lock = {
        "name": "dlsync-lock",
        "extension": "json",
        "content": base64.b64encode(json.dumps(holder).encode()).decode(),
    }
    with scene(folder, live=SECRETS) as one:
        by_hand(one.account, "POST", "plugins", json.dumps(lock), "application/json")
        waits = "--lock-timeout 0.01"
        assert told(one, (f"apply {{tree}} --auto-approve {waits}",), one.marks, (4,)) == []
        lines = tuple(
            f"{line} {waits}" for line in ("release */* {tree}", "adopt */* {tree}", "inventory rebuild {tree}")
        )
        key = {"KEY": KEY}
        assert told(one, lines, key, (4,)) == []
        assert told(one, ("unlock {tree}",), key, (1,)) == []
        assert told(one, ("unlock {tree} --yes",), key) == []
