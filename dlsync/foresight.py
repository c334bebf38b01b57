"""New files of an export, worked out while other resources are still on their way; nothing is written here."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync import likely_secrets
from dlsync.errors import DlsyncError
from dlsync.kinds import kind_of
from dlsync.naming import file_stem
from dlsync.together import in_turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Mapping

    from dlsync.kinds import Draft
    from dlsync.model import Address, Problem, Resource
    from dlsync.ownership.inventory import Inventory

_LOOKED_THROUGH = 3  # entries of the inventory, half a millisecond; answers that came meanwhile are looked at then
_TURNS = 3  # of the loop, in which an answer is taken and its connection sends the next request: that goes first


def written_anew(live: Resource, stem: str, draft: Draft) -> Mapping[str, bytes | None]:
    """Return the files of a resource that the tree has not.

    :raises DlsyncError: no file can hold it.
    """
    require_allowed(live)
    return kind_of(live.kind).new_files(live, stem, draft)


def require_allowed(live: Resource) -> None:
    """Return where a file may hold a resource: one that the next run refuses would stop that run, and all after it.

    :raises DlsyncError: it may not.
    """
    faults = kind_of(live.kind).faults(live)
    if errors := [one for one in faults if one.severity == "error"]:
        raise DlsyncError(f"the server has it in a form that its file must not have: {errors[0].message}")


@dataclass(frozen=True, slots=True)
class _Foreseen:
    live: Resource
    stem: str
    files: Mapping[str, bytes | None]


class Foresight:
    """What is likely written for the resources that have come so far.

    :param draft: what it is written with, if no secret of an earlier apply is live.
    :param in_tree: the resources that have files, which are edited in the end.
    """

    def __init__(self, draft: Draft, in_tree: Collection[Address] = ()) -> None:
        self._draft = draft
        self._in_tree = in_tree
        self._coming: asyncio.Queue[Resource] = asyncio.Queue()
        self._foreseen: dict[Address, _Foreseen] = {}
        self._exposed: dict[str, tuple[bytes, list[Problem]]] = {}
        self._knows_no_secrets = False

    def take(self, live: Resource) -> None:
        """Take a resource that has come; it is worked on in its turn."""
        if live.address not in self._in_tree and kind_of(live.kind).named_by_file:
            self._coming.put_nowait(live)

    @asynccontextmanager
    async def of(self, reading: Coroutine[object, object, Inventory]) -> AsyncIterator[asyncio.Task[Inventory]]:
        """Work while the block goes on, in turns short enough that no answer waits for it.

        :param reading: reads what knows of secrets of an earlier apply.
        """
        inventory = asyncio.create_task(reading)
        work = asyncio.create_task(self._work(inventory))
        try:
            yield inventory
        finally:
            for task in (work, inventory):
                task.cancel()
            await asyncio.gather(work, inventory, return_exceptions=True)

    async def _work(self, reading: asyncio.Task[Inventory]) -> None:
        self._knows_no_secrets = await _holds_no_secrets(await reading)
        while self._knows_no_secrets:
            self._foresee(await self._coming.get())
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    def former_secrets(self, inventory: Inventory, live: Iterable[Resource]) -> dict[str, str]:
        """Return :meth:`Inventory.former_secrets`, which need not be asked where it was found to know of none."""
        return {} if self._knows_no_secrets else inventory.former_secrets(live)

    def _foresee(self, live: Resource) -> None:
        try:
            stem = file_stem(live.name)
            files = written_anew(live, stem, self._draft)
        except DlsyncError:  # which is said by whoever writes it
            return
        self._foreseen[live.address] = _Foreseen(live, stem, files)
        self._exposed |= {
            file: (content, likely_secrets.problems(file, content)) for file, content in files.items() if content
        }

    def files(self, live: Resource, stem: str) -> Mapping[str, bytes | None] | None:
        """Return the files of a resource; None where they were not foreseen."""
        found = self._foreseen.get(live.address)
        return found.files if found and found.live is live and found.stem == stem else None

    def exposed(self, file: str, content: bytes) -> list[Problem]:
        """Return the likely secrets in a file."""
        seen, problems = self._exposed.get(file, (None, []))
        return problems if seen is content else likely_secrets.problems(file, content)


async def _holds_no_secrets(inventory: Inventory) -> bool:
    looked_through = in_turns(inventory, size=_LOOKED_THROUGH)
    return all([inventory.knows_no_secrets(address) async for address in looked_through])
