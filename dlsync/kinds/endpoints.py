"""How dashboards and rules come and go: exported and imported whole, as YAML, by name."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

from dlsync.errors import ByHand, NotFound, Unsupported
from dlsync.escape import visible
from dlsync.kinds.document import DocumentKind
from dlsync.kinds.scene import UNKNOWN, Known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.client.response import Versioned
    from dlsync.model import Difference, Resource


class Exports(Protocol):
    """A family of the API that gives documents."""

    async def read(self, name: str, unless: str = "") -> Versioned[bytes]:
        """Return one document as YAML."""


class Imports(Protocol):
    """A family of the API that takes documents."""

    async def put(self, name: str, body: bytes) -> None:
        """Create or replace one document."""

    async def delete(self, name: str) -> None:
        """Delete one document."""


class ExchangedKind(DocumentKind):
    """A kind of document, with the families of the API that it comes from and goes to."""

    @abstractmethod
    def exports(self, client: ReadClient) -> Exports:
        """Return the family that documents come from."""

    @abstractmethod
    def imports(self, client: Client) -> Imports:
        """Return the family that documents go to."""

    async def fetch(self, client: ReadClient, name: str, known: Known = UNKNOWN) -> Resource | None:
        """GET the document by its name."""
        try:
            found = await self.exports(client).read(name, known.etag)
            return self.live(name, found.content, known.body, found.etag)
        except NotFound:
            return None

    async def create(self, client: Client, desired: Resource) -> None:
        """PUT the user's own text."""
        await self.imports(client).put(desired.name, desired.body)

    async def update(self, client: Client, desired: Resource, diff: Sequence[Difference]) -> None:  # noqa: ARG002 - PUT replaces all of it
        """PUT the user's own text."""
        await self.imports(client).put(desired.name, desired.body)

    async def delete(self, client: Client, name: str) -> None:
        """DELETE the document, observed."""
        try:
            await self.imports(client).delete(name)
        except NotFound:
            pass
        except Unsupported as error:
            message = f"this server cannot delete {self.folder}: delete {self.name} `{visible(name)}` by hand"
            raise ByHand(message) from error
