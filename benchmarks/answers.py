"""The responses of the server for benchmarks: prepared bytes, equal to those of ``dlsync serve``."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from dlsync.files.yaml import parse

if TYPE_CHECKING:
    from pathlib import Path

BASE = "/api/v1"
ACCOUNTS = f"{BASE}/orgs/acme/accounts"
ACCOUNT = f"{ACCOUNTS}/default/"
KEY = "changeme"
DOCUMENTS = {"dashboards": "dashboard", "rules": "rule"}
_JSON = "application/json"
_ORG = "5" * 24
_LINES = {200: "200 OK", 201: "201 Created", 204: "204 No Content", 401: "401 Unauthorized", 404: "404 Not Found"}
_LINES |= {405: "405 Method Not Allowed", 422: "422 Unprocessable Entity"}
_DATE = "date: Thu, 07 Jul 2016 10:47:46 GMT\r\n"
_DEFAULTS = {"description": "", "interval": 30, "params": "", "type": "", "pack": "", "shellArgs": ""}


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of a response, and of the response to a client that has its ETag."""

    whole: bytes
    etag: bytes = b""
    not_modified: bytes = b""


def answer(status: int, body: bytes = b"", kind: str = _JSON, headers: str = "") -> Answer:
    """Return a response without an ETag."""
    about = "" if status == 204 else f"content-length: {len(body)}\r\n"  # noqa: PLR2004 - the only status without one
    about += f"content-type: {kind}\r\n" if body else ""
    return Answer(f"HTTP/1.1 {_LINES[status]}\r\n{_DATE}{about}{headers}\r\n".encode() + body)


def with_etag(body: bytes, kind: str = _JSON, headers: str = "") -> Answer:
    """Return the response to a GET, with an ETag."""
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers += f"etag: {etag}\r\n"
    not_modified = f"HTTP/1.1 304 Not Modified\r\n{_DATE}{headers}\r\n".encode()
    return Answer(answer(200, body, kind, headers).whole, etag.encode(), not_modified)


def error(status: int, reason: str, headers: str = "") -> Answer:
    """Return the response to a request with an error."""
    return answer(status, compact({"error": reason}), headers=headers)


def compact(value: object) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


UNAUTHORIZED = error(
    401,
    "the API key of this server is expected: Authorization: Bearer <key>",
    "www-authenticate: Bearer\r\n",
)
NOT_FOUND = error(404, "no operation has this path")


def _identifier(family: str, name: str) -> str:
    return hashlib.sha256(f"{family}/{name}".encode()).hexdigest()[:24]


@dataclass
class _Content:
    """The content of an account: the response for each path, and the entries of each list by name."""

    ready: dict[str, Answer] = field(default_factory=dict)
    rows: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"dashboards": {}, "rules": {}, "plugins": {}})
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)

    def copy(self) -> _Content:
        rows = {family: dict(rows) for family, rows in self.rows.items()}
        return _Content(dict(self.ready), rows, dict(self.plugins))


class Account:
    """The only account of the server, which stores what clients write.

    :param tree: the files of its initial content; None for none.
    :param documented_only: has no lists of dashboards and rules, and refuses to delete them.
    :param rewrites: returns the YAML of dashboards and rules with other quotes and sorted keys.
    """

    def __init__(self, tree: Path | None = None, *, documented_only: bool = False, rewrites: bool = False) -> None:
        self._documented_only = documented_only
        self._rewrites = rewrites
        self._content = _Content()
        for path in sorted(tree.rglob("*.*")) if tree else ():
            family = path.relative_to(tree).parts[0] if tree else ""
            if family in DOCUMENTS:
                self._put(family, path.stem, path.read_bytes())
            elif family == "plugins":
                extension = path.suffix.removeprefix(".")
                self._save(path.stem, {**self._new(path.stem, extension), "content": path.read_bytes()})
        self._initial = self._content.copy()

    def reset(self) -> None:
        """Restore the initial content."""
        self._content = self._initial.copy()

    def respond(self, method: str, path: str, body: bytes) -> Answer:
        """Return the response to a request.

        :param path: from the server's root.
        """
        if path == ACCOUNTS and method == "GET":
            return with_etag(compact([{"agent_keys": [], "id": _ORG, "name": "default"}]))
        family, _, name = path.removeprefix(ACCOUNT).partition("/")
        if not path.startswith(ACCOUNT):
            return NOT_FOUND
        if method == "GET":
            return self._content.ready.get(path.removeprefix(ACCOUNT)) or self._list_or_404(family, name)
        self._content.ready.pop(family, None)
        write = self._write_document if family in DOCUMENTS else self._write_plugin if family == "plugins" else None
        return write(method, family, name, body) if write else NOT_FOUND

    def _list_or_404(self, family: str, name: str) -> Answer:
        """Return a list, which is prepared when it is first requested, or 404."""
        if name:
            kind = DOCUMENTS.get(family, family.removesuffix("s"))
            return error(404, f"no {kind} is called {name!r}")
        if family == "links":
            return with_etag(b"[]")
        if family not in self._content.rows or (self._documented_only and family in DOCUMENTS):
            return NOT_FOUND
        rows = self._content.rows[family]
        listed = with_etag(b"[" + b",".join(rows[name] for name in sorted(rows)) + b"]")
        self._content.ready[family] = listed
        return listed

    def _write_document(self, method: str, family: str, name: str, body: bytes) -> Answer:
        if method == "PUT" and name:
            self._put(family, name, body)
            return answer(200, compact({"id": _identifier(family, name), "name": name}))
        if method == "DELETE" and not self._documented_only:
            return self._delete(family, name)
        return error(405, f"this path does not take '{method}'", "allow: GET, PUT\r\n")

    def _put(self, family: str, name: str, text: bytes) -> None:
        document = parse(text)
        assert isinstance(document, dict)  # noqa: S101 - true for the trees of benchmarks
        title = document.get("title", name)
        summary = {"id": _identifier(family, name), "name": name, "title": title, "mute": False}
        text = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=True).encode() if self._rewrites else text
        export = with_etag(text, "application/yaml", "vary: accept\r\n")
        listed = {**summary, "etag": export.etag.decode()} if family == "rules" else {**document, "name": name}
        self._content.rows[family][name] = compact(listed)
        self._content.ready[f"{family}/{name}"] = export

    def _write_plugin(self, method: str, family: str, name: str, body: bytes) -> Answer:
        if method == "DELETE":
            return self._delete(family, name)
        payload = json.loads(body)
        content = {"content": base64.b64decode(payload.pop("content"))} if "content" in payload else {}
        payload.pop("encoding", None)
        if method == "POST":
            if payload["name"] in self._content.plugins:
                return error(422, f"a plugin called {payload['name']!r} exists already")
            saved = self._save(
                payload["name"], {**self._new(payload["name"], payload["extension"]), **payload, **content}
            )
            return answer(200, saved)
        if name not in self._content.plugins:
            return self._list_or_404(family, name)
        return answer(200, self._save(name, {**self._content.plugins[name], **payload, **content}))

    def _new(self, name: str, extension: str) -> dict[str, Any]:
        kind = "INPROCESS" if extension == "py" else "SCRIPT"
        basic = {"id": _identifier("plugins", name), "name": name, "content": b"", "extension": extension}
        return {**basic, **_DEFAULTS, "type": kind}

    def _save(self, name: str, plugin: dict[str, Any]) -> bytes:
        self._content.plugins[name] = plugin
        digest = hashlib.sha1(plugin["content"], usedforsecurity=False).hexdigest()
        fields = {field: value for field, value in plugin.items() if field != "content"}
        listed = {**fields, "hash": digest, "encoding": "base64", "org": _ORG}
        documented = {"org": _ORG, "plugin": name, "id": plugin["id"], "tags": []}
        export = compact({"content": base64.b64encode(plugin["content"]).decode(), **listed})
        self._content.ready[f"plugins/{name}"] = response = with_etag(export)
        entry = documented if self._documented_only else {**listed, "etag": response.etag.decode()}
        self._content.rows["plugins"][name] = compact(entry)
        return export

    def _delete(self, family: str, name: str) -> Answer:
        if self._content.ready.pop(f"{family}/{name}", None) is None:
            return self._list_or_404(family, name)
        del self._content.rows[family][name]
        self._content.plugins.pop(name, None)
        return answer(204)
