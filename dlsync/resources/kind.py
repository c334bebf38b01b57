"""What a kind of resource is: its files, its canonical form and its endpoints.

One module of this package is one kind. Nothing outside asks which kind a resource is of: it asks the kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from dlsync.client.concurrency import gather
from dlsync.files import schema, yaml
from dlsync.resources import outline, packs
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

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from dlsync.client import Client, ReadClient
    from dlsync.diff.list_match import ListMatching
    from dlsync.diff.merge_key import MergeKey
    from dlsync.files.redaction import Redaction
    from dlsync.model import Address, FieldChange, Json, Path, Problem, Resource
    from dlsync.state.sealed_values import Seal


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

    # files
    @property
    def places(self) -> tuple[str, ...]:
        """The files and folders at the root of a tree in which this kind's files are."""
        return (self.folder, packs.FOLDER)

    def claims(self, file: str) -> bool:
        """Whether a file of the tree is one of this kind's.

        :param file: relative to the tree, POSIX style.
        """
        return packs.parted(file)[1].startswith(f"{self.folder}/")

    def required_suffix(self, file: str) -> str:
        """Return the ending that the name of a file in the kind's folder must have; empty where any will do.

        Only asked of kinds that are named by their files.
        """
        raise NotImplementedError

    def doubt(self, source: SourceFile) -> str:  # noqa: ARG002 - for kinds of which any file may be
        """Return a warning of a file that is read as a resource and is likely none; empty where there is no doubt."""
        return ""

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:  # noqa: ARG002 - for kinds that share files
        """Return the resource that a file is of, as its name alone says; None where it says none.

        :param file: one that this kind claims.
        :param encoded: whether file names are percent-encoded; in an old client's backup they are not.
        :raises DlsyncError: the file's name cannot be a resource's.
        """
        return None

    @abstractmethod
    def read(self, sources: Sequence[SourceFile], scene: LoadContext = BARE) -> tuple[list[Resource], list[Problem]]:
        """Turn the files that this kind claims into resources, with all problems found on the way."""

    def files(self, desired: Resource) -> tuple[str, ...]:
        """Return the resource's files in the tree."""
        return (desired.file,)

    def line(self, desired: Resource) -> int:  # noqa: ARG002 - for kinds that share files
        """Return the line, from 1, at which the resource begins in its file."""
        return 1

    def deleted_with(self, name: str) -> tuple[Address, ...]:  # noqa: ARG002 - for kinds that others need
        """Return the resources that the server, where it has them, deletes with this one."""
        return ()

    def needs(self, desired: Resource) -> tuple[Address, ...]:  # noqa: ARG002 - for kinds that speak of others
        """Return the resources without which this one is of no use."""
        return ()

    def written_path(self, desired: Resource, path: Path) -> Path:  # noqa: ARG002 - for kinds with two spellings
        """Return where the file has what the canonical form has at the path; a path in the file is left alone."""
        return path

    def as_written(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return the differences under the paths that the file has."""
        return tuple(replace(one, path=self.written_path(desired, one.path)) for one in diff)

    @abstractmethod
    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Return the file that the differences stand in, and the differences with their lines, from 1."""

    @abstractmethod
    def new_files(self, live: Resource, stem: str, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Return the files, by path in the tree, that are to stand for a live resource which the tree has not."""

    @abstractmethod
    def edited_files(self, desired: Resource, live: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:
        """Return the resource's files with the live side written in and all else as it was; None: remove it."""

    def removed_files(self, desired: Resource, draft: ExportContext = BLANK) -> dict[str, bytes | None]:  # noqa: ARG002 - for kinds that share files
        """Return the resource's files without the resource; None: remove it."""
        return dict.fromkeys(reversed(self.files(desired)))

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        """Return the resource's files as they are sent.

        :param redaction: puts references back for secrets.
        """
        return {desired.file: yaml.dump(redaction.value(dict(desired.document)))}

    def faults(self, live: Resource) -> list[schema.Finding]:
        """Return what the schema of the kind's files says of a live resource that its file must not have."""
        if schema.allows(self.name, dict(live.document)):
            return []
        return schema.check(self.name, self.canonical(live.document))

    # canonical form
    @abstractmethod
    def canonical(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """Return the document without what carries no meaning; list positions stay, the input is left alone."""

    def identical(self, desired: Resource, live: Resource) -> bool:  # noqa: ARG002 - for kinds of which bytes say all
        """Whether the bytes alone show that the two mean the same; False where only the canonical forms can tell."""
        return False

    @abstractmethod
    def list_rule(self, path: Path) -> ListMatching:
        """Return how the items of the list at the path are matched."""

    def item_key(self, path: Path) -> MergeKey | None:  # noqa: ARG002 - for kinds that have such lists
        """Return what names the items of the list at the path for an overlay; None where it replaces the list whole."""
        return None

    def duplicates(self, desired: Resource, live: Resource) -> tuple[FieldChange, ...]:  # noqa: ARG002 - for kinds that can have them
        """Return what the server has besides that adds nothing to the live resource, as removals."""
        return ()

    @abstractmethod
    def is_server_managed(self, path: Path, field: str) -> bool:
        """Whether a field that only the live side has, in the mapping at the path, is the server's own business."""

    def dropped_by_update(self, unseen: Sequence[Path]) -> Sequence[Path]:
        """Return those of the fields that only the live side has which an update would drop."""
        return unseen

    def flattened(self, path: Path, mapping: Mapping[str, Json]) -> Mapping[str, Json]:  # noqa: ARG002 - for kinds with two spellings
        """Return the mapping at the path in the one spelling that canonical forms use."""
        return mapping

    @abstractmethod
    def merge_live(self, desired: Resource, live: Resource, canonical: Mapping[str, Json]) -> Resource:
        """Return what is to be sent where some of the live side stays.

        :param canonical: what it is to mean, each field as one of the two sides has it.
        """

    def fingerprinted(self, desired: Resource) -> bytes:
        """Return bytes that stand for all that the files say of the resource."""
        return desired.body

    # what a person reads of it
    def outline(self, path: Path, value: Json) -> Iterator[str]:  # noqa: ARG002 - for kinds with collections
        """Yield in a few lines what is added or removed at a path.

        :param value: in canonical form, without secrets; nothing is certain of its type.
        """
        return outline.first_lines(value)

    # what others say of it
    def references(self, desired: Resource) -> Iterator[Reference]:  # noqa: ARG002 - for kinds that name metrics or tags
        """Yield the metrics and tags that the resource names."""
        yield from ()

    def metrics(self, desired: Resource) -> Iterator[str]:
        """Yield the metrics that the resource uses."""
        return (one.name for one in self.references(desired) if one.sort == "metric")

    def measures(self, name: str) -> str:  # noqa: ARG002 - for kinds that make metrics
        """Return what the names of its metrics begin with; empty where it has none."""
        return ""

    # journal
    @abstractmethod
    def saved(self, live: Resource, seal: Seal) -> dict[str, Json]:
        """Return what makes the live resource again, for a journal.

        :param seal: takes secrets out; see :mod:`dlsync.state.sealed_values`.
        :raises DlsyncError: it holds a secret where none can be taken out.
        """

    @abstractmethod
    def restored(self, name: str, saved: Mapping[str, Json]) -> Resource:
        """Return the resource that :meth:`saved` was made from, its secrets in it again.

        :raises DlsyncError: it was made from none.
        """

    def respelled(self, path: Path, written: Mapping[str, Json], flat: dict[str, Json]) -> dict[str, Json]:  # noqa: ARG002 - see above
        """Return a flattened mapping spelled as the user wrote it."""
        return flat

    # endpoints
    @abstractmethod
    async def list(self, client: ReadClient, unless: str = "") -> Listing:
        """Ask the server what it has.

        :param unless: the ETag of a listing that is known, of a kind that is listed whole.
        :raises NotModified: it is still that one.
        """

    @abstractmethod
    async def fetch(self, client: ReadClient, name: str, known: CachedVersion = UNKNOWN) -> Resource | None:
        """Return the live resource, or None where the server has none of that name.

        :raises NotModified: it is still the version that is known.
        """

    def ids(self, client: ReadClient) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG002 - for kinds whose lists may omit some
        """Return by name the ids under which the server has what it listed last."""
        return {}

    def expect(self, client: ReadClient, ids: Mapping[str, tuple[str, ...]]) -> Collection[str]:  # noqa: ARG002 - see above
        """Have resources asked for by their ids from now on; return the names of those that were not listed whole."""
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
