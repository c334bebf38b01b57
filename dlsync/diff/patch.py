"""Apply overlays, which are partial documents (RFC 7386), and undo them. Pure.

As the RFC says, mappings merge deeply, and null removes a field. In addition, if a kind says which fields identify the
items of a list (:mod:`dlsync.diff.merge_key`), an overlay's item is merged into the matching item, or else appended.
"""

from collections.abc import Callable, Mapping

from dlsync.diff.list_match import match
from dlsync.diff.merge_key import MergeKey
from dlsync.diff.rules import Rules
from dlsync.model import Json, Patched, Path


def apply_patch(
    kind: Rules,
    base: Mapping[str, Json],
    overlay: Mapping[str, Json],
    resolve: Callable[[Json], Json] = lambda value: value,
) -> Patched:
    """Apply an overlay to a base; neither is changed.

    :param kind: knows the :class:`~dlsync.diff.merge_key.MergeKey` of each list.
    :param resolve: replaces the references in a value, to compare items; both documents hold references.
    """
    patcher = _Patcher(kind, resolve)
    document = patcher.mapping((), (), base, overlay)
    return Patched(document, patcher.origins, frozenset(patcher.appended), tuple(patcher.faults))


def unapply_patch(
    kind: Rules,
    base: Mapping[str, Json],
    overlay: Mapping[str, Json],
    target: Mapping[str, Json],
    resolve: Callable[[Json], Json] = lambda value: value,
) -> dict[str, Json]:
    """Return a base that becomes the target when the overlay is applied, as far as possible.

    :param target: the patched document with changes, which should go into the base.
    """
    patched = apply_patch(kind, base, overlay, resolve).document
    return _Unpatcher(kind, resolve).mapping((), base, overlay, patched, target)


class _Patcher:
    """Apply one overlay; a ``path`` is in the result, a ``source`` in the overlay."""

    def __init__(self, kind: Rules, resolve: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._resolve = resolve
        self.origins: dict[Path, Path] = {}
        self.appended: list[Path] = []
        self.faults: list[tuple[Path, str]] = []

    def mapping(
        self, path: Path, source: Path, base: Mapping[str, Json], overlay: Mapping[str, Json]
    ) -> dict[str, Json]:
        patched = dict(base)
        for name, value in overlay.items():
            here, origin = (*path, name), (*source, name)
            if value is None:
                patched.pop(name, None)
                self.origins[here] = origin
            else:
                patched[name] = self._value(here, origin, base.get(name), value)
        return patched

    def _value(self, path: Path, source: Path, base: Json, overlay: Json) -> Json:
        if isinstance(base, dict) and isinstance(overlay, dict):
            return self.mapping(path, source, base, overlay)
        key = self._kind.item_key(path)
        if key and isinstance(base, list) and isinstance(overlay, list):
            return self._list(path, source, key, base, overlay)
        self.origins[path] = source
        return _without_nulls(overlay)

    def _list(self, path: Path, source: Path, key: MergeKey, base: list[Json], overlay: list[Json]) -> list[Json]:
        patched = list(base)
        for place, found in enumerate(key.places(path, base, overlay, self._resolve)):
            origin = (*source, place)
            if isinstance(found, str):
                self.faults.append((origin, found))
            elif found is None:
                here = (*path, len(patched))
                self.origins[here] = origin
                self.appended.append(here)
                patched.append(_without_nulls(overlay[place]))
            else:
                patched[found] = self._value((*path, found), origin, base[found], overlay[place])
        return patched


def _without_nulls(value: Json) -> Json:
    """Return a patch applied to nothing: without the fields that it removes (RFC 7386, section 2)."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


class _Unpatcher:
    """Walk a base, an overlay, their patched document and the target; items of the base keep their positions."""

    def __init__(self, kind: Rules, resolve: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._resolve = resolve

    def mapping(
        self,
        path: Path,
        base: Mapping[str, Json],
        overlay: Mapping[str, Json],
        patched: Mapping[str, Json],
        target: Mapping[str, Json],
    ) -> dict[str, Json]:
        result: dict[str, Json] = {}
        for name in dict.fromkeys((*base, *target)):
            if name not in overlay and name in target:
                result[name] = target[name]
            elif name in overlay and name in base:
                here = (*path, name)
                result[name] = self._value(here, base[name], overlay[name], patched.get(name), target.get(name))
        return result

    def _value(self, path: Path, base: Json, overlay: Json, patched: Json, target: Json) -> Json:
        if (
            isinstance(base, dict)
            and isinstance(overlay, dict)
            and isinstance(patched, dict)
            and isinstance(target, dict)
        ):
            return self.mapping(path, base, overlay, patched, target)
        key = self._kind.item_key(path)
        if key and isinstance(base, list) and isinstance(overlay, list) and isinstance(patched, list):
            over = dict(zip(key.places(path, base, overlay, self._resolve), overlay, strict=True))
            return self._list(path, base, over, patched, target) if isinstance(target, list) else base
        return base

    def _list(
        self,
        path: Path,
        base: list[Json],
        over: Mapping[int | str | None, Json],
        patched: list[Json],
        target: list[Json],
    ) -> list[Json]:
        was = dict(match(target, patched, self._kind.list_rule(path)).pairs)
        result: list[Json] = []
        for place, item in enumerate(target):
            old = was.get(place)
            if old is None or (old < len(base) and old not in over):
                result.append(item)
            elif old < len(base):
                result.append(self._value((*path, old), base[old], over[old], patched[old], item))
        return result
