"""The cache: which version of a resource was found to say what its files say. Only a help, and safe to delete.

It holds ETags and digests, a file for each account, under ``.dlsync/cache``. The server is always asked; a version
that it says is still there need not be sent and compared again. What has a secret in it is left out.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlsync import __version__
from dlsync.client.versions import etag_of
from dlsync.file_writer import is_inside, replace_file
from dlsync.kinds import kind_of
from dlsync.model import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlsync.kinds import Listing
    from dlsync.model import Resource, Target

FOLDER = Path(".dlsync", "cache")
_LARGEST = 64 * 1024 * 1024
_FEW = 10  # a list of which more than one in so many differs is worth having whole


class Seen(NamedTuple):
    """A version of a live resource, and the digest of the files that say the same."""

    etag: str
    digest: str


class Listed(NamedTuple):
    """A version of a list of whole resources, and their names."""

    etag: str
    names: frozenset[str]


NOTHING_LISTED = Listed("", frozenset())


@dataclass
class Cache:
    """What is known of one account.

    :param path: of its file; None to keep nothing.
    :param seal: the key of the digest that the file begins with.
    """

    path: Path | None = None
    seal: bytes = b""
    seen: dict[Address, Seen] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)

    def version(self, address: Address) -> str:
        """Return the ETag of the version that said what the files said; empty where none is known."""
        known = self.seen.get(address)
        return known.etag if known else ""

    def says(self, address: Address, desired: Resource | None) -> bool:
        """Whether that version says what the files say now."""
        known = self.seen.get(address)
        return bool(known and desired and not desired.secrets and known.digest == _digest(desired))

    def learn(
        self, desired: Mapping[Address, Resource], equal: Iterable[Resource], lists: Mapping[str, Listing]
    ) -> None:
        """Take in what a plan has found out, and keep it; that it cannot be kept is no error.

        :param desired: all that the files say; what is known of others is forgotten.
        :param equal: live resources that say what the files say.
        :param lists: what the server listed, by kind.
        """
        before = dict(self.seen), dict(self.listed)
        found = {
            one.address: Seen(one.etag, _digest(desired[one.address]))
            for one in equal
            if one.etag and not desired[one.address].secrets
        }
        self.seen = {address: one for address, one in {**self.seen, **found}.items() if address in desired}
        self.listed |= {
            kind: Listed(one.etag, one.names) for kind, one in lists.items() if one.etag and one.names is not None
        }
        self.listed = {kind: one for kind, one in self.listed.items() if self._is_worth_it(kind, one, desired)}
        if self.path and (self.seen, self.listed) != before:
            content = self._content()
            with suppress(OSError):
                replace_file(self.path, _sealed(self.seal, content) + b"\n" + content)

    def _is_worth_it(self, kind: str, listed: Listed, desired: Mapping[Address, Resource]) -> bool:
        wanted = [one for one in desired if one.kind == kind and one.name in listed.names]
        unknown = sum(self.version(one) != listed.etag for one in wanted)
        return unknown * _FEW <= len(wanted)

    def _content(self) -> bytes:
        whole = {
            "made_with": __version__,
            "resources": {
                str(address): one for address, one in sorted(self.seen.items(), key=lambda pair: pair[0].key)
            },
            "lists": {kind: [one.etag, sorted(one.names)] for kind, one in sorted(self.listed.items())},
        }
        return json.dumps(whole).encode()


FORGETFUL = Cache()


def read(root: Path, target: Target, key: str) -> Cache:
    """Return what is known of an account; nothing where the file is not there, or is not what was written.

    :param root: of the tree.
    :param key: the API key. Only who has it can have written the file: one that came with somebody's branch could make
        a plan say that nothing changes.
    """
    name = blake2b(str(target).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    seal = blake2b(key.encode(), digest_size=32).digest()
    file = root / FOLDER / f"{name}.json"
    if not is_inside(root, file):
        return Cache()
    cache = Cache(file, seal)
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        if file.stat().st_size <= _LARGEST:
            _fill(cache, file.read_bytes())
    return cache


def _fill(cache: Cache, kept: bytes) -> None:
    seal, _, content = kept.partition(b"\n")
    if seal != _sealed(cache.seal, content):
        return
    whole = json.loads(content)
    if whole["made_with"] != __version__:  # which may have another notion of what is the same
        return
    cache.seen = {
        Address(*text.split("/", 1)): Seen(etag_of(etag), digest) for text, (etag, digest) in whole["resources"].items()
    }
    cache.listed = {kind: Listed(etag_of(etag), frozenset(names)) for kind, (etag, names) in whole["lists"].items()}


def _sealed(seal: bytes, content: bytes) -> bytes:
    return blake2b(content, key=seal, digest_size=16).hexdigest().encode()


def _digest(desired: Resource) -> str:
    return blake2b(kind_of(desired.kind).fingerprinted(desired), digest_size=16).hexdigest()
