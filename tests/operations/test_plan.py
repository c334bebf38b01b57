"""The plan: files, live resources and the inventory become changes and warnings."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import AccountNotFound, ApiError
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.operations.reconcile import NOT_MANAGED, ConflictPolicy
from dlsync.resources import loader
from dlsync.resources.selector import Targets
from tests.builders import applies
from tests.builders.between import below, through
from tests.builders.http import json_reply
from tests.builders.reporters import Recorder
from tests.builders.repositories import commit_all, git, repository
from tests.builders.trees import FLAVOURS, Account, account, address, dashboard, resource, rule, widget, write_tree
from tests.operations.test_accept import accept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dlsync.model import Plan
    from tests.builders.http import Reply, Seen

FILES = {
    "dashboards/web.yaml": "title: Web\npositions: []\n",
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "plugins/disk.py": "print()\n",
}
LIVE = (
    resource("dashboard/web", FILES["dashboards/web.yaml"]),
    resource("rule/web", FILES["rules/web.yaml"]),
    resource("plugin/disk", FILES["plugins/disk.py"]),
)
# where the inventory is missing, the account may be missing too, so the plan asks for both
UNRECORDED = ("GET plugins/dlsync-inventory", "GET /api/v1/orgs/acme/accounts")
OTHERS = (resource("dashboard/other", dashboard()), resource("rule/other", rule()), resource("plugin/other", "1"))


def plan(live: Account, root: Path, *targets: str, **settings: Any) -> Plan:
    tree = loader.read(root).raise_for_errors()
    chosen = replace(live.settings, **settings)
    return live.run(lambda client: build_plan(Fetcher(client), tree, chosen, targets=Targets(targets))).plan


def changes(made: Plan) -> list[str]:
    return [f"{one.action} {one.address}" for one in made.changes]


def warnings(made: Plan) -> list[str]:
    return [one.message for one in made.warnings]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path, FILES)


def test_an_empty_account_needs_every_resource_and_plugins_come_first(tree: Path) -> None:
    with account() as live:
        made = plan(live, tree)
    assert changes(made) == ["create plugin/disk", "create dashboard/web", "create rule/web"]
    assert (made.target, made.unchanged, made.warnings) == (live.settings.target, 0, ())


def test_new_values_are_outlined_without_their_secrets(tree: Path) -> None:
    criteria = "criteria:\n  - {metric: base.cpu, condition: {threshold: 90}}\n"
    text = f"title: Web\n{criteria}actions:\n  - {{type: WEBHOOK, url: '${{env:HOOK}}/x'}}\n"
    write_tree(tree, {"rules/web.yaml": text})
    with account() as live:
        chosen = replace(live.settings, environ={"HOOK": "https://s3cret.example.org"})
        made = asyncio.run(operations.plan(tree, chosen))
        asyncio.run(operations.apply(tree, chosen))
        write_tree(tree, {"rules/web.yaml": text + "  - {emails: [a@example.org]}\n"})
        more = asyncio.run(operations.plan(tree, chosen))
    outlines = [one.outline for change in (*made.changes, *more.changes) for one in change.diff if one.outline]
    assert outlines == [
        ("print()",),
        ("base.cpu is above 90",),
        ("calls ${env:HOOK}/x",),
        ("emails a@example.org",),
    ]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_resources_that_match_their_files_need_no_change_and_are_only_read(tree: Path, flavour: str) -> None:
    with account(**FLAVOURS[flavour]) as live:
        live.has(*LIVE)
        made = plan(live, tree)
        unlisted = ["GET dashboards/web"] if flavour == "documented_only" else []
        assert live.requests() == sorted(
            ["GET dashboards", "GET plugins", "GET plugins/disk", "GET rules", "GET rules/web", *UNRECORDED, *unlisted]
        )
    assert not made
    assert made.unchanged == 3


def test_a_manual_edit_is_planned_as_an_update_of_the_edited_field(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE[1:], resource("dashboard/web", {"title": "Mine", "positions": []}))
        made = plan(live, tree)
    (change,) = made.changes
    assert (str(change.address), change.action, change.file, change.line) == (
        "dashboard/web",
        "update",
        "dashboards/web.yaml",
        1,
    )
    assert [(one.path, one.before, one.after) for one in change.diff] == [(("title",), "Mine", "Web")]
    assert made.unchanged == 2


@pytest.mark.parametrize("prune", ["managed", "none"])
def test_prune_managed_and_prune_none_keep_unmanaged_resources_without_files(tree: Path, prune: str) -> None:
    with account() as live:
        live.has(*LIVE, *OTHERS)
        made = plan(live, tree, prune=prune)
    assert (changes(made), warnings(made)) == ([], [])


def test_prune_all_deletes_resources_without_files_rules_first_and_plugins_last(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE, *OTHERS, resource("plugin/dlsync-inventory", "{}"), resource("plugin/dlsync-lock", "{}"))
        made = plan(live, tree, prune="all")
        assert {one.method for one in live.asked} == {"GET"}
    assert changes(made) == ["delete rule/other", "delete dashboard/other", "delete plugin/other"]
    assert made.unchanged == 3


def test_protected_resources_without_files_stay_with_a_warning(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE, *OTHERS)
        made = plan(live, tree, prune="all", protect=("dashboard/*", "rule/oth??"))
    assert changes(made) == ["delete plugin/other"]
    assert warnings(made) == [
        "dashboard/other has no file; it is protected, so it stays live",
        "rule/other has no file; it is protected, so it stays live",
    ]


def test_protect_prevents_deletes_but_no_updates(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE[1:], *OTHERS, resource("dashboard/web", dashboard()))
        assert changes(plan(live, tree, prune="all", protect=("*",))) == ["update dashboard/web"]


def test_prune_all_keeps_resources_that_the_server_does_not_list_and_warns_about_them(tree: Path) -> None:
    with account(documented_only=True) as live:
        live.has(*LIVE, *OTHERS)
        made = plan(live, tree, prune="all")
    assert changes(made) == ["delete plugin/other"]
    assert warnings(made) == [
        f"this server does not list every {kind}: what it does not list is not pruned"
        for kind in ("plugin", "dashboard", "rule")
    ]


def test_a_targeted_plan_neither_shows_nor_deletes_other_resources(tree: Path) -> None:
    with account() as live:
        live.has(*OTHERS, resource("rule/web-2", rule()))
        made = plan(live, tree, "rule/w*", "plugin/disk", prune="all")
        # the plan reads rule/web again: it may be another name of the deleted rule/web-2
        asked = ["GET plugins", "GET plugins/disk", "GET rules", "GET rules/web", "GET rules/web", "GET rules/web-2"]
        assert live.requests() == sorted([*asked, *UNRECORDED])
    assert changes(made) == ["create plugin/disk", "create rule/web", "delete rule/web-2"]


def test_a_target_without_a_file_can_be_deleted_alone(tree: Path) -> None:
    with account() as live:
        live.has(*OTHERS)
        assert changes(plan(live, tree, "rule/other", prune="all")) == ["delete rule/other"]


def test_a_warning_names_each_live_field_that_no_schema_knows_once_with_a_count(tmp_path: Path) -> None:
    document = dashboard(widget("cpu"), widget("memory"))
    more = dashboard(widget("cpu", glow=1), widget("memory", glow=2), zoom=2)
    for name in ("a", "b", "c"):
        write_tree(tmp_path, {f"dashboards/{name}.yaml": resource("dashboard/x", document).body})
    with account() as live:
        live.has(*(resource(f"dashboard/{name}", more) for name in ("a", "b")), resource("dashboard/c", document))
        made = plan(live, tmp_path)
    assert not made
    assert warnings(made) == [
        f"{field} is live in dashboard/a and 1 more, but in no file and no schema: "
        "it is not compared, and an update is sent without it, "
        "so the server may drop it (a muted rule stays muted)"
        for field in ("`positions[].glow` of a dashboard", "`zoom` of a dashboard")
    ]


def test_the_warning_about_an_unknown_field_of_one_resource_has_no_count_and_omits_plugins(tree: Path) -> None:
    with account() as live:
        live.has(
            *LIVE[:1], resource("rule/web", rule(glow=1)), resource("plugin/disk", {"content": "x", "extension": "py"})
        )
        (warning,) = warnings(plan(live, tree))
    assert warning.startswith("`glow` of a rule is live in rule/web, but")


def test_the_warning_about_a_misnamed_file_names_the_delete_of_its_resource_unless_it_is_held(
    live: Account, tree: Path
) -> None:
    applies.apply(live, tree)
    (tree / "rules/web.yaml").rename(tree / "rules/web.YAML")
    assert warnings(plan(live, tree))[0].endswith(". Because it is not read, the plan deletes rule/web")
    live.has(resource("rule/web", rule(title="Mine")))
    assert warnings(plan(live, tree))[0].endswith(" or name it in .dlsyncignore")


def test_deletes_of_resources_that_another_repository_applied_are_warned_of(live: Account, tmp_path: Path) -> None:
    first, second = (write_tree(tmp_path / name, FILES) for name in ("first", "second"))
    for root in (first, second):
        command = ("git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run([*command, "init", "--quiet"], check=True)
        subprocess.run([*command, "commit", "--quiet", "--allow-empty", "--message", root.name], check=True)
    commit = applies.apply(live, first).commit
    (second / "rules/web.yaml").unlink()
    (warning,) = warnings(plan(live, second))
    without_git = write_tree(
        tmp_path / "third", {name: text for name, text in FILES.items() if name != "rules/web.yaml"}
    )
    assert warnings(plan(live, without_git)) == [warning]
    assert warning == (
        f"the last apply was of commit {commit[:12]}, and this directory is in no git repository that has it: "
        "is another directory applied to this account? This plan deletes what only that one has"
    )
    assert warnings(plan(live, second, prune="none")) == []
    (first / "rules/web.yaml").unlink()
    assert warnings(plan(live, first)) == []
    applies.apply(live, second)
    record = live.live("plugin/dlsync-inventory")
    assert not applies.apply(live, first)
    assert live.live("plugin/dlsync-inventory") == record  # another commit alone does not rewrite the inventory


def test_deletes_of_every_resource_that_was_applied_outside_of_git_are_warned_of(live: Account, tmp_path: Path) -> None:
    first, second, third = (write_tree(tmp_path / name, FILES) for name in ("first", "second", "third"))
    assert not applies.apply(live, first).commit
    for file in FILES:
        (second / file).unlink()
    write_tree(second, {"rules/other.yaml": "title: Other\ncriteria: []\n"})
    (third / "rules/web.yaml").unlink()
    (warning,) = warnings(plan(live, second))
    assert warning == (
        "none of the resources that were applied to this account is in this directory: "
        "is another directory applied to this account? This plan deletes what only that one has"
    )
    assert warnings(plan(live, third)) == warnings(plan(live, second, prune="none")) == []


@pytest.mark.parametrize("pattern", ["rules/web.yaml", "rules/", "web.*"])
def test_a_warning_explains_the_delete_of_a_resource_whose_file_dlsyncignore_names(
    live: Account, tmp_path: Path, pattern: str
) -> None:
    tree = write_tree(tmp_path / "tree", {**FILES, "rules/%2e.yaml": "", ".dlsyncignore": "rules/%2e.yaml\n"})
    applies.apply(live, tree)
    write_tree(tree, {".dlsyncignore": f"rules/%2e.yaml\n{pattern}\n!dashboards/*\n"})
    (tree / "plugins/disk.py").unlink()
    (warning,) = warnings(plan(live, tree))
    assert warning == (
        "is not read, since .dlsyncignore names it, so the plan deletes rule/web; to keep it live, run "
        "`dlsync release rule/web` before the apply"
    )
    live.run(lambda client: client.rules.delete("web"))
    assert warnings(plan(live, tree)) == []


def test_deletes_in_a_sparse_checkout_are_warned_of(live: Account, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {**FILES, "rules/other.yaml": "title: Other\ncriteria: []\n", "README.md": ""})
    repository(root)
    applies.apply(live, root)
    git(root, "sparse-checkout", "set", "--no-cone", "/rules/other.yaml")
    found = plan(live, root)
    assert {str(change.address) for change in found.changes} == {str(one.address) for one in LIVE}
    (warning,) = warnings(found)
    assert warning == (
        "a sparse checkout leaves out dashboards/web.yaml, plugins/disk.py, rules/web.yaml: this plan deletes what has "
        "no file here; to plan with all files, run `git sparse-checkout disable`"
    )
    assert warnings(plan(live, root, prune="none")) == []
    git(root, "sparse-checkout", "disable")
    (root / "rules/web.yaml").unlink()
    assert warnings(plan(live, root)) == []


def test_deletes_where_a_submodule_is_not_checked_out_are_warned_of(live: Account, tmp_path: Path) -> None:
    shared = repository(write_tree(tmp_path / "shared", {"package.yaml": "title: Shared\n", **FILES}))
    root = repository(write_tree(tmp_path / "tree", {"rules/other.yaml": "title: Other\ncriteria: []\n"}))
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", shared.as_uri(), "packs/shared")
    commit_all(root, "second")
    applies.apply(live, root)
    git(tmp_path, "clone", "--quiet", root.as_uri(), "clone")
    found = plan(live, tmp_path / "clone")
    assert {change.action for change in found.changes} == {"delete"}
    (warning,) = warnings(found)
    assert warning == (
        "a checkout without submodules leaves out packs/shared: this plan deletes what has no file here; to plan with "
        "all files, run `git submodule update --init`"
    )
    git(root, "rm", "--quiet", "-r", "packs/shared")
    assert warnings(plan(live, root)) == []


def test_a_submodule_that_can_hold_no_resource_is_not_warned_of(live: Account, tmp_path: Path) -> None:
    library = repository(write_tree(tmp_path / "library", {"README.md": ""}))
    root = repository(write_tree(tmp_path / "tree", FILES))
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.as_uri(), "vendor/library")
    commit_all(root, "second")
    applies.apply(live, root)
    (root / "rules/web.yaml").unlink()
    git(root, "submodule", "--quiet", "deinit", "--all")
    assert warnings(plan(live, root)) == []


def test_a_rename_of_every_applied_file_does_not_warn_about_another_directory(live: Account, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"rules/web.yaml": "title: Web\ncriteria: []\n"})
    applies.apply(live, root)
    (root / "rules/web.yaml").rename(root / "rules/shop.yaml")
    assert warnings(plan(live, root)) == []


def test_warnings_about_files_come_before_warnings_about_the_server(tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: Web\ncriteria: []\nglow: 1\n"})
    with account(documented_only=True) as live:
        made = plan(live, tree, prune="all")
    assert [one.file for one in made.warnings] == ["rules/web.yaml", "", ""]


def test_the_reporter_gets_one_progress_call_per_resource(tree: Path) -> None:
    recorder = Recorder()
    desired = loader.read(tree)
    with account() as live:
        live.has(*LIVE)
        live.run(lambda client: build_plan(Fetcher(client, reporter=recorder), desired, live.settings))
    assert recorder.steps == 3


# links and their plugins


MISSING = "%s refers to %s, which does not exist: it is not created; add what is missing, or remove this line"
LINKED = {"plugins/disk.py": "print()\n", "links.yaml": "disk: [all]\nnone: [all]\nlive: [all]\n"}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_link_to_a_missing_plugin_is_not_created_and_gets_a_warning_at_its_line(tmp_path: Path, flavour: str) -> None:
    write_tree(tmp_path, LINKED)
    with account(**FLAVOURS[flavour]) as live:
        live.has(resource("plugin/live", "1"))
        made = plan(live, tmp_path)
    assert [(str(one.address), one.line) for one in made.changes if one.address.kind == "link"] == [
        ("link/disk", 1),
        ("link/live", 3),
    ]
    assert [(one.message, one.file, one.line) for one in made.warnings if one.file] == [
        (MISSING % ("link/none", "plugin/none"), "links.yaml", 2)
    ]


def test_prune_all_deletes_links_without_files_before_their_plugins(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE, resource("plugin/old", "1"), resource("link/old", {"tags": ["all"]}))
        assert changes(plan(live, tree)) == []
        assert changes(plan(live, tree, prune="all")) == ["delete link/old", "delete plugin/old"]


# accounts


def test_accounts_in_the_settings_are_created_first_and_other_accounts_are_never_pruned(tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "accounts:\n  - default\n  - new\n"})
    with account() as live:
        live.has(*LIVE[:2], resource("account/other", {}))
        made = plan(live, tree, prune="all")
        assert not changes(plan(live, tree, "dashboard/*", prune="all"))
    assert [(str(one.address), one.action, one.file, one.line) for one in made.changes] == [
        ("account/new", "create", "dlsync.yaml", 3),
        ("plugin/disk", "create", "plugins/disk.py", 1),
    ]
    assert made.unchanged == 3


def test_a_plan_that_creates_its_own_account_treats_the_account_as_empty(tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "accounts: [new]\n", "links.yaml": "none: [all]\n"})
    with account() as live:
        new = Account(replace(live.settings, account="new"))
        made = plan(new, tree)
        with pytest.raises(AccountNotFound):
            plan(new, tree, "dashboard/*")
    assert changes(made)[0] == "create account/new"
    assert len(made.changes) == 4
    assert [one.line for one in made.warnings] == [1]


def test_an_account_is_deleted_only_where_it_is_named_and_is_not_protected(tree: Path) -> None:
    def deleting(live: Account, **settings: Any) -> Plan:
        desired, chosen = loader.read(tree).raise_for_errors(), replace(live.settings, **settings)
        explicit_deletes = [address("account/old"), address("account/gone")]
        return live.run(
            lambda client: build_plan(Fetcher(client), desired, chosen, explicit_deletes=explicit_deletes)
        ).plan

    with account() as live:
        live.has(*LIVE, resource("account/old", {}), resource("account/older", {}))
        made = deleting(live)
        kept = deleting(live, protect=("account/*",))
    assert (changes(made), warnings(made)) == (
        ["delete account/old"],
        ["account/gone is to be deleted, but does not exist"],
    )
    assert (changes(kept), warnings(kept)[0]) == ([], "account/old has no file; it is protected, so it stays live")


# ownership


FIXED = {**FILES, "rules/other.yaml": "title: Other\ncriteria: []\n"}
MINE = "title: Mine\npositions: []\n"
ADOPT = ConflictPolicy(adopt=True)


def test_matching_live_resources_are_adopted_and_differing_resources_are_held(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE[1:], resource("dashboard/web", MINE))
        made = applies.plan(live, tree)
        assert sorted(map(str, made.adopted)) == ["plugin/disk", "rule/web"]
        assert applies.changes(made) == ["update dashboard/web new held"]
        assert made.changes[0].held == NOT_MANAGED
        assert applies.changes(applies.apply(live, tree)) == ["update dashboard/web new held skipped"]
        assert live.live("dashboard/web") == resource("dashboard/web", MINE)
        assert applies.plan(live, tree).adopted == ()
        assert applies.changes(applies.apply(live, tree, decisions=ADOPT)) == ["update dashboard/web new applied"]
        assert not applies.plan(live, tree)


def test_a_change_says_whether_the_files_or_the_server_made_it(tree: Path) -> None:
    write_tree(tree, FIXED)
    with account() as live:
        applies.apply(live, tree)
        live.has(resource("dashboard/web", MINE))
        live.lacks("rule/other")
        write_tree(tree, {"rules/web.yaml": "title: New\ncriteria: []\n", "rules/brand.yaml": FILES["rules/web.yaml"]})
        made = applies.plan(live, tree)
        assert applies.changes(made) == [
            "update dashboard/web drift",
            "create rule/brand new",
            "create rule/other drift",
            "update rule/web repo",
        ]
        assert [one.mover for one in made.changes[0].diff] == ["drift"]
        assert {one.result for one in applies.apply(live, tree).changes} == {"applied"}
        assert not applies.plan(live, tree)


def test_a_resource_changed_in_its_file_and_on_the_server_is_held_until_a_side_is_chosen(tree: Path) -> None:
    write_tree(tree, FIXED)
    with account() as live:
        applies.apply(live, tree)
        live.has(resource("dashboard/web", MINE))
        live.lacks("rule/other")
        write_tree(
            tree,
            {"dashboards/web.yaml": "title: Ours\npositions: []\n", "rules/other.yaml": "title: Ours\ncriteria: []\n"},
        )
        assert applies.changes(applies.apply(live, tree)) == [
            "update dashboard/web conflict held skipped",
            "create rule/other conflict held skipped",
        ]
        yielding = applies.plan(live, tree, decisions=ConflictPolicy(on_conflict="live"))
        assert (applies.changes(yielding), yielding.kept) == ([], (address("dashboard/web"), address("rule/other")))
        applies.apply(live, tree, decisions=ConflictPolicy(on_conflict="live"))
        applies.apply(live, tree, decisions=ConflictPolicy(on_conflict="repo"))
        assert not applies.plan(live, tree)
        assert live.live("dashboard/web") == resource("dashboard/web", "title: Ours\npositions: []\n")


def test_changes_of_different_fields_are_merged_and_a_warning_names_the_kept_fields(tree: Path) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nperiod: 60 # s\npositions: []\n"})
    with account() as live:
        applies.apply(live, tree)
        live.has(resource("dashboard/web", "title: Web\nperiod: 90\npositions: []\n"))
        write_tree(tree, {"dashboards/web.yaml": "title: New\nperiod: 60 # s\npositions: []\n"})
        done = applies.apply(live, tree)
        assert applies.changes(done) == ["update dashboard/web repo applied"]
        assert [one.path for one in done.changes[0].kept] == [("period",)]
        now = live.live("dashboard/web")
        assert now
        assert now.document == {"title": "New", "period": 90, "positions": []}
        later = applies.plan(live, tree)
        decided = ConflictPolicy(on_conflict="repo")
        assert applies.changes(applies.plan(live, tree, decisions=decided)) == ["update dashboard/web drift"]
        applies.apply(live, tree, decisions=decided)
        again = applies.plan(live, tree)
    assert (applies.changes(again), again.kept, again.warnings) == ([], (), ())
    assert (applies.changes(later), later.kept) == ([], (address("dashboard/web"),))
    (warning,) = warnings(later)
    assert warning == (
        "dashboard/web was changed on the server in `period`, and the change is kept; "
        "`dlsync accept dashboard/web` writes it into the file, `--on-conflict repo` overwrites it"
    )


def test_setting_a_field_that_had_a_server_default_is_a_change_of_the_files(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree)
        write_tree(tree, {"plugins/disk.meta.yaml": "type: SCRIPT\n"})
        assert applies.changes(applies.apply(live, tree)) == ["update plugin/disk repo applied"]
        assert not applies.plan(live, tree)


def test_a_resource_whose_file_is_removed_is_deleted_unless_it_was_edited_on_the_server(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree)
        live.has(resource("dashboard/web", MINE), *OTHERS)
        (tree / "rules/web.yaml").unlink()
        (tree / "dashboards/web.yaml").unlink()
        assert applies.changes(applies.apply(live, tree)) == [
            "delete rule/web repo applied",
            "delete dashboard/web conflict held skipped",
        ]
        assert applies.changes(applies.plan(live, tree, prune="none")) == []
        assert applies.changes(applies.plan(live, tree, decisions=ConflictPolicy(on_conflict="live"))) == []
        applies.apply(live, tree, decisions=ConflictPolicy(on_conflict="repo"))
        assert not applies.plan(live, tree)
        assert [live.live(str(one.address)) is None for one in (*LIVE, *OTHERS)] == [True, True, False, *[False] * 3]


def test_commands_in_reasons_and_warnings_quote_special_characters_in_names(tree: Path) -> None:
    name = "it's [1] of $HOME"
    write_tree(tree, {f"rules/{name}.yaml": "title: Mine\ncriteria: []\n", f"plugins/{name}.sh": "exit 0\n"})
    with account() as live:
        applies.apply(live, tree)
        write_tree(tree, {f"rules/{name}.yaml": "title: New\ncriteria: []\n"})
        live.lacks(f"rule/{name}", f"plugin/{name}")
        live.has(resource(f"plugin/{name}", "mine"))
        plans = [applies.plan(live, tree, decisions=ConflictPolicy(on_conflict=side)) for side in (None, "live")]
    texts = [text for made in plans for text in (*warnings(made), *(one.held for one in made.changes))]
    commands = [shlex.split(found) for text in texts for found in re.findall("`dlsync (.*?)`", text)]
    assert sorted(commands) == [["accept", f"plugin/{name}"], *([["accept", f"rule/{name}"]] * 2)]
    assert Targets([f"rule/{name}"]).admits(address(f"rule/{name}"))


@pytest.mark.parametrize(
    ("kind", "file", "name"), [("rule", "rules/web.yaml", "web"), ("plugin", "plugins/disk.py", "disk")]
)
def test_a_plan_reports_a_renamed_file_as_a_rename(tree: Path, kind: str, file: str, name: str) -> None:
    with account() as live:
        applies.apply(live, tree)
        (tree / file).rename((tree / file).with_stem("other"))
        create, delete = applies.plan(live, tree).changes
    assert (str(create.address), create.renamed) == (f"{kind}/other", name)
    assert (str(delete.address), delete.renamed) == (f"{kind}/{name}", "other")


@pytest.fixture
def one_sided(tree: Path) -> Iterator[Account]:
    """Delete a live rule whose file changes; edit a live dashboard without a file, and a live plugin."""
    with account() as live:
        applies.apply(live, tree)
        write_tree(tree, {"rules/web.yaml": "title: New\ncriteria: []\n"})
        (tree / "dashboards/web.yaml").unlink()
        live.lacks("rule/web", "plugin/disk")
        live.has(resource("dashboard/web", dashboard(title="Mine")), resource("plugin/disk", "mine"))
        yield live


def test_with_on_conflict_live_warnings_name_the_kept_and_the_reverted_resources(
    one_sided: Account, tree: Path
) -> None:
    made = applies.plan(one_sided, tree, decisions=ConflictPolicy(on_conflict="live"))
    assert changes(made) == ["update plugin/disk"]
    assert (made.unchanged, sorted(map(str, made.kept))) == (2, ["dashboard/web", "rule/web"])
    assert [one.partition(",")[0] for one in warnings(made)] == [
        "rule/web was deleted on the server and stays deleted; `dlsync accept rule/web` removes its file",
        "dashboard/web has no file and was changed on the server",
        "plugin/disk was changed on the server alone",
    ]


def test_following_the_advice_of_held_changes_leads_to_an_empty_plan(one_sided: Account, tree: Path) -> None:
    held = [one.held for one in applies.plan(one_sided, tree).changes if one.held]
    assert ["`dlsync accept rule/web` removes its file" in one for one in held] == [True, False]
    accept(one_sided, tree, "rule/web")
    accept(one_sided, tree, "plugin/disk")
    targets = Targets(["dashboard/web"])
    asyncio.run(operations.export(tree, one_sided.settings, targets=targets))
    applies.apply(one_sided, tree, decisions=ConflictPolicy(on_conflict="live"))
    made = applies.plan(one_sided, tree)
    assert (made.changes, warnings(made), made.unchanged) == ((), [], 2)


def test_a_targeted_apply_deletes_adopts_and_forgets_no_other_resource(tree: Path) -> None:
    write_tree(tree, FIXED)
    with account() as live:
        applies.apply(live, tree)
        managed = applies.managed(live, tree)
        live.has(resource("plugin/new", "1"))
        live.lacks("rule/other")
        (tree / "rules/other.yaml").unlink()
        (tree / "dashboards/web.yaml").unlink()
        write_tree(tree, {"plugins/new.py": "1", "rules/web.yaml": "title: New\ncriteria: []\n"})
        done = applies.apply(live, tree, "rule/web")
        assert (applies.changes(done), done.adopted) == (["update rule/web repo applied"], ())
        assert applies.managed(live, tree) == managed
        assert live.live("dashboard/web")
        applies.apply(live, tree)
        assert applies.managed(live, tree) == ["plugin/disk", "plugin/new", "rule/web"]


def test_without_an_inventory_every_change_comes_from_the_files_and_no_resource_is_managed(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree, inventory="none")
        assert "dlsync-inventory" not in live.plugins()
        live.has(resource("dashboard/web", MINE))
        (tree / "rules/web.yaml").unlink()
        made = applies.plan(live, tree, inventory="none")
        assert (applies.changes(made), made.adopted) == (["update dashboard/web repo"], ())


def test_an_inventory_file_replaces_the_inventory_in_the_account(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree, inventory="records/default.json")
        assert "dlsync-inventory" not in live.plugins()
        assert (tree / "records/default.json").is_file()
        live.has(resource("dashboard/web", MINE))
        (tree / "rules/web.yaml").unlink()
        assert applies.changes(applies.plan(live, tree, inventory="records/default.json")) == [
            "update dashboard/web drift",
            "delete rule/web repo",
        ]


@pytest.mark.parametrize("lost", ["broken", "deleted"])
def test_a_lost_or_broken_inventory_causes_no_deletes(tree: Path, lost: str) -> None:
    with account() as live:
        applies.apply(live, tree)
        live.lacks("plugin/dlsync-inventory")
        if lost == "broken":
            live.has(resource("plugin/dlsync-inventory", '{"format_version": 1'))
        (tree / "rules/web.yaml").unlink()
        made = applies.plan(live, tree)
        assert applies.changes(made) == []
        assert sorted(map(str, made.adopted)) == ["dashboard/web", "plugin/disk"]
        assert ["dlsync inventory rebuild" in one for one in warnings(made)] == [True] * (lost == "broken")
        applies.apply(live, tree)
        assert live.live("rule/web")
        assert applies.managed(live, tree) == ["dashboard/web", "plugin/disk"]


def test_a_resource_with_an_unreadable_inventory_entry_counts_as_not_managed(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree)
        content = json.loads(live.run(lambda client: client.plugins.get("dlsync-inventory")).content)
        content["resources"]["dashboard/web"] = "nonsense"
        live.lacks("plugin/dlsync-inventory")
        live.has(resource("plugin/dlsync-inventory", json.dumps(content)), resource("dashboard/web", MINE))
        assert applies.changes(applies.plan(live, tree)) == ["update dashboard/web new held"]


# a server with incomplete lists or failing requests


def without(*names: str) -> Callable[[Seen, Callable[[], Reply]], Reply]:
    """Leave entries out of every list."""

    def answer(seen: Seen, onward: Callable[[], Reply]) -> Reply:
        reply = onward()
        if below(seen) not in {"GET dashboards", "GET rules", "GET plugins"}:
            return reply
        return json_reply([one for one in json.loads(reply.body) if one["name"] not in names])

    return answer


def test_an_incomplete_list_neither_hides_nor_forgets_managed_resources(tree: Path) -> None:
    write_tree(tree, FIXED)
    with account() as live:
        applies.apply(live, tree)
        managed = applies.managed(live, tree)
        (tree / "rules/other.yaml").unlink()
        cut = without("web", "disk", "other")
        made = through(live, cut, lambda settings: operations.plan(tree, settings))
        assert applies.changes(made) == ["delete rule/other repo"]
        write_tree(tree, FIXED)
        folder = applies.journals(tree)
        done = through(
            live,
            cut,
            lambda settings: operations.apply(tree, settings, options=operations.ApplyOptions(journals=folder)),
        )
        assert applies.changes(done) == []
        assert applies.managed(live, tree) == managed


@pytest.mark.parametrize("family", ["dashboards", "rules", "plugins", "plugins/dlsync-inventory"])
def test_a_failed_read_request_ends_the_apply_before_any_write(tree: Path, family: str) -> None:
    def answer(seen: Seen, onward: Callable[[], Reply]) -> Reply:
        return json_reply({"error": "out of order"}, 400) if below(seen) == f"GET {family}" else onward()

    write_tree(tree, FIXED)
    with account() as live:
        applies.apply(live, tree)
        (tree / "rules/web.yaml").unlink()
        with pytest.raises(ApiError):
            through(live, answer, lambda settings: operations.apply(tree, settings))
        assert live.live("rule/web")
        assert applies.managed(live, tree) == ["dashboard/web", "plugin/disk", "rule/other", "rule/web"]
