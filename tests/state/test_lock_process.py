"""Detection whether the process that left a lock has ended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.state import lock
from tests.builders.plans import any_text

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = " ".join(map(str, range(3, 53)))


def procfs(root: Path, boot: str = "one-boot", namespace: str = "pid:[1]", **stats: str) -> Path:
    """Create a procfs with these processes."""
    (root / "sys/kernel/random").mkdir(parents=True)
    (root / "sys/kernel/random/boot_id").write_text(boot)
    (root / "self/ns").mkdir(parents=True)
    (root / "self/ns/pid").symlink_to(namespace)
    for number, stat in stats.items():
        (root / number.lstrip("_")).mkdir()
        (root / number.lstrip("_") / "stat").write_text(stat, errors="surrogateescape")
    return root


def stat(start: int, name: str = "python") -> str:
    fields = FIELDS.split()
    fields[lock._START] = str(start)
    return f"1 ({name}) {' '.join(fields)}\n"


def ours(start: int, name: str = "python") -> dict[str, str]:
    return {f"_{os.getpid()}": stat(start, name)}


def test_a_process_is_identified_by_its_machine_its_number_and_its_start_time(tmp_path: Path) -> None:
    mark = lock.process_id(procfs(tmp_path, **ours(4711)))
    assert re.fullmatch(f"[0-9a-f]{{16}}:{os.getpid()}:4711", mark)
    assert not lock.has_ended(mark, tmp_path)


def test_the_name_of_a_process_may_hold_anything(tmp_path: Path) -> None:
    assert lock.process_id(procfs(tmp_path, **ours(5, "a) R 1 (b \udcff"))).endswith(":5")


def test_a_process_has_ended_if_a_later_process_has_its_number(tmp_path: Path) -> None:
    before, after = procfs(tmp_path / "a", **ours(1)), procfs(tmp_path / "b", **ours(2))
    assert lock.has_ended(lock.process_id(before), after)


@pytest.mark.parametrize("elsewhere", [{"boot": "another-boot"}, {"namespace": "pid:[2]"}])
def test_a_process_of_another_machine_or_container_does_not_count_as_ended(
    tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    here = procfs(tmp_path / "here", **ours(1))
    there = procfs(tmp_path / "there", **elsewhere, **ours(2))
    assert not lock.has_ended(lock.process_id(there), here)


@pytest.mark.parametrize("content", ["", "1 (python)", "1 (python) R 2"])
def test_a_process_without_a_start_time_has_no_id(tmp_path: Path, content: str) -> None:
    assert lock.process_id(procfs(tmp_path, **{f"_{os.getpid()}": content})) == ""


def test_without_procfs_a_process_has_no_id_and_does_not_count_as_ended(tmp_path: Path) -> None:
    assert lock.process_id(tmp_path) == ""
    assert not lock.has_ended("0123456789abcdef:1:1", tmp_path)
    assert not lock.has_ended("", tmp_path)


def test_a_hidden_process_does_not_count_as_ended(tmp_path: Path) -> None:
    mark = lock.process_id(procfs(tmp_path / "seen", **ours(1)))
    assert not lock.has_ended(mark, procfs(tmp_path / "hidden"))


def test_a_process_of_another_user_does_not_count_as_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(number: int, signal: int) -> None:
        assert signal == 0
        raise PermissionError

    mark = lock.process_id(procfs(tmp_path / "seen", **ours(1)))
    monkeypatch.setattr(os, "kill", forbidden)
    assert not lock.has_ended(mark, procfs(tmp_path / "hidden"))


def test_a_process_counts_as_ended_only_after_it_was_killed() -> None:
    code = "from dlsync.state import lock; print(lock.process_id(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout
        mark = running.stdout.readline().decode().strip()
        assert mark != lock.process_id()
        assert not lock.has_ended(mark)
        running.kill()
    assert lock.has_ended(mark)


@given(any_text() | st.from_regex(r"[0-9a-f]{16}:[0-9\N{SUPERSCRIPT TWO}]{1,30}:[0-9]+"))
def test_an_arbitrary_process_id_in_a_lock_does_not_count_as_ended(mark: str) -> None:
    assert not lock.has_ended(mark)


@pytest.mark.parametrize("number", ["0", "\N{SUPERSCRIPT TWO}", "9" * 30, "9" * 5_000, "-1", ""])
def test_an_invalid_process_number_of_this_machine_does_not_count_as_ended(number: str) -> None:
    machine = lock.process_id().partition(":")[0]
    assert not lock.has_ended(f"{machine}:{number}:1")
