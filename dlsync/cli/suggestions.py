"""What the shell offers for a value: names from the directory's files and journals. No server is asked.

A directory that cannot be read offers nothing: a message in the middle of a command line helps nobody.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def environments(context: typer.Context, incomplete: str) -> list[str]:
    """Return the environments of dlsync.yaml."""
    from dlsync.resources.environments import names

    return _offered(context, names, incomplete)


def resources(context: typer.Context, incomplete: str) -> list[str]:
    """Return the resources of the files, as KIND/NAME."""
    return _offered(context, _addresses, incomplete)


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the runs that the directory's journals have, the latest first."""
    return _offered(context, _run_ids, incomplete)


def schemas(incomplete: str) -> list[str]:
    """Return the names of the JSON Schemas."""
    from dlsync.files.schema import names

    return [name for name in names() if name.startswith(incomplete)]


def _addresses(directory: Path) -> Iterator[str]:
    from dlsync.resources import loader

    yield from sorted(str(address) for address in loader.find(directory).addresses())


def _run_ids(directory: Path) -> Iterator[str]:
    from dlsync.state import journal

    yield from (record.run.id for record in journal.runs(journal.own(directory)))


def _offered(context: typer.Context, names: Callable[[Path], Iterable[str]], incomplete: str) -> list[str]:
    from dlsync.errors import DlsyncError

    directory = context.params.get("directory")
    with suppress(DlsyncError, OSError):
        return [name for name in names(Path(directory or "")) if name.startswith(incomplete)]
    return []
