"""What the files of a tree say of links, and how it is written there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from dlsync.diff.list_match import same
from dlsync.errors import DlsyncError
from dlsync.files import yaml
from dlsync.files.names import plugin_name
from dlsync.model import Problem, Resource
from dlsync.resources.overlays import read_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dlsync.model import Json, Path
    from dlsync.resources.context import ExportContext, LoadContext, SourceFile

FILE = "links.yaml"
_EXPECTED = "expected a mapping of plugins to their tags, such as `disk: [all]`"
_NO_TAGS = "`%s` has no tags, which is no link: name some, or leave it out"
_IN_A_LIST = "%s holds a list of links, which is not edited"
_SAVED = "expected a link: an object with the name of a `plugin` and a list of `tags`"


@dataclass(frozen=True)
class _Text:
    """A file of which the places are looked up once, and only where somebody asks."""

    content: bytes = field(repr=False)

    @cached_property
    def places(self) -> Mapping[Path, tuple[int, int]]:
        return yaml.positions(self.content)


@dataclass(frozen=True)
class Saying:
    """What one file says of the tags of one plugin.

    :param pack: where it is the plugin's being in a pack that says it.
    :param written: what the file has for it: the list in links.yaml, the whole of an old backup's.
    :param text: of links.yaml.
    :param in_list: whether the file of an old backup holds a list of links.
    """

    plugin: str
    tags: tuple[str, ...]
    file: str
    pack: str = ""
    written: Json = None
    text: _Text | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    in_list: bool = False

    def line(self, path: Path) -> int | None:
        """Return the line of the plugin, or of what is at a path below it; None where the file has no such lines."""
        return yaml.nearest(self.text.places, (self.plugin, *path))[0] if self.text else None

    def kept(self, tags: Sequence[str], draft: ExportContext) -> list[Json]:
        """Return those of its tags that are among others, as the file spells them."""
        if not isinstance(self.written, list):  # one reference that stood for them all
            return [draft.spelled(tag) for tag in self.tags if tag in tags]
        return [written for written, tag in zip(self.written, self.tags, strict=True) if tag in tags]

    def without(self, tags: Sequence[str]) -> dict[str, bytes | None]:
        """Return the file of an old backup without some of its tags; without any, there is no such file.

        :raises DlsyncError: the file holds more links than this one.
        """
        if self.in_list:
            raise DlsyncError(_IN_A_LIST % self.file, hint="Import the backup with `dlsync import-backup`.")
        left = [tag for tag in self.tags if tag not in tags]
        document = {**cast("dict[str, Json]", self.written), "tags": left}
        return {self.file: (json.dumps(document, indent=2) + "\n").encode() if left else None}


@dataclass(frozen=True, slots=True)
class Linked(Resource):
    """A plugin's links in the tree: all that its files say."""

    sayings: tuple[Saying, ...] = ()

    @property
    def entry(self) -> Saying | None:
        """What links.yaml says, if anything."""
        return next((one for one in self.sayings if one.file == FILE), None)


def entries(source: SourceFile, scene: LoadContext) -> tuple[list[Saying], list[Problem]]:
    """Return what links.yaml says, and what is wrong with it."""
    try:
        written = yaml.parse(source.content, FILE)
    except yaml.InvalidYaml as error:
        return [], [error.problem]
    if not isinstance(written, dict):
        return [], [Problem("error", _EXPECTED, FILE, 1)]
    resolved, problems = read_references("link", source, written, scene.values)
    if any(problem.severity == "error" for problem in problems):
        return [], problems
    text = _Text(source.content)
    tags = cast("dict[str, list[str] | None]", resolved.document)
    said = [
        Saying(plugin, tuple(listed or ()), FILE, "", written[plugin], text, resolved.secrets)
        for plugin, listed in tags.items()
    ]
    empty = [Problem("warning", _NO_TAGS % one.plugin, FILE, one.line(())) for one in said if not one.tags]
    return [one for one in said if one.tags], [*problems, *empty]


def of_pack(source: SourceFile, pack: str) -> list[Saying]:
    """Return that a pack's plugin is linked to the pack's tag; what its file name cannot mean, its own kind says."""
    try:
        plugin, _ = plugin_name(PurePosixPath(source.file).name)
    except DlsyncError:
        return []
    return [Saying(plugin, (pack,), source.file, pack)]


def saved(source: SourceFile) -> tuple[list[Saying], list[Problem]]:
    """Return what a link of an old client's backup says, and what is wrong with it."""
    try:
        document = yaml.parse(source.content, source.file)  # which JSON is
    except yaml.InvalidYaml as error:
        return [], [error.problem]
    if isinstance(document, list) and document:  # dlcli 0.6.10 writes the list of all links into the file of each
        links = [replace(link, in_list=True) for item in document if (link := _link(item, source.file))]
        return links, [] if len(links) == len(document) else [Problem("error", _SAVED, source.file, 1)]
    link = _link(document, source.file)
    if link is None:
        return [], [Problem("error", _SAVED, source.file, 1)]
    return [link] if link.tags else [], []


def _link(document: Json, file: str) -> Saying | None:
    """Return what a link of an old client's backup says; None if it is no link."""
    plugin, tags = (document.get("plugin"), document.get("tags")) if isinstance(document, dict) else (None, None)
    if not (isinstance(plugin, str) and plugin and isinstance(tags, list) and all(isinstance(t, str) for t in tags)):
        return None
    return Saying(plugin, tuple(cast("list[str]", tags)), file, written=document)


def with_entry(draft: ExportContext, plugin: str, tags: Iterable[Json]) -> dict[str, bytes | None]:
    """Return links.yaml with these tags for a plugin, and all else as the draft has it; without any, without it."""
    content = draft.files.get(FILE) or b""
    before = cast("dict[str, Json]", yaml.parse(content, FILE)) if content else {}
    document = {name: listed for name, listed in before.items() if name != plugin}
    if listed := [*tags]:
        document = {**before, plugin: listed}
    if not document:
        return {FILE: None}
    if listed and plugin not in before:
        # an account's worth of links one by one: a rewrite of the whole each time took a minute for 800
        longer = content + yaml.dump({plugin: listed})
        if b"\r" not in content and _means(longer, document):
            return {FILE: longer}
    return {FILE: yaml.rewrite(content, document)}


def _means(content: bytes, document: Json) -> bool:
    try:
        return same(yaml.parse(content), document)
    except yaml.InvalidYaml:
        return False
