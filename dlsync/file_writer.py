"""Files written whole or not at all, and never outside the tree."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlsync.exporter import FileChange


def write(root: Path, changes: Iterable[FileChange]) -> None:
    """Carry out an export's changes.

    :param root: the tree; made when missing.
    :raises DlsyncError: a file leads outside the tree, before anything is written; or it cannot be written, and those
        before it are.
    """
    places = [(change, _inside(root, change)) for change in changes]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlsyncError(f"{root} cannot be made: {error.strerror}") from error
    for change, path in places:
        try:
            if change.content is None:
                path.unlink(missing_ok=True)
            else:
                replace_file(path, change.content)
        except OSError as error:
            raise DlsyncError(f"{change.file} cannot be written: {error.strerror}") from error


def _inside(root: Path, change: FileChange) -> Path:
    """Return where a file really is, symbolic links followed; but of one to remove, the link and not its target."""
    path = root / change.file
    # unlike Path.resolve, which raises on links that lead in a circle; those are for the writing to stumble over
    folder = Path(os.path.realpath(path.parent))
    real = folder / path.name if change.content is None else Path(os.path.realpath(path))
    if not real.is_relative_to(os.path.realpath(root)):
        raise DlsyncError(
            f"{change.file} leads outside {root}; nothing was written", hint="Remove the symbolic link on its way."
        )
    return real


def replace_file(path: Path, content: bytes) -> None:
    """Put the content beside the file and then in its place: a reader sees the old or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".dlsync-{os.getpid()}.tmp"
    beside.unlink(missing_ok=True)  # from a run that was killed; or a link, which must not be written through
    try:
        with beside.open("xb") as stream:
            stream.write(content)
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
