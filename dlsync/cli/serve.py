"""``dlsync serve``: the embedded server."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer

from dlsync.cli.console import conceal, write_stdout
from dlsync.cli.options import command
from dlsync.errors import DlsyncError

Db = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Keep everything in this file or in postgresql://USER@HOST/DATABASE; else DLSYNC_DB, else in memory.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Holds the key that clients must send; else DLSYNC_API_KEY, else changeme."),
]
DocumentedOnly = Annotated[
    bool,
    typer.Option("--documented-only", help="Only what the API's documentation has; no lists of dashboards or rules."),
]
Demo = Annotated[bool, typer.Option("--demo", help="Fill the account with a bookshop's agents, metrics and series.")]


def conceal_password(url: str) -> None:
    """Take the password of a database's URL out of all output, in whatever part of the URL it is."""
    for part in re.findall(r"://[^:@/]*:(.*)@|[?&]password=([^&]*)", url):
        for password in filter(None, part):
            conceal(password)
            conceal(unquote(password))


@command
def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 picks a free one.", min=0, max=65535)] = 0,
    db: Db = None,
    org: Annotated[str, typer.Option(metavar="NAME", help="The organisation that exists from the start.")] = "acme",
    account: Annotated[str, typer.Option(metavar="NAME", help="Its account.")] = "default",
    api_key_file: KeyFile = None,
    documented_only: DocumentedOnly = False,
    demo: Demo = False,
) -> None:
    """Run a server of dlsync's own, until it is stopped.

    The first line that it prints is its URL, once it answers.
    """
    from dlsync.files.settings import read_key

    try:
        from dlsync.server.operation import DEFAULT_KEY
        from dlsync.server.run import serve as run
    except ModuleNotFoundError as error:
        raise DlsyncError(
            f"the server needs {error.name}, which is not installed", hint="Get it with: pip install 'dlsync[server]'"
        ) from error
    key = read_key(api_key_file, os.environ)
    conceal(key)
    if db := db or os.environ.get("DLSYNC_DB"):
        conceal_password(db)
    run(
        host=host,
        port=port,
        db=db,
        org=org,
        account=account,
        api_key=key or DEFAULT_KEY,
        documented_only=documented_only,
        demo=demo,
        announce=lambda url: write_stdout(f"{url}\n"),
    )
