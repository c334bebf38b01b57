"""The inventory after an apply: it advances only for changes that the server confirmed."""

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


def test_applied_resources_are_recorded_with_the_content_of_their_files() -> None:
    record = advanced(work(WEB, DISK, live=(EDITED,)), [made("update", WEB), made("create", DISK)])
    assert {one: record.entry(one) for one in record} == {WEB.address: entry(WEB), DISK.address: entry(DISK)}


@pytest.mark.parametrize("result", ["failed", "skipped"])
@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_a_failed_or_skipped_change_leaves_its_entry_unchanged(action: Action, result: Result) -> None:
    known = recorded(EDITED)
    desired = () if action == "delete" else (WEB,)
    assert advanced(work(*desired, live=(EDITED,), known=known), [made(action, WEB, result)]).packed == known.packed


def test_live_resources_that_match_their_files_are_recorded_too() -> None:
    record = advanced(work(WEB, LOAD, live=(WEB, LOAD), known=recorded(LOAD)), [])
    assert {*record} == {WEB.address, LOAD.address}
    assert record.packed[LOAD.address] == recorded(LOAD).packed[LOAD.address]


def test_an_entry_that_is_up_to_date_is_not_rewritten() -> None:
    known = replace(recorded(WEB), packed={WEB.address: f"{recorded(WEB).fingerprint(WEB.address)}:as it was"})
    assert advanced(work(WEB, live=(WEB,), known=known), []).packed == known.packed


def test_deleted_missing_and_released_resources_lose_their_entries() -> None:
    known = recorded(WEB, DISK, LOAD)
    prepared = work(LOAD, live=(WEB, LOAD), known=known, gone=frozenset({DISK.address}))
    prepared = replace(prepared, released=frozenset({LOAD.address}))
    assert [*advanced(prepared, [made("delete", WEB), made("update", LOAD)])] == []


def test_a_released_resource_is_announced_only_while_it_is_managed() -> None:
    """An interrupted rollback must not make a released resource managed again."""
    changes = tuple(made("update", one) for one in (WEB, LOAD))
    prepared = replace(
        work(WEB, LOAD, live=(EDITED,), known=recorded(EDITED)),
        plan=plan(*changes),
        released=frozenset({WEB.address, LOAD.address}),
    )
    assert [*announced(prepared, planned_entries(prepared)).pending] == [WEB.address]


def test_a_live_resource_without_a_file_is_not_recorded() -> None:
    assert [*advanced(work(live=(WEB,)), [])] == []


def test_a_created_account_is_not_recorded() -> None:
    new = resource("account/new", {})
    assert [*advanced(work(new), [made("create", new)])] == []


def test_an_entry_with_kept_manual_edits_records_the_file_and_the_live_content() -> None:
    ours, theirs = resource("dashboard/web", dashboard(title="New")), resource("dashboard/web", dashboard(period=1))
    blend = resource("dashboard/web", dashboard(title="New", period=1))
    kept: dict[Address, tuple[FieldChange, ...]] = {ours.address: (replaced(("period",), 1, 3600),)}
    prepared = replace(
        work(ours, live=(theirs,)), reconciliation=Reconciliation(kept=kept, effective=by_address(blend))
    )
    assert entry_of(prepared, ours.address) == entry(ours, blend)
    # without a change to send, the live content stays as it was
    assert entry_of(replace(prepared, reconciliation=Reconciliation(kept=kept)), ours.address) == entry(ours, theirs)


def test_a_kept_manual_edit_updates_the_entry_although_the_file_is_unchanged() -> None:
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


# adopted resources


def test_an_adopted_live_resource_is_recorded_as_if_it_had_been_applied() -> None:
    taken = as_live(work(WEB), WEB.address, EDITED)
    assert taken == Entry(form(EDITED))
    assert as_live(work(WEB), WEB.address, WEB) == entry(WEB)


def test_an_entry_omits_server_only_fields_that_no_schema_knows() -> None:
    live = resource("dashboard/web", dashboard(widget("cpu"), period=30, zoom=2))
    assert as_live(work(WEB), WEB.address, live) == Entry(
        form(resource("dashboard/web", dashboard(widget("cpu"), period=30)))
    )


def test_a_live_secret_of_an_adopted_resource_is_recorded_by_its_reference() -> None:
    ours = replace(resource("rule/a", referring(rule(title="s3cret", description="a"), SECRETS)), secrets=SECRETS)
    theirs = resource("rule/a", rule(title="s3cret", description="b"))
    taken = as_live(work(ours), ours.address, theirs)
    assert [*taken.secrets.values()] == ["${env:A}"]
    assert taken.applied == form(theirs)


def test_an_apply_records_the_entries_that_were_computed_before_the_write() -> None:
    prepared = replace(work(WEB), plan=plan(change("create", "dashboard/web"), change("delete", "rule/old")))
    planned = planned_entries(prepared)
    assert planned == {WEB.address: packed(entry(WEB))}
    other = {WEB.address: "as it was sent"}
    assert advanced(prepared, [made("create", WEB)], other).packed == other
