"""Calls of clients as data, and a client that sends them unchanged to a running server."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Headers = Mapping[str, str]
    Path = Sequence[str | int | Mapping[str, str]]

PYTHON: Headers = {"User-Agent": "python-requests/2.18.4", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a client, and its expected response.

    :param call: method and path below the account, or with a slash, below the API; ``{name}`` is a saved value.
    :param form: the body as a form; a list repeats its key. ``json`` and ``text`` are other bodies.
    :param status: the expected status; 0 for any 2xx.
    :param has: the expected content on every server; see :func:`holds`. ``lacks`` is a text that must be missing.
    :param full: more expected content, unless the server is documented-only.
    :param equals: the whole response of a full server, as JSON.
    :param save: values for later calls, by name: the path in the response.
    :param observed: whether a documented-only server answers 404 or 405.
    """

    call: str
    headers: Headers = field(default_factory=lambda: PYTHON)
    form: Mapping[str, object] | None = None
    json: object = None
    text: str = ""
    status: int = 0
    has: object = None
    full: object = None
    equals: object = None
    lacks: str = ""
    save: Mapping[str, Path] = field(default_factory=dict)
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """The calls of a client in an empty account, or in that of the demo."""

    client: str
    name: str
    steps: tuple[Step, ...]
    demo: bool = False


def at(answer: Any, path: Path) -> Any:
    """Return the value at a path, in which a mapping selects the first item of a list that holds it."""
    for key in path:
        answer = answer[key] if isinstance(key, str | int) else next(item for item in answer if holds(item, key))
    return answer


def holds(answer: Any, expected: Any) -> bool:
    """Return whether a response holds an expected value.

    A mapping needs at least the expected keys, a list the items, and a text the part; a type needs a value of it.
    """
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            key in answer and holds(answer[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(answer, list) and all(any(holds(item, value) for item in answer) for value in expected)
    if isinstance(expected, type):
        return type(answer) is expected
    if isinstance(expected, str):
        return isinstance(answer, str) and expected in answer
    return type(answer) is type(expected) and bool(answer == expected)


def observed(call: str, **options: Any) -> Step:
    """Return a call of an observed operation."""
    return Step(call, observed=True, **options)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def value(self) -> Any:
        """The body, as JSON if it is JSON, or else as text."""
        return json.loads(self.body) if self.headers.get("content-type") == "application/json" else self.text


@dataclass(frozen=True, slots=True)
class Replay:
    """Send steps to an account, over each connection in turn; ``saved`` has values of earlier responses."""

    connections: Iterator[HTTPConnection]
    base: str
    account: str = "default"
    key: str = "changeme"
    saved: dict[str, str] = field(default_factory=dict)

    def send(self, step: Step) -> Answer:
        """Send a step and return the response."""
        method, _, path = self.filled(step.call).partition(" ")
        body, headers = _body(step)
        connection = next(self.connections)
        connection.request(method, self._url(path), body, {**headers, "Authorization": f"Bearer {self.key}"})
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, answered, response.read())

    def get(self, path: str) -> Any:
        """Return the value of the response to a GET."""
        return self.send(Step(f"GET {path}")).value

    def filled(self, value: Any) -> Any:
        """Return a value with the saved values in place of their names."""
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
def replaying(*urls: str, account: str = "default") -> Iterator[Replay]:
    """Connect to servers of the same database at the URLs of their API."""
    parts = [urlsplit(url) for url in urls]
    with ExitStack() as stack:
        made = [stack.enter_context(closing(HTTPConnection(part.hostname or "", part.port))) for part in parts]
        yield Replay(cycle(made), parts[0].path, account)


def _body(step: Step) -> tuple[bytes | None, dict[str, str]]:
    headers = dict(step.headers)
    if step.form is not None:
        return urlencode(step.form, doseq=True).encode(), {**headers, "Content-Type": FORM}
    if step.json is not None:
        return json.dumps(step.json).encode(), {**headers, "Content-Type": "application/json"}
    return step.text.encode() or None, headers
