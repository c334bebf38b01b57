"""The parts of a release: the packages, the changelog, the workflows and the container."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest

from dlsync import __version__
from dlsync.files import yaml
from scripts.release import CHANGELOG, notes

ROOT = Path(__file__).parent.parent
NAME = f"dlsync-{__version__}"
ORDER = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
WORKFLOWS = [ROOT / ".github" / "workflows" / name for name in ("ci.yml", "release.yml")]
USES = re.compile(r"^ *- uses: (.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
RELEASED = (
    f"# Changelog\n\n## Unreleased\n\n## {__version__} - 2026-12-01\n\n### Added\n\n- All.\n\n## 0.0.1 - 2026-01-01\n"
)


def tool(name: str) -> str:
    """The path of a program that pip installs; some platforms have none."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    return path or pytest.skip(f"{name} is not installed")


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def sources() -> set[str]:
    """Return the files of the package that git tracks or would add."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "dlsync").stdout.split("\n")
    return {name for name in listed if (ROOT / name).is_file()}


def test_the_wheel_and_the_sdist_hold_exactly_the_expected_files(tmp_path: Path) -> None:
    built = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT))
    assert built.returncode == 0, built.stdout + built.stderr
    with tarfile.open(tmp_path / f"{NAME}.tar.gz") as sdist:
        source = {name.removeprefix(f"{NAME}/") for name in sdist.getnames()}
    with zipfile.ZipFile(tmp_path / f"{NAME}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"{NAME}.dist-info/METADATA").decode()
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert names == sources() | {f"{NAME}.dist-info/{name}" for name in about}
    assert {"dlsync/py.typed", "dlsync/schemas/rule.schema.json", "dlsync/render/templates/page.html"} <= names
    assert f"\nVersion: {__version__}\n" in metadata
    assert source == sources() | {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}


@pytest.mark.parametrize("lock", ["requirements-build.lock", "requirements-server.lock"])
def test_the_container_and_the_tests_run_with_the_same_versions(lock: str) -> None:
    tested, shipped = (
        set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", lock)
    )
    assert shipped
    assert shipped <= tested


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert notes(f"v{__version__}", RELEASED) == "### Added\n\n- All.\n"


@pytest.mark.parametrize("tag", [__version__, f"v{__version__}.1", "v0.0.1"])
def test_a_tag_of_another_version_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match=f"the tag is {re.escape(tag)}, but .* has the version {__version__}"):
        notes(tag, RELEASED)


@pytest.mark.parametrize("heading", ["## Unreleased", f"## {__version__}", f"## {__version__} - 2026-12-01\n\n## 0"])
def test_a_version_without_notes_or_without_a_date_is_refused(heading: str) -> None:
    with pytest.raises(ValueError, match=r"CHANGELOG\.md has no section"):
        notes(f"v{__version__}", f"{heading}\n\n### Added\n\n- All.\n")


def test_the_release_command_fails_for_a_wrong_tag() -> None:
    done = run(sys.executable, "-m", "scripts.release", "v0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("release: the tag is v0, but ")


def test_each_section_of_the_changelog_groups_its_changes_in_the_usual_order() -> None:
    for section in CHANGELOG.read_text(encoding="utf-8").split("\n## ")[1:]:
        groups = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert groups == [group for group in ORDER if group in groups]
        bullets = re.findall(r"^- .*(?:\n  .*)*", section, re.MULTILINE)
        assert [bullet for bullet in bullets if bullets.count(bullet) > 1] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_its_actions_and_limits_permissions_and_time_of_its_jobs(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    uses = USES.findall(text)
    assert uses
    assert [one for one in uses if not PINNED.fullmatch(one)] == []
    parsed = cast("dict[str, Any]", yaml.parse(text.encode()))
    assert parsed["permissions"] == {}
    assert parsed["concurrency"]["group"]
    assert all({"permissions", "timeout-minutes"} <= set(job) for job in parsed["jobs"].values())


def test_only_the_publish_job_has_an_id_token_and_it_checks_out_no_code() -> None:
    release = cast("dict[str, Any]", yaml.parse((ROOT / ".github/workflows/release.yml").read_bytes()))
    jobs = release["jobs"]
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert all("uses" in step and "checkout" not in step["uses"] for step in jobs["publish"]["steps"])


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    done = run(tool("zizmor"), "--offline", "--no-progress", "--color=never", "--persona=auditor", *map(str, WORKFLOWS))
    assert done.returncode == 0, done.stdout + done.stderr
