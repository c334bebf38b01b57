"""Accounts: those that ``accounts:`` in dlsync.yaml names are created where they are missing.

Nothing but a flag that names it deletes one, with all that is in it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dlsync.diff.list_match import ListMatching
from dlsync.errors import AlreadyExists, NotFound, SettingsError
from dlsync.files import yaml
from dlsync.files.settings import FILE_NAME
from dlsync.model import Address, Resource
from dlsync.resources.context import (
    BARE,
    BLANK,
    UNKNOWN,
    CachedVersion,
    ExportContext,
    Listing,
    LoadContext,
    SourceFile,
)
from dlsync.resources.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.files.settings import Settings
    from dlsync.model import FieldChange, Json, Path, Problem
    from dlsync.state.sealed_values import Seal


@dataclass(frozen=True)
class Named(Resource):
    """An account that dlsync.yaml names, and the line of that."""

    line: int = 1


class Account(Kind):
    """An account of the organisation; it is there or not."""

    name = "account"
    folder = ""
    order = 0
    named_by_file = False
    account_scoped = False

    @property
    def places(self) -> tuple[str, ...]:
        """Return dlsync.yaml."""
        return (FILE_NAME,)

    def claims(self, file: str) -> bool:
        """Whether it is dlsync.yaml."""
        return file == FILE_NAME

    def read(self, sources: Sequence[SourceFile], scene: LoadContext = BARE) -> tuple[list[Resource], list[Problem]]:
        """Read ``accounts:``, the chosen environment's where it has its own; what is wrong there, the settings say."""
        found: dict[str, Resource] = {}
        for source in sources:
            with suppress(yaml.InvalidYaml):
                path, names = _names(yaml.parse(source.content), scene.environment)
                lines = yaml.positions(source.content) if names else {}
                for place, name in enumerate(names):
                    line = yaml.nearest(lines, (*path, place))[0] or 1
                    found.setdefault(name, Named(Address(self.name, name), {}, file=source.file, line=line))
        return [*found.values()], []

    def line(self, desired: Resource) -> int:
        """Return the line of its name."""
        return cast("Named", desired).line

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Return dlsync.yaml; an account that is there does not differ."""
        return desired.file, tuple(diff)

    def new_files(self, live: Resource, stem: str, draft: ExportContext = BLANK) -> dict[str, bytes | None]:  # noqa: ARG002 - see inside
        """Return none: an export is about what is in one account."""
        return {}

    def edited_files(self, desired: Resource, live: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:  # noqa: ARG002 - see inside
        """Return none, as above."""
        return {}

    def removed_files(self, desired: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:  # noqa: ARG002 - see inside
        """Return none, as above."""
        return {}

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:  # noqa: ARG002 - an account has no fields of the user's
        """Return nothing: it is there or not."""
        return {}

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:  # noqa: ARG002 - see canonical
        """Return the account: no side has anything to win."""
        return desired

    def saved(self, live: Resource, seal: Seal) -> dict[str, Json]:  # noqa: ARG002 - see canonical
        """Return nothing: what is in an account no journal holds."""
        return {}

    def restored(self, name: str, saved: Mapping[str, Json]) -> Resource:  # noqa: ARG002 - see canonical
        """Return the account, with nothing in it."""
        return Resource(Address(self.name, name), {})

    def list_rule(self, path: Path) -> ListMatching:  # noqa: ARG002 - there are no lists
        """Return the rule for lists that nothing is known of."""
        return ListMatching()

    def is_server_managed(self, path: Path, field: str) -> bool:  # noqa: ARG002 - see canonical
        """Return True: all of an account is the server's own business."""
        return True

    async def list(self, client: ReadClient, unless: str = "") -> Listing:  # noqa: ARG002 - it is short
        """GET ``/orgs/<org>/accounts``."""
        resources = tuple(Resource(Address(self.name, one.name), {}) for one in await client.accounts.list())
        return Listing(resources, frozenset(one.name for one in resources))

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = UNKNOWN) -> Resource | None:  # noqa: ARG002 - the list is short
        """GET ``/orgs/<org>/accounts``, and of them one."""
        found = (await self.list(client)).resources
        return next((one for one in found if one.name == name), None)

    async def create(self, client: Client, desired: Resource) -> None:
        """POST ``/orgs/<org>/accounts``; one that somebody else has just made is as good."""
        with suppress(AlreadyExists):
            await client.accounts.create(desired.name)

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """Do nothing: an account that is there does not differ."""

    async def delete(self, client: Client, name: str) -> None:
        """DELETE ``/orgs/<org>/accounts/<name>``, with all that is in it."""
        with suppress(NotFound):
            await client.accounts.delete(name)


KIND = Account()


def deletions(names: Iterable[str], settings: Settings, desired: Collection[Address]) -> frozenset[Address]:
    """Return the accounts that are to be deleted because somebody named them.

    :param settings: of which the account in use counts.
    :param desired: what the files say.
    :raises SettingsError: one of them is the account in use, or dlsync.yaml says that there is such an account.
    """
    chosen = frozenset(Address(KIND.name, name) for name in names)
    for address in sorted(chosen):
        if address.name == settings.account:
            raise SettingsError(
                f"the account {address.name!r} is the one in use: it cannot be deleted",
                hint="Give --account with another one.",
            )
        if address in desired:
            raise SettingsError(
                f"the account {address.name!r} is to be deleted, and `accounts` of {FILE_NAME} names it",
                hint=f"Take it out of {FILE_NAME}.",
            )
    return chosen


def in_use(settings: Settings) -> Address:
    """Return the account that the settings name."""
    return Address(KIND.name, settings.account)


def _names(document: Json, environment: str) -> tuple[Path, list[str]]:
    path: Path = ("accounts",)
    found = _under(document, path)
    if environment and (own := _under(document, ("environments", environment, "accounts"))) is not None:
        path, found = ("environments", environment, "accounts"), own
    return path, [name for name in found if isinstance(name, str) and name] if isinstance(found, list) else []


def _under(document: Json, path: Path) -> Json:
    for step in path:
        document = document.get(str(step)) if isinstance(document, dict) else None
    return document
