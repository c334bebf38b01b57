"""``parse``: the values of YAML texts, the refused texts and the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.files.yaml import InvalidYaml, parse
from dlsync.files.yaml.pieces import same
from dlsync.files.yaml.read import compose
from dlsync.files.yaml.source import decode
from tests.builders.yaml import DOCUMENTS, maybe_yaml, spelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Json


def from_events(content: bytes) -> Json:
    root = compose(decode(content))
    return root.value if root else None


def outcome(read: Callable[[bytes], Json], content: bytes) -> str:
    try:
        return repr(read(content))
    except InvalidYaml as error:
        return str(error)


@given(maybe_yaml())
@example("_.5")
@example("0x1f_")
@example("- 1_000")
@example("a: -0x1\nb: 0b1\nc: +0o7\nd: 0X1")
@example('a: queue-01\nb: \x27-01\x27\nc: [-01, x0b1, "0b1"]')
@example("a: |\n")
@example("a: |\n x")
@example("{a: |\n x\n}\n")
@example("{a\n b: c}\n")
@example("{:a}")
@example("{a:}")
@example("{?}")
@example("['':1]")
@example("a\n---\nb")
@example("%YAML 1.1\n--- a")
@example("...")
@example("? {}\n: a")
@example("a: é\u2028")
@example('"\\uD83D\\uDE00"')
@example("1" * 5000)
@example("1e999")
@example("a: &b c\nd: *b")
@example("!")
@example("a\tb")
@example("# c\n---\na: 1\n")
@example("[a: 1]\n")
@example('{\n  "a": {\n    "b": [1, 2]\n  }\n}\n')
def test_parse_and_compose_give_the_same_value_or_error(text: str) -> None:
    assert outcome(parse, text.encode()) == outcome(from_events, text.encode())


@given(st.data(), DOCUMENTS)
def test_a_document_parses_to_the_same_value_in_every_style(data: st.DataObject, document: dict[str, Json]) -> None:
    assert same(parse(data.draw(spelled(document)).content), document)


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"---\n", b"\xef\xbb\xbf", b"\n\n", b"~", b"null"])
def test_a_file_without_a_document_parses_to_none(content: bytes) -> None:
    assert parse(content) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "{a: " * 10_000,
        "- " * 100_000,
        "? " * 100_000,
        "- ? " * 100_000,
        "\n".join(" " * level + "a:" for level in range(1_000)),
        "\n".join(" " * level + "-" for level in range(1_000)),
        "[" * 101 + "]" * 101,
        "\n".join(" " * level + "a:" for level in range(99)) + " [[[]]]",
    ],
    ids=lambda text: text[:8],
)
def test_excessive_nesting_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(InvalidYaml, match="nested more than 100 levels deep"):
        parse(text.encode())


def test_a_hundred_levels_are_allowed() -> None:
    value = parse(b"[" * 100 + b"]" * 100)
    for _ in range(99):
        assert isinstance(value, list)
        (value,) = value
    assert value == []


STRINGS = "yes no on off y n nUll tRue 1_000 _1 0b11 -0o7 +0x1f 0X1F 12:30:45 2001-01-01 10.0.0.1 .e3 1e inf = << ٣"
DIGITS = "1" * 4300
IN_QUOTES = "expected a string: put a text that begins with '{' or '[' in quotes"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, text) for text in STRINGS.split()],
        *[(text, None) for text in ("~", "null", "Null", "NULL", "!!null ''")],
        *[(text, True) for text in ("true", "True", "TRUE", "!!bool true")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("012", 12), ("-012", -12), ("+1", 1), ("0o10", 8), ("0x1F", 31), ("!!int '7'", 7), (DIGITS, int(DIGITS))],
        *[(".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-1.5E-3", -0.0015), ("1.e+3", 1000.0), ("!!float 1", 1.0)],
        *[("!!str 1", "1"), ("! 1", "1"), ('!!str "1"', "1"), ("!!seq [a]", ["a"]), ("!!map {a: 1}", {"a": 1})],
        *[('"\\uD83D\\uDE00"', "😀"), ("<<: {a: 1}", {"<<": {"a": 1}})],
        ("- &k a\n- *k : c\n", ["a", {"a": "c"}]),
    ],
)
def test_a_text_parses_as_yaml_1_2_defines(text: str, value: Json) -> None:
    assert same(parse(text.encode()), value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".inf", "1:1: found .inf; expected a finite number"),
        ("a: [1, .NaN]", "1:8: found .NaN; expected a finite number"),
        ("a: 1e999", "1:4: found 1e999; expected a finite number"),
        ("1" * 4301, f"1:1: found {'1' * 40}…; expected an integer of at most 4,300 digits"),
        ("!!int x", "1:1: found !!int x; expected an integer of at most 4,300 digits"),
        ("!!bool yes", "1:1: found !!bool yes; expected true or false"),
        ("!!null x", "1:1: found !!null x; expected null"),
        ("!!float x", "1:1: found !!float x; expected a finite number"),
        ('"\\uD800"', '1:1: found "\\uD800"; half of a surrogate pair is no character'),
        ("a: 1\nb: 2\n'a': 3", "3:1: the key 'a' is on line 1 already; remove one of the two"),
        ("1: a", "1:1: found 1 as a key; expected a string: put it in quotes"),
        ("a:\n  true: b", "2:3: found true as a key; expected a string: put it in quotes"),
        (": a", "1:1: found nothing as a key; expected a string: put it in quotes"),
        ("[a]: b", f"1:1: found a list as a key; {IN_QUOTES}"),
        ("{a: b}: c", f"1:1: found a mapping as a key; {IN_QUOTES}"),
        ("!!set {a}", "1:1: found the tag !!set on a mapping; expected no tag"),
        ("a: !!omap [b]", "1:4: found the tag !!omap on a list; expected no tag"),
    ],
)
def test_a_value_or_key_that_json_cannot_hold_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message


@pytest.mark.parametrize("tag", ["!x", "!!binary", "!!timestamp", "!!python/object:os.system", "!<x>"])
def test_a_tag_outside_the_core_schema_is_refused(tag: str) -> None:
    with pytest.raises(InvalidYaml, match="this tag is unknown; put a text that begins with '!' in quotes"):
        parse(f"a: {tag} x".encode())


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 10)}]\n" for name in "bcdefghi"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins here; put it into a file of its own"),
        ("a: 1\n...\n---\nb: 2\n", "3:1: a second document begins here; put it into a file of its own"),
        ("%YAML 1.1\n---\na: yes\n", "1:1: found a directive; expected YAML 1.2 without %TAG"),
        ("%TAG !e! tag:x\n---\na: 1\n", "1:1: found a directive; expected YAML 1.2 without %TAG"),
        ("a: *b", "1:4: the alias *b is not defined above; put a text that begins with '*' in quotes"),
        ("a: &b [*b]", "1:8: the alias *b stands for a collection that contains it"),
        (LAUGHS, "4:36: the aliases expand to more than 10,000 values"),
        (
            "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60,
            "2:64: nested more than 100 levels deep",
        ),
        ("{a:, b: 1}", "1:3: expected a space after ':'"),
    ],
)
def test_a_second_document_a_directive_and_unbounded_aliases_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message


def test_aliases_produce_independent_copies_of_their_value() -> None:
    value = parse(b"%YAML 1.2\n---\na: &x [{e: 1}]\nb: *x\nc: &x 2\nd: *x\n")
    assert value == {"a": [{"e": 1}], "b": [{"e": 1}], "c": 2, "d": 2}
    assert isinstance(value, dict)
    assert value["a"] is not value["b"]


def test_line_breaks_of_yaml_1_1_are_ordinary_characters() -> None:
    assert parse("a: x\u2028y\nb: 'p\x85q'\nc: \ufeffz\n".encode()) == {"a": "x\u2028y", "b": "p\x85q", "c": "\ufeffz"}


def test_a_long_comment_after_a_key_without_a_value_is_accepted() -> None:
    assert parse(f"? a {'# ' * 500}\n? b".encode()) == {"a": None, "b": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\t1\t# c\nb: 'x'\t\nc: 2\n", {"a": 1, "b": "x", "c": 2}),
        ('{\n\t"a": [\n\t\t1,\n\t\t2\n\t]\n}', {"a": [1, 2]}),
    ],
)
def test_a_tab_is_white_space_where_it_does_not_indent(text: str, value: Json) -> None:
    assert parse(text.encode()) == value


def test_blank_lines_before_a_block_scalar_may_be_indented_less() -> None:
    assert parse(b"a: |\n  \r\n    x\n    y # &\nb: &c d\n") == {"a": "\nx\ny # &\n", "b": "d"}


@pytest.mark.parametrize(
    ("text", "value"), [("[?a, &x b]", ["?a", "b"]), ("{? &x a : b}", {"a": "b"}), ("? &x a", {"a": None})]
)
def test_a_question_mark_marks_a_key_only_where_a_space_follows(text: str, value: Json) -> None:
    assert parse(text.encode()) == value
