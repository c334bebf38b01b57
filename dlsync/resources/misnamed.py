"""Warn of files and folders that are not read although they are in a place for resources."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote

from dlsync.errors import DlsyncError
from dlsync.files import schema, yaml
from dlsync.files.ignored import FILE as IGNORE_FILE
from dlsync.files.ignored import Ignored
from dlsync.files.names import file_stem
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import listed, near_miss
from dlsync.model import Address, Code, Problem
from dlsync.resources import all_kinds, discovery, kind_of, packs
from dlsync.resources.file_format import PACKS, SourceFile, pack_and_path
from dlsync.resources.kind import Kind
from dlsync.resources.link import FILE as LINKS
from dlsync.resources.overlays import FOLDER as OVERLAYS

WAY_OUT = f"rename it, or name it in {IGNORE_FILE}"
_NOT_IN_FORCE = "is not read, so none of its settings is in force, `protect` and `prune` among them: rename it to"
_IGNORED = (
    "is not read, since .dlsyncignore names it, so the plan deletes {0}; to keep it live, run `dlsync release "
    "{1}` before the apply"
)
_NO_FOLDER = "is a file; expected a folder (git writes a symbolic link as a file where links are off)"
# endings that users write in place of the right one, or behind it
_ENDING = re.compile(r"(?i)(?:\.(?:ya?ml|json|toml)(?:\.txt)?)?\Z")
# difflib's ratio for names that may have another purpose: `roles/` and `packages/` are below it
_VERY_NEAR = 0.85


def in_tree(root: Path, entries: Sequence[str], sources: Mapping[str, bytes], ignored: Ignored) -> Iterator[Problem]:
    """Yield warnings of misnamed files in a tree, whose root may hold files for other purposes.

    :param entries: the names at the root; those of folders end with a slash.
    """
    kinds = {kind.folder: kind for kind in all_kinds() if kind.named_by_file}
    folders = [f"{folder}/" for folder in kinds]
    known = (SETTINGS, LINKS, IGNORE_FILE, *folders, f"{PACKS}/", f"{OVERLAYS}/")
    contents = {*sources.values()}
    for entry in entries:
        wrong = () if ignored.by_user(entry) else tuple(_entry("", entry, known, strict=True))
        yield from wrong
        if entry.endswith("/") and entry not in known and not wrong and not ignored(entry):
            samples = discovery.samples(root, entry.rstrip("/"), kinds)
            # a file that is also read through a link, or is a copy, is not missing
            yield from _unread_folder((one for one in samples if one.content not in contents), kinds)
    files = [*sources]
    place = f"{PACKS}/"
    for file in files:
        if file.startswith(place) and file.count("/") == 1:
            yield Problem(Code.FILE_NOT_READ, f"is not read: expected a folder for each pack; {WAY_OUT}", file)
    for pack in dict.fromkeys(name for name, _ in map(pack_and_path, files) if name):
        yield from in_folder(files, f"{place}{pack}/", (packs.PACKAGE, *folders))
    for file, content in sources.items():
        folder, slash, _ = pack_and_path(file)[1].partition("/")
        if slash and (kind := kinds.get(folder)):
            yield from of_suffix(file, kind.required_suffix(file))
            if (warning := kind.misread_warning(SourceFile(file, content))) and ignored.by_user(file) is None:
                yield Problem(Code.DOUBTFUL_PLUGIN, warning, file)


def in_backup(files: Iterable[str]) -> Iterator[Problem]:
    """Yield warnings of misnamed files in an old client's backup, which has no list of ignored files."""
    kinds = {kind.folder: kind for kind in all_kinds()}
    for file in files:
        kind = kinds.get(file.partition("/")[0])
        if not kind or kind.address_from_path(file, encoded=False):
            continue
        if not file.endswith(suffix := kind.required_suffix(file)):
            yield Problem(Code.FILE_NOT_READ, f"is not read: expected <name>{suffix}; rename it", file)


def with_deletes(root: Path, warnings: Iterable[Problem], deletes: Collection[Address]) -> Iterator[Problem]:
    """Yield warnings of a tree; a warning of an unread file also names the resources that the plan therefore deletes.

    :param deletes: of a plan.
    """
    for one in warnings:
        names = discovery.names_at(root, one.file) if deletes and one.file else frozenset()
        if lost := [address for address in sorted(deletes) if _is_unread(address, one.file, names)]:
            yield replace(one, message=f"{one.message}. Because it is not read, the plan deletes {listed(lost)}")
        else:
            yield one


def ignored_deletes(root: Path, ignored: Ignored, deletes: Collection[Address]) -> Iterator[Problem]:
    """Warn of deletes of resources whose files ``.dlsyncignore`` names, which may be meant to keep them."""
    kinds = [kind for kind in all_kinds() if kind.named_by_file and any(one.kind == kind.name for one in deletes)]
    for source in discovery.read_files(root, discovery.places(kinds) if ignored.spec else (), []):
        for kind in kinds:
            with suppress(DlsyncError):  # no name of a resource
                address = kind.address_from_path(source.file, encoded=True) if kind.claims(source.file) else None
                if address in deletes and ignored.by_user(source.file):
                    yield Problem(Code.FILE_NOT_READ, _IGNORED.format(address, quote(str(address))), source.file)


def _is_unread(address: Address, place: str, names: Collection[str]) -> bool:
    """Tell whether a resource without a file has the name of an unread file.

    :param place: the file, or a folder; ``names`` are those of all files there.
    """
    kind = kind_of(address.kind)
    if not kind.named_by_file:
        return place not in kind.places and _nearest(place, kind.places, strict=True) is not None
    is_file = place.rpartition("/")[2] in names
    if place.startswith(f"{OVERLAYS}/") or (is_file and not kind.claims(place)):
        return False
    stem = file_stem(address.name)
    return any(stem in {_ENDING.sub("", name), name.rpartition(".")[0]} for name in names)


def _unread_folder(samples: Iterable[SourceFile], kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Yield a warning if a folder that no kind reads holds what looks like a resource."""
    for source in samples:
        with suppress(yaml.InvalidYaml):
            document = yaml.parse(source.content, source.file)
            for kind in kinds.values():
                if kind.sends_yaml and schema.allows(kind.name, document):
                    message = f"is not read, and {source.file} looks like a {kind.name}; did you mean `{kind.folder}/`?"
                    yield Problem(Code.FILE_NOT_READ, f"{message} If so, {WAY_OUT}", source.file.partition("/")[0])
                    return


def in_folder(files: Sequence[str], place: str, known: Sequence[str]) -> Iterator[Problem]:
    """Yield warnings of misnamed files in a folder whose possible names are all known.

    :param files: those below the folder, by path in the tree.
    :param place: the folder, with a slash at its end.
    """
    if (itself := place.removesuffix("/")) in files:
        yield Problem(Code.WRONG_FILE_TYPE, _NO_FOLDER, itself)
    inside = (file.removeprefix(place).partition("/") for file in files if file.startswith(place))
    for entry in dict.fromkeys(name + slash for name, slash, _ in inside):
        yield from _entry(place, entry, known)


def of_suffix(file: str, suffix: str) -> Iterator[Problem]:
    """Yield a warning if the name of a file has the wrong ending."""
    if file.endswith(suffix):
        return
    stem = _ENDING.sub("", file)
    if stem == file and "." in file.rpartition("/")[2]:
        yield Problem(Code.FILE_NOT_READ, f"is not read: expected <name>{suffix}; {WAY_OUT}", file)
        return
    middle = len(suffix.removesuffix(".yaml"))  # such as ".meta" of a plugin's settings, which the name may have
    if middle and stem.casefold().endswith(suffix[:middle]):
        stem = stem[:-middle]
    yield Problem(Code.FILE_NOT_READ, _not_read(f"{stem.rpartition('/')[2]}{suffix}"), file)


def _entry(place: str, entry: str, known: Sequence[str], *, strict: bool = False) -> Iterator[Problem]:
    """Yield the problem of a name in a folder; if ``strict``, only for a name that is very similar to a known one."""
    name = entry.removesuffix("/")
    is_folder = name != entry
    if entry in known:
        return
    if not is_folder and f"{name}/" in known:
        yield Problem(Code.WRONG_FILE_TYPE, _NO_FOLDER, place + name)
    elif is_folder and name in known:
        yield Problem(Code.WRONG_FILE_TYPE, "is a folder; expected a file", place + name)
    elif near := _nearest(entry, known, strict=strict):
        yield Problem(Code.FILE_NOT_READ, _not_read(near), place + name)
    elif not strict:
        yield Problem(Code.FILE_NOT_READ, f"is not read: expected {', '.join(known)} here; {WAY_OUT}", place + name)


def _not_read(near: str) -> str:
    if near == SETTINGS:
        return f"{_NOT_IN_FORCE} {SETTINGS}, or name it in {IGNORE_FILE}"
    return f"is not read; did you mean `{near}`? If so, {WAY_OUT}"


def _nearest(entry: str, known: Sequence[str], *, strict: bool) -> str | None:
    is_folder = entry.endswith("/")
    stems = {_stem(one): one for one in known if one.endswith("/") == is_folder}
    word = _stem(entry)
    anagrams = (stem for stem in stems if sorted(stem) == sorted(word))  # two letters swapped
    near = next(anagrams, None) or near_miss(word, tuple(stems), *([_VERY_NEAR] if strict else []))
    if near is None or (_has_ending(stems[near]) and not _has_ending(entry)):
        return None
    return stems[near]


def _stem(name: str) -> str:
    return _ENDING.sub("", name.strip(" /")).lstrip(".").casefold()


def _has_ending(name: str) -> bool:
    return _ENDING.sub("", name) != name
