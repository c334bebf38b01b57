"""Environments of a tree: their overlays, settings and accounts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from dlsync import operations
from dlsync.diff.patch import apply_patch
from dlsync.errors import SettingsError
from dlsync.files import yaml
from dlsync.files.interpolation import escaped
from dlsync.files.settings import Options, Settings, environment_names, load
from dlsync.resources import environments, kind_of, loader
from tests.builders.accounts import DASHBOARDS
from tests.builders.applies import apply
from tests.builders.trees import address, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.model import Json, Plan, Resource
    from dlsync.operations.export import Export
    from dlsync.resources.tree import Tree
    from tests.builders.trees import Account

SETTINGS = "environments:\n  staging: {variables: {size: 60}}\n  production:\n"
WEB = """\
# ours
title: Web
period: 3600   # an hour
positions:
  - {title: cpu, row: 1, col: 1, size_x: 1, size_y: 1, type: number}
"""
FILES = {"dlsync.yaml": SETTINGS, "dashboards/team/web.yaml": WEB, "plugins/disk.sh": "exit 0\n"}


def read(root: Path, files: dict[str, str], environment: str = "staging", **environ: str) -> Tree:
    write_tree(root, {**FILES, **files})
    return environments.read(root, load(root, Options(environment=environment), environ, require_server=False))


def web(tree: Tree) -> Resource:
    return tree.raise_for_errors().resources[address("dashboard/web")]


def said(tree: Tree) -> list[str]:
    return [f"{one.severity}: {one}" for one in tree.problems]


def test_environment_names_come_from_the_settings_in_their_order(tmp_path: Path) -> None:
    assert environment_names(write_tree(tmp_path, FILES)) == ("staging", "production")
    assert environment_names(write_tree(tmp_path, {"dlsync.yaml": "environments:\n"})) == ()
    assert environment_names(write_tree(tmp_path, {"dlsync.yaml": "["})) == ()


def test_only_the_overlay_of_the_chosen_environment_changes_a_file_and_comments_stay(tmp_path: Path) -> None:
    files = {
        "overlays/staging/dashboards/web.yaml": "period: ${var:size}\npositions: [{title: cpu, color: red}]\n",
        "overlays/production/dashboards/web.yaml": "[",
    }
    staging = web(read(tmp_path, files))
    assert staging.body.decode() == WEB.replace("3600", "60").replace("type: number", "type: number, color: red")
    assert yaml.parse(staging.body) == staging.document
    for environment in ("", "production"):
        plain = web(read(tmp_path, {**files, "overlays/production/dashboards/web.yaml": "{}\n"}, environment))
        assert plain.body.decode() == WEB


def test_an_overlay_applies_to_plugin_settings_even_where_the_plugin_has_none(tmp_path: Path) -> None:
    overlay = {"overlays/staging/plugins/disk.meta.yaml": "interval: 60\nparams: ${env:ARGS}\n"}
    bare = read(tmp_path, overlay, ARGS="-s3cret").raise_for_errors().resources[address("plugin/disk")]
    assert bare.document == {"content": "exit 0\n", "extension": "sh", "interval": 60, "params": "-s3cret"}
    assert (bare.body, bare.secrets) == (b"exit 0\n", {"-s3cret": "${env:ARGS}"})
    settled = read(tmp_path, {**overlay, "plugins/disk.meta.yaml": "interval: 5\ntype: SCRIPT\n"}, ARGS="x")
    assert settled.raise_for_errors().resources[address("plugin/disk")].document == {
        **bare.document,
        "params": "x",
        "type": "SCRIPT",
    }


def test_a_secret_in_an_overlay_stays_secret_where_it_equals_the_value_of_the_base(tmp_path: Path) -> None:
    tree = read(tmp_path, {"overlays/staging/dashboards/web.yaml": "title: ${env:TITLE}\n"}, TITLE="Web")
    assert web(tree).body.decode() == WEB
    assert web(tree).secrets == {"Web": "${env:TITLE}"}


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        pytest.param(
            "dashboards/db.yaml",
            "period: 1\n",
            "error: overlays/staging/dashboards/db.yaml:1: there is no dashboard `db` to change: ",
            id="no base",
        ),
        pytest.param(
            "dashboards/web.yaml",
            "title: [\n",
            "error: overlays/staging/dashboards/web.yaml:2",
            id="broken",
        ),
        pytest.param(
            "dashboards/web.yaml",
            "- 1\n",
            "error: overlays/staging/dashboards/web.yaml:1: expected a mapping of what differs in this environment",
            id="a list",
        ),
        pytest.param(
            "dashboards/web.yaml",
            "title: x\nperiod: long\n",
            "error: overlays/staging/dashboards/web.yaml:2:1: `period` is ",
            id="a wrong type",
        ),
        pytest.param(
            "dashboards/web.yaml",
            "positions:\n  - title: cpu\n  - title: net\n    row: 1\n",
            "error: overlays/staging/dashboards/web.yaml:3:5: `positions[1]` has no `col`; "
            "it means no item of dashboards/team/web.yaml, and so stands for itself",
            id="an incomplete item",
        ),
        pytest.param(
            "dashboards/web.yaml",
            "positions:\n  - row: 1\n",
            "error: overlays/staging/dashboards/web.yaml:2:5: an item of `positions` needs a `title`",
            id="an item without a title",
        ),
        pytest.param(
            "dashboards/web.yaml",
            "title: x\nperiod: ${var:sise}\n",
            "error: overlays/staging/dashboards/web.yaml:2:1: ${var:sise} is not set",
            id="an unknown reference",
        ),
        pytest.param(
            "dashboards/%FF.yaml", "title: x\n", "error: overlays/staging/dashboards/%FF.yaml: the file name", id="name"
        ),
        pytest.param(
            "dashboards/notes.txt",
            "",
            "warning: overlays/staging/dashboards/notes.txt: is not read: expected <name>.yaml; rename",
            id="another file",
        ),
        pytest.param(
            "plugins/disk.sh",
            "exit 1\n",
            "warning: overlays/staging/plugins/disk.sh: is not read: expected <name>.meta.yaml; rename it",
            id="a script",
        ),
        pytest.param(
            "plugins/disk.meta.yaml",
            "interval: 1\nname: x\n",
            "error: overlays/staging/plugins/disk.meta.yaml:2:1: `name` is not a setting",
            id="an unknown setting",
        ),
        pytest.param(
            "notes.txt",
            "",
            "warning: overlays/staging/notes.txt: is not read: expected plugins/, dashboards/, rules/ here",
            id="a file outside the folders",
        ),
    ],
)
def test_a_problem_in_an_overlay_is_reported_at_its_place(
    tmp_path: Path, file: str, content: str, expected: str
) -> None:
    problems = said(read(tmp_path, {f"overlays/staging/{file}": content}))
    assert any(one.startswith(expected) for one in problems), problems


def test_two_overlays_for_one_resource_are_an_error(tmp_path: Path) -> None:
    overlays = {f"overlays/staging/dashboards/{name}": "period: 1\n" for name in ("a/web.yaml", "b/web.yaml")}
    (problem,) = said(read(tmp_path, overlays))
    assert problem == (
        "error: overlays/staging/dashboards/b/web.yaml: a second overlay for dashboard/web; "
        "the first is overlays/staging/dashboards/a/web.yaml"
    )


def test_an_overlay_of_an_unreadable_file_is_not_reported(tmp_path: Path) -> None:
    overlays = {"overlays/staging/dashboards/web.yaml": "period: 1\n"}
    assert [one.file for one in read(tmp_path, {**overlays, "dashboards/team/web.yaml": "["}).problems] == [
        "dashboards/team/web.yaml"
    ]
    broken = {"plugins/disk.meta.yaml": "[", "overlays/staging/plugins/disk.meta.yaml": "interval: 1\n"}
    assert [one.file for one in read(tmp_path, {**overlays, **broken}).problems] == ["plugins/disk.meta.yaml"]


def test_an_error_of_the_base_is_reported_in_the_base(tmp_path: Path) -> None:
    files = {
        "dashboards/team/web.yaml": WEB.replace("row: 1", "row: one"),
        "overlays/staging/dashboards/web.yaml": "period: 1\n",
    }
    assert [(one.file, one.line) for one in read(tmp_path, files).problems] == [("dashboards/team/web.yaml", 5)]


def test_an_overlay_folder_without_an_environment_is_a_warning(tmp_path: Path) -> None:
    files = {"overlays/stagin/dashboards/web.yaml": "[", "overlays/.hidden/x": "", "overlays/x": ""}
    assert said(read(tmp_path, files)) == [
        "warning: overlays/stagin: is not read: dlsync.yaml has no environment `stagin`; did you mean `staging`?",
        "warning: overlays/x: is not read: dlsync.yaml has no environment `x`",
    ]


def test_an_environment_name_cannot_lead_outside_the_overlays(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "environments: {../..: {}}\n", "overlays/a/b": "", "rules/a.yaml": "["})
    settings = load(tmp_path, Options(environment="../.."), {}, require_server=False)
    assert [one.file for one in environments.read(tmp_path, settings).errors] == ["rules/a.yaml"]


def test_overlays_that_cannot_be_listed_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    write_tree(tmp_path, FILES)
    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert said(environments.read(tmp_path, Settings())) == ["error: overlays: cannot be read: Permission denied"]


def test_a_missing_folder_is_an_empty_tree(tmp_path: Path) -> None:
    found = loader.read_sources(tmp_path / "new", missing_ok=True)
    assert environments.parse(found, Settings()).resources == {}


# plan, apply and export together


def test_plan_apply_and_export_use_the_tree_with_the_overlay_of_the_environment(tmp_path: Path, live: Account) -> None:
    overlay = "period: 60\npositions: [{title: cpu, color: red}]\n"
    write_tree(tmp_path, {**FILES, "overlays/staging/dashboards/web.yaml": overlay})
    settings = replace(live.settings, environment="staging", variables={"size": 60})
    before = tree_files(tmp_path)

    def plan() -> Plan:
        return asyncio.run(operations.plan(tmp_path, settings))

    def export() -> Export:
        return asyncio.run(operations.export(tmp_path, settings))

    (_, create) = plan().changes
    assert (create.action, create.file, create.line) == ("create", "dashboards/team/web.yaml", 1)
    apply(live, tmp_path, **vars(settings))
    assert not plan()
    assert not export()
    assert tree_files(tmp_path) == before

    by_hand = live.live("dashboard/web")
    assert by_hand
    live.has(replace(by_hand, body=by_hand.body.replace(b"title: Web", b"title: Live")))
    assert [(one.file, one.line) for one in plan().changes] == [("dashboards/team/web.yaml", 2)]
    assert [one.file for one in export().files] == ["dashboards/team/web.yaml"]
    assert (tmp_path / "dashboards/team/web.yaml").read_text() == WEB.replace("title: Web", "title: Live")
    assert not plan()
    apply(live, tmp_path, **vars(settings))  # records the exported state

    live.has(replace(by_hand, body=by_hand.body.replace(b"title: Web", b"title: Live").replace(b"red", b"blue")))
    assert [(one.file, one.line) for one in plan().changes] == [("overlays/staging/dashboards/web.yaml", 2)]
    made = export()
    assert not made.files
    (problem,) = made.problems
    assert problem.severity == "error"
    assert problem.message == (
        "dashboard/web: it differs in what overlays/staging/dashboards/web.yaml says: "
        '`positions[0].color` (line 2) is live as "blue"; edit that file'
    )


@given(DASHBOARDS, DASHBOARDS)
def test_the_sent_text_parses_to_the_base_patched_with_the_overlay(
    tmp_path_factory: pytest.TempPathFactory, base: dict[str, Json], overlay: dict[str, Json]
) -> None:
    root = write_tree(
        tmp_path_factory.mktemp("tree"),
        {
            "dashboards/a.yaml": yaml.dump(escaped(base)),
            "overlays/x/dashboards/a.yaml": yaml.dump(escaped(overlay)),
            "dlsync.yaml": "environments: {x: }\n",
        },
    )
    tree = environments.read(root, Settings(environment="x"))
    if not tree.errors:
        (one,) = tree.resources.values()
        assert yaml.parse(one.body) == one.document == apply_patch(kind_of("dashboard"), base, overlay).document


@pytest.mark.parametrize(
    ("settings", "environ", "hint"),
    [
        (
            "environments: {a: {url: http://a/api/v1}, b: {url: http://b/api/v1}}",
            {"DLSYNC_URL": "http://c/api/v1/", "DLSYNC_ACCOUNT": "x"},
            "Leave out DLSYNC_URL, ",
        ),
        (
            "environments: {a: {url: http://a/api/v1, org: a}, b: {url: http://b/api/v1}}",
            {"DLSYNC_URL": "http://c/api/v1", "DLSYNC_ORG": "o", "DLSYNC_ACCOUNT": "x"},
            "Leave out DLSYNC_URL and DLSYNC_ORG, ",
        ),
        (
            "url: http://a/api/v1\nenvironments: {a: {account: x}, c: {account: y}, b: {account: x}}",
            {},
            "Give each its own `account` in dlsync.yaml.",
        ),
    ],
)
def test_two_environments_for_one_account_are_an_error_that_suggests_a_separation(
    tmp_path: Path, settings: str, environ: dict[str, str], hint: str
) -> None:
    write_tree(tmp_path, {"dlsync.yaml": f"org: acme\n{settings}\n"})
    with pytest.raises(SettingsError, match="the environments `a` and `b` are for the same account: ") as caught:
        environments.required(tmp_path, Options(), environ)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    "settings",
    [
        "environments: {a: {url: http://a/api/v1}, b: {url: http://b/api/v1}}",
        "environments: {a: {org: a}, b: {org: b}}\nurl: http://a/api/v1",
        "environments: {a: {}, b: {}}",
        "environments: {a: {url: 'http://a?'}, b: {url: 'http://a?'}}",
    ],
    ids=["two urls", "two organisations", "no url", "wrong urls, which each environment reports"],
)
def test_an_account_option_may_apply_to_environments_on_several_servers(tmp_path: Path, settings: str) -> None:
    write_tree(tmp_path, {"dlsync.yaml": f"{settings}\n"})
    assert environments.required(tmp_path, Options(account="x"), {}) == ("a", "b")


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        ("account: x", "", ()),
        ("environments: {a: {account: x}}", "a", ()),
        ("environments: {a: {account: x}}", "", ()),
        ("account: x\nenvironments: {a: {variables: {n: 1}}}", "a", ()),
        ("account: x\nenvironments: {a: {account: y}}", "a", ("the account x",)),
        ("account: x\nenvironments: {a: {account: y}}", "", ("a",)),
        ("environments: {a: {account: x}, b: {account: y}, c: {}}", "a", ("b", "c")),
        ("environments: {a: {account: x}, b: {account: y}}", "", ("a", "b")),
        ("environments: {a: {account: x}, b: {account: x}}", "a", ()),
    ],
)
def test_sharing_lists_the_environments_that_use_the_files_for_other_accounts(
    tmp_path: Path, settings: str, environment: str, expected: tuple[str, ...]
) -> None:
    write_tree(tmp_path, {"dlsync.yaml": f"{settings}\n"})
    assert environments.sharing(tmp_path, environment) == expected
