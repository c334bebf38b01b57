"""Writes docs/cli.md from the commands' own help."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

from dlsync.__main__ import main
from dlsync.cli.app import loaded
from dlsync.cli.sections import PURPOSES

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
COLUMNS = "102"
HEAD = """\
<!-- made by scripts/cli_reference.py -->
# The command line

What dlsync is for, and where its settings come from, is in the [README](../README.md). `DIR` is the
current folder unless given; options stand before or after it. Results go to stdout and all else to stderr; `--format
json` prints one JSON document and nothing more; where the command fails, `{"format_version": 1, "error": "…",
"problems": […]}`, each problem with `severity`, `file`, `line`, `column` and `message`.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | an error, wrong usage, a question that was answered with no; `adopt`, `release`: nothing was done |
| 2 | changes: `plan --detailed-exitcode`, `export --check`, `accept --check`; `drift`: there is some |
| 3 | some changes failed or are left to do by hand, or some resources could not be exported; the rest is done |
| 4 | refused: stale plan, guard, lock held; or some resources are held, and the rest were applied |
| 130 | interrupted: Ctrl-C, SIGTERM, SIGHUP; an apply says how many of its changes were applied, as `history` does |

With `--all-environments`, the code is the worst that an environment ended with: 1, then 4, 3, 2, 0.
"""


def reference() -> str:
    """Return the page."""
    alone = [[name] for name in PURPOSES if not _below(name)]
    families = [[name, *one] for name in PURPOSES if (below := _below(name)) for one in ([], *([it] for it in below))]
    return HEAD + _section([]) + "".join(map(_section, alone + families))


def _below(name: str) -> list[str]:
    return [*getattr(loaded(name), "commands", ())]


def _section(command: list[str]) -> str:
    text = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": COLUMNS}), redirect_stdout(text):
        main([*command, "--help"])
    return f"\n## {' '.join(['dlsync', *command])}\n\n```text\n{text.getvalue()}```\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
