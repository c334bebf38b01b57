from __future__ import annotations

import base64
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pyreqwest.http import Url

from dlsync.client.transport import base_url, proxy_for
from dlsync.errors import SettingsError, Unreachable
from tests.builders.http import IMPATIENT, KEY, Reply, reader_of, scripted_server
from tests.builders.ports import reserved_port
from tests.builders.tls import REFUSAL, authority_file, server_context, tunnelling_proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio
LISTED = Reply(body=b"[]")
FAR = "https://monitoring.example:8443/api/v1"


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Clear the proxy variables of the environment, and return a function that sets some."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)

    def named(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return named


async def asked_through(variables: dict[str, str], url: str) -> str:
    """Send a request to a server that does not exist, and return the error message."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        async with reader_of(url, insecure=True, retry=replace(IMPATIENT, attempts=1), timeout=1) as client:
            with pytest.raises(Unreachable) as caught:
                await client.rules.list()
    return caught.value.message


DOWN = "127.0.0.1:1"
HERE = "https://0.0.0.0:1"  # this machine, by an address that is not loopback


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, HERE, ""),
        ({"HTTPS_PROXY": f"http://{DOWN}"}, FAR, f"http://{DOWN}, which HTTPS_PROXY"),
        ({"https_proxy": DOWN}, FAR, f"http://{DOWN}, which https_proxy"),
        ({"HTTP_PROXY": f"http://{DOWN}"}, HERE, ""),
        ({"HTTP_PROXY": f"http://{DOWN}"}, "http://monitoring.example", f"http://{DOWN}, which HTTP_PROXY"),
        ({"ALL_PROXY": "http://[::1]:1"}, FAR, "http://[::1]:1, which ALL_PROXY"),
        ({"ALL_PROXY": "http://[::1]:1", "HTTPS_PROXY": f"http://{DOWN}"}, FAR, f"http://{DOWN}, which HTTPS_PROXY"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "socks5h://127.0.0.1"}, FAR, "socks5h://127.0.0.1:1080, which ALL_PROXY"),
        ({"HTTPS_PROXY": f"http://{DOWN}"}, "https://localhost:1", ""),
        ({"ALL_PROXY": f"http://{DOWN}"}, "http://[::1]:1", ""),
    ],
)
@pytest.mark.usefixtures("named")
async def test_a_proxy_of_the_environment_serves_all_hosts_but_loopback(
    variables: dict[str, str], url: str, proxy: str
) -> None:
    message = await asked_through(variables, url)
    assert ("through the proxy" in message) == bool(proxy)
    assert proxy in message


@pytest.mark.parametrize(
    ("exceptions", "url", "is_bypassed"),
    [
        ("example", FAR, True),
        ("monitoring.example.", FAR, True),
        (".example", FAR, True),
        ("*.example", FAR, True),
        ("*.EXAMPLE", "https://Monitoring.Example.", True),
        ("*.example.org", "https://a.b.example.org", True),
        ("monitoring.example", "https://monitoring.example.", True),
        ("monitoring.example.:8443", FAR, True),
        ("other.example, monitoring.example:8443", FAR, True),
        ("monitoring.example:443", FAR, False),
        ("monitoring.example:443", "https://monitoring.example", True),
        ("itoring.example,10.0.0.1", FAR, False),
        ("monitoring.example.com", FAR, False),
        ("*", FAR, True),
        (" , .,", FAR, False),
        ("10.1.2.3/8", "https://10.9.9.9", True),
        ("10.0.0.0/8, 192.168.0.0/16", "https://192.168.7.7", True),
        ("10.0.0.0/8, x/y", "https://192.168.7.7", False),
        ("192.168.7.7", "https://192.168.7.7", True),
        ("192.168.7.7:8443", "https://192.168.7.7:8443", True),
        ("2001:db8::/32", "https://[2001:db8::1]", True),
        ("[2001:db8::1]", "https://[2001:db8::1]", True),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443", True),
    ],
)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy_names_domains_addresses_and_networks(
    named: Callable[..., None], variable: str, exceptions: str, url: str, is_bypassed: bool
) -> None:
    named(**{"HTTPS_PROXY": "http://p", variable: exceptions})
    assert (proxy_for(Url(base_url(url, insecure=True))) is None) == is_bypassed


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_error_of_a_direct_connection_does_not_name_the_proxy(
    named: Callable[..., None], scheme: str
) -> None:
    named(ALL_PROXY=f"http://{DOWN}", NO_PROXY="0.0.0.0")
    async with reader_of(f"{scheme}://0.0.0.0:1", insecure=True) as client:
        with pytest.raises(Unreachable, match=r"no usable answer after 5 attempts.*could not connect \("):
            await client.rules.list()


@pytest.mark.parametrize("url", ["ftp://me:s3cret@p", "http://me:s3cret@", "http://[s3cret", "s3cret:3128:x"])
def test_the_error_for_an_invalid_proxy_url_hides_its_secret(named: Callable[..., None], url: str) -> None:
    named(ALL_PROXY=url)
    with pytest.raises(SettingsError, match="ALL_PROXY does not hold the address of a proxy") as caught:
        reader_of(FAR)
    assert "s3cret" not in caught.value.message + caught.value.hint + repr(caught.value.__cause__)


async def test_tls_goes_through_a_tunnel_in_which_the_proxy_sees_neither_key_nor_path(
    named: Callable[..., None], tmp_path: Path
) -> None:
    async with (
        scripted_server(LISTED, tls=server_context("monitoring.example")) as server,
        tunnelling_proxy(server.port) as proxy,
    ):
        named(HTTPS_PROXY=f"http://me:pass@127.0.0.1:{proxy.port}", SSL_CERT_FILE=authority_file(tmp_path))
        async with reader_of(FAR) as client:
            for _ in range(2):
                assert await client.rules.list() == ()
    basic = base64.b64encode(b"me:pass").decode()
    target = "monitoring.example:8443"
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n")
    assert f"proxy-authorization: basic {basic}".lower() in head.lower()
    assert KEY not in head
    assert {request.headers["authorization"] for request in server.seen} == {f"Bearer {KEY}"}
    assert {request.headers["host"] for request in server.seen} == {target}
    assert not any("proxy-authorization" in request.headers for request in server.seen)


async def test_behind_a_proxy_the_certificate_must_match_the_server(named: Callable[..., None], tmp_path: Path) -> None:
    async with (
        scripted_server(LISTED, tls=server_context("other.example")) as server,
        tunnelling_proxy(server.port) as proxy,
    ):
        named(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}", SSL_CERT_FILE=authority_file(tmp_path))
        async with reader_of(FAR) as client:
            with pytest.raises(Unreachable, match=r"the certificate of https://monitoring.example:8443 is not trusted"):
                await client.rules.list()
    assert server.seen == []


async def test_a_plain_http_request_goes_to_the_proxy_with_the_whole_url(named: Callable[..., None]) -> None:
    async with scripted_server(LISTED) as proxy:
        named(HTTP_PROXY=f"http://me:pass@127.0.0.1:{proxy.port}")
        async with reader_of("http://monitoring.example/api/v1", insecure=True) as client:
            assert await client.rules.list() == ()
    (seen,) = proxy.seen
    assert seen.target == "http://monitoring.example/api/v1/orgs/acme/accounts/default/rules"
    assert seen.headers["host"] == "monitoring.example"
    assert seen.headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("answer", "reason", "attempts"),
    [(REFUSAL, "proxy authorization required", 1), (b"HTTP/1.1 503 Busy\r\n\r\n", "unsuccessful", 5)],
)
async def test_the_error_for_a_refused_tunnel_names_the_proxy_without_its_password(
    named: Callable[..., None], answer: bytes, reason: str, attempts: int
) -> None:
    async with tunnelling_proxy(1, answer) as proxy:
        named(HTTPS_PROXY=f"http://me:s3cret@127.0.0.1:{proxy.port}")
        async with reader_of(FAR) as client:
            with pytest.raises(Unreachable, match=f"could not connect through the proxy .*{reason}") as caught:
                await client.rules.list()
    assert f"the proxy http://127.0.0.1:{proxy.port}, which HTTPS_PROXY names" in caught.value.message
    assert "Correct HTTPS_PROXY" in caught.value.hint
    assert "NO_PROXY" in caught.value.hint
    assert len(proxy.heads) == attempts
    assert "s3cret" not in str(caught.value) + caught.value.hint
    assert not any("Bearer" in head for head in proxy.heads)


@pytest.mark.parametrize("url", [FAR, "http://monitoring.example/api/v1"])
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_is_down_is_an_error_after_one_attempt_that_names_the_proxy(
    named: Callable[..., None], scheme: str, url: str
) -> None:
    with reserved_port() as port:
        named(all_proxy=f"{scheme}://me:s3cret@127.0.0.1:{port}")
        async with reader_of(url, insecure=True) as client:
            with pytest.raises(Unreachable, match=f"proxy {scheme}://127.0.0.1:{port}, which all_proxy") as caught:
                await client.rules.list()
            assert client.requests == 1
    assert "s3cret" not in str(caught.value)


async def test_a_silent_proxy_causes_a_timeout_error(named: Callable[..., None]) -> None:
    async with tunnelling_proxy(1, b"") as proxy:
        named(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
        async with reader_of(FAR, timeout=0.05) as client:
            with pytest.raises(Unreachable, match=r"in time|timed out"):
                await client.rules.list()


async def test_a_407_of_a_plain_http_proxy_is_reported_as_an_error_of_the_proxy(named: Callable[..., None]) -> None:
    async with scripted_server(Reply(407)) as proxy:
        named(HTTP_PROXY=f"http://127.0.0.1:{proxy.port}")
        async with reader_of("http://monitoring.example/api/v1", insecure=True) as client:
            with pytest.raises(Unreachable, match="the proxy asks for a user and a password"):
                await client.rules.list()
            assert client.requests == 1
