"""Check settings, files and server, and say how to fix what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dlsync import operations
from dlsync.client import ReadClient
from dlsync.client.optional_operations import OBSERVED, OptionalOperation
from dlsync.errors import AccountNotFound, ApiError, BadAnswer, DlsyncError, ServerFault, Unauthorised, Unreachable
from dlsync.files import settings
from dlsync.files.settings import Options, Setting, Settings, settings_in_force
from dlsync.messages import listed, near_miss
from dlsync.operations.plan import lock_message
from dlsync.operations.plan_warnings import unread
from dlsync.operations.session import read_inventory
from dlsync.resources import environments

Status = Literal["ok", "problem", "unknown"]
_NO_ACCOUNT = "Check `account`; `dlsync accounts create` creates one, and so does an apply if `accounts` lists it."
_NO_SERVER = (Unreachable, ServerFault, BadAnswer)
_UNSET = "Set it here; without it `dlsync plan` stops, and names each with its line."
_FORBIDDEN = "the key may not list the accounts"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    status: Status
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The settings in force and the results of all checks."""

    settings: tuple[Setting, ...]
    checks: tuple[Check, ...]

    @property
    def is_well(self) -> bool:
        """Whether there is no problem."""
        return all(check.status != "problem" for check in self.checks)


async def examine(
    directory: Path, options: Options, environ: Mapping[str, str], *, insecure: bool = False
) -> Diagnosis:
    """Check settings, files and server; send only GET, and return errors instead of raising them.

    :param insecure: allow plain HTTP to another machine.
    """
    files = _files(directory, options, environ)
    try:
        loaded = replace(settings.load(directory, options, environ), insecure=insecure)
    except DlsyncError as error:
        unknown = Check("server", "unknown", "not checked, because the settings have errors")
        checks = [_problem("settings", error), files, unknown]
    else:
        files = files if files.status == "problem" else _references(directory, loaded, files)
        checks = [Check("settings", "ok", "complete"), files, *await _server(loaded, directory)]
    return Diagnosis(settings_in_force(directory, options, environ), tuple(checks))


def _problem(name: str, error: DlsyncError) -> Check:
    first, _, others = error.message.partition("\n")
    lines = "; ".join(" ".join(line.split()) for line in others.splitlines())
    return Check(name, "problem", f"{' '.join(first.split())} {lines}".rstrip(), error.hint)


def _files(directory: Path, options: Options, environ: Mapping[str, str]) -> Check:
    try:
        tree = operations.validate(directory, options, environ)
    except DlsyncError as error:
        return _problem("files", error)
    counts = f"resources: {len(tree.resources)}, errors: {len(tree.errors)}, warnings: {len(tree.warnings)}"
    if tree.errors:
        return Check("files", "problem", counts, "Run `dlsync validate`, which names each with its line.")
    return Check("files", "ok", counts)


def _references(directory: Path, loaded: Settings, files: Check) -> Check:
    """Return the check of the files, with what an apply needs and the check of a pull request does not."""
    errors = environments.read(directory, loaded).errors
    if not errors:
        return files
    return replace(files, status="problem", message=f"{files.message}; {listed(errors, 1)}", advice=_UNSET)


async def _server(loaded: Settings, directory: Path) -> list[Check]:
    async def question(client: ReadClient) -> list[Check]:
        checks, is_usable = await _account(client, loaded)
        if not is_usable:
            return checks
        if held := await lock_message(client):
            checks.append(Check("lock", "unknown", held))
        checks.append(await _inventory(client, loaded, directory))
        return [*checks, *[await _operation(client, one) for one in OBSERVED]]

    try:
        return await operations.reading(loaded, question)
    except DlsyncError as error:  # a URL that no client accepts
        return [_problem("server", error)]


async def _account(client: ReadClient, loaded: Settings) -> tuple[list[Check], bool]:
    """Return the checks of server, key and account, and whether more can be checked there."""
    reached = Check("server", "ok", f"reached at {loaded.url}")
    accepted = Check("key", "ok", "accepted")
    try:
        names = [account.name for account in await client.accounts.list()]
    except _NO_SERVER as error:
        return [_problem("server", error)], False
    except Unauthorised as error:
        return await _without_list(client, reached, error)
    except AccountNotFound as error:
        unknown = Check("key", "unknown", "not known before the organisation is found")
        return [reached, unknown, _problem("account", error)], False
    except ApiError as error:
        return [reached, _problem("key", error)], False
    sees = Check("accounts", "ok", f"the key sees {', '.join(sorted(names)) or 'none'}")
    if loaded.account not in names:
        guess = near_miss(loaded.account, tuple(names))
        advice = f"Did you mean {guess!r}?" if guess else _NO_ACCOUNT
        message = f"organisation {loaded.org!r} has no account {loaded.account!r}"
        return [reached, accepted, sees, Check("account", "problem", message, advice)], False
    return [reached, accepted, sees, Check("account", "ok", f"{loaded.org}/{loaded.account} is there")], True


async def _inventory(client: ReadClient, loaded: Settings, directory: Path) -> Check:
    try:
        inventory = await read_inventory(client, loaded, directory)
    except DlsyncError as error:
        return _problem("inventory", error)
    if warning := next(unread(inventory), None):
        return Check("inventory", "unknown", warning.message)
    return Check("inventory", "ok", f"resources: {len(inventory.packed)}")


async def _without_list(client: ReadClient, reached: Check, refused: Unauthorised) -> tuple[list[Check], bool]:
    """Tell a key that is not accepted from a key that may use the account, but not list the accounts."""
    try:
        await client.plugins.list()
    except ApiError:
        return [reached, _problem("key", refused)], False
    return [reached, Check("key", "ok", "accepted"), Check("accounts", "unknown", _FORBIDDEN)], True


async def _operation(client: ReadClient, one: OptionalOperation) -> Check:
    name = f"operation {one.name}"
    try:
        is_there = await one.is_there(client)
    except ApiError as error:
        return replace(_problem(name, error), status="unknown")
    if is_there is None:
        why = "not known without writing" if one.ask is None else "not known, since there is nothing to try it on"
        return Check(name, "unknown", why)
    return Check(name, "ok", "the server has it" if is_there else f"the server does not have it; {one.without}")
