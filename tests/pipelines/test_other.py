"""The Jenkins and cron examples of docs/pipelines-other.md, run by a shell."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from dlsync import __version__
from tests.builders.commands import ROOT, TREE, by_hand, dlsync
from tests.builders.gitlab import BIN
from tests.builders.repositories import CONFIGURATION, git, repository
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.commands import Served

pytestmark = pytest.mark.untraced

PAGE = (ROOT / "docs" / "pipelines-other.md").read_text(encoding="utf-8")
STEP = re.compile(r"\bsh(?:\(returnStatus: true, script:)? '(.*?)'")
LIVE = "title: Live\npositions: []\n"
BROKEN = "title: [\n"


def block(language: str) -> str:
    found = re.search(f"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def env(server: Served) -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**server.account(), **CONFIGURATION, "PATH": path, "HOME": os.devnull}


def shell(folder: Path, env: dict[str, str], *arguments: str) -> tuple[int, str]:
    command = ["sh", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_steps_for_jenkins_validate_plan_and_apply(tree: Path, env: dict[str, str]) -> None:
    install, *steps = STEP.findall(block("groovy"))
    assert install.endswith('pip install --quiet "$DLSYNC_PACKAGE"')
    assert f"DLSYNC_PACKAGE = 'dlsync=={__version__}'" in block("groovy")
    codes = [shell(tree, env, "-c", step)[0] for step in steps]
    assert dict(zip(steps, codes, strict=True)) == {
        "dlsync validate --format junit > validate.xml || true": 0,
        "dlsync validate": 0,
        "dlsync plan --detailed-exitcode --out plan.html --out plan.json": 2,
        "dlsync apply plan.json --auto-approve --journal journal": 0,
    }
    assert shell(tree, env, "-c", steps[2])[0] == 0
    write_tree(tree, {"rules/load.yaml": BROKEN})
    assert [shell(tree, env, "-c", step)[0] for step in steps[1:3]] == [1, 1]
    assert "rules/load.yaml" in (tree / "plan.html").read_text()


@pytest.mark.parametrize(
    "pipeline",
    ["docs/pipelines-other.md", "dlsync/files/templates/gitlab-ci.yml", "dlsync/files/templates/github-action.yml"],
)
def test_each_pipeline_plans_once_and_writes_the_plan_as_html_and_json(pipeline: str) -> None:
    commands = re.findall(r"(?<![`#]) (dlsync plan (?:--|\"\$).*)", (ROOT / pipeline).read_text().replace("'", " "))
    [command] = commands
    assert {".html", ".json"} <= set(re.findall(r"--out \S*?(\.\w+)", command))


def test_the_cron_script_prints_nothing_unless_it_finds_drift(tmp_path: Path, env: dict[str, str]) -> None:
    settings = "".join(f"{name}: {env.pop(f'DLSYNC_{name.upper()}')}\n" for name in ("url", "org", "account"))
    clones: list[Path] = []
    for name, files in {"tree": TREE, "backup": {}}.items():
        first = repository(write_tree(tmp_path / f"{name}-first", {**files, "dlsync.yaml": settings}))
        clones.append(tmp_path / name)
        git(tmp_path, "clone", "--quiet", "--bare", str(first), f"{name}.git")
        git(tmp_path, "clone", "--quiet", f"{name}.git", name)
        git(clones[-1], "config", "user.name", "Ada")
        git(clones[-1], "config", "user.email", "ada@example.org")
    write_tree(tmp_path, {"key": env.pop("DLSYNC_API_KEY"), "nightly.sh": block("sh")})
    account = dict(line.split(": ") for line in settings.splitlines())
    live = {f"DLSYNC_{name.upper()}": value for name, value in account.items()} | {"DLSYNC_API_KEY": "changeme"}
    assert dlsync("apply", clones[0], "--auto-approve", env=live).code == 0

    def night() -> tuple[int, str]:
        return shell(tmp_path, env, "nightly.sh", *map(str, clones), "key")

    assert night() == (0, "")
    assert git(tmp_path / "backup.git", "show", "main:dashboards/web.yaml") == TREE["dashboards/web.yaml"].strip()
    by_hand(live, "PUT", "dashboards/web", LIVE)
    for _ in range(2):
        code, out = night()
        assert (code, "dashboard/web" in out, "Committed" in out) == (2, True, False)
        assert git(tmp_path / "backup.git", "log", "--format=%s").count("\n") == 2
    assert dlsync("apply", clones[0], "--auto-approve", env=live).code == 0
    assert night() == (0, "")
