"""The floor of a plan: GET each URL with aiohttp over all connections at once, and discard the responses.

Arguments: a file with a URL on each line; the number of connections.
"""

import asyncio
import sys
from pathlib import Path

import aiohttp

HEADERS = {"Authorization": "Bearer changeme", "Accept": "application/yaml"}


async def main(urls: list[str], connections: int) -> None:
    """Fetch all URLs."""
    waiting = iter(urls)
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def fetch() -> None:
            for url in waiting:
                async with session.get(url) as answer:
                    await answer.read()

        await asyncio.gather(*(fetch() for _ in range(connections)))


asyncio.run(main(Path(sys.argv[1]).read_text().split(), int(sys.argv[2])))
