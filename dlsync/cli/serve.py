"""``dlsync serve``: the embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlsync.cli.options import command
from dlsync.errors import EXIT_OK, DlsyncError, SettingsError

_DOCUMENTED_KEY = "changeme"

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")]
Port = Annotated[int, typer.Option(metavar="PORT", help="0 picks a free one.", min=0, max=65535)]
Db = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep everything in this file; else in memory.")]
Org = Annotated[str, typer.Option(metavar="NAME", help="The organisation that exists from the start.")]
Account = Annotated[str, typer.Option(metavar="NAME", help="Its account.")]
ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help=f"What clients must send: {_DOCUMENTED_KEY}, unless given; needed where others can connect."
    ),
]
DocumentedOnly = Annotated[
    bool,
    typer.Option("--documented-only", help="Only what the API's documentation has; no lists of dashboards or rules."),
]
Demo = Annotated[bool, typer.Option("--demo", help="Fill the account with a bookshop's agents, metrics and series.")]


@command
def serve(
    host: Host = "127.0.0.1",
    port: Port = 0,
    db: Db = None,
    org: Org = "acme",
    account: Account = "default",
    api_key: ApiKey = None,
    documented_only: DocumentedOnly = False,
    demo: Demo = False,
) -> int:
    """Run a server of dlsync's own, until it is stopped.

    The first line that it prints is its URL, once it answers.
    """
    from dlsync.cli.output import conceal, result

    if api_key == "":
        raise SettingsError("the key of --api-key is empty", hint=f"Leave it out for {_DOCUMENTED_KEY}.")
    if api_key is None and not _is_loopback(host):
        raise SettingsError(f"{host} can be reached by others, so a key of your own is needed", hint="Give --api-key.")
    try:
        from dlsync.server.run import serve as run
    except ModuleNotFoundError as error:
        raise DlsyncError(
            f"the server needs {error.name}, which is not installed", hint="Get it with: pip install 'dlsync[server]'"
        ) from error
    conceal(api_key or "")
    run(
        host=host,
        port=port,
        db=db,
        org=org,
        account=account,
        api_key=api_key or _DOCUMENTED_KEY,
        documented_only=documented_only,
        demo=demo,
        announce=lambda url: result(f"{url}\n"),
    )
    return EXIT_OK


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
