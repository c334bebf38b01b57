"""What the commands do, as functions: the whole of dlsync, usable without its command line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from dlsync import (
    annotator,
    applier,
    environments,
    exporter,
    file_writer,
    guards,
    planner,
    saved_plan,
    state_reader,
    validator,
)
from dlsync import settings as settings_file
from dlsync.client import Client, ReadClient
from dlsync.kinds import account
from dlsync.sent import sent_files
from dlsync.settings import Options
from dlsync.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from dlsync.exporter import Export
    from dlsync.model import Plan, Problem
    from dlsync.saved_plan import SavedPlan
    from dlsync.sent import SentFile
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree

C = TypeVar("C", bound=ReadClient)
T = TypeVar("T")
EVERYTHING = Targets()
NO_OPTIONS = Options()
NOTHING: Mapping[str, str] = MappingProxyType({})


def _silent() -> None:
    """Report no progress."""


def _unheard(_: Problem) -> None:
    """Tell nobody."""


def client_for(of: type[C], settings: Settings) -> C:
    """Return a client of the account that the settings name; ``async with`` opens it.

    :param of: :class:`ReadClient`, or for what also writes :class:`Client`.
    :raises SettingsError: the URL, the names or the key cannot be used.
    """
    return of(
        url=settings.url,
        org=settings.org,
        account=settings.account,
        key=settings.key,
        concurrency=settings.concurrency,
        requests_per_second=settings.requests_per_second,
        insecure=settings.insecure,
    )


async def reading(settings: Settings, question: Callable[[ReadClient], Awaitable[T]]) -> T:
    """Return what the question finds out with a client that can only ask."""
    async with client_for(ReadClient, settings) as client:
        return await question(client)


async def writing(settings: Settings, work: Callable[[Client], Awaitable[T]]) -> T:
    """Return what the work returns, done with a client that can write."""
    async with client_for(Client, settings) as client:
        return await work(client)


def validate(directory: Path, options: Options = NO_OPTIONS, environ: Mapping[str, str] = NOTHING) -> Tree:
    """Read a tree and all that is wrong with it, offline; see :func:`dlsync.validator.validate`.

    :param options: of which the environment counts.
    :param environ: what ``${env:NAME}`` stands for, and DLSYNC_ENVIRONMENT.
    :returns: the tree, with errors and warnings of dlsync.yaml and of every other file in ``problems``.
    :raises InvalidTree: the directory itself cannot be read.
    :raises SettingsError: there is no such environment.
    """
    return validator.validate(directory, options, environ)


def render(
    directory: Path,
    options: Options = NO_OPTIONS,
    environ: Mapping[str, str] = NOTHING,
    *,
    targets: Targets = EVERYTHING,
) -> tuple[Tree, list[SentFile]]:
    """Return a tree and its files as they are sent, offline.

    :param options: of which the environment counts.
    :raises InvalidTree: the files have errors.
    :raises SettingsError: dlsync.yaml has errors, or there is no such environment.
    """
    state_reader.require_directory(directory)
    settings = settings_file.load(directory, options, environ, require_server=False)
    tree = environments.read(directory, settings).usable()
    return tree, list(sent_files(tree, targets))


async def plan(
    directory: Path,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    delete_accounts: Sequence[str] = (),
    progress: Callable[[], None] = _silent,
) -> Plan:
    """Say what an apply would change.

    :param delete_accounts: their names; nothing else deletes an account.
    :raises SettingsError: an account is to be deleted that is in use, or that dlsync.yaml names.
    :raises InvalidTree: the files have errors.
    :raises ApiError: the live state could not be fetched.
    :raises Refused: the files hold nothing, and the plan would delete.
    """
    tree = environments.read(directory, settings).usable()
    async with client_for(ReadClient, settings) as client:
        doomed = account.deletions(delete_accounts, settings, tree.resources)
        return await planner.plan(client, tree, settings, targets=targets, doomed=doomed, progress=progress)


async def apply(
    directory: Path,
    settings: Settings,
    *,
    approve: Callable[[Plan], bool],
    targets: Targets = EVERYTHING,
    delete_accounts: Sequence[str] = (),
    promised: SavedPlan | None = None,
    progress: Callable[[], None] = _silent,
    warn: Callable[[Problem], None] = _unheard,
) -> Plan | None:
    """Plan, ask, and make it so.

    :param approve: is shown a plan with changes; nothing is written unless it returns True.
    :param delete_accounts: their names; nothing else deletes an account.
    :param promised: a saved plan; anything but exactly that is refused.
    :param warn: is told what went wrong besides the plan: an annotation that could not be posted.
    :returns: the plan with its results, or None where it was not approved.
    :raises Refused: a guard holds the plan back, or it is not the one promised.
    """
    tree = environments.read(directory, settings).usable()
    async with client_for(Client, settings) as client:
        doomed = account.deletions(delete_accounts, settings, tree.resources)
        made = await planner.plan(client, tree, settings, targets=targets, doomed=doomed, progress=progress)
        if promised is not None:
            saved_plan.refuse_if_stale(promised, made)
        guards.refuse_excess(made, settings.max_delete_percent)
        if made and not approve(made):
            return None
        done = await applier.apply(client, made, tree.resources, concurrency=settings.concurrency, progress=progress)
        for problem in await annotator.annotate(client, done, tree, settings):
            warn(problem)
        return done


async def export(
    directory: Path,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    managed: bool = False,
    mirror: bool = False,
    check: bool = False,
    progress: Callable[[], None] = _silent,
) -> Export:
    """Write the live state into files.

    :param check: write nothing, only say what would be written.
    :raises InvalidTree: the files that are there have errors.
    """
    tree = environments.read(directory, settings, missing_ok=True).usable()
    async with client_for(ReadClient, settings) as client:
        made = await exporter.export(
            client, tree, settings, targets=targets, managed=managed, mirror=mirror, progress=progress
        )
    if not check:
        file_writer.write(directory, made.files)
    return made
