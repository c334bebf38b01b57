"""The loader reads the files of a tree into resources and finds every problem in one run."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from dlsync.errors import InvalidTree
from dlsync.files.interpolation import Values
from dlsync.model import Code, Problem
from dlsync.resources import LoadContext, loader
from dlsync.resources.tree import Tree
from tests.builders.trees import write_tree

DASHBOARD = "title: Web\npositions: []\n"
RULE = "title: Web\ncriteria: []\n"


def problems(root: Path) -> list[tuple[str, int | None, str]]:
    return [(one.file, one.line, one.message) for one in loader.read(root).errors]


def test_the_loader_reads_resources_by_kind_and_name(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "dashboards/team/web.yaml": DASHBOARD,
            "rules/web.yaml": RULE,
            "plugins/disk.py": b"print()\n",
            "plugins/disk.meta.yaml": "interval: 60\n",
            "plugins/__pycache__/disk.pyc": b"\0",
            "dashboards/.hidden.yaml": "[",
            "dashboards/README.md": "what these are",
            "notes.yaml": "[",
        },
    )
    tree = loader.read(tmp_path)
    assert not tree.problems
    assert {str(address): resource.file for address, resource in tree.resources.items()} == {
        "plugin/disk": "plugins/disk.py",
        "dashboard/web": "dashboards/team/web.yaml",
        "rule/web": "rules/web.yaml",
    }
    (plugin, *_) = tree.resources.values()
    assert plugin.document == {"content": "print()\n", "extension": "py", "interval": 60}


def test_the_loader_keeps_the_bytes_of_a_file_with_its_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbftitle: Web\r\npositions: []\r\n"
    write_tree(tmp_path, {"dashboards/web.yaml": content})
    (web,) = loader.read(tmp_path).raise_for_errors().resources.values()
    assert (web.body, web.document) == (content, {"title": "Web", "positions": []})


def test_an_encoded_file_name_is_decoded(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/a%2Fb.yaml": DASHBOARD, "plugins/x%2Emeta.yaml": "not: settings"})
    assert {str(address) for address in loader.read(tmp_path).resources} == {"dashboard/a/b", "plugin/x.meta"}


BAD_YAML = {
    "broken": b"title: [Web\n",
    "duplicate": b"title: Web\ntitle: Db\n",
    "two": b"title: Web\n---\ntitle: Db\n",
    "tag": b"title: !!python/object:os.system x\n",
    "bomb": b"a: &a [x, x, x, x, x, x, x, x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b", ".join([b"*%c" % (97 + i)] * 8)) for i in range(9)),
    "deep": b"[" * 10_000 + b"]" * 10_000,
    "latin1": b"title: caf\xe9\n",
    "nul": b"title: a\0b\n",
    "empty": b"",
    "list": b"- title: Web\n",
}


@pytest.mark.parametrize("name", sorted(BAD_YAML))
def test_an_invalid_document_is_a_single_error_with_its_file_and_line(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {f"rules/{name}.yaml": BAD_YAML[name]})
    ((file, line, message),) = problems(tmp_path)
    assert file == f"rules/{name}.yaml"
    assert line is not None
    assert message


def test_one_run_reports_the_errors_of_all_files_in_order(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"dashboards/{name}.yaml": content for name, content in BAD_YAML.items()})
    write_tree(tmp_path, {"dashboards/fine.yaml": DASHBOARD, "rules/lacking.yaml": "title: Web\n"})
    files = [file for file, _, _ in problems(tmp_path)]
    assert files == sorted([*(f"dashboards/{name}.yaml" for name in BAD_YAML), "rules/lacking.yaml"])
    with pytest.raises(InvalidTree, match="11 errors in the files") as caught:
        loader.read(tmp_path).raise_for_errors()
    assert len(caught.value.problems) == len(files)


def test_a_file_that_is_too_large_is_an_error_and_is_not_read(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/huge.yaml": b""})
    with (tmp_path / "dashboards/huge.yaml").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    tracemalloc.start()
    try:
        [(file, line, message)] = problems(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (file, line) == ("dashboards/huge.yaml", None)
    assert message.startswith("is too large: 52 MB; expected a file of at most 10 MB; shorten it")
    assert peak < 10 * 1024 * 1024


def test_two_files_for_one_resource_are_an_error_that_names_both(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/a/web.yaml": DASHBOARD, "dashboards/b/web.yaml": DASHBOARD})
    assert problems(tmp_path) == [
        ("dashboards/b/web.yaml", None, "a second file for dashboard/web; the first is dashboards/a/web.yaml")
    ]


def test_names_that_differ_only_in_case_are_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/a/Web.yaml": RULE, "rules/b/web.yaml": RULE, "rules/%57eb2.yaml": RULE})
    assert problems(tmp_path) == [
        (
            "rules/b/web.yaml",
            None,
            "its name differs from that of rules/a/Web.yaml in case alone; rename one",
        )
    ]


def test_two_scripts_of_one_name_are_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plugins/disk.py": "", "plugins/disk.sh": ""})
    assert [message for _, _, message in problems(tmp_path)] == [
        "a second file for plugin/disk; the first is plugins/disk.py"
    ]


def test_scripts_without_an_extension_do_not_clash(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plugins/disk": "", "plugins/load": ""})
    assert problems(tmp_path) == []


def test_settings_without_their_plugin_are_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plugins/disk.meta.yaml": "interval: 60\n"})
    ((file, _, message),) = problems(tmp_path)
    assert file == "plugins/disk.meta.yaml"
    assert "belong to no plugin" in message


@pytest.mark.parametrize(("content", "line"), [("- 1\n", 1), ("interval: [\n", 2), ("interval: soon\n", 1)])
def test_invalid_plugin_settings_are_an_error_in_their_file(tmp_path: Path, content: str, line: int) -> None:
    write_tree(tmp_path, {"plugins/disk.py": "", "plugins/disk.meta.yaml": content})
    assert [(file, at) for file, at, _ in problems(tmp_path)] == [("plugins/disk.meta.yaml", line)]


@pytest.mark.parametrize("name", ["dlsync-inventory", "dlsync-lock"])
def test_the_names_of_dlsync_s_own_plugins_are_reserved(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {f"plugins/{name}.py": ""})
    assert "one of dlsync's own plugins" in problems(tmp_path)[0][2]


@pytest.mark.parametrize("file", ["dashboards/%FF.yaml", "plugins/%FF.py"])
def test_a_file_name_with_undecodable_escapes_is_an_error(tmp_path: Path, file: str) -> None:
    write_tree(tmp_path, {file: DASHBOARD})
    assert [place for place, _, _ in problems(tmp_path)] == [file]


def test_a_symbolic_link_is_followed_and_a_loop_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"shared/web.yaml": DASHBOARD, "dashboards/own.yaml": DASHBOARD})
    (tmp_path / "dashboards/linked").symlink_to(tmp_path / "shared")
    (tmp_path / "dashboards/loop").symlink_to(tmp_path / "dashboards")
    tree = loader.read(tmp_path)
    assert {resource.file for resource in tree.resources.values()} == {
        "dashboards/own.yaml",
        "dashboards/linked/web.yaml",
    }
    assert tree.errors == (
        Problem(Code.LINK_LOOP, "a symbolic link leads back to a folder above it; remove the link", "dashboards/loop"),
    )


def test_an_unreadable_file_or_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": DASHBOARD, "rules/web.yaml": RULE})
    (tmp_path / "dashboards/gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    scandir = os.scandir

    def refusing(folder: str) -> object:
        if Path(folder).name == "rules":  # root may read everything, so the test refuses
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    assert problems(tmp_path) == [
        ("dashboards/gone.yaml", None, "cannot be read: No such file or directory"),
        ("rules", None, "cannot be read: Permission denied"),
    ]


def test_a_missing_directory_is_an_error_unless_allowed_and_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": ""})
    with pytest.raises(InvalidTree, match="does not exist"):
        loader.read(tmp_path / "nowhere")
    with pytest.raises(InvalidTree, match="is a file"):
        loader.read(tmp_path / "file")
    assert not loader.parse(loader.read_sources(tmp_path / "nowhere", missing_ok=True)).resources


def test_with_problems_adds_problems_in_file_order(tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/web.yaml": "title: [\n"})
    tree = loader.read(tmp_path).with_problems([Problem(Code.UNKNOWN_FIELD, "hm", "dlsync.yaml")])
    assert [one.file for one in tree.problems] == ["dlsync.yaml", "rules/web.yaml"]
    assert [one.message for one in tree.warnings] == ["hm"]


def scene(**environ: str) -> LoadContext:
    return LoadContext(Values({"team": "web", "limit": 90}, environ))


def test_references_are_resolved_in_document_and_body_and_kept_in_the_text_of_the_file(tmp_path: Path) -> None:
    text = "title: ${var:team} # ours\npositions: []\nperiod: ${var:limit}\n"
    write_tree(
        tmp_path,
        {"dashboards/web.yaml": text, "plugins/p.sh": "${var:team}", "plugins/p.meta.yaml": "params: ${env:P}\n"},
    )
    plugin, web = loader.read(tmp_path, scene(P="s3cret")).raise_for_errors().resources.values()
    assert web.document == {"title": "web", "positions": [], "period": 90}
    assert web.body == b"title: web # ours\npositions: []\nperiod: 90\n"
    assert (web.text, web.spelled["title"]) == (text.encode(), "${var:team}")
    assert plugin.document == {"content": "${var:team}", "extension": "sh", "params": "s3cret"}
    assert plugin.secrets == {"s3cret": "${env:P}"}
    assert "s3cret" not in repr(web)


def test_a_reference_written_with_yaml_escapes_is_resolved(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": 'title: "\\u0024{var:team}"\npositions: []\n'})
    (web,) = loader.read(tmp_path, scene()).raise_for_errors().resources.values()
    assert web.document["title"] == "web"


def test_an_unset_reference_is_an_error_at_its_line(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": "title: ${var:taem}\npositions: []\nperiod: ${env:PERIOD}\n"})
    tree = loader.read(tmp_path, scene())
    assert [(one.line, one.message) for one in tree.errors] == [
        (1, "${var:taem} is not set: there is no `taem` in `variables` of dlsync.yaml; did you mean `team`?"),
        (3, "${env:PERIOD} is not set: there is no `PERIOD` in the environment"),
    ]


def test_an_error_about_a_secret_value_hides_the_secret(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": "title: Web\npositions: []\nperiod: ${env:PERIOD}\n"})
    ((_, line, message),) = [
        (one.file, one.line, one.message) for one in loader.read(tmp_path, scene(PERIOD="s3cret")).errors
    ]
    assert line == 3
    assert "s3cret" not in message


# backups of an old client, and trees without resources

BACKUP: dict[str, str | bytes] = {
    "agents/1.json": "{",
    "links/1.json": '{"plugin": "50%20", "tags": ["all"]}',
    "dashboards/a%2Fb.yaml": "title: ${var:x}\npositions: []\n",
    "dashboards/A%2Fb.yaml": DASHBOARD,
    "plugins/50%20.sh": b"echo",
    "plugins/disk.py": b"1",
    "plugins/disk.meta.yaml": b"interval: 60\n",
    "plugins/x.meta.yaml": b"a script",
}


def test_an_old_backup_decodes_no_file_names_and_resolves_no_references(tmp_path: Path) -> None:
    tree = loader.read(write_tree(tmp_path, BACKUP))
    assert tree.problems == ()
    assert tree.backup
    assert {str(address): one.file for address, one in tree.resources.items()} == {
        "plugin/50%20": "plugins/50%20.sh",
        "plugin/disk": "plugins/disk.py",
        "plugin/x.meta": "plugins/x.meta.yaml",
        "link/50%20": "links/1.json",
        "dashboard/a%2Fb": "dashboards/a%2Fb.yaml",
        "dashboard/A%2Fb": "dashboards/A%2Fb.yaml",
    }
    assert next(one for one in tree.resources.values() if one.name == "a%2Fb").document["title"] == "${var:x}"


def test_two_files_for_one_resource_are_an_error_in_an_old_backup(tmp_path: Path) -> None:
    write_tree(tmp_path, {**BACKUP, "plugins/disk.sh": b"2"})
    assert [file for file, _, _ in problems(tmp_path)] == ["plugins/disk.sh"]


def test_a_tree_with_dlsync_yaml_is_no_backup(tmp_path: Path) -> None:
    assert not loader.read(write_tree(tmp_path, {**BACKUP, "dlsync.yaml": "org: acme\n"})).backup


def test_a_tree_with_only_accounts_gives_a_warning_about_missing_resources(tmp_path: Path) -> None:
    tree = loader.read(write_tree(tmp_path, {"dlsync.yaml": "accounts: [a]\n"}))
    assert [str(one) for one in tree.resources] == ["account/a"]
    assert [one.message[:17] for one in tree.warnings] == ["no resources here"]


def test_a_pipe_is_an_error_and_does_not_block_the_loader(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    os.mkfifo(tmp_path / "rules/web.yaml")
    assert problems(tmp_path) == [("rules/web.yaml", None, "is not a regular file")]


def test_a_duplicate_problem_is_reported_once(tmp_path: Path) -> None:
    problem = Problem(Code.UNREADABLE_FILE, "is not a regular file", "dlsync.yaml")
    assert Tree(tmp_path).with_problems([problem, problem]).errors == (problem,)


# addresses from file names


def test_addresses_from_file_names_match_the_addresses_of_the_parsed_resources(tmp_path: Path) -> None:
    files = {
        "dashboards/team/web.yaml": DASHBOARD,
        "dashboards/README.md": "what these are",
        "rules/a%2Fb.yaml": RULE,
        "plugins/disk.py": "1",
        "plugins/disk.meta.yaml": "interval: 60\n",
        "packs/p/package.yaml": "name: p\n",
        "packs/p/rules/p.yaml": RULE,
        "packs/p/plugins/net.sh": "2",
        "links.yaml": "disk: [web]\n",
    }
    write_tree(tmp_path, files)
    found = loader.read_sources(tmp_path)
    assert found.addresses() == {one for one in loader.parse(found).resources if one.kind != "link"}


def test_an_undecodable_file_name_gives_no_address(tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/a%FF.yaml": RULE, "rules/b.yaml": RULE})
    assert [str(one) for one in loader.read_sources(tmp_path).addresses()] == ["rule/b"]


def test_addresses_in_a_backup_use_file_names_without_decoding(tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/a%20b.yaml": RULE, "links/1.json": '{"plugin": "disk", "tags": ["all"]}'})
    assert [str(one) for one in loader.read_sources(tmp_path).addresses()] == ["rule/a%20b"]


def test_each_access_to_a_document_parses_a_new_equal_document(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/web.yaml": DASHBOARD})
    (one,) = loader.read(tmp_path).resources.values()
    assert one.document == one.document
    assert one.document is not one.document
