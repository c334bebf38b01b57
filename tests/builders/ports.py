"""Ports of loopback that no other program gets."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a port during this block, on which nothing listens unless the test makes a program listen there.

    Linux gives a bound port to no other program; yet a program that names it, and sets ``SO_REUSEADDR`` as servers do,
    can listen on it while its holder does not listen. A port that is only found free can be another's a moment later.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
