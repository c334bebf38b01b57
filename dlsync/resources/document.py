"""The base of dashboards and rules: one resource is one YAML document in one file, sent as the user wrote it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Literal, cast

import msgspec

from dlsync.client import Client, ReadClient
from dlsync.diff.list_match import ITEM, anywhere, same
from dlsync.diff.merge import merge
from dlsync.errors import DlsyncError, ManualActionRequired, NotFound, Unsupported
from dlsync.files import schema, yaml
from dlsync.files.interpolation import plain, referenced
from dlsync.files.names import resource_name
from dlsync.files.redaction import Redaction
from dlsync.messages import in_full, visible
from dlsync.model import Address, Code, FieldChange, Json, Path, Problem, Resource
from dlsync.resources.endpoint import CachedVersion
from dlsync.resources.file_format import ExportContext, Files, LoadContext, Loaded, SourceFile
from dlsync.resources.kind import Kind, Reference
from dlsync.resources.overlays import Overlays, edited, parse_mapping, placed
from dlsync.state.sealed_values import Seal, sealed

_SHOWN = 80  # characters
_EXPECTED = "expected a {}, a mapping that begins with `title:`, but the file holds %s"


class DocumentKind(Kind):
    """A kind whose files are ``<folder>/**/<name>.yaml``; the API's endpoint has the name of the folder.

    ``closed`` are the mappings in which every field counts; to other mappings of the schema, a server may add fields.
    ``either`` are the lists that may be one value instead.
    """

    overlay_suffix = ".yaml"
    sends_yaml = True
    create_overwrites = True
    either: ClassVar[frozenset[Path]] = frozenset()
    closed: ClassVar[frozenset[Path]]

    # files
    def read(self, sources: Sequence[SourceFile], context: LoadContext = LoadContext()) -> Loaded:
        overlays = Overlays(self, context)
        found = [self._read_one(source, context, overlays) for source in sources]
        overlays.require_taken()
        return [resource for resource in found if resource], overlays.problems

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:
        stem, dot, suffix = file.rpartition("/")[2].rpartition(".")
        if not stem or dot + suffix != self.overlay_suffix:
            return None
        return Address(self.name, resource_name(stem, encoded=encoded))

    def _read_one(self, source: SourceFile, context: LoadContext, overlays: Overlays) -> Resource | None:
        problems = overlays.problems
        try:
            address = self.address_from_path(source.file, encoded=not context.backup)
        except DlsyncError as error:
            problems.append(Problem(Code.INVALID_NAME, error.message, source.file))
            return None
        if address is None:
            return None
        written = parse_mapping(source.file, source.content, _EXPECTED.format(self.name), problems)
        overlay = overlays.over(address.name, written)
        if written is None:
            return None
        document = overlay.patched.document if overlay else written
        resolved = overlays.resolve(source, document, overlay)
        is_plain = resolved.document is document or (
            same(resolved.document, document) and not any(referenced(resolved.document))
        )
        if overlay is None and is_plain:
            # few of thousands of documents are needed again: JSON is small, and is parsed in a seventh of the time
            packed = msgspec.json.encode(written)
            return Resource(address, partial(msgspec.json.decode, packed), source.content, source.file)
        return Resource(
            address,
            cast("dict[str, Json]", resolved.document),
            self._rewritten(source.content, resolved.document),
            source.file,
            document,
            source.content,
            resolved.secrets,
            overlay,
        )

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        return placed(desired.overlay, desired.file, desired.text, self.as_written(desired, diff))

    def new_files(self, live: Resource, stem: str, context: ExportContext = ExportContext()) -> Files:
        document = context.spelled(schema.arranged(self.name, live.document))
        return {f"{self.folder}/{stem}.yaml": yaml.dump(document)}

    def edited_files(self, desired: Resource, live: Resource, context: ExportContext = ExportContext()) -> Files:
        return {desired.file: self._rewritten(desired.text, edited(self, desired, live, context))}

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        return {desired.file: self._rewritten(desired.text, redaction.value(dict(desired.document)))}

    def _rewritten(self, text: bytes, document: Json) -> bytes:
        """Write a document into a text; list items are paired as the differ does."""
        return yaml.rewrite(text, plain(document), self.paired)

    def paired(self, path: Path, before: Sequence[Json], after: Sequence[Json]) -> Sequence[tuple[int, int]]:
        at = (*anywhere(path), ITEM)
        return super().paired(path, *([self._canonical(item, at) for item in items] for items in (before, after)))

    # canonical form
    def identical(self, desired: Resource, live: Resource) -> bool:
        return desired.body == live.body

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        return cast("dict[str, Json]", self._canonical(dict(document), ()))

    def _canonical(self, value: Json, at: Path) -> Json:
        if isinstance(value, list):
            if len(value) == 1 and at in self.either:
                return value[0]
            return [self._canonical(item, (*at, ITEM)) for item in value]
        if not isinstance(value, dict):
            return value
        known = schema.known_at(self.name, at)
        return {
            field: self._canonical(inner, (*at, field)) if isinstance(inner, (dict, list)) else inner
            for field, inner in self.flattened(at, value).items()
            if field not in known.owned
            and not (inner is None and field in known.nullable)
            and not (field in known.defaults and same(inner, known.defaults[field]))
        }

    def is_server_managed(self, path: Path, field: str) -> bool:
        known = schema.known_at(self.name, path)
        return bool(known.fields) and field not in known.writable() and anywhere(path) not in self.closed

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        base = replace(desired, written=None, source=None, overlay=None)
        document = merge(self, base, canonical)
        return replace(base, given=document, body=self._rewritten(desired.body, document))

    def references(self, desired: Resource) -> Iterator[Reference]:
        return _references(dict(desired.document), ())

    # journal
    def to_journal(self, live: Resource, seal: Seal) -> dict[str, Json]:
        # YAML may spell a secret in many ways, so a text with a secret is saved as its document
        if live.unreadable:
            return {"broken": sealed(live.body.decode("utf-8", "surrogateescape"), seal)}
        text, document = live.body.decode("utf-8", "replace"), dict(live.document)
        is_all = bool(text) and text.encode() == live.body  # JSON cannot hold a text of another encoding
        safe = sealed(document, seal)
        return {"text": text} if is_all and safe == document and sealed(text, seal) == text else {"document": safe}

    def from_journal(self, name: str, saved: Mapping[str, Json]) -> Resource:
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

    # server calls
    def _endpoint(self, client: ReadClient) -> Any:
        return getattr(client, self.folder)

    def live(self, name: str, body: bytes, known: bytes | None = None, etag: str = "") -> Resource:
        """Return the live resource of an export; an export that is not YAML, or no mapping, is unreadable.

        :param known: the text of the file; an export with the same text is not parsed.
        """
        address = Address(self.name, name)
        if body == known:
            # parsed on demand, so that thousands of documents are not in memory
            parsed = cast("Callable[[], dict[str, Json]]", partial(yaml.parse, known))
            return Resource(address, parsed, known, etag=etag)
        try:
            document = yaml.parse(body)
        except yaml.InvalidYaml as error:
            return Resource(address, {}, body, etag=etag, unreadable=f"what the server sent is not YAML: {error}")
        if not isinstance(document, dict):
            return Resource(address, {}, body, etag=etag, unreadable="what the server sent is not a mapping")
        fields = schema.known_at(self.name, ()).fields
        if document and fields.keys().isdisjoint(document):  # such as the error of a gateway with status 200
            sent = visible(", ".join(document)[:_SHOWN])
            unreadable = f"what the server sent is not a {self.name}: it has none of its fields, but {sent}"
            return Resource(address, {}, body, etag=etag, unreadable=unreadable)
        return Resource(address, document, body, etag=etag)

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = CachedVersion()) -> Resource | None:
        try:
            found = await self._endpoint(client).read(name, known.etag)
        except NotFound:
            return None
        return self.live(name, found.content, known.body, found.etag)

    async def create(self, client: Client, desired: Resource) -> None:
        await self._endpoint(client).put(desired.name, desired.body)

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        await self._endpoint(client).put(desired.name, desired.body)

    async def delete(self, client: Client, name: str) -> None:
        try:
            await self._endpoint(client).delete(name)
        except NotFound:
            pass
        except Unsupported as error:
            message = f"this server cannot delete {self.folder}: delete {self.name} `{visible(name)}` by hand"
            raise ManualActionRequired(message) from error


def _references(value: dict[str, Json] | list[Json], path: Path) -> Iterator[Reference]:
    """Yield each ``metric`` in a document, each of ``metrics``, and the tags of each ``scope``."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if key in {"metric", "metrics"}:
            yield from _named("metric", item, (*path, key))
        elif key == "tag" and path[-1:] == ("scope",):
            yield from _named("tag", item, (*path, key))
        if isinstance(item, (dict, list)):  # takes half the time of `dict | list`, and runs for every value
            yield from _references(item, (*path, key))


def _named(sort: Literal["metric", "tag"], value: Json, path: Path) -> Iterator[Reference]:
    if isinstance(value, str):
        yield Reference(sort, value, path)
    elif isinstance(value, list):
        yield from (Reference(sort, one, (*path, at)) for at, one in enumerate(value) if isinstance(one, str))


def as_text(value: Json) -> str:
    """Return a text unchanged, the items of a list with commas between them, and any other value as JSON."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return value if isinstance(value, str) else in_full(value)


def duration(seconds: Json) -> str:
    """Return a number of seconds in the largest unit that divides it: ``5 min``."""
    for size, unit in ((3600, "h"), (60, "min")):
        if isinstance(seconds, int) and seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{as_text(seconds)} s"


def scope(of: Json) -> str:
    """Return `` on tag web and agents a, b``; empty if there is no scope."""
    if not isinstance(of, dict):
        return ""
    parts = [f"{name}{'s' if isinstance(value, list) else ''} {as_text(value)}" for name, value in of.items() if value]
    return f" on {' and '.join(parts)}" if parts else ""


def rest(mapping: Mapping[str, Json], mentioned: frozenset[str]) -> str:
    """Return the fields that a sentence does not mention: ``, jitter 3``."""
    return "".join(f", {name} {as_text(value)}" for name, value in mapping.items() if name not in mentioned)
