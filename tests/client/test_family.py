from __future__ import annotations

import pytest

from dlsync.client.family import Family
from tests.builders.http import KEY, Reply, reader_of, scripted

pytestmark = pytest.mark.anyio


def test_a_reading_family_has_no_way_to_write() -> None:
    reader = reader_of("http://127.0.0.1:1")
    families = [value for value in vars(reader).values() if isinstance(value, Family)]
    assert len(families) == 10
    writes = ("put", "create", "update", "delete", "delete_stream", "ping", "mute")
    assert not any(hasattr(family, name) for family in families for name in writes)


async def test_the_repr_of_a_family_names_the_account_and_not_the_key() -> None:
    async with scripted(Reply()) as (server, client):
        assert repr(client.rules) == f"WritingRules(Connection('{server.url}', 'acme', 'default'))"
        assert KEY not in repr(client.rules)
