"""The names that are dlsync's own."""

from __future__ import annotations

import pytest

from dlsync.state.inventory import is_reserved


@pytest.mark.parametrize(
    "name",
    ["dlsync-inventory", "DLSYNC-Inventory", "dlsync-lock", "dlsync-Lock", "dlsync-lock.0a1b", "dlsync-lock.0a.1b"],
)
def test_the_record_the_lock_and_what_it_is_taken_over_under_are_nobody_s_resources(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["", "dlsync", "dlsync-locks", "dlsync-inventory.1", "my-dlsync-lock"])
def test_every_other_name_is_the_user_s(name: str) -> None:
    assert not is_reserved(name)
