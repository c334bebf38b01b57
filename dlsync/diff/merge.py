"""The live side written into what the user wrote: pure, for export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.diff.compare import differences
from dlsync.diff.list_match import match

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlsync.diff.rules import Rules
    from dlsync.model import Json, Path, Resource


def merge(
    kind: Rules, desired: Resource, live: Mapping[str, Json], spelled: Callable[[Json], Json] = lambda value: value
) -> dict[str, Json]:
    """Return a document that means the live one, spelled like the file wherever the two mean the same.

    :param desired: in the tree; its file's own spelling is kept, references and all.
    :param live: the live document.
    :param spelled: how a live value is to be spelled in a file.
    """
    ours, theirs = kind.canonical(desired.document), kind.canonical(live)
    return _Merger(kind, spelled).mappings((), desired.spelled, ours, theirs)


class _Merger:
    """Walks the written form of the desired side along with both canonical forms."""

    def __init__(self, kind: Rules, spelled: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._spelled = spelled

    def values(self, path: Path, written: Json, ours: Json, theirs: Json) -> Json:
        if next(differences(self._kind, path, ours, theirs), None) is None:
            return written
        if isinstance(written, dict) and isinstance(ours, dict) and isinstance(theirs, dict):
            return self.mappings(path, written, ours, theirs)
        if isinstance(written, list) and isinstance(ours, list) and isinstance(theirs, list):
            return self.lists(path, written, ours, theirs)
        return self._spelled(theirs)

    def mappings(
        self, path: Path, written: Mapping[str, Json], ours: Mapping[str, Json], theirs: Mapping[str, Json]
    ) -> dict[str, Json]:
        flat = self._kind.flattened(path, written)
        merged: dict[str, Json] = {}
        for field, value in flat.items():
            if field in ours and field in theirs:
                merged[field] = self.values((*path, field), value, ours[field], theirs[field])
            elif field in theirs:
                merged[field] = self._spelled(theirs[field])
            elif field not in ours:
                merged[field] = value
        merged |= {
            field: self._spelled(value)
            for field, value in theirs.items()
            if field not in flat and not self._kind.is_server_managed(path, field)
        }
        return self._kind.respelled(path, written, merged)

    def lists(self, path: Path, written: list[Json], ours: list[Json], theirs: list[Json]) -> list[Json]:
        rule = self._kind.list_rule(path)
        matching = match(ours, theirs, rule)
        our_place = {live: place for place, live in matching.pairs}
        order = range(len(theirs)) if rule.ordered else [*(live for _, live in matching.pairs), *matching.removed]
        return [
            self.values((*path, our_place[live]), written[our_place[live]], ours[our_place[live]], theirs[live])
            if live in our_place
            else self._spelled(theirs[live])
            for live in order
        ]
