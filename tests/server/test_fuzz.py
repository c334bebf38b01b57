"""Fuzzing: the server answers any request as its OpenAPI document says or closes the connection, and keeps running.

``DLSYNC_HYPOTHESIS=thorough`` tries ten times as many examples, different in each run.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dlsync.server.app import BASE, OPERATIONS
from dlsync.server.operation import Limits
from dlsync.server.run import running
from tests.builders.openapi import description, name_of
from tests.builders.raw import DASHBOARD, all_of, connect, head
from tests.builders.served import account_of
from tests.server.test_operations import CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from dlsync.server.run import RunningServer

EXAMPLES = max(8, settings().max_examples // 12)  # for each operation; hundreds for all operations together
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(description())
OVER = "accounts.delete_account"  # it must not delete the account of later requests


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running(demo=True) as server, account_of(server) as client:
        client.put("dashboards/there", content="title: A\n")
        client.put("rules/there", content="title: A\ncriteria: [{metric: a}]\n")
        client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT})
        client.post("annotations/there", json={"name": "v0"})
        yield server


@pytest.mark.untraced  # only the server is traced
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_every_operation_answers_as_the_openapi_document_says(
    server: RunningServer, operation: Any, mode: GenerationMode, caplog: pytest.LogCaptureFixture
) -> None:
    api = SCHEMA[BASE + operation.path][operation.method]
    names = {} if name_of(operation) == OVER else {"org": "acme", "account": "default"}
    names = {name: value for name, value in names.items() if f"{{{name}}}" in operation.path}
    url = server.url.removesuffix(BASE)
    key = {"Authorization": "Bearer changeme"}

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(api.as_strategy(mode), st.booleans())
    def ask(case: Any, inside: bool) -> None:
        if inside:
            case.path_parameters = {**(case.path_parameters or {}), **names}
        case.validate_response(case.call(url, session=session, headers=key), checks=CHECKS)

    with requests.Session() as session:
        ask()
    assert "Traceback" not in caplog.text


# Requests of arbitrary bytes


@pytest.fixture(scope="module")
def hasty() -> Iterator[tuple[RunningServer, httpx2.Client]]:
    """A server with short timeouts, since a mutated request may announce more bytes than it sends."""
    with running(limits=Limits(body_seconds=0.05, idle_seconds=1)) as server, account_of(server) as client:
        yield server, client


FORM = b"name=a&tags=a,b"
REQUESTS = [
    head(),
    head(b"HEAD", DASHBOARD),
    head(b"PUT", DASHBOARD, b"Content-Length: 9") + b"title: A\n",
    head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 9") + b"title: A\n",
    head(b"PUT", DASHBOARD, b"Transfer-Encoding: chunked") + b"9;x=y\r\ntitle: A\n\r\n0\r\nX: y\r\n\r\n",
    head(b"POST", DASHBOARD[:-12] + b"rules", b"Content-Length: 12", b"Content-Type: application/json")
    + b'{"name":"a"}',
    head(b"POST", DASHBOARD[:-12] + b"rules", b"Content-Length: %d" % len(FORM), b"Connection: close") + FORM,
    head(b"GET", b"/api/v1/orgs", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x"),
    head(b"OPTIONS", b"*"),
    head(b"CONNECT", b"x:80"),
    b"GET http://x/api/v1/orgs HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
PIECES = [
    *(b"\r\n", b"\n", b"\r\n\r\n", b" ", b":", b"\0", b"\xff", b"%", b"%00", b"?", b"//", b"/../", b"*", b"\t"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Host: y\r\n"),
    *(b"Expect: 100-continue\r\n", b"HTTP/1.0", b"HTTP/0.9", b"0\r\n\r\n", b"ffffffffff\r\n", b"-1", b"x" * 40_000),
]


def _mutated(request: bytes, changes: list[tuple[float, int, bytes, int]]) -> bytes:
    """Replace parts of a request; a change has a position, a length, a replacement and its number of repetitions."""
    for where, length, piece, times in changes:
        at = int(where * len(request))
        request = request[:at] + piece * times + request[at + length :]
    return request


edits = st.tuples(
    st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES) | st.binary(max_size=8), st.sampled_from([1, 1, 1, 90])
)
requests_sent = st.lists(
    st.builds(_mutated, st.sampled_from(REQUESTS), st.lists(edits, max_size=4)) | st.binary(max_size=200),
    min_size=1,
    max_size=3,
).map(b"".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3 * settings().max_examples)
@given(sent=requests_sent, pause=st.floats(0, 1))
@example(sent=head(b"PUT", DASHBOARD, b"Transfer-Encoding: chunked", key=b"wrong") + b"no chunk\r\n", pause=0.9)
def test_any_bytes_are_answered_with_http_or_a_closed_connection(
    hasty: tuple[RunningServer, httpx2.Client], caplog: pytest.LogCaptureFixture, sent: bytes, pause: float
) -> None:
    server, client = hasty
    with connect(server) as connection:
        with suppress(OSError):  # the server may close the connection before the last byte
            connection.sendall(sent[: int(pause * len(sent))])
            connection.sendall(sent[int(pause * len(sent)) :])
            connection.shutdown(socket.SHUT_WR)  # uvicorn waits for the rest of a head without a limit
        answer = all_of(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert client.get("rules").status_code == 200
    assert "a request failed inside the server" not in caplog.text  # uvicorn logs a second answer that it cannot send
