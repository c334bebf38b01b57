"""No error and no log contains the key, wherever a client puts it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlsync.server import documents
from dlsync.server.operation import Refusal
from dlsync.server.refusals import SHOWN, error_response
from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import create, new_key
from tests.builders.raw import Answer, exchanged, head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.server.run import RunningServer

KEY = "k3y-'märked\\\"-0123456789"
RAW = KEY.encode()
SAFE = b"k3y-token_0123456789"  # for places where quotes are not allowed
BASE = "/api/v1/orgs/"


@pytest.fixture(
    scope="module", params=[RAW, b"k3y-'quote-0123456789", SAFE, b""], ids=["any text", "quote", "token", "named"]
)
def keyed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, bytes]]:
    if not request.param:
        db = tmp_path_factory.mktemp("keyed") / "server.db"
        create(Sqlite(db))
        key = new_key(db, "shop", "admin").encode()
        with running(db=db) as server:
            yield server, key
        return
    with running(api_key=request.param.decode()) as server:
        yield server, request.param


def upload(name: bytes, *more: bytes, boundary: bytes = b"x", content: bytes = b"") -> bytes:
    lines = [b"--" + boundary, b'Content-Disposition: form-data; name="' + name + b'"', *more, b"", content]
    return b"\r\n".join([*lines, b"--" + boundary + b"--", b""])


paths = st.sampled_from(
    [
        "{}/accounts",
        "acme/accounts/{}",
        "acme/accounts/{}/tags",
        "acme/accounts/default/{}",
        *(f"acme/accounts/default/{kind}/{{}}" for kind in ("agents", "dashboards", "links", "plugins", "rules")),
        "acme/accounts/default/annotations/{}",
        "acme/accounts/default/annotations/{}/{}",
        "acme/accounts/default/tags/{}",
        "acme/accounts/default/rules/{}/criteria",
        "acme/accounts/default/metrics?source={}",
        "acme/accounts/default/metrics?tag={}",
        "acme/accounts/default/metrics?{}={}",
        "acme/accounts/default/metrics/{}/series?tag=all",
        "acme/accounts/default/metrics/agent.status/series?tag=all&period={}",
        "acme/accounts/default/rules",
        "acme/accounts/default/links",
        "acme/accounts/default/plugins",
        "acme/accounts/default/dashboards/a%FF{}",
    ]
)
bodies = st.sampled_from(
    [
        *(form % b"KEY" for form in (b"%s", b"a: *%s", b"a: &%s", b"a: !%s b", b"%%%s", b"KEY: 1\n%s: 2", b"- [%s")),
        b"a: |KEY\n",
        b'"KEY\\q',
        b'{"name": ["KEY"], "mute": "KEY", "plugin": "KEY", "tags": {"KEY": 1}}',
        b'{"KEY": 1, "KEY": 2}',
        b'{"name": "aaaaaaaaaaaaKEY", "plugin": "KEYaaaaaaaaaaaaaaaa", "tags": []}',
        b'{"name": "b", "extension": "KEY", "content": "KEY", "interval": "KEY", "encoding": "KEY"}',
        b"name=b&interval=KEY&mute=KEY&plugin=KEY&tags=KEY&extension=a&content=%",
        upload(b"KEY"),
        upload(b"name", b"Content-Transfer-Encoding: KEY", content=b"KEY"),
        upload(b"name", b"KEY: x"),
        upload(b"name", b"Content-Transfer-Encoding: base64", content=b"KEY"),
        upload(b"name").replace(b"name=", b"KEY="),
        upload(b"name", boundary=b"KEY"),
        upload(b'a"; filename="KEY', boundary=b"x") * 2,
    ]
)
headers = st.sampled_from(
    [
        b"Accept: KEY",
        b"If-None-Match: KEY",
        b"Content-Type: KEY",
        b"Content-Type: application/x-www-form-urlencoded",
        b"Content-Type: multipart/form-data; boundary=x",
        b"Content-Type: multipart/form-data; boundary=KEY",
        b"Content-Type: multipart/form-data",
        b"Content-Encoding: KEY",
        b"Transfer-Encoding: KEY",
        b"Authorization: KEY",
        b"Authorization: Bearer KEYKEY",
        b"Authorization: Basic KEY",
        b"Content-Length: KEY",
        b"KEY: x",
        b"KEY",
        b"Upgrade: KEY",
        b"X: y",
    ]
)
methods = st.sampled_from([b"GET", b"PUT", b"POST", b"PATCH", b"DELETE", b"HEAD", b"KEY", b"KEY KEY"])


@dataclass(frozen=True)
class Asked:
    """A request in which the key replaces KEY, and {} in the path."""

    method: bytes
    path: str
    plain: bool
    header: bytes
    body: bytes
    known: bool

    def sent(self, key: bytes) -> bytes:
        name = key.decode() if self.plain and key == SAFE else quote(key, safe="")
        target = (BASE + self.path).replace("{}", name).encode()
        method, header = self.method.replace(b"KEY", key), self.header.replace(b"KEY", key)
        quoted = json.dumps(key.decode(), ensure_ascii=False)[1:-1].encode()
        body = self.body.replace(b"KEY", quoted if self.body.startswith(b"{") else key)
        return head(method, target, header, b"Content-Length: %d" % len(body), key=key if self.known else None) + body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds(Asked, methods, paths, st.booleans(), headers, bodies, st.booleans()))
def test_no_error_response_header_or_log_contains_the_key(
    keyed: tuple[RunningServer, bytes], caplog: pytest.LogCaptureFixture, asked: Asked
) -> None:
    server, key = keyed
    caplog.set_level(logging.DEBUG)
    answer = exchanged(server, asked.sent(key))
    assert answer.status != 500
    _assert_hidden(answer, key)
    assert not any(form in caplog.text for form in _forms(key))


def _assert_hidden(answer: Answer, key: bytes) -> None:
    assert key not in answer.headers
    if answer.status >= 400:  # a success returns the client's own document
        words = answer.error if answer.body.startswith(b"{") else ""  # errors about invalid HTTP are plain text
        text = answer.body + json.dumps(words, ensure_ascii=False).encode()
        assert not any(form.encode() in text for form in _forms(key))


def _forms(key: bytes) -> list[str]:
    """The key, its halves (truncation may leave a half), and the key in each way that a message may quote it."""
    text = key.decode()
    return [text, text[:8], text[-8:], json.dumps(text)[1:-1], repr(text)[1:-1], repr(key)[2:-1], quote(text)]


def test_the_log_of_an_internal_error_does_not_contain_the_key(
    keyed: tuple[RunningServer, bytes], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, key = keyed

    def fail(*_: object) -> None:
        raise KeyError(key.decode(), key)

    monkeypatch.setattr(documents, "get", fail)
    assert exchanged(server, head(b"GET", b"/api/v1/orgs/acme/accounts/default/dashboards/a", key=key)).status == 500
    assert "KeyError" in caplog.text
    assert not any(form in caplog.text for form in _forms(key))


@pytest.mark.parametrize("before", [0, SHOWN - 5, SHOWN])
def test_an_error_masks_the_key_in_a_long_refused_value_before_it_truncates_the_value(before: int) -> None:
    start, end = "x" * before, "y" * SHOWN
    body = bytes(error_response("0123456789", Refusal(404, "{}", f"{start}0123456789{end}")).body)
    shown = f"{start}***{end}"[:SHOWN]
    assert json.loads(body) == {"error": f"'{shown}...'"}


@pytest.mark.parametrize(("value", "shown"), [([1], "a list"), ({"a": 1}, "an object"), (None, "None"), ("a", "'a'")])
def test_an_error_shows_simple_values_and_names_the_type_of_other_values(value: object, shown: str) -> None:
    body = bytes(error_response("key", Refusal(422, "expected text, not {}", value)).body)
    assert json.loads(body) == {"error": f"expected text, not {shown}"}
