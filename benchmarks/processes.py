"""Measure whole processes: seconds by the clock, seconds of CPU, and peak memory."""

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
    """A command to measure.

    :param environment: added to PATH and HOME.
    :param code: the expected exit code.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """The measurements of a process: seconds, seconds of CPU, peak memory in megabytes."""

    seconds: float
    cpu: float
    megabytes: float


class UnexpectedEndError(Exception):
    """A process ended with an unexpected exit code, so that its measurements are worthless."""


def run(command: Command) -> Run:
    """Run a process to its end, and measure it.

    This process must stay small: the peak of a child is at least the size of its parent at the start.

    :raises UnexpectedEndError: it ended with another exit code; the message has the end of its stderr.
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
