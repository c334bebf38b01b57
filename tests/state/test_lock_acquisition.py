"""Acquisition of the lock: its holder, and the takeover of a lock whose holder is dead."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.errors import Refused, Rejected, Unreachable
from dlsync.state import lock
from dlsync.state.inventory import LOCK
from dlsync.state.lock import LIFETIME, SAFE, LockInfo, holder_of, remove
from tests.builders.accounts import VALUES
from tests.builders.http import Reply, by_request, json_reply, scripted
from tests.builders.locks import Time, Troubled, client_of, left, put, taking
from tests.builders.plans import any_text
from tests.builders.trees import Account, account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.client import Client
    from dlsync.state.lock import Lock

DEAD = LockInfo("d" * 32, "one who is dead")
YEAR = 365 * 86_400.0
MARK_OF_A_PROCESS = "from dlsync.state import lock; print(lock.process_id(), flush=True); input()"


async def taken(client: Client, *takers: Lock) -> list[str]:
    """Return the owners that get the lock when all takers try at once."""
    outcomes = await asyncio.gather(*(taker.take(LOCK) for taker in takers), return_exceptions=True)
    assert all(one is None or isinstance(one, Refused) for one in outcomes), outcomes
    got = [taker._me.owner for taker, one in zip(takers, outcomes, strict=True) if one is None]
    holder = await holder_of(client)
    assert holder is None or not got or holder.owner == got[-1]
    return got


def seeing_it_dead(taker: Lock, time: Time) -> Lock:
    """Return the taker as if it had seen the lock without a renewal for more than a lifetime."""
    taker._seen[DEAD.id] = (time.clock().wall() + LIFETIME, time.now - LIFETIME - 1)
    return taker


async def locks(client: Client) -> list[str]:
    return sorted(entry.name for entry in await client.plugins.list() if entry.name.startswith(LOCK))


# takeover of a dead lock


@pytest.mark.parametrize("others", [1, 2, 5])
def test_exactly_one_of_several_waiting_runs_takes_over_a_dead_lock(live: Account, others: int) -> None:
    async def work(client: Client) -> None:
        time = Time()
        await put(client, left(DEAD, time))
        got = await taken(client, *(taking(client, time, name, timeout=LIFETIME + 10) for name in "abcef"[:others]))
        assert len(got) == 1
        assert time.now > 1_000 + LIFETIME
        assert await locks(client) == [LOCK]

    live.run(work)


def test_a_lock_without_renewal_for_less_than_its_lifetime_is_not_taken_over(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        await put(client, left(DEAD, time))
        assert await taken(client, taking(client, time, "a", timeout=LIFETIME)) == []
        assert await locks(client) == [LOCK]

    live.run(work)


@pytest.mark.parametrize("ahead", [-YEAR, 0, 660, YEAR])
def test_a_wrong_clock_does_not_change_when_a_lock_is_taken_over(live: Account, ahead: float) -> None:
    """Otherwise a run whose clock is ahead would take over a live lock."""

    async def work(client: Client) -> None:
        time = Time()
        await put(client, left(DEAD, time))
        assert await taken(client, taking(client, time, "a", timeout=LIFETIME, ahead=ahead)) == []
        assert await taken(client, taking(client, time, "b", timeout=LIFETIME + 10, ahead=ahead)) == ["owner b"]
        assert time.now > 1_000 + 2 * LIFETIME

    live.run(work)


def test_a_lock_of_this_machine_is_taken_over_as_soon_as_its_process_has_ended(live: Account) -> None:
    command = [sys.executable, "-c", MARK_OF_A_PROCESS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        holder = LockInfo("d" * 32, "another apply", process=running.stdout.readline().strip())

        async def lives(client: Client) -> None:
            await put(client, left(holder, Time()))
            assert await taken(client, taking(client, Time(), "a")) == []

        live.run(lives)
        running.kill()

    async def ended(client: Client) -> None:
        time = Time()
        takers = [taking(client, time, name, timeout=5) for name in "abc"]
        assert len(await taken(client, *takers)) == 1
        assert await locks(client) == [LOCK]

    live.run(ended)


def test_a_lock_that_another_run_is_taking_over_is_refused(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        await put(client, left(DEAD, time))
        await put(client, left(LockInfo("e" * 32, "eve"), time), f"{LOCK}.{DEAD.id}")
        with pytest.raises(Refused, match="locked by eve"):
            await seeing_it_dead(taking(client, time, "a"), time).take(LOCK)

    live.run(work)


def test_a_dead_lock_with_an_abandoned_takeover_is_taken_over(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        await put(client, left(DEAD, time))
        await put(client, left(LockInfo("e" * 32, "eve"), time), f"{LOCK}.{DEAD.id}")
        assert len(await taken(client, *(taking(client, time, name, timeout=2.5 * LIFETIME) for name in "abc"))) == 1
        assert await locks(client) == [LOCK]

    live.run(work)


def test_a_leftover_takeover_lock_does_not_block_a_new_lock(live: Account) -> None:
    async def work(client: Client) -> None:
        await put(client, left(DEAD, Time()), f"{LOCK}.{'e' * 32}")
        assert await taken(client, taking(client, Time(), "a")) == ["owner a"]

    live.run(work)


# races


UNDER = f"{LOCK}.{DEAD.id}"
STEPS = [
    "POST plugins",  # refused, since the lock exists
    f"GET {LOCK}",  # confirms that the lock exists
    f"GET {LOCK}",  # reads the holder
    "POST plugins",  # creates the takeover lock
    f"GET {LOCK}",  # confirms that the dead lock is unchanged
    f"PATCH {LOCK}",
    f"DELETE {UNDER}",
]
RECREATE, RECHECK, REPLACE = 3, 4, 5


async def renewal(other: Client, time: Time) -> None:
    time.now += 1
    await other.plugins.update(LOCK, left(DEAD, time))


async def unlock(other: Client, _: Time) -> None:
    await remove(other)


async def another(other: Client, time: Time) -> None:
    await remove(other)
    await put(other, left(LockInfo("e" * 32, "eve"), time))


async def long_sleep(_: Client, time: Time) -> None:
    time.now += SAFE + 1


async def nothing(_: Client, __: Time) -> None:
    """Do not disturb the takeover."""


@pytest.mark.parametrize(
    ("step", "happens", "outcome", "left_over"),
    [
        pytest.param(RECREATE, nothing, "owner a", [LOCK], id="no disturbance"),
        pytest.param(RECREATE, renewal, "refused", [LOCK], id="the holder renews the lock before the takeover"),
        pytest.param(RECHECK, renewal, "refused", [LOCK], id="the holder renews the lock during the takeover"),
        pytest.param(RECREATE, unlock, "owner a", [LOCK], id="a user unlocks before the takeover"),
        pytest.param(RECHECK, unlock, "owner a", [LOCK], id="a user unlocks during the takeover"),
        pytest.param(REPLACE, unlock, "owner a", [LOCK], id="a user unlocks right before the last write"),
        pytest.param(RECREATE, another, "refused", [LOCK], id="another run locks before the takeover"),
        pytest.param(RECHECK, another, "refused", [LOCK], id="another run locks during the takeover"),
        pytest.param(RECHECK, long_sleep, "refused", [LOCK, UNDER], id="the taker sleeps until it counts as dead"),
        pytest.param(REPLACE, long_sleep, "late", [LOCK, UNDER], id="the last write arrives late"),
    ],
)
def test_a_takeover_never_takes_the_lock_from_a_live_holder(
    live: Account,
    step: int,
    happens: Callable[[Client, Time], Awaitable[None]],
    outcome: str,
    left_over: list[str],
) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        async with client_of(live, network) as client, client_of(live, Troubled()) as other:
            await put(other, left(DEAD, time))
            network.first[step] = lambda: happens(other, time)
            taker = seeing_it_dead(taking(client, time, "a", timeout=5), time)
            got = await taken(client, taker)
            assert network.asked[: step + 1] == STEPS[: step + 1]
            assert (got or ["refused"]) == (["owner a"] if outcome == "late" else [outcome])
            assert (time.now > taker._renewed + SAFE) is (outcome != "owner a" and happens is long_sleep)
            assert await locks(client) == left_over

    asyncio.run(run())


@pytest.mark.parametrize("method", ["POST", "GET", "PATCH", "DELETE"])
def test_exactly_one_run_takes_over_the_lock_even_if_a_response_is_lost(live: Account, method: str) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        async with client_of(live, network) as client:
            await put(client, left(DEAD, time))
            network.loses = {method: 1}
            got = await taken(client, *(taking(client, time, name, timeout=LIFETIME + 10) for name in "ab"))
            assert len(got) == 1
            assert await locks(client) == [LOCK]

    asyncio.run(run())


def test_a_takeover_ends_with_an_error_if_the_server_does_not_answer(live: Account) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        async with client_of(live, network) as client:
            await put(client, left(DEAD, time))
            network.loses = {"PATCH": 100}
            with pytest.raises(Unreachable):
                await seeing_it_dead(taking(client, time, "a"), time).take(LOCK)
            assert await locks(client) == [LOCK]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "timeout", "error", "words"),
    [
        pytest.param(409, 30, Refused, "locked by a run that has just released it", id="409 without a lock"),
        pytest.param(422, 30, Rejected, "no such names", id="422 without a lock"),
        pytest.param(422, 0, Refused, "locked by a run that has just released it", id="422, and no time to wait"),
    ],
)
def test_a_server_that_neither_creates_nor_has_the_lock_is_not_asked_for_ever(
    status: int, timeout: float, error: type[Exception], words: str
) -> None:
    async def run() -> None:
        refusal = json_reply({"message": "no such names"}, status)
        account = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
        async with scripted(by_request({"POST plugins": refusal, **account}, Reply(404))) as (_, client):
            with pytest.raises(error, match=words):
                await taking(client, Time(), "a", timeout=timeout).take(LOCK)

    asyncio.run(run())


@pytest.mark.parametrize(("method", "name"), [("PATCH", LOCK), ("DELETE", UNDER)])
def test_a_late_request_of_a_takeover_is_not_retried(live: Account, method: str, name: str) -> None:
    async def run() -> None:
        network, time = Troubled(), Time()
        async with client_of(live, network) as client:
            await put(client, left(DEAD, time))
            network.loses = {method: 100}
            network.first[f"{method} {name}"] = lambda: time.passed(SAFE + 1)
            await taken(client, seeing_it_dead(taking(client, time, "a"), time))
            assert network.asked.count(f"{method} {name}") == 1

    asyncio.run(run())


# unknown locks, and unlock


@pytest.mark.parametrize(
    "found", [b"", b"\xff", b"[]", b"null", b"{}", b'{"id": 1}', b"[" * 100_000, b"mine, keep off"]
)
def test_a_lock_that_dlsync_did_not_write_is_removed_only_by_unlock(live: Account, found: bytes) -> None:
    async def work(client: Client) -> None:
        await put(client, found)
        assert await holder_of(client) == LockInfo()
        time = Time()
        time.meanwhile.append(lambda: time.passed(LIFETIME))
        with pytest.raises(Refused, match=r"locked by an unknown user$") as refused:
            await taking(client, time, "a", timeout=5 * LIFETIME, ahead=1e9).take(LOCK)
        assert "dlsync unlock" in refused.value.hint
        await remove(client)
        assert await holder_of(client) is None

    live.run(work)


@given(
    st.binary(max_size=50)
    | VALUES.map(json.dumps).map(str.encode)
    | st.fixed_dictionaries(
        {
            "id": st.just("a" * 32) | VALUES,
            "owner": any_text() | VALUES,
            "since": any_text() | VALUES,
            "process": VALUES,
            "expires": VALUES | st.sampled_from([float("nan"), float("inf"), 10**400]),
        }
    ).map(lambda fields: json.dumps(fields).encode())
)
def test_any_content_of_a_lock_gives_a_holder_with_a_printable_name(found: bytes) -> None:
    encoded = base64.b64encode(found).decode()

    async def run() -> LockInfo | None:
        reply = json_reply({"name": LOCK, "extension": "json", "content": encoded})
        async with scripted(reply) as (_, client):
            return await holder_of(client)

    holder = asyncio.run(run())
    assert holder
    assert str(holder).isprintable()
    assert not lock.has_ended(holder.process)


def test_the_lock_of_a_missing_account_has_no_holder() -> None:
    async def run() -> None:
        async with scripted(json_reply([], 404)) as (_, client):
            assert await holder_of(client) is None

    asyncio.run(run())


def test_unlock_removes_takeover_locks_even_if_the_server_lists_only_linked_plugins() -> None:
    with account(documented_only=True) as bare:

        async def work(client: Client) -> list[LockInfo | None]:
            names = [LOCK, f"{LOCK}.{DEAD.id}", f"{LOCK}.{DEAD.id}.{'e' * 32}"]
            for name, holder in zip(names, (DEAD, LockInfo("e" * 32), LockInfo()), strict=True):
                await put(client, left(holder, Time()), name)
            await remove(client)
            return [await holder_of(client, name) for name in names]

        assert bare.run(work) == [None] * 3


def test_unlock_ends_after_ten_deletes_if_the_server_has_a_lock_of_every_name() -> None:
    async def run() -> int:
        encoded = base64.b64encode(left(DEAD, Time())).decode()
        reply = json_reply({"name": LOCK, "extension": "json", "content": encoded})
        async with scripted(by_request({"GET plugins": json_reply([])}, reply)) as (server, client):
            await remove(client)
            return sum(one.method == "DELETE" for one in server.seen)

    assert asyncio.run(run()) == 10


def test_unlock_removes_the_lock_and_its_takeover_locks_and_nothing_else(live: Account) -> None:
    async def work(client: Client) -> None:
        for name in (LOCK, UNDER, f"{UNDER}.{'e' * 32}", f"{LOCK}-not", "disk"):
            await put(client, b"x", name)
        await remove(client)
        assert {entry.name for entry in await client.plugins.list()} == {f"{LOCK}-not", "disk"}
        await remove(client)
        for name in (f"{LOCK}-not", "disk"):
            await client.plugins.delete(name)

    live.run(work)


# time


def test_a_lock_reads_back_unchanged_with_its_expiry(live: Account) -> None:
    async def work(client: Client) -> None:
        time = Time()
        holder = LockInfo("a" * 32, "ann of \N{SNOWMAN}", "2026-11-25T10:10:10+00:00", process="0123456789abcdef:1:2")
        await put(client, holder.renewed(time.clock()))
        assert await holder_of(client) == replace(holder, expires=time.clock().wall() + LIFETIME)

    live.run(work)
