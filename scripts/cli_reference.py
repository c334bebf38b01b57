"""Generate docs/cli.md from the help of the commands."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from unittest.mock import patch

from dlsync import errors
from dlsync.__main__ import main
from dlsync.cli.app import PURPOSES, loaded

COLUMNS = "102"
HEAD = """\
<!-- made by scripts/reference.py -->
# The command line

```
dlsync --help
dlsync COMMAND --help
```

`DIR` is the current folder by default. Options can come before or after it. Results go to stdout, everything else to
stderr. `--format json` prints one JSON document. If the command fails, the document is `{"format_version": 1, "error":
"…", "problems": […]}`. Each problem, and each of the `warnings` of `plan`, `apply` and `drift`, has `severity`, `code`,
`file`, `line`, `column` and `message`. [findings](findings.md) explains each code, and the formats for CI. The
[README](../README.md) shows the first steps, [json](json.md) the JSON of each command, and [settings](settings.md) the
settings.

## Exit codes

| code | name | when |
| --- | --- | --- |
{codes}
With `--all-environments`, the exit code is the worst of all environments, in this order: 1, 4, 3, 2, 0.
"""


def reference() -> str:
    """Return the page."""
    below = {name: _below(loaded(name)) for name in PURPOSES}
    alone = [[name] for name in PURPOSES if not below[name]]
    families = [[name, *path] for name in PURPOSES if below[name] for path in ([], *below[name])]
    names = {
        code: name.removeprefix("EXIT_").lower() for name, code in vars(errors).items() if name.startswith("EXIT_")
    }
    codes = "".join(f"| {code} | {names[code]} | {when} |\n" for code, when in errors.WHEN.items())
    return HEAD.replace("{codes}", codes) + _section([]) + "".join(map(_section, alone + families))


def _below(command: object) -> list[list[str]]:
    """Return the paths of the subcommands of a command."""
    commands = getattr(command, "commands", {})
    return [[name, *path] for name, found in commands.items() for path in ([], *_below(found))]


def _section(command: list[str]) -> str:
    text = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": COLUMNS}), redirect_stdout(text):
        main([*command, "--help"])
    return f"\n## {' '.join(['dlsync', *command])}\n\n```text\n{text.getvalue()}```\n"
