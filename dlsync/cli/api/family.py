"""What the commands of the API share: a client for one command, what an argument names, and records as output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dlsync.cli.console import run, terminal_width, write_json, write_stderr, write_stdout
from dlsync.cli.options import CURRENT, Format
from dlsync.errors import DlsyncError, NotFound, Unsupported
from dlsync.messages import near_miss, visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from dlsync.cli.options import Server
    from dlsync.client import Client, ReadClient
    from dlsync.model import Json

T = TypeVar("T")
STDIN = Path("-")


def read(
    server: Server, question: Callable[[ReadClient], Awaitable[T]], *, instead: str = "", in_account: bool = True
) -> T:
    """Return what a question finds out with a client that only reads.

    :param instead: what can be done where the server does not have the operation.
    :param in_account: False where it is about the organisation, and no account need be set.
    """
    from dlsync.operations import reading

    return _run(reading(server.settings(CURRENT, require_account=in_account), question), instead)


def write(
    server: Server,
    change: Callable[[Client], Awaitable[T]],
    done: str = "",
    output: Format = "text",
    *,
    instead: str = "",
    in_account: bool = True,
) -> T:
    """Return what a change returns, and print what was done, if that is given; see :func:`read`."""
    from dlsync.operations import writing

    changed = _run(writing(server.settings(CURRENT, require_account=in_account), change), instead)
    if done and output == "json":
        write_json({"format_version": 1, "message": done})
    elif done:
        write_stdout(f"{visible(done)}\n")
    return changed


def _run(operation: Coroutine[Any, Any, T], instead: str) -> T:
    try:
        return run(operation)
    except Unsupported as error:
        raise Unsupported(error.message, request=error.request, status=error.status, hint=instead) from error


def show(found: Sequence[object], columns: Mapping[str, str], output: Format, nothing: str) -> None:
    """Print records in the order of their first column: a table, or as the API gives them.

    :param columns: by their header, the field of a record.
    :param nothing: printed to stderr where there are none, such as ``no agents``.
    """
    from dlsync.client.record import api_document
    from dlsync.render import table

    def row(record: object) -> list[Json]:
        document = api_document(record)
        return [document.get(field) if isinstance(document, dict) else document for field in columns.values()]

    records = sorted(found, key=lambda record: str(row(record)[0]))
    if output == "json":
        show_json(tuple(records))
    elif records:
        write_stdout(table.render(list(columns), list(map(row, records)), width=terminal_width()))
    else:
        write_stderr(f"{nothing}\n")


def show_record(record: object, output: Format) -> None:
    """Print a record: a line for each of its fields, or as the API gives it."""
    from dlsync.client.record import api_document
    from dlsync.render import table

    document = api_document(record)
    if output == "json" or not isinstance(document, dict):
        show_json(record)
    else:
        rows = [[*item] for item in document.items()]
        write_stdout(table.render(["FIELD", "VALUE"], rows, width=terminal_width()))


def show_json(found: object) -> None:
    """Print records as the API gives them, as one document."""
    from dlsync.client.record import api_document
    from dlsync.operations.plan_document import exact

    write_json(exact(api_document(found)))


def id_of(noun: str, id_or_name: str, names: Mapping[str, str]) -> str:
    """Return the id of an argument that is an id, or a name that only one has.

    :raises NotFound: there is none.
    :raises DlsyncError: several have the name.
    """
    if id_or_name in names:
        return id_or_name
    found = [id_ for id_, name in names.items() if name == id_or_name]
    if len(found) > 1:
        several = f"there are {len(found)} {noun}s {id_or_name!r}: {', '.join(sorted(found))}"
        raise DlsyncError(several, hint="Give the id.")
    if not found:
        near = near_miss(id_or_name, tuple(names.values()))
        guess = f"; did you mean {near!r}?" if near else ""
        raise NotFound(f"there is no {noun} {id_or_name!r}{guess}", hint=f"See `dlsync {noun}s list`.")
    return found[0]


def content_of(file: Path) -> bytes:
    """Return what a file holds, or where it is ``-``, what comes on stdin.

    :raises DlsyncError: it cannot be read.
    """
    if file == STDIN:
        if sys.stdin is None:
            raise DlsyncError("stdin is closed, but `-` reads the content from there")
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise DlsyncError(f"{file} cannot be read: {error.strerror}") from error
