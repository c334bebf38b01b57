"""Limit the resources of an account, and the accounts of an organisation."""

from typing import Any

from dlsync.server.operation import Call, Refusal

UNCOUNTED = 10  # a tenth of the remaining rows is inserted without a count, so that ten servers keep a quota together
NAMES = {"documents": "dashboards and rules", "streams": "annotation streams"}


async def insert(call: Call, table: str, **values: Any) -> bool:
    """Insert a row of the account within its quota; return False if a row with its key exists.

    :raises Refusal: 507, the quota is used up (RFC 4331, 6).
    """
    inserted = await call.store.insert(table, account=call.account, **values)
    if inserted:
        limit = call.settings.limits.resources
        problem = f"the account has {limit} {NAMES.get(table, table)}, the most that this server allows"
        await _count(call, table, limit, f"{problem}; delete some, or raise --max-resources", account=call.account)
    return inserted


async def count_accounts(call: Call) -> None:
    """Raise 507 if the organisation has more accounts than this server allows."""
    limit = call.settings.limits.accounts
    problem = f"the organisation has {limit} accounts, the most that this server allows"
    await _count(call, "accounts", limit, f"{problem}; delete some, or raise --max-accounts", org=call.org)


async def _count(call: Call, table: str, limit: int, problem: str, **where: str) -> None:
    """Count rows, unless the last count left an allowance: a count takes longer than a write."""
    key, allowances = (table, *where.values()), call.allowances
    if (allowance := allowances.get(key, 0)) > 0:
        allowances[key] = allowance - 1
        return
    (row,) = await call.store.rows(table, "count(*) AS number", **where)
    if row["number"] > limit:
        raise Refusal(507, problem)
    if len(allowances) > call.settings.limits.accounts:
        allowances.clear()  # forgets deleted accounts too
    allowances[key] = (limit - row["number"]) // UNCOUNTED
