"""The inventory: digests of what dlsync applied last, for each managed resource. It does no I/O.

It is stored as JSON with the names of the resources. Each entry is packed (compressed) by itself, so that a run unpacks
only the entries that it needs.
"""

import base64
import json
import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from dlsync.diff.digests import digest, former_secrets
from dlsync.errors import DlsyncError
from dlsync.files.interpolation import referenced
from dlsync.model import Action, Address, Entry, Json, Resource

T = TypeVar("T")
INVENTORY = "dlsync-inventory"
LOCK = "dlsync-lock"
LOCK_TIMEOUT = 90.0  # s: longer than a dead lock lives, so that the same command again goes on by itself
FORMAT_VERSION = 1
_SALT_BYTES = 16
_LARGEST_ENTRY = 8 * 1024 * 1024  # bytes unpacked: a document of 1 MB has digests of some 3 MB
_NOTE = "What dlsync manages here, and digests of what it applied. `dlsync inventory` reads it; do not edit it."
_HINT = "Run `dlsync inventory rebuild`."


def is_reserved(plugin: str) -> bool:
    """Whether a plugin is the inventory, the lock, or a lock under which the lock is taken over."""
    folded = plugin.casefold()  # a server may ignore case
    return folded in {INVENTORY, LOCK} or folded.startswith(f"{LOCK}.")


def is_own_plugin(name: str) -> bool:
    """Whether a name in an old client's backup, with or without an extension, is that of a plugin of dlsync."""
    return is_reserved(name.partition(".")[0])


class Pending(NamedTuple):
    """A write that was recorded before it was sent, and is not confirmed.

    :param action: ``create`` means that nothing was there before.
    :param entry: the packed entry of the resource once the write is confirmed; empty for a delete.
    """

    action: Action
    entry: str = ""


class BrokenInventory(DlsyncError):
    """What is stored as the inventory cannot be read as one."""


@dataclass(frozen=True)
class Inventory:
    """The resources that dlsync manages in one account.

    :param packed: the entries by address, in the form of :func:`packed`.
    :param kept: whether there is an inventory at all; False for the setting ``inventory: none``.
    :param exists: whether it was found where it is stored.
    :param broken: why what was found cannot be read; empty if it can.
    :param ids: the ids of resources that the server may omit from its lists, by address.
    :param pending: the writes that were recorded and not confirmed, by address.
    :param foreign: what this version cannot read, and writes back as it is.
    :param account: the account of an inventory file; empty if the file does not name it.
    :param commit: the git commit of the files that were applied last; empty if unknown.
    """

    salt: bytes
    packed: Mapping[Address, str] = field(default_factory=dict)
    kept: bool = True
    exists: bool = False
    broken: str = ""
    ids: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)
    pending: Mapping[Address, Pending] = field(default_factory=dict)
    foreign: "Inventory | None" = None
    commit: str = field(default="", compare=False)
    account: str = field(default="", compare=False)

    def __contains__(self, address: Address) -> bool:
        return address in self.packed

    def __iter__(self) -> Iterator[Address]:
        return iter(self.packed)

    def entry(self, address: Address) -> Entry | None:
        """Return the entry of a resource; None if it is not managed, or its entry cannot be read."""
        return unpacked(self.packed.get(address, ""))

    def fingerprint(self, address: Address) -> str:
        """Return the fingerprint of what was applied, without unpacking; empty if the resource is not managed."""
        return self.packed.get(address, "").partition(":")[0]

    def knows_no_secrets(self, address: Address) -> bool:
        """Whether a resource was applied without secrets."""
        return not any(self._secrets(address))

    def former_secrets(self, live: Resource) -> dict[str, str]:
        """Return the texts that an apply put into a live resource as secrets, each with its spelling in a file."""
        found: dict[str, str] = {}
        for secrets in self._secrets(live.address):
            found |= former_secrets(self.salt, live.document, secrets)
        return found

    def secret_spellings(self, addresses: Iterable[Address]) -> dict[Address, set[str]]:
        """Return the references of secrets in the files of resources when they were applied; none for those without."""
        found = {one: {text for secrets in self._secrets(one) for text in secrets.values()} for one in addresses}
        return {address: spellings for address, spellings in found.items() if spellings}

    def _secrets(self, address: Address) -> Iterator[Mapping[str, str]]:
        """Yield the secrets of the entries of a resource: of what was applied, and of a pending write."""
        pending = self.pending.get(address)
        for text in filter(None, (self.packed.get(address), pending and pending.entry)):
            yield _secrets(text) or {}

    @property
    def known(self) -> set[Address]:
        """The resources that are managed, or will be if a pending write took effect."""
        return {*self.packed, *self.pending}

    @property
    def unreadable(self) -> set[Address]:
        """The resources whose entries this version cannot read, which therefore do not count as managed."""
        return {*self.foreign.packed} - self.packed.keys() if self.foreign else set()

    def without_unreadable(self, kinds: Collection[str]) -> "Inventory":
        """Return the inventory with unreadable entries, and those of other kinds, moved to ``foreign``."""
        strange = {one for one in self.known if one.kind not in kinds}
        apart = strange | {one for one, text in self.packed.items() if _secrets(text) is None}
        if not apart:
            return self
        entries, ids, pending = _without(self.packed, apart), _without(self.ids, apart), _without(self.pending, strange)
        foreign = Inventory(
            self.salt,
            _without(self.packed, entries),
            ids=_without(self.ids, ids),
            pending=_without(self.pending, pending),
        )
        return replace(self, packed=entries, ids=ids, pending=pending, foreign=foreign)

    def changed(self, entries: Mapping[Address, Entry], gone: Collection[Address] = ()) -> "Inventory":
        """Return the inventory with some entries added or replaced, and others removed."""
        return self.with_packed({address: packed(entry) for address, entry in entries.items()}, gone)

    def with_packed(self, entries: Mapping[Address, str], gone: Collection[Address] = ()) -> "Inventory":
        """Return the inventory with packed entries added or replaced, and others removed; none of them is pending."""
        pending = _without(self.pending, {*gone, *entries})
        foreign = self.foreign and self.foreign.with_packed({}, {*gone, *entries})
        packed_ = {**_without(self.packed, gone), **entries}
        return replace(self, packed=packed_, pending=pending, foreign=foreign).with_ids({})

    def with_ids(self, ids: Mapping[Address, tuple[str, ...]]) -> "Inventory":
        """Return the inventory with the ids of resources that it has."""
        return replace(self, ids={one: found for one, found in {**self.ids, **ids}.items() if one in self.packed})

    def content(self) -> bytes:
        """Return the inventory as it is stored."""
        foreign = self.foreign or Inventory(self.salt)
        resources = {str(one): text for one, text in sorted({**foreign.packed, **self.packed}.items())}
        whole = {"format_version": FORMAT_VERSION, "note": _NOTE, "salt": self.salt.hex(), "resources": resources}
        if ids := {**foreign.ids, **self.ids}:
            whole["ids"] = {str(one): found for one, found in sorted(ids.items())}
        if pending := {**foreign.pending, **self.pending}:  # a version that does not know it reads the rest
            whole["pending"] = {str(one): " ".join(write) for one, write in sorted(pending.items())}
        whole |= {name: text for name, text in (("commit", self.commit), ("account", self.account)) if text}
        return (json.dumps(whole, indent=0) + "\n").encode()


class _Document(msgspec.Struct):
    salt: Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{2}){1,64}$")]  # what blake2b takes as a key
    resources: dict[str, str]
    ids: dict[str, tuple[str, ...]] = {}
    pending: dict[str, str] = {}
    commit: str = ""
    account: str = ""


_Unpacked = tuple[dict[str, Any], dict[str, Any] | None, dict[str, str]]


def _without(mapping: Mapping[Address, T], gone: Collection[Address]) -> dict[Address, T]:
    return {address: value for address, value in mapping.items() if address not in gone}


def empty(*, kept: bool = True, broken: str = "") -> Inventory:
    """Return an empty inventory with a new salt."""
    return Inventory(os.urandom(_SALT_BYTES), kept=kept, exists=bool(broken), broken=broken)


def read(content: bytes) -> Inventory:
    """Parse an inventory.

    :raises BrokenInventory: the bytes hold none.
    :raises DlsyncError: a newer dlsync wrote it.
    """
    try:
        document = json.loads(content.decode())
        _require_version(document["format_version"])
        whole = msgspec.convert(document, _Document)
        salt = bytes.fromhex(whole.salt)
        packed_ = {parse_address(name): text for name, text in whole.resources.items()}
        ids = {parse_address(name): some for name, some in whole.ids.items()}
        pending = {
            parse_address(name): msgspec.convert(text.split(" ", 1), Pending) for name, text in whole.pending.items()
        }
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BrokenInventory("the inventory is broken", hint=_HINT) from None
    found = Inventory(salt, packed_, exists=True, pending=pending, commit=whole.commit, account=whole.account)
    return found.with_ids(ids)


def _require_version(version: object) -> None:
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise DlsyncError("the inventory was written by a newer dlsync", hint="Use that, or a newer one.")
    if version != FORMAT_VERSION:
        raise ValueError(version)


def parse_address(text: str) -> Address:
    """Parse an address such as ``dashboard/redis``; raise a ValueError for any other text."""
    kind, slash, name = text.partition("/")
    if not (kind and slash and name):
        raise ValueError(text)
    return Address(kind, name)


def packed(entry: Entry) -> str:
    """Encode an entry as one short text: its fingerprint, and the rest compressed."""
    text = json.dumps([entry.applied, entry.live, dict(entry.secrets)], separators=(",", ":")).encode()
    return f"{entry.fingerprint}:{base64.b64encode(zlib.compress(text)).decode()}"


def unpacked(text: str) -> Entry | None:
    """Decode a text of :func:`packed`; return None for any other text."""
    fingerprint, _, rest = text.partition(":")
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(rest, validate=True), _LARGEST_ENTRY)
        applied, live, secrets = msgspec.convert(json.loads(content), _Unpacked)
    except (ValueError, RecursionError, zlib.error):
        return None
    return Entry(applied, live, secrets, fingerprint)


@lru_cache(maxsize=2**16)  # several steps ask for each resource, and few have secrets
def _secrets(text: str) -> Mapping[str, str] | None:
    """Return the secrets of a packed entry; None if it cannot be read."""
    entry = unpacked(text)
    return entry.secrets if entry else None


def secret_digests(salt: bytes, document: Mapping[str, Json]) -> dict[str, str]:
    """Return the digests of the texts of a document that contain secrets, each with the text of the file."""
    return {digest(salt, text): text.spelling for text in referenced(dict(document))}
