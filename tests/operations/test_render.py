"""Rendered files: the content that dlsync sends, and its output as text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.files.redaction import Redaction
from dlsync.files.settings import Settings
from dlsync.model import Address, Resource
from dlsync.operations.render import SentFile, sent_files
from dlsync.render.files import render_sent, sent_document
from dlsync.resources import environments, kind_of
from dlsync.resources.kind import Kind
from dlsync.resources.selector import Targets
from tests.builders.trees import address, resource, write_tree

if TYPE_CHECKING:
    from pathlib import Path

FILES: dict[str, str | bytes] = {
    "dlsync.yaml": "environments: {staging: }\n",
    "dashboards/web.yaml": "# ours\ntitle: ${var:name}   # so it is called\npositions: []\n",
    "rules/hook.yaml": 'title: Hook\ncriteria: []\nactions:\n  - {type: WEBHOOK, details: {url: "${env:HOOK}/x"}}\n',
    "plugins/disk.sh": "exit 0\n",
    "plugins/net.sh": "exit 1\n",
    "plugins/net.meta.yaml": "# mine\ninterval: 5\n",
    "plugins/plain": b"\xff",
    "overlays/staging/plugins/disk.meta.yaml": "params: ${env:HOOK}\n",
    "overlays/staging/plugins/net.meta.yaml": "interval: 60\n",
}


def sent(root: Path, *targets: str) -> dict[str, bytes]:
    write_tree(root, FILES)
    environ = {"HOOK": "https://s3cret"}
    settings = Settings(variables={"name": "Web"}, environ=environ, environment="staging")
    tree = environments.read(root, settings).raise_for_errors()
    return {one.file: one.content for one in sent_files(tree, Targets(targets))}


def test_rendered_files_contain_overlays_and_variables_but_no_secrets(tmp_path: Path) -> None:
    assert sent(tmp_path) == {
        "plugins/disk.sh": b"exit 0\n",
        "plugins/disk.meta.yaml": b"params: ${env:HOOK}\n",
        "plugins/net.sh": b"exit 1\n",
        "plugins/net.meta.yaml": b"# mine\ninterval: 60\n",
        "plugins/plain": b"\xff",
        "dashboards/web.yaml": b"# ours\ntitle: Web   # so it is called\npositions: []\n",
        "rules/hook.yaml": str(FILES["rules/hook.yaml"]).encode(),
    }


def test_only_the_files_of_the_targets_are_rendered(tmp_path: Path) -> None:
    assert list(sent(tmp_path, "dashboard/*")) == ["dashboards/web.yaml"]


def test_the_default_rendering_of_a_kind_is_its_document_without_secrets() -> None:
    one = Resource(Address("link", "disk"), {"tags": ["a", "s3cret"]}, file="links.yaml")
    assert Kind.sent_files(kind_of("dashboard"), one, Redaction({"s3cret": "${env:TAG}"})) == {
        "links.yaml": b"tags:\n  - a\n  - ${env:TAG}\n"
    }


def test_a_plugin_without_settings_renders_only_its_script() -> None:
    assert kind_of("plugin").sent_files(resource("plugin/a", "x", file="plugins/a.py"), Redaction({})) == {
        "plugins/a.py": b"x"
    }


# output as text and JSON

SHOWN = [
    SentFile(address("plugin/a"), "plugins/a.sh", b"one\r\n\ttwo\x1b[2J\n\nend"),
    SentFile(address("plugin/b\x1b"), "plugins/b", b"\xff\xfe"),
    SentFile(address("plugin/c"), "plugins/c", b""),
]
DIGEST = "b3d510ef04275ca8e698e5b3cbb0ece3949ef9252f0cdc839e9ee347409a2209"


def test_each_file_follows_its_name_and_control_characters_are_escaped() -> None:
    assert render_sent(SHOWN) == (
        "# plugins/a.sh (plugin/a)\none\n\ttwo\\x1b[2J\n\nend\n"
        "\n"
        f"# plugins/b (plugin/b\\x1b)\n# no text: 2 bytes, sha256 {DIGEST}\n"
        "\n"
        "# plugins/c (plugin/c)\n"
    )
    assert render_sent([]) == ""


def test_json_output_has_the_exact_text_and_a_digest_of_binary_content() -> None:
    document = sent_document(SHOWN)
    assert document[0] == {
        "kind": "plugin",
        "name": "a",
        "file": "plugins/a.sh",
        "content": "one\r\n\ttwo\x1b[2J\n\nend",
    }
    assert (document[1]["content"], document[1]["sha256"]) == (None, DIGEST)
