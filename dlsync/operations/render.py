"""Show the files of a directory as an apply sends them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dlsync.files import settings as settings_file
from dlsync.files.redaction import Redaction
from dlsync.files.settings import NO_ENVIRONMENT, NO_OPTIONS, Options
from dlsync.model import Address
from dlsync.resources import environments, kind_of, loader
from dlsync.resources.selector import EVERYTHING, Targets
from dlsync.resources.tree import Tree


class SentFile(NamedTuple):
    """A file of a resource, by its path in the tree."""

    address: Address
    file: str
    content: bytes


def sent_files(tree: Tree, targets: Targets) -> Iterator[SentFile]:
    """Yield the files of the targeted resources as an apply sends them, in its order."""
    redaction = Redaction(tree.secrets)
    for address, resource in tree.resources.items():
        if targets.admits(address):
            for file, content in kind_of(address.kind).sent_files(resource, redaction).items():
                yield SentFile(address, file, content)


def render(
    directory: Path,
    options: Options = NO_OPTIONS,
    environ: Mapping[str, str] = NO_ENVIRONMENT,
    *,
    targets: Targets = EVERYTHING,
) -> tuple[Tree, list[SentFile]]:
    """Return a tree and its files as an apply sends them, offline.

    :param options: only the environment is used.
    :raises InvalidTree: the files have errors.
    :raises SettingsError: dlsync.yaml has errors, or there is no such environment.
    """
    loader.require_directory(directory)
    settings = settings_file.load(directory, options, environ, require_server=False)
    tree = environments.read(directory, settings).raise_for_errors()
    targets.require_match(tree.resources)
    return tree, list(sent_files(tree, targets))
