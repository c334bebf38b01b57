"""What the commands of the API's families share: asking by hand, and showing what came."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dlsync.cli.options import CURRENT, Format
from dlsync.cli.sections import PURPOSES
from dlsync.errors import DlsyncError, NotFound, SettingsError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from dlsync.cli.options import Server
    from dlsync.client import Client, ReadClient
    from dlsync.model import Json

T = TypeVar("T")

AgentOption = Annotated[str | None, typer.Option("--agent", metavar="ID|NAME", help="Of this agent.")]
TagOption = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Of the agents that carry this tag.")]


def family(name: str) -> typer.Typer:
    """Return the command that a family's commands stand below."""
    return typer.Typer(
        name=name, help=PURPOSES[name], no_args_is_help=True, add_completion=False, rich_markup_mode=None
    )


def asked(
    server: Server, question: Callable[[ReadClient], Awaitable[T]], *, instead: str = "", in_account: bool = True
) -> T:
    """Return what a question finds out, with a client that can only ask.

    :param instead: what can be done where the server has not the operation.
    :param in_account: False where it is about the organisation, and no account need be set.
    """
    from dlsync import operations
    from dlsync.cli.output import run

    try:
        return run(operations.reading(server.settings(CURRENT, require_account=in_account), question))
    except Unsupported as error:
        raise _unsupported(error, instead) from error


def done(server: Server, work: Callable[[Client], Awaitable[T]], *, instead: str = "", in_account: bool = True) -> T:
    """Return what writing work returns; see :func:`asked`."""
    from dlsync import operations
    from dlsync.cli.output import run

    try:
        return run(operations.writing(server.settings(CURRENT, require_account=in_account), work))
    except Unsupported as error:
        raise _unsupported(error, instead) from error


def _unsupported(error: Unsupported, instead: str) -> Unsupported:
    return Unsupported(error.message, request=error.request, status=error.status, hint=instead)


def show(found: Sequence[T], columns: Mapping[str, Callable[[T], Json]], output: Format, nothing: str) -> None:
    """Print records in the order of their first column: a table, or as the API gives them.

    :param columns: by their header, what of a record they show; the first is a text.
    :param nothing: said beside the result where there are none, such as ``no agents``.
    """
    from dlsync.cli.output import aside, result
    from dlsync.render import table

    key = next(iter(columns.values()))
    in_order = sorted(found, key=lambda one: str(key(one)))
    if output is Format.json:
        show_json(tuple(in_order))
    elif found:
        rows = [[column(one) for column in columns.values()] for one in in_order]
        result(table.render(list(columns), rows, width=width()))
    else:
        aside(f"{nothing}\n")


def show_one(found: object, output: Format) -> None:
    """Print one record: a line for each of its fields, or as the API gives it."""
    from dlsync.cli.output import result
    from dlsync.client.record import api_document
    from dlsync.render import table

    record = api_document(found)
    if output is Format.json or not isinstance(record, dict):
        show_json(found)
    else:
        result(table.render(["FIELD", "VALUE"], [[*item] for item in record.items()], width=width()))


def show_json(found: object) -> None:
    """Print records as the API gives them: one document, ASCII, so that there is nothing that a terminal acts on."""
    from dlsync.cli.output import result
    from dlsync.client.record import api_document
    from dlsync.messages import json_text
    from dlsync.operations.plan_document import exact

    result(json_text(exact(api_document(found))))


def say(sentence: str) -> None:
    """Print what was done."""
    from dlsync.cli.output import result
    from dlsync.messages import visible

    result(visible(sentence) + "\n")


def require_one(agent: str | None, tag: str | None) -> None:
    """Require that either an agent or a tag is given.

    :raises SettingsError: none is, or both.
    """
    if bool(agent) == bool(tag):
        raise SettingsError("specify --agent or --tag", hint="Give --agent or --tag.")


def width() -> int | None:
    """Return the terminal's width in cells; None where stdout is none, and nothing needs to be cut."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def chosen(noun: str, given: str, names: Mapping[str, str]) -> str:
    """Return the id of the one that is meant.

    :param noun: what it is, singular, such as ``agent``.
    :param given: its id, or its name where no other has that.
    :param names: by id.
    :raises NotFound: there is none.
    :raises DlsyncError: several have the name.
    """
    if given in names:
        return given
    found = [id_ for id_, name in names.items() if name == given]
    if len(found) > 1:
        raise DlsyncError(f"there are {len(found)} {noun}s {given!r}: {', '.join(sorted(found))}", hint="Give the id.")
    if not found:
        raise NotFound(f"there is no {noun} {given!r}{_guess(given, names)}", hint=f"See `dlsync {noun}s list`.")
    return found[0]


def _guess(given: str, names: Mapping[str, str]) -> str:
    from dlsync.messages import near_miss

    near = near_miss(given, tuple(names.values()))
    return f"; did you mean {near!r}?" if near else ""
