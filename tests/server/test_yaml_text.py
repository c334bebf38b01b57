from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlsync.files import yaml
from dlsync.files.yaml import InvalidYaml
from dlsync.files.yaml.pieces import same
from dlsync.server import yaml_text
from dlsync.server.yaml_text import DEPTH, DIGITS, InvalidYamlError, parse

ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))


def read(text: str) -> Any:
    return parse(text.encode())


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("TRUE", True),
        ("false", False),
        ("yes", "yes"),
        ("012", 12),
        ("+1", 1),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x1F", "-0x1F"),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("_1", "_1"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("12:30:45", "12:30:45"),
        ("2001-01-01", "2001-01-01"),
        ("=", "="),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int '12'", 12),
        ("!!float 1", 1.0),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("'12'", "12"),
        ("!!seq [1]", [1]),
        ("!!map {b: 1}", {"b": 1}),
        ("&x [*y]", None),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\u00e9"', "é"),
    ],
)
def test_values_are_those_of_the_core_schema(plain: str, value: object) -> None:
    anchored = plain.replace("&x [*y]", "&x ~")
    assert read(f"a: {anchored}\n") == {"a": value}


def test_an_alias_is_replaced_by_its_anchored_value() -> None:
    assert read("a: &x {b: 1}\nc: *x\nd: [*x, &y e]\n*y : 2\n") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": [{"b": 1}, "e"],
        "e": 2,
    }


@pytest.mark.parametrize("text", ["\ufeffa: b\n", "a: b\r\n", "---\na: b\n...\n", "%YAML 1.2\n---\na: b", "{a: b}"])
def test_document_markers_and_layout_do_not_change_the_value(text: str) -> None:
    assert read(text) == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a mapping at the top of the document"),
        ("# nothing\n", "expected a mapping at the top of the document"),
        ("- a\n", "expected a mapping at the top of the document"),
        ("a: 1\n---\nb: 2\n", "expected one document, found a second, on line 2"),
        ("a: 1\nb: 2\na: 3\n", "the key 'a' is there twice, on line 3"),
        ("1: a\n", "expected text as a key, found int, on line 1"),
        ("[a]: b\n", "expected text as a key, found list, on line 1"),
        ("a: !!python/object:os.system b\n", "of the core schema, on line 1"),
        ("a: !own [b]\n", "the tag '!own' is not of the core schema, on line 1"),
        ("a: !!int b\n", "is not what its tag 'tag:yaml.org,2002:int' says, on line 1"),
        ("a: *b\n", "the alias *b stands for nothing that ends before it, on line 1"),
        ("a: &b [*b]\n", "the alias *b stands for nothing that ends before it, on line 1"),
        ('a: "\\ud83d"\n', "half of a surrogate pair is no character, on line 1"),
        ('a: "\\U00110000"\n', "found invalid Unicode character escape code, on line 1"),
        ("a: \0\n", "the control character U+0000, on line 1"),
        ("a: \x1b[0m\n", "the control character U+001B, on line 1"),
        ("\na: 'b\n", "found unexpected end of stream, on line 3"),
        ("a: [b\n", "on line 2"),
        (ALIASES, f"more than {yaml_text.WRITTEN_OUT} bytes once its aliases are written out, on line"),
        ("- " * 100_000 + "a\n", f"nested more than {DEPTH} levels deep, on line 1"),
        ("a: " + "[" * 10_000, f"nested more than {DEPTH} levels deep, on line 1"),
        ("a: " + "{a: " * 101 + "b" + "}" * 101 + "\n", f"nested more than {DEPTH} levels deep, on line 1"),
        ("a: &x " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*x" + "]" * 60, "levels deep, on line 2"),
    ],
)
def test_an_invalid_document_is_refused_with_a_reason_and_its_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidYamlError) as caught:
        read(text)
    assert reason in str(caught.value)


def test_an_error_never_quotes_the_document() -> None:
    with pytest.raises(InvalidYamlError) as caught:
        read("url: https://hooks.example/secret: [\n")
    assert "secret" not in str(caught.value)


def test_a_document_as_deep_as_the_limit_is_accepted() -> None:
    levels = DEPTH - 1
    assert list(read("a: " + "[" * levels + "]" * levels + "\n")) == ["a"]
    assert list(read("a: &x " + "[" * levels + "]" * levels + "\n")) == ["a"]


# values and layouts as in dashboards and rules, and tokens that the two parsers could read differently
tokens = st.sampled_from(
    [*"ab1-?:,[]{}#&*!|>'\"%@`_.~=+ \t\n", "\r\n", "\n  ", "\n- ", ": ", "- ", "? ", " #", "0x", "0o", "1_0", "null"],
) | st.sampled_from(
    [
        "true",
        "1e3",
        ".inf",
        "<<",
        "a: ",
        "\na: ",
        "\nb:\n",
        "  a: b\n",
        "''",
        '""',
        "[a]",
        "{a: b}",
        "é",
        "😀",
        "2001-01-01",
    ],
)


@settings(deadline=None)
@given(st.lists(tokens, max_size=12).map("".join))
@example("a: |\n  x")
@example("0b11\n")
@example("? a\n")
@example("[?x]")
@example('"\\ud83d\\ude00"')
def test_the_client_and_the_server_agree_on_every_text_that_both_accept(text: str) -> None:
    content = f"a: {text}".encode()
    with suppress(InvalidYamlError, InvalidYaml):
        assert same(parse(content), yaml.parse(content))


printable = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t"), max_size=50)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable, inner, max_size=3),
)


@settings(deadline=None)
@given(st.dictionaries(printable, values, max_size=3), st.booleans())
def test_any_json_object_is_read_as_yaml(document: dict[str, object], escaped: bool) -> None:
    assert read(json.dumps(document, ensure_ascii=escaped) + "\n") == document


HOSTILE = [
    "-+",
    "1_",
    "_",
    "-1",
    "+1a",
    ".",
    "|",
    "| ",
    "1.",
    "-_1.",
    "a: ",
    "? ",
    "[",
    "{",
    "{a: ",
    "- ",
    "&a ",
    "*a ",
    "!a ",
    "%",
    "#",
    "'",
    '"',
]


@pytest.mark.parametrize("number", ["9" * 400_000, "-" + "9" * 400_000, "9" * (DIGITS + 1)])
def test_an_integer_with_too_many_digits_is_refused(number: str) -> None:
    with pytest.raises(InvalidYamlError, match=f"an integer of more than {DIGITS} digits, on line 1"):
        read(f"a: {number}\n")


@pytest.mark.parametrize("start", ["a: ", "a: &x ", ""])
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_repeated_token_is_read_or_refused_without_any_other_error(start: str, piece: str) -> None:
    with suppress(InvalidYamlError):
        read(start + piece * 2_000)


def test_a_document_with_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "EVENTS", 100)
    with pytest.raises(InvalidYamlError, match="more than 100 values"):
        read(f"a: [{'a,' * 100}a]\n")


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_line_separators_of_yaml_1_1_are_ordinary_characters(character: str) -> None:
    text = f'title: "{character}a{character} b"\n'
    assert parse(text.encode()) == {"title": f"{character}a{character} b"}
    assert parse(f"---\n{text}".encode()) == {"title": f"{character}a{character} b"}
