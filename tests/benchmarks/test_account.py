from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.account import files, write
from dlsync import operations

if TYPE_CHECKING:
    from pathlib import Path


def test_the_account_is_the_same_every_time() -> None:
    assert list(files(0.01)) == list(files(0.01))


def test_a_larger_account_holds_the_smaller_one() -> None:
    assert set(files(0.01)) < set(files(0.02))


def test_files_are_as_large_as_real_ones() -> None:
    sizes: dict[str, list[int]] = {"dashboards": [], "rules": [], "plugins": []}
    for file, content in files(0.1):
        sizes.setdefault(file.partition("/")[0], []).append(len(content))
    assert {family: round(mean(found) / 1_000, 1) for family, found in sizes.items() if family != "dlsync.yaml"} == {
        "dashboards": 4.2,
        "rules": 0.3,
        "plugins": 4.1,
    }


def test_every_file_is_a_resource_of_its_own_and_valid(tmp_path: Path) -> None:
    tree = operations.validate(write(tmp_path, 0.01))
    assert tree.problems == ()
    assert len(tree.resources) == 30
