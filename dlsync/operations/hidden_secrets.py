"""Live secrets that a server masks: each counts as what was last applied in its place. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from dlsync.diff.digests import Unreadable, digest, digested, texts
from dlsync.diff.list_match import match
from dlsync.errors import DlsyncError
from dlsync.files.interpolation import split
from dlsync.files.masks import hides, is_certain, may_be_masked
from dlsync.model import Address, Entry, Json, Path, Resource
from dlsync.resources import Kind, kind_of
from dlsync.state.inventory import Inventory, secret_digests

_MARK = " (masked by the server)"  # makes another text of a mask, so that it counts as another value
_NO_FILE = "a value that no file has is hidden, `%s`: put it into the file as ${env:NAME} first"


def readable(
    live: Mapping[Address, Resource], desired: Mapping[Address, Resource], applied: Inventory
) -> dict[Address, Resource]:
    """Return the live resources with masks, each with a value, or what stands for one, in place of each.

    That is the value of the environment where it is the one that was applied last, else an :class:`Unreadable`.

    :param desired: says which values references have.
    :param applied: says where secrets were applied.
    """
    found = {address: _readable(one, desired.get(address), applied) for address, one in live.items()}
    return {address: one for address, one in found.items() if one is not live[address]}


def _readable(live: Resource, desired: Resource | None, applied: Inventory) -> Resource:
    kind = kind_of(live.kind)
    base = _base(kind, live.address, desired, applied)
    if base is None or (desired and kind.identical(desired, live)):
        return live
    if not any(map(may_be_masked, texts(dict(live.document)))):
        return live
    return _unmasked(kind, live, base[0], applied.salt, base[1])


def _base(
    kind: Kind, address: Address, desired: Resource | None, applied: Inventory
) -> tuple[Entry, Mapping[str, str] | None] | None:
    """Return where a resource has secrets, with the values of references, None where nobody knows what was applied."""
    if not applied.knows_no_secrets(address) and (entry := applied.entry(address)):
        return entry, _values(desired) if desired else {}
    return (_applied(kind, desired, applied.salt), None) if desired and desired.secrets else None


def _values(resource: Resource) -> dict[str, str]:
    return {reference: value for value, reference in resource.secrets.items()}


def like(effective: Resource, live: Resource, salt: bytes) -> Resource:
    """Return a live resource with the values that were sent in place of those which the server masks."""
    kind = kind_of(live.kind)
    return _unmasked(kind, live, _applied(kind, effective, salt), salt, _values(effective))


def known(applied: Inventory, live: Iterable[Resource]) -> dict[Address, dict[str, str]]:
    """Return by resource the live texts that an apply put there as secrets, each with its spelling in a file.

    A spelling that stands for a hidden value is itself.
    """
    return {one.address: {**applied.former_secrets(one), **_references(one)} for one in live}


def _references(live: Resource) -> dict[str, str]:
    unreadable = (text for text in texts(dict(live.document)) if isinstance(text, Unreadable))
    return {text: str(text) for text in unreadable if _is_spelling(text)}


def require_spellings(live: Resource, *, references: bool) -> None:
    """Require that a file can spell each hidden value.

    :param references: whether the file can hold any.
    :raises DlsyncError: it cannot, or the server hides a value that was never applied, or text around one has changed.
    """
    for text in texts(dict(live.document)):
        if isinstance(text, Unreadable) and not (references and _is_spelling(text)):
            raise DlsyncError(_NO_FILE % text)


def require_values(before: Resource) -> None:
    """Require that what a journal kept has no mask in place of a value.

    :raises DlsyncError: it has one.
    """
    if any(text.endswith(_MARK) for text in texts(dict(before.document))):
        raise DlsyncError("a value was there before that the server masked, so that nobody can put it back")


def _is_spelling(text: str) -> bool:
    return any(is_reference for _, is_reference in split(text))


def _applied(kind: Kind, effective: Resource, salt: bytes) -> Entry:
    form = kind.canonical(effective.document)
    return Entry(cast("dict[str, Json]", digested(salt, dict(form))), secrets=secret_digests(salt, form))


def _unmasked(kind: Kind, live: Resource, entry: Entry, salt: bytes, values: Mapping[str, str] | None) -> Resource:
    form = kind.canonical(live.document)
    walk = _Unmasking(kind, entry.secrets, salt, values)
    shown = walk.value((), form, dict(entry.seen))
    return kind.merge_live(live, live, cast("dict[str, Json]", shown)) if walk.found else live


class _Unmasking:
    """Walks a live canonical form along with the digested form of what was live after the last apply.

    :param secrets: the digests of secrets, each with its spelling.
    :param values: of the references in them; None where it is not known that any was applied.
    :ivar found: whether anything was masked.
    """

    def __init__(self, kind: Kind, secrets: Mapping[str, str], salt: bytes, values: Mapping[str, str] | None) -> None:
        self._kind = kind
        self._secrets = secrets
        self._salt = salt
        self._values = values
        self.found = False

    def value(self, path: Path, live: Json, seen: Json) -> Json:
        if isinstance(live, dict):
            fields = seen if isinstance(seen, dict) else {}
            return {field: self.value((*path, field), item, fields.get(field)) for field, item in live.items()}
        if isinstance(live, list):
            items = self._items_seen(path, live, seen if isinstance(seen, list) else [])
            return [self.value((*path, place), item, items.get(place)) for place, item in enumerate(live)]
        return self._text(live, seen) if isinstance(live, str) else live

    def _items_seen(self, path: Path, live: Sequence[Json], seen: Sequence[Json]) -> dict[int, Json]:
        """Return by live position what was seen there, items paired whatever secrets they hold."""
        before = [self._without_secrets(item) for item in seen]
        now = [self._without_secrets(digested(self._salt, _blanked(item))) for item in live]
        pairs = match(before, now, self._kind.list_rule(path)).pairs
        return {live_place: seen[place] for place, live_place in pairs}

    def _without_secrets(self, value: Json) -> Json:
        if isinstance(value, dict):
            return {field: self._without_secrets(item) for field, item in value.items()}
        if isinstance(value, list):
            return [self._without_secrets(item) for item in value]
        return _BLANK if value == digest(self._salt, _BLANK) or value in self._secrets else value

    def _text(self, live: str, seen: Json) -> str:
        if seen == digest(self._salt, live):
            return live
        spelling = self._secrets.get(seen) if isinstance(seen, str) else None
        shown = self._shown(live, str(seen), spelling) if spelling else None
        if shown is None:
            shown = Unreadable(live + _MARK) if is_certain(live) else live
        self.found |= shown is not live
        return shown

    def _shown(self, live: str, seen: str, spelling: str) -> str | None:
        """Return what stands for a masked secret; None where the live text is no mask of it."""
        values = self._values or {}
        value = "".join(values.get(part, part) if is_reference else part for part, is_reference in split(spelling))
        is_applied = digest(self._salt, value) == seen
        if not hides(live, spelling, values if is_applied else {}):
            return None
        return value if is_applied else Unreadable(spelling, "" if self._values is None else seen)


_BLANK = ""


def _blanked(value: Json) -> Json:
    """Return a value with nothing in place of texts that may be masks."""
    if isinstance(value, dict):
        return {field: _blanked(item) for field, item in value.items()}
    if isinstance(value, list):
        return [_blanked(item) for item in value]
    return _BLANK if isinstance(value, str) and may_be_masked(value) else value
