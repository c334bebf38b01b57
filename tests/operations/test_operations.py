"""What the package offers, imported when it is asked for."""

from __future__ import annotations

import pytest

from dlsync import operations


@pytest.mark.parametrize("name", operations.__all__)
def test_each_name_is_that_of_its_home(name: str) -> None:
    assert getattr(operations, name).__name__ == name
    assert getattr(operations, name).__module__.startswith("dlsync.operations.")
