"""Alert rules: the two spellings of an action, and rules on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.diff.compare import compare
from dlsync.errors import ManualActionRequired
from dlsync.resources import Listing, kind_of
from dlsync.resources.rule import KIND as RULE
from tests.builders.plans import added, removed, replaced
from tests.builders.trees import account, criterion, resource, rule

if TYPE_CHECKING:
    from dlsync.model import Json, Path

ACTION: Path = ("actions", 0)
FLAT: dict[str, Json] = {"type": "EMAIL", "emails": ["a@example.org"], "message": "m"}
NESTED: dict[str, Json] = {"type": "EMAIL", "details": {"emails": ["a@example.org"], "message": "m"}}
WEB = resource("rule/web", "# ours\ntitle:   'Web'\r\ncriteria: [ ]\n")


def test_both_spellings_of_an_action_have_the_same_canonical_form() -> None:
    assert RULE.flattened(ACTION, NESTED) == FLAT
    assert RULE.flattened(ACTION, FLAT) == FLAT
    assert RULE.canonical(rule(actions=[NESTED])) == RULE.canonical(rule(actions=[FLAT]))


def test_flattening_keeps_details_that_are_no_mapping_or_belong_to_no_action() -> None:
    odd: dict[str, Json] = {"details": "see the wiki"}
    assert RULE.flattened(ACTION, odd) == odd
    assert RULE.flattened((), {"details": {"a": 1}}) == {"details": {"a": 1}}


def test_a_flattened_action_is_restored_to_its_original_spelling() -> None:
    assert RULE.respelled(ACTION, FLAT, FLAT) == FLAT
    assert RULE.respelled(ACTION, NESTED, FLAT) == NESTED
    outside: dict[str, Json] = {"message": "m", "details": {"emails": []}}
    assert RULE.respelled(ACTION, outside, {"message": "n", "emails": [], "url": "u"}) == {
        "message": "n",
        "details": {"emails": [], "url": "u"},
    }


NESTED_TEXT = """title: Web
criteria: []
actions:
  - type: EMAIL
    details:
      emails: [a@example.org]
      message: m
  - emails: []
    message: n
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("actions", 0, "message"), 7),
        (("actions", 0, "emails", 0), 6),
        (("actions", 0, "type"), 4),
        (("actions", 0), 4),
        (("actions", 1, "message"), 9),
        (("actions", 5, "message"), 3),
        (("title",), 1),
    ],
)
def test_a_difference_in_an_action_is_placed_at_its_line_in_the_file(path: Path, line: int) -> None:
    desired = resource("rule/web", NESTED_TEXT, file="rules/web.yaml")
    assert RULE.located(desired, [replaced(path, 1, 2)])[1][0].line == line


def test_a_field_missing_from_nested_details_is_placed_at_the_details() -> None:
    desired = resource("rule/web", NESTED_TEXT, file="rules/web.yaml")
    _, placed = RULE.located(desired, [removed(("actions", 0, "url"), "u"), added(("actions", 0, "message"), "m")])
    assert [one.line for one in placed] == [5, 7]


@pytest.mark.parametrize("kind_of_action", ["EMAIL", "WEBHOOK"])
@pytest.mark.parametrize("nested", [True, False])
def test_a_difference_in_an_action_has_the_path_of_the_spelling_in_the_file(kind_of_action: str, nested: bool) -> None:
    def hook(url: str, *, under_details: bool) -> Json:
        fields: dict[str, Json] = {"url": url}
        return {"type": kind_of_action, **({"details": fields} if under_details else fields)}

    desired = resource("rule/web", rule(actions=[hook("a", under_details=nested)]), file="rules/web.yaml")
    live = resource("rule/web", rule(actions=[hook("b", under_details=not nested)]))
    _, (difference,) = RULE.located(desired, compare(RULE, desired, live).diff)
    assert difference.path == (("actions", 0, "details", "url") if nested else ("actions", 0, "url"))
    assert RULE.as_written(desired, [difference]) == (difference,)


def test_agents_of_a_scope_are_a_set_and_a_single_agent_needs_no_list() -> None:
    def scoped(agent: Json) -> dict[str, Json]:
        return rule({**criterion("a.b"), "scope": {"agent": agent}})

    assert not compare(RULE, resource("rule/web", scoped("0c")), resource("rule/web", scoped(["0c"]))).diff
    assert not compare(
        RULE, resource("rule/web", scoped(["0c", "1d"])), resource("rule/web", scoped(["1d", "0c"]))
    ).diff


def test_a_duplicate_criterion_or_action_is_no_difference_and_the_server_keeps_it() -> None:
    threshold = criterion("a.b")
    call: dict[str, Json] = {"emails": ["a@b.example"], "message": "m"}
    once = resource("rule/web", rule(threshold, actions=[call]))
    twice = resource("rule/web", rule(threshold, threshold, actions=[call, call]))
    assert not compare(RULE, once, twice).diff
    assert not compare(RULE, twice, once).diff
    with account() as live:
        live.has(twice)
        found = live.live("rule/web")
    assert found is not None
    assert found.document == twice.document


def test_a_difference_in_missing_or_malformed_actions_has_a_line() -> None:
    for text in ("title: Web\n", "title: Web\nactions: none\n", "title: Web\nactions: [none]\n"):
        desired = resource("rule/web", text, file="rules/web.yaml")
        assert RULE.located(desired, [removed(("actions", 0, "url"), "u")])[1][0].line in {1, 2}


@pytest.mark.parametrize("strict", [False, True])
def test_a_rule_is_sent_byte_for_byte_even_where_the_server_requires_a_post_before_the_put(strict: bool) -> None:
    changed = resource("rule/web", "title: Web # changed\ncriteria: []\n")
    with account(post_before_put=strict) as live:
        live.run(lambda client: RULE.create(client, WEB))
        live.run(lambda client: RULE.update(client, changed, ()))
        puts = [one.body for one in live.asked if one.method == "PUT"]
        found = live.live("rule/web")
    assert puts[-2:] == [WEB.body, changed.body]
    assert found is not None
    assert found.body == changed.body


def test_a_listing_of_rules_holds_only_names() -> None:
    with account() as live:
        live.has(WEB, resource("rule/db/1", rule(criterion("a.b"))))
        listing = live.run(RULE.list)
        assert (listing.resources, listing.names, listing.complete) == ((), frozenset({"web", "db/1"}), True)
        assert live.requests() == ["GET rules"]


def test_a_server_with_only_the_documented_operations_neither_lists_nor_deletes_rules() -> None:
    with account(documented_only=True) as live:
        live.has(WEB)
        assert live.run(RULE.list) == Listing()
        with pytest.raises(ManualActionRequired, match=r"^this server cannot delete rules: delete rule `web` by hand$"):
            live.run(lambda client: RULE.delete(client, "web"))


def test_fetching_a_missing_rule_returns_none_and_deleting_it_is_no_error() -> None:
    with account() as live:
        live.has(WEB)
        live.run(lambda client: kind_of("rule").delete(client, "web"))
        assert live.live("rule/web") is None
        live.run(lambda client: RULE.delete(client, "web"))
