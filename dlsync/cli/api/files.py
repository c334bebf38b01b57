"""The files that ``create`` and ``update`` take."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError, InvalidTree

if TYPE_CHECKING:
    from dlsync.files.settings import Settings

STDIN = Path("-")


def content_of(file: Path) -> bytes:
    """Return what a file holds, or where it is ``-``, what comes on stdin.

    :raises DlsyncError: it cannot be read.
    """
    if file == STDIN:
        if sys.stdin is None:
            raise DlsyncError("stdin is closed, and the content was to come from there")
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise DlsyncError(f"{file} cannot be read: {error.strerror}") from error


def checked(kind: str, file: Path, settings: Settings) -> bytes:
    """Return what is to be sent for a file of a dashboard or a rule: its own text, references replaced.

    :raises InvalidTree: the file has errors; of warnings the user is told.
    """
    from dlsync.cli.output import report
    from dlsync.files.interpolation import Values
    from dlsync.resources import LoadContext, SourceFile, kind_of

    label = "stdin" if file == STDIN else str(file)
    source = SourceFile("given.yaml", content_of(file))  # the name is the user's to give, whatever the file's
    resources, found = kind_of(kind).read([source], LoadContext(Values(settings.variables, settings.environ)))
    problems = [replace(problem, file=label) for problem in found]
    if errors := sum(problem.severity == "error" for problem in problems):
        raise InvalidTree(f"{errors} {'error' if errors == 1 else 'errors'} in {label}; nothing was sent", problems)
    report(problems)
    return resources[0].body
