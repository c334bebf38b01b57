"""``dlsync import-backup``: an old client's backup made a tree."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.options import Format, command
from dlsync.errors import EXIT_OK
from dlsync.messages import json_text

if TYPE_CHECKING:
    from dlsync.operations.import_backup import Imported

Source = Annotated[Path, typer.Argument(metavar="SRC", help="The folder <org>/<account>/ of the old client's backup.")]
Tree = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the new tree; what is there already stays.")]


@command
def import_backup(source: Source, directory: Tree, output: options.OutputFormat = Format.text) -> int:
    """Turn an old client's backup into a tree."""
    from dlsync.cli.output import report, result
    from dlsync.operations import import_backup as backup

    made = backup.import_backup(source, directory)
    report(made.problems)
    result(_as_json(made) if output is Format.json else _as_text(made, directory))
    return EXIT_OK


def _as_text(made: Imported, directory: Path) -> str:
    from dlsync.messages import visible

    lines = [f"wrote {file}" for file in made.files]
    if made.agents:
        lines.append(f"agents are listed, never applied: {', '.join(made.agents)}")
    lines.append(f"Next: dlsync validate {shlex.quote(str(directory))}")
    return "".join(f"{visible(line)}\n" for line in lines)


def _as_json(made: Imported) -> str:
    document = {
        "format_version": 1,
        "org": made.org or None,
        "account": made.account or None,
        "files": made.files,
        "agents": made.agents,
        "problems": [
            {"severity": one.severity, "file": one.file, "line": one.line, "message": one.message}
            for one in made.problems
        ],
    }
    return json_text(document)
