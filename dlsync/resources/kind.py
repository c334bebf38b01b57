"""What a kind of resource is: its files, its canonical form, its server calls, and the values that these take and give.

One module of this package is one kind. No code outside compares a kind's name: it asks the kind. Only accounts are
special (``account.in_use``, ``account.deletions``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple

from dlsync.client import Client, ReadClient
from dlsync.client.concurrency import gather
from dlsync.diff.list_match import UNKNOWN_LIST, ListMatching, anywhere
from dlsync.diff.merge_key import MergeKey
from dlsync.files import schema, yaml
from dlsync.files.interpolation import Values
from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.model import Address, FieldChange, Json, Path, Problem, Resource
from dlsync.state.sealed_values import Seal

Files = dict[str, bytes | None]
Loaded = tuple[list[Resource], list[Problem]]

PACKS = "packs"  # the folder that holds packs
_PARTS = 3  # packs, the pack, and the path there
_ITEM_DEPTH = 2
_FIRST_LINES = 8


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The bytes of a file of the tree, by its path there, POSIX style."""

    file: str
    content: bytes


@dataclass(frozen=True)
class LoadContext:
    """What the files of a tree are read with.

    :param values: of references.
    :param overlays: the chosen environment's overlays, by the path that they have below its folder.
    :param environment: empty for none.
    :param backup: the tree is an old client's backup, in which file names are not encoded.
    """

    values: Values = field(default_factory=Values)
    overlays: Mapping[str, SourceFile] = field(default_factory=dict)
    environment: str = ""
    backup: bool = False


@dataclass(frozen=True)
class ExportContext:
    """The files of a tree as an export has them so far.

    :param files: by path in the tree; None for one that is to be removed.
    :param references: whether files can hold references.
    """

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    redaction: Redaction = NOTHING_SECRET
    references: bool = True

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file spells it: what looks like a reference escaped, secrets as references."""
        return self.redaction.spelled(value) if self.references else value


class Reference(NamedTuple):
    """A metric or a tag that a document names, at a path in the file."""

    sort: Literal["metric", "tag"]
    name: str
    path: Path


class CachedVersion(NamedTuple):
    """What is known of a live resource before it is fetched.

    :param body: the bytes of its file: where the server sends the same, they need not be parsed again.
    :param etag: of the version that need not be sent again.
    """

    body: bytes | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server lists of one kind.

    :param resources: those that the list holds whole; ``names`` are of all, None where it has no list operation.
    :param complete: False where there may be more than it names.
    :param etag: of a list that holds them whole; empty where the server does not say.
    :param versions: by name, the ETag that the resource itself has, where the list says so.
    :param faults: why items of it cannot be read.
    :param unlocked: whether it shows that nobody holds the lock of the account.
    :param muted: the names of those that are muted, which is lost with them.
    """

    resources: tuple[Resource, ...] = ()
    names: frozenset[str] | None = None
    complete: bool = True
    etag: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    unlocked: bool = False
    muted: frozenset[str] = frozenset()


def pack_and_path(file: str) -> tuple[str, str]:
    """Return the pack that a file is in and its path there; for a file outside of packs, none and the whole path.

    :param file: relative to the tree, POSIX style.
    """
    parts = file.split("/", _PARTS - 1)
    return (parts[1], parts[2]) if parts[0] == PACKS and len(parts) == _PARTS else ("", file)


class Kind(ABC):
    """A kind of resource. ``order`` is its step in an apply, from 0; deletes go the other way."""

    name: ClassVar[str]
    folder: ClassVar[str]
    order: ClassVar[int]
    # False where several resources share a file
    named_by_file: ClassVar[bool] = True
    # False where they are not in the account that a plan is for: an export and ``prune: all`` are not about them
    account_scoped: ClassVar[bool] = True
    can_be_muted: ClassVar[bool] = False
    # how the file names of its overlays end; empty where it has none
    overlay_suffix: ClassVar[str] = ""
    # whether its files go to the server as the YAML text that they are
    sends_yaml: ClassVar[bool] = False
    # whether a create of what exists makes a second one
    may_duplicate: ClassVar[bool] = False
    # how the items of lists are matched, and what names them in an overlay; by paths with ITEM for list positions
    list_matching: ClassVar[Mapping[Path, ListMatching]] = {}
    overlay_keys: ClassVar[Mapping[Path, MergeKey]] = {}
    # what tells a person of an item of the list at a path
    item_sentences: ClassVar[Mapping[Path, Callable[[dict[str, Json]], str]]] = {}

    # files
    @property
    def places(self) -> tuple[str, ...]:
        """The files and folders at the root of a tree in which this kind's files are."""
        return (self.folder, PACKS)

    def claims(self, file: str) -> bool:
        """Whether this kind reads a file of the tree."""
        return pack_and_path(file)[1].startswith(f"{self.folder}/")

    def required_suffix(self, file: str) -> str:
        """Return the ending that the name of a file in the kind's folder must have."""
        return self.overlay_suffix

    def misread_warning(self, source: SourceFile) -> str:
        """Return a warning of a file that is read as a resource and is likely none; empty for any other file."""
        return ""

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:
        """Return the resource whose name a file has; None where the name of the file is no resource's.

        :param encoded: whether file names are percent-encoded; in an old client's backup they are not.
        :raises DlsyncError: the name cannot be a resource's.
        """
        return None

    @abstractmethod
    def read(self, sources: Sequence[SourceFile], context: LoadContext = LoadContext()) -> Loaded:
        """Turn the files that this kind claims into resources, with all problems found on the way."""

    def files(self, desired: Resource) -> tuple[str, ...]:
        """Return the resource's files in the tree."""
        return (desired.file,)

    def line(self, desired: Resource) -> int:
        """Return the line, from 1, at which the resource begins in its file."""
        return 1

    def deleted_with(self, name: str) -> tuple[Address, ...]:
        """Return the resources that the server, where it has them, deletes with this one."""
        return ()

    def needs(self, desired: Resource) -> tuple[Address, ...]:
        """Return the resources without which this one is of no use."""
        return ()

    def written_path(self, desired: Resource, path: Path) -> Path:
        """Return where the file has what the canonical form has at the path; a path of the file stays as it is."""
        return path

    def as_written(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return the differences under the paths that the file has."""
        return tuple(replace(one, path=self.written_path(desired, one.path)) for one in diff)

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Return the file that the differences stand in, and the differences with their lines, from 1."""
        return desired.file, tuple(diff)

    def new_files(self, live: Resource, stem: str, draft: ExportContext = ExportContext()) -> Files:
        """Return the files, by path in the tree, that are to stand for a live resource which the tree has not."""
        return {}

    def edited_files(self, desired: Resource, live: Resource, draft: ExportContext = ExportContext()) -> Files:
        """Return the resource's files with the live side written in and all else as it was; None: remove it."""
        return {}

    def removed_files(self, desired: Resource, draft: ExportContext = ExportContext()) -> Files:
        """Return the resource's files without the resource; None: remove it."""
        return dict.fromkeys(reversed(self.files(desired)))

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        """Return the resource's files as they are sent, with references in place of secrets."""
        return {desired.file: yaml.dump(redaction.value(dict(desired.document)))}

    def schema_findings(self, live: Resource) -> list[schema.Finding]:
        """Return what the schema of the kind's files finds in a live resource that its file must not have."""
        if schema.allows(self.name, dict(live.document)):
            return []
        return schema.check(self.name, self.canonical(live.document))

    # canonical form
    @abstractmethod
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Return the document without what carries no meaning; list positions stay, the input is left alone."""

    def identical(self, desired: Resource, live: Resource) -> bool:
        """Whether the bytes alone show that the two mean the same; False where only the canonical forms can tell."""
        return False

    def list_rule(self, path: Path) -> ListMatching:
        """Return how the items of the list at the path are matched."""
        return self.list_matching.get(anywhere(path), UNKNOWN_LIST)

    def item_key(self, path: Path) -> MergeKey | None:
        """Return what names the items of the list at the path for an overlay; None where it replaces the list whole."""
        return self.overlay_keys.get(anywhere(path))

    def duplicates(self, desired: Resource, live: Resource) -> tuple[FieldChange, ...]:
        """Return what the server has besides that adds nothing to the live resource, as removals."""
        return ()

    def is_server_managed(self, path: Path, field: str) -> bool:
        """Whether the server adds a field, which only the live side has, to the mapping at the path."""
        return False

    def dropped_by_update(self, unseen: Sequence[Path]) -> Sequence[Path]:
        """Return those of the fields that only the live side has which an update would drop."""
        return unseen

    def flattened(self, path: Path, mapping: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return the mapping at the path in the one spelling that canonical forms use."""
        return mapping

    def respelled(self, path: Path, written: Mapping[str, Json], flat: dict[str, Json]) -> dict[str, Json]:
        """Return a flattened mapping spelled as the user wrote it."""
        return flat

    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        """Return the resource to send so that it means ``canonical``, each field of which is from one of the sides."""
        return desired

    def fingerprint_source(self, desired: Resource) -> bytes:
        """Return bytes that stand for all that the files say of the resource."""
        return desired.body

    # what a person reads of it
    def outline(self, path: Path, value: Json) -> Iterator[str]:
        """Yield lines that summarize a canonical value, of any type, that is added or removed at a path."""
        if (sentence := self.item_sentences.get(path[:1])) and len(path) <= _ITEM_DEPTH:
            items = value if isinstance(value, list) else [value]
            yield from (sentence(item) for item in items if isinstance(item, dict))
        elif isinstance(value, str) and "\n" in value:
            lines = value.removesuffix("\n").split("\n")
            yield from lines[:_FIRST_LINES]
            if (more := len(lines) - _FIRST_LINES) > 0:
                yield f"... {more:,} more {'line' if more == 1 else 'lines'}"

    # what others say of it
    def references(self, desired: Resource) -> Iterator[Reference]:
        """Yield the metrics and tags that the resource names."""
        yield from ()

    def metrics(self, desired: Resource) -> Iterator[str]:
        """Yield the metrics that the resource uses."""
        return (one.name for one in self.references(desired) if one.sort == "metric")

    def metric_prefix(self, name: str) -> str:
        """Return what the names of its metrics begin with; empty where it has none."""
        return ""

    # journal
    def to_journal(self, live: Resource, seal: Seal) -> dict[str, Json]:
        """Return what a journal holds of a live resource, from which :meth:`from_journal` makes it again.

        :param seal: takes secrets out; see :mod:`dlsync.state.sealed_values`.
        :raises DlsyncError: it holds a secret where none can be taken out.
        """
        return {}

    def from_journal(self, name: str, saved: Mapping[str, Json]) -> Resource:
        """Return the resource that :meth:`to_journal` was made from, its secrets in it again.

        :raises DlsyncError: it was made from none.
        """
        return Resource(Address(self.name, name), {})

    # server calls
    @abstractmethod
    async def list(self, client: ReadClient, unless: str = "") -> Listing:
        """Ask the server what it has.

        :param unless: the ETag of a listing that is known, of a kind that is listed whole.
        :raises NotModified: it is still that one.
        """

    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = CachedVersion()) -> Resource | None:
        """Return the live resource, or None where the server has none of that name.

        :raises NotModified: it is still the version that is known.
        """
        return next((one for one in (await self.list(client)).resources if one.name == name), None)

    def ids(self, client: ReadClient) -> Mapping[str, tuple[str, ...]]:
        """Return by name the ids under which the server has what it listed last."""
        return {}

    def track_ids(self, client: ReadClient, ids: Mapping[str, tuple[str, ...]]) -> Collection[str]:
        """Have later lists ask for what they omit by these ids; return the names of those that were not all listed."""
        return ()

    async def originals(self, client: ReadClient, names: Iterable[str]) -> dict[str, Resource]:
        """Return the resources of these names as they are now, as exactly as the server gives them."""
        found = await gather(self.fetch(client, name) for name in names)
        return {one.name: one for one in found if one}

    @abstractmethod
    async def create(self, client: Client, desired: Resource) -> None:
        """Make the resource on the server."""

    @abstractmethod
    async def update(self, client: Client, desired: Resource, diff: Sequence[FieldChange]) -> None:
        """Make the live resource what the files say; ``diff`` is what they differ in."""

    @abstractmethod
    async def delete(self, client: Client, name: str) -> None:
        """Remove the resource; one that is gone already is no error."""
