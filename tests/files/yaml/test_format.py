"""``formatted`` puts a text into the house style, keeps its value and comments, and is idempotent."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.files import schema
from dlsync.files.yaml import InvalidYaml, dump, parse
from dlsync.files.yaml.format import formatted
from dlsync.files.yaml.pieces import Unspliceable, same
from dlsync.files.yaml.read import comments, compose
from dlsync.files.yaml.source import decode
from tests.builders.yaml import DOCUMENTS, maybe_yaml, spelled, with_planted

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlsync.model import Json, Path


def by_name(_: Path, names: Collection[str]) -> list[str]:
    return sorted(names)


def arranged(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: arranged(value[name]) for name in sorted(value)}
    return [*map(arranged, value)] if isinstance(value, list) else value


def comments_of(content: bytes) -> list[str]:
    source = decode(content)
    return sorted(comments(compose(source), source))


@given(st.data())
def test_formatting_keeps_the_value_and_all_comments_and_is_idempotent(data: st.DataObject) -> None:
    document = data.draw(DOCUMENTS)
    written = data.draw(spelled(document))
    with suppress(Unspliceable):
        text = formatted(written.content, by_name)
        assert same(parse(text), document)
        assert comments_of(text) == comments_of(written.content)
        assert formatted(text, by_name) == text


def test_a_key_moved_to_the_top_adds_no_second_blank_line() -> None:
    assert formatted(b"# head\n\nb: 1\n\na: 1\n", by_name) == b"# head\n\na: 1\nb: 1\n"


def test_formatting_removes_blank_lines_at_the_end() -> None:
    assert formatted(b"b: 1\n\n\n", by_name) == b"b: 1\n"


@given(st.data())
def test_a_comment_stays_on_the_line_of_its_key(data: st.DataObject) -> None:
    document = data.draw(with_planted(data.draw(DOCUMENTS), "planted", "here"))
    lines = dump(document).decode().split("\n")
    marked = [f"{line} # this" if line.endswith("planted: here") else line for line in lines]
    text = formatted("\n".join(marked).encode(), by_name).decode()
    assert "planted: here # this\n" in text


@given(DOCUMENTS)
def test_a_formatted_text_without_comments_equals_an_exported_file(document: dict[str, Json]) -> None:
    house = dump(arranged(document))
    assert formatted(dump(document), by_name) == (house if document else b"{}\n")


@given(maybe_yaml())
def test_any_text_is_formatted_or_refused(text: str) -> None:
    with suppress(Unspliceable, InvalidYaml):
        new = formatted(text.encode(), by_name)
        assert same(parse(new), parse(text.encode()))
        assert formatted(new, by_name) == new


MESSY = """\
# yaml-language-server: $schema=../schemas/dashboard.schema.json
# head

positions:
 -   title:   "A"   # title of A
     # what it shows
     series: # two

       # the first
       - {scope: {tag: [all, web]}, metric: base.cpu}  # one
       - metric:
           # the second
           "x"
     row: 1


     type: number
 - # second
   title: B
   message: |   # a text
        hello

          there
   size: [ ]
     # - none
period: 3600   # seconds
title: 'Hosts'
"""
NEAT = """\
# yaml-language-server: $schema=../schemas/dashboard.schema.json
# head

title: Hosts
period: 3600 # seconds
positions:
  - title: A # title of A

    type: number
    row: 1
    # what it shows
    series: # two
      # the first
      # one
      - metric: base.cpu
        scope:
          tag:
            - all
            - web
      - metric: x # the second
  # second
  - title: B
    message: | # a text
      hello

        there
    size: []
      # - none
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_formatting_sorts_fields_by_the_schema_and_moves_their_comments_along(newline: str) -> None:
    order = partial(schema.ordered, "dashboard")
    assert formatted(MESSY.replace("\n", newline).encode(), order).decode() == NEAT.replace("\n", newline)
    assert formatted(NEAT.encode(), order).decode() == NEAT


@pytest.mark.parametrize(
    "text",
    [
        "b: 1\n\n# about what follows\n\na: 1\n",
        "# about b, or the file\nb: 1\na: 1\n",
        "b: 1\na: 1\n# the end\n",
        "x:\n    # about x\n  b: 1\n  a: 1\n",
    ],
)
def test_a_comment_that_belongs_to_no_key_prevents_reordering(text: str) -> None:
    assert list(parse(formatted(text.encode(), by_name))) == list(parse(text.encode()))  # type: ignore[arg-type] # dict
    if "x" in text:
        assert formatted(text.encode(), by_name) == text.replace("    #", "  #").encode()


@pytest.mark.parametrize(
    "text",
    [
        f"? {'k' * 1100}\n:\n  a: 1\n",
        "a: [1, # one\n  2]\n",
        "a: &x 1\nb: *x\n",
        "a: &x # c\n  b: 1\n",
        "--- # c\na: 1\n",
        "a: |\n  x\n  # deeper\n # comment\nb: 1\n",
        "{a: 1} # c\n",
    ],
)
def test_formatting_refuses_a_text_that_would_lose_a_comment_or_an_anchor(text: str) -> None:
    with pytest.raises(Unspliceable):
        formatted(text.encode(), by_name)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "5\n"])
def test_a_text_without_keys_or_items_stays_unchanged(text: str) -> None:
    assert formatted(text.encode(), by_name) == text.encode()
