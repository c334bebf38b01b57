"""The settings of plugins in the tree: ``<name>.meta.yaml`` beside the script, and what an environment lays over it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from dlsync import schema, yamlfile
from dlsync.kinds.layers import problems_of
from dlsync.kinds.meaning import read_references
from dlsync.kinds.scene import SourceFile
from dlsync.kinds.script import SCRIPT, Script, without_extension
from dlsync.model import Problem
from dlsync.references import Resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.kinds.base import Kind
    from dlsync.kinds.layers import Overlays
    from dlsync.model import Json, Resource
    from dlsync.overlay import Overlay
    from dlsync.references import Values

META = ".meta.yaml"
KNOWN = ("description", "interval", "params", "shellArgs", "type", "format")
# what a setting is where no file gives it; the others are then left to the server
DEFAULTS: Mapping[str, Json] = MappingProxyType({"description": "", "params": "", "shellArgs": ""})
RESERVED = (
    "`%s` is the name of dlsync's own record; choose another, "
    "or if this is an old client's backup, import it with `dlsync import-backup`"
)
LONELY = "these settings belong to no plugin: expected a script of the same name beside them"
# what the script itself says: its file name and its bytes
_NO_SETTINGS = ("name", "extension", "content", "encoding")
_MISPLACED = "`%s` is no setting: the script's file name and its content say it; expected that it is left out"


@dataclass(frozen=True)
class PluginSettings:
    """A plugin's settings.

    :param written: as the files have them, references and all; ``resolved`` is what they mean.
    """

    written: Mapping[str, Json]
    resolved: Resolved
    overlay: Overlay | None = None

    @property
    def document(self) -> dict[str, Json]:
        """What they mean."""
        return cast("dict[str, Json]", self.resolved.document)


def read(
    name: str, script: str, meta: SourceFile | None, values: Values, overlays: Overlays
) -> tuple[PluginSettings, list[Problem]]:
    """Return the settings of a plugin, and what is wrong with them.

    :param script: its file.
    :param meta: the file of its settings, if any.
    """
    base, problems = _parsed(meta)
    overlay = overlays.over(name, base)
    if base is None or (meta is None and overlay is None):
        return PluginSettings({}, Resolved({})), problems
    document = overlay.laid.document if overlay else base
    misplaced = [schema.Finding("error", (field,), _MISPLACED % field) for field in _NO_SETTINGS if field in document]
    written = {field: value for field, value in document.items() if field not in _NO_SETTINGS}
    source = meta or SourceFile(script, b"")
    resolved, problems = read_references("plugin", source, written, values, overlay)
    return PluginSettings(written, resolved, overlay), [*problems_of(misplaced, source, overlay), *problems]


def _parsed(meta: SourceFile | None) -> tuple[dict[str, Json] | None, list[Problem]]:
    if meta is None:
        return {}, []
    try:
        document = yamlfile.parse(meta.content, meta.file)
    except yamlfile.InvalidYaml as error:
        return None, [error.problem]
    if isinstance(document, dict):
        return document, []
    return None, [Problem("error", "expected a mapping of settings, such as `interval: 60`", meta.file, 1)]


def meta_file(kind: Kind, script: str, document: Mapping[str, Json]) -> dict[str, bytes | None]:
    """Return the file of the settings that are not the default, where there are any.

    :param script: the file of the script.
    """
    canonical = kind.canonical(document)
    settings = {field: canonical[field] for field in KNOWN if field in canonical}
    return {without_extension(script) + META: yamlfile.dump(settings)} if settings else {}


def edited_meta(kind: Kind, desired: Resource, merged: Mapping[str, Json], script: str) -> dict[str, bytes | None]:
    """Return the file of the settings as it becomes, where it changes; None: remove it.

    :param merged: what it is to say, and the script besides.
    :param script: the file of the script, which may have moved.
    """
    base = desired.overlay.base if desired.overlay else desired.spelled
    settings, written = ({f: v for f, v in one.items() if f not in SCRIPT} for one in (merged, base))
    old = desired.meta if isinstance(desired, Script) else None
    if old is None:
        return meta_file(kind, script, settings)
    new = without_extension(script) + META
    content = old.content if settings == written else yamlfile.rewrite(old.content, settings)
    if new != old.file:
        return {old.file: None, new: content}
    return {} if content == old.content else {new: content}
