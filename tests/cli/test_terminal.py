"""A bar for whoever waits."""

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


def test_a_run_of_more_than_a_second_is_shown_on_a_terminal_and_wiped_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
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


def test_a_restart_takes_the_bar_away_and_waits_and_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
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


def test_a_run_of_a_second_shows_nothing() -> None:
    stream, clock = commands.Terminal(), Clock()
    with redirect_stderr(stream), Terminal(clock=clock) as terminal:
        clock.now += 1
        terminal.advance()
    assert stream.getvalue() == ""


def test_what_is_no_terminal_stays_empty() -> None:
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
