"""The inventory: for each managed resource what dlsync applied last, as digests."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.model import Address, Entry
from dlsync.state import inventory
from dlsync.state.inventory import BrokenInventory, Inventory, Pending, packed, read, unpacked
from tests.builders.accounts import NAMES, VALUES
from tests.builders.inventories import ENTRIES, SALT, inventories, recorded
from tests.builders.plans import any_json, any_text
from tests.builders.trees import address, criterion, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from dlsync.model import Json

WEB = address("dashboard/web")
RESOURCES = st.dictionaries(st.builds("{}/{}".format, NAMES, NAMES), any_text(), max_size=3)


def without(whole: Inventory, **fields: object) -> bytes:
    return json.dumps({**json.loads(whole.content()), **fields}).encode()


@given(inventories())
def test_an_inventory_reads_back_unchanged(whole: Inventory) -> None:
    again = read(whole.content())
    assert again == replace(whole, exists=True)
    assert {one: again.entry(one) for one in again} == {one: whole.entry(one) for one in whole}
    assert again.content() == whole.content()


def test_the_last_applied_commit_is_stored_but_does_not_affect_equality() -> None:
    whole = replace(recorded(), commit="a" * 40)
    assert read(whole.content()).commit == "a" * 40
    assert "commit" not in json.loads(recorded().content())
    assert whole == recorded()
    with pytest.raises(BrokenInventory):
        read(without(whole, commit=1))


@given(ENTRIES)
def test_an_entry_reads_back_unchanged(entry: Entry) -> None:
    assert unpacked(packed(entry)) == entry
    assert unpacked(packed(entry)).seen == (entry.applied if entry.live is None else entry.live)  # type: ignore[union-attr] # as the line above says


def test_an_entry_is_unpacked_once_for_all_questions_about_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    text = packed(Entry({"title": "unpacked once"}, secrets={"00000000": "${env:HOOK}"}))
    unpacking = Mock(wraps=unpacked)
    monkeypatch.setattr(inventory, "unpacked", unpacking)
    whole = Inventory(SALT, {WEB: text}).without_unreadable({"dashboard"})
    assert not whole.knows_no_secrets(WEB)
    assert whole.secret_spellings([WEB]) == {WEB: {"${env:HOOK}"}}
    assert whole.former_secrets(resource("dashboard/web", dashboard())) == {}
    unpacking.assert_called_once_with(text)


@given(st.binary() | any_json().map(lambda one: json.dumps(one).encode()))
def test_any_other_content_is_a_broken_inventory(found: bytes) -> None:
    with pytest.raises(BrokenInventory, match="the inventory is broken") as broken:
        read(found)
    assert "dlsync inventory rebuild" in broken.value.hint


@given(st.sampled_from(["format_version", "salt", "resources"]), any_json() | RESOURCES)
def test_an_inventory_with_an_arbitrary_field_is_an_error_or_is_read_with_all_entries(
    field: str, value: object
) -> None:
    whole = recorded(resource("dashboard/web", dashboard()))
    with suppress(DlsyncError):
        found = read(without(whole, **{field: value})).packed
        expected = value if field == "resources" else {"dashboard/web": whole.packed[WEB]}
        assert {str(one): text for one, text in found.items()} == expected


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"salt": ""}, id="no salt"),
        pytest.param({"salt": "00" * 65}, id="a salt that is too long"),
        pytest.param({"salt": "xyz"}, id="a salt that is not hexadecimal"),
        pytest.param({"format_version": 0}, id="version 0"),
        pytest.param({"format_version": "1"}, id="a version that is a text"),
        pytest.param({"resources": {"dashboard/": ""}}, id="a resource without a name"),
        pytest.param({"resources": {"/web": ""}}, id="a resource without a kind"),
        pytest.param({"resources": {"web": ""}}, id="an address without a slash"),
        pytest.param({"resources": {"rule/a": 1}}, id="an entry that is a number"),
        pytest.param({"resources": []}, id="resources that are a list"),
        pytest.param({"ids": []}, id="ids that are a list"),
        pytest.param({"ids": {"link/disk": "54dc"}}, id="ids of a resource that are a text"),
        pytest.param({"ids": {"link/disk": [1]}}, id="an id that is a number"),
        pytest.param({"pending": []}, id="pending writes that are a list"),
        pytest.param({"pending": {"rule/a": 1}}, id="a pending write that is a number"),
        pytest.param({"pending": {"rule/a": "rename x"}}, id="a pending write with an unknown action"),
    ],
)
def test_an_invalid_field_makes_the_inventory_broken(fields: dict[str, object]) -> None:
    with pytest.raises(BrokenInventory):
        read(without(recorded(), **fields))


def test_deep_nesting_makes_the_inventory_broken() -> None:
    with pytest.raises(BrokenInventory):
        read(b"[" * 200_000)


def test_an_inventory_of_a_newer_dlsync_is_an_error_but_not_broken() -> None:
    with pytest.raises(DlsyncError, match="written by a newer dlsync") as newer:
        read(without(recorded(), format_version=2))
    assert not isinstance(newer.value, BrokenInventory)


@pytest.mark.parametrize(
    "whole",
    [
        "",
        "[]",
        "{}",
        "[{}, null]",
        "[{}, null, {}, 1]",
        "[[], null, {}]",
        "[{}, [], {}]",
        "[{}, null, []]",
        '[{}, null, {"a": 1}]',
        "[" * 100_000,
    ],
)
def test_an_entry_of_another_shape_is_unreadable(whole: str) -> None:
    assert unpacked(f"print:{base64.b64encode(zlib.compress(whole.encode())).decode()}") is None


@given(st.text() | st.binary().map(lambda one: f":{base64.b64encode(one).decode()}"))
def test_any_other_text_is_an_unreadable_entry(text: str) -> None:
    assert unpacked(text) is None


def test_an_entry_that_unpacks_to_more_than_the_limit_is_unreadable() -> None:
    bomb = b'[{"a":"' + b"0" * (inventory._LARGEST_ENTRY + 1) + b'"},null,{}]'
    text = f":{base64.b64encode(zlib.compress(bomb, 9)).decode()}"
    assert len(text) < 20_000
    assert unpacked(text) is None


def test_an_entry_of_a_document_of_a_megabyte_is_readable() -> None:
    widgets = [widget(f"cpu {number}") for number in range(8_000)]
    one = resource("dashboard/web", dashboard(*widgets))
    assert len(one.body) > 1_000_000
    whole = recorded(one)
    assert read(whole.content()).entry(WEB) == whole.entry(WEB) is not None


@given(st.dictionaries(NAMES, ENTRIES, max_size=3), st.dictionaries(NAMES, ENTRIES, max_size=3), st.sets(NAMES))
def test_changed_replaces_and_adds_entries_and_removes_the_given_addresses(
    before: dict[str, Entry], after: dict[str, Entry], gone: set[str]
) -> None:
    at = {name: Address("rule", name) for name in {*before, *after, *gone}}
    first = Inventory(SALT).changed({at[name]: entry for name, entry in before.items()})
    then = first.changed({at[name]: entry for name, entry in after.items()}, {at[name] for name in gone})
    expected = {name: entry for name, entry in before.items() if name not in gone} | after
    assert {one.name: then.entry(one) for one in then} == expected
    assert {one.name for one in first} == {*before}


def test_only_ids_of_managed_resources_are_stored() -> None:
    link, other = address("link/disk"), address("link/other")
    whole = Inventory(SALT).with_packed({link: "", other: ""}).with_ids({link: ("54dc",), WEB: ("1",)})
    assert read(whole.content()).ids == {link: ("54dc",)}
    assert whole.with_ids({other: ("2",)}).ids == {link: ("54dc",), other: ("2",)}
    assert whole.with_packed({}, {link}).ids == {}
    assert read(without(whole, ids={"rule/gone": ["3"]})).ids == {}


def test_an_unmanaged_resource_has_no_entry_and_no_fingerprint() -> None:
    whole = recorded(resource("dashboard/web", dashboard()))
    assert WEB in whole
    assert whole.fingerprint(WEB)
    assert address("rule/web") not in whole
    assert (whole.entry(address("rule/web")), whole.fingerprint(address("rule/web"))) == (None, "")


@given(inventories(), st.sets(st.sampled_from(["dashboard", "link", "plugin", "rule"])), st.sets(NAMES, max_size=2))
def test_unreadable_entries_are_not_managed_but_are_written_back(
    whole: Inventory, kinds: set[str], damaged: set[str]
) -> None:
    broken = {Address("rule", name): "zzz" for name in damaged}
    whole = whole.with_packed(broken).with_ids(dict.fromkeys(broken, ("1",)))
    found = whole.without_unreadable(kinds)
    assert {one.kind for one in found.known} <= kinds
    assert all(found.entry(one) for one in found)
    assert found.unreadable == whole.packed.keys() - found.packed.keys()
    assert found.content() == whole.content()
    assert found.without_unreadable(kinds) == found


def test_an_unreadable_entry_disappears_if_it_is_replaced_or_released() -> None:
    whole = recorded(resource("dashboard/web", dashboard())).with_packed(
        {address("silence/x"): "zzz", address("rule/a"): "zzz"}
    )
    found = whole.without_unreadable({"dashboard", "rule"})
    assert found.unreadable == {address("silence/x"), address("rule/a")}
    found = found.changed({address("rule/a"): Entry({})}, [address("silence/x")])
    assert (found.unreadable, sorted(map(str, found))) == (set(), ["dashboard/web", "rule/a"])


def test_a_resource_with_an_unreadable_entry_is_managed_and_has_a_fingerprint() -> None:
    whole = Inventory(SALT, {WEB: "print:!"})
    assert WEB in whole
    assert (whole.entry(WEB), whole.fingerprint(WEB)) == (None, "print")


def test_an_empty_inventory_has_its_own_salt_and_says_whether_it_is_kept_or_broken() -> None:
    one, other = inventory.empty(), inventory.empty()
    assert one.salt != other.salt
    assert ([*one], one.kept, one.exists, one.broken) == ([], True, False, "")
    assert not inventory.empty(kept=False).kept
    broken = inventory.empty(broken="it is none")
    assert (broken.exists, broken.broken) == (True, "it is none")


@given(VALUES)
def test_an_inventory_holds_no_secret_and_no_value_of_a_document(value: Json) -> None:
    secret = "s3cret-of-some-length"
    document = dashboard(widget(secret, color=[value, secret], filter=f"x {secret}"), period=7_777_777)
    content = recorded(resource("dashboard/web", document), secrets={secret: "${env:A}"}).content()
    whole = [content, *(zlib.decompress(base64.b64decode(read(content).packed[WEB].partition(":")[2])),)]
    assert not any(secret.encode() in part or b"7777777" in part for part in whole)
    assert b"${env:A}" in whole[1]


def test_an_inventory_explains_itself_and_has_one_line_for_each_resource() -> None:
    one, other = resource("dashboard/web", dashboard()), resource("rule/a\nb", {"title": "A"})
    content = recorded(one, other).content()
    assert b"`dlsync inventory` reads it; do not edit it" in content
    named = [line.partition(b": ")[0] for line in content.splitlines() if b"/" in line[:12]]
    assert named == [b'"dashboard/web"', b'"rule/a\\nb"']


@pytest.mark.parametrize(("secrets", "known"), [({}, True), ({"load": "${env:METRIC}"}, False)])
def test_an_inventory_knows_which_resources_were_applied_without_secrets(secrets: dict[str, str], known: bool) -> None:
    load = resource("rule/load", rule(criterion("load")))
    record = recorded(load, secrets=secrets)
    assert record.knows_no_secrets(load.address) is known
    assert record.knows_no_secrets(address("rule/other"))


def test_an_entry_that_cannot_be_read_knows_no_secrets() -> None:
    one = address("rule/a")
    for text in ("", "x:!", "x:AAAA", f"x:{base64.b64encode(zlib.compress(b'[1, 2]')).decode()}"):
        assert Inventory(b"salt", {one: text}).knows_no_secrets(one)


@given(inventories())
def test_pending_writes_only_add_a_field_to_format_version_1(whole: Inventory) -> None:
    document = json.loads(whole.content())
    document.pop("pending", None)
    assert document["format_version"] == 1
    assert json.loads(replace(whole, pending={}).content()) == document


def test_a_secret_of_a_pending_write_is_recognised() -> None:
    load = resource("rule/load", rule(criterion("load")))
    text = recorded(load, secrets={"load": "${env:METRIC}"}).packed[load.address]
    record = replace(recorded(load), pending={load.address: Pending("update", text)})
    assert not record.knows_no_secrets(load.address)
    assert record.former_secrets(load) == {"load": "${env:METRIC}"}
    assert record.changed({}, [load.address]).pending == {}
