"""Overlays: a partial document laid over a base (RFC 7386), and lifted off again. Pure.

Mappings merge deeply and null removes a field, as the RFC has it; beyond it, where a kind says what names the items of
a list (:mod:`dlsync.diff.merge_key`), an overlay's item is merged into the one that it means, and appended where there
is none.
"""

from collections.abc import Callable, Mapping

from dlsync.diff.list_match import match
from dlsync.diff.merge_key import MergeKey
from dlsync.diff.rules import Rules
from dlsync.model import Json, Patched, Path


def lay(
    kind: Rules,
    base: Mapping[str, Json],
    overlay: Mapping[str, Json],
    meant: Callable[[Json], Json] = lambda value: value,
) -> Patched:
    """Lay an overlay over a base; neither is changed.

    :param kind: knows the :class:`~dlsync.diff.merge_key.MergeKey` of each list.
    :param meant: what a value stands for, where items are compared: references are replaced in neither document.
    """
    layer = _Layer(kind, meant)
    document = layer.mapping((), (), base, overlay)
    return Patched(document, layer.origins, frozenset(layer.appended), tuple(layer.faults))


def lift(
    kind: Rules,
    base: Mapping[str, Json],
    overlay: Mapping[str, Json],
    target: Mapping[str, Json],
    meant: Callable[[Json], Json] = lambda value: value,
) -> dict[str, Json]:
    """Return a base over which the overlay gives the target, as far as there is one.

    :param target: like what :func:`lay` gives, but for what the base says.
    """
    return _Lifter(kind, meant).mapping((), base, overlay, lay(kind, base, overlay, meant).document, target)


class _Layer:
    """One overlay being laid: a path is one of the outcome, a source one of the overlay."""

    def __init__(self, kind: Rules, meant: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._meant = meant
        self.origins: dict[Path, Path] = {}
        self.appended: list[Path] = []
        self.faults: list[tuple[Path, str]] = []

    def mapping(
        self, path: Path, source: Path, base: Mapping[str, Json], overlay: Mapping[str, Json]
    ) -> dict[str, Json]:
        laid = dict(base)
        for name, value in overlay.items():
            here, there = (*path, name), (*source, name)
            if value is None:
                laid.pop(name, None)
                self.origins[here] = there
            else:
                laid[name] = self._value(here, there, base.get(name), value)
        return laid

    def _value(self, path: Path, source: Path, base: Json, overlay: Json) -> Json:
        if isinstance(base, dict) and isinstance(overlay, dict):
            return self.mapping(path, source, base, overlay)
        key = self._kind.item_key(path)
        if key and isinstance(base, list) and isinstance(overlay, list):
            return self._list(path, source, key, base, overlay)
        self.origins[path] = source
        return _without_nulls(overlay)

    def _list(self, path: Path, source: Path, key: MergeKey, base: list[Json], overlay: list[Json]) -> list[Json]:
        laid = list(base)
        for place, found in enumerate(key.places(path, base, overlay, self._meant)):
            there = (*source, place)
            if isinstance(found, str):
                self.faults.append((there, found))
            elif found is None:
                here = (*path, len(laid))
                self.origins[here] = there
                self.appended.append(here)
                laid.append(_without_nulls(overlay[place]))
            else:
                laid[found] = self._value((*path, found), there, base[found], overlay[place])
        return laid


def _without_nulls(value: Json) -> Json:
    """What a patch makes of nothing: its mappings without the fields that it removes (RFC 7386, section 2)."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


class _Lifter:
    """Walks a base, an overlay, what they gave, and what they are to give; places of the base's items are kept."""

    def __init__(self, kind: Rules, meant: Callable[[Json], Json]) -> None:
        self._kind = kind
        self._meant = meant

    def mapping(
        self,
        path: Path,
        base: Mapping[str, Json],
        overlay: Mapping[str, Json],
        laid: Mapping[str, Json],
        target: Mapping[str, Json],
    ) -> dict[str, Json]:
        lifted: dict[str, Json] = {}
        for name in dict.fromkeys((*base, *target)):
            if name not in overlay and name in target:
                lifted[name] = target[name]
            elif name in overlay and name in base:
                here = (*path, name)
                lifted[name] = self._value(here, base[name], overlay[name], laid.get(name), target.get(name))
        return lifted

    def _value(self, path: Path, base: Json, overlay: Json, laid: Json, target: Json) -> Json:
        if isinstance(base, dict) and isinstance(overlay, dict) and isinstance(laid, dict) and isinstance(target, dict):
            return self.mapping(path, base, overlay, laid, target)
        key = self._kind.item_key(path)
        if key and isinstance(base, list) and isinstance(overlay, list) and isinstance(laid, list):
            over = dict(zip(key.places(path, base, overlay, self._meant), overlay, strict=True))
            return self._list(path, base, over, laid, target) if isinstance(target, list) else base
        return base

    def _list(
        self, path: Path, base: list[Json], over: Mapping[int | str | None, Json], laid: list[Json], target: list[Json]
    ) -> list[Json]:
        was = dict(match(target, laid, self._kind.list_rule(path)).pairs)
        lifted: list[Json] = []
        for place, item in enumerate(target):
            old = was.get(place)
            if old is None or (old < len(base) and old not in over):
                lifted.append(item)
            elif old < len(base):
                lifted.append(self._value((*path, old), base[old], over[old], laid[old], item))
        return lifted
