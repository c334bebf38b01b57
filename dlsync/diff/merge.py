"""The live side written into what the user wrote: pure, for export."""

from collections.abc import Callable, Mapping

from dlsync.diff.compare import differences
from dlsync.diff.list_match import match
from dlsync.diff.rules import Rules
from dlsync.model import Json, Path, Resource


def merge(
    kind: Rules, desired: Resource, live: Mapping[str, Json], spelled: Callable[[Json], Json] = lambda value: value
) -> dict[str, Json]:
    """Return a document that means the live one, spelled like the file wherever the two mean the same.

    :param spelled: how a live value is to be spelled in a file.
    """
    ours, theirs = kind.canonical(desired.document), kind.canonical(live)
    return _Merger(kind, spelled).mapping((), desired.spelled, ours, theirs)


class _Merger:
    """Walks the written form of the desired side along with both canonical forms."""

    def __init__(self, kind: Rules, spelled: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._spelled = spelled

    def value(self, path: Path, written: Json, ours: Json, theirs: Json) -> Json:
        if not any(differences(self._kind, path, ours, theirs)):
            return written
        if isinstance(written, dict) and isinstance(ours, dict) and isinstance(theirs, dict):
            return self.mapping(path, written, ours, theirs)
        if isinstance(written, list) and isinstance(ours, list) and isinstance(theirs, list):
            return self._list(path, written, ours, theirs)
        return self._spelled(theirs)

    def mapping(
        self, path: Path, written: Mapping[str, Json], ours: Mapping[str, Json], theirs: Mapping[str, Json]
    ) -> dict[str, Json]:
        flat = self._kind.flattened(path, written)
        merged: dict[str, Json] = {}
        for field, value in flat.items():
            if field in ours and field in theirs:
                merged[field] = self.value((*path, field), value, ours[field], theirs[field])
            elif field in theirs:
                merged[field] = self._spelled(theirs[field])
            elif field not in ours:
                merged[field] = value
        for field, value in theirs.items():
            if field not in flat and not self._kind.is_server_managed(path, field):
                merged[field] = self._spelled(value)
        return self._kind.respelled(path, written, merged)

    def _list(self, path: Path, written: list[Json], ours: list[Json], theirs: list[Json]) -> list[Json]:
        rule = self._kind.list_rule(path)
        matching = match(ours, theirs, rule)
        our_place = {live: place for place, live in matching.pairs}
        merged: list[Json] = []
        for live in range(len(theirs)) if rule.ordered else (*our_place, *matching.removed):
            if live in our_place:
                place = our_place[live]
                merged.append(self.value((*path, place), written[place], ours[place], theirs[live]))
            else:
                merged.append(self._spelled(theirs[live]))
        return merged
