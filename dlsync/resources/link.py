"""Links: ``links.yaml``, the plugins of packs, and ``links/*.json`` of an old client's backup.

One resource is one plugin's tags, whatever says them: several links of a plugin mean what one with all their tags does.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from dlsync.diff.list_match import ListMatching, token
from dlsync.errors import DlsyncError, ManualActionRequired, NotFound, Unsupported
from dlsync.files import schema
from dlsync.files.interpolation import referenced
from dlsync.files.names import is_settings_file
from dlsync.messages import visible
from dlsync.model import Address, FieldChange, Problem, Resource
from dlsync.resources import packs
from dlsync.resources.context import (
    BARE,
    BLANK,
    UNKNOWN,
    CachedVersion,
    ExportContext,
    Listing,
    LoadContext,
    Reference,
    SourceFile,
)
from dlsync.resources.kind import Kind
from dlsync.resources.link_files import FILE, Linked, Saying, entries, of_pack, saved, with_entry
from dlsync.resources.plugin import KIND as PLUGIN
from dlsync.state.inventory import is_own_plugin, is_reserved
from dlsync.state.sealed_values import sealed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.client.links import Link as Entry
    from dlsync.model import Json, Path
    from dlsync.state.sealed_values import Seal

_TAGS = "tags"
_LINKS = "links"  # of a live one: the tags of each of its links, where there are several
_DUPLICATES = "duplicates"
_NOT_YOURS = "`%s` is the name of dlsync's own record, which is linked to nothing"
_IN_A_PACK = "live it is not linked to the tag `%s`, which its being in that pack says: no file can say otherwise (%s)"


class Link(Kind):
    """Which plugin goes to the agents of which tags."""

    name = "link"
    folder = "links"
    order = 20
    named_by_file = False
    may_duplicate = True

    @property
    def places(self) -> tuple[str, ...]:
        """Return ``links.yaml``, the packs, and the folder of an old backup."""
        return (FILE, packs.FOLDER, self.folder)

    def claims(self, file: str) -> bool:
        """Whether the file says a link: a pack's plugin does by being there."""
        pack, rest = packs.parted(file)
        if pack:
            return rest.startswith("plugins/") and not is_settings_file(rest)
        return file == FILE or (file.startswith(f"{self.folder}/") and file.endswith(".json"))

    def read(self, sources: Sequence[SourceFile], scene: LoadContext = BARE) -> tuple[list[Resource], list[Problem]]:
        """Put together what the files say of each plugin; see :meth:`Kind.read`."""
        said: defaultdict[str, list[Saying]] = defaultdict(list)
        problems: list[Problem] = []
        # links.yaml first: where it says something, it is where a person looks
        for source in sorted(sources, key=lambda one: one.file != FILE):
            found, troubles = _said(source, scene)
            problems += troubles
            for saying in found:
                if not (scene.backup and is_own_plugin(saying.plugin)):
                    said[saying.plugin].append(saying)
        problems += [
            Problem("error", _NOT_YOURS % name, said.pop(name)[0].file) for name in sorted(filter(is_reserved, said))
        ]
        return [self._linked(plugin, tuple(sayings)) for plugin, sayings in said.items()], problems

    def _linked(self, plugin: str, sayings: tuple[Saying, ...]) -> Linked:
        tags = tuple(dict.fromkeys(tag for saying in sayings for tag in saying.tags))
        spelled = "".join(text.spelling for text in referenced([*tags]))
        secrets = {value: name for one in sayings for value, name in one.secrets.items() if name in spelled}
        address = Address(self.name, plugin)
        return Linked(address, {_TAGS: [*tags]}, file=sayings[0].file, secrets=secrets, sayings=sayings)

    def files(self, desired: Resource) -> tuple[str, ...]:
        """Return the files that hold it: links.yaml, and those of an old backup."""
        return tuple(saying.file for saying in cast("Linked", desired).sayings if not saying.pack)

    def line(self, desired: Resource) -> int:
        """Return the line of the plugin in links.yaml."""
        return _line(desired, ()) or 1

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Look the tags up in links.yaml; see :meth:`Kind.located`."""
        return desired.file, tuple(
            replace(one, line=_line(desired, () if one.op == "remove" else one.path[1:])) for one in diff
        )

    def references(self, desired: Resource) -> Iterator[Reference]:
        """Yield the tags."""
        yield from (Reference("tag", tag, (_TAGS, at)) for at, tag in enumerate(_tags(desired)))

    def needs(self, desired: Resource) -> tuple[Address, ...]:
        """Return the plugin."""
        return (Address(PLUGIN.name, desired.name),)

    def new_files(self, live: Resource, stem: str, draft: ExportContext = BLANK) -> dict[str, bytes | None]:  # noqa: ARG002 - all links share one file
        """Add the plugin to links.yaml."""
        return with_entry(draft, live.name, [draft.spelled(tag) for tag in _tags(live)])

    def edited_files(self, desired: Resource, live: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Write the tags into what says them; see :meth:`Kind.edited_files`."""
        return self._written(cast("Linked", desired), _tags(live), draft)

    def removed_files(self, desired: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Take the plugin out of its files; see :meth:`Kind.removed_files`."""
        return self._written(cast("Linked", desired), [], draft)

    def _written(self, desired: Linked, tags: list[str], draft: ExportContext) -> dict[str, bytes | None]:
        files: dict[str, bytes | None] = {}
        for saying in desired.sayings:
            surplus = [tag for tag in saying.tags if tag not in tags]
            if surplus and saying.pack and draft.files.get(saying.file) is not None:
                raise DlsyncError(_IN_A_PACK % (visible(saying.pack), visible(saying.file)))
            if surplus and not saying.pack and saying.file != FILE:
                files |= saying.without(surplus)
        entry = desired.entry
        kept = entry.kept(tags, draft) if entry else []
        said = set(_tags(desired))
        new = [draft.spelled(tag) for tag in tags if tag not in said]
        changes = bool(new) or bool(entry and not set(entry.tags) <= set(tags))
        return files | (with_entry(draft, desired.name, [*kept, *new]) if changes else {})

    def faults(self, live: Resource) -> list[schema.Finding]:
        """Check what links.yaml would hold."""
        return schema.check("link", {live.name: live.document[_TAGS]})

    # canonical form
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Return the tags."""
        return {_TAGS: document[_TAGS]}

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:  # noqa: ARG002 - the form says all
        """Return a link to these tags; see :meth:`Kind.blended`."""
        return replace(desired, given=dict(canonical))

    def fingerprinted(self, desired: Resource) -> bytes:
        """Return the tags."""
        return token([*sorted(_tags(desired))]).encode()

    def saved(self, live: Resource, seal: Seal) -> dict[str, Json]:
        """Return the tags; see :meth:`Kind.saved`."""
        return {field: sealed(live.document[field], seal) for field in (_TAGS, _LINKS) if field in live.document}

    def restored(self, name: str, saved: Mapping[str, Json]) -> Resource:
        """Return a link to the tags; see :meth:`Kind.restored`."""
        tags, links = saved.get(_TAGS), saved.get(_LINKS, [])
        if _are_texts(tags) and isinstance(links, list) and all(map(_are_texts, links)):
            return Linked(Address(self.name, name), {_TAGS: tags, _LINKS: links})
        raise DlsyncError(f"the journal holds no tags of link/{name}")

    def list_rule(self, path: Path) -> ListMatching:  # noqa: ARG002 - there is one list
        """Return that tags are a set."""
        return ListMatching(ordered=False)

    def duplicates(self, desired: Resource, live: Resource) -> tuple[FieldChange, ...]:
        """Return the links whose tags another link has; see :meth:`Kind.duplicates`."""
        links = cast("list[list[str]]", live.document.get(_LINKS, []))
        fitting = [tags for tags in links if set(tags) <= set(_tags(desired))]
        return tuple(
            FieldChange((_DUPLICATES, place), "remove", before=cast("Json", fitting[at]), mover="drift")
            for place, at in enumerate(_contained(fitting))
        )

    def is_server_managed(self, path: Path, field: str) -> bool:  # noqa: ARG002 - see canonical
        """Return False: all that is compared is the files' business."""
        return False

    # endpoints
    async def list(self, client: ReadClient, unless: str = "") -> Listing:  # noqa: ARG002 - it is short
        """GET ``links``: the tags of each plugin, from all links of it that have any."""
        tags: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        for link in await client.links.list():
            if link.tags and not is_reserved(link.plugin):
                tags[link.plugin].append(link.tags)
        resources = tuple(self._live(plugin, found) for plugin, found in tags.items())
        return Listing(resources, frozenset(one.name for one in resources))

    def _live(self, plugin: str, links: Sequence[tuple[str, ...]]) -> Resource:
        document: dict[str, Json] = {_TAGS: cast("Json", sorted({tag for tags in links for tag in tags}))}
        if len(links) > 1:
            document[_LINKS] = [[*tags] for tags in links]
        return Resource(Address(self.name, plugin), document)

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = UNKNOWN) -> Resource | None:  # noqa: ARG002 - the list is short
        """GET ``links``, and of them those of one plugin."""
        found = (await self.list(client)).resources
        return next((one for one in found if one.name == name), None)

    def ids(self, client: ReadClient) -> Mapping[str, tuple[str, ...]]:
        """Return the ids of each plugin's links."""
        plugins = {link.plugin for link in client.links.latest}
        return {name: tuple(sorted(one.id for one in client.links.latest if one.plugin == name)) for name in plugins}

    def expect(self, client: ReadClient, ids: Mapping[str, tuple[str, ...]]) -> Collection[str]:
        """Have links asked for by their ids; see :meth:`Kind.expect`."""
        client.links.expect(one for some in ids.values() for one in some)
        listed = {link.id for link in client.links.latest}
        return [name for name, some in ids.items() if not listed.issuperset(some)]

    async def originals(self, client: ReadClient, names: Iterable[str]) -> dict[str, Resource]:
        """GET ``links``, once for all."""
        wanted = {*names}
        return {one.name: one for one in (await self.list(client)).resources if one.name in wanted}

    async def create(self, client: Client, desired: Resource) -> None:
        """POST ``links``, observed."""
        await _link(client, desired.name, _tags(desired))

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """POST ``links`` with the tags that will be missing, then DELETE each link that holds others or is a duplicate.

        In this order no agent is without the plugin in between; and cut short, the same again does the rest.
        """
        wanted = set(_tags(desired))
        links = await _links(client, desired.name)
        surplus = [link for link in links if not wanted.issuperset(link.tags)]
        fitting = [link for link in links if link.tags and link not in surplus]
        there = {tag for link in fitting for tag in link.tags}
        if missing := [tag for tag in _tags(desired) if tag not in there]:
            await _link(client, desired.name, missing)
        if any(one.path[0] == _DUPLICATES for one in diff):
            surplus += [fitting[at] for at in _contained([link.tags for link in fitting])]
        await _unlink(client, surplus, wanted)

    async def delete(self, client: Client, name: str) -> None:
        """DELETE ``links/<id>``, observed, each link of the plugin."""
        await _unlink(client, await _links(client, name), set())


def _said(source: SourceFile, scene: LoadContext) -> tuple[list[Saying], list[Problem]]:
    if source.file == FILE:
        return entries(source, scene)
    pack, _ = packs.parted(source.file)
    return (of_pack(source, pack), []) if pack else saved(source)


def _line(one: Resource, path: Path) -> int | None:
    sayings = cast("Linked", one).sayings
    return sayings[0].line(path) if sayings else None  # one from a journal stands in no file


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _tags(one: Resource) -> list[str]:
    return cast("list[str]", one.document[_TAGS])


async def _links(client: ReadClient, plugin: str) -> list[Entry]:
    return [link for link in await client.links.list() if link.plugin == plugin]


def _contained(links: Sequence[Iterable[str]]) -> list[int]:
    """Return the places of the links whose tags another one has all of; of equal ones, all but the first."""
    sets = [{*tags} for tags in links]
    return [place for place, tags in enumerate(sets) if any(tags < other for other in sets) or tags in sets[:place]]


async def _link(client: Client, plugin: str, tags: list[str]) -> None:
    try:
        await client.links.create(plugin, tags)
    except Unsupported as error:
        what = f"link plugin `{plugin}` to the {_listed(tags)} by hand"
        raise ManualActionRequired(f"this server cannot create links: {what}") from error


async def _unlink(client: Client, links: Sequence[Entry], wanted: set[str]) -> None:
    try:
        for link in links:
            with suppress(NotFound):  # it went with its plugin, or somebody was faster
                await client.links.delete(link.id)
    except Unsupported as error:
        surplus = sorted({tag for link in links for tag in link.tags} - wanted)
        plugin, ids = links[0].plugin, ", ".join(link.id for link in links)
        what = f"unlink plugin `{plugin}` from the {_listed(surplus)}" if surplus else f"delete its duplicates {ids}"
        what += " by hand"
        raise ManualActionRequired(f"this server cannot delete links: {what}") from error


def _listed(tags: Sequence[str]) -> str:
    return f"{'tag' if len(tags) == 1 else 'tags'} {', '.join(tags)}"


KIND = Link()
