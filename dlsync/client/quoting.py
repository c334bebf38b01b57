"""What a server said, made fit for a message: one short line, no control characters, no key."""

from __future__ import annotations

REDACTED = "[key]"
_WIDEST = 4  # bytes of a character in UTF-8


class Secret:
    """A text that no repr shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret()"

    def reveal(self) -> str:
        """Return the text."""
        return self._value


class Quoter:
    """Quotes the server's words, without the key even where the server echoes it.

    :param key: what is never let through.
    """

    def __init__(self, key: Secret) -> None:
        self._secret = key

    def __call__(self, text: str, limit: int = 200) -> str:
        """Return the first ``limit`` characters on one line; what is left out is marked by an ellipsis."""
        # in this order: a key that is cut in half is no longer recognised
        redacted = text.replace(self._secret.reveal(), REDACTED)
        printable = "".join(char if char.isprintable() else " " for char in redacted[:limit])
        return " ".join(printable.split()) + ("…" if len(redacted) > limit else "")

    def start_of(self, body: bytes, limit: int) -> str:
        """Return the first ``limit`` characters of a body, which need not be text."""
        reach = _WIDEST * limit + len(self._secret.reveal())
        return self(body[:reach].decode("utf-8", "replace"), limit)
