from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlsync.server import documents
from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import client_of
from tests.builders.raw import connect, exchanged, head, next_answer
from tests.builders.served import account_of

if TYPE_CHECKING:
    import httpx2

    from dlsync.server.run import RunningServer

OTHERS = {"a b": "title: other\n", "a": "title: other\n"}


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Bearer changem", "Bearer changemee", "Basic changeme", "changeme", "Bearer é"],
)
def test_a_request_without_a_valid_key_is_refused_with_401_whatever_its_path(
    server: RunningServer, authorization: str
) -> None:
    with account_of(server) as client:
        for path in ("dashboards", "nowhere", "dashboards/a"):
            refused = client.get(path, headers=[(b"Authorization", authorization.encode())])
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert set(refused.json()) == {"error"}
            assert "changeme" not in refused.text


def test_the_bearer_scheme_is_case_insensitive(client: httpx2.Client) -> None:
    assert client.get("dashboards", headers={"Authorization": "bearer changeme"}).status_code == 200


def test_the_key_may_contain_non_ascii_characters() -> None:
    with running(api_key="schlüssel") as server, account_of(server) as client:
        key = "Bearer schlüssel".encode()
        assert client.get("dashboards", headers=[(b"Authorization", key)]).status_code == 200


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/orgs/nope/accounts/default/dashboards", "no organisation is called 'nope'"),
        ("/orgs/nope/accounts", "no organisation is called 'nope'"),
        ("/orgs/acme/accounts/nope/rules/a", "no account of organisation 'acme' is called 'nope'"),
        ("/orgs/acme/accounts/default/dashboards//", "no operation has this path"),
        ("/orgs/acme/accounts/default/dashboards/a/b", "no operation has this path"),
        ("/orgs/acme/accounts/default/nope", "no operation has this path"),
        ("/", "no operation has this path"),
    ],
)
def test_a_404_names_the_unknown_organisation_account_or_path(
    server: RunningServer, client: httpx2.Client, path: str, reason: str
) -> None:
    response = client.get(server.url + path)
    assert (response.status_code, response.json()) == (404, {"error": reason})


def test_a_trailing_slash_of_a_path_is_ignored(server: RunningServer, client: httpx2.Client) -> None:
    client.put("dashboards/a/", content="title: A\n").raise_for_status()
    assert client.get("dashboards/a").content == client.get("dashboards/a/").content == b"title: A\n"
    for path in ("/orgs", "/orgs/acme/accounts", "/orgs/acme/accounts/default/dashboards"):
        assert client.get(f"{server.url}{path}/").json() == client.get(server.url + path).json() != []
    assert client.delete("dashboards/").status_code == 405
    assert client.delete("dashboards/a/").status_code == 204


HERE = ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.8.8:99", "[::1]", "[::1]:80"]
ELSEWHERE = [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "192.0.2.1",
    "[::2]:80",
    "[",
    "a b",
]


@pytest.mark.parametrize(("host", "status"), [*((name, 200) for name in HERE), *((name, 421) for name in ELSEWHERE)])
def test_a_request_for_another_host_is_refused_on_loopback(server: RunningServer, host: str, status: int) -> None:
    with connect(server) as connection:
        connection.sendall(head(host=host.encode()))
        answer = next_answer(connection)
    assert answer.status == status
    if status == 421:
        assert answer.error.startswith("this server answers requests for 127.0.0.1 only, not for '")


def test_an_http_1_0_request_without_a_host_passes_the_host_check(server: RunningServer) -> None:
    assert exchanged(server, b"GET / HTTP/1.0\r\n\r\n").status == 401


def test_a_server_on_a_loopback_host_name_answers_requests_for_that_name() -> None:
    with client_of(Sqlite(), loopback_host="Books-Laptop") as client:
        answers = [client.get("dashboards", headers={"Host": host}) for host in ("books-laptop:8080", "books-desktop")]
    assert [answer.status_code for answer in answers] == [200, 421]


def test_a_405_lists_the_methods_that_the_path_allows(client: httpx2.Client) -> None:
    response = client.patch("plugins", json={})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"
    assert response.json() == {"error": "this path does not take 'PATCH'; it takes GET, HEAD, POST"}


OBSERVED = [
    ("GET", "dashboards", 404),
    ("DELETE", "dashboards/a", 405),
    ("GET", "rules", 404),
    ("POST", "rules", 404),
    ("DELETE", "rules/a", 405),
    ("PATCH", "rules/a", 405),
    ("GET", "rules/a/criteria", 404),
    ("POST", "links", 405),
    ("GET", "links/1", 404),
    ("DELETE", "links/1", 404),
    ("DELETE", "tags/a", 404),
    ("GET", "/orgs", 404),
    ("POST", "agents/1/ping", 404),
]


def test_a_documented_only_server_has_no_observed_operations() -> None:
    with running(documented_only=True) as server, account_of(server) as client:
        client.put("dashboards/a", content="title: A\n")
        client.put("rules/a", content="title: A\n")
        urls = [(method, server.url + path if path.startswith("/") else path) for method, path, _ in OBSERVED]
        answers = [client.request(method, url, json={}) for method, url in urls]
        assert [answer.status_code for answer in answers] == [status for _, _, status in OBSERVED]
        assert {tuple(answer.json()) for answer in answers} == {("error",)}
        assert client.get("dashboards/a").status_code == client.get("rules/a").status_code == 200


def test_an_internal_error_is_logged_and_hidden_from_the_client(
    server: RunningServer, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(documents, "put", lambda *_: 1 / 0)
    response = client.put("dashboards/a", content="title: A\n")
    assert (response.status_code, response.json()) == (500, {"error": "the server failed; its log on stderr says why"})
    assert "ZeroDivisionError" in caplog.text
    assert client.get("dashboards").json() == []


def test_a_response_whose_etag_the_client_has_is_304_without_a_body(client: httpx2.Client) -> None:
    client.put("dashboards/a", content="title: A\n")
    client.put("rules/a", content="title: A\n")
    client.post("plugins", json={"name": "a", "extension": "py", "content": ""})
    for path in ("dashboards/a", "rules/a", "plugins/a", "dashboards", "rules", "plugins", "links", "tags"):
        etag = client.get(path).headers["etag"]
        assert etag.startswith('"')
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_etag_depends_on_the_representation_and_the_content(client: httpx2.Client) -> None:
    client.put("dashboards/a", content="title: A\n")
    yaml = client.get("dashboards/a")
    json = client.get("dashboards/a", headers={"Accept": "application/json", "If-None-Match": yaml.headers["etag"]})
    assert (json.status_code, json.headers["vary"]) == (200, "accept")
    client.put("dashboards/a", content="title: B\n")
    assert client.get("dashboards/a", headers={"If-None-Match": yaml.headers["etag"]}).status_code == 200


def test_head_is_get_without_the_body(client: httpx2.Client) -> None:
    client.put("dashboards/a", content="title: A\n")
    head, get = client.head("dashboards/a"), client.get("dashboards/a")
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


DOTS = {".", ".."}
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(lambda name: name not in DOTS)


@settings(deadline=None)
@given(names, st.booleans())
@example("a/b", True)
@example("...", True)
@example("../..", True)
@example("%2F", True)
@example("a?b#c", True)
@example("\0", True)
@example("a%00", False)
def test_a_resource_can_have_any_name_without_touching_other_resources(
    shared: httpx2.Client, name: str, whole: bool
) -> None:
    for other, text in OTHERS.items():
        shared.put(f"dashboards/{quote(other)}", content=text)
    segment = "".join(f"%{byte:02X}" for byte in name.encode()) if whole else quote(name, safe="")
    assert _ask(shared, "PUT", segment, b"title: mine\n")[0] == 200
    assert _ask(shared, "GET", segment) == (200, b"title: mine\n")
    listed = {item["name"]: item["title"] for item in shared.get("dashboards").json()}
    assert listed == {**dict.fromkeys(OTHERS, "other"), name: "mine"}
    assert _ask(shared, "DELETE", segment)[0] == 204


def _ask(
    client: httpx2.Client, method: str, segment: str, body: bytes = b"", family: str = "dashboards"
) -> tuple[int, bytes]:
    """Send the path unchanged, since httpx2 would resolve ``..`` in it."""
    url = urlsplit(str(client.base_url))
    connection = HTTPConnection(url.hostname or "", url.port)
    key = {"Authorization": client.headers["Authorization"]}
    connection.request(method, f"{url.path}{family}/{segment}", body, key)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("name", sorted(DOTS))
def test_a_new_resource_named_dot_or_dot_dot_is_refused(shared: httpx2.Client, name: str) -> None:
    expected = {"error": f"name: '{name}' means a folder in a URL"}
    for family in ("dashboards", "rules", "annotations"):
        method = "POST" if family == "annotations" else "PUT"
        assert _ask(shared, method, name.replace(".", "%2E"), b"title: x\n", family)[0] == 422
        assert f'"{name}"' not in shared.get(family).text
    plugin = {"extension": "sh", "content": ""}
    made = shared.post("plugins", json={**plugin, "name": "a"})
    answers = [
        shared.post("plugins", json={**plugin, "name": name}),
        shared.patch("plugins/a", json={"name": name}),
        shared.post("rules", json={"name": name, "title": "x"}),
        shared.post(str(shared.base_url).rpartition("/accounts/")[0] + "/accounts", json={"name": name}),
    ]
    assert (made.status_code, shared.delete("plugins/a").status_code) == (200, 204)
    assert [one.json() for one in answers] == [expected] * 4


def test_a_name_that_is_not_utf8_is_refused(shared: httpx2.Client) -> None:
    status, body = _ask(shared, "GET", "%FF")
    assert (status, b"is not UTF-8" in body) == (400, True)
