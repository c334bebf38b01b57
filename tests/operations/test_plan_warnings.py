"""The warnings that a plan gives besides its changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync.operations import plan_warnings
from dlsync.resources import Listing
from dlsync.state import inventory
from tests.builders.plans import change, masked, removed, replaced
from tests.builders.trees import address, by_address, criterion, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from dlsync.model import Action, Address, Resource, ResourceChange


def test_the_warning_about_a_broken_inventory_suggests_a_rebuild() -> None:
    (warning,) = plan_warnings.unread(inventory.empty(broken="it is none"))
    assert warning.message.startswith("it is none: no resource counts as managed, and none is deleted; ")
    assert "`dlsync inventory rebuild`" in warning.message
    assert [*plan_warnings.unread(inventory.empty())] == []


def test_a_warning_names_kinds_that_the_server_does_not_list_completely() -> None:
    assert [one.message for one in plan_warnings.unlisted(["rule"])] == [
        "this server does not list every rule: what it does not list is not pruned"
    ]


def test_a_warning_names_protected_resources_without_files() -> None:
    assert [one.message for one in plan_warnings.protected([address("rule/a")])] == [
        "rule/a has no file; it is protected, so it stays live"
    ]


def test_a_warning_names_a_protect_pattern_without_a_match_and_its_index() -> None:
    known = [address("dashboard/web"), address("rule/a")]
    assert [str(one) for one in plan_warnings.unmatched(["dashboard/*", "dashboard/wrong", "*/a"], known)] == [
        '`protect[1]` matches nothing: "dashboard/wrong" is neither in the files nor live'
    ]


def test_a_warning_names_only_replaced_values_that_no_journal_stores() -> None:
    hidden, seen = masked("unknown", replaced(("url",), 1, 2)), replaced(("title",), "a", "b")
    others = [seen, replace(hidden, op="add"), masked("changed", replaced(("note",), 1, 2))]
    lost = change("update", "rule/a", hidden, *others)
    assert plan_warnings.unkept_fields(lost) == ("url",)
    assert plan_warnings.unkept_fields(replace(lost, held="for a reason")) == ()
    (warning,) = plan_warnings.unkept([lost, change("update", "rule/b", *others)])
    assert warning.message.startswith("rule/a: the live value of `url` is replaced, and no rollback can restore it: ")


def test_with_on_conflict_live_warnings_name_the_kept_and_the_reverted_resources() -> None:
    changes = [change("update", "rule/drifted", cause="drift"), change("update", "rule/edited")]
    left = [address("rule/deleted"), address("rule/removed")]
    first, second, third = plan_warnings.live_wins(changes, left, {address("rule/deleted")})
    assert first.message.startswith("rule/deleted was deleted on the server and stays deleted; ")
    assert second.message.startswith("rule/removed has no file and was changed on the server, so it is kept; ")
    assert third.message.startswith("rule/drifted was changed on the server alone, ")


LISTINGS = {"rule": Listing(names=frozenset("abc"), muted=frozenset("ab"))}
RULES = by_address(*(resource(f"rule/{name}", rule(title=name)) for name in "abcx"))


STAYS_MUTED = (
    "rule/a is muted, and stays muted with the content of rule/c; "
    "to unmute it, run `dlsync rules unmute a` after the apply"
)


def renamed(action: Action, old: str, new: str) -> ResourceChange:
    return replace(change(action, old), renamed=new)


def under(name: str, content: str) -> dict[Address, Resource]:
    """A rule that has the content of another rule."""
    return by_address(resource(f"rule/{name}", rule(title=content)))


def test_a_warning_names_mutes_that_a_delete_or_a_rename_loses() -> None:
    changes = [
        change("delete", "rule/a"),
        renamed("delete", "rule/b", "d"),
        replace(change("delete", "rule/b"), held="no"),
        change("delete", "rule/c"),
        change("delete", "dashboard/a"),
    ]
    assert [one.message for one in plan_warnings.muted(changes, LISTINGS, RULES, {})] == [
        "rule/a is muted; a rollback does not restore that",
        "rule/b is muted; to mute it under its new name too, run `dlsync rules mute d` after the apply",
    ]


def test_a_warning_names_the_mute_if_two_rules_swap_their_contents() -> None:
    changes = [change("update", "rule/a"), change("update", "rule/c")]
    swapped = under("a", "c") | under("c", "a")
    assert [one.message for one in plan_warnings.muted(changes, LISTINGS, RULES, swapped)] == [
        "rule/a is muted; to mute rule/c, which gets its content, run `dlsync rules mute c` after the apply",
        STAYS_MUTED,
    ]
    changes, swapped = [change("update", "rule/a"), change("update", "rule/b")], under("a", "b") | under("b", "a")
    assert [*plan_warnings.muted(changes, LISTINGS, RULES, swapped)] == []


def test_a_warning_names_the_mute_if_a_rename_overwrites_another_rule() -> None:
    changes = [change("update", "rule/c"), change("delete", "rule/a")]
    assert [one.message for one in plan_warnings.muted(changes, LISTINGS, RULES, under("c", "a"))] == [
        "rule/a is muted; to mute rule/c, which gets its content, run `dlsync rules mute c` after the apply",
    ]
    changes = [change("update", "rule/a"), change("delete", "rule/c")]
    assert [one.message for one in plan_warnings.muted(changes, LISTINGS, RULES, under("a", "c"))] == [
        STAYS_MUTED,
    ]


def test_an_update_of_a_muted_rule_alone_loses_no_mute() -> None:
    assert [*plan_warnings.muted([change("update", "rule/a")], LISTINGS, RULES, under("a", "new"))] == []
    assert [*plan_warnings.muted([change("update", "rule/c")], LISTINGS, RULES, under("c", "a"))] == []


def test_warnings_name_missing_resources_of_explicit_deletes_in_sorted_order() -> None:
    explicit_deletes = [address("rule/b"), address("account/a"), address("rule/c")]
    assert [one.message for one in plan_warnings.missing(explicit_deletes, [address("rule/c")])] == [
        "account/a is to be deleted, but does not exist",
        "rule/b is to be deleted, but does not exist",
    ]


def test_a_field_that_an_update_would_drop_is_named_once_with_one_resource_and_a_count() -> None:
    told = plan_warnings.unknown_fields(
        {
            address("dashboard/a"): [("zoom",), ("positions", 0, "glow"), ("positions", 1, "glow")],
            address("dashboard/b"): [("positions", 7, "glow")],
            address("rule/c"): [("zoom",)],
        }
    )
    end = (
        "but in no file and no schema: it is not compared, and an update is sent without it, "
        "so the server may drop it (a muted rule stays muted)"
    )
    assert [one.message for one in told] == [
        f"`positions[].glow` of a dashboard is live in dashboard/a and 1 more, {end}",
        f"`zoom` of a dashboard is live in dashboard/a, {end}",
        f"`zoom` of a rule is live in rule/c, {end}",
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["a"], "`a`"),
        (["a", "b", "c"], "`a`, `b`, `c`"),
        (["a", "b", "c", "d", "e"], "`a`, `b`, `c` and 2 more"),
        (["a\x1b[2J"], r'`["a\u001b[2J"]`'),
    ],
)
def test_a_warning_names_kept_manual_edits_and_the_commands_that_resolve_them(fields: list[str], words: str) -> None:
    kept = {address("rule/r"): [removed((field,), 1) for field in fields]}
    (warning,) = plan_warnings.kept(kept, by_address(resource("rule/r", rule())))
    assert warning.message == (
        f"rule/r was changed on the server in {words}, and the change is kept; "
        "`dlsync accept rule/r` writes it into the file, `--on-conflict repo` overwrites it"
    )


def test_a_warning_names_a_kept_field_by_its_path_in_the_file() -> None:
    kept = {address("rule/r"): [replaced(("actions", 0, "url"), "b", "a")]}
    (warning,) = plan_warnings.kept(
        kept, by_address(resource("rule/r", rule(actions=[{"type": "WEBHOOK", "details": {"url": "a"}}])))
    )
    assert "in `actions[0].details.url`, and" in warning.message


def test_a_warning_about_a_kept_field_does_not_show_its_value() -> None:
    (warning,) = plan_warnings.kept(
        {address("rule/r"): [replaced(("title",), "s3cret", "other")]}, by_address(resource("rule/r", rule()))
    )
    assert "s3cret" not in warning.message


WEB = resource("dashboard/web", dashboard(widget("cpu")), file="dashboards/web.yaml")
LOAD = resource("rule/load", rule(criterion("cpu.load"), criterion("disk.used")), file="rules/load.yaml")


def test_a_warning_names_a_deleted_plugin_at_each_file_that_uses_its_metrics() -> None:
    told = plan_warnings.still_used([address("plugin/cpu"), address("plugin/disk")], by_address(WEB, LOAD))
    assert [(one.severity, one.message, one.file, one.line) for one in told] == [
        ("warning", "plugin/cpu is to be deleted, and dashboard/web uses its metrics", "dashboards/web.yaml", 1),
        ("warning", "plugin/cpu is to be deleted, and rule/load uses its metrics", "rules/load.yaml", 1),
        ("warning", "plugin/disk is to be deleted, and rule/load uses its metrics", "rules/load.yaml", 1),
    ]


def test_the_metrics_list_of_a_widget_counts_as_use_of_a_plugin() -> None:
    shown = resource("dashboard/web", dashboard(widget("a", series=[], metrics=["cpu.load", 1, "net.in"])))
    (told,) = plan_warnings.still_used([address("plugin/cpu")], by_address(shown))
    assert told.message == "plugin/cpu is to be deleted, and dashboard/web uses its metrics"


def test_a_metric_matches_a_plugin_name_with_dots_only_as_a_whole() -> None:
    one = resource("dashboard/web", dashboard(widget("a", series=[{"metric": "net.eth.in"}, {"metric": "other"}])))
    assert len([*plan_warnings.still_used([address("plugin/net.eth")], by_address(one))]) == 1
    assert [*plan_warnings.still_used([address("plugin/eth"), address("plugin/net.et")], by_address(one))] == []


def test_a_plan_that_deletes_no_plugin_gives_no_warning_about_metrics() -> None:
    assert [*plan_warnings.still_used([], by_address(WEB))] == []
    assert [*plan_warnings.still_used([address("rule/cpu")], by_address(WEB))] == []
