"""What dashboards and rules share: one resource is one YAML document in one file, sent as the user's own text."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from dlsync.diff.list_match import ITEM, UNKNOWN_LIST, ListMatching, anywhere, match, same
from dlsync.diff.merge import merge
from dlsync.errors import DlsyncError, ManualActionRequired, NotFound, Unsupported
from dlsync.files import schema, yaml
from dlsync.files.interpolation import plain
from dlsync.files.names import resource_name
from dlsync.messages import visible
from dlsync.model import Address, Problem, Resource
from dlsync.resources.context import (
    BARE,
    BLANK,
    UNKNOWN,
    CachedVersion,
    ExportContext,
    LoadContext,
    Reference,
    SourceFile,
)
from dlsync.resources.kind import Kind
from dlsync.resources.overlays import Overlays, edited, placed, read_references
from dlsync.state.sealed_values import sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.client.response import Versioned
    from dlsync.diff.merge_key import MergeKey
    from dlsync.files.interpolation import Interpolated
    from dlsync.files.redaction import Redaction
    from dlsync.model import Document, FieldChange, Json, Overlay, Path
    from dlsync.resources.context import ReferenceSort
    from dlsync.state.sealed_values import Seal


@lru_cache(maxsize=1)
def _unpacked(text: str) -> Mapping[str, Json]:
    """Parse a document; who looks into one, as an export does, looks again before it turns to the next."""
    return cast("dict[str, Json]", json.loads(text))


class AsJson:
    """A document; called, it is given.

    :param packed: keep it as text, a fifth of the size, which takes 20 µs and as much to undo.
    """

    __slots__ = ("_document", "_text")

    def __init__(self, document: Mapping[str, Json], *, packed: bool = False) -> None:
        self._document = None if packed else document
        self._text = json.dumps(document) if packed else ""

    def __call__(self) -> Mapping[str, Json]:
        """Return the document."""
        return _unpacked(self._text) if self._document is None else self._document

    def says(self, document: Mapping[str, Json]) -> bool:
        """Whether another document is the same, in the order of its keys too."""
        return (self._text or json.dumps(self._document)) == json.dumps(dict(document))


class AsYaml:
    """A document that was read from a text; called, it is given.

    :param keep: keep the document too; otherwise the text is parsed again, as thousands of documents take much memory.
    """

    __slots__ = ("_digest", "_document", "_text")

    def __init__(self, text: bytes, document: dict[str, Json], *, keep: bool = False) -> None:
        self._text = text
        self._document = document if keep else None
        # 10 us: a server that writes YAML in its own way is then compared without parsing the file again
        self._digest = blake2b(_encode(document).encode(), digest_size=16).digest()

    def __call__(self) -> Mapping[str, Json]:
        """Return the document."""
        return _parsed(self._text) if self._document is None else self._document

    def is_same(self, other: AsYaml) -> bool:
        """Whether the other text means the same, in whatever order its keys are; 1, 1.0 and true differ."""
        return self._digest == other._digest


def _is_same_yaml(one: Document, other: Document) -> bool:
    return isinstance(one, AsYaml) and isinstance(other, AsYaml) and one.is_same(other)


class Exports(Protocol):
    """A family of the API that gives documents."""

    async def read(self, name: str, unless: str = "") -> Versioned[bytes]:
        """Return one document as YAML."""


class Imports(Protocol):
    """A family of the API that takes documents."""

    async def put(self, name: str, body: bytes) -> None:
        """Create or replace one document."""

    async def delete(self, name: str) -> None:
        """Delete one document."""


_COLLECTIONS = (dict, list)
_encode = json.JSONEncoder(sort_keys=True).encode


class DocumentKind(Kind):
    """A kind whose files are ``<folder>/**/<name>.yaml``.

    ``lists`` and ``closed`` are keyed by paths with :data:`ITEM` for list positions. ``closed`` are the mappings in
    which every field counts; in the others that the schema knows, a server may add fields of its own. ``either`` are
    the lists that may be one value instead. ``overlaid`` are the lists whose items an overlay can mean.
    """

    overlay_suffix = ".yaml"
    sends_yaml = True
    overlaid: ClassVar[Mapping[Path, MergeKey]] = {}
    either: ClassVar[frozenset[Path]] = frozenset()
    lists: ClassVar[Mapping[Path, ListMatching]]
    closed: ClassVar[frozenset[Path]]

    def read(self, sources: Sequence[SourceFile], scene: LoadContext = BARE) -> tuple[list[Resource], list[Problem]]:
        """Parse and check each file; see :meth:`Kind.read`."""
        resources: list[Resource] = []
        problems: list[Problem] = []
        overlays = Overlays(self, scene)
        for source in sources:
            resource, found = self._read_one(source, scene, overlays)
            problems += found
            resources += [resource] if resource else []
        return resources, [*problems, *overlays.problems, *overlays.left()]

    def required_suffix(self, file: str) -> str:  # noqa: ARG002 - all end so
        """Return that of YAML; see :meth:`Kind.required_suffix`."""
        return self.overlay_suffix

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:
        """Return the resource of a YAML file; see :meth:`Kind.address_from_path`."""
        stem, dot, suffix = file.rpartition("/")[2].rpartition(".")
        if not stem or dot + suffix != self.overlay_suffix:
            return None
        return Address(self.name, resource_name(stem, encoded=encoded))

    def _read_one(
        self, source: SourceFile, scene: LoadContext, overlays: Overlays
    ) -> tuple[Resource | None, list[Problem]]:
        try:
            address = self.address_from_path(source.file, encoded=not scene.backup)
        except DlsyncError as error:
            return None, [Problem("error", error.message, source.file)]
        if address is None:
            return None, []
        written, problems = self._parsed(source)
        overlay = overlays.over(address.name, written)
        if written is None:
            return None, problems
        document = overlay.laid.document if overlay else written
        resolved, problems = read_references(self.name, source, document, scene.values, overlay)
        return self._resource(address, source, document, resolved, overlay), problems

    def _parsed(self, source: SourceFile) -> tuple[dict[str, Json] | None, list[Problem]]:
        try:
            written = yaml.parse(source.content, source.file)
        except yaml.InvalidYaml as error:
            return None, [error.problem]
        if isinstance(written, dict):
            return written, []
        return None, [Problem("error", self._not_a_mapping(written), source.file, 1)]

    def _resource(
        self,
        address: Address,
        source: SourceFile,
        written: dict[str, Json],
        resolved: Interpolated,
        overlay: Overlay | None,
    ) -> Resource:
        if overlay is None and (resolved.document is written or same(resolved.document, written)):
            return Resource(address, AsYaml(source.content, written), source.content, source.file)
        return Resource(
            address,
            cast("dict[str, Json]", resolved.document),
            self._rewritten(source.content, resolved.document),
            source.file,
            written,
            source.content,
            resolved.secrets,
            overlay,
        )

    def _not_a_mapping(self, document: Json) -> str:
        found = "nothing" if document is None else "a list" if isinstance(document, list) else "a single value"
        return f"expected a {self.name}, a mapping that begins with `title:`, but the file holds {found}"

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Look the paths up in the file's text; see :meth:`Kind.located`."""
        diff = self.as_written(desired, diff)
        lines = yaml.positions(desired.text) if diff else {}
        if desired.overlay and diff:
            return placed(desired.overlay, desired.file, diff, lambda one: _line(lines, one))
        return desired.file, tuple(replace(one, line=_line(lines, one)) for one in diff)

    def new_files(self, live: Resource, stem: str, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Write the document in the house style, without what the server owns."""
        document = schema.arranged(self.name, live.document)
        content = yaml.dump(document)
        if draft.respells(content):
            content = yaml.dump(draft.spelled(document))
        return {f"{self.folder}/{stem}.yaml": content}

    def edited_files(self, desired: Resource, live: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Write the live side into the file's own text."""
        return {desired.file: self._rewritten(desired.text, edited(self, desired, live, draft))}

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        """Write what is sent into the file's own text; see :meth:`Kind.sent_files`."""
        return {desired.file: self._rewritten(desired.text, redaction.value(dict(desired.document)))}

    def _rewritten(self, text: bytes, document: Json) -> bytes:
        """Write a document into a text whose items it matches as the differ does."""
        return yaml.rewrite(text, plain(document), self._paired)

    def _paired(self, path: Path, before: list[Json], after: list[Json]) -> tuple[tuple[int, int], ...]:
        at = (*anywhere(path), ITEM)
        old, new = ([self._canonical(item, at) for item in items] for items in (before, after))
        return match(old, new, self.list_rule(path)).pairs

    def identical(self, desired: Resource, live: Resource) -> bool:
        """Whether the server sent the file's own text, another of the same meaning, or JSON of the same text."""
        if isinstance(live.given, AsJson):
            return live.given.says(desired.document)
        return desired.body == live.body or _is_same_yaml(desired.given, live.given)

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Drop defaults and what the server owns; see :meth:`Kind.canonical`."""
        return self._canonical_mapping(document, ())

    def _canonical(self, value: Json, at: Path) -> Json:
        if isinstance(value, dict):
            return self._canonical_mapping(value, at)
        if isinstance(value, list):
            if len(value) == 1 and at in self.either:
                return value[0]
            inner = (*at, ITEM)
            return [self._canonical(item, inner) for item in value]
        return value

    def _canonical_mapping(self, mapping: Mapping[str, Json], at: Path) -> dict[str, Json]:
        known = schema.known_at(self.name, at)
        owned, defaults, nullable = known.owned, known.defaults, known.nullable
        result: dict[str, Json] = {}
        for field, value in self.flattened(at, mapping).items():
            if field in owned or (value is None and field in nullable):
                continue
            if field in defaults and same(value, defaults[field]):
                continue
            result[field] = self._canonical(value, (*at, field)) if isinstance(value, _COLLECTIONS) else value
        return result

    def live(self, name: str, body: bytes, known: bytes | None = None, etag: str = "") -> Resource:
        """Return the live resource that an export holds; one that is not YAML, or not a mapping, is unreadable.

        :param known: the text of a file; an export of the same text is not parsed again.
        :param etag: of the export.
        """
        address = Address(self.name, name)
        if body == known:
            return Resource(address, partial(_parsed, known), known, etag=etag)
        try:
            document = yaml.parse(body)
        except yaml.InvalidYaml as error:
            return Resource(address, {}, body, etag=etag, unreadable=f"what the server sent is not YAML: {error}")
        if not isinstance(document, dict):
            return Resource(address, {}, body, etag=etag, unreadable="what the server sent is not a mapping")
        return Resource(address, AsYaml(body, document, keep=True), body, etag=etag)

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:  # noqa: ARG002 - the form says all
        """Write what it is to mean into the user's own text; see :meth:`Kind.blended`."""
        base = replace(desired, written=None, source=None, overlay=None)
        document = merge(self, base, canonical)
        return replace(base, given=document, body=self._rewritten(desired.body, document))

    def references(self, desired: Resource) -> Iterator[Reference]:
        """Yield each ``metric`` in the document, each of ``metrics``, and the tags of each ``scope``."""
        return _references(dict(desired.document), ())

    def saved(self, live: Resource, seal: Seal) -> dict[str, Json]:
        """Return the text, or where there is a secret in it, which YAML may spell in many ways, the document."""
        if live.unreadable:
            return {"broken": sealed(live.body.decode("utf-8", "surrogateescape"), seal)}
        text, document = live.body.decode("utf-8", "replace"), dict(live.document)
        is_all = bool(text) and text.encode() == live.body  # a text of another encoding is none for JSON
        safe = sealed(document, seal)
        return {"text": text} if is_all and safe == document and sealed(text, seal) == text else {"document": safe}

    def restored(self, name: str, saved: Mapping[str, Json]) -> Resource:
        """Read the text, or write the document; see :meth:`Kind.restored`."""
        match saved:
            case {"document": dict(document)}:
                return Resource(Address(self.name, name), document, yaml.dump(document))
            case {"text": str(text)}:
                live = self.live(name, text.encode("utf-8", "replace"))
                if not live.unreadable:
                    return live
            case {"broken": str(text)}:
                return self.live(name, text.encode("utf-8", "surrogateescape"))
        raise DlsyncError(f"the journal holds no document of {self.name}/{name}")

    def list_rule(self, path: Path) -> ListMatching:
        """Return the kind's own rule for the list, or the one for lists that nothing is known of."""
        return self.lists.get(anywhere(path), UNKNOWN_LIST)

    def item_key(self, path: Path) -> MergeKey | None:
        """Return what names the items of one of the lists in ``overlaid``."""
        return self.overlaid.get(anywhere(path))

    def is_server_managed(self, path: Path, field: str) -> bool:
        """Whether the server may have added the field: one that no schema knows, where servers add their own."""
        known = schema.fields_at(self.name, path)
        return known is not None and field not in known and anywhere(path) not in self.closed


def _line(lines: Mapping[Path, tuple[int, int]], one: FieldChange) -> int | None:
    """Return the line of what differs; what the file lacks is placed where it would be."""
    return yaml.nearest(lines, one.path[:-1] if one.op == "remove" else one.path)[0]


def _parsed(content: bytes) -> Mapping[str, Json]:
    """Return the mapping that a text was found to hold when it was read."""
    return cast("dict[str, Json]", yaml.parse(content))


def _references(value: Json, path: Path) -> Iterator[Reference]:
    if isinstance(value, dict):
        yield from _named("metric", value.get("metric"), (*path, "metric"))
        yield from _named("metric", value.get("metrics"), (*path, "metrics"))
        if isinstance(scope := value.get("scope"), dict):
            yield from _named("tag", scope.get("tag"), (*path, "scope", "tag"))
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, dict | list):
            yield from _references(item, (*path, key))


def _named(sort: ReferenceSort, value: Json, path: Path) -> Iterator[Reference]:
    if isinstance(value, str):
        yield Reference(sort, value, path)
    elif isinstance(value, list):
        yield from (Reference(sort, one, (*path, at)) for at, one in enumerate(value) if isinstance(one, str))


class ExchangedKind(DocumentKind):
    """A kind of document, with the families of the API that it comes from and goes to."""

    @abstractmethod
    def exports(self, client: ReadClient) -> Exports:
        """Return the family that documents come from."""

    @abstractmethod
    def imports(self, client: Client) -> Imports:
        """Return the family that documents go to."""

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = UNKNOWN) -> Resource | None:
        """GET the document by its name."""
        try:
            found = await self.exports(client).read(name, known.etag)
            return self.live(name, found.content, known.body, found.etag)
        except NotFound:
            return None

    async def create(self, client: Client, desired: Resource) -> None:
        """PUT the user's own text."""
        await self.imports(client).put(desired.name, desired.body)

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:  # noqa: ARG002 - PUT replaces all of it
        """PUT the user's own text."""
        await self.imports(client).put(desired.name, desired.body)

    async def delete(self, client: Client, name: str) -> None:
        """DELETE the document, observed."""
        try:
            await self.imports(client).delete(name)
        except NotFound:
            pass
        except Unsupported as error:
            message = f"this server cannot delete {self.folder}: delete {self.name} `{visible(name)}` by hand"
            raise ManualActionRequired(message) from error
