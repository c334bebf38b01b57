"""Accounts: an apply creates those that ``accounts:`` in dlsync.yaml names, if they are missing.

Only ``--delete-account`` deletes an account, with everything in it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from dlsync.client import Client, ReadClient
from dlsync.errors import AlreadyExists, NotFound, SettingsError
from dlsync.files import yaml
from dlsync.files.settings import FILE_NAME, Settings
from dlsync.model import Address, FieldChange, Json, Path, Resource
from dlsync.resources.endpoint import Listing
from dlsync.resources.file_format import ExportContext, Files, LoadContext, Loaded, SourceFile
from dlsync.resources.kind import Kind


@dataclass(frozen=True)
class Named(Resource):
    """An account that dlsync.yaml names, with its line there."""

    line: int = 1


class Account(Kind):
    """An account of the organisation; it exists or not, and has no content of its own."""

    name = "account"
    folder = ""
    order = 0
    places = (FILE_NAME,)
    named_by_file = False
    has_names = False
    account_scoped = False

    def claims(self, file: str) -> bool:
        return file == FILE_NAME

    def read(self, sources: Sequence[SourceFile], context: LoadContext = LoadContext()) -> Loaded:
        # those of the chosen environment, if it has its own; the validation of the settings reports errors
        found: dict[str, Resource] = {}
        for source in sources:
            with suppress(yaml.InvalidYaml):
                path, names = _names(yaml.parse(source.content), context.environment)
                lines = yaml.positions(source.content) if names else {}
                for place, name in enumerate(names):
                    line = yaml.nearest(lines, (*path, place))[0] or 1
                    found.setdefault(name, Named(Address(self.name, name), {}, file=source.file, line=line))
        return [*found.values()], []

    def line(self, desired: Resource) -> int:
        return cast("Named", desired).line

    def removed_files(self, desired: Resource, context: ExportContext = ExportContext()) -> Files:
        return {}  # an export covers the content of one account

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        return {}

    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        resources = tuple(Resource(Address(self.name, one.name), {}) for one in await client.accounts.list())
        return Listing(resources, frozenset(one.name for one in resources))

    async def create(self, client: Client, desired: Resource) -> None:
        with suppress(AlreadyExists):  # another client has just created it
            await client.accounts.create(desired.name)

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        pass  # an account that exists does not differ

    async def delete(self, client: Client, name: str) -> None:
        with suppress(NotFound):
            await client.accounts.delete(name)


KIND = Account()


def deletions(names: Iterable[str], settings: Settings, desired: Collection[Address]) -> frozenset[Address]:
    """Return the addresses of the accounts that ``--delete-account`` names.

    :param desired: the resources in the files.
    :raises SettingsError: one of them is the account in use, or dlsync.yaml names it too.
    """
    chosen = frozenset(Address(KIND.name, name) for name in names)
    for address in sorted(chosen):
        if address.name == settings.account:
            problem = f"the account {address.name!r} is the one in use: it cannot be deleted"
            raise SettingsError(problem, hint="Give --account with another one.")
        if address in desired:
            problem = f"the account {address.name!r} is to be deleted, and `accounts` of {FILE_NAME} names it"
            raise SettingsError(problem, hint=f"Take it out of {FILE_NAME}.")
    return chosen


def in_use(settings: Settings) -> Address:
    """Return the account that the settings name."""
    return Address(KIND.name, settings.account)


def _names(document: Json, environment: str) -> tuple[Path, list[str]]:
    paths: list[Path] = [("environments", environment, "accounts")] if environment else []
    for path in (*paths, ("accounts",)):
        found = document
        for step in path:
            found = found.get(str(step)) if isinstance(found, dict) else None
        if found is not None:
            return path, [name for name in found if isinstance(name, str) and name] if isinstance(found, list) else []
    return (), []
