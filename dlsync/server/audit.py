"""The audit log: an entry for each change, in its transaction. No code updates or deletes entries."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from dlsync.errors import SettingsError
from dlsync.server import keys
from dlsync.server.operation import ACCOUNT, Call, Deferred, Operation, row_by_name
from dlsync.server.refusals import masked
from dlsync.server.store import Row, Store
from dlsync.server.times import moment_of, timestamp

TABLE = "audit"
LONGEST = 200  # characters of a name
NAMED = {"account": "accounts", "key": keys.TABLE}  # columns of the log, and the tables of these names
# the table with the row that an operation changes, by the family in its path
FAMILIES: dict[str, tuple[str, dict[str, str]]] = {
    "": ("accounts", {}),
    "agents": ("agents", {}),
    "annotations": ("annotations", {}),
    "dashboards": ("documents", {"kind": "dashboard"}),
    "links": ("links", {}),
    "plugins": ("plugins", {}),
    "rules": ("documents", {"kind": "rule"}),
}
_NOT_IN_DIGEST = frozenset({"seq", "view", "document", "expired"})  # derived, or changed by each ping
_RUN = re.compile(r"[0-9A-Za-z.:-]{1,64}")  # no `_`, which keys contain
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


async def perform(operation: Operation, call: Call, names: Mapping[str, str], request: Request) -> Response | Deferred:
    """Perform an operation, and add an entry for an audited one in the same transaction.

    :param names: the names in the path.
    """
    audited, creates = operation.audited, operation.method == "POST"
    before = await _row(operation, call, call.id) if audited and not creates else None
    response = await operation.handle(call)
    if audited and isinstance(response, Response):
        content = json.loads(bytes(response.body)) if response.body else {}
        after = await _row(operation, call, (before or content).get("id", call.id))
        if creates and response.status_code == HTTPStatus.OK and _family(operation) == "rules":
            before = after  # dlcli sends a POST before each PUT of a rule, which changes nothing
        entry = _entry(operation, call, names, before, after)
        address = request.client.host if request.client else ""
        await call.store.insert(TABLE, **entry, address=address, status=response.status_code)
    return response


async def latest(store: Store, since: str, limit: int, **where: str) -> list[Row]:
    """Return the last entries, oldest first.

    :param since: a date or time, by default in UTC; empty for all.
    :param where: columns with their values.
    :raises SettingsError: ``since`` is invalid, or the key or account of ``where`` never existed.
    """
    try:
        since = timestamp(moment_of(since or "0001-01-01"))
    except (ValueError, OverflowError):
        raise SettingsError("--since: expected a date such as 2030-12-31, or a time such as 2030-12-31T12:00") from None
    entries = await store.latest(TABLE, since, limit, **where)
    for column in () if entries else where.keys() & NAMED.keys():
        await _check_name(store, column, where[column])
    return entries[::-1]


async def _check_name(store: Store, column: str, name: str) -> None:
    """Refuse a name that never existed: an empty result would mean that it changed nothing."""
    known = name == keys.BOOTSTRAP.name or await store.rows(NAMED[column], "name", name=name)
    if not known and not await store.latest(TABLE, "", 1, **{column: name}):
        hint = "Correct the name: `dlsync serve keys list` and `dlsync accounts list` show them."
        raise SettingsError(f"--{column}: {name} is not in the audit log, nor in the database", hint=hint)


def _entry(
    operation: Operation, call: Call, names: Mapping[str, str], before: Row | None, after: Row | None
) -> dict[str, str]:
    row = before or after or {}
    name = call.name if _family(operation) == "annotations" else row.get("name", call.name)
    run, commit = (call.headers.get(f"dlsync-{part}", "") for part in ("run", "commit"))
    shown = {"org": names["org"], "account": names.get("account", name), "name": name, "id": row.get("id", call.id)}
    return {
        "time": timestamp(call.settings.now()),
        "key": call.key.name,
        "role": call.key.role,
        "operation": f"{operation.method} {operation.path}",
        **{column: masked(text, call.settings.api_key)[:LONGEST] for column, text in shown.items()},
        "before": _digest(before),
        "after": _digest(after),
        "run": run if _RUN.fullmatch(run) else "",
        "revision": commit if _COMMIT.fullmatch(commit) else "",
    }


async def _row(operation: Operation, call: Call, identifier: str) -> Row | None:
    """Return the row that an operation changes: the row with an id, or else with the name in the path."""
    family, store, account = _family(operation), call.store, call.account
    if family == "tags":  # tags are in the rows of links and agents
        return None
    table, where = FAMILIES[family]
    if not family:
        return await store.row(table, org=call.org, id=identifier or account)
    if identifier:
        return await store.row(table, account=account, id=identifier)
    if family == "annotations":
        return await store.row("streams", account=account, name=call.name)
    return await row_by_name(call, table, **where)


def _family(operation: Operation) -> str:
    return operation.path.removeprefix(f"{ACCOUNT}/").split("/")[0] if operation.path.startswith(f"{ACCOUNT}/") else ""


def _digest(row: Row | None) -> str:
    content = sorted((column, value) for column, value in (row or {}).items() if column not in _NOT_IN_DIGEST)
    return blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() if row else ""
