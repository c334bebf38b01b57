"""What the package offers, imported when it is asked for."""

from __future__ import annotations

import pytest

from dlsync import yamlfile


@pytest.mark.parametrize("name", yamlfile.__all__)
def test_each_name_is_that_of_its_home(name: str) -> None:
    assert getattr(yamlfile, name).__name__ == name
    assert getattr(yamlfile, name).__module__.startswith("dlsync.yamlfile.")
