"""The requests of the documentation's Python examples, as ``requests`` (2.34, compared byte for byte) sends them."""

from __future__ import annotations

import base64
import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from dlsync.server.demo.hosts import HOSTS
from dlsync.server.run import running

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = HOSTS[0].id
ACCOUNTS = "/orgs/acme/accounts"
ACCOUNT = f"{ACCOUNTS}/default"
DOCUMENT = b"title: A   # kept\r\n"
SCRIPT = b"print('OK')\n" * 20 + b"\xff\xfe\xfd"
BOUNDARY = "4b9d4a5b0f5c4f0e9b1f0a7b6c2d8e3f"
YAML = {"Accept": "application/yaml"}


class Requests:
    """Send the same bytes as ``requests`` 2.x for the arguments of the examples."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **body: dict[str, Any]) -> Any:
        """Send ``params=``, ``data=`` or ``files=``; return the answer parsed if it is JSON, else its bytes."""
        connection = HTTPConnection(self._url.hostname or "", self._url.port)
        url = self._url.path + _with_params(path, body.get("params", {}))
        connection.putrequest(method, url, skip_accept_encoding=True)
        kind, content = _encoded(body)
        sent = {"User-Agent": "python-requests/2.34.2", "Accept-Encoding": "gzip, deflate", "Accept": "*/*"}
        sent |= {"Connection": "keep-alive", "Authorization": "Bearer changeme", **(headers or {})}
        if method != "GET":
            sent["Content-Length"] = str(len(content))
        if kind:
            sent.setdefault("Content-Type", kind)  # an example that sets its own Content-Type loses the boundary
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(content or None)
        response = connection.getresponse()
        found = response.read()
        connection.close()
        assert 200 <= response.status < 300, found
        return json.loads(found) if response.getheader("content-type") == "application/json" else found


def _with_params(path: str, params: dict[str, str]) -> str:
    return path + ("&" if "?" in path else "?") * bool(params) + urlencode(params)


def _encoded(body: dict[str, Any]) -> tuple[str, bytes]:
    if "data" in body:
        return "application/x-www-form-urlencoded", urlencode(body["data"]).encode()
    if "files" not in body:
        return "", b""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode() + content
        for name, content in body["files"].items()
    ]
    return f"multipart/form-data; boundary={BOUNDARY}", b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@pytest.fixture(params=[False, True], ids=["observed", "documented only"])
def requests(request: pytest.FixtureRequest) -> Iterator[Requests]:
    with running(demo=True, documented_only=request.param) as server:
        yield Requests(server.url)


def test_the_account_examples_create_list_and_delete_accounts(requests: Requests) -> None:
    requests.send("POST", ACCOUNTS, data={"name": "a b&c"})
    assert [account["name"] for account in requests.send("GET", ACCOUNTS)] == ["default", "a b&c"]
    requests.send("DELETE", f"{ACCOUNTS}/a%20b&c")
    assert [account["name"] for account in requests.send("GET", ACCOUNTS)] == ["default"]


def test_the_agent_examples_list_get_and_delete_agents(requests: Requests) -> None:
    assert len(requests.send("GET", f"{ACCOUNT}/agents")) == len(HOSTS)
    assert requests.send("GET", f"{ACCOUNT}/agents/{AGENT}")["id"] == AGENT
    requests.send("DELETE", f"{ACCOUNT}/agents/{AGENT}")
    assert len(requests.send("GET", f"{ACCOUNT}/agents")) == len(HOSTS) - 1


@pytest.mark.parametrize(
    ("family", "headers"),
    [("dashboards", {"Content-Type": "application/yaml"}), ("rules", {"Expect": "application/yaml"})],
)
def test_the_dashboard_and_rule_examples_import_and_export_documents(
    requests: Requests, family: str, headers: dict[str, str]
) -> None:
    url = f"{ACCOUNT}/{family}/a"
    requests.send("PUT", url, headers, files={"dash.yaml": DOCUMENT})
    assert requests.send("GET", url, YAML) == DOCUMENT


def test_the_link_and_tag_examples_list_links_and_tags(requests: Requests) -> None:
    assert {link["plugin"] for link in requests.send("GET", f"{ACCOUNT}/links")} == {"base", "ntp", "nginx"}
    assert {"name": "all"} in requests.send("GET", f"{ACCOUNT}/tags")


@pytest.mark.parametrize("params", [{"source": AGENT}, {"tag": "web"}])
def test_the_metric_examples_list_the_metrics_of_an_agent_or_tag(requests: Requests, params: dict[str, str]) -> None:
    found = requests.send("GET", f"{ACCOUNT}/metrics", params=params)
    assert "base.cpu" in {metric["name"] for metric in found}


@pytest.mark.parametrize("params", [{"source": AGENT}, {"tag": "web"}])
def test_the_series_examples_work_although_they_send_a_parameter_twice(
    requests: Requests, params: dict[str, str]
) -> None:
    url = f"{ACCOUNT}/metrics/base.cpu/series?{urlencode(params)}"
    found = requests.send("GET", url, params=params)
    assert found[0]["metric"]["name"] == "base.cpu"
    assert all(len(series["points"]) in {0, 60} for series in found)


def test_the_plugin_examples_create_get_update_list_and_delete_plugins(requests: Requests) -> None:
    content = base64.b64encode(SCRIPT).decode()
    requests.send("POST", f"{ACCOUNT}/plugins", data={"name": "file", "extension": "py", "content": content})
    plugin = requests.send("GET", f"{ACCOUNT}/plugins/file")
    assert base64.b64decode(plugin["content"]) == SCRIPT
    changed = base64.b64encode(SCRIPT[::-1]).decode()
    requests.send("PATCH", f"{ACCOUNT}/plugins/file", data={"content": changed, "encoding": "base64"})
    assert base64.b64decode(requests.send("GET", f"{ACCOUNT}/plugins/file")["content"]) == SCRIPT[::-1]
    assert len(requests.send("GET", f"{ACCOUNT}/plugins")) == 4
    requests.send("DELETE", f"{ACCOUNT}/plugins/file")
    assert len(requests.send("GET", f"{ACCOUNT}/plugins")) == 3
