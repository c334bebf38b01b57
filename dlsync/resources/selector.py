"""Which resources a command is about: the ``--target KIND/GLOB`` of the command line."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlsync.errors import SettingsError
from dlsync.messages import near_miss, near_pattern, visible
from dlsync.model import Address
from dlsync.resources import all_kinds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_WILD = frozenset("*?[")
_UNKNOWN = "Check the kind and the name. Only `dlsync export` finds what is neither in a file nor managed."


class Targets:
    """A filter on addresses; without patterns it admits all.

    :param patterns: each ``kind/glob``, such as ``dashboard/web-*``; ``*`` as the kind means every kind.
    :raises SettingsError: a pattern is not of that form, or names no kind.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._patterns = tuple(_parsed(pattern) for pattern in patterns)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def admits(self, address: Address) -> bool:
        """Say whether the resource is meant."""
        return not self._patterns or any(_matches(pattern, address) for pattern in self._patterns)

    def kinds(self) -> set[str]:
        """Return the names of the kinds of which any resource can be meant."""
        every = {kind.name for kind in all_kinds()}
        return {name for name in every if not self or any(kind in {name, "*"} for kind, _ in self._patterns)}

    def require_match(self, known: Collection[Address]) -> None:
        """Refuse patterns that match no resource.

        :param known: the resources that the run knows: files, inventory and server. Where there is none, all is well.
        :raises SettingsError: names each such pattern and the nearest resources.
        """
        wrong = [
            f"{kind}/{glob}" for kind, glob in self._patterns if not any(_matches((kind, glob), one) for one in known)
        ]
        if wrong and known:
            near = [one for pattern in wrong if (one := near_miss(pattern, tuple(map(str, known))))]
            what = ", ".join(f"`{visible(pattern)}`" for pattern in wrong)
            hint = f"Did you mean {' and '.join(map(visible, near))}?" if near else _UNKNOWN
            raise SettingsError(f"no resource matches {what}", hint=hint)

    def named(self) -> set[Address]:
        """Return the addresses that are spelled out, which a server that lists nothing can be asked for."""
        return {Address(kind, name) for kind, name in self._patterns if not _WILD & set(kind + name)}


EVERYTHING = Targets()


class Exactly(Targets):
    """A filter that admits these resources and no others."""

    def __init__(self, addresses: Collection[Address]) -> None:
        super().__init__()
        self._addresses = addresses

    def admits(self, address: Address) -> bool:
        """Say whether the resource is one of them."""
        return address in self._addresses


def is_pattern(text: str) -> bool:
    """Whether a text is a kind and a glob of names."""
    kind, slash, glob = text.partition("/")
    return bool(slash and glob) and kind in {"*", *_kinds()}


def nearest(text: str) -> str | None:
    """Return the pattern that a text which names no kind was likely meant to be, if any."""
    return near_pattern(text, _kinds())


def _kinds() -> tuple[str, ...]:
    return tuple(kind.name for kind in all_kinds())


def _matches(pattern: tuple[str, str], address: Address) -> bool:
    kind, glob = pattern
    return fnmatchcase(address.kind, kind) and fnmatchcase(address.name, glob)


def _parsed(pattern: str) -> tuple[str, str]:
    kind, _, glob = pattern.partition("/")
    if not is_pattern(pattern):
        near = nearest(pattern)
        hint = f"Did you mean {near}?" if near else "For example: dashboard/web-*"
        expected = f"expected KIND/GLOB with KIND one of {', '.join(_kinds())} or *"
        raise SettingsError(f"`{pattern}` names no resources: {expected}", hint=hint)
    return kind, glob
