"""Questions at the terminal, which ``apply`` and every command that deletes ask."""

from __future__ import annotations

import signal
import sys

import pytest

from dlsync.cli import console
from dlsync.errors import DlsyncError, SettingsError
from tests.builders.commands import Terminal


def terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """Let stdin be a terminal on which somebody has typed, and stderr be one."""
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", Terminal())


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), (" YES \n", True), ("n\n", False), ("yep\n", False), ("", False)]
)
def test_only_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    terminal(monkeypatch, answer)
    assert console.is_agreed("Sure?", "--yes") is agreed
    assert signal.getsignal(signal.SIGINT) is before


def test_a_no_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "n\n")
    with pytest.raises(DlsyncError, match="nothing was done"):
        console.confirm("Sure?", yes=False)


def test_what_was_answered_beforehand_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    console.confirm("Sure?", yes=True)
    with pytest.raises(SettingsError, match=r"no terminal to ask on: Sure\?"):
        console.confirm("Sure?", yes=False)
