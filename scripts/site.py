"""``make site``: build the documentation in build/site, with the Markdown of each page and llms.txt."""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "zensical.toml"
PROJECT = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]
HOME = "index.md"
# pages outside docs/, which the generator does not find
OUTSIDE = {"README.md": HOME, **{name: name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")}}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!\w+:)([^)#\s]+)((?:#[^)]*)?)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)([^)]+)\)")
LISTED = re.compile(r"^- \[[^\]]+\]\(([^)]+)\): (.*)$", re.MULTILINE)


def pages(navigation: list[Any]) -> list[tuple[str, str]]:
    """Return the title and path of each page of a navigation, in order."""
    found: list[tuple[str, str]] = []
    for entry in navigation:
        for title, below in entry.items():
            found += pages(below) if isinstance(below, list) else [(title, str(below))]
    return found


TITLES = {path: title for title, path in pages(PROJECT["nav"])}


def site_path(path: str) -> str | None:
    """Return the path in the site of a file of the repository; None if the site lacks it."""
    return OUTSIDE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)


def staged(text: str, path: str) -> str:
    """Rewrite the links of a page for its place in the site; a link whose text is its path gets the page's title.

    A link to something that the site lacks, such as a folder, becomes text.
    """

    def target(link: str) -> str | None:
        found = site_path(posixpath.normpath(posixpath.join(posixpath.dirname(path), link)))
        return found and posixpath.relpath(found, posixpath.dirname(site_path(path) or "") or ".")

    def linked(match: re.Match[str]) -> str:
        words, link, anchor = match.groups()
        if (found := target(link)) is None:
            return words
        return f"[{TITLES.get(found, words) if words == link else words}]({found}{anchor})"

    text = PICTURE.sub(lambda match: f"![{match[1]}]({target(match[2])})", text)
    return LINK.sub(linked, text)


def stage(folder: Path) -> None:
    """Copy the pages and their pictures into an empty folder."""
    shutil.copytree(ROOT / "docs", folder)
    for path in [*OUTSIDE, *(f"docs/{page.relative_to(folder).as_posix()}" for page in folder.rglob("*.md"))]:
        page = folder / str(site_path(path))
        page.write_text(staged((ROOT / path).read_text(encoding="utf-8"), path), encoding="utf-8")


def index(home: str) -> str:
    """Return llms.txt, a list of the pages for programs, with their descriptions from the first page (llmstxt.org)."""
    about = {path: f": {words}" for path, words in LISTED.findall(home)}
    lines = [f"# {PROJECT['site_name']}\n\n> {PROJECT['site_description']}\n\n"]
    for entry in PROJECT["nav"]:
        for title, below in entry.items():
            lines += [f"\n## {title}\n\n"] if isinstance(below, list) else []
            lines += [f"- [{name}]({path}){about.get(path, '')}\n" for name, path in pages([entry])]
    return "".join(lines)


def build(folder: Path = ROOT) -> Path:
    """Build the site in a folder with the configuration, and return its path.

    :raises SystemExit: the generator failed or warned, for example of a broken link.
    """
    source, site = Path(folder, PROJECT["docs_dir"]), Path(folder, PROJECT["site_dir"])
    for old in (source, site):
        shutil.rmtree(old, ignore_errors=True)
    stage(source)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    for path in TITLES:
        shutil.copy(source / path, site / path)
    (site / "llms.txt").write_text(index((source / HOME).read_text(encoding="utf-8")), encoding="utf-8")
    return site


if __name__ == "__main__":
    build()
