"""Writes docs/cli.md from the commands' own help."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from dlsync.__main__ import main
from dlsync.cli import app

if TYPE_CHECKING:
    from typer import Typer

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
COLUMNS = "102"
HEAD = """\
<!-- made by scripts/cli_reference.py -->
# The command line

What dlsync is for, and where its settings come from, is in the [README](../README.md). `DIR` is the
current folder unless given; options stand before or after it. Results go to stdout and all else to stderr; `--format
json` prints one JSON document and nothing more.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | an error, wrong usage, a question that was answered with no; `adopt`, `release`: nothing was done |
| 2 | changes: `plan --detailed-exitcode`, `export --check`, `accept --check`; `drift`: there is some |
| 3 | `apply`, `rollback`: some changes failed or are left to do by hand, the rest were applied |
| 4 | refused: stale plan, guard, lock held; or some resources are held, and the rest were applied |
| 130 | interrupted |

With `--all-environments`, the code is the worst that an environment ended with: 1, then 4, 3, 2, 0.
"""


def reference() -> str:
    """Return the page."""
    sections = [[name] for name in _names(app)]
    for group in app.registered_groups:
        if (family := group.typer_instance) is not None:
            sections += [[str(family.info.name)], *([str(family.info.name), name] for name in _names(family))]
    return HEAD + _section([]) + "".join(map(_section, sections))


def _names(commands: Typer) -> list[str]:
    return [str(one.name or getattr(one.callback, "__name__", "")) for one in commands.registered_commands]


def _section(command: list[str]) -> str:
    text = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": COLUMNS}), redirect_stdout(text):
        main([*command, "--help"])
    return f"\n## {' '.join(['dlsync', *command])}\n\n```text\n{text.getvalue()}```\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
