"""Plugins: a script ``plugins/**/<name>.<ext>``, byte for byte, and optionally ``<name>.meta.yaml`` beside it."""

import base64
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import takewhile
from pathlib import PurePosixPath
from shlex import quote
from types import MappingProxyType
from typing import cast

from dlsync.client import Client, ReadClient
from dlsync.diff.compare import compare
from dlsync.diff.list_match import same, token
from dlsync.diff.merge import merge
from dlsync.errors import AlreadyExists, BadAnswer, DlsyncError, NotFound, UnreadableResource
from dlsync.files import schema, yaml
from dlsync.files.ignored import FILE as IGNORE_FILE
from dlsync.files.names import is_settings_file, plugin_file, plugin_name
from dlsync.files.redaction import Redaction
from dlsync.model import Address, Code, FieldChange, Json, Path, Problem, Resource
from dlsync.resources.endpoint import CachedVersion, Listing
from dlsync.resources.file_format import ExportContext, Files, LoadContext, Loaded, SourceFile
from dlsync.resources.kind import Kind
from dlsync.resources.overlays import Overlays, edited, parse_mapping, placed, problems_of
from dlsync.state.inventory import LOCK, is_own_plugin, is_reserved
from dlsync.state.sealed_values import Seal, sealed

_META = ".meta.yaml"
_KNOWN = ("description", "interval", "params", "shellArgs", "type", "format")
# the API's documented defaults of settings; the server chooses the others
_DEFAULTS: Mapping[str, Json] = MappingProxyType(
    {"description": "", "interval": 30, "params": "", "shellArgs": "", "format": "NAGIOS"}
)
_RESERVED = (
    "`%s` is the name of one of dlsync's own plugins; choose another, "
    "or if this is an old client's backup, import it with `dlsync import-backup`"
)
_LONELY = "these settings belong to no plugin: expected a script of the same name beside them"
# what the file name and the bytes of the script say
_NO_SETTINGS = ("name", "extension", "content", "encoding")
_MISPLACED = "`%s` is not a setting, since the script's file says it; remove it"
_EXPECTED = "expected a mapping of settings, such as `interval: 60`"
# the fields of a plugin's document that its script and its file name say; all others are settings
_SCRIPT_FIELDS = ("content", "extension")
_NOT_KEPT = "it cannot be read, so a rollback could not put it back: run `dlsync plugins delete %s`, then apply again"
_NO_TEXT = "the live script of plugin/%s is not text and holds a secret, so no journal can hold it"
# endings and beginnings of files that an agent can run; other files may be leftovers
_SCRIPT = re.compile(r"(?i)\.(?:sh|bash|ksh|zsh|py|pl|rb|js|lua|php|awk|tcl|go|jar|ps1|bat|cmd|vbs|exe)\Z")
_PROGRAM = (b"#!", b"\x7fELF", b"MZ")
_TEST = re.compile(r"(?:\A|/)(?:test_[^/]*|[^/]*_test|conftest)\.py\Z")
_RETURN = re.compile(rb"#![^\n]*\r\n")  # as git writes it on Windows
_CANNOT_RUN = (
    "ends its first line in a carriage return, which Linux takes for a part of the program's name: save it with LF, "
    "and write `plugins/** -text` into .gitattributes; if agents can run it, write `!%s` into %s"
)
_DOUBT = "is read as a plugin, but %s; if it is none, name it in %s, else write `!%s` there"


@dataclass(frozen=True, slots=True)
class Script(Resource):
    """A plugin in the tree, with the file of its settings, if any."""

    meta: SourceFile | None = None


class Plugin(Kind):
    """Scripts in the Nagios way, with their settings."""

    name = "plugin"
    folder = "plugins"
    order = 10
    overlay_suffix = _META

    # files
    def read(self, sources: Sequence[SourceFile], context: LoadContext = LoadContext()) -> Loaded:
        sources = [one for one in sources if not (context.backup and is_own_plugin(PurePosixPath(one.file).name))]
        metas = {source.file.removesuffix(_META): source for source in sources if source.file.endswith(_META)}
        scripts = [source for source in sources if self._is_script(source.file, encoded=not context.backup)]
        if context.backup:  # the old client had no settings, so a file with such a name may be a script
            lonely = metas.keys() - {_without_extension(source.file) for source in scripts}
            scripts += [metas.pop(name) for name in sorted(lonely)]
        overlays = Overlays(self, context)
        found = [
            self._read_one(source, metas.pop(_without_extension(source.file), None), context, overlays)
            for source in scripts
        ]
        overlays.problems += [Problem(Code.UNUSED_SETTINGS, _LONELY, meta.file) for meta in metas.values()]
        overlays.require_taken()
        return [resource for resource in found if resource], overlays.problems

    def required_suffix(self, file: str) -> str:
        return _META if is_settings_file(file) else ""

    def misread_warning(self, source: SourceFile) -> str:
        file = source.file
        if _RETURN.match(source.content):
            return _CANNOT_RUN % (file, IGNORE_FILE)
        if not (source.content.strip() or is_settings_file(file)):  # as a full disk or a crash leaves it
            return _DOUBT % ("is empty", IGNORE_FILE, file)
        if _TEST.search(file):
            return _DOUBT % ("is named like a test", IGNORE_FILE, file)
        if _SCRIPT.search(file) or is_settings_file(file) or source.content.startswith(_PROGRAM):
            return ""
        return _DOUBT % ("neither its ending nor its first line (`#!`) is a script's", IGNORE_FILE, file)

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:
        if not self._is_script(file, encoded=encoded):
            return None
        return Address(self.name, plugin_name(file.rpartition("/")[2], encoded=encoded)[0])

    @staticmethod
    def _is_script(file: str, *, encoded: bool) -> bool:
        return not (is_settings_file(file) if encoded else file.endswith(_META))

    def _read_one(
        self, script: SourceFile, meta: SourceFile | None, context: LoadContext, overlays: Overlays
    ) -> Script | None:
        problems = overlays.problems
        try:
            name, extension = plugin_name(script.file.rpartition("/")[2], encoded=not context.backup)
        except DlsyncError as error:
            problems.append(Problem(Code.INVALID_NAME, error.message, script.file))
            return None
        if is_reserved(name):
            problems.append(Problem(Code.RESERVED_NAME, _RESERVED % name, script.file))
            return None
        base = parse_mapping(meta.file, meta.content, _EXPECTED, problems) if meta else {}
        overlay = overlays.over(name, base)
        document = overlay.patched.document if overlay else base or {}
        misplaced = [
            schema.Finding(Code.MISPLACED_SETTING, (one,), _MISPLACED % one) for one in _NO_SETTINGS if one in document
        ]
        settings = {field: value for field, value in document.items() if field not in _NO_SETTINGS}
        source = meta or SourceFile(script.file, b"")
        problems += problems_of(misplaced, source, overlay)
        resolved = overlays.resolve(source, settings, overlay)
        known: dict[str, Json] = {"extension": extension}
        new_document = partial(_document, script.content, {**known, **cast("dict[str, Json]", resolved.document)})
        return Script(
            Address(self.name, name),
            new_document if resolved.document is settings else new_document(),
            script.content,
            script.file,
            None if same(resolved.document, settings) else _document(script.content, {**known, **settings}),
            secrets=resolved.secrets,
            overlay=overlay,
            meta=meta,
        )

    def files(self, desired: Resource) -> tuple[str, ...]:
        meta = _meta(desired)
        return (desired.file, meta.file) if meta else (desired.file,)

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        # the script, or if only settings differ, their file
        if not diff or any(one.path[0] in _SCRIPT_FIELDS for one in diff):
            return desired.file, tuple(replace(one, line=_first_changed_line(one)) for one in diff)
        meta = _meta(desired)
        file, content = (meta.file, meta.content) if meta else (desired.file, b"")
        return placed(desired.overlay, file, content, diff)

    def new_files(self, live: Resource, stem: str, context: ExportContext = ExportContext()) -> Files:
        file = f"{self.folder}/{plugin_file(stem, str(live.document['extension']))}"
        settings = cast("dict[str, Json]", context.spelled(_settings(live.document)))
        return {file: live.body, **self._meta_file(file, settings)}

    def _meta_file(self, script: str, settings: Mapping[str, Json]) -> Files:
        canonical = self.canonical(settings)
        settings = {field: canonical[field] for field in _KNOWN if field in canonical}
        return {_without_extension(script) + _META: yaml.dump(settings)} if settings else {}

    def edited_files(self, desired: Resource, live: Resource, context: ExportContext = ExportContext()) -> Files:
        merged = edited(self, desired, live, context)
        files: dict[str, bytes | None] = {}
        script = desired.file
        if merged["extension"] != desired.document["extension"]:
            folder, slash, name = script.rpartition("/")
            files[script] = None
            script = folder + slash + plugin_file(_without_extension(name), str(merged["extension"]))
        if files or live.body != desired.body:
            files[script] = live.body
        meta, settings = _meta(desired), _settings(merged)
        if meta is None:
            return files | self._meta_file(script, settings)
        written = _settings(desired.overlay.base if desired.overlay else desired.spelled)
        content = meta.content if settings == written else yaml.rewrite(meta.content, settings, self.paired)
        new = _without_extension(script) + _META
        if new != meta.file:
            return files | {meta.file: None, new: content}
        return files if content == meta.content else {**files, new: content}

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        settings = redaction.value(_settings(desired.document))
        files = {desired.file: desired.body}
        if meta := _meta(desired):
            return files | {meta.file: yaml.rewrite(meta.content, settings, self.paired)}
        return files | ({_without_extension(desired.file) + _META: yaml.dump(settings)} if settings else {})

    # canonical form
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        owned = schema.known_at(self.name, ()).owned
        return {
            field: value
            for field, value in document.items()
            if value is not None and field not in owned and value != _DEFAULTS.get(field)
        }

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        base = replace(desired, written=None, overlay=None)
        document = merge(self, base, canonical)
        body = desired.body if document["content"] == desired.document["content"] else live.body
        return replace(base, given=document, body=body)

    def fingerprint_source(self, desired: Resource) -> bytes:
        settings = {field: value for field, value in desired.document.items() if field != "content"}
        return token(settings).encode("utf-8", "surrogatepass") + desired.body

    def metric_prefix(self, name: str) -> str:
        return f"{name}."

    def is_server_managed(self, path: Path, field: str) -> bool:
        return not path and field not in _SCRIPT_FIELDS and field not in _DEFAULTS

    def dropped_by_update(self, unknown_fields: Sequence[Path]) -> Sequence[Path]:
        return ()  # PATCH changes the fields that it names

    def deleted_with(self, name: str) -> tuple[Address, ...]:
        return (Address("link", name),)

    # journal
    def to_journal(self, live: Resource, seal: Seal) -> dict[str, Json]:
        if live.unreadable:
            raise DlsyncError(_NOT_KEPT % quote(live.name))
        fields = {field: sealed(value, seal) for field, value in live.document.items()}
        if not isinstance(live.document["content"], str):
            text = live.body.decode("utf-8", "replace")
            if sealed(text, seal) != text:
                raise DlsyncError(_NO_TEXT % live.name)
            fields["content"] = {"base64": base64.b64encode(live.body).decode()}
        return fields

    def from_journal(self, name: str, saved: Mapping[str, Json]) -> Resource:
        body = None
        match saved.get("content"):
            case str(text):
                body = text.encode("utf-8", "replace")
            case {"base64": str(text)}:
                with suppress(ValueError):
                    body = base64.b64decode(text, validate=True)
        if body is None:
            raise DlsyncError(f"the journal holds no script of plugin/{name}")
        document = {field: value for field, value in saved.items() if field in _KNOWN}
        document |= {"content": content_value(body), "extension": saved.get("extension", "")}
        return Resource(Address(self.name, name), document, body)

    # server calls
    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        bad: list[BadAnswer] = []
        entries = await client.plugins.list(bad.append)
        # the documented response is a copy of the links, which omit plugins without links
        whole = bool(entries) and not bad and not any("tags" in entry.extra for entry in entries)
        named = {entry.name: entry.etag for entry in entries if not is_reserved(entry.name)}
        unlocked = whole and all(entry.name != LOCK for entry in entries)
        faults = tuple(error.message for error in bad)
        return Listing((), frozenset(named), complete=whole, versions=named, faults=faults, unlocked=unlocked)

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = CachedVersion()) -> Resource | None:
        if is_reserved(name):
            return None
        address = Address(self.name, name)
        try:
            found = await client.plugins.get(name, known.etag)
        except NotFound:
            return None
        except UnreadableResource as error:
            return Resource(address, {"content": "", "extension": ""}, unreadable=error.message)
        if str(found.extra.get("id")) == name != found.name:  # servers accept an id in place of a name
            return None
        body = known.body if known.body == found.content else found.content  # in memory once if it equals the file
        fields = {**found.extra, "extension": found.extension}
        return Resource(address, partial(_document, body, fields), body, etag=found.etag)

    async def create(self, client: Client, desired: Resource) -> None:
        settings, extension = self._sent_settings(desired), str(desired.document["extension"])
        try:
            await client.plugins.create(desired.name, extension, desired.body, **settings)
        except AlreadyExists:  # perhaps this create, whose answer was lost
            found = await self.fetch(client, desired.name)
            if found is None or compare(self, desired, found).diff:
                raise

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        fields = sorted({str(one.path[0]) for one in diff} - {"content"})
        document = {**_DEFAULTS, **self._sent_settings(desired), "extension": desired.document["extension"]}
        await client.plugins.update(desired.name, desired.body, **{field: document[field] for field in fields})

    def _sent_settings(self, desired: Resource) -> dict[str, Json]:
        """Return the settings of the files, defaults too: the server's defaults may differ."""
        owned = schema.known_at(self.name, ()).owned
        settings = _settings(desired.document)
        return {field: value for field, value in settings.items() if value is not None and field not in owned}

    async def delete(self, client: Client, name: str) -> None:
        with suppress(NotFound):
            await client.plugins.delete(name)


KIND = Plugin()


def _meta(desired: Resource) -> SourceFile | None:
    return desired.meta if isinstance(desired, Script) else None


def _settings(document: Mapping[str, Json]) -> dict[str, Json]:
    return {field: value for field, value in document.items() if field not in _SCRIPT_FIELDS}


def _document(body: bytes, fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return the document of a script and its settings; made on demand, so that each text is in memory once."""
    return {"content": content_value(body), **fields}


def content_value(content: bytes) -> Json:
    """Return a script as text, which can be compared line by line, or the digest of binary content."""
    with suppress(UnicodeDecodeError):
        if "\0" not in (text := content.decode()):
            return text
    return {"sha256": sha256(content).hexdigest()}


def _without_extension(file: str) -> str:
    folder, slash, name = file.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return f"{folder}{slash}{stem}" if dot else file


def _first_changed_line(difference: FieldChange) -> int | None:
    """Return the first line in which a script differs; None for other differences."""
    before, after = difference.before, difference.after
    if difference.path != ("content",) or not isinstance(before, str) or not isinstance(after, str):
        return None
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
