"""Which resources, which run and which tree the arguments of a command mean."""

from pathlib import Path

import pytest

from dlsync.cli.apply import parse_run
from dlsync.cli.options import parse_resources
from dlsync.errors import SettingsError
from dlsync.model import Address

RUN = "20261125T101010Z-0a1b2c"


def test_what_names_no_resources_is_the_tree() -> None:
    targets, directory = parse_resources(["rule/*", "team", "dashboard/web"])
    assert directory == Path("team")
    assert targets.admits(Address("rule", "x"))
    assert targets.admits(Address("dashboard", "web"))
    assert not targets.admits(Address("dashboard", "db"))
    assert parse_resources(["rule/*"])[1] == Path()


def test_of_several_that_name_no_resources_the_first_is_what_is_wrong() -> None:
    with pytest.raises(SettingsError, match="`rulse` names no resources"):
        parse_resources(["rulse", "team"])


@pytest.mark.parametrize("arguments", [["rules/web"], ["dashboard/web", "rules/web"]])
def test_a_misspelt_kind_is_not_taken_for_a_folder(arguments: list[str]) -> None:
    with pytest.raises(SettingsError, match="`rules/web` names no resources") as caught:
        parse_resources(arguments)
    assert caught.value.hint == "Did you mean rule/web?"
    assert parse_resources(["/no/folder"])[1] == Path("/no/folder")


def test_a_run_and_a_tree_come_in_any_order(tmp_path: Path) -> None:
    assert parse_run([RUN, str(tmp_path)]) == parse_run([str(tmp_path), RUN]) == (RUN, tmp_path)
    assert parse_run([]) == ("", Path())


@pytest.mark.parametrize("arguments", [[RUN, RUN], ["a", "b"], ["no such folder"]])
def test_what_is_no_run_and_no_tree_is_an_error(arguments: list[str]) -> None:
    with pytest.raises(SettingsError):
        parse_run(arguments)
