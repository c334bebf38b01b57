"""Convert a backup of the old client, the folder ``<org>/<account>/``, into a tree."""

from dataclasses import dataclass, replace
from pathlib import Path

from dlsync.errors import InvalidTree
from dlsync.files import scaffold, yaml
from dlsync.files.interpolation import Values, escaped
from dlsync.files.names import distinct_stems
from dlsync.files.settings import FILE_NAME
from dlsync.model import Code, Json, Problem
from dlsync.resources import ExportContext, Kind, LoadContext, all_kinds, discovery, loader
from dlsync.resources.tree import Tree

_AGENTS = "agents"
# what the old client wrote below `<org>/<account>/`
_FOLDERS = frozenset({_AGENTS, "dashboards", "links", "plugins", "rules"})


@dataclass(frozen=True)
class Imported:
    """The result of a conversion.

    :param files: of the new tree, in the order of writing.
    :param agents: the names of the agents in the backup, which are never applied.
    :param org: the name of the outer folder, as ``account`` of the inner one; empty if they are no such names.
    """

    files: tuple[str, ...]
    agents: tuple[str, ...]
    org: str = ""
    account: str = ""
    problems: tuple[Problem, ...] = ()


def import_backup(source: Path, directory: Path) -> Imported:
    """Convert a backup into a tree, without overwriting anything.

    Files are copied byte for byte, except that texts that would be references in a tree are escaped.

    :param directory: of the tree; created if it is missing.
    :raises InvalidTree: the backup cannot be read; nothing is written.
    :raises DlsyncError: files of the tree exist or cannot be written; nothing stays written.
    """
    backup = loader.read(source, LoadContext(Values(literal=True), backup=True)).raise_for_errors()
    if not backup.resources or FILE_NAME in backup.sources:
        what = "is a directory of dlsync already" if FILE_NAME in backup.sources else "holds no backup"
        raise InvalidTree(f"{source} {what}", hint="Give the folder <org>/<account> of an old client's backup.")
    org, account = _org_and_account(source)
    contents = {FILE_NAME: yaml.dump({"org": org, "account": account})} if org else {}
    for kind in all_kinds():
        contents |= _files(kind, backup)
    problems = list(backup.warnings)
    agents = _agents(source, problems)
    return Imported(tuple(scaffold.write_new(directory, contents)), agents, org, account, tuple(problems))


def _files(kind: Kind, backup: Tree) -> dict[str, bytes]:
    """Return the files of a kind's resources in the tree, in the order of their names."""
    resources = {one.name: one for one in backup.resources.values() if one.kind == kind.name}
    stems = distinct_stems(resources)
    files: dict[str, bytes | None] = {}
    for name, resource in sorted(resources.items()):
        new = kind.new_files(resource, stems[name], ExportContext(files))
        first = next(iter(new))
        if kind.named_by_file and new[first] != resource.body:  # its file is a copy, except for references
            new[first] = yaml.rewrite(resource.body, escaped(dict(resource.document)), kind.paired)
        files |= new
    return {file: content for file, content in files.items() if content is not None}


def _org_and_account(source: Path) -> tuple[str, str]:
    """Return the names of the two folders, if all folders beside the backup are backups too."""
    folder = source.resolve()
    beside = [one for one in folder.parent.iterdir() if not one.name.startswith(".")]
    are_backups = all(any((one / name).is_dir() for name in _FOLDERS) for one in beside)
    return (folder.parent.name, folder.name) if folder.parent.name and are_backups else ("", "")


def _agents(source: Path, problems: list[Problem]) -> tuple[str, ...]:
    found: list[str] = []
    unreadable: list[Problem] = []
    for file in discovery.read_files(source, [_AGENTS], unreadable):
        try:
            document: Json = yaml.parse(file.content, file.file)  # JSON is YAML
        except yaml.InvalidYaml as error:
            unreadable.append(error.problem)
            continue
        name = document.get("name") if isinstance(document, dict) else None
        found.append(name if isinstance(name, str) and name else Path(file.file).stem)
    problems += [replace(one, code=Code.UNREADABLE_AGENT) for one in unreadable]  # nothing depends on them
    return tuple(sorted(found))
