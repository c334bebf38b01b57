"""``dlsync serve``: the embedded server, from the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from dlsync.errors import SettingsError
from dlsync.server import run
from dlsync.server.prometheus import Source
from tests.builders.commands import (
    DASHBOARD,
    by_hand,
    command_line,
    dlsync,
    environment,
    not_installed,
    process_environment,
)
from tests.builders.tls import authority_file, certificate_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


@contextmanager
def serving(
    *arguments: str | Path, env: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server in its own process; yield the process and the first line of its output."""
    with subprocess.Popen(
        command_line("serve", *arguments),
        env=process_environment(env),
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


def test_serve_prints_its_url_first_and_answers_there() -> None:
    with serving() as (server, url):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/api/v1")
        assert by_hand(environment(url), "GET", "dashboards").json() == []
        server.send_signal(signal.SIGTERM)
        assert said(server) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_or_a_closed_terminal_ends_the_server_with_exit_code_130(number: signal.Signals) -> None:
    with serving() as (server, _):
        server.send_signal(number)
        assert said(server) == (130, "", "Interrupted.\n")


def test_an_acknowledged_write_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    with serving("--db", tmp_path / "live.db") as (server, url):
        by_hand(environment(url), "PUT", "dashboards/web", DASHBOARD)
        server.kill()
        server.wait()
    with serving("--db", tmp_path / "live.db") as (_, url):
        assert by_hand(environment(url), "GET", "dashboards/web").text == DASHBOARD


def test_options_choose_the_organisation_the_account_and_the_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a-key-of-ours\n")
    with serving("--org", "books", "--account", "live", "--api-key-file", key) as (_, url):
        assert by_hand(environment(url, org="books", account="live", key="a-key-of-ours"), "GET", "plugins").is_success
        with pytest.raises(httpx2.HTTPStatusError, match="401"):
            by_hand(environment(url, org="books", account="live"), "GET", "plugins")


def test_over_tls_an_apply_trusts_the_authority_of_ssl_cert_file(tmp_path: Path) -> None:
    chain, key = certificate_files(tmp_path, "127.0.0.1")
    (tmp_path / "tree" / "dashboards").mkdir(parents=True)
    (tmp_path / "tree" / "dashboards" / "web.yaml").write_text(DASHBOARD)
    with serving("--tls-cert", chain, "--tls-key", key) as (server, url):
        assert url.startswith("https://127.0.0.1:")
        stranger = dlsync("apply", tmp_path / "tree", "--auto-approve", env=environment(url))
        trusting = {**environment(url), "SSL_CERT_FILE": authority_file(tmp_path)}
        done = dlsync("apply", tmp_path / "tree", "--auto-approve", env=trusting)
        again = dlsync("plan", tmp_path / "tree", "--detailed-exitcode", env=trusting)
        server.send_signal(signal.SIGTERM)
        assert said(server) == (0, "", "")
    assert stranger.code == 1
    assert "Set SSL_CERT_FILE" in stranger.err
    assert (done.code, again.code) == (0, 0)


def test_a_certificate_without_its_key_is_an_error(started: Started, tmp_path: Path) -> None:
    done = dlsync("serve", "--tls-cert", tmp_path / "server.pem")
    assert (done.code, started) == (1, [])
    assert done.err == "error: --tls-cert and --tls-key need each other\nGive both, or neither for HTTP.\n"


def test_documented_only_refuses_to_list_resources() -> None:
    with serving("--documented-only") as (_, url), pytest.raises(httpx2.HTTPStatusError, match=r"404|405"):
        by_hand(environment(url), "GET", "dashboards")


def test_a_demo_has_agents_with_metrics() -> None:
    with serving("--demo") as (_, url):
        agents = by_hand(environment(url), "GET", "agents").json()
        assert {"web-1", "db-1"} <= {agent["name"] for agent in agents}
        assert by_hand(environment(url), "GET", f"metrics?source={agents[0]['id']}").json() != []


@pytest.mark.parametrize("by", ["option", "environment"])
def test_an_unreachable_metrics_server_is_an_error_without_its_password(by: str) -> None:
    url = "http://reader:s3cret-word@127.0.0.1:1"
    options = ("--metrics-url", url, "--metrics-tag-labels", "job,env") if by == "option" else ()
    env = {"DLSYNC_METRICS_URL": url} if by == "environment" else {}
    with serving(*options, env=env) as (server, address):
        answer = httpx2.get(
            f"{address}/orgs/acme/accounts/default/metrics?tag=job", headers={"Authorization": "Bearer changeme"}
        )
        server.send_signal(signal.SIGTERM)
        code, out, err = said(server)
    assert (answer.status_code, code, out) == (503, 0, "")
    assert "the metrics server at 'http://127.0.0.1:1' cannot be reached" in err
    assert "s3cret" not in err + answer.text


def test_requests_are_logged_on_stderr_or_to_a_file(tmp_path: Path) -> None:
    for name in ("-", tmp_path / "access.log"):
        with serving("--access-log", name) as (server, url):
            by_hand(environment(url), "PUT", "dashboards/web", DASHBOARD)
            server.send_signal(signal.SIGTERM)
            code, out, err = said(server)
        text = err if name == "-" else (tmp_path / "access.log").read_text()
        assert (code, out, json.loads(text)["path"]) == (0, "", "/api/v1/orgs/acme/accounts/default/dashboards/web")


def test_an_access_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    done = dlsync("serve", "--access-log", tmp_path / "nowhere" / "log")
    assert (done.code, done.out) == (1, "")
    assert "nowhere/log: cannot be the access log: No such file or directory\nName another file" in done.err


def test_an_invalid_metrics_url_is_an_error() -> None:
    done = dlsync("serve", "--metrics-url", "127.0.0.1:9090")
    assert (done.code, done.out) == (1, "")
    assert "the URL of the metrics server is not an HTTP address" in done.err
    assert "bug" not in done.err


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = dlsync("serve", "--port", str(port))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: 127.0.0.1:{port}: cannot listen there: ")
    assert "Address already in use" in done.err
    assert "Name another --port" in done.err


def test_a_db_file_that_is_not_a_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to look at" * 30)
    done = dlsync("serve", "--db", tmp_path / "notes.txt")
    assert (done.code, done.out) == (1, "")
    assert "notes.txt" in done.err
    assert "bug" not in done.err


Started = list[dict[str, object]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Record the settings of each server that ``serve`` would start, and start none."""
    calls: Started = []

    def serve(*, announce: Callable[[str], None], **settings: object) -> None:
        calls.append(settings)
        announce("http://127.0.0.1:1/api/v1")

    monkeypatch.setattr(run, "serve", serve)
    return calls


def test_the_key_comes_from_a_file_then_the_environment_then_the_documented_default(
    started: Started, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a-key-in-a-file\n")
    variable = {"DLSYNC_API_KEY": "a-key-of-ours"}
    assert dlsync("serve", "--api-key-file", tmp_path / "key", env=variable).code == 0
    assert dlsync("serve", env=variable).code == 0
    assert dlsync("serve", env={"DLSYNC_API_KEY": ""}) == (0, "http://127.0.0.1:1/api/v1\n", "", ())
    assert [settings["api_key"] for settings in started] == ["a-key-in-a-file", "a-key-of-ours", "changeme"]


def test_options_and_environment_choose_the_metrics_server_and_its_labels(started: Started) -> None:
    url = "http://127.0.0.1:9090"
    options = ("--metrics-agent-label", "host", "--metrics-tag-labels", "job,env", "--metrics-names", "utf8")
    assert dlsync("serve", "--metrics-url", url, *options).code == 0
    assert dlsync("serve", env={"DLSYNC_METRICS_URL": url}).code == 0
    assert [settings["metrics"] for settings in started] == [
        Source(url, "host", ("job", "env"), utf8=True),
        Source(url, "instance", ("job",)),
    ]


@pytest.mark.parametrize(
    ("content", "fault"), [("", "is empty"), ("a\nb", "holds more than one line"), (None, "No such")]
)
def test_a_key_file_that_holds_no_key_is_an_error(
    started: Started, tmp_path: Path, content: str | None, fault: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
    done = dlsync("serve", "--api-key-file", tmp_path / "key", env={"DLSYNC_API_KEY": "a-key-of-ours"})
    assert (done.code, started) == (1, [])
    assert fault in done.err


def test_a_key_as_an_argument_is_refused(started: Started) -> None:
    done = dlsync("serve", "--api-key", "s3cret-0123456789")
    assert (done.code, started) == (1, [])
    assert "s3cret-0123456789" not in done.err


def test_the_database_comes_from_the_option_then_the_environment_and_else_is_in_memory(started: Started) -> None:
    for arguments, env in ((["--db", "a.db"], {"DLSYNC_DB": "b.db"}), ([], {"DLSYNC_DB": "b.db"}), ([], {})):
        assert dlsync("serve", *arguments, env=env).code == 0
    assert [settings["db"] for settings in started] == ["a.db", "b.db", None]


@pytest.mark.parametrize("arguments", ["--db", "copy a.db", "keys list --db", "audit --db", "backup b.db --db"])
def test_an_empty_db_option_is_an_error_and_no_in_memory_database(started: Started, arguments: str) -> None:
    done = dlsync("serve", *arguments.split(), "", env={"DLSYNC_DB": "b.db"})
    assert (done.code, done.out, started) == (1, "", [])
    assert "the file or URL that was given is empty" in done.err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret-p%40ss@127.0.0.1:9/shop",
        "postgresql://user@127.0.0.1:9/shop?password=s3cret-p%40ss",
        "postgresql://user:s3cret-p@ss@127.0.0.1:9/shop",
    ],
)
def test_no_error_shows_the_password_of_the_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = dlsync("serve", env={"DLSYNC_DB": url})
    assert (done.code, done.out) == (1, "")
    assert "s3cret" not in done.err
    assert "cannot be used as the server's database" in done.err

    def fail(**settings: object) -> None:
        raise SettingsError(f"{settings['db']} and s3cret-p@ss")

    monkeypatch.setattr(run, "serve", fail)
    assert "s3cret" not in dlsync("serve", env={"DLSYNC_DB": url}).err


@pytest.mark.parametrize("key", [{}, {"DLSYNC_API_KEY": "changeme"}])
def test_the_default_key_is_refused_on_an_address_that_other_machines_can_reach(key: dict[str, str]) -> None:
    done = dlsync("serve", "--host", "0.0.0.0", env=key)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: 0.0.0.0: other machines can connect there, so the default key is refused\n"
        "Set DLSYNC_API_KEY, or give --api-key-file, to a key of your own.\n"
    )


def test_serve_without_its_packages_is_an_error_that_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    not_installed(monkeypatch, "dlsync.server.run", "starlette")
    done = dlsync("serve")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: the server needs starlette, which is not installed\n"
        "Run pip install 'SOURCE[server]', where SOURCE is a checkout or a wheel of dlsync.\n"
    )


def test_serve_copy_and_serve_backup_report_the_copied_content(tmp_path: Path) -> None:
    with serving("--db", tmp_path / "live.db") as (_, url):
        by_hand(environment(url), "PUT", "dashboards/web", DASHBOARD)
        done = dlsync("serve", "backup", tmp_path / "backup.db", "--db", tmp_path / "live.db")
    size = (tmp_path / "backup.db").stat().st_size
    content = "accounts: 1, dashboards and rules: 1, plugins: 0, links: 0"
    assert done == (0, f"{tmp_path / 'backup.db'}: {content}; {size} bytes\n", "", ())
    done = dlsync("serve", "copy", "-", tmp_path / "copy.db", env={"DLSYNC_DB": str(tmp_path / "backup.db")})
    assert (done.code, done.err) == (0, "")
    assert [line.split()[:2] for line in done.out.splitlines()[:3]] == [
        ["orgs", "1"],
        ["accounts", "1"],
        ["documents", "1"],
    ]
    with serving("--db", tmp_path / "copy.db") as (_, url):
        assert by_hand(environment(url), "GET", "dashboards/web").text == DASHBOARD
