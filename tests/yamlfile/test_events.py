"""Where ruamel's scanner is corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.yamlfile import parse

if TYPE_CHECKING:
    from dlsync.model import Json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\t1\t# c\nb: 'x'\t\n\t \n\t\t# d\nc: 2\n", {"a": 1, "b": "x", "c": 2}),
        ('{\n\t"a": [\n\t\t1,\n\t\t2\n\t]\n}', {"a": [1, 2]}),
        ("-\ta\n- b\t", ["a", "b"]),
    ],
)
def test_a_tab_is_white_space_where_it_does_not_indent(text: str, value: Json) -> None:
    assert parse(text.encode()) == value


def test_blank_lines_before_a_block_scalar_may_be_indented_less() -> None:
    assert parse(b"a: |\n  \r\n    x\n    y # &\nb: &c d\n") == {"a": "\nx\ny # &\n", "b": "d"}


@pytest.mark.parametrize(
    ("text", "value"), [("[?a, &x b]", ["?a", "b"]), ("{? &x a : b}", {"a": "b"}), ("? &x a", {"a": None})]
)
def test_a_question_mark_is_a_letter_where_no_space_follows(text: str, value: Json) -> None:
    assert parse(text.encode()) == value
