"""The inventory after an apply: it advances for what was confirmed to be live, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync.model import Entry
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import Reconciliation
from dlsync.operations.update_inventory import advanced, announced, as_live, entry_of, planned_entries
from dlsync.state.inventory import packed
from tests.builders.inventories import entry, form, recorded
from tests.builders.plans import change, plan, replaced
from tests.builders.referring import referring
from tests.builders.trees import by_address, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from dlsync.model import Action, Address, FieldChange, Resource, ResourceChange, Result
    from dlsync.state.inventory import Inventory

SECRETS = {"s3cret": "${env:A}"}
WEB = resource("dashboard/web", dashboard(period=60))
EDITED = resource("dashboard/web", dashboard(period=30))
DISK = resource("plugin/disk", "print()")
LOAD = resource("rule/load", rule())
NOTHING_KNOWN = recorded()


def work(
    *desired: Resource,
    live: tuple[Resource, ...] = (),
    known: Inventory = NOTHING_KNOWN,
    gone: frozenset[Address] = frozenset(),
) -> PlanContext:
    return PlanContext(plan(), by_address(*desired), by_address(*live), known, missing_live=gone)


def made(action: Action, one: Resource, result: Result = "applied") -> ResourceChange:
    return change(action, str(one.address)).finished(result)


def test_what_was_applied_is_recorded_as_the_files_have_it() -> None:
    record = advanced(work(WEB, DISK, live=(EDITED,)), [made("update", WEB), made("create", DISK)])
    assert {one: record.entry(one) for one in record} == {WEB.address: entry(WEB), DISK.address: entry(DISK)}


@pytest.mark.parametrize("result", ["failed", "skipped"])
@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_what_was_not_applied_stays_recorded_as_it_was(action: Action, result: Result) -> None:
    known = recorded(EDITED)
    desired = () if action == "delete" else (WEB,)
    assert advanced(work(*desired, live=(EDITED,), known=known), [made(action, WEB, result)]).packed == known.packed


def test_what_was_live_as_the_files_say_is_recorded_too() -> None:
    record = advanced(work(WEB, LOAD, live=(WEB, LOAD), known=recorded(LOAD)), [])
    assert {*record} == {WEB.address, LOAD.address}
    assert record.packed[LOAD.address] == recorded(LOAD).packed[LOAD.address]


def test_what_is_recorded_as_it_is_already_is_not_recorded_again() -> None:
    known = replace(recorded(WEB), packed={WEB.address: f"{recorded(WEB).fingerprint(WEB.address)}:as it was"})
    assert advanced(work(WEB, live=(WEB,), known=known), []).packed == known.packed


def test_one_that_was_deleted_that_is_gone_or_that_was_released_is_managed_no_more() -> None:
    known = recorded(WEB, DISK, LOAD)
    prepared = work(LOAD, live=(WEB, LOAD), known=known, gone=frozenset({DISK.address}))
    prepared = replace(prepared, released=frozenset({LOAD.address}))
    assert [*advanced(prepared, [made("delete", WEB), made("update", LOAD)])] == []


def test_what_was_released_is_announced_only_while_it_is_managed() -> None:
    """A cut of the run that reverts it must not make it managed."""
    changes = tuple(made("update", one) for one in (WEB, LOAD))
    prepared = replace(
        work(WEB, LOAD, live=(EDITED,), known=recorded(EDITED)),
        plan=plan(*changes),
        released=frozenset({WEB.address, LOAD.address}),
    )
    assert [*announced(prepared, planned_entries(prepared)).pending] == [WEB.address]


def test_what_is_live_and_in_no_file_is_nobody_s() -> None:
    assert [*advanced(work(live=(WEB,)), [])] == []


def test_an_account_is_in_no_inventory_of_what_is_in_it() -> None:
    new = resource("account/new", {})
    assert [*advanced(work(new), [made("create", new)])] == []


def test_where_hand_edits_are_kept_what_is_live_then_is_recorded_beside_what_the_files_say() -> None:
    ours, theirs = resource("dashboard/web", dashboard(title="New")), resource("dashboard/web", dashboard(period=1))
    blend = resource("dashboard/web", dashboard(title="New", period=1))
    kept: dict[Address, tuple[FieldChange, ...]] = {ours.address: (replaced(("period",), 1, 3600),)}
    prepared = replace(
        work(ours, live=(theirs,)), reconciliation=Reconciliation(kept=kept, effective=by_address(blend))
    )
    assert entry_of(prepared, ours.address) == entry(ours, blend)
    # without anything to send, it is live as it was
    assert entry_of(replace(prepared, reconciliation=Reconciliation(kept=kept)), ours.address) == entry(ours, theirs)


def test_what_is_kept_is_recorded_anew_though_its_file_is_as_it_was() -> None:
    prepared = work(WEB, live=(EDITED,), known=recorded(WEB))
    assert advanced(prepared, []).entry(WEB.address) == entry(WEB)
    reconciliation = Reconciliation(kept={WEB.address: (replaced(("period",), 30, 60),)})
    kept = replace(prepared, reconciliation=reconciliation)
    assert advanced(kept, []).entry(WEB.address) == entry(WEB, EDITED)


def test_secrets_are_recorded_by_the_digests_of_the_texts_that_hold_them() -> None:
    document = referring(rule(title="Hook s3cret"), SECRETS)
    ours = replace(resource("rule/a", document), secrets=SECRETS)
    known = entry_of(work(ours), ours.address)
    assert known == entry(ours, secrets=ours.secrets)
    assert [*known.secrets.values()] == ["Hook ${env:A}"]


# what is taken over as it is live


def test_what_is_taken_over_as_it_is_live_is_recorded_as_if_that_had_been_applied() -> None:
    taken = as_live(work(WEB), WEB.address, EDITED)
    assert taken == Entry(form(EDITED))
    assert as_live(work(WEB), WEB.address, WEB) == entry(WEB)


def test_what_only_the_server_has_and_nobody_knows_is_not_the_files_business() -> None:
    live = resource("dashboard/web", dashboard(widget("cpu"), period=30, zoom=2))
    assert as_live(work(WEB), WEB.address, live) == Entry(
        form(resource("dashboard/web", dashboard(widget("cpu"), period=30)))
    )


def test_secrets_that_are_live_are_known_again() -> None:
    ours = replace(resource("rule/a", referring(rule(title="s3cret", description="a"), SECRETS)), secrets=SECRETS)
    theirs = resource("rule/a", rule(title="s3cret", description="b"))
    taken = as_live(work(ours), ours.address, theirs)
    assert [*taken.secrets.values()] == ["${env:A}"]
    assert taken.applied == form(theirs)


def test_what_is_recorded_is_what_was_worked_out_before_the_write() -> None:
    prepared = replace(work(WEB), plan=plan(change("create", "dashboard/web"), change("delete", "rule/old")))
    planned = planned_entries(prepared)
    assert planned == {WEB.address: packed(entry(WEB))}
    other = {WEB.address: "as it was sent"}
    assert advanced(prepared, [made("create", WEB)], other).packed == other
