"""The operations that write resources to a server: apply, with or without a saved plan, and rollback."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import EXIT_REFUSED, DlsyncError, InvalidTree, Refused, SettingsError
from dlsync.operations import ApplyOptions, plan_file, session
from dlsync.operations.plan import PlanOptions
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.session import locked, writer
from dlsync.state.lock import Lock
from tests.builders.applies import FILES, apply, changes, journals, managed, plan
from tests.builders.between import below, put_by_hand, refusing, through
from tests.builders.http import Reply
from tests.builders.locks import Time
from tests.builders.reporters import Recorder
from tests.builders.trees import dashboard, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Plan
    from dlsync.operations.plan_file import SavedPlan
    from tests.builders.between import Onward
    from tests.builders.http import Seen
    from tests.builders.trees import Account

NEW = "title: New\ncriteria: []\n"
MINE = "title: Mine\ncriteria: []\n"


def carried_out(
    live: Account, tree: Path, reporter: Reporter = SILENT, promised: SavedPlan | None = None
) -> Plan | None:
    options = ApplyOptions(journals=journals(tree))
    work = operations.apply(tree, live.settings, saved_plan=promised, options=options, reporter=reporter)
    return asyncio.run(work)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock of all locks."""
    time = Time()
    monkeypatch.setattr(session, "Lock", partial(Lock, clock=time.clock()))
    return time


# apply


def test_an_apply_carries_out_its_plan_and_a_second_apply_changes_nothing(live: Account, tree: Path) -> None:
    made = plan(live, tree)
    assert changes(apply(live, tree)) == [f"{line} applied" for line in changes(made)]
    assert managed(live, tree) == ["dashboard/web", "plugin/disk", "rule/web"]
    assert live.plugins() == ["disk", "dlsync-inventory"]  # the lock is released
    assert not plan(live, tree)
    before = live.run(lambda client: client.plugins.get("dlsync-inventory"))
    assert changes(apply(live, tree)) == []
    assert live.run(lambda client: client.plugins.get("dlsync-inventory")) == before


def test_the_lock_is_renewed_while_the_plan_is_shown(live: Account, tree: Path, time: Time) -> None:
    renewed = Event()

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "PATCH plugins/dlsync-lock":
            renewed.set()
        return onward()

    async def work(settings: Settings) -> Plan | None:
        loop = asyncio.get_running_loop()

        def block(_: Plan) -> None:
            loop.call_soon_threadsafe(time.renewals.put_nowait, None)
            assert renewed.wait(10)

        options = ApplyOptions(journals=journals(tree))
        return await operations.apply(tree, settings, options=options, reporter=Recorder(on_show=block))

    done = through(live, answer, work)
    assert done is not None
    assert all(change.result == "applied" for change in done.changes)


@pytest.mark.parametrize("target", ["rule/web", "rule/w*"])
def test_an_apply_warns_about_a_target_that_an_earlier_run_deleted(live: Account, tree: Path, target: str) -> None:
    apply(live, tree)
    (tree / "rules/web.yaml").unlink()
    assert changes(apply(live, tree, target)) == ["delete rule/web repo applied"]
    again = apply(live, tree, target, "dashboard/*")
    assert (changes(again), [one.message for one in again.warnings]) == (
        [],
        ["rule/web is to be deleted, but does not exist"],
    )
    with pytest.raises(SettingsError, match="no resource matches `rule/wep`"):
        apply(live, tree, target, "rule/wep")
    with pytest.raises(SettingsError, match="no resource matches `rule/w"):  # a plan reads the journals in the tree
        plan(live, tree, target)


def test_a_target_that_only_a_run_of_another_account_deleted_is_an_error(live: Account, tree: Path) -> None:
    apply(live, tree)
    (tree / "rules/web.yaml").unlink()
    apply(live, tree, "rule/web")
    live.run(lambda client: client.accounts.create("other"))
    apply(live, tree, account="other")
    with pytest.raises(SettingsError, match="no resource matches `rule/web`"):
        apply(live, tree, "rule/web", account="other")


def test_an_apply_writes_its_journal_into_the_tree_unless_another_folder_is_given(live: Account, tree: Path) -> None:
    apply(live, tree, options=ApplyOptions(journals=journals(tree)))
    assert tree_files(tree).keys() == FILES.keys()
    assert len(tree_files(journals(tree))) == 1
    write_tree(tree, {"rules/web.yaml": NEW})
    asyncio.run(operations.apply(tree, live.settings))
    made = [one.partition("/runs/")[0] for one in tree_files(tree) if one.startswith(".dlsync")]
    assert made == [".dlsync/.gitignore", ".dlsync"]
    assert len(tree_files(journals(tree))) == 1


def test_an_apply_refuses_a_journal_folder_that_is_a_symlink_out_of_the_tree(
    live: Account, tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tree / ".dlsync").symlink_to(tmp_path / "outside")
    with pytest.raises(DlsyncError, match=r"leads outside .*; nothing was sent"):
        asyncio.run(operations.apply(tree, live.settings))
    assert list((tmp_path / "outside").iterdir()) == []
    assert live.plugins() == []
    made = apply(live, tree, options=ApplyOptions(journals=tmp_path / "journals"))
    assert {one.result for one in made.changes} == {"applied"}


def test_a_directory_that_is_not_there_is_an_error(live: Account, tmp_path: Path) -> None:
    with pytest.raises(InvalidTree, match="does not exist"):
        apply(live, tmp_path / "nowhere")


def test_nothing_is_written_without_approval(live: Account, tree: Path) -> None:
    asked: list[Plan] = []
    assert carried_out(live, tree, Recorder(on_approve=asked.append)) is None
    assert asked == [plan(live, tree)]
    assert live.plugins() == []
    assert not journals(tree).exists()


def test_an_approved_plan_is_applied_and_an_empty_plan_needs_no_approval(live: Account, tree: Path) -> None:
    assert len(changes(carried_out(live, tree, Recorder(on_approve=lambda _: True)))) == 3
    assert changes(carried_out(live, tree, Recorder(on_approve=lambda _: 1 / 0 > 0))) == []


def test_an_apply_is_refused_if_a_resource_changes_during_the_approval(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW})

    def approve(_: Plan) -> bool:
        put_by_hand(live, "rules/web", MINE)
        return True

    with pytest.raises(Refused, match="rule/web changed"):
        carried_out(live, tree, Recorder(on_approve=approve))
    assert live.live("rule/web") == resource("rule/web", MINE)
    assert "dlsync-lock" not in live.plugins()


def test_an_apply_that_asks_for_no_approval_shows_its_plan_unless_it_is_empty(live: Account, tree: Path) -> None:
    recorder = Recorder()
    assert carried_out(live, tree, recorder)
    assert [len(one.changes) for one in recorder.shown] == [3]
    carried_out(live, tree, recorder)
    assert len(recorder.shown) == 1


def test_an_update_of_a_resource_that_changed_after_the_plan_fails_without_overwriting_it(
    live: Account, tree: Path
) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW, "dashboards/web.yaml": "title: New\npositions: []\n"})
    done = carried_out(live, tree, Recorder(on_show=lambda _: put_by_hand(live, "rules/web", MINE)))
    assert changes(done) == ["update dashboard/web repo applied", "update rule/web repo failed"]
    assert done
    assert done.changes[1].error == "it was changed on the server since the plan was made: plan again"
    assert live.live("rule/web") == resource("rule/web", MINE)
    assert changes(plan(live, tree)) == ["update rule/web conflict held"]


def test_an_apply_that_deletes_more_than_the_allowed_share_is_refused_before_the_approval(
    live: Account, tree: Path
) -> None:
    live.has(*(resource(f"rule/{n}", rule()) for n in range(10)))
    asked: list[Plan] = []
    with pytest.raises(Refused, match=r"would delete 10 of 10 resources \(100 %\)") as caught:
        apply(live, tree, prune="all", reporter=Recorder(on_approve=asked.append))
    assert asked == []
    assert caught.value.exit_code == EXIT_REFUSED
    assert len(changes(plan(live, tree, prune="all"))) == 13
    assert len(changes(apply(live, tree, prune="all", max_delete_percent=100))) == 13


def test_an_apply_waits_for_the_lock_of_another_run_and_is_then_refused(live: Account, tree: Path, time: Time) -> None:
    recorder, start = Recorder(), time.now
    options = ApplyOptions(journals=journals(tree), lock_timeout=30.0)

    async def meanwhile() -> None:
        async with writer(live.settings) as client, locked(client, "ann", 0.0, SILENT):
            await operations.apply(tree, live.settings, options=options, reporter=recorder)

    with pytest.raises(Refused, match="another apply is going on: the account is locked by ann"):
        asyncio.run(meanwhile())
    assert time.now == start + 30
    (told,) = recorder.notified
    assert told.endswith("; waiting for up to 30 s.")
    assert live.live("rule/web") is None


def test_an_apply_reports_progress(live: Account, tree: Path) -> None:
    recorder = Recorder()
    live.has(resource("rule/web", rule()))
    carried_out(live, tree, recorder)
    assert recorder.steps == 1 + 2


@pytest.mark.parametrize("prune", ["managed", "all"])
def test_an_account_is_deleted_by_name_only_and_never_by_prune(live: Account, tree: Path, prune: str) -> None:
    live.has(resource("account/old", {}))
    apply(live, tree, prune=prune)
    plan_options = PlanOptions(delete_accounts=("old",))
    done = asyncio.run(
        operations.apply(tree, live.settings, plan_options=plan_options, options=ApplyOptions(journals=journals(tree)))
    )
    assert changes(done) == ["delete account/old repo applied"]
    assert changes(asyncio.run(operations.plan(tree, live.settings, options=plan_options))) == []


def test_an_apply_into_a_new_account_creates_and_locks_it_and_records_its_resources(live: Account, tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "accounts: [new]\n"})
    new = replace(live.settings, account="new")
    writes: list[str] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = onward()
        if seen.method != "GET" and reply.status < 400:
            name = json.loads(seen.body)["name"] if seen.method == "POST" else ""
            writes.append(f"{seen.method} {seen.target.partition('/acme/')[2]} {name}".rstrip())
        return reply

    options = ApplyOptions(journals=journals(tree))
    done = through(live, answer, lambda to: operations.apply(tree, replace(new, url=to.url), options=options))
    assert writes[:2] == ["POST accounts new", "POST accounts/new/plugins dlsync-lock"]
    assert "PUT accounts/new/rules/web" in writes[2:-1]
    assert writes[-1] == "DELETE accounts/new/plugins/dlsync-lock"
    assert [one.result for one in done.changes if done] == ["applied"] * 4  # type: ignore[union-attr] # it was approved
    assert sorted(map(str, asyncio.run(operations.managed(tree, new)))) == ["dashboard/web", "plugin/disk", "rule/web"]


# the journal is written before the request, the inventory after it


def test_each_resource_is_in_the_journal_before_its_write_is_sent(live: Account, tree: Path) -> None:
    apply(live, tree)
    before = set(journals(tree).iterdir())
    write_tree(tree, {"rules/web.yaml": NEW, "dashboards/web.yaml": "title: New\npositions: []\n"})
    late: list[str] = []
    writes: list[str] = []

    def answer(seen: Seen, onward: Callable[[], Reply]) -> Reply:
        method, _, path = below(seen).partition(" ")
        if method != "GET" and not path.startswith("plugins"):
            writes.append(path)
            kept = "".join(one.read_text() for one in set(journals(tree).iterdir()) - before)
            late.extend([path] if f'"address": "{path.replace("s/", "/")}"' not in kept else [])
        return onward()

    options = ApplyOptions(journals=journals(tree))
    done = through(live, answer, lambda settings: operations.apply(tree, settings, options=options))
    assert changes(done) == ["update dashboard/web repo applied", "update rule/web repo applied"]
    assert (sorted(writes), late) == (["dashboards/web", "rules/web"], [])


def test_without_a_writable_journal_no_change_is_sent(live: Account, tree: Path) -> None:
    journals(tree).write_text("a file where the folder belongs")
    done = apply(live, tree)
    assert {one.result for one in done.changes} == {"failed"}
    assert all("nothing was sent, since it could not be reverted" in one.error for one in done.changes)
    assert live.plugins() == []
    assert [live.live(str(one.address)) for one in done.changes] == [None] * 3


def test_a_failure_to_finish_the_journal_is_a_warning_and_the_run_can_be_rolled_back(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/new.yaml": NEW})
    earlier = set(journals(tree).iterdir())

    def spoilt() -> None:  # once the change was sent
        for file in set(journals(tree).iterdir()) - earlier:
            file.rename(file.with_suffix(".kept"))
            file.mkdir()

    recorder = Recorder(on_advance=spoilt)
    done = carried_out(live, tree, recorder)
    assert changes(done) == ["create rule/new new applied"]
    (problem,) = recorder.warned
    assert problem.severity == "warning"
    assert problem.message.startswith(
        "the journal could not record how the changes ended, so `dlsync history` shows them as unknown: the"
    )
    assert "rule/new" in managed(live, tree)
    (file,) = journals(tree).glob("*.kept")
    file.with_suffix(".jsonl").rmdir()
    file.rename(file.with_suffix(".jsonl"))
    back = asyncio.run(operations.rollback(tree, live.settings, options=ApplyOptions(journals=journals(tree))))
    assert changes(back) == ["delete rule/new repo applied"]


def test_the_inventory_records_applied_changes_and_no_failed_ones(live: Account, tree: Path) -> None:
    options = ApplyOptions(journals=journals(tree))
    done = through(live, refusing("PUT rules/web"), lambda settings: operations.apply(tree, settings, options=options))
    assert changes(done) == [
        "create plugin/disk new applied",
        "create dashboard/web new applied",
        "create rule/web new failed",
    ]
    assert managed(live, tree) == ["dashboard/web", "plugin/disk"]


def test_a_failure_to_update_the_inventory_is_an_error_that_a_second_apply_repairs(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/new.yaml": NEW})
    options, recorder = ApplyOptions(journals=journals(tree)), Recorder()
    answer = refusing("PATCH plugins/dlsync-inventory", after=1)
    done = through(live, answer, lambda settings: operations.apply(tree, settings, options=options, reporter=recorder))
    assert changes(done) == ["create rule/new new applied"]
    (problem,) = recorder.warned
    assert problem.severity == "error"
    assert problem.message.startswith("the inventory could not record what was applied; run the same command again")
    assert "rule/new" not in managed(live, tree)
    made = plan(live, tree)
    assert (made.changes, made.adopted) == ((), ())  # the plan recognises the applied resource
    apply(live, tree)
    assert "rule/new" in managed(live, tree)


def test_without_a_writable_inventory_no_change_is_sent(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/new.yaml": NEW, "dashboards/new.yaml": "title: New\npositions: []\n"})
    options, recorder = ApplyOptions(journals=journals(tree)), Recorder()
    answer = refusing("PATCH plugins/dlsync-inventory")
    done = through(live, answer, lambda settings: operations.apply(tree, settings, options=options, reporter=recorder))
    assert changes(done) == ["create dashboard/new new failed", "create rule/new new skipped"]
    assert done
    assert [one.error.rpartition("; ")[2] for one in done.changes] == [
        "nothing was sent, since the inventory could not record it first",
        "not sent: the error of another change ended the apply",
    ]
    assert recorder.warned == []
    assert live.live("dashboard/new") is live.live("rule/new") is None
    assert {one.result for one in apply(live, tree).changes} == {"applied"}


def test_an_annotation_that_cannot_be_posted_is_a_warning(live: Account, tree: Path) -> None:
    options, recorder = ApplyOptions(journals=journals(tree)), Recorder()
    answer = refusing("POST annotations/deploys")
    through(
        live,
        answer,
        lambda settings: operations.apply(
            tree, replace(settings, annotate="deploys"), options=options, reporter=recorder
        ),
    )
    assert [one.severity for one in recorder.warned] == ["warning"]


# saved plans


def promised(live: Account, tree: Path, *targets: str, **settings: Any) -> SavedPlan:
    file = tree.parent / "plan.json"
    plan_options = PlanOptions(targets=targets)
    work = asyncio.run(operations.plan_tree(tree, replace(live.settings, **settings), options=plan_options))
    plan_file.save(file, plan_file.promise(work, plan_options))
    return plan_file.read(file)


def test_an_apply_of_a_saved_plan_carries_out_exactly_its_changes(live: Account, tree: Path) -> None:
    saved = promised(live, tree)
    live.has(resource("dashboard/other", dashboard()))
    assert len(changes(carried_out(live, tree, promised=saved))) == 3
    assert managed(live, tree) == ["dashboard/web", "plugin/disk", "rule/web"]


@pytest.mark.parametrize(
    ("file", "content", "is_stale"),
    [
        ("rules/new.yaml", NEW, True),
        ("overlays/prod/rules/web.yaml", "title: Prod\n", False),
        ("README.md", "other\n", False),
        ("rules/README.md", "other\n", False),
        ("packs/shop/notes.txt", "other\n", False),
        ("packs/shop/rules/new.yaml", NEW, True),
        ("links.yaml", "disk: [web]\n", True),
        (".git/HEAD", "ref: refs/heads/main\n", False),
        ("dlsync.yaml", "# a comment\n", True),
    ],
)
def test_a_saved_plan_is_refused_only_if_a_file_that_it_depends_on_changed(
    live: Account, tree: Path, file: str, content: str, is_stale: bool
) -> None:
    saved = promised(live, tree)
    write_tree(tree, {file: content})
    if is_stale:
        with pytest.raises(Refused, match="the files changed since it was made"):
            carried_out(live, tree, promised=saved)
    else:
        assert len(changes(carried_out(live, tree, promised=saved))) == 3


def test_a_saved_plan_is_refused_only_if_an_overlay_of_its_own_environment_changed(live: Account, tree: Path) -> None:
    write_tree(
        tree, {"dlsync.yaml": "environments: {prod: {}, test: {}}\n", "overlays/prod/rules/web.yaml": "title: A\n"}
    )
    chosen = replace(live, settings=replace(live.settings, environment="prod"))
    saved = promised(chosen, tree, "dashboard/web")
    write_tree(tree, {"overlays/test/rules/web.yaml": "title: B\n"})
    again = asyncio.run(operations.plan_tree(tree, chosen.settings, options=saved.options))
    assert plan_file.narrowed_to(saved, again).plan.changes == again.plan.changes
    write_tree(tree, {"overlays/prod/rules/web.yaml": "title: C\n"})
    with pytest.raises(Refused, match="the files changed since it was made"):
        carried_out(chosen, tree, promised=saved)


def test_a_saved_plan_keeps_its_targets(live: Account, tree: Path) -> None:
    saved = promised(live, tree, "rule/web")
    assert changes(carried_out(live, tree, promised=saved)) == ["create rule/web new applied"]


@pytest.mark.parametrize(
    ("live_moves", "files", "named"),
    [
        pytest.param(True, {}, "rule/web", id="the server"),
        pytest.param(False, {"dashboards/web.yaml": "title: New\npositions: []\n"}, "dashboard/web", id="a file"),
        pytest.param(True, {"plugins/disk.py": "print(1)\n"}, "plugin/disk, rule/web", id="both"),
    ],
)
def test_a_saved_plan_is_refused_if_its_resources_changed_and_nothing_is_written(
    live: Account, tree: Path, live_moves: bool, files: dict[str, str], named: str
) -> None:
    live.has(resource("rule/web", rule(description="1")))
    saved = promised(live, tree)
    if live_moves:
        live.has(resource("rule/web", rule(description="2")))
    write_tree(tree, files)
    with pytest.raises(Refused, match=f"since it was made, {named} changed"):
        carried_out(live, tree, promised=saved)
    assert live.plugins() == []


def test_a_saved_plan_contains_no_secret_and_is_refused_if_a_secret_changed(live: Account, tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    saved = promised(live, tree, environ={"TITLE": "s3cret one"})
    assert "s3cret" not in (tree.parent / "plan.json").read_text()
    other = replace(live.settings, environ={"TITLE": "s3cret two"})
    with pytest.raises(Refused, match="rule/web changed"):
        asyncio.run(operations.apply(tree, other, saved_plan=saved))
    same = replace(live.settings, environ={"TITLE": "s3cret one"})
    done = asyncio.run(operations.apply(tree, same, saved_plan=saved, options=ApplyOptions(journals=journals(tree))))
    assert len(changes(done)) == 3


# rollback


def rolled_back(live: Account, tree: Path, run: str = "", **decided: Any) -> Plan | None:
    options = ApplyOptions(journals=journals(tree))
    return asyncio.run(
        operations.rollback(tree, live.settings, run=run, decisions=ConflictPolicy(**decided), options=options)
    )


def test_a_rollback_restores_the_resources_and_the_inventory_of_the_account(live: Account, tree: Path) -> None:
    apply(live, tree)
    before = tree_files(tree)
    recorded = managed(live, tree)
    (tree / "plugins/disk.py").unlink()
    write_tree(tree, {"rules/web.yaml": NEW, "rules/new.yaml": NEW})
    apply(live, tree)
    done = rolled_back(live, tree)
    assert done
    assert [one.error for one in done.changes] == ["", "", ""]
    assert changes(done) == [
        "create plugin/disk new applied",
        "update rule/web repo applied",
        "delete rule/new repo applied",
    ]
    assert managed(live, tree) == recorded
    for file in tree_files(tree).keys() - before.keys():
        (tree / file).unlink()
    write_tree(tree, before)
    assert not plan(live, tree)


def test_a_rollback_can_itself_be_rolled_back_by_its_run_id(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": NEW})
    apply(live, tree)
    assert rolled_back(live, tree)
    assert live.live("rule/web") == resource("rule/web", FILES["rules/web.yaml"])
    (back,) = [one.run for one in operations.history(journals(tree)) if one.run.command == "rollback"]
    assert rolled_back(live, tree, back.id)
    assert live.live("rule/web") == resource("rule/web", NEW)
    assert not plan(live, tree)


def test_the_history_lists_the_run_that_wrote_last_first_even_if_its_plan_is_older(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"dashboards/web.yaml": "title: New\npositions: []\n"})
    other = write_tree(tree.parent / "other", {"rules/web.yaml": NEW})
    options = ApplyOptions(journals=journals(tree))

    async def meanwhile() -> None:
        rules = PlanOptions(targets=("rule/*",))
        await operations.apply(other, live.settings, plan_options=rules, options=options)

    def approve(_: Plan) -> bool:
        with ThreadPoolExecutor() as another:
            another.submit(asyncio.run, meanwhile()).result()
        return True

    carried_out(live, tree, Recorder(on_approve=approve))
    first, second, _ = operations.history(journals(tree))
    assert [[str(one) for one in run.undo] for run in (first, second)] == [["dashboard/web"], ["rule/web"]]


def test_a_rollback_without_approval_changes_nothing(live: Account, tree: Path) -> None:
    apply(live, tree)
    options, reporter = ApplyOptions(journals=journals(tree)), Recorder(on_approve=lambda _: False)
    assert asyncio.run(operations.rollback(tree, live.settings, options=options, reporter=reporter)) is None
    assert live.live("rule/web")


def test_a_rollback_finds_the_journals_of_the_tree(live: Account, tree: Path) -> None:
    asyncio.run(operations.apply(tree, live.settings))
    assert asyncio.run(operations.rollback(tree, live.settings))
    assert live.live("rule/web") is None


def test_an_inventory_is_not_lost_if_the_server_answers_404_once(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/a.yaml": NEW, "rules/b.yaml": MINE})
    apply(live, tree)
    (tree / "rules/b.yaml").unlink()
    denied: list[Seen] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "GET plugins/dlsync-inventory" and not denied:
            denied.append(seen)
            return Reply(404)
        return onward()

    recorder = Recorder()
    options = ApplyOptions(journals(tree))
    through(live, answer, lambda settings: operations.apply(tree, settings, options=options, reporter=recorder))
    assert any("has an inventory, which the server denied before" in one.message for one in recorder.warned)
    assert managed(live, tree) == ["rule/a", "rule/b"]
    assert changes(apply(live, tree)) == ["delete rule/b repo applied"]
