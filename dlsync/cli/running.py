"""Running what waits for a server, to its end or to the first Ctrl-C."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns.

    asyncio alone lets a second Ctrl-C (or one that make sends along with the terminal) hit the closing of connections,
    which then ends in tracebacks; here, the first one closes them, and the rest come too late.

    :raises KeyboardInterrupt: SIGINT came; what was open is closed by then.
    """
    import asyncio

    results: list[T] = []

    async def kept() -> None:
        # as its task's result it would be spelled out, 0.3 s for a plan of 3,000 resources: Python takes the repr of a
        # handler of signals that it is asked for, and asyncio's for SIGINT has the task in it
        results.append(await work)

    async def watched() -> None:
        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[T]", asyncio.current_task())

        def interrupt(*_: object) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            loop.call_soon_threadsafe(task.cancel)

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            await kept()
        finally:
            if signal.getsignal(signal.SIGINT) is interrupt:
                signal.signal(signal.SIGINT, before)

    is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as a shell starts what runs in the background
    try:
        asyncio.run(kept() if is_ignored else watched())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return results[0]
