"""Canary secrets, a tree and an account that hold them, a server that reveals them, and a search for them."""

from __future__ import annotations

import base64
import html
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import httpx2

from dlsync.cli.app import PURPOSES, loaded
from dlsync.server.run import running
from dlsync.state import inventory
from dlsync.state.inventory import is_reserved
from tests.builders.commands import by_hand, dlsync, environment, misbehaving
from tests.builders.http import Reply
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.builders.http import Seen

KEY = "canary-key-\"8k\\Wd'%2&<z"
# with characters that JSON, YAML, Markdown, shells and URLs quote; only digits; several lines; a short one
SECRETS = {
    "HOOK": "https://hooks.acme.example/in/CanaryHook-9Zq4tR7w?a=%2F&b=x|y",
    "TITLE": "canary-title \"d\" 's' \\b $${HOME} ${env:OTHER} `c` $(e) %7E & <i> ü✓ *f* _g_ #h",
    "PARAMS": "canary-params\nsecond canary line: 'q' \"r\"\n\tthird",
    "TAG": "canary-tag-5Lk2",
    "NUMBER": "7319504286",
    "SHORT": "ж7Ж",
    "LONG": "canary-long-" + "Qv8".join(map(str, range(100, 190))),
}
# earlier values of the same references, which are secrets too
BEFORE = {name: f"yesterday-{value[::-1]}" for name, value in SECRETS.items()} | {"NUMBER": "5550012345"}
TREE = {
    "dlsync.yaml": "annotate: deploys\nenvironments:\n  prod:\n    variables: {}\n",
    "dashboards/web.yaml": "title: ${env:CANARY_TITLE}\n"
    "positions:\n"
    "  - {title: 'ours: ${env:CANARY_SHORT}!', row: 1, col: 1, size_x: 1, size_y: 1, type: number, series: []}\n"
    "  - {title: '${env:CANARY_NUMBER}', row: 1, col: 2, size_x: 1, size_y: 1, type: number, series: []}\n",
    "overlays/prod/dashboards/web.yaml": "title: 'prod ${env:CANARY_LONG}'\n",
    "rules/load.yaml": "title: Load\ncriteria: []\nactions:\n"
    "  - {type: WEBHOOK, url: '${env:CANARY_HOOK}', message: 'call ${env:CANARY_LONG} now'}\n",
    "plugins/disk.sh": "#!/bin/sh\nexit 0\n",
    "plugins/disk.meta.yaml": "params: --password ${env:CANARY_PARAMS}\ndescription: ${env:CANARY_TITLE}\n",
    "links.yaml": "disk: [web, '${env:CANARY_TAG}']\n",
}
# a schema refuses each of these, and quotes the value
WRONG = {
    "dashboards/web.yaml": "title: [x]\nperiod: ${env:CANARY_LONG}\npositions: ${env:CANARY_TITLE}\n",
    "rules/load.yaml": "title: Load\ncriteria: ${env:CANARY_HOOK}\nmute: ${env:CANARY_SHORT}\n",
    "plugins/disk.sh": "exit 0\n",
    "plugins/disk.meta.yaml": "interval: ${env:CANARY_PARAMS}\n",
    "links.yaml": "disk: ${env:CANARY_TAG}\nweb: ['${env:CANARY_NUMBER}', '${env:NOT_SET}']\n",
}
BACKUP = {"dashboards/old.yaml": "title: Old\npositions: []\n", "links/1.json": '{"plugin": "disk", "tags": ["web"]}'}


def variables(secrets: dict[str, str]) -> dict[str, str]:
    return {f"CANARY_{name}": value for name, value in secrets.items()}


# ---------------------------------------------------------------------------------------------------------------------
# Searching
# ---------------------------------------------------------------------------------------------------------------------
@cache
def spellings(text: str) -> frozenset[str]:
    """Return the spellings of a text by different quoting; also of each of its lines, but not of a common word."""
    lines = [line for line in map(str.strip, text.split("\n")) if line != "third"]
    ways: set[str] = set()
    for one in {text, " ".join(text.split()), *lines}:
        as_json = json.dumps(one, ensure_ascii=False)[1:-1]
        ways |= {one, as_json, json.dumps(one)[1:-1], repr(one)[1:-1], ascii(one)[1:-1], one.replace("'", "''")}
        ways |= {quote(one), quote(one, safe=""), quote_plus(one), html.escape(one), html.escape(one, quote=False)}
        ways.add(base64.b64encode(one.encode()).decode())
        if len(one) > LEFT:  # shortened
            ways.add(one[:LEFT])
    return frozenset(ways)


def _encodings(text: str, shift: int) -> list[str]:
    """Encode a text in base64, between other text, and in encodings of each character."""
    raw = text.encode()
    encoded = base64.b64encode(b"x" * shift + raw + b"y").decode()
    escaped = "".join(f"\\u{ord(one):04x}" for one in text), "".join(f"&#{ord(one)};" for one in text)
    return [encoded, encoded.translate(_FOR_URLS), raw.hex(), "".join(f"%{byte:02x}" for byte in raw), *escaped]


def _inside(text: str) -> set[str]:
    """Return the parts of the encodings that depend only on the text, for each offset in base64."""
    length = len(text.encode())
    found = set()
    for shift in range(3):
        encoded, for_urls, *others = _encodings(text, shift)
        inside = slice(2 * shift, (length + shift) * 8 // 6)
        found |= {encoded[inside], for_urls[inside], *others}
    return {way for way in found if len(way) >= _FEWEST}


_FOR_URLS = str.maketrans("+/", "-_")
_FEWEST = 6  # characters; fewer may match by chance
LEFT = 24  # characters of a secret that must not appear


def leaks(text: str, marks: dict[str, str]) -> list[str]:
    """Return which marks a text contains, and in which spelling."""
    folded = text.casefold()  # ignore case
    return [
        f"{name} as {way!r}"
        for name, mark in marks.items()
        for way in spellings(mark) | _inside(mark)
        if way.casefold() in folded
    ]


def leaks_below(folder: Path, marks: dict[str, str]) -> list[str]:
    """Return which marks the files and file names below a folder contain."""
    found = []
    for path in folder.rglob("*"):
        text = path.name + (path.read_bytes().decode("utf-8", "replace") if path.is_file() else "")
        found += [f"{path}: {leak}" for leak in leaks(text, marks)]
    return found


# ---------------------------------------------------------------------------------------------------------------------
# A server that reveals secrets
# ---------------------------------------------------------------------------------------------------------------------
@dataclass
class Blurting:
    """A proxy that answers some requests with secrets.

    :param blurts: returns the status of such a response, or None to forward the request.
    """

    upstream: str
    blurts: Callable[[Seen], int | None]
    client: httpx2.Client
    records: list[str] = field(default_factory=list)
    _turn: count[int] = field(default_factory=count)

    def __call__(self, seen: Seen) -> Reply:
        self.records += _record(seen)
        if status := self.blurts(seen):
            return self._blurt(seen, status)
        answer = self._passed_on(seen, seen.method)
        return Reply(answer.status_code, answer.content, (("Content-Type", answer.headers.get("content-type", "")),))

    def _passed_on(self, seen: Seen, method: str) -> httpx2.Response:
        headers = {name: value for name, value in seen.headers.items() if name in {"authorization", "content-type"}}
        url = self.upstream.removesuffix("/api/v1") + seen.target
        return self.client.request(method, url, content=seen.body, headers=headers)

    def _blurt(self, seen: Seen, status: int) -> Reply:
        """Quote the key, the request and the resource, each time in another spelling and at another offset."""
        turn = next(self._turn)
        there = "" if _names_accounts(seen) and status != OK else self._passed_on(seen, "GET").text
        said = [seen.headers["authorization"].removeprefix("Bearer "), seen.body.decode(), there, *self._strings(there)]
        said = [one for one in said if one]
        quoted = said[turn % len(said)]
        ways = sorted(spellings(quoted) | {*_encodings(quoted, turn % 3)})
        words = "." * (turn * 37 % 150) + f" not so: {ways[turn % len(ways)]} {' '.join(said)}"
        if turn % 3 == 0:
            return Reply(status, words.encode(), (("Content-Type", "text/plain"),))
        body = json.dumps({"error": words}, ensure_ascii=turn % 2 == 0).encode()
        return Reply(status, body, (("Content-Type", "application/json"),))

    def _strings(self, text: str) -> list[str]:
        return [secret for secret in SECRETS.values() if leaks(text, {"": secret})]


def _record(seen: Seen) -> list[str]:
    """Return the texts of a write to dlsync's own records, unpacked, or annotations."""
    if seen.method == "GET" or not seen.body:
        return []
    family, _, name = seen.target.partition("/accounts/")[2].partition("/")[2].partition("/")
    if family == "annotations":
        return [seen.body.decode()]
    sent = json.loads(seen.body) if family == "plugins" else {}
    return unpacked(sent["content"]) if is_reserved(sent.get("name", name)) else []


def unpacked(content: str) -> list[str]:
    """Return the text of a record, and of its entries."""
    text = base64.b64decode(content).decode()
    entries = (inventory.unpacked(one) for one in json.loads(text).get("resources", {}).values())
    return [text, *(repr(one) for one in entries)]


def _names_accounts(seen: Seen) -> bool:
    return seen.target.endswith("/accounts")


OK = 200


def nothing(_: Seen) -> int | None:
    return None


def writes(status: int) -> Callable[[Seen], int | None]:
    return lambda seen: None if seen.method == "GET" else status


def everything(status: int) -> Callable[[Seen], int | None]:
    return lambda _: status


def listings(seen: Seen) -> int | None:
    """Return a 200 for requests of lists, whose responses are then no lists."""
    families = {"accounts", "agents", "annotations", "dashboards", "links", "plugins", "rules", "tags"}
    return OK if seen.method == "GET" and seen.target.rpartition("/")[2] in families else None


# ---------------------------------------------------------------------------------------------------------------------
# An account, a tree, and the command lines
# ---------------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Scene:
    """A tree with canaries, and the environment of an account.

    :param marks: all secrets of the tree and the account, by name.
    :param words: the values of the words in braces in a command line.
    :param account: the environment for the account without the proxy.
    :param records: the texts of all inventories, locks and annotations that dlsync wrote.
    """

    folder: Path
    env: dict[str, str]
    marks: dict[str, str]
    words: dict[str, str]
    account: dict[str, str]
    records: list[str]

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def live(self, path: str) -> str:
        """Return the text of a resource in the account."""
        return by_hand(self.account, "GET", path).text

    def put(self, path: str, old: str, new: str) -> None:
        """Change a document in the account without dlsync."""
        text = self.live(path)
        assert old in text
        by_hand(self.account, "PUT", path, text.replace(old, new))

    def run(self, line: str, *options: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
        words = {**self.words, "format": options[1] if "--format" in options else ""}
        arguments = [word.format_map(words) for word in line.split()]
        done = dlsync(*arguments, *options, env={**self.env, **(env or {})})
        return done.code, done.out, done.err


@contextmanager
def scene(
    folder: Path, blurts: Callable[[Seen], int | None] = nothing, *, live: dict[str, str] | None = None
) -> Iterator[Scene]:
    """Create an account behind a server that reveals secrets.

    :param live: the secrets with which the tree was applied, before manual changes; None to apply nothing.
    """
    tree, wrong = write_tree(folder / "tree", TREE), write_tree(folder / "wrong", WRONG)
    write_tree(folder / "backup", BACKUP)
    with running(api_key=KEY) as server:
        env = {**environment(server.url, key=KEY), **variables(live or {})}
        if live:
            assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
            by_hand(env, "PATCH", "plugins/disk", '{"description": "by hand"}', "application/json")
            by_hand(env, "PUT", "rules/load", by_hand(env, "GET", "rules/load").text.replace("Load", "By hand"))
        agent = by_hand(env, "POST", "agents/a1/ping", '{"name": "web1", "tag_names": ["web"]}', "application/json")
        assert agent.json()["id"] == "a1"
        accounts = httpx2.get(f"{server.url}/orgs/acme/accounts", headers={"Authorization": f"Bearer {KEY}"}).json()
        note = by_hand(env, "POST", "annotations/notes", '{"name": "n"}', "application/json").json()
        links = by_hand(env, "GET", "links").json()
        marks = {"KEY": KEY, "AGENT_KEY": accounts[0]["agent_keys"][0], **SECRETS}
        words = {
            "tmp": str(folder),
            "tree": str(tree),
            "wrong": str(wrong),
            "note": note["id"],
            "link": links[0]["id"] if links else "none",
        }
        records = unpacked(by_hand(env, "GET", "plugins/dlsync-inventory").json()["content"]) if live else []
        with httpx2.Client() as client, misbehaving(Blurting(server.url, blurts, client, records)) as before:
            now = {**environment(before.url, key=KEY), **variables(SECRETS)}
            yield Scene(folder, now, marks, words, env, records)


def commands() -> dict[str, tuple[str, ...]]:
    """Return every command of the program, with the choices of its ``--format``."""
    walked = (one for name in PURPOSES for one in _walked(loaded(name), (name,)))
    return {" ".join(path): formats for path, formats in walked}


def _walked(command: object, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], tuple[str, ...]]]:
    below = getattr(command, "commands", None)
    if below is None:
        options = [one for one in getattr(command, "params", ()) if "--format" in one.opts]
        yield path, tuple(str(choice) for one in options for choice in one.type_descriptor.choices or ())
    for name, one in (below or {}).items():
        yield from _walked(one, (*path, name))
