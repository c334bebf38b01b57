"""``dlsync unlock``: removes the lock of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import by_hand, dlsync, lock_by_hand

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = "ann@there since 2026-11-25T10:10:10+00:00"


def locks(env: dict[str, str]) -> list[str]:
    return [one["name"] for one in by_hand(env, "GET", "plugins").json()]


def test_unlock_names_the_owner_and_removes_the_lock(tree: Path, env: dict[str, str]) -> None:
    lock_by_hand(env)
    assert dlsync("unlock", tree, "--yes", env=env)[:3] == (0, f"unlocked; it was locked by {HOLDER}\n", "")
    assert locks(env) == []
    assert dlsync("unlock", tree, "--yes", env=env)[:3] == (0, "not locked\n", "")


def test_unlock_asks_first_and_only_the_answer_yes_removes_the_lock(tree: Path, env: dict[str, str]) -> None:
    lock_by_hand(env)
    done = dlsync("unlock", tree, env=env, typed="n\n")
    assert (done.code, done.out, locks(env)) == (1, "", ["dlsync-lock"])
    assert done.err == (
        f"The account is locked by {HOLDER}. If that still runs, it goes on writing for up to 45 s. Unlock? [y/N] "
        "error: nothing was done\n"
    )
    said = f"error: there is no terminal to ask on: The account is locked by {HOLDER}. "
    assert dlsync("unlock", tree, env=env).err.startswith(said)
    assert dlsync("unlock", tree, env=env, typed="y\n").code == 0
    assert locks(env) == []


@pytest.mark.parametrize("owner", ["\x1b[2J", "a\nb\r", "[bold]<b>`x`"])
def test_control_characters_in_the_name_of_a_lock_owner_are_escaped(
    tree: Path, env: dict[str, str], owner: str
) -> None:
    lock_by_hand(env, owner)
    asked = dlsync("unlock", tree, env=env, typed="n\n").err
    refused = dlsync("apply", tree, "--auto-approve", "--lock-timeout", "0", env=env).err
    said = dlsync("unlock", tree, "--yes", env=env).out
    assert all(text.replace("\n", "").isprintable() for text in (asked, refused, said))
    assert (asked.count("\n"), refused.count("\n"), said.count("\n")) == (1, 2, 1)
