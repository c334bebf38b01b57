"""The commands of the API's documentation, run as they stand there but for the names in angle brackets."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server.run import running
from tests.builders import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.server.run import RunningServer

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the documentation's commands need curl")

TEXT = "title: A   # kept\n"
KEY = '-H "Authorization: Bearer changeme"'


@pytest.fixture(params=[False, True], ids=["observed", "documented only"])
def documented(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with running(documented_only=request.param) as server:
        yield server


def sh(server: RunningServer, command: str, folder: Path) -> str:
    """Run a shell command of the documentation, its address being ours."""
    command = command.replace("https://app.dataloop.io/api/v1", server.url).replace("curl ", "curl -sS --fail ")
    done = subprocess.run(["bash", "-ec", command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def ask(server: RunningServer, options: str, path: str, folder: Path) -> Any:
    out = sh(server, f"curl {KEY} {options} https://app.dataloop.io/api/v1/orgs/acme/accounts{path}", folder)
    return json.loads(out) if out else None


def test_accounts(documented: RunningServer, tmp_path: Path) -> None:
    posted = '-X POST -H "Content-Type: application/json" -d \'{"name":"staging"}\''
    ask(documented, posted, "", tmp_path)
    assert [account["name"] for account in ask(documented, "", "", tmp_path)] == ["default", "staging"]
    ask(documented, "-X DELETE", "/staging", tmp_path)
    assert [set(account) for account in ask(documented, "", "", tmp_path)] == [{"agent_keys", "id", "name"}]


@pytest.mark.parametrize(
    ("family", "header"), [("dashboards", "Content-Type: application/yaml"), ("rules", "Expect: application/yaml")]
)
def test_import_and_export(documented: RunningServer, tmp_path: Path, family: str, header: str) -> None:
    (tmp_path / "dash.yaml").write_text(TEXT)
    url = f"https://app.dataloop.io/api/v1/orgs/acme/accounts/default/{family}/a"
    sh(documented, f'file=\'dash.yaml\'\ncurl {KEY} -X "PUT" --data-binary @$file -H "{header}"  {url}', tmp_path)
    assert sh(documented, f'curl {KEY} -H "Accept: application/yaml" {url}', tmp_path) == TEXT


@pytest.mark.parametrize(
    ("family", "header"),
    [("dashboards", {"Content-Type": "application/yaml"}), ("rules", {"Expect": "application/yaml"})],
)
def test_import_by_the_python_example(documented: RunningServer, family: str, header: dict[str, str]) -> None:
    with account_of(documented) as client:
        client.put(f"{family}/a", headers=header, files={"dash.yaml": TEXT.encode()})
        assert client.get(f"{family}/a").text == TEXT


def test_plugins(documented: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(script := "print('OK')\n" * 20)
    (tmp_path / "body.json").write_text(
        json.dumps({"name": "file", "extension": "py", "content": base64.encodebytes(script.encode()).decode()})
    )
    send = '-H "Content-Type: application/json" -X {} -d "$(cat body.json)"'
    made = ask(documented, send.format("POST"), "/default/plugins", tmp_path)
    assert base64.b64decode(made["content"]).decode() == script
    assert ask(documented, send.format("PATCH"), "/default/plugins/file", tmp_path) == made
    assert ask(documented, "", "/default/plugins/file", tmp_path) == made
    assert len(ask(documented, "", "/default/plugins", tmp_path)) == 1
    assert ask(documented, "-X DELETE", "/default/plugins/file", tmp_path) is None
    assert ask(documented, "", "/default/plugins", tmp_path) == []


@pytest.mark.parametrize(("family", "empty"), [("agents", []), ("links", []), ("tags", [{"name": "all"}])])
def test_lists_of_what_others_fill(documented: RunningServer, tmp_path: Path, family: str, empty: object) -> None:
    assert ask(documented, "", f"/default/{family}", tmp_path) == empty


def test_annotations(documented: RunningServer, tmp_path: Path) -> None:
    stream, send = "/default/annotations/test-stream", "-H \"Content-Type: application/json\" -X {} -d '{}'"
    made = ask(documented, send.format("POST", '{"name": "deploy v23"}'), stream, tmp_path)
    assert ask(documented, "", "/default/annotations", tmp_path) == ["test-stream"]
    assert ask(documented, "", stream, tmp_path) == [made]
    assert ask(documented, "", f"{stream}/{made['id']}", tmp_path) == made
    changed = ask(
        documented, send.format("PUT", '{"description": "new description"}'), f"{stream}/{made['id']}", tmp_path
    )
    assert changed == {**made, "description": "new description"}
    assert ask(documented, "-X DELETE", f"{stream}/{made['id']}", tmp_path) is None
    assert ask(documented, "", "/default/annotations", tmp_path) == []
