"""The server for benchmarks answers like ``dlsync serve``, so that its measurements hold for users."""

from __future__ import annotations

import base64
import json
import re
import sys
from contextlib import contextmanager
from hashlib import blake2b
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import pytest

from benchmarks.account import files, write
from dlsync.server.run import running
from tests.builders.commands import ROOT, dlsync

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ACCOUNT = "orgs/acme/accounts/default"
KEY = {"Authorization": "Bearer changeme", "Accept": "application/yaml"}
HEADERS = ("content-type", "vary", "allow", "www-authenticate")
IDENTIFIER = re.compile(r'"[0-9a-f]{24}"')
ETAG = re.compile(r'"etag":"\\"[0-9a-f]{32}\\""')
DASHBOARD = dict(files(0.01))["dashboards/search/gateway-00000.yaml"]
PLUGIN = {"name": "new", "extension": "sh", "content": base64.b64encode(b"exit 0\n").decode()}


class Answers(NamedTuple):
    """The answers of the two servers."""

    embedded: httpx2.Response
    lean: httpx2.Response


class Pair(NamedTuple):
    """The embedded server and the one for benchmarks, with the same account."""

    embedded: str
    lean: str

    def asked(self, method: str, path: str, headers: Mapping[str, str] = KEY, **options: Any) -> Answers:
        embedded, lean = (
            httpx2.request(method, f"{url}/{path}", headers={**KEY, **headers}, **options) for url in self
        )
        return Answers(embedded, lean)


@contextmanager
def lean(tree: Path, *arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.server", "--tree", str(tree), *arguments]
    with Popen(command, cwd=ROOT, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tree"), 0.003)


@pytest.fixture(scope="module", params=["documented operations only", "lists"])
def pair(request: pytest.FixtureRequest, tree: Path) -> Iterator[Pair]:
    documented_only = request.param != "lists"
    with (
        running(documented_only=documented_only) as server,
        lean(tree, *(["--documented-only"] if documented_only else [])) as url,
    ):
        filled = dlsync("apply", tree, "--auto-approve", env=environment(server.url))
        assert filled.code == 0
        # the account of the benchmarks has no inventory
        record = f"{server.url}/orgs/acme/accounts/default/plugins/dlsync-inventory"
        httpx2.delete(record, headers={"Authorization": "Bearer changeme"}).raise_for_status()
        yield Pair(server.url, url)


def environment(url: str) -> dict[str, str]:
    return {"DLSYNC_URL": url, "DLSYNC_API_KEY": "changeme"}


def seen(answer: httpx2.Response) -> tuple[object, ...]:
    """Return the comparable parts of an answer; identifiers, their ETags and keys differ by server."""
    content = ETAG.sub('"etag":"etag"', IDENTIFIER.sub('"id"', answer.text))
    body: Any = json.loads(content) if answer.headers.get("content-type") == "application/json" else content
    if answer.request.url.path.endswith("/accounts"):
        body = [{**account, "agent_keys": []} for account in body]
    return answer.status_code, {name: answer.headers.get(name) for name in HEADERS}, body


@pytest.mark.parametrize(
    "path",
    [
        f"{ACCOUNT}/dashboards/gateway-00000",
        f"{ACCOUNT}/rules/gateway-00000",
        f"{ACCOUNT}/plugins/gateway-00000",
        f"{ACCOUNT}/dashboards/none",
        f"{ACCOUNT}/rules/none",
        f"{ACCOUNT}/plugins/dlsync-inventory",
        f"{ACCOUNT}/dashboards",
        f"{ACCOUNT}/rules",
        f"{ACCOUNT}/plugins",
        f"{ACCOUNT}/links",
        "orgs/acme/accounts",
        "nothing",
    ],
)
def test_a_get_has_the_same_response_as_on_the_embedded_server(pair: Pair, path: str) -> None:
    embedded, lean = pair.asked("GET", path)
    assert seen(lean) == seen(embedded)
    for answer in (embedded, lean):
        etag = f'"{blake2b(answer.content, digest_size=16).hexdigest()}"'
        assert answer.headers.get("etag") == (etag if answer.status_code == 200 else None)
        assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("path", ["dashboards/gateway-00000", "rules/gateway-00000", "plugins/gateway-00000", "links"])
def test_a_get_with_a_current_etag_is_answered_with_304_and_no_body(pair: Pair, path: str) -> None:
    for url in pair:
        alone = Pair(url, url)
        etag = alone.asked("GET", f"{ACCOUNT}/{path}")[0].headers["etag"]
        known, _ = alone.asked("GET", f"{ACCOUNT}/{path}", headers={"If-None-Match": etag})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
        assert "content-length" not in known.headers
        other, _ = alone.asked("GET", f"{ACCOUNT}/{path}", headers={"If-None-Match": '"other"'})
        assert other.status_code == 200


def test_a_request_without_the_key_is_401_as_on_the_embedded_server(pair: Pair) -> None:
    embedded, lean = pair.asked("GET", f"{ACCOUNT}/plugins", headers={"Authorization": "Basic wrong"})
    assert lean.status_code == 401
    assert seen(lean) == seen(embedded)


def test_a_document_is_written_and_returned_unchanged_as_on_the_embedded_server(pair: Pair) -> None:
    for family, body in (("dashboards", DASHBOARD), ("rules", b"title: New\ncriteria: []\n")):
        written = pair.asked("PUT", f"{ACCOUNT}/{family}/new", content=body)
        read = pair.asked("GET", f"{ACCOUNT}/{family}/new")
        assert (written.lean.status_code, read.lean.status_code, read.lean.content) == (200, 200, body)
        for answers in (written, read, pair.asked("GET", f"{ACCOUNT}/{family}")):
            assert seen(answers.lean) == seen(answers.embedded)


def test_a_plugin_is_created_changed_and_deleted_as_on_the_embedded_server(pair: Pair) -> None:
    changed = {"content": base64.b64encode(b"exit 1\n").decode(), "encoding": "base64", "interval": 60}
    for method, path, body, status, content in (
        ("POST", "plugins", PLUGIN, 200, PLUGIN["content"]),
        ("POST", "plugins", PLUGIN, 422, ""),
        ("PATCH", "plugins/new", changed, 200, changed["content"]),
        ("PATCH", "plugins/none", changed, 404, ""),
        ("GET", "plugins/new", None, 200, changed["content"]),
        ("GET", "plugins", None, 200, ""),
        ("DELETE", "plugins/new", None, 204, ""),
        ("DELETE", "plugins/new", None, 404, ""),
        ("GET", "plugins", None, 200, ""),
    ):
        embedded, lean = pair.asked(method, f"{ACCOUNT}/{path}", json=body)
        assert lean.status_code == status, (method, path)
        assert not content or lean.json()["content"] == content
        assert seen(lean) == seen(embedded), (method, path)


def test_an_apply_to_an_empty_account_is_followed_by_an_empty_plan(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", 0.003)
    with lean(write(tmp_path / "empty", 0)) as url:
        assert dlsync("apply", tree, "--auto-approve", env=environment(url)).code == 0
        assert dlsync("plan", tree, "--detailed-exitcode", env=environment(url)).code == 0
        httpx2.delete(f"{url.removesuffix('/api/v1')}/account")
        assert dlsync("plan", tree, "--detailed-exitcode", env=environment(url)).code == 2


def test_requests_are_counted_by_method_and_path(tree: Path) -> None:
    with lean(tree) as url:
        side = f"{url.removesuffix('/api/v1')}/requests"
        for _ in range(2):
            httpx2.get(f"{url}/{ACCOUNT}/links", headers=KEY)
        assert httpx2.get(side).json() == {f"GET /api/v1/{ACCOUNT}/links": 2}
        httpx2.delete(side)
        assert httpx2.get(side).json() == {}


@pytest.mark.parametrize("family", ["plugins", "rules"])
def test_a_list_holds_the_etags_of_its_resources_except_on_a_documented_only_server(pair: Pair, family: str) -> None:
    for answer in pair.asked("GET", f"{ACCOUNT}/{family}"):
        entries = answer.json() if answer.status_code == 200 else []
        said = {one["name"]: one["etag"] for one in entries if "etag" in one}
        assert len(said) in {0, len(entries)}
        for name, etag in said.items():
            assert httpx2.get(f"{answer.request.url}/{name}", headers=KEY).headers["etag"] == etag
    with_lists, without = pair.asked("GET", f"{ACCOUNT}/dashboards"), pair.asked("GET", f"{ACCOUNT}/{family}")
    for dashboards, listed in zip(with_lists, without, strict=True):
        assert (dashboards.status_code == 200) == ("etag" in listed.text)
