"""A new tree: what ``dlsync init`` writes, from the files under ``templates/``; and how any new files are written."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError
from dlsync.files.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# path in the tree -> template; dotfiles have other names there, since tools that build and unpack wheels skip them
TEMPLATES = {
    "dlsync.yaml": "dlsync.yaml",
    "dashboards/hosts.yaml": "dashboard.yaml",
    "rules/host-overloaded.yaml": "rule.yaml",
    "plugins/load.sh": "plugin.sh",
    "plugins/load.meta.yaml": "plugin.meta.yaml",
    "links.yaml": "links.yaml",
    ".gitignore": "gitignore",
    ".github/workflows/dlsync.yml": "github-workflow.yml",
    ".gitlab-ci.yml": "gitlab-ci.yml",
}
_EXECUTABLE = 0o755


def create(directory: Path) -> list[str]:
    """Write a new tree and return its files, relative to the directory, in the order of writing.

    :param directory: made where it is missing; what else is in it stays.
    :raises DlsyncError: as :func:`write_new`.
    """
    templates = files("dlsync.files") / "templates"
    return write_new(directory, {file: (templates / template).read_bytes() for file, template in TEMPLATES.items()})


def write_new(directory: Path, contents: Mapping[str, bytes]) -> list[str]:
    """Write files where there are none and return them, relative to the directory, in the order of writing.

    :param directory: made where it is missing; what else is in it stays.
    :param contents: by path in the directory; shell scripts become executable.
    :raises DlsyncError: some of the files are there already, lead out of the directory, or cannot be written;
        nothing is left written then.
    """
    written: list[Path] = []
    try:
        _require_room(directory, contents)
        for file, content in contents.items():
            _write(directory / file, content, written)
    except OSError as error:
        for file_written in written:
            file_written.unlink()
        place = error.filename or directory
        raise DlsyncError(
            f"cannot write {place}: {error.strerror}", hint="Choose a folder that can be written."
        ) from error
    return list(contents)


def _require_room(directory: Path, contents: Iterable[str]) -> None:
    taken = [file for file in contents if os.path.lexists(directory / file)]
    if taken:
        hint = "Move them away, or start in another folder: nothing is overwritten."
        raise DlsyncError(f"{directory} has these already: {', '.join(taken)}", hint=hint)
    inside = Directory(directory)
    outside = [file for file in contents if not inside.holds(file)]
    if outside:
        hint = "Replace the symbolic links on the way to them by folders."
        raise DlsyncError(f"these would be written outside of {directory}: {', '.join(outside)}", hint=hint)


def _write(file: Path, content: bytes, written: list[Path]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as stream:
        written.append(file)
        stream.write(content)
    file.chmod(_EXECUTABLE if file.suffix == ".sh" else file.stat().st_mode)
