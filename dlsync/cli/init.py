"""``dlsync init``: a new tree."""

from __future__ import annotations

import shlex

from dlsync.cli import options
from dlsync.cli.options import CURRENT, command
from dlsync.errors import EXIT_OK


@command
def init(directory: options.Directory = CURRENT) -> int:
    """Start a directory: settings, samples, CI templates."""
    from dlsync.cli.output import result
    from dlsync.files import scaffold
    from dlsync.messages import visible

    for file in scaffold.create(directory):
        result(f"wrote {file}\n")
    place = shlex.quote(str(directory))
    result(visible(f"Next: dlsync validate {place}") + "\n")
    result(visible(f"Then, while `dlsync serve --port 8080` runs: DLSYNC_API_KEY=changeme dlsync plan {place}") + "\n")
    return EXIT_OK
