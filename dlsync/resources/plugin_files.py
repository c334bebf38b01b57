"""The settings of plugins in the tree: ``<name>.meta.yaml`` beside the script, and what an environment lays over it."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from dlsync.errors import DlsyncError
from dlsync.files import schema, yaml
from dlsync.files.ignored import FILE as IGNORE_FILE
from dlsync.files.interpolation import Interpolated
from dlsync.files.names import is_settings_file
from dlsync.model import Problem, Resource
from dlsync.resources.context import SourceFile
from dlsync.resources.overlays import problems_of, read_references
from dlsync.state.sealed_values import sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.files.interpolation import Values
    from dlsync.model import FieldChange, Json, Overlay
    from dlsync.resources.kind import Kind
    from dlsync.resources.overlays import Overlays
    from dlsync.state.sealed_values import Seal


# the fields of a plugin's document that its script and that file's name say; all others are settings
SCRIPT = ("content", "extension")


@dataclass(frozen=True, slots=True)
class Script(Resource):
    """A plugin in the tree; its settings, where it has any, stand in a file of their own."""

    meta: SourceFile | None = None


def content_value(content: bytes) -> Json:
    """Return a script as text, line by line comparable, or the digest of what is not text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _digest(content)
    return _digest(content) if "\0" in text else text


def _digest(content: bytes) -> Json:
    from hashlib import sha256  # which loads OpenSSL's

    return {"sha256": sha256(content).hexdigest()}


def with_script(content: bytes, settings: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what a plugin means: its script as it can be compared, and its settings."""
    return {"content": content_value(content), **settings}


def without_extension(file: str) -> str:
    """Return the path of a script without its extension."""
    folder, slash, name = file.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return f"{folder}{slash}{stem}" if dot else file


def first_changed_line(difference: FieldChange) -> int | None:
    """Return the first line in which a script differs; None for what differs elsewhere."""
    before, after = difference.before, difference.after
    if difference.path != ("content",) or not isinstance(before, str) or not isinstance(after, str):
        return None
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def saved_script(live: Resource, seal: Seal) -> Json:
    """Return a live script for a journal: as text, or where it is none in base64.

    :raises DlsyncError: it is no text, and a secret is in it.
    """
    content = live.document["content"]
    if isinstance(content, str):
        return sealed(content, seal)
    if sealed(text := live.body.decode("utf-8", "replace"), seal) != text:
        raise DlsyncError(f"the live script of plugin/{live.name} is no text and holds a secret: it cannot be kept")
    return {"base64": base64.b64encode(live.body).decode()}


def restored_script(name: str, saved: Json) -> bytes:
    """Return the script that :func:`saved_script` was made from.

    :raises DlsyncError: it was made from none.
    """
    match saved:
        case str(text):
            return text.encode("utf-8", "replace")
        case {"base64": str(text)}:
            with suppress(ValueError):
                return base64.b64decode(text, validate=True)
    raise DlsyncError(f"the journal holds no script of plugin/{name}")


# what an agent can run is called so, or begins so; all else may be a leftover
_SCRIPT = re.compile(r"(?i)\.(?:sh|bash|ksh|zsh|py|pl|rb|js|lua|php|awk|tcl|go|jar|ps1|bat|cmd|vbs|exe)\Z")
_PROGRAM = (b"#!", b"\x7fELF", b"MZ")
_TEST = re.compile(r"(?:\A|/)(?:test_[^/]*|[^/]*_test|conftest)\.py\Z")
_DOUBT = "is read as a plugin, but %s; if it is none, name it in %s, else write `!%s` there"


def doubt(source: SourceFile) -> str:
    """Return a warning of a file that is likely no plugin; empty where there is no doubt."""
    file = source.file
    if _TEST.search(file):
        return _DOUBT % ("is named like a test", IGNORE_FILE, file)
    if _SCRIPT.search(file) or is_settings_file(file) or source.content.startswith(_PROGRAM):
        return ""
    return _DOUBT % ("neither its ending nor its first line (`#!`) is a script's", IGNORE_FILE, file)


META = ".meta.yaml"
KNOWN = ("description", "interval", "params", "shellArgs", "type", "format")
# what a setting is where no file gives it, as the API documents it; the others are then left to the server
DEFAULTS: Mapping[str, Json] = MappingProxyType(
    {"description": "", "interval": 30, "params": "", "shellArgs": "", "format": "NAGIOS"}
)
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
    resolved: Interpolated
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
        return PluginSettings({}, Interpolated({})), problems
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
        document = yaml.parse(meta.content, meta.file)
    except yaml.InvalidYaml as error:
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
    return {without_extension(script) + META: yaml.dump(settings)} if settings else {}


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
    content = old.content if settings == written else yaml.rewrite(old.content, settings)
    if new != old.file:
        return {old.file: None, new: content}
    return {} if content == old.content else {new: content}
