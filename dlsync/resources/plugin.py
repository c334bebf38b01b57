"""Plugins: ``plugins/**/<name>.<ext>``, byte for byte, and beside it, optionally, ``<name>.meta.yaml``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from dlsync.diff.compare import compare
from dlsync.diff.list_match import ListMatching, same, token
from dlsync.diff.merge import merge
from dlsync.errors import AlreadyExists, DlsyncError, NotFound, UnreadableResource
from dlsync.files import schema, yaml
from dlsync.files.names import is_settings_file, plugin_file, plugin_name
from dlsync.model import Address, Problem, Resource
from dlsync.resources import plugin_files
from dlsync.resources.context import (
    BARE,
    BLANK,
    UNKNOWN,
    CachedVersion,
    ExportContext,
    Listing,
    LoadContext,
    SourceFile,
    messages_of,
)
from dlsync.resources.kind import Kind
from dlsync.resources.overlays import Overlays, edited, placed
from dlsync.resources.plugin_files import (
    DEFAULTS,
    META,
    SCRIPT,
    Script,
    content_value,
    edited_meta,
    first_changed_line,
    meta_file,
    restored_script,
    saved_script,
    with_script,
    without_extension,
)
from dlsync.state.inventory import LOCK, is_own_plugin, is_reserved
from dlsync.state.sealed_values import sealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.errors import BadAnswer
    from dlsync.files.redaction import Redaction
    from dlsync.model import FieldChange, Json, Path
    from dlsync.state.sealed_values import Seal


_NOT_KEPT = "it cannot be read, so a rollback could not put it back: run `dlsync plugins delete %s`, then apply again"


class Plugin(Kind):
    """Scripts in the Nagios way, with their settings."""

    name = "plugin"
    folder = "plugins"
    order = 10
    overlay_suffix = META

    def read(self, sources: Sequence[SourceFile], scene: LoadContext = BARE) -> tuple[list[Resource], list[Problem]]:
        """Pair each script with its settings; see :meth:`Kind.read`."""
        sources = [one for one in sources if not (scene.backup and is_own_plugin(PurePosixPath(one.file).name))]
        metas = {source.file.removesuffix(META): source for source in sources if source.file.endswith(META)}
        scripts = [source for source in sources if self._is_script(source.file, encoded=not scene.backup)]
        if scene.backup:  # the old client knew no settings: what is called like them may be a script
            lonely = metas.keys() - {without_extension(source.file) for source in scripts}
            scripts += [metas.pop(name) for name in sorted(lonely)]
        overlays = Overlays(self, scene)
        resources: list[Resource] = []
        problems: list[Problem] = []
        for source in scripts:
            meta = metas.pop(without_extension(source.file), None)
            resource, found = self._read_one(source, meta, scene, overlays)
            problems += found
            resources += [resource] if resource else []
        problems += [Problem("error", plugin_files.LONELY, meta.file) for meta in metas.values()]
        return resources, [*problems, *overlays.problems, *overlays.left()]

    def required_suffix(self, file: str) -> str:
        """Return that of settings for what is called like them; see :meth:`Kind.required_suffix`."""
        return META if is_settings_file(file) else ""

    def doubt(self, source: SourceFile) -> str:
        """Return a warning of a file that is no script, or a test of one; see :meth:`Kind.doubt`."""
        return plugin_files.doubt(source)

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:
        """Return the plugin of a script; see :meth:`Kind.address_from_path`."""
        if not self._is_script(file, encoded=encoded):
            return None
        return Address(self.name, plugin_name(file.rpartition("/")[2], encoded=encoded)[0])

    @staticmethod
    def _is_script(file: str, *, encoded: bool) -> bool:
        return not (is_settings_file(file) if encoded else file.endswith(META))

    def _read_one(
        self, source: SourceFile, meta: SourceFile | None, scene: LoadContext, overlays: Overlays
    ) -> tuple[Script | None, list[Problem]]:
        try:
            name, extension = plugin_name(source.file.rpartition("/")[2], encoded=not scene.backup)
        except DlsyncError as error:
            return None, [Problem("error", error.message, source.file)]
        if is_reserved(name):
            return None, [Problem("error", plugin_files.RESERVED % name, source.file)]
        settings, problems = plugin_files.read(name, source.file, meta, scene.values, overlays)
        plain = same(settings.document, dict(settings.written))
        return Script(
            Address(self.name, name),
            partial(with_script, source.content, {"extension": extension, **settings.document}),
            source.content,
            source.file,
            None if plain else with_script(source.content, {"extension": extension, **settings.written}),
            secrets=settings.resolved.secrets,
            overlay=settings.overlay,
            meta=meta,
        ), problems

    def files(self, desired: Resource) -> tuple[str, ...]:
        """Return the script, and where there is one the file of its settings."""
        meta = desired.meta if isinstance(desired, Script) else None
        return (desired.file, meta.file) if meta else (desired.file,)

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Point into the script, or where only settings differ, into their file."""
        meta = desired.meta if isinstance(desired, Script) else None
        settings_only = bool(diff) and not any(one.path[0] in SCRIPT for one in diff)
        lines = yaml.positions(meta.content) if meta and settings_only else {}
        if desired.overlay and settings_only:
            own = meta.file if meta else desired.file
            return placed(desired.overlay, own, diff, lambda one: yaml.nearest(lines, one.path)[0])
        if meta and settings_only:
            return meta.file, tuple(replace(one, line=yaml.nearest(lines, one.path)[0]) for one in diff)
        return desired.file, tuple(replace(one, line=first_changed_line(one)) for one in diff)

    def new_files(self, live: Resource, stem: str, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Write the script, and beside it the settings that are not the default."""
        file = f"{self.folder}/{plugin_file(stem, str(live.document['extension']))}"
        settings = {field: value for field, value in live.document.items() if field not in SCRIPT}
        return {file: live.body, **meta_file(self, file, cast("dict[str, Json]", draft.spelled(settings)))}

    def edited_files(self, desired: Resource, live: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Replace the script where it differs, and edit the settings in their file."""
        merged = edited(self, desired, live, draft)
        files: dict[str, bytes | None] = {}
        script = desired.file
        if merged["extension"] != desired.document["extension"]:
            folder = PurePosixPath(script).parent
            stem = without_extension(PurePosixPath(script).name)
            files[script] = None
            script = str(folder / plugin_file(stem, str(merged["extension"])))
        if script in files or script != desired.file or live.body != desired.body:
            files[script] = live.body
        return files | edited_meta(self, desired, merged, script)

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        """Return the script as it is, and its settings where it has any; see :meth:`Kind.sent_files`."""
        settings = redaction.value({f: v for f, v in desired.document.items() if f not in SCRIPT})
        meta = desired.meta if isinstance(desired, Script) else None
        if meta:
            return {desired.file: desired.body, meta.file: yaml.rewrite(meta.content, settings)}
        named = {without_extension(desired.file) + META: yaml.dump(settings)} if settings else {}
        return {desired.file: desired.body, **named}

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Drop what is empty, the default or the server's own."""
        owned = schema.owned_at(self.name, ())
        return {
            field: value
            for field, value in document.items()
            if value is not None and field not in owned and value != DEFAULTS.get(field)
        }

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        """Take the script from the side that wins it; see :meth:`Kind.blended`."""
        plain = replace(desired, written=None, overlay=None)
        document = merge(self, plain, canonical)
        body = desired.body if document["content"] == desired.document["content"] else live.body
        return replace(plain, given=document, body=body)

    def fingerprinted(self, desired: Resource) -> bytes:
        """Return the script and the settings."""
        settings = {field: value for field, value in desired.document.items() if field != "content"}
        return token(settings).encode("utf-8", "surrogatepass") + desired.body

    def measures(self, name: str) -> str:
        """Return the plugin's name and a dot."""
        return f"{name}."

    def saved(self, live: Resource, seal: Seal) -> dict[str, Json]:
        """Return the settings, and the script as text or, where it is none, in base64; see :meth:`Kind.saved`."""
        if live.unreadable:
            raise DlsyncError(_NOT_KEPT % live.name)
        kept = {field: sealed(value, seal) for field, value in live.document.items() if field != "content"}
        return kept | {"content": saved_script(live, seal)}

    def restored(self, name: str, saved: Mapping[str, Json]) -> Resource:
        """Take the script out of what it was kept as, and leave what servers make anew; see :meth:`Kind.restored`."""
        body = restored_script(name, saved.get("content"))
        document = {field: value for field, value in saved.items() if field in plugin_files.KNOWN}
        document |= {"content": content_value(body), "extension": saved.get("extension", "")}
        return Resource(Address(self.name, name), document, body)

    def list_rule(self, path: Path) -> ListMatching:  # noqa: ARG002 - a plugin has no lists of its own
        """Return the rule for lists that nothing is known of."""
        return ListMatching()

    def is_server_managed(self, path: Path, field: str) -> bool:
        """Whether the setting is the server's where no file gives it: the type, or one unknown."""
        return not path and field not in SCRIPT and field not in DEFAULTS

    def dropped_by_update(self, unseen: Sequence[Path]) -> Sequence[Path]:  # noqa: ARG002 - PATCH leaves all else alone
        """Return none: an update changes the fields that it names."""
        return ()

    async def list(self, client: ReadClient, unless: str = "") -> Listing:  # noqa: ARG002 - not whole
        """GET ``plugins``: their names."""
        bad: list[BadAnswer] = []
        entries = await client.plugins.list(bad.append)
        # the documented answer is a copy of the links', which need not name a plugin that is linked to nothing
        whole = bool(entries) and not bad and not any("tags" in entry.extra for entry in entries)
        named = {entry.name: entry.etag for entry in entries if not is_reserved(entry.name)}
        return Listing(
            names=frozenset(named),
            complete=whole,
            versions=named,
            faults=messages_of(bad),
            unlocked=whole and all(entry.name != LOCK for entry in entries),
        )

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = UNKNOWN) -> Resource | None:
        """GET ``plugins/<name>``."""
        if is_reserved(name):
            return None
        try:
            found = await client.plugins.get(name, known.etag)
        except NotFound:
            return None
        except UnreadableResource as error:
            return Resource(Address(self.name, name), with_script(b"", {"extension": ""}), unreadable=error.message)
        if str(found.extra.get("id")) == name != found.name:  # servers take an id in place of a name
            return None
        content = known.body if known.body == found.content else found.content  # kept once, where it is the file's
        return Resource(
            Address(self.name, name),
            partial(with_script, content, {**found.extra, "extension": found.extension}),
            content,
            etag=found.etag,
        )

    async def create(self, client: Client, desired: Resource) -> None:
        """POST ``plugins``; one that is there already is ours where it is as it was sent, its answer lost.

        :raises AlreadyExists: it is somebody else's.
        """
        settings, extension = self._settings_of(desired), str(desired.document["extension"])
        try:
            await client.plugins.create(desired.name, extension, desired.body, **settings)
        except AlreadyExists:
            found = await self.fetch(client, desired.name)
            if found is None or compare(self, desired, found).diff:
                raise

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """PATCH ``plugins/<name>`` with the content and the settings that differ."""
        differing = {str(one.path[0]) for one in diff} - {"content"}
        wanted = {**DEFAULTS, **self._settings_of(desired), "extension": desired.document["extension"]}
        await client.plugins.update(desired.name, desired.body, **{field: wanted[field] for field in sorted(differing)})

    def deleted_with(self, name: str) -> tuple[Address, ...]:
        """Return the plugin's link."""
        return (Address("link", name),)

    def _settings_of(self, desired: Resource) -> dict[str, Json]:
        """Return what the files give, a default too: the server's own may be another."""
        left_out = {*SCRIPT, *schema.owned_at(self.name, ())}
        return {f: value for f, value in desired.document.items() if value is not None and f not in left_out}

    async def delete(self, client: Client, name: str) -> None:
        """DELETE ``plugins/<name>``."""
        with suppress(NotFound):
            await client.plugins.delete(name)


KIND = Plugin()
