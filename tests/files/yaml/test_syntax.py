"""The positions of keys, values and comments in a document."""

from __future__ import annotations

import pytest

from dlsync.files.yaml import ambiguous_scalars, nearest, positions
from dlsync.files.yaml.read import Node, comments, compose
from dlsync.files.yaml.source import decode

TEXT = b"""\
# head
title: Redis
positions:
  - title: A
    row: 1

  -
    title: &t B
flow: {x: [1, *t]}
none:
"""
PLACES = {
    (): (2, 1),
    ("title",): (2, 1),
    ("positions",): (3, 1),
    ("positions", 0): (4, 5),
    ("positions", 0, "title"): (4, 5),
    ("positions", 0, "row"): (5, 5),
    ("positions", 1): (8, 5),
    ("positions", 1, "title"): (8, 5),
    ("flow",): (9, 1),
    ("flow", "x"): (9, 8),
    ("flow", "x", 0): (9, 12),
    ("flow", "x", 1): (9, 15),
    ("none",): (10, 1),
}


def test_every_path_has_its_line_and_column() -> None:
    assert positions(TEXT) == PLACES


def test_a_byte_order_mark_and_carriage_returns_do_not_shift_positions() -> None:
    assert positions(b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n")) == PLACES


def test_a_text_that_cannot_be_parsed_has_no_positions() -> None:
    assert [positions(content) for content in (b"a: [", b"1: a", b"\xff", b"")] == [{}, {}, {}, {}]


def test_a_path_without_a_position_gets_the_position_of_its_nearest_parent() -> None:
    assert nearest(PLACES, ("positions", 0, "colour", "x")) == (4, 5)
    assert nearest(PLACES, ("flow", "x", 0)) == (9, 12)
    assert nearest({}, ("a",)) == (None, None)


def nothings(node: Node, text: str) -> list[str]:
    here = [text[: node.start]] if node.form == "scalar" and node.start == node.end else []
    return here + [found for child in node.children for found in nothings(child, text)]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("a:  # c\n# d\nb:\n", ["a:", "a:  # c\n# d\nb:"]),
        ("-\n- # c\n- x\n", ["-", "-\n-"]),
        ("&x\n- \n", ["&x\n-"]),
        ("{a, b: , c}", ["{a", "{a, b:", "{a, b: , c"]),
        ("- a:\n  b: 1\n-\n", ["- a:", "- a:\n  b: 1\n-"]),
    ],
)
def test_an_empty_value_is_positioned_after_its_colon_or_dash(text: str, before: list[str]) -> None:
    root = compose(decode(text.encode()))
    assert root is not None
    assert nothings(root, text) == before


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a: |\n  x\n\n\nb: 1\n", "|\n  x"),
        ("a: |+\n  x\n\nb: 1\n", "|+\n  x\n"),
        ("a: >- # + c\n  x\n\nb: 1\n", ">- # + c\n  x"),
        ("a: |\n\nb: 1\n", "|"),
    ],
)
def test_a_block_scalar_ends_with_its_last_line(text: str, written: str) -> None:
    root = compose(decode(text.encode()))
    assert root is not None
    block = root.children[1]
    assert text[block.start : block.end] == written


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "Yes",
        "OFF",
        "12:30",
        "0777",
        "010",
        "08",
        "1_000",
        "0b11",
        "0o17",
        "1e3",
        "2001-01-01",
        "2001-13-99",
        "<<",
        "=",
    ],
)
def test_ambiguous_scalars_finds_a_scalar_that_yaml_1_1_reads_differently(text: str) -> None:
    content = f"# {text}\nkey:\n  - {{a: '{text}', b: &x {text}}}\n".encode()
    line = content.decode().splitlines()[2]
    assert ambiguous_scalars(content) == [(3, line.rindex(text) + 1, text)]


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "1.5",
        "-3",
        "0",
        "0x1F",
        "true",
        "~",
        "null",
        "y",
        "n",
        "1.2.3",
        "10.0.0.1",
        "a-b",
        "online",
        ".inf",
        "no-one",
    ],
)
def test_ambiguous_scalars_ignores_a_scalar_that_both_versions_read_alike(text: str) -> None:
    assert ambiguous_scalars(f"a: {text}".encode()) == []


def test_ambiguous_scalars_includes_keys_and_is_empty_for_invalid_yaml() -> None:
    assert ambiguous_scalars(b"on: 1\na: |\n  yes\n") == [(1, 1, "on")]
    assert ambiguous_scalars(b"a: [") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# a\nb: '# c' # d\ne: | # f\n  # g\nh: x#y\n", ["# a", "# d", "# f"]),
        ("a: [ # b\n  c, # d\n]\n", ["# b", "# d"]),
        ("# only\n", ["# only"]),
    ],
)
def test_comments_are_found_only_outside_scalars(text: str, found: list[str]) -> None:
    source = decode(text.encode())
    assert comments(compose(source), source) == found
