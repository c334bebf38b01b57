"""``dlsync dashboards``."""

from __future__ import annotations

from dlsync.cli import by_hand
from dlsync.cli.families.documents import NO_LIST, add_commands
from dlsync.cli.options import Format, OutputFormat, Server, command
from dlsync.errors import EXIT_OK

app = by_hand.family("dashboards")


@app.command("list")
@command
def list_dashboards(server: Server, output: OutputFormat = Format.text) -> int:
    """List the dashboards."""
    instead = NO_LIST.format(kind="dashboard")
    found = by_hand.asked(server, lambda client: client.dashboards.list(), instead=instead)
    columns = {"NAME": lambda one: one.name, "TITLE": lambda one: one.document.get("title")}
    by_hand.show(found, columns, output, "no dashboards")
    return EXIT_OK


add_commands(app, "dashboard", lambda client: client.dashboards, lambda client: client.dashboards)
