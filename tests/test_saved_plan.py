"""A plan kept in a file: what was reviewed is what is applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from dlsync import saved_plan
from dlsync.errors import DlsyncError, Refused
from dlsync.model import Plan, Target
from tests.builders.plans import TARGET, added, any_plan, change, moved, plan, removed, replaced

if TYPE_CHECKING:
    from pathlib import Path

MADE = plan(
    change("create", "rule/new", added(("title",), "New", 1), file="rules/new.yaml", line=1),
    change(
        "update", "dashboard/web", replaced(("period",), 60, 30), removed(("locked",), 1), moved(("positions", 0), 1, 0)
    ),
    change("delete", "plugin/old"),
    unchanged=3,
    commit="c" * 40,
)


def saved(tmp_path: Path, **fields: Any) -> saved_plan.SavedPlan:
    """Save a plan, change some of the file's fields by hand, and read it."""
    file = tmp_path / "plan.json"
    saved_plan.save(file, MADE, tmp_path, ["rule/*"])
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
    return saved_plan.read(file)


def test_a_saved_plan_says_where_it_was_made_and_for_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "plan.json"
    saved_plan.save(file, MADE, tmp_path / ".", ["rule/*", "dashboard/web"])
    read = saved_plan.read(file)
    assert (read.directory, read.targets) == (tmp_path.resolve(), ("rule/*", "dashboard/web"))
    assert [one["name"] for one in read.plan["changes"]] == ["new", "web", "old"]


def test_the_file_is_the_plan_as_json_prints_it(tmp_path: Path) -> None:
    saved_plan.save(tmp_path / "plan.json", plan(), tmp_path, [])
    assert json.loads((tmp_path / "plan.json").read_text())["format_version"] == 1


@given(made=any_plan())
def test_what_was_saved_is_not_stale(tmp_path_factory: pytest.TempPathFactory, made: Plan) -> None:
    made = Plan(made.target, tuple({one.address: one for one in made.changes}.values()), made.unchanged, made.commit)
    file = tmp_path_factory.mktemp("saved") / "plan.json"
    saved_plan.save(file, made, file.parent, [])
    try:
        read = saved_plan.read(file)
    except DlsyncError:  # lone surrogates, which neither a file nor a server can give
        assert "\\ud" in file.read_text()
    else:
        saved_plan.refuse_if_stale(read, made)


def test_a_plan_of_the_same_changes_is_accepted_whatever_else_moved(tmp_path: Path) -> None:
    saved_plan.refuse_if_stale(saved(tmp_path), plan(*MADE.changes, unchanged=7, commit="d" * 40))


@pytest.mark.parametrize(
    ("now", "names"),
    [
        pytest.param(MADE.changes[:2], "plugin/old", id="a change is no longer needed"),
        pytest.param((*MADE.changes, change("delete", "rule/x")), "rule/x", id="a change came up"),
        pytest.param((change("update", "rule/new"), *MADE.changes[1:]), "rule/new", id="another action"),
        pytest.param(
            (*MADE.changes[:1], change("update", "dashboard/web", replaced(("period",), 61, 30)), MADE.changes[2]),
            "dashboard/web",
            id="another value",
        ),
        pytest.param((), "dashboard/web, plugin/old, rule/new", id="nothing is left"),
    ],
)
def test_a_stale_plan_is_refused_and_names_what_moved(tmp_path: Path, now: tuple[Any, ...], names: str) -> None:
    with pytest.raises(Refused) as caught:
        saved_plan.refuse_if_stale(saved(tmp_path), plan(*now))
    assert caught.value.message == f"the saved plan is stale: since it was made, {names} changed"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            Target("http://other/api/v1", "acme", "default"),
            'url "http://127.0.0.1:8080/api/v1", not "http://other/api/v1"',
        ),
        (Target(TARGET.url, "other", "default"), 'org "acme", not "other"'),
        (Target(TARGET.url, "acme", "other"), 'account "default", not "other"'),
    ],
)
def test_a_plan_for_another_account_is_refused(tmp_path: Path, target: Target, message: str) -> None:
    with pytest.raises(Refused, match="the saved plan is for ") as caught:
        saved_plan.refuse_if_stale(saved(tmp_path), Plan(target, MADE.changes))
    assert message in caught.value.message


def test_names_of_a_hostile_plan_do_not_reach_a_terminal(tmp_path: Path) -> None:
    evil = {**json.loads(json.dumps(saved(tmp_path).plan["changes"][0])), "name": "\x1b[2Jx\n"}
    with pytest.raises(Refused) as caught:
        saved_plan.refuse_if_stale(saved(tmp_path, changes=[evil]), plan())
    assert "rule/\\x1b[2Jx\\n changed" in caught.value.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"title: Web\n", "it is not JSON", id="YAML"),
        pytest.param(b"", "it is not JSON", id="empty"),
        pytest.param(b"\xff\xfe", "it is not JSON", id="no text"),
        pytest.param(b"[" * 100_000, "it is not JSON", id="deep"),
        pytest.param(b'{"format_version": ' + b"1" * 5000 + b"}", "it is not JSON", id="a huge number"),
        pytest.param(b"[]", "expected a mapping", id="a list"),
        pytest.param(b"null", "expected a mapping", id="nothing"),
        pytest.param(b"{}", "the document has no `account`", id="an object of another sort"),
        pytest.param(b'{"url": "\\ud800"}', "cannot be checked", id="half a surrogate pair"),
    ],
)
def test_what_is_no_plan_is_an_error_that_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(DlsyncError, match=r"plan\.json is not a plan: ") as caught:
        saved_plan.read(file)
    assert message in caught.value.message
    assert caught.value.hint == "Make it with `dlsync plan --out FILE`."


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format_version", 2, "is not a plan"),
        ("changes", [{"kind": "rule"}], "is not a plan"),
        ("changes", [1], "is not a plan"),
        ("directory", None, "does not say which tree"),
        ("directory", ["x"], "does not say which tree"),
        ("directory", "a\0b", "does not say which tree"),
        ("targets", None, "does not say which resources"),
        ("targets", "rule/*", "does not say which resources"),
        ("targets", [1], "does not say which resources"),
    ],
)
def test_a_plan_with_a_wrong_field_is_an_error(tmp_path: Path, field: str, value: object, message: str) -> None:
    with pytest.raises(DlsyncError, match=message):
        saved(tmp_path, **{field: value})


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    with file.open("wb") as stream:
        stream.truncate(1024**3)
    with pytest.raises(DlsyncError, match="too large to be a plan"):
        saved_plan.read(file)


def test_what_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DlsyncError, match="nowhere cannot be read: No such file or directory"):
        saved_plan.read(tmp_path / "nowhere")
    with pytest.raises(DlsyncError, match="cannot be read: Is a directory"):
        saved_plan.read(tmp_path)
    with pytest.raises(DlsyncError, match=r"cannot be written to .*: Is a directory"):
        saved_plan.save(tmp_path, MADE, tmp_path, [])


def test_the_accounts_to_delete_are_kept_with_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    saved_plan.save(file, plan(), tmp_path, [], ["old"])
    assert saved_plan.read(file).delete_accounts == ("old",)
    saved_plan.save(file, plan(), tmp_path, [])
    assert saved_plan.read(file).delete_accounts == ()
