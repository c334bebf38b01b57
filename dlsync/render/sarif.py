"""Render findings as SARIF 2.1.0, the format of code scanners: https://docs.oasis-open.org/sarif/sarif/v2.1.0."""

from collections.abc import Sequence
from importlib.metadata import metadata
from typing import Any
from urllib.parse import quote

from dlsync import __version__
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import json_text
from dlsync.model import Code, Problem
from dlsync.render.findings import LIMIT, Finding, fingerprints, left_out

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


def render(findings: Sequence[Finding]) -> str:
    """Return a log of one run, with the rules of its results and a note about findings that are left out."""
    note, findings = left_out("sarif", len(findings)), findings[:LIMIT]
    codes = sorted({one.problem.code for one in findings}, key=str)
    results = [
        {
            "ruleId": str(one.problem.code),
            "ruleIndex": codes.index(one.problem.code),
            "level": one.problem.severity,
            "message": {"text": _without_links(one.message)},
            "locations": [_location(one)],
            "partialFingerprints": {"dlsync/v1": fingerprint},
        }
        for one, fingerprint in zip(findings, fingerprints(findings), strict=True)
    ]
    driver = {"name": "dlsync", "semanticVersion": __version__, "rules": list(map(_rule, codes))}
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if note:
        notice = {"level": "warning", "message": {"text": note}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [notice]}]
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def help_uri(code: Code) -> str:
    """Return the address of a code's explanation in the documentation of the package; without one, a URN."""
    pages = dict(one.split(", ", 1) for one in metadata("dlsync").get_all("Project-URL", []))
    site = pages.get("Documentation")
    return f"{site.rstrip('/')}/findings/#{code}" if site else f"urn:dlsync:finding:{code}"


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": str(code),
        "shortDescription": {"text": f"{code.title}."},
        "helpUri": help_uri(code),
        "help": {"text": f"docs/findings.md has a section `{code}`."},
        "defaultConfiguration": {"level": code.severity},
    }


def _location(finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    # GitHub rejects a log with a result that has no file
    uri = quote(problem.file or SETTINGS, errors="surrogatepass")
    physical = {"artifactLocation": {"uri": uri, "uriBaseId": _ROOT}, **_region(problem)}
    logical = [{"fullyQualifiedName": finding.subject, "kind": "resource"}] if finding.subject else []
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _region(problem: Problem) -> dict[str, Any]:
    places = {"startLine": problem.line, "startColumn": problem.line and problem.column}
    region = {name: number for name, number in places.items() if number}
    return {"region": region} if region else {}


def _without_links(text: str) -> str:
    """Return a message without links (3.11.6)."""
    return text.replace("](", "\\](")
