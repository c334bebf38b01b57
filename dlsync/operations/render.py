"""Show the files of a directory as they are sent."""

from collections.abc import Mapping
from pathlib import Path

from dlsync.files import settings as settings_file
from dlsync.files.settings import NO_ENVIRONMENT, NO_OPTIONS, Options
from dlsync.resources import environments, loader
from dlsync.resources.loader import SentFile, sent_files
from dlsync.resources.selector import EVERYTHING, Targets
from dlsync.resources.tree import Tree


def render(
    directory: Path,
    options: Options = NO_OPTIONS,
    environ: Mapping[str, str] = NO_ENVIRONMENT,
    *,
    targets: Targets = EVERYTHING,
) -> tuple[Tree, list[SentFile]]:
    """Return a tree and its files as they are sent, offline.

    :param options: of which the environment counts.
    :raises InvalidTree: the files have errors.
    :raises SettingsError: dlsync.yaml has errors, or there is no such environment.
    """
    loader.require_directory(directory)
    settings = settings_file.load(directory, options, environ, require_server=False)
    tree = environments.read(directory, settings).raise_for_errors()
    targets.require_match(tree.resources)
    return tree, list(sent_files(tree, targets))
