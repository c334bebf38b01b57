"""``dlsync serve``: the embedded server."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from urllib.parse import unquote

import typer

from dlsync.cli.app import Group
from dlsync.cli.console import conceal, run, write_stdout
from dlsync.cli.options import command, subcommand
from dlsync.errors import DlsyncError, SettingsError
from dlsync.messages import visible

if TYPE_CHECKING:
    from dlsync.server.store import Store

T = TypeVar("T")

Db = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Store everything in this file or in postgresql://USER@HOST/DATABASE; else DLSYNC_DB, else in memory.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Holds the key that clients must send; else DLSYNC_API_KEY, else changeme."),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Serve HTTPS with this certificate and its chain in PEM; needs --tls-key."),
]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", help="The private key of the certificate, not encrypted.")]
MaxResources = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, help="The limit on dashboards and rules of an account, and on its plugins, links and so on."
    ),
]
MaxAccounts = Annotated[int, typer.Option(metavar="N", min=1, help="The limit on accounts of an organisation.")]
DocumentedOnly = Annotated[
    bool,
    typer.Option(
        "--documented-only",
        help="Offer only operations of the API's documentation, without lists of dashboards and rules.",
    ),
]
Demo = Annotated[bool, typer.Option("--demo", help="Fill the account with a bookshop's agents, metrics and series.")]
MetricsUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Read agents and measurements from this Prometheus; else DLSYNC_METRICS_URL."),
]
AgentLabel = Annotated[str, typer.Option(metavar="LABEL", help="The label in Prometheus that names the agent.")]
TagLabels = Annotated[str, typer.Option(metavar="LABEL,...", help="The labels in Prometheus whose values are tags.")]
MetricsNames = Annotated[
    Literal["underscores", "utf8"],
    typer.Option(help="The names of metrics in Prometheus: `a_b` for `a.b`, or the same names as here."),
]

AccessLog = Annotated[
    str, typer.Option(metavar="FILE", help="Append a line of JSON for each request to this file; - is stderr.")
]


@contextmanager
def explained_imports() -> Iterator[None]:
    """Explain a missing dependency of the server, and how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DlsyncError(
            f"the server needs {error.name}, which is not installed",
            hint="Run pip install 'SOURCE[server]', where SOURCE is a checkout or a wheel of dlsync.",
        ) from error


def place_of(value: str | None, variable: str) -> str | None:
    """Return the file or URL of an option, or else of a variable; take its password out of all output.

    :raises SettingsError: the option is empty, such as from an unset variable.
    """
    if value == "":  # without a database, the server would lose everything
        hint = f"Set the variable in the command, or leave the option out to use {variable}."
        raise SettingsError("the file or URL that was given is empty", hint=hint)
    value = value or os.environ.get(variable) or None
    for part in re.findall(r"://[^:@/]*:(.*)@|[?&]password=([^&]*)", value or ""):
        for password in filter(None, part):
            conceal(password)
            conceal(unquote(password))
    return value


# unlike other groups, it is a command by itself
serve_app = typer.Typer(name="serve", add_completion=False, rich_markup_mode=None, invoke_without_command=True)


@serve_app.callback()
@command
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 picks a free one.", min=0, max=65535)] = 0,
    db: Db = None,
    org: Annotated[str, typer.Option(metavar="NAME", help="The organisation, created if it is missing.")] = "acme",
    account: Annotated[str, typer.Option(metavar="NAME", help="Its account, created if it is missing.")] = "default",
    api_key_file: KeyFile = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    max_resources: MaxResources = 100_000,
    max_accounts: MaxAccounts = 10_000,
    documented_only: DocumentedOnly = False,
    demo: Demo = False,
    metrics_url: MetricsUrl = None,
    metrics_agent_label: AgentLabel = "instance",
    metrics_tag_labels: TagLabels = "job",
    metrics_names: MetricsNames = "underscores",
    access_log: AccessLog = "",
) -> None:
    """Run the embedded server until it is stopped.

    Once it accepts requests, it prints its URL as the first line.
    """
    if context.invoked_subcommand:
        return
    from dlsync.files.settings import read_key

    with explained_imports():
        from dlsync.server.operation import DEFAULT_KEY, Limits
        from dlsync.server.prometheus import Source
        from dlsync.server.run import serve as serve_until_stopped
        from dlsync.server.tls import certificate_of
    conceal(key := read_key(api_key_file, os.environ))
    url = place_of(metrics_url, "DLSYNC_METRICS_URL")
    labels = tuple(filter(None, metrics_tag_labels.split(",")))
    serve_until_stopped(
        host=host,
        port=port,
        db=place_of(db, "DLSYNC_DB"),
        certificate=certificate_of(tls_cert, tls_key),
        org=org,
        account=account,
        api_key=key or DEFAULT_KEY,
        limits=Limits(resources=max_resources, accounts=max_accounts),
        documented_only=documented_only,
        demo=demo,
        metrics=Source(url, metrics_agent_label, labels, utf8=metrics_names == "utf8") if url else None,
        access_log=access_log,
        announce=lambda url: write_stdout(f"{url}\n"),
    )


@subcommand(serve_app, "copy")
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A file or URL, as for --db; - stands for DLSYNC_DB.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same, for a database without content.")],
) -> None:
    """Copy everything from one database to another, and compare digests. Stop the server first."""
    with explained_imports():
        from dlsync.server import transfer
    names = [place_of(None if value == "-" else value, "DLSYNC_DB") or value for value in (source, target)]
    for table in run(transfer.copy(*names)):
        write_stdout(f"{table.name:<12} {table.rows:>8}  {table.digest}\n")


@subcommand(serve_app, "backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")],
    db: Annotated[str | None, typer.Option(metavar="FILE", help="The server's SQLite file; else DLSYNC_DB.")] = None,
) -> None:
    """Back up the SQLite file of a server, also while it runs."""
    with explained_imports():
        from dlsync.server import transfer
    rows = transfer.backup(place_of(db, "DLSYNC_DB"), file)
    content = ", ".join(f"{resources}: {number}" for resources, number in rows.items())
    write_stdout(visible(f"{file}: {content}; {file.stat().st_size} bytes") + "\n")


keys_app = typer.Typer(cls=Group, help="Keys of the API. Running servers apply a change within 2 seconds.")
serve_app.add_typer(keys_app, name="keys")
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the key, such as its user or purpose.")]
KeyDb = Annotated[str | None, typer.Option(metavar="FILE|URL", help="The server's database; else DLSYNC_DB.")]


@subcommand(keys_app, "create")
def create_key(
    name: KeyName,
    role: Annotated[Literal["read", "write", "admin"], typer.Option(help="admin also creates and deletes accounts.")],
    accounts: Annotated[str, typer.Option(metavar="GLOB,...", help="The accounts that the key is for.")] = "*",
    expires: Annotated[
        str, typer.Option(metavar="90d|DATE", help="A number of days, or a date or time in UTC; else never.")
    ] = "",
    db: KeyDb = None,
) -> None:
    """Create a key, and print it as the last line. It cannot be shown again."""
    from datetime import UTC, datetime

    with explained_imports():
        from dlsync.server import keys
    key = keys.key_of(name, role, accounts, expires, datetime.now(UTC))
    write_stdout(f"{_in_database(db, lambda store: keys.create(store, key))}\n")


@subcommand(keys_app, "list")
def list_keys(db: KeyDb = None) -> None:
    """List the names, roles and dates of the keys."""
    from dlsync.render import table

    with explained_imports():
        from dlsync.server import keys
    rows = [[text or "never" for text in astuple(key)] for key in _in_database(db, keys.select)]
    write_stdout(table.render(["NAME", "ROLE", "ACCOUNTS", "CREATED", "EXPIRES", "LAST USED", "REVOKED"], rows))


@subcommand(keys_app, "revoke")
def revoke_key(name: KeyName, db: KeyDb = None) -> None:
    """Revoke a key. It stays in the list, and no other key can have its name."""
    from datetime import UTC, datetime

    with explained_imports():
        from dlsync.server import keys
    _in_database(db, lambda store: keys.revoke(store, name, datetime.now(UTC)))


@subcommand(serve_app, "audit")
def audit(
    db: KeyDb = None,
    account: Annotated[str, typer.Option(metavar="NAME", help="Only changes in this account.")] = "",
    key: Annotated[str, typer.Option(metavar="NAME", help="Only changes with the key of this name.")] = "",
    since: Annotated[str, typer.Option(metavar="DATE", help="Only changes from this date or time in UTC.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="Only the last N changes.")] = 1000,
) -> None:
    """Print who changed what: a line of JSON for each change, oldest first."""
    with explained_imports():
        from dlsync.server import access_log, audit
    where = {column: value for column, value in (("account", account), ("key", key)) if value}
    for entry in _in_database(db, lambda store: audit.latest(store, since, limit, **where), write=False):
        write_stdout(f"{access_log.line_of(entry)}\n")


def _in_database(db: str | None, perform: Callable[[Store], Awaitable[T]], *, write: bool = True) -> T:
    from dlsync.server.engines import perform_in

    return run(perform_in(place_of(None if db == "-" else db, "DLSYNC_DB"), perform, write=write))
