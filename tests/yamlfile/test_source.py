"""From bytes to characters, and where they stand."""

from __future__ import annotations

import json

import pytest

from dlsync.yamlfile import InvalidYaml, parse
from dlsync.yamlfile.source import Source, decode


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
def test_what_is_no_text_of_yaml_is_refused_with_its_place(
    content: bytes, place: tuple[int, int], message: str
) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(content, "rules/a.yaml")
    problem = caught.value.problem
    assert (problem.file, problem.line, problem.column) == ("rules/a.yaml", *place)
    assert problem.message.startswith(message)
    assert str(caught.value) == str(problem)


def test_whatever_json_leaves_unescaped_is_text() -> None:
    text = "\x7f\x80\x85\u2028\ufeff\ufffe😀"
    assert parse(json.dumps({text: text}, ensure_ascii=False).encode()) == {text: text}


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_the_document() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\nc: 'p\r\n  q'\r\n") == {"a": 1, "b": "x\ny\n", "c": "p q"}


def test_places_count_every_line_break_of_yaml_and_no_other() -> None:
    source = Source("a\r\nb\rc\u2028\x85d\n")
    assert [source.place(index) for index in range(len(source.text))] == [
        *[(1, 1), (1, 2), (1, 3)],
        *[(2, 1), (2, 2)],
        *[(3, 1), (3, 2), (3, 3), (3, 4), (3, 5)],
    ]
    assert (source.line_start(8), source.line_end(8), source.line_end(10)) == (5, 10, 10)


def test_only_the_first_byte_order_mark_is_one() -> None:
    assert decode(b"\xef\xbb\xbf\xef\xbb\xbfa").text == "\ufeffa"
