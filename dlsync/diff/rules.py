"""What the differ asks of a kind of resource: when two documents mean the same, and how it pairs items of lists."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from dlsync.diff.list_match import UNKNOWN_LIST, ListMatching, anywhere, match
from dlsync.diff.merge_key import MergeKey
from dlsync.model import FieldChange, Json, Path, Resource


class Rules(ABC):
    """Tells what a document means."""

    # how the items of lists are matched, and what names them in an overlay; by paths with ITEM for list positions
    list_matching: ClassVar[Mapping[Path, ListMatching]] = {}
    overlay_keys: ClassVar[Mapping[Path, MergeKey]] = {}

    @abstractmethod
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Return the document without what carries no meaning; list positions stay, the input is left alone."""

    def identical(self, desired: Resource, live: Resource) -> bool:
        """Whether the bytes alone show that the two mean the same; False where only the canonical forms can tell."""
        return False

    def list_rule(self, path: Path) -> ListMatching:
        """Return how the items of the list at the path are matched."""
        return self.list_matching.get(anywhere(path), UNKNOWN_LIST)

    def paired(self, path: Path, before: Sequence[Json], after: Sequence[Json]) -> Sequence[tuple[int, int]]:
        """Return which items of the list at the path are the same in both versions, by their positions."""
        return match(before, after, self.list_rule(path)).pairs

    def item_key(self, path: Path) -> MergeKey | None:
        """Return what names the items of the list at the path for an overlay; None where it replaces the list whole."""
        return self.overlay_keys.get(anywhere(path))

    def duplicates(self, desired: Resource, live: Resource) -> tuple[FieldChange, ...]:
        """Return what the server has besides that adds nothing to the live resource, as removals."""
        return ()

    def is_server_managed(self, path: Path, field: str) -> bool:
        """Whether the server adds a field, which only the live side has, to the mapping at the path."""
        return False

    def dropped_by_update(self, unknown_fields: Sequence[Path]) -> Sequence[Path]:
        """Return those of the fields that only the live side has which an update would drop."""
        return unknown_fields

    def flattened(self, path: Path, mapping: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return the mapping at the path in the one spelling that canonical forms use."""
        return mapping

    def respelled(self, path: Path, written: Mapping[str, Json], flat: dict[str, Json]) -> dict[str, Json]:
        """Return a flattened mapping spelled as the user wrote it."""
        return flat
