"""The names that the package ``dlsync.files.yaml`` exports."""

from __future__ import annotations

import pytest

from dlsync.files import yaml


@pytest.mark.parametrize("name", yaml.__all__)
def test_every_exported_name_comes_from_a_module_of_the_package(name: str) -> None:
    assert getattr(yaml, name).__name__ == name
    assert getattr(yaml, name).__module__.startswith("dlsync.files.yaml.")
