"""Reading a file of any bytes gives a value or a problem, in little time and memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.files import settings as settings_file
from dlsync.files import yaml
from dlsync.files.settings import Options
from dlsync.operations import import_backup, plan_file
from dlsync.operations.render import sent_files
from dlsync.operations.validate import validate as validate_resources
from dlsync.resources import environments, loader, packs
from dlsync.resources.rule import KIND
from dlsync.resources.selector import Targets
from tests.builders.trees import write_tree
from tests.builders.yaml import maybe_yaml

# each example reads a whole tree
MANY = settings() if settings().max_examples > 100 else settings(max_examples=80)
SECRET = "t0p-s3cret-value"  # of the environment
DASHBOARD = """# ours
title: Web
period: 3600
annotations: [deploys]
positions:
  - &first {row: 1, col: 1, size_x: 2, size_y: 2, title: Load, type: number, filter: avg,
     series: [{metric: base.load, scope: {tag: web}}]}
  - row: 3
    col: 1
    title: "${var:team} | \\u00e9"
    type: chart
    series:
      - metric: "base.*"
        scope: {tag: [web, db]}
"""
RULE = """title: CPU
description: |
  two
  lines
criteria:
  - metric: base.cpu
    scope: {tag: web}
    condition: {threshold: 90.5, timeout: 120, operator: gt}
actions:
  - type: EMAIL
    details: {emails: [ops@example.com], message: '${env:HOOK} is up'}
"""
SETTINGS = """url: https://monitoring.example.com/api/v1
org: acme
account: default
variables: {team: web, limit: 90}
environments:
  prod: {account: prod, variables: {team: ops}}
prune: managed
protect: ["rule/*"]
max_delete_percent: 30
requests_per_second: 5
annotate: deploys
"""
FILES = {
    "dashboards/web.yaml": DASHBOARD,
    "rules/cpu.yaml": RULE,
    "plugins/disk.sh": "#!/bin/sh\nexit 0\n",
    "plugins/disk.meta.yaml": "description: Disk\ninterval: 60\nparams: '-w 80'\nshellArgs: \"\"\ntype: SCRIPT\n",
    "links.yaml": "disk: [web, db]\nother: ['${env:HOOK}']\n",
    "dlsync.yaml": SETTINGS,
    "packs/nginx/package.yaml": "title: Nginx\nversion: 1.0\n",
    "packs/nginx/rules/down.yaml": RULE,
    "packs/nginx/plugins/nginx.py": "print('OK')\n",
    "overlays/prod/dashboards/web.yaml": "title: Prod\npositions:\n  - {title: Load, color: red, series: null}\n",
    "overlays/prod/rules/cpu.yaml": "criteria:\n  - {metric: base.cpu, condition: {threshold: 95}}\n",
    "overlays/prod/links.yaml": "disk: [prod]\n",
    "overlays/prod/plugins/disk.meta.yaml": "interval: 30\n",
}
BACKUP = {
    "dashboards/web.yaml": DASHBOARD,
    "rules/cpu.yaml": RULE,
    "plugins/disk.sh": "exit 0\n",
    "links/1.json": '{"id": "1", "plugin": "disk", "tags": ["web", "db"], "org": "acme"}',
    "agents/web-1.json": '{"id": "f1", "name": "web-1", "tags": ["all", "web"], "presence_state": "online"}',
}
PLAN = json.dumps(
    {
        "format_version": 1,
        "url": "https://example.com",
        "org": "acme",
        "account": "default",
        "commit": None,
        "summary": {"create": 1, "update": 0, "delete": 0, "unchanged": 0, "conflict": 0},
        "changes": [
            {
                "kind": "rule",
                "name": "cpu",
                "action": "create",
                "cause": "new",
                "file": "rules/cpu.yaml",
                "line": 1,
                "diff": [{"path": ["title"], "op": "add", "before": None, "after": "CPU", "line": 1}],
            }
        ],
        "directory": ".",
        "targets": [],
    }
)
NASTY = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\x1b[2J",
    b"\xe2\x80\xae",
    b"\\ud800",
    b"\r",
    b"\t",
    b"---\n",
    b"...\n",
    b"%YAML 1.1\n",
    b"*a ",
    b"&a ",
    b"!!binary ",
    b"!!python/object/apply:os.system ",
    b"<<: ",
    b"? ",
    b"- - - ",
    b"[" * 200,
    b"{" * 200,
    b"[]",
    b"{}",
    b"null",
    b"~",
    b"1e999",
    b"-.inf",
    b"9" * 5000,
    b"1_000",
    b"12:30:45",
    b"2001-01-01",
    b"${env:HOOK}",
    b"${env:NOT}",
    b"${var:limit}",
    b"${var:",
    b"$${",
    b'"',
    b"'",
    b"|\n",
    b">2-\n",
    b"#",
    b": ",
    b"a" * 2000,
]


def bomb(levels: int) -> bytes:
    """Aliases of aliases: ten to the power of the levels, were they written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


BOMBS = [bomb(9), b"a: &a [*a]", b"a: &a {b: *a}", b"[" * 100_000, b"- " * 100_000, b"{a: " * 50_000, b"? " * 50_000]


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """A good file in which a few pieces were cut out, doubled, moved, or replaced."""
    content = text.encode()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(NASTY) | st.binary(max_size=6) | st.just(content[start:stop] * 2) | st.just(b""))
        content = content[:start] + piece + content[stop:]
    return content


def contents(text: str) -> st.SearchStrategy[bytes]:
    generated = st.binary(max_size=200) | maybe_yaml().map(lambda one: one.encode("utf-8", "surrogatepass"))
    return mutated(text) | generated | st.sampled_from(BOMBS)


def require_sayable(*texts: object) -> None:
    """Check that messages are printable and hold no secret."""
    for line in "\n".join(map(str, texts)).split("\n"):
        assert line.isprintable()
        assert SECRET not in line


def read_as_commands_do(root: Path, environment: str = "") -> None:
    environ = {"HOOK": SECRET, "DLSYNC_ENVIRONMENT": environment}
    try:
        require_sayable(*validate_resources(root, Options(), environ).problems)
        in_force = settings_file.load(root, Options(), environ, require_server=False)
        tree = environments.read(root, in_force)
        require_sayable(*tree.problems, *(f"{pack.counts}" for pack in packs.packs_of(tree)))
        list(sent_files(tree.raise_for_errors(), Targets()))
    except DlsyncError as error:
        require_sayable(error, error.hint)


@MANY
@given(st.data(), st.sampled_from(sorted(FILES)), st.sampled_from(["", "prod"]))
def test_any_file_of_a_tree_is_read_or_reported_as_a_problem(data: st.DataObject, file: str, environment: str) -> None:
    with TemporaryDirectory() as folder:
        content = data.draw(contents(FILES[file]))
        read_as_commands_do(write_tree(Path(folder), FILES | {file: content}), environment)


@MANY
@given(st.data(), st.sampled_from(sorted(BACKUP)))
def test_any_file_of_an_old_backup_is_read_or_reported_as_a_problem(data: st.DataObject, file: str) -> None:
    with TemporaryDirectory() as folder:
        root = write_tree(Path(folder) / "acme" / "default", BACKUP | {file: data.draw(contents(BACKUP[file]))})
        try:
            require_sayable(*loader.read(root).problems)
            require_sayable(*import_backup.import_backup(root, Path(folder) / "tree").problems)
        except DlsyncError as error:
            require_sayable(error, error.hint)


@given(contents(PLAN))
def test_a_file_of_a_saved_plan_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = write_tree(Path(folder), {"plan.json": content}) / "plan.json"
        try:
            plan_file.read(file)
        except DlsyncError as error:
            require_sayable(error, error.hint)


@given(mutated("a-key\n") | st.binary(max_size=40))
def test_a_file_with_an_api_key_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        root = write_tree(Path(folder), {"dlsync.yaml": SETTINGS, "key": content})
        try:
            settings_file.load(root, Options(api_key_file=root / "key"), {})
        except DlsyncError as error:
            require_sayable(error, error.hint)


@given(contents(DASHBOARD), contents(RULE))
def test_yaml_that_is_read_can_be_written_and_edited(content: bytes, other: bytes) -> None:
    try:
        document, target = yaml.parse(content), yaml.parse(other)
        yaml.positions(content)
        assert yaml.parse(yaml.dump(document)) == document
        assert yaml.parse(yaml.rewrite(content, target, KIND.paired)) == target
    except DlsyncError as error:
        require_sayable(error, error.hint)


@pytest.mark.parametrize("content", BOMBS, ids=range(len(BOMBS)))
def test_a_yaml_bomb_is_refused_in_little_memory(content: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DlsyncError) as caught:
            yaml.parse(content, "rules/x.yaml")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    require_sayable(caught.value)
    assert peak < 300 * 1024 * 1024
