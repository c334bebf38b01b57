"""Findings as annotations: the workflow commands of GitHub Actions, and the only place that writes such a line."""

from collections.abc import Sequence

from dlsync.messages import visible
from dlsync.render.findings import Finding

# as the runner unescapes them (actions/toolkit, command.ts)
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = {**_MESSAGE, ord(":"): "%3A", ord(","): "%2C"}


def render(findings: Sequence[Finding]) -> str:
    """Return a command for each finding, a line each."""
    return "".join(f"{_command(one)}\n" for one in findings)


def _command(finding: Finding) -> str:
    problem = finding.problem
    values = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.code}
    properties = ",".join(
        f"{name}={visible(str(value)).translate(_PROPERTY)}" for name, value in values.items() if value
    )
    return f"::{problem.severity} {properties}::{finding.message.translate(_MESSAGE)}"
