"""Writing in the house style."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import yaml_rs
from hypothesis import given
from ruamel.yaml import YAML

from dlsync.yamlfile import InvalidYaml, dump, parse
from dlsync.yamlfile.matching import same
from tests.builders.yaml import VALUES

if TYPE_CHECKING:
    from dlsync.model import Json


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Json) -> None:
    assert same(parse(dump(value)), value)


@given(VALUES)
def test_other_readers_of_either_version_read_the_same(value: Json) -> None:
    text = dump(value).decode()
    assert same(yaml_rs.loads(text, parse_datetime=False), value)  # type: ignore[arg-type] # typed too narrowly
    for version in ((1, 1), (1, 2)):
        reader = YAML(typ="safe", pure=True)
        reader.version = version
        assert same(reader.load(text), value)


def test_the_house_style() -> None:
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
def test_what_no_file_can_hold_is_refused(value: Json, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        dump(value)
    assert str(caught.value) == message
