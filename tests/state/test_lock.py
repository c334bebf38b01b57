"""The lock of an account: one apply at a time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from dlsync.client import Client
from dlsync.client.concurrency import map_concurrently
from dlsync.client.connection import PATIENT
from dlsync.client.rate_limit import RateLimiter
from dlsync.client.response import Quoter, Response
from dlsync.errors import AccountNotFound, Refused, Unreachable
from dlsync.state.inventory import LOCK
from dlsync.state.lock import LIFETIME, RENEWAL, SAFE, Clock, Lock, LockInfo, holder_of, remove
from tests.builders.locks import Time, Troubled, client_of, left, lock, put
from tests.builders.taps import tapped
from tests.builders.throttling import Limited, timeless
from tests.builders.trees import Account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.builders.taps import Asked, Onward

ANOTHER = LockInfo("b" * 32, "bob")


async def is_refused(held: Lock) -> bool:
    try:
        await held.require()
    except Refused as error:
        return error.message == "lock lost; nothing more is written"
    return False


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Let other tasks run until the condition holds."""
    while not await condition():  # noqa: ASYNC110 -- neither a lock nor a server has an event for it
        await asyncio.sleep(0)


async def _is_another(client: Client, before: LockInfo | None) -> bool:
    return await holder_of(client) != before


async def owner(client: Client) -> str:
    holder = await holder_of(client)
    return "nobody" if holder is None else holder.owner


def test_only_one_of_two_concurrent_applies_gets_the_lock_and_the_error_names_its_holder(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        outcomes = await asyncio.gather(
            *(lock(client, time, owner=name).acquire() for name in ("ann", "bob")), return_exceptions=True
        )
        (refused,) = [one for one in outcomes if one is not None]
        assert isinstance(refused, Refused)
        assert refused.message.startswith(f"another apply is going on: the account is locked by {await owner(client)}")
        assert "dlsync unlock" in refused.hint

    live.run(work)


def test_a_waiting_apply_is_told_the_holder_once_and_gets_the_lock_after_its_release(live: Account) -> None:
    async def work(client: Client) -> None:
        time, told = Time(), list[str]()
        first, second = lock(client, time), lock(client, time, owner="bob", timeout=90, told=told)
        await first.acquire()

        async def done() -> None:
            if time.now > 1_004:
                await first.release()

        time.meanwhile.append(done)
        await second.acquire()
        await second.require()
        assert await owner(client) == "bob"
        assert told == ["The account is locked by ann since 2023-11-14T22:30:00+00:00; waiting for up to 90 s."]
        assert time.now == 1_005

    live.run(work)


def test_release_deletes_the_lock_and_refuses_further_writes(live: Account) -> None:
    async def work(client: Client) -> None:
        held = lock(client, Time())
        await held.acquire()
        await held.release()
        assert await owner(client) == "nobody"
        assert await is_refused(held)
        await held.release()

    live.run(work)


def test_release_without_acquire_keeps_the_lock_of_another_holder(live: Account) -> None:
    async def work(client: Client) -> None:
        await put(client, left(ANOTHER, Time()))
        await lock(client, Time()).release()
        assert await owner(client) == "bob"

    live.run(work)


def test_a_renewed_lock_is_never_taken_over(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        first, second = lock(client, time), lock(client, time, owner="bob", timeout=3 * LIFETIME)
        await first.acquire()

        async def renews() -> None:
            if time.now % RENEWAL == 0:
                await first.renew()
            assert not await is_refused(first)

        time.meanwhile.append(renews)
        with pytest.raises(Refused):
            await second.acquire()
        assert time.now == 1_000 + 3 * LIFETIME
        assert await owner(client) == "ann"

    live.run(work)


def test_a_lock_is_renewed_for_as_long_as_it_is_held(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        held = lock(client, time)
        await held.acquire()
        expiries = set()
        for _ in range(5):
            before = await holder_of(client)
            time.renewals.put_nowait(None)
            await until(lambda before=before: _is_another(client, before))  # type: ignore[misc] # the default binds the loop's value
            now = await holder_of(client)
            assert now
            expiries.add(now.expires)
            await held.require()
        assert sorted(expiries) == [1_700_001_000 + LIFETIME + RENEWAL * turn for turn in range(1, 6)]
        await remove(client)
        time.renewals.put_nowait(None)
        await until(lambda: is_refused(held))

    live.run(work)


def test_a_holder_without_renewal_stops_before_others_can_take_over_the_lock(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        held = lock(client, time)
        await held.acquire()
        time.now += SAFE
        assert not await is_refused(held)
        time.now += 1
        assert await is_refused(held)
        await held.renew()  # too late: another run may hold the lock
        assert await is_refused(held)
        await held.release()
        assert await owner(client) == "ann"

    live.run(work)
    assert RENEWAL + PATIENT.ceiling < SAFE < LIFETIME


def test_a_renewal_without_a_response_does_not_extend_the_lock(live: Account) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        async with client_of(live, network) as client:
            held = lock(client, time)
            await held.acquire()
            time.now += SAFE
            network.loses = {"PATCH": 100}
            await held.renew()
            assert not await is_refused(held)
            time.now += 1
            assert await is_refused(held)

    asyncio.run(run())


async def _write(held: Lock, client: Client) -> None:
    async with held.held():
        await client.rules.put("web", b"title: Web\ncriteria: []\n")


def test_a_write_is_retried_only_while_the_lock_is_held(live: Account) -> None:
    async def run() -> None:
        network, time = Troubled(PUT=1), Time()
        async with client_of(live, network) as client:
            held = lock(client, time)
            await held.acquire()
            network.first["PUT web"] = lambda: time.passed(SAFE + 1)
            with pytest.raises(Refused, match="lock lost"):
                await _write(held, client)
            assert network.asked.count("PUT web") == 1
            await held.release()

    asyncio.run(run())


def test_a_late_renewal_or_release_is_not_retried(live: Account) -> None:
    """A retry would arrive after requests of the next holder."""

    async def run() -> None:
        network, time = Troubled(), Time()
        async with client_of(live, network) as client:
            held = lock(client, time)
            await held.acquire()
            for method, request in (("PATCH", held.renew), ("DELETE", held.release)):
                network.loses = {method: 100}
                network.first[f"{method} {LOCK}"] = lambda: time.passed(SAFE + 1)
                held._renewed, held._held = time.now, True
                await request()
                assert network.asked.count(f"{method} {LOCK}") == 1

    asyncio.run(run())


@pytest.mark.parametrize(("seconds", "lives_for"), [(RENEWAL, LIFETIME - RENEWAL), (RENEWAL + 1, LIFETIME)])
def test_a_lock_is_renewed_at_once_if_its_creation_took_longer_than_the_renewal_interval(
    live: Account, seconds: float, lives_for: float
) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        network.first["POST plugins"] = lambda: time.passed(seconds)
        async with client_of(live, network) as client:
            held = lock(client, time)
            await held.acquire()
            await held.require()
            holder = await holder_of(client)
            assert holder
            assert holder.expires == time.clock().wall() + lives_for

    asyncio.run(run())


def test_a_lock_is_lost_if_its_creation_took_longer_than_the_safe_time(live: Account) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        network.first["POST plugins"] = lambda: time.passed(SAFE + 1)
        async with client_of(live, network) as client:
            held = lock(client, time)
            await held.acquire()
            assert await is_refused(held)

    asyncio.run(run())


async def _unlock(client: Client) -> None:
    await remove(client)


async def _unlock_and_lock(client: Client) -> None:
    await remove(client)
    await put(client, left(ANOTHER, Time()))


@pytest.mark.parametrize(("happens", "holder"), [(_unlock, "nobody"), (_unlock_and_lock, "bob")])
def test_a_renewal_detects_a_removed_lock_and_keeps_the_lock_of_another_holder(
    live: Account, happens: Callable[[Client], Awaitable[None]], holder: str
) -> None:
    async def work(client: Client) -> None:
        held = lock(client, Time())
        await held.acquire()
        await happens(client)
        await held.renew()
        assert await is_refused(held)
        await held.renew()
        await held.release()
        assert await owner(client) == holder

    live.run(work)


def test_release_after_an_unlock_keeps_the_lock_of_another_holder(live: Account) -> None:
    async def work(client: Client) -> None:
        held = lock(client, Time())
        await held.acquire()
        await _unlock_and_lock(client)
        await held.release()
        assert await owner(client) == "bob"

    live.run(work)


def test_a_lock_that_is_unlocked_during_a_renewal_is_lost(live: Account) -> None:
    async def run() -> None:
        network = Troubled()
        async with client_of(live, network) as client, client_of(live, Troubled()) as other:
            held = lock(client, Time())
            await held.acquire()
            network.first[f"PATCH {LOCK}"] = lambda: remove(other)
            await held.renew()
            assert await is_refused(held)

    asyncio.run(run())


def test_a_failed_release_leaves_the_lock_in_place(live: Account) -> None:
    async def run() -> None:
        network = Troubled()
        async with client_of(live, network) as client:
            held = lock(client, Time())
            await held.acquire()
            network.loses = {"GET": 100}
            await held.release()
            network.loses = {}
            assert await owner(client) == "ann"

    asyncio.run(run())


def test_a_lock_is_held_even_if_the_response_to_its_creation_is_lost(live: Account) -> None:
    async def run() -> None:
        async with client_of(live, Troubled(POST=1)) as client:
            held = lock(client, Time())
            await held.acquire()
            await held.require()
            assert await owner(client) == "ann"
            await held.release()
            assert await owner(client) == "nobody"

    asyncio.run(run())


def test_a_lock_left_by_a_failed_acquire_must_expire_before_the_next_acquire(live: Account) -> None:
    async def run() -> None:
        network, time = Troubled(POST=100), Time()
        async with client_of(live, network) as client:
            held = lock(client, time, timeout=2 * LIFETIME)
            with pytest.raises(Unreachable):
                await held.acquire()
            network.loses = {}
            await held.require()
            assert time.now > 1_000 + LIFETIME

    asyncio.run(run())


def test_concurrent_writes_into_a_new_account_acquire_its_lock_once(live: Account) -> None:
    to = live.settings
    new = Account(type(to)(url=to.url, org=to.org, account="new", key=to.key))

    async def work(client: Client) -> None:
        time = Time()
        held = lock(client, time)
        with pytest.raises(AccountNotFound):
            await held.acquire()
        await held.release()
        await client.accounts.create("new")
        await asyncio.gather(*(held.require() for _ in range(8)))
        assert [task for task in asyncio.all_tasks() if "renew_for_ever" in str(task.get_coro())] == [held._renewing]
        await held.release()
        assert await owner(client) == "nobody"

    new.run(work)
    assert sum(one.method == "POST" and one.path.endswith("new/plugins") for one in new.asked) == 2


class _InMemory:
    """A server that stores the lock and the names of rules in memory, and limits requests."""

    def __init__(self, limit: Limited) -> None:
        self.lock: str | None = None
        self.rules = set[str]()
        self._limit = limit

    async def __call__(self, request: Asked, onward: Onward) -> Response:
        came = await self._limit.serve(request, onward)
        if came.status != 200:
            return came
        if request.method == "PUT":
            self.rules.add(request.path)
        elif request.method == "DELETE":
            self.lock = None
        elif request.method != "GET":
            self.lock = json.loads(request.body)["content"]
        found = json.dumps({"name": LOCK, "extension": "json", "content": self.lock, "encoding": "base64"})
        return Response(200, {}, found.encode(), str(request), Quoter("k"))


@pytest.mark.parametrize(
    ("rate", "concurrency", "limit"),
    [
        *((rate, most, Limited(0.02)) for rate in (0.02, 0.5, 1, 2) for most in (1, 16)),
        (None, 16, Limited(0.02, rate=0.2, after="5")),
        (None, 16, Limited(0.02, rate=0.3, burst=20, after="30")),
        (1, 16, Limited(0.02, rate=0.2, burst=10, after="29")),
    ],
)
def test_a_slow_rate_limit_never_loses_the_lock(rate: float | None, concurrency: int, limit: Limited) -> None:
    server = _InMemory(limit)

    async def run() -> str | None:
        loop = asyncio.get_running_loop()
        client = Client(url="http://127.0.0.1:1", org="acme", account="default", key="key", concurrency=concurrency)
        client._connection._limiter = RateLimiter(rate, concurrency, clock=loop.time)
        held = Lock(client, "ann", 0, lambda _: None, Clock(loop.time, loop.time, asyncio.sleep))

        async def write(name: int) -> None:
            async with held.held():
                await client.rules.put(str(name), b"title: Web\ncriteria: []\n")

        async with tapped(client, server):
            await held.acquire()
            await map_concurrently(write, range(40), workers=concurrency)
            await held.release()
        return server.lock

    assert timeless(run) is None
    assert len(server.rules) == 40
