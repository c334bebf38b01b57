"""Which item of a list an item of an overlay means. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlsync.diff.list_match import token
from dlsync.messages import field_name
from dlsync.model import Json, Path


@dataclass(frozen=True, slots=True)
class MergeKey:
    """What names an item of a list.

    :param fields: an item of an overlay means the one that agrees with it in those of these that it gives; the first
        of them it must give.
    :param among: what tells apart items that agree in the fields.
    """

    fields: tuple[str, ...]
    among: tuple[str, ...] = ()

    def places(
        self, path: Path, base: Sequence[Json], overlay: Sequence[Json], meant: Callable[[Json], Json]
    ) -> list[int | str | None]:
        """Return for each item of an overlay the place of the one that it means, None where there is none, or a fault.

        :param path: of both lists.
        :param meant: what a value stands for.
        """
        places: list[int | str | None] = []
        for item in overlay:
            found = self._place(path, base, item, meant)
            if isinstance(found, int) and found in places:
                found = f"it means `{field_name((*path, found))}`, as an item above it does; make one of the two"
            places.append(found)
        return places

    def _place(self, path: Path, base: Sequence[Json], item: Json, meant: Callable[[Json], Json]) -> int | str | None:
        first = self.fields[0]
        if not isinstance(item, dict) or item.get(first) is None:
            return f"an item of `{field_name(path)}` says by its `{first}` which one it means; give it"

        def agreeing(fields: Sequence[str]) -> list[int]:
            marks = {name: _mark(meant(item[name])) for name in fields if name in item}
            others = [(place, other) for place, other in enumerate(base) if isinstance(other, dict)]
            return [
                place
                for place, other in others
                if all(_mark(meant(other.get(name))) == mark for name, mark in marks.items())
            ]

        found = agreeing(self.fields)
        if len(found) > 1:
            found = agreeing((*self.fields, *self.among))
        if len(found) > 1:
            which = ", ".join(f"`{field_name((*path, place))}`" for place in found)
            missing = [f"`{name}`" for name in (*self.fields, *self.among) if name not in item]
            way_out = f"give its {' and '.join(missing)} too" if missing else "make them differ in the base"
            return f"it means {len(found)} items of the base, {which}; {way_out}"
        return found[0] if found else None


def _mark(value: Json) -> str:
    """Return a text that two values share when they name the same; one tag is a list of one, in whatever order."""
    if isinstance(value, dict):
        return token({name: _mark(item) for name, item in value.items()})
    if isinstance(value, list):
        return "\n".join(sorted(map(token, value)))
    return token(value)
