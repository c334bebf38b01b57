"""Remember in the user's cache folder which version of a resource was equal to its files.

The cache holds ETags and digests of one account, without resources that hold a secret. A plan always asks the server,
which need not send a known version again. The cache is safe to delete.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from dlsync import __version__
from dlsync.files.writer import replace_file
from dlsync.model import Address, Resource, Target
from dlsync.resources import Listing, kind_of
from dlsync.state.inventory import parse_address


class Seen(NamedTuple):
    """A version of a live resource, and the digest of the files that were equal to it."""

    etag: str
    digest: str


class Listed(NamedTuple):
    """A version of a list of whole resources, and their names."""

    etag: str
    names: frozenset[str]


NOTHING_LISTED = Listed("", frozenset())


@dataclass
class Cache:
    """The known versions of one account."""

    seen: dict[Address, Seen] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)

    def version(self, address: Address, desired: Resource | None) -> str:
        """Return the ETag of the version that is equal to the files as they are now; empty if none is known."""
        etag, digest = self.seen.get(address, ("", ""))
        return etag if etag and desired and not desired.secrets and digest == _digest(desired) else ""

    def learned(
        self, desired: Mapping[Address, Resource], equal: Iterable[Resource], lists: Mapping[str, Listing]
    ) -> "Cache":
        """Return the cache after a plan.

        :param desired: all resources of the files; other resources are forgotten.
        :param equal: live resources that are equal to their files.
        :param lists: what the server listed, by kind.
        """
        found = {
            one.address: Seen(one.etag, _digest(desired[one.address]))
            for one in equal
            if one.etag and not desired[one.address].secrets
        }
        seen = {address: one for address, one in {**self.seen, **found}.items() if address in desired}
        whole = {kind: Listed(one.etag, one.names) for kind, one in lists.items() if one.etag and one.names is not None}
        listed = {kind: one for kind, one in {**self.listed, **whole}.items() if _has_all(kind, one, seen, desired)}
        return Cache(seen, listed)


FORGETFUL = Cache()


def remembered(target: Target) -> Cache:
    """Read the cache of an account; an empty one if there is no usable file."""
    with suppress(OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError):
        whole = json.loads(_file(target).read_bytes())
        if whole["made_with"] == __version__:  # another version may compare differently
            return Cache(
                {parse_address(key): Seen(etag, digest) for key, (etag, digest) in whole["seen"].items()},
                {kind: Listed(etag, frozenset(names)) for kind, (etag, names) in whole["listed"].items()},
            )
    return FORGETFUL


def remember(target: Target, known: Cache, found: Cache) -> None:
    """Write the cache if it changed. A failure is ignored, because the cache is optional."""
    if found == known:
        return
    seen = {str(address): one for address, one in sorted(found.seen.items(), key=lambda pair: pair[0])}
    listed = {kind: [one.etag, sorted(one.names)] for kind, one in sorted(found.listed.items())}
    with suppress(OSError, RuntimeError):  # the latter where the user has no home folder
        content = json.dumps({"made_with": __version__, "seen": seen, "listed": listed})
        replace_file(_file(target), content.encode())


def _file(target: Target) -> Path:
    name = blake2b(str(target).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return user_cache_path("dlsync") / f"{name}.json"


def _digest(desired: Resource) -> str:
    return blake2b(kind_of(desired.kind).fingerprint_source(desired), digest_size=16).hexdigest()


def _has_all(kind: str, listed: Listed, seen: Mapping[Address, Seen], desired: Iterable[Address]) -> bool:
    """Tell whether each resource of the files was equal in this list; if not, the next plan needs the whole list."""
    wanted = (one for one in desired if one.kind == kind and one.name in listed.names)
    return all(one in seen and seen[one].etag == listed.etag for one in wanted)
