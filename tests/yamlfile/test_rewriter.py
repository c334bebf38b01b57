"""Editing a file as a careful person would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.yamlfile import dump, parse, rewrite
from dlsync.yamlfile.matching import same
from tests.builders.yaml import DOCUMENTS, edited, spelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dlsync.model import Json

DASHBOARD = """\
# The cache, as the team on call sees it.

title: 'Cache'     # shown on the wall
period: 3600
emails: [a@b.c, 'd: e']  # flow
scope: {tag: web, "zone": 1}
message: |  # sent to all
    hello
    world

# widgets
positions:
- title: Hits   # first
  row: 1
  # of Hits

- # odd
  title: Memory
  row: 2

# --- section ---

# about Keys
- title: Keys
  row: 3
  series:
  - metric: keys   # of them
    scope:
        tag: x
# the end
"""


@given(st.data(), DOCUMENTS)
def test_an_equal_document_leaves_every_byte(data: st.DataObject, document: dict[str, Json]) -> None:
    content = data.draw(spelled(document)).content
    assert rewrite(content, document) == content


@given(st.data(), DOCUMENTS)
@settings(deadline=None)
def test_what_is_rewritten_means_the_new_document(data: st.DataObject, before: dict[str, Json]) -> None:
    content = data.draw(spelled(before)).content
    after = data.draw(edited(before) | DOCUMENTS)
    assert same(parse(rewrite(content, after)), after)


@given(st.data(), DOCUMENTS)
@settings(deadline=None)
def test_a_new_top_level_key_leaves_all_lines_and_comments(data: st.DataObject, before: dict[str, Json]) -> None:
    written = data.draw(spelled({"first": 1, **before}))
    lines = rewrite(written.content, {"first": 1, **before, "a new key": [{"a": "b"}]}).decode().splitlines()
    for comment in written.comments:
        assert any(comment in line for line in lines)
    if not written.is_flow:
        assert [line for line in written.content.decode().splitlines() if line not in lines] == []


@given(st.data(), DOCUMENTS, st.sampled_from(["red", "no", 7, 1.5, None, True, "a: 'b'"]))
@settings(deadline=None)
def test_one_changed_scalar_is_one_changed_line(data: st.DataObject, before: dict[str, Json], new: Json) -> None:
    written = data.draw(spelled({**before, "the colour": "blue"}))
    old, rewritten = written.content.splitlines(), rewrite(written.content, {**before, "the colour": new}).splitlines()
    assert len(old) == len(rewritten)
    assert sum(one != other for one, other in zip(old, rewritten, strict=True)) == 1


def without(text: str, *lines: str) -> str:
    for line in lines:
        assert text.count(line) == 1
        text = text.replace(line, "")
    return text


def change_texts(document: Any) -> None:
    document |= {"title": "It's", "period": 60, "message": "bye\nall\n"}


def change_flow(document: Any) -> None:
    document["emails"] = ["d: e", "z@b.c"]
    document["scope"] = {"tag": ["db"], "zone": 2, "new": {"a": "x, y"}}


BLOCK = "|  # sent to all\n    hello\n    world"
HITS = "- title: Hits   # first\n  row: 1\n  # of Hits\n"
MEMORY = "- # odd\n  title: Memory\n  row: 2\n"
KEYS = """\
# --- section ---

# about Keys
- title: Keys
  row: 3
  series:
  - metric: keys   # of them
    scope:
        tag: x
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            change_texts,
            DASHBOARD.replace("'Cache'", "'It''s'").replace("3600", "60").replace("hello\n    world", "bye\n    all"),
        ),
        (
            change_flow,
            DASHBOARD.replace("[a@b.c, 'd: e']", "['d: e', z@b.c]").replace(
                '{tag: web, "zone": 1}', "{tag: [db], \"zone\": 2, new: {a: 'x, y'}}"
            ),
        ),
        (lambda d: d["positions"][2]["series"][0]["scope"].update(tag="y"), DASHBOARD.replace("tag: x", "tag: 'y'")),
        (lambda d: d["positions"].pop(0), without(DASHBOARD, HITS + "\n")),
        (lambda d: d["positions"].pop(1), without(DASHBOARD, MEMORY + "\n")),
        (lambda d: d["positions"].pop(), DASHBOARD.replace(f"\n{KEYS}", "\n# --- section ---\n\n")),
        (lambda d: d["positions"].clear(), DASHBOARD.replace(f":\n{HITS}\n{MEMORY}\n{KEYS}", ": []\n")),
        (
            lambda d: d["positions"].insert(0, d["positions"].pop()),
            DASHBOARD.replace(f"{HITS}\n{MEMORY}\n{KEYS}", f"{KEYS}\n{HITS}\n{MEMORY}"),
        ),
        (
            lambda d: d["positions"].append({"title": "New", "series": [{"metric": "m"}], "more": {"a": "1\n2"}}),
            DASHBOARD.replace(
                "# the end",
                "\n- title: New\n  series:\n  - metric: m\n  more:\n      a: |-\n          1\n          2\n# the end",
            ),
        ),
        (lambda d: d.update(zoom={"x": 1}), DASHBOARD.replace("# the end", "zoom:\n    x: 1\n# the end")),
        (lambda d: d.pop("title"), without(DASHBOARD, "title: 'Cache'     # shown on the wall\n")),
        (lambda d: d["positions"][1].pop("title"), DASHBOARD.replace("title: Memory\n  ", "")),
        (lambda d: d["positions"][0].pop("title"), DASHBOARD.replace("title: Hits   # first\n  ", "")),
        (lambda d: d.update(title=None), DASHBOARD.replace("'Cache'", "null")),
        (lambda d: d.update(period={"a": 1}), DASHBOARD.replace(" 3600", "\n    a: 1")),
        (
            lambda d: d.update(message="now"),
            DASHBOARD.replace(BLOCK, "now  # sent to all"),
        ),
        (lambda d: d.update(emails=[]), DASHBOARD.replace("[a@b.c, 'd: e']", "[]")),
        (lambda d: d["emails"].insert(1, "x"), DASHBOARD.replace("a@b.c, ", "a@b.c, x, ")),
        (
            lambda d: d["positions"][2].update(series="none"),
            DASHBOARD.replace("series:\n  - metric: keys   # of them\n    scope:\n        tag: x", "series: none"),
        ),
    ],
)
def test_a_change_is_what_a_careful_person_would_have_edited(change: Callable[[Any], object], expected: str) -> None:
    document = parse(DASHBOARD.encode())
    change(document)
    assert rewrite(DASHBOARD.encode(), document).decode() == expected
    crlf = b"\xef\xbb\xbf" + DASHBOARD.replace("\n", "\r\n").encode()
    assert rewrite(crlf, document) == b"\xef\xbb\xbf" + expected.replace("\n", "\r\n").encode()
    unended = rewrite(DASHBOARD.encode().removesuffix(b"\n"), document)
    assert unended.decode() == expected.removesuffix("\n")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '{\n  "a": [\n    1\n  ]\n}\n',
            {"a": [1, "x"], "b": {"c": "d"}},
            '{\n  "a": [\n    1,\n    x\n  ],\n  "b": {"c": "d"}\n}\n',
        ),
        ('{"a": 1, "b": ["x", "y"]}', {"b": ["x", "z", "y"]}, '{"b": ["x", "z", "y"]}'),
        ("{a, b: , 'c': 1}", {"a": 1, "b": "x", "c": [2]}, "{a: 1, b: x , 'c': [2]}"),
        ("b: 1\na: [ 2 ]", {"a": [2], "b": 1}, "b: 1\na: [ 2 ]"),
        ("# head\na: 1\nb: 2\n", {"b": 2}, "# head\nb: 2\n"),
        ("# head\n\n# of a\na: 1\nb: 2\n", {"b": 2}, "# head\n\nb: 2\n"),
        ("a:\n  # of b\n  b: 1\n  c: 2\n", {"a": {"c": 2}}, "a:\n  c: 2\n"),
        ("a:  # c\nb: 1\n", {"a": "x", "b": 1}, "a: x  # c\nb: 1\n"),
        ("- \n- b\n", ["a", "b"], "- a\n- b\n"),
        ("- - 1\n  - 2\n- 3\n", [[2], 3], "- - 2\n- 3\n"),
        ("- - 1\n  # of two\n  - 2\n- 3\n", [[2], 3], "- # of two\n  - 2\n- 3\n"),
        ("- [] # one\n- b\n", [["x", {"z": 1}], "b"], "- - x # one\n  - z: 1\n- b\n"),
        ("a: [b: c]\n", {"a": [{"b": "d"}]}, "a: [{b: d}]\n"),
        ("a: 1\nb: |\n  x", {"a": 2, "b": "x"}, "a: 2\nb: |\n  x"),
        ("a: 1\nb: 2", {"a": 1, "b": "x\ny\n"}, "a: 1\nb: |\n  x\n  y\n"),
        ("a: &x 1\nb: *x\nc: 2\n", {"a": 1, "b": 1, "c": 3}, "a: &x 1\nb: *x\nc: 3\n"),
        ("a: &x 1\nb: *x\nc: *x\n", {"a": 2, "b": 1, "c": 1}, "a: 2\nb: 1\nc: 1\n"),
        ("a: {b: &x 1}\nc: [*x, *x]\n", {"a": {"b": 2}, "c": [1, 1]}, "a: {b: 2}\nc: [1, 1]\n"),
        ("a: 1 # c\n? b\n: 2\n", {"a": 1, "b": 3}, "a: 1\nb: 3\n"),
        ("# c\n\na: 1\nb:\n  ? c\n  : 2\n", {"a": 1, "b": {"c": 3}}, "# c\n\na: 1\nb:\n  c: 3\n"),
        ("# c\na: 1\n", ["x"], "# c\n- x\n"),
        ("# c", {"a": 1}, "# c\na: 1\n"),
        ("# c\n{}\n", {"a": 1}, "# c\na: 1\n"),
        ("", {"a": 1}, "a: 1\n"),
        ("a: [", {"a": 1}, "a: 1\n"),
        ("a:\n  b: 1\n\n  # free\n\n  c: 2\nd: 3\n", {"a": {"b": 1}, "d": 3}, "a:\n  b: 1\n\n  # free\n\nd: 3\n"),
        ("a: 1\n\n# free\n\nb: 2\n\nc: 3\n", {"c": 3, "a": 1}, "a: 1\n\n# free\n\n\nc: 3\n"),
        ("a: b\r\nc:\n  - 1\n", {"a": "b", "c": [1, 2]}, "a: b\r\nc:\n  - 1\n  - 2\n"),
    ],
)
def test_other_layouts_keep_what_they_can(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), after).decode() == expected


def test_what_is_not_utf_8_is_written_anew() -> None:
    assert rewrite(b"\xff", {"a": 1}) == dump({"a": 1})
