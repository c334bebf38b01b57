"""The example repository: its files are valid, its plugins work, its dashboards and rules use existing metrics."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.files import schema, yaml
from tests.builders.ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from socketserver import TCPServer

    from dlsync.model import Json

pytestmark = pytest.mark.untraced

REPOSITORY = Path(__file__).parent.parent
EXAMPLE = REPOSITORY / "example-repo"
PERFDATA = re.compile(r"([\w.]+)=-?[\d.]+(?:%|s|B|MB|GB|c)?(?:;[\d.:]*){0,4}")
INTERPRETERS = {".py": sys.executable, ".sh": shutil.which("sh"), ".pl": shutil.which("perl")}
FROM_THE_AGENT = {
    "agent.status",
    "base.cpu",
    "base.memory",
    "base.load_fractional",
    "base.net_download",
    "base.net_upload",
}
FOLDERS = {"dashboards": "dashboard", "rules": "rule", "plugins": "plugin"}
YAML_FILES = sorted(file.relative_to(EXAMPLE).as_posix() for file in EXAMPLE.rglob("*.yaml"))
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def document(file: str) -> Json:
    return yaml.parse((EXAMPLE / file).read_bytes(), file)


def schema_of(file: str) -> str:
    return FOLDERS[Path(file).parts[0]] if "/" in file else {"links.yaml": "link"}.get(file, Path(file).stem)


def values_of(key: str, node: Json) -> Iterator[Json]:
    """Yield each value of a key, at any depth."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == key:
                yield inner
            yield from values_of(key, inner)
    elif isinstance(node, list):
        for inner in node:
            yield from values_of(key, inner)


# the files


def test_the_example_is_large_and_has_plugins_in_python_shell_and_perl() -> None:
    scripts = [file for file in (EXAMPLE / "plugins").rglob("*") if file.is_file() and file.suffix != ".yaml"]

    assert len(list((EXAMPLE / "dashboards").rglob("*.yaml"))) >= 8
    assert len(list((EXAMPLE / "rules").rglob("*.yaml"))) >= 8
    assert len(scripts) >= 6
    assert {script.suffix for script in scripts} == set(INTERPRETERS)


@pytest.mark.parametrize("file", YAML_FILES)
def test_a_file_has_no_schema_errors_and_no_schema_warnings(file: str) -> None:
    assert schema.check(schema_of(file), document(file)) == []


@pytest.mark.parametrize("file", YAML_FILES)
def test_a_file_tells_the_editor_its_schema(file: str) -> None:
    told = MODELINE.match((EXAMPLE / file).read_text(encoding="utf-8"))

    assert told is not None
    assert (
        (EXAMPLE / file).parent / told[1]
    ).resolve() == REPOSITORY / "dlsync/schemas" / f"{schema_of(file)}.schema.json"


def test_every_plugin_is_linked_to_tags_that_the_readme_explains() -> None:
    links: Any = document("links.yaml")
    scripts = [file for file in (EXAMPLE / "plugins").rglob("*") if file.is_file() and file.suffix != ".yaml"]
    explained = set(re.findall(r"`(\w+)`", (EXAMPLE / "README.md").read_text(encoding="utf-8")))

    assert set(links) == {script.stem for script in scripts}
    assert {tag for tags in links.values() for tag in tags} <= explained


def test_the_settings_fit_the_embedded_server_and_hold_no_address_and_no_key() -> None:
    settings = document("dlsync.yaml")

    assert isinstance(settings, dict)
    assert (settings["org"], settings["account"]) == ("acme", "default")
    assert not {"url", "api_key"} & settings.keys()


def test_the_widgets_of_a_dashboard_do_not_cover_each_other() -> None:
    for file in (EXAMPLE / "dashboards").rglob("*.yaml"):
        covered: set[tuple[int, int]] = set()
        widgets: Any = yaml.parse(file.read_bytes())
        for widget in widgets["positions"]:
            columns = range(widget["col"], widget["col"] + widget["size_x"])
            cells = {(row, col) for row in range(widget["row"], widget["row"] + widget["size_y"]) for col in columns}
            assert not cells & covered, f"{file.name}: {widget['title']}"
            covered |= cells


# the plugins, each with services of its own


@dataclass(frozen=True)
class Outcome:
    code: int
    text: str
    perfdata: str

    @property
    def labels(self) -> set[str]:
        return set(re.findall(r"([\w.]+)=", self.perfdata))


def run(plugin: str, *arguments: object, **environ: str) -> Outcome:
    file = EXAMPLE / "plugins" / plugin
    interpreter = INTERPRETERS[file.suffix]
    if not interpreter:
        pytest.skip(f"nothing here runs {file.suffix}")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", **environ}
    command = [interpreter, str(file), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    text, _, perfdata = ran.stdout.partition(" | ")
    assert ran.stdout.count("\n") == 1, ran.stdout + ran.stderr
    assert all(PERFDATA.fullmatch(part) for part in perfdata.split()), perfdata
    assert text.split(" - ")[0] == ("OK", "WARNING", "CRITICAL", "UNKNOWN")[ran.returncode]
    return Outcome(ran.returncode, text, perfdata)


@contextmanager
def serving(server: TCPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


class Page(BaseHTTPRequestHandler):
    """Answers /health, and nothing else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health?deep=1" else 500)
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def redis(answers: bytes) -> type[StreamRequestHandler]:
    """Return a handler that speaks the Redis protocol and sends these answers to each client."""

    class Redis(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(answers)
            self.wfile.flush()
            while self.rfile.readline():
                pass

    return Redis


def info(uptime: int = 10, hits: int = 90) -> bytes:
    facts = {
        "used_memory": 3 * 1024 * 1024,
        "connected_clients": 4,
        "keyspace_hits": hits,
        "keyspace_misses": 100 - hits,
        "evicted_keys": 0,
        "uptime_in_seconds": uptime,
    }
    body = "# Everything\r\n" + "".join(f"{name}:{value}\r\n" for name, value in facts.items())
    return f"${len(body)}\r\n{body}\r\n".encode()


def path_with(folder: Path, program: str, script: str) -> str:
    """Return a PATH on which a program is this script."""
    (folder / program).write_text(f"#!/bin/sh\n{script}\n")
    (folder / program).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def status_file(folder: Path, text: str = '{"pending": 3, "failed": 0, "settled": 118}') -> Path:
    file = folder / "status.json"
    file.write_text(text)
    return file


def test_http_check_measures_each_page_and_reports_the_worst_status() -> None:
    patient = ("--warning", "30", "--critical", "30")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Page)) as port:
        fine = run("http_check.py", *patient, f"checkout=http://127.0.0.1:{port}/health?deep=1")
        broken = run(
            "http_check.py", *patient, f"a=http://127.0.0.1:{port}/health?deep=1", f"b=http://127.0.0.1:{port}"
        )
    with reserved_port() as nobody:
        gone = run("http_check.py", f"shop=http://127.0.0.1:{nobody}/")

    assert (fine.code, fine.labels) == (0, {"checkout_time", "checkout_size", "checkout_code"})
    assert broken.code == 2
    assert {"a_code", "b_code"} < broken.labels
    assert (gone.code, gone.perfdata.strip()) == (2, "")


@pytest.mark.parametrize("arguments", [(), ("ftp://a",), ("a=b",), ("--warning", "soon", "a=http://a")])
def test_http_check_is_unknown_for_invalid_arguments(arguments: tuple[str, ...]) -> None:
    assert run("http_check.py", *arguments).code == 3


@pytest.mark.skipif(not shutil.which("openssl"), reason="a certificate is made with openssl")
@pytest.mark.parametrize(("days", "code"), [(30, 0), (14, 1), (3, 2)])
def test_tls_expiry_reports_the_days_until_the_certificate_expires(tmp_path: Path, days: int, code: int) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days {days} -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingTCPServer(("127.0.0.1", 0), StreamRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        outcome = run("tls_expiry.py", f"localhost:{port}", SSL_CERT_FILE=str(certificate))

    assert (outcome.code, outcome.labels) == (code, {"days_left", "checked"})
    assert f"{days} days left" in outcome.text


def test_tls_expiry_is_critical_when_the_server_is_unreachable() -> None:
    with reserved_port() as nobody:
        assert run("tls_expiry.py", f"127.0.0.1:{nobody}").code == 2


def test_tls_expiry_is_unknown_without_arguments() -> None:
    assert run("tls_expiry.py").code == 3


def test_payments_worker_reports_the_counts_of_the_last_batch(tmp_path: Path) -> None:
    outcome = run("payments_worker.py", status_file(tmp_path))

    assert (outcome.code, outcome.labels) == (0, {"heartbeat_age", "pending", "failed", "settled"})


def test_payments_worker_warns_of_failed_payments(tmp_path: Path) -> None:
    assert run("payments_worker.py", status_file(tmp_path, '{"pending": 0, "failed": 2, "settled": 1}')).code == 1


def test_payments_worker_is_critical_when_its_status_file_is_old_or_missing(tmp_path: Path) -> None:
    file = status_file(tmp_path)
    os.utime(file, (0, 0))

    assert run("payments_worker.py", file).code == 2
    assert run("payments_worker.py", tmp_path / "none").code == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pending": null, "failed": 0, "settled": 1}'])
def test_payments_worker_is_unknown_for_an_invalid_status_file(tmp_path: Path, text: str) -> None:
    assert run("payments_worker.py", status_file(tmp_path, text)).code == 3


@pytest.mark.parametrize(("waiting", "code"), [(1, 0), (400, 1), (9000, 2)])
def test_order_queue_reports_each_queue_the_total_and_a_status(waiting: int, code: int) -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(b":%d\r\n:100\r\n:0\r\n" % waiting))) as port:
        outcome = run("data/order_queue.py", "127.0.0.1", port)

    assert (outcome.code, outcome.labels) == (code, {"orders", "mails", "invoices", "total"})


def test_order_queue_is_critical_when_the_server_refuses_or_is_gone() -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(b"-NOAUTH Authentication required.\r\n"))) as port:
        refused = run("data/order_queue.py", "127.0.0.1", port, "orders")

    assert refused.code == 2
    assert "NOAUTH" in refused.text
    with reserved_port() as nobody:
        assert run("data/order_queue.py", "127.0.0.1", nobody).code == 2


@pytest.mark.parametrize(("uptime", "hits", "code"), [(10, 20, 0), (7200, 90, 0), (7200, 20, 1)])
def test_cache_warns_of_a_low_hit_ratio_unless_the_server_has_just_started(uptime: int, hits: int, code: int) -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(info(uptime, hits)))) as port:
        outcome = run("data/cache.pl", "127.0.0.1", port)

    assert (outcome.code, outcome.labels) == (code, {"memory_mb", "clients", "hit_ratio", "evicted_keys", "uptime"})


def test_cache_is_critical_when_the_server_is_gone_and_unknown_for_an_error_answer() -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(b"-ERR\x1b[2J\r\n"))) as port:
        assert run("data/cache.pl", "127.0.0.1", port).code == 3

    with reserved_port() as nobody:
        assert run("data/cache.pl", "127.0.0.1", nobody).code == 2


@pytest.mark.parametrize(("row", "code"), [("20 100 3 512 0", 0), ("85 100 3 512 0", 1), ("20 100 3 512 700", 2)])
def test_postgres_judges_connections_and_replication(tmp_path: Path, row: str, code: int) -> None:
    outcome = run("data/postgres.sh", PATH=path_with(tmp_path, "psql", f"echo {row}"))

    assert outcome.code == code
    assert outcome.labels == {"connections", "connections_pct", "longest_query", "size_mb", "replica_lag"}


def test_postgres_is_critical_when_psql_fails(tmp_path: Path) -> None:
    assert (
        run("data/postgres.sh", PATH=path_with(tmp_path, "psql", "echo 'connection | refused' >&2; exit 2")).code == 2
    )


def test_postgres_is_unknown_for_an_unexpected_answer(tmp_path: Path) -> None:
    assert run("data/postgres.sh", PATH=path_with(tmp_path, "psql", "echo '1 2 x'")).code == 3


@pytest.mark.parametrize(("used", "inodes", "code"), [(79, 20, 0), (80, 20, 1), (10, 85, 1), (92, 20, 2), (10, 92, 2)])
def test_disk_space_judges_the_used_space_and_the_used_inodes(
    tmp_path: Path, used: int, inodes: int, code: int
) -> None:
    table = "echo Filesystem Blocks Used Available Capacity Mounted; echo disk 9 9 3145728 $percent% /"
    df = f'case "$*" in *-i*) percent={inodes};; *) percent={used};; esac; {table}'
    outcome = run("disk_space.sh", "/", PATH=path_with(tmp_path, "df", df))

    assert outcome.code == code
    assert re.findall(r"(\w+)=([\d.]+)", outcome.perfdata) == [
        ("used_pct", str(used)),
        ("inodes_pct", str(inodes)),
        ("free_gb", "3.0"),
    ]


def test_disk_space_is_unknown_for_a_missing_path(tmp_path: Path) -> None:
    assert run("disk_space.sh", tmp_path / "none").code == 3


@pytest.mark.parametrize(
    ("is_old", "least_mb", "code"),
    [(False, 0, 0), (False, 1, 1), (True, 0, 2)],
    ids=["fresh", "too small", "too old"],
)
def test_backup_age_judges_the_age_and_size_of_the_newest_backup(
    tmp_path: Path, is_old: bool, least_mb: int, code: int
) -> None:
    for name in ("monday.dump", "wednesday.dump"):
        (tmp_path / name).write_bytes(bytes(2**20))
        os.utime(tmp_path / name, (0, 0))
    newest = tmp_path / "tuesday.dump"
    newest.write_bytes(b"backup")
    if is_old:
        os.utime(newest, (9, 9))
    outcome = run("backup_age.sh", tmp_path, 26, least_mb)

    assert (outcome.code, outcome.labels) == (code, {"age_hours", "size_mb", "kept"})
    assert "size_mb=0MB" in outcome.perfdata


def test_backup_age_is_critical_without_a_backup_and_unknown_without_a_folder(tmp_path: Path) -> None:
    assert run("backup_age.sh", tmp_path).code == 2
    assert run("backup_age.sh", tmp_path / "none").code == 3


# plugins together with dashboards and rules


def test_dashboards_and_rules_use_only_metrics_that_a_plugin_or_the_agent_produces(tmp_path: Path) -> None:
    produced = {f"{file.name.split('.')[0]}.status" for file in (EXAMPLE / "plugins").rglob("*.*")} | FROM_THE_AGENT
    for plugin, labels in everything_produced(tmp_path).items():
        produced |= {f"{plugin}.{label}" for label in labels} | {f"{plugin}.*"}
    used = {
        str(metric)
        for file in YAML_FILES
        if schema_of(file) in {"dashboard", "rule"}
        for metric in values_of("metric", document(file))
    }

    assert used - produced == set()


def everything_produced(folder: Path) -> dict[str, set[str]]:
    """Return the perfdata labels of each plugin, called with its own parameters on healthy services."""
    pages = [pair.split("=")[0] for pair in params_of("http_check").split()]
    lists = params_of("data/order_queue").split()[2:]
    with ExitStack() as world:
        start: Callable[[TCPServer], int] = lambda server: world.enter_context(serving(server))  # noqa: E731 - typed
        web = start(ThreadingHTTPServer(("127.0.0.1", 0), Page))
        cache = start(ThreadingTCPServer(("127.0.0.1", 0), redis(info())))
        queue = start(ThreadingTCPServer(("127.0.0.1", 0), redis(b":1\r\n" * len(lists))))
        status_file(folder)
        return {
            "http_check": run(
                "http_check.py", *(f"{page}=http://127.0.0.1:{web}/health?deep=1" for page in pages)
            ).labels,
            "payments_worker": run("payments_worker.py", folder / "status.json").labels,
            "order_queue": run("data/order_queue.py", "127.0.0.1", queue, *lists).labels,
            "cache": run("data/cache.pl", "127.0.0.1", cache).labels,
            "postgres": run("data/postgres.sh", PATH=path_with(folder, "psql", "echo 20 100 3 512 0")).labels,
            "disk_space": run("disk_space.sh", folder).labels,
            "backup_age": run("backup_age.sh", folder).labels,
            "tls_expiry": {"days_left", "checked"},  # as the test above proves, where openssl makes a certificate
        }


def params_of(plugin: str) -> str:
    settings = document(f"plugins/{plugin}.meta.yaml")
    assert isinstance(settings, dict)
    return str(settings["params"])
