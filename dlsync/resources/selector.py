"""Select resources by ``--target KIND/GLOB``."""

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from dlsync.errors import SettingsError
from dlsync.messages import near_miss, near_pattern, visible
from dlsync.model import Address
from dlsync.resources import all_kinds

_WILD = frozenset("*?[")
_UNKNOWN = "Check the kind and the name. Only `dlsync export` finds what is neither in a file nor managed."


class Targets:
    """A filter on addresses; without patterns it admits all.

    :param patterns: each ``kind/glob``, such as ``dashboard/web-*``; ``*`` as the kind means every kind.
    :param known: the resources that a name without a kind may mean, each as ``kind/name``.
    :param also: further resources that it admits.
    :raises SettingsError: a pattern is not of that form, or names no kind.
    """

    def __init__(
        self, patterns: Sequence[str] = (), known: Iterable[str] = (), also: frozenset[Address] = frozenset()
    ) -> None:
        for pattern in patterns:
            if not is_pattern(pattern):
                near = _named(pattern, known) or nearest(pattern)
                hint = f"Did you mean {near}?" if near else "For example: dashboard/web-*"
                expected = f"expected KIND/GLOB with KIND one of {', '.join(_kinds())} or *"
                raise SettingsError(f"`{pattern}` names no resources: {expected}", hint=hint)
        self._patterns = patterns
        self._also = also

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def admits(self, address: Address) -> bool:
        """Whether a pattern matches a resource."""
        is_named = not self._patterns or address in self._also
        return is_named or any(_matches(pattern, address) for pattern in self._patterns)

    def including(self, addresses: Iterable[Address]) -> "Targets":
        """Return a filter that admits these resources too."""
        return Targets(self._patterns, also=self._also.union(addresses))

    def kinds(self) -> set[str]:
        """Return the names of the kinds that a pattern can match."""
        chosen = {pattern.partition("/")[0] for pattern in self._patterns or ("*",)}
        return {name for name in _kinds() if chosen & {name, "*"}} | {one.kind for one in self._also}

    def unmatched(self, known: Collection[Address]) -> list[str]:
        """Return the patterns that match none of these resources."""
        return [pattern for pattern in self._patterns if not any(_matches(pattern, one) for one in known)]

    def require_match(self, known: Collection[Address]) -> None:
        """Refuse patterns that match no resource.

        :param known: the resources in files, inventory and server. Where there is none, nothing is refused.
        :raises SettingsError: names each such pattern and the nearest resources.
        """
        wrong = self.unmatched(known)
        if wrong and known:
            near = [one for pattern in wrong if (one := near_miss(pattern, tuple(map(str, known))))]
            what = ", ".join(f"`{visible(pattern)}`" for pattern in wrong)
            hint = f"Did you mean {' and '.join(map(visible, near))}?" if near else _UNKNOWN
            raise SettingsError(f"no resource matches {what}", hint=hint)

    def named(self) -> set[Address]:
        """Return the patterns without wildcards as addresses, which can be fetched from a server without lists."""
        split = (pattern.partition("/") for pattern in self._patterns if not _WILD & set(pattern))
        return {Address(kind, name) for kind, _, name in split}


EVERYTHING = Targets()


class Exactly(Targets):
    """A filter that admits these resources and no others."""

    def __init__(self, addresses: Collection[Address]) -> None:
        super().__init__()
        self._addresses = addresses

    def admits(self, address: Address) -> bool:
        """Whether the resource is among them."""
        return address in self._addresses


def is_pattern(text: str) -> bool:
    """Whether a text is a kind and a glob of names."""
    kind, slash, glob = text.partition("/")
    return bool(slash and glob) and kind in {"*", *_kinds()}


def nearest(text: str) -> str | None:
    """Return the pattern that is most similar to a text without a kind, if any."""
    return near_pattern(text, _kinds())


def _named(text: str, known: Iterable[str]) -> str:
    """Return the resources that have the name, or else the most similar name."""
    names = {address: address.partition("/")[2] for address in known if text not in _kinds()}
    near = text if text in names.values() else near_miss(text, tuple(names.values()))
    return " or ".join(visible(address) for address, name in names.items() if name == near)


def _kinds() -> tuple[str, ...]:
    return tuple(kind.name for kind in all_kinds())


def _matches(pattern: str, address: Address) -> bool:
    kind, _, glob = pattern.partition("/")
    is_exact = pattern == str(address)  # a name may hold characters of globs
    return is_exact or (fnmatchcase(address.kind, kind) and fnmatchcase(address.name, glob))
