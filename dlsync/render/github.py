"""Render findings as workflow commands of GitHub Actions, which show annotations; no other code prints them."""

from collections import Counter
from collections.abc import Sequence

from dlsync.messages import visible
from dlsync.render.findings import Finding

# as the runner unescapes them (actions/toolkit, command.ts)
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = {**_MESSAGE, ord(":"): "%3A", ord(","): "%2C"}
_SHOWN = 10  # annotations of each severity, for a step


def render(findings: Sequence[Finding]) -> str:
    """Return a line with a command for each finding; if GitHub shows only some of them, a notice comes first."""
    counts = Counter(one.problem.severity for one in findings)
    found = " and ".join(f"{counts[level]:,} {level}{'s' * (counts[level] != 1)}" for level in sorted(counts))
    notice = f"::notice title=dlsync::{found}; GitHub shows {_SHOWN} of each, and the log of this step has all\n"
    commands = "".join(f"{_command(one)}\n" for one in findings)
    return notice + commands if max(counts.values(), default=0) > _SHOWN else commands


def _command(finding: Finding) -> str:
    problem = finding.problem
    values = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.code}
    properties = ",".join(
        f"{name}={visible(str(value)).translate(_PROPERTY)}" for name, value in values.items() if value
    )
    return f"::{problem.severity} {properties}::{finding.message.translate(_MESSAGE)}"
