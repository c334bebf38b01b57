"""Selection of the resources of a command by patterns."""

from __future__ import annotations

import pytest

from dlsync.errors import SettingsError
from dlsync.resources.selector import Exactly, Targets, is_pattern
from tests.builders.trees import address


def test_targets_without_patterns_admit_every_resource() -> None:
    assert not Targets()
    assert Targets().admits(address("dashboard/web"))
    assert Targets().named() == set()
    assert Targets().kinds() == {"account", "dashboard", "link", "plugin", "rule"}


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        pytest.param("dashboard/web", "dashboard/web", "rule/web", id="a name"),
        pytest.param("dashboard/web-*", "dashboard/web-1", "dashboard/db-1", id="a glob"),
        pytest.param("*/web", "plugin/web", "plugin/db", id="of any kind"),
        pytest.param("rule/team/a*", "rule/team/a/b", "rule/team", id="a slash in the name"),
        pytest.param("rule/[ab]", "rule/b", "rule/c", id="a set of characters"),
        pytest.param("rule/a[1]", "rule/a[1]", "rule/a", id="a name with glob characters"),
        pytest.param("rule/Web", "rule/Web", "rule/web", id="capitals count"),
    ],
)
def test_a_pattern_selects_resources_by_kind_and_glob(pattern: str, meant: str, not_meant: str) -> None:
    targets = Targets([pattern])
    assert targets
    assert targets.admits(address(meant))
    assert not targets.admits(address(not_meant))


def test_several_patterns_admit_the_resources_that_any_of_them_matches() -> None:
    targets = Targets(["rule/a", "dashboard/b"])
    assert [targets.admits(address(one)) for one in ("rule/a", "dashboard/b", "rule/b")] == [True, True, False]


def test_named_returns_only_addresses_without_glob_characters() -> None:
    assert Targets(["rule/a/b", "rule/b*", "*/c", "rule/d?", "rule/[e]"]).named() == {address("rule/a/b")}


def test_kinds_returns_the_kinds_that_the_patterns_can_match() -> None:
    assert Targets(["rule/a", "plugin/*"]).kinds() == {"rule", "plugin"}
    assert Targets(["rule/a", "*/a"]).kinds() == {"account", "dashboard", "link", "plugin", "rule"}


@pytest.mark.parametrize("pattern", ["web", "dashboards/web", "dash*/web", "dashboard/", "/web", ""])
def test_an_invalid_pattern_is_an_error_that_names_the_kinds(pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"KIND one of account, plugin, link, dashboard, rule or \*") as caught:
        Targets([pattern])
    assert f"`{pattern}`" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("", "For example: dashboard/web-*"),
        ("web", "Did you mean rule/web?"),
        ("dashboard", "Did you mean dashboard/*?"),  # not the rule of that name
    ],
)
def test_the_hint_suggests_the_likely_pattern_or_an_example(pattern: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Targets([pattern], ["rule/web", "rule/dashboard"])
    assert caught.value.hint == hint


def test_including_adds_resources_and_their_kinds_to_the_targets() -> None:
    targets = Targets(["rule/a"]).including([address("plugin/b")])
    assert [targets.admits(address(one)) for one in ("rule/a", "plugin/b", "plugin/a")] == [True, True, False]
    assert targets.kinds() == {"rule", "plugin"}


def test_exactly_admits_only_the_given_addresses_and_expands_no_globs() -> None:
    targets = Exactly([address("rule/a*"), address("plugin/b")])
    assert [targets.admits(address(one)) for one in ("rule/a*", "plugin/b", "rule/ab", "rule/b")] == [
        True,
        True,
        False,
        False,
    ]
    assert not Exactly([]).admits(address("rule/a"))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("rule/a", True), ("*/a*", True), ("rule/a/b", True), ("rules/a.yaml", False), ("rule/", False), ("rule", False)],
)
def test_a_text_is_a_pattern_where_it_begins_with_a_kind(text: str, *, is_one: bool) -> None:
    assert is_pattern(text) is is_one


def test_targets_without_a_match_are_refused_with_suggestions_even_if_other_targets_match() -> None:
    known = [address("rule/redis-down"), address("dashboard/web")]
    with pytest.raises(SettingsError) as error:
        Targets(["rule/redis-donw", "dashboard/*", "rule/x", "dashboard/wen"]).require_match(known)
    assert error.value.message == "no resource matches `rule/redis-donw`, `rule/x`, `dashboard/wen`"
    assert error.value.hint == "Did you mean rule/redis-down and dashboard/web?"
    with pytest.raises(SettingsError) as error:
        Targets(["plugin/[0-9]"]).require_match(known)
    assert error.value.hint.startswith("Check the kind and the name. ")


@pytest.mark.parametrize("patterns", [[], ["rule/*", "*/redis-????"]])
def test_targets_that_all_match_and_empty_targets_are_accepted(patterns: list[str]) -> None:
    Targets(patterns).require_match([address("rule/redis-down")])


def test_an_empty_account_accepts_targets_without_a_match() -> None:
    Targets(["rule/*", "rule/a"]).require_match([])
