"""The validation of a tree in every environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.errors import SettingsError
from dlsync.files.settings import Options
from dlsync.operations.validate import validate as validate_resources
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

UNSET = "is not set: there is no"


def found(root: Path, files: dict[str, str], environment: str | None = None, **environ: str) -> list[str]:
    tree = validate_resources(write_tree(root, files), Options(environment=environment), environ)
    return [f"{one.severity} {one.file}:{one.line}: {one.message.partition(' is not set')[0]}" for one in tree.problems]


def dashboard(title: str) -> str:
    return f"title: {title}\npositions: []\n"


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ("variables: {x: A}", []),
        ("variables: {y: A}", ["error dashboards/web.yaml:1: ${var:x}"]),
        (
            "{variables: {x: A}, environments: {staging: {variables: {x: B}}, live: }}",
            [],
        ),
        (
            "environments: {staging: {variables: {x: B}}, live: }",
            ["error dashboards/web.yaml:1: ${var:x}"],
        ),
        (
            "environments: {a: {account: a, variables: {x: B}}, b: {account: b, variables: {x: C}}}",
            [],
        ),
        (
            "environments: {a: {account: a, variables: {x: B}}, b: {account: b}}",
            ["error dashboards/web.yaml:1: ${var:x}"],
        ),
        (
            "{account: base, environments: {a: {account: a, variables: {x: B}}}}",
            ["error dashboards/web.yaml:1: ${var:x}"],
        ),
    ],
)
def test_a_variable_must_be_set_in_every_environment_that_can_be_planned(
    tmp_path: Path, settings: str, problems: list[str]
) -> None:
    assert found(tmp_path, {"dlsync.yaml": settings, "dashboards/web.yaml": dashboard("${var:x}")}) == problems


@pytest.mark.parametrize("environment", [None, "dev"])
def test_the_error_about_an_unset_variable_names_the_environments_that_set_it(
    tmp_path: Path, environment: str | None
) -> None:
    settings = "{account: a, environments: {prod: {variables: {x: B}}, test: {variables: {x: C, y: 1}}, dev: {}, on: }}"
    write_tree(tmp_path, {"dlsync.yaml": settings, "dashboards/web.yaml": dashboard("${var:x}")})
    (error,) = validate_resources(tmp_path, Options(environment=environment)).errors
    assert error.message.endswith("there is no `x` in `variables` of dlsync.yaml, except with `-e prod`, `-e test`")


def test_an_error_of_a_single_environment_is_reported_once_with_its_name(tmp_path: Path) -> None:
    files = {
        "dlsync.yaml": "{environments: {a: , b: , c: }}",
        "dashboards/web.yaml": dashboard("Web"),
        "overlays/a/dashboards/web.yaml": "period: long\n",
        "overlays/c/dashboards/db.yaml": "period: 1\n",
    }
    tree = validate_resources(write_tree(tmp_path, files), Options(), {})
    assert [str(one).partition("; ")[0] for one in tree.errors] == [
        'overlays/a/dashboards/web.yaml:1:1: `period` is "long", expected a whole number of seconds (environment a)',
        (
            "overlays/c/dashboards/db.yaml:1: there is no dashboard `db` to change: rename or remove this file "
            "(environment c)"
        ),
    ]


def test_an_unset_environment_variable_is_an_error_only_in_a_chosen_environment(tmp_path: Path) -> None:
    files = {"dlsync.yaml": "environments: {a: }", "dashboards/web.yaml": dashboard("${env:HOOK}")}
    assert found(tmp_path, files) == ["warning dashboards/web.yaml:1: ${env:HOOK}"]
    assert found(tmp_path, files, HOOK="x") == []
    assert found(tmp_path, files, "a") == ["error dashboards/web.yaml:1: ${env:HOOK}"]
    assert found(tmp_path, files, DLSYNC_ENVIRONMENT="a") == ["error dashboards/web.yaml:1: ${env:HOOK}"]
    assert found(tmp_path, files, "a", HOOK="x") == []


def test_invalid_settings_do_not_prevent_the_check_of_other_files(tmp_path: Path) -> None:
    files = {"dlsync.yaml": "prune: some", "dashboards/web.yaml": "title: ${env:HOOK}\npositions: 1\n"}
    assert [one.partition(":")[0] for one in found(tmp_path, files)] == [
        "warning dashboards/web.yaml",
        "error dashboards/web.yaml",
        "error dlsync.yaml",
    ]


def test_an_unknown_environment_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names the environment `x`, but"):
        found(tmp_path, {}, "x")


@pytest.mark.parametrize(
    "settings", ["variables: {x: A\n", "prune: sometimes\nvariables: {x: A}\n", "environments: [\n"]
)
def test_invalid_settings_cause_no_false_errors_in_other_files(tmp_path: Path, settings: str) -> None:
    files = {
        "dlsync.yaml": settings,
        "dashboards/web.yaml": "title: ${var:x} and ${var:y}\nperiod: ${var:period}\npositions: []\n",
        "overlays/prod/dashboards/web.yaml": "title: P\n",
    }
    (problem,) = found(tmp_path, files)
    assert problem.startswith("error dlsync.yaml:")


def test_a_required_field_that_an_overlay_removes_is_an_error_of_the_overlay(tmp_path: Path) -> None:
    files = {
        "dlsync.yaml": "environments: {prod: {}}\n",
        "rules/web.yaml": "title: A\ncriteria: []\n",
        "overlays/prod/rules/web.yaml": "# ours\ntitle: null\n",
    }
    assert found(tmp_path, files, "prod") == [
        "error overlays/prod/rules/web.yaml:2: the document has no `title`: this removes it"
    ]


@pytest.mark.parametrize(
    ("settings", "is_error"),
    [
        ("{inventory: one.json, environments: {a: {account: x}, b: {account: y}}}", True),
        ("{inventory: one.json, environments: {a: {account: x}, b: {account: y, inventory: b.json}}}", False),
        ("{inventory: one.json, account: x, environments: {a: , b: }}", False),
        ("{environments: {a: {account: x}, b: {account: y}}}", False),
    ],
)
def test_environments_of_different_accounts_must_not_share_an_inventory_file(
    tmp_path: Path, settings: str, *, is_error: bool
) -> None:
    message = "the environments a, b have different accounts and one inventory file, one.json: "
    error = f"error dlsync.yaml:None: {message}give each an `inventory` of its own"
    assert found(tmp_path, {"dlsync.yaml": settings, "rules/r.yaml": "title: A\ncriteria: []\n"}) == [error] * is_error
