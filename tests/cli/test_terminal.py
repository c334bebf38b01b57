"""The progress bar on a terminal."""

import io
import subprocess
import sys
from contextlib import redirect_stderr

import pytest

from dlsync.cli.terminal import Terminal
from tests.builders import commands


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _drawable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rich draw bars on every stream, so that dlsync alone decides."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")


def test_the_bar_appears_after_a_second_and_is_erased_at_the_end() -> None:
    stream, clock = commands.Terminal(), Clock()
    with redirect_stderr(stream), Terminal(clock=clock) as terminal:
        terminal.restart("fetching [b]\x1b[2J")
        terminal.advance()
        clock.now += 1.5
        terminal.advance()
        terminal.advance()
    assert "fetching [b]\\x1b[2J" in stream.getvalue()
    assert "3/?" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


def test_a_restart_erases_the_bar_and_resets_its_delay_and_its_count() -> None:
    stream, clock = commands.Terminal(), Clock()
    with redirect_stderr(stream), Terminal(clock=clock) as terminal:
        clock.now += 1.5
        terminal.advance()
        terminal.restart("applying")
        taken_away = stream.getvalue()
        clock.now += 1
        terminal.advance()
        assert stream.getvalue() == taken_away
        clock.now += 1
        terminal.advance()
    assert taken_away.endswith("\x1b[2K")
    assert "applying" in stream.getvalue()
    assert "2/?" in stream.getvalue()


def test_a_run_of_at_most_a_second_shows_no_bar() -> None:
    stream, clock = commands.Terminal(), Clock()
    with redirect_stderr(stream), Terminal(clock=clock) as terminal:
        clock.now += 1
        terminal.advance()
    assert stream.getvalue() == ""


def test_a_stream_that_is_not_a_terminal_gets_no_bar() -> None:
    stream, clock = io.StringIO(), Clock()
    with redirect_stderr(stream), Terminal(clock=clock) as terminal:
        clock.now += 60
        terminal.advance()
    assert stream.getvalue() == ""


def test_a_run_without_a_bar_does_not_import_rich() -> None:
    program = """
import sys
from dlsync.cli.terminal import Terminal
with Terminal(clock=iter(range(0, 1000, 100)).__next__) as terminal:
    terminal.advance()
sys.exit("rich" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
