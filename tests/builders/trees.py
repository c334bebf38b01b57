"""Resources, trees, and accounts on a server."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from dlsync.client import Client
from dlsync.files import yaml
from dlsync.files.settings import Settings
from dlsync.model import Address, Resource
from dlsync.resources import kind_of
from dlsync.server.run import running
from tests.builders.http import IMPATIENT
from tests.builders.taps import Asked, recorded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from dlsync.model import Json

T = TypeVar("T")


def resource(address: str, document: dict[str, Json] | str, *, file: str = "", body: bytes | None = None) -> Resource:
    """Return a dashboard or rule from its document or YAML, or a plugin from its script."""
    kind, name = address.split("/", 1)
    if kind == "plugin":
        script = document if isinstance(document, dict) else {"content": document, "extension": "py"}
        return Resource(Address(kind, name), script, str(script["content"]).encode() if body is None else body, file)
    text = document.encode() if isinstance(document, str) else json.dumps(document).encode() if body is None else body
    parsed = yaml.parse(text) if isinstance(document, str) else document
    assert isinstance(parsed, dict)
    return Resource(Address(kind, name), parsed, text, file)


def by_address(*resources: Resource) -> dict[Address, Resource]:
    return {one.address: one for one in resources}


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def tree_files(root: Path) -> dict[str, bytes]:
    """Return the files below a folder."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def widget(title: str, **fields: Json) -> dict[str, Json]:
    place: dict[str, Json] = {"row": 1, "col": 1, "size_x": 2, "size_y": 2}
    shows: dict[str, Json] = {"type": "number", "series": [{"metric": f"{title}.load", "scope": {"tag": "web"}}]}
    return {"title": title, **place, **shows, **fields}


def dashboard(*widgets: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"title": "Web", "period": 3600, **fields, "positions": [*widgets]}


def criterion(metric: str, threshold: Json = 90, **condition: Json) -> dict[str, Json]:
    return {
        "metric": metric,
        "scope": {"tag": "web"},
        "condition": {"threshold": threshold, "timeout": 120, **condition},
    }


def rule(*criteria: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"title": "Web", "criteria": [*criteria], **fields}


def address(text: str) -> Address:
    return Address(*text.split("/", 1))


# ---------------------------------------------------------------------------------------------------------------------
# Accounts on the embedded server
# ---------------------------------------------------------------------------------------------------------------------
FLAVOURS: dict[str, dict[str, bool]] = {
    "plain": {},
    "documented_only": {"documented_only": True},
    "post_before_put": {"post_before_put": True},
    "decorate": {"decorate": True},
}


@dataclass(frozen=True)
class Account:
    """An account, and the requests that :meth:`run` sent to it."""

    settings: Settings
    asked: list[Asked] = field(default_factory=list)

    def run(self, work: Callable[[Client], Awaitable[T]]) -> T:
        async def opened() -> T:
            to = self.settings
            client = Client(url=to.url, org=to.org, account=to.account, key=to.key, retry=IMPATIENT)
            async with recorded(client, self.asked):
                return await work(client)

        return asyncio.run(opened())

    def has(self, *resources: Resource) -> None:
        """Create resources on the server, without dlsync's plan."""
        for one in resources:
            self.run(lambda client, one=one: kind_of(one.kind).create(client, one))  # type: ignore[misc] # the default binds the loop's value
        self.asked.clear()

    def lacks(self, *addresses: str) -> None:
        """Delete resources from the server, without dlsync's plan."""
        for one in map(address, addresses):
            self.run(lambda client, one=one: kind_of(one.kind).delete(client, one.name))  # type: ignore[misc] # see above
        self.asked.clear()

    def live(self, text: str) -> Resource | None:
        """Return a live resource, with its document parsed; None if it is missing."""
        wanted = address(text)
        found = self.run(lambda client: kind_of(wanted.kind).fetch(client, wanted.name))
        return replace(found, given=found.document) if found else None

    def plugins(self) -> list[str]:
        """Return the names of all plugins, with those of dlsync."""
        return sorted(one.name for one in self.run(lambda client: client.plugins.list()))

    def requests(self) -> list[str]:
        """Return the requests since the last call, sorted, because parallel ones come in any order."""
        seen = sorted(map(str, self.asked))
        self.asked.clear()
        return seen


@contextmanager
def account(
    *, documented_only: bool = False, post_before_put: bool = False, decorate: bool = False
) -> Iterator[Account]:
    """Run a server, and yield its empty account."""
    with running(documented_only=documented_only, post_before_put=post_before_put, decorate=decorate) as server:
        yield Account(Settings(url=server.url, org="acme", account="default", key="changeme"))
