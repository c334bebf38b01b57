"""Find the key of a request, and check what it allows."""

import asyncio
import hmac
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from dlsync.server import keys
from dlsync.server.database import Database, transact
from dlsync.server.keys import BOOTSTRAP, FORM, Key, Role
from dlsync.server.operation import Refusal, Settings
from dlsync.server.times import timestamp

CACHED_FOR = timedelta(seconds=2)  # how long a key is cached, and works after it is revoked
USE_INTERVAL = timedelta(hours=1)


class Admission:
    """The keys of requests, from a cache or the database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._bootstrap = keys.digest_of(settings.api_key.encode())
        self._cache: dict[str, tuple[list[Key], datetime]] = {}  # by digest, with the time of reading
        self._recorded: dict[str, str] = {}  # by name

    async def key_of(self, authorizations: list[bytes]) -> Key:
        """Return the key of a request.

        :param authorizations: the values of its ``Authorization`` headers.
        :raises Refusal: 401 if the key is missing, unknown, revoked or expired; 400 if there are several.
        :raises DatabaseError: the database cannot be read.
        """
        if len(authorizations) > 1:
            raise Refusal(400, "the request has several headers Authorization; send one")
        scheme, _, sent = b"".join(authorizations).partition(b" ")
        if scheme.lower() != b"bearer" or not (sent := sent.strip()):
            raise Refusal(401, "the API key of this server is expected: Authorization: Bearer <key>")
        digest = keys.digest_of(sent)
        if hmac.compare_digest(digest, self._bootstrap):
            return BOOTSTRAP
        found = await self._find(digest) if FORM.fullmatch(sent.decode("latin-1")) else []
        if not found:
            raise Refusal(401, "this server does not know the API key")
        if found[0].revoked:
            raise Refusal(401, "the API key was revoked")
        if found[0].expires and found[0].expires <= timestamp(self._settings.now()):
            raise Refusal(401, "the API key has expired")
        return found[0]

    async def _find(self, digest: str) -> list[Key]:
        now = self._settings.now()
        found, read = self._cache.pop(digest, ([], now))
        if not found or not timedelta(0) <= now - read < CACHED_FOR:
            seconds = self._settings.limits.lock_seconds
            find = partial(keys.select, digest=digest)
            found, read = await transact(self._database, find, write=False, seconds=seconds), now
        if found:
            self._cache[digest] = found, read
        return found

    async def record_use(self, key: Key) -> None:
        """Store the time of use of a key, once an hour; ignore errors. Call it after the response."""
        now = self._settings.now()
        if key is BOOTSTRAP or self._recorded.get(key.name, key.last_used) > timestamp(now - USE_INTERVAL):
            return
        self._recorded[key.name] = timestamp(now)  # before the write, so that requests do not repeat a failed one
        with suppress(Exception, asyncio.CancelledError):
            async with self._database.transaction(write=True) as store:
                await store.update(keys.TABLE, {"last_used": timestamp(now)}, name=key.name)


def require_role(key: Key, role: Role) -> None:
    """Raise 403 unless the key has at least the role."""
    if not key.may(role):
        raise Refusal(403, f"this needs a key with the role {role}; the key {{}} has the role {key.role}", key.name)


def require_account(key: Key, account: str) -> None:
    """Raise 403 unless the key is for the account, which need not exist."""
    if not key.covers(account):
        raise Refusal(403, "the key {} is not for the account {}", key.name, account)
