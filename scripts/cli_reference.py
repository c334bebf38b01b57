"""Writes docs/cli.md from the commands' own help."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

from dlsync.__main__ import main
from dlsync.cli.app import PURPOSES, loaded

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
COLUMNS = "102"
HEAD = """\
<!-- made by scripts/cli_reference.py -->
# The command line

```
dlsync --help
dlsync COMMAND --help
```

`DIR` is the current folder by default. Options stand before or after it. Results go to stdout, everything else to
stderr. `--format json` prints one JSON document. If the command fails, that is `{"format_version": 1, "error": "…",
"problems": […]}`, where a problem has `severity`, `code`, `file`, `line`, `column` and `message`, as each of the
`warnings` of `plan`, `apply` and `drift` has. [findings](findings.md) explains each code, and the formats for CI. The
[README](../README.md) shows a first round, and [doctor](doctor.md) where each setting comes from.

## Exit codes

| code | name | when |
| --- | --- | --- |
| 0 | done | the command did its work |
| 1 | error | wrong usage, files or server at fault, a question answered with no; `doctor` found a problem |
| | | `plan` shows a plan that `apply` refuses; `adopt` could not adopt a named resource |
| 2 | changes | `plan --detailed-exitcode`, `export --check`, `accept --check` and `drift` found changes |
| 3 | partial | some changes failed or must be made by hand; `export` or `accept` left some out; the rest is done |
| 4 | refused | a stale plan, a plan that deletes too much, a run of another account, a lock that is held or lost |
| | | or some resources are held because of a conflict, and the rest is applied |
| 130 | interrupted | Ctrl-C, SIGTERM or SIGHUP; `apply` prints how many changes it applied, `history` lists them |

With `--all-environments`, the exit code is the worst of all environments, in this order: 1, 4, 3, 2, 0.
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
