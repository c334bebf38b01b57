"""Which settings are in force, and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.files.setting_sources import Setting, settings_in_force
from dlsync.files.settings import Options, load
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.model import Json

FILE = """\
url: https://file.example/api/v1
org: file-org
prune: all
environments:
  prod: {account: prod-account, concurrency: 4}
  bare:
"""


def told(tree: Path, options: Options, environ: dict[str, str]) -> dict[str, tuple[Json, str]]:
    return {one.name: (one.value, one.source) for one in settings_in_force(tree, options, environ)}


def test_each_setting_names_the_first_source_that_gives_it(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": FILE})
    found = told(
        tmp_path, Options(org="option-org", environment="prod"), {"DLSYNC_ORG": "x", "DLSYNC_API_KEY": "s3cret"}
    )
    assert found == {
        "url": ("https://file.example/api/v1", "dlsync.yaml"),
        "org": ("option-org", "--org"),
        "account": ("prod-account", "dlsync.yaml, environment prod"),
        "environment": ("prod", "--environment"),
        "key": ("set", "DLSYNC_API_KEY"),
        "variables": ({}, "default"),
        "prune": ("all", "dlsync.yaml"),
        "inventory": ("account", "default"),
        "protect": ([], "default"),
        "max_delete_percent": (30, "default"),
        "concurrency": (4, "dlsync.yaml, environment prod"),
        "requests_per_second": (None, "default"),
        "annotate": ("", "default"),
    }


def test_without_any_source_a_setting_is_not_set(tmp_path: Path) -> None:
    found = settings_in_force(tmp_path / "nowhere", Options(), {})
    assert found[:5] == tuple(Setting(name, None, "") for name in ("url", "org", "account", "environment", "key"))


def test_environment_variables_are_named_and_an_environment_may_be_empty_or_unknown(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": FILE})
    for environment in ("bare", "unknown"):
        found = told(tmp_path, Options(), {"DLSYNC_ENVIRONMENT": environment, "DLSYNC_ACCOUNT": "books"})
        assert found["environment"] == (environment, "DLSYNC_ENVIRONMENT")
        assert found["account"] == ("books", "DLSYNC_ACCOUNT")
        assert found["org"] == ("file-org", "dlsync.yaml")


@pytest.mark.parametrize(
    ("own", "merged", "source"),
    [
        ("{variables: {a: 2, b: 3}}", {"a": 2, "b": 3, "c": 1}, "dlsync.yaml and its environment prod"),
        ("{variables: {}}", {"a": 1, "c": 1}, "dlsync.yaml and its environment prod"),
        ("{variables: null}", {"a": 1, "c": 1}, "dlsync.yaml and its environment prod"),
        ("{org: x}", {"a": 1, "c": 1}, "dlsync.yaml"),
        ("{variables: wrong}", "wrong", "dlsync.yaml, environment prod"),
    ],
)
def test_variables_are_those_of_the_environment_and_the_shared_ones(
    tmp_path: Path, own: str, merged: Json, source: str
) -> None:
    write_tree(tmp_path, {"dlsync.yaml": f"variables: {{a: 1, c: 1}}\nenvironments: {{prod: {own}}}\n"})
    assert told(tmp_path, Options(environment="prod"), {})["variables"] == (merged, source)
    if "wrong" not in own and "null" not in own:
        assert load(tmp_path, Options(environment="prod"), {}, require_server=False).variables == merged


def test_no_secret_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, Options(url="https://me:s3cret@host", api_key_file=tmp_path / "key"), {})
    assert found["url"] == ("not shown: it may hold a password", "--url")
    assert found["key"] == ("set", "--api-key-file")
