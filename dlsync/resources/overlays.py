"""What the kinds with overlays share: reading them, and knowing afterwards which file a field comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from dlsync import messages
from dlsync.diff.compare import compare, differences
from dlsync.diff.merge import merge
from dlsync.diff.patch import lay, lift
from dlsync.errors import DlsyncError
from dlsync.files import schema, yaml
from dlsync.files.interpolation import Interpolated, Values, plain, resolve
from dlsync.files.names import resource_name
from dlsync.files.redaction import Redaction
from dlsync.messages import field_name
from dlsync.model import Overlay, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlsync.diff.merge_key import MergeKey
    from dlsync.files.interpolation import Values
    from dlsync.model import FieldChange, Json, Path, Resource, Severity
    from dlsync.resources.context import ExportContext, LoadContext, SourceFile
    from dlsync.resources.kind import Kind


def read_references(
    name: str, source: SourceFile, written: dict[str, Json], values: Values, overlay: Overlay | None = None
) -> tuple[Interpolated, list[Problem]]:
    """Return what a parsed file means, and what is wrong with it by its schema or with its references.

    :param name: of the schema.
    :param overlay: what lies over the file in ``written``.
    """
    # a backslash may spell the dollar sign of a reference
    is_plain = overlay is None and not (b"${" in source.content or b"\\" in source.content)
    resolved = Interpolated(written) if is_plain else resolve(written, values)
    faults = [schema.Finding("error", path, message) for path, message in resolved.faults]
    faults += [schema.Finding("warning", path, message) for path, message in resolved.doubts]
    # a reference that stands for nothing is of no type yet
    told = {fault.path for fault in faults} | resolved.unknown
    findings = [one for one in schema.check(name, plain(resolved.document)) if one.path not in told]
    problems = problems_of([*faults, *findings], source, overlay)
    redaction = Redaction(resolved.secrets)
    return resolved, [replace(one, message=redaction.said(one.message)) for one in problems]


FOLDER = "overlays"
_MOST_NAMED = 5
_SILENCED = re.compile(rb"#\s*dlsync:\s*ignore\b")
_NO_ITEM = "it is no item of the %s's own file, and so is added; %s Else write `# dlsync: ignore` here"


@dataclass(frozen=True)
class _Parsed:
    source: SourceFile
    document: dict[str, Json]


class Overlays:
    """The overlays of a kind, each to be taken once by the resource that it is for.

    :param scene: where they are from; its values are what references stand for.
    """

    def __init__(self, kind: Kind, scene: LoadContext) -> None:
        self._kind = kind
        self._values = scene.values
        self._left: dict[str, _Parsed | None] = {}
        self._first: dict[str, str] = {}
        self.problems: list[Problem] = []
        for file, source in scene.overlays.items():
            if kind.claims(file):
                self._add(source)

    def _add(self, source: SourceFile) -> None:
        try:
            name = resource_name(PurePosixPath(source.file).name.removesuffix(self._kind.overlay_suffix))
        except DlsyncError as error:
            self._problem("error", error.message, source.file)
            return
        first = self._first.setdefault(name, source.file)
        if first != source.file:
            address = f"{self._kind.name}/{name}"
            self._problem("error", f"a second overlay for {address}; the first is {first}", source.file)
            return
        self._left[name] = self._parsed(source)

    def _parsed(self, source: SourceFile) -> _Parsed | None:
        try:
            document = yaml.parse(source.content, source.file)
        except yaml.InvalidYaml as error:
            self.problems.append(error.problem)
            return None
        if isinstance(document, dict):
            return _Parsed(source, document)
        expected = f"expected a mapping of what differs in this environment from the {self._kind.name}'s own file"
        self._problem("error", expected, source.file, 1)
        return None

    def _problem(self, severity: Severity, message: str, file: str, line: int | None = None) -> None:
        self.problems.append(Problem(severity, message, file, line))

    def over(self, name: str, base: Mapping[str, Json] | None) -> Overlay | None:
        """Take the overlay of a resource and lay it over its file's document.

        :param base: None where the file cannot be read: then there is nothing to lay it over.
        """
        parsed = self._left.pop(name, None)
        if parsed is None or base is None:
            return None
        meant = _meaning(self._values)
        laid = lay(self._kind, base, parsed.document, meant)
        faults = [schema.Finding("error", path, message) for path, message in laid.faults]
        self.problems += schema.located(faults, parsed.source.file, parsed.source.content)
        overlay = Overlay(parsed.source.file, parsed.source.content, parsed.document, base, laid, meant)
        self.problems += _misspelled(self._kind, overlay)
        return overlay

    def left(self) -> list[Problem]:
        """Return what is wrong with the overlays that nothing has taken."""
        return [
            Problem("error", f"there is no {self._kind.name} `{name}` that it could lie over", parsed.source.file, 1)
            for name, parsed in self._left.items()
            if parsed
        ]


def _misspelled(kind: Kind, overlay: Overlay) -> list[Problem]:
    """Return a warning for each item that only the overlay has, whose name nearly is that of one of the base."""
    findings = []
    for path in sorted(overlay.laid.appended):
        key, origin = kind.item_key(path[:-1]), overlay.laid.origin(path)
        names = [_name(item, key) for item in cast("list[Json]", _at(overlay.base, path[:-1]))]
        name = _name(_at(overlay.laid.document, path), key)
        if key and origin and (near := _nearest(name, names)):
            same = f"one with this `{key.fields[0]}` has another `{key.fields[-1]}`."
            guess = same if near == name else f"did you mean `{messages.visible(near)}`?"
            findings.append(schema.Finding("warning", origin, _NO_ITEM % (kind.name, guess)))
    found = schema.located(findings, overlay.file, overlay.content)
    return [one for one in found if not is_silenced(overlay.content, one.line)]


def _nearest(name: str, names: Sequence[str]) -> str | None:
    """Return the name that another was likely meant to be; of metrics, one with the same last or first part too."""
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


def is_silenced(content: bytes, line: int | None) -> bool:
    """Tell whether a line of a file, from 1, has the comment ``# dlsync: ignore``."""
    lines = content.splitlines()
    return bool(line and line <= len(lines) and _SILENCED.search(lines[line - 1]))


def _meaning(values: Values) -> Callable[[Json], Json]:
    return lambda value: resolve(value, values).document


def problems_of(findings: Sequence[schema.Finding], source: SourceFile, overlay: Overlay | None) -> list[Problem]:
    """Return findings in a document as problems of the files that they come from.

    :param source: the resource's own file.
    """
    if overlay is None:
        return schema.located(findings, source.file, source.content)
    laid = overlay.laid
    removed = {one: laid.origins.get((*one.path, one.missing)) for one in findings if one.missing}
    ours = [one for one in findings if laid.origin(one.path) is None and not removed.get(one)]
    theirs = [
        schema.Finding(one.severity, path, f"{one.message}: this removes it") for one, path in removed.items() if path
    ]
    for one in findings:
        if (origin := laid.origin(one.path)) is not None and not removed.get(one):
            alone = (
                f"; it means no item of {source.file}, and so stands for itself" if one.path in laid.appended else ""
            )
            theirs.append(replace(one, path=origin, message=one.message + alone))
    return [
        *schema.located(ours, source.file, source.content),
        *schema.located(theirs, overlay.file, overlay.content),
    ]


def placed(
    overlay: Overlay, file: str, diff: Sequence[FieldChange], line: Callable[[FieldChange], int | None]
) -> tuple[str, tuple[FieldChange, ...]]:
    """Return the file that differences stand in: the overlay where all come from it, and else the resource's own.

    :param file: the resource's own.
    :param line: finds a difference's line in it; those from the overlay have none there.
    """
    origins = [overlay.laid.origin_of(one) for one in diff]
    if None not in origins:
        lines = yaml.positions(overlay.content)
        pairs = zip(diff, cast("list[Path]", origins), strict=True)
        return overlay.file, tuple(replace(one, line=yaml.nearest(lines, origin)[0]) for one, origin in pairs)
    pairs_ = zip(diff, origins, strict=True)
    return file, tuple(replace(one, line=line(one) if origin is None else None) for one, origin in pairs_)


def edited(kind: Kind, desired: Resource, live: Resource, draft: ExportContext) -> dict[str, Json]:
    """Return the document that the resource's own file is to hold, so that with its overlay it means the live one.

    :raises DlsyncError: where what differs comes from the overlay; says what to edit.
    """
    merged = merge(kind, desired, live.document, draft.spelled)
    overlay = desired.overlay
    if overlay is None:
        return merged
    _refuse_overlaid(compare(kind, desired, live).diff, overlay, draft)
    base = lift(kind, overlay.base, overlay.document, merged, overlay.meant)
    again = lay(kind, base, overlay.document, overlay.meant)
    means = kind.canonical(cast("dict[str, Json]", overlay.meant(again.document)))
    if again.faults or any(differences(kind, (), means, kind.canonical(live.document))):
        raise DlsyncError(
            f"what is live cannot be written below {overlay.file}: edit that file and {desired.file} by hand"
        )
    return base


def _refuse_overlaid(diff: Sequence[FieldChange], overlay: Overlay, draft: ExportContext) -> None:
    lines = yaml.positions(overlay.content)
    told = []
    for one in diff:
        if (origin := overlay.laid.origin_of(one)) is not None:
            line = yaml.nearest(lines, origin)[0]
            told.append(f"`{field_name(origin)}` (line {line}) {_live(one, draft)}")
    if told:
        more = f" and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
        raise DlsyncError(
            f"it differs in what {overlay.file} says: {', '.join(told[:_MOST_NAMED])}{more}; edit that file"
        )


def _live(one: FieldChange, draft: ExportContext) -> str:
    if one.moved:
        return "stands elsewhere"
    return "is not live" if one.op == "add" else f"is live as {messages.brief(draft.redaction.difference(one).before)}"
