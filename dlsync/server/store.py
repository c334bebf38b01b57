"""The reads and writes of one transaction. Each statement is built once, for all engines."""

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

JSON_COLUMNS = frozenset({"document", "expired", "extra", "tags"})

Row = dict[str, Any]
# runs a statement with a ``?`` for each value, and returns its rows and the number of changed rows
Execute = Callable[[str, Sequence[Any]], Awaitable[tuple[Iterable[Row], int]]]


def new_id() -> str:
    """Return a random id like those in the documentation: 24 hex digits."""
    return secrets.token_hex(12)


class Store:
    """The rows that one transaction reads and writes.

    Names of tables and columns are constants, and values are bound. The store converts columns with JSON from and to
    values.
    """

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def rows(self, table: str, columns: str = "*", order: str = "", **where: Any) -> list[Row]:
        """Return the rows whose columns have the values of ``where``."""
        ordered = f" ORDER BY {order}" if order else ""
        sql = f"SELECT {columns} FROM {table}{_conditions(where)}{ordered}"  # noqa: S608 -- names are constants
        rows, _ = await self._execute(sql, [*where.values()])
        return [_decoded(row) for row in rows]

    async def row(self, table: str, columns: str = "*", **where: Any) -> Row | None:
        """Return the row whose columns have the values of ``where``, or None."""
        return next(iter(await self.rows(table, columns, **where)), None)

    async def latest(self, table: str, since: str, limit: int, **where: Any) -> list[Row]:
        """Return the last rows from the time ``since`` on, the last row first."""
        conditions = f"{_conditions(where)} AND" if where else " WHERE"
        sql = f"SELECT * FROM {table}{conditions} time >= ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 -- as above
        rows, _ = await self._execute(sql, [*where.values(), since, limit])
        return [_decoded(row) for row in rows]

    async def insert(self, table: str, **values: Any) -> bool:
        """Insert a row; return False if a row with its key exists."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 -- as above
        return await self._changed(sql, _encoded(values))

    async def update(self, table: str, values: Row, **where: Any) -> bool:
        """Set columns of the rows whose columns have the values of ``where``; return whether any existed."""
        settings = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {settings}{_conditions(where)}"  # noqa: S608 -- as above
        return await self._changed(sql, [*_encoded(values), *where.values()])

    async def delete(self, table: str, **where: Any) -> bool:
        """Delete the rows whose columns have the values of ``where``; return whether any existed."""
        return await self._changed(f"DELETE FROM {table}{_conditions(where)}", [*where.values()])  # noqa: S608 -- as above

    async def _changed(self, sql: str, values: list[Any]) -> bool:
        _, count = await self._execute(sql, values)
        return count > 0


def _conditions(where: Row) -> str:
    return " WHERE " + " AND ".join(f"{name} = ?" for name in where) if where else ""


def _encoded(values: Row) -> list[Any]:
    return [_column(name, value) for name, value in values.items()]


def _column(name: str, value: Any) -> Any:
    if name in JSON_COLUMNS:
        return json.dumps(value)
    return int(value) if isinstance(value, bool) else value  # SQLite has no Booleans


def _decoded(row: Row) -> Row:
    return {name: json.loads(value) if name in JSON_COLUMNS else value for name, value in row.items()}
