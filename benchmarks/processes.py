"""Whole processes, measured: seconds by the clock and of CPU, and megabytes at the peak."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Command:
    """What is run.

    :param environment: on top of PATH.
    :param code: the exit code that it must end with.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took: seconds, seconds of CPU, megabytes at its peak."""

    seconds: float
    cpu: float
    megabytes: float


class UnexpectedEndError(Exception):
    """A process ended with another code than it should: what was measured is worth nothing."""


def run(command: Command) -> Run:
    """Run a process to its end.

    A child's peak is never less than its parent's size when it was started, so this process has to stay small.

    :raises UnexpectedEndError: it ended with another code; its last words are in the message.
    """
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, **command.environment}
    before = time.perf_counter()
    with subprocess.Popen(
        command.arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        words = process.stderr.read() if process.stderr else b""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - before
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != command.code:
        said = words.decode(errors="replace").strip()[-500:]
        raise UnexpectedEndError(
            f"{' '.join(command.arguments)}: expected exit code {command.code}, got {process.returncode}: {said}"
        )
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
