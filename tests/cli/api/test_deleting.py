"""The ``delete`` commands of the API: each asks for confirmation."""

from __future__ import annotations

import pytest

from dlsync.cli.app import PURPOSES, loaded
from tests.builders.commands import dlsync

FAMILIES = [name for name in PURPOSES if "delete" in getattr(loaded(name), "commands", ())]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_delete_command_has_the_option_yes(family: str) -> None:
    assert "--yes" in dlsync(family, "delete", "--help").out


@pytest.mark.parametrize("arguments", [["dashboards"], ["rules"], ["plugins"], ["annotations", "stream"]])
def test_delete_writes_nothing_without_a_terminal_or_after_the_answer_no(
    arguments: list[str], env: dict[str, str]
) -> None:
    family, *stream = arguments
    silent = dlsync(family, "delete", *stream, "x", env=env)
    assert (silent.code, silent.writes) == (1, [])
    refused = dlsync(family, "delete", *stream, "x", env=env, typed="n\n")
    assert (refused.code, refused.writes) == (1, [])
    question = refused.err.removesuffix(" [y/N] error: nothing was done\n")
    assert question.startswith("Delete the ")
    hint = "Give --yes where the answer is yes."
    assert silent.err == f"error: there is no terminal to ask on: {question}\n{hint}\n"
