"""The fetcher: what the server has, by list operations where it has them, by name where it has not."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dlsync.client import ReadClient
from dlsync.client.concurrency import gather, map_concurrently
from dlsync.errors import NotModified
from dlsync.files.settings import Settings
from dlsync.model import DOT_NAMES, Address, Resource
from dlsync.operations.cache import FORGETFUL, NOTHING_LISTED, Cache
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.session import read_inventory
from dlsync.resources import CachedVersion, Kind, Listing, all_kinds
from dlsync.state.inventory import Inventory


@dataclass(frozen=True)
class Live:
    """What the server has.

    :param resources: by address, in the order of an apply.
    :param unlisted: the kinds of which the server lists none, or not all: the others that it has were not looked at.
    :param masked: those that have values in place of the secrets that the server masks.
    :param faults: why items of the server's lists cannot be read.
    """

    resources: Mapping[Address, Resource]
    unlisted: tuple[str, ...] = ()
    masked: tuple[Address, ...] = ()
    faults: tuple[str, ...] = ()

    def with_readable(self, readable: Mapping[Address, Resource]) -> "Live":
        """Return this with values in place of secrets that the server masks."""
        return replace(self, resources={**self.resources, **readable}, masked=tuple(readable))


_NOT_ADDRESSABLE = "%s: no URL can hold this name; rename or delete it on the server's own pages"


async def fetch_by_name(client: ReadClient, wanted: Collection[Address]) -> dict[Address, Resource]:
    """Fetch live resources each by its name, whatever a list says, as exactly as the server gives them.

    :raises ApiError: a request failed for good; nothing partial is returned.
    """
    names = {kind: {one.name for one in wanted if one.kind == kind.name} - DOT_NAMES for kind in all_kinds()}
    found = await gather(kind.originals(client, sorted(some)) for kind, some in names.items() if some)
    return {resource.address: resource for some in found for resource in some.values()}


class Fetcher:
    """Asks the server, and for nothing twice.

    :param desired: what the files say: where the server sends the same, it is not understood again.
    :param cache: which versions were found to be what the files say.
    """

    def __init__(
        self,
        client: ReadClient,
        desired: Mapping[Address, Resource] | None = None,
        *,
        cache: Cache = FORGETFUL,
        reporter: Reporter = SILENT,
    ) -> None:
        self.client = client
        self.desired = desired or {}
        self.cache = cache
        self.listings: dict[str, Listing] = {}
        self._reporter = reporter
        self._looked_at: dict[Address, Resource | None] = {}
        self._not_addressable: list[Address] = []
        self._inventory: Inventory | None = None

    async def inventory(self, settings: Settings, root: Path) -> Inventory:
        """Return the inventory of the account; see :func:`read_inventory`."""
        if self._inventory is None:
            self._inventory = await read_inventory(self.client, settings, root)
        return self._inventory

    async def fetch(
        self,
        wanted: Collection[Address],
        *,
        everything: Collection[str] = (),
        admits: Callable[[Address], bool] = lambda _: True,
    ) -> Live:
        """Fetch live resources.

        :param wanted: those to look for; what the server has not is not in the answer.
        :param everything: the kinds of which to fetch all that the server can list besides.
        :param admits: which of all those are meant.
        :raises ApiError: a request failed for good; nothing partial is returned.
        """
        names = [(kind, {address.name for address in wanted if address.kind == kind.name}) for kind in all_kinds()]
        kinds = [(kind, some) for kind, some in names if some or kind.name in everything]
        found = await gather(
            self._kind(kind, names, admits if kind.name in everything else None) for kind, names in kinds
        )
        resources = sorted((one for some in found for one in some), key=lambda resource: resource.address)
        unlisted = tuple(kind.name for kind, _ in kinds if kind.name in everything and self._is_partial(kind))
        faults = [fault for kind, _ in kinds for fault in self.listings[kind.name].faults]
        asked = {kind.name for kind, _ in kinds}
        faults += [_NOT_ADDRESSABLE % one for one in self._not_addressable if one.kind in asked and admits(one)]
        return Live({resource.address: resource for resource in resources}, unlisted, faults=tuple(faults))

    def listed(self) -> set[Address]:
        """Return what the lists that were fetched name."""
        return {Address(kind, name) for kind, one in self.listings.items() for name in one.names or ()}

    async def list_muted(self, changing: Collection[str]) -> None:
        """List the kinds that can be muted and of which live resources change, where that is not done yet."""
        await gather(self.listing(kind) for kind in all_kinds() if kind.can_be_muted and kind.name in changing)

    async def listing(self, kind: Kind) -> Listing:
        """Return what the server lists of a kind, which is asked for once."""
        if kind.name in self.listings:
            return self.listings[kind.name]
        known = self.cache.listed.get(kind.name, NOTHING_LISTED)
        try:
            listing = await kind.list(self.client, known.etag)
        except NotModified:
            if not known.etag:  # which was not asked
                raise
            listing = Listing(names=known.names, etag=known.etag, versions=dict.fromkeys(known.names, known.etag))
        listing = self._addressable(kind, listing)
        for resource in listing.resources:
            self._looked_at[resource.address] = resource
            self._reporter.advance()
        self.listings[kind.name] = listing
        return listing

    async def _kind(self, kind: Kind, wanted: set[str], admits: Callable[[Address], bool] | None) -> list[Resource]:
        """Look at a kind's resources.

        :param admits: which of all that the server lists are wanted as well.
        """
        listing = await self.listing(kind)
        wanted = wanted - DOT_NAMES
        if listing.names is not None and listing.complete:
            wanted &= listing.names
        chosen = {Address(kind.name, name) for name in wanted}
        if admits and listing.names:
            chosen |= {address for name in listing.names if admits(address := Address(kind.name, name))}
        workers = self.client.concurrency
        missing = sorted(chosen - self._looked_at.keys())
        await map_concurrently(lambda address: self._look(kind, address, listing), missing, workers=workers)
        return [resource for address in chosen if (resource := self._looked_at[address])]

    def _addressable(self, kind: Kind, listing: Listing) -> Listing:
        """Return a listing without the names that no URL can hold, which become faults."""
        names = listing.names or frozenset()
        if names.isdisjoint(DOT_NAMES):
            return listing
        self._not_addressable += [Address(kind.name, name) for name in sorted(names & DOT_NAMES)]
        resources = tuple(one for one in listing.resources if one.name not in DOT_NAMES)
        # a listing that is known by its version is not read again, so the fault would not be found
        return replace(listing, resources=resources, names=names - DOT_NAMES, etag="")

    async def _look(self, kind: Kind, address: Address, listing: Listing) -> None:
        desired = self.desired.get(address)
        version = self.cache.version(address, desired)
        resource = Resource(address, desired.given, desired.body, etag=version) if desired and version else None
        if resource is None or listing.versions.get(address.name) != version:
            try:
                known = CachedVersion(desired.body if desired else None, version)
                resource = await kind.fetch(self.client, address.name, known)
            except NotModified:
                if not version:  # which was not asked
                    raise
        self._looked_at[address] = resource
        self._reporter.advance()

    def _is_partial(self, kind: Kind) -> bool:
        """Whether the server should have listed a kind whole and has not."""
        listing = self.listings[kind.name]
        # a list of nothing may be incomplete, but is no sign that there is more
        return listing.names is None or (bool(listing.names) and not listing.complete)
