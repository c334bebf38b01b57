"""Inventories, and a strategy for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st

from dlsync.diff.digests import digest, digested, fingerprint
from dlsync.model import Address, Entry
from dlsync.resources import kind_of
from dlsync.state import inventory
from dlsync.state.inventory import INVENTORY, Inventory, Pending, packed, secret_digests
from tests.builders.accounts import NAMES, TEXT, VALUES
from tests.builders.referring import referring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlsync.model import Json, Resource
    from tests.builders.trees import Account

SALT = b"0123456789abcdef"
_DIGESTED = st.dictionaries(TEXT, VALUES, max_size=3).map(lambda one: cast("dict[str, Json]", digested(SALT, one)))
ENTRIES = st.builds(
    Entry,
    _DIGESTED,
    st.none() | _DIGESTED,
    st.dictionaries(st.text("0123456789abcdef", min_size=8, max_size=8), TEXT, max_size=2),
    st.text("0123456789abcdef", max_size=16),
)
_ADDRESSES = st.builds(Address, st.sampled_from(["dashboard", "link", "plugin", "rule"]), NAMES)


def inventories() -> st.SearchStrategy[Inventory]:
    entries = st.dictionaries(_ADDRESSES, ENTRIES, max_size=3)
    writes = st.builds(Pending, st.sampled_from(["create", "update"]), ENTRIES.map(packed)) | st.just(Pending("delete"))
    pending = st.dictionaries(_ADDRESSES, writes, max_size=3)
    salts = st.binary(min_size=1, max_size=64)
    return st.builds(
        lambda salt, all_, sent: replace(Inventory(salt).changed(all_), pending=sent), salts, entries, pending
    )


def form(one: Resource) -> dict[str, Json]:
    """Return the digests of a resource."""
    return cast("dict[str, Json]", digested(SALT, kind_of(one.kind).canonical(one.document)))


def entry(applied: Resource, live: Resource | None = None, secrets: Mapping[str, str] | None = None) -> Entry:
    """Return the inventory entry of an applied resource; ``live`` is the resource with kept manual edits."""
    kind = kind_of(applied.kind)
    known = secret_digests(SALT, referring(kind.canonical(applied.document), secrets or {}))
    print_ = fingerprint(SALT, kind.fingerprint_source(applied))
    return Entry(form(applied), None if live is None else form(live), known, print_)


def recorded(*applied: Resource, secrets: Mapping[str, str] | None = None) -> Inventory:
    """Return the inventory after an apply of these resources."""
    entries = {one.address: entry(one, secrets=secrets) for one in applied}
    return Inventory(SALT, exists=True).changed(entries)


def name_no_account(file: Path) -> None:
    """Remove the account from an inventory file, as in an older version, so that a server in between may use it."""
    if file.exists():
        file.write_bytes(replace(inventory.read(file.read_bytes()), account="").content())


def forge(live: Account, name: str, text: str, spelling: str) -> None:
    """Change the inventory of an account, so that a text of a resource counts as a secret."""
    record = inventory.read(live.run(lambda client: client.plugins.get(INVENTORY)).content)
    known = record.entry(Address(*name.split("/", 1)))
    assert known is not None
    changed = replace(known, secrets={**known.secrets, digest(record.salt, text): spelling})
    content = record.changed({Address(*name.split("/", 1)): changed}).content()
    live.run(lambda client: client.plugins.update(INVENTORY, content))
