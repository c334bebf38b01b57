from __future__ import annotations

from dlsync.server.app import OPERATIONS
from scripts.server_reference import reference


def test_the_reference_marks_each_operation_as_documented_or_observed() -> None:
    text = reference()
    assert text.count("| documented |") == 28 - 2  # metrics and series each count twice: by source and by tag
    for operation in OPERATIONS:
        basis = "documented" if operation.documented else "observed"
        assert f"| `{operation.method} {operation.path}` | {basis} | {operation.role} |\n" in text
