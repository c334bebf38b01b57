"""Fuzzing: any response to an operation gives a value, or a printable error of dlsync without the key."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.client import Client
from dlsync.client.record import api_document
from dlsync.errors import DlsyncError
from tests.builders.http import IMPATIENT, Misbehaviour, Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.model import Json

# each example starts a server
MANY = settings() if settings().max_examples > 100 else settings(max_examples=400)
KEY = "Zq7-x9KdpL4mW8vT1yBn5"
OPERATIONS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "accounts.list": lambda client: client.accounts.list(),
    "accounts.organisations": lambda client: client.accounts.organisations(),
    "accounts.create": lambda client: client.accounts.create("new"),
    "accounts.delete": lambda client: client.accounts.delete("old"),
    "agents.list": lambda client: client.agents.list(),
    "agents.get": lambda client: client.agents.get("f1"),
    "agents.delete": lambda client: client.agents.delete("f1"),
    "agents.ping": lambda client: client.agents.ping("f1", name="web-1"),
    "annotations.streams": lambda client: client.annotations.streams(),
    "annotations.list": lambda client: client.annotations.list("deploys"),
    "annotations.get": lambda client: client.annotations.get("deploys", "1"),
    "annotations.create": lambda client: client.annotations.create("deploys", name="v1"),
    "annotations.update": lambda client: client.annotations.update("deploys", "1", name="v2"),
    "annotations.delete": lambda client: client.annotations.delete("deploys", "1"),
    "annotations.delete_stream": lambda client: client.annotations.delete_stream("deploys"),
    "dashboards.list": lambda client: client.dashboards.list(),
    "dashboards.export": lambda client: client.dashboards.export("web"),
    "dashboards.put": lambda client: client.dashboards.put("web", b"title: Web\n"),
    "dashboards.delete": lambda client: client.dashboards.delete("web"),
    "links.list": lambda client: client.links.list(),
    "links.get": lambda client: client.links.get("1"),
    "links.create": lambda client: client.links.create("disk", ["web"]),
    "links.delete": lambda client: client.links.delete("1"),
    "metrics.list": lambda client: client.metrics.list(agent="f1"),
    "plugins.list": lambda client: client.plugins.list(),
    "plugins.get": lambda client: client.plugins.get("disk"),
    "plugins.create": lambda client: client.plugins.create("disk", "sh", b"exit 0\n"),
    "plugins.update": lambda client: client.plugins.update("disk", b"exit 0\n"),
    "plugins.delete": lambda client: client.plugins.delete("disk"),
    "rules.list": lambda client: client.rules.list(),
    "rules.export": lambda client: client.rules.export("cpu"),
    "rules.criteria": lambda client: client.rules.criteria("cpu"),
    "rules.put": lambda client: client.rules.put("cpu", b"title: CPU\n"),
    "rules.mute": lambda client: client.rules.mute("cpu"),
    "rules.delete": lambda client: client.rules.delete("cpu"),
    "series.get": lambda client: client.series.get("base.cpu", tag="web"),
    "tags.list": lambda client: client.tags.list(),
    "tags.delete": lambda client: client.tags.delete("web"),
}

FIELDS = [
    "id",
    "name",
    "plugin",
    "tags",
    "content",
    "encoding",
    "extension",
    "agent_keys",
    "presence_state",
    "heartbeat",
    "start_time",
    "stream",
    "description",
    "metric",
    "source",
    "points",
    "time",
    "value",
    "uom",
    "origin",
    "mute",
    "error",
    "message",
]
TEXTS = st.sampled_from(["", "web", "..", "\x1b[2J", "\u202e", "YQ==", f"no {KEY}", KEY[:-3], "x" * 500]) | st.text(
    max_size=5
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -1, 0])
JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=20,
)
ITEM: dict[str, Json] = {
    "id": "1",
    "name": "web",
    "plugin": "disk",
    "tags": ["web"],
    "content": "YQ==",
    "metric": {"name": "base.cpu"},
    "source": {"id": "f1"},
    "points": [{"time": 1, "value": 1.5}],
}


@st.composite
def nearly_right(draw: st.DrawFn) -> Json:
    """A valid response of some operation, except for a field or two."""
    item: dict[str, Json] = ITEM | draw(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2))
    for gone in draw(st.lists(st.sampled_from(sorted(ITEM)), max_size=2)):
        item.pop(gone, None)
    shapes: list[Json] = [item, [item], [item, item], [[item]], {"items": [item]}]
    return draw(st.sampled_from(shapes))


TEXT_BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"a":' * 5000,
    b"NaN",
    b"[1e999]",
    b"9" * 5000,
    b'"\\ud800"',
    b'["\\udfff"]',
    b'{"name": "a", "name": "b"}',
    b'[{"name": "a", "name": 1}]',
    b"\xff\xfe[\0]\0",
    b"\xef\xbb\xbf[]",
    b"\xed\xa0\x80",
    b"<html>",
    b"title: Web\n",
    b"a: &a [*a]",
    KEY.encode(),
    KEY.encode("utf-16"),
    KEY.encode() * 200,
    b"\x1b]0;x\x07" * 20,
    b"\r\n" * 50,
]
BODIES = (
    nearly_right().map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.sampled_from(TEXT_BODIES)
    | st.binary(max_size=60)
)
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 204, 301, 304, 400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503]
) | st.integers(199, 999)
HEADERS = st.lists(
    st.sampled_from(
        [
            ("Content-Type", "application/json"),
            ("Content-Type", "text/html"),
            ("Content-Type", "\x7f;" * 90),
            ("Content-Type", KEY),
            ("Content-Encoding", "gzip"),
            ("Content-Encoding", "br"),
            ("Location", f"http://evil.example/{KEY}"),
            ("Location", "//["),
            ("Retry-After", "99999999999999999999"),
            ("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ("Retry-After", "\xb2"),
            ("Set-Cookie", f"k={KEY}; Domain=evil.example"),
            ("WWW-Authenticate", f"Bearer {KEY}"),
            ("Connection", "close"),
            ("X", "y" * 5000),
        ]
    ),
    max_size=3,
)
MISBEHAVIOURS = st.sampled_from(
    [None] * 8 + [Misbehaviour.CUT_SHORT, Misbehaviour.CLOSE, Misbehaviour.RESET, Misbehaviour.GARBAGE]
)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    body = draw(BODIES)
    packed = draw(st.sampled_from([body, body, body, gzip.compress(body, mtime=0), gzip.compress(body, mtime=0)[:-5]]))
    return Reply(draw(STATUSES), packed, tuple(draw(HEADERS)), draw(MISBEHAVIOURS))


def require_sayable(text: str) -> None:
    assert text.isprintable()
    assert KEY.lower() not in text.lower()


async def outcome(name: str, answers: list[Reply]) -> None:
    left = list(answers)
    async with (
        scripted_server(lambda _: left.pop(0) if len(left) > 1 else left[0]) as server,
        Client(
            url=server.url,
            org="acme",
            account="default",
            key=KEY,
            retry=replace(IMPATIENT, attempts=3),
            timeout=0.05,
            deadline=0.5,
        ) as client,
    ):
        try:
            json.dumps(api_document(await OPERATIONS[name](client)), allow_nan=False)
        except DlsyncError as error:
            require_sayable(error.message)
            require_sayable(error.hint)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.seen)
    assert not any("cookie" in request.headers for request in server.seen)


@settings(MANY)
@given(st.sampled_from(sorted(OPERATIONS)), st.lists(replies(), min_size=1, max_size=3))
def test_any_response_to_an_operation_gives_a_value_or_a_printable_error_without_the_key(
    name: str, answers: list[Reply]
) -> None:
    asyncio.run(outcome(name, answers))
