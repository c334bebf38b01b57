"""The server over HTTPS, and certificates that it refuses."""

from __future__ import annotations

import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest

from dlsync.errors import SettingsError
from dlsync.server.run import running
from dlsync.server.tls import Certificate, certificate_of
from tests.builders.raw import DASHBOARD, all_of, connect, first_answer, head
from tests.builders.served import account_of
from tests.builders.tls import authority_file, certificate_files

if TYPE_CHECKING:
    from pathlib import Path


def test_failed_handshakes_do_not_stop_an_https_server_from_answering_a_trusting_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with running(certificate=Certificate(*certificate_files(tmp_path, "127.0.0.1"))) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with account_of(server) as stranger, pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.get("dashboards")
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not plain.recv(4096).startswith(b"HTTP")
        context = ssl.create_default_context(cafile=authority_file(tmp_path))
        key = {"Authorization": "Bearer changeme"}
        answer = httpx2.get(f"{server.url}/orgs", headers=key, verify=context)
    assert (answer.status_code, [org["name"] for org in answer.json()]) == (200, ["acme"])
    assert caplog.text == ""


def test_a_stop_closes_a_connection_whose_handshake_ends_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trusting = ssl.create_default_context(cafile=authority_file(tmp_path))
    with ThreadPoolExecutor(1) as executor:
        with running(certificate=Certificate(*certificate_files(tmp_path, "127.0.0.1"))) as server:
            idle, busy, late = (connect(server) for _ in range(3))
            idle, busy = (trusting.wrap_socket(one, server_hostname="127.0.0.1") for one in (idle, busy))
            busy.sendall(head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 9"))
            assert busy.recv(4096).startswith(b"HTTP/1.1 100 ")

            def connect_later() -> tuple[bytes, int]:
                with idle:
                    assert idle.recv(1) == b""  # the server stops
                with trusting.wrap_socket(late, server_hostname="127.0.0.1") as handshaken:
                    received = all_of(handshaken)
                with busy:
                    busy.sendall(b"title: A\n")
                    return received, first_answer(all_of(busy)).status

            received = executor.submit(connect_later)
        assert received.result() == (b"", 200)
    assert caplog.text == ""


def test_one_file_with_comments_can_hold_both_certificate_and_key(tmp_path: Path) -> None:
    chain, key = certificate_files(tmp_path, "127.0.0.1")
    both = tmp_path / "both.pem"
    both.write_bytes("# Schlüssel\n".encode() + key.read_bytes() + chain.read_bytes())
    assert certificate_of(both, both) == Certificate(both, both)


def refusal(chain: Path | None, key: Path | None) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        certificate_of(chain, key)
    return refused.value


def test_a_certificate_without_a_key_and_a_key_without_a_certificate_are_refused(tmp_path: Path) -> None:
    chain, key = certificate_files(tmp_path, "127.0.0.1")
    for files in ((chain, None), (None, key)):
        assert str(refusal(*files)) == "--tls-cert and --tls-key need each other"
    assert certificate_of(None, None) is None


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00 no PEM"])
@pytest.mark.parametrize("option", ["--tls-cert", "--tls-key"])
def test_an_error_names_a_certificate_or_key_file_that_is_missing_or_invalid(
    tmp_path: Path, option: str, content: bytes | None
) -> None:
    chain, key = certificate_files(tmp_path, "127.0.0.1")
    file = tmp_path / "bad"
    if content is not None:
        file.write_bytes(content)
    error = refusal(file, key) if option == "--tls-cert" else refusal(chain, file)
    assert str(error).startswith(f"{file}: {'holds no ' if content is not None else 'cannot be read: No such file'}")
    assert "both in PEM" in error.hint


def test_an_error_names_a_key_that_does_not_match_the_certificate(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    chain, _ = certificate_files(tmp_path, "127.0.0.1")
    _, other = certificate_files(tmp_path / "other", "127.0.0.1")
    assert str(refusal(chain, other)) == f"{other}: holds no private key in PEM of the certificate in {chain}"


def test_an_encrypted_key_is_refused_without_asking_for_its_password(tmp_path: Path) -> None:
    chain, key = certificate_files(tmp_path, "127.0.0.1")
    encrypted = tmp_path / "encrypted.key"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:s3cret", "-in", str(key), "-out", str(encrypted)]
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:  # pragma: no cover -- depends on the machine
        pytest.skip("openssl is not installed")
    error = refusal(chain, encrypted)
    assert str(error) == f"{encrypted}: is encrypted"
    assert "openssl pkey -in FILE" in error.hint
