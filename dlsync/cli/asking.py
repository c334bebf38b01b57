"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from dlsync.errors import DlsyncError, SettingsError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal before what cannot be taken back.

    :param yes: that was answered beforehand.
    :raises DlsyncError: the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not can_ask():
        raise SettingsError("there is no terminal to ask on", hint="Give --yes where you are sure.")
    if not is_agreed(question):
        raise DlsyncError("nothing was done")


def can_ask() -> bool:
    """Whether there is a terminal to ask on."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def is_agreed(question: str) -> bool:
    """Ask on the terminal; anything but yes is a no."""
    from dlsync.cli.output import aside
    from dlsync.escape import visible

    # asyncio's own handler would let Ctrl-C wait until the question is answered
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        aside(visible(f"{question} [y/N] "))
        return sys.stdin.readline().strip().casefold() in {"y", "yes"}
    finally:
        signal.signal(signal.SIGINT, before)
