"""The files of a tree as they are sent: overlays laid over them, references replaced, secrets still references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync.kinds import kind_of
from dlsync.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.model import Address
    from dlsync.state_reader import Tree
    from dlsync.targets import Targets


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a resource.

    :param file: relative to the tree, POSIX style.
    """

    address: Address
    file: str
    content: bytes


def sent_files(tree: Tree, targets: Targets) -> Iterator[SentFile]:
    """Yield the files of the resources that are meant, in the order of an apply.

    :param tree: one that is usable.
    """
    redaction = Redaction(tree.secrets)
    for address, resource in tree.resources.items():
        if targets.admits(address):
            for file, content in kind_of(address.kind).sent_files(resource, redaction).items():
                yield SentFile(address, file, content)
