"""The text that an export and an accept print."""

from __future__ import annotations

import pytest

from dlsync.files.writer import FileChange
from dlsync.model import Address, Code, Problem
from dlsync.operations.export import Export
from dlsync.render.files import render_export
from tests.builders.plans import TARGET

WEB = FileChange(Address("dashboard", "web"), "update", "dashboards/web\x1b.yaml", b"")
UNWRITABLE = Problem(Code.NOT_EXPORTED, "rule/x: its name is too long for a file")

LEFT_OUT = "1 left out: not applied or committed yet"
FILES = "0 files created, 1 updated, 0 deleted"


@pytest.mark.parametrize(
    ("export", "written", "said"),
    [
        (Export(TARGET, (WEB,), 3), True, f"Exported acme/default: {FILES}; 3 resources unchanged."),
        (
            Export(TARGET, (WEB,), 1),
            False,
            f"An export would change files of acme/default: {FILES}; 1 resource unchanged.",
        ),
        (Export(TARGET, (), 0), True, "Nothing to do: there is nothing on acme/default to write."),
        (Export(TARGET, (), 3), True, "Nothing to do: the files match 3 resources on acme/default."),
        (
            Export(TARGET, (), 3, (UNWRITABLE,)),
            True,
            "Exported acme/default: 0 files created, 0 updated, 0 deleted; 3 resources unchanged, 1 not written.",
        ),
        (
            Export(TARGET, (), 3, waiting=1),
            True,
            "Nothing to commit of acme/default: 3 resources unchanged, 1 left out: not applied or committed yet.",
        ),
        (
            Export(TARGET, (WEB,), 3, (UNWRITABLE,), waiting=1),
            True,
            f"Exported acme/default: {FILES}; 3 resources unchanged, 1 not written, {LEFT_OUT}.",
        ),
    ],
)
def test_an_export_reports_its_file_changes_and_the_resources_that_it_left_out(
    export: Export, written: bool, said: str
) -> None:
    assert render_export(export, written=written, color=False).splitlines()[-1] == said


@pytest.mark.parametrize(
    ("written", "said"),
    [(True, "Accepted the changes on acme/default: "), (False, "Accepting would write the changes on acme/default: ")],
)
def test_an_accept_reports_its_changes_and_the_command_that_records_them(written: bool, said: str) -> None:
    export = Export(TARGET, (WEB,), 3)
    shown = render_export(export, written=written, color=False, accepts=True)
    record = " Run `dlsync apply` to record them." if written else ""
    assert shown.splitlines()[-1] == f"{said}{FILES}; 3 resources unchanged.{record}"


def test_an_accept_without_live_changes_does_not_claim_that_the_files_match() -> None:
    shown = render_export(Export(TARGET, (), 3), written=True, color=False, accepts=True)
    assert shown == "Nothing to accept: the files hold all changes made on acme/default since the last apply.\n"


def test_control_characters_in_a_file_name_are_escaped() -> None:
    shown = render_export(Export(TARGET, (WEB,), 0), written=True, color=False)
    assert shown.splitlines()[0] == "~ dashboards/web\\x1b.yaml"
