"""Disturb an apply of many changes, run it again, and check the account."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx2
from platformdirs import user_cache_path

from dlsync import operations
from dlsync.client import Client, ReadClient
from dlsync.client.retry import Retry
from dlsync.errors import DlsyncError
from dlsync.files.settings import Settings
from dlsync.operations import ApplyOptions, session
from dlsync.server.run import running
from dlsync.state import lock
from tests.builders.faults import HANG, proxied
from tests.builders.trees import criterion, dashboard, resource, rule, widget, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.model import Json, Plan

KEY = "changeme"


async def _at_once(_: float) -> None:
    return


def dashboard_file(number: int, title: str) -> bytes:
    return resource(f"dashboard/d{number}", dashboard(widget("cpu", color=title), widget(f"w{number}", row=3))).body


def rule_file(number: int, title: str) -> bytes:
    return resource(f"rule/r{number}", rule(criterion(f"p{number}.load"), description=title)).body


def files_before(count: int) -> dict[str, bytes]:
    """Return the files of the first apply: three times the count of each kind."""
    files = {f"dashboards/d{n}.yaml": dashboard_file(n, "old") for n in range(3 * count)}
    files |= {f"rules/r{n}.yaml": rule_file(n, "old") for n in range(3 * count)}
    files |= {f"plugins/p{n}.py": f"# old {n}\n".encode() for n in range(3 * count)}
    links = "".join(f"p{n}: [all, old]\n" for n in range(3 * count))
    return {**files, "links.yaml": links.encode()}


def files_after(count: int) -> dict[str, bytes]:
    """Return the files of the second apply: a third removed, a third changed, and as many new, of four kinds."""
    some, new = range(count, 3 * count), range(3 * count, 4 * count)
    files: dict[str, bytes] = {"dlsync.yaml": b"max_delete_percent: 100\n"}
    for n in [*some, *new]:
        title = "old" if n >= 2 * count and n not in new else "new"
        files |= {f"dashboards/d{n}.yaml": dashboard_file(n, title), f"rules/r{n}.yaml": rule_file(n, title)}
        files[f"plugins/p{n}.py"] = f"# {title} {n}\n".encode()
    tags = {n: "all, old" if 2 * count <= n < 3 * count else "all, new" for n in [*some, *new]}
    return {**files, "links.yaml": "".join(f"p{n}: [{tag}]\n" for n, tag in tags.items()).encode()}


BYSTANDERS: dict[str, tuple[str, bytes]] = {
    "dashboards/bystander": ("PUT", b"title: Mine # as it is\n"),
    "rules/bystander": ("PUT", b"title: Mine\ncriteria: []\n"),
    "plugins": ("POST", b'{"name": "bystander", "extension": "sh", "content": "ZXhpdA=="}'),
}


@dataclass(frozen=True)
class Scene:
    """A tree to apply, and the database of an account before the apply.

    :param expected: the account after an undisturbed apply.
    :param requests: the requests of that apply.
    """

    tree: Path
    database: Path
    expected: dict[str, Any]
    requests: tuple[str, ...]
    changes: int


def account_settings(url: str, **settings: Any) -> Settings:
    return Settings(url=url, org="acme", account="default", key=KEY, **{"max_delete_percent": 100, **settings})


def whole_account(url: str) -> dict[str, Any]:
    """Return the content of an account, without ids and digests of the server.

    The inventory has, in place of ids of links, whether they are equal to those of the account.
    """
    base = f"{url}/orgs/acme/accounts/default/"
    with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {KEY}"}) as client:
        found: dict[str, Any] = {}
        for family, listed in (("dashboards", "dashboards"), ("rules", "rules")):
            for one in client.get(listed).json():
                path = f"{family}/{one['name']}"
                found[path] = client.get(path, headers={"Accept": "application/yaml"}).content
        for one in client.get("plugins").json():
            whole: dict[str, Json] = client.get(f"plugins/{one['name']}").json()
            found[f"plugins/{one['name']}"] = {k: v for k, v in whole.items() if k not in {"id", "org"}}
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for one in client.get("links").json():
            found[f"links/{one['plugin']}"] = sorted({*found.get(f"links/{one['plugin']}", []), *one["tags"]})
            ids[f"link/{one['plugin']}"].append(one["id"])
        if inventory := found.get("plugins/dlsync-inventory"):
            record = json.loads(base64.b64decode(inventory["content"]))
            record["ids"] = {link: sorted(some) == sorted(ids[link]) for link, some in record.get("ids", {}).items()}
            content = base64.b64encode(json.dumps(record).encode()).decode()
            found["plugins/dlsync-inventory"] = {**inventory, "content": content, "hash": ""}
        return found


def scene(folder: Path, count: int = 4) -> Scene:
    """Create a scene with twelve times the count of changes."""
    database, tree = folder / "before.db", folder / "tree"
    with running(db=database) as server:
        before = write_tree(folder / "before", files_before(count))
        assert applied(before, server.url) is not None
        base = f"{server.url}/orgs/acme/accounts/default/"
        with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {KEY}"}) as client:
            for path, (method, body) in BYSTANDERS.items():
                client.request(method, path, content=body).raise_for_status()
    write_tree(tree, files_after(count))
    with running(db=copied(database, folder / "undisturbed.db")) as server, proxied(server.url) as proxy:
        done = applied(tree, proxy.url)
        assert done is not None
        assert {change.result for change in done.changes} == {"applied"}
        return Scene(tree, database, whole_account(server.url), tuple(proxy.seen), len(done.changes))


def copied(database: Path, to: Path) -> Path:
    shutil.copy(database, to)
    return to


def applied(tree: Path, url: str, *, timeout: float = 5.0, concurrency: int = 1) -> Plan | None:
    """Apply in this process, and return None if that fails. The process of any lock counts as ended."""
    retry = Retry(sleep=_at_once)
    with (
        patch.object(session, "Client", lambda **options: Client(**options, retry=retry, timeout=timeout)),
        patch.object(session, "ReadClient", lambda **options: ReadClient(**options, retry=retry, timeout=timeout)),
        patch.object(lock, "has_ended", lambda _: True),
    ):
        try:
            settings = account_settings(url, concurrency=concurrency)
            return asyncio.run(operations.apply(tree, settings, options=ApplyOptions(lock_timeout=0)))
        except DlsyncError:
            return None


def forget() -> None:
    """Delete the cache, which may have the account of another server on the same port."""
    shutil.rmtree(user_cache_path("dlsync"), ignore_errors=True)


def disturbed(made: Scene, folder: Path, fault: str, at: int) -> str:
    """Disturb an apply, run it again, and return what is wrong with the account; empty if nothing is."""
    forget()
    with running(db=copied(made.database, folder / f"{fault[:12]}-{at}.db")) as server:
        with proxied(server.url, fault, at) as proxy:
            applied(made.tree, proxy.url, timeout=0.5 if fault == HANG else 5)
            hit = proxy.hit
        again = applied(made.tree, server.url)
        if again is None or any(change.result != "applied" for change in again.changes):
            return f"{fault} at {at}, {hit}: the same command again failed"
        return unlike(made, server.url, f"{fault} at {at}, {hit}") if hit else f"{fault} at {at}: nothing was hit"


def unlike(made: Scene, url: str, what: str) -> str:
    """Return how an account differs from the expected one."""
    now = whole_account(url)
    wrong = sorted(key for key in {*now, *made.expected} if now.get(key) != made.expected.get(key))
    plan = asyncio.run(operations.plan(made.tree, account_settings(url)))
    left = [str(change.address) for change in plan.changes] + [str(one) for one in plan.adopted]
    return f"{what}: {wrong} are wrong, {left} are left to do" if wrong or left else ""


def left_behind(made: Scene, url: str, folder: Path, what: str) -> str:
    """Remove all files except a dashboard, apply, and return which other resources are left; empty for none."""
    last = max((made.tree / "dashboards").iterdir())
    tree = write_tree(
        folder, {"dlsync.yaml": b"max_delete_percent: 100\n", f"dashboards/{last.name}": last.read_bytes()}
    )
    done = applied(tree, url)
    if done is None or any(change.result != "applied" for change in done.changes):
        return f"{what}: the files' removal could not be applied: {done and done.changes}"
    now = whole_account(url)
    wanted = {f"dashboards/{last.stem}", "plugins/dlsync-inventory"}
    left = sorted(key for key in now.keys() - wanted if "bystander" not in key)
    return f"{what}: {left} are left" if left or inventory_of(now) != [f"dashboard/{last.stem}"] else ""


def inventory_of(account: dict[str, Any]) -> list[str]:
    """Return the resources in an account's inventory."""
    content = base64.b64decode(account["plugins/dlsync-inventory"]["content"])
    return sorted(json.loads(content)["resources"])
