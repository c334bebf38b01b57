"""Whether a process that left something behind still runs: known for this machine, and for no other."""

from __future__ import annotations

import os
import re
from hashlib import blake2b
from pathlib import Path

_PROC = Path("/proc")
_MARK = re.compile("([0-9a-f]{16}):([0-9]{1,9}):[0-9]+")
_START = 19  # of /proc/<pid>/stat, behind the name: proc(5), field 22


def mine(proc: Path = _PROC) -> str:
    """Return what tells this process from all others, on every machine; empty where the system does not say.

    :param proc: where procfs is mounted.
    """
    return _mark(os.getpid(), proc)


def has_ended(mark: str, proc: Path = _PROC) -> bool:
    """Whether the process of a mark ran on this machine, since it was started last, and runs no more.

    :param mark: what :func:`mine` returned there.
    """
    found = _MARK.fullmatch(mark)
    if found is None or found[1] != _machine(proc):
        return False
    number = int(found[2])
    return _is_gone(number) or _mark(number, proc) not in {"", mark}


def _is_gone(number: int) -> bool:
    """Whether there is no such process; procfs alone does not tell, where it hides those of other users."""
    try:
        os.kill(number, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def _mark(number: int, proc: Path) -> str:
    machine = _machine(proc)
    try:
        # the name of a process is in brackets and may hold anything
        start = (proc / str(number) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        start = []
    return f"{machine}:{number}:{start[_START]}" if machine and len(start) > _START else ""


def _machine(proc: Path) -> str:
    """Return a digest of this start of this machine, as the processes of one container see it."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = os.readlink(proc / "self/ns/pid")  # noqa: PTH115 - pathlib would take the link's text for a path
    except OSError:
        return ""
    return blake2b(f"{boot}{namespace}".encode(), digest_size=8).hexdigest()
