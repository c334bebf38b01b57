"""Write live values into the document that the user wrote, for an export. Pure."""

from collections.abc import Callable, Mapping

from dlsync.diff.compare import differences
from dlsync.diff.list_match import match
from dlsync.diff.rules import Rules
from dlsync.model import Json, Path, Resource


def merge(
    kind: Rules, desired: Resource, live: Mapping[str, Json], spelled: Callable[[Json], Json] = lambda value: value
) -> dict[str, Json]:
    """Return a document with the meaning of the live one; values that did not change keep the spelling of the file.

    :param spelled: returns a live value as a file spells it.
    """
    return _Merger(kind, spelled).mapping((), desired.spelled, kind.canonical(desired.document), kind.canonical(live))


class _Merger:
    """Walk the document as written together with both canonical forms."""

    def __init__(self, kind: Rules, spelled: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._spelled = spelled

    def value(self, path: Path, written: Json, desired: Json, live: Json) -> Json:
        if not any(differences(self._kind, path, desired, live)):
            return written
        if isinstance(written, dict) and isinstance(desired, dict) and isinstance(live, dict):
            return self.mapping(path, written, desired, live)
        if isinstance(written, list) and isinstance(desired, list) and isinstance(live, list):
            return self._list(path, written, desired, live)
        return self._spelled(live)

    def mapping(
        self, path: Path, written: Mapping[str, Json], desired: Mapping[str, Json], live: Mapping[str, Json]
    ) -> dict[str, Json]:
        flat = self._kind.flattened(path, written)
        merged: dict[str, Json] = {}
        for field, value in flat.items():
            if field in desired and field in live:
                merged[field] = self.value((*path, field), value, desired[field], live[field])
            elif field in live:
                merged[field] = self._spelled(live[field])
            elif field not in desired:
                merged[field] = value
        for field, value in live.items():
            if field not in flat and not self._kind.is_server_managed(path, field):
                merged[field] = self._spelled(value)
        return self._kind.respelled(path, written, merged)

    def _list(self, path: Path, written: list[Json], desired: list[Json], live: list[Json]) -> list[Json]:
        rule = self._kind.list_rule(path)
        matching = match(desired, live, rule)
        places = {live_place: place for place, live_place in matching.pairs}
        merged: list[Json] = []
        for live_place in range(len(live)) if rule.ordered else (*places, *matching.removed):
            if live_place in places:
                place = places[live_place]
                merged.append(self.value((*path, place), written[place], desired[place], live[live_place]))
            else:
                merged.append(self._spelled(live[live_place]))
        return merged
