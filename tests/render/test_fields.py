"""The fields of a change as text."""

from dataclasses import replace

import pytest

from dlsync.files.redaction import HIDDEN
from dlsync.messages import counted
from dlsync.model import FieldChange, Json
from dlsync.render.fields import Field, fields
from tests.builders.plans import added, change, masked, moved, removed, replaced

SHA: Json = {"sha256": "0123456789abcdef" * 4}


def one_field(difference: FieldChange) -> Field:
    return fields(change("update", "dashboard/redis", difference))[0]


@pytest.mark.parametrize(
    ("address", "one", "after"),
    [
        ("plugin/x", removed(("interval",), 60), "30 (default)"),
        ("plugin/x", removed(("format",), 60), '"NAGIOS" (default)'),
        ("rule/x", removed(("criteria", 0, "condition", "operator"), 60), '"gt" (default)'),
    ],
)
def test_a_removed_field_with_a_default_is_shown_as_a_change_to_the_default(
    address: str, one: FieldChange, after: str
) -> None:
    (shown,) = fields(change("update", address, one))
    assert (shown.sign, shown.before, shown.after) == ("~", "60", after)


def test_a_removed_list_is_shown_as_removed() -> None:
    (shown,) = fields(change("update", "rule/x", removed(("actions",), [{}])))
    assert (shown.sign, shown.after) == ("-", None)


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (replaced(("title",), None, "Z", 3), Field("~", "title", "not known", '"Z"', line=3)),
        (removed(("period",), None), Field("-", "period", "not known")),
        (added(("locked",), True), Field("+", "locked", after="true")),
    ],
)
def test_drift_of_a_field_changed_on_both_sides_shows_the_applied_value_as_not_known(
    one: FieldChange, shown: Field
) -> None:
    both = change("update", "dashboard/x", replace(one, mover="conflict"), cause="drift")
    assert fields(both) == [shown]


def test_an_update_shows_both_values_and_the_line() -> None:
    assert one_field(replaced(("period",), 3600, 600, 3)) == Field("~", "period", "3600", "600", line=3)
    assert one_field(added(("locked",), True, 4)) == Field("+", "locked", after="true", line=4)
    assert one_field(added(("locked",), None)) == Field("+", "locked", after="null")
    assert one_field(removed(("title",), "x")) == Field("-", "title", before='"x"')


def test_a_moved_item_is_shown_with_its_previous_position() -> None:
    assert one_field(moved(("positions", 4), 1, 4, 20)) == Field(
        "~", "positions[4]", note="moved, was positions[1]", line=20
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${env:HOOK}", "the value of ${env:HOOK} changed"),
        ("x ${env:A} ${env:B} ${env:A}", "the value of ${env:A} or ${env:B} changed"),
        ("one\n${env:A}\n", "the value of ${env:A} changed"),
        (["${env:A\x1b}"], "the value of ${env:A\\u001b} changed"),
        ("[key]", "the value of a secret in it changed"),
    ],
)
def test_a_changed_secret_is_shown_as_changed_without_its_value(value: Json, said: str) -> None:
    assert one_field(masked("changed", replaced(("url",), value, value, 3))) == Field("~", "url", note=said, line=3)


def test_a_hidden_value_looks_different_from_a_text_with_the_same_words() -> None:
    assert one_field(masked("unknown", replaced(("a",), HIDDEN, "x"))) == Field("~", "a", HIDDEN, '"x"')
    assert one_field(masked("unknown", removed(("a",), HIDDEN))) == Field("-", "a", before=HIDDEN)
    assert one_field(replaced(("a",), HIDDEN, "x")) == Field("~", "a", f'"{HIDDEN}"', '"x"')


def test_text_of_several_lines_is_shown_line_by_line() -> None:
    assert one_field(replaced(("content",), "a\n", "b\n", 1)) == Field(
        "~", "content", hunks=("@@ -1 +1 @@", "-a", "+b"), line=1
    )


def test_content_that_is_not_text_is_shown_as_its_digest() -> None:
    assert one_field(replaced(("content",), SHA, "a\nb\n")) == Field(
        "~", "content", "sha256:0123456789ab...", "2 lines"
    )
    assert one_field(replaced(("content",), None, SHA)) == Field("~", "content", "null", "sha256:0123456789ab...")


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        ("x" * 500, '"' + "x" * 500 + '"'),
        ([1, 2], "[1, 2]"),
        (list(range(1200)), "1,200 items"),
        ({"title": "x" * 60}, "1 item"),
        ("one\ntwo\n", "2 lines"),
        (SHA, "sha256:0123456789ab..."),
        (None, "null"),
    ],
)
def test_a_new_resource_shows_scalars_in_full_and_long_values_as_counts(after: Json, shown: str) -> None:
    assert fields(change("create", "plugin/redis", added(("x",), after, 7))) == [Field("+", "x", after=shown)]


def test_scalars_can_be_limited() -> None:
    shown = fields(change("create", "plugin/redis", added(("x",), "x" * 500)), longest=10)
    assert shown == [Field("+", "x", after='"xxxxxx...')]


def test_a_deleted_resource_shows_its_removed_fields() -> None:
    assert fields(change("delete", "rule/x", removed(("title",), "x"))) == [Field("-", "title", before='"x"')]


@pytest.mark.parametrize(("number", "words"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (1234, "1,234 lines")])
def test_a_count_uses_the_plural_for_all_numbers_but_1(number: int, words: str) -> None:
    assert counted(number, "line") == words


def test_an_added_item_that_looks_like_a_removed_item_is_shown_differently() -> None:
    shown = fields(change("update", "link/x", removed(("tags", 0), "caf\u00e9"), added(("tags", 0), "cafe\u0301")))
    assert [(one.before, one.after) for one in shown] == [('"caf\\xe9"', None), (None, '"cafe\\u0301"')]
