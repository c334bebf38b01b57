"""Which resources, and which tree, the arguments of a command mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.cli.options import CURRENT
from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.targets import Targets


def resources(arguments: Sequence[str]) -> tuple[Targets, Path]:
    """Return the resources that are named, and the tree: the one argument that names none.

    :raises SettingsError: several arguments name no resources.
    """
    from dlsync.targets import Targets, is_pattern

    patterns = [one for one in arguments if is_pattern(one)]
    others = [one for one in arguments if not is_pattern(one)]
    if len(others) > 1:
        Targets(others[:-1])  # says what is wrong with the first
    return Targets(patterns), Path(others[-1]) if others else CURRENT


def named_resources(arguments: Sequence[str]) -> tuple[Targets, Path]:
    """Return :func:`resources`, of which there is one at least.

    :raises SettingsError: none is named.
    """
    targets, directory = resources(arguments)
    if not targets:
        raise SettingsError("no resources are named", hint="For example: dashboard/web-*; all are '*/*'.")
    return targets, directory


def run(arguments: Sequence[str]) -> tuple[str, Path]:
    """Return the run that is named, empty for none, and the tree.

    :raises SettingsError: several arguments name no run.
    """
    from dlsync.journal import is_id

    runs = [one for one in arguments if is_id(one)]
    others = [one for one in arguments if not is_id(one)]
    if len(runs) > 1 or len(others) > 1:
        raise SettingsError("expected one run and one folder at most", hint="`dlsync history` lists the runs.")
    if others and not Path(others[0]).is_dir():
        raise SettingsError(f"{others[0]!r} is neither a run nor a folder", hint="`dlsync history` lists the runs.")
    return next(iter(runs), ""), Path(others[0]) if others else CURRENT
