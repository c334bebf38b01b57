"""Find secrets in live resources: those that the server masks, and those that the inventory records.

A masked secret counts as the value that was applied last. Everyone who can write to an account can also write its
inventory, and so claim that any text came from any ``${env:NAME}``. dlsync believes that only for names that the tree
mentions: for other names, it reads no environment variable and writes no file.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

from dlsync.diff.digests import Unreadable, digest, digested, mapped, texts
from dlsync.diff.list_match import match
from dlsync.errors import DlsyncError
from dlsync.files.interpolation import names as names_in
from dlsync.files.interpolation import referenced, split
from dlsync.files.masks import hides, is_certain, may_be_masked
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import visible
from dlsync.model import Address, Entry, FieldChange, Json, Resource
from dlsync.model import Path as FieldPath
from dlsync.resources import Kind, all_kinds, discovery, kind_of
from dlsync.resources.overlays import FOLDER as OVERLAYS
from dlsync.resources.tree import Tree
from dlsync.state.inventory import Inventory, secret_digests

_MARK = " (masked by the server)"  # makes a mask count as another value
_BLANK = ""
_STRANGE = (
    "not written, because it holds what the account's inventory has as {}, which no file of the directory mentions: "
    "if it is your own, mention it in one, as in a comment of dlsync.yaml"
)
_NO_FILE = "the server hides `%s`, which no file has: put it into the file as ${env:NAME} first"
_NOT_SET = "not written, because `${env:%s}` is not set and the live value is not the one that was applied: set `%s`"


def readable(
    live: Mapping[Address, Resource], desired: Mapping[Address, Resource], applied: Inventory
) -> dict[Address, Resource]:
    """Return the live resources that hold masks, with a value in place of each mask.

    The value is that of the environment if it was applied last, else an :class:`Unreadable`.
    """
    found = {address: _readable(one, desired.get(address), applied) for address, one in live.items()}
    return {address: one for address, one in found.items() if one is not live[address]}


def _readable(live: Resource, desired: Resource | None, applied: Inventory) -> Resource:
    kind = kind_of(live.kind)
    if desired and kind.identical(desired, live):
        return live
    entry = None if applied.knows_no_secrets(live.address) else applied.entry(live.address)
    values: Mapping[str, str] | None = _values(desired) if desired else {}
    if entry is None and desired and desired.secrets:
        entry, values = _applied(kind, desired, applied.salt), None  # it is unknown what was applied
    if entry is None or not any(map(may_be_masked, texts(dict(live.document)))):
        return live
    return _unmasked(kind, live, entry, applied.salt, values)


def _values(resource: Resource) -> dict[str, str]:
    return {reference: value for value, reference in resource.secrets.items()}


def like(effective: Resource, live: Resource, salt: bytes) -> Resource:
    """Return a live resource with the sent values in place of those that the server masks."""
    kind = kind_of(live.kind)
    return _unmasked(kind, live, _applied(kind, effective, salt), salt, _values(effective))


def known(applied: Inventory, live: Iterable[Resource]) -> dict[Address, dict[str, str]]:
    """Return the live texts that are secrets of an apply or hide one, by resource, each with its reference."""
    found: dict[Address, dict[str, str]] = {}
    for one in live:
        hidden = [text for text in texts(dict(one.document)) if isinstance(text, Unreadable) and _is_spelling(text)]
        found[one.address] = applied.former_secrets(one) | {text: str(text) for text in hidden}
    return found


def require_spellings(live: Resource, *, references: bool) -> None:
    """Raise a DlsyncError if no file can hold a hidden value; ``references``: whether the file can hold references."""
    for text in texts(dict(live.document)):
        if isinstance(text, Unreadable) and not (references and _is_spelling(text)):
            raise DlsyncError(_NO_FILE % text)


def unset_names(tree: Tree) -> frozenset[str]:
    """Return the names of unset variables in a tree that was read leniently."""
    # a document that is parsed on demand has no references
    return _unset([one.given for one in tree.resources.values() if isinstance(one.given, dict)])


def _unset(value: Json) -> frozenset[str]:
    # the value of a set variable may look like a reference
    return frozenset(
        name for text in referenced(value) for name in {*names_in(text)}.intersection(names_in(text.spelling))
    )


def require_set(diff: Iterable[FieldChange]) -> None:
    """Raise a DlsyncError if a difference comes from a reference whose value is unknown."""
    if names := sorted(_unset([one.after for one in diff])):
        raise DlsyncError(_NOT_SET % (visible(names[0]), visible(names[0])))


def applied_values(applied: Inventory, live: Iterable[Resource], names: Collection[str]) -> dict[str, str]:
    """Return the values of some names that an apply put into live resources, by name."""
    found: dict[str, str] = {}
    for one in live:
        for text, spelling in applied.former_secrets(one).items():
            found |= {name: value for name, value in _values_in(text, spelling).items() if name in names}
    return found


def _values_in(text: str, spelling: str) -> dict[str, str]:
    """Return the values of the references in a text, by name; none if the references cannot be told apart."""
    parts, rest = [*split(spelling), ("", False)], text
    values: dict[str, str] = {}
    for (part, is_reference), (following, _) in pairwise(parts):
        end = (rest.find(following, 1) if following else len(rest)) if is_reference else len(part)
        if is_reference:
            values[part] = rest[:end]
        rest = rest[end:]
    return {names_in(part)[0]: value for part, value in values.items()} if _filled(parts, values) == text else {}


def _filled(parts: Iterable[tuple[str, bool]], values: Mapping[str, str]) -> str:
    """Join the parts of a text, with the known values in place of references."""
    return "".join(values.get(part, part) if is_reference else part for part, is_reference in parts)


def require_values(before: Resource) -> None:
    """Raise a DlsyncError if a resource of a journal has a mask in place of a value."""
    if any(text.endswith(_MARK) for text in texts(dict(before.document))):
        raise DlsyncError("the server masked the value before the run, so it cannot be restored")


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
    """Replaces masks in a live canonical form, by the digested form of what was live after the last apply.

    :param secrets: the digests of secrets, each with its reference.
    :param values: the values of references; None if it is unknown whether they were applied.
    """

    def __init__(self, kind: Kind, secrets: Mapping[str, str], salt: bytes, values: Mapping[str, str] | None) -> None:
        self._kind = kind
        self._secrets = secrets
        self._salt = salt
        self._values = values
        self.found = False

    def value(self, path: FieldPath, live: Json, seen: Json) -> Json:
        if isinstance(live, dict):
            fields = seen if isinstance(seen, dict) else {}
            return {field: self.value((*path, field), item, fields.get(field)) for field, item in live.items()}
        if isinstance(live, list):
            items = self._items_seen(path, live, seen if isinstance(seen, list) else [])
            return [self.value((*path, place), item, items.get(place)) for place, item in enumerate(live)]
        return self._text(live, seen) if isinstance(live, str) else live

    def _items_seen(self, path: FieldPath, live: Sequence[Json], seen: Sequence[Json]) -> dict[int, Json]:
        """Return the digested item for each position of the live list; secrets do not count for the pairing."""
        before = [self._without_secrets(item) for item in seen]
        now = [self._without_secrets(digested(self._salt, _blanked(item))) for item in live]
        pairs = match(before, now, self._kind.list_rule(path)).pairs
        return {live_place: seen[place] for place, live_place in pairs}

    def _without_secrets(self, value: Json) -> Json:
        blank = digest(self._salt, _BLANK)
        return mapped(value, lambda leaf: _BLANK if leaf == blank or leaf in self._secrets else leaf)

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
        """Return the value in place of a masked secret; None if the live text is no mask of it."""
        values = self._values or {}
        value = _filled(split(spelling), values)
        is_applied = digest(self._salt, value) == seen
        if not hides(live, spelling, values if is_applied else {}):
            return None
        return value if is_applied else Unreadable(spelling, "" if self._values is None else seen)


def _blanked(value: Json) -> Json:
    """Return a value with empty texts in place of texts that may be masks."""
    return mapped(value, lambda leaf: _BLANK if isinstance(leaf, str) and may_be_masked(leaf) else leaf)


def mentioned(root: Path) -> frozenset[str]:
    """Return the names that YAML files of a tree mention, in comments too; scripts spell their own variables so."""
    places = [SETTINGS, OVERLAYS, *discovery.places(all_kinds())]
    files = (one.content for one in discovery.read_files(root, places, []) if one.file.endswith(".yaml"))
    return frozenset(name for text in files for name in names_in(text.decode("utf-8", "replace")))


def values_of_mentioned(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the environment variables that the YAML files of a tree mention, each with its reference."""
    values = {name: environ[name] for name in sorted(mentioned(root) & environ.keys())}
    return {value: f"${{env:{name}}}" for name, value in values.items() if value}


@dataclass(frozen=True)
class Former:
    """The texts that the inventory records as secrets.

    :param known: each with its reference, if the tree mentions all names in it.
    :param strange: the others, each with the first name that the tree does not mention.
    """

    known: Mapping[str, str] = field(default_factory=dict, repr=False)
    strange: Mapping[str, str] = field(default_factory=dict, repr=False)

    def renewed(self, desired: Resource, live: Resource) -> Resource:
        """Return a live resource with the current values of its former secrets; a value in the file is no secret."""
        values = _values(desired)
        former = {*texts(dict(live.document))} & self.known.keys() - {*texts(dict(desired.document))}
        parts = {text: split(self.known[text]) for text in former}
        now = {
            text: _filled(spelling, values)
            for text, spelling in parts.items()
            if all(part in values for part, is_reference in spelling if is_reference)
        }
        kind = kind_of(live.kind)
        form = mapped(
            kind.canonical(live.document), lambda leaf: now.get(leaf, leaf) if isinstance(leaf, str) else leaf
        )
        return kind.merge_live(live, live, cast("dict[str, Json]", form)) if now else live

    def require_known(self, desired: Resource | None, live: Resource) -> None:
        """Raise a DlsyncError if a live resource holds a strange secret that its file does not have in the clear."""
        there = {*texts(dict(desired.document))} if desired else set()
        for text in texts(dict(live.document)) if self.strange else ():
            if text in self.strange and text not in there:
                raise DlsyncError(_STRANGE.format(f"${{env:{visible(self.strange[text])}}}"))


def parted(former: Mapping[str, str], root: Path) -> Former:
    """Sort the recorded secrets by what the tree mentions; without any, the tree is not read."""
    names = mentioned(root) if former else frozenset()
    unknown = {text: next((one for one in names_in(how) if one not in names), None) for text, how in former.items()}
    strange = {text: name for text, name in unknown.items() if name is not None}
    return Former({text: how for text, how in former.items() if text not in strange}, strange)
