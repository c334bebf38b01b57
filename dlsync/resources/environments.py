"""The environments of a tree: their names, and the tree as one of them has it, overlays and all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.errors import SettingsError
from dlsync.files import settings as settings_file
from dlsync.files.directory import Directory, reason
from dlsync.files.interpolation import Values
from dlsync.messages import near_miss
from dlsync.model import Problem
from dlsync.resources import LoadContext, all_kinds, discovery, loader, misnamed
from dlsync.resources.overlays import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlsync.files.settings import Settings
    from dlsync.resources import SourceFile
    from dlsync.resources.loader import Found
    from dlsync.resources.tree import Tree


def names(directory: Path) -> tuple[str, ...]:
    """Return the environments of the tree's dlsync.yaml, in its order; none where it cannot be read."""
    environments = settings_file.read_file(directory)[0].get("environments")
    return tuple(environments) if isinstance(environments, dict) else ()


def required(directory: Path) -> tuple[str, ...]:
    """Return the environments of a tree that has some.

    :raises InvalidTree: the directory cannot be read.
    :raises SettingsError: dlsync.yaml has errors, or no environments.
    """
    loader.require_directory(directory)
    settings_file.load(directory, settings_file.Options(), {}, require_server=False)
    if found := names(directory):
        return found
    hint = "Name them there, or leave out --all-environments."
    raise SettingsError(f"{settings_file.FILE_NAME} has no `environments`", hint=hint)


def read(directory: Path, settings: Settings, *, values: Values | None = None) -> Tree:
    """Read a tree as the chosen environment has it.

    :param values: what references stand for, where that is not what the settings say.
    :raises InvalidTree: the directory itself cannot be read.
    :returns: the tree; what is wrong with dlsync.yaml is in its problems too.
    """
    return understood(loader.find(directory), settings, values=values)


def understood(found: Found, settings: Settings, *, values: Values | None = None) -> Tree:
    """Turn files into the tree that they are in the chosen environment; see :func:`read`."""
    directory = found.root
    problems = settings_file.read_file(directory)[1]
    entries = [name for name in _entries(directory, problems) if not found.ignored(f"{FOLDER}/{name}")]
    if not problems:  # else its environments are unknown
        problems += _strays(entries, names(directory))
    overlays = {}
    if settings.environment in entries:
        overlays = _overlays(found, f"{FOLDER}/{settings.environment}/", problems)
    values = values or Values(settings.variables, settings.environ)
    tree = loader.understood(found, LoadContext(values, overlays, settings.environment))
    tree = replace(tree, overlays={one.file: one.content for one in overlays.values()})
    return tree.with_problems(problems)


def _overlays(found: Found, place: str, problems: list[Problem]) -> dict[str, SourceFile]:
    kinds = [kind for kind in all_kinds() if kind.overlay_suffixes]
    sources = [*discovery.read_files(found.root, [place.removesuffix("/")], problems, found.ignored)]
    problems += misnamed.in_folder([source.file for source in sources], place, [f"{kind.folder}/" for kind in kinds])
    overlays: dict[str, SourceFile] = {}
    for source in sources:
        file = source.file.removeprefix(place)
        if kind := next((kind for kind in kinds if kind.claims(file)), None):
            from dlsync.files import secret_scan

            problems += secret_scan.problems(source.file, source.content)
            wrong = [*misnamed.of_suffix(source.file, kind.overlay_suffixes)]
            problems += wrong
            overlays |= {} if wrong else {file: source}
    return overlays


def _entries(directory: Path, problems: list[Problem]) -> list[str]:
    try:
        return sorted(path.name for path in Path(Directory(directory).real_path(FOLDER)).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(Problem("error", reason(error), FOLDER))
        return []


def _strays(entries: Iterable[str], known: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a warning for each folder that no environment reads."""
    for entry in entries:
        if entry not in known:
            near = near_miss(entry, known)
            guess = f"; did you mean `{near}`?" if near else ""
            message = f"is not read: dlsync.yaml has no environment `{entry}`{guess}"
            yield Problem("warning", message, f"{FOLDER}/{entry}")
