"""``make demo``: dlsync shown at work, on a server of its own, with the example repository."""

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
    """Run the demo in a folder of its own; everything that was started is stopped at the end."""
    # the server and the database of the reader's shell are none of this: its applies would delete what is there
    for name in [name for name in os.environ if name.startswith("DLSYNC_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="dlsync-demo-") as folder, served() as url:
        shutil.copytree(EXAMPLE, Path(folder, "monitoring"))
        os.chdir(folder)
        # with a home of its own, where the cache of ETags goes
        os.environ |= {"DLSYNC_URL": url, "DLSYNC_API_KEY": KEY, "HOME": folder, "XDG_CACHE_HOME": f"{folder}/cache"}
        show(url)
    say("Done. The server is stopped and the folder is gone.")


def show(url: str) -> None:
    """Go once through what a team does with dlsync."""
    say("A tree of dashboards, rules and plugins, checked without a server:")
    dlsync("validate", "monitoring")
    say("What applying it would change on the server, as CI shows it on a pull request:")
    dlsync("plan", "monitoring", "--detailed-exitcode", expected=CHANGES)
    say("Apply it, as CI does on a merge:")
    dlsync("apply", "monitoring", "--auto-approve")
    say("Plan again: the plan was the truth, so there is nothing left to do.")
    dlsync("plan", "monitoring", "--detailed-exitcode")
    say("Somebody edits a dashboard on the server by hand ...")
    edit_by_hand(f"{url}/orgs/acme/accounts/default/dashboards/checkout")
    say("... and the next plan shows it, field by field.")
    dlsync("plan", "monitoring", "--detailed-exitcode", expected=CHANGES)
    say("The hand edit is worth keeping: export writes it into the file, comments and all.")
    before = Path("monitoring/dashboards/shop/checkout.yaml").read_text(encoding="utf-8").splitlines()
    dlsync("export", "monitoring")
    after = Path("monitoring/dashboards/shop/checkout.yaml").read_text(encoding="utf-8").splitlines()
    for old, new in zip(before, after, strict=True):
        if old != new:
            print(f"    - {old}\n    + {new}", flush=True)
    say("A backup of the whole account, into a new folder, which plans to nothing:")
    dlsync("export", "backup", "--org", "acme", "--account", "default", quiet=True)
    dlsync("plan", "backup", "--org", "acme", "--account", "default", "--detailed-exitcode")


def edit_by_hand(url: str) -> None:
    """Change one field of a dashboard past dlsync."""
    key = {"Authorization": f"Bearer {KEY}"}
    with urlopen(Request(url, headers={**key, "Accept": "application/yaml"})) as answer:  # noqa: S310 - our own server
        text = answer.read().decode().replace("period: 3600", "period: 7200")
    headers = {**key, "Content-Type": "application/yaml"}
    urlopen(Request(url, text.encode(), headers, method="PUT")).close()  # noqa: S310 - our own server


@contextmanager
def served() -> Iterator[str]:
    """Run ``dlsync serve`` on a free port and yield its URL."""
    say("A server of dlsync's own, in memory:\n$ dlsync serve")
    with subprocess.Popen([sys.executable, "-m", "dlsync", "serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            print(url, flush=True)
            yield url
        finally:
            server.terminate()


def dlsync(*arguments: str, expected: int = 0, quiet: bool = False) -> None:
    """Run a command as a user would, and stop the demo where it does not end as it should."""
    print(f"$ dlsync {' '.join(arguments)}", flush=True)
    stdout = subprocess.DEVNULL if quiet else None
    code = subprocess.run([sys.executable, "-m", "dlsync", *arguments], check=False, stdout=stdout).returncode
    if code != expected:
        sys.exit(f"demo: expected exit code {expected}, got {code}")


def say(text: str) -> None:
    """Print what comes next."""
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    main()
