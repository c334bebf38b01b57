"""Whole runs against a server that masks secrets in its responses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import DlsyncError
from dlsync.operations import ApplyOptions
from dlsync.operations.plan import PlanOptions
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from dlsync.resources.selector import EVERYTHING, Targets
from tests.builders.applies import changes, journals
from tests.builders.between import put_by_hand, through
from tests.builders.masking import MaskingServer
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Plan
    from dlsync.operations.drift import Drift
    from dlsync.operations.export import Export
    from tests.builders.trees import Account

HOOK, NEW_HOOK = "https://hooks.example.org/s3cr3t-One", "https://hooks.example.org/other-Two"
RULE = """title: {title}  # of the team
criteria: []
actions:
  - type: WEBHOOK  # tells the team
    url: ${{env:HOOK}}
{more}"""
MASKS = ("****", "•••", "x", "XXXX", "[REDACTED]", "<hidden>", "(sensitive value)", "***REDACTED***", "********-One")


@dataclass
class Team:
    """A tree with a secret, and an account on a server that masks it."""

    live: Account
    tree: Path
    server: MaskingServer
    environ: dict[str, str] = field(default_factory=lambda: {"HOOK": HOOK})
    decisions: ConflictPolicy = UNDECIDED
    settings: dict[str, Any] = field(default_factory=dict)

    def rule(self, title: str = "Web", more: str = "") -> None:
        write_tree(self.tree, {"rules/web.yaml": RULE.format(title=title, more=more)})

    def text(self) -> str:
        return (self.tree / "rules/web.yaml").read_text()

    def plan(self) -> Plan:
        plan_options = PlanOptions(decisions=self.decisions)
        return through(
            self.live, self.server, lambda to: operations.plan(self.tree, self._with(to), options=plan_options)
        )

    def apply(self) -> list[str]:
        self.server.bodies.clear()
        options, plan_options = ApplyOptions(journals=journals(self.tree)), PlanOptions(decisions=self.decisions)
        done = through(
            self.live,
            self.server,
            lambda to: operations.apply(self.tree, self._with(to), plan_options=plan_options, options=options),
        )
        return changes(done)

    def applied_and_rolled_back(self) -> list[str]:
        """Apply and roll back through one server, since a journal belongs to one URL."""
        options = ApplyOptions(journals=journals(self.tree))

        async def work(to: Settings) -> list[str]:
            await operations.apply(self.tree, self._with(to), options=options)
            self.server.bodies.clear()
            return changes(await operations.rollback(self.tree, self._with(to), options=options))

        return through(self.live, self.server, work)

    def drift(self) -> Drift:
        return through(self.live, self.server, lambda to: operations.drift(self.tree, self._with(to)))

    def accept(self, targets: Targets = EVERYTHING) -> Export:
        return through(self.live, self.server, lambda to: operations.accept(self.tree, self._with(to), targets))

    def export(self, tree: Path | None = None) -> Export:
        return through(self.live, self.server, lambda to: operations.export(tree or self.tree, self._with(to)))

    def adopt(self) -> None:
        through(self.live, self.server, lambda to: operations.adopt(self.tree, self._with(to), Targets(("rule/web",))))

    def by_hand(self, text: str) -> None:
        put_by_hand(self.live, "rules/web", text)

    def stored(self) -> str:
        found = self.live.live("rule/web")
        assert found is not None
        return found.body.decode()

    def _with(self, settings: Settings) -> Settings:
        return replace(settings, environ=self.environ, **self.settings)


@pytest.fixture
def team(live: Account, tmp_path: Path) -> Team:
    """A tree with a rule that has a webhook, applied."""
    made = Team(live, tmp_path / "tree", MaskingServer({HOOK: "****", NEW_HOOK: "****"}))
    made.rule()
    assert made.apply() == ["create rule/web new applied"]
    return made


@pytest.mark.parametrize("mask", MASKS)
def test_a_masked_secret_is_no_change_and_a_plan_warns_once_about_the_mask(team: Team, mask: str) -> None:
    team.server.masks = {HOOK: mask}
    made = team.plan()
    assert not made
    assert [one.message for one in made.warnings] == [
        "the server masks secrets of rule/web: a change of such a value on the server cannot be seen"
    ]
    assert not team.drift()
    assert not team.accept()
    assert not team.export()


def test_a_write_is_verified_although_the_server_masks_the_secret(team: Team) -> None:
    team.rule(more="    message: ${env:HOOK}\n")
    assert team.apply() == ["update rule/web repo applied"]
    assert not team.plan()


def test_a_change_of_another_field_sends_the_secret_and_no_mask(team: Team) -> None:
    team.rule("Web shop")
    assert team.apply() == ["update rule/web repo applied"]
    (body,) = team.server.bodies
    assert (HOOK in body, "****" in body) == (True, False)
    assert HOOK in team.stored()


def test_a_manual_edit_of_another_field_is_merged_accepted_and_exported_without_the_mask(
    team: Team, tmp_path: Path
) -> None:
    edited = team.stored().replace("type: WEBHOOK", "type: WEBHOOK\n    message: by hand")
    team.by_hand(edited)
    assert [one.path for one in team.drift().changes[0].diff] == [("actions", 0, "message")]
    team.rule("Web shop")
    assert team.apply() == ["update rule/web repo applied"]
    assert ("****" in "".join(team.server.bodies), HOOK in team.stored()) == (False, True)
    assert "by hand" in team.stored()
    assert team.accept()
    assert ("${env:HOOK}" in team.text(), "by hand" in team.text(), "****" in team.text()) == (True, True, False)
    assert not team.plan()
    team.export(tmp_path / "copy")
    copy = (tmp_path / "copy/rules/web.yaml").read_text()
    assert ("url: ${env:HOOK}" in copy, "****" in copy) == (True, False)


def test_a_new_value_of_a_secret_is_sent_although_the_server_masks_the_old_one(team: Team) -> None:
    team.environ = {"HOOK": NEW_HOOK}
    (change,) = team.plan().changes
    assert [(one.path, one.before, one.after, one.masked) for one in change.diff] == [
        (("actions", 0, "url"), "${env:HOOK}", "${env:HOOK}", "changed")
    ]
    assert not team.drift()
    assert not team.accept()
    assert not team.export()
    assert team.apply() == ["update rule/web repo applied"]
    assert NEW_HOOK in team.stored()
    assert not team.plan()


def test_a_rollback_sends_the_secret_and_no_mask(team: Team) -> None:
    team.rule("Web shop")
    assert team.applied_and_rolled_back() == ["update rule/web repo applied"]
    kept = "".join(path.read_text() for path in journals(team.tree).rglob("*") if path.is_file())
    (body,) = team.server.bodies
    assert ("****" in kept, "****" in body, HOOK in body, "Web shop" in body) == (False, False, True, False)


def test_a_rollback_of_a_changed_secret_sends_the_current_value_of_the_environment(team: Team) -> None:
    team.environ = {"HOOK": NEW_HOOK}
    team.rule("Web shop")
    assert team.applied_and_rolled_back() == ["update rule/web repo applied"]
    assert (NEW_HOOK in team.stored(), "****" in team.stored()) == (True, False)


def test_a_mask_inside_a_longer_text_is_no_change_but_an_edit_around_it_is_drift(live: Account, tmp_path: Path) -> None:
    text = "title: Web\ncriteria: []\ndescription: run --token ${env:TOK} --fast\n"
    tree = write_tree(tmp_path / "tree", {"rules/web.yaml": text})
    team = Team(live, tree, MaskingServer({"t0k3n": "****"}), {"TOK": "t0k3n"})
    team.apply()
    assert not team.plan()
    write_tree(tree, {"rules/web.yaml": text.replace("Web", "Shop")})
    assert team.apply() == ["update rule/web repo applied"]
    assert "--token t0k3n --fast" in team.stored()
    team.by_hand(team.stored().replace("--fast", "--slow"))
    assert [one.path for one in team.drift().changes[0].diff] == [("description",)]
    made = team.accept()
    assert (
        "the server hides `run --token **** --slow (masked by the server)`, which no file has"
        in made.problems[-1].message
    )
    assert (tree / "rules/web.yaml").read_text() == text.replace("Web", "Shop")


def test_a_masked_parameter_of_a_plugin_is_no_change(live: Account, tmp_path: Path) -> None:
    files = {"plugins/a.sh": "exit 0\n", "plugins/a.meta.yaml": "params: --token ${env:TOK}\n"}
    tree = write_tree(tmp_path / "tree", files)
    team = Team(live, tree, MaskingServer({"t0k3n": "****"}, ("plugins/a",)), {"TOK": "t0k3n"})
    assert team.apply() == ["create plugin/a new applied"]
    assert not team.plan()
    write_tree(tree, {"plugins/a.sh": "exit 1\n"})
    assert team.apply() == ["update plugin/a repo applied"]
    assert not team.export()
    assert not team.plan()


def test_masked_actions_are_paired_by_their_readable_fields(live: Account, tmp_path: Path) -> None:
    action = "  - {type: WEBHOOK, url: '%s', message: %s}\n"
    text = "title: Web\ncriteria: []\nactions:\n"
    tree = write_tree(
        tmp_path / "tree", {"rules/web.yaml": text + action % ("${env:A}", "a") + action % ("${env:B}", "b")}
    )
    environ = {"A": "https://a.example.org/1", "B": "https://b.example.org/2"}
    team = Team(live, tree, MaskingServer(dict.fromkeys(environ.values(), "****")), environ)
    team.apply()
    team.by_hand(text + action % (environ["B"], "b") + action % (environ["A"], "a"))
    assert not team.plan()
    assert not team.drift()


def test_a_masked_value_that_was_added_by_hand_is_never_sent_or_written_into_a_file(team: Team) -> None:
    team.server.masks["https://by-hand.example.org"] = "****"
    team.by_hand(f"{team.stored()}\n  - {{type: EMAIL, emails: ['https://by-hand.example.org']}}\n")
    team.rule("Web shop")
    assert changes(team.plan()) == ["update rule/web conflict held"]
    assert "the server masks a value that was changed there" in team.plan().changes[0].held
    before = team.text()
    assert "the server hides `" in team.accept().problems[-1].message
    assert "the server hides `" in team.export().problems[-1].message
    assert team.text() == before
    team.decisions = ConflictPolicy(on_conflict="live")
    assert changes(team.plan()) == ["update rule/web conflict held"]
    team.decisions = ConflictPolicy(on_conflict="repo")
    assert team.apply() == ["update rule/web repo applied"]
    assert ("by-hand" in team.stored(), "****" in team.stored()) == (False, False)


def test_a_rollback_that_would_send_a_mask_in_place_of_a_value_is_refused(team: Team) -> None:
    team.server.masks["by hand"] = "****"
    team.by_hand(team.stored().replace("title: Web", "title: Web\ndescription: by hand"))
    with pytest.raises(DlsyncError, match=r"^rule/web: the server masked the value before the run") as caught:
        team.applied_and_rolled_back()
    assert caught.value.hint == "Revert the files in git instead, and apply them."
    assert (team.server.bodies, "by hand" in team.stored()) == ([], False)


def test_a_masked_text_of_a_dashboard_in_a_json_list_is_no_change(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"dashboards/web.yaml": "title: of ${env:WHO}\npositions: []\n"})
    team = Team(live, tree, MaskingServer({"s3cret-Two": "****", "s3cret-One": "****"}), {"WHO": "s3cret-One"})
    team.apply()
    assert not team.plan()
    assert not team.export()
    team.environ = {"WHO": "s3cret-Two"}
    assert not team.drift()
    assert team.apply() == ["update dashboard/web repo applied"]
    assert not team.plan()


def test_without_an_inventory_each_apply_sends_the_value_of_the_environment(live: Account, tmp_path: Path) -> None:
    team = Team(live, tmp_path / "tree", MaskingServer({HOOK: "****"}), settings={"inventory": "none"})
    team.rule()
    team.apply()
    assert team.apply() == ["update rule/web repo applied"]
    assert HOOK in team.server.bodies[-1]


def test_a_mask_that_shows_the_end_of_another_value_is_a_manual_edit(team: Team) -> None:
    team.server.masks = {NEW_HOOK: "****-Two", HOOK: "****-One"}
    assert not team.plan()
    team.by_hand(team.stored().replace(HOOK, NEW_HOOK))
    assert team.drift()
    assert team.apply() == ["update rule/web drift applied"]
    assert HOOK in team.stored()


def test_an_apply_deletes_a_masked_resource_whose_file_was_deleted(team: Team) -> None:
    (team.tree / "rules/web.yaml").unlink()
    write_tree(team.tree, {"rules/other.yaml": "title: Other\ncriteria: []\n"})
    assert not team.drift()
    assert team.apply() == ["create rule/other new applied", "delete rule/web repo applied"]


def test_an_apply_after_an_adopt_sends_the_value_of_the_environment(live: Account, tmp_path: Path) -> None:
    team = Team(live, tmp_path / "tree", MaskingServer({HOOK: "****"}))
    team.rule()
    team.by_hand(team.text().replace("${env:HOOK}", HOOK))
    assert changes(team.plan()) == ["update rule/web new held"]
    assert not team.export()
    assert not team.accept(Targets(("rule/web",)))
    assert "url: ${env:HOOK}" in team.text()
    team.adopt()
    assert team.apply() == ["update rule/web repo applied"]
    assert HOOK in team.server.bodies[-1]
    assert not team.plan()


def test_text_that_looks_like_a_mask_is_ordinary_text_if_no_file_has_a_secret(live: Account, tmp_path: Path) -> None:
    team = Team(
        live, write_tree(tmp_path / "tree", {"rules/web.yaml": "title: '****'\ncriteria: []\n"}), MaskingServer({})
    )
    assert team.apply() == ["create rule/web new applied"]
    assert not team.plan()
    put_by_hand(live, "rules/other", "title: x\ncriteria: []\ndescription: '[hidden]'\n")
    assert [one.file for one in team.export().files] == ["rules/other.yaml"]
