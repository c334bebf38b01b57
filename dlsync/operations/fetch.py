"""Fetch live resources: by list operations if the server has them, else by name."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dlsync.client import ReadClient
from dlsync.client.concurrency import gather, map_concurrently
from dlsync.errors import NotModified
from dlsync.files.names import folded
from dlsync.files.settings import Settings
from dlsync.model import DOT_NAMES, Address, Resource
from dlsync.operations.cache import FORGETFUL, NOTHING_LISTED, Cache
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.session import read_inventory
from dlsync.resources import CachedVersion, Kind, Listing, all_kinds
from dlsync.state.inventory import Inventory


@dataclass(frozen=True)
class Live:
    """The live resources.

    :param resources: by address, in the order of an apply.
    :param unlisted: the kinds that the server does not list completely, so that some resources were not fetched.
    :param masked: the resources with values in place of the secrets that the server masks.
    :param faults: why items of the server's lists cannot be read.
    """

    resources: Mapping[Address, Resource]
    unlisted: tuple[str, ...] = ()
    masked: tuple[Address, ...] = ()
    faults: tuple[str, ...] = ()

    def with_readable(self, readable: Mapping[Address, Resource]) -> "Live":
        """Return the live resources with some replaced, which have values in place of masked secrets."""
        return replace(self, resources={**self.resources, **readable}, masked=tuple(readable))


_NOT_ADDRESSABLE = "%s: no URL can hold this name; rename or delete it on the server's own pages"
_NOT_GIVEN = "%s: the server lists it and has none of this name; a proxy may change names, such as one with a slash"


async def fetch_by_name(client: ReadClient, wanted: Collection[Address]) -> dict[Address, Resource]:
    """Fetch live resources each by its name, regardless of lists, as exactly as the server gives them.

    :raises ApiError: a request failed after all retries.
    """
    names = {kind: {one.name for one in wanted if one.kind == kind.name} - DOT_NAMES for kind in all_kinds()}
    found = await gather(kind.originals(client, sorted(some)) for kind, some in names.items() if some)
    return {resource.address: resource for some in found for resource in some.values()}


class Fetcher:
    """Fetches live resources, each at most once.

    :param desired: the resources of the files: if the server sends the same bytes, they are not parsed again.
    :param cache: the versions that were equal to the files.
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
        self._faults: dict[Address, str] = {}
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

        :param wanted: the resources to fetch; the result lacks those that do not exist.
        :param everything: the kinds of which to fetch all other resources that the server lists, too.
        :param admits: which of these other resources are wanted.
        :raises ApiError: a request failed after all retries.
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
        faults += [text % one for one, text in sorted(self._faults.items()) if one.kind in asked and admits(one)]
        return Live({resource.address: resource for resource in resources}, unlisted, faults=tuple(faults))

    def listed(self) -> set[Address]:
        """Return the resources that the fetched lists name."""
        return {Address(kind, name) for kind, one in self.listings.items() for name in one.names or ()}

    async def list_muted(self, changing: Collection[str]) -> None:
        """List the kinds that can be muted and of which live resources change, if they are not listed yet."""
        await gather(self.listing(kind) for kind in all_kinds() if kind.can_be_muted and kind.name in changing)

    async def listing(self, kind: Kind) -> Listing:
        """Return the server's list of a kind, which is fetched once."""
        if kind.name in self.listings:
            return self.listings[kind.name]
        known = self.cache.listed.get(kind.name, NOTHING_LISTED)
        try:
            listing = await kind.list(self.client, known.etag)
        except NotModified:
            if not known.etag:  # the request had no ETag
                raise
            listing = Listing(names=known.names, etag=known.etag, versions=dict.fromkeys(known.names, known.etag))
        listing = self._addressable(kind, listing)
        for resource in listing.resources:
            self._looked_at[resource.address] = resource
            self._reporter.advance()
        self.listings[kind.name] = listing
        return listing

    async def _kind(self, kind: Kind, wanted: set[str], admits: Callable[[Address], bool] | None) -> list[Resource]:
        """Fetch the resources of a kind.

        :param admits: which of the other resources in the server's list are wanted, too.
        """
        listing = await self.listing(kind)
        wanted = wanted - DOT_NAMES
        # one that names something may be the first of several pages
        if listing.names is not None and listing.complete and not (listing.names and kind.has_names):
            wanted &= listing.names
        chosen = {Address(kind.name, name) for name in wanted}
        if admits and listing.names:
            chosen |= {address for name in listing.names if admits(address := Address(kind.name, name))}
        workers = self.client.concurrency
        missing = sorted(chosen - self._looked_at.keys())
        await map_concurrently(lambda address: self._look(kind, address, listing), missing, workers=workers)
        found = [resource for address in chosen if (resource := self._looked_at[address])]
        if names := listing.names:
            not_given = [one for one in missing if self._looked_at[one] is None and one.name in names]
            self._faults |= dict.fromkeys(not_given, _NOT_GIVEN)
            unlisted = {folded(one.name) for one in found if one.name not in names}
            # a server may answer to other spellings of a name
            if unlisted and not unlisted <= {folded(name) for name in names}:
                self.listings[kind.name] = replace(listing, complete=False, etag="")
        return found

    def _addressable(self, kind: Kind, listing: Listing) -> Listing:
        """Return a listing without the names that no URL can hold; these become faults."""
        names = listing.names or frozenset()
        if names.isdisjoint(DOT_NAMES):
            return listing
        self._faults |= {Address(kind.name, name): _NOT_ADDRESSABLE for name in names & DOT_NAMES}
        resources = tuple(one for one in listing.resources if one.name not in DOT_NAMES)
        # the next plan would not read a listing that is known by its version, and would miss the fault
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
                if not version:  # the request had no ETag
                    raise
        self._looked_at[address] = resource
        self._reporter.advance()

    def _is_partial(self, kind: Kind) -> bool:
        """Whether the server's list of a kind is missing or incomplete."""
        listing = self.listings[kind.name]
        # an empty list may be incomplete, but is no sign of more resources
        return listing.names is None or (bool(listing.names) and not listing.complete)
