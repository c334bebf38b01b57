"""docs/operating.md: its configuration files are valid, and its tables and examples match the server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest
import trustme

from dlsync.server.monitoring import Metrics
from dlsync.server.run import running
from tests.builders.commands import ROOT, dlsync

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
FILE = re.compile(r"^```\w*\n(# (\S+)\n.*?)^```", re.MULTILINE | re.DOTALL)
FILES = {name.rpartition("/")[2]: body for body, name in FILE.findall(PAGE)}


def checked(*command: str | Path) -> None:
    """Run a program on a file of the page; skip the test where it is not installed."""
    program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run((program, *command[1:]), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()


def test_promtool_accepts_the_scrape_configuration_and_the_rules(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    scrape = FILES["prometheus.yml"].replace("/etc/prometheus/dlsync.key", str(tmp_path / "key"))
    (tmp_path / "prometheus.yml").write_text(f"rule_files: [rules.yml]\n{scrape}")
    (tmp_path / "rules.yml").write_text(FILES["rules.yml"])
    checked("promtool", "check", "config", tmp_path / "prometheus.yml")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = FILES["dlsync.service"].replace("/opt/dlsync/bin/dlsync", sys.executable)
    (tmp_path / "dlsync.service").write_text(unit)
    checked("systemd-analyze", "verify", tmp_path / "dlsync.service")


def test_nginx_accepts_the_proxy_configuration(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("dlsync.example")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "dlsync.crt")
    certificate.private_key_pem.write_to_path(tmp_path / "dlsync.key")
    proxy = (
        FILES["dlsync.conf"]
        .replace("/etc/nginx/dlsync.", f"{tmp_path}/dlsync.")
        .replace("443", f"unix:{tmp_path}/socket")
    )
    temporary = "".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary}\n{proxy}}}"
    )
    checked("nginx", "-t", "-c", tmp_path / "nginx.conf")


def test_caddy_accepts_the_proxy_configuration(tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(FILES["Caddyfile"])
    checked("caddy", "adapt", "--config", tmp_path / "Caddyfile", "--adapter", "caddyfile")


def test_the_table_lists_each_metric_of_the_server() -> None:
    named = set(re.findall(r"^\| `(dlsync_\w+)`", PAGE, re.MULTILINE))
    endings = {"counter": "_total", "info": "_info"}
    assert named == {
        family.name + endings.get(family.type, "")
        for family in Metrics().registry.collect()
        if family.name.startswith("dlsync_")
    }
    assert set(re.findall(r"(dlsync_\w+?)(?:_bucket)?[{\[]", FILES["rules.yml"])) <= named


def test_the_example_line_of_the_access_log_has_the_fields_of_a_real_line(tmp_path: Path) -> None:
    with running(access_log=str(tmp_path / "log")) as server:
        assert httpx2.get(server.url.replace("/api/v1", "/readyz")).text == '{"status":"ok"}'
    shown = json.loads(re.findall(r"^```json\n(.*)$", PAGE, re.MULTILINE)[0])
    assert list(shown) == list(json.loads((tmp_path / "log").read_text()))


def test_the_options_of_the_commands_in_the_page_exist() -> None:
    commands = re.findall(r"dlsync serve( --(?:.*\\\n)*.*)", PAGE.replace(" serve \\\n ", " serve"))
    used = {option for command in commands for option in re.findall(r" (--[a-z-]+)", command)}
    assert {"--db", "--access-log", "--api-key-file"} <= used
    assert used <= set(re.findall(r"--[a-z-]+", dlsync("serve", "--help").out))
