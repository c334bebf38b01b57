"""What an export lays open: likely secrets in new content, and references that come or go."""

from __future__ import annotations

from dlsync.operations.export import exposed

FILE = "rules/web.yaml"
REFERENCE = b"title: ${env:TITLE}\n"
TOKEN = b"token: a3d5f7h9j1l2n4p6q8\n"


def told(new: bytes, old: bytes | None, *, others: bool = False) -> list[str]:
    sources = {**({} if old is None else {FILE: old}), **({"rules/other.yaml": b"title: x\n"} if others else {})}
    return [one.message for one in exposed({FILE: new}, sources)]


def test_what_looks_like_a_secret_is_told_with_its_place() -> None:
    (found,) = exposed({FILE: b"title: A\n" + TOKEN}, {FILE: b""})
    assert (found.severity, found.file, found.line) == ("warning", FILE, 2)


def test_a_reference_that_something_else_takes_the_place_of_is_told() -> None:
    (message,) = told(b"title: else\n", REFERENCE)
    assert message.startswith("${env:TITLE} was replaced by the live value")
    assert told(REFERENCE, REFERENCE) == []


def test_a_variable_that_a_value_takes_the_place_of_is_told_for_it_counts_in_every_environment() -> None:
    (message,) = told(b"threshold: 5\n", b"threshold: ${var:busy}\n")
    assert message == (
        "`${var:busy}` was replaced by a value for every environment: to change one, edit `variables` in dlsync.yaml"
    )
    assert told(b"threshold: ${var:busy}\n", b"threshold: ${var:busy}\ntitle: x\n") == []


def test_a_reference_that_only_the_record_knows_is_told_where_no_file_can_know_it() -> None:
    (message,) = told(REFERENCE, None)
    assert message.startswith("${env:TITLE} comes from the account's inventory")
    assert told(REFERENCE, None, others=True) == []


def test_a_script_s_own_variables_are_no_references() -> None:
    assert [*exposed({"plugins/disk.ps1": b"exit 0\n"}, {"plugins/disk.ps1": b"echo ${env:PATH}\n"})] == []
    assert told(b"title: x\n", b"title: $${env:PATH}\n") == []
