"""``dlsync export``: writes the live resources into files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import DASHBOARD, TREE, Terminal, by_hand, dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EDITED = "title: Shop\npositions: []\n"


def test_an_export_to_a_new_folder_writes_all_resources_and_its_plan_has_no_changes(
    applied: Path, env: dict[str, str], tmp_path: Path
) -> None:
    done = dlsync("export", tmp_path / "new", env=env)
    assert (done.code, done.err, done.writes) == (0, "", [])
    assert "+ dashboards/web.yaml\n" in done.out
    assert {"dashboards/web.yaml", "rules/load.yaml", "plugins/disk.sh"} <= tree_files(tmp_path / "new").keys()
    assert dlsync("plan", tmp_path / "new", "--detailed-exitcode", env=env).code == 0


def test_a_second_export_changes_nothing(applied: Path, env: dict[str, str]) -> None:
    dlsync("export", applied, env=env)
    before = tree_files(applied)
    assert dlsync("export", applied, env=env).out.startswith("Nothing to do: the files match 3 resources on acme/")
    assert tree_files(applied) == before


def test_check_writes_nothing_and_exits_with_2_for_changes(applied: Path, env: dict[str, str]) -> None:
    dlsync("export", applied, env=env)
    assert dlsync("export", applied, "--check", env=env).code == 0
    by_hand(env, "PUT", "dashboards/web", EDITED)
    before = tree_files(applied)
    done = dlsync("export", "--check", applied, env=env)
    assert (done.code, tree_files(applied)) == (2, before)
    assert done.out.startswith("~ dashboards/web.yaml\n\nAn export would change files of acme/")
    assert dlsync("export", applied, env=env).code == 0
    assert tree_files(applied)["dashboards/web.yaml"] == EDITED.encode()


def test_json_is_one_document(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    done = dlsync("export", applied, "--format", "json", "--target", "dashboard/*", env=env)
    assert [(one["action"], one["file"]) for one in json.loads(done.out)["files"]] == [
        ("update", "dashboards/web.yaml")
    ]
    assert (done.code, done.err) == (0, "")


def test_managed_leaves_out_unmanaged_resources(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    assert dlsync("export", applied, "--managed", "--check", env=env).code == 0
    assert "+ dashboards/other.yaml" in dlsync("export", applied, env=env).out


def test_mirror_deletes_the_files_of_resources_that_are_not_live(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "DELETE", "dashboards/web")
    assert dlsync("export", applied, "--check", env=env).code == 0
    assert "- dashboards/web.yaml\n" in dlsync("export", applied, "--mirror", env=env).out
    assert {file for file in tree_files(applied) if not file.startswith(".dlsync/")} == TREE.keys() - {
        "dashboards/web.yaml"
    }


def test_a_name_that_is_too_long_for_a_file_is_an_error_and_the_rest_is_written(
    applied: Path, env: dict[str, str], tmp_path: Path
) -> None:
    by_hand(env, "PUT", f"dashboards/{'x' * 400}", DASHBOARD)
    done = dlsync("export", tmp_path / "new", env=env)
    assert done.code == 3
    assert done.err.startswith("error: dashboard/xxx")
    assert "its name is too long for a file" in done.err
    assert "dashboards/web.yaml" in tree_files(tmp_path / "new")


def test_files_with_errors_are_left_as_they_are(applied: Path, env: dict[str, str]) -> None:
    write_tree(applied, {"dashboards/web.yaml": "title: [\n"})
    before = tree_files(applied)
    done = dlsync("export", applied, env=env)
    assert (done.code, done.out, done.writes) == (1, "", [])
    assert done.err.startswith("dashboards/web.yaml:2:1: error: ")
    assert done.err.endswith("\nerror: 1 error in the files\n")
    assert tree_files(applied) == before


def test_a_terminal_gets_colours_and_a_progress_bar_and_a_pipe_gets_no_bar(
    applied: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    monkeypatch.setattr("dlsync.cli.terminal._PATIENCE", -1.0)
    done = dlsync("export", applied, "--check", env=env, out=Terminal(), err=Terminal())
    assert "\x1b[33m~ dashboards/web.yaml\x1b[0m" in done.out
    assert "Fetching" in done.err
    assert "Fetching" not in dlsync("export", applied, env=env).err


TOKEN = "a3d5f7h9j1l2n4p6q8s0t2v4w6"
HOOK = f"https://chat.acme.net/hooks/{TOKEN}"
RULE = "title: Load\ncriteria: []\nactions:\n  - emails: [a@acme.net]\n    message: "
EXPOSED = "`actions[0].message` looks like a secret (a URL with a token in its path)"


def test_writing_a_likely_secret_is_a_warning_that_does_not_show_the_secret(
    tmp_path: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "rules/load", RULE + HOOK)
    shown = [dlsync("export", tmp_path / form, "--format", form, env=env) for form in ("text", "json")]
    assert [one.code for one in shown] == [0, 0]
    words = f"{EXPOSED}: put it into the environment as ${{env:NAME}}"
    assert shown[0].err == f"rules/load.yaml:6:5: warning: {words}\n"
    (told,) = json.loads(shown[1].out)["problems"]
    place = {"file": "rules/load.yaml", "line": 6, "column": 5}
    assert told == {"severity": "warning", "code": "likely-secret", **place, "message": words}
    assert TOKEN not in "".join(one.out + one.err for one in shown)
    assert dlsync("export", tmp_path / "text", env=env).err == ""


def test_a_live_value_that_replaces_a_reference_in_a_file_is_a_warning(tmp_path: Path, env: dict[str, str]) -> None:
    write_tree(tmp_path, {"rules/load.yaml": f"{RULE}{HOOK}/${{env:END}}\n"})
    by_hand(env, "PUT", "rules/load", f"{RULE}something else")
    done = dlsync("export", tmp_path, env={**env, "END": "x"})
    assert done.err == (
        "rules/load.yaml: warning: ${env:END} was replaced by the live value, which differs: "
        "if that is a secret too, do not commit it\n"
    )


def test_an_export_into_an_old_backup_warns_of_no_secrets(tmp_path: Path, env: dict[str, str]) -> None:
    write_tree(tmp_path, {"links/1.json": '{"plugin": "a", "tags": ["b"]}'})
    by_hand(env, "PUT", "rules/load", RULE + HOOK)
    assert "secret" not in dlsync("export", tmp_path, "--target", "rule/*", env=env).err
    assert (tmp_path / "rules" / "load.yaml").exists()


def test_a_secret_that_looks_like_a_reference_is_exported_as_its_own_reference(
    tmp_path: Path, env: dict[str, str]
) -> None:
    write_tree(tmp_path, {"rules/load.yaml": "title: ${env:ODD}\ncriteria: []\n"})
    odd = {**env, "ODD": "$${x} ${env:ODD} y"}
    dlsync("apply", tmp_path, "--auto-approve", env=odd)
    by_hand(env, "PUT", "rules/load", f"title: {odd['ODD']}\ncriteria: []\nactions: [{{emails: [a@acme.net]}}]\n")
    assert dlsync("export", tmp_path, env=odd).code == 0
    assert (tmp_path / "rules" / "load.yaml").read_text().startswith("title: ${env:ODD}\n")
