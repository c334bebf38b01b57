"""The server side of a kind: the calls that list, fetch and write its resources."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from dlsync.client import Client, ReadClient
from dlsync.client.concurrency import gather
from dlsync.model import FieldChange, Resource


class CachedVersion(NamedTuple):
    """What is known of a live resource before it is fetched.

    :param body: the bytes of its file: if the server sends the same, they are not parsed again.
    :param etag: of the version that the server need not send again.
    """

    body: bytes | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's list of one kind.

    :param resources: those that the list holds completely.
    :param names: of all; None if the server has no list operation.
    :param complete: False if there may be more resources.
    :param etag: of a list that holds complete resources; empty if the server gives none.
    :param versions: the ETags of single resources, by name, if the list has them.
    :param faults: why items of the list cannot be read.
    :param unlocked: whether the list shows that the lock of the account is free.
    :param muted: the names of muted resources; a delete loses that.
    """

    resources: tuple[Resource, ...] = ()
    names: frozenset[str] | None = None
    complete: bool = True
    etag: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    unlocked: bool = False
    muted: frozenset[str] = frozenset()


class Endpoint(ABC):
    """The operations of the API for a kind."""

    # False if the resources are not inside an account: an export and ``prune: all`` skip them
    account_scoped: ClassVar[bool] = True
    can_be_muted: ClassVar[bool] = False
    # whether the server can be asked for one by its name
    has_names: ClassVar[bool] = True
    # whether a create of what exists makes a second one, or replaces it
    may_duplicate: ClassVar[bool] = False
    create_overwrites: ClassVar[bool] = False

    @abstractmethod
    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        """Fetch the server's list of the kind.

        :param if_none_match: the ETag of a known list.
        :raises NotModified: the list is the known one.
        """

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = CachedVersion()) -> Resource | None:
        """Return the live resource, or None if it does not exist.

        :raises NotModified: it is the known version.
        """
        return next((one for one in (await self.list(client)).resources if one.name == name), None)

    def ids(self, client: ReadClient) -> Mapping[str, tuple[str, ...]]:
        """Return the ids of the resources in the last list, by name."""
        return {}

    def track_ids(self, client: ReadClient, ids: Mapping[str, tuple[str, ...]]) -> Collection[str]:
        """Have later lists fetch by these ids what they omit; return the names that the last list omitted in part."""
        return ()

    async def originals(self, client: ReadClient, names: Iterable[str]) -> dict[str, Resource]:
        """Fetch the resources of these names, as exactly as the server gives them."""
        found = await gather(self.fetch(client, name) for name in names)
        return {one.name: one for one in found if one}

    @abstractmethod
    async def create(self, client: Client, desired: Resource) -> None:
        """Create the resource on the server."""

    @abstractmethod
    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """Update the live resource from the files; ``diff`` has the differences."""

    @abstractmethod
    async def delete(self, client: Client, name: str) -> None:
        """Delete the resource; a missing one is no error."""
