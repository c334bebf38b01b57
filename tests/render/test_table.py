"""Records as a plain table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dlsync.render import table
from tests.builders.plans import any_json, any_text, assert_harmless

if TYPE_CHECKING:
    from dlsync.model import Json


def test_columns_are_aligned_and_end_without_blanks() -> None:
    rows: list[list[Json]] = [["web-1", ["all", "web"], None], ["db", [], True]]
    assert table.render(["NAME", "TAGS", "MUTE"], rows) == (
        "NAME   TAGS      MUTE\n"
        "web-1  all, web\n"
        "db               true\n"
    )  # fmt: skip


def test_the_widest_column_is_cut_where_a_line_would_be_too_long() -> None:
    assert table.render(["NAME", "OF"], [["web", "0123456789abcdef"]], width=15) == (
        "NAME  OF\n"
        "web   012345...\n"
    )  # fmt: skip


def test_ids_are_never_cut() -> None:
    assert table.render(["NAME", "ID"], [["a name of many words", "0123456789abcdef"]], width=20) == (
        "NAME      ID\n"
        "a nam...  0123456789abcdef\n"
    )  # fmt: skip


def test_characters_that_take_two_cells_are_counted_as_two() -> None:
    assert table.render(["NAME", "ID"], [["日本", "1"], ["web", "2"]]) == "NAME  ID\n日本  1\nweb   2\n"


@given(st.lists(st.tuples(any_text(), any_json()), max_size=4), st.integers(30, 80))
def test_a_hostile_record_is_one_harmless_line_within_the_width(rows: list[tuple[str, Json]], width: int) -> None:
    text = table.render(["NAME", "VALUE"], rows, width=width)
    lines = text.split("\n")
    assert len(lines) == len(rows) + 2
    assert_harmless(text)
    assert all(cell_len(line) <= width for line in lines)
