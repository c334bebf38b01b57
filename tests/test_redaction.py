"""Secrets taken out of what is shown or written."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dlsync.redaction import HIDDEN, NOTHING_SECRET, Redaction
from tests.builders.accounts import VALUES
from tests.builders.plans import added, change, replaced

REDACTION = Redaction({"s3cret": "${env:A}", "s3cret-long": "${env:B}"})


def test_a_secret_becomes_its_reference_wherever_it_stands() -> None:
    assert REDACTION.text("x s3cret y s3cret-long") == "x ${env:A} y ${env:B}"
    assert REDACTION.value({"s3cret": ["a s3cret", 1, None]}) == {"${env:A}": ["a ${env:A}", 1, None]}


def test_a_change_is_shown_without_secrets() -> None:
    shown = REDACTION.change(change("update", "rule/x", replaced(("a", "s3cret", 0), "s3cret", "new")))
    assert shown == change("update", "rule/x", replaced(("a", "${env:A}", 0), "${env:A}", "new"))
    assert REDACTION.change(change("delete", "rule/x").finished("failed", "no s3cret")).error == "no ${env:A}"


def test_a_redaction_does_not_show_what_it_hides() -> None:
    assert repr(REDACTION) == "Redaction(2 secrets)"


@given(VALUES)
def test_where_nothing_is_secret_nothing_changes(value: object) -> None:
    assert NOTHING_SECRET.value(value) is value  # type: ignore[arg-type]  # any value of JSON is one
    assert NOTHING_SECRET.change(change("create", "rule/x")) == change("create", "rule/x")


PIECES = st.lists(st.sampled_from(["s3cret", "s3cret-long", "s3", "cret", "-long", " "])).map("".join)


@given(PIECES)
def test_no_text_keeps_a_secret(text: str) -> None:
    assert "s3cret" not in REDACTION.text(text)


def test_what_is_kept_of_a_change_is_shown_without_secrets_too() -> None:
    made = replace(change("update", "rule/x"), kept=(replaced(("a",), "s3cret", 1),))
    assert REDACTION.change(made).kept == (replaced(("a",), "${env:A}", 1),)


def test_what_stands_where_a_secret_belongs_is_taken_for_one() -> None:
    assert REDACTION.difference(replaced(("a",), "the old secret", "s3cret")) == replaced(("a",), HIDDEN, "${env:A}")
    assert REDACTION.difference(replaced(("a",), 1, "s3cret")) == replaced(("a",), 1, "${env:A}")
    assert REDACTION.difference(added(("a",), "s3cret")) == added(("a",), "${env:A}")
    assert REDACTION.difference(replaced(("a",), "old", "new")) == replaced(("a",), "old", "new")


def test_more_secrets_are_known_beside_those_that_are() -> None:
    assert REDACTION.also({"old": "${env:C}"}).text("s3cret old") == "${env:A} ${env:C}"
    assert REDACTION.text("old") == "old"


@given(PIECES)
def test_a_text_is_the_sum_of_its_parts_of_which_the_secrets_are_marked(text: str) -> None:
    parts = REDACTION.parts(text)
    assert "".join(part for part, _ in parts) == text
    assert "".join(how or part for part, how in parts) == REDACTION.text(text)
    assert not any("s3cret" in part for part, how in parts if how is None)
    assert "".join(part for part, _ in NOTHING_SECRET.parts(text)) == text
