"""What the files say and what is live, to the plan."""

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
# an inventory that is not there may be an account that is not
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


def test_an_empty_account_needs_everything_plugins_first(tree: Path) -> None:
    with account() as live:
        made = plan(live, tree)
    assert changes(made) == ["create plugin/disk", "create dashboard/web", "create rule/web"]
    assert (made.target, made.unchanged, made.warnings) == (live.settings.target, 0, ())


def test_what_is_new_is_outlined_and_holds_no_secret(tree: Path) -> None:
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
def test_what_is_live_as_the_files_say_needs_nothing_and_is_only_read(tree: Path, flavour: str) -> None:
    with account(**FLAVOURS[flavour]) as live:
        live.has(*LIVE)
        made = plan(live, tree)
        unlisted = ["GET dashboards/web"] if flavour == "documented_only" else []
        assert live.requests() == sorted(
            ["GET dashboards", "GET plugins", "GET plugins/disk", "GET rules", "GET rules/web", *UNRECORDED, *unlisted]
        )
    assert not made
    assert made.unchanged == 3


def test_a_hand_edit_is_an_update_at_its_field(tree: Path) -> None:
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
def test_what_no_file_has_stays_unless_all_of_it_is_pruned(tree: Path, prune: str) -> None:
    with account() as live:
        live.has(*LIVE, *OTHERS)
        made = plan(live, tree, prune=prune)
    assert (changes(made), warnings(made)) == ([], [])


def test_pruning_everything_deletes_what_no_file_has_rules_first(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE, *OTHERS, resource("plugin/dlsync-inventory", "{}"), resource("plugin/dlsync-lock", "{}"))
        made = plan(live, tree, prune="all")
        assert {one.method for one in live.asked} == {"GET"}
    assert changes(made) == ["delete rule/other", "delete dashboard/other", "delete plugin/other"]
    assert made.unchanged == 3


def test_what_is_protected_stays_with_a_warning(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE, *OTHERS)
        made = plan(live, tree, prune="all", protect=("dashboard/*", "rule/oth??"))
    assert changes(made) == ["delete plugin/other"]
    assert warnings(made) == [
        "dashboard/other has no file; it is protected, so it stays live",
        "rule/other has no file; it is protected, so it stays live",
    ]


def test_protection_is_from_deletes_and_not_from_updates(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE[1:], resource("dashboard/web", dashboard()))
        assert changes(plan(live, tree, prune="all", protect=("*",))) == ["update dashboard/web"]


def test_kinds_that_the_server_does_not_list_are_not_pruned_and_that_is_said(tree: Path) -> None:
    with account(documented_only=True) as live:
        live.has(*LIVE, *OTHERS)
        made = plan(live, tree, prune="all")
    assert changes(made) == ["delete plugin/other"]
    assert warnings(made) == [
        f"this server does not list every {kind}: what it does not list is not pruned"
        for kind in ("plugin", "dashboard", "rule")
    ]


def test_targets_neither_show_nor_delete_what_is_outside_of_them(tree: Path) -> None:
    with account() as live:
        live.has(*OTHERS, resource("rule/web-2", rule()))
        made = plan(live, tree, "rule/w*", "plugin/disk", prune="all")
        # a create may be another name of what is deleted
        asked = ["GET plugins", "GET plugins/disk", "GET rules", "GET rules/web", "GET rules/web", "GET rules/web-2"]
        assert live.requests() == sorted([*asked, *UNRECORDED])
    assert changes(made) == ["create plugin/disk", "create rule/web", "delete rule/web-2"]


def test_a_target_that_left_the_files_can_be_deleted_alone(tree: Path) -> None:
    with account() as live:
        live.has(*OTHERS)
        assert changes(plan(live, tree, "rule/other", prune="all")) == ["delete rule/other"]


def test_fields_that_only_the_server_has_and_no_schema_knows_are_named_once_with_a_count(tmp_path: Path) -> None:
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


def test_one_such_field_of_one_resource_has_no_count_and_a_plugin_s_is_safe(tree: Path) -> None:
    with account() as live:
        live.has(
            *LIVE[:1], resource("rule/web", rule(glow=1)), resource("plugin/disk", {"content": "x", "extension": "py"})
        )
        (warning,) = warnings(plan(live, tree))
    assert warning.startswith("`glow` of a rule is live in rule/web, but")


def test_the_warning_of_a_misnamed_file_says_that_its_resource_is_deleted_unless_that_is_held(
    live: Account, tree: Path
) -> None:
    applies.apply(live, tree)
    (tree / "rules/web.yaml").rename(tree / "rules/web.YAML")
    assert warnings(plan(live, tree))[0].endswith(". Because it is not read, the plan deletes rule/web")
    live.has(resource("rule/web", rule(title="Mine")))
    assert warnings(plan(live, tree))[0].endswith(" or name it in .dlsyncignore")


def test_deletes_of_what_another_repository_applied_are_warned_of(live: Account, tmp_path: Path) -> None:
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
    assert live.live("plugin/dlsync-inventory") == record  # another commit alone is no news


def test_deletes_of_all_that_was_applied_outside_of_git_are_warned_of(live: Account, tmp_path: Path) -> None:
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
def test_a_delete_of_what_dlsyncignore_names_is_explained(live: Account, tmp_path: Path, pattern: str) -> None:
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


def test_a_rename_of_all_that_was_applied_is_no_other_directory(live: Account, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"rules/web.yaml": "title: Web\ncriteria: []\n"})
    applies.apply(live, root)
    (root / "rules/web.yaml").rename(root / "rules/shop.yaml")
    assert warnings(plan(live, root)) == []


def test_the_files_warnings_come_first(tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: Web\ncriteria: []\nglow: 1\n"})
    with account(documented_only=True) as live:
        made = plan(live, tree, prune="all")
    assert [one.file for one in made.warnings] == ["rules/web.yaml", "", ""]


def test_progress_is_a_call_for_each_resource(tree: Path) -> None:
    recorder = Recorder()
    desired = loader.read(tree)
    with account() as live:
        live.has(*LIVE)
        live.run(lambda client: build_plan(Fetcher(client, reporter=recorder), desired, live.settings))
    assert recorder.steps == 3


# links: what they need


MISSING = "%s refers to %s, which does not exist: it is not created; add what is missing, or remove this line"
LINKED = {"plugins/disk.py": "print()\n", "links.yaml": "disk: [all]\nnone: [all]\nlive: [all]\n"}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_link_of_a_plugin_that_is_nowhere_is_warned_of_at_its_line_and_not_made(tmp_path: Path, flavour: str) -> None:
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


def test_with_prune_all_links_that_no_file_names_go_before_their_plugins(tree: Path) -> None:
    with account() as live:
        live.has(*LIVE, resource("plugin/old", "1"), resource("link/old", {"tags": ["all"]}))
        assert changes(plan(live, tree)) == []
        assert changes(plan(live, tree, prune="all")) == ["delete link/old", "delete plugin/old"]


# accounts


def test_accounts_that_the_settings_name_are_created_first_and_others_are_never_pruned(tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "accounts:\n  - default\n  - new\n"})
    with account() as live:
        live.has(*LIVE, resource("account/other", {}))
        made = plan(live, tree, prune="all")
        assert not changes(plan(live, tree, "dashboard/*", prune="all"))
    assert [(str(one.address), one.action, one.file, one.line) for one in made.changes] == [
        ("account/new", "create", "dlsync.yaml", 3)
    ]
    assert made.unchanged == 4


def test_where_the_account_itself_is_to_be_created_nothing_is_live_in_it(tree: Path) -> None:
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


def test_what_lives_as_its_file_says_is_adopted_and_what_differs_is_held(tree: Path) -> None:
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


def test_what_both_sides_moved_is_held_until_a_side_is_chosen(tree: Path) -> None:
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


def test_fields_that_each_side_moved_alone_are_merged_and_what_stays_is_said(tree: Path) -> None:
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


def test_what_the_server_chose_and_the_files_say_from_now_on_is_a_change_of_the_files(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree)
        write_tree(tree, {"plugins/disk.meta.yaml": "type: SCRIPT\n"})
        assert applies.changes(applies.apply(live, tree)) == ["update plugin/disk repo applied"]
        assert not applies.plan(live, tree)


def test_what_left_the_files_is_deleted_unless_it_was_changed_since(tree: Path) -> None:
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


def test_the_commands_in_reasons_and_warnings_can_be_pasted_whatever_the_names_hold(tree: Path) -> None:
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
def test_a_file_that_was_renamed_is_told_as_a_rename(tree: Path, kind: str, file: str, name: str) -> None:
    with account() as live:
        applies.apply(live, tree)
        (tree / file).rename((tree / file).with_stem("other"))
        create, delete = applies.plan(live, tree).changes
    assert (str(create.address), create.renamed) == (f"{kind}/other", name)
    assert (str(delete.address), delete.renamed) == (f"{kind}/{name}", "other")


@pytest.fixture
def one_sided(tree: Path) -> Iterator[Account]:
    """A rule changed in its file and deleted here, a dashboard changed here without a file, a plugin changed here."""
    with account() as live:
        applies.apply(live, tree)
        write_tree(tree, {"rules/web.yaml": "title: New\ncriteria: []\n"})
        (tree / "dashboards/web.yaml").unlink()
        live.lacks("rule/web", "plugin/disk")
        live.has(resource("dashboard/web", dashboard(title="Mine")), resource("plugin/disk", "mine"))
        yield live


def test_a_plan_in_which_the_live_side_wins_names_what_it_keeps_and_what_it_reverts(
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


def test_what_such_a_plan_advises_leads_to_an_empty_plan(one_sided: Account, tree: Path) -> None:
    held = [one.held for one in applies.plan(one_sided, tree).changes if one.held]
    assert ["`dlsync accept rule/web` removes its file" in one for one in held] == [True, False]
    accept(one_sided, tree, "rule/web")
    accept(one_sided, tree, "plugin/disk")
    targets = Targets(["dashboard/web"])
    asyncio.run(operations.export(tree, one_sided.settings, targets=targets))
    applies.apply(one_sided, tree, decisions=ConflictPolicy(on_conflict="live"))
    made = applies.plan(one_sided, tree)
    assert (made.changes, warnings(made), made.unchanged) == ((), [], 2)


def test_a_target_prunes_adopts_and_forgets_nothing_outside_of_it(tree: Path) -> None:
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


def test_without_a_record_nothing_has_a_cause_but_the_files_and_nothing_is_managed(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree, inventory="none")
        assert "dlsync-inventory" not in live.plugins()
        live.has(resource("dashboard/web", MINE))
        (tree / "rules/web.yaml").unlink()
        made = applies.plan(live, tree, inventory="none")
        assert (applies.changes(made), made.adopted) == (["update dashboard/web repo"], ())


def test_a_record_in_a_file_serves_as_well(tree: Path) -> None:
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
def test_without_the_inventory_nothing_is_deleted(tree: Path, lost: str) -> None:
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


def test_an_entry_that_cannot_be_read_makes_its_resource_one_to_take_over(tree: Path) -> None:
    with account() as live:
        applies.apply(live, tree)
        content = json.loads(live.run(lambda client: client.plugins.get("dlsync-inventory")).content)
        content["resources"]["dashboard/web"] = "nonsense"
        live.lacks("plugin/dlsync-inventory")
        live.has(resource("plugin/dlsync-inventory", json.dumps(content)), resource("dashboard/web", MINE))
        assert applies.changes(applies.plan(live, tree)) == ["update dashboard/web new held"]


# a server whose lists cannot be trusted


def without(*names: str) -> Callable[[Seen, Callable[[], Reply]], Reply]:
    """Leave entries out of every list."""

    def answer(seen: Seen, onward: Callable[[], Reply]) -> Reply:
        reply = onward()
        if below(seen) not in {"GET dashboards", "GET rules", "GET plugins"}:
            return reply
        return json_reply([one for one in json.loads(reply.body) if one["name"] not in names])

    return answer


def test_a_list_that_was_cut_short_deletes_nothing_and_forgets_nothing(tree: Path) -> None:
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
def test_a_question_that_fails_ends_the_plan_and_nothing_is_written(tree: Path, family: str) -> None:
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
