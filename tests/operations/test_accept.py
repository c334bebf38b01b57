"""Accepting manual edits: drift is written into the files, and the files' own changes stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.errors import DlsyncError, SettingsError
from dlsync.files import writer
from dlsync.operations.drift import accept_edits
from dlsync.operations.fetch import Fetcher
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.resources import environments
from dlsync.resources.selector import Targets
from tests.builders.applies import apply, changes, plan
from tests.builders.trees import account, dashboard, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.operations.export import Export
    from tests.builders.trees import Account

WEB = "# the fleet\ntitle:   'Web'  # ours\nperiod: 60\npositions: [ ]\n"
FILES = {
    "dashboards/team/web.yaml": WEB,
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "plugins/disk.py": "print()\n",
    "links.yaml": "disk: [all]\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


def accept(live: Account, root: Path, *targets: str, **settings: Any) -> Export:
    chosen = replace(live.settings, **settings)
    tree = environments.read(root, chosen).raise_for_errors()
    made = live.run(lambda client: accept_edits(Fetcher(client), tree, chosen, Targets(targets)))
    writer.write(root, made.files)
    return made


def files(made: Export) -> list[str]:
    return [f"{one.action} {one.file}" for one in made.files]


def problems(made: Export) -> list[str]:
    assert {one.severity for one in made.problems} <= {"error"}
    return [one.message for one in made.problems]


def text(tree: Path, file: str) -> str:
    return tree_files(tree)[file].decode()


def test_accept_without_drift_writes_no_file(applied: Account, tree: Path) -> None:
    applied.has(resource("rule/other", rule()))
    assert files(accept(applied, tree)) == []


def test_accept_writes_a_manual_edit_into_its_file_and_keeps_the_comments(applied: Account, tree: Path) -> None:
    applied.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    assert files(accept(applied, tree)) == ["update dashboards/team/web.yaml"]
    assert text(tree, "dashboards/team/web.yaml") == WEB.replace("'Web'", "'Mine'")
    assert not plan(applied, tree)
    assert files(accept(applied, tree)) == []


def test_accept_keeps_an_unapplied_change_of_the_file_and_a_plan_still_contains_it(
    applied: Account, tree: Path
) -> None:
    applied.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    write_tree(tree, {"dashboards/team/web.yaml": WEB.replace("60", "90")})
    accept(applied, tree)
    assert text(tree, "dashboards/team/web.yaml") == WEB.replace("60", "90").replace("'Web'", "'Mine'")
    made = plan(applied, tree)
    assert changes(made) == ["update dashboard/web repo"]
    assert [one.path for one in made.changes[0].diff] == [("period",)]


def test_accept_sends_no_request_twice(applied: Account, tree: Path) -> None:
    applied.asked.clear()
    accept(applied, tree)
    asked = applied.requests()
    assert sorted({*asked}) == asked


def test_accept_writes_the_live_value_of_a_field_that_file_and_server_both_changed(
    applied: Account, tree: Path
) -> None:
    applied.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    write_tree(tree, {"dashboards/team/web.yaml": WEB.replace("'Web'", "'Ours'")})
    accept(applied, tree)
    assert text(tree, "dashboards/team/web.yaml") == WEB.replace("'Web'", "'Mine'")


def test_accept_deletes_the_files_of_deleted_resources_and_creates_missing_files(applied: Account, tree: Path) -> None:
    applied.lacks("rule/web", "link/disk")
    applied.has(resource("dashboard/web", dashboard()))
    (tree / "dashboards/team/web.yaml").unlink()
    assert files(accept(applied, tree)) == ["create dashboards/web.yaml", "delete links.yaml", "delete rules/web.yaml"]
    assert set(tree_files(tree)) == {"dashboards/web.yaml", "plugins/disk.py"}
    assert not plan(applied, tree)


def test_accept_with_a_target_writes_only_that_resource(applied: Account, tree: Path) -> None:
    applied.has(
        resource("rule/other", rule()),
        resource("rule/web", rule(description="mine")),
        resource("dashboard/web", dashboard()),
    )
    (tree / "rules/web.yaml").write_text("title: Ours\ncriteria: []\n")
    made = accept(applied, tree, "rule/web")
    assert (files(made), made.unchanged) == (["update rules/web.yaml"], 0)
    assert text(tree, "rules/web.yaml") == "title: Ours\ncriteria: []\ndescription: mine\n"


def test_accept_counts_a_resource_that_equals_its_file_as_unchanged(applied: Account, tree: Path) -> None:
    made = accept(applied, tree, "rule/*")
    assert (files(made), made.unchanged) == ([], 1)


def test_accept_writes_the_live_values_of_an_unmanaged_resource(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"rules/web.yaml": "title: Ours # here\ncriteria: []\n"})
    with account() as live:
        live.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
        assert files(accept(live, root, "rule/web")) == ["update rules/web.yaml"]
    assert text(root, "rules/web.yaml") == "title: Mine # here\ncriteria: []\n"


def test_accept_refuses_a_target_that_matches_no_resource(applied: Account, tree: Path) -> None:
    with pytest.raises(DlsyncError, match="no resource matches `rule/none`") as caught:
        accept(applied, tree, "rule/none", "rule/web")
    assert caught.value.hint


def test_accept_without_an_inventory_needs_a_target(applied: Account, tree: Path) -> None:
    applied.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
    with pytest.raises(SettingsError):
        accept(applied, tree, inventory="none")
    assert files(accept(applied, tree, "rule/web", inventory="none")) == ["update rules/web.yaml"]
    assert text(tree, "rules/web.yaml") == "title: Mine\ncriteria: []\n"


def test_accept_reports_a_resource_that_no_file_can_hold_and_writes_the_others(applied: Account, tree: Path) -> None:
    applied.has(resource("rule/web", "title: 1\ncriteria: []\n"), resource("dashboard/web", dashboard(period=90)))
    made = accept(applied, tree)
    assert [one.message.partition(":")[0] for one in made.problems] == ["rule/web"]
    assert files(made) == ["update dashboards/team/web.yaml"]


@pytest.mark.parametrize("target", ["rule/web", "rule/new", ""])
def test_accept_writes_a_manual_edit_of_a_renamed_resource_into_its_new_file(
    applied: Account, tree: Path, target: str
) -> None:
    (tree / "rules/web.yaml").rename(tree / "rules/new.yaml")
    applied.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
    assert files(accept(applied, tree, *filter(None, [target]))) == ["update rules/new.yaml"]
    assert text(tree, "rules/new.yaml") == "title: Mine\ncriteria: []\n"
    assert changes(plan(applied, tree)) == ["create rule/new new", "delete rule/web repo"]


# files that other environments share: accept does not write them


BOTH = {"dlsync.yaml": "environments: {staging: {account: st}, production: {account: pr}}\n"}
SHARED = "not written, because %s is also a file of production: "


def test_a_manual_edit_of_one_environment_changes_no_file_of_another(applied: Account, tree: Path) -> None:
    write_tree(tree, {**BOTH, "links.yaml": "disk: [all]\nload: [all]\n", "plugins/load.py": "print()\n"})
    apply(applied, tree)
    before = tree_files(tree)
    applied.has(resource("dashboard/web", dashboard()))
    applied.lacks("plugin/disk")
    applied.has(resource("plugin/disk", {"content": "new\n", "extension": "py", "interval": 60}))
    applied.lacks("rule/web")
    made = accept(applied, tree, environment="staging")
    assert (files(made), tree_files(tree)) == ([], before)
    web, overlay = "dashboards/team/web.yaml", "write the difference into overlays/staging/dashboards/team/web.yaml; "
    export = "`dlsync export -e staging"
    assert sorted(problems(made)) == [
        f"dashboard/web: {SHARED % web}{overlay}{export} --target dashboard/web` changes it for all",
        f"link/disk: {SHARED % 'links.yaml'}{export} --mirror --target link/disk` changes it for all",
        f"plugin/disk: {SHARED % 'plugins/disk.meta.yaml'}{export} --target plugin/disk` changes it for all",
        f"rule/web: {SHARED % 'rules/web.yaml'}{export} --mirror --target rule/web` changes it for all",
    ]
    (tree / "dashboards/team/web.yaml").unlink()
    assert f"dashboard/web: {SHARED % 'dashboards/web.yaml'}{export} --target dashboard/web` changes it for all" in (
        problems(accept(applied, tree, environment="staging"))
    )


def test_the_message_proposes_an_overlay_for_changed_settings_of_a_plugin(applied: Account, tree: Path) -> None:
    write_tree(tree, BOTH)
    applied.lacks("plugin/disk")
    applied.has(resource("plugin/disk", {"content": "print()\n", "extension": "py", "interval": 60}))
    applied.has(resource("link/disk", {"tags": ["all"]}))
    (message,) = problems(accept(applied, tree, environment="staging"))
    assert "write the difference into overlays/staging/plugins/disk.meta.yaml" in message


def test_without_an_environment_the_message_proposes_no_overlay(applied: Account, tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "account: default\nenvironments: {staging: {account: st}}\n"})
    applied.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
    (message,) = problems(accept(applied, tree))
    assert message == (
        "rule/web: not written, because rules/web.yaml is also a file of staging: "
        "`dlsync export --target rule/web` changes it for all"
    )


def test_accept_writes_edits_into_files_of_a_single_environment(applied: Account, tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "environments: {staging: {account: st}}\n"})
    applied.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
    assert files(accept(applied, tree, environment="staging")) == ["update rules/web.yaml"]


# references, and likely secrets


HOOK = "https://hooks.slack.com/services/T02ABCDEF/B03ABCDEF/aB3dE5fG7hI9jK1lM2nO4pQ6"
ACTION = "title: %s\ncriteria: []\nactions:\n  - {type: WEBHOOK, url: '%s'}\n"


@pytest.mark.parametrize(
    ("reference", "instead"),
    [("${var:to}", "`variables` in dlsync.yaml"), ("${env:TO}", "the environment variable")],
)
def test_no_live_value_replaces_a_reference(tmp_path: Path, reference: str, instead: str) -> None:
    url = "http://a.example/%s"
    text = ACTION % ("Web", url % reference) + f"description: '{reference}'\n"
    root = write_tree(tmp_path / "tree", {"rules/web.yaml": text, "rules/b.yaml": ACTION % ("B", url % reference)})
    values: dict[str, Any] = {"variables": {"to": "first"}, "environ": {"TO": "first"}}
    with account() as live:
        apply(live, root, **values)
        live.has(resource("rule/web", ACTION % ("Web", url % "first") + "description: second\n"))
        live.has(resource("rule/b", "title: B\ncriteria: []\nactions: []\n"))
        made = accept(live, root, **values)
    (message,) = (one.message for one in made.problems if one.severity == "error")
    assert message == (
        f"rule/web: not written, because a live value would replace `{reference}` in rules/web.yaml: "
        f"change {instead}, or edit the file by hand"
    )
    # a removal puts no live value in the place of the reference
    assert files(made) == ["update rules/b.yaml"]


def test_accept_creates_a_file_only_if_no_live_value_replaces_a_reference(applied: Account, tree: Path) -> None:
    write_tree(tree, {"rules/s.yaml": "title: ${env:TITLE}\ncriteria: []\n", "dlsync.yaml": "# ${env:TITLE}\n"})
    apply(applied, tree, environ={"TITLE": "s3cret"})
    (tree / "rules/s.yaml").unlink()
    applied.has(resource("rule/s", "title: rotated\ncriteria: []\n"))
    (message,) = problems(accept(applied, tree, "rule/s"))
    assert message.startswith(
        "rule/s: not written, because a live value would replace `${env:TITLE}` in rules/s.yaml: "
    )
    applied.has(resource("rule/s", "title: s3cret\ncriteria: []\n"))
    assert files(accept(applied, tree, "rule/s")) == ["create rules/s.yaml"]


def test_accept_writes_a_likely_secret_only_if_the_file_marks_it_as_harmless(applied: Account, tree: Path) -> None:
    harmless = ACTION.replace("'}", "'} # gitleaks:allow") % ("Web", "http://a.example")
    applied.has(resource("rule/web", ACTION % ("Web", HOOK)))
    made = accept(applied, tree, "rule/web")
    assert files(made) == []
    (message,) = problems(made)
    assert message == (
        "rule/web: not written into rules/web.yaml: `actions[0].url` looks like a secret (a Slack webhook): put it "
        "into the environment as ${env:NAME}. Write that into the file; if it is no secret, write the value there "
        "with the comment `# gitleaks:allow`"
    )
    (tree / "rules/web.yaml").unlink()
    assert problems(accept(applied, tree, "rule/web")) == [message]  # a new file gets the same message
    write_tree(tree, {"rules/web.yaml": harmless})
    apply(applied, tree, decisions=ConflictPolicy(on_conflict="repo"))
    applied.has(resource("rule/web", ACTION % ("Web", HOOK)))
    made = accept(applied, tree, "rule/web")
    assert (made.problems, files(made)) == ((), ["update rules/web.yaml"])


def test_accept_updates_a_file_that_contains_a_likely_secret_already_with_a_warning(
    applied: Account, tree: Path
) -> None:
    write_tree(tree, {"rules/web.yaml": ACTION % ("Web", HOOK)})
    applied.has(resource("rule/web", ACTION % ("Mine", HOOK)))
    made = accept(applied, tree, "rule/web")
    assert (files(made), [one.severity for one in made.problems]) == (["update rules/web.yaml"], ["warning"])
