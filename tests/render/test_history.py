"""Runs as a table and as JSON."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.messages import json_text
from dlsync.model import Address
from dlsync.render.state import render_runs, runs_document
from dlsync.state.journal import Run, RunLog, UndoRecord
from tests.builders.plans import any_text, assert_harmless

RUN = Run(
    *("20261125T101010Z-0a1b2c", "apply", "2026-11-25T10:10:10+00:00", "http://x/api/v1", "acme", "default"),
    commit="0123456789abcdef",
    by="ann@there",
)
WEB, LOAD = Address("dashboard", "web"), Address("rule", "load")
CUT_OFF = RunLog(RUN, {WEB: UndoRecord(WEB, "create", None), LOAD: UndoRecord(LOAD, "update", {})}, {WEB: "applied"})


def any_record() -> st.SearchStrategy[RunLog]:
    run = st.builds(Run, *[any_text()] * 6, *[any_text()] * 5, st.integers(0, 9))
    address = st.builds(Address, any_text(), any_text())
    kept = st.dictionaries(address, st.builds(UndoRecord, address, any_text(), st.none()), max_size=2)
    return st.builds(RunLog, run, kept, st.dictionaries(address, any_text(), max_size=2), st.booleans())


def test_a_run_is_a_line_and_its_changes_without_a_result_are_unknown() -> None:
    assert render_runs([CUT_OFF], width=None) == (
        "RUN                      STARTED                    COMMAND  ACCOUNT       CHANGES               "
        "COMMIT        BY\n"
        "20261125T101010Z-0a1b2c  2026-11-25T10:10:10+00:00  apply    acme/default  1 applied, 1 unknown  "
        "0123456789ab  ann@there\n"
    )


@pytest.mark.parametrize(
    ("sent", "results", "changes"),
    [
        (set(), {}, "0 of 2 applied, interrupted"),
        ({WEB}, {WEB: "applied"}, "1 of 2 applied, interrupted"),
        ({WEB, LOAD}, {WEB: "applied"}, "at least 1 of 2 applied, 1 more may have been, interrupted"),
        ({WEB, LOAD}, {WEB: "failed", LOAD: "unknown"}, "at least 0 of 2 applied, 1 more may have been, interrupted"),
    ],
)
def test_an_interrupted_run_shows_the_known_number_of_applied_changes(
    sent: set[Address], results: dict[Address, str], changes: str
) -> None:
    record = RunLog(replace(RUN, planned=2), CUT_OFF.undo, results, sent=sent)
    assert f"  {changes}  " in render_runs([record], width=None)


def test_json_has_each_change_and_whether_the_run_ended() -> None:
    (run,) = runs_document([CUT_OFF])["runs"]
    assert (run["ended"], run["takes_back"], run["summary"]) == (False, None, {"applied": 1, "unknown": 1})
    assert [(one["kind"], one["action"], one["result"]) for one in run["changes"]] == [
        ("dashboard", "create", "applied"),
        ("rule", "update", "unknown"),
    ]


@given(st.lists(any_record(), min_size=1, max_size=3), st.none() | st.integers(40, 200))
def test_hostile_texts_in_a_journal_are_harmless_in_text_and_json(records: list[RunLog], width: int | None) -> None:
    lines = render_runs(records, width=width).split("\n")
    assert len(lines) == len(records) + 2
    assert_harmless("\n".join(lines))
    as_json = json_text(runs_document(records))
    assert as_json.isascii()
    assert_harmless(as_json)
    assert len(json.loads(as_json)["runs"]) == len(records)
