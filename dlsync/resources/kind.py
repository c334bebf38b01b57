"""A kind of resource: its files, its rules of comparison, its endpoint, and what connects them.

Each kind is a module of this package. Code outside of it asks the kind, and never compares its name. Only accounts have
functions of their own (``account.in_use``, ``account.deletions``).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Literal, NamedTuple

from dlsync.diff.list_match import match
from dlsync.diff.rules import Rules
from dlsync.files import schema
from dlsync.messages import counted, in_full
from dlsync.model import Address, FieldChange, Item, Json, Path, Resource
from dlsync.resources.endpoint import Endpoint
from dlsync.resources.file_format import FileFormat
from dlsync.state.sealed_values import Seal

_ITEM_DEPTH = 2
_FIRST_LINES = 8


class Reference(NamedTuple):
    """A metric or a tag that a document names, at a path in the file."""

    sort: Literal["metric", "tag"]
    name: str
    path: Path


class Kind(FileFormat, Rules, Endpoint):
    """A kind of resource. ``order`` is its step in an apply, from 0; deletes go the other way."""

    order: ClassVar[int]
    # a sentence for an item of the list at a path
    item_sentences: ClassVar[Mapping[Path, Callable[[dict[str, Json]], str]]] = {}

    def deleted_with(self, name: str) -> tuple[Address, ...]:
        """Return the resources that the server deletes together with this one, if they exist."""
        return ()

    def needs(self, desired: Resource) -> tuple[Address, ...]:
        """Return the resources that this one needs."""
        return ()

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        """Return the resource to send for a canonical form, each field of which is from one of the sides."""
        return desired

    def schema_findings(self, live: Resource) -> list[schema.Finding]:
        """Return what the kind's schema finds wrong in a live resource, so that no file may hold it."""
        if schema.allows(self.name, dict(live.document)):
            return []
        return schema.check(self.name, self.canonical(live.document))

    def fingerprint_source(self, desired: Resource) -> bytes:
        """Return bytes that differ if the files of the resource differ."""
        return desired.body

    def outline(self, path: Path, value: Json) -> Iterator[str]:
        """Yield lines that summarize a canonical value, of any type, that is added or removed at a path."""
        if (sentence := self.item_sentences.get(path[:1])) and len(path) <= _ITEM_DEPTH:
            items = value if isinstance(value, list) else [value]
            yield from (sentence(item) for item in items if isinstance(item, dict))
        elif isinstance(value, str) and "\n" in value:
            lines = value.removesuffix("\n").split("\n")
            yield from lines[:_FIRST_LINES]
            if (more := len(lines) - _FIRST_LINES) > 0:
                yield f"... {counted(more, 'more line')}"

    def items(self, before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[FieldChange]:
        """Yield each item of the lists that have sentences, as a difference even if both sides are equal."""
        for path in self.item_sentences:
            old, new = (
                [*side] if isinstance(side := document.get(str(path[0])), list) else [] for document in (before, after)
            )
            matching = match(new, old, self.list_rule(path))
            pairs: dict[int, int | None] = dict(matching.pairs)
            for place, item in enumerate(new):
                at = pairs.get(place)
                yield FieldChange((*path, place), *(("add", None) if at is None else ("replace", old[at])), item)
            yield from (FieldChange((*path, place), "remove", before=old[place]) for place in matching.removed)

    def item(self, path: Path, value: Json) -> Item:
        """Return a canonical item of the list at a path, of any type, for display."""
        return Item(self.item_sentences[path[:1]](value) if isinstance(value, dict) else in_full(value))

    def without_place(self, value: Json) -> Json:
        """Return an item without the fields of its place."""
        return value

    def references(self, desired: Resource) -> Iterator[Reference]:
        """Yield the metrics and tags that the resource names."""
        yield from ()

    def metrics(self, desired: Resource) -> Iterator[str]:
        """Yield the metrics that the resource uses."""
        return (one.name for one in self.references(desired) if one.sort == "metric")

    def metric_prefix(self, name: str) -> str:
        """Return the prefix of the names of its metrics; empty if it has none."""
        return ""

    def to_journal(self, live: Resource, seal: Seal) -> dict[str, Json]:
        """Return what a journal stores of a live resource, for :meth:`from_journal`.

        :param seal: takes secrets out; see :mod:`dlsync.state.sealed_values`.
        :raises DlsyncError: it holds a secret that cannot be taken out.
        """
        return {}

    def from_journal(self, name: str, saved: Mapping[str, Json]) -> Resource:
        """Return the resource of :meth:`to_journal`, with its secrets.

        :raises DlsyncError: the journal holds no resource of this kind.
        """
        return Resource(Address(self.name, name), {})
