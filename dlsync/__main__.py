"""Run the command line, and turn every failure into a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from contextlib import suppress
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dlsync.cli import signals
from dlsync.errors import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, DlsyncError

if TYPE_CHECKING:
    from collections.abc import Sequence


_NEW_OBJECTS = 200_000  # before a garbage collection; after 700, Python's default, it takes a tenth of a plan


def program() -> NoReturn:
    """Run the command line of this process and end the process.

    It skips the end of the interpreter, because a thread of the HTTP library can abort the process there. All output
    has been flushed by then (:mod:`dlsync.cli.console`).
    """
    signals.end_as_interrupted()
    if "_DLSYNC_COMPLETE" in os.environ:  # with rich, typer takes 50 ms more, and wraps the help of each command
        sys.modules["rich"] = None  # type: ignore[assignment] # prevents its import
    gc.set_threshold(_NEW_OBJECTS)
    os._exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    :param arguments: without the program's name.
    """
    if sys.stderr is None:  # the parent process may close stderr and stdout
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open as stderr does
    if sys.stdout is None:
        return _write_error("stdout is closed, but results are written to it", "Send it to a file or to /dev/null.")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:  # typer too makes that of a KeyboardInterrupt
        signals.ignore()
        _write("Interrupted.")
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        from dlsync.cli.app import command_line
        from dlsync.cli.console import forget_secrets

        forget_secrets()
        return int(command_line().main(list(arguments), prog_name="dlsync", standalone_mode=False) or EXIT_OK)
    except BrokenPipeError:  # the reader of a completion has ended
        return EXIT_ERROR
    except SystemExit as ended:  # from typer, after a completion, or if the reader of a result has ended
        return int(ended.code or EXIT_OK)
    except Exception as error:  # noqa: BLE001 - the boundary: any other exception is a bug, reported without a traceback
        return _report(error, arguments)


def _report(error: Exception, arguments: Sequence[str]) -> int:
    from typer import TyperException

    if "--debug" in arguments:
        _write("".join(traceback.format_exception(error)))
    if isinstance(error, TyperException):
        message = error.format_message().replace(": Value error, ", ": ")  # a prefix of pydantic
        if "--format=json" in arguments or ("--format", "json") in pairwise(arguments):
            from dlsync.cli.console import write_failure

            with suppress(DlsyncError, OSError):  # stdout cannot be written
                write_failure(DlsyncError(message), "json", Path())
        return _write_error(message, f"See `{getattr(getattr(error, 'ctx', None), 'command_path', 'dlsync')} --help`.")
    if isinstance(error, DlsyncError):
        from dlsync.cli.console import explain

        explain(error)
        return error.exit_code
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _write_error(f"{place}{error.strerror or error}", "")
    if _came_of_interrupt(error):
        return EXIT_INTERRUPTED
    hint = "Please report it, with the output of `--debug`."
    return _write_error(f"a bug in dlsync: {type(error).__name__}: {error}", hint)


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Tell whether a KeyboardInterrupt led to an error: an import that it ends can raise others, also when repeated."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _write_error(message: str, hint: str) -> int:
    _write("\n".join(filter(None, (f"error: {message}", hint))))
    return EXIT_ERROR


def _write(text: str) -> None:
    """Write a text to stderr, which may quote anything, without escape sequences and without secrets."""
    from dlsync.cli.console import redacted, write_stderr
    from dlsync.messages import visible

    write_stderr("".join(f"{visible(line)}\n" for line in redacted(text).rstrip("\n").split("\n")))


if __name__ == "__main__":
    program()
