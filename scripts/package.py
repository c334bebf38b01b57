"""``make package``: build the sdist and the wheel in dist/, and test the wheel in a new environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import Request, urlopen

from dlsync import __version__
from scripts.demo import KEY, forget_settings, served

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
LOCK = ROOT / "requirements-server.lock"
SERVER_ONLY = ("httptools", "python-multipart", "starlette", "uvicorn")


def main() -> None:
    """Build both, install the wheel as docs/container.md does, and run it in an empty folder."""
    forget_settings()
    shutil.rmtree(DIST, ignore_errors=True)
    # build with the tools that the lock file pins, without a download
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT))
    with tempfile.TemporaryDirectory(prefix="dlsync-package-") as folder:
        os.chdir(folder)  # no folder `dlsync` hides the installed package here
        wheel = DIST / f"dlsync-{__version__}-py3-none-any.whl"
        dlsync = installed(wheel)
        try_commands(dlsync)
        pip("uninstall", "--yes", *SERVER_ONLY)
        expect("pip install 'SOURCE[server]'", run(dlsync, "serve", expected=1))
    print(f"{wheel.relative_to(ROOT)} works, with the server and without it")


def installed(wheel: Path) -> str:
    """Install the wheel and the pinned dependencies into a new environment, and return the path of dlsync."""
    run(sys.executable, "-m", "venv", "--without-pip", "venv")
    pip("install", "--no-deps", "--require-hashes", "--requirement", str(LOCK))
    pip("install", "--no-deps", str(wheel))
    pip("check")
    return str(Path("venv", "bin", "dlsync").absolute())


def pip(*arguments: str) -> None:
    """Run this environment's pip on the new environment, which needs no pip of its own."""
    run(sys.executable, "-m", "pip", "--quiet", "--python", "venv", *arguments)


def try_commands(dlsync: str) -> None:
    """Run commands that read data files of the wheel: samples, schemas, templates, the demo."""
    expect(f"dlsync {__version__}\n", run(dlsync, "--version"))
    run(dlsync, "init", "monitoring")
    expect("0 errors, 0 warnings", run(dlsync, "validate", "monitoring"))
    expect(f'"semanticVersion": "{__version__}"', run(dlsync, "validate", "monitoring", "--format", "sarif"))
    with served(dlsync, "serve", "--demo") as url:
        with urlopen(Request(f"{url}/orgs", headers={"Authorization": f"Bearer {KEY}"})) as answer:  # noqa: S310 - our own server
            expect("acme", answer.read().decode())
        os.environ |= {"DLSYNC_URL": url, "DLSYNC_API_KEY": KEY, "DLSYNC_ORG": "acme", "DLSYNC_ACCOUNT": "default"}
        expect("<svg", run(dlsync, "plan", "monitoring", "--format", "html"))


def run(*command: str, expected: int = 0) -> str:
    """Run a command and return its output; exit if its exit code is wrong."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != expected:
        sys.exit(f"package: {' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(text: str, printed: str) -> None:
    """Exit unless the output contains a text."""
    if text not in printed:
        sys.exit(f"package: expected {text!r} in:\n{printed}")


if __name__ == "__main__":
    main()
