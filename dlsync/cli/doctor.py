"""``dlsync doctor``: what is wrong with settings, files or server, and what to do about it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_ERROR, EXIT_OK


@command
def doctor(server: Server, directory: options.Directory = CURRENT, output: options.OutputFormat = Format.text) -> int:
    """Check settings, files and server; say what to do."""
    from dlsync.cli.output import colored, conceal, concealed, result, run
    from dlsync.operations import doctor as doctors
    from dlsync.render import doctor as diagnosis

    conceal(os.environ.get("DLSYNC_API_KEY", ""))
    found = run(doctors.examine(directory, server.options, os.environ, insecure=server.insecure))
    found = replace(found, checks=tuple(replace(one, message=concealed(one.message)) for one in found.checks))
    if output is Format.json:
        result(diagnosis.render_json(found))
    else:
        result(diagnosis.render(found, color=colored(sys.stdout)))
    return EXIT_OK if found.is_well else EXIT_ERROR
