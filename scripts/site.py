"""``make site``: builds the documentation site into build/site, with a Markdown twin of each page and llms.txt."""

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
# pages outside docs/, which would be out of the generator's sight
OUTSIDE = {"README.md": HOME, **{name: name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")}}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!\w+:)([^)#\s]+)((?:#[^)]*)?)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)([^)]+)\)")
LISTED = re.compile(r"^- \[[^\]]+\]\(([^)]+)\): (.*)$", re.MULTILINE)


def pages(navigation: list[Any]) -> list[tuple[str, str]]:
    """Return the title and the path of each page of a navigation, in its order."""
    found: list[tuple[str, str]] = []
    for entry in navigation:
        for title, below in entry.items():
            found += pages(below) if isinstance(below, list) else [(title, str(below))]
    return found


TITLES = {path: title for title, path in pages(PROJECT["nav"])}


def site_path(path: str) -> str | None:
    """Return where the site has a file of the repository, if it has it."""
    return OUTSIDE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)


def staged(text: str, path: str) -> str:
    """Rewrite the links of a page for its place in the site; a path as a link's words becomes the page's title.

    What the site does not have, such as a folder, is named without a link.
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
    """Return llms.txt: the pages with what the first page says of each, for readers that are programs (llmstxt.org)."""
    about = {path: f": {words}" for path, words in LISTED.findall(home)}
    lines = [f"# {PROJECT['site_name']}\n\n> {PROJECT['site_description']}\n\n"]
    for entry in PROJECT["nav"]:
        for title, below in entry.items():
            lines += [f"\n## {title}\n\n"] if isinstance(below, list) else []
            lines += [f"- [{name}]({path}){about.get(path, '')}\n" for name, path in pages([entry])]
    return "".join(lines)


def build(folder: Path = ROOT) -> Path:
    """Build the site in a folder that holds the configuration, and return where it is.

    :raises SystemExit: the generator failed or warned, such as of a link that leads nowhere.
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
