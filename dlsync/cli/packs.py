"""``dlsync packs``: the packs of a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli import options
from dlsync.cli.api import family
from dlsync.cli.options import CURRENT, Format, command
from dlsync.errors import EXIT_ERROR, EXIT_OK
from dlsync.messages import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Json
    from dlsync.resources.packs import Pack

_HELD = ("dashboard", "rule", "plugin")

app = family.family("packs")


@app.command("list")
@command
def list_packs(directory: options.Directory = CURRENT, output: options.OutputFormat = Format.text) -> int:
    """List the packs, with what they say of themselves and what they hold."""
    from dlsync import operations
    from dlsync.cli.output import aside, report, result
    from dlsync.resources import packs

    tree = operations.validate(directory)
    report([problem for problem in tree.problems if problem.file.startswith(f"{packs.FOLDER}/")])
    found = packs.packs_of(tree)
    if output is Format.json:
        result(_as_json(found))
    elif found:
        result(_as_text(found))
    else:
        aside("no packs\n")
    return EXIT_ERROR if tree.errors else EXIT_OK


def _as_text(found: Sequence[Pack]) -> str:
    from dlsync.render import table

    headers = ["PACK", "TITLE", "VERSION", "AUTHOR", *(f"{kind.upper()}S" for kind in _HELD)]
    rows: list[list[Json]] = [
        [pack.name, *(pack.text(field) for field in ("title", "version", "author")), *_held(pack).values()]
        for pack in found
    ]
    return table.render(headers, rows, width=family.width())


def _held(pack: Pack) -> dict[str, int]:
    return {f"{kind}s": pack.counts.get(kind, 0) for kind in _HELD}


def _as_json(found: Sequence[Pack]) -> str:
    document = [
        {"pack": pack.name, **{field: pack.text(field) for field in ("title", "version", "author")}, **_held(pack)}
        for pack in found
    ]
    return json_text({"format_version": 1, "packs": document})
