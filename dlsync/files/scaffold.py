"""A new tree: what ``dlsync init`` writes, from the files under ``templates/``; and how any new files are written."""

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from dlsync.errors import DlsyncError
from dlsync.files import schema
from dlsync.files.directory import Directory

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

# in the tree, so that the editor of whoever has it finds them offline
SCHEMAS = {f"schemas/{name}.schema.json": name for name in ("dlsync", "dashboard", "rule", "plugin", "link")}


def create(directory: Path) -> list[str]:
    """Write a new tree and return its files; see :func:`write_new`."""
    templates = files("dlsync.files") / "templates"
    contents = {file: (templates / template).read_bytes() for file, template in TEMPLATES.items()}
    return write_new(directory, contents | {file: schema.text(name).encode() for file, name in SCHEMAS.items()})


def write_new(directory: Path, contents: Mapping[str, bytes]) -> list[str]:
    """Write files where there are none and return them, relative to the directory, in the order of writing.

    :param directory: made where it is missing; what else is in it stays.
    :param contents: by path in the directory; shell scripts become executable.
    :raises DlsyncError: some of the files are there already, lead out of the directory, or cannot be written;
        nothing is left written then.
    """
    if taken := [file for file in contents if os.path.lexists(directory / file)]:
        hint = "Move them away, or start in another folder: nothing is overwritten."
        raise DlsyncError(f"{directory} has these already: {', '.join(taken)}", hint=hint)
    inside = Directory(directory)
    if outside := [file for file in contents if not inside.holds(file)]:
        hint = "Replace the symbolic links on the way to them by folders."
        raise DlsyncError(f"these would be written outside of {directory}: {', '.join(outside)}", hint=hint)
    written: list[Path] = []
    try:
        for path, content in ((directory / file, content) for file, content in contents.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                written.append(path)
                stream.write(content)
            if path.suffix == ".sh":
                path.chmod(0o755)
    except OSError as error:
        for path in written:
            path.unlink()
        place, hint = error.filename or directory, "Choose a folder that can be written."
        raise DlsyncError(f"cannot write {place}: {error.strerror}", hint=hint) from error
    return list(contents)
