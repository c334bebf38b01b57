"""The example repository is what it says: valid files, plugins that work, metrics that somebody produces."""

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
    """Everything that stands under a key, wherever it is."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == key:
                yield inner
            yield from values_of(key, inner)
    elif isinstance(node, list):
        for inner in node:
            yield from values_of(key, inner)


# the files


def test_it_is_a_whole_companys_monitoring() -> None:
    scripts = [file for file in (EXAMPLE / "plugins").rglob("*") if file.is_file() and file.suffix != ".yaml"]

    assert len(list((EXAMPLE / "dashboards").rglob("*.yaml"))) >= 8
    assert len(list((EXAMPLE / "rules").rglob("*.yaml"))) >= 8
    assert len(scripts) >= 6
    assert {script.suffix for script in scripts} == set(INTERPRETERS)


@pytest.mark.parametrize("file", YAML_FILES)
def test_a_file_has_nothing_that_the_schema_would_as_much_as_warn_of(file: str) -> None:
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


# the plugins, in a world made for each


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
    """A server of the Redis protocol that gives its answers to whoever asks."""

    class Redis(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(answers)
            self.wfile.flush()
            while self.rfile.readline():
                pass

    return Redis


def nothing_listens() -> int:
    with ThreadingTCPServer(("127.0.0.1", 0), StreamRequestHandler) as server:
        return int(server.server_address[1])


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


def psql(folder: Path, script: str) -> str:
    """A PATH on which psql is that script."""
    (folder / "psql").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "psql").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def status_file(folder: Path, text: str = '{"pending": 3, "failed": 0, "settled": 118}') -> Path:
    file = folder / "status.json"
    file.write_text(text)
    return file


def test_http_check_times_each_page_and_the_worst_decides() -> None:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Page)) as port:
        fine = run("http_check.py", f"checkout=http://127.0.0.1:{port}/health?deep=1")
        broken = run("http_check.py", f"a=http://127.0.0.1:{port}/health?deep=1", f"b=http://127.0.0.1:{port}")
    gone = run("http_check.py", f"shop=http://127.0.0.1:{port}/")

    assert (fine.code, fine.labels) == (0, {"checkout_time", "checkout_size", "checkout_code"})
    assert broken.code == 2
    assert {"a_code", "b_code"} < broken.labels
    assert (gone.code, gone.perfdata.strip()) == (2, "")


@pytest.mark.parametrize("arguments", [(), ("ftp://a",), ("a=b",), ("--warning", "soon", "a=http://a")])
def test_http_check_does_not_know_what_it_was_asked(arguments: tuple[str, ...]) -> None:
    assert run("http_check.py", *arguments).code == 3


@pytest.mark.skipif(not shutil.which("openssl"), reason="a certificate is made with openssl")
@pytest.mark.parametrize(("days", "code"), [(30, 0), (14, 1), (3, 2)])
def test_tls_expiry_tells_the_days_that_are_left(tmp_path: Path, days: int, code: int) -> None:
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


def test_tls_expiry_takes_a_server_that_cannot_be_asked_for_critical() -> None:
    assert run("tls_expiry.py", f"127.0.0.1:{nothing_listens()}").code == 2


def test_tls_expiry_does_not_know_what_it_was_asked() -> None:
    assert run("tls_expiry.py").code == 3


def test_payments_worker_tells_what_the_last_batch_was(tmp_path: Path) -> None:
    outcome = run("payments_worker.py", status_file(tmp_path))

    assert (outcome.code, outcome.labels) == (0, {"heartbeat_age", "pending", "failed", "settled"})


def test_payments_worker_warns_of_failed_payments(tmp_path: Path) -> None:
    assert run("payments_worker.py", status_file(tmp_path, '{"pending": 0, "failed": 2, "settled": 1}')).code == 1


def test_payments_worker_is_critical_when_it_has_stopped(tmp_path: Path) -> None:
    file = status_file(tmp_path)
    os.utime(file, (0, 0))

    assert run("payments_worker.py", file).code == 2
    assert run("payments_worker.py", tmp_path / "none").code == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pending": null, "failed": 0, "settled": 1}'])
def test_payments_worker_does_not_know_what_a_broken_file_means(tmp_path: Path, text: str) -> None:
    assert run("payments_worker.py", status_file(tmp_path, text)).code == 3


@pytest.mark.parametrize(("waiting", "code"), [(1, 0), (400, 1), (9000, 2)])
def test_order_queue_adds_up_what_waits(waiting: int, code: int) -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(b":%d\r\n:100\r\n:0\r\n" % waiting))) as port:
        outcome = run("data/order_queue.py", "127.0.0.1", port)

    assert (outcome.code, outcome.labels) == (code, {"orders", "mails", "invoices", "total"})


def test_order_queue_is_critical_when_the_server_refuses_or_is_gone() -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(b"-NOAUTH Authentication required.\r\n"))) as port:
        assert "NOAUTH" in run("data/order_queue.py", "127.0.0.1", port, "orders").text

    assert run("data/order_queue.py", "127.0.0.1", port).code == 2


@pytest.mark.parametrize(("uptime", "hits", "code"), [(10, 20, 0), (7200, 90, 0), (7200, 20, 1)])
def test_cache_judges_its_hits_once_it_is_warm(uptime: int, hits: int, code: int) -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(info(uptime, hits)))) as port:
        outcome = run("data/cache.pl", "127.0.0.1", port)

    assert (outcome.code, outcome.labels) == (code, {"memory_mb", "clients", "hit_ratio", "evicted_keys", "uptime"})


def test_cache_tells_a_server_that_is_gone_from_one_that_is_no_cache() -> None:
    with serving(ThreadingTCPServer(("127.0.0.1", 0), redis(b"-ERR\x1b[2J\r\n"))) as port:
        assert run("data/cache.pl", "127.0.0.1", port).code == 3

    assert run("data/cache.pl", "127.0.0.1", port).code == 2


@pytest.mark.parametrize(("row", "code"), [("20 100 3 512 0", 0), ("85 100 3 512 0", 1), ("20 100 3 512 700", 2)])
def test_postgres_judges_connections_and_replication(tmp_path: Path, row: str, code: int) -> None:
    outcome = run("data/postgres.sh", PATH=psql(tmp_path, f"echo {row}"))

    assert outcome.code == code
    assert outcome.labels == {"connections", "connections_pct", "longest_query", "size_mb", "replica_lag"}


def test_postgres_is_critical_when_psql_fails(tmp_path: Path) -> None:
    assert run("data/postgres.sh", PATH=psql(tmp_path, "echo 'connection | refused' >&2; exit 2")).code == 2


def test_postgres_does_not_know_what_other_answers_mean(tmp_path: Path) -> None:
    assert run("data/postgres.sh", PATH=psql(tmp_path, "echo '1 2 x'")).code == 3


def test_disk_space_measures_the_disk(tmp_path: Path) -> None:
    outcome = run("disk_space.sh", tmp_path)

    assert outcome.code in {0, 1, 2}
    assert outcome.labels == {"used_pct", "inodes_pct", "free_gb"}


def test_disk_space_does_not_know_a_mount_that_is_not_there(tmp_path: Path) -> None:
    assert run("disk_space.sh", tmp_path / "none").code == 3


@pytest.mark.parametrize(
    ("age_seconds", "least_mb", "code"),
    [(0, 0, 0), (0, 1, 1), (None, 0, 2)],
    ids=["fresh", "too small", "too old"],
)
def test_backup_age_judges_the_newest(tmp_path: Path, age_seconds: int | None, least_mb: int, code: int) -> None:
    for name in ("monday.dump", "tuesday.dump"):
        (tmp_path / name).write_bytes(b"backup")
        if age_seconds is None:
            os.utime(tmp_path / name, (0, 0))
    outcome = run("backup_age.sh", tmp_path, 26, least_mb)

    assert (outcome.code, outcome.labels) == (code, {"age_hours", "size_mb", "kept"})


def test_backup_age_is_critical_without_a_backup_and_unknown_without_a_folder(tmp_path: Path) -> None:
    assert run("backup_age.sh", tmp_path).code == 2
    assert run("backup_age.sh", tmp_path / "none").code == 3


# both together


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
    """The labels of each plugin's perfdata, where all is well and it is called as its settings say."""
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
            "postgres": run("data/postgres.sh", PATH=psql(folder, "echo 20 100 3 512 0")).labels,
            "disk_space": run("disk_space.sh", folder).labels,
            "backup_age": run("backup_age.sh", folder).labels,
            "tls_expiry": {"days_left", "checked"},  # as the test above proves, where openssl makes a certificate
        }


def params_of(plugin: str) -> str:
    settings = document(f"plugins/{plugin}.meta.yaml")
    assert isinstance(settings, dict)
    return str(settings["params"])
