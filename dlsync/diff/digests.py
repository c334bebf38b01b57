"""Digest documents value by value, to find later what changed, without storing the values. Pure."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Self

from dlsync.diff.list_match import token
from dlsync.model import Json

# short on purpose: 32 bits show a change, but cannot confirm a guessed secret
LEAF_BYTES = 4
_WHOLE_BYTES = 8


class Unreadable(str):
    """Stands for a live text that the server masks.

    :param text: the spelling of the secret, with references; the mask itself if no secret was applied there.
    :param known: the digest of the value that was applied there; empty if it is not known.
    """

    known: str

    def __new__(cls, text: str, known: str = "") -> Self:
        """Create it from a spelling or a mask."""
        made = super().__new__(cls, text)
        made.known = known
        return made


def digest(salt: bytes, value: Json) -> str:
    """Return the digest of a single value; equal values have equal digests.

    :param salt: up to 64 bytes.
    """
    if isinstance(value, Unreadable) and value.known:
        return value.known
    return blake2b(token(value).encode("utf-8", "surrogatepass"), key=salt, digest_size=LEAF_BYTES).hexdigest()


def digested(salt: bytes, value: Json) -> Json:
    """Return a value with digests in place of all values other than mappings and lists.

    Digested forms differ where the documents differ, so the same code compares both.
    """
    return mapped(value, lambda leaf: digest(salt, leaf))


def mapped(value: Json, change: Callable[[Json], Json]) -> Json:
    """Return a value with all values in it changed, other than mappings and lists."""
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    return change(value)


def fingerprint(salt: bytes, content: bytes) -> str:
    """Return the digest of the bytes of a resource."""
    return blake2b(content, key=salt, digest_size=_WHOLE_BYTES).hexdigest()


def texts(value: Json) -> Iterator[str]:
    """Yield every text among the values of a document."""
    values = [value]
    for item in values:  # the list grows meanwhile; a generator for each level takes three times as long
        if isinstance(item, str):
            yield item
        elif isinstance(item, (dict, list)):
            values += item.values() if isinstance(item, dict) else item


def holds_unreadable(value: Json) -> bool:
    """Whether a value holds a text that the server masks, so that it cannot be sent."""
    return any(isinstance(text, Unreadable) for text in texts(value))


def former_secrets(salt: bytes, document: Mapping[str, Json], known: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a live document that were applied as secrets, each with its spelling.

    :param known: the digests of the secrets of the last apply, each with its spelling.
    """
    if not known:
        return {}
    found = {text: known.get(digest(salt, text)) for text in texts(dict(document)) if text}
    return {text: spelling for text, spelling in found.items() if spelling}
