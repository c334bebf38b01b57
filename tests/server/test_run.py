from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn

from dlsync.errors import SettingsError
from dlsync.server import run
from dlsync.server.run import RunningServer, running, serve
from tests.builders.raw import DASHBOARD, all_of, connect, first_answer, head, next_answer
from tests.builders.served import account_of

if TYPE_CHECKING:
    from pathlib import Path

SERVE = """
from dlsync.server.run import serve
try:
    serve(announce=lambda url: print(url, flush=True))
except KeyboardInterrupt:
    raise SystemExit(130)
print("stopped", flush=True)
"""


@pytest.mark.parametrize(("number", "code", "last"), [(signal.SIGTERM, 0, "stopped\n"), (signal.SIGINT, 130, "")])
def test_a_signal_ends_the_server_cleanly(number: signal.Signals, code: int, last: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert httpx2.get(f"{url}/orgs").status_code == 401
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (code, last, "")


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_serve_returns_on_sigterm_and_raises_on_sigint(number: signal.Signals, raised: bool, when: str) -> None:
    urls: list[str] = []

    def interrupt() -> None:
        if when == "later":
            assert httpx2.get(f"{urls[0]}/orgs").status_code == 401
        os.kill(os.getpid(), number)

    def announce(url: str) -> None:
        urls.append(url)
        if when == "at once":
            interrupt()
        else:
            threads.append(Thread(target=interrupt))
            threads[0].start()

    threads: list[Thread] = []
    before = signal.getsignal(number)
    try:
        serve(announce=announce)
    except KeyboardInterrupt:
        assert raised
    else:
        assert not raised
    assert len(urls) == 1
    assert signal.getsignal(number) is before
    for thread in threads:
        thread.join()


def test_a_server_can_start_and_stop_many_times_in_one_process() -> None:
    urls = set()
    for _ in range(20):
        with running() as server:
            urls.add(server.url)
            assert httpx2.get(f"{server.url}/orgs").status_code == 401
    assert len(urls) > 1


def test_the_url_of_an_ipv6_host_has_brackets() -> None:
    try:
        with running(host="::1") as server:
            assert server.url.startswith("http://[::1]:")
            assert httpx2.get(f"{server.url}/orgs").status_code == 401
    except SettingsError:
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize("host", ["[::1]", "localhost"])
def test_a_server_can_listen_on_localhost_and_on_a_bracketed_ipv6_address(host: str) -> None:
    try:
        with running(host=host) as server:
            assert httpx2.get(f"{server.url}/orgs").status_code == 401
    except SettingsError:  # pragma: no cover -- depends on the machine
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
def test_the_default_key_is_refused_where_other_machines_can_connect(host: str) -> None:
    with pytest.raises(SettingsError, match=r"the default key is refused") as refused:
        serve(host=host, announce=print)
    assert refused.value.hint == "Set DLSYNC_API_KEY, or give --api-key-file, to a key of your own."


def test_any_host_header_is_accepted_where_other_machines_can_connect() -> None:
    with running(host="0.0.0.0", api_key="a-key-of-ours") as server:
        port = urlsplit(server.url).port
        headers = {"Host": "monitoring.example", "Authorization": "Bearer a-key-of-ours"}
        assert httpx2.get(f"http://127.0.0.1:{port}/api/v1/orgs", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "no such host", "a" * 70 + ".example"])
def test_an_error_names_an_address_that_is_in_use_or_unknown(host: str) -> None:
    with running() as server:
        port = urlsplit(server.url).port or 0
        with pytest.raises(SettingsError, match=f"^{re.escape(host)}:{port}: cannot listen there: "):
            serve(host=host, port=port, announce=print)


def test_an_error_names_a_port_that_does_not_exist() -> None:
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:70000: cannot listen there"), running(port=70000):
        pass  # pragma: no cover - it does not start


def test_an_error_during_the_startup_of_a_server_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    async def startup(*_: object, **__: object) -> None:
        raise OSError("no more sockets")

    monkeypatch.setattr(uvicorn.Server, "startup", startup)
    with pytest.raises(OSError, match="no more sockets"), running():
        pass


def test_a_stop_answers_a_request_that_never_ends_with_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "GRACE_IN_THREAD", 0.01)
    with running() as server:
        address = urlsplit(server.url)
        connection = socket.create_connection((address.hostname, address.port))
        connection.sendall(head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 10"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")  # the server waits for the body now
    with connection:
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"the server stops; nothing was changed" in answer


@pytest.mark.parametrize("turns", range(6))
def test_a_stop_closes_a_connection_that_arrives_in_the_same_moment(
    turns: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arrived: list[socket.socket] = []
    urls: list[str] = []
    on_tick = uvicorn.Server.on_tick

    async def with_an_arrival(self: uvicorn.Server, counter: int) -> bool:
        if not (stops := await on_tick(self, counter)):
            return False
        arrived.append(connect(RunningServer(urls[0])))
        for _ in range(turns):  # of the event loop, between the arrival and the stop
            await asyncio.sleep(0)
        return stops

    monkeypatch.setattr(uvicorn.Server, "on_tick", with_an_arrival)
    with running() as server:
        urls.append(server.url)
    with arrived[0] as connection:
        assert all_of(connection) == b""
    gc.collect()  # a socket that is left open is a warning here, which fails the test
    assert caplog.text == ""  # uvicorn logs when it has waited for a connection until the end of the grace


def test_a_stop_leaves_no_socket_of_connections_that_go_on_arriving(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    urls: list[str] = []
    arrivals: list[asyncio.Task[None]] = []
    on_tick = uvicorn.Server.on_tick

    async def arrive_in_each_turn() -> None:
        with ExitStack() as connections, suppress(ConnectionRefusedError):  # once the server listens no more
            while True:
                connections.enter_context(connect(RunningServer(urls[0])))
                await asyncio.sleep(0)

    async def with_arrivals(self: uvicorn.Server, counter: int) -> bool:
        if stops := await on_tick(self, counter):
            arrivals.append(asyncio.create_task(arrive_in_each_turn()))
        return stops

    monkeypatch.setattr(uvicorn.Server, "on_tick", with_arrivals)
    with running() as server:
        urls.append(server.url)
    assert [task.done() for task in arrivals] == [True]
    gc.collect()  # a socket that is left open is a warning here, which fails the test
    assert caplog.text == ""


def test_sigterm_completes_a_running_request_and_accepts_no_new_connection(tmp_path: Path) -> None:
    script = SERVE.replace("serve(", f"serve(db={str(tmp_path / 'live.db')!r}, ")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = urlsplit(process.stdout.readline().strip())
        place = (address.hostname, address.port)
        with socket.create_connection(place) as connection, socket.create_connection(place) as idle:
            idle.sendall(head())
            assert next_answer(idle).status == 200
            connection.sendall(head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 9"))
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
            process.terminate()
            assert idle.recv(1) == b""  # a server closes idle connections once it stops
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(place)
            connection.sendall(b"title: A\n")
            assert first_answer(all_of(connection)).status == 200
        assert (process.wait(), process.stdout.read()) == (0, "stopped\n")
    with running(db=tmp_path / "live.db") as server, account_of(server) as client:
        assert client.get("dashboards/a").text == "title: A\n"


def test_serve_with_the_demo_option_fills_the_account() -> None:
    script = SERVE.replace("serve(", "serve(demo=True, ")
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        url = process.stdout.readline().strip()
        key = {"Authorization": "Bearer changeme"}
        agents = httpx2.get(f"{url}/orgs/acme/accounts/default/agents", headers=key).json()
        process.terminate()
    assert {agent["presence_state"] for agent in agents} == {"online", "offline"}
