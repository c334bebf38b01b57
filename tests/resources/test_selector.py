"""Which resources a command is about."""

from __future__ import annotations

import pytest

from dlsync.errors import SettingsError
from dlsync.resources.selector import Exactly, Targets, is_pattern
from tests.builders.trees import address


def test_without_patterns_everything_is_meant() -> None:
    assert not Targets()
    assert Targets().admits(address("dashboard/web"))
    assert Targets().named() == set()
    assert Targets().kinds() == {"account", "dashboard", "link", "plugin", "rule"}


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        pytest.param("dashboard/web", "dashboard/web", "rule/web", id="one name"),
        pytest.param("dashboard/web-*", "dashboard/web-1", "dashboard/db-1", id="a glob"),
        pytest.param("*/web", "plugin/web", "plugin/db", id="of any kind"),
        pytest.param("rule/team/a*", "rule/team/a/b", "rule/team", id="a slash in the name"),
        pytest.param("rule/[ab]", "rule/b", "rule/c", id="one of some characters"),
        pytest.param("rule/a[1]", "rule/a[1]", "rule/a", id="a whole name with characters of globs"),
        pytest.param("rule/Web", "rule/Web", "rule/web", id="capitals count"),
    ],
)
def test_a_pattern_is_a_kind_and_a_glob(pattern: str, meant: str, not_meant: str) -> None:
    targets = Targets([pattern])
    assert targets
    assert targets.admits(address(meant))
    assert not targets.admits(address(not_meant))


def test_several_patterns_mean_what_any_of_them_does() -> None:
    targets = Targets(["rule/a", "dashboard/b"])
    assert [targets.admits(address(one)) for one in ("rule/a", "dashboard/b", "rule/b")] == [True, True, False]


def test_what_is_spelled_out_is_named_and_what_is_a_pattern_is_not() -> None:
    assert Targets(["rule/a/b", "rule/b*", "*/c", "rule/d?", "rule/[e]"]).named() == {address("rule/a/b")}


def test_only_the_kinds_that_a_pattern_names_can_be_meant() -> None:
    assert Targets(["rule/a", "plugin/*"]).kinds() == {"rule", "plugin"}
    assert Targets(["rule/a", "*/a"]).kinds() == {"account", "dashboard", "link", "plugin", "rule"}


@pytest.mark.parametrize("pattern", ["web", "dashboards/web", "dash*/web", "dashboard/", "/web", ""])
def test_anything_else_is_an_error_that_names_the_kinds(pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"KIND one of account, plugin, link, dashboard, rule or \*") as caught:
        Targets([pattern])
    assert f"`{pattern}`" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("", "For example: dashboard/web-*"),
        ("web", "Did you mean rule/web?"),
        ("dashboard", "Did you mean dashboard/*?"),  # and not the rule of that name
    ],
)
def test_a_hint_has_what_was_likely_meant_or_an_example(pattern: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Targets([pattern], ["rule/web", "rule/dashboard"])
    assert caught.value.hint == hint


def test_targets_that_include_more_admit_that_and_its_kind_too() -> None:
    targets = Targets(["rule/a"]).including([address("plugin/b")])
    assert [targets.admits(address(one)) for one in ("rule/a", "plugin/b", "plugin/a")] == [True, True, False]
    assert targets.kinds() == {"rule", "plugin"}


def test_exactly_some_are_these_and_no_others_whatever_their_names_look_like() -> None:
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


def test_targets_that_match_nothing_are_refused_with_the_nearest_resource_though_another_matches() -> None:
    known = [address("rule/redis-down"), address("dashboard/web")]
    with pytest.raises(SettingsError) as error:
        Targets(["rule/redis-donw", "dashboard/*", "rule/x", "dashboard/wen"]).require_match(known)
    assert error.value.message == "no resource matches `rule/redis-donw`, `rule/x`, `dashboard/wen`"
    assert error.value.hint == "Did you mean rule/redis-down and dashboard/web?"
    with pytest.raises(SettingsError) as error:
        Targets(["plugin/[0-9]"]).require_match(known)
    assert error.value.hint.startswith("Check the kind and the name. ")


@pytest.mark.parametrize("patterns", [[], ["rule/*", "*/redis-????"]])
def test_targets_that_each_match_and_no_targets_are_not_refused(patterns: list[str]) -> None:
    Targets(patterns).require_match([address("rule/redis-down")])


def test_in_an_empty_account_no_targets_are_refused() -> None:
    Targets(["rule/*", "rule/a"]).require_match([])
