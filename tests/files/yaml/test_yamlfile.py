"""What the package offers, imported when it is asked for."""

from __future__ import annotations

import pytest

from dlsync.files import yaml


@pytest.mark.parametrize("name", yaml.__all__)
def test_each_name_is_that_of_its_home(name: str) -> None:
    assert getattr(yaml, name).__name__ == name
    assert getattr(yaml, name).__module__.startswith("dlsync.files.yaml.")
