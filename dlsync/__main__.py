"""The entry point: one boundary, where every failure becomes a message and an exit code."""

from __future__ import annotations

import sys
import traceback
from io import TextIOWrapper
from typing import TYPE_CHECKING

from dlsync.cli import app
from dlsync.errors import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, EXIT_REFUSED, DlsyncError, InvalidTree

if TYPE_CHECKING:
    from collections.abc import Sequence

# what a plan refuses is an error of it; only what would have written answers that it was refused
_REFUSING = frozenset({"apply", "rollback"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    :param arguments: without the program's name; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(given)
    except Exception as error:  # noqa: BLE001 - the boundary: what is not ours is a bug, said so without a traceback
        code = _report(error, given)
    if code == EXIT_INTERRUPTED:
        sys.stderr.write("Interrupted. The same command again goes on from here.\n")
    return code


def _run(given: Sequence[str]) -> int:
    from typer.main import get_command

    return int(get_command(app).main(list(given), prog_name="dlsync", standalone_mode=False) or EXIT_OK)


def _report(error: Exception, given: Sequence[str]) -> int:
    from typer import Abort
    from typer.exceptions import TyperException

    if "--debug" in given:
        traceback.print_exception(error)
    if isinstance(error, Abort):
        return EXIT_INTERRUPTED
    if isinstance(error, TyperException):
        return _say(error.format_message(), "See `dlsync --help`.")
    if isinstance(error, DlsyncError):
        return _explain(error, given)
    return _say(
        f"a bug in dlsync: {type(error).__name__}: {error}", "Run it again with --debug and report what it says."
    )


def _explain(error: DlsyncError, given: Sequence[str]) -> int:
    if isinstance(error, InvalidTree):
        from dlsync.cli.output import warnings

        warnings(error.problems)
    _say(error.message, error.hint)
    refused = error.exit_code == EXIT_REFUSED and not _REFUSING & set(given)
    return EXIT_ERROR if refused else error.exit_code


def _say(message: str, hint: str) -> int:
    from dlsync.escape import visible

    for line in ("\n".join(filter(None, (f"error: {message}", hint)))).splitlines():
        sys.stderr.write(visible(line) + "\n")
    return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
