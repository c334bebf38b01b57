"""ETags: what a server calls a version of what it answers."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.versions import etag_of
from dlsync.errors import NotModified
from tests.builders.http import Reply, by_request, scripted


@pytest.mark.parametrize("etag", ['"a"', 'W/"a"', '"!#~"'])
def test_an_etag_is_taken_as_it_is(etag: str) -> None:
    assert etag_of(etag) == etag


@pytest.mark.parametrize(
    "text", ["", "a", '""', '"a" "b"', '"a\r\nX: y"', '"a b"', '"\u00e4"', f'"{"a" * 300}"', 7, None]
)
def test_what_no_header_should_carry_is_none(text: object) -> None:
    assert etag_of(text) == ""


@given(st.text())
def test_whatever_is_taken_is_one_printable_line(text: str) -> None:
    assert etag_of(text).isascii()
    assert etag_of(text).isprintable()


def test_a_version_that_is_known_is_named_and_need_not_be_sent() -> None:
    async def run() -> dict[str, str]:
        replies = {"GET rules/a": Reply(304)}
        async with scripted(by_request(replies, Reply(500))) as (server, client):
            with pytest.raises(NotModified):
                await client.rules.read("a", '"known"')
            return dict(server.seen[0].headers)

    assert asyncio.run(run())["if-none-match"] == '"known"'


def test_without_one_nothing_is_named() -> None:
    async def run() -> tuple[dict[str, str], tuple[bytes, str]]:
        replies = {"GET rules/a": Reply(200, b"title: A\n", (("ETag", '"new"'),))}
        async with scripted(by_request(replies, Reply(500))) as (server, client):
            found = await client.rules.read("a", "no etag\r\nX: y")
            return dict(server.seen[0].headers), found

    headers, found = asyncio.run(run())
    assert not {"if-none-match", "x"} & headers.keys()
    assert found == (b"title: A\n", '"new"')
