from __future__ import annotations

import base64
import gzip
import socket
import tracemalloc
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dlsync.server.bodies import FIELDS
from dlsync.server.operation import Limits
from dlsync.server.refusals import SHOWN
from dlsync.server.run import running
from tests.builders.raw import DASHBOARD, connect, head, next_answer
from tests.builders.served import YAML, account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from dlsync.server.run import RunningServer

TEXT = b"title: A\r\n# --not-a-boundary\r\n--x: y\r\n"


@pytest.mark.parametrize("kind", ["application/yaml", "application/x-www-form-urlencoded", "application/json", ""])
def test_a_document_is_yaml_whatever_its_content_type_says(client: httpx2.Client, kind: str) -> None:
    client.put("dashboards/a", content=TEXT, headers={"Content-Type": kind})
    assert client.get("dashboards/a").content == TEXT


@pytest.mark.parametrize("kind", ["application/yaml", None])
def test_a_multipart_upload_stores_the_file_that_it_contains(client: httpx2.Client, kind: str | None) -> None:
    client.put("rules/a", files={"rule.yaml": TEXT}, headers={"Content-Type": kind} if kind else {})
    assert client.get("rules/a", headers=YAML).content == TEXT


def test_an_upload_longer_than_a_megabyte_is_stored_whole(client: httpx2.Client) -> None:
    text = b"title: " + b"x" * 1_500_000 + b"\n"
    client.put("rules/a", files={"rule.yaml": text})
    assert client.get("rules/a", headers=YAML).content == text


@pytest.mark.parametrize(("files", "count"), [({"a": b"a: 1\n", "b": b"b: 1\n"}, 2), ({"a": (None, b"no file")}, 0)])
def test_an_upload_without_exactly_one_file_is_refused(
    client: httpx2.Client, files: dict[str, bytes | tuple[None, bytes]], count: int
) -> None:
    response = client.put("rules/a", files=files)
    assert response.json() == {"error": f"an upload of {count} files, where one is expected"}


def test_a_body_that_only_begins_like_an_upload_is_read_as_yaml(client: httpx2.Client) -> None:
    text = b"---\r\nContent-Disposition: form-data; a\r\n"
    client.put("rules/a", content=text)
    assert client.get("rules/a", headers=YAML).content == text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON that can be read"),
        (b"{", "the body is not JSON that can be read"),
        (b"[" * 100_000, "the body is not JSON that can be read"),
        (b'{"name": NaN}', "the body is not JSON that can be read"),
        (b'{"name": "\\ud800"}', "the body is not JSON that can be read"),
        (b'{"name": "\xff"}', "the body is not JSON that can be read"),
        (b'{"name": ' * 100_000, "the body is not JSON that can be read"),
        (b'{"name": ' + b"9" * 10_000 + b"}", "the body is not JSON that can be read"),
        (b'{"name": 1e999}', "the body is not JSON that can be read"),
        (b'{"name": "a", "name": "b"}', "the body is not JSON that can be read: an object has a key twice"),
        (b"[" + b"{}," * 100_000, "the body holds more than 100000 values"),
        (b"[]", "the body is not a JSON object"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(client: httpx2.Client, body: bytes, reason: str) -> None:
    response = client.post("rules", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"].startswith(reason)


@pytest.mark.parametrize("body", [b"name=%FF", b"name=\xff"])
def test_a_form_that_is_not_utf8_is_refused(client: httpx2.Client, body: bytes) -> None:
    response = client.post("rules", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (response.status_code, client.get("rules").json()) == (400, [])


FORM = "application/x-www-form-urlencoded"
READERS = ["rules", "accounts", "plugins", "links", "annotations/deploys", "agents/a1/ping"]


def _posted(client: httpx2.Client, path: str, body: bytes, kind: str = FORM) -> httpx2.Response:
    url = str(client.base_url.join("..")) if path == "accounts" else path
    return client.post(url, content=body, headers={"Content-Type": kind})


def test_a_repeated_field_of_a_form_or_an_upload_is_a_list(client: httpx2.Client) -> None:
    for name in ("a", "b"):
        assert _posted(client, "plugins", b"name=%s&extension=py&content=" % name.encode()).is_success
    assert _posted(client, "links", b"plugin=a&tags=web&tags=db").is_success
    parts = [("plugin", (None, "b")), ("tags", (None, "web")), ("tags", (None, "db"))]
    assert client.post("links", files=parts).is_success
    assert [sorted(link["tags"]) for link in client.get("links").json()] == [["db", "web"]] * 2


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("body", [b"%s=a&%s=b", b"%s=a&%s=a"])
def test_several_values_for_a_field_that_allows_only_one_are_refused(
    client: httpx2.Client, path: str, body: bytes
) -> None:
    name = "plugin" if path == "links" else "name"
    form = body.replace(b"%s", name.encode())
    for sent, kind in ((form, FORM), (b'{"%s": ["a", "b"]}' % name.encode(), "application/json")):
        refused = _posted(client, path, sent, kind)
        assert (refused.status_code, refused.json()) == (422, {"error": f"{name}: expected text, not a list"})


@pytest.mark.parametrize(("sent", "mute"), [("True", True), ("true", True), ("False", False), ("false", False)])
def test_a_form_accepts_booleans_spelled_as_in_json_or_python(client: httpx2.Client, sent: str, mute: bool) -> None:
    client.put("rules/a", content="title: A\n")
    assert client.patch("rules/a", data={"mute": sent}).json()["mute"] is mute
    assert client.patch("rules/a", json={"mute": mute}).json()["mute"] is mute


@pytest.mark.parametrize("body", [b"mute=1", b"mute=", b"mute=TRUE", b"mute=True&mute=True"])
def test_an_invalid_boolean_is_refused(client: httpx2.Client, body: bytes) -> None:
    client.put("rules/a", content="title: A\n")
    refused = client.patch("rules/a", content=body, headers={"Content-Type": FORM})
    assert (refused.status_code, refused.json()["error"][:29]) == (422, "mute: expected true or false,")


def test_a_file_in_an_upload_of_fields_is_refused(client: httpx2.Client) -> None:
    refused = client.post("rules", files={"name": (None, "a"), "content": ("a.sh", b"exit 0")})
    assert refused.status_code == 422
    assert refused.json() == {"error": "the upload holds a file, where fields are expected"}


def test_a_form_with_more_fields_than_the_limit_is_refused(client: httpx2.Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = client.post("rules", content=b"name=a&" + b"a=b&" * FIELDS, headers=form)
    assert (refused.status_code, refused.json()["error"].startswith("the form cannot be read")) == (400, True)
    assert client.post("rules", content=b"name=a&" + b"a=b&" * (FIELDS - 2), headers=form).status_code == 201


@pytest.mark.parametrize("file", [b"", b'; filename="a"'])
def test_an_upload_with_more_parts_than_the_limit_is_refused(client: httpx2.Client, file: bytes) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="name"' + file + b"\r\n\r\na\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    refused = client.post("rules", content=part * (FIELDS + 1) + b"--x--\r\n", headers=kind)
    assert refused.json() == {"error": f"the upload cannot be read: more than {FIELDS} parts"}
    assert client.post("rules", content=part * FIELDS + b"--x--\r\n", headers=kind).status_code in {201, 422}


@pytest.mark.parametrize("header", [b"X: " + b"x" * 10_000, b"X: y\r\n" * 100 + b"Z: z"])
def test_an_upload_part_with_too_long_or_too_many_headers_is_refused(client: httpx2.Client, header: bytes) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n' + header + b"\r\n\r\na\r\n--x--\r\n"
    response = client.post("rules", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert response.status_code == 400


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", ""])
def test_a_body_with_a_content_encoding_other_than_identity_is_refused(client: httpx2.Client, coding: str) -> None:
    bomb = gzip.compress(b"title: A\n" + b"#" * 1_000_000)
    refused = client.put("dashboards/a", content=bomb, headers={"Content-Encoding": coding})
    assert refused.status_code == 415
    assert refused.json() == {"error": "content-encoding: nothing but identity is read here; send the body as it is"}
    assert client.put("dashboards/a", content="title: A\n", headers={"Content-Encoding": "Identity"}).is_success


def test_a_body_with_a_content_encoding_is_refused_before_it_arrives(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Content-Encoding: gzip", b"Content-Length: 100"))
        assert next_answer(connection).status == 415


# bodies that parse into many small values: a small number or an empty list takes 20 bytes of memory for each byte sent
HOSTILE = {
    "a list of objects": ("application/json", b'{"tags": [' + b"{}," * 1_000_000 + b"{}]}"),
    "deep": ("application/json", b"[" * 4_000_000),
    "keys": ("application/json", b"{" + b",".join(b'"%d":0' % number for number in range(400_000)) + b"}"),
    "a form": ("application/x-www-form-urlencoded", b"a=b&" * 1_000_000),
    "escapes": ("application/x-www-form-urlencoded", b"name=" + b"%41" * 1_000_000),
    "escapes of names": ("application/x-www-form-urlencoded", b"%41" * 1_000_000 + b"=a"),
    "ends of fields": ("application/x-www-form-urlencoded", b"&" * 4_000_000),
    "a form of names": ("application/x-www-form-urlencoded", b"&".join(b"%d" % number for number in range(600_000))),
    "parts": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n' * 60_000 + b"--x--\r\n",
    ),
    "an unending number": ("application/json", b'{"name": ' + b"9" * 4_000_000 + b"}"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_body_is_refused_with_memory_in_proportion_to_its_length(client: httpx2.Client, case: str) -> None:
    kind, body = HOSTILE[case]
    tracemalloc.start()
    try:
        response = client.post("rules", content=body, headers={"Content-Type": kind})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == 400
    assert most < 4 * len(body) + 10_000_000  # the client's copy, the server's, and its text


def test_an_oversized_chunked_body_is_refused_without_being_kept_in_memory() -> None:
    with running(limits=Limits(body_bytes=100_000)) as server, account_of(server) as client:
        client.get("dashboards")
        tracemalloc.start()
        try:
            refused = client.put("dashboards/a", content=_chunks(10_000))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (refused.status_code, most < 5_000_000) == (413, True)


def test_a_broken_upload_is_refused(client: httpx2.Client) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"--y\r\n", b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n'):
        response = client.post("rules", content=body, headers=kind)
        assert response.status_code == 400
        assert response.json()["error"].startswith("the upload cannot be read: ")


def test_a_form_with_many_percent_escapes_can_create_a_plugin(client: httpx2.Client) -> None:
    content = base64.b64encode(b"\xff\xfe\xfd" * 25_000)
    form = {"name": "a", "extension": "bin", "content": content.decode()}
    assert client.post("plugins", data=form).is_success
    assert client.get("plugins/a").json()["content"] == content.decode()


def test_a_body_that_does_not_arrive_in_time_is_refused_and_not_stored() -> None:
    with running(limits=Limits(body_seconds=0.05)) as server, account_of(server) as client, connect(server) as slow:
        slow.sendall(head(b"PUT", DASHBOARD, b"Content-Length: 100") + b"title: A\n")
        answer = next_answer(slow)
        assert (answer.status, answer.error) == (408, "the body did not arrive within 0.05 s")
        assert client.get("dashboards").json() == []


def test_an_error_repeats_only_the_start_of_a_long_refused_value(client: httpx2.Client) -> None:
    response = client.post("rules", json={"name": "a", "mute": "x" * 100_000})
    shown = f"{'x' * SHOWN}..."
    assert (response.status_code, response.json()) == (422, {"error": f"mute: expected true or false, not '{shown}'"})


def _chunks(count: int) -> Iterator[bytes]:
    yield b"title: A # "
    for _ in range(count):
        yield b"x" * 1000


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_longer_than_the_limit_is_refused_with_413(announced: bool) -> None:
    with running(limits=Limits(body_bytes=10_000)) as server, account_of(server) as client:
        content = b"".join(_chunks(10)) if announced else _chunks(10)
        refused = client.put("dashboards/a", content=content)
        assert refused.status_code == 413
        assert refused.json() == {"error": "the body is longer than the 10000 bytes that this server reads"}
        assert client.put("dashboards/a", content=_chunks(9)).status_code == 200


def test_a_client_that_disconnects_during_its_body_changes_and_logs_nothing(
    client: httpx2.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    url = urlsplit(str(client.base_url))
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(
            f"PUT {url.path}dashboards/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer changeme\r\n"
            "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"title: A\n")
    assert client.get("dashboards").json() == []
    assert capfd.readouterr().err == ""
