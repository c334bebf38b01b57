"""``make demo``: show dlsync at work, with a server and the example repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parent.parent / "example-repo"
KEY = "changeme"
CHANGES = 2


def main() -> None:
    """Run the demo in a temporary folder, and stop the server at the end."""
    forget_settings()
    say("Start a server in memory:\n$ dlsync serve")
    with (
        tempfile.TemporaryDirectory(prefix="dlsync-demo-") as folder,
        served(sys.executable, "-m", "dlsync", "serve") as url,
    ):
        print(url, flush=True)
        shutil.copytree(EXAMPLE, Path(folder, "monitoring"))
        os.chdir(folder)
        # a separate home folder, for the cache of ETags
        os.environ |= {"DLSYNC_URL": url, "DLSYNC_API_KEY": KEY, "HOME": folder, "XDG_CACHE_HOME": f"{folder}/cache"}
        show(url)
    say("Done. The server is stopped, and the folder deleted.")


def show(url: str) -> None:
    """Run the commands that a team uses."""
    say("Check a tree of dashboards, rules and plugins, without a server:")
    dlsync("validate", "monitoring")
    say("Show what an apply would change on the server, as CI does on a pull request:")
    dlsync("plan", "monitoring", "--detailed-exitcode", expected=CHANGES)
    say("Apply it, as CI does on a merge:")
    dlsync("apply", "monitoring", "--auto-approve")
    say("Plan again: the server matches the files, so there are no changes.")
    dlsync("plan", "monitoring", "--detailed-exitcode")
    say("Someone edits a dashboard on the server ...")
    edit_by_hand(f"{url}/orgs/acme/accounts/default/dashboards/checkout")
    say("... and the next plan shows the changed field.")
    dlsync("plan", "monitoring", "--detailed-exitcode", expected=CHANGES)
    say("Keep the edit: export writes it into the file, and keeps comments.")
    before = Path("monitoring/dashboards/shop/checkout.yaml").read_text(encoding="utf-8").splitlines()
    dlsync("export", "monitoring")
    after = Path("monitoring/dashboards/shop/checkout.yaml").read_text(encoding="utf-8").splitlines()
    for old, new in zip(before, after, strict=True):
        if old != new:
            print(f"    - {old}\n    + {new}", flush=True)
    say("Back up the whole account into a new folder; a plan of it has no changes:")
    dlsync("export", "backup", "--org", "acme", "--account", "default", quiet=True)
    dlsync("plan", "backup", "--org", "acme", "--account", "default", "--detailed-exitcode")


def edit_by_hand(url: str) -> None:
    """Change a field of a dashboard without dlsync."""
    key = {"Authorization": f"Bearer {KEY}"}
    with urlopen(Request(url, headers={**key, "Accept": "application/yaml"})) as answer:  # noqa: S310 - our own server
        text = answer.read().decode().replace("period: 3600", "period: 7200")
    headers = {**key, "Content-Type": "application/yaml"}
    urlopen(Request(url, text.encode(), headers, method="PUT")).close()  # noqa: S310 - our own server


def forget_settings() -> None:
    """Unset variables of dlsync, which may name a server whose resources an apply would delete."""
    for name in [name for name in os.environ if name.startswith("DLSYNC_")]:
        del os.environ[name]


@contextmanager
def served(*command: str) -> Iterator[str]:
    """Run a server during this block, and yield the URL that it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.terminate()


def dlsync(*arguments: str, expected: int = 0, quiet: bool = False) -> None:
    """Run a command as a user would; end the demo if its exit code is wrong."""
    print(f"$ dlsync {' '.join(arguments)}", flush=True)
    stdout = subprocess.DEVNULL if quiet else None
    code = subprocess.run([sys.executable, "-m", "dlsync", *arguments], check=False, stdout=stdout).returncode
    if code != expected:
        sys.exit(f"demo: expected exit code {expected}, got {code}")


def say(text: str) -> None:
    """Print a heading for the next step."""
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    main()
