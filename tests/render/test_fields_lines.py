"""The diff of two texts, line by line."""

from hypothesis import given
from hypothesis import strategies as st

from dlsync.render.fields import split, unified
from tests.builders.plans import assert_harmless

TEXTS = st.text(st.sampled_from("ab \n\r\x0b\x1b\u2028+-@"), max_size=40)


def test_a_changed_line_is_shown_with_three_lines_around_it() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 10))
    assert unified(before, before.replace("line 5", "LINE 5")) == (
        "@@ -2,7 +2,7 @@",
        " line 2",
        " line 3",
        " line 4",
        "-line 5",
        "+LINE 5",
        " line 6",
        " line 7",
        " line 8",
    )


def test_an_added_or_removed_line_break_at_the_end_is_shown() -> None:
    assert unified("a\n", "a") == ("@@ -1 +1 @@", "-a", "+a", "\\ No newline at end of file")
    assert unified("a", "a\n") == ("@@ -1 +1 @@", "-a", "\\ No newline at end of file", "+a")


def test_a_changed_kind_of_line_break_is_shown() -> None:
    assert unified("a\r\n", "a\n") == ("@@ -1 +1 @@", "-a\\r", "+a")


@given(TEXTS)
def test_only_a_line_feed_ends_a_line(text: str) -> None:
    assert "".join(split(text)) == text
    assert all("\n" not in line[:-1] and line for line in split(text))


@given(TEXTS, TEXTS)
def test_texts_that_differ_have_a_diff_of_printable_lines(before: str, after: str) -> None:
    lines = unified(before, after)
    assert bool(lines) == (before != after)
    assert_harmless("\n".join(f"        {line}" for line in lines))


def test_a_long_diff_ends_with_the_number_of_lines_left_out() -> None:
    lines = unified("", "x\n" * 300)
    assert len(lines) == 201
    assert lines[-1] == "... 101 more lines; --format json has them all"


def test_a_long_line_is_cut() -> None:
    assert unified("", "x" * 1000 + "\n")[1] == "+" + "x" * 396 + "..."


def test_texts_too_long_to_compare_in_a_second_are_only_counted() -> None:
    assert unified("x\n" * 6000, "x\n") == (
        "@@ too many lines to compare here (6,000 -> 1); --format json has them @@",
    )


def test_different_lines_that_look_the_same_are_shown_differently() -> None:
    assert unified("caf\u00e9\nx\n\u26a0\ufe0f\n", "cafe\u0301\nx\n\u26a0\ufe0f\ny\n") == (
        "@@ -1,3 +1,4 @@",
        "-caf\\xe9",
        "+cafe\\u0301",
        " x",
        " \u26a0\ufe0f",
        "+y",
    )
