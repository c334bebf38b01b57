"""``rewrite`` edits a YAML file in place and keeps its comments and layout."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.diff.list_match import UNKNOWN_LIST, match
from dlsync.files import yaml
from dlsync.files.yaml import InvalidYaml, dump, parse
from dlsync.files.yaml.pieces import same
from dlsync.files.yaml.read import comments, compose
from dlsync.files.yaml.source import decode
from tests.builders.yaml import DOCUMENTS, altered, edited, maybe_yaml, spelled, with_planted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from dlsync.files.yaml.flow import Pairing
    from dlsync.model import Json, Path

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


def in_order(_: Path, before: list[Json], after: list[Json]) -> Sequence[tuple[int, int]]:
    return match(before, after, UNKNOWN_LIST).pairs


def rewrite(content: bytes, document: Json, pair: Pairing = in_order) -> bytes:
    return yaml.rewrite(content, document, pair)


@given(st.data(), DOCUMENTS)
def test_rewriting_an_equal_document_keeps_every_byte(data: st.DataObject, document: dict[str, Json]) -> None:
    content = data.draw(spelled(document)).content
    assert rewrite(content, document) == content


@given(st.data(), DOCUMENTS)
@settings(deadline=None)
def test_a_rewritten_file_parses_to_the_new_document(data: st.DataObject, before: dict[str, Json]) -> None:
    content = data.draw(spelled(before)).content
    after = data.draw(edited(before) | DOCUMENTS)
    assert same(parse(rewrite(content, after)), after)


@given(st.data(), DOCUMENTS)
@settings(deadline=None)
def test_adding_a_top_level_key_keeps_all_lines_and_comments(data: st.DataObject, before: dict[str, Json]) -> None:
    written = data.draw(spelled({"first": 1, **before}))
    lines = rewrite(written.content, {"first": 1, **before, "a new key": [{"a": "b"}]}).decode().splitlines()
    for comment in written.comments:
        assert any(comment in line for line in lines)
    if not written.is_flow:
        assert [line for line in written.content.decode().splitlines() if line not in lines] == []


@given(st.data(), DOCUMENTS, st.sampled_from(["red", "no", 7, 1.5, None, True, "a: 'b'"]))
@settings(deadline=None)
def test_a_changed_scalar_changes_one_line(data: st.DataObject, before: dict[str, Json], new: Json) -> None:
    written = data.draw(spelled({**before, "the colour": "blue"}))
    old, rewritten = written.content.splitlines(), rewrite(written.content, {**before, "the colour": new}).splitlines()
    assert len(old) == len(rewritten)
    assert sum(one != other for one, other in zip(old, rewritten, strict=True)) == 1


@given(st.data(), DOCUMENTS)
@settings(deadline=None)
def test_every_comment_survives_a_change_of_its_scalar(data: st.DataObject, before: dict[str, Json]) -> None:
    written = data.draw(spelled(before))
    after = data.draw(altered(before))
    rewritten = rewrite(written.content, after, each_in_its_place)
    assert same(parse(rewritten), after)
    lost = [comment for comment in written.comments if comment not in rewritten.decode()]
    assert not lost


def each_in_its_place(_: object, before: list[Json], after: list[Json]) -> list[tuple[int, int]]:
    return [(index, index) for index in range(min(len(before), len(after)))]


@given(st.data(), DOCUMENTS)
@settings(deadline=None)
def test_a_changed_scalar_at_any_depth_changes_one_line(data: st.DataObject, before: dict[str, Json]) -> None:
    planted = data.draw(with_planted(before, "the colour", "blue"))
    changed = json.loads(json.dumps(planted).replace('"the colour": "blue"', '"the colour": "red"'))
    written = data.draw(spelled(planted))
    old, rewritten = written.content.splitlines(), rewrite(written.content, changed, each_in_its_place).splitlines()
    assert len(old) == len(rewritten)
    assert sum(one != other for one, other in zip(old, rewritten, strict=True)) == 1


@given(st.data(), maybe_yaml())
@settings(deadline=None)
def test_an_edit_of_any_yaml_text_is_reversible_and_loses_no_comment(data: st.DataObject, text: str) -> None:
    with suppress(InvalidYaml):
        before = parse(text.encode())
        after = data.draw(altered(before))
        there = rewrite(text.encode(), after, each_in_its_place)
        assert same(parse(there), after)
        kept, old = (comments(compose(source), source) for source in (decode(there), decode(text.encode())))
        assert len(kept) >= len(old)
        assert same(parse(rewrite(there, before)), before)


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
        (
            lambda d: d["positions"].clear(),
            DASHBOARD.replace(f"positions:\n{HITS}\n{MEMORY}\n{KEYS}", "# --- section ---\npositions: []\n"),
        ),
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
def test_a_rewrite_makes_minimal_edits_and_keeps_line_endings(change: Callable[[Any], object], expected: str) -> None:
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
            '{\n  "a": [\n    1,\n    "x"\n  ],\n  "b": {"c": "d"}\n}\n',
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
        ("a: &x 1\nb: *x\nc: *x\n", {"a": 2, "b": 1, "c": 1}, "a: &x 2\nb: 1\nc: 1\n"),
        ("a: &x 1\nb: *x\nc: [*x, *x]\n", {"a": 2, "b": 2, "c": [2, 1]}, "a: &x 2\nb: *x\nc: [*x, 1]\n"),
        ("a: &x {y: 1}\nb: {c: *x}\n", {"a": {"y": 2}, "b": {"c": {"y": 2}}}, "a: &x {y: 2}\nb: {c: *x}\n"),
        ("a: &x 1\nb: &y 1\nc: {d: *x, e: *y}\n", {"b": 1, "c": {"d": 1, "e": 1}}, "b: &y 1\nc: {d: 1, e: *y}\n"),
        ("a: &x 1\nb: &y !!int 1\nc: [*x, *y]\n", {"b": 2, "c": [1, 2]}, "b: &y 2\nc: [1, *y]\n"),
        ("a: {b: &x 1}\nc: [*x, *x]\n", {"a": {"b": 2}, "c": [1, 1]}, "a: {b: &x 2}\nc: [1, 1]\n"),
        ("a: 1 # c\n? b\n: 2\n", {"a": 1, "b": 3}, "a: 1 # c\n? b\n: 3\n"),
        ("# c\n\na: 1\nb:\n  ? c\n  : 2\n", {"a": 1, "b": {"c": 3}}, "# c\n\na: 1\nb:\n  ? c\n  : 3\n"),
        ("# c\na: 1\n", ["x"], "# c\n- x\n"),
        ("# c", {"a": 1}, "# c\na: 1"),
        ("# c\n{}\n", {"a": 1}, "# c\na: 1\n"),
        ("", {"a": 1}, "a: 1\n"),
        ("a: [", {"a": 1}, "a: 1\n"),
        ("a:\n  b: 1\n\n  # free\n\n  c: 2\nd: 3\n", {"a": {"b": 1}, "d": 3}, "a:\n  b: 1\n\n  # free\n\nd: 3\n"),
        ("a: 1\n\n# free\n\nb: 2\n\nc: 3\n", {"c": 3, "a": 1}, "a: 1\n\n# free\n\n\nc: 3\n"),
        ("a: b\r\nc:\n  - 1\n", {"a": "b", "c": [1, 2]}, "a: b\r\nc:\n  - 1\n  - 2\n"),
    ],
)
def test_a_rewrite_preserves_other_layouts_as_far_as_possible(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), after).decode() == expected


def test_a_file_that_is_not_utf_8_is_replaced_by_a_dump() -> None:
    assert rewrite(b"\xff", {"a": 1}) == dump({"a": 1})


ON_CALL = """\
emails: [
  # on call
  a@b.c,  # Ann
  # second line
  d@e.f,  # Dan

  g@h.i  # Gus
  # the end
]
"""
ANN, DAN, GUS = "  # on call\n  a@b.c,  # Ann\n", "  # second line\n  d@e.f,  # Dan\n", "\n  g@h.i  # Gus\n"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (["d@e.f", "g@h.i"], without(ON_CALL, ANN)),
        (["a@b.c", "g@h.i"], ON_CALL.replace(DAN + GUS, "  g@h.i  # Gus\n")),
        (["a@b.c", "d@e.f"], ON_CALL.replace("d@e.f,", "d@e.f").replace(GUS, "")),
        (["x@y.z", "a@b.c", "d@e.f", "g@h.i"], ON_CALL.replace(ANN, "  x@y.z,\n" + ANN)),
        (["a@b.c", "d@e.f", "g@h.i", "x@y.z"], ON_CALL.replace("g@h.i  # Gus\n", "g@h.i,  # Gus\n  x@y.z\n")),
        (["g@h.i", "a@b.c"], f"emails: [\n  g@h.i,  # Gus\n{ANN.replace(',', '')}  # the end\n]\n"),
        ([], "# the end\nemails: []\n"),
        ("none", "# the end\nemails: none\n"),
    ],
)
def test_a_comment_in_a_flow_list_stays_with_its_item(after: Json, expected: str) -> None:
    assert rewrite(ON_CALL.encode(), {"emails": after}).decode() == expected


SCOPE = "scope: {\n  tag: web,  # the tag\n  # of the host\n  host: a,\n  }\n"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"tag": "web", "host": "b"}, SCOPE.replace("host: a", "host: b")),
        ({"host": "a"}, without(SCOPE, "  tag: web,  # the tag\n")),
        ({"tag": "web", "host": "a", "zone": 1}, SCOPE.replace("host: a,\n", "host: a,\n  zone: 1,\n")),
        ({"tag": "web"}, "scope: {\n  tag: web,  # the tag\n  }\n"),
    ],
)
def test_a_comment_in_a_flow_mapping_stays_with_its_key(after: Json, expected: str) -> None:
    assert rewrite(SCOPE.encode(), {"scope": after}).decode() == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a: [b, # of b\n  c]\n", {"a": ["c", "b"]}, "a: [c, b # of b\n  ]\n"),
        ("a: [b, c # of c\n  ]\n", {"a": ["c", "b"]}, "a: [c, # of c\n     b\n  ]\n"),
        ("a: [ # none yet\n  ]\n", {"a": ["b"]}, "# none yet\na:\n  - b\n"),
        ("a: [{b: [ # none\n  ]}] # c\n", {"a": [{"b": 1}]}, "# none\n# c\na:\n  - b: 1\n"),
        ("{a: [ # none\n]}\n", {"a": 1}, "# none\na: 1\n"),
        ("a: {? b : 1, c: 2}\n", {"a": {"c": 2, "d": 3}}, "a: {c: 2, d: 3}\n"),
        ("a: {? b : 1, c: 2}\n", {"a": {"b": 3, "c": 2}}, "a: {? b : 3, c: 2}\n"),
    ],
)
def test_other_flow_collections_keep_their_comments(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), after, each_in_its_place if "none" in before else in_order).decode() == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("k:\n  # why\n  old\n", "new", "k:\n  # why\n  new\n"),
        ("k:\n  # why\n  old # so\n", {"a": 1}, "k:\n  # why\n  # so\n  a: 1\n"),
        ("k: # here\n  # why\n\n  a: 1\n", "new", "k: # here\n  # why\n\n  new\n"),
        ("k: old\n  # below\n", "x\ny\n", "# below\nk: |\n  x\n  y\n"),
        ("k: old # so\n  # below\n", ["x"], "k: # so\n  - x\n  # below\n"),
        ("k:\n  a: 1\n  # below\n", {}, "k: {}\n  # below\n"),
        ("k: # here\n  a: 1\n", {}, "k: {} # here\n"),
        ("k: | # so\n  x\n  y\n", "x\nz\n", "k: | # so\n  x\n  z\n"),
    ],
)
def test_a_comment_around_a_value_stays_when_the_value_changes(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), {"k": after}).decode() == expected
    item = "-" + before.removeprefix("k:") if before.startswith("k:") else before
    assert rewrite(item.encode(), [after], each_in_its_place).decode().count("#") == before.count("#")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "# h\n? b # two\n: 2 # three\nc: 3 # four\n",
            {"b": [1], "c": 3},
            "# h\n? b # two\n: # three\n  - 1\nc: 3 # four\n",
        ),
        ("# h\n? b # two\n# x\nc: 3 # four\n", {"b": 1, "c": 3}, "# h\n# two\nb: 1\n# x\nc: 3 # four\n"),
        (
            "%YAML 1.2\n# h\n---\n# k\na: 1 # one\nb: 2\n",
            {"a": 1, "b": 3},
            "%YAML 1.2\n# h\n---\n# k\na: 1 # one\nb: 3\n",
        ),
        ("# h\n?\n  a\n: 1\nb: 2 # c\n", {"a": 1, "b": 3}, "# h\n# c\na: 1\nb: 3\n"),
        ("| # c\n", {"a": 1}, "# c\na: 1\n"),
        ("---\n# only\n", {"a": 1}, "---\n# only\na: 1\n"),
        ("---\n# only\n...\n", {"a": 1}, "---\n# only\na: 1\n...\n"),
        ("--- {} # none\n# x: []\n", {"a": 1}, "---\n# none\na: 1\n# x: []\n"),
        ("# links\n{}\n# x: [web]\n", {"a": ["b"]}, "# links\n\na:\n  - b\n# x: [web]\n".replace("\n\n", "\n")),
        ("# h\n\na: 1 # one\n# below\n", {}, "# h\n\n{}\n# below\n"),
        ("a: 1\n# free\n\nb: 2\n", {}, "# free\n{}\n"),
        (
            "a: &x 1 # a\nb: [*x, *x] # b\nc: 2 # c\n",
            {"a": 2, "b": [1, 1], "c": 2},
            "a: &x 2 # a\nb: [1, 1] # b\nc: 2 # c\n",
        ),
    ],
)
def test_a_part_that_cannot_be_edited_in_place_keeps_its_comments(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), after).decode() == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("k: |\n  👩\u200d💻 hi\n  x\n", "👩\u200d💻 a\xa0b\ny\n", "k: |\n  👩\u200d💻 a\xa0b\n  y\n"),
        ("k: |+\n  one\n\n  two\n\n", "one\n\nthree\n\n", "k: |+\n  one\n\n  three\n\n"),
        ("k: |+\n  one\n\n", "one\ntwo\n", "k: |\n  one\n  two\n"),
        ("k: |2\n    x\n  y\n", "  x\nz\n", "k: |2\n    x\n  z\n"),
        ("k: |2\n    x\n  y\n", "x\nz\n", "k: |\n  x\n  z\n"),
        ("k: |\n  x\n  y\n", "x\n \nz\n", "k: |\n  x\n   \n  z\n"),
        ("k: |\n      x\n      y\n", "x\nz\n", "k: |\n      x\n      z\n"),
        ("k: >-\n  x\n  y\n", "x y\nz", "k: |-\n  x y\n  z\n"),
        ("k: |\n  x\n  y\n", "\x07\nz\n", 'k: "\\x07\\nz\\n"\n'),
    ],
)
def test_a_block_scalar_stays_a_block_scalar_where_the_new_text_allows_it(
    before: str, after: str, expected: str
) -> None:
    assert rewrite(before.encode(), {"k": after}).decode() == expected


@pytest.mark.parametrize("header", ["|", "|-", ">", ">2"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_final_block_scalar_without_a_newline_keeps_the_layout(header: str, newline: str) -> None:
    before = f"k: # one\n- l: [a] # two\n\n  # three\n  m: {header}\n    x\n    y".replace("\n", newline)
    document: Any = parse(before.encode())
    document["k"][0]["l"].append("b")
    assert rewrite(before.encode(), document).decode() == before.replace("[a]", "[a, b]")


@pytest.mark.parametrize(
    ("header", "stripped"), [("|", "|-"), ("|-", "|-"), (">", ">-"), ("|2+", "|2-"), (">-2", ">2-")]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("added", ["  z: 1", "- z", "w: 1"])
def test_an_addition_after_a_final_block_scalar_without_a_newline_keeps_the_layout(
    header: str, stripped: str, newline: str, added: str
) -> None:
    before = f"k: # one\n- l: [a] # two\n  # three\n  m: {header} # four\n    x\n    y".replace("\n", newline)
    document: Any = parse(before.encode())
    if added == "w: 1":
        document["w"] = 1
    elif added == "- z":
        document["k"].append("z")
    else:
        document["k"][0]["z"] = 1
    expected = before.replace(header + " #", stripped + " #") + newline + added
    assert rewrite(before.encode(), document).decode() == expected
    assert parse(expected.encode()) == document


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '{"a":1,"b":[1,2]}\n',
            {"a": 1, "b": [1, 2, {"x": "y", "z": [1, 2]}]},
            '{"a":1,"b":[1,2,{"x":"y","z":[1,2]}]}\n',
        ),
        ('{"a":1}\n', {"a": 1, "b": {"c": "d", "e": 1}}, '{"a":1, "b":{"c":"d", "e":1}}\n'),
        ("a: [b, {c: 1,d: 2}]\n", {"a": ["b", {"c": 1, "d": 2, "e": 3}]}, "a: [b, {c: 1,d: 2,e: 3}]\n"),
    ],
)
def test_flow_collections_keep_their_spacing(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), after).decode() == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"b": 5}, b"a: 1\r\nb: 5\nc: 3\r\nd: 4\r\n"),
        ({"e": 5}, b"a: 1\r\nb: 2\nc: 3\r\nd: 4\r\ne: 5\r\n"),
        ({"b": "x\ny\n"}, b"a: 1\r\nb: |\r\n  x\r\n  y\r\nc: 3\r\nd: 4\r\n"),
    ],
)
def test_lines_keep_their_endings_and_new_lines_use_the_most_common_ending(
    after: dict[str, Json], expected: bytes
) -> None:
    assert rewrite(b"a: 1\r\nb: 2\nc: 3\r\nd: 4\r\n", {"a": 1, "b": 2, "c": 3, "d": 4, **after}) == expected


def test_a_rewrite_matches_list_items_by_the_given_pairing() -> None:
    asked: list[object] = []

    def crossed(path: object, before: list[Json], after: list[Json]) -> list[tuple[int, int]]:
        asked.append((path, before, after))
        return [(1, 0)]

    content = b"a:\n  # one\n  - m: 1\n  # two\n  - m: 2\n"
    assert rewrite(content, {"a": [{"m": 3}]}, crossed) == b"a:\n  # two\n  - m: 3\n"
    assert asked == [(("a",), [{"m": 1}, {"m": 2}], [{"m": 3}])]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "a:\n    b:\n    - 1\n",
            {"a": {"b": [1], "c": {"d": [2]}}},
            "a:\n    b:\n    - 1\n    c:\n        d:\n        - 2\n",
        ),
        (
            "a: &x\n      b: 1\nc:\n   d: 1\n",
            {"a": {"b": 1}, "c": {"d": 1}, "e": {"f": 1}},
            "a: &x\n      b: 1\nc:\n   d: 1\ne:\n   f: 1\n",
        ),
    ],
)
def test_new_content_is_indented_like_the_first_mapping_and_list(before: str, after: Json, expected: str) -> None:
    assert rewrite(before.encode(), after).decode() == expected


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [(1, True, False), (1, 1.0, False), ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True), ([1], [True], False)],
)
def test_same_compares_json_types_and_ignores_key_order(one: Json, other: Json, are: bool) -> None:
    assert same(one, other) is are
