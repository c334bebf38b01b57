"""``make pictures``: generate the pictures of README.md and docs/html.md from a run with the example repository."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from dlsync.__main__ import main
from dlsync.server.run import running
from scripts.demo import EXAMPLE, KEY, edit_by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
COLUMNS = 100
SECONDS = 0.14  # between two lines of the recording
BACKGROUND, TEXT = (22, 24, 29), (215, 219, 226)
RED, GREEN, YELLOW = (242, 119, 122), (140, 200, 120), (240, 200, 100)
BLUE, MAGENTA, CYAN = (110, 165, 240), (200, 150, 225), (110, 200, 200)
THEME = TerminalTheme(BACKGROUND, TEXT, [BACKGROUND, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, TEXT])
# rich's own template loads fonts from another host
RECORDING = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="A run of dlsync">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
@keyframes show {{ from {{ opacity: 0; }} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none !important; }} }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Terminal(io.StringIO):
    """A terminal in memory, for output in colour."""

    def isatty(self) -> bool:
        """Return that this is a terminal."""
        return True


@contextmanager
def example() -> Iterator[str]:
    """Apply the example repository to a new server, in a temporary folder, and yield the server's URL."""
    with tempfile.TemporaryDirectory() as folder, running() as server, chdir(folder):
        settings = {"DLSYNC_URL": server.url, "DLSYNC_API_KEY": KEY, "TERM": "xterm"}
        shutil.copytree(EXAMPLE, "monitoring")
        with patch.dict(os.environ, settings):
            dlsync("apply monitoring --auto-approve")
            yield server.url


def recording(url: str) -> str:
    """Return the recording of a change in git, and of a change on the server, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)

    def shown(words: str, *commands: str) -> None:
        console.print(Text(f"# {words}", style="#8fa8c4"))
        for command in commands:
            console.print(Text(f"$ dlsync {command}", style="bold"))
            console.print(Text.from_ansi(dlsync(command).rstrip("\n")))
        console.print()

    edit("rules/cpu-busy.yaml", "threshold: 95", "threshold: 90")
    shown("A threshold was changed in git. CI shows the plan on the pull request:", "plan monitoring")
    shown("On merge, CI applies it:", "apply monitoring --auto-approve")
    edit_by_hand(f"{url}/orgs/acme/accounts/default/dashboards/checkout")
    shown("A dashboard was edited on the server. dlsync tells who changed what:", "drift monitoring")
    shown("Keep the edit: write it into the file.", "accept dashboard/checkout monitoring", "plan monitoring")
    return timed(console.export_svg(title="dlsync", theme=THEME, code_format=RECORDING, unique_id="dlsync"))


def timed(svg: str) -> str:
    """Animate a recording, so that its lines appear one after the other."""

    def later(match: re.Match[str]) -> str:
        return f'{match[0]} style="animation: show {(int(match[1]) + 1) * SECONDS:.2f}s step-end"'

    return re.sub(r'clip-path="url\(#dlsync-line-(\d+)\)"', later, svg)


def page(url: str) -> None:
    """Take screenshots of a plan in HTML, in light and in dark."""
    edit("dashboards/shop/checkout.yaml", "title: Orders on their way to the warehouse", "title: Orders on their way")
    edit(
        "dashboards/shop/checkout.yaml",
        "    row: 3\n    col: 1\n    size_x: 8",
        "    row: 3\n    col: 1\n    size_x: 5",
    )
    edit("rules/agent-down.yaml", "timeout: 300", "timeout: 600")
    Path("monitoring/dashboards/data/cache.yaml").unlink()
    text = dlsync("plan monitoring --format html").replace(url, "http://127.0.0.1:8080/api/v1")
    Path("plan.html").write_text(text, encoding="utf-8")
    with sync_playwright() as playwright:
        # chromium has no sandbox for root, as in a container
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            view = browser.new_page(viewport={"width": 1000, "height": 980}, color_scheme=scheme)
            view.goto(Path("plan.html").absolute().as_uri())
            view.screenshot(path=FOLDER / f"plan-{scheme}.png")


def edit(name: str, old: str, new: str) -> None:
    """Replace a text in a file."""
    file = Path("monitoring", name)
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise SystemExit(f"{name} has no {old!r}: correct scripts/pictures.py")
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def dlsync(command: str) -> str:
    """Run a command in this process, and return its output for a terminal."""
    with redirect_stdout(Terminal()) as output, redirect_stderr(io.StringIO()):
        main(command.split())
    return output.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with example() as address:
        (FOLDER / "demo.svg").write_text(recording(address), encoding="utf-8")
        page(address)
