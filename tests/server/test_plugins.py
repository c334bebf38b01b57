from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.server.run import running
from tests.builders.served import account_of

if TYPE_CHECKING:
    import httpx2

CONTENT = b"#!/usr/bin/env python\nprint('OK | load=1')\n"
ENCODED = base64.b64encode(CONTENT).decode()


def create(client: httpx2.Client, **fields: object) -> httpx2.Response:
    return client.post("plugins", json={"name": "redis", "extension": "py", "content": ENCODED, **fields})


def test_an_export_has_exactly_the_documented_fields(client: httpx2.Client) -> None:
    made = create(client)
    export = client.get("plugins/redis").json()
    assert (made.status_code, made.json()) == (200, export)
    assert {key: value for key, value in export.items() if key not in {"id", "org"}} == {
        "content": ENCODED,
        "name": "redis",
        "extension": "py",
        "description": "",
        "interval": 30,
        "hash": hashlib.sha1(CONTENT).hexdigest(),
        "encoding": "base64",
        "params": "",
        "shellArgs": "",
        "type": "INPROCESS",
        "pack": "",
    }
    assert [len(bytes.fromhex(export[key])) for key in ("id", "org")] == [12, 12]


def test_the_default_type_of_a_plugin_not_in_python_is_script(client: httpx2.Client) -> None:
    assert create(client, extension="sh").json()["type"] == "SCRIPT"
    assert create(client, name="other", extension="sh", type="INPROCESS").json()["type"] == "INPROCESS"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_plugin_content_is_returned_byte_for_byte(shared: httpx2.Client, content: bytes) -> None:
    wrapped = base64.encodebytes(content).decode()
    shared.post("plugins", json={"name": "any", "extension": "", "content": ""})
    shared.patch("plugins/any", json={"content": wrapped, "encoding": "base64"})
    assert base64.b64decode(shared.get("plugins/any").json()["content"]) == content


def test_a_form_an_upload_and_json_have_the_same_effect(client: httpx2.Client) -> None:
    fields = {"name": "redis", "extension": "py", "content": ENCODED}
    as_form = client.post("plugins", data={**fields, "interval": "60"}).json()
    as_json = client.patch("plugins/redis", json={"interval": 60}).json()
    as_upload = client.patch("plugins/redis", files={"interval": (None, "60")}).json()
    assert as_form == as_json == as_upload
    assert as_form["interval"] == 60


def test_creating_a_plugin_with_an_existing_name_is_refused_and_changes_nothing(client: httpx2.Client) -> None:
    before = create(client).json()
    again = create(client, content="", interval=5)
    assert (again.status_code, again.json()) == (422, {"error": "a plugin called 'redis' exists already"})
    assert client.get("plugins/redis").json() == before


def test_of_many_concurrent_creates_exactly_one_succeeds(client: httpx2.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: create(client, interval=number), range(1, 25)))
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(422) == 23
    assert client.get("plugins/redis").json() == winner.json()


def test_a_patch_changes_only_the_fields_that_it_contains(client: httpx2.Client) -> None:
    before = create(client).json()
    given = {"description": "d", "interval": 5, "params": "-a", "shellArgs": "-x", "type": "SCRIPT", "pack": "base"}
    patched = client.patch("plugins/redis", json=given)
    assert (patched.status_code, patched.json()) == (200, {**before, **given})
    assert client.patch("plugins/redis", json={}).json() == {**before, **given}


def test_a_patch_ignores_fields_that_only_the_server_sets(client: httpx2.Client) -> None:
    before = create(client).json()
    assert client.patch("plugins/redis", json={"id": "1", "hash": "2", "org": "3", "etag": "4"}).json() == before


def test_a_field_that_the_server_does_not_know_is_kept(client: httpx2.Client) -> None:
    before = create(client, format="NAGIOS", novel={"a": [1]}).json()
    assert (before["format"], before["novel"]) == ("NAGIOS", {"a": [1]})
    after = client.patch("plugins/redis", data={"format": "PROMETHEUS", "extension": "sh"}).json()
    assert after == {**before, "format": "PROMETHEUS", "extension": "sh"} == client.get("plugins/redis").json()
    unusual = {"account": "x", "shell_args": "y", "extra": "z"}
    assert client.patch("plugins/redis", json=unusual).json() == {**after, **unusual}


def test_each_operation_accepts_the_id_instead_of_the_name(client: httpx2.Client) -> None:
    one = f"plugins/{create(client).json()['id']}"
    assert client.get(one).json() == client.get("plugins/redis").json()
    assert client.patch(one, json={"name": "redis", "params": "-a"}).json()["params"] == "-a"
    assert client.delete(one).status_code == 204
    assert client.get("plugins").json() == []


def test_a_name_wins_over_an_id(client: httpx2.Client) -> None:
    identifier = create(client).json()["id"]
    create(client, name=identifier)
    assert client.get(f"plugins/{identifier}").json()["name"] == identifier
    client.delete(f"plugins/{identifier}")
    assert [plugin["name"] for plugin in client.get("plugins").json()] == ["redis"]


def test_a_documented_only_server_accepts_names_only() -> None:
    with running(documented_only=True) as server, account_of(server) as client:
        identifier = create(client).json()["id"]
        assert client.get(f"plugins/{identifier}").status_code == 404


def test_a_rename_to_the_name_of_another_plugin_is_refused(client: httpx2.Client) -> None:
    create(client)
    create(client, name="valkey")
    assert client.patch("plugins/redis", json={"name": "redis"}).status_code == 200
    assert client.patch("plugins/redis", json={"name": "valkey"}).status_code == 422
    assert client.patch("plugins/redis", json={"name": "keydb"}).status_code == 200
    assert [plugin["name"] for plugin in client.get("plugins").json()] == ["keydb", "valkey"]


def test_the_list_contains_all_fields_except_the_content(client: httpx2.Client) -> None:
    export = create(client).json()
    etag = client.get("plugins/redis").headers["etag"]
    listed = {key: value for key, value in export.items() if key != "content"}
    assert client.get("plugins").json() == [{**listed, "etag": etag}]


def test_the_list_of_a_documented_only_server_has_the_fields_of_a_link() -> None:
    with running(documented_only=True) as server, account_of(server) as client:
        export = create(client).json()
        assert client.get("plugins").json() == [
            {"org": export["org"], "plugin": "redis", "id": export["id"], "tags": []}
        ]


def test_a_deleted_plugin_is_gone(client: httpx2.Client) -> None:
    create(client)
    assert client.delete("plugins/redis").status_code == 204
    for gone in (client.delete("plugins/redis"), client.get("plugins/redis"), client.patch("plugins/redis", json={})):
        assert (gone.status_code, gone.json()) == (404, {"error": "no plugin is called 'redis'"})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"content": "?"}, "content: not base64: "),
        ({"content": "QUJ D"}, "content: not base64: "),
        ({"content": "é"}, "content: not base64: "),
        ({"content": 1}, "content: expected text, not 1"),
        ({"name": ""}, "name: expected, and not empty"),
        ({"name": ["x"]}, "name: expected text, not a list"),
        ({"extension": None}, "extension: expected text, not None"),
        ({"format": 1}, "format: expected text, not 1"),
        ({"encoding": "utf-8"}, "encoding: expected base64, the only one there is"),
        ({"interval": 0}, "interval: expected a whole number of seconds, 1 or more, not 0"),
        ({"interval": True}, "interval: expected a whole number of seconds, 1 or more, not True"),
        ({"interval": 1.5}, "interval: expected a whole number of seconds, 1 or more, not 1.5"),
        ({"interval": "٣"}, "interval: expected a whole number of seconds, 1 or more, not '٣'"),
        ({"interval": 10**30}, "interval: expected a whole number of seconds, 1 or more, not 1000"),
    ],
)
def test_an_error_names_the_invalid_field(client: httpx2.Client, fields: dict[str, object], reason: str) -> None:
    response = create(client, **fields)
    assert response.status_code == 422
    assert response.json()["error"].startswith(reason)
    assert client.get("plugins").json() == []


def test_a_create_error_names_all_missing_fields(client: httpx2.Client) -> None:
    assert client.post("plugins", json={"name": "x"}).json() == {"error": "extension, content: expected"}
