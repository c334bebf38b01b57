"""The fetcher: what the server has, by list operations where it has them, by name where it has not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync.kinds import Kind, Listing, all_kinds
from dlsync.model import Address, Resource
from dlsync.together import each, together

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from dlsync.client import ReadClient


@dataclass(frozen=True)
class Live:
    """What the server has.

    :param resources: by address, in the order of an apply.
    :param unlisted: the kinds of which the server lists none, or not all: the others that it has were not looked at.
    """

    resources: Mapping[Address, Resource]
    unlisted: tuple[str, ...] = ()


def _all(_: Address) -> bool:
    return True


async def fetch_by_name(client: ReadClient, wanted: Collection[Address]) -> dict[Address, Resource]:
    """Fetch live resources each by its name, whatever a list says, as exactly as the server gives them.

    :raises ApiError: a request failed for good; nothing partial is returned.
    """
    names = {kind: sorted(one.name for one in wanted if one.kind == kind.name) for kind in all_kinds()}
    found = await together(kind.originals(client, some) for kind, some in names.items() if some)
    return {resource.address: resource for some in found for resource in some.values()}


class Fetcher:
    """Asks the server, and for nothing twice: what was fetched ahead is there when it is wanted.

    :param known: the bytes of files: where the server sends the same, they are not understood again.
    :param progress: called for each resource that was looked at.
    """

    def __init__(
        self,
        client: ReadClient,
        known: Mapping[Address, bytes] | None = None,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self.client = client
        self._known = known or {}
        self._progress = progress
        self._listings: dict[str, Listing] = {}
        self._looked_at: dict[Address, Resource | None] = {}
        self._ahead: tuple[set[Address], asyncio.Task[Live]] | None = None

    @asynccontextmanager
    async def ahead(self, wanted: set[Address]) -> AsyncIterator[None]:
        """Fetch resources while something else is done; whoever wants them meanwhile waits, and is told what failed."""
        task = asyncio.create_task(self._fetch(wanted, (), _all))
        self._ahead = wanted, task
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def fetch(
        self,
        wanted: Collection[Address],
        *,
        everything: Collection[str] = (),
        admits: Callable[[Address], bool] = _all,
    ) -> Live:
        """Fetch live resources.

        :param wanted: those to look for; what the server has not is not in the answer.
        :param everything: the kinds of which to fetch all that the server can list besides.
        :param admits: which of all those are meant.
        :raises ApiError: a request failed for good; nothing partial is returned.
        """
        if self._ahead and not self._ahead[0].isdisjoint(wanted):
            await self._ahead[1]
        return await self._fetch(wanted, everything, admits)

    async def _fetch(
        self, wanted: Collection[Address], everything: Collection[str], admits: Callable[[Address], bool]
    ) -> Live:
        names = {kind: {address.name for address in wanted if address.kind == kind.name} for kind in all_kinds()}
        found = await together(
            self._kind(kind, names[kind], admits, everything=kind.name in everything)
            for kind in all_kinds()
            if names[kind] or kind.name in everything
        )
        resources = sorted(
            (resource for some, _ in found for resource in some), key=lambda resource: resource.address.key
        )
        return Live({resource.address: resource for resource in resources}, tuple(name for _, name in found if name))

    async def _kind(
        self, kind: Kind, wanted: set[str], admits: Callable[[Address], bool], *, everything: bool
    ) -> tuple[list[Resource], str]:
        """Return the kind's resources, and its name where the server should have listed it whole and cannot."""
        listing = await self._listing(kind)
        chosen = {Address(kind.name, name) for name in _chosen(wanted, listing, everything=everything)}
        chosen = {address for address in chosen if address.name in wanted or admits(address)}
        missing = sorted(chosen - self._looked_at.keys(), key=lambda one: one.key)
        await each(lambda address: self._look(kind, address), missing, workers=self.client.concurrency)
        found = [resource for address in chosen if (resource := self._looked_at[address])]
        # a list of nothing may be incomplete, but is no sign that there is more
        partial = listing.names is None or (bool(listing.names) and not listing.complete)
        return found, kind.name if everything and partial else ""

    async def _listing(self, kind: Kind) -> Listing:
        if kind.name not in self._listings:
            self._listings[kind.name] = listing = await kind.list(self.client)
            for resource in listing.resources:
                self._looked_at[resource.address] = resource
                self._progress()
        return self._listings[kind.name]

    async def _look(self, kind: Kind, address: Address) -> None:
        self._looked_at[address] = await kind.fetch(self.client, address.name, self._known.get(address))
        self._progress()


def _chosen(wanted: set[str], listing: Listing, *, everything: bool) -> set[str]:
    if listing.names is None:
        return wanted
    chosen = wanted & listing.names if listing.complete else wanted
    return chosen | listing.names if everything else chosen
