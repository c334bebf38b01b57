"""``dlsync serve``: the embedded server, from the command line."""

from __future__ import annotations

import builtins
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from dlsync.server import run
from tests.builders.commands import DASHBOARD, by_hand, command_line, dlsync, environment, process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a process of its own, and the first line that it printed."""
    with subprocess.Popen(
        command_line("serve", *arguments),
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield server, server.stdout.readline().removesuffix("\n")
        finally:
            server.kill()


def said(server: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = server.communicate()
    return server.returncode, out, err


def test_its_first_line_is_its_url_and_there_it_answers() -> None:
    with serving() as (server, url):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/api/v1")
        assert by_hand(environment(url), "GET", "dashboards").json() == []
        server.send_signal(signal.SIGTERM)
        assert said(server) == (0, "", "")


def test_ctrl_c_ends_it_as_interrupted() -> None:
    with serving() as (server, _):
        server.send_signal(signal.SIGINT)
        assert said(server) == (130, "", "Interrupted.\n")


def test_what_was_answered_survives_being_killed(tmp_path: Path) -> None:
    with serving("--db", tmp_path / "live.db") as (server, url):
        by_hand(environment(url), "PUT", "dashboards/web", DASHBOARD)
        server.kill()
        server.wait()
    with serving("--db", tmp_path / "live.db") as (_, url):
        assert by_hand(environment(url), "GET", "dashboards/web").text == DASHBOARD


def test_organisation_account_and_key_are_chosen() -> None:
    with serving("--org", "books", "--account", "live", "--api-key", "a-key-of-ours") as (_, url):
        assert by_hand(environment(url, org="books", account="live", key="a-key-of-ours"), "GET", "plugins").is_success
        with pytest.raises(httpx2.HTTPStatusError, match="401"):
            by_hand(environment(url, org="books", account="live"), "GET", "plugins")


def test_documented_only_has_no_lists() -> None:
    with serving("--documented-only") as (_, url), pytest.raises(httpx2.HTTPStatusError, match=r"404|405"):
        by_hand(environment(url), "GET", "dashboards")


def test_a_demo_has_agents_that_measure() -> None:
    with serving("--demo") as (_, url):
        agents = by_hand(environment(url), "GET", "agents").json()
        assert {"web-1", "db-1"} <= {agent["name"] for agent in agents}
        assert by_hand(environment(url), "GET", f"metrics?source={agents[0]['id']}").json() != []


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = dlsync("serve", "--port", str(port))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: 127.0.0.1:{port}: cannot listen there: ")
    assert "Address already in use" in done.err
    assert "Name another --port" in done.err


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to look at" * 30)
    done = dlsync("serve", "--db", tmp_path / "notes.txt")
    assert (done.code, done.out) == (1, "")
    assert "notes.txt" in done.err
    assert "bug" not in done.err


Started = list[dict[str, object]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The settings of each server that was to be started; none is."""
    calls: Started = []

    def serve(*, announce: Callable[[str], None], **settings: object) -> None:
        calls.append(settings)
        announce("http://127.0.0.1:1/api/v1")

    monkeypatch.setattr(run, "serve", serve)
    return calls


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_on_this_machine_the_documentation_s_key_will_do(started: Started, host: str) -> None:
    assert dlsync("serve", "--host", host) == (0, "http://127.0.0.1:1/api/v1\n", "", ())
    assert [(one["host"], one["api_key"]) for one in started] == [(host, "changeme")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "monitoring.example", ""])  # that is the point
def test_where_others_can_connect_it_takes_a_key_of_one_s_own(started: Started, host: str) -> None:
    done = dlsync("serve", "--host", host)
    assert (done.code, done.out, started) == (1, "", [])
    assert "can be reached by others, so a key of your own is needed\nGive --api-key.\n" in done.err
    assert dlsync("serve", "--host", host, "--api-key", "a-key-of-ours").code == 0
    assert started[0]["api_key"] == "a-key-of-ours"


def test_an_empty_key_is_no_key(started: Started) -> None:
    done = dlsync("serve", "--host", "0.0.0.0", "--api-key", "")
    assert (done.code, started) == (1, [])
    assert "the key of --api-key is empty" in done.err


def test_without_the_server_s_packages_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def importing(name: str, *rest: object) -> object:
        if name == "dlsync.server.run":
            raise ModuleNotFoundError("No module named 'starlette'", name="starlette")
        return imported(name, *rest)  # type: ignore[arg-type] # whatever an import gives

    monkeypatch.delitem(sys.modules, "dlsync.server.run")
    monkeypatch.setattr(builtins, "__import__", importing)
    done = dlsync("serve")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: the server needs starlette, which is not installed\nGet it with: pip install 'dlsync[server]'\n"
    )
