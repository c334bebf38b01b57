"""How a scalar is written."""

from __future__ import annotations

import pytest

from dlsync.yamlfile.scalars import literal, scalar, string

MISTAKEN = "yes No on y n ~ null true 1_000 12:30:45 2001-01-01 0o7 1e3 .inf = << - #a *a [a {a %a @a a:"
PLAIN = ("redis.used_memory", "10 Mbit/s", "a@b.c", "x, y", "é 😀", "yes!", "a:b", "a#b", "(a)", "$x")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *[(text, f"'{text}'") for text in [*MISTAKEN.split(), "", " a", "a ", "a: b", "a #b", "- a"]],
        *[(text, text) for text in PLAIN],
        ("it's: x", "'it''s: x'"),
        ("a\x1b[2J", '"a\\x1b[2J"'),
        ("a\nb", '"a\\nb"'),
        ('say "\\"\t', '"say \\"\\\\\\"\\t"'),
        ("a\u202eb\u200d\x85\ufeff\xa0", '"a\\u202eb\\u200d\\x85\\ufeff\\xa0"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_a_string_is_plain_only_where_every_reader_takes_it_for_one(text: str, written: str) -> None:
    assert string(text) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "null"), (True, "true"), (0, "0"), (1.5, "1.5"), (1e16, "1.0e+16"), ([], "[]"), ({}, "{}"), ("no", "'no'")],
)
def test_other_scalars_are_written_as_both_versions_read_them(value: object, written: str) -> None:
    assert scalar(value) == written  # type: ignore[arg-type] # JSON, all of it


def test_brackets_take_fewer_plain_strings() -> None:
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
def test_a_block_is_literal_where_that_is_exact_and_lasts(text: str, lines: list[str] | None) -> None:
    assert literal(text) == lines
