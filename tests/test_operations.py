"""What the commands do, as functions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations, saved_plan
from dlsync.client import ReadClient
from dlsync.errors import EXIT_REFUSED, AccountNotFound, InvalidTree, Refused, SettingsError, Unauthorised
from dlsync.operations import Applying
from dlsync.saved_plan import Wishes
from dlsync.targets import Targets
from tests.builders.trees import account, dashboard, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.client import Client
    from dlsync.model import Plan
    from dlsync.saved_plan import SavedPlan
    from tests.builders.trees import Account

FILES = {
    "dlsync.yaml": "org: acme\n",
    "dashboards/web.yaml": "title: Web\npositions: []\n",
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "plugins/disk.py": "print()\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as live:
        yield live


def plan(live: Account, tree: Path, *targets: str, **settings: Any) -> Plan:
    chosen = replace(live.settings, **settings)
    return asyncio.run(operations.plan(tree, chosen, wishes=Wishes(tree, targets=targets)))


def apply(
    live: Account, tree: Path, *targets: str, approve: bool = True, promised: SavedPlan | None = None, **settings: Any
) -> Plan | None:
    chosen, how = replace(live.settings, **settings), Applying(approve=lambda _: approve)
    wishes = Wishes(tree, targets=targets)
    return asyncio.run(operations.apply(tree, chosen, wishes=wishes, promised=promised, how=how))


def changes(made: Plan | None) -> list[str]:
    assert made is not None
    return [f"{one.action} {one.address} {one.result or ''}".rstrip() for one in made.changes]


# validate


def test_all_that_is_wrong_with_a_tree_is_found_offline(tree: Path) -> None:
    assert operations.validate(tree).problems == ()
    write_tree(tree, {"dlsync.yaml": "prune: some\n", "rules/web.yaml": "title: [\n", "dashboards/a.yaml": "- 1\n"})
    assert [one.file for one in operations.validate(tree).errors] == [
        "dashboards/a.yaml",
        "dlsync.yaml",
        "rules/web.yaml",
    ]


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path, live: Account) -> None:
    with pytest.raises(InvalidTree, match="does not exist"):
        operations.validate(tmp_path / "nowhere")
    with pytest.raises(InvalidTree, match="does not exist"):
        plan(live, tmp_path / "nowhere")
    with pytest.raises(InvalidTree, match="does not exist"):
        apply(live, tmp_path / "nowhere")


# plan and apply


def test_what_a_plan_says_an_apply_does_and_then_there_is_nothing_to_do(live: Account, tree: Path) -> None:
    made = plan(live, tree)
    assert changes(made) == ["create plugin/disk", "create dashboard/web", "create rule/web"]
    assert live.live("rule/web") is None
    assert changes(apply(live, tree)) == [f"{line} applied" for line in changes(made)]
    assert not plan(live, tree)
    assert changes(apply(live, tree, approve=False)) == []


def test_a_tree_with_errors_reaches_no_server(tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: [\n"})
    with account() as live:
        settings = replace(live.settings, url="http://127.0.0.1:9/nobody-listens")
    for run in (
        operations.plan(tree, settings),
        operations.apply(tree, settings),
        operations.export(tree, settings),
    ):
        with pytest.raises(InvalidTree, match="1 error in the files"):
            asyncio.run(run)


def test_nothing_is_written_without_approval(live: Account, tree: Path) -> None:
    assert apply(live, tree, approve=False) is None
    assert live.live("rule/web") is None


def test_targets_hold_for_an_apply(live: Account, tree: Path) -> None:
    live.has(resource("rule/other", rule()))
    assert changes(apply(live, tree, "rule/w*", prune="all")) == ["create rule/web applied"]
    assert live.live("rule/other") is not None
    assert live.live("dashboard/web") is None


def test_an_apply_that_deletes_too_much_is_refused_before_anybody_is_asked(live: Account, tree: Path) -> None:
    live.has(*(resource(f"rule/{n}", rule()) for n in range(10)))
    with pytest.raises(Refused, match=r"would delete 10 of 10 resources \(100 %\)") as caught:
        apply(live, tree, prune="all")
    assert caught.value.exit_code == EXIT_REFUSED
    assert len(changes(plan(live, tree, prune="all"))) == 13
    assert len(changes(apply(live, tree, prune="all", max_delete_percent=100))) == 13


def test_a_wrong_key_and_a_wrong_account_are_errors(live: Account, tree: Path) -> None:
    for run in (plan, apply):
        with pytest.raises(Unauthorised):
            run(live, tree, key="wrong")
        with pytest.raises(AccountNotFound, match="has no account 'none'"):
            run(live, tree, account="none")


def test_progress_is_told(live: Account, tree: Path) -> None:
    told: list[str] = []
    live.has(resource("rule/web", rule()), resource("plugin/other", "x"))
    asyncio.run(operations.plan(tree, live.settings, progress=lambda: told.append("plan")))
    asyncio.run(operations.apply(tree, live.settings, how=Applying(progress=lambda: told.append("apply"))))
    asyncio.run(operations.export(tree, live.settings, progress=lambda: told.append("export")))
    assert [told.count(one) for one in ("plan", "apply", "export")] == [1, 3, 4]


# saved plans


def promised(live: Account, tree: Path, *targets: str) -> SavedPlan:
    file = tree.parent / "plan.json"
    wishes = Wishes(tree, targets=targets)
    work = asyncio.run(operations.prepare(tree, live.settings, wishes=wishes))
    saved_plan.save(file, saved_plan.promise(work, wishes))
    return saved_plan.read(file)


def test_the_plan_that_was_reviewed_is_applied(live: Account, tree: Path) -> None:
    saved = promised(live, tree)
    assert len(changes(apply(live, saved.wishes.directory, promised=saved))) == 3


def test_it_is_still_the_same_plan_where_nothing_that_it_changes_moved(live: Account, tree: Path) -> None:
    live.has(resource("rule/web", rule()))
    saved = promised(live, tree, "rule/web")
    live.has(resource("dashboard/web", dashboard()))
    assert changes(apply(live, tree, "rule/web", promised=saved)) == []


@pytest.mark.parametrize(
    ("live_moves", "files", "named"),
    [
        pytest.param(True, {}, "rule/web", id="the live side"),
        pytest.param(False, {"dashboards/web.yaml": "title: New\npositions: []\n"}, "dashboard/web", id="a file"),
        pytest.param(False, {"rules/new.yaml": FILES["rules/web.yaml"]}, "rule/new", id="a new file"),
        pytest.param(True, {"plugins/disk.py": "print(1)\n"}, "plugin/disk, rule/web", id="both"),
    ],
)
def test_a_plan_is_refused_where_anything_moved_and_nothing_is_written(
    live: Account, tree: Path, live_moves: bool, files: dict[str, str], named: str
) -> None:
    live.has(resource("rule/web", rule(description="1")))
    saved = promised(live, tree)
    if live_moves:
        live.has(resource("rule/web", rule(description="2")))
    write_tree(tree, files)
    with pytest.raises(Refused, match=f"since it was made, {named} changed"):
        apply(live, tree, promised=saved)
    assert live.live("dashboard/web") is None


# export


def test_an_export_writes_and_a_check_only_says_what_it_would_write(live: Account, tmp_path: Path) -> None:
    live.has(resource("rule/web", rule()))
    folder = tmp_path / "new"
    looked = asyncio.run(operations.export(folder, live.settings, check=True))
    assert [one.file for one in looked.files] == ["rules/web.yaml"]
    assert not folder.exists()
    assert asyncio.run(operations.export(folder, live.settings)) == looked
    assert set(tree_files(folder)) == {"rules/web.yaml"}
    assert not asyncio.run(operations.export(folder, live.settings, check=True))


def test_an_export_passes_on_what_it_is_about(live: Account, tree: Path) -> None:
    live.has(resource("rule/new", rule()), resource("dashboard/new", dashboard()))
    some = asyncio.run(operations.export(tree, live.settings, targets=Targets(["rule/*"]), mirror=True, check=True))
    assert [f"{one.action} {one.file}" for one in some.files] == ["create rules/new.yaml", "delete rules/web.yaml"]
    assert not asyncio.run(operations.export(tree, live.settings, managed=True))


def test_a_question_by_hand_gets_a_client_that_can_only_ask_and_work_one_that_can_write(live: Account) -> None:
    async def question(client: ReadClient) -> tuple[type, tuple[str, ...]]:
        return type(client), await client.annotations.streams()

    async def work(client: Client) -> str:
        return (await client.annotations.create("deploys", name="v24")).name

    assert asyncio.run(operations.reading(live.settings, question)) == (ReadClient, ())
    assert asyncio.run(operations.writing(live.settings, work)) == "v24"


# accounts


def test_an_account_that_is_named_is_deleted_and_nothing_else_deletes_one(live: Account, tree: Path) -> None:
    live.has(resource("account/old", {}))
    apply(live, tree, prune="all")
    done = asyncio.run(operations.apply(tree, live.settings, wishes=Wishes(tree, delete_accounts=("old",))))
    assert changes(done) == ["delete account/old applied"]
    assert (
        changes(asyncio.run(operations.plan(tree, live.settings, wishes=Wishes(tree, delete_accounts=("old",))))) == []
    )
    with pytest.raises(SettingsError, match="in use"):
        asyncio.run(operations.plan(tree, live.settings, wishes=Wishes(tree, delete_accounts=("default",))))


def test_a_chosen_environment_names_accounts_of_its_own(live: Account, tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "environments:\n  staging:\n    accounts: [staging]\n"})
    assert not [one for one in changes(plan(live, tree)) if "account" in one]
    assert changes(plan(live, tree, environment="staging", account="staging"))[0] == "create account/staging"
