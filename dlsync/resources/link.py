"""Links: ``links.yaml``, the plugins of packs, and ``links/*.json`` of an old client's backup.

One resource is the tags of one plugin, from all files: several links of a plugin mean the same as one link with all
their tags.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import ClassVar, cast

from dlsync.client import Client, ReadClient
from dlsync.client.links import Link as Entry
from dlsync.diff.list_match import A_SET, same, token
from dlsync.errors import DlsyncError, ManualActionRequired, NotFound, Unsupported
from dlsync.files import schema, yaml
from dlsync.files.interpolation import referenced
from dlsync.files.names import is_settings_file, plugin_name
from dlsync.messages import visible
from dlsync.model import Address, Code, FieldChange, Json, Path, Problem, Resource
from dlsync.resources.endpoint import Listing
from dlsync.resources.file_format import PACKS, ExportContext, Files, LoadContext, Loaded, SourceFile, pack_and_path
from dlsync.resources.kind import Kind, Reference
from dlsync.resources.overlays import Overlays, parse_mapping
from dlsync.resources.plugin import KIND as PLUGIN
from dlsync.state.inventory import is_own_plugin, is_reserved
from dlsync.state.sealed_values import Seal, sealed

FILE = "links.yaml"
_TAGS = "tags"
_LINKS = "links"  # of a live resource: the tags of each link, if there are several
_DUPLICATES = "duplicates"
_NOT_YOURS = "`%s` is the name of one of dlsync's own plugins, which are never linked; remove it"
_IN_A_PACK = "it is not linked to the tag `%s` on the server, but its pack links it (%s): move it out of the pack"
_EXPECTED = "expected a mapping of plugins to their tags, such as `disk: [all]`"
_NO_TAGS = "`%s` has no tags, so it is no link; name some, or remove it"
_IN_A_LIST = "%s holds a list of links, which is not edited"
_BACKUP = "expected a link: an object with the name of a `plugin` and a list of `tags`"


@dataclass(frozen=True)
class LinkSource:
    """The tags that one file gives to one plugin.

    :param pack: the pack whose folder holds the plugin.
    :param written: the list in links.yaml, or the whole file of an old backup.
    :param content: of links.yaml.
    :param in_list: whether the file of an old backup holds a list of links.
    """

    plugin: str
    tags: tuple[str, ...]
    file: str
    pack: str = ""
    written: Json = None
    content: bytes = field(default=b"", repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    in_list: bool = False


@dataclass(frozen=True, slots=True)
class Linked(Resource):
    """The tags of a plugin, with all files that give it tags."""

    sources: tuple[LinkSource, ...] = ()


class Link(Kind):
    """The tags whose agents run a plugin."""

    name = "link"
    folder = "links"
    order = 20
    named_by_file = False
    has_names = False
    places = (FILE, PACKS, "links")
    may_duplicate = True
    list_matching: ClassVar = {(_TAGS,): A_SET}

    # files
    def claims(self, file: str) -> bool:
        pack, rest = pack_and_path(file)
        if pack:
            return rest.startswith("plugins/") and not is_settings_file(rest)
        return file == FILE or (file.startswith(f"{self.folder}/") and file.endswith(".json"))

    def is_document(self, file: str) -> bool:
        return file == FILE

    def required_suffix(self, file: str) -> str:
        return ".json"  # of a backup

    def read(self, sources: Sequence[SourceFile], context: LoadContext = LoadContext()) -> Loaded:
        by_plugin: defaultdict[str, list[LinkSource]] = defaultdict(list)
        reader = Overlays(self, context)
        problems = reader.problems
        # links.yaml first: a user looks there
        for source in sorted(sources, key=lambda one: one.file != FILE):
            for one in _read_file(source, reader):
                if not (context.backup and is_own_plugin(one.plugin)):
                    by_plugin[one.plugin].append(one)
        reserved = sorted(filter(is_reserved, by_plugin))
        problems += [Problem(Code.RESERVED_NAME, _NOT_YOURS % name, by_plugin.pop(name)[0].file) for name in reserved]
        return [self._linked(plugin, tuple(found)) for plugin, found in by_plugin.items()], problems

    def _linked(self, plugin: str, sources: tuple[LinkSource, ...]) -> Linked:
        tags = tuple(dict.fromkeys(tag for one in sources for tag in one.tags))
        spelled = "".join(text.spelling for text in referenced([*tags]))
        secrets = {value: name for one in sources for value, name in one.secrets.items() if name in spelled}
        address = Address(self.name, plugin)
        return Linked(address, {_TAGS: [*tags]}, file=sources[0].file, secrets=secrets, sources=sources)

    def files(self, desired: Resource) -> tuple[str, ...]:
        return tuple(one.file for one in cast("Linked", desired).sources if not one.pack)

    def line(self, desired: Resource) -> int:
        return _line(desired, ()) or 1

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        return desired.file, tuple(
            replace(one, line=_line(desired, () if one.op == "remove" else one.path[1:])) for one in diff
        )

    def references(self, desired: Resource) -> Iterator[Reference]:
        return (Reference("tag", tag, (_TAGS, at)) for at, tag in enumerate(_tags(desired)))

    def needs(self, desired: Resource) -> tuple[Address, ...]:
        return (Address(PLUGIN.name, desired.name),)

    def new_files(self, live: Resource, stem: str, context: ExportContext = ExportContext()) -> Files:
        return _with_entry(context, live.name, [context.spelled(tag) for tag in _tags(live)])

    def edited_files(self, desired: Resource, live: Resource, context: ExportContext = ExportContext()) -> Files:
        return self._with_tags(cast("Linked", desired), _tags(live), context)

    def removed_files(self, desired: Resource, context: ExportContext = ExportContext()) -> Files:
        return self._with_tags(cast("Linked", desired), [], context)

    def _with_tags(self, desired: Linked, tags: list[str], context: ExportContext) -> Files:
        files: dict[str, bytes | None] = {}
        listed: list[Json] = [context.spelled(tag) for tag in tags if tag not in _tags(desired)]
        changes = bool(listed)
        for source in desired.sources:
            surplus = [tag for tag in source.tags if tag not in tags]
            if source.file == FILE:
                changes = changes or bool(surplus)
                # one reference may stand for them all
                written = source.written if isinstance(source.written, list) else [*map(context.spelled, source.tags)]
                listed = [one for one, tag in zip(written, source.tags, strict=True) if tag in tags] + listed
            elif surplus and not source.pack:
                files |= _without_tags(source, surplus)
            elif surplus and context.files.get(source.file) is not None:
                raise DlsyncError(_IN_A_PACK % (visible(source.pack), visible(source.file)))
        return files | (_with_entry(context, desired.name, listed) if changes else {})

    def schema_findings(self, live: Resource) -> list[schema.Finding]:
        return schema.check("link", {live.name: live.document[_TAGS]})

    # canonical form
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        return {_TAGS: document[_TAGS]}

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        return replace(desired, given=dict(canonical))

    def fingerprint_source(self, desired: Resource) -> bytes:
        return token([*sorted(_tags(desired))]).encode()

    def duplicates(self, desired: Resource, live: Resource) -> tuple[FieldChange, ...]:
        links = cast("list[list[str]]", live.document.get(_LINKS, []))
        fitting = [tags for tags in links if set(tags) <= set(_tags(desired))]
        return tuple(
            FieldChange((_DUPLICATES, place), "remove", before=cast("Json", fitting[at]), mover="drift")
            for place, at in enumerate(_contained(fitting))
        )

    # journal
    def to_journal(self, live: Resource, seal: Seal) -> dict[str, Json]:
        return {field: sealed(live.document[field], seal) for field in (_TAGS, _LINKS) if field in live.document}

    def from_journal(self, name: str, saved: Mapping[str, Json]) -> Resource:
        tags, links = saved.get(_TAGS), saved.get(_LINKS, [])
        if _are_texts(tags) and isinstance(links, list) and all(map(_are_texts, links)):
            return Linked(Address(self.name, name), {_TAGS: tags, _LINKS: links})
        raise DlsyncError(f"the journal holds no tags of link/{name}")

    # server calls
    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        links: defaultdict[str, list[list[str]]] = defaultdict(list)
        for link in await client.links.list():
            if link.tags and not is_reserved(link.plugin):
                links[link.plugin].append([*link.tags])
        resources = []
        for plugin, found in links.items():
            document: dict[str, Json] = {_TAGS: cast("Json", sorted({tag for tags in found for tag in tags}))}
            if len(found) > 1:
                document[_LINKS] = cast("Json", found)
            resources.append(Resource(Address(self.name, plugin), document))
        return Listing(tuple(resources), frozenset(links))

    async def originals(self, client: ReadClient, names: Iterable[str]) -> dict[str, Resource]:
        # one list holds them all
        listed = {one.name: one for one in (await self.list(client)).resources}
        return {name: listed[name] for name in names if name in listed}

    def ids(self, client: ReadClient) -> Mapping[str, tuple[str, ...]]:
        plugins = {link.plugin for link in client.links.latest}
        return {name: tuple(sorted(one.id for one in client.links.latest if one.plugin == name)) for name in plugins}

    def track_ids(self, client: ReadClient, ids: Mapping[str, tuple[str, ...]]) -> Collection[str]:
        client.links.expect(one for some in ids.values() for one in some)
        listed = {link.id for link in client.links.latest}
        return [name for name, some in ids.items() if not listed.issuperset(some)]

    async def create(self, client: Client, desired: Resource) -> None:
        await _link(client, desired.name, _tags(desired))

    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """Create a link with the missing tags, then delete each link that has other tags or is a duplicate.

        In this order, no agent loses the plugin in between; after an interruption, the same update does the rest.
        """
        tags = set(_tags(desired))
        links = await _links(client, desired.name)
        surplus = [link for link in links if not tags.issuperset(link.tags)]
        fitting = [link for link in links if link.tags and link not in surplus]
        there = {tag for link in fitting for tag in link.tags}
        if missing := [tag for tag in _tags(desired) if tag not in there]:
            await _link(client, desired.name, missing)
        if any(one.path[0] == _DUPLICATES for one in diff):
            surplus += [fitting[at] for at in _contained([link.tags for link in fitting])]
        await _unlink(client, surplus, tags)

    async def delete(self, client: Client, name: str) -> None:
        await _unlink(client, await _links(client, name), set())


KIND = Link()


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _tags(one: Resource) -> list[str]:
    return cast("list[str]", one.document[_TAGS])


def _line(one: Resource, path: Path) -> int | None:
    """Return the line of the plugin in links.yaml, or of a path below it."""
    for source in cast("Linked", one).sources[:1]:  # a resource of a journal has none
        if source.content:
            return yaml.nearest(_positions(source.content), (source.plugin, *path))[0]
    return None


_positions = lru_cache(maxsize=1)(yaml.positions)


def _read_file(source: SourceFile, reader: Overlays) -> list[LinkSource]:
    if source.file == FILE:
        return _read_entries(source, reader)
    pack, _ = pack_and_path(source.file)
    if not pack:
        return _read_backup(source, reader.problems)
    with suppress(DlsyncError):  # PLUGIN reports a wrong name
        return [LinkSource(plugin_name(PurePosixPath(source.file).name)[0], (pack,), source.file, pack)]
    return []


def _read_entries(source: SourceFile, reader: Overlays) -> list[LinkSource]:
    problems = reader.problems
    written = parse_mapping(FILE, source.content, _EXPECTED, problems, may_be_empty=True)
    if written is None:
        return []
    resolved = reader.resolve(source, written)
    if any(problem.severity == "error" for problem in problems):
        return []
    found = []
    for plugin, tags in cast("dict[str, list[str] | None]", resolved.document).items():
        if tags:
            found.append(LinkSource(plugin, tuple(tags), FILE, "", written[plugin], source.content, resolved.secrets))
        else:
            line = yaml.nearest(_positions(source.content), (plugin,))[0]
            problems.append(Problem(Code.LINK_WITHOUT_TAGS, _NO_TAGS % plugin, FILE, line))
    return found


def _read_backup(source: SourceFile, problems: list[Problem]) -> list[LinkSource]:
    try:
        document = yaml.parse(source.content, source.file)  # JSON is YAML
    except yaml.InvalidYaml as error:
        problems.append(error.problem)
        return []
    # dlcli 0.6.10 writes the list of all links into the file of each
    in_list = isinstance(document, list) and bool(document)
    found: list[LinkSource] = []
    for item in cast("list[Json]", document) if in_list else [document]:
        match item:
            case {"plugin": str(plugin), "tags": [*tags]} if plugin and all(isinstance(tag, str) for tag in tags):
                tags_ = tuple(cast("list[str]", tags))
                found.append(LinkSource(plugin, tags_, source.file, written=item, in_list=in_list))
            case _:
                problems.append(Problem(Code.INVALID_LINK, _BACKUP, source.file, 1))
                break
    return [one for one in found if one.tags or in_list]


def _without_tags(source: LinkSource, tags: Sequence[str]) -> Files:
    """Return the file of an old backup without some of its tags; without tags, no file."""
    if source.in_list:
        raise DlsyncError(_IN_A_LIST % source.file, hint="Import the backup with `dlsync import-backup`.")
    left = [tag for tag in source.tags if tag not in tags]
    document = {**cast("dict[str, Json]", source.written), "tags": left}
    return {source.file: (json.dumps(document, indent=2) + "\n").encode() if left else None}


def _with_entry(context: ExportContext, plugin: str, tags: Iterable[Json]) -> Files:
    """Return links.yaml as the export has it, with these tags for a plugin; without tags, without the plugin."""
    content = context.files.get(FILE) or b""
    before = cast("dict[str, Json]", yaml.parse(content, FILE) or {})
    document = {name: listed for name, listed in before.items() if name != plugin}
    if listed := [*tags]:
        document = {**before, plugin: listed}
    if not document:
        return {FILE: None}
    if listed and plugin not in before:
        # an export adds all links of an account one by one: rewriting the file each time took a minute for 800
        longer = content + yaml.dump({plugin: listed})
        with suppress(yaml.InvalidYaml):
            if b"\r" not in content and same(yaml.parse(longer), document):
                return {FILE: longer}
    return {FILE: yaml.rewrite(content, document, KIND.paired)}


async def _links(client: ReadClient, plugin: str) -> list[Entry]:
    return [link for link in await client.links.list() if link.plugin == plugin]


def _contained(links: Sequence[Iterable[str]]) -> list[int]:
    """Return the places of the links whose tags another link has too; of equal links, all but the first."""
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
            with suppress(NotFound):  # it was deleted with its plugin, or by another client
                await client.links.delete(link.id)
    except Unsupported as error:
        surplus = sorted({tag for link in links for tag in link.tags} - wanted)
        plugin, ids = links[0].plugin, ", ".join(link.id for link in links)
        what = f"unlink plugin `{plugin}` from the {_listed(surplus)}" if surplus else f"delete its duplicates {ids}"
        what += " by hand"
        raise ManualActionRequired(f"this server cannot delete links: {what}") from error


def _listed(tags: Sequence[str]) -> str:
    return f"{'tag' if len(tags) == 1 else 'tags'} {', '.join(tags)}"
