"""What needs no server: checking files, showing them as they are sent, listing runs."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from dlsync.settings import Options
from dlsync.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlsync.journal import Record
    from dlsync.sent import SentFile
    from dlsync.state_reader import Tree

EVERYTHING = Targets()
NO_OPTIONS = Options()
NOTHING: Mapping[str, str] = MappingProxyType({})


def validate(directory: Path, options: Options = NO_OPTIONS, environ: Mapping[str, str] = NOTHING) -> Tree:
    """Read a tree and all that is wrong with it, offline; see :func:`dlsync.validator.validate`.

    :param options: of which the environment counts.
    :param environ: what ``${env:NAME}`` stands for, and DLSYNC_ENVIRONMENT.
    :returns: the tree, with errors and warnings of dlsync.yaml and of every other file in ``problems``.
    :raises InvalidTree: the directory itself cannot be read.
    :raises SettingsError: there is no such environment.
    """
    from dlsync import validator

    return validator.validate(directory, options, environ)


def render(
    directory: Path,
    options: Options = NO_OPTIONS,
    environ: Mapping[str, str] = NOTHING,
    *,
    targets: Targets = EVERYTHING,
) -> tuple[Tree, list[SentFile]]:
    """Return a tree and its files as they are sent, offline.

    :param options: of which the environment counts.
    :raises InvalidTree: the files have errors.
    :raises SettingsError: dlsync.yaml has errors, or there is no such environment.
    """
    from dlsync import environments, state_reader
    from dlsync import settings as settings_file
    from dlsync.sent import sent_files

    state_reader.require_directory(directory)
    settings = settings_file.load(directory, options, environ, require_server=False)
    tree = environments.read(directory, settings).usable()
    return tree, list(sent_files(tree, targets))


def history(folder: Path) -> list[Record]:
    """Return the runs that a folder of journals has, the latest first.

    :raises DlsyncError: the folder cannot be read.
    """
    from dlsync import journal

    return journal.runs(folder)
