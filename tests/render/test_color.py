"""Colour is used only where the terminal and the user allow it."""

import io

import pytest

from dlsync.render.table import painter, wants_color


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("environ", [{}, {"TERM": "xterm"}, {"NO_COLOR": "", "TERM": "xterm"}])
def test_a_terminal_gets_colour(environ: dict[str, str]) -> None:
    assert wants_color(Terminal(), environ)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_or_a_dumb_terminal_disables_colour(environ: dict[str, str]) -> None:
    assert not wants_color(Terminal(), environ)


def test_a_file_gets_no_colour() -> None:
    assert not wants_color(io.StringIO(), {})


def test_a_painted_text_ends_its_own_style() -> None:
    assert painter(color=True)("x", "red") == "\x1b[31mx\x1b[0m"
    assert painter(color=False)("x", "red") == "x"
