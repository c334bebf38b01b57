"""The entry point: one boundary, where every failure becomes a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

from dlsync import __version__
from dlsync.cli import signals
from dlsync.errors import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, DlsyncError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer import TyperException

_NEW_OBJECTS = 50_000  # before Python looks for garbage; after 700, its own number, that is a tenth of a plan


def program() -> NoReturn:
    """Run the command line of this process and end the process.

    It skips the interpreter's own end, during which a thread of the HTTP library can abort the process. Every text that
    was written has been flushed by then (:mod:`dlsync.cli.output`).
    """
    signals.end_as_interrupted()
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
    except SystemExit as ended:  # typer's way to end after a completion, and where nobody reads stdout any more
        code = int(ended.code or EXIT_OK)
    except Exception as error:  # noqa: BLE001 - the boundary: what is not ours is a bug, said so without a traceback
        code = _report(error, arguments)
    if code == EXIT_INTERRUPTED:
        signals.ignore()
        _write("Interrupted.")
    return code


def _run(arguments: Sequence[str]) -> int:
    from dlsync.cli.completion import INSTRUCTION, answer, tell_plainly

    completes = bool(os.environ.get(INSTRUCTION))
    told = answer(os.environ) if completes else _version(arguments)
    if told is not None:  # without a command, and so without any of what they import
        return _tell(*told)
    if completes:
        tell_plainly()
    from dlsync.cli.app import command_line
    from dlsync.cli.output import forget

    forget()
    return int(command_line().main(list(arguments), prog_name="dlsync", standalone_mode=False) or EXIT_OK)


def _version(arguments: Sequence[str]) -> tuple[str, int] | None:
    return (f"dlsync {__version__}\n", EXIT_OK) if list(arguments) == ["--version"] else None


def _tell(text: str, code: int) -> int:
    from dlsync.cli.output import result

    try:
        result(text)
    except BrokenPipeError:  # nobody reads it any more
        return EXIT_ERROR
    return code


def _report(error: Exception, arguments: Sequence[str]) -> int:
    from typer import TyperException

    if "--debug" in arguments:
        _trace(error)
    if isinstance(error, TyperException):
        return _refuse_usage(error)
    if isinstance(error, DlsyncError):
        from dlsync.cli.output import explain

        explain(error)
        return error.exit_code
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{place}{error.strerror or error}", "")
    hint = "Please report it, with what `--debug` says in addition."
    return _say(f"a bug in dlsync: {type(error).__name__}: {error}", hint)


def _trace(error: Exception) -> None:
    import traceback

    _write("".join(traceback.format_exception(error)))


def _refuse_usage(error: TyperException) -> int:
    """Say what is wrong with the arguments; where a command is missing, what there is."""
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":  # typer keeps the class to itself
        _write(message)
        return EXIT_ERROR
    words = message.replace(": Value error, ", ": ")  # typer's own, before what is wrong with a choice
    return _say(words, f"See `{getattr(getattr(error, 'ctx', None), 'command_path', 'dlsync')} --help`.")


def _say(message: str, hint: str) -> int:
    _write("\n".join(filter(None, (f"error: {message}", hint))))
    return EXIT_ERROR


def _write(text: str) -> None:
    """Write to stderr what may quote anything: nothing that a terminal acts on, and no key."""
    from dlsync.cli.output import aside, concealed
    from dlsync.messages import visible

    aside("".join(f"{visible(line)}\n" for line in concealed(text).rstrip("\n").split("\n")))


if __name__ == "__main__":
    program()
