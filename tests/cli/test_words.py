"""The words of a command line become the values that typer makes of them, with less imported."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import pytest
import typer
from typer.main import get_command

from dlsync.cli.api.series import duration
from dlsync.cli.words import quickly_read

if TYPE_CHECKING:
    from collections.abc import Callable


class Colour(StrEnum):
    red = "red"
    dark_blue = "dark-blue"


def even(word: str) -> int:
    if int(word) % 2:
        raise ValueError(f"{word} is odd")
    return int(word)


def received(*, quick: bool) -> tuple[Any, list[dict[str, Any]]]:
    """Return a command that has a parameter of each sort, and what it has been called with."""
    calls: list[dict[str, Any]] = []
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command()
    def run(  # noqa: PLR0917 - typer makes options of them
        words: Annotated[list[str], typer.Argument()],
        text: Annotated[str | None, typer.Option()] = None,
        place: Annotated[Path, typer.Option(allow_dash=True)] = Path(),
        places: Annotated[list[Path] | None, typer.Option()] = None,
        colour: Annotated[Colour, typer.Option()] = Colour.red,
        other: Annotated[Colour | None, typer.Option()] = None,
        number: Annotated[float, typer.Option(min=0)] = 1.5,
        port: Annotated[int, typer.Option(max=9)] = 0,
        span: Annotated[int, typer.Option(parser=duration)] = "1h",  # type: ignore[assignment] # as the parser takes it
        pair: Annotated[int | None, typer.Option(parser=even)] = None,
        sure: Annotated[bool, typer.Option("--sure")] = False,
    ) -> int:
        calls.append(dict(locals()))
        return 0

    command = get_command(app)
    if quick:
        quickly_read(command, {"help_option_names": ["--help"]})
    return command, calls


def outcome(arguments: list[str], *, quick: bool) -> Any:
    command, calls = received(quick=quick)
    try:
        command.main(arguments, prog_name="dlsync", standalone_mode=False)
    except typer.TyperException as error:
        return type(error), error.format_message()
    return [{name: (type(value), value) for name, value in call.items() if name != "calls"} for call in calls]


LINES: list[list[str]] = [
    ["a"],
    ["a", "b", "", "ä", "-"],
    [],
    ["a\nb"],
    ["\udc80"],
    *(["a", "--text", word] for word in ("", "x", "  x ", "None", "\t", "\x00", "\udcff", "\u200b")),
    *(
        ["a", "--place", word]
        for word in ("", ".", "there", "nowhere", "-", "nowhere/x", "there/x", "x" * 5000, "a\x00")
    ),
    ["a", "--place", "closed"],
    ["a", "--places", "there", "--places", "closed"],
    ["a", "--places", "there", "--places", "nowhere"],
    *(["a", "--colour", word] for word in ("red", "dark-blue", "dark_blue", "RED", "", "xml")),
    ["a", "--other", "dark-blue"],
    *(["a", "--number", word] for word in ("2", "2.5", "-1", "x", "1_0", " 1", "nan", "inf", "1e3")),
    *(["a", "--port", word] for word in ("9", "10", "x", "1.0")),
    *(["a", "--span", word] for word in ("15m", "0", "x")),
    *(["a", "--pair", word] for word in ("4", "3", "x")),
    ["a", "--sure"],
    ["a", "--nonsense"],
]


@pytest.mark.parametrize("arguments", LINES, ids=ascii)
def test_a_word_becomes_what_typer_makes_of_it_or_is_refused_in_its_words(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("there", "closed"):
        Path(name).touch()
    monkeypatch.setattr("os.access", access(Path("closed")))  # root may read everything
    assert outcome(arguments, quick=True) == outcome(arguments, quick=False)


def access(closed: Path) -> Callable[[Any, int], bool]:
    return lambda path, mode: os.path.lexists(path) and Path(path) != closed


def test_where_typer_asks_for_something_else_it_has_its_own() -> None:
    command, _ = received(quick=True)
    option = next(one for one in command.params if one.name == "text")
    assert option.get_runtime_param().annotation is str


def test_where_typer_has_no_such_place_any_more_it_does_as_it_ever_does(monkeypatch: pytest.MonkeyPatch) -> None:
    command, _ = received(quick=False)
    older = SimpleNamespace()
    monkeypatch.setattr(command, "get_params", lambda _: [older])
    quickly_read(command, {})
    assert vars(older) == {}
