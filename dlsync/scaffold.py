"""A new tree: what ``dlsync init`` writes, from the files under ``templates/``."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from dlsync.errors import DlsyncError

# path in the tree -> template; dotfiles have other names there, since tools that build and unpack wheels skip them
TEMPLATES = {
    "dlsync.yaml": "dlsync.yaml",
    "dashboards/hosts.yaml": "dashboard.yaml",
    "rules/host-overloaded.yaml": "rule.yaml",
    "plugins/load.sh": "plugin.sh",
    "plugins/load.meta.yaml": "plugin.meta.yaml",
    ".gitignore": "gitignore",
    ".github/workflows/dlsync.yml": "github-workflow.yml",
    ".gitlab-ci.yml": "gitlab-ci.yml",
}
_EXECUTABLE = 0o755


def create(directory: Path) -> list[str]:
    """Write a new tree and return its files, relative to the directory, in the order of writing.

    :param directory: made where it is missing; what else is in it stays.
    :raises DlsyncError: some of the files are there already, lead out of the directory, or cannot be written;
        nothing is left written then.
    """
    written: list[Path] = []
    try:
        _require_room(directory)
        for file, template in TEMPLATES.items():
            _write(directory / file, template, written)
    except OSError as error:
        for file_written in written:
            file_written.unlink()
        place = error.filename or directory
        raise DlsyncError(
            f"cannot write {place}: {error.strerror}", hint="Choose a folder that can be written."
        ) from error
    return list(TEMPLATES)


def _require_room(directory: Path) -> None:
    taken = [file for file in TEMPLATES if os.path.lexists(directory / file)]
    if taken:
        hint = "Move them away, or start in another folder: init never overwrites."
        raise DlsyncError(f"{directory} has these already: {', '.join(taken)}", hint=hint)
    root = os.path.realpath(directory)
    outside = [file for file in TEMPLATES if not Path(os.path.realpath(directory / file)).is_relative_to(root)]
    if outside:
        hint = "Replace the symbolic links on the way to them by folders."
        raise DlsyncError(f"these would be written outside of {directory}: {', '.join(outside)}", hint=hint)


def _write(file: Path, template: str, written: list[Path]) -> None:
    content = (files("dlsync") / "templates" / template).read_bytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as stream:
        written.append(file)
        stream.write(content)
    file.chmod(_EXECUTABLE if file.suffix == ".sh" else file.stat().st_mode)
