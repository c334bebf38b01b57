"""Write the YAML files of a tree in the house style; comments stay."""

from functools import partial
from pathlib import Path

from dlsync.errors import DlsyncError
from dlsync.files import schema, writer
from dlsync.files.directory import Directory
from dlsync.files.yaml.format import formatted
from dlsync.files.yaml.pieces import Unspliceable
from dlsync.files.yaml.source import InvalidYaml
from dlsync.model import Code, Problem
from dlsync.resources import all_kinds, discovery, loader
from dlsync.resources.overlays import FOLDER as OVERLAYS

_STAYS = "stays as it is: it has anchors, or comments inside of brackets or where the house style has no place for them"


def format_files(directory: Path, *, check: bool = False) -> tuple[list[str], list[Problem]]:
    """Write files in the house style; return the changed files, and the problems of files that stay.

    :param check: write nothing.
    :raises DlsyncError: the directory cannot be read, or is an old client's backup, or a file was changed meanwhile.
    """
    found = loader.read_sources(directory)
    if found.backup:
        raise DlsyncError("an old client's backup is not formatted", hint="Import it with `dlsync import-backup`.")
    problems = [*found.errors]
    overlays = {one.file: one.content for one in discovery.read_files(directory, [OVERLAYS], problems, found.ignored)}
    changed: dict[str, bytes] = {}
    for file, content in {**found.sources, **overlays}.items():
        document = file.split("/", 2)[-1] if file in overlays else file
        for kind in (kind for kind in all_kinds() if kind.is_document(document)):
            try:
                text = formatted(content, partial(schema.ordered, kind.name), file)
            except InvalidYaml as error:
                problems.append(error.problem)
            except Unspliceable:
                problems.append(Problem(Code.NOT_FORMATTED, _STAYS, file))
            else:
                changed |= {file: text} if text != content else {}
    places = {} if check else {file: Directory(directory).real_path(file) for file in changed}
    for file, path in places.items():
        writer.require_unchanged(file, path, {**found.sources, **overlays}[file], changed[file])
    for file, path in places.items():
        writer.replace_file(path, changed[file])
    return sorted(changed), problems
