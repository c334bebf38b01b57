from __future__ import annotations

from dlsync.server.app import OPERATIONS
from scripts.server_reference import PAGE, reference


def test_the_page_of_the_server_is_as_the_server_is() -> None:
    assert reference() == PAGE.read_text(encoding="utf-8"), "run `.venv/bin/python -m scripts.server_reference`"


def test_each_operation_is_documented_or_observed() -> None:
    text = reference()
    assert text.count("| documented |") == 28 - 2  # metrics and series are asked by source or by tag
    for operation in OPERATIONS:
        basis = "documented" if operation.documented else "observed"
        assert f"| `{operation.method} {operation.path}` | {basis} |\n" in text
