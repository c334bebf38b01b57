"""The cache: which version of a resource was found to say what its files say. Only a help, and safe to delete. No I/O.

It holds ETags and digests of one account. The server is always asked; a version that it says is still there need not be
sent and compared again. What has a secret in it is left out.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlsync import __version__
from dlsync.files.directory import Directory
from dlsync.files.writer import replace_file
from dlsync.model import Address
from dlsync.resources import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlsync.files.settings import Settings
    from dlsync.model import Resource
    from dlsync.resources import Listing


FOLDER = Path(".dlsync", "cache")
_LARGEST = 64 * 1024 * 1024


def remembered(root: Path, settings: Settings) -> Cache:
    """Return what is known of the account; nothing where the file is not there, or is not what was written.

    :param settings: of which the API key counts too. Only who has it can have written the file: one that came with
        somebody's branch could make a plan say that nothing changes.
    """
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        return read(Directory(root).read(_file(settings), _LARGEST), _seal(settings))
    return FORGETFUL


def remember(root: Path, settings: Settings, known: Cache, found: Cache) -> None:
    """Write what a run found out, if it differs from what was known. A failure is ignored: the cache is optional."""
    if found != known:
        with suppress(OSError):
            replace_file(Directory(root).real_path(_file(settings)), found.content(_seal(settings)))


def _file(settings: Settings) -> str:
    name = blake2b(str(settings.target).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return str(FOLDER / f"{name}.json")


def _seal(settings: Settings) -> bytes:
    return blake2b(settings.key.encode(), digest_size=32).digest()


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
    """What is known of one account."""

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

    def learned(
        self, desired: Mapping[Address, Resource], equal: Iterable[Resource], lists: Mapping[str, Listing]
    ) -> Cache:
        """Return what is known after a plan.

        :param desired: all that the files say; what is known of others is forgotten.
        :param equal: live resources that say what the files say.
        :param lists: what the server listed, by kind.
        """
        found = {
            one.address: Seen(one.etag, _digest(desired[one.address]))
            for one in equal
            if one.etag and not desired[one.address].secrets
        }
        seen = {address: one for address, one in {**self.seen, **found}.items() if address in desired}
        whole = {kind: Listed(one.etag, one.names) for kind, one in lists.items() if one.etag and one.names is not None}
        after = Cache(seen, {**self.listed, **whole})
        after.listed = {kind: one for kind, one in after.listed.items() if after._is_worth_it(kind, one, desired)}
        return after

    def _is_worth_it(self, kind: str, listed: Listed, desired: Mapping[Address, Resource]) -> bool:
        wanted = [one for one in desired if one.kind == kind and one.name in listed.names]
        unknown = sum(self.version(one) != listed.etag for one in wanted)
        return unknown * _FEW <= len(wanted)

    def content(self, seal: bytes) -> bytes:
        """Return it as it is kept.

        :param seal: see :func:`read`.
        """
        resources = {str(address): one for address, one in sorted(self.seen.items(), key=lambda pair: pair[0].key)}
        lists = {kind: [one.etag, sorted(one.names)] for kind, one in sorted(self.listed.items())}
        content = json.dumps({"made_with": __version__, "resources": resources, "lists": lists}).encode()
        return _sealed(seal, content) + b"\n" + content


FORGETFUL = Cache()


def read(kept: bytes, seal: bytes) -> Cache:
    """Return what :meth:`Cache.content` was made from.

    :param seal: the key of the digest that it begins with: of 1 to 64 bytes.
    :raises ValueError: it is not what was written with this key, or by this version of dlsync.
    """
    begins, _, content = kept.partition(b"\n")
    if begins != _sealed(seal, content):
        raise ValueError("not what was written, or not with this key")
    whole = json.loads(content)
    if whole["made_with"] != __version__:  # which may have another notion of what is the same
        raise ValueError("another version of dlsync wrote it")
    return Cache(
        {Address(*text.split("/", 1)): Seen(etag, digest) for text, (etag, digest) in whole["resources"].items()},
        {kind: Listed(etag, frozenset(names)) for kind, (etag, names) in whole["lists"].items()},
    )


def _sealed(seal: bytes, content: bytes) -> bytes:
    return blake2b(content, key=seal, digest_size=16).hexdigest().encode()


def _digest(desired: Resource) -> str:
    return blake2b(kind_of(desired.kind).fingerprinted(desired), digest_size=16).hexdigest()
