"""The lock of an account, which allows one apply at a time: a plugin, because a server creates each name only once.

The holder renews the lock; one that is not renewed for a while is dead. To take over a dead lock, a run first takes a
second lock that is named after it, so that only one of several runs succeeds.
"""

import asyncio
import json
import os
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path

import msgspec

from dlsync.client import Client, ReadClient
from dlsync.errors import AccountNotFound, AlreadyExists, DlsyncError, NotFound, Refused, Rejected
from dlsync.messages import visible
from dlsync.state.inventory import LOCK

RENEWAL = 10.0  # s between renewals
# s after a renewal in which the holder still writes: longer than RENEWAL and the longest accepted Retry-After
SAFE = 45.0
LIFETIME = 75.0  # s without a renewal, after which others may take it: the last 30 are for requests in flight
_POLL = 1.0  # s between requests for a lock that another holds
_MAX_REJECTIONS = 5
_MAX_NESTED = 10  # locks, each of a holder that died while it took over another
_ID = re.compile("[0-9a-f]{32}")
# counts while the machine sleeps: a holder that wakes up an hour later has lost the lock
_STEADY = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
_PROC = Path("/proc")
_PROCESS = re.compile("([0-9a-f]{16}):([0-9]{1,9}):[0-9]+")
_START = 19  # of /proc/<pid>/stat, behind the name: proc(5), field 22


@dataclass(frozen=True)
class Clock:
    """Tells the time and waits."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = _STEADY
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


REAL = Clock()


@dataclass(frozen=True)
class LockInfo:
    """Who holds a lock.

    :param id: of the run; empty if dlsync did not make the lock.
    :param owner: in words; may hold anything, because others write it.
    :param expires: seconds since 1970 by the holder's clock; it only matters that each renewal changes it.
    :param process: see :func:`process_id`.
    """

    id: str = ""
    owner: str = "an unknown user"
    since: str = ""
    expires: float = 0.0
    process: str = ""

    def __str__(self) -> str:
        since = f" since {visible(self.since)}" if self.since else ""
        return f"{visible(self.owner)}{since}"

    def renewed(self, clock: Clock) -> bytes:
        """Return the content of the lock with a renewal at this moment."""
        return json.dumps(asdict(replace(self, expires=clock.wall() + LIFETIME))).encode()


_RELEASED = LockInfo(owner="a run that has just released it")


async def holder_of(client: ReadClient, name: str = LOCK) -> LockInfo | None:
    """Return who holds a lock; None if it is free."""
    try:
        content = (await client.plugins.get(name)).content
    except (NotFound, AccountNotFound):
        return None
    try:
        holder = msgspec.convert(json.loads(content), LockInfo)
    except (ValueError, OverflowError, RecursionError):
        return LockInfo()
    return holder if _ID.fullmatch(holder.id) else LockInfo()


async def remove(client: Client) -> None:
    """Remove the lock, and the locks for taking it over, even if the server does not list them."""
    name, names = LOCK, list[str]()
    while len(names) < _MAX_NESTED and (holder := await holder_of(client, name)):
        names.append(name)
        name = f"{name}.{holder.id}"
    names += [entry.name for entry in await client.plugins.list() if entry.name.startswith(f"{LOCK}.")]
    for name in dict.fromkeys(names):
        with suppress(NotFound):
            await client.plugins.delete(name)


class Lock:
    """The lock of one account for one run."""

    def __init__(
        self, client: Client, owner: str, timeout: float, on_wait: Callable[[str], None], clock: Clock = REAL
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._on_wait = on_wait
        self._clock = clock
        self._me = LockInfo(owner=owner, process=process_id())
        self._deadline = 0.0
        self._renewed = 0.0  # when the last write was sent that keeps others from taking the lock
        self._seen: dict[str, tuple[float, float]] = {}  # by holder: its expiry, and when that was seen
        self._waits = False
        self._rejections = 0
        self._held = False
        self._renewing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # of several writes at once, one takes the lock of the account

    async def acquire(self) -> None:
        """Take the lock, or wait until it is free.

        :raises Refused: another run holds it; the message says which.
        :raises AccountNotFound: the account does not exist yet.
        """
        since = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="seconds")
        # with a new id: a lock that a failed attempt left is as old as that attempt
        self._me = replace(self._me, id=uuid.uuid4().hex, since=since)
        self._deadline = self._clock.steady() + self._timeout
        await self.take(LOCK)
        self._held = True
        await self._renew_overdue()
        self._renewing = asyncio.create_task(self._renew_for_ever())

    async def take(self, name: str) -> None:
        """Take a lock by its name; raise Refused if another run holds it for longer than the timeout."""
        while not await self._created(name):
            holder = await holder_of(self._client, name) or _RELEASED
            if holder.id == self._me.id:
                return  # only the answer to the create was lost
            if self._is_dead(holder) and await self._taken_over(name, holder):
                return
            await self._wait(holder)

    async def _created(self, name: str) -> bool:
        self._renewed = 0.0
        try:
            with self._client.only_while(self._begin):
                content = self._me.renewed(self._clock)
                await self._client.plugins.create(name, "json", content, description="An apply is going on")
        except AlreadyExists:
            return False
        except Rejected:  # perhaps it was released each time before the client could ask whether it exists
            self._rejections += 1
            if self._rejections == _MAX_REJECTIONS:
                raise
            return False
        return True

    async def _begin(self) -> None:
        self._renewed = self._renewed or self._clock.steady()

    def _is_dead(self, holder: LockInfo) -> bool:
        now = self._clock.steady()
        if not holder.id:
            return False  # dlsync did not write it, so only `dlsync unlock` removes it
        expires, since = self._seen.get(holder.id, (0.0, now))
        if expires != holder.expires:
            self._seen[holder.id] = holder.expires, now
            since = now
        # never by the time of day: a machine with a wrong clock would take a lock that is alive
        return now - since > LIFETIME or has_ended(holder.process)

    async def _taken_over(self, name: str, dead: LockInfo) -> bool:
        under = f"{name}.{dead.id}"
        await self.take(under)
        with self._client.only_while(self._check_time), self._client.urgently():
            try:
                if await holder_of(self._client, name) != dead or self._is_late():
                    return False  # another run was faster, the holder is alive, or this run counts as dead itself
                await self._client.plugins.update(name, self._me.renewed(self._clock))
            except (NotFound, Refused):
                return False
            else:
                return True
            finally:
                if not self._is_late():
                    with suppress(NotFound, Refused):
                        await self._client.plugins.delete(under)

    async def _wait(self, holder: LockInfo) -> None:
        left = self._deadline - self._clock.steady()
        if left <= 0:
            raise Refused(
                f"another apply is going on: the account is locked by {holder}",
                hint="Wait for it with --lock-timeout SECONDS; if that process is dead, run `dlsync unlock`.",
            )
        if not self._waits:
            self._on_wait(f"The account is locked by {holder}; waiting for up to {left:.0f} s.")
            self._waits = True
        await self._clock.sleep(min(_POLL, left))

    async def require(self) -> None:
        """Require the lock, and take it first if the account has only just been created.

        :raises Refused: the lock was lost: the server did not answer for too long, or the account was unlocked.
        """
        async with self._turn:
            if self._renewing is None:
                await self.acquire()
        await self._check()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Check in this block that the lock is held, before each attempt of each write; see :meth:`require`."""
        await self.require()
        with self._client.only_while(self._check):
            yield

    async def _check(self) -> None:
        if not self._held or self._is_late():
            raise _lost()

    async def _check_time(self) -> None:
        """Require that no other run can have taken the lock: a late request would overwrite that run's lock."""
        if self._is_late():
            raise _lost()

    def _is_late(self) -> bool:
        return self._clock.steady() > self._renewed + SAFE

    async def release(self) -> None:
        """Release the lock; a lock that was lost belongs to another run and stays."""
        if self._renewing is None:
            return
        self._renewing.cancel()
        await asyncio.wait([self._renewing])  # its last request could overwrite the next holder's lock
        if self._held and not self._is_late():
            self._held = False
            # if that fails, the next run finds the lock dead
            with suppress(DlsyncError), self._client.only_while(self._check_time), self._client.urgently():
                if await self._is_mine():
                    await self._client.plugins.delete(LOCK)

    async def _renew_for_ever(self) -> None:
        while self._held:
            await self._clock.sleep(RENEWAL)
            await self.renew()
            await self._renew_overdue()

    async def _renew_overdue(self) -> None:
        """Renew if the last answer came late: the lock is as old as the request."""
        if self._clock.steady() > self._renewed + RENEWAL:
            await self.renew()

    async def renew(self) -> None:
        """Renew the lock; :meth:`require` reports a failure."""
        if not self._held or self._is_late():
            return  # another run may hold it by now
        try:
            with self._client.only_while(self._check_time), self._client.urgently():
                self._held = await self._is_mine()
                begun = self._clock.steady()
                if self._held:
                    await self._client.plugins.update(LOCK, self._me.renewed(self._clock))
                    self._renewed = begun
        except NotFound:
            self._held = False
        except DlsyncError:
            return

    async def _is_mine(self) -> bool:
        """Whether this run still holds the lock; it may have been unlocked and taken by another run."""
        holder = await holder_of(self._client)
        return holder is not None and holder.id == self._me.id


def _lost() -> Refused:
    return Refused("lock lost; nothing more is written", hint="Run the same command again.")


def process_id(proc: Path = _PROC, number: int | None = None) -> str:
    """Return an id that no other process of any machine has; empty if the system does not tell."""
    number = os.getpid() if number is None else number
    try:
        # the name of a process is in parentheses and may hold anything
        start = (proc / str(number) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    machine = _machine(proc)
    return f"{machine}:{number}:{start[_START]}" if machine and len(start) > _START else ""


def has_ended(process: str, proc: Path = _PROC) -> bool:
    """Whether a process ran since the last start of this machine, and has ended."""
    found = _PROCESS.fullmatch(process)
    if found is None or found[1] != _machine(proc):
        return False
    number = int(found[2])
    try:  # procfs alone does not tell if it hides the processes of other users
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return process_id(proc, number) not in {"", process}


def _machine(proc: Path) -> str:
    """Return a digest of the last start of this machine and of the container that the process runs in."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = os.readlink(proc / "self/ns/pid")  # noqa: PTH115 - pathlib would take the link's text for a path
    except OSError:
        return ""
    return blake2b(f"{boot}{namespace}".encode(), digest_size=8).hexdigest()
