"""The floor of an apply: GET each resource, send each, and GET each again, with aiohttp.

Arguments: the account's URL; the tree; the number of connections.
"""

import asyncio
import base64
import sys
from pathlib import Path

import aiohttp

HEADERS = {"Authorization": "Bearer changeme", "Accept": "application/yaml"}


async def main(account: str, tree: Path, connections: int) -> None:
    """Run the three rounds one after the other."""
    paths = [path for family in ("dashboards", "rules", "plugins") for path in (tree / family).rglob("*.*")]
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        for sends in (False, True, False):
            waiting = iter(paths)

            async def work() -> None:
                for path in waiting:  # noqa: B023 - each round ends before the next begins
                    family = path.relative_to(tree).parts[0]
                    url = f"{account}/{family}/{path.stem}"
                    request = sent(session, family, path, url) if sends else session.get(url)  # noqa: B023 - as above
                    async with request as answer:
                        await answer.read()

            await asyncio.gather(*(work() for _ in range(connections)))


def sent(session: aiohttp.ClientSession, family: str, path: Path, url: str) -> "aiohttp.client._RequestContextManager":
    """Begin the request that sends a file."""
    if family != "plugins":
        return session.put(url, data=path.read_bytes())
    content = base64.b64encode(path.read_bytes()).decode()
    plugin = {"name": path.stem, "extension": path.suffix.removeprefix("."), "content": content}
    return session.post(url.rpartition("/")[0], json=plugin)


asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
