"""The lock of an account: one apply at a time. A plugin, since to create one is atomic (API.md, "Observed").

Whoever holds it renews it; one that is not renewed for a while is dead. A dead lock is taken over under a second lock
that is named after it, so that of several who see it dead only one takes it over.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError, NotFound, Refused
from dlsync.state import lease
from dlsync.state.inventory import LOCK
from dlsync.state.lease import REAL, RENEWAL, SAFE, Clock, LockAcquisition, LockInfo, content, holder_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from dlsync.client import Client

_LOST = "lock lost; nothing more is written"
_AGAIN = "Run the same again."


class Lock:
    """The lock of one account for one run.

    :param owner: who to ask, in words.
    :param timeout: seconds to wait for another to be done.
    :param told: is told that it is waited for.
    """

    def __init__(
        self,
        client: Client,
        owner: str,
        timeout: float,
        told: Callable[[str], None],
        clock: Clock = REAL,
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._told = told
        self._clock = clock
        self._me = LockInfo(owner=owner, process=lease.mine())
        self._renewed = 0.0
        self._held = False
        self._renewing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # of several writes that ask at once, one takes it

    async def acquire(self) -> None:
        """Take the lock, or wait until it can be taken.

        :raises Refused: another holds it; says who.
        :raises AccountNotFound: there is no such account yet.
        """
        since = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="seconds")
        # with an id of its own: what an attempt that failed has left is as old as that was
        self._me = replace(self._me, id=uuid.uuid4().hex, since=since)
        taking = LockAcquisition(self._client, self._clock, self._me, self._clock.steady() + self._timeout, self._told)
        await taking.take(LOCK)
        self._renewed, self._held = taking.begun, True
        await self._renew_again()
        self._renewing = asyncio.create_task(self._renew_for_ever())

    async def require(self) -> None:
        """Take the lock where it could not be taken before, for want of an account; return only while it is held.

        :raises Refused: it was lost: too long without an answer of the server, or somebody has unlocked.
        """
        async with self._turn:
            if self._renewing is None:
                await self.acquire()
        await self._check()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Write in this block, and only while the lock is held: that is checked before each attempt of each request.

        :raises Refused: as :meth:`require`.
        """
        await self.require()
        with self._client.only_while(self._check):
            yield

    async def _check(self) -> None:
        if not self._held:
            raise Refused(_LOST, hint=_AGAIN)
        await self._check_time()

    async def _check_time(self) -> None:
        """Require that nobody else can have taken it; what is sent late of the lock itself would come after theirs."""
        if self._clock.steady() > self._renewed + SAFE:
            raise Refused(_LOST, hint=_AGAIN)

    async def release(self) -> None:
        """Give the lock back; one that was lost is another's and stays."""
        if self._renewing is None:
            return
        self._renewing.cancel()
        await asyncio.wait([self._renewing])  # what it has sent would come after the next holder's
        if self._is_safe():
            self._held = False
            # where that fails, whoever comes next finds it dead
            with suppress(DlsyncError), self._client.only_while(self._check_time), self._client.urgently():
                if await self._is_mine():
                    await self._client.plugins.delete(LOCK)

    async def _renew_for_ever(self) -> None:
        while self._held:
            await self._clock.sleep(RENEWAL)
            await self.renew()
            await self._renew_again()

    async def _renew_again(self) -> None:
        """Renew where the last answer was long in coming: the lock is as old as its request."""
        if self._clock.steady() > self._renewed + RENEWAL:
            await self.renew()

    async def renew(self) -> None:
        """Say that the holder lives; that it could not be said shows in :meth:`require`."""
        if not self._is_safe():
            return  # it may be another's by now
        try:
            with self._client.only_while(self._check_time), self._client.urgently():
                self._held = await self._is_mine()
                begun = self._clock.steady()
                if self._held:
                    await self._client.plugins.update(LOCK, content(self._me, self._clock))
                    self._renewed = begun
        except NotFound:
            self._held = False
        except DlsyncError:
            return

    def _is_safe(self) -> bool:
        return self._held and self._clock.steady() <= self._renewed + SAFE

    async def _is_mine(self) -> bool:
        """Whether nobody has unlocked, and somebody else locked, in between."""
        holder = await holder_of(self._client)
        return holder is not None and holder.id == self._me.id
