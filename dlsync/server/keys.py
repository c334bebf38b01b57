"""The keys of the API, each with a name, a role and accounts. The database has only their digests."""

import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase, translate
from hashlib import sha256
from typing import Literal

from dlsync.errors import SettingsError
from dlsync.server.store import Store
from dlsync.server.times import moment_of, timestamp

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = ("read", "write", "admin")  # each includes those before it
TABLE = "api_keys"
FORM = re.compile(r"dlsync_[0-9a-f]{40}")
NAME = re.compile(r"(?!bootstrap$)[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SET = re.compile(r"\[!?+\]?+[^\]]*\]")  # of characters, as fnmatch parses it
NEVER = "(?!)"  # how fnmatch translates an empty range, such as [z-a]
DAYS = re.compile(r"([0-9]{1,5})d")


@dataclass(frozen=True, slots=True)
class Key:
    """The description of a key, without the key itself. Times are from :func:`timestamp`, or empty for never.

    :param accounts: globs for the names of accounts, separated by commas.
    :param last_used: up to an hour late.
    :param revoked: the time; the row stays, so that no other key gets a name that the audit log holds.
    """

    name: str
    role: Role
    accounts: str = "*"
    created: str = ""
    expires: str = ""
    last_used: str = ""
    revoked: str = ""

    def may(self, role: Role) -> bool:
        """Return whether the key has at least this role."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def covers(self, account: str) -> bool:
        """Return whether the key is for the account of this name."""
        return any(fnmatchcase(account, glob) for glob in self.accounts.split(","))


BOOTSTRAP = Key("bootstrap", "admin")  # of DLSYNC_API_KEY or --api-key-file; not in the database


def digest_of(key: bytes) -> str:
    """Return the stored digest of a key. A fast hash suffices for 160 random bits."""
    return sha256(key).hexdigest()


def key_of(name: str, role: Role, accounts: str, expires: str, now: datetime) -> Key:
    """Return the key for the arguments of a command.

    :param expires: ``90d``, or a date or time, by default in UTC; empty for never.
    :raises SettingsError: an argument is invalid.
    """
    if not NAME.fullmatch(name):
        raise SettingsError("the name of the key: expected letters, digits and ._@-, at most 64, and not bootstrap")
    if not (globs := ",".join(filter(None, map(str.strip, accounts.split(","))))):
        raise SettingsError("--accounts: expected the names of accounts, or globs such as 'shop-*'")
    for glob in globs.split(","):
        if "[" in SET.sub("", glob) or NEVER in translate(glob):
            hint = "A set of characters is [ab] or [a-z], without commas; the character [ itself is [[]."
            raise SettingsError(f"--accounts: {glob} cannot match any account", hint=hint)
    return Key(name, role, globs, timestamp(now), expires and _expiry(expires, now))


def _expiry(text: str, now: datetime) -> str:
    try:
        days = DAYS.fullmatch(text)
        expires = timestamp(now + timedelta(days=int(days[1])) if days else moment_of(text))
    except (ValueError, OverflowError):
        forms = "days such as 90d, a date such as 2030-12-31, or a time such as 2030-12-31T12:00"
        raise SettingsError(f"--expires: expected {forms}") from None
    if expires <= timestamp(now):
        raise SettingsError(f"--expires: {expires} is not in the future")
    return expires


async def create(store: Store, key: Key) -> str:
    """Store a key, and return its secret, which is not stored.

    :raises SettingsError: the name is or was in use.
    """
    secret = f"dlsync_{secrets.token_hex(20)}"
    if not await store.insert(TABLE, digest=digest_of(secret.encode()), **asdict(key)):
        hint = "Use another name: both keys work until you revoke the old one, and the audit log tells them apart."
        raise SettingsError(f"a key called {key.name} exists already, or was revoked", hint=hint)
    return secret


async def select(store: Store, **where: str) -> list[Key]:
    """Return the keys whose columns have these values, sorted by name, with expired and revoked ones."""
    rows = await store.rows(TABLE, "name, role, accounts, created, expires, last_used, revoked", "name", **where)
    return [Key(**row) for row in rows]


async def revoke(store: Store, name: str, now: datetime) -> None:
    """Revoke a key.

    :raises SettingsError: no key has this name, or it was revoked already.
    """
    if not await store.update(TABLE, {"revoked": timestamp(now)}, name=name, revoked=""):
        raise SettingsError(f"no key that is still valid is called {name}", hint="Run `dlsync serve keys list`.")
