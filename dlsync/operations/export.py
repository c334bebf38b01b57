"""Write live resources into files: edit the files that exist in place, and write new ones for the others."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from shlex import quote
from types import MappingProxyType
from typing import cast

from dlsync.diff.compare import compare, differences
from dlsync.errors import DlsyncError, Refused
from dlsync.files import secret_scan, unresolved, writer
from dlsync.files.git import Repository
from dlsync.files.ignored import FILE as IGNORE_FILE
from dlsync.files.interpolation import plain
from dlsync.files.names import distinct_stems, too_long
from dlsync.files.redaction import Redaction, values_in
from dlsync.files.settings import Settings
from dlsync.files.writer import FileChange
from dlsync.messages import visible
from dlsync.model import Action, Address, Code, FieldChange, Json, Op, Problem, Resource, ResourceChange, Target
from dlsync.operations import export_commit, hidden_secrets, plan_warnings
from dlsync.operations.fetch import Fetcher, Live, fetch_by_name
from dlsync.operations.hidden_secrets import Former, parted
from dlsync.operations.plan import open_planning, outlined
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.update_inventory import resolved
from dlsync.resources import ExportContext, all_kinds, environments, kind_of
from dlsync.resources.file_format import pack_and_path
from dlsync.resources.overlays import FOLDER as OVERLAYS
from dlsync.resources.selector import EVERYTHING, Targets
from dlsync.resources.tree import Tree, unsilenced
from dlsync.state.inventory import Inventory

_REFERENCE = re.compile(rb"(?<!\$)\$\{(?:env|var):[^}]*\}")
_ENVIRONMENT = "${env:"
_HOLD_REFERENCES = ".yaml"  # in scripts, the same spelling is a variable of the script
_REPLACED = "%s was replaced by the live value, which differs: if that is a secret too, do not commit it"
_NO_VARIABLE = "`%s` was replaced by a value for every environment: to change one, edit `variables` in dlsync.yaml"
_KEPT_REFERENCE = "not written, because a live value would replace `%s` in %s: change %s, or edit the file by hand"
_KEPT_OUT = (
    "not written into %s: %s. Write that into the file; if it is no secret, write the value there with the comment "
    "`# gitleaks:allow`"
)
_NOTHING_LIVE = "nothing that this export covers is live on %s, and --mirror would remove the files of %d resources"
_NOTHING_LIVE_HINT = (
    "Check the account. To remove the files on purpose, delete them, or name each resource with --target."
)
_UNRESOLVED = "not written into %s: %s; if that is its content, put !PATH into .dlsyncignore"
_SHARED = "not written, because %s is also a file of %s: %s`%s` changes it for all"
_UNKNOWN = "%s comes from the account's inventory: check that it is a variable of yours before you apply this"
_NOT_LISTED = (
    "this server does not list every %s: of the others, only those that the inventory, a file or --target names are "
    "exported"
)


@dataclass(frozen=True)
class Export:
    """The files that an export changes; falsy if there are none.

    :param unchanged: how many resources are in their files as they are live.
    :param problems: errors are resources that no file can hold.
    :param commit: the commit that has the files; empty if none was made.
    :param waiting: how many resources are left out because their files are not applied or committed yet.
    :param changes: returns the changes of the resources in the files, which few formats show.
    """

    target: Target
    files: tuple[FileChange, ...]
    unchanged: int
    problems: tuple[Problem, ...] = ()
    commit: str = ""
    waiting: int = 0
    changes: Callable[[], tuple[ResourceChange, ...]] = field(default=tuple, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def summary(self) -> dict[str, int]:
        """How many files would be created, updated, deleted, and how many resources are unchanged."""
        actions = [file.action for file in self.files]
        counts = {action: actions.count(action) for action in ("create", "update", "delete")}
        return {**counts, "unchanged": self.unchanged}


async def export(
    directory: Path,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    managed: bool = False,
    mirror: bool = False,
    check: bool = False,
    commit: bool = False,
    push: bool = False,
    reporter: Reporter = SILENT,
) -> Export:
    """Write the live state into files.

    :param managed: only what is managed, or in the files already.
    :param mirror: also remove the files of what the server does not have.
    :param check: write nothing, only return what would be written.
    :param commit: commit what is written, and leave out what is not applied yet.
    :param push: push the branch to its upstream then.
    :raises InvalidTree: the existing files have errors.
    :raises Refused: nothing is live, and ``mirror`` would remove files of resources that no target names in full.
    :raises ApiError: the live state could not be fetched completely.
    :raises DlsyncError: git cannot commit or push.
    """
    repository = Repository(directory, push=push) if commit and not check else None
    async with open_planning(directory, settings, reporter, reads_only=True, missing_ok=True) as (fetcher, tree):
        options = {"managed": managed, "mirror": mirror, "applied_only": commit}
        made = await build_export(fetcher, tree, settings, targets=targets, **options)
    if repository:
        made = replace(made, commit=await export_commit.commit(repository, directory, made.target, made.files))
        if push:
            await repository.push()
    elif not check:
        writer.write(directory, made.files)
    return made


async def build_export(
    fetcher: Fetcher,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets,
    managed: bool = False,
    mirror: bool = False,
    applied_only: bool = False,
) -> Export:
    """Return the files that an export writes; parameters and errors as of :func:`export`.

    :param tree: without errors; may be empty.
    :param applied_only: leave out what is not applied yet, and what would replace a reference or write a likely secret.
    """
    inventory = await fetcher.inventory(settings, tree.root)
    wanted = {address for address in tree.resources if targets.admits(address)}
    wanted |= {address for address in inventory.known if targets.admits(address)} if managed else targets.named()
    wanted = {address for address in wanted if kind_of(address.kind).account_scoped}
    listed = () if managed else {name for name in targets.kinds() if kind_of(name).account_scoped}
    live = await fetcher.fetch(wanted, everything=listed, admits=targets.admits)
    live = await _with_managed(fetcher, live, filter(targets.admits, inventory.known))
    targets.require_match({*tree.resources, *live.resources, *inventory.known})
    inventory = resolved(inventory, live.resources, (), tree.resources)
    live = live.with_readable(hidden_secrets.readable(live.resources, tree.resources, inventory))
    problems = [Problem(Code.INCOMPLETE_LIST, _NOT_LISTED % kind) for kind in live.unlisted]
    problems += [Problem(Code.NOT_EXPORTED, fault) for fault in live.faults]
    removed = wanted & tree.resources.keys() - live.resources.keys() if mirror else set()
    if not live.resources and removed - targets.named():
        raise Refused(_NOTHING_LIVE % (settings.target, len(removed)), hint=_NOTHING_LIVE_HINT)
    resources = live.resources
    waiting = export_commit.not_applied({*resources, *removed}, tree, resources, inventory) if applied_only else {}
    problems += [Problem(Code.NOT_APPLIED, f"{address}: {reason}") for address, reason in sorted(waiting.items())]
    resources = {address: one for address, one in resources.items() if address not in waiting}
    removed -= waiting.keys()
    made = edit_files(settings.target, tree, inventory, resources, removed, problems=problems, is_careful=applied_only)
    others = environments.sharing(tree.root, settings.environment) if made else ()
    shared = plan_warnings.shared([one.file for one in made.files], others)
    return replace(made, waiting=len(waiting), problems=(*made.problems, *shared))


async def _with_managed(fetcher: Fetcher, live: Live, managed: Iterable[Address]) -> Live:
    """Fetch managed resources by name that were not found, because servers need not list everything."""
    missing = {one for one in managed if one not in live.resources and kind_of(one.kind).account_scoped}
    found = await fetch_by_name(fetcher.client, missing)
    resources = sorted({**live.resources, **found}.items(), key=lambda pair: pair[0])
    return replace(live, resources=dict(resources)) if found else live


def edit_files(
    target: Target,
    tree: Tree,
    inventory: Inventory,
    live: Mapping[Address, Resource],
    removed: Collection[Address],
    *,
    problems: Iterable[Problem] = (),
    left_out: Mapping[Address, str] = MappingProxyType({}),
    accepts_for: str | None = None,
    is_careful: bool = False,
) -> Export:
    """Return the changes of files that hold live resources.

    :param tree: without errors.
    :param left_out: the resources that are not written, with the reasons.
    :param accepts_for: the environment whose manual edits are accepted; what would change another one is left out. None
        for an export.
    :param is_careful: leave out what would replace a reference or write a likely secret.
    """
    edits = _Edits(tree, inventory, live, accepts_for, is_careful=is_careful)
    for resource in live.values():
        edits.write(resource)
    for address, resource in tree.resources.items():  # a plugin before its links, because links of packs go with it
        if address in removed:
            edits.remove(resource)
    files = edits.files()
    kept_out = (Problem(Code.NOT_EXPORTED, f"{address}: {left_out[address]}") for address in sorted(left_out))
    problems = (*plan_warnings.unread(inventory), *problems, *kept_out, *edits.problems(files))
    return Export(
        target, files, len(live.keys() - edits.changed - edits.faults.keys()), problems, changes=edits.changes
    )


class _Edits:
    """Edits the files of a tree, of which one may hold several resources.

    :ivar faults: why resources are in no file, by address.
    """

    def __init__(
        self,
        tree: Tree,
        inventory: Inventory,
        live: Mapping[Address, Resource],
        accepts_for: str | None,
        *,
        is_careful: bool,
    ) -> None:
        self._tree = tree
        self._live = live
        self._environment = accepts_for or ""
        self._others = () if accepts_for is None else environments.sharing(tree.root, accepts_for)
        self._is_careful = is_careful and not tree.backup
        self._stems = _stems(tree.resources, live)
        self._known = hidden_secrets.known(inventory, live.values())
        self._recorded = inventory.secret_spellings(live.keys() - tree.resources.keys())
        former = {text: spelling for texts in self._known.values() for text, spelling in texts.items()}
        # an empty folder mentions no secret, so the references of the inventory are written there, with a warning
        believes = tree.backup or not tree.sources
        self._former = Former(former) if believes else parted(former, tree.root)
        self._files: dict[str, bytes | None] = dict(tree.sources)
        self._redacted = Redaction({**values_in([former]), **tree.secrets}).message
        redaction = Redaction({**values_in([self._former.known]), **tree.secrets})
        self._context = ExportContext(self._files, redaction, references=not tree.backup)
        # the resources that changed a file
        self._changes: defaultdict[str, list[Address]] = defaultdict(list)
        self.faults: dict[Address, Problem] = {}

    @property
    def changed(self) -> set[Address]:
        """The resources whose files change."""
        return {address for addresses in self._changes.values() for address in addresses}

    def write(self, live: Resource) -> None:
        """Write a live resource into the files."""
        self._edit(live.address, partial(self._written, self._tree.resources.get(live.address), live))

    def remove(self, desired: Resource) -> None:
        """Remove a resource from the files."""
        self._edit(desired.address, partial(kind_of(desired.kind).removed_files, desired, self._context))

    def _edit(self, address: Address, edit: Callable[[], Mapping[str, bytes | None]]) -> None:
        try:
            files = edit()
            # the live value may be spelled as the file spells it: a reference whose value changed
            changed = {
                file: text for file, text in files.items() if file not in self._files or self._files[file] != text
            }
            self._require_own(address, changed)
        except DlsyncError as error:
            self.faults[address] = Problem(Code.NOT_EXPORTED, f"{address}: {self._redacted(error.message)}")
            return
        for file in changed:
            self._changes[file].append(address)
        self._files |= changed

    def _written(self, desired: Resource | None, live: Resource) -> Mapping[str, bytes | None]:
        kind = kind_of(live.kind)
        if live.unreadable:
            raise DlsyncError(live.unreadable)
        if desired is not None and compare(kind, desired, live).diff:
            live = self._former.renewed(desired, live)
        diff = compare(kind, desired, live).diff if desired is not None else ()
        if desired is not None and not diff:
            return {}
        hidden_secrets.require_set(diff)
        self._former.require_known(desired, live)
        hidden_secrets.require_spellings(live, references=not self._tree.backup)
        _require_allowed(live)
        known = {text: how for text, how in self._known.get(live.address, {}).items() if text in self._former.known}
        context = replace(self._context, redaction=self._context.redaction.with_spellings(known))
        if desired:
            files = kind.edited_files(desired, live, context)
        else:
            files = kind.new_files(live, self._stems[live.address], context)
        for file, content in files.items():
            self._require_name(file)
            # the next run would refuse it
            if found := next(unresolved.problems(file, content or b"", self._tree.ignored), None):
                raise DlsyncError(_UNRESOLVED % (file, found.message))
        if self._is_careful:
            self._require_no_secrets(files)
            if desired is None or any(one.op != "add" for one in diff):  # otherwise nothing is written, only removed
                self._require_references(live.address, files)
        return files

    def _require_own(self, address: Address, changed: Mapping[str, bytes | None]) -> None:
        """Require that files belong only to the environment whose edits are accepted."""
        if not (self._others and changed):
            return
        own, suffix, is_gone = "", kind_of(address.kind).overlay_suffix, address not in self._live
        is_overlaid = suffix and all(file.endswith(suffix) for file in changed)
        if is_overlaid and self._environment and address in self._tree.resources and not is_gone:
            own = f"write the difference into {OVERLAYS}/{self._environment}/{pack_and_path(min(changed))[1]}; "
        options = [f"-e {self._environment}"] * bool(self._environment) + ["--mirror"] * is_gone
        command = " ".join(["dlsync export", *options, f"--target {quote(str(address))}"])
        raise DlsyncError(_SHARED % (min(changed), " and ".join(self._others), own, command))

    def _require_no_secrets(self, files: Mapping[str, bytes | None]) -> None:
        for file, content in files.items():
            for problem in secret_scan.problems(file, content or b"", known=self._files.get(file) or b""):
                raise DlsyncError(_KEPT_OUT % (file, problem.message))

    def _require_references(self, address: Address, files: Mapping[str, bytes | None]) -> None:
        """Require that files keep their references, and that new files have those of the inventory."""
        recorded = _references("\n".join(self._recorded.get(address, ())).encode("utf-8", "surrogatepass"))
        texts = {file: text or b"" for file, text in files.items() if file.endswith(_HOLD_REFERENCES)}
        before = Counter(recorded.keys()) + _references(b"\n".join(self._files.get(file) or b"" for file in texts))
        for name in sorted(before - _references(b"\n".join(texts.values()))):
            instead = "the environment variable" if name.startswith(_ENVIRONMENT) else "`variables` in dlsync.yaml"
            raise DlsyncError(_KEPT_REFERENCE % (visible(name), min(texts or files), instead))

    def _require_name(self, file: str) -> None:
        if file in self._tree.sources:
            return
        if self._tree.ignored(file):
            raise DlsyncError(f"its file {file} would be ignored: to export it, write `!{file}` in {IGNORE_FILE}")
        if too_long(file.rpartition("/")[2]):
            raise DlsyncError(f"its name is too long for a file: {file}", hint="Rename it on the server.")
        if self._tree.backup and "%" in file:
            raise DlsyncError(
                "no file of an old client's backup can have its name: convert the backup with `dlsync import-backup`"
            )

    def files(self) -> tuple[FileChange, ...]:
        """Return the changes of files in the order of kinds, so that an interrupted export leaves a readable tree."""
        changes: list[FileChange] = []
        for file, addresses in self._changes.items():
            first, *others = sorted(set(addresses))
            content = self._files[file]
            action: Action = "delete" if content is None else "update" if file in self._tree.sources else "create"
            before = self._tree.sources.get(file)
            changes.append(FileChange(first, action, file, content, tuple(others), before))
        return tuple(sorted(changes, key=lambda change: change.address))

    def changes(self) -> tuple[ResourceChange, ...]:
        """Return the changes of resources from their files to what is live, without secrets."""
        places = {address: file for file, addresses in self._changes.items() for address in addresses}
        return tuple(self._described(address, places[address]) for address in sorted(places))

    def _described(self, address: Address, file: str) -> ResourceChange:
        desired, live, kind = self._tree.resources.get(address), self._live.get(address), kind_of(address.kind)
        redaction = self._context.redaction.with_spellings(self._known.get(address, {}))
        if desired and live:  # a live value may be secret where the file has a reference: only this comparison tells
            diff = kind.as_written(desired, compare(kind, desired, live).diff)
            made = redaction.change(ResourceChange(address, "update", "repo", file, diff=diff))
            shown = outlined(made, live, desired, redaction)
            turned = tuple(replace(one, before=one.after, after=one.before) for one in shown.items())
            return replace(shown, diff=tuple(map(outward, shown.diff)), items=lambda: turned)
        action: Action = "create" if live else "delete"
        whole = tuple(differences(kind, (), kind.canonical(live.document), {})) if live else ()
        made = redaction.change(ResourceChange(address, action, "repo", file, diff=whole))
        return outlined(made, desired, live, redaction)

    def problems(self, files: Collection[FileChange]) -> Iterator[Problem]:
        """Yield warnings of likely secrets in the changed files, and why resources are in no file."""
        if not self._tree.backup:  # a backup has no references to write instead
            contents = {one.file: one.content for one in files if one.content is not None}
            yield from unsilenced(exposed(contents, self._tree.sources), contents)
            yield from self._replaced_secrets(files)
        yield from self.faults.values()

    def _replaced_secrets(self, files: Collection[FileChange]) -> Iterator[Problem]:
        """Yield a warning for each recorded secret that another value replaces in the files of a resource."""
        for address, spellings in self._recorded.items():
            own = {one.file: one.content or b"" for one in files if address in (one.address, *one.others)}
            there = _references(b"\n".join(own.values()))
            gone = _references("\n".join(spellings).encode("utf-8", "surrogatepass")).keys() - there if own else ()
            secrets = sorted(name for name in gone if name.startswith(_ENVIRONMENT))
            yield from (Problem(Code.REPLACED_REFERENCE, _REPLACED % visible(name), min(own)) for name in secrets)


def exposed(files: Mapping[str, bytes], sources: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield a warning for each likely secret in files to be written, and for each replaced reference."""
    for file, content in files.items():
        yield from secret_scan.problems(file, content)
        if not file.endswith(_HOLD_REFERENCES):
            continue
        there = _references(content)
        for name in sorted(_references(sources.get(file, b"")) - there):
            message = _REPLACED if name.startswith(_ENVIRONMENT) else _NO_VARIABLE
            yield Problem(Code.REPLACED_REFERENCE, message % visible(name), file)
        unknown = () if sources else sorted(name for name in there if name.startswith(_ENVIRONMENT))
        yield from (Problem(Code.UNVERIFIED_REFERENCE, _UNKNOWN % visible(name), file) for name in unknown)


_OPS: dict[Op, Op] = {"add": "remove", "remove": "add", "replace": "replace"}


def outward(one: FieldChange) -> FieldChange:
    """Reverse a difference, so that it goes from the files to what is live."""
    before = None if one.mover == "conflict" else one.after
    return replace(one, op=_OPS[one.op], before=before, after=one.before)


def _references(content: bytes) -> Counter[str]:
    return Counter(name.decode("utf-8", "replace") for name in _REFERENCE.findall(content))


def _require_allowed(live: Resource) -> None:
    """Raise a DlsyncError if the file of a resource would be invalid, so that each later run would refuse it."""
    kind = kind_of(live.kind)
    if not kind.schema_findings(live):  # this decides nearly always; else a text may stand for a secret
        return
    faults = kind.schema_findings(replace(live, given=cast("dict[str, Json]", plain(dict(live.document)))))
    if errors := [one for one in faults if one.code.severity == "error"]:
        raise DlsyncError(f"its file would be invalid: {errors[0].message}")


def _stems(desired: Mapping[Address, Resource], live: Collection[Address]) -> dict[Address, str]:
    """Return a file stem for each address; no file system takes a new stem for one of the tree."""
    stems: dict[Address, str] = {}
    for kind in all_kinds():
        names = sorted({address.name for address in (*desired, *live) if address.kind == kind.name})
        taken = {PurePosixPath(one.file).stem.casefold() for one in desired.values() if one.kind == kind.name}
        for name, stem in distinct_stems(names).items():
            spelled_out = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass"))
            stems[Address(kind.name, name)] = spelled_out if stem.casefold() in taken else stem
    return stems
