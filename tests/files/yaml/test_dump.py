"""``dump`` writes JSON values as YAML in the house style."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given

from dlsync.files.yaml import InvalidYaml, dump, parse
from dlsync.files.yaml.dump import literal, scalar, string
from dlsync.files.yaml.pieces import same
from tests.builders.yaml import VALUES

if TYPE_CHECKING:
    from dlsync.model import Json


@given(VALUES)
def test_a_dumped_value_parses_to_the_same_value(value: Json) -> None:
    assert same(parse(dump(value)), value)


@given(VALUES)
def test_a_yaml_1_1_reader_loads_the_same_value(value: Json) -> None:
    assert same(yaml.load(dump(value), yaml.CSafeLoader), value)


def test_dump_writes_the_house_style() -> None:
    document: Json = {
        "title": "Redis",
        "positions": [{"title": "A", "series": [{"metric": "a.b", "scope": {"tag": ["x", "y"]}}]}, [["a"], {}]],
        "message": "one\n\n  two\n",
        "text": "one\ntwo",
        "no": [],
        "x" * 1000: 1,
    }
    assert dump(document).decode() == (
        "title: Redis\n"
        "positions:\n"
        "  - title: A\n"
        "    series:\n"
        "      - metric: a.b\n"
        "        scope:\n"
        "          tag:\n"
        "            - x\n"
        "            - 'y'\n"
        "  - - - a\n"
        "    - {}\n"
        "message: |\n"
        "  one\n"
        "\n"
        "    two\n"
        "text: |-\n"
        "  one\n"
        "  two\n"
        "'no': []\n"
        f"? {'x' * 1000}\n"
        ": 1\n"
    )


def deep(levels: int) -> Json:
    value: Json = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_a_hundred_levels_can_be_written() -> None:
    assert parse(dump(deep(100))) == deep(100)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.inf, "inf cannot be written; expected a finite number"),
        ("\ud800", "a string holds half of a surrogate pair, which is no character"),
        (deep(102), "nested more than 100 levels deep"),
    ],
)
def test_infinity_a_lone_surrogate_and_excessive_nesting_are_refused(value: Json, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        dump(value)
    assert str(caught.value) == message


MISTAKEN = "yes No on y n ~ null true 1_000 12:30:45 2001-01-01 0o7 1e3 .inf = << - #a *a [a {a %a @a a:"
PLAIN = ("redis.used_memory", "10 Mbit/s", "a@b.c", "x, y", "é 😀", "yes!", "a:b", "a#b", "(a)", "$x")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *[(text, f"'{text}'") for text in [*MISTAKEN.split(), "", " a", "a ", "a: b", "a #b", "- a", "... a"]],
        *[(text, text) for text in PLAIN],
        ("it's: x", "'it''s: x'"),
        ("a\x1b[2J", '"a\\x1b[2J"'),
        ("a\nb", '"a\\nb"'),
        ('say "\\"\t', '"say \\"\\\\\\"\\t"'),
        ("a\u202eb\u200d\x85\ufeff\xa0", '"a\\u202eb\\u200d\\x85\\ufeff\\xa0"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_a_string_is_plain_only_where_every_reader_parses_it_as_a_string(text: str, written: str) -> None:
    assert string(text) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "null"), (True, "true"), (0, "0"), (1.5, "1.5"), (1e16, "1.0e+16"), ([], "[]"), ({}, "{}"), ("no", "'no'")],
)
def test_other_scalars_are_written_in_a_form_that_yaml_1_1_and_1_2_read_alike(value: object, written: str) -> None:
    assert scalar(value) == written  # type: ignore[arg-type] # every value is JSON


def test_flow_style_quotes_more_strings_than_block_style() -> None:
    assert [string(text, flow=flow) for text in ("a, b", "a[0]") for flow in (False, True)] == [
        "a, b",
        "'a, b'",
        "a[0]",
        "'a[0]'",
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb\n", ["|", "a", "b"]),
        ("a\n\n b", ["|-", "a", "", " b"]),
        ("\na\n", ["|", "", "a"]),
        ("a", None),
        ("a\n\n", None),
        ("\n", None),
        (" a\nb", None),
        ("a\n \nb", None),
        ("a\x07\nb", None),
    ],
)
def test_a_literal_block_is_used_only_where_it_is_exact_and_robust(text: str, lines: list[str] | None) -> None:
    assert literal(text) == lines
