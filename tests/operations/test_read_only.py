"""Operations that only read from the server: plan, drift and export."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from platformdirs import user_cache_path

from dlsync import operations
from dlsync.errors import AccountNotFound, InvalidTree, Refused, SettingsError, Unauthorised
from dlsync.files import yaml
from dlsync.operations.plan import PlanOptions
from dlsync.resources.selector import Targets
from tests.builders.applies import FILES, apply, changes, plan
from tests.builders.between import below, put_by_hand, refusing, through
from tests.builders.http import json_reply
from tests.builders.reporters import Recorder
from tests.builders.trees import Account, dashboard, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.model import Plan
    from dlsync.operations.drift import Drift
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen


# plan


def test_a_plan_only_reads(live: Account, tree: Path) -> None:
    made = plan(live, tree)
    assert changes(made) == ["create plugin/disk new", "create dashboard/web new", "create rule/web new"]
    assert live.live("rule/web") is None
    assert live.plugins() == []


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """A mock of the YAML parser that records its calls."""
    parser = Mock(wraps=yaml.parse)
    monkeypatch.setattr(yaml, "parse", parser)
    return parser


def times(parsed: Mock, file: str) -> int:
    return [call.args[0] for call in parsed.call_args_list].count(FILES[file].encode())


def test_a_plan_without_changes_parses_each_file_once_and_no_response(live: Account, tree: Path, parsed: Mock) -> None:
    apply(live, tree)
    shutil.rmtree(user_cache_path("dlsync"))
    parsed.reset_mock()
    assert not plan(live, tree)
    # the list of dashboards has it as JSON, which needs no parser of YAML
    assert times(parsed, "rules/web.yaml") == times(parsed, "dashboards/web.yaml") == 1


def test_an_apply_parses_a_created_resource_only_once(live: Account, tree: Path, parsed: Mock) -> None:
    apply(live, tree)
    assert times(parsed, "rules/web.yaml") == 1


def test_a_listed_resource_that_is_gone_when_it_is_requested_is_left_out(live: Account, tree: Path) -> None:
    apply(live, tree)

    def outdated(request: Seen, onward: Onward) -> Reply:
        came = onward()
        if below(request) != "GET rules":
            return came
        return replace(came, body=json.dumps([*json.loads(came.body), {"name": "gone"}]).encode())

    made = through(live, outdated, lambda settings: operations.plan(tree, replace(settings, prune="all")))
    assert (made.changes, made.unchanged) == ((), 3)


def test_a_plan_without_options_covers_everything(live: Account, tree: Path) -> None:
    assert asyncio.run(operations.plan(tree, live.settings)) == plan(live, tree)


def test_a_missing_directory_is_an_error(live: Account, tmp_path: Path) -> None:
    with pytest.raises(InvalidTree, match="does not exist"):
        plan(live, tmp_path / "nowhere")


def test_invalid_files_are_an_error_without_an_answer_of_the_server(live: Account, tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: [\n"})
    settings = replace(live.settings, url="http://127.0.0.1:9/nobody-listens")
    for run in (operations.plan, operations.apply, operations.export, operations.drift):
        with pytest.raises(InvalidTree, match="1 error in the files"):
            asyncio.run(run(tree, settings))


def test_a_wrong_key_and_a_wrong_account_are_errors(live: Account, tree: Path) -> None:
    for run in (plan, apply):
        with pytest.raises(Unauthorised):
            run(live, tree, key="wrong")
        with pytest.raises(AccountNotFound, match="has no account 'none'"):
            run(live, tree, account="none")


HELD = json.dumps(
    {"id": "a" * 32, "owner": "ann", "since": "2026-11-25T10:10:10+00:00", "expires": 0, "process": ""}
).encode()


def test_a_tree_without_resources_is_refused_if_its_plan_would_delete_resources(
    live: Account, tree: Path, tmp_path: Path
) -> None:
    empty = write_tree(tmp_path / "empty", {"dlsync.yaml": "accounts: [default]\n"})
    assert not plan(live, empty, prune="all")
    apply(live, tree)
    for prune in ("managed", "all"):
        (reason,) = plan(live, empty, prune=prune).refused
        assert reason.startswith("the files hold no resources, and the plan would delete 3")
        with pytest.raises(Refused, match="the plan is refused: the files hold no resources"):
            apply(live, empty, prune=prune)
    assert not plan(live, empty, prune="none").refused


def locked(found: Plan | Drift) -> list[str]:
    return [one.message for one in found.warnings if "locked" in one.message]


def test_plans_and_drift_say_who_holds_the_lock_whether_or_not_they_list_plugins(
    live: Account, tree: Path, tmp_path: Path
) -> None:
    live.run(lambda client: client.plugins.create("dlsync-lock", "json", HELD))
    held = (
        "the account is locked by ann since 2026-11-25T10:10:10+00:00: an apply waits for it; if that process is dead, "
        "run `dlsync unlock`"
    )
    bare = write_tree(tmp_path / "bare", {"rules/web.yaml": "title: Web\ncriteria: []\n"})

    def incomplete(seen: Seen, onward: Onward) -> Reply:
        return json_reply([{"name": "disk", "tags": ["all"]}]) if below(seen) == "GET plugins" else onward()

    rules = Targets(["rule/*"])
    found: list[Plan | Drift] = [
        plan(live, tree),
        plan(live, bare),
        asyncio.run(operations.plan(tree, live.settings, options=PlanOptions(targets=("rule/*",)))),
        through(live, incomplete, lambda settings: operations.plan(tree, settings)),
        asyncio.run(operations.drift(tree, live.settings)),
        asyncio.run(operations.drift(tree, live.settings, targets=rules)),
    ]
    assert list(map(locked, found)) == [[held]] * 6
    unheard = refusing("GET plugins/dlsync-lock", 403)
    assert locked(through(live, unheard, lambda settings: operations.plan(tree, settings))) == []


def test_an_account_in_use_is_not_deleted(live: Account, tree: Path) -> None:
    with pytest.raises(SettingsError, match="in use"):
        asyncio.run(operations.plan(tree, live.settings, options=PlanOptions(delete_accounts=("default",))))


def test_only_a_chosen_environment_adds_its_accounts_to_the_plan(live: Account, tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "environments:\n  staging:\n    accounts: [staging]\n"})
    assert not [one for one in changes(plan(live, tree)) if "account" in one]
    assert changes(plan(live, tree, environment="staging", account="staging"))[0] == "create account/staging new"


# drift


def test_drift_lists_the_resources_changed_on_the_server_since_an_apply(live: Account, tree: Path) -> None:
    apply(live, tree)
    assert not asyncio.run(operations.drift(tree, live.settings))
    put_by_hand(live, "rules/web", "title: Mine\ncriteria: []\n")
    found = asyncio.run(operations.drift(tree, live.settings))
    assert [str(one.address) for one in found.changes] == ["rule/web"]
    assert not asyncio.run(operations.drift(tree, live.settings, targets=Targets(["dashboard/*"])))


# export


def test_an_export_writes_files_and_a_check_only_lists_them(live: Account, tmp_path: Path) -> None:
    live.has(resource("rule/web", rule()))
    folder = tmp_path / "new"
    looked = asyncio.run(operations.export(folder, live.settings, check=True))
    assert [one.file for one in looked.files] == ["rules/web.yaml"]
    assert not folder.exists()
    assert asyncio.run(operations.export(folder, live.settings)) == looked
    assert set(tree_files(folder)) == {"rules/web.yaml"}
    assert not asyncio.run(operations.export(folder, live.settings, check=True))


def test_an_export_respects_its_targets_mirror_and_managed_options(live: Account, tree: Path) -> None:
    live.has(resource("rule/new", rule()), resource("dashboard/new", dashboard()))
    some = asyncio.run(operations.export(tree, live.settings, targets=Targets(["rule/*"]), mirror=True, check=True))
    assert [f"{one.action} {one.file}" for one in some.files] == ["create rules/new.yaml", "delete rules/web.yaml"]
    assert not asyncio.run(operations.export(tree, live.settings, managed=True))


def test_plan_export_and_drift_report_their_progress(live: Account, tree: Path) -> None:
    recorders = [Recorder() for _ in range(3)]
    live.has(resource("rule/web", rule()), resource("plugin/other", "x"))
    asyncio.run(operations.plan(tree, live.settings, reporter=recorders[0]))
    asyncio.run(operations.export(tree, live.settings, reporter=recorders[1]))
    asyncio.run(operations.drift(tree, live.settings, reporter=recorders[2]))
    assert [one.steps for one in recorders] == [2, 3, 3]
