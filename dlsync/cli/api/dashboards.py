"""``dlsync dashboards``."""

from __future__ import annotations

from dlsync.cli.api import family
from dlsync.cli.api.documents import NO_LIST, add_commands
from dlsync.cli.options import Format, OutputFormat, Server, command
from dlsync.errors import EXIT_OK

app = family.family("dashboards")


@app.command("list")
@command
def list_dashboards(server: Server, output: OutputFormat = Format.text) -> int:
    """List the dashboards."""
    instead = NO_LIST.format(kind="dashboard")
    found = family.asked(server, lambda client: client.dashboards.list(), instead=instead)
    columns = {"NAME": lambda one: one.name, "TITLE": lambda one: one.document.get("title")}
    family.show(found, columns, output, "no dashboards")
    return EXIT_OK


add_commands(app, "dashboard", lambda client: client.dashboards, lambda client: client.dashboards)
