"""``make package``: writes the sdist and the wheel into dist/, and tries the wheel in an environment of its own."""

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

from dlsync import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
LOCK = ROOT / "requirements-server.lock"
SERVER_ONLY = ("httptools", "python-multipart", "starlette", "uvicorn")
KEY = "changeme"


def main() -> None:
    """Build both, install the wheel as docs/container.md does, and use it in an empty folder."""
    # the server and the database of the shell are none of this
    for name in [name for name in os.environ if name.startswith("DLSYNC_")]:
        del os.environ[name]
    shutil.rmtree(DIST, ignore_errors=True)
    # what the lock file pins builds it: nothing else is downloaded
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT))
    with tempfile.TemporaryDirectory(prefix="dlsync-package-") as folder:
        os.chdir(folder)  # where no folder `dlsync` hides the wheel's
        wheel = DIST / f"dlsync-{__version__}-py3-none-any.whl"
        dlsync = installed(wheel)
        try_commands(dlsync)
        pip("uninstall", "--yes", *SERVER_ONLY)
        expect("pip install 'SOURCE[server]'", run(dlsync, "serve", expected=1))
    print(f"{wheel.relative_to(ROOT)} works, with the server and without it")


def installed(wheel: Path) -> str:
    """Install the wheel into a new environment, with only what its lock file pins, and return the path of dlsync."""
    run(sys.executable, "-m", "venv", "--without-pip", "venv")
    pip("install", "--no-deps", "--require-hashes", "--requirement", str(LOCK))
    pip("install", "--no-deps", str(wheel))
    pip("check")
    return str(Path("venv", "bin", "dlsync").absolute())


def pip(*arguments: str) -> None:
    """Run this environment's pip on the new one, which takes less time than to install another."""
    run(sys.executable, "-m", "pip", "--quiet", "--python", "venv", *arguments)


def try_commands(dlsync: str) -> None:
    """Run what reads the files that the wheel holds beside its modules: samples, schemas, templates, the demo."""
    expect(f"dlsync {__version__}\n", run(dlsync, "--version"))
    run(dlsync, "init", "monitoring")
    expect("0 errors, 0 warnings", run(dlsync, "validate", "monitoring"))
    expect(f'"semanticVersion": "{__version__}"', run(dlsync, "validate", "monitoring", "--format", "sarif"))
    with served(dlsync) as url:
        with urlopen(Request(f"{url}/orgs", headers={"Authorization": f"Bearer {KEY}"})) as answer:  # noqa: S310 - our own server
            expect("acme", answer.read().decode())
        os.environ |= {"DLSYNC_URL": url, "DLSYNC_API_KEY": KEY, "DLSYNC_ORG": "acme", "DLSYNC_ACCOUNT": "default"}
        expect("<svg", run(dlsync, "plan", "monitoring", "--format", "html"))


@contextmanager
def served(dlsync: str) -> Iterator[str]:
    """Run ``dlsync serve --demo`` on a free port and yield its URL."""
    with subprocess.Popen([dlsync, "serve", "--demo"], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.terminate()


def run(*command: str, expected: int = 0) -> str:
    """Run a command, return what it prints, and stop where it does not end as it should."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != expected:
        sys.exit(f"package: {' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(text: str, printed: str) -> None:
    """Stop where a command did not print a text."""
    if text not in printed:
        sys.exit(f"package: expected {text!r} in:\n{printed}")


if __name__ == "__main__":
    main()
