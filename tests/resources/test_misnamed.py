"""Warnings about files and folders among the resources that dlsync does not read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dlsync.files.settings import Settings
from dlsync.model import Code, Problem
from dlsync.resources import environments, loader, misnamed
from tests.builders.trees import address, write_tree

if TYPE_CHECKING:
    from pathlib import Path

RULE = "title: Web\ncriteria: []\n"
TREE = {
    "dlsync.yaml": "environments: {prod: {}}\n",
    "links.yaml": "load: [web]\n",
    "rules/one.yaml": RULE,
    "plugins/load.sh": "exit 0\n",
    "packs/web/package.yaml": "title: Web\n",
    "packs/web/rules/web.yaml": RULE,
    "overlays/prod/rules/one.yaml": "title: One\n",
}


def problems(root: Path, files: dict[str, str | bytes]) -> list[str]:
    """Return the problems of the tree with additional files, read for its environment."""
    write_tree(root, {**TREE, **files})
    return [f"{one.severity}: {one}" for one in environments.read(root, Settings(environment="prod")).problems]


@pytest.mark.parametrize(
    ("file", "place", "meant"),
    [
        ("rules/two.YAML", "", "two.yaml"),
        ("rules/two.yml", "", "two.yaml"),
        ("dashboards/two.yml", "", "two.yaml"),
        ("packs/web/rules/two.yml", "", "two.yaml"),
        ("overlays/prod/dashboards/two.yml", "", "two.yaml"),
        ("rules/two.Yml", "", "two.yaml"),
        ("rules/two.yaml.txt", "", "two.yaml"),
        ("rules/team/two.json", "", "two.yaml"),
        ("rules/two", "", "two.yaml"),
        ("packs/web/rules/two.YML", "", "two.yaml"),
        ("overlays/prod/rules/two.json", "", "two.yaml"),
        ("overlays/prod/plugins/load.META.yml", "", "load.meta.yaml"),
        ("plugins/http_check.meta.yml", "", "http_check.meta.yaml"),
        ("plugins/http_check.meta.yaml.txt", "", "http_check.meta.yaml"),
        ("plugins/http_check.Meta.json", "", "http_check.meta.yaml"),
        ("packs/web/plugins/http_check.meta.YAML", "", "http_check.meta.yaml"),
        ("Rules/two.yaml", "Rules", "rules/"),
        ("rule/two.yaml", "rule", "rules/"),
        ("ruels/two.yaml", "ruels", "rules/"),
        ("rules /two.yaml", "rules ", "rules/"),
        ("dashbords/web.yaml", "dashbords", "dashboards/"),
        ("Overlays/prod/rules/one.yaml", "Overlays", "overlays/"),
        ("overlay/prod/rules/one.yaml", "overlay", "overlays/"),
        ("pakcs/web/package.yaml", "pakcs", "packs/"),
        ("plugin/load.sh", "plugin", "plugins/"),
        ("packs/web/Rules/two.yaml", "packs/web/Rules", "rules/"),
        ("packs/web/package.yml", "", "package.yaml"),
        ("overlays/prod/rule/two.yaml", "overlays/prod/rule", "rules/"),
        ("link.yaml", "", "links.yaml"),
        ("links.yml", "", "links.yaml"),
        ("Links.yaml", "", "links.yaml"),
        ("links.yaml.txt", "", "links.yaml"),
        (".dlsyncignore.txt", "", ".dlsyncignore"),
        ("dlsyncignore", "", ".dlsyncignore"),
    ],
)
def test_a_misnamed_file_or_folder_is_a_warning_that_suggests_the_right_name(
    tmp_path: Path, file: str, place: str, meant: str
) -> None:
    expected = f"is not read; did you mean `{meant}`? If so, rename it, or name it in .dlsyncignore"
    assert problems(tmp_path, {file: RULE}) == [f"warning: {place or file}: {expected}"]


@pytest.mark.parametrize(
    "file", ["dlsync.yml", "DLSYNC.yaml", ".dlsync.yaml", "dlsync.json", "dlsync.yaml.txt", "dlsycn.yaml"]
)
def test_the_warning_of_a_misnamed_settings_file_says_that_no_setting_is_in_force(tmp_path: Path, file: str) -> None:
    (said,) = problems(tmp_path, {file: "prune: none\n"})
    assert said == (
        f"warning: {file}: is not read, so none of its settings is in force, `protect` and `prune` among them: "
        "rename it to dlsync.yaml, or name it in .dlsyncignore"
    )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("rules/notes.txt", "expected <name>.yaml"),
        ("packs/web/src/main.c", "expected package.yaml, plugins/, dashboards/, rules/ here"),
        ("packs/notes.txt", "expected a folder for each pack"),
        ("overlays/prod/package", "expected plugins/, dashboards/, rules/ here"),
        ("packs/web/package", "expected package.yaml, plugins/, dashboards/, rules/ here"),
    ],
)
def test_any_other_file_among_resources_is_a_warning_that_names_the_remedy(
    tmp_path: Path, file: str, expected: str
) -> None:
    (said,) = problems(tmp_path, {file: ""})
    assert f"is not read: {expected}; rename it, or name it in .dlsyncignore" in said
    assert problems(tmp_path, {".dlsyncignore": f"{file}\n"}) == []


def test_a_misnamed_folder_gives_one_warning_that_dlsyncignore_silences(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"packs/web/rule/a.yaml": RULE, "packs/web/rule/b.yaml": RULE, "Rules/c.yaml": RULE}
    assert len(problems(tmp_path, files)) == 2
    assert problems(tmp_path, {".dlsyncignore": "rule/\n/Rules/\n"}) == []


@pytest.mark.parametrize("folder", ["rules", "dashboards", "plugins", "packs", "overlays"])
def test_a_file_where_a_folder_belongs_is_an_error(tmp_path: Path, folder: str) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "", folder: "../shared/rules"})
    (problem,) = loader.read(tmp_path).problems
    assert (problem.severity, problem.file) == ("error", folder)
    assert "is a file; expected a folder (git writes a symbolic link as a file" in problem.message


@pytest.mark.parametrize("file", ["packs/db/rules", "overlays/prod"])
def test_a_file_where_a_folder_belongs_is_an_error_in_packs_and_overlays_too(tmp_path: Path, file: str) -> None:
    tree = {"dlsync.yaml": TREE["dlsync.yaml"], "packs/db/package.yaml": "title: x\n", "rules/one.yaml": RULE}
    write_tree(tmp_path, {**tree, file: "../rules"})
    said = [str(one) for one in environments.read(tmp_path, Settings(environment="prod")).errors]
    assert [one.partition(" (")[0] for one in said] == [f"{file}: is a file; expected a folder"]


def test_a_folder_where_a_file_belongs_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"links.yaml/web.yaml": "load: [web]\n"})
    assert [str(one) for one in loader.read(tmp_path).problems] == ["links.yaml: is a folder; expected a file"]


@pytest.mark.parametrize(
    "file",
    [
        *(
            "README.md",
            ".github/workflows/ci.yml",
            "src/main.py",
            "Makefile",
            "LICENSE",
            "docs/rules.md",
            "roles/web.yaml",
        ),
        *("package.json", "packages/a/b", "tools/x", "modules/x.yaml", "scripts/x.sh", "links", "dlsync", "notes.yaml"),
        *("dlsync.example.yaml", "rules.yaml", ".dlsync/cache", "tests/x.yaml", "policies/x.yaml", "links.txt"),
    ],
)
def test_files_of_another_purpose_at_the_root_give_no_warning(tmp_path: Path, file: str) -> None:
    assert problems(tmp_path, {file: ""}) == []


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_script_is_a_warning_and_an_empty_settings_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A full disk or a crash leaves an empty file."""
    (said,) = problems(tmp_path, {"plugins/cpu.sh": content})
    assert said.startswith("warning: plugins/cpu.sh: is read as a plugin, but is empty; if it is none, name it in ")
    settings = problems(tmp_path, {"plugins/cpu.sh": b"exit 0\n", "plugins/cpu.meta.yaml": content})
    assert [one.partition(": ")[0] for one in settings] == ["error"]


@pytest.mark.parametrize("file", ["plugins/cpu.sh", "packs/web/plugins/cpu"])
def test_a_script_whose_first_line_ends_in_a_carriage_return_is_a_warning(tmp_path: Path, file: str) -> None:
    (said,) = problems(tmp_path, {file: b"#!/bin/sh\r\nexit 0\r\n"})
    assert said == (
        f"warning: {file}: ends its first line in a carriage return, which Linux takes for a part of the program's "
        "name: save it with LF, and write `plugins/** -text` into .gitattributes; if agents can run it, write "
        f"`!{file}` into .dlsyncignore"
    )
    assert problems(tmp_path, {".dlsyncignore": f"!{file}\n"}) == []
    assert problems(tmp_path, {file: b"#!/bin/sh\nexit 0\r\n", "plugins/dir.bat": b"dir\r\n"}) == []


@pytest.mark.parametrize(
    "file",
    ["plugins/test_load.py", "plugins/load_test.py", "plugins/conftest.py", "plugins/notes.txt", "plugins/Makefile"],
)
def test_a_file_unlikely_to_be_a_plugin_is_read_with_a_warning_that_dlsyncignore_can_silence(
    tmp_path: Path, file: str
) -> None:
    (said,) = problems(tmp_path, {file: "x = 1\n"})
    assert said.startswith(f"warning: {file}: is read as a plugin, but ")
    assert said.endswith(f"if it is none, name it in .dlsyncignore, else write `!{file}` there")
    assert problems(tmp_path, {".dlsyncignore": f"!{file}\n"}) == []
    assert len([one for one in loader.read(tmp_path).resources if one.kind == "plugin"]) == 2
    assert problems(tmp_path, {".dlsyncignore": f"{file}\n"}) == []
    assert len([one for one in loader.read(tmp_path).resources if one.kind == "plugin"]) == 1


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"\x7fELF\2\1", b"MZ\x90\0"])
def test_an_executable_is_a_plugin_with_any_extension(tmp_path: Path, content: bytes) -> None:
    assert problems(tmp_path, {"plugins/check": content, "plugins/check2.db": content}) == []


def test_misnamed_plugin_settings_are_read_neither_as_a_plugin_nor_as_a_link(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plugins/a.sh": "", "plugins/a.meta.yml": "interval: 60\n"})
    write_tree(tmp_path, {"packs/web/plugins/b.sh": "", "packs/web/plugins/b.META.yaml": "interval: 60\n"})
    assert sorted(map(str, loader.read(tmp_path).resources)) == ["link/b", "plugin/a", "plugin/b"]


def test_a_root_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    assert [str(one) for one in loader.read(tmp_path).errors] == [".: cannot be read: Permission denied"]


def test_a_symbolic_link_at_the_root_that_points_to_itself_is_ignored(tmp_path: Path) -> None:
    write_tree(tmp_path, TREE)
    (tmp_path / "latest").symlink_to("latest")
    assert loader.read(tmp_path).problems == ()


@pytest.mark.parametrize("file", ["alerts/two.yaml", "alerts/two.yml", "alerts/team/two.yaml"])
def test_an_unknown_folder_with_a_file_like_a_rule_is_a_warning_that_suggests_the_right_folder(
    tmp_path: Path, file: str
) -> None:
    others = {"alerts/a.yaml": "[", "alerts/b.yaml": "a: b\n", "alerts/c.yaml": "- 1\n"}
    warned = (
        f"warning: alerts: is not read, and {file} looks like a rule; did you mean `rules/`? "
        "If so, rename it, or name it in .dlsyncignore"
    )
    assert problems(tmp_path, {**others, file: f"{RULE}# moved\n"}) == [warned]
    assert problems(tmp_path, {".dlsyncignore": "alerts/\n"}) == []


@pytest.mark.parametrize("file", ["other/rules/two.yaml", ".github/two.yaml", "a/b/c/two.yaml", "alerts/two.txt"])
def test_an_unknown_folder_with_deep_hidden_copied_or_other_files_gives_no_warning(tmp_path: Path, file: str) -> None:
    assert (
        problems(tmp_path, {file: f"{RULE}# moved\n", "shared/copy.yaml": RULE, "chart/values.yaml": "title: x\n"})
        == []
    )


def test_a_symbolic_link_to_a_folder_outside_gives_no_warning(tmp_path: Path) -> None:
    write_tree(tmp_path / "outside", {"two.yaml": f"{RULE}# moved\n"})
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/alerts").symlink_to(tmp_path / "outside")
    assert problems(tmp_path / "tree", {}) == []


# deletions in a plan because a file is not read


@pytest.mark.parametrize(
    ("file", "deleted", "expected"),
    [
        ("rules/two.YAML", ["rule/two", "rule/three", "dashboard/two"], "rule/two"),
        ("packs/web/rules/two.yml", ["rule/two"], "rule/two"),
        ("packs/web/ruels/two.yaml", ["rule/two"], "rule/two"),
        ("rules/a%2Fb.yml", ["rule/a/b", "rule/b"], "rule/a/b"),
        ("Plugins/web/disk.py", ["plugin/disk"], "plugin/disk"),
        ("Rules/two.yaml", [f"rule/{name}" for name in ("one", "two")], "rule/two"),
        (
            "link.yaml",
            ["link/a", "link/b", "link/c", "link/d", "link/e", "rule/link"],
            "link/a, link/b, link/c and 2 more",
        ),
        ("plugins/disk.meta.yml", ["rule/disk"], ""),
        ("overlays/prod/rules/two.yml", ["rule/two"], ""),
        ("rules/two.YAML", [], ""),
    ],
)
def test_the_warning_of_an_unread_file_names_the_resources_that_the_plan_deletes(
    tmp_path: Path, file: str, deleted: list[str], expected: str
) -> None:
    write_tree(tmp_path, {**TREE, file: RULE})
    found = environments.read(tmp_path, Settings(environment="prod")).warnings
    said = [one.message for one in misnamed.with_deletes(tmp_path, found, [address(one) for one in deleted])]
    tail = f". Because it is not read, the plan deletes {expected}" if expected else ""
    assert said == [f"{one.message}{tail if 'is not read' in one.message else ''}" for one in found]
    assert any("is not read" in one for one in said)


def test_no_deletion_is_attributed_to_a_file_that_is_read_or_leads_outside(tmp_path: Path) -> None:
    outside = write_tree(tmp_path / "outside", {"two.yaml": RULE})
    tree = write_tree(tmp_path / "tree", TREE)
    (tree / "Rules").symlink_to(outside)
    found = [Problem(Code.FILE_NOT_READ, "w", file) for file in ("links.yaml", "Rules", "dlsync.yaml", "")]
    deletes = [address(one) for one in ("link/load", "rule/two", "rule/dlsync")]
    assert [*misnamed.with_deletes(tree, found, deletes)] == found
