"""Where the documentation contradicts itself, and what clients were seen to rely on: the server takes both readings."""

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


# Documented twice, differently


def test_the_list_of_plugins_has_the_keys_of_a_link_as_documented() -> None:
    with running(documented_only=True) as server, account_of(server) as client:
        client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT})
        (plugin,) = client.get("plugins").json()
        assert set(plugin) == {"org", "plugin", "id", "tags"}
        assert plugin["plugin"] == client.get("plugins/there").json()["name"] == "there"


def test_the_list_of_plugins_has_the_exports_fields_but_for_the_content_as_observed(client: httpx2.Client) -> None:
    export = client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT}).json()
    del export["content"]
    (listed,) = client.get("plugins").json()
    assert listed.pop("etag") == client.get("plugins/there").headers["etag"]
    assert listed == export
    assert export["extension"] == "py"


@settings(deadline=None)
@given(name=TEXTS, description=TEXTS)
def test_a_form_says_what_json_says(shared: httpx2.Client, name: str, description: str) -> None:
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
def test_each_write_takes_json_a_form_and_an_upload(
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
def test_each_observed_write_takes_json_and_a_form(
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


def test_expect_with_what_curl_itself_sends_for_a_long_body_is_http_as_ever(either: httpx2.Client) -> None:
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


def test_the_servers_own_fields_may_be_sent_back_and_say_nothing(client: httpx2.Client) -> None:
    export = client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT}).json()
    sent = {**export, "id": "x", "org": "y", "hash": "z"}
    assert client.patch("plugins/there", json=sent).json() == export


def test_base64_may_be_wrapped_in_lines(either: httpx2.Client) -> None:
    wrapped = base64.encodebytes(bytes(range(256))).decode()
    assert wrapped.count("\n") > 1
    either.patch("plugins/there", json={"content": wrapped, "encoding": "base64"})
    assert base64.b64decode(either.get("plugins/there").json()["content"]) == bytes(range(256))


# Observed


def test_a_plugin_is_created_only_where_its_name_is_free(either: httpx2.Client) -> None:
    taken = either.post("plugins", json={"name": "there", "extension": "sh", "content": ""})
    assert (taken.status_code, taken.json()) == (422, {"error": "a plugin called 'there' exists already"})
    assert either.get("plugins/there").json()["content"] == CONTENT


def test_some_servers_want_a_rule_posted_before_it_is_put() -> None:
    with running(post_before_put=True) as server, account_of(server) as client:
        assert client.put("rules/a", content="title: A\n").status_code == 404
        assert client.post("rules", json={"name": "a"}).is_success
        assert client.put("rules/a", content="title: A\n").is_success


def test_a_rule_that_was_only_posted_is_empty(client: httpx2.Client) -> None:
    client.post("rules", json={"name": "a"})
    assert client.get("rules/a", headers=YAML).text == "{}\n"
    assert client.get("rules").json()[0].keys() == {"id", "name", "title", "mute", "etag"}


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


def test_a_link_is_made_read_and_deleted_by_its_id(client: httpx2.Client) -> None:
    client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT})
    link = client.post("links", json={"plugin": "there", "tags": ["web"]}).json()
    assert client.get(f"links/{link['id']}").json() == link
    assert client.delete(f"links/{link['id']}").status_code == 204


def test_all_dashboards_come_whole_with_their_names(client: httpx2.Client) -> None:
    client.put("dashboards/a", content="title: A\npositions: [{title: W}]\n")
    assert client.get("dashboards").json() == [{"title": "A", "positions": [{"title": "W"}], "name": "a"}]


def test_decorated_exports_carry_what_the_server_owns() -> None:
    with running(decorate=True) as server, account_of(server) as client:
        client.put("rules/a", content="title: A\nactions: [{type: EMAIL, details: {emails: null}}]\n")
        (action,) = client.get("rules/a", headers={"Accept": "application/json"}).json()["actions"]
        assert action["details"] == {"emails": None, "status": "OK"}


def test_organisations_are_listed(client: httpx2.Client) -> None:
    assert [org["name"] for org in client.get("../../../../orgs").json()] == ["acme"]
