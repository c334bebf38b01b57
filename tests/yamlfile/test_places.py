"""Where the parts of a document stand."""

from __future__ import annotations

from dlsync.yamlfile import nearest, positions

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


def test_a_byte_order_mark_and_carriage_returns_move_nothing() -> None:
    assert positions(b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n")) == PLACES


def test_a_text_that_cannot_be_read_has_no_places() -> None:
    assert [positions(content) for content in (b"a: [", b"1: a", b"\xff", b"")] == [{}, {}, {}, {}]


def test_a_path_without_a_place_has_that_of_what_encloses_it() -> None:
    assert nearest(PLACES, ("positions", 0, "colour", "x")) == (4, 5)
    assert nearest(PLACES, ("flow", "x", 0)) == (9, 12)
    assert nearest({}, ("a",)) == (None, None)
