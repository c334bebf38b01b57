"""``dlsync validate``: checks the files offline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import Terminal, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "warning: no resources here; expected files in plugins/, dashboards/, rules/ of the directory\n"


def test_validate_needs_no_settings_and_prints_the_number_of_resources(tree: Path) -> None:
    done = dlsync("validate", tree)
    assert (done.code, done.out, done.err, done.asked) == (0, "3 resources: 0 errors, 0 warnings.\n", "", ())


def test_every_problem_is_printed_with_its_file_line_and_column(tree: Path) -> None:
    write_tree(
        tree,
        {
            "dlsync.yaml": "org: [acme]\n",
            "dashboards/web.yaml": "title: Web\npositions: {}\ncolour: red\n",
            "rules/load.yaml": "title: [\n",
        },
    )
    done = dlsync("validate", tree)
    assert done.code == 1
    assert [line.split(" ", 2)[:2] for line in done.out.splitlines()[:-1]] == [
        ["dashboards/web.yaml:2:1:", "error:"],
        ["dashboards/web.yaml:3:1:", "warning:"],
        ["dlsync.yaml:1:1:", "error:"],
        ["rules/load.yaml:2:1:", "error:"],
    ]
    assert done.out.endswith("3 errors, 1 warning.\n")
    assert done.err == ""


def test_json_is_one_document_with_the_summary_and_the_problems(tree: Path) -> None:
    write_tree(tree, {"rules/load.yaml": "title: [\n"})
    done = dlsync("validate", "--format", "json", tree)
    document = json.loads(done.out)
    assert (done.code, done.err) == (1, "")
    assert document["summary"] == {"resources": 2, "error": 1, "warning": 0}
    assert [(one["file"], one["line"], one["severity"]) for one in document["problems"]] == [
        ("rules/load.yaml", 2, "error")
    ]


def test_a_misnamed_file_is_a_warning_in_json_too(tree: Path) -> None:
    write_tree(tree, {"rules/two.YAML": "title: Two\n", "dlsync.yml": "prune: none\n"})
    done = dlsync("validate", "--format", "json", tree)
    problems = json.loads(done.out)["problems"]
    assert done.code == 0
    assert [(one["file"], one["severity"]) for one in problems] == [
        ("dlsync.yml", "warning"),
        ("rules/two.YAML", "warning"),
    ]


def test_warnings_alone_exit_with_0(tree: Path) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\npositions: []\ncolour: red\n"})
    assert dlsync("validate", tree).code == 0


def test_an_empty_tree_is_a_warning_that_names_the_expected_folders(tmp_path: Path) -> None:
    done = dlsync("validate", tmp_path)
    assert (done.code, done.out) == (
        0,
        f"{EMPTY}0 resources: 0 errors, 1 warning.\n",
    )


def test_output_is_styled_on_a_terminal(tree: Path) -> None:
    assert dlsync("validate", tree, out=Terminal()).out == "\x1b[1m3 resources: 0 errors, 0 warnings.\x1b[0m\n"


def test_references_resolve_from_the_chosen_environment_and_from_environment_variables(tree: Path) -> None:
    write_tree(
        tree,
        {
            "dlsync.yaml": "environments: {live: {variables: {size: 60}}}\n",
            "dashboards/web.yaml": "title: ${env:TITLE}\nperiod: ${var:size}\npositions: []\n",
        },
    )
    done = dlsync("validate", tree, "-e", "live", env={"TITLE": "Web"})
    assert (done.code, done.out) == (0, "3 resources: 0 errors, 0 warnings.\n")
    assert dlsync("validate", tree, env={"TITLE": "Web", "DLSYNC_ENVIRONMENT": "live"}).code == 0
    lacking = dlsync("validate", tree)
    assert lacking.code == 1
    assert "dashboards/web.yaml:1:1: warning: " in lacking.out
    assert "dashboards/web.yaml:2:1: error: " in lacking.out


TOKEN = "a3d5f7h9j1l2n4p6q8s0t2v4w6"
HOOK = f"https://chat.acme.net/hooks/{TOKEN}"
EXPOSED = {
    "dlsync.yaml": f"variables:\n  hook: {HOOK}\nenvironments:\n  prod:\n",
    "rules/load.yaml": f"title: Load\ncriteria: []\nactions:\n  - emails: [a@acme.net]\n    message: {HOOK}\n",
    "overlays/prod/rules/load.yaml": f"title: {HOOK}\n",
    "plugins/disk.meta.yaml": f"params: --url {HOOK} --password {TOKEN}\n",
    "plugins/disk.sh": "#!/bin/sh\nexport HOOK=https://hooks.slack.com/services/T0/B0/" + TOKEN + "\n",
    "links.yaml": f"disk: [web, '{HOOK}']\n",
    "packs/web/plugins/http.sh": "#!/bin/sh\n",
    "packs/web/plugins/http.meta.yaml": f"params: {HOOK}\n",
}
IN_FIELD = "(a URL with a token in its path): put it into the environment as ${env:NAME}"
IN_SETTINGS = (
    "(a URL with a token in its path): put it into the environment, and ${env:NAME} into resources: "
    "this file cannot refer to the environment"
)
IN_SCRIPT = "keep it out of the script; the parameters of a plugin can hold ${env:NAME}"


def test_a_likely_secret_in_any_file_is_a_warning_that_does_not_show_the_secret(tree: Path) -> None:
    write_tree(tree, EXPOSED)
    done = dlsync("validate", tree)
    assert [line for line in done.out.splitlines() if "secret" in line] == [
        f"dlsync.yaml:2:3: warning: `variables.hook` looks like a secret {IN_SETTINGS}",
        f"links.yaml:1:13: warning: `disk[1]` looks like a secret {IN_FIELD}",
        f"overlays/prod/rules/load.yaml:1:1: warning: `title` looks like a secret {IN_FIELD} (environment prod)",
        f"packs/web/plugins/http.meta.yaml:1:1: warning: `params` looks like a secret {IN_FIELD}",
        f"plugins/disk.meta.yaml:1:1: warning: `params` looks like a secret {IN_FIELD}",
        f"plugins/disk.sh:2:52: warning: looks like a secret (a Slack webhook): {IN_SCRIPT}",
        f"rules/load.yaml:5:5: warning: `actions[0].message` looks like a secret {IN_FIELD}",
    ]
    told = json.loads(dlsync("validate", tree, "--format", "json").out)["problems"]
    assert {"file": "rules/load.yaml", "line": 5, "column": 5}.items() <= told[-1].items()
    assert TOKEN not in done.out + done.err + json.dumps(told)
    assert done.code == 0


def test_a_backup_of_the_old_client_gets_no_warning_of_likely_secrets(tmp_path: Path) -> None:
    write_tree(tmp_path, {"links/1.json": '{"plugin": "a", "tags": ["b"]}', "dashboards/a.yaml": f"title: {HOOK}\n"})
    # because a backup cannot contain references
    assert "secret" not in dlsync("validate", tmp_path).out
