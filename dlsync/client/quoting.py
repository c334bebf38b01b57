"""What a server said, made fit for a message: one short line, no control characters, no key."""

from __future__ import annotations

REDACTED = "[key]"


class Quoter:
    """Quotes the server's words, without the key even where the server echoes it.

    :param key: what is never let through.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Quoter()"

    def __call__(self, text: str, limit: int = 200) -> str:
        """Return at most ``limit`` characters of the text on one line."""
        printable = "".join(char if char.isprintable() else " " for char in text.replace(self._key, REDACTED))
        line = " ".join(printable.split())
        return line if len(line) <= limit else f"{line[: limit - 1]}…"
