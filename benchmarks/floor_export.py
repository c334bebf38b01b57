"""The floor of an export: GET the lists, then each rule and plugin in them, with aiohttp, without writing files.

The list of dashboards has their whole content. Arguments: the account's URL; the number of connections.
"""

import asyncio
import json
import sys

import aiohttp

HEADERS = {"Authorization": "Bearer changeme", "Accept": "application/yaml"}


async def main(account: str, connections: int) -> None:
    """Fetch the lists, and then the resources in them."""
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def fetched(path: str) -> bytes:
            async with session.get(f"{account}/{path}") as answer:
                return await answer.read()

        families = ("dashboards", "rules", "plugins", "links")
        lists = dict(zip(families, await asyncio.gather(*map(fetched, families)), strict=True))
        waiting = iter([f"{family}/{one['name']}" for family in families[1:3] for one in json.loads(lists[family])])

        async def work() -> None:
            for path in waiting:
                await fetched(path)

        await asyncio.gather(*(work() for _ in range(connections)))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
