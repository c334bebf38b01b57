"""Read overlays, and find which file a field comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, cast

from dlsync import messages
from dlsync.diff.compare import compare, differences
from dlsync.diff.merge import merge
from dlsync.diff.merge_key import MergeKey
from dlsync.diff.patch import apply_patch, unapply_patch
from dlsync.errors import DlsyncError
from dlsync.files import schema, yaml
from dlsync.files.interpolation import Interpolated, plain, resolve
from dlsync.files.names import resource_name
from dlsync.files.redaction import Redaction
from dlsync.messages import field_name, listed
from dlsync.model import Code, FieldChange, Json, Overlay, Path, Problem, Resource
from dlsync.resources.file_format import ExportContext, LoadContext, SourceFile
from dlsync.resources.kind import Kind

FOLDER = "overlays"
_MOST_NAMED = 5
_NO_ITEM = "the %s's own file has no such item, so it is added; %s Else write `# dlsync: ignore` here"


def parse_mapping(
    file: str, content: bytes, expected: str, problems: list[Problem], *, may_be_empty: bool = False
) -> dict[str, Json] | None:
    """Parse a file that must hold a mapping.

    :param expected: the message if it holds something else, which replaces ``%s``.
    :param problems: takes the errors.
    :param may_be_empty: an empty file is an empty mapping.
    """
    try:
        document = yaml.parse(content, file)
    except yaml.InvalidYaml as error:
        problems.append(error.problem)
        return None
    if isinstance(document, dict):
        return document
    if document is None and may_be_empty:
        return {}
    found = "nothing" if document is None else "a list" if isinstance(document, list) else "a single value"
    problems.append(Problem(Code.NOT_A_MAPPING, expected.replace("%s", found), file, 1))
    return None


class Overlays:
    """Reads the documents of a kind with their overlays, and collects the problems of the files."""

    def __init__(self, kind: Kind, context: LoadContext) -> None:
        self._kind = kind
        self._values = context.values
        self._left: dict[str, tuple[SourceFile, dict[str, Json] | None]] = {}
        self.problems: list[Problem] = []
        overlays = context.overlays.items() if kind.overlay_suffix else ()
        expected = f"expected a mapping of what differs in this environment from the {kind.name}'s own file"
        for source in (source for file, source in overlays if kind.claims(file)):
            try:
                name = resource_name(PurePosixPath(source.file).name.removesuffix(kind.overlay_suffix))
            except DlsyncError as error:
                self.problems.append(Problem(Code.INVALID_NAME, error.message, source.file))
                continue
            if name in self._left:
                message = f"a second overlay for {kind.name}/{name}; the first is {self._left[name][0].file}"
                self.problems.append(Problem(Code.SECOND_FILE, message, source.file))
                continue
            self._left[name] = (source, parse_mapping(source.file, source.content, expected, self.problems))

    def over(self, name: str, base: Mapping[str, Json] | None) -> Overlay | None:
        """Apply the overlay of a resource to the document of its file.

        :param base: None if the file cannot be read.
        """
        source, document = self._left.pop(name, (None, None))
        if source is None or document is None or base is None:
            return None

        def replaced(value: Json) -> Json:
            return resolve(value, self._values).document

        patched = apply_patch(self._kind, base, document, replaced)
        faults = [schema.Finding(Code.INVALID_OVERLAY, path, message) for path, message in patched.faults]
        self.problems += schema.located(faults, source.file, source.content)
        overlay = Overlay(source.file, source.content, document, base, patched, replaced)
        self.problems += _misspelled(self._kind, overlay)
        return overlay

    def resolve(self, source: SourceFile, document: dict[str, Json], overlay: Overlay | None = None) -> Interpolated:
        """Resolve the references of a document, and check it by the kind's schema.

        :param overlay: applied to ``document`` already.
        """
        # a backslash may spell the dollar sign of a reference
        is_plain = overlay is None and not (b"${" in source.content or b"\\" in source.content)
        resolved = Interpolated(document) if is_plain else resolve(document, self._values)
        faults = [schema.Finding(Code.INVALID_REFERENCE, path, message) for path, message in resolved.faults]
        faults += [schema.Finding(Code.MISSPELLED_REFERENCE, path, message) for path, message in resolved.doubts]
        faults += [schema.Finding(Code.UNSET_REFERENCE, path, message) for path, message in resolved.unset]
        # an unresolved reference has no type yet
        reported = {fault.path for fault in faults} | resolved.unknown
        checked = resolved.document if is_plain else plain(resolved.document)
        findings = [one for one in schema.check(self._kind.name, checked) if one.path not in reported]
        redaction = Redaction(resolved.secrets)
        problems = problems_of([*faults, *findings], source, overlay)
        self.problems += (replace(one, message=redaction.message(one.message)) for one in problems)
        return resolved

    def require_taken(self) -> None:
        """Report the overlays without a resource."""
        missing = f"there is no {self._kind.name}"
        self.problems += [
            Problem(Code.UNUSED_OVERLAY, f"{missing} `{name}` to change: rename or remove this file", source.file, 1)
            for name, (source, document) in self._left.items()
            if document is not None
        ]


def _misspelled(kind: Kind, overlay: Overlay) -> list[Problem]:
    """Return a warning for each item of the overlay whose name is similar to one of the base."""
    findings = []
    for path in sorted(overlay.patched.appended):
        key, origin = kind.item_key(path[:-1]), overlay.patched.origin(path)
        names = [_name(item, key) for item in cast("list[Json]", _at(overlay.base, path[:-1]))]
        name = _name(_at(overlay.patched.document, path), key)
        if key and origin and (near := _nearest(name, names)):
            same = f"one with this `{key.fields[0]}` has another `{key.fields[-1]}`."
            guess = same if near == name else f"did you mean `{messages.visible(near)}`?"
            findings.append(schema.Finding(Code.ITEM_ONLY_IN_OVERLAY, origin, _NO_ITEM % (kind.name, guess)))
    return schema.located(findings, overlay.file, overlay.content)


def _nearest(name: str, names: Sequence[str]) -> str | None:
    """Return the most similar name; for a metric also one with the same last or first part."""
    dotted = [one for one in names if "." in one] if "." in name else []
    same = (one for end in (-1, 0) for one in dotted if one.split(".")[end] == name.split(".")[end])
    return messages.near_miss(name, tuple(names)) or next(same, None)


def _name(item: Json, key: MergeKey | None) -> str:
    name = item.get(key.fields[0]) if key and isinstance(item, dict) else None
    return name if isinstance(name, str) else ""


def _at(value: Any, path: Path) -> Json:
    for part in path:
        value = value[part]
    return cast("Json", value)


def problems_of(findings: Sequence[schema.Finding], source: SourceFile, overlay: Overlay | None) -> list[Problem]:
    """Return findings in a document as problems of the files that have the fields.

    :param source: the resource's own file.
    """
    if overlay is None:
        return schema.located(findings, source.file, source.content)
    ours, theirs = [], []
    for one in findings:
        origin = overlay.patched.origin(one.path)
        if removed := overlay.patched.origins.get((*one.path, one.missing)) if one.missing else None:
            theirs.append(replace(one, path=removed, message=f"{one.message}: this removes it", missing=""))
        elif origin is None:
            ours.append(one)
        else:
            alone = f"; it means no item of {source.file}, and so stands for itself"
            message = one.message + (alone if one.path in overlay.patched.appended else "")
            theirs.append(replace(one, path=origin, message=message))
    return [
        *schema.located(ours, source.file, source.content),
        *schema.located(theirs, overlay.file, overlay.content),
    ]


def placed(
    overlay: Overlay | None, file: str, content: bytes, diff: Sequence[FieldChange]
) -> tuple[str, tuple[FieldChange, ...]]:
    """Return the file of differences and their lines: the overlay if all come from it, else the resource's own file.

    :param file: the resource's own, in which differences from the overlay have no line; ``content`` are its bytes.
    """
    origins = [overlay.patched.origin_of(one) if overlay else None for one in diff]
    if overlay and diff and None not in origins:
        file, content, paths = overlay.file, overlay.content, origins
    else:  # a missing field gets the line where it would be
        own = [one.path[:-1] if one.op == "remove" else one.path for one in diff]
        paths = [path if origin is None else None for path, origin in zip(own, origins, strict=True)]
    lines = yaml.positions(content) if diff else {}
    places = [None if path is None else yaml.nearest(lines, path)[0] for path in paths]
    return file, tuple(replace(one, line=line) for one, line in zip(diff, places, strict=True))


def edited(kind: Kind, desired: Resource, live: Resource, context: ExportContext) -> dict[str, Json]:
    """Return the document for the resource's own file that makes the live one together with the overlay.

    :raises DlsyncError: a difference comes from the overlay; says what to edit.
    """
    merged = merge(kind, desired, live.document, context.spelled)
    overlay = desired.overlay
    if overlay is None:
        return merged
    _refuse_overlaid(compare(kind, desired, live).diff, overlay, context)
    base = unapply_patch(kind, overlay.base, overlay.document, merged, overlay.resolve)
    again = apply_patch(kind, base, overlay.document, overlay.resolve)
    means = kind.canonical(cast("dict[str, Json]", overlay.resolve(again.document)))
    if again.faults or any(differences(kind, (), means, kind.canonical(live.document))):
        raise DlsyncError(
            f"what is live cannot be written below {overlay.file}: edit that file and {desired.file} by hand"
        )
    return base


def _refuse_overlaid(diff: Sequence[FieldChange], overlay: Overlay, context: ExportContext) -> None:
    lines = yaml.positions(overlay.content)
    differing = [
        f"`{field_name(origin)}` (line {yaml.nearest(lines, origin)[0]}) {_live(one, context)}"
        for one in diff
        if (origin := overlay.patched.origin_of(one)) is not None
    ]
    if differing:
        named = listed(differing, _MOST_NAMED)
        raise DlsyncError(f"it differs in what {overlay.file} says: {named}; edit that file")


def _live(one: FieldChange, context: ExportContext) -> str:
    if one.moved:
        return "stands elsewhere"
    return (
        "is not live" if one.op == "add" else f"is live as {messages.brief(context.redaction.difference(one).before)}"
    )
