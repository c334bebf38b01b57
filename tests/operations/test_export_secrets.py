"""Warnings of an export about likely secrets in new content, and about references that appear or disappear."""

from __future__ import annotations

from dlsync.operations.export import exposed

FILE = "rules/web.yaml"
REFERENCE = b"title: ${env:TITLE}\n"
TOKEN = b"token: a3d5f7h9j1l2n4p6q8\n"


def told(new: bytes, old: bytes | None, *, others: bool = False) -> list[str]:
    sources = {**({} if old is None else {FILE: old}), **({"rules/other.yaml": b"title: x\n"} if others else {})}
    return [one.message for one in exposed({FILE: new}, sources)]


def test_a_likely_secret_is_a_warning_with_file_and_line() -> None:
    (found,) = exposed({FILE: b"title: A\n" + TOKEN}, {FILE: b""})
    assert (found.severity, found.file, found.line) == ("warning", FILE, 2)


def test_an_export_warns_if_a_value_replaces_a_reference() -> None:
    (message,) = told(b"title: else\n", REFERENCE)
    assert message.startswith("${env:TITLE} was replaced by the live value")
    assert told(REFERENCE, REFERENCE) == []


def test_an_export_warns_if_a_value_replaces_a_variable_for_every_environment() -> None:
    (message,) = told(b"threshold: 5\n", b"threshold: ${var:busy}\n")
    assert message == (
        "`${var:busy}` was replaced by a value for every environment: to change one, edit `variables` in dlsync.yaml"
    )
    assert told(b"threshold: ${var:busy}\n", b"threshold: ${var:busy}\ntitle: x\n") == []


def test_an_export_into_an_empty_tree_warns_about_a_reference_from_the_inventory() -> None:
    (message,) = told(REFERENCE, None)
    assert message.startswith("${env:TITLE} comes from the account's inventory")
    assert told(REFERENCE, None, others=True) == []


def test_variables_of_a_script_and_escaped_references_cause_no_warning() -> None:
    assert [*exposed({"plugins/disk.ps1": b"exit 0\n"}, {"plugins/disk.ps1": b"echo ${env:PATH}\n"})] == []
    assert told(b"title: x\n", b"title: $${env:PATH}\n") == []
