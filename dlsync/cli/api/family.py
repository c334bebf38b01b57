"""The base of the API's commands: run a request, resolve names, and print records."""

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
    """Call a function with a client that only reads, and return its result.

    :param instead: the hint if the server lacks the operation.
    :param in_account: False for a request about the organisation, which needs no account.
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
    """Call a function with a client that can write, print ``done`` and return its result; see :func:`read`."""
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
    """Print records, sorted by their first column, as a table or as the API sends them.

    :param columns: the field of each column, by its header.
    :param nothing: printed to stderr if there are no records, such as ``no agents``.
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
    """Print a record with a line for each field, or as the API sends it."""
    from dlsync.client.record import api_document
    from dlsync.render import table

    document = api_document(record)
    if output == "json" or not isinstance(document, dict):
        show_json(record)
    else:
        rows = [[*item] for item in document.items()]
        write_stdout(table.render(["FIELD", "VALUE"], rows, width=terminal_width()))


def show_json(found: object) -> None:
    """Print records as the API sends them, as one document."""
    from dlsync.client.record import api_document
    from dlsync.operations.plan_document import exact

    write_json(exact(api_document(found)))


def id_of(noun: str, id_or_name: str, names: Mapping[str, str]) -> str:
    """Return the id for an argument that is an id or a unique name.

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
    """Return the content of a file; ``-`` is stdin.

    :raises DlsyncError: it cannot be read.
    """
    if file == STDIN:
        if sys.stdin is None:
            raise DlsyncError("stdin is closed, but `-` reads the content from there", hint="Name a file.")
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise DlsyncError(f"{file} cannot be read: {error.strerror}") from error
