"""Generate docs/json.md: the schema of a plan, and the output of the other commands."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from unittest.mock import patch

from dlsync.__main__ import main
from dlsync.operations.doctor import Status
from dlsync.server.run import running
from scripts.schema_reference import sections

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
<!-- made by scripts/reference.py -->
# JSON output

```
dlsync COMMAND --format json
```

The command prints one JSON document to stdout, and everything else to stderr. `format_version` increases when a field
changes its meaning or is removed. New fields can be added at any time. A command that fails prints the document of
[a failure](#a-failure); the [exit code](cli.md#exit-codes) has the reason. With `--all-environments`, `environments`
has a plan or a failure for each environment, and `summary` the totals. The commands of the API families print the
response of the server; those that only write print a `message` with the change.
"""
EXAMPLES = """
## Examples

These examples are output of real runs; `...` stands for the items of a list after the second.
"""
RULE = """\
title: A host is overloaded
descripton: The load of the last minute is above 4.
criteria:
  - metric: base.load
    condition: {threshold: 4, timeout: 300}
"""
# a heading, the text below it, and a command
COMMANDS = (
    ("validate", "The problems of the files; `code` is one of the [findings](findings.md).", "validate"),
    ("render", "A list of the files in the form in which they are sent.", "render"),
    (
        "drift",
        "What changed on the server since the last apply; each change is like [that of a plan](#plan-change).",
        "drift",
    ),
    (
        "export",
        "The written files, or with `--check`, the files to write. `accept` prints the same.",
        "export --check",
    ),
    ("fmt", "The written files, or with `--check`, the files to write.", "fmt --check"),
    ("history", "The runs, newest first. `summary` counts the changes by their result.", "history"),
    ("inventory list", "The managed resources. `inventory rebuild` prints the same.", "inventory list"),
    (
        "release, adopt",
        "`released` or `adopted`, and `left`: the resources that were skipped, with the reason.",
        "release rule/load",
    ),
    ("doctor", f"`status` is one of {', '.join(f'`{one}`' for one in get_args(Status))}.", "doctor"),
    ("packs list", "The packs, with their numbers of dashboards, rules and plugins.", "packs list"),
    ("A failure", "`problems` are the errors in the files, if they are the reason.", "plan --account nowhere"),
)
MASKS = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:8080"),
    (re.compile(r'"run": "[^"]*"'), '"run": "20260301T120000Z-1a2b3c"'),
    (re.compile(r'"started": "[^"]*"'), '"started": "2026-03-01T12:00:00+00:00"'),
    (re.compile(r'"by": "[^"]*"'), '"by": "ada@laptop"'),
)


def reference() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder, running() as server:
        environment = {"DLSYNC_URL": server.url, "DLSYNC_API_KEY": "changeme", "DLSYNC_ORG": "acme"}
        with patch.dict(os.environ, {**environment, "DLSYNC_ACCOUNT": "default"}):
            return HEAD + sections("plan") + EXAMPLES + "".join(_examples(Path(folder)))


def _examples(folder: Path) -> Iterator[str]:
    rule = folder / "rules" / "load.yaml"
    rule.parent.mkdir()
    rule.write_text(RULE, encoding="utf-8")
    _printed(f"apply {folder} --auto-approve")
    live = rule.with_name("live.yaml")
    live.write_text(RULE.replace("threshold: 4", "threshold: 8"), encoding="utf-8")
    _printed(f"rules update load {live}")
    live.unlink()
    pack = folder / "packs" / "redis"
    pack.mkdir(parents=True)
    (pack / "package.yaml").write_text("title: Redis\nversion: 1.2.0\n", encoding="utf-8")
    for title, text, command in COMMANDS:
        name, *options = command.split(" -", 1)
        shown = _printed(f"{name} --format json{''.join(f' -{one}' for one in options)}", str(folder))
        yield f"\n### {title}\n\n{text}\n\n```json\n{shown}\n```\n"


def _printed(command: str, *directory: str) -> str:
    """Run a command, and return its JSON without values that differ between machines and runs."""
    text = io.StringIO()
    with redirect_stdout(text), redirect_stderr(io.StringIO()):
        main([*command.split(), *directory])
    if not directory:
        return ""
    shown = json.dumps(_shortened(json.loads(text.getvalue())), indent=2)
    for pattern, mask in MASKS:
        shown = pattern.sub(mask, shown)
    return shown.replace('"..."', "...")


def _shortened(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return [*map(_shortened, value[:2]), *(["..."] if value[2:] else [])]
    return {name: _shortened(one) for name, one in value.items()} if isinstance(value, dict) else value
