"""The rules that a kind gives the differ: when two documents mean the same, and how items of lists are paired."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from dlsync.diff.list_match import UNKNOWN_LIST, ListMatching, anywhere, match
from dlsync.diff.merge_key import MergeKey
from dlsync.model import FieldChange, Json, Path, Resource


class Rules(ABC):
    """Say what a document means."""

    # the rules for the items of lists, and the fields that identify them in overlays; by paths with ITEM for positions
    list_matching: ClassVar[Mapping[Path, ListMatching]] = {}
    overlay_keys: ClassVar[Mapping[Path, MergeKey]] = {}

    @abstractmethod
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Return the document without what carries no meaning; list positions stay, the input is unchanged."""

    def identical(self, desired: Resource, live: Resource) -> bool:
        """Whether the bytes show that both mean the same; if not, their canonical forms still may."""
        return False

    def list_rule(self, path: Path) -> ListMatching:
        """Return the rules for the items of the list at the path."""
        return self.list_matching.get(anywhere(path), UNKNOWN_LIST)

    def paired(self, path: Path, before: Sequence[Json], after: Sequence[Json]) -> Sequence[tuple[int, int]]:
        """Return the positions of the same items in both versions of the list at the path."""
        return match(before, after, self.list_rule(path)).pairs

    def item_key(self, path: Path) -> MergeKey | None:
        """Return the fields that identify items of the list at the path; None if an overlay replaces the whole list."""
        return self.overlay_keys.get(anywhere(path))

    def duplicates(self, desired: Resource, live: Resource) -> tuple[FieldChange, ...]:
        """Return, as removals, what the server has in addition without an effect on the live resource."""
        return ()

    def is_server_managed(self, path: Path, field: str) -> bool:
        """Whether a field of the mapping at the path, which only the live side has, was added by the server."""
        return False

    def dropped_by_update(self, unknown_fields: Sequence[Path]) -> Sequence[Path]:
        """Return the fields that an update would drop, of those that only the live side has."""
        return unknown_fields

    def flattened(self, path: Path, mapping: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return the mapping at the path in the one spelling that canonical forms use."""
        return mapping

    def respelled(self, path: Path, written: Mapping[str, Json], flat: dict[str, Json]) -> dict[str, Json]:
        """Return a flattened mapping spelled as the user wrote it."""
        return flat
