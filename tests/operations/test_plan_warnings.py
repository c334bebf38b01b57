"""What a plan warns of besides its changes."""

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


def test_a_broken_inventory_is_said_to_be_broken_with_what_to_do() -> None:
    (warning,) = plan_warnings.unread(inventory.empty(broken="it is none"))
    assert warning.message.startswith("it is none: no resource counts as managed, and none is deleted; ")
    assert "`dlsync inventory rebuild`" in warning.message
    assert [*plan_warnings.unread(inventory.empty())] == []


def test_kinds_of_which_not_all_is_known_are_named() -> None:
    assert [one.message for one in plan_warnings.unlisted(["rule"])] == [
        "this server does not list every rule: what it does not list is not pruned"
    ]


def test_what_stays_since_it_is_protected_is_named() -> None:
    assert [one.message for one in plan_warnings.protected([address("rule/a")])] == [
        "rule/a has no file; it is protected, so it stays live"
    ]


def test_a_pattern_of_protect_that_matches_nothing_is_named_with_its_place() -> None:
    known = [address("dashboard/web"), address("rule/a")]
    assert [str(one) for one in plan_warnings.unmatched(["dashboard/*", "dashboard/wrong", "*/a"], known)] == [
        '`protect[1]` matches nothing: "dashboard/wrong" is neither in the files nor live'
    ]


def test_a_replaced_value_that_no_journal_stores_is_named_and_no_other_change_is() -> None:
    hidden, seen = masked("unknown", replaced(("url",), 1, 2)), replaced(("title",), "a", "b")
    others = [seen, replace(hidden, op="add"), masked("changed", replaced(("note",), 1, 2))]
    lost = change("update", "rule/a", hidden, *others)
    assert plan_warnings.unkept_fields(lost) == ("url",)
    assert plan_warnings.unkept_fields(replace(lost, held="for a reason")) == ()
    (warning,) = plan_warnings.unkept([lost, change("update", "rule/b", *others)])
    assert warning.message.startswith("rule/a: the live value of `url` is replaced, and no rollback can restore it: ")


def test_where_the_live_side_wins_what_stays_and_what_is_reverted_all_the_same_is_named() -> None:
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
    """A rule that has the content of another one."""
    return by_address(resource(f"rule/{name}", rule(title=content)))


def test_a_mute_that_a_delete_or_a_rename_loses_is_named() -> None:
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


def test_a_mute_is_named_where_two_rules_swap_their_contents() -> None:
    changes = [change("update", "rule/a"), change("update", "rule/c")]
    swapped = under("a", "c") | under("c", "a")
    assert [one.message for one in plan_warnings.muted(changes, LISTINGS, RULES, swapped)] == [
        "rule/a is muted; to mute rule/c, which gets its content, run `dlsync rules mute c` after the apply",
        STAYS_MUTED,
    ]
    changes, swapped = [change("update", "rule/a"), change("update", "rule/b")], under("a", "b") | under("b", "a")
    assert [*plan_warnings.muted(changes, LISTINGS, RULES, swapped)] == []


def test_a_mute_is_named_where_a_rule_is_renamed_over_another_one() -> None:
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


def test_what_was_to_be_deleted_and_is_gone_already_is_named_in_order() -> None:
    explicit_deletes = [address("rule/b"), address("account/a"), address("rule/c")]
    assert [one.message for one in plan_warnings.missing(explicit_deletes, [address("rule/c")])] == [
        "account/a is to be deleted, but does not exist",
        "rule/b is to be deleted, but does not exist",
    ]


def test_a_field_that_an_update_would_drop_is_named_once_with_one_of_those_that_have_it() -> None:
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
def test_what_stays_as_it_was_made_by_hand_is_named_with_how_to_get_it_into_the_file(
    fields: list[str], words: str
) -> None:
    kept = {address("rule/r"): [removed((field,), 1) for field in fields]}
    (warning,) = plan_warnings.kept(kept, by_address(resource("rule/r", rule())))
    assert warning.message == (
        f"rule/r was changed on the server in {words}, and the change is kept; "
        "`dlsync accept rule/r` writes it into the file, `--on-conflict repo` overwrites it"
    )


def test_a_kept_field_is_named_as_the_file_has_it() -> None:
    kept = {address("rule/r"): [replaced(("actions", 0, "url"), "b", "a")]}
    (warning,) = plan_warnings.kept(
        kept, by_address(resource("rule/r", rule(actions=[{"type": "WEBHOOK", "details": {"url": "a"}}])))
    )
    assert "in `actions[0].details.url`, and" in warning.message


def test_a_kept_field_is_named_and_what_it_holds_is_not() -> None:
    (warning,) = plan_warnings.kept(
        {address("rule/r"): [replaced(("title",), "s3cret", "other")]}, by_address(resource("rule/r", rule()))
    )
    assert "s3cret" not in warning.message


WEB = resource("dashboard/web", dashboard(widget("cpu")), file="dashboards/web.yaml")
LOAD = resource("rule/load", rule(criterion("cpu.load"), criterion("disk.used")), file="rules/load.yaml")


def test_what_is_deleted_and_whose_metrics_are_shown_or_watched_is_named_at_the_file_that_does() -> None:
    told = plan_warnings.still_used([address("plugin/cpu"), address("plugin/disk")], by_address(WEB, LOAD))
    assert [(one.severity, one.message, one.file, one.line) for one in told] == [
        ("warning", "plugin/cpu is to be deleted, and dashboard/web uses its metrics", "dashboards/web.yaml", 1),
        ("warning", "plugin/cpu is to be deleted, and rule/load uses its metrics", "rules/load.yaml", 1),
        ("warning", "plugin/disk is to be deleted, and rule/load uses its metrics", "rules/load.yaml", 1),
    ]


def test_the_metrics_of_a_widget_are_used_too() -> None:
    shown = resource("dashboard/web", dashboard(widget("a", series=[], metrics=["cpu.load", 1, "net.in"])))
    (told,) = plan_warnings.still_used([address("plugin/cpu")], by_address(shown))
    assert told.message == "plugin/cpu is to be deleted, and dashboard/web uses its metrics"


def test_a_plugin_whose_name_has_dots_is_known_by_all_of_it_and_others_are_not_meant() -> None:
    one = resource("dashboard/web", dashboard(widget("a", series=[{"metric": "net.eth.in"}, {"metric": "other"}])))
    assert len([*plan_warnings.still_used([address("plugin/net.eth")], by_address(one))]) == 1
    assert [*plan_warnings.still_used([address("plugin/eth"), address("plugin/net.et")], by_address(one))] == []


def test_where_nothing_is_deleted_that_makes_metrics_nothing_is_looked_at() -> None:
    assert [*plan_warnings.still_used([], by_address(WEB))] == []
    assert [*plan_warnings.still_used([address("rule/cpu")], by_address(WEB))] == []
