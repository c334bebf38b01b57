"""Send load to `dlsync serve`: each client has a connection, and sends a request after the last response.

Arguments: `fill`, `fill FAMILY` or seconds; the scale of the account; the number of clients; the seed; the servers'
URLs. Prints JSON: the milliseconds of each request, the seconds of CPU for sending, and the number of each error
status.
"""

import asyncio
import base64
import json
import random
import sys
import time
from collections import Counter
from pathlib import PurePath

import aiohttp

from benchmarks.account import files

HEADERS = {"Authorization": "Bearer changeme", "Accept": "application/yaml"}
# of a hundred requests; a family without a slash is its list, `known` a GET with the ETag of the last response
MIX = {
    "GET dashboards/": 35,
    "GET rules/": 24,
    "GET plugins/": 10,
    "known dashboards/": 14,
    "PUT dashboards/": 4,
    "PUT rules/": 4,
    "PATCH plugins/": 2,
    "GET rules": 3,
    "GET plugins": 2,
    "GET dashboards": 2,
}


class Load:
    """Send requests and record their times."""

    def __init__(self, scale: float, seed: int, urls: list[str]) -> None:
        paths = ((PurePath(file), content) for file, content in files(scale))
        self.contents = {f"{path.parts[0]}/{path.stem}": content for path, content in paths if len(path.parts) > 1}
        self._names = {family: [name for name in self.contents if name.startswith(family)] for family in _FAMILIES}
        self._accounts = [f"{url}/orgs/acme/accounts/default" for url in urls]
        self._random = random.Random(seed)  # noqa: S311 - for the same load each time
        self._etags: dict[str, str] = {}
        self.milliseconds: list[float] = []
        self.failed: Counter[int] = Counter()

    async def client(self, number: int, until: float) -> None:
        """Send requests of the mix until a time."""
        async with _session() as session:
            while time.perf_counter() < until:
                operation = self._random.choices(list(MIX), list(MIX.values()))[0]
                method, _, path = operation.partition(" ")
                name = self._random.choice(self._names[path[:-1]]) if path.endswith("/") else path
                await self.send(session, method, name, self._accounts[number % len(self._accounts)])

    async def fill(self, family: str) -> None:
        """Create the resources of a family, or all resources of the account if it is empty."""
        waiting = iter(name for name in self.contents if name.startswith(family))

        async def work() -> None:
            async with _session() as session:
                for name in waiting:
                    await self.send(session, "POST" if name.startswith("plugins/") else "PUT", name, self._accounts[0])

        await asyncio.gather(*(work() for _ in range(_FILLERS)))

    async def send(self, session: aiohttp.ClientSession, method: str, name: str, account: str) -> None:
        """Send a request and read the whole response."""
        headers = {"If-None-Match": self._etags.get(name, '""')} if method == "known" else {}
        verb, path = "GET" if method == "known" else method, name
        content = self.contents[name] if method in ("PUT", "PATCH", "POST") else None
        if content and name.startswith("plugins/"):
            path = "plugins" if method == "POST" else name
            plugin = {"name": PurePath(name).name, "extension": "py", "content": base64.b64encode(content).decode()}
            content = json.dumps(plugin).encode()
            headers["Content-Type"] = "application/json"
        begun = time.perf_counter()
        async with session.request(verb, f"{account}/{path}", data=content, headers=headers) as response:
            await response.read()
        self.milliseconds.append((time.perf_counter() - begun) * 1000)
        self._etags[name] = response.headers.get("etag", "")
        if response.status >= 400:  # noqa: PLR2004 - HTTP's errors
            self.failed[response.status] += 1


_FILLERS = 8
_FAMILIES = ("dashboards", "rules", "plugins")


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers=HEADERS, timeout=aiohttp.ClientTimeout(total=60))


async def main(what: str, scale: str, clients: str, seed: str, *urls: str) -> None:
    """Send the load and print the result."""
    load = Load(float(scale), int(seed), list(urls))
    cpu, now = time.process_time(), time.perf_counter()
    if what.startswith("fill"):
        await load.fill(what.partition(" ")[2])
    else:
        await asyncio.gather(*(load.client(number, now + float(what)) for number in range(int(clients))))
    used = time.process_time() - cpu
    print(json.dumps({"milliseconds": load.milliseconds, "cpu": used, "failed": load.failed}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
