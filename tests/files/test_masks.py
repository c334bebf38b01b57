"""Recognition of masks, the texts that a server shows in place of a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.files.masks import hides, is_certain, may_be_masked

REFERENCE = "${env:HOOK}"
WHOLE = ("*", "****", "•••••", "x", "xxxx", "XXX", "###", "…", "[REDACTED]", "<redacted>", "<hidden>", "{masked}")
WORDS = ("(sensitive)", "(sensitive value)", "***REDACTED***", "[secret-value]", "HIDDEN", "[NOT SHOWN]", "<<removed>>")


@pytest.mark.parametrize("text", WHOLE + WORDS)
@pytest.mark.parametrize("values", [{}, {REFERENCE: "https://a.example.org"}])
def test_a_mask_hides_a_whole_secret_and_a_secret_inside_a_text(text: str, values: dict[str, str]) -> None:
    assert may_be_masked(text)
    assert hides(text, REFERENCE, values)
    assert hides(f"--token {text} -v", "--token ${env:HOOK} -v", values)
    assert hides(f"$x {text}", f"$x {REFERENCE}", values)


@pytest.mark.parametrize(
    "text", ["", "https://other.example.org", "x ray", "a secret place", "**bold**", "--token abc", "xerox", "a.b"]
)
def test_ordinary_texts_are_not_masks(text: str) -> None:
    assert not hides(text, REFERENCE, {})
    assert not is_certain(text)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("****1234", "abcdef1234", True),
        ("https://hooks.example.org/****", "https://hooks.example.org/T0/B0", True),
        ("abc****234", "abcdef1234", True),
        ("****9999", "abcdef1234", False),
        ("zzz****", "abcdef1234", False),
        ("abcdef****1234", "abcdef1234", False),
        ("****1234", None, True),
    ],
)
def test_the_visible_ends_of_a_partial_mask_must_match_the_known_value(
    text: str, value: str | None, expected: bool
) -> None:
    values = {} if value is None else {REFERENCE: value}
    assert hides(text, REFERENCE, values) is expected
    assert hides(f"t={text};", f"t={REFERENCE};", values) is expected
    assert not hides(f"u={text};", f"t={REFERENCE};", values)


def test_each_secret_in_a_text_is_either_masked_or_in_plain_text() -> None:
    spelling, values = "${env:A}:${env:B}@$${host}", {"${env:A}": "me", "${env:B}": "pass"}
    assert hides("****:****@${host}", spelling, values)
    assert hides("me:****@${host}", spelling, values)
    assert not hides("you:****@${host}", spelling, values)
    assert not hides("****a:****@${host}", spelling, values)
    assert not hides("****:****@$${host}", spelling, values)


def test_a_text_that_is_too_long_is_no_mask() -> None:
    text = "*" * 5000
    assert not may_be_masked(text)
    assert not is_certain(text)
    assert not hides(text, REFERENCE, {})


def test_a_mask_is_certain_only_where_it_is_unlikely_to_be_a_value() -> None:
    assert [text for text in (*WHOLE, *WORDS, "--token ****") if not is_certain(text)] == [
        "*",
        "x",
        "xxxx",
        "XXX",
        "###",
        "…",
        "HIDDEN",
    ]


@given(st.text(max_size=20), st.text(min_size=4, max_size=30), st.integers(0, 3), st.integers(0, 3))
def test_any_value_with_its_middle_masked_is_hidden(around: str, value: str, first: int, last: int) -> None:
    literal = around.replace("${", "")
    shown = f"{value[:first]}****{value[len(value) - last :] if first + last < len(value) else ''}"
    assert hides(literal + shown + literal, literal + REFERENCE + literal, {REFERENCE: value})
