"""What a kind of resource is on the server: the calls that read and write it, and the values of these."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from dlsync.client import Client, ReadClient
from dlsync.client.concurrency import gather
from dlsync.model import FieldChange, Resource


class CachedVersion(NamedTuple):
    """What is known of a live resource before it is fetched.

    :param body: the bytes of its file: where the server sends the same, they need not be parsed again.
    :param etag: of the version that need not be sent again.
    """

    body: bytes | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server lists of one kind.

    :param resources: those that the list holds whole; ``names`` are of all, None where it has no list operation.
    :param complete: False where there may be more than it names.
    :param etag: of a list that holds them whole; empty where the server does not say.
    :param versions: by name, the ETag that the resource itself has, where the list says so.
    :param faults: why items of it cannot be read.
    :param unlocked: whether it shows that nobody holds the lock of the account.
    :param muted: the names of those that are muted, which is lost with them.
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

    # False where they are not in the account that a plan is for: an export and ``prune: all`` are not about them
    account_scoped: ClassVar[bool] = True
    can_be_muted: ClassVar[bool] = False
    # whether a create of what exists makes a second one
    may_duplicate: ClassVar[bool] = False

    @abstractmethod
    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        """Ask the server what it has.

        :param if_none_match: the ETag of a listing that is known, of a kind that is listed whole.
        :raises NotModified: it is still that one.
        """

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = CachedVersion()) -> Resource | None:
        """Return the live resource, or None where the server has none of that name.

        :raises NotModified: it is still the version that is known.
        """
        return next((one for one in (await self.list(client)).resources if one.name == name), None)

    def ids(self, client: ReadClient) -> Mapping[str, tuple[str, ...]]:
        """Return by name the ids under which the server has what it listed last."""
        return {}

    def track_ids(self, client: ReadClient, ids: Mapping[str, tuple[str, ...]]) -> Collection[str]:
        """Have later lists ask for what they omit by these ids; return the names of those that were not all listed."""
        return ()

    async def originals(self, client: ReadClient, names: Iterable[str]) -> dict[str, Resource]:
        """Return the resources of these names as they are now, as exactly as the server gives them."""
        found = await gather(self.fetch(client, name) for name in names)
        return {one.name: one for one in found if one}

    @abstractmethod
    async def create(self, client: Client, desired: Resource) -> None:
        """Make the resource on the server."""

    @abstractmethod
    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """Make the live resource what the files say; ``diff`` is what they differ in."""

    @abstractmethod
    async def delete(self, client: Client, name: str) -> None:
        """Remove the resource; one that is gone already is no error."""
