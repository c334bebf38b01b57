"""The diagnosis of `dlsync doctor` as text and as JSON."""

from __future__ import annotations

from dlsync.files.settings import Setting
from dlsync.operations.doctor import Check, Diagnosis
from dlsync.render.problems import diagnosis_document, render_diagnosis

BAD = Diagnosis(
    (Setting("org", "a\x1b[2J", "DLSYNC_ORG"), Setting("url", None, "")),
    (
        Check("files", "ok", "3 resources"),
        Check("key", "problem", "not accepted\n", "Check it."),
        Check("x", "unknown", "y"),
    ),
)


def test_text_has_a_line_for_each_setting_and_each_check() -> None:
    assert render_diagnosis(BAD, color=False) == (
        "SETTING  VALUE     FROM\n"
        "org      a\\x1b[2J  DLSYNC_ORG\n"
        "url                not set\n"
        "\n"
        "ok       files: 3 resources\n"
        "problem  key: not accepted\\n. Check it.\n"
        "unknown  x: y\n"
        "\n"
        "1 problem.\n"
    )
    assert render_diagnosis(Diagnosis((), ()), color=False).endswith("\nAll is well.\n")
    assert "\x1b[31mproblem\x1b[0m  key" in render_diagnosis(BAD, color=True)


def test_json_has_all_settings_and_checks() -> None:
    assert diagnosis_document(BAD) == {
        "format_version": 1,
        "well": False,
        "settings": [
            {"name": "org", "value": "a\x1b[2J", "source": "DLSYNC_ORG"},
            {"name": "url", "value": None, "source": None},
        ],
        "checks": [
            {"name": "files", "status": "ok", "message": "3 resources", "advice": None},
            {"name": "key", "status": "problem", "message": "not accepted\n", "advice": "Check it."},
            {"name": "x", "status": "unknown", "message": "y", "advice": None},
        ],
    }
