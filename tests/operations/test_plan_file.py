"""Saved plans: an apply makes exactly the reviewed changes or refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from dlsync.errors import DlsyncError, Refused
from dlsync.model import Code, Entry, Plan, Target
from dlsync.operations import plan_file
from dlsync.operations.plan import PlanOptions
from dlsync.operations.plan_document import as_document
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.state import inventory
from tests.builders.applies import prepared
from tests.builders.plans import TARGET, added, any_plan, change, moved, plan, removed, replaced
from tests.builders.trees import resource

if TYPE_CHECKING:
    from dlsync.operations.plan_context import PlanContext

MADE = plan(
    change("create", "rule/new", added(("title",), "New", 1), file="rules/new.yaml", line=1),
    change(
        "update", "dashboard/web", replaced(("period",), 60, 30), removed(("locked",), 1), moved(("positions", 0), 1, 0)
    ),
    change("delete", "plugin/old"),
    unchanged=3,
    commit="c" * 40,
)


NEW, WEB = resource("rule/new", "title: New\n"), resource("dashboard/web", "period: 30\n")
LIVE = (resource("dashboard/web", "period: 60\n"), resource("plugin/old", "1"))


def work(made: Plan = MADE) -> PlanContext:
    return prepared(made, NEW, WEB, live=LIVE)


def saved(tmp_path: Path, asked: dict[str, Any] | None = None, **fields: Any) -> plan_file.SavedPlan:
    """Save a plan, change some of the file's fields by hand, and read it."""
    file = tmp_path / "plan.json"
    plan_file.save(file, plan_file.promise(work()))
    content = json.loads(file.read_text())
    content["made_with"] |= asked or {}
    file.write_text(json.dumps({**content, **fields}))
    return plan_file.read(file)


@pytest.mark.parametrize("places", [[0, 1], [2], [], [0, 1, 2, 2]], ids=str)
def test_a_plan_file_with_removed_or_repeated_changes_is_refused(tmp_path: Path, places: list[int]) -> None:
    changes = as_document(MADE)["changes"]
    with pytest.raises(DlsyncError, match=r"plan\.json is not a plan: it was changed after it was saved"):
        saved(tmp_path, changes=[changes[place] for place in places])


@pytest.mark.parametrize("count", ["create", "update", "delete", "conflict"])
def test_a_plan_file_with_edited_counts_is_refused(tmp_path: Path, count: str) -> None:
    with pytest.raises(DlsyncError, match=r"plan\.json is not a plan: it was changed after it was saved"):
        saved(tmp_path, summary={**MADE.summary, count: 7})


def test_a_saved_plan_is_read_back_with_its_options_and_changes(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    options = PlanOptions(("rule/*", "dashboard/web"), ("old",), ConflictPolicy(True, "live"))
    promised = plan_file.promise(work(), options, Path("tree"), "staging")
    plan_file.save(file, promised)
    assert plan_file.read(file) == promised
    assert [one["name"] for one in promised.plan["changes"]] == ["new", "web", "old"]


def test_a_plan_file_holds_the_plan_as_json_prints_it(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    plan_file.save(file, plan_file.promise(work()))
    content = json.loads(file.read_text())
    del content["made_with"]
    assert content == as_document(MADE)


@given(made=any_plan())
def test_a_saved_plan_is_not_stale_if_nothing_changes(tmp_path_factory: pytest.TempPathFactory, made: Plan) -> None:
    made = Plan(made.target, tuple({one.address: one for one in made.changes}.values()), made.unchanged, made.commit)
    file = tmp_path_factory.mktemp("saved") / "plan.json"
    plan_file.save(file, plan_file.promise(work(made)))
    try:
        read = plan_file.read(file)
    except DlsyncError:  # lone surrogates, which neither a file nor a server can give
        assert "\\ud" in file.read_text()
    else:
        assert plan_file.narrowed_to(read, work(made)).plan.changes == made.changes


def test_only_the_saved_changes_are_applied_and_a_later_file_change_gets_a_warning(tmp_path: Path) -> None:
    other = resource("rule/x", "title: X\n")
    now = replace(work(), plan=plan(change("create", "rule/x"), *MADE.changes, unchanged=7, commit=MADE.commit))
    now = replace(now, desired={**now.desired, other.address: other})
    now = replace(now, inventory=inventory.empty().changed({other.address: Entry({})}))
    kept = plan_file.narrowed_to(saved(tmp_path), now)
    assert kept.plan.changes == MADE.changes
    assert other.address not in kept.desired
    assert [one.code for one in kept.plan.warnings] == [Code.NOT_IN_PLAN]
    assert kept.plan.warnings[0].message.startswith("rule/x: the files ask for its create, which is not in the saved")


def test_a_manual_edit_after_the_plan_was_saved_is_ignored_without_a_warning(tmp_path: Path) -> None:
    now = plan(*MADE.changes, replace(change("update", "rule/x"), cause="drift"), commit=MADE.commit)
    kept = plan_file.narrowed_to(saved(tmp_path), work(now))
    assert (kept.plan.changes, kept.plan.warnings) == (MADE.changes, ())


def test_only_adoptions_of_the_saved_plan_are_recorded_and_managed_resources_stay_known(tmp_path: Path) -> None:
    some = [resource(f"rule/{name}", "title: X\n") for name in ("said", "unsaid", "managed")]
    said, unsaid, managed = (one.address for one in some)
    now = replace(
        work(replace(MADE, adopted=(said, unsaid))),
        desired={one.address: one for one in (NEW, WEB, *some)},
        inventory=inventory.empty().changed({managed: Entry({})}),
    )
    kept = plan_file.narrowed_to(saved(tmp_path, adopted=["rule/said"]), now)
    assert kept.plan.adopted == (said,)
    assert set(kept.desired) == {NEW.address, WEB.address, said, managed}


@pytest.mark.parametrize(
    ("now", "names"),
    [
        pytest.param(MADE.changes[:2], "plugin/old", id="a change is no longer needed"),
        pytest.param((change("update", "rule/new"), *MADE.changes[1:]), "rule/new", id="another action"),
        pytest.param(
            (*MADE.changes[:1], change("update", "dashboard/web", replaced(("period",), 61, 30)), MADE.changes[2]),
            "dashboard/web",
            id="another value",
        ),
        pytest.param(MADE.changes[1:2], "plugin/old, rule/new", id="only one change is left"),
    ],
)
def test_a_stale_plan_is_refused_with_an_error_that_names_the_changed_resources(
    tmp_path: Path, now: tuple[Any, ...], names: str
) -> None:
    with pytest.raises(Refused) as caught:
        plan_file.narrowed_to(saved(tmp_path), work(plan(*now, commit=MADE.commit)))
    assert caught.value.message == f"the plan is stale: since it was made, {names} changed"
    assert caught.value.hint


def test_the_remaining_changes_of_a_partly_applied_plan_are_applied(tmp_path: Path) -> None:
    now = prepared(plan(*MADE.changes[:1], commit=MADE.commit), NEW, WEB, live=(WEB,))
    with pytest.raises(Refused, match="since it was made, dashboard/web changed"):  # dlsync did not apply it
        plan_file.narrowed_to(saved(tmp_path), now)
    now = replace(now, inventory=now.inventory.changed({WEB.address: Entry({})}))
    assert plan_file.narrowed_to(saved(tmp_path), now).plan.changes == MADE.changes[:1]
    other = resource("rule/new", "title: Other\n")
    with pytest.raises(Refused, match="since it was made, rule/new changed"):
        plan_file.narrowed_to(saved(tmp_path), replace(now, desired={other.address: other, WEB.address: WEB}))


def test_the_error_for_a_stale_plan_says_that_no_changes_are_left(tmp_path: Path) -> None:
    said = "the plan is stale: since it was made, .* changed, so none of its changes is left to apply"
    with pytest.raises(Refused, match=said):
        plan_file.narrowed_to(saved(tmp_path), work(plan(commit=MADE.commit)))


@pytest.mark.parametrize(
    ("web", "old", "moved"),
    [
        ("period: 60\n", "2", "since it was made, plugin/old changed"),
        ("period: 60\n", "1", r"since it was made, the value of \$\{env:TITLE\} in dashboard/web changed"),
        ("period: 61\n", "2", "since it was made, dashboard/web, plugin/old changed"),
    ],
    ids=["deleted content", "a secret", "content with a secret"],
)
def test_a_changed_value_that_a_plan_does_not_show_makes_it_stale(
    tmp_path: Path, web: str, old: str, moved: str
) -> None:
    secret = replace(WEB, given={"period": 30, "title": "s3cret"}, secrets={"s3cret": "${env:TITLE}"})
    desired = WEB if old == "2" and web == "period: 60\n" else secret
    now = prepared(MADE, NEW, desired, live=(resource("dashboard/web", web), resource("plugin/old", old)))
    with pytest.raises(Refused, match=moved):
        plan_file.narrowed_to(saved(tmp_path), now)


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (
            {"target": Target("http://other/api/v1", "acme", "default")},
            'url "http://127.0.0.1:8080/api/v1", not "http://other/api/v1"',
        ),
        ({"target": Target(TARGET.url, "other", "default")}, 'org "acme", not "other"'),
        ({"target": Target(TARGET.url, "acme", "other")}, 'account "default", not "other"'),
    ],
)
def test_a_plan_for_another_account_is_refused(tmp_path: Path, now: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match="the saved plan is for ") as caught:
        plan_file.narrowed_to(saved(tmp_path), work(replace(MADE, **now)))
    assert message in caught.value.message


def test_a_plan_of_another_commit_with_the_same_files_is_not_stale(tmp_path: Path) -> None:
    assert plan_file.narrowed_to(saved(tmp_path), work(replace(MADE, commit="d" * 40))).plan.changes == MADE.changes


def test_a_plan_of_other_files_is_stale(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f'changed since it was made at commit "{"c" * 40}"'):
        plan_file.narrowed_to(saved(tmp_path, {"files": "other"}), work())


def test_the_error_for_a_plan_file_of_an_older_dlsync_version_says_so(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    plan_file.save(file, plan_file.promise(work()))
    content = json.loads(file.read_text())
    del content["made_with"]["files"]
    file.write_text(json.dumps(content))
    with pytest.raises(DlsyncError, match="older version of dlsync"):
        plan_file.read(file)


def test_control_characters_in_names_of_a_plan_file_are_escaped_in_errors(tmp_path: Path) -> None:
    whole = saved(tmp_path)
    first, *others = whole.plan["changes"]
    digests = {name.replace("rule/new", "rule/\x1b[2Jx\n"): both for name, both in whole.digests.items()}
    made = saved(tmp_path, {"digests": digests}, changes=[{**first, "name": "\x1b[2Jx\n"}, *others])
    with pytest.raises(Refused) as caught:
        plan_file.narrowed_to(made, work())
    assert "rule/\\x1b[2Jx\\n changed" in caught.value.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"title: Web\n", "it is not JSON", id="YAML"),
        pytest.param(b"", "it is not JSON", id="empty"),
        pytest.param(b"\xff\xfe", "it is not JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "it is not JSON", id="deep nesting"),
        pytest.param(b'{"format_version": ' + b"1" * 5000 + b"}", "it is not JSON", id="a huge number"),
        pytest.param(b"[]", "expected a mapping", id="a list"),
        pytest.param(b"null", "expected a mapping", id="null"),
        pytest.param(b"{}", "the document has no `account`", id="another object"),
        pytest.param(b'{"url": "\\ud800"}', "cannot be checked", id="half a surrogate pair"),
    ],
)
def test_a_file_that_is_not_a_plan_is_refused_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(DlsyncError, match=r"plan\.json is not a plan: ") as caught:
        plan_file.read(file)
    assert message in caught.value.message
    assert caught.value.hint == "Make it with `dlsync plan --out FILE`."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format_version", 2),
        ("changes", [{"kind": "rule"}]),
        ("changes", [1]),
        ("adopted", "rule/web"),
        ("made_with", {}),
        ("made_with", []),
    ],
)
def test_a_plan_with_a_wrong_field_is_an_error(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(DlsyncError, match=r"plan\.json is not a plan"):
        saved(tmp_path, None, **{field: value})


@pytest.mark.parametrize(
    "asked",
    [
        {"directory": None},
        {"directory": ["x"]},
        {"targets": "rule/*"},
        {"targets": [1]},
        {"adopt": "yes"},
        {"on_conflict": "both"},
        {"salt": "no number"},
        {"salt": "00" * 65},
        {"digests": {"rule/new": 1}},
        {"environment": None},
        {"delete_accounts": None},
    ],
)
def test_a_plan_file_with_invalid_options_is_an_error(tmp_path: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(DlsyncError, match=r"plan\.json is not a plan"):
        saved(tmp_path, asked)


@pytest.mark.parametrize("directory", [None, "a\0b"])
def test_a_printed_plan_or_a_plan_with_an_invalid_directory_is_not_a_saved_plan(
    tmp_path: Path, directory: str | None
) -> None:
    saved(tmp_path)
    file = tmp_path / "plan.json"
    content = json.loads(file.read_text())
    if directory is None:
        del content["made_with"]
    else:
        content["made_with"]["directory"] = directory
    file.write_text(json.dumps(content))
    with pytest.raises(DlsyncError, match="is the output of `dlsync plan --format json`, not a saved plan"):
        plan_file.read(file)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    with file.open("wb") as stream:
        stream.truncate(1024**3)
    with pytest.raises(DlsyncError, match="too large to be a plan"):
        plan_file.read(file)


def test_a_plan_that_is_too_large_to_be_read_again_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plan.json"
    promised = plan_file.promise(work())
    plan_file.save(file, promised)
    monkeypatch.setattr(plan_file, "_LARGEST", file.stat().st_size)
    plan_file.save(file, promised)
    assert plan_file.read(file) == promised
    monkeypatch.setattr(plan_file, "_LARGEST", file.stat().st_size - 1)
    with pytest.raises(DlsyncError, match="too large to be saved") as caught:
        plan_file.save(tmp_path / "other.json", promised)
    assert "--target" in caught.value.hint
    assert not (tmp_path / "other.json").exists()


def test_a_plan_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DlsyncError, match="nowhere cannot be read: No such file or directory") as read:
        plan_file.read(tmp_path / "nowhere")
    assert read.value.hint == "Make it with `dlsync plan --out FILE`."
    with pytest.raises(DlsyncError, match="cannot be read: Is a directory"):
        plan_file.read(tmp_path)
    with pytest.raises(DlsyncError, match=r"cannot be written to .*: Is a directory") as written:
        plan_file.save(tmp_path, plan_file.promise(work()))
    assert written.value.hint == "Name another file with --out."


def test_remove_deletes_plan_files_and_refuses_other_files(tmp_path: Path) -> None:
    plan_file.save(tmp_path / "plan.json", plan_file.promise(work()))
    (tmp_path / "web.yaml").write_text("title: Web\n")
    for name in ("plan.json", "none.json"):
        plan_file.remove(tmp_path / name)
    with pytest.raises(DlsyncError, match="is no saved plan"):
        plan_file.remove(tmp_path / "web.yaml")
    assert [file.name for file in tmp_path.iterdir()] == ["web.yaml"]
