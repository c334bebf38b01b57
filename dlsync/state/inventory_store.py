"""Read and write the inventory where the settings say: in the account itself, in a file, or nowhere."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from dlsync import messages
from dlsync.client import Client, ReadClient
from dlsync.errors import AccountNotFound, AlreadyExists, DlsyncError, NotFound
from dlsync.files.directory import Directory, read_regular, reason
from dlsync.files.settings import Settings
from dlsync.files.writer import replace_file
from dlsync.state import inventory
from dlsync.state.inventory import INVENTORY, BrokenInventory, Inventory

_EXTENSION = "json"
_LARGEST = 256 * 1024 * 1024
_HINT = "Check `inventory` in dlsync.yaml."
_OVERLOOKED = "the account has an inventory, which the server denied before; it is left as it is"
_OTHER_ACCOUNT = (
    "In dlsync.yaml, give each environment an `inventory` of its own. If the account has a new address, delete the "
    "file and run `dlsync inventory rebuild`."
)


async def read(client: ReadClient, settings: Settings, root: Path) -> Inventory:
    """Read the inventory of an account; a missing or a broken one is empty.

    :param root: of the tree, to which the path of an inventory file is relative.
    :raises ApiError: the server did not say whether there is one.
    :raises DlsyncError: the file cannot be read or is of another account, or a newer dlsync wrote the inventory.
    """
    if settings.inventory == "none":
        return inventory.empty(kept=False)
    content = await _in_account(client) if settings.inventory == "account" else _in_file(root, settings.inventory)
    if content is None:
        return inventory.empty()
    try:
        record = inventory.read(content)
    except BrokenInventory as error:
        return inventory.empty(broken=error.message)
    if record.account not in {"", str(settings.target)}:
        place, account = root / settings.inventory, messages.visible(record.account)
        raise DlsyncError(f"the inventory {place} is of {account}, not of {settings.target}", hint=_OTHER_ACCOUNT)
    return record


async def _in_account(client: ReadClient) -> bytes | None:
    try:
        return (await client.plugins.get(INVENTORY)).content
    except (NotFound, AccountNotFound):  # nothing is managed yet, or the plan creates the account
        return None


def _in_file(root: Path, file: str) -> bytes | None:
    try:
        return read_regular(_real_path(root, file), _LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DlsyncError(f"the inventory {root / file} {reason(error)}", hint=_HINT) from error


def _real_path(root: Path, file: str) -> str:
    """Return where the inventory's file really is: outside the directory only if its own path says so."""
    path = Path(os.path.normpath(file))
    if path.is_absolute() or path.parts[:1] == (os.pardir,):
        return os.path.realpath(root / path)
    return Directory(root).real_path(file)


async def write(client: Client, settings: Settings, root: Path, record: Inventory) -> None:
    """Write an inventory; the caller holds the lock. Raise a DlsyncError if it cannot be written."""
    if settings.inventory == "account":
        await _to_account(client, record)
    elif settings.inventory != "none":
        _to_file(root, settings.inventory, replace(record, account=str(settings.target)).content())


async def _to_account(client: Client, record: Inventory) -> None:
    content, note = record.content(), "What dlsync manages in this account"
    create = partial(client.plugins.create, INVENTORY, _EXTENSION, content, description=note)
    try:
        await (client.plugins.update(INVENTORY, content) if record.exists else create())
    except AlreadyExists as error:
        if await _in_account(client) != content:  # not the create whose answer was lost
            raise DlsyncError(_OVERLOOKED, hint="Run the same command again.") from error
    except NotFound:
        await create()


def _to_file(root: Path, file: str, content: bytes) -> None:
    try:
        replace_file(_real_path(root, file), content)
    except OSError as error:
        raise DlsyncError(f"the inventory {root / file} cannot be written: {error.strerror}", hint=_HINT) from error
