"""Rollback: the changes of a run are reverted from its journal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import DlsyncError, Refused
from dlsync.model import Target
from dlsync.operations import ApplyOptions
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.operations.rollback import choose_run, read_rollback
from dlsync.resources.selector import Targets
from dlsync.state import journal
from dlsync.state.inventory import INVENTORY
from dlsync.state.journal import Journal, UndoRecord
from tests.builders.applies import FILES, RUN, apply, changes, journals, managed, plan
from tests.builders.between import put_by_hand, refusing_once, through
from tests.builders.inventories import forge
from tests.builders.plans import change
from tests.builders.reporters import Recorder
from tests.builders.trees import FLAVOURS, account, address, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Json, Plan, Side
    from tests.builders.trees import Account

BEFORE: dict[str, str | bytes] = {
    "dashboards/web.yaml": "# the fleet\r\ntitle:   'Web'  # ours\r\npositions: [ ]\r\n",
    "dashboards/gone.yaml": "\ufefftitle: Gone\npositions:\n- {row: 1, col: 1, size_x: 1, size_y: 1}\n",
    "rules/web.yaml": "title: Web # ours\ncriteria: []\nactions: [{type: EMAIL, details: {emails: [a@example.org]}}]\n",
    "plugins/disk.py": b"print()\r\n",
    "plugins/disk.meta.yaml": "interval: 60\ndescription: old\n",
    "plugins/binary.exe": b"\x7fELF\xff\0",
    "plugins/gone.sh": b"exit 0",
    "links.yaml": "disk: [all, web]\ngone: [db]\n",
}
AFTER: dict[str, str | bytes] = {
    "dashboards/web.yaml": "title: Other\npositions: []\n",
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "rules/new.yaml": "title: New\ncriteria: []\n",
    "plugins/disk.py": b"print(2)\r\n",
    "plugins/binary.exe": b"\x7fELF\xfe\0",
    "links.yaml": "disk: [db]\nbinary: [db]\n",
}
NEW = "title: New\ncriteria: []\n"
MINE = "title: Mine\ncriteria: []\n"
SECRET = {"title": "title: ${env:TITLE} and more\ncriteria: []\n"}


def set_ahead(tree: Path) -> None:
    """Rename the last run as if its clock had been ahead."""
    last = max(journals(tree).iterdir())
    ahead = f"20991231{last.stem[8:]}"
    last.with_stem(ahead).write_text(last.read_text().replace(last.stem, ahead))
    last.unlink()


def rolled_back(
    live: Account, tree: Path, *, run: str = "", decisions: ConflictPolicy | None = None, **settings: Any
) -> Plan:
    options = ApplyOptions(journals=journals(tree))
    chosen = replace(live.settings, **settings)
    work = operations.rollback(tree, chosen, run=run, decisions=decisions or ConflictPolicy(), options=options)
    done = asyncio.run(work)
    assert done is not None
    return done


def replaced_files(tree: Path, files: dict[str, str | bytes]) -> None:
    for file in tree_files(tree):
        (tree / file).unlink()
    write_tree(tree, files)


def whole(live: Account, *names: str) -> dict[str, tuple[bytes, object]]:
    """The bytes and documents of live resources, without ids, since each create gives a new id."""
    found = {name: live.live(name) for name in names}
    return {
        name: (b"" if name.startswith("link/") else one.body, {k: v for k, v in one.document.items() if k != "id"})
        for name, one in found.items()
        if one
    }


@pytest.mark.parametrize("flavour", ["plain", "post_before_put", "decorate"])
def test_a_rollback_reverts_creates_updates_and_deletes_byte_for_byte(tmp_path: Path, flavour: str) -> None:
    tree = write_tree(tmp_path / "tree", BEFORE)
    with account(**FLAVOURS[flavour]) as live:
        apply(live, tree)
        names = [*managed(live, tree), "rule/new", "link/binary"]
        before = whole(live, *names)
        replaced_files(tree, AFTER)
        assert {one.result for one in apply(live, tree, max_delete_percent=100).changes} == {"applied"}
        assert whole(live, *names) != before
        done = rolled_back(live, tree)
        assert [one.error for one in done.changes if one.error] == []
        # a server that decorates gives new ids to resources that are created again
        assert flavour == "decorate" or whole(live, *names) == before
        assert managed(live, tree) == names[:-2]
        replaced_files(tree, BEFORE)
        assert not plan(live, tree)


def test_a_rollback_skips_a_change_for_which_the_server_has_no_operation(tree: Path) -> None:
    with account(documented_only=True) as live:
        apply(live, tree)
        write_tree(tree, {"rules/web.yaml": NEW, "plugins/disk.py": "print(2)\n", "rules/new.yaml": NEW})
        apply(live, tree)
        assert changes(rolled_back(live, tree)) == [
            "update plugin/disk repo applied",
            "update rule/web repo applied",
            "delete rule/new repo skipped",
        ]


def test_a_rollback_reverts_an_interrupted_run(live: Account, tree: Path) -> None:
    """A resource that the run did not reach is unchanged, and that is not a conflict."""
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW, "dashboards/web.yaml": "title: New\npositions: []\n"})
    apply(live, tree)
    last = max(journals(tree).iterdir())
    kept = [line for line in last.read_text().splitlines(keepends=True) if "result" not in line and "end" not in line]
    last.write_text("".join(kept) + '{"result": "dashb')
    live.has(resource("rule/web", FILES["rules/web.yaml"]))
    assert changes(rolled_back(live, tree)) == ["update dashboard/web repo applied"]
    write_tree(tree, FILES)
    assert not plan(live, tree)


@pytest.mark.parametrize("lost", [{"sent", "result"}, {"result"}])
@pytest.mark.parametrize(
    ("side", "done"),
    [
        (None, ["update dashboard/web repo applied", "update rule/web repo held skipped"]),
        ("repo", ["update dashboard/web repo applied", "update rule/web repo applied"]),
        ("live", ["update dashboard/web repo applied"]),
    ],
)
def test_a_rollback_of_a_killed_run_holds_a_resource_that_a_later_run_wrote(
    live: Account, tree: Path, lost: set[str], side: Side | None, done: list[str]
) -> None:
    """The killed run either did not send the change, or sent it without effect."""
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW, "dashboards/web.yaml": "title: New\npositions: []\n"})
    apply(live, tree)
    killed = max(journals(tree).iterdir())
    lines = map(json.loads, killed.read_text().splitlines())
    known = [one for one in lines if not any(one.get(key) == "rule/web" for key in lost) and "end" not in one]
    killed.write_text("".join(f"{json.dumps(one)}\n" for one in known))
    live.has(resource("rule/web", FILES["rules/web.yaml"]))
    assert changes(apply(live, tree)) == ["update rule/web drift applied"]
    back = rolled_back(live, tree, run=killed.stem, decisions=ConflictPolicy(on_conflict=side))
    assert changes(back) == done
    assert side or "the run did not write it" in back.changes[1].held
    now = live.live("rule/web")
    assert now
    assert now.document["title"] == ("Web" if side == "repo" else "New")


def test_a_rollback_holds_resources_that_were_edited_after_the_run(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW, "rules/new.yaml": NEW})
    apply(live, tree)
    live.has(resource("rule/web", MINE), resource("rule/new", MINE))
    done = rolled_back(live, tree)
    assert changes(done) == ["update rule/web conflict held skipped", "delete rule/new conflict held skipped"]
    reason = "it was changed since the run; `--on-conflict repo` reverts it all the same"
    assert [one.held for one in done.changes] == [reason, reason]
    assert [live.live(f"rule/{name}") for name in ("web", "new")] == [
        resource(f"rule/{name}", MINE) for name in ("web", "new")
    ]


def test_a_rollback_with_on_conflict_repo_reverts_manual_edits(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW, "rules/new.yaml": NEW})
    apply(live, tree)
    live.has(resource("rule/web", MINE), resource("rule/new", MINE))
    apply_of = operations.history(journals(tree))[0].run.id
    options = ApplyOptions(journals=journals(tree))
    done = asyncio.run(
        operations.rollback(
            tree, live.settings, run=apply_of, decisions=ConflictPolicy(on_conflict="repo"), options=options
        )
    )
    assert [one.partition(" conflict ")[2] for one in changes(done)] == ["applied", "applied"]
    assert live.live("rule/web") == resource("rule/web", FILES["rules/web.yaml"])
    assert live.live("rule/new") is None


def test_a_rollback_stops_managing_the_resources_that_the_run_adopted(live: Account, tree: Path) -> None:
    hand = resource("rule/web", rule(description="by hand"))
    live.has(hand)
    apply(live, tree, decisions=ConflictPolicy(adopt=True))
    assert "rule/web" in managed(live, tree)
    rolled_back(live, tree)
    assert live.live("rule/web") == hand
    assert managed(live, tree) == []


def release(live: Account, tree: Path, name: str) -> None:
    asyncio.run(operations.release(tree, live.settings, Targets([name])))


@pytest.mark.parametrize("before", [None, rule(description="before")])
@pytest.mark.parametrize("by_id", [False, True])
def test_a_rollback_does_not_change_a_resource_that_was_released_after_the_run(
    live: Account, tree: Path, before: dict[str, Json] | None, by_id: bool
) -> None:
    """The run either created the resource, or updated an adopted resource."""
    if before:
        live.has(resource("rule/web", before))
        asyncio.run(operations.adopt(tree, live.settings, Targets(["rule/web"])))
    apply(live, tree)
    run = operations.history(journals(tree))[0].run.id
    if by_id:
        write_tree(tree, {"dashboards/web.yaml": "title: Later\npositions: []\n"})
        apply(live, tree)
    release(live, tree, "rule/web")
    (tree / "rules/web.yaml").unlink()
    now = live.live("rule/web")
    done = rolled_back(live, tree, run=run, decisions=ConflictPolicy(on_conflict="repo"))
    assert "rule/web stays as it is: it is live and no longer managed" in str(done.warnings)
    assert "rule/web" not in managed(live, tree)
    apply(live, tree, max_delete_percent=100)
    assert live.live("rule/web") == now


def test_a_rollback_does_not_adopt_a_resource_created_by_hand_after_its_delete(live: Account, tree: Path) -> None:
    apply(live, tree)
    (tree / "rules/web.yaml").unlink()
    apply(live, tree)
    live.has(resource("rule/web", FILES["rules/web.yaml"]))
    assert changes(rolled_back(live, tree)) == []
    assert "rule/web" not in managed(live, tree)


def test_a_resource_released_and_deleted_after_the_run_is_restored_only_on_request(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW})
    apply(live, tree)
    release(live, tree, "rule/web")
    live.lacks("rule/web")
    assert changes(rolled_back(live, tree)) == ["create rule/web conflict held skipped"]
    done = rolled_back(live, tree, decisions=ConflictPolicy(on_conflict="repo"))
    assert changes(done) == ["create rule/web conflict applied"]
    assert "rule/web" not in managed(live, tree)


def test_a_rollback_of_a_rollback_does_not_manage_a_released_resource_again(live: Account, tree: Path) -> None:
    live.has(resource("rule/web", rule(description="by hand")))
    apply(live, tree, decisions=ConflictPolicy(adopt=True))
    adopted = live.live("rule/web")
    rolled_back(live, tree)
    assert "update rule/web repo applied" in changes(rolled_back(live, tree))
    assert live.live("rule/web") == adopted
    assert "rule/web" not in managed(live, tree)


def test_a_rollback_works_without_the_inventory(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW})
    apply(live, tree)
    live.run(lambda client: client.plugins.delete(INVENTORY))
    assert changes(rolled_back(live, tree)) == ["update rule/web repo applied"]


def test_a_rollback_ignores_resources_that_the_run_did_not_change(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW})
    apply(live, tree)
    live.has(resource("dashboard/web", "title: Mine\npositions: []\n"), resource("rule/other", MINE))
    assert changes(rolled_back(live, tree)) == ["update rule/web repo applied"]
    assert managed(live, tree) == ["dashboard/web", "plugin/disk", "rule/web"]


def test_a_rollback_includes_failed_changes_and_omits_skipped_changes(live: Account, tree: Path) -> None:
    book = Journal(journals(tree), replace(RUN, url=live.settings.url))
    book.keep([UndoRecord(address(f"rule/{name}"), "update", {"text": FILES["rules/web.yaml"]}) for name in ("a", "b")])
    results = [("a", "failed"), ("b", "skipped")]
    with (journals(tree) / f"{RUN.id}.jsonl").open("a") as stream:
        for name, how in results:
            stream.write(f'{{"result": "rule/{name}", "how": "{how}"}}\n')
    record = choose_run(journals(tree), live.settings.target, "")
    assert [str(one.address) for one in read_rollback(journals(tree), record, tree, live.settings).records] == [
        "rule/a"
    ]


# secrets


def secret_run(live: Account, tree: Path) -> None:
    """Apply a secret, then another text in its place."""
    write_tree(tree, {"rules/web.yaml": SECRET["title"], "plugins/disk.py": "print('s3cret value')\n"})
    apply(live, tree, environ={"TITLE": "s3cret value"})
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE} only\ncriteria: []\n"})
    apply(live, tree, environ={"TITLE": "s3cret value"})


def test_a_journal_holds_no_secret_and_the_rollback_puts_it_back(live: Account, tree: Path) -> None:
    secret_run(live, tree)
    assert b"s3cret" not in b"".join(tree_files(journals(tree)).values())
    done = rolled_back(live, tree, environ={"TITLE": "s3cret value"})
    assert changes(done) == ["update rule/web repo applied"]
    assert "s3cret" not in str(done)
    now = live.live("rule/web")
    assert now
    assert now.document == {"title": "s3cret value and more", "criteria": []}
    write_tree(tree, {"rules/web.yaml": SECRET["title"]})
    assert not plan(live, tree, environ={"TITLE": "s3cret value"})


def test_a_secret_that_is_missing_in_the_environment_is_an_error_that_names_it(live: Account, tree: Path) -> None:
    secret_run(live, tree)
    before = live.live("rule/web")
    with pytest.raises(DlsyncError) as caught:
        rolled_back(live, tree)
    assert caught.value.message.startswith("rule/web: a secret was there before: ${env:TITLE}")
    assert caught.value.hint
    assert live.live("rule/web") == before


def test_a_journal_omits_a_live_value_in_place_of_a_secret_of_the_files(live: Account, tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE}\ndescription: ours\ncriteria: []\n"})
    environ = {"TITLE": "s3cret value"}
    apply(live, tree, environ=environ)
    live.has(resource("rule/web", "title: another s3cret\ndescription: mine\ncriteria: []\n"))
    assert changes(apply(live, tree, environ=environ)) == ["update rule/web drift applied"]
    assert b"s3cret" not in b"".join(tree_files(journals(tree)).values())
    rolled_back(live, tree, environ=environ)
    now = live.live("rule/web")
    assert now
    assert now.document == {"title": "s3cret value", "description": "mine", "criteria": []}


@pytest.mark.parametrize("action", ["{{type: WEBHOOK, url: '{}'}}", "{{type: WEBHOOK, details: {{url: '{}'}}}}"])
def test_a_journal_omits_a_live_webhook_url_in_place_of_a_secret_of_the_files(
    live: Account, tree: Path, action: str
) -> None:
    def text(url: str) -> str:
        return f"title: Web\ncriteria: []\nactions: [{action.format(url)}]\n"

    write_tree(tree, {"rules/web.yaml": text("${env:HOOK}")})
    environ = {"HOOK": "https://example.org/ours"}
    apply(live, tree, environ=environ)
    live.has(resource("rule/web", text("https://example.org/s3cret")))
    assert changes(apply(live, tree, environ=environ)) == ["update rule/web drift applied"]
    kept = b"".join(tree_files(journals(tree)).values())
    assert b"s3cret" not in kept
    assert b"ours" not in kept


def test_a_journal_keeps_server_only_fields_next_to_an_omitted_value(live: Account, tree: Path) -> None:
    text = "title: Web\ndescription: %s\ncriteria:\n- {metric: a.b, condition: {threshold: 1}%s}\n"
    write_tree(tree, {"rules/web.yaml": text % ("${env:TEXT}", "")})
    environ = {"TEXT": "ours"}
    apply(live, tree, environ=environ)
    live.has(resource("rule/web", text % ("s3cret", ", more: {a: 1}") + "extra: by hand\n"))
    assert changes(apply(live, tree, environ=environ)) == ["update rule/web drift applied"]
    assert b"s3cret" not in b"".join(tree_files(journals(tree)).values())
    rolled_back(live, tree, environ=environ)
    now = live.live("rule/web")
    assert now
    assert now.document == resource("rule/web", text % ("ours", ", more: {a: 1}") + "extra: by hand\n").document


@pytest.mark.parametrize(("side", "results"), [(None, ["skipped"]), ("live", []), ("repo", ["applied"])])
def test_an_edit_after_the_run_is_held_if_the_journal_has_no_value_to_restore(
    live: Account, tree: Path, side: Side | None, results: list[str]
) -> None:
    text, environ = "title: Web\ndescription: %s\ncriteria: []\n", {"TEXT": "ours"}
    for description in ("plain", "${env:TEXT}"):
        write_tree(tree, {"rules/web.yaml": text % description})
        apply(live, tree, environ=environ)
    live.has(resource("rule/web", text % "by hand"))
    done = rolled_back(live, tree, decisions=ConflictPolicy(on_conflict=side), environ=environ)
    assert [one.result for one in done.changes] == results
    now = live.live("rule/web")
    assert now
    assert now.document["description"] == ("ours" if side == "repo" else "by hand")


def test_a_forged_secret_name_in_the_inventory_reads_nothing_from_the_environment(live: Account, tree: Path) -> None:
    """Else a forged inventory could have any environment variable of the user sent to the account."""
    environ = {"AWS_KEY": "the key of all", "TITLE": "s3cret"}
    apply(live, tree)
    forge(live, "rule/web", "Web", "${env:AWS_KEY}")
    write_tree(tree, {"rules/web.yaml": NEW})
    apply(live, tree, environ=environ)
    before = live.live("rule/web")
    with pytest.raises(DlsyncError) as caught:
        rolled_back(live, tree, environ=environ)
    told = "${env:AWS_KEY} is in no file of the directory, so it is not taken from the environment"
    assert caught.value.message == f"rule/web: a secret was there before: {told}"
    assert caught.value.hint.startswith("If it is your own, put the file back that used it")
    assert live.live("rule/web") == before
    assert b"the key of all" not in b"".join(tree_files(journals(tree)).values())


def test_a_secret_of_a_removed_file_is_restored_only_if_the_tree_mentions_it_again(live: Account, tree: Path) -> None:
    environ = {"TITLE": "s3cret value"}
    write_tree(tree, {"rules/web.yaml": SECRET["title"]})
    apply(live, tree, environ=environ)
    (tree / "rules/web.yaml").unlink()
    assert changes(apply(live, tree, environ=environ)) == ["delete rule/web repo applied"]
    with pytest.raises(DlsyncError, match=r"\$\{env:TITLE\} is in no file of the directory"):
        rolled_back(live, tree, environ=environ)
    write_tree(tree, {"dlsync.yaml": "org: acme # rules had ${env:TITLE}\n"})
    assert changes(rolled_back(live, tree, environ=environ)) == ["create rule/web new applied"]
    now = live.live("rule/web")
    assert now
    assert now.document["title"] == "s3cret value and more"


def test_a_rollback_hides_a_secret_that_the_server_has_in_another_case(live: Account, tree: Path) -> None:
    environ = {"TITLE": "s3cret value", "EMPTY": ""}
    write_tree(tree, {"dlsync.yaml": "org: acme # rules had ${env:TITLE} and ${env:EMPTY}\n"})
    write_tree(tree, {"rules/web.yaml": "title: S3CRET VALUE and more\ncriteria: []\n"})
    apply(live, tree)
    (tree / "rules/web.yaml").unlink()
    apply(live, tree)
    done = rolled_back(live, tree, environ=environ)
    assert changes(done) == ["create rule/web new applied"]
    assert "S3CRET" not in str(done)
    assert "${env:TITLE} and more" in str(done)


# the choice of the run


def test_a_rollback_reverts_the_last_run_of_the_account_unless_a_run_is_named(tmp_path: Path) -> None:
    runs: dict[str, dict[str, Any]] = {
        "20261125T101010Z-000001": {},
        "20261125T101011Z-000001": {},
        "20261125T101012Z-000001": {"account": "other"},
        "20261125T101013Z-000001": {"url": "http://y/api/v1"},
    }
    for name, fields in runs.items():
        Journal(tmp_path, replace(RUN, id=name, **fields)).keep([UndoRecord(address("rule/web"), "create", None)])
    target = Target(RUN.url, RUN.org, RUN.account)
    assert choose_run(tmp_path, target, "").run.id == "20261125T101011Z-000001"
    assert choose_run(tmp_path, target, "20261125T101010Z-000001").run.id == "20261125T101010Z-000001"
    with pytest.raises(Refused, match="was for acme/other at http://x/api/v1, not for acme/default") as caught:
        choose_run(tmp_path, target, "20261125T101012Z-000001")
    assert caught.value.hint == "Give the account of that run, such as by --environment."
    with pytest.raises(DlsyncError, match="has the id"):
        choose_run(tmp_path, target, "20261125T101019Z-000001")


def test_a_rollback_without_a_run_that_changed_the_account_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DlsyncError, match=r"no run in .* has changed acme/default"):
        choose_run(tmp_path, Target(RUN.url, RUN.org, RUN.account), "")


def test_an_interrupted_rollback_continues_and_a_finished_rollback_is_itself_reverted(tmp_path: Path) -> None:
    first, back = "20261125T101010Z-000001", "20261125T101011Z-000001"
    target = Target(RUN.url, RUN.org, RUN.account)
    kept = [UndoRecord(address("rule/web"), "create", None)]
    Journal(tmp_path, replace(RUN, id=first)).keep(kept)
    book = Journal(tmp_path, replace(RUN, id=back, takes_back=first))
    book.keep(kept)
    assert choose_run(tmp_path, target, "").run.id == first
    book.note([])
    assert choose_run(tmp_path, target, "").run.id == back


def test_a_notice_names_the_rollback_that_reverted_another_part_of_the_run(tmp_path: Path) -> None:
    target = Target(RUN.url, RUN.org, RUN.account)
    first, part, rest = (f"20261125T10101{number}Z-000001" for number in range(3))
    for run, reverted in ((first, ""), (part, first), (rest, first)):
        book = Journal(tmp_path, replace(RUN, id=run, takes_back=reverted))
        book.keep([UndoRecord(address("rule/web"), "create", None)])
        book.note([change("create", "rule/web").finished("applied")])
    recorder = Recorder()
    assert choose_run(tmp_path, target, "", recorder).run.id == rest
    (_, notice) = recorder.notified
    assert notice == (
        f"the run {part} before it reverted another part of run {first}, and stays; "
        f"undo it next with `dlsync rollback {part}`"
    )
    recorder = Recorder()
    choose_run(tmp_path, target, part, recorder)
    assert recorder.notified == []


def test_a_warning_says_that_a_rollback_does_not_restore_a_deleted_account(live: Account, tree: Path) -> None:
    record = journal.RunLog(
        replace(RUN, salt="00"), {address("account/old"): UndoRecord(address("account/old"), "delete", {})}
    )
    found = read_rollback(journals(tree), record, tree, live.settings)
    assert found.records == ()
    assert [one.message for one in found.tree.warnings] == [
        "account/old stays as the run left it: no journal holds the content of an account"
    ]


def test_an_unreadable_journal_record_is_an_error_that_names_its_resource(live: Account, tree: Path) -> None:
    broken = UndoRecord(address("rule/web"), "update", {"text": "title: ["})
    record = journal.RunLog(replace(RUN, salt="00"), {broken.address: broken})
    with pytest.raises(DlsyncError, match=r"^rule/web: "):
        read_rollback(journals(tree), record, tree, live.settings)


def test_a_rollback_holds_a_rename_whose_new_resource_was_edited_after_the_run(live: Account, tree: Path) -> None:
    apply(live, tree)
    (tree / "rules/web.yaml").rename(tree / "rules/new.yaml")
    apply(live, tree)
    live.has(resource("rule/new", MINE))
    done = rolled_back(live, tree)
    assert changes(done) == ["create rule/web conflict held skipped", "delete rule/new conflict held skipped"]
    reasons = [one.held.partition(";")[0] for one in done.changes]
    assert reasons == ["it was changed since the run", "together with rule/web"]


@pytest.mark.parametrize("undone", ["update", "delete"])
def test_after_a_rollback_the_plan_ignores_fields_that_the_server_added(live: Account, tree: Path, undone: str) -> None:
    before = tree_files(tree)
    apply(live, tree)
    (tree / "plugins/disk.py").write_text("new\n")
    if undone == "delete":
        (tree / "plugins/disk.py").unlink()
        (tree / "plugins/disk.meta.yaml").unlink(missing_ok=True)
    apply(live, tree)
    rolled_back(live, tree)
    write_tree(tree, before)
    made = plan(live, tree)
    assert (made.changes, made.warnings) == ((), ())


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_manual_edit_that_the_run_kept_is_planned_again_after_a_rollback(tmp_path: Path, *, rebuilt: bool) -> None:
    text = "title: Web\nperiod: 60\npositions: []\n"
    with account() as live:
        tree = write_tree(tmp_path / "tree", {"dashboards/web.yaml": text, "dashboards/other.yaml": text})
        apply(live, tree)
        put_by_hand(live, "dashboards/web", text.replace("Web", "By hand"))
        write_tree(tree, {"dashboards/web.yaml": text.replace("60", "120")})
        apply(live, tree)
        if rebuilt:
            live.lacks(f"plugin/{INVENTORY}")
            asyncio.run(operations.rebuild(tree, live.settings))
        rolled_back(live, tree)
        write_tree(tree, {"dashboards/web.yaml": text})
        assert changes(plan(live, tree)) == [f"update dashboard/web {'new held' if rebuilt else 'drift'}"]


def test_a_rename_that_was_held_is_held_again_after_a_rollback(tmp_path: Path) -> None:
    text = "title: Web\npositions: []\n"
    with account() as live:
        tree = write_tree(tmp_path / "tree", {"dashboards/a.yaml": text, "dashboards/other.yaml": text + "# 2\n"})
        apply(live, tree)
        put_by_hand(live, "dashboards/a", text.replace("Web", "By hand"))
        (tree / "dashboards/a.yaml").rename(tree / "dashboards/b.yaml")
        held = changes(plan(live, tree))
        apply(live, tree, decisions=ConflictPolicy(on_conflict="live"))
        rolled_back(live, tree)
        assert (
            changes(plan(live, tree))
            == held
            == ["create dashboard/b conflict held", "delete dashboard/a conflict held"]
        )


def test_the_last_run_is_reverted_even_if_an_earlier_run_has_a_later_timestamp(tmp_path: Path) -> None:
    with account() as live:
        tree = write_tree(tmp_path / "tree", {"rules/a.yaml": NEW, "rules/b.yaml": NEW})
        apply(live, tree)
        apply(live, write_tree(tree, {"rules/a.yaml": MINE}))
        set_ahead(tree)
        apply(live, write_tree(tree, {"rules/b.yaml": MINE}))
        assert changes(rolled_back(live, tree)) == ["update rule/b repo applied"]


def test_a_repeated_rollback_reverts_the_changes_that_failed_the_first_time(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/a.yaml": NEW, "rules/b.yaml": NEW})
    apply(live, tree)
    options = ApplyOptions(journals=journals(tree))

    async def work(to: Settings) -> list[list[str]]:
        await operations.apply(write_tree(tree, {"rules/a.yaml": MINE, "rules/b.yaml": MINE}), to, options=options)
        return [changes(await operations.rollback(tree, to, options=options)) for _ in range(3)]

    assert through(live, refusing_once("PUT rules/b", after=1), work) == [
        ["update rule/a repo applied", "update rule/b repo failed"],
        ["update rule/b repo applied"],
        ["update rule/b repo applied"],
    ]
