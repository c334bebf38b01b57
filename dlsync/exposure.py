"""What an export lays open: likely secrets in new content, and references that come or go. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlsync.escape import visible
from dlsync.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_FROM_ENVIRONMENT = re.compile(rb"\$\{env:[^}]*\}")
_REPLACED = "%s is no longer in it, for what is live is something else: if that is a secret too, do not commit it"
_UNKNOWN = "%s is in it because the account's record says so: see that it is one of yours before you apply this"


def exposed(
    files: Iterable[tuple[str, bytes]],
    sources: Mapping[str, bytes],
    secrets_in: Callable[[str, bytes], Iterable[Problem]],
) -> Iterator[Problem]:
    """Yield a warning for each likely secret in what is to be written, and for what takes a secret's place.

    :param files: to be written, each with its content.
    :param sources: the files of the tree as they were.
    :param secrets_in: tells of the likely secrets in a file.
    """
    for file, content in files:
        yield from secrets_in(file, content)
        gone = _from_environment(sources.get(file, b"")) - _from_environment(content)
        yield from (Problem("warning", _REPLACED % name, file) for name in sorted(gone))
        if not sources:
            known = sorted(_from_environment(content))
            yield from (Problem("warning", _UNKNOWN % visible(name), file) for name in known)


def _from_environment(content: bytes) -> set[str]:
    if b"${env:" not in content:
        return set()
    return {name.decode("utf-8", "replace") for name in _FROM_ENVIRONMENT.findall(content)}
