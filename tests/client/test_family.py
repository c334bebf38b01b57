from __future__ import annotations

import pytest

from dlsync.errors import DlsyncError
from tests.builders.http import Reply, reader_of, scripted_server

pytestmark = pytest.mark.anyio


async def test_a_reading_client_sends_no_write() -> None:
    async with scripted_server(Reply()) as server, reader_of(server.url) as reader:
        for write in (  # each is an error of types too, or mypy would refuse to ignore it
            reader.accounts.create("a"),  # type: ignore[misc] # the test calls what mypy refuses
            reader.agents.delete("a"),  # type: ignore[misc] # the test calls what mypy refuses
            reader.annotations.delete_stream("a"),  # type: ignore[misc] # the test calls what mypy refuses
            reader.dashboards.put("a", b""),  # type: ignore[misc] # the test calls what mypy refuses
            reader.links.delete("a"),  # type: ignore[misc] # the test calls what mypy refuses
            reader.plugins.create("a", "sh", b""),  # type: ignore[misc] # the test calls what mypy refuses
            reader.rules.mute("a"),  # type: ignore[misc] # the test calls what mypy refuses
            reader.tags.delete("a"),  # type: ignore[misc] # the test calls what mypy refuses
        ):
            with pytest.raises(DlsyncError, match=r"a reading connection cannot send .*; nothing was sent"):
                await write
    assert server.seen == []
