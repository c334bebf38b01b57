"""What the commands share that take resources in or out of management."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli.options import Format
from dlsync.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from dlsync.operations.managing import Taken, Waiting


def waiting(seconds: float) -> Waiting:
    """Return how long to wait for an apply, with whom it is waited for said on stderr."""
    from dlsync.cli.output import tell
    from dlsync.operations.managing import Waiting

    return Waiting(seconds, tell)


def told(verb: str, taken: Taken, output: Format) -> int:
    """Say what was done, and return the exit code: an error where nothing was, and something was meant."""
    from dlsync.cli.output import result
    from dlsync.render import taken as rendering

    result(rendering.render_json(verb, taken) if output is Format.json else rendering.render(verb, taken))
    return EXIT_ERROR if taken.left and not taken.taken else EXIT_OK
