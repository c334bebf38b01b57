"""Packs: ``packs/<pack>/`` with package.yaml, dashboards/, rules/ and plugins/, read as they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlsync.files import schema
from dlsync.files.names import is_utf8
from dlsync.model import Problem
from dlsync.resources.overlays import parse_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.resources.tree import Tree

FOLDER = "packs"
PACKAGE = "package.yaml"
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack of a tree.

    :param name: of its folder, and of the tag that its plugins are linked to.
    :param package: its package.yaml; empty where that cannot be read.
    :param counts: how many resources it holds, by kind.
    """

    name: str
    package: Mapping[str, Any]
    counts: Mapping[str, int]

    def text(self, field: str) -> str:
        """Return what its package.yaml says in a field; empty where it says nothing."""
        value = self.package.get(field)
        return "" if value is None else str(value)


def parted(file: str) -> tuple[str, str]:
    """Return the pack that a file is in and its path there; for a file outside of packs, none and the whole path.

    :param file: relative to the tree, POSIX style.
    """
    parts = file.split("/", _PARTS - 1)
    return (parts[1], parts[2]) if parts[0] == FOLDER and len(parts) == _PARTS else ("", file)


def problems(sources: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield what is wrong with the packs themselves; their resources are their kinds' business.

    :param sources: the files of a tree.
    """
    for pack in _names(sources):
        folder, file = f"{FOLDER}/{pack}", f"{FOLDER}/{pack}/{PACKAGE}"
        if not is_utf8(pack):
            yield Problem("error", "the pack's folder is no text in UTF-8; rename it", ascii(folder))
        elif file in sources:
            yield from _package(file, sources[file])[1]
        else:
            yield Problem("warning", f"the pack has no {PACKAGE}; expected one, with `title:` at least", folder)


def packs_of(tree: Tree) -> tuple[Pack, ...]:
    """Return the packs of a tree, by name."""
    counts = Counter((parted(one.file)[0], one.kind) for one in tree.resources.values())
    return tuple(
        Pack(
            pack,
            _package(PACKAGE, tree.sources.get(f"{FOLDER}/{pack}/{PACKAGE}", b"{}"))[0],
            {kind: count for (owner, kind), count in counts.items() if owner == pack},
        )
        for pack in _names(tree.sources)
    )


def _names(sources: Mapping[str, bytes]) -> list[str]:
    return sorted({pack for pack, _ in map(parted, sources) if pack})


def _package(file: str, content: bytes) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    document = parse_mapping(file, content, "expected a mapping that begins with `title:`", problems)
    if document is None:
        return {}, problems
    return document, schema.located(schema.check("package", document), file, content)
