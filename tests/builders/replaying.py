"""Sending what a client sends, byte for byte, over one connection to a running server."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from tests.builders.clients import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold one answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def value(self) -> Any:
        """Return the answer as a client reads it: JSON, or text."""
        return json.loads(self.body) if self.headers.get("content-type") == "application/json" else self.text


@dataclass(frozen=True, slots=True)
class Replay:
    """Send steps to one account; ``saved`` holds what earlier answers gave."""

    connection: HTTPConnection
    base: str
    account: str = "default"
    key: str = "changeme"
    saved: dict[str, str] = field(default_factory=dict)

    def send(self, step: Step) -> Answer:
        """Send one step and return the answer."""
        method, _, path = self.filled(step.call).partition(" ")
        body, headers = _body(step)
        self.connection.request(method, self._url(path), body, {**headers, "Authorization": f"Bearer {self.key}"})
        response = self.connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, answered, response.read())

    def get(self, path: str) -> Any:
        """Return what a GET answers."""
        return self.send(Step(f"GET {path}")).value

    def filled(self, value: Any) -> Any:
        """Return a value of the table with the saved values in place of their names."""
        if isinstance(value, str):
            for name, saved in self.saved.items():
                value = value.replace(f"{{{name}}}", saved)
        elif isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        elif isinstance(value, list):
            return [self.filled(item) for item in value]
        return value

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self.base + path
        return "/".join(filter(None, [f"{self.base}/orgs/acme/accounts/{self.account}", path]))


@contextmanager
def replaying(url: str, account: str = "default") -> Iterator[Replay]:
    """Connect to a server at the URL of its API."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.hostname or "", parts.port)) as connection:
        yield Replay(connection, parts.path, account)


def _body(step: Step) -> tuple[bytes | None, dict[str, str]]:
    headers = dict(step.headers)
    if step.form is not None:
        return urlencode(step.form, doseq=True).encode(), {**headers, "Content-Type": FORM}
    if step.json is not None:
        return json.dumps(step.json).encode(), {**headers, "Content-Type": "application/json"}
    return step.text.encode() or None, headers
