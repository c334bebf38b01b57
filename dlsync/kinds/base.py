"""What a kind of resource is: its files, its canonical form and its endpoints.

One module of this package is one kind. Nothing outside asks which kind a resource is of: it asks the kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.model import Difference, Json, Path, Problem, Resource


@dataclass(frozen=True, slots=True)
class ListRule:
    """How the items of a list are matched with those of its other version.

    :param keys: identities, from the strictest to the loosest; items that none of them matches are added or removed.
    :param ordered: whether the order carries a meaning; where it does, an item out of its place is a move.
    """

    keys: tuple[Callable[[Json], object], ...] = ()
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the tree.

    :param file: relative to the tree, POSIX style.
    :param content: byte for byte.
    """

    file: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server said that it has of one kind.

    :param resources: those that the listing holds whole.
    :param names: those that it only names; None where it has no list operation.
    """

    resources: tuple[Resource, ...] = ()
    names: frozenset[str] | None = None


class Kind(ABC):
    """A kind of resource. ``order`` is its step in an apply, from 0; deletes go the other way."""

    name: ClassVar[str]
    folder: ClassVar[str]
    order: ClassVar[int]
    lists: ClassVar[Mapping[tuple[str, ...], ListRule]]

    # files
    @abstractmethod
    def read(self, sources: Sequence[SourceFile]) -> tuple[list[Resource], list[Problem]]:
        """Turn the files of this kind's folder into resources, with all problems found on the way."""

    @abstractmethod
    def line_of(self, resource: Resource, path: Path) -> int | None:
        """Return the line, from 1, at which the resource's file has the path."""

    @abstractmethod
    def files_of(self, live: Resource, stem: str) -> dict[str, bytes]:
        """Return the files, by path within the folder, that stand for a live resource not in the tree yet."""

    @abstractmethod
    def edited(self, desired: Resource, diff: Sequence[Difference], sources: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files with the live side of the differences written in, all else as it was."""

    # canonical form
    @abstractmethod
    def canonical(self, document: Mapping[str, Json]) -> Json:
        """Return the document without what carries no meaning; the input is left alone."""

    # endpoints
    @abstractmethod
    async def list(self, client: ReadClient) -> Listing:
        """Ask the server what it has."""

    @abstractmethod
    async def fetch(self, client: ReadClient, name: str) -> Resource | None:
        """Return the live resource, or None where the server has none of that name."""

    @abstractmethod
    async def create(self, client: Client, desired: Resource) -> None:
        """Make the resource on the server."""

    @abstractmethod
    async def update(self, client: Client, desired: Resource) -> None:
        """Replace the live resource."""

    @abstractmethod
    async def delete(self, client: Client, name: str) -> None:
        """Remove the resource; one that is gone already is no error."""
