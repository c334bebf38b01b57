"""``--format sarif``, ``junit`` and ``github`` of validate, plan and drift."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.commands import Outcome


def rules(done: Outcome) -> list[str]:
    """Return the rules of the results in a log."""
    return [one["ruleId"] for one in json.loads(done.out)["runs"][0]["results"]]


def errors(done: Outcome, form: str) -> list[str]:
    """Return the codes of the errors in an output that is one document."""
    if form == "sarif":
        return rules(done)
    if form == "junit":
        return [one.get("type", "") for one in ET.fromstring(done.out).iter("failure")]
    return [line.partition("title=")[2].partition("::")[0] for line in done.out.splitlines()]


def test_validate_prints_its_problems_with_files_from_the_root_of_the_repository(tree: Path) -> None:
    subprocess.run(("git", "init", "--quiet", str(tree.parent)), check=True)
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nowner: on\npositions: []\n"})
    done = dlsync("validate", tree, "--format", "github")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "::warning file=tree/dashboards/web.yaml,line=2,col=1,title=unknown-field::"
        "`owner` is not a known field\n"
        "::warning file=tree/dashboards/web.yaml,line=2,col=8,title=ambiguous-value::"
        "`on` has another value in YAML 1.1: put it in quotes\n"
    )


@pytest.mark.parametrize("form", ["sarif", "junit", "github"])
def test_a_failed_command_prints_one_document_with_the_error(tree: Path, env: dict[str, str], form: str) -> None:
    write_tree(tree, {"rules/load.yaml": "title: [\n"})
    for command in ("validate", "plan", "drift"):
        done = dlsync(command, tree, "--format", form, env=env)
        assert (done.code, errors(done, form)) == (1, ["invalid-yaml"]), command
    missing = dlsync("validate", tree / "missing", "--format", form)
    assert (missing.code, errors(missing, form)) == (1, ["run-failed"])


def test_plan_prints_deletes_and_held_changes(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    write_tree(applied, {"dashboards/web.yaml": DASHBOARD.replace("Web", "Site")})
    (applied / "rules/load.yaml").unlink()
    done = dlsync("plan", applied, "--format", "sarif", env=env)
    assert (done.code, rules(done)) == (0, ["change-held", "resource-deleted"])


def test_drift_prints_the_changed_field(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    done = dlsync("drift", applied, "--format", "github", env=env)
    assert (done.code, done.err) == (2, "")
    assert done.out == (
        "::error file=dashboards/web.yaml,line=1,title=changed-on-server::"
        'dashboard/web was changed on the server: title: "Web" -> "Shop"\n'
    )


def test_all_environments_are_one_document(tree: Path, env: dict[str, str]) -> None:
    write_tree(
        tree,
        {
            "dlsync.yaml": "environments:\n  a: {account: one}\n  b: {account: two}\n",
            "overlays/a/rules/load.yaml": "criteria: x\n",
        },
    )
    env = {name: value for name, value in env.items() if name != "DLSYNC_ACCOUNT"}
    done = dlsync("plan", tree, "--all-environments", "--format", "sarif", env=env)
    (run,) = json.loads(done.out)["runs"]
    found = [(one["ruleId"], one["message"]["text"].rpartition(" (")[2]) for one in run["results"]]
    assert (done.code, found) == (1, [("run-failed", "environment b)"), ("invalid-value", "environment a)")])


def test_findings_beyond_the_limit_of_sarif_are_reported_on_stderr(tmp_path: Path) -> None:
    links = "".join(f"p{number}: [web]\n" for number in range(5_001))
    done = dlsync("validate", write_tree(tmp_path, {"links.yaml": links}), "--format", "sarif")
    said = "warning: 1 of 5,001 findings are left out, warnings first: GitHub takes 5,000; --format json has all\n"
    assert (done.code, done.err, len(rules(done))) == (0, said, 5_000)
