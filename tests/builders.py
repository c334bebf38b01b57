"""Builders of what tests work on; each heading is one part of the house."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import httpx2
from hypothesis import strategies as st

from dlsync import yamlfile
from dlsync.client import Client, ReadClient
from dlsync.client.answers import Answer
from dlsync.client.quoting import Quoter, Secret
from dlsync.client.retry import Retry
from dlsync.model import Address, Change, Difference, Plan, Problem, Resource, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path as Folder
    from typing import Unpack

    from dlsync.client.connection import Options
    from dlsync.model import Action, Cause, Json, Path
    from dlsync.server.run import RunningServer


# ---------------------------------------------------------------------------------------------------------------------
# A scripted HTTP server on a loopback socket: says what it is told to, misbehaves on request, records what arrived
# ---------------------------------------------------------------------------------------------------------------------
class Misbehaviour(Enum):
    CUT_SHORT = "announces a whole body and sends half"
    RESET = "resets the connection without an answer"
    CLOSE = "closes the connection without an answer"
    HANG = "never answers"
    GARBAGE = "answers with the body alone, which need not be HTTP"


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    misbehaviour: Misbehaviour | None = None


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass
class ScriptedServer:
    answer: Callable[[Seen], Reply]
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    @property
    def asked(self) -> list[str]:
        return [str(request) for request in self.seen]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = head.split(" ")
        self.seen.append(Seen(method, target, headers, body))
        reply = self.answer(self.seen[-1])
        if reply.misbehaviour is Misbehaviour.HANG:
            await asyncio.Event().wait()
        if reply.misbehaviour is Misbehaviour.RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.write(_wire(reply))
        await writer.drain()
        return reply.misbehaviour is None


def _wire(reply: Reply) -> bytes:
    if reply.misbehaviour is Misbehaviour.GARBAGE:
        return reply.body
    if reply.misbehaviour in {Misbehaviour.RESET, Misbehaviour.CLOSE}:
        return b""
    half = len(reply.body) // 2 if reply.misbehaviour is Misbehaviour.CUT_SHORT else None
    bodyless = reply.status in {204, 304}
    length = () if bodyless else (("Content-Length", str(len(reply.body))),)
    fields = "".join(f"{name}: {value}\r\n" for name, value in (*reply.headers, *length))
    return f"HTTP/1.1 {reply.status} -\r\n{fields}\r\n".encode("latin-1") + reply.body[:half]


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def in_order(*replies: Reply) -> Callable[[Seen], Reply]:
    """The replies one after the other, the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def by_request(replies: Mapping[str, Reply | Callable[[Seen], Reply]], otherwise: Reply) -> Callable[[Seen], Reply]:
    """Replies by ``METHOD path``, the path being what follows the account."""

    def answer(request: Seen) -> Reply:
        _, _, path = request.target.partition("/accounts/default/")
        reply = replies.get(f"{request.method} {path or request.target}", otherwise)
        return reply if isinstance(reply, Reply) else reply(request)

    return answer


@asynccontextmanager
async def scripted_server(answer: Callable[[Seen], Reply] | Reply) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer((lambda _: answer) if isinstance(answer, Reply) else answer)
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.add(asyncio.ensure_future(server.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        for _ in range(5):  # turns of the loop, in which a connection that is just being accepted gets here
            await asyncio.sleep(0)
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:  # a task that was cancelled before it began has closed nothing
            writer.close()


KEY = "s3cret-key"


async def no_wait(_: float) -> None:
    """Stands in for every sleep."""


IMPATIENT = Retry(sleep=no_wait, random=lambda: 1.0, now=lambda: 0.0)


@asynccontextmanager
async def scripted(
    answer: Callable[[Seen], Reply] | Reply, **options: Unpack[Options]
) -> AsyncIterator[tuple[ScriptedServer, Client]]:
    """A scripted server and an impatient client of it."""
    settings: Options = {"retry": IMPATIENT, **options}
    async with (
        scripted_server(answer) as server,
        Client(url=server.url, org="acme", account="default", key=KEY, **settings) as client,
    ):
        yield server, client


def reader_of(url: str, key: str = KEY, **options: Unpack[Options]) -> ReadClient:
    settings: Options = {"retry": IMPATIENT, **options}
    return ReadClient(url=url, org="acme", account="default", key=key, **settings)


def answer_of(body: bytes, content_type: str = "application/json", status: int = 200) -> Answer:
    return Answer(status, content_type, body, "GET /orgs/acme/accounts/default/dashboards", Quoter(Secret(KEY)))


# ---------------------------------------------------------------------------------------------------------------------
# Plans
# ---------------------------------------------------------------------------------------------------------------------
TARGET = Target("http://127.0.0.1:8080/api/v1", "acme", "default")


def added(path: Path, after: Json, line: int | None = None) -> Difference:
    return Difference(path, "add", after=after, line=line)


def removed(path: Path, before: Json) -> Difference:
    return Difference(path, "remove", before=before)


def replaced(path: Path, before: Json, after: Json, line: int | None = None) -> Difference:
    return Difference(path, "replace", before, after, line)


def moved(path: Path, before: int, after: int, line: int | None = None) -> Difference:
    return Difference(path, "replace", {"index": before}, {"index": after}, line, moved=True)


def change(
    action: Action, address: str, *diff: Difference, file: str = "", line: int | None = None, cause: Cause = "repo"
) -> Change:
    return Change(Address(*address.split("/", 1)), action, cause, file, line, diff)


def plan(*changes: Change, unchanged: int = 0, commit: str = "", warnings: tuple[Problem, ...] = ()) -> Plan:
    return Plan(TARGET, changes, unchanged, commit, warnings)


HOSTILE = (
    "|",
    "\\|",
    "`",
    "```",
    "</details>",
    "<b>x</b>",
    "<!--",
    "&lt;",
    "[a](b)",
    "![a](b)",
    "*a*",
    "a\n\nb",
    "\x1b[2J",
)
LINKS = ("@team", "a@b.io", "https://x.io", "www.x.io")


def any_text() -> st.SearchStrategy[str]:
    """Whatever a name or a value may hold: any character, and what means something to a terminal, HTML or Markdown."""
    return st.lists(st.text(st.characters(), max_size=5) | st.sampled_from(HOSTILE + LINKS), max_size=4).map("".join)


def any_json() -> st.SearchStrategy[Json]:
    leaves: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers() | st.floats() | any_text()
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text(), inner, max_size=3), max_leaves=4
    )


def any_change() -> st.SearchStrategy[Change]:
    line = st.none() | st.integers(1, 999)
    path: st.SearchStrategy[Path] = st.lists(any_text() | st.integers(0, 99), min_size=1, max_size=3).map(tuple)
    difference = (
        st.builds(added, path, any_json(), line)
        | st.builds(removed, path, any_json())
        | st.builds(replaced, path, any_json() | any_text(), any_json() | any_text(), line)
        | st.builds(moved, path, st.integers(0, 9), st.integers(0, 9), line)
    )
    return st.builds(
        Change,
        st.builds(Address, st.sampled_from(["dashboard", "rule", "plugin"]), any_text()),
        st.sampled_from(["create", "update", "delete"]),
        st.sampled_from(["repo", "drift", "conflict", "new"]),
        any_text(),
        line,
        st.lists(difference, max_size=3).map(tuple),
        st.sampled_from([None, "applied", "failed", "skipped"]),
        any_text(),
    )


def any_plan() -> st.SearchStrategy[Plan]:
    warning = st.builds(Problem, st.just("warning"), any_text(), any_text(), st.none() | st.integers(1, 99))
    return st.builds(
        Plan,
        st.builds(Target, any_text(), any_text(), any_text()),
        st.lists(any_change(), max_size=4).map(tuple),
        st.integers(0, 9999),
        any_text(),
        st.lists(warning, max_size=2).map(tuple),
    )


# ---------------------------------------------------------------------------------------------------------------------
# The embedded server, asked by hand
# ---------------------------------------------------------------------------------------------------------------------
@contextmanager
def account_of(server: RunningServer, account: str = "default", *, key: str = "changeme") -> Iterator[httpx2.Client]:
    """An HTTP client whose paths begin at an account of the organisation acme."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=f"{server.url}/orgs/acme/accounts/{account}/", headers=headers) as client:
        yield client


# ---------------------------------------------------------------------------------------------------------------------
# Resources and trees
# ---------------------------------------------------------------------------------------------------------------------
def resource(address: str, document: dict[str, Json] | str, *, file: str = "", body: bytes | None = None) -> Resource:
    """A dashboard or rule from its document or its YAML text; a plugin from its script."""
    kind, name = address.split("/", 1)
    if kind == "plugin":
        script = document if isinstance(document, dict) else {"content": document, "extension": "py"}
        return Resource(Address(kind, name), script, str(script["content"]).encode() if body is None else body, file)
    text = document.encode() if isinstance(document, str) else yamlfile.dump(document) if body is None else body
    parsed = yamlfile.parse(text) if isinstance(document, str) else document
    assert isinstance(parsed, dict)
    return Resource(Address(kind, name), parsed, text, file)


def by_address(*resources: Resource) -> dict[Address, Resource]:
    return {one.address: one for one in resources}


def write_tree(root: Folder, files: Mapping[str, str | bytes]) -> Folder:
    for file, content in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def tree_files(root: Folder) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def widget(title: str, **fields: Json) -> dict[str, Json]:
    place: dict[str, Json] = {"row": 1, "col": 1, "size_x": 2, "size_y": 2}
    shows: dict[str, Json] = {"type": "number", "series": [{"metric": f"{title}.load", "scope": {"tag": "web"}}]}
    return {"title": title, **place, **shows, **fields}


def dashboard(*widgets: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"title": "Web", "period": 3600, **fields, "positions": [*widgets]}


def criterion(metric: str, threshold: Json = 90, **condition: Json) -> dict[str, Json]:
    return {
        "metric": metric,
        "scope": {"tag": "web"},
        "condition": {"threshold": threshold, "timeout": 120, **condition},
    }


def rule(*criteria: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"title": "Web", "criteria": [*criteria], **fields}
