"""The environments of a tree: their names, and the tree as one of them has it, overlays and all."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.errors import SettingsError
from dlsync.files import settings as settings_file
from dlsync.files.directory import Directory, reason
from dlsync.files.interpolation import Values
from dlsync.files.settings import Options, settings_in_force
from dlsync.messages import near_miss
from dlsync.model import Problem, Target
from dlsync.resources import LoadContext, all_kinds, discovery, loader, misnamed
from dlsync.resources.overlays import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dlsync.files.settings import Settings
    from dlsync.resources import SourceFile
    from dlsync.resources.loader import Found
    from dlsync.resources.tree import Tree


def names(directory: Path) -> tuple[str, ...]:
    """Return the environments of the tree's dlsync.yaml, in its order; none where it cannot be read."""
    environments = settings_file.read_file(directory)[0].get("environments")
    return tuple(environments) if isinstance(environments, dict) else ()


def required(directory: Path, options: Options, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the environments of a tree that has some, each for an account of its own.

    :raises InvalidTree: the directory cannot be read.
    :raises SettingsError: dlsync.yaml has errors, no environments, or two that are for the same account.
    """
    loader.require_directory(directory)
    settings_file.load(directory, Options(), {}, require_server=False)
    found = names(directory)
    if not found:
        hint = "Name them there, or leave out --all-environments."
        raise SettingsError(f"{settings_file.FILE_NAME} has no `environments`", hint=hint)
    known: dict[Target, str] = {}
    for name in found:
        target = _target(directory, replace(options, environment=name), environ)
        if target.url and target.account and (other := known.setdefault(target, name)) != name:
            problem = f"the environments `{other}` and `{name}` are for the same account: {target}"
            raise SettingsError(problem, hint=_way_out(directory, (other, name), options, environ))
    return found


def _target(directory: Path, options: Options, environ: Mapping[str, str]) -> Target:
    """Return the account that settings are for; an empty one where they are wrong, which the environment's run says."""
    try:
        return settings_file.load(directory, options, environ, require_server=False).target
    except SettingsError:
        return Target("", "", "")


def _way_out(directory: Path, same: tuple[str, str], options: Options, environ: Mapping[str, str]) -> str:
    """Return how to separate two environments: by what overrides them, or else in dlsync.yaml."""
    first, second = (asdict(_target(directory, Options(environment=name), {})) for name in same)
    in_force = settings_in_force(directory, options, environ)
    overriding = [one.source for one in in_force if first.get(one.name) != second.get(one.name)]
    if not overriding:
        return f"Give each its own `account` in {settings_file.FILE_NAME}."
    return (
        f"Leave out {' and '.join(overriding)}, which environments cannot override, or choose one with --environment."
    )


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
    kinds = [kind for kind in all_kinds() if kind.overlay_suffix]
    sources = [*discovery.read_files(found.root, [place.removesuffix("/")], problems, found.ignored)]
    problems += misnamed.in_folder([source.file for source in sources], place, [f"{kind.folder}/" for kind in kinds])
    overlays: dict[str, SourceFile] = {}
    for source in sources:
        file = source.file.removeprefix(place)
        if kind := next((kind for kind in kinds if kind.claims(file)), None):
            from dlsync.files import secret_scan

            problems += secret_scan.problems(source.file, source.content)
            wrong = [*misnamed.of_suffix(source.file, kind.overlay_suffix)]
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
