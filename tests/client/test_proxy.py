from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest

from dlsync.client.paths import base_url, origin_of
from dlsync.client.proxy import Proxy, proxy_for
from dlsync.errors import SettingsError, Unreachable
from tests.builders.http import KEY, Reply, reader_of, scripted_server
from tests.builders.tls import REFUSAL, authority_file, server_context, tunnelling_proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio
LISTED = Reply(body=b"[]")
FAR = "https://monitoring.example:8443/api/v1"


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what the environment names, and nothing else."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)

    def named(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return named


def proxy_of(url: str) -> Proxy | None:
    return proxy_for(origin_of(base_url(url, insecure=True)))


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, FAR, None),
        ({"HTTPS_PROXY": "http://p:3128"}, FAR, ("p", 3128)),
        ({"https_proxy": "p"}, FAR, ("p", 80)),
        ({"HTTP_PROXY": "http://p:3128"}, FAR, None),
        ({"HTTP_PROXY": "http://p:3128"}, "http://monitoring.example", ("p", 3128)),
        ({"ALL_PROXY": "http://[::1]:1"}, FAR, ("::1", 1)),
        ({"ALL_PROXY": "http://p", "HTTPS_PROXY": "http://q"}, FAR, ("q", 80)),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "example"}, FAR, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "other.example, monitoring.example:8443"}, FAR, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "itoring.example,10.0.0.1"}, FAR, ("p", 80)),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, FAR, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8, 192.168.0.0/16"}, "https://192.168.7.7", None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8, x/y"}, "https://192.168.7.7", ("p", 80)),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "2001:db8::/32"}, "https://[2001:db8::1]", None),
        ({"HTTPS_PROXY": "http://p"}, "https://localhost", None),
        ({"ALL_PROXY": "http://p"}, "http://[::1]:8080", None),
    ],
)
def test_the_environment_names_a_proxy_for_what_is_not_this_machine(
    named: Callable[..., None], variables: dict[str, str], url: str, proxy: tuple[str, int] | None
) -> None:
    named(**variables)
    found = proxy_of(url)
    assert (found and (found.host, found.port)) == proxy


@pytest.mark.parametrize("url", ["socks5://me:s3cret@p", "https://me:s3cret@p", "http://me:s3cret@", "http://[s3cret"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_does_not_show_it(named: Callable[..., None], url: str) -> None:
    named(ALL_PROXY=url)
    with pytest.raises(SettingsError, match="proxy in the environment") as caught:
        proxy_of(FAR)
    assert "s3cret" not in caught.value.message + caught.value.hint + repr(caught.value.__cause__)


def test_user_and_password_are_for_the_proxy_and_not_shown(named: Callable[..., None]) -> None:
    named(HTTPS_PROXY="http://me:s%403cret@p")
    proxy = proxy_of(FAR)
    assert proxy
    assert proxy.authorization == b"Proxy-Authorization: Basic %s\r\n" % base64.b64encode(b"me:s@3cret")
    assert "Basic" not in repr(proxy)


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
    assert proxy.heads == [f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {basic}\r\n\r\n"]
    assert {request.headers["authorization"] for request in server.seen} == {f"Bearer {KEY}"}
    assert {request.headers["host"] for request in server.seen} == {target}
    assert not any("proxy-authorization" in request.headers for request in server.seen)


async def test_behind_a_proxy_only_the_server_itself_is_believed(named: Callable[..., None], tmp_path: Path) -> None:
    async with (
        scripted_server(LISTED, tls=server_context("other.example")) as server,
        tunnelling_proxy(server.port) as proxy,
    ):
        named(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}", SSL_CERT_FILE=authority_file(tmp_path))
        async with reader_of(FAR) as client:
            with pytest.raises(Unreachable, match=r"could not connect.*certificate"):
                await client.rules.list()
    assert server.seen == []


async def test_plain_http_is_asked_of_the_proxy_with_the_whole_url(named: Callable[..., None]) -> None:
    async with scripted_server(LISTED) as proxy:
        named(HTTP_PROXY=f"http://me:pass@127.0.0.1:{proxy.port}")
        async with reader_of("http://monitoring.example/api/v1", insecure=True) as client:
            assert await client.rules.list() == ()
    (seen,) = proxy.seen
    assert seen.target == "http://monitoring.example/api/v1/orgs/acme/accounts/default/rules"
    assert seen.headers["host"] == "monitoring.example"
    assert seen.headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (REFUSAL, "407 Proxy Authentication Required"),
        (b"HTTP/1.1 200 OK\r\n\r\nand then some", "200 OK"),
        (b"SSH-2.0 \x1b[2J\r\n\r\n", r"SSH-2.0 \[2J"),
        (b"x" * 20_000, "x…"),
        (b"HTTP/1.1 200", "it closed the connection"),
    ],
)
async def test_a_proxy_that_makes_no_tunnel_is_told_of_without_its_password(
    named: Callable[..., None], answer: bytes, reason: str
) -> None:
    async with tunnelling_proxy(1, answer) as proxy:
        named(HTTPS_PROXY=f"http://me:s3cret@127.0.0.1:{proxy.port}")
        async with reader_of(FAR) as client:
            with pytest.raises(Unreachable, match=rf"5 attempts.*the proxy failed \(.*{reason}") as caught:
                await client.rules.list()
    assert len(proxy.heads) == 5
    assert "s3cret" not in str(caught.value) + caught.value.hint
    assert not any("Bearer" in head for head in proxy.heads)


async def test_a_proxy_that_is_down_is_a_server_that_cannot_be_reached(named: Callable[..., None]) -> None:
    async with scripted_server(LISTED) as gone:
        pass
    named(HTTPS_PROXY=f"http://127.0.0.1:{gone.port}")
    async with reader_of(FAR) as client:
        with pytest.raises(Unreachable, match="could not connect"):
            await client.rules.list()


async def test_a_proxy_that_says_nothing_is_left_in_time(named: Callable[..., None]) -> None:
    async with tunnelling_proxy(1, b"") as proxy:
        named(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
        async with reader_of(FAR, timeout=0.05) as client:
            with pytest.raises(Unreachable, match="the connection could not be made in time"):
                await client.rules.list()
