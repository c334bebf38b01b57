"""The documented operations, by their names in the documentation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.client import Client

    Call = Callable[[Client], Awaitable[object]]

DOCUMENTED = (
    "GET accounts",
    "POST accounts",
    "DELETE accounts/<account name>",
    "GET agents",
    "GET agents/<id>",
    "DELETE agents/<id>",
    "GET dashboards/<name>",
    "PUT dashboards/<name>",
    "GET links",
    "GET metrics?source=<id>",
    "GET metrics?tag=<tag name>",
    "GET metrics/<metric name>/series?source=<id>",
    "GET metrics/<metric name>/series?tag=<tag name>",
    "GET plugins",
    "GET plugins/<plugin name>",
    "POST plugins",
    "PATCH plugins/<plugin name>",
    "DELETE plugins/<plugin name>",
    "GET rules/<name>",
    "PUT rules/<name>",
    "GET tags",
    "GET annotations",
    "GET annotations/<stream name>",
    "DELETE annotations/<stream name>",
    "POST annotations/<stream name>",
    "GET annotations/<stream name>/<id>",
    "PUT annotations/<stream name>/<id>",
    "DELETE annotations/<stream name>/<id>",
)
_PLACEHOLDER = re.compile(r"<[^>]*>")


class Table(dict[str, "Call"]):
    """A call for each operation, filled by a decorator."""

    def operation(self, name: str) -> Callable[[Call], Call]:
        def entered(call: Call) -> Call:
            assert name not in self
            self[name] = call
            return call

        return entered


def requested(name: str) -> re.Pattern[str]:
    """Return a pattern for requests of an operation: the method, and the target below the organisation or account."""
    parts = [re.escape(part) for part in _PLACEHOLDER.split(name.replace(" ", " …/", 1))]
    return re.compile("[^/?&]+".join(parts).replace("…", ".*/(?:acme|default)") + r"(?:&.*)?")
