"""Plugins: ``plugins/**/<name>.<ext>``, byte for byte, and beside it, optionally, ``<name>.meta.yaml``."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from dlsync import schema, yamlfile
from dlsync.errors import AlreadyExists, DlsyncError, NotFound
from dlsync.kinds.base import BARE, BLANK, Draft, Kind, Listing, ListRule, Scene, SourceFile
from dlsync.kinds.document import read_references
from dlsync.merger import merge
from dlsync.model import Address, Problem, Resource
from dlsync.naming import plugin_file, plugin_name
from dlsync.references import Resolved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.model import Difference, Json, Path

_META = ".meta.yaml"
_SCRIPT = ("content", "extension")
# what a setting is where no file gives it; interval and type are then left to the server
_DEFAULTS: dict[str, Json] = {"description": "", "params": "", "shellArgs": ""}
_SETTINGS = ("description", "interval", "params", "shellArgs", "type")
# what the script itself says: its file name and its bytes
_NO_SETTINGS = ("name", "extension", "content", "encoding")
# the account's own record and lock: never a user's plugin (DESIGN.md, "Ownership")
_RESERVED = frozenset({"dlsync-inventory", "dlsync-lock"})


@dataclass(frozen=True)
class Script(Resource):
    """A plugin in the tree; its settings, where it has any, stand in a file of their own."""

    meta: SourceFile | None = None


class Plugin(Kind):
    """Scripts in the Nagios way, with their settings."""

    name = "plugin"
    folder = "plugins"
    order = 10

    def read(self, sources: Sequence[SourceFile], scene: Scene = BARE) -> tuple[list[Resource], list[Problem]]:
        """Pair each script with its settings; see :meth:`Kind.read`."""
        metas = {source.file.removesuffix(_META): source for source in sources if source.file.endswith(_META)}
        scripts = [source for source in sources if not source.file.endswith(_META)]
        resources: list[Resource] = []
        problems: list[Problem] = []
        for source in scripts:
            resource, found = self._read_one(source, metas.pop(_without_extension(source.file), None), scene)
            problems += found
            resources += [resource] if resource else []
        problems += [Problem("error", _LONELY, meta.file) for meta in metas.values()]
        return resources, problems

    def _read_one(
        self, source: SourceFile, meta: SourceFile | None, scene: Scene
    ) -> tuple[Script | None, list[Problem]]:
        try:
            name, extension = plugin_name(PurePosixPath(source.file).name)
        except DlsyncError as error:
            return None, [Problem("error", error.message, source.file)]
        if name in _RESERVED:
            return None, [Problem("error", f"`{name}` is the name of dlsync's own record; choose another", source.file)]
        script: dict[str, Json] = {"content": content_value(source.content), "extension": extension}
        written, resolved, problems = self._settings(meta, scene)
        settings = cast("dict[str, Json]", resolved.document)
        return Script(
            Address(self.name, name),
            {**script, **settings},
            source.content,
            source.file,
            {**script, **written},
            secrets=resolved.secrets,
            meta=meta,
        ), problems

    def _settings(self, meta: SourceFile | None, scene: Scene) -> tuple[dict[str, Json], Resolved, list[Problem]]:
        nothing = Resolved({})
        if meta is None:
            return {}, nothing, []
        try:
            document = yamlfile.parse(meta.content, meta.file)
        except yamlfile.InvalidYaml as error:
            return {}, nothing, [error.problem]
        if not isinstance(document, dict):
            expected = "expected a mapping of settings, such as `interval: 60`"
            return {}, nothing, [Problem("error", expected, meta.file, 1)]
        misplaced = [
            schema.Finding("error", (field,), _MISPLACED % field) for field in _NO_SETTINGS if field in document
        ]
        written = {field: value for field, value in document.items() if field not in _NO_SETTINGS}
        resolved, problems = read_references(self.name, meta, written, scene.values)
        return written, resolved, [*schema.located(misplaced, meta.file, meta.content), *problems]

    def files(self, desired: Resource) -> tuple[str, ...]:
        """Return the script, and where there is one the file of its settings."""
        meta = desired.meta if isinstance(desired, Script) else None
        return (desired.file, meta.file) if meta else (desired.file,)

    def located(self, desired: Resource, diff: Sequence[Difference]) -> tuple[str, tuple[Difference, ...]]:
        """Point into the script, or where only settings differ, into their file."""
        meta = desired.meta if isinstance(desired, Script) else None
        if meta and diff and not any(one.path[0] in _SCRIPT for one in diff):
            lines = yamlfile.positions(meta.content)
            return meta.file, tuple(replace(one, line=yamlfile.nearest(lines, one.path)[0]) for one in diff)
        return desired.file, tuple(replace(one, line=_first_changed_line(one)) for one in diff)

    def new_files(self, live: Resource, stem: str, draft: Draft = BLANK) -> dict[str, bytes | None]:
        """Write the script, and beside it the settings that are not the default."""
        file = f"{self.folder}/{plugin_file(stem, str(live.document['extension']))}"
        settings = {field: value for field, value in live.document.items() if field not in _SCRIPT}
        return {file: live.body, **self._meta_file(file, cast("dict[str, Json]", draft.spelled(settings)))}

    def _meta_file(self, script: str, document: Mapping[str, Json]) -> dict[str, bytes | None]:
        canonical = self.canonical(document)
        settings = {field: canonical[field] for field in _SETTINGS if field in canonical}
        return {_without_extension(script) + _META: yamlfile.dump(settings)} if settings else {}

    def edited_files(self, desired: Resource, live: Resource, draft: Draft = BLANK) -> dict[str, bytes | None]:
        """Replace the script where it differs, and edit the settings in their file."""
        merged = merge(self, desired, live.document, draft.spelled)
        files: dict[str, bytes | None] = {}
        script = desired.file
        if merged["extension"] != desired.document["extension"]:
            folder = PurePosixPath(script).parent
            stem = _without_extension(PurePosixPath(script).name)
            files[script] = None
            script = str(folder / plugin_file(stem, str(merged["extension"])))
        if script in files or script != desired.file or live.body != desired.body:
            files[script] = live.body
        return files | self._edited_meta(desired, merged, script)

    def _edited_meta(self, desired: Resource, merged: Mapping[str, Json], script: str) -> dict[str, bytes | None]:
        settings, written = ({f: v for f, v in one.items() if f not in _SCRIPT} for one in (merged, desired.spelled))
        old = desired.meta if isinstance(desired, Script) else None
        if old is None:
            return self._meta_file(script, settings)
        new = _without_extension(script) + _META
        content = old.content if settings == written else yamlfile.rewrite(old.content, settings)
        if new != old.file:
            return {old.file: None, new: content}
        return {} if content == old.content else {new: content}

    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Drop what is empty, the default or the server's own."""
        owned = schema.owned_at(self.name, ())
        return {
            field: value
            for field, value in document.items()
            if value is not None and field not in owned and value != _DEFAULTS.get(field)
        }

    def list_rule(self, path: Path) -> ListRule:  # noqa: ARG002 - a plugin has no lists of its own
        """Return the rule for lists that nothing is known of."""
        return ListRule()

    def disregards(self, path: Path, field: str) -> bool:
        """Whether the setting is the server's where no file gives it: the interval, the type, or one unknown."""
        return not path and field not in _SCRIPT and field not in _DEFAULTS

    def endangered(self, unseen: Sequence[Path]) -> Sequence[Path]:  # noqa: ARG002 - PATCH leaves all else alone
        """Return none: an update changes the fields that it names."""
        return ()

    async def list(self, client: ReadClient) -> Listing:
        """GET ``plugins``: their names."""
        entries = await client.plugins.list()
        # the documented answer is a copy of the links', which need not name a plugin that is linked to nothing
        whole = bool(entries) and not any("tags" in entry.extra for entry in entries)
        return Listing(names=frozenset(entry.name for entry in entries) - _RESERVED, complete=whole)

    async def fetch(self, client: ReadClient, name: str) -> Resource | None:
        """GET ``plugins/<name>``."""
        if name in _RESERVED:
            return None
        try:
            found = await client.plugins.get(name)
        except NotFound:
            return None
        script: dict[str, Json] = {"content": content_value(found.content), "extension": found.extension}
        document = {**found.extra, **script}
        return Resource(Address(self.name, name), document, found.content)

    async def create(self, client: Client, desired: Resource) -> None:
        """POST ``plugins``; where somebody was faster, PATCH."""
        settings, extension = self._settings_of(desired), str(desired.document["extension"])
        try:
            await client.plugins.create(desired.name, extension, desired.body, **settings)
        except AlreadyExists:
            fields = {**_DEFAULTS, **settings, "extension": extension}
            await client.plugins.update(desired.name, desired.body, **fields)

    async def update(self, client: Client, desired: Resource, diff: Sequence[Difference]) -> None:
        """PATCH ``plugins/<name>`` with the content and the settings that differ."""
        differing = {str(one.path[0]) for one in diff} - {"content"}
        wanted = {**_DEFAULTS, **self._settings_of(desired), "extension": desired.document["extension"]}
        fields = {field: wanted[field] for field in sorted(differing)}
        await client.plugins.update(desired.name, desired.body, **fields)

    def _settings_of(self, desired: Resource) -> dict[str, Json]:
        return {field: value for field, value in self.canonical(desired.document).items() if field not in _SCRIPT}

    async def delete(self, client: Client, name: str) -> None:
        """DELETE ``plugins/<name>``."""
        with suppress(NotFound):
            await client.plugins.delete(name)


_LONELY = "these settings belong to no plugin: expected a script of the same name beside them"
_MISPLACED = "`%s` is no setting: the script's file name and its content say it; expected that it is left out"


def content_value(content: bytes) -> Json:
    """Return a script as text, line by line comparable, or the digest of what is not text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"sha256": hashlib.sha256(content).hexdigest()}
    return {"sha256": hashlib.sha256(content).hexdigest()} if "\0" in text else text


def _without_extension(file: str) -> str:
    path = PurePosixPath(file)
    name, dot, _ = path.name.rpartition(".")
    return str(path.with_name(name)) if dot else file


def _first_changed_line(difference: Difference) -> int | None:
    before, after = difference.before, difference.after
    if difference.path != ("content",) or not isinstance(before, str) or not isinstance(after, str):
        return None
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


KIND = Plugin()
