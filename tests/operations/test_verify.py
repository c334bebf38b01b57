"""Verification: each written resource is fetched again and compared with the intended content."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync.files.redaction import Redaction
from dlsync.operations.apply_changes import verify
from dlsync.operations.reconcile import Reconciliation
from dlsync.operations.session import reader
from tests.builders.applies import prepared
from tests.builders.between import below, through
from tests.builders.http import IMPATIENT, json_reply, reader_of
from tests.builders.plans import change, plan
from tests.builders.trees import resource

if TYPE_CHECKING:
    from dlsync.files.settings import Settings
    from dlsync.model import Action, Resource, ResourceChange
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

WEB = resource("dashboard/web", "title: Web\npositions: []\n")
MINE = resource("dashboard/web", "title: Mine\npositions: []\n")


def verified(
    live: Account, *changes: ResourceChange, desired: tuple[Resource, ...] = (), secret: str = ""
) -> list[str]:
    """The result of each change, followed by its error if it has any."""
    work = prepared(plan(*changes), *desired)
    work = replace(work, redaction=Redaction({secret: "${env:TITLE}"} if secret else {}))
    done = live.run(lambda client: verify(client, changes, work, {}))
    return [f"{one.result} {one.error}".strip() for one in done]


def wrote(action: Action, address: str = "dashboard/web") -> ResourceChange:
    return change(action, address).finished("applied")


def test_failed_and_skipped_changes_are_not_verified(live: Account) -> None:
    failed, skipped = change("update", "dashboard/web").finished("failed", "no"), wrote("delete").finished("skipped")
    assert verified(live, failed, skipped) == ["failed no", "skipped"]
    assert live.requests() == []


def test_a_change_that_the_server_kept_stays_applied(live: Account) -> None:
    live.has(WEB)
    assert verified(live, wrote("update"), desired=(WEB,)) == ["applied"]
    assert verified(live, wrote("delete", "rule/gone")) == ["applied"]


def test_a_change_that_the_server_did_not_keep_counts_as_failed(live: Account) -> None:
    live.has(MINE)
    assert verified(live, wrote("update"), desired=(WEB,)) == [
        'failed the server did not keep what was sent: `title` is "Mine" (sent "Web")'
    ]
    assert verified(live, wrote("create", "rule/web"), desired=(resource("rule/web", "title: Web\n"),)) == [
        "failed the server does not have it after the write"
    ]
    assert verified(live, wrote("delete")) == ["failed the server still has it after the delete"]


def test_a_resource_that_the_list_omits_is_requested_by_name(live: Account) -> None:
    live.has(WEB)
    work = prepared(plan(wrote("create")), WEB)

    def answer(seen: Seen, onward: Onward) -> Reply:
        return json_reply([{"name": "other"}]) if below(seen) == "GET dashboards" else onward()

    async def checked(settings: Settings) -> list[ResourceChange]:
        async with reader(settings) as client:
            return await verify(client, [wrote("create")], work, {})

    assert [one.result for one in through(live, answer, checked)] == ["applied"]


def test_the_error_names_items_that_the_server_reordered(live: Account) -> None:
    series = "{series: [{metric: %s}, {metric: %s}], title: A, row: 1, col: 1, size_x: 1, size_y: 1, type: number}"
    sent, kept = (f"title: Web\npositions:\n  - {series % order}\n" for order in (("a", "b"), ("b", "a")))
    live.has(resource("dashboard/web", kept))
    (result,) = verified(live, wrote("update"), desired=(resource("dashboard/web", sent),))
    assert result.startswith("failed the server did not keep what was sent: `positions[0].series[")
    assert result.endswith("]` stands elsewhere")


async def _applied(settings: Settings, pauses: list[float]) -> ResourceChange:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with reader_of(settings.url, settings.key, retry=replace(IMPATIENT, sleep=sleep)) as client:
        (done,) = await verify(client, [wrote("update")], prepared(plan(), WEB), {})
    return done


@pytest.mark.parametrize("stale_seconds", [0.1, 2.0, 3.5])
def test_a_change_that_the_server_shows_only_after_some_seconds_counts_as_applied(
    live: Account, stale_seconds: float
) -> None:
    live.has(WEB)
    pauses: list[float] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = onward()
        return replace(reply, body=reply.body.replace(b"Web", b"Old")) if sum(pauses) < stale_seconds else reply

    done = through(live, answer, lambda settings: _applied(settings, pauses))
    assert (done.result, done.error) == ("applied", "")
    assert sum(pauses) >= stale_seconds


def test_verification_does_not_wait_for_a_resource_that_it_cannot_fetch(live: Account) -> None:
    pauses: list[float] = []
    wrong = replace(live, settings=replace(live.settings, key="wrong"))
    assert asyncio.run(_applied(wrong.settings, pauses)).result == "failed"
    assert pauses == []


def test_verification_compares_with_the_sent_content_if_it_differs_from_the_file(live: Account) -> None:
    live.has(MINE)
    work = replace(prepared(plan(), WEB), reconciliation=Reconciliation(effective={WEB.address: MINE}))
    (done,) = live.run(lambda client: verify(client, [wrote("update")], work, {}))
    assert done.result == "applied"


def test_the_error_about_a_secret_that_the_server_did_not_keep_hides_its_value(live: Account) -> None:
    live.has(MINE)
    secret = resource("dashboard/web", "title: s3cret\npositions: []\n")
    (told,) = verified(live, wrote("update"), desired=(secret,), secret="s3cret")
    assert "s3cret" not in told
    assert "${env:TITLE}" in told


def test_a_change_that_cannot_be_verified_counts_as_failed(live: Account) -> None:
    wrong = replace(live, settings=replace(live.settings, key="wrong"))
    (told,) = verified(wrong, wrote("update"), desired=(WEB,))
    assert told.startswith("failed it was sent, but whether it took effect is unknown: ")
