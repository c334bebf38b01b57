"""The fetcher: what the server has, by list operations where it has them, by name where it has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync.kinds import Kind, Listing, all_kinds
from dlsync.model import Address, Resource
from dlsync.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from dlsync.client import ReadClient


@dataclass(frozen=True)
class Live:
    """What the server has.

    :param resources: by address, in the order of an apply.
    :param unlisted: the kinds of which the server lists none, or not all: the others that it has were not looked at.
    """

    resources: Mapping[Address, Resource]
    unlisted: tuple[str, ...] = ()


async def fetch(
    client: ReadClient,
    wanted: Collection[Address],
    *,
    everything: Collection[str] = (),
    admits: Callable[[Address], bool] = lambda _: True,
    progress: Callable[[], None] = lambda: None,
    arrived: Callable[[Resource], None] = lambda _: None,
) -> Live:
    """Fetch live resources.

    :param wanted: those to look for; what the server has not is not in the answer.
    :param everything: the kinds of which to fetch all that the server can list besides.
    :param admits: which of all those are meant.
    :param progress: called for each resource that was looked at.
    :param arrived: called with each resource as soon as it is there.
    :raises ApiError: a request failed for good; nothing partial is returned.
    """
    round_ = _Round(client, everything, admits, progress, arrived)
    names = {kind: {address.name for address in wanted if address.kind == kind.name} for kind in all_kinds()}
    found = await together(
        round_.kind(kind, names[kind]) for kind in all_kinds() if names[kind] or kind.name in everything
    )
    resources = sorted((resource for one, _ in found for resource in one), key=lambda resource: resource.address)
    return Live({resource.address: resource for resource in resources}, tuple(name for _, name in found if name))


async def fetch_by_name(client: ReadClient, wanted: Collection[Address]) -> dict[Address, Resource]:
    """Fetch live resources each by its name, whatever a list says, as exactly as the server gives them.

    :raises ApiError: a request failed for good; nothing partial is returned.
    """
    names = {kind: sorted(one.name for one in wanted if one.kind == kind.name) for kind in all_kinds()}
    found = await together(kind.originals(client, some) for kind, some in names.items() if some)
    return {resource.address: resource for some in found for resource in some.values()}


class _Round:
    """One fetch: what all of its kinds share."""

    def __init__(
        self,
        client: ReadClient,
        everything: Collection[str],
        admits: Callable[[Address], bool],
        progress: Callable[[], None],
        arrived: Callable[[Resource], None],
    ) -> None:
        self._client = client
        self._everything = everything
        self._admits = admits
        self._progress = progress
        self._arrived = arrived

    async def kind(self, kind: Kind, wanted: set[str]) -> tuple[list[Resource], str]:
        """Return the kind's resources, and its name where the server should have listed it whole and cannot."""
        listing = await kind.list(self._client)
        chosen = self._chosen(kind, wanted, listing)
        whole = {resource.name: resource for resource in listing.resources}
        missing = sorted(chosen - set(whole))
        listed = [whole[name] for name in chosen if name in whole]
        for one in listed:
            self._progress()
            self._arrived(one)
        fetched = await together(self._one(kind, name) for name in missing)
        # a list of nothing may be incomplete, but is no sign that there is more
        partial = listing.names is None or (bool(listing.names) and not listing.complete)
        return listed + [one for one in fetched if one], kind.name if kind.name in self._everything and partial else ""

    def _chosen(self, kind: Kind, wanted: set[str], listing: Listing) -> set[str]:
        if listing.names is None:
            return wanted
        chosen = wanted & listing.names if listing.complete else wanted
        if kind.name not in self._everything:
            return chosen
        return chosen | {name for name in listing.names if self._admits(Address(kind.name, name))}

    async def _one(self, kind: Kind, name: str) -> Resource | None:
        resource = await kind.fetch(self._client, name)
        self._progress()
        if resource:
            self._arrived(resource)
        return resource
