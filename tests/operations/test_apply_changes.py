"""Applying the changes of a plan: their order, their errors, and the check that they took effect."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync.errors import DlsyncError, Refused
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.operations.plan_document import counts
from dlsync.resources import loader
from dlsync.state.journal import Journal
from tests.builders.applies import carried_out, prepared, some_live
from tests.builders.applies import planned as prepare
from tests.builders.http import Misbehaviour, Reply, by_request, in_order, json_reply, scripted
from tests.builders.plans import change, plan
from tests.builders.reporters import Recorder
from tests.builders.trees import (
    FLAVOURS,
    Account,
    account,
    criterion,
    dashboard,
    resource,
    rule,
    widget,
    write_tree,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from dlsync.model import Plan, Resource
    from tests.builders.http import ScriptedServer, Seen

FILES: dict[str, str | bytes] = {
    "dashboards/web.yaml": "# the fleet\r\ntitle:   'Web'\r\npositions: [ ]\r\n",
    "dashboards/team/db%2F1.yaml": "\ufefftitle: Db\npositions:\n- {row: 1, col: 1, size_x: 1, size_y: 1}\n",
    "rules/web.yaml": "title: Web # ours\ncriteria: []\nactions: [{type: EMAIL, details: {emails: [a@example.org]}}]\n",
    "plugins/disk.py": b"print()\r\n",
    "plugins/disk.meta.yaml": "interval: 60\n",
    "plugins/binary.exe": b"\x7fELF\xff\0",
}


def applied(live: Account, root: Path, **settings: str) -> Plan:
    """Plan a tree and apply it."""
    work = prepare(live, root, **settings)
    live.asked.clear()
    return live.run(lambda client: carried_out(client, work))


def planned(live: Account, root: Path) -> Plan:
    return prepare(live, root).plan


def results(done: Plan) -> dict[str, str | None]:
    return {str(one.address): one.result for one in done.changes}


def writes(live: Account) -> list[str]:
    """Return the methods and families of the writes, in their order and each once."""
    return [*dict.fromkeys(f"{one.method} {one.path.partition('/')[0]}" for one in live.asked if one.method != "GET")]


def errors(done: Plan) -> dict[str, str]:
    return {str(one.address): one.error for one in done.changes if one.error}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_plan_is_empty_after_a_first_apply_and_after_an_apply_of_edits(tmp_path: Path, flavour: str) -> None:
    write_tree(tmp_path, FILES)
    with account(**FLAVOURS[flavour]) as live:
        assert set(results(applied(live, tmp_path)).values()) == {"applied"}
        assert not planned(live, tmp_path)
        write_tree(
            tmp_path,
            {
                "dashboards/web.yaml": resource("dashboard/web", dashboard(widget("cpu"))).body,
                "rules/web.yaml": resource("rule/web", rule(criterion("base.cpu"))).body,
                "plugins/disk.meta.yaml": "params: all\n",
            },
        )
        assert results(applied(live, tmp_path)) == {
            "plugin/disk": "applied",
            "dashboard/web": "applied",
            "rule/web": "applied",
        }
        assert not planned(live, tmp_path)


def test_files_are_sent_byte_for_byte(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    with account() as live:
        applied(live, tmp_path)
        assert {one.path: one.body for one in live.asked if one.method == "PUT"} == {
            "dashboards/web": str(FILES["dashboards/web.yaml"]).encode(),
            "dashboards/db%2F1": str(FILES["dashboards/team/db%2F1.yaml"]).encode(),
            "rules/web": str(FILES["rules/web.yaml"]).encode(),
        }


def test_writes_go_from_plugins_to_dashboards_to_rules_and_deletes_follow_in_reverse_order(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    with account() as live:
        live.has(resource("plugin/old", "1"), resource("dashboard/old", dashboard()), resource("rule/old", rule()))
        done = applied(live, tmp_path, prune="all")
        assert writes(live) == [
            "POST plugins",
            "PUT dashboards",
            "PUT rules",
            "DELETE rules",
            "DELETE dashboards",
            "DELETE plugins",
        ]
    assert set(results(done).values()) == {"applied"}


def test_an_apply_reads_and_writes_only_the_resources_that_it_changes(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    with account() as live:
        applied(live, tmp_path)
        write_tree(tmp_path, {"rules/web.yaml": "title: Other\ncriteria: []\n"})
        applied(live, tmp_path)
        assert list(map(str, live.asked)) == ["GET rules/web", "PUT rules/web", "GET rules", "GET rules/web"]


def test_an_empty_plan_sends_nothing() -> None:
    with account() as live:
        done = live.run(lambda client: carried_out(client, prepared(plan(unchanged=3))))
        assert live.asked == []
    assert (done.changes, done.unchanged) == ((), 3)


def test_every_attempted_change_counts_as_progress(tmp_path: Path) -> None:
    recorder = Recorder()
    write_tree(tmp_path, FILES)
    with account() as live:
        work = prepare(live, tmp_path)
        live.run(lambda client: carried_out(client, work, reporter=recorder))
    assert recorder.steps == 5


# a server that misbehaves


NOT_THERE = json_reply({"error": "no"}, 404)
A, B, C = (resource(f"dashboard/{name}", f"title: {name.upper()}\npositions: []\n") for name in "abc")


OLD = Reply(200, b"title: Old\n", (("Content-Type", "application/yaml"),))  # each resource of some_live


def listing(*resources: Resource) -> Reply:
    return json_reply([{**one.document, "name": one.name} for one in resources])


def empty_first(replies: Mapping[str, Reply | Callable[[Seen], Reply]]) -> Callable[[Seen], Reply]:
    """Replies of a server that lists nothing before the first write."""
    answer, methods = by_request(replies, NOT_THERE), {"GET"}

    def answered(seen: Seen) -> Reply:
        methods.add(seen.method)
        is_list = seen.target.endswith(("/dashboards", "/rules"))
        return json_reply([]) if is_list and methods == {"GET"} else answer(seen)

    return answered


def run(
    replies: Mapping[str, Reply | Callable[[Seen], Reply]],
    made: Plan,
    *desired: Resource,
    live: tuple[Resource, ...] = (),
    concurrency: int = 1,
) -> tuple[Plan, ScriptedServer]:
    async def opened() -> tuple[Plan, ScriptedServer]:
        work = prepared(made, *desired, live=live or some_live(made))
        async with scripted(empty_first(replies) if creates else by_request(replies, NOT_THERE)) as (server, client):
            return await carried_out(client, work, concurrency=concurrency), server

    creates = any(one.action == "create" for one in made.changes)

    return asyncio.run(opened())


ENDED = "not sent: the error of another change ended the apply"
CREATES = plan(*(change("create", f"dashboard/{name}") for name in "abc"))


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_failed_change_does_not_stop_the_others(concurrency: int) -> None:
    replies = {
        "PUT dashboards/a": Reply(200),
        "PUT dashboards/b": json_reply({"error": "too many widgets"}, 400),
        "PUT dashboards/c": Reply(200),
        "GET dashboards": listing(A, C),
    }
    done, _ = run(replies, CREATES, A, B, C, concurrency=concurrency)
    assert results(done) == {"dashboard/a": "applied", "dashboard/b": "failed", "dashboard/c": "applied"}
    assert "too many widgets" in errors(done)["dashboard/b"]


def test_a_failed_step_does_not_stop_the_next_step() -> None:
    made = plan(change("create", "dashboard/a"), change("delete", "rule/old"))
    done, server = run(
        {
            "PUT dashboards/a": Reply(400),
            "GET rules/old": OLD,
            "DELETE rules/old": Reply(204),
            "GET rules": json_reply([]),
        },
        made,
        A,
    )
    assert results(done) == {"dashboard/a": "failed", "rule/old": "applied"}
    assert "DELETE /api/v1/orgs/acme/accounts/default/rules/old" in server.asked


def test_a_key_refused_during_an_apply_skips_the_rest_and_reports_the_applied_changes() -> None:
    made = plan(*CREATES.changes, change("delete", "rule/old"))
    replies = {
        "PUT dashboards/a": Reply(200),
        "PUT dashboards/b": Reply(401),
        "GET dashboards": listing(A),
    }
    done, server = run(replies, made, A, B, C)
    assert results(done) == {
        "dashboard/a": "applied",
        "dashboard/b": "failed",
        "dashboard/c": "skipped",
        "rule/old": "skipped",
    }
    assert "401" in errors(done)["dashboard/b"]
    assert errors(done)["dashboard/c"] == errors(done)["rule/old"] == ENDED
    assert [one.method for one in server.seen] == ["GET", "PUT", "PUT", "GET"]


def test_a_change_that_the_key_may_not_make_fails_and_the_others_are_applied() -> None:
    replies = {
        "PUT dashboards/a": Reply(200),
        "PUT dashboards/b": Reply(403),
        "PUT dashboards/c": Reply(200),
        "GET dashboards": listing(A, C),
    }
    done, _ = run(replies, CREATES, A, B, C)
    assert results(done) == {"dashboard/a": "applied", "dashboard/b": "failed", "dashboard/c": "applied"}
    assert "403" in errors(done)["dashboard/b"]


def test_a_create_fails_without_overwriting_a_resource_created_after_the_plan(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    with account() as live:
        work = prepare(live, tmp_path)
        live.has(resource("dashboard/web", "title: Mine\npositions: []\n"), resource("rule/web", "title: Mine\n"))
        done = live.run(lambda client: carried_out(client, work))
        assert errors(done) == dict.fromkeys(
            ("dashboard/web", "rule/web"), "it was created since the plan was made: plan again"
        )
        assert (found := live.live("dashboard/web"))
        assert found.document["title"] == "Mine"


def test_a_write_that_cannot_be_verified_is_unknown_and_other_kinds_are_applied() -> None:
    made = plan(change("create", "dashboard/a"), change("create", "rule/b"))
    replies: dict[str, Reply | Callable[[Seen], Reply]] = {
        "PUT dashboards/a": Reply(200),
        "PUT rules/b": Reply(200),
        "GET dashboards": Reply(401),
        "GET rules": in_order(json_reply([]), json_reply([{"name": "b"}])),
        "GET rules/b": Reply(200, b"title: B\ncriteria: []\n"),
    }
    done, _ = run(replies, made, A, resource("rule/b", "title: B\ncriteria: []\n"))
    assert results(done) == {"dashboard/a": "failed", "rule/b": "applied"}
    assert [one.outcome for one in done.changes] == ["unknown", "applied"]
    assert counts(done) == "1 created, 0 updated, 0 deleted, 0 failed, 1 unknown"
    assert errors(done)["dashboard/a"].startswith(
        "it was sent, but whether it took effect is unknown: GET /orgs/acme/accounts/default/dashboards:"
    )


@pytest.mark.parametrize("lost", [Misbehaviour.RESET, Misbehaviour.CUT_SHORT])
def test_a_write_without_a_response_is_unknown_and_a_refused_write_has_failed(lost: Misbehaviour) -> None:
    made = plan(change("create", "dashboard/a"), change("create", "rule/b"))
    replies = {"PUT dashboards/a": Reply(200, body=b"{}", misbehaviour=lost), "PUT rules/b": Reply(400)}
    done, _ = run(replies, made, A, resource("rule/b", "title: B\ncriteria: []\n"))
    assert results(done) == {"dashboard/a": "failed", "rule/b": "failed"}
    assert counts(done) == "0 created, 0 updated, 0 deleted, 1 failed, 1 unknown"


def test_if_the_journal_cannot_record_a_change_no_change_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DlsyncError("the disk is full")

    monkeypatch.setattr(Journal, "sending", full)
    done, server = run({}, CREATES, *(resource(f"dashboard/{name}", "title: A\n") for name in "abc"))
    assert results(done) == {"dashboard/a": "failed", "dashboard/b": "skipped", "dashboard/c": "skipped"}
    assert [*errors(done).values()] == ["the disk is full", ENDED, ENDED]
    assert [one.method for one in server.seen] == ["GET"]


def test_if_the_journal_cannot_record_a_result_the_other_changes_are_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise DlsyncError("the disk is full")

    monkeypatch.setattr(Journal, "finished", full)
    done, _ = run({"PUT dashboards/a": Reply(200), "GET dashboards": listing(A)}, CREATES, A, B, C)
    assert results(done) == {"dashboard/a": "applied", "dashboard/b": "skipped", "dashboard/c": "skipped"}
    assert [*errors(done).values()] == ["the disk is full", "the disk is full"]


KEPT = resource(
    "dashboard/a",
    {
        "title": "A",
        "period": 60,
        "annotations": ["deploys"],
        "positions": [widget("two", color="red"), widget("one", row=2)],
        "locked": True,
    },
)
SENT = resource(
    "dashboard/a",
    {
        "title": "B\x1b[2J",
        "period": 60,
        "annotations": ["deploys", "incidents"],
        "positions": [widget("one", row=2), widget("two", color="blue")],
        "symbol": {"x": 1},
    },
)


def test_the_error_lists_each_field_that_the_server_did_not_keep() -> None:
    made = plan(change("update", "dashboard/a"))
    done, _ = run(
        {"GET dashboards/a": OLD, "PUT dashboards/a": Reply(200), "GET dashboards": listing(KEPT)}, made, SENT
    )
    assert results(done) == {"dashboard/a": "failed"}
    assert errors(done)["dashboard/a"] == (
        "the server did not keep what was sent: "
        '`title` is "A" (sent "B\\u001b[2J"); '
        '`annotations[1]` is missing (sent "incidents"); '
        '`positions[1].color` is "red" (sent "blue"); '
        "`symbol` is missing (sent a mapping); "
        "`locked` is there with true"
    )


def test_a_create_that_the_server_accepts_but_does_not_store_has_failed() -> None:
    replies = {f"PUT dashboards/{name}": Reply(200) for name in "abc"}
    replies["GET /api/v1/orgs/acme/accounts"] = json_reply([{"name": "default"}])
    done, _ = run({**replies, "GET dashboards": listing(A)}, CREATES, A, B, C)
    assert errors(done) == {
        "dashboard/b": "the server does not have it after the write",
        "dashboard/c": "the server does not have it after the write",
    }


def test_a_delete_has_failed_if_the_server_still_has_the_resource() -> None:
    made = plan(change("delete", "dashboard/a"), change("delete", "dashboard/b"))
    gone: set[str] = set()

    def deleted(seen: Seen) -> Reply:
        gone.add(seen.target)
        return Reply(204)

    def read(seen: Seen) -> Reply:
        return Reply(404) if seen.target in gone and seen.target.endswith("a") else OLD

    replies = {f"DELETE dashboards/{name}": deleted for name in "ab"} | {
        f"GET dashboards/{name}": read for name in "ab"
    }
    accounts = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
    done, _ = run({**replies, **accounts, "GET dashboards": listing(B)}, made)
    assert results(done) == {"dashboard/a": "applied", "dashboard/b": "failed"}
    assert errors(done) == {"dashboard/b": "the server still has it after the delete"}


def test_a_delete_of_a_resource_that_is_gone_already_counts_as_applied() -> None:
    with account() as live:
        made = plan(change("delete", "plugin/gone"), change("delete", "rule/gone"))
        work = prepared(made, live=some_live(made))
        assert set(results(live.run(lambda client: carried_out(client, work))).values()) == {"applied"}


# changes since the plan, held changes, and a lost lock


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_resource_that_changed_since_the_plan_is_not_written_and_the_others_are(tmp_path: Path, flavour: str) -> None:
    write_tree(tmp_path, {"dashboards/a.yaml": A.body, "dashboards/b.yaml": B.body, "plugins/disk.py": "1"})
    hand = resource("dashboard/a", {"title": "Mine", "positions": []})
    script = resource("plugin/disk", {"content": "2", "extension": "py", "description": "mine"})
    with account(**FLAVOURS[flavour]) as live:
        live.has(
            resource("dashboard/a", dashboard()), resource("dashboard/b", dashboard()), resource("plugin/disk", "0")
        )
        work = prepare(live, tmp_path)
        live.lacks("plugin/disk")
        live.has(hand, script)
        done = live.run(lambda client: carried_out(client, work))
        assert results(done) == {"plugin/disk": "failed", "dashboard/a": "failed", "dashboard/b": "applied"}
        assert set(errors(done).values()) == {"it was changed on the server since the plan was made: plan again"}
        kept = live.live("plugin/disk")
        assert kept
        assert kept.document["description"] == "mine"


def test_a_change_fails_if_its_resource_was_deleted_or_created_since_the_plan(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/a.yaml": A.body, "plugins/disk.py": "1"})
    with account() as live:
        live.has(resource("dashboard/a", dashboard()))
        work = prepare(live, tmp_path)
        live.lacks("dashboard/a")
        live.has(resource("plugin/disk", "2"))
        done = live.run(lambda client: carried_out(client, work))
    assert errors(done) == {
        "plugin/disk": "it was created since the plan was made: plan again",
        "dashboard/a": "it was deleted on the server since the plan was made",
    }


def test_new_values_in_the_server_s_own_fields_do_not_fail_an_update(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/a.yaml": A.body})
    with account(decorate=True) as live:
        live.has(resource("dashboard/a", dashboard()))
        work = prepare(live, tmp_path)
        live.has(resource("dashboard/a", dashboard()))  # with another date
        assert results(live.run(lambda client: carried_out(client, work))) == {"dashboard/a": "applied"}


def test_a_held_change_is_skipped_without_any_request() -> None:
    held = replace(change("update", "dashboard/a"), held="nobody has decided")
    done, server = run({}, plan(held), A)
    assert (results(done), errors(done)) == ({"dashboard/a": "skipped"}, {"dashboard/a": "nobody has decided"})
    assert server.asked == []


def test_if_a_kind_cannot_be_read_none_of_its_changes_is_sent_and_held_ones_stay_held() -> None:
    held = replace(change("update", "dashboard/c"), held="nobody has decided")
    made = plan(change("create", "dashboard/a"), change("update", "dashboard/b"), held)
    done, server = run({"GET dashboards/b": Reply(400)}, made, A, B, C)
    assert results(done) == {"dashboard/a": "failed", "dashboard/b": "failed", "dashboard/c": "skipped"}
    assert errors(done)["dashboard/c"] == "nobody has decided"
    assert {one.method for one in server.seen} == {"GET"}


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_lost_lock_ends_the_run_before_any_write(concurrency: int) -> None:
    class Lost:
        @asynccontextmanager
        async def held(self) -> AsyncIterator[None]:
            raise Refused("lock lost")
            yield  # type: ignore[unreachable] # makes this function a generator

    async def opened() -> tuple[Plan, ScriptedServer]:
        work = prepared(plan(*CREATES.changes, change("delete", "rule/old")), A, B, C)
        async with scripted(empty_first({})) as (server, client):
            return await carried_out(client, work, concurrency=concurrency, permission=Lost().held), server

    done, server = asyncio.run(opened())
    assert list(results(done).values()) == ["failed", "skipped", "skipped", "skipped"]
    assert [*errors(done).values()] == ["lock lost", ENDED, ENDED, ENDED]
    assert [one.method for one in server.seen] == ["GET"]


# links and accounts


def test_a_link_that_the_server_cannot_create_is_skipped_with_manual_instructions(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {"plugins/disk.py": "1", "links.yaml": "disk: [all, web]\n", "rules/web.yaml": FILES["rules/web.yaml"]},
    )
    with account(documented_only=True) as live:
        done = applied(live, tmp_path)
        again = planned(live, tmp_path)
    assert results(done) == {"plugin/disk": "applied", "link/disk": "skipped", "rule/web": "applied"}
    assert errors(done) == {
        "link/disk": "this server cannot create links: link plugin `disk` to the tags all, web by hand"
    }
    assert [str(one.address) for one in again.changes] == ["link/disk"]


@pytest.mark.parametrize("flavour", ["plain", "post_before_put", "decorate"])
def test_links_are_created_after_their_plugins_and_deleted_before_them(tmp_path: Path, flavour: str) -> None:
    write_tree(tmp_path, {"plugins/disk.py": "1", "plugins/up.py": "1"})
    with account(**FLAVOURS[flavour]) as live:
        for text, order in (
            ("disk: [all]\nup: [web]\n", ["POST plugins", "POST links"]),
            ("disk: [db, web]\nup: [web]\n", ["POST links", "DELETE links"]),
            ("disk: [db]\n", ["POST links", "DELETE links"]),
        ):
            write_tree(tmp_path, {"links.yaml": text})
            assert set(results(applied(live, tmp_path, prune="all")).values()) == {"applied"}
            assert writes(live) == order
            assert not planned(live, tmp_path)
        (tmp_path / "plugins/disk.py").unlink()
        (tmp_path / "links.yaml").unlink()
        assert results(applied(live, tmp_path, prune="all")) == {"link/disk": "applied", "plugin/disk": "applied"}
        assert writes(live) == ["DELETE links", "DELETE plugins"]


def test_an_account_is_created_before_its_resources(tmp_path: Path) -> None:
    write_tree(tmp_path, {**FILES, "links.yaml": "disk: [all]\n", "dlsync.yaml": "accounts: [new]\n"})
    tree = loader.read(tmp_path).raise_for_errors()
    with account() as live:
        new = Account(replace(live.settings, account="new"))
        work = new.run(lambda client: build_plan(Fetcher(client), tree, new.settings))
        done = new.run(lambda client: carried_out(client, work))
        assert set(results(done).values()) == {"applied"}
        sent = [f"{one.method} {one.path}" for one in new.asked if one.method != "GET"]
        assert sent[0] == "POST /api/v1/orgs/acme/accounts"
        assert not planned(new, tmp_path)
