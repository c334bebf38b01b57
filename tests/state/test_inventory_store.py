"""Where the inventory is kept: in the account itself, in a file, or nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync.errors import DlsyncError
from dlsync.state import inventory, inventory_store
from dlsync.state.inventory import INVENTORY
from tests.builders.inventories import name_no_account, recorded
from tests.builders.trees import Account, account, dashboard, resource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.state.inventory import Inventory

RECORD = recorded(resource("dashboard/web", dashboard()))
PLACES = ["account", "team/inventory.json"]


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as live:
        yield live


def read(live: Account, root: Path, place: str) -> Inventory:
    return live.run(lambda client: inventory_store.read(client, replace(live.settings, inventory=place), root))


def write(live: Account, root: Path, place: str, record: Inventory) -> None:
    (root / "team").mkdir(exist_ok=True)
    live.run(lambda client: inventory_store.write(client, replace(live.settings, inventory=place), root, record))


@pytest.mark.parametrize("place", PLACES)
def test_a_written_inventory_is_read_back_and_the_next_write_replaces_it(
    live: Account, tmp_path: Path, place: str
) -> None:
    write(live, tmp_path, place, replace(RECORD, exists=False))
    first = read(live, tmp_path, place)
    assert (first.packed, first.salt, first.exists) == (RECORD.packed, RECORD.salt, True)
    write(live, tmp_path, place, first.changed({}, [*first]))
    assert [*read(live, tmp_path, place)] == []


def test_write_creates_the_inventory_if_it_was_deleted_after_the_read(live: Account, tmp_path: Path) -> None:
    write(live, tmp_path, "account", replace(RECORD, exists=True))
    assert read(live, tmp_path, "account").packed == RECORD.packed


def test_an_inventory_that_the_server_reported_as_missing_is_not_overwritten(live: Account, tmp_path: Path) -> None:
    write(live, tmp_path, "account", replace(RECORD, exists=False))
    write(live, tmp_path, "account", replace(RECORD, exists=False))  # the same content, as after a lost response
    with pytest.raises(DlsyncError, match="has an inventory, which the server denied before"):
        write(live, tmp_path, "account", inventory.empty())
    assert read(live, tmp_path, "account").packed == RECORD.packed


@pytest.mark.parametrize("place", PLACES)
def test_a_missing_inventory_manages_no_resources(live: Account, tmp_path: Path, place: str) -> None:
    found = read(live, tmp_path, place)
    assert ([*found], found.kept, found.exists, found.broken) == ([], True, False, "")


def test_a_missing_account_has_no_inventory(live: Account, tmp_path: Path) -> None:
    elsewhere = Account(replace(live.settings, account="new"))
    assert not read(elsewhere, tmp_path, "account").exists


def test_with_the_setting_none_no_inventory_is_read_or_written(live: Account, tmp_path: Path) -> None:
    write(live, tmp_path, "none", RECORD)
    found = read(live, tmp_path, "none")
    assert ([*found], found.kept) == ([], False)
    assert live.requests() == []


@pytest.mark.parametrize("place", PLACES)
def test_a_broken_inventory_manages_no_resources_and_can_be_overwritten(
    live: Account, tmp_path: Path, place: str
) -> None:
    write(live, tmp_path, place, RECORD)
    if place == "account":
        live.run(lambda client: client.plugins.update(INVENTORY, b"{"))
    else:
        (tmp_path / place).write_bytes(b"{")
    found = read(live, tmp_path, place)
    assert ([*found], found.kept, found.exists) == ([], True, True)
    assert found.broken == "the inventory is broken"
    write(live, tmp_path, place, replace(RECORD, exists=found.exists))
    assert read(live, tmp_path, place).packed == RECORD.packed


@pytest.mark.parametrize("place", PLACES)
def test_an_inventory_of_a_newer_dlsync_is_an_error(live: Account, tmp_path: Path, place: str) -> None:
    newer = RECORD.content().replace(b'"format_version": 1', b'"format_version": 2')
    write(live, tmp_path, place, RECORD)
    if place == "account":
        live.run(lambda client: client.plugins.update(INVENTORY, newer))
    else:
        (tmp_path / place).write_bytes(newer)
    with pytest.raises(DlsyncError, match="written by a newer dlsync"):
        read(live, tmp_path, place)


def test_the_error_for_an_unreadable_or_unwritable_file_names_the_file(live: Account, tmp_path: Path) -> None:
    (tmp_path / "team/inventory.json").mkdir(parents=True)
    with pytest.raises(DlsyncError, match=r"the inventory .*team/inventory\.json is not a regular file"):
        read(live, tmp_path, "team/inventory.json")
    with pytest.raises(DlsyncError, match=r"the inventory .*team/inventory\.json cannot be written: "):
        write(live, tmp_path, "team/inventory.json", RECORD)


@pytest.mark.parametrize("link", ["team", "team/inventory.json"])
def test_a_file_outside_the_directory_is_neither_read_nor_written_through_a_link(
    live: Account, tmp_path: Path, link: str
) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    for folder in (outside, (root / link).parent):
        folder.mkdir(parents=True, exist_ok=True)
    (outside / "inventory.json").write_bytes(b"theirs")
    (root / link).symlink_to(outside / "inventory.json" if link.endswith(".json") else outside)
    with pytest.raises(DlsyncError, match="leads outside the directory"):
        read(live, root, "team/inventory.json")
    with pytest.raises(DlsyncError, match=r"cannot be written: leads outside the directory"):
        write(live, root, "team/inventory.json", RECORD)
    assert (outside / "inventory.json").read_bytes() == b"theirs"


@pytest.mark.parametrize("absolute", [False, True])
def test_a_configured_path_outside_the_directory_is_allowed(live: Account, tmp_path: Path, *, absolute: bool) -> None:
    (tmp_path / "tree").mkdir()
    place = str(tmp_path / "inventory.json") if absolute else "../inventory.json"
    write(live, tmp_path / "tree", place, replace(RECORD, exists=False))
    assert read(live, tmp_path / "tree", place).packed == RECORD.packed
    assert (tmp_path / "inventory.json").exists()


def test_a_file_that_is_too_large_for_an_inventory_is_not_read(live: Account, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(inventory_store._LARGEST + 1)
    with pytest.raises(DlsyncError, match="huge is too large: 268 MB") as error:
        read(live, tmp_path, "huge")
    assert "`inventory`" in error.value.hint


def test_a_file_of_another_account_is_refused_and_a_file_without_an_account_is_read(
    live: Account, tmp_path: Path
) -> None:
    write(live, tmp_path, "inventory.json", RECORD)
    other = replace(live, settings=replace(live.settings, account="other"))
    with pytest.raises(DlsyncError, match=r"inventory\.json is of acme/default at .*, not of acme/other at ") as error:
        read(other, tmp_path, "inventory.json")
    assert "give each environment an `inventory` of its own" in error.value.hint
    name_no_account(tmp_path / "inventory.json")
    assert read(other, tmp_path, "inventory.json").packed == RECORD.packed
