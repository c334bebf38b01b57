"""Questions at the terminal, which ``apply`` and every ``delete`` command ask."""

from __future__ import annotations

import signal
import sys

import pytest

from dlsync.cli import console
from dlsync.errors import DlsyncError, SettingsError
from tests.builders.commands import Terminal


def terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """Replace stdin by a terminal with a typed text, and stderr by a terminal."""
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", Terminal())


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), (" YES \n", True), ("n\n", False), ("yep\n", False), ("", False)]
)
def test_only_y_and_yes_confirm(monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    terminal(monkeypatch, answer)
    assert console.is_agreed("Sure?", "--yes") is agreed
    assert signal.getsignal(signal.SIGINT) is before


def test_the_answer_no_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "n\n")
    with pytest.raises(DlsyncError, match="nothing was done"):
        console.confirm("Sure?", yes=False)


def test_the_option_yes_skips_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    console.confirm("Sure?", yes=True)
    with pytest.raises(SettingsError, match=r"no terminal to ask on: Sure\?"):
        console.confirm("Sure?", yes=False)
