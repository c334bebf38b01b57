"""Print the section of the changelog for the version of a tag, for .github/workflows/release.yml."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dlsync import __version__

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


def notes(tag: str, changelog: str) -> str:
    """Return the section of a version, without its heading.

    :param tag: ``v`` and the version, such as ``v0.1.0``.
    :raises ValueError: the tag is not dlsync's version, or the changelog has no dated section for it.
    """
    if tag != f"v{__version__}":
        raise ValueError(f"the tag is {tag}, but dlsync/__init__.py has the version {__version__}")
    heading = re.escape(__version__)
    section = re.search(rf"^## {heading} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not section or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section `## {__version__} - YYYY-MM-DD` with text")
    return f"{section[1].strip()}\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(notes(sys.argv[1], CHANGELOG.read_text(encoding="utf-8")))
    except ValueError as wrong:
        sys.exit(f"release: {wrong}")
