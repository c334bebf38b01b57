"""The pictures of the documentation show what dlsync prints."""

from __future__ import annotations

from scripts.pictures import FOLDER, example, recording

LARGEST = 150_000  # bytes


def test_the_recording_shows_what_the_commands_print() -> None:
    with example() as url:
        assert recording(url) == (FOLDER / "demo.svg").read_text(encoding="utf-8"), "run `make pictures`"


def test_the_recording_loads_no_external_resources() -> None:
    svg = (FOLDER / "demo.svg").read_text(encoding="utf-8")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_pictures_are_small() -> None:
    assert [one.name for one in FOLDER.iterdir() if one.stat().st_size > LARGEST] == []
