"""The journal: the content of each resource before a write, on the disk before the write is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.model import Address
from dlsync.state import journal
from dlsync.state.journal import Journal, UndoRecord
from tests.builders.applies import RUN
from tests.builders.plans import any_text, change
from tests.builders.trees import address

if TYPE_CHECKING:
    from pathlib import Path

WEB = UndoRecord(address("rule/web"), "update", {"text": "title: Web\n"}, "print:packed", managed=True)
NEW = UndoRecord(address("dashboard/a/b"), "create", None)
DONE = (change("update", "rule/web").finished("applied"), change("create", "dashboard/a/b").finished("failed", "no"))
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have no zone


def written(folder: Path) -> Path:
    """Write the journal of a finished run, and return its file."""
    book = Journal(folder, RUN)
    book.keep([WEB])
    book.keep([NEW])
    book.note(DONE)
    return folder / f"{RUN.id}.jsonl"


@given(INSTANTS, st.timedeltas(timedelta(days=-9), timedelta(days=9)))
def test_the_id_of_a_later_run_sorts_after_an_earlier_id_whatever_the_clock_says(
    tmp_path_factory: pytest.TempPathFactory, now: datetime, waited: timedelta
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    first = journal.new_id(now, folder)
    (folder / f"{first}.jsonl").touch()
    second = journal.new_id(now + waited, folder)
    assert journal.is_id(first)
    assert journal.is_id(second)
    assert first[:-1] < second[:-1]  # the last digit is random


def test_a_run_gets_an_id_even_if_no_journal_can_be_read(tmp_path: Path) -> None:
    (file := tmp_path / "runs").touch()
    assert journal.new_id(datetime(2026, 11, 25, 10, 10, 10, tzinfo=UTC), file).startswith("20261125T101010Z-00000")


@pytest.mark.parametrize(
    "text", ["", "x", "../20261125T101010Z-1a2b3c", "20261125T101010Z-1a2b3c\n", "20261125T101010Z"]
)
def test_a_malformed_text_is_not_a_run_id(text: str) -> None:
    assert not journal.is_id(text)


def test_a_journal_reads_back_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "runs"
    written(folder)
    record = journal.find_run(folder, RUN.id)
    assert record.run == RUN
    assert record.undo == {WEB.address: WEB, NEW.address: NEW}
    assert record.results == {WEB.address: "applied", NEW.address: "failed"}
    assert record.ended
    assert journal.history(folder) == [record]


@given(name=any_text().filter(bool), text=any_text())
def test_any_name_and_any_content_can_be_kept(tmp_path_factory: pytest.TempPathFactory, name: str, text: str) -> None:
    folder = tmp_path_factory.mktemp("runs")
    kept = UndoRecord(Address("rule", name), "update", {"text": text})
    Journal(folder, RUN).keep([kept])
    assert journal.find_run(folder, RUN.id).undo == {kept.address: kept}


def test_a_run_that_changes_nothing_leaves_no_file(tmp_path: Path) -> None:
    book = Journal(tmp_path, RUN)
    book.keep([])
    book.note([])
    assert [*tmp_path.iterdir()] == []


def test_sent_changes_and_their_results_are_written_at_once(tmp_path: Path) -> None:
    book = Journal(tmp_path, RUN)
    book.keep([WEB, NEW])
    book.sending(WEB.address)
    book.sending(NEW.address)
    book.finished(DONE[0])
    record = journal.find_run(tmp_path, RUN.id)
    assert (record.sent, record.results, record.uncertain) == ({WEB.address, NEW.address}, {WEB.address: "applied"}, 1)
    assert (book.in_flight, book.outcomes) == ({NEW.address}, [DONE[0]])


def test_a_change_that_may_have_been_carried_out_is_kept_as_unknown(tmp_path: Path) -> None:
    book = Journal(tmp_path, RUN)
    book.keep([WEB])
    book.sending(WEB.address)
    book.finished(change("update", "rule/web").finished("failed", "lost", uncertain=True))
    assert journal.find_run(tmp_path, RUN.id).results == {WEB.address: "unknown"}


def test_only_its_owner_can_read_a_journal(tmp_path: Path) -> None:
    assert written(tmp_path).stat().st_mode & 0o777 == 0o600


def test_each_line_is_a_json_document_and_the_first_line_describes_the_run(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in written(tmp_path).read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["format_version", "change", "change", "result", "result", "end"]
    assert lines[0]["run"]["account"] == "default"


def test_a_journal_cut_off_at_any_byte_keeps_its_whole_lines(tmp_path: Path) -> None:
    file = written(tmp_path)
    content = file.read_bytes()
    whole = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    for end in range(len(content)):
        file.write_bytes(content[:end])
        record = journal.read(tmp_path, RUN.id)
        lines = sum(end >= newline - 1 for newline in whole)  # a line is whole even without its newline
        if lines:
            assert record
            assert (len(record.undo), len(record.results)) == (min(lines - 1, 2), max(0, min(lines - 3, 2)))
            assert record.ended == (lines == len(whole))
        else:
            assert record is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="an empty file"),
        pytest.param("x\n", id="invalid JSON"),
        pytest.param("[" * 100_000 + "\n", id="deep nesting"),
        pytest.param('{"run": {"id": "x"}}\n', id="a run that lacks fields"),
        pytest.param('{"run": []}\n', id="a run that is a list"),
        pytest.param('{"end": true}\n', id="no first line"),
    ],
)
def test_a_file_that_is_not_a_journal_is_ignored(tmp_path: Path, content: str) -> None:
    written(tmp_path)
    other = "20261125T101010Z-ffffff"
    (tmp_path / f"{other}.jsonl").write_text(content)
    (tmp_path / "notes.jsonl").write_text("{}")
    assert [one.run.id for one in journal.history(tmp_path)] == [RUN.id]
    with pytest.raises(DlsyncError, match="has the id"):
        journal.find_run(tmp_path, other)


def test_an_invalid_line_makes_the_journal_unreadable(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_text(file.read_text() + '{"change": {"address": "rule/x", "surprise": 1}}\n')
    assert journal.read(tmp_path, RUN.id) is None


def test_a_missing_folder_has_no_runs(tmp_path: Path) -> None:
    assert journal.history(tmp_path / "none") == []
    for name in ("latest", RUN.id):
        with pytest.raises(DlsyncError, match=f'has the id "{name}"') as caught:
            journal.find_run(tmp_path, name)
        assert caught.value.hint == "`dlsync history` lists them."


def test_a_journal_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / f"{RUN.id}.jsonl").mkdir()
    with pytest.raises(DlsyncError, match="is not a regular file") as one:
        journal.history(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DlsyncError, match="cannot be read: Not a directory") as folder:
        journal.history(tmp_path / "file")
    assert one.value.hint == folder.value.hint == "Name another folder with --journal DIR."


def test_a_journal_is_not_read_through_a_link_that_leads_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / f"{RUN.id}.jsonl").symlink_to("/proc/self/environ")
    with pytest.raises(DlsyncError, match="leads outside the directory"):
        journal.history(tmp_path / "runs")


def test_a_journal_that_cannot_be_written_is_an_error_that_says_that_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DlsyncError, match="nothing was sent, since it could not be reverted") as caught:
        Journal(tmp_path / "file", RUN).keep([WEB])
    assert caught.value.hint == "Name another folder with --journal DIR."
