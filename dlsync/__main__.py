"""The entry point: one boundary, where every failure becomes a message and an exit code."""

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


_NEW_OBJECTS = 200_000  # before Python looks for garbage; after 700, its own number, that is a tenth of a plan


def program() -> NoReturn:
    """Run the command line of this process and end the process.

    It skips the interpreter's own end, during which a thread of the HTTP library can abort the process. Every text that
    was written has been flushed by then (:mod:`dlsync.cli.console`).
    """
    signals.end_as_interrupted()
    if "_DLSYNC_COMPLETE" in os.environ:  # with rich, typer takes 50 ms more, and breaks each purpose into lines
        sys.modules["rich"] = None  # type: ignore[assignment] # how Python is told not to import a module
    gc.set_threshold(_NEW_OBJECTS)
    os._exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    :param arguments: without the program's name.
    """
    if sys.stderr is None:  # closed by whoever started us, as stdout may be
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open as stderr does
    if sys.stdout is None:
        return _say("stdout is closed, and results go there", "Send it to a file or to /dev/null.")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a completion is gone
        code = EXIT_ERROR
    except SystemExit as ended:  # typer's way to end after a completion, and where the reader of a result is gone
        code = int(ended.code or EXIT_OK)
    except Exception as error:  # noqa: BLE001 - the boundary: what is not ours is a bug, said so without a traceback
        code = _report(error, arguments)
    if code == EXIT_INTERRUPTED:
        signals.ignore()
        _write("Interrupted.")
    return code


def _run(arguments: Sequence[str]) -> int:
    from dlsync.cli.app import command_line
    from dlsync.cli.console import forget_secrets

    forget_secrets()
    return int(command_line().main(list(arguments), prog_name="dlsync", standalone_mode=False) or EXIT_OK)


def _report(error: Exception, arguments: Sequence[str]) -> int:
    from typer import TyperException

    if "--debug" in arguments:
        _write("".join(traceback.format_exception(error)))
    if isinstance(error, TyperException):
        message = error.format_message().replace(": Value error, ", ": ")  # pydantic's, before what is wrong
        if "--format=json" in arguments or ("--format", "json") in pairwise(arguments):
            from dlsync.cli.console import write_failure

            with suppress(DlsyncError, OSError):  # stdout takes nothing
                write_failure(DlsyncError(message), "json", Path())
        return _say(message, f"See `{getattr(getattr(error, 'ctx', None), 'command_path', 'dlsync')} --help`.")
    if isinstance(error, DlsyncError):
        from dlsync.cli.console import explain

        explain(error)
        return error.exit_code
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{place}{error.strerror or error}", "")
    hint = "Please report it, with what `--debug` says in addition."
    return _say(f"a bug in dlsync: {type(error).__name__}: {error}", hint)


def _say(message: str, hint: str) -> int:
    _write("\n".join(filter(None, (f"error: {message}", hint))))
    return EXIT_ERROR


def _write(text: str) -> None:
    """Write to stderr what may quote anything: nothing that a terminal acts on, and no key."""
    from dlsync.cli.console import redacted, write_stderr
    from dlsync.messages import visible

    write_stderr("".join(f"{visible(line)}\n" for line in redacted(text).rstrip("\n").split("\n")))


if __name__ == "__main__":
    program()
