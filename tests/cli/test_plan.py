"""``dlsync plan``: shows what an apply would change, and changes nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from dlsync.files import schema
from tests.builders.commands import DASHBOARD, Terminal, by_hand, dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN_FIELD = {"dashboards/web.yaml": "title: Web\npositions: []\ncolour: red\n"}


def test_plan_prints_only_the_plan_on_stdout_and_writes_nothing(tree: Path, env: dict[str, str]) -> None:
    before = tree_files(tree)
    done = dlsync("plan", tree, env=env)
    assert (done.code, done.err, done.writes) == (0, "", [])
    assert [line for line in done.out.splitlines() if line.startswith("+")] == [
        "+ plugin/disk  create  plugins/disk.sh:1",
        "+ dashboard/web  create  dashboards/web.yaml:1",
        "+ rule/load  create  rules/load.yaml:1",
    ]
    assert done.out.endswith("\nPlan: 3 to create, 0 to update, 0 to delete, 0 unchanged.\n")
    assert tree_files(tree) == before


def test_out_reports_the_saved_file_and_the_command_that_applies_it(
    tree: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    file = tmp_path / "my plan.json"
    done = dlsync("plan", tree, "--out", file, "--format", "json", env=env)
    assert done.err == f"saved the plan to {file}; apply it with `dlsync apply '{file}'`\n"
    assert json.loads(done.out)["summary"]["create"] == 3


def test_a_single_run_saves_the_plan_as_a_page_and_as_a_file_for_apply(
    tree: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    saved, page = tmp_path / "plan.json", tmp_path / "plan.html"
    alone = dlsync("plan", tree, env=env)
    done = dlsync("plan", tree, "--out", saved, "--out", page, "--format", "markdown", env=env)
    assert (done.code, len(done.asked), "3 to create" in done.out) == (0, len(alone.asked), True)
    assert done.err == f"saved the plan to {saved}; apply it with `dlsync apply {saved}`\n"
    assert page.read_text() == dlsync("plan", tree, "--format", "html", env=env).out
    assert len(json.loads(saved.read_text())["changes"]) == 3
    assert dlsync("plan", tree, "--out", page, env={**env, "DLSYNC_ACCOUNT": ""}).code == 1
    assert "account" in page.read_text()
    assert "dashboard/web" not in page.read_text()


@pytest.mark.parametrize("name", ["P.HTML", "p.htm"])
def test_out_writes_a_page_for_the_suffixes_html_and_htm_in_any_case(
    tree: Path, tmp_path: Path, env: dict[str, str], name: str
) -> None:
    done = dlsync("plan", tree, "--out", tmp_path / name, env=env)
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / name).read_text().startswith("<!doctype html>\n")


@pytest.mark.parametrize(
    ("name", "form"),
    [("p.md", "markdown"), ("P.SARIF", "sarif"), ("p.xml", "junit"), ("p.txt", "text"), ("p.markdown", "markdown")],
)
def test_out_refuses_the_suffix_of_another_format_and_names_the_command_for_it(
    tree: Path, tmp_path: Path, env: dict[str, str], name: str, form: str
) -> None:
    done = dlsync("plan", tree, "--out", tmp_path / name, env=env)
    assert (done.code, done.out, done.asked, (tmp_path / name).exists()) == (1, "", (), False)
    assert done.err == (
        "error: --out writes a page (FILE.html) or a plan for `dlsync apply` (FILE.json), but no file such as "
        f"{tmp_path / name}\nRun `dlsync plan --format {form} > {name}` for it.\n"
    )


@pytest.mark.parametrize("again", ["plan.json", "link/plan.json", "other/../plan.json"])
def test_naming_the_same_file_twice_with_out_is_refused(
    tree: Path, tmp_path: Path, env: dict[str, str], again: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    file = tmp_path / "plan.json"
    done = dlsync("plan", tree, "--out", file, "--out", tmp_path / again, env=env)
    assert (done.code, done.asked, file.exists()) == (1, (), False)
    assert done.err == f"error: --out names one file twice: {file}\nName a file for each.\n"


@pytest.mark.parametrize("is_link", [False, True], ids=["a file", "a link"])
def test_out_overwrites_its_own_page_but_no_other_page_and_no_link(
    tree: Path, tmp_path: Path, env: dict[str, str], is_link: bool
) -> None:
    own, page = tmp_path / "own.html", tmp_path / "page.html"
    assert dlsync("plan", tree, "--out", own, env=env).code == 0
    assert dlsync("plan", tree, "--out", own, env=env).code == 0
    if is_link:
        page.symlink_to(own)
    else:
        page.write_text("<!doctype html>\n<h1>Mine</h1>\n")
    before = page.read_text()
    done = dlsync("plan", tree, "--out", page, env=env)
    assert (done.code, done.asked, page.read_text(), page.is_symlink()) == (1, (), before, is_link)
    said = "is a link" if is_link else "is no saved plan"
    assert f"error: the plan is not written to {page}, which exists and {said}\n" in done.err


def test_out_reports_that_a_plan_with_only_held_changes_changes_nothing(
    tree: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", "title: Mine\npositions: []\n")
    file = tmp_path / "plan.json"
    done = dlsync("plan", tree, "--out", file, "--target", "dashboard/web", env=env)
    assert f"saved the plan to {file}; each of its changes is held, so an apply of it changes nothing\n" in done.err


def test_a_protect_pattern_without_a_match_is_a_warning_unless_the_plan_has_targets(
    tree: Path, env: dict[str, str]
) -> None:
    (tree / "dlsync.yaml").write_text("protect: [dashboard/wrong, rule/load, dashboard/other]\n")
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    warnings = json.loads(dlsync("plan", tree, "--format", "json", env=env).out)["warnings"]
    assert [(one["severity"], one["message"]) for one in warnings] == [
        ("warning", '`protect[0]` matches nothing: "dashboard/wrong" is neither in the files nor live')
    ]
    narrowed = dlsync("plan", tree, "--target", "rule/*", "--format", "json", env=env)
    assert json.loads(narrowed.out)["warnings"] == []


def test_a_muted_rule_that_a_plan_renames_or_deletes_is_a_warning(applied: Path, env: dict[str, str]) -> None:
    dlsync("rules", "mute", "load", env=env)
    (applied / "rules/load.yaml").rename(applied / "rules/cpu.yaml")
    end = "to mute it under its new name too, run `dlsync rules mute cpu` after the apply"
    assert f"warning: rule/load is muted; {end}\n" in dlsync("plan", applied, env=env).out
    (applied / "rules/cpu.yaml").unlink()
    assert "warning: rule/load is muted; a rollback does not restore that\n" in dlsync("plan", applied, env=env).out


def test_a_plan_and_an_apply_warn_of_a_misnamed_file_whose_resource_they_delete(
    tree: Path, env: dict[str, str]
) -> None:
    dlsync("apply", tree, "--auto-approve", env=env)
    (tree / "rules/load.yaml").rename(tree / "rules/load.YAML")
    warning = "rules/load.YAML: warning: is not read; did you mean `load.yaml`?"
    assert warning in dlsync("plan", tree, env=env).out
    assert warning in dlsync("apply", tree, "--auto-approve", env=env).out


def test_changes_exit_with_2_only_under_detailed_exitcode(tree: Path, env: dict[str, str]) -> None:
    assert dlsync("plan", tree, env=env).code == 0
    assert dlsync("plan", "--detailed-exitcode", tree, env=env).code == 2
    dlsync("apply", tree, "--auto-approve", env=env)
    done = dlsync("plan", tree, "--detailed-exitcode", env=env)
    assert done.code == 0
    assert done.out.startswith("No changes. 3 resources on acme/account-")


def test_json_is_one_document_that_its_schema_allows(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, "--format", "json", env=env)
    document = json.loads(done.out)
    assert schema.check("plan", document) == []
    assert document["summary"] == {"create": 3, "update": 0, "delete": 0, "unchanged": 0, "conflict": 0}
    assert (document["url"], document["org"], document["account"]) == (
        env["DLSYNC_URL"],
        "acme",
        env["DLSYNC_ACCOUNT"],
    )
    assert done.err == ""


@pytest.mark.parametrize("output", ["text", "markdown", "json", "html"])
def test_a_warning_is_printed_once_and_with_the_plan(tree: Path, env: dict[str, str], output: str) -> None:
    write_tree(tree, UNKNOWN_FIELD)
    done = dlsync("plan", tree, "--format", output, env=env)
    assert (done.code, done.err, done.out.count("is not a known field")) == (0, "", 1)


def test_a_changed_secret_is_reported_by_the_name_of_its_variable(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"rules/load.yaml": "title: x ${env:HOOK}\ncriteria: []\ndescription: ${env:OTHER}\n"})
    old, new = {**env, "HOOK": "old-hook", "OTHER": "old-other"}, {**env, "HOOK": "new-hook", "OTHER": "old-other"}
    assert dlsync("apply", tree, "--auto-approve", env=old).code == 0
    assert "    ~ title: the value of ${env:HOOK} changed   (line 1)\n\n" in dlsync("plan", tree, env=new).out
    assert "! title: the value of ${env:HOOK} changed\n```" in dlsync("plan", tree, "--format", "markdown", env=new).out
    (change,) = json.loads(dlsync("plan", tree, "--format", "json", env=new).out)["changes"]
    assert [(one["before"], one["after"], one["masked"]) for one in change["diff"]] == [
        ("x ${env:HOOK}", "x ${env:HOOK}", "changed")
    ]
    assert dlsync("drift", tree, env=new).out.startswith("No drift")
    assert dlsync("apply", tree, "--auto-approve", env=new).code == 0
    back = dlsync("rollback", tree, "--auto-approve", "--on-conflict", "repo", env=old)
    assert back.out.startswith("~ rule/load  update\n    ~ title: the value of ${env:HOOK} changed\n\n")


def test_a_live_value_in_place_of_a_secret_is_not_shown(tree: Path, env: dict[str, str]) -> None:
    text = "title: ${env:HOOK}\ncriteria: []\n"
    write_tree(tree, {"rules/load.yaml": text})
    env = {**env, "HOOK": "our-hook"}
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    by_hand(env, "PUT", "rules/load", text.replace("${env:HOOK}", "hand-made"))
    assert '    ~ title: [not shown] -> "${env:HOOK}"   (line 1)\n' in dlsync("plan", tree, env=env).out
    assert '    ~ title: "${env:HOOK}" -> [not shown]   (line 1)\n' in dlsync("drift", tree, env=env).out


def test_plan_warns_of_unknown_settings(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dlsync.yaml": "purne: all\n"})
    assert "dlsync.yaml:1:1: warning: `purne`: did you mean `prune`?" in dlsync("plan", tree, env=env).out


def test_markdown_begins_with_the_comment_marker_and_a_heading(tree: Path, env: dict[str, str]) -> None:
    marker, head, *_ = dlsync("plan", tree, "--format", "markdown", env=env).out.splitlines()
    assert marker == f"<!-- dlsync plan account=acme%2F{env['DLSYNC_ACCOUNT']} environment= -->"
    assert head.startswith("**dlsync plan** for <code>acme/")


def test_targets_limit_the_plan_to_matching_resources(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", "--target", "rule/*", "--target", "plugin/d*", tree, "--format", "json", env=env)
    assert [change["kind"] for change in json.loads(done.out)["changes"]] == ["plugin", "rule"]


def test_a_wrong_target_is_an_error_before_any_request(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, "--target", "dashbord/*", env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert "dashbord" in done.err


def test_an_empty_tree_is_a_warning_that_names_the_expected_folders(tmp_path: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tmp_path, env=env)
    assert done.code == 0
    assert "warning: no resources here; expected files in plugins/, dashboards/, rules/ of the directory" in done.out


def test_a_plan_that_an_apply_refuses_is_shown_and_is_an_error(tmp_path: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    write_tree(tmp_path / "apply", {"dlsync.yaml": "prune: all\n"})
    done = dlsync("plan", tmp_path / "apply", env=env)
    assert (done.code, done.err, done.writes) == (1, "", [])
    assert "- dashboard/web  delete" in done.out
    assert "An apply refuses this plan: the files hold no resources, and the plan would delete 1" in done.out


def test_only_text_on_a_terminal_without_no_color_has_colours(tree: Path, env: dict[str, str]) -> None:
    assert "\x1b[32m+ plugin/disk" in dlsync("plan", tree, env=env, out=Terminal()).out
    assert "\x1b" not in dlsync("plan", tree, env={**env, "NO_COLOR": "1"}, out=Terminal()).out
    assert "\x1b" not in dlsync("plan", tree, env=env, err=Terminal()).out
    for output in ("json", "markdown"):
        assert "\x1b" not in dlsync("plan", tree, "--format", output, env=env, out=Terminal()).out


@pytest.mark.parametrize("broken", [{"DLSYNC_API_KEY": "wrong"}, {"DLSYNC_API_KEY": ""}])
def test_a_failed_plan_removes_the_saved_plan_of_an_earlier_run(
    tree: Path, env: dict[str, str], tmp_path: Path, broken: dict[str, str]
) -> None:
    kept = tmp_path / "plan.json"
    assert dlsync("plan", tree, "--out", kept, env=env).code == 0
    assert dlsync("plan", tree, "--out", kept, env={**env, **broken}).code == 1
    assert not kept.exists()


@pytest.mark.parametrize("content", ["precious", '{"format_version": 1}', "[]", "title: Web\n"])
def test_out_never_overwrites_a_file_that_is_not_a_saved_plan(
    tree: Path, env: dict[str, str], tmp_path: Path, content: str
) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    done = dlsync("plan", tree, "--out", file, env=env)
    assert (done.code, done.out) == (1, "")
    assert (
        f"the plan is not written to {file}, which exists and is no saved plan\nName another file with --out.\n"
        in done.err
    )
    assert file.read_text() == content


def test_a_plan_overwrites_an_empty_file_and_a_plan_of_another_version(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    for content in ("", '{"made_with": {}}'):
        file.write_text(content)
        assert dlsync("plan", tree, "--out", file, env=env).code == 0
        assert "made_with" in json.loads(file.read_text())


def test_out_refuses_to_replace_a_link_to_a_file(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "file"
    file.touch()
    link.symlink_to(file)  # as /dev/stdout is, where stdout is a file
    done = dlsync("plan", tree, "--out", link, env=env)
    assert (done.code, link.is_symlink(), file.read_text()) == (1, True, "")
    assert f"the plan is not written to {link}, which exists and is a link" in done.err


def test_a_plan_is_written_into_a_pipe(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)  # does not wait for a writer
    assert dlsync("plan", tree, "--out", pipe, env=env).code == 0
    assert "made_with" in json.loads(os.read(reader, 2**16))
    os.close(reader)
    assert pipe.is_fifo()


def test_a_plan_file_whose_name_is_too_long_is_an_error_that_names_it(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, "--out", tree / ("p" * 300), env=env)
    assert done.code == 1
    assert "ppp: File name too long" in done.err


def test_a_plan_that_cannot_be_saved_is_an_error_that_names_the_file(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, "--out", tree / "rules/load.yaml" / "plan.json", env=env)
    assert (done.code, done.out) == (1, "")
    assert f"the plan cannot be written to {tree}/rules/load.yaml/plan.json: " in done.err


@pytest.mark.parametrize(
    "command",
    [["plan"], ["apply", "--auto-approve"], ["export"], ["drift"], ["render"]],
    ids=lambda command: command[0],
)
def test_a_target_without_a_match_is_an_error_that_suggests_the_nearest_resource(
    applied: Path, env: dict[str, str], command: list[str]
) -> None:
    done = dlsync(*command, applied, "--target", "rule/laod", env=env)
    assert (done.code, done.out) == (1, "")
    assert "no resource matches `rule/laod`" in done.err
    assert "Did you mean rule/load?" in done.err
