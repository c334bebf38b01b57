"""Packs: ``packs/<pack>/`` with package.yaml, dashboards/, rules/ and plugins/, read unchanged."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlsync.files import schema
from dlsync.files.names import is_utf8
from dlsync.model import Code, Problem
from dlsync.resources.file_format import PACKS, pack_and_path
from dlsync.resources.overlays import parse_mapping
from dlsync.resources.tree import Tree

PACKAGE = "package.yaml"


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack of a tree.

    :param name: of its folder, and of the tag that its plugins are linked to.
    :param package: its package.yaml; empty if that cannot be read.
    :param counts: how many resources it holds, by kind.
    """

    name: str
    package: Mapping[str, Any]
    counts: Mapping[str, int]

    def text(self, field: str) -> str:
        """Return a field of package.yaml as text; empty if it is missing."""
        value = self.package.get(field)
        return "" if value is None else str(value)


def problems(sources: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield the problems of the packs themselves; the kinds report those of their resources.

    :param sources: the files of a tree.
    """
    for pack in _names(sources):
        folder, file = f"{PACKS}/{pack}", f"{PACKS}/{pack}/{PACKAGE}"
        if not is_utf8(pack):
            yield Problem(Code.INVALID_NAME, "the name of the pack's folder is not UTF-8; rename it", ascii(folder))
        elif file in sources:
            yield from _package(file, sources[file])[1]
        else:
            yield Problem(
                Code.PACK_WITHOUT_PACKAGE, f"the pack has no {PACKAGE}; expected one, with `title:` at least", folder
            )


def packs_of(tree: Tree) -> tuple[Pack, ...]:
    """Return the packs of a tree, by name."""
    counts = Counter((pack_and_path(one.file)[0], one.kind) for one in tree.resources.values())
    return tuple(
        Pack(
            pack,
            _package(PACKAGE, tree.sources.get(f"{PACKS}/{pack}/{PACKAGE}", b"{}"))[0],
            {kind: count for (owner, kind), count in counts.items() if owner == pack},
        )
        for pack in _names(tree.sources)
    )


def _names(sources: Mapping[str, bytes]) -> list[str]:
    return sorted({pack for pack, _ in map(pack_and_path, sources) if pack})


def _package(file: str, content: bytes) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    document = parse_mapping(file, content, "expected a mapping that begins with `title:`", problems)
    if document is None:
        return {}, problems
    return document, schema.located(schema.check("package", document), file, content)
