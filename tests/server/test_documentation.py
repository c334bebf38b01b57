"""The curl commands of the API's documentation, which a shell runs against a server with the demo.

The test fills in the address, the names in angle brackets and the key, as the documentation tells its reader. Where a
command cannot run as printed, :data:`SLIPS` has the mistake and its correction.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server.demo.hosts import HOSTS
from dlsync.server.run import running
from tests.builders.served import YAML, account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx2

pytestmark = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("bash", "curl", "jq")), reason="the commands need bash, curl and jq"
)

AGENT = HOSTS[0].id
DASH = "title: A   # kept\n"
SCRIPT = "print('OK')\n" * 20  # long enough for base64 to wrap its lines

SLIPS = {
    "$$file": "$file",  # a shell takes $$ for its process id
    "${ext}": "${extension}",  # the variable is called extension
    "plugins</plugin name>": "plugins/<plugin name>",  # a shell reads < as a redirection; the text has no slip
}


@dataclass(frozen=True)
class Command:
    """A command of the documentation.

    :param name: the text that replaces ``<name>``.
    :param check: whether its output (parsed if it is JSON) and the account afterwards are right.
    """

    title: str
    text: str
    check: Callable[[Any, httpx2.Client], bool]
    name: str = "there"


def fields(names: str) -> set[str]:
    return set(names.split())


ACCOUNT = fields("agent_keys id name")
AGENT_LISTED = fields(
    "id name hostname mac created modified tags osName heartbeat presence_state status container_name mode"
)
AGENT_SHOWN = AGENT_LISTED | fields("interfaces org running_plugin_names process_summary")
LINK = fields("org plugin id tags")
METRIC = fields("id name data_type collector_id collector_type")
SERIES = fields("origin id uom metric source points")
EXPORT = fields("content id name extension description interval hash encoding params org shellArgs type pack")
ANNOTATION = fields("id stream name description start_time")
OF_CONTAINERS = {"container_id", "labels", "parent"}  # observed


def each_has(documented: set[str]) -> Callable[[Any, httpx2.Client], bool]:
    return lambda out, _: bool(out) and all(set(item) == documented for item in out)


def is_series(out: list[dict[str, Any]], _: httpx2.Client) -> bool:
    return (
        bool(out)
        and all(set(series) == SERIES for series in out)
        and all(set(series["metric"]) == METRIC and set(series["source"]) == {"id", "name"} for series in out)
        and any(series["points"] for series in out)
        and all(set(point) == {"uom", "value", "time"} for series in out for point in series["points"])
    )


COMMANDS = [
    Command(
        "Authentication",
        'curl -H "Authorization: Bearer changeme" https://app.dataloop.io/api/v1/orgs/<org name>/accounts',
        each_has(ACCOUNT),
    ),
    Command(
        "Get All Accounts",
        'curl -H "Authorization: Bearer changeme" https://app.dataloop.io/api/v1/orgs/<org name>/accounts',
        each_has(ACCOUNT),
    ),
    Command(
        "Create an Account",
        'curl -X POST -H "Content-Type: application/json" -H "Authorization: Bearer changeme"'
        """ -d '{"name":"<account name>"}' https://app.dataloop.io/api/v1/orgs/<org name>/accounts""",
        lambda out, client: out in client.get("../../accounts").json(),
        name="another",
    ),
    Command(
        "Delete an Account",
        'curl -X DELETE -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>",
        lambda _, client: client.get("agents").status_code == 404,
    ),
    Command(
        "Get All Agents",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/agents",
        lambda out, _: all(set(item) - OF_CONTAINERS == AGENT_LISTED for item in out),
    ),
    Command(
        "Get a Specific Agent",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/agents/<id>",
        lambda out, _: set(out) == AGENT_SHOWN and out["id"] == AGENT,
    ),
    Command(
        "Delete a Specific Agent",
        'curl -H "Authorization: Bearer changeme" -X "DELETE"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/agents/<id>",
        lambda _, client: client.get(f"agents/{AGENT}").status_code == 404,
    ),
    Command(
        "Export a Dashboard",
        'curl -H "Authorization: Bearer changeme" -H "Accept: application/yaml"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/dashboards/<name>",
        lambda out, _: out == DASH,
    ),
    Command(
        "Import a Dashboard",
        "file='dash.yaml'\n"
        'curl -H "Authorization: Bearer changeme" -X "PUT" --data-binary @$$file -H "Content-Type: application/yaml" '
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/dashboards/<name>",
        lambda _, client: client.get("dashboards/new").text == DASH,
        name="new",
    ),
    Command(
        "Get All Links",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/links",
        each_has(LINK),
    ),
    Command(
        "Get All Metrics for an Agent",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/metrics?source=<id>",
        each_has(METRIC),
    ),
    Command(
        "Get All Metrics for a Tag",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/metrics?tag=<tag name>",
        each_has(METRIC),
    ),
    Command(
        "Get Metric Series for an Agent",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>"
        "/metrics/<metric name>/series?source=<id>",
        is_series,
    ),
    Command(
        "Get Metric Series for a Tag",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>"
        "/metrics/<metric name>/series?tag=<tag name>",
        is_series,
    ),
    Command(
        "Get All Plugins",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/plugins",
        # the documented list has links; the observed list has exports without their content
        lambda out, _: (
            [plugin.get("plugin", plugin.get("name")) for plugin in out] == ["base", "nginx", "ntp", "there"]
        ),
    ),
    Command(
        "Export a Plugin",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/plugins/<plugin name>",
        lambda out, _: set(out) == EXPORT and base64.b64decode(out["content"]) == b"old",
    ),
    Command(
        "Export a Plugin's file",
        'curl -s -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/plugins/<plugin name>"
        " | jq -r '.content' | base64 --decode",
        lambda out, _: out == "old",
    ),
    Command(
        "Import a Plugin",
        "name=file\nextension=py\ncontent=$(cat ${name}.${ext} | base64)\n"
        'json=$(jq -n --arg v "${content}" --arg n "${name}" --arg e "${extension}"'
        """ '{"content": $v,"name": $n,"extension": $e}')\n\n"""
        'curl -H "Authorization: Bearer changeme" -H "Content-Type: application/json" -X POST -d "${json}"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/plugins",
        lambda out, client: base64.b64decode(client.get("plugins/file").json()["content"]).decode() == SCRIPT,
    ),
    Command(
        "Update a Plugin",
        "name=file\nextension=py\ncontent=$(cat ${name}.${ext} | base64)\n"
        """json=$(jq -n --arg v "${content}" '{"content": $v,"encoding": "base64"}')\n\n"""
        'curl -H "Authorization: Bearer changeme" -H "Content-Type: application/json" -X PATCH -d "${json}"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/plugins</plugin name>",
        lambda out, client: base64.b64decode(client.get("plugins/there").json()["content"]).decode() == SCRIPT,
    ),
    Command(
        "Delete a Plugin",
        'curl -H "Authorization: Bearer changeme" -X DELETE'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/plugins/<plugin name>",
        lambda _, client: client.get("plugins/there").status_code == 404,
    ),
    Command(
        "Export a Rule",
        'curl -H "Authorization: Bearer changeme" -H "Accept: application/yaml"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/rules/<name>",
        lambda out, _: out == DASH,
    ),
    Command(
        "Import a Rule",
        "file='dash.yaml'\n"
        'curl -H "Authorization: Bearer changeme" -X "PUT" --data-binary @$$file -H "Expect: application/yaml" '
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/rules/<name>",
        lambda _, client: client.get("rules/new", headers=YAML).text == DASH,
        name="new",
    ),
    Command(
        "Get All Tags",
        'curl -H "Authorization: Bearer changeme"'
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/tags",
        each_has({"name"}),
    ),
    Command(
        "Get All Annotation Streams",
        "curl https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations \\\n"
        '  -H "Authorization: Bearer changeme"',
        lambda out, _: out == ["test-stream"],
    ),
    Command(
        "Get All Annotations for a Stream",
        "curl https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations/<stream name> \\\n"
        '  -H "Authorization: Bearer changeme"',
        each_has(ANNOTATION),
    ),
    Command(
        "Delete a Stream",
        "curl -X DELETE"
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations/<stream name>"
        ' \\\n  -H "Authorization: Bearer changeme"',
        lambda _, client: client.get("annotations").json() == [],
    ),
    Command(
        "Create an Annotation",
        "curl -X POST https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations/test-stream"
        ' \\\n -H "Authorization: Bearer changeme" \\\n -H "Content-Type: application/json" \\\n'
        """ -d '{"name": "deploy v23"}'""",
        lambda out, client: set(out) == ANNOTATION and out in client.get("annotations/test-stream").json(),
    ),
    Command(
        "Get an Annotation",
        "curl https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations/test-stream/<id>"
        ' \\\n -H "Authorization: Bearer changeme"',
        lambda out, client: [out] == client.get("annotations/test-stream").json(),
    ),
    Command(
        "Update an Annotation",
        "curl -X PUT"
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations/test-stream/<id>"
        ' \\\n -H "Authorization: Bearer changeme" \\\n -H "Content-Type: application/json" \\\n'
        """ -d '{"description": "new description"}'""",
        lambda out, client: (
            [out] == client.get("annotations/test-stream").json() and out["description"] == "new description"
        ),
    ),
    Command(
        "Delete an Annotation",
        "curl -X DELETE"
        " https://app.dataloop.io/api/v1/orgs/<org name>/accounts/<account name>/annotations/test-stream/<id>"
        ' \\\n -H "Authorization: Bearer changeme"',
        lambda _, client: client.get("annotations/test-stream").json() == [],
    ),
]


@pytest.fixture(params=[False, True], ids=["observed", "documented only"])
def client(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """The demo's account, with an additional resource of each kind that the commands read, change or delete."""
    with running(demo=True, documented_only=request.param) as server, account_of(server) as client:
        for family in ("dashboards", "rules"):
            client.put(f"{family}/there", content=DASH).raise_for_status()
        old = {"name": "there", "extension": "py", "content": base64.b64encode(b"old").decode()}
        client.post("plugins", json=old).raise_for_status()
        client.post("annotations/test-stream", json={"name": "v1"}).raise_for_status()
        yield client


@pytest.mark.parametrize("command", COMMANDS, ids=[command.title for command in COMMANDS])
def test_a_documented_curl_command_does_what_its_title_says(
    command: Command, client: httpx2.Client, tmp_path: Path
) -> None:
    (tmp_path / "dash.yaml").write_text(DASH)
    (tmp_path / "file.py").write_text(SCRIPT)
    (annotation,) = client.get("annotations/test-stream").json()
    identifier = annotation["id"] if "annotations" in command.text else AGENT
    output = sh(filled_in(command, identifier, client), tmp_path)
    assert command.check(parsed(output), client)


def filled_in(command: Command, identifier: str, client: httpx2.Client) -> str:
    url, _, _ = str(client.base_url).partition("/orgs/")
    account = command.name if command.title == "Create an Account" else "default"
    names = {"org name": "acme", "account name": account, "plugin name": "there", "stream name": "test-stream"}
    names |= {"metric name": "base.cpu", "tag name": "web", "id": identifier, "name": command.name}
    text = command.text.replace("https://app.dataloop.io/api/v1", url)
    for slip, meant in SLIPS.items():
        text = text.replace(slip, meant)
    for name, value in names.items():
        text = text.replace(f"<{name}>", value)
    return text


def sh(command: str, folder: Path) -> str:
    """Run a shell command; curl's own settings make it quiet, and fail where the server refuses."""
    (folder / ".curlrc").write_text("silent\nshow-error\nfail\n")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def parsed(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return output
