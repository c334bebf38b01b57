"""Detection of the undocumented operations that a server supports."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dlsync.client.optional_operations import OBSERVED
from dlsync.server.run import running
from tests.builders.http import reader_of
from tests.builders.served import account_of

if TYPE_CHECKING:
    from dlsync.server.run import RunningServer

READS = {"GET orgs", "GET dashboards", "GET rules", "GET rules/<name>/criteria", "GET links/<id>"}


def there(server: RunningServer) -> dict[str, bool | None]:
    async def asked() -> dict[str, bool | None]:
        async with reader_of(server.url, key="changeme") as client:
            return {one.name: await one.is_there(client) for one in OBSERVED}

    return asyncio.run(asked())


def test_read_operations_are_probed_and_write_operations_are_not() -> None:
    with running(demo=True) as server:
        with account_of(server) as http:
            http.put("rules/load", content="title: Load\ncriteria: []\n", headers={"Content-Type": "application/yaml"})
        assert there(server) == {one.name: True if one.name in READS else None for one in OBSERVED}


def test_a_read_operation_without_a_resource_to_probe_is_unknown() -> None:
    with running() as server:
        found = there(server)
    assert (found["GET rules/<name>/criteria"], found["GET links/<id>"], found["GET rules"]) == (None, None, True)


def test_a_server_with_only_documented_operations_lacks_the_optional_reads() -> None:
    with running(documented_only=True) as server:
        found = there(server)
    assert {name for name in READS if found[name] is False} == READS - {"GET links/<id>"}
