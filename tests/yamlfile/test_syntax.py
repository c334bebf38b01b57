"""Errors of syntax, in plain words."""

from __future__ import annotations

import pytest

from dlsync.yamlfile import InvalidYaml, parse

ANOTHER_COLON = (
    "a second ': ' cannot stand here; indent the key as its siblings, or put a text that holds ': ' in quotes"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "2:1: a tab cannot indent; use spaces"),
        ("a: @b", "1:4: a value cannot begin with '@'; put it in quotes"),
        ("a: 1\nb\nc: 2", "3:1: expected ': ' after the key, or '- ' before the item, that begins on line 2"),
        ("a: - b", "1:4: a list item cannot stand here; put it on a line of its own"),
        ("a: ? b", "1:4: a key cannot stand here; put it on a line of its own"),
        ("a: b: c", f"1:5: {ANOTHER_COLON}"),
        ("a: [\n  b\nc: d", "3:2: unclosed [ opened on line 1; expected ',' or the closing bracket"),
        ("x: 1\na: {\n  b: [1],\n", "4:1: unclosed { opened on line 2; expected ',' or the closing bracket"),
        ("a: [1,, 2]", "1:7: expected a value, found ,"),
        ("a: ]", "1:4: expected a value, found ]"),
        ("a:\n  b: 1\n c: 2", "3:2: this is indented unlike the other parts of the mapping that begins on line 1"),
        ("- a\nb: c", "2:1: this is indented unlike the other parts of the list that begins on line 1"),
        (" a: 1\nb: 2", "2:1: unexpected text: indented unlike the lines above, or after a value's end"),
        ('a: "\\q"', "1:6: \\q is no escape; double the backslash, or use single quotes"),
        ("a: 'b\nc: d\n", "3:1: unclosed quote opened on line 1"),
        ("a: 'b\n---\nc'", "2:1: unclosed quote opened on line 1"),
        ("a: 1\n... b", "2:5: nothing but a comment can stand behind '...' on its line"),
        ('"\\U00110000"', "1:4: found an escape beyond U+10FFFF, the last character there is"),
        (
            "a: *",
            "1:5: while scanning an alias: expected alphabetic or numeric character, but found the end of the file",
        ),
        ("%YAML 2.0\n---\na", "1:1: found incompatible YAML document (version 1.* is required)"),
    ],
)
def test_a_message_says_what_was_found_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message


def test_no_message_holds_a_control_character_or_a_second_line() -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse("a\u202eb: 1\na\u202eb: 2".encode())
    assert str(caught.value) == "2:1: the key 'a\\u202eb' is on line 1 already; line 2 repeats it"
