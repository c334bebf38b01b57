"""The environments of a tree: their names, and the tree of one environment, with its overlays."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

from dlsync.errors import SettingsError
from dlsync.files import settings as settings_file
from dlsync.files import unresolved
from dlsync.files.directory import Directory, reason
from dlsync.files.interpolation import Values
from dlsync.files.settings import Options, Settings, environment_names, settings_in_force
from dlsync.messages import near_miss
from dlsync.model import Code, Json, Problem, Target
from dlsync.resources import LoadContext, SourceFile, all_kinds, discovery, loader, misnamed
from dlsync.resources.overlays import FOLDER
from dlsync.resources.tree import Tree


def required(directory: Path, options: Options, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the environments of a tree, each for an account of its own.

    :raises InvalidTree: the directory cannot be read.
    :raises SettingsError: dlsync.yaml has errors, no environments, or two that are for the same account.
    """
    loader.require_directory(directory)
    settings_file.load(directory, Options(), {}, require_server=False)
    found = environment_names(directory)
    if not found:
        hint = "Name them there, or leave out --all-environments."
        raise SettingsError(f"{settings_file.FILE_NAME} has no `environments`", hint=hint)
    known: dict[Target, str] = {}
    for name in found:
        target = _target(directory, replace(options, environment=name), environ)
        if target.url and target.account and (other := known.setdefault(target, name)) != name:
            first, second = (asdict(_target(directory, Options(environment=one), {})) for one in (other, name))
            in_force = settings_in_force(directory, options, environ)
            overriding = " and ".join(one.source for one in in_force if first.get(one.name) != second.get(one.name))
            hint = f"Give each its own `account` in {settings_file.FILE_NAME}."
            if overriding:
                hint = f"Leave out {overriding}, which environments cannot override, or choose one with --environment."
            raise SettingsError(
                f"the environments `{other}` and `{name}` are for the same account: {target}", hint=hint
            )
    return found


def sharing(directory: Path, environment: str) -> tuple[str, ...]:
    """Return the other environments whose plans use the same files, and the account of dlsync.yaml if it has one.

    :param environment: the chosen one; empty for none.
    """
    targets = {name: _target(directory, Options(environment=name), {}) for name in ("", *environment_names(directory))}
    base = targets.pop("")
    own = targets.get(environment, base)
    others = [name for name, one in targets.items() if name != environment and not (one.account and one == own)]
    if base.account:
        return (*others, *([f"the account {base.account}"] if base != own else []))
    return tuple(others) if len(targets) > 1 else ()


def _target(directory: Path, options: Options, environ: Mapping[str, str]) -> Target:
    try:
        return settings_file.load(directory, options, environ, require_server=False).target
    except SettingsError:  # the run of the environment reports it
        return Target("", "", "")


def read(directory: Path, settings: Settings, *, values: Values | None = None) -> Tree:
    """Read the tree of the chosen environment.

    :param values: of references; by default those of the settings.
    :raises InvalidTree: the directory itself cannot be read.
    """
    return parse(loader.read_sources(directory), settings, values=values)


def parse(found: Tree, settings: Settings, *, values: Values | None = None) -> Tree:
    """Parse files as the tree of the chosen environment, with the problems of dlsync.yaml; see :func:`read`."""
    document, problems = settings_file.read_file(found.root)
    known = None if problems else environment_names(found.root)
    folders = [name for name in _folders(found.root, problems) if not found.ignored(f"{FOLDER}/{name}")]
    for folder in folders:
        if known is not None and folder not in known:
            near = near_miss(folder, known)
            guess = f"; did you mean `{near}`?" if near else ""
            message = f"is not read: dlsync.yaml has no environment `{folder}`{guess}"
            problems.append(Problem(Code.UNKNOWN_ENVIRONMENT, message, f"{FOLDER}/{folder}"))
    overlays = (
        _overlays(found, f"{FOLDER}/{settings.environment}/", problems) if settings.environment in folders else {}
    )
    values = values or settings.values()
    if known:
        overriding = cast("Mapping[str, Mapping[str, Mapping[str, Json]] | None]", document["environments"])
        values = replace(
            values, overriding={name: (one or {}).get("variables") or {} for name, one in overriding.items()}
        )
    tree = loader.parse(found, LoadContext(values, overlays, settings.environment))
    tree = replace(tree, overlays={one.file: one.content for one in overlays.values()})
    return tree.with_problems(problems)


def _folders(directory: Path, problems: list[Problem]) -> list[str]:
    try:
        return sorted(path.name for path in Path(Directory(directory).real_path(FOLDER)).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(Problem(Code.UNREADABLE_FILE, reason(error), FOLDER))
        return []


def _overlays(found: Tree, place: str, problems: list[Problem]) -> dict[str, SourceFile]:
    from dlsync.files import secret_scan

    kinds = [kind for kind in all_kinds() if kind.overlay_suffix]
    sources = [*discovery.read_files(found.root, [place.removesuffix("/")], problems, found.ignored)]
    problems += misnamed.in_folder([source.file for source in sources], place, [f"{kind.folder}/" for kind in kinds])
    overlays: dict[str, SourceFile] = {}
    for source in sources:
        file = source.file.removeprefix(place)
        if kind := next((kind for kind in kinds if kind.claims(file)), None):
            problems += [*unresolved.problems(source.file, source.content, found.ignored)]
            problems += secret_scan.problems(source.file, source.content)
            wrong = [*misnamed.of_suffix(source.file, kind.overlay_suffix)]
            problems += wrong
            overlays |= {} if wrong else {file: source}
    return overlays
