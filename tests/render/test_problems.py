"""Problems of files as text and as JSON."""

import json

from dlsync.messages import json_text
from dlsync.model import Code, Problem
from dlsync.render.problems import as_document, render

UNKNOWN = Problem(Code.UNKNOWN_FIELD, "`colour`: did you mean `color`?", "dashboards/redis.yaml", 12, 5)
BROKEN = Problem(Code.NOT_A_MAPPING, "expected a mapping", "dashboards/redis.yaml", 3, 1)
TWICE = Problem(Code.SECOND_FILE, "two files hold rule/x\x1b[2J", "rules/\u202ex.yaml")
EMPTY = Problem(Code.INVALID_VALUE, "the tree holds no resource")


def test_each_problem_is_a_line_with_its_place_severity_and_message_sorted_by_place() -> None:
    assert render([UNKNOWN, TWICE, BROKEN, EMPTY], resources=30, color=False) == (
        """\
error: the tree holds no resource
dashboards/redis.yaml:3:1: error: expected a mapping
dashboards/redis.yaml:12:5: warning: `colour`: did you mean `color`?
rules/\\u202ex.yaml: error: two files hold rule/x\\x1b[2J
30 resources: 3 errors, 1 warning.
"""
    )


def test_errors_are_red_and_warnings_yellow() -> None:
    assert render([UNKNOWN, EMPTY], resources=1, color=True) == (
        "\x1b[31merror\x1b[0m: the tree holds no resource\n"
        "dashboards/redis.yaml:12:5: \x1b[33mwarning\x1b[0m: `colour`: did you mean `color`?\n"
        "\x1b[1m1 resource: 1 error, 1 warning.\x1b[0m\n"
    )


def test_without_problems_only_the_counts_are_left() -> None:
    assert render([], resources=0, color=False) == "0 resources: 0 errors, 0 warnings.\n"


def test_json_has_each_problem_with_null_for_an_unknown_place() -> None:
    assert as_document([BROKEN, EMPTY], resources=30) == {
        "format_version": 1,
        "summary": {"resources": 30, "error": 2, "warning": 0},
        "problems": [
            {
                "severity": "error",
                "code": "invalid-value",
                "file": None,
                "line": None,
                "column": None,
                "message": "the tree holds no resource",
            },
            {
                "severity": "error",
                "code": "not-a-mapping",
                "file": "dashboards/redis.yaml",
                "line": 3,
                "column": 1,
                "message": "expected a mapping",
            },
        ],
    }


def test_json_is_ascii_for_any_message() -> None:
    text = json_text(as_document([TWICE], resources=1))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == as_document([TWICE], resources=1)
