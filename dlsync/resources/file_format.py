"""The file side of a kind: how its files are read, edited and written."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from dlsync.files import yaml
from dlsync.files.interpolation import Values
from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.model import Address, FieldChange, Json, Path, Problem, Resource

Files = dict[str, bytes | None]
Loaded = tuple[list[Resource], list[Problem]]

PACKS = "packs"  # the folder that holds packs
_PARTS = 3  # packs, the pack, and the path there


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the tree: its path there, with slashes, and its bytes."""

    file: str
    content: bytes


@dataclass(frozen=True)
class LoadContext:
    """What reading the files of a tree needs.

    :param values: of references.
    :param overlays: the overlays of the chosen environment, by their paths below its folder.
    :param environment: empty for none.
    :param backup: the tree is an old client's backup, in which file names are not encoded.
    """

    values: Values = field(default_factory=Values)
    overlays: Mapping[str, SourceFile] = field(default_factory=dict)
    environment: str = ""
    backup: bool = False


@dataclass(frozen=True)
class ExportContext:
    """The state of an export.

    :param files: the contents so far, by path in the tree; None for a file that is removed.
    :param references: whether files can hold references.
    """

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    redaction: Redaction = NOTHING_SECRET
    references: bool = True

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file spells it: with references in place of secrets, and other ``${`` escaped."""
        return self.redaction.spelled(value) if self.references else value


def pack_and_path(file: str) -> tuple[str, str]:
    """Return the pack of a file and its path there; for a file outside of packs, an empty name and the whole path."""
    parts = file.split("/", _PARTS - 1)
    return (parts[1], parts[2]) if parts[0] == PACKS and len(parts) == _PARTS else ("", file)


class FileFormat(ABC):
    """The files of a kind."""

    name: ClassVar[str]
    folder: ClassVar[str]
    # False if several resources share a file
    named_by_file: ClassVar[bool] = True
    # how the file names of its overlays end; empty if it has none
    overlay_suffix: ClassVar[str] = ""
    # whether its files are sent as their YAML text
    sends_yaml: ClassVar[bool] = False

    @property
    def places(self) -> tuple[str, ...]:
        """The files and folders at the root of a tree that hold this kind."""
        return (self.folder, PACKS)

    def claims(self, file: str) -> bool:
        """Whether the kind reads a file of the tree."""
        return pack_and_path(file)[1].startswith(f"{self.folder}/")

    def is_document(self, file: str) -> bool:
        """Whether a file outside of packs is a YAML document, to which the kind's schema applies."""
        return bool(self.overlay_suffix) and file.startswith(f"{self.folder}/") and file.endswith(self.overlay_suffix)

    def required_suffix(self, file: str) -> str:
        """Return how the name of a file in the kind's folder must end."""
        return self.overlay_suffix

    def misread_warning(self, source: SourceFile) -> str:
        """Return a warning of a file that is read as a resource and is likely none; empty for other files."""
        return ""

    def address_from_path(self, file: str, *, encoded: bool) -> Address | None:
        """Return the address for the name of a file; None if the file holds no resource.

        :param encoded: whether file names are percent-encoded; in an old client's backup they are not.
        :raises DlsyncError: the name is invalid.
        """
        return None

    @abstractmethod
    def read(self, sources: Sequence[SourceFile], context: LoadContext = LoadContext()) -> Loaded:
        """Parse the files of the kind; return their resources and problems."""

    def files(self, desired: Resource) -> tuple[str, ...]:
        """Return the resource's files in the tree."""
        return (desired.file,)

    def line(self, desired: Resource) -> int:
        """Return the line, from 1, at which the resource begins in its file."""
        return 1

    def written_path(self, desired: Resource, path: Path) -> Path:
        """Return the path in the file of a path in the canonical form; a path of the file stays unchanged."""
        return path

    def as_written(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return the differences with the paths of the file."""
        return tuple(replace(one, path=self.written_path(desired, one.path)) for one in diff)

    def located(self, desired: Resource, diff: Sequence[FieldChange]) -> tuple[str, tuple[FieldChange, ...]]:
        """Return the file of the differences, and the differences with their lines, from 1."""
        return desired.file, tuple(diff)

    def new_files(self, live: Resource, stem: str, context: ExportContext = ExportContext()) -> Files:
        """Return the files for a live resource that the tree lacks, by path in the tree."""
        return {}

    def edited_files(self, desired: Resource, live: Resource, context: ExportContext = ExportContext()) -> Files:
        """Return the resource's files with the live values written in, and all else unchanged; None removes a file."""
        return {}

    def removed_files(self, desired: Resource, context: ExportContext = ExportContext()) -> Files:
        """Return the resource's files without the resource; None removes a file."""
        return dict.fromkeys(reversed(self.files(desired)))

    def sent_files(self, desired: Resource, redaction: Redaction) -> dict[str, bytes]:
        """Return the resource's files as they are sent, with references in place of secrets."""
        return {desired.file: yaml.dump(redaction.value(dict(desired.document)))}
