"""Files written whole or not at all, and never outside the tree."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlsync.exporter import FileChange


def write(root: Path, changes: Iterable[FileChange]) -> None:
    """Carry out an export's changes.

    :param root: the tree; made when missing.
    :raises DlsyncError: a file leads outside the tree, or cannot be written; those before it are written.
    """
    root.mkdir(parents=True, exist_ok=True)
    for change in changes:
        try:
            path = _inside(root, change.file)
            if change.content is None:
                path.unlink(missing_ok=True)
            else:
                _replace(path, change.content)
        except OSError as error:
            raise DlsyncError(f"{change.file} cannot be written: {error.strerror or error}") from error


def _inside(root: Path, file: str) -> Path:
    """Return where a file really is, symbolic links followed."""
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise DlsyncError(
            f"{file} leads outside {root}, to {path}; nothing is written there", hint="Remove the symbolic link."
        )
    return path


def _replace(path: Path, content: bytes) -> None:
    """Put the content beside the file and then in its place: a reader sees the old or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".dlsync-{os.getpid()}.tmp"
    try:
        beside.write_bytes(content)
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
