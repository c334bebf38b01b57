"""Secrets taken out of what is shown or written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.redaction import NOTHING_SECRET, Redaction
from tests.builders.accounts import VALUES
from tests.builders.plans import change, replaced

REDACTION = Redaction({"s3cret": "${env:A}", "s3cret-long": "${env:B}"})


def test_a_secret_becomes_its_reference_wherever_it_stands() -> None:
    assert REDACTION.text("x s3cret y s3cret-long") == "x ${env:A} y ${env:B}"
    assert REDACTION.value({"s3cret": ["a s3cret", 1, None]}) == {"${env:A}": ["a ${env:A}", 1, None]}


def test_a_change_is_shown_without_secrets() -> None:
    shown = REDACTION.change(change("update", "rule/x", replaced(("a", "s3cret", 0), "s3cret", "new")))
    assert shown == change("update", "rule/x", replaced(("a", "${env:A}", 0), "${env:A}", "new"))
    assert REDACTION.change(change("delete", "rule/x").finished("failed", "no s3cret")).error == "no ${env:A}"


HOOK = 'https://hooks/"T0K3N"\n  second line'
MESSAGES = Redaction({HOOK: "${env:HOOK}"})


@pytest.mark.parametrize("spelled", [HOOK, " ".join(HOOK.split()), json.dumps(HOOK)[1:-1]])
def test_a_message_may_spell_a_secret_on_one_line_or_as_json_and_cut_it(spelled: str) -> None:
    assert MESSAGES.said(f"no hook {spelled} here") == "no hook ${env:HOOK} here"
    for end in range(4, len(spelled)):
        for cut in ("…", "..."):
            assert MESSAGES.said(f"400: {spelled[:end]}{cut} and x{cut}") == f"400: ${{env:HOOK}}{cut} and x{cut}"


def test_of_a_secret_that_is_cut_three_characters_tell_nobody_what_it_is() -> None:
    assert MESSAGES.said("see htt… or https://h") == "see htt… or https://h"


def test_a_change_that_failed_does_not_say_a_part_of_a_secret() -> None:
    failed = change("update", "rule/x").finished("failed", f"the server refuses this (400: {HOOK[:30]}…)")
    assert MESSAGES.change(failed).error == "the server refuses this (400: ${env:HOOK}…)"


def test_a_redaction_does_not_show_what_it_hides() -> None:
    assert repr(REDACTION) == "Redaction(2 secrets)"


@given(VALUES)
def test_where_nothing_is_secret_nothing_changes(value: object) -> None:
    assert NOTHING_SECRET.value(value) is value  # type: ignore[arg-type]  # any value of JSON is one
    assert NOTHING_SECRET.change(change("create", "rule/x")) == change("create", "rule/x")


@given(st.lists(st.sampled_from(["s3cret", "s3cret-long", "s3", "cret", "-long", " "])).map("".join))
def test_no_text_keeps_a_secret(text: str) -> None:
    assert "s3cret" not in REDACTION.text(text)
