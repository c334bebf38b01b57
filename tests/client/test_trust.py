from __future__ import annotations

import ssl
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import truststore

from dlsync.client import trust
from dlsync.client.trust import tls_context
from dlsync.errors import Unreachable
from tests.builders.http import Reply, reader_of, scripted_server
from tests.builders.tls import authority_file, server_context

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
LISTED = Reply(body=b"[]")


@pytest.fixture(autouse=True)
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


async def test_a_server_is_believed_whose_authority_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    async with (
        scripted_server(LISTED, tls=server_context("127.0.0.1")) as server,
        reader_of(server.url, concurrency=2) as client,
    ):
        for _ in range(3):
            assert await client.rules.list() == ()
    assert (len(server.seen), server.connections) == (3, 1)


@pytest.mark.parametrize("authority", ["named", "unknown"])
async def test_another_server_is_not_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: str) -> None:
    """One of an authority that nobody knows, and one that has another's certificate."""
    if authority == "named":
        monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    name = "127.0.0.1" if authority == "unknown" else "other.example"
    async with scripted_server(LISTED, tls=server_context(name)) as server, reader_of(server.url) as client:
        with pytest.raises(Unreachable, match=r"5 attempts.*could not connect.*certificate"):
            await client.rules.list()
    assert server.seen == []


def authorities(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


@pytest.mark.parametrize("hashed", [True, False])
def test_where_openssl_finds_nobody_the_system_s_own_bundle_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hashed: bool
) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    if hashed:
        (folder / "0a1b2c3d.0").touch()
    monkeypatch.setattr(trust, "_BUNDLES", (str(tmp_path / "not there"), authority_file(tmp_path)))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None, capath=str(folder)))
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    assert authorities(tls_context()) == (0 if hashed else 1)


def test_where_there_is_no_bundle_either_nobody_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_BUNDLES", ())
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None, capath=None))
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    context = tls_context()
    assert (authorities(context), context.verify_mode, context.check_hostname) == (0, ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_a_system_with_a_store_of_its_own_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert isinstance(tls_context(), truststore.SSLContext)
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    assert not isinstance(tls_context(), truststore.SSLContext)
