"""Pages of Markdown, parsed as CommonMark with tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tests.builders.commands import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")] + DOCS


@dataclass(frozen=True)
class Parsed:
    """A parsed page."""

    tokens: list[Token]

    def all(self, kind: str) -> Iterator[Token]:
        """Yield the tokens of a kind, also those within a line."""
        for token in self.tokens:
            yield from (one for one in (token, *(token.children or ())) if one.type == kind)

    @property
    def links(self) -> list[str]:
        """The targets of links and pictures within the project."""
        targets = [str(token.attrs["href"]) for token in self.all("link_open")]
        targets += [str(token.attrs["src"]) for token in self.all("image")]
        return [target for target in targets if not re.match(r"\w+:", target)]

    @property
    def anchors(self) -> set[str]:
        """The anchors of the headings on a code host."""
        found: set[str] = set()
        for token, after in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "heading_open":
                words = "".join(
                    child.content for child in after.children or () if child.type in {"text", "code_inline"}
                )
                slug = re.sub(r"[^\w -]", "", words).lower().replace(" ", "-")
                found.add(next(one for one in (slug, *(f"{slug}-{n}" for n in range(1, 100))) if one not in found))
        return found


def parsed(page: Path) -> Parsed:
    """Read and parse a page."""
    return Parsed(MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")))
