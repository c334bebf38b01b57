"""Find everything that is wrong with a tree, in each of its environments, without a server."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from dlsync.files import settings as settings_file
from dlsync.files.interpolation import Values
from dlsync.files.settings import NO_ENVIRONMENT, NO_OPTIONS, Options, Settings
from dlsync.messages import visible
from dlsync.model import Code, Json, Problem
from dlsync.operations.file_warnings import comment_warnings, file_warnings
from dlsync.resources import environments, loader
from dlsync.resources.tree import Tree

_SHARED = "the environments %s have different accounts and one inventory file, %s: give each an `inventory` of its own"


def validate(directory: Path, options: Options = NO_OPTIONS, environ: Mapping[str, str] = NO_ENVIRONMENT) -> Tree:
    """Read a tree with all its errors and warnings, in the chosen environment or in all.

    Without a choice, the tree is read without an environment and for each one. Unset environment variables are only
    warnings, because the check of a pull request need not have the secrets. If each environment has an account of its
    own and the settings above them have none, no plan is made without an environment, so problems of that reading are
    left out.

    :raises InvalidTree: the directory itself cannot be read.
    :raises SettingsError: there is no such environment.
    """
    tree = _read(directory, options, environ)
    return tree.with_problems(file_warnings(tree))


def _read(directory: Path, options: Options, environ: Mapping[str, str]) -> Tree:
    loader.require_directory(directory)
    document, problems = settings_file.read_file(directory)
    if any(problem.severity == "error" for problem in problems):
        return environments.read(directory, Settings(), values=Values(None, environ, lenient=True))
    if options.environment or environ.get("DLSYNC_ENVIRONMENT"):
        return environments.read(directory, _settings(directory, options, environ))
    names = settings_file.environment_names(directory)
    trees = {name: _leniently(directory, replace(options, environment=name), environ) for name in names}
    base = _leniently(directory, options, environ)
    problems = _together(base, trees, alone=_is_planned(document))
    settings = [_settings(directory, replace(options, environment=name), environ) for name in names]
    return replace(base, problems=()).with_problems([*problems, *_shared_inventories(settings)])


def _settings(directory: Path, options: Options, environ: Mapping[str, str]) -> Settings:
    return settings_file.load(directory, options, environ, require_server=False)


def _leniently(directory: Path, options: Options, environ: Mapping[str, str]) -> Tree:
    settings = _settings(directory, options, environ)
    tree = environments.read(directory, settings, values=settings.values(lenient=True))
    return tree.with_problems(comment_warnings(tree))  # only the trees of environments have overlays


def _shared_inventories(settings: Collection[Settings]) -> Iterator[Problem]:
    """Yield an error for each inventory file of environments that have different accounts."""
    for file in sorted({one.inventory for one in settings} - {"account", "none"}):
        using = [one for one in settings if one.inventory == file]
        if len({one.target for one in using}) > 1:
            names = ", ".join(one.environment for one in using)
            yield Problem(Code.SHARED_INVENTORY, _SHARED % (names, visible(file)), settings_file.FILE_NAME)


def _is_planned(document: Mapping[str, Json]) -> bool:
    """Whether the tree may be planned without an environment."""
    overriding = cast("Mapping[str, Mapping[str, Json] | None]", document.get("environments") or {})
    own = [bool(one and one.get("account")) for one in overriding.values()]
    return "account" in document or not own or not all(own)


def _together(base: Tree, trees: Mapping[str, Tree], *, alone: bool) -> list[Problem]:
    """Return the problems of all readings, each once; a problem of only some environments names them."""
    found = {problem: [name for name, tree in trees.items() if problem in tree.problems] for problem in base.problems}
    problems = [problem for problem, where in found.items() if alone or where]
    extra = dict.fromkeys(problem for tree in trees.values() for problem in tree.problems if problem not in found)
    for problem in extra:
        where = ", ".join(name for name, tree in trees.items() if problem in tree.problems)
        problems.append(replace(problem, message=f"{problem.message} (environment {where})"))
    return problems
