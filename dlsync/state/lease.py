"""Who holds a lock, and taking one: with patience, and from the dead."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlsync.errors import AccountNotFound, AlreadyExists, NotFound, Refused, Rejected
from dlsync.messages import visible
from dlsync.state.inventory import LOCK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.client import Client, ReadClient


_PROC = Path("/proc")
_MARK = re.compile("([0-9a-f]{16}):([0-9]{1,9}):[0-9]+")
_START = 19  # of /proc/<pid>/stat, behind the name: proc(5), field 22


def mine(proc: Path = _PROC) -> str:
    """Return what tells this process from all others, on every machine; empty where the system does not say.

    :param proc: where procfs is mounted.
    """
    return _mark(os.getpid(), proc)


def has_ended(mark: str, proc: Path = _PROC) -> bool:
    """Whether the process of a mark ran on this machine, since it was started last, and runs no more.

    :param mark: what :func:`mine` returned there.
    """
    found = _MARK.fullmatch(mark)
    if found is None or found[1] != _machine(proc):
        return False
    number = int(found[2])
    return _is_gone(number) or _mark(number, proc) not in {"", mark}


def _is_gone(number: int) -> bool:
    """Whether there is no such process; procfs alone does not tell, where it hides those of other users."""
    try:
        os.kill(number, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def _mark(number: int, proc: Path) -> str:
    machine = _machine(proc)
    try:
        # the name of a process is in brackets and may hold anything
        start = (proc / str(number) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        start = []
    return f"{machine}:{number}:{start[_START]}" if machine and len(start) > _START else ""


def _machine(proc: Path) -> str:
    """Return a digest of this start of this machine, as the processes of one container see it."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = os.readlink(proc / "self/ns/pid")  # noqa: PTH115 - pathlib would take the link's text for a path
    except OSError:
        return ""
    return blake2b(f"{boot}{namespace}".encode(), digest_size=8).hexdigest()


RENEWAL = 10.0  # s between renewals
# s after a renewal in which its holder still writes: more than RENEWAL and the longest Retry-After that is waited for
SAFE = 45.0
LIFETIME = 75.0  # s without a renewal, after which others may take it: the last 30 are for requests under way
_POLL = 1.0  # s between looks at a lock that another holds
_MOST_REJECTIONS = 5
_MOST_NESTED = 10  # locks, each of which somebody died in taking over
_EXTENSION = "json"
_ID = re.compile("[0-9a-f]{32}")
# goes on while the machine sleeps: whoever wakes up an hour later holds nothing any more
_STEADY = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic


@dataclass(frozen=True)
class LockInfo:
    """Who holds a lock.

    :param id: of the run; empty where the lock was not made by dlsync.
    :param owner: in words; may hold anything, since others write it.
    :param since: ISO 8601.
    :param expires: seconds since 1970, by its holder's clock: another with each renewal, and no more is made of it.
    :param process: see :mod:`dlsync.state.lease`.
    """

    id: str = ""
    owner: str = "somebody unknown"
    since: str = ""
    expires: float = 0.0
    process: str = ""

    def __str__(self) -> str:
        since = f" since {visible(self.since)}" if self.since else ""
        return f"{visible(self.owner)}{since}"


@dataclass(frozen=True)
class Clock:
    """What time it is, and waiting.

    :param wall: seconds since 1970.
    :param steady: seconds that only grow.
    :param sleep: waits for so many seconds.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = _STEADY
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


REAL = Clock()
_JUST_DONE = LockInfo(owner="somebody who has just given it back")


@dataclass
class LockAcquisition:
    """One attempt to get a lock, however many locks that takes.

    :param deadline: by the steady clock.
    """

    client: Client
    clock: Clock
    me: LockInfo
    deadline: float
    told: Callable[[str], None]
    seen: dict[str, tuple[float, float]] = field(default_factory=dict)  # by holder: its expiry, and when that was seen
    waits: bool = False
    rejections: int = 0
    begun: float = 0.0  # when the write was sent since which nobody else can take it

    async def take(self, name: str) -> None:
        """Return once the lock is ours.

        :raises Refused: another holds it for longer than we wait.
        """
        while not await self._created(name):
            holder = await holder_of(self.client, name) or _JUST_DONE
            if holder.id == self.me.id:
                return  # ours: only the answer was lost
            if self._is_dead(holder) and await self._taken_over(name, holder):
                return
            await self._wait(holder)

    async def _created(self, name: str) -> bool:
        self.begun = 0.0
        try:
            body = content(self.me, self.clock)
            with self.client.only_while(self._begin):
                await self.client.plugins.create(name, _EXTENSION, body, description="An apply is going on")
        except AlreadyExists:
            return False
        except Rejected:  # or it was given back before the server was asked whether that is why, each time
            self.rejections += 1
            if self.rejections == _MOST_REJECTIONS:
                raise
            return False
        return True

    async def _begin(self) -> None:
        self.begun = self.begun or self.clock.steady()

    def _is_dead(self, holder: LockInfo) -> bool:
        now = self.clock.steady()
        if not holder.id:
            return False  # nobody here wrote it: only `dlsync unlock` takes it away
        expires, since = self.seen.get(holder.id, (0.0, now))
        if expires != holder.expires:
            self.seen[holder.id] = holder.expires, now
            since = now
        silent = now - since > LIFETIME
        # never by what time it is: who is wrong about that would take a living one
        return silent or has_ended(holder.process)

    async def _taken_over(self, name: str, dead: LockInfo) -> bool:
        under = f"{name}.{dead.id}"
        await self.take(under)
        with self.client.only_while(self._check), self.client.urgently():
            try:
                if await holder_of(self.client, name) != dead or self._is_late():
                    return False  # somebody was faster, it lives after all, or we were seen dead ourselves
                await self.client.plugins.update(name, content(self.me, self.clock))
            except (NotFound, Refused):
                return False
            else:
                return True
            finally:
                if not self._is_late():
                    with suppress(NotFound, Refused):
                        await self.client.plugins.delete(under)

    async def _check(self) -> None:
        if self._is_late():
            raise Refused("the lock under which another is taken over was lost")

    def _is_late(self) -> bool:
        """Whether the lock under which another is taken over may be somebody else's by now."""
        return self.clock.steady() > self.begun + SAFE

    async def _wait(self, holder: LockInfo) -> None:
        left = self.deadline - self.clock.steady()
        if left <= 0:
            raise Refused(
                f"another apply is going on: the account is locked by {holder}",
                hint="Wait for it with --lock-timeout SECONDS; if that process is dead, run `dlsync unlock`.",
            )
        if not self.waits:
            self.told(f"The account is locked by {holder}; waiting for up to {left:.0f} s.")
            self.waits = True
        await self.clock.sleep(min(_POLL, left))


async def holder_of(client: ReadClient, name: str = LOCK) -> LockInfo | None:
    """Return who holds a lock; None where nobody does."""
    try:
        found = (await client.plugins.get(name)).content
    except (NotFound, AccountNotFound):
        return None
    try:
        given: Any = json.loads(found)
        texts = {name: str(given[name]) for name in ("id", "owner", "since", "process")}
        holder = LockInfo(**texts, expires=float(given["expires"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return LockInfo()
    return holder if _ID.fullmatch(holder.id) else LockInfo()


def content(holder: LockInfo, clock: Clock) -> bytes:
    """Return what a lock holds from now on."""
    return json.dumps(asdict(replace(holder, expires=clock.wall() + LIFETIME))).encode()


async def remove(client: Client) -> None:
    """Take the lock away, and those under which it was being taken over: also where a server does not list them."""
    name, names = LOCK, list[str]()
    while len(names) < _MOST_NESTED and (holder := await holder_of(client, name)):
        names.append(name)
        name = f"{name}.{holder.id}"
    names += [entry.name for entry in await client.plugins.list() if entry.name.startswith(f"{LOCK}.")]
    for name in dict.fromkeys(names):
        with suppress(NotFound):
            await client.plugins.delete(name)
