"""Parsing of the arguments of a command into resources, a run and a tree."""

from pathlib import Path

import pytest

from dlsync.cli.apply import parse_run
from dlsync.cli.options import parse_resources
from dlsync.errors import SettingsError
from dlsync.model import Address
from tests.builders.trees import write_tree

RUN = "20261125T101010Z-0a1b2c"


def test_an_argument_that_names_no_resources_is_the_tree() -> None:
    targets, directory = parse_resources(["rule/*", "team", "dashboard/web"])
    assert directory == Path("team")
    assert targets.admits(Address("rule", "x"))
    assert targets.admits(Address("dashboard", "web"))
    assert not targets.admits(Address("dashboard", "db"))
    assert parse_resources(["rule/*"])[1] == Path()


def test_of_two_arguments_that_name_no_resources_the_error_names_the_first() -> None:
    with pytest.raises(SettingsError, match="`rulse` names no resources"):
        parse_resources(["rulse", "team"])


@pytest.mark.parametrize("arguments", [["rules/web"], ["dashboard/web", "rules/web"]])
def test_a_misspelt_kind_is_not_taken_for_a_folder(arguments: list[str]) -> None:
    with pytest.raises(SettingsError, match="`rules/web` names no resources") as caught:
        parse_resources(arguments)
    assert caught.value.hint == "Did you mean rule/web?"
    assert parse_resources(["/no/folder"])[1] == Path("/no/folder")


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("web-cpu", "dashboard/web-cpu or rule/web-cpu"),
        ("db-cup", "rule/db-cpu"),
        ("rule", "rule/*"),
        ("rules/db-cpu.yaml", "rule/db-cpu"),
        ("other", "*/other"),
    ],
)
def test_a_name_without_a_kind_is_an_error_that_suggests_the_nearest_resources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, hint: str
) -> None:
    files = dict.fromkeys(("rules/web-cpu.yaml", "rules/db-cpu.yaml", "dashboards/web-cpu.yaml"), "")
    monkeypatch.chdir(write_tree(tmp_path, files))
    for arguments in ([argument], [argument, str(tmp_path)]):
        with pytest.raises(SettingsError, match=f"`{argument}` names no resources") as caught:
            parse_resources(arguments, required=True)
        assert caught.value.hint == f"Did you mean {hint}?"
    assert parse_resources(["rules"], required=True)[1] == Path("rules")


def test_without_a_readable_folder_the_suggestion_is_a_pattern_for_any_kind(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_resources(["web-cpu", str(tmp_path / "none")])
    assert caught.value.hint == "Did you mean */web-cpu?"


def test_a_run_and_a_tree_come_in_any_order(tmp_path: Path) -> None:
    assert parse_run([RUN, str(tmp_path)]) == parse_run([str(tmp_path), RUN]) == (RUN, tmp_path)
    assert parse_run([]) == ("", Path())


@pytest.mark.parametrize("arguments", [[RUN, RUN], ["a", "b"], ["no such folder"]])
def test_two_runs_two_trees_or_a_missing_folder_are_an_error(arguments: list[str]) -> None:
    with pytest.raises(SettingsError):
        parse_run(arguments)
