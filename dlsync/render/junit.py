"""Render findings as JUnit's XML: an error is a failure, a warning is a skipped test with its message."""

from collections import defaultdict
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from dlsync.messages import visible
from dlsync.render.findings import Finding

_NOTHING = "dlsync"  # the suite of findings without a file or a kind


def render(findings: Sequence[Finding]) -> str:
    """Return a suite for each file, or for each kind if there is no file, with a test for each finding.

    Without findings, the report has one passed test, because some readers take an empty report for a mistake.
    """
    suites: defaultdict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        suites[visible(one.problem.file) or one.subject.partition("/")[0] or _NOTHING].append(one)
    root = ET.Element("testsuites", _counts(findings))
    for name, members in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": name, **_counts(members)})
        for one in members:
            _add_case(suite, name, one)
    if not suites:
        suite = ET.SubElement(root, "testsuite", {"name": _NOTHING, **_counts(()), "tests": "1"})
        ET.SubElement(suite, "testcase", {"name": "no findings", "classname": _NOTHING})
        root.set("tests", "1")
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return f"{text.decode()}\n"


def _add_case(suite: ET.Element, classname: str, finding: Finding) -> None:
    problem = finding.problem
    place = {"file": visible(problem.file), "line": str(problem.line or "")}
    names = {"name": f"{problem.code}: {finding.message}", "classname": classname}
    case = ET.SubElement(suite, "testcase", names | {name: text for name, text in place.items() if text})
    if problem.severity == "error":
        ET.SubElement(case, "failure", {"type": str(problem.code), "message": finding.message}).text = finding.message
    else:
        ET.SubElement(case, "skipped", {"message": finding.message})


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    errors = sum(one.problem.severity == "error" for one in findings)
    counts = {"tests": len(findings), "failures": errors, "errors": 0, "skipped": len(findings) - errors}
    return {name: str(count) for name, count in counts.items()}
