from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.server.run import running
from tests.builders.served import account_of

if TYPE_CHECKING:
    import httpx2

TEXT = "# the front door\r\ntitle: 'Größe'   # quoted\r\npositions: []\r\n".encode()


@pytest.mark.parametrize("text", [TEXT, b"\xef\xbb\xbf" + TEXT, b"{title: x}"])
@pytest.mark.parametrize("family", ["dashboards", "rules"])
def test_an_export_equals_the_imported_file_byte_for_byte(client: httpx2.Client, family: str, text: bytes) -> None:
    assert client.put(f"{family}/a", content=text).json()["name"] == "a"
    export = client.get(f"{family}/a", headers={"Accept": "application/yaml"})
    assert (export.content, export.headers["content-type"]) == (text, "application/yaml")


def test_the_json_view_is_the_parsed_document_with_its_name(client: httpx2.Client) -> None:
    client.put("dashboards/a", content=TEXT)
    view = client.get("dashboards/a", headers={"Accept": "application/json"})
    assert view.headers["content-type"] == "application/json"
    assert view.json() == {"title": "Größe", "positions": [], "name": "a"}


def test_a_put_replaces_the_document_and_keeps_its_id(client: httpx2.Client) -> None:
    first = client.put("rules/a", content="title: x\n")
    second = client.put("rules/a", content="title: y\n")
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (200, first.json())
    assert client.get("rules/a", headers={"Accept": "application/yaml"}).text == "title: y\n"


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
keys = st.text(max_size=20)  # YAML takes no more than 1024 characters, escapes included
documents = st.dictionaries(
    keys,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)),
    max_size=4,
)


@settings(deadline=None)
@given(documents)
def test_any_json_object_is_accepted_as_a_document(shared: httpx2.Client, document: dict[str, object]) -> None:
    shared.put("dashboards/any", content=json.dumps(document))
    view = shared.get("dashboards/any", headers={"Accept": "application/json"}).json()
    assert view == {**document, "name": "any"}


def in_another_thread(_: object) -> float:
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(random.random).result()


@given(st.none().map(in_another_thread))
def test_a_server_in_a_thread_may_take_random_numbers_while_a_property_draws(number: float) -> None:
    """Otherwise the property above fails where the pool of PostgreSQL opens a connection at that moment."""
    assert 0 <= number < 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a: [1,\n", "expected"),
        (b"- 1\n", "expected a mapping at the top of the document"),
        (b"a: .inf\n", "the document holds a value that JSON does not have"),
        (b"a: 1e400\n", "the document holds a value that JSON does not have"),
        (b"a: " + b"9" * 5000 + b"\n", "an integer of more than 500 digits, on line 1"),
        (b"a: \xff\n", "the body is not UTF-8: invalid start byte at byte 3"),
    ],
)
def test_an_invalid_document_is_refused_and_changes_nothing(client: httpx2.Client, text: bytes, reason: str) -> None:
    client.put("dashboards/a", content=TEXT)
    response = client.put("dashboards/a", content=text)
    assert response.status_code == 422
    assert reason in response.json()["error"]
    assert client.get("dashboards/a").content == TEXT


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", None),
        ("*/*", None),
        ("application/yaml", "yaml"),
        ("application/yaml, application/json", "yaml"),
        ("application/json", "json"),
        ("application/json, text/plain, */*", "json"),
        ("Application/JSON; q=0.9", "json"),
        ("application/vnd.x+json", "json"),
        ("application/json;q=0.5, application/yaml", "yaml"),
        ("application/yaml;charset=utf-8;q=0.9, application/json; q=0.95", "json"),
        ("application/json;q=0, */*", "yaml"),
        ("application/yaml;q=0, application/*;q=0.1", "json"),
        ("application/yaml;q=0.5, */*;q=0.8", "json"),
        ("application/json;q=0", None),
        ("application/json;q=x", "json"),
        ("text/html, application/*;q=0.1", None),
    ],
)
def test_a_dashboard_is_yaml_and_a_rule_json_unless_accept_names_the_other(
    shared: httpx2.Client, accept: str, expected: str | None
) -> None:
    for family, default in (("dashboards", "yaml"), ("rules", "json")):
        shared.put(f"{family}/a", content=TEXT)
        answer = shared.get(f"{family}/a", headers={"Accept": accept})
        assert answer.headers["content-type"] == f"application/{expected or default}"
        assert answer.headers["vary"] == "accept"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/yaml;q=0, application/json"])
def test_a_documented_only_server_always_exports_yaml(accept: str) -> None:
    with running(documented_only=True) as server, account_of(server) as client:
        for family in ("dashboards", "rules"):
            client.put(f"{family}/a", content=TEXT)
            answer = client.get(f"{family}/a", headers={"Accept": accept})
            assert (answer.headers["content-type"], answer.content) == ("application/yaml", TEXT)


def test_json_characters_that_yaml_does_not_allow_are_escaped(client: httpx2.Client) -> None:
    for family in ("dashboards", "rules"):
        assert client.put(f"{family}/a", content='{"title": "\x7f\ufffeé"}').status_code == 200
        assert client.get(f"{family}/a", headers={"Accept": "application/yaml"}).text == '{"title": "\\u007f\\ufffeé"}'
