"""Contradictions of the documentation, which the server accepts in both readings, and observed behaviour."""

from __future__ import annotations

import base64
import re
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.server.run import running
from tests.builders.served import YAML, account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

CONTENT = base64.b64encode(b"print('OK')\n").decode()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.fixture(params=[False, True], ids=["observed", "documented only"])
def either(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    with running(documented_only=request.param) as server, account_of(server) as client:
        client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT})
        yield client


# Documented in two contradictory ways


@settings(deadline=None)
@given(name=TEXTS, description=TEXTS)
def test_a_form_and_json_create_the_same_annotation(shared: httpx2.Client, name: str, description: str) -> None:
    def without_its_own(answer: Any) -> dict[str, Any]:
        return {key: value for key, value in answer.json().items() if key not in {"id", "start_time"}}

    body = {"name": name, "description": description}
    as_json, as_form = shared.post("annotations/s", json=body), shared.post("annotations/s", data=body)
    assert as_json.status_code == as_form.status_code == 200
    assert without_its_own(as_json) == without_its_own(as_form)


FORMS = [
    ("POST", "../../accounts", {"name": "a"}),
    ("POST", "plugins", {"name": "a", "extension": "py", "content": CONTENT, "interval": "60"}),
    ("PATCH", "plugins/there", {"content": CONTENT, "encoding": "base64"}),
    ("POST", "annotations/a", {"name": "v1"}),
    ("PUT", "annotations/there/{id}", {"description": "new"}),
]


@pytest.mark.parametrize(("method", "path", "fields"), FORMS)
@pytest.mark.parametrize("way", ["data", "json", "files"])
def test_each_documented_write_accepts_json_a_form_and_an_upload(
    either: httpx2.Client, method: str, path: str, fields: dict[str, str], way: str
) -> None:
    annotation = either.post("annotations/there", json={"name": "v0"}).json()["id"]
    sent: dict[str, Any] = {way: {key: (None, value) for key, value in fields.items()} if way == "files" else fields}
    assert either.request(method, path.format(id=annotation), **sent).is_success


OBSERVED_FORMS = [
    ("POST", "rules", {"name": "new"}),
    ("PATCH", "rules/there", {"mute": "true"}),
    ("POST", "links", {"plugin": "there", "tags": "web,db"}),
    ("POST", "agents/8ccf/ping", {"name": "a", "tag_names": "web,db"}),
]


@pytest.mark.parametrize(("method", "path", "fields"), OBSERVED_FORMS)
@pytest.mark.parametrize("way", ["data", "json"])
def test_each_observed_write_accepts_json_and_a_form(
    client: httpx2.Client, method: str, path: str, fields: dict[str, str], way: str
) -> None:
    client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT})
    client.put("rules/there", content="title: A\n")
    sent: dict[str, Any] = {way: fields}
    assert client.request(method, path, **sent).is_success


def test_a_plugin_is_updated_at_its_name_and_not_at_the_list(either: httpx2.Client) -> None:
    new = {"content": base64.b64encode(b"new").decode(), "encoding": "base64"}
    refused = either.patch("plugins", json=new)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    assert either.patch("plugins/there", json=new).is_success
    assert either.get("plugins/there").json()["content"] == new["content"]


@pytest.mark.parametrize("family", ["rules", "dashboards"])
@pytest.mark.parametrize(
    "headers",
    [{"Expect": "application/yaml"}, {"Content-Type": "application/yaml"}, {"Content-Type": "text/plain"}, {}],
)
def test_an_import_is_yaml_whatever_its_headers_say(
    either: httpx2.Client, family: str, headers: dict[str, str]
) -> None:
    assert either.put(f"{family}/a", content=b"title: A # kept\n", headers=headers).status_code == 200
    assert either.get(f"{family}/a", headers=YAML).text == "title: A # kept\n"


def test_an_import_with_the_header_expect_100_continue_succeeds(either: httpx2.Client) -> None:
    url, body = urlsplit(str(either.base_url)), b"title: A\n"
    connection = HTTPConnection(url.hostname or "", url.port)
    headers = {"Authorization": "Bearer changeme", "Expect": "100-continue"}
    connection.request("PUT", f"{url.path}rules/a", body, headers)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_plugins_hash_is_40_hex_digits_that_change_with_the_content(either: httpx2.Client) -> None:
    before = either.get("plugins/there").json()["hash"]
    assert re.fullmatch("[0-9a-f]{40}", before)
    either.patch("plugins/there", json={"content": ""})
    assert either.get("plugins/there").json()["hash"] != before


def test_base64_may_be_wrapped_in_lines(either: httpx2.Client) -> None:
    wrapped = base64.encodebytes(bytes(range(256))).decode()
    assert wrapped.count("\n") > 1
    either.patch("plugins/there", json={"content": wrapped, "encoding": "base64"})
    assert base64.b64decode(either.get("plugins/there").json()["content"]) == bytes(range(256))


# Observed


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("dashboards/there", ("PUT", "dashboards/there", {"content": "title: A\n"})),
        ("rules/there", ("PUT", "rules/there", {"content": "title: A\n"})),
        ("tags/web", ("POST", "agents/8ccf/ping", {"data": {"tag_names": "web"}})),
        ("agents/8ccf", ("POST", "agents/8ccf/ping", {"data": {"name": "a"}})),
    ],
)
def test_a_delete_answers_204_without_a_body(
    client: httpx2.Client, path: str, before: tuple[str, str, dict[str, Any]]
) -> None:
    method, at, sent = before
    client.request(method, at, **sent).raise_for_status()
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")


def test_a_decorated_rule_contains_the_status_of_its_actions() -> None:
    with running(decorate=True) as server, account_of(server) as client:
        client.put("rules/a", content="title: A\nactions: [{type: EMAIL, details: {emails: null}}]\n")
        (action,) = client.get("rules/a", headers={"Accept": "application/json"}).json()["actions"]
        assert action["details"] == {"emails": None, "status": "OK"}
