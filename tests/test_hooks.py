"""The pre-commit hooks of this repository, run by their entries as pre-commit runs them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dlsync.files import yaml
from tests.builders.commands import dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    import pytest

MANIFEST = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"


def hooks() -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in cast("list[dict[str, Any]]", yaml.parse(MANIFEST.read_bytes()))}


def test_each_hook_checks_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"rules/load.yaml": "title:   Load\ncriteria: []\n", "rules/bad.yaml": "title: [\n"})
    monkeypatch.chdir(tmp_path)
    found = hooks()
    assert list(found) == ["dlsync-validate", "dlsync-fmt"]
    for hook in found.values():
        program, *arguments = shlex.split(hook["entry"])
        assert (program, hook["language"], hook["pass_filenames"]) == ("dlsync", "python", False)
        assert dlsync(*arguments).code == dlsync(*arguments, tmp_path).code == 1
    assert (tmp_path / "rules" / "load.yaml").read_text() == "title: Load\ncriteria: []\n"


def test_the_validate_hook_shows_warnings_when_it_passes(tmp_path: Path) -> None:
    write_tree(tmp_path, {"monitoring/rules/bad.yaml": "title: [\n"})
    done = dlsync("validate", tmp_path)
    assert done.code == 0
    assert "warning: no resources here" in done.out + done.err
    assert hooks()["dlsync-validate"]["verbose"]  # a hook that passes is silent without it


def test_the_fmt_hook_runs_only_for_files_of_dlsync() -> None:
    pattern = hooks()["dlsync-fmt"]["files"]
    for file in (
        "dashboards/a.yaml",
        "monitoring/rules/team/a.yaml",
        "links.yaml",
        "m/dlsync.yaml",
        "overlays/s/rules/a.yaml",
    ):
        assert re.search(pattern, file)
    assert not any(re.search(pattern, file) for file in ("README.md", "src/my-links.yaml", "myrules/a.yaml"))
