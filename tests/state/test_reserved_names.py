"""The plugin names that dlsync reserves for itself."""

from __future__ import annotations

import pytest

from dlsync.state.inventory import is_reserved


@pytest.mark.parametrize(
    "name",
    ["dlsync-inventory", "DLSYNC-Inventory", "dlsync-lock", "dlsync-Lock", "dlsync-lock.0a1b", "dlsync-lock.0a.1b"],
)
def test_the_names_of_the_inventory_the_lock_and_takeover_locks_are_reserved(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["", "dlsync", "dlsync-locks", "dlsync-inventory.1", "my-dlsync-lock"])
def test_every_other_name_is_not_reserved(name: str) -> None:
    assert not is_reserved(name)
