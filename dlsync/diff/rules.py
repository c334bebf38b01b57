"""What a comparison has to know of the documents that it compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.diff.list_match import ListMatching
    from dlsync.diff.merge_key import MergeKey
    from dlsync.model import Json, Path, Resource


class Rules(Protocol):
    """Tells what a document means; a kind of resource is one (:mod:`dlsync.resources.kind` documents each method)."""

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Return the document without what carries no meaning."""
        ...

    def identical(self, desired: Resource, live: Resource) -> bool:
        """Tell whether the bytes alone show that the two mean the same."""
        ...

    def list_rule(self, path: Path) -> ListMatching:
        """Return how the items of the list at the path are matched."""
        ...

    def item_key(self, path: Path) -> MergeKey | None:
        """Return what names the items of the list at the path for an overlay."""
        ...

    def is_server_managed(self, path: Path, field: str) -> bool:
        """Tell whether a field that only the live side has is the server's own business."""
        ...

    def flattened(self, path: Path, mapping: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return the mapping at the path in the one spelling that canonical forms use."""
        ...

    def respelled(self, path: Path, written: Mapping[str, Json], flat: dict[str, Json]) -> dict[str, Json]:
        """Return a flattened mapping spelled as the user wrote it."""
        ...
