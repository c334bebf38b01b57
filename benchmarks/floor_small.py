"""The floor of a plan of few resources: import what dlsync is made of, typer and httpx2, and GET each URL.

Arguments: a file with one URL a line; the connections.
"""

import asyncio
import ssl
import sys
from pathlib import Path

import httpx2
import typer

HEADERS = {"Authorization": "Bearer changeme", "Accept": "application/yaml"}


async def main(urls: list[str], connections: int) -> None:
    """Fetch all of them."""
    limits = httpx2.Limits(max_connections=connections)
    # no certificates are loaded for plain HTTP, as dlsync loads none
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncClient(headers=HEADERS, limits=limits, verify=context, trust_env=False) as client:
        await asyncio.gather(*map(client.get, urls))
    typer.echo(f"{len(urls)} fetched")


asyncio.run(main(Path(sys.argv[1]).read_text().split(), int(sys.argv[2])))
