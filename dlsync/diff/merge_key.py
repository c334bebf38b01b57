"""Find the item of a list that an item of an overlay changes. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlsync.diff.list_match import token
from dlsync.messages import field_name
from dlsync.model import Json, Path


@dataclass(frozen=True, slots=True)
class MergeKey:
    """The fields that identify an item of a list.

    :param fields: an item of an overlay changes the item with the same values of these fields; it must have the first
        of them, and may lack others.
    :param among: further fields, for the case that several items match.
    """

    fields: tuple[str, ...]
    among: tuple[str, ...] = ()

    def places(
        self, path: Path, base: Sequence[Json], overlay: Sequence[Json], resolve: Callable[[Json], Json]
    ) -> list[int | str | None]:
        """Return for each item of an overlay: the position of the item that it changes, None if it is new, or an error.

        :param path: of both lists.
        :param resolve: replaces the references in a value.
        """
        places: list[int | str | None] = []
        for item in overlay:
            found = self._place(path, base, item, resolve)
            if isinstance(found, int) and found in places:
                found = f"it changes `{field_name((*path, found))}`, as an item above it does; merge the two"
            places.append(found)
        return places

    def _place(self, path: Path, base: Sequence[Json], item: Json, resolve: Callable[[Json], Json]) -> int | str | None:
        first = self.fields[0]
        if not isinstance(item, dict) or item.get(first) is None:
            return f"an item of `{field_name(path)}` needs a `{first}`, which names the item that it changes; add it"

        def agreeing(fields: Sequence[str]) -> list[int]:
            marks = {name: _mark(resolve(item[name])) for name in fields if name in item}
            others = [(place, other) for place, other in enumerate(base) if isinstance(other, dict)]
            return [
                place
                for place, other in others
                if all(_mark(resolve(other.get(name))) == mark for name, mark in marks.items())
            ]

        found = agreeing(self.fields)
        if len(found) > 1:
            found = agreeing((*self.fields, *self.among))
        if len(found) > 1:
            which = ", ".join(f"`{field_name((*path, place))}`" for place in found)
            missing = [f"`{name}`" for name in (*self.fields, *self.among) if name not in item]
            fix = f"add its {' and '.join(missing)}" if missing else "make them differ in the base"
            return f"it matches {len(found)} items of the base, {which}; {fix}"
        return found[0] if found else None


def _mark(value: Json) -> str:
    """Return a text that is equal for values that name the same; a tag equals a list of it, order does not matter."""
    if isinstance(value, dict):
        return token({name: _mark(item) for name, item in value.items()})
    if isinstance(value, list):
        return "\n".join(sorted(map(token, value)))
    return token(value)
