"""Built-in patterns and .dlsyncignore exclude files from the resources."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from dlsync.files import ignored
from dlsync.files.names import file_stem, is_settings_file, plugin_file, plugin_name
from dlsync.resources import loader
from tests.builders.trees import write_tree

RULE = "title: Web\ncriteria: []\n"
LEFTOVERS = [
    *("README.md", "LICENSE", "NOTES.md", "load.sh.orig", "load.sh.rej", "Thumbs.db", "#load.sh#", "load.sh.bak"),
    *("load.sh.bak~", "load.sh~", ".#load.sh", ".load.sh.swp", ".DS_Store", "desktop.ini", "load.pyc", "load.sh.tmp"),
    *("load.sh.save", "load.sh.save.1", "load.sh___jb_tmp___", "load.sh___jb_old___"),
    *("load_BACKUP_4711.sh", "load_BASE_4711.sh", "load_LOCAL_4711.sh", "load_REMOTE_4711.sh"),
]


def addresses(root: Path) -> list[str]:
    return sorted(map(str, loader.read(root).raise_for_errors().resources))


@pytest.mark.parametrize("folder", ["plugins", "rules", "packs/web/plugins", "overlays/prod/rules"])
def test_leftovers_of_editors_and_merges_and_documentation_files_are_ignored(tmp_path: Path, folder: str) -> None:
    tree = {"dlsync.yaml": "environments: {prod: {}}\n", "packs/web/package.yaml": "title: x\n", "rules/a.yaml": RULE}
    write_tree(tmp_path, {**tree, **{f"{folder}/{name}": "interval: 60\n" for name in LEFTOVERS}})
    tree_read = loader.read(tmp_path)
    assert (list(map(str, tree_read.resources)), tree_read.problems) == (["rule/a"], ())


def test_the_documentation_lists_the_built_in_patterns() -> None:
    page = (Path(__file__).parents[2] / "docs/files.md").read_text(encoding="utf-8")
    assert tuple(page.rpartition("These patterns are built in.")[2].split("```")[1].split()) == ignored.BUILT_IN


@given(st.sampled_from(ignored.BUILT_IN), st.text("._~#-aBxr", max_size=6), st.text("._~#-aBx7", max_size=4))
def test_the_built_in_patterns_match_as_gitignore_patterns_do(pattern: str, before: str, behind: str) -> None:
    spec = GitIgnoreSpec.from_lines(re.sub(r"^#", r"\\#", one) for one in ignored.BUILT_IN)
    for name in (before + behind, pattern.replace("*", before).replace("[0-9]", "7") + behind):
        if name.strip("."):
            assert ignored.Ignored()(f"rules/{name}") == spec.match_file(f"rules/{name}")


@given(
    st.sampled_from(ignored.BUILT_IN),
    st.text("._~#-aBxr7", max_size=6),
    st.sampled_from(["", "md", "bak", "pyc", "db"]),
)
def test_no_resource_name_becomes_an_ignored_file(pattern: str, part: str, extension: str) -> None:
    name = pattern.replace("*", part).replace("[0-9]", "77")
    file = plugin_file(file_stem(name), extension)
    assert not ignored.Ignored()(f"plugins/{file}")
    assert not is_settings_file(file)
    assert plugin_name(file) == (name, extension)
    assert not ignored.Ignored()(f"rules/{file_stem(name)}.yaml")


def test_an_exclamation_mark_pattern_includes_files_that_a_built_in_pattern_ignores(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plugins/README.md": "", "plugins/x.bak": "", "plugins/y.bak": ""})
    assert addresses(tmp_path) == []
    write_tree(tmp_path, {".dlsyncignore": "# ours\n!*.bak\nplugins/y.*\n"})
    assert addresses(tmp_path) == ["plugin/x"]


def test_files_and_folders_in_dlsyncignore_are_not_read(tmp_path: Path) -> None:
    files = {"rules/two.yaml": "[", "plugins/venv/bin/python": "", "dashboards/x.yaml": "[", "links.yaml": "["}
    write_tree(tmp_path, {**files, "rules/one.yaml": RULE, "dlsync.yaml": "accounts: [web]\n"})
    (tmp_path / "plugins/venv/loop").symlink_to("..")
    write_tree(tmp_path, {".dlsyncignore": "\ufeffrules/two.yaml\r\nvenv/\r\n/dashboards/\nlinks.yaml\ndlsync.yaml\n"})
    tree = loader.read(tmp_path)
    assert (sorted(map(str, tree.resources)), tree.problems) == (["account/web", "rule/one"], ())


def test_a_dlsyncignore_in_a_subfolder_is_not_read_and_gives_a_warning(tmp_path: Path) -> None:
    write_tree(
        tmp_path, {"rules/one.yaml": RULE, "rules/team/two.yaml": RULE, "rules/team/.dlsyncignore": "two.yaml\n"}
    )
    write_tree(tmp_path, {"src/.dlsyncignore": "*\n", ".dlsyncignore": "rules/team/none/\n"})
    tree = loader.read(tmp_path)
    assert sorted(map(str, tree.resources)) == ["rule/one", "rule/two"]
    (problem,) = tree.problems
    write_tree(tmp_path, {".dlsyncignore": "rules/team/.dlsyncignore\n"})
    assert loader.read(tmp_path).problems == ()
    assert (problem.file, problem.severity) == ("rules/team/.dlsyncignore", "warning")
    assert problem.message.startswith("is not read: write its patterns into .dlsyncignore beside dlsync.yaml")


def test_a_name_that_is_not_utf8_can_be_ignored(tmp_path: Path) -> None:
    write_tree(tmp_path, {".dlsyncignore": b"rules/\xff.yaml\n", "rules/one.yaml": RULE})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/rules/\xff.yaml")).write_text(RULE)
    assert addresses(tmp_path) == ["rule/one"]


@given(
    st.lists(
        st.sampled_from(["a", "b", "*", "**", "/", "/**/", "?", "[ab]", "[]*]", "\\*", ".", "^", "("]), max_size=9
    ),
    st.lists(st.text("aab*.^(", min_size=1, max_size=4), min_size=1, max_size=5),
    st.sampled_from(["", "/"]),
)
def test_a_user_pattern_matches_as_a_gitignore_pattern_does(pattern: list[str], names: list[str], slash: str) -> None:
    line, path = "".join(pattern), "/".join(names) + slash
    try:
        expected = GitIgnoreSpec.from_lines([line], backend="simple").check_file(path).include
    except ValueError:
        return
    assert ignored.parse(line.encode(), []).by_user(path) == expected


@pytest.mark.parametrize("pattern", ["a*" * 30 + "b", "?*" * 30 + "b", "[a]*" * 30 + "b", "**/a/" * 30 + "**/b"])
@pytest.mark.parametrize("path", ["rules/" + "a" * 250, "rules/" + "a/" * 500 + "x"], ids=["long", "deep"])
def test_no_pattern_takes_exponential_time(pattern: str, path: str) -> None:
    assert ignored.parse(pattern.encode(), []).by_user(path) is None  # else the test does not end


def test_an_invalid_pattern_is_an_error_with_its_line_number(tmp_path: Path) -> None:
    write_tree(tmp_path, {".dlsyncignore": "*.x\n!\n", "rules/one.yaml": RULE, "rules/y.x": ""})
    (problem,) = loader.read(tmp_path).problems
    assert str(problem) == ".dlsyncignore:2: expected a gitignore pattern, such as `plugins/*.txt`"
    assert problem.severity == "error"


def test_a_dlsyncignore_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {".dlsyncignore/x": "", "rules/one.yaml": RULE})
    assert [str(one) for one in loader.read(tmp_path).errors] == [".dlsyncignore: is a folder; expected a file"]


def test_an_old_backup_ignores_only_hidden_files(tmp_path: Path) -> None:
    write_tree(tmp_path, {"agents/a.json": "{}", "plugins/x.bak": "", "plugins/a.meta.yml": "", "plugins/.x.swp": ""})
    write_tree(tmp_path, {".dlsyncignore": "*.bak\n", "plugins/README.md": ""})
    tree = loader.read(tmp_path)
    assert (sorted(map(str, tree.resources)), tree.problems) == (["plugin/README", "plugin/a.meta", "plugin/x"], ())
