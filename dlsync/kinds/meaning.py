"""What a parsed file means: its references replaced, and what is wrong with it by its schema."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlsync import schema
from dlsync.kinds.layers import problems_of
from dlsync.redaction import Redaction
from dlsync.references import Resolved, Values, resolve

if TYPE_CHECKING:
    from dlsync.kinds.scene import SourceFile
    from dlsync.model import Json, Problem
    from dlsync.overlay import Overlay


def read_references(
    name: str, source: SourceFile, written: dict[str, Json], values: Values, overlay: Overlay | None = None
) -> tuple[Resolved, list[Problem]]:
    """Return what a parsed file means, and what is wrong with it by its schema or with its references.

    :param name: of the schema.
    :param overlay: what lies over the file in ``written``.
    """
    # a backslash may spell the dollar sign of a reference
    plain = overlay is None and not (b"${" in source.content or b"\\" in source.content)
    resolved = Resolved(written) if plain else resolve(written, values)
    faults = [schema.Finding("error", path, message) for path, message in resolved.faults]
    faults += [schema.Finding("warning", path, message) for path, message in resolved.doubts]
    # a reference that stands for nothing is of no type yet
    told = {fault.path for fault in faults}
    findings = [one for one in schema.check(name, resolved.document) if one.path not in told]
    problems = problems_of([*faults, *findings], source, overlay)
    redaction = Redaction(resolved.secrets)
    return resolved, [replace(one, message=redaction.said(one.message)) for one in problems]
