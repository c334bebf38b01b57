"""Output to stdout and stderr, also when these cannot be written, and the redaction of secrets."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import pytest

from dlsync.cli import console
from dlsync.errors import DlsyncError
from dlsync.model import Code, Problem
from tests.builders.commands import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Lost(io.StringIO):
    """A stream over a file descriptor whose flush always fails."""

    def __init__(self, descriptor: int, error: type[OSError] = OSError) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._error = error

    def flush(self) -> None:
        raise self._error(28, "No space left on device")

    def fileno(self) -> int:
        return self._descriptor


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test without secrets, and leave none to other tests."""
    monkeypatch.setattr(console, "_secrets", {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture
def descriptor(file: Path) -> Iterator[int]:
    with file.open("w") as opened:
        yield opened.fileno()


def test_a_result_that_cannot_be_written_is_an_error(
    file: Path, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Lost(descriptor))
    with pytest.raises(DlsyncError, match="the result cannot be written to stdout: No space left on device"):
        console.write_stdout("x")
    os.write(descriptor, b"what Python tries once more when it ends")
    assert file.read_bytes() == b""


def test_write_stdout_raises_broken_pipe_when_the_reader_is_gone(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Lost(descriptor, BrokenPipeError))
    with pytest.raises(BrokenPipeError):
        console.write_stdout("x")


def test_outliving_reader_reports_a_closed_stdout_and_lets_the_run_go_on(
    descriptor: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Lost(descriptor, BrokenPipeError))
    with console.outliving_reader():
        console.write_stdout("x")
    assert capsys.readouterr().err.startswith("stdout was closed by its reader: the run goes on")
    with pytest.raises(BrokenPipeError):
        console.write_stdout("x")


def test_a_failed_write_to_stderr_is_ignored(file: Path, descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Lost(descriptor))
    console.write_stderr("x")
    os.write(descriptor, b"x")
    assert file.read_bytes() == b""


def test_redacted_replaces_keys_in_plain_and_in_repr_form() -> None:
    console.conceal("it's\\secret")
    console.conceal("")
    console.conceal("token")
    shown = repr("it's\\secret")
    assert console.redacted(f"{shown} it's\\secret") == '"[key]" [key]'
    assert console.redacted("a token of no length") == "a token of no length"


def test_problems_are_printed_with_their_places_and_in_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    console.report([Problem(Code.INVALID_VALUE, "a\x1b[2J", "rules/x.yaml", 3)])
    assert isinstance(sys.stderr, Terminal)
    assert sys.stderr.getvalue() == "rules/x.yaml:3: \x1b[31merror\x1b[0m: a\\x1b[2J\n"


def test_content_goes_out_byte_for_byte_and_a_failure_is_an_error(
    file: Path, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    console.write_content(b"\xff\r\n")
    assert written.getvalue() == b"\xff\r\n"
    with file.open("rb") as unwritable:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(unwritable))
        with pytest.raises(DlsyncError, match="cannot be written to stdout"):
            console.write_content(b"x")


def test_redacted_replaces_only_environment_values_that_were_looked_up() -> None:
    watched = console.RecordedEnvironment({"HOOK": "s3cret", "EMPTY": "", "OTHER": "words"})
    assert (watched["HOOK"], watched["EMPTY"], dict(watched)["OTHER"]) == ("s3cret", "", "words")
    assert console.redacted("words and s3cret") == "words and ${env:HOOK}"
    console.forget_secrets()
    assert console.redacted("words and s3cret") == "words and s3cret"


def test_redacted_replaces_values_that_were_added_to_the_recorded_environment() -> None:
    watched = console.RecordedEnvironment({"HOOK": "s3cret"}) | {"LIVE": "from-the-server"}
    assert [watched["LIVE"], watched["HOOK"]] == ["from-the-server", "s3cret"]
    assert console.redacted("s3cret from-the-server") == "${env:HOOK} ${env:LIVE}"


def test_notify_redacts_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    console.conceal("s3cret-key")
    console.notify("The account is locked by ann (s3cret-key); waiting.")
    assert capsys.readouterr() == ("", "The account is locked by ann ([key]); waiting.\n")


def test_show_raises_for_a_format_without_a_printer(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError, match="yaml"):
        console.show("yaml", dict, lambda _: "text")
    assert capsys.readouterr().out == ""
