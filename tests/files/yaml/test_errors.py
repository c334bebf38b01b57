"""Decoding of YAML files, positions of characters, and messages of syntax errors."""

from __future__ import annotations

import json

import pytest

from dlsync.files.yaml import InvalidYaml, parse
from dlsync.files.yaml.source import Source, decode


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"a: 1\nb: \xff\n", (2, 4), "byte 8 (0xFF) is not valid UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), (1, 1), "the file is UTF-16 or UTF-32; save it as UTF-8"),
        ("a: 1".encode("utf-32-be", "strict"), (1, 1), "found the control character U+0000"),
        (b"a: 1\nb: x\x00y", (2, 5), "found the control character U+0000, which YAML does not allow"),
        (b"\x1b[2J", (1, 1), "found the control character U+001B"),
    ],
)
def test_bytes_that_are_not_yaml_text_are_refused_with_line_and_column(
    content: bytes, place: tuple[int, int], message: str
) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(content, "rules/a.yaml")
    problem = caught.value.problem
    assert (problem.file, problem.line, problem.column) == ("rules/a.yaml", *place)
    assert problem.message.startswith(message)
    assert str(caught.value) == str(problem)


def test_characters_that_json_leaves_unescaped_are_accepted() -> None:
    text = "\x7f\x80\x85\u2028\ufeff\ufffe😀"
    assert parse(json.dumps({text: text}, ensure_ascii=False).encode()) == {text: text}


def test_the_parser_ignores_a_byte_order_mark_and_carriage_returns() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\nc: 'p\r\n  q'\r\n") == {"a": 1, "b": "x\ny\n", "c": "p q"}


def test_positions_count_only_the_line_breaks_of_yaml_1_2() -> None:
    source = Source("a\r\nb\rc\u2028\x85d\n")
    assert [source.place(index) for index in range(len(source.text))] == [
        *[(1, 1), (1, 2), (1, 3)],
        *[(2, 1), (2, 2)],
        *[(3, 1), (3, 2), (3, 3), (3, 4), (3, 5)],
    ]
    assert (source.line_start(8), source.line_end(8), source.line_end(10)) == (5, 10, 10)


def test_decode_strips_only_the_first_byte_order_mark() -> None:
    assert decode(b"\xef\xbb\xbf\xef\xbb\xbfa").text == "\ufeffa"


ANOTHER_COLON = (
    "unexpected ': '; indent the key as the keys above, write a space after each ':' above, "
    "or put a text that holds ': ' in quotes"
)
NO_COLON = "expected ': ' (a colon and a space) after this key, or '- ' (a dash and a space) before this list item"
AFTER_VALUE = "text after the end of a value; remove it, or put the whole value in quotes (other quotes than it holds)"
MISPLACED = "a list item cannot stand here; indent it as the items above, or put a key above it"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "2:1: a tab in the indentation; use spaces"),
        ("a: b\n\tc: 1", "2:1: a tab in the indentation; use spaces"),
        ("a: |\n\tb", "2:1: a tab in the indentation; use spaces"),
        ("a: @b", "1:4: a value cannot begin with '@'; put it in quotes"),
        ("a: 1\nb\nc: 2", f"2:1: {NO_COLON}"),
        ("a: - b", "1:4: a list item cannot stand here; put it on a line of its own"),
        ("a: ? b", "1:4: a key cannot stand here; put it on a line of its own"),
        ("a: b: c", f"1:5: {ANOTHER_COLON}"),
        ("a: [\n  b\nc: d", "3:2: expected ',' or ']': the '[' opened on line 1 is unclosed"),
        ("x: 1\na: {\n  b: [1],\n", "4:1: expected ',' or '}': the '{' opened on line 2 is unclosed"),
        ("a: [1,, 2]", "1:7: expected a value, found ','; put a text that begins so in quotes"),
        ("a: ]", "1:4: expected a value, found ']'; put a text that begins so in quotes"),
        (
            "a:\n  b: 1\n c: 2",
            "3:2: wrong indentation; indent this as the other keys of the mapping that begins on line 1",
        ),
        ("- a\nb: c", "2:1: expected '- '; indent this as the item above, or less than the list that begins on line 1"),
        ("a: 1\n- b", f"2:1: {MISPLACED}"),
        ("a:\n    - b\n  - c", f"3:3: {MISPLACED}"),
        ("a: 'it's'", f"1:8: {AFTER_VALUE}"),
        ("a: [b]]", f"1:7: {AFTER_VALUE}"),
        (" a: 1\nb: 2", "2:1: unexpected text; indent it as the lines above, or remove it"),
        ('a: "\\q"', "1:5: \\q is no escape; double the backslash, or use single quotes"),
        ("a: 'b\nc: d\n", "1:4: unclosed quote; add the closing quote"),
        ("a: 'b\n---\nc'", "1:4: unclosed quote; add the closing quote"),
        ("a: 1\n... b", "2:5: unexpected text; indent it as the lines above, or remove it"),
        ('"\\U00110000"', "1:4: an escape stands for no character"),
        ("a: *", "1:5: a text that begins with '&' or '*' belongs in quotes"),
        ("a: !<b", "1:7: not YAML: did not find the expected '>'; if it is a text, put it in quotes"),
        ("%YAML 2.0\n---\na", "1:1: found a directive for another version; expected YAML 1.2"),
    ],
)
def test_a_syntax_error_names_its_place_and_the_correction(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\u202eb: 1\na\u202eb: 2", "2:1: the key 'a\\u202eb' is on line 1 already; remove one of the two"),
        ('"a\\nb": 1\n"a\\nb": 2', "2:1: the key 'a\\nb' is on line 1 already; remove one of the two"),
        ('a: "\\\u202e"', "1:5: \\\\u202e is no escape; double the backslash, or use single quotes"),
        ('a: "\\\x7f"', "1:5: \\\\x7f is no escape; double the backslash, or use single quotes"),
    ],
)
def test_an_error_message_escapes_invisible_characters_and_line_breaks(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message
